"""Speechmatics' jobs and live websocket, shaped after the SDKs' models (from docs, not recorded)."""

from __future__ import annotations

import json
import threading
from typing import Any

from fake_api import Reply, Seen
from fake_live import hear


def _result(kind: str, content: str, start: float, end: float, **more: Any) -> dict[str, Any]:
    best = {"content": content, "confidence": 0.9, "language": "en", "speaker": more.pop("speaker", "UU")}
    return {"type": kind, "start_time": start, "end_time": end, "alternatives": [best], **more}


RESULTS = [
    _result("word", "The", 0.1, 0.2, speaker="S1"),
    _result("word", "quick", 0.2, 0.5, speaker="S1"),
    _result("punctuation", ",", 0.5, 0.5, attaches_to="previous"),
    _result("word", "fox", 0.6, 0.8),
    _result("punctuation", ".", 0.8, 0.8, attaches_to="previous", is_eos=True),
]
PACK = {"word_delimiter": " ", "language_description": "English"}


class FakeSpeechmatics:
    routes = (
        ("POST", r"/v2/jobs", "submit"),
        ("GET", r"/v2/jobs/[\w-]+", "state"),
        ("GET", r"/v2/jobs/[\w-]+/transcript", "transcript"),
        ("GET", r"/v2", "refuse_plain"),
    )
    endless = b" " * 65_536

    def __init__(self) -> None:
        self.states: tuple[str, ...] = ("done",)
        """What a job answers when it is submitted and at each later look; the last one stays."""
        self.job_error = "unsupported audio format"
        self.live_error: dict[str, Any] | None = None
        """Sent instead of RecognitionStarted."""
        self._jobs: dict[str, dict[str, Any]] = {}
        self._lock = threading.Lock()

    def content_type(self, seen: Seen) -> str:
        return "application/json"

    def error(self, status: int, name: str, key: str) -> Reply:
        said = {"gone": "This model has been retired.", "no_quota": "Insufficient credit: the quota is used up."}
        codes = {"no_quota": "insufficient_quota"}
        return Reply.of_json(
            {"code": codes.get(name, status), "error": name, "detail": said.get(name, f"Refused for {key}\nsecond line")},
            status,
            x_request_id="sm-failed",
        )

    def refuse_plain(self, seen: Seen) -> Reply:
        return self.error(400, "bad_request", "")

    def submit(self, seen: Seen) -> Reply:
        assert seen.wav, "the upload holds no WAV"
        with self._lock:
            name = f"job-{len(self._jobs) + 1}"
            self._jobs[name] = {"asked": json.loads(dict(seen.fields)["config"]), "looks": 0, "seconds": seen.wav[0]}
        answer: dict[str, Any] = {"id": name, "status": self.states[0], "created_at": "2026-11-20T00:00:00Z"}
        if self.states[0] == "done":
            answer["json-v2"] = self._transcript(name)
        return Reply.of_json(answer, 201)

    def state(self, seen: Seen) -> Reply:
        name = seen.path.rpartition("/")[2]
        job = self._jobs[name]
        job["looks"] += 1
        status = self.states[min(job["looks"], len(self.states) - 1)]
        answer: dict[str, Any] = {"id": name, "status": status, "created_at": "2026-11-20T00:00:00Z", "data_name": "audio.wav"}
        if status == "rejected":
            answer["errors"] = [{"message": self.job_error, "timestamp": "2026-11-20T00:00:01Z"}]
        return Reply.of_json({"job": answer})

    def transcript(self, seen: Seen) -> Reply:
        return Reply.of_json(self._transcript(seen.path.split("/")[3]))

    def _transcript(self, name: str) -> dict[str, Any]:
        job = self._jobs[name]
        about = {"created_at": "2026-11-20T00:00:02Z", "type": "transcription", "language_pack_info": PACK}
        about["transcription_config"] = job["asked"]["transcription_config"]
        what = {"id": name, "created_at": "2026-11-20T00:00:00Z", "data_name": "audio.wav", "duration": job["seconds"]}
        return {"format": "2.9", "job": what, "metadata": about, "results": RESULTS}

    def websocket(self, connection: Any, seen: Seen, trouble: str, stopping: threading.Event) -> None:
        """Every 0.2 s of sound brings a longer guess; the end brings two final pieces, the second with punctuation alone."""
        seen.messages.append(connection.recv())
        if self.live_error:
            connection.send(json.dumps({"message": "Error", **self.live_error}))
            return
        connection.send(json.dumps({"message": "Info", "type": "recognition_quality", "reason": "Running recogniser"}))
        connection.send(json.dumps({"message": "RecognitionStarted", "id": "sm-live-1", "language_pack_info": PACK}))

        def told(kind: str, results: list[dict[str, Any]]) -> str:
            about = {"start_time": 0.0, "end_time": 1.0, "transcript": "as text"}
            return json.dumps({"message": kind, "metadata": about, "results": results})

        connection.send(json.dumps({"message": "AudioAdded", "seq_no": 1}))
        seconds = hear(connection, seen, trouble, stopping, lambda count: told("AddPartialTranscript", RESULTS[:count]))
        if seconds is not None:
            connection.send(told("AddTranscript", RESULTS[:-1]))
            connection.send(told("AddTranscript", RESULTS[-1:]))
            connection.send(json.dumps({"message": "EndOfTranscript"}))
