"""Azure Speech: sound in, text out in one request (fast transcription); text in, 24 kHz speech out.

The SDK is a C++ library that can neither be bounded nor hung up, so the documented REST is called. A key belongs to a region: it
stands in AZURE_SPEECH_REGION, or in the resource's own address (AZURE_BASE_URL).
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from engine.contract import (
    BadInput,
    EngineSpec,
    Facts,
    Limits,
    Needs,
    NotReady,
    Piece,
    Price,
    Synthesize,
    Text,
    Transcribe,
    Unsupported,
    Usage,
    Voice,
    Word,
)
from providers._locales import locale_of
from providers._openai_shape import terms_of
from providers._pcm import pcm_pieces
from providers._rest import HttpRefusal, RestEngine
from providers._voices import gathered, short_answers, voice

PCM_RATE = 24_000
SLOWEST, FASTEST = 0.5, 2.0
MOST_VOICES = 1_500  # one page holds them all, more than 600
_REGIONAL = re.compile(r"https://([a-z0-9]+)\.(?:api\.cognitive|stt\.speech|tts\.speech)\.microsoft\.com")
# XML 1.0 has no way to write these, not even escaped
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class AzureEngine(RestEngine):
    regional_url = ""
    """The service's address with {region}; a resource's own address serves all services, under `own_prefix`."""
    own_prefix = ""

    def load(self) -> None:
        base = self.base_url.rstrip("/")
        named = _REGIONAL.fullmatch(base)
        region = named[1] if named else "" if base else os.environ.get("AZURE_SPEECH_REGION", "").strip()
        if not base and not re.fullmatch(r"[a-z0-9]+", region):
            raise NotReady(
                f"{self.spec.id} needs the key's region: set AZURE_SPEECH_REGION to one such as westeurope, or AZURE_BASE_URL"
            )
        self.base_url = self.regional_url.format(region=region) if region else base + self.own_prefix
        super().load()

    def key_headers(self) -> dict[str, str]:
        return {"ocp-apim-subscription-key": self.key}

    def facts(self, sent: Mapping[str, Any]) -> Facts:
        headers = self.line.headers
        return Facts(
            request_id=headers.get("apim-request-id") or headers.get("x-requestid"), connect_s=self.line.connect_s, sent=sent
        )


class FastTranscription(AzureEngine):
    regional_url = "https://{region}.api.cognitive.microsoft.com"

    def run(self, request: Transcribe, timeout_s: float) -> Iterator[Piece]:
        definition: dict[str, Any] = {"profanityFilterMode": "None"}
        if request.language:
            definition["locales"] = [locale_of(request.language)]
        if request.prompt:
            definition["phraseList"] = {"phrases": terms_of(request.prompt)}
        if request.speakers:
            definition["diarization"] = {"enabled": True}
        wav = request.audio.mono().resample(16_000).to_wav()
        with self.line.call(timeout_s):
            answer = self.ask(
                "a transcript",
                "POST",
                "/speechtotext/transcriptions:transcribe",
                params={"api-version": "2025-10-15"},
                data={"definition": json.dumps(definition)},
                files={"audio": ("audio.wav", wav, "audio/wav")},
            )
            with self.line.reading("a transcript"):
                said = " ".join(channel["text"] for channel in answer["combinedPhrases"])
                phrases = answer["phrases"]
                words = tuple(word for phrase in phrases for word in _words(phrase))
                language = next((phrase["locale"] for phrase in phrases if phrase.get("locale")), None)
                usage = Usage({"input_audio_seconds": answer["durationMilliseconds"] / 1000})
        yield Text(said, words=words, language=language)
        yield usage
        yield self.facts(definition)


def _words(phrase: Mapping[str, Any]) -> Iterator[Word]:
    speaker = None if phrase.get("speaker") is None else str(phrase["speaker"])
    for word in phrase.get("words") or ():
        start = word["offsetMilliseconds"] / 1000
        yield Word(word["text"], start, start + word["durationMilliseconds"] / 1000, speaker=speaker)


class Speak(AzureEngine):
    regional_url = "https://{region}.tts.speech.microsoft.com"
    own_prefix = "/tts"

    def run(self, request: Synthesize, timeout_s: float) -> Iterator[Piece]:
        named = request.voice or self.spec.default_voice or ""
        locale = re.match(r"[a-z]{2,3}-[A-Z][A-Za-z]+", named)
        if not locale:
            raise BadInput(f"{self.spec.id} has no voice {named!r}; it has {self.spec.voices[0]!r} and others like it")
        if bad := _NOT_XML.search(request.text):
            raise BadInput(f"{self.spec.id} cannot speak a text with the character {bad[0]!r}")
        words = escape(request.text)
        if request.speed is not None:
            if not SLOWEST <= request.speed <= FASTEST:
                raise Unsupported(f"{self.spec.id} speaks at {SLOWEST} to {FASTEST} times its pace, not {request.speed!r}")
            words = f"<prosody rate={quoteattr(format(request.speed, 'g'))}>{words}</prosody>"
        ssml = (
            f'<speak version="1.0" xmlns="http://www.w3.org/2001/10/synthesis" xml:lang={quoteattr(locale[0])}>'
            f"<voice name={quoteattr(named)}>{words}</voice></speak>"
        )
        form = {"content-type": "application/ssml+xml", "x-microsoft-outputformat": "raw-24khz-16bit-mono-pcm"}
        with (
            self.line.call(timeout_s),
            self.http.stream("POST", "/cognitiveservices/v1", content=ssml.encode(), headers=form) as answer,
        ):
            if answer.is_error:
                answer.read()
                raise HttpRefusal(answer.status_code, answer.text, answer.headers)
            yield from pcm_pieces(self.spec.id, self.line.headers, answer.iter_bytes(), PCM_RATE)
        yield self.facts({"voice": named, "speed": request.speed, "format": form["x-microsoft-outputformat"]})

    def list_voices(self, timeout_s: float) -> tuple[Voice, ...]:
        """The voices of the key's region that are billed as this engine is: HD voices have a price of their own."""
        with short_answers(self.line), self.line.call(timeout_s):
            answer = self.http.get("/cognitiveservices/voices/list")
            if answer.is_error:
                raise HttpRefusal(answer.status_code, answer.text, answer.headers)
            pattern = self.spec.extra["voice_id"]
            with self.line.reading("a list of voices"):
                page = [
                    voice(pattern, each["ShortName"], each["DisplayName"], each["Locale"], each.get("LocaleName"))
                    for each in answer.json()
                    if each.get("Status") != "Deprecated"
                ]
        return gathered([page], MOST_VOICES)


