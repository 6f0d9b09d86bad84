"""Importance against performance: which dimension to improve first, which to keep up, and which cannot be told."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pandas as pd

from charts import theme

Label = Callable[[float], str]
LOOKS = {  # quadrant → colour, symbol: the shape says it, too
    "improve_first": (theme.BAD, "diamond"),
    "keep_up": (theme.GOOD, "square"),
    "maintain": (theme.ACCENT, "circle"),
    "low_priority": (theme.CONTEXT, "triangle-down"),
    "cannot_tell": (theme.CONTEXT, "circle-open"),
}
CORNERS = {"improve_first": (0, 1), "keep_up": (1, 1), "low_priority": (0, 0), "maintain": (1, 0)}
LINE, LETTER, GAP, ABOVE = 15, 6.5, 9, 11  # px: of a label its height and a letter's width; from its point to the side and upwards
NARROW = 300  # px: width of the plot on a phone
ROOM = 0.08  # of the span of an axis, beyond the outermost interval
TURN = 0.62  # of the width: from here on a label stands to the left of its point
FRAMED = 84  # px of the height that are not the plot


def quadrants(
    rows: pd.DataFrame, averages: tuple[float, float], words: Mapping[str, str], across: Label, up: Label, *, names: dict | None = None, height: int = 420,
) -> dict:  # fmt: skip
    """One point per dimension with both intervals: its performance across, its share of importance up; dotted lines at the averages.

    rows: of the metric `drivers`: dimension, n, performance, share, their _low and _high, quadrant, state. Dimensions without a share are not drawn.
    averages: of performance and of share; where no dimension is drawn, nobody looks at them. words: what the quadrants are called (also
    "cannot_tell"), and the axes, "performance" and "importance".
    across, up: a performance and a share in words. Points carry their dimension as customdata[0].
    """
    drawn = rows[rows["state"].eq("value")].reset_index(drop=True)
    averages = averages if len(drawn) else (0.5, 0.5)
    ranges = [_range(drawn, name, average) for name, average in zip(("performance", "share"), averages, strict=True)]
    called = theme.labels(drawn["dimension"], names)
    points = [_points(part, [called[place] for place in part.index], words, across, up) for _, part in drawn.groupby("quadrant", sort=False)]
    notes = _names(drawn, called, ranges, height) + [_corner(name, words[name]) for name in CORNERS]
    frame = theme.layout(height, shapes=_lines(averages), annotations=notes)
    for axis, (low, high), written, title in (("xaxis", ranges[0], across, "performance"), ("yaxis", ranges[1], up, "importance")):
        frame[axis] = theme.value_axis(written, pd.Series([max(low, 0.0), min(high, 1.0)]))
        frame[axis] |= {"range": [low, high], "title": {"text": theme.escaped(words[title]), "font": {"size": theme.FONT_SIZE}}}
    return {"data": points, "layout": frame}


def _range(rows: pd.DataFrame, name: str, average: float) -> list[float]:
    """Around all intervals and the average, with room for the corners' names."""
    ends = pd.concat([rows[f"{name}_low"], rows[f"{name}_high"], pd.Series([average])]).astype("float64")
    room = ROOM * ((ends.max() - ends.min()) or 1.0)
    return [float(ends.min() - room), float(ends.max() + 2 * room)]


def _points(part: pd.DataFrame, called: list[str], words: Mapping[str, str], across: Label, up: Label) -> dict:
    """The dimensions of one quadrant."""
    quadrant = part["quadrant"].iloc[0]
    colour, symbol = LOOKS[quadrant]
    return {
        "type": "scatter", "mode": "markers", "name": theme.escaped(words[quadrant]), "x": list(part["performance"]), "y": list(part["share"]),
        "marker": {"color": colour, "symbol": symbol, "size": 11, "line": {"width": 1.5, "color": colour}},
        "customdata": [[value] for value in part["dimension"]],
        "hovertext": [_said(name, row, words, across, up) for name, row in zip(called, part.itertuples(), strict=True)],
        "hovertemplate": "%{hovertext}<extra></extra>", "error_x": _reach(part, "performance"), "error_y": _reach(part, "share"),
    }  # fmt: skip


