"""Kyutai's own package in its own environment: a small random Moshi listens and talks, the same way every time."""

import ast
import json
import sys

import pytest
from isolated import make, own_home

from engine import environment
from local_models import moshi_pkg

SPEC = moshi_pkg.ENGINES[0]

TALK = """
import json, sys
from dataclasses import replace
from pathlib import Path
import numpy as np
import tiny_moshi
from engine.audio import Audio
from engine.contract import Ask, BadInput, Download, Facts, Needs, Text, Unsupported
from local_models import moshi_pkg as family

folder = Path(sys.argv[1])
tiny_moshi.make(folder)
spec = replace(family.ENGINES[0], needs=Needs(downloads=(Download(str(folder)),)))
engine = spec.engine(spec)
engine.load()
family.ANSWER_S = 1.0
tone = np.sin(np.arange(24_000, dtype=np.float32) / 20)[None] * 0.3
noise = np.random.default_rng(0).uniform(-0.9, 0.9, (1, 24_000)).astype(np.float32)

def talk(sound):
    pieces = list(engine.run(Ask(sound), 60.0))
    voice = np.concatenate([piece.samples[0] for piece in pieces if isinstance(piece, Audio)])
    texts = [piece for piece in pieces if isinstance(piece, Text)]
    facts = next(piece for piece in pieces if isinstance(piece, Facts))
    return voice, texts, facts

first, second, other = (talk(Audio(sound, 24_000)) for sound in (tone, tone, noise))
said = {
    "seconds": len(first[0]) / 24_000, "peak": float(np.abs(first[0]).max()),
    "same": bool(np.array_equal(first[0], second[0])) and first[1] == second[1],
    "other": bool(np.array_equal(first[0], other[0])),
    "finals": sum(text.final for text in first[1]), "grew": first[1][-1].text.startswith(first[1][0].text),
    "device": first[2].device, "sent": first[2].sent,
}
long = np.zeros((1, 229 * 16_000), np.float32)
for name, request in (("long", Ask(Audio(long, 16_000))), ("written", Ask(Audio(tone, 24_000), "Who?"))):
    try:
        list(engine.run(request, 60.0))
    except (BadInput, Unsupported) as error:
        said[name] = str(error)
print("SAID" + json.dumps(said))
"""


def test_the_file_opens_with_nothing_but_the_standard_library_numpy_and_this_code():
    tree = ast.parse(environment.script_of(SPEC).read_text(), feature_version=(3, 10))
    names = {alias.name for node in tree.body if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module for node in tree.body if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in names} <= set(sys.stdlib_module_names) | {"numpy", "engine", "local_models"}


@pytest.mark.isolated
def test_it_talks_as_long_as_the_sound_and_its_answer_and_the_same_way_again(tmp_path):
    with own_home(SPEC):
        said = json.loads(make(SPEC, TALK, tmp_path).partition("SAID")[2])
    assert said["seconds"] == pytest.approx(2.0, abs=0.081)
    assert said["peak"] > 0 and said["same"] and not said["other"]
    assert said["finals"] == 1 and said["grew"]
    assert said["sent"] == {"answer_s": 1.0, "seed": 0, "temp": 0.8, "temp_text": 0.7}
    assert said["long"] == "moshi_pkg/moshika hears at most 228 s of sound"
    assert said["written"] == "moshi_pkg/moshika takes no written question: ask it aloud, in the sound"
