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
"""Voices that speak at once, apart: SepFormer through SpeechBrain, in an environment of its own.

SpeechBrain builds a network from a recipe that may name any Python object; here the network is built from its published sizes and
the checkpoints are read as plain weights.
"""

from __future__ import annotations

import pickle
import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from engine import weights
from engine.contract import BadInput, Download, EngineSpec, Limits, Needs, NotReady, Piece, Separate, Stem
from local_models._own import own_spec
from local_models._stems import in_windows, like
from local_models._torch import TorchEngine, memory_gb

PARTS = ("encoder.ckpt", "masknet.ckpt", "decoder.ckpt")
WINDOW_S, OVERLAP_S = 20.0, 4.0
SHORTEST_S = 0.1
HEADS = 8


class Sepformer(TorchEngine):
    half = "float32"

    def load(self) -> None:
        self.place()
        folder = weights.needed(self.spec)
        try:
            self.model = _network({name.partition(".")[0]: self._part(folder / name) for name in PARTS}).to(self.device).eval()
        except (KeyError, RuntimeError, IndexError) as error:
            raise NotReady(f"{self.spec.id}: these weights are not SepFormer's ({str(error).splitlines()[0][:100]})") from error
        self.rate = self.spec.extra["rate"]
        self._voices(np.zeros(self.rate // 4, np.float32))

    def _part(self, path: Any) -> dict[str, Any]:
        import torch

        if not path.exists():
            raise NotReady(f"{self.spec.id}: {path.name!r} is missing: run `python -m comparisons prepare {self.spec.id}`")
        try:
            return torch.load(path, map_location="cpu", weights_only=True)
        except pickle.UnpicklingError as error:
            raise NotReady(f"{self.spec.id}: {path.name!r} holds more than plain weights, which are all that is read") from error

    def run(self, request: Separate, timeout_s: float) -> Iterator[Piece]:
        """A stem per voice, in mono at the mix's rate and length; beyond 20 s in windows that are cross-faded."""
        mix = request.audio
        if mix.seconds < SHORTEST_S:
            raise BadInput(f"{self.spec.id} needs at least {SHORTEST_S} s of sound, got {mix.seconds:.2f} s")
        samples = mix.mono().resample(self.rate).samples[0]
        voices = in_windows(samples, self.rate, self._voices, window_s=WINDOW_S, overlap_s=OVERLAP_S)
        # The network gives each voice a level of its own.
        loudest = max(float(np.abs(voices).max()), 1e-9)
        yield self.facts({"rate": self.rate, "window_s": WINDOW_S, "overlap_s": OVERLAP_S})
        for number, voice in enumerate(voices, 1):
            name = f"voice {number}" if len(voices) > 1 else "speech"
            yield Stem(name, like(mix, voice[None] * (mix.peak / loudest), self.rate))

    def _voices(self, samples: np.ndarray) -> np.ndarray:
        """[voices, frames] of up to 20 s at the network's rate."""
        import torch

        with torch.inference_mode():
            found = self.model(torch.from_numpy(np.array(samples, np.float32))[None].to(self.device))
        return found[0].T.float().cpu().numpy()


def _network(stored: dict[str, dict[str, Any]]) -> Any:
    """SepFormer with the stored weights, its sizes read off them; [1, frames] -> [1, frames, voices].

    Raises KeyError or RuntimeError where they are another network's.
    """
    from speechbrain.lobes.models.dual_path import SepformerWrapper

    filters, _one, kernel = stored["encoder"]["conv1d.weight"].shape
    mask = stored["masknet"]

    def layers(pattern: str) -> int:
        return 1 + max(int(found[1]) for name in mask if (found := re.match(pattern, name)))

    block = r"dual_mdl\.0\.{}_mdl\.mdl\.layers\.(\d+)\."
    network = SepformerWrapper(
        encoder_kernel_size=kernel,
        encoder_out_nchannels=filters,
        masknet_numlayers=layers(r"dual_mdl\.(\d+)\."),
        masknet_numspks=mask["conv2d.weight"].shape[0] // filters,
        intra_numlayers=layers(block.format("intra")),
        inter_numlayers=layers(block.format("inter")),
        intra_nhead=HEADS,
        inter_nhead=HEADS,
        intra_dffn=mask["dual_mdl.0.intra_mdl.mdl.layers.0.pos_ffn.ffn.0.weight"].shape[0],
        inter_dffn=mask["dual_mdl.0.inter_mdl.mdl.layers.0.pos_ffn.ffn.0.weight"].shape[0],
    )
    for name in stored:
        getattr(network, name).load_state_dict(stored[name])
    return network


def _sepformer(variant: str, name: str, summary: str, rate: int = 8_000) -> EngineSpec:
    repository = f"speechbrain/sepformer-{variant}"
    return EngineSpec(
        id=f"sepformer/{variant}",
        task="separation",
        name=name,
        vendor="SpeechBrain (open weights)",
        system="SepFormer (SpeechBrain)",
        engine=Sepformer,
        where="local",
        model=repository,
        license_code="Apache-2.0",
        license_weights="Apache-2.0",
        languages=("en",),
        summary=summary,
        docs_url=f"https://huggingface.co/{repository}",
        checked_on="2026-11-20",
        limits=Limits(audio_seconds=3600),
        needs=Needs(downloads=(Download(repository, PARTS),), download_gb=0.11, memory_gb=memory_gb(26e6) + 2, gpu_memory_gb=3.0),
        parameters=26e6,
        packages=("speechbrain", "torch"),
        devices=("cuda", "cpu"),
        isolated=True,
        extra={"rate": rate},
    )


ENGINES = [
    _sepformer("wsj02mix", "SepFormer, 2 voices", "Two voices at once, clean, at telephone quality (8 kHz)."),
    _sepformer("wsj03mix", "SepFormer, 3 voices", "Three voices at once, clean, at telephone quality (8 kHz)."),
    _sepformer("libri2mix", "SepFormer Libri, 2 voices", "Two voices of read books at once, at telephone quality (8 kHz)."),
    _sepformer("libri3mix", "SepFormer Libri, 3 voices", "Three voices of read books at once, at telephone quality (8 kHz)."),
    _sepformer("whamr", "SepFormer WHAMR!, 2 voices", "Two voices in a noisy, echoing room, at telephone quality (8 kHz)."),
    _sepformer("whamr16k", "SepFormer WHAMR! 16 kHz, 2 voices", "Two voices in a noisy, echoing room, at 16 kHz.", 16_000),
]


def own(source: str) -> EngineSpec:
    """A folder or hub id with encoder.ckpt, masknet.ckpt and decoder.ckpt of SpeechBrain's recipe, trained at 8 kHz."""
    return own_spec(ENGINES[0], source, files=PARTS)


if __name__ == "__main__":
    from engine.worker import serve

    serve()
