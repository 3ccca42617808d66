"""The engine picker: local and cloud engines, what each needs in plain words, and which of them are ticked."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import gradio as gr
from gradio.data_classes import GradioModel
from pydantic import BaseModel, Field

from ui.shown import Shown, script

LONGEST_ID = 200
MOST_SELECTED = 500


class EngineChoice(BaseModel):
    """One line of the picker. Every string is shown as plain text, whatever it holds."""

    id: str
    name: str
    where: Literal["local", "cloud"]
    status: Literal["ready", "needs", "unavailable"] = "ready"
    """ready: can be ticked. needs: cannot yet, and `needs` says what to do. unavailable: not on this machine; folded away."""
    needs: list[str] = []
    """Whole sentences: what is missing, or why it cannot run here."""
    pill: str = ""
    """A few words at the right edge: "ready", "$0.0077 / min", "set DEEPGRAM_API_KEY", "1.2 GB · prepare"."""
    summary: str = ""
    """The dim line under the name: "classical baseline · BSD · English"."""
    vendor: str = ""
    license: str = ""
    open_license: bool = False
    """The licence allows commercial use; decides the "open licence" filter."""
    languages: list[str] = []
    """Codes or names for the language filter; ["*"] matches every language."""
    streams: bool = False
    family: str = ""
    """Under this name those that are not ready are folded away together: a family of local models, a vendor of cloud engines."""
    lacks: str = ""
    """The same as `needs` in a word or two, for the line of a fold: "prepare", "set DEEPGRAM_API_KEY"."""
    download_gb: float | None = None
    """GB that prepare fetches; None where it fetches nothing or nobody said how much."""
    size: str = ""
    """Searched only: "74 M", "1.2 GB"."""
    note: str = ""
    """A dim sentence that is always shown, such as the vendor's use of what it is sent."""
    warning: str = ""
    """The same in the colour of a warning, such as a shutdown date."""
    blocked: str = ""
    """Why the present settings cannot be honoured; shown, and a run skips the engine though it stays ticked."""
    preparable: bool = False
    """Adds a "prepare" button, which raises the event `prepare`."""


class PickerState(GradioModel):
    """What travels to the browser and back."""

    engines: list[EngineChoice] = Field(default=[])
    """Empty from the server leaves the list as it is; always empty from the browser, where only ticks change."""
    selected: list[str] = Field(default=[])
    """Ids in the order of the list. Ids that are unknown or not ready are shown unticked."""
    prepare: str = ""
    """Id of the engine whose "prepare" was pressed last; "" after any other action."""


class Picker(Shown):
    """A list of engines with search, filters and check boxes.

    Shown: a `PickerState` or a dictionary of its fields. Received: {"selected": [id, ...], "prepare": id or ""}, checked for type
    and length only: the ids come from the browser, so look each one up before use.
    Events: `opened` each time it comes into view, so that a tab's engines are sent when somebody looks; `input` after a tick by
    hand; `prepare` after "prepare"; `change` also fires when the server sets the value.
    """

    data_model = PickerState
    EVENTS: ClassVar = [*gr.HTML.EVENTS, "opened", "prepare"]

    def __init__(self, value: PickerState | dict[str, Any] | None = None, *, label: str = "Engines", **kwargs: Any) -> None:
        super().__init__(
            value,
            label=label,
            html_template="<div class='sc-picker'></div>",
            js_on_load=script("picker"),
            apply_default_css=False,
            **kwargs,
        )

    def preprocess(self, payload: PickerState | None) -> dict[str, Any]:
        if payload is None:
            return {"selected": [], "prepare": ""}
        short = [engine_id for engine_id in payload.selected if 0 < len(engine_id) <= LONGEST_ID]
        prepare = payload.prepare if len(payload.prepare) <= LONGEST_ID else ""
        return {"selected": list(dict.fromkeys(short))[:MOST_SELECTED], "prepare": prepare}

    def api_info(self) -> dict[str, Any]:
        return {"type": "object", "description": '{"selected": [engine id, ...]}'}

    def example_payload(self) -> dict[str, Any]:
        return {"selected": []}
