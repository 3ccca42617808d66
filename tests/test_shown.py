"""Components of our own: each script stands in a page once, and a page is described once until it is served."""

import re

import gradio as gr
import pytest
from browser import served

from ui.board import Board
from ui.chart import Chart
from ui.note import Note, bad, since, turn
from ui.picker import Picker
from ui.shown import HERE, Shown, script, scripts
from ui.table import Table

NAMES = sorted(path.stem for path in HERE.glob("*.js") if path.stem != "shared")


def test_a_page_with_many_components_carries_no_script_with_any_of_them():
    with gr.Blocks() as demo:
        for _ in range(5):
            Board()
            Chart()
    found = [each["props"]["js_on_load"] for each in demo.config["components"]]
    assert len(found) == 10 and max(map(len, found)) < 200
    assert set(found) == {script("board"), script("chart")}


@pytest.mark.parametrize("name", NAMES)
def test_every_script_stands_once_in_what_the_page_begins_with(name):
    source = (HERE / f"{name}.js").read_text(encoding="utf-8")
    assert scripts().count(source) == 1
    assert re.search(rf"^{name}\(\{{ element", scripts(), re.M)


def test_the_pages_script_is_not_ended_by_anything_in_it():
    assert scripts().count("</script") == 1 and scripts().endswith("</script>")


def test_events_that_a_script_raises_can_be_listened_to_and_others_cannot():
    with gr.Blocks() as demo:
        table, picker = Table(), Picker()
        table.ask(lambda: None, None, None)
        picker.prepare(lambda: None, None, None)
    assert [each["targets"][0][1] for each in demo.config["dependencies"]] == ["ask", "prepare"]
    with pytest.raises(AttributeError, match="no attribute 'asked'"):
        _ = table.asked


def test_a_new_component_writes_no_file_beside_its_source(tmp_path, monkeypatch):
    source = tmp_path / "lamp.py"
    source.write_text("from ui.shown import Shown\n\n\nclass Lamp(Shown):\n    pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    import lamp

    assert issubclass(lamp.Lamp, Shown)
    assert [path.name for path in tmp_path.iterdir() if path.suffix] == ["lamp.py"]


def test_the_whole_page_is_described_once_until_it_is_served(tmp_path, monkeypatch):
    from comparisons.runner import Runner
    from ui.page import build

    asked = []
    monkeypatch.setattr(Board, "get_config", lambda self: asked.append(self) or super(Board, self).get_config())
    runner = Runner(tmp_path)
    demo = build(runner)
    boards = len(asked)
    demo.get_config_file()
    demo.get_config_file()
    assert 0 < boards == len(set(asked)) == len(asked)
    runner.close()


def test_a_note_that_began_earlier_and_arrives_later_covers_nothing(open_page):
    began = turn()
    with gr.Blocks() as demo:
        line = Note()
        for label, value in (("run", bad("It failed.")), ("stale", since(began, "1 local.")), ("next", "2 local.")):
            gr.Button(label).click(lambda value=value: value, None, line)
    with served(demo) as address:
        page = open_page(address)
        shown = page.locator(".sc-note")
        for label, text in (("run", "It failed."), ("stale", "It failed."), ("next", "2 local.")):
            with page.expect_response("**/queue/join*"):
                page.get_by_role("button", name=label).click()
            page.wait_for_load_state("networkidle")
            shown.filter(has_text=text).wait_for()
