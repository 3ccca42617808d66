"""Speech to text with PocketSphinx and the US English model in its package: classical, lower case, no punctuation.

A short first pass only measures the clip's mean cepstrum; it is part of the measured time. Text is heard in half-second blocks.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import numpy as np

from engine.contract import BadInput, Engine, EngineSpec, Facts, Limits, Mark, Needs, Piece, Text, Transcribe, Unsupported, Word

RATE = 16_000
BLOCK_S = 0.48
"""A whole number of the voice detector's 30 ms frames."""
HYPOTHESIS_STEP = 0.01
"""Share of what has been heard that must be new before the next hypothesis: each repeats the whole text so far."""
SHORTEST_S = 0.1
CUT_AFTER_S, CUT_AT_MOST_S = 15.0, 60.0
"""An utterance ends at the first pause after the one, at the latest after the other: an hour's lattice would fill the memory."""
FRAMES_PER_S = 100
_SAID = re.compile(r"^[^<\[+].*$")
_VARIANT = re.compile(r"\(\d+\)$")


def utterances(pcm: bytes, is_speech: Callable[[bytes], bool]) -> Iterator[tuple[bytes, bool]]:
    """Blocks of 16 kHz 16-bit PCM, each with True where the utterance ends after it.

    `is_speech` takes one 30 ms frame of bytes. A block without a single speech frame is a pause.
    """
    frame, block = 2 * int(0.03 * RATE), 2 * int(BLOCK_S * RATE)
    length_s = 0.0
    for start in range(0, len(pcm), block):
        part = pcm[start : start + block]
        length_s += len(part) / (2 * RATE)
        # Every frame goes through the detector, also where no cut is possible yet: it learns the noise as it listens.
        speech = [is_speech(part[at : at + frame]) for at in range(0, len(part) - frame + 1, frame)]
        pause = not any(speech)
        ends = (pause and length_s >= CUT_AFTER_S) or length_s >= CUT_AT_MOST_S or start + block >= len(pcm)
        yield part, ends
        if ends:
            length_s = 0.0


class PocketSphinx(Engine):
    def load(self) -> None:
        from pocketsphinx import Decoder, Vad

        self.decoder = Decoder(samprate=RATE, loglevel="FATAL")
        # One keyphrase makes the search next to free: this decoder only measures the mean cepstrum.
        self.listener = Decoder(samprate=RATE, loglevel="FATAL", lm=None, keyphrase="oh", kws_threshold=1e-1)
        self.vad = Vad(sample_rate=RATE)
        self._mean_of(np.zeros(RATE, "<i2").tobytes())
        self.fresh = True

    def run(self, request: Transcribe, timeout_s: float) -> Iterator[Piece]:
        yield from self.hear(request)
        yield Mark("answered")
        self.load()

    def hear(self, request: Transcribe) -> Iterator[Piece]:
        """The pieces of one clip. Decoders and detector carry it into the next one, and no call of theirs undoes that: unless
        they are loaded anew before, the next call does it first."""
        if request.language and request.language.lower().replace("_", "-").partition("-")[0] != "en":
            raise Unsupported(f"{self.spec.id} hears English only, not {request.language!r}")
        if request.audio.seconds < SHORTEST_S:
            raise BadInput(f"{self.spec.id} needs at least {SHORTEST_S} s of sound, not {request.audio.seconds:.3f} s")
        if not self.fresh:
            self.load()
        self.fresh = False
        pcm = request.audio.mono().resample(RATE).to_pcm16()
        # Without the clip's own mean the first words are misheard.
        self.decoder.set_cmn(self._mean_of(pcm))
        heard_s, start_s, next_s = 0.0, 0.0, 0.0
        finals: list[str] = []
        in_utterance = False
        try:
            for block, ends in utterances(pcm, self.vad.is_speech):
                if not in_utterance:
                    self.decoder.start_utt()
                    in_utterance = True
                self.decoder.process_raw(block)
                heard_s += len(block) / (2 * RATE)
                if ends:
                    self.decoder.end_utt()
                    in_utterance = False
                    words = self._words(start_s)
                    start_s = heard_s
                    if words:
                        finals.append(" ".join(word.text for word in words))
                        yield Text(finals[-1], words=words if request.word_times else (), language="en")
                elif heard_s >= next_s and (hypothesis := self.decoder.hyp()) and hypothesis.hypstr:
                    next_s = heard_s * (1 + HYPOTHESIS_STEP)
                    yield Text(" ".join([*finals, hypothesis.hypstr]), final=False, language="en")
        finally:
            if in_utterance:
                self.decoder.end_utt()
        if not finals:
            yield Text("", language="en")
        yield Facts(device="cpu", threads=1, model="en-us")

    def _mean_of(self, pcm: bytes) -> str:
        self.listener.start_utt()
        self.listener.process_raw(pcm, full_utt=True)
        self.listener.end_utt()
        return self.listener.get_cmn(True)

    def _words(self, start_s: float) -> tuple[Word, ...]:
        """Words of the utterance that has just ended; silences and fillers such as <sil> and [NOISE] are not words."""
        return tuple(
            Word(
                _VARIANT.sub("", part.word),
                start_s + part.start_frame / FRAMES_PER_S,
                start_s + (part.end_frame + 1) / FRAMES_PER_S,
                min(1.0, max(0.0, part.prob)),
            )
            for part in self.decoder.seg() or ()
            if _SAID.match(part.word)
        )


ENGINES = [
    EngineSpec(
        id="pocketsphinx/en-us",
        task="asr",
        name="PocketSphinx",
        vendor="CMU Sphinx",
        system="PocketSphinx (classical ASR baseline)",
        engine=PocketSphinx,
        where="local",
        model="en-us",
        license_code="BSD-2-Clause",
        license_weights="BSD-2-Clause",
        languages=("en",),
        summary="Classical baseline: hidden Markov models and a trigram. Clear US English only; noise becomes words.",
        docs_url="https://pocketsphinx.readthedocs.io/en/latest/",
        checked_on="2026-11-20",
        honours=("language", "word_times"),
        limits=Limits(audio_seconds=3600),
        needs=Needs(packages=("pocketsphinx",), memory_gb=0.3),
        tier="baseline",
        packages=("pocketsphinx", "soxr"),
        streams=True,
    ),
]
