"""A long history: pages, filters, counts and the CSV of the store against pandas on the same rows."""

from __future__ import annotations

import json
import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas

from bench.measured import Goal, Measured, Sizes, in_turns
from comparisons.columns import COLUMNS
from comparisons.query import SEARCHED, Query
from comparisons.store import Store
from comparisons.table import write_csv
from ui.table_charts import survey
from ui.table_page import page_of
from ui.table_state import checked

PAGE = 50
FIRST_PAGE = Goal("ours_ms", 100.0)
_SAID = "the budget for this quarter has been revised and will be sent to every office before noon on friday"


def made_rows(count: int) -> Iterator[dict[str, Any]]:
    """Runs of 24 engines over two years, one in 30 failed; the same ones each time."""
    chance, began, words = random.Random(0), datetime(2025, 1, 1, tzinfo=UTC), _SAID.split()
    for number in range(count):
        engine, failed = number % 24, chance.random() < 1 / 30
        task, where = ("asr", "tts", "separation")[engine % 3], ("local", "cloud")[engine % 2]
        total_s = chance.lognormvariate(0, 0.7)
        row = dict.fromkeys(COLUMNS) | {
            "comparison_id": f"{number // 8:032x}",
            "created_at": (began + timedelta(minutes=10 * number)).isoformat(timespec="milliseconds"),
            "task": task,
            "engine_id": f"vendor-{engine % 8}/model-{engine}",
            "engine_name": f"Model {engine}",
            "vendor": f"Vendor {engine % 8}",
            "system": f"Model {engine}",
            "model": f"model-{engine}",
            "where": where,
            "status": "timeout" if failed else "ok",
            "error": "No complete answer within 120 s." if failed else None,
            "cached": chance.random() < 0.2,
            "cold": number % 24 == number % 8,
            "repeat": 1 + number % 3,
            "warmups": 0,
            "attempts": 1,
            "attempt_log": json.dumps([{"attempt": 1, "status": "ok", "wall_s": round(total_s, 6)}]),
            "input_name": f"meeting-{number % 400}.wav",
            "input_sha256": f"{number % 400:064x}",
            "input_audio_seconds": 5.0 + number % 50,
            "request_sent": json.dumps({"model": f"model-{engine}", "response_format": "json"}),
            "queue_s": chance.random() / 100,
            "app_version": "1.0",
        }
        if not failed:
            row |= {
                "first_s": total_s / 3,
                "first_arrival_s": total_s / 3,
                "total_s": total_s,
                "all_attempts_s": total_s,
                "rtf": total_s / row["input_audio_seconds"],
                "usage_raw": json.dumps({"input_audio_seconds": row["input_audio_seconds"], "requests": 1.0}),
                "usage_billed": json.dumps({"input_audio_seconds": row["input_audio_seconds"]}),
                "usage_reported": False,
                "cost_usd": row["input_audio_seconds"] * 0.0001 if where == "cloud" else None,
                "cost_evidence": "counted usage",
                "output_text": " ".join(chance.choices(words, k=30)) if task == "asr" else None,
                "wer": chance.random() / 2 if task == "asr" else None,
                "versions": json.dumps({"python": "3.11.14", "numpy": "2.4.6"}),
            }
        yield row


def _read(database: Path) -> pandas.DataFrame:
    with closing(sqlite3.connect(database)) as connection:
        return pandas.read_sql("SELECT * FROM runs", connection)


def _first(frame: pandas.DataFrame, name: str, *, ascending: bool = False) -> list[dict[str, Any]]:
    """The first page in the order of one column; only that column is sorted, which is much faster than the whole frame."""
    return frame.loc[frame[name].sort_values(ascending=ascending).index[:PAGE]].to_dict("records")


def _holds(frame: pandas.DataFrame, text: str) -> pandas.DataFrame:
    found = pandas.Series(False, index=frame.index)
    for name in SEARCHED:
        found |= frame[name].str.contains(text, case=False, regex=False).fillna(False).astype(bool)
    return frame[found]


