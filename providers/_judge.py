"""Text models that judge: instructions and data in, one short JSON answer out, through each vendor's own SDK.

OpenAI's audio chats refuse a question without sound, so OpenAI judges with its text models; Gemini's and Mistral's audio chats
read text as well and keep their ids and prices.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from engine.contract import BadResponse, Engine, EngineSpec, Piece, Price, Text, Usage
from providers import compatible, gemini, mistral, openai
from providers._generate_content import GeminiEngine, _About
from providers._http import Refused
from providers._openai_shape import OpenAIShaped

MOST_TOKENS = 8_192
"""Of one answer, thoughts included: what an answer can cost at most is known beforehand."""
_UNFINISHED = {None: "its answer before it was finished", "length": "at the model's length limit"}


@dataclass(frozen=True)
class Question:
    """What a judge is asked. The data comes from strangers and travels as a message of its own, as one JSON document."""

    instructions: str
    data: str
    schema: Mapping[str, Any]
    """JSON schema of the answer."""


def _messages(question: Question) -> list[dict[str, str]]:
    return [{"role": "system", "content": question.instructions}, {"role": "user", "content": question.data}]


def _text(spec: EngineSpec, content: Any, finish: str | None) -> Text:
    if finish != "stop":
        raise BadResponse(f"{spec.id} ended {_UNFINISHED.get(finish, f'for the reason {finish!r}')}")
    if not isinstance(content, str):
        raise BadResponse(f"{spec.id} answered without text")
    return Text(content)


class OpenAIJudge(OpenAIShaped):
    """One chat completion, by OpenAI or by a person's own server."""

    def run(self, request: Question, timeout_s: float) -> Iterator[Piece]:
        shape = {"name": "verdict", "schema": dict(request.schema), "strict": True}
        sent = {
            "model": self.spec.model,
            "max_completion_tokens": MOST_TOKENS,
            "response_format": {"type": "json_schema", "json_schema": shape},
        }
        with self.line.call(timeout_s), self.line.reading("a chat answer"):
            answer = self.client.chat.completions.create(messages=_messages(request), **sent)
            choice, used = answer.choices[0], answer.usage
            content, finish = choice.message.content, choice.finish_reason
            told = {"input_text_tokens": used.prompt_tokens, "output_text_tokens": used.completion_tokens} if used else {}
            usage = Usage({unit: float(amount) for unit, amount in told.items()})
        yield usage
        yield _text(self.spec, content, finish)
        yield self.facts(sent, answer.model)


class MistralJudge(mistral.MistralEngine):
    def run(self, request: Question, timeout_s: float) -> Iterator[Piece]:
        shape = {"name": "verdict", "schema_definition": dict(request.schema), "strict": True}
        sent = {
            "model": self.spec.model,
            "max_tokens": MOST_TOKENS,
            "response_format": {"type": "json_schema", "json_schema": shape},
        }
        with self.line.call(timeout_s), self.answers("a chat answer"):
            answer = self.client.chat.complete(messages=_messages(request), **sent)
            choice, used = answer.choices[0], answer.usage
            content, finish = choice.message.content, choice.finish_reason
            usage = Usage({"input_tokens": float(used.prompt_tokens), "output_text_tokens": float(used.completion_tokens)})
        yield usage
        yield _text(self.spec, content, finish)
        yield self.facts(sent, answer.model)


class GeminiJudge(GeminiEngine):
    def run(self, request: Question, timeout_s: float) -> Iterator[Piece]:
        settings = {
            "system_instruction": request.instructions,
            "response_mime_type": "application/json",
            "response_json_schema": dict(request.schema),
            "max_output_tokens": MOST_TOKENS,
        }
        about = _About()
        try:
            with self.line.call(timeout_s):
                parts = list(self.parts(about, [self.types.Part(text=request.data)], streamed=False, **settings))
        except (BadResponse, Refused):
            yield self._usage(about)  # an answer that was cut off is billed all the same
            raise
        yield self._usage(about)
        yield Text("".join(part.text or "" for part in parts))
        yield from (piece for piece in self.closing(about, {}) if not isinstance(piece, Usage))

    def _usage(self, about: _About) -> Usage:
        used = about.usage
        if used is None or used.prompt_token_count is None:
            return Usage({})
        written = (used.candidates_token_count or 0) + (used.thoughts_token_count or 0)
        return Usage({"input_text_tokens": float(used.prompt_token_count), "output_text_tokens": float(written)})


_READ_ON = "2026-09-23"
_SOURCE = "OpenAI's pricing page of 2026-09-22 as quoted by two price trackers"
_NOTE = "tokens that the vendor had cached cost less"


def _reads(room: Any, engine_id: str, engine: type[Engine]) -> EngineSpec:
    """An audio chat that is asked without sound."""
    return replace(next(spec for spec in room.ENGINES if spec.id == engine_id), task="judge", engine=engine, streams=False)


def _writes(model: str, name: str, summary: str, *usd: float) -> EngineSpec:
    """A text model of OpenAI's; dollars per million tokens in and out."""
    units = ("input_text_tokens", "output_text_tokens")
    return replace(
        _reads(openai, "openai/gpt-audio-1.5", OpenAIJudge),
        id=f"openai/{model}",
        model=model,
        name=name,
        system=name,
        summary=summary,
        docs_url="https://developers.openai.com/api/docs/models",
        checked_on=_READ_ON,
        prices=tuple(
            Price(unit, each, per=1e6, source=_SOURCE, checked_on=_READ_ON, note=_NOTE)
            for unit, each in zip(units, usd, strict=True)
        ),
    )


JUDGES = (
    _writes("gpt-6-luna", "GPT-6 Luna", "OpenAI's small text model.", 0.10, 0.50),
    _writes("gpt-6-sol", "GPT-6 Sol", "OpenAI's large text model.", 2.0, 10.0),
    _reads(gemini, "gemini/gemini-3.8-flash", GeminiJudge),
    _reads(mistral, "mistral/voxtral-small-latest", MistralJudge),
)


def server_judge(base_url: str, model: str, *, public_only: bool = False) -> EngineSpec:
    """A text model of a person's own OpenAI-compatible server. Raises BadInput for what cannot be one."""
    spec = compatible.server_spec(base_url, model, "audio_lm", public_only=public_only)
    return replace(spec, task="judge", engine=OpenAIJudge, streams=False)
