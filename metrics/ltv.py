"""What a customer is worth over their stay: the average account's value a month, divided by the chance to leave each month."""

from __future__ import annotations

import numpy as np
import pandas as pd

from metrics.arpu import behind_paying, log_limits, mean_se
from metrics.metric import Metric
from metrics.period import add_months, month_number
from metrics.query import Query, Tables
from metrics.recurring import sums
from metrics.result import Answer, answer
from metrics.retention import RECURRING
from metrics.windows import Window, windows

MONTHS = 6  # of churn that are averaged


def ltv(tables: Tables, query: Query) -> Answer:
    """Lifetime value: ARPA at the period's end ÷ mean monthly customer churn of the six months before the period's last month.

    Undefined where nobody left in those months (no_data, with the reason), or where one of them had no customers.
    Returns value in reporting currency; numerator ARPA; denominator mean churn a month, 0 to 1; n paying accounts;
    low, high 95 % on the log scale, from both parts. Source: ChartMogul, customer lifetime value.
    """
    ends = windows(query)
    months = {end.bucket: _months_before(end) for end in ends}
    every = [*ends, *(window for some in months.values() for window in some)]
    distinct = {window.code: Window(window.code, window.before, window.start, window.end) for window in every}
    found = sums(tables, query, list(distinct.values())).rename(columns={"bucket": "code"})
    rows = [row for end in ends for row in _valued(found, end, months[end.bucket], list(query.by))]
    frame = pd.DataFrame(rows, columns=["bucket", *query.by, "numerator", "denominator", "n", "se", "low", "high"])
    notes = {"months": MONTHS}
    if len(frame) and not (frame["denominator"] > 0).any():
        notes["reason"] = "nobody left in the six months before: without churn the lifetime has no end"
    return answer(frame, query, notes=notes)


def _months_before(end: Window) -> list[Window]:
    """The six whole months before the last month of a window."""
    last = month_number(end.end - (end.end - end.end.replace(day=1)) if end.end.day > 1 else add_months(end.end, -1))
    firsts = [add_months(end.end.replace(day=1), last - month_number(end.end) - k) for k in range(1, MONTHS + 1)]
    return [Window(0, add_months(first, -1), first, add_months(first, 1)) for first in firsts]


def _valued(found: pd.DataFrame, end: Window, months: list[Window], by: list[str]) -> list[dict]:
    """One row per segment: ARPA at the window's end, mean churn of the months, both with their errors."""
    now = found[found["code"] == end.code]
    past = found[found["code"].isin([m.code for m in months])]
    rows = []
    for key, group in now.groupby(by, dropna=False) if by else [((), now)]:
        match = past
        for column, value in zip(by, key, strict=True):
            match = match[match[column].isna() if pd.isna(value) else match[column] == value]
        rows.append({"bucket": end.bucket, **dict(zip(by, key, strict=True)), **_row(group.iloc[0], match)})
    return rows


def _row(now: pd.Series, months: pd.DataFrame) -> dict:
    paying, base, left = now["paying"], months["customers"].to_numpy(float), (months["customers"] - months["kept"]).to_numpy(float)
    arpa = now["closing_now"] / paying if paying else np.nan
    known = len(base) == MONTHS and (base > 0).all()
    rates = left / base if known else np.array([np.nan])
    churn = float(rates.mean())
    spread = float(np.sqrt((rates * (1 - rates) / base).sum()) / MONTHS) if known else np.nan
    relative = np.hypot(mean_se(now["closing_now"], now["cc"], paying) / arpa, spread / churn) if churn > 0 and paying else np.nan
    value = arpa / churn if churn > 0 else np.nan
    low, high = log_limits(value, value * relative)
    return {"numerator": arpa, "denominator": churn, "n": int(paying), "se": value * relative, "low": float(low), "high": float(high)}


METRICS = (
    Metric(
        "ltv", ltv, "Lifetime value of a paying account: what it brings a month, divided by the monthly chance to leave.",
        "ARPA ÷ mean monthly customer churn of the six months before the last", "money", RECURRING, behind_paying, "higher", {}, "ChartMogul, LTV",
    ),
)  # fmt: skip
