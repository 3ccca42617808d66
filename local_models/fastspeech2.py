"""Text to speech with FastSpeech 2 (Conformer) and HiFi-GAN in transformers: one English voice (LJ Speech), not sampled.

The model reads ARPAbet. Words come from the CMU Pronouncing Dictionary, the rest (names, numbers) from eSpeak NG's phonemes.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping
from typing import Any

from engine import weights
from engine.contract import Download, EngineSpec, Limits, Needs, NotReady, Synthesize
from local_models._arpabet import dictionary, from_espeak
from local_models._own import own_spec
from local_models._phonemes import use_bundled_espeak
from local_models._speech import WEIGHTS, SpeechEngine
from local_models._torch import memory_gb

DICTIONARY = "https://raw.githubusercontent.com/cmusphinx/cmudict/master/cmudict.dict"
_WORD = re.compile(r"[A-Za-z]+(?:['’][A-Za-z]+)*|[$€£]?\d(?:[\d,.:]*\d)?%?|\w+|[^\s\w]")
_PAUSES = {";": ",", ":": ",", "—": ",", "–": ",", "…": "."}


class FastSpeech2(SpeechEngine):
    half = "float32"
    longest = 300

    def load(self) -> None:
        from transformers import FastSpeech2ConformerWithHifiGan

        self.place()
        self.model = self.pretrained(FastSpeech2ConformerWithHifiGan, use_safetensors=None)
        self.rate = self.model.config.vocoder_config.sampling_rate
        vocabulary = weights.needed(self.spec) / "vocab.json"
        if not vocabulary.exists():
            raise NotReady(f"{self.spec.id}: {self.spec.model!r} has no vocab.json, which names its phonemes")
        self.numbers: dict[str, int] = json.loads(vocabulary.read_text(encoding="utf-8"))
        self.words = dictionary(weights.needed(self.spec, 1))
        use_bundled_espeak()
        from_espeak("ready")

    def settings(self, request: Synthesize) -> dict[str, Any]:
        return {"speed": request.speed or 1.0}

    def speak(self, passage: str, request: Synthesize, settings: Mapping[str, Any]) -> Any:
        import torch

        tokens = [self.numbers[sign] for sign in self.phonemes(passage) if sign in self.numbers]
        if not any(number not in self.silent for number in tokens):
            return None
        ids = torch.tensor([[*tokens, self.numbers["<sos/eos>"]]], device=self.device)
        # Its "speaking_speed" multiplies durations: larger is slower.
        self.model.model.config.speaking_speed = 1.0 / settings["speed"]
        return self.model(ids, return_dict=True).waveform.reshape(-1)

    def phonemes(self, text: str) -> list[str]:
        """The passage as ARPAbet signs with stress, and the punctuation that the model reads."""
        signs: list[str] = []
        for found in _WORD.findall(text):
            word = _PAUSES.get(found, found).replace("’", "'")
            signs += [word] if word in ",.?!" else self.words.get(word.lower()) or from_espeak(word)
        return signs

    @functools.cached_property
    def silent(self) -> frozenset[int]:
        return frozenset(number for sign, number in self.numbers.items() if not sign.isalnum())


ENGINES = [
    EngineSpec(
        id="fastspeech2/conformer",
        task="tts",
        name="FastSpeech 2 (Conformer)",
        vendor="ESPnet",
        system="FastSpeech2 (Conformer) + HiFi-GAN",
        engine=FastSpeech2,
        where="local",
        model="espnet/fastspeech2_conformer_with_hifigan",
        license_code="Apache-2.0; dictionary BSD-2-Clause",
        license_weights="Apache-2.0",
        languages=("en",),
        summary="One American voice (LJ Speech), all frames at once; words outside the dictionary are spelt by eSpeak NG.",
        docs_url="https://huggingface.co/espnet/fastspeech2_conformer_with_hifigan",
        checked_on="2026-11-20",
        honours=("speed",),
        limits=Limits(characters=50_000),
        needs=Needs(
            packages=("torch", "transformers", "phonemizer", "espeakng_loader"),
            downloads=(
                Download("espnet/fastspeech2_conformer_with_hifigan", ("*.json", WEIGHTS)),
                Download(DICTIONARY),
            ),
            download_gb=0.34,
            memory_gb=memory_gb(84e6),
            gpu_memory_gb=memory_gb(84e6),
        ),
        parameters=84e6,
        packages=("transformers", "torch", "phonemizer", "espeakng-loader"),
        devices=("cuda", "mps", "cpu"),
        streams=True,
    )
]


def own(source: str) -> EngineSpec:
    return own_spec(ENGINES[0], source)
