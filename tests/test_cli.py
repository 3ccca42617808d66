"""The command line: stable shapes, honest exit codes, progress on stderr and the table on stdout."""

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from comparisons.__main__ import main
from comparisons.samples import for_task

ROOT = Path(__file__).parent.parent
SPEECH = str(for_task("asr")[0].path)


def cli(*arguments, capsys):
    code = main(arguments)
    said = capsys.readouterr()
    return code, said.out, said.err


def rows_of(path):
    return list(csv.DictReader(io.StringIO(path.read_text("utf-8-sig"))))


def test_run_writes_the_columns_that_scripts_rely_on(tmp_path, capsys):
    sample = for_task("asr")[0]
    code, out, err = cli(
        "run", "asr", SPEECH, "--engines", "pocketsphinx/en-us", "--reference", sample.reference,
        "--csv", str(tmp_path / "a.csv"), "--jsonl", str(tmp_path / "a.jsonl"), "--save", str(tmp_path / "out"), capsys=capsys,
    )  # fmt: skip
    assert code == 0
    assert "pocketsphinx/en-us: running" in err
    assert "pocketsphinx/en-us" in out
    (row,) = rows_of(tmp_path / "a.csv")
    wanted = (
        "engine_id status error input_name input_audio_seconds queue_s load_s first_s total_s rtf cost_usd cached output_text wer"
    )
    assert set(wanted.split()) <= set(row)
    assert (row["status"], row["error"], row["cached"]) == ("ok", "", "false")
    assert float(row["wer"]) <= 0.3
    assert json.loads((tmp_path / "a.jsonl").read_text())["output_text"] == row["output_text"]
    assert (tmp_path / "out" / "pocketsphinx-en-us-1.txt").read_text().strip() == row["output_text"]


def test_tts_takes_text_and_saves_sound(tmp_path, capsys):
    code, _, _ = cli("run", "tts", "Hello there.", "--engines", "espeak/en", "--save", str(tmp_path), capsys=capsys)
    assert code == 0
    assert (tmp_path / "espeak-en-1.wav").stat().st_size > 10_000


def test_repeats_give_a_row_each_and_a_second_run_is_cached(tmp_path, capsys):
    for name in ("first", "second"):
        cli("run", "music", "calm piano", "--engines", "composer/additive", "--repeat", "2", "--option", "duration_s=2",
            "--csv", str(tmp_path / name), capsys=capsys)  # fmt: skip
    assert [row["cached"] for row in rows_of(tmp_path / "first")] == ["false", "false"]
    assert [row["cached"] for row in rows_of(tmp_path / "second")] == ["true", "true"]


@pytest.mark.parametrize("arguments", [
    ("run", "asr", "/nowhere/at-all.wav"),
    ("run", "asr", str(ROOT / "README.md")),
    ("run", "asr", SPEECH, "--engines", "nobody/nothing"),
    ("run", "asr", SPEECH, "--engines", "espeak/en"),
    ("run", "asr", SPEECH, "--option", "colour=red"),
    ("run", "asr", SPEECH, "--option", "language"),
    ("run", "tts", "hi", "--option", "speed=fast"),
    ("run", "tts", "hi", "--option", "speed=nan"),
    ("run", "tts", "   "),
    ("run", "tts", "x" * 6_000),
    ("run", "separation", SPEECH, "--reference", "/nowhere/stems"),
    ("export",),
])  # fmt: skip
def test_unusable_input_is_exit_2_with_one_sentence(arguments, capsys):
    code, out, err = cli(*arguments, capsys=capsys)
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert len(err.strip().splitlines()) == 1
    assert "Traceback" not in err


@pytest.mark.parametrize("arguments", [("run", "opera", "x"), ("run", "asr"), ("run", "asr", SPEECH, "--repeat", "0"), ()])
def test_bad_arguments_are_exit_2(arguments):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("nothing",),
        ("run", "asr"),
        ("run", "asr", SPEECH, "--repeat", "zero"),
        ("run", "asr", SPEECH, "--spend-cap", "-1"),
        ("run", "asr", SPEECH, "--machine-price", "cheap"),
        ("run", "asr", SPEECH, "--warmups", "-3"),
        ("run", "asr", SPEECH, "--engines", "whisper/tinny"),
        ("run", "asr", SPEECH, "--csv", "/nowhere/at/all.csv"),
        ("batch", "asr", SPEECH, "--summary", "figures.txt"),
        ("batch", "asr", SPEECH, "--at-once", "many"),
        ("batch", "asr", str(ROOT / "samples"), "--summary", "/nowhere/figures.csv"),
        ("capsule", "save", "nobody", "x.soundcheck"),
        ("capsule", "open", SPEECH),
        ("costs", "asr"),
        ("costs", "asr", "--units", "lots"),
        ("costs", "asr", "--units", "1", "--csv", "/nowhere/at/all.csv"),
        ("catalogue", "--csv", "/nowhere/at/all.csv"),
    ],
)
def test_every_mistake_is_one_short_sentence_on_stderr_and_exit_2(arguments, capsys):
    try:
        code = main(arguments)
    except SystemExit as left:
        code = left.code
    said = capsys.readouterr()
    assert (code, said.out) == (2, "")
    assert said.err.startswith("error: ") and len(said.err.splitlines()) == 1 and len(said.err) < 500


def test_a_run_tells_the_id_under_which_it_can_be_saved(tmp_path, capsys):
    _, _, err = cli("run", "tts", "Hello there.", "--engines", "espeak/en", capsys=capsys)
    (line,) = [line for line in err.splitlines() if line.startswith("comparison ")]
    code, _, _ = cli("capsule", "save", line.split()[1].rstrip(":"), str(tmp_path / "a.soundcheck"), capsys=capsys)
    assert code == 0 and (tmp_path / "a.soundcheck").stat().st_size > 1_000


def test_exit_1_when_no_engine_answered(capsys):
    code, out, err = cli("run", "asr", SPEECH, "--engines", "openai/gpt-transcribe", capsys=capsys)
    assert code == 1
    assert "OPENAI_API_KEY" in err
    assert "not_ready" in out


def test_list_as_json_is_a_list_of_objects(capsys):
    code, out, _ = cli("list", "--task", "tts", "--json", capsys=capsys)
    assert code == 0
    assert {row["task"] for row in json.loads(out)} == {"tts"}


def test_doctor_says_what_is_missing_and_how_to_get_it(capsys):
    _, out, _ = cli("doctor", "--json", capsys=capsys)
    found = json.loads(out)
    assert "pocketsphinx/en-us" in found["ready"]
    assert any("prepare" in sentence for sentence in found["needs"]["whisper/tiny"])
    code, out, _ = cli("doctor", capsys=capsys)
    assert code == 0
    assert "SOUNDCHECK_HOME" in out


def test_export_gives_back_every_row_in_three_formats(tmp_path, capsys):
    cli("run", "tts", "One.", "--engines", "espeak/en,flite/slt,openai/tts-1", capsys=capsys)
    files = {kind: tmp_path / f"all.{kind}" for kind in ("csv", "jsonl", "parquet")}
    code, _, _ = cli("export", *(word for kind, file in files.items() for word in (f"--{kind}", str(file))), capsys=capsys)
    assert code == 0
    assert len(rows_of(files["csv"])) == 3
    assert len(files["jsonl"].read_text().splitlines()) == 3
    import pandas

    assert len(pandas.read_parquet(files["parquet"])) == 3


def test_it_runs_as_a_module_from_elsewhere(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "comparisons", "list", "--json"],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert len(json.loads(done.stdout)) > 20
