"""Datasets: what a folder, a zip, a manifest and a list of texts become, and what a hostile one cannot do."""

import csv
import json
import os
import shutil
import stat
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from comparisons.datasets import DatasetLimits, open_dataset, read_item
from engine.audio import Audio
from engine.contract import BadInput


def sound(path, hertz=440.0):
    path.parent.mkdir(parents=True, exist_ok=True)
    wave = 0.3 * np.sin(2 * np.pi * hertz * np.arange(1_600) / 16_000)
    path.write_bytes(Audio(wave.astype(np.float32), 16_000).to_wav())
    return path


def manifest(folder, rows, name="m.csv"):
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / name).open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    return folder / name


def zipped(path, names, content=b"x", **flags):
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            entry = zipfile.ZipInfo(name)
            entry.external_attr = flags.get("mode", 0) << 16
            archive.writestr(entry, content)
    return path


def refusal(source, task="asr", limits=None):
    with pytest.raises(BadInput) as caught:
        open_dataset(source, task, limits)
    sentence = str(caught.value)
    assert "\n" not in sentence
    return sentence


def test_a_folder_gives_each_sound_with_the_text_beside_it(tmp_path):
    sound(tmp_path / "b.wav")
    sound(tmp_path / "deep/a.wav")
    (tmp_path / "b.txt").write_text("what was said\n", "utf-8")
    sound(tmp_path / ".hidden/c.wav")
    dataset = open_dataset(tmp_path, "asr")
    assert [item.name for item in dataset.items] == ["b.wav", "deep/a.wav"]
    first, second = dataset.items
    assert read_item(first, "asr", {"language": "en"}).reference.text == "what was said"
    assert read_item(first, "asr", {"language": "en"}).request.language == "en"
    assert read_item(second, "asr", {}).reference.text is None
    assert (second.slices, dataset.columns) == ({"folder": "deep"}, ("folder",))


def test_a_separation_folder_holds_mixes_and_their_stems_and_never_takes_a_stem_for_a_mix(tmp_path):
    for name in ("song.wav", "song/drums.wav", "song/vocals.wav"):
        sound(tmp_path / name)
    (item,) = open_dataset(tmp_path, "separation").items
    assert set(read_item(item, "separation", {}).reference.stems) == {"drums", "vocals"}


def test_a_manifest_keeps_references_settings_and_further_columns(tmp_path):
    sound(tmp_path / "a.wav")
    path = manifest(tmp_path, [["Audio", "reference", "language", "accent"], ["a.wav", "hello, all", "en", "Irish"]])
    dataset = open_dataset(path, "asr")
    (item,) = dataset.items
    asked = read_item(item, "asr", {"language": "de"})
    assert (asked.reference.text, asked.request.language) == ("hello, all", "en")
    assert item.slices == {"language": "en", "accent": "Irish"}
    assert dataset.columns == ("language", "accent")


def test_json_lines_and_semicolons_and_tabs_are_read_too(tmp_path):
    sound(tmp_path / "a.wav")
    (tmp_path / "m.jsonl").write_text('{"audio": "a.wav", "text": "x", "age": 7}\nnot json\n[1]\n\n', "utf-8")
    good, broken, odd = open_dataset(tmp_path / "m.jsonl", "asr").items
    assert (good.reference, good.slices) == ("x", {"age": "7"})
    assert "line 2 is not JSON" in broken.error
    assert "line 3" in odd.error
    (tmp_path / "s.csv").write_text("\ufeffaudio;reference\na.wav;one, two\n", "utf-8")
    assert open_dataset(tmp_path / "s.csv", "asr").items[0].reference == "one, two"
    (tmp_path / "t.tsv").write_text("audio\treference\na.wav\tone\n", "utf-8")
    assert open_dataset(tmp_path / "t.tsv", "asr").items[0].reference == "one"


