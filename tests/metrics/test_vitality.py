"""The health score: the published formula, what is withheld, what each factor costs, and what moved within a week."""

import datetime as dt

import pandas as pd
import pytest

from metrics.policies import FACTORS, checked
from metrics.query import collect
from metrics.vitality import level, moves, scored
from tests.metrics.frames import framed

D = dt.date.fromisoformat


def score(weights, x):
    """The score of a customer with these x by factor; the other factors have no weight."""
    policy = checked({"weights": dict.fromkeys(FACTORS, 0) | weights})
    row = pd.DataFrame([{f"x_{kind}": x.get(kind) for kind in FACTORS}]).astype("float64")
    return collect(scored(framed(row), policy)).iloc[0]


def test_the_formula_of_gainsight():
    """w 2, 1, 1; x 50, 80, 100: (100 + 80 + 100) / 4 = 70; without the third 180 / 3 = 60, of three quarters of the weights."""
    weights = {"silence": 2, "fall": 1, "owner": 1}
    whole, part = score(weights, {"silence": 50, "fall": 80, "owner": 100}), score(weights, {"silence": 50, "fall": 80})
    assert (whole["score"], whole["coverage"]) == (pytest.approx(70), 1)
    assert (part["score"], part["coverage"]) == (pytest.approx(60), 0.75)


def test_what_the_factors_cost_adds_up_to_what_is_missing():
    row = score({"silence": 2, "fall": 1, "owner": 1}, {"silence": 50, "fall": 80, "owner": 100})
    costs = {kind: row[f"points_{kind}"] for kind in FACTORS}
    assert (costs["silence"], costs["fall"], costs["owner"]) == (pytest.approx(2 * 50 / 4), pytest.approx(20 / 4), 0)
    assert sum(cost for cost in costs.values() if cost == cost) == pytest.approx(100 - row["score"])


@pytest.mark.parametrize(("known", "is_shown"), [(("silence", "fall"), True), (("silence", "owner"), False)])
def test_a_score_of_less_than_60_percent_of_the_weights_is_withheld(known, is_shown):
    """3 + 3 of 10 is exactly 60 %; 3 + 2 is not."""
    row = score({"silence": 3, "fall": 3, "owner": 2, "payment": 2}, dict.fromkeys(known, 0))
    assert (row["score"] == 0) if is_shown else pd.isna(row["score"])
    assert pd.isna(row["points_silence"]) != is_shown
    assert row["coverage"] == pytest.approx(0.6 if is_shown else 0.5)


@pytest.mark.parametrize(
    ("points", "name"), [(0, "at_risk"), (50, "at_risk"), (50.01, "watch"), (75, "watch"), (75.01, "healthy"), (100, "healthy"), (None, None)]
)
def test_an_edge_belongs_to_the_level_whose_top_it_is(points, name):
    assert level(checked({}), points) == name


def test_what_moved_within_a_week():
    before = {"x_silence": 100.0, "row_silence": "a 2026-04-01", "on_silence": D("2026-04-20"), "x_fall": 80.0, "x_owner": 100.0, "x_detractor": 30.0,
              "row_detractor": "r1", "on_detractor": D("2025-12-01")}  # fmt: skip
    now = {"x_silence": 50.0, "row_silence": "a 2026-04-01", "on_silence": D("2026-04-20"), "x_fall": 80.01, "x_owner": 100.0, "x_complaint": 0.0,
           "row_complaint": "t1", "on_complaint": D("2026-05-30"), "x_detractor": float("nan")}  # fmt: skip
    assert moves(now, before) == [
        {"factor": "silence", "old": 100, "new": 50, "row": "a 2026-04-01", "on": D("2026-04-20")},
        {"factor": "detractor", "old": 30, "new": None, "row": "r1", "on": D("2025-12-01")},  # too old by now
        {"factor": "complaint", "old": None, "new": 0, "row": "t1", "on": D("2026-05-30")},
    ]
    assert moves(now, now) == []
