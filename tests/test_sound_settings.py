"""Settings that are sounds: by upload, option, manifest column and API parameter, with consent, never as a path in a text."""

import csv
import io
import json
import os
from pathlib import Path

import gradio as gr
import numpy as np
import pytest
import sound_engines
from browser import PHONE, served
from sound_engines import ENGINES

from comparisons import capsule, catalogue
from comparisons.__main__ import main
from comparisons._capsule_reader import open_capsule
from comparisons.asking import CONSENTS, SoundFile, build_request
from comparisons.catalogue import agreement, blocked
from comparisons.datasets import open_dataset, read_item
from comparisons.manifests import SOUND_COLUMNS
from comparisons.query import Query
from comparisons.runner import Runner
from engine.audio import Audio
from engine.contract import BadInput, Synthesize, options_of
from engine.tasks import TASKS
from ui.api import build_api
from ui.choices import choice, picker_state, preselected
from ui.dataset import open_batch
from ui.desk import Desk
from ui.keys import key_boxes, vendors
from ui.page import launch_options
from ui.tab import build_tab

PARROT, NEEDY, DEAF, ASKING, CODED, HUMMER = ENGINES
CONSENT = CONSENTS["reference"]


def written(path, seconds=0.4, pitch=220.0, loud=0.3):
    """A tone; shorter than the half second from which on speech quality is predicted, which takes seconds."""
    times = np.arange(round(16_000 * seconds)) / 16_000
    path.write_bytes(Audio((loud * np.sin(2 * np.pi * pitch * times))[None].astype(np.float32), 16_000).to_wav())
    return path


