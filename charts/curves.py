"""Curves over an age, and promises beside what came of them."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from charts import theme

Label = Callable[[float], str]


def curve(rows: pd.DataFrame, x: str, label: Label, at: Label, *, tick: str = ".0%", title: str = "", height: int = 280) -> dict:
    """One share that grows with an age, in steps, with its interval as a band; its last value stands at the end.

    rows: `x` (a number, ascending), value, low, high. label: a value in words. at: an age in words. title: of the age axis.
    """
    ages, values = [float(age) for age in rows[x]], [None if pd.isna(value) else float(value) for value in rows["value"]]
    hover = [f"{at(age)}: {label(row.value)} ({label(row.low)} – {label(row.high)})" for age, row in zip(ages, rows.itertuples(), strict=True)]
    stroke = {
        "type": "scatter", "mode": "lines", "x": ages, "y": values, "line": {"color": theme.ACCENT, "width": theme.STRONG, "shape": "hv"},
        "customdata": hover, "hovertemplate": "%{customdata}<extra></extra>",
    }  # fmt: skip
    frame = theme.layout(height, annotations=[theme.note(ages[-1], values[-1], label(values[-1]), xshift=6)] if ages and values[-1] is not None else [])
    frame["margin"] = {**frame["margin"], "r": 56}
    frame["xaxis"] = theme.axis(showgrid=False, rangemode="tozero", nticks=7, title={"text": theme.escaped(title), "font": {"size": theme.FONT_SIZE}})
    frame["yaxis"] = theme.axis(tickformat=tick, nticks=5, rangemode="tozero")
    return {"data": [*_band(rows, x), stroke], "layout": frame}


def _band(rows: pd.DataFrame, x: str) -> list[dict]:
    """The interval in the same steps as the curve."""
    known = rows[rows["low"].notna() & rows["high"].notna()]
    if known.empty:
        return []
    edge = {"type": "scatter", "mode": "lines", "x": [float(age) for age in known[x]], "line": {"width": 0, "shape": "hv"}, "hoverinfo": "skip"}
    return [{**edge, "y": list(known["low"])}, {**edge, "y": list(known["high"]), "fill": "tonexty", "fillcolor": theme.BAND}]


def calibration(
    rows: pd.DataFrame, key: str, label: Label, *, names: dict | None = None, promised: str = "", came: str = "", height: int = 320, is_near: bool = False,
) -> dict:  # fmt: skip
    """What was promised (across) against what came (up), one point with its interval per row; on the diagonal both agree.

    rows: `key`, predicted, value, low, high, n: shares, 0 to 1. is_near: axes end where the points do, and points are named on hover alone.
    """
    labels = [theme.named(value, names, 22) for value in rows[key]]
    points = {
        "type": "scatter", "mode": "markers+text", "x": list(rows["predicted"]), "y": list(rows["value"]), "text": labels,
        "textposition": ["bottom right" if share < TURN else "top left" for share in rows["predicted"]],
        "marker": {"color": theme.ACCENT, "size": 9}, "cliponaxis": False,
        "customdata": [_said(name, row, label) for name, row in zip(labels, rows.itertuples(), strict=True)],
        "hovertemplate": "%{customdata}<extra></extra>",
        "error_y": {
            "type": "data", "symmetric": False, "array": list(rows["high"] - rows["value"]), "arrayminus": list(rows["value"] - rows["low"]),
            "color": theme.FAINT, "thickness": 1.5, "width": 4,
        },
    }  # fmt: skip
    diagonal = {"type": "line", "x0": 0, "y0": 0, "x1": 1, "y1": 1, "layer": "below", "line": {"color": theme.CAUTION, "width": 1.5, "dash": "dot"}}
    frame = theme.layout(height, shapes=[diagonal])
    small = {"size": theme.FONT_SIZE}
    reach = float(max(rows["predicted"].max(), rows["high"].max())) if is_near and len(rows) else 1.0
    ticks = {"nticks": 5} if is_near else {"tickvals": SHARES}
    frame["xaxis"] = theme.axis(range=[0, 1.05 * reach], tickformat=".0%", title={"text": theme.escaped(promised), "font": small}, **ticks)
    frame["yaxis"] = theme.axis(range=[0, 1.12 * reach], tickformat=".0%", title={"text": theme.escaped(came), "font": small}, **ticks)
    return {"data": [points | {"mode": "markers"} if is_near else points], "layout": frame}


TURN = 0.6  # from here on a label stands to the left of its point: to the right there is no room
SHARES = [0, 0.25, 0.5, 0.75, 1]


def _said(name: str, row, label: Label) -> str:
    return f"{name}: {label(row.predicted)} → {label(row.value)} ({label(row.low)} – {label(row.high)}, n {theme.count(row.n)})"
