"""The view of where transcripts differ, its lanes and captions, and what a person does with them in a real Chromium."""

from __future__ import annotations

import random
from types import SimpleNamespace

import gradio as gr
import pytest
from browser import PHONE, served

from comparisons.columns import COLUMNS
from comparisons.results import Result
from comparisons.samples import FOLDER
from engine.contract import Word
from engine.tasks import Output
from ui.board import servable
from ui.captions import MOST_TURNS, Cue, cues_of, lanes_of, webvtt
from ui.inputs import Source
from ui.theme import THEME
from ui.words import (
    Answer,
    Words,
    WordsState,
    beside_player,
    chosen_text,
    initials,
    spans_for_rows,
    state_from_results,
    words_state,
)

HOSTILE = [
    "<img src=x onerror=window.__pwn=1>",
    "<script>window.__pwn=1</script>",
    "${window.__pwn=1}",
    "</style><style>*{color:red}",
]
HEARD = {
    "Engine One": "Good morning. When does the next train leave for the city?",
    "Engine Two": "good morning when does the next rain leave for the city",
    "Third": "good morning win does the next train leave for city today",
}


def timed(text: str, step_s: float = 0.5, **more: object) -> tuple[Word, ...]:
    return tuple(Word(word, place * step_s, place * step_s + 0.4, **more) for place, word in enumerate(text.split()))


def answers(timed_by: str | None = "Engine Two") -> list[Answer]:
    return [Answer(name, text, timed(text) if name == timed_by else ()) for name, text in HEARD.items()]


# ---------------------------------------------------------------- the state


def test_the_state_holds_the_majority_the_variants_and_the_times():
    state = words_state(answers())
    assert " ".join(state.words) == "good morning When does the next train leave for the city "
    assert [[(each.text, each.engines) for each in dispute.choices] for dispute in state.disputes] == [
        [("When", [0, 1]), ("win", [2])],
        [("train", [0, 2]), ("rain", [1])],
        [("the", [0, 1]), ("", [2])],
        [("", [0, 1]), ("today", [2])],
    ]
    assert state.times[:2] == [(0.0, 0.4), (0.5, 0.9)]
    assert state.times[-1] is None


def test_letters_are_short_and_each_engine_has_its_own():
    assert initials(["Deepgram Nova-3", "Whisper base.en, int8", "Whisper base", "…", "whisper big"]) == [
        "DN",
        "WB",
        "WB2",
        "?",
        "WB3",
    ]


def test_two_engines_of_one_name_both_appear():
    state = words_state([Answer("A", "one"), Answer("A", "two"), Answer("A", "one")])
    assert [engine.name for engine in state.engines] == ["A", "A #2", "A #3"]


def test_only_the_first_good_answer_of_each_engine_is_taken():
    def result(engine_id: str, text: str | None, status: str = "ok") -> Result:
        row = dict.fromkeys(COLUMNS) | {"engine_id": engine_id, "engine_name": engine_id.upper(), "status": status}
        return Result(row, Output(text=text) if status == "ok" else None)

    state = state_from_results([result("a", "one"), result("a", "two"), result("b", None, "auth"), result("c", "one")])
    assert [engine.name for engine in state.engines] == ["A", "C"]
    assert (state.words, state.disputes) == (["one"], [])
    assert state_from_results([]) == WordsState()


def test_a_transcript_built_to_be_slow_leaves_a_note_and_no_words():
    state = words_state([Answer("A", "(" * 60_000), Answer("B", "a word")])
    assert state.words == []
    assert "could not be aligned" in state.notes[0]


def test_what_a_browser_sends_as_a_value_is_never_read():
    assert Words().preprocess(WordsState(words=["forged"])) is None


@pytest.mark.parametrize("sent", [None, 3, "text", [], {}, {"text": 3}, {"text": None}, {"text": {"a": "b"}}])
def test_a_choice_that_is_no_text_is_nothing(sent):
    assert chosen_text(SimpleNamespace(_data=sent)) == ""


def test_a_chosen_text_is_one_short_line_without_control_characters():
    assert chosen_text(SimpleNamespace(_data={"text": " a\x00\nb\ud800  c\x1b "})) == "a b c"
    assert len(chosen_text(SimpleNamespace(_data={"text": "x" * 600_000}))) == 500_000


