"""CTC encoders go from a checkpoint folder through from_pretrained to pieces; most of these checkpoints know one letter."""

import json

import numpy as np
import pytest
import tiny

from engine.audio import Audio
from engine.contract import Facts, NotReady, Text, Transcribe, Unsupported
from engine.tasks import TASKS
from engine.worker import Worker, WorkerError
from local_models import ctc

LETTERS = {"<pad>": 0, "<s>": 1, "</s>": 2, "<unk>": 3, "|": 4, "A": 5, "B": 6}
SIZES = {
    "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16, "conv_dim": (8,) * 7,
    "num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 2, "pad_token_id": 0,
}  # fmt: skip
CLIP = tiny.tone(2.0)


def save(folder, kind="Wav2Vec2", letters=LETTERS, says=None, tokenizer="Wav2Vec2CTCTokenizer", seed=0, **how):
    """A small encoder of that kind; with `says` it hears this one token all the time."""
    import torch
    import transformers

    target = how.pop("target_lang", None)
    (folder / "vocab.json").write_text(json.dumps({target: letters} if target else letters))
    how_tokenizer = {"target_lang": target} if target else {"do_phonemize": False} if "Phoneme" in tokenizer else {}
    getattr(transformers, tokenizer)(folder / "vocab.json", **how_tokenizer).save_pretrained(folder)
    transformers.Wav2Vec2FeatureExtractor(return_attention_mask=False).save_pretrained(folder)
    torch.manual_seed(seed)
    config = getattr(transformers, f"{kind}Config")(vocab_size=len(letters), **SIZES, **how)
    model = getattr(transformers, f"{kind}ForCTC")(config)
    if says:
        with torch.no_grad():
            model.lm_head.weight.zero_()
            model.lm_head.bias.zero_()
            model.lm_head.bias[letters[says]] = 1
    model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def worker(tmp_path_factory):
    worker = Worker(ctc.own(str(save(tmp_path_factory.mktemp("letter"), says="A"))))
    worker.load()
    yield worker
    worker.close()


def loaded(folder):
    engine = ctc.Ctc(ctc.own(str(folder)))
    engine.load()
    return engine


def heard(engine, sound=CLIP, **how):
    return TASKS["asr"].join(list(engine.run(Transcribe(sound, **how), 60.0)))


def test_it_hears_in_a_process_of_its_own_at_any_rate_and_channel_count(worker):
    assert heard(worker).text == heard(worker, tiny.tone(2.0, 44_100, channels=2)).text == "A"
    assert worker.versions["transformers"]


def test_word_times_come_only_when_asked_for_and_count_frames_of_20_ms(worker):
    assert heard(worker).words == ()
    (word,) = heard(worker, word_times=True).words
    assert (word.text, word.start_s) == ("A", 0.0)
    assert word.end_s == pytest.approx(99 * 0.02)  # 99 frames of wav2vec 2.0 in 32,000 samples


def test_a_long_sound_is_cut_at_its_pauses_and_its_words_keep_the_clock_of_the_whole(worker):
    sound = np.concatenate([tiny.tone(18.0).samples, np.zeros((1, 16_000)), tiny.tone(14.0).samples], axis=1)
    pieces = list(worker.run(Transcribe(Audio(sound, 16_000), word_times=True), 60.0))
    output = TASKS["asr"].join(pieces)
    assert output.text == "A A"
    first, second = output.words
    assert first.start_s == 0 and 18.0 <= second.start_s <= 19.0 and first.end_s <= second.start_s
    assert 32.5 < second.end_s <= 33.0
    texts = [piece for piece in pieces if isinstance(piece, Text)]
    assert [text.text for text in texts if not text.final] == ["A", "A A"] and texts[-1].final


def test_facts_say_device_number_format_and_settings(worker):
    facts = next(piece for piece in list(worker.run(Transcribe(CLIP), 60.0)) if isinstance(piece, Facts))
    assert (facts.device, facts.dtype, facts.sent) == ("cpu", "float32", {"window_s": 20.0})


