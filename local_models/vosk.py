"""Speech to text with Vosk: Kaldi networks with a language model on the CPU, words while the sound is still being read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from engine import weights
from engine.contract import Download, Engine, EngineSpec, Facts, Limits, Needs, NotReady, Piece, Text, Transcribe, Word
from local_models._own import own_spec
from local_models._transcript import RATE, Growing, joined, language_code, samples_of

CHUNK_S = 0.25
"""Seconds handed over at a time, as in Vosk's own examples."""


class Vosk(Engine):
    def load(self) -> None:
        import vosk

        vosk.SetLogLevel(-1)
        self.library = vosk
        folder = _model_folder(self.spec, weights.needed(self.spec))
        try:
            self.model = vosk.Model(str(folder))
        except Exception as error:  # noqa: BLE001  the package raises a bare Exception
            raise NotReady(f"{self.spec.id}: {str(folder)!r} is no model of Vosk ({error})") from None

    def run(self, request: Transcribe, timeout_s: float) -> Iterator[Piece]:
        samples = samples_of(request, self.spec.id)
        language_code(request.language, self.spec.languages or (), self.spec.id)
        recognizer = self.library.KaldiRecognizer(self.model, RATE)
        recognizer.SetWords(True)
        yield Facts(device="cpu", dtype="float32", model=self.spec.model, threads=1, sent={"chunk_s": CHUNK_S})
        said: list[dict] = []
        growing, step = Growing(), int(CHUNK_S * RATE)
        pcm = (samples.clip(-1, 1) * 32767).round().astype("<i2")
        for first in range(0, len(pcm), step):
            if recognizer.AcceptWaveform(pcm[first : first + step].tobytes()):
                said.append(json.loads(recognizer.Result()))
                partial = ""
            else:
                partial = json.loads(recognizer.PartialResult())["partial"]
            yield from growing.news(joined([*(each["text"] for each in said), partial]))
        said.append(json.loads(recognizer.FinalResult()))
        words = tuple(
            Word(each["word"], each["start"], each["end"], each["conf"]) for part in said for each in part.get("result", ())
        )
        yield Text(joined(part["text"] for part in said), words=words if request.word_times else ())


def _model_folder(spec: EngineSpec, folder: Path) -> Path:
    """Where the model itself lies: an archive holds it in one folder. Raises NotReady when there is none."""
    for each in (folder, *sorted(path for path in folder.iterdir() if path.is_dir())):
        if (each / "am").is_dir() or (each / "final.mdl").exists():
            return each
    raise NotReady(f"{spec.id}: {str(folder)!r} holds no model of Vosk, which has a folder 'am' or a file 'final.mdl'")


def _model(name: str, title: str, download_gb: float, memory_gb: float, summary: str) -> EngineSpec:
    archive = f"https://alphacephei.com/vosk/models/vosk-model-{name}.zip"
    return EngineSpec(
        id=f"vosk/{name}",
        task="asr",
        name=title,
        vendor="Alpha Cephei",
        system="Vosk",
        engine=Vosk,
        where="local",
        model=f"vosk-model-{name}",
        license_code="Apache-2.0",
        license_weights="Apache-2.0",
        languages=("en",),
        summary=summary,
        docs_url="https://alphacephei.com/vosk/models",
        checked_on="2026-11-20",
        honours=("language", "word_times"),
        limits=Limits(audio_seconds=3600),
        needs=Needs(packages=("vosk",), downloads=(Download(archive),), download_gb=download_gb, memory_gb=memory_gb),
        tier="2",
        packages=("vosk",),
        streams=True,
        tested="loads",
    )


ENGINES = [
    _model("small-en-us-0.15", "Vosk small US English", 0.04, 0.4, "US English in lower case, no punctuation: small."),
    _model("en-us-0.22", "Vosk US English", 1.8, 5.0, "US English in lower case, no punctuation, with a large language model."),
]  # fmt: skip


def own(source: str) -> EngineSpec:
    """An unpacked model of Vosk or Kaldi in a folder of this machine, or the https address of its archive."""
    return own_spec(ENGINES[0], source)
