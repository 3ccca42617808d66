"""Sound into a fixed set of tags with an audio classifier of transformers, such as the Audio Spectrogram Transformer."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from engine.contract import Classify, Download, EngineSpec, Needs, Piece
from local_models._own import own_spec
from local_models._tags import best_tags, windows
from local_models._torch import TorchEngine, memory_gb

WINDOW_S = 10.0


class AudioTransformer(TorchEngine):
    half = "float32"

    def load(self) -> None:
        from transformers import AutoFeatureExtractor, AutoModelForAudioClassification

        self.place()
        self.model = self.pretrained(AutoModelForAudioClassification)
        self.extract = self.pretrained(AutoFeatureExtractor, weights_too=False)
        config = self.model.config
        self.labels = [config.id2label[number] for number in range(config.num_labels)]
        # AudioSet's labels do not exclude each other; a checkpoint that was trained to choose one says so, or has few.
        self.many = config.problem_type == "multi_label_classification" or (
            config.problem_type is None and len(self.labels) > 500
        )
        self._scores(np.zeros(self.extract.sampling_rate, np.float32))

    def run(self, request: Classify, timeout_s: float) -> Iterator[Piece]:
        """A tag per label, best first: its best score over windows of 10 s, and that window."""
        yield self.facts({"scores": "sigmoid" if self.many else "softmax"})
        spans = windows(request.audio, self.extract.sampling_rate, WINDOW_S, self.spec.id)
        scored = ((start_s, end_s, self._scores(samples)) for start_s, end_s, samples in spans)
        yield from best_tags(scored, self.labels, request.top_k)

    def _scores(self, samples: np.ndarray) -> np.ndarray:
        import torch

        # A window shorter than one frame of the spectrogram would have no frames at all.
        samples = np.pad(samples, (0, max(0, self.extract.sampling_rate // 10 - len(samples))))
        features = self.extract(samples, sampling_rate=self.extract.sampling_rate, return_tensors="pt").to(self.device)
        with torch.inference_mode():
            logits = self.model(**features).logits[0].float()
        return (logits.sigmoid() if self.many else logits.softmax(-1)).cpu().numpy()


ENGINES = [
    EngineSpec(
        id="audio_transformer/ast-audioset",
        task="tagging",
        name="AST AudioSet",
        vendor="MIT (open weights)",
        system="AST (in-process proxy for PANNs/BEATs/YAMNet)",
        engine=AudioTransformer,
        where="local",
        model="MIT/ast-finetuned-audioset-10-10-0.4593",
        license_code="Apache-2.0 (transformers)",
        license_weights="BSD-3-Clause",
        languages=(),
        summary="Audio Spectrogram Transformer: 527 classes of AudioSet, each scored on its own in windows of 10 s.",
        docs_url="https://huggingface.co/MIT/ast-finetuned-audioset-10-10-0.4593",
        checked_on="2026-11-20",
        honours=("top_k",),
        needs=Needs(
            packages=("torch", "transformers"),
            downloads=(Download("MIT/ast-finetuned-audioset-10-10-0.4593", ("*.json", "model.safetensors")),),
            download_gb=0.35,
            memory_gb=memory_gb(87e6),
            gpu_memory_gb=memory_gb(87e6),
        ),
        parameters=87e6,
        packages=("transformers", "torch"),
        devices=("cuda", "mps", "cpu"),
    )
]


def own(source: str) -> EngineSpec:
    """A folder or hub id that AutoModelForAudioClassification loads."""
    return own_spec(ENGINES[0], source)
