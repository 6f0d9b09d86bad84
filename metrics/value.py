"""The customer value model: how often a customer buys, how broadly, and whom they bring; and what that is worth in money."""

from __future__ import annotations

from dataclasses import replace

import narwhals as nw
import pandas as pd

from metrics import nps
from metrics.metric import Metric
from metrics.period import Period, add_months
from metrics.query import Frame, Query, QuestionError, Tables, collect, named, segmented
from metrics.result import Answer, answer
from metrics.sales import sold
from metrics.windows import number, part

YEAR = 12  # months looked at
WEIGHTS = {  # `[metrics.customer_value]` changes them
    "referral": 0.5,  # word of mouth added by each customer they referred
    "promoter": 0.2,  # word of mouth added by having answered as a promoter
    "direct": 1.0,
    "indirect": 1.0,
    "potential": 0.5,  # an average customer's spending in categories not bought yet is a hope, not an order
}
CENT = 0.005
FEW = 50  # categories


def customer_value(tables: Tables, query: Query) -> Answer:
    """What each customer is worth: direct, indirect and potential value, and the three habits behind them.

    Looks at the twelve months before the period's end. Every part stands in the row; weights come from the settings and stand in notes.
        frequency     orders a month
        penetration   categories bought ÷ categories sold to anybody, 0 to 1
        word_of_mouth 1 + referral × customers referred + promoter × (answered 9 or 10 at their last answer: 1, else 0)
        index         frequency × penetration × word_of_mouth
        direct        own revenue; indirect: revenue of the customers they referred
        potential     what an average customer spends in the categories they do not buy
        value         weighted sum of direct, indirect and potential, reporting currency a year

    Referrals are leads whose column `[metrics.customer_value] referred_by` (default "referred_by") holds the referring
    customer's id; notes["referrals"] says whether there is such a column. Returns the `limit` (default 200) customers of the highest value, n 1.
    """
    if query.by or query.grain:
        raise QuestionError("the value model lists customers one by one: leave out `by` and the grain, and filter with `where`")
    weights = {name: float(query.setting("customer_value", name, default)) for name, default in WEIGHTS.items()}
    valued = _valued(tables, query, weights).sort("value", "customer_id", descending=[True, False]).head(int(query.options["limit"]))
    rows = collect(named(valued, tables)).assign(n=1)
    notes = {**weights, "referrals": _referred_by(tables, query) is not None, "months": YEAR}
    return answer(rows, query, keys=("customer_id",), extra=("customer", *PARTS), notes=notes)


PARTS = ("index", "frequency", "penetration", "word_of_mouth", "orders", "categories", "referred", "is_promoter", "direct", "indirect", "potential")


def _window(query: Query) -> Period:
    end = query.period.to_date().end
    return Period(add_months(end, -YEAR), end, end, query.period.calendar)


def _valued(tables: Tables, query: Query, weights: dict[str, float]) -> Frame:
    """One row per customer who bought in the window."""
    window = _window(query)
    sales = sold(tables, Query(window, settings=query.settings), [window]).group_by("customer_id", "category").agg(nw.col("revenue").sum())
    named = sales.filter(~nw.col("category").is_null(), nw.col("revenue") > 0)
    market = collect(named.group_by("category").agg(nw.col("revenue").sum()))
    buyers = max(int(collect(_orders(tables, window).select(n=nw.len()))["n"].iloc[0]), 1)
    everybody = market["revenue"].sum() / buyers  # what an average customer spends in all categories
    rows = segmented(_orders(tables, window), tables, query).join(_spending(sales, named, market), on="customer_id", how="left")
    rows = rows.join(_promoters(tables, query), on="customer_id", how="left")
    rows = rows.join(_referrals(tables, query, sales), on="customer_id", how="left") if _referred_by(tables, query) else _without_referrals(rows)
    counts = {c: nw.col(c).fill_null(0) for c in ("orders", "categories", "referred", "is_promoter")}
    amounts = {c: nw.col(c).cast(nw.Float64).fill_null(0.0) for c in ("direct", "spent_there", "indirect")}
    rows = rows.with_columns(**counts, **amounts).with_columns(gap=nw.lit(float(everybody)) - nw.col("spent_there") / nw.lit(float(buyers)))
    habits = rows.with_columns(
        frequency=nw.col("orders") / nw.lit(float(YEAR)), penetration=nw.col("categories") / nw.lit(float(max(len(market), 1))),
        word_of_mouth=weights["referral"] * nw.col("referred") + weights["promoter"] * nw.col("is_promoter") + 1.0,
        potential=nw.when(nw.col("gap") > CENT).then(nw.col("gap")).otherwise(nw.lit(0.0)),
    )  # fmt: skip
    worth = weights["direct"] * nw.col("direct") + weights["indirect"] * nw.col("indirect") + weights["potential"] * nw.col("potential")
    return habits.with_columns(index=nw.col("frequency") * nw.col("penetration") * nw.col("word_of_mouth"), value=worth).select("customer_id", "value", *PARTS)


