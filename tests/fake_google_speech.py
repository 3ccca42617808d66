"""Google Cloud Speech-to-Text v2, synchronous, shaped after its REST reference (from docs, not recorded)."""

from __future__ import annotations

import base64
import io
import math
import wave
from typing import Any

from fake_api import Reply, Seen


class FakeGoogleSpeech:
    routes = (("POST", r"/v2/projects/[\w-]+/locations/[\w-]+/recognizers/_:recognize", "recognize"),)
    endless = b" " * 65_536

    def __init__(self) -> None:
        self.silent = False
        """True: nothing was recognized, which is billed all the same."""
        self.refusal: dict[str, Any] | None = None
        """The error object of an answer of status 400."""

    def content_type(self, seen: Seen) -> str:
        return "application/json"

    def error(self, status: int, name: str, key: str) -> Reply:
        said = "This model is no longer supported." if name == "gone" else f"Refused for {key}\nsecond line"
        error: dict[str, Any] = {"code": status, "message": said, "status": "INVALID_ARGUMENT"}
        if name == "no_quota":
            reason = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "RESOURCE_QUOTA_EXCEEDED"}
            error["details"] = [reason]
        return Reply.of_json({"error": error}, status)

    def recognize(self, seen: Seen) -> Reply:
        if self.refusal:
            return Reply.of_json({"error": self.refusal}, 400)
        asked = seen.json()
        with wave.open(io.BytesIO(base64.b64decode(asked["content"]))) as sound:
            heard = sound.getnframes() / sound.getframerate()
        metadata = {"totalBilledDuration": f"{math.ceil(heard)}s", "requestId": "speech-1"}
        if self.silent:
            return Reply.of_json({"metadata": metadata})
        features = asked["config"]["features"]
        words: list[dict[str, Any]] = []
        if "enableWordTimeOffsets" in features or "diarizationConfig" in features:
            words = [
                {"word": "The", "endOffset": "0.100s"},
                {"word": "quick", "startOffset": "0.1s", "endOffset": "0.5s", "speakerLabel": "1"},
            ]
        results = [
            {"alternatives": [{"transcript": "The quick", "confidence": 0.9, "words": words}], "languageCode": "en-US"},
            {"alternatives": [{"transcript": " brown fox."}], "languageCode": "en-US"},
            {"languageCode": "en-US"},
        ]
        return Reply.of_json({"results": results, "metadata": metadata})
