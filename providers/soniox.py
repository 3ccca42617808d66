"""Soniox: sound in, text out (upload, job, poll and delete; or live at the pace of a microphone).

The SDK's request functions run on a client of our own. Its live session takes proxies from the environment and cannot be hung
up, so only its protocol is used there.
"""

from __future__ import annotations

import json
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from engine.contract import BadInput, EngineSpec, Facts, Limits, Mark, Needs, Piece, Price, Text, Transcribe, Usage, Word
from providers._http import Refused
from providers._live import converse
from providers._openai_shape import terms_of
from providers._rest import RestEngine, checked_id, failed_job, until_done

POLL_S = 0.25  # the SDK asks every 5 s, which would be the resolution of every latency
_MARKERS = ("<end>", "<fin>")  # the vendor's signs for an endpoint, not words
_LIVE_ERRORS = {401: "auth", 402: "quota", 403: "auth", 408: "timeout", 413: "too_large", 429: "rate_limit"}


def _settings(spec: EngineSpec, request: Transcribe) -> dict[str, Any]:
    sent: dict[str, Any] = {"enable_language_identification": True}
    if request.language:
        if len(request.language) != 2:
            raise BadInput(f"{spec.id} takes languages as two letters such as 'en', not {request.language!r}")
        sent |= {"language_hints": [request.language], "language_hints_strict": True}
    if request.prompt:
        sent["context"] = {"terms": terms_of(request.prompt)}
    if request.speakers:
        sent["enable_speaker_diarization"] = True
    return sent


def _starts_word(token: Mapping[str, Any], previous: Mapping[str, Any] | None) -> bool:
    text = token["text"]
    if (
        previous is None
        or text[:1].isspace()
        or previous["text"][-1:].isspace()
        or token.get("speaker") != previous.get("speaker")
    ):
        return True
    # languages that write no spaces come as one token for each character or two
    return unicodedata.east_asian_width(text[0]) in "WF" and unicodedata.category(text[0])[0] == "L"


def _words(tokens: Iterable[Mapping[str, Any]]) -> tuple[Word, ...]:
    """The vendor's tokens are pieces of words: joined, each word as sure as its least sure piece."""
    groups: list[list[Mapping[str, Any]]] = []
    previous = None
    for token in (token for token in tokens if token["text"]):
        if _starts_word(token, previous):
            groups.append([])
        groups[-1].append(token)
        previous = token
    return tuple(
        Word(
            text="".join(token["text"] for token in group).strip(),
            start_s=group[0]["start_ms"] / 1000,
            end_s=group[-1]["end_ms"] / 1000,
            confidence=min((token["confidence"] for token in group if token.get("confidence") is not None), default=None),
            speaker=group[0].get("speaker"),
        )
        for group in groups
        if group[0].get("start_ms") is not None and group[-1].get("end_ms") is not None
        if any(token["text"].strip() for token in group)
    )


def _text(tokens: list[Mapping[str, Any]]) -> Text:
    spoken = Counter(token["language"] for token in tokens if token.get("language")).most_common(1)
    whole = "".join(token["text"] for token in tokens).strip()
    return Text(whole, words=_words(tokens), language=spoken[0][0] if spoken else None)


class TranscribeJob(RestEngine):
    """Upload, submit, ask every POLL_S whether it is done, fetch, then delete the sound and the transcript at the vendor."""

    vendor_url = "https://api.soniox.com"

    def load(self) -> None:
        from soniox.api.files import FilesAPI
        from soniox.api.stt import SttAPI

        super().load()
        self.http.base_url = f"{self.url}/v1"
        # of the SDK's client these two use nothing but request(), which ours has too
        self.files, self.jobs = FilesAPI(self.http), SttAPI(self.http)  # type: ignore[arg-type]

    def run(self, request: Transcribe, timeout_s: float) -> Iterator[Piece]:
        from soniox.types import CreateTranscriptionConfig

        sent = _settings(self.spec, request)
        wav = request.audio.mono().resample(16_000).to_wav()
        with self.line.call(timeout_s):
            with self.line.reading("an uploaded file"):
                file_id = checked_id(self.files.upload(wav, filename="audio.wav").id)
            left: list[tuple[Any, str]] = [(self.files, file_id)]
            try:
                yield Mark("uploaded")
                with self.line.reading("a transcription job"):
                    job = self.jobs.create(model=self.spec.model, file_id=file_id, config=CreateTranscriptionConfig(**sent))
                    left.insert(0, (self.jobs, checked_id(job.id)))

                def look() -> Any:
                    with self.line.reading("the state of a transcription job"):
                        return self.jobs.get(job.id)

                job = until_done(self.line, POLL_S, job, lambda job: job.status in ("queued", "processing"), look)
                if job.status != "completed":
                    raise failed_job(self.spec.id, job.error_message)
                with self.line.reading("a transcript"):
                    answer = self.jobs.get_transcript(job.id)
                    text = _text([token.model_dump() for token in answer.tokens])
                yield Text(answer.text.strip(), words=text.words, language=text.language)
                if job.audio_duration_ms is not None:
                    yield Usage({"input_audio_seconds": job.audio_duration_ms / 1000})
                yield Mark("answered")
            finally:
                deleted = self._delete(left)
        sent |= {"model": self.spec.model, "delete_after": deleted}
        yield Facts(request_id=job.id, connect_s=self.line.connect_s, poll_s=POLL_S, model=job.model, sent=sent)

    def _delete(self, left: list[tuple[Any, str]]) -> bool:
        """False when the vendor did not confirm; the row says so, and the vendor deletes both after 30 days."""
        done = True
        for where, name in left:
            try:
                where.delete(name)
            except Exception:  # noqa: BLE001 - the answer is there, or a first error that matters more
                done = False
        return done


