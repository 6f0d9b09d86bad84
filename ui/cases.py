"""Cases as the present reader may know them: of the customers they may see, under the accounts that these are today."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace
from zoneinfo import ZoneInfo

from access.guard import admitted_now
from access.kept import Kept
from access.roles import may
from metrics import people
from metrics.policies import FACTORS, KINDS, Policy, policy
from records import cases, database, incidents
from records.cases import Standing
from records.incidents import Flag
from records.models import Case, CaseEvent
from ui import customers, data, numbers, reasons
from ui.view import View
from ui.words import t

ACTION = "edit_cases"
STATES = ("todo", "none", "open", "snoozed", "handled", "everybody")  # how customers of the list stand; the first hides whom nobody need call now
NOBODY = Standing("none", None, ())


def known(view: View) -> dict[str, list[Case]]:
    """Every case of a customer whom the reader may see, by the account that the customer belongs to now, the newest first.

    A case of another customer does not exist for this reader.
    """
    found = _kept.read(data.directory(), cases.cases)
    theirs = customers.about(view.snapshot, people.accounts, *sorted({case.customer_id for case in found})) if found else {}
    of: dict[str, list[Case]] = {}
    for case in found:
        if case.customer_id in theirs:
            of.setdefault(theirs[case.customer_id], []).append(case)
    return of


def forget() -> None:
    """Look the cases up anew; called where they were changed."""
    _kept.forget()


_kept = Kept()


def may_edit() -> bool:
    """Whether the reader may, at this very moment, open or change cases."""
    return may(admitted_now(), ACTION)


def is_theirs(view: View, customer: str) -> bool:
    """Whether the reader may, at this very moment, see a customer."""
    return bool(customers.about(view.snapshot, people.names, customer))


def today(view: View) -> dt.date:
    """The day it is where the company does business."""
    return dt.datetime.now(ZoneInfo(view.zone)).date()


def events(found: list[Case]) -> list[CaseEvent]:
    """What happened to these cases, oldest first."""
    return cases.events(database.connect(data.directory()), [case.number for case in found]) if found else []


# flags


def flags(row: Mapping | None, among=KINDS) -> list[Flag]:
    """The flags of a row of the list, as cases keep them. None: a customer who is not on it."""
    return incidents.flags(row, among) if row is not None else []


def standing(found: list[Case], row: Mapping | None, policy: Policy, day: dt.date) -> Standing:
    """How a customer stands with these cases."""
    return cases.standing(found, _waking(row, policy), day)


def _waking(row: Mapping | None, policy: Policy) -> list[Flag]:
    """The flags that count: those that cost no points put nobody on the list, so they wake nobody either."""
    return flags(row, [kind for kind in FACTORS if policy.weights.get(kind, 0)])


def standings(now: View, found: Mapping[str, list[Case]]) -> dict[str, Standing]:
    """How the customers with cases stand who are at risk, whatever they are filtered by."""
    day = today(now)
    return {customer: cases.standing(found[customer], theirs, day) for customer, theirs in _flagged(now, tuple(sorted(found))).items()} if found else {}


@data.told
def _flagged(now: View, customers_: tuple[str, ...]) -> dict[str, list[Flag]]:
    """Of these customers those at risk, whatever they are filtered by, each with the flags that count."""
    known, theirs = policy(now.query()), replace(now.query(), where=(("customer_id", customers_),))
    rows = data.listed(now, "at_risk", theirs, len(customers_)).rows
    return {row["customer_id"]: _waking(row, known) for row in rows.to_dict("records")}


def narrowed(chosen: str, standings_: Mapping[str, Standing]) -> dict[str, list[str]]:
    """What a choice of STATES means for the list: only these customers, or without those."""
    if chosen in ("open", "snoozed", "handled"):
        return {"among": _in(standings_, chosen)}
    return {"without": _in(standings_, *{"todo": ("snoozed", "handled"), "none": ("open", "snoozed", "handled"), "everybody": ()}[chosen])}


def _in(standings_: Mapping[str, Standing], *states: str) -> list[str]:
    return [customer for customer, stands in standings_.items() if stands.state in states]


# words


def hidden(chosen: str, standings_: Mapping[str, Standing]) -> str:
    """Who is left out of the list because nobody need call them now; empty where nobody is."""
    snoozed, handled = (len(_in(standings_, state)) for state in ("snoozed", "handled"))
    return t("cases.hidden", snoozed=numbers.count(snoozed), handled=numbers.count(handled)) if chosen == "todo" and snoozed + handled else ""


def in_words(now: View, standings_: Mapping[str, Standing]) -> dict[str, str]:
    """The cases of these customers in words."""
    return {customer: told for customer, stands in standings_.items() if (told := _in_words(now, stands))}


def _in_words(now: View, stands: Standing) -> str:
    """The case of a customer, and the flags that came after it was opened."""
    if stands.state == "none":
        return ""
    told = said(stands.case, stands.state, now)
    new = t("at_risk.and").join(t(f"at_risk.flags.{flag['kind']}") for flag in stands.new)
    return t("cases.and_new", case=told, flags=new) if new and stands.case else told


def said(case: Case | None, stands: str, view: View) -> str:
    """A case in a few words: how it stands, with whom, until when."""
    if case is None:
        return t("cases.states.handled") if stands == "handled" else ""
    if case.status == cases.CLOSED:
        return t("cases.closed_as", outcome=t(f"cases.outcomes.{case.outcome}"), day=numbers.day(_on(case.closed_at, view)))
    if stands == cases.SNOOZED:
        return t("cases.snoozed_until", day=numbers.day(case.snoozed_until), who=case.assignee)
    late = "late" if cases.is_overdue(case, today(view)) else "due"
    return t(f"cases.{late}", who=case.assignee, day=numbers.day(case.due_on))


def _on(at: dt.datetime, view: View) -> dt.date:
    return at.astimezone(ZoneInfo(view.zone)).date()


def opened_on(case: Case, view: View) -> dt.date:
    """The day on which a case was opened, where the company does business."""
    return _on(case.created_at, view)


def why(case: Case) -> str:
    """The flags that a case was opened on."""
    return t("at_risk.and").join(flag_said(flag) for flag in case.flags)


def flag_said(flag: Flag) -> str:
    """A flag by its name, with the day since when it stands where that is known."""
    name = t(f"at_risk.flags.{flag['kind']}")
    return t("cases.flag_since", flag=name, day=numbers.day(dt.date.fromisoformat(flag["on"]))) if flag["on"] else name


def followed(case: Case, policy: Policy) -> str:
    """The play that is followed; where another one was proposed, that too."""
    name = reasons.play_named(case.play, policy)
    if case.proposed in (None, case.play):
        return name
    return t("cases.instead_of", play=name, proposed=reasons.play_named(case.proposed, policy))
