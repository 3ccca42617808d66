"""The runner: one row per engine and repeat, honest clocks, deadlines and cancels that hold."""

import dataclasses
import json
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import sound_engines
import stub_engines
from stub_engines import spec, transcribe

from comparisons import hearing
from comparisons.catalogue import Access
from comparisons.columns import COLUMNS
from comparisons.metrics import Reference
from comparisons.query import Query
from comparisons.results import Answered, Arrived, Queued, Settled
from comparisons.runner import Plan, Runner
from engine.audio import Audio
from engine.contract import Engine, Facts, Limits, Mark, Needs, Price, Separate, Synthesize, Text, Usage


class Busy(Exception):
    """What a vendor's SDK raises for 429."""

    status_code = 429

    def __init__(self, retry_after="0"):
        super().__init__("slow down")
        self.headers = {"retry-after": retry_after, "x-request-id": "req-429"}


class Cloud(Engine):
    """A cloud engine with a script shared by all its instances: each call takes the next step."""

    script: list = []  # noqa: RUF012
    seen: list = []  # noqa: RUF012
    hung_up: threading.Event

    def run(self, request, timeout_s):
        type(self).seen.append((self.spec.id, self.key, time.perf_counter()))
        step = self.script.pop(0) if self.script else "hello"
        if isinstance(step, BaseException):
            raise step
        if step == "stall":
            yield Text("par", final=False)
            self.hung_up.wait(30)
            raise ConnectionError("hung up")
        if isinstance(step, list):
            yield from step
            return
        yield Text("hel", final=False)
        yield Facts(request_id="req-1", connect_s=0.0, sent={"model": self.spec.model, "language": request.language})
        yield Text(step)

    def close(self):
        type(self).hung_up.set()


@pytest.fixture
def cloud():
    """A fresh cloud engine class, so that scripts and memories do not leak between tests."""

    class Fresh(Cloud):
        script, seen, hung_up = [], [], threading.Event()

    return Fresh


def cloud_spec(engine, name="cloud", **more):
    return spec(engine, name, where="cloud", **more)


