"""Music from a description, and for some checkpoints a melody, with Meta's MusicGen through transformers.

Sampled as its authors do: guidance 3, the 250 likeliest tokens. Sound is decoded and handed out every five seconds, while the
rest is still being sampled. Beyond the 30 s it was trained on, each window goes on from the last 12 s of the one before.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import numpy as np

from engine.audio import Audio
from engine.contract import Compose, Download, EngineSpec, Needs, Piece, Unsupported
from local_models._encodec import GrowingSound
from local_models._music import check_tokens, described, length_of, seed_of
from local_models._own import own_spec
from local_models._stream import streamed
from local_models._torch import TorchEngine, memory_gb

WINDOW_S, CONTEXT_S, CHUNK_S = 30, 12, 5
LONGEST_S = 300.0
MOST_TOKENS = 512
"""What T5 was trained on."""
_CHROMA_FFT, _CHROMA_HOP = 16_384, 4_096
"""Of the checkpoints' own feature extractor, which needs torchaudio."""
SAMPLING = {"do_sample": True, "top_k": 250, "temperature": 1.0, "guidance_scale": 3.0}


class _Sampled(Exception):
    """Raised inside generate() when the last code is written: it would go on to decode the whole window once more."""


class MusicGen(TorchEngine):
    def load(self) -> None:
        from transformers import (
            AutoConfig,
            AutoTokenizer,
            MusicgenForConditionalGeneration,
            MusicgenMelodyForConditionalGeneration,
        )

        self.place()
        kind = self.pretrained(AutoConfig, weights_too=False).model_type
        self.follows_melody = kind == "musicgen_melody"
        self.tokenizer = self.pretrained(AutoTokenizer, weights_too=False)
        self.model = self.pretrained(
            MusicgenMelodyForConditionalGeneration if self.follows_melody else MusicgenForConditionalGeneration
        )
        codec = self.model.config.audio_encoder
        self.rate, self.frames_per_s = codec.sampling_rate, codec.frame_rate
        self.stereo = self.model.config.decoder.audio_channels == 2
        self.codebooks = self.model.config.decoder.num_codebooks
        if self.device != "cpu":  # the first call picks kernels
            list(self.run(Compose("a piano", duration_s=1, seed=0), 60.0))

    def run(self, request: Compose, timeout_s: float) -> Iterator[Piece]:
        import torch

        text, seconds, seed = described(self.spec, request), length_of(self.spec, request, LONGEST_S), seed_of(request)
        inputs = self.tokenizer([text], return_tensors="pt").to(self.device)
        check_tokens(self.spec, inputs.input_ids.shape[1], MOST_TOKENS)
        if request.melody is not None and not self.follows_melody:
            raise Unsupported(f"{self.spec.id} cannot follow a melody: its checkpoint takes text alone")
        melody = None if request.melody is None else self._chroma(request.melody)
        yield self.facts({"seed": seed, "duration_s": seconds, **SAMPLING})
        torch.manual_seed(seed)
        total, chunk = round(seconds * self.frames_per_s), CHUNK_S * self.frames_per_s
        sound, waiting, done = GrowingSound(self.model.audio_encoder), [], 0
        with closing(self._frames(dict(inputs), melody, total)) as frames:
            for frame in frames:
                waiting.append(frame)
                done += 1
                if len(waiting) == chunk or done == total:
                    codes = torch.stack(waiting, dim=-1).to(self.device)  # [codebooks, frames]
                    books = torch.stack([codes[0::2], codes[1::2]], dim=1) if self.stereo else codes[:, None]
                    heard = sound.add(books, last=done == total)
                    yield Audio(heard[:, 0].float().cpu().numpy(), self.rate)
                    waiting = []

    def _frames(self, inputs: dict[str, Any], melody: Any, total: int) -> Iterator[Any]:
        """The codes [codebooks] of each frame. A window after the first goes on from the end of the one before."""
        import torch

        window, context = WINDOW_S * self.frames_per_s, CONTEXT_S * self.frames_per_s
        codes: list[Any] = []
        while len(codes) < total:
            before = codes[-context:]
            start = len(codes) - len(before)
            settings = dict(inputs)
            if melody is not None:  # which begins where this window does, and repeats
                settings["input_features"] = melody.roll(-round(start / self.frames_per_s * self.rate / _CHROMA_HOP), dims=1)
            if before:
                settings["decoder_input_ids"] = torch.stack(before, dim=-1).to(self.device)
            with closing(self._window(settings, min(window, total - start) - len(before))) as frames:
                for frame in frames:
                    codes.append(frame)
                    yield frame

    def _window(self, settings: dict[str, Any], wanted: int) -> Iterator[Any]:
        """`wanted` new frames of one window. The model writes each codebook a step later than the one before it."""
        import torch

        late = [book // 2 if self.stereo else book for book in range(self.codebooks)]
        how = {**settings, **SAMPLING, "max_new_tokens": wanted + late[-1]}

        def sample(tokens: Any) -> None:
            count = itertools.count(1)
            tokens.put(torch.empty(0))  # in place of the prompt

            def step(ids: Any, scores: Any, **_: Any) -> Any:
                tokens.put(ids[:, -1])
                if next(count) == how["max_new_tokens"]:
                    raise _Sampled
                return torch.zeros(len(ids), dtype=torch.bool, device=ids.device)

            # As a stopping criterion, because MusicGen's generate() does not hand its streamer on.
            with suppress(_Sampled):
                self.model.generate(**how, stopping_criteria=[step])

        steps: list[list[int]] = []
        with closing(streamed(sample)) as written:
            for step in written:
                steps.append(step)
                first = len(steps) - 1 - late[-1]
                if first >= 0:
                    yield torch.tensor([steps[first + delay][book] for book, delay in enumerate(late)])

    def _chroma(self, melody: Audio) -> Any:
        """The strongest of the 12 pitch classes in each 128 ms, one-hot [1, frames, 12], of the whole sound."""
        import librosa
        import torch

        samples = melody.mono().resample(self.rate).samples[0]
        missing = max(0, _CHROMA_FFT - len(samples))
        samples = np.pad(samples, (missing // 2, missing - missing // 2))
        power = np.abs(librosa.stft(samples, n_fft=_CHROMA_FFT, hop_length=_CHROMA_HOP, pad_mode="reflect")) ** 2
        strongest = (librosa.filters.chroma(sr=self.rate, n_fft=_CHROMA_FFT, tuning=0) @ power).argmax(axis=0)
        features = np.eye(12, dtype=np.float32)[strongest][None]
        return torch.from_numpy(features).to(self.device, self.model.dtype)


def _musicgen(size: str, parameters: float, words: str, download_gb: float) -> EngineSpec:
    melody = "melody" in size
    follows = " It follows the pitches of a melody, heard in the whole sound without separating voices first." if melody else ""
    return EngineSpec(
        id=f"musicgen/{size}",
        task="music",
        name=f"MusicGen {size}",
        vendor="Meta (open weights)",
        system="MusicGen melody" if melody else "MusicGen",
        engine=MusicGen,
        where="local",
        model=f"facebook/musicgen-{size}",
        license_code="Apache-2.0 (transformers)",
        license_weights="CC-BY-NC-4.0",
        languages=("en",),
        summary=f"{words} Instrumental, from an English description, up to 5 minutes in overlapping windows.{follows}",
        docs_url=f"https://huggingface.co/facebook/musicgen-{size}",
        checked_on="2026-11-20",
        honours=("duration_s", "seed", "melody") if melody else ("duration_s", "seed"),
        needs=Needs(
            packages=("torch", "transformers", *(("librosa",) if melody else ())),
            downloads=(Download(f"facebook/musicgen-{size}"),),
            download_gb=download_gb,
            memory_gb=memory_gb(parameters),
            gpu_memory_gb=memory_gb(parameters, "float16"),
        ),
        parameters=parameters,
        tier="2",
        packages=("transformers", "torch", "tokenizers", *(("librosa",) if melody else ())),
        devices=("cuda", "cpu"),
        streams=True,
    )


# Parameters count the text encoder (T5 base) and the codec too; computed from the published configurations.
ENGINES = [
    _musicgen("small", 588e6, "The 300M model, mono.", 2.4),
    _musicgen("medium", 2006e6, "The 1.5B model, mono.", 8.1),
    _musicgen("large", 3424e6, "The 3.3B model, mono.", 13.7),
    _musicgen("melody", 1553e6, "The 1.5B melody model, mono.", 6.2),
    _musicgen("melody-large", 2619e6, "The 3.3B melody model, mono.", 10.5),
    _musicgen("stereo-small", 604e6, "The 300M model, stereo.", 2.4),
    _musicgen("stereo-medium", 2031e6, "The 1.5B model, stereo.", 4.1),
    _musicgen("stereo-large", 3458e6, "The 3.3B model, stereo.", 6.9),
    _musicgen("stereo-melody", 1578e6, "The 1.5B melody model, stereo.", 6.3),
    _musicgen("stereo-melody-large", 2652e6, "The 3.3B melody model, stereo.", 10.6),
]


def own(source: str) -> EngineSpec:
    """A checkpoint of either kind: its config.json says whether it follows melodies, before it is here its name."""
    config = Path(source) / "config.json"
    kind = json.loads(config.read_text()).get("model_type", "") if config.is_file() else source
    size = "melody" if "melody" in kind.lower() else "small"
    return own_spec(next(spec for spec in ENGINES if spec.id == f"musicgen/{size}"), source)
