"""How are we doing, and what changed?"""

from dataclasses import replace

import streamlit as st

import charts
from access.guard import guard
from ui import calling, clocks, data, faults, goals, numbers, page, sentences, weak
from ui.cards import PAID, Card, row, title
from ui.figure import figure, ready
from ui.navigation import link
from ui.table import Column
from ui.words import t

guard("overview")

NPS, RETENTION, ARPU, WON = (
    Card("nps", leads_to="nps"),
    Card("retention", leads_to="retention"),
    Card("arpu", leads_to="arpu"),
    Card("win_rate", leads_to="funnel"),
)
CASH = replace(PAID, leads_to="funnel")
CARDS = {
    "recurring": (NPS, Card("nrr", leads_to="retention"), Card("grr", leads_to="retention"), RETENTION, Card("arpa", leads_to="arpu"), ARPU, WON, CASH),
    "purchases": (NPS, RETENTION, Card("first_month_retention", leads_to="retention"), Card("revenue", leads_to="arpu"), ARPU,
                  Card("concentration", leads_to="arpu", trend=False), WON, CASH),
}  # fmt: skip
ARROWS = {True: ":material/trending_up:", False: ":material/trending_down:"}
TONES = {True: "green", False: "red", None: "gray"}
WHY = ("nps", "nrr", "grr", "retention", "arpa", "win_rate")  # ratios: their change splits exactly; an amount's does not
TICKS = {"share": ".0%", "money": numbers.tick, "points": ".0f"}

view = page.begin("overview")


@page.part("overview.over_time")
def over_time(view, cards):
    """One of the numbers above, step by step, with its interval."""
    with page.section("overview.over_time"):
        names = {card.metric: title(card) for card in cards if card.trend}
        chosen = st.pills(
            t("overview.choose"), list(names), default=cards[0].metric, format_func=names.get, key="overview_metric", required=True,
            label_visibility="collapsed",
        )  # fmt: skip
        card, metric = next(card for card in cards if card.metric == chosen), data.metric(chosen)
        rows, spec, alt = _series(view, chosen, names[chosen], tuple(card.options.items()))
        if spec is None:
            st.caption(t("overview.no_series"))
            return
        columns = {
            "period": Column("overview.step"), "value": Column(card.label or f"metrics.{chosen}.name", metric.unit), "low": Column("overview.low", metric.unit),
            "high": Column("overview.high", metric.unit), "n": Column("overview.n", "count"), "complete": Column("overview.complete"),
        }  # fmt: skip
        figure(view, spec, alt, key="overview_series", rows=rows, columns=columns, metrics=(metric,))


@data.told
def _series(view, name, called, options):
    """A number step by step, its figure, and what that says; no figure where nothing is known."""
    metric, answer = data.metric(name), data.answer(view, name, grain=view.grain, **dict(options))
    if not answer.rows["value"].notna().any():
        return answer.rows, None, ""
    spec = charts.line(
        answer.rows, lambda value: numbers.shown(value, metric.unit, view.currency), grain=view.grain, tick=TICKS[metric.unit],
        step=lambda day: numbers.step(day, view.grain),
    )  # fmt: skip
    return answer.rows, ready(spec), page.course(called, answer, metric, view)


@page.part("why.title", parallel=True)
def what_changed(view, cards):
    """At most seven sentences, each a link to where it can be seen."""
    with page.section("why.title", help="why.help"):
        with page.awaited(120):
            found = sentences.told(view, tuple((card.metric, card.leads_to) for card in cards if card.metric in WHY))
        if not found:
            page.sentence(t("why.nothing", before=page.days(page.compared(view))))
        for sentence in found:
            with st.container(horizontal=True, vertical_alignment="center"):
                st.markdown(f":{TONES[sentence.is_good]}[{ARROWS[sentence.went_up]}] {sentence.text}", width="stretch")
                link(view, sentence.leads_to, t("why.see"), **sentence.segments)


@page.part("drill.title", parallel=True)
def weakest(view):
    """The worst area of the surveys, with the way down to it."""
    weak.on_overview(view)


@page.part("at_risk.title", parallel=True)
def attention(view):
    """Who is at risk with how much, whether we were there in time, and whether the data can be relied on: each a link to its page."""
    with page.section("at_risk.title"):
        with page.awaited(60):
            now = calling.today(view)
            told, kept = calling.said(now), clocks.said(view)
        page.sentence(told or t(calling.nobody(now), day=numbers.day(now.period.last_day)))
        if kept:
            page.sentence(kept)
        if checked := faults.told(view):
            page.sentence(checked)
        with st.container(horizontal=True):
            link(view, "at_risk", t("overview.to_list"))
            link(view, "journey", t("overview.to_journey"))
            link(view, "health", t("overview.to_health"))


@page.part("targets.title", parallel=True)
def aims(view):
    """The open targets, each with its own customers and days, whatever the page's filters are."""
    with page.section("targets.title"):
        goals.section(view)
        link(view, "settings", t("targets.set"))


cards = CARDS[data.answer(view, "retention").notes["basis"]]
row(view, cards)
what_changed(view, cards)
weakest(view)
attention(view)
aims(view)
over_time(view, cards)
