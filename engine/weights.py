"""Weights on this machine: where they lie, what is missing, fetching them, and how much room they take.

Hub repositories lie in the hub's own cache, shared with every other program of this person; everything else in home()/weights.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import queue
import shutil
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from engine.contract import Download, EngineSpec, NotReady
from engine.environment import home, turn

OTHER_FORMATS = ("*.msgpack", "*.h5", "*.ot", "*.onnx", "*.bin", "*.pt", "*.pth", "*.ckpt", "*.gguf", "*.nemo", "*.mlmodel")
"""Copies of the same weights for other libraries, and pickles."""
_ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
_MOST_UNPACKED = 20 * 10**9
_BLOCK = 2**20


class _Stopped(Exception):
    """Raised inside the hub's download when nobody waits for it any more."""


def _is_address(source: str) -> bool:
    return source.startswith(("https://", "http://"))


def hub_cache() -> Path:
    own = os.environ.get("HF_HUB_CACHE")
    return Path(own) if own else Path(os.environ.get("HF_HOME") or Path.home() / ".cache/huggingface") / "hub"


def _pending(source: str) -> Path:
    """Stands while a fetch is unfinished: what then lies in the cache is not whole."""
    return home() / "weights" / f"{hashlib.sha256(source.encode()).hexdigest()[:16]}.pending"


def _address_path(address: str) -> Path:
    """Where the file, or the unpacked archive, of an address lies."""
    name = PurePosixPath(urlsplit(address).path).name
    return home() / "weights" / f"{hashlib.sha256(address.encode()).hexdigest()[:16]}-{name}"


def found(download: Download) -> Path | None:
    """The folder of a repository or archive, or the file, when it is here and whole; None when it is not."""
    if _is_address(download.source):
        path = _address_path(download.source)
        return path if path.exists() else None
    if Path(download.source).is_dir():
        return Path(download.source)
    if _pending(download.source).exists():
        return None
    repository = hub_cache() / f"models--{download.source.replace('/', '--')}"
    snapshots = repository / "snapshots"
    if download.revision:
        reference = repository / "refs" / download.revision
        folder = snapshots / (reference.read_text().strip() if reference.exists() else download.revision)
        candidates = [folder] if folder.is_dir() else []
    else:
        candidates = (
            sorted(snapshots.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True) if snapshots.is_dir() else []
        )
    for folder in candidates:
        names = [path.relative_to(folder).as_posix() for path in folder.rglob("*")]
        if all(any(fnmatch(name, pattern) for name in names) for pattern in download.files):
            return folder
    return None


def missing(spec: EngineSpec) -> tuple[Download, ...]:
    return tuple(download for download in spec.needs.downloads if found(download) is None)


def needed(spec: EngineSpec, number: int = 0) -> Path:
    """Where the engine's download of that number lies. Raises NotReady when it is not on this machine."""
    download = spec.needs.downloads[number]
    path = found(download)
    if path is None:
        raise NotReady(
            f"{spec.id}: the weights {download.source!r} are not on this machine: run `python -m comparisons prepare {spec.id}`"
        )
    return path


# ---------------------------------------------------------------- fetching


def fetch(spec: EngineSpec) -> Iterator[str]:
    """Bring everything that is missing; yields progress, one line each. Leaving early stops, and the next call goes on there.

    Raises NotReady with the reason when something cannot be had.
    """
    for download in missing(spec):
        marker = _pending(download.source)
        marker.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with marker.with_suffix(".lock").open("w") as lock:
            yield from turn(lock)  # one fetch of one thing at a time, across processes
            if found(download) is not None:
                continue
            marker.touch()
            yield f"{spec.id}: {download.source} under {spec.license_weights or 'an unknown licence'}"
            try:
                yield from _from_address(spec, download) if _is_address(download.source) else _from_hub(spec, download)
            except OSError as error:
                line = next(iter(str(error).splitlines()), "") or type(error).__name__
                raise NotReady(f"the weights of {spec.id} could not be fetched: {line[:200]}") from None
            marker.unlink()


def _check_room(spec: EngineSpec, size: int, folder: Path) -> None:
    free = shutil.disk_usage(next(path for path in (folder, *folder.parents) if path.exists())).free
    if size > free:
        raise NotReady(f"{spec.id} needs {size / 1e9:.1f} GB of disk; {free / 1e9:.1f} GB are free at {str(folder)!r}")


