"""The generated tables of README.md and docs/: engines and prices. `python -m comparisons.readme` writes them."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

from comparisons.__main__ import price_rows
from comparisons.absent import ABSENT
from comparisons.catalogue import engines_for, proof
from engine.contract import EngineSpec
from engine.tasks import TASKS

README = Path(__file__).parent.parent / "README.md"
PAGES = (README, README.parent / "docs" / "engines.md", README.parent / "docs" / "prices.md")


def _cell(text: object) -> str:
    return str(text).replace("|", "\\|").replace("\n", " ")


def _table(head: tuple[str, ...], rows: list[tuple[object, ...]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(_cell(cell) for cell in row) + " |" for row in rows])


def _needs(specs: Sequence[EngineSpec]) -> str:
    """What the lightest and the heaviest of these need."""
    needed = [spec.needs for spec in specs]
    parts = [f"`{key}`" for key in dict.fromkeys(each.key for each in needed) if key]
    for name in dict.fromkeys(name for each in needed for name in each.programs):
        some = "" if all(name in each.programs for each in needed) else " for some"
        parts.append(f"`apt-get install {name}`{some}")
    if any(spec.isolated or spec.needs.downloads for spec in specs):
        parts.append(f"prepare {_span([each.download_gb for each in needed])}".rstrip())
    if gpu := _span([each.gpu_memory_gb for each in needed]):
        parts.append(f"GPU {gpu}")
    return ", ".join(parts) or "nothing"


def _span(sizes_gb: Sequence[float | None]) -> str:
    known = [size for size in sizes_gb if size]
    ends = dict.fromkeys(f"{end:g}" for end in (min(known), max(known))) if known else ()
    return f"{' to '.join(ends)} GB" if ends else ""


def _proof(spec: EngineSpec) -> str:
    """What the engine was tested against."""
    if spec.where == "cloud":
        kept = README.parent / "tests" / "exchanges" / f"{spec.id.replace('/', '--')}.json"
        return f"recorded {json.loads(kept.read_text())['recorded_on']}" if kept.exists() else "from docs"
    return proof(spec)


def _proofs(specs: Sequence[EngineSpec]) -> str:
    """What differs between these engines between slashes, then what they share: "loads and runs / loads; weights not tested"."""
    said = list(dict.fromkeys(map(_proof, specs)))
    rests = dict.fromkeys(rest for _, *rests in (each.split("; ") for each in said) for rest in rests)
    return "; ".join([" / ".join(each.partition(";")[0] for each in said), *rests])


def _licence(spec: EngineSpec) -> str:
    return (spec.license_weights or spec.license_code or "unknown") if spec.where == "local" else "vendor's terms"


def engine_table() -> str:
    """One row per engine, task by task."""
    rows = [
        (
            TASKS[spec.task].title,
            f"`{spec.id}`",
            spec.name,
            spec.where,
            _licence(spec),
            _needs([spec]),
            f"until {spec.shutdown_date}" if spec.shutdown_date else "",
            spec.checked_on,
            _proof(spec),
        )
        for task in TASKS
        for spec in engines_for(task)
    ]
    return _table(("Task", "Id", "Name", "Where", "Licence of weights", "Needs", "Ends", "Checked", "Tested"), rows)


def family_table() -> str:
    """One row per task and file: which engines it brings, and what they need between them."""
    return _table(
        ("Task", "Engines", "Where", "Licence of weights", "Needs", "Tested"),
        [
            (
                TASKS[task].title,
                _names(slug, specs),
                specs[0].where,
                " / ".join(dict.fromkeys(map(_licence, specs))),
                _needs(specs),
                _proofs(specs),
            )
            for task in TASKS
            for slug, specs in _families(task).items()
        ],
    )


def _families(task: str) -> dict[str, list[EngineSpec]]:
    found: dict[str, list[EngineSpec]] = {}
    for spec in engines_for(task):
        found.setdefault(spec.vendor_slug, []).append(spec)
    return found


def _names(slug: str, specs: Sequence[EngineSpec], most: int = 6) -> str:
    models = [spec.id.partition("/")[2] for spec in specs]
    more = f" and {len(models) - most} more" if len(models) > most else ""
    return f"`{slug}/` {', '.join(models[:most])}{more}"


def absent_table() -> str:
    """The systems that nobody can offer, each with its reason."""
    return _table(("System", "Why"), [(f"{one.system} ({one.vendor})", one.reason) for one in ABSENT])


def price_table() -> str:
    """One row per price rule, with the source and the day it was read."""
    rows = [(f"`{engine_id}`", rule, source, day, note) for engine_id, rule, day, source, note in price_rows()]
    return _table(("Engine", "Rule", "Source", "Read on", "Note"), rows)


PARTS = {"families": family_table, "absent": absent_table, "engines": engine_table, "prices": price_table}


def render(text: str) -> str:
    """`text` with what stands between each pair of markers made anew. Raises ValueError for markers that do not pair."""
    for name in re.findall(r"<!-- (\w+): generated by python -m comparisons\.readme -->", text):
        begin, end = f"<!-- {name}: generated by python -m comparisons.readme -->", f"<!-- end of {name} -->"
        head, rest = text.split(begin, 1)
        if name not in PARTS or end not in rest:
            raise ValueError(f"the marker {begin!r} has no part or no {end!r}")
        text = f"{head}{begin}\n{PARTS[name]()}\n{end}{rest.split(end, 1)[1]}"
    return text


if __name__ == "__main__":
    for page in PAGES:
        page.write_text(render(page.read_text("utf-8")), "utf-8")
