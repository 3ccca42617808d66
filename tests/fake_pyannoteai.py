"""pyannoteAI's upload and jobs, with the storage behind the upload, shaped after its documentation (from docs, not recorded)."""

from __future__ import annotations

import threading
from typing import Any

from fake_api import Reply, Seen

WORDS = [
    {"start": 0.1, "end": 0.2, "text": " The", "speaker": "SPEAKER_00"},
    {"start": 0.2, "end": 0.5, "text": " quick", "speaker": "SPEAKER_00"},
    {"start": 0.6, "end": 0.8, "text": " fox?", "speaker": "SPEAKER_01"},
]
TURNS = [
    {"start": 0.1, "end": 0.5, "text": " The quick", "speaker": "SPEAKER_00"},
    {"start": 0.6, "end": 0.8, "text": " fox?", "speaker": "SPEAKER_01"},
]


class FakePyannoteAI:
    routes = (
        ("POST", r"/v1/media/input", "place"),
        ("PUT", r"/storage/[\w-]+", "store"),
        ("POST", r"/v1/diarize", "submit"),
        ("GET", r"/v1/jobs/[\w-]+", "state"),
    )
    endless = b" " * 65_536

    def __init__(self) -> None:
        self.states = ("created", "running", "succeeded")
        """What a job answers at each look; the last one stays."""
        self.job_error = "Could not decode the audio."
        self.storage: str | None = None
        """Where uploads are said to go, instead of here."""
        self._jobs: dict[str, dict[str, Any]] = {}
        self._places: list[str] = []
        """Whose upload each signed address is for."""
        self._lock = threading.Lock()

    def content_type(self, seen: Seen) -> str:
        return "application/json"

    def error(self, status: int, name: str, key: str) -> Reply:
        said = {"gone": "The model was retired.", "no_quota": "Insufficient credits for this request."}
        return Reply.of_json({"requestId": "py-failed", "message": said.get(name, f"Refused for {key}\nsecond line")}, status)

    def place(self, seen: Seen) -> Reply:
        assert seen.json()["url"].startswith("media://")
        with self._lock:
            self._places.append(seen.key)
            address = f"http://{seen.headers['host']}/storage/place-{len(self._places)}?signature=s"
        return Reply.of_json({"url": self.storage or address}, 201)

    def store(self, seen: Seen) -> Reply:
        assert seen.wav, "the upload holds no WAV"
        assert "authorization" not in seen.headers, "the storage must not see the key"
        seen.headers["signed-for-key"] = self._places[int(seen.path.rpartition("-")[2]) - 1]
        return Reply(200, b"")

    def submit(self, seen: Seen) -> Reply:
        with self._lock:
            name = f"job-{len(self._jobs) + 1}"
            self._jobs[name] = {"key": seen.key, "looks": -1}
        return Reply.of_json({"jobId": name, "status": "created"})

    def state(self, seen: Seen) -> Reply:
        name = seen.path.rpartition("/")[2]
        job = self._jobs[name]
        assert job["key"] == seen.key, "a job is asked for under another key"
        job["looks"] += 1
        status = self.states[min(job["looks"], len(self.states) - 1)]
        output: dict[str, Any] = {}
        if status == "succeeded":
            turns = [{name: turn[name] for name in ("start", "end", "speaker")} for turn in TURNS]
            output = {"diarization": turns, "wordLevelTranscription": WORDS, "turnLevelTranscription": TURNS}
        if status == "failed":
            output = {"error": self.job_error}
        return Reply.of_json({"jobId": name, "status": status, "output": output})
