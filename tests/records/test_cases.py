"""Cases: what is frozen, one open case per customer, two people at one of them, snooze and outcome, entries that stay, when a flag is the same flag."""

import datetime as dt

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from records import cases, notices
from records.database import RecordsError
from records.editing import Conflict
from records.incidents import is_same, unknown
from records.models import Case
from tests.records.conftest import NOW

D = dt.date
TODAY, LATER = NOW.date(), NOW + dt.timedelta(hours=1)
PAYMENT = {"kind": "payment", "row": "erp:p1", "on": "2026-07-20", "n": 1}
SILENCE = {"kind": "silence", "row": "k1 2026-05-01", "on": "2026-07-01", "n": 1}
FALL = {"kind": "fall", "row": "k1 2026-07-30", "on": "2026-07-30", "n": 1}
FROZEN = {
    "customer_id": "k1", "flags": [PAYMENT], "since": D(2026, 7, 20), "score": 41.5, "revenue": 9000.0, "currency": "CNY", "proposed": "collect_payment",
    "snapshot": "s1",
}  # fmt: skip
GIVEN = {"assignee": "ann@example.com", "due_on": D(2026, 8, 9), "play": "collect_payment"}


def add(engine, **further):
    return cases.add(engine, Case(**{**FROZEN, **GIVEN, **further}), by="boss", at=NOW)


def close(engine, number, version, flags=(), outcome="saved", by="ann"):
    return cases.close(engine, number, version, outcome, " paid ", flags, by=by, at=LATER)


def happened(engine, number):
    return [(event.what, event.who, event.text, event.detail) for event in cases.events(engine, [number])]


def test_a_case_is_kept_as_it_was_opened(engine):
    made = add(engine, assignee=" ann@example.com ")
    (found,) = cases.cases(engine)
    assert {name: getattr(found, name) for name in (*FROZEN, *GIVEN)} == {**FROZEN, **GIVEN}
    assert (found.number, found.version, found.status, found.created_by, found.created_at, found.known) == (made.number, 1, "open", "boss", NOW, [PAYMENT])
    assert happened(engine, made.number) == [("opened", "boss", "", {**GIVEN, "due_on": "2026-08-09"})]
    with pytest.raises(RecordsError, match="of a case score cannot be changed"):
        cases.change(engine, made.number, 1, by="ann", at=LATER, score=1.0)


def test_where_nothing_was_ever_made_there_are_no_cases(bare):
    assert (cases.cases(bare), cases.events(bare, [1]), notices.told(bare, "south"), notices.delivery(bare, "south")) == ([], [], {}, None)


def test_a_customer_has_one_case_that_is_not_closed(engine):
    first = add(engine)
    with pytest.raises(Conflict, match="opened by boss on 2026-08-02 at 12:00 UTC") as conflict:
        add(engine, assignee="bob@example.com")
    assert conflict.value.present.number == first.number and len(cases.cases(engine)) == 1
    close(engine, first.number, 1)
    assert [case.status for case in (add(engine), *cases.cases(engine)[1:])] == ["open", "closed"]
    add(engine, customer_id="k2")


def test_two_people_at_one_case(engine):
    number = add(engine).number
    assert cases.change(engine, number, 1, by="first", at=LATER, assignee="bob@example.com").version == 2
    for act in (
        lambda: cases.change(engine, number, 1, by="second", at=LATER, play=None),
        lambda: cases.snooze(engine, number, 1, D(2026, 9, 1), "x", [], by="second", at=LATER, today=TODAY),
        lambda: cases.wake(engine, number, 1, by="second", at=LATER),
        lambda: close(engine, number, 1),
    ):
        with pytest.raises(Conflict, match="changed by first on 2026-08-02 at 13:00 UTC"):
            act()
    assert [row[0] for row in happened(engine, number)] == ["opened", "changed"]  # nothing of the others is left, not even a trace
    close(engine, number, 2, by="first")
    with pytest.raises(Conflict, match="closed by first"):
        cases.change(engine, number, 3, by="second", at=LATER, play=None)


def test_a_case_is_snoozed_woken_and_closed(engine):
    number = add(engine).number
    found = cases.snooze(engine, number, 1, D(2026, 8, 20), " on holiday ", [PAYMENT, SILENCE], by="ann", at=LATER, today=TODAY)
    assert (found.status, found.snooze_reason, found.known) == ("snoozed", "on holiday", [PAYMENT, SILENCE])
    assert (cases.is_overdue(found, D(2026, 8, 15)), cases.is_overdue(found, D(2026, 8, 20))) == (False, True)  # it was due on the 9th
    assert cases.wake(engine, number, 2, by="ann", at=LATER).status == "open"
    found = close(engine, number, 3, [FALL], "lost")
    assert (found.status, found.outcome, found.outcome_reason, found.closed_by, found.closed_at) == ("closed", "lost", "paid", "ann", LATER)
    assert found.known == [PAYMENT, SILENCE, FALL] and found.flags == [PAYMENT] and not cases.is_overdue(found, D(2027, 1, 1))
    assert [row[0] for row in happened(engine, number)] == ["opened", "snoozed", "woken", "closed"]


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
def test_what_cannot_be_is_refused_in_words(engine):
    for wrong, said in (({"assignee": " "}, "somebody"), ({"due_on": None}, "day it is due"), ({"due_on": D(2026, 8, 1)}, "day that is over")):
        with pytest.raises(RecordsError, match=said):
            add(engine, **wrong)
    for wrong in ({"flags": []}, {"customer_id": ""}, {"snapshot": ""}):
        with pytest.raises(RecordsError, match="opened on flags"):
            add(engine, **wrong)
    number = add(engine).number
    with pytest.raises(RecordsError, match="a day after today; it needs a reason"):
        cases.snooze(engine, number, 1, TODAY, " ", [], by="ann", at=LATER, today=TODAY)
    with pytest.raises(RecordsError, match=r"saved, lost, false_alarm, other; it needs a reason"):
        cases.close(engine, number, 1, "won", "", [], by="ann", at=LATER)
    for given, said in (((number, "  "), "needs a text"), ((99, "x"), "no case 99")):
        with pytest.raises(RecordsError, match=said):
            cases.comment(engine, *given, by="ann", at=NOW)
    assert [case.version for case in cases.cases(engine)] == [1]


