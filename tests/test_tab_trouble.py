"""What fails around a run leaves the tab usable: one sentence says what it was, and Run is there again."""

import errno
from pathlib import Path

import gradio as gr
import numpy as np
import pytest
from browser import served
from gradio.utils import get_upload_folder

import ui.plan
import ui.tab
from comparisons.blobs import DiskFull
from comparisons.runner import Runner
from engine.audio import Audio
from ui.cards import Cards
from ui.desk import Desk
from ui.keys import key_boxes
from ui.tab import build_tab
from ui.theme import THEME

FLOATS = b"\x03\x00"
"""The format code of a WAV of floats: what the deck keeps beside the engines' own sounds."""


@pytest.fixture(scope="module")
def runner(tmp_path_factory):
    runner = Runner(tmp_path_factory.mktemp("home"))
    yield runner
    runner.close()


@pytest.fixture(scope="module")
def address(runner):
    with gr.Blocks() as demo:
        build_tab("separation", Desk(runner, key_boxes()))
    with served(demo, theme=THEME) as address:
        yield address.rstrip("/")


@pytest.fixture
def page(open_page, address):
    page = open_page(address)
    page.wait_for_selector(".sc-picker input[type=checkbox]")
    yield page
    assert page.troubles == []


def run(page, sentence):
    """Press Run; the tab says `sentence` and offers Run again."""
    page.click("#run-separation")
    page.locator(".sc-note[data-tone=bad]", has_text=sentence).first.wait_for()
    page.wait_for_selector("#run-separation:visible")
    page.wait_for_selector("#stop-separation", state="hidden")
    assert "Traceback" not in page.content()


def full_disk(*_):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_disk_too_full_for_the_deck_costs_the_deck_alone(page, runner, monkeypatch):
    keep = runner.store.put_blob

    def put_blob(data, suffix=".wav"):
        if data[20:22] == FLOATS:
            raise DiskFull(runner.store.folder, "a sound of the deck")
        return keep(data, suffix)

    monkeypatch.setattr(runner.store, "put_blob", put_blob)
    run(page, "a sound of the deck could not be kept")
    assert page.locator(".sc-board audio").count() > 0
    assert page.is_visible("#csv-separation")
    monkeypatch.undo()
    page.click("#run-separation")
    page.locator(".sc-deck .sc-row").first.wait_for()


def test_a_disk_too_full_for_the_csv_costs_the_csv_alone(page, monkeypatch):
    monkeypatch.setattr(ui.tab, "write_csv", full_disk)
    run(page, "The disk is full: free some space, then run again.")
    page.locator(".sc-deck .sc-row").first.wait_for()


def test_a_disk_too_full_for_a_player_costs_the_player_alone(page, monkeypatch):
    monkeypatch.setattr("ui.cards.servable", full_disk)
    page.click("#run-separation")
    page.get_by_text("The sound cannot be played here: No space left on device.").first.wait_for()
    page.wait_for_selector("#run-separation:visible")
    assert page.is_visible("#csv-separation")


def test_an_error_that_nobody_foresaw_while_answers_arrive_brings_run_back(page, monkeypatch):
    def fails(*_):
        raise RuntimeError("a surprise")

    monkeypatch.setattr(Cards, "apply", fails)
    run(page, "RuntimeError")


def test_a_run_that_cannot_begin_says_why(page, runner, monkeypatch):
    monkeypatch.setattr(runner, "start", full_disk)
    run(page, "The disk is full")


def test_an_input_that_is_gone_from_the_server_is_asked_for_again(page, tmp_path):
    own = tmp_path / "gone-from-here.wav"
    own.write_bytes(Audio(np.full((1, 11_200), 0.1, np.float32), 16_000).to_wav())
    page.locator("#source-separation button[aria-label='Clear'], #source-separation button[title='Clear']").first.click()
    page.locator("#source-separation input[type=file]").set_input_files(str(own))
    page.get_by_text("0.7 s · 16 kHz · mono").wait_for()
    ui.plan._TAKEN.clear()
    for kept in Path(get_upload_folder()).rglob(own.name):
        kept.unlink()
    run(page, "add it again")
