"""Fake clouds on one loopback port: they answer like the vendors, journal what they were sent, and fail as told.

`FakeApi` is the server (HTTP by hand, so that it can drip, stall and reset; websockets by the package of that name). What a
vendor answers stands in `fake_<vendor>.py`: a class with `routes`, `error(...)` and, where it has one, `websocket(...)`.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import json
import re
import socket
import struct
import threading
import time
import wave
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import numpy as np


@dataclass
class Seen:
    """One request as it arrived."""

    method: str
    path: str
    query: list[tuple[str, str]]
    headers: dict[str, str]
    body: bytes
    at: float
    fields: list[tuple[str, str]] = field(default_factory=list)
    """Multipart fields that are not files."""
    wav: tuple[float, int, int] | None = None
    """Seconds, rate and channels of the 16-bit WAV that was in it, decoded to its last frame."""
    messages: list[Any] = field(default_factory=list)
    """What a websocket sent: bytes counts of binary messages, texts of the others."""

    @property
    def key(self) -> str:
        own = next((value for name, value in self.headers.items() if name.endswith("-key") and name != "sec-websocket-key"), "")
        return own or self.headers.get("authorization", "").rpartition(" ")[2]

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.body).hexdigest()

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Reply:
    status: int = 200
    body: bytes | Iterable[bytes] = b""
    """Bytes go out with a length in one send; pieces go out chunked, one send each."""
    headers: dict[str, str] = field(default_factory=dict)

    @staticmethod
    def of_json(value: Any, status: int = 200, **headers: str) -> Reply:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return Reply(status, json.dumps(value).encode(), {"content-type": "application/json", **named})


@dataclass(frozen=True)
class Trouble:
    """How the next requests fail. `name` is one of TROUBLES."""

    name: str
    retry_after: str | None = None
    path: str = ""
    """Only requests whose path contains this."""
    redirect_to: str = ""


STATUSES = {
    "bad_key": 401,
    "no_credit": 402,
    "too_large": 413,
    "rate_limited": 429,
    "no_quota": 429,
    "broken": 500,
    "overloaded": 503,
    "gone": 404,
    "bad_request": 400,
}
BODIES = {
    "html": ("text/html", b"<!doctype html><html><body>Sign in</body></html>"),
    "empty": ("application/json", b""),
    "truncated_json": ("application/json", b'{"text": "the quick bro'),
    "wrong_json": ("application/json", b'{"nothing": ["to", "see"]}'),
    "unlabelled_text": ("application/octet-stream", b"upstream connect error or disconnect/reset before headers" * 3),
}
TROUBLES = (*STATUSES, *BODIES, "zipped", "cut", "reset", "redirect", "endless", "stall", "stall_midway", "drip", "drip_headers")


def held(data: bytes, size: int, hold: threading.Event | None) -> Iterator[bytes]:
    """`data` in pieces of `size` bytes; with `hold`, only the first until it is set."""
    for index, start in enumerate(range(0, len(data), size)):
        if hold and index == 1:
            hold.wait(10.0)
        yield data[start : start + size]


def sine(seconds: float, rate: int = 24_000, hz: float = 440.0) -> bytes:
    """A quiet tone as little-endian 16-bit PCM."""
    return (np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate) * 8000).astype("<i2").tobytes()


def _read_wav(data: bytes) -> tuple[float, int, int] | None:
    start = data.find(b"RIFF")
    if start < 0:
        return None
    with wave.open(io.BytesIO(data[start:])) as sound:
        assert sound.getsampwidth() == 2, "the WAV is not 16-bit"
        frames = sound.readframes(sound.getnframes())
        assert len(frames) == sound.getnframes() * 2 * sound.getnchannels(), "the WAV is shorter than its header says"
        return sound.getnframes() / sound.getframerate(), sound.getframerate(), sound.getnchannels()


def _read_multipart(seen: Seen) -> None:
    found = re.search(r'boundary="?([^";]+)', seen.headers.get("content-type", ""))
    if not found:
        return
    for part in seen.body.split(b"--" + found[1].encode())[1:-1]:
        head, _, content = part.partition(b"\r\n\r\n")
        name = re.search(rb'name="([^"]*)"', head)
        content = content.removesuffix(b"\r\n")
        if b"filename=" in head:
            seen.wav = _read_wav(content)
        elif name:
            seen.fields.append((unquote(name[1].decode()), content.decode()))


class FakeApi:
    """`with FakeApi(vendor) as api:` then `api.url`; `api.journal` holds every request, `api.fail(...)` and `api.heal()`."""

    def __init__(self, *vendors: Any) -> None:
        self.vendors = vendors
        self.journal: list[Seen] = []
        self.problems: list[BaseException] = []
        self.hung_up_at: list[float] = []
        """When clients closed a connection on which an answer was still due."""
        self.trouble: Trouble | None = None
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._stopping = threading.Event()

    def __enter__(self) -> FakeApi:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._listener.close()
        with self._lock:
            for sock in self._open:
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)
        assert not self.problems, self.problems

    def fail(self, name: str, **how: Any) -> None:
        assert name in TROUBLES, f"no trouble {name!r}; there are {TROUBLES!r}"
        self.trouble = Trouble(name, **how)

    def heal(self) -> None:
        self.trouble = None

    def keys(self) -> list[str]:
        return [seen.key for seen in self.journal]

    # ------------------------------------------------------------ connections

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._open.add(sock)
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        try:
            while not self._stopping.is_set():
                if b"upgrade: websocket" in sock.recv(65_536, socket.MSG_PEEK).lower() and self._upgrade(sock):
                    return
                seen = self._receive(sock)
                if seen is None:
                    return
                if not self._answer(sock, seen):
                    return
        except OSError:
            return  # the client or the test hung up
        except BaseException as error:
            self.problems.append(error)
            raise
        finally:
            with self._lock:
                self._open.discard(sock)
            sock.close()

    def _receive(self, sock: socket.socket) -> Seen | None:
        data = b""
        while b"\r\n\r\n" not in data:
            more = sock.recv(65_536)
            if not more:
                return None
            data += more
        head, _, rest = data.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        method, target, _ = first.split(" ")
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}

        def more_of(size: int) -> bytes:
            nonlocal rest
            while len(rest) < size:
                arrived = sock.recv(65_536)
                if not arrived:
                    raise ConnectionError("hung up amid the request")
                rest += arrived
            taken, rest = rest[:size], rest[size:]
            return taken

        if headers.get("transfer-encoding") == "chunked":
            body = b""
            while True:
                line = b""
                while not line.endswith(b"\r\n"):
                    line += more_of(1)
                size = int(line, 16)
                body += more_of(size)
                more_of(2)
                if not size:
                    break
        else:
            body = more_of(int(headers.get("content-length", 0)))
        parts = urlsplit(target)
        seen = Seen(method, parts.path, parse_qsl(parts.query), headers, body, time.monotonic())
        _read_multipart(seen)
        if seen.wav is None and not seen.fields and body:
            seen.wav = _read_wav(body)
        with self._lock:
            self.journal.append(seen)
        return seen

    # ------------------------------------------------------------ answers

    def _vendor(self, seen: Seen) -> tuple[Any, Callable[..., Reply]]:
        for vendor in self.vendors:
            for method, pattern, name in vendor.routes:
                if method == seen.method and re.fullmatch(pattern, seen.path):
                    return vendor, getattr(vendor, name)
        raise AssertionError(f"no route for {seen.method} {seen.path}")

    def _troubled(self, path: str) -> Trouble | None:
        return self.trouble if self.trouble and self.trouble.path in path else None

    def _answer(self, sock: socket.socket, seen: Seen) -> bool:
        """True when the connection stays open."""
        vendor, route = self._vendor(seen)
        trouble = self._troubled(seen.path)
        if trouble is None:
            return self._send(sock, route(seen))
        if trouble.name in STATUSES:
            return self._send(sock, self._refusal(vendor, trouble, seen))
        if trouble.name in BODIES:
            kind, body = BODIES[trouble.name]
            return self._send(sock, Reply(200, body, {"content-type": kind}))
        if trouble.name == "zipped":
            kind = {"content-type": vendor.content_type(seen), "content-encoding": "gzip"}
            return self._send(sock, Reply(200, gzip.compress(bytes(1_000_000)), kind))
        if trouble.name == "redirect":
            return self._send(sock, Reply(307, b"", {"location": trouble.redirect_to + seen.path}))
        if trouble.name == "endless":
            return self._send(sock, Reply(200, self._endless(vendor, seen), {"content-type": vendor.content_type(seen)}))
        if trouble.name == "reset":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return False
        whole = self._wire(route(seen))
        if trouble.name == "cut":
            sock.sendall(whole[: len(whole) * 2 // 3])
            return False
        if trouble.name in ("stall", "stall_midway"):
            if trouble.name == "stall_midway":
                sock.sendall(whole[: whole.index(b"\r\n\r\n") + 40])
            self._wait_for_hang_up(sock)
            return False
        if trouble.name == "drip":
            head = whole.index(b"\r\n\r\n") + 4
            sock.sendall(whole[:head])
            whole = whole[head:]
        for byte in whole:
            sock.sendall(bytes([byte]))
            if self._stopping.wait(0.05):
                return False
        return True

    def _refusal(self, vendor: Any, trouble: Trouble, seen: Seen) -> Reply:
        reply = vendor.error(STATUSES[trouble.name], trouble.name, seen.key)
        if trouble.retry_after is not None:
            reply.headers["retry-after"] = trouble.retry_after
        return reply

    def _endless(self, vendor: Any, seen: Seen) -> Iterator[bytes]:
        speech = seen.path.endswith(("speech", "speak"))
        while not self._stopping.is_set():
            yield b"\0\1" * 32_768 if speech else vendor.endless

    def _wait_for_hang_up(self, sock: socket.socket) -> None:
        sock.settimeout(30.0)
        with contextlib.suppress(TimeoutError):
            sock.recv(1)
        self.hung_up_at.append(time.monotonic())

    def _wire(self, reply: Reply) -> bytes:
        return b"".join(self._sends(reply))

    def _sends(self, reply: Reply) -> Iterator[bytes]:
        chunked = not isinstance(reply.body, bytes)
        size = {"transfer-encoding": "chunked"} if chunked else {"content-length": str(len(reply.body))}
        head = f"HTTP/1.1 {reply.status} Fake\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in {**reply.headers, **size}.items()) + "\r\n"
        if not chunked:
            yield head.encode() + reply.body
            return
        held = head.encode()
        for piece in reply.body:
            yield held + f"{len(piece):x}\r\n".encode() + piece + b"\r\n"
            held = b""
        yield held + b"0\r\n\r\n"

    def _send(self, sock: socket.socket, reply: Reply) -> bool:
        for data in self._sends(reply):
            sock.sendall(data)
        return True

    # ------------------------------------------------------------ websockets

    def _upgrade(self, sock: socket.socket) -> bool:
        """Hands the connection to the websockets package, or answers a scripted refusal over plain HTTP."""
        from websockets.sync.server import serve

        head = sock.recv(65_536, socket.MSG_PEEK).decode("latin-1").split("\r\n")
        parts = urlsplit(head[0].split(" ")[1])
        trouble = self._troubled(parts.path)
        if trouble and (
            trouble.name in STATUSES or trouble.name in ("redirect", "reset", "stall", "html", "zipped", "drip_headers")
        ):
            return False
        vendor = next(vendor for vendor in self.vendors if hasattr(vendor, "websocket"))

        def talk(connection: Any) -> None:
            headers = {name.lower(): value for name, value in connection.request.headers.raw_items()}
            seen = Seen("GET", parts.path, parse_qsl(parts.query), headers, b"", time.monotonic())
            with self._lock:
                self.journal.append(seen)
            vendor.websocket(connection, seen, trouble.name if trouble else "", self._stopping)
            if trouble and trouble.name == "stall_midway":
                self.hung_up_at.append(time.monotonic())

        # listens nowhere: its handler is given connections that were accepted here
        idle = socket.socket()
        with idle:
            serve(talk, sock=idle, close_timeout=0.5, ping_interval=None).handler(sock, sock.getpeername())
        return True
