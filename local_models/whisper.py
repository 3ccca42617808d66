"""Speech to text with OpenAI's Whisper and the distilled Whispers through transformers: greedy, no sampling fallback.

A plain engine decodes one window of 30 s after the other, as the library does, and its hypotheses are the tokens as they are
written. A batched one cuts the sound at pauses and decodes several windows at once; its hypotheses are finished windows. A
compiled one is a plain one whose decoder torch compiles over a cache of fixed size, while it loads.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Generator, Iterator
from typing import Any

from engine.contract import BadInput, Download, EngineSpec, Limits, Needs, NotReady, Piece, Text, Transcribe
from local_models._long import at_pauses
from local_models._own import own_spec
from local_models._stream import STEP, Windows, streamed
from local_models._torch import TorchEngine, memory_gb
from local_models._whisper import (
    PARAMETERS,
    RATE,
    WINDOW_S,
    check_terms,
    is_distilled,
    language_code,
    languages_of,
    long_features,
    samples_of,
    spoken,
    weights_license,
)
from local_models._whisper_tokens import text_of, words_of

BATCH = {"cuda": 16, "mps": 4, "cpu": 4}
"""Windows decoded at once; a window's decoder state is what takes the memory."""


class Whisper(TorchEngine):
    def load(self) -> None:
        from transformers import WhisperForConditionalGeneration, WhisperProcessor

        self.place()
        self.processor = self.pretrained(WhisperProcessor, weights_too=False)
        self.model = self.pretrained(WhisperForConditionalGeneration)
        self.tokenizer, config = self.processor.tokenizer, self.model.generation_config
        # English-only checkpoints have no language tokens.
        self.languages = {mark.strip("<|>"): token for mark, token in (getattr(config, "lang_to_id", None) or {}).items()}
        layers, heads = self.model.config.decoder_layers, self.model.config.decoder_attention_heads
        if any(layer >= layers for layer, _ in getattr(config, "alignment_heads", None) or [(layers, 0)]):
            # A distilled or fine-tuned one may name none, or its teacher's. OpenAI's code then takes the upper half.
            config.alignment_heads = [[layer, head] for layer in range(layers // 2, layers) for head in range(heads)]
        if self.device != "cpu":  # the first call compiles and picks kernels
            import numpy as np

            self._generate(self._features([np.zeros(RATE, np.float32)]), {})

    def run(self, request: Transcribe, timeout_s: float) -> Iterator[Piece]:
        samples, settings = samples_of(request, self.spec.id), self._settings(request)
        features = self._features([samples])
        prompt: list[int] = []
        steps = streamed(lambda tokens: self._generate(features, settings, streamer=tokens), Windows())
        answer = yield from self._hypotheses(steps, prompt)
        language = self._language_in(prompt)
        segments = answer["segments"][0]
        words = [word for each in segments for word in words_of(self.tokenizer, each, language)] if request.word_times else []
        tokens = [token for segment in segments for token in segment["tokens"].tolist()]
        yield Text(text_of(self.tokenizer, tokens), words=tuple(words), language=language)
        yield self.facts(self._sent(settings))

    def _settings(self, request: Transcribe) -> dict[str, Any]:
        """What generate() is asked for. Raises Unsupported for an unknown language, BadInput for terms that it cannot take."""
        settings: dict[str, Any] = {"return_token_timestamps": True} if request.word_times else {}
        if self.languages:
            settings["task"] = "transcribe"
        code = language_code(request.language, self.languages or ("en",), self.spec.id)
        if code and self.languages:  # an English-only checkpoint has no language token and refuses the setting
            settings["language"] = code
        if request.prompt:
            try:
                prompt = self.processor.get_prompt_ids(request.prompt, return_tensors="pt")
            except ValueError as error:
                raise BadInput(f"{self.spec.id} cannot use these names and terms: {error}") from None
            check_terms(request.prompt, len(prompt), self.model.config.max_target_positions // 2 - 1, self.spec.id)
            settings["prompt_ids"] = prompt.to(self.device)
        return settings

    @staticmethod
    def _sent(settings: dict[str, Any]) -> dict[str, Any]:
        return {name: value if isinstance(value, (str, bool, int)) else len(value) for name, value in settings.items()}

    def _features(self, sounds: list[Any]) -> dict[str, Any]:
        """Log-mel features of mono sounds at 16 kHz and their mask: padded windows, or as many frames as one long sound has."""
        if len(sounds[0]) > WINDOW_S * RATE:
            features = long_features(self.processor.feature_extractor, sounds[0])
            mask = features.new_ones(1, features.shape[-1])
        else:
            heard = self.processor(sounds, sampling_rate=RATE, return_tensors="pt", return_attention_mask=True)
            features, mask = heard.input_features, heard.attention_mask
        return {"input_features": features.to(self.device, self.model.dtype), "attention_mask": mask.long().to(self.device)}

    def _generate(self, features: dict[str, Any], settings: dict[str, Any], **how: Any) -> dict[str, Any]:
        inner = self.model.model.config
        attention = inner._attn_implementation
        try:
            return self.model.generate(**features, **settings, return_timestamps=True, return_segments=True, **how)
        finally:
            # Token times switch the model to slower attention for good; the next run must not pay for this one.
            inner._attn_implementation = attention

    def _hypotheses(self, steps: Generator[list[int], None, Any], prompt: list[int]) -> Generator[Text, None, Any]:
        """The whole text so far, until the decoder is done; returns its answer. `prompt` is filled with the first window's."""
        before, window, in_window, count, next_count = "", [], False, 0, 0.0
        try:
            while True:
                ids = next(steps)
                if not ids:  # the window is complete; the next step is the prompt of another
                    before, window, in_window = text_of(self.tokenizer, window, before), [], False
                    continue
                if not in_window:
                    in_window = True
                    prompt += [] if prompt else ids
                    continue
                window += ids
                count += len(ids)
                # The last character may be half written.
                done = count >= next_count
                text = text_of(self.tokenizer, window, before).rstrip("\N{REPLACEMENT CHARACTER}") if done else ""
                if text:
                    next_count = count * (1 + STEP)
                    yield Text(text, final=False)
        except StopIteration as end:
            return end.value
        finally:
            steps.close()

    def _language_in(self, prompt: list[int]) -> str | None:
        if not self.languages:
            return "en"
        return next((code for code, token in self.languages.items() if token in prompt), None)


class BatchedWhisper(Whisper):
    def run(self, request: Transcribe, timeout_s: float) -> Iterator[Piece]:
        samples, settings = samples_of(request, self.spec.id), self._settings(request)
        spans = at_pauses(samples, RATE, WINDOW_S)
        # One language for the whole sound, heard in its first window, as in the plain engine.
        if self.languages and "language" not in settings:
            first = self._features([samples[slice(*spans[0])]])["input_features"]
            settings["language"] = self._language_in(self.model.detect_language(first).tolist())
        language = settings.get("language", "en")
        text, words, size = "", [], BATCH[self.device]
        for start in range(0, len(spans), size):
            batch = spans[start : start + size]
            answer = self._generate(self._features([samples[first:end] for first, end in batch]), settings)
            for (first, _), segments in zip(batch, answer["segments"], strict=True):
                text = text_of(self.tokenizer, [token for each in segments for token in each["tokens"].tolist()], text)
                if request.word_times:
                    words += [word for each in segments for word in words_of(self.tokenizer, each, language, first / RATE)]
            if start + size < len(spans):
                yield Text(text, final=False)
        yield Text(text, words=tuple(words), language=language)
        yield self.facts(self._sent(settings) | {"windows": len(spans), "batch": size})


class CompiledWhisper(Whisper):
    """Says what the plain one says. It gives no word times: they need other attention, which would be compiled within the run."""

    def load(self) -> None:
        import numpy as np
        from transformers import CompileConfig

        if not shutil.which(os.environ.get("CXX", "g++")):  # where torch looks for it
            raise NotReady(f"{self.spec.id} is compiled while it loads and needs a C++ compiler: `apt-get install g++`")
        # Neither graphs of CUDA, which belong to one thread while every run has its own, nor shapes that may change.
        self.compiled = CompileConfig(mode="default", dynamic=False)
        self.compiled._compile_all_devices = True  # the library would leave a CPU out without a word
        super().load()
        self._generate(self._features([np.zeros(RATE, np.float32)]), {}, min_new_tokens=4)

    def _generate(self, features: dict[str, Any], settings: dict[str, Any], **how: Any) -> dict[str, Any]:
        fixed = {"cache_implementation": "static", "max_cache_len": self.model.config.max_target_positions}
        return super()._generate(features, settings, compile_config=self.compiled, **fixed, **how)

    @staticmethod
    def _sent(settings: dict[str, Any]) -> dict[str, Any]:
        return Whisper._sent(settings) | {"compiled": "decoder", "cache": "static"}


_COMPILED = {"small": 1.0, "large-v3": 3.1, "large-v3-turbo": 1.7}
"""Sizes offered compiled, and gigabytes to fetch. Not on a CPU, where it does not pay: with random weights, 30 s and 60 tokens on
one thread took the base size 1.04 times the plain one's processor time, in one turn."""


def _whisper(size: str, download_gb: float, engine: type[Whisper] = Whisper) -> EngineSpec:
    distilled, kind = is_distilled(size), {Whisper: "", BatchedWhisper: "batched", CompiledWhisper: "compiled"}[engine]
    compiled = engine is CompiledWhisper
    # The first large model carries no number on the hub.
    repository = f"distil-whisper/{size}" if distilled else f"openai/whisper-{size.removesuffix('-v1')}"
    how = "batches of windows cut at pauses" if kind == "batched" else "window after window"
    if compiled:
        how += ", decoder compiled while loading (for a GPU; its gain was not measured)"
    return EngineSpec(
        id=f"whisper/{size}{kind and f'-{kind}'}",
        task="asr",
        name=f"{'Distil-Whisper' if distilled else 'Whisper'} {size.removeprefix('distil-')}{kind and f', {kind}'}",
        vendor="Hugging Face (open weights)" if distilled else "OpenAI (open weights)",
        system="Distil-Whisper" if distilled else "Whisper",
        engine=engine,
        where="local",
        model=repository,
        license_code="Apache-2.0 (transformers)",
        license_weights=weights_license(size),
        languages=languages_of(size),
        summary=f"{repository} in transformers, greedy, {how}: {spoken(size)}, with punctuation.",
        docs_url=f"https://huggingface.co/{repository}",
        checked_on="2026-11-20",
        honours=("language", "prompt", *(() if compiled else ("word_times",))),
        limits=Limits(audio_seconds=3600),
        needs=Needs(
            packages=("torch", "transformers"),
            programs=("g++",) if compiled else (),
            # The repositories of the large ones hold the same weights a second time, in float32.
            downloads=(Download(repository, ("*.json", "model.safetensors")),),
            download_gb=download_gb,
            memory_gb=memory_gb(PARAMETERS[size]),
            gpu_memory_gb=memory_gb(PARAMETERS[size], "float16"),
        ),
        parameters=PARAMETERS[size],
        tier="1",
        packages=("transformers", "torch", "tokenizers"),
        devices=("cuda",) if compiled else ("cuda", "mps", "cpu"),
        streams=True,
    )


ENGINES = [
    _whisper("tiny", 0.16),
    _whisper("base", 0.3),
    _whisper("small", 1.0),
    _whisper("medium", 3.1),
    _whisper("large-v1", 6.2),
    _whisper("large-v2", 6.2),
    _whisper("large-v3", 3.1),
    _whisper("large-v3-turbo", 1.7),
    _whisper("tiny.en", 0.16),
    _whisper("base.en", 0.3),
    _whisper("small.en", 1.0),
    _whisper("medium.en", 3.1),
    _whisper("distil-small.en", 0.4),
    _whisper("distil-medium.en", 0.8),
    _whisper("distil-large-v2", 1.6),
    _whisper("distil-large-v3", 1.6),
    _whisper("distil-large-v3.5", 1.6),
    _whisper("large-v3", 3.1, BatchedWhisper),
    _whisper("large-v3-turbo", 1.7, BatchedWhisper),
    _whisper("distil-large-v3.5", 1.6, BatchedWhisper),
    *(_whisper(size, download_gb, CompiledWhisper) for size, download_gb in _COMPILED.items()),
]


OWN_VARIANTS = {
    "": "window after window",
    "batched": "windows in batches",
    "compiled": "window after window, decoder compiled while loading",
}


def own(source: str, variant: str = "") -> EngineSpec:
    kinds = {"": Whisper, "batched": BatchedWhisper, "compiled": CompiledWhisper}
    return own_spec(next(spec for spec in ENGINES if spec.engine is kinds[variant]), source, variant=variant)
