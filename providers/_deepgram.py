"""Deepgram: sound in, text out (a file at once, or live at the pace of a microphone); text in, 24 kHz speech out.

Every request opts out of the vendor's model improvement programme.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any
from urllib.parse import urlencode

from engine.audio import Audio
from engine.contract import (
    BadInput,
    BadResponse,
    Engine,
    EngineSpec,
    Facts,
    Mark,
    Piece,
    Synthesize,
    Text,
    Transcribe,
    Unsupported,
    Usage,
    Word,
)
from providers._http import Line, Refused
from providers._live import converse
from providers._openai_shape import terms_of
from providers._pcm import pcm_pieces

BASE_URL = "https://api.deepgram.com"
SPEECH_RATE = 24_000
TURN_UPDATE_S = 0.5  # twice the time between two reports on a turn
_MICROPHONE = {"encoding": "linear16", "sample_rate": 16_000}
_CLOSE = '{"type": "CloseStream"}'


class DeepgramEngine(Engine):
    def load(self) -> None:
        import httpx
        from deepgram import DeepgramClient
        from deepgram.environment import DeepgramClientEnvironment

        self.line = Line(self.spec.id)
        self.http = self.line.client(httpx)
        base = (self.base_url or BASE_URL).rstrip("/")
        where = DeepgramClientEnvironment(base=base, production="ws" + base[4:], agent="ws" + base[4:], agent_rest=base)
        self.client = DeepgramClient(api_key=self.key, environment=where, httpx_client=self.http, max_retries=0)

    def close(self) -> None:
        if hasattr(self, "line"):
            self.line.hang_up()

    def websocket(self, path: str, query: Mapping[str, Any]) -> AbstractContextManager[Any]:
        """The SDK's own websockets take proxies from the environment and cannot be hung up: only their addresses are used."""
        plain = {name: str(value).lower() if isinstance(value, bool) else value for name, value in query.items()}
        url = f"ws{(self.base_url or BASE_URL).rstrip('/')[4:]}{path}?{urlencode(plain, doseq=True)}"
        return self.line.websocket(url, {"Authorization": f"Token {self.key}"})

    def model_of(self, info: Any) -> str | None:
        """Name and version of the first model that the answer's metadata names."""
        first = next(iter(info.values()), None) if isinstance(info, Mapping) else None
        return f"{first['name']} {first['version']}" if isinstance(first, Mapping) and {"name", "version"} <= set(first) else None

    def stopped(self, error: Mapping[str, Any]) -> Refused:
        why = error.get("description") or error.get("message") or "no reason given"
        return Refused(f"{self.spec.id} stopped: {why}", "server")


def _plain(model: Any) -> Any:
    return model.model_dump() if hasattr(model, "model_dump") else model


def _words(alternative: Mapping[str, Any]) -> tuple[Word, ...]:
    return tuple(
        Word(
            text=word.get("punctuated_word") or word["word"],
            start_s=float(word["start"]),
            end_s=float(word["end"]),
            confidence=word.get("confidence"),
            speaker=None if word.get("speaker") is None else str(word["speaker"]),
        )
        for word in alternative.get("words") or ()
    )


def _first_language(alternative: Mapping[str, Any]) -> str | None:
    """The language most heard, where several are transcribed at once."""
    return next(iter(alternative.get("languages") or ()), None)


def _listen_parameters(spec: EngineSpec, request: Transcribe) -> dict[str, Any]:
    sent: dict[str, Any] = {"model": spec.model, "smart_format": True, "mip_opt_out": True}
    if request.language == "multi":
        raise Unsupported(f"{spec.id} does not take language 'multi': it is another engine, at another rate")
    if language := request.language or spec.extra.get("language"):
        sent["language"] = language
    if request.prompt:
        sent["keyterm"] = terms_of(request.prompt)
    if request.speakers:
        sent["diarize"] = True
    return sent


def _usage(seconds: float, speakers: bool) -> Usage:
    return Usage({"input_audio_seconds": seconds, "diarized_audio_seconds": seconds if speakers else 0.0})


class Listen(DeepgramEngine):
    def run(self, request: Transcribe, timeout_s: float) -> Iterator[Piece]:
        sent = _listen_parameters(self.spec, request)
        if "language" not in sent:
            sent["detect_language"] = True
        wav = request.audio.mono().resample(16_000).to_wav()
        with self.line.call(timeout_s):
            answer = self.client.listen.v1.media.transcribe_file(request=wav, **sent)
            with self.line.reading("a transcript"):
                channel = _plain(answer.results)["channels"][0]
                best, about = channel["alternatives"][0], _plain(answer.metadata)
                if not isinstance(best["transcript"], str):
                    raise TypeError(type(best["transcript"]))
                text = Text(
                    best["transcript"],
                    words=_words(best),
                    language=channel.get("detected_language") or _first_language(best) or request.language,
                    confidence=best.get("confidence"),
                )
                usage = _usage(float(about["duration"]), request.speakers)
        yield text
        yield usage
        request_id, model = about.get("request_id"), self.model_of(about.get("model_info"))
        yield Facts(request_id=request_id, connect_s=self.line.connect_s, model=model, sent=sent)


