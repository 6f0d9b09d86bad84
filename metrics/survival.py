"""Survival: how long customers stay, counting fairly those who are still here and those who came before the records begin."""

from __future__ import annotations

import datetime as dt

import narwhals as nw
import numpy as np
import pandas as pd
from statsmodels.duration.survfunc import SurvfuncRight, survdiff

from metrics.activity import cut_of, wrongly_flagged
from metrics.metric import Metric
from metrics.period import day_number
from metrics.query import Frame, Query, QuestionError, Tables, collect, named, refuse_grain, segmented
from metrics.recurring import basis
from metrics.result import Answer, answer
from metrics.retention import first_recorded
from metrics.stats import Z95
from metrics.windows import number

MONTH_DAYS = 365.25 / 12


def kaplan_meier(time, event, entry=None) -> pd.DataFrame:
    """The product-limit estimate: one row per time at which something happened.

    time: duration; event: 1 left, 0 still there (censored); entry: duration at which the customer came under observation.
    Returns time, at_risk, events, survival, se, low, high (95 % on the log-log scale, which stays within 0 and 1).
    Source: Kaplan & Meier 1958, JASA 53 457-481; Kalbfleisch & Prentice for the limits.
    """
    fitted = SurvfuncRight(np.asarray(time, float), np.asarray(event, int), entry=None if entry is None else np.asarray(entry, float))
    survival, se = fitted.surv_prob, fitted.surv_prob_se
    with np.errstate(divide="ignore", invalid="ignore"):
        width = Z95 * se / (survival * np.abs(np.log(survival)))
        low, high = survival ** np.exp(width), survival ** np.exp(-width)
    certain = ~np.isfinite(width)
    low, high = (np.where(certain, survival, limit) for limit in (low, high))
    table = {"time": fitted.surv_times, "at_risk": fitted.n_risk, "events": fitted.n_events, "survival": survival, "se": se, "low": low, "high": high}
    return pd.DataFrame(table)


def log_rank(time, event, group, entry=None) -> tuple[float, float]:
    """χ² and p of "all groups leave at the same rate". Source: Mantel 1966; equals R's survdiff."""
    entry = None if entry is None else np.asarray(entry, float)
    chi2, p = survdiff(np.asarray(time, float), np.asarray(event, int), np.asarray(group), entry=entry)
    return float(chi2), float(p)


def survival(tables: Tables, query: Query) -> Answer:
    """Share of customers still there, by months since they began (Kaplan–Meier).

    basis "recurring": a stay is unbroken recurring value. basis "purchases": a stay ends with the last purchase once silence exceeds
    the cut (option cut_days, else as for `activity`); notes then tell the cut and its wrongly flagged share. Only what happened in
    the period is looked at: customers who began before it (or before the records begin) enter at the tenure they had then (left
    truncation), customers still there at its end are censored.

    Returns one row per segment and age in whole months, from 0:
        value 0 to 1; low, high 95 % log-log; n = at_risk: customers observed at that age; numerator = events in the month before
        median: months until half have left, null if that was not seen
    notes: log-rank χ² and p where there are segments. Option most: how many segments to keep, the largest (0: all).
    """
    refuse_grain(query, "a survival curve runs over the age of customers: leave out the grain, and let the period say when they are looked at")
    stays = collect(_durations(tables, query))
    by = list(query.by)
    stays, left_out = _largest(stays[stays["months"] > stays["entry"]], by, int(query.options["most"]))
    groups = stays.groupby(by, dropna=False) if by else [((), stays)]
    curves = [_curve(group).assign(**dict(zip(by, np.atleast_1d(key), strict=True))) for key, group in groups if len(group)]
    rows = pd.concat(curves, ignore_index=True) if curves else pd.DataFrame(columns=["age", *by, "value", "median"])
    flat = Query(query.period, None, query.by, query.where, query.options, query.settings)
    notes = {"basis": basis(tables, query), "left_out": left_out, **_tested(stays, by)}
    if notes["basis"] == "purchases":
        notes |= {"cut_days": cut_of(query), "wrongly_flagged": wrongly_flagged(tables, query, cut_of(query))}
    return answer(rows, flat, keys=(*query.by, "age"), extra=("median",), notes=notes)


def _largest(stays: pd.DataFrame, by: list[str], most: int) -> tuple[pd.DataFrame, int]:
    """The stays of the `most` largest segments (0: of all), and how many segments were left out."""
    if not by or not most:
        return stays, 0
    sizes = stays.groupby(by, dropna=False).ngroup()
    kept = sizes.value_counts().index[:most]
    return stays[sizes.isin(kept)], max(sizes.nunique() - most, 0)


