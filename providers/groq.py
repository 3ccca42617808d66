"""Groq: Whisper and Orpheus on its own chips, through the OpenAI-shaped protocol; speech comes as a WAV file."""

from __future__ import annotations

from typing import Any

from engine.contract import EngineSpec, Limits, Needs, Price
from providers._openai_shape import Speech, Transcription

READ_ON = "2026-11-20"
_PRICED_ON = "2026-08-01"
_PRICING = "https://groq.com/pricing"
_COMMON: dict[str, Any] = dict(
    vendor="Groq",
    where="cloud",
    license_code=None,
    license_weights=None,
    checked_on=READ_ON,
    needs=Needs(key="GROQ_API_KEY", packages=("openai", "httpx2")),
    packages=("openai",),
    data_use="Training, retention and region are not stated in what was read.",
)
_AT = {"base_url": "https://api.groq.com/openai/v1"}


def _whisper(model: str, name: str, usd_per_hour: float, summary: str) -> EngineSpec:
    return EngineSpec(
        id=f"groq/{model}",
        task="asr",
        name=name,
        system="Whisper",
        engine=Transcription,
        model=model,
        languages=("*",),
        summary=summary,
        docs_url="https://console.groq.com/docs/speech-to-text",
        honours=("language", "prompt", "word_times"),
        prices=(
            Price(
                "input_audio_seconds",
                usd_per_hour,
                per=3_600.0,
                minimum=10.0,
                source=_PRICING,
                checked_on=_PRICED_ON,
                note="every request counts as at least 10 s",
            ),
        ),
        limits=Limits(file_bytes=25_000_000),
        extra=_AT | {"format": "verbose_json"},
        **_COMMON,
    )


ENGINES = [
    _whisper("whisper-large-v3", "Whisper large-v3 (Groq)", 0.111, "The open Whisper large-v3, hosted; bills at least 10 s."),
    _whisper(
        "whisper-large-v3-turbo",
        "Whisper large-v3 turbo (Groq)",
        0.04,
        "The open Whisper large-v3 turbo, hosted: faster and cheaper, slightly less exact; bills at least 10 s.",
    ),
    EngineSpec(
        id="groq/orpheus-v1-english",
        task="tts",
        name="Orpheus v1 English (Groq)",
        system="Orpheus",
        engine=Speech,
        model="canopylabs/orpheus-v1-english",
        languages=("en",),
        summary="Expressive English voices for short texts; its terms must be accepted once in Groq's console.",
        docs_url="https://console.groq.com/docs/text-to-speech",
        honours=("voice",),
        prices=(Price("input_characters", 22.0, per=1e6, source="litellm 1.109.1 price map", checked_on=READ_ON),),
        limits=Limits(characters=200),
        voices=("autumn", "diana", "hannah", "austin", "daniel", "troy"),
        default_voice="hannah",
        extra=_AT | {"format": "wav"},
        **_COMMON,
    ),
]
