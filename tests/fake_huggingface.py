"""One model behind Hugging Face's inference protocol, shaped after the SDK's types (from docs, not recorded)."""

from __future__ import annotations

import base64

from fake_api import Reply, Seen, _read_wav

TAGS = [("Music", 0.75), ("Guitar", 0.5), ("Plucked string instrument", 0.25), ("Strum", 0.125)]


class FakeHuggingFace:
    routes = (("POST", r"/", "infer"),)
    endless = b" " * 65_536

    def content_type(self, seen: Seen) -> str:
        return "application/json"

    def error(self, status: int, name: str, key: str) -> Reply:
        said = {"gone": "The model was deprecated.", "no_quota": "Insufficient credits: buy some, or wait for the next month."}
        return Reply.of_json({"error": said.get(name, f"Refused for {key}\nsecond line")}, status, x_request_id="hf-failed")

    def infer(self, seen: Seen) -> Reply:
        if seen.headers["content-type"] == "audio/wav":
            assert seen.wav, "the request holds no WAV"
            return Reply.of_json({"text": " The quick brown fox jumps over the lazy dog."}, x_request_id="hf-1")
        asked = seen.json()
        seen.wav = _read_wav(base64.b64decode(asked["inputs"]))
        assert seen.wav, "the request holds no WAV"
        tags = [{"label": label, "score": score} for label, score in TAGS[: asked["parameters"].get("top_k", 3)]]
        return Reply.of_json(tags, x_request_id="hf-2")
