"""Texts of strangers made safe to show: one line, nothing invisible, no secret in any spelling; and keys checked first."""

from __future__ import annotations

import base64
import json
import re
import unicodedata
import urllib.parse
from collections.abc import Sequence

from engine.contract import BadInput

LONGEST_MESSAGE = 300
READ_AT_MOST = 20_000  # characters of a vendor's answer that are looked at: a page of HTML may be megabytes
_RUN = 12  # characters of a secret in a row that give it away


def check_key(key: str) -> str:
    """The key without surrounding blanks. Raises BadInput, without showing it, when no vendor could have issued it.

    SDKs put a key with a line break or a look-alike letter into their exception texts: it must not reach them.
    """
    stripped = key.strip()
    if re.fullmatch(r"[\x21-\x7e]{8,2048}", stripped):
        return stripped
    raise BadInput(
        "this does not look like an API key: a key is 8 to 2048 letters, digits and signs without blanks "
        f"or line breaks, and this has {len(stripped)} characters; copy it again from the vendor's page"
    )


def _forms(secret: str) -> set[str]:
    """The ways in which a secret may be spelt in a text: as it is, quoted for a URL, in JSON, in base64."""
    raw = secret.encode()
    forms = {secret, urllib.parse.quote(secret, safe=""), urllib.parse.quote_plus(secret), json.dumps(secret)[1:-1]}
    forms |= {form.lower() for form in forms if "%" in form}
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        forms.add(encode(raw).decode().rstrip("="))
        # inside a longer text (such as user:key) the key may begin at any of three positions of a base64 group
        for lead in (1, 2):
            forms.add(encode(b"\0" * lead + raw).decode().rstrip("=")[lead + 1 : -1])
    return forms


_LOOKS_SECRET = re.compile(
    r"\b(?:sk|pk|rk|gsk|hf|r8|xai|AIza)[-_]?[A-Za-z0-9_*-]{16,}|\bsk-[\w*-]{4,}"
    r"|\b(?i:bearer|token|basic|api[-_]?key)[\s:=]+[\"']?(?=\S*\d)[\w.~+/*-]{12,}=*"
    r"|(?<=[?&])(?i:key|api_key|apikey|token|access_token)=[^&\s\"']+"
)


def _redact(text: str, secrets: Sequence[str]) -> str:
    hidden = bytearray(len(text))
    for form in {form for secret in secrets if secret for form in _forms(secret)}:
        size = min(_RUN, len(form))
        runs = {form[start : start + size] for start in range(len(form) - size + 1)}
        for start in range(len(text) - size + 1):
            if text[start : start + size] in runs:
                hidden[start : start + size] = b"\1" * size
    shown = "".join("\0" if hide else char for char, hide in zip(text, hidden, strict=True))
    return _LOOKS_SECRET.sub("***", re.sub("\0+", "***", shown))


def clean(text: str, secrets: Sequence[str] = (), *, limit: int = LONGEST_MESSAGE) -> str:
    """One line of at most `limit` characters: no control or invisible characters, every secret replaced by ***."""
    # invisible characters go first: put into the middle of a key they would hide it from the search
    text = "".join(
        " " if char.isspace() else char
        for char in text[:READ_AT_MOST]
        if char.isspace() or not unicodedata.category(char).startswith("C")
    )
    text = " ".join(_redact(text, secrets).split())
    return text if len(text) <= limit else text[: limit - 1] + "…"
