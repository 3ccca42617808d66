"""The listening deck: what the results bring into it, and in a real Chromium what is heard, down to the sample."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import gradio as gr
import numpy as np
import pytest
from browser import PHONE, served
from pydantic import ValidationError
from stub_engines import Scripted, Sounds, spec

from comparisons import sounds
from comparisons.faults import Fault
from comparisons.results import Cell
from comparisons.runner import Plan
from comparisons.settle import Taken, settle
from comparisons.sounds import loudness_lufs
from comparisons.store import Store
from engine.audio import Audio
from engine.contract import Facts, Separate, Stem, Synthesize
from engine.tasks import TASKS, Output
from ui.board import servable
from ui.deck import MOST_TRACKS, Deck, DeckState, deck_from_results, matched, residual
from ui.theme import THEME

RATE, SECONDS = 44_100, 3.0
EVIL = "<img src=x onerror=window.__pwn=1>"


def tone(level: float, seconds: float = 1.0, hertz: float = 220.0, rate: int = 16_000, channels: int = 1) -> Audio:
    wave = level * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)
    return Audio(np.tile(wave.astype(np.float32), (channels, 1)), rate)


def settled(store, task, request, name, output, repeat=1, where="local"):
    """A row as the runner makes one."""
    engine = Sounds if task == "separation" else Scripted
    made_by = spec(engine, name, task, where=where)
    taken = Taken(output=output, facts=Facts(), total_s=0.5, first_arrival_s=0.1, attempt_log=[{"attempt": 1}])
    return settle(Plan(task, request, (made_by,), "in"), "c", made_by, Cell(made_by.id, repeat), taken, store, "0" * 64)


def spoken(store, name, audio, **more):
    return settled(store, "tts", Synthesize("Hello."), name, Output(audio=audio), **more)


def separated(store, name, mix, stems, **more):
    output = Output(stems=tuple(Stem(called, audio) for called, audio in stems.items()))
    return settled(store, "separation", Separate(mix), name, output, **more)


@pytest.fixture
def store(tmp_path, monkeypatch):
    # A network's guess takes seconds and plays no part in a deck.
    monkeypatch.setattr(sounds, "predicted_mos", lambda audio: 3.0)
    with Store(tmp_path / "store", upkeep=False) as store:
        yield store


# ---------------------------------------------------------------- from results to tracks


def test_sounds_of_unlike_loudness_are_brought_to_one_and_none_clips(store):
    given = [tone(0.05), tone(0.9), tone(0.3)]
    results = [spoken(store, f"voice-{place}", sound) for place, sound in enumerate(given)]
    state = deck_from_results(results, store, None, TASKS["tts"])
    assert (state.mode, [track.role for track in state.tracks]) == ("switch", ["output"] * 3)
    assert state.comparison == results[0].row["comparison_id"]
    assert deck_from_results(results[:1], store, None, TASKS["tts"]).comparison == ""
    assert [track.key for track in state.tracks] == [f"stub/voice-{place}#1" for place in range(3)]
    for track, sound in zip(state.tracks, given, strict=True):
        assert loudness_lufs(sound) + track.gain_db == pytest.approx(state.target_lufs, abs=0.11)
        assert sound.peak * 10 ** (track.gain_db / 20) < 1
        assert Audio.decode(Path(track.file.path).read_bytes()).frames == sound.frames
        assert track.seconds == sound.seconds and max(track.peaks) == pytest.approx(sound.peak, abs=0.01)


def test_the_spoken_question_is_the_input_and_is_matched_too(store):
    results = [spoken(store, "voice", tone(0.1))]
    state = deck_from_results(results, store, tone(0.4, seconds=2), TASKS["audio_lm"])
    assert [(track.key, track.role, track.where) for track in state.tracks] == [
        ("input", "input", ""),
        ("stub/voice#1", "output", "local"),
    ]
    assert state.tracks[0].gain_db == pytest.approx(state.tracks[1].gain_db - 20 * math.log10(4), abs=0.2)


def test_a_sound_too_short_for_a_loudness_is_left_as_it_is(store):
    state = deck_from_results(
        [spoken(store, "blip", tone(0.5, 0.2)), spoken(store, "long", tone(0.5))], store, None, TASKS["tts"]
    )
    assert state.tracks[0].gain_db is None and state.tracks[1].gain_db is not None
    assert matched([(None, 0.5)]) == (None, [None])
    assert matched([(-30.0, 0.0)]) == (None, [None])


def test_each_engine_brings_its_stems_and_what_they_leave_of_the_mix(store):
    drums, voice = tone(0.3, hertz=110, channels=2), tone(0.2, hertz=550, channels=2)
    mix = Audio(drums.samples + voice.samples, drums.rate)
    lossy = Audio(voice.samples * np.float32(0.9), voice.rate)
    results = [
        separated(store, "exact", mix, {"drums": drums, "voice": voice}),
        separated(store, "lossy", mix, {"drums": drums, "voice": lossy}, where="cloud"),
    ]
    state = deck_from_results(results, store, mix, TASKS["separation"])
    assert state.mode == "mix" and state.target_lufs is None
    assert [(track.role, track.name, track.group, track.muted) for track in state.tracks] == [
        ("input", "Input", "", True),
        *[("stem", name, "stub/exact#1", False) for name in ("drums", "voice")],
        ("residual", "residual", "stub/exact#1", True),
        *[("stem", name, "stub/lossy#1", False) for name in ("drums", "voice")],
        ("residual", "residual", "stub/lossy#1", True),
    ]
    assert all(track.gain_db is None for track in state.tracks)
    for result, track in zip(results, (state.tracks[3], state.tracks[6]), strict=True):
        shown = f"{result.row['null_test_db']:.1f} dB".replace("-", "−")
        assert track.measures[0].value.removeprefix("≤ ") == shown
    left = Audio.decode(Path(state.tracks[6].file.path).read_bytes())
    assert np.allclose(left.samples, voice.samples * 0.1, atol=1e-6)


def test_stems_and_residual_sum_to_the_mix_and_a_repeating_stem_counts_once():
    drums, voice = tone(0.3, hertz=110), tone(0.2, hertz=550)
    mix = Audio(drums.samples + voice.samples + tone(0.01, hertz=990).samples, drums.rate)
    rest, level_db = residual({"drums": drums, "vocals": voice, "instrumental": drums}, mix)
    assert np.allclose(drums.samples + voice.samples + rest.samples, mix.samples, atol=1e-6)
    assert level_db == pytest.approx(10 * math.log10(0.01**2 / (0.3**2 + 0.2**2 + 0.01**2)), abs=0.1)
    assert residual({"all": mix}, mix)[1] == -120
    short, _ = residual({"all": mix.part(0, 0.5)}, mix)
    assert short.frames == mix.frames and not short.samples[:, :8_000].any() and short.samples[:, 8_000:].any()


def test_an_accompaniment_beside_other_stems_starts_muted(store):
    mix = tone(0.4)
    stems = {"vocals": tone(0.1), "drums": tone(0.1), "Instrumental": tone(0.2)}
    state = deck_from_results([separated(store, "a", mix, stems)], store, mix, TASKS["separation"])
    assert {track.name: track.muted for track in state.tracks if track.role == "stem"} == {
        "vocals": False,
        "drums": False,
        "Instrumental": True,
    }


def test_repeats_have_keys_and_names_of_their_own_and_failures_no_track(store):
    made_by = spec(Scripted, "voice", "tts")
    plan = Plan("tts", Synthesize("Hello."), (made_by,), "in")
    failed = settle(plan, "c", made_by, Cell(made_by.id, 3), Taken(fault=Fault("server", "no")), store, "0" * 64)
    results = [spoken(store, "voice", tone(0.1), repeat=1), spoken(store, "voice", tone(0.2), repeat=2), failed]
    state = deck_from_results(results, store, None, TASKS["tts"])
    assert [track.name for track in state.tracks] == ["Stub voice · 1", "Stub voice · 2"]
    assert len({track.key for track in state.tracks}) == 2
    assert deck_from_results([failed], store, tone(0.1), TASKS["tts"]).tracks == []


def test_an_input_that_cannot_be_in_the_deck_is_said_and_the_rest_stays(store, tmp_path):
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"not a sound")
    state = deck_from_results([spoken(store, "a", tone(0.1))], store, broken, TASKS["audio_lm"])
    assert len(state.tracks) == 1 and state.note.startswith("The input is not in the deck:")
    endless = Audio(np.zeros((1, 3_600), np.float32), 1)
    state = deck_from_results([spoken(store, "a", tone(0.1))], store, endless, TASKS["audio_lm"])
    assert len(state.tracks) == 1 and "60 minutes" in state.note


def test_more_sounds_than_a_person_can_hear_are_cut_and_that_is_said(store):
    one = spoken(store, "a", tone(0.1, 0.5))
    results = [replace(one, row={**one.row, "repeat": place}) for place in range(MOST_TRACKS + 2)]
    state = deck_from_results(results, store, None, TASKS["tts"])
    assert len(state.tracks) == MOST_TRACKS and f"first {MOST_TRACKS} of {MOST_TRACKS + 2}" in state.note


def test_what_a_browser_sends_as_a_deck_is_never_read_and_a_forged_state_is_refused():
    assert Deck().preprocess(DeckState(note="forged")) is None
    track = {"key": "a", "name": "a", "file": {"path": "a.wav"}, "seconds": 1}
    assert DeckState(tracks=[track]).tracks[0].gain_db is None
    for wrong in ({"seconds": math.nan}, {"seconds": -1}, {"gain_db": math.inf}, {"role": "other"}):
        with pytest.raises(ValidationError):
            DeckState(tracks=[track | wrong])


# ---------------------------------------------------------------- in the browser


def ramp(sign: float = 1.0, seconds: float = SECONDS) -> Audio:
    """A sound whose every sample says where it stands: from 0 at the start to 0.9 after SECONDS."""
    return Audio((sign * 0.9 / (SECONDS * RATE) * np.arange(round(seconds * RATE)))[None].astype(np.float32), RATE)


def kept(folder: Path, name: str, audio: Audio):
    path = folder / f"{name}.wav"
    path.write_bytes(audio.to_wav(floats=True))
    return servable(path, f"{name}.wav")


def a_track(folder: Path, key: str, audio: Audio, **fields) -> dict:
    known = {"key": key, "name": f"Engine {key}", "where": "local", "seconds": audio.seconds, "peaks": [0.2, 0.9, 0.5] * 40}
    return known | {"file": kept(folder, key, audio)} | fields


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """A page with a deck that switches, one that mixes, a text box, and a button that brings a hostile state."""
    folder = tmp_path_factory.mktemp("deck")
    figures = [{"label": "first audio", "value": "0.31 s"}]
    switch = {
        "tracks": [
            a_track(folder, "in", ramp(), role="input", name="Input", where=""),
            a_track(folder, "one", ramp(), measures=figures),
            a_track(folder, "two", ramp(), where="cloud", measures=figures),
            a_track(folder, "minus", ramp(-1), gain_db=-6.0),
            a_track(folder, "short", ramp(seconds=1.0)),
        ],
        "target_lufs": -16.0,
    }
    stems = [
        a_track(folder, f"{group}-{name}", audio, name=name, role=role, group=group, group_name=f"Engine {group}", muted=muted)
        for group in ("x", "y")
        for name, audio, role, muted in (
            ("drums", ramp(), "stem", False),
            ("voice", ramp(-0.5), "stem", False),
            ("residual", ramp(0.1), "residual", True),
        )
    ]
    mix = {"mode": "mix", "tracks": [a_track(folder, "mix", ramp(), role="input", name="Input", where="", muted=True), *stems]}
    broken = folder / "nothing.wav"
    broken.write_bytes(b"RIFF nothing")
    hostile = {
        "tracks": [
            a_track(folder, EVIL, ramp(seconds=0.5), name=EVIL, measures=[{"label": EVIL, "value": EVIL, "title": EVIL}]),
            a_track(folder, "broken", ramp(seconds=0.5)) | {"file": servable(broken)},
        ],
        "note": EVIL,
    }
    with gr.Blocks() as demo:
        gr.Textbox(label="Words")
        with gr.Tabs():
            with gr.Tab("Switch"):
                one = Deck(switch, elem_id="switch")
            with gr.Tab("Mix"):
                Deck(mix, elem_id="mix")
        gr.Button("Hostile").click(lambda: hostile, None, one, api_visibility="private")
    with served(demo, theme=THEME) as address:
        yield address


# In one go inside the page: between two calls from here a busy machine may let more than the window go by.
HEAR = """async (deck, { seconds, key, from_s }) => {
  const { probe, heard } = deck.deck;
  const until = async (condition) => { while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5)); };
  await until(() => probe().position_s >= from_s || !probe().playing);
  const before = probe();
  if (key) document.dispatchEvent(new KeyboardEvent('keydown', { key }));
  await until(() => probe().time >= before.time + seconds);
  return { before, after: probe(), samples: Array.from(heard()) };
}"""


class Hand:
    """A deck on a page, as a person and as the test hooks see it."""

    def __init__(self, page, tab="switch"):
        self.page, self.deck = page, page.locator(f"#{tab} .sc-deck")
        if tab == "mix":
            page.get_by_role("tab", name="Mix").click()
        self.deck.wait_for()

    def probe(self):
        return self.deck.evaluate("deck => deck.deck.probe()")

    def track(self, key):
        return next(track for track in self.probe()["tracks"] if track["key"] == key)

    def heard(self):
        return np.array(self.deck.evaluate("deck => Array.from(deck.deck.heard())"))

    def hear(self, seconds, key=None, from_s=0.0):
        """Press a key at `from_s`, let `seconds` of the deck's clock go by: probes before and after, and what was heard."""
        heard = self.deck.evaluate(HEAR, {"seconds": seconds, "key": key, "from_s": from_s})
        return heard["before"], heard["after"], np.array(heard["samples"])

    def rehearse(self, **script):
        return np.array(self.deck.evaluate("(deck, script) => deck.deck.rehearse(script).then(Array.from)", script))

    def until(self, condition):
        self.page.wait_for_function(
            f"deck => {{ const now = deck.deck.probe(); return {condition}; }}", arg=self.deck.element_handle()
        )

    def play(self):
        self.deck.get_by_role("button", name="Play", exact=True).click()
        self.until("now.playing && now.tracks.every((track) => track.loaded)")

    def press(self, *keys):
        for key in keys:
            self.page.keyboard.press(key)

    def levels(self):
        """Which tracks are heard once the ramps are over."""
        self.page.wait_for_timeout(120)
        return {track["key"] for track in self.probe()["tracks"] if track["gain"] and track["gain"] > 1e-4}


