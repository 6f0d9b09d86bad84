"""Do customers stay, and does their money? Logo retention and churn, net and gross revenue retention.

All compare the opening set O, the customers with recurring value at the instant before a window, with the same customers at
its end. Shops without agreements have no such instant: there "active" means "bought in the window" (see `retention`).
"""

from __future__ import annotations

import datetime as dt

import narwhals as nw
import numpy as np
import pandas as pd

from metrics.additive import additive
from metrics.metric import Metric
from metrics.query import Frame, Query, QuestionError, Tables, aggregate, collect, named, of_customers, segmented
from metrics.recurring import HELD, NOTHING, basis, classified, sums
from metrics.result import Answer, Check, answer
from metrics.stats import Z95, share_se, wilson
from metrics.windows import Window, each_window, number, windows

NO_OPENING = "no recurring value at the instant before the window: without an opening balance there is no retention"


def net_retention(opening: float, expansion: float, contraction: float, churn: float) -> float:
    """NRR: what the opening customers' value became, as a share of it. Raises QuestionError without an opening balance."""
    return gross_retention(opening, contraction, churn) + expansion / opening


def gross_retention(opening: float, contraction: float, churn: float) -> float:
    """GRR: NRR without what grew; never above 1. Raises QuestionError without an opening balance."""
    if opening is None or not opening > 0:
        raise QuestionError(f"movements alone give no retention: the opening balance is {opening}, and must be above 0")
    return (opening - contraction - churn) / opening


def retention(tables: Tables, query: Query) -> Answer:
    """Share of customers who stayed: of those at the window's beginning, how many are still there at its end.

    basis "recurring": there = recurring value above zero at the instant. basis "purchases": there = bought; O are those who bought in
    the stretch as long before the window, kept are those of them who bought in it. "auto" takes recurring where anything recurs.
    Reads recurring, daily_rates, episodes or purchases, coverage; accounts for segments.

    Returns one row per segment (and step): value 0 to 1; n = denominator = |O|; numerator = kept; low, high Wilson 95 %.
    no_data: O is empty, or (purchases) the stretch before the window begins before anything was recorded.
    """
    by_purchases = basis(tables, query) == "purchases"
    frame = _buyers(tables, query) if by_purchases else sums(tables, query)
    frame = frame.rename(columns={"customers": "denominator", "kept": "numerator"})
    low, high = wilson(frame["numerator"], frame["denominator"])
    frame = frame.assign(n=frame["denominator"], low=low, high=high, se=share_se(frame["numerator"], frame["denominator"]))
    return answer(frame, query, notes={"basis": "purchases" if by_purchases else "recurring", "horizon": query.options["horizon"]})


def _buyers(tables: Tables, query: Query) -> pd.DataFrame:
    """O and kept by purchases, for the windows whose stretch before was recorded."""
    stretches = _recorded(tables, windows(query))
    if not stretches:
        empty = pd.DataFrame(columns=["bucket", *query.by, "customers", "kept"])
        return empty if query.grain or query.by else pd.DataFrame([{"bucket": 0, "customers": 0, "kept": 0}])
    found = additive("buyers", tuple(stretches), query, lambda asked: _bought_again(tables, asked, stretches), lambda: of_customers(tables, "purchases"))
    return found.assign(bucket=found["code"].map({w.code: w.bucket for w in stretches}))


def _bought_again(tables: Tables, query: Query, stretches: list[Window]) -> pd.DataFrame:
    return aggregate(bought(tables, query, stretches), ["code", *query.by], customers=nw.len(), kept=nw.col("again").sum())


def bought(tables: Tables, query: Query, stretches: list[Window]) -> Frame:
    """One row per window and customer who bought in the stretch before it; again: 1 if they bought in the window too."""
    days = segmented(tables["purchases"].filter(nw.col("orders") > 0), tables, query)
    days = each_window(days.select("customer_id", "purchased_on_d", *(c for c in query.by if c != "customer_id")), tables, stretches)
    day = nw.col("purchased_on_d")
    days = days.filter(day >= nw.col("before_d"), day < nw.col("end_d")).with_columns(
        earlier=number(day < nw.col("start_d")), again=number(day >= nw.col("start_d"))
    )
    customers = days.group_by(*dict.fromkeys(("code", "customer_id", *query.by))).agg(nw.col("earlier", "again").max())
    return customers.filter(nw.col("earlier") == 1)


