"""The cards of a comparison: what each task's figures look like once they are known."""

import pytest
from stub_engines import Scripted, spec

from comparisons.columns import COLUMNS
from comparisons.results import Cell, Queued, Result, Settled
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
