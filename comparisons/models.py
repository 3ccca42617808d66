"""What local engines hold on this machine: weights and environments, their sizes, deleting them; people's own checkpoints.

`python -m comparisons models` lists them, `models add FAMILY SOURCE` and `models remove ENGINE` change them.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from comparisons import own_models
from comparisons.catalogue import engines, find
from comparisons.table import printable
from engine import environment, weights
from engine.contract import EngineSpec


@dataclass(frozen=True)
class Held:
    """One thing on disk, and the engines that need it."""

    kind: str
    """"weights", "environment" or "own folder"."""
    name: str
    path: Path
    size_gb: float
    engines: tuple[str, ...]


def held() -> list[Held]:
    """Weights and environments of all engines that are on this machine, the largest first. What several share counts once."""
    users: dict[tuple[str, str, Path], list[str]] = {}
    for spec in engines().values():
        for download in spec.needs.downloads:
            path = weights.found(download)
            if path is not None:
                kind = "own folder" if Path(download.source).is_dir() else "weights"
                users.setdefault((kind, download.source, path), []).append(spec.id)
        folder = environment.environment_folder(spec) if spec.isolated else None
        if folder is not None:
            users.setdefault(("environment", spec.vendor_slug, folder), []).append(spec.id)
    found = [Held(kind, name, path, weights.size_gb(path), tuple(ids)) for (kind, name, path), ids in users.items()]
    return sorted(found, key=lambda each: -each.size_gb)


def delete(engine_id: str) -> float:
    """Delete the weights that only this engine needs, its environment when no other engine of the file is left with weights, and
    forget it when it is a person's own. Returns the gigabytes freed. Raises NotReady when there is no such engine, or while its
    environment is being built.
    """
    spec = find(engine_id)
    own = own_models.remove(engine_id)
    others = [each for each in engines().values() if each.id != engine_id]
    shared = {(download.source, download.files) for each in others if _here(each) for download in each.needs.downloads}
    siblings = [each for each in others if each.vendor_slug == spec.vendor_slug]
    freed = 0.0
    if spec.isolated and not own and not any(_here(each) for each in siblings):
        freed += _delete_environment(spec)
    return freed + sum(weights.remove(each) for each in spec.needs.downloads if (each.source, each.files) not in shared)


def delete_held(kind: str, name: str) -> float:
    """Delete one thing of `held`, whoever needs it. Returns the gigabytes freed; 0.0 when it is not there or a person's own.

    Raises NotReady for an environment that is being built.
    """
    freed = 0.0
    for spec in engines().values():
        if kind == "environment" and spec.isolated and spec.vendor_slug == name:
            freed += _delete_environment(spec)
        if kind == "weights":
            freed += sum(weights.remove(download) for download in spec.needs.downloads if download.source == name)
    return freed


def _delete_environment(spec: EngineSpec) -> float:
    folder = environment.environment_folder(spec)
    freed = weights.size_gb(folder) if folder else 0.0
    environment.remove(spec)
    return freed


def _here(spec: EngineSpec) -> bool:
    """Whether a person has prepared this engine, so that what it shares must stay."""
    return bool(spec.needs.downloads) and not weights.missing(spec)


# ---------------------------------------------------------------- command line


def add_parser(commands: Any) -> None:
    """`models`, `models add FAMILY SOURCE`, `models remove ENGINE`, among the subparsers `commands`."""
    command = commands.add_parser("models", help="weights and environments on this machine, and your own checkpoints")
    actions = command.add_subparsers(dest="action", metavar="ACTION")
    adding = actions.add_parser("add", help="make an engine of your own checkpoint")
    adding.add_argument("family", choices=own_models.families(), metavar="FAMILY", help=", ".join(own_models.families()))
    adding.add_argument("source", help="a folder with config.json and safetensors, or a hub id")
    several = {name: own_models.variants(name) for name in own_models.families() if len(own_models.variants(name)) > 1}
    told = "; ".join(f"{name}: {', '.join(variant or own_models.PLAIN for variant in held)}" for name, held in several.items())
    adding.add_argument("--variant", default=own_models.PLAIN, metavar="NAME", help=f"how it runs, or its task ({told})")
    removing = actions.add_parser("remove", help="delete what only this engine needs; your own folders stay")
    removing.add_argument("engine")


def run(chosen: argparse.Namespace) -> int:
    if chosen.action == "add":
        spec = own_models.add(chosen.family, chosen.source, chosen.variant)
        missing = weights.missing(spec) or (spec.isolated and not environment.is_prepared(spec))
        _say(f"{spec.id}{f': run `python -m comparisons prepare {spec.id}`' if missing else ' is ready'}")
    elif chosen.action == "remove":
        _say(f"{delete(chosen.engine):.2f} GB freed")
    else:
        _list(held())
    return 0


def _say(line: str) -> None:
    sys.stdout.write(f"{printable(line)}\n")


def _list(found: list[Held]) -> None:
    for each in found:
        more = f" and {len(each.engines) - 3} more" if len(each.engines) > 3 else ""
        _say(f"{each.size_gb:8.2f} GB  {each.kind:11}  {each.name}  ({', '.join(each.engines[:3])}{more})")
    counted = {each.path: each.size_gb for each in found}
    _say(f"{sum(counted.values()):8.2f} GB  in all")
