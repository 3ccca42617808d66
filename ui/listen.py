"""The Listen tab: blind tests made from kept comparisons, run by anybody who has the link, and what came out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr
from gradio.context import Context

from comparisons.store import Store
from comparisons.votes import Votes
from engine.contract import EngineError
from ui.desk import EACH, PRIVATE
from ui.listen_state import ListenState, Room
from ui.listening import Listening

LINK = "listen"
"""Name of the parameter in an address that opens a test."""
REFRESH = "() => { for (const room of document.querySelectorAll('.sc-listen')) room.dispatchEvent(new Event('sc-refresh')); }"
DOWNLOAD = """() => requestAnimationFrame(() => document.getElementById('sc-listen-download')?.click())"""


def build_listen_tab(
    tab: gr.Tab,
    store_for: Callable[[], Store],
    session_of: Callable[[gr.Request], str | None] = lambda request: None,
    votes_for: Callable[[], Votes] | None = None,
) -> Room:
    """Fill `tab`, inside whose context this is called; an address with ?listen=<test id> opens it. `tab` needs an id.

    `session_of` names the session whose comparisons and tests a visitor sees; None is all. Votes lie beside the history.
    """
    listening = Listening(store_for, votes_for)
    room = Room()
    download = gr.DownloadButton("Download", visible="hidden", elem_id="sc-listen-download")

    def asked(event: gr.EventData, request: gr.Request) -> ListenState:
        return listening.answer(event._data, session_of(request))

    def exported(event: gr.EventData, request: gr.Request) -> str:
        try:
            return str(listening.export(event._data, session_of(request)))
        except EngineError as error:
            raise gr.Error(str(error), print_exception=False) from None
        except OSError as error:
            raise gr.Error(f"the download could not be written: {error.strerror}", print_exception=False) from None

    def opened(request: gr.Request) -> Any:
        return gr.Tabs(selected=tab.id) if request.query_params.get(LINK) else gr.skip()

    room.ask(asked, None, room, queue=False, **EACH, **PRIVATE)
    room.export(exported, None, download, **PRIVATE)
    download.change(None, None, None, js=DOWNLOAD)
    tab.select(None, None, None, js=REFRESH)
    if tab.parent is not None and (page := Context.root_block) is not None:
        page.load(opened, None, tab.parent, queue=False, **PRIVATE)
    return room
