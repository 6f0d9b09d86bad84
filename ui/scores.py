"""Scores as readers meet them: what was asked, on which scale, in which unit. NPS and means side by side, never mixed."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import streamlit as st

from metrics import nps
from metrics.period import Period
from metrics.query import QuestionError
from metrics.result import Answer
from ui import data, numbers
from ui.level import ALL, PERIOD, Level, as_params
from ui.view import View
from ui.words import has, t, value_of

NPS_ENDS = (-100.0, 100.0)  # points
YES_NO = (0.0, 1.0)
WHOLE = "\x00all"  # the line of everybody among groups: no value of a source is called so
BESIDE = ("dismissed", "refused_outside", "refused_fraction", "refused", "other_scales", "superseded")  # reasons, as the metrics' notes call them
CELL = ["group", "called", "dimension", "asked", "value", "n", "low", "high", "state", "scale_min", "scale_max", "midpoint", "is_low"]


def everything(view: View) -> View:
    """The same view of all days there are."""
    reach = data.reach(view.snapshot)
    return view.over(Period(reach.first, reach.as_of, reach.as_of, view.period.calendar)) if reach else view


def looked(view: View, level: Level) -> View:
    """The days a level is about: the sidebar's, or all of them where a wave (or all waves) is chosen."""
    return view if level.wave == PERIOD else everything(view)


def is_nps(view: View, dimension: str | None) -> bool:
    """Whether a dimension is the recommendation question, on the scale that it needs."""
    return dimension is not None and dimension.lower() == nps.dimension(view.query()) and _recommended(view) not in (None, "no_data")


@data.told
def _recommended(view: View) -> str | None:
    """The state of the recommendation question's score; None where it is asked on another scale, as a satisfaction dimension like the others."""
    try:
        return data.answer(everything(view), "nps").rows["state"].iloc[0]
    except QuestionError:
        return None


@data.told
def scored(view: View) -> tuple[str, ...]:
    """What was asked with scores, the recommendation question first."""
    whole, first = everything(view), nps.dimension(view.query())
    found = data.answer(whole, "satisfaction", by=("dimension",)).rows["dimension"].dropna()
    state = _recommended(view) or data.answer(whole, "satisfaction", dimension=first).rows["state"].iloc[0]
    return (*([first] if state != "no_data" else []), *found)


@data.told
def worded(view: View) -> tuple[str, ...]:
    """What was answered in words only."""
    rows = data.answer(everything(view), "verbatims", by=("dimension",)).rows
    known = {*scored(view)}
    written = rows[(rows["state"] != "no_data") & ~rows["n"].eq(0).fillna(False)]
    return tuple(dimension for dimension in written["dimension"].dropna() if dimension not in known)


@data.told
def waves(view: View) -> tuple[str, ...]:
    """All waves that were sent or answered, in time."""
    whole = everything(view)
    asked = [data.answer(whole, name, by=("wave",)).rows["wave"].dropna() for name in ("verbatims", "response_rate")]
    return tuple(dict.fromkeys(wave for some in sorted(asked, key=len, reverse=True) for wave in some))


def rows(view: View, level: Level, by: tuple[str, ...] = (), where: Mapping | None = None, scale: str | None = None) -> pd.DataFrame:
    """The scores at a level, by further columns, whichever metric has them: with scale_min, scale_max and is_low.

    where: instead of the level's own segment. scale: of means, instead of the one most of these answers are on.
    """
    found = _answer(view, level, by, where, scale).rows
    if not is_nps(view, level.dimension):
        return found
    is_low = found["value"].lt(0).astype("boolean").mask(found["value"].isna())
    return found.assign(scale_min=NPS_ENDS[0], scale_max=NPS_ENDS[1], midpoint=0.0, is_low=is_low)


def notes(view: View, level: Level) -> Mapping:
    """What the metric of a level's score says beside it."""
    return _answer(view, level).notes


def asked(view: View, level: Level) -> tuple[str, dict]:
    """The metric that a level's score is from, with its options."""
    if is_nps(view, level.dimension):
        return "nps", {}
    return "satisfaction", {"dimension": level.dimension, "question": level.question}


def _answer(view: View, level: Level, by: tuple[str, ...] = (), where: Mapping | None = None, scale: str | None = None) -> Answer:
    name, options = asked(view, level)
    options |= {"scale": scale} if scale and name == "satisfaction" else {}
    return data.answer(looked(view, level), name, by=by, where=level.where if where is None else where, **options)


def metric_of(view: View, level: Level):
    """The metric that a level's score is from."""
    return data.metric(asked(view, level)[0])


