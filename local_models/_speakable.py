"""Text made safe for a synthesiser that reads it byte by byte: no control codes, no halves of characters, never empty."""

from __future__ import annotations

import unicodedata

from engine.contract import BadInput


def speakable(text: str, engine_id: str) -> str:
    """`text` with every control code as a space (some synthesisers take them as commands), line breaks kept.

    Raises BadInput when nothing is left, or when the text holds a lone surrogate, which no encoding can carry.
    """
    lone = next((character for character in text if unicodedata.category(character) == "Cs"), None)
    if lone is not None:
        raise BadInput(f"{engine_id} cannot speak the broken character {lone!r}: paste the text again")
    clean = "".join(
        c if c in "\n\t" or unicodedata.category(c) != "Cc" else " " for c in text.replace("\r\n", "\n").replace("\r", "\n")
    )
    if not clean.strip():
        raise BadInput(f"{engine_id} needs text to speak, and this one is empty")
    return clean