@pytest.fixture
def switch(open_page, address):
    return Hand(open_page(address))


@pytest.fixture
def mix(open_page, address):
    return Hand(open_page(address), "mix")


STEP = 0.9 / (SECONDS * RATE)


def test_nothing_is_fetched_and_no_sound_is_opened_before_play(open_page, address):
    page = open_page(address)
    fetched = []
    page.on("request", lambda request: ".wav" in request.url and fetched.append(request.url))
    hand = Hand(page)
    hand.press("2", "ArrowRight", "[")
    hand.deck.get_by_role("switch", name="spectrogram").click()
    page.wait_for_timeout(200)
    assert fetched == [] and hand.probe()["rate"] is None
    assert "press play" in hand.deck.locator(".sc-wait:visible").first.inner_text()
    hand.play()
    assert len(fetched) == 5 and page.troubles == page.outside == []


def test_switching_engines_while_playing_leaves_no_gap_no_click_and_no_shift(switch):
    switch.play()
    before, after, samples = switch.hear(0.3, "2", from_s=0.9)
    assert (before["current"], after["current"]) == ("one", "two")
    rate = after["rate"]
    stood, moved = (next(track["sample"] for track in now["tracks"] if track["key"] == now["current"]) for now in (before, after))
    assert abs((moved - stood) / rate - (after["time"] - before["time"])) < 0.010
    assert len({track["sample"] for track in after["tracks"]}) == 1
    # Both tracks hold the same straight line: whatever the switch did to it would show as a step other than the line's own.
    steps = np.diff(samples) * rate / RATE
    assert np.abs(steps - STEP).max() < STEP * 6


