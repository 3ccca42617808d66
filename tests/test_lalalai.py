"""LALAL.AI: what the engines send and what comes back. Exchanges are from docs, not recorded."""

import sys

import pytest
from fake_clouds import CANARY, Pace, cloud, tone

from comparisons import faults
from comparisons.cost import bill
from engine.contract import BadResponse, Mark, Separate, Stem
from engine.tasks import TASKS, usage_of


@pytest.mark.parametrize("model", ["andromeda", "perseus", "orion"])
def test_a_mix_is_uploaded_split_fetched_and_deleted(model):
    request = Separate(tone(1.0))
    with cloud(f"lalalai/{model}") as (engine, api, vendor):
        uploaded, *stems, answered, facts = engine.run(request, 10.0)
    assert (uploaded, answered) == (Mark("uploaded"), Mark("answered"))
    assert [stem.name for stem in stems] == ["vocals", "instrumental"]
    assert {(stem.audio.seconds, stem.audio.rate) for stem in stems} == {(1.0, 44_100)}
    assert TASKS["separation"].join(stems).stems == tuple(stems)
    sent = {"stem": "vocals", "splitter": model, "encoder_format": "wav"}
    assert (facts.request_id, facts.poll_s, facts.sent) == ("job-1", 2.0, {**sent, "deleted": True})
    upload, split, check, vocals, rest, delete = api.journal
    assert (upload.path, upload.headers["x-license-key"], upload.wav) == ("/api/v1/upload/", CANARY, (1.0, 44_100, 2))
    assert split.json() == {"source_id": "source-1", "presets": sent}
    assert check.json() == {"task_ids": ["job-1"]}
    assert (vocals.path, rest.path) == ("/files/0-vocals", "/files/1-no_vocals")
    assert (delete.path, vendor.deleted) == ("/api/v1/delete/", ["source-1"])
    assert bill(engine.spec, usage_of(request, None), None, None, None).cost_usd == pytest.approx(0.06 / 60)


def test_no_more_than_thirty_looks_a_minute_are_taken(monkeypatch):
    module = sys.modules["providers.lalalai"]
    assert module.POLL_S >= 60 / 30
    monkeypatch.setattr(module, "POLL_S", 0.2)
    with cloud("lalalai/orion") as (engine, api, vendor):
        pace = Pace(engine)
        vendor.states = ("progress", "progress", "success")
        list(engine.run(Separate(tone()), 10.0))
    assert sum(seen.path.endswith("/check/") for seen in api.journal) == 3
    assert pace.looks(0.2) == 2


def test_stems_are_kept_when_the_vendor_does_not_confirm_the_deletion():
    with cloud("lalalai/orion") as (engine, _, vendor):
        vendor.undeletable = True
        pieces = list(engine.run(Separate(tone()), 20.0))
    assert sum(isinstance(piece, Stem) for piece in pieces) == 2
    assert pieces[-1].sent["deleted"] is False


@pytest.mark.parametrize(
    ("status", "why", "kind"),
    [
        ("error", {"code": "inference_error", "detail": "Unable to detect voice/vocals in the uploaded files"}, "bad_input"),
        ("error", {"code": "internal_error", "detail": "Something broke"}, "server"),
        ("server_error", "Something broke", "server"),
        ("cancelled", None, "server"),
    ],
)
def test_a_failed_job_says_why_and_whose_fault_it_is(status, why, kind):
    with cloud("lalalai/orion") as (engine, _, vendor):
        vendor.states, vendor.job_error = (status,), why
        with pytest.raises(Exception, match="could not finish") as caught:
            list(engine.run(Separate(tone()), 20.0))
    fault = faults.sort(caught.value)
    assert fault.kind == kind
    assert (why["detail"] if isinstance(why, dict) else why or status) in fault.message


def test_a_stem_that_lies_elsewhere_is_not_fetched():
    with cloud("lalalai/orion") as (engine, api, vendor):
        vendor.elsewhere = "https://lalal.ai.example"
        with pytest.raises(BadResponse, match="not the vendor's"):
            list(engine.run(Separate(tone()), 20.0))
    assert [seen.path for seen in api.journal if "files" in seen.path] == []
