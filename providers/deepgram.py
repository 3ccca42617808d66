"""Deepgram: transcription of files and live, turns of a conversation, speech; what each model takes and costs."""

from __future__ import annotations

from engine.contract import EngineSpec, Limits, Needs, Price
from providers._deepgram import Listen, ListenLive, ListenTurns, Speak

READ_ON = "2026-11-20"
_PRICED_ON = "2026-08-01"
_PRICING = "https://deepgram.com/pricing"
_NEEDS = Needs(key="DEEPGRAM_API_KEY", packages=("deepgram", "httpx", "websockets"))
_COMMON = dict(
    vendor="Deepgram", where="cloud", license_code=None, license_weights=None, checked_on=READ_ON, packages=("deepgram-sdk",)
)
_DATA_USE = "Opted out of the model improvement programme on every request (mip_opt_out); processed in the United States."
_VOICES = (
    *(
        f"aura-2-{name}-en"
        for name in ("thalia", "andromeda", "apollo", "arcas", "aurora", "helena", "hermes", "luna", "orion", "zeus")
    ),
    *("aura-2-celeste-es", "aura-2-nestor-es", "aura-2-viktoria-de", "aura-2-julius-de", "aura-2-rhea-nl", "aura-2-sander-nl"),
    *("aura-2-agathe-fr", "aura-2-hector-fr", "aura-2-livia-it", "aura-2-dionisio-it", "aura-2-izanami-ja", "aura-2-fujin-ja"),
)


def _minute(usd: float, note: str = "", *, speakers: bool = True) -> tuple[Price, ...]:
    listening = Price("input_audio_seconds", usd, per=60.0, source=_PRICING, checked_on=_PRICED_ON, note=note)
    if not speakers:
        return (listening,)
    asked = "only where speakers are asked for"
    return (
        listening,
        Price("diarized_audio_seconds", 0.0020, per=60.0, source=_PRICING, checked_on=_PRICED_ON, note=asked),
    )


_TOGETHER = ("en", "es", "fr", "de", "hi", "ru", "pt", "ja", "it", "nl")
_FILES = dict(
    task="asr",
    system="Deepgram Nova-3",
    engine=Listen,
    model="nova-3",
    docs_url="https://developers.deepgram.com/docs/pre-recorded-audio",
    limits=Limits(file_bytes=2_000_000_000),
    needs=_NEEDS,
    data_use=_DATA_USE,
    concurrency=50,
    **_COMMON,
)
_LIVE = dict(task="asr", needs=_NEEDS, streams=True, realtime=True, data_use=_DATA_USE, concurrency=150, **_COMMON)
_NOVA_LIVE = dict(
    system="Deepgram Nova-3",
    engine=ListenLive,
    model="nova-3",
    docs_url="https://developers.deepgram.com/docs/live-streaming-audio",
    **_LIVE,
)

ENGINES = [
    EngineSpec(
        id="deepgram/nova-3",
        name="Deepgram Nova-3",
        languages=("*",),
        summary="Transcribes a whole recording at once, with word times and speakers.",
        honours=("language", "prompt", "word_times", "speakers"),
        prices=_minute(0.0077),
        **_FILES,
    ),
    EngineSpec(
        id="deepgram/nova-3-multi",
        name="Deepgram Nova-3 multilingual",
        languages=_TOGETHER,
        summary="Transcribes a whole recording in which people switch between ten languages.",
        honours=("prompt", "word_times", "speakers"),
        prices=_minute(0.0092),
        extra={"language": "multi"},
        **_FILES,
    ),
    EngineSpec(
        id="deepgram/nova-3-live",
        name="Deepgram Nova-3 live",
        languages=("*",),
        summary="Transcribes while the sound plays, at the pace of a microphone; English unless a language is set.",
        honours=("language", "prompt", "word_times", "speakers"),
        prices=_minute(0.0048, "promotional price for streaming"),
        **_NOVA_LIVE,
    ),
    EngineSpec(
        id="deepgram/nova-3-multi-live",
        name="Deepgram Nova-3 multilingual live",
        languages=_TOGETHER,
        summary="Transcribes while the sound plays, at the pace of a microphone; people may switch between ten languages.",
        honours=("prompt", "word_times", "speakers"),
        prices=_minute(0.0058, "promotional price for streaming"),
        extra={"language": "multi"},
        **_NOVA_LIVE,
    ),
    EngineSpec(
        id="deepgram/flux-general-en-live",
        name="Deepgram Flux live",
        system="Deepgram Flux",
        engine=ListenTurns,
        model="flux-general-en",
        languages=("en",),
        summary="English conversations at the pace of a microphone; made to tell when a speaker has finished.",
        docs_url="https://developers.deepgram.com/docs/flux/quickstart",
        honours=("prompt", "word_times"),
        prices=_minute(0.0065, speakers=False),
        **_LIVE,
    ),
    EngineSpec(
        id="deepgram/aura-2",
        task="tts",
        name="Deepgram Aura-2",
        system="Deepgram Aura-2",
        engine=Speak,
        model="aura-2",
        languages=("en", "es", "de", "nl", "fr", "it", "ja"),
        summary="Speech for conversations; the language is the voice's own.",
        docs_url="https://developers.deepgram.com/docs/tts-models",
        honours=("voice",),
        prices=(Price("input_characters", 0.030, per=1_000.0, source=_PRICING, checked_on=_PRICED_ON),),
        limits=Limits(characters=2_000),
        needs=_NEEDS,
        voices=_VOICES,
        default_voice="aura-2-thalia-en",
        streams=True,
        data_use=_DATA_USE,
        concurrency=15,
        **_COMMON,
    ),
]
