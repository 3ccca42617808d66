import csv
import io
import json
import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as some
from pyarrow import parquet

from comparisons.columns import COLUMNS
from comparisons.table import (
    console_table,
    percentile,
    printable,
    shown,
    summarise,
    to_frame,
    write_csv,
    write_jsonl,
    write_parquet,
)


def row(**known):
    return dict.fromkeys(COLUMNS) | {"task": "asr", "engine_id": "stub/one", "engine_name": "One", "status": "ok"} | known


def csv_bytes(rows):
    file = io.BytesIO()
    write_csv(rows, file)
    return file.getvalue()


def read_back(rows):
    text = csv_bytes(rows).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))


# ---------------------------------------------------------------- CSV


def test_the_csv_has_every_column_in_order_a_bom_crlf_and_every_cell_quoted():
    data = csv_bytes([row(total_s=1.25)])
    header, line, rest = data.split(b"\r\n")

    assert data.startswith(b"\xef\xbb\xbf")
    assert header.decode("utf-8-sig") == ",".join(f'"{name}"' for name in COLUMNS)
    assert line.startswith(b'"","",') and b'"1.25"' in line and rest == b""


def test_T17_unknown_values_are_empty_cells_never_sentinels():
    cells = read_back([row(first_s=None, wer=math.nan, cost_usd=math.inf, rtf=np.float32("nan"), cached=None)])[0]

    for name in ("first_s", "wer", "cost_usd", "rtf", "cached", "output_text"):
        assert cells[name] == ""
    assert cells["status"] == "ok"


def test_T17_unknown_values_are_missing_in_frame_parquet_and_json_lines(tmp_path):
    rows = [row(wer=math.nan, total_s=2, cached=False), row(output_text="hi", cost_usd=-math.inf)]
    write_parquet(rows, tmp_path / "rows.parquet")
    write_jsonl(rows, tmp_path / "rows.jsonl")
    table = parquet.read_table(tmp_path / "rows.parquet").to_pylist()
    lines = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text().splitlines()]
    frame = to_frame(rows)

    for made in (table, lines):
        assert [cells["wer"] for cells in made] == [None, None]
        assert [cells["total_s"] for cells in made] == [2, None]
        assert [cells["cost_usd"] for cells in made] == [None, None]
        assert [cells["cached"] for cells in made] == [False, None]
        assert [cells["output_text"] for cells in made] == [None, "hi"]
    assert frame["wer"].isna().all() and frame["cost_usd"].isna().all() and frame["cached"].isna().tolist() == [False, True]
    assert frame["output_text"].isna().tolist() == [True, False]


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "|calc",
        "%0",
        "  =1",
        "\u00a0=1",
        "\ufeff=1",
        "\u200b=1",
        "\uff1d1",
        "\ufe62",
        "\x01=1",
        "\n=1",
        "\t",
        "\rx",
        "\nx",
        "\u2212",
    ],
)
def test_text_that_a_spreadsheet_would_run_gets_an_apostrophe(text):
    assert read_back([row(output_text=text)])[0]["output_text"] == f"'{text}"


@pytest.mark.parametrize(
    "text", ["a=1", "1-1", "", " x", "'=1", "日本", "é", '"=1"', "a\r\nb\nc\rd", 'say "hi", you', "\u061cنص"]
)
def test_other_text_is_kept_as_it_is_with_its_line_breaks(text):
    assert read_back([row(output_text=text)])[0]["output_text"] == text


def test_a_nul_inside_text_cannot_hide_a_formula():
    assert read_back([row(output_text="\0=1")])[0]["output_text"] == "'=1"


def test_numbers_stay_numbers_and_text_in_a_number_column_is_made_safe():
    cells = read_back(
        [row(loudness_lufs=-23.1, null_test_db=np.float64(-120), wer=np.float32(0.5), repeat=np.int64(2), first_s="=cmd()")]
    )[0]

    assert [cells[name] for name in ("loudness_lufs", "null_test_db", "wer", "repeat")] == ["-23.1", "-120.0", "0.5", "2"]
    assert cells["first_s"] == "'=cmd()"


def test_flags_are_words_and_documents_are_json():
    cells = read_back([row(cached=True, cold=False, usage_raw={"a": math.nan}, settings='{"language": "en"}')])[0]

    assert (cells["cached"], cells["cold"]) == ("true", "false")
    assert json.loads(cells["usage_raw"]) == {"a": None}
    assert cells["settings"] == '{"language": "en"}'


