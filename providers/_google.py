"""What Google's APIs say when they refuse. Their HTTP status does not always tell the kind: a wrong key, for one, is a 400."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from providers._http import Refused

# google.api.ErrorReason
_REASONS = {
    "API_KEY_INVALID": "auth",
    "ACCESS_TOKEN_EXPIRED": "auth",
    "CREDENTIALS_MISSING": "auth",
    "BILLING_DISABLED": "quota",
    "RESOURCE_QUOTA_EXCEEDED": "quota",
}
_KINDS = {400: "bad_input", 401: "auth", 403: "auth", 404: "bad_input", 408: "timeout", 413: "too_large", 429: "rate_limit"}


def _error(body: Any) -> Mapping[str, Any]:
    """The `error` object of an answer, which is a text, the object itself or a list around it; {} where there is none."""
    if isinstance(body, str):
        try:
            body = json.loads(body)
        except ValueError:
            return {}
    if isinstance(body, list) and body:
        body = body[0]
    found = body.get("error", body) if isinstance(body, Mapping) else {}
    return found if isinstance(found, Mapping) else {}


def _details(error: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    details = error.get("details")
    yield from (detail for detail in (details if isinstance(details, list) else ()) if isinstance(detail, Mapping))


def _daily(detail: Mapping[str, Any]) -> bool:
    """Whether a limit per day is used up: waiting a minute does not help then."""
    violations = detail.get("violations")
    return any("PerDay" in str(violation) for violation in violations) if isinstance(violations, list) else False


def refused(engine_id: str, body: Any, in_stream: bool = False) -> Refused | None:
    """The error in Google's words where its HTTP status would tell the wrong kind; None where the status says it all.

    `in_stream`: the error arrived inside an answer whose status was 200.
    """
    error = _error(body)
    kinds = [_REASONS[detail["reason"]] for detail in _details(error) if detail.get("reason") in _REASONS]
    if any(_daily(detail) for detail in _details(error)):
        kinds.append("quota")
    if in_stream and not kinds:
        kinds.append(_KINDS.get(error.get("code"), "server"))  # type: ignore[arg-type]
    return Refused(str(error.get("message") or f"{engine_id} was refused"), kinds[0]) if kinds else None


def retry_after_s(body: Any) -> float | None:
    """Seconds that the answer asks to wait (google.rpc.RetryInfo), which stand in no header."""
    for detail in _details(_error(body)):
        delay = detail.get("retryDelay")
        if isinstance(delay, str):
            try:
                return seconds(delay)
            except ValueError:
                return None
    return None


def seconds(duration: str | None) -> float:
    """A google.protobuf.Duration as JSON writes it, such as "1.500s"; Google leaves a zero out. Raises ValueError."""
    if duration is None:
        return 0.0
    if not duration.endswith("s"):
        raise ValueError(f"{duration!r} is not a duration")
    return float(duration[:-1])
