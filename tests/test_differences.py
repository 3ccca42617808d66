"""Transcripts side by side: marks against a reference, places where engines differ, one engine at two dates."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from comparisons import words as texts
from comparisons.changes import changed
from comparisons.columns import COLUMNS
from comparisons.differences import MOST_SPANS, compare, spans
from comparisons.disagreements import MOST_ENGINES, differing, disagreements
from comparisons.words import Withheld
from engine.contract import Word

FOX = "the quick brown fox jumps over thirteen lazy dogs near the bank of the river"


def marked(reference: str, hypothesis: str, language: str | None = "en") -> list[tuple[str, str]]:
    return [(span.kind, span.text) for span in spans(reference, hypothesis, language) if span.kind != "same"]


def places(transcripts: dict[str, str], **more: object) -> list[list[tuple[str, str]]]:
    """The disputed places: each variant with the engines that have it."""
    found = disagreements(transcripts, **more)
    return [[(each.text, "".join(each.engines)) for each in column.variants] for column in found.columns if column.disputed]


# ---------------------------------------------------------------- against a reference


def test_marks_show_the_spelling_of_the_transcript_and_say_what_the_reference_has():
    found = spans(FOX, "The quick brown fox Jumped over 13 lazy dogs, near the of the River.", "en")
    assert [(span.kind, span.text) for span in found] == [
        ("same", "The quick brown fox "),
        ("substituted", "Jumped"),
        ("same", " over 13 lazy dogs, near the "),
        ("deleted", "bank"),
        ("same", " of the River."),
    ]
    assert found[1].title == "reference: jumps"


def test_a_number_in_words_and_a_contraction_written_out_are_no_difference():
    assert marked("I can't see twenty one dogs", "I can not see 21 dogs") == []


def test_case_punctuation_and_fillers_are_no_difference_but_stay_visible():
    found = spans("so we went home", "So, uh, we went -- home!", "en")
    assert [(span.kind, span.text) for span in found] == [("same", "So, uh, we went -- home!")]


def test_a_run_of_added_or_missing_words_is_one_mark():
    assert marked("thank you", "thank you for watching this video") == [("inserted", "for watching this video")]
    assert marked("thank you for watching this video", "thank you") == [("deleted", "for watching this video")]


def test_an_empty_side_is_all_missing_or_all_added():
    assert marked("one word", "") == [("deleted", "one word")]
    assert marked("", "one word") == [("inserted", "one word")]
    assert spans("", "") == []


def test_characters_are_compared_where_words_have_no_spaces_between_them():
    assert marked("今天天气很好", "今天天汽很好", None) == [("substituted", "汽")]
    assert marked("น้ำใส", "น้ำใจ", None) == [("substituted", "จ")]


def test_a_combining_mark_is_never_torn_from_its_letter():
    assert [span.text for span in spans("กี่", "กี้", None)] == ["กี้"]


TEXT = st.lists(
    st.sampled_from(["the", "bank", "can't", "can not", "twenty", "one", "13", "uh", "Dr.", "--", "[noise]", "ünder", "it's"]),
    max_size=12,
).map(" ".join)


@settings(max_examples=120)
@given(TEXT, TEXT)
def test_the_marks_leave_the_transcript_whole_and_the_counts_are_those_of_wer(reference, hypothesis):
    parts, errors = compare(reference, hypothesis, "en")
    assert "".join(part.hypothesis for part in parts) == hypothesis
    kept = "".join(span.text for span in spans(reference, hypothesis, "en") if span.kind != "deleted")
    assert kept.split() == hypothesis.split()
    normal = [texts.normalise(text, texts.english()) for text in (reference, hypothesis)]
    assert errors == texts.word_errors(*normal)


def test_a_text_beyond_the_longest_is_withheld_with_the_reason():
    with pytest.raises(Withheld, match="more than the 100000"):
        spans("word " * 30_000, "word")


def test_more_marks_than_a_page_bears_end_in_one_plain_rest_that_says_so():
    hypothesis = " ".join(f"w{number}" for number in range(MOST_SPANS))
    found = spans(" ".join(f"v{number}" for number in range(MOST_SPANS)), hypothesis, "en")
    assert len(found) <= MOST_SPANS + 1
    assert "".join(span.text for span in found) == hypothesis
    assert "only the first" in found[-1].title


# ---------------------------------------------------------------- against each other


def test_only_what_engines_hear_differently_is_disputed():
    assert places({"A": "The bank, of the river.", "B": "the bank of the river", "C": "the thank of the river"}) == [
        [("bank,", "AB"), ("thank", "C")]
    ]


def test_the_spelling_shown_is_that_of_most_engines():
    column = disagreements({"A": "River!", "B": "river", "C": "river"}).columns[0]
    assert (column.text, column.disputed) == ("river", False)


def test_the_same_word_added_by_two_engines_stands_in_one_place():
    assert places({"A": "we go home", "B": "we all go home", "C": "we all go home now"}) == [
        [("all", "BC"), ("", "A")],
        [("", "AB"), ("now", "C")],
    ]


def test_a_word_stands_beside_the_one_that_is_spelt_like_it():
    found = places({"A": "we saw them jumping there", "B": "we saw them jumping there", "C": "we saw jumpin there"})
    assert found == [[("them", "AB"), ("", "C")], [("jumping", "AB"), ("jumpin", "C")]]


def test_a_phrase_that_splits_the_engines_alike_is_one_place():
    assert places({"A": "we want ice cream now", "B": "we want ice cream now", "C": "we want I scream now"}, language="en") == [
        [("ice cream", "AB"), ("I scream", "C")]
    ]


def test_a_contraction_stands_against_its_two_words_and_agrees_with_them():
    assert places({"A": "I can't go", "B": "I can not go", "C": "I cannot go"}, language="en") == [
        [("can't", "AB"), ("cannot", "C")]
    ]


def test_a_tie_follows_the_order_of_the_engines_and_is_marked():
    found = disagreements({"B": "a thank here", "A": "a bank here"})
    assert [(column.text, column.tied) for column in found.columns] == [("a", False), ("thank", True), ("here", False)]
    assert found.consensus == "a thank here"


def test_the_consensus_outvotes_every_single_mistake():
    heard = [FOX.replace("bank", "thank"), FOX.replace(" lazy", ""), FOX.replace("fox", "box"), FOX]
    assert disagreements(dict(zip("ABCD", heard, strict=True))).consensus == FOX


def test_pairs_agree_by_the_share_of_words_that_both_have_alike():
    pairs = disagreements({"A": "one two three four", "B": "one two three four", "C": "one two three five"}).pairs
    assert pairs == {("A", "B"): 1.0, ("A", "C"): 0.75, ("B", "C"): 0.75}


def test_a_place_takes_its_times_from_an_engine_that_gave_them_and_none_are_made_up():
    words = {"B": [Word("The", 0.0, 0.2), Word("bank,", 0.5, 0.9)]}
    columns = disagreements({"A": "the bank here", "B": "The bank, here"}, words).columns
    assert [(column.start_s, column.end_s) for column in columns] == [(0.0, 0.2), (0.5, 0.9), (None, None)]


def test_a_number_spoken_in_two_words_spans_both_of_their_times():
    words = {"A": [Word("twenty", 1.0, 1.4), Word("one", 1.5, 1.9), Word("dogs", 2.0, 2.4)]}
    columns = disagreements({"A": "twenty one dogs", "B": "21 dogs"}, words, "en").columns
    assert [(column.start_s, column.end_s) for column in columns] == [(1.0, 1.9), (2.0, 2.4)]


@pytest.mark.parametrize("times", [(float("nan"), 1.0), (2.0, 1.0), (-1.0, 1.0), (0.0, float("inf")), ("0", "1"), (None, None)])
def test_times_that_make_no_sense_are_no_times(times):
    columns = disagreements({"A": "bank"}, {"A": [Word("bank", *times)]}).columns
    assert (columns[0].start_s, columns[0].end_s) == (None, None)


def test_unspaced_scripts_are_aligned_by_character_and_joined_without_spaces():
    found = disagreements({"A": "今天天气很好", "B": "今天天汽很好", "C": "今天天气很好"})
    assert found.unspaced
    assert (found.consensus, found.n_disputed) == ("今天天气很好", 1)


@settings(max_examples=60)
@given(st.lists(TEXT, min_size=1, max_size=4))
def test_every_engine_finds_its_own_words_in_the_columns_in_order(heard):
    transcripts = {str(number): text for number, text in enumerate(heard)}
    found = disagreements(transcripts, language="en")
    for column in found.columns:
        assert sorted(name for variant in column.variants for name in variant.engines) == sorted(transcripts)
        sizes = [len(variant.engines) for variant in column.variants]
        assert sizes == sorted(sizes, reverse=True)
    read = texts.english().apply
    for name, text in transcripts.items():
        own = " ".join(each.text for column in found.columns for each in column.variants if name in each.engines)
        if len(heard) == 1 and texts.normalise(text, texts.english()):
            assert read(own).split() == read(text).split()


@settings(max_examples=60)
@given(st.lists(TEXT, min_size=2, max_size=4))
def test_marking_what_differs_leaves_every_transcript_whole(heard):
    transcripts = {str(number): text for number, text in enumerate(heard)}
    for name, marks in differing(disagreements(transcripts, language="en"), transcripts).items():
        assert "".join(mark.text for mark in marks) == transcripts[name]


def test_a_hundred_thousand_characters_each_are_aligned_and_what_is_cut_is_said():
    chance = random.Random(1)
    spoken = [f"w{chance.randrange(4_000)}" for _ in range(19_000)]
    heard = {name: " ".join(word if chance.random() > 0.1 else "other" for word in spoken) for name in "AB"}
    found = disagreements(heard | {"D": " ".join(spoken) + " more" * 5_000})
    assert found.n_disputed > 1_000
    assert len(found.columns) > 10_000
    assert found.left_out[0].startswith("Only the first 100,000 characters are compared; longer: ")
    assert "D" in found.left_out[0]


def test_engines_beyond_the_most_are_left_out_and_counted():
    found = disagreements({f"engine {number}": "a word" for number in range(MOST_ENGINES + 2)})
    assert len(found.engines) == MOST_ENGINES
    assert found.left_out == (f"2 more engines are left out: {MOST_ENGINES} are compared at once.",)


@pytest.mark.parametrize("heard", ["", " ", "...", "[", "(((", "\u202e\u200d", "<img src=x onerror=alert(1)>", "a\x00b", "🎚️ 🎧"])
def test_hostile_and_empty_transcripts_are_aligned_like_any_other(heard):
    found = disagreements({"A": "a plain text", "B": heard})
    assert found.engines == ("A", "B")
    assert "plain" in found.consensus


def test_no_transcripts_give_no_columns():
    assert disagreements({}).columns == ()


# ---------------------------------------------------------------- at two dates


def row(**values: object) -> dict:
    known = {"engine_id": "a/b", "task": "asr", "status": "ok", "cached": False, "input_sha256": "1", "settings": "{}"}
    return dict.fromkeys(COLUMNS) | known | {"created_at": "2026-01-01", "input_name": "talk.wav"} | values


def test_a_change_names_the_words_and_the_measures_that_moved():
    before = row(output_text="the bank of the river", output_language="en", wer=0.1, total_s=1.0, reference="x")
    after = before | {"created_at": "2026-02-01", "output_text": "the thank of the river", "wer": 0.3, "total_s": 0.5}
    change = changed([before], [after])[0]
    assert [(part.reference, part.hypothesis) for part in change.parts if part.kind != "same"] == [("bank ", "thank ")]
    assert change.words_changed == 1
    assert {delta.name: pytest.approx(delta.change) for delta in change.deltas} == {"total_s": -0.5, "wer": 0.2}


def test_only_the_same_engine_input_and_settings_are_compared_and_the_newest_fresh_run_counts():
    before = [row(output_text="old"), row(output_text="older", created_at="2025-01-01")]
    after = [row(output_text="new", created_at="2026-02-01"), row(output_text="hit", created_at="2026-03-01", cached=True)]
    assert [change.parts[0].reference + ">" + change.parts[0].hypothesis for change in changed(before, after)] == ["old>new"]
    assert changed(before, [row(settings='{"language": "en"}'), row(input_sha256="2"), row(engine_id="c/d")]) == []
    assert changed(before, [row(status="auth")]) == []


def test_a_metric_measured_in_another_way_says_that_it_cannot_be_compared():
    before = row(wer=0.1, total_s=1.0, reference="x", metric_versions='{"wer": "1"}')
    one = changed([before], [before | {"metric_versions": '{"wer": "2"}'}])[0]
    assert {delta.name: delta.incomparable for delta in one.deltas} == {"total_s": "", "wer": "measured by another version"}
    other = changed([before], [before | {"reference": "y"}])[0]
    assert {delta.name: delta.incomparable for delta in other.deltas}["wer"] == "measured against another reference"
