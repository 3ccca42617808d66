"""DashScope's chat, its own streaming speech protocol and its speech websocket (from docs, not recorded)."""

from __future__ import annotations

import base64
import contextlib
import json
import threading
from typing import Any

from fake_api import Reply, Seen
from fake_openai import FakeOpenAI, events
from websockets.exceptions import ConnectionClosed


class FakeDashScope(FakeOpenAI):
    routes = (
        ("POST", r"/compatible-mode/v1/chat/completions", "chat"),
        ("POST", r"/api/v1/services/aigc/multimodal-generation/generation", "speak"),
        ("GET", r"/api-ws/v1/realtime", "refuse_plain"),
    )
    refused_midway: dict[str, Any] | None = None
    """What the speech stream says instead of its second event."""

    def content_type(self, seen: Seen) -> str:
        return "text/event-stream"

    def error(self, status: int, name: str, key: str) -> Reply:
        codes = {"bad_key": "InvalidApiKey", "no_quota": "insufficient_quota", "no_credit": "Arrearage"}
        said = "The model has been deprecated." if name == "gone" else f"Refused for {key}\nsecond line"
        body = {"code": codes.get(name, "InvalidParameter"), "message": said, "request_id": "ds-failed"}
        return Reply.of_json(body, status)

    def chat(self, seen: Seen) -> Reply:
        asked = seen.json()
        parts = asked["messages"][-1]["content"]
        head, _, sound = next(part for part in parts if part["type"] == "input_audio")["input_audio"]["data"].partition(",")
        assert head in ("data:;base64", "data:audio/wav;base64")
        assert base64.b64decode(sound).startswith(b"RIFF")
        hearing = "asr_options" in asked

        def chunk(delta: dict[str, Any], finish: str | None = None, **rest: Any) -> dict[str, Any]:
            choice = {"index": 0, "delta": delta, "finish_reason": finish}
            about = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": asked["model"]}
            return {**about, "choices": [choice], **rest}

        noted = {"annotations": [{"type": "audio_info", "language": "en", "emotion": "neutral"}]} if hearing else {}
        thought = [] if hearing else [chunk({"reasoning_content": "It hums.", "content": None})]
        words = ("the quick", " brown fox") if hearing else ("A", " tone.")
        usage: dict[str, Any] = {"prompt_tokens": 30, "completion_tokens": 12, "total_tokens": 42}
        usage |= {"prompt_tokens_details": {"audio_tokens": 20, "text_tokens": 10}}
        usage |= {"seconds": 1} if hearing else {}
        stream: list[Any] = [*thought, *(chunk({"content": part, **noted}) for part in words)]
        if self.terminal:
            stream += [chunk({"content": ""}, "stop"), {**chunk({}), "choices": [], "usage": usage}, b"[DONE]"]
        return Reply(200, events(*stream), {"content-type": "text/event-stream", "x-request-id": "ds-chat"})

    def speak(self, seen: Seen) -> Reply:
        assert seen.headers["x-dashscope-sse"] == "enable"
        text = seen.json()["input"]["text"]
        half = len(self.pcm) // 2 | 1
        sounds = [self.pcm[:half], self.pcm[half:]]

        def event(data: bytes, finish: str) -> dict[str, Any]:
            audio = {"data": base64.b64encode(data).decode(), "expires_at": 1, "id": "audio_1"}
            return {"output": {"audio": audio, "finish_reason": finish}, "usage": {"characters": len(text)}, "request_id": "ds-1"}

        stream: list[Any] = [event(sound, "null") for sound in sounds]
        if self.refused_midway:
            stream[1] = self.refused_midway
        elif self.terminal:
            stream.append(event(b"", "stop"))
        lines = (b"id:1\nevent:result\n:HTTP_STATUS/200\ndata:" + json.dumps(value).encode() + b"\n\n" for value in stream)
        return Reply(200, lines, {"content-type": "text/event-stream;charset=UTF-8"})

    def websocket(self, connection: Any, seen: Seen, trouble: str, stopping: threading.Event) -> None:
        with contextlib.suppress(ConnectionClosed):
            self._send(connection, "session.created", session={"id": "sess_ds", "model": dict(seen.query)["model"]})
            asked = self._until(connection, seen, "session.finish")
            if not asked or asked[-1]["type"] != "session.finish" or self._misbehaves(connection, trouble, stopping, sound=True):
                return
            text = "".join(event["text"] for event in asked if event["type"] == "input_text_buffer.append")
            half = len(self.pcm) // 2 & ~1
            for part in (self.pcm[:half], self.pcm[half:]):
                self._send(connection, "response.audio.delta", delta=base64.b64encode(part).decode())
                usage = {"characters": len(text) / 2}
                self._send(connection, "response.done", response={"id": "resp_1", "usage": usage, **self.status})
            if self.terminal:
                self._send(connection, "session.finished")
