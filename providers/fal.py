"""fal: open models behind a queue: sound in, text out; text in, speech out; a description in, music out; a mix in, stems out.

The SDK takes https addresses only and cannot be hung up, so only the documented queue calls are used.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from typing import Any

from engine.audio import Audio
from engine.contract import (
    Compose,
    Engine,
    EngineSpec,
    Facts,
    Needs,
    Piece,
    Price,
    Separate,
    Synthesize,
    Text,
    Transcribe,
    Word,
)
from providers._http import Refused
from providers._outputs import OutputsEngine, failed_output, whole_seconds
from providers._rest import HttpRefusal, checked_id, until_done

POLL_S = 0.25
LONGEST_S = 190
KEEP_S = 3_600
_UNDER_WAY = ("IN_QUEUE", "IN_PROGRESS")
_STEMS = ("vocals", "drums", "bass", "other")


def _data_uri(audio: Audio) -> str:
    return f"data:audio/wav;base64,{base64.b64encode(audio.to_wav()).decode()}"


class Queued(OutputsEngine):
    vendor_url = "https://queue.fal.run"
    hosts = ("fal.media",)

    def key_headers(self) -> dict[str, str]:
        return {
            "authorization": f"Key {self.key}",
            "x-fal-no-retry": "1",  # the queue would run a failed request again, up to ten times
            "x-fal-object-lifecycle-preference": json.dumps({"expiration_duration_seconds": KEEP_S}),
        }

    def ask(self, *of: Any, **how: Any) -> dict[str, Any]:
        try:
            return super().ask(*of, **how)
        except HttpRefusal as refusal:
            if refusal.status_code == 403 and "exhausted balance" in refusal.body.lower():  # the key is fine
                raise Refused(f"{self.spec.id}: the account's balance is exhausted", "quota") from refusal
            raise

    def result(self, given: Mapping[str, Any]) -> tuple[dict[str, Any], str, float | None]:
        """What the model answered, the request's id, and the seconds that the model computed."""
        job = self.ask("a queued request", "POST", f"/{self.spec.model}", has="request_id", json=dict(given))
        with self.line.reading("a queued request"):
            name = checked_id(job["request_id"])
        # of the model's path only owner and app stand in the addresses of its requests
        place = "/".join(["", *self.spec.model.split("/")[:2], "requests", name])

        def look() -> dict[str, Any]:
            return self.ask("the state of a request", "GET", f"{place}/status", has="status")

        state = until_done(self.line, POLL_S, job, lambda job: job.get("status", "IN_QUEUE") in _UNDER_WAY, look)
        if state["status"] != "COMPLETED" or state.get("error"):
            raise failed_output(self.spec.id, state.get("error") or state["status"])
        answer = self.ask("the result of a request", "GET", place)
        with self.line.reading("the state of a request"):
            seconds = (state.get("metrics") or {}).get("inference_time")
            return answer, name, None if seconds is None else float(seconds)

    def facts(self, name: str, server_s: float | None, sent: Mapping[str, Any]) -> Facts:
        return Facts(request_id=name, server_s=server_s, connect_s=self.line.connect_s, poll_s=POLL_S, sent=dict(sent))


class Listen(Queued):
    def run(self, request: Transcribe, timeout_s: float) -> Iterator[Piece]:
        by_word = request.word_times or request.speakers
        sent: dict[str, Any] = {"task": "transcribe", "chunk_level": "word" if by_word else "segment"}
        if request.language:
            sent["language"] = request.language
        if request.prompt:
            sent["prompt"] = request.prompt
        if request.speakers:
            sent["diarize"] = True
        uri = _data_uri(request.audio.mono().resample(16_000))
        with self.line.call(timeout_s):
            answer, name, server_s = self.result({**sent, "audio_url": uri})
        with self.line.reading("a transcript"):
            chunks = answer.get("chunks") if by_word else None
            words = tuple(
                Word(chunk["text"].strip(), float(start), float(end), speaker=chunk.get("speaker"))
                for chunk in chunks or ()
                for start, end in [chunk["timestamp"]]
                if start is not None and end is not None  # the last word of a cut sound has no end
            )
            language = next(iter(answer.get("inferred_languages") or ()), None)
            yield Text(answer["text"].strip(), words=words, language=language)
        yield self.facts(name, server_s, sent)


class Speak(Queued):
    def run(self, request: Synthesize, timeout_s: float) -> Iterator[Piece]:
        sent: dict[str, Any] = {"voice": request.voice or self.spec.default_voice}
        if request.speed is not None:
            sent["speed"] = request.speed
        with self.line.call(timeout_s):
            answer, name, server_s = self.result({**sent, "prompt": request.text})
            with self.line.reading("speech"):
                url = answer["audio"]["url"]
            yield self.sound("the speech", url)
        yield self.facts(name, server_s, sent)


