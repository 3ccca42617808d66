"""The way from one engine to its vendor: a client for an SDK that measures, bounds and can be hung up from any thread.

SDK timeouts hold per read, so a vendor that drips one byte a second keeps a call alive for ever. A line has one deadline for
the whole call: when it comes, or when the engine is closed, the sockets are shut down and the blocked read ends at once.
"""

from __future__ import annotations

import functools
import ipaddress
import logging
import os
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from engine.contract import BadInput, BadResponse, EngineError

ANSWER_BYTES = 200 << 20  # more than an hour of 24 kHz speech; no transcript comes near it
CONNECT_S = 10.0  # a vendor that does not accept within this is not going to
IDLE_S = 30.0  # how long a warm connection is kept: vendors drop idle ones after about a minute


class Overdue(EngineError, TimeoutError):
    kind = "timeout"


class Stopped(EngineError):
    kind = "cancelled"


class TooLarge(EngineError):
    kind = "too_large"


class Refused(EngineError):
    """The vendor took the request and then said no inside its answer, where no HTTP status says what kind of no."""

    def __init__(self, message: str, kind: str) -> None:
        super().__init__(message)
        self.kind = kind


class _Deadlines:
    """One thread for all lines: a timer thread for each call would cost as much as the call itself on loopback."""

    def __init__(self) -> None:
        self._due: dict[Line, float] = {}
        self._woken = threading.Condition()
        self._next = 0.0
        self._thread: threading.Thread | None = None

    def add(self, line: Line, at: float) -> None:
        with self._woken:
            self._due[line] = at
            if self._thread is None:
                self._thread = threading.Thread(target=self._watch, name="deadlines", daemon=True)
                self._thread.start()
            elif at < self._next:
                self._woken.notify()

    def remove(self, line: Line) -> None:
        with self._woken:
            self._due.pop(line, None)

    def _watch(self) -> None:
        while True:
            with self._woken:
                now = time.monotonic()
                late = [line for line, at in self._due.items() if at <= now]
                for line in late:
                    del self._due[line]
                if not late:
                    self._next = min(self._due.values(), default=now + 3600.0)
                    self._woken.wait(self._next - now)
            for line in late:
                line.expire()


_DEADLINES = _Deadlines()


@functools.cache
def _tls() -> Any:
    """One for the whole process: reading the certificate authorities takes 27 ms, which each new client would pay again."""
    import ssl

    import certifi

    return ssl.create_default_context(cafile=os.environ.get("SSL_CERT_FILE") or certifi.where())


def _shut_down(sock: socket.socket) -> None:
    with suppress(OSError):  # already closed
        # not sock.shutdown(): on a TLS socket that drops the TLS layer under the thread that reads from it
        socket.socket.shutdown(sock, socket.SHUT_RDWR)


