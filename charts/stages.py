"""A funnel: a bar per stage on the track of all that began, with the count, the share of all and the share of the stage before."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from charts import theme

STEP = 58  # px per stage: a bar and the line below it
ROOM = 104  # px to the right of the track, for the labels
Label = Callable[[float], str]


def stages(rows: pd.DataFrame, key: str, label: Label, count: Label, *, names: dict | None = None, step: str = "↓ {share}", unknown: str = "") -> dict:
    """One bar per stage, its length the share of all; between two bars the share that went on.

    rows: in the order of the stages: `key`, value (share of all), numerator, step (share of the stage before; null: not shown).
    label, count: a share and a number in words. step: how the share that went on is written, with {share}. unknown: what
    stands at a stage that has no value.
    """
    rows = rows.reset_index(drop=True)
    places = list(range(len(rows)))
    labels = [theme.named(value, names) for value in rows[key]]
    keys = [[None if pd.isna(value) else str(value)] for value in rows[key]]
    known = [None if pd.isna(value) else float(value) for value in rows["value"]]
    said = [unknown if value is None else f"<b>{count(n)}</b>  {label(value)}" for value, n in zip(known, rows["numerator"], strict=True)]
    track = _bar(places, [1.0] * len(rows), theme.BAND, keys, hoverinfo="skip")
    front = _bar(places, known, theme.ACCENT, keys, hovertext=[f"{name}: {text}" for name, text in zip(labels, said, strict=True)], hoverinfo="text")
    frame = theme.layout(16 + STEP * max(len(rows), 1), barmode="overlay", annotations=[*_counts(places, said), *_steps(rows, label, step)])
    frame["margin"] = {**frame["margin"], "r": ROOM}
    frame["xaxis"] = theme.bare(range=[0, 1])
    frame["yaxis"] = theme.axis(showgrid=False, range=[len(rows) - 0.45, -0.55], tickvals=places, ticktext=labels)
    return {"data": [track, front], "layout": frame}


def _bar(places: list[int], lengths: list, colour: str, keys: list, **further) -> dict:
    line = {"type": "bar", "orientation": "h", "y": places, "x": lengths, "width": 0.5, "marker": {"color": colour}, "customdata": keys}
    return {**line, "showlegend": False, **further}


def _counts(places: list[int], said: list[str]) -> list[dict]:
    return [theme.note(1, place, text, yanchor="middle", xshift=8) for place, text in zip(places, said, strict=True) if text]


def _steps(rows: pd.DataFrame, label: Label, step: str) -> list[dict]:
    going = [(place, share) for place, share in enumerate(rows["step"]) if place and not pd.isna(share)]
    quiet = {"size": theme.FONT_SIZE - 1, "color": theme.GREY.format(1)}
    return [theme.note(0.005, place - 0.5, step.format(share=label(share)), yanchor="middle", font=quiet) for place, share in going]
