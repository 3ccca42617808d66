"""A batch: one kept row per input, engine and repeat; paused, stopped, killed and gone on with, and never paid for twice."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest
from stub_engines import spec

import comparisons.__main__ as command_line
from comparisons.batch import Batch, BatchPlan
from comparisons.datasets import Dataset, Item, open_dataset
from comparisons.kept_batch import final_rows, rows_of
from comparisons.query import Query
from comparisons.runner import Runner
from engine.contract import BadInput, Engine, Price, Text

ROOT = Path(__file__).parent.parent


class Teller(Engine):
    """Answers a question about a text; counts its calls, fails or waits as the text says."""

    calls: Counter
    entered: threading.Event
    gate: threading.Event

    def run(self, request, timeout_s):
        type(self).calls[self.spec.model, request.text] += 1
        if "fail" in request.text:
            raise ValueError("the model said no")
        if "wait" in request.text:
            self.entered.set()
            self.gate.wait(30)
        from engine.audio import Audio

        yield Audio([0.5] * 800, 16_000)


@pytest.fixture
def teller():
    class Fresh(Teller):
        calls, entered, gate = Counter(), threading.Event(), threading.Event()

    yield Fresh
    Fresh.gate.set()


@pytest.fixture
def runner(tmp_path):
    runner = Runner(tmp_path / "store")
    yield runner
    runner.close()


def cloud(engine, name="a", **more):
    return spec(engine, name, task="tts", where="cloud", **more)


def texts(*given):
    return Dataset("texts", "tts", [Item(text, text=text, slices={"mood": text.split()[0]}) for text in given], len(given))


def finished(runner, dataset, plan, **more):
    batch = Batch(runner, dataset, plan, **more).start()
    assert batch.wait(60)
    return batch


def test_every_input_engine_and_repeat_gives_one_kept_row_with_its_item_and_slices(runner, teller):
    plan = BatchPlan("tts", (cloud(teller), cloud(teller, "b")), repeats=2, use_cache=False)
    heard = []
    batch = finished(runner, texts("one", "two x", "fail now"), plan, on_row=heard.append)
    rows = list(batch.rows())
    assert len(rows) == len(heard) == len(list(runner.store.rows(Query()))) == 12
    assert {row["batch_id"] for row in rows} == {batch.batch_id}
    assert len({row["item"] for row in rows}) == 3
    assert {json.loads(row["slices"])["mood"] for row in rows} == {"one", "two", "fail"}
    now = batch.progress()
    assert (now.state, now.items_done, now.cells_done, now.ok, now.failed) == ("finished", 3, 12, 8, 4)
    assert now.eta_s is None


def test_an_item_that_cannot_be_used_is_a_row_for_each_engine_and_no_end(runner, teller, tmp_path):
    items = [Item("bad", error="line 2 is no line"), Item("empty", text=" "), Item("good", text="good")]
    plan = BatchPlan("tts", (cloud(teller), cloud(teller, "b")))
    batch = finished(runner, Dataset("d", "tts", items, 3), plan)
    rows = list(batch.rows())
    assert [row["status"] for row in rows] == ["bad_input"] * 4 + ["ok"] * 2
    assert rows[0]["error"] == "line 2 is no line"
    again = finished(runner, Dataset("d", "tts", items, 3), plan, batch_id=batch.batch_id)
    assert len(list(rows_of(runner.store, batch.batch_id))) == len(list(again.rows())) == 6
    assert sum(teller.calls.values()) == 2


def test_going_on_asks_only_for_what_was_not_answered(runner, teller):
    plan = BatchPlan("tts", (cloud(teller), cloud(teller, "b")), repeats=2, use_cache=False)
    first = finished(runner, texts("one", "fail two"), plan)
    before = Counter(teller.calls)
    again = finished(runner, texts("three", "fail two", "one"), plan, batch_id=first.batch_id)
    assert teller.calls["a", "one"] == before["a", "one"] == 2
    assert teller.calls["a", "fail two"] == 2 * before["a", "fail two"]
    assert teller.calls["b", "three"] == 2
    now = again.progress()
    assert (now.resumed, now.ok, now.failed, now.cells_done) == (4, 4, 4, 12)
    assert Counter(row["status"] for row in again.rows()) == {"ok": 8, "crashed": 4}


def test_a_single_repeat_that_is_missing_is_run_under_its_own_number(runner, teller):
    plan = BatchPlan("tts", (cloud(teller),), use_cache=False)
    first = finished(runner, texts("one"), plan)
    again = finished(
        runner, texts("one"), BatchPlan("tts", (cloud(teller),), repeats=3, use_cache=False), batch_id=first.batch_id
    )
    assert [row["repeat"] for row in again.rows()] == [1, 2, 3]
    assert teller.calls["a", "one"] == 3


def test_the_same_input_twice_in_a_dataset_is_run_twice(runner, teller):
    plan = BatchPlan("tts", (cloud(teller),), use_cache=False)
    first = finished(runner, texts("same", "same"), plan)
    assert len({row["item"] for row in first.rows()}) == 2
    finished(runner, texts("same", "same"), plan, batch_id=first.batch_id)
    assert teller.calls["a", "same"] == 2


def test_cancel_settles_what_is_under_way_and_begins_nothing_more(runner, teller):
    plan = BatchPlan("tts", (cloud(teller),), use_cache=False)
    batch = Batch(runner, texts("one", "wait", "three"), plan).start()
    assert teller.entered.wait(30)
    batch.cancel()
    assert batch.wait(30)
    assert [row["status"] for row in batch.rows()] == ["ok", "cancelled"]
    assert batch.progress().state == "stopped"
    assert teller.calls["a", "three"] == 0
    teller.gate.set()
    again = finished(runner, texts("one", "wait", "three"), plan, batch_id=batch.batch_id)
    assert [row["status"] for row in again.rows()] == ["ok", "ok", "ok"]
    assert teller.calls["a", "one"] == 1


def test_a_pause_finishes_the_item_under_way_and_waits_until_told_to_go_on(runner, teller):
    settled = threading.Event()
    plan = BatchPlan("tts", (cloud(teller),), use_cache=False)
    batch = Batch(runner, texts("wait", "two"), plan, on_row=lambda row: settled.set()).start()
    assert teller.entered.wait(30)
    batch.pause()
    teller.gate.set()
    assert settled.wait(30)
    assert not batch.wait(0.3)
    assert (batch.progress().state, teller.calls["a", "two"]) == ("paused", 0)
    batch.go_on()
    assert batch.wait(30)
    assert teller.calls["a", "two"] == 1


PRICED = (Price("input_characters", 1.0, per=1.0, source="made up", checked_on="2026-11-20"),)


@pytest.mark.parametrize("at_once", [1, 8])
def test_the_spend_cap_holds_over_the_whole_batch_however_many_run_at_once(runner, teller, at_once):
    specs = tuple(cloud(teller, name, prices=PRICED) for name in "abc")
    plan = BatchPlan("tts", specs, use_cache=False, spend_cap_usd=20.0, at_once=at_once)
    batch = finished(runner, texts(*(f"{number:03}" for number in range(10))), plan)
    statuses = Counter(row["status"] for row in batch.rows())
    assert statuses == {"ok": 6, "over_budget": 24}
    assert batch.progress().spent_usd == 18.0
    assert sum(teller.calls.values()) == 6


def test_what_was_spent_before_a_restart_counts_towards_the_cap(runner, teller):
    engine = cloud(teller, prices=PRICED)
    first = finished(runner, texts("123"), BatchPlan("tts", (engine,), use_cache=False, spend_cap_usd=5.0))
    again = finished(
        runner, texts("123", "456"), BatchPlan("tts", (engine,), use_cache=False, spend_cap_usd=5.0), batch_id=first.batch_id
    )
    assert [row["status"] for row in again.rows()] == ["ok", "over_budget"]
    more = BatchPlan("tts", (engine,), use_cache=False, spend_cap_usd=6.0)
    assert [row["status"] for row in finished(runner, texts("123", "456"), more, batch_id=first.batch_id).rows()] == ["ok", "ok"]
    assert sum(teller.calls.values()) == 2


def test_a_call_that_failed_may_be_billed_and_stays_within_the_cap(runner, teller):
    plan = BatchPlan("tts", (cloud(teller, prices=PRICED),), use_cache=False, spend_cap_usd=10.0)
    batch = finished(runner, texts("fail 1", "fail 2"), plan)
    assert [row["status"] for row in batch.rows()] == ["crashed", "over_budget"]
    assert batch.progress().spent_usd == 0.0


def test_progress_tells_cost_and_expected_cost_and_says_when_it_cannot(runner, teller):
    seen = []
    plan = BatchPlan("tts", (cloud(teller, prices=PRICED),), use_cache=False)
    batch = Batch(runner, texts("12", "34", "56", "78"), plan, on_row=lambda row: seen.append(batch.progress()))
    assert batch.progress().state == "ready"
    batch.start()
    assert batch.wait(60)
    assert [now.spent_usd for now in seen] == [2.0, 4.0, 6.0, 8.0]
    assert {now.expected_usd for now in seen} == {8.0}
    assert seen[0].eta_s > 0
    unpriced = finished(runner, texts("x"), BatchPlan("tts", (cloud(teller),), use_cache=False))
    assert (unpriced.progress().unknown_costs, unpriced.progress().expected_usd) == (1, None)


def test_a_batch_belongs_to_its_session_and_runs_once_at_a_time(runner, teller):
    plan = BatchPlan("tts", (cloud(teller),), session="mine", use_cache=False)
    batch = Batch(runner, texts("one", "wait"), plan).start()
    assert teller.entered.wait(30)
    with pytest.raises(BadInput, match="under way already"):
        Batch(runner, texts("one"), plan, batch_id=batch.batch_id)
    teller.gate.set()
    assert batch.wait(30)
    with pytest.raises(BadInput, match="no tts row"):
        Batch(runner, texts("one"), BatchPlan("tts", (cloud(teller),), session="theirs"), batch_id=batch.batch_id)


@pytest.mark.parametrize("batch_id", ["../../etc", "x", "20260131T235959Z-0123abcd/..", "20260131T235959Z-0123abcd"])
def test_an_id_that_names_no_batch_is_refused(runner, teller, batch_id):
    with pytest.raises(BadInput):
        Batch(runner, texts("one"), BatchPlan("tts", (cloud(teller),)), batch_id=batch_id)


def test_a_batch_that_cannot_be_is_refused_before_anything_is_asked(runner, teller):
    with pytest.raises(BadInput, match="opened for tts"):
        Batch(runner, texts("one"), BatchPlan("asr", (cloud(teller),)))
    with pytest.raises(BadInput, match="doctor"):
        Batch(runner, texts("one"), BatchPlan("tts", ()))
    with pytest.raises(BadInput, match="spend cap"):
        Batch(runner, texts("one"), BatchPlan("tts", (cloud(teller),), spend_cap_usd=1.0, hear_with=cloud(teller, "b")))


def test_a_row_that_cannot_be_kept_stops_the_batch_before_more_is_paid(runner, teller, monkeypatch):
    from comparisons.store import StoreFailed

    def refuse(row, session=None):
        raise StoreFailed("the history cannot be written")

    monkeypatch.setattr(runner.store, "add", refuse)
    batch = finished(runner, texts("one", "two", "three"), BatchPlan("tts", (cloud(teller),), use_cache=False))
    assert batch.progress().state == "failed"
    assert "could not be kept" in batch.progress().fault
    assert sum(teller.calls.values()) == 1


KILLED = """
import os, sys, threading
from pathlib import Path
sys.path[:0] = [{root!r}, {tests!r}]
from stub_engines import spec
from comparisons.batch import Batch, BatchPlan
from comparisons.datasets import open_dataset
from comparisons.runner import Runner
from engine.audio import Audio
from engine.contract import Engine

