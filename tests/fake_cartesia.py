"""Cartesia's speech events and transcription, shaped after the SDK's models (from docs, not recorded)."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from typing import Any

from fake_api import Reply, Seen, held, sine


class FakeCartesia:
    routes = (("POST", r"/tts/sse", "speak"), ("POST", r"/stt", "transcribe"), ("GET", r"/voices", "list_voices"))
    endless = b"data: " + b" " * 65_536

    def __init__(self) -> None:
        self.pcm = sine(0.5)
        self.hold: threading.Event | None = None
        """Speech stops after its first piece until this is set."""
        about = {"access": "public", "is_owner": False, "visibility": "all", "locales": [], "created_at": "2026-01-01T00:00:00Z"}
        self.voices: list[dict[str, Any]] = [
            {
                "id": "f786b574-daa5-4673-aa0c-cbe3e8534c02",
                "name": "Katie",
                "language": "en",
                "tagline": "Friendly Fixer",
                "description": "A long text.",
                **about,
            },
            {"id": "own-voice", "name": "Mine", "language": "de", "tagline": "", "description": "", **about},
        ]
        """What the account may use, in the vendor's order."""
        self.last: dict[str, Any] | None = {"type": "done", "done": True, "status_code": 206}
        """The event that ends the stream; None ends it without one."""

    def content_type(self, seen: Seen) -> str:
        return "text/event-stream" if seen.path.endswith("sse") else "application/json"

    def error(self, status: int, name: str, key: str) -> Reply:
        said = "The model is no longer available." if name == "gone" else f"Refused for {key}\nsecond line"
        code = "insufficient_quota" if name == "no_quota" else name
        body = {"error_code": code, "title": "Refused", "message": said, "request_id": "ca-failed"}
        return Reply.of_json(body, status, x_request_id="ca-failed")

    def _events(self) -> Iterator[bytes]:
        for chunk in held(self.pcm, 1_001, self.hold):
            event = {
                "type": "chunk",
                "data": base64.b64encode(chunk).decode(),
                "done": False,
                "status_code": 206,
                "step_time": 4.0,
            }
            yield f"event: chunk\ndata: {json.dumps(event)}\n\n".encode()
        if self.last:
            yield f"event: {self.last['type']}\ndata: {json.dumps(self.last)}\n\n".encode()

    def speak(self, seen: Seen) -> Reply:
        return Reply(200, self._events(), {"content-type": "text/event-stream", "x-request-id": "ca-1"})

    def list_voices(self, seen: Seen) -> Reply:
        """At most `limit` voices, from the one after `starting_after`."""
        asked, ids = dict(seen.query), [each["id"] for each in self.voices]
        start = ids.index(asked["starting_after"]) + 1 if "starting_after" in asked else 0
        page = self.voices[start : start + int(asked["limit"])]
        return Reply.of_json({"data": page, "has_more": start + len(page) < len(ids), "next_page": None})

    def transcribe(self, seen: Seen) -> Reply:
        assert seen.wav, "the upload holds no WAV"
        answer = {"type": "transcript", "text": "The quick brown fox.", "duration": seen.wav[0], "request_id": "ca-2"}
        answer["language"] = dict(seen.fields).get("language", "en")
        if any(name.startswith("timestamp_granularities") for name, _ in seen.fields):
            answer["words"] = [{"word": "The", "start": 0.1, "end": 0.2}, {"word": "quick", "start": 0.2, "end": 0.5}]
        return Reply.of_json(answer)
