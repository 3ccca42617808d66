"""AudioLDM, AudioLDM 2 and Stable Audio Open go from a checkpoint folder through their diffusers pipelines to sound."""

import numpy as np
import pytest
import tiny_music

from engine.audio import Audio
from engine.contract import BadInput, Compose, Facts
from engine.worker import Worker, WorkerError
from local_models import audioldm, audioldm2, stable_audio

KINDS = {
    # family, checkpoint, rate, channels, longest, longest prompt
    "audioldm": (audioldm, tiny_music.audioldm, 16_000, 1, 10.24, 77),
    "audioldm2": (audioldm2, tiny_music.audioldm2, 16_000, 1, 10.24, 77),
    "stable_audio": (stable_audio, tiny_music.stable_audio, 44_100, 2, 3.0, 64),
}


@pytest.fixture(scope="module", params=KINDS)
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def folder(kind, tmp_path_factory):
    return KINDS[kind][1](tmp_path_factory.mktemp(kind))


@pytest.fixture(scope="module")
def engine(kind, folder):
    spec = KINDS[kind][0].own(str(folder))
    engine = spec.engine(spec)
    engine.load()
    engine.steps = 3
    return engine


def composed(engine, prompt="a slow piano", **how):
    pieces = list(engine.run(Compose(prompt, **({"duration_s": 1.0, "seed": 3} | how)), 60.0))
    return Audio.join([piece for piece in pieces if isinstance(piece, Audio)])


def test_sound_of_the_asked_length_rate_and_channels_comes_out(kind, engine):
    _, _, rate, channels, _, _ = KINDS[kind]
    for seconds in (1.0, 2.5):
        sound = composed(engine, duration_s=seconds)
        assert (sound.rate, sound.channels) == (rate, channels)
        assert sound.seconds == pytest.approx(seconds, abs=0.01) and sound.samples.std() > 0


def test_the_same_seed_gives_the_same_samples_and_another_seed_or_description_others(engine):
    first = composed(engine).samples
    assert np.array_equal(first, composed(engine).samples)
    assert not np.array_equal(first, composed(engine, seed=4).samples)
    assert not np.array_equal(first, composed(engine, "loud drums").samples)


def test_lengths_and_descriptions_beyond_the_model_are_refused(kind, engine):
    longest, most = KINDS[kind][4:]
    with pytest.raises(BadInput, match=rf"composes 1 to {longest:g} s, not 60"):
        composed(engine, duration_s=60)
    with pytest.raises(BadInput, match=f"reads descriptions of up to {most} tokens"):
        composed(engine, "x" * 100)
    with pytest.raises(BadInput, match="needs a description of the music"):
        composed(engine, " ")


def test_in_a_worker_it_tells_the_seed_that_nobody_chose_and_its_steps():
    # One family stands for the three: they share the run.
    import tempfile
    from pathlib import Path

    worker = Worker(audioldm.own(str(tiny_music.audioldm(Path(tempfile.mkdtemp())))))
    worker.load()
    try:
        pieces = list(worker.run(Compose("rain", duration_s=1), 60.0))
        facts = next(piece for piece in pieces if isinstance(piece, Facts))
        assert facts.sent["steps"] == 10 and (facts.device, facts.dtype) == ("cpu", "float32")
        (sound,) = (piece for piece in pieces if isinstance(piece, Audio))
        assert np.array_equal(sound.samples, composed(worker, "rain", seed=facts.sent["seed"]).samples)
        with pytest.raises(WorkerError, match=r"composes 1 to 10.24 s, not 11"):
            composed(worker, duration_s=11)
    finally:
        worker.close()
