"""Recognisers in environments of their own: what their files say of them, and real runs where an environment is built."""

import ast
import os
import subprocess
import sys

import numpy as np
import pytest
import tiny
import tiny_onnx

from engine import environment
from engine.audio import Audio
from engine.contract import BadResponse, NotReady, Transcribe
from engine.tasks import TASKS
from engine.worker import Worker, WorkerError
from local_models import funasr, funasr_onnx, moonshine_voice, nemo
from local_models._transcript import timed

MODULES = (funasr, funasr_onnx, moonshine_voice, nemo)
# Each test gets an empty home; built environments are registered in the person's own.
OWN_HOME = os.environ.get("SOUNDCHECK_HOME")
NAMES = pytest.mark.parametrize("module", MODULES, ids=[module.__name__.rpartition(".")[2] for module in MODULES])


@NAMES
def test_the_environment_is_locked_by_hash_and_names_no_registry(module):
    lock = environment.lock_of(module.ENGINES[0]).read_text()
    header = environment.toml_of(environment.script_of(module.ENGINES[0]))
    for line in header.splitlines():
        if "==" in line and "override" not in line:
            name = line.strip().strip('",').partition("==")[0].partition("[")[0].lower().replace("_", "-")
            assert f"\n{name}==" in lock
    assert "--hash=sha256:" in lock and "://" not in lock


@NAMES
def test_the_file_opens_with_nothing_but_the_standard_library_numpy_and_this_repository(module):
    tree = ast.parse(environment.script_of(module.ENGINES[0]).read_text(), feature_version=(3, 10))
    names = {alias.name for node in tree.body if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module for node in tree.body if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in names} <= set(sys.stdlib_module_names) | {"numpy", "engine", "local_models"}


@NAMES
def test_before_its_environment_is_built_it_says_how_to_build_it(module):
    spec = module.ENGINES[0]
    with pytest.raises(NotReady, match=f"run `python -m comparisons prepare {spec.id}`"):
        Worker(spec).load()


@pytest.fixture
def started(monkeypatch):
    """Load an engine's spec in its built environment; skips, saying so, where there is none."""
    if OWN_HOME is None:
        monkeypatch.delenv("SOUNDCHECK_HOME")
    else:
        monkeypatch.setenv("SOUNDCHECK_HOME", OWN_HOME)
    workers = []

    def start(spec):
        if not environment.is_prepared(spec):
            pytest.skip(f"the environment is not built: run `python -m comparisons prepare {spec.id}`")
        workers.append(Worker(spec))
        workers[-1].load()
        return workers[-1]

    yield start
    for worker in workers:
        worker.close()


def heard(worker, sound, **how):
    return TASKS["asr"].join(list(worker.run(Transcribe(sound, **how), 60.0)))


@pytest.mark.isolated
def test_funasr_onnx_hears_long_sounds_through_its_own_runtime(started, tmp_path):
    (tmp_path / "tokens.json").write_text('["<blank>", "<s>", "</s>", "你", "好", "<unk>"]')
    (tmp_path / "config.yaml").write_text(
        "model_conf: {predictor_bias: 0}\n"
        "frontend_conf: {fs: 16000, window: hamming, n_mels: 80, frame_length: 25, frame_shift: 10, lfr_m: 7, lfr_n: 6}\n"
    )
    zeros, ones = " ".join(["0"] * 560), " ".join(["1"] * 560)
    (tmp_path / "am.mvn").write_text(
        f"<Nnet>\n<AddShift> 560 560\n<LearnRateCoef> 0 [ {zeros} ]\n<Rescale> 560 560\n<LearnRateCoef> 0 [ {ones} ]\n</Nnet>\n"
    )
    nodes = [
        tiny_onnx.node("ReduceSum", ["speech"], ["sum"], keepdims=1),
        tiny_onnx.node("Mul", ["sum", "nothing"], ["zero"]),
        tiny_onnx.node("Add", ["zero", "table"], ["logits"]),
        tiny_onnx.node("Mul", ["speech_lengths", "zero_int"], ["zero_wide"]),
        tiny_onnx.node("Add", ["zero_wide", "two"], ["token_num"]),
    ]
    constants = {
        "nothing": np.zeros((1, 1, 1), np.float32),
        "table": tiny_onnx.table([3, 4], 6, blank=0, frames=2),
        "zero_int": np.zeros(1, np.int32),
        "two": np.array([2], np.int32),
    }
    inputs = {"speech": (tiny_onnx.FLOAT, ("N", "T", 560)), "speech_lengths": (tiny_onnx.INT32, ("N",))}
    outputs = {"logits": (tiny_onnx.FLOAT, ("N", "L", 6)), "token_num": (tiny_onnx.INT32, ("N",))}
    tiny_onnx.save(tmp_path / "model.onnx", nodes, inputs, outputs, constants)
    worker = started(funasr_onnx.own(str(tmp_path)))
    assert heard(worker, tiny.tone(2.0, 44_100, channels=2)).text == "你好"
    assert heard(worker, tiny.tone(40.0)).text == "你好你好"
    with pytest.raises(WorkerError, match="gives no times of words"):
        heard(worker, tiny.tone(2.0), word_times=True)
    with pytest.raises(WorkerError, match="needs at least 0.1 s of sound"):
        heard(worker, Audio(np.zeros((1, 10)), 16_000))
    assert worker.versions["funasr-onnx"] == "0.4.3"


