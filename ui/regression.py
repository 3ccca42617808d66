"""The panel 'What changed': the same engines, inputs and settings on two days or in two batches, word by word."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date, timedelta
from statistics import median
from typing import Any

import gradio as gr
from gradio.data_classes import GradioModel
from pydantic import BaseModel, Field

from comparisons.changes import Change, Delta, changed
from comparisons.columns import COLUMNS
from comparisons.differences import Part
from comparisons.query import Query
from comparisons.store import Store
from engine.contract import EngineError
from engine.tasks import TASKS
from ui.board import Span
from ui.desk import EACH, PRIVATE
from ui.shown import Shown, script
from ui.table_page import newest_task, visible
from ui.table_state import Choice

MOST_ROWS = 3_000
"""Good rows that are read of each side, newest first."""
MOST_PAIRS = 200
MOST_POINTS = 200
MOST_SPANS = 300
LONGEST_SAME = 160
LONGEST_ASKED = 200
KINDS = {"day": "Two days", "batch": "Two batches"}
_BETTER = {"s": ("faster", "slower"), "x": ("faster", "slower"), "$": ("cheaper", "dearer")}


class AskedChange(BaseModel):
    """Which two sides to compare, after checking."""

    kind: str = "day"
    task: str = ""
    engines: list[str] = []
    """None chosen: all."""
    before: str = ""
    after: str = ""
    number: int = 0


class Moved(BaseModel):
    """One measure before and after, in words."""

    label: str
    before: str
    after: str
    change: str
    tone: str = ""
    """good, bad, unsure (the two do not belong together) or "" (no better and no worse)."""


class InputChange(BaseModel):
    input: str
    words: str
    spans: list[Span]
    measures: list[Moved]


class EngineChange(BaseModel):
    engine_id: str
    name: str
    summary: str
    inputs: list[InputChange]


class RegressionState(GradioModel):
    """What ui/regression.js draws. Every string is text."""

    asked: AskedChange = Field(default_factory=AskedChange)
    ready: bool = False
    tasks: list[Choice] = Field(default=[])
    engines: list[Choice] = Field(default=[])
    points: list[Choice] = Field(default=[])
    """The days or batches to choose from, newest first."""
    changes: list[EngineChange] = Field(default=[])
    note: str = ""
    empty: str = ""


class Regression(Shown):
    """Shows a RegressionState, every text as plain text; as an input it yields None: the browser proves nothing."""

    data_model = RegressionState

    def __init__(self, value: RegressionState | None = None, **options: Any) -> None:
        super().__init__(
            value,
            html_template="<div class='sc-changes' hidden></div>",
            js_on_load=script("regression"),
            apply_default_css=False,
            elem_classes=["sc-regression"],
            kinds=list(KINDS.items()),
            **options,
        )


# ---------------------------------------------------------------- how a change is written


def moved(delta: Delta) -> Moved:
    """The measure's two figures and which way it went, in a word of its own: faster, cheaper, better ..."""
    column = COLUMNS[delta.name]
    before, after = column.shown(delta.before), column.shown(delta.after)
    found = Moved(label=column.label, before=before, after=after, change="no change")
    if delta.incomparable:
        found.change, found.tone = f"not comparable: {delta.incomparable}", "unsure"
    elif before != after:
        less, more = _BETTER.get(column.unit, ("better", "worse")) if column.direction < 0 else ("worse", "better")
        if not column.direction:
            less, more = "less", "more"
        share = f" by {abs(delta.change) / delta.before:.0%}".replace("%", " %") if delta.before > 0 else ""
        found.change = f"{less if delta.change < 0 else more}{share}"
        found.tone = ("good" if delta.change * column.direction > 0 else "bad") if column.direction else ""
    return found


