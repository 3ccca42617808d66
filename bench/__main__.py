"""`python -m bench [NAME ...]`: each measurement as one line of JSON, ours beside what a person would run instead."""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench.measured import SMALL, Sizes
from engine.contract import EngineError

NAMES = ("start", "call", "fan_out", "worker", "families", "replay", "table")


def main(arguments: Sequence[str] | None = None) -> int:
    """0, or 1 when a measurement could not be made; the others are made all the same."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"any of {', '.join(NAMES)} (default: all)")
    parser.add_argument("--rounds", type=int, metavar="N", help="rounds per measurement (default: each its own number)")
    parser.add_argument("--small", action="store_true", help="tiny sizes, one round: shows that it runs, measures nothing")
    chosen = parser.parse_args(arguments)
    if unknown := [name for name in chosen.names if name not in NAMES]:
        parser.error(f"there is no measurement {unknown[0]!r}; there are {', '.join(NAMES)}")
    if chosen.rounds is not None and chosen.rounds < 1:
        parser.error(f"--rounds must be 1 or more, got {chosen.rounds}")
    sizes = SMALL if chosen.small else Sizes()
    sizes = sizes if chosen.rounds is None else dataclasses.replace(sizes, rounds=chosen.rounds)
    os.environ["NO_PROXY"] = "127.0.0.1"  # a proxy of the environment would slow the plain SDK on loopback
    failed = 0
    for name in chosen.names or NAMES:
        with tempfile.TemporaryDirectory(prefix="soundcheck-bench-", ignore_cleanup_errors=True) as folder:
            os.environ["SOUNDCHECK_HOME"] = folder
            try:
                for measured in importlib.import_module(f"bench.{name}").measure(sizes, Path(folder)):
                    print(measured.line(), flush=True)
            except (RuntimeError, OSError, EngineError) as error:
                print(f"{name} was not measured: {error}", file=sys.stderr)
                failed = 1
    return failed


if __name__ == "__main__":
    sys.exit(main())
