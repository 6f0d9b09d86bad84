"""Figures as dicts: what must be drawn, and what must not."""

import datetime as dt
import math
import tomllib
from itertools import pairwise
from pathlib import Path

import pandas as pd
import plotly.graph_objects as go
import pytest

import charts
from charts import theme

NAN = math.nan


def word(value):
    return "–" if value != value else f"{value:.0f}"


def series(values, complete=None, by=None):
    months = [dt.date(2026, k + 1, 1) for k in range(len(values))]
    frame = pd.DataFrame({"period": months, "value": values, "n": 50, "complete": complete or [True] * len(values)})
    frame["low"], frame["high"] = frame["value"] - 1, frame["value"] + 1
    return frame if by is None else frame.assign(region=by)


def strokes(figure):
    return [trace for trace in figure["data"] if trace.get("mode") == "lines+markers"]


def bands(figure):
    return [trace for trace in figure["data"] if trace.get("fill")]


def test_a_missing_month_is_a_gap():
    figure = charts.line(series([1.0, NAN, 3.0, 4.0]), word)
    (stroke,) = strokes(figure)
    assert stroke["y"] == [1.0, None, 3.0, 4.0] and stroke["connectgaps"] is False
    assert [len(band["x"]) for band in bands(figure)] == [2, 4]  # one piece before the gap, one after: the band does not bridge it


def test_a_point_between_gaps_is_seen_and_shows_its_interval():
    (stroke,) = strokes(charts.line(series([1.0, NAN, 3.0, NAN]), word))
    assert stroke["marker"]["size"] == [7, 4, 7, 4]
    assert stroke["error_y"]["array"] == [1.0, 0, 1.0, 0]


def test_the_running_step_is_dashed_and_joined_to_the_last_complete_one():
    solid, dashed = strokes(charts.line(series([1.0, 2.0, 3.0], [True, True, False]), word))
    assert solid["y"] == [1.0, 2.0] and "dash" not in solid["line"]
    assert dashed["y"] == [2.0, 3.0] and dashed["line"]["dash"] == "dot"


def test_a_step_that_begins_before_the_period_is_dashed_by_itself():
    solid, dashed = strokes(charts.line(series([1.0, 2.0, 3.0, 4.0], [False, True, True, False]), word))
    assert solid["y"] == [2.0, 3.0]
    assert dashed["y"] == [1.0, 2.0, None, 3.0, 4.0]
    assert [template == "<extra></extra>" for template in dashed["hovertemplate"]] == [False, True, True, True, False]


def test_steps_without_a_complete_one_beside_them_stand_alone():
    (_, dashed) = strokes(charts.line(series([1.0, 2.0], [False, False]), word))
    assert dashed["y"] == [1.0, 2.0]


def test_several_lines_are_labelled_at_their_ends_without_legend():
    rows = pd.concat([series([1.0, 2.0], by="North"), series([3.0, 1.0], by=None).assign(region=None)])
    figure = charts.line(rows, word, by="region", strong="North", names={None: "(none)"})
    assert [stroke["line"]["color"] for stroke in strokes(figure)] == [theme.ACCENT, theme.CONTEXT]
    assert {note["text"] for note in figure["layout"]["annotations"]} == {"North", "(none)"}
    assert bands(figure) == [] and figure["layout"]["showlegend"] is False


def test_labels_at_the_same_height_are_pushed_apart():
    rows = pd.concat([series([0.0, 5.0], by=name) for name in "ABC"])
    heights = sorted(note["y"] for note in charts.line(rows, word, by="region", height=300)["layout"]["annotations"])
    assert min(b - a for a, b in pairwise(heights)) >= 5 * 16 / 240 * 0.999  # 16 px of the 240 px that span 5


def test_a_value_axis_has_round_marks_written_by_a_function():
    """Five steps over −30 to 950 are 200 apart: 980 / 5 = 196."""
    axis = theme.value_axis(lambda value: f"{value:.0f}", pd.Series([-30.0, NAN, 950.0]))
    assert (axis["tickmode"], axis["ticktext"]) == ("array", ["-200", "0", "200", "400", "600", "800", "1000"])
    assert theme.value_axis(word, pd.Series([], dtype=float))["tickvals"] == []
    assert theme.value_axis(word, pd.Series([7.0]), None)["tickvals"][0] <= 7 <= theme.value_axis(word, pd.Series([7.0]), None)["tickvals"][-1]
    assert theme.value_axis(".0%", pd.Series([0.5]))["tickformat"] == ".0%"


def test_an_empty_series_draws_nothing_and_does_not_fail():
    assert strokes(charts.line(series([]), word))[0]["y"] == []
    assert charts.line(series([]).assign(region=[]), word, by="region")["data"] == []


