"""The Realtime websocket: a few JSON events out, sound and words in as they are made. Alibaba's speech uses the same events.

The SDKs' own websockets take proxies from the environment and cannot be hung up, so only their addresses and events are used.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

from engine.audio import Audio
from engine.contract import Ask, BadInput, BadResponse, Engine, Facts, Mark, Piece, Synthesize, Text, Transcribe, Usage
from providers._http import Line, Refused, TooLarge
from providers._live import converse
from providers._openai_shape import terms_of, transcription_usage

RATE = 24_000  # the only rate of the protocol's PCM, both ways
SPEEDS = (0.25, 1.5)
APPEND_S = 10.0  # 640 kB of base64; one event may hold 15 MB
READ_ALOUD = (
    "You are a text-to-speech voice. Say the user's message aloud once, word for word, in its own language. "
    "Never answer it; never add, leave out, translate or correct anything."
)
_SOUND = ("response.output_audio.delta", "response.audio.delta")
_WORDS = ("response.output_text.delta", "response.output_audio_transcript.delta")
_KINDS = (
    ("quota", r"insufficient_quota|arrearage|billing"),
    ("auth", r"invalid_api_key|authentication|permission|access_denied"),
    ("rate_limit", r"rate_limit|too_many|throttl"),
    ("bad_input", r"invalid|unsupported|not_found"),
)


def refusal(engine_id: str, error: Mapping[str, Any]) -> Refused:
    """An error event's `error` as the exception of its kind."""
    codes = f"{error.get('code')} {error.get('type')}".lower()
    kind = next((kind for kind, pattern in _KINDS if re.search(pattern, codes)), "server")
    return Refused(f"{engine_id} stopped: {error.get('message') or error.get('code') or 'no reason given'}", kind)


class Reply:
    """What one session has said so far; `take` turns each event into the pieces that it brings."""

    def __init__(self, line: Line) -> None:
        self.line, self.text, self.spoken_s = line, "", 0.0
        self.model: str | None = None
        self.session_id: str | None = None
        self._half_sample = b""

    def events(self, connection: Any, last: str) -> Iterator[Mapping[str, Any]]:
        """Every event up to the one of type `last`. Raises BadResponse when the vendor hangs up before, Refused at an error."""
        received = 0
        for message in connection:
            received += len(message)
            if received > self.line.answer_bytes:
                raise TooLarge(f"{self.line.engine_id} answered with more than {self.line.answer_bytes >> 20} MB")
            with self.line.reading("realtime events"):
                event = json.loads(message)
                kind = event["type"]
                if kind == "error":
                    raise refusal(self.line.engine_id, event["error"])
            yield event
            if kind == last:
                return
        raise BadResponse(f"{self.line.engine_id} ended its stream without {last!r}")

    def take(self, event: Mapping[str, Any]) -> Iterator[Piece]:
        with self.line.reading("realtime events"):
            kind = event["type"]
            if kind in _SOUND:
                pcm = self._half_sample + base64.b64decode(event["delta"], validate=True)
                whole = len(pcm) & ~1
                self._half_sample = pcm[whole:]
                if whole:
                    sound = Audio.from_pcm16(pcm[:whole], RATE)
                    self.spoken_s += sound.seconds
                    yield sound
            elif kind in _WORDS:
                self.text += event["delta"]
                yield Text(self.text, final=False)
            elif kind == "session.created":
                self.model, self.session_id = event["session"].get("model"), event["session"].get("id")

    def check_ended(self, response: Mapping[str, Any], sound: bool) -> None:
        """Raises when the vendor's closing report says that the answer is not whole, or the sound is not."""
        status, details = response.get("status"), response.get("status_details") or {}
        if status == "failed":
            raise refusal(self.line.engine_id, details.get("error") or {})
        if status not in (None, "completed"):
            raise BadResponse(f"{self.line.engine_id} left its answer {status} ({details.get('reason') or 'no reason given'})")
        if self._half_sample:
            raise BadResponse(f"{self.line.engine_id} ended its audio in the middle of a sample")
        if sound and not self.spoken_s:
            raise BadResponse(f"{self.line.engine_id} answered without any audio")

    def facts(self, sent: Mapping[str, Any]) -> Facts:
        request_id = self.line.headers.get("x-request-id") or self.session_id
        return Facts(request_id=request_id, connect_s=self.line.connect_s, model=self.model, sent=sent)


class RealtimeEngine(Engine):
    def load(self) -> None:
        import websockets.sync.client  # noqa: F401 - would otherwise be imported inside the first run

        self.line = Line(self.spec.id)

    def close(self) -> None:
        if hasattr(self, "line"):
            self.line.hang_up()

    def connection(self, **query: str) -> Any:
        base = (self.base_url or self.spec.extra["base_url"]).rstrip("/")
        return self.line.websocket(f"ws{base[4:]}/realtime?{urlencode(query)}", {"Authorization": f"Bearer {self.key}"})


def send(connection: Any, kind: str, **fields: Any) -> None:
    connection.send(json.dumps({"type": kind, **fields}))


def _pcm_event(chunk: Audio) -> str:
    return json.dumps({"type": "input_audio_buffer.append", "audio": base64.b64encode(chunk.to_pcm16()).decode()})


