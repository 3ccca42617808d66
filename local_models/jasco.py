# /// script
# requires-python = ">=3.10,<3.11"
# dependencies = [
#   "audiocraft @ git+https://github.com/facebookresearch/audiocraft@ed418e4bce89c93f5281ad34f4618b23958157ec",
#   "av==12.3.0",
#   "numpy==1.26.4",
#   "setuptools<81",
#   "soxr==1.1.0",
#   "torch==2.1.0",
#   "torchaudio==2.1.0",
#   "transformers==4.39.3",
# ]
#
# [tool.uv]
# override-dependencies = [
#   "av==12.3.0",
#   "numpy==1.26.4",
#   "transformers==4.39.3",
#   "gradio ; sys_platform == 'never'",
#   "pesq ; sys_platform == 'never'",
#   "pystoi ; sys_platform == 'never'",
# ]
# ///
"""Ten seconds of music from a description with JASCO, which only audiocraft's repository has: the package index holds no release.

Described by text alone here; the chords, drums and melodies that the model can follow have no field in a request.
"""

from __future__ import annotations

import functools
import os
import pickle
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from engine import weights
from engine.audio import Audio
from engine.contract import BadInput, Compose, Download, Engine, EngineSpec, Facts, Needs, NotReady, Piece
from local_models._music import described, seed_of

WINDOW_S = 10.0
T5_FILES = ("config.json", "spiece.model", "tokenizer*.json", "model.safetensors")


class Jasco(Engine):
    def load(self) -> None:
        import torch
        from audiocraft.models import JASCO, loaders
        from audiocraft.modules import conditioners

        asked = os.environ.get("SOUNDCHECK_DEVICE", "").strip().lower()
        there = ["cuda", "cpu"] if torch.cuda.is_available() else ["cpu"]
        if asked and asked not in there:
            raise NotReady(f"{self.spec.id} cannot run on {asked!r}: SOUNDCHECK_DEVICE may be {' or '.join(there)}")
        self.device = asked or there[0]
        # The library fetches by name what `prepare` has already put here, and unpickles without looking.
        loaders.torch.load = functools.partial(torch.load, weights_only=True)
        for loader in (conditioners.T5Tokenizer, conditioners.T5EncoderModel):
            loader.from_pretrained = _always(loader.from_pretrained, str(weights.needed(self.spec, 1)))
        # It insists on a table of chord names, which text alone never looks up.
        table = Path(tempfile.mkdtemp()) / "chords.pkl"
        table.write_bytes(pickle.dumps({"N": 0}))
        self.model = JASCO.get_pretrained(str(weights.needed(self.spec)), device=self.device, chords_mapping_path=str(table))

    def run(self, request: Compose, timeout_s: float) -> Iterator[Piece]:
        import torch

        text, seed = described(self.spec, request), seed_of(request)
        if request.duration_s not in (None, WINDOW_S):
            raise BadInput(f"{self.spec.id} composes exactly {WINDOW_S:g} s, not {request.duration_s:g}")
        device = {"device": self.device, "dtype": "float32" if self.device == "cpu" else "float16"}
        yield Facts(**device, model=self.spec.model, sent={"seed": seed, "duration_s": WINDOW_S})
        torch.manual_seed(seed)
        sound = self.model.generate_music([text])[0]
        yield Audio(sound.detach().float().cpu().numpy(), self.model.sample_rate)


def _always(load: Any, folder: str) -> Any:
    """from_pretrained() that takes what lies in `folder`, whatever name the checkpoint's own settings hold."""
    return lambda name, **how: load(folder, **how)


def _jasco(checkpoint: str, name: str, system: str, parameters: float, download_gb: float) -> EngineSpec:
    return EngineSpec(
        id=f"jasco/{checkpoint.removeprefix('jasco-').lower()}",
        task="music",
        name=name,
        vendor="Meta (open weights)",
        system=system,
        engine=Jasco,
        where="local",
        model=f"facebook/{checkpoint}",
        license_code="MIT",
        license_weights="CC-BY-NC-4.0",
        languages=("en",),
        summary="Flow matching, exactly 10 s at 32 kHz, by description alone: no chords or drums. Never run here.",
        docs_url=f"https://huggingface.co/facebook/{checkpoint}",
        checked_on="2026-11-20",
        honours=("duration_s", "seed"),
        needs=Needs(
            downloads=(
                Download(f"facebook/{checkpoint}", ("state_dict.bin", "compression_state_dict.bin")),
                Download("google-t5/t5-base", T5_FILES),
            ),
            download_gb=download_gb,
            memory_gb=round(parameters * 4 / 1e9 * 1.2 + 0.8, 1),
            gpu_memory_gb=round(parameters * 2 / 1e9 * 1.2 + 0.6, 1),
        ),
        parameters=parameters,
        tier="2",
        packages=("audiocraft", "torch", "transformers"),
        devices=("cuda", "cpu"),
        isolated=True,
        tested="",
    )


# The published sizes of the flow model; T5 base (110M) and the codec (59M) come on top.
ENGINES = [
    _jasco("jasco-chords-drums-400M", "JASCO 400M", "JASCO", 569e6, 2.1),
    _jasco("jasco-chords-drums-1B", "JASCO 1B", "JASCO", 1169e6, 3.1),
    _jasco("jasco-chords-drums-melody-400M", "JASCO melody 400M", "JASCO (melody)", 569e6, 2.1),
    _jasco("jasco-chords-drums-melody-1B", "JASCO melody 1B", "JASCO (melody)", 1169e6, 3.1),
]

if __name__ == "__main__":
    from engine.worker import serve

    serve()
