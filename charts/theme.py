"""One look for every chart. Colours are Streamlit's placeholders: the browser puts in the theme's, light or dark.

The order of the names is that of `chartCategoricalColors` in .streamlit/config.toml. Numbers of people or rows and the word for what is
hidden are placeholders as well (`count`, SUPPRESSED): `ui.figure` writes them in the reader's language and number format.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import pandas as pd

ACCENT, CONTEXT, CAUTION, GOOD, BAD, SIXTH = (f"#00000{k}" for k in range(1, 7))
COLORWAY = [f"#{k:06d}" for k in range(1, 11)]
SEQUENTIAL = [[k / 9, f"#0000{11 + k}"] for k in range(10)]
DIVERGING = [[k / 9, f"#0000{21 + k}"] for k in range(10)]
INK = "#000037"  # the theme's strong grey: for words that lie on colours
GREY = "rgba(128, 140, 166, {})"  # readable on white and on dark alike
BAND, GRID, FAINT = GREY.format(0.20), GREY.format(0.22), GREY.format(0.55)
STRONG, THIN = 2.5, 1.5  # px: the series one should look at, and the rest
FONT_SIZE = 12
CONFIG = {
    "displaylogo": False,
    "displayModeBar": "hover",
    "responsive": True,
    "typesetMath": False,  # a name with two dollar signs is a name
    "modeBarButtons": [["toImage"], ["zoom2d", "resetScale2d"]],
    "toImageButtonOptions": {"format": "png", "scale": 2},
}


def layout(height: int, **further) -> dict:
    """The frame every figure starts from: no legend, no title, room for labels, quiet grid."""
    base = {
        "colorway": COLORWAY,
        "height": height,
        "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
        "showlegend": False,
        "hovermode": "closest",
        "hoverdistance": 60,
        "dragmode": False,
        "font": {"size": FONT_SIZE},
        "separators": ".,",
        "xaxis": axis(),
        "yaxis": axis(),
    }
    return {**base, **further}


def axis(**further) -> dict:
    """An axis with a faint grid and without lines or zero mark."""
    return {"gridcolor": GRID, "zeroline": False, "showline": False, "ticks": "", "automargin": True, "fixedrange": True, **further}


def bare(**further) -> dict:
    """An axis whose labels say everything: no grid, no numbers."""
    return axis(showgrid=False, showticklabels=False, **further)


def categories(names: list[str], **further) -> dict:
    """An axis of names, the first on top."""
    return axis(type="category", categoryorder="array", categoryarray=names[::-1], showgrid=False, **further)


def note(x, y, text: str, **further) -> dict:
    """A label inside the figure."""
    return {"x": x, "y": y, "text": text, "showarrow": False, "xanchor": "left", "align": "left", "font": {"size": FONT_SIZE}, **further}


OPEN, CLOSE = "\ue000", "\ue001"  # around what `ui.figure` puts in; no source's text keeps them
DIRECTIONS = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"  # turn the direction of what follows, our words included
DROPPED = dict.fromkeys(map(ord, OPEN + CLOSE + DIRECTIONS))
ENTITIES = {ord("&"): "&amp;", ord("<"): "&lt;", ord(">"): "&gt;"}


def escaped(text) -> str:
    """Text from a source, shown as it is: Plotly reads a little HTML (links among it) in whatever it writes."""
    return str(text).translate(DROPPED).translate(ENTITIES)


MISSING = "–"
SUPPRESSED = f"{OPEN}suppressed{CLOSE}"  # what a hidden value is called


def count(n) -> str:
    """How many, as `ui.figure` will write it."""
    return f"{OPEN}{int(n)}{CLOSE}"


def told(row, said: str) -> str:
    """`said`, or that the value is hidden: too few answers are not the same as none. row: with its state, where it has one."""
    return SUPPRESSED if getattr(row, "state", None) == "suppressed" else said


def hidden(rows: pd.DataFrame) -> pd.Series:
    """Which rows have a value that may not be shown."""
    return rows["state"].eq("suppressed") if "state" in rows else pd.Series(False, rows.index)


def hidden_notes(rows: pd.DataFrame, labels: list[str]) -> list[dict]:
    """A word on the line of every row whose value is hidden."""
    spot = {"xref": "paper", "xshift": 6, "yanchor": "middle", "font": {"size": 11, "color": GREY.format(0.95)}}
    return [note(0, label, SUPPRESSED, **spot) for label, is_hidden in zip(labels, hidden(rows), strict=True) if is_hidden]


def named(value, names: dict | None = None, most: int = 28) -> str:
    """What a key is called on an axis: its name in `names`, else itself; keys the data have none of look up None."""
    key = None if pd.isna(value) else value
    return cut((names or {}).get(key, MISSING if key is None else key), most)


def labels(values: Iterable, names: dict | None = None) -> list[str]:
    """What the keys of an axis are called, no two alike: marks with one name would be drawn over each other."""
    found: dict[str, int] = {}
    called = []
    for name in (named(value, names) for value in values):
        found[name] = found.get(name, 0) + 1
        called.append(name if found[name] == 1 else f"{name} ({found[name]})")
    return called


def cut(text, most: int = 28) -> str:
    """A name short enough for an axis."""
    text = str(text)
    return escaped(text if len(text) <= most else text[: most - 1] + "…")


Tick = str | Callable[[float], str]  # of a value axis: a format of d3, or a function that writes a value


def value_axis(tick: Tick, *found: pd.Series | float | None, nticks: int = 6) -> dict:
    """An axis of values with about `nticks` marks. found: what lies on it; its marks are round where `tick` writes them."""
    if isinstance(tick, str):
        return axis(tickformat=tick, nticks=nticks)
    series = [pd.to_numeric(part if isinstance(part, pd.Series) else pd.Series([part])).astype("float64") for part in found]
    marks = round_marks(pd.concat(series).dropna(), nticks - 1)
    return axis(tickmode="array", tickvals=marks, ticktext=[tick(mark) for mark in marks])


def round_marks(found: pd.Series, steps: int) -> list[float]:
    """Round numbers (1, 2 or 5 times a power of ten apart) that cover the values in about so many steps."""
    if found.empty:
        return []
    low, high = float(found.min()), float(found.max())
    rough = ((high - low) or abs(high) or 1.0) / steps
    power = 10.0 ** math.floor(math.log10(rough))
    step = power * next((k for k in (1, 2, 5) if k * power >= rough), 10)
    return [step * k for k in range(math.floor(low / step), math.ceil(high / step) + 1)]
