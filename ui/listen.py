"""The listening room: blind tests made from kept comparisons, run by anybody who has the link, and what came out."""

from __future__ import annotations

import secrets
import tempfile
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.context import Context
from gradio.data_classes import FileData, GradioModel
from gradio.utils import get_upload_folder, is_in_or_equal
from pydantic import BaseModel, Field

from comparisons.blind import (
    KINDS,
    REFERENCE,
    ROUNDS,
    SHARES,
    Offer,
    cast,
    heard_names,
    keys_of,
    make_test,
    offers,
    order_for,
    titled,
)
from comparisons.intake import take_in
from comparisons.outcomes import COLUMNS, Outcome, outcome, rows_of, webmushra_of, write_table
from comparisons.store import Store
from comparisons.votes import VoteRefused, Votes
from engine.audio import Audio
from engine.contract import EngineError
from engine.tasks import TASKS
from ui.shown import Shown, script

LINK = "listen"
"""Name of the parameter in an address that opens a test."""
MOST_ENGINES_ASKED = 50
MOST_REFERENCES = 12
MOST_SERVED = 2_000
"""Trials whose copies are remembered; an older one is simply copied again."""
REFRESH = "() => { for (const room of document.querySelectorAll('.sc-listen')) room.dispatchEvent(new Event('sc-refresh')); }"
DOWNLOAD = """() => requestAnimationFrame(() => document.getElementById('sc-listen-download')?.click())"""


class EngineName(BaseModel):
    id: str
    name: str


class OfferLine(BaseModel):
    comparison_id: str
    title: str
    detail: str
    engines: list[EngineName]
    kinds: list[str]
    """Kinds of test that have enough engines here."""
    sounds: list[str]


class TestLine(BaseModel):
    id: str
    title: str
    kind: str
    detail: str


class Sound(BaseModel):
    label: str
    """"A", "B", "X": nothing else about the sound is known to the browser before the vote."""
    file: FileData
    seconds: float


class Trial(BaseModel):
    number: int
    """From 0; what a vote is for."""
    place: int
    """From 1, for "3 of 10"."""
    of: int
    kind: str
    question: str
    answers: list[tuple[int | str, str]]
    sounds: list[Sound]
    reference: Sound | None = None
    share: float
    restart: bool
    """Each sound is played from its start: speech of different lengths does not line up."""


class ResultLine(BaseModel):
    name: str
    value: float | None
    low: float | None
    high: float | None
    n: int
    note: str
    control: bool


class Results(BaseModel):
    lines: list[ResultLine]
    unit: str
    kind: str
    low: float
    high: float
    middle: float | None
    enough: bool
    verdict: str
    notes: list[str]
    listeners: int
    votes: int
    names: list[tuple[str, str]] = []
    """What this listener heard: ("Vote 2: A, B", "eSpeak NG, Flite slt")."""


class ListenState(GradioModel):
    """What ui/listen.js draws; every string is text."""

    view: str = "wait"
    """wait, home, trial or results."""
    number: int = 0
    """Of the browser's question, so that a late answer never replaces a newer one."""
    message: str = ""
    tone: str = "plain"
    test: str = ""
    title: str = ""
    kind_title: str = ""
    listener: str = ""
    """The token that the browser has to send along; made here, kept by the browser for this session."""
    offers: list[OfferLine] = Field(default=[])
    tests: list[TestLine] = Field(default=[])
    trial: Trial | None = None
    results: Results | None = None
    owner: bool = False
    done: bool = False
    """This listener has answered every question."""


class Room(Shown):
    """Shows a ListenState. Events: "ask" wants the next one, "export" a file; as an input it yields None."""

    data_model = ListenState

    def __init__(self, value: ListenState | None = None, **options: Any) -> None:
        super().__init__(
            value,
            html_template="<div class='sc-listen-room'></div>",
            js_on_load=script("listen"),
            apply_default_css=False,
            elem_classes=["sc-listen"],
            kinds=[[name, kind.title, kind.meaning] for name, kind in KINDS.items()],
            shares=list(SHARES),
            rounds={name: list(counts) for name, counts in ROUNDS.items()},
            **options,
        )


# ---------------------------------------------------------------- answering


@dataclass(frozen=True)
class Handed:
    """A trial as one listener got it: copies under neutral names, and when."""

    files: tuple[Path, ...]
    at_s: float


