"""Mistral: transcription (whole or streamed), audio chat, and 24 kHz speech.

The SDK is used without its hooks: they read tokens and telemetry settings from the environment and stumble over streamed answers.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from engine.audio import Audio
from engine.contract import (
    Ask,
    BadResponse,
    Engine,
    EngineSpec,
    Facts,
    Limits,
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
from providers._openai_shape import terms_of
from providers._voices import PAGE_SIZE, gathered, next_token, short_answers, voice

BASE_URL = "https://api.mistral.ai"
SPEECH_RATE = 24_000
_VOICE_ID = r"[\w-]{1,100}"
LOUDEST = 8.0  # full scale is 1; other bytes read as float32 exceed this within a few samples


class _Silent:
    """The SDK's debug log holds the Authorization header, and an environment variable would switch it on."""

    def debug(self, *_: Any, **__: Any) -> None:
        return


def _read_refusal(response: Any) -> None:
    """The SDK fails over the empty body of a refused stream unless it was read, and loses the status with it."""
    if not response.headers.get("content-type", "").startswith("text/event-stream"):
        response.read()


class MistralEngine(Engine):
    def load(self) -> None:
        import httpx2
        from mistralai.client import Mistral, errors

        self.line = Line(self.spec.id)
        self.api_error = errors.MistralError
        self.client = Mistral(
            api_key=self.key,
            server_url=self.base_url or BASE_URL,
            client=self.line.client(httpx2, event_hooks={"response": [_read_refusal]}),
            retry_config=None,
            debug_logger=_Silent(),
        )
        hooks = self.client.sdk_configuration.__dict__["_hooks"]
        for stage in (hooks.before_request_hooks, hooks.after_success_hooks, hooks.after_error_hooks):
            stage.clear()

    def close(self) -> None:
        if hasattr(self, "line"):
            self.line.hang_up()

    @contextmanager
    def answers(self, what: str) -> Iterator[None]:
        """The SDK raises its HTTP error also for an answer of 200 that it cannot read."""
        try:
            with self.line.reading(what):
                yield
        except self.api_error as error:
            if error.status_code >= 400:
                raise
            self._refuse_error(error.body)
            raise BadResponse(f"{self.spec.id} answered with something that is not {what}") from error

    def events(self, stream: Iterable[Any], last: str) -> Iterator[Any]:
        """The data of a stream's events up to and with the one of type `last`. Raises BadResponse for a stream without it."""
        for event in stream:
            if event.data.type == "UNKNOWN":
                self._refuse_error(json.dumps({"event": event.event, "data": event.data.raw}))
                continue
            yield event.data
            if event.data.type == last:
                return
        raise BadResponse(f"{self.spec.id} ended its stream without {last!r}")

    def _refuse_error(self, event: str) -> None:
        """Raises Refused when `event` is an error event, which the SDK has no model for."""
        try:
            name, data = (json.loads(event)[part] for part in ("event", "data"))
            failed = "error" in (name, data.get("type"), data.get("object"))
        except (AttributeError, KeyError, TypeError, ValueError):
            return
        if failed:
            said = data.get("error", data)
            said = said.get("message", said) if isinstance(said, dict) else said
            raise Refused(f"{self.spec.id} stopped: {said}", "server")

    def facts(self, sent: dict[str, Any], model: str | None = None) -> Facts:
        headers = self.line.headers
        request_id = headers.get("mistral-correlation-id") or headers.get("x-request-id")
        return Facts(request_id=request_id, connect_s=self.line.connect_s, model=model, sent=sent)


