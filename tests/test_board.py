"""The engine picker, the result board and the theme, in a real Chromium."""

from __future__ import annotations

import json
import math
import re
import threading
import wave
from pathlib import Path

import gradio as gr
import pytest
from browser import PHONE, served, wait_for
from pydantic import ValidationError

from ui.board import Board, BoardState, servable
from ui.picker import Picker, PickerState
from ui.theme import THEME, css

ENGINES = [
    {
        "id": "whisper/base",
        "name": "Whisper base",
        "where": "local",
        "pill": "ready",
        "summary": "74 M · MIT",
        "open_license": True,
    },
    {
        "id": "pocketsphinx/en",
        "name": "PocketSphinx",
        "where": "local",
        "pill": "ready",
        "summary": "classical",
        "languages": ["en"],
    },
    {
        "id": "parakeet/tdt",
        "name": "Parakeet",
        "where": "local",
        "status": "needs",
        "needs": ["Its weights are not here: prepare downloads 1.2 GB."],
        "preparable": True,
    },
    {"id": "deepgram/nova", "name": "Nova", "vendor": "Deepgram", "where": "cloud", "streams": True, "languages": ["*"]},
    {"id": "canary/1b", "name": "Canary", "where": "local", "status": "unavailable", "needs": ["Needs 6 GB of GPU memory."]},
]
PAYLOADS = [
    "<img src=x onerror=window.__pwn=1>",
    "<script>window.__pwn=1</script>",
    "<svg onload=window.__pwn=1></svg>",
    "\"><iframe srcdoc='<script>parent.__pwn=1</script>'></iframe>",
    "<details open ontoggle=window.__pwn=1><summary>x</summary></details>",
    "${window.__pwn=1}{{constructor.constructor('window.__pwn=1')()}}",
    "javascript:window.__pwn=1",
    "' autofocus onfocus=window.__pwn=1 x='</style><style>*{animation:a}",
]


def write_tone(path: Path, seconds: float) -> Path:
    rate = 8_000
    heights = (int(9_000 * math.sin(2 * math.pi * 220 * place / rate)) for place in range(int(rate * seconds)))
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", ""))
        file.writeframes(b"".join(height.to_bytes(2, "little", signed=True) for height in heights))
    return path


def card(key: str, **fields: object) -> dict:
    return {"key": key, "name": f"Engine {key}", "where": "local", "state": "ok"} | fields


def sound(path: Path, name: str, seconds: float) -> dict:
    return {"name": name, "file": servable(path, f"{name}.wav"), "seconds": seconds, "peaks": [0.2, 0.9, 0.5] * 40}


def picker_demo(engines: list[dict] = ENGINES, selected: tuple[str, ...] = ()) -> tuple[gr.Blocks, list]:
    """A page with a picker; the list collects (event, what Python received)."""
    heard: list = []
    with gr.Blocks() as demo:
        picker = Picker({"engines": engines, "selected": list(selected)})
        picker.input(lambda value: heard.append(("input", value)), picker, None)
        picker.prepare(lambda value: heard.append(("prepare", value)), picker, None)
    return demo, heard


# ---------------------------------------------------------------- what reaches Python


def test_the_picker_hands_over_ids_and_nothing_else_of_what_a_browser_sends():
    payload = PickerState.model_validate({"engines": ENGINES, "selected": ["a/b", "a/b", "", "x" * 201], "prepare": "y" * 201})
    assert Picker().preprocess(payload) == {"selected": ["a/b"], "prepare": ""}
    assert len(Picker().preprocess(PickerState(selected=[str(place) for place in range(2_000)]))["selected"]) == 500
    assert Picker().preprocess(None) == {"selected": [], "prepare": ""}


@pytest.mark.parametrize(
    "hostile", [{"selected": "a/b"}, {"selected": [1]}, {"selected": [["a/b"]]}, {"prepare": 3}, {"selected": None}]
)
def test_a_picker_value_of_the_wrong_type_is_refused(hostile):
    with pytest.raises(ValidationError):
        PickerState.model_validate(hostile)


def test_what_a_browser_sends_as_a_board_is_never_read():
    assert Board().preprocess(BoardState(empty_text="forged")) is None


