"""Weak areas in words: what the search for low scores found, as sentences, cards, a chart and a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd
import streamlit as st

import charts
from access.guard import admitted_now
from access.roles import may
from charts.checked import Checked
from metrics.hiding import MOST_GROUPS
from ui import data, numbers, page, scores
from ui.figure import clickable, ready
from ui.level import ALL, PERIOD, Level, as_params
from ui.navigation import link
from ui.table import Column
from ui.view import View
from ui.words import plain, t, value_of

CARDS, BESIDE = 6, 2  # areas told one by one; as many stand beside the chart instead of above it
NEXT = 2  # areas that the overview names after the worst
LONGEST = 28  # characters of an area in the chart; a longer one is told by its values alone
UNITS = {"nps": "points", "mean": "score", "low_share": "share"}
DEPTH = range(1, 4)
SORTS = {"impact": "rank", "gap": "rank_by_gap"}
ROLES = ("stands_out", "usual", "below_expected")


@dataclass(frozen=True)
class Found:
    """What the search came to: the state of the whole, the answer in a sentence, the areas row by row, and notes for under them.

    looks_low: what only looks low. unsearched: columns by which nothing was searched.
    """

    state: str
    unit: str = ""
    says: str = ""
    areas: tuple[Mapping, ...] = ()
    looks_low: tuple[str, ...] = ()
    unsearched: tuple[str, ...] = ()


@data.told
def _found(view: View, level: Level) -> Found:
    """What there is to say about the level's dimension, waves and measure."""
    answer = data.answer(scores.looked(view, level), "low_scores", **_about(view, level))
    whole, areas = answer.rows.iloc[0], tuple(answer.rows[answer.rows["role"].isin(ROLES)].to_dict("records"))
    if whole["state"] != "value":
        return Found(whole["state"], areas=areas)
    unit, says = UNITS[answer.notes["measure"]], first_sentence(view, level, answer, areas)
    return Found(whole["state"], unit, says, areas, _looking_low(answer), _not_searched(answer.notes))


def _about(view: View, level: Level) -> dict:
    is_nps = scores.is_nps(view, level.dimension)
    wave = None if level.wave in (PERIOD, ALL) else level.wave
    measure = level.measure or ("nps" if is_nps else "mean")
    return {"dimension": None if is_nps and measure == "nps" else level.dimension, "wave": wave, "measure": measure}


def pairs(row: Mapping) -> tuple[tuple[str, str | None], ...]:
    """The conditions of a row's area."""
    known = [(row[f"column_{k}"], row[f"value_{k}"]) for k in DEPTH if isinstance(row[f"column_{k}"], str)]
    return tuple((column, None if value is None or value != value else str(value)) for column, value in known)


def area(row: Mapping) -> str:
    """A row's area in words, as plain text."""
    return scores.segment(pairs(row))


def first_sentence(view: View, level: Level, answer, rows: tuple[Mapping, ...]) -> str:
    """The answer first: the worst area and what the whole would gain; or that none is low."""
    unit, whole = UNITS[answer.notes["measure"]], answer.rows.iloc[0]
    strong = [row for row in rows if row["role"] == "stands_out"]
    values = {"what": plain(scores.name(view, level.dimension)), "all": numbers.shown(whole["value"], unit), "n": numbers.count(whole["n"])}
    if strong:
        worst = strong[0]
        values |= {"area": plain(area(worst)), "value": numbers.shown(worst["value"], unit), "answers": numbers.count(worst["n"])}
        values |= {"gap": numbers.size(worst["gap"], unit), "gain": numbers.size(worst["impact"], unit)}
        return t("drill.worst_share" if unit == "share" else "drill.worst", **values)
    return t("drill.only_usual" if rows else "drill.none_low", **values, searched=numbers.count(answer.notes.get("searched")))


def on_overview(view: View) -> None:
    """The worst areas of the first thing that was asked, in a sentence or two with the way down; nothing where nobody answered."""
    found = _worst(view)
    if found is None:
        return
    says, there, first = found
    with page.section("drill.title"), st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(says, width="stretch")
        link(view, "drill", t("why.see"), state=as_params(there, first))


@data.told
def _worst(view: View) -> tuple[str, Level, str] | None:
    """The worst areas in a sentence or two, the level of the worst, and what was asked."""
    first = next(iter(scores.scored(view)), None)
    found = _found(view, Level(first)) if first else None
    if found is None or found.state != "value":
        return None
    worst, *others = [row for row in found.areas if row["role"] == "stands_out"][: 1 + NEXT] or [None]
    there = Level(first).within(dict(pairs(worst))) if worst else Level(first)
    says = t("format.sentences", first=found.says, then=_next(others, found.unit)) if others else found.says
    return says, there, first


