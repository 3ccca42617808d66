"""YAMNet, PANNs and PE-AV, each on a small model that the test builds."""

import numpy as np
import pytest
from tiny import byte_tokenizer, tone
from tiny_tflite import save_dense

from engine.audio import Audio
from engine.contract import BadInput, Classify, NotReady
from engine.tasks import TASKS
from engine.worker import Worker
from local_models import panns, pe_audio, yamnet

RATE = yamnet.RATE


def tags(engine, audio, **settings):
    return TASKS["tagging"].join(list(engine.run(Classify(audio, **settings), 120))).tags


def loaded(spec):
    engine = spec.engine(spec)
    engine.load()
    return engine


# ---------------------------------------------------------------- YAMNet


def hum(hz):
    return np.sin(2 * np.pi * hz * np.arange(yamnet.WINDOW) / RATE)


@pytest.fixture
def two_hums(tmp_path):
    """A network that scores a hum of 200 Hz and one of 800 Hz by their likeness to the window."""
    save_dense(tmp_path / "m.tflite", np.stack([hum(200), hum(800)]), labels=["Low hum", "High hum"], scale=1e-3)
    worker = Worker(yamnet.own(str(tmp_path)))
    worker.load()
    yield worker
    worker.close()


def test_yamnet_hears_each_class_in_the_window_where_it_sounds(two_hums):
    sound = Audio(0.5 * np.concatenate([hum(800), np.zeros(yamnet.WINDOW), hum(200)]), RATE)
    found = {tag.label: tag for tag in tags(two_hums, sound)}
    window_s = yamnet.WINDOW / RATE
    assert found["High hum"].start_s == 0
    assert found["Low hum"].start_s == pytest.approx(2 * window_s)
    assert all(0.9 < tag.score <= 1 for tag in found.values())
    assert all(tag.end_s - tag.start_s == pytest.approx(window_s) for tag in found.values())


def test_yamnet_takes_another_rate_stereo_and_less_than_a_window(two_hums):
    (best,) = tags(two_hums, tone(0.5, rate=44_100, hz=800.0, channels=2), top_k=1)
    assert best.label == "High hum" and best.end_s == pytest.approx(0.5)


def test_yamnet_reads_class_names_beside_the_file_where_the_file_has_none(tmp_path):
    save_dense(tmp_path / "m.tflite", np.zeros((2, yamnet.WINDOW)))
    with pytest.raises(NotReady, match="'m.tflite' names no classes"):
        loaded(yamnet.own(str(tmp_path)))
    (tmp_path / "yamnet_class_map.csv").write_text('index,mid,display_name\n0,/m/1,Speech\n1,/m/2,"Clatter, bang"\n')
    assert loaded(yamnet.own(str(tmp_path))).labels == ["Speech", "Clatter, bang"]
    (tmp_path / "yamnet_class_map.csv").write_text("index,mid,display_name\n0,/m/1,Speech\n")
    with pytest.raises(NotReady, match="gives 2 scores and names 1 classes"):
        loaded(yamnet.own(str(tmp_path)))


# ---------------------------------------------------------------- PANNs


def save_cnn14(folder, widths=(4, 4, 8, 8, 8, 16), hidden=16, classes=3):
    """Weights under the names of the authors' checkpoint, most of them random."""
    import librosa
    import torch

    torch.manual_seed(0)
    mel = librosa.filters.mel(sr=panns.RATE, n_fft=panns.FFT, n_mels=64, fmin=50, fmax=14_000)
    stored = {
        "spectrogram_extractor.stft.conv_real.weight": torch.zeros(1),
        "logmel_extractor.melW": torch.from_numpy(mel.T),
        "fc1.weight": torch.randn(hidden, widths[-1]), "fc1.bias": torch.zeros(hidden),
        "fc_audioset.weight": torch.randn(classes, hidden) / 4, "fc_audioset.bias": torch.zeros(classes),
    }  # fmt: skip

    def normal(name, width):
        stored.update({f"{name}.weight": torch.ones(width), f"{name}.bias": torch.zeros(width)})
        stored.update({f"{name}.running_mean": torch.zeros(width), f"{name}.running_var": torch.ones(width)})

    normal("bn0", 64)
    for number, (before, after) in enumerate(zip([1, *widths], widths, strict=False), 1):
        stored[f"conv_block{number}.conv1.weight"] = torch.randn(after, before, 3, 3) / 3
        stored[f"conv_block{number}.conv2.weight"] = torch.randn(after, after, 3, 3) / 6
        normal(f"conv_block{number}.bn1", after)
        normal(f"conv_block{number}.bn2", after)
    torch.save({"iteration": 1, "model": stored}, folder / "Cnn14.pth")
    return stored


