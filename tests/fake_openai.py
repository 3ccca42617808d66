"""OpenAI's REST and server-sent events, shaped after its API reference and the SDK's models (from docs, not recorded)."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from typing import Any

from fake_api import Reply, Seen, held, sine
from fake_realtime import FakeRealtime

WORDS = "the quick brown fox"


def events(*values: Any) -> Iterator[bytes]:
    for value in values:
        yield b"data: " + (value if isinstance(value, bytes) else json.dumps(value).encode()) + b"\n\n"


class FakeOpenAI(FakeRealtime):
    routes = (
        *FakeRealtime.routes,
        ("POST", r"/v1/audio/transcriptions", "transcribe"),
        ("POST", r"/v1/audio/speech", "speak"),
        ("POST", r"/v1/chat/completions", "chat"),
    )
    endless = b"data: " + b"x" * 65_536

    def __init__(self) -> None:
        self.terminal = True
        """False: streams end without their last event."""
        self.pcm = sine(0.5)
        self.hold: threading.Event | None = None
        """Speech stops after its first piece until this is set."""
        self.pcm_chunk = 4_801
        """Odd, so that samples are split between chunks."""

    def content_type(self, seen: Seen) -> str:
        return "application/octet-stream" if seen.path.endswith("speech") else "text/event-stream"

    def error(self, status: int, name: str, key: str) -> Reply:
        said = {
            "bad_key": ("invalid_api_key", f"Incorrect API key provided: {key}."),
            "no_quota": ("insufficient_quota", "You exceeded your current quota, please check your plan."),
            "gone": ("model_not_found", "The model has been deprecated, see the deprecations page."),
            "too_large": (None, f"Maximum content size limit (26214400) exceeded by {key}"),
        }
        code, message = said.get(name, (None, f"Something went wrong\nfor {key}"))
        body = {"error": {"message": message, "type": "some_error", "param": None, "code": code}}
        return Reply.of_json(body, status, x_request_id="req_failed")

    def _headers(self, kind: str) -> dict[str, str]:
        return {"content-type": kind, "x-request-id": "req_1", "openai-processing-ms": "321"}

    def transcribe(self, seen: Seen) -> Reply:
        assert seen.wav, "the upload holds no WAV"
        asked = dict(seen.fields)
        tokens = {"type": "tokens", "input_tokens": 14, "output_tokens": 6, "total_tokens": 20}
        tokens["input_token_details"] = {"audio_tokens": 10, "text_tokens": 4}
        if asked.get("stream") == "true":
            stream: list[Any] = [{"type": "transcript.text.delta", "delta": part} for part in ("the quick", " brown", " fox")]
            done = {"type": "transcript.text.done", "text": WORDS, "usage": tokens}
            if asked["model"] == "gpt-transcribe":
                done |= {"languages": [{"code": "en"}], "usage": {"type": "duration", "seconds": seen.wav[0]}}
            return Reply(200, events(*stream, *([done] if self.terminal else [])), self._headers("text/event-stream"))
        answer: dict[str, Any] = {"text": WORDS, "usage": {"type": "duration", "seconds": seen.wav[0]}}
        if asked["response_format"] == "verbose_json":
            answer |= {"language": "english", "duration": seen.wav[0], "segments": []}
            if ("timestamp_granularities[]", "word") in seen.fields:
                answer["words"] = [{"word": "the", "start": 0.1, "end": 0.2}, {"word": "quick", "start": 0.2, "end": 0.5}]
        if asked["response_format"] == "diarized_json":
            turn = {"type": "transcript.text.segment", "id": "1", "start": 0.0, "end": 0.9, "speaker": "A", "text": f" {WORDS}"}
            answer |= {"task": "transcribe", "duration": seen.wav[0], "segments": [turn], "usage": tokens}
        return Reply(200, json.dumps(answer).encode(), self._headers("application/json"))

    def speak(self, seen: Seen) -> Reply:
        return Reply(200, held(self.pcm, self.pcm_chunk, self.hold), self._headers("audio/pcm"))

    def chat(self, seen: Seen) -> Reply:
        asked = seen.json()
        sound = next(part for part in asked["messages"][0]["content"] if part["type"] == "input_audio")
        assert base64.b64decode(sound["input_audio"]["data"]).startswith(b"RIFF")

        def chunk(delta: dict[str, Any], finish: str | None = None, **rest: Any) -> dict[str, Any]:
            choice = {"index": 0, "delta": delta, "finish_reason": finish}
            return {
                "id": "c1",
                "object": "chat.completion.chunk",
                "created": 1,
                "model": "gpt-audio-1.5-2026",
                "choices": [choice],
                **rest,
            }

        spoken = "audio" in asked["modalities"]
        if spoken:
            half = len(self.pcm) // 2 | 1
            sounds = [base64.b64encode(part).decode() for part in (self.pcm[:half], self.pcm[half:])]
            deltas = [
                {"audio": {"id": "a1", "transcript": text, "data": data}}
                for text, data in zip(("A", " tone."), sounds, strict=True)
            ]
        else:
            deltas = [{"content": "A"}, {"content": " tone."}]
        usage = {"prompt_tokens": 30, "completion_tokens": 12, "total_tokens": 42}
        usage |= {
            "prompt_tokens_details": {"audio_tokens": 20},
            "completion_tokens_details": {"audio_tokens": 8 if spoken else 0},
        }
        stream: list[Any] = [chunk(delta) for delta in deltas]
        if self.terminal:
            stream += [chunk({}, "stop"), {**chunk({}), "choices": [], "usage": usage}, b"[DONE]"]
        return Reply(200, events(*stream), self._headers("text/event-stream"))
