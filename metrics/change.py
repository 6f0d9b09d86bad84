"""Is it better or worse than before, and is that more than chance? One rule for every number on every page."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import pandas as pd

from metrics.metric import Metric, ask
from metrics.query import Query, Tables
from metrics.result import K_TESTABLE, Answer
from metrics.stats import two_sample_p

LEVEL = 0.05  # "changed" is said at 95 %


@dataclass(frozen=True)
class Change:
    """A headline beside its comparison.

    verdict: "changed", "no_clear_change", "new" (nothing before, or 0), "before_suppressed" (there was something before, too
    little to be shown), "too_few" (n under 30), "no_data", "suppressed".
    delta: value − before, in the metric's own unit; None where there is nothing to compare.
    """

    now: dict
    before: dict
    delta: float | None
    p: float | None
    verdict: str


def compare(metric: Metric, tables: Tables, query: Query, against: str = "previous") -> Change:
    """The metric over the period and over the one before (`against="year"`: a year earlier), both equally complete."""
    now, before = questions(query, against)
    return changed(headline(ask(metric, tables, now)), headline(ask(metric, tables, before)))


def questions(query: Query, against: str = "previous") -> tuple[Query, Query]:
    """The question as one number, and the same question about the period it is compared with."""
    one = replace(query, grain=None, by=())
    earlier = query.period.previous() if against == "previous" else query.period.year_before()
    return one.over(query.period.to_date()), one.over(earlier)


def changed(now: dict, before: dict) -> Change:
    """The verdict on two rows of an answer; each has value, n, se, state.

    A row may also have n_eff, how many equally heavy answers its n are worth (the smaller of the two decides whether there is
    a test), and centre: what its interval is around where that is not the value itself (adjusted Wald); the test compares
    centres. On such a scale 0 is a score like any other, not "nothing before".
    A stock that is counted in full (open deals on a day) has is_counted and se 0: it is no sample, so what differs has
    changed, however small its n. Where nothing says how far chance could move a number (se null), nothing is claimed:
    "no_clear_change".
    """
    if now["state"] != "value":
        return Change(now, before, None, None, now["state"])
    if before["state"] == "suppressed":
        return Change(now, before, None, None, "before_suppressed")
    if before["state"] != "value" or (before["value"] == 0 and "centre" not in before):
        return Change(now, before, None, None, "new")
    delta = now["value"] - before["value"]
    if min(_n(now), _n(before)) < K_TESTABLE and not _are_counted(now, before):
        return Change(now, before, delta, None, "too_few")
    p = two_sample_p(now.get("centre", now["value"]), now["se"], before.get("centre", before["value"]), before["se"])
    return Change(now, before, delta, p, "changed" if p < LEVEL else "no_clear_change")


def headline(answer: Answer) -> dict:
    """The one row of an answer without keys; `no_data` where it has none."""
    if answer.rows.empty:
        return {"value": math.nan, "n": 0, "se": math.nan, "state": "no_data"}
    return answer.rows.iloc[0].to_dict()


def differ(one: dict, other: dict) -> bool:
    """Whether the values of two groups differ by more than chance would let them; here 0 is a value like any other."""
    return two_sample_p(one["value"], one["se"], other["value"], other["se"]) < LEVEL


def _are_counted(*rows: dict) -> bool:
    return all(bool(row.get("is_counted", False)) for row in rows)


def _n(row: dict) -> float:
    return min((float(row[base]) for base in ("n", "n_eff") if base in row and not pd.isna(row[base])), default=math.inf)
