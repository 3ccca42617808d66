"""Mistral's Voxtral: speech to text, and answers to questions about a sound; Voxtral Realtime writes as it hears."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np

from engine.audio import Audio
from engine.contract import Download, EngineSpec, Limits, Needs, Text, Transcribe, Unsupported
from local_models._chat import ChatEngine, model_type_of
from local_models._own import own_spec
from local_models._torch import memory_gb
from local_models._transcriber import Transcriber

FILES = ("*.json", "model*.safetensors")
"""The repositories hold the same weights a second time in Mistral's own layout."""


class VoxtralChat(ChatEngine):
    model_class, processor_class = "VoxtralForConditionalGeneration", "VoxtralProcessor"

    def question(self, words: str) -> str:
        """As it is: this tokenizer never reads control tokens out of a person's words."""
        return words.encode("utf-8", "replace").decode()

    def inputs(self, samples: np.ndarray, question: str) -> Any:
        sound = base64.b64encode(Audio(samples, self.rate).to_wav(floats=True)).decode()
        content = [{"type": "audio", "base64": sound}, {"type": "text", "text": question}]
        return self.processor.apply_chat_template([{"role": "user", "content": content}]).to(self.device, self.model.dtype)


class VoxtralTranscription(Transcriber):
    model_class, processor_class = "VoxtralForConditionalGeneration", "VoxtralProcessor"
    window_s = 600.0

    def settings(self, request: Transcribe) -> dict[str, Any]:
        if not request.language:
            return {}
        code = request.language.strip().lower().replace("_", "-").partition("-")[0]
        if code not in self.spec.extra["languages"]:
            raise Unsupported(f"{self.spec.id} does not know the language {request.language!r}")
        return {"language": code}

    def inputs(self, samples: np.ndarray, asked: dict[str, Any]) -> Any:
        return self.processor.apply_transcription_request(
            [samples], model_id=self.spec.model, sampling_rate=self.rate, format=["WAV"], **asked
        ).to(self.device, self.model.dtype)

    def text_of(self, ids: list[int], asked: dict[str, Any]) -> Text:
        return Text(super().text_of(ids, asked).text, language=asked.get("language"))


class VoxtralRealtime(Transcriber):
    """One token for every 80 ms of sound, most of them silence: the model stops with the sound."""

    model_class, processor_class = "VoxtralRealtimeForConditionalGeneration", "VoxtralRealtimeProcessor"
    window_s = 600.0

    def inputs(self, samples: np.ndarray, asked: dict[str, Any]) -> Any:
        return self.processor(samples, return_tensors="pt").to(self.device, self.model.dtype)

    def most_tokens(self, seconds: float) -> None:
        return None


LANGUAGES = ("en", "es", "fr", "pt", "hi", "de", "nl", "it")
REALTIME_LANGUAGES = ("ar", "de", "en", "es", "fr", "hi", "it", "ja", "ko", "nl", "pt", "ru", "zh")


def _spec(suffix: str, name: str, source: str, parameters: float, download_gb: float, **facts: Any) -> EngineSpec:
    return EngineSpec(**{
        "id": f"voxtral/{suffix}",
        "task": "asr",
        "name": name,
        "vendor": "Mistral AI (open weights)",
        "system": name.removesuffix(" chat"),
        "engine": VoxtralTranscription,
        "where": "local",
        "model": source,
        "license_code": "Apache-2.0 (transformers)",
        "license_weights": "Apache-2.0",
        "languages": LANGUAGES,
        "summary": "Language model that transcribes, in windows of 10 minutes; greedy. No word times.",
        "docs_url": f"https://huggingface.co/{source}",
        "checked_on": "2026-11-20",
        "honours": ("language",),
        "needs": Needs(
            packages=("torch", "transformers", "mistral_common"),
            downloads=(Download(source, FILES),),
            download_gb=download_gb,
            memory_gb=memory_gb(parameters),
            gpu_memory_gb=memory_gb(parameters, "bfloat16"),
        ),
        "parameters": parameters,
        "tier": "2",
        "packages": ("transformers", "torch", "mistral-common"),
        "devices": ("cuda", "mps", "cpu"),
        "streams": True,
        "extra": {"languages": LANGUAGES},
    } | facts)  # fmt: skip


_CHAT = {
    "task": "audio_lm",
    "engine": VoxtralChat,
    "summary": "Answers questions about speech and sound of up to 40 minutes; greedy decoding.",
    "honours": ("prompt",),
    "limits": Limits(audio_seconds=2400),
}
_MINI, _SMALL = "mistralai/Voxtral-Mini-3B-2507", "mistralai/Voxtral-Small-24B-2507"
_REALTIME = "mistralai/Voxtral-Mini-4B-Realtime-2602"

ENGINES = [
    _spec("mini-3b", "Voxtral Mini 3B", _MINI, 4.7e9, 9.4),
    _spec("small-24b", "Voxtral Small 24B", _SMALL, 24.3e9, 48.6),
    _spec(
        "mini-4b-realtime", "Voxtral Mini 4B Realtime", _REALTIME, 4.4e9, 8.9,
        engine=VoxtralRealtime, languages=REALTIME_LANGUAGES, tier="1", honours=(),
        summary="Recogniser that writes 0.5 s behind the sound; here it gets the sound whole. Finds the language itself.",
    ),
    _spec("mini-3b-chat", "Voxtral Mini 3B chat", _MINI, 4.7e9, 9.4, **_CHAT),
    _spec("small-24b-chat", "Voxtral Small 24B chat", _SMALL, 24.3e9, 48.6, **_CHAT),
]  # fmt: skip


OWN_VARIANTS = {"": "writes down what is said", "chat": "answers questions about the sound"}


def own(source: str, variant: str = "") -> EngineSpec:
    """A checkpoint of Voxtral or, where its config.json says so, of Voxtral Realtime, which only transcribes."""
    realtime = model_type_of(source) == "voxtral_realtime"
    return own_spec(ENGINES[3 if variant else 2 if realtime else 0], source, files=FILES, variant=variant)
