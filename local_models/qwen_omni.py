"""A sound and a question in, an answer out, written and on request spoken: Alibaba's Qwen2.5-Omni and Qwen3-Omni.

What they write is decoded greedily. Their voice is sampled, as their makers do, from a fixed seed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from engine.audio import Audio
from engine.contract import Download, EngineSpec, Limits, Needs
from local_models._chat import MOST_TOKENS, ChatEngine, model_type_of, named, window_of
from local_models._ears import hearing
from local_models._own import own_spec
from local_models._stream import Tokens
from local_models._torch import memory_gb

VOICE_RATE = 24_000
_SYSTEM = (
    "You are Qwen, a virtual human developed by the Qwen Team, Alibaba Group, capable of perceiving auditory and visual inputs, "
    "as well as generating text and speech."
)


class QwenOmni(ChatEngine):
    most_spoken = 4096
    """Codes of its voice, as in the library; of Qwen2.5-Omni 50 are a second."""

    @property
    def speaks(self) -> bool:
        return self.spec.extra["speaks"]

    def open(self) -> None:
        self.processor = self.pretrained(hearing(named(self.processor_class)), weights_too=False)
        self.tokenizer = self.processor.tokenizer
        self.model = self.pretrained(named(self.model_class), enable_audio_output=self.speaks)

    def generate(self, inputs: Any, streamer: Tokens, most: int = MOST_TOKENS) -> Any:
        import torch

        writing = {"max_new_tokens": most, "do_sample": False, "streamer": streamer}
        if not self.speaks:  # the library's own text mode asks for the voice that was not loaded
            return self.model.thinker.generate(**inputs, **writing, eos_token_id=self.tokenizer.eos_token_id)
        torch.manual_seed(0)
        writing = {f"thinker_{name}": value for name, value in writing.items()}
        return self.model.generate(**inputs, **writing, generation_mode="audio", talker_max_new_tokens=self.most_spoken)

    def spoken(self, answer: Any) -> Iterator[Audio]:
        if self.speaks:
            wave = answer[1]
            wave = wave[0] if isinstance(wave, (list, tuple)) else wave
            yield Audio(wave.reshape(-1).float().cpu().numpy(), VOICE_RATE)


class Qwen25Omni(QwenOmni):
    model_class, processor_class = "Qwen2_5OmniForConditionalGeneration", "Qwen2_5OmniProcessor"

    @property
    def system(self) -> str:
        """It speaks well only under the words that it was trained with."""
        return _SYSTEM

    def longest_s(self) -> float:
        return window_of(self.processor.feature_extractor)


class Qwen3Omni(QwenOmni):
    model_class, processor_class = "Qwen3OmniMoeForConditionalGeneration", "Qwen3OmniMoeProcessor"


def _spec(source: str, parameters: float, download_gb: float, speaks: bool, **facts: Any) -> EngineSpec:
    name = source.partition("/")[2]
    talking = ", then speaks the answer in a voice of 24 kHz" if speaks else ""
    return EngineSpec(**{
        "id": f"qwen_omni/{name.lower()}{'-spoken' if speaks else ''}",
        "task": "audio_lm",
        "name": f"{name.replace('-', ' ').replace(' Omni', '-Omni')}{' (spoken)' if speaks else ''}",
        "vendor": "Alibaba (open weights)",
        "system": "Qwen2.5-Omni",
        "engine": Qwen25Omni,
        "where": "local",
        "model": source,
        "license_code": "Apache-2.0 (transformers)",
        "license_weights": "Apache-2.0",
        "languages": ("*",),
        "summary": f"Answers questions about speech, sounds and music of up to 5 minutes{talking}.",
        "docs_url": f"https://huggingface.co/{source}",
        "checked_on": "2026-11-20",
        "honours": ("prompt",),
        "limits": Limits(audio_seconds=300),
        "needs": Needs(
            packages=("torch", "transformers"),
            downloads=(Download(source, ("*.json", "*.safetensors", "spk_dict.pt")),),
            download_gb=download_gb,
            memory_gb=memory_gb(parameters),
            gpu_memory_gb=memory_gb(parameters, "bfloat16"),
        ),
        "parameters": parameters,
        "packages": ("transformers", "torch", "tokenizers"),
        "devices": ("cuda", "mps", "cpu"),
        "streams": True,
        "extra": {"speaks": speaks},
    } | facts)  # fmt: skip


def _three(speaks: bool) -> EngineSpec:
    source = "Qwen/Qwen3-Omni-30B-A3B-Instruct"
    talking = ", then speaks the answer in a voice of 24 kHz" if speaks else ""
    parameters = 35.3e9 if speaks else 32.0e9
    return _spec(
        source, parameters, 70.5, speaks,
        system="Qwen3-Omni", engine=Qwen3Omni, limits=Limits(audio_seconds=2400), tested="loads",
        summary=f"Mixture of experts; answers questions about sound of up to 40 minutes{talking}.",
        needs=Needs(
            packages=("torch", "transformers"),
            downloads=(Download(source),),
            download_gb=70.5,
            memory_gb=memory_gb(parameters),
            gpu_memory_gb=memory_gb(parameters, "bfloat16"),
        ),
    )  # fmt: skip


_RESEARCH = {
    "license_weights": "Qwen Research License (no commercial use)",
    "consent": "The weights are for research only, under the Qwen Research License.",
}
ENGINES = [
    _spec("Qwen/Qwen2.5-Omni-7B", 8.9e9, 22.4, False),
    _spec("Qwen/Qwen2.5-Omni-7B", 10.7e9, 22.4, True),
    _spec("Qwen/Qwen2.5-Omni-3B", 4.7e9, 11.0, False, **_RESEARCH),
    _spec("Qwen/Qwen2.5-Omni-3B", 5.5e9, 11.0, True, **_RESEARCH),
    _three(False),
    _three(True),
]


OWN_VARIANTS = {"": "writes and speaks its answers", "written": "writes its answers, with less memory"}


def own(source: str, variant: str = "") -> EngineSpec:
    """A checkpoint of Qwen2.5-Omni or, where its config.json says so, of Qwen3-Omni."""
    if model_type_of(source) == "qwen3_omni_moe":
        return own_spec(ENGINES[4 if variant else 5], source, variant=variant)
    template = ENGINES[0 if variant else 1]
    return own_spec(template, source, files=template.needs.downloads[0].files, variant=variant)
