"""The rows behind a number as a list for people: named after its customers, and in an order that leaves nothing to chance.

A list is cut after its first thousands on screen. What is cut off must be the oldest or smallest, and the same at every look.
"""

from __future__ import annotations

from dataclasses import replace

import narwhals as nw

from metrics.metric import Metric
from metrics.query import Frame, Query, Tables, named

# The latest or the most of it on top: the first of these columns that a list has.
FIRST = ("answered_on", "sent_on", "amount_reporting", "amount_per_month", "revenue", "amount_now", "closing", "begun_on", "x_revenue", "last_active_on")
OWN = frozenset({  # metrics whose lists have an order of their own: the urgent first
    "at_risk", "care_attainment", "churn_backtest", "clocks", "customer_health", "data_health", "detractor_follow_up",
    "flags", "follow_up_churn", "grade_proposals", "high_value_faults", "identity_findings", "open_tickets", "renewals", "revenue_at_risk", "tickets_answered",
    "tickets_solved",
})  # fmt: skip
UNIQUE = ("answer_id", "deal_id", "lead_id")  # a list with one of them has one row for it, or one for each of its stages
UNREAD = ("text", "customer", "name")  # too long to compare, or told by an id beside


def rows(metric: Metric, tables: Tables, query: Query, customer: str | None = None) -> Frame:
    """The rows behind the answer to a question, with their customers' names. customer: only those of this one."""
    frame = metric.behind(tables, replace(query, options={**metric.options, **query.options}))
    columns = {*frame.columns}
    if "customer_id" in columns and not {"customer", "name"} & columns:
        frame = named(frame, tables)
    return frame if customer is None else frame.filter(nw.col("customer_id") == customer)


def in_order(metric: Metric, frame: Frame) -> Frame:
    """A list in its order: its own, else the latest or the most of it first, and rows alike in that by everything else there is."""
    if metric.name in OWN:
        return frame
    columns = frame.columns
    first = [column for column in FIRST if column in columns][:1]
    ids = [column for column in columns if column.endswith("_id")]
    others = [column for column in columns if column not in (*first, *ids, *UNREAD) and (column == "stage" or not {*UNIQUE} & {*columns})]
    by = [*first, *ids, *others] or columns
    return frame.sort(*by, descending=[column in first for column in by], nulls_last=True)
