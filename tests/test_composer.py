"""The composer does what the prompt says, repeats itself for a seed, and is exactly as long as asked."""

from itertools import pairwise

import numpy as np
import pytest

from engine.audio import Audio
from engine.contract import BadInput, Compose, Facts
from engine.tasks import TASKS
from local_models import composer
from local_models._patterns import DRUM_KIT
from local_models._prompt import STYLES, read_prompt
from local_models._score import compose
from local_models._soundfont import SoundFont


@pytest.fixture(scope="module", params=composer.ENGINES, ids=[spec.id for spec in composer.ENGINES])
def engine(request):
    engine = request.param.engine(request.param)
    engine.load()
    return engine


@pytest.fixture(scope="module")
def font():
    spec = composer.ENGINES[0]
    engine = spec.engine(spec)
    engine.load()
    return engine.font


def played(engine, prompt="a pop song", **how):
    pieces = list(engine.run(Compose(prompt, **how), 60.0))
    return TASKS["music"].join(pieces).audio


def score(prompt, duration_s=20.0, seed=7):
    return compose(read_prompt(prompt, duration_s, seed))


def part(piece, name):
    return next(part for part in piece.parts if part.name == name)


def test_the_same_seed_gives_the_same_samples_and_another_seed_gives_others(engine):
    first, again, other = (played(engine, duration_s=4, seed=seed).samples for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_without_a_seed_the_prompt_decides(engine):
    first, again, other = (played(engine, prompt, duration_s=4).samples for prompt in ("Soft rain", "soft  rain", "soft snow"))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("duration_s", [1, 2.5, 7, 10.01, 33])
def test_the_piece_is_exactly_as_long_as_asked_and_ends_in_silence(engine, duration_s):
    audio = played(engine, "fast jazz", duration_s=duration_s)
    assert (audio.rate, audio.channels, audio.frames) == (44_100, 2, round(duration_s * 44_100))
    assert np.abs(audio.samples[:, -44:]).max() < 0.001
    assert np.abs(audio.part(0, duration_s / 2).samples).max() > 0.05


@pytest.mark.parametrize("genre", STYLES)
def test_every_genre_is_audible_stereo_that_is_not_clipped(engine, genre):
    audio = played(engine, genre, duration_s=6, seed=3)
    loudness_dbfs = 10 * np.log10((audio.samples**2).mean())
    assert audio.peak <= 0.95
    assert -26 < loudness_dbfs < -14
    assert not np.array_equal(*audio.samples)


def test_both_renderers_play_the_same_notes():
    sent = []
    for spec in composer.ENGINES:
        engine = spec.engine(spec)
        engine.load()
        sent.append(next(piece.sent for piece in engine.run(Compose("a waltz", seed=5), 60.0) if isinstance(piece, Facts)))
    assert sent[0] == sent[1]
    assert score("a waltz") == score("a waltz")


def test_140_bpm_is_140_in_the_notes():
    piece = score("electronic music at 140 bpm")
    kicks = [
        note.start_s for note in part(piece, "drums").notes if note.pitch == DRUM_KIT["kick"] and note.start_s < piece.final_s
    ]
    assert piece.tempo_bpm == 140
    assert len(kicks) > 30
    # fills leave the last kick of a bar out, so gaps may be two beats
    beats = np.diff(kicks) * 140 / 60
    assert np.allclose(beats, np.round(beats), atol=1e-6)
    assert np.median(beats) == pytest.approx(1)


def test_tempo_words_change_the_tempo_in_their_direction():
    tempi = [read_prompt(f"{word} pop", 20.0, 1).tempo_bpm for word in ("very slow", "slow", "", "fast", "very fast")]
    assert tempi == sorted(tempi) and len(set(tempi)) == 5


def classes(piece, *names):
    return {note.pitch % 12 for name in names for note in part(piece, name).notes}


def test_sad_is_minor_and_happy_is_major_in_the_final_chord():
    for word, third in (("sad", 3), ("happy", 4)):
        piece = score(f"a {word} pop song")
        final = {note.pitch % 12 for note in part(piece, "chords").notes if note.start_s == piece.final_s}
        tonic = piece.brief.tonic
        assert final == {tonic, (tonic + third) % 12, (tonic + 7) % 12}


def test_a_named_key_decides_the_notes_even_against_the_mood():
    piece = score("a happy folk song in D minor")
    assert piece.brief.key == "D minor"
    # D minor and the leading note C sharp of its dominant
    assert classes(piece, "chords", "lead", "bass") <= {2, 4, 5, 7, 9, 10, 0, 1}


@pytest.mark.parametrize(
    ("words", "key"),
    [
        ("in Bb major", "Bb major"),
        ("in c# minor", "C# minor"),
        ("in F sharp minor", "F# minor"),
        ("in G", "G major"),
        ("in the key of A", "A major"),
        ("in E, with flute", "E major"),
    ],
)
def test_keys_are_read_in_the_ways_that_people_write_them(words, key):
    assert read_prompt(f"pop song {words}", 10.0, 1).key == key


def test_a_minor_key_is_a_mode_and_not_the_letter_a():
    keys = {read_prompt("pop in a minor key", 10.0, seed).key for seed in range(12)}
    assert len(keys) > 1 and all(key.endswith("minor") for key in keys)


@pytest.mark.parametrize(
    ("prompt", "lead", "chords", "drums"),
    [
        ("piano and violin", "violin", "piano", True),
        ("rock without drums", "electric guitar", "distorted guitar", False),
        ("solo cello", "cello", None, False),
        ("ambient with drums and harp", "harp", "harp", True),
        ("ambient, 60 beats per minute", "synth pad", "strings", False),
        ("no piano, just flute", "flute", None, True),
    ],
)
def test_named_instruments_play_and_refused_ones_do_not(prompt, lead, chords, drums):
    brief = read_prompt(prompt, 10.0, 1)
    assert (brief.lead, brief.chords, brief.drums) == (lead, chords, drums)


def test_three_four_time_has_three_beats_in_a_bar():
    piece = score("folk in 3/4 at 120 bpm with drums", 12.5)
    assert piece.brief.beats_per_bar == 3
    assert piece.final_s == pytest.approx(piece.bars * 1.5)


def test_jazz_swings_and_pop_does_not():
    for genre, offbeat in (("jazz", 0.66), ("pop", 0.5)):
        piece = score(f"{genre} at 120 bpm")
        places = {round(note.start_s * 2 % 1, 3) for note in part(piece, "drums").notes if note.start_s < piece.final_s}
        assert offbeat in places


def test_phrases_come_back_as_a_a_b_a():
    piece = score("pop at 120 bpm", 34.0)
    lead = [note for note in part(piece, "lead").notes if note.start_s < 32]
    phrases = [[(round(n.start_s % 8, 6), n.pitch) for n in lead if 8 * k <= n.start_s < 8 * k + 8] for k in range(4)]
    assert piece.bars == 16 and all(phrases)
    first, again, contrast, last = ([note for note in phrase if note[0] < 6] for phrase in phrases)
    assert first == again == last != contrast
    assert len(first) >= 6


def test_voices_move_by_small_steps_from_chord_to_chord():
    for seed in range(6):
        piece = score("ambient strings", 60.0, seed)
        notes = part(piece, "chords").notes
        chords = [sorted(n.pitch for n in notes if n.start_s == start) for start in sorted({n.start_s for n in notes})]
        moves = [abs(low - high) for one, other in pairwise(chords) for low, high in zip(one, other, strict=True)]
        assert len(chords) > 10 and np.mean(moves) < 3.5 and max(moves) <= 9


def test_notes_lie_inside_the_piece_and_the_midi_range():
    for seed in range(8):
        for note in (note for part in score("fast metal", 9.0, seed).parts for note in part.notes):
            assert 0 <= note.start_s < note.end_s <= 9.0
            assert 0 <= note.pitch <= 127 and 1 <= note.velocity <= 127


def test_unknown_and_hostile_words_still_give_music(engine):
    for prompt in ("zzz", "🎵" * 50, "'; DROP TABLE -- \x00", "9999 bpm 0/4 " * 20):
        assert played(engine, prompt, duration_s=2).peak > 0.1


def test_a_blank_prompt_and_a_length_out_of_range_are_refused(engine):
    with pytest.raises(BadInput, match="needs a description"):
        played(engine, "  ")
    for duration_s in (0, 301):
        with pytest.raises(BadInput, match="composes 1 to 300 s"):
            played(engine, duration_s=duration_s)


def test_the_row_says_what_was_understood(engine):
    facts, audio = engine.run(Compose("a sad waltz in D minor at 90 bpm", seed=4), 60.0)
    assert isinstance(audio, Audio)
    told = {"genre": "waltz", "key": "D minor", "tempo_bpm": 90.0, "metre": "3/4", "seed": 4}
    assert told.items() <= facts.sent.items()
    assert {"sad", "waltz", "D minor", "90 bpm"} <= set(facts.sent["words_understood"])


@pytest.mark.parametrize(("program", "pitch"), [(0, 60), (24, 64), (40, 69), (73, 76), (33, 40)])
def test_the_soundfont_plays_in_tune(font, program, pitch):
    note = font.note(program, pitch, 100, 1.0).mean(axis=0)[4_000:40_000]
    power = np.abs(np.fft.rfft(note * np.hanning(len(note)), 1 << 19))
    hertz = np.fft.rfftfreq(1 << 19, 1 / 44_100)
    wanted = 440 * 2 ** ((pitch - 69) / 12)
    strongest = hertz[power.argmax()]
    harmonic = max(1, round(strongest / wanted))
    assert abs(1200 * np.log2(strongest / harmonic / wanted)) < 20


def test_a_louder_velocity_is_louder_and_a_released_note_dies_away(font):
    soft, loud = font.note(0, 60, 40, 0.5), font.note(0, 60, 120, 0.5)
    assert np.abs(loud).max() > 4 * np.abs(soft).max()
    assert np.abs(loud[:, -441:]).max() < 0.001 * np.abs(loud).max()


def test_a_file_that_is_no_soundfont_is_refused(tmp_path, font):
    path = tmp_path / "x.sf2"
    path.write_bytes(b"RIFF\x04\x00\x00\x00sfbk")
    with pytest.raises(ValueError, match=r"x\.sf2 is not a SoundFont"):
        SoundFont(path, 44_100)
    with pytest.raises(ValueError, match="no preset 200 in bank 0"):
        font.note(200, 60, 100, 1.0)
