"""What all tabs share: the runner, the key boxes, the comparisons under way, and how a failure is said."""

from __future__ import annotations

import errno
import logging
from dataclasses import dataclass, field
from typing import Any

import gradio as gr

from comparisons.runner import Runner
from engine.contract import EngineError

log = logging.getLogger(__name__)

PRIVATE: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
"""For every listener of the page: keys travel with them, and Gradio publishes and remembers all others."""
EACH: dict[str, Any] = {"trigger_mode": "multiple"}
"""For events that carry data: in other modes Gradio drops what comes while one is under way, or sends the first's data again."""


@dataclass
class Desk:
    runner: Runner
    keys: list[gr.Textbox]
    running: dict[str, set[Any]] = field(default_factory=dict)
    """Whatever has `cancel()`, by session: runs of the task tabs, and batches."""

    def stop(self, session: str | None) -> None:
        """Cancel everything of one session, because its page is closed."""
        for run in list(self.running.get(session or "", ())):
            run.cancel()


def why(error: Exception) -> str:
    """One sentence for the person; what nobody foresaw goes whole into the log."""
    if isinstance(error, EngineError):
        return str(error)
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "The disk is full: free some space, then run again."
    log.error("a run could not be shown", exc_info=error)
    return f"A part of this could not be shown ({type(error).__name__}); the log says more. The Table tab has every finished run."
