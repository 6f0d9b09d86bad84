"""Targets: what is kept of them, their history, and two people at one of them."""

import datetime as dt

import pytest

from records import targets
from records.database import RecordsError
from records.editing import Conflict
from records.models import Target
from tests.records.conftest import NOW

GIVEN = {
    "metric": "win_rate", "options": {}, "period": "last12", "segment": [["region", "South"], ["region", "North"]], "baseline": 0.1,
    "baseline_on": dt.date(2026, 7, 31), "target": 0.2, "is_relative": True, "lower_is_better": False, "starts_on": dt.date(2026, 8, 1),
    "due_on": dt.date(2026, 10, 31), "owner": "Ann", "note": "three months",
}  # fmt: skip


def add(engine, **further):
    return targets.add(engine, Target(**{**GIVEN, **further}), "boss", NOW)


def test_a_target_is_kept_as_it_was_declared(engine):
    number = add(engine, owner=" Ann ").number
    (found,) = targets.targets(engine)
    assert {name: getattr(found, name) for name in GIVEN} == {**GIVEN, "segment": [["region", "North"], ["region", "South"]]}
    assert (found.number, found.version, found.is_closed, found.created_at, found.changed_by) == (number, 1, False, NOW, "boss")


def test_the_next_due_comes_first_and_closed_ones_are_apart(engine):
    late, soon, done = (add(engine, due_on=dt.date(2026, month, 1)).number for month in (12, 10, 11))
    targets.close(engine, done, 1, by="boss", at=NOW)
    assert [t.number for t in targets.targets(engine)] == [soon, done, late]
    assert [t.number for t in targets.targets(engine, is_closed=False)] == [soon, late]
    assert [t.number for t in targets.targets(engine, is_closed=True)] == [done]


def test_where_nothing_was_ever_made_there_are_no_targets(bare):
    assert targets.targets(bare) == [] and targets.history(bare, 1) == []


def test_history_tells_every_change_with_what_was_before(engine):
    number = add(engine).number
    targets.change(engine, number, 1, by="ann", at=NOW, target=0.3, due_on=dt.date(2026, 12, 31), owner="Ann")
    targets.change(engine, number, 2, by="ann", at=NOW, owner="Ann")  # nothing differs: nothing to tell
    targets.close(engine, number, 3, by="bob", at=NOW)
    targets.close(engine, number, 4, by=None, at=NOW, is_closed=False)
    told = [(change.who, change.old, change.new) for change in targets.history(engine, number)]
    assert told[0][:2] == ("boss", {}) and told[0][2]["due_on"] == "2026-10-31" and set(told[0][2]) == set(GIVEN)
    assert told[1:] == [
        ("ann", {"target": 0.2, "due_on": "2026-10-31"}, {"target": 0.3, "due_on": "2026-12-31"}),
        ("bob", {"is_closed": False}, {"is_closed": True}),
        (None, {"is_closed": True}, {"is_closed": False}),
    ]


def test_the_history_of_another_target_is_another(engine):
    first, second = add(engine).number, add(engine).number
    targets.close(engine, second, 1, by="x", at=NOW)
    assert (len(targets.history(engine, first)), len(targets.history(engine, second))) == (1, 2)


def test_two_people_at_one_target(engine):
    """The second is told; what the first wrote stays, and so does the history: no half of a change."""
    number = add(engine).number
    targets.change(engine, number, 1, by="first", at=NOW, owner="First")
    for call in (lambda: targets.change(engine, number, 1, by="second", at=NOW, note="mine"), lambda: targets.close(engine, number, 1, by="second", at=NOW)):
        with pytest.raises(Conflict, match=r"changed by first on 2026-08-02 at 12:00 UTC") as conflict:
            call()
        assert (conflict.value.present.owner, conflict.value.present.version) == ("First", 2)
    (found,) = targets.targets(engine)
    assert (found.owner, found.note, found.is_closed, len(targets.history(engine, number))) == ("First", "three months", False, 2)
    targets.change(engine, number, 2, by="second", at=NOW, note="mine")
    assert [(t.owner, t.note) for t in targets.targets(engine)] == [("First", "mine")]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"baseline": float("nan")}, "its baseline is a number, not nan"), ({"target": "20"}, "its target is a number, not '20'"),
        ({"baseline": True}, "its baseline is a number"), ({"due_on": dt.date(2026, 8, 1)}, "due after it starts"), ({"owner": " "}, "needs an owner"),
        ({"baseline": 0}, "a baseline of 0 has no per cent"), ({"metric": ""}, "names a metric"), ({"starts_on": None}, "its starts_on is a day"),
        ({"is_relative": None}, "says whether it is relative"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
def test_an_impossible_target_is_refused_in_words(engine, wrong, said):
    with pytest.raises(RecordsError, match=said):
        add(engine, **wrong)
    number = add(engine).number
    with pytest.raises(RecordsError, match=said):
        targets.change(engine, number, 1, by="x", at=NOW, **wrong)
    assert [t.version for t in targets.targets(engine)] == [1]


def test_a_baseline_of_zero_may_be_raised_in_points(engine):
    assert add(engine, baseline=0, is_relative=False).baseline == 0.0


def test_a_target_that_does_not_exist_and_a_column_that_does_not(engine):
    with pytest.raises(Conflict, match="removed"):
        targets.close(engine, 7, 1, by="x", at=NOW)
    number = add(engine).number
    with pytest.raises(RecordsError, match="a target has no is_closed"):
        targets.change(engine, number, 1, by="x", at=NOW, is_closed=True)
