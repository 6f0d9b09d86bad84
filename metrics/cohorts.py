"""Cohorts: of the customers who began together, how many are still active one, two, three … periods later."""

from __future__ import annotations

import datetime as dt

import narwhals as nw
import numpy as np
import pandas as pd

from metrics.metric import Metric
from metrics.period import MONTHS, Period, day_number, month_number
from metrics.query import Frame, Query, QuestionError, Tables, aggregate, bucketed, named, segmented
from metrics.recurring import basis
from metrics.result import Answer, answer
from metrics.stats import share_se, wilson
from metrics.windows import number

MODES = ("on", "on_or_after", "on_or_before")
CLOCKS = ("calendar", "rolling")
AVERAGES = ("pooled", "simple")
BASES = ("auto", "purchases", "recurring", "first_contact")


def cohorts(tables: Tables, query: Query) -> Answer:
    """Share of each cohort that was active k periods after its beginning.

    A cohort are the customers whose first purchase (basis "purchases"), first agreement ("recurring") or first contact
    ("first_contact") lies in the same step of the period; grain is the step (month unless the question names another).
    Active at age k: bought in it, or ("recurring") had recurring value at its last instant.
    mode "on": in that period; "on_or_after": then or later (provisional until everybody left); "on_or_before": at some age from 1 to k.
    clock "calendar": ages are calendar periods; "rolling": counted from each customer's own first day.
    cohort: the first day of one cohort, to have it alone.
    average "pooled" (customers of all cohorts together) or "simple" (mean of the cohorts): the row with cohort null.

    Returns one row per (cohort, age, segment):
        cohort      date   first day of the cohort's period; null: the average over cohorts
        age         int    whole periods since the beginning, from 0
        value       float  share 0 to 1; null where the cell is not observed (never 0)
        n           int    customers who have reached this age: the denominator; numerator those active
        low, high   float  Wilson 95 %
        cell        text   "observed", "in_progress" (the period still runs), "not_observable" (not begun)
        size        int    customers of the cohort; so_far  int, those already active in a running cell
    Read it so: 0.30 at age 3 means 30 of 100 new customers were active in the third period after.
    """
    chosen = replace_grain(query)
    kind, origin, active = _sources(tables, chosen)
    ages = _ages(_started(tables, chosen, origin), active, chosen)
    begun, seen = _sizes(ages, chosen), _activity(ages, chosen)
    rows = _triangle(begun, seen, chosen)
    rows = pd.concat([rows, _average(rows, chosen)], ignore_index=True) if len(rows) else rows
    rows["cohort"] = rows["cohort"].astype(object).where(rows["cohort"].notna(), None)
    notes = {"basis": kind, "mode": chosen.options["mode"], "clock": chosen.options["clock"], "average": chosen.options["average"]}
    flat = Query(query.period, None, query.by, query.where, query.options, query.settings)
    return answer(rows, flat, keys=("cohort", "age", *query.by), extra=("cell", "size", "so_far"), notes=notes)


def replace_grain(query: Query) -> Query:
    """The question with a grain (month by default), its options checked. Raises QuestionError naming what there is."""
    for name, known in (("mode", MODES), ("clock", CLOCKS), ("average", AVERAGES), ("basis", BASES)):
        if query.options[name] not in known:
            raise QuestionError(f"no {name} {query.options[name]!r}; there are {', '.join(known)}")
    return _one_cohort(Query(query.period, query.grain or "month", query.by, query.where, query.options, query.settings))


def _sources(tables: Tables, query: Query) -> tuple[str, Frame, Frame]:
    """The basis; each customer's first day (`begun_on`); and the days on which they were active (`active_on`)."""
    kind = query.options["basis"]
    kind = basis(tables, query) if kind in ("auto", "purchases", "recurring") else kind
    bought = tables["purchases"].filter(nw.col("orders") > 0)
    if has_days(kind):
        days = bought.select("customer_id", active_on="purchased_on", active_on_d="purchased_on_d", active_on_m="purchased_on_m")
        return kind, _first(days), days
    _only_calendar_months(kind, query)
    held = tables["customer_months"].filter((nw.col("recurring") > 0) & _closes_a_step(query) if kind == "recurring" else nw.col("is_active"))
    days = held.select("customer_id", active_on="month", active_on_d="month_d", active_on_m="month_m")
    if kind == "recurring":
        stays = tables["episodes"].select("customer_id", active_on="from_on", active_on_d="from_on_d", active_on_m="from_on_m")
        return kind, _first(stays), days
    contact = tables["accounts"].filter(~nw.col("first_contact_on").is_null())
    begun = {f"begun_on{part}": f"first_contact_on{part}" for part in ("", "_d", "_m")}
    return kind, contact.select("customer_id", **begun), days


