# /// script
# requires-python = ">=3.11,<3.13"
# dependencies = [
#   "moonshine-voice==0.1.5",
#   "numpy==2.3.5",
#   "soxr==1.1.0",
# ]
# ///
"""Speech to text with Moonshine's own runtime, in an environment of its own: quantised streaming models on the CPU.

Its files lie one by one at the publisher's address; the package finds them in a folder that is made of links to them.
"""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from engine import weights
from engine.contract import Download, Engine, EngineSpec, Facts, Limits, Needs, NotReady, Piece, Transcribe, Word
from local_models._own import own_spec
from local_models._transcript import RATE, Heard, joined, language_code, samples_of, whole_text

WINDOW_S = 30.0
_FILES = (
    "streaming_config.json", "adapter.ort", "cross_kv.ort", "decoder_kv.ort", "decoder_kv_with_attention.ort", "encoder.ort",
    "frontend.model.ort", "frontend.weights.ort", "tokenizer.bin",
)  # fmt: skip


class MoonshineVoice(Engine):
    def load(self) -> None:
        from moonshine_voice import ModelArch, Transcriber
        from moonshine_voice.errors import MoonshineError

        folder = weights.needed(self.spec)
        if not self.spec.own:
            folder = Path(tempfile.mkdtemp())
            for number, download in enumerate(self.spec.needs.downloads):
                (folder / Path(download.source).name).symlink_to(weights.needed(self.spec, number))
        options = {"word_timestamps": "true", "return_audio_data": "false", "identify_speakers": "false"}
        try:
            self.library = Transcriber(folder, ModelArch[self.spec.extra["architecture"]], options=options)
        except MoonshineError as error:
            raise NotReady(f"{self.spec.id}: the files of {self.spec.model!r} cannot be opened ({error})"[:300]) from None
        self._hear(np.zeros(RATE, np.float32), False)

    def run(self, request: Transcribe, timeout_s: float) -> Iterator[Piece]:
        samples = samples_of(request, self.spec.id)
        language_code(request.language, self.spec.languages or (), self.spec.id)
        yield Facts(device="cpu", dtype="int8", model=self.spec.model, sent={"window_s": WINDOW_S})
        yield from whole_text(samples, WINDOW_S, lambda windows: [[self._hear(windows[0], request.word_times)]])

    def _hear(self, window: np.ndarray, word_times: bool) -> Heard:
        lines = self.library.transcribe_without_streaming(window.tolist(), RATE).lines
        words = (
            Word(word.word.strip(), word.start, word.end, min(1.0, max(0.0, word.confidence)))
            for line in lines
            for word in line.words or ()
        )
        return Heard(joined(line.text for line in lines), tuple(words) if word_times else ())


def _model(name: str, architecture: str, parameters: float, download_gb: float) -> EngineSpec:
    address = f"https://download.moonshine.ai/model/{name}-streaming-en/quantized_26_08_21"
    return EngineSpec(
        id=f"moonshine_voice/{name}-streaming-en",
        task="asr",
        name=f"Moonshine Voice {name}",
        vendor="Moonshine AI (open weights)",
        system="Moonshine Voice runtime",
        engine=MoonshineVoice,
        where="local",
        model=f"{name}-streaming-en/quantized_26_08_21",
        license_code="MIT",
        license_weights="MIT",
        languages=("en",),
        summary="English with punctuation by the publisher's own runtime, quantised; its voice detector leaves silence out.",
        docs_url="https://github.com/moonshine-ai/moonshine",
        checked_on="2026-11-20",
        honours=("language", "word_times"),
        limits=Limits(audio_seconds=3600),
        needs=Needs(
            downloads=tuple(Download(f"{address}/{file}") for file in _FILES),
            download_gb=download_gb,
            memory_gb=download_gb + 0.4,
        ),
        parameters=parameters,
        tier="2",
        packages=("moonshine-voice", "numpy"),
        isolated=True,
        tested="loads",
        extra={"architecture": architecture},
    )


ENGINES = [
    _model("tiny", "TINY_STREAMING", 34e6, 0.08),
    _model("small", "SMALL_STREAMING", 110e6, 0.22),
    _model("medium", "MEDIUM_STREAMING", 245e6, 0.42),
]


def own(source: str) -> EngineSpec:
    """A folder with the files of a streaming model of the small size, as the package's own download makes it."""
    spec = own_spec(ENGINES[1], source)
    return dataclasses.replace(spec, needs=dataclasses.replace(spec.needs, downloads=spec.needs.downloads[:1]))


if __name__ == "__main__":
    from engine.worker import serve

    serve()