def test_a_sound_that_arrives_late_joins_in_step_while_the_others_play_on_unbroken(open_page, address):
    page, held = open_page(address), []

    def hold(route):
        held.append(route)

    page.route("**/minus.wav", hold)
    hand = Hand(page)
    hand.deck.get_by_role("button", name="Play", exact=True).click()
    hand.until("now.position_s > 0.5")
    assert not hand.track("minus")["loaded"] and hand.track("minus")["sample"] is None
    held[0].continue_()
    hand.until("now.tracks.every((track) => track.loaded)")
    _, now, samples = hand.hear(0.2, from_s=0.9)
    assert len({track["sample"] for track in now["tracks"]}) == 1
    # On a busy machine the sound may have come to its end meanwhile: the line rises until then.
    steps = np.diff(samples[: samples.argmax() + 1]) * now["rate"] / RATE
    assert len(steps) > 5_000 and np.abs(steps - STEP).max() < STEP * 6


def test_a_sound_that_cannot_be_fetched_says_so_and_the_next_play_tries_again(open_page, address):
    page = open_page(address)
    page.route("**/two.wav", lambda route: route.abort())
    hand = Hand(page)
    hand.deck.get_by_role("button", name="Play", exact=True).click()
    row = hand.deck.locator("[data-key='two']")
    row.locator(".sc-bad").wait_for()
    assert "could not be loaded" in row.inner_text()
    hand.until("now.playing")
    hand.press(" ")
    page.unroute("**/two.wav")
    hand.play()
    assert row.locator(".sc-bad").count() == 0


