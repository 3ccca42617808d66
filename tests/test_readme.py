"""The README's generated parts are what the catalogue says today, and its commands exist."""

import re
from pathlib import Path

from comparisons.__main__ import parser
from comparisons.catalogue import engines
from comparisons.readme import README, render

TEXT = README.read_text("utf-8")


def test_the_engine_table_and_prices_are_generated_and_unedited():
    assert render(TEXT) == TEXT, "run `python -m comparisons.readme`"


def test_every_engine_stands_in_the_table():
    assert all(f"`{engine_id}`" in TEXT for engine_id in engines())


def test_every_command_of_the_command_line_is_documented():
    commands = next(action for action in parser()._actions if action.dest == "command").choices
    assert all(f"python -m comparisons {name}" in TEXT for name in commands)


def test_every_variable_that_the_code_reads_is_documented():
    root = Path(__file__).parent.parent
    read = {
        name
        for room in ("engine", "comparisons", "ui", "providers", "local_models")
        for file in (root / room).glob("*.py")
        for name in re.findall(r"SOUNDCHECK_[A-Z_]+", file.read_text())
    }
    assert read <= set(re.findall(r"SOUNDCHECK_[A-Z_]+", TEXT)), read


def test_every_picture_exists():
    for path in re.findall(r"\]\((docs/[^)]+)\)", TEXT):
        assert (README.parent / path).is_file(), path