def matrix(view: View, level: Level, column: str) -> pd.DataFrame:
    """The score of everything that was asked, for everybody (WHOLE) and for each group of a column, each on its own scale.

    Returns one row per dimension and group: cell (text), group, called, dimension, asked, and what `rows` has.
    """
    where, looks, found = {} if level.wave in (PERIOD, ALL) else {"wave": level.wave}, looked(view, level), []
    for by in ((), (column,)):
        parts = [rows(view, Level(first, wave=level.wave), by=by, where=where).assign(dimension=first) for first in scored(view)[:1]]
        parts.append(data.answer(looks, "satisfaction", by=("dimension", *by), where=where).rows)
        for part in parts:
            groups = part[column].astype(object).where(part[column].notna(), "").astype(str) if by else WHOLE
            called = [value_of(column, group) for group in groups] if by else t("drill.everybody")
            found.append(part.assign(group=groups, called=called, asked=[name(view, dimension) for dimension in part["dimension"]]))
    every = pd.concat([part[CELL].astype(object) for part in found], ignore_index=True)
    known = {*every.loc[every["state"] != "no_data", "dimension"]}
    kept = every[every["dimension"].isin(known)].drop_duplicates(["dimension", "group"]).reset_index(drop=True)
    return kept.assign(cell=[str(place) for place in kept.index])


def beside(view: View, level: Level) -> list[dict]:
    """The level's score and, where it is a segment, that of everybody else."""
    wave = None if level.wave in (PERIOD, ALL) else level.wave
    measure = "nps" if is_nps(view, level.dimension) else "mean"
    asked = {"dimension": level.dimension, "question": None if measure == "nps" else level.question, "wave": wave, "segment": level.as_option}
    return data.answer(looked(view, level), "against_rest", measure=measure, **asked).rows.to_dict("records")


def unit(row: Mapping) -> str:
    """The unit of a score, by the ends of its scale."""
    ends = row["scale_min"], row["scale_max"]
    return "points" if ends == NPS_ENDS else "share" if ends == YES_NO else "score"


def said(row: Mapping) -> str:
    """A score in its own unit; one that is low by less than is shown says so."""
    text = numbers.shown(row["value"], unit(row))
    is_low = not pd.isna(row["is_low"]) and bool(row["is_low"])
    if is_low and text == numbers.shown(row["midpoint"], unit(row)):
        return t("nps.below", value=text, limit=numbers.bare(row["midpoint"]))
    return text


def interval(row: Mapping) -> str:
    """The 95 % limits in words; a dash where there are none."""
    if not (numbers.is_number(row["low"]) and numbers.is_number(row["high"])):
        return numbers.NONE
    return t("format.from_to", first=numbers.shown(row["low"], unit(row)), last=numbers.shown(row["high"], unit(row)))


def not_counted(notes: Mapping) -> None:
    """What was answered and is not in a score, with its reason; nothing where everything is. notes: of `nps` or `satisfaction`."""
    if parts := [t(f"nps.beside.{reason}", n=numbers.count(notes[reason])) for reason in BESIDE if notes.get(reason)]:
        st.caption(t("nps.not_counted", parts=t("nps.and").join(parts)))


def uninvited(notes: Mapping) -> None:
    """Responses of people who were not invited, which are no part of the response rate. notes: of `response_rate`."""
    if notes["uninvited"]:
        st.caption(t("nps.uninvited", n=numbers.count(notes["uninvited"])))


def scale(row: Mapping) -> str:
    """The scale in words: "1 to 5", "−100 to 100", yes or no."""
    if not numbers.is_number(row["scale_min"]):
        return numbers.NONE
    if unit(row) == "share":
        return t("drill.yes_no")
    return t("nps.scale_of", low=numbers.bare(row["scale_min"]), high=numbers.bare(row["scale_max"]))


def name(view: View, dimension: str | None) -> str:
    """What a dimension is called, as plain text."""
    return t("metrics.nps.name") if is_nps(view, dimension) else value_of("dimension", dimension)


def column(name: str) -> str:
    """What a segment column is called, as plain text."""
    key = f"why.columns.{name}"
    return t(key) if has(key) else name.replace("_", " ")


def condition(name: str, value: str | None) -> str:
    """One condition of a segment, as plain text: "Region South China"."""
    called = column(name)
    return f"{called[:1].upper()}{called[1:]} {value_of(name, value)}"


def segment(pairs) -> str:
    """A segment in words, as plain text: "Region South China · Product line Cooling"."""
    return " · ".join(condition(name, value) for name, value in pairs)


def go(view: View, level: Level, usual: str | None) -> None:
    """Open a level: the URL names it, and the page is drawn anew."""
    st.query_params.from_dict({**view.params(), **as_params(level, usual)})
    st.rerun()
