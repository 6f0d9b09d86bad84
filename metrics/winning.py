"""Which deals are won: of the closed ones, of all, and without the bias of either; why deals are lost; which leads become deals."""

from __future__ import annotations

from dataclasses import replace

import narwhals as nw
import pandas as pd

from metrics.additive import additive
from metrics.followed import followed
from metrics.funnel import count
from metrics.metric import Metric
from metrics.query import Frame, Query, QuestionError, Tables, aggregate, grouped, named
from metrics.result import Answer, Check, answer
from metrics.rounding import percent_of
from metrics.stats import share_se, wilson

BASES = {"created": "created_on", "closed": "closed_on"}
OUTCOMES = ("won", "lost", "open")


def win_rate(tables: Tables, query: Query) -> Answer:
    """Won deals as a share of closed ones (won and lost).

    deal_facts: one row per deal; reads created_on, closed_on, outcome, amount_reporting.
    Option base: deals "created" in the period and followed to today (default), or "closed" in it.

    Returns value = won / (won + lost), n = denominator = closed deals; extra: won, lost, open, of_all = won / all deals with
    its limits of_all_low, of_all_high (null for base "closed", where open deals are not in sight), won_amount in reporting
    currency, unconverted = won deals left out of it.
    Read it so: 0.63 with 23 open means 63 of 100 closed deals were won, and 23 may still go either way. While deals are
    open this share is too high when wins come faster than losses; `win_probability` is not. Limits: Wilson 1927.
    """
    rows = additive("win_rate", (query.period, query.grain, query.options["base"]), query, lambda asked: _outcomes(tables, asked))
    rows = _shares(rows.fillna(dict.fromkeys(OUTCOMES, 0)), query)
    check = Check("won + lost + open = all deals", bool((rows[list(OUTCOMES)].sum(axis=1) == rows["deals"]).all()))
    extra = ("won", "lost", "open", "of_all", "of_all_low", "of_all_high", "won_amount", "unconverted")
    found = answer(rows, query, extra=extra, checks=[check], notes={"base": query.options["base"]})
    return followed(found, query) if query.options["base"] == "created" else found


def _outcomes(tables: Tables, query: Query) -> pd.DataFrame:
    """Deals by outcome, and what was won."""
    frame, keys = grouped(tables["deal_facts"], _base(query), tables, query)
    is_won = nw.col("outcome") == "won"
    return aggregate(
        frame, keys, deals=nw.len(), **{o: count(nw.col("outcome") == o) for o in OUTCOMES},
        won_amount=nw.when(is_won).then(nw.col("amount_reporting")).sum(), unconverted=count(is_won & nw.col("is_unconverted")),
    )  # fmt: skip


def _base(query: Query) -> str:
    if query.options["base"] not in BASES:
        raise QuestionError(f"no base {query.options['base']!r}; deals are taken as {' or '.join(BASES)} in the period")
    return BASES[query.options["base"]]


def _shares(rows: pd.DataFrame, query: Query) -> pd.DataFrame:
    rows["numerator"], rows["denominator"] = rows["won"], rows["won"] + rows["lost"]
    rows["n"] = rows["denominator"]
    rows["low"], rows["high"] = wilson(rows["numerator"], rows["denominator"])
    rows["se"] = share_se(rows["numerator"], rows["denominator"])
    followed = rows["deals"].astype(float).where((rows["deals"] > 0) & (query.options["base"] == "created"))
    rows["of_all"] = rows["won"] / followed
    rows["of_all_low"], rows["of_all_high"] = wilson(rows["won"], followed)
    return rows


def closed_deals(tables: Tables, query: Query) -> Frame:
    """The closed deals behind a win rate."""
    frame, _ = grouped(tables["deal_facts"], _base(query), tables, replace(query, by=(), grain=None))
    return named(frame.filter(nw.col("outcome") != "open"), tables)