def has_days(kind: str) -> bool:
    """Whether what makes a customer of this basis active has a day: then there are weeks and clocks of one's own. All else is looked at at month ends."""
    return kind == "purchases"


def _only_calendar_months(kind: str, query: Query) -> None:
    if query.grain not in MONTHS or query.options["clock"] != "calendar":
        raise QuestionError(f"cohorts by {kind} are counted at month ends: take clock calendar and grain month, quarter or year, or basis purchases")


def _closes_a_step(query: Query) -> nw.Expr:
    """Whether a month is the last of its step: recurring value is looked at there."""
    size = MONTHS[query.grain]
    return (nw.col("month_m") - query.period.shift(query.grain)) % size == size - 1


def _first(days: Frame) -> Frame:
    columns = {f"begun_on{part}": nw.col(f"active_on{part}").min() for part in ("", "_d", "_m")}
    return days.group_by("customer_id").agg(**columns)


def _started(tables: Tables, query: Query, origin: Frame) -> Frame:
    """Customers who began in the period, with their cohort's number."""
    days = (nw.col("begun_on_d") >= day_number(query.period.start)) & (nw.col("begun_on_d") < day_number(query.period.end))
    begun = bucketed(segmented(origin.filter(days), tables, query), "begun_on", query)
    return begun.select("customer_id", "begun_on", "begun_on_d", "begun_on_m", *(c for c in query.by if c != "customer_id"), cohort="bucket")


def _ages(begun: Frame, active: Frame, query: Query) -> Frame:
    """One row per customer and age at which they were active (age null: never).

    reached: how many ages are over at the first day not loaded; entered: the last age that has begun.
    """
    as_of, last = query.period.as_of, query.period.as_of - dt.timedelta(days=1)
    rows = begun.join(active.filter(nw.col("active_on") < nw.lit(as_of)), on="customer_id", how="left")
    if query.options["clock"] == "calendar":
        rows = bucketed(rows, "active_on", query)
        number_of = query.period.bucket_number
        reached, entered = (nw.lit(number_of(day, query.grain)) - nw.col("cohort") for day in (as_of, last))
        return rows.with_columns(age=nw.col("bucket") - nw.col("cohort"), reached=reached, entered=entered)
    return rows.with_columns(age=_elapsed(query, "active_on"), reached=_elapsed(query, as_of), entered=_elapsed(query, last))


def _elapsed(query: Query, until: str | dt.date) -> nw.Expr:
    """Whole steps from a customer's first day: anniversaries for months and longer, 7 × 24 h for weeks."""
    fixed = isinstance(until, dt.date)
    if query.grain in MONTHS:
        month, day = (nw.lit(month_number(until)), nw.lit(until.day)) if fixed else (nw.col(f"{until}_m"), nw.col(until).dt.day())
        return (month - nw.col("begun_on_m") - number(day < nw.col("begun_on").dt.day())) // MONTHS[query.grain]
    length = 7 if query.grain == "week" else 1
    return ((nw.lit(day_number(until)) if fixed else nw.col(f"{until}_d")) - nw.col("begun_on_d")) // length


def _sizes(ages: Frame, query: Query) -> pd.DataFrame:
    """Customers by cohort and by how many ages they have completed."""
    customers = ages.group_by(*dict.fromkeys(("customer_id", "cohort", *query.by))).agg(nw.col("reached", "entered").max())
    return aggregate(customers, ["cohort", "reached", "entered", *query.by], size=nw.len())


