"""SiliconFlow: open speech models hosted behind the OpenAI-shaped protocol, billed by the text's UTF-8 bytes."""

from __future__ import annotations

from engine.contract import EngineSpec, Needs, Price
from providers._openai_shape import PCM_RATE, Speech

READ_ON = "2026-11-20"
_SEED = "a landscape survey of February 2026"
_NAMES = ("alex", "benjamin", "charles", "david", "anna", "bella", "claire", "diana")


def _voice(model: str, name: str, system: str, usd: float, languages: tuple[str, ...], summary: str, price: str) -> EngineSpec:
    """`price`: where the price was read; the survey alone does not verify it."""
    return EngineSpec(
        id=f"siliconflow/{model.rpartition('/')[2].lower()}",
        task="tts",
        name=name,
        vendor="SiliconFlow",
        system=system,
        engine=Speech,
        where="cloud",
        model=model,
        license_code=None,
        license_weights=None,
        languages=languages,
        summary=summary,
        docs_url="https://docs.siliconflow.cn/en/userguide/capabilities/text-to-speech",
        checked_on=READ_ON,
        honours=("voice", "speed"),
        prices=(
            Price(
                "input_utf8_bytes",
                usd,
                per=1e6,
                source=price,
                checked_on=READ_ON,
                note="price not verified" if price == _SEED else "a Chinese character is three bytes",
            ),
        ),
        needs=Needs(key="SILICONFLOW_API_KEY", packages=("openai", "httpx2")),
        voices=tuple(f"{model}:{each}" for each in _NAMES),
        default_voice=f"{model}:alex",
        packages=("openai",),
        streams=True,
        data_use="Training, retention and region are not stated in what was read.",
        extra={
            "base_url": "https://api.siliconflow.com/v1",
            # its own default is 44.1 kHz
            "body": {"sample_rate": PCM_RATE, "stream": True},
        },
    )


ENGINES = [
    _voice(
        "FunAudioLLM/CosyVoice2-0.5B",
        "CosyVoice2 0.5B (SiliconFlow)",
        "CosyVoice2-0.5B",
        7.15,
        ("zh", "en", "ja", "ko"),
        "Alibaba's open streaming voice, hosted; Chinese and its dialects first.",
        "siliconflow.com model page",
    ),
    _voice(
        "IndexTeam/IndexTTS-2",
        "IndexTTS-2 (SiliconFlow)",
        "IndexTTS-2",
        7.15,
        ("zh", "en"),
        "Bilibili's open voice with controlled emotion, hosted. Voice names and price not verified.",
        _SEED,
    ),
    _voice(
        "fishaudio/fish-speech-1.5",
        "Fish Speech 1.5 (SiliconFlow)",
        "Fish Speech V1.5",
        15.0,
        ("*",),
        "Fish Audio's open voice, hosted. Voice names and price not verified.",
        _SEED,
    ),
]