@pytest.mark.parametrize("kind", ["HuBERT", "WavLM"])
def test_every_encoder_says_what_transformers_says_when_it_is_called_directly(kind, tmp_path):
    import torch
    from transformers import AutoFeatureExtractor, AutoModelForCTC, AutoTokenizer

    folder = save(tmp_path, {"HuBERT": "Hubert"}.get(kind, kind), seed=4)
    values = AutoFeatureExtractor.from_pretrained(folder)(CLIP.samples[0], sampling_rate=16_000, return_tensors="pt")
    with torch.inference_mode():
        ids = AutoModelForCTC.from_pretrained(folder).eval()(**values).logits[0].argmax(-1)
    expected = AutoTokenizer.from_pretrained(folder).decode(ids)
    assert expected
    assert heard(loaded(folder)).text == expected


def test_phonemes_come_one_by_one_each_with_its_times(tmp_path):
    sounds = {"<pad>": 0, "<s>": 1, "</s>": 2, "<unk>": 3, "ɑː": 4, "t": 5}
    engine = loaded(save(tmp_path, letters=sounds, says="ɑː", tokenizer="Wav2Vec2PhonemeCTCTokenizer"))
    output = heard(engine, word_times=True)
    assert output.text == "ɑː"
    assert [(word.text, word.start_s) for word in output.words] == [("ɑː", 0.0)]


def test_adapters_are_changed_for_the_language_that_is_asked_for(tmp_path):
    from safetensors.torch import save_file
    from transformers import Wav2Vec2ForCTC

    german = {"<pad>": 0, "<s>": 1, "</s>": 2, "<unk>": 3, "|": 4, "Ä": 5, "Ö": 6}
    save(tmp_path, says="A", target_lang="eng", adapter_attn_dim=4)
    (tmp_path / "vocab.json").write_text(json.dumps({"eng": LETTERS, "deu": german, "fra": LETTERS}))
    model = Wav2Vec2ForCTC.from_pretrained(tmp_path)
    english = {name: values.clone() for name, values in model._get_adapters().items()}
    other = {name: values.clone() for name, values in english.items()}
    other["lm_head.bias"][:] = 0
    other["lm_head.bias"][german["Ö"]] = 1
    save_file(english, tmp_path / "adapter.eng.safetensors")
    save_file(other, tmp_path / "adapter.deu.safetensors")
    engine = loaded(tmp_path)
    assert heard(engine).text == "A"
    assert heard(engine, language="de-AT").text == heard(engine, language="deu").text == "Ö"
    assert heard(engine, language="en").text == heard(engine).text == "A"
    with pytest.raises(NotReady, match="has no adapter 'fra' on this machine"):
        heard(engine, language="fr")
    with pytest.raises(Unsupported, match="does not know the language 'tlh'"):
        heard(engine, language="tlh")


def test_a_pickled_checkpoint_is_read_as_plain_weights_only(tmp_path):
    import dataclasses

    import torch
    from safetensors.torch import load_file

    save(tmp_path, says="B")
    torch.save(load_file(tmp_path / "model.safetensors"), tmp_path / "pytorch_model.bin")
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(NotReady, match="is not whole"):
        loaded(tmp_path)
    spec = ctc.own(str(tmp_path))
    download = dataclasses.replace(spec.needs.downloads[0], files=("*.json", "pytorch_model.bin"))
    engine = ctc.Ctc(dataclasses.replace(spec, needs=dataclasses.replace(spec.needs, downloads=(download,))))
    engine.load()
    assert heard(engine).text == "B"


def test_what_it_cannot_do_it_refuses(worker):
    with pytest.raises(WorkerError, match="does not know its languages: leave the language empty"):
        heard(worker, language="de")
    with pytest.raises(WorkerError, match="needs at least 0.1 s of sound"):
        heard(worker, Audio(np.zeros((1, 10)), 16_000))


def test_every_variant_names_weights_that_its_loader_reads():
    for spec in ctc.ENGINES:
        (download,) = spec.needs.downloads
        assert download.source == spec.model and spec.needs.download_gb > 0 and spec.parameters > 0
        assert not download.files or {"pytorch_model.bin", "model.safetensors"} & set(download.files)
