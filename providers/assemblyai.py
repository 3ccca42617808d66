"""AssemblyAI: transcription at once, as a job and live, and speech; what each model takes and costs."""

from __future__ import annotations

from engine.contract import EngineSpec, Limits, Needs, Price
from providers._assemblyai import LANGUAGE_NAMES, Speak, TranscribeJob, TranscribeLive, TranscribeNow

READ_ON = "2026-11-20"
_PRICING = "https://www.assemblyai.com/pricing"
_NEEDS = Needs(key="ASSEMBLYAI_API_KEY", packages=("assemblyai", "httpx"))
_COMMON = dict(
    vendor="AssemblyAI",
    where="cloud",
    license_code=None,
    license_weights=None,
    checked_on=READ_ON,
    needs=_NEEDS,
    packages=("assemblyai",),
    data_use="Uploads and transcripts are kept by the vendor until they are deleted there; processed in the United States.",
)
_LIVE = _COMMON | {"needs": Needs(key="ASSEMBLYAI_API_KEY", packages=("assemblyai", "httpx", "websockets"))}
_SESSION = Price(
    "session_seconds",
    0.15,
    per=3_600.0,
    source=_PRICING,
    checked_on="2026-08-01",
    note="for as long as the connection is open; an extra charge for terms, if any, was not found",
)
_SPEAKERS = Price(
    "diarized_audio_seconds",
    0.02,
    per=3_600.0,
    source=_PRICING,
    checked_on="2026-10-07",
    note="only where speakers are asked for",
)
_SYNC_LANGUAGES = (
    *("en", "es", "de", "fr", "it", "pt", "tr", "nl", "sv", "no", "da", "fi", "hi", "vi", "ar", "he", "ja", "ur", "zh"),
)


def _hour(usd: float) -> Price:
    return Price("input_audio_seconds", usd, per=3_600.0, source=_PRICING, checked_on="2026-10-07")


ENGINES = [
    EngineSpec(
        id="assemblyai/universal-3-5-pro-sync",
        task="asr",
        name="AssemblyAI Universal-3.5 Pro, synchronous",
        system="AssemblyAI Universal-3.5 Pro",
        engine=TranscribeNow,
        model="universal-3-5-pro",
        languages=_SYNC_LANGUAGES,
        summary="One request, one answer, for sounds of up to two minutes.",
        docs_url="https://www.assemblyai.com/docs/speech-to-text/models",
        honours=("language", "prompt", "word_times"),
        prices=(_hour(0.30),),
        limits=Limits(audio_seconds=120.0),
        **_COMMON,
    ),
    EngineSpec(
        id="assemblyai/universal-3-5-pro",
        task="asr",
        name="AssemblyAI Universal-3.5 Pro",
        system="AssemblyAI Universal-3.5 Pro",
        engine=TranscribeJob,
        model="universal-3-5-pro",
        languages=_SYNC_LANGUAGES,
        summary="The most accurate model, for recordings of any length: uploads, then asks until it is done.",
        docs_url="https://www.assemblyai.com/docs/speech-to-text/models",
        honours=("language", "prompt", "word_times", "speakers"),
        prices=(_hour(0.21), _SPEAKERS),
        limits=Limits(audio_seconds=36_000.0, file_bytes=5_000_000_000),
        **_COMMON,
    ),
    EngineSpec(
        id="assemblyai/universal-2",
        task="asr",
        name="AssemblyAI Universal-2",
        system="AssemblyAI Universal-2",
        engine=TranscribeJob,
        model="universal-2",
        languages=("*",),
        summary="Cheaper and in 99 languages: uploads, then asks until it is done.",
        docs_url="https://www.assemblyai.com/docs/speech-to-text/models",
        honours=("language", "prompt", "word_times", "speakers"),
        prices=(_hour(0.15), _SPEAKERS),
        limits=Limits(audio_seconds=36_000.0, file_bytes=5_000_000_000),
        **_COMMON,
    ),
    *(
        EngineSpec(
            id=f"assemblyai/universal-streaming-{variant}-live",
            task="asr",
            name=f"AssemblyAI Universal-Streaming, {variant}",
            system="AssemblyAI Universal-Streaming",
            engine=TranscribeLive,
            model=f"universal-streaming-{variant}",
            languages=languages,
            summary=f"Transcribes while the sound plays, at the pace of a microphone; {what}.",
            docs_url="https://www.assemblyai.com/docs/streaming/universal-streaming",
            honours=("prompt", "word_times"),
            prices=(_SESSION,),
            streams=True,
            realtime=True,
            **_LIVE,
        )
        for variant, languages, what in (
            ("english", ("en",), "English only"),
            ("multilingual", ("en", "es", "de", "fr", "it", "pt"), "it finds out which of six languages is spoken"),
        )
    ),
    EngineSpec(
        id="assemblyai/assemblyai-tts-1",
        task="tts",
        name="AssemblyAI TTS 1",
        system="AssemblyAI TTS",
        engine=Speak,
        model="assemblyai-tts-1",
        languages=tuple(LANGUAGE_NAMES),
        summary="Speech in six languages; its price was not found.",
        docs_url="https://www.assemblyai.com/docs",
        honours=("voice", "language"),
        limits=Limits(characters=5_000),
        voices=tuple(
            f"aai-{name}"
            for name in ("jane", "alba", "anna", "charles", "eve", "george", "jean", "mary", "michael", "paul", "vera")
        ),
        default_voice="aai-jane",
        streams=True,
        **_COMMON,
    ),
]
