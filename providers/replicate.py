"""Replicate: open models on rented GPUs: a description in, music out; a mix in, stems out; sound in, text out.

The SDK asks again up to ten times on its own and cannot be hung up, so only its documented calls are used. A cold model boots
first, which is in the total time but not in the vendor's own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from engine.audio import Audio
from engine.contract import (
    Compose,
    Engine,
    EngineSpec,
    Facts,
    Mark,
    Needs,
    Piece,
    Price,
    Separate,
    Text,
    Transcribe,
    Usage,
)
from providers._outputs import OutputsEngine, failed_output, whole_seconds
from providers._rest import checked_id, until_done

POLL_S = 0.5
LONGEST_S = 300  # the most that can be asked for here; the model's own page states no limit
_UNDER_WAY = ("starting", "processing")


class Predict(OutputsEngine):
    """One prediction: the request itself is held open for up to a minute, then its state is asked for every POLL_S."""

    vendor_url = "https://api.replicate.com"
    hosts = ("replicate.delivery",)

    def upload(self, audio: Audio) -> str:
        """The address under which the vendor's own models find the sound."""
        body = {"content": ("audio.wav", audio.to_wav(), "audio/wav")}
        file = self.ask("an uploaded file", "POST", "/v1/files", has="urls", files=body)
        with self.line.reading("an uploaded file"):
            return self.followed(file["urls"]["get"], "https")

    def predict(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The finished prediction. Raises Refused for one that failed."""
        body = {"version": self.spec.extra["version"], "input": dict(given)}
        job = self.ask("a prediction", "POST", "/v1/predictions", has="status", json=body, headers={"prefer": "wait"})
        with self.line.reading("a prediction"):
            name = checked_id(job["id"])

        def look() -> dict[str, Any]:
            return self.ask("the state of a prediction", "GET", f"/v1/predictions/{name}", has="status")

        job = until_done(self.line, POLL_S, job, lambda job: job["status"] in _UNDER_WAY, look)
        if job["status"] != "succeeded":
            raise failed_output(self.spec.id, job.get("error") or job["status"])
        return job

    def report(self, job: Mapping[str, Any], sent: Mapping[str, Any]) -> Iterator[Piece]:
        """What is billed, where the vendor says it, and the facts."""
        seconds = None
        with self.line.reading("the metrics of a prediction"):
            if (job.get("metrics") or {}).get("predict_time") is not None:
                seconds = float(job["metrics"]["predict_time"])
        if seconds is not None:
            yield Usage({"gpu_seconds": seconds})
        version = self.spec.extra["version"]
        facts = dict(request_id=job.get("id"), server_s=seconds, connect_s=self.line.connect_s, poll_s=POLL_S, model=version)
        yield Facts(**facts, sent={"version": version, **sent})


class Music(Predict):
    def run(self, request: Compose, timeout_s: float) -> Iterator[Piece]:
        sent: dict[str, Any] = {"model_version": "stereo-large", "output_format": "wav"}
        if request.duration_s is not None:
            sent["duration"] = whole_seconds(self.spec.id, request.duration_s, LONGEST_S)
        if request.seed is not None:
            sent["seed"] = request.seed
        with self.line.call(timeout_s):
            job = self.predict({**sent, "prompt": request.prompt})
            yield self.sound("the music", job.get("output"))
        yield from self.report(job, sent)


class Stems(Predict):
    def run(self, request: Separate, timeout_s: float) -> Iterator[Piece]:
        sent: dict[str, Any] = {
            "model": self.spec.extra["variant"],
            "stem": "none",
            "output_format": "wav",
            "clip_mode": "clamp",  # the other mode makes every stem quieter, and they no longer add up to the mix
        }
        with self.line.call(timeout_s):
            address = self.upload(request.audio.stereo().resample(44_100))
            yield Mark("uploaded")
            job = self.predict({**sent, "audio": address})
            with self.line.reading("stems"):
                named = job["output"].items()
            yield from self.stems(named, request.audio.seconds)
        yield from self.report(job, sent)


class Whisper(Predict):
    def run(self, request: Transcribe, timeout_s: float) -> Iterator[Piece]:
        sent: dict[str, Any] = {"transcription": "plain text", "language": request.language or "auto"}
        if request.prompt:
            sent["initial_prompt"] = request.prompt
        with self.line.call(timeout_s):
            address = self.upload(request.audio.mono().resample(16_000))
            yield Mark("uploaded")
            job = self.predict({**sent, "audio": address})
        with self.line.reading("a transcript"):
            said = job["output"]
            yield Text(said["transcription"].strip(), language=said.get("detected_language"))
        yield from self.report(job, sent)


READ_ON = "2026-11-20"


def _gpu_second(usd: float, note: str) -> Price:
    return Price("gpu_seconds", usd, source="https://replicate.com/pricing", checked_on=READ_ON, note=note)


_A100 = _gpu_second(0.0014, "an A100 with 80 GB; which GPU a model runs on stands on its page and was last read as an A100")


def _spec(slug: str, model: str, version: str, task: str, engine: type[Engine], summary: str, **rest: Any) -> EngineSpec:
    return EngineSpec(
        id=f"replicate/{slug}",
        task=task,
        vendor="Replicate",
        engine=engine,
        where="cloud",
        model=model,
        license_code=None,
        summary=summary,
        docs_url=f"https://replicate.com/{model}",
        checked_on=READ_ON,
        needs=Needs(key="REPLICATE_API_TOKEN", packages=("httpx",)),
        packages=("httpx",),
        data_use=(
            "What goes in and comes out is deleted after an hour, an uploaded sound later; until then it lies at addresses that "
            "only their length protects. Training and region: not stated in what was read."
        ),
        extra={"version": version, **rest.pop("extra", {})},
        **rest,
    )


_DEMUCS = "5a7041cc9b82e5a558fea6b3d7b12dea89625e89da33f0447bd727c2d0ab9e77"

ENGINES = [
    _spec(
        "musicgen",
        "meta/musicgen",
        "671ac645ce5e552cc63a54a2bbff63fcf798043055d2dac5fc9e36a837eedcfb",
        "music",
        Music,
        "Meta's open MusicGen, stereo-large, billed by GPU time; a cold model may need minutes to boot.",
        name="MusicGen on Replicate",
        system="MusicGen",
        license_weights="CC-BY-NC-4.0",
        languages=(),
        honours=("duration_s", "seed"),
        prices=(_A100,),
    ),
    *(
        _spec(
            name,
            "ryan5453/demucs",
            _DEMUCS,
            "separation",
            Stems,
            summary,
            name=title,
            system="Demucs",
            license_weights=None,
            languages=(),
            prices=(_A100,),
            extra={"variant": variant},
        )
        for name, title, variant, summary in (
            ("demucs", "Demucs v4 on Replicate", "htdemucs", "Four stems from a maintained fork of Meta's Demucs."),
            ("demucs-ft", "Demucs v4 fine-tuned on Replicate", "htdemucs_ft", "Better stems at four times the GPU time."),
        )
    ),
    _spec(
        "whisper",
        "openai/whisper",
        "8099696689d249cf8b122d833c36ac3f75505c666a395ca40ef26f68e7d3d16e",
        "asr",
        Whisper,
        "OpenAI's open Whisper large-v3 on a small GPU: cheap and slow; no word times.",
        name="Whisper large-v3 on Replicate",
        system="Whisper",
        license_weights="Apache-2.0",
        languages=("*",),
        honours=("language", "prompt"),
        prices=(_gpu_second(0.000225, "a T4, as the model's page said when it was last read"),),
    ),
]
