"""The command `capsule`: save a comparison or a run over a dataset as one file, check and print one, write it as a page."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from comparisons.capsule import SUFFIX, Capsule, absences, ballots, open_capsule, save
from comparisons.capsule_votes import Ballot, headed, lines_of
from comparisons.figures import figures_table
from comparisons.kept_comparison import find_comparison, named_sounds
from comparisons.redaction import clean
from comparisons.report import write_report
from comparisons.statistics import statistics_of
from comparisons.store import Store
from comparisons.table import console_table, write_csv
from engine.contract import BadInput
from engine.environment import home


def add_parser(commands: Any) -> None:
    command = commands.add_parser("capsule", help="a comparison as one file, with inputs, sounds, versions and prices")
    actions = command.add_subparsers(dest="action", required=True, metavar="ACTION")
    action = actions.add_parser("save", help="write the capsule of a comparison that is kept here")
    action.add_argument("comparison", help="the id of a comparison or batch, the start of it, or `last`")
    action.add_argument("file", type=Path)
    action = actions.add_parser("open", help="check a capsule and print its table")
    action.add_argument("file", type=Path)
    action.add_argument("--extract", type=Path, metavar="DIR", help="write its sounds and its rows as CSV")
    action = actions.add_parser("report", help="one HTML page that opens offline")
    action.add_argument("comparison", help="an id, the start of one, `last`, or a capsule file")
    action.add_argument("file", type=Path)


def run(chosen: argparse.Namespace) -> int:
    """Exit status 0; what is wrong with the arguments or the file is raised as BadInput."""
    try:
        if chosen.action == "open":
            _open(chosen.file, chosen.extract)
        elif chosen.action == "report" and chosen.comparison.endswith(SUFFIX):
            with open_capsule(chosen.comparison) as capsule:
                write_report(capsule, capsule.comparison_id, chosen.file)
        else:
            with Store(home(), upkeep=False) as store:
                write = save if chosen.action == "save" else write_report
                write(store, find_comparison(store, chosen.comparison), chosen.file)
    except OSError as error:
        raise BadInput(f"{error.filename or chosen.file} could not be written: {error.strerror}") from None
    if chosen.action != "open":
        sys.stderr.write(f"wrote {chosen.file}\n")
    return 0


def _open(file: Path, folder: Path | None) -> None:
    with open_capsule(file) as capsule:
        sys.stdout.write(f"comparison {capsule.comparison_id}, made by Soundcheck {clean(capsule.manifest['app_version'])}\n")
        if capsule.manifest["batch_id"]:
            sys.stdout.write(f"{figures_table(statistics_of(capsule.rows))}\n\n")
        sys.stdout.write(f"{console_table(capsule.rows)}\n")
        for why in absences(capsule, capsule.rows):
            sys.stdout.write(f"{why}\n")
        for ballot in ballots(capsule, capsule.comparison_id, capsule.rows):
            sys.stdout.write(_ballot_text(ballot))
        if folder is not None:
            written = extract(capsule, folder)
            sys.stderr.write(f"wrote {written} files to {folder}\n")


def _ballot_text(ballot: Ballot) -> str:
    lines = [f"  {clean(name)}: {value} ({interval}, {n}) {note}".rstrip() for name, value, interval, n, note in lines_of(ballot)]
    said = ballot.outcome
    return "\n".join(["", headed(ballot), said.verdict, f"{said.unit}:", *lines, *said.notes, ""])


def extract(capsule: Capsule, folder: Path) -> int:
    """Write rows.csv and every sound under names made here; how many. None is ever replaced: FileExistsError."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "rows.csv").open("xb") as file:
        write_csv(capsule.rows, file)
    count = 1
    for name, sha256 in named_sounds(capsule.rows):
        path = capsule.sound_path(sha256)
        if path is not None:
            with (folder / f"{name}{path.suffix}").open("xb") as file:
                file.write(path.read_bytes())
            count += 1
    return count
