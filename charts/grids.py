"""Heat maps: a value for every pair of two things, each cell with its number, and cells that have none for a reason."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from charts import theme

ROW, FRAME = 28, 60


def heat(
    rows: pd.DataFrame, across: str, down: str, label: Callable[[float], str], *, names: dict | None = None, middle: float | None = None,
    mark: Callable[[object], str] = lambda row: "", hover: Callable[[object], str] | None = None, height: int | None = None,
) -> dict:  # fmt: skip
    """A cell per (down, across), coloured by value and labelled with it.

    rows: `across`, `down`, value. middle: a value that is neither good nor bad (diverging colours around it); without it
    colours run from little to much. hover: a cell in words, lines separated by line feeds. mark: what a cell without a value
    shows ("…" while it runs, "·" when too few).
    """
    columns, lines = list(dict.fromkeys(rows[across])), list(dict.fromkeys(rows[down]))
    cells = {(row[down], row[across]): row for row in rows.to_dict("records")}
    grid = [[cells.get((line, column)) for column in columns] for line in lines]
    x, y = theme.labels(columns, names), theme.labels(lines, names)
    mark, hover = _or_hidden(mark, "×"), _or_hidden(_lines(hover or (lambda row: label(row["value"]))), theme.SUPPRESSED)
    trace = {
        "type": "heatmap", "x": x, "y": y,
        "z": [[_value(cell) for cell in line] for line in grid],
        "text": [["" if cell is None else mark(cell) if _value(cell) is None else label(cell["value"]) for cell in line] for line in grid],
        "customdata": [["" if cell is None else hover(cell) for cell in line] for line in grid],
        "texttemplate": "%{text}", "textfont": {"size": 11}, "hovertemplate": "%{y} · %{x}: %{customdata}<extra></extra>", "hoverongaps": False,
        "xgap": 2, "ygap": 2, "showscale": False, "colorscale": theme.DIVERGING if middle is not None else theme.SEQUENTIAL,
        **({"zmid": middle} if middle is not None else {}),
    }  # fmt: skip
    frame = theme.layout(height or FRAME + ROW * len(lines))
    frame["xaxis"] = theme.axis(type="category", showgrid=False, side="top")
    frame["yaxis"] = theme.axis(type="category", showgrid=False, autorange="reversed")
    return {"data": [trace, *_gaps(grid, x, y, mark)], "layout": frame}


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


def _gaps(grid, x: list[str], y: list[str], mark) -> list[dict]:
    """Marks on cells without a value: a heat map draws no text there. x, y: what columns and lines are called."""
    spots = [
        (column, line, mark(cell)) for line, row in zip(y, grid, strict=True) for column, cell in zip(x, row, strict=True) if cell and _value(cell) is None
    ]
    spots = [spot for spot in spots if spot[2]]
    if not spots:
        return []
    across, down, texts = zip(*spots, strict=True)
    return [
        {
            "type": "scatter", "mode": "text", "x": list(across), "y": list(down), "text": list(texts),
            "hoverinfo": "skip", "textfont": {"size": 11, "color": theme.FAINT},
        }
    ]  # fmt: skip


def _value(cell: dict | None) -> float | None:
    return None if cell is None or pd.isna(cell["value"]) else float(cell["value"])
