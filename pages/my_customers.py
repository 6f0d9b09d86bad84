"""What did the customers I serve bring? For one's own, a colleague's or a team's customers together; people are never set side by side."""

from functools import reduce

import streamlit as st

import charts
from access.guard import guard
from metrics.tenure import changes
from ui import cases, customers, data, mine, numbers, page, portfolio
from ui.cards import Card, row
from ui.figure import figure, ready
from ui.navigation import customer_link
from ui.table import Column, listing, table
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


def answer_first(looked, whose, known) -> None:
    """What the customers brought, who came and went, and what was done for them."""
    ids = portfolio.ids(looked)
    told = [portfolio.brought(looked, data.compare(looked, REVENUE.name), len(ids), whose.said), portfolio.moved(looked), portfolio.called_back(looked)]
    told += [portfolio.closed(looked, known, ids), portfolio.informed(looked, ids)]
    page.sentence(reduce(lambda first, then: t("format.sentences", first=first, then=then), filter(None, told)))
    st.caption(t("my_customers.rule"))


@page.part("my_customers.over_time")
def over_time(looked, is_everybody: bool):
    """Revenue while served, step by step, and how much of it changed hands."""
    with page.section("my_customers.over_time", help="my_customers.over_time_help"):
        rows, spec, alt = series(looked)
        if spec is None:
            st.caption(t("my_customers.no_series"))
            return
        figure(looked, spec, alt, key="my_customers_series", rows=rows, columns=SERIES, metrics=(REVENUE,))
        if not is_everybody:
            page.sentence(holdings(looked))


@data.told
def series(looked):
    """The revenue step by step, its figure, and what that says; no figure where nothing is known."""
    metric = data.metric("owner_revenue")
    answer = data.answer(looked, metric.name, grain=looked.grain)
    if not answer.rows["value"].notna().any():
        return answer.rows, None, ""
    money = lambda value: numbers.shown(value, "money", looked.currency)  # noqa: E731
    spec = charts.line(answer.rows, money, grain=looked.grain, tick=numbers.tick, step=lambda day: numbers.step(day, looked.grain))
    return answer.rows, ready(spec), page.course(name_of(metric), answer, metric, looked)


@data.told
def holdings(looked):
    """How much of the revenue changed hands, in a sentence."""
    parts = data.answer(looked, "owner_revenue", by=("holding",)).rows.to_dict("records")
    said = [t(f"my_customers.holdings.{part['holding']}", revenue=numbers.shown(part["value"], "money", looked.currency)) for part in parts]
    return t("my_customers.of_it", parts=t("at_risk.and").join(said))


@page.part("my_customers.gains")
def gains(looked):
    """What their customers answered, beside the days compared with."""
    with page.section("my_customers.gains", help="my_customers.gains_help"):
        rows = gained(looked)
        if rows is None:
            st.caption(t("my_customers.no_answers"))
            return
        table(looked, rows, key="my_customers_gains", metrics=(data.metric("nps"), data.metric("satisfaction")))


@data.told
def gained(looked):
    """The list of what they answered; None where nobody did."""
    rows = portfolio.gains(looked)
    return None if rows.empty else listing(looked, rows, GAINS)


@page.part("my_customers.customers")
def each(looked, theirs, known):
    """The customers, each with what it brought and what is open; one leads to its page."""
    with page.section("my_customers.customers", help="my_customers.customers_help"):
        running = portfolio.running(known)
        first, whole = on_screen(looked, tuple(running.items())), lambda: portfolio.listed(looked, theirs, running)
        opened = table(looked, first, key="my_customers_rows", metrics=(REVENUE,), total=len(theirs), whole=whole, select=True)
        if opened:
            customer_link(looked, opened["customer_id"], t("behind.open_customer", name=plain(opened["customer"])))
        else:
            st.caption(t("my_customers.select"))


@data.told
def on_screen(looked, running):
    """The list of the first of them. running: how many cases each has that are not closed."""
    return listing(looked, portfolio.listed(looked, portfolio.served(looked).head(data.MOST_ROWS), dict(running)), CUSTOMERS)


@page.part("my_customers.changes")
def handed(looked, owners):
    """Who was taken over and who was handed over in the period."""
    with page.section("my_customers.changes", help="my_customers.changes_help"):
        rows = hands(looked, owners)
        if rows is None:
            st.caption(t("my_customers.no_changes"))
            return
        table(looked, rows, key="my_customers_changes", metrics=(REVENUE,))


@data.told
def hands(looked, owners):
    """The list of who came to these owners and who left them; None where nobody did."""
    rows = customers.about(looked.snapshot, changes, looked.query(), owners)
    if rows.empty:
        return None
    kinds = rows["kind"].map({kind: t(f"my_customers.kinds.{kind}") for kind in rows["kind"].unique()})
    return listing(looked, rows.assign(kind=kinds, other=rows["other"].fillna(t("my_customers.nobody"))), CHANGES)


whose = mine.chosen(view)
if whose is None:
    page.empty("my_customers.no_owner")
    st.stop()
looked = mine.narrowed(view, whose)
theirs, known = portfolio.served(looked), cases.known(looked)
if theirs.empty:
    page.empty("my_customers.none")
    st.stop()
answer_first(looked, whose, known)
row(looked, CARDS)
over_time(looked, whose.owners is None)
gains(looked)
each(looked, theirs, known)
if whose.owners is not None:
    handed(looked, whose.owners)
