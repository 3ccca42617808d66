"""One look at the kept runs: the rows, counts, figures and charts that answer what a browser asked for."""

from __future__ import annotations

import json
import math
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

from comparisons.columns import COLUMNS, Column
from comparisons.query import Query
from comparisons.store import Store
from engine.contract import EngineError
from engine.tasks import TASKS
from ui.board import servable
from ui.distributions import Axis, axis_of, measures_for, shape_of
from ui.table_state import (
    GROUP_TITLES,
    NEWEST,
    STICKY,
    Asked,
    Choice,
    Details,
    Figure,
    Group,
    GroupRows,
    Header,
    OpenGroup,
    Row,
    RowGroup,
    Sound,
    TableState,
    default_columns,
    query_of,
)

PAGE_ROWS = 50
LONGEST_CELL = 160
MOST_GROUPS = 200

# ---------------------------------------------------------------- how a value is written


def visible(text: str) -> str:
    """The text with control and bidirectional-control characters as escapes, so that none can disguise what it says."""
    hidden = {char for char in set(text) if unicodedata.category(char) in ("Cc", "Cf", "Cs") and char not in "\n\t\u200d"}
    return "".join(f"\\u{ord(char):04x}" if char in hidden else char for char in text)


def _tags(document: str) -> str:
    """The best tags of the JSON text `document` in words; the document itself where it has another shape."""
    try:
        return ", ".join(f"{tag['label']} {float(tag['score']):.2f}" for tag in json.loads(document)[:5])
    except (ValueError, TypeError, KeyError):
        return document


def shown(column: Column, value: Any) -> str:
    """The value as a table cell holds it, without its unit; "" is unknown."""
    if value is None or value == "":
        return ""
    if column.kind == "flag":
        return "yes" if value else "no"
    if column.kind == "number":
        if not isinstance(value, int | float) or not math.isfinite(value):
            return ""
        return f"{value * column.scale:,.{2 if column.decimals is None else column.decimals}f}"
    text = str(value)
    if column.name == "created_at":
        return text[:19].replace("T", " ")
    return visible(_tags(text) if column.name == "output_tags" else text)


def headed(column: Column) -> str:
    if column.name == "created_at":
        return f"{column.label} (UTC)"
    return f"{column.label} ({column.unit})" if column.unit else column.label


def badges(row: Mapping[str, Any]) -> list[str]:
    """What a reader must know before trusting the row's figures, in words."""
    attempts = row["attempts"] or 1
    said = {
        "cached": row["cached"],
        "cold": row["cold"],
        "1 retry" if attempts == 2 else f"{attempts - 1} retries": attempts > 1,
        "estimated price": row["cost_usd"] is not None and row["cost_evidence"] == "counted usage",
    }
    return [words for words, holds in said.items() if holds]


def row_of(kept: Mapping[str, Any], names: Iterable[str]) -> Row:
    def cell(name: str) -> str:
        text = shown(COLUMNS[name], kept[name])
        return text if len(text) <= LONGEST_CELL else f"{text[: LONGEST_CELL - 1]}…"

    return Row(
        seq=kept["seq"],
        comparison_id=kept["comparison_id"] or "",
        engine_id=kept["engine_id"],
        name=visible(kept["engine_name"] or kept["engine_id"]),
        where=kept["where"] or "",
        status=kept["status"],
        error=visible(kept["error"] or "")[:LONGEST_CELL],
        badges=badges(kept),
        cells=[cell(name) for name in names],
    )


# ---------------------------------------------------------------- one row, whole


def figure_of(column: Column, value: Any) -> Figure:
    text = shown(column, value)
    if text and column.unit:
        text = column.shown(value)
    pretty = column.kind == "json" and bool(text)
    if pretty:
        try:
            text = visible(json.dumps(json.loads(value), ensure_ascii=False, indent=2))
        except (ValueError, TypeError):
            pretty = False
    return Figure(label=column.label if column.unit else headed(column), text=text, meaning=column.meaning, pretty=pretty)


