"""Importance against performance, as a dict: what stands where, and what is said of it."""

import itertools
import math

import pandas as pd
import plotly.graph_objects as go
import pytest

import charts
from charts import theme
from charts.quadrants import ABOVE, FRAMED, LINE, LOOKS

WORDS = {name: name.upper() for name in (*LOOKS, "performance", "importance")}


def percent(value):
    return f"{100 * value:.0f}%"


def drivers(**columns):
    frame = pd.DataFrame({
        "dimension": ["service", "price", "food", "parking"], "n": [600, 590, 580, 9], "state": ["value", "value", "value", "no_data"],
        "performance": [0.5, 0.8, 0.6, math.nan], "performance_low": [0.45, 0.75, 0.55, math.nan], "performance_high": [0.55, 0.85, 0.65, math.nan],
        "share": [0.7, 0.2, 0.1, math.nan], "share_low": [0.6, 0.1, 0.0, math.nan], "share_high": [0.8, 0.3, 0.2, math.nan],
        "quadrant": ["improve_first", "maintain", "cannot_tell", None],
    })  # fmt: skip
    return frame.assign(**columns)


def drawn(rows, **options):
    return charts.quadrants(rows, (0.63, 1 / 3), WORDS, percent, percent, **options)


def points(figure):
    return {trace["name"]: trace for trace in figure["data"]}


def test_each_quadrant_has_its_shape_and_each_point_both_intervals():
    traces = points(drawn(drivers()))
    assert set(traces) == {"IMPROVE_FIRST", "MAINTAIN", "CANNOT_TELL"}  # parking has no share: it is not drawn
    service = traces["IMPROVE_FIRST"]
    assert (service["x"], service["y"], service["customdata"]) == ([0.5], [0.7], [["service"]])
    assert [service["error_x"][side][0] for side in ("arrayminus", "array")] == pytest.approx([0.05, 0.05])
    assert [service["error_y"][side][0] for side in ("arrayminus", "array")] == pytest.approx([0.1, 0.1])
    looks = [(trace["marker"]["color"], trace["marker"]["symbol"]) for trace in traces.values()]
    assert len({symbol for _, symbol in looks}) == 3  # told apart without colours
    assert traces["CANNOT_TELL"]["marker"]["symbol"] == "circle-open"


def test_every_quadrant_has_a_shape_of_its_own():
    assert len({symbol for _, symbol in LOOKS.values()}) == len(LOOKS)


def test_points_are_labelled_and_the_corners_named():
    figure = drawn(drivers(), names={"food": "Food & drink"})
    said = [note["text"] for note in figure["layout"]["annotations"]]
    assert said == ["service", "price", "Food &amp; drink", "IMPROVE_FIRST", "KEEP_UP", "LOW_PRIORITY", "MAINTAIN"]
    corners = {note["text"]: (note["x"], note["y"]) for note in figure["layout"]["annotations"][3:]}
    assert corners == {"IMPROVE_FIRST": (0, 1), "KEEP_UP": (1, 1), "LOW_PRIORITY": (0, 0), "MAINTAIN": (1, 0)}
    assert figure["layout"]["showlegend"] is False


def test_a_point_says_both_figures_with_their_limits_and_n():
    (said,) = points(drawn(drivers()))["IMPROVE_FIRST"]["hovertext"]
    assert said == f"<b>service</b> · IMPROVE_FIRST<br>IMPORTANCE: 70% (60% – 80%)<br>PERFORMANCE: 50% (45% – 55%)<br>n {theme.count(600)}"


def test_lines_stand_at_the_averages_and_everything_is_within_the_axes():
    layout = drawn(drivers())["layout"]
    upright, level = layout["shapes"]
    assert (upright["x0"], upright["x1"], level["y0"], level["y1"]) == (0.63, 0.63, 1 / 3, 1 / 3)
    assert layout["xaxis"]["range"][0] < 0.45 and layout["xaxis"]["range"][1] > 0.85
    assert layout["yaxis"]["range"][0] < 0.0 and layout["yaxis"]["range"][1] > 0.8
    assert layout["xaxis"]["title"]["text"] == "PERFORMANCE" and layout["yaxis"]["title"]["text"] == "IMPORTANCE"


def test_labels_of_points_at_the_same_place_are_pushed_apart_with_a_line_back():
    rows = drivers(
        share=[0.3] * 3 + [math.nan], performance=[0.5, 0.51, 0.9, math.nan], performance_low=0.4, performance_high=0.95, share_low=0.1, share_high=0.5
    )
    one, other, away = drawn(rows)["layout"]["annotations"][:3]
    assert one["showarrow"] is False and other["showarrow"] is True
    assert other["ay"] == pytest.approx(-15 - 11)  # a label's height, and the 11 px that every label stands above its point
    assert away["showarrow"] is False and away["xanchor"] == "right"  # far to the right: its label turns inward


def test_without_a_share_nothing_is_drawn_and_plotly_takes_it_all_the_same():
    hidden = drawn(drivers(state="suppressed"))
    assert hidden["data"] == []
    for figure in (hidden, drawn(drivers()), drawn(drivers().head(0))):
        go.Figure(figure)


@pytest.mark.parametrize("shares", [[1 / 3] * 7, [k / 300 for k in range(40)], [0.1 + 0.2, 0.3, 0.3 + 1e-12, 0.1]])
def test_labels_never_lie_on_each_other(shares):
    rows = pd.concat([drivers().head(1)] * len(shares), ignore_index=True).assign(share=shares, dimension=[f"dimension {k}" for k in range(len(shares))])
    notes = drawn(rows)["layout"]["annotations"][: len(shares)]
    low, high = drawn(rows)["layout"]["yaxis"]["range"]
    tops = sorted((share - low) / (high - low) * (420 - FRAMED) - note.get("ay", -ABOVE) for share, note in zip(shares, notes, strict=True))
    assert all(above - below > LINE - 1 for below, above in itertools.pairwise(tops))  # a point is rounded to its pixel
