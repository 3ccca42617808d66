"""A comparison over many inputs: a dataset goes in, one kept row per input, engine and repeat comes out.

What is done is read from the store, so that a batch that was killed goes on where it stopped: what was answered is neither asked
nor paid for again. Every input is one `Run` with the runner's own clocks, lanes, caps and retries.
"""

from __future__ import annotations

import json
import logging
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from comparisons import __version__
from comparisons.batch_plan import BatchPlan, Progress
from comparisons.columns import COLUMNS
from comparisons.cost import bill
from comparisons.datasets import Asked, Dataset, Item, read_item
from comparisons.faults import Fault
from comparisons.kept_batch import claim, final_rows, new_batch_id, rows_of
from comparisons.metrics import preload
from comparisons.results import Cell, Result, Settled
from comparisons.runner import Plan, Run, Runner
from comparisons.settle import Taken, visible_line
from engine.contract import BadInput, EngineError, EngineSpec
from engine.tasks import usage_of

__all__ = ["Batch", "BatchPlan", "Progress", "final_rows", "rows_of"]

log = logging.getLogger(__name__)

Row = Mapping[str, Any]


class ItemRun(Run):
    """The run of one item: without the cells that are done, and under the spend cap of the whole batch."""

    def __init__(self, batch: Batch, plan: Plan, done: frozenset[Cell]) -> None:
        self._batch, self._done = batch, done
        super().__init__(batch.runner, plan)

    @property
    def cells(self) -> list[Cell]:
        return self._cells

    @cells.setter
    def cells(self, cells: list[Cell]) -> None:
        self._cells = [cell for cell in cells if cell not in self._done]

    def _settled_early(self, spec: EngineSpec, cell: Cell) -> bool:
        if cell in self._done or super()._settled_early(spec, cell):
            return True
        fault = self._batch._afford(self, spec, cell)
        if fault is not None:
            self._settle(cell, Taken(fault=fault))
        return fault is not None


