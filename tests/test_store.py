"""The history: what was acknowledged stays, what is damaged is never shown as right."""

import hashlib
import json
import math
import multiprocessing
import os
import random
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from comparisons.columns import COLUMNS
from comparisons.store import BlobDamaged, DiskFull, Query, Store, StoreFailed
from engine.contract import EngineError, NotReady
from engine.environment import home

ROOT = Path(__file__).resolve().parents[1]
FORK = multiprocessing.get_context("fork")


def run_of(number=0, **columns):
    return {
        "comparison_id": f"c{number // 4}",
        "created_at": f"2026-11-{1 + number % 28:02d}T10:00:{number % 60:02d}.000+00:00",
        "task": ("asr", "tts", "music")[number % 3],
        "engine_id": f"vendor{number % 5}/model",
        "engine_name": f"Model {number % 5}",
        "vendor": f"Vendor {number % 5}",
        "where": ("local", "cloud")[number % 2],
        "status": ("ok", "ok", "timeout", "ok", "auth")[number % 5],
        "cached": number % 4 == 0,
        "repeat": 1 + number % 2,
        "total_s": None if number % 7 == 0 else number / 8,
        "output_text": f"words of run {number}",
        **columns,
    }


@pytest.fixture
def store(tmp_path):
    with Store(tmp_path / "history", upkeep=False) as opened:
        yield opened


def raw(store):
    return sqlite3.connect(store.folder / "runs.db")


# ---------------------------------------------------------------- rows


def test_the_home_folder_is_made_for_its_owner_only():
    assert home() == Path(os.environ["SOUNDCHECK_HOME"])
    assert stat.S_IMODE(home().stat().st_mode) == 0o700


def test_a_home_that_cannot_be_made_names_the_variable(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SOUNDCHECK_HOME", str(tmp_path / "file" / "home"))
    with pytest.raises(NotReady, match="set SOUNDCHECK_HOME"):
        home()


def test_a_kept_row_comes_back_with_every_column_and_its_number(store):
    row = run_of(1, settings='{"language":"en"}', cost_usd=0.0125, load_s=None, attempts=3, cold=True)
    seq = store.add(row, session="s")
    (found,) = store.page(Query())
    assert found == {name: row.get(name) for name in COLUMNS} | {"seq": seq}
    assert (type(found["attempts"]), type(found["cold"]), type(found["cost_usd"])) == (int, bool, float)


def test_a_result_row_with_every_column_set_survives_a_restart(tmp_path):
    examples = {"text": "text", "json": '{"a":[1]}', "number": 0.1, "flag": True}
    row = {name: examples[column.kind] for name, column in COLUMNS.items()} | {"status": "ok", "rating": 4}
    with Store(tmp_path, upkeep=False) as store:
        seq = store.add(row)
    with Store(tmp_path, upkeep=False) as store:
        assert store.notice is None
        assert store.page(Query()) == [row | {"seq": seq}]


def test_t17_a_number_that_is_none_becomes_an_empty_cell_beside_its_status(store):
    store.add(run_of(status="timeout", total_s=math.nan, rtf=math.inf, error="no answer after 30 s"))
    (found,) = store.page(Query())
    assert (found["total_s"], found["rtf"], found["status"]) == (None, None, "timeout")


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"no_such": 1}, "unknown columns"),
        ({"settings": {"a": 1}}, "'settings' takes a json"),
        ({"total_s": "1"}, "'total_s' takes a number"),
        ({"cached": "yes"}, "'cached' takes a flag"),
        ({"status": None}, "a run needs status"),
        ({"rating": 6}, "1 to 5 stars"),
    ],
)
def test_a_row_that_is_not_a_run_is_refused_and_nothing_is_kept(store, columns, words):
    with pytest.raises(ValueError, match=words):
        store.add_all([run_of(1), run_of(2) | columns])
    assert store.count() == 0


