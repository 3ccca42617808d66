"""onnx-asr, sherpa-onnx and Vosk hear through their own runtimes; the ONNX models here say one sentence to every window."""

import json

import numpy as np
import pytest
import tiny
import tiny_onnx

from engine.audio import Audio
from engine.contract import Facts, NotReady, Text, Transcribe, Unsupported
from engine.tasks import TASKS
from engine.worker import Worker, WorkerError
from local_models import onnx_asr, sherpa, vosk

CLIP = tiny.tone(2.0)


def pieces(engine, sound=CLIP, **how):
    return list(engine.run(Transcribe(sound, **how), 60.0))


def heard(engine, sound=CLIP, **how):
    return TASKS["asr"].join(pieces(engine, sound, **how))


def loaded(module, folder):
    spec = module.own(str(folder))
    engine = spec.engine(spec)
    engine.load()
    return engine


def save_nemo(folder, name="model.onnx"):
    """A NeMo CTC model: frames of 80 ms; "▁hi ▁you" in three tokens, one per frame."""
    vocabulary = ["▁h", "i", "▁you", "<blk>"]
    (folder / "vocab.txt").write_text("".join(f"{token} {number}\n" for number, token in enumerate(vocabulary)))
    (folder / "config.json").write_text(json.dumps({"model_type": "nemo-conformer-ctc", "features_size": 80}))
    nodes = [
        # one frame in eight, [1, 80, T] -> [1, 80, T'] -> [1, T', 80] -> zeros [1, T', 4]
        tiny_onnx.node("Slice", ["audio_signal", "zero", "far", "axis", "eight"], ["sparse"]),
        tiny_onnx.node("Transpose", ["sparse"], ["frames"], perm=[0, 2, 1]),
        tiny_onnx.node("MatMul", ["frames", "nothing"], ["zeros"]),
        tiny_onnx.node("Shape", ["zeros"], ["shape"]),
        tiny_onnx.node("Slice", ["shape", "one", "two"], ["length_now"]),
        tiny_onnx.node("Slice", ["table", "zero", "length_now", "one"], ["said"]),
        tiny_onnx.node("Add", ["zeros", "said"], ["logprobs"]),
    ]
    number = {"zero": [0], "one": [1], "two": [2], "eight": [8], "axis": [2], "far": [2**31]}
    constants = {name: np.array(value, np.int64) for name, value in number.items()}
    constants |= {"nothing": np.zeros((80, 4), np.float32), "table": tiny_onnx.table([0, 1, 2], 4, blank=3)}
    tiny_onnx.save(
        folder / name,
        nodes,
        {"audio_signal": (tiny_onnx.FLOAT, ("B", 80, "T")), "length": (tiny_onnx.INT64, ("B",))},
        {"logprobs": (tiny_onnx.FLOAT, ("B", "F", 4))},
        constants,
    )
    return folder


@pytest.fixture(scope="module")
def worker(tmp_path_factory):
    worker = Worker(onnx_asr.own(str(save_nemo(tmp_path_factory.mktemp("nemo")))))
    worker.load()
    yield worker
    worker.close()


def test_onnx_asr_hears_in_a_process_of_its_own_without_torch(worker):
    assert heard(worker).text == heard(worker, tiny.tone(2.0, 44_100, channels=2)).text == "hi you"
    assert worker.versions["onnx-asr"]


def test_words_of_onnx_asr_have_the_times_of_their_tokens(worker):
    assert heard(worker).words == ()
    words = heard(worker, word_times=True).words
    assert [(word.text, round(word.start_s, 2), round(word.end_s, 2)) for word in words] == [
        ("hi", 0.0, 0.16),
        ("you", 0.16, 0.24),
    ]


def test_onnx_asr_hears_a_long_sound_in_windows_on_one_clock(worker):
    output = heard(worker, tiny.tone(45.0), word_times=True)
    assert output.text == "hi you hi you"
    starts = [word.start_s for word in output.words]
    assert starts == sorted(starts) and starts[1] < 1 and 25 <= starts[2] <= 30


def test_onnx_asr_says_what_ran_and_refuses_what_it_cannot_do(worker):
    facts = next(piece for piece in pieces(worker) if isinstance(piece, Facts))
    assert (facts.device, facts.dtype, facts.sent["quantization"]) == ("cpu", "float32", "none")
    with pytest.raises(WorkerError, match="takes no language: leave it empty"):
        heard(worker, language="de")
    with pytest.raises(WorkerError, match="needs at least 0.1 s of sound"):
        heard(worker, Audio(np.zeros((1, 10)), 16_000))


def test_a_folder_of_quantised_files_alone_is_opened_as_such(tmp_path):
    engine = loaded(onnx_asr, save_nemo(tmp_path, "model.int8.onnx"))
    assert heard(engine).text == "hi you"
    assert next(piece for piece in pieces(engine) if isinstance(piece, Facts)).dtype == "int8"


def test_a_folder_that_is_no_model_is_not_ready(tmp_path):
    save_nemo(tmp_path)
    (tmp_path / "vocab.txt").unlink()
    with pytest.raises(NotReady, match="are no model of onnx-asr"):
        loaded(onnx_asr, tmp_path)


