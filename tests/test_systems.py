"""The catalogue of systems: complete, with the schema's columns, from the specs where they speak, honest where nothing runs."""

from __future__ import annotations

import argparse
import csv
from collections import Counter

import pytest
from stub_engines import Scripted, spec

from comparisons import catalogue_command
from comparisons import systems as catalogue
from comparisons.absent import ABSENT
from comparisons.catalogue import engines
from comparisons.systems import CAPABILITIES, CATEGORIES, COLUMNS, MORE, STATUSES, known, systems, write_csv
from engine.contract import Price

SCHEMA = (
    "model_id,family,version,local_or_api,category,tasks_supported,languages,streaming_support,realtime_latency_target_ms,"
    "base_weights,runtime,quantization,hardware_reqs,context_or_max_audio,benchmarks,license,pricing,docs_url,community_signal,"
    "integration_complexity,known_failure_modes,ideal_use_cases,avoid_when,notes"
)
LISTED = {line["id"]: line for line in known()}
FROM_THE_SPEC = (
    "languages",
    "weights",
    "hardware",
    "limit",
    "license_code",
    "license_weights",
    "tier",
    "shutdown_date",
    "parameters",
)


@pytest.fixture(scope="module")
def found():
    return systems()


def test_the_csv_has_exactly_the_24_columns_of_the_schema_in_their_order(found, tmp_path):
    file = tmp_path / "systems.csv"
    assert write_csv(found, file) == len(found)
    with file.open(encoding="utf-8-sig", newline="") as text:
        head, *rows = list(csv.reader(text))
    assert head == SCHEMA.split(",") == list(COLUMNS)
    assert len(head) == 24 and all(len(row) == 24 for row in rows)


def test_T17_no_cell_holds_a_sentinel_for_unknown(found):
    for system in found:
        assert set(system.cells) == {*COLUMNS, *MORE}
        assert not {"None", "nan", "-1", "-", "unknown", "?"} & set(system.cells.values()), system.id


def test_every_local_and_cloud_system_of_the_survey_is_listed(found):
    assert Counter(line["where"] for line in LISTED.values()) == {"local": 225, "cloud": 100}
    assert LISTED.keys() <= {system.id for system in found}
    assert len({system.id for system in found}) == len(found)


def test_every_engine_stands_under_exactly_one_system(found):
    offered = Counter(engine_id for system in found for engine_id in system.engines)
    assert offered.keys() == engines().keys()
    assert set(offered.values()) == {1}


def test_every_engine_that_the_file_names_exists():
    named = {name for line in LISTED.values() for name in line["engines"].split() if "*" not in name}
    assert named and named <= engines().keys()


def test_what_a_spec_states_is_not_written_a_second_time():
    for line in LISTED.values():
        names = line["engines"].split()
        if not names or "*" in names[0]:
            continue
        with catalogue.FILE.open(encoding="utf-8", newline="") as text:
            own = next(each for each in csv.DictReader(text) if each["id"] == line["id"])
        assert not [name for name in FROM_THE_SPEC if own[name]], line["id"]
        if any(engines()[name].prices for name in names):
            assert not own["pricing"], line["id"]


def test_a_spec_wins_over_the_file(monkeypatch):
    one = spec(
        Scripted,
        system="Parakeet TDT",
        model="nvidia/parakeet-tdt-0.6b-v3",
        languages=("xx",),
        license_weights="CC0-1.0",
        prices=(Price("input_audio_seconds", 0.5, 60, source="somewhere", checked_on="2026-11-20"),),
    )
    monkeypatch.setattr(catalogue, "engines", lambda: {one.id: one})
    system = next(each for each in systems() if each.id == "parakeet-tdt-0.6b-v3")
    assert system.engines == (one.id,)
    assert system.cells["languages"] == "xx" and system.cells["license_weights"] == "CC0-1.0"
    assert "$0.5 per minute of input audio (somewhere, 2026-11-20)" in system.cells["pricing"]
    assert system.capabilities["word_times"] and not system.capabilities["speakers"]


def test_an_engine_that_the_file_does_not_list_gets_a_line_from_its_spec(monkeypatch):
    one = spec(Scripted, "new", system="Brand new")
    monkeypatch.setattr(catalogue, "engines", lambda: {one.id: one})
    last = systems()[-1]
    assert (last.id, last.engines, last.tasks, last.status) == ("stub-new", ("stub/new",), ("asr",), "ready")


def test_what_does_not_run_here_says_why(found):
    for system in found:
        assert system.status in STATUSES
        assert system.cells["needs"] or system.status == "ready", system.id
        assert system.cells["tasks_supported"] and set(system.tasks) <= CATEGORIES.keys(), system.id


@pytest.mark.parametrize("absent", ABSENT, ids=lambda absent: absent.id)
def test_a_system_that_nobody_can_offer_gives_the_reason_of_the_catalogue(absent, found):
    system = next(each for each in found if not each.engines and each.cells["needs"] == absent.reason)
    assert system.status == "unavailable"


@pytest.mark.parametrize(
    ("system_id", "column", "right"),
    [
        ("musicgen-medium", "license", "weights CC-BY-NC-4.0"),
        ("fish-speech-1.5", "license", "CC-BY-NC-SA-4.0"),
        ("audioseal-16bits", "license", "MIT"),
        ("parakeet-tdt-0.6b-v3", "license", "CC-BY-4.0"),
        ("gemma-3n-e4b", "license", "Gemma Terms"),
        ("jasco-400m", "category", "music generation"),
        ("openai-gpt-audio", "shutdown_date", "2027-01-20"),
    ],
)
def test_claims_of_the_survey_that_were_wrong_are_corrected(system_id, column, right, found):
    cell = next(system.cells[column] for system in found if system.id == system_id)
    assert right in cell


def test_hosted_services_that_do_not_exist_are_not_listed_as_apis(found):
    hosted = {system.cells["family"] for system in found if system.where == "cloud"}
    assert not {"SeamlessStreaming", "AudioLM", "SoundStream", "AudioSeal", "BirdNET"} & hosted


def test_capabilities_are_those_that_the_specs_honour(found):
    for system in found:
        if not system.engines:
            assert system.capabilities == {}
            continue
        specs = [engines()[name] for name in system.engines]
        assert system.capabilities.keys() <= CAPABILITIES.keys()
        assert ("speakers" in system.capabilities) == ("asr" in {each.task for each in specs})
        assert system.capabilities.get("speakers", False) == any("speakers" in each.honours for each in specs)
        assert system.capabilities.get("realtime", False) == any(each.realtime for each in specs)


def test_the_command_prints_every_system_of_a_task_and_writes_the_csv(tmp_path, capsys):
    top = argparse.ArgumentParser()
    catalogue_command.add_parser(top.add_subparsers())
    assert catalogue_command.run(top.parse_args(["catalogue", "--task", "codec"])) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("soundstream ") and "cannot run here" in line for line in lines)
    file = tmp_path / "all.csv"
    assert catalogue_command.run(top.parse_args(["catalogue", "--csv", str(file)])) == 0
    assert file.read_text("utf-8-sig").splitlines()[0].replace('"', "") == SCHEMA
