"""Small language models that say one sentence whatever they hear: the last token alone decides the next one."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

SAYS = "Dogs hum."
"""No byte of it comes twice, so each can point at the one that follows."""


def teach(language_model: Any, head: Any, after: Sequence[int], tokens: Sequence[int]) -> None:
    """Make a decoder answer a prompt that ends with any of `after` with `tokens`, one after the other.

    Its layers add nothing, so what reaches `head` is the embedding of the last token.
    """
    import torch

    embedding = language_model.embed_tokens.weight
    if len({*after, *tokens}) != len(after) + len(tokens):
        raise ValueError("a token that comes twice could not know what follows it")
    with torch.no_grad():
        embedding.copy_(torch.nn.functional.normalize(torch.randn_like(embedding), dim=-1))
        for layer in language_model.layers:
            layer.self_attn.o_proj.weight.zero_()
            layer.mlp.down_proj.weight.zero_()
        head.weight.zero_()
        for here, following in [(each, tokens[0]) for each in after] + list(itertools.pairwise(tokens)):
            head.weight[following] += embedding[here]


TEXT = {
    "hidden_size": 64,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "tie_word_embeddings": False,
}
"""Sizes of a language model of the Qwen and Llama kinds."""


def ids(tokenizer: Any, text: str) -> list[int]:
    return tokenizer(text, add_special_tokens=False)["input_ids"]