def _next(rows: list[Mapping], unit: str) -> str:
    """The areas after the worst, each with what the whole would gain."""
    told = [t("drill.next_area", area=plain(area(row)), gain=numbers.size(row["impact"], unit)) for row in rows]
    return t("drill.next", areas=t("drill.between").join(told))


def section(view: View, level: Level, usual: str | None) -> None:
    """The whole list: sentence, cards, chart and table. A click opens the area."""
    with page.awaited(320):
        found = _found(view, level)
    if found.state != "value":
        page.empty("drill.none" if found.state == "no_data" else "drill.few")
        return
    page.sentence(found.says)
    if found.areas:
        _areas(view, level, usual, found)
    for note in found.unsearched:
        st.caption(note)


def _areas(view: View, level: Level, usual: str | None, found: Found) -> None:
    """The areas that stand out as cards, all of them as a chart, and what only looks low."""
    order = _ordered(view, level, _order(len(found.areas)))
    if len(order.cards) > BESIDE:
        grid = page.boxes(3)
        for card in order.cards:
            with grid.cell():
                _card(view, card, usual)
        _chart(view, order, found.unit, usual)
    else:
        left, right = st.columns([2, 3])
        for card in order.cards:
            with left.container(border=True):
                _card(view, card, usual)
        with right:
            _chart(view, order, found.unit, usual)
    for note in found.looks_low:
        st.caption(note)


def _order(areas: int) -> str:
    """The order that the reader wants; areas that stand out come first either way."""
    if areas < 2:
        return next(iter(SORTS))
    names = {name: t(f"drill.sorts.{name}") for name in SORTS}
    return st.segmented_control(t("drill.sort"), list(names), default="impact", format_func=names.get, key="drill_sort", required=True)


@dataclass(frozen=True)
class Card:
    """One area in words, and the level it is: what the whole would gain, its score, and what else is known of it."""

    area: str
    gain: str
    stands_at: str
    remarks: tuple[str, ...]
    there: Level


def _card(view: View, card: Card, usual: str | None) -> None:
    """The card, with the ways to its level and to a plan for it."""
    st.markdown(f"**{card.area}**")
    st.metric(t("drill.gain"), card.gain, help=t("drill.gain_help"))
    st.markdown(card.stands_at)
    for line in card.remarks:
        st.caption(line)
    with st.container(horizontal=True):
        link(view, "drill", t("drill.open"), state=as_params(card.there, usual))
        to_plan(view, card.there)


def _as_card(level: Level, row: Mapping, unit: str) -> Card:
    shown = {name: numbers.shown(row[name], unit) for name in ("value", "low", "high")}
    stands_at = t("drill.stands_at_share" if unit == "share" else "drill.stands_at", **shown, n=numbers.count(row["n"]), gap=numbers.size(row["gap"], unit))
    gain = numbers.difference(row["impact"] if unit != "share" else -row["impact"], unit)
    return Card(plain(area(row)), gain, stands_at, tuple(remarks(row, unit)), level.within(dict(pairs(row))))


def to_plan(view: View, level: Level) -> None:
    """The way to a new plan for a level, for who may open one."""
    if may(admitted_now(), "edit_plans"):
        link(view, "plans", t("plans.open"), icon=":material/add_task:", state={**as_params(level, None), "new": "1"})


def remarks(row: Mapping, unit: str) -> list[str]:
    """What else is known of an area: its honest size, its trend, what it adds to its parent, who else is there."""
    said = []
    if numbers.is_number(row["honest_gap"]):
        said.append(t("drill.honest", gap=numbers.size(row["honest_gap"], unit), n=numbers.count(row["honest_n"])))
    if isinstance(row["trend"], str):
        moved = {"before": numbers.shown(row["before"], unit), "now": numbers.shown(row["now"], unit)}
        said.append(t(f"drill.trends.{row['trend']}", **moved))
    if isinstance(row["parent"], str) and numbers.is_number(row["adds"]):
        said.append(t("drill.adds", adds=numbers.size(row["adds"], unit), parent=plain(in_words(row["parent"]))))
    if isinstance(row["same_as"], str):
        said.append(t("drill.same_as", other=plain(in_words(row["same_as"]))))
    return said


def in_words(text: str) -> str:
    """An area of the metric, "region = West · product = Food", in the reader's words."""
    parts = [part.partition(" = ") for part in text.split(" · ")]
    return scores.segment((column, None if value == "–" else value) for column, _, value in parts)


