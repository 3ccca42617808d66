# /// script
# requires-python = ">=3.11,<3.13"
# dependencies = [
#   "msclap==1.3.4",
#   "numpy==1.26.4",
#   "soxr==1.1.0",
#   "torch==2.11.0",
#   "torchaudio==2.11.0",
#   "transformers==4.57.6",
# ]
# ///
"""Zero-shot tagging with Microsoft's CLAP, 2022 and 2023, through the msclap package, in an environment of its own.

The package reads files and crops at random what is longer than its window; here arrays go in, window by window.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from engine import weights
from engine.contract import Classify, Download, EngineSpec, Needs, NotReady, Piece
from local_models._own import own_spec
from local_models._tags import asked_labels
from local_models._torch import TorchEngine, memory_gb
from local_models._zero_shot import TEMPLATE, nearest


class MsClap(TorchEngine):
    half = "float32"

    def load(self) -> None:
        import torch

        self.place()
        place = weights.needed(self.spec)
        weights.needed(self.spec, 1)  # the package finds the text model by its hub name
        path = next(iter(sorted(place.glob("*.pth"))), None) if self.spec.own else place / self.spec.extra["file"]
        if path is None or not path.is_file():
            raise NotReady(f"{self.spec.id}: {str(place)!r} holds no .pth file")
        from msclap import CLAP

        # The package calls torch.load without a word about pickles; torch 2.6 and later then read plain weights alone.
        self.wrapper = CLAP(model_fp=str(path), version=self.spec.extra["version"], use_cuda=self.device == "cuda")
        self.rate, self.window_s = self.wrapper.args.sampling_rate, float(self.wrapper.args.duration)
        with torch.inference_mode():
            self.scale = self.wrapper.clap.logit_scale.exp().item()
        self._heard(np.zeros(self.rate, np.float32))

    def run(self, request: Classify, timeout_s: float) -> Iterator[Piece]:
        """A tag per label, best first: its share among the labels in its best window of 7 s (2022: 5 s)."""
        labels = asked_labels(request.labels, self.spec.id)
        yield self.facts({"labels": len(labels), "template": TEMPLATE if len(labels) > 1 else None})
        yield from nearest(
            request, labels, self.spec.id, rate=self.rate, window_s=self.window_s, scale=self.scale,
            heard=self._heard, read=self._read,
        )  # fmt: skip

    def _heard(self, samples: np.ndarray) -> np.ndarray:
        """The vector of a window; a shorter one is repeated until it fills it, as the package does."""
        import torch

        filled = np.resize(samples, int(self.window_s * self.rate)).astype(np.float32)
        with torch.inference_mode():
            found = self.wrapper.clap.audio_encoder(torch.from_numpy(filled)[None].to(self.device))[0]
        return found[0].float().cpu().numpy()

    def _read(self, texts: list[str]) -> np.ndarray:
        return self.wrapper.get_text_embeddings(texts).float().cpu().numpy()


def _msclap(version: str, file: str, text_model: str, parameters: float, download_gb: float) -> EngineSpec:
    tokenizer: tuple[Any, ...] = ("*.json", "*.txt", "*.safetensors")
    return EngineSpec(
        id=f"msclap/{version}",
        task="tagging",
        name=f"CLAP {version} (Microsoft)",
        vendor="Microsoft (open weights)",
        system="CLAP (Microsoft)",
        engine=MsClap,
        where="local",
        model=file,
        license_code="MIT",
        license_weights="MIT",
        languages=("en",),
        summary="Zero-shot: any labels in English words. Scores are shares among the labels given: they add up to 1 per window.",
        docs_url="https://github.com/microsoft/CLAP",
        checked_on="2026-11-20",
        honours=("labels", "top_k"),
        needs=Needs(
            downloads=(Download("microsoft/msclap", (file,)), Download(text_model, tokenizer)),
            download_gb=download_gb,
            memory_gb=memory_gb(parameters),
            gpu_memory_gb=memory_gb(parameters),
        ),
        parameters=parameters,
        tier="2",
        packages=("msclap", "torch", "transformers"),
        devices=("cuda", "cpu"),
        isolated=True,
        tested="runs" if version == "2023" else "",
        extra={"version": version, "file": file},
    )


ENGINES = [
    _msclap("2023", "CLAP_weights_2023.pth", "gpt2", 160e6, 1.3),
    _msclap("2022", "CLAP_weights_2022.pth", "bert-base-uncased", 196e6, 1.2),
]


def own(source: str) -> EngineSpec:
    """A folder or hub id with one .pth checkpoint of the 2023 model, trained further."""
    return own_spec(ENGINES[0], source, files=("*.pth",))


if __name__ == "__main__":
    from engine.worker import serve

    serve()
