"""The dataset tab in Chromium: a zip on two engines to its end, paused, stopped and gone on with; input that cannot be."""

import csv
import io
import json
import zipfile
from pathlib import Path

import gradio as gr
import numpy as np
import pytest
from browser import PHONE, served

from comparisons.columns import COLUMNS
from comparisons.query import Query
from comparisons.runner import Runner
from comparisons.statistics import statistics_of
from engine.audio import Audio
from engine.contract import BadInput
from ui.dataset import build_dataset_tab, open_batch
from ui.dataset_state import tables_of
from ui.desk import Desk
from ui.keys import key_boxes, vendors
from ui.page import launch_options

HOSTILE = "<img src=x onerror=alert(1)>"
ENGINES = ("rules/sound-type", "birdnet/v2.4")


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    runner = Runner(tmp_path_factory.mktemp("home"))
    yield Desk(runner, [])
    runner.close()


@pytest.fixture(scope="module")
def address(desk):
    with gr.Blocks(fill_width=True) as demo:
        desk.keys = key_boxes()
        with gr.Tabs(), gr.Tab("Dataset", id="dataset"):
            build_dataset_tab(desk)

        def closed(request: gr.Request) -> None:
            desk.stop(request.session_hash)

        demo.unload(closed)
    with served(demo, **launch_options()) as address:
        yield address.rstrip("/")


@pytest.fixture
def bundle(tmp_path):
    """A zip of three sounds of a second each, their tags, and where they were recorded."""
    noise, path = np.random.default_rng(7), tmp_path / "three sounds.zip"
    names = ("a.wav", "b.wav", "c.wav")
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, Audio(noise.normal(0, 0.1, (1, 16_000)).astype(np.float32), 16_000).to_wav())
        lines = [
            ["audio", "reference", "room"],
            *zip(names, ("noise", HOSTILE, "noise"), (HOSTILE, HOSTILE, "street"), strict=True),
        ]
        text = io.StringIO()
        csv.writer(text).writerows(lines)
        archive.writestr("manifest.csv", text.getvalue())
    return path


def opened(open_page, address, **more):
    page = open_page(address, idle=False, **more)
    page.wait_for_selector("#dataset-start:visible")
    return page


def ask(page, file, task="Tagging", engine="BirdNET"):
    page.get_by_label("Task", exact=True).click()
    page.get_by_role("option", name=task, exact=True).click()
    page.locator(".sc-picker", has_text=engine).wait_for()
    if task == "Tagging":
        page.get_by_role("checkbox", name="Ultrasonic calls", exact=True).uncheck()
    page.locator("#dataset-upload input[type=file]").set_input_files(str(file))
    page.get_by_label(file.name, exact=True).wait_for()
    page.click("#dataset-start")


def saved(page, number):
    with page.expect_download() as download:
        page.click(f"#dataset-file-{number}")
    return Path(download.value.path()).read_text("utf-8-sig")


def test_a_zip_of_three_items_runs_on_two_engines_to_its_figures_and_files(open_page, address, bundle, desk):
    page = opened(open_page, address)
    ask(page, bundle)
    page.wait_for_selector("#dataset-file-0:visible")
    board = page.locator("#dataset-board")
    text = board.inner_text()
    assert "Finished." in text and "6 of 6" in text and "3 of 3" in text
    assert "Not enough items for intervals and verdicts: 3 of 10." in text
    assert "n 3 of 20" in text and "not enough" in text
    for title in ("Engines", "Pairs by", "By room", "Worst answers"):
        assert title in text
    assert board.locator("table").first.locator("tbody tr").count() == 2
    assert HOSTILE in board.locator("details").first.inner_text() and HOSTILE in board.locator("table").last.inner_text()
    assert board.locator("img").count() == 0
    player = board.locator("details[open] audio").first
    seconds = player.evaluate(
        """async (sound) => {
            await new Promise((ready, failed) => { sound.onloadedmetadata = ready; sound.onerror = failed; sound.load(); });
            return sound.duration;
        }"""
    )
    assert seconds == pytest.approx(1.0, abs=0.05)
    assert page.locator(".sc-chart:visible").count() == 1

    rows = list(csv.DictReader(io.StringIO(saved(page, 0))))
    assert len(rows) == 6 and {row["engine_id"] for row in rows} == set(ENGINES)
    assert {row["status"] for row in rows} == {"ok"}
    assert len({row["item"] for row in rows}) == 3
    summary = json.loads(saved(page, 1))
    assert {each["engine_id"]: each["ok"] for each in summary["engines"]} == dict.fromkeys(ENGINES, 3)
    assert len(list(csv.DictReader(io.StringIO(saved(page, 2))))) == len(ENGINES) * 4

    batch_id = board.locator(".sc-id code").inner_text()
    assert {row["batch_id"] for row in rows} == {batch_id}
    page.get_by_role("button", name="Run settings").click()
    page.locator("#dataset-resume input, #dataset-resume textarea").fill(batch_id)
    page.click("#dataset-start")
    board.get_by_text("6 from before").wait_for()
    page.wait_for_selector("#dataset-file-0:visible")
    assert desk.runner.store.count(Query(task="tagging")) == 6
    assert page.troubles == [] and page.outside == []


