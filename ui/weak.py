"""Weak areas in words: what the search for low scores found, as sentences, cards, a chart and a table."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import streamlit as st

import charts
from access.guard import admitted_now
from access.roles import may
from metrics.hiding import MOST_GROUPS
from ui import data, numbers, page, scores
from ui.figure import clickable
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


def found(view: View, level: Level):
    """The answer of the search, about the level's dimension, waves and measure."""
    return data.answer(scores.looked(view, level), "low_scores", **_about(view, level))


def _told(view: View, level: Level) -> list[dict]:
    """What was found, row by row; not to be written to."""
    return data.derived(scores.looked(view, level), "low_scores", _areas_of, **_about(view, level))


def _areas_of(rows: pd.DataFrame) -> list[dict]:
    return rows[rows["role"].isin(ROLES)].to_dict("records")


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


def first_sentence(view: View, level: Level, answer, rows: list[dict]) -> str:
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
    first = next(iter(scores.scored(view)), None)
    level = Level(first)
    answer = found(view, level) if first else None
    if answer is None or answer.rows.iloc[0]["state"] != "value":
        return
    rows = _told(view, level)
    worst, *others = [row for row in rows if row["role"] == "stands_out"][: 1 + NEXT] or [None]
    there = level.within(dict(pairs(worst))) if worst else level
    said = first_sentence(view, level, answer, rows)
    said = t("format.sentences", first=said, then=_next(others, UNITS[answer.notes["measure"]])) if others else said
    with page.section("drill.title"), st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(said, width="stretch")
        link(view, "drill", t("why.see"), state=as_params(there, first))


def _next(rows: list[dict], unit: str) -> str:
    """The areas after the worst, each with what the whole would gain."""
    told = [t("drill.next_area", area=plain(area(row)), gain=numbers.size(row["impact"], unit)) for row in rows]
    return t("drill.next", areas=t("drill.between").join(told))


def section(view: View, level: Level, usual: str | None) -> None:
    """The whole list: sentence, cards, chart and table. A click opens the area."""
    with page.awaited(320):
        answer = found(view, level)
    whole = answer.rows.iloc[0]
    if whole["state"] != "value":
        page.empty("drill.none" if whole["state"] == "no_data" else "drill.few")
        return
    rows = _told(view, level)
    page.sentence(first_sentence(view, level, answer, rows))
    if rows:
        _areas(view, level, usual, answer, rows)
    _not_searched(answer.notes)


def _areas(view: View, level: Level, usual: str | None, answer, rows: list[dict]) -> None:
    """The areas that stand out as cards, all of them as a chart, and what only looks low."""
    unit = UNITS[answer.notes["measure"]]
    order = _order(rows)
    strong = [row for row in order if row["role"] == "stands_out"][:CARDS] or order[:1]
    if len(strong) > BESIDE:
        for start in range(0, len(strong), 3):
            for column, row in zip(st.columns(3), strong[start : start + 3], strict=False):
                with column.container(border=True, height="stretch"):
                    _card(view, level, row, unit, usual)
        _chart(view, level, answer, order, unit, usual)
    else:
        left, right = st.columns([2, 3])
        for row in strong:
            with left.container(border=True):
                _card(view, level, row, unit, usual)
        with right:
            _chart(view, level, answer, order, unit, usual)
    _pointers(answer)


def _order(rows: list[dict]) -> list[dict]:
    """The areas in the order that the reader wants; those that stand out come first either way."""
    if len(rows) < 2:
        return rows
    names = {name: t(f"drill.sorts.{name}") for name in SORTS}
    chosen = st.segmented_control(t("drill.sort"), list(names), default="impact", format_func=names.get, key="drill_sort", required=True)
    return sorted(rows, key=lambda row: row[SORTS[chosen]])


def _card(view: View, level: Level, row: Mapping, unit: str, usual: str | None) -> None:
    """One area: what the whole would gain, its score, and what else is known of it."""
    st.markdown(f"**{plain(area(row))}**")
    st.metric(t("drill.gain"), numbers.difference(row["impact"] if unit != "share" else -row["impact"], unit), help=t("drill.gain_help"))
    shown = {"value": numbers.shown(row["value"], unit), "low": numbers.shown(row["low"], unit), "high": numbers.shown(row["high"], unit)}
    st.markdown(t("drill.stands_at_share" if unit == "share" else "drill.stands_at", **shown, n=numbers.count(row["n"]), gap=numbers.size(row["gap"], unit)))
    for line in remarks(row, unit):
        st.caption(line)
    there = level.within(dict(pairs(row)))
    with st.container(horizontal=True):
        link(view, "drill", t("drill.open"), state=as_params(there, usual))
        to_plan(view, there)


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


