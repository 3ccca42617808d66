"""SpeechT5 speaks with an x-vector and hears letter by letter; its checkpoints lie in the hub's cache as a download left them."""

import numpy as np
import pytest
import tiny
from tiny_speech import save_sentencepiece, speaker

from engine import weights
from engine.audio import Audio
from engine.contract import Text, Transcribe
from engine.tasks import TASKS
from engine.worker import Worker, WorkerError
from local_models import _xvector, speecht5

TTS, ASR = speecht5.ENGINES
LETTERS = "abcdefghijklmnopqrstuvwxyz ,.'"
SENTENCE = "good morning, quiet world."


def config(words):
    from transformers import SpeechT5Config

    return SpeechT5Config(
        vocab_size=words, hidden_size=16, encoder_layers=1, encoder_attention_heads=2, encoder_ffn_dim=16, decoder_layers=1,
        decoder_attention_heads=2, decoder_ffn_dim=16, speech_decoder_prenet_units=8, speech_decoder_postnet_units=8,
        conv_dim=[8] * 7, num_conv_pos_embeddings=16, num_conv_pos_embedding_groups=2, max_text_positions=450,
        bos_token_id=0, pad_token_id=1, eos_token_id=2, decoder_start_token_id=2,
    )  # fmt: skip


def xvector_weights(bands=24):
    import torch

    torch.manual_seed(3)
    state, channels = {}, bands
    for layer, (out, kernel) in enumerate(zip((512, 512, 512, 512, 1500), (5, 3, 3, 1, 1), strict=True)):
        state[f"blocks.{3 * layer}.conv.weight"] = torch.randn(out, channels, kernel) / (channels * kernel) ** 0.5
        state[f"blocks.{3 * layer}.conv.bias"] = torch.zeros(out)
        for name, fill in (("running_mean", 0.0), ("running_var", 1.0), ("weight", 1.0), ("bias", 0.0)):
            state[f"blocks.{3 * layer + 2}.norm.{name}"] = torch.full((out,), fill)
        channels = out
    return state | {"blocks.16.w.weight": torch.randn(512, 3000) / 3000**0.5, "blocks.16.w.bias": torch.zeros(512)}


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    import torch
    from transformers import (
        SpeechT5FeatureExtractor,
        SpeechT5ForSpeechToText,
        SpeechT5ForTextToSpeech,
        SpeechT5HifiGan,
        SpeechT5HifiGanConfig,
        SpeechT5Tokenizer,
    )

    root = tmp_path_factory.mktemp("speecht5")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_CACHE", str(root / "hub"))
        patch.setenv("SOUNDCHECK_HOME", str(root / "home"))
        torch.manual_seed(0)
        tokenizer = SpeechT5Tokenizer(str(save_sentencepiece(root / "spm_char.model", LETTERS)))
        talks = SpeechT5ForTextToSpeech(config(len(tokenizer)))
        hears = SpeechT5ForSpeechToText(config(len(tokenizer)))
        with torch.no_grad():  # whatever it hears, it writes the letter "o"
            last = hears.speecht5.decoder.wrapped_decoder.layers[-1].final_layer_norm
            last.weight.zero_()
            last.bias.fill_(1.0)
            hears.text_decoder_postnet.lm_head.weight.mul_(0.01)[tokenizer.convert_tokens_to_ids("o")] = 1.0
        for download, model in (
            (TTS.needs.downloads[0], talks),
            (ASR.needs.downloads[0], hears),
            (
                TTS.needs.downloads[1],
                SpeechT5HifiGan(SpeechT5HifiGanConfig(upsample_initial_channel=16, resblock_dilation_sizes=[[1]] * 3)),
            ),
        ):
            folder = root / download.source.rpartition("/")[2]
            model.save_pretrained(folder)
            tokenizer.save_pretrained(folder)
            SpeechT5FeatureExtractor().save_pretrained(folder)
            tiny.hub_snapshot(root / "hub", download.source, folder)
        # The published weights of the talker are a pickle.
        torch.save(talks.state_dict(), root / "speecht5_tts" / "pytorch_model.bin")
        (root / "speecht5_tts" / "model.safetensors").unlink()
        (root / "xvect").mkdir()
        torch.save(xvector_weights(), root / "xvect" / _xvector.FILE)
        tiny.hub_snapshot(root / "hub", TTS.needs.downloads[3].source, root / "xvect")
        vectors = weights._address_path(TTS.needs.downloads[2].source) / "spkrec-xvect"
        vectors.mkdir(parents=True)
        for number, (voice, utterance) in enumerate(speecht5.SPEAKERS.items()):
            vector = np.random.default_rng(number).normal(size=512).astype(np.float32)
            np.save(vectors / f"cmu_us_{voice}_arctic-wav-arctic_{utterance}.npy", vector)
        yield root


