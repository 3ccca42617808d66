"""SpeechT5 in transformers: English text to speech with its HiFi-GAN vocoder, and English speech to text.

A voice is an x-vector: of a CMU ARCTIC speaker, or of a reference recording.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator, Mapping
from typing import Any

from engine import weights
from engine.contract import BadInput, Download, EngineSpec, Limits, Needs, NotReady, Piece, Synthesize, Text, Transcribe
from local_models import _xvector
from local_models._long import at_pauses
from local_models._own import own_spec
from local_models._speech import CONSENT, WEIGHTS, SpeechEngine, chosen_voice
from local_models._torch import TorchEngine, memory_gb
from local_models._transcript import CUT

RATE = 16_000
SPEAKERS = {
    "slt": "a0508", "clb": "a0144", "bdl": "a0009", "rms": "b0353", "awb": "a0002", "jmk": "a0002", "ksp": "b0087",
}  # fmt: skip
"""Voice and the utterance of CMU ARCTIC whose x-vector stands for it: two US women, two US men, a Scot, a Canadian, an Indian."""
SHORTEST_REFERENCE_S = 1.0
WINDOW_S, SHORTEST_S, MOST_LETTERS = 15.0, 0.1, 400
"""Windows short enough that the fastest speech stays below the letters that the model was trained to write."""


class SpeechT5(SpeechEngine):
    half = "float32"
    longest = 300
    rate = RATE

    def load(self) -> None:
        import torch
        from transformers import SpeechT5ForTextToSpeech, SpeechT5HifiGan, SpeechT5Tokenizer

        self.place()
        self.model = self.pretrained(SpeechT5ForTextToSpeech, use_safetensors=None)
        self.vocoder = self.pretrained(SpeechT5HifiGan, 1, use_safetensors=None)
        self.tokenizer = self.pretrained(SpeechT5Tokenizer, weights_too=False, normalize=True)
        self.speakers = weights.needed(self.spec, 2)
        self.listener = torch.load(weights.needed(self.spec, 3) / _xvector.FILE, map_location="cpu", weights_only=True)

    def settings(self, request: Synthesize) -> dict[str, Any]:
        if request.reference is None:
            return {"voice": chosen_voice(self.spec, request.voice)}
        if request.voice:
            raise BadInput(f"{self.spec.id} takes a voice or a reference voice, not both")
        if request.reference.seconds < SHORTEST_REFERENCE_S or request.reference.peak < 1e-3:
            raise BadInput(f"{self.spec.id} needs a reference voice of at least {SHORTEST_REFERENCE_S:g} s that can be heard")
        self.reference = _xvector.xvector(self._samples(request.reference), self.listener)
        return {"voice": "reference", "reference_s": round(request.reference.seconds, 3)}

    def speak(self, passage: str, request: Synthesize, settings: Mapping[str, Any]) -> Any:
        ids = self.tokenizer(passage, return_tensors="pt").input_ids
        vector = self.reference if settings["voice"] == "reference" else self._speaker(settings["voice"])
        return self.model.generate_speech(ids.to(self.device), vector.to(self.device), vocoder=self.vocoder)

    @functools.cache  # noqa: B019  an engine lives as long as its process
    def _speaker(self, voice: str) -> Any:
        import numpy as np
        import torch

        name = f"cmu_us_{voice}_arctic-wav-arctic_{SPEAKERS[voice]}.npy"
        file = next(self.speakers.rglob(name), None)
        if file is None:
            raise NotReady(f"{self.spec.id}: the downloaded x-vectors hold no {name!r}; fetch them again")
        return torch.from_numpy(np.load(file).astype(np.float32).reshape(1, -1))

    def _samples(self, sound: Any) -> Any:
        import torch

        return torch.from_numpy(sound.mono().resample(_xvector.RATE).samples[0].copy())


class SpeechT5Asr(TorchEngine):
    half = "float32"

    def load(self) -> None:
        from transformers import SpeechT5FeatureExtractor, SpeechT5ForSpeechToText, SpeechT5Tokenizer

        self.place()
        self.model = self.pretrained(SpeechT5ForSpeechToText, use_safetensors=None)
        self.tokenizer = self.pretrained(SpeechT5Tokenizer, weights_too=False)
        self.extractor = self.pretrained(SpeechT5FeatureExtractor, weights_too=False)

    def run(self, request: Transcribe, timeout_s: float) -> Iterator[Piece]:
        import torch

        if request.audio.seconds < SHORTEST_S:
            raise BadInput(f"{self.spec.id} needs at least {SHORTEST_S} s of sound, not {request.audio.seconds:.3f} s")
        samples = request.audio.mono().resample(RATE).samples[0]
        said: list[str] = []
        cut = False
        spans = at_pauses(samples, RATE, WINDOW_S)
        for first, end in spans:
            window = samples[first:end]
            if len(window) < SHORTEST_S * RATE:
                continue
            heard = self.extractor(audio=window, sampling_rate=RATE, return_tensors="pt").to(self.device)
            with torch.inference_mode():
                tokens = self.model.generate(**heard, max_length=MOST_LETTERS, do_sample=False)
            cut = cut or tokens.shape[1] >= MOST_LETTERS
            said.append(self.tokenizer.batch_decode(tokens, skip_special_tokens=True)[0].strip())
            yield Text(" ".join(filter(None, said)), final=False)
        yield Text(" ".join(filter(None, said)), language="en")
        facts = self.facts({"max_length": MOST_LETTERS, "windows": len(spans)})
        yield dataclasses.replace(facts, notice=" ".join(filter(None, (facts.notice, CUT if cut else None))) or None)


_PICKLED = ("*.json", "spm_char.model", WEIGHTS)
_COMMON: dict[str, Any] = {
    "vendor": "Microsoft",
    "where": "local",
    "license_code": "Apache-2.0",
    "license_weights": "MIT",
    "languages": ("en",),
    "checked_on": "2026-11-20",
    "packages": ("transformers", "torch", "sentencepiece"),
    "devices": ("cuda", "mps", "cpu"),
    "streams": True,
}
ENGINES = [
    EngineSpec(
        id="speecht5/tts",
        task="tts",
        name="SpeechT5",
        system="SpeechT5",
        engine=SpeechT5,
        model="microsoft/speecht5_tts",
        summary="English, 16 kHz, with its HiFi-GAN vocoder; speaks with a CMU ARCTIC speaker's or a reference voice's x-vector.",
        docs_url="https://huggingface.co/microsoft/speecht5_tts",
        honours=("voice", "reference"),
        limits=Limits(characters=50_000),
        needs=Needs(
            packages=("torch", "transformers", "sentencepiece"),
            downloads=(
                Download("microsoft/speecht5_tts", _PICKLED),
                Download("microsoft/speecht5_hifigan", ("config.json", WEIGHTS)),
                Download("https://huggingface.co/datasets/Matthijs/cmu-arctic-xvectors/resolve/main/spkrec-xvect.zip"),
                Download("speechbrain/spkrec-xvect-voxceleb", (_xvector.FILE,)),
            ),
            download_gb=0.7,
            memory_gb=memory_gb(157e6),
            gpu_memory_gb=memory_gb(157e6),
        ),
        voices=tuple(SPEAKERS),
        default_voice="slt",
        parameters=157e6,
        consent=CONSENT,
        **_COMMON,
    ),
    EngineSpec(
        id="speecht5/asr",
        task="asr",
        name="SpeechT5 ASR",
        system="SpeechT5 ASR",
        engine=SpeechT5Asr,
        model="microsoft/speecht5_asr",
        summary="English letter by letter, without punctuation and capitals; the twin of the SpeechT5 voice.",
        docs_url="https://huggingface.co/microsoft/speecht5_asr",
        limits=Limits(audio_seconds=3600),
        needs=Needs(
            packages=("torch", "transformers", "sentencepiece"),
            downloads=(Download("microsoft/speecht5_asr", _PICKLED),),
            download_gb=0.6,
            memory_gb=memory_gb(154e6),
            gpu_memory_gb=memory_gb(154e6),
        ),
        parameters=154e6,
        **_COMMON,
    ),
]


OWN_VARIANTS = {"": "speaks", "asr": "writes down what is said"}


def own(source: str, variant: str = "") -> EngineSpec:
    return own_spec(ENGINES[1 if variant else 0], source, variant=variant)
