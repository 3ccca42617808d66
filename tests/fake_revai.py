"""Rev AI's asynchronous jobs, shaped after the SDK's models (from docs, not recorded)."""

from __future__ import annotations

import json
import threading
from typing import Any

from fake_api import Reply, Seen

ELEMENTS = [
    {"type": "text", "value": "The", "ts": 0.1, "end_ts": 0.2, "confidence": 0.9},
    {"type": "punct", "value": " "},
    {"type": "text", "value": "quick", "ts": 0.2, "end_ts": 0.5, "confidence": 0.8},
    {"type": "punct", "value": "."},
]
REPLY = [{"type": "text", "value": "Fox", "ts": 0.6, "end_ts": 0.8, "confidence": 0.7}, {"type": "unknown", "value": "?"}]


class FakeRevAI:
    routes = (
        ("POST", r"/speechtotext/v1/jobs", "submit"),
        ("GET", r"/speechtotext/v1/jobs/[\w-]+", "state"),
        ("GET", r"/speechtotext/v1/jobs/[\w-]+/transcript", "transcript"),
    )
    endless = b" " * 65_536

    def __init__(self) -> None:
        self.states = ("in_progress", "in_progress", "transcribed")
        """What a job answers when it is submitted and at each later look; the last one stays."""
        self.job_error = "The media file holds no audio."
        self._jobs: dict[str, dict[str, Any]] = {}
        self._lock = threading.Lock()

    def content_type(self, seen: Seen) -> str:
        return "application/json"

    def error(self, status: int, name: str, key: str) -> Reply:
        said = {"gone": "The transcriber is no longer supported.", "no_quota": "Insufficient balance for this job."}
        body = {"title": name, "detail": said.get(name, f"Refused for {key}\nsecond line"), "status": status}
        return Reply(status, json.dumps(body).encode(), {"content-type": "application/problem+json"})

    def submit(self, seen: Seen) -> Reply:
        assert seen.wav, "the upload holds no WAV"
        with self._lock:
            name = f"job-{len(self._jobs) + 1}"
            self._jobs[name] = {"asked": json.loads(dict(seen.fields)["options"]), "looks": 0, "seconds": seen.wav[0]}
        return self._state(name)

    def state(self, seen: Seen) -> Reply:
        name = seen.path.rpartition("/")[2]
        self._jobs[name]["looks"] += 1
        return self._state(name)

    def _state(self, name: str) -> Reply:
        job = self._jobs[name]
        status = self.states[min(job["looks"], len(self.states) - 1)]
        answer = {"id": name, "created_on": "2026-11-20T00:00:00Z", "status": status, "language": "en", **job["asked"]}
        if status == "transcribed":
            answer["duration_seconds"] = job["seconds"]
        if status == "failed":
            answer |= {"failure": "invalid_media", "failure_detail": self.job_error}
        return Reply.of_json(answer)

    def transcript(self, seen: Seen) -> Reply:
        assert seen.headers["accept"] == "application/vnd.rev.transcript.v1.0+json"
        turns = [{"speaker": 0, "elements": ELEMENTS}, {"speaker": 1, "elements": REPLY}]
        return Reply.of_json({"monologues": turns})
