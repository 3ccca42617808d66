# /// script
# requires-python = ">=3.11,<3.13"
# dependencies = [
#   "huggingface_hub==0.36.2",
#   "numpy==2.3.5",
#   "soxr==1.1.0",
#   "speechbrain==1.1.2",
#   "torch==2.11.0",
#   "torchaudio==2.11.0",
# ]
# ///
"""Sound into AudioSet's classes with Microsoft's BEATs, by SpeechBrain's copy of the network, in an environment of its own."""

from __future__ import annotations

import csv
import pickle
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from engine import weights
from engine.contract import Classify, Download, EngineSpec, Needs, NotReady, Piece
from local_models._own import own_spec
from local_models._tags import best_tags, windows
from local_models._torch import TorchEngine, memory_gb

RATE, WINDOW_S = 16_000, 10.0
SHORTEST = RATE // 4
"""The network's first layer takes patches of 16 frames of 10 ms."""


class Beats(TorchEngine):
    half = "float32"

    def load(self) -> None:
        import torch
        from speechbrain.lobes.models.beats import BEATs

        self.place()
        place = weights.needed(self.spec)
        path = next(iter(sorted(place.glob("*.pt"))), None)
        if path is None:
            raise NotReady(f"{self.spec.id}: {str(place)!r} holds no .pt file")
        try:
            stored = torch.load(path, map_location="cpu", weights_only=True)
        except pickle.UnpicklingError as error:
            raise NotReady(f"{self.spec.id}: {path.name!r} holds more than plain weights, which are all that is read") from error
        if "label_dict" not in stored:
            raise NotReady(f"{self.spec.id}: {path.name!r} was not fine-tuned on classes: it makes embeddings, no tags")
        self.model = BEATs(str(path)).to(self.device).eval()
        beside = sorted(place.glob("*.csv")) if self.spec.own else []
        names = _names(beside[0] if beside else weights.needed(self.spec, 1))
        self.labels = [names.get(mid, mid) for _number, mid in sorted(stored["label_dict"].items())]
        self._scores(np.zeros(RATE, np.float32))

    def run(self, request: Classify, timeout_s: float) -> Iterator[Piece]:
        """A tag per class, best first: its best score over windows of 10 s, and that window."""
        yield self.facts({"scores": "sigmoid"})
        spans = windows(request.audio, RATE, WINDOW_S, self.spec.id)
        scored = ((start_s, end_s, self._scores(samples)) for start_s, end_s, samples in spans)
        yield from best_tags(scored, self.labels, request.top_k)

    def _scores(self, samples: np.ndarray) -> np.ndarray:
        import torch

        samples = np.pad(samples, (0, max(0, SHORTEST - len(samples)))).astype(np.float32)
        with torch.inference_mode():
            _states, scores, _mask = self.model(torch.from_numpy(samples)[None].to(self.device), torch.ones(1).to(self.device))
        return scores[0].float().cpu().numpy()


def _names(file: Path) -> dict[str, str]:
    """AudioSet's display names by class id."""
    with file.open(encoding="utf-8", newline="") as text:
        return {row["mid"]: row["display_name"] for row in csv.DictReader(text)}


FILE = "BEATs_iter3_plus_AS2M_finetuned_on_AS2M_cpt2.pt"
LABELS = Download("https://storage.googleapis.com/us_audioset/youtube_corpus/v1/csv/class_labels_indices.csv")
ENGINES = [
    EngineSpec(
        id="beats/as2m-cpt2",
        task="tagging",
        name="BEATs iter3+ AudioSet",
        vendor="Microsoft (open weights)",
        system="BEATs",
        engine=Beats,
        where="local",
        model=FILE,
        license_code="Apache-2.0 (SpeechBrain), MIT (the original)",
        license_weights="MIT",
        languages=(),
        summary="Audio transformer: 527 classes of AudioSet, each on its own in windows of 10 s. Weights from a mirror.",
        docs_url="https://github.com/microsoft/unilm/tree/master/beats",
        checked_on="2026-11-20",
        honours=("top_k",),
        needs=Needs(
            downloads=(Download("THUdyh/Ola_speech_encoders", (FILE,)), LABELS),
            download_gb=0.37,
            memory_gb=memory_gb(90e6) + 0.5,
            gpu_memory_gb=memory_gb(90e6),
        ),
        parameters=90e6,
        tier="2",
        packages=("speechbrain", "torch", "torchaudio"),
        devices=("cuda", "cpu"),
        isolated=True,
    )
]


def own(source: str) -> EngineSpec:
    """A folder or hub id with one .pt checkpoint of BEATs, fine-tuned; a .csv with mid and display_name may name its classes."""
    return own_spec(ENGINES[0], source, files=("*.pt",))


if __name__ == "__main__":
    from engine.worker import serve

    serve()