def sounds_of(store: Store, document: str | None) -> list[Sound]:
    """The kept sounds of a row; one that cannot be played says why."""
    try:
        files = [each for each in json.loads(document or "[]") if isinstance(each, dict)]
    except (ValueError, TypeError):
        return []
    found = []
    for each in files:
        name, seconds, rate = visible(str(each.get("name", "sound"))), each.get("seconds"), each.get("rate")
        noted = [f"{seconds:.2f} s"] if isinstance(seconds, int | float) else []
        noted += [f"{rate / 1000:g} kHz"] if isinstance(rate, int | float) else []
        sha256 = str(each.get("sha256", ""))
        try:
            store.read_blob(sha256)
            file, missing = servable(store.blob_path(sha256), f"{name}.wav"), ""
        except (EngineError, ValueError, OSError):
            file, missing = None, "This sound is no longer on the disk, or it was altered; run the engine again to hear it."
        found.append(Sound(name=name, note=" · ".join(noted), file=file, missing=missing))
    return found


def details_of(store: Store, asked: Asked, session: str | None) -> Details | None:
    """Everything kept about the opened row, or None when there is no such row in this session."""
    if asked.open is None:
        return None
    near = Query(comparison_id=asked.open_comparison, engine_ids=(asked.open_engine,), session=session, limit=10_000)
    kept = next((row for row in store.page(near) if row["seq"] == asked.open), None)
    if kept is None:
        return None
    groups = [
        Group(title=title, figures=[figure_of(column, kept[column.name]) for column in COLUMNS.values() if column.group == group])
        for group, title in GROUP_TITLES.items()
    ]
    return Details(
        seq=kept["seq"],
        comparison=kept["comparison_id"] or "",
        batch=kept["batch_id"] or "",
        error=visible(kept["error"] or ""),
        groups=groups,
        sounds=sounds_of(store, kept["output_files"]),
    )


# ---------------------------------------------------------------- groups


def pair_text(name: str, p50: float | None, p95: float | None) -> str:
    return "" if p50 is None else f"{COLUMNS[name].shown(p50).removesuffix(' s')} / {COLUMNS[name].shown(p95)}"


def counts_text(runs: int, ok: int, fresh: int, stopped: int) -> str:
    """How many runs the figures are over, and what became of the others."""
    others = {"cached": ok - fresh, "stopped": stopped, "failed": runs - ok - stopped}
    return " · ".join([f"n {fresh:,}", *(f"{count:,} {word}" for word, count in others.items() if count)])


def _group_label(by: str, group: Mapping[str, Any]) -> str:
    """The group's value as people know it: an engine and an input by name."""
    if group["value"] in (None, ""):
        return "unknown" if by != "batch" else "not in a batch"
    if by in COLUMNS and COLUMNS[by].kind == "flag":
        return "yes" if group["value"] == "1" else "no"
    named = {"engine": group["engine"], "input": group["input"], "task": getattr(TASKS.get(group["value"]), "title", None)}
    label = visible(str(named.get(by) or group["value"]))
    return label if len(label) <= LONGEST_CELL else f"{label[: LONGEST_CELL - 1]}…"


def _row_group(label: str, group: Mapping[str, Any], axis: Axis | None) -> RowGroup:
    return RowGroup(
        value=group["value"],
        label=label,
        note=counts_text(group["runs"], group["ok"], group["fresh"], group["stopped"]),
        figures=[
            Figure(label="First p50 / p95", text=pair_text("first_s", group["first_s_p50"], group["first_s_p95"])),
            Figure(label="Total p50 / p95", text=pair_text("total_s", group["total_s_p50"], group["total_s_p95"])),
            Figure(
                label="Mean cost",
                text=COLUMNS["cost_usd"].shown(group["cost_mean_usd"]),
                meaning=f"Over the {group['costs_known']:,} runs whose cost is known.",
            ),
            Figure(label="Newest", text=str(group["newest"])[:16].replace("T", " ")),
        ],
        shape=shape_of(group["values"], axis, label),
    )


