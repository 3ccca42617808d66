"""Sound into 521 everyday classes with Google's YAMNet on LiteRT: a window of 0.975 s, one after the other."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from engine import weights
from engine.contract import Classify, Download, Engine, EngineSpec, Facts, Needs, NotReady, Piece
from local_models._own import own_spec
from local_models._tags import best_tags, windows

RATE, WINDOW = 16_000, 15_600


class YamNet(Engine):
    def load(self) -> None:
        from ai_edge_litert.interpreter import Interpreter

        path = self._file(weights.needed(self.spec))
        self.labels = _labels_of(path)
        self.network = Interpreter(str(path), num_threads=2)
        given = self.network.get_input_details()[0]
        if list(given["shape"]) not in ([WINDOW], [1, WINDOW]):  # the variant that takes any length
            self.network.resize_tensor_input(given["index"], [WINDOW])
        self.network.allocate_tensors()
        self.shape = self.network.get_input_details()[0]["shape"]
        found = self._scores(np.zeros(WINDOW, np.float32))
        if len(found) != len(self.labels):
            raise NotReady(f"{self.spec.id}: {path.name!r} gives {len(found)} scores and names {len(self.labels)} classes")

    def run(self, request: Classify, timeout_s: float) -> Iterator[Piece]:
        """A tag per class, best first: its best score over windows of 0.975 s, and that window."""
        yield Facts(device="cpu", dtype="float32", model=self.spec.model, sent={"scores": "sigmoid"})
        spans = windows(request.audio, RATE, WINDOW / RATE, self.spec.id)
        scored = ((start_s, end_s, self._scores(samples)) for start_s, end_s, samples in spans)
        yield from best_tags(scored, self.labels, request.top_k)

    def _file(self, place: Path) -> Path:
        found = [place] if place.is_file() else sorted(place.glob("*.tflite"))
        if len(found) != 1:
            raise NotReady(f"{self.spec.id}: {str(place)!r} must hold one .tflite file, and holds {len(found)}")
        return found[0]

    def _scores(self, samples: np.ndarray) -> np.ndarray:
        """Up to 15,600 samples at 16 kHz -> a score in [0, 1] per class."""
        padded = np.pad(samples, (0, WINDOW - len(samples))).astype(np.float32)
        self.network.set_tensor(self.network.get_input_details()[0]["index"], padded.reshape(self.shape))
        self.network.invoke()
        found = self.network.get_tensor(self.network.get_output_details()[0]["index"])
        return found.reshape(-1, found.shape[-1]).max(axis=0)


def _labels_of(file: Path) -> list[str]:
    """The class names, from the text files that the model carries as a zip at its end, else from a list beside it."""
    texts: dict[str, str] = {}
    if zipfile.is_zipfile(file):
        with zipfile.ZipFile(file) as packed:
            texts = {name: packed.read(name).decode("utf-8") for name in packed.namelist()}
    for path in sorted([*file.parent.glob("*.csv"), *file.parent.glob("*.txt")]) if not texts else ():
        texts[path.name] = path.read_text("utf-8")
    for name, text in texts.items():
        if name.endswith(".csv") and "display_name" in text:
            return [row["display_name"] for row in csv.DictReader(io.StringIO(text))]
        if name.endswith(".txt") and "label" in name:
            return [line.strip() for line in text.splitlines() if line.strip()]
    raise NotReady(
        f"{file.name!r} names no classes: put a text file with one name per line and 'label' in its name, or "
        "yamnet_class_map.csv, beside it"
    )


ADDRESS = "https://storage.googleapis.com/mediapipe-models/audio_classifier/yamnet/float32/1/yamnet.tflite"
ENGINES = [
    EngineSpec(
        id="yamnet/float32",
        task="tagging",
        name="YAMNet",
        vendor="Google (open weights)",
        system="YAMNet",
        engine=YamNet,
        where="local",
        model="yamnet/float32/1",
        license_code="Apache-2.0 (LiteRT)",
        license_weights="Apache-2.0",
        languages=(),
        summary="Small network for phones: 521 classes of AudioSet, each scored on its own in windows of about a second.",
        docs_url="https://ai.google.dev/edge/mediapipe/solutions/audio/audio_classifier",
        checked_on="2026-11-20",
        honours=("top_k",),
        needs=Needs(packages=("ai_edge_litert",), downloads=(Download(ADDRESS),), download_gb=0.005, memory_gb=0.3),
        parameters=3.7e6,
        tier="1",
        packages=("ai-edge-litert", "numpy", "soxr"),
    )
]


def own(source: str) -> EngineSpec:
    """A folder or hub id with one .tflite file of YAMNet's input and, unless it carries them, a list of its classes."""
    return own_spec(ENGINES[0], source, files=("*.tflite",))
