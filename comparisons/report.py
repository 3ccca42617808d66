"""A comparison, or a run over a dataset, as one HTML file: it opens offline, plays, runs no script and loads nothing.

A sound is embedded as FLAC or WAV while there is room; one that is left out is replaced by a sentence.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any, BinaryIO

from comparisons._report_figures import costs_section, figures_section, text_of
from comparisons.blobs import BlobDamaged
from comparisons.capsule import Capsule, absences, ballots, packed
from comparisons.capsule_votes import Ballot, figure, headed, lines_of
from comparisons.columns import COLUMNS, Column
from comparisons.kept_comparison import by_input, document, headline, rows_of, shared
from comparisons.outcomes import Line
from comparisons.store import Store
from comparisons.table import Summary, summarise
from engine.tasks import TASKS

MOST_SOUND_BYTES = 24_000_000
"""Of all sounds together, before base64 adds a third: what a phone still opens and a mail server still takes."""
MOST_TAGS = 12
_ALWAYS = ("engine_name", "where", "status", "cached", "repeat", "queue_s", "load_s", "first_s", "total_s", "rtf", "cost_usd")
_LAST = ("price_rule", "price_source", "price_date", "model", "model_answered", "settings", "versions", "device", "created_at")
_LONG = ("price_rule", "price_source", "settings", "versions")
_MEASURES = ("first_s", "total_s", "rtf", "cost_usd")

STYLE = (Path(__file__).parent / "report.css").read_text(encoding="utf-8")
_STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
POLICY = f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; media-src data:; base-uri 'none'; form-action 'none'"
"""No script, no request, no frame, no form: whatever a transcript says, it stays text."""


class _Sounds:
    """Hands out sounds as data addresses until the room is used up; a sound that comes up twice is embedded twice."""

    def __init__(self, source: Store | Capsule) -> None:
        self.source, self.room = source, MOST_SOUND_BYTES

    def player(self, file: Mapping[str, Any], title: str) -> str:
        try:
            data, kind = self._bytes(file["sha256"])
        except BlobDamaged:
            return '<p class="dim">The sound is missing here.</p>'
        if len(data) > self.room:
            said = f"The sound is left out: this page holds at most {MOST_SOUND_BYTES / 1e6:g} MB of sound."
            return f'<p class="dim">{said} A capsule holds more.</p>'
        self.room -= len(data)
        address = f"data:audio/{kind};base64,{base64.b64encode(data).decode()}"
        length = COLUMNS["output_audio_seconds"].shown(file["seconds"])
        return (
            f'<figure><figcaption class="dim">{escape(title)} · {length} · {file["rate"] / 1000:g} kHz</figcaption>'
            f'<audio controls preload="none" aria-label="{escape(title)}" src="{address}"></audio></figure>'
        )

    def _bytes(self, sha256: str) -> tuple[bytes, str]:
        if isinstance(self.source, Store):
            data, kind, _ = packed(self.source.read_blob(sha256))
            return data, kind
        path = self.source.sound_path(sha256)
        if path is None:
            raise BlobDamaged("not in the capsule")
        return path.read_bytes(), path.suffix[1:]


def write_report(source: Store | Capsule, comparison_id: str, file: str | Path | BinaryIO) -> None:
    """Write the page (UTF-8); a path is replaced only when all is written. Raises NoComparison, OSError."""
    if isinstance(source, Capsule):
        rows = list(source.rows)
    else:
        rows = [dict.fromkeys(COLUMNS) | shared(row) for row in rows_of(source, comparison_id)]
    if not isinstance(file, str | Path):
        file.writelines(part.encode("utf-8", "replace") for part in _page(source, comparison_id, rows))
        return
    unfinished = Path(f"{file}.part")
    try:
        with unfinished.open("wb") as opened:
            opened.writelines(part.encode("utf-8", "replace") for part in _page(source, comparison_id, rows))
        unfinished.replace(file)
    finally:
        unfinished.unlink(missing_ok=True)


def _page(source: Store | Capsule, comparison_id: str, rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    task, sounds, first, inputs = TASKS[rows[0]["task"]], _Sounds(source), rows[0], by_input(rows)
    title = f"{task.title}: {first['input_name'] or 'comparison' if len(inputs) == 1 else f'{len(inputs):,} inputs'}"
    answered = sum(row["status"] == "ok" for row in rows)
    yield (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width,initial-scale=1"><meta name="referrer" content="no-referrer">'
        f"<title>{escape(title)} · Soundcheck</title><style>{STYLE}</style></head><body><main>"
        '<header><p class="dim brand"><b>sound<i>check</i></b> report</p>'
        f'<h1 dir="auto">{escape(title)}</h1><p class="dim">{answered} of {len(rows)} answered · {escape(_when(rows))} · '
        f"Soundcheck {escape(first['app_version'] or '')} · comparison {escape(comparison_id)}</p></header>"
    )
    if len(inputs) > 1:
        yield "".join(f'<p class="dim">{escape(sentence)}</p>' for sentence in absences(source, rows))
        yield from figures_section(rows)
        yield _plots(rows, task.metrics)
        yield "<h2>Inputs and answers</h2>"
        for own in inputs.values():
            yield f'<details class="card"><summary dir="auto">{escape(headline(own))}</summary>'
            yield from _input(own, sounds, ())
            yield from _answers(own, sounds, task.metrics)
            yield "</details>"
    else:
        yield from _input(rows, sounds, absences(source, rows))
        yield _plots(rows, task.metrics)
        yield "<h2>Answers</h2>"
        yield from _answers(rows, sounds, task.metrics)
    yield from _votes(ballots(source, comparison_id, rows))
    yield from costs_section(rows)
    yield "<h2>All figures</h2>"
    if len(inputs) > 1:
        yield f'<details class="card"><summary>{len(rows):,} answers</summary>{_table(rows, task.metrics)}</details>'
    else:
        yield _table(rows, task.metrics)
    yield (
        '<p class="dim">Times begin before the engine is called and end with its answer; loading and queueing are apart. '
        "A cached answer keeps the times of its first run. An empty cell is unknown.</p></main></body></html>\n"
    )


def _answers(rows: Sequence[Mapping[str, Any]], sounds: _Sounds, metrics: Sequence[str]) -> Iterator[str]:
    yield '<div class="cards">'
    for row in rows:
        yield _card(row, sounds, metrics, len({row["repeat"] for row in rows}) > 1)
    yield "</div>"


def _when(rows: Sequence[Mapping[str, Any]]) -> str:
    return f"{min(row['created_at'] for row in rows)[:19].replace('T', ' ')} UTC"


def _input(rows: Sequence[Mapping[str, Any]], sounds: _Sounds, missing: Sequence[str]) -> Iterator[str]:
    first, file = rows[0], next((found for row in rows if (found := document(row, "input_file"))), None)
    yield f'<section class="card"><h3>Input</h3><p class="text" dir="auto">{escape(first["input_name"] or "")}</p>'
    if file:
        yield sounds.player(file, "input")
    if first["reference"]:
        yield f'<p class="dim">Measured against</p><p class="text" dir="auto">{escape(first["reference"])}</p>'
    for sentence in missing:
        yield f'<p class="dim">{escape(sentence)}</p>'
    yield "</section>"


# ---------------------------------------------------------------- one answer


def badges(row: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What a reader has to know to judge the row's numbers: words and CSS class."""
    retries = (row["attempts"] or 1) - 1
    said = [(row["where"] or "", "cloud" if row["where"] == "cloud" else "local")]
    if row["cached"]:
        said.append(("cached", "warn"))
    elif row["cold"]:
        said.append((f"cold · loaded in {COLUMNS['load_s'].shown(row['load_s'])}", ""))
    if retries > 0:
        said.append((f"{retries:g} {'retry' if retries == 1 else 'retries'}", "warn"))
    if row["cost_usd"] is not None and row["where"] == "cloud":
        said.append(("usage reported" if row["cost_evidence"] == "reported usage" else "estimated cost", ""))
    if row["device"]:
        said.append((row["device"].upper(), ""))
    return said