def test_switching_to_another_sound_crosses_over_within_ten_milliseconds(switch):
    switch.play()
    switch.deck.get_by_role("switch", name="same loudness").click()
    _, now, samples = switch.hear(0.3, "3", from_s=0.9)
    rate = now["rate"]
    slope = STEP * RATE / rate
    rising = np.flatnonzero(np.abs(np.diff(samples) - slope) < slope / 4)
    falling = np.flatnonzero(np.abs(np.diff(samples) + slope) < slope / 4)
    assert len(rising) > 1_000 and len(falling) > 1_000
    assert 0 < (falling[0] - rising[rising < falling[0]][-1]) / rate <= 0.010
    # The line that falls is the mirror of the one that rose, at the very same sample.
    expected = -samples[rising[0]] - slope * (falling[-1] - rising[0])
    assert samples[falling[-1]] == pytest.approx(expected, abs=slope * 2)


def test_the_same_schedule_rendered_offline_is_the_sound_itself_to_the_last_bit_that_matters(switch):
    switch.play()
    rate = switch.probe()["rate"]
    plain = switch.rehearse(seconds=1, from_s=0.5, first="one")
    moved = switch.rehearse(seconds=1, from_s=0.5, first="one", moves=[{"at_s": 0.4, "key": "two"}, {"at_s": 0.403, "key": "in"}])
    expected = STEP * RATE * (0.5 + np.arange(len(plain)) / rate)
    assert np.abs(plain - expected)[round(0.01 * rate) :].max() < 1e-4
    assert np.abs(moved - plain).max() < 1e-6
    swapped = switch.rehearse(seconds=1, from_s=0.5, first="one", moves=[{"at_s": 0.4, "key": "minus"}])
    assert np.abs(np.diff(swapped))[round(0.02 * rate) :].max() < 2.2 * 0.7 / (0.008 * rate)


