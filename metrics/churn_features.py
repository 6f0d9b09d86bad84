"""What is known of a customer on a morning that may tell whether it leaves: features from nothing but what happened before that day.

No amounts (readers who may see none may see every reason), and nothing that a source overwrites without a history: no grade, no owner, no
status, no planned end of an agreement.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import narwhals as nw
import numpy as np
import pandas as pd

from metrics import nps
from metrics.churn_population import HORIZON, KEYS, asked_of, bought, past
from metrics.outreach import outreach
from metrics.purchasing import WEEK, purchasing
from metrics.query import Frame, Query, Tables, collect
from metrics.tickets import HOUR
from metrics.windows import exploded, number

YEAR, HALF, MONTH = 365, 180, 28  # days
PROMISED, DAYS_PROMISED = 72 * HOUR, 3  # from the signing to the first follow-up, in seconds and days
NUMBERS = {  # feature → 1: more of it never lowers the risk, −1: never raises it, 0: whichever way the data say
    "silence": 1, "rhythm": 1, "pace": -1, "expected": -1, "tenure": 0, "anniversary": 0, "agreements": -1, "contact": 0, "complaints": 1, "requests": 0,
    "use": -1, "satisfaction": -1, "recommends": -1, "failed": 1, "missed": 1,
}  # fmt: skip
ONLY = {"expected": "buyer", "anniversary": "contract", "agreements": "contract"}  # feature → the population that it is for
KINDS = ("kind", "industry", "region", "size", "channel")


def features(tables: Tables, query: Query, days: Sequence[int], among: Frame) -> pd.DataFrame:
    """One row per morning and customer asked about (`asked_of`), with population and, each null where it is not known:

    silence       days since the last purchase
    rhythm        silence ÷ the customer's own mean gap, from three days of purchase on
    pace          log of days of purchase of the last 90 days against the 90 before, one added to each
    expected      buyers: purchases to be expected in the next 90 days (metrics.purchasing)
    tenure        days since the signing, else the first contact, else the first agreement or purchase
    anniversary   days until the youngest agreement has run for another whole year
    agreements    that run
    contact       days since we last spoke; 365 where that is longer ago
    complaints    opened in the last 180 days; requests: other tickets of the last 90
    use           log of uses of the last 28 days on record against the 28 before, one added to each
    satisfaction  mean position, 0 to 1, of the answers of the last 180 days on their scales, but for "would you recommend us"
    recommends    the same of that question
    failed        payments that failed in the last 90 days
    missed        1: nobody spoke with the customer within 72 hours of the signing; 0: somebody did
    kind, industry, region, size, channel
    """
    rows = collect(asked_of(tables, query, days, among))
    for table, of in PARTS.items():
        part = collect(of(tables, query, days, among))
        rows = rows.merge(part[part["at_d"].isin(_reached(tables, table, days))], on=list(KEYS), how="left")
    kinds = collect(tables["accounts"].join(among, on="customer_id", how="semi").select("customer_id", *KINDS))
    rows = rows.merge(kinds, on="customer_id", how="left").sort_values(list(KEYS), ignore_index=True)
    rows = rows.astype({c: "float64" for c in rows.columns if c not in (*KEYS, "population", *KINDS)})
    return _finished(_nothing(rows, tables, days), tables, days)


def _reached(tables: Tables, table: str, days: Sequence[int]) -> list[int]:
    """The mornings on which a table had had facts for 90 days. Agreements and signings are known wherever there are any."""
    if table in ("recurring", "accounts"):
        return list(days)
    first = collect(tables["coverage"].filter(nw.col("table") == table).select("first_on_d"))["first_on_d"]
    return [day for day in days if len(first) and first.iloc[0] <= day - HORIZON]


def _count(flag: nw.Expr) -> nw.Expr:
    return number(flag).sum()


AT, DAY = nw.col("at_d"), nw.col("day_d")


def _trade(tables: Tables, query: Query, days: Sequence[int], among: Frame) -> Frame:
    now, before = DAY >= AT - HORIZON, (DAY >= AT - 2 * HORIZON) & (DAY < AT - HORIZON)
    return past(bought(tables), tables, days, among).group_by(*KEYS).agg(
        first_d=DAY.min(), last_d=DAY.max(), days=nw.len(), orders_now=_count(now), orders_before=_count(before)
    )  # fmt: skip


def _agreed(tables: Tables, query: Query, days: Sequence[int], among: Frame) -> Frame:
    """Where an agreement that runs is to end is not looked at: sources write that when a customer gives notice, and keep no day of it."""
    runs = nw.col("to_on_d").is_null() | (nw.col("to_on_d") > AT)
    begun = past(tables["recurring"].with_columns(day_d="from_on_d"), tables, days, among)
    return begun.group_by(*KEYS).agg(agreed_d=DAY.min(), youngest_d=nw.when(runs).then(DAY).max(), agreements=_count(runs))


def _signed(tables: Tables, query: Query, days: Sequence[int], among: Frame) -> Frame:
    """Days on which it began; and whether somebody spoke with the customer within 72 hours of a signing since interactions are on record."""
    signed = tables["accounts"].join(among, on="customer_id", how="semi").select("customer_id", "signed_on_d", "signed_at_s", "first_contact_on_d")
    spoken = outreach(tables).select("customer_id", "happened_at_s")
    spoken = spoken.join(signed, on="customer_id", how="inner").with_columns(waited=nw.col("happened_at_s") - nw.col("signed_at_s"))
    kept = spoken.filter(nw.col("waited") >= 0, nw.col("waited") <= PROMISED).select("customer_id").unique().with_columns(kept=nw.lit(1))
    known = tables["coverage"].filter(nw.col("table") == "interactions").select(known_d=nw.col("first_on_d").min())
    rows = exploded(signed.join(kept, on="customer_id", how="left").join(known, how="cross"), tables, list(days), "at_d")
    is_over = (nw.col("signed_on_d") >= nw.col("known_d")) & (nw.col("signed_on_d") + DAYS_PROMISED < AT)  # what comes within the 72 hours lies before
    missed = nw.when(is_over).then(1 - nw.col("kept").fill_null(0))
    began = {name: nw.when(nw.col(day) < AT).then(nw.col(day)) for name, day in (("signed_d", "signed_on_d"), ("met_d", "first_contact_on_d"))}
    return rows.select(*KEYS, **began, missed=missed)


def _spoken(tables: Tables, query: Query, days: Sequence[int], among: Frame) -> Frame:
    spoken = tables["interactions"].select("customer_id", day_d="happened_on_d")
    return past(spoken, tables, days, among, YEAR).group_by(*KEYS).agg(contact=(AT - DAY).min())


def _asked_for_help(tables: Tables, query: Query, days: Sequence[int], among: Frame) -> Frame:
    opened = past(tables["tickets"].select("customer_id", "kind", day_d="opened_on_d"), tables, days, among, HALF)
    is_complaint = nw.col("kind") == "complaint"
    return opened.group_by(*KEYS).agg(complaints=_count(is_complaint), requests=_count(~is_complaint & (DAY >= AT - HORIZON)))


def _used(tables: Tables, query: Query, days: Sequence[int], among: Frame) -> Frame:
    """The four weeks end with the last day on record before the morning: usage may come late."""
    size, every = nw.col("count").cast(nw.Float64), exploded(tables["usage"].select("day_d").unique(), tables, list(days), "at_d")
    last = every.filter(DAY < AT).group_by("at_d").agg(last_d=DAY.max())
    used = past(tables["usage"].select("customer_id", "count", "day_d"), tables, days, among, 3 * MONTH).join(last, on="at_d", how="inner")
    age = nw.col("last_d") - DAY
    now, before = (nw.when(flag).then(size).otherwise(nw.lit(0.0)).sum() for flag in (age < MONTH, (age >= MONTH) & (age < 2 * MONTH)))
    return used.group_by(*KEYS).agg(use_now=now, use_before=before)


def _answered(tables: Tables, query: Query, days: Sequence[int], among: Frame) -> Frame:
    """All of them: which is the last of a wave is known later only."""
    given = tables["scores"].filter(
        ~nw.col("customer_id").is_null(), ~nw.col("is_blank"), ~nw.col("is_refused"), ~nw.col("is_anonymous"), nw.col("scale_max") > nw.col("scale_min")
    )
    place = (nw.col("score") - nw.col("scale_min")) / (nw.col("scale_max") - nw.col("scale_min"))
    is_recommending = nw.col("dimension").str.to_lowercase() == nps.dimension(query)
    told = given.select(
        "customer_id", day_d="answered_on_d", other=nw.when(~is_recommending).then(place), recommending=nw.when(is_recommending).then(place)
    )  # fmt: skip
    return past(told, tables, days, among, HALF).group_by(*KEYS).agg(satisfaction=nw.col("other").mean(), recommends=nw.col("recommending").mean())


def _paid(tables: Tables, query: Query, days: Sequence[int], among: Frame) -> Frame:
    paid = past(tables["payments"].select("customer_id", "is_failed", day_d="paid_on_d"), tables, days, among, HORIZON)
    return paid.group_by(*KEYS).agg(failed=_count(nw.col("is_failed")))


PARTS: dict[str, Callable[[Tables, Query, Sequence[int], Frame], Frame]] = {
    "invoices": _trade, "recurring": _agreed, "accounts": _signed, "interactions": _spoken, "tickets": _asked_for_help, "usage": _used,
    "answers": _answered, "payments": _paid,
}  # fmt: skip
NOTHING = {"interactions": {"contact": YEAR}, "tickets": {"complaints": 0, "requests": 0}, "payments": {"failed": 0}}  # what no row means, once on record


def _nothing(rows: pd.DataFrame, tables: Tables, days: Sequence[int]) -> pd.DataFrame:
    for table, values in NOTHING.items():
        is_known = rows["at_d"].isin(_reached(tables, table, days))
        rows = rows.assign(**{name: rows[name].mask(rows[name].isna() & is_known, value) for name, value in values.items()})
    return rows


def _finished(rows: pd.DataFrame, tables: Tables, days: Sequence[int]) -> pd.DataFrame:
    """Sums as the features they make."""
    gap = (rows["last_d"] - rows["first_d"]) / (rows["days"] - 1).where(rows["days"] > 2)
    began = rows["signed_d"].fillna(rows["met_d"]).fillna(rows["agreed_d"]).fillna(rows["first_d"])
    made = {
        "rhythm": rows["silence"] / gap.where(gap > 0), "pace": _log_ratio(rows, "orders_now", "orders_before"), "tenure": rows["at_d"] - began,
        "anniversary": YEAR - (rows["at_d"] - rows["youngest_d"]) % YEAR, "use": _log_ratio(rows, "use_now", "use_before"), "expected": np.nan,
    }  # fmt: skip
    rows = rows.assign(**made)
    rows["expected"] = _expected(rows, tables, days)
    for name, population in ONLY.items():
        rows[name] = rows[name].where(rows["population"] == population)
    return rows[[*KEYS, "population", *NUMBERS, *KINDS]]


def _log_ratio(rows: pd.DataFrame, now: str, before: str) -> pd.Series:
    return np.log1p(rows[now]) - np.log1p(rows[before])


def _expected(rows: pd.DataFrame, tables: Tables, days: Sequence[int]) -> pd.Series:
    """Of buyers. The model is fitted to everybody who had bought without an agreement by then, on every morning anew."""
    found = rows["expected"].copy()
    for day in days:
        theirs = rows[(rows["at_d"] == day) & (rows["population"] == "buyer") & rows["days"].notna()]
        model = purchasing(_told(_buyers(tables, day))) if len(theirs) else None
        if model is not None:
            told = _told(theirs)
            found[theirs.index] = model.expected(told["repeats"], told["last"], told["age"], HORIZON / WEEK)
    return found.where(np.isfinite(found))


def _buyers(tables: Tables, day: int) -> pd.DataFrame:
    agreed = tables["episodes"].filter(nw.col("from_on_d") < day).select("customer_id").unique()
    every = tables["accounts"].join(agreed, on="customer_id", how="anti").select("customer_id")
    return collect(_trade(tables, None, [day], every).sort("customer_id").select("at_d", "first_d", "last_d", "days"))


def _told(trade: pd.DataFrame) -> pd.DataFrame:
    """Of each customer repeats, last and age, as the model of purchases takes them."""
    sums = trade[["days", "first_d", "last_d", "at_d"]].astype("float64")
    weeks = {"last": (sums["last_d"] - sums["first_d"]) / WEEK, "age": (sums["at_d"] - sums["first_d"]) / WEEK}
    return pd.DataFrame({"repeats": sums["days"] - 1, **weeks})
