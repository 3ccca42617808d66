"""Engines that give back the sound of a setting, need one, cannot take one, or ask for an agreement first."""

import numpy as np
from stub_engines import spec

from engine.audio import Audio
from engine.contract import Download, Engine, Needs

RATE = 16_000


class Parrot(Engine):
    """Its answer is the sound that it was given; a short tone without one."""

    def run(self, request, timeout_s):
        given = getattr(request, "reference", None) or getattr(request, "melody", None)
        yield given or Audio(0.3 * np.sin(np.arange(RATE // 4) / 5)[None].astype(np.float32), RATE)


ENGINES = [
    spec(Parrot, "parrot", "tts", honours=("reference", "reference_text")),
    spec(Parrot, "needy", "tts", honours=("reference",), requires=("reference",)),
    spec(Parrot, "deaf", "tts", honours=()),
    spec(Parrot, "asking", "tts", consent="Only for <b>friends</b>.", needs=Needs(downloads=(Download("acme/voice"),))),
    spec(Parrot, "coded", "tts", remote_code=True, needs=Needs(downloads=(Download("acme/code"),))),
    spec(Parrot, "hummer", "music", honours=("melody",)),
]
