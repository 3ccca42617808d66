"""The live half of a fake vendor: takes the sound in, tells what it hears meanwhile, and fails as told."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from typing import Any

from fake_api import Seen
from websockets.exceptions import ConnectionClosedError


def hear(connection: Any, seen: Seen, trouble: str, stopping: threading.Event, interim: Callable[[int], Any]) -> float | None:
    """Sends `interim(n)` with every 0.2 s of 16 kHz sound, until a text message ends it.

    Returns the seconds heard, for the vendor to close as it does; None when `trouble` was played instead.
    """
    received, told = 0, 0
    with contextlib.suppress(ConnectionClosedError):
        for message in connection:
            if isinstance(message, str):
                seen.messages.append(message)
                break
            seen.messages.append(len(message))
            received += len(message)
            if trouble != "stall_midway" and received // 6_400 > told:
                told = received // 6_400
                connection.send(interim(told))
    if trouble in ("stall_midway", "drip"):
        stopping.wait(5.0)
    elif trouble in ("truncated_json", "wrong_json", "html", "unlabelled_text"):
        connection.send({"wrong_json": '{"nothing": 1}'}.get(trouble, '{"type": "transcript", "mess'))
    elif trouble == "cut":
        connection.socket.close()
    elif trouble == "endless":
        while not stopping.is_set():
            connection.send("x" * 1_000_000)
    elif trouble != "empty":
        return received / 32_000
    return None
