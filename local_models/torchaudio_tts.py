# /// script
# requires-python = ">=3.11,<3.13"
# dependencies = [
#   "numpy==2.3.5",
#   "soxr==1.1.0",
#   "torch==2.11.0",
#   "torchaudio==2.11.0",
# ]
# ///
"""Text to speech with torchaudio's Tacotron 2 on letters, through WaveRNN or the Griffin-Lim algorithm; one English voice."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine import weights
from engine.contract import Download, EngineSpec, Limits, Needs, NotReady, Synthesize
from local_models._own import own_spec
from local_models._speech import SpeechEngine, some
from local_models._torch import memory_gb

_MODELS = "https://download.pytorch.org/torchaudio/models/"
TACOTRON = Download(f"{_MODELS}tacotron2_english_characters_1500_epochs_ljspeech.pth")
WAVERNN = Download(f"{_MODELS}wavernn_10k_epochs_8bits_ljspeech.pth")


class Torchaudio(SpeechEngine):
    half = "float32"
    longest = 150

    def load(self) -> None:
        import torch
        from torchaudio import pipelines

        self.place()
        bundles = {1: pipelines.TACOTRON2_GRIFFINLIM_CHAR_LJSPEECH, 2: pipelines.TACOTRON2_WAVERNN_CHAR_LJSPEECH}
        bundle = bundles[len(self.spec.needs.downloads)]
        files = []
        for number in range(len(self.spec.needs.downloads)):
            path = weights.needed(self.spec, number)
            files += [path] if path.is_file() else sorted(path.glob("*.pth"))[:1]
        if len(files) != len(self.spec.needs.downloads):
            raise NotReady(f"{self.spec.id}: {self.spec.model!r} holds no .pth file")
        states = iter([torch.load(file, map_location="cpu", weights_only=True) for file in files])
        # The bundle would fetch its weights by itself; it gets those that `prepare` brought.
        module = __import__("torchaudio.pipelines._tts.impl", fromlist=["load_state_dict_from_url"])
        module.load_state_dict_from_url = lambda url, **how: next(states)
        self.letters = bundle.get_text_processor()
        self.model = bundle.get_tacotron2().to(self.device).eval()
        self.vocoder = bundle.get_vocoder().to(self.device).eval()
        self.rate = self.vocoder.sample_rate

    def speak(self, passage: str, request: Synthesize, settings: Mapping[str, Any]) -> Any:
        if not any(letter.isalnum() for letter in passage if letter.lower() in self.letters.tokens):
            return None
        numbers, lengths = self.letters(passage)
        spectrogram, frames, _ = self.model.infer(numbers.to(self.device), lengths.to(self.device))
        return self.vocoder(spectrogram, frames)[0][0]

    def left_out(self, text: str) -> str | None:
        silent = sorted({letter for letter in text if letter.isalnum() and letter.lower() not in self.letters.tokens})
        return f"Left out, for the model has no sound for them: {some(silent)}. Write numbers as words." if silent else None


def _spec(variant: str, name: str, downloads: tuple[Download, ...], parameters: float, summary: str) -> EngineSpec:
    return EngineSpec(
        id=f"torchaudio_tts/{variant}",
        task="tts",
        name=name,
        vendor="PyTorch (open source)",
        system="Tacotron2 (+WaveRNN / Griffin-Lim)",
        engine=Torchaudio,
        where="local",
        model=variant,
        license_code="BSD-2-Clause",
        license_weights="trained on LJ Speech (public domain)",
        languages=("en",),
        summary=summary,
        docs_url="https://docs.pytorch.org/audio/stable/pipelines.html",
        checked_on="2026-11-20",
        limits=Limits(characters=50_000),
        needs=Needs(
            downloads=downloads, download_gb=round(parameters * 4e-9, 2), memory_gb=memory_gb(parameters),
            gpu_memory_gb=memory_gb(parameters),
        ),
        parameters=parameters,
        packages=("torchaudio", "torch"),
        devices=("cuda", "cpu"),
        isolated=True,
        streams=True,
    )  # fmt: skip


ENGINES = [
    _spec(
        "tacotron2-wavernn", "Tacotron 2 + WaveRNN (torchaudio)", (TACOTRON, WAVERNN), 32.5e6,
        "One American female voice (LJ Speech); WaveRNN makes one sample after the other and is slow on a CPU.",
    ),
    _spec(
        "tacotron2-griffin-lim", "Tacotron 2 + Griffin-Lim (torchaudio)", (TACOTRON,), 28.2e6,
        "The same voice without a neural vocoder: quick, metallic.",
    ),
]  # fmt: skip


def own(source: str) -> EngineSpec:
    """A person's own Tacotron 2 state on torchaudio's letters: a folder or hub repository with one .pth, heard by Griffin-Lim."""
    return own_spec(ENGINES[1], source, files=("*.pth",))


if __name__ == "__main__":
    from engine.worker import serve

    serve()
