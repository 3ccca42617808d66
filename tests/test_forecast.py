"""What a tab says beside Run before it is pressed is what Run would do."""

import numpy as np
import pytest

from engine.audio import Audio
from engine.contract import EngineError
from engine.tasks import TASKS
from ui.desk import why
from ui.keys import vendors
from ui.plan import Look, Page, forecast, look, plan_of

HOW = {"repeats": 1, "timeout_s": 120, "use_cache": True, "machine_usd_per_hour": "", "spend_cap_usd": ""}
PICKED = {"picker": {"selected": ["pocketsphinx/en-us"]}}


def asked(task="asr", **state):
    """Task, page and values as an event of its tab brings them."""
    state = {"source": None, **HOW, **PICKED, **state}
    return TASKS[task], Page(tuple(state), len(vendors())), [*state.values(), *[""] * len(vendors())]


@pytest.fixture
def sound(tmp_path):
    path = tmp_path / "tone.wav"
    path.write_bytes(Audio(np.sin(np.arange(16_000) / 20)[None].astype(np.float32), 16_000).to_wav())
    return str(path)


def said(*event):
    will = forecast(*event, look(*event))
    return will if isinstance(will, str) else f"{will['tone']}: {will['text']}"


def test_a_good_setting_forecasts_the_run(sound):
    assert said(*asked(source=sound)) == "1 local. Stops at 120 s each."
    assert said(*asked(source=sound, timeout_s=7)) == "1 local. Stops at 7 s each."


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ({"timeout_s": 5_000}, "The deadline must be from 1 to 900."),
        ({"repeats": -3}, "Repeats must be from 1 to 20."),
        ({"machine_usd_per_hour": "cheap"}, "The machine's price must be from 0 to 10000."),
        ({"spend_cap_usd": "-1"}, "The spend cap must be from 0 to 10000."),
        ({"language": "x" * 30}, "the language has 30 characters: at most 12 are accepted"),
    ],
)
def test_what_run_would_refuse_stands_beside_run_already(sound, setting, sentence):
    event = asked(source=sound, **setting)
    with pytest.raises(EngineError) as refused:
        plan_of(*event, None)
    assert said(*event) == f"bad: {why(refused.value)}"
    assert sentence in said(*event)


def test_an_input_that_cannot_be_used_is_said_at_the_input_alone(tmp_path):
    path = tmp_path / "words.wav"
    path.write_text("only words")
    event = asked(source=str(path))
    assert look(*event).said["tone"] == "bad"
    assert look(*event).refused == ""
    assert said(*event) == "1 local. Stops at 120 s each."


def test_an_empty_input_is_no_fault():
    assert look(*asked()) == Look()


def test_a_text_that_is_too_long_is_said_at_the_input():
    seen = look(*asked("tts", source="word " * 2_000, picker={"selected": ["espeak/en"]}))
    assert seen.said["tone"] == "bad"
    assert seen.request is None
