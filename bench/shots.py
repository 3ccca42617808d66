"""The README's pictures, from the running app: `python -m bench.shots [--out docs]`. Real runs on the samples, no keys."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from bench.served import ROOT, served
from engine.tasks import TASKS

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

LONGEST_MS = 300_000
"""Until every engine of a comparison has answered; the first run also loads them."""


def opened(browser: Browser, address: str, size: dict[str, int], *, dark: bool = False) -> Page:
    """The app in a fresh profile; nothing outside this machine is asked for."""
    page = browser.new_context(viewport=size, reduced_motion="reduce").new_page()
    page.route(
        "**/*", lambda route: route.continue_() if route.request.url.startswith((address, "data:", "blob:")) else route.abort()
    )
    page.goto(f"{address}?__theme={'dark' if dark else 'light'}", wait_until="domcontentloaded")
    return page


def choose(page: Page, title: str) -> None:
    """Open the tab of that title; on a narrow page it may stand in the menu of those that found no room."""
    tab = page.get_by_role("tab", name=title, exact=True).locator("visible=true")
    menu = page.locator(".overflow-menu > button")
    tab.or_(menu.locator("visible=true")).first.wait_for()  # until the bar is laid out neither is there
    if not tab.count():
        menu.click()
        tab = page.locator(".overflow-dropdown button", has_text=title)
    tab.first.click()


def compare(page: Page, task: str, sample: str = "") -> None:
    """Run what is preselected on `sample`, or on the one that is already there, to the last answer."""
    page.locator("#run-asr").wait_for(timeout=LONGEST_MS)
    choose(page, TASKS[task].title)
    if sample:
        page.get_by_text(sample, exact=True).locator("visible=true").click(timeout=LONGEST_MS)
        page.wait_for_timeout(1_500)  # the sound and its reference are on their way
    page.locator(f"#run-{task}").click(timeout=LONGEST_MS)
    page.locator(f"#csv-{task}").wait_for(timeout=LONGEST_MS)
    page.wait_for_timeout(500)  # players draw their waves when they come into view


def whole(page: Page, file: Path) -> None:
    """The page from top to bottom; scrolled up first, because what is fixed to the window is drawn where the window is."""
    page.evaluate("scrollTo(0, 0)")
    page.mouse.move(0, 0)
    page.wait_for_timeout(300)
    page.screenshot(path=file, full_page=True)


def take(address: str, out: Path) -> list[Path]:
    """Every picture, in `out`. Raises RuntimeError without a browser."""
    from playwright.sync_api import sync_playwright

    sys.path.insert(0, str(ROOT / "tests"))
    from browser import DESKTOP, FLAGS, PHONE, chromium_path

    path = chromium_path()
    if path is None:
        raise RuntimeError("no Chromium found: install one or set SOUNDCHECK_CHROMIUM to its path")
    out.mkdir(parents=True, exist_ok=True)
    files = {name: out / f"{name}.png" for name in ("asr", "tts-dark", "phone", "table")}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS, headless=True)
        page = opened(browser, address, DESKTOP)
        compare(page, "asr", "The same in street noise")
        whole(page, files["asr"])

        dark = opened(browser, address, DESKTOP, dark=True)
        compare(dark, "tts")
        whole(dark, files["tts-dark"])

        phone = opened(browser, address, PHONE)
        compare(phone, "separation")
        phone.locator(".sc-board:visible").scroll_into_view_if_needed()
        phone.screenshot(path=files["phone"])

        choose(page, "Table")
        page.locator(".sc-tasks button", has_text=TASKS["tts"].title).click(timeout=LONGEST_MS)
        page.locator(".sc-table th", has_text="eSpeak").first.wait_for(timeout=LONGEST_MS)
        page.wait_for_timeout(1_000)  # the charts follow the rows
        whole(page, files["table"])
        browser.close()
    return list(files.values())


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.shots", description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "docs", metavar="FOLDER", help="where the pictures go (default: docs)")
    chosen = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory(prefix="soundcheck-shots-") as home, served(["app.py"], Path(home)) as app:
            for file in take(app.url, chosen.out):
                print(f"{file} {file.stat().st_size / 1024:.0f} KB")
    except RuntimeError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
