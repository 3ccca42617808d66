# /// script
# requires-python = ">=3.11,<3.13"
# dependencies = [
#   "moshi==0.2.13",
#   "numpy==2.2.6",
#   "setuptools<81",
#   "soxr==1.1.0",
#   "torch==2.9.1",
# ]
# ///
"""Spoken words in, Moshi's side of the talk out, frame by frame: Kyutai's own package, in an environment of its own.

Moshi listens and talks at once, as in its own server: its side begins with the sound and goes on for some seconds after it.
Words and voice are sampled as its makers do, from a fixed seed.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import numpy as np

from engine import weights
from engine.audio import Audio
from engine.contract import Ask, BadInput, Download, EngineSpec, Limits, Needs, Piece, Text, Unsupported
from local_models._torch import TorchEngine, memory_gb

RATE = 24_000
ANSWER_S = 12.0
CHUNK_FRAMES = 5
"""Frames of 80 ms in one piece of sound."""
NEW_WORD, SILENCE = 0, 3


class MoshiTalk(TorchEngine):
    half = "bfloat16"

    def load(self) -> None:
        import sentencepiece
        import torch
        from moshi.models import LMGen, loaders

        self.place()
        folder = weights.needed(self.spec)
        self.mimi = loaders.get_mimi(folder / loaders.MIMI_NAME, device=self.device)
        self.mimi.set_num_codebooks(8)
        model = loaders.get_moshi_lm(folder / loaders.MOSHI_NAME, device=self.device, dtype=getattr(torch, self.dtype))
        self.talk = LMGen(model, temp=0.8, temp_text=0.7)
        self.words = sentencepiece.SentencePieceProcessor(str(folder / loaders.TEXT_TOKENIZER_NAME))
        self.frame = int(self.mimi.sample_rate / self.mimi.frame_rate)
        for _warm in self._frames(np.zeros(4 * self.frame, np.float32)):  # the first frames compile
            pass

    def run(self, request: Ask, timeout_s: float) -> Iterator[Piece]:
        """Sound in pieces of 0.4 s and, between them, hypotheses of the words; the words as a whole come last."""
        asked = request.prompt.strip()
        if asked and asked != Ask.__dataclass_fields__["prompt"].default:
            raise Unsupported(f"{self.spec.id} takes no written question: ask it aloud, in the sound")
        if request.audio.seconds > self.spec.limits.audio_seconds:
            raise BadInput(f"{self.spec.id} hears at most {self.spec.limits.audio_seconds:g} s of sound")
        samples = request.audio.mono().resample(RATE).samples[0]
        samples = np.pad(samples, (0, int(ANSWER_S * RATE) + -len(samples) % self.frame))
        ids: list[int] = []
        waiting: list[np.ndarray] = []
        for token, wave in self._frames(samples):
            waiting.append(wave)
            if token not in (NEW_WORD, SILENCE):
                ids.append(token)
                yield Text(self.words.decode(ids), final=False)
            if len(waiting) == CHUNK_FRAMES:
                yield Audio(np.concatenate(waiting), RATE)
                waiting = []
        if waiting:
            yield Audio(np.concatenate(waiting), RATE)
        yield Text(self.words.decode(ids))
        yield self.facts({"answer_s": ANSWER_S, "seed": 0, "temp": 0.8, "temp_text": 0.7})

    def _frames(self, samples: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
        """Moshi's text token and 80 ms of its voice for each frame of mono `samples` at RATE, once it has begun."""
        import torch
        from moshi.utils.compile import no_compile

        # Compiling for the CPU takes a C++ compiler, which few machines have.
        eager = no_compile() if self.device == "cpu" else contextlib.nullcontext()
        torch.manual_seed(0)
        sound = torch.from_numpy(samples)[None, None].to(self.device)
        with eager, torch.no_grad(), self.mimi.streaming(1), self.talk.streaming(1):
            for start in range(0, sound.shape[-1] - self.frame + 1, self.frame):
                codes = self.mimi.encode(sound[..., start : start + self.frame])
                if start == 0:  # the first step sees the start tokens instead of its codes
                    self.talk.step(codes)
                made = self.talk.step(codes)
                if made is not None:
                    yield int(made[0, 0, 0]), self.mimi.decode(made[:, 1:])[0, 0].float().cpu().numpy()


ENGINES = [
    EngineSpec(
        id="moshi_pkg/moshika",
        task="audio_lm",
        name="Moshi (Moshika, Kyutai's package)",
        vendor="Kyutai (open weights)",
        system="Moshi (moshi package)",
        engine=MoshiTalk,
        where="local",
        model="kyutai/moshika-pytorch-bf16",
        license_code="MIT",
        license_weights="CC-BY-4.0",
        languages=("en",),
        summary=(
            "Listens and talks at once: its side of the talk, frame by frame, for the sound and 12 s more. The question is "
            "asked aloud. English only."
        ),
        docs_url="https://huggingface.co/kyutai/moshika-pytorch-bf16",
        checked_on="2026-11-20",
        limits=Limits(audio_seconds=228),
        needs=Needs(
            downloads=(Download("kyutai/moshika-pytorch-bf16", ("*.safetensors", "*.model")),),
            download_gb=15.8,
            memory_gb=memory_gb(7.8e9),
            gpu_memory_gb=memory_gb(7.8e9, "bfloat16"),
        ),
        parameters=7.8e9,
        packages=("moshi", "torch", "numpy"),
        devices=("cuda", "cpu"),
        streams=True,
        isolated=True,
        tested="runs",
    )
]

if __name__ == "__main__":
    from engine.worker import serve

    serve()
