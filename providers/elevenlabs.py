"""ElevenLabs: transcription, live transcription, speech, music, voice isolation and stems; what each model takes and costs."""

from __future__ import annotations

from engine.contract import Engine, EngineSpec, Limits, Needs, Price
from providers._elevenlabs import Isolate, Music, Scribe, ScribeLive, Speak, Stems

READ_ON = "2026-11-20"
_PRICING = "https://elevenlabs.io/pricing/api"
_COMMON = dict(
    vendor="ElevenLabs",
    where="cloud",
    license_code=None,
    license_weights=None,
    checked_on=READ_ON,
    needs=Needs(key="ELEVENLABS_API_KEY", packages=("elevenlabs", "httpx")),
    packages=("elevenlabs",),
    data_use="Logged, and used for training unless the account opts out; zero retention is for enterprise plans only.",
)
_VOICES = {
    "George": "JBFqnCBsd6RMkjVDRZzb",
    "Sarah": "EXAVITQu4vr4xnSDxMaL",
    "Laura": "FGY2WhTYpPnrIDTdsKH5",
    "Lily": "pFZP5JQG7iQjIQuC4Bku",
    "Jessica": "cgSgspJ2msm6clMCkdW9",
    "Matilda": "XrExE9yKIg1WjnnlVkGX",
    "Alice": "Xb7hH8MSUJpSbSDYk0k2",
    "Brian": "nPczCjzI2devNBz1zQrb",
    "Will": "bIHbv24MWmeRgasZH58o",
    "Roger": "CwhRBWXzGAHq8TQ4Fs17",
    "Daniel": "onwK4e9ZLuTAKqWW03F9",
}
_FLASH_LANGUAGES = (
    *("en", "ja", "zh", "de", "hi", "fr", "ko", "pt", "it", "es", "id", "nl", "tr", "fil", "pl", "sv"),
    *("bg", "ro", "ar", "cs", "el", "fi", "hr", "ms", "sk", "da", "ta", "uk", "ru", "hu", "no", "vi"),
)
_V2_LANGUAGES = tuple(language for language in _FLASH_LANGUAGES if language not in ("hu", "no", "vi"))


def _hour(unit: str, usd: float, note: str = "") -> Price:
    return Price(unit, usd, per=3_600.0, source=_PRICING, checked_on="2026-08-01", note=note)


def _speech(
    model: str, name: str, usd: float, characters: int, languages: tuple[str, ...], summary: str, *more: str
) -> EngineSpec:
    note = "as a price map lists it, not the vendor's own page; in fact plans are billed in credits"
    return EngineSpec(
        id=f"elevenlabs/{model}",
        task="tts",
        name=f"ElevenLabs {name}",
        system=f"ElevenLabs {name}",
        engine=Speak,
        model=model,
        languages=languages,
        summary=summary,
        docs_url="https://elevenlabs.io/docs/overview/models",
        honours=("voice", *more),
        prices=(
            Price("input_characters", usd, per=1_000.0, source="litellm 1.109.1 price map", checked_on="2026-11-20", note=note),
        ),
        limits=Limits(characters=characters),
        voices=tuple(_VOICES),
        default_voice="George",
        lists_voices=True,
        extra={"voice_ids": _VOICES},
        streams=True,
        **_COMMON,
    )


def _separation(model: str, name: str, engine: type[Engine], summary: str, docs_url: str, limits: Limits) -> EngineSpec:
    return EngineSpec(
        id=f"elevenlabs/{model}",
        task="separation",
        name=f"ElevenLabs {name}",
        system=f"ElevenLabs {name}",
        engine=engine,
        model=model,
        languages=(),
        summary=summary,
        docs_url=docs_url,
        limits=limits,
        **_COMMON,
    )


_STEMS_URL = "https://elevenlabs.io/docs/api-reference/music/separate-stems"
_SCRIBE_URL = "https://elevenlabs.io/docs/overview/capabilities/speech-to-text"