def test_bars_keep_their_order_their_key_and_a_missing_value():
    rows = pd.DataFrame({"region": ["B", None, "A"], "value": [2.0, NAN, 1.0], "state": ["value", "suppressed", "value"]})
    figure = charts.bars(rows, "region", word, names={None: "(none)"}, strong=["B"])
    (trace,) = figure["data"]
    assert trace["y"] == ["B", "(none)", "A"] and trace["x"] == [2.0, None, 1.0] and trace["text"] == ["2", theme.SUPPRESSED, "1"]
    assert trace["customdata"] == [["B"], [None], ["A"]]
    assert trace["marker"]["color"] == [theme.ACCENT, theme.CONTEXT, theme.CONTEXT]
    assert figure["layout"]["yaxis"]["categoryarray"] == ["A", "(none)", "B"]  # plotly draws from the bottom


def test_split_bars_leave_out_numbers_that_do_not_fit():
    rows = pd.DataFrame({"region": ["N"], "p": [0.55], "d": [0.05]})
    promoters, detractors = charts.split(rows, "region", [("p", "Promoters", theme.GOOD), ("d", "Detractors", theme.BAD)], lambda v: f"{v:.0%}")["data"]
    assert (promoters["text"], detractors["text"], detractors["hovertext"]) == (["55%"], [""], ["5%"])


def test_a_forest_shows_no_point_for_what_is_suppressed():
    rows = pd.DataFrame({"region": ["N", "S"], "value": [10.0, NAN], "low": [5.0, NAN], "high": [20.0, NAN], "n": [40, None]})
    figure = charts.forest(rows, "region", word, reference=12.0, reference_label="all")
    (points,) = figure["data"]
    assert points["x"] == [10.0, None]
    assert (points["error_x"]["array"], points["error_x"]["arrayminus"]) == ([10.0, 0.0], [5.0, 0.0])
    assert figure["layout"]["shapes"][0]["x0"] == 12.0


def test_a_heat_map_says_why_a_cell_is_empty():
    rows = pd.DataFrame({"age": [0, 1, 0], "cohort": ["Jan", "Jan", "Feb"], "value": [0.5, NAN, 0.25], "kind": ["seen", "running", "seen"]})
    heat, words = charts.heat(rows, "age", "cohort", lambda v: f"{v:.0%}", mark=lambda row: "…" if row["kind"] == "running" else "")["data"]
    assert heat["z"] == [[0.5, None], [0.25, None]] and (heat["zmin"], heat["zmax"]) == (0.25, 0.5)
    assert list(zip(words["x"], words["y"], words["text"], strict=True)) == [("0", "Jan", "50%"), ("1", "Jan", "…"), ("0", "Feb", "25%")]


@pytest.mark.parametrize("looks", ["light", "dark"])
@pytest.mark.parametrize(("middle", "least"), [(None, 3.5), (0.5, 2.9)])
def test_every_word_on_a_heat_map_can_be_read_on_its_colour(looks, middle, least):
    """WCAG 2.2, 1.4.3: (lighter + 0.05) / (darker + 0.05) of the relative luminances. INK is Streamlit's gray90 on light pages, gray10 on dark ones."""
    themed = tomllib.loads(Path(".streamlit/config.toml").read_text())["theme"][looks]
    shades = themed["chartSequentialColors" if middle is None else "chartDivergingColors"]
    inks = {theme.INK: {"light": "#262730", "dark": "#FAFAFA"}[looks], theme.SEQUENTIAL[0][1]: themed["chartSequentialColors"][0]}
    rows = pd.DataFrame({"x": range(101), "y": "y", "value": [k / 100 for k in range(101)]})
    _, words = charts.heat(rows, "x", "y", word, middle=middle)["data"]
    for k, ink in enumerate(words["textfont"]["color"]):
        place, part = min(k * 9 // 100, 8), k * 9 / 100 - min(k * 9 // 100, 8)
        shade = [(1 - part) * a + part * b for a, b in zip(_rgb(shades[place]), _rgb(shades[place + 1]), strict=True)]
        darker, lighter = sorted((_luminance(shade), _luminance(_rgb(inks[ink]))))
        assert (lighter + 0.05) / (darker + 0.05) >= least, k


def _rgb(colour: str) -> list[float]:
    return [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]


def _luminance(rgb: list[float]) -> float:
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in rgb]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_a_bridge_runs_from_total_to_total():
    rows = pd.DataFrame({"part": ["Open", "Grown", "Lost", "Close"], "value": [10.0, 5.0, -3.0, 12.0], "kind": ["total", "change", "change", "total"]})
    figure = charts.bridge(rows, "part", word)
    (trace,) = figure["data"]
    assert trace["measure"] == ["absolute", "relative", "relative", "absolute"] and trace["x"] == [10.0, 5.0, -3.0, 12.0]
    assert [(note["y"], note["x"], note["text"]) for note in figure["layout"]["annotations"]] == [  # each number on the right of its bar
        ("Open", 10.0, word(10.0)), ("Grown", 15.0, word(5.0)), ("Lost", 15.0, word(-3.0)), ("Close", 12.0, word(12.0)),
    ]  # fmt: skip


