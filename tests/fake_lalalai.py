"""LALAL.AI's upload, jobs and deletion, shaped after its OpenAPI description (from docs, not recorded)."""

from __future__ import annotations

from typing import Any

from fake_api import Reply, Seen
from fake_outputs import FakeOutputs, wav


class FakeLalalAI(FakeOutputs):
    routes = (
        ("POST", r"/api/v1/upload/", "upload"),
        ("POST", r"/api/v1/split/stem_separator/", "split"),
        ("POST", r"/api/v1/check/", "check"),
        ("POST", r"/api/v1/delete/", "delete"),
        *FakeOutputs.routes,
    )

    def __init__(self) -> None:
        super().__init__()
        self.states = ("success",)
        self.job_error: Any = {"code": "inference_error", "detail": "Unable to detect voice/vocals in the uploaded files"}
        self.deleted: list[str] = []
        self.undeletable = False
        self._sources: dict[str, float] = {}

    def error(self, status: int, name: str, key: str) -> Reply:
        said = {"gone": "This splitter was discontinued.", "no_quota": "Insufficient credits: no minutes are left."}
        return Reply.of_json({"detail": said.get(name, f"Refused for {key}\nsecond line"), "code": name}, status)

    def upload(self, seen: Seen) -> Reply:
        assert seen.wav, "the upload holds no WAV"
        assert seen.headers["content-disposition"] == 'attachment; filename="audio.wav"'
        with self._lock:
            name = f"source-{len(self._sources) + 1}"
            self._sources[name] = seen.wav[0]
        about = {"name": "audio.wav", "size": len(seen.body), "duration": seen.wav[0], "expires": 1_800_000_000}
        return Reply.of_json({"id": name, **about})

    def split(self, seen: Seen) -> Reply:
        return Reply.of_json({"task_id": self.start(seen, asked=seen.json())})

    def check(self, seen: Seen) -> Reply:
        (name,) = seen.json()["task_ids"]
        status, job = self.look(seen, name)
        source = job["asked"]["source_id"]
        state: dict[str, Any] = {"source_id": source, "presets": job["asked"]["presets"], "status": status}
        if status == "progress":
            state["progress"] = 42
        if status == "success":
            tracks = [
                {"type": kind, "label": label, "url": self.keep(seen, job["key"], label, wav(self._sources[source], hz))}
                for kind, label, hz in (("stem", "vocals", 440.0), ("back", "no_vocals", 220.0))
            ]
            state["result"] = {"duration": round(self._sources[source]), "tracks": tracks}
        if status in ("error", "server_error"):
            state["error"] = self.job_error
        return Reply.of_json({"result": {name: state}})

    def delete(self, seen: Seen) -> Reply:
        if self.undeletable:
            return Reply.of_json({"detail": "try later"}, 500)
        self.deleted.append(seen.json()["source_id"])
        return Reply.of_json({})
