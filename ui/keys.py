"""The sidebar for keys. A key travels with each private event that needs it and is dropped after it: the server keeps none."""

from __future__ import annotations

from collections.abc import Sequence

import gradio as gr
from gradio.components.textbox import InputHTMLAttributes

from comparisons.catalogue import Access, access_from_environment, engines, variable
from comparisons.faults import check_key
from engine.contract import EngineSpec


def vendors() -> dict[str, EngineSpec]:
    """One spec of each vendor that takes a key, by the vendor's slug."""
    named = {spec.vendor_slug: spec for spec in engines().values() if spec.needs.key}
    return dict(sorted(named.items(), key=lambda item: item[1].vendor.casefold()))


def key_boxes() -> list[gr.Textbox]:
    """A password box per vendor, in the order of `vendors()`. Never given a default: that would end up in the page."""
    boxes = []
    for spec in vendors().values():
        known = bool(access_from_environment(spec).key)
        boxes.append(
            gr.Textbox(
                label=spec.vendor,
                type="password",
                placeholder="set in the environment" if known else variable(spec, "API_KEY"),
                max_length=2_048,
                html_attributes=InputHTMLAttributes(autocomplete="off", spellcheck=False),
            )
        )
    return boxes


def read_keys(typed: Sequence[str | None]) -> dict[str, Access]:
    """What the visitor pasted, by vendor slug; boxes left empty are absent. Raises BadInput for what cannot be a key."""
    pasted = {}
    for (slug, spec), key in zip(vendors().items(), typed, strict=True):
        if key and key.strip():
            pasted[slug] = Access(check_key(key), access_from_environment(spec).base_url)
    return pasted
