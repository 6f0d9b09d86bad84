"""Decisions about grades as the present reader may know them: of the customers they may see, under the accounts that these are today."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from zoneinfo import ZoneInfo

import pandas as pd

from access.guard import admitted_now
from access.kept import Kept
from access.roles import may
from metrics import people
from records import regrades
from records.decided import Regrade
from ui import customers, data, numbers, spoken
from ui.view import View
from ui.words import plain, t

ACTION = "edit_grades"
STATES = ("undecided", regrades.LATER, regrades.APPROVED, regrades.REJECTED)
DAY = dt.timedelta(days=1)
Known = dict[str, list[Regrade]]


def known(view: View) -> Known:
    """Every decision about a customer whom the reader may see, by the account that the customer belongs to now, the newest first.

    A decision about another customer does not exist for this reader.
    """
    found = _kept.read(data.directory(), regrades.regrades)
    theirs = customers.about(view.snapshot, people.accounts, *sorted({one.customer_id for one in found})) if found else {}
    of: Known = {}
    for one in found:
        if one.customer_id in theirs:
            of.setdefault(theirs[one.customer_id], []).append(one)
    return of


def forget() -> None:
    """Look the decisions up anew; called where some were made."""
    _kept.forget()


_kept = Kept()


def may_decide() -> bool:
    """Whether the reader may, at this very moment, decide about grades."""
    return may(admitted_now(), ACTION)


def are_theirs(view: View, accounts: Iterable[str]) -> bool:
    """Whether the reader may, at this very moment, see all of these customers."""
    wanted = sorted(accounts)
    return len(customers.about(view.snapshot, people.names, *wanted)) == len(wanted)


def holding(found: Known, ends_on: dt.date | None) -> dict[str, Regrade]:
    """The decision that holds about each customer for one quarter."""
    held = {account: regrades.holding(theirs) for account, theirs in found.items()}
    return {account: quarters[ends_on] for account, quarters in held.items() if ends_on in quarters}


def newest(found: Known, ends_on: dt.date) -> dict[str, int]:
    """The number of the newest decision about each customer for one quarter, also of one that was taken back."""
    return {account: one.number for account, theirs in found.items() if (one := next((one for one in theirs if one.ends_on == ends_on), None))}


def quarters(found: Known) -> list[dt.date]:
    """The quarters about which something was decided, the newest first; each by the first day after it."""
    return sorted({one.ends_on for theirs in found.values() for one in theirs}, reverse=True)


def approved(theirs: Iterable[Regrade]) -> Regrade | None:
    """The grade of a customer that was approved last, of the newest quarter in which one was."""
    held = [one for one in regrades.holding(theirs).values() if one.decision == regrades.APPROVED]
    return max(held, key=lambda one: one.ends_on, default=None)


# words


def quarter(ends_on: dt.date) -> str:
    """A quarter by its last day."""
    return numbers.day(ends_on - DAY)


def counted(rows: pd.DataFrame, held: Mapping[str, Regrade]) -> dict[str, int]:
    """How many of the proposals stand how, by STATES."""
    found = [state(held.get(customer)) for customer in rows["customer_id"]]
    return {name: found.count(name) for name in STATES}


def state(one: Regrade | None) -> str:
    """How a proposal stands, of STATES."""
    return one.decision if one is not None else STATES[0]


def beside(rows: pd.DataFrame, stands: Iterable[tuple[str, str, str]]) -> pd.DataFrame:
    """Proposals with how each stands: in words (state), as a code (decision), and who decided what, and why (decided).

    stands: of those decided the account, the decision, and what `said` says of it.
    """
    known, words = {account: rest for account, *rest in stands}, {name: t(f"regrades.states.{name}") for name in STATES}
    found = [known.get(customer, (STATES[0], "")) for customer in rows["customer_id"]]
    return rows.assign(decision=[state for state, _ in found], state=[words[state] for state, _ in found], decided=[told for _, told in found])


def said(view: View, one: Regrade) -> str:
    """Who decided when, and why, in a few words; text as it is."""
    told = t("regrades.decided_says", who=one.who or t("register.here"), day=numbers.day(on(view, one)))
    return t("regrades.with_note", decided=told, note=one.note) if one.note else told


def on(view: View, one: Regrade) -> dt.date:
    """The day of a decision, where the company does business."""
    return one.at.astimezone(ZoneInfo(view.zone)).date()


def of_customer(view: View, account: str) -> str:
    """The grade of a customer that was approved last, in a sentence; empty where none was."""
    one = approved(known(view).get(account, ()))
    if one is None:
        return ""
    who = plain(one.who or t("register.here"))
    return t("regrades.customer_says", grade=plain(spoken.grade(one.proposed)), day=quarter(one.ends_on), who=who, on=numbers.day(on(view, one)))
