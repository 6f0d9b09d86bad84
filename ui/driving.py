"""What drives the overall score, in words and as a chart: importance against performance of each dimension."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
import streamlit as st

import charts
from charts.checked import Checked
from ui import data, numbers, page, scores
from ui.figure import clickable, ready
from ui.level import ALL, PERIOD, Level
from ui.table import Column
from ui.view import View
from ui.words import plain, t

QUADRANTS = ("improve_first", "keep_up", "maintain", "low_priority", "cannot_tell")
COLUMNS = {
    "called": Column("nps.dimension"), "place": Column("drill.place"), "share": Column("drill.importance", "share", "drill.importance_help"),
    "share_low": Column("nps.low", "share"), "share_high": Column("nps.high", "share"), "told": Column("nps.mean"), "on": Column("nps.scale"),
    "n": Column("nps.n", "count"),
}  # fmt: skip


def section(view: View, level: Level, usual: str | None) -> None:
    """The sentence first, then the chart, whose points open their dimension."""
    looked, wave = scores.looked(view, level), None if level.wave in (PERIOD, ALL) else level.wave
    with page.awaited(320):
        answer = data.answer(looked, "drivers", wave=wave)
    page.failed_checks(answer)
    found = _found(looked, wave)
    if found is None:
        st.caption(t("drill.no_drivers"))
        return
    page.sentence(found.says)
    chosen = clickable(
        view, found.chart, t("drill.drivers_alt"), found.names, key="drill_drivers", prompt="drill.choose_dimension", rows=found.rows, columns=COLUMNS,
        metrics=(data.metric("drivers"),),
    )  # fmt: skip
    if chosen:
        scores.go(view, level.closed().into(dimension=chosen, measure=None), usual)


@dataclass(frozen=True)
class Found:
    """What drives the score: a sentence, a chart and a table of the dimensions, and what each is called."""

    says: str
    chart: Checked
    rows: pd.DataFrame
    names: dict[str, str]


@data.told
def _found(looked: View, wave: str | None) -> Found | None:
    """None where there are fewer than two dimensions to compare."""
    answer = data.answer(looked, "drivers", wave=wave)
    rows = answer.rows[answer.rows["state"] == "value"].reset_index(drop=True)
    if len(rows) < 2:
        return None
    names = {dimension: scores.name(looked, dimension) for dimension in rows["dimension"]}
    words = {name: t(f"drill.quadrants.{name}") for name in (*QUADRANTS, "performance", "importance")}
    share = lambda value: numbers.shown(value, "share")  # noqa: E731
    spec = charts.quadrants(rows, (answer.notes["average_performance"], answer.notes["average_share"]), words, share, share, names=names)
    records = rows.assign(value=rows["mean"], is_low=False).to_dict("records")
    told = rows.assign(
        called=rows["dimension"].map(names), place=rows["quadrant"].map(words), told=[scores.said(row) for row in records],
        on=[scores.scale(row) for row in records],
    )  # fmt: skip
    return Found(_says(looked, answer, rows, names), ready(spec), told, names)


def _says(looked: View, answer, rows, names: dict) -> str:
    """Which dimensions to improve first; or that it cannot be told."""
    first = [plain(names[dimension]) for dimension in rows.loc[rows["quadrant"] == "improve_first", "dimension"]]
    values = {
        "what": plain(scores.name(looked, answer.notes["overall"])),
        "n": numbers.count(answer.notes["n"]),
        "share": numbers.shown(answer.notes["r2"], "share"),
    }
    if first:
        return t("drill.improve_first", **values, names=t("drill.and").join(first))
    return t("drill.none_first", **values)
