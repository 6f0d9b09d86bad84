"""Buyers without agreements: who is active, at risk, lapsed or back, by how long they have been silent; and what the cut is worth."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import narwhals as nw
import pandas as pd

from metrics.metric import Metric
from metrics.period import day_number
from metrics.query import Frame, Query, Tables, aggregate, collect, named, refuse_grain, segmented
from metrics.result import Answer, answer
from metrics.rounding import percent_of
from metrics.stats import share_se, wilson
from metrics.windows import exploded, number

CUT_DAYS = 180  # until the company's own past says otherwise: `[metrics.activity] cut_days`
WARNING = 0.5  # at risk from this share of the cut on
CANDIDATES = (30, 60, 90, 120, 180, 270, 365)  # days
YEAR_DAYS = 365  # what a customer brings is told by its last year
STATES = ("active", "reactivated", "at_risk", "lapsed")


def activity(tables: Tables, query: Query) -> Answer:
    """Where the customers who ever bought stand at the period's end, by days since their last purchase.

    lapsed: silent for more than the cut; at_risk: for more than half of it; reactivated: bought in the period after a silence longer
    than the cut; active: the others. cut_days: option, else `[metrics.activity] cut_days`, else 180.

    Returns one row per segment and state: value = share of all who ever bought; n = denominator: all of them; numerator:
    customers in the state; Wilson limits; extra: percent (value to one decimal, adding up to 100.0), revenue: what they
    brought in the year before. Notes: cut_days, and, measured on the company's own past, `wrongly_flagged`:
    the share of returners that this cut would have called lost (null without enough past).
    """
    refuse_grain(query, "states are those of the period's end: leave out the grain")
    cut = cut_of(query)
    found = aggregate(_states(tables, query, cut), ["status", *query.by], numerator=nw.len(), revenue=nw.col("revenue").sum())
    rows = _every_state(found, list(query.by))
    low, high = wilson(rows["numerator"], rows["n"])
    rows = rows.assign(denominator=rows["n"], low=low, high=high, se=share_se(rows["numerator"], rows["n"]), status=rows["status"].astype(str))
    notes = {"cut_days": cut, "at_risk_days": int(cut * WARNING), "wrongly_flagged": wrongly_flagged(tables, query, cut)}
    rows["percent"] = percent_of(rows, list(query.by), "status")
    return answer(rows, _flat(query), keys=(*query.by, "status"), extra=("percent", "revenue"), notes=notes)


def wrongly_flagged(tables: Tables, query: Query, cut: int) -> float | None:
    """Of everybody who came back in the company's own past, the share that this cut would have called lost; None without returners or past."""
    measured = _judged(tables, replace(query, by=()), (cut,))
    return None if measured.empty or pd.isna(measured["wrongly_flagged"].iloc[0]) else float(measured["wrongly_flagged"].iloc[0])


def cut_of(query: Query) -> int:
    """Days of silence after which a customer without agreement counts as lost: one definition for every number that says "lost"."""
    return int(query.options.get("cut_days") or query.setting("activity", "cut_days", CUT_DAYS))


def _flat(query: Query) -> Query:
    return Query(query.period, None, query.by, query.where, query.options, query.settings)


