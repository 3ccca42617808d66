# /// script
# requires-python = ">=3.11,<3.13"
# dependencies = [
#   "kokoro==0.9.4",
#   "misaki[en,zh]==0.9.4",
#   "numpy==2.3.5",
#   "torch==2.11.0",
#   "transformers==5.23.0",
# ]
# ///
"""Text to speech with Kokoro-82M in its authors' own package on torch, in an environment of its own; 24 kHz mono.

Texts become phonemes by eSpeak NG and the package's own tables; its English dictionary wants a spaCy model that is no package, so
English goes by the rules that it keeps for unknown words. Japanese wants a dictionary that it fetches by itself and is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from engine import weights
from engine.contract import Download, EngineSpec, Limits, Needs, NotReady, Synthesize, Unsupported
from local_models._own import own_spec
from local_models._speech import SpeechEngine, chosen_voice, language_code
from local_models._torch import memory_gb

LANGUAGES = {"a": "en-us", "b": "en-gb", "e": "es", "f": "fr-fr", "h": "hi", "i": "it", "p": "pt-br", "z": "zh"}
"""First letter of a voice to its language."""
MOST_PHONEMES = 510
VOICES = (
    "af_heart", "af_alloy", "af_aoede", "af_bella", "af_jessica", "af_kore", "af_nicole", "af_nova", "af_river", "af_sarah",
    "af_sky", "am_adam", "am_echo", "am_eric", "am_fenrir", "am_liam", "am_michael", "am_onyx", "am_puck", "am_santa",
    "bf_alice", "bf_emma", "bf_isabella", "bf_lily", "bm_daniel", "bm_fable", "bm_george", "bm_lewis", "ef_dora", "em_alex",
    "em_santa", "ff_siwis", "hf_alpha", "hf_beta", "hm_omega", "hm_psi", "if_sara", "im_nicola", "pf_dora", "pm_alex", "pm_santa",
    "zf_xiaobei", "zf_xiaoni", "zf_xiaoxiao", "zf_xiaoyi", "zm_yunjian", "zm_yunxi", "zm_yunxia", "zm_yunyang",
)  # fmt: skip


class Kokoro(SpeechEngine):
    half = "float32"
    rate = 24_000
    longest = 200

    def load(self) -> None:
        from kokoro import KModel

        self.place()
        folder = weights.needed(self.spec)
        models = sorted(folder.glob("*.pth"))
        self.files = {path.stem: path for path in sorted(folder.glob("voices/*.pt")) if path.stem[:1] in LANGUAGES}
        if len(models) != 1 or not (folder / "config.json").exists() or not self.files:
            raise NotReady(f"{self.spec.id}: {self.spec.model!r} lacks config.json, one .pth or voices/*.pt")
        self.model = KModel(self.spec.model, str(folder / "config.json"), str(models[0])).to(self.device).eval()
        self.spellers: dict[str, Any] = {}
        self._spell("Ready.", LANGUAGES[next(iter(self.files))[0]])

    def settings(self, request: Synthesize) -> dict[str, Any]:
        """The voice, its language and the speed; a language without a voice takes the first voice of that language."""
        asked = (request.language or "").strip().lower().replace("_", "-")
        spoken = [tag for tag in LANGUAGES.values() if language_code(tag) == language_code(asked)]
        if asked and not spoken:
            raise Unsupported(f"{self.spec.id} does not speak {request.language!r}; it speaks {', '.join(LANGUAGES.values())}")
        wanted = asked if asked in spoken else spoken[0] if asked else None
        usual = next((name for name in self.files if LANGUAGES[name[0]] == wanted), None)
        if wanted is None and self.spec.default_voice in self.files:
            usual = self.spec.default_voice
        voice = chosen_voice(self.spec, request.voice or usual, self.files)
        return {"voice": voice, "language": wanted or LANGUAGES[voice[0]], "speed": request.speed or 1.0}

    def speak(self, passage: str, request: Synthesize, settings: Mapping[str, Any]) -> Any:
        import torch

        phonemes = "".join(each for each in self._spell(passage, settings["language"]) if each in self.model.vocab)
        if not phonemes.strip(' ,.;:!?—…"“”()'):
            return None
        voice = torch.load(self.files[settings["voice"]], map_location="cpu", weights_only=True)  # [510, 1, 256]
        parts = [phonemes[start : start + MOST_PHONEMES] for start in range(0, len(phonemes), MOST_PHONEMES)]
        return torch.cat([self.model(part, voice[len(part) - 1], settings["speed"]).reshape(-1) for part in parts])

    def _spell(self, passage: str, language: str) -> str:
        """The passage in the model's phonemes."""
        from misaki import espeak

        if language not in self.spellers:
            if language.startswith("en"):
                self.spellers[language] = espeak.EspeakFallback(british=language == "en-gb")
            elif language == "zh":
                from misaki import zh

                self.spellers[language] = zh.ZHG2P()
            else:
                self.spellers[language] = espeak.EspeakG2P(language)
        speller = self.spellers[language]
        return (speller(SimpleNamespace(text=passage)) if language.startswith("en") else speller(passage))[0] or ""


ENGINES = [
    EngineSpec(
        id="kokoro/82m",
        task="tts",
        name="Kokoro-82M (torch)",
        vendor="hexgrad",
        system="Kokoro-82M",
        engine=Kokoro,
        where="local",
        model="hexgrad/Kokoro-82M",
        license_code="Apache-2.0",
        license_weights="Apache-2.0",
        languages=("en", "es", "fr", "hi", "it", "pt", "zh"),
        summary=(
            "Small and natural, 49 voices in seven languages, in its authors' package; about real time on a CPU. English is "
            "spelled by rule, not by its dictionary."
        ),
        docs_url="https://github.com/hexgrad/kokoro",
        checked_on="2026-11-20",
        honours=("voice", "language", "speed"),
        limits=Limits(characters=50_000),
        needs=Needs(
            downloads=(Download("hexgrad/Kokoro-82M", ("config.json", "kokoro-v1_0.pth", "voices/*.pt")),),
            download_gb=0.36,
            memory_gb=memory_gb(82e6),
            gpu_memory_gb=memory_gb(82e6),
        ),
        voices=VOICES,
        default_voice="af_heart",
        parameters=82e6,
        packages=("kokoro", "misaki", "torch", "transformers"),
        devices=("cuda", "cpu"),
        isolated=True,
        streams=True,
    )
]


def own(source: str) -> EngineSpec:
    """A person's own Kokoro checkpoint: config.json, one .pth and voices/*.pt, such as hexgrad/Kokoro-82M-v1.1-zh."""
    import dataclasses

    spec = own_spec(ENGINES[0], source, files=("config.json", "*.pth", "voices/*.pt"))
    return dataclasses.replace(spec, voices=(), default_voice=None)


if __name__ == "__main__":
    from engine.worker import serve

    serve()
