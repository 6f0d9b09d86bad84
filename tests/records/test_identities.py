"""Decisions about pairs of customer records: the newest word counts, taking back is a word too, and nothing is ever removed."""

import datetime as dt

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from records import identities
from records.database import RecordsError
from tests.records.conftest import NOW

LATER = NOW + dt.timedelta(hours=1)


def decide(engine, one, other, decision, by="ann", at=NOW, note=""):
    return identities.decide(engine, one, other, decision, by=by, at=at, note=note)


def in_force(engine):
    return [(row.record_a, row.record_b, row.decision, row.who) for row in identities.in_force(engine)]


def test_the_newest_word_on_a_pair_counts_whoever_is_named_first(engine):
    decide(engine, "crm:b", "crm:a", "same")
    decide(engine, "crm:a", "crm:c", "later", by="bob")
    decide(engine, "crm:a", "crm:b", "apart", by="bob", at=NOW - dt.timedelta(days=1))  # a clock that was put back: what was said last counts
    assert in_force(engine) == [("crm:a", "crm:c", "later", "bob"), ("crm:a", "crm:b", "apart", "bob")]


def test_taking_back_is_a_word_of_its_own_and_all_are_kept(engine):
    decide(engine, "crm:a", "crm:b", "same", note=" one tax number ")
    decide(engine, "crm:b", "crm:a", "open", by=None, at=LATER)
    assert in_force(engine) == []
    said = [(row.decision, row.who, row.at, row.note) for row in identities.history(engine, "crm:b", "crm:a")]
    assert said == [("same", "ann", NOW, "one tax number"), ("open", None, LATER, "")]
    decide(engine, "crm:a", "crm:b", "same", at=LATER)
    assert in_force(engine) == [("crm:a", "crm:b", "same", "ann")]


def test_who_decides_on_an_older_state_is_told(engine):
    first = decide(engine, "a", "b", "later")
    identities.decide(engine, "b", "a", "same", by="bob", at=LATER, seen=first.number)
    with pytest.raises(identities.Overtaken, match="bob has decided") as overtaken:
        identities.decide(engine, "a", "b", "apart", by="ann", at=LATER, seen=first.number)
    assert overtaken.value.newer.decision == "same" and in_force(engine) == [("a", "b", "same", "bob")]


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("pair", "said"), [(("a", "b", "maybe"), "no decision 'maybe'"), (("a", "a", "same"), "two records"), (("", "a", "same"), "two records")]
)
def test_what_is_no_decision_is_refused(engine, pair, said):
    with pytest.raises(RecordsError, match=said):
        decide(engine, *pair)
    assert in_force(engine) == []


@pytest.mark.parametrize("statement", ["update identity_decisions set decision = 'apart'", "delete from identity_decisions"])
def test_the_database_keeps_every_word(engine, statement):
    decide(engine, "a", "b", "same")
    with pytest.raises(DatabaseError, match="append-only"), engine.begin() as connection:
        connection.execute(text(statement))
    assert in_force(engine) == [("a", "b", "same", "ann")]


def test_where_nothing_was_ever_made_nothing_is_decided(bare):
    assert (identities.in_force(bare), identities.history(bare, "a", "b")) == ([], [])