@pytest.fixture
def panns_spec(tmp_path, monkeypatch):
    """A tiny Cnn14 and three class names, where the fetched list of AudioSet's classes would lie."""
    names = tmp_path / "class_labels_indices.csv"
    names.write_text('index,mid,display_name\n0,/m/1,Speech\n1,/m/2,Music\n2,/m/3,"Dog, bark"\n')
    monkeypatch.setattr(panns.weights, "needed", lambda spec, number=0: (tmp_path, names)[number])
    save_cnn14(tmp_path)
    return panns.own(str(tmp_path))


def test_panns_scores_every_class_in_windows_and_gives_the_same_answer_twice(panns_spec):
    engine = loaded(panns_spec)
    sound = Audio(np.concatenate([0.01 * tone(10.0).samples[0], np.random.default_rng(0).standard_normal(16_000 * 3)]), 16_000)
    first, again = tags(engine, sound), tags(engine, sound)
    assert first == again
    assert {tag.label for tag in first} == {"Speech", "Music", "Dog, bark"}
    assert {tag.start_s for tag in first} <= {0.0, 10.0}
    assert all(0 < tag.score < 1 for tag in first)


def test_panns_refuses_a_pickle_with_code_and_weights_of_another_network(panns_spec, tmp_path):
    import pickle

    import torch

    (tmp_path / "Cnn14.pth").write_bytes(pickle.dumps({"model": print}))
    with pytest.raises(NotReady, match="'Cnn14.pth' is no checkpoint of PANNs"):
        loaded(panns_spec)
    stored = save_cnn14(tmp_path)
    torch.save({"model": {name: value for name, value in stored.items() if "block3" not in name}}, tmp_path / "Cnn14.pth")
    with pytest.raises(NotReady, match="the weights are not those of Cnn14: .*conv_block3"):
        loaded(panns_spec)


def test_panns_refuses_what_is_shorter_than_its_five_halvings(panns_spec):
    with pytest.raises(BadInput, match=r"needs at least 0.32 s of sound, got 0.20 s"):
        tags(loaded(panns_spec), tone(0.2))


# ---------------------------------------------------------------- PE-AV


def save_pe(folder):
    import torch
    from transformers import PeAudioConfig, PeAudioFeatureExtractor, PeAudioModel

    tokenizer = byte_tokenizer(model_max_length=64)
    torch.manual_seed(0)
    special = dict(pad_token_id=tokenizer.pad_token_id, bos_token_id=1, eos_token_id=2, cls_token_id=1, sep_token_id=2)
    text = dict(
        model_type="modernbert", vocab_size=len(tokenizer), hidden_size=16, intermediate_size=16, num_hidden_layers=1,
        num_attention_heads=2, **special,
    )  # fmt: skip
    codec = dict(model_type="dac", encoder_hidden_size=4, downsampling_ratios=[2, 8, 10, 12], codebook_dim=4, hidden_size=64)
    sound = dict(hidden_size=32, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2, head_dim=16, dac_config=codec)
    model = PeAudioModel(PeAudioConfig(text_config=text, audio_config=sound))
    with torch.no_grad():
        model.text_audio_logit_scale.fill_(2.0)
        model.text_audio_logit_bias.fill_(-1.0)
        # as initialised, the heads are so small that all scores are alike
        model.text_audio_head.proj.weight.normal_()
        model.audio_head.proj.weight.normal_()
    model.save_pretrained(folder)
    PeAudioFeatureExtractor().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return model


def test_pe_av_scores_any_words_on_their_own_as_its_own_forward_does(tmp_path):
    import torch

    model = save_pe(tmp_path).eval()
    engine = loaded(pe_audio.own(str(tmp_path)))
    sound = Audio(np.random.default_rng(0).standard_normal((1, 48_000 * 11)).astype(np.float32), 48_000)
    both = {tag.label: tag for tag in tags(engine, sound, labels="dog, rain")}
    assert set(both) == {"dog", "rain"}
    assert {tag.start_s for tag in both.values()} <= {0.0, 10.0}
    short = {tag.label: tag.score for tag in tags(engine, sound.part(0, 1.0), labels="dog, rain")}
    (alone,) = tags(engine, sound.part(0, 1.0), labels="rain")
    assert alone.score == pytest.approx(short["rain"], abs=1e-4)
    tokens = byte_tokenizer()(["dog", "rain"], padding=True, return_tensors="pt")
    with torch.no_grad():
        wave = torch.from_numpy(np.array(sound.part(0, 1.0).samples))[None]
        logits = model(tokens["input_ids"], wave, tokens["attention_mask"]).logits_audio_text[0]
    assert [short["dog"], short["rain"]] == pytest.approx(logits.sigmoid().tolist(), abs=1e-3)
