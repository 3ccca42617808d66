"""What the tests of text-to-speech families share: a loaded worker to speak with, and tiny parts that several models need."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import tiny

from engine.audio import Audio
from engine.contract import EngineSpec, Facts, Piece, Synthesize
from engine.tasks import TASKS
from engine.worker import Worker


class Speaker:
    """An engine in its worker process, asked with the settings of Synthesize."""

    def __init__(self, worker: Worker) -> None:
        self.worker = worker

    def pieces(self, text: str, **how) -> list[Piece]:
        return list(self.worker.run(Synthesize(text, **how), 120.0))

    def sound(self, text: str, **how) -> Audio:
        return TASKS["tts"].join(self.pieces(text, **how)).audio

    def facts(self, text: str, **how) -> Facts:
        """What the engine itself said about the run."""
        return next(piece for piece in self.pieces(text, **how) if isinstance(piece, Facts) and piece.sent)


@contextmanager
def speaker(spec: EngineSpec) -> Iterator[Speaker]:
    worker = Worker(spec)
    worker.load()
    try:
        yield Speaker(worker)
    finally:
        worker.close()


def save_sentencepiece(path: Path, letters: str) -> Path:
    """A SentencePiece model of single characters, written to `path`."""
    import sentencepiece

    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([letters, *letters] * 20), model_prefix=str(path.with_suffix("")), model_type="char",
        vocab_size=len(set(letters)) + 5, hard_vocab_limit=False, bos_id=0, pad_id=1, eos_id=2, unk_id=3,
        minloglevel=2,
    )  # fmt: skip
    return path


@contextmanager
def hub_with(root: Path, folders: dict[str, Path]) -> Iterator[None]:
    """A hub cache under `root` that holds the `folders` by repository, for this process and its workers."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_CACHE", str(root / "hub"))
        patch.setenv("SOUNDCHECK_HOME", str(root / "home"))
        for repository, folder in folders.items():
            tiny.hub_snapshot(root / "hub", repository, folder)
        yield
