"""The listening room: what a browser may know and do, and a whole test in a real Chromium."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import gradio as gr
import numpy as np
import pytest
from browser import served

from comparisons.blind import make_test
from comparisons.columns import COLUMNS
from comparisons.store import Store
from comparisons.votes import Votes
from engine.audio import Audio
from ui.board import servable
from ui.deck import Deck
from ui.listen import build_listen_tab
from ui.listen_state import ListenState, Room
from ui.listening import Listening
from ui.theme import THEME

if TYPE_CHECKING:
    from playwright.sync_api import Page

NAMES = {"espeak/en": "eSpeak NG", "flite/slt": "Flite slt", "flite/rms": "Flite rms"}
HOSTILE = "Good <img src=x onerror=window.__pwn=1> morning"


def tone(hertz: float, seconds: float = 0.6, rate: int = 16_000, loud: float = 0.2) -> Audio:
    return Audio((loud * np.sin(2 * np.pi * hertz * np.arange(round(rate * seconds)) / rate)).astype(np.float32), rate)


def add_comparison(
    store: Store, comparison_id: str = "c1", count: int = 2, seconds: float = 0.6, step: float = 90, **values: object
) -> None:
    """One comparison with a tone of its own for each engine."""
    for place, (engine_id, name) in enumerate(list(NAMES.items())[:count]):
        sound = tone(300 + step * place, seconds, rate=16_000 + 6_050 * place, loud=0.1 + 0.1 * place)
        file = {"name": "output", "sha256": store.put_blob(sound.to_wav()), "seconds": sound.seconds, "rate": sound.rate}
        known = {
            "comparison_id": comparison_id,
            "created_at": f"2026-11-20T10:0{place}:00.000+00:00",
            "task": "tts",
            "engine_id": engine_id,
            "engine_name": name,
            "status": "ok",
            "input_name": "Good morning",
            "output_files": json.dumps([file]),
        }
        store.add(dict.fromkeys(COLUMNS) | known | values)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "store", upkeep=False) as opened:
        yield opened


@pytest.fixture
def listening(store: Store) -> Listening:
    return Listening(lambda: store)


def heard_everything(state: ListenState, choice: object) -> dict:
    trial = state.trial
    return {
        "do": "vote",
        "test": state.test,
        "listener": state.listener,
        "trial": trial.number,
        "choice": choice,
        "heard": [1.0] * len(trial.sounds),
    }


def let_time_pass(listening: Listening, seconds: float = 60.0) -> None:
    handed_out = listening._handed._handed
    for key, handed in list(handed_out.items()):
        handed_out[key] = type(handed)(handed.files, handed.at_s - seconds)


# ---------------------------------------------------------------- what a browser learns


@pytest.mark.parametrize("kind", ["ab", "abx", "mushra", "acr", "cmos"])
def test_before_the_vote_a_browser_gets_neither_names_nor_known_hashes(store, listening, kind):
    add_comparison(store, count=3)
    state = listening.answer({"do": "make", "comparison": "c1", "kind": kind, "rounds": None}, None)
    assert state.view == "trial", state.message
    said = state.model_dump_json()
    votes = Votes(store.folder)
    test = votes.test(state.test)
    secret = {value for each in test["stimuli"].values() for value in (each["engine_id"], each["engine_name"], each["sha256"])}
    secret |= {each["source_sha256"] for each in test["stimuli"].values()}
    assert [text for text in secret if text and text in said] == []
    assert {Path(sound.file.path).name for sound in state.trial.sounds} == {f"{sound.label}.wav" for sound in state.trial.sounds}


def test_no_two_copies_of_a_sound_have_the_same_bytes_and_all_play_the_same(store, listening):
    add_comparison(store)
    state = listening.answer({"do": "make", "comparison": "c1", "kind": "abx", "rounds": 5}, None)
    files = [Path(sound.file.path).read_bytes() for sound in state.trial.sounds]
    assert len(set(files)) == 3
    decoded = [Audio.decode(data) for data in files]
    x = decoded[2].samples
    assert sum(np.array_equal(x, each.samples) for each in decoded[:2]) == 1
    assert {(each.rate, each.channels, each.frames) for each in decoded} == {(48_000, 1, decoded[0].frames)}


def test_a_vote_needs_the_share_heard_and_the_time_it_takes(store, listening):
    add_comparison(store)
    state = listening.answer({"do": "make", "comparison": "c1", "kind": "ab"}, None)
    early = listening.answer(heard_everything(state, "first"), None)
    assert (early.view, early.tone) == ("trial", "bad")
    assert "faster than the sounds last" in early.message
    let_time_pass(listening)
    for heard in ([0.2, 1.0], [1.0], "all", [float("nan"), 1.0], [2, 1], None, [True, True]):
        refused = listening.answer(heard_everything(state, "first") | {"heard": heard}, None)
        assert "listen to at least 50%" in refused.message.lower(), heard
    for choice in ("A", 1, None, True, ["first"], {"a": 1}):
        assert listening.answer(heard_everything(state, choice), None).tone == "bad"
    for trial in (-1, 5, "0", True, 1.0):
        assert listening.answer(heard_everything(state, "first") | {"trial": trial}, None).tone == "bad"
    assert Votes(store.folder).votes(state.test) == []
    assert listening.answer(heard_everything(state, "first"), None).view == "results"


def test_names_come_only_after_the_last_answer_of_this_listener(store, listening):
    add_comparison(store, count=3)
    state = listening.answer({"do": "make", "comparison": "c1", "kind": "ab"}, None)
    for place in range(3):
        refused = listening.answer({"do": "results", "test": state.test, "listener": state.listener}, None)
        assert refused.view == "home"
        assert "stay hidden" in refused.message
        let_time_pass(listening)
        state = listening.answer(heard_everything(state, "tie"), None)
        assert ("eSpeak" in state.model_dump_json()) == (place == 2)
    assert state.view == "results"
    assert len(state.results.names) == 3


def test_a_second_vote_in_the_same_trial_is_refused_and_the_first_stays(store, listening):
    add_comparison(store, count=3)
    state = listening.answer({"do": "make", "comparison": "c1", "kind": "ab"}, None)
    let_time_pass(listening)
    listening.answer(heard_everything(state, "first"), None)
    again = listening.answer(heard_everything(state, "second"), None)
    assert "given already" in again.message
    assert [vote["choice"] for vote in Votes(store.folder).votes(state.test)] == ["first"]


def test_strangers_of_another_session_see_neither_results_nor_comparisons(store, listening):
    add_comparison(store)
    store_of_alice = Listening(lambda: store)
    rows = store_of_alice.answer({"do": "home"}, "bob")
    assert (rows.offers, rows.tests) == ([], [])
    test = make_test(store, listening.votes(), "c1", "ab", session=None)
    assert "only who made this test" in listening.answer({"do": "results", "test": test}, "bob").message
    with pytest.raises(Exception, match="only who made this test"):
        listening.export({"test": test, "kind": "csv"}, "bob")
    assert listening.answer({"do": "open", "test": test}, "bob").view == "trial"


@pytest.mark.parametrize(
    "sent",
    [
        None,
        3,
        [],
        {"do": "open"},
        {"do": "open", "test": "x" * 22},
        {"do": "vote", "test": ["a"]},
        {"do": ["open"]},
        {"do": "make"},
    ],
)
def test_nonsense_from_a_browser_leads_home(store, listening, sent):
    assert listening.answer(sent, None).view == "home"


def test_a_reference_path_outside_the_upload_folder_is_not_read(store, listening, tmp_path):
    add_comparison(store)
    outside = tmp_path / "secret.wav"
    outside.write_bytes(tone(440).to_wav())
    sent = {"do": "make", "comparison": "c1", "kind": "mushra", "references": [{"path": str(outside), "name": "output.wav"}]}
    assert "did not arrive" in listening.answer(sent, None).message


def test_what_a_browser_sends_as_the_room_is_never_read():
    assert Room().preprocess(ListenState(view="results")) is None


# ---------------------------------------------------------------- in Chromium


@pytest.fixture(scope="module")
def room_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, dict[str, Store]]]:
    current: dict[str, Store] = {}
    sound = tmp_path_factory.mktemp("sound") / "tone.wav"
    sound.write_bytes(tone(300).to_wav())
    # named otherwise than the engines: what is blind must not find their names in this page
    tracks = [{"key": name, "name": name, "file": servable(sound), "seconds": 0.6} for name in ("first", "second", "third")]
    with gr.Blocks() as demo, gr.Tabs() as tabs:
        with gr.Tab("Run", id="run"):
            deck = Deck({"tracks": tracks, "comparison": "c1"})
        with gr.Tab("Listen", id="listen") as tab:
            build_listen_tab(tab, lambda: current["store"])
        deck.test(lambda: gr.Tabs(selected="listen"), None, tabs, queue=False, api_visibility="private")
    with served(demo, theme=THEME) as address:
        yield address.rstrip("/"), current


@pytest.fixture
def open_room(room_app, store, open_page) -> Callable[..., Page]:
    address, current = room_app
    current["store"] = store

    def opened(query: str = "", room: bool = True, **window: object) -> Page:
        page = open_page(address, idle=False, **window)
        if not room:
            return page
        if query:
            page.goto(f"{address}/?{query}")
        else:
            page.get_by_role("tab", name="Listen").click()
        page.wait_for_selector(".sc-listen-card:visible")
        return page

    return opened


def listen(page: Page, count: int) -> None:
    """Hears the first `count` sounds by the keyboard, until the page says that it is ready for an answer."""
    page.wait_for_function("!document.querySelector('.sc-listen-play').disabled")
    for place in range(1, count + 1):
        page.keyboard.press(str(place))
        row = page.locator(".sc-listen-sound").nth(place - 1)
        page.wait_for_function("row => row.classList.contains('sc-listen-enough')", arg=row.element_handle())
    page.get_by_text("Ready for your answer.").wait_for()


def test_a_test_is_made_answered_by_keys_and_only_then_names_the_engines(store, open_room):
    add_comparison(store, count=3, seconds=0.6, input_name=HOSTILE)
    page = open_room()
    page.get_by_role("button", name="Make test").first.click()
    page.wait_for_selector(".sc-listen-trial")
    for place in range(1, 4):
        page.get_by_text(f"{place} of 3", exact=True).wait_for()
        source = page.content()
        assert not any(text in source for pair in NAMES.items() for text in pair)
        assert page.get_by_role("button", name="A is better").is_disabled()
        listen(page, 2)
        page.keyboard.press("a")
    page.wait_for_selector(".sc-listen-forest")
    assert all(name in page.content() for name in NAMES.values())
    page.get_by_text("Not enough votes to rank: 2 of 20 per engine.").wait_for()
    assert page.locator(".sc-listen-forest svg circle").count() == 3
    assert "n 2" in page.locator(".sc-listen-forest").inner_text()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download every vote as CSV").click()
    rows = list(csv.DictReader(io.StringIO(Path(download.value.path()).read_text("utf-8-sig"))))
    assert len(rows) == 6
    assert {row["engine_id"] for row in rows} == set(NAMES)
    assert sum(float(row["score"]) for row in rows) == 3.0
    assert all(float(row["heard_share"]) >= 0.5 for row in rows)
    assert page.evaluate("window.__pwn") is None
    assert page.troubles == []
    assert page.outside == []


def test_one_press_on_a_deck_makes_a_blind_test_of_what_it_holds(store, open_room):
    add_comparison(store, count=3, seconds=0.3)
    page = open_room(room=False)
    for made in (1, 2):
        page.get_by_role("tab", name="Run").click()
        page.get_by_role("button", name="make a blind A/B test").click()
        page.get_by_text("1 of 3", exact=True).wait_for()
        for _ in range(600):  # the second press finds the first test still on view
            if len(kinds := [test["kind"] for test in Votes(store.folder).tests()]) == made:
                break
            page.wait_for_timeout(100)
        assert kinds == ["ab"] * made
    assert page.troubles == []


# In one go inside the page: between two calls from here a busy machine may let more than the window go by.
CROSS = """async (room) => {
  const { clock, samples, rate, state } = room.player;
  const until = async (condition) => { while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5)); };
  const press = (key) => document.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }));
  await until(() => state.ready);
  press('1');
  await until(() => clock() > state.began + 0.4);
  press('2');
  const at = clock();
  await until(() => clock() > at + 0.25);
  return { rate: rate(), samples: Array.from(samples()) };
}"""


def test_a_blind_test_crosses_from_one_sound_to_the_other_within_ten_milliseconds_without_a_click(store, open_room):
    add_comparison(store, count=2, seconds=3.0, step=2_100, task="music")
    page = open_room(f"listen={make_test(store, Votes(store.folder), 'c1', 'ab')}")
    page.wait_for_function("!document.querySelector('.sc-listen-play').disabled")
    heard = page.locator(".sc-listen-room").evaluate(CROSS)
    rate, samples = heard["rate"], np.array(heard["samples"])
    level, window = np.abs(samples).max(), 24
    # A sine obeys x[n+1] + x[n-1] = 2 cos(w) x[n]: that tells over which windows one of the two sounds alone.
    pure, loud = {}, np.lib.stride_tricks.sliding_window_view(np.abs(samples[1:-1]), window).max(axis=1) > level * 0.1
    for hertz in (300, 2_400):
        off = np.abs(samples[2:] + samples[:-2] - 2 * np.cos(2 * np.pi * hertz / rate) * samples[1:-1])
        fits = np.lib.stride_tricks.sliding_window_view(off, window).max(axis=1) < level * 0.005
        pure[hertz] = np.flatnonzero(fits & loud)
    first, second = sorted(pure, key=lambda hertz: pure[hertz][-1])
    begins = pure[second][0]
    ends = pure[first][pure[first] < begins][-1] + window
    assert len(pure[second]) > 2_000 and 0 < (begins - ends) / rate <= 0.010
    steepest = np.abs(np.diff(samples[begins:])).max(), np.abs(np.diff(samples[ends - 1_000 : ends])).max()
    assert np.abs(np.diff(samples[ends - 1_000 : begins])).max() < 1.05 * max(steepest)


def test_a_link_opens_the_test_for_another_listener_and_a_reload_goes_on(store, open_room):
    add_comparison(store, count=3, seconds=0.3)
    test = make_test(store, Votes(store.folder), "c1", "ab")
    page = open_room(f"listen={test}")
    page.get_by_text("1 of 3", exact=True).wait_for()
    listen(page, 2)
    page.get_by_role("button", name="No difference").click()
    page.get_by_text("2 of 3", exact=True).wait_for()
    page.reload()
    page.get_by_text("2 of 3", exact=True).wait_for()
    other = open_room(f"listen={test}")
    other.get_by_text("1 of 3", exact=True).wait_for()
    assert [each["number"] for each in Votes(store.folder).listeners(test)] == [1, 2]
    assert page.troubles == other.troubles == []


def test_mushra_takes_a_rating_for_every_sound_and_fits_a_phone(store, open_room):
    add_comparison(store, count=2, seconds=0.3)
    test = make_test(store, Votes(store.folder), "c1", "mushra", references={"output": tone(300, 0.3)})
    page = open_room(f"listen={test}", width=390, height=844)
    page.wait_for_selector(".sc-listen-mushra input[type=range]")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.locator(".sc-listen-sound").count() == 5
    page.wait_for_function("!document.querySelector('.sc-listen-play').disabled")
    for place in range(4):
        page.locator(".sc-listen-play").nth(place).click()
        page.wait_for_function(f"document.querySelectorAll('.sc-listen-sound')[{place}].classList.contains('sc-listen-enough')")
        slider = page.locator(".sc-listen-rate input").nth(place)
        slider.focus()
        page.keyboard.press("ArrowRight")
    page.get_by_role("button", name="Next").click()
    page.wait_for_selector(".sc-listen-forest")
    assert page.locator(".sc-listen-forest li").count() == 4
    assert page.locator(".sc-listen-control").count() == 2
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.troubles == []


def test_an_uploaded_reference_is_hidden_among_the_sounds(store, open_room, tmp_path):
    add_comparison(store, count=2, seconds=0.3)
    own = tmp_path / "studio take.wav"
    own.write_bytes(tone(300, 0.3).to_wav())
    page = open_room()
    page.get_by_role("radio", name="MUSHRA").click()
    page.locator("input[type=file]").set_input_files(str(own))
    page.get_by_text("1 reference ready.").wait_for()
    page.get_by_role("button", name="Make test").click()
    page.wait_for_selector(".sc-listen-trial")
    test = Votes(store.folder).tests()[0]
    assert sorted(each["role"] for each in test["stimuli"].values()) == ["anchor", "engine", "engine", "reference"]
    assert page.get_by_role("button", name="Play Reference").count() == 1
    assert page.troubles == []


def test_a_test_of_several_comparisons_pools_their_votes_and_counts_them_per_input(store, open_room):
    for place in range(3):
        add_comparison(store, f"c{place}", seconds=0.3, input_name=f"Sentence {place} {HOSTILE}")
    page = open_room()
    several = page.get_by_role("button", name="Make one test of")
    assert several.is_disabled()
    for place in range(3):
        page.get_by_role("checkbox", name=f"Choose Text to speech · Sentence {place}").check()
    page.get_by_label("Votes per listener").select_option("10")
    page.get_by_role("button", name="Make one test of 3").click()
    page.wait_for_selector(".sc-listen-trial")
    seen = set()
    for place in range(1, 4):
        page.get_by_text(f"{place} of 3", exact=True).wait_for()
        assert not any(name in page.content() for name in NAMES.values())
        seen.add(page.locator(".sc-listen-input").inner_text())
        listen(page, 2)
        page.get_by_role("button", name="No difference").click()
    page.wait_for_selector(".sc-listen-forest")
    assert len(seen) == 3
    page.get_by_text("Not enough votes to rank: 3 of 20 per engine.").wait_for()
    page.get_by_text("Votes on each of 3 inputs").click()
    assert page.locator(".sc-listen-inputs dt").all_inner_texts() == ["1 vote"] * 3
    assert page.evaluate("window.__pwn") is None
    assert page.troubles == []
