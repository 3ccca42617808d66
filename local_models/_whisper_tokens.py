"""From Whisper's tokens to text and to words with times, for the runtime that hands out tokens and their times."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from engine.contract import Word

_UNSPACED = frozenset(("zh", "ja", "th", "lo", "my", "yue"))
"""Languages written without spaces: each character counts as a word there, as in OpenAI's code."""


def text_of(tokenizer: Any, tokens: Sequence[int], before: str = "") -> str:
    """`before` and what the tokens say, without timestamps and other marks."""
    words = [token for token in tokens if token < tokenizer.eos_token_id]
    said = tokenizer.decode(words, clean_up_tokenization_spaces=False)
    return f"{before} {said.strip()}".strip()


def words_of(tokenizer: Any, segment: dict[str, Any], language: str | None, offset_s: float = 0.0) -> Iterator[Word]:
    """Words of a segment with their times, `offset_s` later: a token lasts until the next one begins."""
    tokens, starts = segment["tokens"].tolist(), segment["token_timestamps"].tolist()
    ends = [*starts[1:], max(starts[-1:] or [0.0])]
    text, word_start_s, word_end_s, pending = "", 0.0, 0.0, []
    for token, start_s, end_s in zip(tokens, starts, ends, strict=True):
        if token >= tokenizer.eos_token_id:  # timestamps and other marks
            continue
        pending.append(token)
        part = tokenizer.decode(pending, clean_up_tokenization_spaces=False)
        if "\N{REPLACEMENT CHARACTER}" in part and len(pending) < 4:  # the bytes of one character may span tokens
            continue
        pending = []
        begins = part.startswith(" ") or (language in _UNSPACED and part.strip().isalnum())
        if text.strip() and begins:
            yield Word(text.strip(), offset_s + word_start_s, offset_s + word_end_s)
            text = ""
        if not text.strip():
            word_start_s = start_s
        text, word_end_s = text + part, end_s
    if text.strip():
        yield Word(text.strip(), offset_s + word_start_s, offset_s + word_end_s)
