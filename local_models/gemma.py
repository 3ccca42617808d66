"""A sound and a question in, a written answer out: Google's small Gemma 4 models. They hear 30 s.

Their images and videos are left aside: that half needs torchvision, and no sound touches it.
"""

from __future__ import annotations

from engine.contract import Download, EngineSpec, Limits, Needs
from local_models._chat import ChatEngine, named
from local_models._ears import hearing
from local_models._own import own_spec
from local_models._torch import memory_gb

HEARS_S = 30.0
"""What the feature extractor keeps by default (480,000 samples), and what the models were trained with."""


class Gemma4(ChatEngine):
    model_class, processor_class = "Gemma4ForConditionalGeneration", "Gemma4Processor"

    def open(self) -> None:
        self.processor = self.pretrained(hearing(named(self.processor_class)), weights_too=False)
        self.tokenizer = self.processor.tokenizer
        self.model = self.pretrained(named(self.model_class))

    def longest_s(self) -> float:
        return HEARS_S


def _spec(size: str, parameters: float, download_gb: float) -> EngineSpec:
    source = f"google/gemma-4-{size.upper()}-it"
    return EngineSpec(
        id=f"gemma/gemma-4-{size}",
        task="audio_lm",
        name=f"Gemma 4 {size.upper()}",
        vendor="Google (open weights)",
        system="Gemma 4 (successor)",
        engine=Gemma4,
        where="local",
        model=source,
        license_code="Apache-2.0 (transformers)",
        license_weights="Apache-2.0",
        languages=("*",),
        summary="Answers questions about speech of up to 30 s; greedy decoding. Trained on speech, not on music.",
        docs_url=f"https://huggingface.co/{source}",
        checked_on="2026-11-20",
        honours=("prompt",),
        limits=Limits(audio_seconds=HEARS_S),
        needs=Needs(
            packages=("torch", "transformers"),
            downloads=(Download(source),),
            download_gb=download_gb,
            memory_gb=memory_gb(parameters),
            gpu_memory_gb=memory_gb(parameters, "bfloat16"),
        ),
        parameters=parameters,
        packages=("transformers", "torch", "tokenizers"),
        devices=("cuda", "mps", "cpu"),
        streams=True,
    )


ENGINES = [_spec("e2b", 5.1e9, 10.3), _spec("e4b", 8.0e9, 16.0)]


def own(source: str) -> EngineSpec:
    return own_spec(ENGINES[0], source)