def test_rows_with_a_reference_get_marks_by_card_and_others_none():
    base = dict.fromkeys(COLUMNS) | {"status": "ok", "repeat": 1, "engine_name": "A", "reference": "the bank"}
    rows = [
        base | {"engine_id": "a/1", "output_text": "the thank"},
        base | {"engine_id": "a/2", "output_text": "the bank", "reference": None},
        base | {"engine_id": "a/3", "output_text": None, "status": "auth"},
        base | {"engine_id": "a/4", "output_text": "word " * 30_000},
    ]
    found, notes = spans_for_rows(rows, "en")
    assert {key: [(span.kind, span.text) for span in marks] for key, marks in found.items()} == {
        "a/1#1": [("same", "the "), ("substituted", "thank")]
    }
    assert notes == ["A: a text has 150000 characters, more than the 100000 that are compared."]


def test_rows_without_a_reference_are_marked_against_each_other():
    base = dict.fromkeys(COLUMNS) | {"status": "ok", "repeat": 1, "engine_name": "A"}
    rows = [
        base | {"engine_id": "a/1", "output_text": "The  bank, here."},
        base | {"engine_id": "a/1", "output_text": "another", "repeat": 2},
        base | {"engine_id": "a/2", "output_text": "the thank here"},
    ]
    found, notes = spans_for_rows(rows, "en")
    assert {key: [(span.kind, span.text) for span in marks] for key, marks in found.items()} == {
        "a/1#1": [("same", "The  "), ("differs", "bank,"), ("same", " here.")],
        "a/2#1": [("same", "the "), ("differs", "thank"), ("same", " here")],
    }
    assert found["a/1#1"][1].title == "others: thank (1)"
    assert notes == []


# ---------------------------------------------------------------- lanes and captions


def test_a_turn_ends_with_its_speaker_or_a_pause():
    words = [
        Word("a", 0, 1, speaker="X"),
        Word("b", 1, 2, speaker="X"),
        Word("c", 2, 3, speaker="Y"),
        Word("d", 9, 10, speaker="Y"),
    ]
    speakers, turns, left_out = lanes_of(reversed(words))
    assert speakers == ["X", "Y"]
    assert [(turn.lane, turn.start_s, turn.end_s, turn.text) for turn in turns] == [
        (0, 0, 2, "a b"),
        (1, 2, 3, "c"),
        (1, 9, 10, "d"),
    ]
    assert left_out == 0
    assert lanes_of(timed("no speakers here")) == ([], [], 0)


def test_turns_beyond_the_most_are_counted():
    words = [Word("a", place, place + 1, speaker=str(place % 2)) for place in range(MOST_TURNS + 7)]
    assert lanes_of(words)[2] == 7


def test_captions_have_short_lines_voices_and_times():
    words = [
        Word("Good", 0, 0.4, speaker="Ann"),
        Word("morning.", 0.5, 0.9, speaker="Ann"),
        Word("Hello.", 3661.5, 3662, speaker="Bo"),
    ]
    assert webvtt(words) == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:00.900\n<v Ann>Good morning.\n\n01:01:01.500 --> 01:01:02.000\n<v Bo>Hello.\n"
    )
    lines = webvtt(timed("word " * 300)).splitlines()
    assert max(map(len, lines)) <= 42
    assert all("-->" in lines[place + 1] for place, line in enumerate(lines) if line == "" and place + 1 < len(lines))


def test_a_word_cannot_pose_as_a_time_line_as_markup_or_as_the_end_of_a_caption():
    written = webvtt([Word("a\n\n00:00:09.000 --> 00:00:10.000\nforged <b>x</b> & y", 0, 1, speaker="A>\nB")])
    assert written.count("-->") == 1
    assert written.count("\n\n") == 1
    assert "&lt;b&gt;" in written and "<v A&gt; B>" in written


def test_captions_are_read_back_as_the_plain_text_that_was_said_and_nothing_else_is():
    said = (*timed("a<b -->", 0.5, speaker="Ann & Bo"), Word("later", 3_700, 3_701))
    assert cues_of(webvtt(said)) == [Cue(0, 0.9, "Ann & Bo: a<b -->"), Cue(3_700, 3_701, "later")]
    for sent in ("", "WEBVTT", "00:00:01.000 --> soon\nhello", "0" * 9_999 + ":00:00.000 --> 00:00:01.000\n"):
        assert cues_of(sent) == []


