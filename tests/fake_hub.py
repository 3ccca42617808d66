"""The few endpoints of the Hugging Face Hub that its client calls for one dataset, on this machine (from docs, not recorded)."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

REPO, KEY = "ann/soundcheck", "hf_loopbacktokenloopbacktoken"


class FakeHub:
    """A dataset in memory. `fault` is a status that every request gets while it is set."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.stored: dict[str, bytes] = {}
        """What LFS uploads left behind, by hash."""
        self.private = True
        self.large = False
        """Sounds are asked for through LFS, as the real Hub does."""
        self.fault: int | None = None
        self.commits: list[str] = []
        self.asked: list[tuple[str, str]] = []
        self.address = ""

    def answer(self, method: str, path: str, body: bytes, token: str | None) -> tuple[int, bytes, dict[str, str]]:
        self.asked.append((method, path))
        if self.fault is not None:
            return self.fault, b'{"error": "out of order"}', {}
        if path.startswith("/lfs/"):
            self.stored[path.removeprefix("/lfs/")] = body
            return 200, b"", {}
        if token != f"Bearer {KEY}" or REPO not in path:
            return 404, b'{"error": "Repository not found"}', {"X-Error-Code": "RepoNotFound"}
        if path == f"/api/datasets/{REPO}":
            return self._json({"_id": "1", "id": REPO, "private": self.private, "sha": "c" * 40, "tags": [], "siblings": []})
        if path.startswith(f"/api/datasets/{REPO}/tree/main"):
            entries = [{"type": "file", "path": name, "size": len(data), "oid": "0" * 40} for name, data in self.files.items()]
            return self._json([{"type": "directory", "path": "rows", "oid": "0" * 40}, *entries])
        if path.startswith(f"/api/datasets/{REPO}/preupload/main"):
            modes = [
                {"path": file["path"], "shouldIgnore": False, "oid": None}
                | {"uploadMode": "lfs" if self.large and file["path"].endswith(".wav") else "regular"}
                for file in json.loads(body)["files"]
            ]
            return self._json({"files": modes})
        if path == f"/datasets/{REPO}.git/info/lfs/objects/batch":
            objects = [
                {**each, "actions": {"upload": {"href": f"{self.address}/lfs/{each['oid']}"}}}
                for each in json.loads(body)["objects"]
            ]
            return self._json({"transfer": "basic", "objects": objects})
        if path.startswith(f"/api/datasets/{REPO}/commit/main"):
            return self._commit([json.loads(line) for line in body.splitlines()])
        name = path.removeprefix(f"/datasets/{REPO}/resolve/main/")
        if name in self.files:
            data = self.files[name]
            return 200, data, {"ETag": f'"{hashlib.sha256(data).hexdigest()}"', "X-Repo-Commit": "c" * 40}
        return 404, b'{"error": "Entry not found"}', {"X-Error-Code": "EntryNotFound"}

    def _commit(self, lines: list[dict[str, Any]]) -> tuple[int, bytes, dict[str, str]]:
        for line in lines:
            value = line["value"]
            if line["key"] == "header":
                self.commits.append(value["summary"])
            elif line["key"] == "file":
                self.files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                self.files[value["path"]] = self.stored[value["oid"]]
        return self._json(
            {"commitUrl": f"{self.address}/datasets/{REPO}/commit/{'c' * 40}", "commitOid": "c" * 40, "success": True}
        )

    def _json(self, value: Any) -> tuple[int, bytes, dict[str, str]]:
        return 200, json.dumps(value).encode(), {"Content-Type": "application/json"}

    def named(self, start: str) -> list[str]:
        return sorted(name for name in self.files if name.startswith(start))


@contextmanager
def hub_here() -> Iterator[FakeHub]:
    hub = FakeHub()

    class Door(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, data, headers = hub.answer(self.command, self.path, body, self.headers.get("Authorization"))
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(data))}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)

        do_GET = do_HEAD = do_POST = do_PUT = _serve

        def log_message(self, *_: object) -> None:
            """Nothing is printed."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    hub.address = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
