"""Speech to text with OpenAI's Whisper through transformers: the library's own long-form decoding, greedy, no sampling fallback.

Hypotheses are the tokens as the decoder writes them, in windows of 30 s; the final text comes at the end of the clip.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from typing import Any

from engine.contract import (
    BadInput,
    Download,
    Engine,
    EngineSpec,
    Facts,
    Limits,
    Needs,
    NotReady,
    Piece,
    Text,
    Transcribe,
    Unsupported,
    Word,
)

RATE = 16_000
SHORTEST_S, WINDOW_S = 0.1, 30.0
HYPOTHESIS_STEP = 0.02
"""Share of all tokens that must be new before the next hypothesis: each repeats the whole text so far."""
_UNSPACED = frozenset(("zh", "ja", "th", "lo", "my", "yue"))
"""Languages written without spaces: each character counts as a word there, as in OpenAI's code."""


class _Left(Exception):
    """Raised inside generate() when nobody waits for the answer any more."""


class _Tokens:
    """The streamer that generate() feeds: first the prompt of a window, then one token at a time."""

    def __init__(self, written: queue.SimpleQueue[Any], left: threading.Event) -> None:
        self.written, self.left = written, left

    def put(self, ids: Any) -> None:
        if self.left.is_set():
            raise _Left
        self.written.put(ids.flatten().tolist())

    def end(self) -> None:
        """A window is complete; the next put() brings the prompt of another."""
        self.written.put(None)


class Whisper(Engine):
    def load(self) -> None:
        import torch
        from huggingface_hub.errors import HFValidationError
        from transformers import WhisperForConditionalGeneration, WhisperProcessor

        if torch.cuda.is_available():
            self.device, dtype = "cuda", torch.float16
        else:
            self.device, dtype = "mps" if torch.backends.mps.is_available() else "cpu", torch.float32
        where = {"revision": self.spec.extra.get("revision"), "local_files_only": True}
        where = {name: value for name, value in where.items() if value is not None}
        try:
            self.processor = WhisperProcessor.from_pretrained(self.spec.model, **where)
            model = WhisperForConditionalGeneration.from_pretrained(self.spec.model, dtype=dtype, use_safetensors=True, **where)
        except (OSError, HFValidationError) as error:
            message = f"{self.spec.id}: the weights {self.spec.model!r} are not on this machine"
            raise NotReady(f"{message}: run `python -m comparisons prepare {self.spec.id}`") from error
        self.model = model.to(self.device).eval()
        self.tokenizer, self.config = self.processor.tokenizer, self.model.generation_config
        # English-only checkpoints have no language tokens.
        self.languages = {mark.strip("<|>"): token for mark, token in (getattr(self.config, "lang_to_id", None) or {}).items()}
        if self.device != "cpu":  # the first call compiles and picks kernels
            self._generate(self._features(torch.zeros(RATE).numpy()), {}, _Tokens(queue.SimpleQueue(), threading.Event()))

    def run(self, request: Transcribe, timeout_s: float) -> Iterator[Piece]:
        if request.audio.seconds < SHORTEST_S:
            raise BadInput(f"{self.spec.id} needs at least {SHORTEST_S} s of sound, not {request.audio.seconds:.3f} s")
        settings = self._settings(request)
        features = self._features(request.audio.mono().resample(RATE).samples[0])
        written: queue.SimpleQueue[Any] = queue.SimpleQueue()
        left, answer = threading.Event(), {}

        def decode() -> None:
            try:
                answer.update(self._generate(features, settings, _Tokens(written, left)))
            except _Left:
                pass
            except BaseException as error:  # noqa: BLE001  carried to the caller's thread
                answer["error"] = error
            finally:
                written.put(answer)

        decoder = threading.Thread(target=decode, daemon=True)
        decoder.start()
        prompt: list[int] = []
        try:
            for text in self._hypotheses(written, prompt):
                yield Text(text, final=False)
        finally:
            left.set()
            decoder.join()
        if "error" in answer:
            raise answer["error"]
        language = self._language_in(prompt)
        segments = answer["segments"][0]
        words = tuple(word for segment in segments for word in self._words(segment, language)) if request.word_times else ()
        tokens = [token for segment in segments for token in segment["tokens"].tolist()]
        yield Text(self._text(tokens), words=words, language=language)
        commit = getattr(self.model.config, "_commit_hash", None)
        yield Facts(
            device=self.device,
            dtype=str(self.model.dtype).removeprefix("torch."),
            model=f"{self.spec.model}@{commit}" if commit else None,
            sent={name: value if isinstance(value, (str, bool)) else len(value) for name, value in settings.items()},
        )

    def _settings(self, request: Transcribe) -> dict[str, Any]:
        """What generate() is asked for. Raises Unsupported for an unknown language, BadInput for a prompt it cannot take."""
        settings: dict[str, Any] = {"return_token_timestamps": True} if request.word_times else {}
        if self.languages:
            settings["task"] = "transcribe"
        if request.language:
            code = request.language.strip().lower().replace("_", "-").partition("-")[0]
            if code not in (self.languages or ("en",)):
                raise Unsupported(f"{self.spec.id} does not know the language {request.language!r}")
            if self.languages:  # an English-only checkpoint has no language token and refuses the setting
                settings["language"] = code
        if request.prompt:
            try:
                prompt = self.processor.get_prompt_ids(request.prompt, return_tensors="pt")
            except ValueError as error:
                raise BadInput(f"{self.spec.id} cannot use these names and terms: {error}") from None
            room = self.model.config.max_target_positions // 2 - 1
            if len(prompt) > room:
                raise BadInput(f"{self.spec.id} takes names and terms of up to {room} tokens, and these are {len(prompt)}")
            settings["prompt_ids"] = prompt.to(self.device)
        return settings

    def _features(self, samples: Any) -> dict[str, Any]:
        """Log-mel features and their mask: one padded window, or as many frames as the clip has."""
        long = len(samples) > WINDOW_S * RATE
        how = {"truncation": False, "padding": "longest"} if long else {}
        features = self.processor(samples, sampling_rate=RATE, return_tensors="pt", return_attention_mask=True, **how)
        return {
            "input_features": features.input_features.to(self.device, self.model.dtype),
            "attention_mask": features.attention_mask.to(self.device),
        }

    def _generate(self, features: dict[str, Any], settings: dict[str, Any], streamer: _Tokens) -> dict[str, Any]:
        inner = self.model.model.config
        attention = inner._attn_implementation
        try:
            return self.model.generate(**features, **settings, return_timestamps=True, return_segments=True, streamer=streamer)
        finally:
            # Token times switch the model to slower attention for good; the next run must not pay for this one.
            inner._attn_implementation = attention

    def _hypotheses(self, written: queue.SimpleQueue[Any], prompt: list[int]) -> Iterator[str]:
        """The whole text so far, until the decoder is done; `prompt` is filled with the first window's prompt."""
        before, window, in_window, count, next_count = "", [], False, 0, 0.0
        while not isinstance(ids := written.get(), dict):
            if ids is None:
                before, window, in_window = self._text(window, before), [], False
                continue
            if not in_window:
                in_window = True
                prompt += [] if prompt else ids
                continue
            window += ids
            count += len(ids)
            # The last character may be half written.
            text = self._text(window, before).rstrip("\N{REPLACEMENT CHARACTER}") if count >= next_count else ""
            if text:
                next_count = count * (1 + HYPOTHESIS_STEP)
                yield text

    def _text(self, tokens: list[int], before: str = "") -> str:
        words = [token for token in tokens if token < self.tokenizer.eos_token_id]
        said = self.tokenizer.decode(words, clean_up_tokenization_spaces=False)
        return f"{before} {said.strip()}".strip()

    def _language_in(self, prompt: list[int]) -> str | None:
        if not self.languages:
            return "en"
        return next((code for code, token in self.languages.items() if token in prompt), None)

    def _words(self, segment: dict[str, Any], language: str | None) -> Iterator[Word]:
        """Words of a segment with their times: a token lasts until the next one begins."""
        tokens, starts = segment["tokens"].tolist(), segment["token_timestamps"].tolist()
        ends = [*starts[1:], max(starts[-1:] or [0.0])]
        text, word_start_s, word_end_s, pending = "", 0.0, 0.0, []
        for token, start_s, end_s in zip(tokens, starts, ends, strict=True):
            if token >= self.tokenizer.eos_token_id:  # timestamps and other marks
                continue
            pending.append(token)
            part = self.tokenizer.decode(pending, clean_up_tokenization_spaces=False)
            if "\N{REPLACEMENT CHARACTER}" in part and len(pending) < 4:  # the bytes of one character may span tokens
                continue
            pending = []
            begins = part.startswith(" ") or (language in _UNSPACED and part.strip().isalnum())
            if text.strip() and begins:
                yield Word(text.strip(), word_start_s, word_end_s)
                text = ""
            if not text.strip():
                word_start_s = start_s
            text, word_end_s = text + part, end_s
        if text.strip():
            yield Word(text.strip(), word_start_s, word_end_s)


