# /// script
# requires-python = ">=3.11,<3.13"
# dependencies = [
#   "numpy==2.4.6",
#   "openai-whisper==20250625",
#   "soxr==1.1.0",
#   "stable-ts==2.19.1",
#   "torch==2.11.0",
#   "torchaudio==2.11.0",
# ]
# ///
"""Speech to text with stable-ts: OpenAI's Whisper with steadier word times and segments, in an environment of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from engine.contract import EngineSpec, Limits, Needs, Piece, Text, Transcribe
from local_models._openai_whisper import OpenAIWhisper, download_of, own_checkpoint, word_of
from local_models._torch import memory_gb
from local_models._whisper import PARAMETERS, languages_of, samples_of, spoken


class StableTs(OpenAIWhisper):
    def _open(self, path: Path) -> Any:
        import stable_whisper

        return stable_whisper.load_model(str(path), device=self.device).eval()

    def run(self, request: Transcribe, timeout_s: float) -> Iterator[Piece]:
        samples, settings = samples_of(request, self.spec.id), self._settings(request)
        self.seed(0)  # a window that fails is tried again at other temperatures
        # Its own regrouping of words into segments needs their times, asked for or not.
        answer = self.model.transcribe(samples, verbose=None, fp16=self.dtype == "float16", word_timestamps=True, **settings)
        words = tuple(
            word_of(word.word, word.start, word.end, word.probability, request.audio.seconds)
            for segment in (answer.segments if request.word_times else ())
            for word in segment.words
        )
        yield Text(answer.text.strip(), words=words, language=answer.language)
        yield self.facts(settings)


def _spec(size: str, download_gb: float) -> EngineSpec:
    return EngineSpec(
        id=f"stable_ts/{size}",
        task="asr",
        name=f"stable-ts {size}",
        vendor="jianfch (open source)",
        system="stable-ts",
        engine=StableTs,
        where="local",
        model=size,
        license_code="MIT (stable-ts, openai-whisper)",
        license_weights="MIT",
        languages=languages_of(size),
        summary=(
            f"Whisper {size} in OpenAI's package, with word times that stable-ts moves away from silence: {spoken(size)}, with "
            "punctuation. Names and terms reach the first 30 s only."
        ),
        docs_url="https://github.com/jianfch/stable-ts",
        checked_on="2026-11-20",
        honours=("language", "prompt", "word_times"),
        limits=Limits(audio_seconds=3600),
        needs=Needs(
            downloads=(download_of(size),),
            download_gb=download_gb,
            memory_gb=memory_gb(PARAMETERS[size]),
            gpu_memory_gb=memory_gb(PARAMETERS[size]),  # the package keeps float32 weights and computes in float16
        ),
        parameters=PARAMETERS[size],
        tier="1",
        packages=("stable-ts", "openai-whisper", "torch"),
        devices=("cuda", "cpu"),
        isolated=True,
        extra={"size": size},
    )


ENGINES = [_spec("base.en", 0.15), _spec("large-v3", 3.1)]


def own(source: str) -> EngineSpec:
    return own_checkpoint(ENGINES[0], source)


if __name__ == "__main__":
    from engine.worker import serve

    serve()
