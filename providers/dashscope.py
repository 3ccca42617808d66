"""Alibaba DashScope (Model Studio): Qwen hears, speaks and answers, by default in the international region.

Its SDK keeps address and key in module globals and never raises, so the openai SDK is used, which the vendor documents for chat
and which posts its own speech protocol as well. Paraformer takes only files that lie on a public address, and is left out.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from typing import Any

from engine.contract import (
    BadResponse,
    Engine,
    EngineSpec,
    Limits,
    Needs,
    Piece,
    Price,
    Synthesize,
    Text,
    Transcribe,
    Unsupported,
    Usage,
)
from providers._openai_shape import AudioChat, OpenAIShaped
from providers._pcm import pcm_pieces
from providers._realtime import RATE, RealtimeEngine, Reply, refusal, send

BASE_URL = "https://dashscope-intl.aliyuncs.com"
_CHAT = "/compatible-mode/v1"
_SPEECH = "/api/v1/services/aigc/multimodal-generation/generation"
_SOCKET = "/api-ws/v1/realtime"
_LANGUAGES = {
    "zh": "Chinese",
    "en": "English",
    "de": "German",
    "it": "Italian",
    "pt": "Portuguese",
    "es": "Spanish",
    "ja": "Japanese",
    "ko": "Korean",
    "fr": "French",
    "ru": "Russian",
}


def _host(base_url: str) -> str:
    """The vendor's documents name the address with and without the path of its chat."""
    return (base_url or BASE_URL).rstrip("/").removesuffix(_CHAT)


def _language_type(spec: EngineSpec, language: str | None) -> str:
    if language and language not in _LANGUAGES:
        raise Unsupported(f"{spec.id} does not speak {language!r}; it speaks {', '.join(_LANGUAGES)}")
    return _LANGUAGES[language] if language else "Auto"


def _characters(reported: Any) -> Usage | None:
    counted = reported.get("characters") if isinstance(reported, Mapping) else None
    return None if counted is None else Usage({"input_double_byte_characters": float(counted)})


class DashScope(OpenAIShaped):
    def address(self) -> str:
        return _host(self.base_url) + _CHAT


class Omni(DashScope, AudioChat):
    pass


class Hear(DashScope):
    """One chat message that is nothing but sound; the system message holds the terms to expect."""

    def run(self, request: Transcribe, timeout_s: float) -> Iterator[Piece]:
        options: dict[str, Any] = {"enable_itn": False}
        if request.language:
            options["language"] = request.language
        sent: dict[str, Any] = {"model": self.spec.model, "stream": True, "stream_options": {"include_usage": True}}
        wav = base64.b64encode(request.audio.mono().resample(16_000).to_wav()).decode()
        sound = {"type": "input_audio", "input_audio": {"data": f"data:audio/wav;base64,{wav}"}}
        messages: list[dict[str, Any]] = [{"role": "user", "content": [sound]}]
        if request.prompt:
            messages.insert(0, {"role": "system", "content": [{"type": "text", "text": request.prompt}]})
        with self.line.call(timeout_s):
            events = self.client.chat.completions.create(messages=messages, extra_body={"asr_options": options}, **sent)
            model = yield from self._heard(events)
        yield self.facts(sent | {"asr_options": options, "context": request.prompt}, model)

    def _heard(self, events: Any) -> Iterator[Piece]:
        so_far, finish, model, language, usage = "", None, None, None, None
        with self.line.reading("chat events"):
            for event in events:
                model, usage = event.model or model, event.usage or usage
                for choice in event.choices or ():
                    finish = choice.finish_reason or finish
                    for note in getattr(choice.delta, "annotations", None) or ():
                        language = note.get("language") or language
                    if choice.delta.content:
                        so_far += choice.delta.content
                        yield Text(so_far, final=False)
            if finish != "stop":
                raise BadResponse(f"{self.spec.id} ended its stream without the finished transcript")
            yield Text(so_far, language=language)
            seconds = getattr(usage, "seconds", None)
            if seconds is not None:
                yield Usage({"input_audio_seconds": float(seconds)})
        return model


class Speak(DashScope):
    """The vendor's own streaming protocol: base64 of 24 kHz PCM in server-sent events."""

    def run(self, request: Synthesize, timeout_s: float) -> Iterator[Piece]:
        from openai import Stream

        asked = {
            "voice": request.voice or self.spec.default_voice,
            "language_type": _language_type(self.spec, request.language),
        }
        body = {"model": self.spec.model, "input": {"text": request.text, **asked}}
        said: dict[str, Any] = {}
        with self.line.call(timeout_s):
            events = self.client.post(
                _host(self.base_url) + _SPEECH,
                cast_to=object,
                body=body,
                options={"headers": {"X-DashScope-SSE": "enable"}},
                stream=True,
                stream_cls=Stream[object],
            )
            yield from pcm_pieces(self.spec.id, {}, self._sound(events, said), RATE)
            if usage := _characters(said.get("usage")):
                yield usage
        yield self.facts({"model": self.spec.model, **asked}, request_id=said.get("request_id"))

    def _sound(self, events: Any, said: dict[str, Any]) -> Iterator[bytes]:
        """The PCM of each event; `said` keeps the latest usage and request id."""
        finished = False
        with self.line.reading("speech events"):
            for event in events:
                if event.get("code"):
                    raise refusal(self.spec.id, event)
                said |= {name: event[name] for name in ("usage", "request_id") if event.get(name)}
                finished = finished or event["output"].get("finish_reason") == "stop"
                if data := (event["output"].get("audio") or {}).get("data"):
                    yield base64.b64decode(data, validate=True)
        if not finished:
            raise BadResponse(f"{self.spec.id} ended its stream before the speech was finished")