class ListenLive(DeepgramEngine):
    """Sends the sound as a microphone would, and yields what the vendor hears meanwhile."""

    def run(self, request: Transcribe, timeout_s: float) -> Iterator[Piece]:
        sent = (
            {"language": "en"} | _listen_parameters(self.spec, request) | {**_MICROPHONE, "channels": 1, "interim_results": True}
        )
        with self.line.call(timeout_s), self.websocket("/v1/listen", sent) as connection:
            about = yield from self._converse(connection, request.audio.mono().resample(16_000))
        with self.line.reading("a closing report"):
            yield _usage(float(about["duration"]), request.speakers)
            request_id = about.get("request_id") or self.line.headers.get("dg-request-id")
            model = self.model_of(about.get("model_info"))
        yield Facts(request_id=request_id, connect_s=self.line.connect_s, model=model, sent=sent)

    def _converse(self, connection: Any, audio: Audio) -> Iterator[Piece]:
        """Returns the closing Metadata message."""
        finished: list[str] = []
        for message in converse(self.line, connection, audio, [_CLOSE]):
            if isinstance(message, Mark):
                yield message
                continue
            with self.line.reading("transcription messages"):
                kind = message["type"]
                if kind == "Results":
                    text = self._heard(message, finished)
                    if text is not None:
                        yield text
                elif kind == "Metadata":
                    return message
                elif kind == "Error":
                    raise self.stopped(message)

    def _heard(self, message: Mapping[str, Any], finished: list[str]) -> Text | None:
        best = message["channel"]["alternatives"][0]
        words = best["transcript"].strip()
        if not words:  # silence is reported too
            return None
        if not message.get("is_final"):
            return Text(" ".join([*finished, words]), final=False)
        finished.append(words)
        return Text(words, words=_words(best), language=_first_language(best), confidence=best.get("confidence"))


class ListenTurns(DeepgramEngine):
    """Flux hears turns of a conversation. The last one is never closed by CloseStream, after which the vendor hangs up."""

    def run(self, request: Transcribe, timeout_s: float) -> Iterator[Piece]:
        sent: dict[str, Any] = {"model": self.spec.model, "mip_opt_out": True, **_MICROPHONE}
        if request.prompt:
            sent["keyterm"] = terms_of(request.prompt)
        audio = request.audio.mono().resample(16_000)
        with self.line.call(timeout_s), self.websocket("/v2/listen", sent) as connection:
            request_id = yield from self._converse(connection, audio)
        yield Facts(request_id=request_id, connect_s=self.line.connect_s, sent=sent)

    def _converse(self, connection: Any, audio: Audio) -> Iterator[Piece]:
        """Returns the request's id."""
        from websockets.exceptions import ConnectionClosedError

        finished: list[str] = []
        turn, request_id, heard_s = None, None, 0.0
        try:
            for message in converse(self.line, connection, audio, [_CLOSE], hangs_up=True):
                if isinstance(message, Mark):
                    yield message
                    continue
                with self.line.reading("turns of a conversation"):
                    kind = message["type"]
                    if kind == "Error":
                        raise self.stopped(message)
                    request_id = message.get("request_id") or request_id
                    if kind != "TurnInfo":
                        continue
                    turn = Text(message["transcript"].strip(), words=_timed(message["words"]))
                    ended, heard_s = message["event"] == "EndOfTurn", float(message["audio_window_end"])
                if not turn.text:
                    continue
                yield turn if ended else Text(" ".join([*finished, turn.text]), final=False)
                if ended:
                    finished.append(turn.text)
                    turn = Text("")
        except ConnectionClosedError:
            # whether the vendor hangs up with a closing frame is not documented; a sound heard to its end is complete
            if turn is None or heard_s < audio.seconds - TURN_UPDATE_S:
                raise
        if turn is None:
            raise BadResponse(f"{self.spec.id} ended its stream without any turn")
        if turn.text or not finished:
            yield turn
        return request_id


def _timed(words: Iterable[Mapping[str, Any]]) -> tuple[Word, ...]:
    return tuple(
        Word(word["word"], float(word["start"]), float(word["end"]), word.get("confidence"))
        for word in words
        if word.get("start") is not None and word.get("end") is not None
    )


class Speak(DeepgramEngine):
    def run(self, request: Synthesize, timeout_s: float) -> Iterator[Piece]:
        voice = request.voice or self.spec.default_voice or ""
        if not voice.startswith(f"{self.spec.model}-"):
            raise BadInput(f"{self.spec.id} has no voice {voice!r}; it has {self.spec.voices[0]!r} and others like it")
        sent = {"model": voice, "encoding": "linear16", "container": "none", "sample_rate": SPEECH_RATE, "mip_opt_out": True}
        with (
            self.line.call(timeout_s),
            self.client.speak.v1.audio.with_raw_response.generate(text=request.text, **sent) as answer,
        ):
            yield from pcm_pieces(self.spec.id, self.line.headers, answer.data, SPEECH_RATE)
        headers = self.line.headers
        billed = headers.get("dg-char-count", "")
        if billed.isdigit():
            yield Usage({"input_characters": float(billed)})
        request_id = headers.get("dg-request-id") or headers.get("x-dg-request-id")
        yield Facts(request_id=request_id, connect_s=self.line.connect_s, model=headers.get("dg-model-name"), sent=sent)
