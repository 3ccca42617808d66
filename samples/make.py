"""Makes every bundled sound from rules and two Flite voices; `python samples/make.py` needs the program flite.

The files land beside this one and come out alike, bit for bit, where numpy, Flite, soxr, libFLAC and libopus are the same.
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import av
import numpy as np
import soundfile
import soxr

HERE = Path(__file__).resolve().parent
SPEECH_RATE, MUSIC_RATE, OPUS_RATE = 16_000, 44_100, 48_000
CLEAR_TEXT = (
    "The weather report says that the rain will stop in the afternoon and the sun will come out. "
    "Please bring two cups of coffee and a newspaper to the meeting room on the third floor."
)
NOISE_SNR_DB = 10.0
"""Energy of the speech over energy of the noise, both over the whole clip."""
DIALOGUE = (
    ("slt", "Good morning. When does the next train leave for the city?"),
    ("rms", "It leaves at half past nine from platform four."),
    ("slt", "Thank you. And how long does the journey take?"),
    ("rms", "About forty minutes, if there is no snow on the track."),
)
SUNG = ("Walk along the river.", "Wait until the morning.")
BEAT_S = 60 / 108


# ---------------------------------------------------------------- building blocks: mono float64 arrays


def speak(voice: str, text: str) -> np.ndarray:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "speech.wav"
        subprocess.run(["flite", "-voice", voice, "-t", text, "-o", str(path)], check=True)
        samples, rate = soundfile.read(path)
    assert rate == SPEECH_RATE, rate
    return samples * 0.5 / np.abs(samples).max()


def silence(seconds: float, rate: int) -> np.ndarray:
    return np.zeros(round(seconds * rate))


def place(into: np.ndarray, at_s: float, sound: np.ndarray, rate: int, level: float = 1.0) -> None:
    """Add `sound` to `into` from `at_s` seconds on; what does not fit is dropped."""
    start = round(at_s * rate)
    fits = sound[: max(0, len(into) - start)]
    into[start : start + len(fits)] += level * fits


def fade(sound: np.ndarray, rate: int, seconds: float = 0.01) -> np.ndarray:
    """Ends without a click."""
    edge = np.minimum(1.0, np.arange(len(sound)) / (seconds * rate))
    return sound * edge * edge[::-1]


def band(random: np.random.Generator, seconds: float, rate: int, low: float, high: float, slope: float = 0.0) -> np.ndarray:
    """Noise between two frequencies, RMS 1; `slope` in powers of the frequency."""
    count = round(seconds * rate)
    hertz = np.fft.rfftfreq(count, 1 / rate)
    spectrum = np.fft.rfft(random.standard_normal(count))
    spectrum *= np.where((hertz >= low) & (hertz <= high), np.maximum(hertz, 1.0) ** slope, 0.0)
    noise = np.fft.irfft(spectrum, count)
    return noise / np.sqrt(np.mean(noise**2))


def glide(hertz: np.ndarray, rate: int) -> np.ndarray:
    """A sine with the given frequency at every sample."""
    return np.sin(2 * np.pi * np.cumsum(hertz) / rate)


def note(key: int, seconds: float, partials: int, decay: float, attack_s: float) -> np.ndarray:
    """A tone of MIDI key `key` whose higher partials fade first."""
    time_s = np.arange(round(seconds * MUSIC_RATE)) / MUSIC_RATE
    hertz = 440 * 2 ** ((key - 69) / 12)
    tone = sum(np.sin(2 * np.pi * n * hertz * time_s) * np.exp(-decay * n * time_s) / n for n in range(1, partials + 1))
    return fade(tone * np.minimum(1.0, time_s / attack_s), MUSIC_RATE)


# ---------------------------------------------------------------- everyday sounds


def street(random: np.random.Generator, seconds: float, rate: int) -> np.ndarray:
    """Distant rumble, cars that pass, two horns."""
    time_s = np.arange(round(seconds * rate)) / rate
    noise = band(random, seconds, rate, 30, 7500, slope=-0.6)
    for at_s, width_s, level in ((1.5, 0.9, 1.6), (5.2, 1.3, 2.0), (8.9, 0.8, 1.7)):
        noise += level * np.exp(-(((time_s - at_s) / width_s) ** 2)) * band(random, seconds, rate, 80, 4000, slope=-0.3)
    for at_s, length_s in ((3.1, 0.5), (7.4, 0.3)):
        horn_s = np.arange(round(length_s * rate)) / rate
        horn = sum(np.sin(2 * np.pi * hertz * n * horn_s) / n for hertz in (392, 494) for n in (1, 2, 3))
        place(noise, at_s, fade(horn, rate, 0.03), rate, 0.8)
    return noise


def rain(random: np.random.Generator, seconds: float, rate: int) -> np.ndarray:
    shower = 0.6 * band(random, seconds, rate, 400, 11_000, slope=-0.2)
    for at_s in np.sort(random.uniform(0, seconds, round(60 * seconds))):
        drop_s = np.arange(round(0.006 * rate)) / rate
        place(
            shower,
            at_s,
            np.sin(2 * np.pi * random.uniform(2500, 7000) * drop_s) * np.exp(-900 * drop_s),
            rate,
            random.uniform(1, 5),
        )
    return shower


def footstep(random: np.random.Generator, rate: int) -> np.ndarray:
    time_s = np.arange(round(0.18 * rate)) / rate
    heel = np.sin(2 * np.pi * 85 * time_s) * np.exp(-45 * time_s)
    return 1.4 * heel + 0.7 * band(random, 0.18, rate, 300, 5000) * np.exp(-30 * time_s)


def bird(rate: int) -> np.ndarray:
    """Three falling chirps and a trill."""
    song = silence(1.2, rate)
    for at_s in (0.0, 0.22, 0.44):
        place(song, at_s, fade(glide(np.linspace(5200, 3400, round(0.13 * rate)), rate), rate), rate)
    trill_s = np.arange(round(0.45 * rate)) / rate
    place(song, 0.7, fade(glide(4200 + 700 * np.sin(2 * np.pi * 28 * trill_s), rate), rate, 0.03), rate)
    return song


def bark(random: np.random.Generator, rate: int) -> np.ndarray:
    """A rough pulse train that falls in pitch, with two resonances: like a dog, not a recording of one."""
    seconds = 0.22
    time_s = np.arange(round(seconds * rate)) / rate
    pitch = 420 * np.exp(-4 * time_s) + 160
    voice = sum(
        glide(n * pitch, rate) * np.exp(-(((n * 300 - centre) / 450) ** 2)) for n in range(1, 12) for centre in (700, 1700)
    )
    breath = 0.4 * band(random, seconds, rate, 500, 4000)
    return fade((voice + breath) * np.sin(np.pi * time_s / seconds) ** 0.6, rate)


def alarm(seconds: float, rate: int) -> np.ndarray:
    time_s = np.arange(round(seconds * rate)) / rate
    on = (time_s % 0.4) < 0.2
    return np.tanh(2 * np.sin(2 * np.pi * 2100 * time_s)) * on


def scene() -> np.ndarray:
    random, rate = np.random.default_rng(41), OPUS_RATE
    sound = 0.03 * rain(random, 12.0, rate)
    for step in range(7):
        place(sound, 0.6 + 0.55 * step, footstep(random, rate), rate, 0.22)
    for at_s in (4.6, 6.0):
        place(sound, at_s, bird(rate), rate, 0.14)
    for at_s in (7.6, 8.1, 8.5):
        place(sound, at_s, bark(random, rate), rate, 0.16)
    place(sound, 9.6, alarm(2.0, rate), rate, 0.16)
    return sound


# ---------------------------------------------------------------- music: the notes are ours

CHORDS = ((57, 60, 64), (53, 57, 60), (48, 55, 64), (55, 59, 62))
MELODY = (
    (76, 1),
    (74, 0.5),
    (72, 0.5),
    (69, 2),
    (72, 1),
    (77, 1),
    (76, 1.5),
    (74, 0.5),
    (72, 1),
    (74, 1),
    (76, 1),
    (79, 1),
    (74, 3),
    (71, 1),
)


def chords(seconds: float) -> np.ndarray:
    sound = silence(seconds, MUSIC_RATE)
    for bar, keys in enumerate(CHORDS * 2):
        for key in keys:
            place(sound, bar * 4 * BEAT_S, note(key, 4 * BEAT_S, 5, 0.35, 0.06), MUSIC_RATE, 0.05)
    return sound


def melody(seconds: float) -> np.ndarray:
    sound, at_s = silence(seconds, MUSIC_RATE), 0.0
    for key, beats in MELODY:
        place(sound, at_s, note(key, beats * BEAT_S, 4, 1.2, 0.03), MUSIC_RATE, 0.14)
        at_s += beats * BEAT_S
    return sound


def bass(seconds: float) -> np.ndarray:
    sound = silence(seconds, MUSIC_RATE)
    for bar, keys in enumerate(CHORDS * 2):
        for beat, step in ((0, 0), (1.5, 0), (2, 7), (3, 0)):
            place(sound, (4 * bar + beat) * BEAT_S, note(keys[0] - 24 + step, 0.9 * BEAT_S, 4, 2.0, 0.01), MUSIC_RATE, 0.2)
    return sound


def drums(seconds: float) -> np.ndarray:
    random, sound = np.random.default_rng(5), silence(seconds, MUSIC_RATE)
    time_s = np.arange(round(0.12 * MUSIC_RATE)) / MUSIC_RATE
    kick = np.sin(2 * np.pi * (48 * time_s + 1.6 * (1 - np.exp(-40 * time_s)))) * np.exp(-28 * time_s)
    for beat in range(int(seconds / BEAT_S) + 1):
        snare = band(random, 0.12, MUSIC_RATE, 250, 9000) * np.exp(-45 * time_s)
        place(sound, beat * BEAT_S, kick if beat % 2 == 0 else snare, MUSIC_RATE, 0.45 if beat % 2 == 0 else 0.09)
        for half in (0, 0.5):
            hat = band(random, 0.03, MUSIC_RATE, 7000, 15_000) * np.exp(-160 * time_s[: round(0.03 * MUSIC_RATE)])
            place(sound, (beat + half) * BEAT_S, hat, MUSIC_RATE, 0.05)
    return sound


def vocals(seconds: float) -> np.ndarray:
    sound = silence(seconds, MUSIC_RATE)
    for line, text in enumerate(SUNG):
        place(sound, (0.5 + 4 * line) * BEAT_S, soxr.resample(speak("slt", text), SPEECH_RATE, MUSIC_RATE), MUSIC_RATE, 0.7)
    return sound


# ---------------------------------------------------------------- files


def flac(name: str, samples: np.ndarray, rate: int) -> np.ndarray:
    """Write 16 bits and return the integers that were written, so that stems can sum to their mix exactly."""
    assert np.abs(samples).max() < 1, f"{name} would clip"
    whole = np.round(samples * 32767).astype(np.int16) if samples.dtype != np.int16 else samples
    path = HERE / name
    path.parent.mkdir(exist_ok=True)
    soundfile.write(path, whole, rate, subtype="PCM_16", compression_level=1.0)
    return whole


def opus(name: str, samples: np.ndarray, bit_rate: int) -> None:
    """Write mono Ogg Opus from 48 kHz samples, without the random stream number that would differ on each run."""
    assert np.abs(samples).max() < 1, f"{name} would clip"
    with av.open(str(HERE / name), "w", format="ogg", options={"fflags": "+bitexact"}) as output:
        stream = output.add_stream("libopus", rate=OPUS_RATE, layout="mono", bit_rate=bit_rate)
        sound = av.AudioFrame.from_ndarray(samples[None].astype(np.float32), format="fltp", layout="mono")
        sound.sample_rate, sound.pts = OPUS_RATE, 0
        shaper = av.AudioResampler(stream.codec_context.format, "mono", OPUS_RATE, frame_size=stream.codec_context.frame_size)
        for frame in [*shaper.resample(sound), *shaper.resample(None)]:
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))


def mix(folder: str, stems: dict[str, np.ndarray]) -> None:
    """The stems, and beside them `mix.flac`: their sum, exact to the last bit."""
    written = [flac(f"{folder}/{name}.flac", samples, MUSIC_RATE).astype(np.int32) for name, samples in stems.items()]
    total = sum(written)
    assert np.abs(total).max() < 32768, f"{folder} would clip"
    flac(f"{folder}/mix.flac", total / 32767, MUSIC_RATE)


def at_48k(samples: np.ndarray, rate: int) -> np.ndarray:
    return soxr.resample(samples, rate, OPUS_RATE)


def main() -> None:
    clear = speak("rms", CLEAR_TEXT)
    flac("clear-speech.flac", clear, SPEECH_RATE)
    noise = street(np.random.default_rng(17), len(clear) / SPEECH_RATE, SPEECH_RATE)
    noise *= np.sqrt(np.sum(clear**2) / np.sum(noise**2) / 10 ** (NOISE_SNR_DB / 10))
    opus("noisy-speech.ogg", 0.9 * at_48k(clear + noise, SPEECH_RATE) / np.abs(at_48k(clear + noise, SPEECH_RATE)).max(), 48_000)
    turns = [part for voice, text in DIALOGUE for part in (speak(voice, text), silence(0.35, SPEECH_RATE))]
    opus("two-speakers.ogg", at_48k(np.concatenate(turns), SPEECH_RATE), 32_000)
    mix("band", {"harmonic": chords(6.0) + melody(6.0), "percussive": drums(6.0)})
    mix("song", {"vocals": vocals(6.0), "drums": drums(6.0), "bass": bass(6.0), "other": chords(6.0)})
    piece = chords(9.0) + melody(9.0) + bass(9.0) + drums(9.0)
    opus("piece.ogg", at_48k(piece, MUSIC_RATE), 64_000)
    talk = at_48k(speak("slt", "This is the morning news. Next, some music, and then the weather."), SPEECH_RATE)
    shower = fade(0.12 * band(np.random.default_rng(23), 3.0, OPUS_RATE, 100, 12_000), OPUS_RATE, 0.2)
    opus("radio.ogg", np.concatenate([talk, fade(at_48k(piece, MUSIC_RATE)[: 4 * OPUS_RATE], OPUS_RATE, 0.2), shower]), 48_000)
    opus("scene.ogg", scene(), 64_000)
    sizes = {
        str(path.relative_to(HERE)): path.stat().st_size for path in sorted(HERE.rglob("*")) if path.suffix in (".flac", ".ogg")
    }
    for name, size in sizes.items():
        print(f"{size:8} {name}")
    print(f"{sum(sizes.values()):8} in all")


if __name__ == "__main__":
    main()
