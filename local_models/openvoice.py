# /// script
# requires-python = ">=3.9,<3.11"
# dependencies = [
#   "melotts @ git+https://github.com/myshell-ai/MeloTTS.git",
#   "myshell-openvoice @ git+https://github.com/myshell-ai/OpenVoice.git",
#   "soxr",
# ]
# ///
"""Text to speech with OpenVoice v2 in an environment of its own: MeloTTS speaks, then its colour becomes the reference's.

Its code is in a git repository only, which a lock cannot hold by hash; nothing of this was run in the making of this app.
"""

from __future__ import annotations

import tempfile
import wave
from pathlib import Path
from typing import Any

import numpy as np

from engine import weights
from engine.contract import Download, EngineSpec, Limits, Needs, Synthesize, Unsupported
from local_models._speech import CONSENT, CloningEngine, language_code
from local_models._torch import memory_gb


def written(samples: np.ndarray, rate: int) -> str:
    """The path of a 16-bit WAV of `samples` [frames]; the package reads voices from files."""
    path = Path(tempfile.mkdtemp()) / "reference.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", ""))
        file.writeframes((np.clip(samples, -1, 1) * 32_767).astype("<i2").tobytes())
    return str(path)


LANGUAGES = {"en": "EN_NEWEST", "es": "ES", "fr": "FR", "zh": "ZH", "ja": "JP", "ko": "KR"}


class OpenVoice(CloningEngine):
    half = "float32"
    rate = 22_050
    longest = 300

    def load(self) -> None:
        from openvoice.api import ToneColorConverter

        self.place()
        folder = weights.needed(self.spec)
        self.converter = ToneColorConverter(str(folder / "converter/config.json"), device=self.device)
        self.converter.load_ckpt(str(folder / "converter/checkpoint.pth"))
        self.rate = self.converter.hps.data.sampling_rate
        self.speakers: dict[str, Any] = {}

    def settings(self, request: Synthesize) -> dict[str, Any]:
        from melo.api import TTS

        code = language_code(request.language) or "en"
        if code not in LANGUAGES:
            raise Unsupported(f"{self.spec.id} does not speak {request.language!r}; it speaks {', '.join(LANGUAGES)}")
        sent = super().settings(request)
        if code not in self.speakers:
            self.speakers[code] = TTS(language=LANGUAGES[code], device=self.device)
        self.speaker, self.speed = self.speakers[code], request.speed or 1.0
        self.colour = self.converter.extract_se([written(self.heard[0], self.rate)])
        return sent | {"language": code, "speed": self.speed}

    def speak_like(self, passage: str, heard: tuple[np.ndarray, str] | None) -> Any:
        import torch

        name, number = next(iter(self.speaker.hps.data.spk2id.items()))
        samples = self.speaker.tts_to_file(passage, number, None, speed=self.speed, quiet=True)
        path = written(np.asarray(samples, np.float32), self.speaker.hps.data.sampling_rate)
        base = weights.needed(self.spec) / f"base_speakers/ses/{name.lower().replace('_', '-')}.pth"
        own = torch.load(base, map_location=self.device, weights_only=True)
        return torch.from_numpy(self.converter.convert(path, own, self.colour))


ENGINES = [
    EngineSpec(
        id="openvoice/v2",
        task="tts",
        name="OpenVoice v2",
        vendor="MyShell (open source)",
        system="OpenVoice v2",
        engine=OpenVoice,
        where="local",
        model="myshell-ai/OpenVoiceV2",
        license_code="MIT",
        license_weights="MIT",
        languages=tuple(LANGUAGES),
        summary="MeloTTS speaks, then the sound takes on the reference's colour, not its manner.",
        docs_url="https://github.com/myshell-ai/OpenVoice",
        checked_on="2026-11-20",
        honours=("language", "speed", "reference"),
        requires=("reference",),
        limits=Limits(characters=50_000),
        needs=Needs(
            downloads=(Download("myshell-ai/OpenVoiceV2", ("converter/*", "base_speakers/ses/*.pth")),),
            download_gb=0.2,
            memory_gb=memory_gb(130e6),
            gpu_memory_gb=memory_gb(130e6),
        ),
        parameters=130e6,
        tier="2",
        packages=("myshell-openvoice", "melotts", "torch"),
        devices=("cuda", "cpu"),
        isolated=True,
        streams=True,
        tested="",
        consent=CONSENT,
    )
]


if __name__ == "__main__":
    from engine.worker import serve

    serve()
