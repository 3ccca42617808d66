"""Kept runs put together: one dictionary of counts and figures per value of a column, in one pass over the table."""

from __future__ import annotations

import sqlite3
from array import array
from collections.abc import Iterable, Sequence
from typing import Any

from comparisons import records
from comparisons.columns import COLUMNS
from comparisons.query import GROUPS, Query, filter_sql
from comparisons.table import percentile


def grouped(
    connection: sqlite3.Connection,
    damaged: Iterable[int],
    by: str,
    query: Query,
    measures: Sequence[str],
    whole: str | None,
) -> list[dict[str, Any]]:
    """One dictionary per value of `by`, a name of comparisons.query.GROUPS, the newest first.

    Each has value (None where unknown), engine and input (a name of one of its rows), newest, runs, ok, fresh, stopped,
    cost_mean_usd and costs_known; and for each measure (a column of numbers) its `_p50` and `_p95`, interpolated linearly.
    Of the measure `whole` each also has `values`: all of them, sorted.
    Figures are over fresh and good runs. Checksums are not looked at; rows known to be damaged are left out.
    Raises ValueError for another name.
    """
    if by not in GROUPS:
        raise ValueError(f"rows cannot be grouped by {by!r}; accepted: {', '.join(GROUPS)}")
    for name in measures:
        if name not in records.STORED or COLUMNS[name].kind != "number":
            raise ValueError(f"{name!r} is no kept column of numbers")
    where, values = filter_sql(query)
    where += f" {'AND' if where else 'WHERE'} seq NOT IN ({', '.join(map(str, damaged))})"
    fresh = "status = 'ok' AND cached IS NOT 1"
    counted = f"""SELECT {GROUPS[by]} AS value, max(engine_name) AS engine, max(input_name) AS input,
        max(created_at) AS newest, count(*) AS runs, count(*) FILTER (WHERE status = 'ok') AS ok,
        count(*) FILTER (WHERE {fresh}) AS fresh,
        count(*) FILTER (WHERE status = 'cancelled') AS stopped,
        avg(cost_usd) FILTER (WHERE {fresh}) AS cost_mean_usd, count(cost_usd) FILTER (WHERE {fresh}) AS costs_known
        FROM runs {where} GROUP BY 1 ORDER BY newest DESC, value"""
    cursor = connection.execute(counted, values)
    names = [column[0] for column in cursor.description]
    found = {row[0]: dict(zip(names, row, strict=True)) for row in cursor}
    if measures:
        kept: dict[Any, list[array[float]]] = {value: [array("d") for _ in measures] for value in found}
        figures = ", ".join(f'"{name}"' for name in measures)
        # one pass over the table: ranking each measure in SQL sorts every row once per measure
        for value, *known in connection.execute(f"SELECT {GROUPS[by]}, {figures} FROM runs {where} AND {fresh}", values):
            for ranks, figure in zip(kept.get(value, ()), known, strict=False):
                if figure is not None:
                    ranks.append(figure)
        for value, group in found.items():
            for name, ranks in zip(measures, kept[value], strict=True):
                ordered = sorted(ranks)
                group[f"{name}_p50"], group[f"{name}_p95"] = percentile(ordered, 0.5), percentile(ordered, 0.95)
                if name == whole:
                    group["values"] = ordered
    return list(found.values())