def test_a_misspelt_card_state_is_refused_before_it_reaches_a_page():
    with pytest.raises(ValidationError):
        Board().postprocess({"cards": [card("a", state="finished")]})


def test_a_sound_outside_the_cache_is_copied_once_and_one_inside_stays(tmp_path):
    path = write_tone(tmp_path / "tone.wav", 0.1)
    first = servable(path)
    assert first.path != str(path) and Path(first.path).read_bytes() == path.read_bytes()
    assert servable(path).path == first.path == servable(first.path).path
    assert Path(servable(path, "drums.wav").path).name == servable(path, "drums").orig_name == "drums.wav"
    assert Path(servable(path, "../../etc/<b>.html").path).suffix == ".wav"
    with pytest.raises(FileNotFoundError):
        servable(tmp_path / "missing.wav")


# ---------------------------------------------------------------- theme


def luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("block", [":root", ".dark"])
def test_every_pair_of_text_and_ground_has_a_contrast_of_at_least_4_5(block):
    body = re.search(rf"^{re.escape(block)} \{{(.*?)^\}}", css(), re.S | re.M).group(1)
    colours = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", body))
    pairs = [(text, ground) for text in ("ink", "dim", "accent", "cloud", "warn", "bad") for ground in ("paper", "card")]
    pairs += [
        ("accent", "soft"),
        ("ink", "soft"),
        ("dim", "soft"),
        ("cloud", "cloud-soft"),
        ("warn", "warn-soft"),
        ("ink", "warn-soft"),
    ]
    pairs += [("bad", "bad-soft"), ("ink", "bad-soft"), ("dim", "bad-soft"), ("accent-ink", "accent")]
    for text, ground in pairs:
        light, dark = sorted((luminance(colours[text]), luminance(colours[ground])), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, (text, ground, round((light + 0.05) / (dark + 0.05), 2))


def test_the_theme_carries_every_stylesheet_and_fetches_no_font():
    sheet = THEME._get_theme_css()
    assert css() in sheet and ".sc-board" in sheet and ".sc-picker" in sheet
    assert "@font-face" not in sheet and "@import" not in sheet
    assert set(re.findall(r"https?://[\w./]+", sheet)) <= {"http://www.w3.org/2000/svg"}


# ---------------------------------------------------------------- picker in the browser


def test_a_tick_by_mouse_reaches_python_with_every_ticked_id(open_page):
    demo, heard = picker_demo(selected=("deepgram/nova",))
    with served(demo, theme=THEME) as address:
        page = open_page(address)
        page.get_by_role("checkbox", name="Whisper base").check()
        wait_for(page, lambda: heard)
        assert heard == [("input", {"selected": ["whisper/base", "deepgram/nova"], "prepare": ""})]
        assert page.locator(".sc-count").inner_text() == "2 of 5"
        assert page.troubles == page.outside == []


def test_the_picker_works_from_the_keyboard_alone(open_page):
    demo, heard = picker_demo()
    with served(demo, theme=THEME) as address:
        page = open_page(address)
        page.get_by_label("Search engines").focus()
        page.keyboard.press("ArrowDown")
        assert page.evaluate("document.activeElement.closest('.sc-engine').dataset.id") == "whisper/base"
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Space")
        wait_for(page, lambda: heard)
        assert heard[-1][1]["selected"] == ["pocketsphinx/en"]
        assert page.locator(".sc-engine input[tabindex='0']").count() == 1
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        wait_for(page, lambda: len(heard) == 2)
        assert heard[-1] == ("prepare", {"selected": ["pocketsphinx/en"], "prepare": "parakeet/tdt"})


def test_an_engine_that_is_not_ready_cannot_be_ticked_and_says_why(open_page):
    demo, heard = picker_demo(selected=("parakeet/tdt",))
    with served(demo, theme=THEME) as address:
        page = open_page(address)
        box = page.get_by_role("checkbox", name="Parakeet")
        box.click(force=True)
        assert not box.is_checked()
        about = box.get_attribute("aria-describedby")
        assert "prepare downloads 1.2 GB" in page.locator(f"#{about}").inner_text()
        page.get_by_role("button", name="Tick every ready engine that is listed").click()
        wait_for(page, lambda: heard)
        assert [event for event, _ in heard] == ["input"]
        assert heard[0][1]["selected"] == ["whisper/base", "pocketsphinx/en", "deepgram/nova"]


def test_search_and_filters_narrow_the_list_and_keep_the_ticks(open_page):
    demo, heard = picker_demo(selected=("whisper/base",))
    with served(demo, theme=THEME) as address:
        page = open_page(address)
        shown = page.locator(".sc-engine:visible .sc-engine-name")
        page.get_by_label("Search engines").fill("deepgram")
        assert shown.all_inner_texts() == ["Nova"]
        page.get_by_label("Search engines").fill("")
        page.get_by_role("button", name="open licence").click()
        assert shown.all_inner_texts() == ["Whisper base"]
        page.get_by_role("button", name="streams").click()
        assert shown.count() == 0
        page.get_by_role("button", name="clear the search and filters").click()
        page.get_by_label("Language").select_option("en")
        assert shown.all_inner_texts() == ["PocketSphinx", "Nova"]
        page.get_by_role("button", name="Tick every ready engine that is listed").click()
        wait_for(page, lambda: heard)
        assert heard[0][1]["selected"] == ["whisper/base", "pocketsphinx/en", "deepgram/nova"]


def test_a_late_answer_of_the_server_does_not_undo_a_newer_tick(open_page):
    release, received = threading.Event(), []

    def answer(value):
        received.append(value["selected"])
        late = len(received) == 1
        if late:
            release.wait(30)
        summary = "the first answer" if late else "the second answer"
        return {"engines": [engine | {"summary": summary} for engine in ENGINES], "selected": value["selected"]}

    with gr.Blocks() as demo:
        picker = Picker({"engines": ENGINES})
        picker.input(answer, picker, picker, trigger_mode="multiple", concurrency_limit=None)
    with served(demo, theme=THEME) as address:
        page = open_page(address)
        page.get_by_role("checkbox", name="Whisper base").check()
        wait_for(page, lambda: len(received) == 1)
        page.get_by_role("checkbox", name="PocketSphinx").check()
        page.get_by_text("the second answer").first.wait_for()
        release.set()
        page.get_by_text("the first answer").first.wait_for()
        assert page.get_by_role("checkbox", name="PocketSphinx").is_checked()
        page.get_by_role("checkbox", name="Nova").check()
        wait_for(page, lambda: len(received) == 3)
        assert received[-1] == ["whisper/base", "pocketsphinx/en", "deepgram/nova"]


# ---------------------------------------------------------------- board in the browser


def test_a_playing_sound_plays_on_and_keeps_its_element_while_neighbours_stream(open_page, tmp_path):
    path, go = write_tone(tmp_path / "tone.wav", 20), threading.Event()

    def stream():
        for step in range(8):
            yield {
                "phase": "running" if step < 7 else "done",
                "cards": [
                    card(
                        "late",
                        state="running" if step < 7 else "ok",
                        elapsed_s=step / 10,
                        text="word " * (step + 1),
                        partial=step < 7,
                    ),
                    card(
                        "first",
                        sounds=[sound(path, "output", 20)],
                        measures=[{"label": "total", "value": str(step), "unit": "s"}],
                    ),
                ][:: -1 if step > 3 else 1],
            }
            if step == 0:
                go.wait(30)

    with gr.Blocks() as demo:
        board = Board()
        gr.Button("Run").click(stream, None, board)
    with served(demo, theme=THEME) as address:
        page = open_page(address)
        page.get_by_text("Results appear here.").wait_for()
        page.get_by_role("button", name="Run").click()
        page.get_by_role("button", name="Play output of Engine first").click()
        page.wait_for_function("document.querySelector('.sc-board audio').currentTime > 0.2")
        page.evaluate(
            "() => { const a = document.querySelector('audio'); a.before = true; a.onpause = () => { a.paused_once = true; }; }"
        )
        go.set()
        page.get_by_text("2 of 2 done").wait_for()
        state = page.evaluate(
            "() => { const a = document.querySelector('audio'); return [a.before, a.paused, a.paused_once || false]; }"
        )
        assert state == [True, False, False]
        assert page.locator(".sc-result h3").all_inner_texts() == ["Engine first", "Engine late"]
        assert page.locator("dd").first.inner_text() == "7 s"
        page.get_by_text("word word word word word word word word").wait_for()
        assert page.troubles == []


def test_one_sound_at_a_time_is_heard_and_arrow_keys_seek(open_page, tmp_path):
    path = write_tone(tmp_path / "tone.wav", 20)
    with gr.Blocks() as demo:
        Board({"phase": "done", "cards": [card("a", sounds=[sound(path, "vocals", 20), sound(path, "drums", 20)])]})
    with served(demo, theme=THEME) as address:
        page = open_page(address)
        page.get_by_role("button", name="Play vocals").click()
        page.wait_for_function("document.querySelectorAll('.sc-board audio')[0].currentTime > 0.1")
        page.get_by_role("button", name="Play drums").click()
        page.wait_for_function("document.querySelectorAll('.sc-board audio')[1].currentTime > 0.1")
        assert page.evaluate("[...document.querySelectorAll('.sc-board audio')].map((audio) => audio.paused)") == [True, False]
        slider = page.get_by_role("slider", name="Position in drums")
        slider.press("Space")
        slider.press("Home")
        for key in ("PageUp", "ArrowRight", "ArrowLeft", "ArrowRight"):
            slider.press(key)
        assert slider.get_attribute("aria-valuenow") == "6.0"
        assert slider.get_attribute("aria-valuetext") == "6.0 of 20.0 seconds"
        box = slider.bounding_box()
        page.mouse.click(box["x"] + box["width"] / 2, box["y"] + 5)
        assert abs(float(slider.get_attribute("aria-valuenow")) - 10) < 0.5
        with page.expect_download() as download:
            page.get_by_role("link", name="Download drums").click()
        assert download.value.suggested_filename == "drums.wav"


@pytest.mark.parametrize(
    ("state", "word", "error", "hint"),
    [
        ("error", "failed", "The key was refused (401).", "Check it under Keys; nothing was charged."),
        ("stopped", "stopped", "Stopped before it had answered.", ""),
    ],
)
def test_a_card_without_an_answer_says_whether_it_failed_or_was_stopped_why_and_what_to_do(open_page, state, word, error, hint):
    with gr.Blocks() as demo:
        Board({"phase": "done", "cards": [card("a", state=state, error=error, hint=hint), card("b", text="fine")]})
    with served(demo, theme=THEME) as address:
        page = open_page(address)
        article = page.get_by_role("article", name="Engine a")
        for said in filter(None, (error, hint)):
            article.get_by_text(said).wait_for()
        article.get_by_text(word, exact=True).wait_for()
        page.get_by_role("status").filter(has_text=f"2 of 2 done, 1 {word}").wait_for()


def test_a_long_text_folds_and_unfolds(open_page):
    with gr.Blocks() as demo:
        Board({"phase": "done", "cards": [card("a", text="a long sentence about very little. " * 90), card("b", text="short")]})
    with served(demo, theme=THEME) as address:
        page = open_page(address)
        text = page.locator(".sc-text").first
        folded = text.bounding_box()["height"]
        page.get_by_role("button", name="show all").click()
        assert text.bounding_box()["height"] > 2 * folded
        assert page.get_by_role("button", name="show less").count() == 1


def test_the_clock_of_a_running_card_runs_on_between_two_messages(open_page):
    with gr.Blocks() as demo:
        Board({"phase": "running", "cards": [card("a", state="running", elapsed_s=41.0)]})
    with served(demo, theme=THEME) as address:
        page = open_page(address)
        page.wait_for_function("parseFloat(document.querySelector('.sc-clock').textContent.replace('running', '')) > 42")


def test_nothing_that_strangers_write_runs_as_code(open_page, tmp_path):
    path = write_tone(tmp_path / "tone.wav", 1)
    cards, engines = [], []
    for place, evil in enumerate(PAYLOADS):
        cards.append(
            card(
                f"{place}{evil}",
                name=evil,
                state="error" if place % 2 else "ok",
                badges=[{"text": evil, "title": evil}],
                text=evil,
                spans=[{"text": evil, "kind": "substituted", "title": evil}] if place % 3 else [],
                tags=[{"label": evil, "score": 0.5, "start_s": 0, "end_s": 1}],
                sounds=[{"name": evil, "file": servable(path, evil), "seconds": 1, "peaks": []}],
                measures=[{"label": evil, "value": evil, "unit": evil, "title": evil}],
                error=evil,
                hint=evil,
            )
        )
        told = dict.fromkeys(("id", "name", "pill", "summary", "vendor", "license", "size", "note", "warning", "blocked"), evil)
        engines.append(
            told
            | {"where": "cloud", "status": ("ready", "needs", "unavailable")[place % 3], "needs": [evil], "languages": [evil]}
        )
    tiles = [{"value": evil, "label": evil} for evil in PAYLOADS[:4]]
    with gr.Blocks() as demo:
        Picker({"engines": engines, "selected": PAYLOADS})
        board = Board({"phase": "empty", "empty_text": PAYLOADS[0]})
        gr.Button("Run").click(lambda: {"phase": "done", "headline": tiles, "cards": cards}, None, board)
    with served(demo, theme=THEME) as address:
        page = open_page(address)
        page.get_by_role("button", name="Run").click()
        page.locator(".sc-result").nth(len(PAYLOADS) - 1).wait_for()
        for folded in page.locator(".sc-picker .sc-fold").all():
            folded.click()
        assert page.evaluate("window.__pwn") is None
        assert (
            page.locator(
                ".sc-board :is(img, script, iframe, svg[onload], style), .sc-picker :is(img, script, iframe, style)"
            ).count()
            == 0
        )
        assert page.locator(".sc-result h3").all_inner_texts() == PAYLOADS
        assert page.troubles == []


@pytest.mark.parametrize("dark", [False, True])
def test_a_phone_shows_everything_without_sideways_scrolling(open_page, tmp_path, dark):
    path = write_tone(tmp_path / "tone.wav", 1)
    measures = [
        {"label": name, "value": "12.34", "unit": "s", "best": True, "bar": 0.5}
        for name in ("first text", "total", "per hour", "cost")
    ]
    long_name = "an-engine-with-one-unbroken-name-" * 4
    shown = card(
        "a",
        name=long_name,
        text="w" * 300,
        badges=[{"text": long_name}],
        measures=measures,
        sounds=[sound(path, long_name, 1)],
        tags=[{"label": long_name, "score": 0.5, "start_s": 0, "end_s": 1}],
    )
    with gr.Blocks() as demo, gr.Row():
        with gr.Column(elem_classes="sc-left"), gr.Column(elem_classes="sc-card"):
            gr.Textbox(label="What was said")
            Picker(
                {
                    "engines": [
                        *ENGINES,
                        ENGINES[0] | {"id": "z", "name": long_name, "pill": "set A_VERY_LONG_VARIABLE_NAME_API_KEY"},
                    ]
                }
            )
        with gr.Column(elem_classes="sc-right"):
            Board({"phase": "done", "headline": [{"value": long_name, "label": long_name}] * 4, "cards": [shown]})
    with served(demo, theme=THEME) as address:
        page = open_page(address, **PHONE, dark=dark)
        page.locator(".sc-result").wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
        left, right = (page.locator(f".column{name}").bounding_box() for name in (".sc-left", ".sc-right"))
        assert right["y"] >= left["y"] + left["height"] and left["width"] <= PHONE["width"]
        ground = page.evaluate("getComputedStyle(document.querySelector('.sc-result')).backgroundColor")
        assert ground == ("rgb(26, 31, 29)" if dark else "rgb(255, 254, 251)")


def test_a_desktop_shows_two_columns_the_left_372_pixels_wide(open_page):
    with gr.Blocks() as demo, gr.Row():
        with gr.Column(elem_classes="sc-left"):
            Picker({"engines": ENGINES})
        with gr.Column(elem_classes="sc-right"):
            Board()
    with served(demo, theme=THEME) as address:
        page = open_page(address)
        page.locator(".sc-empty").wait_for()
        left, right = (page.locator(f".column{name}").bounding_box() for name in (".sc-left", ".sc-right"))
        assert (left["width"], left["y"]) == (372, right["y"])
        assert right["x"] > left["x"] + 372 and right["width"] > 800


def test_the_state_survives_a_trip_through_json():
    state = BoardState(phase="done", cards=[card("a", tags=[{"label": "dog", "score": 0.9}])])
    assert BoardState.model_validate(json.loads(state.model_dump_json())) == state
