"""The models tab: preparing with progress and a stop, deleting after a second press, a checkpoint of one's own."""

from __future__ import annotations

import re
import threading

import gradio as gr
import numpy as np
import pytest
from browser import PHONE, served

from comparisons import catalogue, own_models
from comparisons.preparing import Preparations
from engine import weights
from engine.contract import BadInput
from ui import models
from ui.theme import THEME

HUB_ID = "someone/whisper-small-welsh"


def _app() -> gr.Blocks:
    with gr.Blocks() as demo, gr.Tabs():
        with gr.Tab("Other"):
            gr.Markdown("nothing")
        with gr.Tab("Models") as tab:
            models.build_models_tab(tab)
    return demo


@pytest.fixture
def tab(open_page):
    with served(_app(), theme=THEME) as address:

        def opened(**how):
            page = open_page(address, **how)
            page.get_by_role("tab", name="Models").click()
            page.locator(".sc-tile b", has_text=re.compile("GB")).first.wait_for()
            return page

        yield opened


def _folder(tmp_path):
    from safetensors.numpy import save_file

    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    save_file({"a": np.zeros(10, np.float32)}, folder / "model.safetensors")
    return folder


def test_a_folder_is_added_and_forgotten_after_a_second_press(tab, tmp_path):
    page = tab()
    page.get_by_label("Family").select_option("whisper")
    page.get_by_label("Folder or hub id").fill(str(_folder(tmp_path)))
    page.get_by_role("button", name="Add").click()
    page.get_by_text("is an engine of Speech to text now. It is ready.").wait_for()
    engine_id = own_models.specs()[0].id
    assert engine_id.startswith("whisper/own-mine-")
    forget = page.get_by_role("button", name=f"Forget {engine_id}")
    forget.click()
    assert own_models.specs()
    forget.click()
    page.get_by_text("Forgotten; its files stay.").wait_for()
    assert not own_models.specs()
    assert page.troubles == []


def test_where_a_family_has_several_ways_to_run_the_person_chooses_one(tab):
    page = tab(**PHONE)
    page.get_by_label("Family").select_option("demucs")
    assert not page.get_by_label("How it runs").is_visible()
    page.get_by_label("Family").select_option("voxtral")
    page.get_by_label("How it runs").select_option("chat")
    page.get_by_label("Folder or hub id").fill("someone/voxtral-tuned")
    page.get_by_role("button", name="Add").click()
    page.get_by_text("is an engine of Audio chat now. Prepare it below.").wait_for()
    assert [spec.own_variant for spec in own_models.specs()] == ["chat"]
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert page.troubles == []


def test_what_is_no_checkpoint_is_said_in_one_sentence(tab):
    page = tab(**PHONE)
    page.get_by_label("Family").select_option("whisper")
    page.get_by_label("Folder or hub id").fill("<img src=x onerror=alert(1)>")
    page.get_by_role("button", name="Add").click()
    page.get_by_text("is neither a folder on this machine nor a hub id such as").wait_for()
    assert page.locator(".sc-models img").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_engines_to_prepare_are_folded_by_family_and_a_search_shows_them_flat(tab):
    page = tab()
    whisper = page.locator(".sc-models summary").filter(has=page.get_by_text("Whisper", exact=True))
    one = page.get_by_role("button", name="Prepare Whisper tiny", exact=True)
    page.get_by_text(re.compile(r"^Speech to text · \d+ engines · \d+ MB to \d\.\d GB$")).first.wait_for()
    assert one.count() == 0
    whisper.focus()
    page.keyboard.press("Enter")
    one.wait_for()
    page.get_by_role("searchbox", name="Search").fill("whisper tiny")
    page.wait_for_function("!document.querySelector('.sc-models details')")
    assert one.is_visible()
    page.get_by_role("searchbox", name="Search").fill("")
    whisper.wait_for()
    assert one.is_visible(), "an open family stays open"


def test_preparing_shows_progress_and_stops_when_told(tab, monkeypatch):
    own = own_models.add("whisper", HUB_ID)
    released = threading.Event()

    def slow(spec):
        yield "10 of 40 MB · model.safetensors"
        while not released.wait(0.05):
            yield ""

    monkeypatch.setattr(weights, "fetch", slow)
    page = tab()
    page.get_by_role("searchbox", name="Search").fill("welsh")
    page.get_by_role("button", name=f"Prepare {own.name}").click()
    page.get_by_text("10 of 40 MB").wait_for()
    assert page.locator(".sc-models progress:visible").get_attribute("value") == "0.25"
    page.get_by_role("button", name=f"Stop preparing {own.name}").click()
    page.get_by_text("Stopped. What has come is kept; prepare again to go on.").wait_for()
    released.set()
    assert page.troubles == []


def test_a_preparation_that_fails_says_why_beside_its_engine(tab, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    own = own_models.add("whisper", HUB_ID)
    page = tab()
    page.get_by_role("searchbox", name="Search").fill("welsh")
    page.get_by_role("button", name=f"Prepare {own.name}").click()
    page.locator(".sc-error", has_text=own.id).wait_for()


def test_deleting_takes_two_presses_and_frees_the_disk(tab, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    snapshot = tmp_path / "models--openai--whisper-tiny" / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (snapshot / "config.json").write_text("{}")
    (snapshot / "model.safetensors").write_bytes(bytes(2_000_000))
    page = tab()
    delete = page.get_by_role("button", name="Delete weights openai/whisper-tiny")
    delete.click()
    assert snapshot.exists()
    delete.click()
    page.get_by_text("0.00 GB freed.").wait_for()
    assert not snapshot.exists()


def test_where_visitors_share_the_machine_nothing_can_be_changed(tab, monkeypatch):
    monkeypatch.setenv("SPACE_ID", "someone/space")
    assert models.state(Preparations()).locked
    assert models.state(Preparations()).kept == []


def test_an_engine_that_asks_for_agreement_is_not_prepared_without_it(monkeypatch):
    asking = next((spec for spec in catalogue.engines().values() if spec.consent and spec.where == "local"), None)
    if asking is None:
        pytest.skip("no engine asks for agreement")
    with pytest.raises(BadInput, match="asks for your agreement first"):
        models._prepare(Preparations(), {"id": asking.id, "agreed": "yes"})
