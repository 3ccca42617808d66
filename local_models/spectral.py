"""A mix in, two stems out, by classical spectral masks: no model. The two masks add up to one, so the stems add up to the mix."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator

import numpy as np

from engine.audio import Audio
from engine.contract import BadInput, Engine, EngineSpec, Needs, Separate, Stem

_BLOCK_S, _OVERLAP_S = 40.0, 2.0
_UNDIVIDED_S = 60.0
"""Sounds up to this long are masked as a whole; longer ones in overlapping blocks, so that memory stays bounded."""
_SHORTEST_S = 0.5


class _Masked(Engine):
    """One soft mask from the power of all channels together, applied to each: the stereo picture stays."""

    names: tuple[str, str]
    """Stem names: what the mask keeps, what it leaves."""

    def load(self) -> None:
        import librosa  # noqa: F401

        # The first call compiles and imports lazily; a second of noise pays for that outside the timed runs.
        noise = np.random.default_rng(0).standard_normal(22_050) * 0.1
        self._split(noise[None].astype(np.float32), 22_050)

    def run(self, request: Separate, timeout_s: float) -> Iterator[Stem]:
        """Two stems at the mix's rate, channels and length. Raises BadInput for less than half a second of sound."""
        mix = request.audio
        if mix.seconds < _SHORTEST_S:
            raise BadInput(f"{self.spec.id} needs at least {_SHORTEST_S} s of sound, got {mix.seconds:.2f} s")
        stems = np.zeros((2, *mix.samples.shape), np.float32)
        for start, end, weight in _blocks(mix):
            stems[:, :, start:end] += weight * self._split(mix.samples[:, start:end], mix.rate)
        for name, samples in zip(self.names, stems, strict=True):
            yield Stem(name, Audio(samples, mix.rate))

    def _split(self, samples: np.ndarray, rate: int) -> np.ndarray:
        """float32 [channels, frames] as its two parts [2, channels, frames]."""
        import librosa

        if not samples.any():
            return np.zeros((2, *samples.shape), np.float32)
        # A window of about 46 ms at any rate: 2,048 frames at 44.1 kHz.
        n_fft = max(256, 2 ** round(np.log2(0.0464 * rate)))
        frames = samples.shape[1]
        padded = np.pad(samples, ((0, 0), (0, max(0, n_fft - frames))))
        spectra = librosa.stft(padded, n_fft=n_fft, hop_length=n_fft // 4)
        magnitude = np.sqrt((np.abs(spectra) ** 2).mean(axis=0))
        mask = self.mask(magnitude, rate / (n_fft // 4))
        parts = [librosa.istft(spectra * m, hop_length=n_fft // 4, n_fft=n_fft, length=padded.shape[1]) for m in (mask, 1 - mask)]
        return np.stack(parts)[:, :, :frames]

    @abstractmethod
    def mask(self, magnitude: np.ndarray, frame_rate: float) -> np.ndarray:
        """A mask in [0, 1] for [bins, frames]; `frame_rate` in frames per second."""


class Hpss(_Masked):
    """Median filters along time and along frequency: steady lines against vertical strokes (Fitzgerald 2010)."""

    names = ("harmonic", "percussive")

    def mask(self, magnitude: np.ndarray, frame_rate: float) -> np.ndarray:
        import librosa

        return librosa.decompose.hpss(magnitude, mask=True)[0]


class RepetSim(_Masked):
    """Each frame is compared with its most similar frames elsewhere: what repeats is background (Rafii and Pardo 2012)."""

    names = ("background", "foreground")
    neighbours = 30
    """More frames make the median smoother but cost time in proportion; on drums over tones the stems no longer improve."""

    def mask(self, magnitude: np.ndarray, frame_rate: float) -> np.ndarray:
        import librosa

        # Neighbours nearer than this belong to the same event and would always look alike.
        apart = max(1, min(round(2 * frame_rate), (magnitude.shape[1] - 1) // 4))
        k = min(self.neighbours, max(1, magnitude.shape[1] - 2 * apart))
        repeating = librosa.decompose.nn_filter(magnitude, aggregate=np.median, metric="cosine", width=apart, k=k)
        repeating = np.minimum(magnitude, repeating)
        return librosa.util.softmask(repeating, magnitude - repeating, power=2, split_zeros=True)


class Nmf(_Masked):
    """Twelve spectral templates with their activations; flat templates and sudden activations count as percussive."""

    names = ("harmonic", "percussive")
    components = 12
    flat = 0.3
    """Flatness (geometric over arithmetic mean) within 16 neighbouring bins: below 0.2 for tones, about 0.5 for noise."""
    sudden = 0.2
    """Rises of the activation over its sum: below 0.15 where held notes dominate, above 0.2 where drums do. Both limits
    were read off mixes of this project's own composer, whose drums and notes are known apart."""

    def mask(self, magnitude: np.ndarray, frame_rate: float) -> np.ndarray:
        import warnings

        import librosa
        from sklearn.decomposition import NMF
        from sklearn.exceptions import ConvergenceWarning

        model = NMF(min(self.components, *magnitude.shape), init="nndsvda", max_iter=80, random_state=0)
        with warnings.catch_warnings():
            # 80 rounds are enough to tell the groups apart; the last digits do not matter
            warnings.simplefilter("ignore", ConvergenceWarning)
            templates = model.fit_transform(magnitude)
        activations = model.components_
        struck = local_flatness(templates) > self.flat
        struck |= np.maximum(0, np.diff(activations, axis=1)).sum(axis=1) > self.sudden * activations.sum(axis=1)
        harmonic, percussive = (templates[:, group] @ activations[group] for group in (~struck, struck))
        return librosa.util.softmask(harmonic, percussive, power=2, split_zeros=True)


def local_flatness(templates: np.ndarray) -> np.ndarray:
    """Flatness of the power in groups of 16 bins, averaged by power: [bins, templates] -> [templates]."""
    bins = templates.shape[0] // 16 * 16
    power = templates[:bins].reshape(-1, 16, templates.shape[1]) ** 2 + 1e-12 * (1 + (templates**2).max())
    flatness = np.exp(np.log(power).mean(axis=1)) / power.mean(axis=1)
    return (flatness * power.sum(axis=1)).sum(axis=0) / power.sum(axis=(0, 1))


def _blocks(mix: Audio) -> Iterator[tuple[int, int, np.ndarray]]:
    """(start, end, weight per frame) of blocks that cross-fade linearly; all weights at a frame add up to one."""
    if mix.seconds <= _UNDIVIDED_S:
        yield 0, mix.frames, np.ones(mix.frames, np.float32)
        return
    step, overlap = round(_BLOCK_S * mix.rate), round(_OVERLAP_S * mix.rate)
    ramp = (np.arange(overlap, dtype=np.float32) + 0.5) / overlap
    start = 0
    while True:
        end = min(start + step + overlap, mix.frames)
        # A remainder shorter than a block's half would have too little to compare with; it joins the last block.
        if mix.frames - end < step // 2:
            end = mix.frames
        weight = np.ones(end - start, np.float32)
        if start:
            weight[:overlap] = ramp
        if end < mix.frames:
            weight[-overlap:] = ramp[::-1]
        yield start, end, weight
        if end == mix.frames:
            return
        start = end - overlap


def _spec(
    model: str, name: str, system: str, engine: type[Engine], summary: str, code: str, docs_url: str, *, sklearn: bool
) -> EngineSpec:
    packages = ("librosa", "numpy", "scipy", *(("scikit-learn",) if sklearn else ()))
    return EngineSpec(
        id=f"spectral/{model}",
        task="separation",
        name=name,
        vendor="librosa",
        system=system,
        engine=engine,
        where="local",
        model=model,
        license_code=code,
        license_weights=None,
        languages=(),
        summary=f"Classical baseline, no model. {summary}",
        docs_url=docs_url,
        checked_on="2026-11-20",
        needs=Needs(packages=("librosa", *(("sklearn",) if sklearn else ())), memory_gb=1.0),
        tier="baseline",
        packages=packages,
    )


ENGINES = [
    _spec(
        "hpss",
        "HPSS: harmonic, percussive",
        "HPSS (librosa)",
        Hpss,
        "Steady tones against strokes by median filters; voices end up in both stems.",
        "ISC",
        "https://librosa.org/doc/latest/generated/librosa.decompose.hpss.html",
        sklearn=False,
    ),
    _spec(
        "repet-sim",
        "REPET-SIM: background, foreground",
        "REPET-SIM (librosa nn_filter)",
        RepetSim,
        "What repeats is background, the rest foreground; that the voice is the foreground is a guess. Weak below 30 s.",
        "ISC",
        "https://librosa.org/doc/latest/auto_examples/plot_vocal_separation.html",
        sklearn=False,
    ),
    _spec(
        "nmf",
        "NMF: harmonic, percussive",
        "NMF + spectral-flatness grouping",
        Nmf,
        "Twelve spectral templates: those with a flat spectrum or sudden onsets are percussive, the others harmonic.",
        "ISC; BSD-3-Clause (scikit-learn)",
        "https://scikit-learn.org/stable/modules/generated/sklearn.decomposition.NMF.html",
        sklearn=True,
    ),
]