class TranscribeLive(RestEngine):
    """Sends the sound as a microphone would. Tokens may end amid a word, so the final text comes once, at the end."""

    vendor_url = "https://stt-rt.soniox.com"

    def run(self, request: Transcribe, timeout_s: float) -> Iterator[Piece]:
        sent = _settings(self.spec, request) | {
            "model": self.spec.model,
            "audio_format": "pcm_s16le",
            "sample_rate": 16_000,
            "num_channels": 1,
        }
        finals: list[Mapping[str, Any]] = []
        heard_ms = None
        audio = request.audio.mono().resample(16_000)
        address = f"ws{self.url[4:]}/transcribe-websocket"
        with self.line.call(timeout_s), self.line.websocket(address, self.key_headers()) as connection:
            connection.send(json.dumps(sent))
            for message in converse(self.line, connection, audio, [""]):
                if isinstance(message, Mark):
                    yield message
                    continue
                with self.line.reading("transcription messages"):
                    if message.get("error_code"):
                        kind = _LIVE_ERRORS.get(message["error_code"], "bad_input" if message["error_code"] < 500 else "server")
                        raise Refused(f"{self.spec.id} stopped: {message.get('error_message') or 'no reason given'}", kind)
                    tokens = [token for token in message["tokens"] if token["text"] not in _MARKERS]
                    finals += [token for token in tokens if token.get("is_final")]
                    guess = "".join(token["text"] for token in [*finals, *(t for t in tokens if not t.get("is_final"))]).strip()
                    heard_ms = message.get("total_audio_proc_ms", heard_ms)
                    whole = _text(finals) if message.get("finished") else None
                if whole is not None:
                    break
                if tokens and guess:
                    yield Text(guess, final=False)
        yield whole
        if isinstance(heard_ms, (int, float)):
            yield Usage({"input_audio_seconds": heard_ms / 1000})
        yield Facts(request_id=self.line.headers.get("x-request-id"), connect_s=self.line.connect_s, sent=sent)


READ_ON = "2026-11-20"
_PRICED_ON = "2026-08-01"
_METERED = "the vendor's own figure per hour; it meters tokens"
_COMMON = dict(
    task="asr",
    vendor="Soniox",
    where="cloud",
    license_code=None,
    license_weights=None,
    languages=("*",),
    checked_on=READ_ON,
    honours=("language", "prompt", "word_times", "speakers"),
    packages=("soniox",),
)


def _hour(usd: float) -> tuple[Price, ...]:
    source = "Soniox's pricing page as read on 2026-08-01; litellm 1.109.1 price map"
    return (Price("input_audio_seconds", usd, per=3_600.0, source=source, checked_on=_PRICED_ON, note=_METERED),)


ENGINES = [
    EngineSpec(
        id="soniox/stt-async-v5",
        name="Soniox v5",
        system="Soniox",
        engine=TranscribeJob,
        model="stt-async-v5",
        summary="Over 60 languages with word times and speakers: uploads, asks until it is done, then deletes.",
        docs_url="https://soniox.com/docs/stt/async/async-transcription",
        prices=_hour(0.10),
        limits=Limits(audio_seconds=18_000.0),
        needs=Needs(key="SONIOX_API_KEY", packages=("soniox", "httpx")),
        data_use=(
            "Sound and transcript are deleted there right after the answer; what a stopped run leaves behind, after 30 days. "
            "Training and region: not stated in what was read."
        ),
        **_COMMON,
    ),
    EngineSpec(
        id="soniox/stt-rt-v5-live",
        name="Soniox v5 live",
        system="Soniox",
        engine=TranscribeLive,
        model="stt-rt-v5",
        summary="Transcribes while the sound plays, at the pace of a microphone, in over 60 languages.",
        docs_url="https://soniox.com/docs/stt/real-time-API/real-time-transcription",
        prices=_hour(0.12),
        needs=Needs(key="SONIOX_API_KEY", packages=("httpx", "websockets")),
        streams=True,
        realtime=True,
        data_use="Training, retention and region: not stated in what was read.",
        **_COMMON,
    ),
]
