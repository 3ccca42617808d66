"""The comparison table's tab and the charts: what they compute, and what a person meets in a real Chromium."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import gradio as gr
import numpy as np
import pytest
from browser import PHONE, served

from comparisons.columns import COLUMNS
from comparisons.query import Query
from comparisons.store import Store
from engine.audio import Audio
from ui.chart import MOST_DOTS, Chart, bars_from_rows, scatter_from_rows, series_of
from ui.distributions import BINS, axis_of, shape_of
from ui.table import answer, build_table_tab, export
from ui.table_page import MOST_GROUPS, PAGE_ROWS, counts_text, shown
from ui.table_state import GROUPABLE, MOST_OPEN, MOST_PINNED, checked, default_columns
from ui.theme import THEME

if TYPE_CHECKING:
    from playwright.sync_api import LocatorAssertions, Page

PAYLOADS = (
    "<img src=x onerror=window.__pwn=1>",
    "<script>window.__pwn=1</script>",
    '"><svg onload=window.__pwn=1></svg>',
    "<details open ontoggle=window.__pwn=1><summary>x</summary></details>",
    "${window.__pwn=1}{{constructor.constructor('window.__pwn=1')()}}",
)
ENGINES = {
    "whisper/base": ("Whisper base", "local", 0.9, 0.08),
    "moonshine/tiny": ("Moonshine tiny", "local", 0.4, 0.14),
    "deepgram/nova": ("Deepgram Nova", "cloud", 0.2, 0.05),
    "openai/transcribe": ("OpenAI transcribe", "cloud", 0.7, 0.03),
}


def row(engine_id: str = "whisper/base", number: int = 0, **values: object) -> dict:
    """A successful speech-to-text run, every column there; `number` moves time and figures a little."""
    name, where, total_s, wer = ENGINES.get(engine_id, (engine_id, "local", 1.0, 0.1))
    known = {
        "comparison_id": f"c{number // 4}",
        "created_at": f"2026-11-{1 + number // 1000:02}T{number // 60 % 24:02}:{number % 60:02}:00.000+00:00",
        "task": "asr",
        "engine_id": engine_id,
        "engine_name": name,
        "vendor": name.split()[0],
        "where": where,
        "status": "ok",
        "cached": False,
        "cold": False,
        "attempts": 1,
        "input_name": f"clip {number % 5}.wav",
        "first_s": total_s / 2,
        "total_s": total_s + number % 7 / 100,
        "rtf": total_s / 10,
        "cost_usd": 0.0004 if where == "cloud" else 0.00002,
        "cost_evidence": "reported usage" if where == "cloud" else "machine price",
        "output_text": f"words of run {number}",
        "wer": wer,
    }
    return dict.fromkeys(COLUMNS) | known | values


def failure(engine_id: str, number: int = 0, status: str = "auth", **values: object) -> dict:
    unknown = dict.fromkeys(("first_s", "total_s", "rtf", "cost_usd", "cost_evidence", "output_text", "wer"))
    failed = {"status": status, "error": f"{engine_id} refused the key: check it"}
    return row(engine_id, number, **unknown | failed | values)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "store", upkeep=False) as opened:
        yield opened


def many(store: Store, count: int = 130) -> None:
    """Four engines in turn, every ninth run a failure, and ten runs of another task before them."""
    tts = [row("espeak/ng", number, task="tts", created_at=f"2026-10-01T00:0{number}:00.000+00:00") for number in range(10)]
    names = list(ENGINES)
    store.add_all(tts + [(failure if number % 9 == 8 else row)(names[number % len(names)], number) for number in range(count)])


# ---------------------------------------------------------------- charts: the figures


def test_t1_a_cached_row_never_enters_the_figures_of_an_engine_that_has_fresh_ones():
    rows = [row(number=0, total_s=1.0), row(number=1, total_s=3.0), row(number=2, total_s=99.0, cached=True)]
    series = series_of(rows, ["total_s"])[0]
    assert (series.spreads["total_s"].p50, series.spreads["total_s"].n, series.spreads["total_s"].dots) == (2.0, 2, [1.0, 3.0])
    assert (series.ok, series.cached) == (3, 1)


def test_an_engine_with_cached_rows_alone_is_shown_and_marked_cached():
    series = series_of([row(total_s=2.0, cached=True)], ["total_s"])[0]
    assert series.spreads["total_s"].cached
    assert series.spreads["total_s"].p50 == 2.0


def test_an_engine_that_failed_is_a_gap_and_not_a_zero():
    state = bars_from_rows([row("deepgram/nova"), failure("openai/transcribe"), failure("whisper/base", status="cancelled")])
    assert [(series.engine_id, series.stopped, series.failed, series.error, series.spreads) for series in state.series[1:]] == [
        ("openai/transcribe", 0, 1, "the key was refused", {}),
        ("whisper/base", 1, 0, "", {}),
    ]


def test_runs_that_a_person_stopped_are_not_called_failed():
    assert counts_text(runs=9, ok=5, fresh=3, stopped=1) == "n 3 · 2 cached · 1 stopped · 3 failed"
    assert counts_text(runs=1, ok=1, fresh=1, stopped=0) == "n 1"


def test_bars_say_why_a_first_sound_can_lie_after_the_total():
    assert "silence" in bars_from_rows([row(first_s=0.37, total_s=0.16)]).note
    assert bars_from_rows([row(first_s=0.1, total_s=0.16), failure("openai/transcribe")]).note == ""


def test_bars_keep_the_order_given_and_end_with_the_leading_metric_in_its_shown_unit():
    state = bars_from_rows([row("openai/transcribe"), row("whisper/base")])
    assert [series.engine_id for series in state.series] == ["openai/transcribe", "whisper/base"]
    assert [(measure.name, measure.unit) for measure in state.measures] == [
        ("first_s", "s"),
        ("total_s", "s"),
        ("cost_usd", "$"),
        ("wer", "%"),
    ]
    assert state.series[0].spreads["wer"].p50 == pytest.approx(3.0)


def test_a_measure_that_no_row_knows_is_left_out_of_the_bars():
    assert "cost_usd" not in [measure.name for measure in bars_from_rows([row(cost_usd=None)]).measures]


def test_more_runs_than_dots_become_the_range_from_p5_to_p95():
    spread = series_of([row(total_s=float(number)) for number in range(MOST_DOTS + 61)], ["total_s"])[0].spreads["total_s"]
    assert (spread.dots, spread.low, spread.p50, spread.high) == ([], 5.0, 50.0, 95.0)


def test_a_scatter_refuses_a_column_without_numbers():
    with pytest.raises(ValueError, match="'output_text' holds no numbers"):
        scatter_from_rows([row()], "cost_usd", "output_text")
    with pytest.raises(KeyError):
        scatter_from_rows([row()], "price", "wer")


# ---------------------------------------------------------------- what a browser may ask


@pytest.mark.parametrize(
    "sent",
    [
        None,
        [],
        "x",
        {"task": "nope", "where": ["local"], "status": "'; DROP TABLE runs", "sort": "seq; --", "page": "1"},
        {"sort": "output_words", "engines": "all", "columns": 7, "open": True, "page": -3, "number": -1},
        {"text": 3, "engines": [None, {}], "page": 1.5, "open": 2**70},
    ],
)
def test_whatever_a_stranger_sends_becomes_a_view_that_the_table_has(store, sent):
    many(store, 3)
    state, *_ = answer(store, sent, None)
    assert (state.count, state.asked.page, state.asked.sort, state.asked.engines) == (13, 0, "created_at", [])


def test_lengths_are_cut_and_unknown_columns_are_dropped():
    asked = checked({"text": "x" * 5_000, "engines": ["e" * 900] * 5_000, "columns": ["wer", "nope", "seq", "task"] * 9})
    assert (len(asked.text), len(asked.engines), len(asked.engines[0]), asked.columns) == (200, 200, 200, ["task", "wer"])


def test_a_page_beyond_the_end_is_the_last_one(store):
    many(store, 130)
    state, *_ = answer(store, {"page": 10**6}, None)
    assert (state.asked.page, len(state.rows)) == (140 // PAGE_ROWS, 140 % PAGE_ROWS)


def test_a_session_sees_its_own_rows_alone_in_table_details_counts_and_download(store):
    store.add(row(number=1, output_text="of alice"), session="alice")
    seq = store.add(row(number=2, output_text="of bob"), session="bob")
    view = {"open": seq, "open_comparison": "c0", "open_engine": "whisper/base", "columns": ["output_text"]}
    state, *_ = answer(store, view, "alice")
    assert [each.cells for each in state.rows] == [["of alice"]]
    assert (state.details, state.kept, state.engines[0].count) == (None, 1, 1)
    assert "of bob" not in export(store, {"kind": "jsonl"}, "alice").read_text()
    assert answer(store, view, "bob")[0].details.seq == seq


def test_a_document_of_a_vendor_that_poses_as_a_file_record_is_never_served(store, tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    posing = {"path": str(secret), "meta": {"_type": "gradio.FileData"}, "name": "output", "sha256": "../../secret"}
    seq = store.add(row(output_files=json.dumps([posing]), settings=json.dumps(posing)))
    state, *_ = answer(store, {"open": seq, "open_comparison": "c0", "open_engine": "whisper/base"}, None)
    assert [sound.file for sound in state.details.sounds] == [None]
    assert "_type" not in re.findall(r'(?<!\\)"(\w+)":', state.model_dump_json())


def test_the_task_that_was_run_last_is_shown_first(store):
    many(store, 3)
    assert answer(store, {"task": "newest"}, None)[0].asked.task == "asr"


def test_paging_asks_neither_for_counts_nor_for_charts(store):
    many(store, 3)
    state, bars, scatter = answer(store, {"whole": False}, None)
    assert (bars, scatter, state.summary, len(state.rows)) == (None, None, [], 13)


def test_charts_are_withheld_where_rows_of_several_tasks_would_mix(store):
    many(store, 3)
    _, bars, scatter = answer(store, {"number": 7}, None)
    assert bars.question == scatter.question == 7
    assert "choose a task" in bars.empty
    assert "choose a task" in scatter.empty


def test_the_scatter_sets_cost_against_the_leading_metric_and_time_where_no_cost_is_known(store):
    store.add_all([row("deepgram/nova"), row("whisper/base")])
    assert [(chart.x, chart.y) for chart in answer(store, {"task": "asr"}, None)[2:]] == [("cost_usd", "wer")]
    free = [row(name, task="tts", cost_usd=None, wer=None) for name in ENGINES]
    store.add_all(free)
    assert [(chart.x, chart.y) for chart in answer(store, {"task": "tts"}, None)[2:]] == [("total_s", "first_s")]


def test_every_default_column_exists():
    for task in ("", "asr", "tts", "music", "separation", "tagging", "audio_lm"):
        assert set(default_columns(task)) <= set(COLUMNS), task


def test_numbers_are_written_in_the_shown_unit_and_disguising_characters_as_escapes():
    assert shown(COLUMNS["wer"], 0.1333) == "13.3"
    assert shown(COLUMNS["cost_usd"], 0.00086) == "0.000860"
    assert shown(COLUMNS["total_s"], float("nan")) == ""
    assert shown(COLUMNS["cached"], 1) == "yes"
    assert shown(COLUMNS["input_name"], "a\u202egpj.exe\x1b") == "a\\u202egpj.exe\\u001b"
    assert shown(COLUMNS["output_tags"], '[{"label": "rain", "score": 0.5}]') == "rain 0.50"


def test_a_download_is_one_of_three_kinds(store):
    with pytest.raises(ValueError, match="csv, parquet, jsonl"):
        export(store, {"kind": "../../x"}, None)


# ---------------------------------------------------------------- groups, pins and links


def test_a_group_has_the_p50_p95_count_and_mean_cost_of_its_fresh_good_runs(store):
    times = [0.1, 0.5, 0.2, 0.9, 0.4, 0.7, 0.3]
    store.add_all([row(number=number, total_s=total_s, cost_usd=total_s / 100) for number, total_s in enumerate(times)])
    store.add_all([row(number=20, total_s=99.0, cached=True), failure("whisper/base", 21), row("deepgram/nova", cost_usd=None)])
    found = {each["value"]: each for each in store.grouped("engine", Query(), ("total_s",))}
    whisper = found["whisper/base"]
    assert (whisper["total_s_p50"], whisper["total_s_p95"]) == pytest.approx(tuple(np.percentile(times, (50, 95))))
    assert (whisper["runs"], whisper["fresh"], whisper["ok"]) == (9, 7, 8)
    assert whisper["cost_mean_usd"] == pytest.approx(np.mean(times) / 100)
    assert (found["deepgram/nova"]["cost_mean_usd"], found["deepgram/nova"]["costs_known"]) == (None, 0)


@pytest.mark.parametrize("by", GROUPABLE)
def test_every_grouping_covers_all_rows_and_each_group_opens_to_its_own(store, by):
    many(store, 40)
    state, *_ = answer(store, {"group": by, "whole": False}, None)
    assert (state.rows, state.passing, state.count) == ([], 50, 0)
    opened = [
        each
        for group in state.row_groups
        for each in answer(store, {"group": by, "groups_open": [{"value": group.value}], "whole": False}, None)[0].open_groups
    ]
    assert sum(each.count for each in opened) == 50
    assert all(0 < len(each.rows) == each.count for each in opened)


def test_several_groups_are_open_at_once_each_on_a_page_of_its_own(store):
    many(store, 260)
    wanted = [{"value": "deepgram/nova", "page": 1}, {"value": "whisper/base"}, {"value": "nobody", "page": 3}]
    state, *_ = answer(store, {"group": "engine", "groups_open": wanted, "whole": False, "regroup": False}, None)
    assert [(each.value, each.page, each.count, len(each.rows)) for each in state.open_groups] == [
        ("deepgram/nova", 1, 65, 15),
        ("whisper/base", 0, 65, 50),
        ("nobody", 0, 0, 0),
    ]
    assert {each.engine_id for each in state.open_groups[0].rows} == {"deepgram/nova"}
    too_many = [{"value": f"engine {number}"} for number in range(MOST_OPEN + 3)]
    assert [each.value for each in checked({"group": "engine", "groups_open": too_many}).groups_open] == [
        f"engine {number}" for number in range(3, MOST_OPEN + 3)
    ]


# ---------------------------------------------------------------- the shape of a measure in each group


def test_every_value_of_a_group_is_drawn_and_not_only_those_of_a_page(store):
    times = [0.2 + number / 1000 for number in range(3 * PAGE_ROWS)]
    store.add_all([row(number=number, total_s=total_s) for number, total_s in enumerate(times)])
    store.add_all([row(number=500, total_s=99.0, cached=True), failure("whisper/base", 501)])
    state, *_ = answer(store, {"group": "engine"}, None)
    shape = state.row_groups[0].shape
    assert shape.caption == f"p50 0.27 s · p95 0.34 s · n {len(times)}"
    assert (len(shape.bars), max(shape.bars), shape.lines) == (BINS, 1.0, [])
    assert shape.spoken == f"Total of Whisper base: p50 0.27 s, p95 0.34 s, n {len(times)}, from 0.20 s to 0.35 s"


def test_all_groups_share_one_axis_so_that_the_same_place_is_the_same_time(store):
    store.add_all([row(number=number, total_s=1.0 + number / 10) for number in range(5)])
    store.add_all([row("deepgram/nova", number, total_s=1.2) for number in range(3)])
    state, *_ = answer(store, {"group": "engine", "group_sort": "label"}, None)
    nova, whisper = (group.shape for group in state.row_groups)
    assert nova.p50 == nova.p95 == nova.lines[0] == pytest.approx(whisper.p50)
    assert (len(whisper.lines), whisper.bars) == (5, [])
    assert state.axis.label == "Total (s)"
    assert [tick.at for tick in state.axis.ticks] == sorted(tick.at for tick in state.axis.ticks)


def test_values_far_apart_get_a_log_axis_and_a_group_without_a_value_says_nothing(store):
    store.add_all([row(number=number, cost_usd=10.0 ** -(1 + number % 5)) for number in range(40)])
    store.add(row("moonshine/tiny", cost_usd=None))
    state, *_ = answer(store, {"group": "engine", "measure": "cost_usd", "group_sort": "drawn"}, None)
    assert (state.axis.note, state.axis.ticks[-1].text) == ("lower is better, log axis", "$0.1")
    assert [(group.label, group.shape is None) for group in state.row_groups] == [
        ("Whisper base", False),
        ("Moonshine tiny", True),
    ]


def test_groups_in_the_order_of_what_is_drawn_begin_with_the_best(store):
    store.add_all([row("deepgram/nova", tag_f1=0.2, task="tagging"), row(tag_f1=0.9, task="tagging")])
    asked = {"group": "engine", "task": "tagging", "measure": "tag_f1", "group_sort": "drawn"}
    state, *_ = answer(store, asked, None)
    assert [group.label for group in state.row_groups] == ["Whisper base", "Deepgram Nova"]
    assert state.row_groups[0].shape.caption.startswith("p50 90")


@pytest.mark.parametrize("measure", ["output_text", "seq; --", 7, None, "si_sdr_db"])
def test_a_measure_that_cannot_be_drawn_of_these_runs_gives_the_usual_one(store, measure):
    many(store, 8)
    state, *_ = answer(store, {"group": "engine", "task": "asr", "measure": measure}, None)
    assert (state.asked.measure, state.axis.label) == ("total_s", "Total (s)")
    assert "wer" in [choice.value for choice in state.measures]


@pytest.mark.parametrize("values", [[0.0], [-3.0, 5.0], [1e-9, 1e9], [2.0, 2.0], [0.0, 0.0, 4.0], [float(n) for n in range(400)]])
def test_any_values_fit_between_the_ends_of_their_axis(values):
    axis = axis_of("si_sdr_db", [values, []])
    shape = shape_of(sorted(values), axis, "any")
    assert all(0 <= place <= 1 for place in [*shape.lines, *shape.bars, shape.p50, shape.p95])
    assert all(0 <= tick.at <= 1 for tick in axis.ticks()) and 1 <= len(axis.ticks()) <= 6
    assert axis_of("si_sdr_db", [[], []]) is None


def test_groups_are_in_the_order_asked_for_and_unknown_costs_come_last(store):
    store.add_all([row(), row("deepgram/nova"), row("deepgram/nova"), row("moonshine/tiny", cost_usd=None)])

    def labels(order: str) -> list[str]:
        state, *_ = answer(store, {"group": "engine", "group_sort": order, "whole": False}, None)
        return [group.label for group in state.row_groups]

    assert labels("runs")[0] == "Deepgram Nova"
    assert labels("label") == ["Deepgram Nova", "Moonshine tiny", "Whisper base"]
    assert labels("cost_mean_usd") == ["Whisper base", "Deepgram Nova", "Moonshine tiny"]
    assert labels("total_s_p50") == ["Deepgram Nova", "Moonshine tiny", "Whisper base"]


def test_more_groups_than_can_be_read_are_cut_and_said(store):
    store.add_all([row(number=number, input_sha256=f"{number:064}") for number in range(MOST_GROUPS + 5)])
    state, *_ = answer(store, {"group": "input"}, None)
    assert (len(state.row_groups), state.group_note[:10]) == (MOST_GROUPS, "205 groups")


def test_a_session_groups_its_own_rows_alone(store):
    store.add(row(), session="alice")
    store.add(row("deepgram/nova"), session="bob")
    state, *_ = answer(store, {"group": "engine"}, "alice")
    assert [group.value for group in state.row_groups] == ["whisper/base"]


@pytest.mark.parametrize(
    "sent",
    [
        {"group": "seq; --", "groups_open": [{"value": {}}, 3, None]},
        {"group": ["engine"], "group_sort": 7, "pinned": "all"},
        {"groups_open": [{"value": "x", "page": -1}], "pinned": ["nope", None, {}], "batch": 3},
    ],
)
def test_a_grouping_that_the_table_does_not_have_lists_the_rows(store, sent):
    many(store, 3)
    state, *_ = answer(store, sent, None)
    assert (state.count, state.asked.group, state.asked.pinned, state.row_groups) == (13, "", [], None)


def test_pinned_columns_stand_after_the_engine_and_are_few(store):
    store.add(row())
    state, *_ = answer(store, {"pinned": ["wer", "vendor"], "columns": ["total_s", "wer"]}, None)
    assert [(header.name, header.pinned) for header in state.headers] == [
        ("engine_name", False),
        ("vendor", True),
        ("wer", True),
        ("total_s", False),
    ]
    assert len(checked({"pinned": list(COLUMNS)}).pinned) == MOST_PINNED


def test_a_batch_is_a_filter_for_rows_counts_and_download(store):
    store.add_all([row(batch_id="b1"), row("deepgram/nova", batch_id="b2"), row()])
    state, *_ = answer(store, {"batch": "b1"}, None)
    assert (state.count, [engine.value for engine in state.engines]) == (1, ["whisper/base"])
    assert export(store, {"kind": "jsonl", "batch": "b2"}, None).read_text().count("\n") == 1


# ---------------------------------------------------------------- in the browser


@pytest.fixture(scope="module")
def table_app() -> Iterator[tuple[str, dict[str, Store]]]:
    """The address of a page with the table's tab, and where that tab looks for its store, under "store"."""
    current: dict[str, Store] = {}
    with gr.Blocks() as demo, gr.Tabs():
        with gr.Tab("Run"):
            gr.Textbox(label="Anything")
        with gr.Tab("Table") as tab:
            build_table_tab(tab, lambda: current["store"])
    with served(demo, theme=THEME) as address:
        yield address, current


