"""What a customer pays: recurring revenue, and three averages whose names are kept apart because their denominators differ.

ARPA: recurring value per paying account, all its agreements merged. ARPU: revenue per customer (or user) and month.
ARPPU: revenue per customer who paid in the period. Each answer carries its numerator and denominator, by segment too.
"""

from __future__ import annotations

import datetime as dt

import narwhals as nw
import numpy as np
import pandas as pd

from metrics.metric import Metric
from metrics.period import day_number
from metrics.query import Frame, Query, QuestionError, Tables, aggregate, grouped, named, segmented, within
from metrics.recurring import HOLDS, NOTHING, basis, sums, values
from metrics.result import Answer, answer
from metrics.retention import RECURRING, ratio_se
from metrics.sales import priced_orders
from metrics.stats import Z95
from metrics.windows import each_window, number, placed, windows

MONTH_DAYS = 365.25 / 12
BASES = ("auto", "contracts", "buyers", "users")


def log_limits(value, se) -> tuple[np.ndarray, np.ndarray]:
    """95 % limits of a positive mean on the log scale: money is skewed, and never below 0. NaN where value or se is missing."""
    value, se = np.asarray(value, float), np.asarray(se, float)
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = np.exp(Z95 * se / np.where(value > 0, value, np.nan))
    return value / factor, value * factor


def mean_se(total, squares, n) -> np.ndarray:
    """Standard error of a mean from Σx, Σx² and n; NaN for fewer than two."""
    total, squares, n = (np.asarray(x, float) for x in (total, squares, n))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(n > 1, np.sqrt(np.maximum(squares - total**2 / n, 0) / (n - 1) / n), np.nan)


def revenue(tables: Tables, query: Query) -> Answer:
    """What was invoiced in the period, net of tax, discounts and credit notes, in reporting currency at each invoice's rate.

    Reads purchases. Returns value; n customers with an invoice or credit note; se as if customers came at random (√Σx² over
    customers). notes: unconverted invoice lines, left out for want of a rate. Nothing invoiced: no_data.
    """
    return invoiced(tables["purchases"], tables, query)


def invoiced(purchases: Frame, tables: Tables, query: Query) -> Answer:
    """The revenue of these purchases, whatever columns of their own they bring along; see `revenue`."""
    frame, keys = grouped(purchases, "purchased_on", tables, query)
    customers = frame.group_by(*dict.fromkeys((*keys, "customer_id"))).agg(x=nw.col("revenue").sum(), unconverted=nw.col("unconverted").sum())
    found = aggregate(customers, keys, value=nw.col("x").sum(), n=nw.len(), squares=(nw.col("x") ** 2).sum(), unconverted=nw.col("unconverted").sum())
    found["value"] = found["value"].where(found["n"] > 0)
    return answer(found.assign(se=np.sqrt(found["squares"])), query, notes={"unconverted": int(found["unconverted"].sum())})


def behind_revenue(tables: Tables, query: Query) -> Frame:
    """One row per customer with an invoice or credit note: orders, revenue."""
    return by_buyer(tables["purchases"], tables, query)


def by_buyer(purchases: Frame, tables: Tables, query: Query) -> Frame:
    """One row per customer with a row among these purchases: orders, revenue."""
    rows = segmented(within(purchases, "purchased_on", query.period), tables, query)
    customers = rows.group_by("customer_id").agg(nw.col("orders", "revenue", "unconverted").sum(), last_on=nw.col("purchased_on").max())
    return named(customers, tables)


def mrr(tables: Tables, query: Query) -> Answer:
    """Recurring value a month at the period's end, in reporting currency at that day's rate.

    Yearly plans count a twelfth; no tax, no one-off, no trial; discounts off. Returns value; n paying accounts; se as for revenue.
    """
    frame = sums(tables, query)
    frame = frame.assign(value=frame["closing_now"].where(frame["paying"] > 0), n=frame["paying"], se=np.sqrt(pd.to_numeric(frame["cc"])))
    return answer(frame, query, notes={"unconverted": int(pd.to_numeric(frame["unconverted_now"]).sum())})


