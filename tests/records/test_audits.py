"""Audits: signed once and final, replaced by a later one; findings with an owner, followed from quarter to quarter."""

import datetime as dt
import json
import threading

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session

from records import audits, ledger
from records.database import RecordsError
from records.editing import Conflict
from records.models import SnapshotRow
from tests.records.conftest import NOW

CHECK = {"key": "loops.detractors", "verdict": "fail", "failing": []}
LATER, TODAY = NOW + dt.timedelta(hours=1), NOW.date()
DUE = TODAY + dt.timedelta(days=30)
QUARTERS = {"2026Q1": (dt.date(2026, 1, 1), dt.date(2026, 4, 1)), "2026Q2": (dt.date(2026, 4, 1), dt.date(2026, 7, 1))}


@pytest.fixture
def published(engine):
    """The records of a company with one snapshot."""
    row = {"created_at": NOW, "format": 1, "tables": {}, "marts": {}, "quarantine": 0, "sources": {}, "settings": {}, "extras": {}, "digests": {}}
    with Session(engine) as session, session.begin():
        session.add(SnapshotRow(id="s1", **row))
    return engine


def add(engine, quarter="2026Q2", checks=(CHECK,), snapshot="s1", **told):
    content = json.dumps({"quarter": quarter, "checks": list(checks), **told})
    given = {"quarter": quarter, "days": QUARTERS[quarter], "snapshot": snapshot, "definitions": "d", "configuration": "c"}
    return audits.add(engine, content, **given, by="boss", at=NOW)


def sign(engine, made, name="Ann Auditor", succeeds=None, by="ann", version=1, comment=""):
    return audits.sign(engine, made.number, version, name=name, succeeds=succeeds, by=by, at=LATER, comment=comment)


def find(engine, audit, check="loops.detractors", owner="cs@example.com", due_on=DUE, **further):
    return audits.open_finding(engine, audit.number, check, "fail", owner=owner, due_on=due_on, by="ann", at=NOW, today=TODAY, **further)


def test_an_audit_is_kept_as_it_was_made(published):
    made = add(published)
    (found,) = audits.audits(published)
    assert (found.number, found.quarter, found.starts_on, found.ends_on) == (made.number, "2026Q2", *QUARTERS["2026Q2"])
    assert (found.signed_at, found.maturity, audits.is_intact(found)) == (None, {}, True)


def test_the_same_content_is_the_same_draft(published):
    assert add(published).number == add(published).number != add(published, further=1).number


def test_a_draft_that_is_made_anew_keeps_its_questionnaire_and_its_findings(published):
    made = add(published)
    audits.answer(published, made.number, 1, {"value": {"level": 2, "note": ""}}, by="ann", at=NOW)
    find(published, made)
    again = add(published, further=1)
    assert again.maturity == {"value": {"level": 2, "note": ""}} and [found.audit for found in audits.findings(published)] == [again.number]


def test_signing_is_final_and_keeps_the_snapshot(published):
    made = add(published)
    find(published, made, note="They call too late")
    done = sign(published, made, name=" 安娜 ", comment="Seen.")
    assert (done.signed_by, done.signed_as, done.signed_at, done.succeeds, audits.is_intact(done)) == ("安娜", "ann", LATER, None, True)
    assert json.loads(done.sealed)["findings"][0]["note"] == "They call too late" and json.loads(done.sealed)["comment"] == "Seen."
    assert ledger.snapshot(published, "s1").is_pinned
    with pytest.raises(Conflict, match="signed"):
        sign(published, made, name="Somebody else", version=done.version)
    for statement in ("update audits set signed_by = 'x'", "delete from audits"):
        with pytest.raises(DatabaseError, match="never changed"), published.begin() as connection:
            connection.execute(text(statement))


def test_one_letter_changed_is_seen(published):
    done = sign(published, add(published))
    done.content = done.content.replace("fail", "pass")
    assert not audits.is_intact(done)


