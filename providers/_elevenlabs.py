"""ElevenLabs: sound in, text out (at once, or live); text in, 24 kHz speech or music out; a mix in, its voice or stems out.

Music, the isolated voice and the stems come as MP3: raw samples would not say how many channels they have.
"""

from __future__ import annotations

import base64
import io
import json
import math
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlencode

from engine.audio import Audio
from engine.contract import (
    BadInput,
    BadResponse,
    Compose,
    Engine,
    Facts,
    Mark,
    Piece,
    Separate,
    Stem,
    Synthesize,
    Text,
    Transcribe,
    Unsupported,
    Usage,
    Voice,
    Word,
)
from providers._http import Line, Refused, TooLarge
from providers._live import converse
from providers._openai_shape import terms_of
from providers._pcm import pcm_pieces
from providers._voices import PAGE_SIZE, gathered, next_token, short_answers, voice

BASE_URL = "https://api.elevenlabs.io"
SPEECH_RATE = 24_000
LIVE_RATE = 16_000
VOICE_ID = r"[A-Za-z0-9]{8,64}"
STEMS = 16  # more files than any separation has
STEM_BYTES_PER_S = 40_000  # the highest bitrate of MP3
_AT_ONCE = {"chunk_size": None}  # the SDK would gather 1,024 bytes before it hands them on
_LIVE_KINDS = {
    "auth_error": "auth",
    "unaccepted_terms": "auth",
    "quota_exceeded": "quota",
    "rate_limited": "rate_limit",
    "session_time_limit_exceeded": "too_large",
    **dict.fromkeys(("commit_throttled", "input_error", "invalid_request", "chunk_size_exceeded"), "bad_input"),
    "insufficient_audio_activity": "bad_input",
    **dict.fromkeys(("error", "transcriber_error", "queue_overflow", "resource_exhausted"), "server"),
}


class ElevenLabsEngine(Engine):
    def load(self) -> None:
        import httpx
        from elevenlabs.client import ElevenLabs

        self.line = Line(self.spec.id)
        self.url = (self.base_url or BASE_URL).rstrip("/")
        self.client = ElevenLabs(base_url=self.url, api_key=self.key, httpx_client=self.line.client(httpx))

    def close(self) -> None:
        if hasattr(self, "line"):
            self.line.hang_up()

    def facts(self, sent: Mapping[str, Any], request_id: str | None = None) -> Facts:
        found = request_id or self.line.headers.get("request-id")
        return Facts(request_id=found, connect_s=self.line.connect_s, sent=dict(sent))


def _words(words: Iterable[Mapping[str, Any]] | None) -> tuple[Word, ...]:
    """Only words: blanks and sounds such as laughter are listed among them."""
    return tuple(
        Word(
            word["text"],
            float(word["start"]),
            float(word["end"]),
            None if word.get("logprob") is None else math.exp(min(0.0, word["logprob"])),
            word.get("speaker_id"),
        )
        for word in words or ()
        if word.get("type") == "word" and word.get("start") is not None and word.get("end") is not None
    )


class Scribe(ElevenLabsEngine):
    def run(self, request: Transcribe, timeout_s: float) -> Iterator[Piece]:
        sent: dict[str, Any] = {
            "model_id": self.spec.model,
            "tag_audio_events": False,
            "timestamps_granularity": "word" if request.word_times or request.speakers else "none",
        }
        if request.language:
            sent["language_code"] = request.language
        if request.prompt:
            sent["keyterms"] = terms_of(request.prompt)
        if request.speakers:
            sent["diarize"] = True
        wav = request.audio.mono().resample(16_000).to_wav()
        with self.line.call(timeout_s):
            answer = self.client.speech_to_text.convert(
                file=("audio.wav", wav, "audio/wav"), request_options={"max_retries": 0}, **sent
            )
            with self.line.reading("a transcript"):
                said = answer.model_dump()
                if not isinstance(said["text"], str):
                    raise TypeError(type(said["text"]))
                text = Text(said["text"], words=_words(said.get("words")), language=said.get("language_code"))
                seconds = said.get("audio_duration_secs")
                heard = None if seconds is None else float(seconds)
        yield text
        if heard is not None:
            yield Usage({"input_audio_seconds": heard, "keyterm_audio_seconds": heard if request.prompt else 0.0})
        yield self.facts(sent)