def arpa(tables: Tables, query: Query) -> Answer:
    """Average recurring value a month of a paying account at the period's end; all agreements of an account are one.

    Returns value = numerator (MRR) ÷ denominator (paying accounts); n = denominator; low, high 95 % on the log scale.
    """
    frame = sums(tables, query)
    total, n = pd.to_numeric(frame["closing_now"]), pd.to_numeric(frame["paying"])
    frame = frame.assign(numerator=total, denominator=n, n=n, se=mean_se(total, frame["cc"], n))
    frame["low"], frame["high"] = log_limits(total / n.where(n > 0), frame["se"])
    return answer(frame, query, notes={"unconverted": int(pd.to_numeric(frame["unconverted_now"]).sum())})


def behind_paying(tables: Tables, query: Query) -> Frame:
    """One row per paying account: recurring value a month at the period's end, and its agreements."""
    rows = values(tables, query, windows(query)).filter(HOLDS, nw.col("closing_now") > NOTHING)
    return named(rows.select("customer_id", amount_per_month="closing_now", agreements="after"), tables)


def arppu(tables: Tables, query: Query) -> Answer:
    """Average revenue of the customers who paid in the period: revenue of the whole period ÷ distinct customers with an order in it.

    Who bought only for amounts without a rate is left out of both. Returns value = numerator ÷ denominator; n = denominator;
    low, high 95 % on the log scale. notes: unconverted invoice lines.
    """
    frame, keys = grouped(priced_orders(tables["purchases"]), "purchased_on", tables, query)
    customers = frame.group_by(*dict.fromkeys((*keys, "customer_id"))).agg(
        x=nw.col("revenue").sum(), orders=nw.col("orders").sum(), unconverted=nw.col("unconverted").sum()
    )  # fmt: skip
    paying = customers.with_columns(is_in=number(nw.col("orders") > 0)).with_columns(x=nw.col("x") * nw.col("is_in"))
    found = aggregate(
        paying, keys, numerator=nw.col("x").sum(), n=nw.col("is_in").sum(), squares=(nw.col("x") ** 2).sum(), unconverted=nw.col("unconverted").sum()
    )
    found = found.assign(n=found["n"].fillna(0)).assign(denominator=lambda rows: rows["n"])
    found["se"] = mean_se(found["numerator"], found["squares"], found["n"])
    found["low"], found["high"] = log_limits(found["numerator"] / found["n"].where(found["n"] > 0), found["se"])
    return answer(found, query, notes={"unconverted": int(found["unconverted"].sum())})


def behind_buyers(tables: Tables, query: Query) -> Frame:
    """One row per customer with an order in the period that has an amount in reporting currency."""
    return by_buyer(priced_orders(tables["purchases"]), tables, query).filter(nw.col("orders") > 0)


def arpu(tables: Tables, query: Query) -> Answer:
    """Average revenue per customer and month: revenue ÷ customer-months.

    base "contracts": a customer counts for the part of the period they had an agreement (customer-days ÷ 30.4375); "buyers": for
    every month they bought in; "users": as many times a month as they had users at once (usage). "auto": contracts where anything
    recurs, else buyers. Revenue of customers outside the base is left out and stands in notes["outside"]; invoice lines without a
    rate in notes["unconverted"].

    Returns value; numerator revenue; denominator customer-months; n customers; low, high 95 % on the log scale (ratio of sums).
    """
    base = _base(tables, query)
    stretches = windows(query)
    if not stretches:
        return answer(pd.DataFrame(columns=["bucket", *query.by, "value"]), query)
    customers = _exposed(tables, query, base)
    inside = nw.col("t") > 0
    found = aggregate(
        customers.with_columns(inside=number(inside), x=nw.when(inside).then(nw.col("x")).otherwise(nw.lit(0.0)), outside=nw.col("x")),
        ["start_d", *query.by], numerator=nw.col("x").sum(), denominator=nw.col("t").sum(), n=nw.col("inside").sum(), total=nw.col("outside").sum(),
        xx=(nw.col("x") ** 2).sum(), tt=(nw.col("t") ** 2).sum(), xt=(nw.col("x") * nw.col("t")).sum(), unconverted=nw.col("unconverted").sum(),
    )  # fmt: skip
    found["bucket"] = found["start_d"].map({day_number(w.start): w.bucket for w in stretches})
    found = found if query.by else found.merge(pd.DataFrame({"bucket": [w.bucket for w in stretches]}), how="right")
    found["se"] = ratio_se(found["denominator"], found["numerator"], found["tt"], found["xx"], found["xt"], found["n"])
    found["low"], found["high"] = log_limits(found["numerator"] / found["denominator"].where(found["denominator"] > 0), found["se"])
    outside, unconverted = float((found["total"] - found["numerator"]).sum()), int(found["unconverted"].sum())
    return answer(found, query, notes={"base": base, "outside": outside, "unconverted": unconverted})


