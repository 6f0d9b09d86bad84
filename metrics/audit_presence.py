"""Was every source there all the quarter? Its longest silence, beside the longest it had in the year before."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise

import narwhals as nw
import pandas as pd

from metrics.period import Period, add_months
from metrics.query import Frame, Tables, collect

DAYS = {  # table of facts → the day on which a row happened
    "invoices": "issued_on", "payments": "paid_on", "deals": "created_on", "leads": "created_on", "interactions": "happened_on",
    "tickets": "opened_on", "answers": "answered_on", "usage": "day",
}  # fmt: skip
YEAR = 12  # months before the quarter that say what is usual


def presence(tables: Tables, period: Period) -> list[dict]:
    """Each source's facts in the period, as far as it has happened; by source.

    Reads the days of the tables of facts. A source that has no facts before the end of the period, of customers alone, is not told of.
    Returns for each source: days = days of the period that are over; with_facts = of these, days with facts; gap = longest run of days
    without, from gap_from to gap_to (inclusive; null without one); share = gap ÷ days; usual = longest such run in the year before (null
    where there was nothing then); is_unusual = gap longer than usual, or nothing is known of before.
    Read it so: gap 60 of 92 days, usual 3: it was absent for two months. A survey with a wave every quarter has long silences, and usual ones.
    """
    stop = min(period.end, period.as_of)
    if stop <= period.start:
        return []
    facts = _days(tables, stop)
    known = collect(facts.group_by("source").agg(first=nw.col("day").min()))
    since = add_months(period.start, -YEAR)
    recent = collect(facts.filter(nw.col("day") >= nw.lit(since)).unique())
    found = {source: sorted(part["day"]) for source, part in recent.groupby("source")}
    return [_silence(row.source, row.first, found.get(row.source, []), since, period.start, stop) for row in known.sort_values("source").itertuples()]


def _days(tables: Tables, stop: dt.date) -> Frame:
    """Every day on which a source has facts, before `stop`."""
    parts = [tables[name].select("source", day=nw.col(day)) for name, day in DAYS.items() if name in tables]
    return nw.concat(parts).filter(~nw.col("day").is_null(), nw.col("day") < nw.lit(stop)).unique()


def _silence(source: str, first: dt.date, days: list[dt.date], since: dt.date, start: dt.date, stop: dt.date) -> dict:
    inside, before = [day for day in days if day >= start], [day for day in days if day < start]
    gap, begin, end = longest(inside, start, stop)
    usual = longest(before, max(since, first), start)[0] if before else None
    length = (stop - start).days
    return {
        "source": source, "days": length, "with_facts": len(inside), "gap": gap, "share": gap / length, "usual": usual,
        "gap_from": begin and begin.isoformat(), "gap_to": end and end.isoformat(), "is_unusual": usual is None or gap > usual,
    }  # fmt: skip


def longest(days: list[dt.date], start: dt.date, stop: dt.date) -> tuple[int, dt.date | None, dt.date | None]:
    """The longest run of days of [start, stop) that are not in `days` (sorted): how many, its first and its last day; the first of equals."""
    day = dt.timedelta(days=1)
    marks = [start - day, *days, stop]
    runs = [((after - before).days - 1, before + day, after - day) for before, after in pairwise(marks)]
    length, begin, end = max(runs, key=lambda run: run[0]) if runs else (0, None, None)
    return (length, begin, end) if length > 0 else (0, None, None)


def absent(rows: list[dict], least: float = 0.5) -> list[dict]:
    """The sources that were unusually silent for at least this share of the days."""
    return [row for row in rows if row["is_unusual"] and row["share"] >= least]


def at_all(rows: list[dict]) -> bool:
    """Whether any source has a fact in the period."""
    return bool(pd.Series([row["with_facts"] for row in rows], dtype="int64").sum())
