# /// script
# requires-python = ">=3.11,<3.13"
# dependencies = [
#   "essentia==2.1b6.dev1389",
#   "numpy==2.3.5",
#   "onnxruntime==1.31.1",
#   "soxr==1.1.0",
# ]
# ///
"""Music into key and tempo, styles and tags with Essentia, in an environment of its own, where AGPL code stays apart.

Key and tempo are algorithms; the networks are Essentia's own ONNX exports over its mel spectrogram, so no TensorFlow is needed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from engine import weights
from engine.contract import BadInput, Classify, Download, Engine, EngineSpec, Facts, Limits, Needs, NotReady, Piece, Tag
from local_models._own import own_spec
from local_models._tags import best_tags, windows

SHORTEST_S = 3.0
SURE_TEMPO = 5.32
"""The largest confidence that Essentia's documentation names for RhythmExtractor2013; from 3.5 it calls it excellent."""
MEL_RATE, MEL_FRAME, MEL_HOP = 16_000, 512, 256
PART_S, LEAST_REST = 60.0, 1 / 60
"""Networks with windows of their own get a minute at a time; less than a second at the end is left out."""


class KeyTempo(Engine):
    RATE = 44_100

    def load(self) -> None:
        import essentia.standard as algorithms

        self._algorithms = algorithms
        self._judge(np.random.default_rng(0).standard_normal(self.RATE * 3).astype(np.float32))

    def run(self, request: Classify, timeout_s: float) -> Iterator[Piece]:
        """Two tags over the whole sound: the key with the strength of its profile, the tempo with the confidence of its beats.

        Raises BadInput for less than three seconds.
        """
        if request.audio.seconds < SHORTEST_S:
            raise BadInput(f"{self.spec.id} needs at least {SHORTEST_S:g} s of music, got {request.audio.seconds:.2f} s")
        samples = np.ascontiguousarray(request.audio.mono().resample(self.RATE).samples[0], np.float32)
        yield Facts(device="cpu", dtype="float32", model=self.spec.model)
        found = sorted(self._judge(samples), key=lambda each: -each[1])
        for label, score in found[: request.top_k]:
            yield Tag(label, score, 0.0, request.audio.seconds)

    def _judge(self, samples: np.ndarray) -> list[tuple[str, float]]:
        if not np.any(samples):
            return [("silence", 1.0)]
        key, scale, strength = self._algorithms.KeyExtractor(sampleRate=self.RATE)(samples)
        tempo, _beats, confidence, _estimates, _intervals = self._algorithms.RhythmExtractor2013(method="multifeature")(samples)
        return [
            (f"{key} {scale}", float(np.clip(strength, 0, 1))),
            (f"{tempo:.0f} BPM", float(np.clip(confidence / SURE_TEMPO, 0, 1))),
        ]


class MelNetwork(Engine):
    """A network over patches of 96 mel bands."""

    def load(self) -> None:
        import essentia.standard as algorithms
        import onnxruntime

        network, described = self._files()
        self.labels = json.loads(described.read_text("utf-8"))["classes"]
        self._frames, self._mel = algorithms.FrameGenerator, algorithms.TensorflowInputMusiCNN()
        self.session = onnxruntime.InferenceSession(str(network), providers=["CPUExecutionProvider"])
        outputs = [each.name for each in self.session.get_outputs() if each.shape[-1] == len(self.labels)]
        if not outputs:
            raise NotReady(f"{self.spec.id}: no output of {network.name!r} has as many values as {described.name!r} has classes")
        self.input, self.output = self.session.get_inputs()[0].name, outputs[0]
        self.patch, self.step = self.spec.extra["patch"], self.spec.extra["step"]
        self._scores(np.zeros(MEL_RATE * 4, np.float32))

    def _files(self) -> tuple[Path, Path]:
        if self.spec.own:
            folder = weights.needed(self.spec)
            networks, lists = sorted(folder.glob("*.onnx")), sorted(folder.glob("*.json"))
            if len(networks) != 1 or len(lists) != 1:
                raise NotReady(f"{self.spec.id}: {str(folder)!r} must hold one .onnx and one .json file with its classes")
            return networks[0], lists[0]
        return weights.needed(self.spec), weights.needed(self.spec, 1)

    def run(self, request: Classify, timeout_s: float) -> Iterator[Piece]:
        """A tag per class, best first: its best score over windows of two to three seconds, and that window."""
        yield Facts(device="cpu", dtype="float32", model=self.spec.model, sent={"scores": "sigmoid"})
        yield from best_tags(self._scored(request), self.labels, request.top_k)

    def _scored(self, request: Classify) -> Iterator[tuple[float, float, np.ndarray]]:
        end_s, frame_s = request.audio.seconds, MEL_HOP / MEL_RATE
        for part_start_s, _part_end_s, samples in windows(request.audio, MEL_RATE, PART_S, self.spec.id, LEAST_REST):
            for number, scores in enumerate(self._scores(samples)):
                start_s = part_start_s + number * self.step * frame_s
                yield start_s, min(start_s + self.patch * frame_s, end_s), scores

    def _scores(self, samples: np.ndarray) -> np.ndarray:
        """[patches, classes]; a sound shorter than a patch is repeated until it fills one, as Essentia does."""
        least = (self.patch - 1) * MEL_HOP + MEL_FRAME
        if len(samples) < least:
            samples = np.resize(samples, least)
        samples = np.ascontiguousarray(samples, np.float32)
        frames = self._frames(samples, frameSize=MEL_FRAME, hopSize=MEL_HOP, startFromZero=True)
        mel = np.array([self._mel(frame) for frame in frames], np.float32)
        patches = np.stack([mel[first : first + self.patch] for first in range(0, len(mel) - self.patch + 1, self.step)])
        return np.concatenate(
            [
                self.session.run([self.output], {self.input: patches[first : first + 16]})[0]
                for first in range(0, len(patches), 16)
            ]
        )