class Music(Queued):
    def run(self, request: Compose, timeout_s: float) -> Iterator[Piece]:
        sent: dict[str, Any] = {}
        if request.duration_s is not None:
            sent["seconds_total"] = whole_seconds(self.spec.id, request.duration_s, LONGEST_S)
        if request.seed is not None:
            sent["seed"] = request.seed
        with self.line.call(timeout_s):
            answer, name, server_s = self.result({**sent, "prompt": request.prompt})
            with self.line.reading("music"):
                url = answer["audio"]["url"]
            yield self.sound("the music", url)
        yield self.facts(name, server_s, sent)


class Stems(Queued):
    def run(self, request: Separate, timeout_s: float) -> Iterator[Piece]:
        sent = {"model": self.spec.extra["variant"], "stems": list(_STEMS), "output_format": "wav"}
        uri = _data_uri(request.audio.stereo().resample(44_100))
        with self.line.call(timeout_s):
            answer, name, server_s = self.result({**sent, "audio_url": uri})
            with self.line.reading("stems"):
                named = [(stem, answer[stem]["url"]) for stem in _STEMS if answer.get(stem) is not None]
            yield from self.stems(named, request.audio.seconds)
        yield self.facts(name, server_s, sent)


READ_ON = "2026-11-20"
_VOICES = (
    *("af_heart", "af_alloy", "af_aoede", "af_bella", "af_jessica", "af_kore", "af_nicole", "af_nova", "af_river", "af_sarah"),
    *("af_sky", "am_adam", "am_echo", "am_eric", "am_fenrir", "am_liam", "am_michael", "am_onyx", "am_puck", "am_santa"),
)


def _spec(name: str, model: str, task: str, engine: type[Engine], title: str, summary: str, **rest: Any) -> EngineSpec:
    price, license_weights = rest.pop("price", None), rest.pop("license_weights", None)
    docs_url = f"https://fal.ai/models/{model}/api"
    prices = () if price is None else (Price(*price, source=f"https://fal.ai/models/{model}/llms.txt", checked_on=READ_ON),)
    return EngineSpec(
        id=f"fal/{name}",
        task=task,
        name=f"{title} on fal",
        vendor="fal",
        engine=engine,
        where="cloud",
        model=model,
        license_code=None,
        license_weights=license_weights,
        summary=summary,
        docs_url=docs_url,
        checked_on=READ_ON,
        prices=prices,
        needs=Needs(key="FAL_KEY", packages=("httpx",)),
        packages=("httpx",),
        data_use=(
            "We have generated files deleted after an hour; until then they lie at public addresses. Requests are kept in the "
            "account's history. Training and region: not stated in what was read."
        ),
        concurrency=2,
        **rest,
    )


ENGINES = [
    _spec(
        "whisper",
        "fal-ai/whisper",
        "asr",
        Listen,
        "Whisper large-v3",
        "OpenAI's open Whisper with word times and speakers, billed by compute time at a rate that was not found.",
        system="Whisper",
        license_weights="Apache-2.0",
        languages=("*",),
        honours=("language", "prompt", "word_times", "speakers"),
    ),
    _spec(
        "kokoro",
        "fal-ai/kokoro/american-english",
        "tts",
        Speak,
        "Kokoro",
        "The small open Kokoro-82M with its American voices.",
        system="Kokoro",
        license_weights="Apache-2.0",
        languages=("en",),
        honours=("voice", "speed"),
        price=("input_characters", 0.02, 1_000.0),
        voices=_VOICES,
        default_voice="af_heart",
    ),
    _spec(
        "stable-audio-2.5",
        "fal-ai/stable-audio-25/text-to-audio",
        "music",
        Music,
        "Stable Audio 2.5",
        "Stability's Stable Audio 2.5 for those who have a key of fal and none of Stability.",
        system="Stable Audio 2.5",
        languages=(),
        honours=("duration_s", "seed"),
        price=("requests", 0.20),
    ),
    *(
        _spec(
            name,
            "fal-ai/demucs",
            "separation",
            Stems,
            title,
            summary,
            system="Demucs",
            languages=(),
            price=("input_audio_seconds", 0.0007),
            extra={"variant": variant},
        )
        for name, title, variant, summary in (
            ("demucs", "Demucs v4", "htdemucs", "Four stems by Meta's open Demucs."),
            ("demucs-ft", "Demucs v4 fine-tuned", "htdemucs_ft", "Better stems than plain Demucs, in more time."),
        )
    ),
]
