"""Heat maps: a value for every pair of two things, each cell with its number, and cells that have none for a reason."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from charts import theme

ROW, FRAME = 28, 60
SIZE = 11  # px of the words in cells
DEEP = 0.65  # part of the sequential colours from which on words lie on colours far from the page's own
ENDS = (0.19, 0.84)  # parts of the diverging colours outside of which they do


def heat(
    rows: pd.DataFrame, across: str, down: str, label: Callable[[float], str], *, names: dict | None = None, middle: float | None = None,
    mark: Callable[[object], str] = lambda row: "", hover: Callable[[object], str] | None = None, height: int | None = None,
) -> dict:  # fmt: skip
    """A cell per (down, across), coloured by value and labelled with it.

    rows: `across`, `down`, value. middle: a value that is neither good nor bad (diverging colours around it); without it
    colours run from little to much. hover: a cell in words, lines separated by line feeds. mark: what a cell without a value
    shows ("…" while it runs, "·" when too few).
    """
    said = _or_hidden(_lines(hover or (lambda row: label(row["value"]))), theme.SUPPRESSED)
    return mapped(rows, across, down, lambda row: label(row["value"]), said, names=names, middle=middle, mark=mark, height=height)


def mapped(
    rows: pd.DataFrame, across: str, down: str, text: Callable[[dict], str], hover: Callable[[dict], str], *, names: dict | None = None,
    middle: float | None = None, span: tuple[float, float] | None = None, mark: Callable[[object], str] = lambda row: "", height: int | None = None,
) -> dict:  # fmt: skip
    """As `heat`, for whoever writes the cells, and what is said of them, from the whole row. span: the values at the ends of the colours."""
    columns, lines = list(dict.fromkeys(rows[across])), list(dict.fromkeys(rows[down]))
    cells = {(row[down], row[across]): row for row in rows.to_dict("records")}
    grid = [[cells.get((line, column)) for column in columns] for line in lines]
    x, y = theme.labels(columns, names), theme.labels(lines, names)
    low, high = span or _span([_value(cell) for line in grid for cell in line], middle)
    trace = {
        "type": "heatmap", "x": x, "y": y,
        "z": [[_value(cell) for cell in line] for line in grid], "zmin": low, "zmax": high,
        "customdata": [["" if cell is None else hover(cell) for cell in line] for line in grid],
        "hovertemplate": "%{y} · %{x}: %{customdata}<extra></extra>", "hoverongaps": False,
        "xgap": 2, "ygap": 2, "showscale": False, "colorscale": theme.SEQUENTIAL if middle is None else theme.DIVERGING,
    }  # fmt: skip
    frame = theme.layout(height or FRAME + ROW * len(lines))
    frame["xaxis"] = theme.axis(type="category", showgrid=False, side="top")
    frame["yaxis"] = theme.axis(type="category", showgrid=False, autorange="reversed")
    mark, ink = _or_hidden(mark, "×"), _ink(low, high, middle is not None)
    return {"data": [trace, *_words(grid, x, y, lambda cell: mark(cell) if _value(cell) is None else text(cell), ink)], "layout": frame}


def _span(values: list[float | None], middle: float | None) -> tuple[float, float]:
    """The values at the ends of the colours: the least and the most, or as far on either side of the middle as any value lies."""
    known = [value for value in values if value is not None] or [0.0]
    if middle is None:
        return (min(known), max(known)) if min(known) < max(known) else (min(known) - 0.5, max(known) + 0.5)
    reach = max(abs(value - middle) for value in known) or 0.5
    return middle - reach, middle + reach


def _ink(low: float, high: float, is_diverging: bool) -> Callable[[float], str]:
    """The colour of a word on a cell. The sequential colours begin near the page's own: their first is what can be read on their last."""

    def of(value: float) -> str:
        at = (value - low) / (high - low)
        is_deep = not ENDS[0] < at < ENDS[1] if is_diverging else at > DEEP
        return theme.SEQUENTIAL[0][1] if is_deep else theme.INK

    return of


def _lines(said: Callable[[dict], str]) -> Callable[[dict], str]:
    return lambda cell: theme.escaped(said(cell)).replace("\n", "<br>")


def _or_hidden(said: Callable[[dict], str], word: str) -> Callable[[dict], str]:
    """`said`, and `word` for a cell whose value is hidden."""
    return lambda cell: word if cell.get("state") == "suppressed" else said(cell)


def cohorts(rows: pd.DataFrame, names: dict, *, running: str = "…", hover: Callable[[object], str] | None = None) -> dict:
    """The cohort triangle: a line per cohort, a cell per age. Three kinds of cell: observed (its whole per cent), in progress
    (shaded, marked `running`), not observable (empty).

    rows: of the metric `cohorts`: cohort, age, value, cell. names: cohort → what its line is called, None for the average.
    """
    figure = heat(rows, "age", "cohort", lambda value: f"{100 * value:.0f}", names=names, mark=lambda row: running if _runs(row) else "", hover=hover)
    figure["layout"]["xaxis"] |= {"tickangle": 0}
    shaded = rows[[_runs(row) for row in rows.to_dict("records")]]
    ages, lines = list(dict.fromkeys(rows["age"])), list(dict.fromkeys(rows["cohort"]))
    figure["layout"]["shapes"] = [_shade(ages.index(row.age), lines.index(row.cohort)) for row in shaded.itertuples()]
    return figure


def _runs(row: dict) -> bool:
    return row["cell"] == "in_progress" and pd.isna(row["value"])


def _shade(across: int, down: int) -> dict:
    """A dashed frame around a cell, by its place on the two axes."""
    sides = {"x0": across - 0.47, "x1": across + 0.47, "y0": down - 0.44, "y1": down + 0.44}
    return {"type": "rect", "xref": "x", "yref": "y", **sides, "fillcolor": theme.GREY.format(0.10), "line": {"color": theme.FAINT, "width": 1, "dash": "dot"}}


def _words(grid, x: list[str], y: list[str], text: Callable[[dict], str], ink: Callable[[float], str]) -> list[dict]:
    """The words of the cells, as points of their own: a heat map draws none where there is no value, and grey ones on its middle colours."""
    spots = [(column, line, text(cell), _value(cell)) for line, row in zip(y, grid, strict=True) for column, cell in zip(x, row, strict=True) if cell]
    spots = [spot for spot in spots if spot[2]]
    if not spots:
        return []
    across, down, texts, values = zip(*spots, strict=True)
    colours = [theme.FAINT if value is None else ink(value) for value in values]
    return [
        {
            "type": "scatter", "mode": "text", "x": list(across), "y": list(down), "text": list(texts),
            "hoverinfo": "skip", "textfont": {"size": SIZE, "color": colours},
        }
    ]  # fmt: skip


def _value(cell: dict | None) -> float | None:
    return None if cell is None or pd.isna(cell["value"]) else float(cell["value"])