@pytest.fixture
def runner(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    runner = Runner(tmp_path)
    yield runner
    runner.close()


def plan(*specs, script="hello", **more):
    return Plan("asr", transcribe(script), specs, "clip.wav", **more)


def settled(runner, plan):
    run = runner.start(plan)
    list(run.events())
    return [run.results[cell] for cell in run.cells]


def row(runner, plan):
    (result,) = settled(runner, plan)
    return result.row


LOCAL, SOUNDS, BROKEN, OTHER = stub_engines.ENGINES
PARROT = sound_engines.ENGINES[0]


def test_a_local_engine_gives_one_kept_row_with_every_column(runner):
    found = row(runner, plan(LOCAL, script="half facts words", reference=Reference(text="two words")))
    assert found["status"] == "ok"
    assert found["output_text"] == "two words"
    assert (found["wer"], found["device"], found["dtype"]) == (0, "cpu", "float32")
    assert set(COLUMNS) <= set(found)
    assert json.loads(found["output_words"])[1]["speaker"] == "A"
    (kept,) = runner.store.rows(Query())
    assert kept["output_text"] == "two words"
    assert found["input_sha256"] == transcribe("x").audio.sha256()
    assert found["peak_memory_gb"] > 0


def test_every_engine_and_repeat_settles_exactly_once_whatever_fails(runner, cloud):
    specs = (LOCAL, BROKEN, cloud_spec(cloud))
    cloud.script = ["fine", ValueError("odd"), "fine"]
    run = runner.start(plan(*specs, repeats=3, use_cache=False))
    cells = [event.cell for event in run.events() if isinstance(event, Settled)]
    assert sorted(cells, key=str) == sorted(run.cells, key=str)
    assert len(list(runner.store.rows(Query()))) == 9


def test_a_crash_of_one_engine_changes_nothing_for_the_next(runner):
    first = row(runner, plan(LOCAL, script="segfault"))
    assert (first["status"], "SIGSEGV" in first["error"]) == ("crashed", True)
    again = row(runner, plan(LOCAL))
    assert (again["status"], again["cold"]) == ("ok", True)


def test_a_load_that_fails_is_a_row_of_its_own_kind(runner):
    found = row(runner, plan(BROKEN))
    assert found["status"] == "load"
    assert "weights not found" in found["error"]


def test_T1_a_cached_answer_keeps_its_first_times_and_is_marked(runner):
    first = row(runner, plan(LOCAL, script="half hello"))
    again = row(runner, plan(LOCAL, script="half hello"))
    assert (first["cached"], again["cached"]) == (False, True)
    assert (again["total_s"], again["first_s"]) == (first["total_s"], first["first_s"])
    assert again["comparison_id"] != first["comparison_id"]


def test_T1_errors_are_never_cached_and_repeats_have_answers_of_their_own(runner, cloud):
    cloud.script = [ValueError("odd"), "right", "left"]
    cell = cloud_spec(cloud)
    assert row(runner, plan(cell))["status"] != "ok"
    texts = [result.row["output_text"] for result in settled(runner, plan(cell, repeats=2))]
    assert texts == ["right", "left"]
    assert [result.row["cached"] for result in settled(runner, plan(cell, repeats=2))] == [True, True]
    assert len(cloud.seen) == 3


def test_an_answer_bought_with_a_pasted_key_stays_in_its_session(runner, cloud):
    cell, access = cloud_spec(cloud), {"stub": Access("key-of-alice-123")}
    cloud.script = ["for alice", "for bob"]
    assert row(runner, plan(cell, access=access, session="alice"))["output_text"] == "for alice"
    assert row(runner, plan(cell, access=access, session="bob"))["output_text"] == "for bob"
    assert row(runner, plan(cell, access=access, session="alice"))["cached"] is True


def test_T2_load_is_apart_from_total_and_only_the_first_run_is_cold(runner):
    cold, warm = (result.row for result in settled(runner, plan(LOCAL, repeats=2)))
    assert cold["cold"]
    assert cold["load_s"] > cold["total_s"]
    assert (warm["cold"], warm["load_s"]) == (False, None)
    assert warm["queue_s"] > 0


def test_T2_warm_ups_are_thrown_away_and_counted(runner, cloud):
    cloud.script = ["warm", "up", "counted"]
    found = row(runner, plan(cloud_spec(cloud), warmups=2))
    assert (found["warmups"], found["output_text"], len(cloud.seen)) == (2, "counted", 3)


def test_T3_every_attempt_is_logged_and_times_are_those_of_the_last(runner, cloud):
    cloud.script = [Busy("0"), Busy("0"), "at last"]
    found = row(runner, plan(cloud_spec(cloud)))
    log = json.loads(found["attempt_log"])
    assert (found["status"], found["attempts"], len(cloud.seen)) == ("ok", 3, 3)
    assert [entry["status"] for entry in log] == ["rate_limit", "rate_limit", "ok"]
    assert log[0]["http_status"] == 429
    assert log[0]["retry_after_s"] == 0
    assert found["total_s"] <= found["all_attempts_s"]


def test_T3_a_retry_after_beyond_the_deadline_ends_the_attempts(runner, cloud):
    cloud.script = [Busy("9999"), "never"]
    found = row(runner, plan(cloud_spec(cloud), timeout_s=5))
    assert (found["status"], found["attempts"], len(cloud.seen)) == ("rate_limit", 1, 1)


def test_T3_a_fault_that_a_retry_cannot_mend_is_asked_once(runner, cloud):
    class Refused(Exception):
        status_code = 401

    cloud.script = [Refused("Incorrect API key provided"), "never"]
    found = row(runner, plan(cloud_spec(cloud)))
    assert (found["status"], len(cloud.seen)) == ("auth", 1)


def test_T4_polling_interval_and_server_time_are_kept(runner, cloud):
    cloud.script = [[Facts(poll_s=0.25, server_s=1.5), Mark("uploaded"), Text("done")]]
    found = row(runner, plan(cloud_spec(cloud)))
    assert (found["poll_s"], found["server_s"]) == (0.25, 1.5)
    assert 0 <= found["upload_s"] <= found["total_s"]


def test_every_notice_of_an_engine_is_kept_once(runner, cloud):
    notices = ("Ran on the CPU.", "Its text was cut.", "Ran on the CPU.")
    cloud.script = [[*(Facts(notice=notice) for notice in notices), Text("done")]]
    assert row(runner, plan(cloud_spec(cloud)))["notice"] == "Ran on the CPU. Its text was cut."


def test_T5_the_clock_covers_a_lazy_generator_from_call_to_exhaustion(runner, cloud):
    def lazily():
        time.sleep(0.05)
        yield Text("", final=False)
        yield Text("first", final=False)
        time.sleep(0.05)
        yield Text("first and last")

    class Lazy(cloud):
        def run(self, request, timeout_s):
            return lazily()

    found = row(runner, plan(cloud_spec(Lazy)))
    assert found["first_s"] >= 0.05
    assert found["total_s"] >= 0.1
    assert found["total_s"] - found["first_s"] >= 0.05


@pytest.mark.parametrize("script", ["nothing", "empty", "half"])
def test_T6_an_answer_without_its_end_or_content_is_an_error(runner, script):
    found = row(runner, plan(LOCAL, script=script))
    assert (found["status"], found["output_text"], found["cost_usd"]) == ("bad_response", None, None)


def test_T7_first_audio_is_arrival_plus_leading_silence_and_both_are_kept(runner, cloud):
    rate = 16_000
    silence, tone = np.zeros(rate // 4, np.float32), np.full(rate, 0.5, np.float32)
    cloud.script = [[Audio(silence, rate), Audio(tone, rate)]]
    request = Synthesize("hello")
    (result,) = settled(runner, Plan("tts", request, (cloud_spec(cloud, task="tts"),), "hello"))
    found = result.row
    assert found["leading_silence_s"] == pytest.approx(0.25, abs=0.011)
    assert found["first_s"] == pytest.approx(found["first_arrival_s"] + found["leading_silence_s"])
    assert found["output_audio_seconds"] == pytest.approx(1.25)
    (file,) = json.loads(found["output_files"])
    assert Audio.decode(runner.store.read_blob(file["sha256"])).frames == rate * 5 // 4


def test_T8_two_local_engines_never_run_at_once(runner):
    run = runner.start(plan(LOCAL, OTHER, repeats=3, script="half hello", use_cache=False))
    order = [event.cell for event in run.events() if isinstance(event, Arrived)]
    assert len(order) == 12
    assert all(order[index] == order[index + 1] for index in range(0, 12, 2))


def test_T9_streaming_input_reports_the_lag_after_the_end_of_speech(runner, cloud):
    class Live(cloud):
        def run(self, request, timeout_s):
            yield Text("par", final=False)
            yield Mark("speech_end")
            time.sleep(0.05)
            yield Text("partial no more")

    found = row(runner, plan(cloud_spec(Live, realtime=True)))
    assert 0.05 <= found["final_lag_s"] < found["total_s"]
    assert row(runner, plan(LOCAL))["final_lag_s"] is None


def test_T10_reported_usage_wins_and_says_so(runner, cloud):
    price = Price("input_audio_seconds", 0.006, per=60, source="docs", checked_on="2026-11-20")
    cell = cloud_spec(cloud, prices=(price,))
    cloud.script = [[Text("a"), Usage({"input_audio_seconds": 120.0})], "b"]
    reported, counted = (result.row for result in settled(runner, plan(cell, repeats=2)))
    assert (reported["cost_usd"], reported["cost_evidence"]) == (pytest.approx(0.012), "reported usage")
    assert (counted["cost_usd"], counted["cost_evidence"]) == (pytest.approx(0.0001), "counted usage")
    assert reported["price_date"] == "2026-11-20"


def test_T10_a_local_run_costs_what_the_machine_costs_and_else_nothing_is_claimed(runner):
    assert row(runner, plan(LOCAL))["cost_usd"] is None
    found = row(runner, plan(LOCAL, machine_usd_per_hour=3.6, use_cache=False))
    assert found["cost_usd"] == pytest.approx(found["total_s"] * 0.001)


def test_T17_a_failed_row_has_empty_figures_and_a_status(runner):
    found = row(runner, plan(LOCAL, script="raise"))
    assert found["status"] == "crashed"
    assert all(found[name] is None for name in ("first_s", "total_s", "rtf", "cost_usd", "wer", "output_text"))


def test_T18_the_request_as_sent_is_in_the_row(runner, cloud):
    request = dataclasses.replace(transcribe("hello"), language="de")
    (result,) = settled(runner, Plan("asr", request, (cloud_spec(cloud, "model-x"),), "clip.wav"))
    assert json.loads(result.row["request_sent"]) == {"model": "model-x", "language": "de"}


def test_T19_repeats_are_interleaved_across_engines(runner):
    run = runner.start(plan(LOCAL, OTHER, repeats=2, use_cache=False))
    order = [(event.cell.engine_id, event.cell.repeat) for event in run.events() if isinstance(event, Settled)]
    assert order == [("stub/stub", 1), ("stub/other", 1), ("stub/stub", 2), ("stub/other", 2)]


def test_cloud_engines_run_side_by_side_and_repeats_of_one_do_not(runner, cloud):
    barrier = threading.Barrier(3, timeout=30)

    class Meeting(cloud):
        def run(self, request, timeout_s):
            barrier.wait()
            yield Text("met")

    specs = tuple(cloud_spec(Meeting, f"cloud-{number}") for number in range(3))
    assert all(result.ok for result in settled(runner, plan(*specs)))


def test_a_vendor_is_never_asked_more_at_once_than_its_cap(runner, cloud):
    together, most, lock = 0, [], threading.Lock()

    class Counting(cloud):
        def run(self, request, timeout_s):
            nonlocal together
            with lock:
                together += 1
                most.append(together)
            time.sleep(0.02)
            with lock:
                together -= 1
            yield Text("counted")

    specs = tuple(cloud_spec(Counting, f"cloud-{number}", concurrency=2) for number in range(8))
    assert all(result.ok for result in settled(runner, plan(*specs)))
    assert max(most) <= 2


@pytest.mark.parametrize("kind", ["local", "cloud"])
def test_the_deadline_settles_the_row_and_hangs_up(runner, cloud, kind):
    cloud.script = ["stall"]
    started = time.perf_counter()
    found = row(runner, plan(LOCAL if kind == "local" else cloud_spec(cloud), script="half stall", timeout_s=2.0))
    assert found["status"] == "timeout"
    assert time.perf_counter() - started < 10.0  # nothing else would end it
    if kind == "cloud":
        assert cloud.hung_up.wait(30)
    assert row(runner, plan(LOCAL))["status"] == "ok"


def test_stop_settles_everything_at_once_and_asks_nothing_more(runner, cloud):
    cloud.script = ["stall"]
    run = runner.start(plan(LOCAL, cloud_spec(cloud), script="half stall", repeats=2))
    events = run.events()
    waiting = {"stub/stub", "stub/cloud"}
    while waiting:
        event = next(events)
        if isinstance(event, Arrived):
            waiting.discard(event.cell.engine_id)
    began = time.perf_counter()
    run.cancel()
    list(events)
    assert time.perf_counter() - began < 10.0  # a stall lasts as long as it is let
    assert {result.row["status"] for result in run.results.values()} == {"cancelled"}
    assert len(run.results) == 4
    assert len(cloud.seen) == 1
    assert row(runner, plan(LOCAL))["status"] == "ok"


def test_a_setting_that_an_engine_cannot_honour_is_refused_before_it_runs(runner, cloud):
    request = dataclasses.replace(transcribe("hello"), speakers=True)
    (result,) = settled(runner, Plan("asr", request, (cloud_spec(cloud),), "clip.wav"))
    assert result.row["status"] == "unsupported"
    assert "speakers" in result.row["error"]
    assert not cloud.seen


def test_an_input_over_the_limit_is_refused_before_it_is_sent(runner, cloud):
    found = row(runner, plan(cloud_spec(cloud, limits=Limits(audio_seconds=0.5))))
    assert (found["status"], cloud.seen) == ("too_large", [])
    assert "0.5 seconds" in found["error"]


def test_a_missing_key_is_a_sentence_and_no_call(runner, cloud):
    cell = cloud_spec(cloud, needs=Needs(key="STUB_API_KEY"))
    found = row(runner, plan(cell))
    assert (found["status"], cloud.seen) == ("not_ready", [])
    assert "STUB_API_KEY" in found["error"]
    assert row(runner, plan(cell, access={"stub": Access("pasted-key-1")}))["status"] == "ok"
    assert cloud.seen[-1][1] == "pasted-key-1"


def test_a_model_past_its_shutdown_date_is_refused(runner, cloud):
    found = row(runner, plan(cloud_spec(cloud, shutdown_date="2020-01-01", superseded_by="stub/newer")))
    assert (found["status"], cloud.seen) == ("shut_down", [])
    assert "stub/newer" in found["error"]


def test_the_spend_cap_stops_further_calls(runner, cloud):
    cell = cloud_spec(cloud, prices=(Price("requests", 0.6, checked_on="2026-11-20", source="docs"),))
    first, second = (result.row for result in settled(runner, plan(cell, repeats=2, spend_cap_usd=1.0)))
    assert (first["status"], second["status"], len(cloud.seen)) == ("ok", "over_budget", 1)


def test_no_key_reaches_row_error_or_store(runner, cloud, tmp_path):
    key = "sk-canary-0123456789abcdef"

    class Leaky(Exception):
        status_code = 500

    cloud.script = [Leaky(f"bad Authorization: Bearer {key}"), Leaky(key), Leaky(f"url?key={key}")]
    found = row(runner, plan(cloud_spec(cloud), access={"stub": Access(key)}, timeout_s=20))
    assert found["status"] == "server"
    assert "canary" not in json.dumps(found)
    assert "canary" not in repr(plan(cloud_spec(cloud), access={"stub": Access(key)}))
    runner.store.close()
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and b"canary-0123" in path.read_bytes()]


def test_stems_are_measured_and_kept_as_files(runner):
    sound = Audio(np.random.default_rng(0).uniform(-0.5, 0.5, (2, 16_000)).astype(np.float32), 16_000)
    (result,) = settled(runner, Plan("separation", Separate(sound), (SOUNDS,), "mix.wav"))
    assert {file["name"] for file in json.loads(result.row["output_files"])} == {"all", "nothing"}
    assert result.row["null_test_db"] <= -100


def test_synthesized_speech_is_heard_again_by_the_chosen_engine(runner):
    class Speaking(Engine):
        def run(self, request, timeout_s):
            yield Audio(np.full(8_000, 0.2, np.float32), 16_000)

    cell = cloud_spec(Speaking, "speaker", task="tts", honours=())
    (result,) = settled(runner, Plan("tts", Synthesize("hello"), (cell,), "hello", hear_with=LOCAL))
    assert result.row["round_trip_wer"] == 0
    (wrong,) = settled(runner, Plan("tts", Synthesize("good bye"), (cell,), "good bye", hear_with=LOCAL))
    assert wrong.row["round_trip_wer"] == 1


def test_every_local_engine_is_heard_by_people_before_one_listens_to_it(runner):
    run = runner.start(Plan("tts", Synthesize("hello"), (PARROT,), "hello", repeats=2, use_cache=False, hear_with=LOCAL))
    told = [event for event in run.events() if isinstance(event, Answered | Settled)]
    assert [(type(event), event.cell.repeat) for event in told] == [
        (Answered, 1), (Answered, 2), (Settled, 1), (Settled, 2)
    ]  # fmt: skip
    first, last = told[0].result, told[2].result
    assert first.output.audio == last.output.audio
    assert (first.row["round_trip_wer"], last.row["round_trip_wer"]) == (None, 0)
    assert first.row["loudness_lufs"] == last.row["loudness_lufs"]


def test_stop_keeps_what_has_answered_and_waits_for_no_listener(runner, monkeypatch):
    released = threading.Event()
    monkeypatch.setattr(hearing, "hear", lambda *given: "hello" if released.wait(30) else "")
    run = runner.start(Plan("tts", Synthesize("hello"), (PARROT,), "hello", repeats=2, use_cache=False, hear_with=LOCAL))
    events = run.events()
    answered = 0
    while answered < 2:
        answered += isinstance(next(events), Answered)
    run.cancel()
    list(events)
    rows = [result.row for result in run.results.values()]
    released.set()
    assert [(row["status"], row["round_trip_wer"]) for row in rows] == [("ok", None)] * 2
    assert all("could not listen: the run was stopped" in row["metrics_withheld"] for row in rows)
    assert len(list(runner.store.rows(Query()))) == 2


def test_a_listener_that_fails_costs_its_own_figure_alone(runner, monkeypatch):
    monkeypatch.setattr(hearing, "hear", lambda *given: 1 / 0)
    (found,) = settled(runner, Plan("tts", Synthesize("hello"), (PARROT,), "hello", hear_with=LOCAL))
    assert (found.row["status"], found.row["round_trip_wer"]) == ("ok", None)
    assert "could not listen" in found.row["metrics_withheld"]


def test_a_comparison_of_nothing_ends_at_once(runner):
    assert settled(runner, plan()) == []


def test_events_tell_the_whole_story_in_order(runner):
    run = runner.start(plan(LOCAL, script="half hello"))
    names = [type(event).__name__ for event in run.events()]
    assert names == ["Queued", "Loading", "Started", "Arrived", "Arrived", "Settled"]
    assert run.finished
    assert isinstance(Queued(run.cells[0]), Queued)
