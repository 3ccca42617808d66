"""The command line: the same engines, clock and rows as the app, headless. `python -m comparisons --help`."""

from __future__ import annotations

import argparse
import json
import logging
import os
import platform
import shutil
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from comparisons import __version__, batch_command, capsule_command, catalogue, judge_command, models, projection, systems
from comparisons.asking import SoundFile, build_request, missing_consent, read_reference, task_named
from comparisons.catalogue import Access, engines, engines_for, find, listing, readiness
from comparisons.cost import machine_price_from_environment, rule_text
from comparisons.hearing import find_hearer
from comparisons.intake import safe_name, take_in
from comparisons.query import Query
from comparisons.results import Loading, Result, Retrying, Settled, Started
from comparisons.runner import Plan, Runner
from comparisons.settle import visible_line
from comparisons.store import Store
from comparisons.table import console_table, write_csv, write_jsonl, write_parquet
from engine import environment
from engine.contract import EngineError, EngineSpec, options_of
from engine.tasks import TASKS

OK, NONE_ANSWERED, BAD_ARGUMENTS = 0, 1, 2


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="python -m comparisons", description="Compare audio engines on your own sound or text.")
    top.add_argument("--version", action="version", version=f"Soundcheck {__version__}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    command = commands.add_parser("list", help="every engine, what it costs and what it still needs here")
    command.add_argument("--task", choices=TASKS)
    command.add_argument("--json", action="store_true", help="one JSON list of objects")
    command.add_argument("--prices", action="store_true", help="the price rules, each with its source and the day it was read")

    command = commands.add_parser(
        "run", help="one input on many engines; exit 0 if at least one answered, 1 if none, 2 for bad input"
    )
    command.add_argument("task", choices=TASKS)
    command.add_argument("input", help="an audio file, or text for tts and music")
    command.add_argument("--reference", metavar="TEXT_OR_FILE", help="what is right: text, a text file, or a folder of stems")
    add_run_options(command)
    command.add_argument("--save", type=Path, metavar="DIR", help="write the sounds and texts that came out")

    add_run_options(batch_command.add_parser(commands))

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
    for module in (capsule_command, judge_command, models, projection, systems):
        module.add_parser(commands)
    return top


def add_run_options(command: argparse.ArgumentParser) -> None:
    """What `run` and `batch` share: which engines, how often, at which price, and where the rows go."""
    which = command.add_mutually_exclusive_group()
    which.add_argument("--engines", metavar="ID,ID", help="engine ids, separated by commas")
    which.add_argument("--ready", action="store_true", help="every engine that is ready here (default)")
    command.add_argument(
        "--server",
        nargs=2,
        action="append",
        default=[],
        metavar=("URL", "MODEL"),
        help="a model of your own OpenAI-compatible server; its key is read from COMPATIBLE_API_KEY",
    )
    command.add_argument("--repeat", type=_count, default=1, metavar="N", help="runs per engine, interleaved (default 1)")
    command.add_argument("--warmups", type=int, default=0, metavar="N", help="runs before the first counted one, thrown away")
    command.add_argument("--no-cache", action="store_true", help="ask again even where the same answer is known")
    command.add_argument(
        "--timeout", type=_seconds, default=120.0, metavar="S", help="deadline per engine and repeat (default 120 s)"
    )
    command.add_argument(
        "--hear-with", metavar="ID", help="engine that listens: ASR for the round-trip WER, CLAP for the prompt score of music"
    )
    command.add_argument(
        "--machine-price", type=float, metavar="USD", help="price of this machine per hour, for the cost of local runs"
    )
    command.add_argument("--spend-cap", type=float, metavar="USD", help="refuse cloud calls beyond this sum")
    command.add_argument(
        "--option", action="append", default=[], metavar="NAME=VALUE", help="a setting: language=en, reference=FILE"
    )
    command.add_argument(
        "--i-may-use-this-voice", action="store_true", help="needed with a reference voice: it is yours or its owner agreed"
    )
    command.add_argument("--csv", type=Path, metavar="FILE")
    command.add_argument("--jsonl", type=Path, metavar="FILE")
    judge_command.add_options(command)


WRITERS = {"csv": write_csv, "parquet": write_parquet, "jsonl": write_jsonl}


def _count(text: str) -> int:
    number = int(text)
    if not 1 <= number <= 1_000:
        raise argparse.ArgumentTypeError(f"must be from 1 to 1000, got {number}")
    return number


def _seconds(text: str) -> float:
    number = float(text)
    if not 0 < number <= 86_400:
        raise argparse.ArgumentTypeError(f"must be above 0 and at most 86400 s, got {text}")
    return number


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


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


def _chosen_specs(chosen: argparse.Namespace) -> tuple[EngineSpec, ...]:
    servers = tuple(catalogue.own_server(url, model, chosen.task) for url, model in chosen.server)
    if chosen.engines:
        ids = dict.fromkeys(name.strip() for name in chosen.engines.split(",") if name.strip())
        return tuple(find(name, chosen.task) for name in ids) + servers
    if servers and not chosen.ready:
        return servers
    return tuple(spec for spec in engines_for(chosen.task) if readiness(spec).status == "ready") + servers


def _settings(chosen: argparse.Namespace) -> dict[str, Any]:
    options, settings = options_of(task_named(chosen.task).request), {}
    for pair in chosen.option:
        name, equals, value = pair.partition("=")
        if not equals:
            raise EngineError(f"--option takes NAME=VALUE, got {pair!r}")
        how = options.get(name.strip())
        settings[name.strip()] = SoundFile(Path(value)) if value and how is not None and how.longest_s is not None else value
    if missing := missing_consent(settings, chosen.i_may_use_this_voice, batch_command.HOW_TO_AGREE):
        raise EngineError(missing)
    return settings


def _shared(chosen: argparse.Namespace, specs: Iterable[EngineSpec]) -> dict[str, Any]:
    """The fields that a plan of `run` and one of `batch` have in common."""
    return {
        "access": {
            spec.id: Access(os.environ.get("COMPATIBLE_API_KEY", "")) for spec in specs if spec.vendor_slug == catalogue.SERVERS
        },
        "repeats": chosen.repeat,
        "warmups": max(0, chosen.warmups),
        "timeout_s": chosen.timeout,
        "use_cache": not chosen.no_cache,
        "machine_usd_per_hour": machine_price_from_environment() if chosen.machine_price is None else chosen.machine_price,
        "spend_cap_usd": chosen.spend_cap,
        "hear_with": find_hearer(chosen.hear_with, chosen.task) if chosen.hear_with else None,
        "agreed": chosen.i_may_use_this_voice,
    }


def run(chosen: argparse.Namespace) -> int:
    task = task_named(chosen.task)
    specs = _chosen_specs(chosen)
    if not specs:
        raise EngineError(f"no {task.name} engine is ready here; `python -m comparisons doctor` says what is missing")
    if task.takes_audio:
        taken = take_in(chosen.input)
        for warning in taken.warnings:
            _say(f"{taken.name}: {warning}")
        source, name = taken.audio, taken.name
    else:
        source, name = chosen.input, visible_line(chosen.input, 60)
    plan = Plan(
        task=task.name,
        request=build_request(task.name, source, _settings(chosen)),
        specs=specs,
        input_name=name,
        reference=read_reference(task.name, chosen.reference),
        **_shared(chosen, specs),
    )
    runner = Runner()
    try:
        judge = judge_command.judge_of(chosen, task.name, runner)
        results = _watch(runner, plan)
        rows = judge_command.judged(judge, runner, [result.row for result in results])
        print(console_table(rows))
        for kind in ("csv", "jsonl"):
            if file := getattr(chosen, kind):
                _write(WRITERS[kind], rows, file)
        if chosen.save:
            _save(results, chosen.save, runner.store)
    finally:
        runner.close()
    return OK if any(result.ok for result in results) else NONE_ANSWERED


def run_batch(chosen: argparse.Namespace) -> int:
    specs = _chosen_specs(chosen)
    return batch_command.run(chosen, specs, _settings(chosen), _shared(chosen, specs))


def _watch(runner: Runner, plan: Plan) -> list[Result]:
    told = {spec.vendor: spec.data_use for spec in plan.specs if spec.where == "cloud" and spec.data_use}
    for vendor, line in told.items():
        _say(f"{vendor} and your data: {line}")
    run = runner.start(plan)
    try:
        for event in run.events():
            if isinstance(event, Loading):
                _say(f"{event.cell.engine_id}: loading")
            elif isinstance(event, Started):
                _say(f"{event.cell.engine_id}: running")
            elif isinstance(event, Retrying):
                _say(f"{event.cell.engine_id}: {event.reason}; again in {event.wait_s:.1f} s")
            elif isinstance(event, Settled):
                row = event.result.row
                took = "" if row["total_s"] is None else f" in {row['total_s']:.3f} s"
                _say(f"{event.cell.engine_id}: {row['status']}{took}{' (cached)' if row['cached'] else ''}")
                if row["error"]:
                    _say(f"  {row['error']}")
    except KeyboardInterrupt:
        run.cancel()
        _say("stopped")
    return [run.results[cell] for cell in run.cells if cell in run.results]


def _write(writer: Any, rows: Iterable[dict[str, Any]], file: Path) -> None:
    try:
        writer(rows, file)
    except OSError as error:
        raise EngineError(f"{file} could not be written: {error.strerror}") from None
    _say(f"wrote {file}")


def _save(results: Iterable[Result], folder: Path, store: Store) -> None:
    """One file per sound and text: <engine>-<repeat>[-<stem>].wav or .txt."""
    folder.mkdir(parents=True, exist_ok=True)
    for result in results:
        if not result.ok:
            continue
        stem = f"{result.row['engine_id'].replace('/', '-')}-{result.row['repeat']}"
        for file in json.loads(result.row["output_files"] or "[]"):
            part = "" if file["name"] == "output" else f"-{safe_name(file['name'])}"
            shutil.copyfile(store.blob_path(file["sha256"]), folder / f"{stem}{part}.wav")
        if result.row["output_text"]:
            (folder / f"{stem}.txt").write_text(result.row["output_text"] + "\n", "utf-8")
        if result.row["output_tags"]:
            (folder / f"{stem}.tags.json").write_text(result.row["output_tags"], "utf-8")
    _say(f"wrote the outputs to {folder}")


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
        _say(line)
    return OK if readiness(spec).status == "ready" else NONE_ANSWERED


def export(chosen: argparse.Namespace) -> int:
    asked = {kind: getattr(chosen, kind) for kind in WRITERS if getattr(chosen, kind)}
    if not asked:
        raise EngineError("say where to: --csv FILE, --parquet FILE or --jsonl FILE")
    store = Store(environment.home())
    try:
        for kind, file in asked.items():
            _write(WRITERS[kind], store.rows(Query(task=chosen.task)), file)
    finally:
        store.close()
    return OK


COMMANDS = {
    "list": list_engines,
    "run": run,
    "batch": run_batch,
    "doctor": doctor,
    "prepare": prepare,
    "export": export,
    "capsule": capsule_command.run,
    "judge": judge_command.run,
    "models": models.run,
    "costs": projection.run,
    "catalogue": systems.run,
}


def main(arguments: Sequence[str] | None = None) -> int:
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    chosen = parser().parse_args(arguments)
    try:
        return COMMANDS[chosen.command](chosen)
    except EngineError as error:
        _say(f"error: {error}")
        return NONE_ANSWERED if chosen.command == "prepare" else BAD_ARGUMENTS
    except BrokenPipeError:
        return OK


if __name__ == "__main__":
    sys.exit(main())
