"""Improvement plans: what was found weak, as it was then, and what is done about it. How it went is metrics.remeasure."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Mapping

from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session

from records.database import RecordsError
from records.editing import Form, changed, editing, read
from records.models import Plan, PlanComment, PlanCustomer

FROZEN = (
    "dimension", "question", "measure", "segment", "wave", "starts_on", "ends_on", "scale_min", "scale_max", "score", "n", "low", "high", "snapshot",
)  # fmt: skip
EDITABLE = ("problem", "whys", "measures", "owner", "due_on", "expected", "status")
STATUSES = ("open", "in_progress", "done", "dropped")
GOING = STATUSES[:2]  # those that can be overdue
WHYS = 5
FAULTS = {  # what can be wrong with the editable part
    "no_measure": "it needs at least one measure",
    "no_owner": "it needs an owner",
    "no_due": "it needs the day it is due",
    "past_due": "it is due on a day that is over",
    "no_expected": "it needs the score that is expected",
    "off_scale": "the score that is expected lies outside the scale",
    "no_better": "the score that is expected is no better than the one it was opened on",
    "no_status": f"its status is one of {', '.join(STATUSES)}",
    "many_whys": f"a chain has at most {WHYS} whys",
}


def plans(engine: Engine) -> list[Plan]:
    """All plans, the next due first."""
    return read(engine, Plan, select(Plan).order_by(Plan.due_on, Plan.number))


def comments(engine: Engine, number: int) -> list[PlanComment]:
    """What was said about a plan, oldest first."""
    return read(engine, PlanComment, select(PlanComment).where(PlanComment.plan == number).order_by(PlanComment.number))


def customers(engine: Engine) -> dict[int, list[PlanCustomer]]:
    """Who is to be told, by the number of the plan, in the order in which they were named."""
    found: dict[int, list[PlanCustomer]] = {}
    for row in read(engine, PlanCustomer, select(PlanCustomer).order_by(PlanCustomer.number)):
        found.setdefault(row.plan, []).append(row)
    return found


def is_overdue(plan: Plan, today: dt.date) -> bool:
    """Whether a plan that is not finished was due before today."""
    return plan.status in GOING and plan.due_on < today


def faults(given: Mapping, ends: tuple[float, float], score: float, today: dt.date | None) -> list[str]:
    """What is wrong with the editable columns of a plan, as keys of FAULTS.

    ends: of the scale (−100 and 100 for NPS). today: a due day before it is over; None where the day was set earlier and stays.
    """
    tidy = _tidied(given)
    due, expected = tidy["due_on"], tidy["expected"]
    is_number = isinstance(expected, (int, float)) and not isinstance(expected, bool) and math.isfinite(expected)
    is_day = isinstance(due, dt.date)
    found = {
        "no_measure": not tidy["measures"],
        "no_owner": not tidy["owner"],
        "no_due": not is_day,
        "past_due": is_day and today is not None and due < today,
        "no_expected": not is_number,
        "off_scale": is_number and not ends[0] <= expected <= ends[1],
        "no_better": is_number and ends[0] <= expected <= score,
        "no_status": tidy["status"] not in STATUSES,
        "many_whys": len(tidy["whys"]) > WHYS,
    }
    return [name for name, is_so in found.items() if is_so]


def add(engine: Engine, plan: Plan, customers: Iterable[str], *, by: str | None, at: dt.datetime, today: dt.date | None = None) -> Plan:
    """Open a plan: the columns of FROZEN and EDITABLE, and the customers who are to be told. Raises RecordsError naming every fault.

    today: the day it is where the company does business; UTC's otherwise.
    """
    frozen = _frozen({name: getattr(plan, name) for name in FROZEN})
    given = _tidied({name: getattr(plan, name) for name in EDITABLE} | {"status": plan.status or "open"})
    _refuse(faults(given, ends(plan), frozen["score"], today or at.date()))
    made = Plan(**frozen, **given, created_at=at, created_by=by, changed_at=at, changed_by=by, version=1)
    with editing(engine) as session:
        session.add(made)
        session.flush()
        session.add_all(PlanCustomer(plan=made.number, customer_id=customer) for customer in dict.fromkeys(customers))
    return made


def change(engine: Engine, number: int, version: int, *, by: str | None, at: dt.datetime, today: dt.date | None = None, **values) -> tuple[Plan, list[str]]:
    """Change a plan that was read at this version; the plan, and which columns are different now.

    Raises RecordsError for what cannot be, Conflict if it was changed meanwhile. A due day that stays may be over.
    """
    refuse = lambda before, new, differing: _refuse(faults(new, ends(before), before.score, (today or at.date()) if "due_on" in differing else None))  # noqa: E731
    return changed(engine, Form("plan", Plan, EDITABLE, _tidied, refuse), number, version, by, at, values)


def comment(engine: Engine, number: int, text: str, *, by: str | None, at: dt.datetime) -> PlanComment:
    """Say something about a plan. Raises RecordsError for an empty text or a plan that does not exist."""
    if not text.strip():
        raise RecordsError("a comment needs a text.")
    made = PlanComment(plan=number, at=at, who=by, text=text.strip())
    with editing(engine) as session:
        _there(session, number)
        session.add(made)
    return made


def name(engine: Engine, number: int, customers: Iterable[str]) -> list[str]:
    """Put further customers on the list of those to be told; those who were not on it yet."""
    with editing(engine) as session:
        _there(session, number)
        known = set(session.scalars(select(PlanCustomer.customer_id).where(PlanCustomer.plan == number)))
        new = [customer for customer in dict.fromkeys(customers) if customer not in known]
        session.add_all(PlanCustomer(plan=number, customer_id=customer) for customer in new)
    return new


def tell(engine: Engine, number: int, customers: Iterable[str], *, by: str | None, at: dt.datetime, is_told: bool = True) -> list[str]:
    """Note that customers of a plan's list were told, or (is_told False) that they were not after all; those whose row has changed.

    Who was told before stays told when and by whom it was.
    """
    values = {"told_at": at, "told_by": by} if is_told else {"told_at": None, "told_by": None}
    changed = []
    with editing(engine) as session:
        for customer in dict.fromkeys(customers):
            differs = PlanCustomer.told_at.is_(None) if is_told else PlanCustomer.told_at.is_not(None)
            rows = update(PlanCustomer).where(PlanCustomer.plan == number, PlanCustomer.customer_id == customer, differs)
            changed += [customer] * session.execute(rows.values(values)).rowcount
    return changed


def _there(session: Session, number: int) -> None:
    if session.get(Plan, number) is None:
        raise RecordsError(f"there is no plan {number}.")


def ends(plan: Plan) -> tuple[float, float]:
    """The ends of what a plan's score can be."""
    return (-100.0, 100.0) if plan.measure == "nps" else (plan.scale_min, plan.scale_max)


def _frozen(given: dict) -> dict:
    tidy = {**given, "segment": sorted([str(column), str(value)] for column, value in given["segment"] or ())}
    wrong = [name for name in ("scale_min", "scale_max", "score") if not isinstance(tidy[name], (int, float)) or not math.isfinite(tidy[name])]
    if wrong or not (tidy["dimension"] and tidy["n"] and tidy["snapshot"]) or tidy["measure"] not in ("nps", "mean") or tidy["ends_on"] <= tidy["starts_on"]:
        raise RecordsError("a plan is opened on a score: dimension, measure (nps or mean), days, scale, score, n and snapshot are needed.")
    return tidy


def _tidied(given: Mapping) -> dict:
    texts = {name: [text.strip() for text in given[name] or () if text and text.strip()] for name in ("whys", "measures")}
    return {**given, **texts, "problem": (given["problem"] or "").strip(), "owner": (given["owner"] or "").strip()}


def _refuse(found: list[str]) -> None:
    if found:
        raise RecordsError(f"this plan cannot be: {'; '.join(FAULTS[name] for name in found)}.")
