"""The tags of several engines side by side, marked against a reference, and heard where they sound, in a real Chromium."""

from __future__ import annotations

import gradio as gr
import pytest
from browser import PHONE, served

from comparisons.columns import COLUMNS
from comparisons.metrics import Reference
from comparisons.results import Result
from comparisons.samples import FOLDER
from engine.contract import Tag
from engine.tasks import Output
from ui.board import servable
from ui.matrix import MOST_LINES, MOST_ROWS, MOST_SEGMENTS, Matrix, MatrixState, matrix_from_results
from ui.theme import THEME

HOSTILE = [
    "<img src=x onerror=window.__pwn=1>",
    "<script>window.__pwn=1</script>",
    "${window.__pwn=1}",
    "</style><style>*{color:red}",
]
WANTED = Reference(tags=("speech", "music", "noise"))


def result(name: str, *tags: Tag, status: str = "ok", engine_id: str | None = None, seconds: float | None = 12.0) -> Result:
    row = dict.fromkeys(COLUMNS) | {
        "engine_id": engine_id or name,
        "engine_name": name,
        "status": status,
        "input_audio_seconds": seconds,
    }
    return Result(row, Output(tags=tags) if status == "ok" else None)


def answers() -> list[Result]:
    return [
        result("Rules", Tag("Speech", 0.9, 0.0, 4.0), Tag("music", 0.8, 4.0, 9.0), Tag("speech", 0.5, 9.0, 12.0)),
        result("Cloud tags", Tag("speech", 0.7), Tag("Dog_bark", 0.95)),
        result("Windows", Tag("speech", 0.4, 0.0, 3.0), Tag("dog bark", 0.3, 1.0, 4.0), Tag("hum", 0.2, 9.0, 15.0)),
    ]


def marks(state: MatrixState) -> dict[str, list[tuple[float | None, str]]]:
    return {row.label: [(cell.score, cell.mark) for cell in row.cells] for row in state.rows}


# ---------------------------------------------------------------- from results to a state


def test_tags_are_one_row_per_folded_label_most_shared_first_and_marked_against_the_reference():
    state = matrix_from_results(answers(), WANTED, None)
    assert marks(state) == {
        "speech": [(0.9, "right"), (0.7, "right"), (0.4, "right")],
        "Dog_bark": [(None, ""), (0.95, "extra"), (0.3, "extra")],
        "music": [(0.8, "right"), (None, "missed"), (None, "missed")],
        "hum": [(None, ""), (None, ""), (0.2, "extra")],
        "noise": [(None, "missed")] * 3,
    }
    assert [row.label for row in state.rows] == ["speech", "Dog_bark", "music", "hum", "noise"]
    assert [row.label for row in state.rows if row.wanted] == ["speech", "music", "noise"]
    assert [(each.name, each.right, each.missed, each.extra) for each in state.engines] == [
        ("Rules", 2, 1, 0),
        ("Cloud tags", 1, 2, 1),
        ("Windows", 1, 2, 2),
    ]
    assert state.agreement == pytest.approx((1 / 3 + 1 / 4 + 2 / 3) / 3)


@pytest.mark.parametrize("reference", [Reference(), Reference(tags=("  ", "_"))])
def test_without_a_reference_nothing_is_right_missed_or_extra(reference):
    state = matrix_from_results(answers(), reference, None)
    assert {mark for cells in marks(state).values() for _, mark in cells} == {""}
    assert (state.compared, [engine.right for engine in state.engines]) == (False, [None] * 3)


def test_the_first_good_answer_of_each_engine_counts_and_silent_engines_are_named():
    again = [result("A", Tag("x", 0.1)), result("A", Tag("y", 0.2)), result("A", Tag("x", 0.3), engine_id="other")]
    state = matrix_from_results([result("Late", status="timeout"), *again], Reference(), None)
    assert [engine.name for engine in state.engines] == ["A", "A #2"]
    assert marks(state) == {"x": [(0.1, ""), (0.3, "")]}
    assert state.notes == ["Without an answer: Late."]
    assert matrix_from_results([result("Late", status="timeout")], WANTED, None) == MatrixState()


def test_rows_beyond_the_most_are_counted_and_the_reference_is_left_out_last():
    many = result("A", *(Tag(f"tag {number}", 1 - number / 100) for number in range(80)))
    state = matrix_from_results([many], WANTED, None)
    assert len(state.rows) == MOST_ROWS
    assert [row.label for row in state.rows if row.wanted] == ["music", "noise", "speech"]
    assert state.notes[0] == f"23 further tags are not listed, after the {MOST_ROWS} most shared."
    assert state.engines[0].extra == 80


def test_segments_stay_within_the_input_stand_below_each_other_and_share_a_tone_by_label():
    lanes = matrix_from_results(answers(), Reference(), None).lanes
    assert [(lane.engine, lane.lines) for lane in lanes] == [(0, 1), (2, 2)]
    assert [(each.label, each.start_s, each.end_s, each.line) for each in lanes[1].segments] == [
        ("speech", 0.0, 3.0, 0),
        ("dog bark", 1.0, 4.0, 1),
        ("hum", 9.0, 12.0, 0),
    ]
    assert lanes[0].segments[0].tone == lanes[0].segments[2].tone == lanes[1].segments[0].tone != lanes[1].segments[2].tone