def _essentia(variant: str, **facts: object) -> EngineSpec:
    return EngineSpec(
        **{
            "id": f"essentia/{variant}", "task": "tagging", "vendor": "Music Technology Group, UPF", "where": "local",
            "license_code": "AGPL-3.0", "license_weights": "CC-BY-NC-SA-4.0", "languages": (),
            "docs_url": "https://essentia.upf.edu/models.html", "checked_on": "2026-11-20", "honours": ("top_k",), "tier": "2",
            "packages": ("essentia", "onnxruntime", "numpy"), "isolated": True,
        }
        | facts
    )  # fmt: skip


_MODELS = "https://essentia.upf.edu/models"
ENGINES = [
    _essentia(
        "discogs-effnet", name="Discogs-EffNet styles (Essentia)", system="Essentia Discogs-EffNet", engine=MelNetwork,
        model="discogs-effnet-bsdynamic-1.onnx", parameters=5e6, extra={"patch": 128, "step": 62},
        summary="400 musical styles of Discogs, each on its own in windows of two seconds. For non-commercial use.",
        needs=Needs(
            downloads=(
                Download(f"{_MODELS}/feature-extractors/discogs-effnet/discogs-effnet-bsdynamic-1.onnx"),
                Download(f"{_MODELS}/feature-extractors/discogs-effnet/discogs-effnet-bsdynamic-1.json"),
            ),
            download_gb=0.02, memory_gb=0.5,
        ),
    ),
    _essentia(
        "msd-musicnn", name="MSD-MusiCNN tags (Essentia)", system="Essentia MSD-MusiCNN", engine=MelNetwork,
        model="msd-musicnn-1.onnx", parameters=0.8e6, extra={"patch": 187, "step": 93},
        summary="50 tags of the Million Song Dataset (genre, era, mood), in windows of three seconds. For non-commercial use.",
        needs=Needs(
            downloads=(
                Download(f"{_MODELS}/autotagging/msd/msd-musicnn-1.onnx"),
                Download(f"{_MODELS}/autotagging/msd/msd-musicnn-1.json"),
            ),
            download_gb=0.004, memory_gb=0.4,
        ),
    ),
    _essentia(
        "key-tempo", name="Key and tempo (Essentia)", system="Essentia (algorithms)", engine=KeyTempo,
        model="KeyExtractor, RhythmExtractor2013", license_weights=None, docs_url="https://essentia.upf.edu",
        summary="Algorithms, no network: the key and the tempo of a piece of music, each with a confidence.",
        limits=Limits(audio_seconds=3600), needs=Needs(download_gb=0.02, memory_gb=0.6),
    ),
]  # fmt: skip


def own(source: str) -> EngineSpec:
    """A folder or hub id with one .onnx network over Essentia's mel patches of two seconds, and the .json with its classes."""
    return own_spec(ENGINES[0], source, files=("*.onnx", "*.json"))


if __name__ == "__main__":
    from engine.worker import serve

    serve()
