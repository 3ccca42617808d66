"""eSpeak NG's phonemes without a system package: the library and its data come from the package espeakng-loader."""

from __future__ import annotations


def use_bundled_espeak() -> None:
    """Point the package phonemizer at the bundled library, for this process."""
    import espeakng_loader
    from phonemizer.backend.espeak.wrapper import EspeakWrapper

    EspeakWrapper.set_data_path(espeakng_loader.get_data_path())
    EspeakWrapper.set_library(espeakng_loader.get_library_path())
