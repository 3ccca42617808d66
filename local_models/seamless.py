"""Speech to text with Meta's SeamlessM4T v2, a translator that writes the spoken language where that is the one asked for."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.contract import Download, EngineSpec, Needs, Text, Transcribe, Unsupported
from local_models._own import own_spec
from local_models._torch import memory_gb
from local_models._transcriber import Transcriber

LANGUAGES = {
    "af": "afr", "am": "amh", "ar": "arb", "as": "asm", "az": "azj", "be": "bel", "bn": "ben", "bs": "bos", "bg": "bul",
    "ca": "cat", "ceb": "ceb", "cs": "ces", "ckb": "ckb", "zh": "cmn", "cy": "cym", "da": "dan", "de": "deu", "el": "ell",
    "en": "eng", "et": "est", "eu": "eus", "fi": "fin", "fr": "fra", "ga": "gle", "gl": "glg", "gu": "guj", "he": "heb",
    "hi": "hin", "hr": "hrv", "hu": "hun", "hy": "hye", "ig": "ibo", "id": "ind", "is": "isl", "it": "ita", "jv": "jav",
    "ja": "jpn", "kn": "kan", "ka": "kat", "kk": "kaz", "mn": "khk", "km": "khm", "ky": "kir", "ko": "kor", "lo": "lao",
    "lt": "lit", "lg": "lug", "luo": "luo", "lv": "lvs", "mai": "mai", "ml": "mal", "mr": "mar", "mk": "mkd", "mt": "mlt",
    "mni": "mni", "my": "mya", "nl": "nld", "nn": "nno", "no": "nob", "nb": "nob", "ne": "npi", "ny": "nya", "or": "ory",
    "pa": "pan", "ps": "pbt", "fa": "pes", "pl": "pol", "pt": "por", "ro": "ron", "ru": "rus", "sat": "sat", "sk": "slk",
    "sl": "slv", "sn": "sna", "sd": "snd", "so": "som", "es": "spa", "sr": "srp", "sv": "swe", "sw": "swh", "ta": "tam",
    "te": "tel", "tg": "tgk", "fil": "tgl", "tl": "tgl", "th": "tha", "tr": "tur", "uk": "ukr", "ur": "urd", "uz": "uzn",
    "vi": "vie", "yo": "yor", "yue": "yue", "ms": "zsm", "zu": "zul",
}  # fmt: skip
"""Codes as people write them, to the model's own."""


class SeamlessTranscription(Transcriber):
    model_class, processor_class = "SeamlessM4Tv2ForSpeechToText", "SeamlessM4TProcessor"
    half = "float16"
    window_s = 30.0
    """Trained on sentences: longer parts lose words."""

    def settings(self, request: Transcribe) -> dict[str, Any]:
        """The spoken language, which it must be told: it would else not know which language to write."""
        asked = (request.language or "").strip().lower().replace("_", "-").partition("-")[0]
        code = LANGUAGES.get(asked, asked)
        if not asked:
            raise Unsupported(f"{self.spec.id} must be told the language that is spoken")
        if code not in self.model.generation_config.text_decoder_lang_to_code_id:
            raise Unsupported(f"{self.spec.id} does not know the language {request.language!r}")
        return {"language": code}

    def inputs(self, samples: np.ndarray, asked: dict[str, Any]) -> Any:
        made = self.processor(audio=samples, sampling_rate=self.rate, return_tensors="pt").to(self.device, self.model.dtype)
        return {**made, "tgt_lang": asked.get("language", "eng")}

    def most_tokens(self, seconds: float) -> int:
        return min(super().most_tokens(seconds), 250)

    def text_of(self, ids: list[int], asked: dict[str, Any]) -> Text:
        spoken = next((code for code, own in LANGUAGES.items() if own == asked["language"]), asked["language"])
        return Text(super().text_of(ids, asked).text, language=spoken)


ENGINES = [
    EngineSpec(
        id="seamless/m4t-v2-large",
        task="asr",
        name="SeamlessM4T v2 large",
        vendor="Meta (open weights)",
        system="SeamlessM4T v2",
        engine=SeamlessTranscription,
        where="local",
        model="facebook/seamless-m4t-v2-large",
        license_code="Apache-2.0 (transformers)",
        license_weights="CC-BY-NC-4.0 (no commercial use)",
        languages=tuple(LANGUAGES),
        summary="Speech translator used as a recogniser of about 100 languages, in parts of 30 s; needs the language.",
        docs_url="https://huggingface.co/facebook/seamless-m4t-v2-large",
        checked_on="2026-11-20",
        honours=("language",),
        requires=("language",),
        needs=Needs(
            packages=("torch", "transformers"),
            downloads=(Download("facebook/seamless-m4t-v2-large"),),
            download_gb=9.3,
            memory_gb=memory_gb(1.5e9),
            gpu_memory_gb=memory_gb(1.5e9, "float16"),
        ),
        parameters=2.3e9,
        tier="2",
        packages=("transformers", "torch", "tokenizers", "sentencepiece"),
        devices=("cuda", "mps", "cpu"),
        streams=True,
        consent="The weights may not be used commercially (CC-BY-NC-4.0).",
    )
]


def own(source: str) -> EngineSpec:
    return own_spec(ENGINES[0], source)
