"""Parakeet goes from a checkpoint folder through from_pretrained to pieces; this transducer says one sentence to every window."""

import numpy as np
import pytest
import tiny

from engine.audio import Audio
from engine.contract import Facts, Text, Transcribe
from engine.tasks import TASKS
from engine.worker import Worker, WorkerError
from local_models import granite_speech, parakeet

SENTENCE = "Guten Tag"
ENCODER = {
    "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16,
    "subsampling_conv_channels": 8, "num_mel_bins": 80,
}  # fmt: skip
CLIP = tiny.tone(3.0)


def tokens():
    return tiny.byte_tokenizer(("<pad>", "<unk>", "<blank>"), unk_token="<unk>", eos_token="<pad>")


def teach(model, tokenizer, blank):
    """Each token follows from the last one alone, as the sentence has every letter once; then silence."""
    import torch

    size, letters = len(tokenizer), tokenizer(SENTENCE, add_special_tokens=False).input_ids
    follows = dict(zip([blank, *letters], [*letters, blank], strict=True))
    with torch.no_grad():
        for parameter in [*model.encoder_projector.parameters(), *model.decoder.parameters(), *model.joint.parameters()]:
            parameter.zero_()
        model.decoder.embedding.weight.copy_(10 * torch.eye(size))
        lstm = model.decoder.lstm  # gates in the order input, forget, cell, output
        lstm.weight_ih_l0[2 * size : 3 * size] = torch.eye(size)
        for gate, value in enumerate((10.0, -10.0, 0.0, 10.0)):
            lstm.bias_ih_l0[gate * size : (gate + 1) * size] = value
        model.decoder.decoder_projector.weight.copy_(torch.eye(size))
        for last, following in follows.items():
            model.joint.head.weight[following, last] = 10
        if len(model.joint.head.bias) > size:  # one frame per letter, four per silence
            for last, following in follows.items():
                model.joint.head.weight[size + (4 if following == blank else 1), last] = 10


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return transducer(tmp_path_factory.mktemp("tdt"), "TDT")


def transducer(folder, kind):
    import transformers

    tokenizer = tokens()
    blank = tokenizer.convert_tokens_to_ids("<blank>")
    config = getattr(transformers, f"Parakeet{kind}Config")(
        encoder_config=ENCODER, vocab_size=len(tokenizer), blank_token_id=blank, pad_token_id=tokenizer.pad_token_id,
        decoder_hidden_size=len(tokenizer), num_decoder_layers=1,
    )  # fmt: skip
    model = getattr(transformers, f"ParakeetFor{kind}")(config)
    teach(model, tokenizer, blank)
    model.generation_config.decoder_start_token_id = model.generation_config.bos_token_id = blank
    model.save_pretrained(folder)
    extractor = transformers.ParakeetFeatureExtractor()
    transformers.ParakeetProcessor(extractor, tokenizer, decoder_type=kind.lower()).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def worker(folder):
    worker = Worker(parakeet.own(str(folder)))
    worker.load()
    yield worker
    worker.close()


def heard(engine, sound=CLIP, **how):
    return TASKS["asr"].join(list(engine.run(Transcribe(sound, **how), 60.0)))


def loaded(module, folder):
    spec = module.own(str(folder))
    engine = spec.engine(spec)
    engine.load()
    return engine


def test_it_says_its_sentence_at_any_rate_and_channel_count(worker):
    assert heard(worker).text == heard(worker, tiny.tone(3.0, 44_100, channels=2)).text == SENTENCE


def test_word_times_are_those_of_the_tokens_in_frames_of_80_ms(worker):
    assert heard(worker).words == ()
    words = heard(worker, word_times=True).words
    assert [(word.text, round(word.start_s, 2), round(word.end_s, 2)) for word in words] == [
        ("Guten", 0.0, 0.4),
        ("Tag", 0.48, 0.72),
    ]


def test_a_sound_of_two_windows_is_heard_whole_on_one_clock(worker):
    pieces = list(worker.run(Transcribe(tiny.tone(70.0), word_times=True), 60.0))
    output = TASKS["asr"].join(pieces)
    assert output.text == f"{SENTENCE} {SENTENCE}"
    starts = [word.start_s for word in output.words]
    assert starts == sorted(starts) and starts[1] < 1 and 54 < starts[2] <= 60
    assert next(piece.text for piece in pieces if isinstance(piece, Text)) == SENTENCE
    assert next(piece for piece in pieces if isinstance(piece, Facts)).sent["decoder"] == "tdt"