def _chart(view: View, level: Level, answer, order: list[dict], unit: str, usual: str | None) -> None:
    """All areas with their intervals against the whole; a mark opens its area."""
    whole = answer.rows.iloc[0]["value"]
    rows = pd.DataFrame(order)
    rows = rows.assign(rank=rows["rank"].astype(int).astype(str), words=[area(row) for row in order], note=[_note(row) for row in order])
    rows = rows.assign(trend=[t(f"drill.trend_words.{row['trend']}") if isinstance(row["trend"], str) else None for row in order])
    names = dict(zip(rows["rank"], rows["words"], strict=True))
    short = {rank: words if len(words) <= LONGEST else _values(row) for (rank, words), row in zip(names.items(), order, strict=True)}
    usual_ones = tuple(rows.loc[rows["role"] != "stands_out", "rank"])
    show = lambda value: numbers.shown(value, unit)  # noqa: E731
    against = {"reference": whole, "reference_label": t("nps.all", value=show(whole))}
    spec = charts.forest(rows, "rank", show, names=short, tick=".0%" if unit == "share" else "", weak=usual_ones, **against)
    if usual_ones:
        st.caption(t("drill.grey"))
    table = {"rows": rows, "columns": _columns(unit), "metrics": (data.metric("low_scores"),)}
    chosen = clickable(view, spec, t("drill.areas_alt"), names, key="drill_areas", prompt="drill.choose_area", **table)
    if chosen:
        row = next(row for row in order if str(int(row["rank"])) == chosen)
        scores.go(view, level.within(dict(pairs(row))), usual)


def _values(row: Mapping) -> str:
    return " · ".join(value_of(column, value) for column, value in pairs(row))


def dividing(view: View, level: Level, columns) -> str:
    """The column to divide by first: that of the worst area, where it is one of these."""
    named = [column for row in _told(view, level) for column, _ in pairs(row)]
    return next((column for column in named if column in columns), columns[0])


def _note(row: Mapping) -> str:
    return t(f"drill.roles.{row['role']}")


def _columns(unit: str) -> dict[str, Column]:
    return {
        "words": Column("drill.area"), "note": Column("drill.role", help="drill.role_help"), "impact": Column("drill.gain", unit, "drill.gain_help"),
        "gap": Column("drill.gap", unit, "drill.gap_help"), "honest_gap": Column("drill.honest_gap", unit, "drill.honest_help"),
        "value": Column("drill.score", unit), "low": Column("nps.low", unit), "high": Column("nps.high", unit), "n": Column("nps.n", "count"),
        "shrunken": Column("drill.shrunken", unit, "drill.shrunken_help"), "adds": Column("drill.added", unit, "drill.added_help"),
        "trend": Column("drill.trend"), "q": Column("drill.q", "ratio", "drill.q_help"),
    }  # fmt: skip


def _pointers(answer) -> None:
    """What looks low and is not by itself."""
    for row in answer.rows.to_dict("records"):
        if row["role"] == "points_to":
            st.caption(t("drill.points_to", area=plain(area(row)), part=plain(in_words(row["points_to"]))))
    if answer.notes.get("hidden"):
        st.caption(t("nps.hidden", n=answer.notes["hidden"]))


def _not_searched(notes: Mapping) -> None:
    """Columns by which nothing was searched, each with its reason."""
    wide = [f"{plain(scores.column(name))} ({numbers.count(n)})" for name, n in notes["wide_columns"].items()]
    said = {"wide": wide, "no_room": [plain(scores.column(name)) for name in notes["left_out_columns"]]}
    said["same"] = [f"{plain(scores.column(one))} = {plain(scores.column(other))}" for one, other in notes.get("same_columns", {}).items()]
    for reason, columns in said.items():
        if columns:
            st.caption(t(f"drill.not_searched.{reason}", columns=t("drill.between").join(columns), most=numbers.count(MOST_GROUPS)))
