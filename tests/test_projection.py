"""Volumes, prices and measured speed in; a month's cost, its break-even and its CSV out."""

from __future__ import annotations

import argparse
import csv
from dataclasses import replace

import pytest
from stub_engines import Scripted, spec

from comparisons import costs_command
from comparisons.columns import COLUMNS
from comparisons.projection import (
    FIELDS,
    HOURS_PER_MONTH,
    MACHINES,
    Measurements,
    Workload,
    at_three_volumes,
    break_even,
    measurements,
    project_engine,
    project_task,
    what_if,
    write_csv,
)
from comparisons.store import Store
from engine.contract import EngineError, Price

LOCAL = spec(Scripted, "local")
API = spec(
    Scripted, "api", where="cloud", prices=(Price("input_audio_seconds", 0.36, 3_600, source="vendor", checked_on="2026-11-20"),)
)
NOTHING = Measurements()


def kept(engine_id="stub/local", task="asr", **values):
    known = {"engine_id": engine_id, "task": task, "status": "ok", "cached": False, "input_audio_seconds": 10.0, "total_s": 5.0}
    return dict.fromkeys(COLUMNS) | known | {"rtf": 0.5} | values


HALF = measurements([kept()], "asr")


def test_a_cloud_month_is_the_price_rule_times_the_hours():
    month = project_engine(API, Workload("asr", 100.0), NOTHING)
    assert month.cost_usd_per_month == pytest.approx(36.0)
    assert (month.status, month.basis, month.price_source, month.price_date) == ("ok", "price rules", "vendor", "2026-11-20")


@pytest.mark.parametrize(("seconds", "billed_seconds"), [(4.0, 10.0), (10.0, 10.0), (61.0, 61.0)])
def test_T10_a_minimum_counts_once_for_every_item(seconds, billed_seconds):
    rule = Price("input_audio_seconds", 0.36, 3_600, minimum=10)
    month = project_engine(replace(API, prices=(rule,)), Workload("asr", 100.0, seconds), NOTHING)
    assert month.cost_usd_per_month == pytest.approx(36.0 * billed_seconds / seconds)


def test_T10_whole_seconds_are_billed_for_every_item():
    rule = Price("input_audio_seconds", 0.36, 3_600, increment=1)
    month = project_engine(replace(API, prices=(rule,)), Workload("asr", 100.0, 1.5), NOTHING)
    assert month.cost_usd_per_month == pytest.approx(36.0 * 2 / 1.5)


def test_chinese_text_costs_three_bytes_or_two_characters_for_each_character():
    prices = {"input_characters": 1, "input_utf8_bytes": 3, "input_double_byte_characters": 2}
    for unit, factor in prices.items():
        voice = spec(Scripted, "voice", "tts", where="cloud", prices=(Price(unit, 15.0, 1_000_000),))
        load = Workload("tts", 1_000_000.0, script="cjk")
        assert project_engine(voice, load, NOTHING).cost_usd_per_month == pytest.approx(15.0 * factor)


def test_a_song_is_billed_by_the_piece():
    song = spec(Scripted, "song", "music", where="cloud", prices=(Price("requests", 0.08),))
    assert project_engine(song, Workload("music", 1_000.0), NOTHING).cost_usd_per_month == pytest.approx(80.0)


def test_T10_an_engine_without_a_price_has_no_cost_and_a_reason():
    month = project_engine(replace(API, prices=()), Workload("asr", 100.0), NOTHING)
    assert (month.cost_usd_per_month, month.usd_per_unit, month.status) == (None, None, "unknown")
    assert "no price" in month.reason


def test_tokens_are_unknown_until_a_vendor_has_reported_them():
    tokens = replace(API, prices=(Price("input_audio_tokens", 2.0, 1e6),))
    unknown = project_engine(tokens, Workload("asr", 100.0), NOTHING)
    assert unknown.cost_usd_per_month is None and "input audio tokens" in unknown.reason
    billed = [kept("stub/api", cost_usd=0.001, cost_evidence="reported usage", input_audio_seconds=36.0)]
    known = project_engine(tokens, Workload("asr", 100.0), measurements(billed, "asr"))
    assert known.cost_usd_per_month == pytest.approx(10.0) and "1 measured runs" in known.basis


