"""The command `batch`: a dataset on many engines, with progress on stderr and the figures per engine on stdout."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from comparisons.batch import Batch, BatchPlan, Progress, Row
from comparisons.batch_plan import MOST_AT_ONCE
from comparisons.datasets import open_dataset
from comparisons.figures import figures_table
from comparisons.judge_command import judge_of, judged
from comparisons.manifests import missing_voice_consent
from comparisons.runner import Runner
from comparisons.statistics import statistics_of, write_statistics
from comparisons.table import printable, write_csv, write_jsonl
from engine.contract import BadInput, EngineError, EngineSpec
from engine.tasks import TASKS

HOW_TO_AGREE = "add --i-may-use-this-voice if it is yours or its owner agreed"
_PER_S = (("h", 3_600), ("min", 60))


def add_parser(commands: Any) -> argparse.ArgumentParser:
    """The parser of `batch` without the options that it shares with `run`."""
    command = commands.add_parser(
        "batch", help="many inputs on many engines, resumable; exit 0 if anything was answered, 1 if nothing, 2 for bad input"
    )
    command.add_argument("task", choices=TASKS)
    command.add_argument(
        "dataset", help="a folder, .zip, manifest (.csv, .tsv, .jsonl), .txt with a text per line, or hub:owner/name"
    )
    command.add_argument("--summary", type=_summary_file, metavar="FILE", help="figures with intervals, .json or .csv")
    command.add_argument("--resume", metavar="BATCH_ID", help="go on with a batch that was stopped or killed")
    command.add_argument("--at-once", type=_at_once, default=1, metavar="N", help="items under way together (default 1)")
    return command


def _summary_file(text: str) -> Path:
    if Path(text).suffix.lower() not in (".json", ".csv"):
        raise argparse.ArgumentTypeError(f"must end in .json or .csv, got {text!r}")
    return Path(text)


def _at_once(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= MOST_AT_ONCE):
        raise argparse.ArgumentTypeError(f"must be a whole number from 1 to {MOST_AT_ONCE}, got {text[:40]!r}")
    return int(text)


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def run(chosen: argparse.Namespace, specs: tuple[EngineSpec, ...], settings: Mapping[str, Any], shared: Mapping[str, Any]) -> int:
    """`shared`: the fields of the plan that come from the options shared with `run`. The exit status; raises EngineError."""
    runner = Runner()
    try:
        with open_dataset(chosen.dataset, chosen.task) as dataset:
            if missing := missing_voice_consent(dataset.columns, TASKS[chosen.task], chosen.i_may_use_this_voice, HOW_TO_AGREE):
                raise BadInput(missing)
            plan = BatchPlan(chosen.task, specs, settings=settings, at_once=chosen.at_once, **shared)
            batch = Batch(runner, dataset, plan, batch_id=chosen.resume, on_row=lambda row: _tell(row, batch.progress()))
            _say(f"batch {batch.batch_id}: {len(dataset)} items, {len(specs)} engines; --resume {batch.batch_id} goes on with it")
            for vendor, line in {spec.vendor: spec.data_use for spec in specs if spec.where == "cloud" and spec.data_use}.items():
                _say(f"{vendor} and your data: {line}")
            judge = judge_of(chosen, chosen.task, runner)
            batch.start()
            try:
                batch.wait()
            except KeyboardInterrupt:
                batch.cancel()
                batch.wait()
            found = statistics_of(batch.rows())
            sys.stdout.write(figures_table(found) + "\n")
            verdicts = judged(judge, runner, list(batch.rows())) if judge is not None else None
            for kind, write in (("csv", write_csv), ("jsonl", write_jsonl)):
                if file := getattr(chosen, kind):
                    _write(write, verdicts or batch.rows(), file)
            if chosen.summary:
                _write(write_statistics, found, chosen.summary)
            end = batch.progress()
    finally:
        runner.close()
    _say(f"`capsule save {end.batch_id} FILE` makes one file of it, `capsule report {end.batch_id} FILE` a page")
    _say(f"batch {end.batch_id} {end.state}: {end.ok + end.resumed} answered, {end.failed} failed, ${end.spent_usd:.4f} spent")
    if end.fault:
        raise EngineError(end.fault)
    return 0 if any(each.ok for each in found.engines) else 1


def _tell(row: Row, now: Progress) -> None:
    took = "" if row["total_s"] is None else f" in {row['total_s']:.3f} s"
    cached = " (cached)" if row["cached"] else ""
    left = "" if now.eta_s is None else f", about {_duration(now.eta_s)} left"
    name = printable(str(row["input_name"]))
    _say(f"[{now.cells_done}/{now.cells}] {row['engine_id']} {name}: {row['status']}{took}{cached}; ${now.spent_usd:.4f}{left}")
    if row["error"]:
        _say(f"  {printable(row['error'])}")


def _duration(seconds: float) -> str:
    for unit, size in _PER_S:
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def _write(write: Any, rows: Any, file: Path) -> None:
    try:
        write(rows, file)
    except OSError as error:
        raise EngineError(f"{file} could not be written: {error.strerror}") from None
    _say(f"wrote {file}")