def test_lone_surrogates_become_a_replacement_character_in_csv_frame_and_parquet(tmp_path):
    rows = [row(output_text="a\ud800b")]
    write_parquet(rows, tmp_path / "rows.parquet")

    assert read_back(rows)[0]["output_text"] == "a\ufffdb"
    assert to_frame(rows)["output_text"][0] == "a\ufffdb"
    assert parquet.read_table(tmp_path / "rows.parquet").to_pylist()[0]["output_text"] == "a\ufffdb"


@settings(max_examples=300)
@given(some.lists(some.tuples(some.none() | some.text(), some.none() | some.floats(), some.none() | some.booleans()), max_size=4))
@example([("\r\n", 0.1, None), ('",\n"=1', -0.0, True)])
def test_whatever_goes_into_the_csv_is_read_back(cells):
    back = read_back([row(output_text=text, total_s=number, cached=flag) for text, number, flag in cells])

    assert len(back) == len(cells)
    for (text, number, flag), got in zip(cells, back, strict=True):
        wanted = (text or "").replace("\0", "").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        assert got["output_text"] in (wanted, f"'{wanted}")
        assert got["output_text"].lstrip()[:1] not in tuple("=+-@|%")
        assert got["total_s"] == "" if number is None or not math.isfinite(number) else float(got["total_s"]) == number
        assert got["cached"] == {None: "", True: "true", False: "false"}[flag]
        assert got["status"] == "ok"


def test_rows_are_written_one_at_a_time_and_a_missing_column_is_an_empty_cell():
    written = []

    class Watched(io.BytesIO):
        def write(self, data):
            written.append(len(data))
            return super().write(data)

    def rows():
        for index in range(2_000):
            if index == 1_999:
                assert sum(written) > 100_000
            yield {"output_text": "x" * 100}

    file = Watched()

    assert write_csv(rows(), file) == 2_000
    assert file.getvalue().count(b"\r\n") == 2_001


def test_an_export_that_fails_leaves_the_earlier_file_and_nothing_half(tmp_path):
    path = tmp_path / "rows.csv"
    write_csv([row()], path)
    before = path.read_bytes()

    def failing():
        yield row()
        raise OSError("the history cannot be read")

    for write in (write_csv, write_jsonl, write_parquet):
        with pytest.raises(OSError, match="history"):
            write(failing(), path)
        assert path.read_bytes() == before
        assert [file.name for file in tmp_path.iterdir()] == ["rows.csv"]


# ---------------------------------------------------------------- other files


def test_json_lines_are_lossless_and_unfold_documents(tmp_path):
    text = "=1\0\ud800\r\n'"
    write_jsonl([row(output_text=text, output_tags='[{"label": "Dog"}]', settings="not json")], tmp_path / "rows.jsonl")
    made = json.loads((tmp_path / "rows.jsonl").read_text())

    assert list(made) == list(COLUMNS)
    assert made["output_text"] == text
    assert made["output_tags"] == [{"label": "Dog"}]
    assert made["settings"] == "not json"


def test_parquet_has_types_and_tells_each_columns_unit_and_meaning(tmp_path):
    assert write_parquet((row(total_s=1) for _ in range(12_000)), tmp_path / "rows.parquet") == 12_000
    table = parquet.read_table(tmp_path / "rows.parquet")

    assert table.num_rows == 12_000 and table.column_names == list(COLUMNS)
    assert str(table.schema.field("total_s").type) == "double" and str(table.schema.field("cached").type) == "bool"
    assert table.schema.field("total_s").metadata[b"unit"] == b"s"
    assert table.schema.field("wer").metadata[b"meaning"] == COLUMNS["wer"].meaning.encode()


def test_no_rows_give_a_header_an_empty_frame_and_an_empty_parquet_table(tmp_path):
    assert read_back([]) == []
    assert list(to_frame([]).columns) == list(COLUMNS)
    assert write_parquet([], tmp_path / "rows.parquet") == 0
    assert parquet.read_table(tmp_path / "rows.parquet").num_rows == 0


# ---------------------------------------------------------------- summary


def test_T1_cached_answers_are_left_out_of_times_and_cost_and_counted():
    rows = [
        row(first_s=1.0, total_s=2.0, cost_usd=0.01),
        row(first_s=3.0, total_s=4.0, cost_usd=None),
        row(first_s=100.0, total_s=100.0, cost_usd=9.0, cached=True),
        row(status="timeout", total_s=120.0),
    ]

    made = summarise(rows)[0]

    assert (made.runs, made.ok, made.fresh, made.cost_known) == (4, 3, 2, 1)
    assert made.first_p50_s == 2 and made.total_p50_s == 3
    assert made.total_p95_s == pytest.approx(3.9)
    assert made.cost_mean_usd == 0.01


