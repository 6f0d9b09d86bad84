"""Signals: what is seen of a customer on a day, and whether it raises a flag. What every kind of signal shares."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import narwhals as nw

from metrics.activity import cut_of
from metrics.grading import grade_names, name_of_rank, source_rank
from metrics.period import day_number
from metrics.policies import Band, Policy, bands_of, policy
from metrics.query import Frame, Query, Tables, kept
from metrics.stays import now_s

WEEK = 7  # days
COLUMNS = {  # beside customer_id; texts, whole numbers and floats
    "kind": nw.String, "x": nw.Float64, "is_raised": nw.Boolean, "raised_on": nw.Date, "table": nw.String, "row_id": nw.String, "times": nw.Int64,
    "figure": nw.Float64, "usual": nw.Float64, "what": nw.String,
}  # fmt: skip


@dataclass(frozen=True)
class Eve:
    """The midnight for which signals are asked: only what happened before `end` is known. query: without its filters and groups."""

    query: Query
    end: dt.date
    policy: Policy

    @property
    def end_d(self) -> int:
        return day_number(self.end)

    @cached_property
    def now_s(self) -> int:
        return now_s(self.query)

    def longest(self, name: str) -> int:
        """The largest value of a threshold over all bands."""
        return max(getattr(band, name) for band in self.policy.bands)

    def earlier(self, days: int) -> Eve:
        return _eve(self.query, self.end - dt.timedelta(days=days), self.policy)


def eve(query: Query) -> Eve:
    """The end of what has happened of the question's period. Raises QuestionError with every fault of [metrics.risk]."""
    return _eve(query, query.period.to_date().end, policy(query))


def _eve(query: Query, end: dt.date, known: Policy) -> Eve:
    day = replace(query.period, start=min(query.period.start, end - dt.timedelta(days=1)), end=end, as_of=end)
    return Eve(replace(query, period=day, grain=None, by=(), where=(), options={}), end, known)


@dataclass(frozen=True)
class Signal:
    """One kind of signal.

    seen(tables, eve) → one row per customer that something is known of (COLUMNS): x, 0 to 100, is how well it stands with that
    (null: it is no factor of the score); is_raised: it raises a flag, since raised_on, because of the row `row_id` of `table`; times:
    how many rows say the same; figure, usual, what: for the words.
    fine(tables, eve) → customer_id of further customers with data, with whom all is well (x = 100). reads: tables that hold its facts,
    by their names in `coverage`; without any of them nothing is known.
    """

    kind: str
    seen: Callable[[Tables, Eve], Frame]
    reads: tuple[str, ...]
    fine: Callable[[Tables, Eve], Frame] | None = None


def shaped(frame: Frame, kind: str, table: str | nw.Expr, **columns: nw.Expr | str | float) -> Frame:
    """A signal's rows: the columns given, nothing in the others."""
    given = {"kind": nw.lit(kind), "table": table if isinstance(table, nw.Expr) else nw.lit(table), "times": nw.lit(1), **columns}
    typed = {name: _expr(given.get(name)).cast(kind_) for name, kind_ in COLUMNS.items()}
    return frame.select("customer_id", **typed)


def _expr(value) -> nw.Expr:
    return value if isinstance(value, nw.Expr) else nw.col(value) if isinstance(value, str) else nw.lit(value)


def present(tables: Tables, at: Eve) -> Frame:
    """Customers who had begun and were not lost: customer_id, owner_id, signed_on, signed_on_d, signed_at_s, tier (our name of the grade), tenure_d.

    tenure_d: days since the signing, else since the first contact; null where neither is known.
    """
    began = nw.coalesce("signed_on_d", "first_contact_on_d")
    accounts = tables["accounts"].filter((began < at.end_d) | began.is_null(), nw.col("lost_on").is_null() | (nw.col("lost_on_d") >= at.end_d))
    named = accounts.with_columns(tenure_d=at.end_d - began, rank=source_rank(at.query, "grade"))
    named = named.with_columns(tier=name_of_rank("rank", grade_names(at.query)))
    return named.select("customer_id", "owner_id", "signed_on", "signed_on_d", "signed_at_s", "tier", "tenure_d")


