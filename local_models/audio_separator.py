# /// script
# requires-python = ">=3.11,<3.13"
# dependencies = [
#   "audio-separator==0.47.1",
#   "numpy==2.3.5",
#   "onnxruntime==1.31.1",
#   "soxr==1.1.0",
#   "torch==2.13.0",
# ]
# ///
"""Vocals from music with the networks of Ultimate Vocal Remover and after, through audio-separator, in an environment of its own.

The package finds a model's settings by its name and the hash of its file, in lists that it fetches. Here the lists are written
from the spec or fetched by `prepare`, so that a run needs no network, and sound goes in and out of it as arrays.
"""

from __future__ import annotations

import json
import logging
import pickle
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from engine import weights
from engine.contract import BadInput, Download, EngineSpec, Limits, Needs, NotReady, Piece, Separate, Stem
from local_models._own import own_spec
from local_models._stems import like
from local_models._torch import TorchEngine, memory_gb

RATE = 44_100
SHORTEST_S = 0.5
LISTS = (
    "vr_download_list", "mdx_download_list", "mdx_download_vip_list", "demucs_download_list", "mdx23c_download_list",
    "mdx23c_download_vip_list", "roformer_download_list",
)  # fmt: skip


class AudioSeparator(TorchEngine):
    half = "float32"

    def load(self) -> None:
        self.place()
        self._scratch = tempfile.TemporaryDirectory(prefix="audio-separator-")
        folder = Path(self._scratch.name)
        model = self._lay_out(folder)
        from audio_separator.separator import Separator

        self.separator = Separator(
            log_level=logging.WARNING, model_file_dir=str(folder), output_dir=str(folder), sample_rate=RATE, info_only=True
        )
        # What info_only leaves out, but for the search for FFmpeg, which only writes files.
        self.separator.setup_torch_device(self.separator.get_system_info())
        try:
            self.separator.load_model(model)
        except (SystemExit, RuntimeError, pickle.UnpicklingError) as error:  # the package exits over weights that do not fit
            raise NotReady(f"{self.spec.id}: {model!r} does not fit its settings, or is not whole") from error
        self.separator.model_instance.final_process = self._keep
        # Some of its networks scale each stem for itself, which takes them out of proportion.
        self.separator.model_instance.normalization_threshold = float("inf")
        self.device = str(self.separator.torch_device)
        self._separate(np.zeros((2, RATE), np.float32))

    def _lay_out(self, folder: Path) -> str:
        """Every file that the package looks for, in `folder` under the names it expects; returns the model's name."""
        import yaml

        (folder / "vr_model_data.json").write_text("{}")
        (folder / "mdx_model_data.json").write_text("{}")
        if self.spec.own:
            files = sorted(path for path in weights.needed(self.spec).iterdir() if path.is_file())
            named = {path.name: path for path in files}
        else:
            names = self.spec.extra["files"]
            named = {name: weights.needed(self.spec, number) for number, name in enumerate(names)}
        for name, path in named.items():
            (folder / name).unlink(missing_ok=True)
            (folder / name).symlink_to(path.resolve())
        models = [name for name in named if name.endswith((".ckpt", ".onnx", ".pth"))]
        if len(models) != 1:
            raise NotReady(f"{self.spec.id}: one .ckpt, .onnx or .pth file is needed, and there are {len(models)}")
        model = models[0]
        described = next((name for name in named if name.endswith((".yaml", ".yml"))), None)
        if model.endswith(".ckpt") and described is None:
            raise NotReady(f"{self.spec.id}: {model!r} needs its .yaml beside it")
        known: dict[str, Any] = {name: {} for name in LISTS}
        if described:
            told = yaml.load((folder / described).read_text("utf-8"), Loader=yaml.FullLoader)
            kind = (
                "roformer_download_list"
                if "freqs_per_bands" in told["model"] or "num_bands" in told["model"]
                else "mdx23c_download_list"
            )
            known[kind][model] = {model: described}
        else:
            known["mdx_download_list" if model.endswith(".onnx") else "vr_download_list"][model] = model
        (folder / "download_checks.json").write_text(json.dumps(known))
        return model

    def run(self, request: Separate, timeout_s: float) -> Iterator[Piece]:
        """Each stem at the mix's rate, channels and length."""
        mix = request.audio
        if mix.seconds < SHORTEST_S:
            raise BadInput(f"{self.spec.id} needs at least {SHORTEST_S} s of sound, got {mix.seconds:.2f} s")
        if mix.channels > 2:
            raise BadInput(f"{self.spec.id} takes mono or stereo sound, not {mix.channels} channels")
        sound = np.array(mix.stereo().resample(RATE).samples, np.float32)
        # The package takes the level from the peak, and gets it wrong for any other than 1.
        peak = float(np.abs(sound).max()) or 1.0
        stems = self._separate(sound / peak)
        yield self.facts()
        for name, samples in stems.items():
            yield Stem(name, like(mix, samples.T * peak, RATE))

    def _separate(self, sound: np.ndarray) -> dict[str, np.ndarray]:
        """[2, frames] at 44.1 kHz with a peak of 1 -> [frames, 2] by stem."""
        import soundfile

        self._found: dict[str, np.ndarray] = {}
        path = Path(self._scratch.name) / "mix.wav"
        soundfile.write(path, sound.T, RATE, subtype="FLOAT")
        self.separator.separate(str(path))
        return self._found

    def _keep(self, _path: str, source: np.ndarray, name: str) -> dict[str, np.ndarray]:
        """In the place of the package's own, which writes a file of 16 bits."""
        self._found[name.lower()] = np.array(source, np.float32)
        return {name: source}

    def close(self) -> None:
        self._scratch.cleanup()


