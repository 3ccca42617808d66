"""Gemini's generate_content, whole and streamed, shaped after the SDK's models and vendor's pages (from docs, not recorded)."""

from __future__ import annotations

import base64
import io
import json
import threading
import wave
from collections.abc import Iterator
from typing import Any

from fake_api import Reply, Seen, sine

TURNS = (
    {
        "text": "The quick brown fox.",
        "languageCode": "en-US",
        "speakerLabel": "spk_1",
        "words": [{"word": "The", "endOffset": "0.1s"}, {"word": "quick", "startOffset": "0.100s", "endOffset": "0.5s"}],
    },
    {
        "text": "It jumps.",
        "speakerLabel": "spk_2",
        "words": [{"word": "It", "startOffset": "0.6s", "endOffset": "0.7s"}, {"word": "jumps.", "endOffset": "1s"}],
    },
)
TAGS = [{"label": "tone", "score": 0.4}, {"label": "siren", "score": 0.9}]


class FakeGemini:
    routes = (
        ("POST", r"/v1beta/models/[\w.-]+:streamGenerateContent", "stream"),
        ("POST", r"/v1beta/models/[\w.-]+:generateContent", "whole"),
    )
    endless = b"data: " + b"x" * 65_536

    def __init__(self) -> None:
        self.finish: str | None = "STOP"
        """Why the answer ended; None: it did not say."""
        self.blocked: str | None = None
        """Why the question was refused."""
        self.error_in_stream: dict[str, Any] | None = None
        """An error object as the stream's second event."""
        self.pcm = sine(0.5)
        self.pcm_kind = "audio/l16; rate=24000; channels=1"
        self.hold: threading.Event | None = None
        """The stream stops after its first event until this is set."""
        self.tags: Any = TAGS

    def content_type(self, seen: Seen) -> str:
        return "text/event-stream" if "stream" in seen.path else "application/json"

    def error(self, status: int, name: str, key: str) -> Reply:
        said = "models/x is no longer available." if name == "gone" else f"Refused for {key}\nsecond line"
        error: dict[str, Any] = {"code": status, "message": said, "status": "INVALID_ARGUMENT"}
        if name == "no_quota":
            violation = {"quotaId": "GenerateRequestsPerDayPerProjectPerModel", "quotaValue": "50"}
            error["details"] = [{"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [violation]}]
        return Reply.of_json({"error": error}, status)

    def _parts(self, seen: Seen) -> list[dict[str, Any]]:
        asked = seen.json()
        config, given = asked.get("generationConfig", {}), asked["contents"][0]["parts"]
        sounds = [base64.urlsafe_b64decode(part["inlineData"]["data"]) for part in given if "inlineData" in part]
        assert all(sound.startswith(b"RIFF") for sound in sounds)
        if "lyria" in seen.path:
            return [{"text": "La la la"}, {"inlineData": {"mimeType": "audio/mp3", "data": base64.b64encode(_music()).decode()}}]
        if config.get("responseModalities") == ["AUDIO"]:
            half = len(self.pcm) // 2 | 1  # odd, so that a sample is split between events
            halves = [base64.b64encode(part).decode() for part in (self.pcm[:half], self.pcm[half:])]
            return [{"inlineData": {"mimeType": self.pcm_kind, "data": half}} for half in halves]
        assert sounds
        if config.get("responseMimeType") == "application/json":
            allowed = config["responseSchema"]["items"]["properties"]["label"].get("enum")
            tags = self.tags if allowed is None else [{"label": label, "score": 0.5} for label in allowed]
            return [{"text": "Let me listen.", "thought": True}, {"text": json.dumps(tags)}]
        if "transcribe" in seen.path:
            return [{"audioTranscription": turn} for turn in TURNS]
        return [{"text": "Hmm.", "thought": True}, {"text": "A"}, {"text": " tone."}]

    def _answers(self, seen: Seen) -> Iterator[dict[str, Any]]:
        """One answer for each part, and a last one that says how it ended and what it used."""
        about = {"responseId": "resp-1", "modelVersion": "gemini-001"}
        if self.blocked:
            yield {"promptFeedback": {"blockReason": self.blocked}, **about}
            return
        speaks = "tts" in seen.path
        for part in self._parts(seen):
            yield {"candidates": [{"content": {"role": "model", "parts": [part]}, "index": 0}], **about}
        usage = {
            "promptTokenCount": 30,
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 5}, {"modality": "AUDIO", "tokenCount": 25}],
            "candidatesTokenCount": 12,
            "thoughtsTokenCount": 3,
        }
        if speaks:
            usage = {"promptTokenCount": 5, "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 5}]}
            usage |= {"candidatesTokenCount": 13, "candidatesTokensDetails": [{"modality": "AUDIO", "tokenCount": 13}]}
        last = {"content": {"role": "model", "parts": [{"text": ""}]}, "index": 0}
        if self.finish:
            last["finishReason"] = self.finish
        yield {"candidates": [last], "usageMetadata": usage, **about}

    def stream(self, seen: Seen) -> Reply:
        assert ("alt", "sse") in seen.query
        return Reply(200, self._events(seen), {"content-type": "text/event-stream"})

    def _events(self, seen: Seen) -> Iterator[bytes]:
        for index, answer in enumerate(self._answers(seen)):
            if index == 1 and self.hold:
                self.hold.wait(10.0)
            event = {"error": self.error_in_stream} if index == 1 and self.error_in_stream else answer
            yield b"data: " + json.dumps(event).encode() + b"\r\n\r\n"

    def whole(self, seen: Seen) -> Reply:
        first, *rest = self._answers(seen)
        for answer in rest:
            first["candidates"][0]["content"]["parts"] += answer["candidates"][0]["content"]["parts"]
            first["candidates"][0] |= {name: value for name, value in answer["candidates"][0].items() if name == "finishReason"}
            first |= {name: value for name, value in answer.items() if name == "usageMetadata"}
        return Reply.of_json(first)


def _music() -> bytes:
    """A stereo file of a quarter of a second; a decoder that reads any container does not mind that it is not an MP3."""
    out, mono = io.BytesIO(), sine(0.25, 44_100)
    with wave.open(out, "wb") as sound:
        sound.setnchannels(2)
        sound.setsampwidth(2)
        sound.setframerate(44_100)
        sound.writeframes(b"".join(mono[at : at + 2] * 2 for at in range(0, len(mono), 2)))
    return out.getvalue()