def _progress(done: float, total: float, name: str) -> str:
    return f"{done / 1e6:,.0f} of {total / 1e6:,.0f} MB · {name}"


def _from_hub(spec: EngineSpec, download: Download) -> Iterator[str]:
    from huggingface_hub import HfApi, hf_hub_download
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, OfflineModeIsEnabled
    from huggingface_hub.utils import tqdm

    said: queue.SimpleQueue[Any] = queue.SimpleQueue()
    stopped = threading.Event()

    class Said(tqdm):
        """The hub's progress bar, spoken instead of drawn."""

        def __init__(self, *args: Any, **how: Any) -> None:
            super().__init__(*args, **how | {"disable": True})

        def update(self, n: float | None = 1) -> None:
            if stopped.is_set():
                raise _Stopped
            said.put(n or 0)

    def download_all(names: list[str], revision: str) -> None:
        try:
            for name in names:
                said.put(name)
                hf_hub_download(download.source, name, revision=revision, tqdm_class=Said)
            said.put(None)
        except BaseException as error:  # noqa: BLE001  carried to the caller's thread
            said.put(error)

    try:
        held = HfApi().model_info(download.source, revision=download.revision, files_metadata=True)
        sizes = _wanted(spec, download, {file.rfilename: file.size or 0 for file in held.siblings})
        total = sum(sizes.values())
        _check_room(spec, total, hub_cache())
        worker = threading.Thread(target=download_all, args=(list(sizes), held.sha), daemon=True)
        worker.start()
        try:
            done, spoken, name, counted, in_file = 0.0, -1.0, "", 0.0, 0.0
            while (news := said.get()) is not None:
                if isinstance(news, BaseException):
                    raise news
                if isinstance(news, str):
                    done, name, in_file = counted, news, 0.0
                    counted += sizes[news]
                else:
                    in_file += news
                now = min(done + in_file, counted)
                if now - spoken >= total / 100 or isinstance(news, str):
                    spoken = now
                    yield _progress(now, total, name)
            yield _progress(total, total, name)
            if download.revision and download.revision != held.sha:  # files are fetched by commit, which leaves no reference
                reference = hub_cache() / f"models--{download.source.replace('/', '--')}" / "refs" / download.revision
                reference.parent.mkdir(parents=True, exist_ok=True)
                reference.write_text(held.sha)
        finally:
            stopped.set()
    except GatedRepoError:
        raise NotReady(
            f"{spec.id}: accept the terms at https://huggingface.co/{download.source}, then set HF_TOKEN to that account's token"
        ) from None
    except OfflineModeIsEnabled:
        raise NotReady(f"{spec.id}: HF_HUB_OFFLINE is set, so nothing can be fetched from the hub") from None
    except HfHubHTTPError as error:
        line = next(iter(str(error).splitlines()), type(error).__name__)
        raise NotReady(f"the weights of {spec.id} could not be fetched: {line[:200]}") from None


def _wanted(spec: EngineSpec, download: Download, sizes: dict[str, int]) -> dict[str, int]:
    """The files to take, with their sizes. Raises NotReady when the repository lacks what the engine reads."""
    if download.files:
        for pattern in download.files:
            if not any(fnmatch(name, pattern) for name in sizes):
                raise NotReady(f"{spec.id}: {download.source} holds no file like {pattern!r}")
        return {name: size for name, size in sizes.items() if any(fnmatch(name, pattern) for pattern in download.files)}
    if not any(name.endswith(".safetensors") for name in sizes):
        raise NotReady(f"{spec.id}: {download.source} holds no safetensors weights, and pickled ones are not loaded")
    return {name: size for name, size in sizes.items() if not any(fnmatch(name, pattern) for pattern in OTHER_FORMATS)}


