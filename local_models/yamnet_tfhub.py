# /// script
# requires-python = ">=3.11,<3.13"
# dependencies = [
#   "numpy==2.3.5",
#   "soxr==1.1.0",
#   "tensorflow==2.21.0",
# ]
# ///
"""YAMNet as TensorFlow Hub published it, on TensorFlow, in an environment of its own: windows of 0.96 s every 0.48 s."""

from __future__ import annotations

import csv
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from engine import weights
from engine.contract import Classify, Download, Engine, EngineSpec, Facts, Needs, NotReady, Piece
from local_models._own import own_spec
from local_models._tags import best_tags, windows

RATE, WINDOW, STEP = 16_000, 15_360, 7_680
PART_S, LEAST_REST = 60.0, 1 / 60
"""Networks with windows of their own get a minute at a time; less than a second at the end is left out."""


class YamNetHub(Engine):
    def load(self) -> None:
        place = weights.needed(self.spec)
        self._scratch = tempfile.TemporaryDirectory(prefix="yamnet-")
        if place.is_file():  # its address does not name it an archive, so nobody has unpacked it
            try:
                with tarfile.open(place) as packed:
                    packed.extractall(self._scratch.name, filter="data")
            except tarfile.TarError as error:
                raise NotReady(f"{self.spec.id}: {place.name!r} is no archive of a model ({type(error).__name__})") from error
            place = Path(self._scratch.name)
        found = sorted(place.rglob("saved_model.pb"))
        if not found:
            raise NotReady(f"{self.spec.id}: {str(place)!r} holds no saved_model.pb")
        import tensorflow as tf

        self._tf = tf
        self.model = tf.saved_model.load(str(found[0].parent))
        with Path(self.model.class_map_path().numpy().decode()).open(encoding="utf-8", newline="") as text:
            self.labels = [row["display_name"] for row in csv.DictReader(text)]
        self._scores(np.zeros(RATE, np.float32))

    def run(self, request: Classify, timeout_s: float) -> Iterator[Piece]:
        """A tag per class, best first: its best score over windows of 0.96 s, and that window."""
        yield Facts(device="cpu", dtype="float32", model=self.spec.model, sent={"scores": "sigmoid"})
        yield from best_tags(self._scored(request), self.labels, request.top_k)

    def _scored(self, request: Classify) -> Iterator[tuple[float, float, np.ndarray]]:
        for part_start_s, _part_end_s, samples in windows(request.audio, RATE, PART_S, self.spec.id, LEAST_REST):
            for number, scores in enumerate(self._scores(samples)):
                start_s = part_start_s + number * STEP / RATE
                if start_s < request.audio.seconds:
                    yield start_s, min(start_s + WINDOW / RATE, request.audio.seconds), scores

    def _scores(self, samples: np.ndarray) -> np.ndarray:
        """[windows, classes] of up to a minute at 16 kHz."""
        padded = np.pad(samples, (0, max(0, WINDOW - len(samples)))).astype(np.float32)
        return self.model(self._tf.constant(padded))[0].numpy()


ENGINES = [
    EngineSpec(
        id="yamnet_tfhub/1",
        task="tagging",
        name="YAMNet (TensorFlow Hub)",
        vendor="Google (open weights)",
        system="YAMNet (TF Hub)",
        engine=YamNetHub,
        where="local",
        model="google/yamnet/tensorFlow2/yamnet/1",
        license_code="Apache-2.0",
        license_weights="Apache-2.0",
        languages=(),
        summary="The original of YAMNet on TensorFlow: 521 classes of AudioSet, each scored on its own, twice a second.",
        docs_url="https://www.kaggle.com/models/google/yamnet",
        checked_on="2026-11-20",
        honours=("top_k",),
        needs=Needs(
            downloads=(Download("https://www.kaggle.com/api/v1/models/google/yamnet/tensorFlow2/yamnet/1/download"),),
            download_gb=0.015,
            memory_gb=0.9,
        ),
        parameters=3.7e6,
        tier="1",
        packages=("tensorflow", "numpy"),
        isolated=True,
    )
]


def own(source: str) -> EngineSpec:
    """A folder or hub id with a SavedModel that is called as YAMNet is and names its classes by class_map_path."""
    return own_spec(ENGINES[0], source, files=("*saved_model.pb", "*"))


if __name__ == "__main__":
    from engine.worker import serve

    serve()