@pytest.fixture
def open_table(table_app, store, open_page) -> Callable[..., Page]:
    """open_table(...) -> the page with the table's tab in front, over `store`."""
    address, current = table_app
    current["store"] = store

    def opened(**window: object) -> Page:
        page = open_page(address, **window)
        page.get_by_role("tab", name="Table").click()
        expect(page.locator(".sc-table-bottom").locator("tbody, .sc-empty").first).to_be_visible()
        return page

    return opened


def expect(what: object) -> LocatorAssertions:
    """Playwright's own, imported only once there is a browser."""
    from playwright.sync_api import expect as expecting

    return expecting(what)


def cells(page: Page, column: str) -> list[str]:
    """The texts of one column, by its header's start."""
    headers = page.locator(".sc-scroll thead th").all_inner_texts()
    place = next(index for index, text in enumerate(headers) if text.startswith(column))
    return [text.strip() for text in page.locator(f".sc-scroll tbody tr > :nth-child({place + 1})").all_inner_texts()]


def settled(page: Page, words: str) -> None:
    expect(page.get_by_role("status").filter(has_text=words)).to_be_visible()
    expect(page.locator(".sc-table-bottom[aria-busy]")).to_have_count(0)


def test_clicking_a_header_sorts_all_rows_and_says_so(store, open_table):
    many(store)
    page = open_table()
    page.get_by_role("button", name="Total (s)").click()
    header = page.locator("th", has=page.get_by_role("button", name="Total (s)"))
    expect(header).to_have_attribute("aria-sort", "ascending")
    times = [float(text) for text in cells(page, "Total (s)") if text != "–"]
    assert times == sorted(times)
    assert times[0] == pytest.approx(min(r["total_s"] for r in store.rows() if r["total_s"] and r["task"] == "asr"), abs=1e-3)
    page.get_by_role("button", name="Total (s)").click()
    expect(header).to_have_attribute("aria-sort", "descending")
    assert float(cells(page, "Total (s)")[0]) > times[-1] - 1e-9
    assert page.troubles == []


