# /// script
# requires-python = ">=3.11,<3.13"
# dependencies = [
#   "accelerate==1.15.0",
#   "librosa==0.11.0",
#   "numpy==2.4.6",
#   "pillow==12.3.0",
#   "soxr==1.1.0",
#   "timm==1.0.31",
#   "torch==2.13.0",
#   "torchvision==0.28.0",
#   "transformers==5.23.0",
# ]
# ///
"""A sound and a question in, a written answer out: Google's Gemma 3n. It hears 30 s, and transcribes in parts of 30 s.

It is in an environment of its own because its eyes, without which it does not load, need timm and torchvision.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.contract import Download, EngineSpec, Limits, Needs
from local_models._chat import ChatEngine
from local_models._own import own_spec
from local_models._torch import memory_gb
from local_models._transcriber import Transcriber

HEARS_S = 30.0
"""What the feature extractor keeps (480,000 samples), and what the model was trained with."""
_TRANSCRIBE = "Transcribe the following speech segment in its original language. Write the spoken words and nothing else."


class Gemma3n(ChatEngine):
    model_class, processor_class = "Gemma3nForConditionalGeneration", "Gemma3nProcessor"

    def longest_s(self) -> float:
        return HEARS_S


class Gemma3nTranscription(Transcriber):
    model_class, processor_class = Gemma3n.model_class, Gemma3n.processor_class
    window_s = HEARS_S
    system = None

    def inputs(self, samples: np.ndarray, asked: dict[str, Any]) -> Any:
        return ChatEngine.inputs(self, samples, _TRANSCRIBE)


def _spec(size: str, parameters: float, download_gb: float, transcribes: bool) -> EngineSpec:
    source = f"google/gemma-3n-{size.upper()}-it"
    return EngineSpec(
        id=f"gemma_3n/{size}{'-asr' if transcribes else ''}",
        task="asr" if transcribes else "audio_lm",
        name=f"Gemma 3n {size.upper()}{' (transcribes)' if transcribes else ''}",
        vendor="Google (open weights)",
        system="Gemma 3n",
        engine=Gemma3nTranscription if transcribes else Gemma3n,
        where="local",
        model=source,
        license_code="Apache-2.0 (transformers)",
        license_weights="Gemma Terms of Use",
        languages=("*",),
        summary=(
            "Language model asked to transcribe, in parts of 30 s; greedy. It may leave words out or change them."
            if transcribes
            else "Answers questions about speech of up to 30 s; greedy decoding."
        ),
        docs_url=f"https://huggingface.co/{source}",
        checked_on="2026-11-20",
        honours=() if transcribes else ("prompt",),
        limits=Limits() if transcribes else Limits(audio_seconds=HEARS_S),
        needs=Needs(
            downloads=(Download(source),),
            gated=True,
            download_gb=download_gb,
            memory_gb=memory_gb(parameters),
            gpu_memory_gb=memory_gb(parameters, "bfloat16"),
        ),
        parameters=parameters,
        tier="2",
        packages=("transformers", "torch", "timm", "torchvision"),
        devices=("cuda", "mps", "cpu"),
        streams=True,
        isolated=True,
        tested="loads" if transcribes else "runs",
        consent="The weights are under Google's Gemma Terms of Use, which forbid some uses.",
    )


ENGINES = [
    _spec("e2b", 5.4e9, 10.9, False),
    _spec("e4b", 7.8e9, 15.7, False),
    _spec("e2b", 5.4e9, 10.9, True),
    _spec("e4b", 7.8e9, 15.7, True),
]


OWN_VARIANTS = {"": "answers questions about the sound", "asr": "writes down what is said"}


def own(source: str, variant: str = "") -> EngineSpec:
    return own_spec(ENGINES[2 if variant else 0], source, variant=variant)


if __name__ == "__main__":
    from engine.worker import serve

    serve()
