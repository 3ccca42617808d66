# /// script
# requires-python = ">=3.11,<3.13"
# dependencies = [
#   "dtw-python==1.9.0",
#   "numpy==2.4.6",
#   "openai-whisper==20250625",
#   "soxr==1.1.0",
#   "torch==2.11.0",
#   "whisper-timestamped==1.15.9",
# ]
# ///
"""Speech to text with whisper-timestamped: OpenAI's Whisper with word times and a confidence for each word.

In an environment of its own, also because its code is under the AGPL.
"""

from __future__ import annotations

from collections.abc import Iterator

from engine.contract import EngineSpec, Limits, Needs, Piece, Text, Transcribe
from local_models._openai_whisper import OpenAIWhisper, download_of, own_checkpoint, word_of
from local_models._torch import memory_gb
from local_models._whisper import PARAMETERS, languages_of, samples_of, spoken


class WhisperTimestamped(OpenAIWhisper):
    def run(self, request: Transcribe, timeout_s: float) -> Iterator[Piece]:
        import whisper_timestamped

        samples, settings = samples_of(request, self.spec.id), self._settings(request)
        how = {"verbose": None, "fp16": self.dtype == "float16", "seed": 0}
        answer = whisper_timestamped.transcribe_timestamped(self.model, samples, **how, **settings)
        words = tuple(
            word_of(word["text"], word["start"], word["end"], word["confidence"], request.audio.seconds)
            for segment in (answer["segments"] if request.word_times else ())
            for word in segment["words"]
        )
        yield Text(answer["text"].strip(), words=words, language=answer["language"])
        yield self.facts(settings)


def _spec(size: str, download_gb: float) -> EngineSpec:
    return EngineSpec(
        id=f"whisper_timestamped/{size}",
        task="asr",
        name=f"whisper-timestamped {size}",
        vendor="LINAGORA (open source)",
        system="whisper-timestamped",
        engine=WhisperTimestamped,
        where="local",
        model=size,
        license_code="AGPL-3.0 (whisper-timestamped); MIT (openai-whisper)",
        license_weights="MIT",
        languages=languages_of(size),
        summary=(
            f"Whisper {size} in OpenAI's package, greedy, with word times from its attention and a confidence for each word: "
            f"{spoken(size)}, with punctuation. Names and terms reach the first 30 s only."
        ),
        docs_url="https://github.com/linto-ai/whisper-timestamped",
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
        packages=("whisper-timestamped", "openai-whisper", "torch"),
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