def test_the_keyboard_alone_sorts_and_keeps_its_place(store, open_table):
    many(store)
    page = open_table()
    page.get_by_role("button", name="WER (%)").focus()
    page.keyboard.press("Enter")
    expect(page.locator("th[aria-sort=ascending]")).to_contain_text("WER (%)")
    expect(page.get_by_role("button", name="WER (%)")).to_be_focused()
    page.keyboard.press("Space")
    expect(page.locator("th[aria-sort=descending]")).to_contain_text("WER (%)")


def test_filters_narrow_rows_summary_and_charts_together(store, open_table):
    many(store)
    page = open_table()
    settled(page, "130 runs")
    page.get_by_role("combobox", name="Where").select_option("cloud")
    settled(page, "64 runs")
    assert set(re.findall("local|cloud", " ".join(cells(page, "Engine")))) == {"cloud"}
    expect(page.locator(".sc-engine b")).to_have_text(["Deepgram Nova", "OpenAI transcribe"])
    expect(page.locator(".sc-table-charts .sc-line")).to_have_count(2)
    page.get_by_role("combobox", name="Status").select_option("failed")
    settled(page, "showing 1 to")
    expect(page.locator(".sc-error").first).to_contain_text("refused the key")
    page.get_by_label("Search").fill("run 2")
    expect(page.get_by_text("No run passes these filters")).to_be_visible()
    page.locator(".sc-empty").get_by_role("button", name="Clear filters").click()
    settled(page, "140 runs")
    assert page.troubles == []


