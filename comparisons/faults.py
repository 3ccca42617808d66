"""Any exception of an engine or an SDK in, one fault out: its kind, one safe sentence, and whether to ask again.

Works by duck typing over the chain of causes, so it imports no SDK and knows the ones that come later.
"""

from __future__ import annotations

import errno
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from comparisons.redaction import READ_AT_MOST, check_key, clean
from engine.contract import ERROR_KINDS, EngineError

__all__ = ["Fault", "check_key", "clean", "sort"]


@dataclass(frozen=True)
class Fault:
    kind: str
    """A key of engine.contract.ERROR_KINDS."""
    message: str
    """One line of at most 300 characters, without secrets and control characters."""
    status: int | None = None
    """HTTP status, or the close code of a websocket."""
    request_id: str | None = None
    retry_after_s: float | None = None
    """What the vendor asks for, not capped; None when it asks for nothing that can be understood."""
    retryable: bool = False
    """True only where a second request cannot bill the first one twice and may well succeed."""


STOPPED = Fault("cancelled", "Stopped before it had answered.")


# ---------------------------------------------------------------- what an exception carries


def _read(thing: Any, name: str) -> Any:
    try:
        return getattr(thing, name, None)
    except Exception:  # noqa: BLE001 - httpx raises RuntimeError from properties that are not set
        return None


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen and len(seen) < 12:
        seen.add(id(link))
        yield link
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)


def _names(error: BaseException) -> set[str]:
    return {cls.__name__ for link in _chain(error) for cls in type(link).__mro__}


def _whole(value: Any) -> int | None:
    fits = isinstance(value, int | str) and not isinstance(value, bool) and re.fullmatch(r"\d{3,4}", str(value))
    return int(value) if fits else None


def _status(error: BaseException) -> int | None:
    """The first HTTP status in the chain; a websocket's close code where there is none."""
    for link in _chain(error):
        response = _read(link, "response")
        found = [_read(link, "status_code"), _read(response, "status_code"), _read(link, "status")]
        # a closed websocket says 1006 under `code` when it received no close code
        found.append(_read(_read(link, "rcvd"), "code") if hasattr(link, "rcvd") else _read(link, "code"))
        if status := next((status for value in found if (status := _whole(value)) is not None), None):
            return status
    return None


def _headers(error: BaseException) -> dict[str, str]:
    found: dict[str, str] = {}
    for link in _chain(error):
        for headers in (_read(_read(link, "response"), "headers"), _read(link, "headers")):
            if headers is None or not hasattr(headers, "items"):
                continue
            for name, value in headers.items():
                found.setdefault(str(name).lower(), str(value))
    return found


def _body(link: BaseException) -> Any:
    body = _read(link, "body")
    if body is None:
        body = _read(_read(link, "response"), "body")
    if isinstance(body, bytes | bytearray):
        body = bytes(body[:READ_AT_MOST]).decode(errors="replace")
    if isinstance(body, str) and body.lstrip()[:1] in ("{", "["):
        try:
            return json.loads(body)
        except ValueError:
            return body
    return body


_SENTENCES = (
    "message",
    "err_msg",
    "error_message",
    "msg",
    "detail",
    "description",
    "error",
    "errors",
    "title",
    "reason",
    "status",
)


def _sentence(body: Any, depth: int = 0) -> str:
    """The words of an answer's body, whatever shape of error the vendor speaks."""
    if isinstance(body, str):
        return "" if re.match(r"\s*<", body) else body
    if depth > 4:
        return ""
    if isinstance(body, Mapping):
        return next((words for name in _SENTENCES if (words := _sentence(body.get(name), depth + 1))), "")
    if isinstance(body, list | tuple):
        return next((words for item in body if (words := _sentence(item, depth + 1))), "")
    return ""


def _codes(error: BaseException) -> str:
    """Every machine-readable code of the answer, in lower case, separated by blanks."""
    found: list[str] = []

    def gather(body: Any, depth: int = 0) -> None:
        if isinstance(body, Mapping) and depth <= 3:
            found.extend(str(body[name]) for name in ("code", "type", "err_code", "error_code", "status") if body.get(name))
            for name in ("error", "detail"):
                gather(body.get(name), depth + 1)

    for link in _chain(error):
        found += [str(code) for name in ("code", "type", "error_code") if (code := _read(link, name)) and isinstance(code, str)]
        gather(_body(link))
    return " ".join(found).lower()


