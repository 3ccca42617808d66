"""Where this install keeps things, and the environments of isolated engines, which uv builds from a PEP 723 header."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.util
import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from engine.contract import EngineSpec, NotReady

_SILENCE_S = 0.5
"""After which a silent program is reported as still at work."""
_REASON_CHARACTERS = 300
_TORCH_GB = (5, 8)
"""Least and most that an environment with torch takes on Linux, where CUDA's libraries come along: six took 5.4 to 7.3."""
ROOT = Path(__file__).resolve().parent.parent


def home() -> Path:
    """The folder for data and cache: SOUNDCHECK_HOME, else ~/.soundcheck. Made on first use, for its owner alone (0700)."""
    folder = Path(os.environ.get("SOUNDCHECK_HOME") or "~/.soundcheck").expanduser().absolute()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise NotReady(
            f"{str(folder)!r} cannot be made ({error.strerror}): set SOUNDCHECK_HOME to a folder you can write to"
        ) from None
    return folder


def script_of(spec: EngineSpec) -> Path:
    """The file that holds the spec, the code and, for an isolated engine, the environment."""
    return ROOT / (spec.engine.__module__.replace(".", "/") + ".py")


def header_of(file: Path) -> str:
    """The PEP 723 block of a file, "" where it has none."""
    lines = file.read_text().splitlines()
    if "# /// script" not in lines:
        return ""
    start = lines.index("# /// script")
    return "\n".join(lines[start : lines.index("# ///", start + 1) + 1])


def lock_of(spec: EngineSpec) -> Path:
    """Every package of the environment with version and hashes, beside the file; `scripts/lock.py` writes it."""
    return script_of(spec).with_suffix(".lock")


def fingerprint(spec: EngineSpec) -> str:
    """Changes whenever the environment has to be built anew: header or lock file."""
    file = script_of(spec)
    lock = lock_of(spec)
    return hashlib.sha256((header_of(file) + (lock.read_text() if lock.exists() else "")).encode()).hexdigest()


def _marker(spec: EngineSpec) -> Path:
    return home() / "environments" / f"{spec.vendor_slug}.json"


