"""What to show of the kept runs: filters, order and page, turned into SQL without ever quoting foreign text into it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from comparisons.columns import COLUMNS
from engine.contract import ERROR_KINDS

SEARCHED = ("input_name", "engine_name", "vendor", "output_text", "error")
GROUPS = {
    "engine": "engine_id",
    "task": "task",
    "vendor": "vendor",
    "where": '"where"',
    "status": "status",
    "input": "input_sha256",
    "batch": "batch_id",
    "language": "output_language",
    "day": "substr(created_at, 1, 10)",
} | {
    name: f'CAST("{name}" AS TEXT)'
    for name in (
        *("system", "model", "model_answered", "cached", "cold", "repeat", "attempts", "item", "settings", "cost_evidence"),
        *("price_date", "device", "dtype", "threads", "app_version"),
    )
}
"""What rows can be put together by, and the SQL for it."""
_LATEST_RATING = "(SELECT stars FROM ratings WHERE ratings.seq = runs.seq ORDER BY ratings.id DESC LIMIT 1)"


@dataclass(frozen=True)
class Query:
    """None and () leave a filter out. Raises ValueError, naming what is accepted, for anything unknown."""

    task: str | None = None
    engine_ids: tuple[str, ...] = ()
    where: str | None = None
    """"local" or "cloud"."""
    status: str | None = None
    """"ok", "failed" (anything else than ok), or one kind of error."""
    text: str | None = None
    """Part of the input's name, the engine's name, the vendor, the text answer or the error; ASCII case is ignored."""
    comparison_id: str | None = None
    batch_id: str | None = None
    session: str | None = None
    since: str | None = None
    """ISO 8601, UTC: runs that began then or later."""
    until: str | None = None
    """ISO 8601, UTC: runs that began before."""
    group: tuple[str, str | None] | None = None
    """A name of GROUPS and the one value that rows must have there; None is unknown."""
    sort: str = "created_at"
    """A column's name or "seq". Unknown values come last in either direction."""
    descending: bool = True
    offset: int = 0
    limit: int = 50

    def __post_init__(self) -> None:
        if self.sort not in COLUMNS and self.sort != "seq":
            raise ValueError(f"cannot sort by {self.sort!r}; accepted: seq, {', '.join(COLUMNS)}")
        if self.where not in (None, "local", "cloud"):
            raise ValueError(f"where must be 'local' or 'cloud', got {self.where!r}")
        if self.status not in (None, "ok", "failed", *ERROR_KINDS):
            raise ValueError(f"status must be one of ok, failed, {', '.join(ERROR_KINDS)}, got {self.status!r}")
        if self.group is not None and self.group[0] not in GROUPS:
            raise ValueError(f"rows cannot be grouped by {self.group[0]!r}; accepted: {', '.join(GROUPS)}")
        for name, largest in (("offset", 10**9), ("limit", 100_000)):
            if not 0 <= getattr(self, name) <= largest:
                raise ValueError(f"{name} must be from 0 to {largest}, got {getattr(self, name)!r}")
        if self.text is not None and len(self.text) > 1_000:
            raise ValueError(f"a search text may have 1000 characters, got {len(self.text)}")


def clean(text: str) -> str:
    """The text with lone surrogates, which UTF-8 cannot hold, as U+FFFD."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def filter_sql(query: Query) -> tuple[str, list[Any]]:
    """A WHERE clause over `runs` and its values."""
    terms: list[str] = []
    values: list[Any] = []
    for column in ("task", "where", "comparison_id", "batch_id", "session"):
        if (value := getattr(query, column)) is not None:
            terms.append(f'"{column}" = ?')
            values.append(clean(value))
    if query.engine_ids:
        terms.append(f"engine_id IN ({', '.join('?' * len(query.engine_ids))})")
        values += map(clean, query.engine_ids)
    if query.status is not None:
        terms.append("status <> ?" if query.status == "failed" else "status = ?")
        values.append("ok" if query.status == "failed" else query.status)
    if query.since is not None:
        terms.append("created_at >= ?")
        values.append(clean(query.since))
    if query.until is not None:
        terms.append("created_at < ?")
        values.append(clean(query.until))
    if query.group is not None:
        terms.append(f"{GROUPS[query.group[0]]} IS ?")
        values.append(None if query.group[1] is None else clean(query.group[1]))
    if query.text:
        pattern = clean(query.text).replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        terms.append("(" + " OR ".join(f"{column} LIKE ? ESCAPE '\\'" for column in SEARCHED) + ")")
        values += [f"%{pattern}%"] * len(SEARCHED)
    return ("WHERE " + " AND ".join(terms) if terms else ""), values


def order_sql(query: Query) -> str:
    # every name here was checked against COLUMNS when the query was made
    column = _LATEST_RATING if query.sort == "rating" else f'"{query.sort}"'
    direction = "DESC" if query.descending else "ASC"
    return f"ORDER BY {column} {direction} NULLS LAST, seq {direction}"
