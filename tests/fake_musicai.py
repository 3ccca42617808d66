"""Music.ai's upload and jobs, with the storage behind the upload, shaped after its documentation (from docs, not recorded)."""

from __future__ import annotations

from fake_api import Reply, Seen
from fake_outputs import KEY_HEADERS, FakeOutputs, wav


class FakeMusicAI(FakeOutputs):
    routes = (
        ("GET", r"/v1/upload", "place"),
        ("PUT", r"/storage/[\w-]+", "store"),
        ("POST", r"/v1/job", "submit"),
        ("GET", r"/v1/job/[\w-]+", "state"),
        *FakeOutputs.routes,
    )

    def __init__(self) -> None:
        super().__init__()
        self.states = ("STARTED", "SUCCEEDED")
        self.job_error: object = {"code": "BAD_INPUT", "title": "Bad input", "message": "The file is not supported."}
        self.storage: str | None = None
        """Where uploads are said to go, instead of here."""
        self._places: list[str] = []
        """Whose upload each signed address is for."""
        self._stored: dict[str, float] = {}

    def error(self, status: int, name: str, key: str) -> Reply:
        said = {"gone": "The workflow was retired.", "no_quota": "Insufficient balance for this job."}
        body = {"code": name, "title": name, "message": said.get(name, f"Refused for {key}\nsecond line")}
        return Reply.of_json(body, status)

    def place(self, seen: Seen) -> Reply:
        with self._lock:
            self._places.append(seen.key)
            address = f"http://{seen.headers['host']}/storage/place-{len(self._places)}"
        return Reply.of_json({"uploadUrl": self.storage or f"{address}?signature=s", "downloadUrl": address})

    def store(self, seen: Seen) -> Reply:
        assert seen.wav, "the upload holds no WAV"
        assert not KEY_HEADERS & set(seen.headers), "the storage must not see the key"
        seen.headers["signed-for-key"] = self._places[int(seen.path.rpartition("-")[2]) - 1]
        self._stored[seen.path] = seen.wav[0]
        return Reply(200, b"")

    def submit(self, seen: Seen) -> Reply:
        return Reply.of_json({"id": self.start(seen, asked=seen.json())})

    def state(self, seen: Seen) -> Reply:
        name = seen.path.rpartition("/")[2]
        status, job = self.look(seen, name)
        answer = {
            "id": name,
            "name": job["asked"]["name"],
            "workflow": job["asked"]["workflow"],
            "status": status,
            "result": None,
        }
        if status == "SUCCEEDED":
            source = job["asked"]["params"]["inputUrl"]
            seconds = next(seconds for path, seconds in self._stored.items() if source.endswith(path))
            made = (("vocals", 440.0), ("accompaniments", 220.0))
            answer["result"] = {label: self.keep(seen, job["key"], f"{label}.wav", wav(seconds, hz)) for label, hz in made}
        if status == "FAILED":
            answer["error"] = self.job_error
        return Reply.of_json(answer)
