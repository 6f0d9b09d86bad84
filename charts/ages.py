"""Curves over something that is not time: survival by age with who is still at risk, and the Pareto curve."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from charts import theme

AT_RISK_ROW = 16  # px per group under the axis
TICK_STEPS = (1, 2, 3, 6, 12, 24, 60)  # ages marked on the axis, in the unit of the age
MOST_TICKS = 9


def survival(
    rows: pd.DataFrame, label: Callable[[float], str], *, by: str | None = None, names: dict | None = None, strong: str | None = None, axis: str = "",
    at_risk: str = "", height: int = 320,
) -> dict:  # fmt: skip
    """Who is still there, by age, as steps; under the axis how many were under observation at each marked age.

    rows: of the metric `survival`: age, value, low, high, n, and the column `by` where there are several. One curve gets its
    band. axis: what the ages are. at_risk: heading of the numbers under the axis.
    """
    groups = {None: rows} if by is None else dict(iter(rows.groupby(by, sort=False, dropna=False)))
    strong = strong if strong in groups else next(iter(groups), None)
    marked = _marked(int(rows["age"].max()) if len(rows) else 0)
    traces, notes = [], []
    for place, (name, part) in enumerate(groups.items()):
        colour = theme.COLORWAY[place % len(theme.COLORWAY)] if by else theme.ACCENT
        called = "" if by is None else theme.named(name, names, 18)
        traces += ([_band(part)] if by is None else []) + [_steps(part, called, colour, label, theme.STRONG if name == strong else theme.THIN)]
        notes += _numbers(part, marked, place, colour, called)
    frame = theme.layout(height + AT_RISK_ROW * len(groups), annotations=[*notes, *_heading(at_risk, "left"), *_heading(axis, "right")])
    frame["margin"] = {**frame["margin"], "b": 56 + AT_RISK_ROW * len(groups), "l": 8 if by is None else 118}
    frame["xaxis"] = theme.axis(tickmode="array", tickvals=marked, showgrid=False, automargin=False)
    frame["yaxis"] = theme.axis(tickformat=".0%", range=[0, 1.02], nticks=6, automargin=by is None)
    if by is not None:
        frame["showlegend"], frame["legend"] = True, {"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom"}
    return {"data": traces, "layout": frame}


def _marked(last: int) -> list[int]:
    step = next((step for step in TICK_STEPS if last / step < MOST_TICKS), TICK_STEPS[-1])
    return list(range(0, last + 1, step))


def _band(part: pd.DataFrame) -> dict:
    """The limits as a stepped band, from left to right above and back below."""
    upper, lower = _stepped(part["age"], part["high"]), _stepped(part["age"], part["low"])
    outline = {"x": upper[0] + lower[0][::-1], "y": upper[1] + lower[1][::-1]}
    return {
        "type": "scatter",
        **outline,
        "mode": "lines",
        "fill": "toself",
        "fillcolor": theme.BAND,
        "line": {"width": 0},
        "hoverinfo": "skip",
        "showlegend": False,
    }


def _stepped(ages: pd.Series, values: pd.Series) -> tuple[list, list]:
    """The corners of steps: each value holds until the next age."""
    x, y = [], []
    for age, value in zip(ages, values, strict=True):
        x += [float(age)] * (2 if y else 1)
        y += [y[-1], float(value)] if y else [float(value)]
    return x, y


def _steps(part: pd.DataFrame, called: str, colour: str, label, width: float) -> dict:
    hover = [f"{called and called + ' · '}{row.age}: {label(row.value)} (n {theme.count(row.n)})" for row in part.itertuples()]
    return {
        "type": "scatter", "mode": "lines", "name": called, "x": [int(age) for age in part["age"]], "y": [float(value) for value in part["value"]],
        "line": {"color": colour, "width": width, "shape": "hv"}, "customdata": hover, "hovertemplate": "%{customdata}<extra></extra>",
    }  # fmt: skip


def _numbers(part: pd.DataFrame, marked: list[int], place: int, colour: str, called: str) -> list[dict]:
    """How many were under observation at the marked ages, one line per group under the axis."""
    sizes = dict(zip(part["age"], part["n"], strict=True))
    spot = {"yref": "paper", "yanchor": "top", "yshift": -46 - AT_RISK_ROW * place, "xanchor": "center"}
    font = {"size": 11, "color": colour}
    notes = [theme.note(age, 0, theme.count(sizes[age]), **{**spot, "font": font}) for age in marked if age in sizes]
    return notes + ([theme.note(0, 0, called, **{**spot, "xanchor": "right", "xref": "paper", "xshift": -14, "font": font})] if called else [])


def _heading(text: str, side: str) -> list[dict]:
    """A heading between the axis and the numbers under it, at the left or right end."""
    if not text:
        return []
    spot = {"x": 0 if side == "left" else 1, "xref": "paper", "yref": "paper", "xanchor": side, "yanchor": "top", "yshift": -26}
    return [theme.note(y=0, text=theme.escaped(text), font={"size": 11, "color": theme.GREY.format(0.95)}, **spot)]


def pareto(rows: pd.DataFrame, label: Callable[[float], str], *, at: int = 20, at_label: str = "", axis: str = "", even: str = "", height: int = 320) -> dict:
    """Cumulative share by share of customers, largest first, against the line of everybody being equal.

    rows: of the metric `pareto`: percent, value, n. at: the per cent of customers to mark. axis: what runs across.
    """
    percent, values = [0, *rows["percent"]], [0.0, *map(float, rows["value"])]
    hover = ["", *(f"{row.percent}% (n {theme.count(row.n)}): {label(row.value)}" for row in rows.itertuples())]
    curve = {
        "type": "scatter", "mode": "lines", "x": percent, "y": values, "fill": "tozeroy", "fillcolor": theme.BAND, "customdata": hover,
        "line": {"color": theme.ACCENT, "width": theme.STRONG}, "hovertemplate": "%{customdata}<extra></extra>",
    }  # fmt: skip
    equal = {"type": "scatter", "mode": "lines", "x": [0, 100], "y": [0, 1], "line": {"color": theme.FAINT, "width": 1, "dash": "dot"}, "hoverinfo": "skip"}
    notes = [theme.note(62, 0.62, theme.escaped(even), xanchor="left", yanchor="top", xshift=6, yshift=-2, font={"size": 11, "color": theme.GREY.format(0.95)})]
    traces = [curve, equal]
    marked = rows[rows["percent"] == at]
    if len(marked):
        value = float(marked["value"].iloc[0])
        traces.append({"type": "scatter", "mode": "markers", "x": [at], "y": [value], "marker": {"color": theme.CAUTION, "size": 10}, "hoverinfo": "skip"})
        notes.append(
            theme.note(at, value, theme.escaped(at_label), xshift=10, yshift=-8, yanchor="top", font={"size": theme.FONT_SIZE, "color": theme.CAUTION})
        )
    frame = theme.layout(height, annotations=notes)
    frame["xaxis"] = theme.axis(range=[0, 101], ticksuffix="%", nticks=6, showgrid=False, title={"text": theme.escaped(axis), "standoff": 18})
    frame["yaxis"] = theme.axis(range=[0, 1.03], tickformat=".0%", nticks=6)
    return {"data": traces, "layout": frame}
