"""The costs, catalogue and method tabs: what they answer, and what a person meets in a real Chromium."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path

import gradio as gr
import pytest
from browser import PHONE, served

from bench.shots import choose
from comparisons.catalogue import engines, readiness
from comparisons.columns import COLUMNS
from comparisons.projection import FIELDS, Measurements, Workload, measured_in
from comparisons.store import Store
from comparisons.systems import COLUMNS as SCHEMA
from comparisons.systems import MORE, STATUSES, systems
from ui import catalogue, costs, method
from ui.theme import THEME

TESTS = Path(__file__).parent
ASKED = {"task": "asr", "units": 100, "machine": "t4-small", "number": 7}


def kept(engine_id: str = "pocketsphinx/en-us", rtf: float = 0.1, **values: object) -> dict:
    known = {
        "engine_id": engine_id,
        "engine_name": engine_id,
        "task": "asr",
        "status": "ok",
        "where": "local",
        "cached": False,
        "created_at": "2026-11-20T10:00:00+00:00",
        "input_audio_seconds": 10.0,
        "total_s": rtf * 10,
        "rtf": rtf,
    }
    return dict.fromkeys(COLUMNS) | known | values


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with Store(tmp_path_factory.mktemp("store"), upkeep=False) as opened:
        opened.add_all([kept(rtf=rtf) for rtf in (0.05, 0.1, 0.4)])
        yield opened


# ---------------------------------------------------------------- costs


def test_the_month_is_answered_for_every_engine_of_the_task_with_the_cheapest_pair(store):
    state = costs.answer(costs.workload_of(ASKED), measured_in(store, "asr"), ASKED)
    assert {line.engine_id for line in state.lines} == {spec.id for spec in engines().values() if spec.task == "asr"}
    lines = {line.engine_id: line for line in state.lines}
    assert lines["pocketsphinx/en-us"].cost == "$8.00"
    assert lines["pocketsphinx/en-us"].speed == "RTF 0.10 · n 3"
    assert lines["openai/whisper-1"].cost == "$36.00" and lines["openai/whisper-1"].ends == "2027-02-26"
    assert state.asked["local"] == "pocketsphinx/en-us" and state.asked["number"] == 7
    assert state.pair.sentence.startswith("never on this machine: one machine gets through 3,650 hours")
    assert len(state.changes) == 9


def test_T10_what_is_not_known_is_empty_and_says_why():
    state = costs.answer(costs.workload_of(ASKED), Measurements(), ASKED)
    local = next(line for line in state.lines if line.engine_id == "pocketsphinx/en-us")
    assert (local.cost, local.value, local.speed) == ("", None, "")
    assert "not been measured" in local.basis
    assert state.pair.break_even is None and state.pair.sentence.startswith("unknown")
    assert readiness(engines()[state.asked["local"]]).status == "ready", "what can be measured here with one press comes first"


def test_the_pair_can_be_chosen_and_a_foreign_name_is_ignored(store):
    known = measured_in(store, "asr")
    state = costs.answer(costs.workload_of(ASKED), known, ASKED | {"api": "openai/whisper-1"})
    assert state.pair.api_usd_per_unit == pytest.approx(0.36)
    assert state.pair.break_even == pytest.approx(730 * 0.40 / 0.36)
    strange = costs.answer(costs.workload_of(ASKED), known, ASKED | {"api": "espeak/en", "local": ["x"]})
    assert strange.asked["api"] in engines() and strange.asked["local"] == "pocketsphinx/en-us"


def test_a_task_without_a_pair_says_so():
    pair = costs.pair_of(None, None)
    assert pair.sentence.startswith("There is no local engine") and pair.break_even is None


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        {"task": "asr"},
        ASKED | {"units": "100"},
        ASKED | {"units": True},
        ASKED | {"units": 1e300},
        ASKED | {"task": "<img src=x>"},
        ASKED | {"machine": "../etc"},
        ASKED | {"utilisation": float("nan")},
        ASKED | {"machine": "own", "machine_usd_per_hour": -3},
    ],
)
def test_settings_from_a_browser_that_cannot_be_are_refused_with_a_sentence(data):
    with pytest.raises(ValueError, match="must be"):
        costs.workload_of(data)


def test_the_costs_are_downloaded_as_csv_under_a_name_nobody_can_guess(store):
    load = Workload("asr", 100.0, machine="t4-small")
    first, second = costs.export(load, measured_in(store, "asr")), costs.export(load, Measurements())
    assert first.parent != second.parent
    with first.open(encoding="utf-8-sig", newline="") as text:
        rows = list(csv.DictReader(text))
    assert tuple(rows[0]) == FIELDS
    assert {row["status"] for row in rows} == {"ok", "unknown"}


# ---------------------------------------------------------------- catalogue


def test_the_list_holds_every_system_and_only_asks_for_details_when_one_is_opened():
    whole = catalogue.answer({"open": None})
    assert {row.id for row in whole.rows} == {system.id for system in systems()} and whole.details is None
    opened = catalogue.answer({"open": "soundstream"})
    assert opened.rows is None and opened.details.id == "soundstream"
    facts = {fact.label: fact.text for fact in opened.details.facts}
    assert facts["Status here"] == STATUSES["unavailable"] and "never released" in facts["Needs"]
    assert len(opened.details.facts) == len(SCHEMA) - 1 + len(MORE) + 1
    assert catalogue.answer({"open": "<script>"}).details is None


def test_every_licence_and_language_falls_into_a_filter():
    rows = {row.id: row for row in map(catalogue.row_of, systems())}
    assert {row.licence for row in rows.values()} <= catalogue.LICENCES.keys()
    assert rows["musicgen-large"].licence == "non-commercial"
    assert rows["espeak-ng-ctypes"].licence == "copyleft"
    assert rows["soundstream"].licence == ""
    assert rows["openai-gpt-transcribe"].licence == "vendor"
    assert rows["whisper-tiny-transformers-fp32"].languages == ["many"]
    assert {"en", "de", "fr"} <= set(rows["parakeet-tdt-0.6b-v3"].languages)
    assert "en" in rows["kokoro-82m"].languages


def test_the_catalogue_is_downloaded_with_the_schema_and_only_what_passes_the_filters():
    def ids(path):
        with path.open(encoding="utf-8-sig", newline="") as text:
            reader = csv.DictReader(text)
            assert tuple(reader.fieldnames) == SCHEMA
            return [row["model_id"] for row in reader]

    assert ids(catalogue.export({"ids": ["soundstream", "no such", 3]})) == ["soundstream"]
    assert len(ids(catalogue.export(None))) == len(systems())


# ---------------------------------------------------------------- method


def test_every_rule_names_a_test_of_its_number_that_exists():
    assert [rule.number for rule in method.RULES] == list(range(1, 20))
    written = "\n".join(path.read_text(encoding="utf-8") for path in TESTS.glob("test_*.py"))
    unproven = {rule.number for rule in method.RULES if not rule.test}
    assert unproven <= {13, 14, 15}
    for rule in method.RULES:
        if rule.test:
            assert rule.test.startswith(f"test_T{rule.number}_")
            assert re.search(rf"^def {rule.test}\(", written, re.MULTILINE), rule.test


def test_every_column_is_explained_from_the_one_dictionary():
    page = method.page()
    for column in COLUMNS.values():
        assert f"<code>{column.name}</code>" in page
    assert "<script" not in page


# ---------------------------------------------------------------- in a browser


@pytest.fixture(scope="module")
def address(store: Store) -> Iterator[str]:
    with gr.Blocks(title="More tabs") as demo, gr.Tabs():
        with gr.Tab("Costs") as tab:
            costs.build_costs_tab(tab, lambda: store)
        with gr.Tab("Catalogue") as tab:
            catalogue.build_catalogue_tab(tab)
        with gr.Tab("Method"):
            method.build_method_tab()
    for listener in demo.fns.values():
        assert listener.api_visibility == "private"
    with served(demo, theme=THEME) as url:
        yield url


def wide(page) -> bool:
    return page.evaluate("document.documentElement.scrollWidth > innerWidth")


def test_the_slider_moves_the_month_and_the_download_is_what_is_shown(address, open_page):
    page = open_page(address)
    page.wait_for_selector(".sc-costs .sc-tile b")
    assert page.locator(".sc-costs .sc-plot path.sc-cost").count() >= 2
    before = page.locator(".sc-costs .sc-tile b").first.inner_text()
    page.get_by_role("slider", name="hours a month").focus()
    for _ in range(20):
        page.keyboard.press("ArrowRight")
    page.wait_for_function("was => document.querySelector('.sc-costs .sc-tile b').textContent !== was", arg=before)
    page.wait_for_timeout(500)  # the last press is on its way
    page.wait_for_function("!document.querySelector('.sc-costs .sc-results[aria-busy=true]')")
    with page.expect_download() as caught:
        page.get_by_role("button", name="Download every engine's costs as CSV").click()
    with Path(caught.value.path()).open(encoding="utf-8-sig", newline="") as text:
        rows = list(csv.DictReader(text))
    assert float(rows[0]["units"]) == float(page.locator(".sc-costs input[type=number]").first.input_value()) > 100
    page.locator(".sc-costs input[type=number]").first.fill("-5")
    page.wait_for_function("() => /units must be above 0/.test(document.querySelector('.sc-problem').textContent)")
    assert page.troubles == [] and page.outside == []


def test_filters_narrow_the_catalogue_details_open_by_key_and_the_matrix_shows_what_is_honoured(address, open_page):
    page = open_page(address)
    page.get_by_role("tab", name="Catalogue").click()
    page.wait_for_selector(".sc-catalogue tbody tr")
    page.get_by_label("Runs here").select_option("ready")
    ready = [system for system in systems() if system.status == "ready"]
    page.wait_for_function(f"() => document.querySelectorAll('.sc-catalogue tr[data-id]').length === {min(40, len(ready))}")
    page.get_by_role("button", name="Clear filters").click()
    page.get_by_role("searchbox", name="Search").fill("soundstream")
    page.wait_for_function("() => document.querySelectorAll('.sc-catalogue tr[data-id]').length === 1")
    page.locator(".sc-open").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector(".sc-catalogue dl")
    assert "never released the weights" in page.locator(".sc-details").inner_text()
    page.get_by_role("button", name="Clear filters").click()
    page.get_by_role("button", name="Capabilities").click()
    page.wait_for_selector(".sc-matrix")
    assert page.locator(".sc-matrix tbody tr").count() == sum(bool(system.engines) for system in systems())
    assert page.troubles == [] and page.outside == []


def test_a_column_is_found_by_what_it_means(address, open_page):
    page = open_page(address)
    page.get_by_role("tab", name="Method").click()
    page.get_by_role("searchbox", name="Find a column").fill("first sound that is not silence")
    page.wait_for_function("() => document.querySelectorAll('.sc-method tbody tr:not([hidden])').length === 1")
    assert "first_s" in page.locator(".sc-method tbody tr:visible").inner_text()


def test_no_tab_makes_a_phone_scroll_sideways(address, open_page):
    page = open_page(address, **PHONE, dark=True)
    for name, ready in (("Costs", ".sc-tile b"), ("Catalogue", ".sc-catalogue tbody tr"), ("Method", ".sc-rules")):
        choose(page, name)
        page.wait_for_selector(ready)
        assert not wide(page), name
