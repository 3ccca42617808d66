"""A person's own checkpoint as an engine: a family's spec with other weights."""

from __future__ import annotations

import dataclasses
import hashlib
import re
from pathlib import Path

from engine.contract import Download, EngineSpec


def own_spec(template: EngineSpec, source: str, *, files: tuple[str, ...] = (), variant: str = "") -> EngineSpec:
    """`template` with the weights at `source`, a folder or a hub id; everything that only the published weights have is dropped.

    `files` are the patterns of a family whose weights are no safetensors; `variant` is one of the family's OWN_VARIANTS.
    """
    name = Path(source).name
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40]
    number = hashlib.sha256(source.encode()).hexdigest()[:6]
    # What comes after the family's own weights (a vocoder, a codec) stays.
    downloads = (Download(source, files), *template.needs.downloads[1:])
    return dataclasses.replace(
        template,
        id=f"{template.vendor_slug}/own-{slug}-{number}{variant and f'-{variant}'}",
        name=f"{name} ({template.system}{variant and f', {variant}'})",
        vendor="your own",
        model=source,
        license_weights=None,
        languages=None,
        summary=f"Your own checkpoint of the {template.system} family.",
        docs_url=None,
        needs=dataclasses.replace(
            template.needs, downloads=downloads, gated=False, download_gb=None, memory_gb=None, gpu_memory_gb=None
        ),
        parameters=None,
        tier=None,
        own=source,
        own_variant=variant,
    )
