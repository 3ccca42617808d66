"""Rows out: data frame, CSV, Parquet, JSON lines, a summary per engine, and plain text for a terminal.

Unknown is an empty cell everywhere. The CSV is safe to open in a spreadsheet; the JSON lines are lossless.
"""

from __future__ import annotations

import csv
import io
import json
import math
import os
import re
import string
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from numbers import Integral, Real
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from comparisons.columns import COLUMNS
from comparisons.metrics import mean_wer, pooled_wer
from engine.contract import BadInput
from engine.tasks import TASKS

if TYPE_CHECKING:
    import pandas

Row = Mapping[str, Any]

_BATCH = 5_000
_SURROGATES = re.compile("[\ud800-\udfff]")
_INVISIBLE = re.compile(r"[\s\x00-\x20\x7f-\xa0\xad\u180e\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufeff]*")
_FORMULA = frozenset("=+-@|%\u2212")
_SAFE_START = frozenset(string.ascii_letters + string.digits + '{["(')

# ---------------------------------------------------------------- cells


def _clean(text: str) -> str:
    """Without what no encoder or reader takes: NUL goes, a lone surrogate becomes U+FFFD."""
    text = text.replace("\0", "") if "\0" in text else text
    return text if text.isascii() else _SURROGATES.sub("\ufffd", text)


def csv_text(text: str) -> str:
    """Text that no spreadsheet takes for a formula: an apostrophe goes before one."""
    text = _clean(text)
    if text[:1] in _SAFE_START or not text:
        return text
    start = unicodedata.normalize("NFKC", text[_INVISIBLE.match(text).end() :][:1])
    return f"'{text}" if text[0] in "\t\r\n" or start[:1] in _FORMULA else text


