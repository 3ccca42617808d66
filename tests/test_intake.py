"""Every hostile file gets its verdict; what is let in is exact; the decoder's process can neither hang nor hurt its caller."""

import dataclasses
import os
import re
import select
import subprocess
import sys
from pathlib import Path

import av
import hostile_audio
import numpy as np
import pytest
import soundfile
from hostile_audio import CASES
from hypothesis import given
from hypothesis import strategies as st

from comparisons import _reader
from comparisons._reader import IntakeLimits
from comparisons.intake import limits_here, safe_name, take_in, take_text
from engine.audio import Audio
from engine.contract import BadInput, NotReady


def saved(folder: Path, content: bytes, name: str = "a.wav") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_hostile_or_odd_file_gets_its_verdict(case, tmp_path):
    path, limits = case.put(tmp_path), dataclasses.replace(IntakeLimits(), **case.limits)
    if case.seconds is None:
        with pytest.raises(BadInput) as refused:
            take_in(path, limits=limits)
        sentence = str(refused.value)
        assert re.search(case.says, sentence.partition(": accepted")[0]), sentence
        assert "accepted are WAV" in sentence and "\n" not in sentence and str(tmp_path) not in sentence
        return
    taken = take_in(path, limits=limits)
    low, high = case.seconds if isinstance(case.seconds, tuple) else (case.seconds - 0.05, case.seconds + 0.05)
    said = " ".join(taken.warnings)
    assert low <= taken.seconds <= high, (taken.seconds, said)
    assert re.search(case.says, said) if case.says else not said, said
    assert np.isfinite(taken.audio.samples).all() and taken.audio.samples.dtype == np.float32


def test_there_are_at_least_sixty_hostile_files_and_no_two_share_a_name():
    assert len({case.name for case in CASES}) == len(CASES) >= 60


@pytest.mark.parametrize(
    "container, subtype",
    [("WAV", "FLOAT"), ("WAV", "PCM_16"), ("WAV", "PCM_24"), ("WAV", "PCM_U8"), ("FLAC", "PCM_24"), ("AIFF", "DOUBLE")],
)
def test_a_lossless_file_decodes_to_the_samples_that_another_reader_gives(tmp_path, container, subtype):
    path = saved(tmp_path, hostile_audio.written(container, subtype, channels=3))
    expected, rate = soundfile.read(path, dtype="float32", always_2d=True)
    taken = take_in(path)
    assert (taken.source_rate, taken.source_channels) == (rate, 3)
    np.testing.assert_array_equal(taken.audio.samples, expected.T)


def test_the_same_sound_has_one_hash_in_wav_and_flac_and_another_at_another_rate_or_with_other_channels(tmp_path):
    wav = take_in(saved(tmp_path, hostile_audio.written("WAV", "PCM_16")))
    soundfile.write(tmp_path / "b.flac", *soundfile.read(tmp_path / "a.wav", dtype="int16"))
    flac = take_in(tmp_path / "b.flac")
    assert wav.sha256 == flac.sha256 == wav.audio.sha256()
    samples = wav.audio.samples
    others = {
        Audio(samples, 8000).sha256(),
        Audio(samples.reshape(2, -1), wav.source_rate).sha256(),
        Audio(samples * 0.5, 24_000).sha256(),
    }
    assert len(others | {wav.sha256}) == 4


def test_the_canonical_wav_comes_back_through_the_intake_unchanged(tmp_path):
    first = take_in(saved(tmp_path, hostile_audio.written("WAV", "FLOAT", level=3.0)))
    again = take_in(saved(tmp_path, first.wav, "again.wav"))
    assert again.sha256 == first.sha256
    assert again.audio.peak > 2.9, "samples beyond full scale are kept"


def test_every_part_of_a_chained_ogg_is_heard_in_order(tmp_path):
    parts = [hostile_audio.written("OGG", "VORBIS", level=level) for level in (0.1, 0.6)]
    audio = take_in(saved(tmp_path, b"".join(parts))).audio
    assert audio.part(0.5, 1.5).peak < 0.3 < 0.5 < audio.part(2.5, 3.5).peak


def test_the_display_name_is_the_given_one_and_the_refusal_shows_it_cleaned(tmp_path):
    assert take_in(saved(tmp_path, hostile_audio.written("WAV", "PCM_16")), name="C:\\x\\my take.wav").name == "my take.wav"
    with pytest.raises(BadInput, match=r"^'evil\.wav' is empty"):
        take_in(saved(tmp_path, b""), name="../../\x1b\u202eevil.wav")


# ---------------------------------------------------------------- the decoder's process


