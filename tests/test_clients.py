"""Cloud clients between runs: warm with this install's key, gone with a visitor's."""

import gc
import threading
import weakref
from pathlib import Path

import pytest
from stub_engines import spec, transcribe

from comparisons import catalogue, lanes
from comparisons.cache import Answer, Answers
from comparisons.catalogue import Access
from comparisons.results import Arrived
from comparisons.runner import Plan, Runner
from engine.contract import Engine, Needs, Text


@pytest.fixture
def cloud():
    """A fresh class of cloud engine that remembers its instances; "stall" waits until it is hung up."""

    class Remembered(Engine):
        made, script = [], []

        def __init__(self, *given):
            super().__init__(*given)
            self.loads, self.closed = 0, threading.Event()
            self.made.append(self)

        def load(self):
            self.loads += 1

        def run(self, request, timeout_s):
            step = self.script.pop(0) if self.script else "hello"
            if isinstance(step, Exception):
                raise step
            yield Text("hel", final=False)
            if step == "stall":
                self.closed.wait(30)
                raise ConnectionError("hung up")
            yield Text(step)

        def close(self):
            self.closed.set()

    return Remembered


@pytest.fixture
def runner(tmp_path, monkeypatch):
    monkeypatch.setenv("STUB_API_KEY", "the-key-of-this-install")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    runner = Runner(tmp_path)
    yield runner
    runner.close()


def of(engine, name="cloud", **more):
    return spec(engine, name, where="cloud", needs=Needs(key="STUB_API_KEY"), **more)


def run(runner, *specs, **more):
    started = runner.start(Plan("asr", transcribe("hello"), specs, "clip.wav", use_cache=False, **more))
    list(started.events())
    return [started.results[cell].row for cell in started.cells]


def test_a_second_run_with_the_key_of_this_install_finds_the_client_warm(runner, cloud):
    (first,), (second,) = run(runner, of(cloud)), run(runner, of(cloud))
    assert (first["cold"], first["load_s"] is None) == (True, False)
    assert (second["cold"], second["load_s"]) == (False, None)
    (engine,) = cloud.made
    assert (engine.loads, engine.key) == (1, "the-key-of-this-install")
    assert not engine.closed.is_set()


def test_warm_ups_are_made_on_a_warm_client_too(runner, cloud):
    run(runner, of(cloud))
    cloud.script[:] = ["warm", "up", "counted"]
    (row,) = run(runner, of(cloud), warmups=2)
    assert (row["cold"], row["warmups"], row["output_text"]) == (False, 2, "counted")


@pytest.mark.parametrize("brought_for", ["stub", "stub/cloud"])
def test_a_client_with_a_pasted_key_ends_with_its_run(runner, cloud, brought_for):
    pasted = {brought_for: Access("the-key-of-a-visitor")}
    rows = [run(runner, of(cloud), access=pasted) for _ in range(2)]
    assert [row["cold"] for (row,) in rows] == [True, True]
    assert [engine.key for engine in cloud.made] == ["the-key-of-a-visitor"] * 2
    assert all(engine.closed.wait(30) for engine in cloud.made)


def test_a_pasted_key_is_dropped_even_when_it_is_the_one_of_this_install(runner, cloud):
    run(runner, of(cloud))
    run(runner, of(cloud), access={"stub": Access("the-key-of-this-install")})
    kept, dropped = cloud.made
    assert dropped.closed.wait(30)
    assert not kept.closed.is_set()


def test_a_client_with_a_pasted_key_serves_all_repeats_of_its_run(runner, cloud):
    rows = run(runner, of(cloud), access={"stub": Access("the-key-of-a-visitor")}, repeats=3)
    assert [row["cold"] for row in rows] == [True, False, False]
    assert len(cloud.made) == 1


def test_no_client_of_a_persons_own_server_is_kept(runner, cloud):
    own = spec(cloud, where="cloud", id=f"{catalogue.SERVERS}/their-model")
    run(runner, own)
    assert cloud.made[0].closed.wait(30)


def test_no_thread_that_waits_for_work_remembers_the_key_that_a_visitor_pasted(runner, cloud):
    access = Access("the-key-of-a-visitor")
    gone, pasted = threading.Event(), {"stub": access}
    weakref.finalize(access, gone.set)
    run(runner, of(cloud), access=pasted)
    assert cloud.made[0].closed.wait(30)
    del access, pasted
    assert any(gc.collect() is not None and gone.wait(0.1) for _ in range(50))


def test_a_changed_key_of_this_install_gets_a_client_of_its_own(runner, cloud, monkeypatch):
    run(runner, of(cloud))
    monkeypatch.setenv("STUB_API_KEY", "the-next-key")
    (row,) = run(runner, of(cloud))
    assert row["cold"] is True
    assert cloud.made[1].key == "the-next-key"