def test_times_that_are_no_stretch_of_a_sound_are_not_drawn():
    times = [(None, 1.0), (float("nan"), 1.0), (3.0, 2.0), (-1.0, 2.0), (0.0, float("inf"))]
    state = matrix_from_results([result("A", *(Tag("x", 0.5, *pair) for pair in times))], Reference(), None)
    assert (state.lanes, marks(state)) == ([], {"x": [(0.5, "")]})


def test_segments_without_room_are_counted():
    chords = [Tag(f"n{number}", 0.5, 0.0, 1.0) for number in range(MOST_LINES + 3)]
    later = [Tag("n", 0.5, number, number + 1) for number in range(1, MOST_SEGMENTS)]
    state = matrix_from_results([result("A", *chords, *later, seconds=None)], Reference(), None)
    assert (state.lanes[0].lines, len(state.lanes[0].segments)) == (MOST_LINES, MOST_SEGMENTS)
    assert state.notes == [f"{3 + MOST_LINES - 1} segments of A are not drawn."]


# ---------------------------------------------------------------- in the browser


@pytest.fixture(scope="module")
def address():
    sound = servable(FOLDER / "radio.ogg")
    with gr.Blocks() as demo:
        matrix = Matrix(matrix_from_results(answers(), WANTED, sound))
        clear = gr.Button("Clear")
        clear.click(lambda: {}, None, matrix, queue=False, api_visibility="private")
    with served(demo, theme=THEME) as address:
        yield address


def test_cells_say_score_and_mark_in_words_and_the_agreement_is_explained(address, open_page):
    page = open_page(address)
    rows = page.locator(".sc-matrix tbody tr")
    cells = [" ".join(row.split()) for row in rows.all_inner_texts()]
    assert cells[0] == "speech in the reference 0.90 ✓ right 0.70 ✓ right 0.40 ✓ right"
    assert cells[1].startswith("Dog_bark – not found 0.95 + extra")
    assert cells[4] == "noise in the reference – ∅ missed – ∅ missed – ∅ missed"
    assert page.locator(".sc-tally").first.inner_text().split("\n") == ["2 right", "1 missed", "0 extra"]
    widths = page.locator(".sc-matrix tbody tr").first.locator(".sc-bar i").evaluate_all("all => all.map(i => i.style.width)")
    assert widths == ["90%", "70%", "40%"]
    said = page.locator(".sc-agreement").inner_text()
    assert said.startswith("41.7 % agreement") and "not along a row" in said
    assert (page.troubles, page.outside) == ([], [])
    page.get_by_role("button", name="Clear").click()
    page.locator(".sc-matrix").wait_for(state="hidden")


def test_a_segment_plays_its_own_stretch_of_the_input_silences_others_and_is_reached_by_keys(address, open_page):
    page = open_page(address)
    page.evaluate("document.addEventListener('soundcheck:play', () => (window.asked = (window.asked || 0) + 1))")
    assert page.locator('.sc-lanes [tabindex="0"]').count() == 1
    page.locator('.sc-lanes [tabindex="0"]').focus()
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "speech, 0:00.0 to 0:03.0, score 0.40, Windows"
    page.keyboard.press("End")
    page.keyboard.press("ArrowUp")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')").startswith("speech, 0:09.0 to 0:12.0")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    assert page.locator(".sc-told").inner_text() == "Playing music, 0:04.0 to 0:09.0, score 0.80, Rules."
    page.wait_for_function("document.querySelector('.sc-matrix audio').currentTime > 4.1")
    assert page.evaluate("window.asked") == 1
    assert page.locator(".sc-segment.sc-now").inner_text() == "music"
    page.evaluate("document.querySelector('.sc-matrix audio').currentTime = 8.9")
    page.wait_for_function("document.querySelector('.sc-matrix audio').paused")
    assert 8.9 <= page.evaluate("document.querySelector('.sc-matrix audio').currentTime") < 9.6
    page.locator(".sc-segment.sc-now").wait_for(state="detached")
    page.locator(".sc-segment").first.click()
    page.wait_for_function("!document.querySelector('.sc-matrix audio').paused")
    page.evaluate("document.dispatchEvent(new CustomEvent('soundcheck:play', { detail: null }))")
    assert page.evaluate("document.querySelector('.sc-matrix audio').paused")
    assert page.troubles == []


def test_hostile_labels_and_names_stay_text_on_a_phone_without_sideways_scroll(open_page):
    tags = [Tag(f"{text} {'x' * 300} {number}", 0.5, 0.0, 1.0) for number in range(4) for text in HOSTILE]
    spoken = [result(f"{text} {'n' * 80}", *tags) for text in HOSTILE]
    state = matrix_from_results(spoken, Reference(tags=tuple(HOSTILE)), None)
    with gr.Blocks() as demo:
        Matrix(state)
    with served(demo, theme=THEME) as address:
        page = open_page(address, **PHONE)
        page.get_by_role("button", name="Show all 20 tags").click()
        assert page.locator(".sc-matrix tbody tr").count() == 20
        assert page.evaluate("window.__pwn") is None
        assert page.locator(".sc-matrix :is(img, script, style)").count() == 0
        assert page.locator(".sc-matrix tbody").inner_text().count(HOSTILE[0]) == 5
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        page.locator(".sc-segment").first.click(position={"x": 2, "y": 5})
        assert page.locator(".sc-told").inner_text().endswith("The input cannot be played here.")
        assert page.troubles == []
