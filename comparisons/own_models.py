"""People's own checkpoints: a folder or hub id of a family that local_models/ knows, kept in home()/own_models.json.

A family is a runtime (whisper, faster_whisper, whisper_cpp); its variants are ways to run one checkpoint, or its tasks.
"""

from __future__ import annotations

import dataclasses
import fcntl
import functools
import importlib
import json
import math
import pkgutil
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType

import local_models
from engine import weights
from engine.contract import BadInput, Download, EngineSpec, NotReady
from engine.environment import home
from local_models._torch import memory_gb

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[\w.-]{1,96}")
_LONGEST_HEADER = 100_000_000


@functools.cache
def _modules() -> Mapping[str, ModuleType]:
    names = sorted(info.name for info in pkgutil.iter_modules(local_models.__path__) if not info.name.startswith("_"))
    modules = {name: importlib.import_module(f"local_models.{name}") for name in names}
    return {name: module for name, module in modules.items() if hasattr(module, "own")}


PLAIN = "plain"
"""What the variant "" is called where people choose one."""


@dataclass(frozen=True)
class Kept:
    family: str
    source: str
    """A folder or hub id."""
    variant: str = ""


def families() -> dict[str, str]:
    """Name of every family that takes a person's own checkpoint, and its plain variant's task."""
    return {name: module.ENGINES[0].task for name, module in _modules().items()}


@functools.cache
def variants(family: str) -> Mapping[str, tuple[str, str]]:
    """The family's variants by name: what each does in a few words, and its task. The plain one, "", comes first."""
    module = _modules()[family]
    words = getattr(module, "OWN_VARIANTS", {"": ""})
    return {name: (said, _own(family, "owner/name", name).task) for name, said in words.items()}


def _own(family: str, source: str, variant: str) -> EngineSpec:
    module = _modules()[family]
    return module.own(source, variant) if variant else module.own(source)


def family(name: str, source: str, variant: str = "") -> EngineSpec:
    """The engine that a checkpoint of the family would be, without keeping it."""
    return _own(name, source, variant)


def _file() -> Path:
    return home() / "own_models.json"


def stamp() -> tuple[str, int]:
    """Changes whenever the list does."""
    try:
        file = _file()
    except NotReady:
        return "", 0
    return str(file), file.stat().st_mtime_ns if file.exists() else 0


@contextmanager
def _changing() -> Iterator[list[Kept]]:
    """The kept list, written back whole when the block ends without an error."""
    with _file().with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        kept = _kept()
        yield kept
        fresh = _file().with_suffix(".tmp")
        fresh.write_text(json.dumps([asdict(each) for each in kept], indent=1))
        fresh.replace(_file())


def _kept() -> list[Kept]:
    file = _file()
    held = json.loads(file.read_text()) if file.exists() else []
    if isinstance(held, dict):  # the form that knew no variants: source to family
        held = [{"family": family, "source": source} for source, family in held.items()]
    return [Kept(**each) for each in held]


def _known(kept: list[Kept]) -> list[Kept]:
    """Those whose family and variant still exist."""
    return [each for each in kept if each.family in _modules() and each.variant in variants(each.family)]


def specs() -> tuple[EngineSpec, ...]:
    """An engine for every kept checkpoint, with its size where its weights are on this machine."""
    return tuple(map(_spec, _known(_kept()))) if stamp()[1] else ()


def _spec(kept: Kept) -> EngineSpec:
    spec = _own(kept.family, kept.source, kept.variant)
    folder = weights.found(spec.needs.downloads[0])
    count = None if folder is None else parameters_in(folder)
    if count is None:
        return spec
    half_gb = memory_gb(count, "float16") if "cuda" in spec.devices else None
    needs = dataclasses.replace(spec.needs, memory_gb=memory_gb(count), gpu_memory_gb=half_gb)
    return dataclasses.replace(spec, parameters=float(count), needs=needs)


def parameters_in(folder: Path) -> int | None:
    """Number of weights in a folder's safetensors files, read from their headers alone; None where there are none."""
    total = 0
    for file in folder.glob("*.safetensors"):
        with file.open("rb") as opened:
            length = int.from_bytes(opened.read(8), "little")
            if length > _LONGEST_HEADER:
                raise BadInput(f"{file.name!r} is no safetensors file")
            try:
                header = json.loads(opened.read(length))
                total += sum(math.prod(entry["shape"]) for name, entry in header.items() if name != "__metadata__")
            except (ValueError, KeyError, TypeError, AttributeError):
                raise BadInput(f"{file.name!r} is no safetensors file") from None
    return total or None


def add(family: str, source: str, variant: str = "") -> EngineSpec:
    """Keep a checkpoint: a folder on this machine, or a hub id that `prepare` then fetches. One may be kept as several variants.

    Raises BadInput saying what is accepted.
    """
    if family not in _modules():
        raise BadInput(f"there is no family {family!r} for own checkpoints; there are {', '.join(_modules())}")
    variant = "" if variant == PLAIN else variant
    if variant not in variants(family):
        raise BadInput(f"{family} has no variant {variant!r}; there are {', '.join(name or PLAIN for name in variants(family))}")
    source = source.strip()
    folder = Path(source).expanduser()
    if folder.is_dir():
        source = str(folder.resolve())
        _check(_own(family, source, variant).needs.downloads[0], folder)
    elif not _HUB_ID.fullmatch(source):
        raise BadInput(f"{source[:200]!r} is neither a folder on this machine nor a hub id such as 'owner/name'")
    entry = Kept(family, source, variant)
    spec = _spec(entry)
    with _changing() as kept:
        if entry not in kept:
            kept.append(entry)
    return spec


def _check(download: Download, folder: Path) -> None:
    patterns = download.files or ("config.json", "*.safetensors")
    lacking = [pattern for pattern in patterns if not any(folder.glob(pattern))]
    if lacking:
        pickles = [file.name for pattern in ("*.bin", "*.pt", "*.pth", "*.ckpt") for file in folder.glob(pattern)]
        why = f"; {pickles[0]!r} may be a pickle, which can run code: convert it to safetensors" if pickles else ""
        raise BadInput(f"the folder {str(folder)!r} holds no {' and no '.join(lacking)}{why}")


def remove(engine_id: str) -> bool:
    """Forget a checkpoint; its files stay. False when there was none of that id."""
    with _changing() as kept:
        going = [each for each in _known(kept) if _own(each.family, each.source, each.variant).id == engine_id]
        for each in going:
            kept.remove(each)
    return bool(going)
