"""Chromium for the tests of the page: started once per test run, and a Blocks app served on a free port of this machine."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import gradio as gr
import pytest

from bench.served import free_port
from ui.shown import scripts

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
    "--mute-audio",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]
WAIT_MS = 150_000
"""For whatever a page does: two cores may be busy with another test's engines."""
DESKTOP = {"width": 1360, "height": 900}
PHONE = {"width": 390, "height": 844}


def chromium_path() -> str | None:
    """The browser named by SOUNDCHECK_CHROMIUM, else the first Chromium or Chrome on the path, else None."""
    named = os.environ.get("SOUNDCHECK_CHROMIUM")
    found = (shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome"))
    return named or next((path for path in found if path), None)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """One browser for the whole test run; skips with the reason when there is none."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="the package playwright is missing: pip install playwright")
    sync_api.expect.set_options(timeout=WAIT_MS)
    path = chromium_path()
    if path is None:
        pytest.skip("no Chromium found: install one or set SOUNDCHECK_CHROMIUM to its path")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS, headless=True)
        yield browser
        browser.close()


def wait_for(page: Page, condition: Callable[[], object], timeout_s: float = 15.0) -> None:
    """For what no element of `page` shows. Raises AssertionError when it did not happen in time."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        page.wait_for_timeout(20)


@contextmanager
def served(demo: gr.Blocks, **launch: object) -> Iterator[str]:
    """Serves `demo` on a free port of 127.0.0.1 and yields its address; launch arguments may be added."""
    settings: dict = {
        "server_name": "127.0.0.1",
        "server_port": free_port(),  # Gradio's own search begins at 7860 in every test process, where two at once meet
        "quiet": True,
        "run_history": False,
        "ssr_mode": False,
        "footer_links": [],
    }
    settings["head"] = scripts()
    _, address, _ = demo.launch(prevent_thread_lock=True, **(settings | launch))
    try:
        yield address
    finally:
        demo.close()


@pytest.fixture
def open_page(chromium: Browser) -> Iterator[Callable[..., Page]]:
    """open_page(address, width=1360, height=900, dark=False) -> a page in a fresh profile; `page.troubles` lists script errors.

    `idle=False` for an app with an unload listener: its heartbeat keeps a request open for ever.

    Requests that would leave this machine fail and are listed in `page.outside`.
    """
    contexts = []

    def opened(
        address: str, width: int = DESKTOP["width"], height: int = DESKTOP["height"], dark: bool = False, idle: bool = True
    ) -> Page:
        context = chromium.new_context(viewport={"width": width, "height": height}, reduced_motion="reduce")
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(WAIT_MS)
        page.troubles, page.outside, home = [], [], (address, "data:", "blob:")
        page.on("request", lambda request: request.url.startswith(home) or page.outside.append(request.url))
        page.on("pageerror", lambda error: page.troubles.append(str(error)))
        page.goto(f"{address}?__theme={'dark' if dark else 'light'}", wait_until="networkidle" if idle else "load")
        return page

    yield opened
    for context in contexts:
        context.close()
