"""Google Gemini: transcription, audio chat, tagging, speech and music. What hears takes sounds of up to seven minutes."""

from __future__ import annotations

from typing import Any

from engine.contract import Engine, EngineSpec, Limits, Needs, Price
from providers._generate_content import Answer, Play, Speak, TagByAsking, TranscribeByAsking, TranscribeFile

READ_ON = "2026-11-20"
_MAP = "litellm 1.109.1 price map"
_DOCS = "https://ai.google.dev/gemini-api/docs"
INLINE_SECONDS = 450.0  # of 16 kHz WAV in base64 just fit the vendor's 20 MB for a request without an upload
_DATA_USE = (
    "With a free-tier key Google uses what is sent to improve its products; with a paid project's key it does not. "
    "Region: not stated in what was read."
)
_LAUNCH = "launch price until 2026-12-31; doubles on 2027-01-01"
_FLASH_PRICES = (("input_audio_tokens", 0.75), ("input_text_tokens", 0.75), ("output_text_tokens", 3.75))
_VOICES = (
    *("Kore", "Puck", "Charon", "Zephyr", "Fenrir", "Leda", "Orus", "Aoede", "Callirrhoe", "Autonoe", "Enceladus", "Iapetus"),
    *("Umbriel", "Algieba", "Despina", "Erinome", "Algenib", "Rasalgethi", "Laomedeia", "Achernar", "Alnilam", "Schedar"),
    *("Gacrux", "Pulcherrima", "Achird", "Zubenelgenubi", "Vindemiatrix", "Sadachbia", "Sadaltager", "Sulafat"),
)


def _tokens(*rates: tuple[str, float], note: str = "", source: str = _MAP) -> tuple[Price, ...]:
    return tuple(Price(unit, usd, per=1e6, source=source, checked_on=READ_ON, note=note) for unit, usd in rates)


def _spec(model: str, task: str, name: str, engine: type[Engine], summary: str, docs: str, **rest: Any) -> EngineSpec:
    return EngineSpec(
        id=f"gemini/{rest.pop('id', model)}",
        task=task,
        name=name,
        vendor="Google",
        system=rest.pop("system", name),
        engine=engine,
        where="cloud",
        model=model,
        license_code=None,
        license_weights=None,
        languages=rest.pop("languages", ("*",)),
        summary=summary,
        docs_url=f"{_DOCS}/{docs}",
        checked_on=READ_ON,
        needs=Needs(key="GEMINI_API_KEY", packages=("google.genai", "httpx2")),
        packages=("google-genai",),
        data_use=_DATA_USE,
        **rest,
    )


_HEARS = dict(limits=Limits(audio_seconds=INLINE_SECONDS), streams=True)
_SPEAKS = dict(honours=("voice", "language", "instructions"), voices=_VOICES, default_voice="Kore", streams=True)

ENGINES = [
    _spec(
        "gemini-3.5-transcribe",
        "asr",
        "Gemini 3.5 Transcribe",
        TranscribeFile,
        "Google's transcription model, 85 languages; word times and speakers are experimental and lower its accuracy.",
        "generate-content/transcribe",
        honours=("language", "prompt", "word_times", "speakers"),
        prices=_tokens(("input_audio_tokens", 2.0), ("input_text_tokens", 2.0), ("output_text_tokens", 12.0)),
        **_HEARS,
    ),
    _spec(
        "gemini-3.8-flash",
        "asr",
        "Gemini 3.8 Flash, asked to transcribe",
        TranscribeByAsking,
        "A language model that is asked for a transcript: it may leave out, tidy up or translate words.",
        "audio",
        id="gemini-3.8-flash-asr",
        system="Gemini 3.8 Flash",
        honours=("language", "prompt"),
        prices=_tokens(*_FLASH_PRICES, note=_LAUNCH),
        **_HEARS,
    ),
    _spec(
        "gemini-3.8-flash",
        "audio_lm",
        "Gemini 3.8 Flash",
        Answer,
        "Hears a sound and answers a question about it in writing.",
        "audio",
        honours=("prompt",),
        prices=_tokens(*_FLASH_PRICES, note=_LAUNCH),
        **_HEARS,
    ),
    _spec(
        "gemini-2.5-flash",
        "audio_lm",
        "Gemini 2.5 Flash",
        Answer,
        "The former audio chat model, switched off in October 2026.",
        "audio",
        honours=("prompt",),
        shutdown_date="2026-10-16",
        superseded_by="gemini/gemini-3.8-flash",
        **_HEARS,
    ),
    _spec(
        "gemini-3.8-flash",
        "tagging",
        "Gemini 3.8 Flash, asked for tags",
        TagByAsking,
        "A language model that is asked which sounds it hears: the scores are the language model's own, not probabilities.",
        "audio",
        id="gemini-3.8-flash-tagging",
        system="Gemini 3.8 Flash",
        languages=(),
        honours=("labels", "top_k"),
        prices=_tokens(*_FLASH_PRICES, note=_LAUNCH),
        limits=Limits(audio_seconds=INLINE_SECONDS),
    ),
    _spec(
        "gemini-3.8-flash-tts",
        "tts",
        "Gemini 3.8 Flash TTS",
        Speak,
        "Expressive speech that takes instructions on how to speak.",
        "speech-generation",
        prices=_tokens(("input_text_tokens", 0.50), ("output_audio_tokens", 9.0), note=_LAUNCH),
        **_SPEAKS,
    ),
    _spec(
        "gemini-3.8-flash-lite-tts",
        "tts",
        "Gemini 3.8 Flash-Lite TTS",
        Speak,
        "The faster and cheaper of Google's current voices.",
        "speech-generation",
        prices=_tokens(("input_text_tokens", 0.50), ("output_audio_tokens", 6.0), note=_LAUNCH),
        **_SPEAKS,
    ),
    _spec(
        "lyria-3-clip-preview",
        "music",
        "Lyria 3 Clip",
        Play,
        "Always 30 seconds of stereo music; vocals unless the description asks for none.",
        "music-generation",
        system="Lyria 3",
        prices=(Price("requests", 0.04, source=_MAP, checked_on=READ_ON, note="per 30 s clip"),),
    ),
    _spec(
        "lyria-3-pro-preview",
        "music",
        "Lyria 3 Pro",
        Play,
        "Whole songs of a few minutes; the length is said in the description. The vendor's pages now name Lyria 3.5 instead.",
        "music-generation",
        system="Lyria 3",
        prices=(Price("requests", 0.08, source=_MAP, checked_on=READ_ON, note="per song"),),
        superseded_by="gemini/lyria-3.5",
    ),
    _spec(
        "lyria-3.5",
        "music",
        "Lyria 3.5",
        Play,
        "Whole songs of a few minutes; the length is said in the description.",
        "music-generation",
        prices=(Price("requests", 0.08, source=_MAP, checked_on=READ_ON, note="per song"),),
    ),
]
