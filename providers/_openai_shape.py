"""The OpenAI-shaped protocol, which other vendors speak too: sound in, text out; text in, 24 kHz speech out.

A vendor's file declares its specs with these classes; `spec.extra` holds what differs:
`base_url` (vendor's address), `format` (response format; speech in any but "pcm" is taken as a container), `word_format` (the
format where word times are asked for), `lists` (languages[] and keywords[] instead of language and prompt), `body` (fields of
the vendor's own), `audio_prefix` (before the sound in a chat message), `voice` (an audio chat that also speaks).
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from typing import Any

from engine.audio import Audio
from engine.contract import (
    Ask,
    BadResponse,
    Engine,
    Facts,
    Piece,
    Synthesize,
    Text,
    Transcribe,
    Usage,
    Word,
)
from providers._http import Line
from providers._pcm import pcm_pieces
from providers._sound_file import sound_pieces

PCM_RATE = 24_000


class OpenAIShaped(Engine):
    """What all engines here share: one client, no retries, no settings from the environment."""

    def load(self) -> None:
        import httpx2
        from openai import OpenAI

        self.line = Line(self.spec.id, public_only=self.spec.extra.get("public_only", False))
        self.client = OpenAI(
            api_key=self.key or "none",
            base_url=self.address(),
            max_retries=0,
            http_client=self.line.client(httpx2, event_hooks={"request": [] if self.key else [_without_key]}),
        )
        # the SDK takes these from the environment, where they may belong to another key
        self.client.organization = self.client.project = self.client.admin_api_key = None

    def address(self) -> str:
        """Where the vendor's OpenAI-shaped paths begin."""
        return self.base_url or self.spec.extra["base_url"]

    def close(self) -> None:
        if hasattr(self, "line"):
            self.line.hang_up()

    def facts(self, sent: Mapping[str, Any], model: str | None = None, request_id: str | None = None) -> Facts:
        headers = self.line.headers
        milliseconds = headers.get("openai-processing-ms", "")
        return Facts(
            request_id=request_id or headers.get("x-request-id"),
            server_s=float(milliseconds) / 1000 if milliseconds.isdigit() else None,
            connect_s=self.line.connect_s,
            model=model or headers.get("openai-model"),
            sent=dict(sent),
        )


def _without_key(request: Any) -> None:
    """A person's own server may want no key; the SDK sends one all the same."""
    request.headers.pop("authorization", None)


def terms_of(prompt: str) -> list[str]:
    """The terms of a comma-separated list."""
    return [term.strip() for term in prompt.split(",") if term.strip()]


def transcription_usage(reported: Any) -> Usage | None:
    """The transcription endpoints bill either seconds or tokens, and say which."""
    if reported is None:
        return None
    said = reported if isinstance(reported, Mapping) else reported.model_dump()
    if said.get("type") == "duration" and said.get("seconds") is not None:
        return Usage({"input_audio_seconds": float(said["seconds"])})
    details = said.get("input_token_details") or {}
    amounts = {
        "input_audio_tokens": details.get("audio_tokens"),
        "input_text_tokens": details.get("text_tokens"),
        "output_text_tokens": said.get("output_tokens"),
    }
    counted = {unit: float(amount) for unit, amount in amounts.items() if amount is not None}
    return Usage(counted) if counted else None


class Transcription(OpenAIShaped):
    """One upload. `spec.extra` says how this model wants its settings and whether it streams."""

    def run(self, request: Transcribe, timeout_s: float) -> Iterator[Piece]:
        how = self.spec.extra
        shape = how.get("word_format", how["format"]) if request.word_times else how["format"]
        sent: dict[str, Any] = {"model": self.spec.model, "response_format": shape}
        if request.language:
            sent |= {"languages": [request.language]} if how.get("lists") else {"language": request.language}
        if request.prompt:
            sent |= {"keywords": terms_of(request.prompt)} if how.get("lists") else {"prompt": request.prompt}
        if shape == "verbose_json":
            sent["timestamp_granularities"] = ["word"] if request.word_times else ["segment"]
        if shape == "diarized_json":
            sent["chunking_strategy"] = "auto"
        if self.spec.streams:
            sent["stream"] = True
        wav = request.audio.mono().resample(16_000).to_wav()
        with self.line.call(timeout_s):
            answer = self.client.audio.transcriptions.create(file=("audio.wav", wav, "audio/wav"), **sent)
            yield from self._streamed(answer) if self.spec.streams else self._whole(answer)
        yield self.facts(sent)

    def _streamed(self, events: Any) -> Iterator[Piece]:
        so_far, done = "", None
        with self.line.reading("transcript events"):
            for event in events:
                if event.type == "transcript.text.delta":
                    so_far += event.delta or ""
                    yield Text(so_far, final=False)
                elif event.type == "transcript.text.done":
                    done = event
            if done is None or not isinstance(done.text, str):
                raise BadResponse(f"{self.spec.id} ended its stream without the finished transcript")
            found = getattr(done, "languages", None) or []
            yield Text(done.text, language=found[0].code if found else None)
            if usage := transcription_usage(done.usage):
                yield usage

    def _whole(self, answer: Any) -> Iterator[Piece]:
        text = getattr(answer, "text", None)
        if not isinstance(text, str):  # the SDK hands on any page that answered 200
            raise BadResponse(f"{self.spec.id} answered with something that is not a transcript")
        with self.line.reading("a transcript with times"):
            words = tuple(Word(word.word, float(word.start), float(word.end)) for word in getattr(answer, "words", None) or ())
            turns = getattr(answer, "segments", None) or () if self.spec.extra["format"] == "diarized_json" else ()
            words += tuple(Word(turn.text.strip(), float(turn.start), float(turn.end), speaker=turn.speaker) for turn in turns)
            usage = transcription_usage(getattr(answer, "usage", None))
        yield Text(text, words=words, language=getattr(answer, "language", None))
        if usage:
            yield usage


