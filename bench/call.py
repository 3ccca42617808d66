"""What a cloud call costs on top of the vendor's own SDK: the engine alone, and a whole run from press to kept row."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.cloud import clip, cloud, plan, ran
from bench.measured import Goal, Measured, Sizes, in_turns
from comparisons.catalogue import Access, find
from comparisons.runner import Runner
from engine.audio import Audio
from engine.contract import Transcribe


def sdk_client(access: Access) -> Any:
    from openai import OpenAI

    return OpenAI(api_key=access.key, base_url=access.base_url, max_retries=0)


def sdk_call(client: Any, wav: bytes) -> None:
    """The request that the engine sends, by the SDK alone."""
    file = ("audio.wav", wav, "audio/wav")
    for _event in client.audio.transcriptions.create(file=file, model="gpt-transcribe", response_format="json", stream=True):
        pass


@contextmanager
def _arms(folder: Path, access: Access, sound: Audio) -> Iterator[dict[str, Callable[[], Any]]]:
    spec, wav = find("openai/gpt-transcribe"), sound.to_wav()
    runner, client, engine = Runner(folder), sdk_client(access), spec.engine(spec, access.key, access.base_url)
    engine.load()

    def new_client() -> None:
        with sdk_client(access) as fresh:
            sdk_call(fresh, wav)

    def engine_call() -> None:
        for _piece in engine.run(Transcribe(sound), 60.0):
            pass

    try:
        yield {
            "plain": lambda: sdk_call(client, wav),
            "engine": engine_call,
            "pasted": lambda: ran(runner, plan((spec,), sound, pasted=access)),
            "run": lambda: ran(runner, plan((spec,), sound)),
            "new_client": new_client,
        }
    finally:
        engine.close()
        client.close()
        runner.close()


def measure(sizes: Sizes, folder: Path) -> Iterator[Measured]:
    sound = clip(sizes.clip_s)
    with cloud() as access, _arms(folder / "at-once", access, sound) as arms:
        rounds = sizes.rounds_or(200)
        took = in_turns(rounds, {name: arms[name] for name in ("plain", "engine")}, warm_ups=3)
        yield Measured(
            "call-engine",
            took["engine"],
            took["plain"],
            Goal("overhead_ms", 2.0),
            rounds,
            "A loaded engine against a warm openai client: the same upload to a loopback server that answers at once.",
            "ms",
        )
        rounds = sizes.rounds_or(40)
        # "run" before "new_client": the answer is cached behind its back, which must not slow "plain"
        took = in_turns(rounds, {name: arms[name] for name in ("plain", "pasted", "run", "new_client")}, warm_ups=3)
        yield Measured(
            "call-run",
            took["run"],
            took["plain"],
            Goal("overhead_ms", 2.0),
            rounds,
            "A whole run with a key of the environment, from Runner.start to the kept row, against a warm openai client and the "
            "same upload; pasted_ms is the run with a visitor's own key, whose client ends with it, and new_client_ms the SDK "
            "with a new client for each call.",
            "ms",
            against={"new_client": took["new_client"]},
            more={"pasted": took["pasted"]},
        )
    with cloud(sizes.answer_s) as access, _arms(folder / "as-real", access, sound) as arms:
        rounds = sizes.rounds_or(5)
        took = in_turns(rounds, {name: arms[name] for name in ("plain", "engine", "run")})
        yield Measured(
            "call-real",
            took["run"],
            took["plain"],
            Goal("ratio", 1.01),
            rounds,
            f"The same whole run against the same warm openai client where the vendor takes {sizes.answer_s:g} s; engine_s is "
            "the loaded engine alone.",
            more={"engine": took["engine"]},
        )
