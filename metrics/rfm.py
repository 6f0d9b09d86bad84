"""Buyers by recency, frequency and money: high-value, potential or lost. A second scheme beside the grades, for shops."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import narwhals as nw
import pandas as pd

from metrics.activity import cut_of, wrongly_flagged
from metrics.metric import Metric
from metrics.period import day_number
from metrics.query import Frame, Query, QuestionError, Tables, aggregate, named, segmented
from metrics.result import Answer, answer
from metrics.rounding import percent_of
from metrics.stats import share_se, wilson

HIGH, POTENTIAL, LOST = "high_value", "potential", "lost"
TOP_FIFTHS = 8  # frequency and money scores, 1 to 5 each, that together make a high-value buyer
BUYERS, HISTORY_DAYS, QUIET_DAYS = 500, 180, 30  # under, under, over: the tiers are marked (Klaviyo's minima)


def rfm(tables: Tables, query: Query) -> Answer:
    """Everybody who ever bought up to the end of the period, in three tiers.

    purchases: purchased_on, orders, revenue. lost: silent for longer than the cut ([metrics.rfm] lost_days, else as for `activity`). high_value: not
    lost, and fifths by number of orders and by revenue (1 to 5, among all buyers) that add up to at least 8. potential: the rest.
    Returns one row per `tier`: value = share of buyers; numerator = buyers; denominator = n = all buyers; low, high Wilson;
    extra: percent (value to one decimal, adding up to 100.0);
    revenue to date, reporting currency; revenue_share; orders; is_marked = fewer than 500 buyers, less than 180 days of history, or
    nobody bought in the last 30 days: not to be relied on. Notes: buyers, history_days, quiet_days, marked_for; lost_days and wrongly_flagged (see `activity`).
    """
    if query.grain:
        raise QuestionError("rfm tiers are a state on a date: ask without a grain")
    rows = aggregate(
        segmented(_tiers(tables, query), tables, query), [*query.by, "tier"], numerator=nw.len(), orders=nw.col("orders").sum(),
        revenue=nw.col("revenue").sum(), first_d=nw.col("first_d").min(), last_d=nw.col("last_d").max(),
    )  # fmt: skip
    family = [rows[key] for key in query.by] or [pd.Series(0, rows.index)]
    rows["denominator"] = rows["numerator"].groupby(family, dropna=False).transform("sum")
    whole = rows["revenue"].groupby(family, dropna=False).transform("sum")
    rows["n"], rows["revenue_share"] = rows["denominator"], rows["revenue"] / whole.where(whole > 0)
    rows["low"], rows["high"] = wilson(rows["numerator"], rows["n"])
    rows["se"] = share_se(rows["numerator"], rows["n"])
    rows["percent"] = percent_of(rows, list(query.by), "tier")
    notes = {**_reach(rows, query), "lost_days": _cut(query), "wrongly_flagged": wrongly_flagged(tables, query, _cut(query))}
    return answer(
        rows.assign(is_marked=bool(notes["marked_for"])),
        query,
        keys=(*query.by, "tier"),
        extra=("percent", "revenue", "revenue_share", "orders", "is_marked"),
        notes=notes,
    )


def _cut(query: Query) -> int:
    return int(query.setting("rfm", "lost_days", None) or cut_of(query))


def _stop(query: Query) -> dt.date:
    return min(query.period.end, query.period.as_of)


def _reach(rows: pd.DataFrame, query: Query) -> dict:
    """How much there is to judge by, and what it falls short of."""
    last = day_number(_stop(query)) - 1
    reach = {"buyers": int(rows["numerator"].sum()), "history_days": 0, "quiet_days": 0}
    if len(rows):
        reach |= {"history_days": int(last - rows["first_d"].min() + 1), "quiet_days": int(last - rows["last_d"].max())}
    short = {"buyers": reach["buyers"] < BUYERS, "history_days": reach["history_days"] < HISTORY_DAYS, "quiet_days": reach["quiet_days"] > QUIET_DAYS}
    return {**reach, "marked_for": [name for name, missed in short.items() if missed]}


def _tiers(tables: Tables, query: Query) -> Frame:
    """One row per buyer: last_d, first_d, orders, revenue, recency_days, their fifths, and the tier."""
    bought = tables["purchases"].filter(nw.col("purchased_on") < nw.lit(_stop(query)), nw.col("orders") > 0)
    every = tables["purchases"].filter(nw.col("purchased_on") < nw.lit(_stop(query))).group_by("customer_id").agg(revenue=nw.col("revenue").sum())
    buyers = bought.group_by("customer_id").agg(
        first_d=nw.col("purchased_on_d").min(), last_d=nw.col("purchased_on_d").max(), orders=nw.col("orders").sum(), last_on=nw.col("purchased_on").max()
    )  # fmt: skip
    buyers = _fifths(_fifths(buyers.join(every, on="customer_id", how="left"), "orders"), "revenue")
    cut = _cut(query)
    buyers = buyers.with_columns(recency_days=nw.lit(day_number(_stop(query))) - nw.col("last_d"))
    top = nw.when(nw.col("orders_fifth") + nw.col("revenue_fifth") >= TOP_FIFTHS).then(nw.lit(HIGH)).otherwise(nw.lit(POTENTIAL))
    return buyers.with_columns(tier=nw.when(nw.col("recency_days") > cut).then(nw.lit(LOST)).otherwise(top))


def _fifths(buyers: Frame, column: str) -> Frame:
    """`{column}_fifth`: 1 (lowest) to 5 by rank among all buyers, ties in the middle."""
    counts = buyers.group_by(column).agg(n_=nw.len().cast(nw.Float64))
    middle = nw.col("n_").cum_sum().over(order_by=column) - nw.col("n_") / 2
    shares = counts.with_columns(below_=middle, all_=nw.col("n_").sum()).select(column, share_=nw.col("below_") / nw.col("all_"))
    fifth = nw.lit(1)
    for number in range(1, 5):
        fifth = nw.when(nw.col("share_") > number / 5).then(nw.lit(number + 1)).otherwise(fifth)
    return buyers.join(shares, on=column, how="left").with_columns(fifth.alias(f"{column}_fifth")).drop("share_")


def behind(tables: Tables, query: Query) -> Frame:
    """The buyers; a filter on `tier` chooses one."""
    return named(segmented(_tiers(tables, query), tables, replace(query, by=(), grain=None)), tables)


METRICS = (
    Metric(
        "rfm", rfm,
        definition="Everybody who ever bought, as high-value, potential or lost by how recently, how often and for how much they buy.",
        formula="lost: silent > 180 days; high-value: fifth by orders + fifth by revenue >= 8; potential: the rest; share of all buyers",
        unit="share", reads=("purchases", "accounts", "coverage"), behind=behind,
        source="minima as Klaviyo's: 500 buyers, 180 days, orders in the last 30 days",
    ),
)  # fmt: skip
