"""The map of scores: each dimension on its own scale, low cells marked, hidden ones marked, cells that can be clicked."""

import pandas as pd
import plotly.graph_objects as go
import pytest

import charts

ROWS = pd.DataFrame(
    [
        # on 1 to 5, 2.5 lies at 0.375 of the scale; on −100 to 100, 50 at 0.75; a hidden cell; on 1 to 5, the middle
        {"asked": "food", "group": "West", "cell": "0", "value": 2.5, "scale_min": 1, "scale_max": 5, "is_low": True, "state": "value"},
        {"asked": "NPS", "group": "West", "cell": "1", "value": 50.0, "scale_min": -100, "scale_max": 100, "is_low": False, "state": "value"},
        {"asked": "food", "group": "East", "cell": "2", "value": None, "scale_min": None, "scale_max": None, "is_low": None, "state": "suppressed"},
        {"asked": "NPS", "group": "East", "cell": "3", "value": 0.0, "scale_min": -100, "scale_max": 100, "is_low": False, "state": "value"},
    ]
).astype(object)


@pytest.fixture
def spec():
    return charts.spots(ROWS, "asked", "group", lambda cell: f"{cell['value']:g}", lambda cell: f"{cell['group']}\n{cell['asked']}")


def test_colours_run_over_each_scale(spec):
    map_ = spec["data"][0]
    assert (map_["x"], map_["y"], map_["z"]) == (["food", "NPS"], ["West", "East"], [[0.375, 0.75], [None, 0.5]])
    assert (map_["zmin"], map_["zmax"]) == (0, 1)


def test_a_low_cell_is_marked_and_framed_a_hidden_one_marked(spec):
    (frame,) = spec["layout"]["shapes"]
    assert (frame["x0"], frame["x1"], frame["y0"], frame["y1"]) == (-0.48, 0.48, -0.46, 0.46)
    words = next(trace for trace in spec["data"] if trace.get("mode") == "text")
    assert list(zip(words["y"], words["x"], words["text"], strict=True)) == [
        ("West", "food", "▾ 2.5"), ("West", "NPS", "50"), ("East", "food", "×"), ("East", "NPS", "0"),
    ]  # fmt: skip


def test_every_shown_cell_can_be_clicked_and_no_hidden_one(spec):
    handles = spec["data"][-1]
    assert handles["customdata"] == [["0"], ["1"], ["3"]] and handles["x"] == ["food", "NPS", "NPS"]
    assert handles["hovertext"][0] == "West<br>food"
    go.Figure(spec)  # plotly knows every word of it
