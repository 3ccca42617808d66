"""Zero-shot tagging with Meta's Perception Encoder Audiovisual: any words against the sound, each scored on its own."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from engine.contract import Classify, Download, EngineSpec, Needs, Piece
from local_models._own import own_spec
from local_models._tags import asked_labels, best_tags, windows
from local_models._torch import TorchEngine, memory_gb

WINDOW_S = 10.0


class PeAudio(TorchEngine):
    half = "bfloat16"

    def load(self) -> None:
        from transformers import AutoTokenizer, PeAudioFeatureExtractor, PeAudioModel

        self.place()
        self.model = self.pretrained(PeAudioModel)
        self.extract = self.pretrained(PeAudioFeatureExtractor, weights_too=False)
        self.tokenizer = self.pretrained(AutoTokenizer, weights_too=False)
        self._heard(np.zeros(self.extract.sampling_rate, np.float32))

    def run(self, request: Classify, timeout_s: float) -> Iterator[Piece]:
        """A tag per label, best first: its sigmoid in its best window of 10 s. The labels do not compete."""
        labels = asked_labels(request.labels, self.spec.id)
        words = self._read(labels)
        yield self.facts({"labels": len(labels)})
        scale, bias = self.model.text_audio_logit_scale.item(), self.model.text_audio_logit_bias.item()
        spans = windows(request.audio, self.extract.sampling_rate, WINDOW_S, self.spec.id)
        scored = (
            (start_s, end_s, 1 / (1 + np.exp(-np.clip(scale * (words @ self._heard(samples)) + bias, -60, 60))))
            for start_s, end_s, samples in spans
        )
        yield from best_tags(scored, labels, request.top_k)

    def _heard(self, samples: np.ndarray) -> np.ndarray:
        """The vector of up to 10 s of sound."""
        import torch

        # The extractor fills the last hop by reflection, which needs as many samples to reflect.
        samples = np.pad(samples, (0, max(0, self.extract.hop_length - len(samples))))
        features = self.extract(samples, sampling_rate=self.extract.sampling_rate, return_tensors="pt").to(self.device)
        with torch.inference_mode():
            found = self.model.get_audio_embeds(features["input_values"].to(self.model.dtype), features["padding_mask"])
        return found[0].float().cpu().numpy().astype(np.float64)

    def _read(self, texts: list[str]) -> np.ndarray:
        """[texts, size]"""
        import torch

        tokens = self.tokenizer(texts, padding=True, truncation=True, return_tensors="pt").to(self.device)
        with torch.inference_mode():
            # get_text_audio_embeds of transformers 5.23 reads hidden states that it does not ask for; forward() does both.
            states = self.model.text_model(tokens["input_ids"], tokens["attention_mask"], output_hidden_states=True)
            found = self.model.text_audio_head(states.hidden_states[-1][:, 0])
        return found.float().cpu().numpy().astype(np.float64)


def _pe(size: str, parameters: float, summary: str) -> EngineSpec:
    repository = f"facebook/pe-av-{size}"
    return EngineSpec(
        id=f"pe_audio/pe-av-{size}",
        task="tagging",
        name=f"PE-AV {size}",
        vendor="Meta (open weights)",
        system="PE-AV (audio-text embeddings)",
        engine=PeAudio,
        where="local",
        model=repository,
        license_code="Apache-2.0 (transformers)",
        license_weights=None,  # their card was not read
        languages=("en",),
        summary=summary,
        docs_url=f"https://huggingface.co/{repository}",
        checked_on="2026-11-20",
        honours=("labels", "top_k"),
        needs=Needs(
            packages=("torch", "transformers"),
            downloads=(Download(repository, ("*.json", "*.safetensors")),),
            memory_gb=memory_gb(parameters),
            gpu_memory_gb=memory_gb(parameters, "bfloat16"),
        ),
        parameters=parameters,
        packages=("transformers", "torch", "tokenizers"),
        devices=("cuda", "mps", "cpu"),
    )


ENGINES = [
    _pe("large", 1e9, "Zero-shot: any labels in English words. Each label has a score of its own; they need not add up to 1."),
]


def own(source: str) -> EngineSpec:
    """A folder or hub id that PeAudioModel loads, such as a smaller PE-AV."""
    return own_spec(ENGINES[0], source)