def _card(row: Mapping[str, Any], sounds: _Sounds, metrics: Sequence[str], repeated: bool) -> str:
    name = row["engine_name"] or row["engine_id"]
    name += f" · run {row['repeat']:g}" if repeated and row["repeat"] else ""
    marks = "".join(f'<span class="badge {kind}">{escape(words)}</span>' for words, kind in badges(row))
    head = f'<div><h3 dir="auto">{escape(name)}</h3><div class="badges">{marks}</div></div>'
    if row["status"] != "ok":
        error = f"{row['status']}: {row['error'] or 'it failed and gave no reason'}"
        return f'<article class="card result failed">{head}<p class="text" dir="auto">{escape(error)}</p></article>'
    out = [f'<p class="text" dir="auto">{text_of(row)}</p>'] if row["output_text"] else []
    tags = (document(row, "output_tags") or [])[:MOST_TAGS]
    if tags:
        out.append(f'<ul class="tags">{"".join(_tag(tag, row["where"]) for tag in tags)}</ul>')
    for file in document(row, "output_files") or ():
        out.append(sounds.player(file, "sound" if file["name"] == "output" else file["name"]))
    shown = [
        COLUMNS[measure] for measure in (*_MEASURES, *metrics) if row[measure] is not None and COLUMNS[measure].kind == "number"
    ]
    figures = "".join(f"<div><dt>{escape(each.label)}</dt><dd>{escape(each.shown(row[each.name]))}</dd></div>" for each in shown)
    return (
        f'<article class="card result">{head}<div class="out">{"".join(out)}</div><dl class="measures">{figures}</dl></article>'
    )


