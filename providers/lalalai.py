"""LALAL.AI: a mix in, its vocals and the rest out: upload, job, poll and delete, by the documented calls. There is no SDK."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from engine.contract import EngineSpec, Facts, Limits, Mark, Needs, Piece, Price, Separate
from providers._outputs import OutputsEngine, failed_output
from providers._rest import checked_id, until_done

POLL_S = 2.0  # the vendor allows thirty looks a minute, over all runs of one licence
_LABELS = {"no_vocals": "instrumental"}


class Separator(OutputsEngine):
    """Upload, submit, ask every POLL_S whether it is done, fetch both stems, then delete all of it at the vendor."""

    vendor_url = "https://www.lalal.ai"
    hosts = ("lalal.ai",)

    def key_headers(self) -> dict[str, str]:
        return {"x-license-key": self.key}

    def run(self, request: Separate, timeout_s: float) -> Iterator[Piece]:
        sent: dict[str, Any] = {"stem": "vocals", "splitter": self.spec.model, "encoder_format": "wav"}
        named = {"content-disposition": 'attachment; filename="audio.wav"', "content-type": "application/octet-stream"}
        wav = request.audio.stereo().resample(44_100).to_wav()
        with self.line.call(timeout_s):
            file = self.ask("an uploaded file", "POST", "/api/v1/upload/", has="id", content=wav, headers=named)
            with self.line.reading("an uploaded file"):
                source = checked_id(file["id"])
            yield Mark("uploaded")
            job = {"source_id": source, "presets": sent}
            task = self.ask("a separation job", "POST", "/api/v1/split/stem_separator/", has="task_id", json=job)
            with self.line.reading("a separation job"):
                name = checked_id(task["task_id"])

            def look() -> dict[str, Any]:
                what = "the state of a separation job"
                answer = self.ask(what, "POST", "/api/v1/check/", has="result", json={"task_ids": [name]})
                with self.line.reading(what):
                    state = dict(answer["result"][name])
                    state["status"] = str(state["status"])
                    return state

            state = until_done(self.line, POLL_S, look(), lambda state: state["status"] == "progress", look)
            if state["status"] != "success":
                why = state.get("error") or state["status"]
                raise failed_output(self.spec.id, why.get("detail") if isinstance(why, dict) else why)
            with self.line.reading("stems"):
                tracks = [(_LABELS.get(track["label"], track["label"]), track["url"]) for track in state["result"]["tracks"]]
            yield from self.stems(tracks, request.audio.seconds)
            yield Mark("answered")
            deleted = self._delete(source)
        sent |= {"deleted": deleted}
        yield Facts(request_id=name, connect_s=self.line.connect_s, poll_s=POLL_S, model=self.spec.model, sent=sent)

    def _delete(self, source: str) -> bool:
        """False when the vendor did not confirm; the row says so, and the vendor deletes the files when they expire."""
        try:
            self.ask("a deletion", "POST", "/api/v1/delete/", json={"source_id": source})
        except Exception:  # noqa: BLE001 - the stems are there
            return False
        return True


READ_ON = "2026-11-20"


def _splitter(model: str, summary: str) -> EngineSpec:
    return EngineSpec(
        id=f"lalalai/{model}",
        task="separation",
        name=f"LALAL.AI {model.title()}",
        vendor="LALAL.AI",
        system="LALAL.AI",
        engine=Separator,
        where="cloud",
        model=model,
        license_code=None,
        license_weights=None,
        languages=(),
        summary=summary,
        docs_url="https://www.lalal.ai/api/v1/docs/",
        checked_on=READ_ON,
        prices=(
            Price(
                "input_audio_seconds",
                0.06,
                per=60.0,
                source="api-evangelist, read from the vendor's plans",
                checked_on="2026-08-13",
                note="0.06 to 0.067 by package, for each stem asked for (one here); needs the Pro plan at 15 $ a month",
            ),
        ),
        limits=Limits(file_bytes=2_000_000_000),
        needs=Needs(key="LALALAI_LICENSE_KEY", packages=("httpx",)),
        packages=("httpx",),
        data_use=(
            "The mix and its stems are deleted there right after the answer; what a stopped run leaves behind, when it expires. "
            "Training and region: not stated in what was read."
        ),
        concurrency=1,
    )


ENGINES = [
    _splitter("andromeda", "The newest of the vendor's networks: vocals and instrumental."),
    _splitter("perseus", "The network before Andromeda: vocals and instrumental."),
    _splitter("orion", "An older network: vocals and instrumental."),
]
