"""Small random checkpoints as Coqui TTS serves them; run by that environment's Python: `tiny_coqui.py FOLDER`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch

LETTERS = "abcdefghijklmnopqrstuvwxyz"


def save(folder: Path, model: torch.nn.Module, config) -> None:
    folder.mkdir(parents=True)
    torch.save({"model": model.state_dict()}, folder / "model_file.pth")
    config.save_json(str(folder / "config.json"))


def tacotron(folder: Path) -> None:
    """Two thirds of a second of whatever: its decoder never learnt to stop."""
    from TTS.tts.configs.tacotron2_config import Tacotron2Config
    from TTS.tts.models.tacotron2 import Tacotron2

    config = Tacotron2Config(r=2, use_phonemes=False, text_cleaner="english_cleaners", max_decoder_steps=30)
    save(folder, Tacotron2(config), config)


def melgan(folder: Path) -> None:
    from TTS.vocoder.configs import MultibandMelganConfig
    from TTS.vocoder.models import setup_model

    config = MultibandMelganConfig()
    save(folder, setup_model(config), config)


def vits(folder: Path) -> None:
    """Two voices, chosen by number."""
    from TTS.tts.configs.vits_config import VitsConfig
    from TTS.tts.models.vits import Vits, VitsArgs

    speakers = folder.parent / "speaker_ids.json"
    speakers.write_text(json.dumps({"p1": 0, "p2": 1}))
    args = VitsArgs(
        use_speaker_embedding=True, speaker_embedding_channels=16, speakers_file=str(speakers), hidden_channels=32,
        hidden_channels_ffn_text_encoder=32, num_layers_text_encoder=1, num_layers_flow=1, num_layers_posterior_encoder=1,
        upsample_initial_channel_decoder=32, length_scale=6,
    )  # fmt: skip
    config = VitsConfig(model_args=args, use_phonemes=False, text_cleaner="english_cleaners")
    config.audio.do_trim_silence = False  # what it says at random is quiet all over
    save(folder, Vits(config), config)
    (folder / "speaker_ids.json").write_text(speakers.read_text())
    speakers.unlink()


def xtts(folder: Path) -> None:
    """One voice of its own; speaks at most 16 steps."""
    from tokenizers import Tokenizer, models
    from TTS.tts.configs.xtts_config import XttsConfig
    from TTS.tts.models.xtts import Xtts, XttsArgs

    folder.mkdir()
    marks = ["[STOP]", "[UNK]", "[SPACE]", "[START]", "[en]", "[de]", *LETTERS, *",.!?'"]
    tokenizer = Tokenizer(models.BPE(vocab={mark: number for number, mark in enumerate(marks)}, merges=[], unk_token="[UNK]"))
    tokenizer.add_special_tokens(marks[:6])
    tokenizer.save(str(folder / "vocab.json"))
    args = XttsArgs(
        gpt_layers=1, gpt_n_model_channels=64, gpt_n_heads=2, gpt_max_audio_tokens=16, gpt_max_text_tokens=402,
        gpt_number_text_tokens=len(marks), gpt_num_audio_tokens=40, gpt_start_audio_token=38, gpt_stop_audio_token=39,
        decoder_input_dim=64, tokenizer_file=str(folder / "vocab.json"),
    )  # fmt: skip
    config = XttsConfig(model_args=args)
    model = Xtts(config)
    model.init_models()
    torch.save({"model": model.state_dict()}, folder / "model.pth")
    config.save_json(str(folder / "config.json"))
    voice = {"gpt_cond_latent": torch.randn(1, 32, 64), "speaker_embedding": torch.randn(1, 512, 1)}
    torch.save({"Nobody": voice}, folder / "speakers_xtts.pth")


if __name__ == "__main__":
    torch.manual_seed(1)
    root = Path(sys.argv[1])
    for make in (tacotron, melgan, vits, xtts):
        make(root / make.__name__)