def save_paraformer(folder):
    """A Paraformer that writes 你好 and an English word in two halves, whatever it hears."""
    symbols = ["<blank>", "<s>", "</s>", "你", "好", "wor@@", "ld", "<unk>"]
    (folder / "tokens.txt").write_text("".join(f"{symbol} {number}\n" for number, symbol in enumerate(symbols)))
    (folder / "soundcheck.json").write_text(json.dumps({"kind": "paraformer"}))
    nodes = [
        tiny_onnx.node("ReduceSum", ["speech"], ["sum"], keepdims=1),
        tiny_onnx.node("Mul", ["sum", "nothing"], ["zero"]),
        tiny_onnx.node("Add", ["zero", "table"], ["logits"]),
        tiny_onnx.node("Cast", ["speech_lengths"], ["wide"], to=tiny_onnx.INT32),
        tiny_onnx.node("Mul", ["wide", "zero_int"], ["zero_wide"]),
        tiny_onnx.node("Add", ["zero_wide", "four"], ["token_num"]),
    ]
    constants = {
        "nothing": np.zeros((1, 1, 1), np.float32),
        "table": tiny_onnx.table([3, 4, 5, 6, 2], 8, blank=0, frames=5),
        "zero_int": np.zeros(1, np.int32),
        "four": np.array([5], np.int32),
    }
    features = 7 * 80
    metadata = {
        "vocab_size": "8", "lfr_window_size": "7", "lfr_window_shift": "6",
        "neg_mean": ",".join(["0"] * features), "inv_stddev": ",".join(["1"] * features), "model_type": "paraformer",
    }  # fmt: skip
    tiny_onnx.save(
        folder / "model.onnx",
        nodes,
        {"speech": (tiny_onnx.FLOAT, ("N", "T", features)), "speech_lengths": (tiny_onnx.INT32, ("N",))},
        {"logits": (tiny_onnx.FLOAT, ("N", "L", 8)), "token_num": (tiny_onnx.INT32, ("N",))},
        constants,
        metadata,
    )
    return folder


@pytest.fixture(scope="module")
def paraformer(tmp_path_factory):
    worker = Worker(sherpa.own(str(save_paraformer(tmp_path_factory.mktemp("paraformer")))))
    worker.load()
    yield worker
    worker.close()


def test_sherpa_hears_chinese_and_joins_windows_without_spaces_where_chinese_has_none(paraformer):
    assert heard(paraformer).text == "你好 world"
    assert heard(paraformer, tiny.tone(40.0)).text == "你好 world 你好 world"
    assert paraformer.versions["sherpa-onnx"]


def test_sherpa_refuses_a_language_that_it_was_not_told_to_know(paraformer):
    with pytest.raises(WorkerError, match="does not know the language 'fr'"):
        heard(paraformer, language="fr")


def test_words_of_paraformer_are_characters_and_whole_english_words():
    tokens = sherpa._timed(["你", "好", "wor@@", "ld", "是"], [0.0, 0.2, 0.4, 0.6, 0.8])
    words = sherpa.words_of(tokens)
    assert [(word.text, word.start_s) for word in words] == [("你", 0.0), ("好", 0.2), ("world", 0.4), ("是", 0.8)]
    assert words[-1].end_s == pytest.approx(0.86)


def test_an_own_folder_of_sherpa_must_say_what_it_is(tmp_path):
    with pytest.raises(NotReady, match='put a soundcheck.json with {"kind": ...} beside the files'):
        loaded(sherpa, tmp_path)


def test_vosk_says_what_is_missing_before_its_library_is_asked(tmp_path):
    with pytest.raises(NotReady, match="holds no model of Vosk"):
        loaded(vosk, tmp_path)
    engine = vosk.Vosk(vosk.ENGINES[0])
    with pytest.raises(NotReady, match=r"run `python -m comparisons prepare vosk/small-en-us-0.15`"):
        engine.load()


class Recogniser:
    """Vosk's recogniser as its documentation describes it: 0.5 s of sound make one utterance of one word."""

    def __init__(self, model, rate):
        self.taken, self.rate = 0, rate

    def SetWords(self, wanted):
        assert wanted

    def AcceptWaveform(self, data):
        self.taken += len(data) // 2
        return self.taken % (self.rate // 2) == 0

    def _said(self):
        end_s = self.taken / self.rate
        word = {"conf": 0.9, "start": end_s - 0.5, "end": end_s, "word": "one"}
        return json.dumps({"text": "one", "result": [word]})

    Result = _said

    def PartialResult(self):
        return json.dumps({"partial": "on"})

    def FinalResult(self):
        return json.dumps({"text": ""})


def test_vosk_grows_its_text_while_it_reads_and_keeps_the_clock_of_the_sound():
    engine = vosk.Vosk(vosk.ENGINES[0])
    engine.model, engine.library = None, type("Library", (), {"KaldiRecognizer": Recogniser})
    answered = pieces(engine, tiny.tone(1.0), word_times=True)
    assert [piece.text for piece in answered if isinstance(piece, Text)] == ["on", "one", "one on", "one one", "one one"]
    words = TASKS["asr"].join(answered).words
    assert [(word.text, word.start_s, word.confidence) for word in words] == [("one", 0.0, 0.9), ("one", 0.5, 0.9)]
    with pytest.raises(Unsupported, match="does not know the language 'de'"):
        heard(engine, language="de")
