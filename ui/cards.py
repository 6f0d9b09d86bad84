"""KPI cards: value, change against an equal and complete period, a small line, target, n and interval, and its papers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

import charts
from metrics.change import Change
from metrics.query import Query
from metrics.result import K_FIRM
from ui import behind, data, numbers, page, standing
from ui.method import how
from ui.navigation import link
from ui.view import View
from ui.words import definition_of, plain, t

PER_ROW = 4  # at most
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


PAID = Card("funnel_to_cash", label=standing.NAMES["funnel_to_cash"], options=standing.OPTIONS["funnel_to_cash"])


@dataclass(frozen=True)
class Said:
    """A card in the reader's words.

    figure: what st.metric is given. base: how few the number rests on, where they are few. query, now: the question of its list and papers,
    and the answer's row. has_rows: whether there is a list.
    """

    figure: Mapping[str, Any]
    base: str | None
    query: Query
    now: Mapping[str, Any]
    has_rows: bool


def row(view: View, cards: Sequence[Card], per_row: int = PER_ROW) -> None:
    """Cards side by side, aligned, each failing alone: each by itself the first time, together once all of them have been drawn."""
    if all(page.was_drawn(show, view, card) for card in cards):
        _together(view, tuple(cards), per_row)
        return
    with page.boxes(min(per_row, len(cards))):
        for card in cards:
            show(view, card)


@page.fragment()
def _together(view: View, cards: tuple[Card, ...], per_row: int) -> None:
    """The cards of a row as one part of the page: eight parts cost the server more than what they show."""
    grid = page.boxes(min(per_row, len(cards)))
    for card in cards:
        with grid.cell():
            _inside(view, card, is_known=True)


@page.fragment(parallel=True)
def show(view: View, card: Card) -> None:
    """The inside of a card, computed beside the others. A metric that fails says so in the card's place."""
    _inside(view, card)


def _inside(view: View, card: Card, is_known: bool = False) -> None:
    with page.safely(title(card)), page.awaited(SKELETON, is_known):
        said = _said(view, card)
        st.metric(**said.figure, height="stretch")
        if said.base:
            st.caption(said.base)
        with page.safely(t("targets.title")):
            _target(view, card)
        _foot(view, card, said)


def title(card: Card) -> str:
    """What the card is called: its own label, else the metric's name."""
    return t(card.label) if card.label else t(f"metrics.{card.metric}.name")


@data.told
def _said(view: View, card: Card) -> Said:
    """What a card shows, whose metric may fail."""
    metric, change = data.metric(card.metric), data.compare(view, card.metric, where=card.where, **card.options)
    now, has_value = change.now, change.now["state"] == "value"
    figure = {
        "label": title(card), "value": numbers.shown(now["value"], metric.unit, view.currency) if has_value else t(f"states.{now['state']}"),
        "delta": pill(change, metric.unit, view.currency), "delta_color": colour(change, metric.better), "delta_arrow": arrow(change),
        "delta_description": beside(view, change), "help": papers(view, metric, change), **(_small_line(view, card) if card.trend else {}),
    }  # fmt: skip
    base = few(now, metric.unit) if has_value else None
    said = None if base is None else t("cards.small_base", n=numbers.count(base))
    return Said(figure, said, data.standing(view, where=card.where, **card.options), now, has_value and metric.behind is not None)


def _target(view: View, card: Card) -> None:
    """The open target for what the card shows, with its pace; its papers on hover."""
    target = standing.of_card(view, card.metric, card.options, card.where)
    if target is not None:
        line, papers = standing.line(view, target)
        st.caption(line, help=papers)


def worth(now: Mapping) -> float | None:
    """How many a number rests on: its n, or the equally heavy ones they are worth where some weigh more (n_eff)."""
    return min((now[base] for base in ("n", "n_eff") if numbers.is_number(now.get(base))), default=None)


def few(now: Mapping, unit: str) -> float | None:
    """How many a number rests on where they are few. What is counted is no sample of anything."""
    base = None if unit == "count" else worth(now)
    return base if base is not None and base < K_FIRM else None


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


def _foot(view: View, card: Card, said: Said) -> None:
    """The rows behind the number, its papers, and the page that explains it. Nothing is computed before it is opened."""
    key = f"{card.metric}_{card.label or ''}_{len(card.where)}"
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        words = {"icon": ":material/table_rows:", "help": t("cards.rows_help")}
        if said.has_rows and st.button(t("cards.rows"), type="tertiary", key=f"rows_{key}", wrap=False, **words):
            behind.opened(view, title(card), card.metric, said.query, said.now, key=f"behind_{key}")
        how(view, card.metric, key=f"how_{key}", query=said.query)
        if card.leads_to:
            link(view, card.leads_to, t("cards.more"))