log = Path({log!r})

class Counted(Engine):
    def run(self, request, timeout_s):
        with log.open("a") as file:
            file.write(f"{{self.spec.id}} {{request.text}}\\n")
        if request.text == "three" and not Path({gate!r}).exists():
            os.write(1, f"reached {{batch.batch_id}}\\n".encode())  # both engines arrive at once: one write keeps each line whole
            threading.Event().wait()
        yield Audio([0.5] * 800, 16_000)

specs = tuple(spec(Counted, name, task="tts", where="cloud") for name in "ab")
runner = Runner(Path({store!r}))
plan = BatchPlan("tts", specs, use_cache=False, repeats=2)
batch = Batch(runner, open_dataset({texts!r}, "tts"), plan, batch_id=sys.argv[1] if sys.argv[1:] else None).start()
batch.wait()
print(batch.progress().state, sum(row["status"] == "ok" for row in batch.rows()), flush=True)
"""


def test_a_batch_killed_with_signal_9_goes_on_and_asks_nothing_twice_that_was_answered(tmp_path):
    log, gate, written = tmp_path / "calls", tmp_path / "gate", tmp_path / "texts.txt"
    written.write_text("one\ntwo\nthree\nfour\nfive\n", "utf-8")
    names = {"root": str(ROOT), "tests": str(ROOT / "tests"), "log": str(log), "gate": str(gate), "texts": str(written)}
    script = KILLED.format(**names, store=str(tmp_path / "store"))
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as process:
        try:
            word, batch_id = process.stdout.readline().split()
        finally:
            process.kill()
    assert (word, process.returncode) == ("reached", -signal.SIGKILL)
    gate.touch()
    done = subprocess.run([sys.executable, "-c", script, batch_id], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.split() == ["finished", "20"]
    calls = Counter(log.read_text().splitlines())
    assert {calls[f"stub/{name} {text}"] for name in "ab" for text in ("one", "two", "four", "five")} == {2}
    assert all(2 <= calls[f"stub/{name} three"] <= 3 for name in "ab")
    runner = Runner(tmp_path / "store")
    kept = list(final_rows(runner.store, batch_id))
    runner.close()
    assert len({(row["item"], row["engine_id"], row["repeat"]) for row in kept}) == len(kept) == 20


def cli(*arguments, capsys):
    code = command_line.main(["batch", *map(str, arguments)])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_the_command_writes_a_row_per_input_and_engine_and_goes_on_by_id(tmp_path, capsys):
    (tmp_path / "t.csv").write_text("text,mood\nOne.,glad\nTwo.,sad\n,sad\n", "utf-8")
    out, summary = tmp_path / "rows.csv", tmp_path / "summary.json"
    code, said, told = cli(
        "tts", tmp_path / "t.csv", "--engines", "espeak/en", "--csv", out, "--summary", summary, capsys=capsys
    )  # fmt: skip
    assert code == 0
    assert "[3/3] espeak/en" in told
    assert "2 of 3" in said
    rows = list(csv.DictReader(io.StringIO(out.read_text("utf-8-sig"))))
    assert [row["status"] for row in rows] == ["ok", "ok", "bad_input"]
    found = json.loads(summary.read_text())
    assert found["slices"]["mood"]["sad"][0]["failed"] == {"bad_input": 1}
    batch_id = rows[0]["batch_id"]
    code, _, told = cli("tts", tmp_path / "t.csv", "--engines", "espeak/en", "--resume", batch_id, "--no-cache", capsys=capsys)
    assert (code, "One." in told) == (0, False)


@pytest.mark.parametrize("more", [("--resume", "nonsense"), ("--option", "colour=red"), ("--engines", "nobody/x")])
def test_a_command_that_cannot_be_is_exit_2_with_one_sentence(tmp_path, capsys, more):
    (tmp_path / "t.txt").write_text("One.\n", "utf-8")
    engines = () if "--engines" in more else ("--engines", "espeak/en")
    code, out, err = cli("tts", tmp_path / "t.txt", *engines, *more, capsys=capsys)
    assert (code, out, len(err.strip().splitlines())) == (2, "", 1)


def test_local_sounds_run_through_a_worker_process(tmp_path, monkeypatch, runner):
    import stub_engines

    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT / "tests")]))
    path = tmp_path / "talk.wav"
    path.write_bytes(stub_engines.transcribe("x").audio.to_wav())
    (tmp_path / "talk.txt").write_text("hello", "utf-8")
    plan = BatchPlan("asr", (stub_engines.ENGINES[0],), settings={"prompt": "hello"})
    with open_dataset(tmp_path, "asr") as dataset:
        (row,) = finished(runner, dataset, plan).rows()
    assert (row["status"], row["output_text"], row["wer"]) == ("ok", "hello", 0)
    assert Text("hello").final
