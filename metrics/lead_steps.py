"""Leads as the unit of a funnel: one row per lead and stage, from the deals that became of it."""

from __future__ import annotations

from collections.abc import Callable

import narwhals as nw

from metrics.query import Frame, Query, Tables

DEAD = (  # what a lead's status says when nothing will become of it; [metrics.funnel] dead has the company's own words
    "disqualified", "unqualified", "lost", "dead", "junk", "invalid", "rejected", "无效", "流失", "已流失", "放弃", "已放弃", "不合格",
)  # fmt: skip
MADE = ("position", "stage", "got", "outcome", "amount_reporting", "is_unconverted")  # columns that a lead's own of the same name give way to


def lead_steps(tables: Tables, query: Query, got: Callable[[str], nw.Expr]) -> Frame:
    """Every lead × every stage, with `got`: has the lead, or any deal of it, got there?

    leads: lead_id, customer_id, created_at, status and the source's own; deal_steps, deal_facts: lead_id, outcome, the flags.
    got(since): whether a deal × stage row got there, counted in seconds from the column `since`.
    Every lead is in the first stage; one without a deal is in no other. outcome: "won" if a deal of it was; "open" while one
    is, or while it has none and its status is not dead; else "lost". amount_reporting: of all its deals that got there.
    customer_id: the lead's, else that of its deals. A stage that nothing in the data can tell about has got null.
    """
    deals = tables["deal_steps"].filter(~nw.col("lead_id").is_null())
    deals = deals.join(tables["leads"].select("lead_id", lead_s="created_at_s"), on="lead_id", how="inner").with_columns(there=got("lead_s"))
    there = nw.col("there").fill_null(False)
    reached = deals.group_by("lead_id", "position").agg(
        deals_there=_number(there).sum(), amount_reporting=nw.when(there).then(nw.col("amount_reporting")).sum(),
        without_rate=_number(there & nw.col("is_unconverted")).sum(),
    )  # fmt: skip
    grid = _leads(tables, query).join(_stages(tables), how="cross").join(reached, on=["lead_id", "position"], how="left")
    passed = nw.when(nw.col("observed") > 0).then(nw.col("deals_there").fill_null(0) > 0)
    is_there = nw.when(nw.col("position") == 1).then(nw.lit(True)).otherwise(passed)
    grid = grid.with_columns(got=is_there, is_unconverted=nw.col("without_rate").fill_null(0) > 0)
    return grid.drop("observed", "deals_there", "without_rate")


def _stages(tables: Tables) -> Frame:
    """The stages there are; observed: 0 where nothing in the data can tell who got there."""
    return tables["deal_steps"].group_by("position", "stage").agg(observed=_number(~nw.col("is_passed").is_null()).sum())


def _leads(tables: Tables, query: Query) -> Frame:
    """The leads with their customer and what became of them."""
    leads = tables["leads"].drop(*MADE, strict=False)
    of = {name: _number(nw.col("outcome") == name).sum() for name in ("won", "open", "lost")}
    found = tables["deal_facts"].filter(~nw.col("lead_id").is_null()).group_by("lead_id").agg(deal_customer=nw.col("customer_id").max(), **of)
    leads = leads.drop("won", "open", "lost", strict=False).join(found, on="lead_id", how="left")
    words = [str(word).lower() for word in query.setting("funnel", "dead", DEAD)]
    is_dead = nw.col("status").str.strip_chars().str.to_lowercase().is_in(words)
    is_over = nw.when(nw.col("lost").is_null()).then(is_dead).otherwise(nw.col("open") == 0)
    outcome = nw.when(nw.col("won") > 0).then(nw.lit("won")).when(is_over).then(nw.lit("lost")).otherwise(nw.lit("open"))
    leads = leads.with_columns(outcome=outcome, customer_id=nw.coalesce("customer_id", "deal_customer"))
    return leads.drop("won", "open", "lost", "deal_customer")


def _number(flag: nw.Expr) -> nw.Expr:
    return nw.when(flag).then(nw.lit(1)).otherwise(nw.lit(0))
