"""Answers what browsers ask of the listening room; everything they send is checked here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from gradio.data_classes import FileData
from gradio.utils import get_upload_folder, is_in_or_equal

from comparisons.blind import BatchOffer, Offer, batch_offers, make_pooled_test, make_test, offers, titled
from comparisons.intake import take_in
from comparisons.listening_kinds import KINDS
from comparisons.outcomes import outcome
from comparisons.store import Store
from comparisons.trials import cast, heard_names, keys_of, order_for
from comparisons.vote_tables import COLUMNS, rows_of, webmushra_of, write_table
from comparisons.votes import VoteRefused, Votes
from engine.audio import Audio
from engine.contract import EngineError
from engine.tasks import TASKS
from ui.downloads import fresh_folder
from ui.forest import results_of
from ui.listen_sounds import HandedOut, reference_of
from ui.listen_state import EngineName, ListenState, OfferLine, Sound, TestLine, Trial

MOST_ENGINES_ASKED, MOST_COMPARISONS_ASKED = 50, 200
MOST_REFERENCES = 12


class Listening:
    """Answers what browsers ask. Which engine is A stays here until the listener has voted in every trial."""

    def __init__(self, store_for: Callable[[], Store], votes_for: Callable[[], Votes] | None = None) -> None:
        self.store_for, self._given, self._opened = store_for, votes_for, {}
        self._handed = HandedOut()

    def votes(self) -> Votes:
        """The votes beside the history that is open now."""
        if self._given is not None:
            return self._given()
        folder = self.store_for().folder
        if folder not in self._opened:
            self._opened[folder] = Votes(folder)
        return self._opened[folder]

    def answer(self, data: Any, session: str | None) -> ListenState:
        """The state for `data`, which anybody may have sent. What cannot be done becomes a message."""
        data = data if isinstance(data, dict) else {}
        doing = str(data.get("do"))
        steps = {"make": self._make, "open": self._open, "vote": self._vote, "results": self._results}
        try:
            state = steps[doing](data, session) if doing in steps else self._home(session)
        except EngineError as error:
            state = self._home(session)
            state.message, state.tone = str(error), "bad"
        number = data.get("number")
        state.number = number if isinstance(number, int) and 0 <= number < 2**31 else 0
        return state

    def _home(self, session: str | None) -> ListenState:
        store = self.store_for()
        lines = [*map(_batch_line, batch_offers(store, session)), *map(_offer_line, offers(store, session))]
        tests = [
            TestLine(
                id=test["test_id"],
                title=titled(test),
                kind=KINDS[test["kind"]].title,
                detail=f"{_count(test['listeners'], 'listener')} · {_count(test['votes'], 'vote')} · {_when(test['created_at'])}",
            )
            for test in self.votes().tests(session)
        ]
        return ListenState(view="home", offers=lines, tests=tests, owner=True)

    def _make(self, data: Mapping[str, Any], session: str | None) -> ListenState:
        """A test of one comparison (`data["comparison"]`), of several (`comparisons`) or of a dataset run (`batch`)."""
        engines, chosen, rounds, length = (data.get(name) for name in ("engines", "comparisons", "rounds", "length"))
        share, batch_id = data.get("share", 0.5), data.get("batch")
        settings = {
            "engine_ids": [str(each)[:200] for each in engines[:MOST_ENGINES_ASKED]] if isinstance(engines, list) else (),
            "share": share if isinstance(share, int | float) else 0.0,
            "references": _references(data.get("references")),
            "session": session,
        }
        kind = str(data.get("kind"))
        if isinstance(chosen, list) or isinstance(batch_id, str):
            test_id = make_pooled_test(
                self.store_for(),
                self.votes(),
                [str(each)[:200] for each in chosen[:MOST_COMPARISONS_ASKED]] if isinstance(chosen, list) else [],
                kind,
                batch_id=batch_id[:200] if isinstance(batch_id, str) else None,
                length=length if isinstance(length, int) else 20,
                **settings,
            )
        else:
            comparison_id = str(data.get("comparison"))[:200]
            rounds = rounds if isinstance(rounds, int) else None
            test_id = make_test(self.store_for(), self.votes(), comparison_id, kind, rounds=rounds, **settings)
        state = self._open({"test": test_id}, session)
        state.message = "The test is made. Send its link to others, or listen yourself."
        return state

    def _open(self, data: Mapping[str, Any], session: str | None) -> ListenState:
        votes = self.votes()
        test = votes.test(data.get("test"))
        listener = votes.listener(test["test_id"], data.get("listener"))
        if listener is None:
            token = votes.join(test["test_id"], lambda number: order_for(test, number))
            listener = votes.listener(test["test_id"], token)
        return self._next(test, listener, session)

    def _next(self, test: Mapping[str, Any], listener: Mapping[str, Any], session: str | None) -> ListenState:
        done = {vote["trial"] for vote in self.votes().votes(test["test_id"], listener["token"])}
        waiting = [number for number in range(len(listener["trials"])) if number not in done]
        if not waiting:
            return self._shown(test, listener, session)
        trial = listener["trials"][waiting[0]]
        files = self._handed.files(self.votes(), test, listener, waiting[0])
        sounds = [
            Sound(label=name, file=_file(path), seconds=test["stimuli"][key]["seconds"])
            for name, path, key in zip(heard_names(trial), files, keys_of(trial), strict=False)
        ]
        reference, of = reference_of(test, trial), test["stimuli"][trial["sounds"][0]]
        return ListenState(
            view="trial",
            **_head(test, listener, session),
            trial=Trial(
                number=waiting[0],
                place=len(done) + 1,
                of=len(listener["trials"]),
                kind=test["kind"],
                question=KINDS[test["kind"]].question + (f" ({trial['group']})" if trial["group"] != "output" else ""),
                input=test["inputs"][of["input"]] if "inputs" in test else "",
                answers=list(KINDS[test["kind"]].answers),
                sounds=sounds,
                reference=None
                if reference is None
                else Sound(label="Reference", file=_file(files[-1]), seconds=test["stimuli"][reference]["seconds"]),
                share=test["share"],
                restart=test["task"] in ("tts", "audio_lm"),
            ),
        )

    def _vote(self, data: Mapping[str, Any], session: str | None) -> ListenState:
        votes = self.votes()
        test = votes.test(data.get("test"))
        listener = votes.listener(test["test_id"], data.get("listener"))
        if listener is None:
            raise VoteRefused("this page was open for too long: open the link again")
        trial = data.get("trial")
        elapsed_s = self._handed.elapsed_s(test["test_id"], listener["token"], trial)
        message = ""
        try:
            cast(votes, test, listener, trial, data.get("choice"), data.get("heard"), elapsed_s)
        except VoteRefused as error:
            message = str(error)
        state = self._next(test, listener, session)
        if message:
            state.message, state.tone = message[0].upper() + message[1:] + ".", "bad"
        return state

    def _results(self, data: Mapping[str, Any], session: str | None) -> ListenState:
        votes = self.votes()
        test = votes.test(data.get("test"))
        listener = votes.listener(test["test_id"], data.get("listener"))
        self._check_may_see(test, listener, session)
        return self._shown(test, listener, session)

    def _check_may_see(self, test: Mapping[str, Any], listener: Mapping[str, Any] | None, session: str | None) -> None:
        """A listener who still has questions never; one who has none, and the test's owner, always."""
        if listener is not None:
            done = len(self.votes().votes(test["test_id"], listener["token"]))
            if done < len(listener["trials"]):
                raise VoteRefused(f"the names stay hidden until you have answered all {len(listener['trials'])} questions")
        elif not _owns(test, session):
            raise VoteRefused("only who made this test, or has answered it, sees its results")

    def _shown(self, test: Mapping[str, Any], listener: Mapping[str, Any] | None, session: str | None) -> ListenState:
        names = [
            (
                f"{place}: {', '.join(heard_names(trial))}",
                ", ".join(test["stimuli"][key]["engine_name"] for key in keys_of(trial)),
            )
            for place, trial in enumerate(listener["trials"] if listener else (), 1)
        ]
        results = results_of(test["kind"], outcome(self.votes(), test), names)
        return ListenState(view="results", **_head(test, listener, session), results=results, done=True)

    def export(self, data: Any, session: str | None) -> Path:
        """A CSV with every vote of a test; `data["kind"]` is "csv" or "webmushra". Raises VoteRefused."""
        data = data if isinstance(data, dict) else {}
        votes = self.votes()
        test = votes.test(data.get("test"))
        self._check_may_see(test, votes.listener(test["test_id"], data.get("listener")), session)
        web = data.get("kind") == "webmushra"
        header, rows = webmushra_of(votes, test) if web else (COLUMNS, rows_of(votes, test))
        name = "webmushra" if web else "votes"
        path = fresh_folder() / f"soundcheck-{name}-{test['kind']}-{datetime.now():%Y%m%d-%H%M}.csv"
        # spreadsheets need the mark to read UTF-8; webMUSHRA's own files have none
        path.write_text(write_table(header, rows), encoding="utf-8" if web else "utf-8-sig", newline="")
        return path


