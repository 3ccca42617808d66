# /// script
# requires-python = ">=3.11,<3.13"
# dependencies = [
#   "coqui-tts[codec,ko,zh]==0.28.0",
#   "numpy==2.3.5",
#   "six==1.17.0",
#   "soxr==1.1.0",
#   "torch==2.11.0",
#   "torchaudio==2.11.0",
#   "transformers==5.23.0",
# ]
# ///
"""Text to speech with Coqui TTS in an environment of its own: XTTS v2, YourTTS, VITS, and Tacotron 2 and Glow-TTS with a vocoder.

Nothing is fetched by the package itself: its files come from `prepare`, after the licences were agreed to.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import wave
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from engine import weights
from engine.contract import BadInput, Download, EngineSpec, Limits, Needs, NotReady, Synthesize, Unsupported
from local_models._own import own_spec
from local_models._speech import CONSENT, SEED, SpeechEngine, chosen_voice, language_code, some
from local_models._torch import memory_gb

SHORTEST_S, LONGEST_S = 1.0, 30.0
"""Of a reference voice."""
SPELLED = ("ar", "cs", "de", "en", "es", "fr", "hi", "hu", "it", "ko", "nl", "pl", "pt", "ru", "tr", "zh")
"""Languages of XTTS whose letters this environment can read; Japanese wants a dictionary that is no package of it."""


def heard(request: Synthesize, engine_id: str, rate: int) -> np.ndarray:
    """The reference voice, mono [frames] at `rate`. Raises BadInput when it is too short, too long or silent."""
    sound = request.reference.mono().resample(rate)
    if not SHORTEST_S <= sound.seconds <= LONGEST_S:
        raise BadInput(f"{engine_id} needs {SHORTEST_S:g} to {LONGEST_S:g} s of the reference voice, not {sound.seconds:.1f} s")
    if sound.peak < 1e-3:
        raise BadInput(f"{engine_id} hears nothing in the reference voice's recording")
    return sound.samples[0]


class Coqui(SpeechEngine):
    half = "float32"
    longest = 200

    def load(self) -> None:
        from TTS.utils.synthesizer import Synthesizer

        self.place()
        self.scratch = Path(tempfile.mkdtemp())
        checkpoint, config = self._files(0)
        vocoder = self._files(1) if len(self.spec.needs.downloads) > 1 else (None, None)
        self.library = Synthesizer(
            tts_checkpoint=checkpoint, tts_config_path=config, vocoder_checkpoint=vocoder[0], vocoder_config=vocoder[1],
            use_cuda=self.device == "cuda",
        )  # fmt: skip
        self.model = self.library.tts_model
        self.rate = self.library.output_sample_rate
        self.length_scale = getattr(self.model, "length_scale", None)
        speakers = self.model.speaker_manager
        # YourTTS keeps its voices as embeddings, other models as numbers; one voice is none to choose.
        names = [] if speakers is None else [*(getattr(speakers, "embedding_names", None) or speakers.name_to_id)]
        self.voices = sorted(names) if len(names) > 1 else []
        self.clones = speakers is not None and speakers.encoder is not None
        self.languages = list(self.model.language_manager.language_names)

    def _files(self, number: int) -> tuple[Path, Path]:
        """Checkpoint and configuration of a download; the latter as a copy that names the files beside it where they lie."""
        from TTS.utils.manage import ModelManager

        folder = weights.needed(self.spec, number)
        configs = sorted(folder.rglob("config.json"), key=lambda path: len(path.parts))
        beside = configs[0].parent if configs else folder
        names = ("model_file.pth", "model_file.pth.tar", "model.pth", "checkpoint.pth")
        checkpoint = next((beside / name for name in names if (beside / name).exists()), None)
        if not configs or checkpoint is None:
            raise NotReady(f"{self.spec.id}: {folder.name!r} holds no config.json with {names[0]} or {names[2]}")
        config = self.scratch / f"{number}.json"
        shutil.copy(configs[0], config)
        ModelManager._update_paths(None, beside, config)
        return checkpoint, config

    def settings(self, request: Synthesize) -> dict[str, Any]:
        if request.reference is not None and request.voice:
            raise Unsupported(f"{self.spec.id} speaks with a voice of its list or with the reference, not with both")
        self.reference = None
        sent: dict[str, Any] = {}
        if request.reference is not None:
            if not self.clones:
                raise Unsupported(f"{self.spec.id} cannot speak with a reference voice")
            self.reference = self._written(heard(request, self.spec.id, 16_000), 16_000)
            sent["voice"] = "reference"
        elif voice := chosen_voice(self.spec, request.voice, self.voices):
            sent["voice"] = voice
        if request.speed is not None and self.length_scale is None:
            raise Unsupported(f"{self.spec.id} has no speed to set")
        if self.length_scale is not None:
            self.model.length_scale = self.length_scale / (request.speed or 1.0)
            sent["speed"] = request.speed or 1.0
        if len(self.languages) > 1:
            sent["language"] = self._language(request.language)
        self.model.tokenizer.not_found_characters.clear()
        return sent

    def _language(self, asked: str | None) -> str:
        known = {language_code(name): name for name in self.languages}
        found = known.get(language_code(asked) or "en")
        if found is None:
            raise Unsupported(f"{self.spec.id} does not speak {asked!r}; it speaks {', '.join(sorted(known))}")
        return found

    def _written(self, samples: np.ndarray, rate: int) -> Path:
        """The package reads reference voices from files."""
        path = self.scratch / "reference.wav"
        with wave.open(str(path), "wb") as file:
            file.setparams((1, 2, rate, 0, "NONE", ""))
            file.writeframes((np.clip(samples, -1, 1) * 32_767).astype("<i2").tobytes())
        return path

    def speak(self, passage: str, request: Synthesize, settings: Mapping[str, Any]) -> Any:
        language = settings.get("language")
        np.random.seed(SEED)  # the phases from which Griffin-Lim starts
        self.model.tokenizer.text_to_ids(passage, language=language or self.languages[0])
        if not {letter.lower() for letter in passage if letter.isalnum()} - set(self.model.tokenizer.not_found_characters):
            return None
        samples = self.library.tts(
            passage, speaker_name=None if self.reference else settings.get("voice"), language_name=language,
            speaker_wav=None if self.reference is None else str(self.reference), split_sentences=False,
        )  # fmt: skip
        return np.asarray(samples, np.float32)

    def left_out(self, text: str) -> str | None:
        silent = sorted({letter for letter in self.model.tokenizer.not_found_characters if letter.isalnum()})
        return f"Left out, for the model has no sound for them: {some(silent)}." if silent else None


class Xtts(SpeechEngine):
    half = "float32"
    rate = 24_000

    def load(self) -> None:
        from TTS.tts.configs.xtts_config import XttsConfig
        from TTS.tts.models.xtts import Xtts as Model

        self.place()
        folder = weights.needed(self.spec)
        missing = [name for name in ("config.json", "model.pth", "vocab.json") if not (folder / name).exists()]
        if missing:
            raise NotReady(f"{self.spec.id}: {self.spec.model!r} lacks {', '.join(missing)}")
        self.config = XttsConfig()
        self.config.load_json(str(folder / "config.json"))
        self.model = Model(self.config)
        self.model.load_checkpoint(self.config, checkpoint_dir=folder, eval=True)
        self.model.to(self.device)
        self.speakers = self.model.speaker_manager.speakers if self.model.speaker_manager else {}
        self.languages = {language_code(name): name for name in self.config.languages if language_code(name) in SPELLED}

    def settings(self, request: Synthesize) -> dict[str, Any]:
        code = language_code(request.language) or "en"
        if code not in self.languages:
            raise Unsupported(f"{self.spec.id} does not speak {request.language!r}; it speaks {', '.join(self.languages)}")
        self.longest = self.model.tokenizer.char_limits.get(code, 200)
        sent = {"language": self.languages[code], "speed": request.speed or 1.0}
        if request.reference is not None:
            if request.voice:
                raise Unsupported(f"{self.spec.id} speaks with a voice of its list or with the reference, not with both")
            self.voice = self._clone(request)
            return sent | {"voice": "reference"}
        if not self.speakers:
            raise BadInput(f"{self.spec.id} has no voices of its own: give it a reference voice")
        name = chosen_voice(self.spec, request.voice, self.speakers)
        self.voice = tuple(self.speakers[name].values())
        return sent | {"voice": name}

    def _clone(self, request: Synthesize) -> tuple[Any, Any]:
        """What the model keeps of a voice: its manner [1, T, channels] and its colour [1, channels, 1]."""
        import torch

        rate = self.config.model_args.input_sample_rate
        sound = torch.from_numpy(heard(request, self.spec.id, rate).copy())[None].to(self.device)
        manner = self.model.get_gpt_cond_latents(sound, rate, self.config.gpt_cond_len, self.config.gpt_cond_chunk_len)
        return manner, self.model.get_speaker_embedding(sound, rate)

    def speak(self, passage: str, request: Synthesize, settings: Mapping[str, Any]) -> Any:
        if not any(letter.isalnum() for letter in passage):
            return None
        how = {name: self.config[name] for name in ("temperature", "length_penalty", "repetition_penalty", "top_k", "top_p")}
        return self.model.inference(passage, settings["language"], *self.voice, speed=settings["speed"], **how)["wav"]


_RELEASES = "https://github.com/coqui-ai/TTS/releases/download/"


def _zip(version: str, name: str) -> Download:
    return Download(f"{_RELEASES}{version}_models/{name.replace('/', '--')}.zip")


_HIFIGAN = _zip("v0.6.1", "vocoder_models/en/ljspeech/hifigan_v2")
_MELGAN = _zip("v0.6.1", "vocoder_models/en/ljspeech/multiband-melgan")
_TACOTRON = _zip("v0.6.1", "tts_models/en/ljspeech/tacotron2-DDC")


def _spec(variant: str, model: str, system: str, name: str, parameters: float, gb: float, summary: str, **own: Any) -> EngineSpec:
    facts: dict[str, Any] = {
        "downloads": (_zip("v0.6.1", f"tts_models/{model}"),), "license_weights": "Apache-2.0", "languages": ("en",),
    } | own  # fmt: skip
    return EngineSpec(
        id=f"coqui/{variant}",
        task="tts",
        name=name,
        vendor=facts.get("vendor", "Coqui (open source)"),
        system=system,
        engine=facts.get("engine", Coqui),
        where="local",
        model=model,
        license_code="MPL-2.0",
        license_weights=facts["license_weights"],
        languages=facts["languages"],
        summary=summary,
        docs_url="https://github.com/idiap/coqui-ai-TTS",
        checked_on="2026-11-20",
        honours=facts.get("honours", ()),
        limits=Limits(characters=50_000),
        needs=Needs(
            programs=facts.get("programs", ()),
            downloads=facts["downloads"],
            download_gb=gb,
            memory_gb=memory_gb(parameters),
            gpu_memory_gb=memory_gb(parameters),
        ),
        parameters=parameters,
        tier=facts.get("tier"),
        packages=("coqui-tts", "torch", "torchaudio", "transformers"),
        devices=("cuda", "cpu"),
        isolated=True,
        streams=True,
        consent=facts.get("consent", ""),
        tested=facts.get("tested", "runs"),
    )


ENGINES = [
    _spec(
        "xtts-v2", "coqui/XTTS-v2", "XTTS v2", "XTTS v2", 467e6, 1.9,
        "58 voices or yours from seconds of sound, in 16 languages. Slow on a CPU; for non-commercial use only.",
        engine=Xtts, downloads=(Download("tts-hub/XTTS-v2", ("config.json", "model.pth", "vocab.json", "speakers_xtts.pth")),),
        license_weights="CPML (non-commercial)", languages=SPELLED, honours=("voice", "language", "speed", "reference"), tier="2",
        consent=f"The Coqui Public Model License allows non-commercial use only. {CONSENT}",
    ),
    _spec(
        "your-tts", "multilingual/multi-dataset/your_tts", "YourTTS", "YourTTS", 87e6, 0.43,
        "Cloned voices of 2022 in English, French and Portuguese at 16 kHz; superseded by XTTS.",
        downloads=(_zip("v0.10.1", "tts_models/multilingual/multi-dataset/your_tts"),), license_weights="CC-BY-NC-ND-4.0",
        languages=("en", "fr", "pt"), honours=("voice", "language", "speed", "reference"), consent=CONSENT, tested="loads",
    ),
    _spec(
        "tacotron2-ddc-hifigan", "en/ljspeech/tacotron2-DDC", "Tacotron2", "Tacotron 2 + HiFi-GAN (Coqui)", 29e6, 0.12,
        "One American female voice (LJ Speech): Tacotron 2 with double decoder consistency, HiFi-GAN as its vocoder.",
        downloads=(_TACOTRON, _HIFIGAN), tested="loads",
    ),
    _spec(
        "tacotron2-ddc-melgan", "en/ljspeech/tacotron2-DDC", "MelGAN vocoder", "Tacotron 2 + MelGAN (Coqui)", 31e6, 0.12,
        "The same Tacotron 2 with multi-band MelGAN as its vocoder: what the vocoder alone changes.",
        downloads=(_TACOTRON, _MELGAN), license_weights="Apache-2.0 (Tacotron 2), MPL-2.0 (MelGAN)",
    ),
    _spec(
        "tacotron2-ddc-griffin-lim", "en/ljspeech/tacotron2-DDC", "Tacotron2", "Tacotron 2 + Griffin-Lim (Coqui)", 28e6, 0.11,
        "The same Tacotron 2 without a neural vocoder: phases by the Griffin-Lim algorithm, metallic.",
        downloads=(_TACOTRON,),
    ),
    _spec(
        "glow-tts-melgan", "en/ljspeech/glow-tts", "Glow-TTS", "Glow-TTS + MelGAN (Coqui)", 31e6, 0.35,
        "One American female voice from a flow that speaks all frames at once, multi-band MelGAN as its vocoder.",
        downloads=(_zip("v0.6.1", "tts_models/en/ljspeech/glow-tts"), _MELGAN), license_weights="MPL-2.0",
        honours=("speed",), tested="loads",
    ),
    _spec(
        "vits-ljspeech", "en/ljspeech/vits", "VITS", "VITS LJ Speech (Coqui)", 36e6, 0.15,
        "One American female voice end to end, as trained by Coqui.", honours=("speed",), programs=("espeak-ng",),
    ),
    _spec(
        "vits-vctk", "en/vctk/vits", "VITS multi-speaker", "VITS VCTK (Coqui)", 40e6, 0.16,
        "109 English voices of many accents (VCTK), as trained by Coqui.", honours=("voice", "speed"), programs=("espeak-ng",),
    ),
]  # fmt: skip


def own(source: str) -> EngineSpec:
    """A person's own Coqui checkpoint: a folder or hub repository with config.json and model.pth, XTTS if it says so."""
    import dataclasses

    folder = Path(source)
    config = json.loads((folder / "config.json").read_text()) if (folder / "config.json").is_file() else {}
    xtts = config.get("model") == "xtts" or not folder.is_dir()
    template = ENGINES[0] if xtts else dataclasses.replace(ENGINES[1], needs=Needs(downloads=ENGINES[1].needs.downloads))
    return own_spec(template, source, files=() if folder.is_dir() else ("config.json", "*.pth", "vocab.json"))


if __name__ == "__main__":
    from engine.worker import serve

    serve()
