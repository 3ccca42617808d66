"""What tests of isolated families share: the environment that the person built, and weights made with its own libraries."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from engine import environment
from engine.contract import EngineSpec
from engine.worker import Worker

# Each test gets an empty home; built environments are registered in the person's own.
OWN_HOME = os.environ.get("SOUNDCHECK_HOME")


@contextmanager
def own_home(spec: EngineSpec) -> Iterator[None]:
    """The person's own home, where `prepare` built the environment; skips, saying so, where it did not."""
    with pytest.MonkeyPatch.context() as patch:
        if OWN_HOME is None:
            patch.delenv("SOUNDCHECK_HOME", raising=False)
        else:
            patch.setenv("SOUNDCHECK_HOME", OWN_HOME)
        if not environment.is_prepared(spec):
            pytest.skip(f"the environment is not built: run `python -m comparisons prepare {spec.id}`")
        yield


def make(spec: EngineSpec, code: str, *arguments: object) -> str:
    """Run Python code in the engine's own environment, with `arguments` in sys.argv[1:]; what it printed."""
    paths = os.pathsep.join([str(environment.ROOT), str(environment.ROOT / "tests")])
    made = subprocess.run(
        [str(environment.interpreter(spec)), "-c", code, *map(str, arguments)],
        check=False, capture_output=True, text=True,
        env=os.environ | {"HF_HUB_OFFLINE": "1", "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": paths, "PYTHONSAFEPATH": "1"},
    )  # fmt: skip
    assert made.returncode == 0, made.stderr[-2_000:]
    return made.stdout


@contextmanager
def working(spec: EngineSpec) -> Iterator[Worker]:
    """The engine in its own process, loaded."""
    worker = Worker(spec)
    try:
        worker.load()
        yield worker
    finally:
        worker.close()
