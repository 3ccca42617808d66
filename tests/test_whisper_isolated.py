"""The Whisper packages that need environments of their own hear every window of a small checkpoint, with word times in order."""

import ast
import importlib
import json
import os
import sys

import numpy as np
import pytest
import tiny
import tiny_openai_whisper
import tiny_whisper

from comparisons.intake import take_in
from comparisons.samples import for_task
from engine import environment
from engine.audio import Audio
from engine.contract import NotReady, Transcribe
from engine.tasks import TASKS
from engine.worker import Worker, WorkerError

# Each test gets an empty home; built environments are registered in the person's own.
OWN_HOME = os.environ.get("SOUNDCHECK_HOME")
ON_OPENAI = ("openai_whisper", "stable_ts", "whisper_timestamped")
EVERY = (*ON_OPENAI, "whisperx", "pingala_shunya", "whisper_jax")
CLIP = Audio(np.random.default_rng(0).normal(0, 0.1, 3 * 16_000), 16_000)
LONG = Audio(np.tile(CLIP.samples, 15), 16_000)
SAYS = tiny_openai_whisper.SAYS


@pytest.fixture
def worker(monkeypatch):
    """Starts the worker of a family on a folder; skips where its environment is not built."""
    if OWN_HOME is None:
        monkeypatch.delenv("SOUNDCHECK_HOME")
    else:
        monkeypatch.setenv("SOUNDCHECK_HOME", OWN_HOME)
    started = []

    def start(name, folder):
        family = importlib.import_module(f"local_models.{name}")
        if not environment.is_prepared(family.ENGINES[0]):
            pytest.skip(f"the environment is not built: run `python -m comparisons prepare {family.ENGINES[0].id}`")
        started.append(Worker(family.own(str(folder))))
        started[0].load()
        return started[0]

    yield start
    for each in started:
        each.close()


def heard(worker, sound, **how):
    return TASKS["asr"].join(list(worker.run(Transcribe(sound, **how), 120.0)))


def in_order(words, seconds):
    starts = [word.start_s for word in words]
    return starts == sorted(starts) and all(0 <= word.start_s <= word.end_s <= seconds for word in words)


@pytest.fixture(scope="module")
def converted(tmp_path_factory):
    """A CTranslate2 folder that says an English sentence to every window."""
    from ctranslate2.converters import TransformersConverter
    from transformers import WhisperFeatureExtractor

    saved = tiny_whisper.save(tmp_path_factory.mktemp("hub"), f" {SAYS}", language="en", seconds=30.0)
    WhisperFeatureExtractor().save_pretrained(saved)
    made = tmp_path_factory.mktemp("converted") / "tiny-ct2"
    TransformersConverter(str(saved), copy_files=["tokenizer.json", "preprocessor_config.json"]).convert(str(made))
    return made


@pytest.mark.parametrize("name", EVERY)
def test_the_file_opens_without_its_packages_and_names_the_command_that_brings_them(name):
    family = importlib.import_module(f"local_models.{name}")
    tree = ast.parse(environment.script_of(family.ENGINES[0]).read_text(), feature_version=(3, 10))
    names = {alias.name for node in tree.body if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module for node in tree.body if isinstance(node, ast.ImportFrom)}
    assert {each.split(".")[0] for each in names} <= set(sys.stdlib_module_names) | {"numpy", "engine", "local_models"}
    with pytest.raises(NotReady, match=f"run `python -m comparisons prepare {family.ENGINES[0].id}`"):
        Worker(family.ENGINES[0]).load()


@pytest.mark.parametrize("name", EVERY)
def test_its_packages_are_locked_by_hash_unless_only_a_git_repository_has_them(name):
    spec = importlib.import_module(f"local_models.{name}").ENGINES[0]
    from_git = "git+" in environment.header_of(environment.script_of(spec))
    assert environment.lock_of(spec).exists() != from_git
    if not from_git:
        assert "--hash=sha256:" in environment.lock_of(spec).read_text()


