"""Speechmatics: sound in, text out (one request that waits for its job; or live at the pace of a microphone).

The SDKs open connections of their own and read their addresses from the environment, so only the documented calls are used.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from engine.contract import BadResponse, EngineSpec, Facts, Mark, Needs, Piece, Price, Text, Transcribe, Usage, Word
from providers._http import Refused
from providers._live import CHUNK_S, converse
from providers._openai_shape import terms_of
from providers._rest import RestEngine, checked_id, failed_job, until_done

POLL_S = 0.25
WAIT_S = 60  # how long one request may wait for its job; the vendor caps it at a figure of its own
RATE = 16_000
_UNKNOWN_SPEAKER = "UU"


def _settings(spec: Any, request: Transcribe) -> dict[str, Any]:
    sent: dict[str, Any] = {"language": request.language or spec.extra["language"], "model": spec.model}
    if request.prompt:
        sent["additional_vocab"] = [{"content": term} for term in terms_of(request.prompt)]
    if request.speakers:
        sent["diarization"] = "speaker"
    return sent


def _joined(results: Iterable[Mapping[str, Any]], about: Mapping[str, Any] | None) -> tuple[str, tuple[Word, ...]]:
    """The running text and its words. `about`: the vendor's language_pack_info, which names what stands between words."""
    between = (about or {}).get("word_delimiter", " ")
    text, words, glued = "", [], True
    for result in results:
        if not result.get("alternatives"):
            continue
        best, binding = result["alternatives"][0], result.get("attaches_to")
        text += best["content"] if glued or binding in ("previous", "both") else between + best["content"]
        glued = binding in ("next", "both")
        if result["type"] != "punctuation":
            speaker = best.get("speaker")
            words.append(
                Word(
                    best["content"],
                    float(result["start_time"]),
                    float(result["end_time"]),
                    best.get("confidence"),
                    None if speaker == _UNKNOWN_SPEAKER else speaker,
                )
            )
    return text.strip(), tuple(words)


def _language(results: Iterable[Mapping[str, Any]], asked: str) -> str | None:
    found = (result["alternatives"][0].get("language") for result in results if result.get("alternatives"))
    return next((language for language in found if language), None if asked == "auto" else asked)


class TranscribeNow(RestEngine):
    """Submits with `wait`, so a short job needs one request; asks again, still waiting, while a long one runs."""

    vendor_url = "https://asr.api.speechmatics.com"

    def run(self, request: Transcribe, timeout_s: float) -> Iterator[Piece]:
        sent = _settings(self.spec, request)
        wav = request.audio.mono().resample(RATE).to_wav()
        body = {
            "config": (None, json.dumps({"type": "transcription", "transcription_config": sent}), "application/json"),
            "data_file": ("audio.wav", wav, "audio/wav"),
        }
        poll_s = None
        with self.line.call(timeout_s):
            job = self.ask("a transcription job", "POST", "/v2/jobs", params={"wait": WAIT_S}, files=body)
            with self.line.reading("a transcription job"):
                name = checked_id(job["id"])
            answer = job.get("json-v2")
            if answer is None:
                poll_s = POLL_S
                answer = self._waited(name, job)
        with self.line.reading("a transcript"):
            results, about = answer["results"], answer["metadata"].get("language_pack_info")
            text, words = _joined(results, about)
            yield Text(text, words=words, language=_language(results, sent["language"]))
            if (seconds := answer["job"].get("duration")) is not None:
                yield Usage({"input_audio_seconds": float(seconds)})
        model = (answer["metadata"].get("transcription_config") or {}).get("model")
        yield Facts(request_id=name, connect_s=self.line.connect_s, poll_s=poll_s, model=model, sent=sent)

    def _waited(self, name: str, job: Mapping[str, Any]) -> dict[str, Any]:
        """The transcript of a job that was not done within its first request."""

        def look() -> Mapping[str, Any]:
            answer = self.ask("the state of a transcription job", "GET", f"/v2/jobs/{name}", params={"wait": WAIT_S})
            with self.line.reading("the state of a transcription job"):
                return {"status": answer["job"]["status"], "errors": answer["job"].get("errors")}

        job = until_done(self.line, POLL_S, job, lambda job: job.get("status", "running") in ("created", "running"), look)
        if job["status"] != "done":
            told = job if "errors" in job else look()
            with self.line.reading("the errors of a transcription job"):
                why = next((error["message"] for error in told["errors"] or ()), None)
            raise failed_job(self.spec.id, why)
        return self.ask("a transcript", "GET", f"/v2/jobs/{name}/transcript", params={"format": "json-v2"})


_LIVE_ERRORS = {
    "not_authorised": "auth",
    "not_allowed": "auth",
    "insufficient_funds": "quota",
    "quota_exceeded": "quota",
    "timelimit_exceeded": "quota",
    "timeout": "timeout",
}


