"""ElevenLabs: what each engine sends and what comes back. Exchanges are from docs, not recorded."""

import math
import threading
import zipfile

import numpy as np
import pytest
from fake_clouds import CANARY, cloud, tone
from fake_elevenlabs import mp3, zipped

from comparisons import faults
from comparisons.cost import bill
from engine.audio import Audio
from engine.contract import (
    BadInput,
    BadResponse,
    Compose,
    Mark,
    Separate,
    Stem,
    Synthesize,
    Text,
    Transcribe,
    Unsupported,
    Usage,
    Word,
)
from engine.tasks import TASKS, usage_of
from providers._http import TooLarge

SPEECH = ["eleven_v4", "eleven_v4_turbo", "eleven_v3", "eleven_flash_v2_5", "eleven_multilingual_v2"]


def test_scribe_sends_one_wav_and_keeps_only_words():
    """T18."""
    with cloud("elevenlabs/scribe_v2") as (engine, api, _):
        request = Transcribe(tone(1.0, rate=44_100), language="en", prompt="Soundcheck, Aura", word_times=True, speakers=True)
        text, usage, facts = engine.run(request, 20.0)
    confidence = math.exp(-0.1)
    assert text == Text(
        "The quick",
        words=(Word("The", 0.0, 0.1, confidence, "speaker_0"), Word("quick", 0.2, 0.2 + 0.1, confidence, "speaker_0")),
        language="eng",
    )
    assert usage == Usage({"input_audio_seconds": 1.0, "keyterm_audio_seconds": 1.0})
    assert bill(engine.spec, {}, usage.amounts, 1.0, None).cost_usd == pytest.approx((0.22 + 0.05) / 3600)
    assert facts.request_id == "el-1"
    (seen,) = api.journal
    assert (seen.path, seen.headers["xi-api-key"], seen.wav) == ("/v1/speech-to-text", CANARY, (1.0, 16_000, 1))
    fields = [(name, value) for name, value in seen.fields if value != "null"]
    assert fields == [
        ("model_id", "scribe_v2"),
        ("language_code", "en"),
        ("tag_audio_events", "false"),
        ("timestamps_granularity", "word"),
        ("diarize", "true"),
        ("keyterms", "Soundcheck"),
        ("keyterms", "Aura"),
    ]


def test_scribe_without_terms_costs_the_plain_rate():
    with cloud("elevenlabs/scribe_v2") as (engine, api, _):
        text, usage, _facts = engine.run(Transcribe(tone(2.0)), 20.0)
    assert text.words == ()
    assert ("timestamps_granularity", "none") in api.journal[0].fields
    assert bill(engine.spec, {}, usage.amounts, 1.0, None).cost_usd == pytest.approx(2 * 0.22 / 3600)


def test_the_live_engine_commits_at_the_end_of_speech_and_takes_what_is_committed_then_for_the_rest():
    """T6, T9, T18."""
    request = Transcribe(tone(0.45), language="en", prompt="Aura")
    with cloud("elevenlabs/scribe_v2_realtime-live") as (engine, api, _):
        pieces = list(engine.run(request, 20.0))
    texts = [piece for piece in pieces if isinstance(piece, Text)]
    assert texts[0] == Text("the quick", final=False)
    assert texts[-1] == Text("The quick fox.")
    assert pieces.index(texts[0]) < pieces.index(Mark("speech_end")) < pieces.index(texts[-1])
    assert pieces[-1].request_id == "el-5"
    (seen,) = api.journal
    assert (seen.path, seen.headers["xi-api-key"]) == ("/v1/speech-to-text/realtime", CANARY)
    assert dict(seen.query) == {
        "model_id": "scribe_v2_realtime",
        "audio_format": "pcm_16000",
        "commit_strategy": "manual",
        "language_code": "en",
        "keyterms": "Aura",
    }
    sound = {"message_type": "input_audio_chunk", "commit": False, "sample_rate": 16_000}
    sent = [{**sound, "audio_base_64": size} for size in (3_200, 3_200, 3_200, 3_200, 1_600)]
    assert seen.messages == [*sent, {**sound, "audio_base_64": 0, "commit": True}]
    cost = bill(engine.spec, usage_of(request, None), None, 1.0, None)
    assert cost.cost_usd == pytest.approx(0.45 * 0.39 / 3600)


def test_the_live_engine_waits_for_the_words_times_where_they_are_asked_for():
    with cloud("elevenlabs/scribe_v2_realtime-live") as (engine, api, _):
        finals = [
            piece for piece in engine.run(Transcribe(tone(0.1), word_times=True), 20.0) if isinstance(piece, Text) and piece.final
        ]
    assert finals == [Text("The quick fox.", words=(Word("The", 0.0, 0.1, 1.0),), language="en")]
    assert ("include_timestamps", "true") in api.journal[0].query


