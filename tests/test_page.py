"""The whole app in Chromium, as a person meets it: every tab, a file of one's own, bad input, Stop, keys that leave no trace."""

import base64
import csv
import io
import json
import logging
import time
from pathlib import Path

import numpy as np
import pytest
from browser import served, wait_for
from fake_api import FakeApi
from fake_openai import FakeOpenAI

from comparisons.query import Query
from comparisons.runner import Runner
from engine.audio import Audio
from engine.tasks import TASKS
from ui.page import build, launch_options

CANARY = "sk-CANARY7f3c71d2b8a64e05"


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def runner(home):
    runner = Runner(home)
    yield runner
    runner.close()


@pytest.fixture(scope="module")
def vendor():
    with FakeApi(FakeOpenAI()) as api:
        yield api


@pytest.fixture(scope="module")
def address(runner):
    with served(build(runner), **launch_options()) as address:
        yield address.rstrip("/")


@pytest.fixture(autouse=True)
def the_fake_vendor_answers(monkeypatch, vendor):
    vendor.heal()
    monkeypatch.setenv("OPENAI_BASE_URL", f"{vendor.url}/v1")


@pytest.fixture
def page(open_page, address):
    page = open_page(address, idle=False)
    page.wait_for_selector(".sc-picker input[type=checkbox]:visible")
    yield page
    assert page.troubles == []
    assert page.outside == []


def go_to(page, task):
    page.get_by_role("tab", name=TASKS[task].title, exact=True).click()
    page.wait_for_selector(f"#run-{task}:visible")


def cards(page):
    return page.locator(".sc-board:visible .sc-card[data-state], .sc-board:visible article")


def run(page, task):
    page.click(f"#run-{task}")
    page.wait_for_selector(f"#csv-{task}:visible")


def rows_of(page, task):
    with page.expect_download() as download:
        page.click(f"#csv-{task}")
    return list(csv.DictReader(io.StringIO(Path(download.value.path()).read_text("utf-8-sig"))))


def open_keys(page, key):
    page.click("#open-keys")
    page.get_by_role("textbox", name="OpenAI", exact=True).fill(key)
    page.keyboard.press("Tab")


def choose_gpt_transcribe(page):
    """With a key; whatever was chosen before stays chosen."""
    from playwright.sync_api import expect

    open_keys(page, CANARY)
    box = page.locator(".sc-picker:visible").get_by_role("checkbox", name="GPT Transcribe", exact=True)
    expect(box).to_be_enabled()
    box.check(force=True)
    page.get_by_text("1 cloud call,").wait_for()


def run_until_asked(page, vendor):
    asked = len(vendor.journal)
    page.click("#run-asr")
    page.wait_for_selector("#stop-asr:visible")
    wait_for(page, lambda: len(vendor.journal) > asked, timeout_s=60)


@pytest.mark.parametrize("task", TASKS)
def test_every_tab_answers_its_sample_at_once(page, task):
    go_to(page, task)
    run(page, task)
    rows = rows_of(page, task)
    assert len(rows) >= (1 if task == "audio_lm" else 2)
    assert {row["status"] for row in rows} == {"ok"}, [row["error"] for row in rows]
    assert all(float(row["total_s"]) > 0 for row in rows)
    text = page.locator(".sc-board:visible").inner_text()
    assert all(row["engine_name"] in text for row in rows)
    players = page.locator(".sc-board:visible audio").count()
    assert players >= len(rows) if TASKS[task].output in ("audio", "stems") else players == 0


def test_a_file_of_ones_own_is_heard(page, tmp_path, runner):
    own = tmp_path / "my own <b>recording.wav"
    own.write_bytes(Audio(0.1 * np.random.default_rng(0).standard_normal((2, 44_100)).astype(np.float32), 44_100).to_wav())
    go_to(page, "separation")
    page.locator("#source-separation button[aria-label='Clear'], #source-separation button[title='Clear']").first.click()
    page.locator("#source-separation input[type=file]").set_input_files(str(own))
    page.get_by_text("1.0 s · 44.1 kHz · stereo").wait_for()
    run(page, "separation")
    assert {row["input_audio_seconds"] for row in rows_of(page, "separation")} == {"1.0"}


