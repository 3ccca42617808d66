"""Hume: text in, 48 kHz speech out, streamed as raw samples."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from engine.contract import Engine, EngineSpec, Facts, Limits, Needs, Piece, Price, Synthesize, Voice
from providers._http import Line
from providers._pcm import pcm_pieces
from providers._voices import PAGE_SIZE, gathered, short_answers, voice

BASE_URL = "https://api.hume.ai"
SPEECH_RATE = 48_000
_NAME = r"(?![0-9a-fA-F]{8}-)[^\x00-\x1f\x7f-\x9f]{1,100}"  # what looks like an id would be sent as one
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
        self.client = client

    def run(self, request: Synthesize, timeout_s: float) -> Iterator[Piece]:
        from hume.tts import FormatPcm, PostedUtterance, PostedUtteranceVoiceWithId, PostedUtteranceVoiceWithName

        named = request.voice or self.spec.default_voice or ""
        if _ID.fullmatch(named):
            speaker: Any = PostedUtteranceVoiceWithId(id=named)
        else:
            speaker = PostedUtteranceVoiceWithName(name=named, provider="HUME_AI")
        utterance = PostedUtterance(text=request.text, voice=speaker, **({"speed": request.speed} if request.speed else {}))
        sent: dict[str, Any] = {"version": self.spec.extra["version"], "num_generations": 1}
        with self.line.call(timeout_s), self.streamed(utterances=[utterance], format=FormatPcm(), **sent) as answer:
            yield from pcm_pieces(self.spec.id, self.line.headers, answer.data, SPEECH_RATE)
        told = {"voice": named, "speed": request.speed, "format": "pcm", **sent}
        request_id = self.line.headers.get("x-request-id")
        yield Facts(request_id=request_id, connect_s=self.line.connect_s, sent=told)

    def list_voices(self, timeout_s: float) -> tuple[Voice, ...]:
        """The account's own voices by id, then those of the library by name: so does run() tell them apart."""
        with short_answers(self.line), self.line.call(timeout_s):
            return gathered(page for provider in ("CUSTOM_VOICE", "HUME_AI") for page in self._voice_pages(provider))

    def _voice_pages(self, provider: str) -> Iterator[list[Voice | None]]:
        number, pages, asked = 0, 1, {"page_size": PAGE_SIZE, "request_options": {"max_retries": 0}}
        while number < pages:
            with self.line.reading("a list of voices"):
                answer = self.client.tts.voices.list(provider=provider, page_number=number, **asked).response
                page = [
                    voice(_ID.pattern, each.id.lower(), each.name)
                    if provider == "CUSTOM_VOICE"
                    else voice(_NAME, each.name, each.name)
                    for each in answer.voices_page
                    if self._speaks(each.compatible_octave_models)
                ]
            yield page
            number, pages = number + 1, answer.total_pages

    def _speaks(self, models: list[str] | None) -> bool:
        return not models or any(model.endswith(self.spec.extra["version"]) for model in models)

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
        summary="Expressive speech that finds the language in the text. The vendor ended its speech APIs in November 2026.",
        shutdown_date="2026-11-13",
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
        lists_voices=True,
        packages=("hume",),
        streams=True,
        data_use="Trains on content by default and takes a perpetual licence over it; region not stated in what was read.",
        extra={"version": "2"},
    ),
]