def _tag(tag: Mapping[str, Any], where: str | None) -> str:
    timed = "" if tag.get("start_s") is None or tag.get("end_s") is None else f" · {tag['start_s']:.1f}–{tag['end_s']:.1f} s"
    score = f"<span>{tag['score']:.2f}{timed}</span>"
    return f'<li><span dir="auto">{escape(tag["label"])}</span>{_bar(tag["score"], where)}{score}</li>'


def _bar(share: float, where: str | None) -> str:
    width = 100 * min(1.0, max(0.0, share))
    kind = "cloud" if where == "cloud" else "local"
    return (
        '<svg viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true"><rect class="track" width="100" height="8"/>'
        f'<rect class="bar-{kind}" width="{width:.2f}" height="8"/></svg>'
    )


# ---------------------------------------------------------------- what listeners said


def _votes(tests: Sequence[Ballot]) -> Iterator[str]:
    """The forest plot of each finished blind test; a verdict that says "not enough votes" where there are not."""
    if tests:
        yield "<h2>Blind tests</h2>"
    for test in tests:
        said = test.outcome
        lines = "".join(map(_vote_line, said.lines, lines_of(test), [test] * len(said.lines)))
        notes = "".join(f'<p class="dim">{escape(note)}</p>' for note in said.notes)
        few = "" if said.enough else ' class="warn"'
        scale = f"{figure(said.low, test.kind)} to {figure(said.high, test.kind)}"
        yield (
            f'<section class="card votes"><div><h3{few}>{escape(said.verdict)}</h3>'
            f'<p class="dim">{escape(headed(test))}</p></div>'
            f'<ul>{lines}</ul><p class="dim">{escape(said.unit)} · scale {scale}</p>{notes}</section>'
        )


def _vote_line(line: Line, words: tuple[str, ...], test: Ballot) -> str:
    name, value, interval, n, note = map(escape, words)
    said = test.outcome

    def at(score: float) -> float:
        return 100 * (score - said.low) / (said.high - said.low)

    drawn = ['<line class="rail" x1="0" x2="100" y1="4" y2="4"/>']
    if said.middle is not None:
        drawn.append(f'<line class="rail" x1="{at(said.middle):.1f}" x2="{at(said.middle):.1f}" y1="0" y2="8"/>')
    estimate = line.estimate
    if estimate.low is not None and estimate.high is not None:
        left, width = at(estimate.low), max(0.6, at(estimate.high) - at(estimate.low))
        drawn.append(f'<rect class="whisker" x="{left:.2f}" width="{width:.2f}" y="2.5" height="3"/>')
    if estimate.value is not None:
        drawn.append(f'<rect class="bar-local" x="{at(estimate.value) - 0.5:.2f}" width="1" height="8"/>')
    plot = f'<svg viewBox="-1 0 102 8" preserveAspectRatio="none" aria-hidden="true">{"".join(drawn)}</svg>'
    more = f'<span class="dim">{interval} · {n}</span>'
    return (
        f'<li><span dir="auto">{name}<br><span class="dim">{note}</span></span>{plot}<span><b>{value}</b><br>{more}</span></li>'
    )


