"""Processors of models that also see: the part that hears, because their video half needs torchvision."""

from __future__ import annotations

from typing import Any

_MARKS = ("image", "audio", "video", "audio_bos", "audio_eos", "vision_bos", "vision_eos", "boi", "eoi", "boa", "eoa")


def hearing(base: type) -> type:
    """`base`, a processor class of transformers, without eyes: it loads and takes a feature extractor and a tokenizer alone.

    What the full class copies from its tokenizer (`audio_token`, `audio_token_id` ...) is copied here too.
    """
    from transformers import ProcessorMixin

    class Hearing(base):
        def __init__(self, feature_extractor: Any, tokenizer: Any, chat_template: str | None = None) -> None:
            ProcessorMixin.__init__(self, feature_extractor, tokenizer, chat_template=chat_template)
            for name in (f"{mark}_token" for mark in _MARKS):
                mark = getattr(tokenizer, name, None)
                setattr(self, name, mark)
                setattr(self, f"{name}_id", None if mark is None else tokenizer.convert_tokens_to_ids(mark))

    Hearing.__name__ = base.__name__
    return Hearing
