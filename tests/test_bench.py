"""The measurements run, tiny, and say what they found; how long anything takes is not judged here."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench.__main__ import NAMES
from bench.measured import Goal, Measured, in_turns

ROOT = Path(__file__).resolve().parent.parent


def bench(*arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "bench", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=500, check=False)


@pytest.mark.parametrize("name", NAMES)
def test_each_measurement_prints_json_lines_with_a_ratio(name):
    done = bench(name, "--small")
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert lines
    for line in lines:
        unit = "ms" if "ours_ms" in line else "s"
        assert line[f"ours_{unit}"] > 0
        assert line[f"plain_{unit}"] > 0
        assert line["ratio"] > 0
        assert line["n"] == 1
        figure, _, most = line["goal"].partition(" <= ")
        assert line["met"] is (line[figure] <= float(most))
        assert line["how"].endswith(".")


def test_an_unknown_measurement_is_refused_with_the_names_that_exist():
    done = bench("speed")
    assert done.returncode == 2
    assert "'speed'" in done.stderr
    assert all(name in done.stderr for name in NAMES)


def test_a_missed_goal_is_reported_as_missed():
    missed = Measured("x", 0.0022, 0.001, Goal("overhead_ms", 1.0), 3, "Both.", "ms", against={"other": 0.0011})
    line = json.loads(missed.line())
    assert (line["ours_ms"], line["plain_ms"], line["overhead_ms"], line["ratio"]) == (2.2, 1.0, 1.2, 2.2)
    assert (line["other_ms"], line["ratio_to_other"]) == (1.1, 2.0)
    assert line["met"] is False
    assert json.loads(Measured("x", 0.0019, 0.001, Goal("overhead_ms", 1.0), 3, "Both.", "ms").line())["met"] is True


def test_arms_take_turns_and_the_warm_up_round_does_not_count():
    order, times = [], iter([90.0, 1.0, 2.0, 9.0])

    def timed_by_itself():
        order.append("a")
        return next(times)

    took = in_turns(3, {"a": timed_by_itself, "b": lambda: order.append("b")})
    assert order == ["a", "b"] * 4
    assert took["a"] == 2.0