def test_checkpoints_of_openai_are_checked_against_the_hash_in_their_address():
    for name in ON_OPENAI:
        for spec in importlib.import_module(f"local_models.{name}").ENGINES:
            (download,) = spec.needs.downloads
            assert download.sha256 == download.source.split("/")[-2]
            assert download.source.endswith(f"/{spec.model}.pt")


@pytest.mark.isolated
@pytest.mark.parametrize("name", ON_OPENAI)
def test_openais_own_format_is_heard_whole_with_word_times(name, worker, tmp_path):
    tiny_openai_whisper.save_torch(tmp_path / "small.pt")
    running = worker(name, tmp_path)
    output = heard(running, LONG.resample(44_100).stereo(), word_times=True)
    assert (output.text, output.language) == (f"{SAYS} {SAYS}", "en")
    assert [word.text for word in output.words] == SAYS.split() * 2
    assert in_order(output.words, LONG.seconds) and output.words[2].start_s >= 29
    assert heard(running, CLIP).words == ()
    with pytest.raises(WorkerError, match="does not know the language 'de'"):
        heard(running, CLIP, language="de")
    with pytest.raises(WorkerError, match="hold the mark"):
        heard(running, CLIP, prompt="<|endoftext|>")
    with pytest.raises(WorkerError, match="of up to 223 tokens"):
        heard(running, CLIP, prompt="word " * 300)


@pytest.mark.isolated
def test_pingalas_package_reads_a_converted_folder(converted, worker):
    running = worker("pingala_shunya", converted)
    output = heard(running, CLIP.resample(44_100), word_times=True, language="en")
    # The package forbids every first timestamp but 0, and a checkpoint that goes by position stumbles over that once.
    assert output.text.endswith(SAYS) and len(output.text) <= len(SAYS) + 1
    assert [word.text for word in output.words][1:] == SAYS.split()[1:]
    assert in_order(output.words, CLIP.seconds)
    assert heard(running, CLIP).words == ()


@pytest.mark.isolated
def test_whisperx_finds_speech_hears_it_and_aligns_its_words(converted, worker, tmp_path, monkeypatch):
    from transformers import Wav2Vec2Config, Wav2Vec2CTCTokenizer, Wav2Vec2FeatureExtractor, Wav2Vec2ForCTC, Wav2Vec2Processor

    letters = ["<pad>", "<s>", "</s>", "<unk>", "|", *"ETAONIHSRDLUMWCFGYPBVKXJQZ", "'"]
    (tmp_path / "vocab.json").write_text(json.dumps({letter: number for number, letter in enumerate(letters)}))
    aligner = tmp_path / "aligner"
    Wav2Vec2ForCTC(
        Wav2Vec2Config(
            vocab_size=len(letters), hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32,
            conv_dim=[16] * 7, num_conv_pos_embeddings=4, num_conv_pos_embedding_groups=2,
        )
    ).save_pretrained(aligner)  # fmt: skip
    tokenizer = Wav2Vec2CTCTokenizer(str(tmp_path / "vocab.json"), word_delimiter_token="|")
    Wav2Vec2Processor(Wav2Vec2FeatureExtractor(), tokenizer).save_pretrained(aligner)
    Wav2Vec2FeatureExtractor().save_pretrained(aligner)  # for the older library of that environment
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
    tiny.hub_snapshot(tmp_path / "cache", "facebook/wav2vec2-base-960h", aligner)

    running = worker("whisperx", converted)
    speech = take_in(for_task("asr")[0].path).audio
    output = heard(running, speech, word_times=True)
    assert (output.text, output.language) == (SAYS, "en")
    assert [word.text for word in output.words] == SAYS.split()
    assert in_order(output.words, speech.seconds)
    with pytest.raises(WorkerError, match="aligns the words of English only"):
        heard(running, speech, language="fr", word_times=True)
    assert heard(running, speech, language="fr").language == "fr"