@pytest.fixture
def fake_decoder(tmp_path, monkeypatch):
    """Puts a script in the decoder's place."""

    def install(script: str) -> None:
        path = saved(tmp_path, b"import json, os, signal, sys, time\n" + script.encode(), "decoder.py")
        monkeypatch.setattr(_reader, "DECODER", path)

    return install


@pytest.mark.parametrize(
    "script, says",
    [
        ("print('{\"ready\": true}', flush=True); os.kill(os.getpid(), signal.SIGSEGV)", "made the decoder fail"),
        ("print('{\"ready\": true}', flush=True); time.sleep(600)", "takes too long"),
        ("print('{\"ready\": true}', flush=True)\nwhile True: print('{}')", "takes too long"),
        ("print('{\"ready\": true}', flush=True)\nif os.fork(): time.sleep(600)\nelse: time.sleep(600)", "takes too long"),
        ("sys.stdout.write('x' * 5000)", "made the decoder fail"),
        ("print('[1]')", "made the decoder fail"),
        ("print('[' * 999)", "made the decoder fail"),
        ("print('{\"refused\": [1]}')", "is damaged, or not what"),
        ("print('{\"bytes\": -1}')", "made the decoder fail"),
        ("print('{\"bytes\": 9000000000}')", "made the decoder fail"),
        ('print(\'{"bytes": 4, "format": "flt", "rate": 8000, "channels": 1, "frames": 9}\\nabcd\')', "made the decoder fail"),
        ('print(\'{"bytes": 4, "format": "flt", "rate": "8000", "channels": 1, "frames": 1}\\nabcd\')', "made the decoder fail"),
        ('print(\'{"refused": "<script>"}\')', "is damaged, or not what"),
        ('print(\'{"opened": {"codec": "<script>", "tracks": 1, "claimed_s": 1.0}}\')', "made the decoder fail"),
    ],
)
def test_a_decoder_that_crashes_hangs_or_lies_is_a_refusal(fake_decoder, tmp_path, script, says):
    fake_decoder(script)
    hurried = IntakeLimits(stall_s=0.5, longest_s=-570.0)  # half a second in all
    limits = hurried if says == "takes too long" else IntakeLimits()
    with pytest.raises(BadInput, match=says) as refused:
        take_in(saved(tmp_path, hostile_audio.written("WAV", "PCM_16")), limits=limits)
    assert "<script>" not in str(refused.value)


def test_a_decoder_that_cannot_start_is_our_fault_and_not_the_files(fake_decoder, tmp_path):
    fake_decoder("sys.exit(3)")
    with pytest.raises(NotReady, match="did not start .exit status 3."):
        take_in(saved(tmp_path, hostile_audio.written("WAV", "PCM_16")))


@pytest.mark.skipif(sys.platform != "linux", reason="waits through a pidfd")
def test_a_decoder_is_killed_with_all_its_children(fake_decoder, tmp_path):
    note = tmp_path / "pids"
    fake_decoder(
        f"""
ready, told = os.pipe()
child = os.fork()
open({str(note)!r}, "a").write(f"{{os.getpid()}}\\n")
if child:
    os.read(ready, 1)
    print("not a frame", flush=True)
else:
    os.write(told, b"x")
time.sleep(600)
"""
    )
    with pytest.raises(BadInput, match="made the decoder fail"):
        take_in(saved(tmp_path, hostile_audio.written("WAV", "PCM_16")))
    pids = [int(line) for line in note.read_text().split()]
    assert len(pids) == 2
    assert all(has_ended(pid) for pid in pids)


def has_ended(pid: int) -> bool:
    """Waits for the kernel to say so: a process that was sent SIGKILL may take a moment on a busy machine."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([descriptor], [], [], 30)[0])
    finally:
        os.close(descriptor)


@pytest.mark.skipif(sys.platform != "linux", reason="the address space is limited on Linux only")
def test_the_decoder_has_no_keys_no_new_files_little_memory_and_no_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("OPENAI_API_KEY", "canary")
    probe = """
import socket, sys
sys.path.insert(0, sys.argv[1])
import _decode
_decode.shut_in(5)
def tried(what):
    try:
        what()
    except (OSError, MemoryError) as error:
        return type(error).__name__
