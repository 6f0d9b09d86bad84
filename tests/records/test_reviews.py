"""Reviews by hand: all or none, never changed, and due again after their days."""

import datetime as dt

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from records import reviews
from records.database import RecordsError
from records.judged import Review

AT = dt.datetime(2026, 8, 2, 9, tzinfo=dt.UTC)


def note(engine, verdict="correct", said="", **faults):
    return reviews.reviewed(engine, faults or {"crm:1": []}, verdict, said, by="ann", at=AT, snapshot="s")


def test_what_was_seen_stays_with_the_faults_of_then(engine):
    note(engine, **{"crm:1": ["stale", "bad_email"], "crm:2": []})
    note(engine, "wrong", " street is missing ", **{"crm:1": []})
    found = reviews.reviews(engine)
    assert [(r.customer_id, r.verdict, r.note, r.faults, r.who) for r in found] == [
        ("crm:1", "wrong", "street is missing", [], "ann"), ("crm:2", "correct", "", [], "ann"), ("crm:1", "correct", "", ["bad_email", "stale"], "ann"),
    ]  # fmt: skip
    assert [r.customer_id for r in reviews.reviews(engine, ["crm:2"])] == ["crm:2"]


def test_where_nothing_was_ever_made_there_are_none(bare):
    assert reviews.reviews(bare) == []


@pytest.mark.parametrize(
    ("given", "said"), [(({}, "correct", ""), "select one"), (({"crm:1": []}, "fine", ""), "is one of"), (({"crm:1": []}, "wrong", " "), "what is wrong")]
)
def test_a_review_that_says_nothing_is_refused(engine, given, said):
    with pytest.raises(RecordsError, match=said):
        reviews.reviewed(engine, *given, by="ann", at=AT, snapshot="s")
    assert reviews.reviews(engine) == []


@pytest.mark.parametrize("statement", ["update reviews set note = 'x'", "delete from reviews"])
def test_the_database_itself_refuses_changes(engine, statement):
    note(engine)
    with pytest.raises(DBAPIError, match="append-only"), engine.begin() as connection:
        connection.execute(text(statement))
    assert len(reviews.reviews(engine)) == 1


@pytest.mark.parametrize(
    ("newest", "is_due"),
    [
        (None, True), (Review(verdict="correct", at=AT), False), (Review(verdict="corrected", at=AT - dt.timedelta(days=90)), False),
        (Review(verdict="correct", at=AT - dt.timedelta(days=90, seconds=1)), True), (Review(verdict="wrong", at=AT), True),
    ],
)  # fmt: skip
def test_who_is_due(newest, is_due):
    assert reviews.is_due(newest, 90, AT) == is_due
