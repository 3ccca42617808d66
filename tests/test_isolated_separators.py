"""SepFormer and audio-separator, each in its own environment on small networks that its own libraries or the test make."""

import hashlib
import json

import numpy as np
import pytest
import tiny_onnx
from isolated import make, own_home, working
from tiny import tone

from engine.audio import Audio
from engine.contract import Separate, Stem
from engine.worker import WorkerError
from local_models import audio_separator, sepformer
from local_models._stems import in_windows, like

RATE = 44_100


def stems(worker, mix):
    return {piece.name: piece.audio for piece in worker.run(Separate(mix), 180) if isinstance(piece, Stem)}


def noise(seconds, rate=RATE, channels=2):
    return Audio(0.2 * np.random.default_rng(0).standard_normal((channels, round(seconds * rate))).astype(np.float32), rate)


# ---------------------------------------------------------------- long mixes


def test_voices_that_a_network_names_in_another_order_in_each_window_stay_together():
    t = np.arange(50 * 1_000) / 1_000
    low, high = np.sin(2 * np.pi * 10 * t), np.sin(2 * np.pi * 100 * t)
    calls = []

    def separate(window):
        calls.append(len(window))
        spectrum, hz = np.fft.rfft(window), np.fft.rfftfreq(len(window), 1 / 1_000)
        both = [
            np.fft.irfft(np.where(hz < 50, spectrum, 0), len(window)),
            np.fft.irfft(np.where(hz < 50, 0, spectrum), len(window)),
        ]
        return np.array(both[:: 1 if len(calls) % 2 else -1], np.float32)

    found = in_windows((low + high).astype(np.float32), 1_000, separate, window_s=20.0, overlap_s=4.0)
    assert calls == [20_000, 20_000, 18_000]
    assert np.abs(found[0] - low).max() < 0.1 and np.abs(found[1] - high).max() < 0.1


def test_a_stem_gets_the_rate_channels_and_length_of_its_mix():
    for channels in (1, 2):
        mix = noise(1.003, rate=22_050, channels=channels)
        stem = like(mix, np.zeros((1, 8_000), np.float32), 8_000)
        assert (stem.rate, stem.channels, stem.frames) == (mix.rate, mix.channels, mix.frames)


# ---------------------------------------------------------------- SepFormer

_SEPFORMER = """
import sys, torch
from speechbrain.lobes.models.dual_path import SepformerWrapper
torch.manual_seed(0)
model = SepformerWrapper(encoder_out_nchannels=16, masknet_numspks=2, intra_numlayers=2, inter_numlayers=1,
    intra_dffn=24, inter_dffn=32)
for name in ("encoder", "masknet", "decoder"):
    torch.save(getattr(model, name).state_dict(), f"{sys.argv[1]}/{name}.ckpt")
torch.manual_seed(1)
mix = torch.randn(1, 8000) * 0.1
with torch.no_grad():
    torch.save({"mix": mix, "voices": model.eval()(mix)}, f"{sys.argv[1]}/expected.pt")
"""


@pytest.mark.isolated
def test_sepformer_reads_its_sizes_off_the_weights_and_separates_as_the_library_does(tmp_path):
    import torch

    spec = sepformer.own(str(tmp_path))
    with own_home(spec):
        make(sepformer.ENGINES[0], _SEPFORMER, tmp_path)
        expected = torch.load(tmp_path / "expected.pt", weights_only=True)
        mix = Audio(expected["mix"].numpy(), 8_000)
        with working(spec) as worker:
            found, long = stems(worker, mix), stems(worker, noise(45.0, rate=16_000))
            with pytest.raises(WorkerError, match=r"needs at least 0.1 s of sound, got 0.05 s"):
                stems(worker, tone(0.05))
            silent = stems(worker, Audio(np.zeros((1, 8_000), np.float32), 8_000))
    assert list(found) == ["voice 1", "voice 2"]
    wanted = expected["voices"][0].T.numpy()
    wanted *= mix.peak / np.abs(wanted).max()
    for stem, want in zip(found.values(), wanted, strict=True):
        assert np.abs(stem.samples[0] - want).max() < 1e-4
    assert {(stem.rate, stem.channels, stem.frames) for stem in long.values()} == {(16_000, 2, 45 * 16_000)}
    assert all(np.isfinite(stem.samples).all() for stem in silent.values())


# ---------------------------------------------------------------- audio-separator


