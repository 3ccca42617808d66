"""OpenAI's Realtime websocket, shaped after its guide and the SDK's event models (from docs, not recorded)."""

from __future__ import annotations

import base64
import contextlib
import json
import threading
from typing import Any

from fake_api import Reply, Seen, sine
from websockets.exceptions import ConnectionClosed

HEARD = ("the", "quick", "brown", "fox")


class FakeRealtime:
    """`said` is what the model speaks instead of the text that it was asked to read."""

    routes = (("GET", r"/v1/realtime", "refuse_plain"),)
    pcm = sine(0.5)
    said: str | None = None
    terminal = True
    status: dict[str, Any] = {"status": "completed"}  # noqa: RUF012 - replaced as a whole, never changed
    error_event: dict[str, Any] | None = None

    def refuse_plain(self, seen: Seen) -> Reply:
        return Reply.of_json({"error": {"message": "no websocket", "type": "invalid_request_error", "code": None}}, 400)

    def websocket(self, connection: Any, seen: Seen, trouble: str, stopping: threading.Event) -> None:
        with contextlib.suppress(ConnectionClosed):
            model = dict(seen.query).get("model", "")
            self._send(connection, "session.created", session={"id": "sess_1", "model": f"{model}-2026" if model else None})
            if dict(seen.query).get("intent") == "transcription":
                self._transcribe(connection, seen, trouble, stopping)
            else:
                self._respond(connection, seen, trouble, stopping)

    def _send(self, connection: Any, kind: str, **fields: Any) -> None:
        connection.send(json.dumps({"type": kind, "event_id": "event_1", **fields}))

    def _until(self, connection: Any, seen: Seen, last: str) -> list[dict[str, Any]]:
        """What the client sends up to its last message; sound is journalled as the bytes that it holds."""
        asked = []
        for message in connection:
            event = json.loads(message)
            if event["type"] == "input_audio_buffer.append":
                seen.messages.append(len(base64.b64decode(event["audio"])))
            else:
                seen.messages.append(message)
            asked.append(event)
            if event["type"] == last:
                break
        return asked

    def _misbehaves(self, connection: Any, trouble: str, stopping: threading.Event, sound: bool) -> bool:
        if self.error_event:
            self._send(connection, "error", error=self.error_event)
        elif trouble in ("stall_midway", "drip"):
            for _ in connection:  # ends when the client hangs up
                pass
        elif trouble in ("truncated_json", "wrong_json", "html", "unlabelled_text"):
            connection.send({"wrong_json": '{"nothing": 1}'}.get(trouble, '{"type": "response.do'))
        elif trouble == "cut":
            connection.socket.close()
        elif trouble == "endless":
            half = base64.b64encode(bytes(300_000)).decode()
            while not stopping.is_set():
                connection.send(
                    "x" * 1_000_000 if not sound else json.dumps({"type": "response.output_audio.delta", "delta": half})
                )
        return bool(self.error_event or trouble)

    def _transcribe(self, connection: Any, seen: Seen, trouble: str, stopping: threading.Event) -> None:
        kinds, told, received = "conversation.item.input_audio_transcription.", 0, 0
        for message in connection:
            event = json.loads(message)
            if event["type"] == "session.update":
                seen.messages.append(message)
            elif event["type"] == "input_audio_buffer.append":
                received += len(base64.b64decode(event["audio"]))
                seen.messages.append(len(base64.b64decode(event["audio"])))
                while told < min(len(HEARD), received // 9_600) and not trouble:
                    self._send(connection, f"{kinds}delta", item_id="i1", delta=f"{' ' if told else ''}{HEARD[told]}")
                    told += 1
            else:
                seen.messages.append(message)
                break
        if self._misbehaves(connection, trouble, stopping, sound=False):
            return
        usage = {"type": "duration", "seconds": received / 48_000}
        if self.terminal:
            said = {"transcript": " ".join(HEARD), "languages": [{"code": "en"}], "usage": usage}
            self._send(connection, f"{kinds}completed", item_id="i1", content_index=0, **said)

    def _respond(self, connection: Any, seen: Seen, trouble: str, stopping: threading.Event) -> None:
        asked = self._until(connection, seen, "response.create")
        if not asked or asked[-1]["type"] != "response.create":
            return
        session = next(event["session"] for event in asked if event["type"] == "session.update")
        messages = [event["item"] for event in asked if event["type"] == "conversation.item.create"]
        text = (messages or asked[-1]["response"]["input"])[0]["content"][0]["text"]
        spoken = session["output_modalities"] == ["audio"]
        if self._misbehaves(connection, trouble, stopping, sound=True):
            return
        words = (self.said or text) if not messages else "A tone."
        name = "output_audio_transcript" if spoken else "output_text"
        for part in (words[:2], words[2:]):
            self._send(connection, f"response.{name}.delta", delta=part)
        if spoken:
            half = len(self.pcm) // 2 | 1
            for part in (self.pcm[:half], self.pcm[half:]):
                self._send(connection, "response.output_audio.delta", delta=base64.b64encode(part).decode())
        usage = {
            "input_token_details": {"audio_tokens": 20 if messages else 0, "text_tokens": 10},
            "output_token_details": {"audio_tokens": 8 if spoken else 0, "text_tokens": 4},
        }
        if self.terminal:
            self._send(connection, "response.done", response={"id": "resp_1", "usage": usage, **self.status})
