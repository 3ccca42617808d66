"""Every engine that exists, and what each still needs on this machine."""

from __future__ import annotations

import difflib
import functools
import importlib
import importlib.util
import os
import pkgutil
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any

from comparisons import own_models, zero_gpu
from comparisons.absent import ABSENT
from engine import environment, weights
from engine.contract import EngineSpec, Limits, NotReady, Request, options_of, settings_of
from engine.tasks import TASKS, usage_of

ROOMS = ("local_models", "providers")
SERVERS = "compatible"
"""Id prefix of people's own servers, which are made at run time and stand in no file's ENGINES."""
SERVER_TASKS = ("asr", "tts", "audio_lm")
WARN_BEFORE_SHUTDOWN = timedelta(days=60)
MOST_NAMED = 8
"""Engines that an error lists: all where there are no more, else those spelled most like what was asked for."""


@dataclass(frozen=True)
class Access:
    """One visitor's key for one vendor, and the address to use instead of the vendor's own. Never printed, never stored."""

    key: str = ""
    base_url: str = ""

    def __repr__(self) -> str:
        return "Access(***)"


def engines() -> Mapping[str, EngineSpec]:
    """All specs by id, in the order of the files, then people's own checkpoints."""
    return _with_own(own_models.stamp())


@functools.lru_cache(maxsize=4)
def _with_own(stamp: tuple[str, int]) -> Mapping[str, EngineSpec]:
    return _shipped() if not stamp[1] else {**_shipped(), **{spec.id: spec for spec in own_models.specs()}}


@functools.cache
def _shipped() -> Mapping[str, EngineSpec]:
    """A clash or a malformed id is an error that names the files."""
    found: dict[str, EngineSpec] = {}
    for room in ROOMS:
        package = importlib.import_module(room)
        for module in sorted(info.name for info in pkgutil.iter_modules(package.__path__) if not info.name.startswith("_")):
            for spec in importlib.import_module(f"{room}.{module}").ENGINES:
                if spec.id in found:
                    raise ValueError(f"{spec.id} stands in {found[spec.id].engine.__module__} and in {room}.{module}")
                if spec.vendor_slug != module or spec.task not in TASKS:
                    raise ValueError(
                        f"{room}.{module}: {spec.id} must start with the file name, {spec.task!r} be one of {list(TASKS)}"
                    )
                found[spec.id] = spec
    return found


def engines_for(task: str) -> tuple[EngineSpec, ...]:
    return tuple(spec for spec in engines().values() if spec.task == task)


def find(engine_id: str, task: str | None = None) -> EngineSpec:
    """The spec of that id. Raises NotReady with the ids that are spelled like it."""
    spec = engines().get(engine_id)
    if spec is None or task not in (None, spec.task):
        known = [each.id for each in engines().values() if task in (None, each.task)]
        named, of_task = (f"{task} engine", f" --task {task}") if task else ("engine", "")
        near = known if len(known) <= MOST_NAMED else difflib.get_close_matches(engine_id, known, MOST_NAMED, 0.5)
        said = f"there are {', '.join(near)}" if near == known else f"like it are {', '.join(near)}; " * bool(near)
        all_of_them = "" if near == known else f"`python -m comparisons list{of_task}` shows all {len(known)}"
        raise NotReady(f"there is no {named} {engine_id[:80]!r}; {said}{all_of_them}")
    return spec


def own_server(base_url: str, model: str, task: str) -> EngineSpec:
    """One model of a person's own OpenAI-compatible server. On a Space only public addresses are connected to."""
    return importlib.import_module("providers.compatible").server_spec(base_url, model, task, public_only=on_space())


def variable(spec: EngineSpec, what: str) -> str:
    """Name of the environment variable for the vendor's key ("API_KEY") or address ("BASE_URL")."""
    if what == "API_KEY" and spec.needs.key:
        return spec.needs.key
    return f"{spec.vendor_slug.upper()}_{what}"


def access_from_environment(spec: EngineSpec) -> Access:
    """The key and address that this install's environment names for the vendor; a person's own server carries its address."""
    if spec.where != "cloud" or spec.vendor_slug == SERVERS:
        return Access()
    own, usual = f"{spec.vendor_slug.upper()}_API_KEY", variable(spec, "API_KEY")
    key = os.environ.get(own) or os.environ.get(usual) or ""
    return Access(key, os.environ.get(variable(spec, "BASE_URL"), ""))