def _text(error: BaseException) -> str:
    """The vendor's own first line; for errors of the network also what lies beneath."""
    bodies = [body for link in _chain(error) if (body := _body(link)) is not None]
    if words := next((words for body in bodies if (words := _sentence(body))), ""):
        return words
    if bodies and _status(error) is not None:  # str() of some SDK errors is a dump of headers and body
        return ""
    first, *deeper = [_read(link, "message") or str(link) for link in _chain(error)]
    first = first if isinstance(first, str) else str(error)
    beneath = next((str(text) for text in reversed(deeper) if text), "")
    if not first.strip():
        return beneath or ERROR_KINDS["crashed"]
    return (
        f"{first.strip().rstrip('.')} ({beneath})"
        if beneath and {"NetworkError", "APIConnectionError"} & _names(error)
        else first
    )


def _retry_after_s(error: BaseException, headers: Mapping[str, str]) -> float | None:
    asked: list[tuple[Any, float]] = [(headers.get("retry-after-ms"), 0.001), (headers.get("retry-after"), 1.0)]
    for link in _chain(error):
        asked += [(_read(link, "retry_after"), 1.0), (_read(link, "retry_after_s"), 1.0)]
        body = _body(link)
        if isinstance(body, Mapping):
            asked.append((body.get("retry_after_seconds"), 1.0))
    for value, unit in asked:
        try:
            seconds = float(value) * unit
        except (TypeError, ValueError):
            try:
                seconds = max(0.0, (parsedate_to_datetime(str(value)) - datetime.now(UTC)).total_seconds())
            except (TypeError, ValueError, OverflowError):
                continue
        if math.isfinite(seconds) and seconds >= 0:
            return seconds
    return None


# ---------------------------------------------------------------- kinds

_NO_CREDIT = re.compile(
    r"insufficient[ _](?:quota|funds|credits?|balance)|quota_exceeded|billing_|payment_required|out_of_credits|credits?_exhausted"
)
_GONE = re.compile(
    r"shut ?down|deprecat|decommission|retired|discontinued|sunset|end[- ]of[- ]life"
    r"|no longer (?:available|supported|served|offered)",
    re.I,
)
_ABOUT_AUDIO = re.compile(r"audio|file|format|codec|transcod|decod|language|duration|text|parameter", re.I)
_OUT_OF_MEMORY = re.compile(r"out of memory|can't allocate memory|cannot allocate memory|unable to allocate", re.I)
_BEFORE_SENDING = {
    "ConnectError",
    "ConnectTimeout",
    "ConnectTimeoutError",
    "NewConnectionError",
    "ConnectionRefusedError",
    "gaierror",
}
_UNTRUSTED = {"SSLCertVerificationError", "CertificateError"}

# in this order: a read timeout of httpx is also one of its transport errors, a decoding error also a ValueError
_BY_NAME: tuple[tuple[str, set[str]], ...] = (
    ("out_of_memory", {"MemoryError", "OutOfMemoryError"}),
    ("cancelled", {"KeyboardInterrupt", "CancelledError", "GeneratorExit"}),
    ("not_ready", {"ImportError"}),
    (
        "timeout",
        {"TimeoutError", "TimeoutException", "APITimeoutError", "Timeout", "ConnectTimeout", "ReadTimeout", "DeadlineExceeded"},
    ),
    ("bad_input", {"UnsupportedProtocol", "InvalidURL", "InvalidURI", "MissingSchema", "InvalidSchema"}),
    # a websocket whose opening broke off says so with the same class as one that was answered by a web page
    ("network", {"ConnectionError", "EOFError"}),
    ("bad_response", {"JSONDecodeError", "ValidationError", "UnicodeDecodeError", "DecodingError", "ParsingError"}),
    ("bad_response", {"APIResponseValidationError", "InvalidHandshake"}),
    ("network", {"NetworkError", "TransportError", "APIConnectionError", "RequestException", "gaierror", "SSLError"}),
    ("network", {"WebSocketException"}),
)