class Listening:
    """Answers what browsers ask. Which engine is A stays here until the listener has voted in every trial."""

    def __init__(self, store_for: Callable[[], Store], votes_for: Callable[[], Votes] | None = None) -> None:
        self.store_for, self._given, self._opened = store_for, votes_for, {}
        self._handed: OrderedDict[tuple[str, str, int], Handed] = OrderedDict()
        self._lock = threading.Lock()

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
        lines = [_offer_line(offer) for offer in offers(self.store_for(), session)]
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
        engines, rounds, share = data.get("engines"), data.get("rounds"), data.get("share", 0.5)
        test_id = make_test(
            self.store_for(),
            self.votes(),
            str(data.get("comparison"))[:200],
            str(data.get("kind")),
            engine_ids=[str(each)[:200] for each in engines[:MOST_ENGINES_ASKED]] if isinstance(engines, list) else (),
            share=share if isinstance(share, int | float) else 0.0,
            rounds=rounds if isinstance(rounds, int) else None,
            references=_references(data.get("references")),
            session=session,
        )
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
        handed = self._hand_out(test, listener, waiting[0])
        names = heard_names(trial)
        sounds = [
            Sound(label=name, file=_file(path), seconds=test["stimuli"][key]["seconds"])
            for name, path, key in zip(names, handed.files, keys_of(trial), strict=False)
        ]
        reference = _reference_of(test, trial)
        return ListenState(
            view="trial",
            **_head(test, listener, session),
            trial=Trial(
                number=waiting[0],
                place=len(done) + 1,
                of=len(listener["trials"]),
                kind=test["kind"],
                question=KINDS[test["kind"]].question + (f" ({trial['group']})" if trial["group"] != "output" else ""),
                answers=list(KINDS[test["kind"]].answers),
                sounds=sounds,
                reference=None
                if reference is None
                else Sound(label="Reference", file=_file(handed.files[-1]), seconds=test["stimuli"][reference]["seconds"]),
                share=test["share"],
                restart=test["task"] in ("tts", "audio_lm"),
            ),
        )

    def _hand_out(self, test: Mapping[str, Any], listener: Mapping[str, Any], number: int) -> Handed:
        """Copies of a trial's sounds in a fresh folder of Gradio's cache, the only place that Gradio serves from.

        Folder and bytes are new for every listener and trial, so that no address or hash is met twice.
        """
        key = (test["test_id"], listener["token"], number)
        with self._lock:
            known = self._handed.get(key)
            if known is not None and all(path.exists() for path in known.files):
                return known
        trial = listener["trials"][number]
        cache = Path(get_upload_folder())
        cache.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(dir=cache))
        wanted = list(zip(heard_names(trial), keys_of(trial), strict=True))
        if (reference := _reference_of(test, trial)) is not None:
            wanted.append(("reference", reference))
        files = []
        for name, stimulus in wanted:
            path = folder / f"{name}.wav"
            path.write_bytes(_salted(self.votes().sounds.read(test["stimuli"][stimulus]["sha256"])))
            files.append(path)
        handed = Handed(tuple(files), time.monotonic() if known is None else known.at_s)
        with self._lock:
            self._handed[key] = handed
            while len(self._handed) > MOST_SERVED:
                self._handed.popitem(last=False)
        return handed

    def _vote(self, data: Mapping[str, Any], session: str | None) -> ListenState:
        votes = self.votes()
        test = votes.test(data.get("test"))
        listener = votes.listener(test["test_id"], data.get("listener"))
        if listener is None:
            raise VoteRefused("this page was open for too long: open the link again")
        trial = data.get("trial")
        with self._lock:
            handed = self._handed.get((test["test_id"], listener["token"], trial)) if isinstance(trial, int) else None
        elapsed_s = None if handed is None else time.monotonic() - handed.at_s
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
        found = outcome(self.votes(), test)
        return ListenState(
            view="results", **_head(test, listener, session), results=_results_of(test, found, listener), done=True
        )

    def export(self, data: Any, session: str | None) -> Path:
        """A CSV with every vote of a test; `data["kind"]` is "csv" or "webmushra". Raises VoteRefused."""
        data = data if isinstance(data, dict) else {}
        votes = self.votes()
        test = votes.test(data.get("test"))
        self._check_may_see(test, votes.listener(test["test_id"], data.get("listener")), session)
        web = data.get("kind") == "webmushra"
        header, rows = webmushra_of(votes, test) if web else (COLUMNS, rows_of(votes, test))
        folder = Path(get_upload_folder())
        folder.mkdir(parents=True, exist_ok=True)
        name = "webmushra" if web else "votes"
        path = Path(tempfile.mkdtemp(dir=folder)) / f"soundcheck-{name}-{test['kind']}-{datetime.now():%Y%m%d-%H%M}.csv"
        # spreadsheets need the mark to read UTF-8; webMUSHRA's own files have none
        path.write_text(write_table(header, rows), encoding="utf-8" if web else "utf-8-sig", newline="")
        return path


