"""The command `run`: one input on many engines, and the options that it shares with `batch`."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from comparisons import batch_command, catalogue, judge_command
from comparisons.asking import SoundFile, build_request, missing_consent, read_reference, task_named
from comparisons.catalogue import Access, engines_for, find, readiness
from comparisons.cost import machine_price_from_environment
from comparisons.hearing import find_hearer
from comparisons.intake import safe_name, take_in
from comparisons.results import Loading, Result, Retrying, Settled, Started
from comparisons.runner import Plan, Runner
from comparisons.settle import visible_line
from comparisons.store import Store
from comparisons.table import check_writable, console_table, write_csv, write_jsonl, write_parquet
from engine.contract import EngineError, EngineSpec, options_of
from engine.tasks import TASKS

WRITERS = {"csv": write_csv, "parquet": write_parquet, "jsonl": write_jsonl}


def add_parser(commands: Any) -> None:
    command = commands.add_parser(
        "run", help="one input on many engines; exit 0 if at least one answered, 1 if none, 2 for bad input"
    )
    command.add_argument("task", choices=TASKS)
    command.add_argument("input", help="an audio file, or text for tts and music")
    command.add_argument("--reference", metavar="TEXT_OR_FILE", help="what is right: text, a text file, or a folder of stems")
    add_options(command)
    command.add_argument("--save", type=Path, metavar="DIR", help="write the sounds and texts that came out")


def add_options(command: argparse.ArgumentParser) -> None:
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
    command.add_argument("--warmups", type=_warmups, default=0, metavar="N", help="runs before the first, thrown away")
    command.add_argument("--no-cache", action="store_true", help="ask again even where the same answer is known")
    command.add_argument(
        "--timeout", type=_seconds, default=120.0, metavar="S", help="deadline per engine and repeat (default 120 s)"
    )
    command.add_argument(
        "--hear-with", metavar="ID", help="engine that listens: ASR for the round-trip WER, CLAP for the prompt score of music"
    )
    command.add_argument(
        "--machine-price", type=_dollars, metavar="USD", help="price of this machine per hour, for the cost of local runs"
    )
    command.add_argument("--spend-cap", type=_dollars, metavar="USD", help="refuse cloud calls beyond this sum")
    command.add_argument(
        "--option", action="append", default=[], metavar="NAME=VALUE", help="a setting: language=en, reference=FILE"
    )
    command.add_argument(
        "--i-may-use-this-voice", action="store_true", help="needed with a reference voice: it is yours or its owner agreed"
    )
    command.add_argument("--csv", type=Path, metavar="FILE")
    command.add_argument("--jsonl", type=Path, metavar="FILE")
    judge_command.add_options(command)


def _within(text: str, low: float, high: float, kind: type = float) -> Any:
    try:
        number = kind(text)
    except ValueError:
        number = None
    if number is None or not low <= number <= high:
        whole = "a whole number" if kind is int else "a number"
        raise argparse.ArgumentTypeError(f"must be {whole} from {low:g} to {high:g}, got {text[:40]!r}")
    return number


def _count(text: str) -> int:
    return _within(text, 1, 1_000, int)


def _warmups(text: str) -> int:
    return _within(text, 0, 1_000, int)


def _seconds(text: str) -> float:
    return _within(text, 0.001, 86_400)


def _dollars(text: str) -> float:
    return _within(text, 0, 1_000_000)


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
        "warmups": chosen.warmups,
        "timeout_s": chosen.timeout,
        "use_cache": not chosen.no_cache,
        "machine_usd_per_hour": machine_price_from_environment() if chosen.machine_price is None else chosen.machine_price,
        "spend_cap_usd": chosen.spend_cap,
        "hear_with": find_hearer(chosen.hear_with, chosen.task) if chosen.hear_with else None,
        "agreed": chosen.i_may_use_this_voice,
    }


def run(chosen: argparse.Namespace) -> int:
    """One input on many engines: 0 when one answered, 1 when none did. Raises EngineError."""
    task = task_named(chosen.task)
    check_writable(chosen.csv, chosen.jsonl)
    specs = _chosen_specs(chosen)
    if not specs:
        raise EngineError(f"no {task.name} engine is ready here; `python -m comparisons doctor` says what is missing")
    if task.takes_audio:
        taken = take_in(chosen.input)
        for warning in taken.warnings:
            say(f"{taken.name}: {warning}")
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
        if results:
            id = results[0].row["comparison_id"]
            say(f"comparison {id}: `capsule save {id[:8]} FILE` makes one file of it")
        rows = judge_command.judged(judge, runner, [result.row for result in results])
        sys.stdout.write(f"{console_table(rows)}\n")
        for kind in ("csv", "jsonl"):
            if file := getattr(chosen, kind):
                write(WRITERS[kind], rows, file)
        if chosen.save:
            _save(results, chosen.save, runner.store)
    finally:
        runner.close()
    return 0 if any(result.ok for result in results) else 1


def run_batch(chosen: argparse.Namespace) -> int:
    """Many inputs: see batch_command."""
    check_writable(chosen.csv, chosen.jsonl, chosen.summary)
    specs = _chosen_specs(chosen)
    return batch_command.run(chosen, specs, _settings(chosen), _shared(chosen, specs))


def _watch(runner: Runner, plan: Plan) -> list[Result]:
    told = {spec.vendor: spec.data_use for spec in plan.specs if spec.where == "cloud" and spec.data_use}
    for vendor, line in told.items():
        say(f"{vendor} and your data: {line}")
    run = runner.start(plan)
    try:
        for event in run.events():
            if isinstance(event, Loading):
                say(f"{event.cell.engine_id}: loading")
            elif isinstance(event, Started):
                say(f"{event.cell.engine_id}: running")
            elif isinstance(event, Retrying):
                say(f"{event.cell.engine_id}: {event.reason}; again in {event.wait_s:.1f} s")
            elif isinstance(event, Settled):
                row = event.result.row
                took = "" if row["total_s"] is None else f" in {row['total_s']:.3f} s"
                say(f"{event.cell.engine_id}: {row['status']}{took}{' (cached)' if row['cached'] else ''}")
                if row["error"]:
                    say(f"  {row['error']}")
    except KeyboardInterrupt:
        run.cancel()
        say("stopped")
    return [run.results[cell] for cell in run.cells if cell in run.results]


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
    say(f"wrote the outputs to {folder}")


def write(writer: Any, rows: Iterable[dict[str, Any]], file: Path) -> None:
    try:
        writer(rows, file)
    except OSError as error:
        raise EngineError(f"{file} could not be written: {error.strerror}") from None
    say(f"wrote {file}")


def say(line: str) -> None:
    """A line of progress, on stderr."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
