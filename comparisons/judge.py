"""A text model as judge of kept answers: which word differences change the meaning, and how well an answer meets a rubric.

A judge changes its mind, so it is asked several times: the median counts and the spread stands beside it.
"""

from __future__ import annotations

import hashlib
import json
import math
import statistics
import threading
import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from comparisons import faults, lanes
from comparisons.cache import Answer, Answers, answer_key
from comparisons.catalogue import Access, access_from_environment, on_space, readiness
from comparisons.columns import COLUMNS
from comparisons.cost import bill
from comparisons.faults import STOPPED, Fault
from comparisons.judge_cases import METRICS, Case, case_of
from comparisons.judge_price import SILENT, most_usd
from comparisons.store import Store
from comparisons.words import Withheld
from engine.contract import BadResponse, EngineError, EngineSpec, Facts, NotReady, Text, Usage
from providers._judge import JUDGES, server_judge

TIMES, MOST_TIMES = 3, 9
LONGEST_RUBRIC = 5_000
_ENDS = ("", "_lowest", "_highest")
_OWN = ("judge_id", "judge_model", "judge_prompt_sha256", "judge_times", "judge_verdicts", "judge_cost_usd")
_REFUSED = ("auth", "quota", "shut_down", "not_ready", "unsupported")
_FINAL = (*_REFUSED, "over_budget", "cancelled")
"""Faults that every further call would meet as well."""
_UNBILLED = (*_REFUSED, "rate_limit", "too_large", "bad_input")
_LONGEST_WAIT_S = 20.0


def judge_named(engine_id: str) -> EngineSpec:
    """Raises NotReady with the ids of the judges that exist."""
    for spec in JUDGES:
        if spec.id == engine_id:
            return spec
    raise NotReady(f"{engine_id!r} cannot judge; these can: {', '.join(spec.id for spec in JUDGES)}")


def own_judge(base_url: str, model: str) -> EngineSpec:
    """A model of a person's own OpenAI-compatible server. On a Space only public addresses are connected to."""
    return server_judge(base_url, model, public_only=on_space())


