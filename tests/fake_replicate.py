"""Replicate's files and predictions, shaped after the SDK's models and the models' pages (from docs, not recorded)."""

from __future__ import annotations

from typing import Any

from fake_api import Reply, Seen
from fake_outputs import FakeOutputs, wav

STEMS = ("bass", "drums", "other", "vocals")


class FakeReplicate(FakeOutputs):
    routes = (
        ("POST", r"/v1/files", "upload"),
        ("POST", r"/v1/predictions", "submit"),
        ("GET", r"/v1/predictions/[\w-]+", "state"),
        *FakeOutputs.routes,
    )

    def __init__(self) -> None:
        super().__init__()
        self.states = ("processing", "succeeded")
        self.job_error: str | None = "The audio could not be decoded."
        self.metrics: dict[str, Any] | None = {"predict_time": 1.5}
        self.output: Any = None
        """What a prediction puts out, instead of what it made."""
        self._uploads: dict[str, float] = {}

    def error(self, status: int, name: str, key: str) -> Reply:
        said = {"gone": "The version was retired.", "no_quota": "Insufficient credit: add a payment method."}
        detail = said.get(name, f"Refused for {key}\nsecond line")
        return Reply.of_json({"title": name, "detail": detail, "status": status}, status)

    def upload(self, seen: Seen) -> Reply:
        assert seen.wav, "the upload holds no WAV"
        with self._lock:
            name = f"file-{len(self._uploads) + 1}"
            self._uploads[name] = seen.wav[0]
        address = f"http://{seen.headers['host']}/v1/files/{name}"
        about = {"id": name, "name": "audio.wav", "content_type": "audio/wav", "size": len(seen.body), "etag": "e"}
        return Reply.of_json({**about, "created_at": "2026-11-20T00:00:00Z", "urls": {"get": address}}, 201)

    def submit(self, seen: Seen) -> Reply:
        return self._state(seen, self.start(seen, asked=seen.json()))

    def state(self, seen: Seen) -> Reply:
        return self._state(seen, seen.path.rpartition("/")[2])

    def _state(self, seen: Seen, name: str) -> Reply:
        status, job = self.look(seen, name)
        answer = {"id": name, "version": job["asked"]["version"], "status": status, "output": None, "error": None, "metrics": {}}
        if status == "succeeded":
            answer |= {"output": self.output or self._made(seen, job), "metrics": self.metrics}
        if status == "failed":
            answer["error"] = self.job_error
        return Reply.of_json(answer, 201)

    def _made(self, seen: Seen, job: dict[str, Any]) -> Any:
        given = job["asked"]["input"]
        if "audio" not in given:
            return self.keep(seen, job["key"], "out.wav", wav(given.get("duration", 1.0)))
        seconds = self._uploads[given["audio"].rpartition("/")[2]]
        if "transcription" in given:
            segments = [{"id": 0, "start": 0.0, "end": seconds, "text": " The quick brown fox."}]
            return {"transcription": " The quick brown fox.", "detected_language": "english", "segments": segments}
        made = {name: self.keep(seen, job["key"], f"{name}.wav", wav(seconds, 220.0 * (at + 1))) for at, name in enumerate(STEMS)}
        return {**made, "guitar": None, "piano": None}
