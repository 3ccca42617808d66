"""A SoundFont 2 file in, the sound of single notes out: zones, loops, tuning, filter and volume envelope, in numpy.

Left out of the format: modulators other than velocity to loudness, low-frequency oscillators and the modulation envelope.
Field and generator numbers follow the SoundFont 2.04 specification.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

_RECORDS = {
    "phdr": [("name", "S20"), ("program", "<u2"), ("bank", "<u2"), ("first", "<u2"), ("rest", "S12")],
    "inst": [("name", "S20"), ("first", "<u2")],
    "pbag": [("first", "<u2"), ("modulators", "<u2")],
    "ibag": [("first", "<u2"), ("modulators", "<u2")],
    "pgen": [("kind", "<u2"), ("amount", "<i2")],
    "igen": [("kind", "<u2"), ("amount", "<i2")],
    "shdr": [
        ("name", "S20"),
        *((field, "<u4") for field in ("start", "end", "loop_start", "loop_end", "rate")),
        *(("root", "u1"), ("cents", "i1"), ("link", "<u2"), ("type", "<u2")),
    ],
}
_INSTRUMENT, _KEYS, _VELOCITIES, _SAMPLE = 41, 43, 44, 53
_CUTOFF, _RESONANCE, _CUTOFF_RISE, _PAN, _ATTENUATION, _LOOPED, _TUNING, _ROOT = 8, 9, 11, 17, 48, 54, 56, 58
_DELAY, _ATTACK, _HOLD, _DECAY, _SUSTAIN, _RELEASE = 33, 34, 35, 36, 37, 38
_COARSE, _FINE = 51, 52
_DEFAULTS = {_CUTOFF: 13_500, _DELAY: -12_000, _ATTACK: -12_000, _HOLD: -12_000, _DECAY: -12_000, _RELEASE: -12_000, _TUNING: 100}
_EVERY = 127 << 8
"""A range generator holds its lowest value in the low byte and its highest in the high byte."""
_SILENT_DB = 90.0
"""A note ends when its envelope is this far down: below one step of 16-bit samples."""
Zone = Mapping[int, int]


class SoundFont:
    """The presets of one .sf2 file. Raises ValueError when the file is not a SoundFont."""

    def __init__(self, path: Path, rate: int) -> None:
        self.rate = rate
        chunks = _chunks(path.read_bytes())
        if missing := [name for name in (*_RECORDS, "smpl") if name not in chunks]:
            raise ValueError(f"{path.name} is not a SoundFont: it has no {', '.join(missing)} chunk")
        self._table = {name: np.frombuffer(chunks[name], np.dtype(fields)) for name, fields in _RECORDS.items()}
        self._samples = np.frombuffer(chunks["smpl"], "<i2")
        self._presets = {(int(p["bank"]), int(p["program"])): row for row, p in enumerate(self._table["phdr"][:-1])}
        self._layers: dict[tuple[int, int], list[Zone]] = {}

    def note(self, program: int, pitch: int, velocity: int, held_s: float, *, drums: bool = False) -> np.ndarray:
        """One note with its release, float32 [2, frames]. Drums (General MIDI bank 128) ring to the end of their sample."""
        found = [zone for zone in self._zones(128 if drums else 0, program) if _within(zone, pitch, velocity)]
        layers = [self._layer(zone, pitch, velocity, held_s, drums) for zone in found]
        mixed = np.zeros((2, max((layer.shape[1] for layer in layers), default=0)), np.float32)
        for layer in layers:
            mixed[:, : layer.shape[1]] += layer
        return mixed

    def _zones(self, bank: int, program: int) -> list[Zone]:
        """Every sample zone of a preset, the preset's offsets added. Raises ValueError for a preset that the file lacks."""
        if (bank, program) not in self._presets:
            raise ValueError(f"the SoundFont has no preset {program!r} in bank {bank!r}")
        if (bank, program) not in self._layers:
            zones = []
            for outer in self._bag("p", "phdr", self._presets[bank, program], _INSTRUMENT):
                for inner in self._bag("i", "inst", outer[_INSTRUMENT], _SAMPLE):
                    ranges = {kind: _overlap(outer.get(kind, _EVERY), inner.get(kind, _EVERY)) for kind in (_KEYS, _VELOCITIES)}
                    offsets = {k: v for k, v in outer.items() if k not in (_INSTRUMENT, _KEYS, _VELOCITIES)}
                    summed = {k: inner.get(k, _DEFAULTS.get(k, 0)) + v for k, v in offsets.items()}
                    zones.append({**_DEFAULTS, **inner, **summed, **ranges})
            self._layers[bank, program] = zones
        return self._layers[bank, program]

    def _bag(self, level: str, owners: str, row: int, target: int) -> list[dict[int, int]]:
        """The zones of one preset or instrument; a first zone without a target holds defaults for the others."""
        bags, generators = self._table[f"{level}bag"]["first"], self._table[f"{level}gen"]
        first, last = self._table[owners]["first"][row : row + 2]
        zones, common = [], {}
        for bag in range(first, last):
            zone = {int(g["kind"]): int(g["amount"]) for g in generators[bags[bag] : bags[bag + 1]]}
            if target in zone:
                zones.append({**common, **zone})
            elif bag == first:
                common = zone
        return zones

    def _layer(self, zone: Zone, pitch: int, velocity: int, held_s: float, drums: bool) -> np.ndarray:
        header = self._table["shdr"][zone[_SAMPLE]]
        start, end, loop_start, loop_end = (
            int(header[name]) + zone.get(fine, 0) + 32_768 * zone.get(coarse, 0)
            for name, fine, coarse in (("start", 0, 4), ("end", 1, 12), ("loop_start", 2, 45), ("loop_end", 3, 50))
        )
        root = zone.get(_ROOT, -1)
        root = int(header["root"]) if root < 0 else root
        cents = (pitch - root) * zone[_TUNING] + 100 * zone.get(_COARSE, 0) + zone.get(_FINE, 0) + int(header["cents"])
        step = 2.0 ** (cents / 1200) * int(header["rate"]) / self.rate

        looped = bool(zone.get(_LOOPED, 0) & 1) and loop_end > loop_start + 1
        longest = 1 << 40 if looped else int((end - start - 1) / step)
        level = self._envelope(zone, held_s if looped or not drums else longest / self.rate, longest)
        at = np.arange(len(level)) * step
        if looped:
            at = np.where(at < loop_end - start, at, (loop_start - start) + (at - (loop_start - start)) % (loop_end - loop_start))
        whole = at.astype(np.int64)
        following = whole + 1
        if looped:
            following[following >= loop_end - start] = loop_start - start
        values = self._samples[start : max(end, loop_end) + 2].astype(np.float32) / 32_768
        whole, following = np.minimum(whole, len(values) - 1), np.minimum(following, len(values) - 1)
        sound = values[whole] + (values[following] - values[whole]) * (at - np.floor(at)).astype(np.float32)
        # The filter stands still where the modulation envelope would open it first, so that attacks keep their brightness.
        sound = self._filtered(sound, zone[_CUTOFF] + max(0, zone.get(_CUTOFF_RISE, 0)), zone.get(_RESONANCE, 0))

        # SoundFonts are tuned to the hardware's 0.4 of the nominal attenuation; every common player follows it.
        gain = (velocity / 127) ** 2 * 10 ** (-0.4 * max(0, zone.get(_ATTENUATION, 0)) / 200)
        angle = (np.clip(zone.get(_PAN, 0), -500, 500) / 1000 + 0.5) * np.pi / 2
        return np.outer([np.cos(angle), np.sin(angle)], gain * level * sound).astype(np.float32)

    def _envelope(self, zone: Zone, held_s: float, longest: int) -> np.ndarray:
        """Linear gain per frame: delay, attack, hold, decay to the sustain level, then release after `held_s`."""
        seconds = {kind: 2.0 ** (max(zone[kind], -12_000) / 1200) for kind in (_DELAY, _ATTACK, _HOLD, _DECAY, _RELEASE)}
        sustain_db = min(max(zone.get(_SUSTAIN, 0) / 10, 0.0), 100.0)
        # 6 ms is the shortest fade that no one hears as a click
        release_s = max(seconds[_RELEASE], 0.006)

        def down_db(t: np.ndarray) -> np.ndarray:
            decaying = t - seconds[_DELAY] - seconds[_ATTACK] - seconds[_HOLD]
            return np.clip(100 * decaying / seconds[_DECAY], 0, sustain_db)

        released_db = float(down_db(np.array(held_s)))
        ends_s = held_s + max(0.0, _SILENT_DB - released_db) / 100 * release_s
        frames = min(longest, int(ends_s * self.rate) + 1)
        t = np.arange(frames) / self.rate
        fall = np.where(t < held_s, down_db(t), released_db + 100 * (t - held_s) / release_s)
        rise = np.clip((t - seconds[_DELAY]) / seconds[_ATTACK], 0, 1)
        return rise * 10 ** (-fall / 20)

    def _filtered(self, sound: np.ndarray, cutoff_cents: int, resonance: int) -> np.ndarray:
        hertz = 8.176 * 2 ** (cutoff_cents / 1200)
        if hertz > 0.4 * self.rate:
            return sound
        from scipy.signal import lfilter

        angle = 2 * np.pi * hertz / self.rate
        alpha = np.sin(angle) / (2 * 10 ** (max(resonance, 0) / 200) * np.sqrt(0.5))
        low = 1 - np.cos(angle)
        return lfilter([low / 2, low, low / 2], [1 + alpha, -2 * np.cos(angle), 1 - alpha], sound)


def _chunks(data: bytes) -> dict[str, bytes]:
    """Every leaf chunk of a RIFF file by name; LIST chunks are opened."""
    found: dict[str, bytes] = {}
    at = 12
    while at + 8 <= len(data):
        name, size = data[at : at + 4].decode("latin-1"), int.from_bytes(data[at + 4 : at + 8], "little")
        if name == "LIST":
            at += 12
            continue
        found[name] = data[at + 8 : at + 8 + size]
        at += 8 + size + size % 2
    return found


def _overlap(one: int, other: int) -> int:
    return max(one & 255, other & 255) | min(one >> 8, other >> 8) << 8


def _within(zone: Zone, pitch: int, velocity: int) -> bool:
    return all(zone[kind] & 255 <= value <= zone[kind] >> 8 for kind, value in ((_KEYS, pitch), (_VELOCITIES, velocity)))
