"""Lines over time: gaps where there is no data, a band for the interval, the running period dashed, labels at the end."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable
from itertools import groupby, pairwise
from typing import NamedTuple

import pandas as pd

from charts import theme

TIME_FORMATS = {"day": "%Y-%m-%d", "week": "%Y-%m-%d", "month": "%Y-%m", "quarter": "%Y-%m", "year": "%Y"}
TICKS = 8


def line(
    rows: pd.DataFrame, label: Callable[[float], str], *, grain: str = "month", by: str | None = None, names: dict | None = None, strong: str | None = None,
    target: float | None = None, target_label: str = "", tick: theme.Tick = "", step: Callable[[object], str] = str, height: int = 300,
) -> dict:  # fmt: skip
    """One metric as a series, or several side by side.

    rows: of an answer with a grain: `period`, value, low, high, n, complete, and the column `by` where there are several.
    label: a value in words. step: a period in words. names: value of `by` → label. strong: the series to look at (default:
    the first). tick: d3 format of the value axis. Only a single series gets its band: several would cover each other.
    """
    groups = _courses(rows, by)
    strong = strong if strong in groups else next(iter(groups), None)
    traces, notes = [], []
    for name, part in groups.items():
        is_strong = name == strong
        colour = theme.ACCENT if is_strong else theme.CONTEXT
        traces += _band(part) if by is None else []
        traces += _strokes(part, colour, theme.STRONG if is_strong else theme.THIN, label, step, "" if by is None else theme.named(name, names, 22), by is None)
        notes += _end_label(part, theme.named(name, names, 22), colour) if by is not None else []
    traces += _hidden(rows, step)
    shapes = _target(target)
    notes += _target_label(target, target_label)
    side = max((len(note["text"]) for note in notes), default=0) * 7 if by is not None else 0
    frame = theme.layout(height, shapes=shapes, annotations=_apart(notes, rows, height))
    frame["margin"] = {**frame["margin"], "r": 8 + min(side, 150)}
    frame["xaxis"] = _time_axis(rows["period"], grain, step)
    frame["yaxis"] = theme.value_axis(tick, rows["value"], rows["low"], rows["high"], target, nticks=5)
    return {"data": traces, "layout": frame}


class Step(NamedTuple):
    """A row of a series."""

    period: dt.date
    value: float | None
    low: float | None
    high: float | None
    n: float | None
    complete: bool


def _courses(rows: pd.DataFrame, by: str | None) -> dict[object, list[Step]]:
    """The steps of each series, in the order of the days."""
    names = [None] * len(rows) if by is None else [None if pd.isna(name) else name for name in rows[by]]
    groups: dict[object, list[Step]] = {None: []} if by is None else {}
    figures = ([None if pd.isna(x) else float(x) for x in rows[name]] for name in ("value", "low", "high", "n"))
    for name, *step in zip(names, rows["period"], *figures, rows["complete"].astype(bool), strict=True):
        groups.setdefault(name, []).append(Step(*step))
    return {name: sorted(steps, key=lambda step: step.period) for name, steps in groups.items()}


def _time_axis(periods: pd.Series, grain: str, step) -> dict:
    """At most TICKS labels, each on a step; the whole period is shown, also where its ends have no data."""
    days = sorted(set(periods))
    if not days:
        return theme.bare()
    marked = days[:: -(-len(days) // TICKS)]
    edge = (days[-1] - days[0]) * 0.03 or pd.Timedelta(days=15)
    ends = [str(pd.Timestamp(days[0]) - edge), str(pd.Timestamp(days[-1]) + edge)]
    texts = [day.strftime(TIME_FORMATS[grain]) if step is str else step(day) for day in marked]
    return theme.axis(type="date", showgrid=False, range=ends, tickmode="array", tickvals=[str(day) for day in marked], ticktext=texts)


def _band(part: list[Step]) -> list[dict]:
    """The interval as a grey band, one piece per stretch without gaps: a fill would otherwise bridge them."""
    bands = []
    for is_known, steps in groupby(part, key=lambda step: step.low is not None and step.high is not None):
        if is_known:
            piece = list(steps)
            days = [str(step.period) for step in piece]
            outline = {"x": days + days[::-1], "y": [*(step.high for step in piece), *(step.low for step in reversed(piece))]}
            bands.append({"type": "scatter", **outline, "mode": "lines", "fill": "toself", "fillcolor": theme.BAND, "line": {"width": 0}, "hoverinfo": "skip"})
    return bands


def _strokes(part: list[Step], colour: str, width: float, label, step, name: str, band: bool) -> list[dict]:
    """Complete steps as a solid line; steps that still run, or begin before the period, as a dashed one from and to the complete ones beside them."""
    solid = _stroke([s for s in part if s.complete], colour, width, label, step, name, band)
    dashes = _dashes(part)
    if not dashes:
        return [solid]
    dashed = _stroke(dashes, colour, width, label, step, name, band)
    dashed["line"] = {**dashed["line"], "dash": "dot"}
    dashed["marker"] = {**dashed["marker"], "symbol": "circle-open"}
    dashed["hovertemplate"] = ["<extra></extra>" if s.complete else "%{customdata}<extra></extra>" for s in dashes]
    return [solid, dashed]


def _dashes(part: list[Step]) -> list[Step]:
    """Each stretch of incomplete steps with the complete ones at its ends; a gap before the next stretch."""
    found: list[Step] = []
    for is_complete, places in groupby(range(len(part)), key=lambda place: part[place].complete):
        if not is_complete:
            stretch = list(places)
            gap = [found[-1]._replace(value=None, low=None, high=None)] if found else []
            found += [*gap, *part[max(stretch[0] - 1, 0) : stretch[-1] + 2]]
    return found


def _stroke(part: list[Step], colour: str, width: float, label, step, name: str, band: bool) -> dict:
    hover = [f"{name and name + ' · '}{step(s.period)}: {label(math.nan if s.value is None else s.value)}{_size(s.n)}" for s in part]
    alone = _isolated([s.value for s in part])
    reach = _reach(part, alone) if band else {}
    return {
        "type": "scatter", "mode": "lines+markers", "x": [str(s.period) for s in part], "y": [s.value for s in part], "customdata": hover, "name": name,
        "hovertemplate": "%{customdata}<extra></extra>", "connectgaps": False, "line": {"color": colour, "width": width},
        "marker": {"color": colour, "size": [7 if lonely else 4 for lonely in alone]}, **reach,
    }  # fmt: skip


def _hidden(rows: pd.DataFrame, step) -> list[dict]:
    """Steps whose value is hidden, as crosses on the lowest line: a gap would say that there is nothing."""
    steps = list(dict.fromkeys(rows.loc[theme.hidden(rows), "period"]))
    if not steps:
        return []
    lowest = rows[[column for column in ("value", "low") if column in rows]].min().min()
    return [
        {
            "type": "scatter", "mode": "markers", "x": [str(day) for day in steps], "y": [0.0 if pd.isna(lowest) else float(lowest)] * len(steps),
            "marker": {"symbol": "x-thin-open", "size": 8, "color": theme.FAINT, "line": {"width": 1.5, "color": theme.FAINT}},
            "customdata": [f"{step(day)}: {theme.SUPPRESSED}" for day in steps], "hovertemplate": "%{customdata}<extra></extra>", "showlegend": False,
        }
    ]  # fmt: skip


def _reach(part: list[Step], alone: list[bool]) -> dict:
    """Intervals of points that stand alone: a band has no width there."""
    known = [is_alone and None not in (s.value, s.low, s.high) for s, is_alone in zip(part, alone, strict=True)]
    above = [s.high - s.value if is_known else 0 for s, is_known in zip(part, known, strict=True)]
    below = [s.value - s.low if is_known else 0 for s, is_known in zip(part, known, strict=True)]
    bars = {"type": "data", "symmetric": False, "array": above, "arrayminus": below, "color": theme.FAINT, "thickness": 1.5, "width": 4}
    return {"error_y": bars} if any(known) else {}


def _size(n: float | None) -> str:
    return "" if n is None else f" (n {theme.count(n)})"


def _isolated(values: list) -> list[bool]:
    """Points between two gaps: no line leads to them, so their marker must be seen."""
    padded = [None, *values, None]
    return [padded[k] is None and padded[k + 2] is None for k in range(len(values))]


def _end_label(part: list[Step], name: str, colour: str) -> list[dict]:
    known = [step for step in part if step.value is not None]
    if not known:
        return []
    return [theme.note(str(known[-1].period), known[-1].value, name, xshift=8, font={"size": theme.FONT_SIZE, "color": colour})]


def _apart(notes: list[dict], rows: pd.DataFrame, height: int) -> list[dict]:
    """Push labels that would overlap away from each other, keeping their order."""
    values = rows["value"].dropna()
    span = (values.max() - values.min()) or 1 if len(values) else 1
    least = span * 16 / max(height - 60, 1)
    ordered = sorted((note for note in notes if note.get("xref") != "paper"), key=lambda note: note["y"])
    for below, above in pairwise(ordered):
        above["y"] = max(above["y"], below["y"] + least)
    return notes


def _target(target: float | None) -> list[dict]:
    if target is None:
        return []
    line = {"color": theme.CAUTION, "width": 1.5, "dash": "dot"}
    return [{"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": target, "y1": target, "line": line}]


def _target_label(target: float | None, text: str) -> list[dict]:
    return [theme.note(0, target, theme.escaped(text), xref="paper", yshift=9, font={"size": 11, "color": theme.CAUTION})] if target is not None else []


def sparkline(rows: pd.DataFrame) -> list[float | None]:
    """The values of a small line inside a card: complete steps only; None where there is nothing, which is drawn as a gap."""
    steps = sorted(zip(rows["period"], rows["value"], rows["complete"], strict=True), key=lambda step: step[0])
    return [None if pd.isna(value) else float(value) for _, value, is_complete in steps if is_complete]
