"""What drifted inside a segment: published distances and corrections, planted drift found, no drift not invented."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from scipy.stats import false_discovery_control, wasserstein_distance
from scipy.stats.contingency import association

from metrics import features
from metrics.metric import ask
from metrics.period import Period
from metrics.query import Query, QuestionError, collect
from tests.made import made

D = dt.date.fromisoformat
CARDS = {metric.name: metric for metric in features.METRICS}
YEAR = Period(D("2025-01-01"), D("2026-01-01"), D("2026-01-10"))


def measured(name, tables, *, by=(), grain=None, where=(), **options):
    return ask(CARDS[name], tables, Query(YEAR, grain, tuple(by), tuple(where), options, tables.settings))


def test_the_distances_are_the_published_ones():
    """scipy's and evidently's documentation: Wasserstein 5 and .25, Cramér's V .1861781."""
    assert wasserstein_distance([0, 1, 3], [5, 6, 8]) == pytest.approx(5)
    assert wasserstein_distance([0, 1], [0, 1], [3, 1], [2, 2]) == pytest.approx(0.25)
    assert association(np.array([[100, 150], [203, 322], [420, 700], [320, 210]]), method="cramer") == pytest.approx(0.1861781)


def test_benjamini_hochberg_rejects_four_of_their_fifteen():
    """The example of Benjamini & Hochberg 1995, table 1."""
    p = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0]
    assert (false_discovery_control(p, method="bh") < features.LEVEL).sum() == 4


def test_delong_is_the_share_of_pairs_in_the_right_order():
    """Scores 3, 2 against 1, 2: of four pairs three are in order and one is a tie: (3 + ½) / 4."""
    auc, se = features.delong(np.array([3.0, 2.0]), np.array([1.0, 2.0]))
    assert auc == pytest.approx(3.5 / 4)
    assert se == pytest.approx(np.sqrt(np.var([1, 0.75], ddof=1) / 2 + np.var([1, 0.75], ddof=1) / 2))


def test_a_change_of_correlation_that_no_single_feature_shows():
    """Margins unchanged, correlation .6 → −.2: the classifier sees it (METHODS 5: AUC .706), with as many rows without a change it does not."""
    rng = np.random.default_rng(11)
    n = 1500
    then, now = (rng.multivariate_normal([0, 0], [[1, r], [r, 1]], n) for r in (0.6, -0.2))
    is_now, groups = np.repeat([False, True], n), np.arange(2 * n)
    auc, se = features.separability(np.vstack([then, now]), is_now, groups)
    assert 0.64 < auc < 0.76 and 0.005 < se < 0.015
    same = rng.multivariate_normal([0, 0], [[1, 0.6], [0.6, 1]], 2 * n)
    auc, se = features.separability(same, is_now, groups)
    assert auc - 3 * se < 0.5 < auc + 3 * se


