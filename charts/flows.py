"""Flows between two sides: who was what, and is what now."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pandas as pd

from charts import theme

UP, DOWN, SAME = "rgba(37, 111, 219, {})", "rgba(214, 122, 16, {})", theme.GREY  # blue and orange: told apart by everybody, on white and on dark
NODE, LINK = 0.95, 0.45  # opacity
PAD, THICK = 14, 16  # px
Label = Callable[[float], str]


def flow(
    rows: pd.DataFrame, origin: str, target: str, width: str, label: Label, *, order: Sequence[str], names: dict | None = None, hover: str | None = None,
    height: int = 420,
) -> dict:  # fmt: skip
    """Bands from the groups on the left to those on the right, as wide as `width`; what rose is blue, what fell is orange.

    rows: `origin`, `target`, `width`, direction ("up", "down", "same"), and `hover`, the band in words.
    order: the groups from top to bottom, on both sides. label: a width in words, for the groups' totals.
    """
    rows = rows[rows[width].fillna(0) > 0].reset_index(drop=True)
    left, right = (_side(rows, column, order) for column in (origin, target))
    totals = [rows.groupby(column)[width].sum() for column in (origin, target)]
    said = [f"{theme.named(group, names, 20)}  {label(total[group])}" for groups, total in zip((left, right), totals, strict=True) for group in groups]
    trace = {
        "type": "sankey", "arrangement": "fixed", "orientation": "h", "valueformat": ".4~s", "textfont": {"color": theme.INK, "size": theme.FONT_SIZE},
        "node": {
            "label": said, "x": [0.001] * len(left) + [0.999] * len(right), "y": [*_places(left, totals[0]), *_places(right, totals[1])],
            "pad": PAD, "thickness": THICK, "color": [SAME.format(NODE)] * len(said), "line": {"width": 0}, "hovertemplate": "%{label}<extra></extra>",
        },
        "link": {
            "source": [left.index(value) for value in rows[origin]], "target": [len(left) + right.index(value) for value in rows[target]],
            "value": [float(value) for value in rows[width]], "color": [_colour(way) for way in rows["direction"]],
            "customdata": [theme.escaped(said) for said in rows[hover]] if hover else [""] * len(rows), "hovertemplate": "%{customdata}<extra></extra>",
        },
    }  # fmt: skip
    frame = theme.layout(height)
    frame["margin"] = {"l": 4, "r": 4, "t": 10, "b": 10}
    return {"data": [trace], "layout": frame}


def _side(rows: pd.DataFrame, column: str, order: Sequence[str]) -> list[str]:
    """The groups that occur on one side, in order; what `order` does not name comes last."""
    there = list(dict.fromkeys(rows[column]))
    return [group for group in order if group in there] + [group for group in there if group not in order]


def _places(groups: list[str], totals: pd.Series) -> list[float]:
    """Where each group's middle lies from the top, 0 to 1."""
    whole, passed, places = float(totals.sum()) or 1.0, 0.0, []
    for group in groups:
        places.append(min(max((passed + float(totals[group]) / 2) / whole, 0.001), 0.999))
        passed += float(totals[group])
    return places


def _colour(direction: str) -> str:
    return {"up": UP, "down": DOWN}.get(direction, SAME).format(LINK if direction in ("up", "down") else 0.28)
