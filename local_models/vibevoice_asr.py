"""Speech to text with speakers: Microsoft's VibeVoice-ASR hears up to an hour in one pass and writes turns with their times."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from engine.contract import Download, EngineSpec, Limits, Needs, Text, Transcribe, Word
from local_models._own import own_spec
from local_models._question import plain
from local_models._torch import memory_gb
from local_models._transcriber import Transcriber

_CONTENT = re.compile(r'"Content"\s*:\s*"((?:[^"\\]|\\.)*)')
_ESCAPED = re.compile(r'\\(["\\/])')


class VibeVoiceAsr(Transcriber):
    model_class, processor_class = "VibeVoiceAsrForConditionalGeneration", "VibeVoiceAsrProcessor"
    rate = 24_000
    window_s = 3600.0
    """In one pass: cut, its speakers would be numbered anew in each part."""

    def settings(self, request: Transcribe) -> dict[str, Any]:
        asked: dict[str, Any] = {"speakers": True} if request.speakers else {}
        if request.prompt and request.prompt.strip():
            seen = (self.processor.audio_token, self.processor.audio_duration_token)
            asked["prompt"] = plain(request.prompt, self.tokenizer, self.spec.id, *seen)
        return asked

    def inputs(self, samples: np.ndarray, asked: dict[str, Any]) -> Any:
        made = self.processor.apply_transcription_request([samples], prompt=asked.get("prompt"))
        return made.to(self.device, self.model.dtype)

    def text_of(self, ids: list[int], asked: dict[str, Any]) -> Text:
        """The model writes a list of turns as JSON; until that is whole, what its turns say so far. A turn is one word entry."""
        written = self.tokenizer.decode(ids, skip_special_tokens=True)
        turns = self.processor.extract_speaker_dict(written) if written.rstrip().endswith("]") else written
        if isinstance(turns, str):
            said = [_ESCAPED.sub(r"\1", part) for part in _CONTENT.findall(turns)]
            return Text(" ".join(said) if said or turns.lstrip().startswith(("[", "assistant")) else turns.strip())
        words = tuple(
            Word(str(turn["Content"]).strip(), turn["Start"], max(turn["Start"], turn["End"]), speaker=_name(turn.get("Speaker")))
            for turn in turns
            if turn.get("Start") is not None and turn.get("End") is not None and str(turn["Content"]).strip()
        )
        return Text(" ".join(str(turn["Content"]).strip() for turn in turns), words=words if "speakers" in asked else ())


def _name(speaker: Any) -> str | None:
    return None if speaker is None else f"Speaker {speaker}"


ENGINES = [
    EngineSpec(
        id="vibevoice_asr/vibevoice-asr",
        task="asr",
        name="VibeVoice-ASR",
        vendor="Microsoft (open weights)",
        system="VibeVoice-ASR",
        engine=VibeVoiceAsr,
        where="local",
        model="microsoft/VibeVoice-ASR-HF",
        license_code="Apache-2.0 (transformers)",
        license_weights="MIT",
        languages=("*",),
        summary="Up to an hour in one pass, with speakers and the times of their turns; takes names and terms; greedy.",
        docs_url="https://huggingface.co/microsoft/VibeVoice-ASR-HF",
        checked_on="2026-11-20",
        honours=("prompt", "speakers"),
        limits=Limits(audio_seconds=3600),
        needs=Needs(
            packages=("torch", "transformers"),
            downloads=(Download("microsoft/VibeVoice-ASR-HF"),),
            download_gb=17.4,
            memory_gb=memory_gb(8.7e9),
            gpu_memory_gb=memory_gb(8.7e9, "bfloat16"),
        ),
        parameters=8.7e9,
        packages=("transformers", "torch", "tokenizers"),
        devices=("cuda", "mps", "cpu"),
        streams=True,
    )
]


def own(source: str) -> EngineSpec:
    return own_spec(ENGINES[0], source)
