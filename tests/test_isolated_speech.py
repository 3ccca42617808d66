"""Text to speech in environments of their own: what their files say of them, before and without any environment."""

import ast
import subprocess
import sys
import tomllib

import pytest
import tiny
import tiny_speechbrain
from built import built, interpreter_of
from tiny_speech import speaker

from engine import environment, weights
from engine.contract import NotReady
from engine.worker import Worker, WorkerError
from local_models import (
    coqui,
    cosyvoice,
    fish_speech,
    indextts,
    kokoro,
    piper,
    qwen_tts,
    speechbrain_tts,
    styletts2,
    torchaudio_tts,
)

LOCKED = (coqui, cosyvoice, kokoro, piper, qwen_tts, speechbrain_tts, styletts2, torchaudio_tts)
FROM_GIT = (fish_speech, indextts)


def names(modules):
    return [module.__name__.rpartition(".")[2] for module in modules]


@pytest.mark.parametrize("module", LOCKED, ids=names(LOCKED))
def test_the_environment_is_locked_by_hash_and_names_no_registry(module):
    lock = environment.lock_of(module.ENGINES[0]).read_text()
    wanted = tomllib.loads(environment.toml_of(environment.script_of(module.ENGINES[0])))["dependencies"]
    for name, exact, _version in (each.partition("==") for each in wanted):
        assert not exact or f"\n{name.partition('[')[0].lower().replace('_', '-')}==" in lock
    assert "--hash=sha256:" in lock and "://" not in lock


@pytest.mark.parametrize("module", FROM_GIT, ids=names(FROM_GIT))
def test_what_cannot_be_locked_says_that_it_was_never_run(module):
    assert "git+https://" in environment.header_of(environment.script_of(module.ENGINES[0]))
    assert not environment.lock_of(module.ENGINES[0]).exists()
    assert {spec.tested for spec in module.ENGINES} == {""}


@pytest.mark.parametrize("module", LOCKED + FROM_GIT, ids=names(LOCKED + FROM_GIT))
def test_the_file_opens_with_nothing_but_the_standard_library_numpy_and_this_repository(module):
    tree = ast.parse(environment.script_of(module.ENGINES[0]).read_text(), feature_version=(3, 10))
    found = {alias.name for node in tree.body if isinstance(node, ast.Import) for alias in node.names}
    found |= {node.module for node in tree.body if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in found} <= set(sys.stdlib_module_names) | {"numpy", "engine", "local_models"}


@pytest.mark.parametrize("module", LOCKED + FROM_GIT, ids=names(LOCKED + FROM_GIT))
def test_before_its_environment_is_built_it_says_how_to_build_it(module):
    spec = module.ENGINES[0]
    with pytest.raises(NotReady, match=f"run `python -m comparisons prepare {spec.id}`"):
        Worker(spec).load()


@pytest.mark.parametrize("module", LOCKED + FROM_GIT, ids=names(LOCKED + FROM_GIT))
def test_whoever_takes_a_reference_voice_asks_for_consent(module):
    for spec in module.ENGINES:
        assert ("reference" in spec.honours) <= ("Clone only voices whose owner agreed." in spec.consent), spec.id
        assert set(spec.requires) <= set(spec.honours)


def laid(spec, tmp_path, monkeypatch, files):
    """A home with the built environment, and with `files` where `prepare` would have put the spec's downloads."""
    python = interpreter_of(spec)
    monkeypatch.setenv("SOUNDCHECK_HOME", str(tmp_path))
    (tmp_path / "environments").symlink_to(python.parents[2], target_is_directory=True)
    (tmp_path / "weights").mkdir()
    for download, file in zip(spec.needs.downloads, files, strict=True):
        (tmp_path / "weights" / weights._address_path(download.source).name).symlink_to(file)


@pytest.mark.isolated
@pytest.mark.parametrize("vocoder", ["griffin-lim", "wavernn"])
def test_torchaudio_speaks_full_size_random_weights_through_either_vocoder(tmp_path, monkeypatch, vocoder):
    spec = next(spec for spec in torchaudio_tts.ENGINES if spec.id.endswith(vocoder))
    python = interpreter_of(spec)
    make = (
        "import sys, torch; from torchaudio import models; from torchaudio.pipelines._tts import utils\n"
        "torch.manual_seed(1); how = utils._get_taco_params(n_symbols=38)\n"
        "tacotron = models.Tacotron2(**how); tacotron.decoder.gate_layer.bias.data.fill_(0.0)\n"
        "torch.save(tacotron.state_dict(), sys.argv[1])\n"
        "torch.save(models.WaveRNN(**utils._get_wrnn_params()).state_dict(), sys.argv[2])\n"
    )
    made = [tmp_path / "tacotron.pth", tmp_path / "wavernn.pth"]
    subprocess.run([python, "-c", make, *made], check=True)
    home = tmp_path / "home"
    home.mkdir()
    laid(spec, home, monkeypatch, made[: len(spec.needs.downloads)])
    with speaker(spec) as voice:
        assert voice.sound("Hello.").rate == 22_050
        assert "Left out, for the model has no sound for them: 世" in voice.facts("Hello.世").notice
        with pytest.raises(WorkerError, match="found nothing in this text"):
            voice.sound("世界")


@pytest.mark.isolated
def test_speechbrain_speaks_small_models_described_in_yaml(tmp_path, monkeypatch):
    spec = speechbrain_tts.ENGINES[0]
    tiny_speechbrain.save(tmp_path, interpreter_of(spec))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    tiny.hub_snapshot(tmp_path / "hub", spec.needs.downloads[0].source, tmp_path / "tacotron")
    tiny.hub_snapshot(tmp_path / "hub", spec.needs.downloads[1].source, tmp_path / "hifigan")
    with built(spec) as voice:
        sound = voice.sound("Hello, quiet world.")
        assert (sound.rate, sound.channels) == (22_050, 1)
        assert sound.frames > 1_000


@pytest.mark.isolated
def test_styletts2_comes_up_without_the_data_that_it_would_fetch_and_spells_english():
    come_up = (
        "import nltk; nltk.download = lambda *names, **how: True\n"
        "from nltk.tokenize import NLTKWordTokenizer; from styletts2 import tts\n"
        "speller = tts.PhonemeConverterFactory.load_phoneme_converter('gruut')\n"
        "print(NLTKWordTokenizer().tokenize(speller.phonemize('Quiet world.')))\n"
    )
    python = interpreter_of(styletts2.ENGINES[0])
    said = subprocess.run([python, "-c", come_up], check=True, capture_output=True, text=True).stdout
    assert said.strip().splitlines()[-1] == "['kwˈaɪət', 'wˈɚld', '‖']"
