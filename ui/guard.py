"""What stands before the app: a bound on every request's body, no foreign origins, closed side doors, careful headers."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from comparisons.catalogue import on_space
from comparisons.intake import limits_here

_CLOSED = ("/gradio_api/proxy=", "/proxy=", "/monitoring")
"""Routes that fetch foreign addresses or show other people's traffic; nothing of ours uses them."""
_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"content-security-policy", b"frame-ancestors 'self' https://huggingface.co https://*.huggingface.co https://*.hf.space"),
)


class TooLarge(Exception):
    """More bytes arrived than a request may have."""


class Guard:
    """Pure ASGI: bodies are counted as they arrive, because Content-Length may be absent or a lie."""

    def __init__(self, app: ASGIApp, most_bytes: int) -> None:
        self.app, self.most_bytes = app, most_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        path = scope["path"]
        if path.startswith(_CLOSED) or ("/file=" in path and path.partition("/file=")[2].lower().startswith(("http:", "https:"))):
            await _answer(send, 404, b"Not found")
            return
        if foreign(headers.get(b"origin", b"").decode("latin-1"), headers.get(b"host", b"").decode("latin-1")):
            await _answer(send, 403, b"This origin may not call this app")
            return
        arrived, started = 0, False

        async def counted() -> Message:
            nonlocal arrived
            message = await receive()
            arrived += len(message.get("body", b""))
            if arrived > self.most_bytes:
                raise TooLarge
            return message

        async def careful(message: Message) -> None:
            nonlocal started
            if arrived > self.most_bytes and not started:
                return  # the app's own words for the exception; the answer below says it better
            if message["type"] == "http.response.start":
                started = True
                message = {**message, "headers": [*message.get("headers", ()), *_HEADERS]}
            await send(message)

        with suppress(TooLarge):
            await self.app(scope, counted, careful)
        if arrived > self.most_bytes and not started:
            await _answer(send, 413, f"A request may have at most {self.most_bytes / 1e6:g} MB".encode())


def foreign(origin: str, host: str) -> bool:
    """Whether a browser sent this from another site's page. Calls without an Origin (clients, curl) are not."""
    if not origin:
        return False
    return urlsplit(origin).netloc.lower() != host.lower() and not (on_space() and origin == "https://huggingface.co")


async def _answer(send: Send, status: int, text: bytes) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(text)).encode()), *_HEADERS]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text})


def allowed_hosts() -> list[str]:
    """Host names under which the app answers: SOUNDCHECK_ALLOWED_HOSTS, else those of this machine or of the Space."""
    named = os.environ.get("SOUNDCHECK_ALLOWED_HOSTS")
    if named:
        return [host.strip() for host in named.split(",") if host.strip()]
    if on_space():
        return ["*"]  # the platform's own proxy decides which names lead here, and its health check comes by address
    served = os.environ.get("GRADIO_SERVER_NAME", "")
    return ["localhost", "127.0.0.1", "[::1]", *([] if served in ("", "0.0.0.0", "::") else [served])]


def middleware() -> list[Any]:
    limit = int(limits_here().file_mb * 1_000_000) + 2_000_000
    return [Middleware(TrustedHostMiddleware, allowed_hosts=allowed_hosts()), Middleware(Guard, most_bytes=limit)]
