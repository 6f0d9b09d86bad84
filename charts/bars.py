"""Horizontal bars, split bars, intervals side by side, and bridges."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pandas as pd

from charts import theme
from metrics.result import K_TESTABLE

ROW, FRAME = 30, 24  # px per bar, and around them
Label = Callable[[float], str]


def bars(rows: pd.DataFrame, key: str, label: Label, *, names: dict | None = None, strong: Sequence = (), height: int | None = None) -> dict:
    """One horizontal bar per row, in the order given, its value at the end; no value axis.

    rows: `key`, value, state. A row without a value keeps its line and says so by its label. strong: keys in the accent
    colour (default: all); the rest step back.
    """
    labels = theme.labels(rows[key], names)
    colours = [theme.ACCENT if not len(strong) or value in strong else theme.CONTEXT for value in rows[key]]
    values = [None if pd.isna(value) else float(value) for value in rows["value"]]
    trace = {
        "type": "bar", "orientation": "h", "y": labels, "x": values, "textposition": "outside", "cliponaxis": False,
        "text": [theme.told(row, label(row.value)) for row in rows.itertuples()], "marker": {"color": colours},
        "customdata": _keys(rows[key]), "hovertemplate": "%{y}: %{text}<extra></extra>", "width": 0.62,
    }  # fmt: skip
    frame = theme.layout(height or FRAME + ROW * len(rows), bargap=0.3, annotations=theme.hidden_notes(rows, labels))
    frame["margin"] = {**frame["margin"], "r": 72}
    frame["xaxis"], frame["yaxis"] = theme.bare(), theme.categories(labels)
    return {"data": [trace], "layout": frame}


def split(rows: pd.DataFrame, key: str, parts: Sequence[tuple[str, str, str]], label: Label, *, names: dict | None = None, height: int | None = None) -> dict:
    """One bar per row, split into parts that add up to its whole: promoters, passives, detractors.

    parts: (column, what it is called, colour of charts.theme), from left to right. The columns hold shares, 0 to 1.
    """
    labels = theme.labels(rows[key], names)
    traces = [_part(rows, column, called, colour, labels, label, key) for column, called, colour in parts]
    legend = {"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom", "traceorder": "normal", "itemclick": False, "itemdoubleclick": False}
    frame = theme.layout(
        height or FRAME + 30 + ROW * len(rows), barmode="stack", bargap=0.3, showlegend=True, legend=legend, annotations=theme.hidden_notes(rows, labels)
    )
    frame["margin"] = {**frame["margin"], "t": 34}
    frame["xaxis"], frame["yaxis"] = theme.bare(range=[0, 1]), theme.categories(labels)
    return {"data": traces, "layout": frame}


def _part(rows, column: str, called: str, colour: str, labels: list[str], label: Label, key: str) -> dict:
    values = [None if pd.isna(value) else float(value) for value in rows[column]]
    texts = [label(value) if value is not None and value >= 0.06 else "" for value in values]  # under 6 % no number fits
    return {
        "type": "bar", "orientation": "h", "name": theme.escaped(called), "y": labels, "x": values, "text": texts, "textposition": "inside",
        "insidetextanchor": "middle", "textangle": 0, "marker": {"color": colour, "line": {"width": 0}}, "customdata": _keys(rows[key]),
        "hovertext": [label(value) for value in rows[column]], "hovertemplate": f"%{{y}} · {theme.escaped(called)}: %{{hovertext}}<extra></extra>",
        "width": 0.62,
    }  # fmt: skip


def forest(
    rows: pd.DataFrame, key: str, label: Label, *, names: dict | None = None, reference: float | None = None, reference_label: str = "", tick: theme.Tick = "",
    weak: Sequence | None = None, height: int | None = None,
) -> dict:  # fmt: skip
    """One point with its interval per row, against a reference line: which segments differ, and how surely.

    rows: `key`, value, low, high, n, state; suppressed rows keep their line, without a point. weak: keys whose base is too
    small for a ranking; their points are grey (default: fewer than K_TESTABLE, by n_eff where the rows have it).
    """
    weak = _weak(rows, key) if weak is None else weak
    labels = theme.labels(rows[key], names)
    known = rows["value"].notna() & rows["low"].notna() & rows["high"].notna()
    points = {
        "type": "scatter", "mode": "markers", "y": labels, "x": [None if pd.isna(v) else float(v) for v in rows["value"]],
        "marker": {"color": [theme.CONTEXT if value in weak else theme.ACCENT for value in rows[key]], "size": 9}, "customdata": _keys(rows[key]),
        "hovertext": [_interval(row, label) for row in rows.itertuples()], "hovertemplate": "%{y}: %{hovertext}<extra></extra>",
        "error_x": {
            "type": "data", "symmetric": False, "array": list((rows["high"] - rows["value"]).where(known, 0)),
            "arrayminus": list((rows["value"] - rows["low"]).where(known, 0)), "color": theme.FAINT, "thickness": 1.5, "width": 4,
        },
    }  # fmt: skip
    frame = theme.layout(height or FRAME + 30 + ROW * len(rows), annotations=theme.hidden_notes(rows, labels))
    if reference is not None:
        line = {"color": theme.CAUTION, "width": 1.5, "dash": "dot"}
        frame["shapes"] = [{"type": "line", "yref": "paper", "y0": 0, "y1": 1, "x0": reference, "x1": reference, "line": line}]
        top = {"yref": "paper", "yanchor": "bottom", "xanchor": "center", "font": {"size": 11, "color": theme.CAUTION}}
        frame["annotations"] = [*frame["annotations"], theme.note(reference, 1, theme.escaped(reference_label), **top)]
        frame["margin"] = {**frame["margin"], "t": 26}
    frame["xaxis"] = theme.value_axis(tick, rows["value"], rows["low"], rows["high"], reference)
    frame["yaxis"] = theme.categories(labels, range=[-0.5, len(labels) - 0.5])  # as close as bars
    return {"data": [points], "layout": frame}


def _weak(rows: pd.DataFrame, key: str) -> Sequence:
    base = rows[[column for column in ("n", "n_eff") if column in rows]].apply(pd.to_numeric).astype("float64").min(axis=1)
    return tuple(rows.loc[base < K_TESTABLE, key])


def _interval(row, label: Label) -> str:
    size = "" if pd.isna(row.n) else f", n {theme.count(row.n)}"
    return f"{label(row.value)} ({label(row.low)} – {label(row.high)}{size})"


def bridge(rows: pd.DataFrame, key: str, label: Label, *, names: dict | None = None, height: int | None = None) -> dict:
    """A waterfall from top to bottom: from an opening value over its changes to a closing value. Lying bars leave each number room on a phone too.

    rows: `key`, value, kind ("total" for opening and closing, "change" for what lies between), in order.
    """
    labels, values = theme.labels(rows[key], names), [float(value) for value in rows["value"]]
    texts, ends = [label(value) for value in rows["value"]], _right_ends(values, rows["kind"])
    trace = {
        "type": "waterfall", "orientation": "h", "y": labels, "x": values, "customdata": _keys(rows[key]),
        "measure": ["absolute" if kind == "total" else "relative" for kind in rows["kind"]], "text": texts, "textposition": "none",
        "hovertemplate": "%{y}: %{text}<extra></extra>", "width": 0.62, "connector": {"line": {"color": theme.GRID, "width": 1}},
        "increasing": {"marker": {"color": theme.GOOD}}, "decreasing": {"marker": {"color": theme.BAD}}, "totals": {"marker": {"color": theme.ACCENT}},
    }  # fmt: skip
    notes = [theme.note(end, name, text, xshift=3, yanchor="middle") for end, name, text in zip(ends, labels, texts, strict=True)]
    frame = theme.layout(height or FRAME + ROW * len(rows), bargap=0.3, annotations=notes)
    frame["xaxis"], frame["yaxis"] = theme.bare(), theme.categories(labels)
    return {"data": [trace], "layout": frame}


def _right_ends(values: list[float], kinds: Sequence[str]) -> list[float]:
    """Where the bars of a bridge end on the right: numbers stand there, also those of falls, whose left ends may touch the names."""
    ends, level = [], 0.0
    for value, kind in zip(values, kinds, strict=True):
        before, level = (0.0, value) if kind == "total" else (level, level + value)
        ends.append(max(before, level))
    return ends


def _keys(values: pd.Series) -> list:
    """What a click on a bar gives back: the key itself, None where the data have none."""
    return [[None if pd.isna(value) else str(value)] for value in values]