def save_mdx(folder):
    """An MDX-Net that hears half of everything as instrumental."""
    shape = (tiny_onnx.FLOAT, [1, 4, 3_072, 256])
    half = [tiny_onnx.node("Mul", ["input", "half"], ["output"])]
    file = tiny_onnx.save(folder / "half.onnx", half, {"input": shape}, {"output": shape}, {"half": np.array([0.5], np.float32)})
    settings = {
        "compensate": 1.0, "mdx_dim_f_set": 3_072, "mdx_dim_t_set": 8, "mdx_n_fft_scale_set": 6_144,
        "primary_stem": "Instrumental",
    }  # fmt: skip
    name = hashlib.md5(file.read_bytes(), usedforsecurity=False).hexdigest()
    (folder / "mdx_model_data.json").write_text(json.dumps({name: settings}))


@pytest.mark.isolated
def test_an_mdx_network_that_halves_everything_gives_two_halves_at_the_mixes_own_level(tmp_path):
    save_mdx(tmp_path)
    spec = audio_separator.own(str(tmp_path))
    mix = Audio(0.6 * tone(7.0, rate=RATE, hz=1_000.0, channels=2).samples, RATE)
    with own_home(spec), working(spec) as worker:
        found = stems(worker, mix)
        mono = stems(worker, tone(1.3, rate=22_050, hz=1_000.0))
        with pytest.raises(WorkerError, match=r"needs at least 0.5 s of sound, got 0.10 s"):
            stems(worker, tone(0.1))
    assert set(found) == {"instrumental", "vocals"}
    for stem in found.values():
        assert (stem.rate, stem.channels, stem.frames) == (RATE, 2, mix.frames)
        assert np.abs(stem.samples - 0.5 * mix.samples)[:, RATE:-RATE].max() < 0.01
    assert {(stem.rate, stem.channels, stem.frames) for stem in mono.values()} == {(22_050, 1, round(1.3 * 22_050))}


_ROFORMER = """
import sys, json, torch, yaml
from audio_separator.separator.roformer.roformer_loader import RoformerLoader
folder = sys.argv[1]
bands = [2] * 24 + [4] * 12 + [12] * 8 + [24] * 8 + [48] * 8 + [128, 129]
model = dict(dim=8, depth=1, stereo=True, num_stems=1, time_transformer_depth=1, freq_transformer_depth=1,
    linear_transformer_depth=0, freqs_per_bands=tuple(bands), dim_head=8, heads=2, attn_dropout=0.0, ff_dropout=0.0,
    flash_attn=False, dim_freqs_in=1025, stft_n_fft=2048, stft_hop_length=441, stft_win_length=2048, stft_normalized=False,
    mask_estimator_depth=2, multi_stft_resolution_loss_weight=1.0, multi_stft_resolutions_window_sizes=(4096, 2048),
    multi_stft_hop_size=147, multi_stft_normalized=False)
told = dict(audio=dict(chunk_size=88200, hop_length=441, n_fft=2048, num_channels=2, sample_rate=44100, dim_f=1024, dim_t=201),
    model=model, training=dict(instruments=["Vocals", "Instrumental"], target_instrument="Vocals"),
    inference=dict(batch_size=1, num_overlap=2, dim_t=201))
with open(f"{folder}/tiny_bs_roformer.yaml", "w") as file:
    yaml.dump(told, file)
torch.manual_seed(0)
made = RoformerLoader()._create_bs_roformer(RoformerLoader().config_normalizer.normalize_config(told, "bs_roformer"))
torch.save(made.state_dict(), f"{folder}/tiny_bs_roformer.ckpt")
"""


@pytest.mark.isolated
def test_a_small_roformer_gives_vocals_and_what_is_left(tmp_path):
    spec = audio_separator.own(str(tmp_path))
    mix = noise(3.0)
    with own_home(spec):
        make(audio_separator.ENGINES[0], _ROFORMER, tmp_path)
        with working(spec) as worker:
            found, again = stems(worker, mix), stems(worker, mix)
        (tmp_path / "tiny_bs_roformer.ckpt").write_bytes(b"no weights")
        with pytest.raises(WorkerError, match="does not fit its settings, or is not whole"), working(spec):
            pass
    assert set(found) == {"vocals", "instrumental"}
    assert all(np.array_equal(found[name].samples, again[name].samples) for name in found)
    assert {(stem.rate, stem.channels, stem.frames) for stem in found.values()} == {(RATE, 2, mix.frames)}
    together = found["vocals"].samples + found["instrumental"].samples
    assert np.abs(together - mix.samples).max() < 1e-3
