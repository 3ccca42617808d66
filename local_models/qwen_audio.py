"""A sound and a question in, a written answer out: Alibaba's Qwen2-Audio. It hears 30 s."""

from __future__ import annotations

from engine.contract import Download, EngineSpec, Limits, Needs
from local_models._chat import ChatEngine, window_of
from local_models._own import own_spec
from local_models._torch import memory_gb


class Qwen2Audio(ChatEngine):
    model_class, processor_class = "Qwen2AudioForConditionalGeneration", "Qwen2AudioProcessor"

    def longest_s(self) -> float:
        return window_of(self.processor.feature_extractor)


ENGINES = [
    EngineSpec(
        id="qwen_audio/qwen2-audio-7b-instruct",
        task="audio_lm",
        name="Qwen2-Audio 7B Instruct",
        vendor="Alibaba (open weights)",
        system="Qwen2-Audio",
        engine=Qwen2Audio,
        where="local",
        model="Qwen/Qwen2-Audio-7B-Instruct",
        license_code="Apache-2.0 (transformers)",
        license_weights="Apache-2.0",
        languages=("en", "zh", "yue", "fr", "it", "es", "de", "ja"),
        summary="Answers questions about speech, sounds and music of up to 30 s; greedy decoding.",
        docs_url="https://huggingface.co/Qwen/Qwen2-Audio-7B-Instruct",
        checked_on="2026-11-20",
        honours=("prompt",),
        limits=Limits(audio_seconds=30),
        needs=Needs(
            packages=("torch", "transformers"),
            downloads=(Download("Qwen/Qwen2-Audio-7B-Instruct"),),
            download_gb=16.8,
            memory_gb=memory_gb(8.4e9),
            gpu_memory_gb=memory_gb(8.4e9, "bfloat16"),
        ),
        parameters=8.4e9,
        tier="2",
        packages=("transformers", "torch", "tokenizers"),
        devices=("cuda", "mps", "cpu"),
        streams=True,
    )
]


def own(source: str) -> EngineSpec:
    return own_spec(ENGINES[0], source)