def test_speech_billed_by_its_length_waits_for_a_measured_speaking_rate():
    voice = spec(Scripted, "voice", "tts", where="cloud", prices=(Price("output_audio_seconds", 0.015, 60),))
    assert project_engine(voice, Workload("tts", 1e6), NOTHING).cost_usd_per_month is None
    rows = [kept("any/engine", "tts", input_characters=150, output_audio_seconds=10.0)]
    month = project_engine(voice, Workload("tts", 1e6), measurements(rows, "tts"))
    assert month.cost_usd_per_month == pytest.approx(1e6 / 15 / 60 * 0.015)


def test_a_local_month_is_measured_compute_hours_over_utilisation_times_the_machine():
    month = project_engine(LOCAL, Workload("asr", 100.0, machine="t4-small", utilisation=0.5), HALF)
    assert (month.rtf_p50, month.rtf_n) == (0.5, 1)
    assert month.compute_hours == pytest.approx(50.0)
    assert month.cost_usd_per_month == pytest.approx(50 / 0.5 * 0.40)


def test_a_machine_that_is_always_on_costs_every_hour_of_the_month():
    month = project_engine(LOCAL, Workload("asr", 1.0, machine="t4-small", always_on=True), HALF)
    assert month.cost_usd_per_month == pytest.approx(HOURS_PER_MONTH * 0.40)
    assert month.machines == 1


def test_a_volume_beyond_one_machine_pays_for_two():
    full = HOURS_PER_MONTH * 0.5 / 0.5
    assert project_engine(LOCAL, Workload("asr", full, always_on=True), HALF).machines == 1
    assert project_engine(LOCAL, Workload("asr", full * 1.01, always_on=True), HALF).machines == 2


def test_T17_a_local_engine_that_never_ran_is_empty_with_the_reason():
    month = project_engine(LOCAL, Workload("asr", 100.0), NOTHING)
    assert (month.cost_usd_per_month, month.rtf_p50, month.rtf_n, month.compute_hours) == (None,) * 4
    assert "not been measured" in month.reason


def test_without_a_price_of_the_machine_the_cost_is_unknown_but_the_hours_are_not():
    month = project_engine(LOCAL, Workload("asr", 100.0, machine="own"), HALF)
    assert month.cost_usd_per_month is None and month.compute_hours == pytest.approx(50.0)


def test_cached_failed_and_foreign_rows_do_not_count_as_measured():
    rows = [
        kept(rtf=0.2, total_s=2.0),
        kept(rtf=9.0, cached=True),
        kept(rtf=9.0, status="timeout"),
        kept(rtf=9.0, task="tagging"),
        kept(rtf=None, total_s=None),
        kept(rtf=9.0, input_audio_seconds=0.0),
    ]
    found = measurements(rows, "asr").engines["stub/local"]
    assert (found.n, found.rtf_p50, found.compute_s_per_unit) == (1, 0.2, pytest.approx(720.0))


def test_the_break_even_is_one_month_of_the_machine_over_the_price_of_the_api():
    load = Workload("asr", 100.0, machine="t4-small")
    met = break_even(project_engine(LOCAL, load, HALF), project_engine(API, load, NOTHING))
    assert met.units is None and "never on this machine" in met.sentence
    fast = measurements([kept(rtf=0.05, total_s=0.5)], "asr")
    met = break_even(project_engine(LOCAL, load, fast), project_engine(API, load, NOTHING))
    assert met.units == pytest.approx(HOURS_PER_MONTH * 0.40 / 0.36)
    at = Workload("asr", met.units, machine="t4-small", always_on=True)
    here, there = project_engine(LOCAL, at, fast), project_engine(API, at, NOTHING)
    assert here.cost_usd_per_month == pytest.approx(there.cost_usd_per_month)


def test_the_break_even_of_an_unknown_cost_is_unknown_and_not_zero():
    load = Workload("asr", 100.0)
    met = break_even(project_engine(LOCAL, load, NOTHING), project_engine(API, load, NOTHING))
    assert met.units is None and "unknown" in met.sentence
    met = break_even(project_engine(LOCAL, load, HALF), project_engine(replace(API, prices=()), load, NOTHING))
    assert met.units is None and "unknown" in met.sentence


def test_half_the_api_price_doubles_the_break_even():
    fast = measurements([kept(rtf=0.01, total_s=0.1)], "asr")
    changes = {each.what: each for each in what_if(LOCAL, API, Workload("asr", 100.0), fast)}
    assert len(changes) == 9
    as_set = changes["as set"].break_even_units
    assert changes["API price −50 %"].break_even_units == pytest.approx(as_set * 2)
    assert changes["machine price −50 %"].break_even_units == pytest.approx(as_set / 2)
    assert changes["RTF +50 %"].break_even_units == pytest.approx(as_set)
    assert changes["RTF +50 %"].local_usd == pytest.approx(changes["as set"].local_usd * 1.5)
    assert changes["volume +50 %"].api_usd == pytest.approx(changes["as set"].api_usd * 1.5)