def _orders(tables: Tables, window: Period) -> Frame:
    """Orders of each customer who bought in the window."""
    days = tables["purchases"].filter(nw.col("purchased_on") >= nw.lit(window.start), nw.col("purchased_on") < nw.lit(window.end))
    return days.group_by("customer_id").agg(nw.col("orders").sum()).filter(nw.col("orders") > 0)


def _spending(sales: Frame, named: Frame, market: pd.DataFrame) -> Frame:
    """Each customer's own revenue, how many categories they bought, and what all customers together spend in those."""
    rows = _with_market(sales, named, market)
    bought = ~nw.col("category").is_null() & (nw.col("revenue") > 0)
    return rows.with_columns(bought=number(bought), there=part(bought, nw.col("of_all"))).group_by("customer_id").agg(
        direct=nw.col("revenue").sum(), categories=nw.col("bought").sum(), spent_there=nw.col("there").sum()
    )  # fmt: skip


def _with_market(sales: Frame, named: Frame, market: pd.DataFrame) -> Frame:
    """`sales` with `of_all`, what all customers spend in the category. Few categories are written into the query: the sales are read once."""
    if len(market) > FEW:
        return sales.join(named.group_by("category").agg(of_all=nw.col("revenue").sum()), on="category", how="left")
    of_all = nw.lit(0.0)
    for category, revenue in market.itertuples(index=False):
        of_all = nw.when(nw.col("category") == category).then(nw.lit(float(revenue))).otherwise(of_all)
    return sales.with_columns(of_all=of_all)


def _without_referrals(rows: Frame) -> Frame:
    return rows.with_columns(referred=nw.lit(0), indirect=nw.lit(0.0))


def _referred_by(tables: Tables, query: Query) -> str | None:
    column = query.setting("customer_value", "referred_by", "referred_by")
    return column if column in tables["leads"].columns else None


def _referrals(tables: Tables, query: Query, sales: Frame) -> Frame:
    """Customers each customer referred, and their revenue."""
    leads = tables["leads"].with_columns(by_=nw.col(_referred_by(tables, query)))
    pairs = leads.filter(~nw.col("by_").is_null(), ~nw.col("customer_id").is_null(), nw.col("by_") != nw.col("customer_id"))
    brought = sales.group_by("customer_id").agg(brought=nw.col("revenue").sum())
    pairs = pairs.select("by_", "customer_id").unique().join(brought, on="customer_id", how="left")
    return pairs.group_by("by_").agg(referred=nw.len(), indirect=nw.col("brought").sum()).rename({"by_": "customer_id"})


def _promoters(tables: Tables, query: Query) -> Frame:
    """Whether a customer's newest valid recommendation answer before the period's end was a promoter's. Anonymous answers name nobody."""
    answered = nps.asked_about(tables, replace(query, options={})).filter(nps.is_valid(), nps.on_scale(), ~nw.col("customer_id").is_null())
    answered = answered.filter(nw.col("answered_on") < nw.lit(query.period.end))
    newest = answered.group_by("customer_id").agg(answered_at_s=nw.col("answered_at_s").max())
    marked = answered.join(newest, on=["customer_id", "answered_at_s"], how="inner").with_columns(is_promoter=number(nw.col("band") == "promoter"))
    return marked.group_by("customer_id").agg(is_promoter=nw.col("is_promoter").max())


def behind_value(tables: Tables, query: Query) -> Frame:
    """Every customer who bought in the twelve months, with all parts of their value."""
    weights = {name: float(query.setting("customer_value", name, default)) for name, default in WEIGHTS.items()}
    return named(_valued(tables, query, weights), tables)


METRICS = (
    Metric(
        "customer_value", customer_value, "What each customer is worth: own revenue, revenue they brought, and room to grow, with the habits behind it.",
        "direct + indirect + weight × potential; index = frequency × category penetration × word of mouth", "money",
        ("product_months", "invoices", "daily_rates", "products", "purchases", "leads", "scores", "accounts"), behind_value, "higher", {"limit": 200},
    ),
)  # fmt: skip
