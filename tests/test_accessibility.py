"""Can everyone use the page? axe-core over every tab, light and dark; then what axe cannot see: keys, focus, motion."""

import pytest
from browser import served

from comparisons.runner import Runner
from engine.tasks import TASKS
from ui.page import build, launch_options

GRAVE = {"serious", "critical"}
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RUN_ON = ("tts", "tagging")
"""Tabs that are looked at again with results in them: one with sounds to play, one with words."""
EXEMPT = {
    ("nested-interactive", 'button[aria-label="common.upload"]'): "gr.File draws its upload button inside a button",
}
"""What sits in Gradio's own compiled components and no sheet of ours can mend. This list may only shrink."""
TABS = "[...document.querySelectorAll('.tab-container:not(.visually-hidden) [role=tab]')].map(tab => tab.textContent.trim())"
AXE = """async ([rules, graves, exempt]) => {
  // A closed tab keeps its elements: looked at when its turn comes, they need not be walked again on every other.
  const closed = [...document.querySelectorAll('[role=tabpanel]')].filter(panel => !panel.checkVisibility());
  const {violations} = await axe.run({exclude: closed}, {runOnly: rules, resultTypes: ['violations'], elementRef: true});
  return violations.filter(found => graves.includes(found.impact)).flatMap(found =>
    found.nodes.map(node => [found.id, node.target.flat().join(' '), `${found.help}: ${node.any.concat(node.all, node.none)
      .map(check => check.message).join('; ')} in ${node.html.slice(0, 160)}`,
      exempt.find(([rule, where]) => rule === found.id && node.element.matches(where)) || null]));
}"""
SETTLED = "![...document.querySelectorAll('[aria-busy=true]')].some(node => node.checkVisibility())"
"""Figures that are being worked out anew are paler until they are there."""
FOCUS = """() => {
  const at = document.activeElement, style = getComputedStyle(at), box = at.getBoundingClientRect();
  return {name: at.id || at.getAttribute('aria-label') || at.textContent.trim().slice(0, 40) || at.tagName,
    ringed: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2 && style.outlineColor !== 'rgba(0, 0, 0, 0)',
    seen: at !== document.body && at.checkVisibility({visibilityProperty: true, opacityProperty: true})
      && box.right > 0 && box.left < innerWidth && box.bottom > 0 && box.top < innerHeight};
}"""


@pytest.fixture(scope="module")
def axe():
    return pytest.importorskip("axe_playwright_python.base", reason="pip install -r requirements-dev.txt").AXE_SCRIPT


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    runner = Runner(tmp_path_factory.mktemp("home"))
    with served(build(runner), **launch_options()) as address:
        yield address.rstrip("/")
    runner.close()


def opened(open_page, address, **how):
    page = open_page(address, idle=False, **how)
    page.wait_for_selector(".sc-picker input[type=checkbox]:visible")
    return page


def grave(page, rules, where):
    """One line per element that axe holds to be at fault (where, rule, selector and help), and its exemption if it has one."""
    found = page.evaluate(AXE, [rules, sorted(GRAVE), list(EXEMPT)])
    return {f"{where}: {rule}: {at}\n    {said}": exemption and tuple(exemption) for rule, at, said, exemption in found}


def look_at_every_tab(page, rules):
    found = {}
    for title in page.evaluate(TABS):
        page.get_by_role("tab", name=title, exact=True).click()
        page.get_by_role("tabpanel").and_(page.locator(":visible")).first.wait_for()
        page.wait_for_timeout(300)
        page.wait_for_function(SETTLED)
        found |= grave(page, rules, title)
        task = next((name for name in RUN_ON if TASKS[name].title == title), None)
        if task:
            page.click(f"#run-{task}")
            page.wait_for_selector(f"#csv-{task}:visible")
            page.wait_for_timeout(300)
            found |= grave(page, rules, f"{title}, after Run")
    return found


@pytest.mark.timeout(900)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious_on_any_tab(open_page, address, axe, theme):
    page = opened(open_page, address, width=1520, dark=theme == "dark")
    page.evaluate(axe)
    assert len(page.evaluate(TABS)) > len(TASKS)
    found = look_at_every_tab(page, RULES if theme == "light" else ["color-contrast"])
    left = [line for line, exemption in found.items() if exemption is None]
    assert not left, "\n".join(left)
    if theme == "light":
        assert set(EXEMPT) <= set(found.values()), "an exemption is needed no more: take it out"


def test_axe_finds_nothing_serious_on_a_phone_or_in_the_open_sidebar(open_page, address, axe):
    page = opened(open_page, address, width=390, height=844)
    page.evaluate(axe)
    found = grave(page, RULES, "phone")
    page.click("#open-keys")
    page.get_by_role("textbox", name="OpenAI", exact=True).wait_for()
    found |= grave(page, RULES, "phone, keys")
    assert not found, "\n".join(found)


def test_run_is_reached_and_pressed_with_keys_alone_and_every_stop_is_seen(open_page, address):
    page = opened(open_page, address)
    page.get_by_role("tab", name=TASKS["tagging"].title, exact=True).focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("#run-tagging:visible")
    page.evaluate("document.activeElement.blur(); window.scrollTo(0, 0)")
    stops = []
    while len(stops) < 80 and (not stops or stops[-1]["name"] != "run-tagging"):
        page.keyboard.press("Tab")
        stops.append(page.evaluate(FOCUS))
    assert stops[-1]["name"] == "run-tagging", [stop["name"] for stop in stops]
    assert [stop["name"] for stop in stops if not stop["seen"]] == []
    assert [stop["name"] for stop in stops if not stop["ringed"]] == []
    page.keyboard.press("Enter")
    page.wait_for_selector("#csv-tagging:visible")
    assert page.locator(".sc-board:visible article").count() >= 2


def test_closed_keys_are_out_of_reach_and_open_ones_within(open_page, address):
    page = opened(open_page, address)
    boxes = page.locator("#keys input")
    assert boxes.count() > 5
    assert page.locator("#keys input:visible").count() == 0
    page.focus("#open-keys")
    page.keyboard.press("Enter")
    boxes.first.wait_for(state="visible")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('#keys') !== null")


def test_whoever_asks_for_less_motion_gets_none(open_page, address):
    page = opened(open_page, address)
    moving = page.evaluate(
        """[...document.querySelectorAll('.gradio-container, .gradio-container *')].filter(node => {
          const style = getComputedStyle(node);
          return `${style.animationDuration},${style.transitionDuration}`.split(',').some(time => parseFloat(time) > 0.001);
        }).map(node => node.className)"""
    )
    assert moving == []


def test_the_document_has_a_title_a_language_one_main_and_one_heading_of_the_first_level(open_page, address):
    page = opened(open_page, address)
    assert page.title() == "Soundcheck"
    assert page.evaluate("document.documentElement.lang") == "en"
    assert page.get_by_role("main").count() == 1
    assert page.get_by_role("heading", level=1).all_inner_texts() == ["soundcheck"]
    assert page.get_by_role("tablist").count() >= 1
    assert page.evaluate("document.querySelector('meta[name=viewport]').content.includes('user-scalable=no')") is False
