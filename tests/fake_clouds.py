"""Every cloud engine with the fake vendor that answers it, for tests that run over all of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from fake_api import FakeApi
from fake_assemblyai import FakeAssemblyAI
from fake_deepgram import FakeDeepgram
from fake_openai import FakeOpenAI

from engine.audio import Audio
from engine.contract import Ask, Engine, EngineSpec, Request, Synthesize, Transcribe
from providers import assemblyai, deepgram, openai

VENDORS = {
    "openai": (openai.ENGINES, FakeOpenAI, "/v1"),
    "deepgram": (deepgram.ENGINES, FakeDeepgram, ""),
    "assemblyai": (assemblyai.ENGINES, FakeAssemblyAI, ""),
}
SPECS = {spec.id: spec for specs, _, _ in VENDORS.values() for spec in specs}
CANARY = "sk-CANARY7f3c71d2b8a64e05/+x"


def tone(seconds: float = 1.0, rate: int = 16_000) -> Audio:
    return Audio((0.2 * np.sin(2 * np.pi * 440 * np.arange(round(seconds * rate)) / rate)).astype(np.float32), rate)


def request_for(spec: EngineSpec, seconds: float = 0.2, text: str = "A short sentence.", language: str | None = None) -> Request:
    if spec.task == "asr":
        return Transcribe(tone(seconds), language=language)
    return Synthesize(text) if spec.task == "tts" else Ask(tone(seconds), prompt=text)


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
