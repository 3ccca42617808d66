"""Hume: text in, 48 kHz speech out, streamed as raw samples."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from engine.contract import Engine, EngineSpec, Facts, Limits, Needs, Piece, Price, Synthesize
from providers._http import Line
from providers._pcm import pcm_pieces

BASE_URL = "https://api.hume.ai"
SPEECH_RATE = 48_000
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


class Speak(Engine):
    """The streamed file, not the streamed JSON: of that one the SDK drops every line that it cannot read."""

    def load(self) -> None:
        import httpx
        from hume import HumeClient

        self.line = Line(self.spec.id)
        base = (self.base_url or BASE_URL).rstrip("/")
        client = HumeClient(base_url=base, api_key=self.key, httpx_client=self.line.client(httpx))
        # here and not in the first run: it imports as it is looked up
        self.streamed = client.tts.with_raw_response.synthesize_file_streaming

    def run(self, request: Synthesize, timeout_s: float) -> Iterator[Piece]:
        from hume.tts import FormatPcm, PostedUtterance, PostedUtteranceVoiceWithId, PostedUtteranceVoiceWithName

        voice = request.voice or self.spec.default_voice or ""
        if _ID.fullmatch(voice):
            speaker: Any = PostedUtteranceVoiceWithId(id=voice)
        else:
            speaker = PostedUtteranceVoiceWithName(name=voice, provider="HUME_AI")
        utterance = PostedUtterance(text=request.text, voice=speaker, **({"speed": request.speed} if request.speed else {}))
        sent: dict[str, Any] = {"version": self.spec.extra["version"], "num_generations": 1}
        with self.line.call(timeout_s), self.streamed(utterances=[utterance], format=FormatPcm(), **sent) as answer:
            yield from pcm_pieces(self.spec.id, self.line.headers, answer.data, SPEECH_RATE)
        told = {"voice": voice, "speed": request.speed, "format": "pcm", **sent}
        request_id = self.line.headers.get("x-request-id")
        yield Facts(request_id=request_id, connect_s=self.line.connect_s, sent=told)

    def close(self) -> None:
        if hasattr(self, "line"):
            self.line.hang_up()


ENGINES = [
    EngineSpec(
        id="hume/octave-2",
        task="tts",
        name="Hume Octave 2",
        vendor="Hume",
        system="Hume Octave",
        engine=Speak,
        where="cloud",
        model="octave-2",
        license_code=None,
        license_weights=None,
        languages=("en", "ar", "fr", "de", "hi", "it", "ja", "ko", "pt", "ru", "es"),
        summary="Expressive speech that finds the language in the text; the vendor may no longer offer it to new accounts.",
        docs_url="https://dev.hume.ai/docs/text-to-speech-tts",
        checked_on="2026-11-20",
        honours=("voice", "speed"),
        prices=(
            Price(
                "input_characters",
                0.15,
                per=1_000.0,
                source="https://www.hume.ai/pricing",
                checked_on="2026-08-01",
                note="what exceeds the smallest plans; 0.05 with the largest",
            ),
        ),
        limits=Limits(characters=5_000),
        needs=Needs(key="HUME_API_KEY", packages=("hume", "httpx")),
        voices=("Ava Song", "Vince Douglas", "Male English Actor"),
        default_voice="Ava Song",
        packages=("hume",),
        streams=True,
        data_use="Trains on content by default and takes a perpetual licence over it; region not stated in what was read.",
        extra={"version": "2"},
    ),
]
