"""Plotly reads a little HTML in whatever it writes: what a source wrote is data, in every builder, and once more before it leaves."""

import json
import math
import re

import pandas as pd
import plotly.graph_objects as go
import plotly.io as pio
import pytest

import charts
from charts import theme
from charts.checked import Checked
from tests.hostile import TEXTS
from ui import figure

SHOWN = {"text", "x", "y", "name", "hovertext", "hovertemplate", "texttemplate", "ticktext", "label", "title", "customdata"}
OURS = re.compile(r"</?b>|<br>|</?extra>")


def word(value) -> str:
    return "–" if value != value else f"{value:.2f}"


def rows(key: str, **columns) -> pd.DataFrame:
    frame = pd.DataFrame({key: TEXTS, "value": 0.5, "low": 0.4, "high": 0.6, "n": 40, "state": "value"})
    return frame.assign(**columns)


def steps(part: pd.DataFrame) -> pd.DataFrame:
    """Each text as a series of two months."""
    months = [pd.Timestamp(2026, month, 1).date() for month in (1, 2)]
    return pd.concat([part.assign(period=month, complete=True) for month in months])


def drivers() -> pd.DataFrame:
    """Each text as a dimension of every quadrant in turn."""
    ends = {f"{name}{end}": value for name in ("share", "performance") for end, value in (("", 0.5), ("_low", 0.4), ("_high", 0.6))}
    return rows("dimension", quadrant=[MEANT[place % 5] for place in range(len(TEXTS))], **ends)


def cells() -> pd.DataFrame:
    """Each text as something that was asked, of one group."""
    return rows("k", down="x", cell=[str(place) for place in range(len(TEXTS))], scale_min=0.0, scale_max=1.0, is_low=True).astype(object)


MEANT = ("improve_first", "keep_up", "low_priority", "maintain", "cannot_tell", "performance", "importance")
ENDS = [("value", "<i>a</i>", theme.GOOD), ("high", "<i>b</i>", theme.BAD)]
BUILT = {
    "line": lambda: charts.line(steps(rows("k")), word, by="k"),
    "line_target": lambda: charts.line(steps(rows("k").head(1)), word, target=0.5, target_label="<i>t</i>"),
    "bars": lambda: charts.bars(rows("k"), "k", word),
    "split": lambda: charts.split(rows("k"), "k", ENDS, word),
    "forest": lambda: charts.forest(rows("k"), "k", word, reference=0.5, reference_label="<i>all</i>"),
    "pairs": lambda: charts.pairs(rows("k"), "k", ENDS, word),
    "bridge": lambda: charts.bridge(rows("k", kind="change"), "k", word),
    "heat": lambda: charts.heat(rows("k", down="x"), "k", "down", word, hover=lambda cell: cell["k"] + "\n2"),
    "quadrants": lambda: charts.quadrants(drivers(), (0.5, 0.5), {name: f"<i>{name}</i>" for name in MEANT}, word, word),
    "spots": lambda: charts.spots(cells(), "k", "down", lambda cell: cell["k"], lambda cell: cell["k"] + "\n2"),
    "heat_down": lambda: charts.heat(rows("k", across="x", value=math.nan), "across", "k", word, mark=lambda cell: "…"),
    "stages": lambda: charts.stages(rows("k", numerator=5, step=0.5), "k", word, word),
    "calibration": lambda: charts.calibration(rows("k", predicted=0.5), "k", word, promised="<i>p</i>", came="<i>c</i>"),
    "survival": lambda: charts.survival(rows("k", age=0), word, by="k", axis="<i>m</i>", at_risk="<i>r</i>"),
    "pareto": lambda: charts.pareto(rows("k", percent=20), word, at_label="<i>20</i>", axis="<i>x</i>", even="<i>e</i>"),
    "flow": lambda: charts.flow(rows("k", to=TEXTS[0], w=1.0, direction="up", said=TEXTS), "k", "to", "w", word, order=[], hover="said"),
}  # fmt: skip


def shown(part, name: str = ""):
    """Every text of a figure that Plotly draws. The keys a click gives back are lists of one and are never drawn."""
    if isinstance(part, dict):
        for key, value in part.items():
            yield from shown(value, key if key in SHOWN else name if key == "text" else "")
    elif isinstance(part, list):
        is_keys = name == "customdata" and all(isinstance(value, list) and len(value) == 1 for value in part)
        for value in () if is_keys else part:
            yield from shown(value, name)
    elif isinstance(part, str) and name:
        yield part


@pytest.mark.parametrize("name", sorted(BUILT))
def test_no_text_of_a_source_is_a_tag(name):
    drawn = list(shown(BUILT[name]()))
    assert len(drawn) > 2
    assert [text for text in drawn if "<" in OURS.sub("", text)] == []
    assert not any(c in text for text in drawn for c in theme.DIRECTIONS)


@pytest.mark.parametrize("name", sorted(BUILT))
def test_plotly_takes_them_as_they_are(name):
    """The app spares Plotly the look through them: it would find nothing and change nothing but leave out what is empty."""
    spec = figure.finished(BUILT[name]())
    ours, theirs = (json.loads(pio.to_json(made.to_dict(), validate=False), object_hook=filled) for made in (Checked(spec), go.Figure(spec)))
    assert ours == theirs


def filled(part: dict) -> dict:
    return {name: value for name, value in part.items() if value is not None and value != []}


def test_marks_with_alike_names_stay_apart():
    """Two names that differ only after what fits on an axis are still two marks."""
    assert theme.labels(["x" * 40 + "1", "x" * 40 + "2", "y"]) == ["x" * 27 + "…", "x" * 27 + "… (2)", "y"]


def test_a_source_cannot_write_our_placeholders():
    figures = charts.bars(pd.DataFrame({"k": [theme.SUPPRESSED, theme.count(7)], "value": [1.0, 2.0]}), "k", word)
    assert figures["data"][0]["y"] == ["suppressed", "7"]
    assert figure.finished(figures)["data"][0]["y"] == ["suppressed", "7"]


def test_what_a_builder_forgot_is_text_when_it_leaves():
    spec = {"data": [{"text": ['<a href="javascript:x">y</a>', "<b>1</b><br>2"], "customdata": [["<key>"]]}], "layout": {"title": {"text": "<img src=x>"}}}
    done = figure.finished(spec)
    assert done["data"][0]["text"] == ['&lt;a href="javascript:x">y&lt;/a>', "<b>1</b><br>2"]
    assert done["data"][0]["customdata"] == [["<key>"]] and done["layout"]["title"]["text"] == "&lt;img src=x>"


def test_formulas_between_dollars_are_not_typeset():
    assert theme.CONFIG["typesetMath"] is False and json.dumps(theme.CONFIG)
