"""Improvement plans: what is frozen and what is not, two people at one of them, comments that stay, who was told."""

import datetime as dt

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from records import plans
from records.database import RecordsError
from records.editing import Conflict
from records.models import Plan
from tests.records.conftest import NOW

FROZEN = {
    "dimension": "delivery", "question": None, "measure": "mean", "segment": [["touchpoint", "Hotline"], ["region", "South"]], "wave": "2026Q2",
    "starts_on": dt.date(2026, 1, 1), "ends_on": dt.date(2026, 8, 1), "scale_min": 1.0, "scale_max": 5.0, "score": 2.1, "n": 40, "low": 1.8, "high": 2.4,
    "snapshot": "s1",
}  # fmt: skip
GIVEN = {
    "problem": "Late **deliveries**", "whys": ["no stock", "no forecast"], "measures": ["weekly forecast"], "owner": "ann@example.com",
    "due_on": dt.date(2026, 10, 31), "expected": 3.0, "status": "open",
}  # fmt: skip
LATER = NOW + dt.timedelta(hours=1)


def add(engine, customers=("k1", "k2"), **further):
    return plans.add(engine, Plan(**{**FROZEN, **GIVEN, **further}), customers, by="boss", at=NOW)


def change(engine, number, version, by="ann", **values):
    return plans.change(engine, number, version, by=by, at=LATER, **values)


def told(engine, number):
    return {row.customer_id: (row.told_by, row.told_at) for row in plans.customers(engine)[number]}


def test_a_plan_is_kept_as_it_was_opened(engine):
    made = add(engine, customers=("k2", "k1", "k2"), whys=[" no stock ", "", "no forecast"])
    (found,) = plans.plans(engine)
    kept = {name: getattr(found, name) for name in (*FROZEN, *GIVEN)}
    assert kept == {**FROZEN, **GIVEN, "segment": [["region", "South"], ["touchpoint", "Hotline"]]}
    assert (found.number, found.version, found.created_by, found.created_at, found.changed_by) == (made.number, 1, "boss", NOW, "boss")
    assert told(engine, made.number) == {"k2": (None, None), "k1": (None, None)}


def test_where_nothing_was_ever_made_there_are_no_plans(bare):
    assert (plans.plans(bare), plans.comments(bare, 1), plans.customers(bare)) == ([], [], {})


def test_what_it_was_opened_on_cannot_be_changed(engine):
    number = add(engine).number
    with pytest.raises(RecordsError, match=r"of a plan n, score cannot be changed"):
        change(engine, number, 1, score=3.0, n=1)


def test_two_people_at_one_plan(engine):
    number = add(engine).number
    found, differing = change(engine, number, 1, by="first", status="in_progress", owner="first@example.com", problem=GIVEN["problem"])
    assert (found.version, differing) == (2, ["owner", "status"])
    with pytest.raises(Conflict, match="changed by first on 2026-08-02 at 13:00 UTC") as conflict:
        change(engine, number, 1, by="second", measures=["another one"])
    assert (conflict.value.present.owner, conflict.value.by, conflict.value.at) == ("first@example.com", "first", LATER)
    assert plans.plans(engine)[0].measures == GIVEN["measures"]
    assert change(engine, number, 2, by="second", measures=["another one"])[1] == ["measures"]
    with pytest.raises(Conflict, match="removed"):
        change(engine, 99, 1, status="done")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"measures": ["", "  "]}, "at least one measure"), ({"owner": " "}, "needs an owner"), ({"due_on": None}, "needs the day it is due"),
        ({"due_on": dt.date(2026, 8, 1)}, "on a day that is over"), ({"expected": 5.1}, "outside the scale"), ({"expected": 0.9}, "outside the scale"),
        ({"expected": 2.1}, "no better than"), ({"expected": float("nan")}, "needs the score"), ({"status": "lost"}, "one of open, in_progress, done, dropped"),
        ({"whys": list("abcdef")}, "at most 5 whys"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
def test_an_impossible_plan_is_refused_in_words(engine, wrong, said):
    with pytest.raises(RecordsError, match=said):
        add(engine, **wrong)
    number = add(engine).number
    with pytest.raises(RecordsError, match=said):
        change(engine, number, 1, **wrong)
    assert [plan.version for plan in plans.plans(engine)] == [1]


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
def test_a_plan_that_is_late_can_still_be_edited_and_the_last_day_is_not_over(engine):
    number = add(engine, due_on=NOW.date()).number
    late = NOW + dt.timedelta(days=9)
    plan = plans.plans(engine)[0]
    assert (plans.is_overdue(plan, NOW.date()), plans.is_overdue(plan, late.date())) == (False, True)
    plan, _ = plans.change(engine, number, 1, by="ann", at=late, status="done", due_on=NOW.date())
    assert not plans.is_overdue(plan, late.date())


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
def test_nps_is_expected_in_points(engine):
    add(engine, measure="nps", scale_min=0, scale_max=10, score=-40.0, expected=-10.0)
    with pytest.raises(RecordsError, match="outside the scale"):
        add(engine, measure="nps", scale_min=0, scale_max=10, score=-40.0, expected=101)


@pytest.mark.parametrize(("name", "value"), [("score", float("nan")), ("n", 0), ("measure", "low_share"), ("ends_on", FROZEN["starts_on"])])
@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
def test_a_plan_is_opened_on_a_score(engine, name, value):
    with pytest.raises(RecordsError, match="opened on a score"):
        add(engine, **{name: value})


@pytest.mark.parametrize("statement", ["update plan_comments set text = 'x'", "delete from plan_comments"])
def test_comments_only_ever_grow(engine, statement):
    number, other = add(engine).number, add(engine).number
    plans.comment(engine, number, " first ", by="ann", at=NOW)
    plans.comment(engine, other, "elsewhere", by="ann", at=NOW)
    plans.comment(engine, number, "second", by=None, at=LATER)
    said = [(c.text, c.who, c.at) for c in plans.comments(engine, number)]
    assert said == [("first", "ann", NOW), ("second", None, LATER)]
    with pytest.raises(DatabaseError, match="append-only"), engine.begin() as connection:
        connection.execute(text(statement))
    assert [(c.text, c.who, c.at) for c in plans.comments(engine, number)] == said


def test_a_comment_needs_a_text_and_a_plan(engine):
    number = add(engine).number
    for given, said in (((number, "  "), "needs a text"), ((99, "x"), "no plan 99")):
        with pytest.raises(RecordsError, match=said):
            plans.comment(engine, *given, by="ann", at=NOW)


def test_who_was_told_when_and_by_whom(engine):
    """The first telling stays; a tick by mistake can be taken back; other plans' lists are others."""
    number, other = add(engine).number, add(engine).number
    assert plans.tell(engine, number, ["k1", "stranger"], by="ann", at=NOW) == ["k1"]
    assert plans.tell(engine, number, ["k1", "k2"], by="bob", at=LATER) == ["k2"]
    assert told(engine, number) == {"k1": ("ann", NOW), "k2": ("bob", LATER)} and told(engine, other) == {"k1": (None, None), "k2": (None, None)}
    assert plans.tell(engine, number, ["k1"], by="bob", at=LATER, is_told=False) == ["k1"]
    assert told(engine, number)["k1"] == (None, None)


def test_further_customers_can_be_named(engine):
    number = add(engine).number
    assert plans.name(engine, number, ["k3", "k1", "k3"]) == ["k3"]
    assert list(told(engine, number)) == ["k1", "k2", "k3"]
    with pytest.raises(RecordsError, match="no plan 99"):
        plans.name(engine, 99, ["k1"])
