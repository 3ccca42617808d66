# /// script
# requires-python = ">=3.10,<3.11"
# dependencies = [
#   "flax==0.7.2",
#   "jax==0.4.13",
#   "jaxlib==0.4.13",
#   "numpy==1.26.4",
#   "scipy==1.12.0",
#   "soxr==1.1.0",
#   "transformers==4.34.1",
#   "whisper-jax @ git+https://github.com/sanchit-gandhi/whisper-jax@b45cab65ffefc4a7b9a28c8057ab39f7ba68f2a7",
# ]
# ///
"""Speech to text with Whisper JAX: overlapping windows of 30 s in batches, compiled for an accelerator.

Its repository is no longer kept up, and holds the only copy of the package; so this environment cannot be locked by hash.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import numpy as np

from engine import weights
from engine.contract import BadInput, Download, Engine, EngineSpec, Facts, Limits, Needs, NotReady, Piece, Text, Transcribe
from local_models._own import own_spec
from local_models._torch import answered, memory_gb
from local_models._whisper import PARAMETERS, RATE, WINDOW_S, language_code, languages_of, samples_of, spoken

FILES = ("*.json", "flax_model.msgpack")
BATCH = {"gpu": 16, "tpu": 16, "cpu": 1}


class WhisperJax(Engine):
    def load(self) -> None:
        folder = weights.needed(self.spec)
        import jax
        import jax.numpy as jnp
        from whisper_jax import FlaxWhisperPipline

        self.platform = jax.default_backend()
        asked = os.environ.get("SOUNDCHECK_DEVICE", "").strip().lower()
        here = {"gpu": "cuda"}.get(self.platform, self.platform)
        if asked and asked != here:
            raise NotReady(f"{self.spec.id} cannot run on {asked!r}: jax runs on {here!r} here")
        self.device, self.dtype = here, "float32" if here == "cpu" else "bfloat16"
        self.pipeline = FlaxWhisperPipline(str(folder), dtype=getattr(jnp, self.dtype), batch_size=BATCH[self.platform])
        settings = self.pipeline.model.generation_config
        marks = getattr(settings, "lang_to_id", None) if getattr(settings, "is_multilingual", False) else None
        self.languages = frozenset(mark.strip("<|>") for mark in marks) if marks else frozenset(("en",))
        self.multilingual = bool(marks)
        self.pipeline(_sound(np.zeros(int(WINDOW_S * RATE), np.float32)))  # compiles for several minutes

    def run(self, request: Transcribe, timeout_s: float) -> Iterator[Piece]:
        samples = samples_of(request, self.spec.id)
        code = language_code(request.language, self.languages, self.spec.id)
        settings = {"language": code, "task": "transcribe"} if self.multilingual else {}
        answer = self.pipeline(_sound(samples), **settings)
        if "text" not in answer:
            raise BadInput(f"{self.spec.id} heard nothing that it could write down")
        yield Text(answer["text"].strip(), language=code or (None if self.multilingual else "en"))
        yield Facts(device=self.device, dtype=self.dtype, model=answered(self.spec), sent=settings)


def _sound(samples: np.ndarray) -> dict[str, object]:
    return {"array": samples, "sampling_rate": RATE}


def _spec(size: str, download_gb: float) -> EngineSpec:
    return EngineSpec(
        id=f"whisper_jax/{size}",
        task="asr",
        name=f"Whisper JAX {size}",
        vendor="Sanchit Gandhi (open source)",
        system="Whisper JAX",
        engine=WhisperJax,
        where="local",
        model=f"openai/whisper-{size}",
        license_code="Apache-2.0 (whisper-jax)",
        license_weights="Apache-2.0 on the hub, MIT in OpenAI's repository",
        languages=languages_of(size),
        summary=f"Whisper {size} compiled by JAX, greedy, overlapping windows: {spoken(size)}. From a git repository; never run.",
        docs_url="https://github.com/sanchit-gandhi/whisper-jax",
        checked_on="2026-11-20",
        honours=("language",),
        limits=Limits(audio_seconds=3600),
        needs=Needs(
            downloads=(Download(f"openai/whisper-{size}", FILES),),
            download_gb=download_gb,
            memory_gb=memory_gb(PARAMETERS[size]),
            gpu_memory_gb=memory_gb(PARAMETERS[size], "bfloat16"),
        ),
        parameters=PARAMETERS[size],
        tier="1",
        packages=("whisper-jax", "jax", "flax", "transformers"),
        devices=("cuda", "cpu"),
        isolated=True,
        tested="",
    )


ENGINES = [_spec("base.en", 0.3), _spec("large-v3", 6.2)]


def own(source: str) -> EngineSpec:
    return own_spec(ENGINES[0], source, files=FILES)


if __name__ == "__main__":
    from engine.worker import serve

    serve()
