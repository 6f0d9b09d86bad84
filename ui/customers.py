"""One customer on screen: which one is asked for, what is known of it, and the search that finds one. Computed once per snapshot and reader."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import pandas as pd
import streamlit as st

from access import journal
from access.guard import admitted_now
from metrics import customer, nps, people
from metrics.period import Period, add_months
from metrics.shelf import shelved
from ui import data, selection
from ui.selection import DEFAULT
from ui.view import View

OPENED = "_opened_customers"  # in the session: whose page has been opened, and is in the access log
DAY = dt.timedelta(days=1)


def about(snapshot: str, ask: Callable, *particulars) -> Any:
    """What a plain function of `metrics` finds in the tables of the present reader: ask(tables, *particulars), computed once.

    particulars: texts, numbers and days; they are hashed into the key. Whoever changes what comes back, copies it first.
    """
    part = json.dumps([ask.__module__, ask.__qualname__, *particulars], default=str)
    return _about(data.digest(snapshot, admitted_now().scope, None, part=part), ask, snapshot, particulars)


@shelved(500)
def _about(key: str, ask: Callable, snapshot: str, particulars: tuple) -> Any:
    return ask(data.tables(snapshot), *particulars)


def asked_for() -> str | None:
    """The id in the URL."""
    return st.query_params.get("id") or None


@dataclass(frozen=True)
class Account:
    """One customer as the present reader may see it. view: of everything that is loaded, without the page's filters."""

    view: View
    id: str

    @property
    def as_of(self) -> dt.date:
        """The first day that is not fully loaded."""
        return self.view.period.as_of

    def of(self, ask: Callable, *particulars) -> Any:
        """What a function of metrics.customer finds out about this customer."""
        return about(self.view.snapshot, ask, self.id, *particulars)

    def asked(self, ask: Callable, *particulars) -> Any:
        """What a function that goes by a question (ask(tables, question, customer, …)) finds out about this customer, as of today."""
        return about(self.view.snapshot, ask, self.view.query(), self.id, *particulars)

    @property
    def basics(self) -> dict:
        return self.of(customer.basics)

    @cached_property
    def happened(self) -> pd.DataFrame | None:
        """Everything that happened, the latest first; None until a sync has put it together."""
        return self.of(customer.events)

    @property
    def waiting(self) -> data.Behind:
        """The tickets that are open now: the rows behind the metric, as many as it counts."""
        return data.rows_behind(self.view, "open_tickets", where=self.where)

    @property
    def where(self) -> Mapping[str, str]:
        """The filter that asks a metric about this customer alone."""
        return {"customer_id": self.id}

    @cached_property
    def year(self) -> View:
        """The last twelve whole months, which are compared with the twelve before."""
        return self.view.over(selection.period(DEFAULT, self.as_of, self.view.period.start, self.view.period.calendar))

    @property
    def months(self) -> View:
        """Those two years month by month, and the month that runs."""
        running = (self.as_of - DAY).replace(day=1)
        return self.view.over(replace(self.year.period, start=add_months(self.year.period.start, -12), end=add_months(running, 1)))

    @property
    def recommends(self) -> str:
        """The dimension of the recommendation question."""
        return nps.dimension(self.view.query())


def found(view: View, asked: str) -> Account | None:
    """The customer behind an id, or the one that it was merged into; None where the reader has none such, whether or not there is one."""
    known, reach = about(view.snapshot, customer.account, asked), data.reach(view.snapshot)
    if known is None or reach is None:
        return None
    everything = Period(reach.first, reach.as_of, reach.as_of, view.period.calendar)
    return Account(replace(view, selection=DEFAULT, period=everything), known)


def noted(account: Account) -> None:
    """Write into the access log that this customer's page was opened, once per session. What cannot be logged is not shown: the error is raised."""
    seen = st.session_state.setdefault(OPENED, set())
    reader = admitted_now()
    key = (reader.digest, account.id)
    if key not in seen:
        journal.note(reader.name, reader.grant.role, "opened_customer", account.id, snapshot=account.view.snapshot)
        seen.add(key)


def names(view: View, ids) -> dict[str, str]:
    """The names of customers whom the reader may see, by id."""
    return about(view.snapshot, people.names, *sorted(ids)) if ids else {}


def suggestions(view: View, text: str) -> pd.DataFrame:
    """The reader's customers whose name contains a text, at most twenty."""
    return about(view.snapshot, customer.find, text)
