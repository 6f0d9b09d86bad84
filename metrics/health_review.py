"""Which high-value customers' own records fail a check: those that somebody should look through by hand."""

from __future__ import annotations

from dataclasses import replace

import narwhals as nw
import pandas as pd

from metrics.funnel import count
from metrics.grading import grade_names
from metrics.health import MART
from metrics.health_policy import RECORD_CHECKS, policy
from metrics.metric import Metric
from metrics.quarters import last_day, latest
from metrics.query import Frame, Query, Tables, aggregate, named, refuse_grain, segmented
from metrics.result import Answer, answer
from metrics.stats import share_se, wilson


def high_value_faults(tables: Tables, query: Query) -> Answer:
    """Share of high-value customers with a record that fails a check of `data_health`. Records as they are now; grades of the last quarter end.

    Reads customer_quarters (grade in force) and the mart record_checks. High value: a grade of [metrics.health] review_grades, by default the best one.

    Returns value = numerator / n; n = denominator = high-value customers; numerator: those with a fault in any of their own records (of all
    systems they are in); low, high: Wilson 95 %; extra: faults = failed checks of all of them. A snapshot without the mart has no value.
    Read it so: 12 of 40 with 15 faults: the records of 12 customers need a hand, three of them in two places.
    """
    refuse_grain(query, "records are judged as they are now: leave out the grain")
    rows = aggregate(_members(tables, query), list(query.by), denominator=nw.len(), numerator=count(nw.col("n_faults") > 0), faults=nw.col("n_faults").sum())
    if MART not in tables:
        rows = rows.assign(numerator=float("nan"), faults=float("nan"))
    rows["n"], counted = rows["denominator"], pd.to_numeric(rows["numerator"]).astype("float64")
    rows["value"] = counted / rows["n"].where(rows["n"] > 0)
    rows["low"], rows["high"] = wilson(counted, rows["n"])
    day = latest(tables, query)
    notes = {"grades": list(grades(query)), "quarter_end": last_day(day) if day else None}
    return answer(rows.assign(se=share_se(counted, rows["n"])), query, extra=("faults",), notes=notes)


def grades(query: Query) -> tuple[str, ...]:
    """The grades of high-value customers."""
    chosen = policy(query.settings).review_grades
    return grade_names(query)[:1] if chosen is None else chosen


def _members(tables: Tables, query: Query) -> Frame:
    """High-value customers: customer_id, held, amount, n_faults, checks = the names of those that fail, separated by commas."""
    rows = segmented(tables["customer_quarters"], tables, query).filter(nw.col("ends_on") == nw.lit(latest(tables, query) or query.period.start))
    rows = rows.filter(nw.col("held").is_in(list(grades(query)))).select("customer_id", *query.by, "amount", tier="held")
    if MART not in tables:
        return rows.with_columns(n_faults=nw.lit(0), checks=nw.lit(""))
    judged = tables[MART].filter(nw.col("entity") == "customers").group_by("customer_id").agg(**{name: nw.col(name).max() for name in RECORD_CHECKS})
    found = {name: nw.col(name).fill_null(0) for name in RECORD_CHECKS}
    total = nw.sum_horizontal(*found.values())
    said = nw.concat_str(*(nw.when(failed == 1).then(nw.lit(name)) for name, failed in found.items()), separator=",", ignore_nulls=True)
    faults = judged.select("customer_id", n_faults=total, checks=said)
    return rows.join(faults, on="customer_id", how="left").with_columns(n_faults=nw.col("n_faults").fill_null(0), checks=nw.col("checks").fill_null(""))


def listed(tables: Tables, query: Query) -> Frame:
    """All high-value customers, those with most faults first: customer_id, customer, tier, amount = revenue of twelve months, n_faults, checks."""
    rows = named(_members(tables, replace(query, by=())), tables)
    return rows.sort("n_faults", "amount", "customer_id", descending=[True, True, False], nulls_last=True)


METRICS = (
    Metric(
        "high_value_faults", high_value_faults,
        definition="Share of high-value customers with a record that fails a check.",
        formula="high-value customers with a failing record / high-value customers", unit="share",
        reads=(MART, "customer_quarters", "accounts"), behind=listed, better="lower", source="Wilson 1927 (limits)",
    ),
)  # fmt: skip
