"""The past of a company as examples: at the beginning of every quarter what was known of each customer, and who was lost 90 days later."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import narwhals as nw
import numpy as np
import pandas as pd

from metrics.churn_features import KINDS, NUMBERS, features
from metrics.churn_population import HORIZON, KEYS, POPULATIONS, outcomes
from metrics.features import DRAWS, STRIDE
from metrics.period import EPOCH, Calendar, Period, day_number
from metrics.policies import FACTORS
from metrics.query import Frame, Query, Tables, collect
from metrics.signals import eve
from metrics.vitality import FULL, SIGNALS, scored

MOST_MORNINGS = 12  # quarters that are learned from
TESTED = 6  # the last of them, on which the rules are tested as well
MOST_CUSTOMERS = 10_000  # that the past is told of; more are drawn evenly
LEAST_LOST = 10  # losses in all those quarters, under which there is nothing to learn or to test
NO_HISTORY = "owner"  # the factor of the score that sources keep no days of: in the past it would tell the future
RIVALS = ("recency", "rules")
COLUMNS = ("scored_on", "customer_id", "population", "is_today", "is_lost", "lost_after", *RIVALS, "draw", *NUMBERS, *KINDS)
NUMERIC = ("is_lost", "lost_after", *RIVALS, *NUMBERS)


def history(tables: Tables, settings: Mapping) -> pd.DataFrame:
    """One row per customer asked about on a morning (metrics.churn_population): COLUMNS.

    Mornings are the first days of quarters whose 90 days are over, and today: the day after the last that is loaded (is_today, without outcome).
    recency: days since the last purchase (−1: none); rules: 100 − health score as of the morning, without the factors that have no history
    (−1: nothing known; null: before the quarters tested). draw: a number by which equals are put in an order.
    A population with fewer than LEAST_LOST losses is left out.
    """
    query = _query(tables, settings)
    days = mornings(query.period) if query else []
    if not days:
        return _typed(pd.DataFrame(columns=COLUMNS))
    numbers, everybody = [day_number(day) for day in days], tables["accounts"].select("customer_id")
    among = _drawn(tables)
    became = collect(outcomes(tables, query, numbers, among))
    if became["is_lost"].sum() < LEAST_LOST:
        return _typed(pd.DataFrame(columns=COLUMNS))
    past = features(tables, query, numbers, among).merge(became, on=list(KEYS), how="inner")
    lost = past.groupby("population")["is_lost"].sum()
    told = [name for name in POPULATIONS if lost.get(name, 0) >= LEAST_LOST]
    today = features(tables, query, [day_number(query.period.as_of)], everybody).assign(is_lost=np.nan, lost_after=np.nan)
    rows = pd.concat([past, today], ignore_index=True)
    rows = rows[rows["population"].isin(told)].reset_index(drop=True)
    scored_on = [EPOCH + dt.timedelta(days=int(day)) for day in rows["at_d"]]
    rows = rows.assign(scored_on=scored_on, is_today=rows["is_lost"].isna(), recency=rows["silence"].fillna(-1.0))
    return _typed(_ruled(rows.merge(collect(_draws(tables)), on="customer_id", how="left"), tables, query, days[-TESTED:]))


def _query(tables: Tables, settings: Mapping) -> Query | None:
    reach = collect(tables["coverage"].select("first_on", "last_on"))
    if reach.empty:
        return None
    calendar = settings.get("calendar", {})
    as_of = max(reach["last_on"]) + dt.timedelta(days=1)
    period = Period(min(reach["first_on"]), as_of, as_of, Calendar(calendar.get("fiscal_year_start", 1), calendar.get("week_start", 1)))
    return Query(period, settings=settings)


def mornings(period: Period) -> list[dt.date]:
    """First days of quarters with 90 days of facts before them, and the day 90 days later loaded."""
    whole = dt.timedelta(days=HORIZON)
    return [step.start for step in period.buckets("quarter") if step.start - whole >= period.start and step.start + whole < period.as_of][-MOST_MORNINGS:]


def _draws(tables: Tables) -> Frame:
    """A number of each customer, scattered over 0 … DRAWS − 1, the same every time."""
    ones = tables["accounts"].select("customer_id").with_columns(one=nw.lit(1))
    return ones.select("customer_id", draw=(nw.col("one").cum_sum().over(order_by="customer_id") * STRIDE) % DRAWS)


def _drawn(tables: Tables) -> Frame:
    n = int(collect(tables["accounts"].select(n=nw.len()))["n"].iloc[0])
    return _draws(tables).filter(nw.col("draw") < int(DRAWS * min(1.0, MOST_CUSTOMERS / max(n, 1)))).select("customer_id")


def _ruled(rows: pd.DataFrame, tables: Tables, query: Query, tested: list[dt.date]) -> pd.DataFrame:
    """With the rules' word on the quarters tested."""
    found = [_rules(tables, query, day).assign(scored_on=day) for day in tested]
    rows = rows.merge(pd.concat(found, ignore_index=True), on=["customer_id", "scored_on"], how="left")
    return rows.assign(rules=rows["rules"].astype("float64").mask(rows["rules"].isna() & rows["scored_on"].isin(tested), -1.0))


def _rules(tables: Tables, query: Query, day: dt.date) -> pd.DataFrame:
    """How far each customer's health score lay below 100 on that morning, also where little was known."""
    at = eve(query.over(Period(query.period.start, day, day, query.period.calendar)))
    weights = {kind: weight for kind, weight in at.policy.weights.items() if kind != NO_HISTORY and weight}
    policy = at.policy.model_copy(update={"coverage": 1e-6, "weights": weights})
    parts = [collect(SIGNALS[kind].seen(tables, at).select("customer_id", "x")).assign(kind=kind) for kind in weights]
    parts += [collect(SIGNALS[kind].fine(tables, at)).assign(kind=kind, x=FULL) for kind in weights if SIGNALS[kind].fine]
    known = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=["customer_id", "kind", "x"])
    wide = known.astype({"x": "float64"}).groupby(["customer_id", "kind"])["x"].min().unstack().reindex(columns=list(FACTORS)).add_prefix("x_").reset_index()
    found = scored(nw.from_native(wide), policy).to_native() if weights else wide.assign(score=np.nan)
    return pd.DataFrame({"customer_id": found["customer_id"], "rules": FULL - found["score"]})


def _typed(rows: pd.DataFrame) -> pd.DataFrame:
    """The columns in their types, whatever is in them, the oldest morning first."""
    made = rows.reindex(columns=COLUMNS).astype(dict.fromkeys(NUMERIC, "float64") | {"draw": "int64", "is_today": "bool"})
    made = made.assign(**{name: made[name].astype(object).where(made[name].notna(), None) for name in ("customer_id", "population", *KINDS)})
    return made.sort_values(["scored_on", "population", "customer_id"], ignore_index=True)