def test_a_search_finds_part_of_an_answer_and_an_engine_can_be_picked(store, open_table):
    many(store)
    page = open_table()
    page.get_by_label("Search").fill("words of run 77")
    settled(page, "1 run,")
    page.get_by_label("Search").fill("")
    settled(page, "130 runs")
    page.locator(".sc-filters summary").first.click()
    page.locator(".sc-filters").get_by_label("Moonshine tiny").check()
    settled(page, "33 runs")
    expect(page.locator(".sc-filters summary").first).to_have_text("1 engine")


def test_pages_turn_to_the_last_row(store, open_table):
    many(store)
    page = open_table()
    settled(page, "showing 1 to 50")
    page.get_by_role("button", name="Next").click()
    settled(page, "showing 51 to 100")
    page.get_by_role("button", name="Last").click()
    settled(page, "showing 101 to 130")
    expect(page.get_by_role("button", name="Next")).to_be_disabled()
    assert len(cells(page, "Engine")) == 30


def test_columns_are_chosen_by_name_and_the_defaults_come_back(store, open_table):
    many(store, 5)
    page = open_table()
    page.locator(".sc-tools summary").click()
    page.get_by_label("Vendor", exact=True).check()
    expect(page.locator(".sc-scroll").get_by_role("columnheader", name="Vendor")).to_be_visible()
    page.get_by_label("RTF (x)", exact=True).uncheck()
    expect(page.locator(".sc-scroll").get_by_role("columnheader", name="RTF (x)")).to_have_count(0)
    page.get_by_role("button", name="Columns that suit the task").click()
    expect(page.locator(".sc-scroll").get_by_role("columnheader", name="RTF (x)")).to_be_visible()
    expect(page.locator(".sc-scroll").get_by_role("columnheader", name="Vendor")).to_have_count(0)
    page.keyboard.press("Escape")
    expect(page.locator(".sc-tools .sc-pop-list")).to_be_hidden()


