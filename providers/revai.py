"""Rev AI: sound in, text out: one upload that is a job, then polling. The SDK's requests have no deadline and cannot be hung
up, so only its documented calls are used."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from engine.contract import EngineSpec, Facts, Limits, Mark, Needs, Piece, Price, Text, Transcribe, Usage, Word
from providers._openai_shape import terms_of
from providers._rest import RestEngine, checked_id, failed_job, until_done

POLL_S = 0.5
DELETE_AFTER_S = 3_600  # time enough to fetch the transcript, whatever the deadline
_TRANSCRIPT = "application/vnd.rev.transcript.v1.0+json"


def _read(answer: Mapping[str, Any], speakers: bool) -> tuple[str, tuple[Word, ...]]:
    turns, words = [], []
    for turn in answer["monologues"]:
        # the vendor spells blanks out as elements of their own
        turns.append("".join(element["value"] for element in turn["elements"]).strip())
        words += [
            Word(
                element["value"],
                float(element["ts"]),
                float(element["end_ts"]),
                element.get("confidence"),
                str(turn["speaker"]) if speakers else None,
            )
            for element in turn["elements"]
            if element["type"] == "text" and element.get("ts") is not None and element.get("end_ts") is not None
        ]
    return " ".join(turn for turn in turns if turn), tuple(words)


class TranscribeJob(RestEngine):
    vendor_url = "https://api.rev.ai"

    def run(self, request: Transcribe, timeout_s: float) -> Iterator[Piece]:
        sent: dict[str, Any] = {
            "transcriber": self.spec.model,
            "delete_after_seconds": DELETE_AFTER_S,
            "skip_diarization": not request.speakers,
        }
        if request.language:
            sent["language"] = request.language
        if request.prompt:
            sent["custom_vocabularies"] = [{"phrases": terms_of(request.prompt)}]
        wav = request.audio.mono().resample(16_000).to_wav()
        body = {"media": ("audio.wav", wav, "audio/wav"), "options": (None, json.dumps(sent))}
        jobs = "/speechtotext/v1/jobs"
        with self.line.call(timeout_s):
            job = self.ask("a transcription job", "POST", jobs, has="status", files=body)
            with self.line.reading("a transcription job"):
                name = checked_id(job["id"])
            yield Mark("uploaded")

            def look() -> dict[str, Any]:
                return self.ask("the state of a transcription job", "GET", f"{jobs}/{name}", has="status")

            job = until_done(self.line, POLL_S, job, lambda job: job["status"] == "in_progress", look)
            if job["status"] != "transcribed":
                raise failed_job(self.spec.id, job.get("failure_detail") or job.get("failure"))
            answer = self.ask("a transcript", "GET", f"{jobs}/{name}/transcript", headers={"accept": _TRANSCRIPT})
        with self.line.reading("a transcript"):
            text, words = _read(answer, request.speakers)
            yield Text(text, words=words, language=job.get("language"))
            if job.get("duration_seconds") is not None:
                yield Usage({"input_audio_seconds": float(job["duration_seconds"])})
        model = job.get("transcriber")
        yield Facts(request_id=name, connect_s=self.line.connect_s, poll_s=POLL_S, model=model, sent=sent)


READ_ON = "2026-11-20"
_COMMON = dict(
    task="asr",
    vendor="Rev AI",
    system="Rev AI Reverb",
    engine=TranscribeJob,
    where="cloud",
    license_code=None,
    license_weights=None,
    languages=("*",),
    checked_on=READ_ON,
    docs_url="https://docs.rev.ai/api/asynchronous/",
    honours=("language", "prompt", "word_times", "speakers"),
    limits=Limits(audio_seconds=61_200.0),
    needs=Needs(key="REVAI_ACCESS_TOKEN", packages=("httpx",)),
    packages=("httpx",),
    data_use="We have sound and transcript deleted an hour after the job; United States. Training: not stated in what was read.",
)


def _hour(usd: float) -> tuple[Price, ...]:
    source = "Rev AI's pricing page as read on 2026-08-01"
    price = Price("input_audio_seconds", usd, per=3_600.0, minimum=15.0, source=source, checked_on="2026-08-01")
    return (price,)


ENGINES = [
    EngineSpec(
        id="revai/reverb",
        name="Rev AI Reverb",
        model="machine",
        summary="The vendor's own model for English, other languages through an older one: uploads, then asks until it is done.",
        prices=_hour(0.20),
        **_COMMON,
    ),
    EngineSpec(
        id="revai/reverb-turbo",
        name="Rev AI Reverb Turbo",
        model="low_cost",
        summary="A faster Reverb at half the price; the name under which it is asked for was not verified.",
        prices=_hour(0.10),
        **_COMMON,
    ),
]
