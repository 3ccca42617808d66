"""The method tab: the rules behind every figure, each with the test that proves it, and what every column means."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

import gradio as gr

from comparisons.columns import COLUMNS, Column
from comparisons.metrics import METRICS
from engine.contract import ERROR_KINDS
from ui.table_state import GROUP_TITLES


@dataclass(frozen=True)
class Rule:
    """A way in which comparisons mislead, what Soundcheck does about it, and the name of a test that proves it."""

    number: int
    trap: str
    rule: str
    test: str = ""
    """Name of a test in tests/; "" where nothing proves it yet."""


RULES = (
    Rule(
        1,
        "An answer from a cache looks fast",
        "A cached answer keeps the times of its first run and says so. It is never averaged with fresh ones, errors are never "
        "cached, and each repeat has an answer of its own.",
        "test_T1_a_cached_answer_keeps_its_first_times_and_is_marked",
    ),
    Rule(
        2,
        "Loading hides in the latency",
        "Waiting, loading, connecting, first output and total are columns of their own. Warm-ups are thrown away, and counted.",
        "test_T2_load_is_apart_from_total_and_only_the_first_run_is_cold",
    ),
    Rule(
        3,
        "A library retries behind your back",
        "Retries inside vendors' libraries are off. Soundcheck repeats only what a repeat can mend, and logs every attempt with "
        "its status and time; the times are those of the last.",
        "test_T3_every_attempt_is_logged_and_times_are_those_of_the_last",
    ),
    Rule(
        4,
        "Asking every few seconds rounds times up",
        "Where a vendor has to be polled, the interval is short and kept in the row, and so is the vendor's own time.",
        "test_T4_polling_interval_and_server_time_are_kept",
    ),
    Rule(
        5,
        "A lazy stream has not started yet",
        "The clock starts before the engine is called, and stops when it has nothing more to give.",
        "test_T5_the_clock_covers_a_lazy_generator_from_call_to_exhaustion",
    ),
    Rule(
        6,
        "A stream that breaks off looks like an answer",
        "An answer needs its end and its content. Empty or cut off is an error, never a result.",
        "test_T6_an_answer_without_its_end_or_content_is_an_error",
    ),
    Rule(
        7,
        "The first byte is not the first sound",
        "First output of speech or music is when the first sample arrives plus the silence before the first sound: 10 ms of RMS "
        "above 0.01 of full scale. Both parts are kept.",
        "test_T7_first_audio_is_arrival_plus_leading_silence_and_both_are_kept",
    ),
    Rule(
        8,
        "Two models share one device",
        "One local engine runs at a time per device. Device, number format, threads and peak memory stand in the row.",
        "test_T8_two_local_engines_never_run_at_once",
    ),
    Rule(
        9,
        "A recording is pushed faster than anybody speaks",
        "Live engines get sound at the pace of a microphone. What counts is how long after the end of speech the text is final.",
        "test_T9_streaming_input_reports_the_lag_after_the_end_of_speech",
    ),
    Rule(
        10,
        "An unknown price counts as free",
        "Cost is rule times billed usage, minimums and steps included, with source and date. What the vendor reports wins. If a "
        "part is unknown, the cost is empty.",
        "test_T10_one_unknown_amount_makes_the_cost_unknown_and_never_zero",
    ),
    Rule(
        11,
        "The spelling rules decide who wins",
        "Word error is given raw and after a normaliser whose version stands in the row, with substitutions, deletions and "
        "insertions.",
        "test_T11_raw_and_normalised_wer_stand_side_by_side",
    ),
    Rule(
        12,
        "Silence has no words to divide by",
        "An empty reference has no error rate; words put into silence are counted. Over many files, the pooled and the mean rate "
        "are both given.",
        "test_T12_pooled_and_mean_wer_are_both_given_and_differ",
    ),
    Rule(
        13,
        "Louder sounds better",
        "Listening is at one loudness, with the gain shown, and what is downloaded is the original.",
        "test_T13_the_gain_is_applied_while_loudness_is_matched_and_the_download_is_the_original",
    ),
    Rule(
        14,
        "A handful of votes becomes a rank",
        "A rank comes with its interval and its number of votes, and with too few there is none. Ties count.",
        "test_T14_without_enough_votes_nothing_is_ranked_but_n_and_intervals_are_there",
    ),
    Rule(
        15,
        "A judging model changes its mind",
        "A judge is off until you start it. It is asked several times: the median counts, lowest and highest stand beside it. "
        "Judge, prompt hash and cost are in the row.",
        "test_T15_the_median_of_the_judges_verdicts_counts_and_the_spread_stands_beside_it",
    ),
    Rule(
        16,
        "One number for all stems",
        "Each stem is measured against its own reference. Without references there is the null test: what is left when all stems "
        "are taken from the mix.",
        "test_T16_each_stem_is_scored_against_its_own_reference_and_the_mean_says_which",
    ),
    Rule(
        17,
        "A missing figure is written as 0 or −1",
        "Unknown is an empty cell, on the page and in every file, and the status says what happened.",
        "test_T17_unknown_values_are_empty_cells_never_sentinels",
    ),
    Rule(
        18,
        "The vendor got something else than you meant",
        "The request as it went out, without secrets, stands in the row.",
        "test_T18_the_request_as_sent_is_in_the_row",
    ),
    Rule(
        19,
        "One run is quoted as the truth",
        "Repeats take turns across engines, so that a slow minute hits all alike, and figures are p50 and p95 with n.",
        "test_T19_repeats_are_interleaved_across_engines",
    ),
)

_JS = """
const box = element.querySelector('input');
const lines = [...element.querySelectorAll('tbody tr')];
const none = element.querySelector('.sc-none');
box.addEventListener('input', () => {
  const words = box.value.toLowerCase().split(/\\s+/).filter(Boolean);
  let left = 0;
  for (const line of lines) {
    line.hidden = !words.every((word) => line.textContent.toLowerCase().includes(word));
    left += !line.hidden;
  }
  for (const group of element.querySelectorAll('.sc-group')) group.hidden = !group.querySelector('tbody tr:not([hidden])');
  none.hidden = left > 0;
});
"""


def _rule(rule: Rule) -> str:
    proof = f"Proved by <code>{escape(rule.test)}</code>" if rule.test else "No test proves this yet."
    head = f"<b>T{rule.number}</b> {escape(rule.trap)}"
    return f"<li id='rule-T{rule.number}'><h3>{head}</h3><p>{escape(rule.rule)}</p><p class='sc-proof'>{proof}</p></li>"


def _better(column: Column) -> str:
    return {1: "higher is better", -1: "lower is better"}.get(column.direction, "")


def _column(column: Column) -> str:
    notes = [column.unit, _better(column)]
    if column.name in METRICS:
        notes.append(f"version {METRICS[column.name].version}")
    noted = " · ".join(filter(None, notes))
    return (
        f"<tr><th scope='row'>{escape(column.label)}<code>{escape(column.name)}</code></th>"
        f"<td>{escape(column.meaning)}<span>{escape(noted)}</span></td></tr>"
    )


def _group(name: str, title: str) -> str:
    lines = "".join(_column(column) for column in COLUMNS.values() if column.group == name)
    return f"<section class='sc-group'><h3>{escape(title)}</h3><table><tbody>{lines}</tbody></table></section>"


def page() -> str:
    """The whole page as HTML, every text escaped."""
    rules = "".join(map(_rule, RULES))
    groups = "".join(_group(name, title) for name, title in GROUP_TITLES.items())
    kinds = "".join(
        f"<div><dt><code>{escape(kind)}</code></dt><dd>{escape(text)}</dd></div>" for kind, text in ERROR_KINDS.items()
    )
    return (
        "<div class='sc-method'><h2>What a number here means</h2>"
        "<p class='sc-lead'>Each rule answers a way in which comparisons of audio models have misled people.</p>"
        f"<ol class='sc-rules'>{rules}</ol>"
        "<h2>Columns</h2><p class='sc-lead'>The same names head the table, the CSV, Parquet and JSON lines.</p>"
        "<label class='sc-find'>Find a column<input type='search' maxlength='80' placeholder='latency, WER, cost'></label>"
        f"<div class='sc-groups'>{groups}</div><p class='sc-none' role='status' hidden>No column says that.</p>"
        f"<h2>Status</h2><p class='sc-lead'>ok, or one of these kinds of error.</p><dl class='sc-kinds'>{kinds}</dl></div>"
    )


def build_method_tab() -> None:
    """The page, inside the tab whose context this is called in."""
    gr.HTML(page(), js_on_load=_JS, apply_default_css=False, padding=False)
