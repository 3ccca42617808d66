"""Google's generate_content: sound in, text or tags out; text in, 24 kHz speech or music out.

The SDK would follow up an unfinished answer with requests of its own: that is switched off, so one run is one request.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from engine.audio import Audio
from engine.contract import (
    Ask,
    BadInput,
    BadResponse,
    Classify,
    Compose,
    Engine,
    Facts,
    Piece,
    Synthesize,
    Tag,
    Text,
    Transcribe,
    Unsupported,
    Usage,
    Word,
)
from providers._google import refused, retry_after_s, seconds
from providers._http import Line, Refused
from providers._openai_shape import terms_of
from providers._pcm import pcm_pieces

BASE_URL = "https://generativelanguage.googleapis.com"
PCM_RATE = 24_000
_UNFINISHED = {None: "its stream before the answer was finished", "MAX_TOKENS": "at the model's length limit"}


@dataclass
class _About:
    """What an answer's chunks say about it; the last one that says something counts."""

    finish: str | None = None
    usage: Any = None
    model: str | None = None
    request_id: str | None = None


def _value(enum: Any) -> str | None:
    return None if enum is None else str(getattr(enum, "value", enum))


class GeminiEngine(Engine):
    def load(self) -> None:
        import httpx2
        from google import genai
        from google.genai import errors, types

        self.line = Line(self.spec.id)
        self.types, self.api_error = types, errors.APIError
        self.client = genai.Client(
            vertexai=False,  # unset, it and the two below would be read from the environment
            api_key=self.key,
            http_options=types.HttpOptions(
                base_url=self.base_url or BASE_URL,
                api_version="v1beta",
                retry_options=types.HttpRetryOptions(attempts=1),
                httpx_client=self.line.client(httpx2),
            ),
        )

    def close(self) -> None:
        if hasattr(self, "line"):
            self.line.hang_up()

    @contextmanager
    def _refusals(self) -> Iterator[None]:
        try:
            yield
        except self.api_error as error:
            in_stream = getattr(error.response, "status_code", None) == 200
            if better := refused(self.spec.id, error.details, in_stream):
                raise better from error
            error.retry_after_s = retry_after_s(error.details)
            raise

    def parts(self, about: _About, parts: list[Any], streamed: bool = True, **config: Any) -> Iterator[Any]:
        """The answer's parts as they arrive, thoughts left out; `about` fills up meanwhile.

        Raises Refused when the vendor blocks the question or the answer, BadResponse for an answer that is cut short.
        """
        models = self.client.models
        ask = models.generate_content_stream if streamed else models.generate_content
        asked = dict(
            model=self.spec.model,
            contents=self.types.Content(role="user", parts=parts),
            config=self.types.GenerateContentConfig(
                automatic_function_calling=self.types.AutomaticFunctionCallingConfig(disable=True),
                automatic_continuation=False,
                **config,
            ),
        )
        with self._refusals(), self.line.reading("generated content"):
            answer = ask(**asked)
            for chunk in answer if streamed else [answer]:
                about.usage = chunk.usage_metadata or about.usage
                about.model, about.request_id = chunk.model_version or about.model, chunk.response_id or about.request_id
                if blocked := _value(chunk.prompt_feedback and chunk.prompt_feedback.block_reason):
                    raise Refused(f"{self.spec.id} refused the question for the reason {blocked!r}", "bad_input")
                for candidate in (chunk.candidates or [])[:1]:
                    about.finish = _value(candidate.finish_reason) or about.finish
                    found = (candidate.content and candidate.content.parts) or ()
                    yield from (part for part in found if not part.thought)
        if about.finish in _UNFINISHED:
            raise BadResponse(f"{self.spec.id} ended {_UNFINISHED[about.finish]}")
        if about.finish != "STOP":
            raise Refused(f"{self.spec.id} refused to answer for the reason {about.finish!r}", "bad_input")

    def sound(self, audio: Audio) -> Any:
        wav = audio.mono().resample(16_000).to_wav()
        return self.types.Part.from_bytes(data=wav, mime_type="audio/wav")

    def closing(self, about: _About, sent: dict[str, Any], speaks: bool = False) -> Iterator[Piece]:
        if about.usage is not None:
            with self.line.reading("a usage report"):
                yield _usage(about.usage, speaks)
        yield Facts(
            request_id=about.request_id,
            connect_s=self.line.connect_s,
            model=about.model,
            sent={"model": self.spec.model, **sent},
        )


