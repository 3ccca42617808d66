"""Stability AI: a description in, stereo music out: one request, answered with a WAV. The vendor has no SDK for sound."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from engine.contract import BadInput, Compose, EngineSpec, Facts, Needs, Piece, Price
from providers._outputs import whole_seconds
from providers._rest import HttpRefusal, RestEngine
from providers._sound_file import sound_pieces

LONGEST_S = 190


class Music(RestEngine):
    vendor_url = "https://api.stability.ai"

    def run(self, request: Compose, timeout_s: float) -> Iterator[Piece]:
        sent: dict[str, Any] = {"model": self.spec.model, "output_format": "wav"}
        if request.duration_s is not None:
            sent["duration"] = whole_seconds(self.spec.id, request.duration_s, LONGEST_S)
        if request.seed is not None:
            sent["seed"] = request.seed
        # a form with file parts although there is no file: the vendor takes no other kind of body
        form = {name: (None, str(value)) for name, value in {**sent, "prompt": request.prompt}.items()}
        path = "/v2beta/audio/stable-audio-2/text-to-audio"
        with self.line.call(timeout_s), self.http.stream("POST", path, files=form, headers={"accept": "audio/*"}) as answer:
            if answer.is_error:
                answer.read()
                if answer.status_code == 403 and "content_moderation" in answer.text:  # the key is fine
                    raise BadInput(f"{self.spec.id} refused the description: its moderation flagged it")
                raise HttpRefusal(answer.status_code, answer.text, answer.headers)
            yield from sound_pieces(self.spec.id, self.line.headers, answer.iter_bytes())
        yield Facts(request_id=self.line.headers.get("x-request-id"), connect_s=self.line.connect_s, sent=sent)


READ_ON = "2026-11-20"

ENGINES = [
    EngineSpec(
        id="stability/stable-audio-2.5",
        task="music",
        name="Stable Audio 2.5",
        vendor="Stability AI",
        system="Stable Audio 2.5",
        engine=Music,
        where="cloud",
        model="stable-audio-2.5",
        license_code=None,
        license_weights=None,
        languages=(),
        summary="Music and sound effects of up to 190 s in one request; every piece costs the same, short or long.",
        docs_url="https://platform.stability.ai/docs/api-reference",
        checked_on=READ_ON,
        honours=("duration_s", "seed"),
        prices=(
            Price(
                "requests",
                0.20,
                source="a price map of May 2026 (api-evangelist)",
                checked_on="2026-05-08",
                note="20 credits a piece; price not verified on the vendor's own page",
            ),
        ),
        needs=Needs(key="STABILITY_API_KEY", packages=("httpx",)),
        packages=("httpx",),
        data_use="Training, retention and region: not stated in what was read.",
    ),
]
