"""What the text-to-music pipelines of diffusers share: one run from noise to sound, the same noise for a seed on any device."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from engine.audio import Audio
from engine.contract import Compose, Piece
from local_models._music import check_tokens, described, length_of, seed_of
from local_models._torch import TorchEngine


class DiffusionEngine(TorchEngine):
    """Base of the families. They say which pipeline, how long it may be, and what its call names the length."""

    longest_s: float
    length_name: str
    steps: int
    """Denoising steps; each family takes its pipeline's own default."""

    def pipeline(self, how: dict[str, Any]) -> Any:
        """The pipeline on the CPU, loaded with `how`: number format, safetensors only."""
        raise NotImplementedError

    def load(self) -> None:
        import torch

        self.place()
        self.pipe = self.pipeline({"dtype": getattr(torch, self.dtype), "use_safetensors": True}).to(self.device)
        self.pipe.set_progress_bar_config(disable=True)
        if self.device != "cpu":  # the first call picks kernels
            self._sound("a piano", 1.0, 0, steps=2)

    def run(self, request: Compose, timeout_s: float) -> Iterator[Piece]:
        text, seconds, seed = described(self.spec, request), length_of(self.spec, request, self.longest_s), seed_of(request)
        for name in ("tokenizer", "tokenizer_2"):
            tokenizer = getattr(self.pipe, name, None)
            if tokenizer is not None:
                check_tokens(self.spec, len(tokenizer(text).input_ids), tokenizer.model_max_length)
        yield self.facts({"seed": seed, "duration_s": seconds, "steps": self.steps})
        yield self._sound(text, seconds, seed, self.steps)

    def _sound(self, text: str, seconds: float, seed: int, steps: int) -> Audio:
        import torch

        noise = torch.Generator("cpu").manual_seed(seed)
        made = self.pipe(text, num_inference_steps=steps, generator=noise, **{self.length_name: seconds}).audios[0]
        return Audio(torch.as_tensor(made).float().cpu().numpy(), self.rate())

    def rate(self) -> int:
        """Of the sound, Hz."""
        return self.pipe.vocoder.config.sampling_rate