def _activity(ages: Frame, query: Query) -> pd.DataFrame:
    """Customers by cohort, completed ages and the age that counts: each age they were active at, or their last, or their first."""
    keys = list(dict.fromkeys(("customer_id", "cohort", "reached", *query.by)))
    rows = ages.filter(nw.col("age") >= (1 if query.options["mode"] == "on_or_before" else 0))
    picked = {"on_or_after": nw.col("age").max(), "on_or_before": nw.col("age").min()}
    mode = query.options["mode"]
    distinct = rows.group_by(*keys).agg(age=picked[mode]) if mode in picked else rows.select(*keys, "age").unique()
    return aggregate(distinct, ["cohort", "reached", "age", *query.by], active=nw.len())


def _triangle(begun: pd.DataFrame, seen: pd.DataFrame, query: Query) -> pd.DataFrame:
    """All cells of all cohorts, in Python: the engine's two small tables put together."""
    period, grain, rows = query.period, query.grain, []
    newest = period.bucket_number(period.as_of - dt.timedelta(days=1), grain) if len(begun) else 0
    first = int(begun["cohort"].min()) if len(begun) else 0
    by = list(query.by)
    active = dict(list(seen.groupby(["cohort", *by], dropna=False))) if len(seen) else {}
    for key, group in begun.groupby(["cohort", *by], dropna=False) if len(begun) else ():
        cells = _cells(group, active.get(key), newest - first + 1, query.options["mode"])
        rows.append(cells.assign(cohort=period.bucket(int(key[0]), grain).start, **dict(zip(by, key[1:], strict=True))))
    if not rows:
        return pd.DataFrame(columns=["cohort", "age", *by, "value", "n", "numerator", "cell", "size", "so_far"])
    return _shares(pd.concat(rows, ignore_index=True), period, grain)


def _cells(group: pd.DataFrame, active: pd.DataFrame | None, ages: int, mode: str) -> pd.DataFrame:
    """One cohort's row of the triangle: for every age how many reached it, how many of those were active, how many so far."""
    steps = np.arange(ages)
    reached, entered, size = (group[c].to_numpy() for c in ("reached", "entered", "size"))
    over = (reached[None, :] > steps[:, None]) @ size
    begun = (entered[None, :] >= steps[:, None]) @ size
    numerator, so_far = _counted(active, steps, mode)
    return pd.DataFrame({"age": steps, "size": int(size.sum()), "n": over, "begun": begun, "numerator": numerator, "so_far": so_far})


def _counted(active: pd.DataFrame | None, steps: np.ndarray, mode: str) -> tuple[np.ndarray, np.ndarray]:
    """Active customers at each age: among those for whom the age is over, and among all."""
    if active is None:
        return np.zeros(len(steps), int), np.zeros(len(steps), int)
    age, reached, count = (active[c].to_numpy()[None, :] for c in ("age", "reached", "active"))
    k = steps[:, None]
    hit = {"on": age == k, "on_or_after": age >= k, "on_or_before": (age <= k) & (k > 0)}[mode]
    return ((hit & (reached > k)) * count).sum(axis=1), (hit * count).sum(axis=1)


def _shares(cells: pd.DataFrame, period: Period, grain: str) -> pd.DataFrame:
    """Cell states, shares and limits. A share stands only where somebody has reached the age and, by the calendar, everybody.

    By rolling ages some may have reached it while others have not: their share stands in a running cell, but a running cell is never 0 %.
    """
    finished, waiting = cells["n"] == cells["size"], cells["begun"] > 0
    cells["cell"] = np.where(finished, "observed", np.where(waiting, "in_progress", "not_observable"))
    shown = (cells["n"] > 0) & (finished | (cells["numerator"] > 0))
    cells["value"] = (cells["numerator"] / cells["n"].where(shown)).astype(float)
    cells["low"], cells["high"] = wilson(cells["numerator"].where(shown), cells["n"].where(shown))
    cells["se"] = np.where(shown, share_se(cells["numerator"], cells["n"]), np.nan)
    cells["complete"] = finished
    cells["denominator"] = cells["n"].where(shown)
    cells["numerator"] = cells["numerator"].where(shown)
    return cells


