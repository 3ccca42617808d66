"""Text to speech in environments of their own: a speaker where the environment is built, else a skip that says so."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tiny_speech import Speaker, speaker

from engine import environment
from engine.contract import EngineSpec

# Each test gets an empty home; built environments are registered in the person's own.
OWN_HOME = os.environ.get("SOUNDCHECK_HOME")


def interpreter_of(spec: EngineSpec) -> Path:
    """The Python of the engine's built environment; what it makes is what its library would serve."""
    with home_of_the_person():
        if not environment.is_prepared(spec):
            pytest.skip(f"the environment is not built: run `python -m comparisons prepare {spec.id}`")
        return environment.interpreter(spec)


@contextmanager
def home_of_the_person() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        if OWN_HOME is None:
            patch.delenv("SOUNDCHECK_HOME", raising=False)
        else:
            patch.setenv("SOUNDCHECK_HOME", OWN_HOME)
        yield


@contextmanager
def built(spec: EngineSpec) -> Iterator[Speaker]:
    interpreter_of(spec)
    with home_of_the_person(), speaker(spec) as voice:
        yield voice
