"""The decoder's own process: an untrusted file on stdin, its packets' samples on stdout, nothing else within reach.

`comparisons._reader` starts this file with `python -I -S`, so nothing of the environment's start-up runs; only the
standard library and PyAV are imported. Frames on stdout: one JSON line, then `bytes` bytes of payload. The lines, in order:
{"ready"} once PyAV is imported and the limits hold; {"opened": facts}; any number of {"format", "rate", "channels", "frames",
"bytes"} with the decoder's own samples, planar formats channel after channel; {"done": facts}. {"refused": reason} ends it early.
Every judgement on rate, length and values is the reader's: this process is assumed to be in the hands of the file.
"""

import json
import resource
import sys
from pathlib import Path

BLOCK_BYTES = 1 << 18
MEMORY_BYTES = 256 << 20
"""Address space beyond what the imports take: enough for every decoder listed, and it holds the process below 300 MB."""
READ_FAULTS = 8
"""Failed reads in a row after which the rest of the file is given up."""
DECODERS = (
    "aac,ac3,adpcm_ima_qt,adpcm_ima_wav,adpcm_ms,adpcm_yamaha,alac,eac3,flac,gsm_ms,mp1,mp1float,mp2,mp2float,mp3,mp3float,opus,"
    "pcm_alaw,pcm_f32be,pcm_f32le,pcm_f64be,pcm_f64le,pcm_mulaw,pcm_s16be,pcm_s16le,pcm_s24be,pcm_s24le,pcm_s32be,pcm_s32le,"
    "pcm_s64le,pcm_s8,pcm_u8,vorbis"
)
"""FFmpeg's names of the decoders that may be opened, also while the container is probed: no pictures, no video."""


class Refused(Exception):
    """Carries a reason of `comparisons._reader.REFUSALS`."""


def send(head: dict, payload: bytes = b"") -> None:
    sys.stdout.buffer.write(json.dumps(head).encode() + b"\n" + payload)
    sys.stdout.buffer.flush()


def shut_in(cpu_s: int) -> None:
    """Give up what a decoder never needs: new descriptors (so no file and no socket), files to write, memory, time."""
    if sys.platform == "linux":  # other kernels do not enforce a limit on the address space
        room = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize() + MEMORY_BYTES
        resource.setrlimit(resource.RLIMIT_AS, (room, room))
    for limit, value in (
        (resource.RLIMIT_CPU, cpu_s),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, 3),
    ):
        resource.setrlimit(limit, (value, value))


class Blocks:
    """Frames of one sample format, rate and channel count gathered to blocks worth a system call."""

    def __init__(self) -> None:
        self.kind, self.planes, self.frames = None, [], 0

    def add(self, frame) -> None:
        kind = (frame.format.name, frame.sample_rate, frame.layout.nb_channels)
        if kind != self.kind:
            self.flush()
            self.kind, self.planes = kind, [bytearray() for _ in frame.planes]
        width = frame.format.bytes * (1 if frame.format.is_planar else kind[2])
        for plane, content in zip(self.planes, frame.planes, strict=True):
            plane.extend(memoryview(content)[: frame.samples * width])  # a plane may be padded
        self.frames += frame.samples
        if self.frames * frame.format.bytes * kind[2] >= BLOCK_BYTES:
            self.flush()

    def flush(self) -> None:
        if self.frames:
            payload = b"".join(self.planes)
            head = dict(zip(("format", "rate", "channels"), self.kind, strict=True))
            send({**head, "frames": self.frames, "bytes": len(payload)}, payload)
        self.frames, self.planes = 0, [bytearray() for _ in self.planes]


class Part:
    """The bytes `start` to `end` of a file as a file of their own."""

    def __init__(self, file, start: int, end: int) -> None:
        self.file, self.start, self.end, self.position = file, start, end, 0

    def read(self, size: int) -> bytes:
        self.file.seek(self.start + self.position)
        content = self.file.read(max(0, min(size, self.end - self.start - self.position)))
        self.position += len(content)
        return content

    def seek(self, offset: int, whence: int = 0) -> int:
        self.position = max(0, offset + (0, self.position, self.end - self.start)[whence])
        return self.position

    def tell(self) -> int:
        return self.position


