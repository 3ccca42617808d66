"""Text to speech with the program `flite` (Debian package flite) and four voices compiled into it; 16 kHz mono, not streamed."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import unicodedata
import wave
from collections.abc import Iterator
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

SLOWEST, FASTEST = 0.25, 4.0
QUIET = 0.01
_TYPED = str.maketrans({"‘": "'", "’": "'", "“": '"', "”": '"', "–": ", ", "—": ", ", "‐": "-", "…": "..."})


def readable(text: str, engine_id: str) -> str:
    """`text` in ASCII: accents off, typographic quotes and dashes as typed ones.

    Flite skips every byte beyond ASCII without a word, so anything else raises BadInput with the characters it cannot read.
    """
    folded = unicodedata.normalize("NFKD", speakable(text, engine_id).translate(_TYPED))
    plain = "".join(character for character in folded if not unicodedata.combining(character))
    strange = list(dict.fromkeys(character for character in plain if not character.isascii()))
    if strange:
        raise BadInput(f"{engine_id} reads plain English only; it would skip {', '.join(map(repr, strange[:5]))}")
    return plain


class Flite(Engine):
    def load(self) -> None:
        self.program = shutil.which("flite")
        if not self.program:
            raise NotReady(f"{self.spec.id} needs the program flite: `apt-get install flite`")
        asked = [self.program, "-lv"]
        listed = subprocess.run(asked, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30, check=True)
        if self.spec.model not in listed.stdout.split():
            raise NotReady(f"{self.spec.id}: this flite has no voice {self.spec.model!r}; it says {listed.stdout.strip()!r}")
        self.speaking: subprocess.Popen[bytes] | None = None

    def run(self, request: Synthesize, timeout_s: float) -> Iterator[Piece]:
        text = readable(request.text, self.spec.id)
        if request.language and request.language.lower().replace("_", "-").partition("-")[0] != "en":
            raise Unsupported(f"{self.spec.id} speaks English only, not {request.language!r}")
        speed = request.speed or 1.0
        if not SLOWEST <= speed <= FASTEST:
            raise Unsupported(f"{self.spec.id} speaks at speeds from {SLOWEST} to {FASTEST}, not {request.speed!r}")
        with tempfile.TemporaryDirectory(prefix="flite-") as folder:
            # A file, not an argument: a text that begins with "-" is an option, and any argument is shown to other users by ps.
            written, spoken = Path(folder, "text"), Path(folder, "speech.wav")
            written.write_text(text, "ascii")
            stretch = ["--setf", f"duration_stretch={1 / speed:.4f}"]
            command = [self.program, "-voice", self.spec.model, *stretch, "-f", str(written), "-o", str(spoken)]
            said = self._speak(command, timeout_s)
            audio = self._heard(spoken, said)
        if audio.peak < QUIET:
            raise BadInput(f"{self.spec.id} found nothing in this text that it can say aloud")
        yield audio
        yield Facts(device="cpu", threads=1, sent={"voice": self.spec.model, "duration_stretch": 1 / speed})

    def close(self) -> None:
        speaking = getattr(self, "speaking", None)
        if speaking is not None:
            speaking.kill()

    def _speak(self, command: list[str], timeout_s: float) -> str:
        with subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        ) as self.speaking:
            try:
                said = self.speaking.communicate(timeout=timeout_s)[1].decode("utf-8", "replace")
            except subprocess.TimeoutExpired:
                raise TimeoutError(f"{self.spec.id} had not finished after {timeout_s:g} s") from None
            finally:
                self.speaking.kill()
        if self.speaking.returncode:
            raise BadResponse(f"{self.spec.id}: flite ended with status {self.speaking.returncode}: {said.strip()[:200]}")
        return said

    def _heard(self, spoken: Path, said: str) -> Audio:
        try:
            with wave.open(str(spoken)) as file:
                return Audio.from_pcm16(file.readframes(file.getnframes()), file.getframerate(), file.getnchannels())
        except (OSError, EOFError, wave.Error):
            raise BadResponse(f"{self.spec.id}: flite wrote no sound: {said.strip()[:200]}") from None


def _voice(name: str, title: str, how: str) -> EngineSpec:
    return EngineSpec(
        id=f"flite/{name}",
        task="tts",
        name=f"Flite {title}",
        vendor="CMU",
        system="Flite (slt/rms/awb/kal16 voices)",
        engine=Flite,
        where="local",
        model=name,
        license_code="BSD-like (CMU Flite)",
        license_weights="BSD-like (CMU Flite)",
        languages=("en",),
        summary=f"Classical baseline: {how}. Plain US English text only.",
        docs_url="https://github.com/festvox/flite",
        checked_on="2026-11-20",
        honours=("language", "speed"),
        limits=Limits(characters=20_000),
        needs=Needs(programs=("flite",), memory_gb=0.1),
        tier="baseline",
    )


ENGINES = [
    _voice("slt", "slt", "statistical parametric voice of a US woman"),
    _voice("rms", "rms", "statistical parametric voice of a US man"),
    _voice("awb", "awb", "statistical parametric voice of a Scottish man"),
    _voice("kal16", "kal16", "diphone voice of a US man"),
]
