"""Resemble AI: text in, 48 kHz speech out, streamed as a WAV. The SDK keeps one key for the whole process and has no deadline, so
only the documented call is used."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from engine.contract import BadInput, EngineSpec, Facts, Limits, Needs, Piece, Price, Synthesize
from providers._rest import HttpRefusal, RestEngine
from providers._sound_file import sound_pieces

SPEECH_RATE = 48_000


class Speak(RestEngine):
    vendor_url = "https://f.cluster.resemble.ai"

    def run(self, request: Synthesize, timeout_s: float) -> Iterator[Piece]:
        voice = request.voice or self.spec.default_voice or ""
        if not re.fullmatch(r"[\w-]{4,64}", voice):
            raise BadInput(f"{self.spec.id} has no voice {voice!r}; give the id of a voice of your Resemble account")
        sent: dict[str, Any] = {"voice_uuid": voice, "precision": "PCM_16", "sample_rate": SPEECH_RATE}
        if self.spec.extra["named"]:  # without a name the voice's own Chatterbox answers
            sent["model"] = self.spec.model
        body = {**sent, "data": request.text}
        with self.line.call(timeout_s), self.http.stream("POST", "/stream", json=body) as answer:
            if answer.is_error:
                answer.read()
                raise HttpRefusal(answer.status_code, answer.text, answer.headers)
            yield from sound_pieces(self.spec.id, self.line.headers, answer.iter_bytes())
        yield Facts(request_id=self.line.headers.get("x-request-id"), connect_s=self.line.connect_s, sent=sent)


READ_ON = "2026-11-20"


def _voice(model: str, name: str, named: bool, languages: tuple[str, ...], summary: str) -> EngineSpec:
    return EngineSpec(
        id=f"resemble/{model}",
        task="tts",
        name=f"Resemble {name}",
        vendor="Resemble AI",
        system="Chatterbox",
        engine=Speak,
        where="cloud",
        model=model,
        license_code=None,
        license_weights=None,
        languages=languages,
        summary=summary,
        docs_url="https://docs.resemble.ai/voice-generation/text-to-speech/streaming-http",
        checked_on=READ_ON,
        honours=("voice",),
        prices=(
            Price(
                "output_audio_seconds",
                0.0005,
                source="a landscape survey of 2026",
                checked_on=READ_ON,
                note="price not verified on the vendor's own page",
            ),
        ),
        limits=Limits(characters=2_000),
        needs=Needs(key="RESEMBLE_API_KEY", packages=("httpx",)),
        packages=("httpx",),
        voices=("55592656",),
        default_voice="55592656",
        streams=True,
        data_use="Training, retention and region: not stated in what was read.",
        extra={"named": named},
    )


ENGINES = [
    _voice(
        "chatterbox",
        "Chatterbox",
        False,
        ("*",),
        "The vendor's own Chatterbox, or its multilingual sibling, as the voice has it; text in angle brackets is read as SSML. "
        "Whether the example voice is open to every account was not verified.",
    ),
    _voice(
        "chatterbox-turbo",
        "Chatterbox Turbo",
        True,
        ("en",),
        "The fastest Chatterbox; takes tags such as [laugh]; text in angle brackets is read as SSML.",
    ),
]
