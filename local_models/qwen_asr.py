"""Speech to text with Alibaba's Qwen3-ASR: a speech encoder in front of a Qwen3 language model."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.contract import Download, EngineSpec, Needs, Text, Transcribe, Unsupported
from local_models._own import own_spec
from local_models._question import plain
from local_models._torch import memory_gb
from local_models._transcriber import Transcriber

LANGUAGES = (
    "zh", "yue", "en", "ar", "de", "fr", "es", "pt", "id", "it", "ko", "ru", "th", "vi", "ja", "tr", "hi", "ms", "nl", "sv", "da",
    "fi", "pl", "cs", "fil", "fa", "el", "hu", "mk", "ro",
)  # fmt: skip


class Qwen3Asr(Transcriber):
    model_class, processor_class = "Qwen3ASRForConditionalGeneration", "Qwen3ASRProcessor"

    def settings(self, request: Transcribe) -> dict[str, Any]:
        asked: dict[str, Any] = {}
        if request.language:
            code = request.language.strip().lower().replace("_", "-").partition("-")[0]
            if code not in LANGUAGES:
                raise Unsupported(f"{self.spec.id} does not know the language {request.language!r}")
            asked["language"] = code
        if request.prompt and request.prompt.strip():
            asked["prompt"] = plain(request.prompt, self.tokenizer, self.spec.id, self.processor.audio_token, "<asr_text>")
        return asked

    def inputs(self, samples: np.ndarray, asked: dict[str, Any]) -> Any:
        return self.processor.apply_transcription_request([samples], **asked).to(self.device, self.model.dtype)

    def text_of(self, ids: list[int], asked: dict[str, Any]) -> Text:
        """The model writes "language German<asr_text>Guten Tag" where no language was asked for."""
        from transformers.models.qwen3_asr.processing_qwen3_asr import LANGUAGE_CODE_TO_NAME

        written = self.tokenizer.decode(ids, skip_special_tokens=True)
        if "language" in asked:
            return Text(self.processor.parse_output(written)["transcription"], language=asked["language"])
        if "<asr_text>" not in written:
            return Text("")
        parsed = self.processor.parse_output(written)
        codes = {name: code for code, name in LANGUAGE_CODE_TO_NAME.items()}
        return Text(parsed["transcription"], language=codes.get(parsed["language"]))


def _spec(size: str, parameters: float, download_gb: float) -> EngineSpec:
    source = f"Qwen/Qwen3-ASR-{size.upper()}-hf"
    return EngineSpec(
        id=f"qwen_asr/qwen3-asr-{size}",
        task="asr",
        name=f"Qwen3-ASR {size.upper()}",
        vendor="Alibaba (open weights)",
        system="Qwen3-ASR",
        engine=Qwen3Asr,
        where="local",
        model=source,
        license_code="Apache-2.0 (transformers)",
        license_weights="Apache-2.0",
        languages=LANGUAGES,
        summary="Language-model recogniser for 30 languages with punctuation; finds the language itself. No word times.",
        docs_url=f"https://huggingface.co/{source}",
        checked_on="2026-11-20",
        honours=("language", "prompt"),
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


ENGINES = [_spec("1.7b", 2.0e9, 4.1), _spec("0.6b", 0.9e9, 1.9)]


def own(source: str) -> EngineSpec:
    return own_spec(ENGINES[0], source)
