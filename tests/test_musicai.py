"""Music.ai: what the engine sends and what comes back. Exchanges are from docs, not recorded."""

import pytest
from fake_clouds import CANARY, Pace, cloud, tone

from comparisons import faults
from comparisons.cost import bill
from engine.contract import BadResponse, Mark, Separate
from engine.tasks import TASKS, usage_of

ENGINE = "musicai/stems-vocals-accompaniment"


def test_a_mix_is_stored_separated_by_a_job_and_fetched():
    request = Separate(tone(1.0))
    with cloud(ENGINE) as (engine, api, _):
        pace = Pace(engine)
        mark, *stems, facts = engine.run(request, 10.0)
    assert mark == Mark("uploaded")
    assert [stem.name for stem in stems] == ["vocals", "accompaniment"]
    assert {(stem.audio.seconds, stem.audio.rate) for stem in stems} == {(1.0, 44_100)}
    assert TASKS["separation"].join(stems).stems == tuple(stems)
    workflow = "music-ai/stems-vocals-accompaniment"
    assert (facts.request_id, facts.poll_s, facts.sent) == ("job-1", 0.5, {"workflow": workflow})
    place, store, submit, *looks, _vocals, _rest = api.journal
    assert (place.method, place.path, place.headers["authorization"]) == ("GET", "/v1/upload", CANARY)
    assert (store.method, store.query, store.wav) == ("PUT", [("signature", "s")], (1.0, 44_100, 2))
    source = f"{api.url}/storage/place-1"
    assert submit.json() == {"name": "soundcheck", "workflow": workflow, "params": {"inputUrl": source}}
    assert [seen.path for seen in looks] == ["/v1/job/job-1"] * 2
    assert pace.looks(0.5) == 2
    assert bill(engine.spec, usage_of(request, None), None, None, None).cost_usd == pytest.approx(0.07 / 60)


@pytest.mark.parametrize(
    ("why", "kind", "words"),
    [
        ({"code": "BAD_INPUT", "title": "Bad input", "message": "The file is not supported."}, "bad_input", "not supported"),
        ({"title": "Internal"}, "server", "Internal"),
        (None, "server", "no reason given"),
    ],
)
def test_a_failed_job_says_why_and_whose_fault_it_is(why, kind, words):
    with cloud(ENGINE) as (engine, _, vendor):
        vendor.states, vendor.job_error = ("FAILED",), why
        with pytest.raises(Exception, match=words) as caught:
            list(engine.run(Separate(tone()), 20.0))
    assert faults.sort(caught.value).kind == kind


@pytest.mark.parametrize("where", ["storage", "elsewhere"])
def test_neither_the_mix_nor_a_request_goes_to_an_address_that_is_not_the_vendors(where):
    with cloud(ENGINE) as (engine, api, vendor):
        setattr(vendor, where, "ftp://storage.example/place-1")
        with pytest.raises(BadResponse, match=r"not https|not the vendor's"):
            list(engine.run(Separate(tone()), 20.0))
    assert {seen.path.split("/")[1] for seen in api.journal} <= {"v1", "storage"}
