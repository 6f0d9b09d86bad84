"""Scores of things asked on different scales, group by group: each cell in its own unit, coloured by where it lies on its own scale."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from charts import theme
from charts.grids import mapped

SPOT = 30  # px: what of a cell can be clicked around its middle
ROOM = 96  # px above the cells, for the names of what was asked
LOW = "▾ "  # before a score that is low by the rule: colour alone tells nobody who does not see it


def spots(rows: pd.DataFrame, across: str, down: str, label: Callable[[dict], str], hover: Callable[[dict], str], *, names: dict | None = None) -> dict:
    """A cell per (down, across) that can be clicked; it carries its `cell` as a click gives it back.

    rows: `across`, `down`, `cell` (text), value, scale_min, scale_max, is_low, state. Colours run over each scale from its lowest to
    its highest score, so that scales are never compared by their numbers; low cells are framed and marked.
    """
    ends = [pd.to_numeric(rows[end]).astype("float64") for end in ("scale_min", "scale_max")]
    placed = rows.assign(value=(pd.to_numeric(rows["value"]).astype("float64") - ends[0]) / (ends[1] - ends[0]))
    cells = rows.to_dict("records")
    known = {(cell[down], cell[across]): cell for cell in cells}
    figure = mapped(placed, across, down, lambda cell: _text(known[cell[down], cell[across]], label), lambda cell: "", names=names, middle=0.5, span=(0.0, 1.0))
    lines, columns = list(dict.fromkeys(rows[down])), list(dict.fromkeys(rows[across]))
    trace = figure["data"][0]
    trace |= {"hoverinfo": "skip", "hovertemplate": None}
    shown = [cell for cell in cells if pd.notna(cell["value"])]
    figure["data"].append(_handles(shown, columns, lines, across, down, label, hover, trace))
    figure["layout"]["shapes"] = [_frame(columns.index(cell[across]), lines.index(cell[down])) for cell in shown if _is_low(cell)]
    figure["layout"]["height"] += ROOM - 60
    figure["layout"]["hoverdistance"] = 80
    figure["layout"]["xaxis"] |= {"fixedrange": True, "range": [-0.5, len(columns) - 0.5]}
    figure["layout"]["yaxis"] |= {"range": [len(lines) - 0.5, -0.5], "autorange": False}
    return figure


def _text(cell: dict, label: Callable[[dict], str]) -> str:
    return (LOW if _is_low(cell) else "") + theme.escaped(label(cell))


def _is_low(cell: dict) -> bool:
    return not pd.isna(cell["is_low"]) and bool(cell["is_low"])


def _handles(cells, columns, lines, across, down, label, hover, trace) -> dict:
    """Invisible points on the cells: a heat map itself cannot be clicked."""
    blank = {"marker": {"opacity": 0}}
    return {
        "type": "scatter", "mode": "markers", "x": [trace["x"][columns.index(cell[across])] for cell in cells],
        "y": [trace["y"][lines.index(cell[down])] for cell in cells], "marker": {"symbol": "square", "size": SPOT, "opacity": 0, "color": theme.FAINT},
        "selected": blank, "unselected": blank, "customdata": [[cell["cell"]] for cell in cells],
        "hovertext": [theme.escaped(hover(cell)).replace("\n", "<br>") for cell in cells], "hovertemplate": "%{hovertext}<extra></extra>",
    }  # fmt: skip


def _frame(across: int, down: int) -> dict:
    """A line around a low cell."""
    sides = {"x0": across - 0.48, "x1": across + 0.48, "y0": down - 0.46, "y1": down + 0.46}
    return {"type": "rect", "xref": "x", "yref": "y", **sides, "line": {"color": theme.BAD, "width": 2}}
