"""How one customer's health went: its score at the end of each of the last months, and what moved it from one to the next."""

from __future__ import annotations

import datetime as dt
import itertools

import narwhals as nw
import pandas as pd

from metrics.period import add_months
from metrics.policies import FACTORS
from metrics.query import Frame, Query, Tables, collect
from metrics.signals import Eve, eve
from metrics.vitality import looked_up, moves, vital

MONTHS = 12  # before the one that runs
ROW = ("score", "coverage", *(f"{part}_{kind}" for kind in FACTORS for part in ("x", "points", "on", "row")))


def course(tables: Tables, query: Query, customer_id: str, months: int = MONTHS) -> pd.DataFrame:
    """The customer's row of `vital` at the end of each of the last `months` whole months and at the end of what has happened, the oldest first.

    end: the first day that is not known of then. score, coverage, x_…, points_…, on_…, row_…: see metrics.vitality; null where nothing was
    known then. Weights and thresholds are those of today; facts are those that a source tells today of what had happened by then.
    """
    now = eve(query)
    first = now.end.replace(day=1)
    ends = [end for end in (add_months(first, -k) for k in range(months - 1, -1, -1)) if end < now.end]
    then = [_row(looked_up(tables, at, customer_id), at) for at in (now.earlier((now.end - end).days) for end in ends)]
    today = vital(tables, now).filter(nw.col("customer_id") == customer_id)  # everybody's is there already: lists ask for it
    return pd.DataFrame([*then, _row(today, now)])


def _row(found: Frame, at: Eve) -> dict:
    rows = collect(found).to_dict("records")
    return {"end": at.end, **dict.fromkeys(ROW), **(rows[0] if rows else {})}


def log(course: pd.DataFrame) -> pd.DataFrame:
    """What moved the score from one row of `course` to the next, the latest first: end, factor, old, new, row, on (metrics.vitality.moves).

    on: null where the day that a factor goes by lies ahead, like the one on which the next purchase would be late.
    """
    found = [
        {"end": now["end"], **move, "on": move["on"] if move["on"] and move["on"] < now["end"] else None}
        for before, now in itertools.pairwise(course.to_dict("records"))
        for move in moves(now, before)
    ]
    return pd.DataFrame(found[::-1], columns=["end", "factor", "old", "new", "row", "on"]).sort_values("end", ascending=False, kind="stable", ignore_index=True)


def points(course: pd.DataFrame) -> pd.DataFrame:
    """What each factor costs at the last end, the dearest first: factor, points, x, on, row; only factors with data that cost something."""
    last = course.iloc[-1]
    rows = [{"factor": kind, **{part: last[f"{part}_{kind}"] for part in ("points", "x", "on", "row")}} for kind in FACTORS]
    costs = [row for row in rows if pd.notna(row["points"]) and row["points"] > 0]
    return pd.DataFrame(sorted(costs, key=lambda row: -row["points"]), columns=["factor", "points", "x", "on", "row"])


def last_day(end: dt.date) -> dt.date:
    """The day whose evening an end stands for."""
    return end - dt.timedelta(days=1)
