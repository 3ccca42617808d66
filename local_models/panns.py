"""Sound into AudioSet's 527 classes with PANNs' Cnn14, built here and filled with its authors' weights.

Their package fetches files while it is imported; the network is six plain convolution blocks over a log-mel spectrogram, and its
mel filters come with the weights. Same weights, same sound: the scores equal those of panns-inference 0.1.1.
"""

from __future__ import annotations

import csv
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from engine import weights
from engine.contract import BadInput, Classify, Download, EngineSpec, Needs, NotReady, Piece
from local_models._own import own_spec
from local_models._tags import best_tags, windows
from local_models._torch import TorchEngine, memory_gb

RATE, FFT, HOP = 32_000, 1_024, 320
WINDOW_S = 10.0
SHORTEST = 32 * HOP
"""Five halvings of the time axis need 32 frames."""
LEAST_POWER = 1e-10


class Panns(TorchEngine):
    half = "float32"

    def load(self) -> None:
        import torch

        self.place()
        place = weights.needed(self.spec)
        path = place if place.is_file() else next(iter(sorted(place.glob("*.pth"))), None)
        if path is None:
            raise NotReady(f"{self.spec.id}: {str(place)!r} holds no .pth file")
        try:
            stored = torch.load(path, map_location="cpu", weights_only=True)["model"]
        except (pickle.UnpicklingError, KeyError, TypeError, RuntimeError) as error:
            raise NotReady(f"{self.spec.id}: {path.name!r} is no checkpoint of PANNs ({type(error).__name__})") from error
        self.model = cnn14(stored, self.spec.id).to(self.device).eval()
        self.labels = _labels(weights.needed(self.spec, 1), self.model.classes, self.spec.id)
        self._scores(np.zeros(RATE, np.float32))

    def run(self, request: Classify, timeout_s: float) -> Iterator[Piece]:
        """A tag per class, best first: its best score over windows of 10 s, and that window."""
        if request.audio.seconds < SHORTEST / RATE:
            raise BadInput(f"{self.spec.id} needs at least {SHORTEST / RATE:.2f} s of sound, got {request.audio.seconds:.2f} s")
        yield self.facts({"scores": "sigmoid"})
        spans = windows(request.audio, RATE, WINDOW_S, self.spec.id)
        scored = ((start_s, end_s, self._scores(samples)) for start_s, end_s, samples in spans)
        yield from best_tags(scored, self.labels, request.top_k)

    def _scores(self, samples: np.ndarray) -> np.ndarray:
        import torch

        samples = np.pad(samples, (0, max(0, SHORTEST - len(samples))))
        with torch.inference_mode():
            return self.model(torch.from_numpy(samples)[None].to(self.device))[0].float().cpu().numpy()