def lost_reasons(tables: Tables, query: Query) -> Answer:
    """Why deals created in the period were lost, by the furthest stage they had reached.

    deal_facts: reads created_on, outcome, reached, reached_stage, lost_reason, amount_reporting.
    Returns one row per (position, stage, lost_reason): value = share of the deals lost in that stage; numerator = deals lost
    for that reason there; denominator = n = deals lost in that stage; extra: percent
    (of the stage, to one decimal, adding up to 100.0), amount lost, in reporting currency. A null
    reason means none was written down. Limits: Wilson 1927.
    """
    lost = _lost(tables["deal_facts"])
    frame, keys = grouped(lost, "created_on", tables, query)
    stage = [*keys, "position"]
    rows = aggregate(frame, [*stage, "stage", "lost_reason"], numerator=nw.len(), amount=nw.col("amount_reporting").sum())
    rows["denominator"] = rows.groupby(stage, dropna=False)["numerator"].transform("sum")
    rows["n"] = rows["denominator"]
    rows["low"], rows["high"] = wilson(rows["numerator"], rows["n"])
    rows["se"] = share_se(rows["numerator"], rows["n"])
    rows["percent"] = percent_of(rows, stage, "lost_reason")
    return answer(rows, query, keys=(*query.by, "position", "stage", "lost_reason"), extra=("percent", "amount"))


def _lost(facts: Frame) -> Frame:
    """Lost deals; stage and position say how far they got, not what the source calls their last stage."""
    return facts.filter(nw.col("outcome") == "lost").drop("stage").rename({"reached_stage": "stage", "reached": "position"})


def lost_deals(tables: Tables, query: Query) -> Frame:
    """The lost deals of the period, each with the furthest stage it reached."""
    return named(grouped(_lost(tables["deal_facts"]), "created_on", tables, replace(query, by=(), grain=None))[0], tables)


def lead_conversion(tables: Tables, query: Query) -> Answer:
    """Of the leads created in the period, the share that became a deal; by source: `by` source_channel.

    leads: one row per lead; reads created_on, status. deal_facts: reads lead_id, outcome.
    Option to: "deal" (any deal names the lead, or the lead's status is "converted"; default) or "won" (a won deal does).

    Returns value, n = denominator = leads, numerator = converted; extra: deals, won (leads with one). Limits: Wilson 1927.
    """
    frame, keys = grouped(_leads(tables), "created_on", tables, query)
    if query.options["to"] not in ("deal", "won"):
        raise QuestionError(f"no target {query.options['to']!r} for a lead; there are deal, won")
    rows = aggregate(frame, keys, n=nw.len(), deals=count("became_deal"), won=count("became_won")).fillna({"deals": 0, "won": 0})
    rows["numerator"], rows["denominator"] = rows["deals" if query.options["to"] == "deal" else "won"], rows["n"]
    rows["low"], rows["high"] = wilson(rows["numerator"], rows["n"])
    rows["se"] = share_se(rows["numerator"], rows["n"])
    return followed(answer(rows, query, extra=("deals", "won"), notes={"to": query.options["to"]}), query)


def _leads(tables: Tables) -> Frame:
    """Every lead, with whether a deal, and whether a won deal, came from it."""
    deals = tables["deal_facts"].filter(~nw.col("lead_id").is_null())
    found = deals.group_by("lead_id").agg(deals_=nw.len(), won_=count(nw.col("outcome") == "won"))
    leads = tables["leads"].join(found, on="lead_id", how="left")
    converted = nw.col("status").str.to_lowercase() == "converted"
    return leads.with_columns(became_deal=~nw.col("deals_").is_null() | converted, became_won=(nw.col("won_") > 0).fill_null(False)).drop("deals_", "won_")


def leads_asked(tables: Tables, query: Query) -> Frame:
    """The leads behind a conversion rate, each with `became_deal` and `became_won`."""
    return named(grouped(_leads(tables), "created_on", tables, replace(query, by=(), grain=None))[0], tables)


METRICS = (
    Metric(
        "win_rate", win_rate,
        definition="Won deals as a share of closed deals, among those created in the period.",
        formula="won / (won + lost); beside it: won / (won + lost + open)",
        unit="share", reads=("deal_facts",), behind=closed_deals, better="higher", options={"base": "created"}, source="Wilson 1927 (limits)",
    ),
    Metric(
        "lost_reasons", lost_reasons,
        definition="Why the deals created in the period were lost, by the furthest stage they had reached.",
        formula="lost for this reason in this stage / lost in this stage",
        unit="share", reads=("deal_facts",), behind=lost_deals, source="Wilson 1927 (limits)",
    ),
    Metric(
        "lead_conversion", lead_conversion,
        definition="Of the leads created in the period, the share that became a deal.",
        formula="leads with a deal (or status converted) / leads",
        unit="share", reads=("leads", "deal_facts"), behind=leads_asked, better="higher", options={"to": "deal"}, source="Wilson 1927 (limits)",
    ),
)  # fmt: skip
