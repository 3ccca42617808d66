"""Model families in their workers against the bare library: networks of full size with random weights, on this machine's CPU.

Random weights do the same arithmetic as published ones; what they answer means nothing.
"""

from __future__ import annotations

import json
import string
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from bench.measured import Goal, Measured, Sizes, in_turns
from bench.worker import SAID, mix, speech
from comparisons.own_models import family
from engine.audio import Audio
from engine.contract import Classify, Facts, Request, Separate, Synthesize, Transcribe
from engine.worker import Worker

MOST_RATIO = 1 / 0.97
"""Of times: at least 0.97 of the bare library's throughput."""


@dataclass(frozen=True)
class Case:
    family: str
    what: str
    """The network and its input, in words."""
    save: Callable[[Path, bool], None]
    """Into a folder; of its published size, or small."""
    plain: Callable[[Path, Any], Callable[[], Any]]
    """From the saved folder and the input, the library's own call."""
    sound: Callable[[Sizes], Any]
    request: Callable[[Any], Request]


def _wav2vec2(folder: Path, full: bool) -> None:
    from transformers import Wav2Vec2Config, Wav2Vec2CTCTokenizer, Wav2Vec2FeatureExtractor, Wav2Vec2ForCTC

    letters = ["<pad>", "<s>", "</s>", "<unk>", "|", *string.ascii_uppercase, "'"]
    (folder / "vocab.json").write_text(json.dumps({letter: number for number, letter in enumerate(letters)}))
    Wav2Vec2CTCTokenizer(folder / "vocab.json").save_pretrained(folder)
    Wav2Vec2FeatureExtractor().save_pretrained(folder)
    size = {} if full else {"num_hidden_layers": 1, "hidden_size": 48, "num_attention_heads": 2, "intermediate_size": 16}
    Wav2Vec2ForCTC(Wav2Vec2Config(vocab_size=len(letters), **size)).save_pretrained(folder)


def _wav2vec2_alone(folder: Path, sound: Audio) -> Callable[[], Any]:
    from transformers import pipeline

    listen = pipeline("automatic-speech-recognition", str(folder), device="cpu")
    return lambda: listen({"raw": sound.samples[0].copy(), "sampling_rate": sound.rate})


def _ast(folder: Path, full: bool) -> None:
    from transformers import ASTConfig, ASTFeatureExtractor, ASTForAudioClassification

    names = {number: f"class {number}" for number in range(527)}
    size = {} if full else {"num_hidden_layers": 1, "hidden_size": 16, "num_attention_heads": 2, "intermediate_size": 16}
    config = ASTConfig(id2label=names, label2id={name: number for number, name in names.items()}, **size)
    ASTForAudioClassification(config).save_pretrained(folder)
    ASTFeatureExtractor().save_pretrained(folder)


def _ast_alone(folder: Path, sound: Audio) -> Callable[[], Any]:
    from transformers import pipeline

    tag = pipeline("audio-classification", str(folder), device="cpu", top_k=10)
    return lambda: tag({"raw": sound.samples[0].copy(), "sampling_rate": sound.rate})


def _vits(folder: Path, full: bool) -> None:
    from transformers import VitsConfig, VitsModel, VitsTokenizer

    letters = ["_", *string.ascii_lowercase, " ", "'", ","]
    (folder / "vocab.json").write_text(json.dumps({letter: number for number, letter in enumerate(letters)}))
    VitsTokenizer(folder / "vocab.json", pad_token="_", unk_token="_", phonemize=False).save_pretrained(folder)
    size = {} if full else {"num_hidden_layers": 1, "upsample_initial_channel": 64}
    VitsModel(VitsConfig(vocab_size=len(letters), **size)).save_pretrained(folder)


def _vits_alone(folder: Path, text: str) -> Callable[[], Any]:
    import torch
    from transformers import VitsModel, VitsTokenizer

    model, tokenizer = VitsModel.from_pretrained(folder).eval(), VitsTokenizer.from_pretrained(folder)

    def speak() -> Any:
        torch.manual_seed(0)
        with torch.inference_mode():
            return model(**tokenizer(text, return_tensors="pt")).waveform[0].numpy()

    return speak


def _demucs(folder: Path, full: bool) -> None:
    from demucs.htdemucs import HTDemucs
    from safetensors.torch import save_file

    size = {} if full else {"channels": 16, "t_layers": 1, "t_heads": 2, "bottom_channels": 0, "nfft": 1024}
    settings: Mapping[str, Any] = {"sources": ["drums", "bass", "other", "vocals"], **size}
    told = {
        "klass": "demucs.htdemucs.HTDemucs", "args": "[]",
        "kwargs": json.dumps({**settings, "segment": {"_type": "fraction", "numerator": 39, "denominator": 5}}),
    }  # fmt: skip
    model = HTDemucs(**settings, segment=Fraction(39, 5))
    save_file({name: value.contiguous() for name, value in model.state_dict().items()}, folder / "network.safetensors", told)
    (folder / "htdemucs.yaml").write_text(json.dumps({"models": ["network"]}))


def _demucs_alone(folder: Path, sound: Audio) -> Callable[[], Any]:
    import torch
    from demucs.apply import apply_model
    from demucs.hf import load_safetensors_model

    model = load_safetensors_model(folder / "network.safetensors").eval()
    stereo = torch.from_numpy(sound.samples.copy()).expand(2, -1)[None]

    def separate() -> Any:
        with torch.inference_mode():
            return apply_model(model, stereo, shifts=0, split=True, overlap=0.25)

    return separate


CASES = (
    Case(
        "ctc", "wav2vec 2.0 base, 95 M, on speech, against transformers' pipeline", _wav2vec2, _wav2vec2_alone,
        lambda sizes: speech(2 * sizes.clip_s), Transcribe,
    ),
    Case(
        "audio_transformer", "AST, 87 M, on sound, against transformers' pipeline", _ast, _ast_alone,
        lambda sizes: speech(2 * sizes.clip_s), Classify,
    ),
    Case(
        "vits", "VITS, 36 M, on a sentence, against VitsModel", _vits, _vits_alone,
        lambda sizes: SAID.strip().rstrip(".").lower(), Synthesize,
    ),
    Case(
        "demucs", "Demucs v4, 42 M, on a mono mix, against apply_model", _demucs, _demucs_alone,
        lambda sizes: mix(max(1.0, sizes.mix_s / 3)), Separate,
    ),
)  # fmt: skip


def measure(sizes: Sizes, folder: Path) -> Iterator[Measured]:
    import torch

    for case in CASES:
        place, rounds = folder / case.family, sizes.rounds_or(5)
        place.mkdir()
        torch.manual_seed(0)
        case.save(place, sizes.full_networks)
        given = case.sound(sizes)
        worker, request, first = Worker(family(case.family, str(place))), case.request(given), []

        def ours(worker: Worker = worker, request: Request = request, first: list[float] = first) -> None:
            began, seen = time.perf_counter(), False
            for piece in worker.run(request, 600.0):
                if not seen and not isinstance(piece, Facts):
                    first.append(time.perf_counter() - began)
                    seen = True

        worker.load()
        try:
            took = in_turns(rounds, {"ours": ours, "plain": case.plain(place, given)})
        finally:
            worker.close()
        yield Measured(
            f"family-{case.family}", took["ours"], took["plain"], Goal("ratio", round(MOST_RATIO, 3)), rounds,
            f"{case.what}, in this process.",
            more={"first_output": sorted(first[-rounds:])[rounds // 2]},
        )  # fmt: skip
