"""English words as ARPAbet: from the CMU Pronouncing Dictionary, or from what eSpeak NG says."""

from __future__ import annotations

import functools
import re
from pathlib import Path

_SIGNS = {
    "aɪɚ": ("AY*", "ER0"), "aɪə": ("AY*", "AH0"), "aʊɚ": ("AW*", "ER0"), "tʃ": ("CH",), "dʒ": ("JH",), "aɪ": ("AY*",),
    "aʊ": ("AW*",), "ɔɪ": ("OY*",), "eɪ": ("EY*",), "oʊ": ("OW*",), "əʊ": ("OW*",), "əl": ("AH0", "L"), "ɑːɹ": ("AA*", "R"),
    "ɔːɹ": ("AO*", "R"), "oːɹ": ("AO*", "R"), "ɛɹ": ("EH*", "R"), "ɪɹ": ("IH*", "R"), "ʊɹ": ("UH*", "R"), "iə": ("IY*", "AH0"),
    "ɑː": ("AA*",), "ɔː": ("AO*",), "oː": ("AO*",), "uː": ("UW*",), "iː": ("IY*",), "ɜː": ("ER*",), "ɑ": ("AA*",),
    "ɒ": ("AA*",), "ɔ": ("AO*",), "æ": ("AE*",), "ʌ": ("AH*",), "ɐ": ("AH0",), "ə": ("AH0",), "ɚ": ("ER0",), "ɛ": ("EH*",),
    "e": ("EH*",), "ɪ": ("IH*",), "ᵻ": ("IH0",), "i": ("IY*",), "ʊ": ("UH*",), "u": ("UW*",), "a": ("AA*",), "o": ("OW*",),
    "p": ("P",), "b": ("B",), "t": ("T",), "d": ("D",), "k": ("K",), "ɡ": ("G",), "f": ("F",), "v": ("V",), "θ": ("TH",),
    "ð": ("DH",), "s": ("S",), "z": ("Z",), "ʃ": ("SH",), "ʒ": ("ZH",), "h": ("HH",), "x": ("K",), "m": ("M",), "n": ("N",),
    "ŋ": ("NG",), "l": ("L",), "ɫ": ("L",), "ɹ": ("R",), "r": ("R",), "j": ("Y",), "w": ("W",), "ɾ": ("T",), "ʔ": ("T",),
}  # fmt: skip
"""eSpeak NG's American sounds; a star stands for the stress of the vowel."""
_SOUND = re.compile("ˈ|ˌ|" + "|".join(sorted(_SIGNS, key=len, reverse=True)))


def dictionary(file: Path) -> dict[str, list[str]]:
    """Word in small letters to its first pronunciation, from a file of lines such as "tomato T AH0 M EY1 T OW2"."""
    found: dict[str, list[str]] = {}
    for line in file.read_text(encoding="utf-8").splitlines():
        word, *signs = line.partition("#")[0].split()
        if "(" not in word:
            found.setdefault(word, signs)
    return found


@functools.lru_cache(maxsize=4096)
def _spoken(text: str) -> str:
    import phonemizer

    return phonemizer.phonemize(text, language="en-us", backend="espeak", strip=True, with_stress=True)


def from_espeak(text: str) -> list[str]:
    """What eSpeak NG says for `text`, numbers included, as ARPAbet with stress. Needs the bundled library in use."""
    signs, stress = [], "0"
    for sound in _SOUND.findall(_spoken(text)):
        if sound in "ˈˌ":
            stress = "1" if sound == "ˈ" else "2"
            continue
        for sign in _SIGNS[sound]:
            signs.append(sign.replace("*", stress))
            if sign.endswith("*"):
                stress = "0"
    return signs
