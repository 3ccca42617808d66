import pytest
from hypothesis import given
from hypothesis import strategies as some
from stub_engines import Scripted, spec

from comparisons.cost import bill, checked_machine_price, estimate, machine_price_from_environment, project, rule_text
from engine.contract import NotReady, Price

SECONDS = Price("input_audio_seconds", 0.0077, 60, increment=1, source="deepgram.com/pricing", checked_on="2026-11-18")
MINIMUM = Price("input_audio_seconds", 0.04, 3600, minimum=10, source="groq.com/pricing", checked_on="2026-11-19")
TOKENS = Price("output_text_tokens", 10, 1_000_000, source="openai.com/pricing", checked_on="2026-11-17")


def cloud(*prices, name="cloud"):
    return spec(Scripted, name, where="cloud", prices=prices)


def test_T10_raw_and_billed_amounts_rule_source_and_date_are_all_kept():
    made = bill(cloud(SECONDS), {"input_audio_seconds": 6.2, "requests": 1}, None, 1.0, None)

    assert made.raw == {"input_audio_seconds": 6.2}
    assert made.billed == {"input_audio_seconds": 7}
    assert made.cost_usd == pytest.approx(7 / 60 * 0.0077)
    assert made.evidence == "counted usage" and not made.reported
    assert made.rule == "$0.0077 per minute of input audio, in steps of 1 s"
    assert (made.source, made.date) == ("deepgram.com/pricing", "2026-11-18")


def test_T10_a_minimum_is_charged_for_a_shorter_input():
    made = bill(cloud(MINIMUM), {"input_audio_seconds": 2.0}, None, 1.0, None)

    assert made.raw == {"input_audio_seconds": 2}
    assert made.billed == {"input_audio_seconds": 10}
    assert made.cost_usd == pytest.approx(10 / 3600 * 0.04)
    assert made.rule == "$0.04 per hour of input audio, at least 10 s"


def test_T10_what_the_vendor_reports_wins_over_what_was_counted_unit_by_unit():
    made = bill(cloud(SECONDS, TOKENS), {"input_audio_seconds": 6.0}, {"output_text_tokens": 30}, 1.0, None)
    both = bill(cloud(SECONDS), {"input_audio_seconds": 6.0}, {"input_audio_seconds": 9}, 1.0, None)

    assert made.raw == {"input_audio_seconds": 6, "output_text_tokens": 30}
    assert made.cost_usd == pytest.approx(6 / 60 * 0.0077 + 30e-6 * 10)
    assert made.evidence == "counted usage"
    assert made.source == "deepgram.com/pricing; openai.com/pricing" and made.date == "2026-11-17"
    assert both.raw == {"input_audio_seconds": 9} and both.reported and both.evidence == "reported usage"


def test_T10_one_unknown_amount_makes_the_cost_unknown_and_never_zero():
    made = bill(cloud(SECONDS, TOKENS), {"input_audio_seconds": 6.0}, None, 1.0, None)

    assert made.cost_usd is None and made.evidence is None
    assert made.raw == {"input_audio_seconds": 6}
    assert "output text tokens" in made.rule


def test_T10_without_price_rules_the_cost_is_unknown_and_reported_usage_is_still_kept():
    made = bill(cloud(), {"input_audio_seconds": 6.0}, {"input_audio_tokens": 12}, 1.0, 5.0)

    assert made.cost_usd is None and made.rule is None and made.source is None and made.date is None
    assert made.raw == {"input_audio_tokens": 12}


def test_T10_a_price_of_zero_that_was_read_somewhere_is_a_cost_of_zero():
    assert bill(cloud(Price("requests", 0.0, source="vendor page")), {"requests": 1.0}, None, 1.0, None).cost_usd == 0


@pytest.mark.parametrize("amount", [float("nan"), float("inf"), -1, "many", None, True])
def test_T10_an_amount_that_cannot_be_one_leaves_the_cost_unknown(amount):
    made = bill(cloud(SECONDS), {"input_audio_seconds": 6.0}, {"input_audio_seconds": amount}, 1.0, None)

    assert made.cost_usd is None and made.raw == {} and made.billed == {}


def test_T10_a_price_per_request_and_reported_tokens_count_as_reported():
    made = bill(cloud(Price("requests", 0.01), TOKENS), {"requests": 1.0}, {"output_text_tokens": 5}, 1.0, None)

    assert made.evidence == "reported usage"