def test_a_loop_goes_round_in_every_track_at_once_also_in_one_that_ends_before_it(switch):
    switch.play()
    rate = switch.probe()["rate"]
    loop = {"start": 0.8, "end": 1.3}
    once = switch.rehearse(seconds=2, from_s=0.8, loop=loop, first="one")
    period = round(0.5 * rate)
    at = np.arange(round(0.02 * rate), period - round(0.02 * rate))
    for turn in range(1, 3):
        assert np.abs(once[at + turn * period] - once[at]).max() < 1e-4
    assert np.abs(np.diff(once)).max() < 0.4 / (0.004 * rate)
    short = switch.rehearse(seconds=2, from_s=0.8, loop=loop, first="short")
    sounding = np.abs(short[at]) > 0.01
    assert sounding.any() and not sounding.all()
    assert np.abs(short[at + 2 * period] - short[at]).max() < 1e-4


def test_brackets_set_a_loop_the_sound_stays_inside_and_escape_clears_it(switch):
    switch.press("ArrowRight", "[")
    assert switch.probe()["loop"] == {"start": 1, "end": 3}
    switch.page.locator("#switch .sc-time").press("End")
    switch.page.locator("#switch .sc-time").press("ArrowLeft")
    switch.page.locator("#switch .sc-time").press("Home")
    switch.press("ArrowRight")
    switch.deck.evaluate("deck => deck.querySelector('.sc-time').blur()")
    switch.press("ArrowRight", "]", "ArrowLeft")
    assert switch.probe()["loop"] == {"start": 1, "end": 2}
    assert switch.deck.locator(".sc-loop-chip").inner_text() == "loop 1.00–2.00 s ×"
    switch.play()
    began = switch.probe()["time"]
    switch.until(f"now.time > {began + 1.6}")
    for _ in range(5):
        now = switch.probe()
        assert 1 <= now["position_s"] < 2.001 and len({track["sample"] for track in now["tracks"]}) == 1
    rate, samples = now["rate"], switch.heard()
    assert samples.max() <= 2 * STEP * RATE + 1e-3 and np.abs(np.diff(samples)).max() < 0.7 / (0.004 * rate)
    switch.press("Escape")
    assert switch.probe()["loop"] is None and not switch.deck.locator(".sc-loop-chip").is_visible()


