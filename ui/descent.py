"""An open level of a survey: the way back up, the score here against the rest and the last wave, and what lies below."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import streamlit as st

import charts
from metrics import nps
from metrics.change import changed
from metrics.result import K_TESTABLE
from ui import data, numbers, offered, page, scores, voices, weak
from ui.figure import clickable, figure
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


def question_text(view: View, level: Level) -> str:
    """A question in its own words; its id where the period has none of it."""
    rows = data.answer(scores.everything(view), "satisfaction", by=("question_id", "question"), dimension=level.dimension).rows
    known = rows[(rows["question_id"] == level.question) | (rows["question"] == level.question)]
    return level.question if known.empty else str(known["question"].iloc[0])


# the score of the level


def headline(view: View, level: Level) -> bool:
    """Score, everybody else, and the last wave against the one before. Returns whether there is a score to go on from."""
    row = scores.rows(view, level).iloc[0].to_dict()
    if row["state"] != "value":
        page.empty("drill.none" if row["state"] == "no_data" else "drill.few")
        return False
    here, against, since = st.columns(3)
    with here.container(border=True, height="stretch"):
        st.metric(scores.name(view, level.dimension), scores.said(row), help=t("drill.scale", scale=scores.scale(row)))
        st.caption(t("drill.interval", limits=scores.interval(row), n=numbers.count(row["n"])))
    with against.container(border=True, height="stretch"):
        _against_rest(view, level, row)
    with since.container(border=True, height="stretch"):
        _since_last(view, level, row)
    scores.not_counted(scores.notes(view, level))
    weak.to_plan(view, level)
    return True


def _against_rest(view: View, level: Level, row: dict) -> None:
    inside, *rest = scores.beside(view, level)
    if not rest or rest[0]["state"] != "value":
        st.metric(t("drill.rest"), numbers.NONE if not rest else t(f"states.{rest[0]['state']}"))
        st.caption(t("drill.whole" if not rest else "drill.rest_hidden"))
        return
    change, unit = changed(inside, rest[0]), scores.unit(row)
    st.metric(t("drill.rest"), numbers.shown(rest[0]["value"], unit))
    if change.verdict != "changed":
        st.caption(t(f"drill.against.{'too_few' if change.verdict == 'too_few' else 'same'}", k=numbers.count(K_TESTABLE)))
        return
    way = "below" if change.delta < 0 else "above"
    st.caption(t(f"drill.against.{way}", size=numbers.size(change.delta, unit), n=numbers.count(rest[0]["n"])))


def by_wave(view: View, level: Level) -> pd.DataFrame:
    """The level's score in every wave there is that asked on its scale, whichever is looked at."""
    here = scores.rows(view, level).iloc[0]
    scale = f"{here['scale_min']:g}-{here['scale_max']:g}" if numbers.is_number(here["scale_min"]) else None
    rows = scores.rows(view, replace(level, wave=ALL), by=("wave",), where=dict(level.segment), scale=scale)
    return rows.dropna(subset=["wave"]).reset_index(drop=True)


def _since_last(view: View, level: Level, row: dict) -> None:
    rows, unit = by_wave(view, level), scores.unit(row)
    known = rows[rows["state"] != "no_data"]
    until = len(known) if level.wave in (PERIOD, ALL) else known["wave"].tolist().index(level.wave) + 1 if level.wave in set(known["wave"]) else 0
    if until < 2:
        st.metric(t("drill.since"), numbers.NONE)
        st.caption(t("drill.one_wave"))
        return
    before, now = (known.iloc[place].to_dict() for place in (until - 2, until - 1))
    change = changed(now, before)
    is_known = change.delta is not None
    nothing = t(f"states.{now['state']}") if now["state"] != "value" else t("verdicts.new")
    st.metric(t("drill.since"), numbers.difference(change.delta, unit) if is_known else nothing)
    shown = {"from_": numbers.shown(before["value"], unit), "to": numbers.shown(now["value"], unit)}
    said = {"before": plain(before["wave"]), "now": plain(now["wave"]), **shown}
    verdict = change.verdict if change.verdict in ("changed", "no_clear_change", "too_few") else "not_compared"
    st.caption(t(f"drill.waves_compared.{verdict}", **said))