def test_an_rnn_t_checkpoint_is_told_from_its_configuration(tmp_path):
    output = heard(loaded(parakeet, transducer(tmp_path, "RNNT")), word_times=True)
    assert output.text == SENTENCE
    assert [word.text for word in output.words] == ["Guten", "Tag"]


def test_windows_heard_together_say_what_they_say_alone(folder):
    engine = loaded(parakeet, folder)
    together = engine._hear([CLIP.samples[0], tiny.tone(5.0).samples[0]], False)
    assert [each.text for each in together] == [SENTENCE, SENTENCE]


def test_a_ctc_checkpoint_gives_its_letter_the_time_in_which_it_stood(tmp_path):
    import torch
    from tokenizers import Tokenizer
    from transformers import ParakeetCTCConfig, ParakeetFeatureExtractor, ParakeetForCTC, ParakeetProcessor, ParakeetTokenizer

    tokenizer = ParakeetTokenizer(tokenizer_object=Tokenizer.from_str(tokens().backend_tokenizer.to_str()), pad_token="<pad>")
    model = ParakeetForCTC(
        ParakeetCTCConfig(encoder_config=ENCODER, vocab_size=len(tokenizer), pad_token_id=tokenizer.pad_token_id)
    )
    with torch.no_grad():
        model.ctc_head.weight.zero_()
        model.ctc_head.bias.zero_()
        model.ctc_head.bias[tokenizer("m").input_ids[0]] = 1
    model.save_pretrained(tmp_path)
    ParakeetProcessor(ParakeetFeatureExtractor(), tokenizer).save_pretrained(tmp_path)
    output = heard(loaded(parakeet, tmp_path), word_times=True)
    assert output.text == "m"
    (word,) = output.words
    assert word.start_s == 0 and word.end_s == pytest.approx(3.0, abs=0.09)


def test_granite_speech_hears_without_torchaudio(tmp_path):
    import torch
    from tokenizers import Tokenizer
    from transformers import GraniteSpeech5CTCConfig, GraniteSpeech5ForCTC, GraniteSpeech5Processor, ParakeetTokenizer

    from local_models._mel import without_torchaudio

    tokenizer = ParakeetTokenizer(tokenizer_object=Tokenizer.from_str(tokens().backend_tokenizer.to_str()), pad_token="<pad>")
    size = len(tokenizer)
    encoder = {
        "vocab_size": size, "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2,
        "context_size": 16, "max_position_embeddings": 32,
    }  # fmt: skip
    model = GraniteSpeech5ForCTC(
        GraniteSpeech5CTCConfig(encoder_config=encoder, vocab_size=size, pad_token_id=tokenizer.pad_token_id)
    )
    with torch.no_grad():
        model.encoder.out.weight.zero_()
        model.encoder.out.bias.zero_()
        model.encoder.out.bias[tokenizer("m").input_ids[0]] = 1
    model.save_pretrained(tmp_path)
    extractor = without_torchaudio("granite_speech5.GraniteSpeech5FeatureExtractor")
    GraniteSpeech5Processor(extractor(), tokenizer).save_pretrained(tmp_path)
    output = heard(loaded(granite_speech, tmp_path), word_times=True)
    assert output.text == "m"
    assert output.words[0].end_s == pytest.approx(3.0, abs=0.09)


def test_a_mel_spectrogram_without_torchaudio_is_the_one_of_the_textbook():
    import librosa
    import torch

    from local_models._mel import MelSpectrogram, compute_deltas

    samples = np.random.default_rng(0).normal(0, 0.1, 16_000).astype(np.float32)
    ours = MelSpectrogram(16_000, 512, 400, 160, 80)(torch.from_numpy(samples)[None])[0].numpy()
    theirs = librosa.feature.melspectrogram(
        y=samples, sr=16_000, n_fft=512, win_length=400, hop_length=160, n_mels=80, htk=True, norm=None, pad_mode="reflect"
    )
    assert np.allclose(ours, theirs, rtol=1e-3, atol=1e-5)
    assert compute_deltas(torch.tensor([[1.0, 3.0, 7.0]]), 3).tolist() == [[1.0, 3.0, 2.0]]


def test_what_it_cannot_do_it_refuses(worker):
    with pytest.raises(WorkerError, match="needs at least 0.1 s of sound"):
        heard(worker, Audio(np.zeros((1, 10)), 16_000))
