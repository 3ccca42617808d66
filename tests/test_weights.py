"""Weights are fetched whole or not at all, go on where they stopped, and are found, counted and deleted in one place."""

import hashlib
import io
import os
import subprocess
import sys
import zipfile

import pytest
from stub_engines import spec
from weights_hub import COMMIT, Hub, serving

from engine import weights
from engine.contract import Download, Engine, Needs, NotReady

REPOSITORY = "acme/ear-small"
BIG = os.urandom(25_000_000)
"""More than the block in which the hub's client writes."""


def engine(*downloads, **more):
    return spec(Engine, "weighty", needs=Needs(downloads=downloads), license_weights="MIT", **more)


def starts(hub, name):
    """The bytes from which the client asked for the file, one for each time."""
    asked = [given for command, path, given in hub.asked if path.endswith(name) and command == "GET"]
    return [int((given or "bytes=0-").removeprefix("bytes=").partition("-")[0]) for given in asked]


@pytest.fixture
def hub():
    files = {"config.json": b"{}", "model.safetensors": BIG, "pytorch_model.bin": b"pickle", "sub/vocab.json": b"[]"}
    hub = Hub(REPOSITORY, files)
    with serving(hub) as address:
        hub.address = address
        yield hub


@pytest.fixture
def fetched(hub, tmp_path):
    """Run fetch() in a fresh process, as `prepare` does: the hub's client reads its address and cache when it is imported."""

    def run(patterns=(), revision=None):
        program = f"""
import sys; sys.path.insert(0, "tests")
from test_weights import engine
from engine import weights
from engine.contract import Download, NotReady
try:
    print(*weights.fetch(engine(Download({REPOSITORY!r}, {tuple(patterns)!r}, {revision!r}))), sep="\\n")
except NotReady as error:
    print("NotReady:", error)
"""
        known = {
            "HF_ENDPOINT": hub.address,
            "HF_HUB_CACHE": str(tmp_path / "hub"),
            "HF_HUB_OFFLINE": "0",
            "HF_HUB_DISABLE_XET": "1",
        }
        done = subprocess.run(
            [sys.executable, "-c", program], check=False, env=os.environ | known, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_a_repository_comes_without_pickles_and_with_progress_and_its_licence(hub, fetched, tmp_path, monkeypatch):
    said = fetched().splitlines()
    assert said[0] == f"stub/weighty: {REPOSITORY} under MIT"
    assert said[-1].startswith("25 of 25 MB")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    folder = weights.found(Download(REPOSITORY))
    assert folder.name == COMMIT
    assert sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()) == [
        "config.json", "model.safetensors", "sub/vocab.json",
    ]  # fmt: skip
    assert weights.size_gb(folder) == pytest.approx(len(BIG) / 1e9, rel=1e-3)
    assert weights.remove(Download(REPOSITORY)) > 0.02
    assert weights.found(Download(REPOSITORY)) is None


def test_what_was_cut_off_does_not_count_and_goes_on_where_it_stopped(hub, fetched, tmp_path, monkeypatch):
    hub.cut_after = 15_000_000
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    fetched()
    if weights.found(Download(REPOSITORY)) is None:  # the client did not retry by itself
        fetched()
    assert max(starts(hub, "model.safetensors")) > 0
    assert (weights.found(Download(REPOSITORY)) / "model.safetensors").read_bytes() == BIG


def test_a_revision_is_found_under_its_own_name(hub, fetched, tmp_path, monkeypatch):
    fetched(revision="refs/pr/5")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    assert weights.found(Download(REPOSITORY, revision="refs/pr/5")).name == COMMIT
    assert weights.found(Download(REPOSITORY, revision="refs/pr/6")) is None


