"""The comparison table's tab: every kept run, filtered, sorted, charted and downloaded."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import gradio as gr

from comparisons.columns import COLUMNS
from comparisons.store import Store
from comparisons.table import write_csv, write_jsonl, write_parquet
from engine.contract import EngineError
from ui.chart import Chart, ChartState
from ui.desk import EACH, PRIVATE
from ui.downloads import fresh_folder
from ui.regression import build_regression
from ui.shown import Shown, script
from ui.table_charts import survey
from ui.table_page import PAGE_ROWS, headed, newest_task, page_of
from ui.table_state import (
    GROUP_ORDERS,
    GROUP_TITLES,
    GROUPABLE,
    MOST_OPEN,
    MOST_PINNED,
    NEWEST,
    STICKY,
    TableState,
    checked,
    query_of,
)

WRITERS = {"csv": write_csv, "parquet": write_parquet, "jsonl": write_jsonl}
REFRESH = "() => { for (const table of document.querySelectorAll('.sc-table')) table.dispatchEvent(new Event('sc-refresh')); }"
DOWNLOAD = """() => requestAnimationFrame(() => {
  document.getElementById('sc-table-download')?.click();
  for (const table of document.querySelectorAll('.sc-table')) table.dispatchEvent(new Event('sc-written'));
})"""


class Table(Shown):
    """Shows a TableState, every text as plain text, with its children between filters and rows.

    Events, each with the view that the browser asks for: "ask" wants a TableState, "export" a file. As an input it yields
    None, because the browser's copy proves nothing.
    """

    data_model = TableState

    def __init__(self, value: TableState | None = None, **options: Any) -> None:
        groups = [
            (
                title,
                [
                    (column.name, headed(column), column.meaning)
                    for column in COLUMNS.values()
                    if column.group == group and column.name != STICKY
                ],
            )
            for group, title in GROUP_TITLES.items()
        ]
        best_is_most = [name for name, column in COLUMNS.items() if column.direction > 0]
        super().__init__(
            value,
            html_template="<div class='sc-table-top'></div>@children<div class='sc-table-bottom'></div>",
            js_on_load=script("table"),
            apply_default_css=False,
            elem_classes=["sc-table"],
            groups=groups,
            groupable=list(GROUPABLE.items()),
            group_orders=list(GROUP_ORDERS.items()),
            most_pinned=MOST_PINNED,
            page_rows=PAGE_ROWS,
            most_open=MOST_OPEN,
            descending_first=["created_at", *best_is_most],
            **options,
        )


def answer(store: Store, data: Any, session: str | None) -> tuple[TableState, ChartState | None, ChartState | None]:
    """What to show for the view `data` that a browser asked for. The charts are None where only the rows were wanted."""
    asked = checked(data)
    state = page_of(store, asked, session)
    if not asked.whole:
        return state, None, None
    bars, scatter = survey(store, state, session)
    bars.question = scatter.question = asked.number
    return state, bars, scatter


def export(store: Store, data: Any, session: str | None) -> Path:
    """A file with every row that passes the filters of the view `data`, in its order; `data["kind"]` is csv, parquet or jsonl.

    It lies in a fresh folder of Gradio's cache, the only place that Gradio serves from, under a name nobody can guess.
    """
    kind = data.get("kind") if isinstance(data, dict) else None
    if kind not in WRITERS:
        raise ValueError(f"a download is one of {', '.join(WRITERS)}, got {kind!r}")
    asked = checked(data)
    if asked.task == NEWEST:
        asked.task = newest_task(store, session)
    path = fresh_folder() / f"soundcheck-{datetime.now():%Y%m%d-%H%M}.{kind}"
    WRITERS[kind](store.rows(query_of(asked, session)), path)
    return path


def build_table_tab(
    tab: gr.Tab, store_for: Callable[[], Store], session_of: Callable[[gr.Request], str | None] = lambda request: None
) -> Callable[[gr.Blocks, gr.Tabs], None]:
    """Fill `tab`, inside whose context this is called. `session_of` names the session whose runs a visitor sees; None is all.

    Returns what brings `tab` to the front when a page is opened with `?batch=<id>`: call it with the Blocks and the Tabs.
    """
    with Table() as table:
        with gr.Row(elem_classes="sc-table-charts"):
            with gr.Column(scale=3, min_width=320):
                bars = Chart()
            with gr.Column(scale=2, min_width=320):
                scatter = Chart()
        build_regression(store_for, session_of)
    download = gr.DownloadButton("Download", visible="hidden", elem_id="sc-table-download")

    def asked(event: gr.EventData, request: gr.Request) -> tuple[Any, Any, Any]:
        try:
            state, *charts = answer(store_for(), event._data, session_of(request))
        except EngineError as error:
            raise gr.Error(str(error), print_exception=False) from None
        return state, *(gr.skip() if chart is None else chart for chart in charts)

    def exported(event: gr.EventData, request: gr.Request) -> str:
        try:
            return str(export(store_for(), event._data, session_of(request)))
        except (EngineError, ValueError) as error:
            raise gr.Error(str(error), print_exception=False) from None
        except OSError as error:
            raise gr.Error(f"the download could not be written: {error.strerror}", print_exception=False) from None

    table.ask(asked, None, [table, bars, scatter], queue=False, **EACH, **PRIVATE)
    table.export(exported, None, download, **PRIVATE)
    download.change(None, None, None, js=DOWNLOAD)
    tab.select(None, None, None, js=REFRESH)

    def arrive(request: gr.Request) -> Any:
        return gr.Tabs(selected=tab.id) if request.query_params.get("batch") else gr.skip()

    def arrival(demo: gr.Blocks, tabs: gr.Tabs) -> None:
        demo.load(arrive, None, tabs, queue=False, **PRIVATE)

    return arrival
