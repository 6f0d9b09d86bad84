"""What people wrote down, as an audit counts it: cases that were due, targets and their pace, findings of the audit before."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from metrics.audit import Quarter
from metrics.query import QuestionError
from records import audits, cases, database
from records.audited import Audit, AuditFinding
from records.models import Case
from ui import data, standing
from ui.view import View


def facts(view: View, quarter: Quarter, loaded: dt.date, today: dt.date, state_days: int) -> dict:
    """The facts of a quarter by name. Targets are known only as they stand now: of a quarter long ago they say nothing."""
    engine = database.connect(data.directory())
    found: dict = {"cases": due_cases(cases.cases(engine), quarter.start, min(quarter.end, loaded))}
    if (loaded - quarter.end).days <= state_days:
        found["targets"] = paces(view)
    every = audits.audits(engine)
    if earlier := before(every, quarter):
        found["findings"] = earlier_findings(every, audits.findings(engine), earlier, today)
    return found


def due_cases(every: Iterable[Case], start: dt.date, stop: dt.date) -> dict[str, int]:
    """How many cases were due on a day of [start, stop), and how many of them were closed by its end."""
    due = [case for case in every if start <= case.due_on < stop]
    return {"due": len(due), "closed": sum(case.closed_at is not None and case.closed_at.date() < stop for case in due)}


def paces(view: View) -> list[dict]:
    """The open targets with their verdicts; one whose figure cannot be asked for has none."""
    return [{"metric": target.metric, "due_on": target.due_on, "verdict": _pace(view, target)} for target in standing.known() if not target.is_closed]


def _pace(view: View, target) -> str:
    try:
        found = standing.standing(view, target)
    except QuestionError:
        found = None
    return found.pace.verdict if found else "no_value"


def before(every: Iterable[Audit], quarter: Quarter) -> Audit | None:
    """The audit in force of the last audited quarter before this one."""
    earlier = [audit for audit in audits.in_force(every).values() if audit.ends_on <= quarter.start]
    return max(earlier, key=lambda audit: audit.ends_on, default=None)


def earlier_findings(every: Iterable[Audit], findings: Iterable[AuditFinding], earlier: Audit, today: dt.date) -> dict:
    """The findings of the audit before, and those of audits before it that are still open."""
    ends = {audit.number: audit.ends_on for audit in every}
    told = [
        {"check": found.check, "status": found.status, "owner": found.owner, "due_on": found.due_on, "is_overdue": audits.is_overdue(found, today)}
        for found in findings
        if found.audit == earlier.number or (ends.get(found.audit, dt.date.max) < earlier.ends_on and found.status == audits.OPEN)
    ]
    return {"quarter": earlier.quarter, "findings": told}
