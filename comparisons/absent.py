"""The systems of the landscape that no engine can offer, each with its reason, source and the day it was checked."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Absent:
    """A system of the landscape that no engine can offer, and why."""

    id: str
    task: str
    name: str
    vendor: str
    system: str
    reason: str
    source: str
    checked_on: str


ABSENT = (
    Absent(
        "absent/soundstream", "codec", "SoundStream", "Google", "SoundStream",
        "Google never released the weights, and no hosted service offers it.", "https://arxiv.org/abs/2107.03312", "2026-11-20",
    ),
    Absent(
        "absent/audiolm", "music", "AudioLM", "Google", "AudioLM",
        "Published as a paper only: no weights, no hosted service.", "https://arxiv.org/abs/2209.03143", "2026-11-20",
    ),
    Absent(
        "absent/deepsqueak", "tagging", "DeepSqueak", "University of Washington", "DeepSqueak",
        "Runs only inside MATLAB with a window: no Python and no command line.", "https://github.com/DrCoffey/DeepSqueak",
        "2026-11-20",
    ),
    Absent(
        "absent/pop2piano", "music", "Pop2Piano", "Sweetcocoa", "Pop2Piano",
        "Makes piano covers of a given song; music here is made from a description.",
        "https://huggingface.co/docs/transformers/model_doc/pop2piano", "2026-11-20",
    ),
    Absent(
        "absent/salmonn", "audio_lm", "SALMONN", "Tsinghua University and ByteDance", "SALMONN",
        "Only an old branch without a package runs it, on four separate weights, one of them under LLaMA's terms.",
        "https://github.com/bytedance/SALMONN", "2026-11-20",
    ),
    Absent(
        "absent/vggish", "tagging", "VGGish", "Google", "VGGish",
        "Gives 128 numbers per window and has no labels of its own: embeddings, no tags.",
        "https://github.com/tensorflow/models/tree/master/research/audioset/vggish", "2026-11-20",
    ),
    Absent(
        "absent/openl3", "tagging", "OpenL3", "NYU", "OpenL3",
        "Gives embeddings, no tags.", "https://github.com/marl/openl3", "2026-11-20",
    ),
    Absent(
        "absent/waveglow", "tts", "WaveGlow vocoder", "NVIDIA", "WaveGlow vocoder",
        "Its only published entry loads code and weights from GitHub and NGC and assumes CUDA.",
        "https://github.com/NVIDIA/waveglow", "2026-11-20",
    ),
    Absent(
        "absent/openvoice", "tts", "OpenVoice v2", "MyShell", "OpenVoice v2",
        "Its voices speak through MeloTTS, a repository that fetches text models and dictionaries of six languages on import.",
        "https://github.com/myshell-ai/OpenVoice", "2026-11-29",
    ),
    Absent(
        "absent/univnet", "tts", "UnivNet vocoder", "dg845", "UnivNet vocoder",
        "A vocoder alone says no text, and no text-to-speech model here writes its kind of spectrogram.",
        "https://huggingface.co/dg845/univnet-dev", "2026-11-20",
    ),
    Absent(
        "absent/suno", "music", "Suno", "Suno", "Suno",
        "Has no official public API; wrappers replay a person's web session.", "https://suno.com", "2026-11-20",
    ),
)  # fmt: skip
