"""Hostile and odd files, made on the spot and alike on every machine, each with the verdict that the intake must reach."""

from __future__ import annotations

import io
import os
import random
import socket
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path

import av
import numpy as np
import soundfile

RATE = 24_000
SECONDS = 2.0


@dataclass(frozen=True)
class Case:
    """`seconds`: the length that must be counted (+-0.05 s), a range for damaged files, None where the file must be refused."""

    name: str
    make: Callable[[], bytes] | Callable[[Path], Path]
    seconds: float | tuple[float, float] | None
    says: str = ""
    """Pattern that the refusal, or the joined warnings, must hold; "" for a sound file means that no warning may be given."""
    limits: dict = field(default_factory=dict)
    placed: bool = False
    """`make` takes a folder and returns the path, for what is more than the bytes of one file."""

    def put(self, folder: Path) -> Path:
        if self.placed:
            return self.make(folder)
        path = folder / self.name
        path.write_bytes(self.make())
        return path


# ---------------------------------------------------------------- sounds and encoders


def tone(seconds: float = SECONDS, rate: int = RATE, channels: int = 1, level: float = 0.3) -> np.ndarray:
    """float64 [frames, channels]; a little noise, so that no codec can shrink it to nothing."""
    time_s = np.arange(round(seconds * rate)) / rate
    noise = np.random.default_rng(7).normal(0, 0.02, (len(time_s), channels))
    return level * np.sin(2 * np.pi * 440 * time_s)[:, None] + noise


@cache
def written(
    container: str, subtype: str, seconds: float = SECONDS, rate: int = RATE, channels: int = 1, level: float = 0.3
) -> bytes:
    """A sound as libsndfile writes it."""
    target = io.BytesIO()
    soundfile.write(target, tone(seconds, rate, channels, level), rate, format=container, subtype=subtype)
    return target.getvalue()


@cache
def muxed(
    container: str, codec: str, *, tracks: int = 1, video: bool = False, rate: int = 48_000, options: str = "", audio: bool = True
) -> bytes:
    """A sound as FFmpeg's muxers write it, with `tracks` equal sound tracks and a moving picture if asked for."""
    target = io.BytesIO()
    settings = {"fflags": "+bitexact"} | dict(part.split("=") for part in options.split(",") if part)
    with av.open(target, "w", format=container, options=settings) as output:
        picture = output.add_stream("mpeg4", rate=10) if video else None
        if picture:
            picture.width, picture.height, picture.pix_fmt = 64, 48, "yuv420p"
        streams = [output.add_stream(codec, rate=rate, layout="mono") for _ in range(tracks if audio else 0)]
        if picture:
            for index in range(int(SECONDS * 10)):
                frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), index, np.uint8), format="rgb24")
                frame.pts = index
                output.mux(picture.encode(frame))
            output.mux(picture.encode(None))
        for stream in streams:
            sound = av.AudioFrame.from_ndarray(tone(rate=rate).T.astype(np.float32), format="fltp", layout="mono")
            sound.sample_rate, sound.pts = rate, 0
            shaper = av.AudioResampler(
                stream.codec_context.format, "mono", rate, frame_size=stream.codec_context.frame_size or 1024
            )
            for frame in [*shaper.resample(sound), *shaper.resample(None)]:
                output.mux(stream.encode(frame))
            output.mux(stream.encode(None))
    return target.getvalue()


def chunk(name: bytes, content: bytes, size: int | None = None) -> bytes:
    return name + struct.pack("<I", (len(content) if size is None else size) & 0xFFFFFFFF) + content + b"\0" * (len(content) % 2)


def wav(
    data: bytes,
    *,
    tag: int = 1,
    channels: int = 1,
    rate: int = RATE,
    bits: int = 16,
    align: int | None = None,
    claim: int | None = None,
    extra: bytes = b"",
) -> bytes:
    """A WAV file with any header: `claim` is the length that its data chunk states."""
    align = channels * bits // 8 if align is None else align
    layout = struct.pack("<HHIIHH", tag, channels, rate, rate * align & 0xFFFFFFFF, align & 0xFFFF, bits)
    return b"RIFF" + struct.pack("<I", 0xFFFFFFFF) + b"WAVE" + chunk(b"fmt ", layout) + extra + chunk(b"data", data, claim)