def _built(spec: EngineSpec) -> tuple[str, Path] | None:
    """Fingerprint and Python of what was built to the end; None when nothing was, or the marker is damaged."""
    try:
        known = json.loads(_marker(spec).read_text())
        return known["fingerprint"], Path(known["python"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def interpreter(spec: EngineSpec) -> Path:
    """The Python of the engine's own environment. Raises NotReady when it has not been built, or not for this header."""
    built = _built(spec)
    if built is not None and built[0] == fingerprint(spec) and built[1].exists():
        return built[1]
    raise NotReady(f"{spec.id} needs its own environment: run `python -m comparisons prepare {spec.id}`")


def is_prepared(spec: EngineSpec) -> bool:
    try:
        return bool(interpreter(spec))
    except NotReady:
        return False


def size_words(spec: EngineSpec) -> str:
    """What building the engine's environment takes, for a sentence; "" when it is small, built, or the engine needs none."""
    if not spec.isolated or not _brings_torch(spec) or is_prepared(spec):
        return ""
    return f"{_TORCH_GB[0]} to {_TORCH_GB[1]} GB for its environment"


def _brings_torch(spec: EngineSpec) -> bool:
    return sys.platform == "linux" and '"torch==' in header_of(script_of(spec))


def environment_folder(spec: EngineSpec) -> Path | None:
    """The folder of the engine's environment: current, out of date, or the rest of a preparation that was cut off; else None."""
    built = _built(spec)
    if built is not None and (built[1].parent.parent / "pyvenv.cfg").exists():
        return built[1].parent.parent
    rest = _marker(spec).with_suffix("")
    return rest if rest.is_dir() else None


def uv_program() -> str:
    """The uv command: the one installed beside us, else one on PATH. Raises NotReady when there is none."""
    if importlib.util.find_spec("uv") is not None:
        import uv

        return uv.find_uv_bin()
    found = shutil.which("uv")
    if not found:
        raise NotReady("isolated engines need uv: `pip install uv`")
    return found


def turn(lock: IO[str], wait_s: float = 0.5) -> Iterator[str]:
    """Take the lock on an open file; yields while another process of this machine holds it. The system frees it when we die."""
    said = False
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            yield "" if said else "waiting: it is being prepared already"
            said = True
            time.sleep(wait_s)


def _lock_file(marker: Path) -> IO[str]:
    marker.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return marker.with_suffix(".lock").open("w")


def prepare(spec: EngineSpec) -> Iterator[str]:
    """Build the engine's own environment; yields what uv says, and "" twice a second while it is silent.

    Leaving early stops uv, and nothing counts as built. Raises NotReady when uv fails or the disk is too full to begin.
    """
    marker, file = _marker(spec), script_of(spec)
    with _lock_file(marker) as lock_file:
        yield from turn(lock_file)
        if is_prepared(spec):
            yield f"{spec.id} is ready"
            return
        free_gb = shutil.disk_usage(home()).free / 1e9
        if _brings_torch(spec) and free_gb < _TORCH_GB[1]:
            raise NotReady(f"the environment of {spec.id} takes up to {_TORCH_GB[1]} GB; {free_gb:.1f} GB are free")
        yield f"building the environment of {spec.id}"
        folder, lock = marker.with_suffix(""), lock_of(spec)
        if lock.exists():
            import tomllib  # not in 3.10, on which isolated workers may import this floor

            wanted = tomllib.loads(toml_of(file)).get("requires-python", ">=3.11")
            yield from _uv(spec, lock_file, "venv", "--clear", "--python", wanted, str(folder))
            python = folder / "bin" / "python"
            yield from _uv(spec, lock_file, "pip", "sync", "--python", str(python), "--require-hashes", str(lock))
        else:  # packages that only a git repository has cannot be locked by hash
            yield from _uv(spec, lock_file, "sync", "--script", str(file))
            python = Path([line for line in _uv(spec, lock_file, "python", "find", "--script", str(file)) if line][-1])
        partial = marker.with_suffix(".tmp")
        partial.write_text(json.dumps({"fingerprint": fingerprint(spec), "python": str(python)}))
        partial.replace(marker)
        yield f"{spec.id} is ready"


def toml_of(file: Path) -> str:
    """The TOML inside a file's PEP 723 block."""
    return "\n".join(line.removeprefix("#").removeprefix(" ") for line in header_of(file).splitlines()[1:-1])


def _uv(spec: EngineSpec, lock_file: IO[str], *arguments: str) -> Iterator[str]:
    """Run uv, in a session of its own; yields its lines. Raises NotReady with its reason when it fails.

    uv holds the lock too: when we are killed it works on alone, and until it ends nobody else may begin in its folder.
    """
    environment = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    with subprocess.Popen(
        [uv_program(), *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env=environment,
        pass_fds=(lock_file.fileno(),),
        start_new_session=True,
    ) as program:
        lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()

        def read() -> None:
            for line in program.stdout:
                lines.put(line.strip())
            lines.put(None)

        threading.Thread(target=read, daemon=True).start()
        said: list[str] = []
        line = ""
        try:
            while line is not None:
                yield line
                if line:  # the last line, but after an error all: its causes follow, a line each
                    said = [*said, line] if said and said[0].startswith("error:") else [line]
                try:
                    line = lines.get(timeout=_SILENCE_S)
                except queue.Empty:
                    line = ""
            status = program.wait()
        finally:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(program.pid, signal.SIGKILL)
    if status:
        reason = " ".join(said)[:_REASON_CHARACTERS] or f"uv exit status {status}"
        raise NotReady(f"the environment of {spec.id} could not be built: {reason}")


def remove(spec: EngineSpec) -> bool:
    """Delete the engine's own environment, whole or in part. False when there was none.

    Raises NotReady while it is being built: a person waits for an answer, and building takes minutes.
    """
    with _lock_file(_marker(spec)) as lock_file:
        for _ in turn(lock_file):
            raise NotReady(f"the environment of {spec.vendor_slug} is being built: stop that first")
        folder = environment_folder(spec)
        _marker(spec).unlink(missing_ok=True)
        if folder is not None:
            shutil.rmtree(folder)
        return folder is not None
