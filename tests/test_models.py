"""A person's own checkpoint becomes an engine, and everything local engines hold can be seen and deleted."""

import json
import os

import pytest

from comparisons import catalogue, models, own_models
from comparisons.__main__ import main
from engine import weights
from engine.contract import BadInput, Download
from local_models import whisper

REPOSITORY = "openai/whisper-tiny"


@pytest.fixture
def folder(tmp_path):
    """Settings and weights of ten numbers, in the format of the hub."""
    import numpy as np
    from safetensors.numpy import save_file

    folder = tmp_path / "My Whisper"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    save_file({"a": np.zeros((2, 3), np.float32), "b": np.zeros(4, np.float16)}, folder / "model.safetensors")
    return folder


def test_a_folder_becomes_an_engine_of_its_family_and_is_forgotten_without_touching_it(folder, capsys):
    assert main(["models", "add", "whisper", str(folder)]) == 0
    spec = own_models.specs()[0]
    assert capsys.readouterr().out == f"{spec.id} is ready\n"
    assert (spec.id[:22], spec.task, spec.parameters) == ("whisper/own-my-whisper", "asr", 10.0)
    assert catalogue.find(spec.id) == spec
    assert catalogue.readiness(spec).status == "ready"
    assert main(["models", "remove", spec.id]) == 0
    assert spec.id not in catalogue.engines()
    assert (folder / "model.safetensors").exists()


def test_a_hub_id_waits_for_prepare(capsys):
    main(["models", "add", "whisper", "someone/whisper-small-welsh"])
    said = capsys.readouterr().out
    assert "run `python -m comparisons prepare whisper/own-whisper-small-welsh-" in said
    assert catalogue.readiness(own_models.specs()[0]).preparable


@pytest.mark.parametrize(
    ("family", "source", "sentence"),
    [
        ("nobody", "someone/model", "there is no family 'nobody' for own checkpoints; there are"),
        ("whisper", "../../nowhere", "neither a folder on this machine nor a hub id such as 'owner/name'"),
        ("whisper", "https://example.com/model", "neither a folder on this machine nor a hub id"),
        ("whisper", "someone/model --variant fast", "neither a folder on this machine nor a hub id"),
    ],
)
def test_what_cannot_be_a_checkpoint_is_refused_in_one_sentence(family, source, sentence):
    with pytest.raises(BadInput, match=sentence):
        own_models.add(family, source)


def test_a_folder_of_pickles_is_refused(folder):
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(BadInput, match="holds no \\*.safetensors; 'pytorch_model.bin' may be a pickle, which can run code"):
        own_models.add("whisper", str(folder))


def test_a_file_that_only_calls_itself_safetensors_is_refused(folder):
    (folder / "model.safetensors").write_bytes(b"\x10" + bytes(7) + b"not a json header")
    with pytest.raises(BadInput, match="'model.safetensors' is no safetensors file"):
        own_models.add("whisper", str(folder))


def test_a_variant_that_a_family_lacks_is_refused_with_those_it_has():
    with pytest.raises(BadInput, match="faster_whisper has no variant 'fast'; there are plain, int8, batched, int8-batched"):
        own_models.add("faster_whisper", "someone/model", "fast")


@pytest.fixture
def cached(tmp_path, monkeypatch):
    """A hub cache that holds the weights of one engine."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    snapshot = tmp_path / "hub" / f"models--{REPOSITORY.replace('/', '--')}" / "snapshots" / ("0" * 40)
    snapshot.mkdir(parents=True)
    (snapshot / "config.json").write_text("{}")
    (snapshot / "model.safetensors").write_bytes(os.urandom(2_000_000))
    return snapshot


def test_what_lies_on_this_machine_is_listed_with_its_size_and_its_users(cached, capsys):
    found = {each.name: each for each in models.held()}
    assert found[REPOSITORY].size_gb == pytest.approx(0.002, rel=0.01)
    assert "whisper/tiny" in found[REPOSITORY].engines
    main(["models"])
    assert REPOSITORY in capsys.readouterr().out


def test_deleting_an_engine_frees_its_weights(cached):
    users = next(each.engines for each in models.held() if each.name == REPOSITORY)
    if len(users) == 1:
        assert models.delete("whisper/tiny") == pytest.approx(0.002, rel=0.01)
        assert weights.found(Download(REPOSITORY)) is None
    else:  # another engine runs on the same weights
        assert models.delete("whisper/tiny") == 0


def test_of_a_shared_repository_only_the_named_files_go(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    snapshot = tmp_path / "models--acme--many" / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    for name in ("small.gguf", "large.gguf"):
        (snapshot / name).write_bytes(bytes(1_000_000))
    assert weights.remove(Download("acme/many", ("small.gguf",))) == pytest.approx(0.001)
    assert [path.name for path in snapshot.iterdir()] == ["large.gguf"]
    assert weights.remove(Download("acme/many", ("large.gguf",))) == pytest.approx(0.001)
    assert not (tmp_path / "models--acme--many").exists()


def test_the_list_of_own_models_is_plain_json(folder):
    own_models.add("whisper", str(folder))
    assert json.loads(own_models._file().read_text()) == [{"family": "whisper", "source": str(folder), "variant": ""}]


def test_one_checkpoint_may_be_several_engines_of_its_family(folder, capsys):
    assert main(["models", "add", "whisper", str(folder)]) == 0
    assert main(["models", "add", "whisper", str(folder), "--variant", "batched"]) == 0
    plain, batched = own_models.specs()
    assert batched.id == f"{plain.id}-batched" and catalogue.find(batched.id) == batched
    assert (plain.engine, batched.engine) == (whisper.Whisper, whisper.BatchedWhisper)
    assert main(["models", "remove", plain.id]) == 0
    assert [spec.id for spec in own_models.specs()] == [batched.id]


@pytest.mark.parametrize(
    ("family", "variant", "task"),
    [("speecht5", "plain", "tts"), ("speecht5", "asr", "asr"), ("voxtral", "plain", "asr"), ("voxtral", "chat", "audio_lm")],
)
def test_where_a_family_serves_several_tasks_the_variant_chooses_one(family, variant, task):
    assert own_models.add(family, "someone/tuned", variant).task == task


def test_every_variant_of_every_family_is_an_engine_with_an_id_of_its_own():
    for family in own_models.families():
        specs = [own_models.family(family, "someone/tuned", variant) for variant in own_models.variants(family)]
        assert len({spec.id for spec in specs}) == len(specs)
        assert all(spec.own == "someone/tuned" and spec.id.startswith(f"{family}/own-tuned-") for spec in specs)
        assert [spec.own_variant for spec in specs] == list(own_models.variants(family))


def test_a_list_kept_before_there_were_variants_still_holds(folder):
    own_models._file().write_text(json.dumps({str(folder): "whisper"}))
    assert [(spec.own, spec.own_variant) for spec in own_models.specs()] == [(str(folder), "")]
