"""Groq: what each engine sends and what comes back. Exchanges are from docs, not recorded."""

import struct
import threading

import numpy as np
import pytest
from fake_clouds import CANARY, cloud, tone

from comparisons.catalogue import blocked
from comparisons.cost import bill
from engine.audio import Audio
from engine.contract import BadResponse, Facts, Synthesize, Text, Transcribe, Word
from engine.tasks import usage_of


@pytest.mark.parametrize(("model", "usd_per_hour"), [("whisper-large-v3", 0.111), ("whisper-large-v3-turbo", 0.04)])
def test_whisper_bills_ten_seconds_for_one_and_counts_them_itself(model, usd_per_hour):
    with cloud(f"groq/{model}") as (engine, api, _):
        request = Transcribe(tone(1.0, rate=44_100), language="en", prompt="Aura", word_times=True)
        text, facts = engine.run(request, 20.0)
    assert text == Text("the quick brown fox", words=(Word("the", 0.1, 0.2), Word("quick", 0.2, 0.5)), language="english")
    assert isinstance(facts, Facts)
    assert facts.request_id == "req_1"
    (seen,) = api.journal
    assert (seen.path, seen.key, seen.wav) == ("/openai/v1/audio/transcriptions", CANARY, (1.0, 16_000, 1))
    assert sorted(seen.fields) == [
        ("language", "en"),
        ("model", model),
        ("prompt", "Aura"),
        ("response_format", "verbose_json"),
        ("timestamp_granularities[]", "word"),
    ]
    made = bill(engine.spec, usage_of(request, None), None, 1.0, None)
    assert made.cost_usd == pytest.approx(10 / 3600 * usd_per_hour)
    assert made.evidence == "counted usage"


def test_orpheus_is_taken_out_of_its_wav_at_the_files_own_rate():
    with cloud("groq/orpheus-v1-english") as (engine, api, vendor):
        *chunks, facts = engine.run(Synthesize("Hello there.", voice="troy"), 20.0)
    assert np.array_equal(Audio.join(chunks).samples, Audio.from_pcm16(vendor.pcm, 24_000).samples)
    assert facts.sent == {"model": "canopylabs/orpheus-v1-english", "response_format": "wav", "voice": "troy"}
    (seen,) = api.journal
    assert (seen.path, seen.json()) == ("/openai/v1/audio/speech", {**facts.sent, "input": "Hello there."})
    made = bill(engine.spec, usage_of(Synthesize("Hello there."), None), None, 1.0, None)
    assert made.cost_usd == pytest.approx(12 * 22 / 1e6)


def test_orpheus_takes_no_more_than_200_characters():
    with cloud("groq/orpheus-v1-english") as (engine, _, _vendor):
        assert "at most 200 characters" in blocked(engine.spec, Synthesize("x" * 201))


def test_a_wav_is_played_while_it_still_arrives():
    with cloud("groq/orpheus-v1-english") as (engine, _, vendor):
        vendor.hold = threading.Event()
        run = engine.run(Synthesize("Hello."), 10.0)
        first = next(run)
        assert 0 < first.frames < 12_000
        vendor.hold.set()
        assert first.frames + sum(piece.frames for piece in run if isinstance(piece, Audio)) == 12_000


def wav_with(data, *, size=None, rate=24_000, channels=1, extra=b""):
    """A WAV whose header states `size`, with `extra` chunks before and after the samples."""
    layout = struct.pack("<HHIIHH", 1, channels, rate, rate * channels * 2, channels * 2, 16)
    body = b"WAVEfmt " + struct.pack("<I", 16) + layout + extra + b"data" + struct.pack("<I", len(data) if size is None else size)
    return b"RIFF" + struct.pack("<I", 0xFFFF_FFFF) + body + data + extra


@pytest.mark.parametrize("size", [None, 0, 0xFFFF_FFFF, 0x7FFF_FFFF])
def test_a_wav_of_unknown_length_and_one_with_tags_are_the_same_sound(size, monkeypatch):
    tags = b"LIST" + struct.pack("<I", 3) + b"abc\0"
    with cloud("groq/orpheus-v1-english") as (engine, _, vendor):
        monkeypatch.setattr(
            vendor, "wav", lambda: wav_with(vendor.pcm, size=size, rate=22_050, extra=tags if size is None else b"")
        )
        sound = Audio.join([piece for piece in engine.run(Synthesize("Hello."), 20.0) if isinstance(piece, Audio)])
    assert sound.rate == 22_050
    assert np.array_equal(sound.samples, Audio.from_pcm16(vendor.pcm, 22_050).samples)


def test_another_container_is_decoded_once_it_is_complete(monkeypatch):
    with cloud("groq/orpheus-v1-english") as (engine, _, vendor):
        monkeypatch.setattr(vendor, "wav", lambda: Audio.from_pcm16(vendor.pcm, 24_000).to_wav(floats=True))
        sound, _facts = engine.run(Synthesize("Hello."), 20.0)
    assert np.allclose(sound.samples, Audio.from_pcm16(vendor.pcm, 24_000).samples)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "without any audio"),
        (wav_with(b""), "without any audio"),
        (wav_with(b"\1\2\3"), "in the middle of a sample"),
        (b"\0\1" * 5_000, "not a sound file"),
        (b"upstream connect error" * 9, "not a sound file"),
    ],
)
def test_a_body_that_is_no_sound_file_is_never_taken_for_speech(body, why, monkeypatch):
    with cloud("groq/orpheus-v1-english") as (engine, _, vendor):
        monkeypatch.setattr(vendor, "wav", lambda: body)
        with pytest.raises(BadResponse, match=why):
            list(engine.run(Synthesize("Hello."), 20.0))
