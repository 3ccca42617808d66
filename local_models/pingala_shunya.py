# /// script
# requires-python = ">=3.11,<3.13"
# dependencies = [
#   "ctranslate2==4.4.0",
#   "faster-whisper==1.2.1",
#   "numpy==2.4.6",
#   "pingala-shunya==0.1.7",
#   "setuptools<81",
#   "soxr==1.1.0",
#   "torch==2.11.0",
#   "torchaudio==2.11.0",
#   "transformers==4.52.4",
# ]
# ///
"""Speech to text with Shunya Labs' own package for Pingala, which pins an older CTranslate2 and an older Transformers."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator

from engine import weights
from engine.audio import Audio
from engine.contract import Download, EngineSpec, Facts, Limits, Needs, Piece, Text, Transcribe, Unsupported, Word
from local_models._own import own_spec
from local_models._torch import TorchEngine, answered
from local_models._whisper import RATE, check_terms, language_code, samples_of


class PingalaShunya(TorchEngine):
    def load(self) -> None:
        folder = weights.needed(self.spec)
        self.place()
        from pingala_shunya import PingalaTranscriber

        format_ = "float16" if self.device == "cuda" else "int8"
        self.transcriber = PingalaTranscriber(str(folder), device=self.device, compute_type=format_, backend="ct2")
        self.model = self.transcriber.backend.model

    def run(self, request: Transcribe, timeout_s: float) -> Iterator[Piece]:
        samples = samples_of(request, self.spec.id)
        settings = {"word_timestamps": request.word_times}
        if code := language_code(request.language, self.model.supported_languages, self.spec.id):
            settings["language"] = code
        if request.prompt:
            tokens = self.model.hf_tokenizer.encode(f" {request.prompt.strip()}", add_special_tokens=False).ids
            check_terms(request.prompt, len(tokens), self.model.max_length // 2 - 1, self.spec.id)
            settings |= {"hotwords": request.prompt, "condition_on_previous_text": False}
        with tempfile.NamedTemporaryFile(suffix=".wav") as file:  # the package takes files only
            file.write(Audio(samples, RATE).to_wav(floats=True))
            file.flush()
            segments, heard = self.transcriber.transcribe_file(file.name, **settings)
        words = tuple(
            Word(word.word.strip(), float(word.start), float(word.end), float(word.probability))
            for segment in segments
            for word in segment.words
        )
        if request.word_times and segments and not words:  # the package leaves them out without a word
            raise Unsupported(f"{self.spec.id} has no word times: these weights name no attention heads to align with")
        yield Text("".join(segment.text for segment in segments).strip(), words=words, language=heard.language)
        model = self.model.model
        yield Facts(device=model.device, dtype=model.compute_type, model=answered(self.spec), sent=settings, notice=self.notice)


ENGINES = [
    EngineSpec(
        id="pingala_shunya/v1-en",
        task="asr",
        name="Pingala V1 English (own package)",
        vendor="Shunya Labs",
        system="Shunya Pingala V1 (own package)",
        engine=PingalaShunya,
        where="local",
        model="shunyalabs/pingala-v1-en-verbatim",
        license_code="MIT (pingala-shunya)",
        license_weights="Shunya RAIL-M (at most 10,000 hours a month, no redistribution)",
        languages=("en",),
        summary="Whisper-class English recogniser that keeps fillers, through its makers' package: five beams, one try a window.",
        docs_url="https://huggingface.co/shunyalabs/pingala-v1-en-verbatim",
        checked_on="2026-11-20",
        honours=("language", "prompt", "word_times"),
        limits=Limits(audio_seconds=3600),
        needs=Needs(
            downloads=(Download("shunyalabs/pingala-v1-en-verbatim", ("*.json", "vocabulary.*", "model.bin")),), gated=True
        ),
        packages=("pingala-shunya", "faster-whisper", "ctranslate2"),
        devices=("cuda", "cpu"),
        isolated=True,
        consent="Use of Pingala is bound to the Shunya RAIL-M licence: at most 10,000 hours a month, no redistribution.",
    )
]


def own(source: str) -> EngineSpec:
    return own_spec(ENGINES[0], source, files=("*.json", "vocabulary.*", "model.bin"))


if __name__ == "__main__":
    from engine.worker import serve

    serve()
