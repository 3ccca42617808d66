"""A sound file as it streams in, out as Audio chunks at the rate that the file itself states."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain

from engine.audio import Audio
from engine.contract import BadResponse

_HEADER_BYTES = 1 << 16  # a WAV header is 44 bytes; some carry a page of tags before the samples
_OPEN_ENDED = 0x7FFF_0000  # what stands for the length where the sender did not know it yet is 0 or near the largest number


def _pcm16_layout(start: bytes) -> tuple[int, int, int, int] | None:
    """Offset of the samples, their bytes, rate and channels of a 16-bit PCM WAV; None for others and for half a header."""
    if start[:4] != b"RIFF" or start[8:12] != b"WAVE":
        return None
    at, rate, channels = 12, 0, 0
    while at + 8 <= len(start):
        name, size = start[at : at + 4], struct.unpack_from("<I", start, at + 4)[0]
        if name == b"data":
            return (at + 8, size, rate, channels) if rate and channels else None
        if name == b"fmt " and at + 24 <= len(start):
            kind, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", start, at + 8)
            if kind not in (1, 0xFFFE) or bits != 16:
                return None
        at += 8 + size + size % 2
    return None


def sound_pieces(engine_id: str, headers: Mapping[str, str], chunks: Iterable[bytes]) -> Iterator[Audio]:
    """A WAV of 16-bit samples chunk by chunk as it arrives; any other container that PyAV reads, once it is complete.

    Raises BadResponse for an answer that calls itself text, is empty, holds no sound or ends amid a sample.
    """
    kind = headers.get("content-type", "").lower()
    if kind.startswith("text/") or "json" in kind or "xml" in kind:
        raise BadResponse(f"{engine_id} answered with {kind.partition(';')[0]} where audio was asked for")
    chunks, start, layout = iter(chunks), b"", None
    for chunk in chunks:
        start += chunk
        layout = _pcm16_layout(start)
        if layout or len(start) > _HEADER_BYTES:
            break
    if layout is None:
        yield _whole(engine_id, start + b"".join(chunks))
        return
    offset, size, rate, channels = layout
    left = size if 0 < size < _OPEN_ENDED else None
    held, frame, heard = b"", 2 * channels, False
    for chunk in chain([start[offset:]], chunks):
        held += chunk if left is None else chunk[:left]
        left = None if left is None else left - min(left, len(chunk))
        whole = len(held) - len(held) % frame
        if whole:
            yield Audio.from_pcm16(held[:whole], rate, channels)
            held, heard = held[whole:], True
    if held:
        raise BadResponse(f"{engine_id} ended its audio in the middle of a sample")
    if not heard:
        raise BadResponse(f"{engine_id} answered without any audio")


def _whole(engine_id: str, data: bytes) -> Audio:
    if not data:
        raise BadResponse(f"{engine_id} answered without any audio")
    try:
        return Audio.decode(data)
    except ValueError as error:
        raise BadResponse(f"{engine_id} answered with something that is not a sound file: {error}") from error