READ_ON = "2026-11-20"
_PRICING = "https://azure.microsoft.com/pricing/details/cognitive-services/speech-services/"
_DOCS = "https://learn.microsoft.com/azure/ai-services/speech-service"
_COMMON = dict(
    vendor="Microsoft",
    system="Azure Speech",
    where="cloud",
    license_code=None,
    license_weights=None,
    languages=("*",),
    checked_on=READ_ON,
    needs=Needs(key="AZURE_SPEECH_KEY", packages=("httpx",)),
    data_use="Processed in the region of the key; training and retention: not stated in what was read.",
)


def _characters(usd: float) -> tuple[Price, ...]:
    note = "Chinese characters count twice, here every wide one; SSML markup counts too: about 30 characters where a speed is set"
    return (Price("input_double_byte_characters", usd, per=1e6, source=_PRICING, checked_on="2026-08-01", note=note),)


ENGINES = [
    EngineSpec(
        id="azure/fast-transcription",
        task="asr",
        name="Azure fast transcription",
        engine=FastTranscription,
        model="fast-transcription",
        summary="Transcribes a whole recording in one request, with word times and speakers; finds the language if none is set.",
        docs_url=f"{_DOCS}/fast-transcription-create",
        honours=("language", "prompt", "word_times", "speakers"),
        prices=(
            Price(
                "input_audio_seconds",
                0.36,
                per=3_600.0,
                source=_PRICING,
                checked_on="2026-08-01",
                note="whether speakers cost extra here is not verified",
            ),
        ),
        limits=Limits(audio_seconds=18_000.0, file_bytes=500_000_000),
        concurrency=10,
        **_COMMON,
    ),
    EngineSpec(
        id="azure/neural",
        task="tts",
        name="Azure neural voices",
        engine=Speak,
        model="neural",
        summary="Microsoft's standard voices; the language is the voice's own.",
        docs_url=f"{_DOCS}/rest-text-to-speech",
        honours=("voice", "speed"),
        prices=_characters(15.0),
        voices=(
            *("en-US-JennyNeural", "en-US-GuyNeural", "en-US-AvaMultilingualNeural", "en-GB-SoniaNeural", "de-DE-KatjaNeural"),
            *("fr-FR-DeniseNeural", "es-ES-ElviraNeural", "it-IT-ElsaNeural", "pt-BR-FranciscaNeural", "ja-JP-NanamiNeural"),
            *("ko-KR-SunHiNeural", "zh-CN-XiaoxiaoNeural", "hi-IN-SwaraNeural", "ar-EG-SalmaNeural"),
        ),
        default_voice="en-US-JennyNeural",
        lists_voices=True,
        extra={"voice_list": "neural", "voice_id": r"[a-z]{2,3}-[A-Z][A-Za-z]+[A-Za-z0-9-]*Neural"},
        streams=True,
        **_COMMON,
    ),
    EngineSpec(
        id="azure/neural-hd",
        task="tts",
        name="Azure HD voices",
        engine=Speak,
        model="neural-hd",
        summary="Microsoft's expressive voices, which read the mood from the text; offered in some regions only.",
        docs_url=f"{_DOCS}/high-definition-voices",
        honours=("voice",),
        prices=_characters(22.0),
        voices=(
            *("en-US-Ava:DragonHDLatestNeural", "en-US-Andrew:DragonHDLatestNeural", "en-US-Emma:DragonHDLatestNeural"),
            *("de-DE-Seraphina:DragonHDLatestNeural", "ja-JP-Nanami:DragonHDLatestNeural", "zh-CN-Xiaochen:DragonHDLatestNeural"),
        ),
        default_voice="en-US-Ava:DragonHDLatestNeural",
        lists_voices=True,
        extra={"voice_list": "hd", "voice_id": r"[a-z]{2,3}-[A-Z][A-Za-z]+[A-Za-z0-9-]*:DragonHD[A-Za-z0-9]*Neural"},
        streams=True,
        **_COMMON,
    ),
]
