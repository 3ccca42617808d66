"""Soniox: what each engine sends and what comes back. Exchanges are from docs, not recorded."""

import json

import pytest
from fake_clouds import CANARY, SPECS, Pace, cloud, tone

from comparisons import faults
from comparisons.cost import bill
from engine.contract import BadInput, Mark, Text, Transcribe, Usage, Word
from providers import soniox

WORDS = (Word("The", 0.1, 0.2, 0.99, "1"), Word("quick", 0.2, 0.5, 0.6, "1"), Word("fox.", 0.6, 0.81, 0.8, "2"))
ASKED = {
    "enable_language_identification": True,
    "language_hints": ["en"],
    "language_hints_strict": True,
    "context": {"terms": ["Soundcheck", "Aura"]},
    "enable_speaker_diarization": True,
}


def test_a_job_is_uploaded_polled_fetched_and_deleted():
    with cloud("soniox/stt-async-v5") as (engine, api, _):
        pace = Pace(engine)
        request = Transcribe(tone(2.0, rate=44_100), language="en", prompt="Soundcheck, Aura", speakers=True)
        mark, text, usage, answered, facts = engine.run(request, 20.0)
    assert (mark, answered) == (Mark("uploaded"), Mark("answered"))
    assert text == Text("The quick fox.", words=WORDS, language="en")
    assert usage == Usage({"input_audio_seconds": 2.0})
    assert bill(engine.spec, {}, usage.amounts, None, None).cost_usd == pytest.approx(2 / 3600 * 0.10)
    assert (facts.request_id, facts.poll_s, facts.model) == ("job-1", 0.25, "stt-async-v5")
    assert facts.sent == {**ASKED, "model": "stt-async-v5", "delete_after": True}
    upload, submit, *looks, transcript, first, second = api.journal
    assert (upload.path, upload.wav) == ("/v1/files", (2.0, 16_000, 1))
    assert submit.json() == {**ASKED, "model": "stt-async-v5", "file_id": "file-1"}
    assert [seen.path for seen in looks] == ["/v1/transcriptions/job-1"] * 2
    assert transcript.path == "/v1/transcriptions/job-1/transcript"
    assert [(seen.method, seen.path) for seen in (first, second)] == [
        ("DELETE", "/v1/transcriptions/job-1"),
        ("DELETE", "/v1/files/file-1"),
    ]
    assert {seen.headers["authorization"] for seen in api.journal} == {f"Bearer {CANARY}"}
    assert pace.looks(0.25) == 2


def test_the_row_says_so_when_the_vendor_did_not_confirm_the_deletion():
    with cloud("soniox/stt-async-v5") as (engine, _, vendor):
        vendor.deletes = 409
        _, text, _, _, facts = engine.run(Transcribe(tone()), 20.0)
    assert text.text == "The quick fox."
    assert facts.sent["delete_after"] is False


def test_what_a_failed_job_left_behind_is_deleted_too():
    with cloud("soniox/stt-async-v5") as (engine, api, vendor):
        vendor.states = ("queued", "error")
        with pytest.raises(Exception, match="could not be decoded") as caught:
            list(engine.run(Transcribe(tone()), 20.0))
    assert faults.sort(caught.value).kind == "bad_input"
    assert [seen.path for seen in api.journal if seen.method == "DELETE"] == ["/v1/transcriptions/job-1", "/v1/files/file-1"]


def test_a_sound_whose_job_was_refused_is_deleted_all_the_same():
    with cloud("soniox/stt-async-v5") as (engine, api, _):
        api.fail("overloaded", path="/transcriptions")
        with pytest.raises(Exception) as caught:
            list(engine.run(Transcribe(tone()), 20.0))
    fault = faults.sort(caught.value, secrets=[CANARY])
    assert (fault.kind, fault.status) == ("server", 503)
    assert [(seen.method, seen.path) for seen in api.journal[1:]] == [
        ("POST", "/v1/transcriptions"),
        ("DELETE", "/v1/files/file-1"),
    ]


def test_the_live_engine_guesses_meanwhile_and_answers_once_at_the_end():
    with cloud("soniox/stt-rt-v5-live") as (engine, api, _):
        pieces = list(engine.run(Transcribe(tone(0.85), language="en", prompt="Soundcheck, Aura", speakers=True), 20.0))
    texts = [piece for piece in pieces if isinstance(piece, Text)]
    assert [text.text for text in texts if not text.final][:3] == ["The", "The qui", "The quick"]
    assert [text for text in texts if text.final] == [Text("The quick fox.", words=WORDS, language="en")]
    assert pieces.index(texts[0]) < pieces.index(Mark("speech_end")) < pieces.index(texts[-1])
    *_, usage, facts = pieces
    assert usage == Usage({"input_audio_seconds": 0.85})
    assert bill(engine.spec, {}, usage.amounts, None, None).cost_usd == pytest.approx(0.85 / 3600 * 0.12)
    (seen,) = api.journal
    assert (seen.path, seen.query, seen.headers["authorization"]) == ("/transcribe-websocket", [], f"Bearer {CANARY}")
    sent = {**ASKED, "model": "stt-rt-v5", "audio_format": "pcm_s16le", "sample_rate": 16_000, "num_channels": 1}
    assert json.loads(seen.messages[0]) == sent
    assert facts.sent == sent
    assert seen.messages[1:] == [3_200] * 8 + [1_600, ""]
    assert CANARY not in seen.messages[0]


@pytest.mark.parametrize(
    ("code", "kind"), [(401, "auth"), (402, "quota"), (429, "rate_limit"), (400, "bad_input"), (503, "server")]
)
def test_an_error_amid_the_live_stream_has_its_kind(code, kind):
    with cloud("soniox/stt-rt-v5-live") as (engine, _, vendor):
        vendor.live_error = {"error_code": code, "error_message": "no more of this"}
        with pytest.raises(Exception, match="no more of this") as caught:
            list(engine.run(Transcribe(tone(0.1)), 20.0))
    assert faults.sort(caught.value).kind == kind


@pytest.mark.parametrize("engine_id", [spec.id for spec in soniox.ENGINES])
def test_a_language_that_is_not_two_letters_is_refused_before_anything_is_sent(engine_id):
    with cloud(engine_id) as (engine, api, _):
        with pytest.raises(BadInput, match="'en-US'"):
            list(engine.run(Transcribe(tone(), language="en-US"), 20.0))
        assert api.journal == []


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        (["Hel", "lo", ",", " wor", "ld"], ["Hello,", "world"]),
        (["How", " ", "are", ""], ["How", "are"]),
        (["你", "好", "。"], ["你", "好。"]),
    ],
)
def test_pieces_of_words_are_joined_whatever_the_script(texts, words):
    with cloud("soniox/stt-async-v5") as (engine, _, vendor):
        vendor.tokens = [
            {"text": text, "start_ms": 100 * at, "end_ms": 100 * at + 100, "confidence": 0.9} for at, text in enumerate(texts)
        ]
        _, text, *_ = engine.run(Transcribe(tone()), 20.0)
    assert [word.text for word in text.words] == words


def test_both_engines_are_of_the_same_system():
    assert {SPECS[spec.id].system for spec in soniox.ENGINES} == {"Soniox"}