@dataclass(frozen=True)
class Ordered:
    """The areas in an order: cards of the first, a chart and a table of all, and by rank what each is called and the level it is."""

    cards: tuple[Card, ...]
    chart: Checked
    rows: pd.DataFrame
    names: dict[str, str]
    ways: dict[str, Level]
    has_grey: bool


@data.told
def _ordered(view: View, level: Level, sort: str) -> Ordered:
    """All areas against the whole, and the first of them one by one."""
    found, whole = _found(view, level), data.answer(scores.looked(view, level), "low_scores", **_about(view, level)).rows.iloc[0]["value"]
    order, unit = sorted(found.areas, key=lambda row: row[SORTS[sort]]), found.unit
    strong = [row for row in order if row["role"] == "stands_out"][:CARDS] or order[:1]
    ranks, words = [str(int(row["rank"])) for row in order], [area(row) for row in order]
    trends = [t(f"drill.trend_words.{row['trend']}") if isinstance(row["trend"], str) else None for row in order]
    rows = pd.DataFrame(order).assign(rank=ranks, words=words, note=[t(f"drill.roles.{row['role']}") for row in order], trend=trends)
    names = dict(zip(ranks, words, strict=True))
    short = {rank: called if len(called) <= LONGEST else _values(row) for (rank, called), row in zip(names.items(), order, strict=True)}
    usual_ones = tuple(rows.loc[rows["role"] != "stands_out", "rank"])
    show = lambda value: numbers.shown(value, unit)  # noqa: E731
    against = {"reference": whole, "reference_label": t("nps.all", value=show(whole))}
    spec = charts.forest(rows, "rank", show, names=short, tick=".0%" if unit == "share" else "", weak=usual_ones, **against)
    ways = {rank: level.within(dict(pairs(row))) for rank, row in zip(ranks, order, strict=True)}
    return Ordered(tuple(_as_card(level, row, unit) for row in strong), ready(spec), rows, names, ways, bool(usual_ones))


def _chart(view: View, order: Ordered, unit: str, usual: str | None) -> None:
    """All areas with their intervals against the whole; a mark opens its area."""
    if order.has_grey:
        st.caption(t("drill.grey"))
    table = {"rows": order.rows, "columns": _columns(unit), "metrics": (data.metric("low_scores"),)}
    chosen = clickable(view, order.chart, t("drill.areas_alt"), order.names, key="drill_areas", prompt="drill.choose_area", **table)
    if chosen:
        scores.go(view, order.ways[chosen], usual)


def _values(row: Mapping) -> str:
    return " · ".join(value_of(column, value) for column, value in pairs(row))


def dividing(view: View, level: Level, columns) -> str:
    """The column to divide by first: that of the worst area, where it is one of these."""
    named = [column for row in _found(view, level).areas for column, _ in pairs(row)]
    return next((column for column in named if column in columns), columns[0])


def _columns(unit: str) -> dict[str, Column]:
    return {
        "words": Column("drill.area"), "note": Column("drill.role", help="drill.role_help"), "impact": Column("drill.gain", unit, "drill.gain_help"),
        "gap": Column("drill.gap", unit, "drill.gap_help"), "honest_gap": Column("drill.honest_gap", unit, "drill.honest_help"),
        "value": Column("drill.score", unit), "low": Column("nps.low", unit), "high": Column("nps.high", unit), "n": Column("nps.n", "count"),
        "shrunken": Column("drill.shrunken", unit, "drill.shrunken_help"), "adds": Column("drill.added", unit, "drill.added_help"),
        "trend": Column("drill.trend"), "q": Column("drill.q", "ratio", "drill.q_help"),
    }  # fmt: skip


def _looking_low(answer) -> tuple[str, ...]:
    """What looks low and is not by itself."""
    pointers = [row for row in answer.rows.to_dict("records") if row["role"] == "points_to"]
    said = [t("drill.points_to", area=plain(area(row)), part=plain(in_words(row["points_to"]))) for row in pointers]
    return (*said, *([t("nps.hidden", n=answer.notes["hidden"])] if answer.notes.get("hidden") else []))


def _not_searched(notes: Mapping) -> tuple[str, ...]:
    """Columns by which nothing was searched, each with its reason."""
    wide = [f"{plain(scores.column(name))} ({numbers.count(n)})" for name, n in notes["wide_columns"].items()]
    said = {"wide": wide, "no_room": [plain(scores.column(name)) for name in notes["left_out_columns"]]}
    said["same"] = [f"{plain(scores.column(one))} = {plain(scores.column(other))}" for one, other in notes.get("same_columns", {}).items()]
    between, most = t("drill.between"), numbers.count(MOST_GROUPS)
    return tuple(t(f"drill.not_searched.{reason}", columns=between.join(columns), most=most) for reason, columns in said.items() if columns)