def test_T10_local_runs_cost_their_seconds_at_the_price_of_this_machine():
    made = bill(spec(Scripted), {"input_audio_seconds": 6.0}, None, 36.0, 0.5)

    assert made.cost_usd == pytest.approx(0.005)
    assert made.evidence == "machine price"
    assert made.rule == "$0.5 per hour of this machine"
    assert made.raw == made.billed == {"compute_seconds": 36}


def test_T10_local_runs_without_a_machine_price_or_a_time_have_no_cost():
    without_price = bill(spec(Scripted), {}, None, 36.0, None)
    without_time = bill(spec(Scripted), {}, None, None, 0.5)

    assert without_price.cost_usd is None and without_price.evidence is None and without_price.rule is None
    assert without_price.raw == {"compute_seconds": 36}
    assert without_time.cost_usd is None and without_time.evidence is None


@pytest.mark.parametrize(
    ("price", "text"),
    [
        (Price("input_characters", 0.0000025), "$0.0000025 per input character"),
        (Price("input_characters", 15, 1_000_000), "$15 per 1,000,000 input characters"),
        (Price("input_audio_seconds", 0.1, 60, 15, 0.5), "$0.1 per minute of input audio, at least 15 s, in steps of 0.5 s"),
        (Price("requests", 0), "$0 per request"),
        (Price("gpu_seconds", 0.0014), "$0.0014 per second of GPU time"),
        (Price("input_utf8_bytes", 15, 1_000_000), "$15 per 1,000,000 input UTF-8 bytes"),
        (Price("output_audio_seconds", 0.7, 300), "$0.7 per 300 s of output audio"),
    ],
)
def test_a_rule_in_words_has_every_part_and_no_exponent(price, text):
    assert rule_text(price) == text


@given(some.floats(0, 1e6), some.floats(0, 1e6))
def test_T10_a_larger_amount_never_costs_less(left, right):
    low, high = sorted((left, right))

    assert (
        bill(cloud(SECONDS), {"input_audio_seconds": low}, None, None, None).cost_usd
        <= bill(cloud(SECONDS), {"input_audio_seconds": high}, None, None, None).cost_usd
    )


def test_T10_an_estimate_sums_what_is_known_and_counts_what_is_not():
    specs = [cloud(SECONDS, name="a"), cloud(TOKENS, name="b"), cloud(MINIMUM, name="c"), spec(Scripted)]

    made = estimate(specs, {"input_audio_seconds": 60.0}, repeats=2)

    assert (made.cloud_calls, made.local_runs, made.unknown_calls) == (6, 2, 2)
    assert made.cost_usd == pytest.approx(2 * (0.0077 + 60 / 3600 * 0.04))


def test_an_estimate_is_unknown_when_no_cloud_cost_is_known_and_zero_without_cloud_calls():
    assert estimate([cloud(TOKENS)], {"input_audio_seconds": 60.0}).cost_usd is None
    assert estimate([spec(Scripted)], {}).cost_usd == 0


def test_a_projection_applies_minimums_to_every_run():
    assert project(cloud(MINIMUM), {"input_audio_seconds": 1.0}, 1_000) == pytest.approx(1_000 * 10 / 3600 * 0.04)
    assert project(cloud(TOKENS), {"input_audio_seconds": 1.0}, 1_000) is None
    assert project(spec(Scripted), {}, 1_000, total_s=3.6, machine_usd_per_hour=1.0) == pytest.approx(1)


def test_the_machine_price_comes_from_the_environment_and_is_unknown_without_it(monkeypatch):
    monkeypatch.delenv("SOUNDCHECK_MACHINE_USD_PER_HOUR", raising=False)
    assert machine_price_from_environment() is None

    monkeypatch.setenv("SOUNDCHECK_MACHINE_USD_PER_HOUR", " 0.40 ")
    assert machine_price_from_environment() == 0.4


@pytest.mark.parametrize("wrong", ["cheap", "-1", "nan", "inf"])
def test_a_machine_price_that_is_none_is_refused_by_name(monkeypatch, wrong):
    monkeypatch.setenv("SOUNDCHECK_MACHINE_USD_PER_HOUR", wrong)

    with pytest.raises(NotReady, match="SOUNDCHECK_MACHINE_USD_PER_HOUR.*dollars per hour.*" + wrong):
        machine_price_from_environment()
    assert checked_machine_price("") is None
