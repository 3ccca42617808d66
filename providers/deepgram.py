"""Deepgram: sound in, text out (a file at once, or live at the pace of a microphone); text in, 24 kHz speech out.

Every request opts out of the vendor's model improvement programme.
"""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

from engine.audio import Audio
from engine.contract import (
    BadInput,
    BadResponse,
    Engine,
    EngineSpec,
    Facts,
    Limits,
    Mark,
    Needs,
    Piece,
    Price,
    Synthesize,
    Text,
    Transcribe,
    Unsupported,
    Usage,
    Word,
)
from providers._http import Line, Refused
from providers._openai_shape import terms_of
from providers._pcm import pcm_pieces

BASE_URL = "https://api.deepgram.com"
LIVE_CHUNK_S = 0.1  # what a microphone hands over at a time
SPEECH_RATE = 24_000


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

    def model_of(self, info: Any) -> str | None:
        """Name and version of the first model that the answer's metadata names."""
        first = next(iter(info.values()), None) if isinstance(info, Mapping) else None
        return f"{first['name']} {first['version']}" if isinstance(first, Mapping) and {"name", "version"} <= set(first) else None


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


def _listen_parameters(spec: EngineSpec, request: Transcribe) -> dict[str, Any]:
    sent: dict[str, Any] = {"model": spec.model, "smart_format": True, "mip_opt_out": True}
    if request.language == "multi":
        raise Unsupported(f"{spec.id} does not offer language 'multi': it is billed at another rate; name one language")
    if request.language:
        sent["language"] = request.language
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
        if not request.language:
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
                    language=channel.get("detected_language") or request.language,
                    confidence=best.get("confidence"),
                )
                usage = _usage(float(about["duration"]), request.speakers)
        yield text
        yield usage
        request_id, model = about.get("request_id"), self.model_of(about.get("model_info"))
        yield Facts(request_id=request_id, connect_s=self.line.connect_s, model=model, sent=sent)


