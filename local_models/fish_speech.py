# /// script
# requires-python = ">=3.10,<3.13"
# dependencies = [
#   "fish-speech @ git+https://github.com/fishaudio/fish-speech.git@v1.5.1",
#   "numpy==1.26.4",
#   "pydantic==2.9.2",
#   "soxr",
#   "torch==2.4.1",
#   "torchaudio==2.4.1",
# ]
#
# [tool.uv]
# override-dependencies = ["pyaudio ; sys_platform == 'never'"]
# ///
"""Text to speech with Fish Speech 1.5 in an environment of its own: in a voice of its own, or a reference whose words are given.

The release for these weights is in a git repository only, which a lock cannot hold by hash: `fish-speech` on the package index
is of a later model. This was never run.
"""

from __future__ import annotations

import tempfile
import wave
from pathlib import Path
from typing import Any

import numpy as np

from engine import weights
from engine.contract import Download, EngineSpec, Limits, Needs
from local_models._speech import CONSENT, SEED, CloningEngine
from local_models._torch import memory_gb


def written(samples: np.ndarray, rate: int) -> str:
    """The path of a 16-bit WAV of `samples` [frames]; the package reads voices from files."""
    path = Path(tempfile.mkdtemp()) / "reference.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", ""))
        file.writeframes((np.clip(samples, -1, 1) * 32_767).astype("<i2").tobytes())
    return str(path)


DECODER = "firefly-gan-vq-fsq-8x1024-21hz-generator.pth"


class FishSpeech(CloningEngine):
    half = "bfloat16"
    rate = 44_100
    longest = 200
    needs_words = True

    def load(self) -> None:
        import torch
        from fish_speech.inference_engine import TTSInferenceEngine
        from fish_speech.models.text2semantic.inference import launch_thread_safe_queue
        from fish_speech.models.vqgan.inference import load_model

        self.place()
        folder, dtype = weights.needed(self.spec), getattr(torch, self.dtype)
        queue = launch_thread_safe_queue(checkpoint_path=folder, device=self.device, precision=dtype, compile=False)
        decoder = load_model(config_name="firefly_gan_vq", checkpoint_path=folder / DECODER, device=self.device)
        self.model = TTSInferenceEngine(llama_queue=queue, decoder_model=decoder, precision=dtype, compile=False)

    def speak_like(self, passage: str, heard: tuple[np.ndarray, str] | None) -> Any:
        import torch
        from fish_speech.utils.schema import ServeReferenceAudio, ServeTTSRequest

        voices = []
        if heard is not None:
            voices = [ServeReferenceAudio(audio=Path(written(heard[0], self.rate)).read_bytes(), text=heard[1])]
        request = ServeTTSRequest(text=passage, references=voices, seed=SEED, streaming=False)
        for answer in self.model.inference(request):
            if answer.code == "error":
                raise answer.error
            if answer.code == "final":
                self.rate, samples = answer.audio
        return torch.from_numpy(samples)


ENGINES = [
    EngineSpec(
        id="fish_speech/1.5",
        task="tts",
        name="Fish Speech 1.5",
        vendor="Fish Audio",
        system="Fish Speech 1.5",
        engine=FishSpeech,
        where="local",
        model="fishaudio/fish-speech-1.5",
        license_code="Apache-2.0",
        license_weights="CC-BY-NC-SA-4.0",
        languages=("en", "zh", "ja", "de", "fr", "es", "ko", "ar", "ru", "nl", "it", "pl", "pt"),
        summary="Thirteen languages, its own voice or a reference whose words are given. From a git repository; never run.",
        docs_url="https://github.com/fishaudio/fish-speech",
        checked_on="2026-11-20",
        honours=("reference", "reference_text"),
        requires=(),
        limits=Limits(characters=50_000),
        needs=Needs(
            downloads=(Download("fishaudio/fish-speech-1.5", ("*.json", "*.pth", "*.tiktoken")),),
            gated=True,
            download_gb=1.4,
            memory_gb=memory_gb(0.6e9),
            gpu_memory_gb=memory_gb(0.6e9, "bfloat16"),
        ),
        parameters=0.6e9,
        tier="2",
        packages=("fish-speech", "torch"),
        devices=("cuda", "cpu"),
        isolated=True,
        streams=True,
        tested="",
        consent=f"The weights may not be used commercially (CC-BY-NC-SA-4.0). {CONSENT}",
    )
]


if __name__ == "__main__":
    from engine.worker import serve

    serve()
