"""Cases of customers at risk: opened on flags, which then do not fire again; who sees to it by when, and how it ended."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Engine, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from records.database import RecordsError
from records.editing import Conflict, editing, read, updated
from records.incidents import Flag, joined, unknown
from records.models import Case, CaseEvent

FROZEN = ("customer_id", "flags", "since", "score", "revenue", "currency", "proposed", "snapshot")
EDITABLE = ("assignee", "due_on", "play")
OPEN, SNOOZED, CLOSED = "open", "snoozed", "closed"
OUTCOMES = ("saved", "lost", "false_alarm", "other")
FAULTS = {
    "no_assignee": "it needs somebody who sees to it",
    "no_due": "it needs the day it is due",
    "past_due": "it is due on a day that is over",
    "no_until": "it is snoozed until a day after today",
    "no_reason": "it needs a reason",
    "no_outcome": f"its outcome is one of {', '.join(OUTCOMES)}",
}


@dataclass(frozen=True)
class Standing:
    """How a customer with these cases stands today. state: none (nobody sees to it), open, snoozed, or handled (every flag belongs to a closed
    case). case: the one that is not closed. new: flags that no case knows."""

    state: str
    case: Case | None
    new: tuple[Flag, ...]


def standing(cases: Iterable[Case], flags: Sequence[Flag], today: dt.date) -> Standing:
    """How a customer stands. A snooze ends on its day, and before it with a flag that the case does not know."""
    every = list(cases)
    new = tuple(unknown(flags, [flag for case in every for flag in case.known]))
    case = next((case for case in every if case.status != CLOSED), None)
    if case is not None:
        is_quiet = case.status == SNOOZED and today < case.snoozed_until and not unknown(flags, case.known)
        return Standing(SNOOZED if is_quiet else OPEN, case, new)
    return Standing("handled" if every and flags and not new else "none", None, new)


def is_overdue(case: Case, today: dt.date) -> bool:
    """Whether a case that is not closed was due before today; one that is snoozed waits for its day."""
    return case.status != CLOSED and case.due_on < today and not (case.status == SNOOZED and today < case.snoozed_until)


def cases(engine: Engine) -> list[Case]:
    """All cases, the newest first."""
    return read(engine, Case, select(Case).order_by(Case.number.desc()))


def events(engine: Engine, numbers: Iterable[int]) -> list[CaseEvent]:
    """What happened to these cases, oldest first."""
    return read(engine, CaseEvent, select(CaseEvent).where(CaseEvent.case.in_(list(numbers))).order_by(CaseEvent.number))


def faults(given: Mapping, today: dt.date | None) -> list[str]:
    """What is wrong with the editable columns of a case, as keys of FAULTS. today: a due day before it is over; None where the day stays."""
    due = given["due_on"]
    is_day = isinstance(due, dt.date)
    found = {
        "no_assignee": not (given["assignee"] or "").strip(),
        "no_due": not is_day,
        "past_due": is_day and today is not None and due < today,
    }
    return [name for name, is_so in found.items() if is_so]


def snooze_faults(until: dt.date | None, reason: str, today: dt.date) -> list[str]:
    """What is wrong with a snooze, as keys of FAULTS."""
    return ([] if until and until > today else ["no_until"]) + ([] if (reason or "").strip() else ["no_reason"])


def close_faults(outcome: str | None, reason: str) -> list[str]:
    """What is wrong with an outcome, as keys of FAULTS."""
    return ([] if outcome in OUTCOMES else ["no_outcome"]) + ([] if (reason or "").strip() else ["no_reason"])


def add(engine: Engine, case: Case, *, by: str | None, at: dt.datetime, today: dt.date | None = None) -> Case:
    """Open a case: the columns of FROZEN and EDITABLE. Raises RecordsError naming every fault, Conflict if the customer has an open case.

    today: the day it is where the company does business; UTC's otherwise.
    """
    frozen = _frozen({name: getattr(case, name) for name in FROZEN})
    given = _tidied({name: getattr(case, name) for name in EDITABLE})
    _refuse(faults(given, today or at.date()))
    made = Case(
        **frozen, **given, known=frozen["flags"], status=OPEN, snooze_reason="", outcome_reason="", open_for=frozen["customer_id"], created_at=at,
        created_by=by, changed_at=at, changed_by=by, version=1,
    )  # fmt: skip
    try:
        with editing(engine) as session:
            session.add(made)
            session.flush()
            session.add(_event(made.number, "opened", by, at, detail=_told(given)))
    except IntegrityError:
        there = next((case for case in cases(engine) if case.open_for == frozen["customer_id"]), None)
        raise Conflict(f"the case of {frozen['customer_id']}", there, "opened") from None
    return made


def change(engine: Engine, number: int, version: int, *, by: str | None, at: dt.datetime, today: dt.date | None = None, **values) -> Case:
    """Change who sees to a case that was read at this version, until when, or by which play.

    Raises RecordsError for what cannot be, Conflict if it was changed meanwhile. A due day that stays may be over.
    """
    if wrong := set(values) - set(EDITABLE):
        raise RecordsError(f"of a case {', '.join(sorted(wrong))} cannot be changed; {', '.join(EDITABLE)} can.")
    with editing(engine) as session:
        before = _running(session, number)
        old = {name: getattr(before, name) for name in EDITABLE}
        new = _tidied({**old, **values})
        differing = [name for name in EDITABLE if new[name] != old[name]]
        _refuse(faults(new, (today or at.date()) if "due_on" in differing else None))
        after = updated(session, f"case {number}", Case, number, version, by, at, new)
        if differing:
            session.add(_event(number, "changed", by, at, detail=_told({name: new[name] for name in differing})))
        return after


def snooze(
    engine: Engine, number: int, version: int, until: dt.date, reason: str, flags: Iterable[Flag], *, by: str | None, at: dt.datetime,
    today: dt.date | None = None,
) -> Case:  # fmt: skip
    """Take a customer out of the list until a day, or until a flag that is not among these. Raises as `change` does."""
    _refuse(snooze_faults(until, reason, today or at.date()))
    with editing(engine) as session:
        before = _running(session, number)
        values = {"status": SNOOZED, "snoozed_until": until, "snooze_reason": reason.strip(), "known": joined(before.known, flags)}
        after = updated(session, f"case {number}", Case, number, version, by, at, values)
        session.add(_event(number, "snoozed", by, at, reason.strip(), {"until": until.isoformat()}))
        return after


def wake(engine: Engine, number: int, version: int, *, by: str | None, at: dt.datetime) -> Case:
    """Take a snooze back before its day. Raises as `change` does."""
    with editing(engine) as session:
        _running(session, number)
        after = updated(session, f"case {number}", Case, number, version, by, at, {"status": OPEN, "snoozed_until": None, "snooze_reason": ""})
        session.add(_event(number, "woken", by, at))
        return after


def close(engine: Engine, number: int, version: int, outcome: str, reason: str, flags: Iterable[Flag], *, by: str | None, at: dt.datetime) -> Case:
    """Close a case for good; none of these flags fires again, nor any that it was opened on. Raises as `change` does."""
    _refuse(close_faults(outcome, reason))
    with editing(engine) as session:
        before = _running(session, number)
        values = {
            "status": CLOSED, "outcome": outcome, "outcome_reason": reason.strip(), "closed_at": at, "closed_by": by, "open_for": None,
            "snoozed_until": None, "known": joined(before.known, flags),
        }  # fmt: skip
        after = updated(session, f"case {number}", Case, number, version, by, at, values)
        session.add(_event(number, "closed", by, at, reason.strip(), {"outcome": outcome}))
        return after


def comment(engine: Engine, number: int, text: str, *, by: str | None, at: dt.datetime) -> CaseEvent:
    """Say something about a case, also about a closed one. Raises RecordsError for an empty text or a case that does not exist."""
    if not text.strip():
        raise RecordsError("a comment needs a text.")
    made = _event(number, "comment", by, at, text.strip())
    with editing(engine) as session:
        if session.get(Case, number) is None:
            raise RecordsError(f"there is no case {number}.")
        session.add(made)
    return made


def _running(session: Session, number: int) -> Case:
    """A case that is not closed. A closed one is no longer as whoever wants to change it has read it."""
    found = session.get(Case, number)
    if found is None or found.status == CLOSED:
        session.expunge_all()
        raise Conflict(f"case {number}", found, "closed")
    return found


def _event(number: int, what: str, by: str | None, at: dt.datetime, text: str = "", detail: dict | None = None) -> CaseEvent:
    return CaseEvent(case=number, at=at, who=by, what=what, text=text, detail=detail or {})


def _told(values: Mapping) -> dict:
    """Columns as JSON: days as texts."""
    return {name: value.isoformat() if isinstance(value, dt.date) else value for name, value in values.items()}


def _frozen(given: dict) -> dict:
    figures = {name: float(given[name]) if isinstance(given[name], (int, float)) and math.isfinite(given[name]) else None for name in ("score", "revenue")}
    flags = [{"kind": flag["kind"], "row": flag["row"], "on": flag["on"], "n": flag["n"]} for flag in given["flags"] or ()]
    if not (flags and given["customer_id"] and given["snapshot"]):
        raise RecordsError("a case is opened on flags: the customer, at least one flag and the snapshot are needed.")
    return {**given, **figures, "flags": flags}


def _tidied(given: Mapping) -> dict:
    return {**given, "assignee": (given["assignee"] or "").strip(), "play": given["play"] or None}


def _refuse(found: list[str]) -> None:
    if found:
        raise RecordsError(f"this case cannot be so: {'; '.join(FAULTS[name] for name in found)}.")