@pytest.mark.parametrize("kind", ["CSV", "JSONL", "Parquet"])
def test_a_download_holds_every_filtered_row_and_no_other(store, open_table, tmp_path, kind):
    many(store)
    page = open_table()
    page.get_by_role("combobox", name="Where").select_option("local")
    settled(page, "66 runs")
    with page.expect_download() as waiting:
        page.get_by_role("button", name=f"Download the filtered rows as {kind}").click()
    assert re.fullmatch(rf"soundcheck-\d{{8}}-\d{{4}}\.{kind.lower()}", waiting.value.suggested_filename)
    path = tmp_path / waiting.value.suggested_filename
    waiting.value.save_as(path)
    if kind == "CSV":
        rows = list(csv.DictReader(path.open(encoding="utf-8-sig", newline="")))
    elif kind == "JSONL":
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    else:
        rows = pytest.importorskip("pyarrow.parquet").read_table(path).to_pylist()
    assert len(rows) == 66
    assert list(rows[0]) == list(COLUMNS)
    assert {each["where"] for each in rows} == {"local"}


def test_hostile_texts_are_shown_as_they_are_and_do_nothing(store, open_table):
    for number, payload in enumerate(PAYLOADS):
        store.add(row(f"evil/{number}", number, engine_name=payload, output_text=payload, input_name=payload, vendor=payload))
        store.add(failure(f"evil/{number}", number, error=payload, engine_name=payload, request_id=payload))
    page = open_table()
    settled(page, "10 runs")
    for place in range(10):
        page.locator(".sc-open").nth(place).click()
        expect(page.locator(".sc-details")).to_be_visible()
        expect(page.locator(".sc-open").nth(place)).to_have_attribute("aria-expanded", "true")
    for mark in page.locator(".sc-line, .sc-point").all():
        mark.focus()
    page.locator(".sc-filters summary").first.click()
    assert page.locator(".sc-table-bottom").get_by_text(PAYLOADS[0]).count() > 0
    assert page.evaluate("window.__pwn") is None
    assert page.locator(".sc-table img, .sc-table script, .sc-table svg[onload]").count() == 0
    assert page.troubles == []


