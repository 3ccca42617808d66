"""Comparisons kept in a private dataset: all of them come back, once; nothing private leaves; no failure loses a run."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_hub import KEY, REPO, FakeHub, hub_here

from comparisons.columns import COLUMNS
from comparisons.hub_dataset import EVERY_S, HubDataset, kept_on_the_hub
from comparisons.store import Query, Store
from comparisons.votes import Votes
from engine.audio import Audio

ID, OTHER = "a1" * 16, "b2" * 16


def tone(hertz: float) -> Audio:
    return Audio(0.3 * np.sin(2 * np.pi * hertz * np.arange(4_000) / 16_000), 16_000)


def add_run(store: Store, engine_id: str, hertz: float = 440.0, **values: Any) -> None:
    sound = tone(hertz)
    file = {"name": "output", "sha256": store.put_blob(sound.to_wav()), "seconds": 0.25, "rate": 16_000, "channels": 1}
    known = {"comparison_id": ID, "created_at": "2026-11-20T10:00:00.000+00:00", "task": "tts", "engine_id": engine_id}
    known |= {"engine_name": engine_id.title(), "where": "local", "status": "ok", "repeat": 1, "total_s": 0.5}
    known |= {"input_name": "Good morning.", "output_files": json.dumps([{**file, "peak": 0.3, "loudness_lufs": -20.0}])}
    store.add(dict.fromkeys(COLUMNS) | known | values, session="visitor-5f1c")


@pytest.fixture(autouse=True)
def no_xet(monkeypatch):
    """The upload service behind the real Hub cannot be had on this machine; the client then uses plain LFS."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr("huggingface_hub.utils._http.time.sleep", lambda _: None)


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    with hub_here() as here:
        yield here


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "one", upkeep=False) as opened:
        yield opened


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Store]:
    """The store of a container that has just been started."""
    with Store(tmp_path / "two", upkeep=False) as opened:
        yield opened


def kept(store: Store, hub: FakeHub, token: str = KEY) -> HubDataset:
    return HubDataset(store, REPO, token, endpoint=hub.address)


def rows(store: Store) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if name != "seq"} for row in store.rows(Query(sort="seq"))]


@pytest.mark.parametrize("large", [False, True])
def test_what_was_pushed_comes_back_to_an_empty_store_row_for_row_and_byte_for_byte(store, fresh, hub, large):
    hub.large = large
    add_run(store, "espeak/en", 220)
    add_run(store, "flite/slt", 330)
    assert kept(store, hub).step() == EVERY_S
    assert len(hub.named("rows/")) == 1
    assert kept(fresh, hub).step() == EVERY_S
    assert rows(fresh) == rows(store)
    for row in rows(store):
        sha256 = json.loads(row["output_files"])[0]["sha256"]
        assert fresh.read_blob(sha256) == store.read_blob(sha256)


def test_only_what_is_new_is_pushed_and_a_sound_only_once(store, hub):
    add_run(store, "espeak/en", 220)
    dataset = kept(store, hub)
    dataset.step()
    dataset.step()
    add_run(store, "flite/slt", 220)
    dataset.step()
    assert hub.commits == ["1 runs, 1 sounds", "1 runs, 0 sounds"]
    kept(store, hub).step()
    assert len(hub.commits) == 2


def test_a_store_and_a_dataset_that_have_each_something_of_their_own_end_up_with_both(store, fresh, hub):
    add_run(store, "espeak/en", 220)
    kept(store, hub).step()
    add_run(fresh, "flite/slt", 330, comparison_id=OTHER)
    kept(fresh, hub).step()
    kept(store, hub).step()
    assert {row["engine_id"] for row in rows(store)} == {row["engine_id"] for row in rows(fresh)} == {"espeak/en", "flite/slt"}
    assert len(hub.named("rows/")) == 2


def test_a_public_dataset_gets_nothing_and_one_sentence_says_why(store, hub):
    hub.private = False
    add_run(store, "espeak/en")
    dataset = kept(store, hub)
    dataset.step()
    assert "it is public: make it private" in dataset.notice
    assert hub.files == {}
    assert {method for method, _ in hub.asked} == {"GET"}


def test_a_dataset_that_turns_public_gets_nothing_more(store, hub):
    add_run(store, "espeak/en")
    dataset = kept(store, hub)
    dataset.step()
    hub.private = False
    add_run(store, "flite/slt")
    dataset.step()
    assert "public" in dataset.notice
    assert len(hub.commits) == 1


