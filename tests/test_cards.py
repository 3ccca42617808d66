"""The cards of a comparison: what each task's figures look like once they are known."""

import pytest
from stub_engines import Scripted, spec

from comparisons.columns import COLUMNS
from comparisons.results import Answered, Cell, Queued, Result, Settled
from comparisons.runner import Plan
from comparisons.store import Store
from engine.tasks import TASKS, Output
from ui.cards import MEASURES, Cards


@pytest.mark.parametrize("task", TASKS)
def test_a_card_shows_every_figure_that_is_known_with_its_unit_whatever_its_kind(tmp_path, task):
    made_by, names = spec(Scripted, "one", task), MEASURES[task]
    known = {name: "C major" if COLUMNS[name].kind == "text" else 0.5 for name in names}
    row = dict.fromkeys(COLUMNS) | {"status": "ok", "engine_id": made_by.id, "engine_name": made_by.name, "cached": False} | known
    cell = Cell(made_by.id, 1)
    with Store(tmp_path, upkeep=False) as store:
        cards = Cards(Plan(task, None, (made_by,), "in"), store)
        cards.apply([Queued(cell), Settled(cell, Result(row, Output(text="said")))])
        shown = cards.state().cards[0].measures
    assert [each.value for each in shown] == [COLUMNS[name].shown(known[name]) for name in names]
    assert all(each.value and each.label and each.title for each in shown)


def test_a_run_that_a_person_stopped_is_shown_as_stopped(tmp_path):
    made_by, cell = spec(Scripted, "one", "asr"), Cell("stub/one", 1)
    known = {"status": "cancelled", "error": "Stopped before it had answered.", "engine_name": made_by.name}
    with Store(tmp_path, upkeep=False) as store:
        cards = Cards(Plan("asr", None, (made_by,), "in"), store)
        cards.apply([Queued(cell), Settled(cell, Result(dict.fromkeys(COLUMNS) | known, None))])
        (card,) = cards.state(done=True).cards
    assert (card.state, card.error, card.elapsed_s) == ("stopped", "Stopped before it had answered.", None)


def test_an_answer_is_shown_before_it_is_listened_to_and_what_was_heard_is_added(tmp_path):
    made_by, cell = spec(Scripted, "one", "tts"), Cell("stub/one", 1)
    known = {"status": "ok", "engine_id": made_by.id, "engine_name": made_by.name, "cached": False, "cold": True, "load_s": 1.0}
    row = dict.fromkeys(COLUMNS) | known | {"total_s": 0.5}
    with Store(tmp_path, upkeep=False) as store:
        cards = Cards(Plan("tts", None, (made_by,), "in", hear_with=spec(Scripted, "ears")), store)
        cards.apply([Queued(cell), Answered(cell, Result(row, Output(text="said")))])
        (early,) = cards.state().cards
        assert (early.state, early.hint, early.elapsed_s) == ("ok", "Stub ears is yet to listen to it.", None)
        told = len(early.badges)
        cards.apply([Settled(cell, Result(row | {"round_trip_wer": 0.25}, Output(text="said")))])
        (late,) = cards.state(done=True).cards
    assert (late.hint, len(late.badges)) == ("", told)
    assert [each.value for each in late.measures if each.title == COLUMNS["round_trip_wer"].meaning] == ["25.0 %"]
