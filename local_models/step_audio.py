# /// script
# requires-python = ">=3.10,<3.11"
# dependencies = [
#   "accelerate==1.3.0",
#   "librosa==0.10.2.post1",
#   "numpy==1.26.4",
#   "soxr==0.5.0.post1",
#   "torch==2.6.0",
#   "torchaudio==2.6.0",
#   "transformers==4.49.0",
# ]
# ///
"""A sound and a question in, a written answer out: StepFun's Step-Audio 2 mini, in an environment of its own.

The weights bring the network's code with them, written for transformers 4.49. That code was not at hand when this was made: what
stands here follows StepFun's own example, and nothing of it was run on the network. It hears 25 s at a time, all in one turn.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from engine import weights
from engine.contract import Download, EngineSpec, Limits, Needs
from local_models._chat import MOST_TOKENS, SHORTEST_S, ChatEngine
from local_models._own import own_spec
from local_models._stream import Tokens
from local_models._torch import memory_gb

RATE, WINDOW_S, BANDS = 16_000, 25, 128
_FFT, _HOP, _PADDING = 400, 160, 479
_FIRST_SPOKEN = 151_688
"""Numbers from here on are marks and pieces of sound, not text."""


def log_mel(samples: np.ndarray) -> np.ndarray:
    """[128, frames] of mono `samples` at 16 kHz: Whisper's scale, a frame for each 10 ms."""
    import librosa

    padded = np.pad(samples.astype(np.float32), (0, _PADDING))
    power = np.abs(librosa.stft(padded, n_fft=_FFT, hop_length=_HOP, pad_mode="reflect"))[:, :-1] ** 2
    level = np.log10(np.maximum(librosa.filters.mel(sr=RATE, n_fft=_FFT, n_mels=BANDS) @ power, 1e-10))
    return ((np.maximum(level, level.max() - 8) + 4) / 4).astype(np.float32)


def patches(frames: int) -> int:
    """Places that a window of so many mel frames takes among the tokens: halved three times on the way."""
    halved = (frames - 2 + 1) // 2 // 2
    return (halved - 1) // 2 + 1


class StepAudio2(ChatEngine):
    rate = RATE
    system = "You are a helpful assistant."

    def open(self) -> None:
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer

        folder, theirs = weights.needed(self.spec), {"local_files_only": True, "trust_remote_code": True}
        self.tokenizer = self.processor = AutoTokenizer.from_pretrained(folder, padding_side="right", **theirs)
        how = {"torch_dtype": getattr(torch, self.dtype), "use_safetensors": True}  # the older name of the number format
        model = AutoModelForCausalLM.from_pretrained(folder, **how, **theirs)
        self.model = model.to(self.device).eval()
        self.end = self.tokenizer.convert_tokens_to_ids("<|EOT|>")

    def inputs(self, samples: np.ndarray, question: str) -> dict[str, Any]:
        import torch

        # What is left at the end may be too short for a single place.
        starts = range(0, max(1, len(samples) - int(SHORTEST_S * RATE)), WINDOW_S * RATE)
        windows = [log_mel(samples[first : first + WINDOW_S * RATE]) for first in starts]
        heard = "".join(f"<audio_start>{'<audio_patch>' * patches(mel.shape[1])}<audio_end>" for mel in windows)
        turns = f"<|BOT|>system\n{self.system}<|EOT|><|BOT|>human\n{heard}{question}<|EOT|><|BOT|>assistant\n"
        ids = self.tokenizer(turns, return_tensors="pt").input_ids.to(self.device)
        mels = np.zeros((len(windows), BANDS, max(mel.shape[1] for mel in windows)), np.float32)
        for place, mel in zip(mels, windows, strict=True):
            place[:, : mel.shape[1]] = mel
        lengths = torch.tensor([mel.shape[1] - 2 for mel in windows], dtype=torch.int32, device=self.device)
        heard_as = torch.from_numpy(mels).to(self.device, self.model.dtype)
        return {"input_ids": ids, "attention_mask": torch.ones_like(ids), "wavs": heard_as, "wav_lens": lengths}

    def generate(self, inputs: Any, streamer: Tokens, most: int = MOST_TOKENS) -> Any:
        how = {"eos_token_id": self.end, "pad_token_id": self.tokenizer.pad_token_id}
        return self.model.generate(**inputs, **how, do_sample=False, num_beams=1, max_new_tokens=most, streamer=streamer)

    def text_of(self, ids: list[int]) -> str:
        return super().text_of([number for number in ids if number < _FIRST_SPOKEN])


_PARAMETERS = 8.3e9
ENGINES = [
    EngineSpec(
        id="step_audio/2-mini",
        task="audio_lm",
        name="Step-Audio 2 mini",
        vendor="StepFun (open weights)",
        system="Step-Audio 2 mini",
        engine=StepAudio2,
        where="local",
        model="stepfun-ai/Step-Audio-2-mini",
        license_code="Apache-2.0",
        license_weights="Apache-2.0",
        languages=("zh", "en"),
        summary="Answers questions about speech, sounds and music in writing, heard 25 s at a time; greedy. Wants a GPU.",
        docs_url="https://huggingface.co/stepfun-ai/Step-Audio-2-mini",
        checked_on="2026-11-29",
        honours=("prompt",),
        # How long its context is stands nowhere; five minutes are 3,750 of its tokens.
        limits=Limits(audio_seconds=300),
        needs=Needs(
            downloads=(Download("stepfun-ai/Step-Audio-2-mini", ("*.json", "*.py", "*.txt", "*.safetensors")),),
            download_gb=round(_PARAMETERS * 2e-9, 1),
            memory_gb=memory_gb(_PARAMETERS),
            gpu_memory_gb=memory_gb(_PARAMETERS, "bfloat16"),
        ),
        parameters=_PARAMETERS,
        tier="2",
        packages=("transformers", "torch", "torchaudio", "librosa"),
        devices=("cuda", "cpu"),
        streams=True,
        isolated=True,
        tested="",
        remote_code=True,
    )
]


def own(source: str) -> EngineSpec:
    """A fine-tune in the publisher's own layout, the Python files of its network with it."""
    return own_spec(ENGINES[0], source, files=ENGINES[0].needs.downloads[0].files)


if __name__ == "__main__":
    from engine.worker import serve

    serve()