def test_a_zip_that_is_none_gets_one_sentence_and_start_comes_back(open_page, address, tmp_path):
    page = opened(open_page, address, **PHONE)
    broken = tmp_path / "broken.zip"
    broken.write_bytes(b"PK\x03\x04 this is no archive")
    ask(page, broken)
    note = page.locator(".sc-note[data-tone=bad]:visible")
    note.wait_for()
    assert "'broken.zip' is not a zip" in note.inner_text() and "\n" not in note.inner_text().strip()
    page.wait_for_selector("#dataset-start:visible")
    assert page.locator("#dataset-stop:visible").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    assert page.troubles == []


def test_a_batch_pauses_goes_on_stops_and_ends_with_its_tab(open_page, address, tmp_path, desk):
    page, lines = opened(open_page, address), tmp_path / "lines.txt"
    lines.write_text("\n".join(f"This is line number {number}." for number in range(500)))
    ask(page, lines, "Text to speech", "Flite")
    board = page.locator("#dataset-board")
    board.get_by_text("Under way.").wait_for()
    page.click("#dataset-pause")
    board.get_by_text("Paused:").wait_for()
    page.get_by_role("button", name="Go on", exact=True).click()
    board.get_by_text("Under way.").wait_for()
    page.click("#dataset-stop")
    board.get_by_text("Stopped. To go on later").wait_for()
    page.wait_for_selector("#dataset-file-0:visible")
    rows = list(csv.DictReader(io.StringIO(saved(page, 0))))
    assert 0 < len(rows) < 500
    assert board.locator(".sc-id code").inner_text() in board.locator(".sc-said p").inner_text()
    assert page.troubles == []

    page.click("#dataset-start")
    board.get_by_text("Under way.").wait_for()
    (under_way,) = (each for batches in desk.running.values() for each in batches)
    page.close()
    assert under_way.batch.wait(60) and under_way.batch.progress().state == "stopped"


def asked(**more):
    page = {"task": "tagging", "upload": None, "picker": {"selected": list(ENGINES)}, "repeats": 1, "timeout_s": 60}
    return page | {"spend_cap_usd": None, "use_cache": True, "hear_with": "", "resume": "", "language": ""} | more


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({}, "Choose a dataset first"),
        ({"upload": "/etc/passwd"}, "is no dataset"),
        ({"repeats": 10**9}, "Repeats must be from 1"),
        ({"spend_cap_usd": -1}, "The spend cap must be from 0"),
        ({"picker": {"selected": []}}, "Tick at least one engine"),
        ({"resume": "../../x"}, "is no batch id"),
    ],
)
def test_what_cannot_start_is_refused_with_one_sentence(desk, bundle, more, sentence):
    given = asked(**({"upload": str(bundle)} if more else {}) | more)
    with pytest.raises(BadInput, match=sentence):
        open_batch(desk.runner, given, [""] * len(vendors()), None)


def test_on_a_space_no_folder_of_the_machine_can_be_named(desk, monkeypatch, tmp_path):
    monkeypatch.setenv("SPACE_ID", "somebody/soundcheck")
    for named in (str(tmp_path), "hub:owner/name"):
        with pytest.raises(BadInput, match="switched off where visitors share the machine"):
            open_batch(desk.runner, asked(named=named), [""] * len(vendors()), "session")


def heard(item, engine, errors):
    known = {"task": "asr", "engine_id": engine, "engine_name": engine, "status": "ok", "cached": False, "item": f"item {item}"}
    counts = {"word_substitutions": errors, "word_deletions": 0, "word_insertions": 0, "reference_words": 10, "wer": errors / 10}
    return dict.fromkeys(COLUMNS) | known | counts | {"total_s": 0.5, "input_name": f"{item}.wav"}


def test_enough_items_give_pooled_wer_with_its_interval_p95_and_a_verdict():
    rows = [heard(item, engine, errors) for item in range(30) for engine, errors in (("good", item % 2), ("poor", 4))]
    engines, pairs = tables_of(statistics_of(rows))
    at = engines.heads.index("WER, pooled")
    good = engines.lines[0]
    assert good[at].text == "5.0 %" and good[at].small.endswith("· n 30")
    assert good[engines.heads.index("Total p95")].text == COLUMNS["total_s"].shown(0.5)
    assert pairs.lines[0][2].text == "good is better"
