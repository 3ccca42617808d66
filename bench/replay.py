"""A comparison that was made before: every answer comes from the cache."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import diskcache

from bench.cloud import clip, cloud, copies, plan, ran
from bench.measured import Goal, Measured, Sizes, in_turns
from comparisons.runner import Runner


def measure(sizes: Sizes, folder: Path) -> Iterator[Measured]:
    rounds, sound = sizes.rounds_or(50), clip(sizes.clip_s)
    runner, plain = Runner(folder / "runs"), diskcache.Cache(str(folder / "plain"))
    try:
        with cloud() as access:
            wanted = plan(copies(sizes.replayed), sound, pasted=access, use_cache=True)
            for row in ran(runner, wanted):
                plain[row["engine_id"]] = row

        def replayed() -> None:
            # the cloud is gone: whatever is not in the cache fails here
            if not all(row["cached"] for row in ran(runner, wanted)):
                raise RuntimeError("an answer did not come from the cache")

        def looked_up() -> None:
            if not all(plain[spec.id] for spec in wanted.specs):
                raise RuntimeError("a row is missing from diskcache")

        took = in_turns(rounds, {"ours": replayed, "plain": looked_up})
    finally:
        plain.close()
        runner.close()
    yield Measured(
        "replay",
        took["ours"],
        took["plain"],
        Goal("ours_ms", 50.0),
        rounds,
        f"{sizes.replayed} engines answered from the cache, from Runner.start to the last settled and kept row, against the same "
        "rows looked up in a plain diskcache.",
        "ms",
    )