def test_a_live_session_that_never_commits_the_rest_is_a_bad_response():
    """T6."""
    with cloud("elevenlabs/scribe_v2_realtime-live") as (engine, _, vendor):
        vendor.terminal = False
        with pytest.raises(BadResponse, match="without the closing report"):
            list(engine.run(Transcribe(tone(0.1)), 20.0))


@pytest.mark.parametrize(
    ("message", "kind"),
    [("auth_error", "auth"), ("quota_exceeded", "quota"), ("rate_limited", "rate_limit"), ("input_error", "bad_input")],
)
def test_an_error_within_a_live_session_has_its_kind(message, kind):
    with cloud("elevenlabs/scribe_v2_realtime-live") as (engine, _, vendor):
        vendor.refusal = {"message_type": message, "error": "Session refused"}
        with pytest.raises(Exception, match="Session refused") as caught:
            list(engine.run(Transcribe(tone(0.1)), 20.0))
    assert faults.sort(caught.value).kind == kind


@pytest.mark.parametrize("model", SPEECH)
def test_speech_is_streamed_as_pcm_and_billed_by_its_characters(model):
    """T18."""
    request = Synthesize("Hello there.")
    with cloud(f"elevenlabs/{model}") as (engine, api, vendor):
        *chunks, facts = engine.run(request, 20.0)
    assert np.array_equal(Audio.join(chunks).samples, Audio.from_pcm16(vendor.pcm, 24_000).samples)
    assert facts.request_id == "el-2"
    assert facts.sent == {"voice_id": "JBFqnCBsd6RMkjVDRZzb", "model_id": model, "output_format": "pcm_24000"}
    (seen,) = api.journal
    assert seen.path == "/v1/text-to-speech/JBFqnCBsd6RMkjVDRZzb/stream"
    assert (seen.query, seen.json()) == ([("output_format", "pcm_24000")], {"text": "Hello there.", "model_id": model})
    usd = 0.04 if model in ("eleven_v4_turbo", "eleven_flash_v2_5") else 0.08
    assert bill(engine.spec, usage_of(request, None), None, 1.0, None).cost_usd == pytest.approx(12 / 1000 * usd)


def test_voice_language_and_speed_reach_the_vendor():
    """T18."""
    with cloud("elevenlabs/eleven_flash_v2_5") as (engine, api, _):
        list(engine.run(Synthesize("Guten Tag.", voice="abcDEF0123456789", language="de", speed=1.1), 20.0))
    (seen,) = api.journal
    assert seen.path == "/v1/text-to-speech/abcDEF0123456789/stream"
    sent = {"language_code": "de", "voice_settings": {"speed": 1.1}}
    assert seen.json() == {"text": "Guten Tag.", "model_id": "eleven_flash_v2_5", **sent}


@pytest.mark.parametrize("voice", ["../../user", "a/b", "", "alloy\n", "george?x=1"])
def test_a_voice_that_is_no_id_never_reaches_the_address(voice):
    with cloud("elevenlabs/eleven_v4") as (engine, api, _):
        if voice:
            with pytest.raises(BadInput, match="no voice"):
                list(engine.run(Synthesize("Hello.", voice=voice), 20.0))
            assert api.journal == []
        else:
            list(engine.run(Synthesize("Hello.", voice=voice), 20.0))
            assert "JBFqnCBsd6RMkjVDRZzb" in api.journal[0].path


@pytest.mark.parametrize(
    ("setting", "error"), [({"language": "xx"}, Unsupported), ({"speed": 2.0}, BadInput), ({"speed": 0.5}, BadInput)]
)
def test_what_flash_cannot_take_is_refused_before_anything_is_sent(setting, error):
    with cloud("elevenlabs/eleven_flash_v2_5") as (engine, api, _):
        with pytest.raises(error):
            list(engine.run(Synthesize("Hello.", **setting), 20.0))
        assert api.journal == []


@pytest.mark.parametrize(("engine_id", "request_"), [("eleven_v4", Synthesize("Hello.")), ("music_v2_5", Compose("Bells"))])
def test_sound_arrives_before_the_answer_is_complete(engine_id, request_):
    """T5."""
    with cloud(f"elevenlabs/{engine_id}") as (engine, api, vendor):
        vendor.hold = threading.Event()
        run = engine.run(request_, 10.0)
        assert api.journal == []
        assert next(run).frames < 12_000
        vendor.hold.set()
        list(run)


