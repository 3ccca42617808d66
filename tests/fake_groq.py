"""Groq's OpenAI-shaped paths: no usage in its answers, speech as a WAV file (from docs, not recorded)."""

from __future__ import annotations

import json

from fake_api import Reply, Seen, held
from fake_openai import FakeOpenAI

from engine.audio import Audio


class FakeGroq(FakeOpenAI):
    routes = tuple((method, "/openai" + path, name) for method, path, name in FakeOpenAI.routes)

    def transcribe(self, seen: Seen) -> Reply:
        reply = super().transcribe(seen)
        answer = json.loads(reply.body)
        del answer["usage"]
        return Reply(200, json.dumps(answer | {"x_groq": {"id": "req_groq"}}).encode(), reply.headers)

    def wav(self) -> bytes:
        return Audio.from_pcm16(self.pcm, 24_000).to_wav()

    def speak(self, seen: Seen) -> Reply:
        return Reply(200, held(self.wav(), self.pcm_chunk, self.hold), self._headers("audio/wav"))
