"""CLAP scores any labels and AST its own, in windows; both with small random weights saved as the hub serves them."""

import json

import numpy as np
import pytest
from tiny import tone

from comparisons import own_models
from comparisons.catalogue import find
from comparisons.hearing import find_hearer
from comparisons.runner import Plan, Runner
from engine.audio import Audio
from engine.contract import BadInput, Classify, Compose, Facts, NotReady, Tag
from engine.tasks import TASKS
from engine.worker import Worker, WorkerError
from local_models import audio_transformer, clap
from local_models._tags import EVERYDAY, asked_labels, windows

LABELS = ["Speech", "Music", "Dog"]


def save_clap(folder, *, fusion=False):
    import torch
    from tokenizers import pre_tokenizers
    from transformers import ClapConfig, ClapFeatureExtractor, ClapModel, RobertaTokenizerFast

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: number for number, token in enumerate(["<s>", "<pad>", "</s>", "<unk>", *letters, "<mask>"])}
    torch.manual_seed(0)
    config = ClapConfig(
        text_config=dict(
            vocab_size=len(vocabulary), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
            max_position_embeddings=130, projection_dim=16,
        ),
        audio_config=dict(
            hidden_size=128, depths=[1] * 4, num_attention_heads=[2] * 4, patch_embeds_hidden_size=16, projection_dim=16,
            enable_fusion=fusion,
        ),
        projection_dim=16,
    )  # fmt: skip
    ClapModel(config).save_pretrained(folder)
    kind = "fusion" if fusion else "rand_trunc"
    ClapFeatureExtractor(truncation=kind, padding="repeatpad").save_pretrained(folder)
    RobertaTokenizerFast(vocab=vocabulary, merges=[], model_max_length=128).save_pretrained(folder)
    return folder


def save_ast(folder):
    import torch
    from transformers import ASTConfig, ASTFeatureExtractor, ASTForAudioClassification

    torch.manual_seed(0)
    config = ASTConfig(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, num_labels=3,
        id2label=dict(enumerate(LABELS)), label2id={label: number for number, label in enumerate(LABELS)},
        problem_type="multi_label_classification",
    )  # fmt: skip
    ASTForAudioClassification(config).save_pretrained(folder)
    ASTFeatureExtractor().save_pretrained(folder)
    return folder


def loaded(spec):
    worker = Worker(spec)
    worker.load()
    return worker


@pytest.fixture(scope="module")
def ear(tmp_path_factory):
    worker = loaded(clap.own(str(save_clap(tmp_path_factory.mktemp("clap")))))
    yield worker
    worker.close()


@pytest.fixture(scope="module")
def ast(tmp_path_factory):
    worker = loaded(audio_transformer.own(str(save_ast(tmp_path_factory.mktemp("ast")))))
    yield worker
    worker.close()


def tags(worker, audio, **settings):
    return TASKS["tagging"].join(list(worker.run(Classify(audio, **settings), 120))).tags


def test_a_persons_labels_share_each_window_among_them(ear):
    found = tags(ear, tone(3.0, rate=48_000), labels="a dog, a violin\nrain")
    assert {tag.label for tag in found} == {"a dog", "a violin", "rain"}
    assert sum(tag.score for tag in found) == pytest.approx(1, abs=1e-6)
    assert [tag.score for tag in found] == sorted((tag.score for tag in found), reverse=True)
    assert {(tag.start_s, tag.end_s) for tag in found} == {(0.0, 3.0)}


def test_a_single_label_is_measured_by_its_similarity(ear):
    first, second = (tags(ear, tone(2.0), labels=label)[0] for label in ("upbeat jazz", "upbeat jazz"))
    assert 0 <= first.score <= 1
    assert first == second
    assert first.label == "upbeat jazz"


def test_long_sounds_are_heard_in_windows_and_without_labels_in_everyday_words(ear):
    found = tags(ear, tone(24.0), top_k=100)
    assert {tag.label for tag in found} == set(EVERYDAY)
    assert all(tag.end_s - tag.start_s <= 10.0 + 1e-9 for tag in found)
    assert {tag.start_s for tag in found} <= {0.0, 10.0, 20.0}


def test_the_row_says_device_format_and_revision(ear):
    facts = next(piece for piece in ear.run(Classify(tone(1.0), labels="a, b"), 60) if isinstance(piece, Facts))
    assert (facts.device, facts.dtype) == ("cpu", "float32")


def test_a_fused_model_gives_the_same_answer_twice(tmp_path):
    engine = clap.Clap(clap.own(str(save_clap(tmp_path, fusion=True))))
    engine.load()
    first, second = (
        [piece for piece in engine.run(Classify(tone(2.0), labels="a, b"), 60) if isinstance(piece, Tag)] for _ in "12"
    )
    assert first == second


def test_too_many_or_endless_labels_are_refused():
    with pytest.raises(BadInput, match="takes up to 100 labels, got 101"):
        asked_labels(",".join(map(str, range(101))), "clap/x")
    with pytest.raises(BadInput, match="takes labels of up to 1000 characters"):
        asked_labels("x" * 1001, "clap/x")


def test_a_label_in_quotes_may_hold_a_comma():
    assert asked_labels('"calm, piano", rain\nwind', "clap/x") == ["calm, piano", "rain", "wind"]


def test_ast_scores_each_class_on_its_own(ast):
    found = tags(ast, tone(11.5))
    assert {tag.label for tag in found} == set(LABELS)
    assert all(0 < tag.score < 1 for tag in found)
    assert {tag.start_s for tag in found} <= {0.0, 10.0}


def test_top_k_keeps_the_best(ast):
    assert len(tags(ast, tone(1.0), top_k=2)) == 2


def test_too_short_a_sound_is_refused_and_the_engine_goes_on(ast):
    with pytest.raises(WorkerError, match=r"needs at least 0.1 s of sound, got 0.010 s"):
        tags(ast, tone(0.01))
    assert tags(ast, tone(0.11))


def test_windows_cover_a_long_sound_once_in_order():
    spans = [
        (start, end, len(samples))
        for start, end, samples in windows(Audio(np.zeros((1, 16_000 * 125), np.float32), 16_000), 16_000, 10.0, "x")
    ]
    assert [start for start, *_ in spans] == [10.0 * number for number in range(13)]
    assert spans[-1] == (120.0, 125.0, 80_000)


def test_music_is_placed_near_its_prompt_by_an_engine_that_listens(tmp_path):
    """Through the runner: composed music, scored by CLAP against the words it was made from."""
    spec = own_models.add("clap", str(save_clap(tmp_path)))
    runner = Runner(tmp_path / "kept")
    try:
        made_from = Compose('calm "slow", piano', duration_s=2.0)
        run = runner.start(
            Plan("music", made_from, (find("composer/additive"),), "a prompt", hear_with=find_hearer(spec.id, "music"))
        )
        list(run.events())
        row = next(iter(run.results.values())).row
    finally:
        runner.close()
    assert row["status"] == "ok"
    assert 0 <= row["prompt_score"] <= 1
    assert f"heard by {spec.id}" in json.loads(row["metric_versions"])["prompt_score"]
    assert row["musical_key"] is None or row["musical_key"].split()[1] in ("major", "minor")


def test_what_cannot_listen_is_named():
    with pytest.raises(NotReady, match="'pocketsphinx/en-us' cannot listen to music"):
        find_hearer("pocketsphinx/en-us", "music")
