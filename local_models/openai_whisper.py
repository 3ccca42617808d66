# /// script
# requires-python = ">=3.11,<3.13"
# dependencies = [
#   "numpy==2.4.6",
#   "openai-whisper==20250625",
#   "soxr==1.1.0",
#   "torch==2.11.0",
# ]
# ///
"""Speech to text with OpenAI's own package, the reference that the other runtimes follow, in an environment of its own."""

from __future__ import annotations

from collections.abc import Iterator

from engine.contract import EngineSpec, Limits, Needs, Piece, Text, Transcribe
from local_models._openai_whisper import OpenAIWhisper, download_of, own_checkpoint, word_of
from local_models._torch import memory_gb
from local_models._whisper import PARAMETERS, languages_of, samples_of, spoken


class Reference(OpenAIWhisper):
    def run(self, request: Transcribe, timeout_s: float) -> Iterator[Piece]:
        samples, settings = samples_of(request, self.spec.id), self._settings(request)
        # Terms stand before every window, not only the first.
        settings |= {"word_timestamps": request.word_times, "carry_initial_prompt": "initial_prompt" in settings}
        self.seed(0)  # a window that fails is tried again at other temperatures
        answer = self.model.transcribe(samples, verbose=None, fp16=self.dtype == "float16", **settings)
        seconds = request.audio.seconds
        words = tuple(
            word_of(word["word"], word["start"], word["end"], word["probability"], seconds)
            for segment in answer["segments"]
            for word in segment.get("words", ())
        )
        yield Text(answer["text"].strip(), words=words, language=answer["language"])
        yield self.facts(settings)


def _spec(size: str, download_gb: float) -> EngineSpec:
    return EngineSpec(
        id=f"openai_whisper/{size}",
        task="asr",
        name=f"Whisper {size} (reference package)",
        vendor="OpenAI (open weights)",
        system="Whisper (reference package)",
        engine=Reference,
        where="local",
        model=size,
        license_code="MIT (openai-whisper)",
        license_weights="MIT",
        languages=languages_of(size),
        summary=(
            f"Whisper {size} in OpenAI's own package: greedy, other temperatures where a window fails, {spoken(size)}, with "
            "punctuation."
        ),
        docs_url="https://github.com/openai/whisper",
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
        packages=("openai-whisper", "torch", "tiktoken"),
        devices=("cuda", "cpu"),
        isolated=True,
        extra={"size": size},
    )


ENGINES = [
    _spec("base", 0.15),
    _spec("tiny", 0.08),
    _spec("small", 0.49),
    _spec("large-v3", 3.1),
    _spec("large-v3-turbo", 1.7),
]


def own(source: str) -> EngineSpec:
    return own_checkpoint(ENGINES[0], source)


if __name__ == "__main__":
    from engine.worker import serve

    serve()
