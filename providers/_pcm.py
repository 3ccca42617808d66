"""Raw 16-bit PCM as it streams in, out as Audio chunks; what is not PCM is refused instead of being played as noise."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from engine.audio import Audio
from engine.contract import BadResponse

_CONTAINERS = {b"RIFF": "a WAV file", b"ID3": "an MP3 file", b"OggS": "an Ogg file", b"fLaC": "a FLAC file"}
_ENOUGH = 64  # bytes: this many printable ASCII characters in a row never begin a sound, and come within 2 ms of one


def _refuse_other_than_pcm(engine_id: str, start: bytes) -> None:
    for magic, name in _CONTAINERS.items():
        if start.startswith(magic):
            raise BadResponse(f"{engine_id} answered with {name} where raw PCM was asked for")
    if all(byte in b"\t\n\r" or 0x20 <= byte < 0x7F for byte in start):
        raise BadResponse(f"{engine_id} answered with text where audio was asked for")


def pcm_pieces(engine_id: str, headers: Mapping[str, str], chunks: Iterable[bytes], rate: int) -> Iterator[Audio]:
    """Mono little-endian 16-bit PCM of any chunk sizes, as Audio of `rate` Hz, each chunk as soon as it is there.

    Raises BadResponse for an answer that calls itself text, looks like text or a container, is empty, or ends amid a sample.
    """
    kind = headers.get("content-type", "").lower()
    if kind.startswith("text/") or "json" in kind or "xml" in kind:
        raise BadResponse(f"{engine_id} answered with {kind.partition(';')[0]} where audio was asked for")
    held, checked = b"", False
    for chunk in chunks:
        held += chunk
        if not checked:
            if len(held) < _ENOUGH:
                continue
            _refuse_other_than_pcm(engine_id, held[:_ENOUGH])
            checked = True
        whole = len(held) & ~1
        if whole:
            yield Audio.from_pcm16(held[:whole], rate)
        held = held[whole:]
    if not checked:
        if not held:
            raise BadResponse(f"{engine_id} answered without any audio")
        _refuse_other_than_pcm(engine_id, held)
        if len(held) % 2 == 0:
            yield Audio.from_pcm16(held, rate)
            held = b""
    if held:
        raise BadResponse(f"{engine_id} ended its audio in the middle of a sample")