class TranscribeFile(MistralEngine):
    """One upload; with `spec.streams` the text arrives as it is written."""

    def run(self, request: Transcribe, timeout_s: float) -> Iterator[Piece]:
        sent: dict[str, Any] = {"model": self.spec.model}
        if request.language:
            sent["language"] = request.language
        if request.prompt:
            sent["context_bias"] = terms_of(request.prompt)
        if request.speakers:
            sent["diarize"] = True
        if request.word_times or request.speakers:
            sent["timestamp_granularities"] = ["word" if request.word_times else "segment"]
        file = {"content": request.audio.mono().resample(16_000).to_wav(), "file_name": "audio.wav", "content_type": "audio/wav"}
        with self.line.call(timeout_s), self.answers("a transcript"):
            if self.spec.streams:
                with self.client.audio.transcriptions.stream(file=file, **sent) as stream:
                    done = yield from self._streamed(stream)
            else:
                done = self.client.audio.transcriptions.complete(file=file, **sent)
            # without a request for word times, segments are turns of speakers or just sentences
            words = _words(done.segments or ()) if "timestamp_granularities" in sent else ()
            text, heard = Text(done.text, words=words, language=done.language), done.usage.prompt_audio_seconds
        yield text
        if isinstance(heard, int):
            yield Usage({"input_audio_seconds": float(heard)})
        yield self.facts(sent, done.model)

    def _streamed(self, stream: Iterable[Any]) -> Iterator[Piece]:
        """Returns the closing event."""
        so_far, last = "", "transcription.done"
        for event in self.events(stream, last):
            if event.type == "transcription.text.delta":
                so_far += event.text
                yield Text(so_far, final=False)
            elif event.type == last:
                return event


def _words(segments: Iterable[Any]) -> tuple[Word, ...]:
    """Segments with times, as words; a missing value is None in an answer and a marker of the SDK's where it is left out."""
    return tuple(
        Word(
            segment.text.strip(),
            segment.start,
            segment.end,
            confidence=segment.score if isinstance(segment.score, float) else None,
            speaker=segment.speaker_id if isinstance(segment.speaker_id, str) else None,
        )
        for segment in segments
        if segment.start is not None and segment.end is not None
    )


class Speak(MistralEngine):
    def run(self, request: Synthesize, timeout_s: float) -> Iterator[Piece]:
        named = request.voice or self.spec.default_voice
        sent: dict[str, Any] = {"model": self.spec.model, "voice_id": named, "response_format": "pcm", "stream": True}
        with (
            self.line.call(timeout_s),
            self.answers("speech"),
            self.client.audio.speech.complete(input=request.text, **sent) as stream,
        ):
            yield from self._sounds(self.events(stream, "speech.audio.done"))
        yield self.facts(sent)

    def _sounds(self, events: Iterable[Any]) -> Iterator[Audio]:
        """The vendor's "pcm" is little-endian float32, in pieces of any size."""
        held, empty = b"", True
        for event in events:
            if event.type != "speech.audio.delta":
                continue
            held += base64.b64decode(event.audio_data, validate=True)
            whole = len(held) & ~3
            samples, held = np.frombuffer(held[:whole], "<f4"), held[whole:]
            if not (np.abs(samples) <= LOUDEST).all():  # also false for what is not a number
                raise BadResponse(f"{self.spec.id} answered with something that is not 32-bit float PCM")
            if len(samples):
                empty = False
                yield Audio(samples, SPEECH_RATE)
        if held or empty:
            raise BadResponse(f"{self.spec.id} ended its audio {'in the middle of a sample' if held else 'without any'}")

    def list_voices(self, timeout_s: float) -> tuple[Voice, ...]:
        with short_answers(self.line), self.line.call(timeout_s):
            return gathered(self._voice_pages())

    def _voice_pages(self) -> Iterator[list[Voice | None]]:
        token = None
        while True:
            asked = {"page_token": token} if token else {}
            with self.answers("a list of voices"):
                answer = self.client.audio.voices.search(page_size=PAGE_SIZE, **asked).result
                page = [
                    voice(_VOICE_ID, each.id, each.name, next(iter(each.languages or ()), None), each.description)
                    for each in answer.data
                ]
                # left out, it is a marker of the SDK's
                token = next_token(answer.next_page_token or None)
            yield page
            if token is None:
                return


