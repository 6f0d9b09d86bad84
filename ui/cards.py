"""KPI cards: value, change against an equal and complete period, a small line, target, n and interval, and its papers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

import charts
from metrics.change import Change
from metrics.result import K_FIRM
from ui import behind, data, numbers, page, standing
from ui.method import how
from ui.navigation import link
from ui.view import View
from ui.words import definition_of, plain, t

PER_ROW = 4
SKELETON = 140  # px kept free while a card is computed


@dataclass(frozen=True)
class Card:
    """What a card shows. metric: name in the catalogue. leads_to: page behind the card. label: glossary key that replaces
    the metric's name. trend: whether it has a small line. An open target for what it shows stands under the number."""

    metric: str
    leads_to: str | None = None
    label: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    where: Mapping[str, str | None] = field(default_factory=dict)
    trend: bool = True


def row(view: View, cards: Sequence[Card], per_row: int = PER_ROW) -> None:
    """Cards side by side, aligned, each failing alone."""
    for start in range(0, len(cards), per_row):
        chunk = cards[start : start + per_row]
        for column, card in zip(st.columns(per_row if len(cards) > per_row else len(chunk), border=True), chunk, strict=False):
            with column:
                show(view, card)


@page.fragment(parallel=True)
def show(view: View, card: Card) -> None:
    """The inside of a card, computed beside the others. A metric that fails says so in the card's place."""
    with page.safely(title(card)), page.awaited(SKELETON):
        change = data.compare(view, card.metric, where=card.where, **card.options)
        _headline(view, card, change)
        with page.safely(t("targets.title")):
            _target(view, card)
        _foot(view, card, change)


def title(card: Card) -> str:
    """What the card is called: its own label, else the metric's name."""
    return t(card.label) if card.label else t(f"metrics.{card.metric}.name")


def _headline(view: View, card: Card, change: Change) -> None:
    metric, now = data.metric(card.metric), change.now
    value = numbers.shown(now["value"], metric.unit, view.currency) if now["state"] == "value" else t(f"states.{now['state']}")
    st.metric(
        title(card), value, delta=pill(change, metric.unit, view.currency), delta_color=colour(change, metric.better), delta_arrow=arrow(change),
        delta_description=beside(view, change), **(_small_line(view, card) if card.trend else {}),
        help=papers(view, metric, change), height="stretch",
    )  # fmt: skip
    if now["state"] == "value":
        _marks(view, card, metric, now)


def _marks(view: View, card: Card, metric, now: Mapping) -> None:
    base = worth(now)
    if base is not None and base < K_FIRM:
        st.caption(t("cards.small_base", n=numbers.count(base)))


def _target(view: View, card: Card) -> None:
    """The open target for what the card shows, with its pace; its papers on hover."""
    target = standing.of_card(view, card.metric, card.options, card.where)
    if target is not None:
        line, papers = standing.line(view, target)
        st.caption(line, help=papers)


def worth(now: Mapping) -> float | None:
    """How many a number rests on: its n, or the equally heavy ones they are worth where some weigh more (n_eff)."""
    return min((now[base] for base in ("n", "n_eff") if numbers.is_number(now.get(base))), default=None)


def pill(change: Change, unit: str, currency: str) -> str | None:
    """The words of the change: its size, or why there is none to tell."""
    if change.verdict in ("no_data", "suppressed"):
        return None
    if change.verdict in ("new", "before_suppressed", "too_few"):
        return t(f"verdicts.{change.verdict}")
    return numbers.difference(change.delta, unit, currency)


def colour(change: Change, better: str | None) -> str:
    """Green and red only for a change that is certain, and where one way is the good one."""
    if change.verdict != "changed" or better is None:
        return "off"
    return "green" if (change.delta > 0) == (better == "higher") else "red"


def arrow(change: Change) -> str:
    """An arrow only for a change that is certain."""
    if change.verdict != "changed":
        return "off"
    return "up" if change.delta > 0 else "down"


def beside(view: View, change: Change) -> str | None:
    """What stands beside the pill: the comparison by name, or that the change may be chance."""
    if change.verdict == "no_clear_change":
        return t("verdicts.no_clear_change")
    return t(f"cards.against_{view.against}") if change.verdict == "changed" else None


def papers(view: View, metric, change: Change) -> str:
    """On hover: the definition, the interval, how many there are, and the value before."""
    now, lines = change.now, [definition_of(metric)]
    if numbers.is_number(now.get("low")) and numbers.is_number(now.get("high")):
        low, high = (numbers.shown(now[side], metric.unit, view.currency) for side in ("low", "high"))
        lines.append(t("cards.interval", low=low, high=high))
    if numbers.is_number(now["n"]):
        lines.append(t("cards.n", n=numbers.count(now["n"])))
    if numbers.is_number(change.before["value"]):
        before = numbers.shown(change.before["value"], metric.unit, view.currency)
        lines.append(t("cards.before", value=before, days=page.days(page.compared(view))))
    return "\n\n".join(plain(line) for line in lines)


def _small_line(view: View, card: Card) -> dict:
    """The series without axes, in st.metric's words."""
    return small(data.derived(view, card.metric, charts.sparkline, grain=view.grain, where=card.where, **card.options))


def small(values: list[float | None]) -> dict:
    """A line over an unbroken series, from its first value to its last. One with gaps is bars: a small line cannot show them."""
    known = [value for value in values if value is not None]
    if len(known) < 2:
        return {}
    places = [place for place, value in enumerate(values) if value is not None]
    unbroken = places[-1] - places[0] + 1 == len(known)
    return {"chart_data": known, "chart_type": "line" if unbroken else "bar"}


def _foot(view: View, card: Card, change: Change) -> None:
    """The rows behind the number, its papers, and the page that explains it. Nothing is computed before it is opened."""
    query, key = data.standing(view, where=card.where, **card.options), f"{card.metric}_{card.label or ''}_{len(card.where)}"
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        has_rows = change.now["state"] == "value" and data.metric(card.metric).behind is not None
        if has_rows and st.button(t("cards.rows"), type="tertiary", icon=":material/table_rows:", key=f"rows_{key}", help=t("cards.rows_help"), wrap=False):
            behind.opened(view, title(card), card.metric, query, change.now, key=f"behind_{key}")
        how(view, card.metric, key=f"how_{key}", query=query)
        if card.leads_to:
            link(view, card.leads_to, t("cards.more"))