def add_groups(store: Store, state: TableState, session: str | None) -> None:
    """Put the rows that pass the filters together by `asked.group`: at most MOST_GROUPS, and a sentence where there are more."""
    asked = state.asked
    names = dict.fromkeys(("first_s", "total_s", asked.measure))
    found = store.grouped(asked.group, query_of(asked, session), tuple(names), whole=asked.measure)
    axis = axis_of(asked.measure, (group["values"] for group in found))
    for group in found:
        group["drawn"] = group[f"{asked.measure}_p50"]
    labelled = [(_group_label(asked.group, group), group) for group in found]
    if asked.group_sort == "label":
        labelled.sort(key=lambda each: (each[1]["value"] is None, each[0].casefold()))
    elif asked.group_sort != "newest":
        most_first = asked.group_sort == "runs" or (asked.group_sort == "drawn" and COLUMNS[asked.measure].direction > 0)
        sign = -1 if most_first else 1
        labelled.sort(key=lambda each: math.inf if each[1][asked.group_sort] is None else sign * each[1][asked.group_sort])
    state.row_groups = [_row_group(*each, axis) for each in labelled[:MOST_GROUPS]]
    state.axis = axis.state() if axis else None
    if len(found) > MOST_GROUPS:
        state.group_note = f"{len(found):,} groups; the first {MOST_GROUPS} are shown. Narrow the filters to see others."


def rows_of_group(store: Store, asked: Asked, opened: OpenGroup, names: list[str], session: str | None) -> GroupRows:
    """The page of the group's rows that was asked for, or its last one."""
    group = (asked.group, opened.value)
    count = store.count(query_of(asked, session, group=group))
    page = min(opened.page, max(0, (count - 1) // PAGE_ROWS))
    kept = store.page(query_of(asked, session, group=group, offset=page * PAGE_ROWS, limit=PAGE_ROWS))
    return GroupRows(value=opened.value, page=page, count=count, rows=[row_of(row, names) for row in kept])


# ---------------------------------------------------------------- the answer


def newest_task(store: Store, session: str | None) -> str:
    """The task of the latest row, "" without rows."""
    return next((row["task"] for row in store.page(Query(session=session, limit=1)) if row["task"] in TASKS), "")


def page_of(store: Store, asked: Asked, session: str | None) -> TableState:
    """The page of rows that was asked for, with the details of the opened row; `asked` comes back as it was answered."""
    asked = asked.model_copy()
    if asked.task == NEWEST:
        asked.task = newest_task(store, session)
    names = [name for name in asked.columns or default_columns(asked.task) if name != STICKY]
    # a pinned column is shown even where it was not chosen, so that a saved view never loses one
    names = [*asked.pinned, *(name for name in names if name not in asked.pinned)]
    drawable = measures_for(asked.task)
    asked.measure = asked.measure if asked.measure in drawable else drawable[0]
    passing = store.count(query_of(asked, session))
    count = 0 if asked.group else passing
    asked.page = min(asked.page, max(0, (count - 1) // PAGE_ROWS))
    kept = [] if asked.group else store.page(query_of(asked, session, offset=asked.page * PAGE_ROWS, limit=PAGE_ROWS))
    state = TableState(
        asked=asked,
        ready=True,
        headers=[
            Header(
                name=name,
                label=headed(COLUMNS[name]),
                meaning=COLUMNS[name].meaning,
                number=COLUMNS[name].kind == "number",
                sortable=COLUMNS[name].kind != "json",
                pinned=name in asked.pinned,
            )
            for name in (STICKY, *names)
        ],
        rows=[row_of(row, names) for row in kept],
        count=count,
        passing=passing,
        measures=[Choice(value=name, label=headed(COLUMNS[name]), count=0) for name in drawable],
        open_groups=[rows_of_group(store, asked, opened, names, session) for opened in asked.groups_open],
        details=details_of(store, asked, session),
    )
    if asked.group and (asked.whole or asked.regroup):
        add_groups(store, state, session)
    return state