def _whisper(size: str, parameters: float, download_gb: float, memory_gb: float) -> EngineSpec:
    english = size.endswith(".en")
    return EngineSpec(
        id=f"whisper/{size}",
        task="asr",
        name=f"Whisper {size}",
        vendor="OpenAI (open weights)",
        system="Whisper",
        engine=Whisper,
        where="local",
        model=f"openai/whisper-{size}",
        license_code="Apache-2.0 (transformers)",
        license_weights="Apache-2.0 on the hub, MIT in OpenAI's repository",
        languages=("en",) if english else ("*",),
        summary=f"Whisper {size} in transformers, greedy: {'English only' if english else '99 languages'}, with punctuation.",
        docs_url=f"https://huggingface.co/openai/whisper-{size}",
        checked_on="2026-11-20",
        honours=("language", "prompt", "word_times"),
        limits=Limits(audio_seconds=3600),
        needs=Needs(
            packages=("torch", "transformers"),
            downloads=(Download(f"openai/whisper-{size}"),),
            download_gb=download_gb,
            memory_gb=memory_gb,
        ),
        parameters=parameters,
        tier="1",
        packages=("transformers", "torch", "tokenizers"),
        devices=("cuda", "mps", "cpu"),
        streams=True,
    )


ENGINES = [
    _whisper("tiny", 39e6, 0.16, 0.7),
    _whisper("base", 74e6, 0.3, 1.0),
    _whisper("small", 244e6, 1.0, 1.9),
    _whisper("large-v3-turbo", 809e6, 1.7, 4.5),
    _whisper("tiny.en", 39e6, 0.16, 0.7),
    _whisper("base.en", 74e6, 0.3, 1.0),
]
