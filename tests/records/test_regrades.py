"""Decisions about grades: kept as proposed, in bulk all or none, who was faster named per customer, taken back, append-only."""

import datetime as dt

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from records import regrades
from records.database import RecordsError
from records.rounds import Overtaken
from tests.records.conftest import NOW

D = dt.date
QUARTER, NEXT = D(2026, 7, 1), D(2026, 10, 1)  # first days after the quarters
LATER = NOW + dt.timedelta(hours=1)
PROPOSAL = {
    "customer_id": "k1", "present": "ordinary", "proposed": "key", "score": 0.62, "amount_score": 0.8, "interactions_score": 0.5, "satisfaction_score": None,
    "growth_score": 0.4, "reason": "amount", "is_up": True, "is_moved": True, "is_held_back": False,
}  # fmt: skip


def proposals(*customers, **further):
    return [{**PROPOSAL, "customer_id": customer, **further} for customer in customers]


def decide(engine, *customers, decision="approved", note="", seen=None, by="ann", day=QUARTER, **further):
    return regrades.decide(engine, day, decision, note, proposals(*customers, **further), seen=seen or {}, by=by, at=NOW, snapshot="s1")


def held(engine, customer="k1"):
    """Quarter → what holds about a customer."""
    return {day: one.decision for day, one in regrades.holding(one for one in regrades.regrades(engine) if one.customer_id == customer).items()}


def test_a_decision_keeps_the_proposal_as_it_was(engine):
    decide(engine, "k1", note=" as agreed ", score=float("nan"))
    (found,) = regrades.regrades(engine)
    assert {name: getattr(found, name) for name in PROPOSAL} == {**PROPOSAL, "score": None}  # no score is none, not a number that is none
    assert (found.ends_on, found.decision, found.note, found.who, found.at, found.round, found.snapshot) == (
        QUARTER, "approved", "as agreed", "ann", NOW, 1, "s1",
    )  # fmt: skip


def test_where_nothing_was_decided_there_are_no_decisions(bare):
    assert regrades.regrades(bare) == []


def test_a_new_quarter_proposes_afresh(engine):
    decide(engine, "k1", decision="rejected", note="a single large order")
    assert held(engine) == {QUARTER: "rejected"}
    decide(engine, "k1", day=NEXT)
    assert held(engine) == {QUARTER: "rejected", NEXT: "approved"}


def test_a_newer_decision_supersedes_and_the_older_stays(engine):
    (first,) = decide(engine, "k1", decision="later")
    decide(engine, "k1", seen={"k1": first.number}, by="bob")
    assert held(engine) == {QUARTER: "approved"}
    assert [(one.decision, one.who, one.round) for one in regrades.regrades(engine)] == [("approved", "bob", 2), ("later", "ann", 1)]


def test_a_decision_is_taken_back(engine):
    decided = decide(engine, "k1", "k2")
    regrades.undo(engine, decided[:1], "wrong customer", by="bob", at=LATER)
    assert (held(engine), held(engine, "k2")) == ({}, {QUARTER: "approved"})
    with pytest.raises(Overtaken, match="k1 by bob on 2026-08-02 at 13:00 UTC"):
        regrades.undo(engine, decided[:1], by="ann", at=LATER)
    (undone,) = [one for one in regrades.regrades(engine) if one.decision == "undone"]
    with pytest.raises(RecordsError, match="only a decision that holds"):
        regrades.undo(engine, [undone], by="ann", at=LATER)


def test_all_or_none_and_each_who_was_faster_is_named(engine):
    first = decide(engine, "k2", "k3", by="first")
    seen = {"k2": None, "k3": first[1].number}  # k3 was seen to be decided, k2 was not
    with pytest.raises(Overtaken, match="k2 by first on 2026-08-02 at 12:00 UTC \\(approved\\)") as overtaken:
        decide(engine, "k1", "k2", "k3", decision="later", seen=seen, by="second")
    assert [one.customer_id for one in overtaken.value.newer] == ["k2"]
    assert len(regrades.regrades(engine)) == 2 and held(engine) == {}


def test_who_is_second_in_a_round_is_told_even_if_both_had_read_before_either_wrote(engine, monkeypatch):
    """What a database does that does not lock whole tables: the reading of both comes first."""
    decide(engine, "k1", by="first")
    read, find = [], regrades.rounds._newest
    monkeypatch.setattr(regrades.rounds, "_newest", lambda *asked: find(*asked) if read else read.append(asked) or {})
    with pytest.raises(Overtaken, match="k1 by first"):
        decide(engine, "k1", by="second")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"decision": "perhaps"}, "it is one of approved, rejected, later"),
        ({"decision": "rejected", "note": " "}, "a rejection needs its reason"),
        ({"is_held_back": True}, "decided one by one"),
    ],
)
def test_what_cannot_be_decided(engine, given, said):
    with pytest.raises(RecordsError, match=said):
        decide(engine, "k1", "k2", **given)
    with pytest.raises(RecordsError, match="at least one customer"):
        decide(engine)
    assert regrades.regrades(engine) == []


def test_a_crossing_by_a_hair_may_be_decided_alone_or_put_off_in_bulk(engine):
    decide(engine, "k1", is_held_back=True)
    decide(engine, "k2", "k3", decision="later", is_held_back=True)
    assert len(regrades.regrades(engine)) == 3


@pytest.mark.parametrize("statement", ["update regrades set decision = 'rejected'", "delete from regrades"])
def test_the_database_refuses_to_change_or_remove_a_decision(engine, statement):
    decide(engine, "k1")
    with pytest.raises(DatabaseError, match="append-only"), engine.begin() as connection:
        connection.execute(text(statement))
