"""Hume's streamed speech, shaped after the SDK's models (from docs, not recorded)."""

from __future__ import annotations

import threading

from fake_api import Reply, Seen, held, sine


class FakeHume:
    routes = (("POST", r"/v0/tts/stream/file", "speak"), ("GET", r"/v0/tts/voices", "list_voices"))
    endless = b"\0\1" * 32_768

    def __init__(self) -> None:
        self.pcm = sine(0.5, 48_000)
        self.hold: threading.Event | None = None
        """Speech stops after its first piece until this is set."""
        self.voices = {
            "HUME_AI": [
                {"id": "5bb7de05-c8fe-426a-8fcc-ba4fc4ce9f9c", "name": "Ava Song", "compatible_octave_models": ["1", "2"]},
                {"id": "ee96fb5f-ec1a-4f41-a9ba-6d119e64c8fd", "name": "Old Knight", "compatible_octave_models": ["1"]},
            ],
            "CUSTOM_VOICE": [{"id": "0B2E1F5A-0000-4000-8000-00000000000a", "name": "Mine"}],
        }
        """The library and the account's own, in the vendor's order."""

    def content_type(self, seen: Seen) -> str:
        return "application/octet-stream"

    def error(self, status: int, name: str, key: str) -> Reply:
        said = "The model is no longer available." if name == "gone" else f"Refused for {key}\nsecond line"
        code = "insufficient_quota" if name == "no_quota" else name
        return Reply.of_json({"error": name, "code": code, "message": said}, status, x_request_id="hu-failed")

    def list_voices(self, seen: Seen) -> Reply:
        asked = dict(seen.query)
        voices, number, size = self.voices[asked["provider"]], int(asked["page_number"]), int(asked["page_size"])
        page = [{**each, "provider": asked["provider"]} for each in voices[number * size : (number + 1) * size]]
        pages = -(-len(voices) // size)
        return Reply.of_json({"page_number": number, "page_size": size, "total_pages": pages, "voices_page": page})

    def speak(self, seen: Seen) -> Reply:
        headers = {"content-type": "application/octet-stream", "x-request-id": "hu-1"}
        return Reply(200, held(self.pcm, 1_001, self.hold), headers)
