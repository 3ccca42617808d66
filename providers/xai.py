"""xAI: sound in, text out, over the documented REST call; the vendor has no SDK for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from engine.contract import EngineSpec, Facts, Limits, Needs, Piece, Price, Text, Transcribe, Usage, Word
from providers._openai_shape import terms_of
from providers._rest import RestEngine


class TranscribeNow(RestEngine):
    """One request, one answer. Naming a language also has numbers and units written in its own way: the two go together."""

    vendor_url = "https://api.x.ai"

    def run(self, request: Transcribe, timeout_s: float) -> Iterator[Piece]:
        sent: dict[str, Any] = {"model": self.spec.model}
        if request.language:
            sent |= {"language": request.language, "format": "true"}
        if request.prompt:
            sent["keyterm"] = terms_of(request.prompt)
        if request.speakers:
            sent["diarize"] = "true"
        wav = request.audio.mono().resample(16_000).to_wav()
        with self.line.call(timeout_s):
            # the vendor wants the file to be the last part, where httpx puts it
            answer = self.ask("a transcript", "POST", "/v1/stt", data=sent, files={"file": ("audio.wav", wav, "audio/wav")})
        with self.line.reading("a transcript"):
            words = tuple(
                Word(
                    text=word["text"],
                    start_s=float(word["start"]),
                    end_s=float(word["end"]),
                    confidence=word.get("confidence"),
                    speaker=None if word.get("speaker") is None else str(word["speaker"]),
                )
                for word in answer.get("words") or ()
            )
            yield Text(answer["text"].strip(), words=words, language=answer.get("language") or request.language)
            if answer.get("duration") is not None:
                yield Usage({"input_audio_seconds": float(answer["duration"])})
        yield Facts(request_id=self.line.headers.get("x-request-id"), connect_s=self.line.connect_s, sent=sent)


READ_ON = "2026-11-20"

ENGINES = [
    EngineSpec(
        id="xai/grok-voice-transcribe-2.0",
        task="asr",
        name="xAI Grok Voice Transcribe 2.0",
        vendor="xAI",
        system="xAI Grok Voice Transcribe",
        engine=TranscribeNow,
        where="cloud",
        model="grok-voice-transcribe-2.0",
        license_code=None,
        license_weights=None,
        languages=("*",),
        summary="Transcribes a recording in one request, with word times and speakers; not verified against the live service.",
        docs_url="https://docs.x.ai/developers/model-capabilities/audio/speech-to-text",
        checked_on=READ_ON,
        honours=("language", "prompt", "word_times", "speakers"),
        prices=(
            Price(
                "input_audio_seconds",
                0.10,
                per=3_600.0,
                source="litellm 1.109.1 price map",
                checked_on=READ_ON,
                note="not verified on the vendor's own page",
            ),
        ),
        limits=Limits(file_bytes=500_000_000),
        needs=Needs(key="XAI_API_KEY", packages=("httpx",)),
        packages=("httpx",),
        data_use="Training, retention and region: not stated in what was read.",
    ),
]
