"""The command `costs`: what a month of a volume costs on every engine of a task, as a table and as CSV."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from comparisons._workload import MACHINES, SCRIPTS, UNITS, Workload, measured_in
from comparisons.cost import machine_price_from_environment
from comparisons.projection import project_task, write_csv
from comparisons.store import Store
from comparisons.table import check_writable
from engine.contract import EngineError
from engine.environment import home


def add_parser(commands: Any) -> None:
    """`costs TASK --units N`, among the subparsers `commands`."""
    command = commands.add_parser("costs", help="what a month of a volume costs on every engine of a task")
    command.add_argument("task", choices=UNITS)
    command.add_argument(
        "--units", type=_number, required=True, metavar="N", help="hours of sound, characters (tts) or pieces (music) a month"
    )
    command.add_argument("--item", type=_number, metavar="N", help="seconds of one recording or piece, or characters of one text")
    command.add_argument("--script", choices=SCRIPTS, default="latin", help="of the text that is spoken (tts)")
    command.add_argument("--machine", choices=MACHINES, help="machine that local engines would run on (default cpu-upgrade)")
    command.add_argument("--machine-price", type=_number, metavar="USD", help="your own price per hour; implies --machine own")
    command.add_argument("--utilisation", type=_number, default=0.5, metavar="SHARE", help="share of paid time in use (0.5)")
    command.add_argument("--always-on", action="store_true", help="pay every hour of the month, used or not")
    command.add_argument("--csv", type=Path, metavar="FILE")


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a number, got {text[:40]!r}") from None


def _workload(chosen: argparse.Namespace) -> Workload:
    price = chosen.machine_price if chosen.machine_price is not None else machine_price_from_environment()
    named = chosen.machine or ("cpu-upgrade" if price is None else "own")
    if chosen.machine_price is not None and chosen.machine not in (None, "own"):
        raise ValueError(f"--machine-price is your own figure; it cannot go with --machine {chosen.machine}")
    return Workload(
        chosen.task, chosen.units, chosen.item, chosen.script, named, price if named == "own" else None,
        chosen.utilisation, chosen.always_on,
    )  # fmt: skip


def _dollars(value: float | None) -> str:
    return "unknown" if value is None else f"${value:,.2f}"


def run(chosen: argparse.Namespace) -> int:
    """Prints the table, and writes the CSV if asked for; 0. Raises EngineError with a sentence for a bad argument."""
    check_writable(chosen.csv)
    try:
        load = _workload(chosen)
    except ValueError as error:
        raise EngineError(str(error)) from None
    store = Store(home())
    try:
        rows = project_task(load, measured_in(store, load.task))
    finally:
        store.close()
    width = max((len(row.engine_id) for row in rows), default=0)
    for row in rows:
        sys.stdout.write(
            f"{row.engine_id.ljust(width)}  {row.where}  {_dollars(row.cost_usd_per_month):>14}  {row.reason or row.basis}\n"
        )
    if chosen.csv:
        try:
            write_csv(rows, chosen.csv)
        except OSError as error:
            raise EngineError(f"{chosen.csv} could not be written: {error.strerror}") from None
        sys.stderr.write(f"wrote {chosen.csv}\n")
    return 0
