"""OpenAI: transcription, speech and audio chat, over REST and over the Realtime websocket.

Most of the older models end in early 2027, which their specs say.
"""

from __future__ import annotations

from typing import Any

from engine.contract import Engine, EngineSpec, Limits, Needs, Price
from providers._openai_shape import AudioChat, Speech, Transcription
from providers._realtime import LiveTranscription, RealtimeChat, RealtimeSpeech

READ_ON = "2026-11-20"
_MODEL_PAGE = "developers.openai.com model page"
_SURVEY = "OpenAI's pages as read on 2026-08-01; litellm 1.109.1 price map"
_DOCS = "https://developers.openai.com/api/docs"
_AT = {"base_url": "https://api.openai.com/v1"}
_KEY = "OPENAI_API_KEY"
_NEEDS = Needs(key=_KEY, packages=("openai", "httpx2"))
_SOCKET = dict(needs=Needs(key=_KEY, packages=("websockets",)), packages=("websockets",), docs_url=f"{_DOCS}/guides/realtime")
_DATA_USE = (
    "Not used for training by default; kept up to 30 days for abuse checks; United States unless the account says otherwise."
)
_REALTIME_VOICES = ("marin", "cedar", "alloy", "ash", "ballad", "coral", "echo", "sage", "shimmer", "verse")
_VOICES = ("alloy", "ash", "coral", "echo", "fable", "onyx", "nova", "sage", "shimmer")


def _spec(model: str, task: str, name: str, engine: type[Engine], **rest: Any) -> EngineSpec:
    return EngineSpec(
        id=rest.pop("id", f"openai/{model}"),
        task=task,
        name=name,
        vendor="OpenAI",
        engine=engine,
        where="cloud",
        model=model,
        license_code=None,
        license_weights=None,
        languages=rest.pop("languages", ("*",)),
        checked_on=READ_ON,
        needs=rest.pop("needs", _NEEDS),
        packages=rest.pop("packages", ("openai",)),
        data_use=_DATA_USE,
        extra=_AT | rest.pop("extra", {}),
        **rest,
    )


def _transcription(model: str, name: str, usd_per_minute: float, summary: str, note: str = "", **rest: Any) -> EngineSpec:
    price = Price(
        "input_audio_seconds", usd_per_minute, per=60.0, source=rest.pop("source", _SURVEY), checked_on=READ_ON, note=note
    )
    return _spec(
        model,
        "asr",
        name,
        Transcription,
        summary=summary,
        docs_url=f"{_DOCS}/guides/speech-to-text",
        prices=(price,),
        limits=Limits(file_bytes=26_214_400),
        **rest,
    )


_LAST_ASR = dict(shutdown_date="2027-02-26", superseded_by="openai/gpt-transcribe")
_LAST_TTS = dict(
    shutdown_date="2027-01-06",
    superseded_by="openai/gpt-realtime-2.1-mini",
    streams=True,
    docs_url=f"{_DOCS}/guides/text-to-speech",
    limits=Limits(characters=4_096),
)
_TOKENS = "the vendor's own figure per minute; it bills tokens"


def _tokens(source: str, *usd: float, note: str = "") -> tuple[Price, ...]:
    """Per million tokens: audio in, text in, audio out, text out."""
    units = ("input_audio_tokens", "input_text_tokens", "output_audio_tokens", "output_text_tokens")
    return tuple(
        Price(unit, each, per=1e6, source=source, checked_on=READ_ON, note=note) for unit, each in zip(units, usd, strict=True)
    )


_CHAT_PRICES = _tokens(_MODEL_PAGE, 32.0, 2.5, 64.0, 10.0)
_MAP = "litellm 1.109.1 price map"
_UNCACHED = "tokens that the vendor had cached cost less"
_REALTIME_PRICES = _tokens(_MAP, 32.0, 4.0, 64.0, 24.0, note=_UNCACHED)

