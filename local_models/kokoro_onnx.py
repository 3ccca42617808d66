"""Text to speech with Kokoro-82M in ONNX Runtime, through the package kokoro-onnx; 24 kHz mono, a passage at a time.

Texts become phonemes by the bundled eSpeak NG. The model's Japanese and Chinese voices need another speller and are left out.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from engine import weights
from engine.audio import Audio
from engine.contract import BadInput, Download, Engine, EngineSpec, Facts, Limits, Needs, Piece, Synthesize, Unsupported
from local_models._long import passages
from local_models._speakable import speakable
from local_models._speech import chosen_voice, language_code
from local_models._torch import answered

RATE = 24_000
LONGEST = 200
PAUSE_S = 0.25
"""Between passages: the package trims the silence that the model puts at their ends."""
SLOWEST, FASTEST = 0.5, 2.0
SPELLERS = {
    "a": "en-us", "b": "en-gb", "e": "es", "f": "fr-fr", "h": "hi", "i": "it", "p": "pt-br",
}  # fmt: skip
"""First letter of a voice to eSpeak NG's voice for its language."""
VOICES = (
    "af_heart", "af_alloy", "af_aoede", "af_bella", "af_jessica", "af_kore", "af_nicole", "af_nova", "af_river", "af_sarah",
    "af_sky", "am_adam", "am_echo", "am_eric", "am_fenrir", "am_liam", "am_michael", "am_onyx", "am_puck", "am_santa",
    "bf_alice", "bf_emma", "bf_isabella", "bf_lily", "bm_daniel", "bm_fable", "bm_george", "bm_lewis", "ef_dora", "em_alex",
    "em_santa", "ff_siwis", "hf_alpha", "hf_beta", "hm_omega", "hm_psi", "if_sara", "im_nicola", "pf_dora", "pm_alex", "pm_santa",
)  # fmt: skip
_RELEASE = "https://github.com/thewh1teagle/kokoro-onnx/releases/download/model-files-v1.1/"


class KokoroOnnx(Engine):
    def load(self) -> None:
        from kokoro_onnx import Kokoro

        self.model = Kokoro(str(weights.needed(self.spec)), str(weights.needed(self.spec, 1)))
        self.model.create("Ready.", self.model.get_voices()[0])  # the first call plans the graph

    def run(self, request: Synthesize, timeout_s: float) -> Iterator[Piece]:
        text = speakable(request.text, self.spec.id)
        voice, speller = self._voice(request)
        speed = request.speed or 1.0
        if not SLOWEST <= speed <= FASTEST:
            raise Unsupported(f"{self.spec.id} speaks at speeds from {SLOWEST} to {FASTEST}, not {request.speed!r}")
        spoken = 0
        for passage in passages(text, LONGEST):
            if not self.model.tokenizer.phonemize(passage, speller).strip(' ,.;:!?—…"“”()'):
                continue
            samples, rate = self.model.create(passage, voice, speed=speed, lang=speller)
            pause = [np.zeros(int(PAUSE_S * rate), np.float32)] if spoken else []
            spoken += 1
            yield Audio(np.concatenate([*pause, samples]), rate)
        if not spoken:
            raise BadInput(f"{self.spec.id} found nothing in this text that it can say aloud")
        yield Facts(
            device="cpu",
            dtype=self.spec.extra["dtype"],
            model=answered(self.spec),
            sent={"voice": voice, "lang": speller, "speed": speed, "passages": spoken},
        )

    def _voice(self, request: Synthesize) -> tuple[str, str]:
        """The voice, and eSpeak NG's voice that spells for it. Raises Unsupported for unknown ones."""
        language = (request.language or "").strip().lower().replace("_", "-")
        spellers = [code for code in SPELLERS.values() if language_code(code) == language_code(language)]
        if language and not spellers:
            raise Unsupported(f"{self.spec.id} does not speak {request.language!r}; it speaks {', '.join(SPELLERS.values())}")
        speller = (language if language in spellers else spellers[0]) if language else None
        here = [name for name in VOICES if name in self.model.voices]
        usual = next((name for name in here if SPELLERS[name[0]] == speller), None)
        voice = chosen_voice(self.spec, request.voice or usual, here)
        return voice, speller or SPELLERS[voice[0]]


def _kokoro(dtype: str, file: str, size_gb: float, summary: str) -> EngineSpec:
    return EngineSpec(
        id=f"kokoro_onnx/v1.0-{dtype}",
        task="tts",
        name=f"Kokoro-82M ({dtype})",
        vendor="hexgrad",
        system="Kokoro-82M (ONNX)",
        engine=KokoroOnnx,
        where="local",
        model=file,
        license_code="MIT",
        license_weights="Apache-2.0",
        languages=("en", "es", "fr", "hi", "it", "pt"),
        summary=summary,
        docs_url="https://github.com/thewh1teagle/kokoro-onnx",
        checked_on="2026-11-20",
        honours=("voice", "language", "speed"),
        limits=Limits(characters=50_000),
        needs=Needs(
            packages=("kokoro_onnx", "onnxruntime", "phonemizer", "espeakng_loader"),
            downloads=(Download(_RELEASE + file), Download(_RELEASE + "voices-v1.0.bin")),
            download_gb=round(size_gb + 0.03, 2),
            memory_gb=round(2 * size_gb + 0.4, 1),
        ),
        voices=VOICES,
        default_voice="af_heart",
        parameters=82e6,
        packages=("kokoro-onnx", "onnxruntime", "phonemizer", "espeakng-loader"),
        streams=True,
        extra={"dtype": dtype},
    )


ENGINES = [
    _kokoro("float32", "kokoro-v1.0.onnx", 0.33, "Small and natural, 41 voices in six languages; about real time on a CPU."),
    _kokoro("float16", "kokoro-v1.0.fp16.onnx", 0.16, "Kokoro in half precision: half the download, nearly the same sound."),
    _kokoro("int8", "kokoro-v1.0.int8.onnx", 0.11, "Kokoro in 8 bits: the smallest download, audibly rougher."),
]
