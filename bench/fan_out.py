"""Many cloud engines at once: the run should last as long as the slowest call."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

from bench.call import sdk_call, sdk_client
from bench.cloud import clip, cloud, copies, plan, ran
from bench.measured import Goal, Measured, Sizes, in_turns, timed
from comparisons.runner import Runner


def measure(sizes: Sizes, folder: Path) -> Iterator[Measured]:
    rounds, sound = sizes.rounds_or(5), clip(sizes.clip_s)
    wav, slowest = sound.to_wav(), []
    with cloud(sizes.answer_s) as access, ThreadPoolExecutor(sizes.engines) as threads:
        runner, client, wanted = Runner(folder), sdk_client(access), plan(copies(sizes.engines), sound)

        def together() -> None:
            calls = [threads.submit(timed, lambda: sdk_call(client, wav)) for _ in range(sizes.engines)]
            slowest.append(max(call.result() for call in calls))

        try:
            took = in_turns(rounds, {"ours": lambda: ran(runner, wanted), "together": together})
        finally:
            client.close()
            runner.close()
    yield Measured(
        "fan-out",
        took["ours"],
        median(slowest[-rounds:]),
        Goal("ratio", 1.05),
        rounds,
        f"A run of {sizes.engines} cloud engines that take {sizes.answer_s:g} s each, against the slowest of as many calls by "
        "one warm openai client on threads; together_s is until the last of those is back.",
        against={"together": took["together"]},
    )