class AudioChat(MistralEngine):
    def run(self, request: Ask, timeout_s: float) -> Iterator[Piece]:
        wav = base64.b64encode(request.audio.mono().resample(16_000).to_wav()).decode()
        content = [{"type": "input_audio", "input_audio": wav}, {"type": "text", "text": request.prompt}]
        messages = [{"role": "user", "content": content}]
        so_far, finish, usage, model = "", None, None, None
        with (
            self.line.call(timeout_s),
            self.answers("chat events"),
            self.client.chat.stream(model=self.spec.model, messages=messages) as stream,
        ):
            for event in stream:
                usage, model = event.data.usage or usage, event.data.model or model
                for choice in event.data.choices[:1]:
                    finish = choice.finish_reason or finish
                    if words := _written(choice.delta.content):
                        so_far += words
                        yield Text(so_far, final=False)
            if finish != "stop":
                ends = {None: "its stream before the answer was finished", "length": "at the model's length limit"}
                raise BadResponse(f"{self.spec.id} ended {ends.get(finish, f'for the reason {finish!r}')}")
        yield Text(so_far)
        if usage is not None:
            yield Usage({"input_tokens": float(usage.prompt_tokens), "output_text_tokens": float(usage.completion_tokens)})
        yield self.facts({"model": self.spec.model}, model)


def _written(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "".join(chunk.text for chunk in content if chunk.type == "text") if isinstance(content, list) else ""


READ_ON = "2026-11-20"
_MAP = "litellm 1.109.1 price map"
_DOCS = "https://docs.mistral.ai/capabilities/audio"


def _spec(model: str, task: str, name: str, engine: type[Engine], **rest: Any) -> EngineSpec:
    return EngineSpec(
        id=f"mistral/{rest.pop('id', model)}",
        task=task,
        name=name,
        vendor="Mistral",
        system="Voxtral",
        engine=engine,
        where="cloud",
        model=model,
        license_code=None,
        license_weights=None,
        checked_on=READ_ON,
        needs=Needs(key="MISTRAL_API_KEY", packages=("mistralai", "httpx2")),
        packages=("mistralai",),
        data_use="Training, retention and region: not stated in what was read.",
        **{"languages": ("*",), "docs_url": _DOCS, **rest},
    )


def _transcription(size: str, usd_per_minute: float) -> tuple[EngineSpec, EngineSpec]:
    """The same model twice: in one answer, and streamed."""
    model, name = f"voxtral-{size}-transcribe-3-0", f"Voxtral {size.title()} Transcribe 3"
    shared = dict(
        prices=(Price("input_audio_seconds", usd_per_minute, per=60.0, source=_MAP, checked_on=READ_ON),),
        limits=Limits(audio_seconds=10_800.0),
    )
    whole = _spec(
        model,
        "asr",
        name,
        TranscribeFile,
        summary="Transcribes a whole recording in one request, with word times and speakers.",
        honours=("language", "prompt", "word_times", "speakers"),
        **shared,
    )
    streamed = _spec(
        model,
        "asr",
        f"{name}, streamed",
        TranscribeFile,
        id=f"{model}-stream",
        summary="The same model, its text arriving while it is written.",
        honours=("language", "prompt"),
        streams=True,
        **shared,
    )
    return whole, streamed


ENGINES = [
    *_transcription("mini", 0.0035),
    *_transcription("small", 0.004),
    _spec(
        "voxtral-mini-tts-3-0",
        "tts",
        "Voxtral TTS 3",
        Speak,
        summary="Speech in about 35 languages; the language is the voice's own.",
        honours=("voice",),
        prices=(Price("input_characters", 13.0, per=1e6, source=_MAP, checked_on=READ_ON),),
        voices=("voice_478", "voice_592", "en_paul_neutral", "gb_jane_neutral"),
        default_voice="voice_478",
        lists_voices=True,
        streams=True,
    ),
    _spec(
        "voxtral-small-latest",
        "audio_lm",
        "Voxtral Small",
        AudioChat,
        summary="Hears a sound and answers a question about it in writing.",
        honours=("prompt",),
        prices=tuple(
            Price(unit, usd, per=1e6, source=_MAP, checked_on=READ_ON, note="whether sound costs extra is not verified")
            for unit, usd in (("input_tokens", 0.10), ("output_text_tokens", 0.40))
        ),
        streams=True,
    ),
]
