# /// script
# requires-python = ">=3.11,<3.13"
# dependencies = [
#   "basic-pitch==0.4.0",
#   "librosa==0.11.0",
#   "llvmlite==0.50.0",
#   "mir_eval==0.8.2",
#   "numba==0.68.1",
#   "numpy==2.4.6",
#   "onnxruntime==1.31.1",
#   "pretty_midi==0.2.11.post0",
#   "resampy==0.4.3",
#   "scikit-learn==1.9.1",
#   "scipy==1.17.1",
#   "setuptools<81",
#   "soxr==1.1.0",
# ]
#
# [tool.uv]
# override-dependencies = [
#   "tensorflow ; sys_platform == 'never'",
#   "tensorflow-macos ; sys_platform == 'never'",
#   "tflite-runtime ; sys_platform == 'never'",
#   "coremltools ; sys_platform == 'never'",
#   "resampy==0.4.3",
# ]
# ///
"""Sound in, the notes heard in it out: Basic Pitch on ONNX, in an environment of its own.

Its declared TensorFlow would pull numpy back to 1.26; the ONNX weights in the same package need none of it.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from engine.contract import Classify, Engine, EngineSpec, Facts, Needs, Piece, Tag

_NOTES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
_OVERLAP_FRAMES = 30
"""Frames of the network's output that neighbouring windows share; half of them is cut from each side (basic_pitch.inference)."""
_SHORTEST_FRAMES = 11
"""basic_pitch.inference.predict drops notes shorter than 127.7 ms; this is that in frames of 11.6 ms."""


class BasicPitch(Engine):
    def load(self) -> None:
        import basic_pitch.inference as library

        self._library = library
        self._network = library.Model(library.ICASSP_2022_MODEL_PATH)
        # librosa compiles its loops at the first call; a second of silence pays for that outside the timed runs.
        self._notes(np.zeros(library.AUDIO_SAMPLE_RATE, np.float32))

    def run(self, request: Classify, timeout_s: float) -> Iterator[Piece]:
        """A tag per note, strongest first, at most `top_k`: its name, mean amplitude, start and end.

        Where no note is heard, one tag "no notes" over the whole sound; its score is how far the strongest pitch stayed below 1.
        """
        audio = request.audio.mono().resample(self._library.AUDIO_SAMPLE_RATE)
        found, strongest = self._notes(audio.samples[0])
        notes = sorted(found, key=lambda note: (-note[3], note[0], note[2]))
        yield Facts(device="cpu", dtype="float32", model=self.spec.model)
        for start_s, end_s, pitch, amplitude, _bends in notes[: request.top_k]:
            name = f"{_NOTES[pitch % 12]}{pitch // 12 - 1}"
            yield Tag(name, min(1.0, float(amplitude)), float(start_s), min(float(end_s), audio.seconds))
        if not notes:
            yield Tag("no notes", 1.0 - strongest, 0.0, audio.seconds)

    def _notes(self, samples: np.ndarray) -> tuple[list[tuple], float]:
        """Notes (start_s, end_s, MIDI pitch, amplitude, None) at the library's own limits, and the strongest activation.

        Takes mono samples at 22,050 Hz.
        """
        library = self._library
        overlap = _OVERLAP_FRAMES * library.FFT_HOP
        padded = np.concatenate([np.zeros(overlap // 2, np.float32), samples])
        outputs = {"note": [], "onset": [], "contour": []}
        for window, _times in library.window_audio_file(padded, library.AUDIO_N_SAMPLES - overlap):
            for name, values in self._network.predict(window[None]).items():
                outputs[name].append(values)
        joined = {
            name: library.unwrap_output(np.concatenate(values), len(samples), _OVERLAP_FRAMES) for name, values in outputs.items()
        }
        if not len(joined["note"]):
            return [], 0.0
        _midi, notes = library.infer.model_output_to_notes(
            joined, onset_thresh=0.5, frame_thresh=0.3, min_note_len=_SHORTEST_FRAMES, include_pitch_bends=False
        )
        return notes, float(joined["note"].max())


ENGINES = [
    EngineSpec(
        id="basic_pitch/icassp-2022",
        task="tagging",
        name="Basic Pitch (notes)",
        vendor="Spotify",
        system="Basic Pitch",
        engine=BasicPitch,
        where="local",
        model="icassp_2022/nmp.onnx",
        license_code="Apache-2.0",
        license_weights="Apache-2.0",
        languages=(),
        summary=(
            "Polyphonic transcription network: the notes of any instrument or voice, each with pitch, start and end. Scores are "
            "the network's mean amplitude. No drums, no instrument names."
        ),
        docs_url="https://github.com/spotify/basic-pitch",
        checked_on="2026-11-20",
        honours=("top_k",),
        needs=Needs(download_gb=0.16, memory_gb=0.6),
        # Bittner et al. 2022, arXiv 2203.09893; as cited in summaries of the paper.
        parameters=16_782,
        tier="2",
        packages=("basic-pitch", "onnxruntime", "librosa", "numpy"),
        isolated=True,
    )
]

if __name__ == "__main__":
    from engine.worker import serve

    serve()