@pytest.mark.parametrize(("fault", "why"), [(503, "the Hub answered 503"), (403, "give the token write access")])
def test_a_push_that_fails_is_said_once_waits_longer_each_time_and_loses_nothing(store, hub, caplog, fault, why):
    dataset = kept(store, hub)
    dataset.step()
    add_run(store, "espeak/en")
    hub.fault = fault
    with caplog.at_level(logging.WARNING, "comparisons.hub_dataset"):
        waits = [dataset.step() for _ in range(8)]
    assert waits[:3] == [2 * EVERY_S, 4 * EVERY_S, 8 * EVERY_S]
    assert waits[-1] == 3_600
    assert [record.name for record in caplog.records].count("comparisons.hub_dataset") == 1
    assert why in dataset.notice
    assert store.count() == 1
    hub.fault = None
    assert dataset.step() == EVERY_S
    assert dataset.notice is None
    assert len(hub.named("rows/")) == 1


def test_a_hub_that_is_away_at_the_start_is_fetched_from_when_it_is_back(store, fresh, hub):
    add_run(store, "espeak/en")
    kept(store, hub).step()
    hub.fault = 500
    dataset = kept(fresh, hub)
    dataset.step()
    assert rows(fresh) == []
    hub.fault = None
    dataset.step()
    assert rows(fresh) == rows(store)


def test_neither_sessions_nor_keys_nor_paths_nor_votes_leave(store, hub, tmp_path, monkeypatch):
    monkeypatch.setenv("ACME_API_KEY", "acme-7c31f0aa9b")
    sent = json.dumps({"authorization": "Bearer abcdef0123456789", "file": "/home/ann/a.wav"})
    add_run(store, "acme/one", request_sent=sent, error=f"could not read {tmp_path}/x: acme-7c31f0aa9b", status="auth")
    test = Votes(store.folder).add_test({"kind": "ab", "comparison_id": ID}, "visitor-5f1c")
    token = Votes(store.folder).join(test, lambda number: [])
    kept(store, hub).step()
    told = b"".join(hub.files.values())
    for secret in ("visitor-5f1c", "acme-7c31f0aa9b", "abcdef0123456789", "/home/ann", str(tmp_path), test, token, KEY):
        assert secret.encode() not in told


def test_the_token_is_in_no_log_and_no_sentence(store, hub, caplog):
    add_run(store, "espeak/en")
    caplog.set_level(logging.DEBUG)
    dataset = kept(store, hub)
    for fault in (None, 401, 403, 404, 500):
        hub.fault = fault
        dataset.step()
        add_run(store, f"flite/{fault}")
        assert KEY not in (dataset.notice or "")
    hub.fault = None
    wrong = kept(store, hub, "hf_wrongwrongwrongwrong")
    wrong.step()
    assert "does not reach it" in wrong.notice
    assert KEY not in caplog.text
    assert "hf_wrong" not in caplog.text


def test_lines_and_sounds_of_a_stranger_are_left_out_and_the_good_ones_come(store, fresh, hub):
    add_run(store, "espeak/en", 220)
    add_run(store, "flite/slt", 330)
    kept(store, hub).step()
    (name,) = hub.named("rows/")
    good, other = hub.files[name].splitlines()
    wrong = json.dumps({**json.loads(other), "status": "splendid"}).encode()
    escape = json.dumps({**json.loads(other), "comparison_id": "../../x"}).encode()
    hub.files[name] = b"\n".join([b"{", b"[1]", b"null", b'{"x": NaN}', wrong, escape, good])
    broken = hub.named("sounds/")[0]
    hub.files[broken] = b"RIFF but not a sound"
    hub.files |= {"../outside.jsonl": good, "rows/../../x.jsonl": good, "rows/deep/x.jsonl": good, "sounds/00/x.wav": b"RIFF"}
    dataset = kept(fresh, hub)
    assert dataset.step() == EVERY_S
    assert [row["engine_id"] for row in rows(fresh)] == ["espeak/en"]
    assert len(list((fresh.folder / "blobs").glob("??/*"))) <= 1


def test_a_line_with_a_column_of_a_later_version_comes_without_it(store, fresh, hub):
    add_run(store, "espeak/en")
    kept(store, hub).step()
    (name,) = hub.named("rows/")
    hub.files[name] = json.dumps({**json.loads(hub.files[name]), "smell_db": 3}).encode()
    kept(fresh, hub).step()
    assert rows(fresh) == rows(store)


