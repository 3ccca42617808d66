# /// script
# requires-python = ">=3.11,<3.13"
# dependencies = [
#   "numpy==2.3.5",
#   "qwen-tts==0.1.1",
#   "soxr==1.1.0",
#   "torch==2.11.0",
#   "torchaudio==2.11.0",
#   "transformers==4.57.3",
# ]
# ///
"""Text to speech with Qwen3-TTS in its authors' package: given voices, voices described in words, or a reference; 24 kHz mono.

In an environment of its own: the package pins an older Transformers and Gradio than the app's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine import weights
from engine.contract import Download, EngineSpec, Limits, Needs, NotReady, Synthesize, Unsupported
from local_models._own import own_spec
from local_models._speech import CONSENT, CloningEngine, chosen_voice, language_code
from local_models._torch import memory_gb

LANGUAGES = {
    "zh": "chinese", "en": "english", "ja": "japanese", "ko": "korean", "de": "german", "fr": "french", "ru": "russian",
    "pt": "portuguese", "es": "spanish", "it": "italian",
}  # fmt: skip
KINDS = {"base": "reference", "custom_voice": "voice", "voice_design": "instructions"}
"""What a checkpoint calls itself, to the setting that says who speaks."""
VOICES = ("Vivian", "Serena", "Uncle_Fu", "Dylan", "Eric", "Ryan", "Aiden", "Ono_Anna", "Sohee")
FRAMES_PER_S = 12.5
PARAMETERS = {"0.6B": 0.9e9, "1.7B": 1.9e9}
"""More than the size in the name: the table of texts alone holds 317 million. The sum over the shapes of qwen-tts 0.1.1's network
with the layers of Qwen3 0.6B and 1.7B (2026-11-29), without the codec."""


class QwenTTS(CloningEngine):
    half = "bfloat16"
    rate = 24_000
    longest = 300

    def load(self) -> None:
        import torch
        from qwen_tts import Qwen3TTSModel

        self.place()
        try:
            self.library = Qwen3TTSModel.from_pretrained(
                str(weights.needed(self.spec)), dtype=getattr(torch, self.dtype), device_map=self.device, use_safetensors=True
            )
        except OSError as error:
            line = next(iter(str(error).splitlines()), "")
            raise NotReady(f"{self.spec.id}: {self.spec.model!r} is not whole ({line[:160]})") from error
        self.kind = self.library.model.tts_model_type
        self.voices = [voice for voice in VOICES if voice.lower() in (self.library.get_supported_speakers() or ())]
        self.voices += [each for each in self.library.get_supported_speakers() or () if each not in map(str.lower, VOICES)]

    def settings(self, request: Synthesize) -> dict[str, Any]:
        self._refuse(request)
        sent: dict[str, Any] = {"language": self._language(request.language)}
        if self.kind == "base":
            sent |= super().settings(request)
            samples, words = self.heard
            self.prompt = self.library.create_voice_clone_prompt(
                (samples, self.rate), ref_text=words or None, x_vector_only_mode=not words
            )
        elif self.kind == "custom_voice":
            sent["voice"] = chosen_voice(self.spec, request.voice, self.voices)
        return sent | ({"instructions": request.instructions} if request.instructions else {})

    def _refuse(self, request: Synthesize) -> None:
        """Raises Unsupported for a setting that this kind of checkpoint ignores, or for the one that it cannot do without."""
        who = KINDS[self.kind]
        takes = {who} | ({"reference_text"} if who == "reference" else set())
        if who == "voice" and self.library.model.tts_model_size != "0b6":
            takes.add("instructions")
        asked = {name for name in ("reference", "reference_text", "voice", "instructions") if getattr(request, name)}
        if asked - takes:
            raise Unsupported(
                f"{self.spec.id} takes no {' and no '.join(sorted(asked - takes))}, only {', '.join(sorted(takes))}"
            )
        if who != "voice" and who not in asked:
            raise Unsupported(f"{self.spec.id} needs {who} to know whose voice to speak with")

    def _language(self, asked: str | None) -> str:
        """The model's name of a language; "auto" lets it decide."""
        known = self.library.get_supported_languages() or list(LANGUAGES.values())
        name = LANGUAGES.get(language_code(asked), (asked or "").strip().lower()) or "auto"
        if name != "auto" and name not in known:
            raise Unsupported(f"{self.spec.id} does not speak {asked!r}; it speaks {', '.join(each for each in known)}")
        return name

    def speak(self, passage: str, request: Synthesize, settings: Mapping[str, Any]) -> Any:
        if not any(letter.isalnum() for letter in passage):
            return None
        # Three characters a second is slower than anybody speaks, in letters or in signs: a run-away model ends here.
        how: dict[str, Any] = {
            "language": settings["language"].capitalize(),
            "max_new_tokens": int(FRAMES_PER_S * (4 + len(passage) / 3)),
        }
        if self.kind == "base":
            spoken, _rate = self.library.generate_voice_clone(passage, voice_clone_prompt=self.prompt, **how)
        elif self.kind == "custom_voice":
            spoken, _rate = self.library.generate_custom_voice(passage, settings["voice"], instruct=request.instructions, **how)
        else:
            spoken, _rate = self.library.generate_voice_design(passage, request.instructions, **how)
        return spoken[0]

    def speak_like(self, passage: str, heard: Any) -> Any:
        raise NotImplementedError  # `speak` is this class's own


