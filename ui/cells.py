"""Every dimension by the groups of one column, as a map: what is low in words, the figure, and the level that each cell opens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd
import streamlit as st

import charts
from charts.checked import Checked
from ui import data, numbers, offered, page, scores, weak
from ui.figure import clickable, ready
from ui.level import Level
from ui.table import Column
from ui.view import View
from ui.words import plain, t

COLUMNS = {
    "group": Column("nps.group"), "asked": Column("nps.dimension"), "told": Column("drill.score"), "limits": Column("drill.limits"), "on": Column("nps.scale"),
    "verdict": Column("nps.verdict"), "n": Column("nps.n", "count"),
}  # fmt: skip


def section(view: View, level: Level, usual: str | None) -> None:
    """The column to divide by, the sentence, and the map; a cell opens its level."""
    columns = offered.survey_segments(view.snapshot)
    if not columns or not scores.scored(view):
        st.caption(t("nps.no_segments"))
        return
    names = {column: plain(scores.column(column)) for column in columns}
    default = weak.dividing(view, level, columns)
    column = st.pills(t("nps.divide"), columns, default=default, format_func=names.get, key="drill_column", required=True, label_visibility="collapsed")
    cells = _cells(view, level, column)
    if cells is None:
        st.caption(t("drill.none.what"))
        return
    page.sentence(cells.says)
    if cells.hidden:
        st.caption(t("drill.map_hidden", n=cells.hidden))
    chosen = clickable(
        view, cells.chart, t("drill.map_alt"), cells.names, key=f"drill_map_{column}", prompt="drill.choose_cell", rows=cells.rows, columns=COLUMNS,
        metrics=(data.metric("satisfaction"),),
    )  # fmt: skip
    if chosen:
        scores.go(view, cells.ways[chosen], usual)


@dataclass(frozen=True)
class Cells:
    """The map: what is low in a sentence, how many cells are hidden, a figure and a table; by cell what it is called and the level it opens."""

    says: str
    hidden: int
    chart: Checked
    rows: pd.DataFrame
    names: dict[str, str]
    ways: dict[str, Level]


@data.told
def _cells(view: View, level: Level, column: str) -> Cells | None:
    """None where nothing was answered."""
    rows = scores.matrix(view, level, column)
    if rows.empty:
        return None
    records = rows.to_dict("records")
    called = {**dict(zip(rows["group"], rows["called"], strict=True)), **dict(zip(rows["dimension"], rows["asked"], strict=True))}
    spec = charts.spots(rows, "dimension", "group", scores.said, _hovered, names=called)
    told = rows.assign(
        told=[scores.said(row) if row["state"] == "value" else None for row in records], limits=[scores.interval(row) for row in records],
        on=[scores.scale(row) for row in records], verdict=[_verdict(row) for row in records], group=rows["called"],
    )  # fmt: skip
    known = [row for row in records if row["state"] == "value"]
    names = {row["cell"]: f"{row['called']} · {row['asked']}" for row in known}
    ways = {row["cell"]: _into(level, column, row) for row in known}
    return Cells(_says(rows), sum(row["state"] == "suppressed" for row in records), ready(spec), told, names, ways)


def _says(rows: pd.DataFrame) -> str:
    """How many cells are low, and which of them most answered."""
    groups = rows[rows["group"] != scores.WHOLE]
    low = groups[groups["is_low"].fillna(False).astype(bool)]
    if low.empty:
        return t("drill.map_fine")
    said = {"n": numbers.count(len(low)), "of": numbers.count(len(groups[groups["state"] == "value"]))}
    first = low.sort_values("n", ascending=False).iloc[0].to_dict()
    return t("drill.map_says", **said, group=plain(first["called"]), asked=plain(first["asked"]), value=scores.said(first))


def _into(level: Level, column: str, row: Mapping) -> Level:
    """The level that a cell opens."""
    into = level.closed().into(dimension=row["dimension"], measure=None)
    return into if row["group"] == scores.WHOLE else into.within({column: row["group"] or None})


def _verdict(row: Mapping) -> str | None:
    if row["state"] != "value":
        return None
    return t("nps.low_one" if row["is_low"] else "nps.not_low")


def _hovered(row: Mapping) -> str:
    """On hover: where, the score on its scale, its interval and how many answered."""
    said = {"group": row["called"], "asked": row["asked"], "value": scores.said(row), "scale": scores.scale(row), "limits": scores.interval(row)}
    return t("drill.cell", **said, n=numbers.count(row["n"]))
