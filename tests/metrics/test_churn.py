"""From a company's past to today's list: what is learned and when not, the test on later quarters, what ranks, the card, and the back-test's figures."""

import datetime as dt
from functools import cache

import duckdb
import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from metrics import CATALOGUE, churn_card, churn_history, churn_model
from metrics.additive_logit import NotFitted
from metrics.backtest import binned, calibrated, cards, churn_backtest, fitness, hits
from metrics.churn_features import KINDS, NUMBERS
from metrics.churn_history import MOST_MORNINGS, mornings
from metrics.likelihood import likelihoods, log_odds, reasons
from metrics.metric import ask
from metrics.period import Period
from metrics.query import Query, QuestionError, collect
from tests.made import SETTINGS, made
from tests.metrics import leavers

D = dt.date.fromisoformat
AS_OF = leavers.LAST + dt.timedelta(days=1)
WHOLE = Query(Period(leavers.FIRST, AS_OF, AS_OF), settings=SETTINGS)


@cache
def opened():
    return made(leavers.company())


# the past as examples


def test_mornings_are_quarters_with_90_days_of_facts_on_both_sides():
    """1 January has no 90 days before it; 90 days after 1 October is 30 December, which has to be loaded."""
    period = lambda as_of: Period(D("2025-01-01"), D(as_of), D(as_of))  # noqa: E731
    assert mornings(period("2025-12-31")) == [D("2025-04-01"), D("2025-07-01"), D("2025-10-01")]
    assert mornings(period("2025-12-30")) == [D("2025-04-01"), D("2025-07-01")]
    assert len(mornings(Period(D("2010-01-01"), D("2026-01-01"), D("2026-01-01")))) == MOST_MORNINGS


def test_history_knows_what_became_of_them_and_nothing_of_today():
    rows = collect(opened()["churn_history"])
    assert set(rows["population"]) == {"contract"} and not rows.duplicated(["scored_on", "customer_id"]).any()
    today = rows[rows["is_today"]]
    assert set(today["scored_on"]) == {collect(opened()["coverage"])["last_on"].max() + dt.timedelta(days=1)}
    assert today["is_lost"].isna().all() and rows.loc[~rows["is_today"], "is_lost"].isin([0, 1]).all()
    assert rows.loc[rows["is_lost"] == 1, "lost_after"].between(1, 90).all()
    counts = rows.groupby("scored_on")["customer_id"].nunique()
    assert counts.iloc[1:].is_monotonic_decreasing  # nobody joins this company after its first months; some leave


def test_a_company_without_enough_of_a_past_has_empty_tables_and_a_reason():
    few = {**leavers.company(12), "tickets": []}
    for entities in ({}, {"customers": [{"customer_id": "c"}]}, few):
        tables = made(entities)
        assert all(collect(tables[name]).empty for name in ("churn_history", "churn_tested", "churn_scores"))
        assert {name: card["why"] for name, card in cards(tables).items()} == {"buyer": "short", "contract": "short"}
        assert likelihoods(tables).empty and calibrated(tables, WHOLE).empty


# learning


