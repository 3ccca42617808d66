"""What the comparison table's page shows, and what a browser may ask of it: every value is checked here first."""

from __future__ import annotations

from typing import Any

from gradio.data_classes import FileData, GradioModel
from pydantic import BaseModel, Field

from comparisons.columns import COLUMNS
from comparisons.query import GROUPS, Query
from engine.contract import ERROR_KINDS
from engine.tasks import TASKS
from ui.distributions import AxisState, Shape

LONGEST_ASKED = 200
MOST_ENGINES_ASKED = 200
LONGEST_VALUE = 4_000
"""Characters of a value that rows are grouped by."""
MOST_OPEN = 8
"""Groups that can be open at once; a further one closes the one opened first."""
MOST_PINNED = 6
STICKY = "engine_name"
NEWEST = "newest"
"""Asked for as a task: whichever the latest row belongs to."""
GROUP_TITLES = {
    "output": "Output",
    "latency": "Time",
    "quality": "Quality",
    "cost": "Cost",
    "input": "Input",
    "run": "Run",
    "provenance": "Where it comes from",
}
GROUPABLE = {
    "engine": "Engine",
    "task": "Task",
    "vendor": "Vendor",
    "where": "Where",
    "status": "Status",
    "input": "Input",
    "batch": "Batch",
    "language": "Language",
    "day": "Day (UTC)",
} | {name: COLUMNS[name].label for name in GROUPS if name in COLUMNS and name not in ("task", "vendor", "where", "status")}
GROUP_ORDERS = {
    "runs": "most runs",
    "label": "name",
    "newest": "newest",
    "first_s_p50": "first output, p50",
    "total_s_p50": "total, p50",
    "cost_mean_usd": "mean cost",
    "drawn": "what is drawn, p50",
}
_EVERY_TASK = ("created_at", "input_name", "first_s", "total_s", "rtf", "cost_usd")
_OUTPUT = {"text": "output_text", "audio": "output_audio_seconds", "stems": "input_audio_seconds", "tags": "output_tags"}


class OpenGroup(BaseModel):
    """A group by its value, None where that is unknown, and which page of its rows."""

    value: str | None = None
    page: int = 0


class Asked(BaseModel):
    """A view of the table, after checking: every value in it is one that the table has."""

    task: str = ""
    where: str = ""
    status: str = ""
    text: str = ""
    engines: list[str] = []
    sort: str = "created_at"
    descending: bool = True
    page: int = 0
    batch: str = ""
    columns: list[str] | None = None
    """None: the columns that suit the task."""
    pinned: list[str] = []
    """Columns that stay at the left, after the engine's name."""
    group: str = ""
    """A name of GROUPABLE; "" lists the rows one by one."""
    group_sort: str = "runs"
    groups_open: list[OpenGroup] = []
    """The groups whose rows are wanted, at most MOST_OPEN."""
    measure: str = ""
    """What is drawn of each group; "" is what suits the task."""
    regroup: bool = True
    """The groups are wanted too."""
    open: int | None = None
    """`seq` of the row whose details are wanted; `open_comparison` and `open_engine` say where to find it."""
    open_comparison: str = ""
    open_engine: str = ""
    number: int = 0
    """The browser counts its questions, so that a late answer never replaces a newer one."""
    whole: bool = True
    """Counts, summary and charts are wanted too, not just the rows."""


class Header(BaseModel):
    name: str
    label: str
    meaning: str
    number: bool
    sortable: bool
    pinned: bool = False


class Row(BaseModel):
    seq: int
    comparison_id: str
    engine_id: str
    name: str
    where: str
    status: str
    error: str
    badges: list[str]
    cells: list[str]


class Choice(BaseModel):
    value: str
    label: str
    count: int


class Figure(BaseModel):
    label: str
    text: str
    meaning: str = ""
    pretty: bool = False
    """The text is laid out over several lines."""


class Group(BaseModel):
    title: str
    figures: list[Figure]


class RowGroup(BaseModel):
    """Rows that share one value; figures are over the fresh and good ones."""

    value: str | None
    label: str
    note: str
    figures: list[Figure]
    shape: Shape | None = None


class GroupRows(BaseModel):
    """A page of the rows of an open group."""

    value: str | None
    page: int
    count: int
    rows: list[Row]


class Sound(BaseModel):
    name: str
    note: str
    file: FileData | None = None
    missing: str = ""


class Details(BaseModel):
    seq: int
    comparison: str
    batch: str
    error: str
    groups: list[Group]
    sounds: list[Sound]


class EngineSummary(BaseModel):
    engine_id: str
    name: str
    where: str
    note: str
    figures: list[Figure]


