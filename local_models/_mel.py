"""The transforms of torchaudio that some feature extractors of transformers want: its wheels are built for CUDA alone."""

from __future__ import annotations

import importlib
import importlib.util
from types import SimpleNamespace
from typing import Any


class MelSpectrogram:
    """torchaudio.transforms.MelSpectrogram with its defaults: Hann window, power, HTK mel filters, no normalisation."""

    def __init__(self, sample_rate: int, n_fft: int, win_length: int, hop_length: int, n_mels: int) -> None:
        import torch
        from transformers.audio_utils import mel_filter_bank

        self.n_fft, self.hop_length = n_fft, hop_length
        self.window = torch.hann_window(win_length)
        filters = mel_filter_bank(n_fft // 2 + 1, n_mels, 0.0, sample_rate / 2, sample_rate, norm=None, mel_scale="htk")
        self.filters = torch.from_numpy(filters).float().T

    def to(self, device: Any) -> MelSpectrogram:
        self.window, self.filters = self.window.to(device), self.filters.to(device)
        return self

    def __call__(self, waveform: Any) -> Any:
        """[..., frames] -> [..., n_mels, hops]"""
        import torch

        spectrum = torch.stft(
            waveform, self.n_fft, self.hop_length, len(self.window), self.window, center=True, pad_mode="reflect",
            return_complex=True,
        )  # fmt: skip
        return self.filters @ spectrum.abs().square()


def fbank(
    waveform: Any, num_mel_bins: int, frame_length: float, frame_shift: float, sample_frequency: float, window_type: str
) -> Any:
    """torchaudio.compliance.kaldi.fbank without dither: [1, frames] -> log-mel [hops, num_mel_bins]."""
    import torch
    from transformers.audio_utils import mel_filter_bank, spectrogram, window_function

    size, hop = int(sample_frequency * frame_length / 1000), int(sample_frequency * frame_shift / 1000)
    power_of_two = 1 << (size - 1).bit_length()
    filters = mel_filter_bank(
        power_of_two // 2 + 1, num_mel_bins, 20.0, sample_frequency / 2, int(sample_frequency), norm=None, mel_scale="kaldi",
        triangularize_in_mel_space=True,
    )  # fmt: skip
    made = spectrogram(
        waveform[0].numpy(), window_function(size, window_type, periodic=False), size, hop, power_of_two, power=2.0, center=False,
        preemphasis=0.97, mel_filters=filters, mel_floor=torch.finfo(torch.float32).eps, log_mel="log", remove_dc_offset=True,
    )  # fmt: skip
    return torch.from_numpy(made.T.copy()).float()


def compute_deltas(values: Any, win_length: int) -> Any:
    """torchaudio.functional.compute_deltas: the slope of [..., hops] over `win_length` of them."""
    import torch

    reach = (win_length - 1) // 2
    steps = torch.arange(-reach, reach + 1, dtype=values.dtype, device=values.device)
    padded = torch.nn.functional.pad(values, (reach, reach), mode="replicate")
    return (padded.unfold(-1, 2 * reach + 1, 1) * steps).sum(-1) / steps.square().sum()


def without_torchaudio(extractor: str) -> type:
    """The feature extractor class of transformers ("model.Name"), on these transforms where torchaudio is not installed."""
    import transformers

    model, name = extractor.split(".")
    module = importlib.import_module(f"transformers.models.{model}.feature_extraction_{model}")
    if importlib.util.find_spec("torchaudio") is None:
        module.torchaudio = SimpleNamespace(
            transforms=SimpleNamespace(MelSpectrogram=MelSpectrogram),
            functional=SimpleNamespace(compute_deltas=compute_deltas),
            compliance=SimpleNamespace(kaldi=SimpleNamespace(fbank=fbank)),
        )
        module.requires_backends = lambda *_: None
        # Processors look their extractor up by name, and would find a stand-in that refuses.
        for package in (transformers, importlib.import_module(f"transformers.models.{model}")):
            setattr(package, name, getattr(module, name))
    return getattr(module, name)