def test_a_row_opens_to_all_that_is_known_and_its_sounds_play(store, open_table):
    sound = Audio(0.2 * np.sin(np.arange(8_000, dtype=np.float32) / 5), 16_000)
    kept = {"name": "output", "sha256": store.put_blob(sound.to_wav()), "seconds": 0.5, "rate": 16_000}
    lost = {"name": "residual", "sha256": "0" * 64, "seconds": 0.5, "rate": 16_000}
    sent = json.dumps({"model": "nova", "smart": True})
    store.add(row(output_files=json.dumps([kept, lost]), request_sent=sent, task="tts"))
    page = open_table()
    page.locator(".sc-open").click()
    details = page.locator(".sc-details")
    expect(details.locator("pre", has_text='"model": "nova"')).to_be_visible()
    expect(details.get_by_text("no longer on the disk")).to_be_visible()
    length = "audio => new Promise((done, fail) => { audio.onloadedmetadata = () => done(audio.duration); audio.load(); })"
    assert details.locator("audio").evaluate(length) == pytest.approx(0.5, abs=0.01)
    page.locator(".sc-open").click()
    expect(details).to_have_count(0)


def test_a_group_opens_to_its_rows_which_turn_page_and_open_in_their_turn(store, open_table):
    many(store, 260)
    page = open_table()
    page.get_by_label("Group by").select_option("engine")
    groups = page.locator(".sc-group")
    expect(groups).to_have_count(4)
    settled(page, "260 runs in 4 groups")
    groups.first.get_by_role("button").press("Enter")
    settled(page, "260 runs in 4 groups, 1 open")
    assert page.evaluate("document.activeElement.dataset.focus") == "group 0"
    page.get_by_role("button", name="Next").click()
    expect(page.locator(".sc-pages", has_text="51 to 65 of 65")).to_be_visible()
    name = groups.first.locator(".sc-name").inner_text()
    rows = page.locator(".sc-scroll tbody tr:not(.sc-group, .sc-axis-row)")
    assert set(rows.locator(".sc-name").all_inner_texts()) == {name}
    groups.last.get_by_role("button").first.click()
    settled(page, "260 runs in 4 groups, 2 open")
    expect(page.locator(".sc-pages", has_text="51 to 65 of 65")).to_be_visible()
    expect(page.locator(".sc-pages", has_text="1 to 50 of 65")).to_be_visible()
    assert set(rows.locator(".sc-name").all_inner_texts()) == {name, groups.last.locator(".sc-name").inner_text()}
    groups.last.get_by_role("button").first.click()
    settled(page, "260 runs in 4 groups, 1 open")
    rows.locator(".sc-open").first.click()
    expect(page.locator(".sc-details")).to_be_visible()
    page.get_by_label("Group by").select_option("")
    settled(page, "260 runs, showing 1 to 50")
    expect(groups).to_have_count(0)
    assert page.troubles == []