def _average(rows: pd.DataFrame, query: Query) -> pd.DataFrame:
    """The average line: by age, over the cohorts of which somebody has reached it, also where nobody of them was active."""
    by = list(query.by)
    shown = rows[rows["n"] > 0].fillna({"numerator": 0}).assign(share=lambda cells: cells["numerator"] / cells["n"])
    groups = shown.groupby(["age", *by], dropna=False)
    line = groups.agg(n=("n", "sum"), numerator=("numerator", "sum"), size=("size", "sum"), simple=("share", "mean")).reset_index()
    line["value"] = line["numerator"] / line["n"] if query.options["average"] == "pooled" else line["simple"]
    line["low"], line["high"] = wilson(line["numerator"], line["n"]) if query.options["average"] == "pooled" else (np.nan, np.nan)
    line["se"] = share_se(line["numerator"], line["n"]) if query.options["average"] == "pooled" else np.nan
    return line.assign(cohort=None, cell="observed", denominator=line["n"], so_far=line["numerator"], complete=True).drop(columns="simple")


def behind_cohorts(tables: Tables, query: Query) -> Frame:
    """The customers who began in the period, or in the cohort of option `cohort`: their first day and the last they were active on."""
    chosen = replace_grain(query)
    _, origin, active = _sources(tables, chosen)
    last = active.filter(nw.col("active_on") < nw.lit(query.period.as_of)).group_by("customer_id").agg(last_active_on=nw.col("active_on").max())
    begun = _started(tables, chosen, origin).select("customer_id", "begun_on")
    return named(begun.join(last, on="customer_id", how="left"), tables)


def _one_cohort(query: Query) -> Query:
    """The question about the one cohort that begins on the day of option `cohort`, where one is named."""
    first = query.options.get("cohort")
    if not first:
        return query
    try:
        start = dt.date.fromisoformat(first)
    except ValueError:
        raise QuestionError(f"cohort {first!r} is not a day; write the first day of its period as 2026-01-01") from None
    bucket = query.period.bucket(query.period.bucket_number(start, query.grain), query.grain)
    begun = Period(max(bucket.start, query.period.start), min(bucket.end, query.period.end), query.period.as_of, query.period.calendar)
    return query.over(begun)


def first_month_retention(tables: Tables, query: Query) -> Answer:
    """Share of new customers who were active again in the month after their first, or (agreements) still had value at its end.

    New: first purchase or first agreement in the period. Only those whose following month is over are in the denominator.
    Returns value 0 to 1; n = denominator; numerator; Wilson limits. A series is by the month (quarter, …) of the beginning.
    """
    monthly = Query(query.period, "month", query.by, query.where, {**query.options, **SHOWN}, query.settings)
    _, origin, active = _sources(tables, monthly)
    rows = _ages(_started(tables, monthly, origin), active, monthly).filter(nw.col("reached") > 1)
    rows = bucketed(rows.drop("bucket"), "begun_on", query) if query.grain else rows
    keys = ["bucket", *query.by] if query.grain else list(query.by)
    customers = rows.group_by(*dict.fromkeys(("customer_id", *keys))).agg(again=number(nw.col("age") == 1).max())
    found = aggregate(customers, keys, n=nw.len(), numerator=nw.col("again").sum())
    found["numerator"] = found["numerator"].fillna(0)
    low, high = wilson(found["numerator"], found["n"])
    return answer(found.assign(denominator=found["n"], low=low, high=high, se=share_se(found["numerator"], found["n"])), query)


SHOWN = {"mode": "on", "clock": "calendar", "average": "pooled"}
READS = ("purchases", "customer_months", "episodes", "recurring", "accounts")


def behind_first_month(tables: Tables, query: Query) -> Frame:
    """New customers whose following month is over."""
    monthly = Query(query.period, "month", query.by, query.where, {**query.options, **SHOWN}, query.settings)
    _, origin, active = _sources(tables, monthly)
    rows = _ages(_started(tables, monthly, origin), active, monthly).filter(nw.col("reached") > 1)
    return named(rows.group_by("customer_id", "begun_on").agg(again=number(nw.col("age") == 1).max()), tables)


METRICS = (
    Metric(
        "cohorts", cohorts, "Share of the customers who began together that is still active one, two, three … periods later.",
        "active at age k ÷ customers of the cohort who have reached age k", "share", READS, behind_cohorts, "higher", {"basis": "auto", **SHOWN, "cohort": ""},
    ),
    Metric(
        "first_month_retention", first_month_retention, "Share of new customers who were active again in the month after their first.",
        "active in the calendar month after the first ÷ new customers whose following month is over", "share", READS, behind_first_month, "higher",
        {"basis": "auto"},
    ),
)  # fmt: skip
