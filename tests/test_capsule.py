"""Capsules: what goes in comes out, nothing private goes in, and no file of a stranger is believed."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import pytest
import soundfile
from browser import served

from comparisons import capsule as capsules
from comparisons import capsule_command, capsule_votes
from comparisons.__main__ import parser
from comparisons._capsule_reader import BadCapsule, open_capsule
from comparisons.blind import make_pooled_test, make_test
from comparisons.capsule import NoComparison, ballots, save
from comparisons.capsule_command import extract
from comparisons.columns import COLUMNS
from comparisons.kept_comparison import find_comparison, rows_of, sound_hashes
from comparisons.outcomes import outcome
from comparisons.report import write_report
from comparisons.store import Store
from comparisons.trials import cast, order_for
from comparisons.votes import Votes
from engine.audio import Audio
from ui.capsule import FIRST, build_capsule_tab, cards_from_rows, comparison_view, id_in, look, take_away
from ui.theme import THEME

ID, OTHER = "a1" * 16, "b2" * 16
PAYLOADS = (
    "<img src=x onerror=window.__pwn=1>",
    "</script><script>window.__pwn=1</script>",
    '"><svg onload=window.__pwn=1></svg>',
    "<details open ontoggle=window.__pwn=1><summary>x</summary></details>",
    "${window.__pwn=1}{{constructor.constructor('window.__pwn=1')()}}",
)


def tone(hertz: float, seconds: float = 0.5, rate: int = 16_000) -> Audio:
    return Audio(0.3 * np.sin(2 * np.pi * hertz * np.arange(round(rate * seconds)) / rate), rate)


def described(sha256: str, sound: Audio, name: str | None = "output") -> dict[str, Any]:
    known = {"sha256": sha256, "seconds": sound.seconds, "rate": sound.rate, "channels": sound.channels}
    return known if name is None else {**known, "name": name, "peak": round(sound.peak, 4), "loudness_lufs": -20.5}


def row(engine_id: str, **values: Any) -> dict[str, Any]:
    known = {
        "comparison_id": ID,
        "created_at": "2026-11-01T10:00:00.000+00:00",
        "task": "tts",
        "engine_id": engine_id,
        "engine_name": engine_id.title(),
        "where": "local",
        "status": "ok",
        "cached": False,
        "cold": False,
        "repeat": 1,
        "attempts": 1,
        "input_name": "Good morning.",
        "first_s": 0.2,
        "total_s": 0.5,
        "rtf": 0.1,
        "app_version": "0.1.0",
        "versions": json.dumps({"python": "3.11.7"}),
    }
    return dict.fromkeys(COLUMNS) | known | values


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "store", upkeep=False) as opened:
        voices = [("espeak/en", tone(220)), ("flite/slt", tone(330, seconds=0.7))]
        rows = [
            row(name, output_files=json.dumps([described(opened.put_blob(sound.to_wav()), sound)]), total_s=0.3 + place)
            for place, (name, sound) in enumerate(voices)
        ]
        failed = row("openai/tts", where="cloud", status="auth", error="The key was refused.", first_s=None, total_s=None)
        opened.add_all([*rows, failed, row("other/one", comparison_id=OTHER)], session="visitor-5f1c")
        yield opened


@pytest.fixture
def saved(store: Store, tmp_path: Path) -> Path:
    save(store, ID, tmp_path / "one.soundcheck")
    return tmp_path / "one.soundcheck"


def rebuilt(file: Path, change: Callable[[dict[str, bytes]], None]) -> Path:
    """The capsule with its entries changed; manifest and rows hashes are made to fit again."""
    with zipfile.ZipFile(file) as archive:
        entries = {entry.filename: archive.read(entry) for entry in archive.infolist()}
    change(entries)
    if "rows.jsonl" in entries and entries.get("manifest.json", b"").startswith(b"{"):
        manifest = json.loads(entries["manifest.json"])
        manifest["rows_sha256"] = hashlib.sha256(entries["rows.jsonl"]).hexdigest()
        entries["manifest.json"] = json.dumps(manifest).encode()
    hostile = file.with_name("hostile.soundcheck")
    with zipfile.ZipFile(hostile, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return hostile


def with_rows(file: Path, change: Callable[[list[dict[str, Any]]], None]) -> Path:
    def changed(entries: dict[str, bytes]) -> None:
        rows = [json.loads(line) for line in entries["rows.jsonl"].splitlines()]
        change(rows)
        entries["rows.jsonl"] = b"".join(json.dumps(each).encode() + b"\n" for each in rows)

    return rebuilt(file, changed)


def with_manifest(file: Path, **values: Any) -> Path:
    def changed(entries: dict[str, bytes]) -> None:
        entries["manifest.json"] = json.dumps(json.loads(entries["manifest.json"]) | values).encode()

    return rebuilt(file, changed)


def vote(
    store: Store, kind: str = "ab", listeners: int = 3, choose: Callable[..., Any] = lambda trial: "first", **made: Any
) -> str:
    """A test of the comparison, answered whole by so many listeners."""
    votes = Votes(store.folder)
    test_id = make_test(store, votes, ID, kind, **made)
    test = votes.test(test_id)
    for _ in range(listeners):
        listener = votes.listener(test_id, votes.join(test_id, lambda number: order_for(test, number)))
        for place, trial in enumerate(listener["trials"]):
            cast(votes, test, listener, place, choose(trial), [1.0] * (len(trial["sounds"]) + (trial["x"] is not None)), 1e3)
    return test_id


CHOICES: dict[str, Callable[..., Any]] = {
    "ab": lambda trial: "first",
    "abx": lambda trial: "second",
    "mushra": lambda trial: [10 * place for place in range(len(trial["sounds"]))],
    "acr": lambda trial: 4,
    "cmos": lambda trial: -2,
}

# ---------------------------------------------------------------- there and back


def test_a_capsule_gives_back_every_row_of_its_comparison_and_no_other(store, saved):
    with open_capsule(saved) as capsule:
        assert [each["engine_id"] for each in capsule.rows] == ["espeak/en", "flite/slt", "openai/tts"]
        kept = [{name: value for name, value in each.items() if name != "seq"} for each in rows_of(store, ID)]
        assert [dict(each) for each in capsule.rows] == kept


def test_the_sounds_come_back_sample_for_sample(store, saved):
    with open_capsule(saved) as capsule:
        for sha256 in sound_hashes(capsule.rows):
            given, rate = soundfile.read(capsule.sound_path(sha256), dtype="int16")
            first, _ = soundfile.read(io.BytesIO(store.read_blob(sha256)), dtype="int16")
            assert rate == 16_000
            assert np.array_equal(given, first)


def test_the_same_comparison_gives_the_same_bytes(store, tmp_path):
    for name in ("one", "two"):
        save(store, ID, tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


@pytest.mark.parametrize(("scale", "kind"), [(2**15, "flac"), (2**23, "flac"), (None, "wav")])
def test_a_float_input_is_packed_only_where_flac_holds_it_exactly(scale, kind):
    samples = np.random.default_rng(0).uniform(-0.9, 0.9, (2, 4_000)).astype(np.float32)
    samples = samples if scale is None else (np.rint(samples.astype(np.float64) * scale) / scale).astype(np.float32)
    data, found, peaks = capsules.packed(Audio(samples, 16_000).to_wav(floats=True))
    again, _ = soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)
    assert found == kind
    assert np.array_equal(again.T, samples)
    assert len(peaks) == capsules.PEAKS


def test_a_sample_at_full_scale_or_beyond_is_not_clipped_by_packing():
    for samples in ([[0.5, 1.0, -1.0]], [[0.25, 1.5, -2.0]]):
        data, _, _ = capsules.packed(Audio(np.array(samples, np.float32), 16_000).to_wav(floats=True))
        again, _ = soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)
        assert again.T.tolist() == samples


def test_the_input_travels_along_where_it_was_kept_and_is_said_to_be_missing_where_it_was_not(store, tmp_path):
    sound = tone(440)
    file = json.dumps(described(store.put_blob(sound.to_wav(floats=True)), sound, name=None))
    store.add(row("pocketsphinx/en-us", comparison_id="c3" * 16, task="asr", input_file=file, output_text="hello"))
    store.add(row("pocketsphinx/en-us", comparison_id="d4" * 16, task="asr", output_text="hello"))
    for comparison_id, missing in (("c3" * 16, []), ("d4" * 16, ["The input sound was not kept when this comparison was made."])):
        save(store, comparison_id, tmp_path / comparison_id)
        with open_capsule(tmp_path / comparison_id) as capsule:
            assert capsules.absences(capsule, capsule.rows) == missing
            assert len(sound_hashes(capsule.rows)) == 1 - len(missing)


def test_a_sound_that_is_gone_makes_a_capsule_that_says_so(store, tmp_path):
    gone = json.loads(rows_of(store, ID)[0]["output_files"])[0]["sha256"]
    store.blob_path(gone).unlink()
    save(store, ID, tmp_path / "one.soundcheck")
    with open_capsule(tmp_path / "one.soundcheck") as capsule:
        assert list(capsule.manifest["missing"]) == [gone]
        assert capsule.sound_path(gone) is None
        assert "missing here" in cards_from_rows(capsule.rows, capsule).cards[0].hint


@pytest.mark.parametrize("kind", CHOICES)
def test_finished_votes_travel_and_say_the_same_after_opening(store, tmp_path, kind):
    test_id = vote(store, kind, choose=CHOICES[kind])
    save(store, ID, tmp_path / "one")
    with open_capsule(tmp_path / "one") as capsule:
        (ballot,) = ballots(capsule, ID, capsule.rows)
    votes = Votes(store.folder)
    here = outcome(votes, votes.test(test_id))
    assert ballot.kind == kind
    assert (ballot.outcome.votes, ballot.outcome.listeners) == (here.votes, 3)
    assert [(line.name, line.estimate.n) for line in ballot.outcome.lines] == [
        (line.name, line.estimate.n) for line in here.lines
    ]
    for line, other in zip(ballot.outcome.lines, here.lines, strict=True):
        assert line.estimate.value == pytest.approx(other.estimate.value)
        assert line.note == other.note
    assert ballot.outcome.verdict == here.verdict


def test_a_listener_who_has_not_finished_is_not_counted(store, tmp_path):
    test_id = vote(store, "acr", choose=CHOICES["acr"])
    votes = Votes(store.folder)
    test = votes.test(test_id)
    token = votes.join(test_id, lambda number: order_for(test, number))
    cast(votes, test, votes.listener(test_id, token), 0, 1, [1.0], 1e3)
    (ballot,) = ballots(store, ID, rows_of(store, ID))
    assert (ballot.outcome.listeners, ballot.outcome.votes) == (3, 6)
    assert outcome(votes, test).votes == 7


def test_nothing_of_a_listener_is_in_a_capsule_but_a_number_that_is_not_the_order_of_coming(store, tmp_path):
    test_id = vote(store, listeners=9)
    votes = Votes(store.folder)
    save(store, ID, tmp_path / "one")
    with zipfile.ZipFile(tmp_path / "one") as archive:
        told = b"".join(archive.read(name) for name in ("votes.jsonl", "manifest.json", "rows.jsonl"))
        (document,) = (json.loads(line) for line in archive.read("votes.jsonl").splitlines())
    tokens = [listener["token"] for listener in votes.listeners(test_id)]
    times = [each["created_at"] for each in votes.votes(test_id)]
    assert not any(secret.encode() in told for secret in (test_id, *tokens, *times))
    assert sorted(vote[0] for vote in document["votes"]) == list(range(1, 10))
    names = capsule_votes._pseudonyms(votes, votes.test(test_id), ID, set(range(1, 10)))
    other = capsule_votes._pseudonyms(votes, votes.test(test_id), OTHER, set(range(1, 10)))
    assert names != other
    assert "seed" not in document


def test_of_a_test_over_several_comparisons_a_capsule_has_the_votes_on_its_own_alone(store, tmp_path):
    for name in ("espeak/en", "flite/slt"):
        sound = tone(500)
        file = json.dumps([described(store.put_blob(sound.to_wav()), sound)])
        store.add(row(name, comparison_id="c3" * 16, output_files=file))
    votes = Votes(store.folder)
    test_id = make_pooled_test(store, votes, [ID, "c3" * 16], "ab")
    test = votes.test(test_id)
    for _ in range(4):
        listener = votes.listener(test_id, votes.join(test_id, lambda number: order_for(test, number)))
        for place in range(len(listener["trials"])):
            cast(votes, test, listener, place, "tie", [1.0, 1.0], 1e3)
    (ballot,) = ballots(store, ID, rows_of(store, ID))
    assert (outcome(votes, test).votes, ballot.outcome.votes, ballot.inputs) == (8, 4, 2)


def test_the_newest_tests_travel_and_those_without_room_are_counted(store, tmp_path, monkeypatch):
    monkeypatch.setattr(capsule_votes, "MOST_TESTS", 2)
    for kind in ("ab", "abx", "acr"):
        vote(store, kind, 1, CHOICES[kind])
    save(store, ID, tmp_path / "one")
    with open_capsule(tmp_path / "one") as capsule:
        assert [ballot.kind for ballot in ballots(capsule, ID, capsule.rows)] == ["acr", "abx"]
        assert "1 older blind test found no room in the capsule." in capsules.absences(capsule, capsule.rows)


def test_without_votes_a_capsule_is_as_it_was_before_there_were_any(store, saved):
    with zipfile.ZipFile(saved) as archive:
        assert json.loads(archive.read("manifest.json"))["version"] == 1
        assert "votes.jsonl" not in archive.namelist()
    assert not (store.folder / "votes.db").exists()


def test_the_page_and_the_report_show_votes_with_interval_and_n(store, tmp_path):
    vote(store)
    save(store, ID, tmp_path / "one.soundcheck")
    write_report(store, ID, tmp_path / "here.html")
    with open_capsule(tmp_path / "one.soundcheck") as capsule:
        write_report(capsule, ID, tmp_path / "there.html")
    assert (tmp_path / "here.html").read_bytes() == (tmp_path / "there.html").read_bytes()
    text = (tmp_path / "here.html").read_text()
    assert "Not enough votes to rank: 3 of 20 per engine." in text
    assert text.count("n 3</span>") == 2
    sheet = look(store, ("file", str(tmp_path / "one.soundcheck"))).sheet
    assert [(line.name, line.n) for line in sheet.tests[0].lines] == [("Espeak/En", 3), ("Flite/Slt", 3)]


def test_keys_sessions_and_paths_of_this_machine_stay_behind(store, tmp_path, monkeypatch):
    monkeypatch.setenv("ACME_API_KEY", "acme-7c31f0aa9b")
    store.add(
        row(
            "acme/one",
            comparison_id="e5" * 16,
            output_text="it said acme-7c31f0aa9b aloud, and/or not",
            request_sent=json.dumps(
                {"authorization": "Bearer abcdef0123456789", "endpoint": "/v1/audio", "file": "/home/ann/a.wav"}
            ),
            error=f"could not read {tmp_path}/secret/voice.bin: acme-7c31f0aa9b",
            attempt_log=json.dumps([{"message": "C:\\Users\\Ann\\key.txt"}]),
        ),
        session="visitor-5f1c",
    )
    save(store, "e5" * 16, tmp_path / "one.soundcheck")
    with zipfile.ZipFile(tmp_path / "one.soundcheck") as archive:
        held = b"".join(archive.read(name) for name in archive.namelist()).decode()
    for private in ("acme-7c31", "visitor-5f1c", "abcdef0123", "/home/ann", str(tmp_path), "Users"):
        assert private not in held
    assert "/v1/audio" in held
    assert "and/or not" in held


def test_the_start_of_an_id_is_enough_when_no_other_begins_so(store):
    assert find_comparison(store, "a1a") == ID
    store.add(row("x/y", comparison_id="a1" + "f" * 30))
    for start in ("a1", "", "zz"):
        with pytest.raises(NoComparison):
            find_comparison(store, start)


def test_the_command_line_saves_opens_extracts_and_reports(store, saved, tmp_path, monkeypatch, capsys):
    store.close()
    monkeypatch.setenv("SOUNDCHECK_HOME", str(tmp_path / "store"))
    top = parser()
    commands = next(action for action in top._actions if action.dest == "command")
    if "capsule" not in commands.choices:
        capsule_command.add_parser(commands)

    def run(*words: str) -> int:
        return capsule_command.run(top.parse_args(["capsule", *words]))

    assert run("save", "a1", str(tmp_path / "two.soundcheck")) == 0
    assert (tmp_path / "two.soundcheck").read_bytes() == saved.read_bytes()
    assert run("open", str(saved), "--extract", str(tmp_path / "out")) == 0
    assert "espeak/en" in capsys.readouterr().out
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["01-espeak-en-1.flac", "02-flite-slt-1.flac", "rows.csv"]
    assert len(list(csv.DictReader((tmp_path / "out" / "rows.csv").open(encoding="utf-8-sig")))) == 3
    assert run("report", str(saved), str(tmp_path / "one.html")) == 0
    assert "<h1" in (tmp_path / "one.html").read_text("utf-8")
    with pytest.raises(capsules.BadInput, match="File exists"):
        run("open", str(saved), "--extract", str(tmp_path / "out"))


def test_the_command_line_prints_what_listeners_said(store, tmp_path, monkeypatch, capsys):
    vote(store, listeners=5)
    store.close()
    monkeypatch.setenv("SOUNDCHECK_HOME", str(tmp_path / "store"))
    top = parser()
    for words in (["save", "a1", str(tmp_path / "two.soundcheck")], ["open", str(tmp_path / "two.soundcheck")]):
        assert capsule_command.run(top.parse_args(["capsule", *words])) == 0
    said = capsys.readouterr().out
    assert "A/B preference · 5 votes · 5 listeners" in said
    assert "Not enough votes to rank: 5 of 20 per engine." in said
    assert "Espeak/En: " in said
    assert said.count("n 5)") == 2


# ---------------------------------------------------------------- a run over a dataset

RUN = "20261101T100000Z-0123456789abcdef"


def add_dataset_run(store: Store) -> None:
    """Two inputs on two engines; one answer failed and was given on a second try, in another comparison."""
    rows = []
    for place, item in enumerate(("one", "two")):
        sound = tone(200 + 50 * place, seconds=2 + 5 * place)
        file = json.dumps(described(store.put_blob(sound.to_wav()), sound, name=None))
        for engine_id in ("pocketsphinx/en-us", "whisper/tiny"):
            said = {"task": "asr", "comparison_id": ("c3" if place else "d4") * 16, "batch_id": RUN, "item": item}
            said |= {"input_name": f"{item}.wav", "input_file": file, "input_audio_seconds": sound.seconds, "cost_usd": 0.002}
            said |= {"reference": "one two three", "output_text": "one too three", "wer": 1 / 3, "cost_evidence": "machine price"}
            rows.append(row(engine_id, **said, slices=json.dumps({"speaker": item})))
    again = rows[-1] | {"comparison_id": "e5" * 16}
    store.add_all([*rows[:-1], rows[-1] | {"status": "timeout", "error": "Too late.", "total_s": None, "wer": None}, again])


@pytest.fixture
def run_file(store: Store, tmp_path: Path) -> Path:
    add_dataset_run(store)
    save(store, RUN, tmp_path / "run.soundcheck")
    return tmp_path / "run.soundcheck"


def test_a_dataset_run_is_one_capsule_with_the_answer_that_counts_of_every_input_and_engine(store, run_file):
    with open_capsule(run_file) as capsule:
        assert (capsule.comparison_id, capsule.task) == (RUN, "asr")
        assert [(each["item"], each["engine_id"], each["status"]) for each in capsule.rows] == [
            ("one", "pocketsphinx/en-us", "ok"), ("one", "whisper/tiny", "ok"),
            ("two", "pocketsphinx/en-us", "ok"), ("two", "whisper/tiny", "ok"),
        ]  # fmt: skip
        assert all(capsule.sound_path(sha256) for sha256 in sound_hashes(capsule.rows))


def test_a_dataset_run_shows_its_figures_and_one_input_at_a_time(store, run_file):
    for opened in (("file", str(run_file)), ("id", RUN)):
        view = look(store, opened)
        assert view.item == "one" and view.sheet.title == "Speech to text: one.wav" and view.sheet.link == RUN
        assert [label for label, _ in view.inputs][1] == "two.wav · WER · Pocketsphinx/En-Us 33.3 % · Whisper/Tiny 33.3 %"
        assert [table.title for table in view.figures.tables] == ["Engines", "Pairs by WER", "By speaker", "By duration"]
        view = look(store, opened, "two")
        assert view.sheet.title == "Speech to text: two.wav" and len(view.board.cards) == 2


def test_the_report_of_a_dataset_run_is_the_same_from_both_sources_and_marks_words_and_months(store, run_file, tmp_path):
    write_report(store, RUN, tmp_path / "here.html")
    with open_capsule(run_file) as capsule:
        write_report(capsule, RUN, tmp_path / "there.html")
    text = (tmp_path / "here.html").read_text()
    assert text == (tmp_path / "there.html").read_text()
    assert text.count('<mark title="reference: two">too</mark>') == 4
    assert "By speaker" in text and "By duration" in text
    assert "<td dir=auto>$160.00</td>" in text  # 0.004 $ for 9 s are 1.60 $ an hour, 160 $ for 100 hours
    assert "<script" not in text


def test_votes_on_several_inputs_of_a_dataset_run_travel_together(store, tmp_path):
    for place, comparison_id in enumerate(("c3" * 16, "d4" * 16)):
        sounds = [tone(220 + 40 * place + 10 * turn) for turn in range(2)]
        store.add_all(
            row(name, comparison_id=comparison_id, batch_id=RUN, item=str(place), input_name=f"text {place}",
                output_files=json.dumps([described(store.put_blob(sound.to_wav()), sound)]))
            for name, sound in zip(("espeak/en", "flite/slt"), sounds, strict=True)
        )  # fmt: skip
    votes = Votes(store.folder)
    test_id = make_pooled_test(store, votes, [], "ab", batch_id=RUN)
    test = votes.test(test_id)
    listener = votes.listener(test_id, votes.join(test_id, lambda number: order_for(test, number)))
    for place, trial in enumerate(listener["trials"]):
        cast(votes, test, listener, place, "first", [1.0] * len(trial["sounds"]), 1e3)
    save(store, RUN, tmp_path / "run.soundcheck")
    with open_capsule(tmp_path / "run.soundcheck") as capsule:
        (ballot,) = ballots(capsule, RUN, capsule.rows)
        assert (ballot.outcome.votes, ballot.outcome.listeners) == (2, 1)


def test_a_row_of_another_run_in_a_capsule_of_a_run_is_refused(run_file):
    with pytest.raises(BadCapsule, match="does not belong"):
        open_capsule(with_rows(run_file, lambda rows: rows[0].update(batch_id=RUN[:-1] + "0")))
    with pytest.raises(BadCapsule, match="same input, engine"):
        open_capsule(with_rows(run_file, lambda rows: rows[1].update(engine_id=rows[0]["engine_id"])))


def test_last_is_the_newest_comparison_and_a_part_that_several_begin_with_is_refused_in_one_sentence(store):
    assert find_comparison(store, "last") == OTHER
    add_dataset_run(store)
    assert find_comparison(store, "last") == RUN == find_comparison(store, "2026")
    with pytest.raises(NoComparison, match="no comparison begins with 'ff'"):
        find_comparison(store, "ff")


# ---------------------------------------------------------------- files of strangers


def put(name: str, data: bytes) -> Callable[[dict[str, bytes]], None]:
    return lambda entries: entries.__setitem__(name, data)


@pytest.mark.parametrize(
    "change",
    [
        put("../../outside.wav", b"RIFF"),
        put("/etc/passwd", b"x"),
        put("blobs/short.wav", b"RIFF"),
        put("blobs/" + "0" * 64 + ".exe", b"MZ"),
        put("rows.jsonl", b""),
        put("rows.jsonl", b"[" * 100_000),
        put("rows.jsonl", b'{"total_s": NaN}\n'),
        put("manifest.json", b"[]"),
        put("manifest.json", b"\xff\xfe"),
        lambda entries: entries.pop("manifest.json"),
        lambda entries: entries.pop("rows.jsonl"),
        lambda entries: entries.pop(next(name for name in entries if name.startswith("blobs/"))),
        lambda entries: entries.update({name: data[:-1] + b"x" for name, data in entries.items() if name.startswith("blobs/")}),
    ],
)
def test_a_capsule_with_an_entry_that_does_not_belong_is_refused(saved, change):
    with pytest.raises(BadCapsule):
        open_capsule(rebuilt(saved, change))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("engine_id", 7),
        ("total_s", "fast"),
        ("total_s", True),
        ("total_s", 1e300),
        ("total_s", 10**400),
        ("total_s", None),
        ("where", "javascript:alert(1)"),
        ("status", "splendid"),
        ("task", "asr"),
        ("comparison_id", OTHER),
        ("rating", 9),
        ("session", "x"),
        ("__proto__", "x"),
        ("versions", "{"),
        ("output_files", '{"name": 1}'),
        ("output_files", '[{"name": "output", "sha256": "../../../etc/passwd", "seconds": 1, "rate": 1, "channels": 1}]'),
        ("output_files", json.dumps([described("0" * 64, tone(1))] * 2)),
        ("output_tags", '[{"label": ["x"], "score": 1}]'),
        ("output_tags", '[{"label": "x", "score": 1e999}]'),
        ("input_file", '{"sha256": "0", "seconds": 1, "rate": 1, "channels": 1}'),
        ("output_words", '[{"text": "x", "extra": 1}]'),
    ],
)
def test_a_row_with_a_value_that_no_run_has_is_refused(saved, name, value):
    with pytest.raises(BadCapsule):
        open_capsule(with_rows(saved, lambda rows: rows[0].__setitem__(name, value)))


def test_two_rows_of_one_engine_and_repeat_are_refused(saved):
    with pytest.raises(BadCapsule, match="same input, engine"):
        open_capsule(with_rows(saved, lambda rows: rows.append(rows[0])))


@pytest.mark.parametrize(
    "values",
    [
        {"version": 99},
        {"comparison_id": "../up"},
        {"task": "mining"},
        {"sounds": {"0" * 64: {"file": "../../x.wav", "peaks": []}}},
        {"sounds": {"0" * 64: {"file": "1" * 64 + ".wav", "peaks": [math.pi]}}},
        {"missing": {"x": "y"}},
        {"app_version": {"a": 1}},
    ],
)
def test_a_manifest_that_is_not_as_it_should_be_is_refused(saved, values):
    with pytest.raises(BadCapsule):
        open_capsule(with_manifest(saved, **values))


@pytest.mark.parametrize(
    "change",
    [
        lambda test: test.update(kind="xyz"),
        lambda test: test.update(kind=["ab"]),
        lambda test: test.update(made_at="<b>now</b>"),
        lambda test: test.update(share=0.42),
        lambda test: test.update(share=True),
        lambda test: test.update(inputs=0),
        lambda test: test.update(token="x"),
        lambda test: test.pop("inputs"),
        lambda test: test.update(votes=[]),
        lambda test: test.update(votes={"a": 1}),
        lambda test: test.update(sounds=[]),
        lambda test: test["sounds"][0].update(engine_id="nobody/here"),
        lambda test: test["sounds"][0].update(group="vocals"),
        lambda test: test["sounds"][0].update(role="reference", engine_id=""),
        lambda test: test["sounds"][0].update(cut=1),
        lambda test: test["sounds"].append(dict(test["sounds"][0])),
        lambda test: test["votes"].append([0, [0, 1], None, "first"]),
        lambda test: test["votes"].append([True, [0, 1], None, "first"]),
        lambda test: test["votes"].append([10**9, [0, 1], None, "first"]),
        lambda test: test["votes"].append([1, [0, 0], None, "first"]),
        lambda test: test["votes"].append([1, [0, 9], None, "first"]),
        lambda test: test["votes"].append([1, [-1, 0], None, "first"]),
        lambda test: test["votes"].append([1, [0], None, "first"]),
        lambda test: test["votes"].append([1, [0, 1], 0, "first"]),
        lambda test: test["votes"].append([1, [0, 1], None, "A"]),
        lambda test: test["votes"].append([1, [0, 1], None, ["first"]]),
        lambda test: test["votes"].append([1, [0, 1], None]),
        lambda test: test["votes"].extend([[1, [0, 1], None, "first"]] * 61),
    ],
)
def test_a_vote_that_nobody_can_have_given_is_refused(store, tmp_path, change):
    vote(store)
    save(store, ID, tmp_path / "one")

    def changed(entries: dict[str, bytes]) -> None:
        (test,) = (json.loads(line) for line in entries["votes.jsonl"].splitlines())
        change(test)
        entries["votes.jsonl"] = json.dumps(test).encode()
        manifest = json.loads(entries["manifest.json"])
        manifest["votes_sha256"] = hashlib.sha256(entries["votes.jsonl"]).hexdigest()
        entries["manifest.json"] = json.dumps(manifest).encode()

    with pytest.raises(BadCapsule, match="the capsule holds a "):
        open_capsule(rebuilt(tmp_path / "one", changed))


@pytest.mark.parametrize(
    "change",
    [
        lambda entries: entries.update({"votes.jsonl": b""}),
        lambda entries: entries.update({"votes.jsonl": entries["votes.jsonl"].replace(b"first", b"other")}),
        lambda entries: entries.pop("votes.jsonl"),
    ],
)
def test_votes_that_do_not_match_their_hash_are_refused(store, tmp_path, change):
    vote(store)
    save(store, ID, tmp_path / "one")
    with pytest.raises(BadCapsule, match="votes"):
        open_capsule(rebuilt(tmp_path / "one", change))


def test_votes_in_a_capsule_of_the_version_without_them_are_refused(store, saved):
    with pytest.raises(BadCapsule, match="not those that its manifest lists"):
        open_capsule(rebuilt(saved, lambda entries: entries.update({"votes.jsonl": b"{}"})))


def test_a_sound_that_is_none_is_refused(saved):
    page = b"<html><script>alert(1)</script></html>"
    named = hashlib.sha256(page).hexdigest()

    def changed(entries: dict[str, bytes]) -> None:
        manifest = json.loads(entries["manifest.json"])
        first = next(iter(manifest["sounds"].values()))
        del entries[f"blobs/{first['file']}"]
        first["file"] = f"{named}.wav"
        entries |= {f"blobs/{named}.wav": page, "manifest.json": json.dumps(manifest).encode()}

    with pytest.raises(BadCapsule, match="not a sound"):
        open_capsule(rebuilt(saved, changed))


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path):
    bomb = tmp_path / "bomb.soundcheck"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        with archive.open("rows.jsonl", "w") as member:
            for _ in range(32):
                member.write(bytes(2**20))
        archive.writestr("manifest.json", "{}")
    with pytest.raises(BadCapsule, match="far more"):
        open_capsule(bomb)


def test_a_zip_with_very_many_entries_is_refused_before_they_are_read(tmp_path):
    many = tmp_path / "many.soundcheck"
    with zipfile.ZipFile(many, "w") as archive:
        for number in range(1_500):
            archive.writestr(f"{number:064x}", "")
    with pytest.raises(BadCapsule, match="more entries"):
        open_capsule(many)


@pytest.mark.parametrize("data", [b"", b"PK", b"not a zip at all" * 100, b"PK\x05\x06" + bytes(18), b"\0" * 5_000])
def test_a_file_that_is_no_zip_gets_one_sentence(tmp_path, data):
    (tmp_path / "x.soundcheck").write_bytes(data)
    with pytest.raises(BadCapsule, match="capsule"):
        open_capsule(tmp_path / "x.soundcheck")


def test_a_capsule_cut_or_flipped_anywhere_never_opens_as_something_else(saved):
    data, chance = saved.read_bytes(), np.random.default_rng(7)
    with open_capsule(saved) as capsule:
        right = json.dumps(capsule.rows)
    damaged = saved.with_name("damaged.soundcheck")
    places = np.concatenate([chance.integers(0, len(data), 120), np.arange(len(data) - 400, len(data), 3)])
    for place in places:
        flipped = bytearray(data)
        flipped[place] ^= 1 << int(chance.integers(8))
        for changed in (bytes(flipped), data[:place]):
            damaged.write_bytes(changed)
            try:
                with open_capsule(damaged) as capsule:
                    assert json.dumps(capsule.rows) == right
            except BadCapsule as error:
                assert "\n" not in str(error)


def test_a_refused_capsule_leaves_nothing_behind(saved, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "scratch"))
    (tmp_path / "scratch").mkdir()
    with pytest.raises(BadCapsule):
        open_capsule(with_rows(saved, lambda rows: rows[0].__setitem__("total_s", "x")))
    with open_capsule(saved) as capsule:
        assert list((tmp_path / "scratch").iterdir()) == [Path(capsule.folder.name)]
    assert list((tmp_path / "scratch").iterdir()) == []


def test_names_in_a_capsule_never_become_paths(saved, tmp_path):
    def changed(rows: list[dict[str, Any]]) -> None:
        rows[0]["engine_id"] = "../../../../etc/cron.d/x\0"
        files = json.loads(rows[1]["output_files"])
        files[0]["name"] = "..\\..\\up/\n<b>"
        rows[1]["output_files"] = json.dumps(files)

    with open_capsule(with_rows(saved, changed)) as capsule:
        extract(capsule, tmp_path / "out" / "deep")
    assert {path.parent for path in (tmp_path / "out").rglob("*") if path.is_file()} == {tmp_path / "out" / "deep"}


# ---------------------------------------------------------------- the tab


def test_kept_rows_make_the_same_cards_from_the_history_and_from_a_capsule(store, saved):
    kept = comparison_view(store, ID)
    with open_capsule(saved) as capsule:
        opened = cards_from_rows(capsule.rows, capsule)
    assert [card.name for card in kept.cards] == ["Espeak/En", "Flite/Slt", "Openai/Tts"]
    assert [card.state for card in kept.cards] == ["ok", "ok", "error"]
    assert kept.cards[2].error == "The key was refused."
    assert kept.cards[0].sounds[0].gain_db == kept.cards[1].sounds[0].gain_db == pytest.approx(4.5)
    for one, two in zip(kept.cards, opened.cards, strict=True):
        assert one.model_dump(exclude={"sounds"}) == two.model_dump(exclude={"sounds"})
        assert [sound.peaks for sound in one.sounds] == [pytest.approx(sound.peaks, abs=0.002) for sound in two.sounds]
        assert all(Path(sound.file.path).is_file() for sound in (*one.sounds, *two.sounds))


@pytest.mark.parametrize("text", ["", None, "a1a1", "A1" * 16, "' OR 1=1 --", "%" * 32])
def test_a_part_of_an_id_opens_nothing(text):
    with pytest.raises(NoComparison):
        id_in(text)


def test_an_id_is_found_in_a_link(store):
    assert id_in(f" http://127.0.0.1:7860/?comparison={ID}&x=1 ") == ID
    with pytest.raises(NoComparison):
        comparison_view(store, "0" * 32)


@pytest.mark.parametrize("kind", ["csv", "capsule", "html"])
def test_whatever_is_on_view_can_be_taken_away(store, saved, kind):
    from_history, from_file = (take_away(store, opened, kind) for opened in (("id", ID), ("file", str(saved))))
    assert from_history.name == from_file.name
    assert from_history.parent != from_file.parent
    assert from_history.read_bytes() == from_file.read_bytes()


def test_the_bundled_comparison_is_small_whole_and_says_what_it_was_made_with(store):
    assert FIRST.stat().st_size < 600_000
    view = look(store, ("sample", ""))
    sheet, board, chart = view.sheet, view.board, view.chart
    assert len(board.cards) >= 3
    assert all(card.state == "ok" and card.sounds for card in board.cards)
    assert sheet.link == ""
    assert sheet.notes == []
    assert len(sheet.provenance) == len(board.cards)
    assert len(chart.series) == len(board.cards)


def comparison_page(open_page, address, **size):
    """The tab with the bundled comparison in it."""
    page = open_page(address, idle=False, **size)
    page.get_by_role("tab", name="Comparison").click()
    page.get_by_role("heading", name="The old ferry").wait_for()
    return page


@pytest.fixture
def address(store: Store) -> Iterator[str]:
    with gr.Blocks(analytics_enabled=False) as demo:
        with gr.Tabs() as tabs:
            with gr.Tab("First", id="first"):
                gr.Markdown("first")
            with gr.Tab("Comparison", id="comparison") as tab:
                arrival = build_capsule_tab(tab, lambda: store)
        arrival(demo, tabs)
    with served(demo, theme=THEME) as address:
        yield address


def test_a_person_opens_a_capsule_and_hears_it(open_page, address, saved):
    page = comparison_page(open_page, address)
    page.locator("#capsule-file input[type=file]").set_input_files(str(saved))
    page.get_by_role("heading", name="Text to speech: Good morning.").wait_for()
    assert page.locator(".sc-board article").count() == 3
    assert page.locator(".sc-board audio").count() == 2
    page.get_by_role("button", name="Play sound of Espeak/En").click()
    page.wait_for_function("[...document.querySelectorAll('.sc-board audio')].some((audio) => audio.currentTime > 0.2)")
    assert page.locator(".sc-sheet-bottom tbody tr").count() == 3
    assert page.get_by_label("Link to this comparison").input_value().endswith(f"?comparison={ID}")
    with page.expect_download() as download:
        page.click("#take-capsule")
    assert Path(download.value.path()).read_bytes() == saved.read_bytes()
    assert (page.troubles, page.outside) == ([], [])


def test_a_link_opens_its_comparison_on_a_phone_and_a_bad_one_says_so(open_page, address):
    page = open_page(address, width=390, height=844, idle=False)
    page.goto(f"{address}?comparison={ID}")
    page.get_by_role("heading", name="Text to speech: Good morning.").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.goto(f"{address}?comparison={'0' * 32}")
    page.get_by_text("is kept here").wait_for()
    assert page.troubles == []


def test_nothing_in_a_hostile_capsule_runs(open_page, address, saved):
    def changed(rows: list[dict[str, Any]]) -> None:
        texts = ("engine_name", "input_name", "error", "output_text", "device", "reference", "price_rule", "model", "app_version")
        for place, each in enumerate(rows):
            bad = PAYLOADS[place % len(PAYLOADS)]
            each.update(dict.fromkeys(texts, bad) | {"engine_id": f"{bad}/{place}", "versions": json.dumps({bad: bad})})
        files = json.loads(rows[1]["output_files"])
        files[0]["name"] = PAYLOADS[3]
        rows[1] |= {"output_files": json.dumps(files), "output_tags": json.dumps([{"label": PAYLOADS[4], "score": 0.5}])}

    page = comparison_page(open_page, address)
    page.locator("#capsule-file input[type=file]").set_input_files(str(with_rows(saved, changed)))
    page.get_by_role("heading", name="Text to speech: <img").wait_for()
    page.get_by_text("Models, versions and prices").click()
    page.wait_for_timeout(300)
    assert page.evaluate("window.__pwn") is None
    assert page.locator(".sc-sheet :is(script, img, details[ontoggle])").count() == 0
    with page.expect_download() as download:
        page.click("#take-html")
    report = Path(download.value.path()).rename(saved.with_name("report.html"))
    page.goto(report.as_uri())
    page.wait_for_timeout(300)
    assert page.locator("h1").inner_text() == f"Text to speech: {PAYLOADS[0]}"
    assert page.evaluate("window.__pwn") is None
    assert page.troubles == []


def test_a_file_that_is_no_capsule_leaves_what_was_open(open_page, address, tmp_path):
    (tmp_path / "fake.soundcheck").write_bytes(b"these are only words")
    page = comparison_page(open_page, address)
    page.locator("#capsule-file input[type=file]").set_input_files(str(tmp_path / "fake.soundcheck"))
    page.get_by_text("this file is not a capsule").wait_for()
    assert page.get_by_role("heading", name="The old ferry").is_visible()


def test_a_copy_elsewhere_that_is_not_kept_up_is_said_to_whoever_opens_the_page(open_page, address, store):
    store.copy_notice = "Comparisons are not being kept in the dataset 'ann/one': it is public."
    page = open_page(address, idle=False)
    page.locator(".toast-body", has_text=store.copy_notice).wait_for()