def _recorded(tables: Tables, stretches: list[Window]) -> list[Window]:
    first = first_recorded(tables, "invoices")
    return [w for w in stretches if first and w.before >= first.replace(day=1)]


def first_recorded(tables: Tables, table: str) -> dt.date | None:
    """The first day on which `table` has a row."""
    reach = collect(tables["coverage"].filter(nw.col("table") == table).select("first_on"))
    return None if reach.empty else reach["first_on"].iloc[0]


def behind_retention(tables: Tables, query: Query) -> Frame:
    """The opening set: one row per customer, with whether they were kept."""
    stretches = windows(query)
    if basis(tables, query) == "purchases":
        return named(bought(tables, query, stretches).select("customer_id", is_kept=nw.col("again") == 1), tables)
    rows = classified(tables, query, stretches).filter(HELD)
    return named(rows.select("customer_id", "opening", "closing", "kind", is_kept=nw.col("kind") != "churn"), tables)


def logo_churn(tables: Tables, query: Query) -> Answer:
    """Share of the opening customers who were gone at the window's end, by ChartMogul's counting.

    (churned − joined and churned in the window − churned and came back) ÷ |O|; `churned` are customers whose last agreement
    ended on a day of the window. Churn dates from the end of the paid service; what is past due has not churned yet.
    Reads recurring, episodes, daily_rates.

    Returns value 0 to 1, n = denominator = |O|, numerator = the net count, Wilson limits, and the three counts:
    churned, joined_and_churned, churned_and_back. Check: the net count equals O minus those still there.
    """
    frame = sums(tables, query).merge(_endings(tables, query), how="left").fillna(dict.fromkeys(COUNTS, 0))
    net = frame["churned"] - frame["joined_and_churned"] - frame["churned_and_back"]
    ok = bool((net == frame["customers"] - frame["kept"]).all())
    frame = frame.assign(numerator=net, denominator=frame["customers"], n=frame["customers"])
    frame["low"], frame["high"] = wilson(net.clip(lower=0), frame["n"])
    frame["se"] = share_se(net, frame["n"])
    checks = [Check("churned − joined and churned − churned and back = opening customers no longer there", ok)]
    return answer(frame, query, extra=COUNTS, checks=checks, notes={"horizon": query.options["horizon"]})


COUNTS = ("churned", "joined_and_churned", "churned_and_back")


def _endings(tables: Tables, query: Query) -> pd.DataFrame:
    """Customers with a stay that ended in the window: all, those not in O, and those of O who are there at its end."""
    stretches = windows(query)
    if not stretches:
        return pd.DataFrame(columns=["bucket", *query.by, *COUNTS])
    stays = each_window(segmented(tables["episodes"], tables, query), tables, stretches)
    start, end, ended = nw.col("start_d"), nw.col("end_d"), nw.col("to_on_d")
    stays = stays.with_columns(
        ends=number((ended >= start) & (ended < end)), opens=number((nw.col("from_on_d") < start) & (ended.is_null() | (ended >= start))),
        stays=number((nw.col("from_on_d") < end) & (ended.is_null() | (ended >= end))),
    )  # fmt: skip
    customers = stays.group_by(*dict.fromkeys(("code", "customer_id", *query.by))).agg(nw.col("ends", "opens", "stays").max())
    gone = customers.filter(nw.col("ends") == 1)
    is_in, is_back = nw.col("opens") == 1, nw.col("stays") == 1
    found = aggregate(gone, ["code", *query.by], churned=nw.len(), joined_and_churned=number(~is_in).sum(), churned_and_back=number(is_in & is_back).sum())
    return found.assign(bucket=found["code"].map({w.code: w.bucket for w in stretches})).drop(columns="code")


def nrr(tables: Tables, query: Query) -> Answer:
    """Net revenue retention: what the opening customers' recurring value became, as a share of what it was.

    Σ B ÷ Σ A over O, at constant exchange rates. New customers never count; returned ones were not in O.
    Returns value (1 = unchanged; may exceed 1), n = |O|, numerator, denominator in reporting currency a month; low, high:
    95 % of a ratio of sums over customers. Read it so: 1.07 means a hundred earned a year ago are a hundred and seven now.
    """
    return _revenue_retention(tables, query, "staying", "bb", "ab")


