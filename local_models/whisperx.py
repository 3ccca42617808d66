# /// script
# requires-python = ">=3.11,<3.13"
# dependencies = [
#   "ctranslate2==4.8.5",
#   "faster-whisper==1.2.1",
#   "numpy==2.4.6",
#   "pyannote-audio==4.0.7",
#   "soxr==1.1.0",
#   "torch==2.8.0",
#   "torchaudio==2.8.0",
#   "transformers==4.57.6",
#   "whisperx==3.8.6",
# ]
# ///
"""Speech to text with WhisperX: its voice detector, batches on faster-whisper, words aligned by wav2vec2, speakers by pyannote.

In an environment of its own: it pins an older torch and an older Transformers.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from typing import Any

from engine import weights
from engine.contract import Download, EngineSpec, Limits, Needs, Piece, Text, Transcribe, Unsupported, Word
from local_models._own import own_spec
from local_models._torch import TorchEngine, memory_gb
from local_models._whisper import PARAMETERS, check_terms, cpu_threads, language_code, languages_of, samples_of, spoken

FILES = ("*.json", "vocabulary.*", "model.bin")
"""A CTranslate2 folder; its model.bin is that library's own format, not a pickle."""
BATCH = {"cuda": 16, "cpu": 4}
_ALIGNER, _SPEAKERS = 1, 2
"""Numbers of the downloads beside the recogniser's."""


class WhisperX(TorchEngine):
    def load(self) -> None:
        os.environ["PYANNOTE_METRICS_ENABLED"] = "0"  # it would report each model that is loaded to its makers
        folder, aligner = str(weights.needed(self.spec)), str(weights.needed(self.spec, _ALIGNER))
        diarizes = "speakers" in self.spec.honours
        speakers = str(weights.needed(self.spec, _SPEAKERS)) if diarizes else None
        self.place()
        import ctranslate2
        import whisperx
        import whisperx.alignment
        from nltk.tokenize.punkt import PunktSentenceTokenizer

        # Its sentence splitter would come from the network; the untrained one cuts at the same marks, and only names segments.
        whisperx.alignment.nltk_load = lambda _address: PunktSentenceTokenizer()
        self.library, self.fix_seed = whisperx, ctranslate2.set_random_seed
        self.pipeline = whisperx.load_model(folder, self.device, local_files_only=True, threads=cpu_threads())
        self.aligner = whisperx.load_align_model("en", self.device, model_name=aligner, model_cache_only=True)
        if diarizes:
            from whisperx.diarize import DiarizationPipeline

            self.diarizer = DiarizationPipeline(model_name=speakers, device=self.device)

    def run(self, request: Transcribe, timeout_s: float) -> Iterator[Piece]:
        model = self.pipeline.model
        samples = samples_of(request, self.spec.id)
        code = language_code(request.language, model.supported_languages, self.spec.id)
        if not model.model.is_multilingual:
            code = "en"
        terms = request.prompt or None
        if terms:
            tokens = model.hf_tokenizer.encode(f" {terms.strip()}", add_special_tokens=False).ids
            check_terms(terms, len(tokens), model.max_length // 2 - 1, self.spec.id)
        self.fix_seed(0)
        self.pipeline.options = dataclasses.replace(self.pipeline.options, hotwords=terms)
        answer = self.pipeline.transcribe(samples, batch_size=BATCH[self.device], language=code)
        language, segments = answer["language"], answer["segments"]
        text = " ".join(segment["text"].strip() for segment in segments)
        words: tuple[Word, ...] = ()
        if request.word_times or request.speakers:
            if language != "en":
                raise Unsupported(f"{self.spec.id} aligns the words of English only, and this sound is in {language!r}")
            yield Text(text, final=False)
            words = self._words(samples, segments, request)
        yield Text(text, words=words, language=language)
        yield self.facts({"language": code, "hotwords": terms, "batch_size": BATCH[self.device]})

    def _words(self, samples: Any, segments: list[dict[str, Any]], request: Transcribe) -> tuple[Word, ...]:
        """Aligned words, with their speakers where asked for. One that could not be aligned stands where the last ended."""
        answer = self.library.align(segments, *self.aligner, samples, self.device)
        if request.speakers:
            answer = self.library.assign_word_speakers(self.diarizer(samples), answer, fill_nearest=True)
        words, end_s = [], 0.0
        for word in answer["word_segments"]:
            start_s, end_s = (max(end_s, word.get("start", end_s)), max(end_s, word.get("end", end_s)))
            words.append(Word(word["word"].strip(), start_s, end_s, word.get("score"), word.get("speaker")))
        return tuple(words)


def _spec(size: str, download_gb: float, speakers: bool = False) -> EngineSpec:
    recogniser = Download(f"Systran/faster-whisper-{size}", FILES)
    aligner = Download("facebook/wav2vec2-base-960h", ("*.json", "model.safetensors"))
    downloads = (
        recogniser,
        aligner,
        *([Download("pyannote/speaker-diarization-community-1", ("*.yaml", "*.bin", "*.npz"))] * speakers),
    )
    parameters = PARAMETERS[size] + 95e6
    return EngineSpec(
        id=f"whisperx/{size}{'-speakers' if speakers else ''}",
        task="asr",
        name=f"WhisperX {size}{' with speakers' if speakers else ''}",
        vendor="WhisperX (open source)",
        system="WhisperX",
        engine=WhisperX,
        where="local",
        model=recogniser.source,
        license_code="BSD-2-Clause (whisperx), MIT (pyannote.audio)",
        license_weights=f"MIT (Whisper); Apache-2.0 (wav2vec2){'; CC-BY-4.0 (pyannote, gated)' if speakers else ''}",
        languages=languages_of(size),
        summary=(
            f"Whisper {size} in batches on CTranslate2 after a voice detector: {spoken(size)}. Word times are aligned by "
            f"wav2vec2, in English only{'; speakers come from pyannote' if speakers else ''}."
        ),
        docs_url="https://github.com/m-bain/whisperX",
        checked_on="2026-11-20",
        honours=("language", "prompt", "word_times", *(["speakers"] * speakers)),
        limits=Limits(audio_seconds=3600),
        needs=Needs(
            downloads=downloads,
            gated=speakers,
            download_gb=download_gb,
            memory_gb=memory_gb(parameters),
            gpu_memory_gb=memory_gb(parameters, "float16"),
        ),
        parameters=parameters,
        tier="1",
        packages=("whisperx", "faster-whisper", "ctranslate2", "pyannote-audio", "torch", "transformers"),
        devices=("cuda", "cpu"),
        isolated=True,
        # pyannote unpickles its gated weights, and a pickle may hold code.
        remote_code=speakers,
        tested="loads" if speakers else "runs",
    )


ENGINES = [
    _spec("base.en", 0.6),
    _spec("large-v3", 3.5),
    _spec("base.en", 0.7, speakers=True),
    _spec("large-v3", 3.6, speakers=True),
]


def own(source: str) -> EngineSpec:
    return own_spec(ENGINES[0], source, files=FILES)


if __name__ == "__main__":
    from engine.worker import serve

    serve()