class Batch:
    """A dataset under way on many engines. Begins with `start()`; with the id of an earlier one it goes on with that one.

    `on_row` hears of each settled row, from a thread of the batch. Raises EngineError for a batch that cannot be.
    """

    def __init__(
        self,
        runner: Runner,
        dataset: Dataset,
        plan: BatchPlan,
        *,
        batch_id: str | None = None,
        on_row: Callable[[Row], None] | None = None,
    ) -> None:
        if dataset.task != plan.task:
            raise BadInput(f"the dataset {dataset.name!r} was opened for {dataset.task}, not for {plan.task}")
        plan.check()
        self.runner, self.dataset, self.plan = runner, dataset, plan
        self.batch_id = batch_id or new_batch_id()
        self._on_row = on_row
        self._changed = threading.Condition(threading.RLock())
        self._state, self._fault = "ready", None
        self._done: set[tuple[str, Cell]] = set()
        self._unreadable: set[tuple[str, str]] = set()
        self._seen: Counter[str] = Counter()
        self._runs: set[ItemRun] = set()
        self._held: dict[tuple[ItemRun, Cell], float] = {}
        self._counts: Counter[str] = Counter()
        self._spent_usd = self._spent_here_usd = self._committed_usd = 0.0
        self._active_s, self._since, self._kept_before = 0.0, None, 0
        self._threads: list[threading.Thread] = []
        self._claimed = claim(runner.store, self.batch_id)
        if batch_id is not None:
            try:
                self._read_back()
            except BaseException:
                self._claimed.close()
                raise

    def _read_back(self) -> None:
        found = False
        for row in rows_of(self.runner.store, self.batch_id, self.plan.task, self.plan.session):
            found = True
            if row["status"] == "ok":
                self._done.add((row["item"], Cell(row["engine_id"], row["repeat"])))
                if row["where"] == "cloud" and not row["cached"]:
                    self._spent_usd += row["cost_usd"] or 0.0
            elif row["attempts"] is None:
                self._unreadable.add((row["item"], row["engine_id"]))
        if not found:
            raise BadInput(f"no {self.plan.task} row of the batch {self.batch_id} is kept here: start a new one")
        self._committed_usd = self._spent_usd
        self._kept_before = len(self._done)

    # -------------------------------------------------------- for whoever watches

    def start(self) -> Batch:
        """Begin, and return at once."""
        preload(self.plan.task)
        self._items = enumerate(self.dataset.items)
        with self._changed:
            self._state, self._since = "running", time.perf_counter()
            self._threads = [
                threading.Thread(target=self._work, name=f"batch-{number}", daemon=True) for number in range(self.plan.at_once)
            ]
        for thread in self._threads:
            thread.start()
        return self

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until nothing is under way any more; whether that is so."""
        with self._changed:
            return self._changed.wait_for(lambda: self._state != "ready" and not self._threads, timeout_s)

    def pause(self) -> None:
        """Begin no further item; those under way are finished."""
        self._switch("running", "paused")

    def go_on(self) -> None:
        self._switch("paused", "running")

    def _switch(self, before: str, after: str) -> None:
        with self._changed:
            if self._state == before:
                self._stop_clock()
                self._state, self._since = after, time.perf_counter() if after == "running" else None
                self._changed.notify_all()

    def cancel(self) -> None:
        """Stop the spend: open cells are settled as cancelled; `batch_id` can be gone on with later."""
        self._end("stopped")

    def _end(self, state: str, fault: str | None = None) -> None:
        with self._changed:
            if self._state in ("ready", "running", "paused"):
                self._stop_clock()
                self._state, self._fault = state, fault
            runs = list(self._runs) if state != "finished" else []
            self._changed.notify_all()
        for run in runs:
            run.cancel()

    def _stop_clock(self) -> None:
        if self._since is not None:
            self._active_s, self._since = self._active_s + time.perf_counter() - self._since, None

    def rows(self) -> Iterator[dict[str, Any]]:
        """One kept row per item, engine and repeat so far, of this start and the earlier ones."""
        return final_rows(self.runner.store, self.batch_id, self.plan.task, self.plan.session)

    def progress(self) -> Progress:
        with self._changed:
            count, per_item = self._counts, len(self.plan.specs) * self.plan.repeats
            cells, done = len(self.dataset) * per_item, count["settled"] + count["resumed"]
            elapsed_s = self._active_s + (0.0 if self._since is None else time.perf_counter() - self._since)
            rest = max(0, cells - done - max(0, self._kept_before - count["resumed"]))
            over = self._state in ("stopped", "finished", "failed")
            eta_s = elapsed_s / count["settled"] * rest if count["settled"] and not over else None
            share = rest / count["settled"] if count["settled"] else None
            known = share is not None and not count["unknown_costs"]
            return Progress(
                batch_id=self.batch_id,
                state=self._state,
                items=len(self.dataset),
                items_done=count["items"],
                cells=cells,
                cells_done=done,
                resumed=count["resumed"],
                ok=count["ok"],
                failed=count["failed"],
                cached=count["cached"],
                spent_usd=self._spent_usd,
                unknown_costs=count["unknown_costs"],
                expected_usd=self._spent_usd + self._spent_here_usd * share if known else None,
                elapsed_s=elapsed_s,
                eta_s=eta_s,
                fault=self._fault,
            )

    # -------------------------------------------------------- the work

    def _work(self) -> None:
        try:
            while (found := self._next()) is not None:
                self._item(*found)
        except EngineError as error:
            self._end("failed", str(error))
        except Exception as error:
            log.exception("batch %s", self.batch_id)
            self._end("failed", f"the batch stopped on an error of its own: {type(error).__name__}: {error}"[:300])
        finally:
            with self._changed:
                self._threads.remove(threading.current_thread())
                if not self._threads:
                    self._end("finished")
                    self._claimed.close()

    def _next(self) -> tuple[int, Item, str] | None:
        """The next item and its key; an input that comes twice has two keys."""
        with self._changed:
            self._changed.wait_for(lambda: self._state != "paused")
            found = next(self._items, None) if self._state == "running" else None
            if found is None:
                return None
            number, item = found
            key = item.key(self.plan.task, self.plan.settings)
            self._seen[key] += 1
            return number, item, key if self._seen[key] == 1 else f"{key}-{self._seen[key]}"

    def _item(self, number: int, item: Item, key: str) -> None:
        plan = self.plan
        cells = {Cell(spec.id, repeat) for spec in plan.specs for repeat in range(1, plan.repeats + 1)}
        done = frozenset(cell for cell in cells if (key, cell) in self._done)
        with self._changed:
            self._counts["resumed"] += len(done)
        if cells - done:
            try:
                asked = read_item(item, plan.task, plan.settings)
            except EngineError as error:
                self._refuse(item, key, cells - done, error)
            else:
                self._watch(ItemRun(self, self._plan_of(number, item, key, asked, cells - done), done))
        with self._changed:
            self._counts["items"] += 1

    def _plan_of(self, number: int, item: Item, key: str, asked: Asked, cells: set[Cell]) -> Plan:
        shared = (
            *("task", "repeats", "timeout_s", "use_cache", "access", "session", "machine_usd_per_hour"),
            *("hear_with", "agreed"),
        )
        open_ids = {cell.engine_id for cell in cells}
        return Plan(
            request=asked.request,
            specs=tuple(spec for spec in self.plan.specs if spec.id in open_ids),
            input_name=item.name,
            reference=asked.reference,
            warmups=self.plan.warmups if number == 0 else 0,
            batch_id=self.batch_id,
            item=key,
            slices=item.slices,
            **{name: getattr(self.plan, name) for name in shared},
        )

    def _watch(self, run: ItemRun) -> None:
        with self._changed:
            self._runs.add(run)
            stopped = self._state not in ("running", "paused")
        if stopped:
            run.cancel()
        for event in run.events():
            if isinstance(event, Settled):
                self._settled(run, event.cell, event.result)
        with self._changed:
            self._runs.discard(run)
            self._changed.notify_all()

    def _settled(self, run: ItemRun | None, cell: Cell, result: Result) -> None:
        row = result.row
        with self._changed:
            self._counts.update(settled=1, ok=int(result.ok), failed=int(not result.ok), cached=int(bool(row["cached"])))
            held = self._held.pop((run, cell), 0.0)
            if row["where"] == "cloud" and result.ok and not row["cached"]:
                self._counts["unknown_costs"] += row["cost_usd"] is None
                cost = row["cost_usd"] or 0.0
                self._spent_usd += cost
                self._spent_here_usd += cost
                self._committed_usd += cost - held
            elif not row["attempts"]:  # what was sent and failed may be billed all the same, and stays in the sum
                self._committed_usd -= held
        if self._on_row is not None:
            self._on_row(row)
        if row.get("not_kept"):
            self._end("failed", f"A row could not be kept, and going on would pay for answers that are lost: {row['not_kept']}")

    def _refuse(self, item: Item, key: str, cells: set[Cell], error: EngineError) -> None:
        """The rows of an item that cannot be used, kept once however often the batch is gone on with."""
        specs = {spec.id: spec for spec in self.plan.specs}
        ordered = sorted(cells, key=lambda cell: (cell.repeat, list(specs).index(cell.engine_id)))
        rows = [self._refused_row(specs[cell.engine_id], cell, item, key, error) for cell in ordered]
        new = [row for row in rows if (key, row["engine_id"]) not in self._unreadable]
        self.runner.store.add_all(new, session=self.plan.session)
        for row in rows:
            self._settled(None, Cell(row["engine_id"], row["repeat"]), Result(row))

    def _refused_row(self, spec: EngineSpec, cell: Cell, item: Item, key: str, error: EngineError) -> dict[str, Any]:
        settings = {**self.plan.settings, **item.settings}
        return dict.fromkeys(COLUMNS) | {
            "comparison_id": uuid.uuid4().hex,
            "created_at": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "task": self.plan.task,
            **{name: getattr(spec, name) for name in ("vendor", "system", "model", "where")},
            "engine_id": spec.id,
            "engine_name": spec.name,
            "status": error.kind,
            "error": str(error),
            "cached": False,
            "repeat": cell.repeat,
            "input_name": visible_line(item.name, 120),
            "reference": item.reference,
            "settings": json.dumps(settings, ensure_ascii=False, sort_keys=True, default=str) if settings else None,
            "app_version": __version__,
            "batch_id": self.batch_id,
            "item": key,
            "slices": json.dumps(dict(item.slices), ensure_ascii=False, sort_keys=True) if item.slices else None,
        }

    def _afford(self, run: ItemRun, spec: EngineSpec, cell: Cell) -> Fault | None:
        """Put a cloud call's cost aside before it is made: calls in parallel cannot together go over the cap."""
        cap = self.plan.spend_cap_usd
        if cap is None or spec.where != "cloud":
            return None
        expected = bill(spec, usage_of(run.plan.request, None), None, None, None).cost_usd
        if expected is None:
            return Fault("over_budget", f"{spec.id}: its cost cannot be known beforehand, so the spend cap cannot be kept")
        with self._changed:
            if self._committed_usd + expected > cap:
                left = max(0.0, cap - self._committed_usd)
                return Fault("over_budget", f"{spec.id} would cost about ${expected:.4f}; ${left:.4f} of the spend cap is left")
            self._committed_usd += expected
            self._held[run, cell] = expected
            return None
