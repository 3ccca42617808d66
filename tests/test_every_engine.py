"""The contract that every engine keeps, whoever wrote it; a new engine is tested here by existing."""

import json
import subprocess
import sys
from datetime import date

import pytest

from comparisons.absent import ABSENT
from comparisons.catalogue import (
    ROOMS,
    access_from_environment,
    blocked,
    engines,
    engines_for,
    listing,
    readiness,
    variable,
)
from comparisons.columns import COLUMNS
from comparisons.intake import take_in
from comparisons.runner import Plan, Runner
from comparisons.samples import for_task
from engine import environment
from engine.contract import options_of
from engine.tasks import TASKS

SPECS = list(engines().values())
EMBEDDED = [spec for spec in SPECS if spec.where == "local" and not spec.needs.downloads and not spec.isolated]
# What wants unusual input refuses the bundled samples; its own tests make some.
READY = [spec for spec in EMBEDDED if spec.extra.get("preselected", True)]
EVERY = pytest.mark.parametrize("spec", SPECS, ids=[spec.id for spec in SPECS])


@EVERY
def test_the_spec_states_its_facts_with_sources_and_dates(spec):
    date.fromisoformat(spec.checked_on)
    assert spec.docs_url is None or spec.docs_url.startswith("https://")
    assert spec.name
    assert spec.system
    assert spec.summary
    assert spec.where in ("local", "cloud")
    if spec.where == "local":
        assert spec.license_code
    for price in spec.prices:
        assert price.source, f"{spec.id}: a price needs its source"
        assert price.usd > 0
        assert price.per > 0
    if spec.shutdown_date:
        date.fromisoformat(spec.shutdown_date)
    if spec.superseded_by:
        assert spec.superseded_by in engines(), f"{spec.id} is superseded by an engine that does not exist"


@EVERY
def test_it_honours_only_settings_that_its_task_has(spec):
    assert set(spec.honours) <= set(options_of(TASKS[spec.task].request))


@EVERY
def test_a_cloud_engine_names_its_key_and_says_what_the_vendor_does_with_data(spec):
    if spec.where == "local":
        assert spec.needs.key is None
        return
    assert spec.needs.key == variable(spec, "API_KEY")
    assert spec.data_use, f"{spec.id}: one line on training, retention and region"


@EVERY
def test_without_its_key_a_cloud_engine_is_not_ready_and_says_which_variable(spec, monkeypatch):
    if spec.where == "local":
        return
    monkeypatch.delenv(spec.needs.key, raising=False)
    ready = readiness(spec, access_from_environment(spec))
    assert ready.status in ("needs", "unavailable")
    assert any(spec.needs.key in need for need in ready.needs) or ready.status == "unavailable"


@EVERY
def test_an_isolated_engine_carries_its_environment_in_its_own_file(spec):
    assert bool(environment.header_of(environment.script_of(spec))) == spec.isolated


def test_every_task_has_two_engines_or_the_cascade_that_need_nothing_but_this_install():
    for task in TASKS:
        ready = [spec for spec in engines_for(task) if spec in READY]
        assert len(ready) >= (1 if task == "audio_lm" else 2), task


def test_listing_every_engine_imports_nothing_heavy():
    code = "import sys, comparisons.catalogue as c; c.listing(); print(' '.join(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    heavy = {"torch", "transformers", "librosa", "scipy", "pandas", "gradio", "openai", "deepgram", "assemblyai", "sklearn", "av"}
    assert not heavy & set(loaded)


def test_the_list_has_the_fields_that_scripts_rely_on():
    rows = listing()
    assert {"id", "task", "name", "vendor", "system", "where", "status", "needs", "license", "prices"} <= set.intersection(
        *(set(row) for row in rows)
    )
    assert {row["status"] for row in rows} <= {"ready", "needs", "unavailable"}
    assert all(row["needs"] for row in rows if row["status"] != "ready")
    absent = {row["system"]: row for row in rows if row["status"] == "unavailable"}
    assert {one.system for one in ABSENT} <= set(absent)
    json.dumps(rows)


@pytest.mark.parametrize("room", ROOMS)
def test_every_engine_file_opens_without_its_libraries(room):
    code = f"""
import importlib, pkgutil, sys
before = set(sys.modules)
for found in pkgutil.iter_modules(importlib.import_module("{room}").__path__):
    importlib.import_module("{room}." + found.name)
print(" ".join({{name.partition(".")[0] for name in set(sys.modules) - before}} - set(sys.stdlib_module_names)))
"""
    loaded = set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())
    assert loaded <= {room, "engine", "numpy"}, loaded


@pytest.fixture(scope="module")
def runner(tmp_path_factory):
    runner = Runner(tmp_path_factory.mktemp("home"))
    yield runner
    runner.close()


@pytest.mark.parametrize("spec", READY, ids=[spec.id for spec in READY])
def test_an_embedded_engine_answers_a_bundled_sample_with_a_whole_row(spec, runner):
    ready = readiness(spec)
    if ready.status != "ready":
        pytest.skip(" ".join(ready.needs))
    task, sample = TASKS[spec.task], for_task(spec.task)[0]
    settings = {"prompt": sample.prompt} if spec.task == "audio_lm" else {}
    source = take_in(sample.path).audio if task.takes_audio else sample.text
    request = task.request(**{task.source: source}, **settings)
    assert blocked(spec, request) is None
    run = runner.start(Plan(spec.task, request, (spec,), sample.title, use_cache=False))
    list(run.events())
    (result,) = run.results.values()
    row = result.row
    assert row["status"] == "ok", row["error"]
    assert set(COLUMNS) <= set(row)
    assert row["total_s"] > 0
    assert 0 < row["first_arrival_s"] <= row["total_s"]
    assert row["load_s"] > 0
    assert row["peak_memory_gb"] > 0
    assert json.loads(row["versions"])["python"]
    assert json.loads(row["metric_versions"] or "{}") or json.loads(row["metrics_withheld"])
