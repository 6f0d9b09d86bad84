"""An open level of a survey: the way back up, the score here against the rest and the last wave, and what lies below."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import pandas as pd
import streamlit as st

import charts
from charts.checked import Checked
from metrics import nps
from metrics.change import changed
from metrics.result import K_TESTABLE
from ui import data, numbers, offered, page, scores, voices, weak
from ui.figure import clickable, figure, ready
from ui.level import ALL, PERIOD, Level, as_params
from ui.navigation import link
from ui.table import Column
from ui.view import View
from ui.words import plain, t, value_of

LONG = 10  # the widest scale of which every score is drawn, given or not


def breadcrumb(view: View, level: Level, usual: str | None) -> None:
    """The way back up: every step above is a link, the last one is where the reader is."""
    *above, (kind, here) = level.path()
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        for step, there in above:
            link(view, "drill", plain(step_name(view, step, there)), icon=":material/chevron_right:", state=as_params(there, usual))
        st.markdown(f"**{plain(step_name(view, kind, here))}**", width="content")


def step_name(view: View, kind: str, level: Level) -> str:
    """What a step of the way is called, as plain text."""
    if kind == "areas":
        return t("drill.all_areas")
    if kind == "dimension":
        return scores.name(view, level.dimension)
    if kind == "question":
        return question_text(view, level)
    return scores.condition(*level.segment[-1]) if kind == "segment" else voices.account_name(view, level)


@data.told
def question_text(view: View, level: Level) -> str:
    """A question in its own words; its id where the period has none of it."""
    rows = data.answer(scores.everything(view), "satisfaction", by=("question_id", "question"), dimension=level.dimension).rows
    known = rows[(rows["question_id"] == level.question) | (rows["question"] == level.question)]
    return level.question if known.empty else str(known["question"].iloc[0])


# the score of the level


def headline(view: View, level: Level) -> bool:
    """Score, everybody else, and the last wave against the one before. Returns whether there is a score to go on from."""
    state, figures = _stands(view, level)
    if state != "value":
        page.empty("drill.none" if state == "no_data" else "drill.few")
        return False
    grid = page.boxes(len(figures))
    for shown in figures:
        with grid.cell():
            st.metric(shown.label, shown.value, help=shown.help)
            st.caption(shown.note)
    scores.not_counted(scores.notes(view, level))
    weak.to_plan(view, level)
    return True


@dataclass(frozen=True)
class Figure:
    """A figure in words: what it is called, its value, and what there is to say under it."""

    label: str
    value: str
    note: str
    help: str | None = None


@data.told
def _stands(view: View, level: Level) -> tuple[str, tuple[Figure, ...]]:
    """The state of a level's score; where it may be shown the score itself, that of everybody else, and how it moved since the wave before."""
    row = scores.rows(view, level).iloc[0].to_dict()
    if row["state"] != "value":
        return row["state"], ()
    limits = t("drill.interval", limits=scores.interval(row), n=numbers.count(row["n"]))
    here = Figure(scores.name(view, level.dimension), scores.said(row), limits, t("drill.scale", scale=scores.scale(row)))
    return row["state"], (here, _against_rest(view, level, row), _since_last(view, level, row))


def _against_rest(view: View, level: Level, row: dict) -> Figure:
    inside, *rest = scores.beside(view, level)
    if not rest or rest[0]["state"] != "value":
        return Figure(t("drill.rest"), numbers.NONE if not rest else t(f"states.{rest[0]['state']}"), t("drill.whole" if not rest else "drill.rest_hidden"))
    change, unit = changed(inside, rest[0]), scores.unit(row)
    value = numbers.shown(rest[0]["value"], unit)
    if change.verdict != "changed":
        too_few = "too_few" if change.verdict == "too_few" else "same"
        return Figure(t("drill.rest"), value, t(f"drill.against.{too_few}", k=numbers.count(K_TESTABLE)))
    way = "below" if change.delta < 0 else "above"
    return Figure(t("drill.rest"), value, t(f"drill.against.{way}", size=numbers.size(change.delta, unit), n=numbers.count(rest[0]["n"])))


def by_wave(view: View, level: Level) -> pd.DataFrame:
    """The level's score in every wave there is that asked on its scale, whichever is looked at."""
    here = scores.rows(view, level).iloc[0]
    scale = f"{here['scale_min']:g}-{here['scale_max']:g}" if numbers.is_number(here["scale_min"]) else None
    rows = scores.rows(view, replace(level, wave=ALL), by=("wave",), where=dict(level.segment), scale=scale)
    return rows.dropna(subset=["wave"]).reset_index(drop=True)