@pytest.fixture(scope="module", autouse=True)
def stubs():
    """The catalogue is these engines alone; their processes find this folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(catalogue, "engines", lambda: {spec.id: spec for spec in ENGINES})
        patch.setenv("PYTHONPATH", str(Path(sound_engines.__file__).parent))
        yield


@pytest.fixture
def voice(tmp_path):
    return written(tmp_path / "voice.wav")


@pytest.fixture(scope="module")
def runner(tmp_path_factory):
    runner = Runner(tmp_path_factory.mktemp("home"))
    yield runner
    runner.close()


@pytest.fixture(scope="module")
def address(runner):
    with gr.Blocks(fill_width=True) as demo:
        desk = Desk(runner, key_boxes())
        with gr.Tabs():
            for task in ("tts", "music"):
                with gr.Tab(TASKS[task].title):
                    build_tab(task, desk)
        build_api(runner)
    with served(demo, **launch_options()) as address:
        yield address.rstrip("/")


# ---------------------------------------------------------------- the command line


def cli(capsys, *arguments):
    code = main([str(each) for each in arguments])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_a_reference_on_the_command_line_reaches_the_engine_and_its_row_names_it(capsys, tmp_path, voice):
    code, _, err = cli(
        capsys, "run", "tts", "Hello.", "--engines", "stub/parrot,stub/deaf", "--option", f"reference={voice}",
        "--i-may-use-this-voice", "--csv", tmp_path / "a.csv", "--save", tmp_path / "out",
    )  # fmt: skip
    assert code == 0
    assert "stub/deaf cannot honour a reference voice" in err
    rows = list(csv.DictReader(io.StringIO((tmp_path / "a.csv").read_text("utf-8-sig"))))
    given = Audio.decode(voice.read_bytes())
    assert json.loads(rows[0]["settings"]) == {"reference": {"sha256": given.sha256(), "seconds": 0.4}}
    assert rows[0]["consent"] == CONSENT
    assert Audio.decode((tmp_path / "out/stub-parrot-1.wav").read_bytes()).sha256() == given.sha256()
    assert str(tmp_path) not in (tmp_path / "a.csv").read_text()


def test_an_answer_from_the_cache_carries_the_consent_of_whoever_asked_again(capsys, tmp_path, voice):
    for _ in range(2):
        cli(capsys, "run", "tts", "Hello again.", "--engines", "stub/parrot", "--option", f"reference={voice}",
            "--i-may-use-this-voice", "--csv", tmp_path / "a.csv")  # fmt: skip
    (row,) = csv.DictReader(io.StringIO((tmp_path / "a.csv").read_text("utf-8-sig")))
    assert (row["cached"], row["consent"]) == ("true", CONSENT)


def test_another_reference_is_another_answer_in_the_cache(capsys, tmp_path, voice):
    cached = []
    for sound in (voice, written(tmp_path / "second.wav", pitch=330), voice):
        cli(capsys, "run", "tts", "Hi.", "--engines", "stub/parrot", "--option", f"reference={sound}",
            "--i-may-use-this-voice", "--csv", tmp_path / "a.csv")  # fmt: skip
        cached += [row["cached"] for row in csv.DictReader(io.StringIO((tmp_path / "a.csv").read_text("utf-8-sig")))]
    assert cached == ["false", "false", "true"]


def test_a_melody_needs_no_consent(capsys, voice):
    code, out, _ = cli(capsys, "run", "music", "waltz", "--engines", "stub/hummer", "--option", f"melody={voice}",
                       "--option", "duration_s=")  # fmt: skip
    assert code == 0 and "0.40 s of sound" in out


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda folder: folder / "nowhere.wav", "is not there"),
        (lambda folder: folder, "is a folder"),
        (lambda folder: written(folder / "long.wav", seconds=61), "longer than 60 s"),
        (lambda folder: written(folder / "silent.wav", loud=0), "silent throughout"),
        (lambda folder: Path("/dev/zero"), "is not a regular file"),
    ],
)
def test_a_reference_that_cannot_be_used_is_one_sentence(capsys, tmp_path, make, sentence):
    code, out, err = cli(capsys, "run", "tts", "Hi.", "--option", f"reference={make(tmp_path)}", "--i-may-use-this-voice")
    assert (code, out) == (2, "")
    assert err.startswith("error: Reference voice: ") and sentence in err
    assert len(err.splitlines()) == 1


def test_a_hostile_file_as_reference_is_refused_before_any_engine(capsys, tmp_path):
    hostile = tmp_path / "voice.wav"
    hostile.write_bytes(
        b"RIFF\xff\xff\xff\xffWAVEfmt \x10\x00\x00\x00" + b"\xff" * 16 + b"data\xff\xff\xff\xff" + os.urandom(500)
    )
    code, _, err = cli(capsys, "run", "tts", "Hi.", "--option", f"reference={hostile}", "--i-may-use-this-voice")
    assert code == 2 and len(err.splitlines()) == 1
    assert "running" not in err and "Traceback" not in err


def test_without_consent_neither_run_nor_batch_begins(capsys, tmp_path, voice):
    (tmp_path / "lines.csv").write_text(f"text,voice_file\nHi.,{voice.name}\n")
    (tmp_path / "lines.txt").write_text("Hi.\n")
    for arguments in (
        ("run", "tts", "Hi.", "--option", f"reference={voice}"),
        ("batch", "tts", tmp_path / "lines.txt", "--option", f"reference={voice}"),
        ("batch", "tts", tmp_path / "lines.csv"),
    ):
        code, out, err = cli(capsys, *arguments)
        assert (code, out) == (2, "")
        assert err == ("error: Say that you may use this voice: add --i-may-use-this-voice if it is yours or its owner agreed.\n")


# ---------------------------------------------------------------- datasets


def test_a_manifest_names_a_voice_per_line_and_a_batch_uses_each(capsys, tmp_path, voice):
    written(tmp_path / "low.wav", seconds=0.3, pitch=110)
    (tmp_path / "m.csv").write_text("text,voice_file,reference\nOne.,voice.wav,right\nTwo.,low.wav,right\nThree.,,right\n")
    code, _, err = cli(
        capsys, "batch", "tts", tmp_path / "m.csv", "--engines", "stub/needy", "--i-may-use-this-voice", "--jsonl", tmp_path / "r"
    )
    assert code == 0, err
    rows = {row["input_name"]: row for row in map(json.loads, (tmp_path / "r").read_text().splitlines())}
    seconds = {name: (row["settings"] or {}).get("reference", {}).get("seconds") for name, row in rows.items()}
    assert seconds == {"One.": 0.4, "Two.": 0.3, "Three.": None}
    assert {name: row["consent"] for name, row in rows.items()} == {"One.": CONSENT, "Two.": CONSENT, "Three.": None}
    assert "needs 'reference voice'" in rows["Three."]["error"]
    assert rows["One."]["slices"] == {"voice_file": "voice.wav", "reference": "right"}


@pytest.mark.parametrize("name", ["../outside.wav", "/etc/passwd", "http://example.com/a.wav", "link.wav"])
def test_a_voice_outside_the_dataset_is_an_item_with_an_error(tmp_path, name):
    written(tmp_path / "outside.wav")
    folder = tmp_path / "set"
    folder.mkdir()
    (folder / "link.wav").symlink_to(tmp_path / "outside.wav")
    (folder / "m.csv").write_text(f"text,voice_file\nHi.,{name}\n")
    (item,) = open_dataset(folder / "m.csv", "tts").items
    with pytest.raises(BadInput, match="leads out of|is an address"):
        read_item(item, "tts", {})


def test_a_batch_knows_an_item_by_the_bytes_of_its_voice(tmp_path, voice):
    (tmp_path / "m.csv").write_text("text,voice_file\nHi.,voice.wav\n")
    keys = []
    for change in (lambda: None, lambda: os.utime(voice, (1, 1)), lambda: written(voice, pitch=500)):
        change()
        (item,) = open_dataset(tmp_path / "m.csv", "tts").items
        keys.append(item.key("tts", {}))
    assert keys[0] == keys[1] != keys[2]


def test_every_setting_that_is_a_sound_has_a_column():
    sounds = {name for task in TASKS.values() for name, how in options_of(task.request).items() if how.longest_s is not None}
    assert sounds == set(SOUND_COLUMNS.values())
    assert CONSENTS.keys() <= sounds


def test_the_dataset_tab_wants_consent_for_voices_too(runner, tmp_path, voice):
    (tmp_path / "m.csv").write_text("text,voice_file\nHi.,voice.wav\n")
    no_keys = [""] * len(vendors())
    page = {
        "task": "tts", "upload": str(tmp_path / "m.csv"), "picker": {"selected": ["stub/parrot"]}, "repeats": 1, "timeout_s": 60,
        "use_cache": True, "spend_cap_usd": None, "hear_with": "", "resume": "",
    }  # fmt: skip
    with pytest.raises(BadInput, match="tick the box under the dataset"):
        open_batch(runner, page, no_keys, None)
    batch, _ = open_batch(runner, page | {"consent": True}, no_keys, None)
    batch.start().wait()
    assert [row["consent"] for row in batch.rows()] == [CONSENT]
    batch.dataset.close()


# ---------------------------------------------------------------- what the picker says


def test_the_picker_says_who_needs_a_reference_and_ticks_none_of_them(voice):
    state = {each.id: each for each in picker_state("tts", [], {}, build_request("tts", "Hi.")).engines}
    assert state["stub/needy"].blocked.startswith("stub/needy needs 'reference voice'")
    assert not state["stub/parrot"].blocked
    assert preselected("tts") == ["stub/parrot", "stub/deaf"]
    given = build_request("tts", "Hi.", {"reference": SoundFile(voice)})
    assert [bool(blocked(spec, given)) for spec in (PARROT, NEEDY, DEAF)] == [False, False, True]


def test_an_engine_that_asks_first_says_so_and_is_prepared_only_where_one_can_agree(capsys):
    for spec, words in ((ASKING, "Only for <b>friends</b>."), (CODED, "It runs code that comes with the weights.")):
        shown = choice(spec, None, None)
        assert (shown.note, shown.preparable) == (words, False)
        assert shown.needs == ["Prepare it in the Models tab, which asks for your agreement first."]
        code, _, err = cli(capsys, "prepare", spec.id)
        assert (code, err) == (1, f"error: {spec.id} asks for your agreement first: {words} Add --agree to say yes.\n")
    assert not agreement(PARROT)


def test_with_agree_the_command_line_goes_on_to_fetch(capsys, monkeypatch):
    monkeypatch.setattr(catalogue, "prepare", lambda spec: iter([f"{spec.id}: fetching"]))
    assert "stub/asking: fetching" in cli(capsys, "prepare", "stub/asking", "--agree")[2]


# ---------------------------------------------------------------- the API


@pytest.mark.parametrize("value", ["{}", {"path": "{}"}, {"path": "{}", "meta": {"_type": "gradio.FileData"}}])
def test_a_path_in_the_settings_of_the_api_is_never_read(address, voice, value):
    from gradio_client import Client

    sent = json.loads(json.dumps(value).replace("{}", str(voice))) if value != "{}" else str(voice)
    with pytest.raises(Exception, match="must be a sound file|not allowed|InvalidPath|not in the allowed|is not"):
        Client(address, verbose=False).predict(
            "Hi.", ["stub/parrot"], "", {"reference": sent}, i_may_use_this_voice=True, api_name="/tts"
        )


def test_the_api_takes_the_sound_as_a_file_with_consent(address, voice):
    from gradio_client import Client, handle_file

    client = Client(address, verbose=False)
    asked = ("Hi.", ["stub/parrot"], "", {})
    with pytest.raises(Exception, match="i_may_use_this_voice must be true"):
        client.predict(*asked, reference_sound=handle_file(str(voice)), api_name="/tts")
    rows, files = client.predict(*asked, reference_sound=handle_file(str(voice)), i_may_use_this_voice=True, api_name="/tts")
    given = Audio.decode(voice.read_bytes())
    assert json.loads(rows[0]["settings"])["reference"]["sha256"] == given.sha256()
    assert rows[0]["consent"] == CONSENT
    assert Audio.decode(Path(files[0]).read_bytes()).sha256() == given.sha256()
    rows, _ = client.predict("Hi.", ["stub/parrot"], api_name="/tts")
    assert rows[0]["settings"] is None and rows[0]["consent"] is None
    parameters = client.view_api(print_info=False, return_format="dict")["named_endpoints"]
    assert [each["parameter_name"] for each in parameters["/music"]["parameters"]][-1] == "melody_sound"


def test_a_path_as_the_file_of_the_api_is_never_read(address, voice):
    import urllib.error
    import urllib.request

    for sent in (str(voice), {"path": str(voice)}, {"path": str(voice), "meta": {"_type": "gradio.FileData"}}):
        data = ["Hi.", ["stub/parrot"], "", {}, 1, 60, True, sent, True]
        call = urllib.request.Request(
            f"{address}/gradio_api/call/tts", json.dumps({"data": data}).encode(), {"Content-Type": "application/json"}
        )
        try:
            event = json.load(urllib.request.urlopen(call))["event_id"]
            answer = urllib.request.urlopen(f"{address}/gradio_api/call/tts/{event}").read().decode()
        except urllib.error.HTTPError as refused:
            answer = refused.read().decode()
        assert "event: complete" not in answer
        assert Audio.decode(voice.read_bytes()).sha256() not in answer


# ---------------------------------------------------------------- the page


@pytest.fixture
def page(open_page, address):
    page = open_page(address)
    page.wait_for_selector("#run-tts:visible")
    page.locator("button.label-wrap:visible", has_text="Settings").first.click()
    yield page
    assert page.troubles == []


def give(page, path):
    page.locator(".sc-sound-setting:visible input[type=file]").first.set_input_files(str(path))


def note(page, words):
    page.locator(".sc-run .sc-note:visible", has_text=words).first.wait_for()


def tick(page, *names):
    page.locator(".sc-picker:visible").get_by_role("button", name="Untick every engine").click()
    for name in names:
        page.locator(".sc-picker:visible").get_by_role("checkbox", name=f"Stub {name}", exact=True).check(force=True)


def run(page):
    page.click("#run-tts")
    page.wait_for_selector("#stop-tts:visible")
    page.wait_for_selector("#run-tts:visible")


def test_a_voice_is_uploaded_agreed_to_and_heard_in_the_answer(page, voice, runner, tmp_path):
    page.locator(".sc-engine", has_text="Stub needy").get_by_text("Skipped: stub/needy needs 'reference voice'").wait_for()
    tick(page, "parrot", "needy", "deaf")
    note(page, "1 skipped: stub/needy needs 'reference voice'")
    assert page.get_by_label(CONSENT).count() == 0
    give(page, voice)
    note(page, "Say that you may use this voice: tick the box under it in Settings.")
    page.click("#run-tts")
    page.locator(".sc-note[data-tone=bad]:visible", has_text="Say that you may use this voice").first.wait_for()
    assert page.locator(".sc-board:visible [data-state]").count() == 0
    page.get_by_label(CONSENT).check()
    note(page, "reference voice used by Stub parrot, Stub needy, 1 skipped that cannot: Stub deaf")
    run(page)
    rows = {row["engine_id"]: row for row in runner.store.page(Query(limit=3))}
    given = Audio.decode(voice.read_bytes())
    assert {name: row["status"] for name, row in rows.items()} == {
        "stub/parrot": "ok",
        "stub/needy": "ok",
        "stub/deaf": "unsupported",
    }
    assert json.loads(rows["stub/needy"]["settings"])["reference"] == {"sha256": given.sha256(), "seconds": 0.4}
    assert rows["stub/needy"]["consent"] == CONSENT
    assert json.loads(rows["stub/needy"]["output_files"])[0]["sha256"]
    capsule.save(runner.store, rows["stub/needy"]["comparison_id"], tmp_path / "one.soundcheck")
    opened = open_capsule(tmp_path / "one.soundcheck")
    kept = {row["engine_id"]: row["settings"] for row in opened.rows}
    assert kept == {name: row["settings"] for name, row in rows.items()}


def test_another_voice_asks_again_and_no_voice_asks_for_nothing(page, voice, tmp_path):
    tick(page, "parrot")
    give(page, voice)
    page.get_by_label(CONSENT).check()
    note(page, "reference voice used by Stub parrot")
    page.locator(".sc-sound-setting:visible button[aria-label='Clear']").first.click()
    page.get_by_label(CONSENT).wait_for(state="detached")
    give(page, written(tmp_path / "other.wav", pitch=300))
    page.get_by_label(CONSENT).wait_for()
    assert not page.get_by_label(CONSENT).is_checked()


def test_a_file_that_is_no_sound_is_refused_in_the_tab_in_one_sentence(page, tmp_path):
    fake = tmp_path / "voice.wav"
    fake.write_text("only words")
    tick(page, "parrot")
    give(page, fake)
    page.get_by_label(CONSENT).check()
    refused = page.locator(".sc-run .sc-note[data-tone=bad]", has_text="Reference voice:")
    refused.get_by_text("is not a sound file that is read here").wait_for()
    with page.expect_response("**/queue/join*"):
        page.click("#run-tts")
    page.wait_for_load_state("networkidle")
    assert refused.is_visible()
    assert page.locator(".sc-board:visible [data-state]").count() == 0
    assert "Traceback" not in page.content()


def test_a_forged_press_of_prepare_fetches_nothing(page, monkeypatch):
    fetched = []
    monkeypatch.setattr(catalogue, "prepare", lambda spec: fetched.append(spec.id) or iter(()))
    asking = page.locator(".sc-engine", has_text="Stub asking")
    asking.get_by_text("Only for <b>friends</b>.").wait_for()
    asking.locator("button.sc-prepare").evaluate("button => button.click()")
    note(page, "Stub asking: Prepare it in the Models tab, which asks for your agreement first.")
    assert fetched == []


def test_the_voice_box_fits_a_phone(open_page, address, voice):
    page = open_page(address, **PHONE)
    page.wait_for_selector("#run-tts:visible")
    page.locator("button.label-wrap:visible", has_text="Settings").first.click()
    give(page, voice)
    page.get_by_label(CONSENT).wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert page.troubles == []


def test_reference_voices_and_text_references_do_not_meet():
    assert isinstance(build_request("tts", "Hi.", {"reference_text": "words"}), Synthesize)
    with pytest.raises(BadInput, match="must be a sound file"):
        build_request("tts", "Hi.", {"reference": "/etc/passwd"})