def limit(at: Eve, name: str) -> nw.Expr:
    """A threshold of each customer by `tier` and `tenure_d`; whose tenure is not known is in the band without end."""
    found = nw.lit(None).cast(nw.Float64)
    for grade in sorted({band.grade for band in at.policy.bands}):  # "" comes first: a grade's own bands lie over it
        for band in bands_of(at.policy, grade):
            is_theirs = _lies_in(band) & (nw.col("tier") == grade if grade else nw.lit(True))
            found = nw.when(is_theirs).then(nw.lit(float(getattr(band, name)))).otherwise(found)
    return found


def _lies_in(band: Band) -> nw.Expr:
    tenure = nw.col("tenure_d").fill_null(10**6)
    above = [tenure > band.after_days] if band.after_days is not None else []
    upto = [tenure <= band.until_days] if band.until_days is not None else []
    return nw.all_horizontal(nw.lit(True), *above, *upto, ignore_nulls=False)


def later(day: str | nw.Expr, days: nw.Expr | int) -> nw.Expr:
    """The day so many days after another one; both engines add whole numbers to days."""
    count = nw.lit(days) if isinstance(days, int) else days
    return (_expr(day) + count.cast(nw.Int32)).cast(nw.Date)


def first_of(frame: Frame, *order: str, descending: bool = False) -> Frame:
    """Of each customer's rows the first in this order, with `times`: how many there are."""
    one = frame.with_columns(_one=nw.lit(1))
    place = nw.col("_one").cum_sum(reverse=descending).over("customer_id", order_by=list(order))
    placed = one.with_columns(_place=place, times=nw.col("_one").sum().over("customer_id"))
    return placed.filter(nw.col("_place") == 1).drop("_one", "_place")


def rhythms(tables: Tables, at: Eve) -> Frame:
    """Everybody who has bought: last_on, last_d, silence (days, as in `activity`), rhythm (mean days between two days of purchase; null before
    the second), days (of purchase)."""
    bought = tables["purchases"].filter(nw.col("orders") > 0, nw.col("purchased_on_d") < at.end_d)
    day = nw.col("purchased_on_d")
    found = bought.group_by("customer_id").agg(
        last_on=nw.col("purchased_on").max(), last_d=day.max(), first_d=day.min(), days=nw.len()
    )  # fmt: skip
    gaps = nw.when(nw.col("days") > 1).then((nw.col("last_d") - nw.col("first_d")) / (nw.col("days") - 1))
    return found.with_columns(silence=at.end_d - nw.col("last_d"), rhythm=gaps)


def living(tables: Tables, at: Eve) -> Frame:
    """Present customers who are still there: with an agreement that runs, who never bought, or not silent for so long that they count as lost.

    Lost is who was silent for longer than the company's cut (`activity`) and than twice the silence that raises a flag. Adds last_on.
    Computed once for these tables.
    """
    return kept(tables, "living", at, lambda: _living(tables, at))


def _living(tables: Tables, at: Eve) -> Frame:
    running = tables["recurring"].filter(nw.col("from_on_d") < at.end_d, nw.col("to_on_d").is_null() | (nw.col("to_on_d") >= at.end_d))
    running = running.select("customer_id").unique().with_columns(runs=nw.lit(1))
    here = present(tables, at).join(rhythms(tables, at), on="customer_id", how="left").join(running, on="customer_id", how="left")
    return here.filter(nw.col("last_d").is_null() | ~nw.col("runs").is_null() | (nw.col("silence") <= gone_after(at)))


def gone_after(at: Eve) -> nw.Expr:
    """Days of silence after which a buyer is lost and no longer at risk; needs `rhythm`, `tier`, `tenure_d`."""
    return nw.max_horizontal(nw.lit(float(cut_of(at.query))), (2 * limit(at, "silence_factor") * nw.col("rhythm")).fill_null(0.0))
