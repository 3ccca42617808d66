"""Hugging Face: sound in, text or tags out, by the plain protocol of its own inference service: one request, one answer.

The SDK's client has no deadline and looks the model up at the Hub first. A base URL is an Inference Endpoint of one's own: it is
asked as it stands, whatever model it runs.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

from engine.contract import Classify, Engine, EngineSpec, Facts, Needs, Piece, Tag, Text, Transcribe
from providers._rest import HttpRefusal, RestEngine

ROUTER_URL = "https://router.huggingface.co/hf-inference/models"


class Infer(RestEngine):
    def load(self) -> None:
        self.vendor_url = f"{ROUTER_URL}/{self.spec.model}"
        super().load()

    def infer(self, what: str, **body: Any) -> Any:
        """The JSON that answers a request to the model. Raises HttpRefusal for an HTTP error."""
        response = self.http.post(self.url, **body)
        if response.is_error:
            raise HttpRefusal(response.status_code, response.text, response.headers)
        with self.line.reading(what):
            return response.json()

    def facts(self, sent: dict[str, Any]) -> Facts:
        return Facts(request_id=self.line.headers.get("x-request-id"), connect_s=self.line.connect_s, sent=sent)


class Listen(Infer):
    def run(self, request: Transcribe, timeout_s: float) -> Iterator[Piece]:
        wav = request.audio.mono().resample(16_000).to_wav()
        with self.line.call(timeout_s):
            answer = self.infer("a transcript", content=wav, headers={"content-type": "audio/wav"})
            with self.line.reading("a transcript"):
                text = Text(answer["text"].strip())
        yield text
        yield self.facts({"model": self.spec.model})


class Classifier(Infer):
    def run(self, request: Classify, timeout_s: float) -> Iterator[Piece]:
        sent = {} if request.top_k is None else {"top_k": request.top_k}
        wav = request.audio.mono().resample(16_000).to_wav()
        body = {"inputs": base64.b64encode(wav).decode(), "parameters": sent}
        with self.line.call(timeout_s):
            answer = self.infer("tags", json=body)
            with self.line.reading("tags"):
                tags = [Tag(str(tag["label"]), float(tag["score"])) for tag in answer]
        yield from tags
        yield self.facts({"model": self.spec.model, **sent})


READ_ON = "2026-11-20"


def _spec(name: str, model: str, task: str, engine: type[Engine], title: str, summary: str, **rest: Any) -> EngineSpec:
    return EngineSpec(
        id=f"huggingface/{name}",
        task=task,
        name=f"{title} on Hugging Face",
        vendor="Hugging Face",
        engine=engine,
        where="cloud",
        model=model,
        license_code=None,
        summary=summary,
        docs_url="https://huggingface.co/docs/inference-providers/providers/hf-inference",
        checked_on=READ_ON,
        needs=Needs(key="HF_TOKEN", packages=("httpx",)),
        packages=("httpx",),
        data_use="Training, retention and region: not stated in what was read.",
        **rest,
    )


_COST = "free credits of 0.10 $ a month, then by compute time at a rate that was not found"

ENGINES = [
    *(
        _spec(
            name,
            f"openai/{name}",
            "asr",
            Listen,
            title,
            f"{what}; text alone, without word times; {_COST}.",
            system="Whisper",
            license_weights=license_weights,
            languages=("*",),
        )
        for name, title, license_weights, what in (
            ("whisper-large-v3-turbo", "Whisper large-v3 turbo", "MIT", "OpenAI's faster open Whisper"),
            ("whisper-large-v3", "Whisper large-v3", "Apache-2.0", "OpenAI's open Whisper; hosted or not was not verified"),
        )
    ),
    _spec(
        "ast-audioset",
        "MIT/ast-finetuned-audioset-10-10-0.4593",
        "tagging",
        Classifier,
        "AST on AudioSet",
        f"The 527 sounds of AudioSet; whether the service hosts it at the moment was not verified; {_COST}.",
        system="AST",
        license_weights="BSD-3-Clause",
        languages=(),
        honours=("top_k",),
    ),
]