def test_words_without_usable_times_give_no_captions():
    assert webvtt([Word("a", float("nan"), 1.0), Word("b", 3.0, 2.0), Word(" ", 0.0, 1.0)]) == ""


# ---------------------------------------------------------------- in the browser


def demo_of(state: WordsState) -> gr.Blocks:
    with gr.Blocks() as demo:
        words = Words(state)
        box = gr.Textbox(label="Reference", elem_id="reference")
        fill = gr.Button("Another run")

        def chosen(event: gr.EventData) -> str:
            return chosen_text(event)

        words.choose(chosen, None, box, queue=False, api_visibility="private", show_progress="hidden")
        fill.click(lambda: words_state([Answer("A", "one two"), Answer("B", "one too")]), None, words, api_visibility="private")
    return demo


@pytest.fixture(scope="module")
def address():
    sound = servable(FOLDER / "two-speakers.ogg")
    spoken = [
        Answer(name, text, timed(text, speaker="Guest" if name == "Engine Two" else None) if name == "Engine Two" else ())
        for name, text in HEARD.items()
    ]
    with served(demo_of(words_state(spoken, sound)), theme=THEME) as address:
        yield address


def test_the_chosen_variants_become_the_reference(address, open_page):
    page = open_page(address)
    page.locator(".sc-variant", has_text="rain").last.click()
    page.locator(".sc-variant", has_text="today").click()
    assert page.locator(".sc-build").inner_text().startswith("2 of 4 chosen")
    page.get_by_role("button", name="Use as reference").click()
    page.wait_for_function("document.querySelector('#reference textarea').value !== ''")
    assert page.locator("#reference textarea").input_value() == "good morning When does the next rain leave for the city today"
    page.get_by_role("button", name="Clear choices").click()
    assert page.locator('.sc-variant[aria-pressed="true"]').count() == 0
    assert (page.troubles, page.outside) == ([], [])


def test_everything_is_reached_by_the_keyboard_with_one_tab_stop_for_the_text(address, open_page):
    page = open_page(address)
    page.locator('.sc-flow [tabindex="0"]').wait_for()
    assert page.locator('.sc-flow [tabindex="0"]').count() == 1
    page.locator('.sc-flow [tabindex="0"]').focus()
    focused = "document.activeElement.textContent"
    assert page.evaluate(focused) == "good"
    page.keyboard.press("n")
    assert page.evaluate(focused).startswith("When")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.getAttribute('aria-pressed')") == "true"
    assert page.evaluate(focused).startswith("win")
    page.keyboard.press("ArrowRight")
    assert page.evaluate(focused) == "does"
    page.keyboard.press("N")
    assert page.evaluate(focused).startswith("win")
    page.keyboard.press("End")
    assert page.evaluate(focused).startswith("no word")
    assert page.locator('.sc-flow [tabindex="0"]').count() == 1
    page.locator('.sc-lanes [tabindex="0"]').focus()
    page.keyboard.press("ArrowRight")
    assert "Guest" in page.evaluate("document.activeElement.getAttribute('aria-label')")


def test_a_word_plays_its_own_stretch_of_the_input_and_stops(address, open_page):
    page = open_page(address)
    page.get_by_role("button", name="next", exact=True).click()
    assert page.locator(".sc-differ-status").inner_text() == "“next”, 0:02.5 to 0:02.9."
    page.wait_for_function("document.querySelector('.sc-differ audio').currentTime >= 2.9")
    page.wait_for_function("document.querySelector('.sc-differ audio').paused")
    assert page.evaluate("document.querySelector('.sc-differ audio').currentTime") < 3.6