class TableState(GradioModel):
    """What ui/table.js draws. Every string is text; nothing here is a parsed document of a vendor, because Gradio would
    take any object in it that looks like its own file record for a file to serve."""

    asked: Asked = Field(default_factory=Asked)
    ready: bool = False
    headers: list[Header] = Field(default=[])
    rows: list[Row] = Field(default=[])
    count: int = 0
    """Rows that pass the filters; 0 where they are grouped."""
    passing: int = 0
    """Rows that pass the filters, whether grouped or not."""
    kept: int = 0
    """Rows without any filter."""
    tasks: list[Choice] = Field(default=[])
    wheres: list[Choice] = Field(default=[])
    statuses: list[Choice] = Field(default=[])
    engines: list[Choice] = Field(default=[])
    summary: list[EngineSummary] = Field(default=[])
    note: str = ""
    row_groups: list[RowGroup] | None = Field(default=None)
    """None where they were not asked for."""
    group_note: str = ""
    axis: AxisState | None = None
    """The axis of every group's shape; None without one value to draw."""
    measures: list[Choice] = Field(default=[])
    """What could be drawn."""
    open_groups: list[GroupRows] = Field(default=[])
    details: Details | None = None


# ---------------------------------------------------------------- what was asked


def _text(value: Any, longest: int = LONGEST_ASKED) -> str:
    return value.replace("\0", "")[:longest] if isinstance(value, str) else ""


def _count(value: Any, most: int) -> int:
    return min(max(value, 0), most) if isinstance(value, int) and not isinstance(value, bool) else 0


def _open_groups(sent: Any) -> list[OpenGroup]:
    """Each value once, in the order of opening."""
    found: dict[str | None, OpenGroup] = {}
    for each in sent[-MOST_OPEN:] if isinstance(sent, list) else []:
        value = each.get("value") if isinstance(each, dict) else 0
        if value is None or isinstance(value, str):
            text = None if value is None else _text(value, LONGEST_VALUE)
            found[text] = OpenGroup(value=text, page=_count(each.get("page"), 10**7))
    return list(found.values())


def checked(data: Any) -> Asked:
    """What a browser sent, as an Asked: whatever the table does not have is replaced by the default, lengths are cut."""
    data = data if isinstance(data, dict) else {}
    task, where, status, sort = (_text(data.get(name)) for name in ("task", "where", "status", "sort"))
    columns, engines = (value if isinstance(value := data.get(name), list) else None for name in ("columns", "engines"))
    opened = data.get("open")
    group, order = _text(data.get("group")), _text(data.get("group_sort"))
    pinned = pins if isinstance(pins := data.get("pinned"), list) else []
    return Asked(
        task=task if task in TASKS or task == NEWEST else "",
        where=where if where in ("local", "cloud") else "",
        status=status if status in ("ok", "failed") or status in ERROR_KINDS else "",
        text=_text(data.get("text")).strip(),
        engines=[_text(each) for each in (engines or [])[:MOST_ENGINES_ASKED] if isinstance(each, str)],
        sort=sort if sort in COLUMNS and COLUMNS[sort].kind != "json" else "created_at",
        descending=data.get("descending") is not False,
        page=_count(data.get("page"), 10**7),
        columns=None if columns is None else [name for name in COLUMNS if name in columns[: len(COLUMNS)]],
        batch=_text(data.get("batch")),
        pinned=[name for name in COLUMNS if name in pinned[: len(COLUMNS)] and name != STICKY][:MOST_PINNED],
        group=group if group in GROUPABLE else "",
        group_sort=order if order in GROUP_ORDERS else "runs",
        groups_open=_open_groups(data.get("groups_open")) if group in GROUPABLE else [],
        measure=measure if (measure := _text(data.get("measure"))) in COLUMNS else "",
        regroup=data.get("regroup") is not False,
        open=opened if isinstance(opened, int) and not isinstance(opened, bool) and 0 <= opened < 2**63 else None,
        open_comparison=_text(data.get("open_comparison")),
        open_engine=_text(data.get("open_engine")),
        number=_count(data.get("number"), 2**31),
        whole=data.get("whole") is not False,
    )


def query_of(asked: Asked, session: str | None, **changes: Any) -> Query:
    """The store's question for all rows that pass the filters, in the order asked for, groups left aside."""
    filters = {
        "task": asked.task or None,
        "where": asked.where or None,
        "status": asked.status or None,
        "text": asked.text or None,
        "engine_ids": tuple(asked.engines),
        "batch_id": asked.batch or None,
        "session": session,
        "sort": asked.sort,
        "descending": asked.descending,
    }
    return Query(**filters | changes)


def default_columns(task: str) -> list[str]:
    """The columns that say most about runs of `task`, or of all tasks when it is ""."""
    if task not in TASKS:
        return ["task", *_EVERY_TASK, "status", "output_text"]
    return [*_EVERY_TASK, *TASKS[task].metrics, "status", _OUTPUT[TASKS[task].output]]