def spans_of(parts: Iterable[Part]) -> list[Span]:
    """The later text with what went struck out and what came marked; long stretches without a change are cut in the middle."""
    found: list[Span] = []

    def put(text: str, kind: str, title: str = "") -> None:
        if text and found and found[-1].kind == kind and kind != "substituted":
            found[-1].text += text
        elif text:
            found.append(Span(text=text, kind=kind, title=title))

    for part in parts:
        if part.kind == "same":
            put(part.hypothesis, "same")
        else:
            put(part.reference, "deleted", "only before")
            after = "substituted" if part.reference else "inserted"
            put(part.hypothesis, after, f"was: {visible(part.reference.strip())}" if part.reference else "only after")
    for span in found:
        span.text = visible(span.text)
        if span.kind == "same" and len(span.text) > LONGEST_SAME:
            half = LONGEST_SAME // 2
            span.text = f"{span.text[:half].rsplit(' ', 1)[0]} … {span.text[-half:].split(' ', 1)[-1]}"
    if len(found) > MOST_SPANS:
        found = [*found[:MOST_SPANS], Span(text=f" … and {len(found) - MOST_SPANS:,} more stretches")]
    return found


def _words(change: Change) -> str:
    if change.withheld:
        return f"The texts could not be compared: {change.withheld}"
    count = change.words_changed
    return "" if not change.parts else "same words" if not count else f"{count:,} word{'s' * (count != 1)} changed"


def _summary(changes: list[Change]) -> str:
    """How many inputs, how many with other words, and the middle of how total time moved."""
    said = [f"{len(changes):,} input{'s' * (len(changes) != 1)}"]
    with_words = [change for change in changes if change.parts]
    if with_words:
        said.append(f"other words in {sum(bool(change.words_changed) for change in with_words):,} of {len(with_words):,}")
    totals = [
        delta.change / delta.before
        for change in changes
        for delta in change.deltas
        if delta.name == "total_s" and not delta.incomparable and delta.before > 0
    ]
    if totals:
        middle = median(totals)
        word = "slower" if middle > 0 else "faster"
        said.append(f"total p50 {abs(middle):.0%} {word}".replace("%", " %") if round(middle, 2) else "total p50 unchanged")
    return " · ".join(said)


def engine_changes(changes: list[Change], names: Mapping[str, str]) -> list[EngineChange]:
    """By engine, those with most changed words first; within one, the inputs with most changed words first."""
    by_engine: dict[str, list[Change]] = {}
    for change in sorted(changes, key=lambda change: (-change.words_changed, change.input_name)):
        by_engine.setdefault(change.engine_id, []).append(change)
    return [
        EngineChange(
            engine_id=visible(engine_id),
            name=visible(names.get(engine_id, engine_id)),
            summary=_summary(own),
            inputs=[
                InputChange(
                    input=visible(change.input_name)[:160] or "unnamed input",
                    words=_words(change),
                    spans=spans_of(change.parts) if change.words_changed else [],
                    measures=[moved(delta) for delta in change.deltas],
                )
                for change in own
            ],
        )
        for engine_id, own in by_engine.items()
    ]


# ---------------------------------------------------------------- the answer


def _text(value: Any) -> str:
    return value.replace("\0", "")[:LONGEST_ASKED] if isinstance(value, str) else ""


def checked(data: Any) -> AskedChange:
    """What a browser sent, as an AskedChange; which days, batches and engines there are is checked by `answer`."""
    data = data if isinstance(data, dict) else {}
    kind, task, number = data.get("kind"), _text(data.get("task")), data.get("number")
    engines = chosen if isinstance(chosen := data.get("engines"), list) else []
    return AskedChange(
        kind=kind if isinstance(kind, str) and kind in KINDS else "day",
        task=task if task in TASKS else "",
        engines=[_text(each) for each in engines[:MOST_ROWS] if isinstance(each, str)],
        before=_text(data.get("before")),
        after=_text(data.get("after")),
        number=min(max(number, 0), 2**31) if isinstance(number, int) and not isinstance(number, bool) else 0,
    )


def _side(store: Store, asked: AskedChange, point: str, session: str | None) -> list[dict[str, Any]]:
    """The good fresh rows of one day or batch, newest first, at most MOST_ROWS."""
    when: dict[str, Any] = {"batch_id": point}
    if asked.kind == "day":
        when = {"since": point, "until": (date.fromisoformat(point) + timedelta(days=1)).isoformat()}
    query = Query(task=asked.task, engine_ids=tuple(asked.engines), status="ok", session=session, limit=MOST_ROWS, **when)
    return [row for row in store.page(query) if not row["cached"]]


