"""Speech to text with IBM's Granite Speech 5.0 TurboCTC through transformers: a conformer that writes all tokens at once, greedy.

The whole window is heard before the first word comes; sound longer than a window is cut at pauses.
"""

from __future__ import annotations

import numpy as np

from engine.contract import Download, EngineSpec, Limits, Needs
from local_models._mel import without_torchaudio
from local_models._own import own_spec
from local_models._torch import memory_gb
from local_models._transcript import RATE
from local_models.parakeet import Parakeet


class GraniteSpeech(Parakeet):
    def load(self) -> None:
        extractor = without_torchaudio("granite_speech5.GraniteSpeech5FeatureExtractor")
        from transformers import GraniteSpeech5ForCTC, GraniteSpeech5Processor

        self.place()
        self.processor = self.pretrained(GraniteSpeech5Processor, weights_too=False)
        self.model = self.pretrained(GraniteSpeech5ForCTC)
        self.kind, self.tokenizer = "ctc", self.processor.tokenizer
        halvings = len(self.model.config.encoder_config.subsample_layers)
        self.frame_s = self.processor.feature_extractor.hop_length * extractor.frame_stacking * 2**halvings / RATE
        self._hear([np.zeros(RATE, np.float32)], False)


_PARAMETERS = 470e6
ENGINES = [
    EngineSpec(
        id="granite_speech/5.0-470m-turboctc",
        task="asr",
        name="Granite Speech 5.0 TurboCTC",
        vendor="IBM (open weights)",
        system="Granite Speech",
        engine=GraniteSpeech,
        where="local",
        model="ibm-granite/granite-speech-5.0-470m-turboctc",
        license_code="Apache-2.0 (transformers)",
        license_weights="Apache-2.0",
        languages=("en",),
        summary="English, all tokens of a window at once: made for speed on small machines.",
        docs_url="https://huggingface.co/ibm-granite/granite-speech-5.0-470m-turboctc",
        checked_on="2026-11-20",
        honours=("language", "word_times"),
        limits=Limits(audio_seconds=3600),
        needs=Needs(
            packages=("torch", "transformers"),
            downloads=(Download("ibm-granite/granite-speech-5.0-470m-turboctc"),),
            download_gb=1.9,
            memory_gb=memory_gb(_PARAMETERS),
            gpu_memory_gb=memory_gb(_PARAMETERS, "bfloat16"),
        ),
        parameters=_PARAMETERS,
        packages=("transformers", "torch", "tokenizers"),
        devices=("cuda", "mps", "cpu"),
    )
]


def own(source: str) -> EngineSpec:
    """A fine-tune of Granite Speech 5.0 TurboCTC in safetensors, at a folder or hub id."""
    return own_spec(ENGINES[0], source)