def test_music_is_decoded_in_both_channels_as_it_comes():
    """T18."""
    with cloud("elevenlabs/music_v1") as (engine, api, _):
        *chunks, facts = engine.run(Compose("Bells", duration_s=4.0), 10.0)
    sound = Audio.join(chunks)
    assert (sound.rate, sound.channels) == (44_100, 2)
    assert sound.seconds == pytest.approx(4.0, abs=0.1)
    assert sound.peak == pytest.approx(0.25, abs=0.05)
    assert facts.request_id == "song-1"
    (seen,) = api.journal
    assert seen.query == [("output_format", "auto")]
    assert seen.json() == {"prompt": "Bells", "music_length_ms": 4_000, "model_id": "music_v1"}
    assert bill(engine.spec, usage_of(Compose("Bells"), None), None, 1.0, None).cost_usd is None, "the price was not found"


def test_music_of_two_seconds_is_refused_before_anything_is_sent():
    with cloud("elevenlabs/music_v2") as (engine, api, _):
        with pytest.raises(BadInput, match="3 to 600 s"):
            list(engine.run(Compose("Bells", duration_s=2.0), 20.0))
        assert api.journal == []


def test_isolation_gives_one_stem_as_long_as_the_mix():
    """T18."""
    with cloud("elevenlabs/audio_isolation") as (engine, api, _):
        stem, facts = engine.run(Separate(tone(1.0, rate=44_100)), 10.0)
    assert (stem.name, stem.audio.seconds) == ("voice", pytest.approx(1.0, abs=0.001))
    assert facts.request_id == "el-3"
    assert (api.journal[0].path, api.journal[0].wav) == ("/v1/audio-isolation", (1.0, 44_100, 1))


@pytest.mark.parametrize(
    ("model", "names"),
    [
        ("two_stems_v1", ["vocals", "instrumental"]),
        ("six_stems_v1", ["vocals", "drums", "bass", "guitar", "piano", "other"]),
    ],
)
def test_stems_come_out_of_the_archive_in_its_order(model, names):
    """T16, T18."""
    with cloud(f"elevenlabs/{model}") as (engine, api, _):
        *stems, facts = engine.run(Separate(tone(1.0, rate=44_100)), 10.0)
    assert [stem.name for stem in stems] == names
    assert all(stem.audio.seconds == pytest.approx(1.0, abs=0.001) for stem in stems)
    assert TASKS["separation"].join(stems).stems == tuple(stems)
    sent = {"stem_variation_id": model, "output_format": "mp3_44100_128"}
    assert (facts.request_id, facts.sent) == ("el-4", sent)
    (seen,) = api.journal
    assert (seen.path, seen.query) == ("/v1/music/stem-separation", [("output_format", "mp3_44100_128")])
    assert (seen.fields, seen.wav) == ([("stem_variation_id", model)], (1.0, 44_100, 2))


def separated(archive):
    with cloud("elevenlabs/two_stems_v1") as (engine, _, vendor):
        vendor.archive = archive
        return [piece for piece in engine.run(Separate(tone(1.0)), 10.0) if isinstance(piece, Stem)]


def test_a_stems_name_never_leaves_its_folder():
    (stem,) = separated(zipped({"../../etc/<b>vocals\u202e</b>.mp3": mp3(1.0)}))
    assert stem.name == "b"


@pytest.mark.parametrize(
    ("archive", "error", "words"),
    [
        (zipped({f"{at}.mp3": b"" for at in range(17)}), TooLarge, "more than 16 stems"),
        (zipped({"vocals.mp3": bytes(2_000_000)}, zipfile.ZIP_DEFLATED), TooLarge, "'vocals' of more than"),
        (zipped({"a/vocals.mp3": mp3(0.1), "b/vocals.mp3": mp3(0.1)}), BadResponse, "not a ZIP file of stems"),
        (zipped({"vocals.mp3": b"<html></html>"}), BadResponse, "not a ZIP file of stems"),
        (zipped({}), BadResponse, "without stems"),
        (zipped({"vocals.mp3": mp3(0.5)}).replace(b"\xff\xfb", b"\xff\xfa", 3), BadResponse, "cannot be read"),
        (b"PK\x03\x04 and then nothing", BadResponse, "cannot be read"),
    ],
    ids=["many files", "a bomb", "one name twice", "no sound", "no files", "a wrong checksum", "half a file"],
)
def test_an_archive_is_not_believed(archive, error, words):
    with pytest.raises(error, match=words):
        separated(archive)
