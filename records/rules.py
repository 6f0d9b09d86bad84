"""Who may see what: one rule per person or group. What a role means is not known here; access decides."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from sqlalchemy import Engine, and_, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from records.database import RecordsError
from records.editing import Conflict, editing, read, removed, updated
from records.models import Rule

KINDS = ("user", "group")
REACHES = ("own", "department", "segment", "all")
EDITABLE = ("subject_kind", "subject", "role", "reach", "column", "values")


def rules(engine: Engine) -> list[Rule]:
    """All rules: people first, then groups, each in order of name."""
    return sorted(read(engine, Rule, select(Rule)), key=_order)


def rules_for(engine: Engine, user: str, groups: Iterable[str] = ()) -> list[Rule]:
    """What is said about a person (e-mail): the person's own rule first, then those of their groups in order of name."""
    own, of_groups = (and_(Rule.subject_kind == kind, Rule.subject.in_(names)) for kind, names in (("user", [_folded(user)]), ("group", list(groups))))
    return sorted(read(engine, Rule, select(Rule).where(or_(own, of_groups))), key=_order)


def grant(engine: Engine, rule: Rule, by: str | None, at: dt.datetime) -> Rule:
    """Add a rule: subject_kind, subject, role, reach and, for a segment, column and values.

    Raises RecordsError if it says something impossible, Conflict if there is one for this subject already.
    """
    given = _checked({name: getattr(rule, name) for name in EDITABLE})
    made = Rule(**given, created_at=at, changed_at=at, changed_by=by, version=1)
    try:
        with editing(engine) as session:
            session.add(made)
    except IntegrityError:
        raise Conflict(_name(given), _about(engine, given), "made") from None
    return made


def change(engine: Engine, number: int, version: int, *, by: str | None, at: dt.datetime, **values) -> Rule:
    """Change a rule that was read at this version. Raises Conflict if somebody else changed or removed it meanwhile."""
    if unknown := set(values) - set(EDITABLE):
        raise RecordsError(f"a rule has no {', '.join(sorted(unknown))}; it has {', '.join(EDITABLE)}")
    given = values
    try:
        with editing(engine) as session:
            before = session.get(Rule, number)
            if before is None:
                raise Conflict(f"rule {number}", None)
            given = _checked({**{name: getattr(before, name) for name in EDITABLE}, **values})
            return updated(session, _name(given), Rule, number, version, by, at, given)
    except IntegrityError:
        raise Conflict(_name(given), _about(engine, given), "made") from None


def remove(engine: Engine, number: int, version: int) -> None:
    """Remove a rule that was read at this version. Raises Conflict if somebody else changed or removed it meanwhile."""
    with editing(engine) as session:
        removed(session, f"rule {number}", Rule, number, version)


def _order(rule: Rule) -> tuple[int, str]:
    return KINDS.index(rule.subject_kind), rule.subject


def _about(engine: Engine, given: dict) -> Rule | None:
    query = select(Rule).where(Rule.subject_kind == given["subject_kind"], Rule.subject == given["subject"])
    with Session(engine, expire_on_commit=False) as session:
        return session.scalars(query).one_or_none()


def _name(given: dict) -> str:
    return f"the rule for {given['subject_kind']} {given['subject']}"


def _folded(email: str) -> str:
    return email.strip().lower()


def _checked(given: dict) -> dict:
    """The columns of a rule, tidied. Raises RecordsError naming every fault."""
    kind, reach = given["subject_kind"], given["reach"]
    subject = _folded(given["subject"] or "") if kind == "user" else (given["subject"] or "").strip()
    column, values = (given["column"], sorted({str(value) for value in given["values"] or ()})) if reach == "segment" else (None, [])
    faults = {
        f"who it is for is one of {', '.join(KINDS)}, not {kind!r}": kind not in KINDS,
        "it needs the e-mail or the name of the group it is for": not subject,
        f"{subject!r} is no e-mail": kind == "user" and bool(subject) and "@" not in subject,
        f"its reach is one of {', '.join(REACHES)}, not {reach!r}": reach not in REACHES,
        "a segment needs a column and at least one value": reach == "segment" and not (column and values),
    }
    if found := [fault for fault, is_so in faults.items() if is_so]:
        raise RecordsError(f"this rule cannot be: {'; '.join(found)}.")
    return {"subject_kind": kind, "subject": subject, "role": given["role"] or None, "reach": reach, "column": column, "values": values}