def _owns(test: Mapping[str, Any], session: str | None) -> bool:
    return session is None or test["session"] == session


def _head(test: Mapping[str, Any], listener: Mapping[str, Any] | None, session: str | None) -> dict[str, Any]:
    return {
        "test": test["test_id"],
        "title": titled(test),
        "kind_title": KINDS[test["kind"]].title,
        "listener": "" if listener is None else listener["token"],
        "owner": _owns(test, session),
    }


def _offer_line(offer: Offer) -> OfferLine:
    return OfferLine(
        id=offer.comparison_id,
        task=offer.task,
        title=f"{_task(offer.task)} · {offer.input_name}" if offer.input_name else _task(offer.task),
        detail=f"{_count(len(offer.engines), 'engine')} · {_when(offer.created_at)}",
        **_what_fits([offer]),
    )


def _batch_line(batch: BatchOffer) -> OfferLine:
    if len(batch.items) == 1:
        return _offer_line(batch.items[0])
    inputs = f"{len(batch.items):,}{' or more' * batch.more} inputs"
    return OfferLine(
        id=batch.batch_id,
        batch=True,
        task=batch.task,
        inputs=len(batch.items),
        title=f"{_task(batch.task)} · dataset run of {inputs}",
        detail=f"{_count(len(batch.engines), 'engine')} · {_when(batch.created_at)}",
        **_what_fits(batch.items),
    )