class ScribeLive(ElevenLabsEngine):
    """Sends the sound as a microphone would. The SDK's own websocket is asynchronous: only its address and messages are used."""

    def run(self, request: Transcribe, timeout_s: float) -> Iterator[Piece]:
        sent: dict[str, Any] = {"model_id": self.spec.model, "audio_format": "pcm_16000", "commit_strategy": "manual"}
        if request.language:
            sent["language_code"] = request.language
        if request.prompt:
            sent["keyterms"] = terms_of(request.prompt)
        if request.word_times:
            sent["include_timestamps"] = "true"
        url = f"ws{self.url[4:]}/v1/speech-to-text/realtime?{urlencode(sent, doseq=True)}"
        audio = request.audio.mono().resample(LIVE_RATE)
        with self.line.call(timeout_s), self.line.websocket(url, {"xi-api-key": self.key}) as connection:
            session = yield from self._converse(connection, audio, request.word_times)
        yield self.facts(sent, session)

    def _converse(self, connection: Any, audio: Audio, word_times: bool) -> Iterator[Piece]:
        """Returns the session's id. There is no closing message: what is committed after the end of speech is the rest."""

        def chunk(pcm: bytes, commit: bool = False) -> str:
            sound = {"audio_base_64": base64.b64encode(pcm).decode(), "commit": commit, "sample_rate": LIVE_RATE}
            return json.dumps({"message_type": "input_audio_chunk", **sound})

        finished: list[str] = []
        session, spoken = None, False
        last = "committed_transcript_with_timestamps" if word_times else "committed_transcript"
        for message in converse(self.line, connection, audio, [chunk(b"", commit=True)], lambda part: chunk(part.to_pcm16())):
            if isinstance(message, Mark):
                spoken = True
                yield message
                continue
            with self.line.reading("transcription messages"):
                kind = message["message_type"]
                if kind == "session_started":
                    session = message.get("session_id")
                if kind in _LIVE_KINDS:
                    raise Refused(f"{self.spec.id} stopped: {message.get('error') or kind}", _LIVE_KINDS[kind])
                said = message["text"].strip() if kind in ("partial_transcript", last) else ""
                words = _words(message.get("words")) if kind == last else ()
            if kind == "partial_transcript" and said:
                yield Text(" ".join([*finished, said]), final=False)
            if kind == last:
                finished.append(said)
                yield Text(said, words=words, language=message.get("language_code"))
                if spoken:
                    return session


class Speak(ElevenLabsEngine):
    def run(self, request: Synthesize, timeout_s: float) -> Iterator[Piece]:
        named = request.voice or self.spec.default_voice or ""
        spoken_by = self.spec.extra["voice_ids"].get(named, named)
        if not re.fullmatch(VOICE_ID, spoken_by):  # it goes into the address
            raise BadInput(
                f"{self.spec.id} has no voice {named!r}; name one of {', '.join(self.spec.voices)}, or the id of your own"
            )
        sent: dict[str, Any] = {"model_id": self.spec.model, "output_format": f"pcm_{SPEECH_RATE}"}
        if request.language:
            if "*" not in self.spec.languages and request.language not in self.spec.languages:
                raise Unsupported(f"{self.spec.id} does not speak {request.language!r}")
            sent["language_code"] = request.language
        if request.speed is not None:
            if not 0.7 <= request.speed <= 1.2:
                raise BadInput(f"{self.spec.id} speaks at 0.7 to 1.2 times the normal speed, not at {request.speed:g}")
            sent["voice_settings"] = {"speed": request.speed}
        streamed = self.client.text_to_speech.with_raw_response.stream
        with (
            self.line.call(timeout_s),
            streamed(spoken_by, text=request.text, request_options=_AT_ONCE, **sent) as answer,
        ):
            yield from pcm_pieces(self.spec.id, self.line.headers, answer.data, SPEECH_RATE)
        yield self.facts({"voice_id": spoken_by, **sent})

    def list_voices(self, timeout_s: float) -> tuple[Voice, ...]:
        with short_answers(self.line), self.line.call(timeout_s):
            return gathered(self._voice_pages())

    def _voice_pages(self) -> Iterator[list[Voice | None]]:
        token, options = None, {"max_retries": 0}
        while True:
            asked = {"next_page_token": token} if token else {}
            with self.line.reading("a list of voices"):
                # total_count would cost the vendor a search of its own
                answer = self.client.voices.search(
                    page_size=PAGE_SIZE, include_total_count=False, request_options=options, **asked
                )
                page = [
                    voice(VOICE_ID, each.voice_id, each.name, (each.labels or {}).get("language"), each.description)
                    for each in answer.voices
                ]
                token = next_token(answer.next_page_token) if answer.has_more else None
            yield page
            if token is None:
                return