def _every_state(found: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Four rows per segment, with the segment's size in n; a state nobody is in is a true 0."""
    groups = found[by].drop_duplicates() if by else pd.DataFrame(index=[0] if len(found) else [])
    every = groups.merge(pd.DataFrame({"status": STATES}), how="cross")
    rows = every.merge(found, on=["status", *by], how="left").fillna({"numerator": 0, "revenue": 0.0})
    rows["n"] = rows.groupby(by, dropna=False)["numerator"].transform("sum") if by else rows["numerator"].sum()
    return rows


def _states(tables: Tables, query: Query, cut: int) -> Frame:
    """One row per customer who ever bought: silence (days), status, revenue of the year before the period's end."""
    seen = query.period.to_date()
    start, end = day_number(seen.start), day_number(seen.end)
    bought = tables["purchases"].filter(nw.col("purchased_on_d") < end)
    orders = bought.filter(nw.col("orders") > 0).with_columns(
        before_d=nw.col("purchased_on_d").shift(1).over("customer_id", order_by="purchased_on_d")
    )  # fmt: skip
    returned = (nw.col("purchased_on_d") >= start) & (nw.col("purchased_on_d") - nw.col("before_d") > cut)
    last = orders.group_by("customer_id").agg(last_d=nw.col("purchased_on_d").max(), returned=number(returned).max())
    rows = last.join(year_revenue(tables, end), on="customer_id", how="left")
    rows = rows.with_columns(silence=nw.lit(end) - nw.col("last_d"), revenue=nw.col("revenue").fill_null(0.0))
    status = nw.when(nw.col("silence") > cut).then(nw.lit("lapsed")).when(nw.col("returned") == 1).then(nw.lit("reactivated"))
    status = status.when(nw.col("silence") > int(cut * WARNING)).then(nw.lit("at_risk")).otherwise(nw.lit("active"))
    return segmented(rows.with_columns(status=status), tables, query)


def year_revenue(tables: Tables, end_d: int) -> Frame:
    """What each customer brought in the year before a day: customer_id, revenue (reporting currency, net of credit notes)."""
    year = tables["purchases"].filter(nw.col("purchased_on_d") < end_d, nw.col("purchased_on_d") >= end_d - YEAR_DAYS)
    return year.group_by("customer_id").agg(revenue=nw.col("revenue").sum())


def behind_activity(tables: Tables, query: Query) -> Frame:
    """Every customer who ever bought, with their silence and state."""
    return named(_states(tables, query, cut_of(query)).select("customer_id", "status", "silence", "revenue"), tables)


def silence_cuts(tables: Tables, query: Query) -> Answer:
    """What each candidate for the silence cut would have done in the company's own past.

    Judged at the day as long before the period's end as the judging takes (option judge_days, default half of the recorded past, at most 365
    days): who was silent for longer than the cut then, and who bought again afterwards.

    Returns one row per cut (days): value = share of those flagged that really was lost; flagged_share: flagged ÷ all buyers;
    wrongly_flagged: share of all returners that was flagged; n = denominator: flagged; numerator: of them lost; Wilson limits.
    no_data: nobody was flagged, or the past is shorter than the cut. Read it so: take the smallest cut whose wrong flags you can bear.
    """
    refuse_grain(query, "cuts are judged once, at the period's end: leave out the grain")
    rows = _judged(tables, query, CANDIDATES)
    low, high = wilson(rows["numerator"], rows["n"])
    rows = rows.assign(denominator=rows["n"], low=low, high=high, se=share_se(rows["numerator"], rows["n"]))
    notes = {"chosen": cut_of(query), **({"judged_on": str(rows["judged_on"].iloc[0])} if len(rows) else {})}
    return answer(rows, _flat(query), keys=(*query.by, "cut_days"), extra=("flagged_share", "wrongly_flagged", "buyers"), notes=notes)


def _judged(tables: Tables, query: Query, cuts: tuple[int, ...]) -> pd.DataFrame:
    """Confusion counts of each cut at the judging day; no rows without a past."""
    columns = [*query.by, "cut_days", "n", "numerator", "flagged_share", "wrongly_flagged", "buyers", "judged_on"]
    day = _judging_day(tables, query)
    if day is None:
        return pd.DataFrame(columns=columns)
    found = aggregate(
        _flags(tables, query, cuts, day), ["cut_days", *query.by], buyers=nw.len(), n=nw.col("flagged").sum(), returners=nw.col("again").sum(),
        wrong=(nw.col("flagged") * nw.col("again")).sum(),
    )  # fmt: skip
    found["numerator"] = found["n"] - found["wrong"]
    found["flagged_share"] = found["n"] / found["buyers"]
    found["wrongly_flagged"] = found["wrong"] / found["returners"].where(found["returners"] > 0)
    return found.assign(judged_on=day)[columns].sort_values("cut_days")


def _judging_day(tables: Tables, query: Query) -> dt.date | None:
    reach = collect(tables["coverage"].filter(nw.col("table") == "invoices").select("first_on"))
    end = query.period.to_date().end
    past = (end - reach["first_on"].iloc[0]).days if len(reach) else 0
    length = int(query.options.get("judge_days") or min(365, past // 2))
    return end - dt.timedelta(days=length) if past > length > 0 else None


def _flags(tables: Tables, query: Query, cuts: tuple[int, ...], day: dt.date) -> Frame:
    """One row per cut and customer who had bought by the judging day: flagged (silent for longer), again (bought afterwards)."""
    at, end = day_number(day), day_number(query.period.to_date().end)
    bought = tables["purchases"].filter(nw.col("orders") > 0, nw.col("purchased_on_d") < end)
    before = nw.col("purchased_on_d") < at
    last = nw.when(before).then(nw.col("purchased_on_d")).otherwise(nw.lit(-1)).max()
    customers = bought.group_by("customer_id").agg(last_d=last, again=number(~before).max()).filter(nw.col("last_d") >= 0)
    rows = exploded(segmented(customers, tables, query), tables, list(cuts), "cut_days")
    return rows.with_columns(flagged=number(nw.lit(at) - nw.col("last_d") > nw.col("cut_days")))


READS = ("purchases", "coverage", "accounts")
METRICS = (
    Metric(
        "activity", activity, "Share of everybody who ever bought that is active, at risk, lapsed or back, by days of silence.",
        "silence > cut: lapsed; > cut ÷ 2: at risk; bought again after a silence > cut: reactivated; else active", "share", READS, behind_activity,
        None, {"cut_days": 0, "judge_days": 0},
    ),
    Metric(
        "silence_cuts", silence_cuts, "Share of the customers called lost that really was lost, for each candidate cut, in the company's own past.",
        "flagged and never back ÷ flagged", "share", READS, behind_activity, "higher", {"cut_days": 0, "judge_days": 0},
    ),
)  # fmt: skip
