"""Twenty cloud engines on loopback, compared in one run: text, times, cost and evidence of each, in every view."""

import csv
import io
import json
from contextlib import ExitStack

import pytest
from browser import served
from fake_api import FakeApi
from fake_clouds import CANARY, VENDORS

from comparisons.__main__ import main
from comparisons.catalogue import engines_for, readiness
from comparisons.runner import Runner
from comparisons.samples import for_task

MOST = 24


@pytest.fixture
def clouds(monkeypatch):
    """Every fake vendor on a port of its own, named in the environment as a person would name a proxy."""
    with ExitStack() as stack:
        for slug, (_, fake, path) in VENDORS.items():
            api = stack.enter_context(FakeApi(fake()))
            monkeypatch.setenv(f"{slug.upper()}_API_KEY", CANARY)
            monkeypatch.setenv(f"{slug.upper()}_BASE_URL", api.url + path)
        yield


def chosen():
    """Recorded-file ASR engines, one after the other by vendor, so that many vendors are among them."""
    ready = [spec for spec in engines_for("asr") if spec.where == "cloud" and not spec.realtime and spec.vendor_slug in VENDORS]
    ready = [spec for spec in ready if readiness(spec).status == "ready"]
    return [spec.id for spec in ready][:MOST]


def test_twenty_cloud_engines_answer_on_the_command_line_with_cost_and_evidence(clouds, tmp_path, capsys):
    ids = chosen()
    assert len(ids) >= 20
    assert len({engine_id.partition("/")[0] for engine_id in ids}) >= 8
    sample = for_task("asr")[0]
    code = main(["run", "asr", str(sample.path), "--engines", ",".join(ids), "--csv", str(tmp_path / "all.csv")])
    said = capsys.readouterr()
    assert code == 0
    rows = list(csv.DictReader(io.StringIO((tmp_path / "all.csv").read_text("utf-8-sig"))))
    assert [row["engine_id"] for row in rows] == ids
    assert {row["status"] for row in rows} == {"ok"}, [(row["engine_id"], row["error"]) for row in rows if row["error"]]
    for row in rows:
        assert row["output_text"]
        assert 0 < float(row["first_s"]) <= float(row["total_s"])
        assert json.loads(row["request_sent"])
        if row["cost_usd"]:
            assert float(row["cost_usd"]) > 0
            assert row["cost_evidence"] in ("reported usage", "counted usage")
            assert row["price_rule"]
            assert row["price_source"]
    assert sum(bool(row["cost_usd"]) for row in rows) >= 15
    assert "and your data:" in said.err
    assert CANARY not in said.out + said.err + (tmp_path / "all.csv").read_text("utf-8-sig")


def test_twenty_cloud_engines_fill_the_page(clouds, open_page, tmp_path):
    from ui.page import build, launch_options

    ids = chosen()
    runner = Runner(tmp_path / "home")
    try:
        with served(build(runner), **launch_options()) as address:
            page = open_page(address, idle=False)
            page.wait_for_selector(".sc-picker input[type=checkbox]:visible")
            picker = page.locator(".sc-picker:visible")
            picker.get_by_text("none", exact=True).click()
            names = [next(spec.name for spec in engines_for("asr") if spec.id == engine_id) for engine_id in ids]
            for name in names:
                picker.get_by_role("checkbox", name=name, exact=True).first.check(force=True)
            page.get_by_text(f"{len(set(names))} cloud calls").wait_for()
            page.click("#run-asr")
            page.wait_for_selector("#csv-asr:visible")
            board = page.locator(".sc-board:visible").inner_text()
            assert all(name in board for name in names)
            assert f"{len(names)} of {len(names)}" in board
            assert page.troubles == []
    finally:
        runner.close()
