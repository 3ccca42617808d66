"""pyannoteAI: sound in, text with speakers out: upload, job and poll. The SDK's requests have no deadline and cannot be
hung up, so only its documented calls are used."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

from engine.contract import EngineSpec, Facts, Mark, Needs, Piece, Text, Transcribe, Word
from providers._rest import HttpRefusal, RestEngine, checked_id, failed_job, until_done

POLL_S = 0.5  # the SDK asks every 10 s, which would be the resolution of every latency


class TranscribeJob(RestEngine):
    """Diarization with transcription switched on: every word carries its speaker, asked for or not."""

    vendor_url = "https://api.pyannote.ai"

    def load(self) -> None:
        import httpx

        super().load()
        self.storage = self.line.client(httpx)  # without the key: the storage is not the vendor's own

    def run(self, request: Transcribe, timeout_s: float) -> Iterator[Piece]:
        sent: dict[str, Any] = {"model": self.spec.model, "transcription": True}
        wav = request.audio.mono().resample(16_000).to_wav()
        media = f"media://soundcheck/{uuid.uuid4()}.wav"
        with self.line.call(timeout_s):
            place = self.ask("an upload's address", "POST", "/v1/media/input", json={"url": media})
            with self.line.reading("an upload's address"):
                address = self.followed(place["url"], "https")
            put = self.storage.put(address, content=wav)
            if put.is_error:
                raise HttpRefusal(put.status_code, put.text, put.headers)
            yield Mark("uploaded")
            job = self.ask("a transcription job", "POST", "/v1/diarize", json={**sent, "url": media})
            with self.line.reading("a transcription job"):
                name = checked_id(job["jobId"])

            def look() -> dict[str, Any]:
                return self.ask("the state of a transcription job", "GET", f"/v1/jobs/{name}", has="status")

            ended = ("succeeded", "canceled", "failed")
            job = until_done(self.line, POLL_S, job, lambda job: job.get("status") not in ended, look)
        if job["status"] != "succeeded":
            output = job.get("output")
            raise failed_job(self.spec.id, output.get("error") if isinstance(output, dict) else job["status"])
        with self.line.reading("a transcript"):
            said = job["output"]
            text = " ".join(turn["text"].strip() for turn in said["turnLevelTranscription"])
            words = tuple(
                Word(word["text"].strip(), float(word["start"]), float(word["end"]), speaker=word.get("speaker"))
                for word in said["wordLevelTranscription"]
            )
        yield Text(text, words=words)
        yield Facts(request_id=name, connect_s=self.line.connect_s, poll_s=POLL_S, sent=sent)


READ_ON = "2026-11-20"

ENGINES = [
    EngineSpec(
        id="pyannoteai/precision-2",
        task="asr",
        name="pyannoteAI Precision-2 with transcription",
        vendor="pyannoteAI",
        system="pyannoteAI",
        engine=TranscribeJob,
        where="cloud",
        model="precision-2",
        license_code=None,
        license_weights=None,
        languages=("*",),
        summary=(
            "A specialist for who spoke when; the words come from an open model that the vendor chooses. Billed in euros for at "
            "least 20 s; the price with transcription was not found."
        ),
        docs_url="https://docs.pyannote.ai/tutorials/speech-to-text-diarization",
        checked_on=READ_ON,
        honours=("word_times", "speakers"),
        needs=Needs(key="PYANNOTEAI_API_KEY", packages=("httpx",)),
        packages=("httpx",),
        data_use="Uploads are deleted within 24 hours. Training and region: not stated in what was read.",
    ),
]
