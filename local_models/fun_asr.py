"""Speech to text with Fun-ASR Nano through transformers: an audio encoder in front of a small Qwen3 that writes the words.

Greedy, token by token. Sound longer than a window is cut at pauses.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from engine.contract import Download, EngineSpec, Limits, Needs, Piece, Transcribe
from local_models._mel import without_torchaudio
from local_models._own import own_spec
from local_models._question import plain
from local_models._torch import TorchEngine, memory_gb
from local_models._transcript import RATE, Heard, language_code, samples_of, whole_text, written

WINDOW_S = 30.0
LANGUAGES = ("zh", "en", "ja")
"""transformers.models.fun_asr_nano.processing_fun_asr_nano.LANGUAGE_CODE_TO_NAME"""
MOST_TOKENS = 512


class FunAsr(TorchEngine):
    half = "bfloat16"

    def load(self) -> None:
        without_torchaudio("fun_asr_nano.FunAsrNanoFeatureExtractor")
        from transformers import FunAsrNanoForConditionalGeneration, FunAsrNanoProcessor

        self.place()
        self.processor = self.pretrained(FunAsrNanoProcessor, weights_too=False)
        self.model = self.pretrained(FunAsrNanoForConditionalGeneration)
        list(self._hear(np.zeros(RATE, np.float32), {}, most=2))

    def run(self, request: Transcribe, timeout_s: float) -> Iterator[Piece]:
        samples = samples_of(request, self.spec.id)
        language = language_code(request.language, LANGUAGES, self.spec.id)
        asked: dict[str, Any] = {"language": language} if language else {}
        if request.prompt:
            terms = plain(request.prompt, self.processor.tokenizer, self.spec.id, self.processor.audio_token)
            asked["keywords"] = [term.strip() for term in terms.split(",") if term.strip()]
        yield self.facts(asked | {"window_s": WINDOW_S, "do_sample": False, "max_new_tokens": MOST_TOKENS})
        yield from whole_text(samples, WINDOW_S, lambda windows: self._hear(windows[0], asked))

    def _hear(self, window: np.ndarray, asked: dict[str, Any], most: int = MOST_TOKENS) -> Iterator[list[Heard]]:
        inputs = self.processor.apply_transcription_request(window, **asked).to(self.device, self.model.dtype)
        tokenizer = self.processor.tokenizer
        yield from written(
            lambda streamer: self.model.generate(**inputs, max_new_tokens=most, do_sample=False, num_beams=1, streamer=streamer),
            lambda ids: tokenizer.decode(ids, skip_special_tokens=True).strip(),
            most,
        )


_PARAMETERS = 830e6
ENGINES = [
    EngineSpec(
        id="fun_asr/nano-2512",
        task="asr",
        name="Fun-ASR Nano",
        vendor="Tongyi Fun, Alibaba (open weights)",
        system="Fun-ASR Nano (Paraformer family successor)",
        engine=FunAsr,
        where="local",
        model="FunAudioLLM/Fun-ASR-Nano-2512-hf",
        license_code="Apache-2.0 (transformers)",
        license_weights=None,
        languages=LANGUAGES,
        summary="Chinese with seven dialect groups, English and Japanese, with punctuation; takes names and terms to expect.",
        docs_url="https://huggingface.co/FunAudioLLM/Fun-ASR-Nano-2512-hf",
        checked_on="2026-11-20",
        honours=("language", "prompt"),
        limits=Limits(audio_seconds=3600),
        needs=Needs(
            packages=("torch", "transformers"),
            downloads=(Download("FunAudioLLM/Fun-ASR-Nano-2512-hf"),),
            download_gb=2.0,
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
    """A fine-tune of Fun-ASR Nano in the layout of transformers (safetensors), at a folder or hub id."""
    return own_spec(ENGINES[0], source)
