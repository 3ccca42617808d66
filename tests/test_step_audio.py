"""Step-Audio 2 without its network, whose code comes with the weights: what the network is given, as in StepFun's example."""

from types import SimpleNamespace

import numpy as np
import pytest
import tiny
import torch

from engine import environment
from engine.contract import NotReady
from engine.worker import Worker
from local_models import step_audio

SPEC = step_audio.ENGINES[0]


def test_the_environment_is_locked_by_hash_and_the_spec_says_what_it_asks_and_that_it_never_ran():
    lock = environment.lock_of(SPEC).read_text()
    assert "\ntransformers==4.49.0" in lock and "--hash=sha256:" in lock and "://" not in lock
    assert (SPEC.tested, SPEC.remote_code) == ("", True)


def test_before_its_environment_is_built_it_says_how_to_build_it():
    with pytest.raises(NotReady, match=r"run `python -m comparisons prepare step_audio/2-mini`"):
        Worker(SPEC).load()


def test_a_second_of_sound_takes_twelve_places_and_whispers_scale():
    """12.5 places a second, the rate that StepFun states; four decades of level around the loudest band."""
    mel = step_audio.log_mel(tiny.tone(1.0).samples[0])
    assert mel.shape == (128, (16_000 + 479) // 160)
    assert step_audio.patches(mel.shape[1]) == pytest.approx(12.5, abs=0.5)
    assert mel.max() - mel.min() == pytest.approx(2.0, abs=1e-3)
    assert np.isfinite(step_audio.log_mel(np.zeros(1_600, np.float32))).all()


class Letters:
    """Stands for the tokenizer: remembers what it was given, and takes a token for each character."""

    pad_token_id = 0

    def __call__(self, text, return_tensors):
        self.text = text
        return SimpleNamespace(input_ids=torch.zeros(1, len(text), dtype=torch.int64))

    def decode(self, ids, skip_special_tokens):
        return "".join(map(chr, ids))


def test_a_long_sound_is_given_in_windows_of_25_seconds_in_one_turn():
    engine = step_audio.StepAudio2(SPEC)
    engine.tokenizer, engine.device = Letters(), "cpu"
    engine.model = SimpleNamespace(dtype=torch.float32)
    given = engine.inputs(tiny.tone(75.05).samples[0], "Who speaks?")
    said = engine.tokenizer.text
    assert said.startswith("<|BOT|>system\n") and said.endswith("<audio_end>Who speaks?<|EOT|><|BOT|>assistant\n")
    assert said.count("<audio_start>") == said.count("<audio_end>") == 3
    assert given["wavs"].shape[:2] == (3, 128)
    assert said.count("<audio_patch>") == sum(step_audio.patches(int(length) + 2) for length in given["wav_lens"])


def test_pieces_of_sound_among_the_tokens_are_no_text():
    engine = step_audio.StepAudio2(SPEC)
    engine.tokenizer = Letters()
    assert engine.text_of([72, 105, 151_700, 33]) == "Hi!"