def _reach(part: pd.DataFrame, name: str) -> dict:
    value, low, high = (part[name + end].astype("float64") for end in ("", "_low", "_high"))
    whiskers = {"array": list(high - value), "arrayminus": list(value - low)}
    return {"type": "data", "symmetric": False, **whiskers, "color": theme.FAINT, "thickness": 1.2, "width": 3}


def _said(name: str, row, words: Mapping[str, str], across: Label, up: Label) -> str:
    """A point in words: its name, what to do, both figures with their limits, and how many answered."""
    lines = [f"<b>{name}</b> · {theme.escaped(words[row.quadrant])}"]
    for title, say, what in (("importance", up, "share"), ("performance", across, "performance")):
        value, low, high = (getattr(row, what + end) for end in ("", "_low", "_high"))
        lines.append(f"{theme.escaped(words[title])}: {say(value)} ({say(low)} – {say(high)})")
    return "<br>".join([*lines, f"n {theme.count(row.n)}"])


def _names(rows: pd.DataFrame, called: list[str], ranges: list[list[float]], height: int) -> list[dict]:
    """A label beside every point, from the lowest up: one that would lie on another moves up, and a thin line leads back to its point.

    Room is reckoned for a phone: on a wider screen labels lie further apart than they need to.
    """
    (left, right), (bottom, top) = ranges
    found, placed = {}, []
    for k in rows["share"].sort_values(kind="stable").index:
        across = (rows.loc[k, "performance"] - left) / (right - left)
        own = round((rows.loc[k, "share"] - bottom) / (top - bottom) * (height - FRAMED))  # whole px: LINE above another is clear of it
        start = NARROW * across - (GAP + _width(called[k]) if across > TURN else -GAP)
        spot = own
        while under := [other for begin, end, other in placed if abs(other - spot) < LINE and begin < start + _width(called[k]) and start < end]:
            spot = max(under) + LINE
        placed.append((start, start + _width(called[k]), spot))
        found[k] = _name(rows.loc[k], called[k], across > TURN, spot - own)
    return [found[k] for k in rows.index]


def _width(text: str) -> float:
    """px, about; a Chinese character takes the room of two letters."""
    return sum(LETTER * (1 + (character > "\u2e7f")) for character in text)


def _name(row, text: str, turned: bool, moved: int) -> dict:
    """turned: to the left of its point. moved: px upwards."""
    side, anchor = (-1, "right") if turned else (1, "left")
    spot = {"xanchor": anchor, "yanchor": "middle", "font": {"size": theme.FONT_SIZE}}
    if not moved:
        return theme.note(float(row["performance"]), float(row["share"]), text, xshift=GAP * side, yshift=ABOVE, **spot)
    leader = {"showarrow": True, "arrowhead": 0, "arrowwidth": 0.8, "arrowcolor": theme.FAINT, "ax": 2 * GAP * side, "ay": -moved - ABOVE}
    return {**theme.note(float(row["performance"]), float(row["share"]), text, **spot), **leader}


def _corner(quadrant: str, word: str) -> dict:
    """What a quadrant is called, in its corner."""
    right, top = CORNERS[quadrant]
    spot = {"xref": "paper", "yref": "paper", "xanchor": "right" if right else "left", "yanchor": "top" if top else "bottom"}
    return theme.note(right, top, theme.escaped(word), **spot, font={"size": 11, "color": LOOKS[quadrant][0]})


def _lines(averages: tuple[float, float]) -> list[dict]:
    """Where the quadrants meet: the average performance and the average share."""
    line = {"type": "line", "layer": "below", "line": {"color": theme.FAINT, "width": 1.2, "dash": "dot"}}
    x, y = averages
    return [{**line, "yref": "paper", "x0": x, "x1": x, "y0": 0, "y1": 1}, {**line, "xref": "paper", "x0": 0, "x1": 1, "y0": y, "y1": y}]