def test_a_drag_on_a_waveform_marks_the_loop_its_edge_can_be_moved_and_a_press_seeks(switch):
    lane = switch.deck.locator("[data-key='two'] .sc-lane")
    box = lane.bounding_box()
    mouse, middle = switch.page.mouse, box["y"] + box["height"] / 2

    def drag(start, end):
        mouse.move(box["x"] + start * box["width"], middle)
        mouse.down()
        mouse.move(box["x"] + (start + end) / 2 * box["width"], middle)
        mouse.move(box["x"] + end * box["width"], middle)
        mouse.up()

    drag(0.2, 0.5)
    assert lane.bounding_box() == box
    assert switch.probe()["loop"] == pytest.approx({"start": 0.6, "end": 1.5}, abs=0.02)
    drag(0.5, 0.8)
    assert switch.probe()["loop"] == pytest.approx({"start": 0.6, "end": 2.4}, abs=0.02)
    drag(0.8, 0.999)
    assert switch.probe()["loop"]["end"] == 3
    mouse.click(box["x"] + 0.4 * box["width"], middle)
    assert switch.probe()["position_s"] == pytest.approx(1.2, abs=0.02) and switch.probe()["current"] == "two"
    switch.deck.get_by_role("button", name="Clear the loop").click()
    assert switch.probe()["loop"] is None


def test_keys_switch_seek_and_play_but_not_while_someone_types(switch):
    switch.page.get_by_label("Words").focus()
    switch.press("3", " ", "ArrowRight", "[")
    now = switch.probe()
    assert (now["current"], now["rate"], now["position_s"], now["loop"]) == ("one", None, 0, None)
    switch.page.get_by_label("Words").blur()
    switch.press("3")
    assert switch.probe()["current"] == "minus"
    switch.press("0")
    assert switch.probe()["current"] == "in"
    switch.press("ArrowRight", "ArrowRight", "ArrowLeft")
    assert switch.probe()["position_s"] == 1
    switch.press(" ")
    switch.until("now.playing")
    switch.press(" ")
    assert not switch.probe()["playing"] and switch.probe()["position_s"] >= 1
    switch.page.get_by_role("tab", name="Mix").click()
    switch.press("2")
    assert switch.probe()["current"] == "in"


def test_the_rows_are_a_radio_group_that_says_what_is_heard(switch):
    switch.deck.get_by_role("radio", name="1: Engine one, local").focus()
    switch.press("ArrowDown")
    chosen = switch.deck.get_by_role("radio", checked=True)
    assert chosen.get_attribute("aria-label") == "2: Engine two, cloud"
    assert switch.page.evaluate("document.activeElement.getAttribute('aria-label')") == "2: Engine two, cloud"
    assert switch.deck.locator("[aria-live=polite]").inner_text() == "Engine two"
    assert switch.deck.locator(".sc-key[tabindex='0']").count() == 1
    slider = switch.deck.get_by_role("slider", name="Position")
    slider.press("ArrowRight")
    assert slider.get_attribute("aria-valuetext") == "1.0 of 3.0 seconds"