def test_what_is_drawn_of_the_groups_can_be_changed_and_is_said_to_who_does_not_see_it(store, open_table):
    many(store, 130)
    page = open_table()
    page.get_by_label("Group by").select_option("engine")
    expect(page.locator(".sc-group svg[role=img]")).to_have_count(4)
    expect(page.get_by_role("img", name=re.compile("^Total of Deepgram Nova: p50 0.2"))).to_be_visible()
    page.locator(".sc-group button").first.click()
    settled(page, "1 open")
    page.get_by_label("Draw").select_option("wer")
    expect(page.get_by_role("img", name=re.compile("^WER of Deepgram Nova: p50 5.0 %"))).to_be_visible()
    expect(page.locator(".sc-axis-row")).to_contain_text("lower is better")
    settled(page, "1 open")
    assert page.troubles == []


def test_a_pinned_column_stays_in_sight_when_the_table_scrolls_sideways(store, open_table):
    many(store, 8)
    page = open_table()
    page.locator(".sc-tools summary").click()
    page.get_by_role("button", name="Pin RTF (x) at the left").click()
    head = page.locator(".sc-scroll thead [data-pin]")
    expect(head).to_have_text(re.compile("RTF"))
    for name in ("Vendor", "Device", "Model", "Versions", "Price rule", "Usage", "Settings"):
        page.get_by_label(name, exact=True).check()
        expect(page.locator(".sc-scroll").get_by_role("columnheader", name=name, exact=True)).to_be_attached()
    page.keyboard.press("Escape")
    page.locator(".sc-scroll").evaluate("box => { box.scrollLeft = 100000; }")
    assert page.locator(".sc-scroll").evaluate("box => box.scrollLeft") > 100
    engine, pinned = page.locator(".sc-scroll thead .sc-sticky").bounding_box(), head.bounding_box()
    assert pinned["x"] == pytest.approx(engine["x"] + engine["width"], abs=1.5)


def test_changes_while_an_answer_is_under_way_are_all_answered(store, open_table):
    many(store, 40)
    page = open_table()
    page.evaluate(
        """async () => {
          const change = (label, value) => {
            const select = document.querySelector(`.sc-table-top select[aria-label="${label}"]`);
            select.value = value;
            select.dispatchEvent(new Event("change"));
          };
          for (const where of ["local", "cloud", "local", "cloud", "local", "cloud"]) {
            change("Where", where);
            await new Promise((later) => setTimeout(later, 25));
          }
          change("Group by", "status");
        }"""
    )
    expect(page.locator(".sc-group")).not_to_have_count(0)
    expect(page.get_by_role("combobox", name="Where")).to_have_value("cloud")
    expect(page.locator(".sc-table-bottom")).not_to_have_attribute("aria-busy", "true")


def test_a_view_is_kept_in_the_browser_without_rows_and_shown_again_after_a_reload(store, open_table):
    many(store, 40)
    page = open_table()
    page.get_by_role("combobox", name="Where").select_option("cloud")
    page.get_by_label("Group by").select_option("status")
    expect(page.locator(".sc-group")).not_to_have_count(0)
    page.get_by_text("Saved views").click()
    page.get_by_label("Name of this view").fill("<b>clouds</b>")
    page.get_by_label("Name of this view").press("Enter")
    expect(page.get_by_role("button", name="<b>clouds</b>", exact=True)).to_be_visible()
    kept = json.loads(page.evaluate("localStorage.getItem('sc-table-views')"))
    assert (kept[0]["asked"]["where"], kept[0]["asked"]["group"]) == ("cloud", "status")
    assert "words of run" not in json.dumps(kept)
    page.reload()
    page.get_by_role("tab", name="Table").click()
    expect(page.get_by_label("Group by")).to_have_value("")
    page.get_by_text("Saved views").click()
    page.get_by_role("button", name="<b>clouds</b>", exact=True).click()
    expect(page.get_by_label("Group by")).to_have_value("status")
    expect(page.get_by_role("combobox", name="Where")).to_have_value("cloud")
    page.get_by_text("Saved views").click()
    page.get_by_label("Delete the view <b>clouds</b>").click()
    assert page.evaluate("localStorage.getItem('sc-table-views')") == "[]"
    assert page.troubles == []


def test_a_view_altered_in_the_browser_is_checked_like_any_other_question(store, open_table):
    many(store, 8)
    page = open_table()
    bad = {"where": ["x"], "sort": "seq; --", "group": "'; DROP", "pinned": [{}], "columns": "all", "engines": 7, "text": None}
    page.evaluate("value => localStorage.setItem('sc-table-views', value)", json.dumps([{"name": "odd", "asked": bad}, 3, None]))
    page.get_by_text("Saved views").click()
    page.get_by_role("button", name="odd", exact=True).click()
    settled(page, "18 runs, showing 1 to 18")
    assert page.troubles == []


def test_a_row_gives_the_links_of_its_comparison_and_batch_and_the_batch_link_shows_that_batch(store, open_table):
    many(store, 6)
    store.add(row(comparison_id="c 77", batch_id="b/1", created_at="2026-11-19T00:00:00.000+00:00"))
    page = open_table()
    page.locator(".sc-open").first.click()
    expect(page.locator(".sc-links button")).to_have_count(2)
    titles = [button.get_attribute("title") for button in page.locator(".sc-links button").all()]
    assert [title.split("/", 3)[3] for title in titles] == ["?comparison=c%2077", "?batch=b%2F1"]
    page.get_by_role("button", name="Copy link to this batch").click()
    expect(page.locator(".sc-links [role=status]")).to_contain_text(re.compile("Copied|Ctrl"))
    page.goto(titles[1])
    page.get_by_role("tab", name="Table").click()
    settled(page, "1 run, showing 1 to 1")
    page.get_by_role("button", name="Show rows outside the batch b/1 too").click()
    settled(page, "17 runs, showing 1 to 17")