@functools.cache
def _has_package(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:  # the parent of a dotted name is missing
        return False


@functools.cache
def gpu_memory_gb() -> float | None:
    """Memory of the largest NVIDIA GPU, as its driver says, or the one a Space is lent; None where there is none."""
    if zero_gpu.here():
        return zero_gpu.memory_gb()
    program = shutil.which("nvidia-smi")
    if program is None:
        return None
    asked = [program, "--query-gpu=memory.total", "--format=csv,noheader,nounits"]
    try:
        said = subprocess.run(asked, capture_output=True, text=True, timeout=10, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    return max((float(line) * 2**20 / 1e9 for line in said.split() if line.strip().isdigit()), default=None)


@functools.cache
def _memory_gb() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9


def on_space() -> bool:
    """Whether this runs as a Hugging Face Space, where visitors are strangers."""
    return bool(os.environ.get("SPACE_ID"))


@dataclass(frozen=True)
class Readiness:
    """`status`: "ready", "needs" (something that a person can supply) or "unavailable" (not on this machine)."""

    status: str
    needs: tuple[str, ...] = ()
    preparable: bool = False
    """`prepare` would supply the rest."""


def readiness(spec: EngineSpec, access: Access | None = None, today: date | None = None) -> Readiness:
    """What the engine still needs here, in sentences that say how to get it."""
    if spec.shut_down(today or date.today()):
        successor = f"; use {spec.superseded_by}" if spec.superseded_by else ""
        return Readiness("unavailable", (f"{spec.vendor} switched it off on {spec.shutdown_date}{successor}.",))
    if spec.isolated and "cuda" in spec.devices and zero_gpu.here():
        return Readiness("unavailable", ("It runs in an environment of its own, which has no GPU on ZeroGPU.",))
    needed = spec.needs
    refusal = _too_small(spec)
    if refusal:
        return Readiness("unavailable", (refusal,))
    missing, preparable = [], False
    if needed.key and not (access or access_from_environment(spec)).key:
        missing.append(f"Set {needed.key}, or paste a key under Keys.")
    if not spec.isolated:
        missing += [f"Install the Python package {name!r}." for name in needed.packages if not _has_package(name)]
    missing += [
        f"Install {name}: `apt-get install {name}` (Debian, Ubuntu)." for name in needed.programs if shutil.which(name) is None
    ]
    unbuilt, unfetched = spec.isolated and not environment.is_prepared(spec), bool(weights.missing(spec))
    if unfetched and needed.gated and not os.environ.get("HF_TOKEN"):
        missing.append(f"Accept the terms at https://huggingface.co/{needed.downloads[0].source} and set HF_TOKEN.")
    if unbuilt or unfetched:
        size = f"{needed.download_gb:g} GB download" if needed.download_gb and unfetched else ""
        sizes = " and ".join(filter(None, (size, environment.size_words(spec))))
        aims = " and ".join(("build its own environment",) * unbuilt + ("fetch its weights",) * unfetched)
        missing.append(f"{f'{sizes}: ' if sizes else ''}run `python -m comparisons prepare {spec.id}` to {aims}.")
        preparable = True
    return Readiness("needs" if missing else "ready", tuple(missing), preparable)


def _too_small(spec: EngineSpec) -> str | None:
    """Why no device of this machine can hold the engine's weights; None when one can, or when their size is not known."""
    needed, gpu_gb = spec.needs, gpu_memory_gb()
    if needed.gpu_memory_gb and gpu_gb is not None and "cuda" in spec.devices and needed.gpu_memory_gb <= gpu_gb:
        return None
    if "cpu" in spec.devices or "mps" in spec.devices:
        if needed.memory_gb and needed.memory_gb > _memory_gb():
            return f"It needs {needed.memory_gb:g} GB of memory; this machine has {_memory_gb():.0f} GB."
        return None
    size = f"{needed.gpu_memory_gb:g} GB of memory" if needed.gpu_memory_gb else "NVIDIA's CUDA"
    has = "none" if gpu_gb is None else f"one with {gpu_gb:.0f} GB"
    return f"It needs a GPU with {size}; this machine has {has}." if gpu_gb is None or needed.gpu_memory_gb else None


def shutdown_warning(spec: EngineSpec, today: date | None = None) -> str | None:
    """A sentence within 60 days of the shutdown date, None before."""
    if spec.shutdown_date is None:
        return None
    days = (date.fromisoformat(spec.shutdown_date) - (today or date.today())).days
    if days > WARN_BEFORE_SHUTDOWN.days:
        return None
    successor = f" Use {spec.superseded_by} instead." if spec.superseded_by else ""
    return f"{spec.vendor} switches it off on {spec.shutdown_date}.{successor}"


def proof(spec: EngineSpec) -> str:
    """How far the tests of a local engine go, in a few words."""
    if not spec.needs.downloads:
        return "runs" if spec.tested == "runs" else "loads" if spec.tested else "nothing"
    return {"runs": "loads and runs", "loads": "loads", "": "nothing"}[spec.tested] + "; weights not tested"


def blocked(spec: EngineSpec, request: Request) -> str | None:
    """Why this engine cannot honour this request, known before anything is sent; None when it can try."""
    asked, options = settings_of(request), options_of(type(request))
    for name in spec.requires:
        if name not in asked:
            return f"{spec.id} needs {options[name].label.lower()!r}: {options[name].help}"
    for name, value in asked.items():
        if name not in spec.honours and _default_of(request, name) != getattr(request, name):
            shown = f"a {options[name].label.lower()}" if isinstance(value, dict) else f"{name} = {value!r}"
            return f"{spec.id} cannot honour {shown}"
    return _over_limit(spec.limits, usage_of(request, None), spec.id)


def _default_of(request: Request, name: str) -> Any:
    return type(request).__dataclass_fields__[name].default


def _over_limit(limits: Limits, counted: Mapping[str, float], engine_id: str) -> str | None:
    pairs = (
        (limits.audio_seconds, "input_audio_seconds", "seconds of audio"),
        (limits.characters, "input_characters", "characters"),
        (limits.utf8_bytes, "input_utf8_bytes", "UTF-8 bytes"),
    )
    for most, unit, words in pairs:
        if most is not None and counted.get(unit, 0) > most:
            return f"{engine_id} takes at most {most:g} {words}; this input has {counted[unit]:.0f}"
    return None


def listing(task: str | None = None) -> list[dict[str, Any]]:
    """Every engine and every absent system as plain values, for `list --json`, the API and the catalogue."""
    rows = []
    for spec in engines().values():
        ready = readiness(spec)
        rows.append(
            {
                "id": spec.id,
                "task": spec.task,
                "name": spec.name,
                "vendor": spec.vendor,
                "system": spec.system,
                "where": spec.where,
                "status": ready.status,
                "needs": list(ready.needs),
                "license": spec.license_weights or spec.license_code,
                "license_code": spec.license_code,
                "license_weights": spec.license_weights,
                "prices": [asdict(price) for price in spec.prices],
                "model": spec.model,
                "summary": spec.summary,
                "languages": None if spec.languages is None else list(spec.languages),
                "streams": spec.streams,
                "honours": list(spec.honours),
                "voices": list(spec.voices),
                "parameters": spec.parameters,
                "download_gb": spec.needs.download_gb,
                "isolated": spec.isolated,
                "tested": spec.tested if spec.where == "local" else None,
                "tier": spec.tier,
                "shutdown_date": spec.shutdown_date,
                "superseded_by": spec.superseded_by,
                "warning": shutdown_warning(spec),
                "data_use": spec.data_use,
                "docs_url": spec.docs_url,
                "checked_on": spec.checked_on,
            }
        )
    rows += [
        {
            "id": absent.id,
            "task": absent.task,
            "name": absent.name,
            "vendor": absent.vendor,
            "system": absent.system,
            "where": "cloud" if absent.system == "Suno" else "local",
            "status": "unavailable",
            "needs": [absent.reason],
            "license": None,
            "prices": [],
            "docs_url": absent.source,
            "checked_on": absent.checked_on,
        }
        for absent in ABSENT
    ]
    return [row for row in rows if task in (None, row["task"])]


def agreement(spec: EngineSpec) -> str:
    """What a person must have agreed to before the engine is prepared; "" where nothing is asked."""
    return " ".join(filter(None, (spec.consent, "It runs code that comes with the weights." if spec.remote_code else "")))


def prepare(spec: EngineSpec) -> Iterator[str]:
    """Fetch whatever `prepare` can supply; yields progress, one line each. Raises NotReady with the reason when it cannot.

    Whoever calls it has asked for the `agreement` first.
    """
    before = readiness(spec)
    if before.status == "unavailable":
        raise NotReady(" ".join(before.needs))
    size = f"{spec.needs.download_gb:g} GB" if spec.needs.download_gb else "size unknown"
    sizes = " and ".join(filter(None, (size, environment.size_words(spec))))
    yield f"{spec.id}: {sizes}; code {spec.license_code}, weights {spec.license_weights or 'of unknown licence'}"
    if spec.isolated:
        yield from environment.prepare(spec)
    yield from weights.fetch(spec)
    after = readiness(spec)
    yield f"{spec.id}: {after.status}"
    yield from after.needs