def test_T13_the_gain_is_applied_while_loudness_is_matched_and_the_download_is_the_original(switch):
    switch.press("[")
    switch.play()
    switch.press("3")
    assert switch.levels() == {"minus"}
    assert switch.track("minus")["gain"] == pytest.approx(10 ** (-6 / 20), abs=1e-3)
    row = switch.deck.locator("[data-key='minus']")
    assert "gain −6.0 dB" in row.inner_text()
    switch.deck.get_by_role("switch", name="same loudness, −16 LUFS").click()
    switch.page.wait_for_timeout(120)
    assert switch.track("minus")["gain"] == 1 and "gain" not in row.inner_text()
    with switch.page.expect_download() as download:
        row.get_by_role("link", name="Download Engine minus").click()
    assert Path(download.value.path()).read_bytes() == ramp(-1).to_wav(floats=True)


def test_the_volume_is_a_fader_and_the_other_deck_remembers_it(switch):
    switch.press("[")
    switch.play()
    switch.deck.get_by_role("slider", name="volume").fill("50")
    switch.page.wait_for_timeout(120)
    assert switch.probe()["volume"] == pytest.approx(0.25, abs=1e-3)
    other = Hand(switch.page, "mix")
    assert other.deck.get_by_role("slider", name="volume").input_value() == "50"
    other.play()
    assert other.probe()["volume"] == pytest.approx(0.25, abs=1e-3)
    assert not switch.probe()["playing"]


def test_the_volume_outlives_the_page_and_a_damaged_memory_of_it_is_the_full_volume(switch):
    switch.deck.get_by_role("slider", name="volume").fill("30")
    for kept, shown in ((None, "30"), ("loud", "100"), ("900", "100")):
        if kept:
            switch.page.evaluate(f"localStorage.setItem('soundcheck-volume', '{kept}')")
        switch.page.reload()
        switch.deck.wait_for()
        assert switch.deck.get_by_role("slider", name="volume").input_value() == shown


def test_blind_listening_hides_every_name_until_they_are_asked_for(switch):
    switch.deck.get_by_role("switch", name="blind").click()
    names = switch.deck.locator(".sc-who b").all_inner_texts()
    assert names == ["Input", "A", "B", "C", "D"]
    html = switch.deck.evaluate("deck => deck.outerHTML")
    for secret in ("Engine", '"one"', '"two"', "minus", "short", "cloud", "local", "0.31", "two.wav", "gain "):
        assert secret not in html, secret
    order = [track["key"] for track in switch.probe()["tracks"]]
    switch.press("2")
    assert switch.deck.locator("[aria-live=polite]").inner_text() == "B" and switch.probe()["current"] == order[2]
    switch.deck.get_by_role("button", name="show names").click()
    shown = switch.deck.locator(".sc-who b").all_inner_texts()
    assert shown == ["Input", *[f"{letter} · Engine {key}" for letter, key in zip("ABCD", order[1:], strict=True)]]
    switch.deck.get_by_role("switch", name="blind").click()
    assert [track["key"] for track in switch.probe()["tracks"]] == ["in", "one", "two", "minus", "short"]


def test_the_order_of_blind_listening_is_drawn_anew_each_time(switch):
    seen = set()
    for _ in range(12):
        switch.deck.get_by_role("switch", name="blind").click()
        seen.add(tuple(track["key"] for track in switch.probe()["tracks"]))
        switch.deck.get_by_role("switch", name="blind").click()
    assert len(seen) > 2


def test_stems_sound_together_and_mute_and_solo_say_which(mix):
    mix.press("[")
    mix.play()
    assert mix.levels() == {"x-drums", "x-voice"}
    _, now, heard = mix.hear(0.2, from_s=0.5)
    assert np.abs(np.median(np.diff(heard)) * now["rate"] / RATE - STEP / 2) < STEP / 4
    mix.deck.get_by_role("button", name="Mute drums").click()
    assert mix.levels() == {"x-voice"}
    mix.press("m")
    assert mix.levels() == {"x-drums", "x-voice"}
    mix.deck.get_by_role("button", name="Solo residual").focus()
    mix.press("s")
    assert mix.levels() == {"x-residual"}
    mix.press("s", "2")
    assert mix.levels() == {"x-voice"}
    mix.press("0")
    assert mix.levels() == {"mix"}
    mix.press("0")
    assert mix.levels() == {"x-drums", "x-voice"}
    assert len({track["sample"] for track in mix.probe()["tracks"]}) == 1


