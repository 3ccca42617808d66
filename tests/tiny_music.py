"""Tiny music checkpoints, randomly initialised and saved as the hub would serve them."""

from __future__ import annotations

from pathlib import Path

from tiny import byte_tokenizer


def musicgen(folder: Path, *, melody: bool = False, stereo: bool = False) -> Path:
    """Write a MusicGen of 32 kHz and 50 frames a second, whose codec speaks; return the folder."""
    import torch
    from transformers import (
        EncodecConfig,
        MusicgenConfig,
        MusicgenDecoderConfig,
        MusicgenForConditionalGeneration,
        MusicgenMelodyConfig,
        MusicgenMelodyDecoderConfig,
        MusicgenMelodyForConditionalGeneration,
        T5Config,
    )

    tokenizer = byte_tokenizer()
    text = T5Config(vocab_size=len(tokenizer), d_model=16, d_kv=8, d_ff=16, num_layers=1, num_heads=2)
    codec = EncodecConfig(
        audio_channels=1, sampling_rate=32_000, target_bandwidths=[2.2], normalize=False, num_filters=4, hidden_size=16,
        codebook_dim=16, codebook_size=64, upsampling_ratios=[8, 5, 4, 4], use_causal_conv=False,
    )  # fmt: skip
    decoder = (MusicgenMelodyDecoderConfig if melody else MusicgenDecoderConfig)(
        vocab_size=64, hidden_size=16, ffn_dim=16, num_hidden_layers=1, num_attention_heads=2, num_codebooks=8 if stereo else 4,
        audio_channels=2 if stereo else 1, bos_token_id=64, pad_token_id=64,
    )  # fmt: skip
    torch.manual_seed(0)
    config = (MusicgenMelodyConfig if melody else MusicgenConfig)(
        text_encoder=text.to_dict(), audio_encoder=codec.to_dict(), decoder=decoder.to_dict()
    )
    model = (MusicgenMelodyForConditionalGeneration if melody else MusicgenForConditionalGeneration)(config)
    with torch.no_grad():
        for layer in model.audio_encoder.quantizer.layers:  # which start silent
            layer.codebook.embed.normal_()
        for part in model.decoder.lm_heads:  # or every description and every melody sounds alike
            part.weight.normal_()
        if melody:
            model.audio_enc_to_dec_proj.weight.normal_(0, 5)
    settings = model.generation_config
    settings.decoder_start_token_id = settings.pad_token_id = settings.bos_token_id = 64
    settings.guidance_scale, settings.do_sample, settings.max_length = 3.0, True, 1500
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def audioldm(folder: Path) -> Path:
    """Write an AudioLDM of 16 kHz; return the folder."""
    import torch
    from diffusers import AudioLDMPipeline, AutoencoderKL, DDIMScheduler, UNet2DConditionModel
    from transformers import ClapTextConfig, ClapTextModelWithProjection

    torch.manual_seed(0)
    tokenizer = _roberta()
    unet = UNet2DConditionModel(
        block_out_channels=(8, 16), layers_per_block=1, norm_num_groups=8, sample_size=32, in_channels=4, out_channels=4,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"), up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=(8, 16), class_embed_type="simple_projection", projection_class_embeddings_input_dim=8,
        class_embeddings_concat=True,
    )  # fmt: skip
    text = ClapTextConfig(
        vocab_size=len(tokenizer), hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=2,
        projection_dim=8, pad_token_id=1, max_position_embeddings=514,
    )  # fmt: skip
    AudioLDMPipeline(
        vae=_autoencoder(AutoencoderKL), text_encoder=ClapTextModelWithProjection(text), tokenizer=tokenizer, unet=unet,
        scheduler=DDIMScheduler(), vocoder=_vocoder(),
    ).save_pretrained(folder)  # fmt: skip
    return folder