def _spec(size: str, kind: str, title: str, honours: tuple[str, ...], summary: str, **own: Any) -> EngineSpec:
    source, parameters = f"Qwen/Qwen3-TTS-12Hz-{size}-{kind}", PARAMETERS[size]
    return EngineSpec(
        id=f"qwen_tts/{size.lower()}-{kind.lower()}",
        task="tts",
        name=f"Qwen3-TTS {size} {title}",
        vendor="Alibaba (open weights)",
        system="Qwen3-TTS",
        engine=QwenTTS,
        where="local",
        model=source,
        license_code="Apache-2.0",
        license_weights="Apache-2.0",
        languages=tuple(LANGUAGES),
        summary=summary,
        docs_url=f"https://huggingface.co/{source}",
        checked_on="2026-11-20",
        honours=("language", *honours),
        requires=own.get("requires", ()),
        limits=Limits(characters=50_000),
        needs=Needs(
            downloads=(Download(source),),
            download_gb=round(parameters * 2e-9 + 0.7, 1),
            memory_gb=memory_gb(parameters),
            gpu_memory_gb=memory_gb(parameters, "bfloat16"),
        ),
        voices=own.get("voices", ()),
        default_voice=own.get("default_voice"),
        parameters=parameters,
        packages=("qwen-tts", "transformers", "torch"),
        devices=("cuda", "cpu"),
        isolated=True,
        streams=True,
        consent=own.get("consent", ""),
    )


_GIVEN: dict[str, Any] = {"voices": VOICES, "default_voice": "Ryan"}
_CLONED: dict[str, Any] = {"requires": ("reference",), "consent": CONSENT}
ENGINES = [
    _spec(
        "0.6B", "Base", "(reference voice)", ("reference", "reference_text"),
        "Speaks in the voice of a reference; better when its words are given. Ten languages. Wants a GPU.", **_CLONED,
    ),
    _spec(
        "1.7B", "Base", "(reference voice)", ("reference", "reference_text"),
        "The larger model that speaks in the voice of a reference. Ten languages. Wants a GPU.", **_CLONED,
    ),
    _spec("0.6B", "CustomVoice", "(given voices)", ("voice",), "Nine given voices in ten languages. Wants a GPU.", **_GIVEN),
    _spec(
        "1.7B", "CustomVoice", "(given voices)", ("voice", "instructions"),
        "Nine given voices in ten languages that follow a manner of speaking in words. Wants a GPU.", **_GIVEN,
    ),
    _spec(
        "1.7B", "VoiceDesign", "(described voice)", ("instructions",),
        "A voice made from its description in words; it may drift between the passages of a long text. Wants a GPU.",
        requires=("instructions",),
    ),
]  # fmt: skip


def own(source: str) -> EngineSpec:
    """A person's own Qwen3-TTS checkpoint of any kind; what it needs to know whose voice to speak with it says itself."""
    import dataclasses

    return dataclasses.replace(
        own_spec(ENGINES[0], source),
        honours=("language", "voice", "instructions", "reference", "reference_text"),
        requires=(),
    )


if __name__ == "__main__":
    from engine.worker import serve

    serve()
