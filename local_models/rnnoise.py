"""Speech to text in two steps: RNNoise takes the noise away at 48 kHz, then PocketSphinx hears what is left.

The whole clip is cleaned before the first hypothesis, so first output is later than without RNNoise.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from engine.audio import Audio
from engine.contract import Needs, Piece, Transcribe
from local_models.pocketsphinx import ENGINES as POCKETSPHINX
from local_models.pocketsphinx import PocketSphinx

RATE = 48_000


class RNNoisePocketSphinx(PocketSphinx):
    def load(self) -> None:
        super().load()
        from pyrnnoise import rnnoise

        self.rnnoise = rnnoise

    def run(self, request: Transcribe, timeout_s: float) -> Iterator[Piece]:
        yield from super().run(replace(request, audio=self.clean(request.audio)), timeout_s)

    def clean(self, audio: Audio) -> Audio:
        """The same length, mono at 48 kHz, without steady noise."""
        loud = audio.mono().resample(RATE).samples[0] * 32_768.0  # RNNoise's floats have the range of 16-bit integers
        size = self.rnnoise.FRAME_SIZE
        # RNNoise answers two frames late (measured: 959 samples): two more go in, and the first two out are dropped.
        frames = np.zeros((-(-len(loud) // size) + 2, size), np.float32)
        frames.reshape(-1)[: len(loud)] = loud
        state = self.rnnoise.create()
        try:
            for frame in frames:
                pointer = frame.ctypes.data_as(ctypes.POINTER(ctypes.c_float))
                self.rnnoise.lib.rnnoise_process_frame(state, pointer, pointer)
        finally:
            self.rnnoise.destroy(state)
        return Audio(frames.reshape(-1)[2 * size : 2 * size + len(loud)] / 32_768.0, RATE)


ENGINES = [
    replace(
        POCKETSPHINX[0],
        id="rnnoise/pocketsphinx",
        name="RNNoise + PocketSphinx",
        vendor="Xiph.Org, CMU Sphinx",
        system="RNNoise front end + PocketSphinx",
        engine=RNNoisePocketSphinx,
        model="rnnoise + en-us",
        license_code="Apache-2.0 (pyrnnoise), BSD-3-Clause (RNNoise), BSD-2-Clause (PocketSphinx)",
        license_weights="BSD-3-Clause (RNNoise), BSD-2-Clause (en-us)",
        summary="Classical baseline behind a small neural noise filter: hears more in steady noise, less in clean speech.",
        docs_url="https://github.com/pengzhendong/pyrnnoise",
        needs=Needs(packages=("pocketsphinx", "pyrnnoise"), memory_gb=0.4),
        packages=("pocketsphinx", "pyrnnoise", "soxr"),
    ),
]
