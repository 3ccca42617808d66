"""Documented REST calls over a line's own client, for vendors whose SDK cannot be bounded: answers, refusals and jobs."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlsplit

from engine.contract import BadResponse, Engine
from providers._http import Line, Refused

Job = TypeVar("Job")


class HttpRefusal(Exception):
    """The vendor answered with an HTTP error. `body` is what it wrote, at most the line's limit."""

    def __init__(self, status: int, body: str, headers: Any) -> None:
        super().__init__(f"HTTP {status}")
        self.status_code, self.body, self.headers = status, body, dict(headers)


class RestEngine(Engine):
    """One client with the key in its headers. `vendor_url` is where the vendor lives when nobody says otherwise."""

    vendor_url = ""

    def load(self) -> None:
        import httpx

        self.line = Line(self.spec.id)
        self.url = (self.base_url or self.vendor_url).rstrip("/")
        self.http = self.line.client(httpx, base_url=self.url, headers=self.key_headers())

    def key_headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.key}"}

    def close(self) -> None:
        if hasattr(self, "line"):
            self.line.hang_up()

    def ask(self, what: str, method: str, path: str, has: str | None = None, **how: Any) -> dict[str, Any]:
        """The JSON object that answers a request; `how` as httpx takes it, `what` names the object in an error.

        Raises HttpRefusal for an HTTP error, BadResponse for anything else but a JSON object with the field `has`.
        """
        response = self.http.request(method, path, **how)
        if response.is_error:
            raise HttpRefusal(response.status_code, response.text, response.headers)
        with self.line.reading(what):
            answer = response.json()
            if not isinstance(answer, dict):
                raise TypeError(type(answer))
            if has is not None and has not in answer:
                raise KeyError(has)
        return answer

    def followed(self, url: Any, scheme: str) -> str:
        """An address that stood in an answer, when it is safe to send a person's sound there: over TLS, or to our own base.

        `scheme`: "https" or "wss". Raises BadResponse for any other address.
        """
        parts = urlsplit(url) if isinstance(url, str) else None
        own = parts is not None and parts.netloc == urlsplit(self.url).netloc and parts.scheme in (scheme, scheme[:-1])
        if parts is None or not parts.hostname or not (own or parts.scheme == scheme):
            raise BadResponse(f"{self.spec.id} answered with an address that is not {scheme}, which is not followed")
        return str(url)


def checked_id(value: Any) -> str:
    """An id of the vendor's that may stand in a path. Raises ValueError for one that may not."""
    if not isinstance(value, str) or not re.fullmatch(r"[\w-]{1,100}", value):
        raise ValueError("id")
    return value


def until_done(line: Line, poll_s: float, job: Job, busy: Callable[[Job], bool], look: Callable[[], Job]) -> Job:
    """`job` as soon as `busy` no longer holds; `look` fetches it again every `poll_s`, from request to request."""
    asked = time.monotonic()
    while busy(job):
        line.wait(asked + poll_s - time.monotonic())
        asked = time.monotonic()
        job = look()
    return job


def failed_job(engine_id: str, why: Any) -> Refused:
    """The error for a job that was accepted and then failed: whose fault it is stands only in the vendor's words."""
    words = why if isinstance(why, str) and why.strip() else "no reason given"
    about_input = re.search(r"audio|file|codec|transcod|decod|language|duration|speech|media", words, re.IGNORECASE)
    return Refused(f"{engine_id} could not transcribe: {words}", "bad_input" if about_input else "server")