def _kind_of_status(status: int, words: str, codes: str) -> str | None:
    """None for a status that says nothing is wrong."""
    if status == 402 or (status in (401, 403, 429) and _NO_CREDIT.search(codes + words.lower())):
        return "quota"
    if status in (404, 410) and _GONE.search(f"{words} {codes}"):
        return "shut_down"
    if status == 400 and re.search(r"model_(?:decommission|deprecat|retired)", codes):
        return "shut_down"
    by_status = {
        401: "auth",
        403: "auth",
        408: "timeout",
        413: "too_large",
        429: "rate_limit",
        1008: "bad_input",
        1009: "too_large",
    }
    if status in by_status:
        return by_status[status]
    if status >= 1000:
        return "network" if status in (1000, 1001, 1005, 1006, 1015) else "server"
    if status >= 500:
        return "server"
    if status >= 400:
        return "bad_input"
    return "bad_response" if status >= 300 else None


def _kind_of_code(codes: str) -> str | None:
    """For errors that arrive inside a stream whose status was 200."""
    rules = (
        ("quota", _NO_CREDIT.pattern),
        ("auth", r"invalid_api_key|invalid_auth|authentication|permission"),
        ("rate_limit", r"rate_limit|too_many_requests"),
        ("bad_input", r"invalid_request|invalid_param|invalid_value"),
        ("server", r"server_error|internal|overloaded|unavailable"),
    )
    return next((kind for kind, pattern in rules if re.search(pattern, codes)), None)


def _kind(error: BaseException, status: int | None, words: str) -> str:
    own = next((link for link in _chain(error) if isinstance(link, EngineError)), None)
    if own is not None:
        return own.kind if own.kind in ERROR_KINDS else "crashed"
    names, codes = _names(error), _codes(error)
    if status is not None and (kind := _kind_of_status(status, words, codes)):
        return kind
    if any(_read(link, "errno") in (errno.ENOSPC, errno.EDQUOT) for link in _chain(error)):
        return "disk_full"
    if names & {"RuntimeError", "OSError"} and _OUT_OF_MEMORY.search(words):
        return "out_of_memory"
    for kind, known in _BY_NAME:
        if names & known:
            return kind
    if status is not None:
        return "bad_response"
    if kind := _kind_of_code(codes):
        return kind
    if names & {"TranscriptError", "AssemblyAIError"}:  # the vendor's job failed after it was accepted
        return "bad_input" if _ABOUT_AUDIO.search(words) else "server"
    return "server" if names & {"APIError", "ApiError"} else "crashed"


def sort(error: BaseException, *, secrets: Sequence[str] = ()) -> Fault:
    """What went wrong, in the words of engine.contract.ERROR_KINDS.

    `secrets`: keys that must not appear in the message, in any spelling or in part.
    """
    status, headers = _status(error), _headers(error)
    own = next((link for link in _chain(error) if isinstance(link, EngineError)), None)
    words = str(own) if own is not None else _text(error)
    kind = _kind(error, status, words)
    names = _names(error)
    # httpx keeps of a refused certificate nothing but its words
    trusted = not names & _UNTRUSTED and "CERTIFICATE_VERIFY_FAILED" not in words
    early = kind in ("network", "timeout") and bool(names & _BEFORE_SENDING) and trusted
    line = next((line for line in words[:READ_AT_MOST].splitlines() if line.strip()), "")
    page = status is not None and not line.strip()
    message = clean(f"the vendor answered {status} without an explanation" if page else line, secrets) or ERROR_KINDS[kind]
    ids = [_read(link, "request_id") for link in _chain(error)]
    ids += [body.get("request_id") for link in _chain(error) if isinstance(body := _body(link), Mapping)]
    ids += [headers.get(name) for name in ("x-request-id", "dg-request-id", "request-id", "x-dg-request-id")]
    return Fault(
        kind=kind,
        message=message,
        status=status,
        request_id=next((clean(str(found), secrets, limit=100) for found in ids if found), None),
        retry_after_s=_retry_after_s(error, headers),
        retryable=kind == "rate_limit" or early or (kind == "server" and status in (502, 503, 504)),
    )
