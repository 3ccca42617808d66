"""The result board: one card per engine and repeat, which fills while the engine answers and then stays."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any, Literal

from gradio.data_classes import FileData, GradioModel
from gradio.processing_utils import hash_file
from gradio.utils import abspath, get_upload_folder, is_in_or_equal
from gradio_client.utils import strip_invalid_filename_characters
from pydantic import BaseModel, Field

from ui.shown import Shown, script


class Tile(BaseModel):
    """One figure above the cards: value "0.21 s", label "fastest · Deepgram Nova-3"."""

    value: str
    label: str


class Badge(BaseModel):
    text: str
    tone: Literal["plain", "local", "cloud", "warn", "good"] = "plain"
    title: str = ""
    """Explains the badge on hover and to screen readers."""


class Span(BaseModel):
    """A stretch of the text and how it differs; stretches are joined as they stand, so spaces belong to them."""

    text: str
    kind: Literal["same", "substituted", "inserted", "deleted", "differs"] = "same"
    title: str = ""


class TagBar(BaseModel):
    label: str
    score: float
    """0 to 1; drawn as a bar and printed with two decimals."""
    start_s: float | None = None
    end_s: float | None = None


class Sound(BaseModel):
    """One sound with a player of its own."""

    name: str
    file: FileData
    """From `servable(path)`."""
    seconds: float
    gain_db: float | None = None
    """Shown and applied while listening here; the download is the original. Above 0 dB it may clip: keep the peak below 1."""
    peaks: list[float] = []
    """About 160 heights from 0 to 1, evenly spaced over the sound."""


class Measure(BaseModel):
    label: str
    value: str
    """Formatted already; "" or "…" while unknown."""
    unit: str = ""
    best: bool = False
    """The best among the cards; said in words beside the colour."""
    bar: float | None = None
    """0 to 1, length of the bar under the figure; None draws none."""
    title: str = ""


class Card(BaseModel):
    """One engine's answer. Every string is shown as plain text, whatever it holds."""

    key: str
    """Engine id and repeat: a card keeps its place, its player and its scroll under the same key."""
    name: str
    where: Literal["local", "cloud"]
    state: Literal["waiting", "loading", "running", "ok", "error", "stopped"]
    elapsed_s: float | None = None
    """Seconds spent in this state so far; the browser counts on from the moment it arrives."""
    badges: list[Badge] = []
    """Beside the badge for `where` and the clock, which the card adds by itself."""
    text: str = ""
    spans: list[Span] = []
    """Drawn in place of `text` when there are any."""
    partial: bool = False
    """The text is a hypothesis: drawn dim."""
    tags: list[TagBar] = []
    sounds: list[Sound] = []
    measures: list[Measure] = []
    error: str = ""
    """One sentence; with state "error" or "stopped"."""
    hint: str = ""
    """What to do about it; also shown without an error."""


class BoardState(GradioModel):
    phase: Literal["empty", "running", "done"] = "empty"
    empty_text: str = "Results appear here."
    headline: list[Tile] = Field(default=[], max_length=4)
    cards: list[Card] = Field(default=[])
    """In the order to show; keys are unique."""


class Board(Shown):
    """Shows a `BoardState` or a dictionary of its fields; as an input it yields None: the browser's copy proves nothing.

    A yield replaces the whole state; only what differs is redrawn, and a playing sound plays on. Ten yields a second are enough.
    """

    data_model = BoardState

    def __init__(self, value: BoardState | dict[str, Any] | None = None, *, label: str = "Results", **kwargs: Any) -> None:
        super().__init__(
            value,
            label=label,
            html_template="<div class='sc-frame'><div class='sc-board'></div></div>",
            js_on_load=script("board"),
            apply_default_css=False,
            **kwargs,
        )


def servable(path: str | Path, name: str | None = None) -> FileData:
    """The sound file at `path` as `Sound.file`, copied once into Gradio's cache, the one folder served without `allowed_paths`.

    `name` is what a download is called; it gets the suffix of `path` when it has another. Whoever knows the address, which holds
    a hash of the content, can fetch the file. Raises FileNotFoundError.
    """
    path, cache = Path(path), get_upload_folder()
    if name is None and is_in_or_equal(path, cache):
        return FileData(path=str(abspath(path)), orig_name=path.name)
    clean = strip_invalid_filename_characters(name or path.name).strip(". ") or "sound"
    clean = clean if clean.endswith(path.suffix) else clean + path.suffix
    kept = Path(abspath(Path(cache) / hash_file(path) / clean))
    if kept.exists():
        # Gradio deletes by age: a file that is shown again is as young as one that is new.
        os.utime(kept)
    else:
        kept.parent.mkdir(parents=True, exist_ok=True)
        # A copy under another name first: nobody is served half a file.
        with tempfile.NamedTemporaryFile(dir=kept.parent, delete=False) as part, path.open("rb") as source:
            shutil.copyfileobj(source, part)
        Path(part.name).replace(kept)
    return FileData(path=str(kept), orig_name=clean)