def test_a_sparkline_has_complete_steps_only():
    assert charts.sparkline(series([1.0, NAN, 3.0], [True, True, False])) == [1.0, None]


FIGURES = [
    charts.line(series([1.0, NAN, 3.0], [True, True, False]), word, target=2.0, target_label="target"),
    charts.line(pd.concat([series([1.0, 2.0], by="N"), series([2.0, 1.0], by="S")]), word, by="region"),
    charts.bars(pd.DataFrame({"k": ["<script>x</script>"], "value": [1.0]}), "k", word),
    charts.split(pd.DataFrame({"k": ["a"], "p": [1.0]}), "k", [("p", "P", theme.GOOD)], word),
    charts.forest(pd.DataFrame({"k": ["a"], "value": [1.0], "low": [0.5], "high": [2.0], "n": [3]}), "k", word),
    charts.heat(pd.DataFrame({"a": ["x"], "b": ["y"], "value": [1.0]}), "a", "b", word, middle=0.0),
    charts.bridge(pd.DataFrame({"k": ["a"], "value": [1.0], "kind": ["total"]}), "k", word),
]


@pytest.mark.parametrize("figure", FIGURES)
def test_plotly_accepts_every_figure(figure):
    assert go.Figure(figure).layout.showlegend in (False, True)
    shown = [{name: value for name, value in trace.items() if name != "customdata"} for trace in figure["data"]]  # a bar's customdata is its key
    assert "<script>" not in str(shown)


def test_a_small_base_is_grey_in_a_forest():
    rows = pd.DataFrame({"region": ["North", "South"], "value": [10.0, 20.0], "low": [5.0, 0.0], "high": [15.0, 40.0], "n": [200, 12]})
    (points,) = charts.forest(rows, "region", word, weak=("South",))["data"]
    assert points["marker"]["color"] == [theme.ACCENT, theme.CONTEXT]


def test_pairs_join_two_shares_of_each_row_and_show_one_alone():
    rows = pd.DataFrame({"grade": ["core", "<b>"], "people": [0.3, 0.6], "money": [0.35, NAN]})
    figure = charts.pairs(rows, "grade", [("people", "of people", theme.ACCENT), ("money", "of money", theme.CAUTION)], word)
    joined, people, money = figure["data"]
    assert joined["x"] == [0.3, 0.35, None, 0.6, None, None] and joined["y"][2] is None  # no line from one row to the next
    assert (people["x"], money["x"]) == ([0.3, 0.6], [0.35, None])
    assert people["y"] == ["core", "&lt;b&gt;"]
    go.Figure(figure)


# a funnel, flows, curves


def steps():
    return pd.DataFrame({"stage": ["Lead", "Quote", "Cash <b>"], "value": [1.0, 0.4, NAN], "numerator": [50, 20, NAN], "step": [1.0, 0.4, NAN]})


def test_a_funnel_shows_counts_both_shares_and_what_nobody_knows():
    figure = charts.stages(steps(), "stage", lambda v: f"{v:.0%}", word, step="↓ {share}", unknown="?")
    track, front = figure["data"]
    assert track["x"] == [1.0, 1.0, 1.0] and front["x"] == [1.0, 0.4, None]
    said = [note["text"] for note in figure["layout"]["annotations"]]
    assert said == ["<b>50</b>  100%", "<b>20</b>  40%", "?", "↓ 40%"]  # the first stage comes from none
    assert front["customdata"][1] == ["Quote"]
    assert figure["layout"]["yaxis"]["ticktext"][2] == "Cash &lt;b&gt;"
    go.Figure(figure)


def moves():
    return pd.DataFrame({
        "origin": ["core", "core", "NEW", "key"], "target": ["core", "key", "key", "LOST"], "n": [8, 2, 5, 1], "money": [9.0, 0.0, NAN, 1.0],
        "direction": ["same", "down", "new", "lost"], "said": ["a", "b", "c", "d"],
    })  # fmt: skip


def test_a_flow_keeps_the_order_of_its_groups_and_its_totals():
    figure = charts.flow(moves(), "origin", "target", "n", word, order=["NEW", "core", "key", "LOST"], hover="said")
    node, link = figure["data"][0]["node"], figure["data"][0]["link"]
    assert node["label"] == ["NEW  5", "core  10", "key  1", "core  8", "key  7", "LOST  1"]
    assert list(zip(link["source"], link["target"], link["value"], strict=True)) == [(1, 3, 8.0), (1, 4, 2.0), (0, 4, 5.0), (2, 5, 1.0)]
    assert len(set(link["color"])) == 2  # down stands out, the rest steps back
    go.Figure(figure)


