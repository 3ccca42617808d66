"""Sounds that a vendor leaves at addresses in its answers: fetched at once, without the key, and from its own hosts alone."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import urlsplit

from engine.audio import Audio
from engine.contract import BadInput, BadResponse, Stem
from providers._http import Refused, TooLarge
from providers._rest import RestEngine

STEMS = 16  # more than any separation has


class OutputsEngine(RestEngine):
    """`hosts`: the domains under which the vendor keeps what it made; the engine's own base counts as well."""

    hosts: tuple[str, ...] = ()

    def load(self) -> None:
        import httpx

        super().load()
        self.files = self.line.client(httpx)  # without the key: the files lie on other hosts

    def _kept_at(self, url: Any) -> str:
        """The address, over TLS where it is not our own base. Raises BadResponse for one that is not the vendor's."""
        with self.line.reading("the address of a file"):
            if not isinstance(url, str):
                raise TypeError(type(url))
            parts, own = urlsplit(url), urlsplit(self.url)
        if (parts.scheme, parts.netloc) == (own.scheme, own.netloc):
            return url
        host = parts.netloc.lower()  # with a password or a port in it, it is none of the known ones
        known = any(host == each or host.endswith(f".{each}") for each in self.hosts)
        if parts.scheme not in ("http", "https") or not known:
            raise BadResponse(f"{self.spec.id} answered with a file on a host that is not the vendor's, which is not fetched")
        return parts._replace(scheme="https").geturl()

    def sound(self, what: str, url: Any) -> Audio:
        """The sound at an address, or in it where it is a data URI.

        Raises BadResponse for an address that is not the vendor's and for what is no sound, Refused where it does not open.
        """
        if isinstance(url, str) and url.startswith("data:"):
            with self.line.reading(what):
                return Audio.decode(base64.b64decode(url.partition(";base64,")[2], validate=True))
        answer = self.files.get(self._kept_at(url))
        if answer.is_error:  # the status is about the file, not about the key or the input
            raise Refused(f"{self.spec.id} made {what}, and its file does not open ({answer.status_code})", "server")
        with self.line.reading(what):
            return Audio.decode(answer.content)

    def stems(self, named: Iterable[tuple[Any, Any]], seconds: float) -> Iterator[Stem]:
        """Pairs of name and address, as stems no longer than the mix; None is a stem that the vendor did not make."""
        made = [(re.sub(r"[^\w .-]", "", str(name))[:40] or "stem", url) for name, url in named if url is not None]
        found = dict(made)
        if not found or len(found) < len(made):
            raise BadResponse(f"{self.spec.id} answered {'with two stems of one name' if found else 'without stems'}")
        if len(found) > STEMS:
            raise TooLarge(f"{self.spec.id} answered with more than {STEMS} stems")
        for name, url in found.items():
            yield Stem(name, self.sound(f"the stem {name!r}", url).part(0.0, seconds))


def whole_seconds(engine_id: str, seconds: float, longest: int) -> int:
    """A length for vendors that take whole seconds. Raises BadInput for any other."""
    if seconds % 1 or not 1 <= seconds <= longest:
        raise BadInput(f"{engine_id} composes whole seconds from 1 to {longest}, not {seconds:g}")
    return int(seconds)


def failed_output(engine_id: str, why: Any) -> Refused:
    """The error for a job that was accepted and then failed: whose fault it is stands only in the vendor's words."""
    words = why.strip() if isinstance(why, str) and why.strip() else "no reason given"
    about_input = re.search(r"audio|file|codec|decod|duration|voice|vocals|media|format|prompt", words, re.IGNORECASE)
    return Refused(f"{engine_id} could not finish: {words}", "bad_input" if about_input else "server")