def test_T12_a_summary_has_pooled_and_mean_wer():
    def counted(substitutions, reference_words):
        rate = substitutions / reference_words
        counts = {"word_substitutions": substitutions, "word_deletions": 0, "word_insertions": 0}
        return row(wer=rate, reference_words=reference_words, **counts)

    made = summarise([counted(1, 1), counted(0, 9)])[0]

    assert made.wer_pooled == pytest.approx(0.1) and made.wer_mean == pytest.approx(0.5)


def test_T17_a_summary_of_failures_has_unknown_times_not_zeros():
    made = summarise([row(status="auth", error="the key was refused")])[0]

    assert (made.runs, made.ok, made.fresh) == (1, 0, 0)
    assert made.total_p50_s is made.first_p95_s is made.cost_mean_usd is made.wer_pooled is None


def test_a_run_that_a_person_stopped_is_counted_as_stopped():
    made = summarise([row(status="cancelled", error="Stopped before it had answered."), row()])[0]

    assert (made.runs, made.ok, made.stopped) == (2, 1, 1)


def test_engines_and_tasks_are_summed_up_apart_in_order_of_appearance():
    rows = [row(engine_id="b/x"), row(engine_id="a/x"), row(engine_id="b/x", task="tts"), row(engine_id="b/x")]

    assert [(made.task, made.engine_id, made.runs) for made in summarise(rows)] == [
        ("asr", "b/x", 2),
        ("asr", "a/x", 1),
        ("tts", "b/x", 1),
    ]


@given(some.lists(some.floats(-1e6, 1e6), min_size=1), some.floats(0, 1))
def test_a_percentile_is_that_of_numpy(values, share):
    assert percentile([*values, None], share) == pytest.approx(np.quantile(values, share), rel=1e-9, abs=1e-6)


# ---------------------------------------------------------------- terminal


def test_numbers_are_shown_scaled_rounded_and_with_their_unit():
    assert shown("wer", 0.0833) == "8.3 %"
    assert shown("total_s", 1.23456) == "1.23 s"
    assert shown("total_s", 0.02345) == "0.023 s"
    assert shown("loudness_lufs", -20.04) == "−20.0 LUFS"
    assert shown("cost_usd", 0.000387) == "$0.00039"
    assert shown("cost_usd", 1234.5) == "$1234.50"
    assert shown("cost_usd", 0.0) == "$0.00"
    assert shown("cost_usd", None) == "–"


def test_the_console_table_is_aligned_and_fits():
    rows = [
        row(total_s=1.5, first_s=0.2, rtf=0.1, cost_usd=0.001, wer=0.0833, output_text="hello there " * 40),
        row(engine_id="stub/a-much-longer-name", status="timeout", error="no answer before the deadline"),
        row(cached=True, output_text="日本語" * 60),
    ]

    lines = console_table(rows, width=130).splitlines()

    assert "WER 8.3 %" in lines[1] and "$0.0010" in lines[1] and lines[1].endswith("…")
    assert "no answer before the deadline" in lines[2]
    assert "ok, cached" in lines[3]
    assert {line.index(word) for line, word in zip(lines, ("Answer", "hello", "no answer", "日"), strict=True)} == {
        lines[0].index("Answer")
    }
    assert len(lines[1]) <= 130
    assert console_table([]) == ""


def test_no_answer_can_steer_the_terminal():
    text = console_table([row(output_text="a\x1b[2J\x07\r\nb\u202ec\x9b31m\ud800", status="ok\x1b[0m")])

    assert all(letter == "\n" or letter.isprintable() for letter in text)
    assert printable("a\x1b[31mred\nb") == "a [31mred b"


def test_tags_and_sounds_are_told_in_words():
    text = console_table(
        [
            row(task="tagging", output_tags='[{"label": "Dog", "score": 0.9}, {"label": "Rain", "score": 0.1}]', tag_f1=0.5),
            row(task="tts", output_audio_seconds=2.5, loudness_lufs=-20.04),
        ]
    )

    assert "Dog, Rain" in text and "F1 50.0 %" in text
    assert "2.50 s of sound" in text and "Loudness −20.0 LUFS" in text
