"""Gladia's upload, jobs and live sessions, shaped after the SDK's models (from docs, not recorded)."""

from __future__ import annotations

import json
import threading
from typing import Any

from fake_api import Reply, Seen
from fake_live import hear

TEXT = "The quick fox."
WORDS = [
    {"word": "The", "start": 0.1, "end": 0.2, "confidence": 0.9},
    {"word": " quick", "start": 0.2, "end": 0.5, "confidence": 0.8},
]


def utterance(text: str = TEXT, **more: Any) -> dict[str, Any]:
    known = {"start": 0.1, "end": 0.5, "confidence": 0.85, "channel": 0, "words": WORDS, "text": text, "language": "en"}
    return {**known, **more}


class FakeGladia:
    routes = (
        ("POST", r"/v2/upload", "upload"),
        ("POST", r"/v2/pre-recorded", "submit"),
        ("GET", r"/v2/pre-recorded/[\w-]+", "state"),
        ("POST", r"/v2/live", "open"),
        ("GET", r"/v2/session", "refuse_plain"),
    )
    endless = b" " * 65_536

    def __init__(self) -> None:
        self.states = ("queued", "processing", "done")
        """What a job answers at each look; the last one stays."""
        self.session_url: str | None = None
        """Where a live session is said to be, instead of here."""
        self.terminal = True
        """False: a live session ends without its end_session message."""
        self._jobs: dict[str, dict[str, Any]] = {}
        self._sessions: list[str] = []
        """Whose session each token is for."""
        self._lock = threading.Lock()

    def content_type(self, seen: Seen) -> str:
        return "application/json"

    def error(self, status: int, name: str, key: str) -> Reply:
        said = {"gone": "This model has been discontinued.", "no_quota": "Insufficient credits: top up your account."}
        body = {"statusCode": status, "message": said.get(name, f"Refused for {key}\nsecond line"), "request_id": "G-failed"}
        return Reply.of_json({"timestamp": "2026-11-20T00:00:00Z", "path": "/v2", **body}, status)

    def refuse_plain(self, seen: Seen) -> Reply:
        return self.error(400, "bad_request", "")

    def upload(self, seen: Seen) -> Reply:
        assert seen.wav, "the upload holds no WAV"
        about = {"id": "f-1", "filename": "audio.wav", "extension": "wav", "size": 1, "number_of_channels": 1}
        address = f"https://api.example/file/{seen.wav[0]}"
        return Reply.of_json({"audio_url": address, "audio_metadata": {**about, "audio_duration": seen.wav[0]}})

    def submit(self, seen: Seen) -> Reply:
        with self._lock:
            name = f"job-{len(self._jobs) + 1}"
            self._jobs[name] = {"asked": seen.json(), "looks": -1}
        return Reply.of_json({"id": name, "result_url": f"https://api.example/v2/pre-recorded/{name}"}, 201)

    def state(self, seen: Seen) -> Reply:
        name = seen.path.rpartition("/")[2]
        job = self._jobs[name]
        job["looks"] += 1
        status = self.states[min(job["looks"], len(self.states) - 1)]
        answer: dict[str, Any] = {"id": name, "request_id": f"G-{name}", "version": 2, "status": status, "kind": "pre-recorded"}
        if status == "done":
            seconds = float(job["asked"]["audio_url"].rpartition("/")[2])
            about = {"audio_duration": seconds, "number_of_distinct_channels": 1}
            about |= {"billing_time": seconds, "transcription_time": 0.7}
            spoken = utterance(speaker=0) if job["asked"].get("diarization") else utterance()
            said = {"full_transcript": TEXT, "languages": ["en"], "utterances": [spoken]}
            answer["result"] = {"metadata": about, "transcription": said}
        if status == "error":
            answer["error_code"] = 422
        return Reply.of_json(answer)

    def open(self, seen: Seen) -> Reply:
        with self._lock:
            self._sessions.append(seen.key)
            address = f"ws://{seen.headers['host']}/v2/session?token={len(self._sessions)}"
        return Reply.of_json({"id": "live-1", "created_at": "2026-11-20T00:00:00Z", "url": self.session_url or address}, 201)

    def websocket(self, connection: Any, seen: Seen, trouble: str, stopping: threading.Event) -> None:
        assert not {"authorization", "x-gladia-key"} & set(seen.headers), "the socket must not see the key"
        seen.headers["token-of-key"] = self._sessions[int(dict(seen.query)["token"]) - 1]

        def transcript(text: str, final: bool) -> str:
            data = {"id": "u-1", "is_final": final, "utterance": utterance(text)}
            return json.dumps({"type": "transcript", "session_id": "live-1", "data": data})

        heard = ("The", "The quick", "The quick fox")
        seconds = hear(connection, seen, trouble, stopping, lambda told: transcript(heard[min(told, len(heard)) - 1], False))
        if seconds is None:
            return
        connection.send(transcript(TEXT, True))
        connection.send(json.dumps({"type": "end_recording", "session_id": "live-1", "data": {"recording_duration": seconds}}))
        if self.terminal:
            connection.send(json.dumps({"type": "end_session", "session_id": "live-1"}))
