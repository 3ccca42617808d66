"""Mistral's transcription, speech and chat, shaped after the SDK's models (from docs, not recorded)."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
from fake_api import Reply, Seen, sine

WORDS = "the quick brown fox"


class FakeMistral:
    routes = (
        ("POST", r"/v1/audio/transcriptions", "transcribe"),
        ("POST", r"/v1/audio/speech", "speak"),
        ("POST", r"/v1/chat/completions", "chat"),
        ("GET", r"/v2/audio/voices", "list_voices"),
    )
    endless = b"data: " + b"x" * 65_536

    def __init__(self) -> None:
        self.terminal = True
        """False: streams end without their last event."""
        self.stray: tuple[str, dict[str, Any]] | None = None
        """An event, by name and data, in place of a stream's first."""
        self.hold: threading.Event | None = None
        """A stream stops after its first event until this is set."""
        self.samples = np.frombuffer(sine(0.5), "<i2").astype("<f4") / 32768
        self.speech = self.samples.tobytes()
        self.deprecated = False
        about = {"created_at": "2026-01-01T00:00:00Z", "user_id": None, "type": "preset"}
        self.voices: list[dict[str, Any]] = [
            {"id": "voice_478", "name": "Paul", "languages": ["en"], "description": "Neutral.", **about},
            {"id": "voice_own", "name": "Mine", **about},
        ]
        """What the account may use, in the vendor's order."""

    def content_type(self, seen: Seen) -> str:
        return "text/event-stream" if self._streamed(seen) else "application/json"

    def _streamed(self, seen: Seen) -> bool:
        return dict(seen.fields).get("stream") == "true" or (
            bool(seen.body) and not seen.fields and seen.json().get("stream") is True
        )

    def error(self, status: int, name: str, key: str) -> Reply:
        said = "The model has been retired." if name == "gone" else f"Refused for {key}\nsecond line"
        kind = "insufficient_credits" if name == "no_quota" else "some_error"
        body = {"object": "error", "message": said, "type": kind, "param": None, "code": None}
        return Reply.of_json(body, status, mistral_correlation_id="mi-failed")

    def _headers(self, kind: str) -> dict[str, str]:
        headers = {"content-type": kind, "mistral-correlation-id": "mi-1"}
        return headers | ({"x-model-deprecation-timestamp": "2027-01-01T00:00:00Z"} if self.deprecated else {})

    def _events(self, *events: tuple[str, dict[str, Any]]) -> Reply:
        return Reply(200, self._sent(events), self._headers("text/event-stream"))

    def _sent(self, events: tuple[tuple[str, dict[str, Any]], ...]) -> Iterator[bytes]:
        for index, event in enumerate(events if self.terminal else events[:-1]):
            if index == 1 and self.hold:
                self.hold.wait(10.0)
            name, data = self.stray if index == 0 and self.stray else event
            yield f"event: {name}\ndata: {json.dumps(data)}\n\n".encode()

    def transcribe(self, seen: Seen) -> Reply:
        assert seen.wav, "the upload holds no WAV"
        usage = {"prompt_tokens": 4, "completion_tokens": 6, "total_tokens": 10, "prompt_audio_seconds": round(seen.wav[0])}
        done = {"model": dict(seen.fields)["model"], "text": WORDS, "language": "en", "usage": usage, "segments": []}
        if grain := dict(seen.fields).get("timestamp_granularities"):
            texts = ["the", "quick"] if grain == "word" else [f" {WORDS}"]
            done["segments"] = [
                {"type": "transcription_segment", "text": text, "start": 0.25 * at, "end": 0.25 * at + 0.2, "score": 0.9}
                for at, text in enumerate(texts)
            ]
            if ("diarize", "true") in seen.fields:
                done["segments"] = [segment | {"speaker_id": "speaker_1"} for segment in done["segments"]]
        if not self._streamed(seen):
            return Reply(200, json.dumps(done).encode(), self._headers("application/json"))
        kind = "transcription.text.delta"
        deltas = [(kind, {"type": kind, "text": text}) for text in ("the quick", " brown", " fox")]
        language = ("transcription.language", {"type": "transcription.language", "audio_language": "en"})
        return self._events(language, *deltas, ("transcription.done", {"type": "transcription.done", **done}))

    def list_voices(self, seen: Seen) -> Reply:
        """Pages of at most page_size; the token says where the next one begins."""
        asked = dict(seen.query)
        start, size = int(asked.get("page_token", "from-0").removeprefix("from-")), int(asked["page_size"])
        more = start + size < len(self.voices)
        answer = {"data": self.voices[start : start + size], "next_page_token": f"from-{start + size}" if more else None}
        return Reply(200, json.dumps(answer).encode(), self._headers("application/json"))

    def speak(self, seen: Seen) -> Reply:
        cut = len(self.speech) // 2 | 1  # splits a sample
        kind, pieces = "speech.audio.delta", [self.speech[:cut], self.speech[cut:]]
        deltas = [(kind, {"type": kind, "audio_data": base64.b64encode(piece).decode()}) for piece in pieces]
        usage = {"prompt_tokens": 4, "completion_tokens": 0, "total_tokens": 4}
        return self._events(*deltas, ("speech.audio.done", {"type": "speech.audio.done", "usage": usage}))

    def chat(self, seen: Seen) -> Reply:
        sound = next(part for part in seen.json()["messages"][0]["content"] if part["type"] == "input_audio")
        assert base64.b64decode(sound["input_audio"]).startswith(b"RIFF")

        def chunk(text: str, finish: str | None = None, **rest: Any) -> tuple[str, dict[str, Any]]:
            choice = {"index": 0, "delta": {"role": "assistant", "content": text}, "finish_reason": finish}
            return "message", {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "voxtral-2507"} | {
                "choices": [choice],
                **rest,
            }

        usage = {"prompt_tokens": 30, "completion_tokens": 5, "total_tokens": 35, "prompt_audio_seconds": 1}
        return self._events(chunk("A"), chunk(" tone."), chunk("", "stop", usage=usage))
