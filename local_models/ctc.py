"""Speech to text with encoders that write a letter per frame (CTC): wav2vec 2.0, HuBERT, WavLM and MMS through transformers.

Greedy, without a language model: spelling by sound, no punctuation. Sound longer than a window is cut at pauses.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from engine.contract import Download, EngineSpec, Limits, Needs, NotReady, Piece, Transcribe, Unsupported, Word
from local_models._own import own_spec
from local_models._torch import TorchEngine, memory_gb
from local_models._transcript import RATE, Heard, language_code, samples_of, whole_text

WINDOW_S = 20.0
ADAPTERS: Mapping[str, str] = MappingProxyType(
    {
        "en": "eng", "de": "deu", "fr": "fra", "es": "spa", "pt": "por", "it": "ita", "nl": "nld", "pl": "pol", "ru": "rus",
        "uk": "ukr", "tr": "tur", "ar": "ara", "hi": "hin", "bn": "ben", "ta": "tam", "vi": "vie", "id": "ind", "sw": "swh",
        "ko": "kor", "ja": "jpn", "zh": "cmn-script_simplified", "el": "ell", "hu": "hun", "cs": "ces", "ro": "ron", "sv": "swe",
        "fi": "fin",
    }
)  # fmt: skip
"""Languages of MMS whose adapters are fetched, of more than 1,100 that its publisher has: code -> name of the adapter."""
_PICKLED = ("*.json", "pytorch_model.bin")
"""Repositories without safetensors on their main branch; torch reads the pickle as plain weights, which runs no code."""


class Ctc(TorchEngine):
    def load(self) -> None:
        from transformers import AutoFeatureExtractor, AutoModelForCTC, AutoTokenizer

        self.place()
        pickled = any(name.endswith(".bin") for name in self.spec.needs.downloads[0].files)
        # Not the processor: that of some fine-tunes wants the package of a language model.
        self.extractor = self.pretrained(AutoFeatureExtractor, weights_too=False)
        self.tokenizer = self.pretrained(AutoTokenizer, weights_too=False)
        self.model = self.pretrained(AutoModelForCTC, **({"use_safetensors": False} if pickled else {}))
        self.adapter = getattr(self.tokenizer, "target_lang", None)
        self._hear(np.zeros(RATE, np.float32), False)

    def run(self, request: Transcribe, timeout_s: float) -> Iterator[Piece]:
        samples = samples_of(request, self.spec.id)
        if request.word_times and self._offsets() is None:
            raise Unsupported(f"{self.spec.id} has a tokenizer that gives no times of words")
        self._speak(request)
        yield self.facts({"window_s": WINDOW_S} | ({"adapter": self.adapter} if self.adapter else {}))
        yield from whole_text(samples, WINDOW_S, lambda windows: [[self._hear(windows[0], request.word_times)]])

    def _speak(self, request: Transcribe) -> None:
        """Put the adapter of the language asked for into a model that has adapters."""
        if self.adapter is None:
            if self.spec.languages:
                language_code(request.language, self.spec.languages, self.spec.id)
            elif request.language:
                raise Unsupported(f"{self.spec.id} does not know its languages: leave the language empty")
            return
        asked = (request.language or "en").strip()
        name = asked if asked in self.tokenizer.vocab else ADAPTERS.get(asked.lower().partition("-")[0], "")
        if name not in self.tokenizer.vocab:
            raise Unsupported(f"{self.spec.id} does not know the language {asked!r}: it has {', '.join(ADAPTERS)}")
        if name == self.adapter:
            return
        try:
            self.model.load_adapter(name, local_files_only=True, use_safetensors=True)
        except OSError:
            raise NotReady(f"{self.spec.id} has no adapter {name!r} on this machine: it fetches {', '.join(ADAPTERS)}") from None
        self.model.to(self.device)
        self.tokenizer.set_target_lang(name)
        self.adapter = name

    def _offsets(self) -> str | None:
        """How this tokenizer is asked for times: of words, of phonemes (which are its words), or not at all."""
        name = type(self.tokenizer).__name__
        return {"Wav2Vec2CTCTokenizer": "word", "Wav2Vec2PhonemeCTCTokenizer": "char"}.get(name)

    def _hear(self, window: np.ndarray, word_times: bool) -> Heard:
        import torch

        inputs: dict[str, Any] = self.extractor(window, sampling_rate=RATE, return_tensors="pt")
        inputs = {
            name: values.to(self.device, self.model.dtype if values.is_floating_point() else values.dtype)
            for name, values in inputs.items()
        }
        with torch.inference_mode():
            ids = self.model(**inputs).logits[0].argmax(-1).tolist()
        if not word_times:
            return Heard(self.tokenizer.decode(ids))
        unit = self._offsets()
        said = self.tokenizer.decode(ids, **{f"output_{unit}_offsets": True})
        ratio = getattr(self.model.config, "inputs_to_logits_ratio", None)
        frame_s = ratio / RATE if ratio else len(window) / RATE / len(ids)
        words = (
            Word(str(each[unit]).strip(), float(each["start_offset"] * frame_s), float(each["end_offset"] * frame_s))
            for each in said[f"{unit}_offsets"]
        )
        return Heard(said.text, tuple(word for word in words if word.text))


def _encoder(
    name: str,
    title: str,
    system: str,
    repository: str,
    parameters: float,
    *,
    vendor: str = "Meta (open weights)",
    code: str = "MIT (fairseq), Apache-2.0 (transformers)",
    weights_license: str | None = "Apache-2.0",
    languages: tuple[str, ...] = ("en",),
    honours: tuple[str, ...] = ("language", "word_times"),
    files: tuple[str, ...] = (),
    download_gb: float | None = None,
    tier: str = "1",
    summary: str,
) -> EngineSpec:
    return EngineSpec(
        id=f"ctc/{name}",
        task="asr",
        name=title,
        vendor=vendor,
        system=system,
        engine=Ctc,
        where="local",
        model=repository,
        license_code=code,
        license_weights=weights_license,
        languages=languages,
        summary=summary,
        docs_url=f"https://huggingface.co/{repository}",
        checked_on="2026-11-20",
        honours=honours,
        limits=Limits(audio_seconds=3600),
        needs=Needs(
            packages=("torch", "transformers"),
            downloads=(Download(repository, files),),
            download_gb=download_gb or round(parameters * 4e-9, 2),
            memory_gb=memory_gb(parameters),
            gpu_memory_gb=memory_gb(parameters, "float16"),
        ),
        parameters=parameters,
        tier=tier,
        packages=("transformers", "torch", "tokenizers"),
        devices=("cuda", "mps", "cpu"),
    )


_READ = "Greedy CTC trained on read English: capitals only, no punctuation, spelling by sound."
ENGINES = [
    _encoder("wav2vec2-base-960h", "wav2vec 2.0 base", "wav2vec 2.0", "facebook/wav2vec2-base-960h", 95e6, summary=_READ),
    _encoder(
        "wav2vec2-large-960h-lv60", "wav2vec 2.0 large", "wav2vec 2.0", "facebook/wav2vec2-large-960h-lv60-self", 317e6,
        files=_PICKLED, summary=_READ,
    ),
    _encoder(
        "wav2vec2-phoneme", "wav2vec 2.0 phonemes", "wav2vec 2.0 (XLSR-53 phoneme)", "facebook/wav2vec2-lv-60-espeak-cv-ft",
        317e6, languages=("*",), honours=("word_times",), files=_PICKLED,
        summary="Phonemes of any language in eSpeak's alphabet, one per word: how it sounded, not how it is spelt.",
    ),
    _encoder(
        "mms-1b-all", "MMS 1B", "wav2vec 2.0 XLS-R/MMS", "facebook/mms-1b-all", 965e6,
        weights_license="CC-BY-NC-4.0", languages=tuple(ADAPTERS),
        files=("*.json", "model.safetensors", *(f"adapter.{name}.safetensors" for name in ADAPTERS.values())), download_gb=4.1,
        summary=(
            "One encoder with an adapter per language; English when none is chosen. Lower case, no punctuation. Weights are for "
            "non-commercial use. Of its 1,162 languages, 27 are fetched."
        ),
    ),
    _encoder(
        "hubert-large", "HuBERT large", "HuBERT", "facebook/hubert-large-ls960-ft", 317e6, files=_PICKLED, tier="2", summary=_READ
    ),
    _encoder("hubert-xlarge", "HuBERT x-large", "HuBERT", "facebook/hubert-xlarge-ls960-ft", 963e6, tier="2", summary=_READ),
    _encoder(
        "wavlm-libri-clean-100h", "WavLM base plus (100 h)", "WavLM", "patrickvonplaten/wavlm-libri-clean-100h-base-plus", 94e6,
        vendor="Microsoft (encoder), Patrick von Platen (head)", code="MIT (UniSpeech), Apache-2.0 (transformers)",
        weights_license=None, files=_PICKLED, tier="2",
        summary="WavLM with a community CTC head, fine-tuned on 100 hours of read English: lower case, no punctuation.",
    ),
]  # fmt: skip


def own(source: str) -> EngineSpec:
    """Any fine-tune with a CTC head in safetensors that transformers can open, at a folder or hub id."""
    return own_spec(ENGINES[0], source)
