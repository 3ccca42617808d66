"""The command line: the same engines, clock and rows as the app, headless. `python -m comparisons --help`."""

from __future__ import annotations

import argparse
import json
import logging
import platform
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from comparisons import (
    __version__,
    batch_command,
    capsule_command,
    catalogue,
    catalogue_command,
    costs_command,
    judge_command,
    models,
    run_command,
)
from comparisons.catalogue import engines, find, listing, readiness
from comparisons.cost import rule_text
from comparisons.query import Query
from comparisons.run_command import WRITERS, say, write
from comparisons.store import Store
from engine import environment
from engine.contract import EngineError
from engine.tasks import TASKS

OK, NONE_ANSWERED, BAD_ARGUMENTS = 0, 1, 2


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence, where argparse would print the whole usage before it."""

    def error(self, message: str) -> NoReturn:
        said = message.replace("the following arguments are required: ", "it still needs ").removeprefix("argument ")
        self.exit(BAD_ARGUMENTS, f"error: {said[:300]}; `{self.prog} --help` says what there is\n")


def parser() -> argparse.ArgumentParser:
    top = Parser(prog="python -m comparisons", description="Compare audio engines on your own sound or text.")
    top.add_argument("--version", action="version", version=f"Soundcheck {__version__}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    command = commands.add_parser("list", help="every engine, what it costs and what it still needs here")
    command.add_argument("--task", choices=TASKS)
    command.add_argument("--json", action="store_true", help="one JSON list of objects")
    command.add_argument("--prices", action="store_true", help="the price rules, each with its source and the day it was read")

    run_command.add_parser(commands)
    run_command.add_options(batch_command.add_parser(commands))

    command = commands.add_parser("doctor", help="what is missing here and how to get it")
    command.add_argument("--json", action="store_true")

    command = commands.add_parser("prepare", help="fetch weights or build the environment that an engine needs")
    command.add_argument("engine")
    command.add_argument(
        "--agree", action="store_true", help="yes to what the engine asks for first, such as its licence's terms"
    )

    command = commands.add_parser("export", help="every row ever kept on this machine")
    for kind in WRITERS:
        command.add_argument(f"--{kind}", type=Path, metavar="FILE")
    command.add_argument("--task", choices=TASKS)
    for module in (capsule_command, judge_command, models, costs_command, catalogue_command):
        module.add_parser(commands)
    return top


def _columns(rows: Sequence[Sequence[str]]) -> None:
    widths = [max(len(row[index]) for row in rows) for index in range(len(rows[0]) - 1)]
    for row in rows:
        print("  ".join([cell.ljust(width) for cell, width in zip(row, widths, strict=False)] + [row[-1]]).rstrip())


def list_engines(chosen: argparse.Namespace) -> int:
    rows = listing(chosen.task)
    if chosen.json:
        print(json.dumps(rows, indent=1, ensure_ascii=False))
        return OK
    if chosen.prices:
        _columns([("ENGINE", "RULE", "READ ON", "SOURCE", "NOTE"), *price_rows(chosen.task)])
        return OK
    table = [("ENGINE", "TASK", "WHERE", "STATUS", "LICENCE", "NAME", "NEEDS")]
    for row in rows:
        needs = " ".join(row["needs"])
        license = row["license"] or ("vendor's terms" if row["where"] == "cloud" else "unknown")
        table.append((row["id"], row["task"], row["where"], row["status"], license, row["name"], needs))
    _columns(table)
    return OK


def price_rows(task: str | None = None) -> list[tuple[str, ...]]:
    return [
        (spec.id, rule_text(price), price.checked_on or "not stated", price.source, price.note)
        for spec in engines().values()
        if task in (None, spec.task)
        for price in spec.prices
    ]


def doctor(chosen: argparse.Namespace) -> int:
    states = {spec.id: readiness(spec) for spec in engines().values()}
    found = {
        "soundcheck": __version__,
        "python": platform.python_version(),
        "home": str(environment.home()),
        "free_gb": round(shutil.disk_usage(environment.home()).free / 1e9, 1),
        "ready": [name for name, state in states.items() if state.status == "ready"],
        "needs": {name: list(state.needs) for name, state in states.items() if state.status == "needs"},
        "unavailable": {name: list(state.needs) for name, state in states.items() if state.status == "unavailable"},
    }
    if chosen.json:
        print(json.dumps(found, indent=1))
        return OK
    print(f"Soundcheck {found['soundcheck']}, Python {found['python']}")
    print(f"data and cache: {found['home']} ({found['free_gb']} GB free; set SOUNDCHECK_HOME to move it)")
    print(f"\nready ({len(found['ready'])}):")
    for name in found["ready"]:
        print(f"  {name}")
    for status in ("needs", "unavailable"):
        if found[status]:
            print(f"\n{'needs something' if status == 'needs' else status} ({len(found[status])}):")
            _columns([(f"  {name}", " ".join(sentences)) for name, sentences in found[status].items()])
    return OK


def prepare(chosen: argparse.Namespace) -> int:
    spec = find(chosen.engine)
    if (asked := catalogue.agreement(spec)) and not chosen.agree:
        raise EngineError(f"{spec.id} asks for your agreement first: {asked} Add --agree to say yes.")
    for line in filter(None, catalogue.prepare(spec)):
        say(line)
    return OK if readiness(spec).status == "ready" else NONE_ANSWERED


def export(chosen: argparse.Namespace) -> int:
    asked = {kind: getattr(chosen, kind) for kind in WRITERS if getattr(chosen, kind)}
    if not asked:
        raise EngineError("say where to: --csv FILE, --parquet FILE or --jsonl FILE")
    store = Store(environment.home())
    try:
        for kind, file in asked.items():
            write(WRITERS[kind], store.rows(Query(task=chosen.task)), file)
    finally:
        store.close()
    return OK


COMMANDS = {
    "list": list_engines,
    "run": run_command.run,
    "batch": run_command.run_batch,
    "doctor": doctor,
    "prepare": prepare,
    "export": export,
    "capsule": capsule_command.run,
    "judge": judge_command.run,
    "models": models.run,
    "costs": costs_command.run,
    "catalogue": catalogue_command.run,
}


def main(arguments: Sequence[str] | None = None) -> int:
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    chosen = parser().parse_args(arguments)
    try:
        return COMMANDS[chosen.command](chosen)
    except EngineError as error:
        say(f"error: {error}")
        return NONE_ANSWERED if chosen.command == "prepare" else BAD_ARGUMENTS
    except BrokenPipeError:
        return OK


if __name__ == "__main__":
    sys.exit(main())