def examples(quarters=6, size=500, effect=1.0, rate=-2.0, seed=3, noise=1.0):
    """Examples in which complaints tell who is lost; recency and the rules tell nothing unless told so."""
    rng, n = np.random.default_rng(seed), quarters * size
    days = [dt.date(2023 + q // 4, 3 * (q % 4) + 1, 1) for q in range(quarters)]
    made_ = pd.DataFrame(dict.fromkeys(NUMBERS, np.nan), index=range(n)).assign(**dict.fromkeys(KINDS))
    made_ = made_.assign(complaints=rng.poisson(0.7, n).astype(float), silence=rng.uniform(0, 60, n))
    lost = rng.random(n) < expit(rate + effect * made_["complaints"])
    return made_.assign(
        scored_on=np.repeat(days, size), customer_id=[f"c{k % size:04}" for k in range(n)], population="contract", is_today=False, is_lost=lost.astype(float),
        lost_after=np.where(lost, 30.0, np.nan), recency=made_["silence"], rules=rng.uniform(0, 100, n), draw=rng.permutation(n),
    )  # fmt: skip


REASONS = {
    "short": examples(quarters=1), "few_lost": examples(size=60), "few_stayed": examples(size=60, rate=3.0),
    "one_class": examples().assign(is_lost=0.0), "nothing_telling": examples().assign(**dict.fromkeys(NUMBERS, np.nan)),
}  # fmt: skip


@pytest.mark.parametrize("reason", REASONS)
def test_what_cannot_be_learned_has_a_reason_and_ranks_by_rules(reason):
    rows = REASONS[reason]
    with pytest.raises(NotFitted, match=reason):
        churn_model.learned(rows)
    tests = churn_model.tested(rows)
    decided = churn_model.verdict(rows, tests)
    assert tests["probability"].isna().all() and len(tests) == len(rows)
    assert (decided.ranked_by, decided.why, decided.model) == ("rules", reason, None)


def test_a_quarter_is_judged_by_earlier_quarters_alone():
    """Turning what happened in the last three quarters upside down changes no probability before them, and none of the first of them."""
    rows = examples()
    first = sorted(rows["scored_on"].unique())[3]
    turned = rows.assign(is_lost=np.where(rows["scored_on"] >= first, 1 - rows["is_lost"], rows["is_lost"]))
    one, other = churn_model.tested(rows), churn_model.tested(turned)
    upto = one["scored_on"] <= first
    assert one.loc[upto, "probability"].equals(other.loc[upto, "probability"]) and one.loc[upto, "probability"].notna().any()
    assert not one.loc[~upto, "probability"].equals(other.loc[~upto, "probability"])


def test_a_quarter_whose_outcome_is_not_known_yet_is_not_learned_from():
    """1 January and 90 days is 1 April: what became of January's customers is known on 2 April only."""
    rows = examples(quarters=4)
    turned = rows.assign(is_lost=np.where(rows["scored_on"] == D("2023-01-01"), 1 - rows["is_lost"], rows["is_lost"]))
    later = churn_model.tested(rows.assign(scored_on=[day.replace(year=2024) if day.month < 4 else day.replace(year=2023) for day in rows["scored_on"]]))
    assert len(later) == len(turned) and later.loc[later["scored_on"] == D("2023-07-01"), "probability"].isna().all()  # one quarter before it
    assert later.loc[later["scored_on"] == D("2024-01-01"), "probability"].notna().all()


def test_a_feature_that_tells_everything_is_taken_for_a_leak():
    rows = examples()
    rows["requests"] = rows["is_lost"] + np.random.default_rng(1).normal(0, 0.05, len(rows))
    numbers, _ = churn_model.telling(rows, rows["is_lost"] == 1)
    assert "complaints" in numbers and "requests" not in numbers


def test_the_model_ranks_where_it_proved_itself_and_the_better_rival_where_it_lost():
    proved = examples()
    decided = churn_model.verdict(proved, churn_model.tested(proved))
    assert (decided.ranked_by, decided.why) == ("model", "proved") and decided.areas["model"] > 0.6
    for rival in ("recency", "rules"):
        beaten = proved.assign(**{rival: proved["is_lost"] * 5 + np.random.default_rng(2).normal(0, 1, len(proved))})
        decided = churn_model.verdict(beaten, churn_model.tested(beaten))
        assert (decided.ranked_by, decided.why, decided.model) == (rival, "beaten", None)


def test_it_is_recalibrated_only_where_that_helps_on_the_last_quarter():
    """Probabilities that were told too boldly by a factor of two on the log-odds are taken back; honest ones are left alone."""
    rng = np.random.default_rng(4)
    odds = rng.normal(-1, 1.2, 9000)
    done = pd.DataFrame({"scored_on": np.repeat([D("2024-01-01"), D("2024-04-01"), D("2024-07-01")], 3000), "is_lost": (rng.random(9000) < expit(odds)) * 1.0})
    shift, slope = churn_model.calibration(done.assign(probability=expit(2 * odds)))
    assert (shift, slope) == (pytest.approx(0, abs=0.1), pytest.approx(0.5, abs=0.05))
    assert churn_model.calibration(done.assign(probability=expit(odds)).query("scored_on == scored_on.max()")) == (0.0, 1.0)  # one quarter: no judge


# the card and today's scores


def test_the_card_tells_what_it_was_learned_from_and_reasons_add_up():
    card, rows = cards(opened())["contract"], collect(opened()["churn_history"])
    past = rows[~rows["is_today"]]
    assert (card["ranked_by"], card["why"]) == ("model", "proved")
    assert (card["examples"], card["lost"], card["quarters"]) == (len(past), past["is_lost"].sum(), past["scored_on"].nunique())
    assert card["auc_low"] < card["auc_model"] < card["auc_high"] and card["auc_model"] >= max(card["auc_recency"], card["auc_rules"])
    found = likelihoods(opened())
    assert len(found) == rows["is_today"].sum() and sorted(found["place"]) == list(range(1, len(found) + 1))
    assert [expit(log_odds(row)) for row in found.to_dict("records")] == pytest.approx(found["probability"].tolist(), abs=1e-12)
    assert found.sort_values("place")["probability"].is_monotonic_decreasing


def test_who_complained_is_told_so():
    found = likelihoods(opened())
    angry = found[found["complaints"] >= found["complaints"].max()].iloc[0]
    assert reasons(angry)[0][0] == "complaints" and reasons(angry)[0][1] > 0
    points = {f"points_{name}": value for name, value in {"silence": 0.4, "pace": 0.3, "use": 0.2, "failed": 0.1, "tenure": -0.3, "contact": -0.1}.items()}
    assert reasons(points) == [("silence", 0.4), ("pace", 0.3), ("use", 0.2), ("tenure", -0.3)]  # three up, one down


def test_where_recency_ranks_there_is_a_place_and_no_probability():
    rows = pd.concat([examples(), examples(quarters=1).assign(is_today=True, is_lost=np.nan, scored_on=D("2025-01-01"))], ignore_index=True)
    rows["recency"] = np.where(rows["is_lost"] == 1, 900.0, rows["recency"])
    cards_ = churn_card.card(rows, churn_model.tested(rows))
    found = churn_card.scores(rows, cards_)
    assert set(found["ranked_by"]) == {"recency"} and found["probability"].isna().all() and found["likelihood"].equals(found["recency"])


# the back-test


def test_precision_recall_and_lift():
    """DEFINITIONS: 100 customers, 10 churned, 20 flagged, 6 of them churned: 6/20, 6/10, 0.3 / 0.1."""
    flagged, lost = np.arange(100) < 20, np.isin(np.arange(100), [*range(6), *range(50, 54)])
    figures = hits(flagged, lost)
    assert (figures["precision"], figures["recall"], figures["lift"]) == (pytest.approx(0.30), pytest.approx(0.60), pytest.approx(3.0))
    nobody = hits(flagged, np.zeros(100))
    assert nobody["precision"] == 0 and np.isnan(nobody["recall"]) and np.isnan(nobody["lift"])


def test_brier_and_calibration_error():
    """Twenty told 0.2, of whom 4 left, and twenty told 0.6, of whom 16 left: Brier by hand, error (0 + 0.2) / 2."""
    p, y = np.repeat([0.2, 0.6], 20), np.concatenate([np.tile([1, 0, 0, 0, 0], 4), np.tile([1, 1, 1, 1, 0], 4)])
    brier = (4 * 0.8**2 + 16 * 0.2**2 + 16 * 0.4**2 + 4 * 0.6**2) / 40
    assert fitness(p, y)["brier"] == pytest.approx(brier)
    assert binned(p, y)["n"].sum() == 40 and (binned(p, y)["n"] == 4).all()
    assert binned([0.5], [1])["value"].tolist() == [1.0] and binned([], []).empty


def ranked(**more):
    return ask(CATALOGUE["churn_backtest"], opened(), Query(WHOLE.period, settings=SETTINGS, **more)).rows


def test_the_back_test_counts_a_tenth_of_every_quarter():
    rows = ranked().set_index("ranker")
    tests = collect(opened()["churn_tested"])
    judged = tests[tests["probability"].notna() & tests["rules"].notna()]
    sizes = judged.groupby("scored_on").size()
    assert rows["n"].tolist() == [sum(-(-size // 10) for size in sizes)] * 3 and rows["lost"].tolist() == [judged["is_lost"].sum()] * 3
    first = judged.sort_values(["probability", "draw"], ascending=[False, True]).groupby("scored_on").head(10**6)
    tops = pd.concat([part.head(-(-len(part) // 10)) for _, part in first.groupby("scored_on")])
    assert rows.loc["model", "numerator"] == tops["is_lost"].sum()
    assert rows.loc["model", "lift"] == pytest.approx(tops["is_lost"].mean() / judged["is_lost"].mean())
    assert rows.loc["model", "lead_days"] == tops.loc[tops["is_lost"] == 1, "lost_after"].median()
    assert rows.loc["model", "lift"] > 1 and rows.loc["model", "calibration_error"] < 0.1  # some hundred examples


PLAIN = """
WITH judged AS (SELECT * FROM tests WHERE rules IS NOT NULL AND probability IS NOT NULL),
ranked AS (
    SELECT 'model' AS ranker, probability AS risk, * FROM judged
    UNION ALL SELECT 'recency', recency, * FROM judged
    UNION ALL SELECT 'rules', rules, * FROM judged
),
placed AS (
    SELECT *, row_number() OVER one_quarter AS place, count(*) OVER (PARTITION BY ranker, scored_on, population) AS size
    FROM ranked WHERE risk IS NOT NULL
    WINDOW one_quarter AS (PARTITION BY ranker, scored_on, population ORDER BY risk DESC, draw, customer_id)
),
pairs AS (  -- of a lost and a kept customer of the same quarter: which is ranked higher
    SELECT a.ranker, a.scored_on, avg(CASE WHEN a.risk > b.risk THEN 1.0 WHEN a.risk = b.risk THEN 0.5 ELSE 0.0 END) AS area
    FROM placed a JOIN placed b ON a.ranker = b.ranker AND a.scored_on = b.scored_on AND a.population = b.population AND a.is_lost = 1 AND b.is_lost = 0
    GROUP BY ALL
)
SELECT ranker, count(*) AS customers, sum(is_lost) AS lost, count(*) FILTER (is_first) AS n, count(*) FILTER (is_first AND is_lost = 1) AS numerator,
    count(*) FILTER (is_first AND is_lost = 1) / sum(is_lost) AS recall, avg(is_lost) FILTER (is_first) / avg(is_lost) AS lift,
    median(lost_after) FILTER (is_first AND is_lost = 1) AS lead_days, count(DISTINCT scored_on) AS quarters,
    CASE WHEN ranker = 'model' THEN avg((probability - is_lost) ** 2) END AS brier,
    (SELECT avg(area) FROM pairs WHERE pairs.ranker = known.ranker) AS auc
FROM (SELECT *, place <= ceil(size / 10.0) AS is_first FROM placed) known GROUP BY ranker ORDER BY ranker
"""


def test_plain_sql_judges_the_rankers_alike():
    tests = collect(opened()["churn_tested"])  # noqa: F841 - read by DuckDB
    expected = duckdb.sql(PLAIN).df().set_index("ranker")
    found = ranked().set_index("ranker").loc[expected.index, expected.columns]
    assert len(expected) == 3 and expected["lost"].min() > 0
    pd.testing.assert_frame_equal(found.astype(float), expected.astype(float), check_names=False)


def test_quarters_add_up_to_the_whole():
    series, whole = ranked(grain="quarter"), ranked()
    known = series[series["state"] == "value"]
    assert known.groupby("ranker")["numerator"].sum().to_dict() == dict(zip(whole["ranker"], whole["numerator"], strict=True))
    assert ranked(options={"population": "buyer"})["state"].tolist() == ["no_data"] * 3


def test_without_a_model_the_rivals_are_tested_all_the_same(monkeypatch):
    monkeypatch.setattr(churn_history, "TESTED", 2)  # quarters
    tables = made(leavers.company(60))
    rows = churn_backtest(tables, WHOLE).rows.set_index("ranker")
    assert "model" not in rows.index[rows["state"] == "value"] and (rows.loc[["recency", "rules"], "state"] == "value").all()
    with pytest.raises(QuestionError):
        ask(CATALOGUE["churn_backtest"], tables, Query(WHOLE.period, settings=SETTINGS, options={"nothing": 1}))
