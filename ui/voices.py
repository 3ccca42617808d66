"""The button that asks vendors for this account's voices, and what it says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import gradio as gr

from comparisons.catalogue import Access, access_from_environment, engines_for, variable
from comparisons.voices import VoiceList, list_name, scope_of, voices_of
from engine.contract import EngineError, EngineSpec
from ui.desk import PRIVATE
from ui.keys import read_keys
from ui.note import Note, bad, warn
from ui.widgets import OWN, voice_choices

AT_ONCE = 8
LONG_LIST = 500
"""Lists may end here although the vendor has more."""


@dataclass(frozen=True)
class VoiceBox:
    button: gr.Button
    said: Note


def voice_box(task_name: str, asked: Mapping[str, gr.components.Component]) -> VoiceBox | None:
    """The button and its line, beside the voice setting; None where no engine lists its voices."""
    if "voice" not in asked or not any(spec.lists_voices for spec in engines_for(task_name)):
        return None
    with gr.Row(elem_classes="sc-run"):
        return VoiceBox(gr.Button("Fetch voices", size="sm", elem_id=f"voices-{task_name}"), Note())


def on_fetch(
    box: VoiceBox,
    task_name: str,
    voice: gr.components.Component,
    picker: gr.components.Component,
    keys: Sequence[Any],
    folder: Path,
) -> None:
    """Listen to the button. Private, because the keys travel with it; `folder` is where lists are kept."""

    def fetch(request: gr.Request, picked: dict[str, Any], *typed: str | None) -> tuple[Any, Any]:
        try:
            pasted = read_keys(typed)
        except EngineError as error:
            return gr.skip(), bad(str(error))
        lists, said = fetched(task_name, picked["selected"], pasted, request.session_hash, folder)
        honouring = [spec for spec in engines_for(task_name) if "voice" in spec.honours]
        return gr.update(choices=[OWN, *voice_choices(honouring, lists)]) if lists else gr.skip(), said

    box.button.click(fetch, [picker, *keys], [voice, box.said], concurrency_limit=AT_ONCE, **PRIVATE)


def fetched(
    task_name: str, selected: Sequence[str], pasted: Mapping[str, Access], session: str | None, folder: Path
) -> tuple[dict[str, VoiceList], str | dict[str, str]]:
    """The lists of the ticked engines whose key is here, by `list_name`, and the line that says how it went.

    A vendor that failed is in the line and not among the lists.
    """
    listing = {list_name(spec): spec for spec in engines_for(task_name) if spec.lists_voices and spec.id in selected}
    if not listing:
        vendors = dict.fromkeys(spec.vendor for spec in engines_for(task_name) if spec.lists_voices)
        return {}, f"Tick an engine whose vendor lists its voices: {', '.join(vendors)}."
    access = {name: _access(spec, pasted) for name, spec in listing.items()}
    with_key = [name for name in listing if access[name].key]
    if not with_key:
        needed = dict.fromkeys(variable(spec, "API_KEY") for spec in listing.values())
        return {}, f"Set {', '.join(needed)}, or paste a key under Keys."

    def ask(name: str) -> VoiceList:
        spec = listing[name]
        return voices_of(spec, access[name], scope_of(spec.vendor_slug in pasted, session), folder)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = dict(zip(with_key, pool.map(ask, with_key), strict=True))
    return {name: each for name, each in found.items() if each.fault is None}, _said(listing, found)


def _access(spec: EngineSpec, pasted: Mapping[str, Access]) -> Access:
    return pasted.get(spec.vendor_slug) or access_from_environment(spec)


def _said(listing: Mapping[str, EngineSpec], found: Mapping[str, VoiceList]) -> str | dict[str, str]:
    good = {name: each for name, each in found.items() if each.fault is None}
    sentences = []
    if good:
        voices, vendors = sum(len(each.voices) for each in good.values()), len({listing[name].vendor for name in good})
        oldest = min(datetime.fromisoformat(each.fetched_on) for each in good.values())
        counted = f"{voices} {_plural('voice', voices)} of {vendors} {_plural('vendor', vendors)}"
        sentences.append(f"{counted}, fetched {oldest:%Y-%m-%d %H:%M} UTC.")
        if any(len(each.voices) >= LONG_LIST for each in good.values()):
            sentences.append("A long list may be cut: any other voice can be typed.")
    failed = {listing[name].vendor: each.fault.message.rstrip(".") for name, each in found.items() if each.fault is not None}
    sentences += [f"{vendor}: {message}." for vendor, message in failed.items()]
    words = " ".join(sentences)
    return words if not failed else warn(words) if good else bad(words)


def _plural(word: str, count: int) -> str:
    return word if count == 1 else f"{word}s"
