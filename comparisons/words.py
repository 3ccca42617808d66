"""Two texts compared: which normaliser applies, word and character errors with their counts, words found.

The normaliser is chosen from what every engine of a comparison shares (the language asked for, else the reference itself),
never from an engine's answer: two engines on one sound are always normalised alike.
"""

from __future__ import annotations

import importlib.util
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path


class Withheld(Exception):
    """A metric that has no honest value here; the sentence says why."""


LONGEST_TEXT = 100_000
"""Characters; about two hours of speech. Longer ones, built for it, keep the normaliser busy for many seconds."""

_BRACKET_WORK = 50_000_000
"""Characters that its bracket patterns may look ahead in all: they run to the end of the text from every unclosed bracket."""

_NO_SPACES = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
"""Thai, Lao, Burmese, Khmer, Japanese and Chinese letters: scripts that put no space between words."""

_ENGLISH_ALONE = set(
    re.findall(r"\w+", "the and of that with this which they have had would could there their what when you were been from")
)
"""Common words that few texts in a near language hold two of."""

_FUNCTION_WORDS = _ENGLISH_ALONE | set(
    re.findall(
        r"\w+",
        "to in is it for was as his her he she we not are but be who will i my your our do did at by on or an a if so no",
    )
)


@dataclass(frozen=True)
class Normaliser:
    apply: Callable[[str], str]
    version: str


@dataclass(frozen=True)
class WordErrors:
    """Counts of the cheapest alignment of two texts by words."""

    substitutions: int
    deletions: int
    insertions: int
    reference_words: int

    @property
    def rate(self) -> float:
        """Errors per reference word, 0 or more. Raises Withheld for an empty reference."""
        if not self.reference_words:
            raise Withheld(f"the reference is empty; {self.insertions} words were inserted")
        return (self.substitutions + self.deletions + self.insertions) / self.reference_words


@cache
def _whisper():
    # The file needs only `regex`; importing it as part of its package would pull in 1.2 s of unrelated modules
    # while other engines are still being timed.
    package = importlib.util.find_spec("transformers")
    folders = (package.submodule_search_locations or []) if package else []
    files = [path for folder in folders if (path := Path(folder, "models", "whisper", "english_normalizer.py")).is_file()]
    if not files:
        raise Withheld("the text normaliser is missing: install transformers")
    spec = importlib.util.spec_from_file_location("whisper_text_normaliser", files[0])
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@cache
def english() -> Normaliser:
    """Whisper's English normaliser: case, punctuation, fillers, contractions, titles, numbers.

    transformers does not carry the British-American spelling map, so "colour" against "color" counts as an error.
    """
    apply = _whisper().EnglishTextNormalizer({})
    return Normaliser(apply, f"whisper-english without spelling map and lone symbols, transformers {version('transformers')}")


@cache
def basic() -> Normaliser:
    """Whisper's normaliser for other languages: case and punctuation.

    Whisper's own turns combining marks into spaces and so tears Indic words apart; here they stay.
    """
    apply = _whisper().BasicTextNormalizer()
    apply.clean = lambda text: "".join(
        " " if unicodedata.category(character)[0] in "SP" else character for character in unicodedata.normalize("NFKC", text)
    )
    return Normaliser(apply, f"whisper-basic with combining marks, without lone symbols, transformers {version('transformers')}")


def is_english(text: str) -> bool:
    """True when common English words make up at least a fifth of the text, two of them found in no near language."""
    words = re.findall(r"[^\W\d_]+", text.lower())
    return len(_ENGLISH_ALONE & set(words)) >= 2 and sum(word in _FUNCTION_WORDS for word in words) >= len(words) / 5


def normaliser_for(language: str | None, reference: str) -> Normaliser:
    """The English one for a code such as en, en-US or english, or for no code and an English reference; else the basic one."""
    if language:
        return english() if re.split("[-_]", language.strip().lower())[0] in ("en", "eng", "english") else basic()
    return english() if is_english(reference) else basic()


def _check_length(*texts: str) -> None:
    if (longest := max(map(len, texts))) > LONGEST_TEXT:
        raise Withheld(f"a text has {longest} characters, more than the {LONGEST_TEXT} that are compared")


def normalise(text: str, normaliser: Normaliser) -> str:
    """The normalised text with single spaces. Raises Withheld for a text that is too long or built to be slow."""
    _check_length(text)
    unclosed = text[max(map(text.rfind, ">]")) + 1 :]
    if sum(map(unclosed.count, "<[")) * len(unclosed) + text.count("(") * len(text) > _BRACKET_WORK:
        raise Withheld("a text holds too many opening brackets to be normalised")
    words = normaliser.apply(" ".join(text.split())).split()
    # the English one leaves a dot of a closing ellipsis behind, which would count as a word
    return " ".join(word for word in words if any(map(str.isalnum, word)))


def unspaced(text: str) -> bool:
    """True when most letters belong to a script that puts no space between words."""
    letters = sum(character.isalpha() for character in text)
    return letters > 0 and len(_NO_SPACES.findall(text)) > letters / 2


def word_errors(reference: str, heard: str) -> WordErrors:
    """Errors of `heard` against `reference`, both taken as they are and split at white space.

    Raises Withheld for a script without spaces between words.
    """
    if unspaced(reference):
        raise Withheld("this script puts no spaces between words: read the character error rate")
    _check_length(reference, heard)
    import jiwer

    counts = jiwer.process_words(" ".join(reference.split()), " ".join(heard.split()))
    words = counts.hits + counts.substitutions + counts.deletions
    return WordErrors(counts.substitutions, counts.deletions, counts.insertions, words)


def character_error_rate(reference: str, heard: str) -> float:
    """Errors per reference character, spaces counted except in scripts that have none. Raises Withheld for an empty reference."""
    _check_length(reference, heard)
    if unspaced(reference):
        reference, heard = "".join(reference.split()), "".join(heard.split())
    if not reference:
        raise Withheld(f"the reference is empty; {len(heard)} characters were inserted")
    import jiwer

    return float(jiwer.cer(reference, heard))


def share_found(reference: str, answer: str) -> float:
    """Share of the reference's different words that occur in the answer, function words left out unless there is no other."""
    words = set(reference.split())
    if not words:
        raise Withheld("the reference holds no words")
    wanted = words - _FUNCTION_WORDS or words
    return len(wanted & set(answer.split())) / len(wanted)
