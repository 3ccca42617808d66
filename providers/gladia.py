"""Gladia: sound in, text out (upload, job and poll; or live at the pace of a microphone).

The SDK opens its own connections and threads and waits in whole seconds, so only its documented calls are used.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from engine.contract import EngineSpec, Facts, Limits, Mark, Needs, Piece, Price, Text, Transcribe, Usage, Word
from providers._live import converse
from providers._openai_shape import terms_of
from providers._rest import RestEngine, checked_id, failed_job, until_done

POLL_S = 0.25  # the SDK asks every 3 s, which would be the resolution of every latency


class GladiaEngine(RestEngine):
    vendor_url = "https://api.gladia.io"

    def key_headers(self) -> dict[str, str]:
        return {"x-gladia-key": self.key}


def _language(request: Transcribe) -> dict[str, Any]:
    return {"language_config": {"languages": [request.language], "code_switching": False}} if request.language else {}


def _vocabulary(request: Transcribe) -> dict[str, Any]:
    if not request.prompt:
        return {}
    return {"custom_vocabulary": True, "custom_vocabulary_config": {"vocabulary": terms_of(request.prompt)}}


def _words(utterances: Iterable[Mapping[str, Any]]) -> tuple[Word, ...]:
    return tuple(
        Word(
            text=word["word"].strip(),
            start_s=float(word["start"]),
            end_s=float(word["end"]),
            confidence=word.get("confidence"),
            speaker=None if utterance.get("speaker") is None else str(utterance["speaker"]),
        )
        for utterance in utterances
        for word in utterance.get("words") or ()
    )


class TranscribeJob(GladiaEngine):
    """Upload, submit, then ask every POLL_S whether it is done."""

    def run(self, request: Transcribe, timeout_s: float) -> Iterator[Piece]:
        sent: dict[str, Any] = {"model": self.spec.model, **_language(request), **_vocabulary(request)}
        if request.speakers:
            sent["diarization"] = True
        wav = request.audio.mono().resample(16_000).to_wav()
        with self.line.call(timeout_s):
            uploaded = self.ask("an upload's address", "POST", "/v2/upload", files={"audio": ("audio.wav", wav, "audio/wav")})
            with self.line.reading("an upload's address"):
                body = {**sent, "audio_url": uploaded["audio_url"]}
            yield Mark("uploaded")
            job = self.ask("a transcription job", "POST", "/v2/pre-recorded", json=body)
            with self.line.reading("a transcription job"):
                name = checked_id(job["id"])

            def look() -> dict[str, Any]:
                return self.ask("the state of a transcription job", "GET", f"/v2/pre-recorded/{name}", has="status")

            # what answers the submission is an id without a state
            job = until_done(self.line, POLL_S, job, lambda job: job.get("status", "queued") in ("queued", "processing"), look)
        if job["status"] != "done":
            code = job.get("error_code")
            raise failed_job(self.spec.id, f"error {code}" if code else None)
        with self.line.reading("a transcript"):
            about, said = job["result"]["metadata"], job["result"]["transcription"]
            text = Text(
                said["full_transcript"].strip(),
                words=_words(said["utterances"]),
                language=next(iter(said.get("languages") or ()), None),
            )
            billed, server_s = float(about["billing_time"]), float(about["transcription_time"])
        yield text
        yield Usage({"input_audio_seconds": billed})
        yield Facts(request_id=job.get("request_id"), server_s=server_s, connect_s=self.line.connect_s, poll_s=POLL_S, sent=sent)


class TranscribeLive(GladiaEngine):
    """Opens a session, then sends the sound as a microphone would. The session's address holds its own token, not the key."""

    def run(self, request: Transcribe, timeout_s: float) -> Iterator[Piece]:
        sent: dict[str, Any] = {
            "model": self.spec.model,
            "encoding": "wav/pcm",
            "bit_depth": 16,
            "sample_rate": 16_000,
            "channels": 1,
            **_language(request),
            "messages_config": {
                "receive_partial_transcripts": True,
                "receive_final_transcripts": True,
                "receive_lifecycle_events": True,
                "receive_speech_events": False,
                "receive_pre_processing_events": False,
                "receive_realtime_processing_events": False,
                "receive_post_processing_events": False,
                "receive_acknowledgments": False,
            },
        }
        if request.prompt:
            sent["realtime_processing"] = _vocabulary(request)
        audio = request.audio.mono().resample(16_000)
        ending = [json.dumps({"type": "stop_recording"})]
        finished: list[str] = []
        with self.line.call(timeout_s):
            session = self.ask("a live session", "POST", "/v2/live", json=sent)
            with self.line.reading("a live session"):
                address, name = self.followed(session["url"], "wss"), session["id"]
            with self.line.websocket(address, {}) as connection:
                for message in converse(self.line, connection, audio, ending):
                    if isinstance(message, Mark):
                        yield message
                        continue
                    text = None
                    with self.line.reading("transcription messages"):
                        kind = message["type"]
                        if kind == "transcript":
                            text = self._heard(message["data"], finished)
                    if kind == "end_session":
                        break
                    if text is not None:
                        yield text
        yield Facts(request_id=name, connect_s=self.line.connect_s, sent=sent)

    def _heard(self, data: Mapping[str, Any], finished: list[str]) -> Text | None:
        utterance = data["utterance"]
        words = utterance["text"].strip()
        if not words:
            return None
        if not data["is_final"]:
            return Text(" ".join([*finished, words]), final=False)
        finished.append(words)
        return Text(words, words=_words([utterance]), language=utterance.get("language"), confidence=utterance.get("confidence"))


