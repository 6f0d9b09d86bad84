"""How the customers of a target stand now: who is at risk, and which of their flags belong to no case."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import warehouse
from access.scope import Scope
from metrics import people, risk
from metrics.period import Calendar, Period
from metrics.plays import Action, next_action
from metrics.policies import FACTORS, KINDS, Policy, policy
from metrics.query import Query, collect
from records import cases, database, settings
from records.incidents import Flag, flags


@dataclass(frozen=True)
class Present:
    """at_risk: rows of the list by customer, the most revenue first. flags: of each of them, those that belong to no case. on: the last day that
    is loaded; None while nothing is."""

    tables: object
    query: Query | None
    policy: Policy | None
    at_risk: Mapping[str, Mapping]
    flags: Mapping[str, list[Flag]]
    on: dt.date | None

    def accounts(self, *records: str) -> dict[str, str]:
        """The accounts that ids belong to now, of those that may be seen."""
        return people.accounts(self.tables, *records) if records else {}

    def names(self, *customers: str) -> dict[str, str]:
        """Their names, of those that may be seen."""
        return people.names(self.tables, *customers) if customers else {}

    def action(self, customer: str) -> Action | None:
        """The next best action for a customer at risk. Which play it is does not depend on what each flag costs."""
        row = self.at_risk[customer]
        points = {kind: None for kind in KINDS if row.get(f"has_{kind}") == 1}
        tenure = row.get("tenure_d")
        return next_action(points, row["tier"] if isinstance(row.get("tier"), str) else None, tenure if tenure == tenure else None, self.policy)


def present(data: Path, scope: Scope) -> Present:
    """What a scope's rows say, at the end of what is loaded, by the policy that is in force in the app."""
    tables = warehouse.open(data, None, scope)
    reach = collect(tables["coverage"])
    if reach.empty:
        return Present(tables, None, None, {}, {}, None)
    query = _query(data, tables, min(reach["first_on"]), max(reach["last_on"]))
    known = policy(query)
    rows = {row["customer_id"]: row for row in collect(risk.listed(tables, query)).to_dict("records")}
    found = Present(tables, query, known, rows, {}, max(reach["last_on"]))
    return Present(tables, query, known, rows, _loose(data, found), found.on)


def _query(data: Path, tables, first: dt.date, last: dt.date) -> Query:
    known = settings.in_force(data, tables.settings)
    calendar = known.get("calendar", {})
    after = last + dt.timedelta(days=1)
    return Query(Period(first, after, after, Calendar(calendar.get("fiscal_year_start", 1), calendar.get("week_start", 1))), None, (), (), {}, known)


def _loose(data: Path, found: Present) -> dict[str, list[Flag]]:
    """The flags that cost points and belong to no case of their customer."""
    every = cases.cases(database.connect(data)) if database.exists(data) else []
    now = found.accounts(*sorted({case.customer_id for case in every}))
    theirs: dict[str, list] = {}
    for case in every:
        theirs.setdefault(now.get(case.customer_id, ""), []).append(case)
    weighty = [kind for kind in FACTORS if found.policy.weights.get(kind, 0)]
    return {
        customer: list(cases.standing(theirs.get(customer, ()), flags(row, weighty), found.on).new) for customer, row in found.at_risk.items()
    }  # fmt: skip
