"""Speech to text with Moonshine through transformers: small encoder-decoders whose cost grows with the clip, greedy.

The number of tokens is bound to the length of the sound, as its publisher advises: unbound, the decoder may loop.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from engine.contract import Download, EngineSpec, Limits, Needs, Piece, Transcribe
from local_models._own import own_spec
from local_models._torch import TorchEngine, memory_gb
from local_models._transcript import RATE, Heard, language_code, samples_of, whole_text, written

WINDOW_S = 20.0
TOKENS_PER_S = 6.5
"""Model card of moonshine-tiny: more than that of English is a loop."""
TOKENS_PER_S_OTHERS = 13.0
"""Model cards of the siblings for other languages, whose characters take more tokens."""
_FRAME = 80
"""Samples in a frame of the streaming models, which take whole frames only (MoonshineStreamingProcessor)."""


class Moonshine(TorchEngine):
    def load(self) -> None:
        from transformers import AutoFeatureExtractor, AutoModelForSpeechSeq2Seq, AutoTokenizer

        self.place()
        self.extractor = self.pretrained(AutoFeatureExtractor, weights_too=False)
        self.tokenizer = self.pretrained(AutoTokenizer, weights_too=False)
        self.model = self.pretrained(AutoModelForSpeechSeq2Seq)
        self.tokens_per_s = TOKENS_PER_S if self.spec.languages == ("en",) else TOKENS_PER_S_OTHERS
        list(self._hear(np.zeros(RATE, np.float32)))

    def run(self, request: Transcribe, timeout_s: float) -> Iterator[Piece]:
        samples = samples_of(request, self.spec.id)
        language_code(request.language, self.spec.languages or (), self.spec.id)
        yield self.facts({"window_s": WINDOW_S, "tokens_per_s": self.tokens_per_s, "do_sample": False})
        yield from whole_text(samples, WINDOW_S, lambda windows: self._hear(windows[0]))

    def _hear(self, window: np.ndarray) -> Iterator[list[Heard]]:
        most = math.ceil(len(window) / RATE * self.tokens_per_s)
        streaming = self.model.config.model_type == "moonshine_streaming"
        whole_frames = {"padding": True, "pad_to_multiple_of": _FRAME} if streaming else {}
        inputs = self.extractor(window, sampling_rate=RATE, return_tensors="pt", return_attention_mask=True, **whole_frames)
        inputs = inputs.to(self.device, self.model.dtype)
        yield from written(
            lambda streamer: self.model.generate(**inputs, max_new_tokens=most, do_sample=False, num_beams=1, streamer=streamer),
            lambda ids: self.tokenizer.decode(ids, skip_special_tokens=True).strip(),
            most,
        )


def _moonshine(name: str, title: str, system: str, parameters: float, summary: str) -> EngineSpec:
    return EngineSpec(
        id=f"moonshine/{name}",
        task="asr",
        name=title,
        vendor="Moonshine AI (open weights)",
        system=system,
        engine=Moonshine,
        where="local",
        model=f"UsefulSensors/moonshine-{name}",
        license_code="Apache-2.0 (transformers)",
        license_weights="MIT",
        languages=("en",),
        summary=summary,
        docs_url=f"https://huggingface.co/UsefulSensors/moonshine-{name}",
        checked_on="2026-11-20",
        honours=("language",),
        limits=Limits(audio_seconds=3600),
        needs=Needs(
            packages=("torch", "transformers"),
            downloads=(Download(f"UsefulSensors/moonshine-{name}"),),
            download_gb=round(parameters * 4e-9, 2),
            memory_gb=memory_gb(parameters),
            gpu_memory_gb=memory_gb(parameters, "float16"),
        ),
        parameters=parameters,
        tier="2",
        packages=("transformers", "torch", "tokenizers"),
        devices=("cuda", "mps", "cpu"),
        streams=True,
    )


_STREAMING = "its encoder looks only a little ahead, made for live captions; here it hears whole clips."
ENGINES = [
    _moonshine("tiny", "Moonshine tiny", "Moonshine", 27e6, "English with punctuation on small devices; short clips suit it."),
    _moonshine("base", "Moonshine base", "Moonshine", 61e6, "English with punctuation on small devices; short clips suit it."),
    _moonshine("streaming-tiny", "Moonshine streaming tiny", "Moonshine streaming", 34e6, f"English: {_STREAMING}"),
    _moonshine("streaming-small", "Moonshine streaming small", "Moonshine streaming", 110e6, f"English: {_STREAMING}"),
    _moonshine("streaming-medium", "Moonshine streaming medium", "Moonshine streaming", 245e6, f"English: {_STREAMING}"),
]


def own(source: str) -> EngineSpec:
    """A fine-tune of Moonshine or Moonshine streaming in safetensors, of any language, at a folder or hub id."""
    return own_spec(ENGINES[0], source)
