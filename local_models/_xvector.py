"""X-vectors: 512 numbers that say how a speaker sounds, computed with SpeechBrain's published VoxCeleb weights.

The network and its features follow the paper of Snyder et al. (2018) with the settings of speechbrain/spkrec-xvect-voxceleb.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

RATE = 16_000
FILE = "embedding_model.ckpt"
_WINDOW, _HOP = 400, 160
_FLOOR, _RANGE_DB = 1e-10, 80.0
_DILATIONS = (1, 2, 3, 1, 1)
_EPSILON = 1e-5


def features(samples: Any, bands: int) -> Any:
    """Log-mel energies of `samples` [frames] at RATE, as [bands, windows] in dB, each band's mean taken off."""
    import torch

    window = torch.hamming_window(_WINDOW)
    spectrum = torch.stft(samples, _WINDOW, _HOP, window=window, pad_mode="constant", return_complex=True).abs().square()
    mel = torch.linspace(0.0, 2595 * torch.tensor(1 + RATE / 2 / 700).log10().item(), bands + 2)
    edges = 700 * (10 ** (mel / 2595) - 1)
    width, centre = (edges[1:] - edges[:-1])[:-1, None], edges[1:-1, None]
    slope = (torch.linspace(0, RATE // 2, _WINDOW // 2 + 1)[None] - centre) / width
    filters = torch.minimum(slope + 1, 1 - slope).clamp(min=0)
    decibels = 10 * (filters @ spectrum).clamp(min=_FLOOR).log10()
    decibels = decibels.clamp(min=(decibels.max() - _RANGE_DB).item())
    return decibels - decibels.mean(dim=1, keepdim=True)


def xvector(samples: Any, state: Mapping[str, Any]) -> Any:
    """The speaker's vector, of length 1, from `samples` [frames] at RATE; `state` is the weights by their published names."""
    import torch
    from torch.nn import functional

    x = features(samples, state["blocks.0.conv.weight"].shape[1])[None]
    for layer, dilation in enumerate(_DILATIONS):
        weight, bias = (state[f"blocks.{3 * layer}.conv.{name}"] for name in ("weight", "bias"))
        margin = dilation * (weight.shape[2] - 1) // 2
        x = functional.conv1d(functional.pad(x, (margin, margin), mode="reflect"), weight, bias, dilation=dilation)
        norm = f"blocks.{3 * layer + 2}.norm."
        x = functional.batch_norm(
            functional.leaky_relu(x), *(state[norm + name] for name in ("running_mean", "running_var", "weight", "bias"))
        )
    pooled = torch.cat([x.mean(dim=2), x.std(dim=2) + _EPSILON], dim=1)
    last = f"blocks.{3 * len(_DILATIONS) + 1}.w."
    return functional.normalize(functional.linear(pooled, state[last + "weight"], state[last + "bias"]), dim=1)