def _base(tables: Tables, query: Query) -> str:
    base = query.options["base"]
    if base not in BASES:
        raise QuestionError(f"no base {base!r}; there are {', '.join(BASES)}")
    if base != "auto":
        return base
    return "contracts" if basis(tables, query) == "recurring" else "buyers"


def _exposed(tables: Tables, query: Query, base: str) -> Frame:
    """One row per window and customer: x revenue, t customer-months, unconverted invoice lines."""
    zero = nw.lit(0.0)
    keys = list(dict.fromkeys(("start_d", "customer_id", *query.by)))
    bought = placed(segmented(priced_orders(tables["purchases"]), tables, query), tables, "purchased_on_d", _spans(query), "start_d")
    sold = bought.select(*keys, x=nw.col("revenue"), t=zero, unconverted=nw.col("unconverted").cast(nw.Float64))
    exposures = {"contracts": _contracted, "buyers": _buying, "users": _using}[base]
    there = exposures(tables, query, bought, keys).select(*keys, x=zero, t=nw.col("t").cast(nw.Float64), unconverted=zero)
    return nw.concat([sold, there]).group_by(*keys).agg(nw.col("x", "t", "unconverted").sum())


def _spans(query: Query) -> dict[int, tuple[dt.date, dt.date]]:
    """The windows, one beside the other, by the day numbers of their beginnings."""
    return {day_number(w.start): (w.start, w.end) for w in windows(query)}


def _contracted(tables: Tables, query: Query, bought: Frame, keys: list[str]) -> Frame:
    stays = each_window(segmented(tables["episodes"], tables, query), tables, windows(query))
    last = nw.when(nw.col("to_on_d").is_null() | (nw.col("to_on_d") > nw.col("end_d"))).then(nw.col("end_d")).otherwise(nw.col("to_on_d"))
    first = nw.when(nw.col("from_on_d") < nw.col("start_d")).then(nw.col("start_d")).otherwise(nw.col("from_on_d"))
    return stays.with_columns(t=(last - first) / nw.lit(MONTH_DAYS)).filter(nw.col("t") > 0)


def _buying(tables: Tables, query: Query, bought: Frame, keys: list[str]) -> Frame:
    months = bought.filter(nw.col("orders") > 0).select(*keys, "purchased_on_m").unique()
    return months.with_columns(t=nw.lit(1.0))


def _using(tables: Tables, query: Query, bought: Frame, keys: list[str]) -> Frame:
    days = placed(segmented(tables["usage"].filter(nw.col("users") > 0), tables, query), tables, "day_d", _spans(query), "start_d")
    return days.group_by(*keys, "day_m").agg(t=nw.col("users").max())


def behind_arpu(tables: Tables, query: Query) -> Frame:
    """One row per customer in the base: revenue and customer-months."""
    rows = _exposed(tables, query, _base(tables, query)).filter(nw.col("t") > 0)
    return named(rows.select("customer_id", revenue="x", customer_months="t"), tables)


METRICS = (
    Metric(
        "revenue", revenue, "What was invoiced in the period, net of tax, discounts and credit notes.", "Σ amount × rate of the invoice's day", "money",
        ("purchases", "accounts"), behind_revenue, "higher",
    ),
    Metric(
        "mrr", mrr, "Monthly recurring revenue at the period's end: what the running agreements bring a month.",
        "Σ amount per month of running agreements, yearly plans ÷ 12, without tax, one-off, trial", "money", RECURRING, behind_paying, "higher",
    ),
    Metric(
        "arpa", arpa, "Average monthly recurring revenue of a paying account, all its agreements merged.", "MRR ÷ paying accounts", "money", RECURRING,
        behind_paying, "higher", {}, "ChartMogul, ARPA",
    ),
    Metric(
        "arpu", arpu, "Average revenue per customer and month.", "revenue ÷ customer-months", "money", (*RECURRING, "purchases", "usage"), behind_arpu,
        "higher", {"base": "auto"},
    ),
    Metric(
        "arppu", arppu, "Average revenue of the customers who paid in the period.", "revenue ÷ distinct customers with an order in the period", "money",
        ("purchases", "accounts"), behind_buyers, "higher",
    ),
)  # fmt: skip