def measure(sizes: Sizes, folder: Path) -> Iterator[Measured]:
    database = folder / "runs.db"
    with Store(folder, upkeep=False) as store:
        store.add_all(made_rows(sizes.rows))
        frame, on = _read(database), f"over {sizes.rows:,} kept runs"
        yield from _pages(sizes, store, frame, database, on)
        yield _export(sizes, store, frame, database, folder, on)


def _pages(sizes: Sizes, store: Store, frame: pandas.DataFrame, database: Path, on: str) -> Iterator[Measured]:
    rounds, few = sizes.rounds_or(15), sizes.rounds_or(2)
    view = checked({"task": "", "sort": "total_s", "whole": True})

    def tab() -> None:
        survey(store, page_of(store, view, None), None)

    arms = {
        "ours": lambda: store.page(Query(sort="total_s", limit=PAGE)),
        "plain": lambda: _first(frame, "total_s"),
        "tab_rows": lambda: page_of(store, view, None),
    }
    rare = in_turns(few, {"tab_whole": tab, "read_sql": lambda: _first(_read(database), "total_s")}, warm_ups=0)
    took = in_turns(rounds, arms)
    yield Measured(
        "table-first-page",
        took["ours"],
        took["plain"],
        FIRST_PAGE,
        rounds,
        f"The {PAGE} slowest runs {on} against sorting that column of a pandas frame in memory; read_sql_ms reads the frame "
        "first, tab_rows_ms is what the Table tab shows, tab_whole_ms the same with its counts, summary and charts.",
        "ms",
        against={"read_sql": rare["read_sql"]},
        more={"tab_rows": took["tab_rows"], "tab_whole": rare["tab_whole"]},
    )
    asked = Query(task="asr", status="ok", where="cloud", sort="wer", descending=False, limit=PAGE)

    def passing() -> pandas.DataFrame:
        return frame[(frame["task"] == "asr") & (frame["status"] == "ok") & (frame["where"] == "cloud")]

    took = in_turns(
        rounds,
        {
            "ours": lambda: store.page(asked),
            "plain": lambda: _first(passing(), "wer", ascending=True),
        },
    )
    yield Measured(
        "table-filtered-page",
        took["ours"],
        took["plain"],
        FIRST_PAGE,
        rounds,
        f"The {PAGE} best of the good cloud transcriptions {on} against masking and sorting a pandas frame in memory.",
        "ms",
    )
    took = in_turns(rounds, {"ours": lambda: store.count(asked), "plain": lambda: len(passing())})
    yield Measured(
        "table-count",
        took["ours"],
        took["plain"],
        FIRST_PAGE,
        rounds,
        f"How many rows pass the same filter {on} against the length of the masked pandas frame in memory.",
        "ms",
    )
    words = Query(text="Revised and will", limit=PAGE)
    took = in_turns(
        rounds,
        {
            "ours": lambda: store.page(words),
            "plain": lambda: _first(_holds(frame, "Revised and will"), "created_at"),
        },
    )
    yield Measured(
        "table-search",
        took["ours"],
        took["plain"],
        FIRST_PAGE,
        rounds,
        f"The newest {PAGE} runs that hold three words {on} against str.contains on those columns of a pandas frame in memory.",
        "ms",
    )


def _export(sizes: Sizes, store: Store, frame: pandas.DataFrame, database: Path, folder: Path, on: str) -> Measured:
    rounds, file = sizes.rounds_or(2), folder / "export.csv"
    took = in_turns(
        rounds,
        {
            "ours": lambda: write_csv(store.rows(Query()), file),
            "plain": lambda: _read(database).to_csv(file, index=False, encoding="utf-8-sig", quoting=1),
            "frame_in_memory": lambda: frame.to_csv(file, index=False, encoding="utf-8-sig", quoting=1),
        },
        warm_ups=0,
    )
    return Measured(
        "table-export",
        took["ours"],
        took["plain"],
        Goal("ratio", 1.5),
        rounds,
        f"Every row as CSV {on}, each checked against its checksum and made safe for spreadsheets, against pandas.read_sql and "
        "to_csv; frame_in_memory_s is to_csv alone.",
        against={"frame_in_memory": took["frame_in_memory"]},
    )
