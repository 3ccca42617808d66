"""fal's queue and the answers of four models, shaped after its documentation (from docs, not recorded)."""

from __future__ import annotations

import base64
from typing import Any

from fake_api import Reply, Seen, _read_wav
from fake_outputs import FakeOutputs, wav

CHUNKS = [
    {"text": " The", "timestamp": [0.1, 0.2], "speaker": "SPEAKER_00"},
    {"text": " quick", "timestamp": [0.2, 0.5], "speaker": "SPEAKER_00"},
    {"text": " fox", "timestamp": [0.6, None], "speaker": "SPEAKER_01"},
]


class FakeFal(FakeOutputs):
    routes = (
        ("POST", r"/fal-ai/(?!.*requests).+", "submit"),
        ("GET", r"/fal-ai/[\w-]+/requests/[\w-]+/status", "state"),
        ("GET", r"/fal-ai/[\w-]+/requests/[\w-]+", "result"),
        *FakeOutputs.routes,
    )

    def __init__(self) -> None:
        super().__init__()
        self.states = ("IN_PROGRESS", "COMPLETED")
        self.job_error: str | None = None
        """With it, a completed request is one that failed."""
        self.locked = False
        """True: the account has no balance."""

    def error(self, status: int, name: str, key: str) -> Reply:
        said = {"gone": "This endpoint is deprecated.", "no_quota": "Insufficient balance: top up your account."}
        return Reply.of_json({"detail": said.get(name, f"Refused for {key}\nsecond line")}, status, x_fal_request_id="fal-failed")

    def submit(self, seen: Seen) -> Reply:
        if self.locked:
            return Reply.of_json({"detail": "User is locked. Reason: Exhausted balance. Top up your balance."}, 403)
        asked = seen.json()
        if "audio_url" in asked:
            head, _, data = asked["audio_url"].partition(",")
            assert head == "data:audio/wav;base64"
            seen.wav = _read_wav(base64.b64decode(data))
            assert seen.wav, "the request holds no WAV"
        name = self.start(seen, asked=asked, seconds=seen.wav and seen.wav[0], model=seen.path.strip("/"))
        return Reply.of_json(
            {"status": "IN_QUEUE", "request_id": name, "response_url": "https://elsewhere.example/", "queue_position": 0}
        )

    def state(self, seen: Seen) -> Reply:
        status, job = self.look(seen, seen.path.split("/")[-2])
        assert seen.path.startswith("/" + "/".join(job["model"].split("/")[:2]) + "/requests/")
        answer: dict[str, Any] = {"status": status, "logs": None}
        if status == "COMPLETED":
            answer["metrics"] = {"inference_time": 0.75}
            if self.job_error:
                answer["error"] = self.job_error
        return Reply.of_json(answer, 200 if status == "COMPLETED" else 202)

    def result(self, seen: Seen) -> Reply:
        job = self._jobs[seen.path.rpartition("/")[2]]
        asked, app = job["asked"], job["model"].split("/")[1]

        def file(name: str, data: bytes) -> dict[str, Any]:
            address = self.keep(seen, job["key"], name, data)
            return {"url": address, "content_type": "audio/wav", "file_name": name, "file_size": len(data)}

        if app == "whisper":
            chunks = CHUNKS if asked["chunk_level"] == "word" else [{"text": " The quick fox", "timestamp": [0.1, None]}]
            return Reply.of_json({"text": " The quick fox", "chunks": chunks, "inferred_languages": ["en"]})
        if app == "demucs":
            made = {name: file(f"{name}.wav", wav(job["seconds"], 220.0 + len(name))) for name in asked["stems"]}
            return Reply.of_json({**made, "guitar": None, "piano": None})
        rate = 24_000 if app == "kokoro" else 44_100
        return Reply.of_json({"audio": file("out.wav", wav(float(asked.get("seconds_total", 1.0)), rate=rate))})