def _since_last(view: View, level: Level, row: dict) -> Figure:
    rows, unit = by_wave(view, level), scores.unit(row)
    known = rows[rows["state"] != "no_data"]
    until = len(known) if level.wave in (PERIOD, ALL) else known["wave"].tolist().index(level.wave) + 1 if level.wave in set(known["wave"]) else 0
    if until < 2:
        return Figure(t("drill.since"), numbers.NONE, t("drill.one_wave"))
    before, now = (known.iloc[place].to_dict() for place in (until - 2, until - 1))
    change = changed(now, before)
    is_known = change.delta is not None
    nothing = t(f"states.{now['state']}") if now["state"] != "value" else t("verdicts.new")
    shown = {"from_": numbers.shown(before["value"], unit), "to": numbers.shown(now["value"], unit)}
    said = {"before": plain(before["wave"]), "now": plain(now["wave"]), **shown}
    verdict = change.verdict if change.verdict in ("changed", "no_clear_change", "too_few") else "not_compared"
    moved = numbers.difference(change.delta, unit) if is_known else nothing
    return Figure(t("drill.since"), moved, t(f"drill.waves_compared.{verdict}", **said))


# what lies below


@dataclass(frozen=True)
class Drawn:
    """A figure with its rows, their columns, and what each mark that can be opened is called."""

    chart: Checked
    rows: pd.DataFrame
    columns: Mapping[str, Column]
    opens: Mapping[str, str]


@page.part("drill.course")
def course(view: View, level: Level, usual: str | None) -> None:
    """Every wave with its interval, and how often each score was given."""
    left, right = st.columns(2)
    with left, page.section("drill.course", help="drill.course_help"):
        drawn = _course(view, level)
        if drawn is None:
            st.caption(t("nps.no_waves"))
        else:
            metrics = (scores.metric_of(view, level),)
            figure(view, drawn.chart, t("drill.course_alt"), key="drill_course", rows=drawn.rows, columns=drawn.columns, metrics=metrics)
    with right, page.section("drill.spread", help="drill.spread_help"):
        drawn, metrics = _spread(view, level), (data.metric("score_counts"),)
        figure(view, drawn.chart, t("drill.spread_alt"), key="drill_spread", rows=drawn.rows, columns=drawn.columns, metrics=metrics)


@data.told
def _course(view: View, level: Level) -> Drawn | None:
    """The level's score in every wave; None where there is none."""
    rows = by_wave(view, level)
    if rows.empty:
        return None
    row = rows.iloc[0].to_dict()
    show = lambda value: numbers.shown(value, scores.unit(row))  # noqa: E731
    spec = charts.forest(rows, "wave", show, tick=tick(row), names={wave: wave for wave in rows["wave"]})
    return Drawn(ready(spec), rows, _figures("wave", row), {})


def _figures(key: str, row: dict) -> dict[str, Column]:
    unit = scores.unit(row)
    return {
        key: Column("nps.wave" if key == "wave" else "nps.group"), "value": Column("drill.score", unit), "low": Column("nps.low", unit),
        "high": Column("nps.high", unit), "n": Column("nps.n", "count"),
    }  # fmt: skip


def tick(row: dict) -> str:
    return {"points": ".0f", "share": ".0%", "score": ".1f"}[scores.unit(row)]


@data.told
def _spread(view: View, level: Level) -> Drawn:
    """Bars from the lowest score up; yes and no are called so."""
    name, options = scores.asked(view, level)
    about = {**options, "measure": "nps" if name == "nps" else "mean"}
    rows = data.answer(scores.looked(view, level), "score_counts", where=level.where, **about).rows.dropna(subset=["score"])
    whole = scores.rows(view, level).iloc[0]
    rows = with_zeros(rows, nps.SCALE if name == "nps" else (whole["scale_min"], whole["scale_max"]))
    is_yes_no = scores.unit(whole) == "share"
    called = {0.0: t("drill.no"), 1.0: t("drill.yes")} if is_yes_no else {}
    told = rows.assign(score=[called.get(score, numbers.bare(score)) for score in rows["score"]], value=rows["numerator"])
    columns = {"score": Column("nps.score"), "numerator": Column("nps.n", "count")}
    names = {score: f"{score} " for score in told["score"]}  # a name, not a place on the axis
    spec = charts.bars(told.iloc[::-1], "score", numbers.count, names=names)
    return Drawn(ready(spec), told, columns, {})


