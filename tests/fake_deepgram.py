"""Deepgram's REST and live websocket, shaped after its AsyncAPI and the SDK's models (from docs, not recorded)."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from typing import Any

from fake_api import Reply, Seen, held, sine
from websockets.exceptions import ConnectionClosedError

WORDS = ("the", "quick", "brown", "fox")
MODELS = {"uuid-1": {"name": "general-nova-3", "version": "2026-05-01.0", "arch": "nova-3"}}


class FakeDeepgram:
    routes = (
        ("POST", r"/v1/listen", "listen"),
        ("GET", r"/v[12]/listen", "refuse_plain"),
        ("POST", r"/v1/speak", "speak"),
    )
    endless = b"\0" * 65_536

    def __init__(self) -> None:
        self.terminal = True
        """False: the live stream ends without its Metadata message, a conversation without a closing frame."""
        self.ended_turns: tuple[str, ...] = ()
        """Turns of the live conversation that end before the one that the sound ends in."""
        self.deaf_after = 1 << 30
        """Bytes of live sound after which a conversation hears no more."""
        self.pcm = sine(0.5)
        self.hold: threading.Event | None = None
        """Speech stops after its first piece until this is set."""

    def content_type(self, seen: Seen) -> str:
        return "audio/l16;rate=24000" if seen.path.endswith("speak") else "application/json"

    def error(self, status: int, name: str, key: str) -> Reply:
        codes = {"bad_key": "INVALID_AUTH", "no_credit": "ASR_PAYMENT_REQUIRED", "rate_limited": "TOO_MANY_REQUESTS"}
        said = "The model is no longer available." if name == "gone" else f"Refused for {key}\nsecond line"
        if name == "no_quota":
            codes["no_quota"] = "insufficient_quota"
        body = {"err_code": codes.get(name, "Bad Request"), "err_msg": said, "request_id": "dg-failed"}
        return Reply.of_json(body, status, dg_request_id="dg-failed")

    def refuse_plain(self, seen: Seen) -> Reply:
        return Reply.of_json({"err_code": "Bad Request", "err_msg": "no websocket"}, 400)

    def listen(self, seen: Seen) -> Reply:
        assert seen.wav, "the upload holds no WAV"
        best = {"transcript": "The quick brown fox.", "confidence": 0.98, "words": self._words("diarize" in dict(seen.query))}
        if ("language", "multi") in seen.query:
            best |= {"languages": ["es", "en"]}
        channel: dict[str, Any] = {"alternatives": [best]}
        if "detect_language" in dict(seen.query):
            channel |= {"detected_language": "en", "language_confidence": 0.99}
        about = {
            "request_id": "dg-1",
            "sha256": seen.sha256,
            "created": "2026-11-20T00:00:00Z",
            "channels": 1,
            "models": ["uuid-1"],
        }
        return Reply.of_json(
            {"metadata": {**about, "duration": seen.wav[0], "model_info": MODELS}, "results": {"channels": [channel]}}
        )

    def _words(self, speakers: bool) -> list[dict[str, Any]]:
        words = [
            {"word": word, "punctuated_word": word.title(), "start": 0.1 * index, "end": 0.1 * index + 0.1, "confidence": 0.9}
            for index, word in enumerate(WORDS)
        ]
        return [word | {"speaker": 0} for word in words] if speakers else words

    def speak(self, seen: Seen) -> Reply:
        headers = {
            "content-type": "audio/l16;rate=24000",
            "dg-request-id": "dg-2",
            "dg-char-count": str(len(seen.json()["text"])),
        }
        return Reply(200, held(self.pcm, 1_001, self.hold), headers | {"dg-model-name": "aura-2-thalia-en"})

    def _received(self, connection: Any) -> Iterator[Any]:
        with contextlib.suppress(ConnectionClosedError):
            yield from connection

    def websocket(self, connection: Any, seen: Seen, trouble: str, stopping: threading.Event) -> None:
        """Answers every 0.2 s of sound with an interim result, and the end of sound with a final one."""

        def result(text: str, final: bool) -> str:
            alternative = {"transcript": text, "confidence": 0.97, "words": self._words(False) if final else []}
            about = {"request_id": "dg-3", "model_info": {}, "model_uuid": "u"}
            message = {"type": "Results", "channel_index": [0, 1], "start": 0.0, "duration": 1.0, "is_final": final}
            return json.dumps(message | {"channel": {"alternatives": [alternative]}, "metadata": about})

        def turn(text: str, event: str = "Update") -> str:
            words = [{"word": word, "start": 0.1 * at, "end": 0.1 * at + 0.1} for at, word in enumerate(text.split())]
            message = {"type": "TurnInfo", "request_id": "dg-4", "sequence_id": 1, "event": event, "turn_index": 0}
            window = {"audio_window_start": 0.0, "audio_window_end": received / 32_000, "end_of_turn_confidence": 0.5}
            return json.dumps(message | window | {"transcript": text, "words": [word | {"confidence": 0.9} for word in words]})

        received, told = 0, 0
        turns = seen.path.startswith("/v2")
        if turns and not trouble:
            connection.send(json.dumps({"type": "Connected", "request_id": "dg-4", "sequence_id": 0}))
            for text in self.ended_turns:
                connection.send(turn(text, "EndOfTurn"))
        for message in self._received(connection):
            if isinstance(message, str):
                seen.messages.append(message)
                break
            seen.messages.append(len(message))
            received = min(received + len(message), self.deaf_after)
            if trouble == "stall_midway" or (turns and trouble):
                continue
            if received // 6_400 > told:
                told = received // 6_400
                said = " ".join(WORDS[:told])
                connection.send(turn(said) if turns else result(said, False))
        if trouble in ("stall_midway", "drip"):
            stopping.wait(5.0)
        elif trouble in ("truncated_json", "wrong_json", "html", "unlabelled_text"):
            connection.send({"wrong_json": '{"nothing": 1}'}.get(trouble, '{"type": "Results", "chan'))
        elif trouble == "cut":
            connection.socket.close()
        elif trouble == "endless":
            while not stopping.is_set():
                connection.send("x" * 1_000_000)
        elif turns and trouble != "empty":
            connection.send(turn("the quick brown fox"))
            if not self.terminal:
                connection.socket.close()
        elif trouble != "empty":
            connection.send(result("", False))
            connection.send(result("the quick brown fox", True))
            if self.terminal:
                seconds = received / 32_000
                connection.send(json.dumps({"type": "Metadata", "request_id": "dg-3", "duration": seconds, "model_info": MODELS}))
