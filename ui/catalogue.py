"""The catalogue tab: every known audio system, what runs here and why not; filtered in the browser, as CSV on request."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.data_classes import GradioModel
from pydantic import BaseModel, Field

from comparisons.systems import CAPABILITIES, CATEGORIES, COLUMNS, MORE, STATUSES, System, systems, write_csv
from ui.desk import EACH, PRIVATE
from ui.downloads import fresh_folder
from ui.shown import Shown, script

REFRESH = (
    "() => { for (const shown of document.querySelectorAll('.sc-catalogue')) shown.dispatchEvent(new Event('sc-refresh')); }"
)
DOWNLOAD = "() => requestAnimationFrame(() => document.getElementById('sc-catalogue-download')?.click())"
LICENCES = {
    "permissive": "permissive",
    "copyleft": "copyleft (GPL, AGPL)",
    "non-commercial": "not for commercial use",
    "own": "the maker's own terms",
    "vendor": "vendor's terms (API)",
    "": "unknown",
}
LABELS = {
    "model_id": "Model id",
    "local_or_api": "Local or API",
    "realtime_latency_target_ms": "Latency target (ms)",
    "hardware_reqs": "Hardware",
    "context_or_max_audio": "Largest input",
    "license": "Licence",
    "license_weights": "Licence of weights",
    "docs_url": "Documentation",
    "needs": "Needs",
    "status": "Status here",
    "data_use": "Your data",
    "tested": "Tests of this engine",
}


class Row(BaseModel):
    """One system, as the list and its filters need it."""

    id: str
    family: str
    where: str
    status: str
    category: str
    tasks: list[str]
    languages: list[str]
    streams: str = ""
    licence: str = ""
    """The class of licence, by which it is filtered."""
    licence_text: str = ""
    size: str = ""
    needs: str = ""
    ends: str = ""
    can: dict[str, bool] | None = None
    """By name in CAPABILITIES, those that its tasks have; None where no engine here says."""


class Fact(BaseModel):
    label: str
    text: str


class Details(BaseModel):
    id: str
    facts: list[Fact] = []
    url: str = ""


class CatalogueState(GradioModel):
    """What ui/catalogue.js draws. `rows` is None where only details were asked for."""

    ready: bool = False
    rows: list[Row] | None = Field(default=None)
    details: Details | None = None


class Catalogue(Shown):
    """Shows a CatalogueState, every text as plain text. Events: "ask" with {"open": id or null}, "export" with {"ids": [...]}.

    As an input it yields None, because the browser's copy proves nothing.
    """

    data_model = CatalogueState

    def __init__(self, value: CatalogueState | None = None, **options: Any) -> None:
        super().__init__(
            value,
            html_template="<div class='sc-catalogue-inside'></div>",
            js_on_load=script("catalogue"),
            apply_default_css=False,
            elem_classes=["sc-catalogue"],
            categories=list(CATEGORIES.items()),
            statuses=list(STATUSES.items()),
            licences=list(LICENCES.items()),
            capabilities=list(CAPABILITIES.items()),
            **options,
        )


# ---------------------------------------------------------------- how a system is written


def licence_class(system: System) -> str:
    """By which a licence is filtered: the weights' where they have one of their own, else the code's."""
    if system.where == "cloud":
        return "vendor"
    text = (system.cells["license_weights"] or system.cells["license"]).lower()
    for words, name in (
        (("-nc", "non-commercial", "cpml"), "non-commercial"),
        (("gpl",), "copyleft"),
        (("mit", "apache", "bsd", "isc", "cc-by", "cc0", "cmu"), "permissive"),
    ):
        if any(word in text for word in words):
            return name
    return "own" if text else ""


def language_codes(system: System) -> list[str]:
    """Codes without their region; "many" for a number of languages or for those that are not named one by one."""
    codes = [re.fullmatch(r"([a-z]{2,3})(?:[-_].*)?", language) for language in system.languages]
    return list(dict.fromkeys(code.group(1) if code else "many" for code in codes))


def row_of(system: System) -> Row:
    cells = system.cells
    return Row(
        id=system.id,
        family=cells["family"],
        where=system.where,
        status=system.status,
        category=cells["category"],
        tasks=list(system.tasks),
        languages=language_codes(system),
        streams="" if system.streams is None else "yes" if system.streams else "no",
        licence=licence_class(system),
        licence_text=cells["license_weights"] or cells["license"],
        size=cells["parameters"],
        needs=cells["needs"],
        ends=cells["shutdown_date"],
        can=dict(system.capabilities) if system.engines else None,
    )


def details_of(system: System) -> Details:
    """Every column of the schema and what comes on top, and the engines by which it runs here."""
    names = [
        "status",
        "needs",
        *(name for name in COLUMNS if name != "docs_url"),
        *(n for n in MORE if n not in ("status", "needs")),
    ]
    cells = {**system.cells, "status": STATUSES[system.status]}
    facts = [Fact(label=LABELS.get(name, name.replace("_", " ").capitalize()), text=cells[name]) for name in names]
    facts.insert(2, Fact(label="Engines here", text=", ".join(system.engines) or "none"))
    url = cells["docs_url"]
    return Details(id=system.id, facts=facts, url=url if url.startswith("https://") else "")


def answer(data: Any) -> CatalogueState:
    """All rows, or, for {"open": id}, the details of one system (none for an id that does not exist)."""
    wanted = data.get("open") if isinstance(data, dict) else None
    found = systems()
    if wanted is None:
        return CatalogueState(ready=True, rows=[row_of(system) for system in found])
    opened = next((system for system in found if system.id == wanted), None)
    return CatalogueState(ready=True, details=details_of(opened) if opened else None)


def export(data: Any) -> Path:
    """The schema's 24 columns for the systems {"ids": [...]}, all without; a file in a fresh folder of Gradio's cache."""
    ids = data.get("ids") if isinstance(data, dict) else None
    wanted = {each for each in ids if isinstance(each, str)} if isinstance(ids, list) else None
    path = fresh_folder() / f"soundcheck-catalogue-{datetime.now():%Y%m%d-%H%M}.csv"
    write_csv((system for system in systems() if wanted is None or system.id in wanted), path)
    return path


def build_catalogue_tab(tab: gr.Tab) -> None:
    """Fill `tab`, inside whose context this is called. The list is read whenever the tab is opened."""
    catalogue = Catalogue()
    download = gr.DownloadButton("Download", visible="hidden", elem_id="sc-catalogue-download")

    def asked(event: gr.EventData) -> CatalogueState:
        return answer(event._data)

    def exported(event: gr.EventData) -> str:
        try:
            return str(export(event._data))
        except OSError as error:
            raise gr.Error(f"the download could not be written: {error.strerror}", print_exception=False) from None

    private: dict[str, Any] = {**PRIVATE, "queue": False}
    catalogue.ask(asked, None, catalogue, **EACH, **private)
    catalogue.export(exported, None, download, **private)
    download.change(None, None, None, js=DOWNLOAD)
    tab.select(None, None, None, js=REFRESH)
