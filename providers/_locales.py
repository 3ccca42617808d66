"""Language codes as clouds want them that take no bare language: "en" becomes the locale most people mean by it."""

from __future__ import annotations

_USUAL = {
    locale.partition("-")[0]: locale
    for locale in (
        *("ar-EG", "bg-BG", "ca-ES", "cs-CZ", "da-DK", "de-DE", "el-GR", "en-US", "es-ES", "et-EE", "fa-IR", "fi-FI", "fr-FR"),
        *("he-IL", "hi-IN", "hr-HR", "hu-HU", "id-ID", "it-IT", "ja-JP", "ko-KR", "lt-LT", "lv-LV", "nb-NO", "nl-NL", "pl-PL"),
        *("pt-BR", "ro-RO", "ru-RU", "sk-SK", "sl-SI", "sr-RS", "sv-SE", "sw-KE", "th-TH", "tr-TR", "uk-UA", "vi-VN", "zh-CN"),
    )
} | {"no": "nb-NO"}


def locale_of(language: str) -> str:
    """The usual locale of a bare code; a code that names a region or is not listed stays as it is."""
    return _USUAL.get(language.lower(), language)
