"""Cartesia: text in, 24 kHz speech out, streamed; sound in, text out."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from engine.contract import (
    BadInput,
    BadResponse,
    Engine,
    EngineError,
    EngineSpec,
    Facts,
    Needs,
    Piece,
    Price,
    Synthesize,
    Text,
    Transcribe,
    Usage,
    Voice,
    Word,
)
from providers._http import Line, Refused
from providers._pcm import pcm_pieces
from providers._voices import PAGE_SIZE, gathered, short_answers, voice

BASE_URL = "https://api.cartesia.ai"
SPEECH_RATE = 24_000
_VOICE_ID = r"[\w-]{1,100}"
_IMPORTS = threading.Lock()  # two threads in these modules at once wait for each other, and Python gives up on one


class CartesiaEngine(Engine):
    def load(self) -> None:
        import httpx
        from cartesia import Cartesia

        with _IMPORTS:
            import cartesia.resources  # noqa: F401 - the SDK would import it in the first run

        self.line = Line(self.spec.id)
        self.client = Cartesia(
            api_key=self.key,
            base_url=self.base_url or BASE_URL,
            max_retries=0,
            http_client=self.line.client(httpx),
        )
        # the SDK takes these from the environment, where they may hold another key
        self.client._custom_headers = {}

    def close(self) -> None:
        if hasattr(self, "line"):
            self.line.hang_up()

    @contextmanager
    def call(self, timeout_s: float) -> Iterator[None]:
        """The line's call, with our own errors as they were raised: the SDK makes lost connections of them."""
        try:
            with self.line.call(timeout_s):
                yield
        except Exception as error:
            if isinstance(error.__cause__, EngineError) and not isinstance(error, EngineError):
                raise error.__cause__ from None
            raise

    def facts(self, sent: Mapping[str, Any], request_id: str | None = None) -> Facts:
        found = request_id or self.line.headers.get("x-request-id") or self.line.headers.get("cartesia-request-id")
        return Facts(request_id=found, connect_s=self.line.connect_s, sent=dict(sent))


class Speak(CartesiaEngine):
    """Server-sent events rather than the plain bytes: those end alike when they are complete and when something went wrong."""

    def run(self, request: Synthesize, timeout_s: float) -> Iterator[Piece]:
        named = request.voice or self.spec.default_voice or ""
        sent: dict[str, Any] = {
            "model_id": self.spec.model,
            "voice": {"id": self.spec.extra["voice_ids"].get(named, named)},
            "output_format": {"container": "raw", "encoding": "pcm_s16le", "sample_rate": SPEECH_RATE},
        }
        if request.language:
            sent["language"] = request.language
        if request.speed is not None:
            if not 0.6 <= request.speed <= 1.5:
                raise BadInput(f"{self.spec.id} speaks at 0.6 to 1.5 times the normal speed, not at {request.speed:g}")
            sent["generation_config"] = {"speed": request.speed}
        with self.call(timeout_s), self.client.tts.generate_sse(transcript=request.text, **sent) as events:
            # the events' own content type is text, so it says nothing about the sound within
            yield from pcm_pieces(self.spec.id, {}, self._sound(events), SPEECH_RATE)
        yield self.facts(sent)

    def _sound(self, events: Any) -> Iterator[bytes]:
        done = False
        with self.line.reading("speech events"):
            for event in events:
                if event.type == "error":
                    kind = {401: "auth", 402: "quota", 429: "rate_limit"}.get(event.status_code)
                    kind = kind or ("bad_input" if 400 <= event.status_code < 500 else "server")
                    raise Refused(f"{self.spec.id} stopped: {event.message or event.title or 'no reason given'}", kind)
                if event.type == "chunk":
                    yield base64.b64decode(event.data, validate=True)
                done = done or event.type == "done"
        if not done:
            raise BadResponse(f"{self.spec.id} ended its stream before the speech was complete")

    def list_voices(self, timeout_s: float) -> tuple[Voice, ...]:
        with short_answers(self.line), self.call(timeout_s):
            return gathered(self._voice_pages())

    def _voice_pages(self) -> Iterator[list[Voice | None]]:
        """A page begins after the last id of the one before; the SDK's own pages would go on from an id that nobody checked."""
        after: dict[str, str] = {}
        while True:
            with self.line.reading("a list of voices"):
                answer = self.client.voices.list(limit=PAGE_SIZE, **after)
                page = [
                    voice(_VOICE_ID, each.id, each.name, each.language, each.tagline or each.description) for each in answer.data
                ]
            yield page
            if len(page) < PAGE_SIZE or page[-1] is None:
                return
            after = {"starting_after": page[-1].id}


