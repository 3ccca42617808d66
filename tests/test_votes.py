"""Votes and what they say: nothing lost, nobody counted twice, balanced orders, statistics against a second computation."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import minimize

from comparisons.blind import MOST_INPUTS, batch_offers, make_pooled_test, make_test, offers
from comparisons.columns import COLUMNS
from comparisons.listening_kinds import KINDS, MOST_TRIALS
from comparisons.outcomes import is_right, outcome
from comparisons.sounds import loudness_lufs
from comparisons.stimuli import low_passed
from comparisons.store import Store
from comparisons.trials import cast, order_for
from comparisons.vote_statistics import PRIOR_SD, Pairing, Score, means, preference, share_correct, strengths
from comparisons.vote_tables import COLUMNS as CSV_COLUMNS
from comparisons.vote_tables import rows_of, webmushra_of, write_table
from comparisons.votes import VoteRefused, Votes
from engine.audio import Audio


def tone(hertz: float = 440.0, seconds: float = 1.0, rate: int = 16_000, loud: float = 0.2) -> Audio:
    return Audio((loud * np.sin(2 * np.pi * hertz * np.arange(round(rate * seconds)) / rate)).astype(np.float32), rate)


def comparison(
    store: Store, engines: int = 3, sounds: tuple[str, ...] = ("output",), task: str = "tts", name: str = "c1"
) -> None:
    for place in range(engines):
        files = []
        for number, sound in enumerate(sounds):
            made = tone(200 + 60 * place + 400 * number, 1.0 + place / 10, 16_000 + 8_000 * (place % 2), 0.05 * (place + 1))
            files.append({"name": sound, "sha256": store.put_blob(made.to_wav()), "seconds": made.seconds})
        known = {"comparison_id": name, "created_at": "2026-11-20T10:00:00.000+00:00", "task": task, "engine_id": f"stub/{place}"}
        known |= {"engine_name": f"Engine {place}", "status": "ok", "input_name": "an input", "output_files": json.dumps(files)}
        store.add(dict.fromkeys(COLUMNS) | known)


@pytest.fixture
def store(tmp_path):
    with Store(tmp_path / "home", upkeep=False) as opened:
        yield opened


@pytest.fixture
def votes(store):
    return Votes(store.folder)


def answered(votes: Votes, test_id: str, choose, listeners: int = 1) -> dict:
    """Every trial of so many new listeners, `choose(test, trial)` being the answer; the test."""
    test = votes.test(test_id)
    for _ in range(listeners):
        listener = votes.listener(test_id, votes.join(test_id, lambda number: order_for(test, number)))
        for place, trial in enumerate(listener["trials"]):
            heard = [1.0] * (len(trial["sounds"]) + (trial["x"] is not None))
            cast(votes, test, listener, place, choose(test, trial), heard, 1_000.0)
    return test


def number_of(test: dict, key: str) -> int:
    return int(test["stimuli"][key]["engine_id"].split("/")[1])


# ---------------------------------------------------------------- storage


def test_votes_survive_a_kill_and_none_acknowledged_is_lost(tmp_path):
    script = (
        "import sys; from pathlib import Path; from comparisons.votes import Votes\n"
        "votes = Votes(Path(sys.argv[1])); test = votes.add_test({'kind': 'ab'})\n"
        "token = votes.join(test, lambda number: [])\n"
        "print(test, flush=True)\n"
        "for trial in range(10**9):\n    votes.vote(test, token, trial, {'choice': 'tie'}); print(trial, flush=True)\n"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent)}
    child = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True, env=environment)
    test_id = child.stdout.readline().strip()
    said = [int(child.stdout.readline()) for _ in range(50)]
    child.send_signal(signal.SIGKILL)
    said += [int(line) for line in child.stdout if line.endswith("\n")]
    child.wait()
    kept = {vote["trial"] for vote in Votes(tmp_path).votes(test_id)}
    assert set(said) <= kept
    with sqlite3.connect(tmp_path / "votes.db") as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_nothing_in_the_votes_can_be_changed_and_an_altered_entry_is_left_out(votes):
    test_id = votes.add_test({"kind": "ab"})
    token = votes.join(test_id, lambda number: [])
    votes.vote(test_id, token, 0, {"choice": "first"})
    with sqlite3.connect(votes.path) as connection:
        for change in ("UPDATE entries SET body = '{}'", "DELETE FROM entries"):
            with pytest.raises(sqlite3.IntegrityError, match="only be added to"):
                connection.execute(change)
        connection.execute("DROP TRIGGER entries_refuse_update")
        connection.execute("UPDATE entries SET body = replace(body, 'first', 'second') WHERE kind = 'vote'")
    assert votes.votes(test_id) == []


def test_a_listener_votes_once_in_each_trial_and_ids_cannot_be_guessed(votes):
    test_id = votes.add_test({"kind": "ab"})
    token = votes.join(test_id, lambda number: [{"order": number}])
    votes.vote(test_id, token, 0, {"choice": "first"})
    with pytest.raises(VoteRefused, match="given already"):
        votes.vote(test_id, token, 0, {"choice": "second"})
    assert votes.listener(test_id, token)["trials"] == [{"order": 1}]
    assert votes.listener(votes.add_test({}), token) is None
    assert len(test_id) == len(token) == 22
    for guess in ("", "x" * 22, "' OR 1=1 --", None, 5, ["a"]):
        with pytest.raises(VoteRefused, match="no such listening test"):
            votes.test(guess)


def test_a_kept_vote_holds_no_name_no_address_and_no_text_of_a_person(store, votes):
    comparison(store)
    test = answered(votes, make_test(store, votes, "c1", "ab"), lambda test, trial: "tie")
    vote = votes.votes(test["test_id"])[0]
    assert set(vote) == {"choice", "heard", "elapsed_s", "token", "trial", "created_at", "test_id", "session"}


# ---------------------------------------------------------------- tests out of comparisons


def test_any_comparison_with_sounds_is_offered_newest_first(store):
    comparison(store, name="old")
    comparison(store, 2, ("drums", "vocals"), "separation", name="new")
    store.add(
        dict.fromkeys(COLUMNS)
        | {"comparison_id": "text", "created_at": "2026-11-21", "task": "asr", "engine_id": "a/b", "status": "ok"}
    )
    assert [(offer.comparison_id, len(offer.takes)) for offer in offers(store)] == [("new", 4), ("old", 3)]


def test_all_pairs_come_equally_often_and_on_either_side(store, votes):
    comparison(store, 4, ("drums", "vocals"), "separation")
    test = votes.test(make_test(store, votes, "c1", "ab"))
    pairs, orders = Counter(), set()
    for number in range(1, 9):
        trials = order_for(test, number)
        orders.add(tuple(tuple(trial["sounds"]) for trial in trials))
        pairs.update(tuple(trial["sounds"]) for trial in trials)
    assert len(pairs) == 2 * 12
    assert set(pairs.values()) == {4}
    assert len(orders) == 8
    assert order_for(test, 3) == order_for(test, 3)
    assert all(test["stimuli"][key]["group"] == trial["group"] for trial in order_for(test, 1) for key in trial["sounds"])


def test_x_is_a_as_often_as_b_and_the_order_is_kept_with_the_listener(store, votes):
    comparison(store, 2)
    test = votes.test(make_test(store, votes, "c1", "abx", rounds=10, seed=7))
    trials = order_for(test, 1)
    assert Counter(trial["x"] for trial in trials) == {"s0": 5, "s1": 5}
    assert Counter(trial["sounds"][0] for trial in trials) == {"s0": 5, "s1": 5}
    token = votes.join(test["test_id"], lambda number: order_for(test, number))
    assert votes.listener(test["test_id"], token)["trials"] == trials
    assert test["seed"] == 7


def test_T13_every_sound_of_a_test_is_equally_loud_and_of_one_rate(store, votes):
    comparison(store)
    test = votes.test(make_test(store, votes, "c1", "mushra"))
    made = [Audio.decode(votes.sounds.read(each["sha256"])) for each in test["stimuli"].values() if each["role"] == "engine"]
    assert {(sound.rate, sound.channels) for sound in made} == {(48_000, 1)}
    levels = [loudness_lufs(sound) for sound in made]
    assert max(levels) - min(levels) < 0.1
    assert len({each["gain_db"] for each in test["stimuli"].values() if each["role"] == "engine"}) == 3


@pytest.mark.parametrize(
    ("hertz", "low_db", "high_db"), [(1_000, -0.1, 0.1), (3_400, -0.1, 0.1), (4_000, -200, -25), (4_500, -200, -50)]
)
def test_the_anchor_is_flat_to_3500_hz_and_steep_after_it(hertz, low_db, high_db):
    sound = tone(hertz, 1.0, 48_000)
    middle = slice(12_000, 36_000)
    level = np.std(low_passed(sound).samples[0, middle]) / np.std(sound.samples[0, middle])
    assert low_db <= 20 * math.log10(max(level, 1e-9)) <= high_db


def test_mushra_hides_the_reference_among_the_sounds_and_makes_the_anchor_of_it(store, votes):
    comparison(store, 2, ("drums", "vocals"), "separation")
    with pytest.raises(VoteRefused, match="name the files like the sounds"):
        make_test(store, votes, "c1", "mushra", references={"piano": tone()})
    test = votes.test(make_test(store, votes, "c1", "mushra", references={"Vocals": tone(5_000, 1.0)}))
    roles = Counter((each["group"], each["role"]) for each in test["stimuli"].values())
    drums, vocals = ({role: count for (group, role), count in roles.items() if group == name} for name in ("drums", "vocals"))
    assert drums == {"engine": 2, "anchor": 1}
    assert vocals == drums | {"reference": 1}
    assert {len(trial["sounds"]) for trial in order_for(test, 1)} == {3, 4}


def test_what_a_test_cannot_be_is_refused_with_what_to_change(store, votes):
    comparison(store, 9, ("a", "b"), "separation")
    with pytest.raises(VoteRefused, match=f"{MOST_TRIALS} are the most: tick fewer"):
        make_test(store, votes, "c1", "ab")
    with pytest.raises(VoteRefused, match="needs 2 engines"):
        make_test(store, votes, "c1", "ab", engine_ids=["stub/1"])
    with pytest.raises(VoteRefused, match="no sounds"):
        make_test(store, votes, "none", "ab")
    with pytest.raises(VoteRefused, match="no sounds"):
        make_test(store, votes, "c1", "ab", session="somebody else's")
    for wrong in ({"kind": "xyz"}, {"share": 0.0}, {"rounds": 1_000}):
        with pytest.raises(VoteRefused, match="not offered"):
            make_test(store, votes, "c1", **({"kind": "ab"} | wrong))


# ---------------------------------------------------------------- over several inputs


def several(store: Store, inputs: int, engines: int = 3, **values: str) -> list[str]:
    ids = [f"c{place}" for place in range(inputs)]
    for name in ids:
        comparison(store, engines, name=name)
    return ids


@pytest.mark.parametrize("kind", KINDS)
def test_in_a_pooled_test_pairs_inputs_and_sides_come_equally_often(store, votes, kind):
    test = votes.test(make_pooled_test(store, votes, several(store, 7, 4), kind, length=10, seed=3))
    who, inputs, first, orders = Counter(), Counter(), Counter(), set()
    for number in range(1, 9):
        trials = order_for(test, number)
        assert len(trials) == (7 if kind == "mushra" else 10)
        orders.add(tuple(tuple(trial["sounds"]) for trial in trials))
        for trial in trials:
            played = [test["stimuli"][key] for key in trial["sounds"]]
            assert len({each["input"] for each in played}) == 1
            who[frozenset(each["engine_id"] for each in played)] += 1
            inputs[played[0]["input"]] += 1
            first[played[0]["engine_id"]] += 1
    assert len(orders) == 8
    assert order_for(test, 2) == order_for(test, 2)
    assert max(inputs.values()) - min(inputs.values()) <= 2
    assert len(who) == {"acr": 4, "mushra": 1}.get(kind, 6)
    assert max(who.values()) - min(who.values()) <= 2
    if kind in ("ab", "abx", "cmos"):
        assert max(first.values()) - min(first.values()) <= 4
    if kind == "abx":
        hidden = [trial["x"] == trial["sounds"][0] for number in range(1, 41) for trial in order_for(test, number)]
        assert 0.4 < np.mean(hidden) < 0.6


def test_an_engine_that_failed_on_an_input_is_asked_about_on_the_others_alone(store, votes):
    comparison(store, 2, name="c0")
    comparison(store, 3, name="c1")
    comparison(store, 1, name="c2")
    test = votes.test(make_pooled_test(store, votes, ["c0", "c1", "c2"], "ab"))
    asked = [tuple(test["stimuli"][key]["input"] for key in trial["sounds"]) for trial in order_for(test, 1)]
    assert Counter(asked) == {(0, 0): 1, (1, 1): 3}
    assert test["input_name"] == "2 inputs"


def test_a_pooled_result_has_the_counts_of_every_input_and_says_what_was_resampled(store, votes):
    test_id = make_pooled_test(store, votes, several(store, 6), "ab", length=20)

    def better(test, trial):
        first, second = (number_of(test, key) for key in trial["sounds"])
        return "first" if first > second else "second"

    few = outcome(votes, answered(votes, test_id, better))
    assert few.verdict == "Not enough votes to rank: 12 of 20 per engine."
    assert "bootstrap over inputs." in few.notes[-1]
    found = outcome(votes, answered(votes, test_id, better, 5))
    assert [line.name for line in found.lines] == ["Engine 2", "Engine 1", "Engine 0"]
    assert found.verdict.startswith("Engine 2 leads")
    assert found.notes[-1] == "Intervals: 95 %, bootstrap over listeners and inputs."
    assert found.inputs == tuple((f"an input ({place})" if place > 1 else "an input", 18) for place in range(1, 7))
    rows = rows_of(votes, votes.test(test_id))
    assert {row["comparison_id"] for row in rows} == {f"c{place}" for place in range(6)}
    assert len({row["trial_id"] for row in webmushra_of(votes, votes.test(test_id))[1]}) > 1


def test_a_dataset_run_is_offered_once_and_tested_over_its_inputs(store, votes):
    batch_id = "20261120T100000Z-0123abcd"
    comparison(store, name="alone")
    for place in range(MOST_INPUTS + 5):
        for engine in range(2):
            sha256 = store.put_blob(tone(200 + 5 * place + engine, 0.1).to_wav())
            known = {"comparison_id": f"b{place}", "created_at": "2026-11-20T10:00:01.000+00:00", "task": "tts", "status": "ok"}
            known |= {"batch_id": batch_id, "item": f"item-{place}", "engine_id": f"stub/{engine}", "repeat": 1}
            known |= {"output_files": json.dumps([{"name": "output", "sha256": sha256, "seconds": 0.1}]), "input_name": "x"}
            store.add(dict.fromkeys(COLUMNS) | known)
    assert [offer.comparison_id for offer in offers(store)] == ["alone"]
    (offered,) = batch_offers(store)
    assert (offered.batch_id, len(offered.items), len(offered.engines)) == (batch_id, MOST_INPUTS + 5, 2)
    assert batch_offers(store, "somebody else's") == []
    test = votes.test(make_pooled_test(store, votes, [], "ab", batch_id=batch_id, length=60))
    assert len(test["inputs"]) == MOST_INPUTS
    found = outcome(votes, answered(votes, test["test_id"], lambda test, trial: "tie"))
    assert f"{MOST_INPUTS} of {MOST_INPUTS + 5} inputs, drawn at random, are in the test." in found.notes
    assert found.votes == MOST_INPUTS


def test_what_a_pooled_test_cannot_be_is_refused_with_what_to_change(store, votes):
    ids = several(store, 2, 2)
    comparison(store, 2, ("drums", "vocals"), "separation", name="stems")
    comparison(store, 13, name="many")
    for given, more, why in (
        (ids[:1], {}, "two inputs or more"),
        ([*ids, "stems"], {}, "different tasks"),
        ([*ids, "none"], {}, "no sounds"),
        ([*ids, "many"], {}, "12 engines at most"),
        (ids, {"length": 11}, "not offered"),
        (ids, {"kind": "xyz"}, "not offered"),
        (ids, {"kind": "mushra", "references": {"a": tone()}}, "belongs to one input"),
        (ids, {"session": "somebody else's"}, "no sounds"),
        ([], {"batch_id": "nonsense"}, "this dataset run has no sounds"),
        ([], {"batch_id": "20261120T100000Z-0123abcd"}, "this dataset run has no sounds"),
    ):
        with pytest.raises(VoteRefused, match=why):
            make_pooled_test(store, votes, given, **({"kind": "ab"} | more))


# ---------------------------------------------------------------- statistics


def test_strengths_are_those_that_a_general_optimiser_finds():
    wins = np.array([[0, 8, 6.5, 3], [2, 0, 5, 1.5], [3.5, 5, 0, 4], [1, 2.5, 4, 0]])

    def loss(theta):
        gaps = theta[:, None] - theta[None, :]
        return (wins * np.log1p(np.exp(-gaps))).sum() + (theta**2).sum() / (2 * PRIOR_SD**2)

    found = minimize(loss, np.zeros(4), method="BFGS", options={"gtol": 1e-9}).x
    assert strengths(wins) == pytest.approx(found - found.mean(), abs=1e-6)
    assert strengths(np.stack([wins, wins.T]))[0] == pytest.approx(strengths(wins))


def test_T14_ties_count_half_and_only_ties_are_a_draw():
    pairings = [Pairing(number, 0, 1, 0.5) for number in range(30)]
    for estimate in preference(2, pairings):
        assert estimate.value == pytest.approx(0.5)
        assert estimate.low < 0.5 < estimate.high
    half = preference(2, [Pairing(0, 0, 1, 1.0), Pairing(0, 0, 1, 0.5)])
    assert 0.5 < half[0].value < preference(2, [Pairing(0, 0, 1, 1.0)] * 2)[0].value


def test_T14_few_votes_of_one_mind_keep_a_wide_interval():
    first, second = preference(2, [Pairing(0, 0, 1, 1.0)] * 3)
    assert first.n == second.n == 3
    assert first.low < 0.5 < first.high < 1.0
    many = preference(2, [Pairing(number % 20, 0, 1, 1.0) for number in range(200)])[0]
    assert many.low > 0.8


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    draw, truth, inside = np.random.default_rng(4), np.array([0.8, 0.0, -0.8]), 0
    for seed in range(40):
        pairings = []
        for listener in range(24):
            for first, second in ((0, 1), (0, 2), (1, 2)):
                chance = 1 / (1 + math.exp(truth[second] - truth[first]))
                pairings.append(Pairing(listener, first, second, float(draw.random() < chance)))
        estimate = preference(3, pairings, seed)[0]
        inside += estimate.low <= 1 / (1 + math.exp(-0.8)) <= estimate.high
    assert 34 <= inside <= 40


def test_whole_listeners_are_resampled_when_there_are_enough_of_them():
    scores = [Score(listener, 0, 5.0 if listener % 2 else 1.0) for listener in range(10) for _ in range(20)]
    by_listener = means(1, scores)[0]
    by_vote = means(1, [Score(place % 4, 0, each.score) for place, each in enumerate(scores)])[0]
    assert by_listener.value == by_vote.value == 3.0
    assert by_listener.high - by_listener.low > 3 * (by_vote.high - by_vote.low)


def test_intervals_over_inputs_that_differ_hold_the_truth_where_those_over_listeners_alone_do_not():
    draw, truth, both, alone = np.random.default_rng(11), 3.0, 0, 0
    for seed in range(60):
        inputs, listeners = draw.normal(0, 0.6, 12), draw.normal(0, 0.3, 12)
        scores = [
            Score(listener, 0, truth + inputs[place] + listeners[listener] + draw.normal(0, 0.5), place)
            for listener in range(12)
            for place in range(12)
        ]
        crossed = means(1, scores, seed)[0]
        narrow = means(1, [Score(each.listener, 0, each.score) for each in scores], seed)[0]
        both += crossed.low <= truth <= crossed.high
        alone += narrow.low <= truth <= narrow.high
    assert 52 <= both <= 60
    assert alone < 40


def test_one_rating_has_a_mean_and_no_interval():
    assert [(each.value, each.low, each.n) for each in means(2, [Score(1, 0, 4.0)])] == [(4.0, None, 1), (None, None, 0)]


@pytest.mark.parametrize(("right", "n"), [(9, 10), (5, 10), (0, 4), (16, 20)])
def test_abx_has_the_exact_binomial_p_value(right, n):
    estimate, p = share_correct(right, n)
    assert p == pytest.approx(sum(math.comb(n, k) for k in range(right, n + 1)) / 2**n)
    assert estimate.low <= right / n <= estimate.high
    assert share_correct(0, 0)[1] is None


# ---------------------------------------------------------------- outcomes and files


def test_T14_without_enough_votes_nothing_is_ranked_but_n_and_intervals_are_there(store, votes):
    comparison(store)

    def better(test, trial):
        first, second = (number_of(test, key) for key in trial["sounds"])
        return "first" if first > second else "second"

    test = answered(votes, make_test(store, votes, "c1", "ab"), better, 2)
    few = outcome(votes, test)
    assert (few.enough, few.verdict) == (False, "Not enough votes to rank: 4 of 20 per engine.")
    assert [line.name for line in few.lines] == ["Engine 0", "Engine 1", "Engine 2"]
    assert all(line.estimate.n == 4 and line.estimate.low < line.estimate.high for line in few.lines)
    for _ in range(10):
        answered(votes, test["test_id"], better)
    enough = outcome(votes, test)
    assert [line.name for line in enough.lines] == ["Engine 2", "Engine 1", "Engine 0"]
    assert enough.verdict.startswith("Engine 2 leads")
    assert enough.lines[0].note == "24 won · 0 tied · 0 lost"


def test_T15_the_spread_of_the_judges_is_shown_and_unsure_ones_are_counted(store, votes):
    comparison(store, 2)
    test_id = make_test(store, votes, "c1", "mushra", references={"output": tone(200)})

    def rate(test, trial, reference):
        wanted = {"reference": reference, "anchor": 20, "engine": 60}
        return [wanted[test["stimuli"][key]["role"]] for key in trial["sounds"]]

    answered(votes, test_id, lambda test, trial: rate(test, trial, 100), 6)
    test = answered(votes, test_id, lambda test, trial: rate(test, trial, 50), 2)
    found = outcome(votes, test)
    reference = next(line for line in found.lines if line.name == "Hidden reference")
    assert reference.estimate.value == pytest.approx(87.5)
    assert reference.estimate.low < 87.5 < reference.estimate.high
    assert "2 of 8 listeners rated the hidden reference below 90 in more than 15 % of their trials." in found.notes


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_test_gives_results_and_both_files(store, votes, kind):
    comparison(store)
    right = {
        "ab": lambda test, trial: "bad",
        "abx": lambda test, trial: "first" if is_right(trial, "first") else "second",
        "mushra": lambda test, trial: [10 * place for place in range(len(trial["sounds"]))],
        "acr": lambda test, trial: 1 + number_of(test, trial["sounds"][0]),
        "cmos": lambda test, trial: number_of(test, trial["sounds"][1]) - number_of(test, trial["sounds"][0]),
    }[kind]
    test = answered(votes, make_test(store, votes, "c1", kind), right, 12)
    found = outcome(votes, test)
    assert (found.enough, found.listeners) == (True, 12)
    values = [line.estimate.value for line in found.lines]
    expected = {"ab": [0.5] * 3, "abx": [1.0] * 3, "acr": [3.0, 2.0, 1.0], "cmos": [1.5, 0.0, -1.5]}
    if kind in expected:
        assert values == pytest.approx(expected[kind])
    if kind == "abx":
        assert found.lines[0].note == "120 of 120 right · p < 0.001"
    rows = rows_of(votes, test)
    assert [row["test_kind"] for row in csv.DictReader(io.StringIO(write_table(CSV_COLUMNS, rows)))] == [kind] * len(rows)
    assert {name for row in rows for name in row} == set(CSV_COLUMNS)
    header, web = webmushra_of(votes, test)
    assert header[:3] == ["session_test_id", "session_uuid", "trial_id"]
    assert all(set(row) == set(header) for row in web)
    assert len(web) == {"ab": 36, "abx": 360, "mushra": 48, "acr": 36, "cmos": 36}[kind]


def test_the_webmushra_file_of_a_mushra_test_has_its_columns_and_names(store, votes):
    comparison(store, 2)
    test_id = make_test(store, votes, "c1", "mushra", references={"output": tone(200)})
    test = answered(votes, test_id, lambda test, trial: [50] * 4)
    header, rows = webmushra_of(votes, test)
    assert ",".join(header) == "session_test_id,session_uuid,trial_id,rating_stimulus,rating_score,rating_time,rating_comment"
    assert {row["rating_stimulus"] for row in rows} == {"reference", "anchor35", "stub/0", "stub/1"}
    assert {(row["session_uuid"], row["trial_id"], row["rating_time"]) for row in rows} == {("listener-1", "output", 1_000_000)}


def test_a_cell_that_a_spreadsheet_would_run_is_disarmed():
    assert write_table(["a", "b"], [{"a": "=1+1", "b": -2}, {"a": " @x", "b": None}]) == "a,b\r\n'=1+1,-2\r\n' @x,\r\n"