ENGINES = [
    EngineSpec(
        id="elevenlabs/scribe_v2",
        task="asr",
        name="ElevenLabs Scribe v2",
        system="ElevenLabs Scribe",
        engine=Scribe,
        model="scribe_v2",
        languages=("*",),
        summary="Transcribes a whole recording at once, with word times and speakers, in 90 and more languages.",
        docs_url=_SCRIBE_URL,
        honours=("language", "prompt", "word_times", "speakers"),
        prices=(_hour("input_audio_seconds", 0.22), _hour("keyterm_audio_seconds", 0.05, "only where terms are given")),
        limits=Limits(audio_seconds=36_000.0, file_bytes=3_000_000_000),
        **_COMMON,
    ),
    EngineSpec(
        id="elevenlabs/scribe_v2_realtime-live",
        task="asr",
        name="ElevenLabs Scribe v2 live",
        system="ElevenLabs Scribe",
        engine=ScribeLive,
        model="scribe_v2_realtime",
        languages=("*",),
        summary="Transcribes while the sound plays, at the pace of a microphone; what is final comes at the end of speech.",
        docs_url=_SCRIBE_URL,
        honours=("language", "prompt", "word_times"),
        prices=(_hour("input_audio_seconds", 0.39, "an extra charge for terms, if any, was not found"),),
        streams=True,
        realtime=True,
        **_COMMON | {"needs": Needs(key="ELEVENLABS_API_KEY", packages=("elevenlabs", "httpx", "websockets"))},
    ),
    _speech("eleven_v4", "Eleven v4", 0.08, 10_000, ("*",), "The most expressive; takes audio tags in the text.", "language"),
    _speech("eleven_v4_turbo", "Eleven v4 Turbo", 0.04, 10_000, ("*",), "Expressive speech for conversations.", "language"),
    _speech("eleven_v3", "Eleven v3", 0.08, 5_000, ("*",), "Expressive; takes audio tags in the text.", "language"),
    _speech(
        "eleven_flash_v2_5", "Eleven Flash v2.5", 0.04, 40_000, _FLASH_LANGUAGES, "Made to answer fast.", "language", "speed"
    ),
    _speech(
        "eleven_multilingual_v2",
        "Eleven Multilingual v2",
        0.08,
        10_000,
        _V2_LANGUAGES,
        "Even long speech; it finds the language in the text.",
        "speed",
    ),
    *(
        EngineSpec(
            id=f"elevenlabs/{model}",
            task="music",
            name=f"Eleven Music {model.removeprefix('music_').replace('_', '.')}",
            system="Eleven Music",
            engine=Music,
            model=model,
            languages=(),
            summary="Music with or without song, of 3 s to 10 min, as MP3; its price was not found.",
            docs_url="https://elevenlabs.io/docs/overview/capabilities/music",
            honours=("duration_s",),
            limits=Limits(characters=4_100),
            streams=True,
            **_COMMON,
        )
        for model in ("music_v2_5", "music_v2", "music_v1")
    ),
    _separation(
        "audio_isolation",
        "Voice Isolator",
        Isolate,
        "Gives one stem alone, the voice without its background, so there is no rest to compare; its price was not found.",
        "https://elevenlabs.io/docs/overview/capabilities/voice-isolator",
        Limits(audio_seconds=3_600.0, file_bytes=500_000_000),
    ),
    _separation(
        "two_stems_v1",
        "Stem Separation, two stems",
        Stems,
        "A song in two stems, each an MP3 of 128 kbit/s; its price was not found.",
        _STEMS_URL,
        Limits(),
    ),
    _separation(
        "six_stems_v1",
        "Stem Separation, six stems",
        Stems,
        "A song in six stems, each an MP3 of 128 kbit/s; its price was not found.",
        _STEMS_URL,
        Limits(),
    ),
]
