"""The one dictionary of columns: it drives the table, the charts, the CSV header, the store and the docs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from comparisons.metrics import METRICS


@dataclass(frozen=True)
class Column:
    name: str
    label: str
    meaning: str
    kind: str = "text"
    """"text", "number", "flag" or "json" (a JSON document kept as text)."""
    unit: str = ""
    direction: int = 0
    """1: higher is better; -1: lower is better; 0: neither."""
    decimals: int | None = None
    group: str = "run"
    scale: float = 1.0
    """Factor from the kept value to the shown one: 100 for shares, which are kept as fractions and shown in percent."""

    def shown(self, value: float | str | None) -> str:
        """The number as people read it, with its unit: "0.34 s", "13.3 %", "$0.00050"; a text as it is; "" when it is unknown."""
        if value is None or isinstance(value, str):
            return value or ""
        if self.unit == "$":
            return f"${value:.2f}" if value >= 10 or value <= 0 else f"${value:.{max(2, 1 - math.floor(math.log10(value)))}f}"
        digits = 2 if self.decimals == 3 and abs(value) >= 0.1 else self.decimals or 0
        text = f"{value * self.scale:,.{digits}f}".replace("-", "−")
        return f"{text} {self.unit}" if self.unit and self.unit != "x" else text


def _number(name: str, label: str, meaning: str, unit: str, decimals: int, direction: int = 0, group: str = "latency") -> Column:
    return Column(name, label, meaning, "number", unit, direction, decimals, group)


def _judged(name: str, label: str, meaning: str, **how: Any) -> tuple[Column, ...]:
    """A judge's number: the median of its verdicts, the lowest and the highest."""
    return tuple(
        Column(f"{name}{end}", f"{label}{said}", f"{meaning}; {which}.", "number", group="quality", **how)
        for end, said, which in (
            ("", "", "the median of its verdicts"),
            ("_lowest", ", lowest", "the lowest of them"),
            ("_highest", ", highest", "the highest of them"),
        )
    )