def _file(path: Path) -> FileData:
    return FileData(path=str(path), orig_name=path.name)


def _salted(wav: bytes) -> bytes:
    """The same sound in a file of another hash: players skip chunks they do not know."""
    salt = b"salt" + (16).to_bytes(4, "little") + secrets.token_bytes(16)
    return b"RIFF" + (len(wav) - 8 + len(salt)).to_bytes(4, "little") + wav[8:] + salt


def _reference_of(test: Mapping[str, Any], trial: Mapping[str, Any]) -> str | None:
    """The open reference of a MUSHRA trial: the same sound as its hidden one."""
    return next((key for key in trial["sounds"] if test["stimuli"][key]["role"] == REFERENCE), None)


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


def _results_of(test: Mapping[str, Any], found: Outcome, listener: Mapping[str, Any] | None) -> Results:
    names = []
    for place, trial in enumerate(listener["trials"] if listener else (), 1):
        heard = [test["stimuli"][key]["engine_name"] for key in keys_of(trial)]
        names.append((f"{place}: {', '.join(heard_names(trial))}", ", ".join(heard)))
    lines = [ResultLine(name=line.name, note=line.note, control=line.control, **vars(line.estimate)) for line in found.lines]
    plain = {name: getattr(found, name) for name in ("unit", "low", "high", "middle", "enough", "verdict", "listeners", "votes")}
    return Results(lines=lines, kind=test["kind"], notes=list(found.notes), names=names, **plain)


def _offer_line(offer: Offer) -> OfferLine:
    groups: dict[str, list[str]] = {}
    for take in offer.takes:
        groups.setdefault(take.group.casefold(), []).append(take.engine_id)
    most = max(map(len, groups.values()))
    task = TASKS[offer.task].title if offer.task in TASKS else offer.task
    return OfferLine(
        comparison_id=offer.comparison_id,
        title=f"{task} · {offer.input_name}" if offer.input_name else task,
        detail=f"{_count(len(offer.engines), 'engine')} · {_when(offer.created_at)}",
        engines=[EngineName(id=engine_id, name=name) for engine_id, name in offer.engines.items()],
        kinds=[name for name, kind in KINDS.items() if most >= kind.least],
        sounds=[name for name in groups if name != "output"],
    )


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


# ---------------------------------------------------------------- the tab


def build_listen_tab(
    tab: gr.Tab,
    store_for: Callable[[], Store],
    session_of: Callable[[gr.Request], str | None] = lambda request: None,
    votes_for: Callable[[], Votes] | None = None,
) -> Room:
    """Fill `tab`, inside whose context this is called; an address with ?listen=<test id> opens it. `tab` needs an id.

    `session_of` names the session whose comparisons and tests a visitor sees; None is all. Votes lie beside the history.
    """
    listening = Listening(store_for, votes_for)
    room = Room()
    download = gr.DownloadButton("Download", visible="hidden", elem_id="sc-listen-download")

    def asked(event: gr.EventData, request: gr.Request) -> ListenState:
        return listening.answer(event._data, session_of(request))

    def exported(event: gr.EventData, request: gr.Request) -> str:
        try:
            return str(listening.export(event._data, session_of(request)))
        except EngineError as error:
            raise gr.Error(str(error), print_exception=False) from None
        except OSError as error:
            raise gr.Error(f"the download could not be written: {error.strerror}", print_exception=False) from None

    def opened(request: gr.Request) -> Any:
        return gr.Tabs(selected=tab.id) if request.query_params.get(LINK) else gr.skip()

    room.ask(asked, None, room, api_visibility="private", queue=False, show_progress="hidden", trigger_mode="multiple")
    room.export(exported, None, download, api_visibility="private", show_progress="hidden")
    download.change(None, None, None, js=DOWNLOAD)
    tab.select(None, None, None, js=REFRESH)
    if tab.parent is not None and (page := Context.root_block) is not None:
        page.load(opened, None, tab.parent, api_visibility="private", queue=False, show_progress="hidden")
    return room