class _Stopped(Exception):
    """No further call can succeed."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault


class _Failed(Exception):
    """This call failed for good; the next row may do better."""


class Judge:
    """Judges rows one after the other. `cancel()` from any thread hangs up; what was judged until then stands."""

    def __init__(
        self,
        spec: EngineSpec,
        answers: Answers,
        *,
        times: int = TIMES,
        rubric: str | None = None,
        access: Access | None = None,
        scope: str = "",
        spend_cap_usd: float | None = None,
        timeout_s: float = 120.0,
    ) -> None:
        """`scope` keeps answers bought with a visitor's own key apart. Raises EngineError for what cannot be."""
        if not 1 <= times <= MOST_TIMES:
            raise EngineError(f"a judge is asked 1 to {MOST_TIMES} times, not {times}")
        self.spec, self.times, self.rubric = spec, times, (rubric or "").strip() or None
        if len(self.rubric or "") > LONGEST_RUBRIC:
            raise EngineError(f"a rubric may have {LONGEST_RUBRIC:,} characters, got {len(self.rubric):,}")
        self.access = access or access_from_environment(spec)
        ready = readiness(spec, self.access)
        if ready.status != "ready":
            raise NotReady(f"{spec.id}: {' '.join(ready.needs)}")
        self.answers, self.scope, self.cap, self.timeout_s = answers, scope, spend_cap_usd, timeout_s
        self.spent_usd = 0.0
        """Known cost of the calls made here; cached answers cost nothing."""
        self.committed_usd = 0.0
        """What counts against the spend cap; a call of unknown cost counts as the most that it can have cost."""
        self._stop = threading.Event()
        self._engine = None
        self.fault: Fault | None = None
        """Why judging ended early."""

    def cancel(self) -> None:
        self._stop.set()
        if self._engine is not None:
            self._engine.close()

    def judged(self, rows: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
        """Every row in order, the good ones with the judge's columns; `metrics_withheld` says why one could not be judged."""
        try:
            for row in rows:
                yield {**row, **self._columns(row)} if row["status"] == "ok" else dict(row)
        finally:
            if self._engine is not None:
                self._engine.close()

    def _columns(self, row: Mapping[str, Any]) -> dict[str, Any]:
        metric = METRICS[row["task"]]
        found: dict[str, Any] = dict.fromkeys((*_OWN, *(metric + end for end in _ENDS)))
        case, verdicts, costs, reason = None, [], [], None
        try:
            case = case_of(row, self.rubric)
            while case.settled is None and len(verdicts) < self.times:
                verdict, found["judge_model"] = self._verdict(case, len(verdicts) + 1, costs)
                verdicts.append(verdict)
            values = [case.value(verdict) for verdict in verdicts] or [case.settled]
            shown = (float(statistics.median(values)), min(values), max(values))
            found |= {metric + end: value for end, value in zip(_ENDS, shown, strict=True)}
        except Withheld as why:
            reason = str(why)
        except _Failed as why:
            reason = f"{self.spec.id} gave {len(verdicts)} of {self.times} verdicts: {why}"
        except _Stopped as ended:
            self.fault = ended.fault
            reason = f"{self.spec.id}: {ended.fault.message}"
        if case is not None:
            found |= {"judge_id": self.spec.id, "judge_prompt_sha256": case.prompt_sha256, "judge_times": len(verdicts)}
            found["judge_verdicts"] = json.dumps({**case.about, "verdicts": verdicts}, ensure_ascii=False)
            found["judge_cost_usd"] = None if None in costs else math.fsum(costs)
            found |= {"rubric": case.about["rubric"]} if "rubric" in case.about else {}
        return found | _noted(row, metric, self.spec.id, reason)

    def _verdict(self, case: Case, number: int, costs: list[float | None]) -> tuple[Any, str | None]:
        """One verdict and the model that gave it, asked for twice at most; every call adds its cost to `costs`."""
        key = answer_key(
            engine_id=self.spec.id,
            model=self.spec.model,
            settings={"judge_prompt": case.prompt_sha256},
            input_sha256=hashlib.sha256(case.question.data.encode()).hexdigest(),
            repeat=number,
            versions={},
            scope=self.scope,
        )
        known = self.answers.get(key)
        if known is not None:
            costs.append(known.row["cost_usd"])
            return case.read(known.row["text"]), known.row["model"]
        fault = None
        for _ in range(2):
            if fault is not None and self._stop.wait(min(fault.retry_after_s or 0.5, _LONGEST_WAIT_S)):
                break
            try:
                text, model, cost = self._call(case, costs)
                verdict = _read(case, self.spec, text)
            except _Stopped:
                raise
            except Exception as error:  # noqa: BLE001  sorted into a kind; the row stands without this number
                fault = faults.sort(error, secrets=[self.access.key])
                if fault.kind in _FINAL or self._stop.is_set():
                    break
                continue
            self.answers.put(key, Answer({"status": "ok", "text": text, "model": model, "cost_usd": cost}, b""))
            return verdict, model
        if self._stop.is_set():
            raise _Stopped(STOPPED)
        raise _Stopped(fault) if fault.kind in _FINAL else _Failed(fault.message)

    def _call(self, case: Case, costs: list[float | None]) -> tuple[str, str | None, float | None]:
        if self._stop.is_set() or self.fault:
            raise _Stopped(self.fault or STOPPED)
        most = most_usd(self.spec, case)
        self._afford(most)
        if self._engine is None:
            self._engine = lanes.cloud_engine(self.spec, self.access)
            self._engine.load()
        text, model, usage, billed = None, None, None, True
        try:
            for piece in self._engine.run(case.question, self.timeout_s):
                if isinstance(piece, Usage):
                    usage = piece.amounts
                elif isinstance(piece, Text):
                    text = piece.text
                elif isinstance(piece, Facts):
                    model = piece.model
        except Exception as error:
            billed = usage is not None or faults.sort(error).kind not in _UNBILLED
            raise
        finally:
            cost = bill(self.spec, SILENT, usage, None, None).cost_usd if billed else 0.0
            costs.append(cost)
            self.spent_usd += cost or 0.0
            self.committed_usd += (most or 0.0) if cost is None else cost
        return text, model, cost

    def _afford(self, most: float | None) -> None:
        if self.cap is None:
            return
        if most is None:
            reason = "its cost cannot be known beforehand, so the spend cap cannot be kept"
        elif self.committed_usd + most > self.cap:
            left = max(0.0, self.cap - self.committed_usd)
            reason = f"the next call may cost ${most:.4f}; ${left:.4f} of the spend cap is left"
        else:
            return
        raise _Stopped(Fault("over_budget", reason))


def _read(case: Case, spec: EngineSpec, text: str | None) -> Any:
    try:
        return case.read(text or "")
    except (ValueError, RecursionError) as error:
        words = "it is no JSON" if isinstance(error, (json.JSONDecodeError, RecursionError)) else str(error)
        raise BadResponse(f"{spec.id} answered with something that is not a verdict: {words}") from None


def _noted(row: Mapping[str, Any], metric: str, judge_id: str, reason: str | None) -> dict[str, Any]:
    """The row's versions and withheld metrics with the judge's own."""
    versions, withheld = (json.loads(row[name] or "{}") for name in ("metric_versions", "metrics_withheld"))
    versions, withheld = ({name: each for name, each in old.items() if name != metric} for old in (versions, withheld))
    if reason is None:
        versions[metric] = f"1, judged by {judge_id}"
    else:
        withheld[metric] = reason
    named = {"metric_versions": versions, "metrics_withheld": withheld}
    return {name: json.dumps(value, ensure_ascii=False, sort_keys=True) if value else None for name, value in named.items()}


def keep(store: Store, rows: Sequence[Mapping[str, Any]], session: str | None = None) -> str:
    """Keep what was added to answers after their run: a copy of each good row, marked cached, in a comparison of their own.

    The history is only ever added to, and a cached row is never averaged with fresh ones. Returns the comparison's id.
    """
    today = {
        "comparison_id": uuid.uuid4().hex,
        "created_at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "cached": True,
        "batch_id": None,
    }
    good = [row for row in rows if row["status"] == "ok"]
    store.add_all([{name: row[name] for name in row if name in COLUMNS} | today for row in good], session)
    return today["comparison_id"]


def verdict_line(row: Mapping[str, Any]) -> str:
    """The judge's number with its spread, or why there is none."""
    metric = METRICS[row["task"]]
    column = COLUMNS[metric]
    if row[metric] is None:
        return f"no {column.label}: {json.loads(row['metrics_withheld'] or '{}').get(metric, 'not judged')}"
    if not row["judge_times"]:
        return f"{column.label} {column.shown(row[metric])}, no word differs"
    low, high = (column.shown(row[f"{metric}_{end}"]) for end in ("lowest", "highest"))
    return f"{column.label} {column.shown(row[metric])}, {low} to {high} in {row['judge_times']} verdicts"