def _from_address(spec: EngineSpec, download: Download) -> Iterator[str]:
    import httpx

    if os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "TRUE", "YES", "ON"):
        raise NotReady(f"{spec.id}: HF_HUB_OFFLINE is set, so nothing is fetched")
    path = _address_path(download.source)
    partial = path.with_name(path.name + ".part")
    have = partial.stat().st_size if partial.exists() else 0
    try:
        with (
            httpx.Client(follow_redirects=True, timeout=httpx.Timeout(60, read=60)) as client,
            client.stream("GET", download.source, headers={"Range": f"bytes={have}-"} if have else {}) as answer,
        ):
            complete = answer.status_code == 416 and have > 0  # asked for what follows the last byte
            if answer.status_code >= 400 and not complete:
                raise NotReady(f"the weights of {spec.id} could not be fetched: {download.source} answered {answer.status_code}")
            if answer.status_code == 200:  # the server does not go on where we stopped
                have = 0
            rest = 0 if complete else int(answer.headers.get("content-length") or 0)
            total = have + rest
            _check_room(spec, rest, path.parent)
            with partial.open("ab" if have else "wb") as file:
                spoken = -1.0
                for block in () if complete else answer.iter_bytes(_BLOCK):
                    file.write(block)
                    have += len(block)
                    if have - spoken >= max(total / 100, _BLOCK):
                        spoken = have
                        yield _progress(have, total or have, path.name.partition("-")[2])
    except httpx.HTTPError as error:
        raise NotReady(f"the weights of {spec.id} could not be fetched: {type(error).__name__} at {download.source}") from None
    if download.sha256:
        with partial.open("rb") as file:
            given = hashlib.file_digest(file, "sha256").hexdigest()
        if given != download.sha256:
            partial.unlink()
            raise NotReady(f"{spec.id}: what lies at {download.source} is not the file that was published; nothing was kept")
    if path.name.endswith(_ARCHIVES):
        yield f"unpacking {path.name.partition('-')[2]}"
        _unpack(spec, partial, path)
        partial.unlink()
    else:
        partial.replace(path)


def _unpack(spec: EngineSpec, archive: Path, folder: Path) -> None:
    """Into a fresh folder that takes its place only when whole. Refuses members that leave it, links, and bombs."""
    fresh = folder.with_name(folder.name + ".unpacking")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(mode=0o700)
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as opened:
                if sum(member.file_size for member in opened.infolist()) > _MOST_UNPACKED:
                    raise NotReady(f"{spec.id}: the archive holds more than {_MOST_UNPACKED / 1e9:.0f} GB")
                opened.extractall(fresh)  # drops "..", drive letters and leading slashes
        else:
            with tarfile.open(archive) as opened:
                if sum(member.size for member in opened) > _MOST_UNPACKED:
                    raise NotReady(f"{spec.id}: the archive holds more than {_MOST_UNPACKED / 1e9:.0f} GB")
                opened.extractall(fresh, filter="data")
    except (zipfile.BadZipFile, tarfile.TarError, EOFError) as error:
        archive.unlink()
        raise NotReady(f"{spec.id}: the archive is damaged ({type(error).__name__}); fetch it again") from None
    fresh.replace(folder)


# ---------------------------------------------------------------- what is here


def size_gb(path: Path) -> float:
    """Room that a file or folder takes; a file reached by several links counts once."""
    if path.is_file():
        return path.stat().st_size / 1e9
    files = {entry.resolve() for entry in path.rglob("*") if entry.is_file()}
    return sum(entry.stat().st_size for entry in files) / 1e9


def remove(download: Download) -> float:
    """Delete it from this machine, all its revisions; returns the gigabytes freed. A person's own folder is never touched.

    Of a repository that many engines share, only the download's own files go.
    """
    if _is_address(download.source):
        path, freed = _address_path(download.source), 0.0
        for each in (path, path.with_name(path.name + ".part"), path.with_name(path.name + ".unpacking")):
            if each.exists():
                freed += size_gb(each)
                shutil.rmtree(each) if each.is_dir() else each.unlink()
    else:
        folder = hub_cache() / f"models--{download.source.replace('/', '--')}"
        if Path(download.source).is_dir() or not folder.is_dir():
            return 0.0
        before = size_gb(folder)
        for path in [*folder.glob("snapshots/*/**/*")] if download.files else []:
            inside = path.relative_to(folder / "snapshots").parts[1:]
            if path.is_file() and any(fnmatch("/".join(inside), pattern) for pattern in download.files):
                path.resolve().unlink()
                path.unlink(missing_ok=True)
        if not download.files or not any(path.is_file() for path in folder.glob("snapshots/*/**/*")):
            shutil.rmtree(folder)
        freed = before - (size_gb(folder) if folder.exists() else 0.0)
    with contextlib.suppress(FileNotFoundError):
        _pending(download.source).unlink()
    return freed
