"""Speech to text with NVIDIA's Canary through transformers: a FastConformer encoder and a decoder that is told the language.

Greedy, token by token. Sound longer than a window is cut at pauses. It translates too; here it only transcribes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np

from engine.contract import Download, EngineSpec, Limits, Needs, Piece, Text, Transcribe
from local_models._own import own_spec
from local_models._torch import TorchEngine, memory_gb
from local_models._transcript import RATE, Heard, language_code, samples_of, whole_text, written

WINDOW_S = 30.0
LANGUAGES = (
    "bg", "hr", "cs", "da", "nl", "en", "et", "fi", "fr", "de", "el", "hu", "it", "lv", "lt", "mt", "pl", "pt", "ro", "sk", "sl",
    "es", "sv", "ru", "uk",
)  # fmt: skip
"""transformers.models.canary.processing_canary.LANGUAGE_CODE_TO_NAME"""
_UNASKED = "en"


class Canary(TorchEngine):
    half = "bfloat16"

    def load(self) -> None:
        from transformers import CanaryForConditionalGeneration, CanaryProcessor

        self.place()
        self.processor = self.pretrained(CanaryProcessor, weights_too=False)
        self.model = self.pretrained(CanaryForConditionalGeneration)
        list(self._hear(np.zeros(RATE, np.float32), _UNASKED, most=2))

    def run(self, request: Transcribe, timeout_s: float) -> Iterator[Piece]:
        samples = samples_of(request, self.spec.id)
        asked = language_code(request.language, LANGUAGES, self.spec.id)
        language = asked or _UNASKED
        facts = self.facts({"source_language": language, "target_language": language, "punctuation": True, "window_s": WINDOW_S})
        if asked is None:
            unasked = "Heard as English: this model must be told the language."
            facts = dataclasses.replace(facts, notice=f"{facts.notice} {unasked}" if facts.notice else unasked)
        yield facts
        for piece in whole_text(samples, WINDOW_S, lambda windows: self._hear(windows[0], language)):
            yield dataclasses.replace(piece, language=language) if isinstance(piece, Text) else piece

    def _hear(self, window: np.ndarray, language: str, most: int = 512) -> Iterator[list[Heard]]:
        inputs = self.processor.apply_transcription_request(window, source_language=language)
        inputs = inputs.to(self.device, self.model.dtype)
        tokenizer = self.processor.tokenizer
        yield from written(
            lambda streamer: self.model.generate(**inputs, max_new_tokens=most, do_sample=False, num_beams=1, streamer=streamer),
            lambda ids: tokenizer.decode(ids, skip_special_tokens=True).strip(),
            most,
        )


_PARAMETERS = 978e6
ENGINES = [
    EngineSpec(
        id="canary/1b-v2",
        task="asr",
        name="Canary 1B v2",
        vendor="NVIDIA (open weights)",
        system="Canary",
        engine=Canary,
        where="local",
        model="nvidia/canary-1b-v2",
        license_code="Apache-2.0 (transformers)",
        license_weights="CC-BY-4.0",
        languages=LANGUAGES,
        summary=(
            "25 European languages with punctuation; the language must be chosen, English otherwise. Needs the copy of the "
            "weights in safetensors: where the publisher has none, use the ONNX engine."
        ),
        docs_url="https://huggingface.co/nvidia/canary-1b-v2",
        checked_on="2026-11-20",
        honours=("language",),
        limits=Limits(audio_seconds=3600),
        needs=Needs(
            packages=("torch", "transformers"),
            downloads=(Download("nvidia/canary-1b-v2"),),
            download_gb=3.9,
            memory_gb=memory_gb(_PARAMETERS),
            gpu_memory_gb=memory_gb(_PARAMETERS, "bfloat16"),
        ),
        parameters=_PARAMETERS,
        tier="2",
        packages=("transformers", "torch", "tokenizers"),
        devices=("cuda", "mps", "cpu"),
        streams=True,
    )
]


def own(source: str) -> EngineSpec:
    """A fine-tune of Canary in safetensors, at a folder or hub id."""
    return own_spec(ENGINES[0], source)
