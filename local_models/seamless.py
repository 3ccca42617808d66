"""Speech to text and text to speech with Meta's SeamlessM4T v2, a translator that is told to stay within one language.

It writes before it speaks: what is heard are the words that it wrote, and where they differ from the text it says so.
"""

from __future__ import annotations

import dataclasses
import unicodedata
from collections.abc import Mapping
from typing import Any

import numpy as np

from engine.contract import Download, EngineSpec, Limits, Needs, Synthesize, Text, Transcribe, Unsupported
from local_models._own import own_spec
from local_models._speech import SpeechEngine, chosen_voice, some
from local_models._speech import language_code as bare
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
    "vi": "vie", "yo": "yor", "yue": "yue", "ms": "zlm", "zu": "zul",
}  # fmt: skip
"""Codes as people write them, to the model's own, which has Malay as zlm (transformers' conversion script, 2026-11-29)."""
SPOKEN = (
    "arb", "ben", "cat", "ces", "cmn", "cym", "dan", "deu", "eng", "est", "fin", "fra", "hin", "ind", "ita", "jpn", "kor", "mlt",
    "nld", "pes", "pol", "por", "ron", "rus", "slk", "spa", "swe", "swh", "tel", "tgl", "tha", "tur", "ukr", "urd", "uzn", "vie",
)  # fmt: skip
"""Languages of the published vocoder, in its order (transformers' conversion script, 2026-11-29)."""
VOICES = tuple(f"speaker-{number}" for number in range(200))
"""Of the published vocoder (vocoder_num_spkrs in transformers' configuration); a person's own checkpoint may have fewer."""

MOST_TOKENS = 256
"""Of one passage, as in the published configuration: a writer that does not end is cut there."""


def _own_code(language: str | None) -> str:
    return LANGUAGES.get(bare(language), bare(language))


class SeamlessTranscription(Transcriber):
    model_class, processor_class = "SeamlessM4Tv2ForSpeechToText", "SeamlessM4TProcessor"
    half = "float16"
    window_s = 30.0
    """Trained on sentences: longer parts lose words."""

    def settings(self, request: Transcribe) -> dict[str, Any]:
        """The spoken language, which it must be told: it would else not know which language to write."""
        code = _own_code(request.language)
        if not code:
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


class _Silent(Exception):
    """Raised inside generate() when the model writes no word, of which its next part cannot make units."""


class SeamlessSpeech(SpeechEngine):
    longest = 200
    """Characters: trained on sentences."""

    def load(self) -> None:
        from transformers import SeamlessM4TTokenizer, SeamlessM4Tv2ForTextToSpeech

        self.place()
        self.model = self.pretrained(SeamlessM4Tv2ForTextToSpeech)
        self.tokenizer = self.pretrained(SeamlessM4TTokenizer, weights_too=False)
        self.rate = self.model.config.sampling_rate
        self.voices = VOICES[: self.model.config.vocoder_num_spkrs]

    def settings(self, request: Synthesize) -> dict[str, Any]:
        """Language and voice. It must be told the language: a translator would else speak another than the text's."""
        self.rewritten: list[str] = []
        code, spoken = _own_code(request.language), self.model.generation_config.vocoder_lang_code_to_id
        if not code:
            raise Unsupported(f"{self.spec.id} must be told the language of the text")
        if code not in spoken:
            raise Unsupported(f"{self.spec.id} does not speak {request.language!r}; it speaks {some(spoken)}")
        return {"do_sample": False, "language": code, "voice": chosen_voice(self.spec, request.voice, self.voices)}

    def speak(self, passage: str, request: Synthesize, settings: Mapping[str, Any]) -> Any:
        from transformers import StoppingCriteriaList

        if not _letters(passage):
            return None
        text = self.tokenizer(passage, src_lang=settings["language"], return_tensors="pt").to(self.device)
        try:
            said = self.model.generate(
                **text, tgt_lang=settings["language"], speaker_id=self.voices.index(settings["voice"]),
                return_intermediate_token_ids=True, text_do_sample=False, text_max_new_tokens=MOST_TOKENS,
                text_stopping_criteria=StoppingCriteriaList([self._says_something]),
            )  # fmt: skip
        except _Silent:
            self.rewritten.append("(silence)")
            return None
        wrote = self.tokenizer.decode(said.sequences[0], skip_special_tokens=True).strip()
        if _letters(wrote) != _letters(passage):
            self.rewritten.append(wrote)
        return said.waveform[0, : said.waveform_lengths]

    def _says_something(self, ids: Any, scores: Any, **_: Any) -> Any:
        """Never stops generate(); raises _Silent when the first token after start and language is the end."""
        if ids.shape[1] == 3 and ids[0, 2] == self.model.generation_config.eos_token_id:
            raise _Silent
        return ids.new_zeros(len(ids), dtype=bool)

    def left_out(self, text: str) -> str | None:
        said = " … ".join(self.rewritten)
        return f"It spoke other words than the text has: {said[:300]}{'…' * (len(said) > 300)}" if said else None


def _letters(text: str) -> list[str]:
    return [letter for letter in unicodedata.normalize("NFKC", text).casefold() if letter.isalnum()]


def _spec(variant: str, task: str, **own: Any) -> EngineSpec:
    parameters = own.pop("parameters")
    return EngineSpec(
        id=f"seamless/m4t-v2-large{variant}",
        task=task,
        vendor="Meta (open weights)",
        system="SeamlessM4T v2",
        where="local",
        model="facebook/seamless-m4t-v2-large",
        license_code="Apache-2.0 (transformers)",
        license_weights="CC-BY-NC-4.0 (no commercial use)",
        docs_url="https://huggingface.co/facebook/seamless-m4t-v2-large",
        requires=("language",),
        needs=Needs(
            packages=("torch", "transformers"),
            downloads=(Download("facebook/seamless-m4t-v2-large"),),
            download_gb=9.3,
            memory_gb=memory_gb(parameters),
            gpu_memory_gb=memory_gb(parameters, "float16"),
        ),
        parameters=2.3e9,
        tier="2",
        packages=("transformers", "torch", "tokenizers", "sentencepiece"),
        devices=("cuda", "mps", "cpu"),
        streams=True,
        consent="The weights may not be used commercially (CC-BY-NC-4.0).",
        **own,
    )


ENGINES = [
    _spec(
        "", "asr", name="SeamlessM4T v2 large", engine=SeamlessTranscription, parameters=1.5e9, languages=tuple(LANGUAGES),
        summary="Speech translator used as a recogniser of about 100 languages, in parts of 30 s; needs the language.",
        honours=("language",), checked_on="2026-11-20",
    ),
    _spec(
        "-tts", "tts", name="SeamlessM4T v2 large, speech", engine=SeamlessSpeech, parameters=1.67e9,
        languages=tuple(code for code, own in LANGUAGES.items() if own in SPOKEN),
        summary="Speech translator that reads 36 languages aloud, at 16 kHz; needs the language, and may say it in other words.",
        honours=("language", "voice"), voices=VOICES, default_voice=VOICES[0], limits=Limits(characters=50_000),
        checked_on="2026-11-29",
    ),
]  # fmt: skip

OWN_VARIANTS = {"": "writes down what is said", "tts": "speaks"}


def own(source: str, variant: str = "") -> EngineSpec:
    return dataclasses.replace(own_spec(ENGINES[bool(variant)], source, variant=variant), voices=(), default_voice=None)
