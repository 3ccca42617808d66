"""What ui/listen.js draws of the listening room, and the component that shows it."""

from __future__ import annotations

from typing import Any

from gradio.data_classes import FileData, GradioModel
from pydantic import BaseModel, Field

from comparisons.listening_kinds import KINDS, LENGTHS, ROUNDS, SHARES
from ui.forest import Results
from ui.shown import Shown, script


class EngineName(BaseModel):
    id: str
    name: str


class OfferLine(BaseModel):
    """A comparison that a test can be made of, or a whole dataset run."""

    id: str
    batch: bool = False
    task: str
    inputs: int = 1
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
    input: str = ""
    """In a test over several inputs: which one this is."""
    answers: list[tuple[int | str, str]]
    sounds: list[Sound]
    reference: Sound | None = None
    share: float
    restart: bool
    """Each sound is played from its start: speech of different lengths does not line up."""


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
            lengths=list(LENGTHS),
            rounds={name: list(counts) for name, counts in ROUNDS.items()},
            **options,
        )