_COLUMNS = (
    Column("comparison_id", "Comparison", "All rows made by one press of Run share it."),
    Column("created_at", "Time", "When the run began, UTC, ISO 8601."),
    Column("task", "Task", "asr, tts, music, separation, tagging or audio_lm."),
    Column("engine_id", "Engine id", "File and model; stable, never reused."),
    Column("engine_name", "Engine", "The engine's name as people know it."),
    Column("vendor", "Vendor", "Who runs or published it."),
    Column("system", "System", "Its name in the catalogue of systems."),
    Column("model", "Model", "What was asked for, in the vendor's or library's words."),
    Column("model_answered", "Model that answered", "The exact version the engine reported; empty when it reports none."),
    Column("where", "Where", "local: on this machine. cloud: at the vendor."),
    Column("status", "Status", "ok, or the kind of error."),
    Column("error", "Error", "One sentence on what went wrong."),
    Column("cached", "Cached", "The answer and its times come from an earlier, identical run.", "flag"),
    Column("cold", "Cold", "The engine had to be loaded or connected for this run; load_s says how long.", "flag"),
    _number("repeat", "Repeat", "Which of the repeats this is, from 1.", "", 0, group="run"),
    _number("warmups", "Warm-ups", "Runs made before the first counted one and thrown away.", "", 0, group="run"),
    _number("attempts", "Attempts", "Requests made, the last one counted; the times are those of the last.", "", 0, group="run"),
    Column("attempt_log", "Attempt log", "Every attempt: number, status, Retry-After, wall time.", "json"),
    Column("input_name", "Input", "File name of the sound, or the start of the text.", group="input"),
    Column("input_file", "Input sound", "Hash, length, rate and channels of the kept input.", "json", group="input"),
    Column("input_text", "Input text", "The whole text, for tasks that take one.", group="input"),
    Column("batch_id", "Batch", "All rows of one run over a dataset share it.", group="input"),
    Column("item", "Item", "Which input of the dataset this is.", group="input"),
    Column("slices", "Slices", "The manifest's further columns for this item.", "json", group="input"),
    Column("input_sha256", "Input hash", "sha256 of what every engine was given.", group="input"),
    _number("input_audio_seconds", "Input length", "Counted while decoding, never read from a header.", "s", 2, group="input"),
    _number("input_characters", "Input characters", "Unicode characters of the text.", "", 0, group="input"),
    Column("reference", "Reference", "What the output was measured against.", group="input"),
    Column("settings", "Settings", "The settings asked for.", "json", group="input"),
    Column(
        "consent",
        "Consent",
        "What the person who pressed Run said about a voice among the settings; empty where there was none.",
        group="input",
    ),
    Column("request_sent", "Request sent", "The parameters as they went to the engine, without secrets.", "json", group="input"),
    _number("queue_s", "Queue", "Waiting for a free lane on this machine or for the vendor's cap.", "s", 3, -1),
    _number("load_s", "Load", "Import, weights, client; empty when the engine was already loaded.", "s", 3, -1),
    _number(
        "connect_s", "Connect", "Opening connections to the vendor; 0 when one was reused, empty when not known.", "s", 3, -1
    ),
    _number("upload_s", "Upload", "Until the vendor had the whole input, where the engine can see it.", "s", 3, -1),
    _number("first_s", "First output", "From the call to the first text, or to the first sound that is not silence.", "s", 3, -1),
    _number("first_arrival_s", "First arrival", "From the call to the first piece of output, silent or not.", "s", 3, -1),
    _number(
        "leading_silence_s", "Leading silence", "Silence before the first sound (10 ms RMS above 0.01 of full scale).", "s", 3, -1
    ),
    _number("total_s", "Total", "From the call to the end of the answer, of the last attempt.", "s", 3, -1),
    _number("all_attempts_s", "All attempts", "Total of every attempt and the waits between them.", "s", 3, -1),
    _number("final_lag_s", "Final after speech", "Streaming input: from the end of speech to the final text.", "s", 3, -1),
    _number("server_s", "Server time", "The vendor's own figure, where it gives one.", "s", 3, -1),
    _number("poll_s", "Poll interval", "How often the vendor was asked; total time is no finer than this.", "s", 2),
    _number("rtf", "RTF", "Total time over length of the sound, input or output; below 1 is faster than real time.", "x", 3, -1),
    Column("usage_raw", "Usage", "Amounts that the price rules look at, before minimums and rounding.", "json", group="cost"),
    Column("usage_billed", "Billed usage", "The same after minimums and rounding.", "json", group="cost"),
    Column(
        "usage_reported", "Usage reported", "The vendor reported the usage; otherwise it was counted here.", "flag", group="cost"
    ),
    _number("cost_usd", "Cost", "Price rules times billed usage; empty when a rule or an amount is unknown.", "$", 6, -1, "cost"),
    Column("cost_evidence", "Cost evidence", "reported usage, counted usage, or machine price.", group="cost"),
    Column("price_rule", "Price rule", "The rules in words.", group="cost"),
    Column("price_source", "Price source", "Where the rules were read.", group="cost"),
    Column("price_date", "Price date", "When they were read.", group="cost"),
    _number(
        "judge_cost_usd",
        "Judge cost",
        "All the judge's calls, retries too, at their first price; not in Cost.",
        "$",
        6,
        -1,
        "cost",
    ),
    Column("output_text", "Text", "The whole text answer.", group="output"),
    Column("output_language", "Language", "As the engine reports it.", group="output"),
    _number("output_confidence", "Confidence", "The engine's own scale; not comparable between engines.", "", 3, group="output"),
    _number("output_audio_seconds", "Output length", "Length of the sound that came out.", "s", 2, group="output"),
    Column("output_files", "Files", "Name, sha256, length, rate, peak and loudness of each sound.", "json", group="output"),
    Column("output_words", "Words", "Words with times and speakers.", "json", group="output"),
    Column("output_tags", "Tags", "Label, score, start and end.", "json", group="output"),
    *(
        Column(
            metric.name,
            metric.label,
            metric.meaning,
            metric.kind,
            metric.unit,
            metric.direction,
            metric.decimals,
            "quality",
            metric.scale,
        )
        for metric in METRICS.values()
    ),
    *_judged(
        "semantic_wer",
        "Semantic WER",
        "Aligned word differences that the judge says change the meaning, per reference word",
        unit="%",
        decimals=1,
        direction=-1,
        scale=100.0,
    ),
    *_judged("judge_score", "Judge score", "The judge's grade of the answer by the rubric, 1 to 5", decimals=1, direction=1),
    Column("judge_id", "Judge", "The text model that judged; judging is off unless a person starts it.", group="quality"),
    Column("judge_model", "Judge that answered", "The exact version the judge's vendor reported.", group="quality"),
    Column("judge_prompt_sha256", "Judge prompt", "sha256 of the judge's instructions and answer form.", group="quality"),
    _number(
        "judge_times", "Verdicts", "How often the judge answered; its numbers are medians of so many.", "", 0, group="quality"
    ),
    Column(
        "judge_verdicts",
        "Judge's verdicts",
        "Every verdict, and the differences or rubric they are about.",
        "json",
        group="quality",
    ),
    Column("rubric", "Rubric", "What ratings and the judge's score go by.", group="quality"),
    Column("metric_versions", "Metric versions", "Version of each metric and of the text normaliser.", "json", group="quality"),
    Column(
        "metrics_withheld",
        "Metrics withheld",
        "Metrics that could not be computed, each with the reason.",
        "json",
        group="quality",
    ),
    Column("request_id", "Request id", "The vendor's name for this request.", group="provenance"),
    Column("device", "Device", "Where it really ran.", group="provenance"),
    Column("notice", "Notice", "What the engine wants known about this run, such as a fall-back to the CPU.", group="provenance"),
    Column("dtype", "Number format", "Of the weights while running.", group="provenance"),
    _number("threads", "Threads", "CPU threads the engine was given.", "", 0, group="provenance"),
    _number(
        "peak_memory_gb", "Peak memory", "Largest resident memory of the engine's process so far.", "GB", 2, -1, "provenance"
    ),
    Column("versions", "Versions", "Versions of the libraries that did the work.", "json", group="provenance"),
    Column("app_version", "App version", "Version of Soundcheck.", group="provenance"),
    _number("rating", "Rating", "What the listener gave it, 1 to 5.", "", 0, 1, "provenance"),
    Column("rating_note", "Rating note", "Why, in the listener's words.", group="provenance"),
)

COLUMNS: dict[str, Column] = {column.name: column for column in _COLUMNS}