def company(drifted: bool, seed=2, customers=60):
    """Core customers who ordered six times 100 a quarter, and order three times 200 since October 2025, if they drifted; others who never change."""
    rng = np.random.default_rng(seed)
    lines, talk, people = [], [], []
    for k in range(customers):
        grade, name = ("core", f"a{k}") if k % 2 else ("ordinary", f"b{k}")
        people.append({"customer_id": name, "grade": grade, "region": ("N", "S")[k % 4 // 2]})
        for quarter in range(8):
            changed = drifted and grade == "core" and quarter == 7
            start = dt.date(2024 + quarter // 4, quarter % 4 * 3 + 1, 1)
            for order in range(rng.poisson(3 if changed else 6) + 1):
                day = start + dt.timedelta(days=int(rng.integers(90)))
                amount = float(rng.normal(200 if changed else 100, 15))
                lines.append({"customer_id": name, "invoice_id": f"{name}-{quarter}-{order}", "issued_on": day, "amount": round(amount, 2)})
            talk.append({"customer_id": name, "channel": "visit" if rng.random() < 0.5 else "call", "happened_at": str(start)})
    lines.append({"customer_id": "a1", "invoice_id": "last", "issued_on": "2026-01-09", "amount": 1})
    return made({"customers": people, "invoices": lines, "interactions": talk})


@pytest.fixture(scope="module")
def drifted():
    return company(True)


def test_what_drifted_is_ranked_first_and_nothing_else_is_flagged(drifted):
    rows = measured("feature_drift", drifted).rows.set_index("feature")
    assert set(rows.index[rows["is_drifted"].astype(bool)]) == {"orders", "order_value"}
    assert set(rows.index[rows["rank"] <= 2]) == {"orders", "order_value"}
    assert 5.5 < rows.loc["orders", "then"] < 8 and 3 < rows.loc["orders", "now"] < 5
    assert 90 < rows.loc["order_value", "then"] < 110 and 190 < rows.loc["order_value", "now"] < 210
    assert "usage" not in rows.index  # the company has no such data: nothing to say, not "no drift"
    assert rows.loc["region", "value"] == 0  # the same customers stand on both sides


def test_other_customers_have_not_drifted(drifted):
    assert not measured("feature_drift", drifted, grade="ordinary").rows["is_drifted"].any()
    assert not measured("drift_auc", drifted, grade="ordinary").rows["is_drifted"].any()


def test_the_classifier_tells_the_quarters_apart(drifted):
    row = measured("drift_auc", drifted).rows.iloc[0]
    assert row["is_drifted"] and row["value"] > 0.9 and row["n"] == 60
    query = Query(YEAR, options={"grade": "", "scheme": "source"}, settings=drifted.settings)
    assert len(collect(CARDS["drift_auc"].behind(drifted, query))) == row["n"]


def test_large_segments_are_sampled_evenly_and_the_same_every_time(drifted):
    query = Query(YEAR, options={"grade": "", "scheme": "source"}, settings=drifted.settings)
    one, two = (features._sampled(drifted, query, 10) for _ in range(2))
    assert 10 <= len(one) <= 40 and one["customer_id"].tolist() == two["customer_id"].tolist()
    assert set(one.loc[one["is_now"].astype(bool), "customer_id"]) == set(one.loc[~one["is_now"].astype(bool), "customer_id"])


def test_few_customers_are_described_not_judged():
    rows = measured("feature_drift", company(True, customers=20)).rows
    assert not rows["is_drifted"].any() and rows["value"].notna().any()
    assert measured("drift_auc", company(True, customers=20)).rows["state"].tolist() == ["no_data"]


@pytest.mark.parametrize("name", list(CARDS))
def test_questions_it_cannot_be_asked(name):
    tables = made({})
    assert set(measured(name, tables).rows["state"]) <= {"no_data"}
    with pytest.raises(QuestionError, match="choose it with a filter"):
        measured(name, tables, by=["region"])
    with pytest.raises(QuestionError, match="without a grain"):
        measured(name, tables, grain="month")
    with pytest.raises(QuestionError, match="there are source, held, earned"):
        measured(name, tables, scheme="mine")


def test_a_group_that_changes_places_shows_in_its_kinds():
    rows = pd.DataFrame({"is_now": [False] * 40 + [True] * 40, "region": ["N"] * 40 + ["S"] * 40})
    found = features._kind(rows, "region")
    assert found["value"] == pytest.approx(1) and found["p"] < 1e-10


def test_a_picture_shows_both_times_in_sixths_of_both_together():
    """Twelve values, six a side: 1 to 6 then, 4 to 9 now. The sixths end at 2, 4, 5, 6, 7: 1–2, 3–4, 5, 6, 7, 8–9."""
    rows = pd.DataFrame({"is_now": [False] * 6 + [True] * 6, "x_orders": [1, 2, 3, 4, 5, 6, 4, 5, 6, 7, 8, 9]})
    found = features.shares(rows, "orders")
    assert [(part["low"], part["high"], round(part["then"] * 6), round(part["now"] * 6)) for part in found] == [
        (1, 2, 2, 0), (3, 4, 2, 1), (5, 5, 1, 1), (6, 6, 1, 1), (7, 7, 0, 1), (8, 9, 0, 2),
    ]  # fmt: skip
    assert sum(part["then"] for part in found) == pytest.approx(1) == pytest.approx(sum(part["now"] for part in found))


def test_a_picture_of_kinds_has_every_group():
    rows = pd.DataFrame({"is_now": [False] * 4 + [True] * 4, "region": ["N", "N", "S", None, "S", "S", "S", "W"]})
    assert features.shares(rows, "region") == [
        {"group": "N", "then": pytest.approx(2 / 3), "now": 0.0}, {"group": "S", "then": pytest.approx(1 / 3), "now": 0.75},
        {"group": "W", "then": 0.0, "now": 0.25},
    ]  # fmt: skip


def test_only_what_drifted_has_a_picture(drifted):
    assert set(measured("feature_drift", drifted).notes["shares"]) == {"orders", "order_value"}
