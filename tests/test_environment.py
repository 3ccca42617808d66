"""Environments of isolated engines: built once, never by two at a time, repaired after a kill, seen and deleted to the end."""

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from comparisons import models
from comparisons.catalogue import readiness
from engine import environment
from engine.contract import NotReady
from local_models import laion_clap

SPEC = laion_clap.ENGINES[0]

# What uv does to the disk, without the packages. `orders` says what happens: each `pip` waits for a word on the pipe, or fails.
UV = """#!{python}
import os, sys
from pathlib import Path
here = Path({folder!r})
with (here / "calls").open("a") as calls:
    calls.write(" ".join(sys.argv[1:3]) + "\\n")
if sys.argv[1] == "venv":
    folder = Path(sys.argv[-1])
    (folder / "bin").mkdir(parents=True, exist_ok=True)
    (folder / "pyvenv.cfg").write_text("")
    (folder / "bin" / "python").symlink_to(sys.executable) if not (folder / "bin" / "python").exists() else None
elif (here / "wait").exists():
    folder = Path(sys.argv[sys.argv.index("--python") + 1]).parent.parent
    (folder / "half").write_bytes(bytes(3_000_000))
    print("Prepared 1 package", flush=True)
    (here / "wait").open().readline()
elif (here / "fail").exists():
    print("Resolved 1 package\\nerror: failed to unpack\\n  cause: no space left on device")
    sys.exit(2)
"""


@pytest.fixture
def uv(tmp_path, monkeypatch):
    """A folder that holds a stand-in for uv and what it was called with."""
    folder = tmp_path / "uv"
    folder.mkdir()
    program = folder / "uv"
    program.write_text(UV.format(python=sys.executable, folder=str(folder)))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(environment, "uv_program", lambda: str(program))
    return folder


def calls(uv):
    return (uv / "calls").read_text().splitlines()


def prepared(spec=SPEC):
    return [line for line in environment.prepare(spec) if line]


BUILD = """
import sys
from engine import environment
from local_models import laion_clap
environment.uv_program = lambda: sys.argv[1]
for line in environment.prepare(laion_clap.ENGINES[0]):
    if line:
        print(line, flush=True)
"""


@pytest.fixture
def cut_off(uv):
    """The pid of a builder that was killed in the middle, while its uv works on until the pipe `wait` gets a word."""
    os.mkfifo(uv / "wait")
    builder = subprocess.Popen(
        [sys.executable, "-c", BUILD, str(uv / "uv")], stdout=subprocess.PIPE, text=True, cwd=environment.ROOT, env=os.environ
    )
    assert "Prepared 1 package\n" in iter(builder.stdout.readline, "")
    builder.kill()
    assert builder.wait() == -signal.SIGKILL
    builder.stdout.close()
    pipe = os.open(uv / "wait", os.O_RDWR)  # opened both ways: neither end waits for the other
    yield pipe
    os.close(pipe)


def let_uv_end(uv, pipe):
    (uv / "wait").unlink()
    os.write(pipe, b"go on\n")


def test_it_is_built_once_and_then_ready_at_once(uv):
    assert prepared() == [f"building the environment of {SPEC.id}", f"{SPEC.id} is ready"]
    assert calls(uv) == ["venv --clear", "pip sync"]
    assert prepared() == [f"{SPEC.id} is ready"]
    assert len(calls(uv)) == 2 and environment.interpreter(SPEC).exists()


def test_another_lock_file_means_another_environment(uv, monkeypatch):
    prepared()
    monkeypatch.setattr(environment, "fingerprint", lambda spec: "another")
    assert not environment.is_prepared(SPEC)
    prepared()
    assert calls(uv) == ["venv --clear", "pip sync"] * 2


def test_the_error_of_uv_with_its_causes_is_the_reason_and_nothing_counts_as_built(uv):
    (uv / "fail").touch()
    with pytest.raises(NotReady, match="could not be built: error: failed to unpack cause: no space left on device$"):
        prepared()
    assert not environment.is_prepared(SPEC)
    (uv / "fail").unlink()
    assert prepared()[-1] == f"{SPEC.id} is ready"


def test_stopping_ends_uv_and_the_next_preparation_begins_anew(uv):
    os.mkfifo(uv / "wait")
    lines = environment.prepare(SPEC)
    assert "Prepared 1 package" in lines
    lines.close()
    assert not environment.is_prepared(SPEC)
    (uv / "wait").unlink()
    assert prepared()[-1] == f"{SPEC.id} is ready"


def test_after_a_kill_nobody_builds_in_the_folder_until_the_orphaned_uv_has_ended(uv, cut_off):
    lines = environment.prepare(SPEC)
    assert next(lines) == "waiting: it is being prepared already"
    assert calls(uv) == ["venv --clear", "pip sync"]
    let_uv_end(uv, cut_off)
    assert [line for line in lines if line] == [f"building the environment of {SPEC.id}", f"{SPEC.id} is ready"]
    assert environment.is_prepared(SPEC)


def test_while_it_is_being_built_it_cannot_be_deleted_and_afterwards_the_rest_can(uv, cut_off):
    with pytest.raises(NotReady, match="the environment of laion_clap is being built: stop that first"):
        models.delete_held("environment", "laion_clap")
    rest = next(each for each in models.held() if each.kind == "environment")
    assert (rest.name, rest.size_gb) == ("laion_clap", pytest.approx(0.003, rel=0.01))
    let_uv_end(uv, cut_off)
    assert prepared()[-1] == f"{SPEC.id} is ready"
    assert models.delete_held("environment", "laion_clap") > 0
    assert not rest.path.exists() and not any(each.kind == "environment" for each in models.held())


def test_the_rest_of_a_failed_preparation_is_listed_and_deleted(uv):
    (uv / "fail").touch()
    with pytest.raises(NotReady):
        prepared()
    folder = environment.environment_folder(SPEC)
    assert folder is not None and folder.is_dir()
    assert environment.remove(SPEC) and not folder.exists()
    assert not environment.remove(SPEC)


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"fingerprint": 3}', "null"])
def test_a_damaged_marker_counts_as_nothing_built_and_is_repaired(uv, damage):
    prepared()
    marker = Path(environment.home() / "environments" / "laion_clap.json")
    marker.write_text(damage)
    assert not environment.is_prepared(SPEC)
    assert [each.name for each in models.held() if each.kind == "environment"] == ["laion_clap"]
    prepared()
    assert json.loads(marker.read_text())["python"] == str(environment.interpreter(SPEC))


def test_how_much_it_takes_is_said_before_it_is_built_and_not_after(uv):
    before = readiness(SPEC).needs
    assert before == (
        f"{SPEC.needs.download_gb:g} GB download and 5 to 8 GB for its environment: run `python -m comparisons prepare {SPEC.id}`"
        " to build its own environment and fetch its weights.",
    )
    prepared()
    assert readiness(SPEC).needs == (
        f"{SPEC.needs.download_gb:g} GB download: run `python -m comparisons prepare {SPEC.id}` to fetch its weights.",
    )


def test_with_too_little_disk_nothing_is_begun(uv, monkeypatch):
    monkeypatch.setattr(environment.shutil, "disk_usage", lambda folder: shutil._ntuple_diskusage(10**10, 0, 3 * 10**9))
    with pytest.raises(NotReady, match=f"the environment of {SPEC.id} takes up to 8 GB; 3.0 GB are free"):
        prepared()
    assert not (uv / "calls").exists()