class _Arriving:
    """Chunks as a file that can be read once, from its start."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self.chunks, self.held = iter(chunks), b""

    def read(self, size: int) -> bytes:
        while not self.held:
            self.held = next(self.chunks, None)
            if self.held is None:
                self.held = b""
                break
        taken, self.held = self.held[:size], self.held[size:]
        return taken


def _mp3_pieces(line: Line, chunks: Iterable[bytes]) -> Iterator[Audio]:
    """An MP3 as it streams in, as Audio. Raises BadResponse for anything else."""
    import av

    # without these, a second and more of the file would be looked at before the first sample comes out
    early = {"probesize": "2048", "analyzeduration": "0"}
    with line.reading("an MP3 file"), av.open(_Arriving(chunks), format="mp3", options=early, buffer_size=1_024) as container:
        for frame in container.decode(container.streams.audio[0]):
            yield Audio(frame.to_ndarray(), frame.sample_rate)


class Music(ElevenLabsEngine):
    def run(self, request: Compose, timeout_s: float) -> Iterator[Piece]:
        sent: dict[str, Any] = {"model_id": self.spec.model, "output_format": "auto"}
        if request.duration_s is not None:
            if not 3.0 <= request.duration_s <= 600.0:
                raise BadInput(f"{self.spec.id} composes 3 to 600 s, not {request.duration_s:g}")
            sent["music_length_ms"] = round(request.duration_s * 1000)
        streamed = self.client.music.with_raw_response.stream
        with self.line.call(timeout_s), streamed(prompt=request.prompt, request_options=_AT_ONCE, **sent) as answer:
            yield from _mp3_pieces(self.line, answer.data)
        yield self.facts(sent, self.line.headers.get("song-id"))


class Isolate(ElevenLabsEngine):
    def load(self) -> None:
        super().load()
        # here and not in the first run: it imports as it is looked up
        self.isolated = self.client.audio_isolation.with_raw_response.convert

    def run(self, request: Separate, timeout_s: float) -> Iterator[Piece]:
        with self.line.call(timeout_s), self.isolated(audio=("audio.wav", request.audio.to_wav(), "audio/wav")) as answer:
            data = b"".join(answer.data)
            with self.line.reading("a sound"):
                yield Stem("voice", Audio.decode(data).part(0.0, request.audio.seconds))
        yield self.facts({})


class Stems(ElevenLabsEngine):
    def run(self, request: Separate, timeout_s: float) -> Iterator[Piece]:
        sent = {"stem_variation_id": self.spec.model, "output_format": "mp3_44100_128"}
        separated = self.client.music.with_raw_response.separate_stems
        wav = request.audio.stereo().resample(44_100).to_wav()
        with self.line.call(timeout_s), separated(file=("audio.wav", wav, "audio/wav"), **sent) as answer:
            data = b"".join(answer.data)
            with self.line.reading("a ZIP file of stems"):
                for name, sound in self._unpacked(data, request.audio.seconds).items():
                    yield Stem(name, Audio.decode(sound).part(0.0, request.audio.seconds))
        yield self.facts(sent)

    def _unpacked(self, data: bytes, seconds: float) -> dict[str, bytes]:
        """The files by stem name. Nothing is believed that the archive says about its own size."""
        longest = round(STEM_BYTES_PER_S * (seconds + 10.0))
        if data.count(b"PK\x01\x02") > STEMS:  # one for each file; reading a list of millions would fill the memory
            raise TooLarge(f"{self.spec.id} answered with more than {STEMS} stems")
        found: dict[str, bytes] = {}
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                for entry in archive.infolist():
                    name = re.sub(r"[^\w .-]", "", PurePosixPath(entry.filename).stem)[:40] or "stem"
                    if entry.is_dir() or name in found:
                        raise ValueError(entry.filename)
                    with archive.open(entry) as file:
                        found[name] = file.read(longest + 1)
                    if len(found[name]) > longest:
                        raise TooLarge(f"{self.spec.id} answered with the stem {name!r} of more than {longest >> 10} kB")
        except (zipfile.BadZipFile, zlib.error, RuntimeError, EOFError) as error:  # RuntimeError: encrypted, unknown method
            raise BadResponse(f"{self.spec.id} answered with a ZIP file that cannot be read") from error
        if not found:
            raise BadResponse(f"{self.spec.id} answered with a ZIP file without stems")
        return found
