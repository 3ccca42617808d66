"""The kinds of blind listening tests: what is asked, what may be answered, and how many votes say something."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

SHARES = (0.1, 0.3, 0.5, 0.8, 1.0)
"""Of each sound, to be heard before a vote counts."""
ROUNDS = {"ab": (1, 2), "cmos": (1, 2), "abx": (5, 8, 10, 16, 20)}
"""Votes per pair and listener in a test of one input; with two, each of a pair stands once on either side."""
LENGTHS = (10, 20, 30, 40, 60)
"""Votes per listener in a test over several inputs, the first of them the least."""
MOST_TRIALS = 60
"""Per listener: more is an hour, and people stop listening."""
MOST_ENGINES = 12
REFERENCE, ANCHOR = "reference", "anchor"


@dataclass(frozen=True)
class Kind:
    title: str
    meaning: str
    question: str
    answers: tuple[tuple[Any, str], ...]
    """(what is kept, what the button says)."""
    least: int
    """Engines needed."""
    enough: int
    """Votes per engine (ABX: per pair) under which no order is drawn from the figures."""
    unit: str


KINDS = {
    "ab": Kind(
        "A/B preference",
        "Which of two do you like better? Ties and “both bad” are answers too.",
        "Which one is better?",
        (("first", "A is better"), ("second", "B is better"), ("tie", "No difference"), ("bad", "Both bad")),
        2,
        20,
        "preferred over the average engine here",
    ),
    "abx": Kind(
        "ABX",
        "Can anybody hear the difference? X is A or B.",
        "Which one is X?",
        (("first", "X is A"), ("second", "X is B")),
        2,
        10,
        "right answers",
    ),
    "mushra": Kind(
        "MUSHRA",
        "All engines side by side, 0 to 100, with a low-pass anchor and, where there is one, a hidden reference.",
        "Rate the quality of every sound, 0 (bad) to 100 (excellent).",
        (),
        1,
        10,
        "mean rating, 0 to 100",
    ),
    "acr": Kind(
        "ACR, 5 points",
        "One sound at a time, from bad to excellent: gives a MOS.",
        "How good is this sound?",
        ((5, "Excellent"), (4, "Good"), (3, "Fair"), (2, "Poor"), (1, "Bad")),
        1,
        10,
        "mean opinion score, 1 to 5",
    ),
    "cmos": Kind(
        "CMOS, 7 points",
        "How much better or worse is B than A? From −3 to 3.",
        "How is B compared with A?",
        (
            (-3, "Much worse"),
            (-2, "Worse"),
            (-1, "Slightly worse"),
            (0, "The same"),
            (1, "Slightly better"),
            (2, "Better"),
            (3, "Much better"),
        ),
        2,
        10,
        "mean comparison score, −3 to 3",
    ),
}