def test_texts_come_from_lines_from_files_and_from_a_manifest(tmp_path):
    (tmp_path / "lines.txt").write_text("One.\n\nTwo.\n", "utf-8")
    assert [item.text for item in open_dataset(tmp_path / "lines.txt", "tts").items] == ["One.", "Two."]
    assert [item.text for item in open_dataset(tmp_path, "tts").items] == ["One.\n\nTwo.\n"]
    path = manifest(tmp_path / "m", [["text", "speed", "mood"], ["Hi.", "1.5", "glad"], ["", "", "sad"]])
    good, empty = open_dataset(path, "tts").items
    assert read_item(good, "tts", {}).request.speed == 1.5
    with pytest.raises(BadInput, match="line 3 has no column 'text'"):
        read_item(empty, "tts", {})


@pytest.mark.parametrize("written", [
    "../outside.wav", "/etc/passwd", "link.wav", "folder/../../outside.wav", "http://example.com/a.wav",
    "file:///etc/passwd", "a\0b",
])  # fmt: skip
def test_a_manifest_cannot_name_what_lies_outside_its_folder(tmp_path, written):
    sound(tmp_path / "outside.wav")
    folder = tmp_path / "dataset"
    folder.mkdir()
    (folder / "link.wav").symlink_to(tmp_path / "outside.wav")
    (folder / "m.jsonl").write_text(json.dumps({"audio": written}), "utf-8")
    (item,) = open_dataset(folder / "m.jsonl", "asr").items
    with pytest.raises(BadInput):
        read_item(item, "asr", {})
    assert item.path is None


def test_a_reference_is_taken_as_text_and_never_as_a_file_to_read(tmp_path):
    sound(tmp_path / "a.wav")
    secret = tmp_path / "secret.txt"
    secret.write_text("key", "utf-8")
    path = manifest(
        tmp_path / "d", [["audio", "reference", "reference_file"], ["../a.wav", str(secret), ""], ["b.wav", "", "../secret.txt"]]
    )
    sound(tmp_path / "d/b.wav")
    outside, linked = open_dataset(path, "asr").items
    assert "leads out" in outside.error
    assert "leads out" in linked.error
    (only,) = open_dataset(manifest(tmp_path, [["audio", "reference"], ["a.wav", str(secret)]]), "asr").items
    assert read_item(only, "asr", {}).reference.text == str(secret)


def test_a_bad_line_is_an_item_with_an_error_and_the_others_stand(tmp_path):
    sound(tmp_path / "a.wav")
    (tmp_path / "broken.wav").write_bytes(b"RIFF not a sound")
    rows = [["audio", "reference"], ["a.wav", "x"], ["a.wav"], ["gone.wav", "x"], ["broken.wav", "x"], ["a.wav", "y"]]
    items = open_dataset(manifest(tmp_path, rows), "asr").items
    outcomes = []
    for item in items:
        try:
            read_item(item, "asr", {})
            outcomes.append("ok")
        except BadInput:
            outcomes.append("bad")
    assert outcomes == ["ok", "bad", "bad", "bad", "ok"]


def test_a_key_names_content_and_settings_whatever_the_file_is_called(tmp_path):
    first, same = sound(tmp_path / "a.wav"), tmp_path / "b.wav"
    shutil.copy(first, same)
    sound(tmp_path / "c.wav", 220.0)
    one, two, other = open_dataset(tmp_path, "asr").items
    assert one.key("asr", {}) == two.key("asr", {}) != other.key("asr", {})
    assert one.key("asr", {}) != one.key("asr", {"language": "en"})
    assert one.key("asr", {}) != one.key("audio_lm", {})


def test_a_zip_is_unpacked_read_and_removed(tmp_path):
    sound(tmp_path / "in/set/a.wav")
    (tmp_path / "in/set/a.txt").write_text("said", "utf-8")
    archive = tmp_path / "speech.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for each in ("a.wav", "a.txt"):
            file.write(tmp_path / "in/set" / each, f"set/{each}")
        file.writestr("set/run.sh", "echo no")
    with open_dataset(archive, "asr") as dataset:
        (item,) = dataset.items
        place = item.path.parent
        assert read_item(item, "asr", {}).reference.text == "said"
        assert sorted(each.name for each in place.iterdir()) == ["a.txt", "a.wav"]
        assert dataset.name == "speech"
    assert not place.exists()


