"""A cloud on loopback, in a process of its own so that its work is not ours: the tests' fake OpenAI, as slow as told."""

from __future__ import annotations

import argparse
import dataclasses
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from comparisons.catalogue import Access, find
from comparisons.runner import Plan, Runner
from engine.audio import Audio
from engine.contract import EngineSpec, Transcribe

ROOT = Path(__file__).resolve().parent.parent
KEY = "a-key-that-opens-nothing"
ENGINE = "openai/gpt-transcribe"


@contextmanager
def cloud(answer_s: float = 0.0) -> Iterator[Access]:
    """A key and an address whose transcriptions take `answer_s` seconds; they stand in the environment meanwhile."""
    command = [sys.executable, "-m", "bench.cloud", "--answer-s", str(answer_s)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        address = server.stdout.readline().strip()
        if not address:
            raise RuntimeError(f"the loopback cloud did not start (exit status {server.wait()})")
        os.environ |= {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": f"{address}/v1"}
        try:
            yield Access(KEY, f"{address}/v1")
        finally:
            del os.environ["OPENAI_API_KEY"], os.environ["OPENAI_BASE_URL"]
            server.stdin.close()


def clip(seconds: float) -> Audio:
    """Quiet noise, 16 kHz mono: the loopback cloud counts its samples and does not listen."""
    return Audio(np.random.default_rng(0).normal(0, 0.05, round(seconds * 16_000)).astype(np.float32), 16_000)


def copies(count: int) -> tuple[EngineSpec, ...]:
    """One cloud engine under `count` ids, all of which may call at once."""
    spec = find(ENGINE)
    return tuple(dataclasses.replace(spec, id=f"{spec.id}-{number}", concurrency=count) for number in range(1, count + 1))


def plan(specs: tuple[EngineSpec, ...], sound: Audio, *, pasted: Access | None = None, use_cache: bool = False) -> Plan:
    """With the key of the environment, or as a visitor who pasted one."""
    access = {"openai": pasted} if pasted else {}
    return Plan("asr", Transcribe(sound), specs, "noise.wav", use_cache=use_cache, access=access)


def ran(runner: Runner, wanted: Plan) -> list[dict]:
    """Run to the last event; the rows. Raises RuntimeError when an engine failed: a failure's time means nothing."""
    run = runner.start(wanted)
    for _event in run.events():
        pass
    rows = [dict(result.row) for result in run.results.values()]
    if failed := [row for row in rows if row["status"] != "ok"]:
        raise RuntimeError(f"{failed[0]['engine_id']} failed: {failed[0]['error']}")
    return rows


def serve(answer_s: float) -> None:
    """Print the address, then answer until stdin ends."""
    sys.path.insert(0, str(ROOT / "tests"))
    from fake_api import FakeApi, Reply, Seen
    from fake_openai import FakeOpenAI

    class Slow(FakeOpenAI):
        def transcribe(self, seen: Seen) -> Reply:
            time.sleep(answer_s)
            reply = super().transcribe(seen)
            seen.body = b""  # the server's journal would keep every upload
            return reply

    with FakeApi(Slow()) as api:
        print(api.url, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--answer-s", type=float, default=0.0)
    serve(parser.parse_args().answer_s)
