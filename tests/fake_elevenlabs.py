"""ElevenLabs' transcription, speech, music and separation, shaped after the SDK's models (from docs, not recorded)."""

from __future__ import annotations

import base64
import contextlib
import functools
import io
import json
import threading
import zipfile
from typing import Any

import av
import numpy as np
from fake_api import Reply, Seen, held, sine
from websockets.exceptions import ConnectionClosedError


@functools.cache
def mp3(seconds: float, hz: float = 440.0) -> bytes:
    """A quiet stereo tone as MP3 at 44.1 kHz."""
    file = io.BytesIO()
    tone = (0.25 * np.sin(2 * np.pi * hz * np.arange(round(seconds * 44_100)) / 44_100)).astype(np.float32)
    with av.open(file, "w", format="mp3") as container:
        stream = container.add_stream("libmp3lame", rate=44_100, layout="stereo")
        frame = av.AudioFrame.from_ndarray(np.stack([tone, tone]), format="fltp", layout="stereo")
        frame.sample_rate = 44_100
        for packet in (*stream.encode(frame), *stream.encode(None)):
            container.mux(packet)
    return file.getvalue()


def zipped(files: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return file.getvalue()


class FakeElevenLabs:
    routes = (
        ("POST", r"/v1/speech-to-text", "transcribe"),
        ("GET", r"/v1/speech-to-text/realtime", "refuse_plain"),
        ("POST", r"/v1/text-to-speech/\w+/stream", "speak"),
        ("POST", r"/v1/music/stream", "music"),
        ("POST", r"/v1/audio-isolation", "isolate"),
        ("POST", r"/v1/music/stem-separation", "stems"),
        ("GET", r"/v2/voices", "list_voices"),
    )
    endless = b"\0\1" * 32_768

    def __init__(self) -> None:
        self.pcm = sine(0.5)
        self.hold: threading.Event | None = None
        """Speech and music stop after their first piece until this is set."""
        self.archive: bytes | None = None
        """What stem separation answers instead of its stems."""
        self.terminal = True
        """False: the live session never commits the rest."""
        labels = {"language": "en", "accent": "american"}
        self.voices: list[dict[str, Any]] = [
            {"voice_id": "EXAVITQu4vr4xnSDxMaL", "name": "Sarah", "labels": labels, "description": "Reassuring."},
            {"voice_id": "Own0000000000000aZ09", "name": "My own", "labels": None, "description": None},
        ]
        """What the account may use, in the vendor's order."""
        self.refusal: dict[str, str] | None = None
        """A message that the live session ends with."""

    def content_type(self, seen: Seen) -> str:
        return "application/json" if seen.path.endswith(("speech-to-text", "voices")) else "audio/mpeg"

    def error(self, status: int, name: str, key: str) -> Reply:
        said = "The model is no longer available." if name == "gone" else f"Refused for {key}\nsecond line"
        code = "quota_exceeded" if name == "no_quota" else name
        return Reply.of_json({"detail": {"status": code, "message": said}}, status, request_id="el-failed")

    def refuse_plain(self, seen: Seen) -> Reply:
        return Reply.of_json({"detail": {"status": "invalid", "message": "no websocket"}}, 400)

    def transcribe(self, seen: Seen) -> Reply:
        assert seen.wav, "the upload holds no WAV"
        asked = dict(seen.fields)
        words = []
        for at, text in enumerate(("The", " ", "quick", "(laughter)")):
            kind = {" ": "spacing", "(laughter)": "audio_event"}.get(text, "word")
            words.append({"text": text, "start": 0.1 * at, "end": 0.1 * at + 0.1, "type": kind, "logprob": -0.1})
            if asked.get("diarize"):
                words[-1]["speaker_id"] = "speaker_0"
        answer = {"language_code": "eng", "language_probability": 0.98, "text": "The quick", "transcription_id": "el-0"}
        answer |= {"words": words if asked["timestamps_granularity"] == "word" else [], "audio_duration_secs": seen.wav[0]}
        return Reply.of_json(answer, request_id="el-1")

    def speak(self, seen: Seen) -> Reply:
        headers = {"content-type": "audio/pcm", "request-id": "el-2", "character-cost": str(len(seen.json()["text"]))}
        return Reply(200, held(self.pcm, 1_001, self.hold), headers)

    def list_voices(self, seen: Seen) -> Reply:
        """Pages of at most page_size; the token says where the next one begins."""
        asked = dict(seen.query)
        start, size = int(asked.get("next_page_token", "from-0").removeprefix("from-")), int(asked["page_size"])
        more = start + size < len(self.voices)
        answer = {"voices": self.voices[start : start + size], "has_more": more, "total_count": 0}
        return Reply.of_json(answer | {"next_page_token": f"from-{start + size}" if more else None})

    def music(self, seen: Seen) -> Reply:
        sound = mp3((seen.json().get("music_length_ms") or 1_000) / 1_000)
        return Reply(200, held(sound, 5_001, self.hold), {"content-type": "audio/mpeg", "song-id": "song-1"})

    def isolate(self, seen: Seen) -> Reply:
        assert seen.wav, "the upload holds no WAV"
        return Reply(200, mp3(seen.wav[0]), {"content-type": "audio/mpeg", "request-id": "el-3"})

    def stems(self, seen: Seen) -> Reply:
        assert seen.wav, "the upload holds no WAV"
        names = ("vocals", "instrumental")
        if dict(seen.fields)["stem_variation_id"] == "six_stems_v1":
            names = ("vocals", "drums", "bass", "guitar", "piano", "other")
        files = {f"song/{name}.mp3": mp3(seen.wav[0], 220.0 + 110.0 * at) for at, name in enumerate(names)}
        return Reply(200, self.archive or zipped(files), {"content-type": "application/zip", "request-id": "el-4"})

    def websocket(self, connection: Any, seen: Seen, trouble: str, stopping: threading.Event) -> None:
        """Answers every 0.2 s of sound with a partial transcript, and the commit with what was said."""

        def said(kind: str, text: str, **more: Any) -> None:
            connection.send(json.dumps({"message_type": kind, "text": text, **more}))

        if not trouble:
            connection.send(json.dumps({"message_type": "session_started", "session_id": "el-5", "config": {}}))
        received, committed = 0, False
        with contextlib.suppress(ConnectionClosedError):
            for text in connection:
                message = json.loads(text)
                sound = base64.b64decode(message["audio_base_64"])
                seen.messages.append({**message, "audio_base_64": len(sound)})
                received += len(sound)
                if message["commit"]:
                    committed = True
                    break
                if received % 6_400 == 0 and not trouble:
                    said("partial_transcript", "the quick")
        if trouble in ("stall_midway", "drip"):
            stopping.wait(5.0)
        elif trouble in ("truncated_json", "wrong_json", "html", "unlabelled_text"):
            connection.send({"wrong_json": '{"nothing": 1}'}.get(trouble, '{"message_type": "par'))
        elif trouble == "cut":
            connection.socket.close()
        elif trouble == "endless":
            while not stopping.is_set():
                connection.send("x" * 1_000_000)
        elif self.refusal:
            connection.send(json.dumps(self.refusal))
        elif committed and self.terminal and trouble != "empty":
            said("committed_transcript", "The quick fox.")
            if dict(seen.query).get("include_timestamps") == "true":
                words = [{"text": "The", "start": 0.0, "end": 0.1, "type": "word", "logprob": 0.0}]
                said("committed_transcript_with_timestamps", "The quick fox.", language_code="en", words=words)
            with contextlib.suppress(ConnectionClosedError):
                connection.recv(timeout=5.0)
