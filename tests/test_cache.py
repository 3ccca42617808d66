"""Answers that may vanish: never wrong, never an error, and nothing in the folder can run code or reach outside it."""

import os
import pickle
import sqlite3

import diskcache
import pytest
from test_store import on_a_small_disk

from comparisons.cache import Answer, Answers, SafeDisk, answer_key
from engine.audio import Audio
from engine.contract import Text
from engine.worker import decode, encode

ASKED = {
    "engine_id": "vendor/model",
    "model": "model-1",
    "settings": {"language": "en"},
    "input_sha256": "ab" * 32,
    "repeat": 1,
    "versions": {"sdk": "1.0"},
    "scope": "",
}
KEY = answer_key(**ASKED)
ROW = {"status": "ok", "total_s": 1.25, "output_text": "hello \ud800 there", "cost_usd": None}
SMALL, LARGE = Answer(ROW, encode([Text("hello")])), Answer(ROW, b"\x00\xff\n" * 40_000)


@pytest.fixture
def answers(tmp_path):
    opened = Answers(tmp_path / "cache")
    yield opened
    opened.close()


def database(answers):
    return sqlite3.connect(answers.folder / "cache.db", isolation_level=None)


def value_file(answers):
    (path,) = answers.folder.glob("??/??/*.val")
    return path