class TranscribeLive(RestEngine):
    """Sends the sound as a microphone would. The vendor's final pieces may end before their punctuation, so the final text
    comes once, at the end."""

    vendor_url = "https://eu2.rt.speechmatics.com"

    def run(self, request: Transcribe, timeout_s: float) -> Iterator[Piece]:
        sent = _settings(self.spec, request) | {"enable_partials": True}
        audio = request.audio.mono().resample(RATE)
        start = {
            "message": "StartRecognition",
            "audio_format": {"type": "raw", "encoding": "pcm_s16le", "sample_rate": RATE},
            "transcription_config": sent,
        }
        chunks = -(-audio.frames // round(CHUNK_S * RATE))
        ending = [json.dumps({"message": "EndOfStream", "last_seq_no": chunks})]
        finals: list[Mapping[str, Any]] = []
        with self.line.call(timeout_s), self.line.websocket(f"ws{self.url[4:]}/v2", self.key_headers()) as connection:
            connection.send(json.dumps(start))
            session, about = self._started(connection)
            for message in converse(self.line, connection, audio, ending):
                if isinstance(message, Mark):
                    yield message
                    continue
                guess = ""
                with self.line.reading("transcription messages"):
                    kind = message["message"]
                    if kind == "AddTranscript":
                        finals += message["results"]
                        guess, _ = _joined(finals, about)
                    elif kind == "AddPartialTranscript":
                        guess, _ = _joined([*finals, *message["results"]], about)
                    elif kind == "Error":
                        raise self._error(message)
                if kind == "EndOfTranscript":
                    break
                if guess:
                    yield Text(guess, final=False)
        with self.line.reading("a transcript"):
            text, words = _joined(finals, about)
            yield Text(text, words=words, language=_language(finals, sent["language"]))
        yield Facts(request_id=session, connect_s=self.line.connect_s, sent=sent)

    def _started(self, connection: Any) -> tuple[str | None, Mapping[str, Any] | None]:
        """Session id and language_pack_info; sound that is sent before them is refused."""
        while True:
            with self.line.reading("transcription messages"):
                message = json.loads(connection.recv())
                if message["message"] == "RecognitionStarted":
                    return message.get("id"), message.get("language_pack_info")
                if message["message"] == "Error":
                    raise self._error(message)
                if message["message"] not in ("Info", "Warning"):
                    raise BadResponse(f"{self.spec.id} began with {message['message']!r} instead of RecognitionStarted")

    def _error(self, message: Mapping[str, Any]) -> Refused:
        kind = str(message.get("type") or "")
        known = _LIVE_ERRORS.get(kind, "bad_input" if kind.startswith(("invalid", "data", "protocol")) else "server")
        return Refused(f"{self.spec.id} stopped: {message.get('reason') or kind or 'no reason given'}", known)


READ_ON = "2026-11-20"
_COMMON = dict(
    task="asr",
    vendor="Speechmatics",
    where="cloud",
    license_code=None,
    license_weights=None,
    languages=("*",),
    checked_on=READ_ON,
    honours=("language", "prompt", "word_times", "speakers"),
    packages=("httpx",),
)
_BATCH = dict(
    engine=TranscribeNow,
    docs_url="https://docs.speechmatics.com/speech-to-text/batch/synchronous",
    needs=Needs(key="SPEECHMATICS_API_KEY", packages=("httpx",)),
    extra={"language": "auto"},
    data_use="The vendor deletes sound and transcript after 7 days. Training and region: not stated in what was read.",
)
_LIVE = dict(
    engine=TranscribeLive,
    docs_url="https://docs.speechmatics.com/api-ref/realtime-transcription-websocket",
    needs=Needs(key="SPEECHMATICS_API_KEY", packages=("httpx", "websockets")),
    streams=True,
    realtime=True,
    extra={"language": "en"},
    data_use="Processed in the European Union. Training and retention: not stated in what was read.",
)

ENGINES = [
    EngineSpec(
        id="speechmatics/enhanced",
        name="Speechmatics Enhanced",
        system="Speechmatics",
        model="enhanced",
        summary="The more accurate of the vendor's two established models, with word times and speakers.",
        prices=(
            Price(
                "input_audio_seconds",
                0.24,
                per=3_600.0,
                source="Speechmatics' pricing page as read on 2026-08-01; hail-hq costs list",
                checked_on="2026-08-01",
                note="not verified on the vendor's own price table, which could not be read",
            ),
        ),
        **_BATCH,
        **_COMMON,
    ),
    EngineSpec(
        id="speechmatics/standard",
        name="Speechmatics Standard",
        system="Speechmatics",
        model="standard",
        summary="The faster of the vendor's two established models; its price was not found.",
        **_BATCH,
        **_COMMON,
    ),
    EngineSpec(
        id="speechmatics/enhanced-live",
        name="Speechmatics Enhanced live",
        system="Speechmatics",
        model="enhanced",
        summary="Transcribes live, at the pace of a microphone; English unless a language is set; its price was not found.",
        **_LIVE,
        **_COMMON,
    ),
]
