# /// script
# requires-python = ">=3.11,<3.13"
# dependencies = [
#   "numpy==2.3.5",
#   "soundfile==0.14.0",
#   "soxr==1.1.0",
#   "speechbrain==1.1.2",
#   "torch==2.11.0",
#   "torchaudio==2.11.0",
#   "transformers==5.23.0",
# ]
# ///
"""Text to speech with SpeechBrain in an environment of its own: Tacotron 2 or FastSpeech 2, then HiFi-GAN; 22 kHz mono.

A SpeechBrain model is a YAML file that says which Python objects to make, so loading one runs what its publisher wrote.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine import weights
from engine.contract import Download, EngineSpec, Limits, Needs, Synthesize
from local_models._own import own_spec
from local_models._speech import SpeechEngine
from local_models._torch import memory_gb

FILES = ("*.yaml", "*.ckpt")


class SpeechBrain(SpeechEngine):
    half = "float32"
    rate = 22_050
    longest = 200

    def load(self) -> None:
        from speechbrain.inference import TTS
        from speechbrain.inference.vocoders import HIFIGAN

        self.place()
        self.scratch = Path(tempfile.mkdtemp())
        # Its phonemes come from a model of their own, which the class asks the hub's cache for by name.
        kind = TTS.FastSpeech2 if len(self.spec.needs.downloads) > 2 else TTS.Tacotron2
        self.model = self._opened(kind, 0)
        self.vocoder = self._opened(HIFIGAN, 1)
        self.paced = kind is TTS.FastSpeech2

    def _opened(self, kind: Any, number: int) -> Any:
        folder = weights.needed(self.spec, number)
        return kind.from_hparams(str(folder), savedir=str(self.scratch / str(number)), run_opts={"device": self.device})

    def settings(self, request: Synthesize) -> dict[str, Any]:
        # Pace multiplies how long each phoneme lasts.
        return {"pace": 1.0 / (request.speed or 1.0)} if self.paced else {}

    def speak(self, passage: str, request: Synthesize, settings: Mapping[str, Any]) -> Any:
        if not any(letter.isalnum() and letter.isascii() for letter in passage):
            return None
        spoken = self.model.encode_text([passage] if self.paced else passage, **settings)
        return self.vocoder.decode_batch(spoken[0])[0, 0]


def _spec(variant: str, name: str, system: str, downloads: tuple[Download, ...], parameters: float, summary: str, **own: Any):
    return EngineSpec(
        id=f"speechbrain_tts/{variant}",
        task="tts",
        name=name,
        vendor="SpeechBrain (open source)",
        system=system,
        engine=SpeechBrain,
        where="local",
        model=downloads[0].source,
        license_code="Apache-2.0",
        license_weights="Apache-2.0",
        languages=("en",),
        summary=summary,
        docs_url=f"https://huggingface.co/{downloads[0].source}",
        checked_on="2026-11-20",
        honours=own.get("honours", ()),
        limits=Limits(characters=50_000),
        needs=Needs(
            downloads=downloads,
            download_gb=own["gb"],
            memory_gb=memory_gb(parameters),
            gpu_memory_gb=memory_gb(parameters),
        ),
        parameters=parameters,
        packages=("speechbrain", "torch", "torchaudio"),
        devices=("cuda", "cpu"),
        isolated=True,
        streams=True,
        tested=own.get("tested", "runs"),
        remote_code=True,
    )


PARAMETERS = {"tacotron2": 28.2e6 + 13.9e6, "fastspeech2": 43.3e6 + 18.1e6 + 13.9e6 + 32.2e6 + 109.5e6}
"""Of all that runs: the model; what sets FastSpeech 2's pauses; HiFi-GAN; SoundChoice and its BERT. Counted in the classes of
speechbrain 1.1.2 with the settings of its recipes for LJ Speech and G2P, 2026-11-29."""
_VOCODER = Download("speechbrain/tts-hifigan-ljspeech", FILES)
ENGINES = [
    _spec(
        "tacotron2", "Tacotron 2 + HiFi-GAN (SpeechBrain)", "Tacotron2 + HiFi-GAN",
        (Download("speechbrain/tts-tacotron2-ljspeech", FILES), _VOCODER), PARAMETERS["tacotron2"],
        "One American female voice (LJ Speech), read from letters.", gb=0.17,
    ),
    _spec(
        "fastspeech2", "FastSpeech 2 + HiFi-GAN (SpeechBrain)", "FastSpeech2",
        (
            Download("speechbrain/tts-fastspeech2-ljspeech", FILES), _VOCODER, Download("speechbrain/soundchoice-g2p", FILES),
            Download("bert-base-uncased", ("*.json", "vocab.txt", "model.safetensors")),
        ),
        PARAMETERS["fastspeech2"],
        "One American female voice (LJ Speech), all frames at once, its phonemes from the SoundChoice model.", gb=1.0,
        honours=("speed",), tested="loads",
    ),
]  # fmt: skip


def own(source: str) -> EngineSpec:
    """A person's own SpeechBrain Tacotron 2: hyperparams.yaml with its .ckpt; heard through the published HiFi-GAN."""
    return own_spec(ENGINES[0], source, files=FILES)


if __name__ == "__main__":
    from engine.worker import serve

    serve()
