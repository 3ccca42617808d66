"""The left column's components: the input, its samples and reference, and how to run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.data_classes import FileData

from comparisons.catalogue import SERVER_TASKS, readiness
from comparisons.cost import machine_price_from_environment
from comparisons.hearing import ASKED, HEARD, hearers
from comparisons.samples import Sample
from engine.tasks import Task

MOST_REPEATS = 20
LONGEST_S = 900
INPUT_TITLES = {"audio": "Your sound", "text": "Your text", "prompt": "Describe the music"}


class Source(gr.Audio):
    """gr.Audio that hands files over as they are: Gradio would start ffprobe for each, and samples are known to play."""

    is_template = True  # drawn by gr.Audio's own code in the browser

    def postprocess(self, value: str | Path | None) -> FileData | None:
        return None if value is None else FileData(path=str(value), orig_name=Path(value).name)


def first(samples: Sequence[Sample], what: str) -> Any:
    return getattr(samples[0], what) if samples else None


def source_box(task: Task, samples: Sequence[Sample]) -> gr.components.Component:
    title = INPUT_TITLES[task.source]
    if task.takes_audio:
        return Source(
            value=first(samples, "path"),
            label=title,
            sources=["upload", "microphone"],
            type="filepath",
            buttons=[],
            elem_id=f"source-{task.name}",
        )
    return gr.Textbox(
        value=first(samples, "text"), label=title, lines=4, max_lines=12, max_length=5_000, elem_id=f"source-{task.name}"
    )


def sample_chips(samples: Sequence[Sample]) -> list[gr.Button]:
    with gr.Row(elem_classes="sc-chips"):
        return [gr.Button(sample.title, size="sm", elem_classes="sc-chip") for sample in samples]


def reference_box(task: Task, samples: Sequence[Sample]) -> gr.components.Component | None:
    if task.reference is None:
        return None
    if task.reference == "stems":
        stems = first(samples, "stems")
        return gr.File(
            value=[str(path) for path in stems.values()] if stems else None,
            label="Known stems (optional, gives SDR)",
            file_count="multiple",
            height=120,
        )
    label = {
        "asr": "What was said (optional, gives WER)",
        "tagging": "Tags that are right (optional, gives F1), separated by commas",
    }.get(task.name, "Words that the answer should hold (optional)")
    return gr.Textbox(value=reference_words(samples[0]) if samples else "", label=label, lines=2, max_lines=6, max_length=500_000)


def reference_words(sample: Sample) -> str:
    return sample.reference or ", ".join(sample.tags or ())


def fill(task: Task, sample: Sample, count: int) -> Any:
    """The values of input, reference and question that belong to one sample."""
    values: list[Any] = [str(sample.path) if task.takes_audio else sample.text]
    if task.reference == "stems":
        values.append([str(path) for path in (sample.stems or {}).values()] or None)
    elif task.reference:
        values.append(reference_words(sample))
    if len(values) < count:
        values.append(sample.prompt)
    return values if count > 1 else values[0]


def server_boxes(task: Task) -> dict[str, gr.components.Component]:
    """Address, model and key of a person's own server, where the task's protocol has one; the key is never given a default."""
    if task.name not in SERVER_TASKS:
        return {}
    with gr.Accordion("Your own server", open=False):
        return {
            "server_url": gr.Textbox(label="Address", placeholder="http://localhost:8000/v1", max_length=500),
            "server_model": gr.Textbox(label="Model", placeholder="as the server calls it", max_length=200),
            "server_key": gr.Textbox(label="Key, if it wants one", type="password", max_length=2_048),
        }


def listener_box(task: str, **how: Any) -> gr.Dropdown:
    """Which engine listens to what the others make; the classical recogniser by default, because it needs nothing."""
    ready = [(spec.name, spec.id) for spec in hearers(task) if readiness(spec).status == "ready"]
    usual = next((value for _, value in ready if value == "pocketsphinx/en-us"), "")
    label, info = ASKED[task]
    return gr.Dropdown([("off", ""), *ready], value=usual, label=label, info=info, **how)


def run_settings(task: Task) -> dict[str, gr.components.Component]:
    found: dict[str, gr.components.Component] = {
        "repeats": gr.Number(
            1, label="Repeats", info="Interleaved across engines.", minimum=1, maximum=MOST_REPEATS, precision=0
        ),
        "timeout_s": gr.Number(120, label="Deadline per engine (s)", minimum=1, maximum=LONGEST_S),
        "use_cache": gr.Checkbox(True, label="Reuse known answers", info="Shown with their first times and marked cached."),
        # Text boxes, because a number box turns "nothing" into 0 once it is shown, and a cap of 0 refuses every call.
        "machine_usd_per_hour": gr.Textbox(
            f"{price:g}" if (price := machine_price_from_environment()) is not None else "",
            label="This machine's price ($ per hour)",
            info="Gives local runs a cost.",
            max_length=20,
        ),
        "spend_cap_usd": gr.Textbox(
            "", label="Spend cap for this run ($)", info="Cloud calls beyond it are refused.", max_length=20
        ),
    }
    if task.name in HEARD:
        found["hear_with"] = listener_box(task.name)
    return found