@pytest.mark.parametrize(("names", "mode", "word"), [
    (["../a.wav"], 0, "leads out"),
    (["/a.wav"], 0, "leads out"),
    (["a/../../b.wav"], 0, "leads out"),
    (["..\\a.wav"], 0, "leads out"),
    (["C:a.wav"], 0, "leads out"),
    (["a.wav"], stat.S_IFLNK | 0o777, "link"),
    (["a.wav", "inner.zip"], 0, "another archive"),
    (["a.wav", "a.wav"], 0, "twice"),
    ([f"{number}.wav" for number in range(30)], 0, "at most 20"),
])  # fmt: skip
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_hostile_zip_is_refused_and_leaves_nothing(tmp_path, monkeypatch, names, mode, word):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temp"))
    (tmp_path / "temp").mkdir()
    assert word in refusal(zipped(tmp_path / "x.zip", names, mode=mode), limits=DatasetLimits(entries=20))
    assert list((tmp_path / "temp").iterdir()) == []
    assert not (tmp_path / "a.wav").exists()


def test_a_zip_bomb_is_stopped_by_what_comes_out_of_it(tmp_path):
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.wav", bytes(5_000_000))
    assert path.stat().st_size < 20_000
    assert "unpacks to more" in refusal(path, limits=DatasetLimits(total_mb=1.0))


@pytest.mark.parametrize("content", [b"", b"PK", b"not a zip at all" * 10, b"PK\x05\x06" + b"\xff" * 18])
def test_what_is_no_zip_is_refused_in_one_sentence(tmp_path, content):
    (tmp_path / "x.zip").write_bytes(content)
    refusal(tmp_path / "x.zip")


def test_a_cut_or_altered_zip_is_refused_in_one_sentence(tmp_path):
    whole = tmp_path / "whole.zip"
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.wav", os.urandom(2_000) + bytes(2_000))
    data = bytearray(whole.read_bytes())
    data[200:260] = bytes(60)
    (tmp_path / "x.zip").write_bytes(data)
    refusal(tmp_path / "x.zip")


@pytest.mark.parametrize(("content", "word"), [
    ("audio,audio\na,b\n", "twice"), ("audio,reference\n", "no items"), ("", "no items"),
    ("audio\n" + "a.wav\n" * 30, "more than 20"), ("audio\n" + "x" * 200_000 + "\n", "not CSV"),
])  # fmt: skip
def test_a_manifest_that_cannot_be_one_is_refused(tmp_path, content, word):
    (tmp_path / "m.csv").write_text(content, "utf-8")
    assert word in refusal(tmp_path / "m.csv", limits=DatasetLimits(items=20))


def test_what_is_no_dataset_is_refused_with_what_is_accepted(tmp_path):
    (tmp_path / "x.pdf").write_bytes(b"%PDF")
    assert ".csv" in refusal(tmp_path / "x.pdf")
    assert "cannot be read" in refusal(tmp_path / "nowhere")
    assert "cannot be read" in refusal("a\0b")
    (tmp_path / "empty").mkdir()
    assert "manifest.csv" in refusal(tmp_path / "empty")
    (tmp_path / "latin.csv").write_bytes("audio,reference\na.wav,é\n".encode("latin-1"))
    assert "UTF-8" in refusal(tmp_path / "latin.csv")


def test_names_that_could_steer_a_page_or_a_terminal_are_cleaned(tmp_path):
    sound(tmp_path / "a\u202egnp\x1b[31m.wav")
    (item,) = open_dataset(tmp_path, "asr").items
    assert not {"\u202e", "\x1b"} & set(item.name)
    assert read_item(item, "asr", {}).request.audio.frames == 1_600


def test_a_space_takes_smaller_datasets(tmp_path, monkeypatch):
    monkeypatch.setenv("SPACE_ID", "someone/soundcheck")
    (tmp_path / "many.txt").write_text("x\n" * 600, "utf-8")
    assert "at most 500" in refusal(Path(tmp_path / "many.txt"), "tts")


