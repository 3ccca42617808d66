"""A person's own OpenAI-shaped server: no usage, speech as a WAV file (from the protocol, not recorded)."""

from fake_groq import FakeGroq
from fake_openai import FakeOpenAI


class FakeCompatible(FakeGroq):
    routes = FakeOpenAI.routes

    def transcribe(self, seen):
        reply = super().transcribe(seen)
        del reply.headers["x-request-id"]
        return reply