def _usage(reported: Any, speaks: bool) -> Usage:
    """Tokens by kind. `speaks`: what the answer's tokens are where the vendor does not break them down. Thoughts bill as text."""
    amounts: dict[str, float] = {}
    if reported.prompt_tokens_details:
        by_kind = {_value(detail.modality): detail.token_count or 0 for detail in reported.prompt_tokens_details}
        heard = by_kind.pop("AUDIO", 0)
        amounts = {"input_audio_tokens": float(heard), "input_text_tokens": float(sum(by_kind.values()))}
    if reported.candidates_token_count is not None:
        details = reported.candidates_tokens_details
        said = reported.candidates_token_count if speaks else 0
        if details:
            said = sum(detail.token_count or 0 for detail in details if _value(detail.modality) == "AUDIO")
        written = reported.candidates_token_count - said + (reported.thoughts_token_count or 0)
        amounts |= {"output_audio_tokens": float(said), "output_text_tokens": float(written)}
    return Usage(amounts)


class TranscribeFile(GeminiEngine):
    """The transcription model: its parts are turns, with words and speakers where they are asked for."""

    def run(self, request: Transcribe, timeout_s: float) -> Iterator[Piece]:
        how: dict[str, Any] = {}
        if request.language:
            how["language_codes"] = [request.language]
        if request.prompt:
            if request.word_times or request.speakers:
                raise Unsupported(f"{self.spec.id} takes names and terms only without word times and speakers")
            how["custom_vocabulary"] = terms_of(request.prompt)
        if request.word_times or request.speakers:
            how["word_timestamp"] = True  # without it the turns of speakers carry no times
        if request.speakers:
            how["diarization"] = True
        settings = {"audio_transcription_config": how} if how else {}
        about, so_far, language = _About(), "", None
        words: list[Word] = []
        with self.line.call(timeout_s):
            for part in self.parts(about, [self.sound(request.audio)], **settings):
                with self.line.reading("a transcript"):
                    turn = part.audio_transcription
                    if turn is not None:
                        so_far = f"{so_far} {turn.text or ''}".strip()
                        language = language or turn.language_code
                        words += _words(turn)
                    so_far += part.text or ""
                yield Text(so_far, final=False)
        yield Text(so_far.strip(), words=tuple(words), language=language)
        yield from self.closing(about, settings)


def _words(turn: Any) -> Iterator[Word]:
    for word in turn.words or ():
        yield Word(word.word.strip(), seconds(word.start_offset), seconds(word.end_offset), speaker=turn.speaker_label)


class Answer(GeminiEngine):
    """A language model that hears: `question` makes the text that goes with the sound."""

    def question(self, request: Any) -> list[str]:
        return [request.prompt]

    def run(self, request: Ask | Transcribe, timeout_s: float) -> Iterator[Piece]:
        about, so_far = _About(), ""
        asked = self.question(request)
        texts = [self.types.Part(text=text) for text in asked]
        with self.line.call(timeout_s):
            for part in self.parts(about, [self.sound(request.audio), *texts]):
                if part.text:
                    so_far += part.text
                    yield Text(so_far, final=False)
        yield Text(so_far.strip())
        yield from self.closing(about, {"question": asked} if isinstance(request, Transcribe) else {})