def test_the_inputs_player_shows_the_chosen_captions_and_never_on_another_sound(open_page):
    sound, other = (str(FOLDER / name) for name in ("two-speakers.ogg", "noisy-speech.ogg"))
    known, again = answers(), (Word("onward", 0.0, 60.0),)
    with gr.Blocks() as demo:
        player = Source(sound, type="filepath", interactive=True, elem_id="player")
        times = gr.Checkbox(label="Ask for times")
        words = Words()
        beside_player(words, player, times)
        run = gr.Button("Run")
        run.click(
            lambda given: words_state([*known, Answer("Fourth", "onward", again)], servable(given)),
            player, words, api_visibility="private",
        )  # fmt: skip
        gr.Button("Untimed").click(lambda given: words_state(answers(None), servable(given)), player, words)
        gr.Button("Other sound").click(lambda: other, None, player)
    with served(demo, theme=THEME) as address:
        page = open_page(address)
        shown = page.get_by_test_id("subtitle-display")
        page.get_by_role("button", name="Run").click()
        page.get_by_label("Captions on your sound").wait_for()
        assert page.get_by_label("Captions on your sound").input_value() == "Engine Two"
        page.locator("#player").get_by_role("button", name="Play", exact=True).click()
        page.wait_for_function("document.querySelector('[data-testid=subtitle-display]').textContent.startsWith('good morning')")
        page.get_by_label("Captions on your sound").select_option("Fourth")
        page.wait_for_function("document.querySelector('[data-testid=subtitle-display]').textContent.startsWith('onward')")
        page.get_by_role("button", name="Other sound").click()
        page.wait_for_function("document.querySelector('[data-testid=subtitle-display]').textContent === ''")
        page.get_by_role("button", name="Untimed").click()
        page.get_by_role("button", name="Word times").click()
        page.wait_for_function("document.querySelector('input[type=checkbox]:checked') !== null")
        assert page.get_by_label("Ask for times").is_checked()
        assert shown.inner_text() == "" and page.troubles == []


def test_a_place_that_nobody_timed_is_never_played_by_guess(open_page):
    with served(demo_of(words_state(answers(None))), theme=THEME) as address:
        page = open_page(address)
        page.get_by_role("button", name="next", exact=True).click()
        assert page.locator(".sc-differ-status").inner_text().startswith("No engine gave word times, so “next” cannot be played.")
        assert page.locator(".sc-listen").count() == 0


def test_only_differences_leaves_a_few_words_around_each(address, open_page):
    page = open_page(address)
    page.locator(".sc-word").first.wait_for()
    everything = page.locator(".sc-word").count()
    page.get_by_role("button", name="Only differences").click()
    assert page.locator(".sc-stack").count() == 4
    assert page.locator(".sc-word").count() <= everything
    assert page.get_by_role("button", name="Only differences").get_attribute("aria-pressed") == "true"


def test_another_run_forgets_the_choices_of_the_last(address, open_page):
    page = open_page(address)
    page.locator(".sc-variant", has_text="rain").last.click()
    page.get_by_role("button", name="Another run").click()
    page.locator(".sc-variant", has_text="too").wait_for()
    assert page.locator(".sc-count").inner_text() == "1 of 2 places differs"
    assert page.locator(".sc-build").inner_text().startswith("0 of 1 chosen")
    assert page.locator(".sc-speakers").is_hidden()


def test_hostile_texts_names_and_speakers_stay_text_on_a_phone_without_sideways_scroll(open_page):
    texts = [f"{payload} the bank {'x' * 400} {number}" for number, payload in enumerate(HOSTILE)]
    spoken = [
        Answer(f"{payload} {'n' * 80}", text, timed(text, speaker=f"{payload}{'s' * 80}"))
        for payload, text in zip(HOSTILE, texts, strict=True)
    ]
    with served(demo_of(words_state(spoken)), theme=THEME) as address:
        page = open_page(address, **PHONE)
        page.locator(".sc-stack").first.wait_for()
        page.locator(".sc-differ summary").click()
        assert page.evaluate("window.__pwn") is None
        assert page.locator(".sc-differ :is(img, script, style)").count() == 0
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        assert page.troubles == []


def test_a_hundred_thousand_characters_are_paged_and_answer_at_once(open_page):
    chance = random.Random(3)
    spoken = [f"w{chance.randrange(300)}" for _ in range(20_000)]
    heard = " ".join(word if place % 20 else "other" for place, word in enumerate(spoken))
    with served(demo_of(words_state([Answer("A", " ".join(spoken)), Answer("B", heard)])), theme=THEME) as address:
        page = open_page(address)
        page.locator(".sc-stack").first.wait_for()
        assert page.locator(".sc-flow button").count() < 1_000
        assert page.locator(".sc-differ-pages").inner_text().split("\n")[1].startswith("page 1 of ")
        page.locator(".sc-differ-pages").get_by_role("button", name="Next").click()
        assert "page 2 of" in page.locator(".sc-differ-pages").inner_text()
        page.get_by_role("button", name="Only differences").click()
        assert page.locator(".sc-stack").count() <= 60
        assert page.troubles == []