READ_ON = "2026-11-20"
_PRICED_ON = "2026-08-01"
_DATA_USE = (
    "The Starter plan trains on what is sent and offers no opt-out; kept until it is deleted there; region not stated in what "
    "was read."
)
_COMMON = dict(
    task="asr",
    vendor="Gladia",
    where="cloud",
    license_code=None,
    license_weights=None,
    languages=("*",),
    checked_on=READ_ON,
    packages=("httpx",),
    data_use=_DATA_USE,
)


def _hour(usd: float) -> tuple[Price, ...]:
    source = "Gladia's pricing page as read on 2026-08-01"
    return (Price("input_audio_seconds", usd, per=3_600.0, source=source, checked_on=_PRICED_ON, note="Starter plan"),)


def _recorded(model: str, name: str, system: str, summary: str) -> EngineSpec:
    return EngineSpec(
        id=f"gladia/{model}",
        name=name,
        system=system,
        engine=TranscribeJob,
        model=model,
        summary=summary,
        docs_url="https://docs.gladia.io/chapters/pre-recorded-stt/quickstart",
        honours=("language", "prompt", "word_times", "speakers"),
        prices=_hour(0.61),
        # the vendor's limits of 135 minutes and 1 GB, as they were read; not verified
        limits=Limits(audio_seconds=8_100.0, file_bytes=1_000_000_000),
        needs=Needs(key="GLADIA_API_KEY", packages=("httpx",)),
        concurrency=25,
        **_COMMON,
    )


ENGINES = [
    _recorded(
        "solaria-1",
        "Gladia Solaria-1",
        "Gladia Solaria",
        "About 100 languages with word times and speakers: uploads, then asks until it is done.",
    ),
    _recorded("solaria-3", "Gladia Solaria-3", "Gladia Solaria", "The later model of the family, at the same price."),
    EngineSpec(
        id="gladia/solaria-1-live",
        name="Gladia Solaria-1 live",
        system="Gladia Solaria",
        engine=TranscribeLive,
        model="solaria-1",
        summary="Transcribes while the sound plays, at the pace of a microphone.",
        docs_url="https://docs.gladia.io/chapters/live-stt/quickstart",
        honours=("language", "prompt", "word_times"),
        prices=_hour(0.75),
        needs=Needs(key="GLADIA_API_KEY", packages=("httpx", "websockets")),
        streams=True,
        realtime=True,
        concurrency=1,
        **_COMMON,
    ),
]