def test_another_engines_stems_come_in_where_the_first_ones_stood_and_solo_stays(mix):
    mix.press("[")
    mix.play()
    mix.press("2")
    stood = mix.probe()
    mix.deck.get_by_role("radio", name="Engine y").click()
    mix.until("now.playing && now.tracks.every((track) => track.loaded)")
    assert mix.probe()["group"] == "y" and mix.levels() == {"y-voice"}
    now = mix.probe()
    assert (now["position_s"] - stood["position_s"]) % SECONDS <= now["time"] - stood["time"] + 0.05
    mix.deck.get_by_role("radio", name="Engine y").press("ArrowLeft")
    assert mix.probe()["group"] == "x" and mix.probe()["playing"] and mix.levels() == {"x-voice"}
    mix.deck.get_by_role("switch", name="blind").click()
    assert mix.deck.get_by_role("radio").all_inner_texts() == ["A", "B"]
    assert "Engine" not in mix.deck.inner_text()


def test_a_deck_and_any_other_player_of_the_page_stop_each_other(switch):
    switch.play()
    switch.page.evaluate("document.dispatchEvent(new CustomEvent('soundcheck:play', { detail: document.body }))")
    assert not switch.probe()["playing"]
    switch.page.evaluate("window.__told = 0; document.addEventListener('soundcheck:play', () => { window.__told += 1; })")
    switch.play()
    assert switch.page.evaluate("window.__told") == 1


def test_the_end_stops_the_deck_and_play_begins_again(switch):
    switch.press("ArrowRight", "ArrowRight")
    switch.deck.get_by_role("button", name="Play", exact=True).click()
    switch.until(f"!now.playing && now.position_s > {SECONDS - 0.01}")
    switch.deck.get_by_role("button", name="Play", exact=True).click()
    switch.until(f"now.playing && now.position_s < {SECONDS / 2}")


def test_a_spectrogram_is_computed_here_from_what_was_loaded(switch):
    switch.play()
    switch.press(" ")
    switch.deck.get_by_role("switch", name="spectrogram").click()
    canvas = switch.deck.locator("[data-key='short'] canvas")
    canvas.wait_for()
    assert canvas.bounding_box()["width"] == pytest.approx(
        switch.deck.locator("[data-key='short'] .sc-lane").bounding_box()["width"] / 3, abs=2
    )
    read = "canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.buffer"
    colours = canvas.evaluate(f"canvas => new Set(new Uint32Array({read})).size")
    assert colours > 5


def test_hostile_names_stay_text_and_a_sound_that_cannot_be_decoded_is_said_on_its_row(switch):
    switch.page.get_by_role("button", name="Hostile").click()
    switch.deck.locator(".sc-who b", has_text="<img").wait_for()
    assert switch.page.evaluate("window.__pwn") is None and switch.deck.locator("img").count() == 0
    switch.deck.get_by_role("button", name="Play", exact=True).click()
    trouble = switch.deck.locator(".sc-bad")
    trouble.wait_for()
    assert trouble.inner_text() == "This sound could not be decoded here; download it instead."
    switch.until("now.tracks[0].loaded")
    assert switch.page.troubles == []


@pytest.mark.parametrize(("tab", "dark"), [("switch", False), ("mix", True)])
def test_a_phone_shows_the_deck_without_sideways_scrolling(open_page, address, tab, dark):
    hand = Hand(open_page(address, **PHONE, dark=dark), tab)
    assert hand.page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    frame = hand.deck.bounding_box()
    for node in hand.deck.locator("button:visible, .sc-lane:visible, dd:visible").all():
        box = node.bounding_box()
        assert box["x"] >= frame["x"] - 1 and box["x"] + box["width"] <= frame["x"] + frame["width"] + 1
