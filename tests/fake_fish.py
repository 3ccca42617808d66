"""Fish Audio's speech and transcription endpoints, shaped after the SDK's models (from docs, not recorded)."""

from __future__ import annotations

import threading

import ormsgpack
from fake_api import Reply, Seen, held, sine

TEXT = "The quick brown fox."


class FakeFish:
    routes = (("POST", r"/v1/tts", "speak"), ("POST", r"/v1/asr", "listen"))
    endless = b"\0\1" * 32_768

    def __init__(self) -> None:
        self.pcm = sine(0.5, rate=44_100)
        self.hold: threading.Event | None = None
        """Speech stops after its first piece until this is set."""

    def content_type(self, seen: Seen) -> str:
        return "application/octet-stream" if seen.path.endswith("tts") else "application/json"

    def error(self, status: int, name: str, key: str) -> Reply:
        said = {"gone": "The model was retired.", "no_quota": "Insufficient balance: top up your account."}
        return Reply.of_json({"status": status, "message": said.get(name, f"Refused for {key}\nsecond line")}, status)

    def speak(self, seen: Seen) -> Reply:
        return Reply(200, held(self.pcm, 1_001, self.hold), {"content-type": self.content_type(seen), "x-request-id": "fish-1"})

    def listen(self, seen: Seen) -> Reply:
        asked = ormsgpack.unpackb(seen.body)
        assert asked.pop("audio") and seen.wav, "the request holds no WAV"
        seen.fields += [(name, value) for name, value in asked.items()]
        return Reply.of_json({"text": TEXT, "duration": seen.wav[0] * 1000, "segments": []}, x_request_id="fish-2")