@pytest.fixture(scope="module")
def talker(cache):
    with speaker(TTS) as voice:
        yield voice


def test_it_speaks_in_the_voice_of_each_speaker(talker):
    slt, bdl = talker.sound(SENTENCE), talker.sound(SENTENCE, voice="BDL")
    assert slt.rate == 16_000
    assert slt.frames > 0
    assert slt.frames != bdl.frames or not np.array_equal(slt.samples, bdl.samples)
    assert np.array_equal(slt.samples, talker.sound(SENTENCE, voice="slt").samples)
    assert talker.facts(SENTENCE).sent["voice"] == "slt"


def test_a_reference_voice_becomes_an_x_vector(talker):
    low, high = tiny.tone(2.0, hz=110.0), tiny.tone(2.0, rate=44_100, hz=440.0, channels=2)
    assert talker.facts(SENTENCE, reference=low).sent == {
        "seed": 0, "passages": 1, "voice": "reference", "reference_s": 2.0
    }  # fmt: skip
    first, second = talker.sound(SENTENCE, reference=low), talker.sound(SENTENCE, reference=high)
    assert first.frames != second.frames or not np.array_equal(first.samples, second.samples)


def test_what_it_cannot_do_is_refused(talker):
    with pytest.raises(WorkerError, match="has no voice 'Anna'; it has slt, clb, bdl, rms, awb, jmk, ksp"):
        talker.pieces(SENTENCE, voice="Anna")
    with pytest.raises(WorkerError, match="takes a voice or a reference voice, not both"):
        talker.pieces(SENTENCE, voice="slt", reference=tiny.tone(2.0))
    with pytest.raises(WorkerError, match="needs a reference voice of at least 1 s that can be heard"):
        talker.pieces(SENTENCE, reference=Audio(np.zeros((1, 32_000)), 16_000))


def test_a_long_text_comes_in_passages(talker):
    sounds = [piece for piece in talker.pieces(" ".join([SENTENCE] * 20)) if isinstance(piece, Audio)]
    assert len(sounds) == 2


def test_it_hears_a_long_clip_window_by_window(cache):
    worker = Worker(ASR)
    worker.load()
    try:
        texts = [piece for piece in worker.run(Transcribe(tiny.tone(20.0)), 120.0) if isinstance(piece, Text)]
    finally:
        worker.close()
    assert [text.final for text in texts] == [False, False, True]
    assert set(texts[0].text) == {"o"}
    assert texts[1].text == texts[2].text == TASKS["asr"].join(texts).text == f"{texts[0].text} {texts[0].text}"


def test_an_x_vector_has_length_one_and_tells_speakers_apart():
    import torch

    state = xvector_weights()
    noise = [torch.randn(32_000, generator=torch.Generator().manual_seed(seed)) for seed in (1, 2)]
    tone = torch.from_numpy(tiny.tone(2.0).samples[0])
    one, other, different = (_xvector.xvector(samples, state)[0] for samples in (*noise, tone))
    assert float(one.norm()) == pytest.approx(1.0)
    assert float(one @ other) > float(one @ different)
