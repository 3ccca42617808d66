"""From `python app.py` to the served page, against a Gradio app with nothing in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bench.measured import Goal, Measured, Sizes, in_turns
from bench.served import served


def empty_app() -> str:
    """A program that serves an empty page, launched with those of the app's settings that are plain values and no scripts."""
    from ui.page import launch_options

    options = {name: value for name, value in launch_options().items() if isinstance(value, bool | int | str | list)}
    del options["head"]
    return f"import gradio\nwith gradio.Blocks(analytics_enabled=False) as demo:\n    pass\ndemo.launch(**{options!r})"


def measure(sizes: Sizes, folder: Path) -> Iterator[Measured]:
    rounds, program = sizes.rounds_or(5), empty_app()

    def starting(*arguments: str) -> float:
        with served(arguments, folder) as app:
            return app.start_s

    took = in_turns(
        rounds, {"ours": lambda: starting("app.py"), "plain": lambda: starting("-c", program)}, warm_ups=int(rounds > 1)
    )
    yield Measured(
        "start",
        took["ours"],
        took["plain"],
        Goal("ratio", 1.15),
        rounds,
        "From the start of `python app.py` to status 200 for its page, against an empty gradio.Blocks launched the same way.",
    )
