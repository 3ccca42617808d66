# /// script
# requires-python = ">=3.11,<3.13"
# dependencies = [
#   "laion-clap==1.1.7",
#   "librosa==0.11.0",
#   "numpy==1.26.4",
#   "setuptools<81",
#   "soxr==1.1.0",
#   "torch==2.11.0",
#   "torchaudio==2.11.0",
#   "torchvision==0.26.0",
#   "transformers==4.57.6",
# ]
# ///
"""Zero-shot tagging with CLAP through LAION's package, with its music and speech checkpoints, in an environment of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from engine import weights
from engine.contract import Classify, Download, EngineSpec, Needs, NotReady, Piece
from local_models._own import own_spec
from local_models._tags import asked_labels
from local_models._torch import TorchEngine, memory_gb
from local_models._zero_shot import TEMPLATE, nearest

RATE, WINDOW_S = 48_000, 10.0


class LaionClap(TorchEngine):
    half = "float32"

    def load(self) -> None:
        self.place()
        place = weights.needed(self.spec)
        for number in range(1, len(self.spec.needs.downloads)):  # the package finds these by their hub names
            weights.needed(self.spec, number)
        path = next(iter(sorted(place.glob("*.pt"))), None) if self.spec.own else place / self.spec.extra["file"]
        if path is None or not path.is_file():
            raise NotReady(f"{self.spec.id}: {str(place)!r} holds no .pt file")
        from laion_clap import CLAP_Module

        self.model = CLAP_Module(enable_fusion=self.spec.extra["fusion"], device=self.device, amodel=self.spec.extra["network"])
        stored = _plain(path, self.spec.id)
        # An index of positions that newer text models no longer store.
        stored.pop("text_branch.embeddings.position_ids", None)
        try:
            self.model.model.load_state_dict(stored)
        except RuntimeError as error:
            raise NotReady(
                f"{self.spec.id}: {path.name!r} does not fit this network ({str(error).splitlines()[0][:80]})"
            ) from error
        self.model.eval()
        self.scale = self.model.model.logit_scale_a.exp().item()
        self._heard(np.zeros(RATE, np.float32))

    def run(self, request: Classify, timeout_s: float) -> Iterator[Piece]:
        """A tag per label, best first: its share among the labels in its best window of 10 s."""
        labels = asked_labels(request.labels, self.spec.id)
        yield self.facts({"labels": len(labels), "template": TEMPLATE if len(labels) > 1 else None})
        yield from nearest(
            request, labels, self.spec.id, rate=RATE, window_s=WINDOW_S, scale=self.scale, heard=self._heard, read=self._read
        )

    def _heard(self, samples: np.ndarray) -> np.ndarray:
        import torch

        with torch.inference_mode():
            return self.model.get_audio_embedding_from_data([samples])[0]

    def _read(self, texts: list[str]) -> np.ndarray:
        import torch

        with torch.inference_mode():
            return self.model.get_text_embedding(texts)


def _plain(path: Path, engine_id: str) -> dict[str, Any]:
    """The weights of a training checkpoint. Of its pickle only tensors and numpy's plain numbers are read."""
    import pickle

    import torch

    numbers = [np.core.multiarray.scalar, np.dtype, type(np.dtype("float64")), type(np.dtype("float32")), type(np.dtype("int64"))]
    try:
        with torch.serialization.safe_globals(numbers):
            stored = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise NotReady(f"{engine_id}: {path.name!r} holds more than plain weights, which are all that is read") from error
    stored = stored.get("state_dict", stored)
    return {name.removeprefix("module."): value for name, value in stored.items()}


_TOKENIZER = ("*.json", "vocab*")
TEXT = (
    Download("roberta-base", ("*.json", "merges.txt", "model.safetensors")),
    # The package opens these two tokenizers while it is imported and uses neither.
    Download("bert-base-uncased", _TOKENIZER),
    Download("facebook/bart-base", _TOKENIZER),
)


def _laion(variant: str, file: str, name: str, summary: str, *, network: str = "HTSAT-tiny", fusion: bool = False) -> EngineSpec:
    parameters = 194e6 if network == "HTSAT-base" else 153e6
    return EngineSpec(
        id=f"laion_clap/{variant}",
        task="tagging",
        name=name,
        vendor="LAION (open weights)",
        system="CLAP (laion-clap)",
        engine=LaionClap,
        where="local",
        model=file,
        license_code="CC0-1.0",
        license_weights="CC0-1.0",
        languages=("en",),
        summary=f"Zero-shot: any labels in English words, as shares among them. {summary}",
        docs_url="https://huggingface.co/lukewys/laion_clap",
        checked_on="2026-11-20",
        honours=("labels", "top_k"),
        needs=Needs(
            downloads=(Download("lukewys/laion_clap", (file,)), *TEXT),
            download_gb=2.9 if network == "HTSAT-base" else 2.4,
            memory_gb=memory_gb(parameters) + 1,
            gpu_memory_gb=memory_gb(parameters),
        ),
        parameters=parameters,
        tier="2",
        packages=("laion-clap", "torch", "transformers"),
        devices=("cuda", "cpu"),
        isolated=True,
        tested="runs" if network == "HTSAT-tiny" and not fusion else "",
        extra={"file": file, "network": network, "fusion": fusion},
    )


ENGINES = [
    _laion("630k-audioset", "630k-audioset-best.pt", "CLAP 630k and AudioSet (laion-clap)", "Trained on general sound."),
    _laion(
        "630k-audioset-fusion", "630k-audioset-fusion-best.pt", "CLAP fused 630k and AudioSet (laion-clap)",
        "Trained on general sound of any length.", fusion=True,
    ),
    _laion(
        "music-audioset", "music_audioset_epoch_15_esc_90.14.pt", "CLAP music (laion-clap)",
        "Trained on music and AudioSet.", network="HTSAT-base",
    ),
    _laion(
        "music-speech", "music_speech_epoch_15_esc_89.25.pt", "CLAP music and speech (laion-clap)",
        "Trained on music and speech.", network="HTSAT-base",
    ),
    _laion(
        "music-speech-audioset", "music_speech_audioset_epoch_15_esc_89.98.pt", "CLAP music, speech and AudioSet (laion-clap)",
        "Trained on music, speech and AudioSet.", network="HTSAT-base",
    ),
]  # fmt: skip


def own(source: str) -> EngineSpec:
    """A folder or hub id with one .pt checkpoint that laion-clap trained, with the network HTSAT-tiny."""
    return own_spec(ENGINES[0], source, files=("*.pt",))


if __name__ == "__main__":
    from engine.worker import serve

    serve()
