"""Music into stems with Demucs: version 4 (hybrid transformer) and version 3 (hybrid), from the safetensors of its authors."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from engine import weights
from engine.audio import Audio
from engine.contract import BadInput, Download, EngineSpec, Limits, Needs, NotReady, Piece, Separate, Stem
from local_models._own import own_spec
from local_models._torch import TorchEngine, memory_gb

SHORTEST_S = 0.5
OVERLAP = 0.25
"""Share of a segment that neighbours have in common, where they are cross-faded; the library's default."""
FILES = ("*.yaml", "*.safetensors")
CLASSES = ("demucs.htdemucs.HTDemucs", "demucs.hdemucs.HDemucs", "demucs.demucs.Demucs")


class Demucs(TorchEngine):
    half = "float32"  # its spectrograms lose precision in half

    def load(self) -> None:
        import torch
        import yaml
        from demucs.apply import BagOfModels
        from demucs.hf import load_safetensors_model

        self.place()
        folder = weights.needed(self.spec)
        bag = yaml.safe_load(self._description(folder).read_text("utf-8"))
        parts = [folder / f"{name}.safetensors" for name in bag["models"]]
        for part in parts:
            if not part.exists():
                raise NotReady(f"{self.spec.id}: {part.name!r} is missing: run `python -m comparisons prepare {self.spec.id}`")
            self._check(part)
        self.model = BagOfModels([load_safetensors_model(part) for part in parts], bag.get("weights"), bag.get("segment")).eval()
        if self.device != "cpu":  # the first call picks kernels
            self._separate(torch.zeros(1, 2, self.model.samplerate))

    def _description(self, folder: Path) -> Path:
        found = sorted(folder.glob("*.yaml"))
        if len(found) != 1:
            raise NotReady(f"{self.spec.id}: {str(folder)!r} must hold one .yaml that names its models, and holds {len(found)}")
        return found[0]

    def _check(self, part: Path) -> None:
        """The library makes whatever class a file names; ours are the only ones that may be."""
        from safetensors import safe_open

        with safe_open(str(part), framework="pt") as opened:
            told = opened.metadata() or {}
        named = [told.get("klass"), *_classes(json.loads(told.get("structure", "null")))]
        strange = [name for name in named if name not in CLASSES and not str(name).startswith("diffq.")]
        if strange:
            raise NotReady(f"{self.spec.id}: {part.name!r} is no Demucs model: it names the class {strange[0]!r}")

    def run(self, request: Separate, timeout_s: float) -> Iterator[Piece]:
        """Each stem at the mix's rate, channels and length; the same mix always gives the same stems."""
        import torch

        mix = request.audio
        if mix.seconds < SHORTEST_S:
            raise BadInput(f"{self.spec.id} needs at least {SHORTEST_S} s of sound, got {mix.seconds:.2f} s")
        if mix.channels > 2:
            raise BadInput(f"{self.spec.id} takes mono or stereo sound, not {mix.channels} channels")
        rate = self.model.samplerate
        sound = torch.from_numpy(np.array(mix.resample(rate).samples, np.float32))
        sound = sound.expand(2, -1) if mix.channels == 1 else sound
        # The networks were trained on mixes of this scale.
        middle, spread = sound.mean(0).mean(), sound.mean(0).std().clamp_min(1e-8)
        stems = self._separate(((sound - middle) / spread)[None], spread, middle)[0]
        yield self.facts({"shifts": 0, "overlap": OVERLAP})
        for name, stem in zip(self.model.sources, stems, strict=True):
            yield Stem(name, _like(mix, stem.numpy(), rate))

    def _separate(self, mix: Any, spread: Any = 1.0, middle: Any = 0.0) -> Any:
        """[1, 2, frames] as [1, sources, 2, frames], brought back to the scale of the sound."""
        import torch
        from demucs.apply import apply_model

        with torch.inference_mode():
            stems = apply_model(self.model, mix, shifts=0, split=True, overlap=OVERLAP, device=self.device)
            return stems.mul_(spread).add_(middle)  # in place: twenty minutes of stems are 1.7 GB


def _classes(node: Any) -> Iterator[str]:
    """Every class that a stored structure names."""
    if isinstance(node, dict):
        if "_class" in node:
            yield node["_class"]
        for each in node.values():
            yield from _classes(each)
    elif isinstance(node, list):
        for each in node:
            yield from _classes(each)


def _like(mix: Audio, samples: np.ndarray, rate: int) -> Audio:
    """A stem with the mix's rate, channels and exact length."""
    stem = Audio(np.ascontiguousarray(samples, np.float32), rate)
    stem = (stem.mono() if mix.channels == 1 else stem).resample(mix.rate)
    missing = mix.frames - stem.frames
    fitted = np.pad(stem.samples, ((0, 0), (0, max(0, missing))))[:, : mix.frames]
    return Audio(np.ascontiguousarray(fitted), mix.rate)


def _demucs(variant: str, repository: str, name: str, summary: str, parameters: float, **needs: Any) -> EngineSpec:
    version = "4" if variant.startswith("ht") else "3"
    return EngineSpec(
        id=f"demucs/{variant}",
        task="separation",
        name=name,
        vendor="Meta (open weights)",
        system=f"Demucs v{version}",
        engine=Demucs,
        where="local",
        model=variant,
        license_code="MIT",
        license_weights="MIT",
        languages=(),
        summary=summary,
        docs_url=f"https://huggingface.co/adefossez/{repository}",
        checked_on="2026-11-20",
        limits=Limits(audio_seconds=1200),
        needs=Needs(
            packages=("demucs", *needs.get("packages", ())),
            downloads=(Download(f"adefossez/{repository}", FILES),),
            download_gb=round(4 * parameters / 1e9, 2),
            memory_gb=memory_gb(parameters) + 2.0,
            gpu_memory_gb=memory_gb(parameters) + 2.0,
        ),
        parameters=parameters,
        tier="1",
        packages=("demucs", "torch"),
        devices=("cuda", "mps", "cpu"),
        tested="loads" if needs else "runs",
    )


ENGINES = [
    _demucs("htdemucs", "HTDemucs", "Demucs v4", "Hybrid transformer: drums, bass, other and vocals.", 42e6),
    _demucs("htdemucs_ft", "HTDemucs-ft", "Demucs v4 fine-tuned", "Four networks, one per stem: four times the work.", 168e6),
    _demucs("htdemucs_6s", "HTDemucs-6s", "Demucs v4, 6 stems", "Six stems: also guitar and piano, the piano weakly.", 27e6),
    _demucs("hdemucs_mmi", "Demucs-hdemucs_mmi", "Demucs v3 MMI", "Hybrid network, retrained on MusDB and 800 songs.", 84e6),
    _demucs("mdx_extra", "Demucs-mdx_extra", "Demucs v3 MDX extra", "Four networks of the 2021 music demixing challenge.", 334e6),
    _demucs(
        "mdx_extra_q", "Demucs-mdx_extra_q", "Demucs v3 MDX extra, quantised",
        "The same four networks with quantised weights: a smaller download.", 334e6, packages=("diffq",),
    ),
]  # fmt: skip


def own(source: str) -> EngineSpec:
    """A folder or hub id with one .yaml that names its models, and their safetensors as Demucs exports them."""
    return own_spec(ENGINES[0], source, files=FILES)