def test_a_file_that_is_no_sound_gets_one_sentence_and_loses_nothing(page, tmp_path):
    go_to(page, "tagging")
    run(page, "tagging")
    before = page.locator(".sc-board:visible").inner_text()
    fake = tmp_path / "notes.wav"
    fake.write_text("these are only words")
    page.locator("#source-tagging button[aria-label='Clear'], #source-tagging button[title='Clear']").first.click()
    page.locator("#source-tagging input[type=file]").set_input_files(str(fake))
    page.get_by_text("is not a sound file that is read here").first.wait_for()
    page.click("#run-tagging")
    page.wait_for_timeout(1_000)
    assert page.locator(".sc-board:visible").inner_text() == before
    assert "Traceback" not in page.content()


def test_a_prompt_over_the_limit_is_refused_on_the_server(address):
    from gradio_client import Client
    from gradio_client.exceptions import AppError

    with pytest.raises(AppError, match="5,?000"):
        Client(address, verbose=False).predict("x" * 6_000, ["espeak/en"], api_name="/tts")


def test_stop_ends_a_stalled_cloud_call_and_says_so(page, vendor):
    vendor.fail("stall")
    page.locator(".sc-picker:visible").get_by_text("none", exact=True).click()
    choose_gpt_transcribe(page)
    run_until_asked(page, vendor)
    began = time.monotonic()
    page.click("#stop-asr")
    page.get_by_text("Stopped before it had answered.").wait_for()
    assert time.monotonic() - began < 30  # a stalled call would last for minutes
    page.wait_for_selector("#run-asr:visible")


def test_a_pasted_key_leaves_no_trace(page, vendor, home, runner, caplog, address):
    caplog.set_level(logging.DEBUG)
    vendor.fail("bad_key")
    choose_gpt_transcribe(page)
    run(page, "asr")
    assert CANARY in set(vendor.keys())
    row = next(row for row in rows_of(page, "asr") if row["engine_id"] == "openai/gpt-transcribe")
    assert row["status"] == "auth"
    parts = [CANARY, CANARY[3:20], base64.b64encode(CANARY.encode()).decode()[:24]]
    storage = page.evaluate("JSON.stringify([localStorage, sessionStorage, document.cookie])")
    said = " ".join(record.getMessage() for record in caplog.records)
    config = page.request.get(f"{address}/config").text() + page.request.get(f"{address}/gradio_api/info").text()
    kept = b"".join(path.read_bytes() for path in home.rglob("*") if path.is_file())
    for part in parts:
        assert part not in page.content()
        assert part not in storage
        assert part not in said
        assert part not in config
        assert part not in json.dumps(row)
        assert part.encode() not in kept
    assert page.request.get(f"{address}/gradio_api/runs").status == 404


def test_a_closed_tab_ends_its_comparison(open_page, address, vendor, runner):
    vendor.fail("stall")
    page = open_page(address, idle=False)
    page.wait_for_selector(".sc-picker input[type=checkbox]:visible")
    choose_gpt_transcribe(page)
    run_until_asked(page, vendor)
    page.close()
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        newest = runner.store.page(Query(engine_ids=("openai/gpt-transcribe",), limit=1))
        if newest and newest[0]["status"] == "cancelled":
            return
        time.sleep(0.2)
    pytest.fail("the stalled call was not cancelled when its tab was closed")


@pytest.mark.parametrize("width", [1360, 390])
def test_nothing_scrolls_sideways(open_page, address, width):
    page = open_page(address, width=width, height=844, idle=False)
    page.wait_for_selector(".sc-picker input[type=checkbox]:visible")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_named_endpoints_answer_a_client(address):
    from gradio_client import Client, handle_file

    from comparisons.samples import for_task

    client = Client(address, verbose=False)
    named = client.view_api(print_info=False, return_format="dict")["named_endpoints"]
    assert {f"/{task}" for task in TASKS} | {"/engines"} == set(named)
    rows, files = client.predict("Good morning.", ["espeak/en"], api_name="/tts")
    assert rows[0]["status"] == "ok"
    assert named["/tts"]["parameters"][0]["parameter_name"] == "text"
    assert Audio.decode(Path(files[0]).read_bytes()).seconds > 0.5
    sample = for_task("asr")[0]
    rows, files = client.predict(handle_file(str(sample.path)), ["pocketsphinx/en-us"], sample.reference, api_name="/asr")
    assert (rows[0]["status"], files or []) == ("ok", [])
    assert rows[0]["wer"] < 0.5
    listed = client.predict("music", api_name="/engines")
    assert {row["task"] for row in listed} == {"music"}