def parquet(path, rows):
    import pyarrow
    from pyarrow import parquet as files

    path.parent.mkdir(parents=True, exist_ok=True)
    files.write_table(pyarrow.Table.from_pylist(rows), path, row_group_size=2)
    return path


def sounds(folder, count):
    data = [sound(folder / f"{number}.wav", 200.0 + number).read_bytes() for number in range(count)]
    return [
        {"audio": {"bytes": each, "path": f"clips/{number}.wav"}, "sentence": f"text {number}", "accent": "us"}
        for number, each in enumerate(data)
    ]


def test_a_parquet_file_gives_its_sounds_a_few_at_a_time_and_again(tmp_path):
    rows = [*sounds(tmp_path, 5), {"audio": {"bytes": None, "path": "/etc/passwd"}, "sentence": "x", "accent": "us"}]
    dataset = open_dataset(parquet(tmp_path / "p/test.parquet", rows), "asr")
    assert (len(dataset), dataset.columns) == (6, ("accent",))
    items = list(dataset.items)
    assert [item.name for item in items[:5]] == [f"clips/{number}.wav" for number in range(5)]
    assert read_item(items[3], "asr", {}).reference.text == "text 3"
    assert "row 6 holds no sound" in items[5].error
    assert [item.key("asr", {}) for item in dataset.items] == [item.key("asr", {}) for item in items]
    (tmp_path / "x.parquet").write_bytes(b"PAR1 no PAR1")
    assert "not a Parquet file" in refusal(tmp_path / "x.parquet")


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A loopback server with one dataset of two splits, as the hub's client asks for it."""
    files = {
        "data/test-00000-of-00001.parquet": parquet(tmp_path / "t.parquet", sounds(tmp_path, 3)).read_bytes(),
        "data/train-00000-of-00001.parquet": parquet(tmp_path / "r.parquet", sounds(tmp_path, 1)).read_bytes(),
    }
    sha = "0123456789abcdef0123456789abcdef01234567"

    class Hub(BaseHTTPRequestHandler):
        def do_GET(self):
            if self.path.startswith("/api/datasets/acme/speech"):
                siblings = [{"rfilename": name, "size": len(data)} for name, data in files.items()]
                return self.answer(json.dumps({"id": "acme/speech", "sha": sha, "siblings": siblings}).encode())
            data = files.get(self.path.partition(f"/resolve/{sha}/")[2].partition("?")[0])
            return self.answer(data or b"", 200 if data else 404)

        do_HEAD = do_GET

        def answer(self, body, status=200):
            self.send_response(status)
            for name, value in {"Content-Length": len(body), "ETag": f'"{len(body)}"', "X-Repo-Commit": sha}.items():
                self.send_header(name, str(value))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    yield server
    server.shutdown()
    server.server_close()


def test_a_hub_dataset_is_fetched_at_one_commit_and_its_split_has_to_be_named(hub):
    dataset = open_dataset("hub:acme/speech:test", "asr")
    assert (dataset.name, len(dataset)) == ("acme/speech@01234567:test", 3)
    assert [read_item(item, "asr", {}).reference.text for item in dataset.items] == ["text 0", "text 1", "text 2"]
    assert "hub:acme/speech:test, hub:acme/speech:train" in refusal("hub:acme/speech")
    assert "at most 0.0 MB" in refusal("hub:acme/speech:test", limits=DatasetLimits(total_mb=0.001))
    assert "hub:owner/name" in refusal("hub:../../etc")
    assert "cannot be fetched" in refusal("hub:acme/nothing")


def test_a_space_reads_no_parquet_of_strangers(tmp_path, monkeypatch):
    path = parquet(tmp_path / "p/test.parquet", sounds(tmp_path, 1))
    monkeypatch.setenv("SPACE_ID", "someone/soundcheck")
    assert "not read on a Space" in refusal(path)