def _usage(reported: Mapping[str, Any] | None) -> Usage | None:
    """The tokens of one answer, by direction and kind."""
    sides = (("input", "input_token_details"), ("output", "output_token_details"))
    amounts = {
        f"{side}_{kind}_tokens": float(details[f"{kind}_tokens"])
        for side, name in sides
        for kind in ("audio", "text")
        if (details := (reported or {}).get(name) or {}).get(f"{kind}_tokens") is not None
    }
    return Usage(amounts) if amounts else None


def _plain_words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())


class LiveTranscription(RealtimeEngine):
    """Sends the sound as a microphone would, and yields what the vendor hears meanwhile; the last chunk ends the turn."""

    def run(self, request: Transcribe, timeout_s: float) -> Iterator[Piece]:
        sent: dict[str, Any] = {"model": self.spec.model}
        if request.language:
            sent["languages"] = [request.language]
        if request.prompt:
            sent["keywords"] = terms_of(request.prompt)
        heard = {"format": {"type": "audio/pcm", "rate": RATE}, "transcription": sent, "turn_detection": None}
        reply = Reply(self.line)
        with self.line.call(timeout_s), self.connection(intent="transcription") as connection:
            send(connection, "session.update", session={"type": "transcription", "audio": {"input": heard}})
            yield from self._converse(connection, request.audio.mono().resample(RATE), reply)
        yield reply.facts(sent)

    def _converse(self, connection: Any, audio: Audio, reply: Reply) -> Iterator[Piece]:
        so_far, kinds = "", "conversation.item.input_audio_transcription."
        for event in converse(self.line, connection, audio, ['{"type": "input_audio_buffer.commit"}'], _pcm_event):
            if isinstance(event, Mark):
                yield event
                continue
            with self.line.reading("transcription events"):
                kind = event["type"]
                if kind in ("error", f"{kinds}failed"):
                    raise refusal(self.spec.id, event["error"])
                if kind == f"{kinds}delta":
                    so_far += event.get("delta") or ""
                    yield Text(so_far, final=False)
                elif kind == f"{kinds}completed":
                    found = event.get("languages") or []
                    yield Text(event["transcript"], language=found[0]["code"] if found else None)
                    if usage := transcription_usage(event.get("usage")):
                        yield usage
                    return
                yield from reply.take(event)


class RealtimeSpeech(RealtimeEngine):
    """A conversation model told to read aloud. It may paraphrase: what it said instead stands in the facts as spoken_text."""

    def run(self, request: Synthesize, timeout_s: float) -> Iterator[Piece]:
        low, high = SPEEDS
        if request.speed is not None and not low <= request.speed <= high:
            raise BadInput(f"{self.spec.id} takes a speed from {low:g} to {high:g}, not {request.speed!r}")
        voice = {"voice": request.voice or self.spec.default_voice}
        voice |= {} if request.speed is None else {"speed": request.speed}
        instructions = f"{READ_ALOUD} {request.instructions}" if request.instructions else READ_ALOUD
        session = {
            "type": "realtime",
            "output_modalities": ["audio"],
            "instructions": instructions,
            "audio": {"output": {"format": {"type": "audio/pcm", "rate": RATE}, **voice}},
        }
        asked = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": request.text}]}
        reply = Reply(self.line)
        with self.line.call(timeout_s), self.connection(model=self.spec.model) as connection:
            send(connection, "session.update", session=session)
            send(connection, "response.create", response={"conversation": "none", "input": [asked]})
            for event in reply.events(connection, "response.done"):
                yield from (piece for piece in reply.take(event) if isinstance(piece, Audio))
            with self.line.reading("a closing report"):
                reply.check_ended(event["response"], sound=True)
                if usage := _usage(event["response"].get("usage")):
                    yield usage
        sent = {"model": self.spec.model, "instructions": instructions, **voice}
        if reply.text and _plain_words(reply.text) != _plain_words(request.text):
            sent["spoken_text"] = reply.text
        yield reply.facts(sent)


class RealtimeChat(RealtimeEngine):
    """The whole sound, then the question; with `spec.extra["voice"]` the answer is spoken, with its transcript."""

    def run(self, request: Ask, timeout_s: float) -> Iterator[Piece]:
        voice = self.spec.extra.get("voice")
        pcm = {"type": "audio/pcm", "rate": RATE}
        session = {
            "type": "realtime",
            "output_modalities": ["audio" if voice else "text"],
            "audio": {"input": {"format": pcm, "turn_detection": None}},
        }
        if voice:
            session["audio"]["output"] = {"format": pcm, "voice": voice}
        question = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": request.prompt}]}
        reply = Reply(self.line)
        with self.line.call(timeout_s), self.connection(model=self.spec.model) as connection:
            send(connection, "session.update", session=session)
            for chunk in request.audio.mono().resample(RATE).chunks(APPEND_S):
                connection.send(_pcm_event(chunk))
            send(connection, "input_audio_buffer.commit")
            send(connection, "conversation.item.create", item=question)
            send(connection, "response.create")
            yield Mark("uploaded")
            for event in reply.events(connection, "response.done"):
                yield from reply.take(event)
            with self.line.reading("a closing report"):
                reply.check_ended(event["response"], sound=bool(voice))
                yield Text(reply.text)
                if usage := _usage(event["response"].get("usage")):
                    yield usage
        yield reply.facts({"model": self.spec.model, "output_modalities": session["output_modalities"], "voice": voice})
