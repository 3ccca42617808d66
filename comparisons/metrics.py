"""Every quality metric: name, unit, direction, version and how it is computed; withheld with a reason, never guessed."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import version
from itertools import combinations
from typing import Any

from comparisons import sounds, words
from comparisons.sounds import leading_silence_s
from comparisons.words import Normaliser, Withheld, WordErrors
from engine.audio import Audio
from engine.contract import Request
from engine.tasks import Output

__all__ = ["METRICS", "Measured", "Metric", "Reference", "Withheld", "agreement", "leading_silence_s", "mean_wer", "measure"]
__all__ += ["measure_round_trip", "pooled_wer", "preload"]


@dataclass(frozen=True)
class Reference:
    """What an output is measured against; `Reference()` is none. An empty text means: nothing is said."""

    text: str | None = None
    stems: Mapping[str, Audio] | None = None
    tags: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Measured:
    """`values` holds only what could be computed; `withheld` says why of everything else. Neither holds NaN or infinity."""

    values: Mapping[str, float | int | str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    withheld: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Sample:
    """One output beside its request and reference; what several metrics share is worked out once."""

    request: Any
    output: Output
    reference: Reference

    @cached_property
    def normaliser(self) -> Normaliser:
        return words.normaliser_for(getattr(self.request, "language", None), self.reference.text)

    @cached_property
    def texts(self) -> tuple[str, str]:
        """Reference and output, both normalised."""
        if self.output.text is None:
            raise Withheld("the output has no text")
        return words.normalise(self.reference.text, self.normaliser), words.normalise(self.output.text, self.normaliser)

    @cached_property
    def word_errors(self) -> WordErrors:
        return words.word_errors(*self.texts)

    @property
    def audio(self) -> Audio:
        if self.output.audio is None:
            raise Withheld("the output has no sound")
        return self.output.audio

    @cached_property
    def stems(self) -> dict[str, Audio]:
        return {stem.name: stem.audio for stem in self.output.stems}

    @cached_property
    def stem_scores(self) -> dict[str, dict[str, float | str]]:
        scores = sounds.scores_by_stem(self.stems, self.reference.stems)
        if not scores:
            raise Withheld(f"no stem of {sorted(self.stems)!r} has a reference among {sorted(self.reference.stems)!r}")
        return scores

    @cached_property
    def tags_found(self) -> tuple[int, int, int]:
        """Labels right, returned and wanted, each label once."""
        returned, wanted = labels(tag.label for tag in self.output.tags), labels(self.reference.tags)
        if not wanted:
            raise Withheld("the reference holds no labels")
        return len(returned & wanted), len(returned), len(wanted)


@dataclass(frozen=True)
class Metric:
    name: str
    label: str
    meaning: str
    unit: str
    direction: int
    """1: higher is better; -1: lower is better; 0: neither."""
    decimals: int | None
    """Digits after the point when shown, after `scale`."""
    tasks: tuple[str, ...]
    compute: Callable[[Sample], float | int | str]
    """Raises Withheld with the reason."""
    reference: str | None = None
    """"text", "stems" or "tags": the reference it needs."""
    version: str = "1"
    """Rises whenever the same output could get another value."""
    kind: str = "number"
    """"number", "text" or "json" (a JSON document as text)."""
    scale: float = 1.0
    """Factor from the stored value to the shown one: 100 for shares, which are stored as fractions and shown in percent."""


def labels(names: Iterable[str]) -> set[str]:
    """Labels as they are compared: case, outer and repeated spaces, hyphens and underscores ignored."""
    folded = {" ".join(name.casefold().replace("_", " ").replace("-", " ").split()) for name in names}
    return folded - {""}


def _mean_over_stems(sample: Sample, score: str) -> float:
    values = [scores[score] for scores in sample.stem_scores.values() if score in scores]
    if not values:
        raise Withheld("; ".join(f"{name}: {scores['withheld']}" for name, scores in sample.stem_scores.items()))
    return sum(values) / len(values)


def _raw_word_error_rate(sample: Sample) -> float:
    if sample.output.text is None:
        raise Withheld("the output has no text")
    return words.word_errors(sample.reference.text, sample.output.text).rate


def _f1(sample: Sample) -> float:
    right, returned, wanted = sample.tags_found
    return 2 * right / (returned + wanted)


def _words_per_minute(sample: Sample) -> float:
    if words.unspaced(sample.request.text):
        raise Withheld("this script puts no spaces between words")
    count, audio = len(sample.request.text.split()), sample.audio
    if not count or audio.seconds < 1:
        raise Withheld("pace needs a word and a second of sound")
    return 60 * count / audio.seconds


def _withhold(reason: str) -> Callable[[Sample], float]:
    def compute(sample: Sample) -> float:
        raise Withheld(reason)

    return compute


_NEEDS_TRANSCRIPT = "the speech has to be transcribed by a speech-to-text engine first"
_NEEDS_LISTENER = "an engine that knows sound and words has to listen first"
_NEEDS_OTHERS = "it compares engines: it needs the tags of at least two"
_SHARE: dict[str, Any] = {"unit": "%", "scale": 100.0, "decimals": 1}
_ASR: dict[str, Any] = {"tasks": ("asr",), "reference": "text"}
_STEMS: dict[str, Any] = {"tasks": ("separation",), "reference": "stems", "unit": "dB", "decimals": 1, "direction": 1}
_TAGS: dict[str, Any] = {"tasks": ("tagging",), "reference": "tags", "direction": 1, **_SHARE}
_COUNT: dict[str, Any] = {"unit": "", "decimals": 0, **_ASR}

_METRICS = (
    Metric(
        "wer", "WER", "Word errors per word of the reference, both normalised; a fraction.",
        direction=-1, compute=lambda sample: sample.word_errors.rate, **_SHARE, **_ASR,
    ),
    Metric(
        "cer", "CER", "Character errors per character of the reference, both normalised; a fraction.",
        direction=-1, compute=lambda sample: words.character_error_rate(*sample.texts), **_SHARE, **_ASR,
    ),
    Metric(
        "wer_raw", "Raw WER", "Word errors with case and punctuation as written; a fraction.",
        direction=-1, compute=_raw_word_error_rate, **_SHARE, **_ASR,
    ),
    Metric(
        "word_substitutions", "Substituted", "Reference words replaced by another word.",
        direction=-1, compute=lambda sample: sample.word_errors.substitutions, **_COUNT,
    ),
    Metric(
        "word_deletions", "Deleted", "Reference words that are missing.",
        direction=-1, compute=lambda sample: sample.word_errors.deletions, **_COUNT,
    ),
    Metric(
        "word_insertions", "Inserted", "Words that the reference does not have.",
        direction=-1, compute=lambda sample: sample.word_errors.insertions, **_COUNT,
    ),
    Metric(
        "reference_words", "Reference words", "Words of the normalised reference.",
        direction=0, compute=lambda sample: sample.word_errors.reference_words, **_COUNT,
    ),
    Metric(
        "round_trip_wer", "Round-trip WER", "WER of the speech when a speech-to-text engine writes it down; a fraction.",
        direction=-1, tasks=("tts",), compute=_withhold(_NEEDS_TRANSCRIPT), **_SHARE,
    ),
    Metric(
        "loudness_lufs", "Loudness", "Integrated loudness, ITU-R BS.1770-4; needs 0.4 s of sound.",
        "LUFS", 0, 1, ("tts", "music"), lambda sample: sounds.loudness_lufs(sample.audio),
    ),
    Metric(
        "peak_dbfs", "Peak", "Largest sample against full scale.",
        "dBFS", 0, 1, ("tts", "music"), lambda sample: sounds.peak_dbfs(sample.audio),
    ),
    Metric(
        "words_per_minute", "Pace", "Words of the text per minute of speech, pauses included.",
        "wpm", 0, 0, ("tts",), _words_per_minute,
    ),
    Metric(
        "silence_share", "Silence", "Share of the speech that is silent (10 ms RMS at most 0.01 of full scale); a fraction.",
        direction=0, tasks=("tts",), compute=lambda sample: sounds.silence_share(sample.audio), **_SHARE,
    ),
    Metric(
        "predicted_mos", "Predicted MOS", "DNSMOS P.835 overall, 1 to 5, at 16 kHz: a network's guess, trained on calls.",
        "", 1, 2, ("tts",), lambda sample: sounds.predicted_mos(sample.audio),
    ),
    Metric(
        "prompt_score", "Prompt score", "Cosine similarity of the music and its prompt in the space of the engine that listened.",
        "", 1, 3, ("music",), _withhold(_NEEDS_LISTENER),
    ),
    Metric(
        "tempo_bpm", "Tempo", "Estimated from the onsets; half and double tempo are easily confused.",
        "bpm", 0, 0, ("music",), lambda sample: sounds.tempo_bpm(sample.audio),
    ),
    Metric(
        "musical_key", "Key", "Estimated from the pitch classes; a fifth away is the usual mistake.",
        "", 0, None, ("music",), lambda sample: sounds.musical_key(sample.audio), kind="text",
    ),
    Metric(
        "si_sdr_db", "SI-SDR", "Scale-invariant signal-to-distortion ratio; mean over stems with a reference.",
        compute=lambda sample: _mean_over_stems(sample, "si_sdr_db"), **_STEMS,
    ),
    Metric(
        "sdr_db", "SDR", "Signal-to-distortion ratio; mean over stems with a reference.",
        compute=lambda sample: _mean_over_stems(sample, "sdr_db"), **_STEMS,
    ),
    Metric(
        "null_test_db", "Null test", "Sum of stems minus mix, against the mix; says nothing of purity.",
        "dB", -1, 1, ("separation",), lambda sample: sounds.null_test_db(sample.stems, sample.request.audio),
    ),
    Metric(
        "stem_scores", "Stem scores", "SI-SDR and SDR of each stem that has a reference, or why there is none.",
        "", 0, None, ("separation",), lambda sample: json.dumps(sample.stem_scores), "stems", kind="json",
    ),
    Metric(
        "tag_f1", "F1", "Harmonic mean of precision and recall; a fraction.",
        compute=_f1, **_TAGS,
    ),
    Metric(
        "tag_precision", "Precision", "Share of the returned labels that are in the reference; a fraction.",
        compute=lambda sample: sample.tags_found[0] / sample.tags_found[1], **_TAGS,
    ),
    Metric(
        "tag_recall", "Recall", "Share of the reference labels that were returned; a fraction.",
        compute=lambda sample: sample.tags_found[0] / sample.tags_found[2], **_TAGS,
    ),
    Metric(
        "tag_agreement", "Agreement", "Labels shared by two engines over all their labels, mean over pairs; a fraction.",
        direction=0, tasks=("tagging",), compute=_withhold(_NEEDS_OTHERS), **_SHARE,
    ),
    Metric(
        "reference_words_found", "Words found", "Share of the reference's key words that the answer holds; a fraction.",
        direction=1, tasks=("audio_lm",), reference="text", compute=lambda sample: words.share_found(*sample.texts), **_SHARE,
    ),
)  # fmt: skip

METRICS: dict[str, Metric] = {metric.name: metric for metric in _METRICS}
_COUNTS = ("word_substitutions", "word_deletions", "word_insertions", "reference_words")
_NORMALISED = {"wer", "cer", "reference_words_found", *_COUNTS}
_PACKAGES = {"wer": "jiwer", "cer": "jiwer", "wer_raw": "jiwer", "loudness_lufs": "pyloudnorm", "predicted_mos": "speechmos"}


def preload(task_name: str) -> None:
    """Import what the task's metrics need, before any stopwatch runs; a missing package shows later, as the metric's reason."""
    try:
        if task_name in ("asr", "audio_lm", "tts"):
            words.word_errors(words.normalise("a", words.english()), words.normalise("a", words.basic()))
        if task_name in ("tts", "music", "separation", "audio_lm"):
            import pyloudnorm  # noqa: F401
    except (ImportError, Withheld):
        return


def _version_of(metric: Metric) -> str:
    package = _PACKAGES.get(metric.name)
    return f"{metric.version}, {package} {version(package)}" if package else metric.version


def measure(task_name: str, request: Request, output: Output, reference: Reference) -> Measured:
    """Every metric of the task for one output; whatever fails inside a metric withholds that metric alone."""
    sample = Sample(request, output, reference)
    values, versions, withheld = {}, {}, {}
    for metric in METRICS.values():
        if task_name not in metric.tasks:
            continue
        if metric.reference and getattr(reference, metric.reference) is None:
            withheld[metric.name] = f"it needs a reference: {metric.reference}"
            continue
        try:
            value = metric.compute(sample)
            if isinstance(value, float) and not math.isfinite(value):
                raise Withheld("the result is not a finite number")
            values[metric.name], versions[metric.name] = value, _version_of(metric)
        except Withheld as why:
            withheld[metric.name] = str(why)
        except Exception as error:  # noqa: BLE001 - the run itself succeeded and its row must be kept
            withheld[metric.name] = f"it could not be computed: {type(error).__name__}: {error}"[:200]
    if _NORMALISED & values.keys():
        versions["normaliser"] = sample.normaliser.version
    if "si_sdr_db" in values:
        scored = sorted(name for name, scores in sample.stem_scores.items() if "withheld" not in scores)
        versions |= {name: f"{versions[name]} over {', '.join(scored)}" for name in ("si_sdr_db", "sdr_db") if name in values}
    return Measured(values, versions, withheld)


def measure_round_trip(request_text: str, heard_text: str, asr_engine_id: str, language: str | None = None) -> Measured:
    """round_trip_wer of a speech that `asr_engine_id` wrote down as `heard_text`; the version names that engine."""
    try:
        normaliser = words.normaliser_for(language, request_text)
        errors = words.word_errors(words.normalise(request_text, normaliser), words.normalise(heard_text, normaliser))
        value = errors.rate
    except Withheld as why:
        return Measured(withheld={"round_trip_wer": str(why)})
    metric = METRICS["round_trip_wer"]
    named = f"{metric.version}, jiwer {version('jiwer')}, heard by {asr_engine_id}"
    return Measured({metric.name: value}, {metric.name: named, "normaliser": normaliser.version})


def agreement(tags_by_engine: Sequence[Sequence[str]]) -> float | None:
    """tag_agreement, 0 to 1: the mean over pairs of engines of shared labels over all labels; None for fewer than two engines."""
    sets = [found for tags in tags_by_engine if (found := labels(tags))]
    pairs = [len(left & right) / len(left | right) for left, right in combinations(sets, 2)]
    return sum(pairs) / len(pairs) if pairs else None


def pooled_wer(rows: Iterable[Mapping[str, Any]]) -> float | None:
    """All word errors over all reference words, a fraction; insertions against an empty reference count. None without words."""
    counts = [tuple(row.get(name) for name in _COUNTS) for row in rows]
    counted = [numbers for numbers in counts if None not in numbers]
    reference_words = sum(numbers[-1] for numbers in counted)
    return sum(sum(numbers[:-1]) for numbers in counted) / reference_words if reference_words else None


def mean_wer(rows: Iterable[Mapping[str, Any]]) -> float | None:
    """The plain mean of the rows' WER, a fraction; every clip weighs alike. None when no row has one."""
    values = [row["wer"] for row in rows if row.get("wer") is not None]
    return sum(values) / len(values) if values else None
