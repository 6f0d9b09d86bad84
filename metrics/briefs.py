"""What one should know before calling a customer: the score and what moved it within a week, the last contact, the renewal, what is open."""

from __future__ import annotations

from collections.abc import Sequence

import narwhals as nw
import pandas as pd

from metrics import renewals
from metrics.policies import FACTORS
from metrics.query import Frame, Query, Tables, collect, kept
from metrics.signals import WEEK, Eve, eve
from metrics.tickets import is_unsolved
from metrics.vitality import vital

AHEAD_MONTHS = 24  # renewals later than this are nobody's concern today


def briefs(tables: Tables, query: Query, among: Sequence[str]) -> pd.DataFrame:
    """One row per customer of `among`, at the end of what has happened of the question's period.

    score, coverage, and of each factor x_…, points_…, on_…, row_… (metrics.vitality); the same a week earlier under …_before; contact_on: last
    interaction of either direction; renewal_on: the next day on which an agreement comes up; complaints: open ones. Null: there is none.
    """
    at = eve(query)
    before = vital(tables, at.earlier(WEEK))
    before = before.rename({name: f"{name}_before" for name in before.columns if name != "customer_id"})
    beside = kept(tables, "beside", at, lambda: _beside(tables, at))
    rows = tables.column("customer_id", among)
    for part in (vital(tables, at), before, beside):
        rows = rows.join(part, on="customer_id", how="left")
    found = pd.DataFrame({"customer_id": list(among)}, dtype=object).merge(collect(rows), on="customer_id", how="left")
    return found.assign(complaints=found["complaints"].fillna(0).astype(int))


def _beside(tables: Tables, at: Eve) -> Frame:
    """Last contact, next renewal and open complaints of every customer: customer_id, contact_on, renewal_on, complaints. Computed once for these tables."""
    spoken = tables["interactions"].filter(nw.col("happened_on_d") < at.end_d)
    spoken = spoken.group_by("customer_id").agg(contact_on=nw.col("happened_on").max())
    ahead = at.query.over(renewals.ahead(at.query, AHEAD_MONTHS))
    due = renewals.due(tables, ahead).filter(nw.col("starts_on_d") < at.end_d)
    due = due.group_by("customer_id").agg(renewal_on=nw.col("due_on").min())
    waiting = tables["tickets"].filter(nw.col("kind") == "complaint", nw.col("opened_on_d") < at.end_d, is_unsolved(nw.lit(at.end_d)))
    waiting = waiting.group_by("customer_id").agg(complaints=nw.len())
    rows = tables["accounts"].select("customer_id")
    for part in (spoken, due, waiting):
        rows = rows.join(part, on="customer_id", how="left")
    return rows


def sides(row: dict) -> tuple[dict, dict]:
    """A row of `briefs` as two rows of `vital`: now, and a week earlier."""
    names = [f"{part}_{kind}" for kind in FACTORS for part in ("x", "on", "row")]
    return {name: row.get(name) for name in names}, {name: row.get(f"{name}_before") for name in names}