def audioldm2(folder: Path) -> Path:
    """Write an AudioLDM 2 of 16 kHz whose language model is stored as GPT2Model, as published; return the folder."""
    import torch
    from diffusers import AudioLDM2Pipeline, AudioLDM2ProjectionModel, AudioLDM2UNet2DConditionModel, AutoencoderKL, DDIMScheduler
    from transformers import (
        ClapAudioConfig,
        ClapConfig,
        ClapFeatureExtractor,
        ClapModel,
        ClapTextConfig,
        GPT2Config,
        GPT2Model,
        T5Config,
        T5EncoderModel,
        T5Tokenizer,
    )  # fmt: skip

    torch.manual_seed(0)
    tokenizer = _roberta()
    unet = AudioLDM2UNet2DConditionModel(
        block_out_channels=(8, 16), layers_per_block=1, norm_num_groups=8, sample_size=32, in_channels=4, out_channels=4,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"), up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=(8, 16),
    )  # fmt: skip
    text = ClapTextConfig(
        vocab_size=len(tokenizer), hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=2,
        projection_dim=8, pad_token_id=1, max_position_embeddings=514,
    )  # fmt: skip
    sound = ClapAudioConfig(
        spec_size=64, window_size=4, num_mel_bins=64, hidden_size=16, depths=[1, 1], num_attention_heads=[2, 2],
        num_hidden_layers=2, patch_size=2, patch_stride=2, patch_embed_input_channels=4, patch_embeds_hidden_size=8,
        projection_dim=8,
    )  # fmt: skip
    letters = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", -9.0), *((letter, -5.0) for letter in "▁abcdefghijklmnopqrstuvwxyz")]
    words = T5Tokenizer(vocab=letters, extra_ids=0, model_max_length=77)
    clap = ClapModel(ClapConfig(text_config=text.to_dict(), audio_config=sound.to_dict(), projection_dim=8))
    projection = AudioLDM2ProjectionModel(text_encoder_dim=8, text_encoder_1_dim=16, langauge_model_dim=16)
    writer = GPT2Model(GPT2Config(n_embd=16, n_layer=1, n_head=2, vocab_size=64, n_ctx=99, n_positions=600))
    writer.config.max_new_tokens = 8
    pipe = AudioLDM2Pipeline(
        vae=_autoencoder(AutoencoderKL), text_encoder=clap,
        text_encoder_2=T5EncoderModel(T5Config(vocab_size=64, d_model=16, d_kv=8, d_ff=16, num_layers=1, num_heads=2)),
        projection_model=projection, language_model=writer, tokenizer=tokenizer, tokenizer_2=words,
        feature_extractor=ClapFeatureExtractor(), unet=unet, scheduler=DDIMScheduler(), vocoder=_vocoder(),
    )  # fmt: skip
    pipe.save_pretrained(folder)
    return folder


def stable_audio(folder: Path) -> Path:
    """Write a Stable Audio of 44.1 kHz in stereo with a window of 3 s; return the folder."""
    import torch
    from diffusers import AutoencoderOobleck, CosineDPMSolverMultistepScheduler, StableAudioDiTModel, StableAudioPipeline
    from diffusers.pipelines.stable_audio.modeling_stable_audio import StableAudioProjectionModel
    from transformers import T5Config, T5EncoderModel

    torch.manual_seed(0)
    tokenizer = byte_tokenizer()
    tokenizer.model_max_length = 64
    codec = AutoencoderOobleck(
        encoder_hidden_size=4, downsampling_ratios=[4, 8, 8], channel_multiples=[1, 1, 1], decoder_channels=4,
        decoder_input_channels=4, audio_channels=2, sampling_rate=44_100,
    )  # fmt: skip
    StableAudioPipeline(
        vae=codec,
        text_encoder=T5EncoderModel(T5Config(vocab_size=len(tokenizer), d_model=16, d_kv=8, d_ff=16, num_layers=1, num_heads=2)),
        projection_model=StableAudioProjectionModel(text_encoder_dim=16, conditioning_dim=16, min_value=0, max_value=512),
        tokenizer=tokenizer,
        transformer=StableAudioDiTModel(
            sample_size=517, in_channels=4, out_channels=4, num_layers=1, attention_head_dim=8, num_attention_heads=2,
            num_key_value_attention_heads=1, cross_attention_dim=16, time_proj_dim=8, global_states_input_dim=32,
            cross_attention_input_dim=16,
        ),
        scheduler=CosineDPMSolverMultistepScheduler(),
    ).save_pretrained(folder)  # fmt: skip
    return folder


def _roberta():
    """A RobertaTokenizer with one token per byte: AudioLDM looks at the class."""
    from tokenizers import pre_tokenizers
    from transformers import RobertaTokenizer

    letters = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", *sorted(pre_tokenizers.ByteLevel.alphabet())]
    return RobertaTokenizer(vocab={letter: number for number, letter in enumerate(letters)}, merges=[], model_max_length=77)


def _autoencoder(kind):
    return kind(
        block_out_channels=[8, 16], in_channels=1, out_channels=1, norm_num_groups=8, latent_channels=4,
        down_block_types=["DownEncoderBlock2D", "DownEncoderBlock2D"], up_block_types=["UpDecoderBlock2D", "UpDecoderBlock2D"],
    )  # fmt: skip


def _vocoder():
    from transformers import SpeechT5HifiGan, SpeechT5HifiGanConfig

    return SpeechT5HifiGan(
        SpeechT5HifiGanConfig(
            model_in_dim=8, sampling_rate=16_000, upsample_initial_channel=64, upsample_rates=[5, 4, 2, 2, 2],
            upsample_kernel_sizes=[16, 16, 8, 4, 4], resblock_kernel_sizes=[3], resblock_dilation_sizes=[[1]],
            normalize_before=False,
        )
    )  # fmt: skip
