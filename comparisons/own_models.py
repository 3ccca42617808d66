"""People's own checkpoints: a folder or hub id of a family that local_models/ knows, kept by source in home()/own_models.json."""

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


def families() -> dict[str, str]:
    """Name of every family that takes a person's own checkpoint, and its task."""
    return {name: module.ENGINES[0].task for name, module in _modules().items()}


def family(name: str, source: str) -> EngineSpec:
    """The engine that a checkpoint of the family would be, without keeping it."""
    return _modules()[name].own(source)


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
def _changing() -> Iterator[dict[str, str]]:
    """The kept list, source to family, written back whole when the block ends without an error."""
    with _file().with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        kept = _kept()
        yield kept
        fresh = _file().with_suffix(".tmp")
        fresh.write_text(json.dumps(kept, indent=1))
        fresh.replace(_file())


def _kept() -> dict[str, str]:
    file = _file()
    return json.loads(file.read_text()) if file.exists() else {}


def specs() -> tuple[EngineSpec, ...]:
    """An engine for every kept checkpoint, with its size where its weights are on this machine."""
    if not stamp()[1]:
        return ()
    return tuple(_spec(family, source) for source, family in _kept().items() if family in _modules())


def _spec(family: str, source: str) -> EngineSpec:
    spec = _modules()[family].own(source)
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


def add(family: str, source: str) -> EngineSpec:
    """Keep a checkpoint: a folder on this machine, or a hub id that `prepare` then fetches.

    Raises BadInput saying what is accepted.
    """
    modules = _modules()
    if family not in modules:
        raise BadInput(f"there is no family {family!r} for own checkpoints; there are {', '.join(modules)}")
    source = source.strip()
    folder = Path(source).expanduser()
    if folder.is_dir():
        source = str(folder.resolve())
        _check(modules[family].own(source).needs.downloads[0], folder)
    elif not _HUB_ID.fullmatch(source):
        raise BadInput(f"{source[:200]!r} is neither a folder on this machine nor a hub id such as 'owner/name'")
    spec = _spec(family, source)
    with _changing() as kept:
        if kept.get(source, family) != family:
            raise BadInput(f"{source!r} is here already, as one of {kept[source]!r}: remove that first")
        kept[source] = family
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
        sources = [source for source, family in kept.items() if family in _modules() and _spec(family, source).id == engine_id]
        for source in sources:
            del kept[source]
    return bool(sources)
