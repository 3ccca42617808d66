"""What every engine that loads weights with torch shares: device, number format, loading from this machine, what really ran."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine import weights
from engine.contract import BadInput, Engine, EngineSpec, Facts, NotReady

BYTES = {"float32": 4, "float16": 2, "bfloat16": 2}


def memory_gb(parameters: float, dtype: str = "float32") -> float:
    """Memory that a model of so many parameters takes while it runs: weights, a fifth for activations, 0.6 GB of libraries."""
    return round(parameters * BYTES[dtype] / 1e9 * 1.2 + 0.6, 1)


class TorchEngine(Engine):
    """Base of the families that run on torch. `load` calls `place` first, then `pretrained` for each part."""

    device: str
    dtype: str
    half = "float16"
    """The number format on a GPU; "bfloat16" for models trained in it, "float32" for those that overflow in either."""

    def place(self) -> None:
        """Choose `device` and `dtype`. SOUNDCHECK_DEVICE (cuda, mps or cpu) overrules; raises NotReady if that is missing."""
        import torch

        there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
        asked = os.environ.get("SOUNDCHECK_DEVICE", "").strip().lower()
        usable = [device for device in ("cuda", "mps", "cpu") if device in self.spec.devices and there[device]]
        if asked and asked not in usable:
            raise NotReady(f"{self.spec.id} cannot run on {asked!r}: SOUNDCHECK_DEVICE may be {' or '.join(usable) or 'unset'}")
        if not usable:
            raise NotReady(f"{self.spec.id} runs on {' or '.join(self.spec.devices)} only, and torch finds none of them here")
        self.device = asked or usable[0]
        self.dtype = self.half if self.device == "cuda" else "float32"
        # Loud, because a slow run would else be blamed on the model.
        fell_back = self.device == "cpu" and not asked and "cuda" in self.spec.devices and shutil.which("nvidia-smi")
        self.notice = "Ran on the CPU: this machine has a GPU, but the installed torch cannot use it." if fell_back else None

    def pretrained(self, loader: Any, number: int = 0, *, weights_too: bool = True, **how: Any) -> Any:
        """`loader.from_pretrained` of the spec's download of that number, from this machine only.

        `weights_too=False` for processors and tokenizers; models come in `dtype`, on `device`, in evaluation mode, from
        safetensors. Raises NotReady when something is not here.
        """
        folder = weights.needed(self.spec, number)
        if weights_too:
            import torch

            self._check_kind(loader, folder)
            how = {"dtype": getattr(torch, self.dtype), "use_safetensors": True} | how
        try:
            loaded = loader.from_pretrained(folder, local_files_only=True, **how)
        except OSError as error:
            line = next(iter(str(error).splitlines()), "")
            source = self.spec.needs.downloads[number].source
            raise NotReady(
                f"{self.spec.id}: {source!r} is not whole ({line[:160]}): run `python -m comparisons prepare {self.spec.id}`"
            ) from error
        return loaded.to(self.device).eval() if weights_too else loaded

    def _check_kind(self, loader: Any, folder: Path) -> None:
        """Raises BadInput for a person's own checkpoint of another kind: the network would be filled with random numbers."""
        wanted, config = getattr(getattr(loader, "config_class", None), "model_type", None), folder / "config.json"
        if self.spec.own and str(folder) == self.spec.own and wanted and config.exists():
            kind = json.loads(config.read_text()).get("model_type") or wanted
            if wanted != kind and not wanted.startswith(f"{kind}_"):  # a part of a model, such as qwen2_5_omni_thinker
                raise BadInput(f"{self.spec.id} cannot be made of this checkpoint: it is of the kind {kind!r}, not {wanted!r}")

    def facts(self, sent: Mapping[str, Any] | None = None) -> Facts:
        """What really ran: device, number format, revision of the weights."""
        return Facts(device=self.device, dtype=self.dtype, model=answered(self.spec), sent=sent, notice=self.notice)


def answered(spec: EngineSpec) -> str:
    """The model with the revision of its weights: "owner/name@commit"; a folder by its name alone."""
    source = spec.needs.downloads[0].source if spec.needs.downloads else spec.model
    folder = weights.found(spec.needs.downloads[0]) if spec.needs.downloads else None
    if folder is None or folder.parent.name != "snapshots":
        return Path(source).name if Path(source).is_absolute() else spec.model
    return f"{source}@{folder.name}"
