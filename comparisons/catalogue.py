"""Every engine that exists, and what each still needs on this machine."""

from __future__ import annotations

import functools
import importlib
import importlib.util
import os
import pkgutil
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from engine import environment
from engine.contract import EngineSpec, Limits, NotReady, Request, settings_of
from engine.tasks import TASKS, usage_of

ROOMS = ("local_models", "providers")
SERVERS = "compatible"
"""Id prefix of people's own servers, which are made at run time and stand in no file's ENGINES."""
SERVER_TASKS = ("asr", "tts", "audio_lm")
WARN_BEFORE_SHUTDOWN = timedelta(days=60)


@dataclass(frozen=True)
class Access:
    """One visitor's key for one vendor, and the address to use instead of the vendor's own. Never printed, never stored."""

    key: str = ""
    base_url: str = ""

    def __repr__(self) -> str:
        return "Access(***)"


@dataclass(frozen=True)
class Absent:
    """A system of the landscape that no engine can offer, and why."""

    id: str
    task: str
    name: str
    vendor: str
    system: str
    reason: str
    source: str
    checked_on: str


ABSENT = (
    Absent(
        "absent/soundstream", "codec", "SoundStream", "Google", "SoundStream",
        "Google never released the weights, and no hosted service offers it.", "https://arxiv.org/abs/2107.03312", "2026-11-20",
    ),
    Absent(
        "absent/audiolm", "music", "AudioLM", "Google", "AudioLM",
        "Published as a paper only: no weights, no hosted service.", "https://arxiv.org/abs/2209.03143", "2026-11-20",
    ),
    Absent(
        "absent/deepsqueak", "tagging", "DeepSqueak", "University of Washington", "DeepSqueak",
        "Runs only inside MATLAB with a window: no Python and no command line.", "https://github.com/DrCoffey/DeepSqueak",
        "2026-11-20",
    ),
    Absent(
        "absent/suno", "music", "Suno", "Suno", "Suno",
        "Has no official public API; wrappers replay a person's web session.", "https://suno.com", "2026-11-20",
    ),
)  # fmt: skip


@functools.cache
def engines() -> Mapping[str, EngineSpec]:
    """All specs by id, in the order of the files. A clash or a malformed id is an error that names the files."""
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
    """The spec of that id. Raises NotReady with the ids that exist."""
    spec = engines().get(engine_id)
    if spec is None or task not in (None, spec.task):
        known = ", ".join(each.id for each in engines().values() if task in (None, each.task))
        raise NotReady(f"there is no {task or ''} engine {engine_id!r}; there are: {known}".replace("  ", " "))
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


def weights_folder(hub_id: str) -> Path | None:
    """Where the hub's cache holds a snapshot of these weights; None when it holds none. A local folder is its own snapshot."""
    if Path(hub_id).is_dir():
        return Path(hub_id)
    hub = os.environ.get("HF_HUB_CACHE") or Path(os.environ.get("HF_HOME") or Path.home() / ".cache/huggingface") / "hub"
    snapshots = Path(hub) / f"models--{hub_id.replace('/', '--')}" / "snapshots"
    found = sorted(snapshots.iterdir(), key=lambda path: path.stat().st_mtime) if snapshots.is_dir() else []
    return found[-1] if found else None


