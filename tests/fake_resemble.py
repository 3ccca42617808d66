"""Resemble AI's streaming synthesis: a WAV with its cue points before the samples (from docs, not recorded)."""

from __future__ import annotations

import struct
import threading

from fake_api import Reply, Seen, held, sine


def annotated_wav(pcm: bytes, rate: int) -> bytes:
    """A mono 16-bit WAV of unknown length whose header carries chunks that are not sound, one of them of odd size."""
    layout = struct.pack("<HHIIHH", 1, 1, rate, rate * 2, 2, 16)
    cues = struct.pack("<I", 1) + struct.pack("<II4sIII", 0, 0, b"data", 0, 0, 0)
    labels = b"adtl" + b"ltxt\x05\x00\x00\x00Hello"
    body = b"WAVEfmt " + struct.pack("<I", len(layout)) + layout + b"cue " + struct.pack("<I", len(cues)) + cues
    body += b"list" + struct.pack("<I", len(labels)) + labels + b"\0" * (len(labels) % 2)
    return b"RIFF\xff\xff\xff\xff" + body + b"data\xff\xff\xff\xff" + pcm


class FakeResemble:
    routes = (("POST", r"/stream", "speak"),)
    endless = b"\0\1" * 32_768

    def __init__(self) -> None:
        self.pcm = sine(0.5, rate=48_000)
        self.hold: threading.Event | None = None
        """Speech stops after its first piece until this is set."""

    def content_type(self, seen: Seen) -> str:
        return "audio/wav"

    def error(self, status: int, name: str, key: str) -> Reply:
        said = {"gone": "The model was retired.", "no_quota": "Insufficient credits: top up your account."}
        return Reply.of_json({"success": False, "message": said.get(name, f"Refused for {key}\nsecond line")}, status)

    def speak(self, seen: Seen) -> Reply:
        headers = {"content-type": "audio/wav", "x-request-id": "res-1"}
        return Reply(200, held(annotated_wav(self.pcm, 48_000), 1_001, self.hold), headers)
