"""Blind listening tests out of kept comparisons: their sounds, the order for each listener, what a vote may be."""

from __future__ import annotations

import itertools
import json
import math
import random
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from comparisons.query import Query
from comparisons.settle import visible_line
from comparisons.sounds import Withheld, loudness_lufs
from comparisons.store import Store
from comparisons.votes import VoteRefused, Votes
from engine.audio import Audio
from engine.tasks import TASKS

MOST_TRIALS = 60
"""Per listener: more is an hour, and people stop listening."""
MOST_SECONDS = 60.0
"""Longer sounds are cut for the test, and the test says so."""
MOST_ENGINES = 12
MOST_TESTS = 50
"""Per session, where visitors have sessions of their own: every test keeps copies of its sounds."""
RATE = 48_000
"""Every sound of a test has this rate and one channel count, so that neither tells who made it."""
LISTENING_LUFS = -23.0
HEADROOM_DB = 0.1
ANCHOR_HZ = 3_500.0
SHARES = (0.1, 0.3, 0.5, 0.8, 1.0)
ROUNDS = {"ab": (1, 2), "cmos": (1, 2), "abx": (5, 8, 10, 16, 20)}
"""Votes per pair and listener; with two, each of a pair stands once on either side."""
REFERENCE, ANCHOR = "reference", "anchor"


@dataclass(frozen=True)
class Kind:
    title: str
    meaning: str
    question: str
    answers: tuple[tuple[Any, str], ...]
    """(what is kept, what the button says)."""
    least: int
    """Engines needed."""
    enough: int
    """Votes per engine (ABX: per pair) under which no order is drawn from the figures."""
    unit: str


KINDS = {
    "ab": Kind(
        "A/B preference",
        "Which of two do you like better? Ties and “both bad” are answers too.",
        "Which one is better?",
        (("first", "A is better"), ("second", "B is better"), ("tie", "No difference"), ("bad", "Both bad")),
        2,
        20,
        "preferred over the average engine here",
    ),
    "abx": Kind(
        "ABX",
        "Can anybody hear the difference? X is A or B.",
        "Which one is X?",
        (("first", "X is A"), ("second", "X is B")),
        2,
        10,
        "right answers",
    ),
    "mushra": Kind(
        "MUSHRA",
        "All engines side by side, 0 to 100, with a low-pass anchor and, where there is one, a hidden reference.",
        "Rate the quality of every sound, 0 (bad) to 100 (excellent).",
        (),
        1,
        10,
        "mean rating, 0 to 100",
    ),
    "acr": Kind(
        "ACR, 5 points",
        "One sound at a time, from bad to excellent: gives a MOS.",
        "How good is this sound?",
        ((5, "Excellent"), (4, "Good"), (3, "Fair"), (2, "Poor"), (1, "Bad")),
        1,
        10,
        "mean opinion score, 1 to 5",
    ),
    "cmos": Kind(
        "CMOS, 7 points",
        "How much better or worse is B than A? From −3 to 3.",
        "How is B compared with A?",
        (
            (-3, "Much worse"),
            (-2, "Worse"),
            (-1, "Slightly worse"),
            (0, "The same"),
            (1, "Slightly better"),
            (2, "Better"),
            (3, "Much better"),
        ),
        2,
        10,
        "mean comparison score, −3 to 3",
    ),
}

# ---------------------------------------------------------------- what there is to listen to


@dataclass(frozen=True)
class Take:
    """One sound of one engine in a comparison."""

    engine_id: str
    engine_name: str
    group: str
    """Name of the sound: "output", or the stem's."""
    sha256: str
    seconds: float


@dataclass(frozen=True)
class Offer:
    """A comparison that a test can be made of."""

    comparison_id: str
    task: str
    input_name: str
    created_at: str
    takes: tuple[Take, ...]

    @property
    def engines(self) -> dict[str, str]:
        return {take.engine_id: take.engine_name for take in self.takes}


def offers(store: Store, session: str | None = None, limit: int = 12, looked_at: int = 400) -> list[Offer]:
    """The newest comparisons with sounds, newest first."""
    by_comparison: dict[str, list[dict[str, Any]]] = {}
    for row in store.page(Query(status="ok", session=session, limit=looked_at)):
        if row["output_files"] and row["comparison_id"]:
            by_comparison.setdefault(row["comparison_id"], []).append(row)
    found = [_offer(rows) for rows in by_comparison.values()]
    return [offer for offer in found if offer.takes][:limit]


