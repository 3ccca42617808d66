"""EnCodec's decoder on codes that arrive bit by bit: the samples are those of decoding the whole at once."""

from __future__ import annotations

from typing import Any

_AROUND = 8
"""Frames on either side that a sample depends on beyond the LSTM; the published 32 kHz codec needs fewer than 3."""


class GrowingSound:
    """One sound of `codec` (transformers' EncodecModel, not normalised over time) while its codes are written."""

    def __init__(self, codec: Any) -> None:
        self._quantizer, self._layers = codec.quantizer, list(codec.decoder.layers)
        self._per_frame = codec.config.hop_length
        self._latents = self._remembered = self._state = None
        self._heard = self._given = 0

    def add(self, codes: Any, *, last: bool) -> Any:
        """Samples [batch, channels, n] that are settled now. `codes`: [codebooks, batch, frames] that follow those before."""
        import torch

        with torch.no_grad():
            new = self._quantizer.decode(codes).to(next(self._layers[0].parameters()).dtype)
            self._latents = new if self._latents is None else torch.cat([self._latents, new], dim=-1)
            return self._sound(self._latents.shape[-1], last)

    def _sound(self, frames: int, last: bool) -> Any:
        import torch

        widen, memory, *voice = self._layers
        end = frames if last else max(self._heard, frames - _AROUND)
        first = max(0, self._heard - _AROUND)
        wide = widen(self._latents[..., first:])[..., self._heard - first : end - first].permute(2, 0, 1)
        # The only layer that looks far back; its state replaces all that came before.
        felt, self._state = memory.lstm(wide, self._state)
        felt = (felt + wide).permute(1, 2, 0)
        self._remembered = felt if self._remembered is None else torch.cat([self._remembered, felt], dim=-1)
        self._heard = end
        ready = end if last else max(self._given, end - _AROUND)
        first = max(0, self._given - _AROUND)
        sound = self._remembered[..., first:]
        for layer in voice:
            sound = layer(sound)
        sound = sound[..., (self._given - first) * self._per_frame : (ready - first) * self._per_frame]
        self._given = ready
        return sound
