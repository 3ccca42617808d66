"""Every bundled sample passes the intake, is what its reference says, and stays small."""

import importlib.util
import re
import shutil

import numpy as np
import pytest

from comparisons.intake import take_in, take_text
from comparisons.samples import FOLDER, SAMPLES, for_task
from comparisons.sounds import null_test_db
from comparisons.words import word_errors
from engine.audio import Audio
from engine.tasks import TASKS

SOUNDS = sorted(path for path in FOLDER.rglob("*") if path.suffix in (".flac", ".ogg"))
MAKE = importlib.util.module_from_spec(spec := importlib.util.spec_from_file_location("make_samples", FOLDER / "make.py"))
spec.loader.exec_module(MAKE)


@pytest.mark.parametrize("path", SOUNDS, ids=lambda path: str(path.relative_to(FOLDER)))
def test_a_bundled_sound_passes_the_intake_without_a_warning(path):
    taken = take_in(path)
    assert not taken.warnings and 3 <= taken.seconds <= 20 and 0.1 < taken.audio.peak < 1


def test_all_sounds_together_stay_below_one_and_a_half_megabytes_and_none_is_left_over():
    assert sum(path.stat().st_size for path in SOUNDS) < 1_500_000
    used = {sample.path for sample in SAMPLES if sample.path} | {
        path for sample in SAMPLES for path in (sample.stems or {}).values()
    }
    assert used == set(SOUNDS)


@pytest.mark.parametrize("task", TASKS.values(), ids=lambda task: task.name)
def test_every_task_has_samples_of_its_own_kind_with_the_reference_it_is_measured_against(task):
    samples = for_task(task.name)
    assert len(samples) >= 2
    for sample in samples:
        assert (sample.path is not None) == task.takes_audio and (sample.text is None) == task.takes_audio
        kind = {"text": "reference", "stems": "stems", "tags": "tags", None: None}[task.reference]
        assert {name for name in ("reference", "stems", "tags") if getattr(sample, name)} == ({kind} - {None})
        assert bool(sample.prompt) == (task.name == "audio_lm")
        if sample.text:
            assert take_text(sample.text) == sample.text


def test_ids_are_unique_tasks_exist_and_the_licence_is_free():
    assert len({sample.id for sample in SAMPLES}) == len(SAMPLES)
    assert {task for sample in SAMPLES for task in sample.tasks} == set(TASKS)
    assert {sample.licence for sample in SAMPLES} == {"CC0-1.0"}
    with pytest.raises(KeyError, match="no task 'opera'; there are asr"):
        for_task("opera")


@pytest.mark.parametrize("sample", for_task("separation"), ids=lambda sample: sample.id)
def test_the_stems_sum_to_their_mix_exactly_and_no_two_are_alike(sample):
    mix = take_in(sample.path).audio
    stems = {name: take_in(path).audio for name, path in sample.stems.items()}
    total = sum(np.round(stem.samples * 32768).astype(int) for stem in stems.values())
    np.testing.assert_array_equal(total, np.round(mix.samples * 32768).astype(int))
    assert null_test_db(stems, mix) <= -120
    normal = [stem.samples[0] / np.linalg.norm(stem.samples) for stem in stems.values()]
    assert max(abs(float(one @ other)) for place, one in enumerate(normal) for other in normal[:place]) < 0.1


def test_the_texts_are_the_ones_that_were_spoken():
    spoken = {sample.id: sample.reference for sample in for_task("asr")}
    assert spoken["clear-speech"] == spoken["noisy-speech"] == MAKE.CLEAR_TEXT
    assert spoken["two-speakers"] == " ".join(text for _, text in MAKE.DIALOGUE)


def test_the_noise_is_as_loud_against_the_speech_as_stated():
    clean, noisy = (
        take_in(FOLDER / name).audio.resample(16_000).samples[0] for name in ("clear-speech.flac", "noisy-speech.ogg")
    )
    length = min(len(clean), len(noisy))
    clean, noisy = clean[:length], noisy[:length]
    target = (noisy @ clean) / (clean @ clean) * clean
    measured_db = 10 * np.log10(np.sum(target**2) / np.sum((noisy - target) ** 2))
    assert measured_db == pytest.approx(MAKE.NOISE_SNR_DB, abs=0.7)  # Opus adds a little noise of its own
    assert f"{MAKE.NOISE_SNR_DB:.0f} dB SNR" in (FOLDER / "LICENSE.md").read_text()


def test_a_classical_recogniser_understands_the_clear_speech_and_loses_most_of_the_noisy():
    pocketsphinx = pytest.importorskip("pocketsphinx")
    decoder = pocketsphinx.Decoder(samprate=16_000, loglevel="FATAL")

    def error_rate(id: str) -> float:
        sample = next(sample for sample in SAMPLES if sample.id == id)
        decoder.start_utt()
        decoder.process_raw(take_in(sample.path).audio.mono().resample(16_000).to_pcm16(), full_utt=True)
        decoder.end_utt()
        heard = decoder.hyp().hypstr if decoder.hyp() else ""
        return word_errors(re.sub(r"[^a-z ]", "", sample.reference.lower()), heard).rate

    assert error_rate("clear-speech") <= 0.15
    assert error_rate("two-speakers") <= 0.15
    assert error_rate("noisy-speech") >= 0.5


def test_every_sound_is_named_in_the_licence_file():
    text = (FOLDER / "LICENSE.md").read_text()
    for path in SOUNDS:
        name = str(path.relative_to(FOLDER))
        assert f"`{name}`" in text or (f"`{path.parent.name}/mix.flac`" in text and f"`{path.stem}`" in text), name


@pytest.mark.skipif(shutil.which("flite") is None, reason="making the speech needs the program flite")
def test_the_script_makes_the_same_sounds_again(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(MAKE, "HERE", tmp_path)
    MAKE.main()
    made = {path.relative_to(tmp_path): path for path in tmp_path.rglob("*") if path.is_file()}
    assert set(made) == {path.relative_to(FOLDER) for path in SOUNDS}
    for name, path in made.items():
        again, kept = take_in(path).audio, take_in(FOLDER / name).audio
        assert (again.rate, again.samples.shape) == (kept.rate, kept.samples.shape)
        assert _difference_db(again, kept) < -40, name


def _difference_db(one: Audio, other: Audio) -> float:
    return float(10 * np.log10(np.sum((one.samples - other.samples) ** 2) / np.sum(other.samples**2) + 1e-20))