def offer_of(store: Store, comparison_id: str, session: str | None = None) -> Offer:
    """Raises VoteRefused for a comparison that is unknown here or has no sounds."""
    rows = store.page(Query(comparison_id=comparison_id, status="ok", session=session, limit=1_000))
    offer = _offer(rows) if rows else None
    if offer is None or not offer.takes:
        raise VoteRefused(
            "this comparison has no sounds to listen to: run text to speech, music, separation or a spoken answer first"
        )
    return offer


def _offer(rows: Sequence[Mapping[str, Any]]) -> Offer:
    takes: dict[tuple[str, str], Take] = {}
    for row in sorted(rows, key=lambda row: (row["repeat"] or 1, row["engine_id"])):
        try:
            files = json.loads(row["output_files"] or "[]")
        except ValueError:
            continue
        for file in files:
            take = Take(row["engine_id"], row["engine_name"] or row["engine_id"], file["name"], file["sha256"], file["seconds"])
            takes.setdefault((take.engine_id, take.group.casefold()), take)
    first = rows[0]
    return Offer(
        first["comparison_id"],
        first["task"],
        visible_line(first["input_name"] or "", 80),
        first["created_at"],
        tuple(takes.values()),
    )


# ---------------------------------------------------------------- making a test


def make_test(
    store: Store,
    votes: Votes,
    comparison_id: str,
    kind: str,
    *,
    engine_ids: Sequence[str] = (),
    share: float = 0.5,
    rounds: int | None = None,
    references: Mapping[str, Audio] | None = None,
    session: str | None = None,
    seed: int | None = None,
) -> str:
    """A new test over the sounds of one comparison; its id.

    `engine_ids` leaves engines out, () takes all. `share` of each sound has to be heard before a vote counts. `references`: by
    name of the sound, case ignored, for MUSHRA. Raises VoteRefused with what to change, BlobDamaged, DiskFull.
    """
    if kind not in KINDS or share not in SHARES or (rounds is not None and rounds not in ROUNDS.get(kind, ())):
        raise VoteRefused("this kind of test, share or number of rounds is not offered: choose one from the lists")
    if session is not None and len(votes.tests(session, MOST_TESTS)) >= MOST_TESTS:
        raise VoteRefused(f"this session has made {MOST_TESTS} tests: use one of those")
    offer = offer_of(store, comparison_id, session)
    groups: dict[str, list[Take]] = {}
    for take in offer.takes:
        if not engine_ids or take.engine_id in engine_ids:
            groups.setdefault(take.group.casefold(), []).append(take)
    groups = {name: takes for name, takes in groups.items() if len(takes) >= KINDS[kind].least}
    if not groups:
        raise VoteRefused(
            f"{KINDS[kind].title} needs {KINDS[kind].least} engines with a sound of the same name: tick more engines"
        )
    if max(len(takes) for takes in groups.values()) > MOST_ENGINES:
        raise VoteRefused(f"a test takes {MOST_ENGINES} engines at most: tick fewer")
    seed = secrets.randbits(31) if seed is None else seed
    body = {
        "kind": kind,
        "comparison_id": comparison_id,
        "task": offer.task,
        "input_name": offer.input_name,
        "seed": seed,
        "share": share,
        "rounds": rounds or {"ab": 1, "cmos": 1, "abx": 10}.get(kind, 1),
        "stimuli": {},
    }
    given = {name.casefold(): audio for name, audio in (references or {}).items()} if kind == "mushra" else {}
    for name, takes in groups.items():
        reference = given.get(name, next(iter(given.values())) if len(given) == len(groups) == 1 else None)
        body["stimuli"] |= _stimuli(store, votes, takes, kind, reference, random.Random(f"{seed} {name}"), len(body["stimuli"]))
    if given and not any(each["role"] == REFERENCE for each in body["stimuli"].values()):
        raise VoteRefused(f"no reference has the name of a sound here ({', '.join(groups)}): name the files like the sounds")
    count = len(order_for(body, 1))
    if count > MOST_TRIALS:
        raise VoteRefused(f"this would be {count} votes for each listener and {MOST_TRIALS} are the most: tick fewer engines")
    return votes.add_test(body, session)


