"""Fish Audio: text in, 44.1 kHz speech out; sound in, text out.

The SDK's speech call holds the answer back until it is complete, so only its transcription is used and speech goes out on our
client.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from engine.contract import BadInput, EngineSpec, Facts, Needs, Piece, Price, Synthesize, Text, Transcribe, Usage
from providers._pcm import pcm_pieces
from providers._rest import HttpRefusal, RestEngine

SPEECH_RATE = 44_100
SLOWEST, FASTEST = 0.5, 2.0


class FishEngine(RestEngine):
    vendor_url = "https://api.fish.audio"


class Speak(FishEngine):
    def run(self, request: Synthesize, timeout_s: float) -> Iterator[Piece]:
        sent: dict[str, Any] = {
            "format": "pcm",
            "sample_rate": SPEECH_RATE,
            "reference_id": request.voice or self.spec.default_voice,
        }
        if request.speed is not None:
            if not SLOWEST <= request.speed <= FASTEST:
                raise BadInput(f"{self.spec.id} takes speeds from {SLOWEST:g} to {FASTEST:g}, not {request.speed:g}")
            sent["prosody"] = {"speed": request.speed}
        body, headers = {**sent, "text": request.text}, {"model": self.spec.model}
        with self.line.call(timeout_s), self.http.stream("POST", "/v1/tts", json=body, headers=headers) as answer:
            if answer.is_error:
                answer.read()
                raise HttpRefusal(answer.status_code, answer.text, answer.headers)
            yield from pcm_pieces(self.spec.id, self.line.headers, answer.iter_bytes(), SPEECH_RATE)
        request_id = self.line.headers.get("x-request-id")
        yield Facts(request_id=request_id, connect_s=self.line.connect_s, sent={"model": self.spec.model, **sent})


class Listen(FishEngine):
    """One request, one answer. The vendor takes no model name and knows times of segments only, so none are asked for."""

    def load(self) -> None:
        from fishaudio import FishAudio

        super().load()
        self.client = FishAudio(api_key=self.key, base_url=self.url, httpx_client=self.http)

    def run(self, request: Transcribe, timeout_s: float) -> Iterator[Piece]:
        sent: dict[str, Any] = {"include_timestamps": False}
        if request.language:
            sent["language"] = request.language
        wav = request.audio.mono().resample(16_000).to_wav()
        with self.line.call(timeout_s), self.line.reading("a transcript"):
            answer = self.client.asr.transcribe(audio=wav, **sent)
        yield Text(answer.text.strip(), language=request.language)
        yield Usage({"input_audio_seconds": answer.duration / 1000})
        yield Facts(request_id=self.line.headers.get("x-request-id"), connect_s=self.line.connect_s, sent=sent)


READ_ON = "2026-11-20"
_SOURCE = "docs.fish.audio, stored copy of 2026"
_NOTE = "list price; the page bears no date"
_COMMON = dict(
    vendor="Fish Audio",
    where="cloud",
    license_code=None,
    license_weights=None,
    languages=("*",),
    checked_on=READ_ON,
    data_use="Training, retention and region: not stated in what was read.",
    concurrency=5,
)


def _speech(model: str, name: str, summary: str) -> EngineSpec:
    return EngineSpec(
        id=f"fish/{model}",
        task="tts",
        name=name,
        system="Fish Audio",
        engine=Speak,
        model=model,
        summary=summary,
        docs_url="https://docs.fish.audio/features/text-to-speech",
        honours=("voice", "speed"),
        prices=(Price("input_utf8_bytes", 15.0, per=1e6, source=_SOURCE, checked_on=READ_ON, note=_NOTE),),
        needs=Needs(key="FISH_API_KEY", packages=("httpx",)),
        packages=("httpx",),
        voices=("802e3bc2b27e49c2995d23ef70e6ac89", "933563129e564b19a115bedd57b7406a"),
        default_voice="802e3bc2b27e49c2995d23ef70e6ac89",
        streams=True,
        **_COMMON,
    )


ENGINES = [
    _speech(
        "s2.1-pro",
        "Fish Audio S2.1 Pro",
        "The current model; billed by UTF-8 bytes, so Chinese costs three times its characters.",
    ),
    _speech("s1", "Fish Audio S1", "The older generation, at the same price."),
    EngineSpec(
        id="fish/transcribe-1",
        task="asr",
        name="Fish Audio Transcribe-1",
        system="Fish Audio Transcribe",
        engine=Listen,
        model="transcribe-1",
        summary="Transcribes a recording in one request, without word times and speakers.",
        docs_url="https://docs.fish.audio/api-reference/endpoint/openapi-v1/speech-to-text",
        honours=("language",),
        prices=(Price("input_audio_seconds", 0.36, per=3_600.0, increment=1.0, source=_SOURCE, checked_on=READ_ON, note=_NOTE),),
        needs=Needs(key="FISH_API_KEY", packages=("fishaudio", "httpx")),
        packages=("fish-audio-sdk",),
        **_COMMON,
    ),
]