class Speech(OpenAIShaped):
    def run(self, request: Synthesize, timeout_s: float) -> Iterator[Piece]:
        from openai import omit

        how = self.spec.extra
        sent: dict[str, Any] = {"model": self.spec.model, "response_format": how.get("format", "pcm")}
        if voice := request.voice or self.spec.default_voice:
            sent["voice"] = voice
        if request.speed is not None:
            sent["speed"] = request.speed
        if request.instructions:
            sent["instructions"] = request.instructions
        asked = {"voice": omit, **sent, "input": request.text, "extra_body": how.get("body")}
        with self.line.call(timeout_s), self.client.audio.speech.with_streaming_response.create(**asked) as answer:
            if sent["response_format"] == "pcm":
                yield from pcm_pieces(self.spec.id, self.line.headers, answer.iter_bytes(), PCM_RATE)
            else:
                yield from sound_pieces(self.spec.id, self.line.headers, answer.iter_bytes())
        yield self.facts(sent | how.get("body", {}))


class AudioChat(OpenAIShaped):
    """Chat completions with the sound inside the message; with `spec.extra["voice"]` the answer is spoken as well."""

    def run(self, request: Ask, timeout_s: float) -> Iterator[Piece]:
        voice = self.spec.extra.get("voice")
        sent: dict[str, Any] = {
            "model": self.spec.model,
            "modalities": ["text", "audio"] if voice else ["text"],
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        if voice:
            sent["audio"] = {"voice": voice, "format": "pcm16"}
        wav = base64.b64encode(request.audio.mono().resample(16_000).to_wav()).decode()
        wav = self.spec.extra.get("audio_prefix", "") + wav
        content = [
            {"type": "text", "text": request.prompt},
            {"type": "input_audio", "input_audio": {"data": wav, "format": "wav"}},
        ]
        with self.line.call(timeout_s):
            model = yield from self._answer(
                self.client.chat.completions.create(messages=[{"role": "user", "content": content}], **sent)
            )
        yield self.facts(sent, model)

    def _answer(self, events: Any) -> Iterator[Piece]:
        so_far, finish, model, usage, odd = "", None, None, None, b""
        with self.line.reading("chat events"):
            for event in events:
                model, usage = event.model or model, event.usage or usage
                for choice in event.choices or ():
                    finish = choice.finish_reason or finish
                    spoken = choice.delta.audio
                    if words := (choice.delta.content or "") + ((spoken and spoken.transcript) or ""):
                        so_far += words
                        yield Text(so_far, final=False)
                    if spoken and spoken.data:
                        pcm = odd + base64.b64decode(spoken.data, validate=True)
                        odd = pcm[len(pcm) & ~1 :]
                        if len(pcm) > 1:
                            yield Audio.from_pcm16(pcm[: len(pcm) & ~1], PCM_RATE)
        if finish != "stop":
            ends = {None: "its stream before the answer was finished", "length": "at the model's length limit"}
            raise BadResponse(f"{self.spec.id} ended {ends.get(finish, f'for the reason {finish!r}')}")
        if odd:
            raise BadResponse(f"{self.spec.id} ended its audio in the middle of a sample")
        yield Text(so_far)
        if usage is not None:
            with self.line.reading("a usage report"):
                yield _chat_usage(usage)
        return model


def _chat_usage(reported: Any) -> Usage:
    into, out = reported.prompt_tokens_details, reported.completion_tokens_details
    heard, said = (into and into.audio_tokens) or 0, (out and out.audio_tokens) or 0
    return Usage(
        {
            "input_audio_tokens": float(heard),
            "input_text_tokens": float(reported.prompt_tokens - heard),
            "output_audio_tokens": float(said),
            "output_text_tokens": float(reported.completion_tokens - said),
        }
    )