@functools.cache
def _has_package(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:  # the parent of a dotted name is missing
        return False


@functools.cache
def _has_gpu() -> bool:
    return shutil.which("nvidia-smi") is not None


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
    if spec.isolated and os.environ.get("SPACES_ZERO_GPU"):
        return Readiness("unavailable", ("It runs in an environment of its own, which has no GPU on ZeroGPU.",))
    needed = spec.needs
    if needed.gpu_memory_gb and "cpu" not in spec.devices and not _has_gpu():
        return Readiness("unavailable", (f"It needs a GPU with {needed.gpu_memory_gb:g} GB of memory; this machine has none.",))
    if needed.memory_gb and needed.memory_gb > _memory_gb():
        return Readiness("unavailable", (f"It needs {needed.memory_gb:g} GB of memory; this machine has {_memory_gb():.0f} GB.",))
    missing, preparable = [], False
    if needed.key and not (access or access_from_environment(spec)).key:
        missing.append(f"Set {needed.key}, or paste a key under Keys.")
    if not spec.isolated:
        missing += [f"Install the Python package {name!r}." for name in needed.packages if not _has_package(name)]
    missing += [
        f"Install {name}: `apt-get install {name}` (Debian, Ubuntu)." for name in needed.programs if shutil.which(name) is None
    ]
    size = f"{needed.download_gb:g} GB download: " if needed.download_gb else ""
    if spec.isolated and not environment.is_prepared(spec):
        missing.append(f"{size}run `python -m comparisons prepare {spec.id}` to build its own environment.")
        preparable = True
    if needed.weights and weights_folder(needed.weights) is None:
        missing.append(f"{size}run `python -m comparisons prepare {spec.id}` to fetch its weights.")
        preparable = True
    return Readiness("needs" if missing else "ready", tuple(missing), preparable)


def shutdown_warning(spec: EngineSpec, today: date | None = None) -> str | None:
    """A sentence within 60 days of the shutdown date, None before."""
    if spec.shutdown_date is None:
        return None
    days = (date.fromisoformat(spec.shutdown_date) - (today or date.today())).days
    if days > WARN_BEFORE_SHUTDOWN.days:
        return None
    successor = f" Use {spec.superseded_by} instead." if spec.superseded_by else ""
    return f"{spec.vendor} switches it off on {spec.shutdown_date}.{successor}"


def blocked(spec: EngineSpec, request: Request) -> str | None:
    """Why this engine cannot honour this request, known before anything is sent; None when it can try."""
    for name in settings_of(request):
        if name not in spec.honours and _default_of(request, name) != getattr(request, name):
            return f"{spec.id} cannot honour {name} = {getattr(request, name)!r}"
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


def prepare(spec: EngineSpec) -> Iterator[str]:
    """Fetch whatever `prepare` can supply; yields progress, one line each. Raises NotReady with the reason when it cannot."""
    before = readiness(spec)
    if before.status == "unavailable":
        raise NotReady(" ".join(before.needs))
    if spec.isolated:
        yield from environment.prepare(spec)
    if spec.needs.weights and weights_folder(spec.needs.weights) is None:
        yield from _download(spec)
    after = readiness(spec)
    yield f"{spec.id}: {after.status}"
    yield from after.needs


def _download(spec: EngineSpec) -> Iterator[str]:
    """The weights from the hub, file by file so that progress shows; what is already here is not fetched again."""
    from huggingface_hub import HfApi, hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError

    revision = spec.extra.get("revision")
    folder = Path(os.environ.get("HF_HOME") or Path.home() / ".cache")
    free_gb = shutil.disk_usage(next(path for path in (folder, *folder.parents) if path.exists())).free / 1e9
    if spec.needs.download_gb and spec.needs.download_gb > free_gb:
        raise NotReady(f"{spec.id} needs {spec.needs.download_gb:g} GB of disk; {free_gb:.1f} GB are free at {folder}")
    yield f"{spec.id}: weights of {spec.needs.weights} under {spec.license_weights or 'an unknown licence'}"
    try:
        found = HfApi().model_info(spec.needs.weights, revision=revision, files_metadata=True)
        names = {file.rfilename: file.size or 0 for file in found.siblings}
        safe = any(name.endswith(".safetensors") for name in names)
        other_formats = (".msgpack", ".h5", ".ot", ".onnx", ".bin", ".pt", ".pth", ".ckpt")
        wanted = [name for name in names if not name.endswith(other_formats)]
        if not safe:
            raise NotReady(f"{spec.id}: {spec.needs.weights} holds no safetensors weights, and pickled ones are not loaded")
        total, done = sum(names[name] for name in wanted), 0
        for name in wanted:
            hf_hub_download(spec.needs.weights, name, revision=found.sha)
            done += names[name]
            yield f"{done / 1e6:,.0f} of {total / 1e6:,.0f} MB · {name}"
    except (OSError, HfHubHTTPError) as error:
        line = next(iter(str(error).splitlines()), type(error).__name__)
        raise NotReady(f"the weights of {spec.id} could not be fetched: {line[:200]}") from None
