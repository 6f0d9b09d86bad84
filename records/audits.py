"""Quarterly audits: what was found, signed once and then final, and the findings that are followed until they are closed."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Iterable, Mapping

from sqlalchemy import Engine, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from records.audited import Audit, AuditFinding
from records.database import RecordsError
from records.editing import Conflict, Form, changed, editing, read, updated
from records.models import SnapshotRow

OPEN, CARRIED = "open", "carried"
STATUSES = (OPEN, "done", "accepted", CARRIED)
CLOSING = STATUSES[1:3]
EDITABLE = ("owner", "due_on", "status", "note")
FAULTS = {  # what can be wrong with a finding
    "no_owner": "it needs an owner",
    "no_due": "it needs the day it is due",
    "past_due": "it is due on a day that is over",
    "no_status": f"its status is one of {', '.join(STATUSES)}",
    "no_note": "whoever closes it says what was done, or why it is accepted",
}
REFUSALS = {  # why an audit cannot be signed
    "no_name": "it is signed with a name",
    "unreconciled": "two ways to one number do not agree",
    "nothing": "nothing in it could be judged",
    "no_snapshot": "the snapshot it rests on is not kept any more",
}


class NotSigned(RecordsError):
    """An audit that cannot be signed. reasons: keys of REFUSALS."""

    def __init__(self, reasons: list[str]):
        self.reasons = reasons
        super().__init__(f"this audit cannot be signed: {'; '.join(REFUSALS[name] for name in reasons)}.")


def audits(engine: Engine) -> list[Audit]:
    """All audits, the newest first."""
    return read(engine, Audit, select(Audit).order_by(Audit.number.desc()))


def findings(engine: Engine) -> list[AuditFinding]:
    """The findings of all audits, the next due first."""
    return read(engine, AuditFinding, select(AuditFinding).order_by(AuditFinding.due_on, AuditFinding.number))


def in_force(every: Iterable[Audit]) -> dict[str, Audit]:
    """The audit that counts for each quarter: the signed one that no other replaces, else the newest draft."""
    every = sorted(every, key=lambda audit: audit.number)
    replaced = {audit.succeeds for audit in every if audit.signed_at is not None}
    drafts = {audit.quarter: audit for audit in every if audit.signed_at is None}
    return {**drafts, **{audit.quarter: audit for audit in every if audit.signed_at is not None and audit.number not in replaced}}


def is_overdue(finding: AuditFinding, today: dt.date) -> bool:
    """Whether a finding that nobody has closed was due before today."""
    return finding.status not in CLOSING and finding.due_on < today


def add(
    engine: Engine, content: str, *, quarter: str, days: tuple[dt.date, dt.date], snapshot: str, definitions: str, configuration: str, by: str | None,
    at: dt.datetime,
) -> Audit:  # fmt: skip
    """Keep an audit as a draft. days: [first, end). One with the same content that nobody has signed is that draft, with its questionnaire."""
    digest = _hash(content)
    with editing(engine) as session:
        same = select(Audit).where(Audit.quarter == quarter, Audit.content_hash == digest, Audit.signed_at.is_(None))
        if (there := session.scalars(same.order_by(Audit.number.desc()).limit(1)).one_or_none()) is not None:
            return there
        newest = session.scalars(select(Audit).where(Audit.quarter == quarter).order_by(Audit.number.desc()).limit(1)).one_or_none()
        made = Audit(
            quarter=quarter, starts_on=days[0], ends_on=days[1], snapshot=snapshot, definitions=definitions, configuration=configuration, content=content,
            content_hash=digest, created_at=at, created_by=by, maturity=dict(newest.maturity) if newest else {}, changed_at=at, changed_by=by, version=1,
        )  # fmt: skip
        session.add(made)
        session.flush()
        if newest is not None:
            _moved(session, newest, made)
    return made


def _moved(session: Session, newest: Audit, made: Audit) -> None:
    """Findings of a draft that is made anew go along; those of a signed audit stay with it."""
    if newest.signed_at is None:
        session.execute(update(AuditFinding).where(AuditFinding.audit == newest.number).values(audit=made.number))


def answer(engine: Engine, number: int, version: int, maturity: Mapping, *, by: str | None, at: dt.datetime) -> Audit:
    """Fill in the questionnaire of an audit that was read at this version. Raises Conflict if it was changed or signed meanwhile."""
    with editing(engine) as session:
        return updated(session, f"audit {number}", Audit, number, version, by, at, {"maturity": dict(maturity)})


def open_finding(
    engine: Engine, audit: int, check: str, verdict: str, *, owner: str, due_on: dt.date | None, note: str = "", by: str | None, at: dt.datetime,
    today: dt.date | None = None,
) -> AuditFinding:  # fmt: skip
    """Ask somebody to see to a check. An open finding about it of an earlier audit goes on in this one.

    Raises RecordsError naming every fault, Conflict where somebody has opened one already.
    """
    given = _tidied({"owner": owner, "due_on": due_on, "status": OPEN, "note": note})
    _refuse(faults(given, today or at.date()))
    try:
        with editing(engine) as session:
            of = session.get(Audit, audit)
            if of is None:
                raise RecordsError(f"there is no audit {audit}.")
            earlier = select(AuditFinding).join(Audit, Audit.number == AuditFinding.audit).where(AuditFinding.check == check, AuditFinding.status == OPEN)
            old = session.scalars(earlier.where(Audit.ends_on <= of.starts_on).order_by(AuditFinding.number.desc()).limit(1)).one_or_none()
            made = AuditFinding(
                **given, audit=audit, check=check, verdict=verdict, carried_from=old and old.number, created_at=at, created_by=by, changed_at=at,
                changed_by=by, version=1,
            )  # fmt: skip
            session.add(made)
            session.flush()
            if old is not None:
                updated(session, f"finding {old.number}", AuditFinding, old.number, old.version, by, at, {"status": CARRIED})
    except IntegrityError:
        there = next((found for found in findings(engine) if (found.audit, found.check) == (audit, check)), None)
        raise Conflict(f"the finding about {check}", there, "opened") from None
    return made


def change_finding(
    engine: Engine, number: int, version: int, *, by: str | None, at: dt.datetime, today: dt.date | None = None, **values
) -> tuple[AuditFinding, list[str]]:
    """Change a finding that was read at this version; the finding, and which columns are different now.

    Raises RecordsError for what cannot be, Conflict if it was changed meanwhile. A due day that stays may be over.
    """
    refuse = lambda before, new, differing: _refuse(faults(new, (today or at.date()) if "due_on" in differing else None))  # noqa: E731
    return changed(engine, Form("finding", AuditFinding, EDITABLE, _tidied, refuse), number, version, by, at, values)


def faults(given: Mapping, today: dt.date | None) -> list[str]:
    """What is wrong with a finding, as keys of FAULTS. today: a due day before it is over; None where it was set earlier and stays."""
    due = given["due_on"]
    found = {
        "no_owner": not (given["owner"] or "").strip(),
        "no_due": not isinstance(due, dt.date),
        "past_due": isinstance(due, dt.date) and today is not None and due < today,
        "no_status": given["status"] not in STATUSES,
        "no_note": given["status"] in CLOSING and not (given["note"] or "").strip(),
    }
    return [name for name, is_so in found.items() if is_so]


def sign(engine: Engine, number: int, version: int, *, name: str, comment: str = "", succeeds: int | None, by: str | None, at: dt.datetime) -> Audit:
    """Sign an audit that was read at this version: from now on nothing of it changes, and its snapshot is kept for ever.

    name: as it stands under the document; by: the account. succeeds: the signed audit of the quarter as the signer saw it, which this one
    replaces (None: there was none). Raises NotSigned with every reason, Conflict if somebody was faster.
    """
    try:
        with editing(engine) as session:
            found = session.get(Audit, number)
            if found is None or found.signed_at is not None or found.version != version:
                session.expunge_all()
                raise Conflict(f"audit {number}", found, "signed" if found is not None and found.signed_at else "changed")
            present = _present(session, found.quarter)
            if (present and present.number) != succeeds:
                raise Conflict(f"the audit of {found.quarter}", present, "signed")
            _refuse_signing(session, found, name)
            return updated(session, f"audit {number}", Audit, number, version, by, at, _signed(session, found, name, comment, succeeds, by, at))
    except IntegrityError:
        raise Conflict(f"the audit of quarter {found.quarter}", in_force(audits(engine)).get(found.quarter), "signed") from None


def _present(session: Session, quarter: str) -> Audit | None:
    signed = list(session.scalars(select(Audit).where(Audit.quarter == quarter, Audit.signed_at.is_not(None))))
    return in_force(signed).get(quarter)


def _refuse_signing(session: Session, audit: Audit, name: str) -> None:
    """Raises NotSigned with every reason; keeps the snapshot, if there is none."""
    checks = json.loads(audit.content)["checks"]
    kept = session.execute(update(SnapshotRow).where(SnapshotRow.id == audit.snapshot).values(is_pinned=True)).rowcount
    found = {
        "no_name": not name.strip(),
        "unreconciled": any(check["failing"] for check in checks),
        "nothing": all(check["verdict"] == "no_data" for check in checks),
        "no_snapshot": not kept,
    }
    if reasons := [reason for reason, is_so in found.items() if is_so]:
        raise NotSigned(reasons)


def _signed(session: Session, audit: Audit, name: str, comment: str, succeeds: int | None, by: str | None, at: dt.datetime) -> dict:
    rows = session.scalars(select(AuditFinding).where(AuditFinding.audit == audit.number).order_by(AuditFinding.check))
    told = [
        {"check": row.check, "verdict": row.verdict, "owner": row.owner, "due_on": row.due_on.isoformat(), "status": row.status, "note": row.note}
        for row in rows
    ]
    sealed = _canonical({"findings": told, "maturity": audit.maturity, "comment": comment.strip()})
    given = {"signed_at": at, "signed_by": name.strip(), "signed_as": by, "comment": comment.strip(), "sealed": sealed}
    return {**given, "seal": sealing(audit.content, sealed, name.strip(), at), "succeeds": succeeds, "succession": f"{audit.quarter}/{succeeds or 0}"}


def sealing(content: str, sealed: str, name: str, at: dt.datetime) -> str:
    """What stands under a signed audit: SHA-256 over what was found, what was written, the name and the second."""
    return _hash("\n".join((content, sealed, name, at.astimezone(dt.UTC).isoformat(timespec="seconds"))))


def is_intact(audit: Audit) -> bool:
    """Whether a stored audit is still, letter by letter, what was computed and signed."""
    is_content = _hash(audit.content) == audit.content_hash
    return is_content and (audit.signed_at is None or sealing(audit.content, audit.sealed, audit.signed_by, audit.signed_at) == audit.seal)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _canonical(value) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _tidied(given: Mapping) -> dict:
    return {**given, "owner": (given["owner"] or "").strip(), "note": (given["note"] or "").strip()}


def _refuse(found: list[str]) -> None:
    if found:
        raise RecordsError(f"this finding cannot be: {'; '.join(FAULTS[name] for name in found)}.")
