"""The voices that an account may use: those that an engine's file names, or the vendor's own list, asked for once a day."""

from __future__ import annotations

import hashlib
import json
import secrets
from contextlib import closing, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from comparisons import faults
from comparisons.cache import Answer, Answers
from comparisons.catalogue import Access
from comparisons.faults import Fault
from comparisons.redaction import clean
from engine.contract import EngineSpec, Voice, options_of
from engine.tasks import TASKS

ASK_S = 20.0
"""Deadline of a whole list, all its pages together."""
KEPT = timedelta(days=1)
SIZE_LIMIT_BYTES = 64 << 20
_NAME, _LANGUAGE, _DESCRIPTION = 60, 20, 200  # characters that are shown
_RUN = 12  # characters of a key in a row that give it away


@dataclass(frozen=True)
class VoiceList:
    voices: tuple[Voice, ...]
    fetched_on: str
    """ISO time in UTC at which the vendor answered; for the engine's own list the ISO date on which it was checked."""
    source: str
    """"engine" (what its file names), "vendor" or "cache"."""
    fault: Fault | None = None
    """Why the vendor's list is not here, though it was asked for."""


def list_name(spec: EngineSpec) -> str:
    """Engines with the same name have the same voices. Where a vendor keeps several lists, `extra` says which."""
    return "/".join(filter(None, (spec.vendor_slug, spec.extra.get("voice_list"))))


def scope_of(pasted: bool, session: str | None) -> str:
    """Whose lists these are: a list that a visitor's own key brought stays in that visitor's session.

    A visitor without a session gets a scope that nobody else has, so nothing is shared by mistake.
    """
    return f"session {session or secrets.token_hex(16)}" if pasted else ""


def voices_of(spec: EngineSpec, access: Access, scope: str, folder: Path) -> VoiceList:
    """The engine's voices for this key; `folder` is where lists are kept. Never raises: a vendor that fails is `fault`.

    `scope` as `scope_of` gives it. The key is no part of what is kept, in no form.
    """
    own = VoiceList(tuple(Voice(voice, voice) for voice in spec.voices), spec.checked_on, "engine")
    if not spec.lists_voices or not access.key:
        return own
    name = _key(spec, access, scope)
    with closing(Answers(folder, SIZE_LIMIT_BYTES)) as kept:
        if found := _known(kept, name):
            return found
        try:
            voices = _asked(spec, access)
        except Exception as error:  # noqa: BLE001  whatever an SDK raises becomes one sentence
            fault = faults.sort(error, secrets=[access.key])
            return VoiceList(own.voices, own.fetched_on, own.source, fault)
        fetched_on = datetime.now(UTC).isoformat(timespec="seconds")
        told = json.dumps([asdict(voice) for voice in voices]).encode()
        kept.put(name, Answer({"status": "ok", "fetched_on": fetched_on}, told))
    return VoiceList(voices, fetched_on, "vendor")


def _key(spec: EngineSpec, access: Access, scope: str) -> str:
    # another address may be another region or another company: its voices are not these
    asked = ["voices", list_name(spec), access.base_url, scope]
    return hashlib.sha256(json.dumps(asked).encode()).hexdigest()


def _asked(spec: EngineSpec, access: Access) -> tuple[Voice, ...]:
    engine = spec.engine(spec, access.key, access.base_url)
    try:
        engine.load()
        found = engine.list_voices(ASK_S)
    finally:
        engine.close()
    return tuple(voice for each in found if (voice := _shown(each, access.key)))


def _shown(voice: Voice, key: str) -> Voice | None:
    """The voice with texts that can be shown. None for one whose id is not what a request takes, or gives the key away."""
    longest = options_of(TASKS["tts"].request)["voice"].max_length
    if not 0 < len(voice.id) <= longest or not voice.id.isprintable() or voice.id != voice.id.strip():
        return None
    if any(key[start : start + _RUN] in voice.id for start in range(max(1, len(key) - _RUN + 1))):
        return None
    name = clean(voice.name, [key], limit=_NAME) or voice.id
    language, description = (
        clean(words, [key], limit=limit) or None if words else None
        for words, limit in ((voice.language, _LANGUAGE), (voice.description, _DESCRIPTION))
    )
    return Voice(voice.id, name, language, description)


def _known(kept: Answers, name: str) -> VoiceList | None:
    """What was kept under this name less than a day ago; None for anything that is not such a list."""
    answer = kept.get(name)
    if answer is None:
        return None
    with suppress(ValueError, TypeError, KeyError, RecursionError):
        fetched_on = str(answer.row["fetched_on"])
        age = datetime.now(UTC) - datetime.fromisoformat(fetched_on)
        if timedelta(0) <= age < KEPT:
            return VoiceList(tuple(_read(each) for each in json.loads(answer.pieces)), fetched_on, "cache")
    return None


def _read(fields: dict[str, Any]) -> Voice:
    voice = Voice(**fields)
    told = [voice.language, voice.description]
    if not all(isinstance(text, str) for text in (voice.id, voice.name, *(text for text in told if text is not None))):
        raise TypeError("a voice is made of texts")
    return voice
