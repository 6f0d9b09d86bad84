"""Lines over time: gaps where there is no data, a band for the interval, the running period dashed, labels at the end."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

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
    groups = {None: rows} if by is None else dict(iter(rows.groupby(by, sort=False, dropna=False)))
    strong = strong if strong in groups else next(iter(groups), None)
    traces, notes = [], []
    for name, part in groups.items():
        part = part.sort_values("period")
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


def _band(part: pd.DataFrame) -> list[dict]:
    """The interval as a grey band, one piece per stretch without gaps: a fill would otherwise bridge them."""
    known = part["low"].notna() & part["high"].notna()
    pieces = part[known].groupby((~known).cumsum()[known])
    bands = []
    for _, piece in pieces:
        days = [str(day) for day in piece["period"]]
        outline = {"x": days + days[::-1], "y": [*piece["high"], *piece["low"][::-1]]}
        bands.append({"type": "scatter", **outline, "mode": "lines", "fill": "toself", "fillcolor": theme.BAND, "line": {"width": 0}, "hoverinfo": "skip"})
    return bands


def _strokes(part: pd.DataFrame, colour: str, width: float, label, step, name: str, band: bool) -> list[dict]:
    """Complete steps as a solid line; the step still running as a dashed one that begins at the last complete point."""
    complete = part["complete"].astype(bool)
    solid = _stroke(part[complete], colour, width, label, step, name, band)
    running = part[~complete]
    if running.empty:
        return [solid]
    dashed = _stroke(pd.concat([part[complete].tail(1), running]), colour, width, label, step, name, band)
    dashed["line"] = {**dashed["line"], "dash": "dot"}
    dashed["marker"] = {**dashed["marker"], "symbol": "circle-open"}
    dashed["hovertemplate"] = ["<extra></extra>"] * int(complete.any()) + ["%{customdata}<extra></extra>"] * len(running)
    return [solid, dashed]


def _stroke(part: pd.DataFrame, colour: str, width: float, label, step, name: str, band: bool) -> dict:
    values = [None if pd.isna(value) else float(value) for value in part["value"]]
    hover = [f"{name and name + ' · '}{step(row.period)}: {label(row.value)}{_size(row)}" for row in part.itertuples()]
    alone = _isolated(values)
    reach = _reach(part, alone) if band else {}
    return {
        "type": "scatter", "mode": "lines+markers", "x": [str(day) for day in part["period"]], "y": values, "customdata": hover, "name": name,
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


def _reach(part: pd.DataFrame, alone: list[bool]) -> dict:
    """Intervals of points that stand alone: a band has no width there."""
    known = pd.Series(alone, part.index) & part["low"].notna() & part["high"].notna()
    above, below = (part["high"] - part["value"]).where(known, 0), (part["value"] - part["low"]).where(known, 0)
    bars = {"type": "data", "symmetric": False, "array": list(above), "arrayminus": list(below), "color": theme.FAINT, "thickness": 1.5, "width": 4}
    return {"error_y": bars} if known.any() else {}


def _size(row) -> str:
    return "" if pd.isna(row.n) else f" (n {theme.count(row.n)})"


def _isolated(values: list) -> list[bool]:
    """Points between two gaps: no line leads to them, so their marker must be seen."""
    padded = [None, *values, None]
    return [padded[k] is None and padded[k + 2] is None for k in range(len(values))]


def _end_label(part: pd.DataFrame, name: str, colour: str) -> list[dict]:
    known = part[part["value"].notna()]
    if known.empty:
        return []
    last = known.iloc[-1]
    return [theme.note(str(last["period"]), float(last["value"]), name, xshift=8, font={"size": theme.FONT_SIZE, "color": colour})]


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
    complete = rows[rows["complete"].astype(bool)].sort_values("period")
    return [None if pd.isna(value) else float(value) for value in complete["value"]]
