"""A small Whisper checkpoint, saved as the hub would serve it, that says one sentence whatever it hears."""

from __future__ import annotations

from pathlib import Path


def save(folder: Path, says: str, *, language: str | None, seconds: float = 2.5) -> Path:
    """Write model, generation settings, tokenizer and feature extractor; return the folder.

    The checkpoint detects `language`, or is an English-only one for None. Every window's sentence lasts `seconds`.
    """
    import torch
    from tokenizers import pre_tokenizers
    from transformers import (
        GenerationConfig,
        WhisperConfig,
        WhisperFeatureExtractor,
        WhisperForConditionalGeneration,
        WhisperProcessor,
        WhisperTokenizer,
    )
    from transformers.models.whisper.tokenization_whisper import LANGUAGES

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    # faster-whisper forbids the first token of " -", " '" and " ♪"; without a token of their own that would be every space.
    pairs = [("Ġ", "-"), ("Ġ", "'"), ("Ġ", "â")]
    # CTranslate2 tells a multilingual vocabulary by its empty piece.
    pieces = [*letters, *map("".join, pairs), *([""] if language else []), "<|endoftext|>"]
    tokenizer = WhisperTokenizer(vocab={piece: number for number, piece in enumerate(pieces)}, merges=pairs)
    marks = ["<|startoftranscript|>", *(f"<|{code}|>" for code in LANGUAGES)]
    marks += ["<|translate|>", "<|transcribe|>", "<|startoflm|>", "<|startofprev|>", "<|nospeech|>", "<|notimestamps|>"]
    tokenizer.add_tokens(marks + [f"<|{step * 0.02:.2f}|>" for step in range(1501)], special_tokens=True)
    number = tokenizer.convert_tokens_to_ids
    torch.manual_seed(0)
    model = WhisperForConditionalGeneration(
        WhisperConfig(
            vocab_size=len(tokenizer), d_model=64, encoder_layers=2, decoder_layers=2, encoder_attention_heads=2,
            decoder_attention_heads=2, encoder_ffn_dim=32, decoder_ffn_dim=32,
            decoder_start_token_id=number("<|startoftranscript|>"), bos_token_id=number("<|endoftext|>"),
            eos_token_id=number("<|endoftext|>"), pad_token_id=number("<|endoftext|>"),
            suppress_tokens=None, begin_suppress_tokens=None,
        )
    )  # fmt: skip
    _teach(
        model,
        [number(f"<|{language}|>"), number("<|transcribe|>")] if language else [],
        [
            number("<|0.00|>"),
            *tokenizer(says, add_special_tokens=False).input_ids,
            number(f"<|{seconds:.2f}|>"),
            number("<|endoftext|>"),
        ],
    )
    own = {}
    if language:
        own["lang_to_id"] = {f"<|{code}|>": number(f"<|{code}|>") for code in LANGUAGES}
        own["task_to_id"] = {task: number(f"<|{task}|>") for task in ("transcribe", "translate")}
    model.generation_config = GenerationConfig(
        is_multilingual=bool(language), no_timestamps_token_id=number("<|notimestamps|>"), max_initial_timestamp_index=50,
        prev_sot_token_id=number("<|startofprev|>"), alignment_heads=[[1, 0], [1, 1]], max_length=448, return_timestamps=False,
        decoder_start_token_id=number("<|startoftranscript|>"), bos_token_id=number("<|endoftext|>"),
        eos_token_id=number("<|endoftext|>"), pad_token_id=number("<|endoftext|>"), **own,
    )  # fmt: skip
    model.save_pretrained(folder)
    WhisperProcessor(WhisperFeatureExtractor(), tokenizer).save_pretrained(folder)
    return folder


def _teach(model, prompt: list[int], sentence: list[int]) -> None:
    """Make position alone decide the next token: blocks add nothing, and each position points at the token that follows it."""
    import torch

    decoder = model.model.decoder
    with torch.no_grad():
        for layer in decoder.layers:
            for last in (layer.self_attn.out_proj, layer.encoder_attn.out_proj, layer.fc2):
                last.weight.zero_()
                last.bias.zero_()
        # Drawn anew: the padding token, which is also the end, starts as zeros and could never be said. The length of 3 makes one
        # word likelier than all timestamps together, which is what decoding compares.
        tokens = 3 * torch.nn.functional.normalize(torch.randn_like(decoder.embed_tokens.weight), dim=-1)
        decoder.embed_tokens.weight.copy_(tokens)
        for position, token in enumerate([*prompt, *sentence]):
            decoder.embed_positions.weight[position] = 10 * tokens[token]
