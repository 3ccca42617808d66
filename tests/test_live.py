"""Every cloud engine against its real vendor: run by hand with keys, `SOUNDCHECK_LIVE=1 pytest -m live`, or `make record`."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from comparisons.catalogue import access_from_environment, engines, readiness
from comparisons.intake import take_in
from comparisons.runner import Plan, Runner
from comparisons.samples import for_task
from engine.tasks import TASKS

EXCHANGES = Path(__file__).parent / "exchanges"
CLOUD = [spec for spec in engines().values() if spec.where == "cloud"]
KEPT = (
    "status",
    "request_sent",
    "model_answered",
    "usage_raw",
    "usage_reported",
    "output_text",
    "output_audio_seconds",
    "output_tags",
)


@pytest.mark.live
@pytest.mark.parametrize("spec", CLOUD, ids=[spec.id for spec in CLOUD])
def test_the_real_vendor_answers_a_bundled_sample(spec, tmp_path):
    if os.environ.get("SOUNDCHECK_LIVE") != "1":
        pytest.skip("calls a real vendor and costs money: set SOUNDCHECK_LIVE=1")
    ready = readiness(spec, access_from_environment(spec))
    if ready.status != "ready":
        pytest.skip(" ".join(ready.needs))
    task, sample = TASKS[spec.task], for_task(spec.task)[0]
    source = take_in(sample.path).audio if task.takes_audio else sample.text
    settings = {"prompt": sample.prompt} if spec.task == "audio_lm" else {}
    request = task.request(**{task.source: source}, **settings)
    runner = Runner(tmp_path)
    try:
        run = runner.start(Plan(spec.task, request, (spec,), sample.title, use_cache=False))
        list(run.events())
    finally:
        runner.close()
    (result,) = run.results.values()
    assert result.ok, result.row["error"]
    if os.environ.get("SOUNDCHECK_RECORD") == "1":
        EXCHANGES.mkdir(exist_ok=True)
        found = {"recorded_on": datetime.now(UTC).date().isoformat()} | {name: result.row[name] for name in KEPT}
        (EXCHANGES / f"{spec.id.replace('/', '--')}.json").write_text(
            json.dumps(found, indent=1, ensure_ascii=False) + "\n", "utf-8"
        )
