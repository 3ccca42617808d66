"""The tables of the composer: drums, accompaniments, bass lines, rhythms, chord progressions and scales, in sixteenths of 4/4."""

from __future__ import annotations

STEPS_PER_BEAT = 4
DRUM_KIT = {
    "kick": 36, "rim": 37, "snare": 38, "clap": 39, "hat": 42, "pedal": 44, "open hat": 46, "crash": 49, "ride": 51,
    "low tom": 41, "mid tom": 45, "high tom": 48, "shaker": 70,
}  # fmt: skip
DRUM_PATTERNS = {
    "pop": {"kick": "x.....x.x.......", "snare": "....x.......x...", "hat": "x.o.x.o.x.o.x.o."},
    "rock": {"kick": "x.......x.x.....", "snare": "....x.......x...", "hat": "x.o.x.o.x.o.x.o."},
    "metal": {"kick": "x.x.x.x.x.x.x.xx", "snare": "....x.......x...", "ride": "x...x...x...x..."},
    "dance": {"kick": "x...x...x...x...", "clap": "....x.......x...", "open hat": "..x...x...x...x."},
    "funk": {"kick": "x..x..x...x..x..", "snare": "....x..o.o..x..o", "hat": "xoxoxoxoxoxoxoxo"},
    "swing": {"kick": "o.......o.......", "pedal": "....x.......x...", "ride": "x...x.o.x...x.o."},
    "shuffle": {"kick": "x.......x.......", "snare": "....x.......x...", "hat": "x.o.x.o.x.o.x.o."},
    "lo-fi": {"kick": "x......x..x.....", "snare": "....x.......x...", "hat": "o.o.o.o.o.o.o.oo"},
    "bossa": {"kick": "o..oo..oo..oo..o", "rim": "x..x..x...x..x..", "shaker": "o.o.o.o.o.o.o.o."},
    "one drop": {"kick": "........x.......", "rim": "........x.......", "hat": "o.x.o.x.o.x.o.x."},
    "toms": {"low tom": "x.....o.x.......", "mid tom": "..........o.o...", "kick": "x..............."},
    "waltz": {"kick": "o...........", "pedal": "....o...o...", "ride": "o..........."},
}
ACCOMPANIMENTS = {
    "pad": ((0, 16),), "push": ((0, 6), (6, 4), (10, 6)), "drive": tuple((step, 2) for step in range(0, 16, 2)),
    "charleston": ((0, 3), (6, 2), (14, 2)), "arpeggio": (), "oompah": ((4, 3), (8, 3), (12, 3)),
    "stabs": ((2, 2), (6, 2), (10, 2), (14, 2)), "strum": ((0, 4), (4, 2), (6, 4), (10, 2), (12, 4)),
    "skank": ((2, 1), (6, 1), (10, 1), (14, 1)), "bossa": ((0, 3), (6, 3), (10, 3)),
}  # fmt: skip
BASS_LINES = {  # (step, length, chord member: 0 root, 2 fifth, 3 octave)
    "long": ((0, 16, 0),), "root fifth": ((0, 8, 0), (8, 8, 2)), "eighths": tuple((step, 2, 0) for step in range(0, 16, 2)),
    "offbeat": tuple((step, 2, 0) for step in range(2, 16, 4)),
    "syncopated": ((0, 3, 0), (3, 3, 0), (6, 2, 3), (10, 3, 2), (14, 2, 0)),
    "bossa": ((0, 6, 0), (6, 2, 2), (8, 6, 2), (14, 2, 0)), "walking": (),
}  # fmt: skip
RHYTHMS = {
    "sparse": (((0, 8), (8, 8)), ((0, 12), (12, 4)), ((4, 12),)),
    "medium": (
        ((0, 4), (4, 4), (8, 8)), ((0, 6), (6, 2), (8, 4), (12, 4)), ((0, 4), (4, 2), (6, 2), (8, 8)), ((2, 2), (4, 4), (8, 8)),
    ),
    "busy": (
        ((0, 2), (2, 2), (4, 4), (8, 2), (10, 2), (12, 4)), ((0, 3), (3, 3), (6, 2), (8, 6)),
        ((2, 2), (4, 2), (6, 4), (10, 2), (12, 4)),
    ),
}  # fmt: skip
# Scale degrees of four bars; the second line of each is the contrasting B phrase.
PROGRESSIONS = {
    "major": (((1, 5, 6, 4), (1, 6, 4, 5), (1, 4, 6, 5), (1, 3, 4, 5)), ((4, 1, 2, 5), (6, 4, 1, 5), (2, 6, 4, 5))),
    "minor": (((1, 6, 3, 7), (1, 4, 6, 5), (1, 7, 6, 5), (1, 4, 7, 3)), ((6, 7, 1, 5), (4, 1, 6, 5), (6, 3, 4, 5))),
    "jazz": (((1, 6, 2, 5), (2, 5, 1, 6)), ((3, 6, 2, 5), (4, 7, 3, 6))),
    "blues": (((1, 4, 1, 1), (1, 1, 4, 1)), ((4, 4, 1, 5), (5, 4, 1, 5))),
}
SCALES = {"major": (0, 2, 4, 5, 7, 9, 11), "minor": (0, 2, 3, 5, 7, 8, 10), "blues": (0, 3, 5, 6, 7, 10)}