def test_another_model_under_the_same_id_is_not_served_by_the_old_client(runner, cloud):
    run(runner, of(cloud))
    (row,) = run(runner, of(cloud, model="newer"))
    assert row["cold"] is True
    assert cloud.made[0].closed.is_set()


def test_a_client_is_dropped_after_an_error(runner, cloud):
    cloud.script[:] = [ValueError("odd"), "fine"]
    (failed,), (fine,) = run(runner, of(cloud)), run(runner, of(cloud))
    assert (failed["status"] == "ok", fine["status"], fine["cold"]) == (False, "ok", True)
    assert cloud.made[0].closed.is_set()


def test_after_a_deadline_the_next_repeat_gets_a_new_client(runner, cloud):
    cloud.script[:] = ["stall", "fine"]
    late, fine = run(runner, of(cloud), repeats=2, timeout_s=0.5)
    assert (late["status"], fine["status"], fine["cold"]) == ("timeout", "ok", True)
    assert cloud.made[0].closed.is_set()


def test_a_client_whose_run_was_stopped_is_not_kept(runner, cloud):
    cloud.script[:] = ["stall"]
    started = runner.start(Plan("asr", transcribe("hello"), (of(cloud),), "clip.wav", use_cache=False))
    events = started.events()
    while not isinstance(next(events), Arrived):
        pass
    started.cancel()
    list(events)
    assert cloud.made[0].closed.wait(30)
    (row,) = run(runner, of(cloud))
    assert (row["status"], row["cold"]) == ("ok", True)


def test_a_client_that_nobody_uses_is_closed_after_its_time(runner, cloud):
    runner.clients = lanes.Clients(idle_s=0.05)
    run(runner, of(cloud))
    assert cloud.made[0].closed.wait(30)
    (row,) = run(runner, of(cloud))
    assert row["cold"] is True


def test_of_too_many_clients_the_least_recently_used_is_closed(runner, cloud):
    runner.clients = lanes.Clients(most=2)
    for name in ("one", "two", "one", "three"):
        run(runner, of(cloud, name))
    assert [(engine.spec.id, engine.closed.is_set()) for engine in cloud.made] == [
        ("stub/one", False),
        ("stub/two", True),
        ("stub/three", False),
    ]


def test_two_runs_at_once_never_share_a_client(runner, cloud):
    meeting = threading.Barrier(2, timeout=30)

    class Meeting(cloud):
        def run(self, request, timeout_s):
            meeting.wait()
            yield Text("met")

    plan = Plan("asr", transcribe("hello"), (of(Meeting),), "clip.wav", use_cache=False)
    for _ in range(2):
        both = [runner.start(plan), runner.start(plan)]
        for started in both:
            list(started.events())
            assert [result.row["status"] for result in started.results.values()] == ["ok"]
    assert len(Meeting.made) >= 2


def test_closing_the_runner_closes_every_client(tmp_path, cloud, monkeypatch):
    monkeypatch.setenv("STUB_API_KEY", "the-key-of-this-install")
    runner = Runner(tmp_path)
    run(runner, of(cloud, "one"), of(cloud, "two"))
    runner.close()
    assert [engine.closed.wait(30) for engine in cloud.made] == [True, True]
    late = cloud(of(cloud), "key")
    runner.clients.give_back(late, Access("key"))
    assert late.closed.is_set()


# ---------------------------------------------------------------- answers behind the run's back

KEY = "ab" * 32


def test_an_answer_that_waits_for_the_disk_is_found_at_once_and_kept_by_closing(tmp_path):
    answers, answer = Answers(tmp_path), Answer({"status": "ok"}, b"pieces")
    answers.put_later(KEY, answer)
    assert answers.get(KEY) == answer
    answers.close()
    again = Answers(tmp_path)
    assert again.get(KEY) == answer
    again.close()


def test_flush_waits_for_the_disk_and_more_may_be_put_afterwards(tmp_path):
    answers, other = Answers(tmp_path), Answers(tmp_path)
    for number in range(3):
        key = f"{number:064x}"
        answers.put_later(key, Answer({"status": "ok", "number": number}, b""))
        answers.flush()
        assert other.get(key).row["number"] == number
    other.close()
    answers.close()


def test_answers_that_were_given_up_do_not_come_back(tmp_path):
    answers = Answers(tmp_path)
    answers.put_later(KEY, Answer({"status": "ok"}, b""))
    answers.clear()
    assert answers.get(KEY) is None
    answers.close()


def test_a_failed_run_is_refused_before_it_waits(tmp_path):
    answers = Answers(tmp_path)
    with pytest.raises(ValueError, match="only good answers are cached"):
        answers.put_later(KEY, Answer({"status": "timeout"}, b""))
    answers.close()