def ogg_links(file, size: int) -> tuple[list[tuple[int, int]], bool]:
    """Where each recording of a chained Ogg file starts and ends, and whether the last one has its end mark.

    Decoders stop at, or stumble over, a link whose rate or codec differs from the first one's.
    """
    starts, position, was_first, whole = [0], 0, True, False
    while position < size:
        file.seek(position)
        page = file.read(27 + 255)
        if len(page) < 27 or not page.startswith(b"OggS"):
            found = page.find(b"OggS", 1)
            position += found if found > 0 else max(1, len(page) - 3)
            whole = False
            continue
        is_first = bool(page[5] & 2)
        if is_first and not was_first:
            starts.append(position)
        position += 27 + page[26] + sum(page[27 : 27 + page[26]])
        was_first, whole = is_first, bool(page[5] & 4) and position <= size
    return list(zip(starts, [*starts[1:], size], strict=True)), whole


def wav_is_whole(file, size: int) -> bool:
    """Whether the file is as long as its sound says: FFmpeg plays a shorter one as if nothing were missing."""
    file.seek(0)
    order = "big" if file.read(12).startswith(b"RIFX") else "little"
    position = 12
    while position + 8 <= size:
        file.seek(position)
        name, stated = file.read(4), int.from_bytes(file.read(4), order)
        if name == b"data":
            return stated in (0, 0xFFFFFFFF) or position + 8 + stated <= size  # both are what a stream's writer leaves
        position += 8 + stated + stated % 2
    return True


def packets(container, stream, faults: dict):
    """Every packet that can be read, then None. A failed read is counted and the next one tried, as players do."""
    import av

    in_a_row = 0
    while in_a_row < READ_FAULTS:
        try:
            for packet in container.demux(stream):
                in_a_row = 0
                if packet.size:
                    yield packet
            break
        except MemoryError:
            raise
        except av.FFmpegError:
            faults["unread"] += 1
            in_a_row += 1
    else:
        faults["gave_up"] = True
    yield None


def decode(file, formats: str, blocks: Blocks, faults: dict) -> None:
    """Send everything that the first sound track of one recording decodes to."""
    import av

    options = {"format_whitelist": formats, "protocol_whitelist": "file", "codec_whitelist": DECODERS}
    with av.open(file, container_options=options, metadata_errors="replace") as container:
        if not container.streams.audio:
            raise Refused("no_audio")
        stream = container.streams.audio[0]
        codec = stream.codec_context
        if codec is None or codec.name not in DECODERS.split(","):
            raise Refused("codec")
        codec.thread_count = 1
        claimed_s = float(stream.duration * stream.time_base) if stream.duration else (container.duration or 0) / 1e6
        send({"opened": {"codec": codec.name, "tracks": len(container.streams.audio), "claimed_s": claimed_s}})
        for packet in packets(container, stream, faults):
            if packet is not None:
                faults["packets"] += 1
                faults["end"] = max(faults["end"], (packet.pos or 0) + packet.size)
            try:
                for frame in codec.decode(packet):
                    blocks.add(frame)
            except MemoryError:
                raise
            except av.FFmpegError:
                faults["damaged"] += 1


def decode_all(formats: str) -> None:
    """Decode every recording in the file, whole or as far as it goes."""
    file = open(0, "rb", buffering=0)  # noqa: SIM115 - the process's own stdin
    size = file.seek(0, 2)
    parts, whole = ogg_links(file, size) if formats == "ogg" else ([(0, size)], formats != "wav" or wav_is_whole(file, size))
    faults = {"packets": 0, "damaged": 0, "unread": 0, "gave_up": False, "end": 0, "parts": len(parts), "whole": whole}
    blocks = Blocks()
    for start, end in parts:
        decode(Part(file, start, end), formats, blocks, faults)
    blocks.flush()
    send({"done": faults})


def main() -> None:
    settings = json.loads(sys.argv[1])
    sys.path.append(settings["packages"])
    import av
    import av.subtitles.codeccontext
    import av.subtitles.stream  # PyAV imports these on first use, when no file can be opened any more

    shut_in(settings["cpu_s"])
    send({"ready": True})
    try:
        decode_all(settings["formats"])
    except Refused as reason:
        send({"refused": str(reason)})
    except MemoryError:
        send({"refused": "memory"})
    except av.FFmpegError:
        send({"refused": "unreadable"})


if __name__ == "__main__":
    main()