def grr(tables: Tables, query: Query) -> Answer:
    """Gross revenue retention: as NRR, but no customer counts for more than they paid at the start; never above 1.

    Σ min(A, B) ÷ Σ A over O, the minimum taken per customer: growth of one never hides the loss of another.
    """
    return _revenue_retention(tables, query, "least", "mm", "am")


def _revenue_retention(tables: Tables, query: Query, kept: str, squares: str, products: str) -> Answer:
    frame = sums(tables, query)
    a, b, n = (pd.to_numeric(frame[name]) for name in ("opening", kept, "converted"))
    frame = frame.assign(numerator=b, denominator=a, n=n, se=ratio_se(a, b, frame["aa"], frame[squares], frame[products], n))
    ratio = b / a.where(a > 0)
    frame["low"], frame["high"] = (ratio - Z95 * frame["se"]).clip(lower=0), ratio + Z95 * frame["se"]
    if kept == "least":
        frame["high"] = frame["high"].clip(upper=1)
    moved = net_of(frame) if kept == "staying" else frame["opening"] - frame["contraction"] - frame["churn"]
    checks = [Check("opening plus movements gives the value kept, to the cent", bool(((moved - b).abs() < 0.005 + 1e-12 * a).all()))]
    notes = {"horizon": query.options["horizon"], "unconverted": int(frame["unconverted"].sum())}
    if not (a > 0).any():
        notes["reason"] = NO_OPENING
    return answer(frame, query, checks=checks, notes=notes)


def net_of(frame: pd.DataFrame) -> pd.Series:
    """Opening + expansion − contraction − churn."""
    return frame["opening"] + frame["expansion"] - frame["contraction"] - frame["churn"]


def ratio_se(a, b, aa, bb, ab, n) -> np.ndarray:
    """Standard error of Σb/Σa over n customers, from the sums of squares and products; NaN for fewer than two.

    Source: the ratio estimator, Cochran, Sampling Techniques, 3rd ed., section 6.4.
    """
    a, b, aa, bb, ab, n = (np.asarray(x, float) for x in (a, b, aa, bb, ab, n))
    with np.errstate(divide="ignore", invalid="ignore"):
        r = b / a
        spread = np.maximum(bb - 2 * r * ab + r * r * aa, 0) * n / (n - 1)
        return np.where((n > 1) & (a > 0), np.sqrt(spread) / a, np.nan)


def behind_opening(tables: Tables, query: Query) -> Frame:
    """The opening set: one row per customer with opening and closing value and what happened."""
    return _opening_set(tables, query, nw.col("opening") > NOTHING)


def behind_churn(tables: Tables, query: Query) -> Frame:
    """The opening set, whether or not its value could be converted."""
    return _opening_set(tables, query, HELD)


def _opening_set(tables: Tables, query: Query, is_in: nw.Expr) -> Frame:
    rows = classified(tables, query, windows(query)).filter(HELD, is_in)
    return named(rows.select("customer_id", "opening", "closing", "change", "kind"), tables)


RECURRING = ("recurring", "daily_rates", "episodes", "accounts")
HORIZON = {"horizon": "12"}
METRICS = (
    Metric(
        "retention", retention, "Share of the customers there at the beginning who are still there at the end, over the trailing twelve months.",
        "kept ÷ |O|; O: recurring value > 0 at the instant before the window (shops: bought in the stretch before it)", "share",
        (*RECURRING, "purchases", "coverage"), behind_retention, "higher", {"basis": "auto", **HORIZON},
    ),
    Metric(
        "logo_churn", logo_churn, "Share of the customers there at the beginning who left and did not come back within the window.",
        "(churned − joined and churned − churned and back) ÷ |O|", "share", RECURRING, behind_churn, "lower", HORIZON, "ChartMogul, customer churn rate",
    ),
    Metric(
        "nrr", nrr, "Net revenue retention: what a year-old customer base's recurring value is now, as a share of what it was.",
        "Σ B ÷ Σ A over O, at the opening day's exchange rates", "share", RECURRING, behind_opening, "higher", HORIZON,
    ),
    Metric(
        "grr", grr, "Gross revenue retention: the share of the opening recurring value that was kept, growth not counted.",
        "Σ min(A, B) ÷ Σ A over O, minimum per customer, at the opening day's exchange rates", "share", RECURRING, behind_opening, "higher", HORIZON,
    ),
)  # fmt: skip
