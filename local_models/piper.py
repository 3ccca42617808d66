# /// script
# requires-python = ">=3.11,<3.13"
# dependencies = [
#   "numpy==2.4.6",
#   "onnxruntime==1.31.1",
#   "piper-tts==1.8.0",
# ]
# ///
"""Text to speech with Piper: small VITS voices in ONNX Runtime, one download per voice, a sentence at a time.

In an environment of its own, also because its code is under the GPL.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from engine import weights
from engine.audio import Audio
from engine.contract import BadInput, Download, Engine, EngineSpec, Facts, Limits, Needs, NotReady, Piece, Synthesize
from local_models._long import passages
from local_models._own import own_spec
from local_models._speakable import speakable
from local_models._speech import chosen_voice
from local_models._torch import answered, memory_gb

LONGEST = 1_000
"""Characters that are turned into phonemes at once; each sentence of them is spoken apart."""
SPELLED = ("espeak", "text")
"""Ways from letters to phonemes that need nothing more than the package."""


class Piper(Engine):
    def load(self) -> None:
        from piper import PiperVoice

        folder = weights.needed(self.spec)
        # One hub repository holds every voice.
        pattern = next((file for file in self.spec.needs.downloads[0].files if file.endswith(".onnx")), "*.onnx")
        models = sorted(path for path in folder.rglob(Path(pattern).name) if Path(f"{path}.json").exists())
        if len(models) != 1:
            raise NotReady(f"{self.spec.id} wants one voice (NAME.onnx with NAME.onnx.json) and found {len(models)}")
        self.voice = PiperVoice.load(models[0], download_dir=folder)
        if self.voice.config.phoneme_type.value not in SPELLED:
            raise NotReady(f"{self.spec.id} is spelled by {self.voice.config.phoneme_type.value!r}, which is not built in here")
        speakers = self.voice.config.speaker_id_map if self.voice.config.num_speakers > 1 else {}
        self.speakers = dict(sorted(speakers.items(), key=lambda item: item[1]))

    def run(self, request: Synthesize, timeout_s: float) -> Iterator[Piece]:
        from piper import SynthesisConfig

        # Piper reads [[...]] as phonemes; here it is text like any other.
        text = speakable(request.text, self.spec.id).replace("[[", "[ [")
        speaker = chosen_voice(self.spec, request.voice, self.speakers)
        speed = request.speed or 1.0
        how = SynthesisConfig(speaker_id=self.speakers.get(speaker), length_scale=self.voice.config.length_scale / speed)
        spoken = 0
        for passage in passages(text, LONGEST):
            if not any(letter.isalnum() for letter in passage):
                continue
            for sentence in self.voice.synthesize(passage, how):
                spoken += 1
                yield Audio(sentence.audio_float_array.reshape(-1), sentence.sample_rate)
        if not spoken:
            raise BadInput(f"{self.spec.id} found nothing in this text that it can say aloud")
        sent = {"length_scale": round(how.length_scale, 3), "sentences": spoken} | ({"voice": speaker} if speaker else {})
        yield Facts(device="cpu", dtype="float32", model=answered(self.spec), sent=sent)


MEDIUM = 15.7e6
"""Parameters of a voice of quality low or medium, which differ in sample rate alone: its file of 63.2 MB holds 4 bytes for each
(voices.json of rhasspy/piper-voices, 2026-11-29)."""


def _voice(
    name: str, title: str, license_weights: str, summary: str, *, parameters: float = MEDIUM, speakers: int = 1
) -> EngineSpec:
    locale, speaker, quality = name.split("-")
    language = locale.partition("_")[0]
    file = f"{language}/{locale}/{speaker}/{quality}/{name}.onnx"
    return EngineSpec(
        id=f"piper/{name.lower()}",
        task="tts",
        name=f"Piper {title}",
        vendor="Open Home Foundation",
        system="Piper",
        engine=Piper,
        where="local",
        model=name,
        license_code="GPL-3.0",
        license_weights=license_weights,
        languages=(language,),
        summary=summary,
        docs_url="https://github.com/OHF-Voice/piper1-gpl",
        checked_on="2026-11-20",
        honours=("speed", "voice") if speakers > 1 else ("speed",),
        limits=Limits(characters=50_000),
        needs=Needs(
            downloads=(Download("rhasspy/piper-voices", (file, f"{file}.json")),),
            download_gb=round(parameters * 4e-9, 2),
            memory_gb=memory_gb(parameters),
        ),
        parameters=parameters,
        tier="2",
        packages=("piper-tts", "onnxruntime", "numpy"),
        isolated=True,
        streams=True,
    )


_SEE = "see the voice's MODEL_CARD"
ENGINES = [
    _voice(
        "en_US-lessac-medium", "Lessac (US English)", "Blizzard Challenge 2013 terms: research only",
        "An American female voice at 22 kHz, many times faster than real time on a CPU.",
    ),
    _voice(
        "en_US-amy-low", "Amy (US English, 16 kHz)", _SEE, "An American female voice at 16 kHz, for the weakest machines.",
    ),
    _voice(
        "en_US-libritts_r-medium", "LibriTTS-R (904 speakers)", "CC-BY-4.0",
        "904 English readers in one model; choose one by its number in the corpus.", parameters=19.6e6, speakers=904,
    ),
    _voice("de_DE-thorsten-medium", "Thorsten (German)", "CC0-1.0", "A German male voice at 22 kHz."),
    _voice("fr_FR-siwis-medium", "SIWIS (French)", "CC-BY-4.0", "A French female voice at 22 kHz."),
    _voice("es_ES-davefx-medium", "DaveFX (Spanish)", _SEE, "A Spanish male voice at 22 kHz."),
]  # fmt: skip


def own(source: str) -> EngineSpec:
    """A person's own Piper voice: a folder or hub repository with one NAME.onnx and its NAME.onnx.json."""
    import dataclasses

    spec = own_spec(ENGINES[0], source, files=() if Path(source).is_dir() else ("*.onnx", "*.onnx.json"))
    return dataclasses.replace(spec, honours=("speed", "voice"))


if __name__ == "__main__":
    from engine.worker import serve

    serve()