def _curve(stays: pd.DataFrame) -> pd.DataFrame:
    """The curve read at whole months, with the customers under observation there."""
    table = kaplan_meier(stays["months"], stays["left"], stays["entry"])
    ages = np.arange(int(stays["months"].max()) + 1)
    begun = pd.DataFrame([{"time": -1.0, "survival": 1.0, "low": 1.0, "high": 1.0, "se": 0.0}])
    steps = pd.concat([begun, table], ignore_index=True)
    read = steps.iloc[np.searchsorted(steps["time"], ages, side="right") - 1].reset_index(drop=True)
    at_risk = ((stays["entry"].to_numpy()[None, :] <= ages[:, None]) & (stays["months"].to_numpy()[None, :] >= ages[:, None])).sum(axis=1)
    events = np.histogram(stays.loc[stays["left"] == 1, "months"], bins=np.append(ages - 1e-9, np.inf))[0]
    halved = table.loc[table["survival"] <= 0.5 + 1e-12, "time"]
    rows = read[["low", "high", "se"]].assign(age=ages, value=read["survival"], n=at_risk, denominator=at_risk, numerator=np.append(0, events[:-1]))
    return rows.assign(median=halved.min() if len(halved) else np.nan)


def _tested(stays: pd.DataFrame, by: list[str]) -> dict:
    """The log-rank test over segments that have a value; nothing where there is only one."""
    known = stays.dropna(subset=by) if by else stays
    groups = known[by].astype(str).agg(" · ".join, axis=1) if by and len(known) else pd.Series(dtype=str)
    if groups.nunique() < 2 or not known["left"].any():
        return {}
    chi2, p = log_rank(known["months"], known["left"], groups.to_numpy(), known["entry"])
    return {"log_rank_chi2": round(chi2, 3), "log_rank_p": p}


def _durations(tables: Tables, query: Query) -> Frame:
    """One row per customer: months from the beginning to the end or the last day seen, left (1) or not (0), entry months."""
    kind, seen = basis(tables, query), query.period.to_date()
    from_d = day_number(max(seen.start, _observed_from(tables, kind, query)))
    until_d = day_number(seen.end)
    stays = _bought_stays(tables, query, until_d) if kind == "purchases" else _first_stays(tables)
    stays = segmented(stays, tables, query).filter(nw.col("from_d") < until_d, nw.col("to_d").is_null() | (nw.col("to_d") >= from_d))
    left = ~nw.col("to_d").is_null() & (nw.col("to_d") < until_d)
    last = nw.when(left).then(nw.col("to_d")).otherwise(nw.lit(until_d))
    late = nw.when(nw.col("from_d") < from_d).then(nw.lit(from_d) - nw.col("from_d")).otherwise(nw.lit(0))
    keys = dict.fromkeys(("customer_id", *query.by))
    return stays.with_columns(left=number(left), months=(last - nw.col("from_d")) / nw.lit(MONTH_DAYS), entry=late / nw.lit(MONTH_DAYS)).select(
        *keys, "left", "months", "entry"
    )


def _first_stays(tables: Tables) -> Frame:
    return tables["episodes"].filter(nw.col("episode") == 1).select("customer_id", from_d="from_on_d", to_d="to_on_d")


def _bought_stays(tables: Tables, query: Query, until_d: int) -> Frame:
    """First to last purchase; still there while the silence is no longer than the cut."""
    bought = tables["purchases"].filter(nw.col("orders") > 0, nw.col("purchased_on_d") < until_d)
    stays = bought.group_by("customer_id").agg(from_d=nw.col("purchased_on_d").min(), last_d=nw.col("purchased_on_d").max())
    silent = nw.lit(until_d) - nw.col("last_d") > cut_of(query)
    return stays.select("customer_id", "from_d", to_d=nw.when(silent).then(nw.col("last_d") + 1))


def _observed_from(tables: Tables, kind: str, query: Query) -> dt.date:
    """The day from which leaving would have been noticed: option observed_from, else the first departure on record (agreements) or the first invoice."""
    given = query.options["observed_from"]
    try:
        if given:
            return dt.date.fromisoformat(given)
    except ValueError:
        raise QuestionError(f"observed_from {given!r} is not a day; write it as 2024-01-31") from None
    if kind == "purchases":
        return first_recorded(tables, "invoices") or query.period.start
    ended = collect(tables["episodes"].select(first=nw.col("to_on").min()))["first"]
    return ended.iloc[0] if len(ended) and not pd.isna(ended.iloc[0]) else query.period.start


def behind_survival(tables: Tables, query: Query) -> Frame:
    """One row per customer under observation."""
    return named(_durations(tables, query).filter(nw.col("months") > nw.col("entry")), tables)


METRICS = (
    Metric(
        "survival", survival, "Share of customers still there, by months since they began.", "Kaplan–Meier, S(t) = Π (1 − leavers ÷ at risk)", "share",
        ("episodes", "purchases", "recurring", "coverage", "accounts"), behind_survival, "higher",
        {"basis": "auto", "cut_days": 0, "observed_from": "", "most": 0}, "Kaplan & Meier 1958; statsmodels",
    ),
)  # fmt: skip