CHECKPOINT = r"""
import json, sys, torch, yaml
from funasr import AutoModel
folder = sys.argv[1]
json.dump(["<blank>", "<s>", "</s>", "\u4f60", "\u597d", "<unk>"], open(folder + "/tokens.json", "w"))
zeros, ones = " ".join(["0"] * 560), " ".join(["1"] * 560)
open(folder + "/am.mvn", "w").write(
    f"<Nnet>\n<AddShift> 560 560\n<LearnRateCoef> 0 [ {zeros} ]\n<Rescale> 560 560\n<LearnRateCoef> 0 [ {ones} ]\n</Nnet>\n"
)
layers = {"attention_heads": 2, "linear_units": 16, "num_blocks": 2, "kernel_size": 11, "sanm_shfit": 0}
parts = {
    "model_conf": {"ctc_weight": 0.0, "predictor_bias": 1},
    "encoder": "SANMEncoder",
    "encoder_conf": layers | {"output_size": 16, "input_layer": "pe", "selfattention_layer_type": "sanm"},
    "decoder": "ParaformerSANMDecoder",
    "decoder_conf": layers | {"num_blocks": 1, "att_layer_num": 1},
    "predictor": "CifPredictorV2",
    "predictor_conf": {"idim": 16, "threshold": 1.0, "l_order": 1, "r_order": 1, "tail_threshold": 0.45},
    "frontend": "WavFrontend",
    "frontend_conf": {"fs": 16000, "window": "hamming", "n_mels": 80, "lfr_m": 7, "lfr_n": 6, "cmvn_file": folder + "/am.mvn"},
    "tokenizer": "CharTokenizer",
    "tokenizer_conf": {"unk_symbol": "<unk>", "split_with_space": True, "token_list": folder + "/tokens.json"},
    "input_size": 560,
}
yaml.safe_dump({"model": "Paraformer"} | parts, open(folder + "/config.yaml", "w"))
network = AutoModel(model="Paraformer", **parts, disable_update=True, device="cpu", init_param=None, model_path=folder).model
with torch.no_grad():
    network.decoder.output_layer.weight.zero_()
    network.decoder.output_layer.bias.zero_()
    network.decoder.output_layer.bias[3] = 9
torch.save({"state_dict": network.state_dict()}, folder + "/model.pt")
"""
"""Written by FunASR itself, as only its own package knows the layout: a small Paraformer that knows one character."""


@pytest.mark.isolated
def test_funasr_reads_a_checkpoint_and_writes_characters_without_spaces(started, tmp_path):
    spec = funasr.own(str(tmp_path))
    if not environment.is_prepared(spec):
        pytest.skip(f"the environment is not built: run `python -m comparisons prepare {funasr.ENGINES[0].id}`")
    subprocess.run([environment.interpreter(spec), "-c", CHECKPOINT, tmp_path], check=True, capture_output=True)
    worker = started(spec)
    short, long = heard(worker, tiny.tone(2.0, 44_100, channels=2)).text, heard(worker, tiny.tone(40.0)).text
    assert set(short) == set(long) == {"你"} and len(short) < len(long)
    with pytest.raises(WorkerError, match="gives no times of words"):
        heard(worker, tiny.tone(2.0), word_times=True)
    assert worker.versions["funasr"] == "1.4.16"


@pytest.mark.isolated
@pytest.mark.parametrize(
    ("module", "sentence"),
    [
        (funasr_onnx, "lacks model.onnx, config.yaml"),
        (funasr, "lacks config.yaml, model.pt"),
        (moonshine_voice, "cannot be opened"),
        (nemo, "holds no .nemo file"),
    ],
    ids=["funasr_onnx", "funasr", "moonshine_voice", "nemo"],
)
def test_a_folder_without_a_model_is_refused_by_name_after_the_library_came_up(started, tmp_path, module, sentence):
    with pytest.raises(WorkerError, match=sentence):
        started(module.own(str(tmp_path)))


def test_times_of_a_mixed_text_belong_to_characters_and_to_whole_words():
    times = [[0, 200], [200, 400], [400, 900], [900, 1100], [1100, 1200]]
    words = timed("你 好 hello 是ok", times, "funasr/tiny")
    assert [word.text for word in words] == ["你", "好", "hello", "是", "ok"]
    assert (words[2].start_s, words[2].end_s) == (0.4, 0.9)
    with pytest.raises(BadResponse, match="gave 5 times for 1 words"):
        timed("hello", times, "funasr/tiny")
