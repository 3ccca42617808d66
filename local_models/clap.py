"""Zero-shot tagging with LAION's CLAP through transformers: sound and words in one space, scored by how near they lie."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from engine.contract import Classify, Download, EngineSpec, Needs, Piece
from local_models._own import own_spec
from local_models._tags import asked_labels, best_tags, windows
from local_models._torch import TorchEngine, memory_gb

WINDOW_S = 10.0
TEMPLATE = "This is a sound of {}."
"""The sentence that transformers' own pipeline asks with."""
FILES = ("*.json", "*.txt", "*model.[bs]*")


class Clap(TorchEngine):
    half = "float32"  # half precision moves the similarities by more than engines differ

    def load(self) -> None:
        from transformers import ClapFeatureExtractor, ClapModel, RobertaTokenizerFast

        self.place()
        # from_pretrained reads pickled weights, which these repositories also hold, with weights_only alone
        self.model = self.pretrained(ClapModel, use_safetensors=None)
        self.extract = self.pretrained(ClapFeatureExtractor, weights_too=False)
        self.tokenizer = self.pretrained(RobertaTokenizerFast, weights_too=False)
        fused = self.model.config.audio_config.enable_fusion
        self.how = {"truncation": "fusion" if fused else "rand_trunc", "padding": "repeatpad"}
        self._heard(np.zeros(self.extract.sampling_rate, np.float32))

    def run(self, request: Classify, timeout_s: float) -> Iterator[Piece]:
        """A tag per label, best first: its share among the labels in its best window of 10 s.

        A single label has no others to share with: its score is the cosine similarity of sound and label, 0 where negative, over
        the whole sound.
        """
        labels = asked_labels(request.labels, self.spec.id)
        alone = len(labels) == 1
        words = self._read([label if alone else TEMPLATE.format(label) for label in labels])
        yield self.facts({"labels": len(labels), "template": None if alone else TEMPLATE})
        spans = windows(request.audio, self.extract.sampling_rate, WINDOW_S, self.spec.id)
        heard = [(start_s, end_s, self._heard(samples)) for start_s, end_s, samples in spans]
        if alone:
            whole = np.mean([vector for *_, vector in heard], axis=0)
            near = float(words[0] @ (whole / np.linalg.norm(whole)))
            scored = [(0.0, request.audio.seconds, np.array([max(0.0, near)]))]
        else:
            scale = self.model.logit_scale_a.exp().item()
            scored = [(start_s, end_s, _shares(scale * (words @ vector))) for start_s, end_s, vector in heard]
        yield from best_tags(scored, labels, request.top_k)

    def _heard(self, samples: np.ndarray) -> np.ndarray:
        """The unit vector of up to 10 s of sound."""
        import torch

        features = self.extract(samples, sampling_rate=self.extract.sampling_rate, return_tensors="pt", **self.how)
        # No window is longer than the model's; the extractor calls one of them longer at random.
        longer = torch.zeros_like(torch.as_tensor(features["is_longer"]), dtype=torch.bool)
        with torch.inference_mode():
            told = self.model.get_audio_features(features["input_features"].float().to(self.device), longer.to(self.device))
        return _vectors(told)[0]

    def _read(self, texts: list[str]) -> np.ndarray:
        """[texts, size] unit vectors."""
        import torch

        tokens = self.tokenizer(texts, padding=True, truncation=True, return_tensors="pt").to(self.device)
        with torch.inference_mode():
            return _vectors(self.model.get_text_features(tokens["input_ids"], tokens["attention_mask"]))


def _vectors(told: Any) -> np.ndarray:
    vectors = told.pooler_output.float().cpu().numpy().astype(np.float64)
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def _shares(logits: np.ndarray) -> np.ndarray:
    raised = np.exp(logits - logits.max())
    return raised / raised.sum()


def _clap(variant: str, name: str, summary: str, parameters: float, download_gb: float) -> EngineSpec:
    repository = f"laion/{variant}"
    return EngineSpec(
        id=f"clap/{variant}",
        task="tagging",
        name=name,
        vendor="LAION (open weights)",
        system="CLAP (LAION, transformers)",
        engine=Clap,
        where="local",
        model=repository,
        license_code="Apache-2.0 (transformers)",
        license_weights="Apache-2.0",
        languages=("en",),
        summary=summary,
        docs_url=f"https://huggingface.co/{repository}",
        checked_on="2026-11-20",
        honours=("labels", "top_k"),
        needs=Needs(
            packages=("torch", "transformers"),
            downloads=(Download(repository, FILES),),
            download_gb=download_gb,
            memory_gb=memory_gb(parameters),
            gpu_memory_gb=memory_gb(parameters),
        ),
        parameters=parameters,
        tier="2",
        packages=("transformers", "torch", "tokenizers"),
        devices=("cuda", "mps", "cpu"),
        extra={"prompt_score": True},
    )


_SHARES = "Zero-shot: any labels in English words. Scores are shares among the labels given, so they add up to 1 in each window."
ENGINES = [
    _clap("clap-htsat-unfused", "CLAP (LAION)", _SHARES, 153e6, 0.62),
    _clap("clap-htsat-fused", "CLAP fused (LAION)", _SHARES, 154e6, 0.62),
    _clap("larger_clap_general", "CLAP larger, general", f"{_SHARES} Trained on general sound, music and speech.", 194e6, 0.78),
    _clap("larger_clap_music", "CLAP larger, music", f"{_SHARES} Trained on music.", 194e6, 0.78),
    _clap(
        "larger_clap_music_and_speech", "CLAP larger, music and speech", f"{_SHARES} Trained on music and speech.", 194e6, 0.78
    ),
]


def own(source: str) -> EngineSpec:
    """A folder or hub id that ClapModel loads."""
    return own_spec(ENGINES[0], source)
