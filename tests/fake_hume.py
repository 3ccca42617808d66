"""Hume's streamed speech, shaped after the SDK's models (from docs, not recorded)."""

from __future__ import annotations

import threading

from fake_api import Reply, Seen, held, sine


class FakeHume:
    routes = (("POST", r"/v0/tts/stream/file", "speak"),)
    endless = b"\0\1" * 32_768

    def __init__(self) -> None:
        self.pcm = sine(0.5, 48_000)
        self.hold: threading.Event | None = None
        """Speech stops after its first piece until this is set."""

    def content_type(self, seen: Seen) -> str:
        return "application/octet-stream"

    def error(self, status: int, name: str, key: str) -> Reply:
        said = "The model is no longer available." if name == "gone" else f"Refused for {key}\nsecond line"
        code = "insufficient_quota" if name == "no_quota" else name
        return Reply.of_json({"error": name, "code": code, "message": said}, status, x_request_id="hu-failed")

    def speak(self, seen: Seen) -> Reply:
        headers = {"content-type": "application/octet-stream", "x-request-id": "hu-1"}
        return Reply(200, held(self.pcm, 1_001, self.hold), headers)
