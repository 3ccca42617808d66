"""Music.ai (the makers of Moises): a mix in, stems out: upload, job and poll, by the documented calls. The vendor's SDK has no
deadline and writes to disk."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from engine.contract import EngineSpec, Facts, Mark, Needs, Piece, Price, Separate
from providers._outputs import OutputsEngine, failed_output
from providers._rest import HttpRefusal, checked_id, until_done

POLL_S = 0.5
_LABELS = {"accompaniments": "accompaniment"}


class Workflow(OutputsEngine):
    """One of the workflows that every account has."""

    vendor_url = "https://api.music.ai"
    hosts = ("music.ai", "storage.googleapis.com")

    def key_headers(self) -> dict[str, str]:
        return {"authorization": self.key}

    def run(self, request: Separate, timeout_s: float) -> Iterator[Piece]:
        wav = request.audio.stereo().resample(44_100).to_wav()
        with self.line.call(timeout_s):
            place = self.ask("an upload's address", "GET", "/v1/upload", has="uploadUrl")
            with self.line.reading("an upload's address"):
                target, source = self.followed(place["uploadUrl"], "https"), self.followed(place["downloadUrl"], "https")
            put = self.files.put(target, content=wav, headers={"content-type": "audio/wav"})
            if put.is_error:
                raise HttpRefusal(put.status_code, put.text, put.headers)
            yield Mark("uploaded")
            body = {"name": "soundcheck", "workflow": self.spec.model, "params": {"inputUrl": source}}
            job = self.ask("a separation job", "POST", "/v1/job", has="id", json=body)
            with self.line.reading("a separation job"):
                name = checked_id(job["id"])

            def look() -> dict[str, Any]:
                return self.ask("the state of a separation job", "GET", f"/v1/job/{name}", has="status")

            job = until_done(self.line, POLL_S, job, lambda job: job.get("status", "QUEUED") in ("QUEUED", "STARTED"), look)
            if job["status"] != "SUCCEEDED":
                why = job.get("error")
                raise failed_output(self.spec.id, why.get("message") or why.get("title") if isinstance(why, dict) else why)
            with self.line.reading("stems"):
                named = [(_LABELS.get(label, label), url) for label, url in job["result"].items()]
            yield from self.stems(named, request.audio.seconds)
        sent = {"workflow": self.spec.model}
        yield Facts(request_id=name, connect_s=self.line.connect_s, poll_s=POLL_S, sent=sent)


READ_ON = "2026-11-20"

ENGINES = [
    EngineSpec(
        id="musicai/stems-vocals-accompaniment",
        task="separation",
        name="Music.ai vocals and accompaniment",
        vendor="Music.ai",
        system="Music.ai",
        engine=Workflow,
        where="cloud",
        model="music-ai/stems-vocals-accompaniment",
        license_code=None,
        license_weights=None,
        languages=(),
        summary="The stem separation behind Moises, as the two-stem workflow that every account has.",
        docs_url="https://music.ai/docs/api/reference/",
        checked_on=READ_ON,
        prices=(
            Price(
                "input_audio_seconds",
                0.07,
                per=60.0,
                source="the vendor's page as quoted by api-evangelist",
                checked_on="2026-10-07",
                note="the vocals module; whether the accompaniment is billed beside it was not found",
            ),
        ),
        needs=Needs(key="MUSICAI_API_KEY", packages=("httpx",)),
        packages=("httpx",),
        data_use="Uploads and stems are kept for 48 hours on pay-as-you-go. Training and region: not stated in what was read.",
    ),
]