class ListenLive(DeepgramEngine):
    """Sends the sound as a microphone would, and yields what the vendor hears meanwhile.

    The SDK's own websocket takes proxies from the environment and cannot be hung up, so only its address and headers are used.
    """

    def run(self, request: Transcribe, timeout_s: float) -> Iterator[Piece]:
        sent = _listen_parameters(self.spec, request) | {
            "language": request.language or "en",
            "encoding": "linear16",
            "sample_rate": 16_000,
            "channels": 1,
            "interim_results": True,
        }
        query = [(name, str(value).lower() if isinstance(value, bool) else value) for name, value in sent.items()]
        base = (self.base_url or BASE_URL).rstrip("/")
        url = f"ws{base[4:]}/v1/listen?{urlencode(query, doseq=True)}"
        key = {"Authorization": f"Token {self.key}"}
        with self.line.call(timeout_s), self.line.websocket(url, key) as connection:
            about = yield from self._converse(connection, request.audio.mono().resample(16_000))
        with self.line.reading("a closing report"):
            yield _usage(float(about["duration"]), request.speakers)
            request_id = about.get("request_id") or self.line.headers.get("dg-request-id")
            model = self.model_of(about.get("model_info"))
        yield Facts(request_id=request_id, connect_s=self.line.connect_s, model=model, sent=sent)

    def _converse(self, connection: Any, audio: Audio) -> Iterator[Piece]:
        """Returns the closing Metadata message. Raises BadResponse when the vendor hangs up without it."""
        arrived: queue.SimpleQueue[Any] = queue.SimpleQueue()

        def send() -> None:
            try:
                for chunk in audio.chunks(LIVE_CHUNK_S, paced=True):
                    connection.send(chunk.to_pcm16())
                arrived.put(Mark("speech_end"))
                connection.send(json.dumps({"type": "CloseStream"}))
            except Exception:  # noqa: BLE001 - a dead connection; the receiver sees the same and knows why
                return

        def receive() -> None:
            try:
                for message in connection:
                    arrived.put(message)
                arrived.put(None)
            except Exception as error:  # noqa: BLE001 - raised again where the pieces are yielded
                arrived.put(error)

        for work in (send, receive):
            threading.Thread(target=work, name=f"{self.spec.id} {work.__name__}", daemon=True).start()
        finished: list[str] = []
        while True:
            item = arrived.get()
            if isinstance(item, Mark):
                yield item
            elif isinstance(item, Exception):
                raise item
            elif item is None:
                raise BadResponse(f"{self.spec.id} ended its stream without the closing report")
            else:
                with self.line.reading("transcription messages"):
                    message = json.loads(item)
                    kind = message["type"]
                    if kind == "Results":
                        text = self._heard(message, finished)
                        if text is not None:
                            yield text
                    elif kind == "Metadata":
                        return message
                    elif kind == "Error":
                        why = message.get("description") or message.get("message") or "no reason given"
                        raise Refused(f"{self.spec.id} stopped: {why}", "server")

    def _heard(self, message: Mapping[str, Any], finished: list[str]) -> Text | None:
        best = message["channel"]["alternatives"][0]
        words = best["transcript"].strip()
        if not words:  # silence is reported too
            return None
        if not message.get("is_final"):
            return Text(" ".join([*finished, words]), final=False)
        finished.append(words)
        return Text(
            words, words=_words(best), language=next(iter(best.get("languages") or ()), None), confidence=best.get("confidence")
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


READ_ON = "2026-11-20"
_PRICED_ON = "2026-08-01"
_PRICING = "https://deepgram.com/pricing"
_NEEDS = Needs(key="DEEPGRAM_API_KEY", packages=("deepgram", "httpx", "websockets"))
_COMMON = dict(
    vendor="Deepgram", where="cloud", license_code=None, license_weights=None, checked_on=READ_ON, packages=("deepgram-sdk",)
)
_DATA_USE = "Opted out of the model improvement programme on every request (mip_opt_out); processed in the United States."
_VOICES = (
    *(
        f"aura-2-{name}-en"
        for name in ("thalia", "andromeda", "apollo", "arcas", "aurora", "helena", "hermes", "luna", "orion", "zeus")
    ),
    *("aura-2-celeste-es", "aura-2-nestor-es", "aura-2-viktoria-de", "aura-2-julius-de", "aura-2-rhea-nl", "aura-2-sander-nl"),
    *("aura-2-agathe-fr", "aura-2-hector-fr", "aura-2-livia-it", "aura-2-dionisio-it", "aura-2-izanami-ja", "aura-2-fujin-ja"),
)


def _minute(usd: float, note: str = "") -> tuple[Price, ...]:
    return (
        Price("input_audio_seconds", usd, per=60.0, source=_PRICING, checked_on=_PRICED_ON, note=note),
        Price(
            "diarized_audio_seconds",
            0.0020,
            per=60.0,
            source=_PRICING,
            checked_on=_PRICED_ON,
            note="only where speakers are asked for",
        ),
    )


ENGINES = [
    EngineSpec(
        id="deepgram/nova-3",
        task="asr",
        name="Deepgram Nova-3",
        system="Deepgram Nova-3",
        engine=Listen,
        model="nova-3",
        languages=("*",),
        summary="Transcribes a whole recording at once, with word times and speakers.",
        docs_url="https://developers.deepgram.com/docs/pre-recorded-audio",
        honours=("language", "prompt", "word_times", "speakers"),
        prices=_minute(0.0077),
        limits=Limits(file_bytes=2_000_000_000),
        needs=_NEEDS,
        data_use=_DATA_USE,
        concurrency=50,
        **_COMMON,
    ),
    EngineSpec(
        id="deepgram/nova-3-live",
        task="asr",
        name="Deepgram Nova-3 live",
        system="Deepgram Nova-3",
        engine=ListenLive,
        model="nova-3",
        languages=("*",),
        summary="Transcribes while the sound plays, at the pace of a microphone; English unless a language is set.",
        docs_url="https://developers.deepgram.com/docs/live-streaming-audio",
        honours=("language", "prompt", "word_times", "speakers"),
        prices=_minute(0.0048, "promotional price for streaming"),
        needs=_NEEDS,
        streams=True,
        realtime=True,
        data_use=_DATA_USE,
        concurrency=150,
        **_COMMON,
    ),
    EngineSpec(
        id="deepgram/aura-2",
        task="tts",
        name="Deepgram Aura-2",
        system="Deepgram Aura-2",
        engine=Speak,
        model="aura-2",
        languages=("en", "es", "de", "nl", "fr", "it", "ja"),
        summary="Speech for conversations; the language is the voice's own.",
        docs_url="https://developers.deepgram.com/docs/tts-models",
        honours=("voice",),
        prices=(Price("input_characters", 0.030, per=1_000.0, source=_PRICING, checked_on=_PRICED_ON),),
        limits=Limits(characters=2_000),
        needs=_NEEDS,
        voices=_VOICES,
        default_voice="aura-2-thalia-en",
        streams=True,
        data_use=_DATA_USE,
        concurrency=15,
        **_COMMON,
    ),
]