def cnn14(stored: dict[str, Any], engine_id: str) -> Any:
    """Cnn14 with the stored weights, its widths read off them: [batch, samples at 32 kHz] -> [batch, classes] in (0, 1).

    Raises NotReady where the weights are not Cnn14's.
    """
    import torch
    from torch import nn
    from torch.nn import functional as F

    class Block(nn.Module):
        def __init__(self, before: int, after: int) -> None:
            super().__init__()
            self.conv1 = nn.Conv2d(before, after, 3, padding=1, bias=False)
            self.conv2 = nn.Conv2d(after, after, 3, padding=1, bias=False)
            self.bn1, self.bn2 = nn.BatchNorm2d(after), nn.BatchNorm2d(after)

        def forward(self, x: torch.Tensor, halve: bool) -> torch.Tensor:
            x = F.relu(self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x))))))
            return F.avg_pool2d(x, 2) if halve else x

    class Cnn14(nn.Module):
        def __init__(self, widths: list[int], hidden: int, classes: int, mel: torch.Tensor) -> None:
            super().__init__()
            self.classes = classes
            self.register_buffer("mel", mel)
            self.register_buffer("window", torch.hann_window(FFT))
            self.bn0 = nn.BatchNorm2d(mel.shape[1])
            for number, (before, after) in enumerate(zip([1, *widths[:-1]], widths, strict=True), 1):
                self.add_module(f"conv_block{number}", Block(before, after))
            self.fc1, self.fc_audioset = nn.Linear(widths[-1], hidden), nn.Linear(hidden, classes)

        def forward(self, sound: torch.Tensor) -> torch.Tensor:
            spectrum = torch.stft(sound, FFT, HOP, window=self.window, center=True, pad_mode="reflect", return_complex=True)
            power = spectrum.abs().square().transpose(1, 2) @ self.mel
            x = 10 * torch.log10(power.clamp_min(LEAST_POWER))[:, None]  # [batch, 1, frames, mel]
            x = self.bn0(x.transpose(1, 3)).transpose(1, 3)
            for number in range(1, 7):
                x = getattr(self, f"conv_block{number}")(x, halve=number < 6)
            x = x.mean(dim=3)
            x = x.amax(dim=2) + x.mean(dim=2)
            return torch.sigmoid(self.fc_audioset(F.relu(self.fc1(x))))

    try:
        widths = [stored[f"conv_block{number}.conv1.weight"].shape[0] for number in range(1, 7)]
        classes, hidden = stored["fc_audioset.weight"].shape
        model = Cnn14(widths, hidden, classes, stored["logmel_extractor.melW"].float())
        kept = {
            name: value for name, value in stored.items() if not name.startswith(("spectrogram_extractor", "logmel_extractor"))
        }
        told = model.load_state_dict(kept, strict=False)
        if told.unexpected_keys or set(told.missing_keys) - {"mel", "window"}:
            raise KeyError((told.unexpected_keys or told.missing_keys)[0])
    except (KeyError, RuntimeError) as error:
        raise NotReady(f"{engine_id}: the weights are not those of Cnn14: {str(error).splitlines()[0][:120]}") from error
    return model


def _labels(file: Path, classes: int, engine_id: str) -> list[str]:
    """The display names of AudioSet's class_labels_indices.csv."""
    with file.open(encoding="utf-8", newline="") as text:
        names = [row["display_name"] for row in csv.DictReader(text)]
    if len(names) != classes:
        raise NotReady(f"{engine_id}: the weights have {classes} classes, and {file.name!r} names {len(names)}")
    return names


LABELS = Download("https://storage.googleapis.com/us_audioset/youtube_corpus/v1/csv/class_labels_indices.csv")
ENGINES = [
    EngineSpec(
        id="panns/cnn14",
        task="tagging",
        name="PANNs Cnn14",
        vendor="University of Surrey (open weights)",
        system="PANNs",
        engine=Panns,
        where="local",
        model="Cnn14_mAP=0.431",
        license_code="Apache-2.0 (Soundcheck), MIT (the original)",
        license_weights="CC-BY-4.0",
        languages=(),
        summary="Convolutional network: 527 classes of AudioSet, each scored on its own in windows of 10 s.",
        docs_url="https://github.com/qiuqiangkong/audioset_tagging_cnn",
        checked_on="2026-11-20",
        honours=("top_k",),
        needs=Needs(
            packages=("torch",),
            downloads=(Download("https://zenodo.org/record/3987831/files/Cnn14_mAP%3D0.431.pth"), LABELS),
            download_gb=0.33,
            memory_gb=memory_gb(80e6),
            gpu_memory_gb=memory_gb(80e6),
        ),
        parameters=80e6,
        tier="2",
        packages=("torch", "numpy", "soxr"),
        devices=("cuda", "mps", "cpu"),
    )
]


def own(source: str) -> EngineSpec:
    """A folder or hub id with a .pth checkpoint of Cnn14, trained on AudioSet's classes."""
    return own_spec(ENGINES[0], source, files=("*.pth",))