# ---------------------------------------------------------------- chart and table


def _plots(rows: Sequence[Mapping[str, Any]], metrics: Sequence[str]) -> str:
    """First output, total and cost per engine, p50 and mean over fresh successes; an engine without any shows why."""
    where = {row["engine_id"]: row["where"] for row in rows}
    found = summarise(rows)
    plots = []
    for name, words in (("first_p50_s", "first_s"), ("total_p50_s", "total_s"), ("cost_mean_usd", "cost_usd")):
        known = [value for each in found if (value := getattr(each, name)) is not None]
        if not known:
            continue
        longest = max(known)
        lines = "".join(_plot_line(each, getattr(each, name), COLUMNS[words], longest, where[each.engine_id]) for each in found)
        how = "mean" if words == "cost_usd" else "p50"
        title = f'{escape(COLUMNS[words].label)} <span class="dim">{how}, lower is better</span>'
        plots.append(f"<section><h3>{title}</h3><ul>{lines}</ul></section>")
    return f'<h2>Latency and cost</h2><div class="plot">{"".join(plots)}</div>' if plots else ""


def _unanswered(engine: Summary) -> str:
    return "stopped" if engine.stopped == engine.runs else "failed"


def _plot_line(engine: Summary, value: float | None, column: Column, longest: float, where: str | None) -> str:
    said = column.shown(value) or (_unanswered(engine) if not engine.ok else "cached only" if not engine.fresh else "unknown")
    bar = _bar(value / longest if longest else 0.0, where) if value is not None else ""
    return f'<li><span dir="auto">{escape(engine.engine_name)}</span><b>{escape(said)}</b>{bar}</li>'


def _table(rows: Sequence[Mapping[str, Any]], metrics: Sequence[str]) -> str:
    held = {name for row in rows for name in COLUMNS if row[name] not in (None, "")}
    several = ("input_name",) * (len(by_input(rows)) > 1)
    names = [name for name in dict.fromkeys((*_ALWAYS[:1], *several, *_ALWAYS, *metrics, *_LAST)) if name in held]
    head = "".join(
        f'<th scope="col"{_align(name)} title="{escape(COLUMNS[name].meaning)}">{escape(_headed(COLUMNS[name]))}</th>'
        for name in names
    )
    body = "".join(f"<tr>{''.join(_table_cell(COLUMNS[name], row[name]) for name in names)}</tr>" for row in rows)
    return (
        '<div class="scroll" tabindex="0" role="region" aria-label="All figures">'
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _table_cell(column: Column, value: Any) -> str:
    return f'<td{_align(column.name)} dir="auto">{escape(_cell(column, value))}</td>'


def _align(name: str) -> str:
    kind = "number" if COLUMNS[name].kind == "number" else "long" if name in _LONG else ""
    return f' class="{kind}"' if kind else ""


def _headed(column: Column) -> str:
    return f"{column.label} ({column.unit})" if column.unit and column.unit != "x" else column.label


def _cell(column: Column, value: Any) -> str:
    if value is None:
        return ""
    if column.kind == "flag":
        return "yes" if value else "no"
    if column.kind == "number":
        digits = 2 if column.decimals is None else column.decimals
        return f"{value * column.scale:,.{digits}f}"
    if column.name == "created_at":
        return f"{value[:19].replace('T', ' ')} UTC"
    held = document({column.name: value}, column.name) if column.kind == "json" else value
    return ", ".join(f"{name} {held[name]}" for name in held) if isinstance(held, dict) else str(value)
