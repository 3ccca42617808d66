"""MusicGen goes from a checkpoint folder through from_pretrained to sound, in chunks that equal the library's own decoding."""

import numpy as np
import pytest
import tiny_music
from tiny import tone

from engine.audio import Audio
from engine.contract import BadInput, Compose, Facts, Unsupported
from engine.worker import Worker, WorkerError
from local_models import musicgen


def loaded(folder):
    engine = musicgen.MusicGen(musicgen.own(str(folder)))
    engine.load()
    return engine


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_music.musicgen(tmp_path_factory.mktemp("mono"))


@pytest.fixture(scope="module")
def engine(folder):
    return loaded(folder)


@pytest.fixture(scope="module")
def stereo(tmp_path_factory):
    return loaded(tiny_music.musicgen(tmp_path_factory.mktemp("stereo"), stereo=True))


@pytest.fixture(scope="module")
def follower(tmp_path_factory):
    return loaded(tiny_music.musicgen(tmp_path_factory.mktemp("melody"), melody=True))


def chunks(engine, prompt="a slow piano", **how):
    pieces = engine.run(Compose(prompt, **({"duration_s": 1.0, "seed": 3} | how)), 60.0)
    return [piece for piece in pieces if isinstance(piece, Audio)]


def composed(engine, prompt="a slow piano", **how):
    return Audio.join(chunks(engine, prompt, **how))


def whole(engine, seconds, prompt="a slow piano"):
    """What the library gives when it decodes at the end."""
    import torch

    torch.manual_seed(3)
    inputs = engine.tokenizer([prompt], return_tensors="pt")
    steps = round(seconds * 50) + 3
    return engine.model.generate(**inputs, **musicgen.SAMPLING, max_new_tokens=steps)[0].numpy()


@pytest.mark.parametrize("kind", ["engine", "stereo", "follower"])
def test_chunks_come_early_and_join_to_what_the_library_decodes_at_the_end(kind, request, monkeypatch):
    monkeypatch.setattr(musicgen, "CHUNK_S", 1)
    engine = request.getfixturevalue(kind)
    parts = chunks(engine, duration_s=2.4)
    sound, expected = Audio.join(parts), whole(engine, 2.4)
    assert len(parts) == 3 and parts[0].seconds < 1
    assert (sound.rate, sound.seconds, sound.channels) == (32_000, 2.4, 2 if kind == "stereo" else 1)
    assert expected.std() > 0.01 and np.allclose(sound.samples, expected, atol=1e-5)


def test_beyond_its_window_each_window_goes_on_from_the_end_of_the_one_before(engine, monkeypatch):
    monkeypatch.setattr(musicgen, "WINDOW_S", 2)
    monkeypatch.setattr(musicgen, "CONTEXT_S", 1)
    prompts = []
    generate = engine.model.generate
    monkeypatch.setattr(engine.model, "generate", lambda **how: (prompts.append(how), generate(**how))[1])
    sound = composed(engine, duration_s=3.5)
    assert sound.seconds == 3.5
    # 2 s, then 1 s after 1 s of context, then 0.5 s after 1 s of context.
    assert [how["max_new_tokens"] - 3 for how in prompts] == [100, 50, 25]
    assert [how["decoder_input_ids"].shape for how in prompts[1:]] == [(4, 50), (4, 50)]
    # The first window is not changed by what follows it, but for the decoder's look ahead.
    assert np.allclose(sound.samples[:, :60_000], composed(engine, duration_s=2).samples[:, :60_000], atol=1e-5)


def test_a_melody_is_followed_by_the_checkpoints_that_can_and_refused_by_the_others(follower, engine):
    low, high, none = (composed(follower, melody=melody).samples for melody in (tone(2), tone(2, hz=300), None))
    assert not np.allclose(low, high) and not np.allclose(low, none)
    assert np.array_equal(low, composed(follower, melody=tone(2)).samples)
    with pytest.raises(Unsupported, match="cannot follow a melody"):
        composed(engine, melody=tone(2))


def test_the_melody_becomes_its_strongest_pitch_class_every_128_ms(follower):
    chroma = follower._chroma(tone(2, hz=440.0).stereo())[0].numpy()
    assert chroma.shape == (2 * 32_000 // 4_096 + 1, 12) and (chroma.sum(axis=1) == 1).all()
    assert set(chroma.argmax(axis=1)) == {9}  # A, counted from C


def test_in_a_worker_the_same_seed_gives_the_same_samples_and_a_seed_nobody_chose_is_told(folder):
    worker = Worker(musicgen.own(str(folder)))
    worker.load()
    try:
        first, again, other = (composed(worker, seed=seed).samples for seed in (1, 1, 2))
        assert np.array_equal(first, again) and not np.array_equal(first, other)
        assert not np.array_equal(first, composed(worker, "loud drums", seed=1).samples)
        pieces = list(worker.run(Compose("piano", duration_s=1), 60.0))
        facts = next(piece for piece in pieces if isinstance(piece, Facts))
        sound = Audio.join([piece for piece in pieces if isinstance(piece, Audio)])
        assert np.array_equal(sound.samples, composed(worker, "piano", seed=facts.sent["seed"]).samples)
        assert (facts.device, facts.dtype) == ("cpu", "float32")
        for bad, words in (({"duration_s": 301}, "composes 1 to 300 s, not 301"), ({"duration_s": 0.5}, "not 0.5")):
            with pytest.raises(WorkerError, match=words):
                composed(worker, **bad)
    finally:
        worker.close()


def test_a_description_that_is_blank_or_longer_than_the_text_encoder_reads_is_refused(engine):
    with pytest.raises(BadInput, match="needs a description of the music, got '  '"):
        composed(engine, "  ")
    with pytest.raises(BadInput, match="reads descriptions of up to 512 tokens, and this has 600"):
        composed(engine, "x" * 600)


def test_leaving_early_stops_the_model_and_the_engine_goes_on(engine, monkeypatch):
    monkeypatch.setattr(musicgen, "CHUNK_S", 1)
    run = engine.run(Compose("piano", duration_s=200, seed=1), 60.0)
    next(run)
    next(run)
    run.close()
    assert composed(engine).seconds == 1.0


def test_an_own_checkpoint_takes_a_melody_when_its_settings_say_so(folder, follower):
    assert "melody" not in musicgen.own(str(folder)).honours
    assert "melody" in follower.spec.honours
    assert "melody" in musicgen.own("somebody/musicgen-stereo-melody-tuned").honours
