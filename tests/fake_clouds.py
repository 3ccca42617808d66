"""Every cloud engine with the fake vendor that answers it, for tests that run over all of them."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from fake_api import FakeApi
from fake_assemblyai import FakeAssemblyAI
from fake_azure import FakeAzure
from fake_azure_openai import FakeAzureOpenAI
from fake_cartesia import FakeCartesia
from fake_compatible import FakeCompatible
from fake_dashscope import FakeDashScope
from fake_deepgram import FakeDeepgram
from fake_elevenlabs import FakeElevenLabs
from fake_fal import FakeFal
from fake_fish import FakeFish
from fake_gemini import FakeGemini
from fake_gladia import FakeGladia
from fake_google_speech import FakeGoogleSpeech
from fake_groq import FakeGroq
from fake_huggingface import FakeHuggingFace
from fake_hume import FakeHume
from fake_lalalai import FakeLalalAI
from fake_mistral import FakeMistral
from fake_musicai import FakeMusicAI
from fake_openai import FakeOpenAI
from fake_pyannoteai import FakePyannoteAI
from fake_replicate import FakeReplicate
from fake_resemble import FakeResemble
from fake_revai import FakeRevAI
from fake_soniox import FakeSoniox
from fake_speechmatics import FakeSpeechmatics
from fake_stability import FakeStability
from fake_xai import FakeXAI

from engine.audio import Audio
from engine.contract import Ask, Classify, Compose, Engine, EngineSpec, Request, Separate, Synthesize, Transcribe
from providers import (
    assemblyai,
    azure,
    azure_openai,
    cartesia,
    dashscope,
    deepgram,
    elevenlabs,
    fal,
    fish,
    gemini,
    gladia,
    google_speech,
    groq,
    huggingface,
    hume,
    lalalai,
    mistral,
    musicai,
    openai,
    pyannoteai,
    replicate,
    resemble,
    revai,
    siliconflow,
    soniox,
    speechmatics,
    stability,
    xai,
)
from providers.compatible import server_spec

VENDORS = {
    "openai": (openai.ENGINES, FakeOpenAI, "/v1"),
    "deepgram": (deepgram.ENGINES, FakeDeepgram, ""),
    "assemblyai": (assemblyai.ENGINES, FakeAssemblyAI, ""),
    "elevenlabs": (elevenlabs.ENGINES, FakeElevenLabs, ""),
    "cartesia": (cartesia.ENGINES, FakeCartesia, ""),
    "hume": (hume.ENGINES, FakeHume, ""),
    "soniox": (soniox.ENGINES, FakeSoniox, ""),
    "speechmatics": (speechmatics.ENGINES, FakeSpeechmatics, ""),
    "gladia": (gladia.ENGINES, FakeGladia, ""),
    "revai": (revai.ENGINES, FakeRevAI, ""),
    "pyannoteai": (pyannoteai.ENGINES, FakePyannoteAI, ""),
    "fish": (fish.ENGINES, FakeFish, ""),
    "xai": (xai.ENGINES, FakeXAI, ""),
    "gemini": (gemini.ENGINES, FakeGemini, ""),
    "google_speech": (google_speech.ENGINES, FakeGoogleSpeech, "/v2/projects/studio-7/locations/us"),
    "azure": (azure.ENGINES, FakeAzure, ""),
    "mistral": (mistral.ENGINES, FakeMistral, ""),
    "groq": (groq.ENGINES, FakeGroq, "/openai/v1"),
    "siliconflow": (siliconflow.ENGINES, FakeOpenAI, "/v1"),
    "azure_openai": (azure_openai.ENGINES, FakeAzureOpenAI, ""),
    "dashscope": (dashscope.ENGINES, FakeDashScope, ""),
    "fal": (fal.ENGINES, FakeFal, ""),
    "huggingface": (huggingface.ENGINES, FakeHuggingFace, ""),
    "lalalai": (lalalai.ENGINES, FakeLalalAI, ""),
    "musicai": (musicai.ENGINES, FakeMusicAI, ""),
    "replicate": (replicate.ENGINES, FakeReplicate, ""),
    "resemble": (resemble.ENGINES, FakeResemble, ""),
    "stability": (stability.ENGINES, FakeStability, ""),
    "compatible": (
        [server_spec("http://localhost:1/v1", "any", task) for task in ("asr", "tts", "audio_lm")],
        FakeCompatible,
        "/v1",
    ),
}
SPECS = {spec.id: spec for specs, _, _ in VENDORS.values() for spec in specs}
CANARY = "sk-CANARY7f3c71d2b8a64e05/+x"


def tone(seconds: float = 1.0, rate: int = 16_000) -> Audio:
    return Audio((0.2 * np.sin(2 * np.pi * 440 * np.arange(round(seconds * rate)) / rate)).astype(np.float32), rate)


def request_for(spec: EngineSpec, seconds: float = 0.2, text: str = "A short sentence.", language: str | None = None) -> Request:
    """One that its vendor takes; `language` and `text` are where two requests may differ, or else `seconds`."""
    if spec.task == "asr":
        if language and "language" not in spec.honours:
            return Transcribe(tone(seconds), prompt=language)
        return Transcribe(tone(seconds), language=language)
    if spec.task == "tts":
        return Synthesize(text)
    if spec.task == "tagging":
        return Classify(tone(seconds), labels=text)
    if spec.task == "music":
        return Compose(text)
    return Separate(tone(seconds)) if spec.task == "separation" else Ask(tone(seconds), prompt=text)


@contextmanager
def cloud(engine_id: str, key: str = CANARY) -> Iterator[tuple[Engine, FakeApi, Any]]:
    """A loaded engine, the server it talks to, and the fake vendor behind that."""
    spec = SPECS[engine_id]
    _, fake, path = VENDORS[spec.vendor_slug]
    vendor = fake()
    with FakeApi(vendor) as api:
        engine = spec.engine(spec, key, api.url + path)
        engine.load()
        try:
            yield engine, api, vendor
        finally:
            engine.close()


class Pace:
    """How an engine waits between looks at a job, on its own clock: a server notes a request only when its thread gets to it."""

    def __init__(self, engine: Any) -> None:
        self._asked: list[float] = []
        self._ended, self._wait = [time.monotonic()], engine.line.wait
        engine.line.wait = self._waited

    def _waited(self, seconds: float) -> None:
        self._wait(seconds)
        self._asked.append(seconds)
        self._ended.append(time.monotonic())

    def looks(self, every_s: float) -> int:
        """The number of looks, each `every_s` after the last. Raises AssertionError for an earlier one, or a longer wait."""
        gaps = [later - earlier for earlier, later in itertools.pairwise(self._ended)]
        assert min(gaps) >= every_s - 0.001 and max(self._asked) <= every_s, (gaps, self._asked)
        return len(gaps)