def test_a_batch_link_brings_the_table_to_the_front(store, open_page):
    store.add_all([row(batch_id="b1"), row()])
    with gr.Blocks() as demo:
        with gr.Tabs() as tabs:
            with gr.Tab("Run", id="run"):
                gr.Textbox(label="Anything")
            with gr.Tab("Table", id="table") as tab:
                arrival = build_table_tab(tab, lambda: store)
        arrival(demo, tabs)
    with served(demo, theme=THEME) as address:
        page = open_page(address)
        page.goto(f"{address}?batch=b1")
        expect(page.get_by_role("tab", name="Table")).to_have_attribute("aria-selected", "true")
        settled(page, "1 run, showing 1 to 1")


def test_an_empty_history_says_what_to_do_next(open_table):
    page = open_table()
    expect(page.get_by_text("Nothing has been run yet")).to_be_visible()
    expect(page.locator(".sc-empty")).to_contain_text("press Run")
    expect(page.locator(".sc-table-charts")).to_be_hidden()


def test_coming_back_to_the_tab_shows_the_runs_made_meanwhile(store, open_table):
    store.add(row(number=1))
    page = open_table()
    settled(page, "1 run,")
    page.get_by_role("tab", name="Run").click()
    store.add(row("deepgram/nova", 2))
    page.wait_for_timeout(1_100)  # a second visit within one second shows what was just read
    page.get_by_role("tab", name="Table").click()
    settled(page, "2 runs")


@pytest.mark.parametrize("dark", [False, True])
def test_a_phone_never_scrolls_the_page_sideways(store, open_table, dark):
    many(store)
    page = open_table(**PHONE, dark=dark)
    settled(page, "130 runs")
    page.locator(".sc-open").first.click()
    expect(page.locator(".sc-details")).to_be_visible()
    wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert page.evaluate(wide) == 0
    assert page.locator(".sc-details").evaluate("box => box.getBoundingClientRect().width") <= PHONE["width"]
    page.locator(".sc-tools summary").click()
    assert page.evaluate(wide) == 0


def test_a_chart_explains_itself_on_focus_and_as_a_table(store, open_table):
    store.add_all(
        [
            row("deepgram/nova"),
            row("whisper/base", cached=True),
            failure("openai/transcribe"),
            row("moonshine/tiny", cost_usd=None),
        ]
    )
    page = open_table()
    bars = page.locator(".sc-table-charts .sc-chart").first
    bars.locator(".sc-line").first.focus()
    expect(bars.locator(".sc-tip")).to_be_visible()
    expect(bars.locator(".sc-tip")).to_contain_text("Deepgram Nova")
    page.keyboard.press("Escape")
    expect(bars.locator(".sc-tip")).to_be_hidden()
    expect(bars.locator(".sc-failed").first).to_have_text("failed")
    spoken = bars.locator(".sc-hidden tbody tr").all_text_contents()
    assert any("OpenAI transcribe" in line and "failed: the key was refused" in line for line in spoken)
    assert any("Whisper base" in line and "cached" in line for line in spoken)
    missing = page.locator(".sc-missing")
    expect(missing).to_contain_text("not plotted")
    expect(missing).to_contain_text("OpenAI transcribe (failed)")
    expect(missing).to_contain_text("Moonshine tiny (Cost unknown)")
    expect(page.locator(".sc-point")).to_have_count(2)


def test_a_drawing_that_comes_late_does_not_replace_that_of_a_later_question(open_page):
    def drawn(title, question):
        return bars_from_rows([row("deepgram/nova")], title=title).model_copy(update={"question": question})

    with gr.Blocks() as demo:
        chart = Chart(drawn("first", 1))
        for title, question in (("later", 3), ("late", 2), ("last", 4)):
            gr.Button(title).click(lambda title=title, question=question: drawn(title, question), None, chart)
    with served(demo, theme=THEME) as address:
        page = open_page(address)
        for title, seen in (("later", "later"), ("late", "later"), ("last", "last")):
            with page.expect_response(lambda response: "/queue/data" in response.url):
                page.get_by_role("button", name=title, exact=True).click()
            page.wait_for_timeout(300)
            expect(page.locator(".sc-chart h3")).to_have_text(seen)


def test_a_spread_of_more_than_a_hundred_times_gets_a_log_axis_and_the_axes_can_be_changed(open_page):
    rows = [
        row("whisper/base", cost_usd=0.00001),
        row("deepgram/nova", cost_usd=0.002),
        row("openai/transcribe", cost_usd=0.0005),
    ]
    with gr.Blocks() as demo:
        Chart(scatter_from_rows(rows, "cost_usd", "wer"))
    with served(demo, theme=THEME) as address:
        page = open_page(address)
        expect(page.locator(".sc-measure").first).to_contain_text("Cost · lower is better · log axis")
        page.get_by_role("combobox", name="Across").select_option("total_s")
        expect(page.locator(".sc-measure").first).to_have_text("Total · lower is better")
        expect(page.get_by_role("combobox", name="Across")).to_be_focused()
