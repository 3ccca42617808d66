"""Stability AI's text-to-audio endpoint, shaped after its documentation (from docs, not recorded)."""

from __future__ import annotations

from fake_api import Reply, Seen, held
from fake_outputs import wav


class FakeStability:
    routes = (("POST", r"/v2beta/audio/stable-audio-2/text-to-audio", "compose"),)
    endless = b"\0\1" * 32_768

    def __init__(self) -> None:
        self.flagged = False
        """True: the moderation refuses every description."""

    def content_type(self, seen: Seen) -> str:
        return "audio/wav"

    def error(self, status: int, name: str, key: str) -> Reply:
        said = {"gone": "This model is no longer available.", "no_quota": "Insufficient credits: your balance is 0."}
        return Reply.of_json({"id": "st-0", "name": name, "errors": [said.get(name, f"Refused for {key}\nsecond line")]}, status)

    def compose(self, seen: Seen) -> Reply:
        if self.flagged:
            said = "Your request was flagged by our content moderation system."
            return Reply.of_json({"id": "st-2", "name": "content_moderation", "errors": [said]}, 403)
        sound = wav(float(dict(seen.fields).get("duration", 1.0)))
        return Reply(200, held(sound, 10_001, None), {"content-type": "audio/wav", "x-request-id": "st-1", "seed": "7"})
