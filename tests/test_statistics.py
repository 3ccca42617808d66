"""Figures over many rows: percentiles with n, intervals over items, pairs that may and may not be called different, slices."""

import csv
import json
import math
import random

import pytest

from comparisons.columns import COLUMNS
from comparisons.estimates import compare, mean_interval, pooled_wer_interval, sign_test, spread
from comparisons.statistics import statistics_of, to_document, write_statistics


def row(engine="a/x", item="i1", errors=1, words=10, **more):
    base = dict.fromkeys(COLUMNS) | {
        "task": "asr", "engine_id": engine, "engine_name": engine, "status": "ok", "cached": False, "item": item,
        "input_name": item, "first_s": 0.5, "total_s": 1.0, "rtf": 0.1, "cost_usd": 0.01,
        "word_substitutions": errors, "word_deletions": 0, "word_insertions": 0, "reference_words": words,
        "wer": errors / words if words else None, "cer": 0.1, "repeat": 1,
    }  # fmt: skip
    return base | more


def many(engine, errors, **more):
    return [row(engine, f"i{number}", each, **more) for number, each in enumerate(errors)]


def only(found):
    (engine,) = found.engines
    return engine


def test_no_rows_give_empty_figures_and_say_that_there_is_not_enough():
    found = statistics_of([])
    assert (found.task, found.items, found.engines, found.pairs, found.worst) == (None, 0, (), (), {})
    assert "0 of 10" in found.not_enough[0]
    json.dumps(to_document(found), allow_nan=False)


def test_one_row_gives_its_values_without_interval_or_tail():
    engine = only(statistics_of([row()]))
    assert (engine.total_s.n, engine.total_s.p50, engine.total_s.p95, engine.total_s.p99) == (1, 1.0, None, None)
    wer = engine.quality["wer_pooled"]
    assert (wer.n, wer.value, wer.low, wer.high) == (1, 0.1, None, None)


def test_tails_need_as_many_values_as_their_share_says():
    assert spread([1.0] * 19).p95 is None
    found = spread(float(number) for number in range(1, 101))
    assert (found.n, found.p50) == (100, 50.5)
    assert (found.p95, found.p99) == (pytest.approx(95.05), pytest.approx(99.01))
    assert spread([1.0] * 99).p99 is None
    assert spread([None, None]).p50 is None


def test_T1_cached_answers_count_for_quality_and_never_for_times_or_cost():
    engine = only(statistics_of([row(item="i1"), row(item="i2", errors=3, cached=True, total_s=99.0, cost_usd=5.0)]))
    assert (engine.ok, engine.fresh, engine.cached) == (2, 1, 1)
    assert (engine.total_s.n, engine.total_s.p50, engine.cost_usd) == (1, 1.0, 0.01)
    assert engine.quality["wer"].value == pytest.approx(0.2)


def test_failed_rows_are_counted_by_kind_and_give_no_figures():
    failed = row(item="i2", status="timeout", total_s=None, wer=None, reference_words=None, cost_usd=None)
    engine = only(statistics_of([row(), failed]))
    assert (engine.runs, engine.ok, engine.failed, engine.items) == (2, 1, {"timeout": 1}, 1)


def test_T12_pooled_and_mean_wer_differ_as_defined_and_an_empty_reference_counts_its_insertions():
    rows = [row(item="long", errors=10, words=100), row(item="short", errors=1, words=1)]
    rows.append(row(item="silent", errors=0, words=0, word_insertions=3))
    assert mean_interval(rows, "wer").value == pytest.approx((0.1 + 1.0) / 2)
    assert pooled_wer_interval(rows).value == pytest.approx(14 / 101)
    assert pooled_wer_interval([row(words=0, errors=2)]).value is None


def test_unknown_costs_are_left_out_and_never_zero():
    engine = only(statistics_of([row(cost_usd=None), row(item="i2", cost_usd=None)]))
    assert (engine.cost_usd, engine.cost_known, engine.cost_mean_usd) == (None, 0, None)


def test_intervals_are_the_same_each_time_and_hold_the_estimate():
    rows = many("a/x", [number % 7 for number in range(40)])
    first, again = pooled_wer_interval(rows), pooled_wer_interval(list(rows))
    assert first == again
    assert first.low < first.value < first.high
    assert first != pooled_wer_interval(rows, seed=1)


def test_an_interval_covers_the_truth_about_as_often_as_it_says():
    chance, covered = random.Random(7), 0
    for _ in range(100):
        rows = many("a/x", [sum(chance.random() < 0.2 for _ in range(10)) for _ in range(40)])
        found = mean_interval(rows, "wer")
        covered += found.low <= 0.2 <= found.high
    assert 86 <= covered <= 100


def test_T19_repeats_of_an_item_are_no_further_evidence():
    once = many("a/x", [number % 5 for number in range(20)])
    thrice = [{**each, "repeat": repeat} for each in once for repeat in (1, 2, 3)]
    assert pooled_wer_interval(thrice) == pooled_wer_interval(once)
    assert list(vars(mean_interval(thrice, "wer")).values()) == pytest.approx(list(vars(mean_interval(once, "wer")).values()))
    (pair,) = statistics_of(thrice + many("b/y", [number % 5 for number in range(20)])).pairs
    assert (pair.ties, pair.verdict) == (20, "no difference shown")


def test_the_engine_with_fewer_errors_is_named_when_items_agree():
    found = statistics_of(many("a/x", [1] * 12 + [2] * 8) + many("b/y", [3] * 20))
    (pair,) = found.pairs
    assert (pair.verdict, pair.n, pair.left_better, pair.right_better, pair.ties) == ("left", 20, 20, 0, 0)
    assert pair.difference.high < 0
    assert pair.p_adjusted == pytest.approx(2 * 0.5**20)
    (other,) = statistics_of(many("b/y", [3] * 20) + many("a/x", [1] * 20)).pairs
    assert other.verdict == "right"