print(tried(lambda: open("/etc/hostname")), tried(socket.socket))
print(tried(lambda: bytearray(280 << 20)), tried(lambda: bytearray(64 << 20)))
"""
    ran = subprocess.run(
        [sys.executable, "-I", "-c", probe, str(Path(_reader.__file__).parent)], capture_output=True, text=True, check=True
    )
    assert ran.stdout.split() == ["OSError", "OSError", "MemoryError", "None"]
    asked = {}
    real = subprocess.Popen
    monkeypatch.setattr(_reader.subprocess, "Popen", lambda *given, **how: asked.update(how) or real(*given, **how))
    take_in(saved(tmp_path, hostile_audio.written("WAV", "PCM_16")))
    assert set(asked["env"]) <= {"MALLOC_ARENA_MAX", "LD_LIBRARY_PATH"} and asked["start_new_session"]


def test_no_descriptor_is_left_open_after_good_and_bad_files(tmp_path):
    good, bad = saved(tmp_path, hostile_audio.written("WAV", "PCM_16")), saved(tmp_path, b"RIFF\0\0\0\0WAVE" + bytes(99), "b.wav")
    take_in(good)
    before = len(list(Path("/dev/fd").iterdir()))
    for _ in range(3):
        take_in(good)
        with pytest.raises(BadInput):
            take_in(bad)
    assert len(list(Path("/dev/fd").iterdir())) == before


def test_every_decoder_on_the_list_exists_in_the_installed_ffmpeg():
    from comparisons._decode import DECODERS

    assert [name for name in DECODERS.split(",") if name not in av.codecs_available] == []


# ---------------------------------------------------------------- limits


def test_limits_come_from_the_environment_and_are_smaller_on_a_public_space(monkeypatch):
    assert (limits_here().file_mb, limits_here().longest_s) == (200.0, 7200.0)
    monkeypatch.setenv("SPACE_ID", "someone/soundcheck")
    assert limits_here().longest_s == 600.0
    monkeypatch.setenv("SOUNDCHECK_MAX_UPLOAD_MB", "25")
    monkeypatch.setenv("SOUNDCHECK_MAX_SECONDS", "90")
    assert (limits_here().file_mb, limits_here().longest_s) == (25.0, 90.0)


@pytest.mark.parametrize("written", ["many", "-1", "0", "nan", "inf"])
def test_a_limit_that_is_no_number_above_zero_is_reported_with_its_name(monkeypatch, written):
    monkeypatch.setenv("SOUNDCHECK_MAX_UPLOAD_MB", written)
    with pytest.raises(NotReady, match=f"SOUNDCHECK_MAX_UPLOAD_MB must be a number above 0, got '{written}'"):
        limits_here()


# ---------------------------------------------------------------- names and texts


@pytest.mark.parametrize(
    "given_name, shown",
    [
        ("take 1.wav", "take 1.wav"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\take.wav", "take.wav"),
        ("a\u202egpj.wav", "agpj.wav"),
        ("a\x00\x1b[31m\nb.wav", "a[31mb.wav"),
        ("\ud800lone.wav", "lone.wav"),
        ("Zoë – 東京.flac", "Zoë – 東京.flac"),
        ('<img src="x">.wav', "_img src=_x__.wav"),
        ("...", "unnamed"),
        ("", "unnamed"),
        ("/", "unnamed"),
        ("x" * 300 + ".wav", "x" * 116 + ".wav"),
    ],
)
def test_a_name_is_shown_without_path_and_tricks(given_name, shown):
    assert safe_name(given_name) == shown


@given(st.text(max_size=400))
def test_any_name_becomes_one_short_printable_line_and_stays_as_it_is_from_then_on(name):
    shown = safe_name(name)
    assert 1 <= len(shown) <= 120 and shown.isprintable() and not set(shown) & set('/\\<>:"|?*')
    assert safe_name(shown) == shown


@given(st.text(alphabet=st.characters(), max_size=200))
def test_any_text_comes_back_encodable_and_without_control_characters(text):
    try:
        clean = take_text(text)
    except BadInput as error:
        assert "is empty" in str(error)
    else:
        clean.encode("utf-8")
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", clean) and clean == clean.strip()


@pytest.mark.parametrize(
    "text, clean",
    [
        ("  a\r\nb\rc\td ", "a\nb\nc\td"),
        ("a\x00\x07b", "ab"),
        ("a\ud800b", "a\ufffdb"),
        ("\ud83d\ude00", "\U0001f600"),
        ("שלום \u200fx", "שלום \u200fx"),
    ],
)
def test_a_text_keeps_its_lines_and_loses_what_cannot_be_written(text, clean):
    assert take_text(text) == clean


@pytest.mark.parametrize(
    "text, says",
    [
        ("", "the prompt is empty"),
        (" \n\x00", "the prompt is empty"),
        ("é" * 11, "has 11 characters: at most 10"),
        ("x" * 10**6, "1,000,000 characters"),
        (None, "must be text"),
    ],
)
def test_an_empty_long_or_wrong_text_is_refused_in_a_sentence(text, says):
    with pytest.raises(BadInput, match=says):
        take_text(text, limit=10, what="prompt")


def test_a_text_of_exactly_the_limit_is_taken_counting_characters_and_not_bytes():
    assert take_text("é" * 10, limit=10) == "é" * 10
