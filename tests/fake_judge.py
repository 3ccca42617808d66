"""Text models that judge, shaped after OpenAI's, Mistral's and Gemini's chats (from docs, not recorded): verdicts by script."""

from __future__ import annotations

import json
from typing import Any

from fake_api import Reply, Seen


class FakeJudge:
    """Gives `verdicts` one after the other, the last one for ever, and remembers what it was asked."""

    routes = (
        ("POST", r"/v1/chat/completions", "chat"),
        ("POST", r"/v1beta/models/[\w.-]+:generateContent", "generate"),
    )
    endless = b" " * 65_536

    def __init__(self, *verdicts: Any) -> None:
        self.verdicts = list(verdicts)
        self.asked: list[dict[str, Any]] = []
        """The data of each question, as it was understood."""
        self.instructions: list[str] = []
        self.finish = "stop"
        self.usage = True

    def content_type(self, seen: Seen) -> str:
        return "application/json"

    def error(self, status: int, name: str, key: str) -> Reply:
        body = {"error": {"message": f"Refused for {key}", "type": "some_error", "param": None, "code": None}}
        return Reply.of_json(body, status)

    def _verdict(self, instructions: str, data: str) -> str:
        self.instructions.append(instructions)
        self.asked.append(json.loads(data))
        verdict = self.verdicts.pop(0) if len(self.verdicts) > 1 else self.verdicts[0]
        return verdict if isinstance(verdict, str) else json.dumps(verdict)

    def chat(self, seen: Seen) -> Reply:
        asked = seen.json()
        assert asked["response_format"]["json_schema"]["schema"]["additionalProperties"] is False
        assert asked.get("max_completion_tokens", asked.get("max_tokens"))
        system, user = asked["messages"]
        assert (system["role"], user["role"]) == ("system", "user")
        message = {"role": "assistant", "content": self._verdict(system["content"], user["content"])}
        answer: dict[str, Any] = {
            "id": "c1",
            "object": "chat.completion",
            "created": 1,
            "model": f"{asked['model']}-2026",
            "choices": [{"index": 0, "message": message, "finish_reason": self.finish}],
            "usage": {"prompt_tokens": 1_000, "completion_tokens": 100, "total_tokens": 1_100},
        }
        if not self.usage:
            del answer["usage"]
        return Reply.of_json(answer)

    def generate(self, seen: Seen) -> Reply:
        asked = seen.json()
        assert asked["generationConfig"]["responseJsonSchema"]["additionalProperties"] is False
        assert asked["generationConfig"]["maxOutputTokens"]
        written = self._verdict(asked["systemInstruction"]["parts"][0]["text"], asked["contents"][0]["parts"][0]["text"])
        finish = {"stop": "STOP", "length": "MAX_TOKENS"}[self.finish]
        answer = {
            "candidates": [{"content": {"role": "model", "parts": [{"text": written}]}, "finishReason": finish}],
            "usageMetadata": {"promptTokenCount": 1_000, "candidatesTokenCount": 60, "thoughtsTokenCount": 40},
            "modelVersion": "gemini-2026",
            "responseId": "g1",
        }
        return Reply.of_json(answer)
