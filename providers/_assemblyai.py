"""AssemblyAI: sound in, text out (one request, or upload, submit and poll, or live); text in, 24 kHz speech out.

The SDK's request functions are used with a client of our own: its settings are global, so two keys would get mixed up.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

from engine.audio import Audio
from engine.contract import (
    Engine,
    Facts,
    Mark,
    Piece,
    Synthesize,
    Text,
    Transcribe,
    Unsupported,
    Usage,
    Word,
)
from providers._http import Line, Refused
from providers._live import converse
from providers._openai_shape import terms_of
from providers._pcm import pcm_pieces

JOBS_URL = "https://api.assemblyai.com"
SYNC_URL = "https://sync.assemblyai.com"
SPEECH_URL = "https://tts.us.assemblyai.com"
POLL_S = 0.25  # the SDK asks every 3 s, which would be the resolution of every latency
STREAMING_URL = "https://streaming.assemblyai.com"
SPEECH_RATE = 24_000
_LIVE_KINDS = {
    **dict.fromkeys((4001,), "auth"),
    **dict.fromkeys((4002, 4003), "quota"),
    **dict.fromkeys((3009, 4029, 4102), "rate_limit"),
    **dict.fromkeys((3006, 3007, 4000, 4032, 4033, 4034, 4100, 4101), "bad_input"),
}
LANGUAGE_NAMES = {"en": "english", "es": "spanish", "de": "german", "fr": "french", "it": "italian", "pt": "portuguese"}


class AssemblyAIEngine(Engine):
    vendor_url = JOBS_URL

    def load(self) -> None:
        import assemblyai  # noqa: F401 - 0.5 s that would otherwise fall into the first run
        import httpx

        self.line = Line(self.spec.id)
        self.url = (self.base_url or self.vendor_url).rstrip("/")
        self.http = self.line.client(httpx, base_url=self.url, headers={"authorization": self.key})

    def close(self) -> None:
        if hasattr(self, "line"):
            self.line.hang_up()


def _words(words: Iterable[Any] | None) -> tuple[Word, ...]:
    """Only words with times: the synchronous endpoint leaves the times out unless they are asked for."""
    return tuple(
        Word(word.text, word.start / 1000, word.end / 1000, word.confidence, getattr(word, "speaker", None))
        for word in words or ()
        if word.start is not None and word.end is not None
    )


class TranscribeNow(AssemblyAIEngine):
    """One request, one answer: the fair path for latency."""

    vendor_url = SYNC_URL

    def run(self, request: Transcribe, timeout_s: float) -> Iterator[Piece]:
        from assemblyai.sync.v1 import api

        config: dict[str, Any] = {}
        if request.language:
            config["language_codes"] = [request.language]
        if request.prompt:
            config["keyterms_prompt"] = terms_of(request.prompt)
        if request.word_times:
            config["timestamps"] = True
        wav = request.audio.mono().resample(16_000).to_wav()
        with self.line.call(timeout_s), self.line.reading("a transcript"):
            answer = api.transcribe(
                self.http,
                base_url=self.url,
                audio=wav,
                filename="audio.wav",
                audio_content_type="audio/wav",
                model=self.spec.model,
                config=config,
                timeout=timeout_s,
            )
            text = Text(answer.text, words=_words(answer.words), language=request.language, confidence=answer.confidence)
            usage = Usage({"input_audio_seconds": answer.audio_duration_ms / 1000})
        yield text
        yield usage
        server_s = None if answer.request_time_ms is None else answer.request_time_ms / 1000
        sent = {"model": self.spec.model, **config}
        yield Facts(request_id=answer.session_id, server_s=server_s, connect_s=self.line.connect_s, sent=sent)


class TranscribeJob(AssemblyAIEngine):
    """Upload, submit, then ask every POLL_S whether it is done."""

    def run(self, request: Transcribe, timeout_s: float) -> Iterator[Piece]:
        from assemblyai import api, types

        sent: dict[str, Any] = {"speech_models": [self.spec.model]}
        sent |= {"language_code": request.language} if request.language else {"language_detection": True}
        if request.prompt:
            sent["keyterms_prompt"] = terms_of(request.prompt)
        if request.speakers:
            sent["speaker_labels"] = True
        wav = request.audio.mono().resample(16_000).to_wav()
        with self.line.call(timeout_s):
            with self.line.reading("an upload's address"):
                address = api.upload_file(self.http, wav)
            yield Mark("uploaded")
            with self.line.reading("a transcription job"):
                job = api.create_transcript(self.http, types.TranscriptRequest(audio_url=address, **sent))
                if not re.fullmatch(r"[\w-]{1,100}", job.id or ""):
                    raise ValueError("id")
            asked = time.monotonic()
            while job.status in ("queued", "processing"):
                self.line.wait(asked + POLL_S - time.monotonic())
                asked = time.monotonic()
                with self.line.reading("the state of a transcription job"):
                    job = api.get_transcript(self.http, job.id)
        if job.status != "completed":
            raise self._failed(job.error)
        with self.line.reading("a transcript"):
            language = job.language_code and str(getattr(job.language_code, "value", job.language_code))
            yield Text(job.text or "", words=_words(job.words), language=language, confidence=job.confidence)
            if job.audio_duration is not None:
                seconds = float(job.audio_duration)
                yield Usage({"input_audio_seconds": seconds, "diarized_audio_seconds": seconds if request.speakers else 0.0})
        model = job.speech_model_used
        yield Facts(request_id=job.id, connect_s=self.line.connect_s, poll_s=POLL_S, model=model, sent=sent)

    def _failed(self, why: str | None) -> Refused:
        about_input = re.search(r"audio|file|codec|transcod|language|duration|speech", why or "", re.IGNORECASE)
        return Refused(
            f"{self.spec.id} could not transcribe: {why or 'no reason given'}", "bad_input" if about_input else "server"
        )


class TranscribeLive(AssemblyAIEngine):
    """Sends the sound as a microphone would. The SDK's own client cannot be hung up: only its address and header are used."""

    vendor_url = STREAMING_URL

    def run(self, request: Transcribe, timeout_s: float) -> Iterator[Piece]:
        sent: dict[str, Any] = {
            "speech_model": self.spec.model,
            "encoding": "pcm_s16le",
            "sample_rate": 16_000,
            "format_turns": True,
        }
        if self.spec.languages != ("en",):
            sent["language_detection"] = True
        if request.prompt:
            sent["keyterms_prompt"] = terms_of(request.prompt)
        query = {name: value if isinstance(value, str) else json.dumps(value) for name, value in sent.items()}
        url = f"ws{self.url[4:]}/v3/ws?{urlencode(query)}"
        audio = request.audio.mono().resample(16_000)
        with self.line.call(timeout_s), self.line.websocket(url, {"Authorization": self.key}) as connection:
            session, billed = yield from self._converse(connection, audio)
        with self.line.reading("a closing report"):
            units = {"session_seconds": "session_duration_seconds", "input_audio_seconds": "audio_duration_seconds"}
            amounts = {unit: float(billed[name]) for unit, name in units.items() if billed.get(name) is not None}
        if amounts:
            yield Usage(amounts)
        model = (session.get("configuration") or {}).get("model")
        yield Facts(request_id=session.get("id"), connect_s=self.line.connect_s, model=model, sent=sent)

    def _converse(self, connection: Any, audio: Audio) -> Iterator[Piece]:
        """Returns the Begin and the Termination message."""
        session: Mapping[str, Any] = {}
        turns: dict[int, Text] = {}
        finished: set[int] = set()
        for message in converse(self.line, connection, audio, ['{"type": "Terminate"}']):
            if isinstance(message, Mark):
                yield message
                continue
            with self.line.reading("transcription messages"):
                kind = message["type"]
                if kind == "Error":
                    raise self._stopped(message)
                if kind == "Begin":
                    session = message
                if kind == "Turn":
                    turn, order = self._heard(message), int(message["turn_order"])
            if kind == "Turn" and turn.text and order not in finished:
                turns[order] = turn
                # a turn ends twice: as it was heard, then with punctuation
                if message.get("end_of_turn") and message.get("turn_is_formatted"):
                    finished.add(order)
                    yield turn
                else:
                    yield Text(" ".join(text.text for _, text in sorted(turns.items())), final=False)
            if kind == "Termination":
                yield from (text for order, text in sorted(turns.items()) if order not in finished)
                return session, message

    def _heard(self, message: Mapping[str, Any]) -> Text:
        words = tuple(
            Word(word["text"], word["start"] / 1000, word["end"] / 1000, word.get("confidence")) for word in message["words"]
        )
        return Text(message["transcript"].strip(), words=words, language=message.get("language_code"))

    def _stopped(self, error: Mapping[str, Any]) -> Refused:
        kind = _LIVE_KINDS.get(error.get("error_code"), "server")
        return Refused(f"{self.spec.id} stopped: {error.get('error') or 'no reason given'}", kind)


class Speak(AssemblyAIEngine):
    vendor_url = SPEECH_URL

    def run(self, request: Synthesize, timeout_s: float) -> Iterator[Piece]:
        from assemblyai.tts.v1 import api

        sent: dict[str, Any] = {
            "model_id": self.spec.model,
            "voice_id": request.voice or self.spec.default_voice,
            "encoding": "pcm_s16le",
            "container": "raw",
            "sample_rate": SPEECH_RATE,
        }
        if request.language:
            if request.language not in LANGUAGE_NAMES:
                raise Unsupported(f"{self.spec.id} does not speak {request.language!r}; it speaks {', '.join(LANGUAGE_NAMES)}")
            sent["language"] = LANGUAGE_NAMES[request.language]
        body = {**sent, "text": request.text}
        with self.line.call(timeout_s), api.stream_speech(self.http, base_url=self.url, body=body, timeout=timeout_s) as answer:
            yield from pcm_pieces(self.spec.id, self.line.headers, answer.iter_bytes(), SPEECH_RATE)
        if answer.info.billed_characters is not None:
            yield Usage({"input_characters": float(answer.info.billed_characters)})
        yield Facts(request_id=answer.info.request_id, connect_s=self.line.connect_s, model=answer.info.model, sent=sent)
