"""An engine in a process of its own: only a kill frees a GPU, survives a segfault and keeps a deadline.

A frame is one JSON line, then the raw float32 samples that the line names; never pickle. The parent holds a `Worker`, which is
an Engine like any other; the child runs `serve`. Commands go down the child's stdin, pieces come up its stdout.
"""

from __future__ import annotations

import argparse
import base64
import collections
import contextlib
import dataclasses
import functools
import importlib
import importlib.metadata
import io
import json
import os
import queue
import resource
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, BinaryIO

import numpy as np

from engine import contract
from engine.audio import Audio
from engine.contract import ERROR_KINDS, Engine, EngineError, EngineSpec, Facts, Piece, Request
from engine.environment import ROOT, interpreter, script_of

_DATA = {
    kind.__name__: kind
    for kind in vars(contract).values()
    if isinstance(kind, type) and dataclasses.is_dataclass(kind) and kind not in (EngineSpec, contract.Option)
}
_HEAP = {"MALLOC_MMAP_THRESHOLD_": str(2**25), "MALLOC_TRIM_THRESHOLD_": str(2**28)}
"""For glibc: keep what a layer frees for the next one. By default it goes back to the system, and each run pays for every page
again: 437,000 page faults and 17 % of the processor time of a sentence in full-size VITS, against 2 with this."""
_SECRET_WORDS = ("KEY", "TOKEN", "SECRET", "PASSWORD", "CREDENTIAL")

# ---------------------------------------------------------------- frames


def encode(value: Any) -> bytes:
    """A frame of plain JSON values, contract dataclasses and Audio, nested at will."""
    arrays: list[np.ndarray] = []

    def plain(item: Any) -> Any:
        if isinstance(item, Audio):
            arrays.append(item.samples)
            return {"$": "Audio", "rate": item.rate, "shape": list(item.samples.shape)}
        if dataclasses.is_dataclass(item):
            return {"$": type(item).__name__} | {f.name: plain(getattr(item, f.name)) for f in dataclasses.fields(item)}
        if isinstance(item, collections.abc.Mapping):
            return {str(key): plain(each) for key, each in item.items()}
        if isinstance(item, (list, tuple)):
            return [plain(each) for each in item]
        if isinstance(item, bytes):
            return {"$": "bytes", "base64": base64.b64encode(item).decode()}
        if isinstance(item, np.generic):
            return item.item()
        if item is None or isinstance(item, (str, int, float, bool)):
            return item
        raise TypeError(f"a frame cannot carry {type(item).__name__}")

    line = json.dumps(plain(value), ensure_ascii=True, separators=(",", ":"))
    return b"".join([line.encode(), b"\n", *(array.astype("<f4", copy=False).tobytes() for array in arrays)])


def read_frame(stream: BinaryIO) -> Any:
    """The next frame, or None at the end of the stream. Raises ValueError when the stream ends inside one."""
    line = stream.readline()
    if not line:
        return None

    def rich(item: Any) -> Any:
        if isinstance(item, list):
            return tuple(rich(each) for each in item)
        if not isinstance(item, dict):
            return item
        kind = item.get("$")
        if kind == "Audio":
            channels, frames = item["shape"]
            wanted = 4 * channels * frames
            data = stream.read(wanted)
            if len(data) != wanted:
                raise ValueError(f"a frame ended after {len(data)} of {wanted} bytes of samples")
            return Audio(np.frombuffer(data, "<f4").reshape(channels, frames), item["rate"])
        if kind == "bytes":
            return base64.b64decode(item["base64"])
        fields = {key: rich(each) for key, each in item.items() if key != "$"}
        return fields if kind is None else _DATA[kind](**fields)

    return rich(json.loads(line))


def decode(data: bytes) -> Any:
    """The value of one frame. Raises ValueError for anything else."""
    return read_frame(io.BytesIO(data))


# ---------------------------------------------------------------- the child


@functools.cache
def _version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def versions_of(spec: EngineSpec) -> dict[str, str]:
    """Installed versions of the libraries that do this engine's work, and of Python."""
    found = {name: version for name in spec.packages if (version := _version(name))}
    return {"python": ".".join(map(str, sys.version_info[:3])), **found}


def _threads() -> int:
    torch = sys.modules.get("torch")
    if torch is not None:
        return torch.get_num_threads()
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _peak_memory_gb() -> float:
    """Largest resident memory of this process, GB.

    Linux carries ru_maxrss over from the parent that started us, so its own figure of this program's memory comes first.
    """
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024 / 1e9
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e9 if sys.platform == "darwin" else peak * 1024 / 1e9


def describe(error: BaseException, kind: str) -> dict[str, str]:
    """An error as a frame that says which of the kinds it is; `kind` where the exception itself does not say."""
    if isinstance(error, EngineError):
        return {"event": "error", "kind": error.kind, "message": str(error)}
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        kind = "out_of_memory"
    line = next(iter(str(error).strip().splitlines()), "")
    return {"event": "error", "kind": kind, "message": f"{type(error).__name__}: {line}"[:300]}