def test_two_people_sign_at_once(published):
    made, said = add(published), []

    def signs(name):
        try:
            said.append(sign(published, made, name=name).signed_by)
        except Conflict as conflict:
            said.append(type(conflict).__name__)

    threads = [threading.Thread(target=signs, args=(name,)) for name in ("Ann", "Bob")]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    (kept,) = audits.audits(published)
    assert sorted(said) == sorted(["Conflict", kept.signed_by])


def test_two_drafts_of_one_quarter_are_not_both_signed_unseen(published):
    first, second = add(published), add(published, further=1)
    signed = sign(published, first)
    with pytest.raises(Conflict, match="2026Q2 was signed"):
        sign(published, second, succeeds=None)
    third = sign(published, second, succeeds=signed.number)
    assert (third.succeeds, audits.in_force(audits.audits(published))["2026Q2"].number) == (signed.number, second.number)


def test_a_signed_audit_goes_before_a_newer_draft(published):
    signed = sign(published, add(published))
    add(published, further=1)
    assert audits.in_force(audits.audits(published))["2026Q2"].number == signed.number


@pytest.mark.parametrize(
    ("told", "name", "reasons"),
    [
        ({}, " ", ["no_name"]),
        ({"checks": [{**CHECK, "failing": [{"name": "a = b", "detail": "1 and 2"}]}]}, "Ann", ["unreconciled"]),
        ({"checks": [{**CHECK, "verdict": "no_data"}]}, "Ann", ["nothing"]),
        ({"snapshot": "gone"}, "Ann", ["no_snapshot"]),
        ({"snapshot": "gone", "checks": [{**CHECK, "verdict": "no_data"}]}, "", ["no_name", "nothing", "no_snapshot"]),
    ],
)
def test_what_cannot_be_signed(published, told, name, reasons):
    made = add(published, **told)
    with pytest.raises(audits.NotSigned) as refused:
        sign(published, made, name=name)
    assert refused.value.reasons == reasons
    assert (audits.audits(published)[0].signed_at, ledger.snapshot(published, "s1").is_pinned) == (None, False)


def test_a_questionnaire_two_people_fill_in(published):
    made = add(published)
    audits.answer(published, made.number, 1, {"value": {"level": 1}}, by="ann", at=NOW)
    with pytest.raises(Conflict):
        audits.answer(published, made.number, 1, {"value": {"level": 3}}, by="bob", at=NOW)


@pytest.mark.parametrize(
    ("given", "says"),
    [({"owner": "  "}, "needs an owner"), ({"due_on": None}, "needs the day"), ({"due_on": TODAY - dt.timedelta(days=1)}, "day that is over")],
)
def test_what_is_no_finding(published, given, says):
    with pytest.raises(RecordsError, match=says):
        find(published, add(published), **given)


def test_a_finding_is_opened_once_and_closed_with_a_note(published):
    made = add(published)
    found = find(published, made)
    with pytest.raises(Conflict, match="opened"):
        find(published, made)
    with pytest.raises(RecordsError, match="says what was done"):
        audits.change_finding(published, found.number, 1, by="cs", at=LATER, status="done")
    after, differing = audits.change_finding(published, found.number, 1, by="cs", at=LATER, status="done", note="Calls are planned now")
    assert (after.status, after.version, differing) == ("done", 2, ["status", "note"])
    assert not audits.is_overdue(after, DUE + dt.timedelta(days=1)) and audits.is_overdue(found, DUE + dt.timedelta(days=1))


def test_an_open_finding_goes_on_in_the_next_audit(published):
    old, other = find(published, add(published, "2026Q1")), find(published, add(published, "2026Q1"), "care.core")
    new = find(published, add(published))
    told = {found.number: found.status for found in audits.findings(published)}
    assert (new.carried_from, told) == (old.number, {old.number: "carried", other.number: "open", new.number: "open"})


def test_findings_of_a_signed_audit_are_still_followed(published):
    made = add(published)
    found = find(published, made)
    sign(published, made)
    after, _ = audits.change_finding(published, found.number, 1, by="cs", at=LATER, status="accepted", note="Too dear to mend")
    assert after.status == "accepted" and audits.is_intact(audits.audits(published)[0])


def test_where_nothing_was_ever_made_there_are_no_audits(bare):
    assert (audits.audits(bare), audits.findings(bare)) == ([], [])