def with_zeros(rows: pd.DataFrame, ends: tuple[float, float]) -> pd.DataFrame:
    """Counts by score with the scores of a short scale that nobody gave; as they are where a score lies between the scale's whole numbers."""
    if rows.empty or pd.isna([*ends]).any() or ends[1] - ends[0] > LONG:
        return rows
    steps = [float(step) for step in range(round(ends[0]), round(ends[1]) + 1)]
    if not {*rows["score"]} <= {*steps}:
        return rows
    return rows.set_index("score").reindex(steps).reset_index().fillna({"numerator": 0.0, "value": 0.0, "state": "value"})


@page.part("drill.questions")
def questions(view: View, level: Level, usual: str | None) -> None:
    """The questions of a dimension, where it has more than one."""
    by_scale = _questions(view, level)
    if not by_scale:
        return
    with page.section("drill.questions", help="drill.questions_help"):
        for place, (scale, spec, names) in enumerate(by_scale):
            if len(by_scale) > 1:
                st.caption(t("drill.scale", scale=scale))
            chosen = clickable(view, spec, t("drill.questions_alt"), names, key=f"drill_question_{place}", prompt="drill.choose_question")
            if chosen:
                scores.go(view, level.into(question=chosen, account=None), usual)


@data.told
def _questions(view: View, level: Level) -> list[tuple[str, Checked, dict[str, str]]]:
    """Scale, figure and texts of the questions on each scale: never on one axis. Empty where there is nothing to choose."""
    rows = data.answer(scores.looked(view, level), "satisfaction", by=("question_id", "question"), where=level.where, dimension=level.dimension).rows
    if len(rows) < 2 or level.question:
        return []
    rows, found = rows.sort_values("value", na_position="last"), []
    names = dict(zip(rows["question_id"], rows["question"], strict=True))
    for _, some in rows.groupby(["scale_min", "scale_max"], dropna=False):
        row = some.iloc[0].to_dict()
        spec = charts.forest(some, "question_id", lambda value, row=row: numbers.shown(value, scores.unit(row)), names=names, tick=tick(row))
        found.append((scores.scale(row), ready(spec), {key: names[key] for key in some["question_id"]}))
    return found


@page.part("drill.segments")
def segments(view: View, level: Level, usual: str | None) -> None:
    """The level divided by one more column; a group opens."""
    columns = [column for column in offered.survey_segments(view.snapshot) if column not in dict(level.segment)]
    with page.section("drill.segments", help="drill.segments_help"):
        if not columns:
            st.caption(t("nps.no_segments"))
            return
        names = {column: plain(scores.column(column)) for column in columns}
        column = st.pills(
            t("nps.divide"), columns, default=columns[0], format_func=names.get, key=f"drill_by_{len(level.segment)}", required=True,
            label_visibility="collapsed",
        )  # fmt: skip
        groups, hidden = _groups(view, level, column)
        if groups is None:
            st.caption(t("nps.no_groups"))
            return
        if hidden:
            st.caption(t("nps.hidden", n=hidden))
        chosen = clickable(
            view, groups.chart, t("drill.segments_alt"), groups.opens, key=f"drill_in_{len(level.segment)}_{column}", prompt="nps.choose_group",
            rows=groups.rows, columns=groups.columns, metrics=(scores.metric_of(view, level),),
        )  # fmt: skip
        if chosen is not None:
            scores.go(view, level.within({column: chosen or None}), usual)


@data.told
def _groups(view: View, level: Level, column: str) -> tuple[Drawn | None, int]:
    """The groups of a column, None where no group has a value; and how many have none."""
    whole = scores.rows(view, level).iloc[0].to_dict()
    rows = scores.rows(view, level, by=(column,))
    keys = rows[column].astype(object).where(rows[column].notna(), "").astype(str)
    rows = rows.assign(**{column: keys}).sort_values("value", na_position="last", ignore_index=True)
    known = rows[rows["state"] == "value"]
    if known.empty:
        return None, len(rows)
    names = {key: value_of(column, key) for key in rows[column]}
    show = lambda value: numbers.shown(value, scores.unit(whole))  # noqa: E731
    against = {"reference": whole["value"], "reference_label": t("drill.level", value=show(whole["value"]))}
    spec = charts.forest(rows, column, show, names=names, tick=tick(whole), **against)
    told = rows.assign(**{column: rows[column].map(names)})
    return Drawn(ready(spec), told, _figures(column, whole), {key: names[key] for key in known[column]}), len(rows) - len(known)
