"""A person's words as plain text: what spells a model's control token must not act as one."""

from __future__ import annotations

from typing import Any

from engine.contract import BadInput


def plain(words: str, tokenizer: Any, engine_id: str, *more: str) -> str:
    """`words` with a blank inside whatever the tokenizer reads as a control token: "<|AUDIO|>" becomes "< |AUDIO|>".

    `more` are marks that a processor looks for. Raises BadInput when a control token still stands in it, however it was spelt.
    """
    # Runs of blanks are added tokens of some tokenizers, and no more than blanks; a lone letter is no mark either.
    marks = {mark: number for mark, number in tokenizer.get_added_vocab().items() if len(mark.strip()) > 1}
    spellings = sorted({*marks, *filter(None, more)}, key=len, reverse=True)
    words = words.encode("utf-8", "replace").decode()
    while mark := next((mark for mark in spellings if mark in words), None):
        words = words.replace(mark, f"{mark[0]} {mark[1:]}")
    controls = {*marks.values(), *tokenizer.all_special_ids} - {tokenizer.unk_token_id}
    found = controls & set(tokenizer(words, add_special_tokens=False)["input_ids"])
    if found:
        mark = tokenizer.convert_ids_to_tokens(min(found))
        raise BadInput(f"{engine_id} takes plain words, and these hold its control token {mark!r}")
    return words
