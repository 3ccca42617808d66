"""AssemblyAI's upload, jobs, synchronous and speech endpoints, shaped after the SDK's models (from docs, not recorded)."""

from __future__ import annotations

import contextlib
import json
import threading
from typing import Any

from fake_api import Reply, Seen, held, sine
from websockets.exceptions import ConnectionClosedError

TEXT = "The quick brown fox."
WORDS = [
    {"text": "The", "start": 100, "end": 200, "confidence": 0.9, "speaker": "A"},
    {"text": "quick", "start": 200, "end": 500, "confidence": 0.8, "speaker": "A"},
]


class FakeAssemblyAI:
    routes = (
        ("POST", r"/v2/upload", "upload"),
        ("POST", r"/v2/transcript", "submit"),
        ("GET", r"/v2/transcript/[\w-]+", "state"),
        ("POST", r"/v1/transcribe/live", "now"),
        ("POST", r"/v1/speech", "speak"),
        ("GET", r"/v3/ws", "refuse_plain"),
    )
    endless = b" " * 65_536

    def __init__(self) -> None:
        self.pcm = sine(0.5)
        self.hold: threading.Event | None = None
        """Speech stops after its first piece until this is set."""
        self.states = ("queued", "processing", "completed")
        """What a job answers when it is submitted and at each later look; the last one stays."""
        self.job_error = "Transcoding failed. File does not appear to contain audio."
        self.terminal = True
        """False: the live session ends without its Termination message."""
        self.refusal: dict[str, Any] | None = None
        """An Error message that the live session ends with."""
        self._jobs: dict[str, dict[str, Any]] = {}
        self._lock = threading.Lock()

    def content_type(self, seen: Seen) -> str:
        return "audio/pcm;rate=24000;channels=1" if seen.path.endswith("speech") else "application/json"

    def error(self, status: int, name: str, key: str) -> Reply:
        said = "This model has been retired." if name == "gone" else f"Authentication error for {key}\nsecond line"
        if name == "no_quota":  # the SDK keeps nothing but the sentence
            said = "Insufficient funds: your account has no balance left."
        return Reply.of_json({"error": said}, status, x_request_id="aai-failed")

    def upload(self, seen: Seen) -> Reply:
        assert seen.wav, "the upload holds no WAV"
        return Reply.of_json({"upload_url": f"https://cdn.example/upload/{seen.wav[0]}"})

    def submit(self, seen: Seen) -> Reply:
        with self._lock:
            name = f"job-{len(self._jobs) + 1}"
            self._jobs[name] = {"asked": seen.json(), "looks": 0}
        return self._state(name)

    def state(self, seen: Seen) -> Reply:
        name = seen.path.rpartition("/")[2]
        self._jobs[name]["looks"] += 1
        return self._state(name)

    def _state(self, name: str) -> Reply:
        job = self._jobs[name]
        status = self.states[min(job["looks"], len(self.states) - 1)]
        answer = {"id": name, "status": status, **job["asked"]}
        if status == "completed":
            seconds = float(job["asked"]["audio_url"].rpartition("/")[2])
            answer |= {"text": TEXT, "words": WORDS, "confidence": 0.95, "audio_duration": round(seconds)}
            answer |= {"language_code": "en", "speech_model_used": job["asked"]["speech_models"][0]}
        if status == "error":
            answer["error"] = self.job_error
        return Reply.of_json(answer)

    def now(self, seen: Seen) -> Reply:
        assert seen.wav, "the upload holds no WAV"
        times = json.loads(dict(seen.fields)["config"]).get("timestamps")
        words = [word if times else {"text": word["text"], "confidence": word["confidence"]} for word in WORDS]
        answer = {"text": TEXT, "words": words, "confidence": 0.95, "audio_duration_ms": round(seen.wav[0] * 1000)}
        return Reply.of_json(answer | {"session_id": "sync-1", "request_time_ms": 87.5})

    def refuse_plain(self, seen: Seen) -> Reply:
        return Reply.of_json({"error": "no websocket"}, 400)

    def websocket(self, connection: Any, seen: Seen, trouble: str, stopping: threading.Event) -> None:
        """One ended turn, then one that Terminate cuts off; every 0.2 s of sound is answered with what was heard so far."""

        def turn(order: int, text: str, ended: bool = False, formatted: bool = False) -> str:
            words = [{"text": word, "start": 100 * at, "end": 100 * at + 100} for at, word in enumerate(text.split())]
            message = {"type": "Turn", "turn_order": order, "end_of_turn": ended, "turn_is_formatted": formatted}
            words = [word | {"confidence": 0.9, "word_is_final": True} for word in words]
            return json.dumps(
                message | {"transcript": text, "end_of_turn_confidence": 0.7, "words": words, "language_code": "en"}
            )

        if not trouble:
            model = dict(seen.query)["speech_model"]
            about = {"type": "Begin", "id": "live-1", "expires_at": 1_800_000_000, "configuration": {"model": model}}
            connection.send(json.dumps(about))
        received = 0
        with contextlib.suppress(ConnectionClosedError):
            for message in connection:
                if isinstance(message, str):
                    seen.messages.append(message)
                    break
                seen.messages.append(len(message))
                received += len(message)
                if received % 6_400 == 0 and not trouble:
                    connection.send(turn(0, "the quick"))
        if trouble in ("stall_midway", "drip"):
            stopping.wait(5.0)
        elif trouble in ("truncated_json", "wrong_json", "html", "unlabelled_text"):
            connection.send({"wrong_json": '{"nothing": 1}'}.get(trouble, '{"type": "Tu'))
        elif trouble == "cut":
            connection.socket.close()
        elif trouble == "endless":
            while not stopping.is_set():
                connection.send("x" * 1_000_000)
        elif trouble != "empty":
            for message in (turn(0, "the quick", True), turn(0, "The quick.", True, True), turn(1, "brown fox")):
                connection.send(message)
            if self.refusal:
                connection.send(json.dumps({"type": "Error", **self.refusal}))
            elif self.terminal:
                seconds = received / 32_000
                told = {"audio_duration_seconds": round(seconds), "session_duration_seconds": round(seconds) + 1}
                connection.send(json.dumps({"type": "Termination", **told}))

    def speak(self, seen: Seen) -> Reply:
        headers = {"content-type": self.content_type(seen), "x-request-id": "tts-1", "x-tts-model": "assemblyai-tts-1"}
        headers["x-tts-billed-characters"] = str(len(seen.json()["text"]))
        return Reply(200, held(self.pcm, 999, self.hold), headers)
