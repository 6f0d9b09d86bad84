"""Two shares of the same thing side by side: how far apart they are is the finding."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pandas as pd

from charts import theme
from charts.bars import FRAME, ROW


def pairs(
    rows: pd.DataFrame, key: str, sides: Sequence[tuple[str, str, str]], label: Callable[[float], str], *, names: dict | None = None, tick: str = ".0%",
    height: int | None = None,
) -> dict:  # fmt: skip
    """Two points per row with a line between them; a row that lacks one shows the other alone.

    sides: two of (column, what it is called, colour of charts.theme).
    """
    labels = theme.labels(rows[key], names)
    keys = [[None if pd.isna(value) else str(value)] for value in rows[key]]
    legend = {"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom", "traceorder": "normal", "itemclick": False, "itemdoubleclick": False}
    frame = theme.layout(height or FRAME + 60 + ROW * len(rows), showlegend=True, legend=legend, annotations=theme.hidden_notes(rows, labels))
    frame["margin"] = {**frame["margin"], "t": 34}
    frame["xaxis"], frame["yaxis"] = theme.axis(tickformat=tick, nticks=6, rangemode="tozero"), theme.categories(labels, range=[-0.5, len(labels) - 0.5])
    return {"data": [_line(rows, labels, sides), *(_points(rows, labels, keys, side, label) for side in sides)], "layout": frame}


def _line(rows: pd.DataFrame, labels: list[str], sides) -> dict:
    """The distances, as one broken line."""
    x, y = [], []
    for name, (_, row) in zip(labels, rows.iterrows(), strict=True):
        x += [*(None if pd.isna(row[column]) else float(row[column]) for column, _, _ in sides), None]
        y += [name, name, None]
    return {"type": "scatter", "mode": "lines", "x": x, "y": y, "line": {"color": theme.FAINT, "width": 2}, "hoverinfo": "skip", "showlegend": False}


def _points(rows: pd.DataFrame, labels: list[str], keys: list, side: tuple[str, str, str], label) -> dict:
    column, called, colour = side
    return {
        "type": "scatter", "mode": "markers", "name": theme.escaped(called), "y": labels, "customdata": keys,
        "x": [None if pd.isna(value) else float(value) for value in rows[column]], "marker": {"color": colour, "size": 10},
        "hovertext": [label(value) for value in rows[column]], "hovertemplate": f"%{{y}} · {theme.escaped(called)}: %{{hovertext}}<extra></extra>",
    }  # fmt: skip
