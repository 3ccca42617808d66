"""The judge on the command line: options of `run`, and the command `judge` for a comparison or a batch that is kept."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from comparisons.catalogue import SERVERS, Access
from comparisons.judge import JUDGES, MOST_TIMES, TIMES, Judge, judge_named, keep, own_judge, verdict_line
from comparisons.judge_cases import METRICS
from comparisons.judge_price import in_words, quote, spent_usd
from comparisons.kept_batch import final_rows
from comparisons.kept_comparison import find_comparison
from comparisons.query import Query
from comparisons.runner import Runner
from comparisons.table import printable, write_csv, write_jsonl
from engine.contract import BadInput, EngineError

Row = Mapping[str, Any]


def add_options(command: argparse.ArgumentParser) -> None:
    which = command.add_mutually_exclusive_group()
    which.add_argument("--judge", metavar="ID", help=f"a text model that judges: {', '.join(spec.id for spec in JUDGES)}")
    which.add_argument("--judge-server", nargs=2, metavar=("URL", "MODEL"), help="a judge on your own OpenAI-compatible server")
    command.add_argument(
        "--judge-times", type=_times, default=TIMES, metavar="N", help=f"verdicts per answer (default {TIMES}); the median counts"
    )
    command.add_argument("--rubric", metavar="TEXT_OR_FILE", help="what the judge grades an audio chat's answers by")


def add_parser(commands: Any) -> None:
    command = commands.add_parser("judge", help="have a text model judge the answers of a comparison or batch that is kept")
    command.add_argument("kept", metavar="ID", help="a comparison, or the start of its id, or a batch")
    add_options(command)
    command.add_argument("--spend-cap", type=float, metavar="USD", help="make no call beyond this sum")
    command.add_argument("--csv", type=Path, metavar="FILE")
    command.add_argument("--jsonl", type=Path, metavar="FILE")


def _times(text: str) -> int:
    number = int(text)
    if not 1 <= number <= MOST_TIMES:
        raise argparse.ArgumentTypeError(f"must be from 1 to {MOST_TIMES}, got {number}")
    return number


def _say(line: str) -> None:
    sys.stderr.write(f"{printable(line)}\n")
    sys.stderr.flush()


def judge_of(chosen: argparse.Namespace, task: str, runner: Runner) -> Judge | None:
    """The judge that the options name, ready to work; None when they name none. Raises EngineError, before anything is paid."""
    spec = own_judge(*chosen.judge_server) if chosen.judge_server else judge_named(chosen.judge) if chosen.judge else None
    if chosen.rubric and (spec is None or METRICS.get(task) != "judge_score"):
        raise BadInput("--rubric is what a judge grades an audio chat's answers by: give it with --judge and audio_lm")
    if spec is None:
        return None
    if task not in METRICS:
        raise BadInput(f"a judge reads answers of {', '.join(METRICS)}, not of {task}")
    return Judge(
        spec,
        runner.answers,
        times=chosen.judge_times,
        rubric=_rubric(chosen.rubric),
        access=Access(os.environ.get("COMPATIBLE_API_KEY", "")) if spec.vendor_slug == SERVERS else None,
        spend_cap_usd=chosen.spend_cap,
    )


def _rubric(given: str | None) -> str | None:
    path = Path(given) if given and len(given) < 1_000 and "\n" not in given else None
    try:
        return path.read_text("utf-8") if path is not None and path.is_file() else given
    except UnicodeDecodeError:
        raise BadInput(f"the rubric {given!r} is not a UTF-8 text file") from None


def judged(judge: Judge | None, runner: Runner, rows: Sequence[Row], paid_before: bool = False) -> list[dict[str, Any]]:
    """The rows with the judge's columns, which are kept as well; the rows as they are without a judge.

    What the answers have cost counts against the same spend cap, unless they were `paid_before`.
    """
    if judge is None:
        return [dict(row) for row in rows]
    if not paid_before:
        judge.committed_usd = spent_usd(rows)
    if judge.spec.data_use:
        _say(f"{judge.spec.vendor} and your data: {judge.spec.data_use}")
    _say(f"{judge.spec.id}: {in_words(quote(judge.spec, rows, judge.times, judge.rubric))}")
    found: list[dict[str, Any]] = []
    try:
        for row in judge.judged(rows):
            found.append(row)
            _say(f"{row['engine_id']}: {verdict_line(row)}")
    except KeyboardInterrupt:
        judge.cancel()
        _say("stopped")
    _say(f"{judge.spec.id}: ${judge.spent_usd:.4f} spent")
    if found:
        keep(runner.store, found)
    return found + [dict(row) for row in rows[len(found) :]]


def run(chosen: argparse.Namespace) -> int:
    """Exit status 0 when at least one answer was judged, 1 when none; raises EngineError for what cannot be."""
    if not (chosen.judge or chosen.judge_server):
        raise EngineError("say who judges: --judge ID or --judge-server URL MODEL")
    runner = Runner()
    try:
        rows = _kept(runner, chosen.kept)
        found = judged(judge_of(chosen, rows[0]["task"], runner), runner, rows, paid_before=True)
        for file, write in ((chosen.csv, write_csv), (chosen.jsonl, write_jsonl)):
            if file:
                write(found, file)
                _say(f"wrote {file}")
        sys.stdout.write(
            "".join(f"{row['engine_id']}  {printable(row['input_name'] or '')}  {verdict_line(row)}\n" for row in found)
        )
    except OSError as error:
        raise EngineError(f"{error.filename} could not be written: {error.strerror}") from None
    finally:
        runner.close()
    return 0 if any(row[METRICS[row["task"]]] is not None for row in found) else 1


def _kept(runner: Runner, name: str) -> list[dict[str, Any]]:
    """The good rows of a comparison or a batch. Raises BadInput when there are none."""
    try:
        rows = list(final_rows(runner.store, name))
    except BadInput:
        rows = list(runner.store.rows(Query(comparison_id=find_comparison(runner.store, name), sort="seq", descending=False)))
    good = [row for row in rows if row["status"] == "ok"]
    if not good:
        raise BadInput(f"no good answer of {name[:80]!r} is kept here")
    return good
