"""Azure Speech's fast transcription and text to speech, shaped after its REST reference (from docs, not recorded)."""

from __future__ import annotations

import json
import threading
import xml.etree.ElementTree as ElementTree
from typing import Any

from fake_api import Reply, Seen, held, sine


class FakeAzure:
    routes = (
        ("POST", r"/speechtotext/transcriptions:transcribe", "transcribe"),
        ("POST", r"/tts/cognitiveservices/v1", "speak"),
        ("GET", r"/tts/cognitiveservices/voices/list", "list_voices"),
    )
    endless = b"\0\1" * 32_768

    def __init__(self) -> None:
        self.pcm = sine(0.5)
        self.hold: threading.Event | None = None
        """Speech stops after its first piece until this is set."""
        self.voices = [
            self.voice("en-US", "English (United States)", "Jenny", "JennyNeural"),
            self.voice("sk-SK", "Slovak (Slovakia)", "Lukas", "LukasNeural"),
            self.voice("en-US", "English (United States)", "Ava Dragon HD Latest", "Ava:DragonHDLatestNeural"),
            self.voice("en-US", "English (United States)", "Gone", "GoneNeural") | {"Status": "Deprecated"},
        ]
        """The voices of the region, in the vendor's order."""

    @staticmethod
    def voice(locale: str, language: str, name: str, short: str) -> dict[str, Any]:
        named = {"DisplayName": name, "LocalName": name, "ShortName": f"{locale}-{short}", "Gender": "Female"}
        return {**named, "Locale": locale, "LocaleName": language, "VoiceType": "Neural", "Status": "GA"}

    def content_type(self, seen: Seen) -> str:
        return "audio/basic" if seen.path.endswith("v1") else "application/json"

    def error(self, status: int, name: str, key: str) -> Reply:
        said = "The model has been retired." if name == "gone" else f"Access denied for {key}\nsecond line"
        code = "quota_exceeded" if name == "no_quota" else str(status)
        return Reply.of_json({"error": {"code": code, "message": said}}, status, apim_request_id="az-failed")

    def transcribe(self, seen: Seen) -> Reply:
        assert seen.wav, "the upload holds no WAV"
        asked = json.loads(dict(seen.fields)["definition"])
        phrase: dict[str, Any] = {
            "offsetMilliseconds": 100,
            "durationMilliseconds": 400,
            "text": "The quick.",
            "words": [
                {"text": "The", "offsetMilliseconds": 100, "durationMilliseconds": 100},
                {"text": "quick.", "offsetMilliseconds": 250, "durationMilliseconds": 250},
            ],
            "locale": "en-US",
            "confidence": 0,
        }
        if "diarization" in asked:
            phrase["speaker"] = 1
        answer = {
            "durationMilliseconds": round(seen.wav[0] * 1000),
            "combinedPhrases": [{"text": "The quick."}],
            "phrases": [phrase],
        }
        return Reply.of_json(answer, apim_request_id="az-1")

    def list_voices(self, seen: Seen) -> Reply:
        return Reply.of_json(self.voices, x_requestid="az-3")

    def speak(self, seen: Seen) -> Reply:
        ElementTree.fromstring(seen.body)
        headers = {"content-type": "audio/basic", "x-requestid": "az-2"}
        return Reply(200, held(self.pcm, 4_801, self.hold), headers)