def pcm(seconds: float = SECONDS, rate: int = RATE) -> bytes:
    return (tone(seconds, rate) * 32767).astype("<i2").tobytes()


def floats(**placed: float) -> bytes:
    """Float32 samples with some of them replaced: floats(n5=nan) sets sample 5."""
    samples = tone()[:, 0].astype("<f4")
    for place, value in placed.items():
        samples[int(place[1:])] = value
    return wav(samples.tobytes(), tag=3, bits=32)


def rf64(claim: int) -> bytes:
    sizes = struct.pack("<QQQI", claim, claim, claim // 2, 0)
    layout = struct.pack("<HHIIHH", 1, 1, RATE, RATE * 2, 2, 16)
    body = chunk(b"ds64", sizes) + chunk(b"fmt ", layout) + chunk(b"data", pcm(), 0xFFFFFFFF)
    return b"RF64" + struct.pack("<I", 0xFFFFFFFF) + b"WAVE" + body


def id3(content: bytes, *, size: int | None = None) -> bytes:
    stated = len(content) if size is None else size
    return b"ID3\x03\x00\x00" + bytes(stated >> shift & 127 for shift in (21, 14, 7, 0)) + content


def id3_frame(name: bytes, content: bytes) -> bytes:
    return name + struct.pack(">I", len(content)) + b"\0\0" + content


def noise(size: int, seed: int = 3) -> bytes:
    return random.Random(seed).randbytes(size)


def cut(content: bytes, share: float) -> bytes:
    return content[: int(len(content) * share)]


def struck(content: bytes, share: float, size: int, filler: bytes = b"") -> bytes:
    """`size` bytes from `share` of the file on replaced by noise, or by `filler` over and over."""
    at = int(len(content) * share)
    return content[:at] + (filler * size if filler else noise(size))[:size] + content[at + size :]


def patched(content: bytes, mark: bytes, offset: int, value: bytes) -> bytes:
    """`value` written `offset` bytes after the start of the first `mark`."""
    at = content.index(mark) + offset
    return content[:at] + value + content[at + len(value) :]


def ogg_checksum(page: bytes) -> int:
    register = 0
    for byte in page:
        register ^= byte << 24
        for _ in range(8):
            register = (register << 1 ^ (0x04C11DB7 if register & 0x80000000 else 0)) & 0xFFFFFFFF
    return register


def resealed(content: bytes) -> bytes:
    """Every Ogg page with the checksum that its bytes now have."""
    pages = [bytearray(b"OggS" + page) for page in content.split(b"OggS")[1:]]
    for page in pages:
        page[22:26] = bytes(4)
        page[22:26] = struct.pack("<I", ogg_checksum(bytes(page)))
    return b"".join(pages)


def late_granule(content: bytes) -> bytes:
    """The last Ogg page claims ten hours."""
    at = content.rindex(b"OggS") + 6
    return resealed(content[:at] + struct.pack("<q", RATE * 36_000) + content[at + 8 :])


def first_pages(content: bytes, count: int) -> bytes:
    at = -1
    for _ in range(count + 1):
        at = content.index(b"OggS", at + 1)
    return content[:at]


# ---------------------------------------------------------------- what is more than bytes


def fifo(folder: Path) -> Path:
    path = folder / "fifo.wav"
    os.mkfifo(path)
    return path


def link(folder: Path, target: str = "") -> Path:
    path = folder / "link.wav"
    if not target:
        (folder / "real.wav").write_bytes(wav(pcm()))
    path.symlink_to(target or folder / "real.wav")
    return path


def directory(folder: Path) -> Path:
    path = folder / "folder.wav"
    path.mkdir()
    return path


def unix_socket(folder: Path) -> Path:
    path = folder / "s.wav"
    with socket.socket(socket.AF_UNIX) as listener:
        here = Path.cwd()
        os.chdir(folder)  # a socket's path may have about 100 characters, a test folder's has more
        try:
            listener.bind(path.name)
        finally:
            os.chdir(here)
    return path


def sparse(folder: Path, head: bytes, size: int) -> Path:
    path = folder / "sparse.wav"
    with path.open("wb") as file:
        file.write(head)
        file.truncate(size)
    return path


def beside(folder: Path, name: str, text: str) -> Path:
    """A playlist with a sound's name, next to the sound that it wants read."""
    (folder / "sibling.wav").write_bytes(wav(pcm()))
    path = folder / name
    path.write_text(text)
    return path


def big_cover(folder: Path) -> Path:
    """An MP3 with a 190 MB picture in its tag, as a sparse file."""
    size, path = 190 << 20, folder / "cover.mp3"
    with path.open("wb") as file:
        file.write(id3(b"APIC" + struct.pack(">I", size) + b"\0\0" + b"\0image/png\0\3\0", size=size + 10))
        file.seek(size)
        file.write(written("MP3", "MPEG_LAYER_III"))
    return path


def at(path: str, folder: Path) -> Path:
    return folder / path


# ---------------------------------------------------------------- the cases

FLAC, MP3 = partial(written, "FLAC", "PCM_16"), partial(written, "MP3", "MPEG_LAYER_III")
VORBIS, OPUS = partial(written, "OGG", "VORBIS"), partial(written, "OGG", "OPUS")
M4A, WEBM = partial(muxed, "mp4", "aac"), partial(muxed, "webm", "libopus")
FAST_M4A = partial(muxed, "mp4", "aac", options="moov_size=20000")
DAMAGED = "damaged|could be decoded|breaks off|not be read|not read"

SOUND = [
    *(
        Case(f"{container}_{subtype}.{container}".lower(), partial(written, container, subtype), SECONDS)
        for container, subtypes in {
            "WAV": "PCM_U8 PCM_16 PCM_24 PCM_32 FLOAT DOUBLE ULAW ALAW IMA_ADPCM MS_ADPCM",
            "WAVEX": "PCM_16 FLOAT",
            "RF64": "PCM_16 PCM_24",
            "AIFF": "PCM_S8 PCM_16 PCM_24 FLOAT DOUBLE ULAW IMA_ADPCM",
            "FLAC": "PCM_S8 PCM_16 PCM_24",
            "OGG": "VORBIS OPUS",
            "MP3": "MPEG_LAYER_III",
        }.items()
        for subtype in subtypes.split()
    ),
    Case("gsm.wav", partial(written, "WAV", "GSM610", rate=8000), SECONDS),
    Case("mp3_inside.wav", partial(muxed, "wav", "libmp3lame"), SECONDS),
    Case("aac.m4a", M4A, SECONDS),
    Case("alac.m4a", partial(muxed, "mp4", "alac"), SECONDS),
    Case("fragmented.mp4", partial(muxed, "mp4", "aac", options="movflags=+frag_keyframe+empty_moov"), SECONDS),
    Case("opus.webm", WEBM, SECONDS),
    Case("flac.mka", partial(muxed, "matroska", "flac"), SECONDS),
    Case("adts.aac", partial(muxed, "adts", "aac"), SECONDS),
    Case("film.mp4", partial(muxed, "mp4", "aac", video=True), SECONDS),
    *(
        Case(f"rate_{rate}.wav", partial(written, "WAV", "PCM_16", rate=rate), SECONDS)
        for rate in (4000, 11025, 12345, 192_000, 384_000)
    ),
    *(Case(f"channels_{n}.wav", partial(written, "WAV", "PCM_16", channels=n), SECONDS) for n in (2, 3, 5, 7, 8)),
    Case("one_sample.wav", lambda: wav(b"\x10\x20"), 1 / RATE),
    Case("flac_called.wav", FLAC, SECONDS),
    Case("wav_called.txt", partial(wav, pcm()), SECONDS),
    Case("id3_before_mp3.mp3", lambda: id3(id3_frame(b"TIT2", b"\3title")) + MP3(), SECONDS),
    Case("id3_before_flac.flac", lambda: id3(id3_frame(b"TIT2", b"\3title")) + FLAC(), SECONDS),
    Case("title_not_utf8.mp3", lambda: id3(id3_frame(b"TIT2", b"\3\xff\xfe\xc3\x28")) + MP3(), SECONDS),
    Case("title_not_utf8.wav", lambda: wav(pcm(), extra=chunk(b"LIST", b"INFO" + chunk(b"INAM", b"\xff\xfe\xc3\x28"))), SECONDS),
    Case("title_not_utf8.ogg", lambda: resealed(VORBIS().replace(b"ENCODER=", b"\xff\xfe\xc3\x28DER=", 1)), SECONDS),
    Case("junk_chunks.wav", lambda: wav(pcm(), extra=chunk(b"JUNK", b"x") * 20_000), SECONDS),
    Case("odd_chunk_names.wav", lambda: wav(pcm(), extra=chunk(b"\0\xff\n'", noise(99)) * 100), SECONDS),
    Case("cover_2_mb.mp3", lambda: id3(id3_frame(b"APIC", b"\0image/png\0\3\0" + noise(2_000_000))) + MP3(), SECONDS),
    Case("id3_at_the_end.mp3", lambda: MP3() + b"TAG" + bytes(125), SECONDS),
]
ODD = [
    Case("silent.wav", partial(wav, bytes(48_000)), 1.0, "silent"),
    Case("loud.wav", partial(written, "WAV", "FLOAT", level=3.0), SECONDS, "times full scale"),
    Case("two_tracks.mp4", partial(muxed, "mp4", "aac", tracks=2), SECONDS, "2 sound tracks"),
    Case("twice.flac", lambda: FLAC() + FLAC(), 2 * SECONDS, "header says 2.00 s, 4.00 s"),
    Case("twice.wav", lambda: written("WAV", "PCM_16") * 2, SECONDS, "bytes after the last sample"),
    Case("chain.ogg", lambda: VORBIS() + VORBIS(seconds=1.5), 3.5, "2 recordings"),
    Case("chain_of_itself.ogg", lambda: VORBIS() * 3, 6.0, "3 recordings"),
    Case("chain_of_rates.ogg", lambda: VORBIS() + VORBIS(rate=16_000), 4.0, "converted to 24000 Hz"),
    Case("chain_of_channels.ogg", lambda: VORBIS() + VORBIS(channels=2), 4.0, "converted to 24000 Hz, mono"),
    Case("chain_of_codecs.ogg", lambda: VORBIS() + OPUS(), 4.0, "2 recordings"),
    Case("chain_opus.ogg", lambda: OPUS() + OPUS(seconds=0.5), 2.5, "2 recordings"),
    Case("chain_of_wide_rates.ogg", lambda: OPUS(seconds=0.2) + VORBIS(rate=8000), 2.2, "converted to 48000 Hz"),
    Case("chain_cut.ogg", lambda: VORBIS() + cut(VORBIS(), 0.8), (2.2, 4.0), "breaks off"),
    Case("claims_10_hours.wav", partial(wav, pcm(), claim=RATE * 2 * 36_000), SECONDS, "breaks off"),
    Case("claims_4_gib.wav", partial(wav, pcm(), claim=0xFFFFFFFF), SECONDS),
    Case("claims_nothing.wav", partial(wav, pcm(), claim=0), SECONDS),
    Case("claims_2_to_62.wav", partial(rf64, 2**62), SECONDS, "header says"),
    Case("claims_10_hours.ogg", lambda: late_granule(VORBIS()), (1.9, 2.1), "header says"),
    Case("claims_2_to_36.flac", lambda: patched(FLAC(), b"fLaC", 21, b"\xf0\xff\xff\xff\xff"[1:]), SECONDS, "header says"),
    Case("claims_2_to_31.aiff", lambda: patched(written("AIFF", "PCM_16"), b"COMM", 10, b"\x7f\xff\xff\xff"), SECONDS, ".*"),
    Case("claims_many_frames.mp3", lambda: patched(MP3(), b"Xing", 8, b"\x00\xff\xff\xff"), SECONDS, "header says"),
    Case("half.wav", lambda: cut(written("WAV", "PCM_16"), 0.5), 1.0, "breaks off"),
    Case("odd_byte.wav", lambda: written("WAV", "PCM_16")[:-1], SECONDS, "breaks off"),
    Case("half.aiff", lambda: cut(written("AIFF", "PCM_16"), 0.5), 1.0, "header says"),
    Case("half.flac", lambda: cut(FLAC(), 0.5), (0.8, 1.1), DAMAGED),
    Case("half.mp3", lambda: cut(MP3(), 0.5), (0.8, 1.2), DAMAGED),
    Case("half_vorbis.ogg", lambda: cut(VORBIS(), 0.7), (0.1, 1.9), "breaks off"),
    Case("half_opus.ogg", lambda: cut(OPUS(), 0.7), (0.1, 1.9), "breaks off"),
    Case("half_fast.m4a", lambda: cut(FAST_M4A(), 0.75), (0.5, 1.2), DAMAGED),
    Case("half.webm", lambda: cut(WEBM(), 0.5), (0.5, 1.2), DAMAGED),
    Case("bad_packet.mp3", lambda: struck(MP3(), 0.5, 200), (1.8, 2.05), DAMAGED),
    Case("zeroed_packets.mp3", lambda: struck(MP3(), 0.5, 600, b"\0"), (1.7, 2.05), DAMAGED),
    Case("bad_frame.flac", lambda: struck(FLAC(), 0.5, 300), (1.6, 2.05), DAMAGED),
    Case("bad_page.ogg", lambda: struck(VORBIS(), 0.7, 200), (0.5, 2.05), DAMAGED),
    Case("bad_packets.aac", lambda: struck(muxed("adts", "aac"), 0.5, 1500), (1.6, 2.05), DAMAGED),
    Case("text_behind.wav", lambda: written("WAV", "PCM_16") + b"hello\n" * 20_000, SECONDS, "after the last sample"),
    Case("zeros_behind.flac", lambda: FLAC() + bytes(1_000_000), SECONDS),
]


def disguised(magic: bytes) -> bytes:
    return magic + noise(20_000)


REFUSED = [
    *(
        Case(f"{name}.wav", partial(bytes, content), None, "not a sound file that is read here")
        for name, content in {
            "one_byte": b"R",
            "text": b"Dear reader,\n" * 50,
            "zip": b"PK\x03\x04" + noise(500),
            "png": b"\x89PNG\r\n\x1a\n" + noise(500),
            "html": b"<!doctype html><script>alert(1)</script>",
            "json": b'{"audio": []}',
            "elf": b"\x7fELF" + noise(500),
            "gzip": b"\x1f\x8b\x08" + noise(500),
            "webp": b"RIFF\xff\x00\x00\x00WEBPVP8 " + noise(500),
            "avi": b"RIFF\xff\x00\x00\x00AVI LIST" + noise(500),
            "midi": b"MThd\0\0\0\6\0\0\0\1\0\x60" + noise(100),
            "utf16": "plain text".encode("utf-16"),
            "noise": noise(5000, seed=11),
            "zeros": bytes(5000),
            "ones": b"\xff" * 100_000,
            "sd2_script": b"#!/bin/sh\nreboot\n",
            "riff_alone": b"RIFF",
        }.items()
    ),
    Case("byte_order_mark_before.wav", lambda: b"\xef\xbb\xbf" + wav(pcm()), None, "not a sound file"),
    Case("zeros_before.mp3", lambda: bytes(1000) + MP3(), None, "not a sound file"),
    Case("empty.wav", bytes, None, "is empty"),
    *(
        Case(f"only_magic_{name}", partial(disguised, magic), None, "damaged|no sound|no samples|codec|fail|longer|rate|channels")
        for name, magic in {
            "a.wav": b"RIFF\0\0\0\0WAVE",
            "b.flac": b"fLaC\0\0\0\x22",
            "c.ogg": b"OggS\0\2",
            "d.m4a": b"\0\0\0\x20ftypM4A ",
            "e.webm": b"\x1aE\xdf\xa3",
            "f.mp3": b"ID3\3\0\0\0\0\0\x0a",
            "g.aiff": b"FORM\0\0\0\0AIFF",
            "h.mp3": b"\xff\xfb\x90\x64",
            "i.aac": b"\xff\xf1\x50\x80",
        }.items()
    ),
    Case("header_only.wav", partial(wav, b""), None, "no samples|damaged"),
    Case("header_only.flac", lambda: FLAC()[:86], None, "no samples|damaged"),
    Case("header_only.mp3", lambda: id3(id3_frame(b"TIT2", b"\3title")), None, "no sound|no samples|damaged"),
    Case("header_only.ogg", lambda: first_pages(VORBIS(), 2), None, "no samples|damaged"),
    Case("header_only.aiff", partial(written, "AIFF", "PCM_16", 0.0), None, "no samples|damaged"),
    Case("header_only.m4a", lambda: M4A()[:32], None, "damaged|no sound"),
    Case("header_only.webm", lambda: WEBM()[:60], None, "damaged|no sound|no samples"),
    Case("index_cut_off.m4a", lambda: cut(M4A(), 0.8), None, "damaged"),
    Case("no_sound_track.mp4", partial(muxed, "mp4", "aac", video=True, audio=False), None, "no sound track"),
    Case("unlisted_codec.mka", partial(muxed, "matroska", "tta"), None, "codec"),
    *(Case(f"channels_{n}.wav", partial(wav, pcm(), channels=n), None, "channels|damaged") for n in (0, 9, 1000, 65_535)),
    *(
        Case(f"rate_{rate}.wav", partial(wav, pcm(), rate=rate), None, "rate|damaged")
        for rate in (0, 1, 3999, 384_001, 2**31 - 1, 2**32 - 1)
    ),
    Case("bits_0.wav", partial(wav, pcm(), bits=0), None, "damaged|codec|no samples|fail"),
    Case("format_unknown.wav", partial(wav, pcm(), tag=0xBEEF), None, "codec|damaged|no sound"),
    Case("nan.wav", partial(floats, n5=np.nan), None, "not numbers"),
    Case("nan_at_the_end.wav", partial(floats, n47999=np.nan), None, "not numbers"),
    Case("infinite.wav", partial(floats, n5=np.inf), None, "not numbers"),
    Case("minus_infinite.wav", partial(floats, n5=-np.inf), None, "not numbers"),
    Case("beyond_float32.wav", lambda: wav(np.full(RATE, 1e300).astype("<f8").tobytes(), tag=3, bits=64), None, "not numbers"),
    Case("floats_as_integers.wav", partial(written, "WAV", "FLOAT", level=32767.0), None, "full scale"),
    Case("bomb.flac", partial(written, "FLAC", "PCM_16", 300.0, 8000, 1, 0.0), None, "longer than 30 s", {"longest_s": 30.0}),
    Case("bomb_wide.flac", partial(written, "FLAC", "PCM_16", 5.0, 192_000, 8), None, "more than 20 MB", {"decoded_mb": 20.0}),
    Case("bomb_opus.ogg", partial(written, "OGG", "OPUS", 60.0, 8000), None, "longer than 30 s", {"longest_s": 30.0}),
    Case("large.wav", lambda: wav(pcm(30.0)), None, "1.4 MB large", {"file_mb": 1.0}),
    Case("folder", directory, None, "is a folder", placed=True),
    Case("fifo", fifo, None, "not a regular file", placed=True),
    Case("link", link, None, "not a regular file", placed=True),
    Case("link_to_zero", partial(link, target="/dev/zero"), None, "not a regular file", placed=True),
    Case("link_to_nothing", partial(link, target="/nonexistent"), None, "not a regular file", placed=True),
    Case("socket", unix_socket, None, "not a regular file", placed=True),
    Case("device", lambda folder: Path("/dev/zero"), None, "not a regular file", placed=True),
    Case("missing", partial(at, "missing.wav"), None, "cannot be opened", placed=True),
    Case("nul_in_path", partial(at, "a\0b.wav"), None, "cannot be opened", placed=True),
    Case("name_too_long", partial(at, "x" * 300 + ".wav"), None, "cannot be opened", placed=True),
    Case("sparse_4_gib", partial(sparse, head=wav(b"", claim=0xFFFFFFFF), size=1 << 32), None, "4295.0 MB large", placed=True),
    Case("sparse_text", partial(sparse, head=b"hello", size=190_000_000), None, "not a sound file", placed=True),
    Case("cover_190_mb", big_cover, None, "memory", placed=True),
    *(
        Case(name, partial(beside, name=f"{name}.wav", text=text), None, "not a sound file", placed=True)
        for name, text in {
            "ffconcat": "ffconcat version 1.0\nfile sibling.wav\n",
            "ffconcat_url": "ffconcat version 1.0\nfile http://127.0.0.1:9/a.wav\n",
            "m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nsibling.wav\n#EXT-X-ENDLIST\n",
            "m3u8_url": "#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:2,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n",
            "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 9 RTP/AVP 0\n",
            "pls": "[playlist]\nFile1=sibling.wav\nNumberOfEntries=1\n",
            "dash": "<?xml version='1.0'?><MPD xmlns='urn:mpeg:dash:schema:mpd:2011'><Period/></MPD>",
            "imf": "<?xml version='1.0'?><CompositionPlaylist><Id>urn:uuid:0</Id></CompositionPlaylist>",
        }.items()
    ),
    Case("svg_bomb.wav", lambda: zlib.compress(bytes(10_000_000)), None, "not a sound file"),
]
CASES = SOUND + ODD + REFUSED
