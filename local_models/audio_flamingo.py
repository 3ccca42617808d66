"""A sound and a question in, a written answer out: NVIDIA's Audio Flamingo 3 (10 minutes) and Music Flamingo (20 minutes)."""

from __future__ import annotations

from typing import Any

from engine.contract import Download, EngineSpec, Limits, Needs
from local_models._chat import ChatEngine, model_type_of
from local_models._own import own_spec
from local_models._torch import memory_gb


class AudioFlamingo(ChatEngine):
    model_class, processor_class = "AudioFlamingo3ForConditionalGeneration", "AudioFlamingo3Processor"

    def longest_s(self) -> float:
        return float(self.processor.max_audio_len)


class MusicFlamingo(AudioFlamingo):
    model_class, processor_class = "MusicFlamingoForConditionalGeneration", "MusicFlamingoProcessor"


def _spec(suffix: str, name: str, source: str, **facts: Any) -> EngineSpec:
    return EngineSpec(
        id=f"audio_flamingo/{suffix}",
        task="audio_lm",
        name=name,
        vendor="NVIDIA (open weights)",
        system=name,
        where="local",
        model=source,
        license_code="Apache-2.0 (transformers)",
        license_weights="NVIDIA OneWay Noncommercial License",
        languages=("en",),
        docs_url=f"https://huggingface.co/{source}",
        checked_on="2026-11-20",
        honours=("prompt",),
        needs=Needs(
            packages=("torch", "transformers"),
            downloads=(Download(source),),
            download_gb=16.5,
            memory_gb=memory_gb(8.3e9),
            gpu_memory_gb=memory_gb(8.3e9, "bfloat16"),
        ),
        parameters=8.3e9,
        packages=("transformers", "torch", "tokenizers"),
        devices=("cuda", "mps", "cpu"),
        streams=True,
        consent="The weights are for research without commercial use, under NVIDIA's licence.",
        **facts,
    )


ENGINES = [
    _spec(
        "audio-flamingo-3", "Audio Flamingo 3", "nvidia/audio-flamingo-3-hf",
        engine=AudioFlamingo, limits=Limits(audio_seconds=600),
        summary="Answers questions about speech, sounds and music of up to 10 minutes; greedy decoding.",
    ),
    _spec(
        "music-flamingo", "Music Flamingo", "nvidia/music-flamingo-2601-hf",
        engine=MusicFlamingo, limits=Limits(audio_seconds=1200),
        summary="Audio Flamingo's sibling for music: describes and answers about songs of up to 20 minutes; greedy decoding.",
    ),
]  # fmt: skip


def own(source: str) -> EngineSpec:
    """A checkpoint of Audio Flamingo 3 or, where its config.json says so, of Music Flamingo."""
    return own_spec(ENGINES[1] if model_type_of(source) == "musicflamingo" else ENGINES[0], source)
