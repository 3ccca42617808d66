"""Speech to text with NVIDIA's Parakeet through transformers: a FastConformer encoder with a CTC, RNN-T or TDT decoder, greedy.

The whole window is heard before the first word comes; sound longer than a window is cut at pauses.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

import numpy as np

from engine.contract import Download, EngineSpec, Limits, Needs, Piece, Transcribe
from local_models._own import own_spec
from local_models._torch import TorchEngine, memory_gb
from local_models._transcript import RATE, Heard, language_code, samples_of, whole_text, words_of

WINDOW_S = 60.0
BATCH = {"cuda": 8}
"""Windows heard at once; a CPU gains nothing from more than one."""
_EUROPEAN = (
    "bg", "hr", "cs", "da", "nl", "en", "et", "fi", "fr", "de", "el", "hu", "it", "lv", "lt", "mt", "pl", "pt", "ro", "ru", "sk",
    "sl", "es", "sv", "uk",
)  # fmt: skip


class Parakeet(TorchEngine):
    half = "bfloat16"

    def load(self) -> None:
        from transformers import AutoConfig, ParakeetForCTC, ParakeetForRNNT, ParakeetForTDT, ParakeetProcessor

        self.place()
        kind = self.pretrained(AutoConfig, weights_too=False).model_type.removeprefix("parakeet_")
        self.processor = self.pretrained(ParakeetProcessor, weights_too=False)
        self.model = self.pretrained({"ctc": ParakeetForCTC, "rnnt": ParakeetForRNNT, "tdt": ParakeetForTDT}[kind])
        self.kind, self.tokenizer = kind, self.processor.tokenizer
        self.processor.decoder_type = kind  # older checkpoints do not state it
        if kind == "tdt" and not self.model.generation_config.suppress_tokens:
            # The joint network's scores of durations stand behind those of tokens, and none of them is a token.
            size = self.model.config.vocab_size
            self.model.generation_config.suppress_tokens = list(range(size, size + len(self.model.config.durations)))
        self.frame_s = self.processor.feature_extractor.hop_length * self.model.config.encoder_config.subsampling_factor / RATE
        self._hear([np.zeros(RATE, np.float32)], False)

    def run(self, request: Transcribe, timeout_s: float) -> Iterator[Piece]:
        samples = samples_of(request, self.spec.id)
        if self.spec.languages and len(self.spec.languages) == 1:
            language_code(request.language, self.spec.languages, self.spec.id)
        batch = BATCH.get(self.device, 1)
        yield self.facts({"decoder": self.kind, "window_s": WINDOW_S, "batch": batch})
        yield from whole_text(samples, WINDOW_S, lambda windows: [self._hear(windows, request.word_times)], batch=batch)

    def _hear(self, windows: list[np.ndarray], word_times: bool) -> list[Heard]:
        import torch

        inputs = self.processor(windows, sampling_rate=RATE).to(self.device, self.model.dtype)
        with torch.inference_mode():
            answer = self.model.generate(**inputs, return_dict_in_generate=True)
        texts = self.processor.batch_decode(answer.sequences, skip_special_tokens=True)
        if not word_times:
            return [Heard(text.strip()) for text in texts]
        if self.kind == "ctc":
            tokens = [self._runs(ids) for ids in answer.sequences.tolist()]
        else:
            _, stamps = self.processor.decode(answer.sequences, durations=answer.durations, skip_special_tokens=True)
            tokens = [[(each["token"], each["start"], each["end"]) for each in stamp] for stamp in stamps]
        return [Heard(text.strip(), words_of(each)) for text, each in zip(texts, tokens, strict=True)]

    def _runs(self, ids: list[int]) -> Iterator[tuple[str, float, float]]:
        """Tokens with their times: each lasts for as many frames as it stands in without a break."""
        from tokenizers.decoders import DecodeStream

        stream, frame = DecodeStream(skip_special_tokens=True), 0
        for token, run in groupby(ids):
            start, frame = frame, frame + len(list(run))
            text: Any = None if token == self.tokenizer.pad_token_id else stream.step(self.tokenizer._tokenizer, token)
            if text:
                yield text, start * self.frame_s, frame * self.frame_s


def _parakeet(
    name: str, title: str, system: str, repository: str, parameters: float, languages: tuple[str, ...], summary: str
) -> EngineSpec:
    return EngineSpec(
        id=f"parakeet/{name}",
        task="asr",
        name=title,
        vendor="NVIDIA (open weights)",
        system=system,
        engine=Parakeet,
        where="local",
        model=repository,
        license_code="Apache-2.0 (transformers)",
        license_weights="CC-BY-4.0",
        languages=languages,
        summary=summary,
        docs_url=f"https://huggingface.co/{repository}",
        checked_on="2026-11-20",
        honours=("language", "word_times") if len(languages) == 1 else ("word_times",),
        limits=Limits(audio_seconds=3600),
        needs=Needs(
            packages=("torch", "transformers"),
            downloads=(Download(repository),),
            download_gb=round(parameters * 4e-9, 1),
            memory_gb=memory_gb(parameters),
            gpu_memory_gb=memory_gb(parameters, "bfloat16"),
        ),
        parameters=parameters,
        tier="2",
        packages=("transformers", "torch", "tokenizers"),
        devices=("cuda", "mps", "cpu"),
    )


_TDT = "with punctuation and capitals; the decoder says how long each token lasts."
ENGINES = [
    _parakeet(
        "tdt-0.6b-v3", "Parakeet TDT 0.6B v3", "Parakeet TDT", "nvidia/parakeet-tdt-0.6b-v3", 627e6, _EUROPEAN,
        f"25 European languages, detected by itself, {_TDT}",
    ),
    _parakeet(
        "tdt-0.6b-v2", "Parakeet TDT 0.6B v2", "Parakeet TDT", "nvidia/parakeet-tdt-0.6b-v2", 618e6, ("en",),
        f"English {_TDT} Needs the copy of the weights in safetensors: if the publisher has none, use the ONNX engine.",
    ),
    _parakeet(
        "ctc-1.1b", "Parakeet CTC 1.1B", "Parakeet CTC", "nvidia/parakeet-ctc-1.1b", 1.06e9, ("en",),
        "English in lower case without punctuation, all tokens at once.",
    ),
    _parakeet(
        "rnnt-0.6b", "Parakeet RNN-T 0.6B", "Parakeet RNN-T", "nvidia/parakeet-rnnt-0.6b", 600e6, ("en",),
        "English in lower case without punctuation, token after token.",
    ),
]  # fmt: skip


def own(source: str) -> EngineSpec:
    """A fine-tune of any Parakeet (CTC, RNN-T or TDT) in safetensors, at a folder or hub id."""
    return own_spec(ENGINES[0], source)
