# /// script
# requires-python = ">=3.11,<3.12"
# dependencies = [
#   "numpy==1.26.4",
#   "soxr==1.0.0",
#   "styletts2==0.1.6",
#   "torch==2.11.0",
#   "torchaudio==2.11.0",
# ]
# ///
"""Text to speech with StyleTTS 2 (LibriTTS) in an environment of its own: English in the manner of a reference, 24 kHz mono.

The package would fetch its parts and NLTK's data by itself; here the parts come from `prepare`, and the data is not needed.
"""

from __future__ import annotations

import tempfile
import wave
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from engine import weights
from engine.audio import Audio
from engine.contract import BadInput, Download, EngineSpec, Limits, Needs, Synthesize
from local_models._own import own_spec
from local_models._speech import CONSENT, SpeechEngine
from local_models._torch import memory_gb

_PARTS = "https://github.com/yl4579/StyleTTS2/raw/main/Utils/"
PARTS = tuple(
    _PARTS + name
    for name in ("ASR/epoch_00080.pth", "ASR/config.yml", "JDC/bst.t7", "PLBERT/step_1000000.t7", "PLBERT/config.yml")
)
VOICE = "https://styletts2.github.io/wavs/LJSpeech/OOD/GT/00001.wav"
"""The package's own default voice."""


class StyleTTS2(SpeechEngine):
    half = "float32"
    rate = 24_000
    longest = 300

    def load(self) -> None:
        import nltk

        self.place()
        nltk.download = lambda *names, **how: True  # the package calls it at import
        from nltk.tokenize import NLTKWordTokenizer
        from styletts2 import tts

        here = {download.source: weights.needed(self.spec, number) for number, download in enumerate(self.spec.needs.downloads)}
        tts.cached_path = lambda address: here[address]
        tts.word_tokenize = NLTKWordTokenizer().tokenize
        folder = weights.needed(self.spec)
        checkpoint, config = (next(iter(sorted(folder.rglob(pattern)))) for pattern in ("*.pth", "config.yml"))
        self.library = tts.StyleTTS2(model_checkpoint_path=checkpoint, config_path=config)
        self.scratch = Path(tempfile.mkdtemp())
        self.usual = self.library.compute_style(here[VOICE])

    def settings(self, request: Synthesize) -> dict[str, Any]:
        if request.reference is None:
            self.style = self.usual
            return {"voice": "LJ Speech"}
        sound = request.reference.mono().resample(self.rate)
        if not 1 <= sound.seconds <= 30 or sound.peak < 1e-3:
            raise BadInput(f"{self.spec.id} needs 1 to 30 s of a voice as reference, not {sound.seconds:.1f} s of this")
        self.style = self.library.compute_style(self._written(sound))
        return {"voice": "reference", "reference_s": round(sound.seconds, 3)}

    def _written(self, sound: Audio) -> Path:
        """The package reads reference voices from files."""
        path = self.scratch / "reference.wav"
        with wave.open(str(path), "wb") as file:
            file.setparams((1, 2, sound.rate, 0, "NONE", ""))
            file.writeframes((np.clip(sound.samples[0], -1, 1) * 32_767).astype("<i2").tobytes())
        return path

    def speak(self, passage: str, request: Synthesize, settings: Mapping[str, Any]) -> Any:
        if not any(letter.isalnum() for letter in passage):
            return None
        return self.library.inference(passage, ref_s=self.style)


ENGINES = [
    EngineSpec(
        id="styletts2/libritts",
        task="tts",
        name="StyleTTS 2 (LibriTTS)",
        vendor="Columbia University (open source)",
        system="StyleTTS2",
        engine=StyleTTS2,
        where="local",
        model="yl4579/StyleTTS2-LibriTTS",
        license_code="MIT",
        license_weights="MIT, synthetic voices must be disclosed",
        languages=("en",),
        summary="Natural English at small size, in its usual voice or in the manner of a reference.",
        docs_url="https://github.com/yl4579/StyleTTS2",
        checked_on="2026-11-20",
        honours=("reference",),
        limits=Limits(characters=50_000),
        needs=Needs(
            downloads=(
                Download("yl4579/StyleTTS2-LibriTTS", ("Models/LibriTTS/epochs_2nd_00020.pth", "Models/LibriTTS/config.yml")),
                *(Download(address) for address in (*PARTS, VOICE)),
            ),
            download_gb=0.9,
            memory_gb=memory_gb(191e6),
            gpu_memory_gb=memory_gb(191e6),
        ),
        parameters=148e6,
        tier="2",
        packages=("styletts2", "torch", "torchaudio", "transformers"),
        devices=("cuda", "cpu"),
        isolated=True,
        streams=True,
        tested="loads",
        consent=f"Listeners must be told that the voice is synthetic. {CONSENT}",
    )
]


def own(source: str) -> EngineSpec:
    """A person's own StyleTTS 2 checkpoint: a folder or hub repository with one .pth and its config.yml."""
    return own_spec(ENGINES[0], source, files=("*.pth", "*config.yml"))


if __name__ == "__main__":
    from engine.worker import serve

    serve()