def _is_day(value: str) -> bool:
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return True


def _key(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return row["engine_id"], row["task"], row["input_sha256"], row["settings"]


def answer(store: Store, data: Any, session: str | None) -> RegressionState:
    """What changed between the two sides that `data` names; sides it does not name are the two newest."""
    asked = checked(data)
    asked.task = asked.task or newest_task(store, session)
    state = RegressionState(asked=asked, ready=True)
    if not asked.task:
        state.empty = "Nothing has been run yet. Run the same input on two days, and what changed stands here."
        return state
    tasks = store.grouped("task", Query(session=session))
    state.tasks = [
        Choice(value=each["value"], label=TASKS[each["value"]].title, count=each["runs"])
        for each in tasks
        if each["value"] in TASKS
    ]
    engines = store.grouped("engine", Query(task=asked.task, session=session))
    names = {each["value"]: each["engine"] or each["value"] for each in engines}
    state.engines = sorted(
        (Choice(value=each["value"], label=visible(names[each["value"]]), count=each["runs"]) for each in engines),
        key=lambda choice: choice.label.casefold(),
    )
    asked.engines = [engine for engine in asked.engines if engine in names]
    points = store.grouped(asked.kind, Query(task=asked.task, engine_ids=tuple(asked.engines), status="ok", session=session))
    points = [each for each in points if each["value"] and (asked.kind == "batch" or _is_day(each["value"]))][:MOST_POINTS]
    for each in points:
        label = each["value"] if asked.kind == "day" else f"{each['newest'][:16].replace('T', ' ')} · {each['value'][:12]}"
        state.points.append(Choice(value=each["value"], label=visible(label), count=each["runs"]))
    values = [each["value"] for each in points]
    if len(values) < 2:
        what = "days" if asked.kind == "day" else "batches"
        state.empty = (
            f"There are no good runs of this on two {what} yet. Run the same input again later, and what changed stands here."
        )
        return state
    asked.after = asked.after if asked.after in values else values[0]
    asked.before = asked.before if asked.before in values else next(each for each in values if each != asked.after)
    if asked.before == asked.after:
        state.empty = "Both sides are the same: choose another before or after."
        return state
    return _compared(store, state, names, session)


def _compared(store: Store, state: RegressionState, names: Mapping[str, str], session: str | None) -> RegressionState:
    before, after = (_side(store, state.asked, point, session) for point in (state.asked.before, state.asked.after))
    earlier = {_key(row) for row in before}
    shared = list(dict.fromkeys(key for row in after if (key := _key(row)) in earlier))
    chosen = set(shared[:MOST_PAIRS])
    changes = changed([row for row in before if _key(row) in chosen], [row for row in after if _key(row) in chosen])
    state.changes = engine_changes(changes, names)
    if not changes:
        state.empty = "No engine answered the same input with the same settings on both sides."
    noted = [f"The newest {MOST_PAIRS} of {len(shared):,} pairs are shown: choose engines to see others."] * (
        len(shared) > MOST_PAIRS
    )
    if max(len(before), len(after)) >= MOST_ROWS:
        noted.append(f"Only the newest {MOST_ROWS:,} good runs of a side are looked at.")
    state.note = " ".join(noted)
    return state


def build_regression(
    store_for: Callable[[], Store], session_of: Callable[[gr.Request], str | None] = lambda request: None
) -> Regression:
    """The panel, closed until an "sc-open" event reaches its element."""
    panel = Regression()

    def asked(event: gr.EventData, request: gr.Request) -> RegressionState:
        try:
            return answer(store_for(), event._data, session_of(request))
        except EngineError as error:
            raise gr.Error(str(error), print_exception=False) from None

    panel.ask(asked, None, panel, concurrency_limit=2, **EACH, **PRIVATE)
    return panel
