"""Text to speech with eSpeak NG, the formant synthesiser in the package espeakng-loader; 22.05 kHz mono, streamed.

The library keeps one voice and one rate per process, so one process speaks one text at a time.
"""

from __future__ import annotations

import ctypes
import itertools
import queue
import re
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

from engine.audio import Audio
from engine.contract import (
    BadInput,
    BadResponse,
    Engine,
    EngineSpec,
    Facts,
    Limits,
    Needs,
    NotReady,
    Piece,
    Synthesize,
    Unsupported,
)
from local_models._speakable import speakable

CHUNK_MS = 200
WORDS_PER_MINUTE = 175
SLOWEST_WPM, FASTEST_WPM = 80, 700
"""Below the one eSpeak NG 1.52 stays at the one; four times the normal rate was measured to come out at four times."""
QUIET = 0.005
_SYNCHRONOUS, _DO_NOT_EXIT, _PLAIN_UTF8, _RATE = 2, 0x8000, 1, 1
_VARIANT = re.compile(r"[A-Za-z0-9]{1,32}")
_OnSamples = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


class _Voice(ctypes.Structure):
    """espeak_VOICE of speak_lib.h; `languages` is a list of (priority byte, zero-ended code), itself ended by a zero byte."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("languages", ctypes.c_void_p),
        ("identifier", ctypes.c_char_p),
        ("gender", ctypes.c_ubyte),
        ("age", ctypes.c_ubyte),
        ("variant", ctypes.c_ubyte),
        ("reserved", ctypes.c_ubyte),
        ("score", ctypes.c_int),
        ("spare", ctypes.c_void_p),
    )

    def codes(self) -> list[tuple[int, str]]:
        found, at = [], self.languages
        while priority := ctypes.string_at(at, 1)[0]:
            code = ctypes.string_at(at + 1)
            found.append((priority, code.decode()))
            at += 2 + len(code)
        return found


class ESpeak(Engine):
    def load(self) -> None:
        import espeakng_loader

        data = espeakng_loader.get_data_path()
        self.library = ctypes.CDLL(espeakng_loader.get_library_path())
        self.library.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(_Voice))
        self.rate = self.library.espeak_Initialize(_SYNCHRONOUS, CHUNK_MS, data.encode(), _DO_NOT_EXIT)
        if self.rate <= 0:
            raise NotReady(f"{self.spec.id} could not read its voices: reinstall the package espeakng-loader")
        self.variants = frozenset(file.name for file in Path(data, "voices", "!v").iterdir() if _VARIANT.fullmatch(file.name))
        self.files = self._files()
        self.stopped = threading.Event()

    def run(self, request: Synthesize, timeout_s: float) -> Iterator[Piece]:
        text = speakable(request.text, self.spec.id).encode()
        voice = self._voice(request)
        rate_wpm = round(WORDS_PER_MINUTE * (request.speed or 1.0))
        if not SLOWEST_WPM <= rate_wpm <= FASTEST_WPM:
            slowest, fastest = SLOWEST_WPM / WORDS_PER_MINUTE, FASTEST_WPM / WORDS_PER_MINUTE
            raise Unsupported(f"{self.spec.id} speaks at speeds from {slowest:.2f} to {fastest:.2f}, not {request.speed!r}")
        self.stopped.clear()
        if self.library.espeak_SetVoiceByName(voice.encode()) or self.library.espeak_SetParameter(_RATE, rate_wpm, 0):
            raise BadResponse(f"{self.spec.id} could not load the voice {voice!r}")
        chunks: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()

        @_OnSamples
        def on_samples(samples, count, events):  # runs inside espeak_Synth; 1 makes it stop
            if samples and count:
                chunks.put(ctypes.string_at(samples, 2 * count))
            return int(self.stopped.is_set())

        def speak() -> None:
            try:
                self.library.espeak_Synth(text, len(text) + 1, 0, 1, 0, _PLAIN_UTF8, None, None)
            finally:
                chunks.put(None)

        self.library.espeak_SetSynthCallback(on_samples)
        voice_thread = threading.Thread(target=speak, daemon=True)
        voice_thread.start()
        loudest = 0.0
        try:
            while (pcm := chunks.get()) is not None:
                chunk = Audio.from_pcm16(pcm, self.rate)
                loudest = max(loudest, chunk.peak)
                yield chunk
        finally:
            self.stopped.set()
            voice_thread.join()  # the callback must outlive the call that uses it
        if loudest < QUIET:
            raise BadInput(f"{self.spec.id} found nothing in this text that it can say aloud")
        yield Facts(device="cpu", threads=1, sent={"voice": voice, "words_per_minute": rate_wpm})

    def close(self) -> None:
        if hasattr(self, "stopped"):
            self.stopped.set()

    def _files(self) -> dict[str, str]:
        """Voice file by language code and by its own name, all lower case; of several, the one of lowest priority number."""
        voices, ranked = self.library.espeak_ListVoices(None), {}
        for index in itertools.count():
            if not voices[index]:
                return {code: min(found)[1] for code, found in ranked.items()}
            voice = voices[index].contents
            file = voice.identifier.decode()
            for priority, code in [(0, file.rpartition("/")[2]), *voice.codes()]:
                ranked.setdefault(code.lower(), []).append((priority, file))

    def _voice(self, request: Synthesize) -> str:
        """The voice file, with its variant, for the voice and language asked for. Raises Unsupported for unknown ones."""
        name, plus, variant = (request.voice or "").strip().partition("+")
        language = (request.language or "").strip().lower().replace("_", "-")
        usual = self.files[self.spec.default_voice]
        spoken = (
            usual if language == _language_of(usual) else self.files.get(language) or self.files.get(language.partition("-")[0])
        )
        if language and spoken is None:
            raise Unsupported(f"{self.spec.id} has no voice for the language {request.language!r}; it has {_some(self.files)}")
        file = self.files.get(name.lower()) if name else spoken or usual
        if file is None:
            raise Unsupported(f"{self.spec.id} has no voice {request.voice!r}; it has {_some(self.spec.voices)}")
        if plus and variant not in self.variants:
            raise Unsupported(f"{self.spec.id} has no voice variant {variant!r}; it has {_some(self.variants)}")
        if name and language and _language_of(file) != _language_of(spoken):
            raise Unsupported(
                f"{self.spec.id}: the voice {request.voice!r} does not speak {request.language!r}; leave one of them empty"
            )
        return file + plus + variant


def _language_of(file: str) -> str:
    return file.rpartition("/")[2].partition("-")[0]


def _some(names: Iterable[str]) -> str:
    """The first dozen names, and how many more there are."""
    ordered = names if isinstance(names, tuple) else sorted(names)
    return ", ".join(ordered[:12]) + (f" and {len(ordered) - 12} more" if len(ordered) > 12 else "")


ENGINES = [
    EngineSpec(
        id="espeak/en",
        task="tts",
        name="eSpeak NG",
        vendor="eSpeak NG",
        system="eSpeak NG (formant TTS baseline)",
        engine=ESpeak,
        where="local",
        model="espeak-ng 1.52.0",
        license_code="GPL-3.0-or-later (MIT loader)",
        license_weights="GPL-3.0-or-later",
        languages=("*",),
        summary="Classical baseline: formant synthesis by rule, over 100 languages. Clear, robotic, nearly instant.",
        docs_url="https://github.com/espeak-ng/espeak-ng",
        checked_on="2026-11-20",
        honours=("voice", "language", "speed"),
        limits=Limits(characters=20_000),
        needs=Needs(packages=("espeakng_loader",), memory_gb=0.1),
        voices=(
            "en-us", "en-us+f3", "en-us+m3", "en-us+whisper", "en-gb", "en-gb+f2", "en-gb-scotland", "en-gb-x-rp", "en-029",
            "de", "fr", "es", "es-419", "it", "pt", "pt-br", "nl", "pl", "ru", "uk", "cs", "sv", "da", "nb", "fi", "tr", "el",
            "hu", "ro", "ar", "fa", "he", "hi", "bn", "ta", "ur", "vi", "id", "sw", "ja", "ko", "cmn", "yue", "la", "eo",
        ),
        default_voice="en-us",
        tier="baseline",
        packages=("espeakng-loader",),
        streams=True,
    ),
]  # fmt: skip