class Line:
    """What one engine instance keeps open to its vendor. One call at a time; hang_up() from any thread."""

    def __init__(self, engine_id: str, answer_bytes: int = ANSWER_BYTES, *, public_only: bool = False) -> None:
        self.engine_id, self.answer_bytes, self.public_only = engine_id, answer_bytes, public_only
        self.connect_s = 0.0
        """Seconds spent opening connections during this call; 0.0 when a warm one was reused."""
        self.headers: Mapping[str, str] = {}
        """Headers of this call's latest answer, names in lower case."""
        self._sockets: set[socket.socket] = set()
        self._clients: list[Any] = []
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._closed = self._expired = self._busy = False
        self._deadline = self._connecting = 0.0
        self._timeout_s = 0.0

    # ------------------------------------------------------------ one call

    @contextmanager
    def call(self, timeout_s: float) -> Iterator[None]:
        """Everything inside is over after `timeout_s`.

        Raises Overdue at the deadline and Stopped after hang_up(), whatever the SDK made of its dead sockets. Any other
        error flies on, with the answer's headers where its own class dropped them.
        """
        with self._lock:
            self.connect_s, self.headers, self._timeout_s = 0.0, {}, timeout_s
            self._deadline, self._expired, self._busy = time.monotonic() + timeout_s, False, True
            if not self._closed:
                self._ended.clear()
        _DEADLINES.add(self, self._deadline)
        try:
            self._check()
            yield
        except Exception as error:
            self._check(error)
            if self.headers and not getattr(error, "headers", None) and not hasattr(error, "response"):
                error.headers = dict(self.headers)  # type: ignore[attr-defined]
            raise
        else:
            self._check()
        finally:
            _DEADLINES.remove(self)
            with self._lock:
                self._busy = False
                closed = self._closed
            if closed:
                self._release()

    def _check(self, cause: BaseException | None = None) -> None:
        if self._closed:
            raise Stopped(f"{self.engine_id} was stopped") from cause
        if self._expired or time.monotonic() >= self._deadline:
            raise Overdue(f"{self.engine_id} gave no complete answer within {self._timeout_s:g} s") from cause

    @property
    def remaining_s(self) -> float:
        """Until the deadline; never below a millisecond, because a socket timeout of 0 means something else."""
        return max(0.001, self._deadline - time.monotonic())

    def wait(self, seconds: float) -> None:
        """Sleep, but not past the deadline or a hang_up(), which raise here."""
        self._ended.wait(min(seconds, self.remaining_s))
        self._check()

    @contextmanager
    def reading(self, what: str) -> Iterator[None]:
        """Turns the errors of code that takes an answer apart into BadResponse."""
        try:
            yield
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            raise BadResponse(f"{self.engine_id} answered with something that is not {what}") from error

    # ------------------------------------------------------------ hanging up

    def hang_up(self) -> None:
        """End the call that runs now and refuse all later ones; blocked reads and writes return at once."""
        with self._lock:
            self._closed = True
            busy = self._busy
        self._shut()
        if not busy:
            self._release()

    def _release(self) -> None:
        """Close the clients. Never under a running call: its thread would go on reading from a number that the system has
        given to another socket by then."""
        while self._clients:
            self._clients.pop().close()

    def expire(self) -> None:
        with self._lock:
            if time.monotonic() < self._deadline:  # the call is over and the next one runs
                return
            self._expired = True
        self._shut()

    def _shut(self) -> None:
        self._ended.set()
        with self._lock:
            sockets = list(self._sockets)
        for sock in sockets:
            _shut_down(sock)

    def _adopt(self, sock: socket.socket) -> None:
        """Remember an open connection. Raises BadInput for one to an address that a stranger must not reach from here."""
        if self.public_only and not ipaddress.ip_address(sock.getpeername()[0]).is_global:
            # judged by where the connection really went: a name may resolve differently a moment later
            _shut_down(sock)
            raise BadInput(f"{self.engine_id} leads to an address of a private network: only public servers may be used here")
        with self._lock:
            self._sockets = {known for known in self._sockets if known.fileno() != -1} | {sock}
            ended = self._closed or self._expired
        if ended:
            self._shut()

    # ------------------------------------------------------------ HTTP

    def client(self, httpx: Any, **options: Any) -> Any:
        """A client of `httpx` (the module httpx or httpx2) for an SDK; `options` as its Client takes them.

        Follows no redirect, takes no proxy and no password file from the environment, keeps connections warm.
        """
        line = self

        class Answer(httpx.SyncByteStream):
            def __init__(self, stream: Any) -> None:
                self.stream = stream

            def __iter__(self) -> Iterator[bytes]:
                return line._bounded(self.stream)

            def close(self) -> None:
                self.stream.close()

        class Transport(httpx.HTTPTransport):
            def handle_request(self, request: Any) -> Any:
                left = line.remaining_s
                timeout = {"connect": min(CONNECT_S, left), "read": left, "write": left, "pool": left}
                request.extensions = {**request.extensions, "timeout": timeout, "trace": line._trace}
                # a small compressed answer may unpack to more than memory holds; the bound counts what is received
                request.headers["accept-encoding"] = "identity"
                answer = super().handle_request(request)
                try:
                    line._take(answer.status_code, answer.headers)
                except BadResponse:
                    answer.stream.close()
                    raise
                answer.stream = Answer(answer.stream)
                return answer

        # the environment may name certificate authorities (SSL_CERT_FILE), but neither proxies nor passwords
        transport = Transport(verify=_tls(), limits=httpx.Limits(max_connections=8, keepalive_expiry=IDLE_S))
        client = httpx.Client(transport=transport, trust_env=False, follow_redirects=False, timeout=None, **options)
        self._clients.append(client)
        return client

    def _trace(self, event: str, info: Mapping[str, Any]) -> None:
        if event == "connection.connect_tcp.started":
            self._connecting = time.perf_counter()
        elif event in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            now = time.perf_counter()
            self.connect_s += now - self._connecting
            self._connecting = now
            self._adopt(info["return_value"].get_extra_info("socket"))

    def _take(self, status: int, headers: Mapping[str, str]) -> None:
        self.headers = {name.lower(): value for name, value in headers.items()}
        if 300 <= status < 400:
            raise BadResponse(f"{self.engine_id} answered with a redirect ({status}), which is not followed: check its base URL")
        if self.headers.get("content-encoding", "identity").lower() != "identity":
            raise BadResponse(f"{self.engine_id} answered in the encoding {self.headers['content-encoding']!r}, not asked for")

    def _bounded(self, stream: Any) -> Iterator[bytes]:
        received = 0
        for chunk in stream:
            received += len(chunk)
            if received > self.answer_bytes:
                raise TooLarge(f"{self.engine_id} answered with more than {self.answer_bytes >> 20} MB")
            yield chunk

    # ------------------------------------------------------------ websockets

    @contextmanager
    def websocket(self, url: str, headers: Mapping[str, str]) -> Iterator[Any]:
        """An open connection of websockets.sync.client to `url` (ws or wss), without proxy, redirect or compression."""
        from websockets.exceptions import InvalidURI
        from websockets.sync.client import connect

        sock = self._dial(url)
        try:
            connection = connect(
                # the socket already speaks TLS where it should: the library must not put a second layer on top
                "ws:" + url.partition(":")[2],
                sock=sock,
                additional_headers=dict(headers),
                compression=None,
                proxy=None,
                # the deadline ends the opening: the library's own timeout may wait for its reading thread for ever
                open_timeout=None,
                close_timeout=0.2,
                max_size=16 << 20,
                logger=logging.Logger("silent", logging.CRITICAL),  # the library's own logs the Authorization header
                legacy=True,
            )
        except (InvalidURI, ValueError) as error:  # what the library makes of a redirect
            raise BadResponse(f"{self.engine_id} answered the websocket with a redirect, which is not followed") from error
        self.headers = {name.lower(): value for name, value in connection.response.headers.raw_items()}
        try:
            yield connection
        finally:
            # first the socket: close() waits for a thread that may be reading amid a TLS record
            _shut_down(sock)
            connection.close()

    def _dial(self, url: str) -> socket.socket:
        from urllib.parse import urlsplit

        parts = urlsplit(url)
        if parts.scheme not in ("ws", "wss") or not parts.hostname:
            raise BadInput(f"{self.engine_id} needs a ws:// or wss:// address, not {parts.scheme!r}")
        began, secure = time.perf_counter(), parts.scheme == "wss"
        sock = socket.create_connection((parts.hostname, parts.port or (443 if secure else 80)), min(CONNECT_S, self.remaining_s))
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if secure:
                sock = _tls().wrap_socket(sock, server_hostname=parts.hostname)
            sock.settimeout(None)
        except BaseException:
            sock.close()
            raise
        self.connect_s += time.perf_counter() - began
        self._adopt(sock)
        return sock
