"""The price check on a tiny wheel of its own; the real one is 41 MB and is never installed."""

import json
import zipfile

import pytest
from stub_engines import Scripted, spec

from engine.contract import Price
from scripts.check_prices import MAP, disagreements, main, read_map


def wheel(folder, prices, name=MAP):
    path = folder / "litellm-0.0.1-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(name, prices if isinstance(prices, str) else json.dumps(prices))
    return path


def cloud(engine_id, model, *prices, **rest):
    return spec(Scripted, id=engine_id, where="cloud", model=model, prices=prices, **rest)


def found(specs, prices, tmp_path):
    return [str(finding) for finding in disagreements(specs, read_map(wheel(tmp_path, prices)))]


def test_the_same_rate_in_other_units_agrees(tmp_path):
    specs = [
        cloud("openai/gpt-transcribe", "gpt-transcribe", Price("input_audio_seconds", 0.0045, per=60.0)),
        cloud("groq/whisper-large-v3", "whisper-large-v3", Price("input_audio_seconds", 0.111, per=3_600.0)),
        cloud("azure_openai/tts", "tts", Price("input_characters", 15.0, per=1e6)),
    ]
    prices = {
        "gpt-transcribe": {"input_cost_per_second": 7.5e-05},
        "groq/whisper-large-v3": {"input_cost_per_second": 3.083e-05},
        "azure/tts": {"input_cost_per_character": 1.5e-05},
    }
    assert found(specs, prices, tmp_path) == []


def test_another_rate_is_reported_with_both_figures(tmp_path):
    specs = [cloud("deepgram/nova-3", "nova-3", Price("input_audio_seconds", 0.0077, per=60.0))]
    prices = {"deepgram/nova-3": {"input_cost_per_second": 0.0043 / 60}}
    assert found(specs, prices, tmp_path) == ["deepgram/nova-3: $ per input_audio_seconds: ours 0.0001283, theirs 7.167e-05"]


def test_every_kind_of_token_is_compared_on_its_own(tmp_path):
    units = ("input_audio_tokens", "input_text_tokens", "output_audio_tokens", "output_text_tokens")
    specs = [cloud("openai/chat", "chat", *(Price(unit, usd, per=1e6) for unit, usd in zip(units, (32, 4, 64, 24), strict=True)))]
    row = {"input_cost_per_audio_token": 3.2e-5, "input_cost_per_token": 4e-6, "output_cost_per_audio_token": 6.4e-5}
    assert found(specs, {"chat": {**row, "output_cost_per_token": 2.4e-5}}, tmp_path) == []
    assert found(specs, {"chat": {**row, "output_cost_per_token": 1.6e-5}}, tmp_path) == [
        "openai/chat: $ per output_text_tokens: ours 2.4e-05, theirs 1.6e-05"
    ]


def test_a_shutdown_date_that_only_one_side_knows_is_reported(tmp_path):
    specs = [cloud("openai/a", "a", shutdown_date="2027-01-06"), cloud("openai/b", "b")]
    prices = {"a": {"deprecation_date": "2027-01-06"}, "b": {"deprecation_date": "2027-02-26"}}
    assert found(specs, prices, tmp_path) == ["openai/b: shutdown date: ours none, theirs 2027-02-26"]


def test_what_the_map_does_not_know_is_no_disagreement(tmp_path):
    specs = [
        cloud("fish/s1", "s1", Price("input_utf8_bytes", 15.0, per=1e6)),
        cloud("openai/a", "a", Price("output_stems", 1.0)),
        cloud("openai/b", "b", Price("input_audio_seconds", 1.0)),
    ]
    prices = {"a": {"input_cost_per_second": 1.0}, "b": {"input_cost_per_second": 0}, "sample_spec": "a text"}
    assert found(specs, prices, tmp_path) == []


def test_another_vendors_model_of_the_same_name_is_not_compared(tmp_path):
    specs = [cloud("siliconflow/tts-1", "tts-1", Price("input_characters", 1.0))]
    assert found(specs, {"tts-1": {"input_cost_per_character": 1.5e-05}}, tmp_path) == []


def test_the_command_prints_the_disagreement_and_exits_with_1(tmp_path, capsys):
    path = wheel(tmp_path, {"tts-1": {"input_cost_per_character": 3e-05, "deprecation_date": "2027-01-06"}})
    assert main([str(path)]) == 1
    printed = capsys.readouterr().out
    assert "openai/tts-1: $ per input_characters: ours 1.5e-05, theirs 3e-05" in printed
    assert "1 disagreements" in printed
    assert "deepgram/nova-3" in printed.rpartition("not in the map:")[2]


def test_the_command_exits_with_0_where_all_agree(tmp_path, capsys):
    path = wheel(tmp_path, {"tts-1": {"input_cost_per_character": 1.5e-05, "deprecation_date": "2027-01-06"}})
    assert main([str(path)]) == 0
    assert "0 disagreements" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("prices", "name"), [("{}", "litellm/other.json"), ("not json", MAP)], ids=["without the map", "with a broken map"]
)
def test_another_file_is_refused_in_a_sentence(tmp_path, prices, name):
    with pytest.raises(SystemExit, match="is not a litellm wheel with a price map"):
        read_map(wheel(tmp_path, prices, name))
    (tmp_path / "plain.whl").write_text("no archive")
    with pytest.raises(SystemExit, match="is not a litellm wheel"):
        read_map(tmp_path / "plain.whl")
