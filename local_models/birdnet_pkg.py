# /// script
# requires-python = ">=3.11,<3.13"
# dependencies = [
#   "ai-edge-litert==2.3.0",
#   "birdnet==1.3.1",
#   "numpy==2.3.5",
#   "soxr==1.1.0",
# ]
# ///
"""Bird sounds with the birdnet package, in an environment of its own: BirdNET V2.4 as its authors run it.

birdnet.py runs the same network on LiteRT directly; this is the authors' own pipeline, with its worker processes.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from engine import weights
from engine.contract import Classify, Download, Engine, EngineSpec, Facts, Needs, NotReady, Piece
from local_models._own import own_spec
from local_models._tags import best_tags, windows

RATE, WINDOW_S = 48_000, 3.0
PART_S, LEAST_REST = 60.0, 1 / 60
"""The package gets a minute at a time; less than a second at the end is left out."""
LOWEST_SCORE = 0.1
"""The package's own limit; what scores below it everywhere is not named, except the very best label."""


class BirdNetPackage(Engine):
    def load(self) -> None:
        place = weights.needed(self.spec)
        networks = [path for path in sorted(place.rglob("*.tflite")) if "meta" not in path.name.lower()]
        lists = [*sorted(place.rglob("en_us.txt")), *sorted(place.rglob("*[Ll]abels*.txt"))]
        if len(networks) != 1 or not lists:
            raise NotReady(f"{self.spec.id}: {str(place)!r} must hold one .tflite network and its list of labels")
        # The package makes a folder for downloads in the person's home as soon as it is imported.
        self._scratch = tempfile.TemporaryDirectory(prefix="birdnet-")
        os.environ["BIRDNET_APP_DATA"] = self._scratch.name
        import birdnet

        species = lists[0].read_text("utf-8").splitlines()
        self.labels = [line.partition("_")[2] or line for line in species if line.strip()]
        self.places = {line: number for number, line in enumerate(line for line in species if line.strip())}
        self.model = birdnet.load_custom(
            "acoustic", "2.4", "tf", networks[0], lists[0],
            precision=self.spec.extra["precision"], check_validity=False, library="litert",
        )  # fmt: skip
        self._open = contextlib.ExitStack()
        self.session = self._open.enter_context(
            self.model.predict_session(top_k=None, n_workers=1, default_confidence_threshold=-1.0, show_stats=None)
        )
        self._scores(np.zeros(int(WINDOW_S * RATE), np.float32))

    def run(self, request: Classify, timeout_s: float) -> Iterator[Piece]:
        """One tag per label: its best score over windows of 3 s, and that window; at most `top_k` labels, best first."""
        yield Facts(device="cpu", dtype=self.spec.extra["precision"], model=self.spec.model)
        for place, tag in enumerate(best_tags(self._scored(request), self.labels, request.top_k)):
            if place and tag.score < LOWEST_SCORE:
                return
            yield tag

    def _scored(self, request: Classify) -> Iterator[tuple[float, float, np.ndarray]]:
        for part_start_s, _part_end_s, samples in windows(request.audio, RATE, PART_S, self.spec.id, LEAST_REST):
            for start_s, scores in self._scores(samples).items():
                at_s = part_start_s + start_s
                yield at_s, min(at_s + WINDOW_S, request.audio.seconds), scores

    def _scores(self, samples: np.ndarray) -> dict[float, np.ndarray]:
        """The start of each window of 3 s in up to a minute at 48 kHz, and its score in (0, 1) per label."""
        padded = np.pad(samples, (0, max(0, int(WINDOW_S * RATE) - len(samples)))).astype(np.float32)
        found: dict[float, np.ndarray] = {}
        for row in self.session.run_arrays([(padded, RATE)]).to_structured_array():
            scores = found.setdefault(float(row["start_time"]), np.zeros(len(self.labels)))
            scores[self.places[str(row["species_name"])]] = row["confidence"]
        return found

    def close(self) -> None:
        self._open.close()
        self._scratch.cleanup()


def _birdnet(variant: str, archive: str, precision: str, download_gb: float) -> EngineSpec:
    return EngineSpec(
        id=f"birdnet_pkg/{variant}",
        task="tagging",
        name=f"BirdNET V2.4 (birdnet, {precision})",
        vendor="Cornell Lab of Ornithology and Chemnitz University of Technology",
        system="BirdNET (birdnet)",
        engine=BirdNetPackage,
        where="local",
        model=f"BirdNET V2.4 {precision}",
        license_code="MIT",
        license_weights="CC-BY-NC-SA-4.0",
        languages=(),
        summary=(
            "Bird sounds: 6,522 classes, a few of them everyday sounds. Anything else gets bird names too. The authors' own "
            "pipeline. Weights are for non-commercial use."
        ),
        docs_url="https://github.com/birdnet-team/birdnet",
        checked_on="2026-11-20",
        honours=("top_k",),
        needs=Needs(
            downloads=(Download(f"https://zenodo.org/records/15050749/files/{archive}"),), download_gb=download_gb, memory_gb=1.0
        ),
        tier="3",
        packages=("birdnet", "ai-edge-litert", "numpy"),
        isolated=True,
        extra={"precision": precision},
    )


ENGINES = [_birdnet("v2.4-fp32", "BirdNET_v2.4_tflite.zip", "fp32", 0.08)]


def own(source: str) -> EngineSpec:
    """A folder with one .tflite classifier of BirdNET V2.4 and its list of labels."""
    return own_spec(ENGINES[0], str(Path(source)), files=("*.tflite", "*.txt"))


if __name__ == "__main__":
    from engine.worker import serve

    serve()
