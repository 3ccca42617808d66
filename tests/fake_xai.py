"""xAI's transcription endpoint, shaped after its documentation (from docs, not recorded)."""

from __future__ import annotations

from fake_api import Reply, Seen

WORDS = [{"text": "The", "start": 0.1, "end": 0.2, "confidence": 0.9}, {"text": "fox.", "start": 0.2, "end": 0.5}]


class FakeXAI:
    routes = (("POST", r"/v1/stt", "listen"),)
    endless = b" " * 65_536

    def content_type(self, seen: Seen) -> str:
        return "application/json"

    def error(self, status: int, name: str, key: str) -> Reply:
        said = {"gone": "The model has been deprecated.", "no_quota": "Insufficient credits."}
        return Reply.of_json({"code": name, "error": said.get(name, f"Refused for {key}\nsecond line")}, status)

    def listen(self, seen: Seen) -> Reply:
        assert seen.wav, "the upload holds no WAV"
        assert seen.body.rstrip().endswith(b"--") and seen.body.rfind(b'name="file"') > seen.body.rfind(b'name="model"')
        words = [{**word, "speaker": 0} for word in WORDS] if ("diarize", "true") in seen.fields else WORDS
        return Reply.of_json({"text": "The fox.", "language": "", "duration": seen.wav[0], "words": words}, x_request_id="x-1")
