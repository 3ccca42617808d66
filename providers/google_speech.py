"""Google Cloud Speech-to-Text v2: up to a minute of sound in, text out.

The SDK's REST transport takes proxies and credential files from the environment, so its documented REST is called directly.
GOOGLE_SPEECH_API_KEY holds what a person can paste: an OAuth access token ("ya29...", from `gcloud auth print-access-token`), or
an API key, though no page read says that version 2 takes those. A path to a credentials file is not read: whoever may set a key
could name any file.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from engine.contract import BadResponse, EngineSpec, Facts, Limits, Needs, NotReady, Piece, Price, Text, Transcribe, Usage, Word
from providers._google import refused, retry_after_s, seconds
from providers._locales import locale_of
from providers._openai_shape import terms_of
from providers._rest import HttpRefusal, RestEngine


class Recognize(RestEngine):
    """One request to the project's implicit recognizer. `spec.extra["location"]`: where the model lives unless told otherwise."""

    def load(self) -> None:
        if not self.base_url:
            project, location = os.environ.get("GOOGLE_CLOUD_PROJECT"), self.spec.extra["location"]
            if not project:
                raise NotReady(
                    f"{self.spec.id} needs a project: set GOOGLE_CLOUD_PROJECT, or GOOGLE_SPEECH_BASE_URL to "
                    f"https://{location}-speech.googleapis.com/v2/projects/<project>/locations/{location}"
                )
            self.base_url = f"https://{location}-speech.googleapis.com/v2/projects/{project}/locations/{location}"
        super().load()

    def key_headers(self) -> dict[str, str]:
        if self.key.startswith("ya29."):
            return {"authorization": f"Bearer {self.key}"}
        return {"x-goog-api-key": self.key}

    def run(self, request: Transcribe, timeout_s: float) -> Iterator[Piece]:
        features: dict[str, Any] = {"enableAutomaticPunctuation": True}
        if request.word_times:
            features["enableWordTimeOffsets"] = True
        if request.speakers:
            features["diarizationConfig"] = {}
        config: dict[str, Any] = {
            "autoDecodingConfig": {},
            "model": self.spec.model,
            "languageCodes": [locale_of(request.language) if request.language else "auto"],
            "features": features,
        }
        if request.prompt:
            phrases = [{"value": term} for term in terms_of(request.prompt)]
            config["adaptation"] = {"phraseSets": [{"inlinePhraseSet": {"phrases": phrases}}]}
        wav = base64.b64encode(request.audio.mono().resample(16_000).to_wav()).decode()
        with self.line.call(timeout_s):
            answer = self._ask({"config": config, "content": wav})
            with self.line.reading("a transcript"):
                if "metadata" not in answer:  # silence has no results, but a bill all the same
                    raise BadResponse(f"{self.spec.id} answered with something that is not a transcript")
                results, about = answer.get("results") or [], answer["metadata"]
                text, billed = self._text(results), about.get("totalBilledDuration")
                usage = None if billed is None else Usage({"input_audio_seconds": seconds(billed)})
        yield text
        if usage:
            yield usage
        yield Facts(request_id=about.get("requestId"), connect_s=self.line.connect_s, sent=config)

    def _ask(self, body: Mapping[str, Any]) -> dict[str, Any]:
        try:
            return self.ask("a transcript", "POST", "/recognizers/_:recognize", json=body)
        except HttpRefusal as refusal:
            if better := refused(self.spec.id, refusal.body):
                raise better from refusal
            refusal.retry_after_s = retry_after_s(refusal.body)  # type: ignore[attr-defined]
            raise

    def _text(self, results: Iterable[Mapping[str, Any]]) -> Text:
        best = [result["alternatives"][0] for result in results if result.get("alternatives")]
        words = tuple(
            Word(word["word"], seconds(word.get("startOffset")), seconds(word["endOffset"]), speaker=word.get("speakerLabel"))
            for alternative in best
            for word in alternative.get("words") or ()
            if "endOffset" in word
        )
        language = next((result["languageCode"] for result in results if result.get("languageCode")), None)
        return Text(" ".join(alternative.get("transcript", "").strip() for alternative in best), words=words, language=language)


READ_ON = "2026-11-20"
_COMMON = dict(
    task="asr",
    vendor="Google",
    engine=Recognize,
    where="cloud",
    license_code=None,
    license_weights=None,
    languages=("*",),
    checked_on=READ_ON,
    prices=(
        Price(
            "input_audio_seconds",
            0.016,
            per=60.0,
            increment=1.0,
            source="https://cloud.google.com/speech-to-text/pricing",
            checked_on="2026-08-01",
            note="per channel (one is sent), in whole seconds; the dynamic batch rate of 0.003 is for files in a bucket",
        ),
    ),
    limits=Limits(audio_seconds=60.0, file_bytes=10_000_000),
    needs=Needs(key="GOOGLE_SPEECH_API_KEY", packages=("httpx",)),
    data_use="Version 2 logs no data (the cheaper price with logging exists in version 1 only); region: the one in the address.",
)

ENGINES = [
    EngineSpec(
        id="google_speech/chirp_3",
        name="Google Chirp 3",
        system="Google Cloud STT",
        model="chirp_3",
        summary="Transcribes up to a minute, with speakers; needs a Google Cloud project (API keys: not verified).",
        docs_url="https://docs.cloud.google.com/speech-to-text/docs/models/chirp-3",
        honours=("language", "prompt", "speakers"),
        extra={"location": "us"},
        **_COMMON,
    ),
    EngineSpec(
        id="google_speech/chirp_2",
        name="Google Chirp 2",
        system="Google Cloud STT",
        model="chirp_2",
        summary="Transcribes up to a minute, with word times; needs a Google Cloud project (API keys: not verified).",
        docs_url="https://cloud.google.com/speech-to-text/v2/docs/chirp_2-model",
        honours=("language", "prompt", "word_times"),
        extra={"location": "us-central1"},
        **_COMMON,
    ),
]
