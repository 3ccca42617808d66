"""Kokoro in its authors' package speaks a small random model: from text by eSpeak NG's phonemes to sound at 24 kHz."""

import json

import numpy as np
import pytest
from built import built

from engine.contract import Synthesize
from engine.worker import WorkerError
from local_models import kokoro

SENTENCE = "Good morning, quiet world."
PHONEMES = ' ,.;:!?—…"“”()abcdefghijklmnopqrstuvwxyzAIOQWYʤʧʣʦᵊɡɔɹŋɪəʊˈˌːɜʌɐʔθðʃʒæɑɛɾTɨɕʨʥʈʂʐɻɤyøœɥ→↗↓↘ʰ'


def saved(folder):
    import torch

    config = {
        "vocab": {mark: number for number, mark in enumerate(dict.fromkeys(PHONEMES), 1)}, "n_token": 128, "hidden_dim": 512,
        "style_dim": 128, "n_layer": 1, "max_dur": 4, "dropout": 0.0, "text_encoder_kernel_size": 5, "n_mels": 80,
        "plbert": {"hidden_size": 16, "num_attention_heads": 2, "intermediate_size": 16, "max_position_embeddings": 512,
                   "num_hidden_layers": 1, "dropout": 0.0},
        "istftnet": {"upsample_kernel_sizes": [20, 12], "upsample_rates": [10, 6], "gen_istft_hop_size": 5, "gen_istft_n_fft": 20,
                     "resblock_dilation_sizes": [[1, 3, 5]], "resblock_kernel_sizes": [3], "upsample_initial_channel": 512},
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config))
    torch.save({}, folder / "kokoro-tiny.pth")
    (folder / "voices").mkdir()
    torch.manual_seed(1)
    for name in ("af_heart", "am_adam", "bf_emma", "ff_siwis", "zf_xiaoni"):
        torch.save(0.3 * torch.randn(510, 1, 256), folder / "voices" / f"{name}.pt")
    return str(folder)


@pytest.fixture(scope="module")
def voice(tmp_path_factory):
    with built(kokoro.own(saved(tmp_path_factory.mktemp("kokoro")))) as speaker:
        yield speaker


@pytest.mark.isolated
def test_the_same_text_is_said_the_same_way_again_and_another_voice_differently(voice):
    first, again = voice.sound(SENTENCE, voice="af_heart"), voice.sound(SENTENCE, voice="AF_HEART")
    assert (first.rate, first.channels) == (24_000, 1)
    assert np.array_equal(first.samples, again.samples)
    other = voice.sound(SENTENCE, voice="am_adam")
    assert other.frames != first.frames or not np.allclose(other.samples, first.samples)


@pytest.mark.isolated
def test_half_the_speed_lasts_longer(voice):
    assert voice.sound(SENTENCE, speed=0.5).frames > voice.sound(SENTENCE).frames


@pytest.mark.isolated
@pytest.mark.parametrize(
    ("language", "text", "chosen", "spelled"),
    [
        (None, SENTENCE, "af_heart", "en-us"),
        ("en-GB", SENTENCE, "bf_emma", "en-gb"),
        ("fr", "Bonjour le monde.", "ff_siwis", "fr-fr"),
        ("zh", "你好，世界。", "zf_xiaoni", "zh"),
    ],
)
def test_a_language_chooses_its_voice_and_its_speller(voice, language, text, chosen, spelled):
    facts = voice.facts(text, language=language)
    assert (facts.sent["voice"], facts.sent["language"]) == (chosen, spelled)


@pytest.mark.isolated
def test_a_chapter_comes_in_passages_and_a_word_without_end_is_said(voice):
    pieces = list(voice.worker.run(Synthesize(" ".join([SENTENCE] * 30)), 120.0))
    assert sum(type(piece).__name__ == "Audio" for piece in pieces) == 5
    assert voice.sound("a" * 900).frames > 0


@pytest.mark.isolated
def test_what_it_cannot_speak_is_refused(voice):
    with pytest.raises(WorkerError, match="does not speak 'ja'"):
        voice.sound(SENTENCE, language="ja")
    with pytest.raises(WorkerError, match="has no voice 'nobody'"):
        voice.sound(SENTENCE, voice="nobody")
    with pytest.raises(WorkerError, match="found nothing in this text"):
        voice.sound("...")


@pytest.mark.isolated
def test_a_folder_without_voices_is_refused(tmp_path):
    with pytest.raises(WorkerError, match="lacks config.json"), built(kokoro.own(str(tmp_path))):
        pass