class Listen(CartesiaEngine):
    def run(self, request: Transcribe, timeout_s: float) -> Iterator[Piece]:
        sent: dict[str, Any] = {"model": self.spec.model}
        if request.language:
            sent["language"] = request.language
        if request.word_times:
            sent["timestamp_granularities"] = ["word"]
        wav = request.audio.mono().resample(16_000).to_wav()
        with self.call(timeout_s):
            answer = self.client.stt.transcribe(file=("audio.wav", wav, "audio/wav"), **sent)
            with self.line.reading("a transcript"):
                if not isinstance(answer.text, str):
                    raise TypeError(type(answer.text))
                words = tuple(Word(word.word, float(word.start), float(word.end)) for word in answer.words or ())
                heard = None if answer.duration is None else float(answer.duration)
        yield Text(answer.text, words=words, language=answer.language)
        if heard is not None:
            yield Usage({"input_audio_seconds": heard})
        yield self.facts(sent, answer.request_id)


READ_ON = "2026-11-20"
_PRICES = "https://github.com/hail-hq/hail"
_COMMON = dict(
    vendor="Cartesia",
    where="cloud",
    license_code=None,
    license_weights=None,
    checked_on=READ_ON,
    needs=Needs(key="CARTESIA_API_KEY", packages=("cartesia", "httpx")),
    packages=("cartesia",),
    data_use="Trains on content by default; retention and region are not stated in what was read.",
)
_VOICES = {
    "Katie": "f786b574-daa5-4673-aa0c-cbe3e8534c02",
    "Kiefer": "228fca29-3a0a-435c-8728-5cb483251068",
    "Tessa": "6ccbfb76-1fc6-48f7-b71d-91ac6298247b",
}
_LANGUAGES = (
    *("en", "fr", "de", "es", "pt", "zh", "ja", "hi", "it", "ko", "nl", "pl", "ru", "sv", "tr", "tl", "bg", "ro", "ar", "cs"),
    *("el", "fi", "hr", "ms", "sk", "da", "ta", "uk", "hu", "no", "vi", "bn", "th", "he", "ka", "id", "te", "gu", "kn", "ml"),
    *("mr", "pa", "or", "ur"),
)


def _minute(unit: str, usd: float, note: str) -> tuple[Price, ...]:
    return (Price(unit, usd, per=60.0, source=_PRICES, checked_on="2026-05-05", note=note),)


def _sonic(model: str, name: str, summary: str) -> EngineSpec:
    return EngineSpec(
        id=f"cartesia/{model}",
        task="tts",
        name=f"Cartesia {name}",
        system=f"Cartesia {name}",
        engine=Speak,
        model=model,
        languages=_LANGUAGES,
        summary=summary,
        docs_url="https://docs.cartesia.ai/build-with-cartesia/tts-models/latest",
        honours=("voice", "language", "speed"),
        prices=_minute("output_audio_seconds", 0.04, "a third party's estimate: plans are billed in credits by the character"),
        voices=tuple(_VOICES),
        default_voice="Katie",
        lists_voices=True,
        extra={"voice_ids": _VOICES},
        streams=True,
        **_COMMON,
    )


ENGINES = [
    _sonic("sonic-3.5", "Sonic 3.5", "Speech for conversations in 44 languages; without one, the voice's own is taken."),
    _sonic("sonic-3", "Sonic 3", "The model before Sonic 3.5, for comparison."),
    EngineSpec(
        id="cartesia/ink-whisper",
        task="asr",
        name="Cartesia Ink-Whisper",
        system="Cartesia Ink-Whisper",
        engine=Listen,
        model="ink-whisper",
        languages=("*",),
        summary="Whisper made for conversations, here on whole recordings; English unless a language is set.",
        docs_url="https://docs.cartesia.ai/api-reference/stt/transcribe",
        honours=("language", "word_times"),
        prices=_minute("input_audio_seconds", 0.003, "as a third party lists it"),
        **_COMMON,
    ),
]
