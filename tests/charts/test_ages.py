"""Survival, Pareto and the triangle of cohorts as dicts: what must be drawn, and what must not."""

import datetime as dt
import math

import pandas as pd
import plotly.graph_objects as go

import charts
from charts import theme

JAN, FEB = dt.date(2026, 1, 1), dt.date(2026, 2, 1)


def share(value):
    return f"{value:.0%}"


def curve(values, **more):
    n = range(100, 100 - 10 * len(values), -10)
    return pd.DataFrame({"age": range(len(values)), "value": values, "low": [v - 0.1 for v in values], "high": values, "n": n, **more})


def drawn(figure):
    go.Figure(figure)  # Plotly accepts every name and value
    return figure


def test_survival_is_drawn_in_steps_with_its_band_and_who_is_at_risk():
    figure = drawn(charts.survival(curve([1.0, 0.8, 0.7]), share, at_risk="at risk"))
    band, steps = figure["data"]
    assert steps["line"]["shape"] == "hv" and steps["y"] == [1.0, 0.8, 0.7]
    assert band["x"][:5] == [0.0, 1.0, 1.0, 2.0, 2.0] and band["y"][:5] == [1.0, 1.0, 0.8, 0.8, 0.7]  # each value holds until the next
    assert [note["text"] for note in figure["layout"]["annotations"]] == [*map(theme.count, (100, 90, 80)), "at risk"]


def test_several_curves_have_no_bands_and_a_line_of_numbers_each():
    rows = pd.concat([curve([1.0, 0.8], region="North"), curve([1.0, 0.5], region=None)])
    figure = drawn(charts.survival(rows, share, by="region", names={None: "(none)"}))
    assert [trace["name"] for trace in figure["data"]] == ["North", "(none)"] and figure["layout"]["showlegend"]
    assert {note["yshift"] for note in figure["layout"]["annotations"]} == {-46, -62}


def test_long_lives_are_marked_sparsely():
    figure = charts.survival(curve([1.0 - k / 200 for k in range(97)]), share)
    assert figure["layout"]["xaxis"]["tickvals"] == [0, 12, 24, 36, 48, 60, 72, 84, 96]


def test_pareto_begins_at_nothing_and_marks_the_top():
    rows = pd.DataFrame({"percent": [10, 20, 100], "value": [0.4, 0.6, 1.0], "n": [1, 2, 10]})
    line, equal, mark = drawn(charts.pareto(rows, share, at_label="top fifth"))["data"]
    assert (line["x"], line["y"]) == ([0, 10, 20, 100], [0.0, 0.4, 0.6, 1.0]) and equal["y"] == [0, 1]
    assert (mark["x"], mark["y"]) == ([20], [0.6])


def test_three_kinds_of_cell():
    rows = pd.DataFrame(
        [
            {"cohort": None, "age": 0, "value": 1.0, "cell": "observed"},
            {"cohort": None, "age": 1, "value": 0.456, "cell": "observed"},
            {"cohort": JAN, "age": 0, "value": 1.0, "cell": "observed"},
            {"cohort": JAN, "age": 1, "value": 0.456, "cell": "observed"},
            {"cohort": FEB, "age": 0, "value": 1.0, "cell": "observed"},
            {"cohort": FEB, "age": 1, "value": math.nan, "cell": "in_progress"},
            {"cohort": JAN, "age": 2, "value": math.nan, "cell": "not_observable"},
        ],
        dtype=object,
    )
    figure = drawn(charts.cohorts(rows, {None: "All", JAN: "Jan", FEB: "Feb"}, hover=lambda cell: "x"))
    heat, words = figure["data"]
    assert heat["y"] == ["All", "Jan", "Feb"] and heat["z"][1][:2] == [1.0, 0.456]
    said = dict(zip(zip(words["y"], words["x"], strict=True), words["text"], strict=True))
    assert said["Jan", "1"] == "46" and said["Feb", "1"] == "…" and ("Jan", "2") not in said  # in progress is marked, not observable is not
    (frame,) = figure["layout"]["shapes"]
    assert (frame["x0"] < 1 < frame["x1"]) and (frame["y0"] < 2 < frame["y1"])
