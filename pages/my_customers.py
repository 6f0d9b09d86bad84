"""What did the customers I serve bring? For one's own, a colleague's or a team's customers together; people are never set side by side."""

from functools import reduce

import pandas as pd
import streamlit as st

import charts
from access.guard import guard
from metrics.tenure import changes
from ui import cases, customers, data, mine, numbers, page, portfolio
from ui.cards import Card, row
from ui.figure import figure
from ui.navigation import customer_link
from ui.table import Column, table
from ui.words import name_of, plain, t

guard("my_customers")

CARDS = (
    Card("owner_revenue"),
    Card("retention", leads_to="retention"),
    Card("nps", leads_to="nps"),
    Card("detractor_follow_up", leads_to="nps", trend=False),
)
SERIES = {
    "period": Column("service.step"), "value": Column("arpu.revenue", "money"),
    "n": Column("my_customers.buyers", "count"), "complete": Column("service.complete"),
}  # fmt: skip
CUSTOMERS = {
    "customer": Column("retention.customer"), "revenue": Column("my_customers.revenue", "money"),
    "revenue_before": Column("my_customers.revenue_before", "money"), "since": Column("my_customers.since", help="my_customers.since_help"),
    "standing": Column("my_customers.standing"), "cases": Column("my_customers.open_cases", "count"),
    "score": Column("my_customers.score", "count", "my_customers.score_help"),
}  # fmt: skip
GAINS = {
    "dimension": Column("my_customers.dimension"), "value": Column("my_customers.now"), "interval": Column("my_customers.interval"),
    "n": Column("my_customers.answers", "count"), "before": Column("my_customers.before"), "change": Column("my_customers.change"),
    "verdict": Column("my_customers.verdict"),
}  # fmt: skip
CHANGES = {
    "changed_on": Column("my_customers.changed_on"), "customer": Column("retention.customer"), "kind": Column("my_customers.kind"),
    "other": Column("my_customers.other"),
}  # fmt: skip

view = page.begin("my_customers")
REVENUE = data.metric("owner_revenue")


def answer_first(looked, whose, theirs, known) -> None:
    """What the customers brought, who came and went, and what was done for them."""
    ids = pd.Index(theirs["customer_id"])
    told = [portfolio.brought(looked, data.compare(looked, REVENUE.name), len(ids), whose.said), portfolio.moved(looked), portfolio.called_back(looked)]
    told += [portfolio.closed(looked, known, ids), portfolio.informed(looked, ids)]
    page.sentence(reduce(lambda first, then: t("format.sentences", first=first, then=then), filter(None, told)))
    st.caption(t("my_customers.rule"))


@page.part("my_customers.over_time")
def over_time(looked, is_everybody: bool):
    """Revenue while served, step by step, and how much of it changed hands."""
    with page.section("my_customers.over_time", help="my_customers.over_time_help"):
        answer = data.answer(looked, REVENUE.name, grain=looked.grain)
        money = lambda value: numbers.shown(value, "money", looked.currency)  # noqa: E731
        if not answer.rows["value"].notna().any():
            st.caption(t("my_customers.no_series"))
            return
        spec = charts.line(answer.rows, money, grain=looked.grain, tick=numbers.tick, step=lambda day: numbers.step(day, looked.grain))
        alt = page.course(name_of(REVENUE), answer, REVENUE, looked)
        figure(looked, spec, alt, key="my_customers_series", rows=answer.rows, columns=SERIES, metrics=(REVENUE,))
        if is_everybody:
            return
        parts = data.answer(looked, REVENUE.name, by=("holding",)).rows
        said = [t(f"my_customers.holdings.{part['holding']}", revenue=money(part["value"])) for part in parts.to_dict("records")]
        page.sentence(t("my_customers.of_it", parts=t("at_risk.and").join(said)))


@page.part("my_customers.gains")
def gains(looked):
    """What their customers answered, beside the days compared with."""
    with page.section("my_customers.gains", help="my_customers.gains_help"):
        rows = portfolio.gains(looked)
        if rows.empty:
            st.caption(t("my_customers.no_answers"))
            return
        table(looked, rows, GAINS, key="my_customers_gains", metrics=(data.metric("nps"), data.metric("satisfaction")))


@page.part("my_customers.customers")
def each(looked, theirs, known):
    """The customers, each with what it brought and what is open; one leads to its page."""
    with page.section("my_customers.customers", help="my_customers.customers_help"):
        first, whole = portfolio.listed(looked, theirs.head(data.MOST_ROWS), known), lambda: portfolio.listed(looked, theirs, known)
        opened = table(looked, first, CUSTOMERS, key="my_customers_rows", metrics=(REVENUE,), total=len(theirs), whole=whole, select=True)
        if opened:
            customer_link(looked, opened["customer_id"], t("behind.open_customer", name=plain(opened["customer"])))
        else:
            st.caption(t("my_customers.select"))


@page.part("my_customers.changes")
def handed(looked, owners):
    """Who was taken over and who was handed over in the period."""
    with page.section("my_customers.changes", help="my_customers.changes_help"):
        rows = customers.about(looked.snapshot, changes, looked.query(), owners)
        if rows.empty:
            st.caption(t("my_customers.no_changes"))
            return
        kinds = rows["kind"].map({kind: t(f"my_customers.kinds.{kind}") for kind in rows["kind"].unique()})
        table(looked, rows.assign(kind=kinds, other=rows["other"].fillna(t("my_customers.nobody"))), CHANGES, key="my_customers_changes", metrics=(REVENUE,))


whose = mine.chosen(view)
if whose is None:
    page.empty("my_customers.no_owner")
    st.stop()
looked = mine.narrowed(view, whose)
theirs, known = portfolio.served(looked), cases.known(looked)
if theirs.empty:
    page.empty("my_customers.none")
    st.stop()
answer_first(looked, whose, theirs, known)
row(looked, CARDS)
over_time(looked, whose.owners is None)
gains(looked)
each(looked, theirs, known)
if whose.owners is not None:
    handed(looked, whose.owners)
