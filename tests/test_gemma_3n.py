"""Gemma 3n lives in an environment of its own, in which a small checkpoint goes from its folder to text."""

import os
import subprocess

import pytest
import tiny

from engine import environment
from engine.contract import Ask, Text
from engine.tasks import TASKS
from engine.worker import Worker, WorkerError
from local_models import gemma_3n

SPEC = gemma_3n.ENGINES[0]
# Each test gets an empty home; built environments are registered in the person's own.
OWN_HOME = os.environ.get("SOUNDCHECK_HOME")
SAVE = """
import sys, torch
sys.path.insert(0, sys.argv[2])
import tiny
from transformers import Gemma3nAudioFeatureExtractor, Gemma3nConfig, Gemma3nForConditionalGeneration, Gemma3nProcessor
from transformers import SiglipImageProcessor
folder = sys.argv[1]
torch.manual_seed(0)
marks = {
    "image_token": "<image_soft_token>", "boi_token": "<start_of_image>", "eoi_token": "<end_of_image>",
    "audio_token": "<audio_soft_token>", "boa_token": "<start_of_audio>", "eoa_token": "<end_of_audio>",
}
special = ("<pad>", "<eos>", "<bos>", "<start_of_turn>", "<end_of_turn>", *marks.values())
tokenizer = tiny.byte_tokenizer(special, pad_token="<pad>", eos_token="<eos>", bos_token="<bos>", **marks)
number, size = tokenizer.convert_tokens_to_ids, len(tokenizer)
template = (
    "{{ bos_token }}{% for m in messages %}<start_of_turn>{{ m['role'] }}\\n{% for c in m['content'] %}"
    "{% if c['type'] == 'audio' %}<audio_soft_token>{% else %}{{ c['text'] }}{% endif %}{% endfor %}<end_of_turn>\\n{% endfor %}"
    "{% if add_generation_prompt %}<start_of_turn>model\\n{% endif %}"
)
model = Gemma3nForConditionalGeneration(Gemma3nConfig(
    text_config={
        "vocab_size": size + 20, "vocab_size_per_layer_input": size, "hidden_size": 32, "hidden_size_per_layer_input": 8,
        "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 16,
        "num_kv_shared_layers": 0, "laurel_rank": 4, "activation_sparsity_pattern": [0.0, 0.0],
        "layer_types": ["full_attention"] * 2, "sliding_window": 64,
    },
    audio_config={
        "hidden_size": 16, "conf_num_attention_heads": 2, "conf_num_hidden_layers": 1, "sscp_conv_channel_size": [8, 4],
        "vocab_offset": size + 10, "vocab_size": 10,
    },
    vision_config={"hidden_size": 2048, "vocab_offset": size, "vocab_size": 10},
    audio_token_id=number("<audio_soft_token>"), image_token_id=number("<image_soft_token>"),
))
model.save_pretrained(folder)
Gemma3nProcessor(
    Gemma3nAudioFeatureExtractor(), SiglipImageProcessor(), tokenizer, chat_template=template
).save_pretrained(folder)
"""


def test_before_its_environment_is_built_it_says_how_to_build_it():
    with pytest.raises(Exception, match=r"run `python -m comparisons prepare gemma_3n/e2b`"):
        Worker(SPEC).load()


@pytest.fixture
def worker(monkeypatch, tmp_path):
    if OWN_HOME is None:
        monkeypatch.delenv("SOUNDCHECK_HOME")
    else:
        monkeypatch.setenv("SOUNDCHECK_HOME", OWN_HOME)
    if not environment.is_prepared(SPEC):
        pytest.skip(f"the environment is not built: run `python -m comparisons prepare {SPEC.id}`")
    paths = {"PYTHONPATH": str(environment.ROOT), "SOUNDCHECK_HOME": os.environ.get("SOUNDCHECK_HOME", "")}
    saved = subprocess.run(
        [str(environment.interpreter(SPEC)), "-c", SAVE, str(tmp_path / "weights"), str(environment.ROOT / "tests")],
        check=False, capture_output=True, text=True, env=os.environ | paths,
    )  # fmt: skip
    assert saved.returncode == 0, saved.stderr[-2000:]
    worker = Worker(gemma_3n.own(str(tmp_path / "weights")))
    worker.load()
    yield worker
    worker.close()


@pytest.mark.isolated
def test_it_answers_in_text_as_it_writes_and_refuses_more_than_30_s(worker):
    pieces = list(worker.run(Ask(tiny.tone(2.0), "What is it? <audio_soft_token>"), 300.0))
    assert TASKS["audio_lm"].join(pieces).text
    assert sum(isinstance(piece, Text) for piece in pieces) > 5
    assert worker.versions["timm"] == "1.0.31"
    with pytest.raises(WorkerError, match="hears at most 30 s of sound"):
        list(worker.run(Ask(tiny.tone(31.0), "What is it?"), 60.0))