class SpeakLive(RealtimeEngine):
    """The whole text at once over a websocket; the vendor speaks it in one or more answers until it says that it has finished."""

    def run(self, request: Synthesize, timeout_s: float) -> Iterator[Piece]:
        session = {
            "mode": "server_commit",
            "voice": request.voice or self.spec.default_voice,
            "language_type": _language_type(self.spec, request.language),
            "response_format": "pcm",
            "sample_rate": RATE,
        }
        url = f"ws{_host(self.base_url)[4:]}{_SOCKET}?model={self.spec.model}"
        reply, billed = Reply(self.line), 0.0
        with self.line.call(timeout_s), self.line.websocket(url, {"Authorization": f"Bearer {self.key}"}) as connection:
            send(connection, "session.update", event_id="event_1", session=session)
            send(connection, "input_text_buffer.append", event_id="event_2", text=request.text)
            send(connection, "session.finish", event_id="event_3")
            for event in reply.events(connection, "session.finished"):
                yield from reply.take(event)
                if event["type"] == "response.done":
                    with self.line.reading("a closing report"):
                        reply.check_ended(event["response"], sound=False)
                        billed += float((event["response"].get("usage") or {}).get("characters") or 0)
            reply.check_ended({}, sound=True)
        if billed:
            yield Usage({"input_double_byte_characters": billed})
        yield reply.facts({"model": self.spec.model, **session})


READ_ON = "2026-11-20"
_DOCS = "https://www.alibabacloud.com/help/en/model-studio"
_KEY = "DASHSCOPE_API_KEY"
_REST = dict(needs=Needs(key=_KEY, packages=("openai", "httpx2")), packages=("openai",))
_VOICES = (
    *("Cherry", "Serena", "Ethan", "Chelsie", "Momo", "Vivian", "Moon", "Maia", "Kai", "Nofish", "Bella", "Jennifer", "Ryan"),
    *("Katerina", "Elias", "Jada", "Dylan", "Sunny", "Marcus", "Roy", "Peter", "Rocky", "Kiki", "Eric"),
)


def _spec(model: str, task: str, name: str, engine: type[Engine], system: str, summary: str, **rest: Any) -> EngineSpec:
    return EngineSpec(
        id=f"dashscope/{model}",
        task=task,
        name=name,
        vendor="Alibaba DashScope",
        system=system,
        engine=engine,
        where="cloud",
        model=model,
        license_code=None,
        license_weights=None,
        summary=summary,
        checked_on=READ_ON,
        data_use="Stored in Singapore, computed anywhere but mainland China; training and retention not stated in what was read.",
        **rest,
    )


_VOICE = dict(
    languages=tuple(_LANGUAGES),
    honours=("voice", "language"),
    limits=Limits(characters=600),
    voices=_VOICES,
    default_voice="Cherry",
    streams=True,
)

ENGINES = [
    _spec(
        "qwen3-asr-flash",
        "asr",
        "Qwen3-ASR Flash",
        Hear,
        "Qwen3-ASR",
        "Transcribes short recordings in eleven languages, with Chinese dialects. No word times.",
        languages=("zh", "en", "ar", "fr", "de", "es", "it", "pt", "ru", "ja", "ko"),
        docs_url=f"{_DOCS}/qwen-asr-api-reference",
        honours=("language", "prompt"),
        prices=(
            Price(
                "input_audio_seconds",
                0.000035,
                source="Alibaba Cloud's price page, second hand",
                checked_on="2026-08-01",
                note="Singapore; other regions differ",
            ),
        ),
        # 10 MB of base64 at 16 kHz; the vendor's own limit of 5 minutes lies beyond
        limits=Limits(audio_seconds=230.0, file_bytes=10_000_000),
        streams=True,
        **_REST,
    ),
    _spec(
        "qwen3-tts-flash",
        "tts",
        "Qwen3-TTS Flash",
        Speak,
        "Qwen3-TTS-Flash",
        "Many voices in ten languages and several Chinese dialects, for short texts.",
        docs_url=f"{_DOCS}/qwen-tts-api",
        prices=(
            Price(
                "input_double_byte_characters",
                0.10,
                per=10_000.0,
                source=f"{_DOCS}/qwen-tts",
                checked_on="2026-01-06",
                note="Singapore; a Chinese character counts as two, Beijing is 0.1147",
            ),
        ),
        **_VOICE,
        **_REST,
    ),
    _spec(
        "qwen3-tts-flash-realtime",
        "tts",
        "Qwen3-TTS Flash realtime",
        SpeakLive,
        "Qwen3-TTS-Flash-Realtime",
        "The same voices over a websocket, which begin to speak sooner; its price was not found.",
        docs_url=f"{_DOCS}/qwen-tts-realtime-server-events",
        needs=Needs(key=_KEY, packages=("websockets",)),
        packages=("websockets",),
        **_VOICE,
    ),
    _spec(
        "qwen3.8-omni-flash",
        "audio_lm",
        "Qwen3.8 Omni Flash",
        Omni,
        "Qwen3-Omni",
        "Hears a sound, thinks, and answers a question about it in writing; its thoughts are billed as output.",
        languages=("*",),
        docs_url=f"{_DOCS}/qwen-omni",
        honours=("prompt",),
        prices=tuple(
            Price(unit, usd, per=1e6, source="litellm 1.109.1 price map", checked_on=READ_ON, note="international")
            for unit, usd in (("input_audio_tokens", 0.15), ("input_text_tokens", 0.15), ("output_text_tokens", 0.47))
        ),
        streams=True,
        extra={"audio_prefix": "data:;base64,"},
        **_REST,
    ),
]
