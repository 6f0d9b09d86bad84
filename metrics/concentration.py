"""How much of the revenue hangs on how few customers: share of the top 20 %, Pareto curve, HHI, Gini."""

from __future__ import annotations

import narwhals as nw
import numpy as np
import pandas as pd

from metrics.metric import Metric
from metrics.query import Frame, Query, QuestionError, Tables, collect, grouped, named
from metrics.result import Answer, answer

POINTS = 100  # steps of the Pareto curve


def top_share(amounts, top: float = 0.2) -> float:
    """Share of the total that the largest `top` of the customers bring; a customer on the border counts by the part inside."""
    ordered, total = _ordered(amounts)
    return float(np.interp(top * len(ordered), np.arange(len(ordered) + 1), np.append(0, np.cumsum(ordered))) / total) if total > 0 else np.nan


def herfindahl(amounts) -> float:
    """HHI, 0 to 10,000: the sum of squared shares in per cent."""
    ordered, total = _ordered(amounts)
    return float(((100 * ordered / total) ** 2).sum()) if total > 0 else np.nan


def gini(amounts) -> float:
    """Gini coefficient, 0 (all equal) to 1. Source: Σ(2i − n − 1)·x₍ᵢ₎ ÷ (n·Σx), as R's ineq."""
    ordered, total = _ordered(amounts)
    n = len(ordered)
    return float(((2 * np.arange(1, n + 1) - n - 1) * ordered[::-1]).sum() / (n * total)) if total > 0 else np.nan


def customers_for(amounts, share: float = 0.8) -> float:
    """The smallest number of customers that together bring at least `share` of the total."""
    ordered, total = _ordered(amounts)
    return float(np.searchsorted(np.cumsum(ordered) / total, share - 1e-12) + 1) if total > 0 else np.nan


def _ordered(amounts) -> tuple[np.ndarray, float]:
    """Largest first, negative ones as 0; and their sum."""
    ordered = np.sort(np.clip(np.asarray(amounts, float), 0, None))[::-1]
    return ordered, float(ordered.sum())


def concentration(tables: Tables, query: Query) -> Answer:
    """Share of the period's revenue that the largest fifth of the customers brings.

    80/20 is a saying, not an expectation: compare with the company's own past. Customers whose credit notes exceed their invoices
    count as 0, and notes["clipped"] says how many there are; notes["unconverted"] invoice lines without a rate are left out.

    Returns value 0 to 1; n customers with revenue; numerator, denominator revenue of the top and of all; top (option, default 0.2);
    hhi 0–10,000; gini 0–1; customers_80: how many bring 80 %; largest: share of the largest customer; is_alarming: that share is
    at least `[metrics.concentration] alarm` (default 0.1).
    """
    top = _top(query)
    customers, keys, unconverted = _by_customer(tables, query)
    groups = customers.groupby(keys, dropna=False) if keys else [((), customers)]
    alarm = float(query.setting("concentration", "alarm", ALARM))
    rows = [_measured(group["revenue"].to_numpy(), top, alarm) | dict(zip(keys, key, strict=True)) for key, group in groups]
    frame = pd.DataFrame(rows, columns=[*keys, "value", "n", "numerator", "denominator", *EXTRA])
    return answer(frame, query, extra=EXTRA, notes={"top": top, "alarm": alarm, "clipped": int((customers["revenue"] < 0).sum()), "unconverted": unconverted})


ALARM = 0.1  # share of revenue of the largest customer from which on losing them would hurt the company
EXTRA = ("hhi", "gini", "customers_80", "largest", "is_alarming")


def _top(query: Query) -> float:
    top = float(query.options["top"])
    if not 0 < top < 1:
        raise QuestionError(f"top {top} is not a share between 0 and 1; 0.2 is the largest fifth")
    return top


def _by_customer(tables: Tables, query: Query) -> tuple[pd.DataFrame, list[str], int]:
    """Each customer's revenue in the period (or step), where it is not 0; the keys; how many invoice lines have no rate."""
    frame, keys = grouped(tables["purchases"], "purchased_on", tables, query)
    customers = frame.group_by(*dict.fromkeys((*keys, "customer_id"))).agg(nw.col("revenue", "unconverted").sum())
    rows = collect(customers.filter((nw.col("revenue") != 0) | (nw.col("unconverted") > 0)).select(*keys, "revenue", "unconverted"))
    return rows[rows["revenue"] != 0].drop(columns="unconverted"), keys, int(rows["unconverted"].sum())


def _measured(amounts: np.ndarray, top: float, alarm: float) -> dict:
    total = float(np.clip(amounts, 0, None).sum())
    share, largest = top_share(amounts, top), top_share(amounts, 1 / len(amounts)) if len(amounts) else np.nan
    measured = {"value": share, "n": len(amounts), "numerator": share * total, "denominator": total}
    spread = {"hhi": herfindahl(amounts), "gini": gini(amounts), "customers_80": customers_for(amounts)}
    return measured | spread | {"largest": largest, "is_alarming": bool(largest >= alarm)}


def pareto(tables: Tables, query: Query) -> Answer:
    """The Pareto curve: the share of revenue that the largest 1, 2, … 100 % of the customers bring.

    Returns one row per per cent of customers: percent int; value cumulative share 0 to 1; n customers up to there;
    numerator their revenue; denominator all revenue. Only without `by` and grain.
    """
    if query.by or query.grain:
        raise QuestionError("a Pareto curve is drawn for one group and one period: filter with `where`, and leave out `by` and the grain")
    customers, _, unconverted = _by_customer(tables, query)
    ordered, total = _ordered(customers["revenue"])
    if not total > 0:
        return answer(pd.DataFrame(columns=["percent", "value"]), query, keys=("percent",), notes={"unconverted": unconverted})
    percent = np.arange(1, POINTS + 1)
    reached = np.interp(percent / POINTS * len(ordered), np.arange(len(ordered) + 1), np.append(0, np.cumsum(ordered)))
    frame = pd.DataFrame({"percent": percent, "numerator": np.minimum(reached, total), "denominator": total, "n": -(-percent * len(ordered) // POINTS)})
    return answer(frame, query, keys=("percent",), notes={"unconverted": unconverted})


def behind_concentration(tables: Tables, query: Query) -> Frame:
    """One row per customer with revenue in the period."""
    frame, _ = grouped(tables["purchases"], "purchased_on", tables, Query(query.period, None, (), query.where, query.options, query.settings))
    customers = frame.group_by("customer_id").agg(nw.col("revenue", "orders").sum()).filter(nw.col("revenue") != 0)
    return named(customers, tables)


READS = ("purchases", "accounts")
METRICS = (
    Metric(
        "concentration", concentration, "Share of revenue that the largest fifth of the customers brings.", "Σ revenue of the top 20 % ÷ Σ revenue", "share",
        READS, behind_concentration, "lower", {"top": 0.2},
    ),
    Metric(
        "pareto", pareto, "Share of revenue that the largest customers bring together, from the largest one per cent to all.",
        "cumulative revenue of customers by size ÷ revenue", "share", READS, behind_concentration,
    ),
)  # fmt: skip