ENGINES = [
    _transcription(
        "gpt-transcribe",
        "GPT Transcribe",
        0.0045,
        "OpenAI's current transcription model. No word times, no speakers.",
        source=_MODEL_PAGE,
        system="gpt-transcribe",
        honours=("language", "prompt"),
        streams=True,
        extra={"format": "json", "lists": True},
    ),
    _transcription(
        "gpt-4o-transcribe",
        "GPT-4o Transcribe",
        0.006,
        "The former best transcription model; ends in February 2027.",
        _TOKENS,
        system="gpt-4o-transcribe",
        honours=("language", "prompt"),
        streams=True,
        extra={"format": "json"},
        **_LAST_ASR,
    ),
    _transcription(
        "gpt-4o-mini-transcribe",
        "GPT-4o mini Transcribe",
        0.003,
        "The former cheap transcription model; ends in February 2027.",
        _TOKENS,
        system="gpt-4o-mini-transcribe",
        honours=("language", "prompt"),
        streams=True,
        extra={"format": "json"},
        **_LAST_ASR,
    ),
    _transcription(
        "gpt-4o-transcribe-diarize",
        "GPT-4o Transcribe Diarize",
        0.006,
        "Says who spoke, turn by turn: its times are those of turns, not of words. Ends in February 2027.",
        _TOKENS,
        system="gpt-4o-transcribe",
        honours=("language", "speakers"),
        extra={"format": "diarized_json"},
        **_LAST_ASR,
    ),
    _transcription(
        "whisper-1",
        "Whisper (OpenAI API)",
        0.006,
        "Whisper large-v2, hosted: the only OpenAI model with word times. Ends in February 2027.",
        system="Whisper",
        honours=("language", "prompt", "word_times"),
        extra={"format": "verbose_json"},
        **_LAST_ASR,
    ),
    _spec(
        "tts-1",
        "tts",
        "OpenAI TTS-1",
        Speech,
        system="OpenAI TTS",
        summary="Fast voice of the older generation; ends in January 2027.",
        honours=("voice", "speed"),
        voices=_VOICES,
        default_voice="alloy",
        prices=(Price("input_characters", 15.0, per=1e6, source=_SURVEY, checked_on=READ_ON),),
        **_LAST_TTS,
    ),
    _spec(
        "tts-1-hd",
        "tts",
        "OpenAI TTS-1 HD",
        Speech,
        system="OpenAI TTS",
        summary="The older generation at higher quality and twice the price; ends in January 2027.",
        honours=("voice", "speed"),
        voices=_VOICES,
        default_voice="alloy",
        prices=(Price("input_characters", 30.0, per=1e6, source=_SURVEY, checked_on=READ_ON),),
        **_LAST_TTS,
    ),
    _spec(
        "gpt-4o-mini-tts",
        "tts",
        "GPT-4o mini TTS",
        Speech,
        system="OpenAI TTS",
        summary="A voice that takes instructions on how to speak; ends in January 2027.",
        honours=("voice", "instructions"),
        voices=(*_VOICES, "ballad", "verse", "marin", "cedar"),
        default_voice="alloy",
        prices=(Price("output_audio_seconds", 0.015, per=60.0, source=_SURVEY, checked_on=READ_ON, note=_TOKENS),),
        **_LAST_TTS,
    ),
    _spec(
        "gpt-audio-1.5",
        "audio_lm",
        "GPT Audio 1.5",
        AudioChat,
        system="gpt-audio",
        summary="Hears a sound and answers a question about it in writing.",
        docs_url=f"{_DOCS}/guides/audio",
        honours=("prompt",),
        prices=_CHAT_PRICES,
        streams=True,
    ),
    _spec(
        "gpt-audio-1.5",
        "audio_lm",
        "GPT Audio 1.5, spoken",
        AudioChat,
        id="openai/gpt-audio-1.5-spoken",
        system="gpt-audio",
        summary="Hears a sound and answers a question about it aloud, with the transcript of its answer.",
        docs_url=f"{_DOCS}/guides/audio",
        honours=("prompt",),
        prices=_CHAT_PRICES,
        streams=True,
        extra={"voice": "alloy"},
    ),
    _spec(
        "gpt-live-transcribe",
        "asr",
        "GPT Live Transcribe",
        LiveTranscription,
        system="gpt-live-transcribe",
        summary="Transcribes while the sound plays, at the pace of a microphone. No word times, no speakers.",
        honours=("language", "prompt"),
        prices=(Price("input_audio_seconds", 0.017, per=60.0, source=_MODEL_PAGE, checked_on=READ_ON),),
        streams=True,
        realtime=True,
        **_SOCKET,
    ),
    _spec(
        "gpt-realtime-2.1-mini",
        "tts",
        "GPT Realtime 2.1 mini, reading aloud",
        RealtimeSpeech,
        system="gpt-realtime",
        summary="OpenAI's named successor of its TTS models: a conversation model told to read aloud. May paraphrase.",
        honours=("voice", "speed", "instructions"),
        voices=_REALTIME_VOICES,
        default_voice="marin",
        prices=_tokens(_MAP, 10.0, 0.6, 20.0, 2.4, note=_UNCACHED),
        streams=True,
        **_SOCKET,
    ),
    _spec(
        "gpt-realtime-2.1",
        "audio_lm",
        "GPT Realtime 2.1",
        RealtimeChat,
        system="gpt-realtime",
        summary="Hears a sound over a websocket and answers a question about it in writing.",
        honours=("prompt",),
        prices=_REALTIME_PRICES,
        streams=True,
        **_SOCKET,
    ),
    _spec(
        "gpt-realtime-2.1",
        "audio_lm",
        "GPT Realtime 2.1, spoken",
        RealtimeChat,
        id="openai/gpt-realtime-2.1-spoken",
        system="gpt-realtime",
        summary="Hears a sound over a websocket and answers a question about it aloud, with the transcript of its answer.",
        honours=("prompt",),
        prices=_REALTIME_PRICES,
        streams=True,
        extra={"voice": "marin"},
        **_SOCKET,
    ),
]