def _what_fits(given: Iterable[Offer]) -> dict[str, Any]:
    engines: dict[str, str] = {}
    groups: dict[str, int] = {}
    for offer in given:
        engines |= offer.engines
        for group, count in Counter(take.group.casefold() for take in offer.takes).items():
            groups[group] = max(groups.get(group, 0), count)
    return {
        "engines": [EngineName(id=engine_id, name=name) for engine_id, name in engines.items()],
        "kinds": [name for name, kind in KINDS.items() if max(groups.values()) >= kind.least],
        "sounds": [name for name in groups if name != "output"],
    }


def _task(name: str) -> str:
    return TASKS[name].title if name in TASKS else name


def _file(path: Path) -> FileData:
    return FileData(path=str(path), orig_name=path.name)


def _when(iso: str) -> str:
    return iso[:16].replace("T", " ") + " UTC"


def _count(count: int, word: str) -> str:
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def _references(given: Any) -> dict[str, Audio]:
    """Uploaded references by file name without its ending. Only files that this browser could have uploaded are read."""
    found = {}
    for each in given[:MOST_REFERENCES] if isinstance(given, list) else []:
        path, name = (each.get("path"), each.get("name")) if isinstance(each, dict) else (None, None)
        if not isinstance(path, str) or not isinstance(name, str) or "\0" in path:
            raise VoteRefused("the reference did not arrive: choose the file again")
        resolved = Path(path).resolve()
        if not is_in_or_equal(resolved, Path(get_upload_folder()).resolve()) or not resolved.is_file():
            raise VoteRefused("the reference did not arrive: choose the file again")
        found[Path(name[:200]).stem] = take_in(resolved, name=name[:200]).audio
    return found