class TranscribeByAsking(Answer):
    def question(self, request: Transcribe) -> list[str]:
        hints: dict[str, Any] = {"language": request.language} if request.language else {}
        if request.prompt:
            hints["names_and_terms"] = terms_of(request.prompt)
        asked = "Transcribe the speech in this recording word for word, in its own language. Answer with the transcript alone."
        # as data beside the instruction, so that a person's terms are not taken for instructions
        return [asked, json.dumps(hints, ensure_ascii=False)] if hints else [asked]


class TagByAsking(GeminiEngine):
    def run(self, request: Classify, timeout_s: float) -> Iterator[Piece]:
        labels, most = terms_of(request.labels or ""), request.top_k or 10
        if request.labels and not labels:
            raise BadInput(f"{self.spec.id} was given no label between the commas")
        asked = (
            f"Which sounds are in this recording? Name at most {most}, each with a score from 0 (surely absent) to 1 (surely "
            f"present), {'using only the labels that the answer allows' if labels else 'as short English labels'}."
        )
        label = {"type": "STRING", **({"enum": labels} if labels else {})}
        item = {"type": "OBJECT", "properties": {"label": label, "score": {"type": "NUMBER"}}, "required": ["label", "score"]}
        settings = {"response_mime_type": "application/json", "response_schema": {"type": "ARRAY", "items": item}}
        about = _About()
        with self.line.call(timeout_s):
            parts = self.parts(about, [self.sound(request.audio), self.types.Part(text=asked)], streamed=False, **settings)
            written = "".join(part.text or "" for part in parts)
            with self.line.reading("a list of labels with scores"):
                scores = {str(item["label"]): float(item["score"]) for item in json.loads(written)}
                if not all(0 <= score <= 1 for score in scores.values()) or (labels and not scores.keys() <= set(labels)):
                    raise ValueError(written)
        ranked = sorted(scores.items(), key=lambda scored: -scored[1])
        yield from (Tag(name, score) for name, score in ranked[:most])
        yield from self.closing(about, {"question": asked, **settings})


class Speak(GeminiEngine):
    def run(self, request: Synthesize, timeout_s: float) -> Iterator[Piece]:
        voice = request.voice or self.spec.default_voice
        config: dict[str, Any] = {"voice_config": {"voice": voice}}
        if request.language:
            config["language_code"] = request.language
        style = {"style": request.instructions} if request.instructions else None
        text = self.types.Part(text=request.text, speech_metadata=style)
        settings = {"response_modalities": ["AUDIO"], "speech_config": config}
        about = _About()
        with self.line.call(timeout_s):
            sounds = self._pcm(self.parts(about, [text], **settings))
            yield from pcm_pieces(self.spec.id, {}, sounds, PCM_RATE)
        yield from self.closing(about, settings | ({"speech_metadata": style} if style else {}), speaks=True)

    def _pcm(self, parts: Iterable[Any]) -> Iterator[bytes]:
        for part in parts:
            if part.inline_data is None:
                continue
            kind = (part.inline_data.mime_type or "").lower()
            rate = re.search(r"rate=(\d+)", kind)
            if not kind.startswith(("audio/l16", "audio/pcm")) or (rate and int(rate[1]) != PCM_RATE):
                raise BadResponse(f"{self.spec.id} answered with {kind!r} where PCM of {PCM_RATE} Hz was expected")
            yield part.inline_data.data or b""


class Play(GeminiEngine):
    """One answer with lyrics and the whole piece as a file."""

    def run(self, request: Compose, timeout_s: float) -> Iterator[Piece]:
        about = _About()
        with self.line.call(timeout_s):
            parts = self.parts(about, [self.types.Part(text=request.prompt)], streamed=False)
            files = [part.inline_data.data for part in parts if part.inline_data is not None]
            with self.line.reading("music"):
                if not files:
                    raise ValueError("no music")
                piece = Audio.decode(b"".join(files))
        yield piece
        yield from self.closing(about, {}, speaks=True)
