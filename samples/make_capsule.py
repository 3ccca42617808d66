"""Makes first.soundcheck, the comparison that a fresh install opens with: `python -m samples.make_capsule`.

The embedded voices speak the first text sample, and the embedded recogniser writes down what it hears.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from comparisons.asking import build_request
from comparisons.capsule import open_capsule, save
from comparisons.catalogue import find
from comparisons.runner import Plan, Runner
from comparisons.samples import FOLDER, for_task

VOICES = ("espeak/en", "flite/slt", "flite/rms", "flite/awb")
MOST_BYTES = 600_000

if __name__ == "__main__":
    sample = for_task("tts")[0]
    with tempfile.TemporaryDirectory() as folder:
        runner = Runner(Path(folder))
        run = runner.start(
            Plan(
                task="tts",
                request=build_request("tts", sample.text, {}),
                specs=tuple(find(voice, "tts") for voice in VOICES),
                input_name=sample.text,
                hear_with=find("pocketsphinx/en-us", "asr"),
                warmups=1,
            )
        )
        for _ in run.events():
            pass
        file = FOLDER / "first.soundcheck"
        save(runner.store, run.comparison_id, file)
        runner.close()
    with open_capsule(file) as capsule:
        assert all(row["status"] == "ok" for row in capsule.rows), [row["error"] for row in capsule.rows]
        assert file.stat().st_size < MOST_BYTES, file.stat().st_size
        print(f"{file.name}: {len(capsule.rows)} rows, {file.stat().st_size / 1000:.0f} kB")