def test_stars_given_after_a_push_reach_the_dataset_and_come_back_with_their_time(store, fresh, hub):
    add_run(store, "espeak/en", 220, rating=2)
    dataset = kept(store, hub)
    dataset.step()
    moment = "2100-01-01T00:00:00.000+00:00"  # on a fast machine both fall into one millisecond
    store.rate(1, 3, "visitor-5f1c", given_at=moment)
    store.rate(1, 5, "visitor-5f1c", given_at=moment)
    dataset.step()
    dataset.step()
    assert hub.commits == ["1 runs, 1 sounds", "1 stars", "2 stars"]
    assert b"visitor-5f1c" not in b"".join(hub.files.values())
    again = kept(fresh, hub)
    again.step()
    assert [row["rating"] for row in fresh.rows()] == [5]
    assert fresh.ratings() == store.ratings()
    again.step()
    kept(store, hub).step()
    assert len(hub.commits) == 3


def test_an_older_star_of_the_dataset_does_not_hide_a_newer_one_given_here(store, fresh, hub):
    add_run(store, "espeak/en", 220)
    kept(store, hub).step()
    kept(fresh, hub).step()
    store.rate(1, 2, given_at="2026-11-21T10:00:00.000+00:00")
    fresh.rate(1, 4, given_at="2026-11-22T10:00:00.000+00:00")
    for each in (store, fresh, store):
        kept(each, hub).step()
    assert [row["rating"] for each in (store, fresh) for row in each.rows()] == [4, 4]


def test_a_star_that_a_row_of_the_dataset_carries_is_kept_once_however_often_the_container_starts(store, tmp_path, hub):
    add_run(store, "espeak/en", 220)
    kept(store, hub).step()
    (name,) = hub.named("rows/")
    hub.files[name] = json.dumps({**json.loads(hub.files[name]), "rating": 4}).encode()
    for place in range(3):
        with Store(tmp_path / f"container-{place}", upkeep=False) as container:
            kept(container, hub).step()
            assert [(row["rating"]) for row in container.rows()] == [4]
            assert len(container.ratings()[0]) == 1
    assert hub.commits == ["1 runs, 1 sounds", "1 stars"]


@pytest.mark.parametrize("change", [{"stars": 6}, {"stars": True}, {"rated_at": "now"}, {"comparison_id": "../x"}, {"more": 1}])
def test_a_star_of_a_stranger_that_cannot_be_one_is_left_out(store, fresh, hub, change):
    add_run(store, "espeak/en", 220)
    store.rate(1, 3)
    kept(store, hub).step()
    (name,) = hub.named("stars/")
    star = json.loads(hub.files[name])
    hub.files[name] = b"\n".join([json.dumps({**star, **change}).encode(), b"[", b"7"])
    kept(fresh, hub).step()
    assert [row["rating"] for row in fresh.rows()] == [None]


def test_many_runs_go_in_parts_that_each_fit_a_commit(store, hub, monkeypatch):
    monkeypatch.setattr("comparisons.hub_dataset.MOST_BYTES", 20_000)
    for place in range(6):
        add_run(store, f"stub/{place}", 200 + 10 * place)
    kept(store, hub).step()
    assert hub.commits == ["2 runs, 2 sounds"] * 3
    assert len(hub.named("sounds/")) == 6


def test_nothing_is_kept_anywhere_unless_a_dataset_is_named(store, monkeypatch):
    monkeypatch.delenv("SOUNDCHECK_DATASET", raising=False)
    monkeypatch.setenv("HF_TOKEN", KEY)
    assert kept_on_the_hub(store) is None


@pytest.mark.parametrize(("repo", "token", "why"), [(REPO, "", "HF_TOKEN is not set"), ("../x/y", KEY, "owner and name")])
def test_a_setting_that_cannot_work_is_said_in_one_sentence(store, hub, repo, token, why):
    dataset = HubDataset(store, repo, token, endpoint=hub.address)
    dataset.step()
    assert why in dataset.notice
    assert hub.asked == []


def test_the_end_of_the_program_pushes_what_is_new(store, hub, monkeypatch):
    monkeypatch.setenv("SOUNDCHECK_DATASET", REPO)
    monkeypatch.setenv("HF_TOKEN", KEY)
    monkeypatch.setenv("HF_ENDPOINT", hub.address)
    add_run(store, "espeak/en")
    dataset = kept_on_the_hub(store)
    dataset.close()
    assert len(hub.named("rows/")) == 1
