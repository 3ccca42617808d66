"""Azure OpenAI: OpenAI's models in a person's own Azure resource, through its v1 paths, which the openai SDK speaks as they are.

The model that is asked for is the name of a deployment: name each deployment like its model.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from engine.contract import Engine, EngineSpec, Limits, Needs, NotReady, Price
from providers._openai_shape import AudioChat, OpenAIShaped, Speech, Transcription

READ_ON = "2026-11-20"
_PATH = "/openai/v1"
_MAP = "litellm 1.109.1 price map"
_NOTE = "global standard deployment; the region may change it"


class AzureOpenAI(OpenAIShaped):
    def address(self) -> str:
        """The resource's own address; Azure has none that all share. Raises NotReady without it."""
        base = self.base_url.rstrip("/")
        if not base:
            raise NotReady(
                f"{self.spec.id} needs the address of your resource: set AZURE_OPENAI_BASE_URL to https://<name>.openai.azure.com"
            )
        return base if urlsplit(base).path.endswith("/v1") else base + _PATH


class AzureTranscription(AzureOpenAI, Transcription):
    pass


class AzureSpeech(AzureOpenAI, Speech):
    pass


class AzureAudioChat(AzureOpenAI, AudioChat):
    pass


def _price(unit: str, usd: float, per: float, note: str = _NOTE) -> Price:
    return Price(unit, usd, per=per, source=_MAP, checked_on=READ_ON, note=note)


def _spec(model: str, task: str, name: str, engine: type[Engine], system: str, summary: str, **rest: Any) -> EngineSpec:
    return EngineSpec(
        id=rest.pop("id", f"azure_openai/{model}"),
        task=task,
        name=f"{name} (Azure)",
        vendor="Azure OpenAI",
        system=system,
        engine=engine,
        where="cloud",
        model=model,
        license_code=None,
        license_weights=None,
        languages=("*",),
        summary=f"{summary} Needs your resource's address and a deployment named {model}.",
        docs_url="https://learn.microsoft.com/azure/foundry/openai/api-version-lifecycle",
        checked_on=READ_ON,
        needs=Needs(key="AZURE_OPENAI_API_KEY", packages=("openai", "httpx2")),
        packages=("openai",),
        data_use="Processed in the resource's region or deployment zone; training and retention not stated in what was read.",
        **rest,
    )


_FILE = Limits(file_bytes=26_214_400)
_CHAT_PRICES = tuple(
    _price(unit, usd, 1e6)
    for unit, usd in (
        ("input_audio_tokens", 32.0),
        ("input_text_tokens", 2.5),
        ("output_audio_tokens", 64.0),
        ("output_text_tokens", 10.0),
    )
)

ENGINES = [
    _spec(
        "gpt-transcribe",
        "asr",
        "GPT Transcribe",
        AzureTranscription,
        "gpt-transcribe",
        "OpenAI's current transcription model.",
        honours=("language", "prompt"),
        prices=(_price("input_audio_seconds", 0.0045, 60.0),),
        limits=_FILE,
        streams=True,
        shutdown_date="2028-02-01",
        extra={"format": "json", "lists": True},
    ),
    _spec(
        "gpt-4o-transcribe-diarize",
        "asr",
        "GPT-4o Transcribe Diarize",
        AzureTranscription,
        "gpt-4o-transcribe",
        "Says who spoke, turn by turn: its times are those of turns, not of words.",
        honours=("language", "speakers"),
        prices=(
            _price("input_audio_tokens", 6.0, 1e6),
            _price("input_text_tokens", 2.5, 1e6),
            _price("output_text_tokens", 10.0, 1e6),
        ),
        limits=_FILE,
        shutdown_date="2027-04-15",
        extra={"format": "diarized_json"},
    ),
    _spec(
        "gpt-4o-mini-tts",
        "tts",
        "GPT-4o mini TTS",
        AzureSpeech,
        "OpenAI TTS",
        "A voice that takes instructions on how to speak.",
        honours=("voice", "instructions"),
        prices=(_price("output_audio_seconds", 0.015, 60.0, "per minute as estimated by the source; billed in tokens"),),
        limits=Limits(characters=4_096),
        voices=("alloy", "ash", "ballad", "coral", "echo", "fable", "onyx", "nova", "sage", "shimmer", "verse", "marin", "cedar"),
        default_voice="alloy",
        streams=True,
        shutdown_date="2027-06-15",
    ),
    _spec(
        "gpt-audio-1.5",
        "audio_lm",
        "GPT Audio 1.5",
        AzureAudioChat,
        "gpt-audio",
        "Hears a sound and answers a question about it in writing.",
        honours=("prompt",),
        prices=_CHAT_PRICES,
        streams=True,
        shutdown_date="2027-08-24",
    ),
    _spec(
        "gpt-audio-1.5",
        "audio_lm",
        "GPT Audio 1.5, spoken",
        AzureAudioChat,
        "gpt-audio",
        "Hears a sound and answers a question about it aloud, with the transcript of its answer.",
        id="azure_openai/gpt-audio-1.5-spoken",
        honours=("prompt",),
        prices=_CHAT_PRICES,
        streams=True,
        shutdown_date="2027-08-24",
        extra={"voice": "alloy"},
    ),
]
