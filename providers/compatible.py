"""A person's own server that speaks the OpenAI-shaped protocol (speaches, vLLM, LocalAI ...), added at run time.

Speech is asked for as a WAV file, which says its own rate: raw PCM of an unknown server would have to be guessed at.
"""

from __future__ import annotations

import hashlib
import re
from datetime import date
from typing import Any
from urllib.parse import urlsplit

from engine.contract import BadInput, Engine, EngineSpec, Needs
from providers._openai_shape import AudioChat, Speech, Transcription

ENGINES: list[EngineSpec] = []


_KINDS: dict[str, tuple[type[Engine], dict[str, Any]]] = {
    "asr": (
        Transcription,
        {"honours": ("language", "prompt", "word_times"), "extra": {"format": "json", "word_format": "verbose_json"}},
    ),
    "tts": (Speech, {"honours": ("voice", "speed"), "extra": {"format": "wav"}, "streams": True}),
    "audio_lm": (AudioChat, {"honours": ("prompt",), "extra": {}, "streams": True}),
}


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9.]+", "-", text.lower()).strip("-.")


def server_spec(base_url: str, model: str, task: str, name: str = "", *, public_only: bool = False) -> EngineSpec:
    """The engine for one model of one server. `base_url` is where its paths begin, such as http://localhost:8000/v1.

    `task`: asr (transcriptions), tts (speech) or audio_lm (chat). The id names host and model, and ends in six digits of a
    checksum over address, model and task, so that two of them never share an id. With `public_only` it connects to no private,
    loopback or link-local address. Raises BadInput for what cannot be one.
    """
    base_url, model = base_url.strip().rstrip("/"), model.strip()
    if task not in _KINDS:
        raise BadInput(f"a compatible server can be asked for {', '.join(_KINDS)}, not {task!r}")
    try:
        parts = urlsplit(base_url)
        port = f"-{parts.port}" if parts.port else ""
    except ValueError:
        raise BadInput(f"{base_url[:200]!r} is not an address: give one such as http://localhost:8000/v1") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or re.search(r"[\s\x00-\x1f\x7f]", base_url):
        raise BadInput(f"{base_url[:200]!r} is not an address: give one such as http://localhost:8000/v1")
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        raise BadInput("the server's address must hold neither a password nor a query: give the key under Keys")
    if not re.fullmatch(r"[\w./:@+-]{1,200}", model):
        raise BadInput(f"{model[:200]!r} is not a model name: it has letters, digits and . / : @ + - without blanks")
    engine, how = _KINDS[task]
    checksum = hashlib.sha256("\n".join((base_url, model, task)).encode()).hexdigest()[:6]
    return EngineSpec(
        id=f"compatible/{_slug(parts.hostname)}{port}-{_slug(model)}-{checksum}",
        task=task,
        name=name.strip() or f"{model} at {parts.hostname}",
        vendor=parts.hostname,
        system=name.strip() or model,
        engine=engine,
        where="cloud",
        model=model,
        license_code=None,
        license_weights=None,
        languages=None,
        summary="Your own server; what it honours and what it costs is not known here.",
        docs_url=None,
        checked_on=date.today().isoformat(),
        needs=Needs(packages=("openai", "httpx2")),
        packages=("openai",),
        data_use=f"Goes to {parts.hostname}; what happens there is not known here.",
        honours=how["honours"],
        streams=how.get("streams", False),
        extra={"base_url": base_url, "public_only": public_only, **how["extra"]},
    )