def test_an_unfinished_fetch_is_not_taken_for_weights(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    snapshot = tmp_path / "hub" / "models--acme--ear-small" / "snapshots" / COMMIT
    snapshot.mkdir(parents=True)
    (snapshot / "config.json").write_text("{}")
    assert weights.found(Download(REPOSITORY)) == snapshot
    assert weights.found(Download(REPOSITORY, ("*.gguf",))) is None
    pending = weights._pending(REPOSITORY)
    pending.parent.mkdir(parents=True, exist_ok=True)
    pending.touch()
    assert weights.found(Download(REPOSITORY)) is None


def test_gated_weights_say_where_to_accept_the_terms(hub, fetched):
    hub.gated = True
    assert f"NotReady: stub/weighty: accept the terms at https://huggingface.co/{REPOSITORY}, then set HF_TOKEN" in fetched()


def test_a_repository_of_pickles_is_refused_and_named_files_are_taken_alone(hub, fetched, tmp_path, monkeypatch):
    del hub.files["model.safetensors"]
    assert "holds no safetensors weights, and pickled ones are not loaded" in fetched()
    hub.files["ear-q5.gguf"] = b"weights"
    fetched(["*.gguf"])
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    folder = weights.found(Download(REPOSITORY, ("*.gguf",)))
    assert [path.name for path in folder.iterdir()] == ["ear-q5.gguf"]
    assert f"{REPOSITORY} holds no file like '*.onnx'" in fetched(["*.onnx"])


@pytest.fixture
def address(hub, monkeypatch):
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    return f"{hub.address}/"


def test_a_file_at_an_address_goes_on_where_it_stopped_and_is_checked(hub, address):
    hub.files["ear.bin"] = BIG
    download = Download(f"{address}ear.bin", sha256=hashlib.sha256(BIG).hexdigest())
    hub.cut_after = 1_500_000
    with pytest.raises(NotReady, match="the weights of stub/weighty could not be fetched"):
        list(weights.fetch(engine(download)))
    assert weights.found(download) is None
    list(weights.fetch(engine(download)))
    assert max(starts(hub, "ear.bin")) > 0
    assert weights.found(download).read_bytes() == BIG
    assert weights.remove(download) == pytest.approx(0.025)


def test_a_file_that_is_not_what_was_published_is_not_kept(hub, address):
    hub.files["ear.bin"] = b"something else"
    download = Download(f"{address}ear.bin", sha256="0" * 64)
    with pytest.raises(NotReady, match="is not the file that was published"):
        list(weights.fetch(engine(download)))
    assert weights.found(download) is None
    assert weights.remove(download) == 0


def test_an_archive_is_unpacked_inside_its_own_folder_whatever_its_names_say(hub, address, tmp_path):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("model/README", "hello")
        archive.writestr("../../escaped", "no")
    hub.files["ear.zip"] = packed.getvalue()
    download = Download(f"{address}ear.zip")
    list(weights.fetch(engine(download)))
    folder = weights.found(download)
    assert (folder / "model" / "README").read_text() == "hello"
    assert (folder / "escaped").exists()
    assert not (folder.parent.parent / "escaped").exists()


def test_a_damaged_archive_says_so_and_leaves_nothing(hub, address):
    hub.files["ear.tar.gz"] = b"not an archive"
    download = Download(f"{address}ear.tar.gz")
    with pytest.raises(NotReady, match="the archive is damaged"):
        list(weights.fetch(engine(download)))
    assert weights.found(download) is None


def test_offline_mode_fetches_nothing(hub, address, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(NotReady, match="HF_HUB_OFFLINE is set"):
        list(weights.fetch(engine(Download(f"{address}ear.bin"))))
    assert hub.asked == []


def test_too_little_disk_is_said_before_anything_comes(hub, address, monkeypatch):
    hub.files["ear.bin"] = BIG
    monkeypatch.setattr(weights.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 1_000_000}))
    with pytest.raises(NotReady, match=r"needs 0.0 GB of disk; 0.0 GB are free"):
        list(weights.fetch(engine(Download(f"{address}ear.bin"))))


def test_a_folder_of_a_person_is_never_deleted(tmp_path):
    (tmp_path / "model.safetensors").write_bytes(b"mine")
    assert weights.found(Download(str(tmp_path))) == tmp_path
    assert weights.remove(Download(str(tmp_path))) == 0
    assert (tmp_path / "model.safetensors").exists()