# what lies below


@page.part("drill.course")
def course(view: View, level: Level, usual: str | None) -> None:
    """Every wave with its interval, and how often each score was given."""
    left, right = st.columns(2)
    with left, page.section("drill.course", help="drill.course_help"):
        rows = by_wave(view, level)
        if rows.empty:
            st.caption(t("nps.no_waves"))
        else:
            row = rows.iloc[0].to_dict()
            show = lambda value: numbers.shown(value, scores.unit(row))  # noqa: E731
            spec = charts.forest(rows, "wave", show, tick=tick(row), names={wave: wave for wave in rows["wave"]})
            figure(view, spec, t("drill.course_alt"), key="drill_course", rows=rows, columns=_figures("wave", row), metrics=(scores.metric_of(view, level),))
    with right, page.section("drill.spread", help="drill.spread_help"):
        _spread(view, level)


def _figures(key: str, row: dict) -> dict[str, Column]:
    unit = scores.unit(row)
    return {
        key: Column("nps.wave" if key == "wave" else "nps.group"), "value": Column("drill.score", unit), "low": Column("nps.low", unit),
        "high": Column("nps.high", unit), "n": Column("nps.n", "count"),
    }  # fmt: skip


def tick(row: dict) -> str:
    return {"points": ".0f", "share": ".0%", "score": ".1f"}[scores.unit(row)]


def _spread(view: View, level: Level) -> None:
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
    figure(view, spec, t("drill.spread_alt"), key="drill_spread", rows=told, columns=columns, metrics=(data.metric("score_counts"),))


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
    rows = data.answer(scores.looked(view, level), "satisfaction", by=("question_id", "question"), where=level.where, dimension=level.dimension).rows
    if len(rows) < 2 or level.question:
        return
    with page.section("drill.questions", help="drill.questions_help"):
        rows = rows.sort_values("value", na_position="last")
        names = dict(zip(rows["question_id"], rows["question"], strict=True))
        by_scale = list(rows.groupby(["scale_min", "scale_max"], dropna=False))
        for place, (_, some) in enumerate(by_scale):  # questions on different scales are never on one axis
            row = some.iloc[0].to_dict()
            spec = charts.forest(some, "question_id", lambda value, row=row: numbers.shown(value, scores.unit(row)), names=names, tick=tick(row))
            if len(by_scale) > 1:
                st.caption(t("drill.scale", scale=scores.scale(row)))
            shown = {key: names[key] for key in some["question_id"]}
            chosen = clickable(view, spec, t("drill.questions_alt"), shown, key=f"drill_question_{place}", prompt="drill.choose_question")
            if chosen:
                scores.go(view, level.into(question=chosen, account=None), usual)


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
        whole = scores.rows(view, level).iloc[0].to_dict()
        rows = scores.rows(view, level, by=(column,))
        keys = rows[column].astype(object).where(rows[column].notna(), "").astype(str)
        rows = rows.assign(**{column: keys}).sort_values("value", na_position="last", ignore_index=True)
        known = rows[rows["state"] == "value"]
        if known.empty:
            st.caption(t("nps.no_groups"))
            return
        if len(known) < len(rows):
            st.caption(t("nps.hidden", n=len(rows) - len(known)))
        names = {key: value_of(column, key) for key in rows[column]}
        show = lambda value: numbers.shown(value, scores.unit(whole))  # noqa: E731
        spec = charts.forest(
            rows, column, show, names=names, tick=tick(whole), reference=whole["value"], reference_label=t("drill.level", value=show(whole["value"]))
        )
        shown = {key: names[key] for key in known[column]}
        key = f"drill_in_{len(level.segment)}_{column}"
        chosen = clickable(
            view, spec, t("drill.segments_alt"), shown, key=key, prompt="nps.choose_group", rows=rows.assign(**{column: rows[column].map(names)}),
            columns=_figures(column, whole), metrics=(scores.metric_of(view, level),),
        )  # fmt: skip
        if chosen is not None:
            scores.go(view, level.within({column: chosen or None}), usual)
