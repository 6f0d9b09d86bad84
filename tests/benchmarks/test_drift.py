"""The benchmark of drift's false alarms: its quarters are what it says, and a table counts what was flagged."""

import numpy as np
import pandas as pd
import pytest

from benchmarks import drift
from metrics import features


def rng():
    return np.random.default_rng(3)


def test_two_quarters_are_as_the_metric_samples_them():
    """Forty customers on both sides, of whom about a fifth are others now; numbers have ties and gaps."""
    rows = drift.both(rng(), 40, 0.2)
    assert {*rows} == {"customer_id", "is_now", *features.KINDS, *(f"x_{name}" for name in features.NUMBERS)}
    assert rows["is_now"].sum() == 40 and 40 < rows["customer_id"].nunique() < 60
    assert rows["x_orders"].duplicated().any() and rows["x_satisfaction"].isna().any() and rows["industry"].isna().any()


@pytest.mark.parametrize("planted", [one for one in drift.DRIFTS if one.feature], ids=lambda one: one.name)
def test_a_planted_drift_moves_its_feature(planted):
    """Of 3,000 customers, the same on both sides: more or less of it by what was planted, to within a tenth."""
    rows = drift.both(rng(), 3000, 0.0, planted)
    then, now = (side[f"x_{planted.feature}"].mean() for _, side in rows.groupby("is_now"))
    rate = {"orders": "orders", "order_value": "order_value", "visit_share": "visits", "usage": "usage"}[planted.feature]
    assert now / then == pytest.approx(planted.change(dict.fromkeys(("orders", "order_value", "visits", "usage"), 1.0))[rate], rel=0.1)


def test_what_goes_with_what_can_change_and_neither_number_does():
    habits = drift.habits(rng(), 500)
    turned = drift._turned(habits)
    assert sorted(turned["order_value"]) == sorted(habits["order_value"]) and turned["orders"] is habits["orders"]
    assert pd.Series(habits["orders"]).corr(pd.Series(habits["order_value"]), "spearman") > 0.2
    assert pd.Series(turned["orders"]).corr(pd.Series(turned["order_value"]), "spearman") == pytest.approx(-1, abs=0.01)


def test_a_row_of_the_table_counts_any_of_the_three_once():
    """Of ten quarters one is flagged twice, one once: two of ten are flagged (Wilson: 5.7 to 51.0 %)."""
    alarms = [(True, True, False), (False, False, True), *[(False, False, False)] * 8]
    assert drift._told(40, "the same", alarms) == (40, "the same", 10, "1 (10.0)", "1 (10.0)", "1 (10.0)", "2 (20.0)", "5.7 to 51.0")
