"""Compare the price rules of the cloud engines with litellm's price map, which lies inside its wheel; nothing is installed.

    python -m scripts.check_prices litellm-1.109.1-py3-none-any.whl

The map is a second opinion, not the truth: some of its rows are years old. Exit status 1 says that something disagrees.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from comparisons.catalogue import engines
from engine.contract import EngineSpec, Price

MAP = "litellm/model_prices_and_context_window_backup.json"
LARGEST_MAP = 64 << 20  # bytes; it has 3 MB
TOLERANCE = 0.005  # the map rounds an hourly price to four digits per second
FIELDS = {
    "input_audio_seconds": "input_cost_per_second",
    "output_audio_seconds": "output_cost_per_second",
    "input_characters": "input_cost_per_character",
    "input_double_byte_characters": "input_cost_per_character",
    "input_audio_tokens": "input_cost_per_audio_token",
    "input_text_tokens": "input_cost_per_token",
    "output_audio_tokens": "output_cost_per_audio_token",
    "output_text_tokens": "output_cost_per_token",
    "requests": "output_cost_per_image",
}
PREFIXES = {"azure_openai": "azure", "fish": "fish_audio", "google_speech": "vertex_ai"}
"""What the map calls a vendor, where that is not the first part of our ids."""


@dataclass(frozen=True)
class Finding:
    engine_id: str
    what: str
    ours: str
    theirs: str

    def __str__(self) -> str:
        return f"{self.engine_id}: {self.what}: ours {self.ours}, theirs {self.theirs}"


def read_map(wheel: Path) -> dict[str, dict[str, Any]]:
    """The price map of a litellm wheel. Raises SystemExit with a sentence when the file is not one."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            if archive.getinfo(MAP).file_size > LARGEST_MAP:
                raise SystemExit(f"{wheel} holds a price map of more than {LARGEST_MAP >> 20} MB")
            found = json.loads(archive.read(MAP))
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise SystemExit(f"{wheel} is not a litellm wheel with a price map: {error}") from None
    return {name: row for name, row in found.items() if isinstance(row, dict)}


def row_of(spec: EngineSpec, prices: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The map's row for this engine's model, under the vendor's prefix; OpenAI's own models stand there without one."""
    slug = spec.vendor_slug
    return prices.get(spec.model if slug == "openai" else f"{PREFIXES.get(slug, slug)}/{spec.model}")


def _differs(price: Price, theirs: float) -> bool:
    return not math.isclose(price.usd / price.per, theirs, rel_tol=TOLERANCE)


def disagreements(specs: Iterable[EngineSpec], prices: Mapping[str, Mapping[str, Any]]) -> Iterator[Finding]:
    """Every rule whose dollars per unit differ, and every shutdown date that differs. What the map leaves out is no finding."""
    for spec in specs:
        row = row_of(spec, prices)
        if row is None:
            continue
        for price in spec.prices:
            theirs = row.get(FIELDS.get(price.unit, ""))
            # a rate of 0 stands there for "not known" as well
            if isinstance(theirs, (int, float)) and theirs > 0 and _differs(price, theirs):
                yield Finding(spec.id, f"$ per {price.unit}", f"{price.usd / price.per:.4g}", f"{theirs:.4g}")
        ends = row.get("deprecation_date")
        if ends != spec.shutdown_date:
            yield Finding(spec.id, "shutdown date", spec.shutdown_date or "none", str(ends or "none"))


def main(arguments: list[str] | None = None) -> int:
    """Prints what disagrees and what the map does not know; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m scripts.check_prices", description=__doc__.splitlines()[0])
    parser.add_argument("wheel", type=Path, help="a litellm wheel, from `pip download --no-deps litellm`")
    prices = read_map(parser.parse_args(arguments).wheel)
    specs = [spec for spec in engines().values() if spec.where == "cloud"]
    known = [spec for spec in specs if row_of(spec, prices) is not None]
    found = list(disagreements(known, prices))
    for finding in found:
        print(finding)
    unpriced = [spec.id for spec in known if not spec.prices]
    if unpriced:
        print(f"without a price here, though the map has a row: {', '.join(unpriced)}")
    unknown = [spec.id for spec in specs if spec not in known]
    print(f"{len(known)} of {len(specs)} cloud engines compared, {len(found)} disagreements")
    print(f"not in the map: {', '.join(unknown) or 'none'}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