@pytest.mark.parametrize(
    "text", ["a\ud800b", "nul \x00 inside", "line\r\nbreak", "\u202eright to left", "'); DROP TABLE runs; --"]
)
def test_hostile_text_is_kept_as_text(store, text):
    store.add(run_of(1, output_text=text, input_name=text))
    (found,) = store.page(Query(text=text[:3]))
    assert found["output_text"] == text.replace("\ud800", "\ufffd")
    assert store.count() == 1


@pytest.mark.parametrize("table", ["runs", "ratings"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET session = 'x'", "DELETE FROM {}"])
def test_rows_can_only_be_added(store, table, statement):
    store.rate(store.add(run_of(1)), 3)
    with pytest.raises(sqlite3.IntegrityError, match="can only be added to"):
        raw(store).execute(statement.format(table))


def test_the_latest_rating_is_shown_and_the_earlier_one_stays_on_record(store):
    first, second = store.add(run_of(1)), store.add(run_of(2))
    store.rate(first, 2, "a")
    store.rate(first, 5, "b")
    assert [(row["seq"], row["rating"]) for row in store.page(Query(sort="rating"))] == [(first, 5), (second, None)]
    assert raw(store).execute("SELECT stars FROM ratings ORDER BY id").fetchall() == [(2,), (5,)]


@pytest.mark.parametrize("stars", [0, 6, 2.5, True, None, "5"])
def test_a_rating_outside_one_to_five_is_refused(store, stars):
    seq = store.add(run_of(1))
    with pytest.raises(ValueError, match="1 to 5 stars"):
        store.rate(seq, stars)


def test_a_run_that_does_not_exist_cannot_be_rated(store):
    with pytest.raises(ValueError, match="no run 7"):
        store.rate(7, 3)


# ---------------------------------------------------------------- queries


def passes(row, session, query):
    searched = [row[name] or "" for name in ("input_name", "engine_name", "vendor", "output_text", "error")]
    return all(
        (
            query.task in (None, row["task"]),
            not query.engine_ids or row["engine_id"] in query.engine_ids,
            query.where in (None, row["where"]),
            query.status in (None, row["status"]) or (query.status == "failed" and row["status"] != "ok"),
            not query.text or any(query.text.lower() in text.lower() for text in searched),
            query.comparison_id in (None, row["comparison_id"]),
            query.session in (None, session),
            query.since is None or row["created_at"] >= query.since,
        )
    )


@pytest.mark.parametrize(
    "query",
    [
        Query(),
        Query(task="asr"),
        Query(engine_ids=("vendor1/model", "vendor3/model")),
        Query(where="cloud", status="failed"),
        Query(status="ok"),
        Query(status="auth"),
        Query(text="RUN 1"),
        Query(text="100% of _it\\"),
        Query(text="%"),
        Query(text="_"),
        Query(comparison_id="c3"),
        Query(session="b", task="tts"),
        Query(since="2026-11-20"),
        Query(task="' OR 1=1 --"),
        Query(session="\ud800"),
    ],
)
def test_a_filter_finds_what_plain_python_finds(store, query):
    rows = [run_of(number) for number in range(60)] + [run_of(60, error="100% of _it\\ failed", status="server")]
    kept = [(store.add(row, "ab"[number % 2]), row, "ab"[number % 2]) for number, row in enumerate(rows)]
    expected = {seq for seq, row, session in kept if passes(dict.fromkeys(COLUMNS) | row, session, query)}
    assert {row["seq"] for row in store.rows(query)} == expected
    assert store.count(query) == len(expected)


@pytest.mark.parametrize("descending", [True, False])
@pytest.mark.parametrize("sort", ["created_at", "total_s", "engine_id", "wer", "where", "seq", "rating"])
def test_sorting_puts_unknown_values_last_in_either_direction(store, sort, descending):
    store.add_all(run_of(number) for number in range(30))
    found = [row[sort] for row in store.page(Query(sort=sort, descending=descending))]
    known = [value for value in found if value is not None]
    assert known == sorted(known, reverse=descending)
    assert found == known + [None] * (len(found) - len(known))
    assert len(found) == 30


def test_pages_together_are_the_whole(store):
    store.add_all(run_of(number) for number in range(50))
    pages = [row["seq"] for offset in range(0, 60, 7) for row in store.page(Query(sort="vendor", offset=offset, limit=7))]
    assert pages == [row["seq"] for row in store.rows(Query(sort="vendor"))]
    assert sorted(pages) == list(range(1, 51))


@pytest.mark.parametrize("sort", ["no_such", "total_s; DROP TABLE runs", "(SELECT 1)", ""])
def test_sorting_by_an_unknown_column_names_the_accepted_ones(sort):
    with pytest.raises(ValueError, match="accepted: seq, comparison_id, created_at"):
        Query(sort=sort)


@pytest.mark.parametrize("wrong", [{"where": "moon"}, {"status": "fine"}, {"offset": -1}, {"limit": -1}, {"text": "x" * 1001}])
def test_a_query_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Query(**wrong)


@pytest.mark.parametrize(
    "sort", ["created_at", "task", "engine_id", "vendor", "where", "status", "total_s", "first_s", "cost_usd"]
)
def test_a_page_sorted_by_a_main_column_walks_an_index(store, sort):
    from comparisons.query import order_sql

    plan = raw(store).execute(f"EXPLAIN QUERY PLAN SELECT seq FROM runs {order_sql(Query(sort=sort, descending=False))} LIMIT 50")
    steps = [step for *_, step in plan]
    assert "USING COVERING INDEX" in steps[0]
    assert "USE TEMP B-TREE FOR ORDER BY" not in steps


def test_the_first_page_of_twenty_thousand_rows_holds_the_top_fifty(store):
    few = dict.fromkeys(("comparison_id", "engine_name", "vendor", "output_text"))
    store.add_all(run_of(number, **few, total_s=float(number)) for number in range(20_000))
    assert [row["total_s"] for row in store.page(Query(sort="total_s"))] == [float(19_999 - index) for index in range(50)]
    assert store.count() == 20_000


def test_t1_cached_runs_are_counted_but_left_out_of_every_figure(store):
    ok = {"engine_id": "a/b", "status": "ok"}
    store.add_all(
        [
            run_of(1, **ok, cached=False, total_s=2.0, cost_usd=0.5),
            run_of(2, **ok, cached=False, total_s=4.0, cost_usd=None),
            run_of(3, **ok, cached=True, total_s=100.0, cost_usd=9.0),
            run_of(4, engine_id="a/b", status="timeout", cached=False, total_s=50.0),
            run_of(5, engine_id="a/b", status="cancelled", cached=False, total_s=60.0),
        ]
    )
    (group,) = store.grouped("engine", measures=("total_s", "rtf"))
    assert [group[name] for name in ("runs", "ok", "fresh", "stopped")] == [5, 3, 2, 1]
    assert (group["total_s_p50"], group["rtf_p50"], group["cost_mean_usd"], group["costs_known"]) == (3.0, None, 0.5, 1)


# ---------------------------------------------------------------- growth of the dictionary


def test_a_column_that_the_dictionary_gains_is_added_to_an_old_history(tmp_path):
    with Store(tmp_path, upkeep=False) as store:
        store.add(run_of(1))
        raw(store).execute("ALTER TABLE runs DROP COLUMN dtype")
    with Store(tmp_path, upkeep=False) as store:
        store.add(run_of(2, dtype="float16"))
        assert [row["dtype"] for row in store.page(Query(sort="seq"))] == ["float16", None]
        assert store.notice is None


def test_a_column_that_the_dictionary_lost_is_kept_and_stays_under_the_checksum(store):
    row = {name: value for name, value in run_of(1, total_s=0.5).items() if value is not None}
    row |= {"seq": 1, "old_score": 0.25, "cached": 0, "repeat": 2.0}
    sha256 = hashlib.sha256(json.dumps(row, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
    connection = raw(store)
    connection.execute('ALTER TABLE runs ADD COLUMN "old_score" REAL')
    names = ", ".join(f'"{name}"' for name in (*row, "sha256"))
    connection.execute(f"INSERT INTO runs ({names}) VALUES ({', '.join('?' * (len(row) + 1))})", (*row.values(), sha256))
    connection.commit()
    assert [found["seq"] for found in store.rows()] == [1]
    assert store.add(run_of(2)) == 2
    assert set(store.page(Query())[0]) == {*COLUMNS, "seq"}


# ---------------------------------------------------------------- several at once, and sudden ends


def write_many(folder, number, count):
    with Store(folder, upkeep=False) as store:
        for index in range(count):
            store.add(run_of(index, request_id=f"{number}-{index}"), session=str(number))


def test_eight_processes_writing_at_once_lose_nothing(tmp_path):
    writers = [FORK.Process(target=write_many, args=(tmp_path, number, 200)) for number in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0] * 8
    with Store(tmp_path, upkeep=False) as store:
        ids = [row["request_id"] for row in store.rows()]
    assert sorted(ids) == sorted(f"{number}-{index}" for number in range(8) for index in range(200))


def test_threads_writing_and_reading_at_once_lose_nothing(store):
    def work(number):
        for index in range(25):
            store.add(run_of(index, request_id=f"{number}-{index}"))
            assert store.page(Query(limit=5))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({row["request_id"] for row in store.rows()}) == 200


def write_and_acknowledge(folder, acknowledge, first):
    store = Store(folder, upkeep=False)
    for number in range(first, first + 100_000):
        sha256 = store.put_blob(f"sound {number}".encode() * 500)
        store.add(run_of(number, request_id=str(number), output_files=json.dumps([{"sha256": sha256}])))
        acknowledge.send((number, sha256))


def test_kill_9_loses_no_acknowledged_row_and_leaves_no_half_row_or_orphan(tmp_path):
    chance = random.Random(17)
    acknowledged = {}
    for kill in range(30):
        receive, send = FORK.Pipe(duplex=False)
        writer = FORK.Process(target=write_and_acknowledge, args=(tmp_path, send, kill * 1_000_000))
        writer.start()
        send.close()
        for _ in range(chance.randint(0, 25)):
            number, sha256 = receive.recv()
            acknowledged[str(number)] = sha256
        os.kill(writer.pid, signal.SIGKILL)
        writer.join()
        try:
            while True:
                number, sha256 = receive.recv()
                acknowledged[str(number)] = sha256
        except EOFError:
            pass
    with Store(tmp_path, upkeep=False) as store:
        assert store.notice is None
        kept = {row["request_id"]: json.loads(row["output_files"])[0]["sha256"] for row in store.rows()}
        assert store.count() == len(kept)
        assert store.damaged() == 0
        assert acknowledged.items() <= kept.items()
        assert len(acknowledged) > 100
        store.upkeep(orphan_age_s=-1.0)
        assert {path.stem for path in tmp_path.glob("blobs/??/*")} == set(kept.values())
        for number, sha256 in kept.items():
            assert store.read_blob(sha256) == f"sound {number}".encode() * 500


def test_a_second_process_leaves_an_open_history_alone(tmp_path):
    with Store(tmp_path, upkeep=False) as first:
        first.add(run_of(1))
        other = FORK.Process(target=write_many, args=(tmp_path, 2, 3))
        other.start()
        other.join()
        assert other.exitcode == 0
        first.add(run_of(2))
    with Store(tmp_path, upkeep=False) as again:
        assert again.notice is None
        assert again.count() == 5


# ---------------------------------------------------------------- damage


def filled(folder, count=200):
    """A closed history of which a copy was made after half of the rows."""
    with Store(folder, upkeep=False) as store:
        seqs = store.add_all(run_of(number, output_words="[1]" * 300) for number in range(count // 2))
        store.upkeep(copy_age_s=0.0)
        seqs += store.add_all(run_of(number, output_words="[1]" * 300) for number in range(count // 2, count))
        store.rate(3, 4)
        return dict(zip(seqs, store.rows(Query(sort="seq", descending=False)), strict=True))


def flip(path, places):
    data = bytearray(path.read_bytes())
    for place in places:
        data[place] ^= 0xFF
    path.write_bytes(data)


def zero(path, start, length):
    data = bytearray(path.read_bytes())
    data[start : start + length] = bytes(length)
    path.write_bytes(data)


WHOLE_FILE_LOST = {
    "its header zeroed": lambda path: zero(path, 0, 4096),
    "emptied": lambda path: path.write_bytes(b""),
    "replaced by text": lambda path: path.write_text("not a database " * 1000),
    "deleted": lambda path: path.unlink(),
}


@pytest.mark.parametrize("damage", WHOLE_FILE_LOST)
def test_a_history_found_lost_is_restored_from_its_copy_and_says_so(tmp_path, damage):
    rows = filled(tmp_path)
    WHOLE_FILE_LOST[damage](tmp_path / "runs.db")
    with Store(tmp_path, upkeep=False) as store:
        assert "100 runs were restored" in store.notice
        assert "copies/" in store.notice
        found = {row["seq"]: row for row in store.rows()}
        assert found == {seq: row | {"rating": None} for seq, row in rows.items() if seq <= 100}
        assert store.add(run_of(1)) > 0


def test_a_halved_history_gives_its_own_rows_and_those_of_the_copy(tmp_path):
    rows = filled(tmp_path)
    os.truncate(tmp_path / "runs.db", (tmp_path / "runs.db").stat().st_size // 8192 * 4096)
    with Store(tmp_path, upkeep=False) as store:
        assert "were restored" in store.notice
        found = {row["seq"]: row for row in store.rows()}
        assert set(range(1, 101)) <= set(found)
        assert all(row | {"rating": None} == rows[seq] | {"rating": None} for seq, row in found.items())


@pytest.mark.parametrize("seed", range(12))
def test_flipped_bytes_never_show_a_wrong_row(tmp_path, seed):
    rows = filled(tmp_path)
    path = tmp_path / "runs.db"
    chance = random.Random(seed)
    if seed % 3:
        flip(path, [chance.randrange(path.stat().st_size) for _ in range(seed * 3)])
    else:
        zero(path, chance.randrange(1, path.stat().st_size // 4096) * 4096, 4096)
    for _ in range(2):  # the second start restores what the first one found damaged while reading
        with Store(tmp_path, upkeep=False) as store:
            try:
                found = {row["seq"]: row for row in store.rows()}
            except StoreFailed:
                continue
            assert all(row | {"rating": None} == rows[seq] | {"rating": None} for seq, row in found.items())
            assert all(row["rating"] in (None, rows[seq]["rating"]) for seq, row in found.items())
    with Store(tmp_path, upkeep=False) as store:
        found = {row["seq"] for row in store.rows()}
    assert set(range(1, 101)) <= found


def test_a_row_with_one_altered_value_is_left_out_counted_and_restored_at_the_next_start(tmp_path):
    rows = filled(tmp_path)
    path = tmp_path / "runs.db"
    flip(path, [path.read_bytes().index(b"words of run 41") + 9])
    with Store(tmp_path, upkeep=False) as store:
        assert set(rows) - {row["seq"] for row in store.rows()} == {42}
        assert store.damaged() == 1
        assert len(store.page(Query(sort="seq", descending=False, offset=40, limit=5))) == 4
        store.upkeep(orphan_age_s=-1.0, copy_age_s=-1.0)
        assert len(list(tmp_path.glob("copies/*"))) == 1, "a damaged history must not become a copy"
    with Store(tmp_path, upkeep=False) as store:
        assert {row["seq"]: row for row in store.rows()} == rows
        assert store.damaged() == 0


def test_a_history_that_cannot_be_written_says_so_and_is_whole_again_after_a_restart(tmp_path):
    rows = filled(tmp_path)
    with sqlite3.connect(tmp_path / "runs.db") as connection:
        (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'runs_by_task'").fetchone()
    zero(tmp_path / "runs.db", (page - 1) * 4096, 4096)
    with Store(tmp_path, upkeep=False) as store, pytest.raises(StoreFailed, match="malformed.*restart"):
        store.add(run_of(1))
    with Store(tmp_path, upkeep=False) as store:
        assert {row["seq"]: row for row in store.rows()} == rows
        assert store.add(run_of(1)) == 201


def test_a_schema_that_is_no_longer_text_is_restored(tmp_path):
    rows = filled(tmp_path)
    path = tmp_path / "runs.db"
    flip(path, [path.read_bytes().index(b"CREATE TABLE runs") + offset for offset in range(3, 12)])
    with Store(tmp_path, upkeep=False) as store:
        assert "were restored" in store.notice
        assert {row["seq"] for row in store.rows()} >= {seq for seq in rows if seq <= 100}


def test_an_emptied_history_without_a_copy_says_that_it_starts_anew(tmp_path):
    with Store(tmp_path, upkeep=False) as store:
        store.put_blob(b"sound")
        store.add(run_of(1))
    (tmp_path / "runs.db").write_bytes(b"")
    with Store(tmp_path, upkeep=False) as store:
        assert "is empty: 0 runs were restored" in store.notice


def test_two_copies_are_kept_and_the_next_is_made_only_when_due(store):
    store.upkeep()
    assert not list(store.folder.glob("copies/*")), "there is nothing to copy yet"
    store.add(run_of(1))
    store.upkeep()
    store.upkeep()
    assert len(list(store.folder.glob("copies/*"))) == 1
    for _ in range(3):
        store.upkeep(copy_age_s=-1.0)
    copies = sorted(store.folder.glob("copies/*"))
    assert len(copies) == 2
    assert sqlite3.connect(copies[-1]).execute("SELECT count(*) FROM runs").fetchone() == (1,)


def test_upkeep_runs_in_the_background_and_ends_with_the_history(tmp_path, monkeypatch):
    monkeypatch.setattr("comparisons.store._FIRST_UPKEEP_S", 0.0)
    with Store(tmp_path, upkeep=False) as store:
        store.add(run_of(1))
    with Store(tmp_path):
        (thread,) = [thread for thread in threading.enumerate() if thread.name == "history upkeep"]
        deadline = time.monotonic() + 60
        while not list(tmp_path.glob("copies/runs-*.db")) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert list(tmp_path.glob("copies/runs-*.db"))
    thread.join(60)
    assert not thread.is_alive()


# ---------------------------------------------------------------- sounds


def test_a_sound_is_named_by_its_hash_and_read_back(store):
    sha256 = store.put_blob(b"sound", ".flac")
    assert sha256 == hashlib.sha256(b"sound").hexdigest()
    assert store.blob_path(sha256, ".flac") == store.folder / "blobs" / sha256[:2] / f"{sha256}.flac"
    assert store.read_blob(sha256, ".flac") == b"sound"


@pytest.mark.parametrize("name", ["", "../" * 20 + "etc/passwd", "A" * 64, "a" * 63, "a" * 64 + "\n", "/" + "a" * 63])
def test_a_name_that_is_not_a_hash_is_refused(store, name):
    for reach in (store.blob_path, store.read_blob):
        with pytest.raises(ValueError, match="64 lower-case hex digits"):
            reach(name)


@pytest.mark.parametrize("suffix", ["", "wav", "./../x", ".wav/..", ".WAV", ".wav\n"])
def test_a_suffix_that_is_not_one_is_refused(store, suffix):
    with pytest.raises(ValueError, match="a suffix is"):
        store.put_blob(b"sound", suffix)


@pytest.mark.parametrize("damage", [lambda path: os.truncate(path, 3), lambda path: flip(path, [1]), lambda path: path.unlink()])
def test_a_damaged_or_missing_sound_is_an_error_and_can_be_kept_again(store, damage):
    sha256 = store.put_blob(b"sound of a run")
    damage(store.blob_path(sha256))
    with pytest.raises(BlobDamaged, match="run the engine again") as caught:
        store.read_blob(sha256)
    assert isinstance(caught.value, EngineError)
    store.put_blob(b"sound of a run")
    assert store.read_blob(sha256) == b"sound of a run"


def test_the_sweep_takes_old_sounds_without_a_row_and_no_others(store):
    named, given, orphan, young = (store.put_blob(name) for name in (b"output", b"input", b"orphan", b"young"))
    store.add(run_of(1, output_files=json.dumps([{"sha256": named}]), input_file=json.dumps({"sha256": given})))
    for sha256 in (named, given, orphan):
        os.utime(store.blob_path(sha256), (0, 0))
    unfinished = store.blob_path(orphan).with_name(f"{orphan}.wav.0123.tmp")
    unfinished.write_bytes(b"half")
    os.utime(unfinished, (0, 0))
    store.upkeep()
    assert {path.name[:64] for path in store.folder.glob("blobs/??/*")} == {named, given, young}


# ---------------------------------------------------------------- full disk

FILL = """
import json, os, sys
from pathlib import Path
from comparisons.store import DiskFull, Query, Store
folder, step = Path(sys.argv[1]), sys.argv[2]
row = {"created_at": "2026-11-20T10:00:00+00:00", "task": "asr", "engine_id": "a/b", "status": "ok", "output_text": "x" * 3000}
def use_every_byte():
    while True:
        try:
            with open(folder / "rest", "ab", buffering=0) as rest:
                rest.write(bytes(4096))
        except OSError:
            return
store = Store(folder / "history", upkeep=False)
if step == "fill":
    (folder / "filler").write_bytes(bytes(2**20))
    kept, words, refused = 0, "", 0
    while refused < 20:
        try:
            store.add(row)
            kept += 1
        except DiskFull as error:
            refused, words = refused + 1, f"{error.kind}: {error}"
    try:
        store.put_blob(os.urandom(4 * 2**20))
        blob = "kept"
    except DiskFull:
        blob = "refused"
    use_every_byte()
    readable = len(list(store.rows()))
    (folder / "filler").unlink()
    (folder / "rest").unlink()
    store.add(row)
    use_every_byte()
    print(json.dumps([kept, readable, blob, words, store.count()]), flush=True)
    os.kill(os.getpid(), 9)
before = len(list(store.rows()))
(folder / "rest").unlink()
store.add(row)
store.close()
print(json.dumps([before, len(list(Store(folder / "history", upkeep=False).rows()))]))
"""


def on_a_small_disk(folder, script, *steps):
    """Output lines of the script's steps, run one after another on a tmpfs of 8 MB that only they see."""
    folder.mkdir()
    (folder.parent / "script.py").write_text(script)
    python = f"PYTHONPATH={ROOT} {sys.executable} {folder.parent / 'script.py'} {folder}"
    shell = f"mount -t tmpfs -o size=8m none {folder} || exit 77; " + "; ".join(f"{python} {step}" for step in steps)
    for unshare in (["unshare", "-m"], ["unshare", "-rm"]):
        done = subprocess.run([*unshare, "sh", "-c", shell], capture_output=True, text=True, check=False)
        if done.stdout:
            return [json.loads(line) for line in done.stdout.splitlines()]
        if "mount" not in done.stderr and "unshare" not in done.stderr:
            raise AssertionError(done.stderr)
    pytest.skip(f"no small disk can be mounted here: {done.stderr.strip()}")


def test_t18_a_full_disk_says_so_keeps_every_acknowledged_row_and_recovers(tmp_path):
    before, after_restart = on_a_small_disk(tmp_path / "disk", FILL, "fill", "restart")
    kept, readable, blob, words, recovered = before
    assert kept > 300
    assert (readable, recovered) == (kept, kept + 1)
    assert blob == "refused"
    assert words.startswith("disk_full: 1 run could not be kept: the disk of ")
    assert after_restart == [kept + 1, kept + 2]


def test_disk_full_is_an_engine_error_of_its_own_kind():
    assert issubclass(DiskFull, EngineError)
    assert DiskFull.kind == "disk_full"