_PUBLIC = "https://github.com/TRvlvr/model_repo/releases/download/all_public_uvr_models"
_OWN = "https://github.com/nomadkaraoke/python-audio-separator/releases/download/model-configs"
_DATA = "https://raw.githubusercontent.com/TRvlvr/application_data/main"


def _uvr(
    variant: str, name: str, kind: str, summary: str, sources: dict[str, str], gb: float, parameters: float, tested: str = "runs"
) -> EngineSpec:
    return EngineSpec(
        id=f"audio_separator/{variant}",
        task="separation",
        name=name,
        vendor="Ultimate Vocal Remover community (open weights)",
        system=f"{kind} (audio-separator)",
        engine=AudioSeparator,
        where="local",
        model=next(iter(sources)),
        license_code="MIT",
        # Their authors name none for the weights.
        license_weights=None,
        languages=(),
        summary=summary,
        docs_url="https://github.com/nomadkaraoke/python-audio-separator",
        checked_on="2026-11-20",
        limits=Limits(audio_seconds=1200),
        needs=Needs(
            downloads=tuple(Download(address) for address in sources.values()),
            download_gb=gb,
            memory_gb=memory_gb(parameters) + 2,
            gpu_memory_gb=memory_gb(parameters) + 2,
        ),
        parameters=parameters,
        packages=("audio-separator", "torch", "onnxruntime"),
        devices=("cuda", "mps", "cpu"),
        isolated=True,
        tested=tested,
        extra={"files": tuple(sources)},
    )


def _with_settings(model: str, settings: str, where: str) -> dict[str, str]:
    return {model: f"{where}/{model}", settings: f"{_OWN}/{settings}"}


_MDX_DATA = {"mdx_model_data.json": f"{_DATA}/mdx_model_data/model_data_new.json"}
_VR_DATA = {"vr_model_data.json": f"{_DATA}/vr_model_data/model_data_new.json"}
_BS, _KIM = "model_bs_roformer_ep_317_sdr_12.9755", "vocals_mel_band_roformer"
ENGINES = [
    _uvr(
        "bs-roformer-1297", "BS-Roformer vocals", "Roformer", "Band-split transformer: vocals and instrumental.",
        _with_settings(f"{_BS}.ckpt", f"{_BS}.yaml", _PUBLIC), 0.64, 160e6,
    ),
    _uvr(
        "mel-roformer-kim", "Mel-Band Roformer vocals (Kim)", "Roformer", "Transformer over mel bands: vocals and the rest.",
        _with_settings(f"{_KIM}.ckpt", f"{_KIM}.yaml", _OWN), 0.91, 228e6, "loads",
    ),
    _uvr(
        "mdx23c-instvoc-hq", "MDX23C InstVoc HQ", "MDX23C", "Network of the 2023 demixing challenge: vocals, instrumental.",
        _with_settings("MDX23C-8KFFT-InstVoc_HQ.ckpt", "model_2_stem_full_band_8k.yaml", _PUBLIC), 0.45, 112e6, "",
    ),
    _uvr(
        "mdx-net-inst-hq-3", "MDX-Net Inst HQ 3", "MDX-Net", "Network on ONNX: instrumental; vocals by subtraction.",
        {"UVR-MDX-NET-Inst_HQ_3.onnx": f"{_PUBLIC}/UVR-MDX-NET-Inst_HQ_3.onnx", **_MDX_DATA}, 0.07, 17e6,
    ),
    _uvr(
        "vr-1-hp", "VR 1_HP-UVR", "VR", "Network over magnitudes, of the first generation: vocals and instrumental.",
        {"1_HP-UVR.pth": f"{_PUBLIC}/1_HP-UVR.pth", **_VR_DATA}, 0.13, 31e6, "",
    ),
]  # fmt: skip


def own(source: str) -> EngineSpec:
    """A folder or hub id: a .ckpt with its .yaml, or an .onnx or .pth with mdx_model_data.json or vr_model_data.json."""
    return own_spec(ENGINES[0], source, files=("*",))


if __name__ == "__main__":
    from engine.worker import serve

    serve()