def _finite(value: Any) -> Any:
    """A JSON value in which every number that is not finite is null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(name): _finite(item) for name, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, (list, tuple)) else value


def _number(value: Real) -> int | float | None:
    if isinstance(value, Integral):
        return int(value)
    return float(value) if math.isfinite(value) else None


def _csv_other(value: Any) -> Any:
    """Cells of rarer types: numbers of numpy, JSON documents that were not written down yet."""
    if isinstance(value, Real):
        return _number(value)
    if isinstance(value, str):
        return csv_text(str(value))
    return csv_text(json.dumps(_finite(value), ensure_ascii=False, default=str))


_CSV_CELL = {
    str: csv_text,
    float: lambda number: number if math.isfinite(number) else None,
    int: lambda number: number,
    bool: lambda flag: "true" if flag else "false",
}


def _typed(kind: str, value: Any) -> Any:
    """A cell as a frame or a Parquet file takes it. A cell of the wrong type for its column is unknown there."""
    if value is None:
        return None
    if kind == "number":
        return float(value) if isinstance(value, Real) and math.isfinite(value) else None
    if kind == "flag":
        return bool(value)
    return _clean(value if isinstance(value, str) else json.dumps(_finite(value), ensure_ascii=False, default=str))


def _document(kind: str, value: Any) -> Any:
    """A cell as JSON takes it: documents unfolded, text as it is."""
    if value is None or kind == "text":
        return value
    if kind == "json" and isinstance(value, str):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return _number(value) if isinstance(value, Real) and not isinstance(value, bool) else value


# ---------------------------------------------------------------- files


def check_writable(*files: Path | None) -> None:
    """Before anything is asked or paid for: raises BadInput for a file that could not be written afterwards."""
    for file in files:
        if file is None:
            continue
        folder = file.parent
        if not folder.is_dir():
            raise BadInput(f"{file} cannot be written: there is no folder {str(folder)!r}")
        if file.is_dir() or not os.access(file if file.exists() else folder, os.W_OK):
            raise BadInput(f"{file} cannot be written: {'it is a folder' if file.is_dir() else 'it may not be changed'}")


@contextmanager
def _opened(file: str | Path | BinaryIO) -> Iterator[BinaryIO]:
    """A path is replaced only when everything is written."""
    if not isinstance(file, (str, Path)):
        yield file
        return
    unfinished = Path(f"{file}.part")
    try:
        with unfinished.open("wb") as opened:
            yield opened
        unfinished.replace(file)
    finally:
        unfinished.unlink(missing_ok=True)


def write_csv(rows: Iterable[Row], file: str | Path | BinaryIO) -> int:
    """Write every column of every row as CSV (UTF-8 with BOM, CRLF, all cells quoted); the number of rows.

    One row at a time, so memory stays flat. A missing column is an empty cell.
    """
    names, cell_of, count = list(COLUMNS), _CSV_CELL.get, 0
    with _opened(file) as binary:
        text = io.TextIOWrapper(binary, encoding="utf-8-sig", newline="")
        writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
        writer.writerow(names)
        for row in rows:
            values = map(row.get, names)
            writer.writerow([None if value is None else cell_of(type(value), _csv_other)(value) for value in values])
            count += 1
        text.detach()
    return count


def write_jsonl(rows: Iterable[Row], file: str | Path | BinaryIO) -> int:
    """Write one JSON object per line, every column in order, unknown as null, documents unfolded; the number of rows."""
    kinds, count = [(name, column.kind) for name, column in COLUMNS.items()], 0
    encode = json.JSONEncoder(allow_nan=False, default=str).encode
    with _opened(file) as binary:
        for row in rows:
            document = {name: _document(kind, row.get(name)) for name, kind in kinds}
            try:
                line = encode(document)
            except ValueError:  # a number that JSON does not have
                line = encode(_finite(document))
            binary.write(line.encode("ascii") + b"\n")
            count += 1
    return count


def write_parquet(rows: Iterable[Row], file: str | Path | BinaryIO) -> int:
    """Write Parquet, every column with its unit and meaning as field metadata; the number of rows."""
    import pyarrow
    from pyarrow import parquet

    types = {"number": pyarrow.float64(), "flag": pyarrow.bool_()}
    schema = pyarrow.schema(
        pyarrow.field(name, types.get(column.kind, pyarrow.string()), metadata={"unit": column.unit, "meaning": column.meaning})
        for name, column in COLUMNS.items()
    )
    rows, count = iter(rows), 0
    with _opened(file) as binary, parquet.ParquetWriter(binary, schema, compression="zstd") as writer:
        while batch := list(islice(rows, _BATCH)):
            cells = {name: [_typed(column.kind, row.get(name)) for row in batch] for name, column in COLUMNS.items()}
            writer.write_table(pyarrow.Table.from_pydict(cells, schema))
            count += len(batch)
    return count


def to_frame(rows: Iterable[Row]) -> pandas.DataFrame:
    """Every column: numbers as float64, flags as nullable booleans, the rest as text; unknown is missing."""
    import pandas

    rows, dtypes = list(rows), {"number": "float64", "flag": "boolean"}
    return pandas.DataFrame(
        {
            name: pandas.Series([_typed(column.kind, row.get(name)) for row in rows], dtype=dtypes.get(column.kind, "str"))
            for name, column in COLUMNS.items()
        }
    )


# ---------------------------------------------------------------- summary


@dataclass(frozen=True)
class Summary:
    """One engine on one task. Times and cost are over fresh successes only: an answer from the cache took no time now."""

    task: str
    engine_id: str
    engine_name: str
    runs: int
    ok: int
    fresh: int
    """Successes that did not come from the cache: n of the times."""
    stopped: int
    """By a person, before an answer came: no failure of the engine."""
    first_p50_s: float | None
    first_p95_s: float | None
    total_p50_s: float | None
    total_p95_s: float | None
    cost_mean_usd: float | None
    cost_known: int
    """Fresh successes whose cost is known: n of the mean cost."""
    wer_pooled: float | None
    wer_mean: float | None


def percentile(values: Iterable[float | None], share: float) -> float | None:
    """The value below which that share of the known values lies, linearly interpolated; None without values."""
    known = sorted(value for value in values if value is not None)
    if not known:
        return None
    at = share * (len(known) - 1)
    low = math.floor(at)
    high = min(low + 1, len(known) - 1)
    return known[low] + (known[high] - known[low]) * (at - low)


def summarise(rows: Iterable[Row]) -> list[Summary]:
    """One summary per task and engine, in order of first appearance."""
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((row["task"], row["engine_id"]), []).append(row)
    summaries = []
    for (task, engine_id), runs in groups.items():
        ok = [row for row in runs if row["status"] == "ok"]
        fresh = [row for row in ok if not row.get("cached")]
        first, total = [row.get("first_s") for row in fresh], [row.get("total_s") for row in fresh]
        costs = [row["cost_usd"] for row in fresh if row.get("cost_usd") is not None]
        summaries.append(
            Summary(
                task=task,
                engine_id=engine_id,
                engine_name=runs[-1].get("engine_name") or engine_id,
                runs=len(runs),
                ok=len(ok),
                fresh=len(fresh),
                stopped=sum(row["status"] == "cancelled" for row in runs),
                first_p50_s=percentile(first, 0.5),
                first_p95_s=percentile(first, 0.95),
                total_p50_s=percentile(total, 0.5),
                total_p95_s=percentile(total, 0.95),
                cost_mean_usd=sum(costs) / len(costs) if costs else None,
                cost_known=len(costs),
                wer_pooled=pooled_wer(ok),
                wer_mean=mean_wer(ok),
            )
        )
    return summaries


# ---------------------------------------------------------------- terminal


def shown(name: str, value: float | None) -> str:
    """A number of column `name` for reading: scaled, rounded, with its unit; "–" for unknown."""
    return COLUMNS[name].shown(value) or "–"


def printable(text: str) -> str:
    """One line that cannot steer a terminal: control, format and surrogate characters become spaces, spaces are collapsed."""
    return " ".join("".join(" " if unicodedata.category(letter)[0] in "CZ" else letter for letter in text).split())


def _cells_wide(text: str) -> int:
    """Columns that a terminal gives to the text."""
    return sum((unicodedata.east_asian_width(letter) in "WF") + (not unicodedata.combining(letter)) for letter in text)


def _cut(text: str, cells: int) -> str:
    if _cells_wide(text) <= cells:
        return text
    while text and _cells_wide(text) > cells - 1:
        text = text[:-1]
    return text + "…"


def _answer(row: Row) -> str:
    """The start of what came out: text, best tags, or length of the sound; the error of a failure."""
    if row.get("status") != "ok":
        return row.get("error") or ""
    if row.get("output_text"):
        return row["output_text"]
    tags = _document("json", row.get("output_tags"))
    if isinstance(tags, list) and tags:
        return ", ".join(str(tag.get("label", "")) for tag in tags[:3] if isinstance(tag, Mapping))
    return (
        ""
        if row.get("output_audio_seconds") is None
        else f"{shown('output_audio_seconds', row['output_audio_seconds'])} of sound"
    )


def _leading_metric(row: Row) -> str:
    """The first metric of the task that has a value."""
    names = TASKS[row["task"]].metrics if row.get("task") in TASKS else ()
    name = next((name for name in names if row.get(name) is not None), None)
    return f"{COLUMNS[name].label} {shown(name, row[name])}" if name else "–"


def console_table(rows: Sequence[Row], width: int = 120) -> str:
    """The rows as aligned plain text of at most `width` terminal columns (80 at least); "" for no rows."""
    if not rows:
        return ""
    header = ("Engine", "Status", "First", "Total", "RTF", "Cost", "Quality", "Answer")
    lines = [header]
    for row in rows:
        status = f"{row.get('status')}, cached" if row.get("cached") else str(row.get("status"))
        numbers = [shown(name, row.get(name)) for name in ("first_s", "total_s", "rtf", "cost_usd")]
        answer = printable(_answer(row)[:1_000])
        lines.append(
            (_cut(printable(str(row.get("engine_id"))), 36), _cut(printable(status), 20), *numbers, _leading_metric(row), answer)
        )
    widths = [max(_cells_wide(line[at]) for line in lines) for at in range(len(header) - 1)]
    room = max(80, width) - sum(widths) - 2 * len(widths)

    def aligned(line: Sequence[str]) -> str:
        padded = []
        for at, (cell, wide) in enumerate(zip(line, widths, strict=False)):
            space = " " * (wide - _cells_wide(cell))
            padded.append(space + cell if 2 <= at <= 5 else cell + space)
        return "  ".join([*padded, _cut(line[-1], max(10, room))]).rstrip()

    return "\n".join(map(aligned, lines))