def serve(module: ModuleType | None = None, arguments: Sequence[str] | None = None) -> None:
    """Run one engine for the parent until stdin ends. An isolated file calls this, without arguments, under `__main__`.

    `arguments` are the engine's id and, for a person's own checkpoint, its folder or hub id and the variant where it has one.
    """
    module = module or sys.modules["__main__"]
    engine_id, *own = sys.argv[1:] if arguments is None else arguments
    spec = module.own(*own) if own else next(spec for spec in module.ENGINES if spec.id == engine_id)
    # The file's own folder would shadow the library of the same name (local_models/demucs.py and the package demucs).
    sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve().parent != ROOT]
    commands_in = os.fdopen(os.dup(0), "rb")
    frames_out = os.fdopen(os.dup(1), "wb")
    # Libraries print and prompt: what they print goes to stderr, what they ask gets no answer.
    os.dup2(2, 1)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)

    commands: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def listen() -> None:
        while (command := read_frame(commands_in)) is not None:
            commands.put(command)
        os._exit(0)  # the parent is gone; a model in the middle of its work must not outlive it

    threading.Thread(target=listen, daemon=True).start()

    def send(value: Any) -> None:
        frames_out.write(encode(value))
        frames_out.flush()

    engine = spec.engine(spec)
    while True:
        command = commands.get()
        kind = "load" if command["do"] == "load" else "crashed"
        try:
            if command["do"] == "load":
                engine.load()
                send({"event": "loaded", "versions": versions_of(spec)})
                continue
            threads = None
            for piece in engine.run(command["request"], command["timeout_s"]):
                send({"event": "piece", "piece": piece})
                threads = getattr(piece, "threads", None) or threads
            send({"event": "piece", "piece": Facts(threads=threads or _threads(), peak_memory_gb=_peak_memory_gb())})
            send({"event": "done"})
        except Exception as error:  # noqa: BLE001  whatever a model library raises becomes one frame; the process stays
            send(describe(error, kind))


# ---------------------------------------------------------------- the parent


class WorkerError(EngineError):
    """The child reported an error, or died. `kind` is the child's word for it."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind if kind in ERROR_KINDS else "crashed"


class Worker(Engine):
    """The parent's stand-in for a local engine. close() kills the child and everything that it started."""

    def __init__(self, spec: EngineSpec, key: str = "", base_url: str = "") -> None:
        super().__init__(spec, key, base_url)
        self.versions: dict[str, str] = {}
        self._child: subprocess.Popen[bytes] | None = None
        self._scratch: tempfile.TemporaryDirectory[str] | None = None
        self._said: collections.deque[str] = collections.deque(maxlen=20)
        self._closed = False
        self._lock = threading.Lock()

    def load(self) -> None:
        """Start the child and load the engine in it. Raises WorkerError when either fails."""
        with self._lock:
            if self._closed:
                raise WorkerError("cancelled", f"{self.spec.id} was stopped")
            self._scratch = tempfile.TemporaryDirectory(prefix="soundcheck-", ignore_cleanup_errors=True)
            self._child = subprocess.Popen(
                self._command(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=self._environment() | {"TMPDIR": self._scratch.name},
                start_new_session=True,
            )
        threading.Thread(target=self._listen, args=(self._child,), daemon=True).start()
        self._send({"do": "load"})
        reply = self._receive()
        if reply["event"] == "error":
            self.close()
            raise WorkerError(reply["kind"], reply["message"])
        self.versions = dict(reply["versions"])

    def run(self, request: Request, timeout_s: float) -> Iterator[Piece]:
        """The child's pieces as they come. Leaving early kills the child: nothing else stops a running model."""
        self._send({"do": "run", "request": request, "timeout_s": timeout_s})
        answered = False
        try:
            while (reply := self._receive())["event"] == "piece":
                yield reply["piece"]
            answered = True
        finally:
            if not answered:
                self.close()
        if reply["event"] == "error":
            raise WorkerError(reply["kind"], reply["message"])

    @property
    def alive(self) -> bool:
        return self._child is not None and self._child.poll() is None

    def close(self) -> None:
        with self._lock:
            self._closed, child = True, self._child
        if child is None:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        self._scratch.cleanup()

    def _command(self) -> list[str]:
        which = [self.spec.id, *filter(None, (self.spec.own, self.spec.own_variant))]
        if not self.spec.isolated:
            return [sys.executable, "-m", "engine.worker", self.spec.engine.__module__, *which]
        return [str(interpreter(self.spec)), str(script_of(self.spec)), *which]

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not any(word in name.upper() for word in _SECRET_WORDS)}
        path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
        # A download inside a timed run would be timed: `prepare` fetches, a worker only loads.
        alone = {"PYTHONPATH": path, "PYTHONSAFEPATH": "1", "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
        return _HEAP | kept | alone

    def _send(self, value: Any) -> None:
        try:
            self._child.stdin.write(encode(value))
            self._child.stdin.flush()
        except (BrokenPipeError, ValueError, AttributeError):
            raise self._death() from None

    def _receive(self) -> Any:
        try:
            reply = read_frame(self._child.stdout)
        except ValueError:
            reply = None
        if reply is None:
            raise self._death()
        return reply

    def _listen(self, child: subprocess.Popen[bytes]) -> None:
        for line in child.stderr:
            self._said.append(line.decode("utf-8", "replace").strip())

    def _death(self) -> WorkerError:
        if self._closed:
            return WorkerError("cancelled", f"{self.spec.id} was stopped")
        status = self._child.wait() if self._child else None
        self.close()
        if status == -signal.SIGKILL:
            return WorkerError("out_of_memory", f"the process of {self.spec.id} was killed by the system, most likely for memory")
        how = signal.Signals(-status).name if status is not None and status < 0 else f"exit status {status}"
        last = next((line for line in reversed(self._said) if line), "it said nothing")
        return WorkerError("crashed", f"the process of {self.spec.id} died ({how}): {last[:200]}")


def main() -> None:
    parser = argparse.ArgumentParser(prog="engine.worker", description="Serve one engine over stdin and stdout.")
    parser.add_argument("module")
    parser.add_argument("engine_id")
    parser.add_argument("own", nargs="*", help="folder or hub id of a person's own checkpoint, and its variant")
    chosen = parser.parse_args()
    serve(importlib.import_module(chosen.module), [chosen.engine_id, *chosen.own])


if __name__ == "__main__":
    main()