def _stimuli(
    store: Store, votes: Votes, takes: Sequence[Take], kind: str, reference: Audio | None, chance: random.Random, start: int
) -> dict[str, dict[str, Any]]:
    """The sounds of one group: same rate, channels and loudness, kept under hashes of their own."""
    sounds = [(take, "engine", _listened(Audio.decode(store.read_blob(take.sha256)))) for take in takes]
    if kind == "mushra":
        named = {"engine_id": "", "group": takes[0].group, "sha256": ""}
        source = chance.choice(sounds)
        if reference is not None:
            reference = _listened(reference)
            sounds.append((Take(engine_name="Hidden reference", seconds=reference.seconds, **named), REFERENCE, reference))
        whose = reference if reference is not None else source[2]
        words = "reference" if reference is not None else source[0].engine_name
        sounds.append(
            (Take(engine_name=f"Anchor, 3.5 kHz of {words}", seconds=whose.seconds, **named), ANCHOR, low_passed(whose))
        )
    known = [(_loudness(sound), sound.peak) for _, _, sound in sounds]
    rooms = [level - 20 * math.log10(peak) - HEADROOM_DB for level, peak in known if level is not None and peak > 0]
    target = min(LISTENING_LUFS, *rooms) if rooms else None
    channels, longest = max(sound.channels for _, _, sound in sounds), max(sound.frames for _, _, sound in sounds)
    found = {}
    for (take, role, sound), (level, _) in zip(sounds, known, strict=True):
        gain_db = 0.0 if target is None or level is None else target - level
        samples = sound.samples * np.float32(10 ** (gain_db / 20))
        samples = np.repeat(samples, channels, axis=0) if sound.channels == 1 else sound.stereo().samples
        if kind == "abx":  # the length on the page would say what X is
            samples = np.pad(samples, ((0, 0), (0, longest - samples.shape[1])))
        made = Audio(samples, RATE)
        found[f"s{start + len(found)}"] = {
            "role": role,
            "group": take.group,
            "engine_id": take.engine_id,
            "engine_name": take.engine_name,
            "source_sha256": take.sha256,
            "sha256": votes.sounds.put(made.to_wav()),
            "seconds": round(made.seconds, 4),
            "gain_db": round(gain_db, 2),
            "cut": take.seconds > MOST_SECONDS,
        }
    return found


def _loudness(sound: Audio) -> float | None:
    try:
        return loudness_lufs(sound)
    except Withheld:
        return None


def _listened(sound: Audio) -> Audio:
    sound = sound.part(0.0, MOST_SECONDS)
    return (sound if sound.channels == 1 else sound.stereo()).resample(RATE)


def low_passed(sound: Audio) -> Audio:
    """The low anchor of ITU-R BS.1534-3: flat to 3.5 kHz, at least 25 dB down at 4 kHz and 50 dB at 4.5 kHz. Linear phase."""
    from scipy.signal import firwin, kaiserord, oaconvolve

    taps, beta = kaiserord(70.0, 500.0 / (sound.rate / 2))
    window = firwin(taps | 1, ANCHOR_HZ + 250.0, window=("kaiser", beta), fs=sound.rate)
    return Audio(oaconvolve(sound.samples.astype(np.float64), window[None], mode="same", axes=1), sound.rate)


# ---------------------------------------------------------------- one listener's order


def order_for(test: Mapping[str, Any], number: int) -> list[dict[str, Any]]:
    """The trials of listener `number`, counted from 1: {"group", "sounds": keys from A on, "x": key or None}.

    Every pair of engines comes equally often. Which one is A alternates from listener to listener and from round to round.
    """
    chance = random.Random(f"{test['seed']} {number}")
    groups: dict[str, list[str]] = {}
    for key, stimulus in test["stimuli"].items():
        groups.setdefault(stimulus["group"].casefold(), []).append(key)
    trials: list[dict[str, Any]] = []
    for name, keys in groups.items():
        group = test["stimuli"][keys[0]]["group"]
        if test["kind"] == "mushra":
            trials.append({"group": group, "sounds": chance.sample(keys, len(keys)), "x": None})
        elif test["kind"] == "acr":
            trials += [{"group": group, "sounds": [key], "x": None} for key in keys]
        else:
            for pair in itertools.combinations(keys, 2):
                trials += _pair_trials(test, name, group, pair, number, chance)
    chance.shuffle(trials)
    return trials


