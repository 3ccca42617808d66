"""The section in which a text model judges the answers that are shown, and a person rates them by a rubric. Off until chosen.

It works over the rows of the last run: whatever goes wrong here is one sentence, and nothing that was there before is lost.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any

import gradio as gr

from comparisons.catalogue import Access
from comparisons.faults import check_key
from comparisons.judge import JUDGES, LONGEST_RUBRIC, MOST_TIMES, TIMES, Judge, judge_named, keep, own_judge
from comparisons.judge_cases import METRICS, RUBRIC
from comparisons.judge_price import in_words, quote, spent_usd
from comparisons.results import Result
from engine.contract import EngineError, EngineSpec
from ui.desk import EACH, PRIVATE, Desk
from ui.keys import read_keys
from ui.note import Note, bad
from ui.plan import within
from ui.verdicts import Verdicts, judged_state, rated_state, ratings_of

log = logging.getLogger(__name__)

JUDGED_TASKS = tuple(METRICS)
OWN = "server"
_OFF = "AI judge (off)"
Rows = list[dict[str, Any]]


class JudgeSection:
    """Made inside an open column. `rows` are those of the last run, on the server alone."""

    def __init__(self, task: str) -> None:
        self.task, self.rows, scores = task, gr.State([]), METRICS[task] == "judge_score"
        with gr.Accordion("Rubric and your ratings", open=False, visible=scores):
            self.rubric = gr.Textbox(
                RUBRIC if scores else "",
                label="Rubric",
                info="What ratings, and the judge's score, go by.",
                lines=2,
                max_lines=8,
                max_length=LONGEST_RUBRIC,
            )
            self.ratings, self.rated = Verdicts(elem_id=f"ratings-{task}"), Note()
        with gr.Accordion(_OFF, open=False, elem_id=f"judge-section-{task}") as self.section:
            with gr.Row():
                choices = [("Off", ""), *((f"{spec.name} · {spec.vendor}", spec.id) for spec in JUDGES), ("Your own server", OWN)]
                self.judge = gr.Dropdown(choices, value="", label="Judge", info=_ASKS[METRICS[task]], min_width=240)
                self.times = gr.Number(
                    TIMES,
                    label="Verdicts per answer",
                    info="The median counts.",
                    min_width=160,
                    minimum=1,
                    maximum=MOST_TIMES,
                    precision=0,
                )
            with gr.Row(visible=False) as self.server:
                self.url = gr.Textbox(label="Address", placeholder="http://localhost:8000/v1", max_length=500)
                self.model = gr.Textbox(label="Model", placeholder="as the server calls it", max_length=200)
                self.key = gr.Textbox(label="Key, if it wants one", type="password", max_length=2_048)
            with gr.Row(elem_classes="sc-judge-row"):
                self.button = gr.Button("Judge these answers", interactive=False, size="md", elem_id=f"judge-{task}")
                self.stop = gr.Button("Stop", variant="stop", visible=False, size="md")
                self.price = Note()
            self.said = Note()
            self.verdicts = Verdicts()

    @property
    def emptied(self) -> list[Any]:
        """What a new run empties."""
        return [self.rows, self.verdicts, self.said, self.ratings, self.rated]

    def parts(self, results: Sequence[Result]) -> dict[Any, Callable[[], Any]]:
        """What a finished run shows here, made when it is asked for."""
        rows = [dict(result.row) for result in results]
        return {self.rows: lambda: rows, self.ratings: lambda: rated_state(rows)}

    def listen(self, desk: Desk, cap: Any, download: Any, write: Callable[[Rows], str]) -> None:
        """`cap`: the box of the spend cap. `write` makes the file that `download` offers. Private: keys travel with it."""
        boxes = [self.judge, self.times, self.rubric, self.url, self.model, self.key, cap]
        inputs = [self.rows, *boxes, *desk.keys]

        def price(request: gr.Request, rows: Rows, *values: Any) -> tuple[Any, ...]:
            said, ready = _price(desk, rows, values, request.session_hash)
            label = _OFF if not values[0] else "AI judge"
            return gr.Accordion(label=label), gr.Row(visible=values[0] == OWN), gr.Button(interactive=ready), said

        async def judge(request: gr.Request, rows: Rows, *values: Any) -> AsyncIterator[dict[Any, Any]]:
            try:
                judge = _judge(desk, rows, values, request.session_hash)
            except EngineError as error:
                yield {self.said: bad(str(error))}
                return
            under_way = desk.running.setdefault(request.session_hash or "", set())
            under_way.add(judge)
            found: Rows = []
            try:
                yield {
                    self.button: gr.Button(visible=False),
                    self.stop: gr.Button(visible=True),
                    self.verdicts: {},
                    self.said: "",
                }
                answers = judge.judged(rows)
                while (row := await asyncio.to_thread(next, answers, None)) is not None:
                    found.append(row)
                    progress = f"{len(found)} of {len(rows)} · spent ${judge.spent_usd:.4f}"
                    yield {self.verdicts: judged_state(found, judge.times), self.said: progress}
                said = await asyncio.to_thread(_keep, desk, found, request.session_hash)
                yield {
                    self.rows: found,
                    self.verdicts: judged_state(found, judge.times),
                    self.said: said or _ended(judge, found),
                    self.button: gr.Button(visible=True),
                    self.stop: gr.Button(visible=False),
                    download: gr.update(value=await asyncio.to_thread(write, found)),
                }
            finally:
                under_way.discard(judge)
                judge.cancel()

        def stop(request: gr.Request) -> None:
            for run in list(desk.running.get(request.session_hash or "", ())):
                if isinstance(run, Judge):
                    run.cancel()

        def rate(event: gr.EventData, request: gr.Request, rows: Rows, rubric: str) -> tuple[Any, ...]:
            try:
                good = [row for row in rows or [] if row["status"] == "ok"]
                ratings = ratings_of(event, len(good))
                rubric = (rubric or "").strip()[:LONGEST_RUBRIC] or None
                for row, (stars, note) in zip(good, ratings, strict=True):
                    row |= {"rating": stars, "rating_note": note, "rubric": rubric}
                    if stars is not None and row.get("seq") is not None:
                        desk.runner.store.rate(row["seq"], stars, request.session_hash)
                rated = [row for row in good if row["rating"] is not None or row["rating_note"]]
                if not rated:
                    return gr.skip(), "Choose a number from 1 to 5, or say why.", gr.skip()
                keep(desk.runner.store, rated, request.session_hash)
            except EngineError as error:
                return gr.skip(), bad(str(error)), gr.skip()
            return rows, f"Kept: {len(rated)} of {len(good)} answers.", gr.update(value=write(rows))

        outputs = [self.section, self.server, self.button, self.price]
        gr.on([self.rows.change, *(box.change for box in boxes)], price, inputs, outputs, trigger_mode="always_last", **PRIVATE)
        gr.on([box.blur for box in desk.keys], price, inputs, outputs, trigger_mode="always_last", **PRIVATE)
        results = [self.rows, self.verdicts, self.said, self.button, self.stop, download]
        self.button.click(judge, inputs, results, concurrency_limit=None, **PRIVATE)
        self.stop.click(stop, None, None, queue=False, **PRIVATE)
        self.ratings.keep(rate, [self.rows, self.rubric], [self.rows, self.rated, download], **EACH, **PRIVATE)


_ASKS = {
    "semantic_wer": "Reads reference and transcripts; says which differing words change the meaning.",
    "judge_score": "Reads question, rubric, reference and answers; gives 1 to 5.",
}


def _spec(values: Sequence[Any]) -> EngineSpec:
    judge, _, _, url, model, *_ = values
    return own_judge(url or "", model or "") if judge == OWN else judge_named(str(judge))


def _judge(desk: Desk, rows: Rows, values: Sequence[Any], session: str | None) -> Judge:
    """Everything checked again on this side. Raises EngineError with one sentence."""
    _, times, rubric, _, _, key, cap, *typed = values
    if not rows:
        raise EngineError("Run first: the judge reads answers that are there.")
    spec, pasted = _spec(values), read_keys(typed)
    access = Access(check_key(key)) if values[0] == OWN and (key or "").strip() else pasted.get(spec.vendor_slug)
    if values[0] == OWN:
        access = access or Access()
    judge = Judge(
        spec,
        desk.runner.answers,
        times=_whole(times),
        rubric=rubric,
        access=access,
        scope=f"session {session}" if access is not None else "",
        spend_cap_usd=within(cap, 0, 10_000, None, "The spend cap"),
    )
    judge.committed_usd = spent_usd(rows)
    return judge


def _price(desk: Desk, rows: Rows, values: Sequence[Any], session: str | None) -> tuple[Any, bool]:
    """What the button will cost, and whether it can be pressed."""
    if not values[0]:
        return "", False
    try:
        judge = _judge(desk, rows, values, session)
        price = quote(judge.spec, [row for row in rows if row["status"] == "ok"], judge.times, judge.rubric)
    except EngineError as error:
        return str(error), False
    if not price.calls and METRICS[rows[0]["task"]] == "semantic_wer" and not any(row["reference"] for row in rows):
        return "It needs a reference: write what was said, then run again.", False
    return f"{in_words(price)[:1].upper()}{in_words(price)[1:]}. {judge.spec.data_use or ''}".strip(), True


def _whole(value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        return TIMES


def _keep(desk: Desk, rows: Rows, session: str | None) -> Any:
    """A sentence when the verdicts could not be kept; they stay on the page and in the download."""
    try:
        keep(desk.runner.store, rows, session)
    except EngineError as error:
        log.error("verdicts were not kept: %s", error)
        return bad(f"Not kept in the table: {error}")
    return None


def _ended(judge: Judge, rows: Sequence[Mapping[str, Any]]) -> Any:
    judged = sum(row.get(METRICS[row["task"]]) is not None for row in rows)
    words = f"{judged} of {len(rows)} judged · spent ${judge.spent_usd:.4f}"
    return bad(f"{words}. {judge.fault.message}") if judge.fault else words
