# /// script
# requires-python = ">=3.10,<3.11"
# dependencies = [
#   "audiocraft==1.3.0",
#   "av==12.3.0",
#   "numpy==1.26.4",
#   "setuptools<81",
#   "soxr==1.1.0",
#   "torch==2.1.0",
#   "torchaudio==2.1.0",
#   "transformers==4.39.3",
#   "xformers==0.0.22.post7",
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
#   "torchtext ; sys_platform == 'never'",
#   "torchvision ; sys_platform == 'never'",
# ]
# ///
"""Music and effects from a description with Meta's own library: MusicGen, AudioGen and MAGNeT, in an environment of its own.

Each runs with the library's own sampling. MusicGen and AudioGen go beyond their window as the library does, window over window;
MAGNeT fills a window of fixed length at once, and a shorter piece is the beginning of one. The melody checkpoints run in
musicgen.py: here they would unpickle a Demucs.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from typing import Any

from engine import weights
from engine.audio import Audio
from engine.contract import Compose, Download, Engine, EngineSpec, Facts, Needs, NotReady, Piece
from local_models._music import check_tokens, described, length_of, seed_of
from local_models._own import own_spec

LIBRARY_FILES = ("state_dict.bin", "compression_state_dict.bin")
T5_FILES = ("config.json", "spiece.model", "tokenizer*.json", "model.safetensors")
LONGEST_S = 300.0
MOST_TOKENS = 512
"""What T5 was trained on."""


class Audiocraft(Engine):
    def load(self) -> None:
        import torch
        from audiocraft import models
        from audiocraft.models import encodec, loaders
        from audiocraft.modules import conditioners

        asked = os.environ.get("SOUNDCHECK_DEVICE", "").strip().lower()
        there = ["cuda", "cpu"] if torch.cuda.is_available() else ["cpu"]
        if asked and asked not in there:
            raise NotReady(f"{self.spec.id} cannot run on {asked!r}: SOUNDCHECK_DEVICE may be {' or '.join(there)}")
        self.device = asked or there[0]
        # The library fetches by name what `prepare` has already put here, and unpickles without looking.
        loaders.torch.load = functools.partial(torch.load, weights_only=True)
        for loader, number in ((conditioners.T5Tokenizer, 1), (conditioners.T5EncoderModel, 1), (encodec.HFEncodecModel, 2)):
            if number < len(self.spec.needs.downloads):
                loader.from_pretrained = _always(loader.from_pretrained, str(weights.needed(self.spec, number)))
        family = getattr(models, self.spec.extra["family"])
        self.model = family.get_pretrained(self._checkpoint(), device=self.device)
        self.fixed_s = self.model.duration if self.spec.extra["family"] == "MAGNeT" else None
        if self.device != "cpu":  # the first call picks kernels
            list(self.run(Compose("a piano", duration_s=None if self.fixed_s else 1, seed=0), 60.0))

    def _checkpoint(self) -> str:
        return str(weights.needed(self.spec))

    def run(self, request: Compose, timeout_s: float) -> Iterator[Piece]:
        import torch

        text, seed = described(self.spec, request), seed_of(request)
        seconds = length_of(self.spec, request, self.fixed_s or LONGEST_S)
        if self.fixed_s is None:
            self.model.set_generation_params(duration=seconds)
        device = {"device": self.device, "dtype": "float32" if self.device == "cpu" else "float16"}
        tokenizer = getattr(self.model.lm.condition_provider.conditioners["description"], "t5_tokenizer", None)
        if tokenizer is not None:
            check_tokens(self.spec, len(tokenizer(text).input_ids), MOST_TOKENS)
        sent = {"seed": seed, "duration_s": seconds}
        notice = None
        if self.fixed_s is not None and seconds < self.fixed_s:
            sent["composed_s"] = self.fixed_s
            notice = f"It always composes {self.fixed_s:g} s; its time is for all of them, and the first {seconds:g} s were kept."
        yield Facts(**device, model=self.spec.model, sent=sent, notice=notice)
        torch.manual_seed(seed)
        sound = self.model.generate([text])[0]
        yield Audio(sound.float().cpu().numpy()[:, : round(seconds * self.model.sample_rate)], self.model.sample_rate)


def _always(load: Any, folder: str) -> Any:
    """from_pretrained() that takes what lies in `folder`, whatever name the checkpoint's own settings hold."""
    return lambda name, **how: load(folder, **how)


