"""What the tests of local families share: a tokenizer that a test can build, and one run through the worker process."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from engine.audio import Audio
from engine.contract import EngineSpec, Piece, Request
from engine.tasks import TASKS, Output
from engine.worker import Worker

RATE = 16_000


def tone(seconds: float, rate: int = RATE, hz: float = 220.0, channels: int = 1) -> Audio:
    """A quiet tone: something to hear, without meaning."""
    wave = 0.2 * np.sin(2 * np.pi * hz * np.arange(int(seconds * rate)) / rate, dtype=np.float32)
    return Audio(np.tile(wave, (channels, 1)).astype(np.float32), rate)


def byte_tokenizer(special: Sequence[str] = ("<pad>", "</s>", "<s>", "<unk>"), **roles: str):
    """A fast tokenizer with one token per byte; `special` tokens come last, `roles` such as pad_token="<pad>" name some."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {letter: number for number, letter in enumerate([*letters, *special])}
    bytes_only = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    bytes_only.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bytes_only.decoder = decoders.ByteLevel()
    bytes_only.add_special_tokens(list(special))
    return PreTrainedTokenizerFast(tokenizer_object=bytes_only, **({"pad_token": "<pad>", "eos_token": "</s>"} | roles))


def pieces_of(spec: EngineSpec, request: Request, *, timeout_s: float = 120.0) -> list[Piece]:
    """Load the engine in a worker process of its own, run it once, close it."""
    worker = Worker(spec)
    try:
        worker.load()
        return list(worker.run(request, timeout_s))
    finally:
        worker.close()


def answer(spec: EngineSpec, request: Request, *, timeout_s: float = 120.0) -> Output:
    """The joined output of one run in a worker process; what the runner would show."""
    return TASKS[spec.task].join(pieces_of(spec, request, timeout_s=timeout_s))


def hub_snapshot(cache: Path, repository: str, folder: Path, commit: str = "0" * 40) -> Path:
    """Lay a saved folder into a hub cache, as a download would have left it; returns the snapshot."""
    root = cache / f"models--{repository.replace('/', '--')}"
    snapshot = root / "snapshots" / commit
    snapshot.parent.mkdir(parents=True, exist_ok=True)
    (root / "refs").mkdir(exist_ok=True)
    (root / "refs" / "main").write_text(commit)
    snapshot.symlink_to(folder, target_is_directory=True)
    return snapshot