def test_equal_engines_are_not_called_different_and_few_items_are_not_judged():
    (pair,) = statistics_of(many("a/x", [1, 2] * 15) + many("b/y", [2, 1] * 15)).pairs
    assert (pair.verdict, pair.p_sign) == ("no difference shown", 1.0)
    (few,) = statistics_of(many("a/x", [0] * 9) + many("b/y", [9] * 9)).pairs
    assert (few.verdict, few.n, few.p_sign, few.difference.low) == ("not enough", 9, None, None)
    (apart,) = statistics_of([*many("a/x", [1]), row("b/y", "elsewhere")]).pairs
    assert (apart.verdict, apart.n, apart.left_value) == ("not enough", 0, None)


def test_noise_is_rarely_called_a_difference():
    chance, called = random.Random(3), 0
    for _ in range(40):
        left, right = ([sum(chance.random() < 0.2 for _ in range(10)) for _ in range(30)] for _ in range(2))
        (pair,) = statistics_of(many("a/x", left) + many("b/y", right)).pairs
        called += pair.verdict in ("left", "right")
    assert called <= 4


def test_many_pairs_are_corrected_for():
    rows = many("a/x", [1] * 10 + [2] * 2) + many("b/y", [2] * 10 + [1] * 2) + many("c/z", [1] * 10 + [2] * 2)
    pairs = {(pair.left, pair.right): pair for pair in statistics_of(rows).pairs}
    assert pairs["a/x", "b/y"].p_sign == pytest.approx(sign_test(10, 2))
    assert pairs["a/x", "b/y"].p_adjusted == pytest.approx(3 * sign_test(10, 2))
    assert pairs["a/x", "b/y"].verdict == "no difference shown"
    assert pairs["a/x", "c/z"].p_adjusted == 1.0


def test_the_sign_test_is_exact():
    assert sign_test(0, 0) == 1.0
    assert sign_test(5, 5) == 1.0
    assert sign_test(9, 1) == pytest.approx(2 * (math.comb(10, 0) + math.comb(10, 1)) / 2**10)


def test_higher_is_better_where_the_metric_says_so():
    left = [row("a/x", f"i{n}", task="tagging", tag_f1=0.9 + n / 1000) for n in range(12)]
    right = [row("b/y", f"i{n}", task="tagging", tag_f1=0.5) for n in range(12)]
    pair = compare(left, right, "tag_f1")
    assert (pair.left_better, pair.difference.value) == (12, pytest.approx(0.4055))
    found = statistics_of(left + right)
    assert found.pairs[0].verdict == "left"
    assert [each["value"] for each in found.worst["a/x"][:2]] == [0.9, 0.901]


def test_common_items_take_the_gain_from_failing_on_what_is_hard():
    rows = many("a/x", [1, 1, 9]) + many("b/y", [1, 1]) + [row("b/y", "i2", status="timeout", wer=None)]
    found = statistics_of(rows)
    assert found.common_items == 2
    assert found.engines[0].quality["wer"].value > found.engines[1].quality["wer"].value
    assert found.common[0].quality["wer"].value == found.common[1].quality["wer"].value


def test_worst_answers_come_first_with_what_is_needed_to_look_at_them():
    found = statistics_of(many("a/x", [0, 5, 3], output_text="heard", reference="said"), worst=2)
    assert [(each["item"], each["value"]) for each in found.worst["a/x"]] == [("i1", 0.5), ("i2", 0.3)]
    assert found.worst["a/x"][0] | {} == {
        "metric": "wer", "value": 0.5, "item": "i1", "input_name": "i1", "reference": "said", "output_text": "heard",
    }  # fmt: skip


def test_slices_are_tables_and_a_column_of_names_is_not_one():
    rows = [
        row(item=f"i{n}", errors=n % 2 * 4, slices=json.dumps({"noise": ["no", "yes"][n % 2], "id": f"{n}"})) for n in range(60)
    ]
    found = statistics_of([*rows, row(item="broken", slices="{not json")])
    assert {value: figures[0].quality["wer"].value for value, figures in found.slices["noise"].items()} == {"no": 0, "yes": 0.4}
    assert "id" not in found.slices
    assert any("'id' has 60 values" in sentence for sentence in found.not_enough)


def test_rows_of_two_tasks_are_refused():
    with pytest.raises(ValueError, match="one task"):
        statistics_of([row(), row(task="tts")])


def test_files_are_lossless_json_or_a_csv_without_formulas(tmp_path):
    found = statistics_of([row("a/x", slices=json.dumps({"who": "=1+1"}))])
    write_statistics(found, tmp_path / "s.json")
    assert json.loads((tmp_path / "s.json").read_text())["engines"][0]["quality"]["wer"]["value"] == 0.1
    write_statistics(found, tmp_path / "s.csv")
    with (tmp_path / "s.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(each["slice"], each["value"]) for each in rows] == [("all", ""), ("common items", ""), ("who", "'=1+1")]
    assert (rows[0]["wer_pooled"], rows[0]["wer_pooled_low"], rows[0]["total_s_p95"]) == ("0.1", "", "")
    with pytest.raises(ValueError, match=r"\.json or \.csv"):
        write_statistics(found, tmp_path / "s.txt")
    assert sorted(each.name for each in tmp_path.iterdir() if each.is_file()) == ["s.csv", "s.json"]