def test_a_flow_without_width_is_not_drawn():
    figure = charts.flow(moves(), "origin", "target", "money", word, order=["core", "key"])
    assert figure["data"][0]["link"]["value"] == [9.0, 1.0]


def test_a_curve_goes_in_steps_with_a_band_only_where_it_is_known():
    rows = pd.DataFrame({"day": [0, 3, 9], "value": [0.0, 0.2, 0.3], "low": [NAN, 0.1, 0.2], "high": [NAN, 0.3, 0.4]})
    figure = charts.curve(rows, "day", word, word)
    (stroke,) = [trace for trace in figure["data"] if "customdata" in trace]
    (band,) = bands(figure)
    assert stroke["line"]["shape"] == "hv" and stroke["x"] == [0.0, 3.0, 9.0] and band["x"] == [3.0, 9.0]
    assert not bands(charts.curve(rows.assign(low=NAN), "day", word, word))
    assert charts.curve(rows.iloc[:0], "day", word, word)["layout"].get("annotations") == []


def test_calibration_draws_the_diagonal_and_keeps_labels_inside():
    rows = pd.DataFrame({"stage": ["Lead", "Won"], "predicted": [0.3, 1.0], "value": [0.35, 1.0], "low": [0.3, 0.9], "high": [0.4, 1.0], "n": [50, 20]})
    figure = charts.calibration(rows, "stage", word)
    assert figure["data"][0]["textposition"] == ["bottom right", "top left"]
    assert (figure["layout"]["shapes"][0]["x1"], figure["layout"]["shapes"][0]["y1"]) == (1, 1)
    go.Figure(figure)


def test_calibration_of_small_shares_comes_near_and_names_points_on_hover():
    rows = pd.DataFrame({"bin": [1, 2], "predicted": [0.01, 0.06], "value": [0.02, 0.05], "low": [0.01, 0.04], "high": [0.03, 0.08], "n": [50, 50]})
    figure = charts.calibration(rows, "bin", word, is_near=True)
    assert figure["layout"]["xaxis"]["range"] == [0, pytest.approx(0.08 * 1.05)] and figure["data"][0]["mode"] == "markers"
    assert charts.calibration(rows.head(0), "bin", word, is_near=True)["data"][0]["x"] == []


# hidden is not missing

STATED = pd.DataFrame(
    {"region": ["A", "B", "C"], "value": [1.0, NAN, NAN], "low": [0.5, NAN, NAN], "high": [1.5, NAN, NAN], "n": [9, None, 0], "p": [1.0, NAN, NAN],
     "state": ["value", "suppressed", "no_data"]},
)  # fmt: skip


@pytest.mark.parametrize(
    "draw",
    [
        lambda: charts.bars(STATED, "region", word),
        lambda: charts.forest(STATED, "region", word),
        lambda: charts.forest(STATED, "region", word, reference=1, reference_label="all"),
        lambda: charts.pairs(STATED, "region", [("p", "P", "red")], word),
        lambda: charts.split(STATED, "region", [("p", "P", theme.GOOD)], word),
    ],
)
def test_a_hidden_row_says_so_on_its_line_and_one_without_data_does_not(draw):
    notes = [note for note in draw()["layout"]["annotations"] if note["text"] == theme.SUPPRESSED]
    assert [note["y"] for note in notes] == ["B"]


def test_a_hidden_step_is_marked_and_one_without_data_is_a_gap():
    rows = series([1.0, NAN, NAN]).assign(state=["value", "suppressed", "no_data"])
    (mark,) = [trace for trace in charts.line(rows, word)["data"] if trace.get("mode") == "markers"]
    assert mark["x"] == ["2026-02-01"] and mark["customdata"] == [f"2026-02-01: {theme.SUPPRESSED}"]


def test_a_hidden_cell_is_marked():
    rows = STATED.assign(down="x")
    heat, words = charts.heat(rows, "region", "down", word)["data"]
    assert list(zip(words["x"], words["text"], strict=True)) == [("A", "1"), ("B", "×")]
    assert words["textfont"]["color"][1] == theme.FAINT
    assert heat["customdata"] == [["1", theme.SUPPRESSED, "–"]]


def test_points_of_a_small_base_are_grey_by_themselves():
    rows = pd.DataFrame({"region": list("abc"), "value": 1.0, "low": 0.0, "high": 2.0, "n": [29, 30, 400], "n_eff": [29, 30, 12.0]})
    (points,) = charts.forest(rows, "region", word)["data"]
    assert points["marker"]["color"] == [theme.CONTEXT, theme.ACCENT, theme.CONTEXT]