def _pair_trials(
    test: Mapping[str, Any], name: str, group: str, pair: tuple[str, str], number: int, chance: random.Random
) -> list[dict[str, Any]]:
    rounds, first_side = test["rounds"], random.Random(f"{test['seed']} {name} {pair}").randrange(2)
    hidden: list[str | None] = [None] * rounds
    if test["kind"] == "abx":
        hidden = [pair[turn % 2] for turn in range(rounds - rounds % 2)] + [chance.choice(pair)] * (rounds % 2)
        chance.shuffle(hidden)
    swapped = [(first_side + number + turn) % 2 for turn in range(rounds)]
    return [
        {"group": group, "sounds": list(pair[::-1] if swap else pair), "x": x} for swap, x in zip(swapped, hidden, strict=True)
    ]


def heard_names(trial: Mapping[str, Any]) -> list[str]:
    """What the sounds of a trial are called before the vote: A, B ... and X."""
    return [chr(ord("A") + place) for place in range(len(trial["sounds"]))] + (["X"] if trial["x"] else [])


def keys_of(trial: Mapping[str, Any]) -> list[str]:
    """The stimuli of a trial in the order of `heard_names`."""
    return [*trial["sounds"], *([trial["x"]] if trial["x"] else [])]


# ---------------------------------------------------------------- voting


def cast(
    votes: Votes,
    test: Mapping[str, Any],
    listener: Mapping[str, Any],
    trial: Any,
    choice: Any,
    heard: Any,
    elapsed_s: float | None,
) -> None:
    """Check a vote as a stranger sent it, and keep it.

    `heard`: the share of each sound that was heard, 0 to 1, in the order of `heard_names`. `elapsed_s`: seconds since the trial
    was handed out: nobody has heard more than fits into them. Raises VoteRefused.
    """
    trials = listener["trials"]
    if not isinstance(trial, int) or isinstance(trial, bool) or not 0 <= trial < len(trials):
        raise VoteRefused("there is no such question in this test")
    asked = trials[trial]
    choice = _checked(test["kind"], choice, len(asked["sounds"]))
    keys, names = keys_of(asked), heard_names(asked)
    shares = heard if isinstance(heard, list) and len(heard) == len(keys) and all(map(_is_share, heard)) else [0.0] * len(keys)
    missing = [name for name, share in zip(names, shares, strict=True) if share + 0.005 < test["share"]]
    if missing:
        raise VoteRefused(f"listen to at least {test['share']:.0%} of {' and '.join(missing)} before you answer")
    least_s = sum(test["share"] * test["stimuli"][key]["seconds"] for key in keys)
    if elapsed_s is None or elapsed_s < 0.9 * least_s:
        raise VoteRefused("that was faster than the sounds last: listen to each of them before you answer")
    body = {"choice": choice, "heard": [round(float(share), 3) for share in shares], "elapsed_s": round(elapsed_s, 2)}
    votes.vote(test["test_id"], listener["token"], trial, body)


def _is_share(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0.0 <= value <= 1.0


def _checked(kind: str, choice: Any, count: int) -> Any:
    if kind == "mushra":
        right = isinstance(choice, list) and len(choice) == count
        if not right or not all(isinstance(each, int) and not isinstance(each, bool) and 0 <= each <= 100 for each in choice):
            raise VoteRefused("rate every sound with a whole number from 0 to 100")
        return choice
    if (
        isinstance(choice, bool)
        or not isinstance(choice, int | str)
        or choice not in [answer for answer, _ in KINDS[kind].answers]
    ):
        raise VoteRefused(f"choose one of the answers, not {str(choice)[:40]!r}")
    return choice


def titled(test: Mapping[str, Any]) -> str:
    """What a listener is told before the vote: the task and the input, never an engine."""
    task = TASKS[test["task"]].title if test["task"] in TASKS else test["task"]
    return f"{task} · {test['input_name']}" if test["input_name"] else task
