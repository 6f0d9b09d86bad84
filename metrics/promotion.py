"""Did a promotion pay? Attributed revenue against cost, with the rule of attribution printed."""

from __future__ import annotations

from dataclasses import replace

import narwhals as nw

from metrics.metric import Metric
from metrics.query import Frame, Query, QuestionError, Tables, aggregate, collect, named, segmented
from metrics.result import Answer, answer
from metrics.sales import priced
from metrics.windows import number

RULES = {
    "tagged": "invoice lines that name the campaign, whenever they were issued",
    "leads": "everything invoiced to customers whose lead names the campaign, from the lead's day on, for `days` days",
}
DAYS = 180


def roi(attributed: float, cost: float) -> float:
    """(attributed − cost) ÷ cost; NaN where the cost is 0: nothing spent has no return."""
    return (attributed - cost) / cost if cost else float("nan")


def promotion_roi(tables: Tables, query: Query) -> Answer:
    """Return on each campaign that began in the period: ROI and net, both named.

    Option attribution, one of RULES: "tagged" or "leads" (with option days). The rule stands in notes["attribution"].
    Revenue and cost in reporting currency, revenue at each invoice's rate, cost at the rate of the campaign's first day.

    With a filter on customers, and for a reader of some customers only, there is revenue and no ROI: the cost is not theirs alone.

    Returns one row per campaign: campaign_id; value = ROI (2.0 is 200 %), null at cost 0; n customers; numerator net = revenue − cost;
    denominator cost; name, revenue, net, cost, starts_on.
    """
    rule = query.options["attribution"]
    if rule not in RULES:
        raise QuestionError(f"no attribution {rule!r}; there are " + "; ".join(f"{name}: {text}" for name, text in RULES.items()))
    if query.grain or query.by:
        raise QuestionError("promotions are listed one by one: leave out `by` and the grain, and filter customers with `where`")
    campaigns = collect(_campaigns(tables, query))
    lines = _lines(tables, query)
    attributed = lines if rule == "tagged" else _from_leads(tables, lines, int(query.options["days"]))
    found = aggregate(
        attributed,
        ["campaign_id"],
        revenue=nw.col("converted").sum(),
        n=nw.col("customer_id").n_unique(),
        unconverted=number(nw.col("converted").is_null()).sum(),
    )
    rows = campaigns.merge(found, on="campaign_id", how="left").fillna({"revenue": 0.0, "n": 0, "unconverted": 0})
    rows = rows.assign(net=rows["revenue"] - rows["cost"], denominator=rows["cost"])
    values = [float("nan") if query.where else roi(r, c) for r, c in zip(rows["revenue"], rows["cost"], strict=True)]
    rows = rows.assign(numerator=rows["net"], value=values)
    notes = {"attribution": RULES[rule], "unconverted": int(rows["unconverted"].sum()), **({"days": int(query.options["days"])} if rule == "leads" else {})}
    if query.where or not campaigns["is_told"].all():
        notes["reason"] = "a promotion's cost is not split by customer: the revenue of some of them has no return of its own"
    return answer(rows, query, keys=("campaign_id",), extra=("name", "revenue", "net", "cost", "starts_on"), notes=notes)


def _campaigns(tables: Tables, query: Query) -> Frame:
    start, end = nw.lit(query.period.start), nw.lit(query.period.end)
    begun = tables["campaigns"].filter(nw.col("starts_on") >= start, nw.col("starts_on") < end)
    return priced(begun, tables, query, "cost", "starts_on_d").select("campaign_id", "name", "starts_on", cost="converted", is_told=~nw.col("cost").is_null())


def _lines(tables: Tables, query: Query) -> Frame:
    """Invoice lines up to the last loaded day, of the customers asked for."""
    until = nw.lit(query.period.as_of)
    lines = segmented(tables["invoices"].filter(nw.col("issued_on") < until), tables, query)
    return priced(lines, tables, query, "amount", "issued_on_d")


def _from_leads(tables: Tables, lines: Frame, days: int) -> Frame:
    """Lines of customers with a lead of a campaign, issued within `days` days from the (first) lead."""
    named = tables["leads"].filter(~nw.col("campaign_id").is_null(), ~nw.col("customer_id").is_null())
    firsts = named.group_by("customer_id", "campaign_id").agg(lead_d=nw.col("created_on_d").min())
    joined = lines.drop("campaign_id").join(firsts, on="customer_id", how="inner")
    return joined.filter(nw.col("issued_on_d") >= nw.col("lead_d"), nw.col("issued_on_d") < nw.col("lead_d") + days)


def behind_promotion(tables: Tables, query: Query) -> Frame:
    """The invoice lines attributed to campaigns that began in the period; a filter on `campaign_id` chooses one of them."""
    chosen = tuple(pair for pair in query.where if pair[0] == "campaign_id")  # of the rule: the line itself may name another, or none
    lines = _lines(tables, replace(query, where=tuple(pair for pair in query.where if pair not in chosen)))
    attributed = lines if query.options["attribution"] == "tagged" else _from_leads(tables, lines, int(query.options["days"]))
    campaigns = _campaigns(tables, query).select("campaign_id", campaign="name")
    rows = attributed.join(campaigns, on="campaign_id", how="inner")
    for _, accepted in chosen:
        rows = rows.filter(nw.col("campaign_id").is_in(list(accepted)))
    return named(rows.select("campaign_id", "campaign", "customer_id", "invoice_id", "issued_on", revenue="converted"), tables)


METRICS = (
    Metric(
        "promotion_roi", promotion_roi, "What each promotion returned on its cost, by a printed rule of attribution.",
        "ROI = (attributed revenue − cost) ÷ cost; net = attributed revenue − cost", "ratio",
        ("campaigns", "invoices", "leads", "daily_rates", "accounts"), behind_promotion, "higher", {"attribution": "tagged", "days": DAYS},
    ),
)  # fmt: skip
