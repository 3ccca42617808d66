"""A loopback hub that serves one model repository to the real client: file list, files with ranges, gating, a cut connection."""

from __future__ import annotations

import contextlib
import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

COMMIT = "1234567890abcdef1234567890abcdef12345678"


class Hub:
    """`files` by name; `gated` refuses with the hub's own header; `cut_after` bytes of a file end the connection once."""

    def __init__(self, repository: str, files: dict[str, bytes]) -> None:
        self.repository, self.files = repository, files
        self.gated, self.cut_after = False, None
        self.asked: list[tuple[str, str, str | None]] = []

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        path = unquote(urlsplit(handler.path).path)
        self.asked.append((handler.command, path, handler.headers.get("Range")))
        if path.startswith(f"/api/models/{self.repository}"):
            siblings = [{"rfilename": name, "size": len(data)} for name, data in self.files.items()]
            return self._send(handler, 200, json.dumps({"id": self.repository, "sha": COMMIT, "siblings": siblings}).encode())
        name = path.partition("/resolve/")[2].partition("/")[2] or path.lstrip("/")
        if self.gated:
            return self._send(handler, 403, b"", {"X-Error-Code": "GatedRepo"})
        if name not in self.files:
            return self._send(handler, 404, b"", {"X-Error-Code": "EntryNotFound"})
        data, start = self.files[name], 0
        named = {"ETag": f'"{hashlib.sha256(data).hexdigest()}"', "X-Repo-Commit": COMMIT, "Accept-Ranges": "bytes"}
        asked = handler.headers.get("Range")
        if asked:
            start = int(asked.removeprefix("bytes=").partition("-")[0])
            if start >= len(data):
                return self._send(handler, 416, b"", named)
            named["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        if self.cut_after is not None and handler.command == "GET" and len(data) > self.cut_after:
            handler.send_response(206 if asked else 200)
            for key, value in (named | {"Content-Length": str(len(data) - start)}).items():
                handler.send_header(key, value)
            handler.end_headers()
            handler.wfile.write(data[start : start + self.cut_after])
            handler.wfile.flush()
            self.cut_after, handler.close_connection = None, True
            return None
        return self._send(handler, 206 if asked else 200, data[start:], named)

    @staticmethod
    def _send(handler: BaseHTTPRequestHandler, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        handler.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | (headers or {})).items():
            handler.send_header(name, value)
        handler.end_headers()
        if handler.command != "HEAD":
            with contextlib.suppress(ConnectionError):
                handler.wfile.write(body)


@contextlib.contextmanager
def serving(hub: Hub) -> Iterator[str]:
    """The hub's address while it answers."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            hub.answer(self)

        do_HEAD = do_GET

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
