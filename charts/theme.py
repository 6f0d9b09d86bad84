"""One look for every chart. Colours are Streamlit's placeholders: the browser puts in the theme's, light or dark.

The order of the names is that of `chartCategoricalColors` in .streamlit/config.toml.
"""

from __future__ import annotations

import pandas as pd

ACCENT, CONTEXT, CAUTION, GOOD, BAD, SIXTH = (f"#00000{k}" for k in range(1, 7))
COLORWAY = [f"#{k:06d}" for k in range(1, 11)]
SEQUENTIAL = [[k / 9, f"#0000{11 + k}"] for k in range(10)]
DIVERGING = [[k / 9, f"#0000{21 + k}"] for k in range(10)]
GREY = "rgba(128, 140, 166, {})"  # readable on white and on dark alike
BAND, GRID, FAINT = GREY.format(0.20), GREY.format(0.22), GREY.format(0.55)
STRONG, THIN = 2.5, 1.5  # px: the series one should look at, and the rest
FONT_SIZE = 12
CONFIG = {
    "displaylogo": False,
    "displayModeBar": "hover",
    "responsive": True,
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


def escaped(text) -> str:
    """Text from a source, shown as it is: Plotly reads a little HTML in labels."""
    return str(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


MISSING = "–"
SUPPRESSED = "{suppressed}"  # what a hidden value is called; `ui.figure` puts in the reader's word, as the browser does with colours


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


def cut(text, most: int = 28) -> str:
    """A name short enough for an axis."""
    text = str(text)
    return escaped(text if len(text) <= most else text[: most - 1] + "…")
