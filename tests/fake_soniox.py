"""Soniox's files, jobs and live websocket, shaped after the SDK's models (from docs, not recorded)."""

from __future__ import annotations

import json
import threading
from typing import Any

from fake_api import Reply, Seen
from fake_live import hear

TOKENS = [
    {"text": "The", "start_ms": 100, "end_ms": 200, "confidence": 0.99, "language": "en", "speaker": "1"},
    {"text": " qui", "start_ms": 200, "end_ms": 400, "confidence": 0.9, "language": "en", "speaker": "1"},
    {"text": "ck", "start_ms": 400, "end_ms": 500, "confidence": 0.6, "language": "en", "speaker": "1"},
    {"text": " fox", "start_ms": 600, "end_ms": 800, "confidence": 0.8, "language": "en", "speaker": "2"},
    {"text": ".", "start_ms": 800, "end_ms": 810, "confidence": 0.95, "language": "en", "speaker": "2"},
]
TEXT = "The quick fox."


class FakeSoniox:
    routes = (
        ("POST", r"/v1/files", "upload"),
        ("DELETE", r"/v1/files/[\w-]+", "delete"),
        ("POST", r"/v1/transcriptions", "submit"),
        ("GET", r"/v1/transcriptions/[\w-]+", "state"),
        ("GET", r"/v1/transcriptions/[\w-]+/transcript", "transcript"),
        ("DELETE", r"/v1/transcriptions/[\w-]+", "delete"),
        ("GET", r"/transcribe-websocket", "refuse_plain"),
    )
    endless = b" " * 65_536

    def __init__(self) -> None:
        self.states = ("queued", "processing", "completed")
        """What a job answers when it is submitted and at each later look; the last one stays."""
        self.job_error = "The audio file could not be decoded."
        self.tokens = TOKENS
        self.deletes = 204
        """The status that answers a deletion."""
        self.live_error: dict[str, Any] | None = None
        """Sent instead of the final result."""
        self._files: dict[str, float] = {}
        self._jobs: dict[str, dict[str, Any]] = {}
        self._lock = threading.Lock()

    def content_type(self, seen: Seen) -> str:
        return "application/json"

    def error(self, status: int, name: str, key: str) -> Reply:
        said = {"gone": "The model is no longer available.", "no_quota": "Insufficient funds: the balance is exhausted."}
        message = said.get(name, f"Refused for {key}\nsecond line")
        body = {"status_code": status, "error_type": name, "message": message, "validation_errors": [], "request_id": "so-failed"}
        return Reply.of_json(body, status)

    def refuse_plain(self, seen: Seen) -> Reply:
        return self.error(400, "bad_request", "")

    def upload(self, seen: Seen) -> Reply:
        assert seen.wav, "the upload holds no WAV"
        with self._lock:
            name = f"file-{len(self._files) + 1}"
            self._files[name] = seen.wav[0]
        about = {"filename": "audio.wav", "size": len(seen.body), "created_at": "2026-11-20T00:00:00Z"}
        return Reply.of_json({"id": name, **about}, 201)

    def submit(self, seen: Seen) -> Reply:
        with self._lock:
            name = f"job-{len(self._jobs) + 1}"
            self._jobs[name] = {"asked": seen.json(), "looks": 0}
        return self._state(name, 201)

    def state(self, seen: Seen) -> Reply:
        name = seen.path.rpartition("/")[2]
        self._jobs[name]["looks"] += 1
        return self._state(name, 200)

    def _state(self, name: str, status: int) -> Reply:
        job = self._jobs[name]
        answer = {"enable_speaker_diarization": False, "created_at": "2026-11-20T00:00:00Z", "filename": "audio.wav"}
        answer |= {**job["asked"], "id": name, "status": self.states[min(job["looks"], len(self.states) - 1)]}
        if answer["status"] == "completed":
            answer["audio_duration_ms"] = round(self._files[job["asked"]["file_id"]] * 1000)
        if answer["status"] == "error":
            answer["error_message"] = self.job_error
        return Reply.of_json(answer, status)

    def transcript(self, seen: Seen) -> Reply:
        return Reply.of_json({"id": seen.path.split("/")[3], "text": TEXT, "tokens": self.tokens})

    def delete(self, seen: Seen) -> Reply:
        return Reply(self.deletes, b"")

    def websocket(self, connection: Any, seen: Seen, trouble: str, stopping: threading.Event) -> None:
        """Every 0.2 s of sound brings one more provisional token; the end makes all of them final."""
        seen.messages.append(connection.recv())

        def result(tokens: list[dict[str, Any]], final: bool, **more: Any) -> str:
            known = [{**token, "is_final": final} for token in tokens]
            return json.dumps({"tokens": known, "final_audio_proc_ms": 0, "total_audio_proc_ms": 0, **more})

        seconds = hear(connection, seen, trouble, stopping, lambda told: result(self.tokens[:told], False))
        if seconds is None:
            return
        if self.live_error:
            connection.send(json.dumps({"tokens": [], **self.live_error}))
            return
        connection.send(result(self.tokens[:2], True))
        rest = [*self.tokens[2:], {"text": "<end>", "start_ms": 810, "end_ms": 810, "confidence": 1.0}]
        connection.send(result(rest, True, total_audio_proc_ms=round(seconds * 1000)))
        connection.send(result([], True, total_audio_proc_ms=round(seconds * 1000), finished=True))
