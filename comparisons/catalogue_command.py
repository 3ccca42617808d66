"""The command `catalogue`: every known system on the terminal, or as CSV in the 24 columns of the landscape."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from comparisons.systems import CATEGORIES, STATUSES, systems, write_csv
from engine.contract import EngineError


def add_parser(commands: Any) -> None:
    """`catalogue --csv FILE`, among the subparsers `commands`."""
    command = commands.add_parser("catalogue", help="every known system, what runs here and why not")
    command.add_argument("--task", choices=CATEGORIES)
    command.add_argument("--csv", type=Path, metavar="FILE", help="the 24 columns of the landscape schema")


def run(chosen: argparse.Namespace) -> int:
    """Prints one line per system, or writes the CSV; 0. Raises EngineError when the file cannot be written."""
    found = [system for system in systems() if chosen.task in (None, *system.tasks)]
    if not chosen.csv:
        width = max(len(system.id) for system in found)
        for system in found:
            status = STATUSES[system.status]
            sys.stdout.write(f"{system.id.ljust(width)}  {system.where}  {status:16}  {system.cells['needs']}".rstrip() + "\n")
        return 0
    try:
        count = write_csv(found, chosen.csv)
    except OSError as error:
        raise EngineError(f"{chosen.csv} could not be written: {error.strerror}") from None
    sys.stderr.write(f"wrote {count} systems to {chosen.csv}\n")
    return 0
