"""A program that serves a page, in a process of its own on a free port of this machine."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LONGEST_S = 180.0


@dataclass(frozen=True)
class Served:
    url: str
    start_s: float
    """From the start of the process to the answer 200 for the whole page."""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@contextmanager
def served(arguments: Sequence[str], home: Path) -> Iterator[Served]:
    """`python *arguments` from the repository's root until the block ends. Raises RuntimeError when it serves no page.

    It keeps its data in `home`, gets none of this environment's keys, and listens on loopback only.
    """
    port = free_port()
    kept = {name: value for name, value in os.environ.items() if not name.endswith(("_API_KEY", "_BASE_URL"))}
    kept.pop("PYTHONDONTWRITEBYTECODE", None)  # as for a person who starts it again: nothing is compiled twice
    environment = kept | {
        "SOUNDCHECK_HOME": str(home),
        "GRADIO_SERVER_NAME": "127.0.0.1",
        "GRADIO_SERVER_PORT": str(port),
        "GRADIO_ANALYTICS_ENABLED": "False",
        "HF_HUB_OFFLINE": "1",
    }
    with tempfile.TemporaryFile() as said:
        began = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, *arguments], cwd=ROOT, env=environment, stdout=said, stderr=said, start_new_session=True
        )
        try:
            while not _answers(port):
                if process.poll() is not None or time.perf_counter() - began > LONGEST_S:
                    said.seek(0)
                    last = said.read().decode("utf-8", "replace").strip().splitlines()[-1:]
                    raise RuntimeError(
                        f"{' '.join(arguments)[:60]!r} served no page: {' '.join(last)[:300] or 'it said nothing'}"
                    )
                time.sleep(0.01)
            yield Served(f"http://127.0.0.1:{port}", time.perf_counter() - began)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", "/")
        answer = connection.getresponse()
        answer.read()
        return answer.status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