def _engine(checkpoint: str, name: str, parameters: float, download_gb: float, words: str) -> EngineSpec:
    family = "MAGNeT" if "magnet" in checkpoint else "AudioGen" if "audiogen" in checkpoint else "MusicGen"
    text = "large" if checkpoint.startswith("audio") else "base"
    downloads = [Download(f"facebook/{checkpoint}", LIBRARY_FILES), Download(f"google-t5/t5-{text}", T5_FILES)]
    if "stereo" in checkpoint:
        downloads.append(Download("facebook/encodec_32khz"))
    return EngineSpec(
        id=f"audiocraft/{checkpoint}",
        task="music",
        name=f"{name} (audiocraft)",
        vendor="Meta (open weights)",
        system="MusicGen (audiocraft)" if family == "MusicGen" else family,
        engine=Audiocraft,
        where="local",
        model=f"facebook/{checkpoint}",
        license_code="MIT",
        license_weights="CC-BY-NC-4.0",
        languages=("en",),
        summary=words,
        docs_url=f"https://huggingface.co/facebook/{checkpoint}",
        checked_on="2026-11-20",
        honours=("duration_s", "seed"),
        needs=Needs(
            downloads=tuple(downloads),
            download_gb=round(download_gb + (3.0 if text == "large" else 0.9), 1),
            memory_gb=round(parameters * 4 / 1e9 * 1.2 + 0.8, 1),
            gpu_memory_gb=round(parameters * 2 / 1e9 * 1.2 + 0.6, 1),
        ),
        parameters=parameters,
        tier="2",
        packages=("audiocraft", "torch", "transformers", "xformers"),
        devices=("cuda", "cpu"),
        isolated=True,
        tested="loads",
        extra={"family": family},
    )


_MUSIC = "MusicGen with the library its authors wrote: instrumental music, up to 5 minutes in overlapping windows."
_MAGNET = "Masked, not autoregressive: every step writes many codes, so it is faster than MusicGen and blurrier."

# Parameters count T5 (base 110M, large encoder 335M) and the codec (59M).
ENGINES = [
    _engine("musicgen-small", "MusicGen small", 588e6, 1.1, _MUSIC),
    _engine("musicgen-medium", "MusicGen medium", 2006e6, 3.9, _MUSIC),
    _engine("musicgen-large", "MusicGen large", 3424e6, 6.8, _MUSIC),
    _engine("musicgen-stereo-small", "MusicGen stereo small", 604e6, 1.2, f"{_MUSIC} Stereo."),
    _engine("musicgen-stereo-medium", "MusicGen stereo medium", 2031e6, 4.0, f"{_MUSIC} Stereo."),
    _engine("musicgen-stereo-large", "MusicGen stereo large", 3458e6, 6.9, f"{_MUSIC} Stereo."),
    _engine("audiogen-medium", "AudioGen medium", 2231e6, 3.9, "Sound effects at 16 kHz; speech comes out as gibberish."),
    _engine("magnet-small-10secs", "MAGNeT small 10 s", 588e6, 1.1, f"{_MAGNET} Music of up to 10 s."),
    _engine("magnet-medium-10secs", "MAGNeT medium 10 s", 2006e6, 3.9, f"{_MAGNET} Music of up to 10 s."),
    _engine("magnet-small-30secs", "MAGNeT small 30 s", 588e6, 1.1, f"{_MAGNET} Music of up to 30 s."),
    _engine("magnet-medium-30secs", "MAGNeT medium 30 s", 2006e6, 3.9, f"{_MAGNET} Music of up to 30 s."),
    _engine("audio-magnet-small", "MAGNeT effects small", 813e6, 1.1, f"{_MAGNET} Sound effects of up to 10 s."),
    _engine("audio-magnet-medium", "MAGNeT effects medium", 2231e6, 3.9, f"{_MAGNET} Sound effects of up to 10 s."),
]


def own(source: str) -> EngineSpec:
    """A MusicGen in the library's own layout: state_dict.bin and compression_state_dict.bin."""
    return own_spec(ENGINES[0], source, files=LIBRARY_FILES)


if __name__ == "__main__":
    from engine.worker import serve

    serve()