@pytest.mark.parametrize("statement", ["update case_events set text = 'x'", "delete from case_events"])
def test_what_happened_only_ever_grows(engine, statement):
    number = add(engine).number
    close(engine, number, 1)
    cases.comment(engine, number, " called **them** ", by=None, at=LATER)  # also after it is closed
    before = happened(engine, number)
    assert before[-1] == ("comment", None, "called **them**", {})
    with pytest.raises(DatabaseError, match="append-only"), engine.begin() as connection:
        connection.execute(text(statement))
    assert happened(engine, number) == before


# flags


@pytest.mark.parametrize(
    ("flag", "same"),
    [
        ({}, True), ({"row": "erp:p2"}, False), ({"kind": "complaint"}, False), ({"n": 2}, False), ({"n": 0}, True), ({"on": "2026-07-21"}, True),
    ],
)  # fmt: skip
def test_a_flag_is_the_same_by_kind_and_row_and_not_by_what_is_said_of_it(flag, same):
    assert is_same({**PAYMENT, **flag}, PAYMENT) == same


@pytest.mark.parametrize(("day", "same"), [("2026-08-12", True), ("2026-08-13", False), ("2026-07-17", True)])
def test_a_fall_is_the_same_while_its_two_weeks_overlap(day, same):
    assert is_same({**FALL, "row": f"k1 {day}", "on": day}, FALL) == same  # 30 July is its last day


def test_a_longer_silence_is_no_new_one():
    assert unknown([{**SILENCE, "n": 3}, PAYMENT], [SILENCE]) == [PAYMENT]


def stands(flags, *found, today=TODAY):
    said = cases.standing(found, flags, today)
    return said.state, said.case and said.case.number, list(said.new)


def test_how_a_customer_stands():
    case = Case(number=1, status="open", known=[PAYMENT])
    assert stands([PAYMENT]) == ("none", None, [PAYMENT])
    assert stands([PAYMENT], case) == ("open", 1, []) and stands([PAYMENT, SILENCE], case) == ("open", 1, [SILENCE])
    snoozed = Case(number=1, status="snoozed", known=[PAYMENT], snoozed_until=TODAY + dt.timedelta(days=1))
    assert stands([PAYMENT], snoozed) == ("snoozed", 1, []) and stands([], snoozed) == ("snoozed", 1, [])
    assert stands([PAYMENT, SILENCE], snoozed)[0] == "open"  # a new flag
    assert stands([PAYMENT], snoozed, today=TODAY + dt.timedelta(days=1))[0] == "open"  # the day has come
    closed = Case(number=1, status="closed", known=[PAYMENT, SILENCE])
    assert stands([PAYMENT], closed) == ("handled", None, []) and stands([FALL, PAYMENT], closed) == ("none", None, [FALL])
    again = Case(number=2, status="open", known=[FALL])
    assert stands([FALL, PAYMENT], again, closed) == ("open", 2, [])


def test_a_snoozed_case_wakes_by_a_flag_that_an_older_case_knew():
    """Of one and the same customer: what was said about the older one does not explain the present snooze."""
    closed, snoozed = Case(number=1, status="closed", known=[SILENCE]), Case(number=2, status="snoozed", known=[PAYMENT], snoozed_until=D(2026, 9, 1))
    assert stands([PAYMENT, SILENCE], snoozed, closed) == ("open", 2, [])


# what was told


def test_what_a_target_was_told_is_replaced_as_a_whole_and_a_failure_stays_until_success(engine):
    notices.done(engine, "south", {"k1": [PAYMENT], "k2": [SILENCE]}, on=TODAY, at=NOW, is_sent=True)
    notices.done(engine, "north", {"k9": [FALL]}, on=TODAY, at=NOW, is_sent=False)
    notices.failed(engine, "south", "x" * 900, LATER)
    found = notices.delivery(engine, "south")
    assert (found.sent_at, found.checked_on, found.failed_at, found.failure) == (NOW, TODAY, LATER, "x" * 500)
    assert notices.told(engine, "south") == {"k1": [PAYMENT], "k2": [SILENCE]}
    notices.done(engine, "south", {"k2": [SILENCE, FALL]}, on=TODAY, at=LATER, is_sent=False)
    found = notices.delivery(engine, "south")
    assert (notices.told(engine, "south"), found.sent_at, found.failure) == ({"k2": [SILENCE, FALL]}, NOW, None)
    assert notices.told(engine, "north") == {"k9": [FALL]} and notices.delivery(engine, "north").sent_at is None
