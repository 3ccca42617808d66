"""The whole page: header, keys, a tab per task, the comparison table, and the named endpoints."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

import gradio as gr

from comparisons.catalogue import on_space
from comparisons.intake import limits_here
from comparisons.runner import Runner
from engine.tasks import TASKS
from ui.api import build_api
from ui.capsule import build_capsule_tab
from ui.catalogue import build_catalogue_tab
from ui.costs import build_costs_tab
from ui.dataset import build_dataset_tab
from ui.desk import PRIVATE, Desk
from ui.guard import middleware
from ui.keys import key_boxes
from ui.listen import build_listen_tab
from ui.method import build_method_tab
from ui.models import build_models_tab
from ui.note import Note
from ui.shown import scripts
from ui.tab import build_tab
from ui.table import build_table_tab
from ui.theme import THEME

HEADER = """<header class="sc-header"><h1>sound<i>check</i></h1><p>Hear every audio model on your own sound.</p></header>"""
KEYS = (
    "A key stays in this page: it travels with each run you start and is dropped after it. "
    "Nothing is kept on the server or in your browser, so it has to be pasted again after a reload."
)


class _Page(gr.Blocks):
    """Blocks that is described once, though Gradio asks four times until it serves: nothing is added after the `with` block."""

    def queue(self, *_: Any, **__: Any) -> gr.Blocks:
        """Called by Gradio while the page is empty; a second call would make the whole web application anew."""
        return super().queue(default_concurrency_limit=4, max_size=64, api_open=False)

    def __exit__(self, *raised: Any) -> None:
        self.default_config.get_config = cache(self.default_config.get_config)
        super().__exit__(*raised)


def build(runner: Runner | None = None) -> gr.Blocks:
    """The app. Every listener that keys travel with is private; only the named endpoints are public."""
    runner = runner or Runner()
    with _Page(title="Soundcheck", analytics_enabled=False, delete_cache=(600, 86_400), fill_width=True) as demo:
        with gr.Row(elem_classes="sc-top"):
            gr.HTML(HEADER, padding=False)
            keys = gr.Button("Keys", size="sm", elem_id="open-keys")
        if runner.store.notice:
            Note({"text": runner.store.notice, "tone": "warn"})
        with gr.Sidebar(open=False, position="right", width=320, elem_id="keys") as sidebar:
            gr.Markdown("## Keys")
            gr.Markdown(KEYS)
            desk = Desk(runner, key_boxes())
        keys.click(lambda: gr.Sidebar(open=True), None, sidebar, queue=False, **PRIVATE)
        with gr.Tabs() as tabs:
            decks = []
            for task in TASKS.values():
                with gr.Tab(task.title, id=task.name):
                    decks.append(build_tab(task.name, desk))
            with gr.Tab("Dataset", id="dataset"):
                build_dataset_tab(desk)
            with gr.Tab("Table", id="table") as table:
                table_arrival = build_table_tab(table, lambda: runner.store, _session)
            with gr.Tab("Costs", id="costs") as costs:
                build_costs_tab(costs, lambda: runner.store, _session)
            with gr.Tab("Catalogue", id="catalogue") as systems:
                build_catalogue_tab(systems)
            with gr.Tab("Models", id="models") as held:
                build_models_tab(held)
            with gr.Tab("Listen", id="listen") as listen:
                build_listen_tab(listen, lambda: runner.store, _session)
            for deck in filter(None, decks):
                deck.test(lambda: gr.Tabs(selected="listen"), None, tabs, queue=False, **PRIVATE)
            with gr.Tab("Comparison", id="comparison") as comparison:
                arrival = build_capsule_tab(comparison, lambda: runner.store)
            with gr.Tab("Method", id="method"):
                build_method_tab()
        arrival(demo, tabs)
        table_arrival(demo, tabs)
        build_api(runner)

        def closed(request: gr.Request) -> None:
            """A closed tab ends its comparisons: nobody is left to see them, and they cost money."""
            desk.stop(request.session_hash)

        demo.unload(closed)
    return demo


def _session(request: gr.Request) -> str | None:
    """Whose rows a visitor sees: on a Space each session its own, on a private install all."""
    return request.session_hash if on_space() else None


def launch_options() -> dict[str, Any]:
    """Settings of `launch` that keep strangers out and keys in."""
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    return {
        "theme": THEME,
        "head": scripts(),
        "show_error": False,
        "run_history": False,
        "enable_monitoring": False,
        "ssr_mode": False,
        "share": False,
        "strict_cors": True,
        "max_file_size": f"{limits_here().file_mb:g}mb",
        "state_session_capacity": 500,
        "footer_links": ["api"],
        "app_kwargs": {"middleware": middleware()},
    }
