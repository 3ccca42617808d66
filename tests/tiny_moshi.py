"""A small random Moshi as Kyutai's package serves it; run by that environment's Python: `make(folder)` before an engine loads."""

from __future__ import annotations

from pathlib import Path

LETTERS = 32
WORDS = ["moshi hears a sound and talks at once", "one two three four five six seven", "a quiet world of small numbers"]


def make(folder: Path) -> None:
    """Tokenizer, codec and language model in `folder`, under the names that the package looks for.

    The package takes sizes that no file states from its own module: they become small in this process.
    """
    import sentencepiece
    import torch
    from moshi.models import loaders
    from safetensors.torch import save_file

    loaders._seanet_kwargs |= {"dimension": 16, "n_filters": 2}
    loaders._quantizer_kwargs |= {"dimension": 8, "bins": 32, "input_dimension": 16, "output_dimension": 16}
    loaders._transformer_kwargs |= {
        "d_model": 16, "num_heads": 2, "num_layers": 1, "dim_feedforward": 16, "input_dimension": 16, "output_dimensions": [16],
    }  # fmt: skip
    loaders._lm_kwargs |= {
        "dim": 32, "text_card": LETTERS, "card": 32, "num_heads": 2, "num_layers": 1, "hidden_scale": 1.5, "context": 64,
        "depformer_dim": 16, "depformer_dim_feedforward": 24, "depformer_num_heads": 2, "depformer_num_layers": 1,
    }  # fmt: skip
    torch.manual_seed(0)
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(WORDS * 20), model_prefix=str(folder / "words"), vocab_size=LETTERS,
        pad_id=3, unk_id=0, bos_id=1, eos_id=2, minloglevel=2,
    )  # fmt: skip
    (folder / "words.model").rename(folder / loaders.TEXT_TOKENIZER_NAME)
    for name, model in (
        (loaders.MIMI_NAME, loaders.get_mimi(None)),
        (loaders.MOSHI_NAME, loaders.get_moshi_lm(None, dtype=torch.float32)),
    ):
        for each in model.parameters():
            if each.dim() > 1:
                torch.nn.init.normal_(each, std=0.3)
        # An untrained codebook is all zeros, and would hear the same in every sound.
        state = {
            key: torch.randn_like(value) if "embedding_sum" in key else value.clone() for key, value in model.state_dict().items()
        }
        save_file(state, folder / name)
