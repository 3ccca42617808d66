"""Text to speech with VITS in transformers: Meta's MMS voices of single languages, and English LJ Speech and VCTK voices.

The MMS models read letters; the English ones read eSpeak NG's phonemes. One sound per passage, the same for the same seed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from engine.contract import Download, EngineSpec, Limits, Needs, NotReady, Synthesize
from local_models._own import own_spec
from local_models._phonemes import use_bundled_espeak
from local_models._speech import WEIGHTS, SpeechEngine, chosen_voice, some
from local_models._torch import memory_gb

MOST_SPEAKERS = 512


class Vits(SpeechEngine):
    half = "float32"  # its flows overflow in half precision
    longest = 300

    def load(self) -> None:
        from transformers import VitsModel, VitsTokenizer
        from transformers.utils import is_uroman_available

        self.place()
        self.model = self.pretrained(VitsModel, use_safetensors=None)
        self.tokenizer = self.pretrained(VitsTokenizer, weights_too=False)
        self.rate = self.model.config.sampling_rate
        if self.tokenizer.phonemize:
            use_bundled_espeak()
        if self.tokenizer.is_uroman and not is_uroman_available():
            raise NotReady(f"{self.spec.id} reads Latin letters only and needs the package uroman to spell its language in them")
        speakers = self.model.config.num_speakers
        self.voices = [f"speaker-{number}" for number in range(min(speakers, MOST_SPEAKERS))] if speakers > 1 else []

    def settings(self, request: Synthesize) -> dict[str, Any]:
        voice = chosen_voice(self.spec, request.voice, self.voices)
        return {"speaking_rate": request.speed or 1.0} | ({"voice": voice} if voice else {})

    def speak(self, passage: str, request: Synthesize, settings: Mapping[str, Any]) -> Any:
        if not self.tokenizer.prepare_for_tokenization(passage)[0].strip():
            return None
        inputs = self.tokenizer(passage, return_tensors="pt").to(self.device)
        speaker = self.voices.index(settings["voice"]) if "voice" in settings else None
        return self.model(**inputs, speaker_id=speaker, speaking_rate=settings["speaking_rate"]).waveform[0]

    def left_out(self, text: str) -> str | None:
        if self.tokenizer.phonemize or self.tokenizer.is_uroman:
            return None
        known = self.tokenizer.encoder
        silent = sorted({letter for letter in text if letter.isalnum() and not {letter, letter.lower()} & set(known)})
        return f"Left out, for the model has no sound for them: {some(silent)}. Write numbers as words." if silent else None


def _spec(variant: str, source: str, system: str, name: str, language: str, **own: Any) -> EngineSpec:
    facts: dict[str, Any] = {
        "license_weights": "MIT", "honours": ("speed",), "parameters": 36.3e6, "vendor": "Kakao Enterprise",
        "downloads": (Download(source),),
    } | own  # fmt: skip
    return EngineSpec(
        id=f"vits/{variant}",
        task="tts",
        name=name,
        vendor=facts["vendor"],
        system=system,
        engine=Vits,
        where="local",
        model=source,
        license_code="Apache-2.0",
        license_weights=facts["license_weights"],
        languages=(language,),
        summary=facts["summary"],
        docs_url=f"https://huggingface.co/{source}",
        checked_on="2026-11-20",
        honours=facts["honours"],
        limits=Limits(characters=50_000),
        needs=Needs(
            packages=("torch", "transformers", *facts.get("packages", ())),
            downloads=facts["downloads"],
            download_gb=round(facts["parameters"] * 4e-9, 2),
            memory_gb=memory_gb(facts["parameters"]),
            gpu_memory_gb=memory_gb(facts["parameters"]),
        ),
        voices=facts.get("voices", ()),
        default_voice=facts.get("default_voice"),
        parameters=facts["parameters"],
        packages=("transformers", "torch", *facts.get("distributions", ())),
        devices=("cuda", "mps", "cpu"),
        streams=True,
    )


def _mms(code: str, language: str, name: str) -> EngineSpec:
    return _spec(
        f"mms-{code}", f"facebook/mms-tts-{code}", "VITS (MMS-TTS)", f"MMS-TTS {name}", language, vendor="Meta",
        license_weights="CC-BY-NC-4.0",
        summary=f"One {name} voice of Meta's Massively Multilingual Speech, read from letters. Numbers must be written as words.",
    )  # fmt: skip


_ENGLISH: dict[str, Any] = {
    "packages": ("phonemizer", "espeakng_loader"),
    "distributions": ("phonemizer", "espeakng-loader"),
}
ENGINES = [
    _mms("eng", "en", "English"),
    _mms("deu", "de", "German"),
    _mms("fra", "fr", "French"),
    _mms("spa", "es", "Spanish"),
    _mms("por", "pt", "Portuguese"),
    _mms("nld", "nl", "Dutch"),
    _mms("pol", "pl", "Polish"),
    _mms("rus", "ru", "Russian"),
    _mms("ukr", "uk", "Ukrainian"),
    _mms("tur", "tr", "Turkish"),
    _mms("hin", "hi", "Hindi"),
    _mms("tam", "ta", "Tamil"),
    _mms("ara", "ar", "Arabic"),
    _mms("swh", "sw", "Swahili"),
    _mms("vie", "vi", "Vietnamese"),
    _mms("ind", "id", "Indonesian"),
    _spec(
        "ljs", "kakao-enterprise/vits-ljs", "VITS", "VITS LJ Speech", "en", **_ENGLISH,
        summary="One American female voice (LJ Speech), end to end from phonemes to sound.",
    ),
    _spec(
        "vctk", "kakao-enterprise/vits-vctk", "VITS multi-speaker", "VITS VCTK", "en", **_ENGLISH, parameters=39.7e6,
        honours=("voice", "speed"), voices=tuple(f"speaker-{number}" for number in range(109)), default_voice="speaker-0",
        downloads=(Download("kakao-enterprise/vits-vctk", ("*.json", WEIGHTS)),),
        summary="109 English voices of many accents (VCTK), numbered as in the checkpoint.",
    ),
]  # fmt: skip


def own(source: str) -> EngineSpec:
    """A person's own VITS checkpoint, or any of the 1,100 languages at facebook/mms-tts-<code>."""
    template = next(spec for spec in ENGINES if spec.id == "vits/vctk")
    spec = own_spec(template, source)
    return dataclasses.replace(spec, voices=(), default_voice=None)
