"""What the families that stand on OpenAI's own package share: its checkpoints, loading them, and what it may be asked for."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from engine import weights
from engine.contract import Download, EngineSpec, NotReady, Transcribe, Word
from local_models._own import own_spec
from local_models._torch import TorchEngine
from local_models._whisper import check_terms, language_code

_HASHES = {
    "tiny": "65147644a518d12f04e32d6f3b26facc3f8dd46e5390956a9424a650c0ce22b9",
    "tiny.en": "d3dd57d32accea0b295c96e26691aa14d8822fac7d9d27d5dc00b4ca2826dd03",
    "base": "ed3a0b6b1c0edf879ad9b11b1af5a0e6ab5db9205f891f668f8b0e6c6326e34e",
    "base.en": "25a8566e1d0c1e2231d1c762132cd20e0f96a85d16145c3a00adf5d1ac670ead",
    "small": "9ecf779972d90ba49c06d968637d720dd632c55bbf19d441fb42bf17a411e794",
    "large-v3": "e5b1a55b89c1367dacf97e3e19bfd829a01529dbfdeefa8caeb59b3f1b81dadb",
    "large-v3-turbo": "aff26ae408abcba5fbf8813c21e62b0941638c5f6eebfb145be0c9839262a19a",
}
"""SHA-256 of each checkpoint, which is also a part of its address."""


def download_of(size: str) -> Download:
    digest = _HASHES[size]
    return Download(f"https://openaipublic.azureedge.net/main/whisper/models/{digest}/{size}.pt", sha256=digest)


def own_checkpoint(template: EngineSpec, source: str) -> EngineSpec:
    """`template` with the one .pt file of a folder: dimensions and weights, as OpenAI's package saves them."""
    return dataclasses.replace(own_spec(template, source, files=("*.pt",)), extra={})


class OpenAIWhisper(TorchEngine):
    """Base of these families: `load` opens the checkpoint, which torch reads as data only, never as code."""

    def load(self) -> None:
        self.place()
        path = weights.needed(self.spec)
        if path.is_dir():
            files = sorted(path.glob("*.pt"))
            if len(files) != 1:
                raise NotReady(f"{self.spec.id}: {str(path)!r} must hold one .pt file, and holds {len(files)}")
            (path,) = files
        import torch
        import whisper

        self.model = self._open(path)
        heads = whisper._ALIGNMENT_HEADS.get(self.spec.extra.get("size"))
        if heads:  # known by the name of a model only, and a file has none
            self.model.set_alignment_heads(heads)
        several = self.model.is_multilingual
        self.languages = frozenset(whisper.tokenizer.LANGUAGES) if several else frozenset(("en",))
        self.tokenizer = whisper.tokenizer.get_tokenizer(several, num_languages=self.model.num_languages)
        self.seed = torch.manual_seed
        whisper.timing.dtw(torch.zeros(4, 8, device=self.device))  # compiled at its first call

    def _open(self, path: Path) -> Any:
        import whisper

        return whisper.load_model(str(path), device=self.device).eval()

    def _settings(self, request: Transcribe) -> dict[str, Any]:
        """Language and terms. Raises Unsupported for an unknown language, BadInput for terms that it cannot take."""
        settings: dict[str, Any] = {}
        if code := language_code(request.language, self.languages, self.spec.id):
            settings["language"] = code
        if request.prompt:
            check_terms(request.prompt, 0, 0, self.spec.id)
            tokens = self.tokenizer.encode(f" {request.prompt.strip()}")
            check_terms(request.prompt, len(tokens), self.model.dims.n_text_ctx // 2 - 1, self.spec.id)
            settings["initial_prompt"] = request.prompt
        return settings


def word_of(text: str, start_s: float, end_s: float, confidence: float | None, seconds: float) -> Word:
    """Times within the sound: the last window is padded, and a word may seem to end in the padding."""
    start_s = min(max(0.0, float(start_s)), seconds)
    certain = None if confidence is None else float(confidence)
    return Word(text.strip(), start_s, min(max(start_s, float(end_s)), seconds), certain)