class Touch:
    """Unpickling it makes a file: the proof that code ran."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


# ---------------------------------------------------------------- what is kept


@pytest.mark.parametrize("answer", [SMALL, LARGE], ids=["in the database", "in a file"])
def test_an_answer_comes_back_as_it_was_also_after_a_restart(answers, answer):
    assert answers.get(KEY) is None
    assert answers.put(KEY, answer)
    assert answers.get(KEY) == answer
    answers.close()
    assert Answers(answers.folder).get(KEY) == answer


def test_pieces_survive_as_the_frame_that_the_worker_writes(answers):
    pieces = [Audio([[0.5, -0.25]], 8000), Text("done")]
    answers.put(KEY, Answer(ROW, encode(pieces)))
    sound, text = decode(answers.get(KEY).pieces)
    assert (sound.samples.tolist(), sound.rate, text) == ([[0.5, -0.25]], 8000, Text("done"))


def test_t1_an_answer_carries_the_row_with_its_original_times(answers):
    answers.put(KEY, SMALL)
    assert answers.get(KEY).row["total_s"] == 1.25


@pytest.mark.parametrize("status", ["timeout", "auth", "cancelled", None])
def test_t1_errors_are_never_cached(answers, status):
    with pytest.raises(ValueError, match="only good answers are cached"):
        answers.put(KEY, Answer({"status": status}, b""))
    assert answers.get(KEY) is None


@pytest.mark.parametrize(
    ("part", "other"),
    [
        ("engine_id", "vendor/other"),
        ("model", "model-2"),
        ("settings", {"language": "de"}),
        ("input_sha256", "cd" * 32),
        ("repeat", 2),
        ("versions", {"sdk": "1.1"}),
        ("scope", "a session"),
    ],
)
def test_t1_whatever_decides_an_answer_is_part_of_its_key(part, other):
    assert answer_key(**(ASKED | {part: other})) != KEY


def test_the_order_of_settings_does_not_change_the_key():
    there, back = {"a": 1, "b": 2}, {"b": 2, "a": 1}
    assert answer_key(**(ASKED | {"settings": there})) == answer_key(**(ASKED | {"settings": back}))


def test_an_api_key_cannot_become_part_of_a_key():
    with pytest.raises(TypeError):
        answer_key(**ASKED, api_key="sk-1")


@pytest.mark.parametrize("key", ["", "vendor/model", "../" * 20, "A" * 64, 7])
def test_a_key_from_elsewhere_is_refused(answers, key):
    with pytest.raises(ValueError, match="a key comes from answer_key"):
        answers.get(key)
    with pytest.raises(ValueError, match="a key comes from answer_key"):
        answers.put(key, SMALL)


def test_the_oldest_answers_make_room_and_the_limit_holds(tmp_path):
    answers = Answers(tmp_path / "cache", size_limit_bytes=2_000_000)
    keys = [answer_key(**(ASKED | {"repeat": repeat})) for repeat in range(60)]
    for key in keys:
        assert answers.put(key, LARGE)
    assert answers.get(keys[0]) is None
    assert answers.get(keys[-1]) == LARGE
    assert sum(path.stat().st_size for path in answers.folder.rglob("*.val")) <= 2_000_000


def test_an_answer_that_would_push_out_all_others_is_not_kept(tmp_path):
    answers = Answers(tmp_path / "cache", size_limit_bytes=400_000)
    answers.put(KEY, SMALL)
    assert not answers.put(answer_key(**(ASKED | {"repeat": 2})), LARGE)
    assert answers.get(KEY) == SMALL


def test_clearing_removes_every_answer_and_leaves_foreign_files_alone(answers):
    answers.put(KEY, LARGE)
    (answers.folder / "notes.txt").write_text("mine")
    answers.clear()
    assert [path.name for path in answers.folder.rglob("*")] == ["notes.txt"]
    assert answers.get(KEY) is None
    assert answers.put(KEY, LARGE)


def test_files_that_a_killed_process_left_are_swept_at_the_next_start(answers):
    answers.put(KEY, LARGE)
    kept = value_file(answers)
    orphan = kept.with_name("0" * 28 + ".val")
    orphan.write_bytes(b"left over")
    for path in (kept, orphan):
        os.utime(path, (0, 0))
    answers.close()
    assert Answers(answers.folder).get(KEY) == LARGE
    assert not orphan.exists()


# ---------------------------------------------------------------- damage


@pytest.mark.parametrize("how", ["shortened", "altered", "deleted"])
def test_a_damaged_file_is_a_miss_and_the_answer_can_be_kept_again(answers, how):
    answers.put(KEY, LARGE)
    path = value_file(answers)
    data = path.read_bytes()
    path.unlink()
    if how != "deleted":
        path.write_bytes(data[:1000] if how == "shortened" else data[:500] + b"?" + data[501:])
    assert answers.get(KEY) is None
    if how != "deleted":
        assert database(answers).execute("SELECT count(*) FROM Cache").fetchone() == (0,)
        assert not path.exists()
    assert answers.put(KEY, LARGE)
    assert answers.get(KEY) == LARGE


def test_an_answer_moved_to_another_key_is_a_miss(answers):
    answers.put(KEY, SMALL)
    other = answer_key(**(ASKED | {"scope": "somebody else"}))
    database(answers).execute("UPDATE Cache SET key = ?", (other,))
    assert answers.get(other) is None


@pytest.mark.parametrize("value", [b"", b"{}", b"\xff\xff", "text", 7, 1.5, None])
def test_a_value_of_another_make_is_a_miss(answers, value):
    answers.put(KEY, SMALL)
    database(answers).execute("UPDATE Cache SET value = ?", (value,))
    assert answers.get(KEY) is None


@pytest.mark.parametrize("damage", [b"", b"not a database" * 500, bytes(8192)])
@pytest.mark.parametrize("opened", [True, False])
def test_a_broken_database_is_emptied_and_works_again(answers, damage, opened):
    answers.put(KEY, SMALL)
    answers.close()
    (answers.folder / "cache.db").write_bytes(damage)
    again = answers if opened else Answers(answers.folder)
    assert again.get(KEY) is None
    assert again.put(KEY, SMALL)
    assert again.get(KEY) == SMALL


def test_a_lost_table_is_made_again(answers):
    answers.put(KEY, SMALL)
    database(answers).execute("DROP TABLE Cache")
    assert answers.get(KEY) is None
    assert answers.put(KEY, SMALL)
    assert answers.get(KEY) == SMALL


def test_a_folder_that_cannot_be_used_is_a_miss(tmp_path):
    (tmp_path / "file").write_text("")
    answers = Answers(tmp_path / "file" / "cache")
    assert answers.get(KEY) is None
    assert not answers.put(KEY, SMALL)


FILL = """
import json, sys
from pathlib import Path
from comparisons.cache import Answer, Answers
answers = Answers(Path(sys.argv[1]) / "cache")
answer = Answer({"status": "ok"}, bytes(300_000))
keys = [f"{number:064x}" for number in range(60)]
kept = [key for key in keys if answers.put(key, answer)]
readable = sum(answers.get(key) == answer for key in kept)
answers.clear()
print(json.dumps([len(kept), readable, answers.put(keys[0], answer), answers.get(keys[0]) == answer]))
"""


def test_a_full_disk_keeps_no_more_answers_and_clearing_frees_it(tmp_path):
    ((kept, readable, kept_again, read_again),) = on_a_small_disk(tmp_path / "disk", FILL, "fill")
    assert 10 < kept < 60
    assert readable == kept
    assert kept_again and read_again


# ---------------------------------------------------------------- attacks on the folder


@pytest.mark.parametrize("place", ["in the database", "in a file"])
def test_t16_a_pickled_value_does_not_run(answers, tmp_path, place):
    answers.put(KEY, LARGE)
    proof = tmp_path / "code ran"
    attack = pickle.dumps(Touch(proof))
    if place == "in a file":
        value_file(answers).write_bytes(attack)
        database(answers).execute("UPDATE Cache SET mode = 4")
    else:
        database(answers).execute("UPDATE Cache SET mode = 4, filename = NULL, value = ?", (attack,))
    assert answers.get(KEY) is None
    assert not proof.exists()


def test_t16_a_pickled_key_does_not_run(answers, tmp_path):
    answers.put(KEY, SMALL)
    proof = tmp_path / "code ran"
    database(answers).execute("UPDATE Cache SET key = ?, raw = 0", (pickle.dumps(Touch(proof)),))
    assert answers.get(KEY) is None
    answers.close()
    with diskcache.Cache(str(answers.folder), disk=SafeDisk) as cache:
        for walk in (lambda: list(cache), cache.peekitem):
            with pytest.raises(OSError, match="not plain text"):
                walk()
    assert not proof.exists()


@pytest.mark.parametrize("mode", [2, 3, 4])
@pytest.mark.parametrize("name", ["../secret", "absolute", "ab/cd/../../../secret", "\x00"])
def test_t16_a_file_outside_is_neither_read_nor_deleted(answers, tmp_path, name, mode):
    secret = tmp_path / "secret"
    secret.write_bytes(b"secret")
    answers.put(KEY, LARGE)
    name = str(secret) if name == "absolute" else name
    database(answers).execute("UPDATE Cache SET filename = ?, mode = ?", (name, mode))
    answers.close()
    with diskcache.Cache(str(answers.folder), disk=SafeDisk) as cache:
        assert cache.get(KEY) is None
    assert answers.get(KEY) is None
    assert answers.put(KEY, SMALL), "diskcache deletes the old value's file here"
    assert answers.get(KEY) == SMALL
    answers.clear()
    assert secret.read_bytes() == b"secret"


def test_t16_evicting_a_tampered_row_deletes_nothing_outside(tmp_path):
    secret = tmp_path / "secret"
    secret.write_bytes(b"secret")
    answers = Answers(tmp_path / "cache", size_limit_bytes=1_000_000)
    keys = [answer_key(**(ASKED | {"repeat": repeat})) for repeat in range(30)]
    answers.put(keys[0], LARGE)
    database(answers).execute("UPDATE Cache SET filename = '../secret'")
    for key in keys[1:]:
        answers.put(key, LARGE)
    assert answers.get(keys[0]) is None
    assert secret.exists()


@pytest.mark.parametrize("link", ["the file", "its folder"])
def test_t16_a_link_is_not_followed(answers, tmp_path, link):
    answers.put(KEY, LARGE)
    path = value_file(answers)
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / path.name).write_bytes(path.read_bytes())
    path.unlink()
    if link == "the file":
        path.symlink_to(outside / path.name)
    else:
        path.parent.rmdir()
        path.parent.symlink_to(outside)
    assert answers.get(KEY) is None
    assert answers.put(KEY, SMALL)
    assert (outside / path.name).exists()


def test_t16_a_named_pipe_does_not_hang_the_reader(answers):
    answers.put(KEY, LARGE)
    path = value_file(answers)
    path.unlink()
    os.mkfifo(path)
    assert answers.get(KEY) is None


@pytest.mark.parametrize(
    ("name", "value"), [("_directory", "/"), ("disk_x", 1), ("sqlite_writable_schema", 1), ("cull_limit", 0), ("size", -(10**12))]
)
def test_t16_settings_in_the_database_cannot_reconfigure_the_cache(answers, name, value):
    answers.put(KEY, SMALL)
    answers.close()
    database(answers).execute("INSERT OR REPLACE INTO Settings VALUES (?, ?)", (name, value))
    again = Answers(answers.folder)
    assert again.get(KEY) is None
    assert again.put(KEY, SMALL)
    assert again.get(KEY) == SMALL
    settings = dict(database(answers).execute("SELECT key, value FROM Settings"))
    assert settings.get(name) != value


@pytest.mark.parametrize("value", [["a list"], {"a": 1}, "text", 7])
def test_the_disk_takes_bytes_only(tmp_path, value):
    with diskcache.Cache(str(tmp_path / "cache"), disk=SafeDisk) as cache:
        with pytest.raises(TypeError, match="a value is bytes"):
            cache.set("key", value)
        with pytest.raises(TypeError, match="a key is text"):
            cache.set(("a", "tuple"), b"value")
