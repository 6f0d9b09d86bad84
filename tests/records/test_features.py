"""Decisions about features: each quarter at zero, with last quarter's shown; who was faster; append-only. And the openings of pages, counted."""

import datetime as dt

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from records import features, openings
from records.database import RecordsError
from records.rounds import Overtaken
from tests.records.conftest import NOW

D = dt.date
QUARTER, NEXT = D(2026, 7, 1), D(2026, 10, 1)
USE = {"share": 0.08, "n": 58, "threshold": 0.3}
PLANNING = "colleagues/crm/Territory planning"


def decide(engine, decision="rebuild", day=QUARTER, seen=None, feature=PLANNING, by="ann", **further):
    given = {"reason": " nobody can find it ", "owner": "bob@example.com", "due_on": D(2026, 9, 30), **further}
    return features.decide(engine, feature, day, decision, **given, use=USE, seen=seen, by=by, at=NOW, snapshot="s1")


def held(engine, day=QUARTER):
    return {feature: one.decision for feature, one in features.holding(features.decisions(engine), day).items()}


def test_a_decision_keeps_how_the_feature_was_used(engine):
    decide(engine)
    (found,) = features.decisions(engine)
    assert (found.share, found.n, found.threshold, found.decision, found.reason, found.owner, found.due_on, found.who, found.at) == (
        0.08, 58, 0.3, "rebuild", "nobody can find it", "bob@example.com", D(2026, 9, 30), "ann", NOW,
    )  # fmt: skip


def test_each_quarter_begins_at_zero_and_shows_what_was_decided_before(engine):
    first = decide(engine, "keep")
    decide(engine, "remove", seen=first.number)
    decide(engine, "keep", feature="colleagues/crm/Quotes")
    assert held(engine) == {PLANNING: "remove", "colleagues/crm/Quotes": "keep"}
    assert held(engine, NEXT) == {}
    assert {feature: one.decision for feature, one in features.before(features.decisions(engine), NEXT).items()} == held(engine)
    assert features.before(features.decisions(engine), QUARTER) == {}


def test_what_was_taken_back_neither_holds_nor_is_shown_later(engine):
    features.undo(engine, decide(engine), by="ann", at=NOW)
    assert held(engine) == {} and features.before(features.decisions(engine), NEXT) == {}
    assert len(features.decisions(engine)) == 2


def test_what_is_kept_needs_neither_owner_nor_day(engine):
    kept = decide(engine, "keep")
    assert (kept.owner, kept.due_on) == ("", None)


def test_who_was_faster_is_named(engine):
    decide(engine, by="first")
    with pytest.raises(Overtaken, match="Territory planning by first on 2026-08-02 at 12:00 UTC \\(rebuild\\)"):
        decide(engine, "keep", by="second")
    assert held(engine) == {PLANNING: "rebuild"}


@pytest.mark.parametrize(
    ("given", "faults"),
    [
        ({"decision": "perhaps"}, ["no_decision"]),
        ({"reason": " "}, ["no_reason"]),
        ({"owner": "", "due_on": None}, ["no_owner", "no_due"]),
        ({"due_on": D(2026, 8, 1)}, ["past_due"]),
        ({"decision": "keep", "reason": "", "owner": "", "due_on": None}, ["no_reason"]),
    ],
)
def test_what_cannot_be_decided(engine, given, faults):
    with pytest.raises(RecordsError) as refused:
        decide(engine, **given)
    assert [name for name, said in features.FAULTS.items() if said in str(refused.value)] == faults
    assert features.decisions(engine) == []


def test_the_database_refuses_to_change_a_decision(engine):
    decide(engine)
    with pytest.raises(DatabaseError, match="append-only"), engine.begin() as connection:
        connection.execute(text("update feature_decisions set decision = 'keep'"))


def test_where_nothing_was_ever_written_there_is_nothing(bare):
    assert (features.decisions(bare), openings.use(bare, QUARTER, NEXT), openings.readers(bare, QUARTER, NEXT)) == ([], [], 0)


def test_openings_are_counted_up_by_page_day_and_reader(engine):
    """Ann opens the overview 2 + 1 times on one day and once on the next, Bob once; both before the span are not of it."""
    first, second = D(2026, 7, 1), D(2026, 7, 2)
    openings.count(engine, {("overview", first, "ann"): 2, ("nps", first, "ann"): 1, ("overview", D(2026, 6, 30), "bob"): 9})
    openings.count(engine, {("overview", first, "ann"): 1, ("overview", second, "ann"): 1, ("overview", second, ""): 1})
    assert openings.use(engine, first, NEXT) == [openings.PageUse("overview", 2, 5, second), openings.PageUse("nps", 1, 1, first)]
    assert openings.readers(engine, first, NEXT) == 2
