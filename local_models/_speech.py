"""What the text-to-speech families on torch share: a text spoken passage by passage, from one seed, in a voice that exists."""

from __future__ import annotations

import dataclasses
import inspect
import json
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from engine import weights
from engine.audio import Audio
from engine.contract import BadInput, EngineSpec, Piece, Synthesize, Unsupported
from local_models._long import passages
from local_models._speakable import speakable
from local_models._torch import TorchEngine

SEED = 0
FADE_S = 0.005
"""At the seams of passages: too short to be missed, long enough that no jump is heard."""
CONSENT = "Clone only voices whose owner agreed."
WEIGHTS = "*model.[bs]*"
"""model.safetensors or pytorch_model.bin, whichever the publisher offers; the latter is read with weights_only."""


class SpeechEngine(TorchEngine):
    """Base of the families: `load` sets `rate`, `speak` says one passage.

    Every passage starts from the same seed, so that a model that samples says the same text the same way again.
    """

    rate: int
    longest = 240
    """Characters of a passage: what the model says in one go without losing its way."""

    def settings(self, request: Synthesize) -> dict[str, Any]:
        """What `speak` is told beside the passage, also stated in Facts.sent. Raises Unsupported or BadInput before any sound."""
        return {}

    @abstractmethod
    def speak(self, passage: str, request: Synthesize, settings: Mapping[str, Any]) -> Any:
        """The passage as samples [frames], torch or numpy; None when nothing in it can be said."""

    def run(self, request: Synthesize, timeout_s: float) -> Iterator[Piece]:
        import torch

        text = speakable(request.text, self.spec.id)
        settings = self.settings(request)
        spoken, parts = 0, passages(text, self.longest)
        for number, passage in enumerate(parts):
            torch.manual_seed(SEED)
            with torch.inference_mode():
                samples = self.speak(passage, request, settings)
            if samples is None:
                continue
            samples = samples.float().cpu().numpy() if torch.is_tensor(samples) else np.asarray(samples)
            if samples.size:
                spoken += 1
                yield Audio(_seamless(samples.reshape(-1), self.rate, number > 0, number < len(parts) - 1), self.rate)
        if not spoken:
            raise BadInput(f"{self.spec.id} found nothing in this text that it can say aloud")
        facts = self.facts({"seed": SEED, "passages": spoken} | settings)
        yield dataclasses.replace(facts, notice=facts.notice or self.left_out(text))

    def left_out(self, text: str) -> str | None:
        """A sentence on what of the text the model has no sound for; None where it says everything."""
        return None


class CloningEngine(SpeechEngine):
    """Base of models that speak on in a voice they hear: the reference, else the first passage that they said themselves."""

    shortest_s, longest_s = 1.0, 30.0
    """Seconds that a reference may last."""
    needs_words = False
    """The model must be told what is said in the reference."""

    def settings(self, request: Synthesize) -> dict[str, Any]:
        self.heard: tuple[np.ndarray, str] | None = None
        if request.reference is None:
            if request.reference_text:
                raise BadInput(f"{self.spec.id} got the words of a reference voice without its recording")
            return {"voice": "its own"}
        sound = request.reference.mono().resample(self.rate)
        if not self.shortest_s <= sound.seconds <= self.longest_s:
            raise BadInput(
                f"{self.spec.id} needs {self.shortest_s:g} to {self.longest_s:g} s of the reference voice,"
                f" not {sound.seconds:.1f} s"
            )
        if sound.peak < 1e-3:
            raise BadInput(f"{self.spec.id} hears nothing in the reference voice's recording")
        words = (request.reference_text or "").strip()
        if self.needs_words and not words:
            raise BadInput(f"{self.spec.id} needs the words that are said in the reference voice's recording")
        self.heard = sound.samples[0], words
        return {"voice": "reference", "reference_s": round(sound.seconds, 3)}

    def speak(self, passage: str, request: Synthesize, settings: Mapping[str, Any]) -> Any:
        samples = self.speak_like(passage, self.heard)
        if self.heard is None and samples is not None and len(samples) >= self.shortest_s * self.rate:
            most = int(self.longest_s * self.rate)
            if len(samples) <= most or not self.needs_words:
                self.heard = samples[:most].float().cpu().numpy(), passage
        return samples

    @abstractmethod
    def speak_like(self, passage: str, heard: tuple[np.ndarray, str] | None) -> Any:
        """The passage as a tensor [frames] in the voice of `heard`: samples [frames] at `rate` and the words said in them."""


def _seamless(samples: np.ndarray, rate: int, follows: bool, goes_on: bool) -> np.ndarray:
    """A passage [frames] that begins and ends in silence where others join it: a jump between two is heard as a click."""
    fade = np.linspace(0, 1, min(len(samples) // 2, round(FADE_S * rate)), dtype=np.float32)
    if not len(fade) or not (follows or goes_on):
        return samples
    samples = samples.astype(np.float32)  # a copy: the model's own array may be read-only
    if follows:
        samples[: len(fade)] *= fade
    if goes_on:
        samples[len(samples) - len(fade) :] *= fade[::-1]
    return samples


def some(names: Iterable[str]) -> str:
    """The first dozen names, and how many more there are."""
    names = list(names)
    return ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "")


def chosen_voice(spec: EngineSpec, voice: str | None, voices: Iterable[str] | None = None) -> str | None:
    """The voice asked for, else the engine's default, as the list writes it. Raises Unsupported with the list for another."""
    names = list(spec.voices if voices is None else voices)
    if not (voice or "").strip():
        return spec.default_voice if spec.default_voice in names else next(iter(names), None)
    found = next((name for name in names if name.casefold() == voice.strip().casefold()), None)
    if found is None:
        raise Unsupported(f"{spec.id} has no voice {voice!r}; it has {some(names) or 'only its own'}")
    return found


def language_code(language: str | None) -> str:
    """ "en" of "en-US" or "EN"; "" for none."""
    return (language or "").strip().lower().replace("_", "-").partition("-")[0]


def processor(engine: TorchEngine, kind: type, codec: Any) -> Any:
    """The processor of the engine's own weights, with `codec` as its audio tokenizer instead of the one it would fetch."""
    from transformers import AutoFeatureExtractor, AutoTokenizer

    folder = weights.needed(engine.spec)
    saved, template = folder / "processor_config.json", folder / "chat_template.jinja"
    known = json.loads(saved.read_text()) if saved.exists() else {}
    if template.exists():
        known["chat_template"] = template.read_text()
    wanted = set(inspect.signature(kind.__init__).parameters) - {"self", "feature_extractor", "tokenizer", "audio_tokenizer"}
    return kind(
        engine.pretrained(AutoFeatureExtractor, weights_too=False),
        engine.pretrained(AutoTokenizer, weights_too=False),
        audio_tokenizer=codec,
        **{name: value for name, value in known.items() if name in wanted},
    )
