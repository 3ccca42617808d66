"""audiocraft in its own environment: the library's debug model goes through this engine; published weights are never fetched."""

import ast
import json
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from engine import environment
from engine.contract import BadInput, Compose, NotReady
from engine.worker import Worker
from local_models import audiocraft

SPEC = audiocraft.ENGINES[0]
FILE = environment.script_of(SPEC)
# Each test gets an empty home; built environments are registered in the person's own.
OWN_HOME = os.environ.get("SOUNDCHECK_HOME")

DEBUG = """
import json, sys
from dataclasses import replace
import numpy as np, spacy
from engine.audio import Audio
from engine.contract import BadInput, Compose, Facts, Needs
from local_models import audiocraft as family

spacy.load = lambda *names, **how: spacy.blank("en")  # the debug model's text part would download one

class Debug(family.Audiocraft):
    def _checkpoint(self):
        return "debug"

said = {}
for kind in ("musicgen-small", "audiogen-medium"):
    spec = next(spec for spec in family.ENGINES if spec.id.endswith(kind))
    engine = Debug(replace(spec, needs=Needs()))
    engine.load()
    runs = [list(engine.run(Compose("a slow piano", duration_s=1, seed=seed), 60.0)) for seed in (1, 1, 2)]
    sounds = [next(piece for piece in run if isinstance(piece, Audio)) for run in runs]
    facts = next(piece for piece in runs[0] if isinstance(piece, Facts))
    said[kind] = {
        "rate": sounds[0].rate, "seconds": sounds[0].seconds, "channels": sounds[0].channels, "peak": sounds[0].peak,
        "same": bool(np.array_equal(sounds[0].samples, sounds[1].samples)),
        "other": bool(np.array_equal(sounds[0].samples, sounds[2].samples)),
        "device": facts.device, "sent": facts.sent,
    }
    try:
        list(engine.run(Compose("piano", duration_s=301), 60.0))
    except BadInput as error:
        said[kind]["refused"] = str(error)
print("SAID" + json.dumps(said))
"""


def test_the_file_opens_with_nothing_but_the_standard_library_and_this_code():
    tree = ast.parse(FILE.read_text(), feature_version=(3, 10))
    names = {alias.name for node in tree.body if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module for node in tree.body if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in names} <= set(sys.stdlib_module_names) | {"engine", "local_models"}


def test_before_its_environment_is_built_it_says_how_to_build_it():
    with pytest.raises(NotReady, match=r"run `python -m comparisons prepare audiocraft/musicgen-small`"):
        Worker(SPEC).load()


@pytest.mark.parametrize("spec", audiocraft.ENGINES, ids=[spec.id for spec in audiocraft.ENGINES])
def test_everything_that_the_library_would_fetch_by_itself_is_listed(spec):
    sources = [download.source for download in spec.needs.downloads]
    effects = "audio" in spec.id.partition("/")[2]
    assert sources[:2] == [spec.model, "google-t5/t5-large" if effects else "google-t5/t5-base"]
    assert ("facebook/encodec_32khz" in sources) == ("stereo" in spec.id)
    assert spec.license_weights == "CC-BY-NC-4.0"


class AlwaysThirty:
    """Stands for the library's MAGNeT of 30 s: a window of fixed length, whatever is asked for."""

    sample_rate, duration = 32_000, 30.0
    lm = SimpleNamespace(condition_provider=SimpleNamespace(conditioners={"description": SimpleNamespace()}))

    def generate(self, texts):
        import torch

        return torch.full((len(texts), 1, 30 * self.sample_rate), 0.1)


def magnet(request):
    spec = next(spec for spec in audiocraft.ENGINES if spec.id == "audiocraft/magnet-small-30secs")
    engine = audiocraft.Audiocraft(spec)
    engine.model, engine.fixed_s, engine.device = AlwaysThirty(), AlwaysThirty.duration, "cpu"
    return list(engine.run(request, 60.0))


def test_magnet_gives_the_length_that_was_asked_for_and_says_what_it_composed_for_it():
    facts, sound = magnet(Compose("a slow piano", duration_s=10.0, seed=1))
    assert sound.seconds == 10.0
    assert facts.sent == {"seed": 1, "duration_s": 10.0, "composed_s": 30.0}
    assert facts.notice == "It always composes 30 s; its time is for all of them, and the first 10 s were kept."
    facts, sound = magnet(Compose("a slow piano", duration_s=30.0, seed=1))
    assert (sound.seconds, facts.notice) == (30.0, None)


def test_magnet_refuses_what_is_longer_than_its_window():
    with pytest.raises(BadInput, match="audiocraft/magnet-small-30secs composes 1 to 30 s, not 31"):
        magnet(Compose("a slow piano", duration_s=31.0))


@pytest.mark.isolated
def test_the_debug_models_compose_and_the_same_seed_gives_the_same_samples(monkeypatch):
    if OWN_HOME is None:
        monkeypatch.delenv("SOUNDCHECK_HOME")
    else:
        monkeypatch.setenv("SOUNDCHECK_HOME", OWN_HOME)
    if not environment.is_prepared(SPEC):
        pytest.skip(f"the environment is not built: run `python -m comparisons prepare {SPEC.id}`")
    run = subprocess.run(
        [str(environment.interpreter(SPEC)), "-c", DEBUG],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(environment.ROOT), "PYTHONSAFEPATH": "1", "HF_HUB_OFFLINE": "1"},
        timeout=1_200,
    )
    assert run.returncode == 0, run.stderr[-2000:]
    said = json.loads(run.stdout.partition("SAID")[2])
    for kind, rate in (("musicgen-small", 32_000), ("audiogen-medium", 16_000)):
        one = said[kind]
        assert (one["rate"], one["channels"]) == (rate, 1)
        assert one["seconds"] == pytest.approx(1.0, abs=0.02)
        assert one["peak"] > 0 and one["same"] and not one["other"]
        assert one["sent"] == {"seed": 1, "duration_s": 1}
        assert one["refused"] == f"audiocraft/{kind} composes 1 to 300 s, not 301"
