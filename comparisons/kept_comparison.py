"""One kept comparison, or one run over a dataset: its rows, the sounds that they name, and what may leave this machine."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from comparisons._capsule_reader import ID
from comparisons.columns import COLUMNS
from comparisons.kept_batch import BATCH_ID, final_rows
from comparisons.query import Query
from comparisons.redaction import clean
from comparisons.store import Store
from engine.contract import BadInput
from engine.environment import home
from engine.tasks import TASKS

_OWN_FOLDERS = r"home|root|Users|tmp|var|work|opt|mnt|media|data|usr|srv|etc|private|content|workspace|app"
_PATH = re.compile(rf"(?<![\w.:/])(?:/(?:{_OWN_FOLDERS})(?=/)|~(?=/)|[A-Za-z]:(?=\\))(?:[\\/]+[^\s\"'<>|\\/,;:()]*)*")
_OUTPUTS = ("output_text", "output_words", "output_tags", "reference", "price_rule", "price_source")


class NoComparison(BadInput):
    """The id names nothing that is kept here."""


def rows_of(store: Store, comparison_id: str) -> list[dict[str, Any]]:
    """Every row of a comparison, oldest first; of a run over a dataset, the one that counts per input, engine and repeat.

    Raises NoComparison for an unknown or malformed id.
    """
    rows: list[dict[str, Any]] = []
    if BATCH_ID.fullmatch(comparison_id):
        rows = list(final_rows(store, comparison_id))
    elif ID.fullmatch(comparison_id):
        rows = list(store.rows(Query(comparison_id=comparison_id, sort="seq", descending=False)))
    if not rows:
        raise NoComparison(f"no comparison {comparison_id[:40]!r} is kept here; the Table lists the ids of those that are")
    return rows


def by_input(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    """The rows of each input of a dataset, in the order of the rows; all of them under one key when they are one comparison's."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        found.setdefault(row["item"] or row["comparison_id"], []).append(row)
    return found


def headline(rows: Sequence[Mapping[str, Any]]) -> str:
    """An input's name and what each engine reached on it, by the first metric of the task that is known."""
    named = str(rows[0]["input_name"] or "input")
    name = next((name for name in TASKS[rows[0]["task"]].metrics if any(row[name] is not None for row in rows)), None)
    if name is None:
        return named
    reached = (f"{row['engine_name'] or row['engine_id']} {COLUMNS[name].shown(row[name]) or row['status']}" for row in rows[:6])
    return " · ".join([named, COLUMNS[name].label, *reached])


def find_comparison(store: Store, start: str) -> str:
    """The one id of a comparison or a dataset's run that begins with `start`; "last" is the newest there is.

    Raises NoComparison when none does, or more than one.
    """
    if ID.fullmatch(start) or BATCH_ID.fullmatch(start):
        return start
    if start == "last":
        for row in store.page(Query(sort="seq", limit=1)):
            return row["batch_id"] or row["comparison_id"]
    found = store.ids_beginning(start, most=6) if start else []
    if len(found) == 1:
        return found[0]
    if not found:
        raise NoComparison(f"no comparison begins with {start[:40]!r}: `run` and `batch` print the id, and the Table shows it")
    raise NoComparison(f"several comparisons begin with {start!r} ({', '.join(found[:5])}): give more of the id")


def document(row: Mapping[str, Any], name: str) -> Any:
    """The JSON document in column `name`, None when the column is empty."""
    return json.loads(row[name]) if row.get(name) else None


def sound_hashes(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The hash of every sound that the rows name, the inputs first, each once."""
    inputs = [file["sha256"] for row in rows if (file := document(row, "input_file"))]
    return list(dict.fromkeys([*inputs, *(file["sha256"] for row in rows for file in document(row, "output_files") or ())]))


def _environment_secrets() -> list[str]:
    return [value for name, value in os.environ.items() if re.search("KEY|TOKEN|SECRET|PASSWORD", name) and len(value) >= 8]


def shared(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row as it may leave this machine: its known columns, without a path of this machine or what looks like a key."""
    secrets = _environment_secrets()
    folders = {str(folder) for folder in (home(), Path.home(), Path.cwd()) if folder != Path("/")}

    def safe(text: str) -> str:
        hidden = clean(text, secrets, limit=len(text) + 3)
        text = hidden if "***" in hidden and "***" not in text else text
        for folder in folders:
            text = text.replace(f"{folder}/", "…/").replace(folder, "…")
        return _PATH.sub("…", text)

    def walked(value: Any) -> Any:
        if isinstance(value, str):
            return safe(value)
        if isinstance(value, dict):
            return {name: walked(item) for name, item in value.items()}
        if isinstance(value, float) and not math.isfinite(value):
            return None
        return [walked(item) for item in value] if isinstance(value, list) else value

    kept = {}
    for name, column in COLUMNS.items():
        value = row.get(name)
        if value is None:
            continue
        if isinstance(value, str) and name in _OUTPUTS:
            for secret in secrets:
                value = value.replace(secret, "***")
        elif column.kind == "json":
            held = json.loads(value)
            if (safe_document := walked(held)) != held:
                value = json.dumps(safe_document, ensure_ascii=False, sort_keys=True)
        elif isinstance(value, str):
            value = safe(value)
        kept[name] = value
    return kept


def named_sounds(rows: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """A plain file name without suffix, and the hash, of every sound of the rows."""
    inputs = dict.fromkeys(file["sha256"] for row in rows if (file := document(row, "input_file")))
    for place, sha256 in enumerate(inputs, 1):
        yield ("input" if place == 1 else f"input-{place}"), sha256
    for place, row in enumerate(rows, 1):
        for file in document(row, "output_files") or ():
            part = "" if file["name"] == "output" else f"-{plain(file['name'])}"
            yield f"{place:02}-{plain(row['engine_id'])}-{row['repeat'] or 1:g}{part}", file["sha256"]


def plain(text: str) -> str:
    """Letters, digits and hyphens alone: nothing that a file system or a spreadsheet reads as more than a name."""
    return re.sub(r"[^A-Za-z0-9]+", "-", text)[:60].strip("-") or "unnamed"
