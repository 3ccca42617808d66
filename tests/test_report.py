"""The HTML report: one file that opens without a network, plays, and runs nothing of what strangers wrote."""

from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser import PHONE

from comparisons import report
from comparisons.capsule import NoComparison, open_capsule, save
from comparisons.columns import COLUMNS
from comparisons.report import POLICY, write_report
from comparisons.store import Store
from engine.audio import Audio

ID = "a1" * 16
# waiting inside the page: its policy refuses the code that wait_for_function would inject
PLAYED = """() => new Promise((done) => {
  const audio = document.querySelector('audio');
  audio.addEventListener('ended', () => done(audio.currentTime));
  audio.play();
})"""
PAYLOADS = (
    "<script>window.__pwn=1</script>",
    '"><img src=http://127.0.0.1:9/x onerror=window.__pwn=1>',
    "</style></title><svg onload=window.__pwn=1>",
)


def row(engine_id: str, **values: Any) -> dict[str, Any]:
    known = {
        "comparison_id": ID,
        "created_at": "2026-11-01T10:00:00.000+00:00",
        "task": "asr",
        "engine_id": engine_id,
        "engine_name": engine_id.title(),
        "where": "local",
        "status": "ok",
        "cached": False,
        "repeat": 1,
        "attempts": 1,
        "input_name": "talk.wav",
        "first_s": 0.25,
        "total_s": 0.5,
        "wer": 0.125,
        "output_text": f"words of {engine_id}",
    }
    return dict.fromkeys(COLUMNS) | known | values


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "store", upkeep=False) as opened:
        sound = Audio(0.3 * np.sin(2 * np.pi * 330 * np.arange(8_000) / 16_000), 16_000)
        sha256 = opened.put_blob(sound.to_wav(floats=True))
        file = json.dumps({"sha256": sha256, "seconds": 0.5, "rate": 16_000, "channels": 1})
        opened.add_all(
            [
                row("pocketsphinx/en-us", input_file=file, reference="what was said"),
                row(
                    "acme/cloud",
                    where="cloud",
                    input_file=file,
                    total_s=1.0,
                    cost_usd=0.0004,
                    attempts=2,
                    price_rule="$0.006 per minute",
                ),
                row("acme/kept", where="cloud", input_file=file, cached=True, total_s=0.001),
                row("acme/refused", where="cloud", status="auth", error="The key was refused.", total_s=None, first_s=None),
            ],
            session="visitor-5f1c",
        )
        yield opened


def page_of(source: Any) -> str:
    file = io.BytesIO()
    write_report(source, ID, file)
    return file.getvalue().decode()


class Elements(HTMLParser):
    """Every element of a page with its attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_the_page_has_every_answer_figure_and_unit(store):
    page = page_of(store)
    for words in (
        "words of acme/cloud",
        'title="reference: ',
        "The key was refused.",
        "0.50 s",
        "12.5 %",
        "$0.00040",
        "1 retry",
        "what was said",
    ):
        assert words in page
    assert "WER (%)" in page
    assert "Total (s)" in page


def test_a_cached_time_is_no_bar_in_the_chart(store):
    plots = page_of(store).partition("Latency and cost")[2].partition("Answers")[0]
    assert "cached only" in plots
    assert "failed" in plots
    assert "0.001 s" not in plots


def test_the_page_asks_for_nothing_from_anywhere(store):
    elements = Elements(page_of(store)).found
    assert {tag for tag, _ in elements}.isdisjoint({"script", "link", "iframe", "object", "embed", "form", "img", "base"})
    for _, attributes in elements:
        assert not [name for name in attributes if name.startswith("on") or name in ("href", "style", "action")]
        assert (attributes.get("src") or "data:audio/").startswith("data:audio/")
    policy = next(
        attributes["content"] for _, attributes in elements if attributes.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy == POLICY
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_the_embedded_sound_is_the_kept_one(store):
    kind, data = re.search(r"data:audio/(\w+);base64,([^\"]+)", page_of(store)).groups()
    sound = Audio.decode(base64.b64decode(data))
    assert (kind, sound.rate, sound.frames) == ("wav", 16_000, 8_000)
    assert sound.peak == pytest.approx(0.3, abs=0.001)


def test_a_sound_beyond_the_bound_is_left_out_with_a_sentence(store, monkeypatch):
    monkeypatch.setattr(report, "MOST_SOUND_BYTES", 1_000)
    page = page_of(store)
    assert "data:audio" not in page
    assert "The sound is left out" in page


def test_history_and_capsule_give_the_same_page(store, tmp_path):
    save(store, ID, tmp_path / "one.soundcheck")
    with open_capsule(tmp_path / "one.soundcheck") as capsule:
        assert page_of(capsule) == page_of(store)


def test_a_session_and_an_unknown_comparison_never_reach_a_page(store, tmp_path):
    assert "visitor-5f1c" not in page_of(store)
    with pytest.raises(NoComparison):
        write_report(store, "0" * 32, tmp_path / "none.html")
    assert not (tmp_path / "none.html").exists()


def test_it_opens_in_a_browser_plays_and_runs_nothing(open_page, store, tmp_path):
    bad = dict.fromkeys(("engine_name", "input_name", "output_text", "device", "reference", "price_rule", "model"), PAYLOADS[1])
    store.add(
        row(
            "evil/one", **bad | {"engine_name": PAYLOADS[0], "where": "cloud", "versions": json.dumps({PAYLOADS[2]: PAYLOADS[2]})}
        )
    )
    store.add(row("evil/two", status="crashed", error=PAYLOADS[2], total_s=None))
    file = tmp_path / "report.html"
    write_report(store, ID, file)
    page = open_page(file.as_uri(), **PHONE)
    assert page.locator("article").count() == 6
    assert page.evaluate("window.__pwn") is None
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert page.evaluate("getComputedStyle(document.querySelector('article')).borderTopStyle") == "solid"
    assert page.locator("audio").count() == 1
    assert page.evaluate(PLAYED) == pytest.approx(0.5, abs=0.05)
    assert (page.troubles, page.outside) == ([], [])
