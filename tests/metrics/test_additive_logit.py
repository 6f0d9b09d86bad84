"""The explaining logistic regression: the same as scikit-learn's where nothing is demanded, monotone where it is, and always a sum."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import SplineTransformer

from metrics.additive_logit import MOST_KNOTS, NotFitted, fit, read, recalibration


def rows(n=4000, seed=1):
    """Rows whose odds rise with x, fall and rise again with u, and are higher for kind b; whether it happened."""
    rng = np.random.default_rng(seed)
    made = pd.DataFrame({"x": rng.exponential(10, n), "u": rng.uniform(-1, 1, n), "kind": rng.choice(["a", "b", None], n)})
    odds = -1.5 + 0.08 * made["x"] + 1.5 * made["u"] ** 2 + (made["kind"] == "b")
    return made, rng.random(n) < expit(odds)


def test_without_demands_it_is_a_spline_logistic_regression():
    """SplineTransformer of degree 1 on the same knots and LogisticRegression, both without a penalty: the same probabilities."""
    made, happened = rows()
    model = fit(made, happened, {"x": 0, "u": 0}, penalty=1e-6)
    knots = {name: curve.knots for name, curve in model.curves.items()}
    assert {len(known) for known in knots.values()} == {MOST_KNOTS}
    bases = [
        SplineTransformer(degree=1, knots=knots[name][:, None], extrapolation="constant").fit_transform(made[[name]].to_numpy().clip(known[0], known[-1]))
        for name, known in knots.items()
    ]
    theirs = LogisticRegression(C=1e8, max_iter=5000, tol=1e-10).fit(np.hstack(bases), happened).predict_proba(np.hstack(bases))[:, 1]
    assert model.probability(made) == pytest.approx(theirs, abs=2e-4)


def test_points_and_base_add_up_to_the_log_odds_and_are_around_their_mean():
    made, happened = rows()
    made.loc[::7, "x"] = np.nan
    model = fit(made, happened, {"x": 1, "u": 0}, ["kind"])
    parts = model.parts(made)
    assert list(parts) == ["x", "u", "kind"] and np.abs(parts.mean()).max() < 1e-9
    assert expit(model.base + parts.sum(axis=1).to_numpy()) == pytest.approx(model.probability(made), abs=1e-12)
    assert model.probability(made).mean() == pytest.approx(happened.mean(), abs=1e-3)  # classes are not weighted: the intercept makes the means agree


@pytest.mark.parametrize(("sign", "slope"), [(1, 1), (-1, -1)])
def test_more_never_moves_the_wrong_way_whatever_the_data_say(sign, slope):
    made, happened = rows()
    points = fit(made, happened, {"u": sign}).curves["u"].points  # truly falling and then rising
    assert (np.diff(points) * slope >= 0).all() and np.ptp(points) > 0.1
    assert not (np.diff(fit(made, happened, {"u": 0}).curves["u"].points) * slope >= 0).all()


def test_what_is_not_known_or_new_has_an_answer():
    made, happened = rows()
    made.loc[:400, "x"] = np.nan
    model = fit(made, happened, {"x": 1}, ["kind"])
    strange = pd.DataFrame({"x": [np.nan, -1e9, 1e9], "kind": ["never seen", None, "a"]})
    parts, curve = model.parts(strange), model.curves["x"]
    assert parts["x"].tolist() == [curve.missing, curve.points[0], curve.points[-1]]  # flat beyond the outer knots
    assert parts["kind"].tolist() == [0.0, model.kinds["kind"]["unknown"], model.kinds["kind"]["a"]]
    assert fit(made, happened, {"x": 1, "u": 0}).curves["u"].missing == 0.0  # never missing in the past: nothing is known of it


def test_a_model_is_a_table_and_comes_back_from_it():
    made, happened = rows()
    model = fit(made, happened, {"x": 1, "u": 0}, ["kind"])
    again = read(model.rows().sample(frac=1, random_state=3))
    assert again.probability(made) == pytest.approx(model.probability(made), abs=1e-12)


def test_a_column_of_one_value_is_left_out():
    made, happened = rows(400)
    assert fit(made.assign(one=1.0, nothing=np.nan, same="a"), happened, {"x": 1, "one": 0, "nothing": 0}, ["same"]).names == ("x",)


@pytest.mark.parametrize("value", [True, False])
def test_one_class_cannot_be_learned_from(value):
    made, _ = rows(100)
    with pytest.raises(NotFitted, match="one_class"):
        fit(made, np.full(100, value), {"x": 1})


def test_recalibration_finds_the_shift_and_slope_that_were_put_in():
    """Log-odds told as 1 + 2 · the true ones: shift −0.5, slope 0.5."""
    rng = np.random.default_rng(5)
    odds = rng.normal(0, 1.5, 40_000)
    shift, slope = recalibration(1 + 2 * odds, rng.random(40_000) < expit(odds))
    assert (shift, slope) == (pytest.approx(-0.5, abs=0.03), pytest.approx(0.5, abs=0.02))
    assert recalibration([0.1, 0.2], [1, 1]) == (0.0, 1.0)


def test_recalibrated_it_is_still_a_sum():
    made, happened = rows()
    model = fit(made, happened, {"x": 1}, ["kind"])
    changed = model.adjusted(0.3, 0.8)
    assert changed.log_odds(made) == pytest.approx(0.3 + 0.8 * model.log_odds(made))