def test_every_engine_is_listed_the_cheapest_first_and_the_unknown_last():
    rows = project_task(Workload("asr", 100.0), HALF, [replace(API, id="stub/none", prices=()), API, LOCAL])
    assert [row.engine_id for row in rows] == ["stub/local", "stub/api", "stub/none"]
    assert rows[1].cost_volume_plus_50 == pytest.approx(54.0) and rows[1].cost_rtf_plus_50 is None
    assert rows[0].cost_rtf_minus_50 == pytest.approx(rows[0].cost_usd_per_month / 2)


def test_the_three_volumes_are_recomputed_from_the_current_prices():
    rows = {row.engine_id: row for row in at_three_volumes(Workload("asr", 1.0), NOTHING)}
    assert rows["openai/whisper-1"].usd == pytest.approx((36.0, 360.0, 3_600.0))
    assert rows["pocketsphinx/en-us"].usd == (None, None, None)
    assert rows["pocketsphinx/en-us"].reason


def test_T17_the_csv_leaves_unknown_cells_empty_and_says_why(tmp_path):
    file = tmp_path / "costs.csv"
    rows = project_task(Workload("asr", 100.0), NOTHING, [LOCAL, API])
    assert write_csv(rows, file) == 2
    with file.open(encoding="utf-8-sig", newline="") as text:
        read = list(csv.DictReader(text))
    assert tuple(read[0]) == FIELDS
    unknown = read[1]
    assert (unknown["status"], unknown["cost_usd_per_month"], unknown["rtf_p50"]) == ("unknown", "", "")
    assert unknown["reason"]
    assert not {"-1", "nan", "None", "0", "0.0"} & set(unknown.values())


def test_the_preset_machines_carry_price_source_and_date():
    prices = {name: machine.usd_per_hour for name, machine in MACHINES.items()}
    assert prices == {"cpu-upgrade": 0.03, "t4-small": 0.40, "t4-medium": 0.60, "own": None}
    for machine in list(MACHINES.values())[:-1]:
        assert "stored copy" in machine.source and machine.checked_on


@pytest.mark.parametrize(
    "wrong",
    [
        {"task": "nothing"},
        {"units": 0.0},
        {"units": float("nan")},
        {"units": float("inf")},
        {"item_length": -1.0},
        {"machine": "moon"},
        {"script": "runes"},
        {"utilisation": 0.0},
        {"utilisation": 1.5},
        {"machine_usd_per_hour": -1.0},
    ],
)
def test_a_workload_that_cannot_be_is_refused(wrong):
    with pytest.raises(ValueError, match=r"must be|accepted|dollars"):
        Workload(**{"task": "asr", "units": 1.0} | wrong)


def test_the_command_writes_the_same_rows_from_what_the_store_measured(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(costs_command, "home", lambda: tmp_path / "home")
    with Store(tmp_path / "home", upkeep=False) as store:
        store.add(kept("pocketsphinx/en-us", engine_name="PocketSphinx", created_at="2026-11-20T10:00:00+00:00", where="local"))
    top = argparse.ArgumentParser()
    costs_command.add_parser(top.add_subparsers())
    file = tmp_path / "costs.csv"
    chosen = top.parse_args(["costs", "asr", "--units", "100", "--machine-price", "1", "--utilisation", "1", "--csv", str(file)])
    assert costs_command.run(chosen) == 0
    assert "pocketsphinx/en-us" in capsys.readouterr().out
    with file.open(encoding="utf-8-sig", newline="") as text:
        rows = {row["engine_id"]: row for row in csv.DictReader(text)}
    assert float(rows["pocketsphinx/en-us"]["cost_usd_per_month"]) == pytest.approx(50.0)
    assert rows["rnnoise/pocketsphinx"]["cost_usd_per_month"] == ""


def test_the_command_refuses_a_volume_of_nothing():
    top = argparse.ArgumentParser()
    costs_command.add_parser(top.add_subparsers())
    with pytest.raises(EngineError, match="units must be above 0"):
        costs_command.run(top.parse_args(["costs", "asr", "--units", "0"]))
