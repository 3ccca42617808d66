"""The panel 'What changed': what it computes from kept rows, and what a person meets in a real Chromium."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import gradio as gr
import pytest
from browser import PHONE, served

from comparisons.changes import Delta
from comparisons.columns import COLUMNS
from comparisons.store import Store
from ui.regression import MOST_PAIRS, answer, moved
from ui.table import build_table_tab
from ui.theme import THEME

HOSTILE = "<img src=x onerror=window.__pwn=1>"


def row(day: str = "2026-11-01", clip: int = 1, **values: object) -> dict:
    known = {
        "created_at": f"{day}T10:00:00.000+00:00",
        "task": "asr",
        "engine_id": "whisper/base",
        "engine_name": "Whisper base",
        "where": "local",
        "status": "ok",
        "cached": False,
        "input_name": f"clip {clip}.wav",
        "input_sha256": f"{clip:064}",
        "settings": "{}",
        "total_s": 1.0,
        "output_text": "the bank of the river",
        "output_language": "en",
    }
    return dict.fromkeys(COLUMNS) | known | values


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "store", upkeep=False) as opened:
        yield opened


def two_days(store: Store) -> None:
    measured = {"reference": "the bank of the river", "metric_versions": '{"wer": "1"}', "wer": 0.0}
    store.add_all([row(**measured), row(clip=2), row(clip=3)])
    later = {"metric_versions": '{"wer": "2"}', "wer": 0.2, "output_text": "the thank of the river", "total_s": 0.5}
    store.add_all([row("2026-11-08", **measured | later), row("2026-11-08", clip=2, total_s=1.5)])


def test_the_two_newest_days_are_compared_word_by_word_and_measure_by_measure(store):
    two_days(store)
    state = answer(store, {}, None)
    assert (state.asked.before, state.asked.after, state.empty) == ("2026-11-01", "2026-11-08", "")
    first, second = state.changes[0].inputs
    assert [(span.kind, span.text.strip()) for span in first.spans] == [
        ("same", "the"),
        ("deleted", "bank"),
        ("substituted", "thank"),
        ("same", "of the river"),
    ]
    assert [(each.label, each.change, each.tone) for each in first.measures] == [
        ("Total", "faster by 50 %", "good"),
        ("WER", "not comparable: measured by another version", "unsure"),
    ]
    assert (second.words, second.measures[0].change, second.measures[0].tone) == ("same words", "slower by 50 %", "bad")
    assert state.changes[0].summary == "2 inputs · other words in 1 of 2 · total p50 unchanged"


def test_two_batches_are_compared_like_two_days(store):
    store.add_all([row(batch_id="b1"), row("2026-11-02", batch_id="b2", total_s=2.0), row("2026-11-03", total_s=9.0)])
    state = answer(store, {"kind": "batch"}, None)
    assert (state.asked.before, state.asked.after) == ("b1", "b2")
    assert state.changes[0].inputs[0].measures[0].change == "slower by 100 %"


@pytest.mark.parametrize(
    ("delta", "change", "tone"),
    [
        (Delta("total_s", 2.0, 1.0), "faster by 50 %", "good"),
        (Delta("cost_usd", 0.01, 0.02), "dearer by 100 %", "bad"),
        (Delta("wer", 0.0, 0.1), "worse", "bad"),
        (Delta("wer", 0.2, 0.1), "better by 50 %", "good"),
        (Delta("total_s", 1.0, 1.0001), "no change", ""),
        (
            Delta("wer", 0.2, 0.1, "measured against another reference"),
            "not comparable: measured against another reference",
            "unsure",
        ),
    ],
)
def test_each_measure_says_in_words_which_way_it_went(delta, change, tone):
    assert (moved(delta).change, moved(delta).tone) == (change, tone)


@pytest.mark.parametrize(
    "sent",
    [
        None,
        [],
        {"kind": "seq", "task": ["asr"], "before": "'; --", "after": 7, "engines": "all", "number": -1},
        {"engines": [None, "no"]},
    ],
)
def test_whatever_a_stranger_sends_is_compared_over_what_there_is(store, sent):
    two_days(store)
    state = answer(store, sent, None)
    assert (state.asked.before, state.asked.after, state.asked.engines, len(state.changes)) == ("2026-11-01", "2026-11-08", [], 1)


def test_a_session_compares_its_own_rows_alone(store):
    store.add_all([row(), row("2026-11-08")], session="alice")
    assert answer(store, {}, "bob").points == []
    assert len(answer(store, {}, "alice").changes) == 1


def test_one_day_alone_and_the_same_day_twice_say_what_to_do(store):
    assert "Nothing has been run" in answer(store, {}, None).empty
    store.add(row())
    assert "on two days yet" in answer(store, {}, None).empty
    store.add(row("2026-11-02"))
    assert "Both sides are the same" in answer(store, {"before": "2026-11-02", "after": "2026-11-02"}, None).empty


def test_the_pairs_are_bounded_and_the_cut_is_said(store):
    store.add_all([row(day, clip=clip) for day in ("2026-11-01", "2026-11-02") for clip in range(MOST_PAIRS + 3)])
    state = answer(store, {}, None)
    assert (len(state.changes[0].inputs), f"of {MOST_PAIRS + 3} pairs" in state.note) == (MOST_PAIRS, True)


def test_the_panel_opens_from_the_table_shows_hostile_words_as_text_and_fits_a_phone(store, open_page):
    from playwright.sync_api import expect

    two_days(store)
    store.add_all([row(clip=9, output_text=f"a {HOSTILE} b"), row("2026-11-08", clip=9, output_text=f"a {HOSTILE * 2} c")])
    with gr.Blocks() as demo, gr.Tabs(), gr.Tab("Table") as tab:
        build_table_tab(tab, lambda: store)
    with served(demo, theme=THEME) as address:
        page = open_page(address, **PHONE)
        opener = page.get_by_role("button", name="What changed")
        opener.click()
        panel = page.get_by_role("region", name="What changed")
        expect(panel.get_by_text("3 answers compared")).to_be_visible()
        expect(panel.locator("del").first).to_contain_text("bank" if "bank" in panel.locator("del").first.inner_text() else "img")
        expect(panel.locator("ins, mark").filter(has_text="thank")).to_be_visible()
        expect(panel.get_by_text("faster by 50 %")).to_be_visible()
        assert page.evaluate("window.__pwn") is None
        assert panel.locator("img").count() == 0
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        page.keyboard.press("Escape")
        expect(panel).to_be_hidden()
        assert opener.evaluate("button => button === document.activeElement")
        assert page.troubles == []
