"""Drivers of the overall score: what is planted comes out, what cannot be told is not told, and nobody small is shown."""

import numpy as np
import pandas as pd
import pytest

from metrics.drivers import METRICS
from metrics.importance import lmg, relative_weights
from metrics.metric import ask
from metrics.query import Query, QuestionError, collect
from metrics.survey import METRICS as SURVEY_METRICS
from tests.metrics.responses import YEAR
from tests.metrics.surveyed import drawn, surveyed, synced

(DRIVERS,) = METRICS
PLANTED = {"service": 0.8, "price": 0.3, "food": 0.0}
BEHIND = {"where": (("dimension", ("service",)),)}


def told(tables, where=(), settings=None, **options):
    """The rows of the answer, by dimension, and its notes."""
    answer = ask(DRIVERS, tables, Query(YEAR, where=where, options=options, settings=settings or {}))
    assert answer.ok
    return {row["dimension"]: row for row in answer.rows.to_dict("records")}, answer.notes


def people_of(tables, **question):
    return collect(DRIVERS.behind(tables, Query(YEAR, **question)))


@pytest.fixture(scope="module")
def planted():
    return surveyed(drawn(1, 600, PLANTED, halo=0.0, means={"service": -0.5, "price": 0.5}))


# importance


def columns(scores):
    return np.corrcoef(np.array([*(scores[name] for name in PLANTED), scores["nps"]]))


def test_without_gaps_the_parts_are_those_of_numpys_correlations(planted):
    expected = lmg(columns(drawn(1, 600, PLANTED, halo=0.0, means={"service": -0.5, "price": 0.5})))
    rows, notes = told(planted)
    assert [rows[name]["value"] for name in PLANTED] == pytest.approx(expected)
    assert notes["r2"] == pytest.approx(expected.sum()) and sum(row["share"] for row in rows.values()) == pytest.approx(1)
    assert (notes["overall"], notes["method"], notes["n"], notes["complete"], notes["mended"]) == ("nps", "lmg", 600, 600, False)


def test_relative_weights_are_another_way_to_divide_the_same(planted):
    rows, notes = told(planted, method="weights")
    assert [rows[name]["value"] for name in PLANTED] == pytest.approx(
        relative_weights(columns(drawn(1, 600, PLANTED, 0.0, means={"service": -0.5, "price": 0.5})))
    )
    assert notes["r2"] == pytest.approx(told(planted)[1]["r2"])


def test_what_is_planted_is_told_and_what_is_not_is_about_nothing(planted):
    """Food has nothing to do with the score: its interval begins at 0 and ends far below the average share of a third."""
    rows, notes = told(planted)
    assert list(rows) == ["service", "price", "food"]  # the most important first
    assert {name: row["verdict"] for name, row in rows.items()} == {"service": "key", "price": "minor", "food": "minor"}
    assert (rows["food"]["low"], rows["food"]["direction"]) == (0, "unclear") and rows["food"]["high"] < 0.03
    assert rows["service"]["direction"] == "positive" and notes["related"] is True


def test_quadrants_say_what_to_do(planted):
    """Service drives and scores half a point under the middle one of the three; price is minor and scores half a point above."""
    rows, notes = told(planted)
    assert {name: row["quadrant"] for name, row in rows.items()} == {"service": "improve_first", "price": "maintain", "food": "cannot_tell"}
    assert notes["average_performance"] == pytest.approx(np.mean([row["performance"] for row in rows.values()]))
    assert notes["average_share"] == pytest.approx(1 / 3)


def test_a_strong_dimension_that_scores_well_is_kept_up():
    rows, _ = told(surveyed(drawn(2, 600, PLANTED, halo=0.0, means={"service": 0.6, "food": -0.6})))
    assert {name: row["quadrant"] for name, row in rows.items()} == {"service": "keep_up", "price": "cannot_tell", "food": "low_priority"}


def test_verdicts_and_limits_say_the_same(planted):
    for seed in range(4):
        rows, notes = told(surveyed(drawn(seed, 150, {"a": 0.5, "b": 0.4, "c": 0.1})))
        for row in rows.values():
            verdict = "key" if row["share_low"] > notes["average_share"] else "minor" if row["share_high"] < notes["average_share"] else "cannot_tell"
            assert row["verdict"] == verdict


def test_few_respondents_cannot_tell_what_many_can():
    effects = {"a": 0.45, "b": 0.35, "c": 0.25}
    few, many = (told(surveyed(drawn(3, n, effects, halo=0.5)))[0] for n in (60, 3000))
    assert {row["verdict"] for row in few.values()} == {"cannot_tell"}
    assert (many["a"]["verdict"], many["c"]["verdict"]) == ("key", "minor")
    widths = [{name: row["share_high"] - row["share_low"] for name, row in rows.items()} for rows in (few, many)]
    assert all(widths[1][name] < widths[0][name] / 3 for name in effects)  # 50 times as many: 7 times narrower, about


def test_a_negative_relation_is_shown_as_one():
    """The more often they are called, the less they recommend: important, and nothing to do more of."""
    rows, _ = told(surveyed(drawn(5, 500, {"calls": -0.8, "price": 0.2, "food": 0.1}, halo=0.0)))
    assert (rows["calls"]["verdict"], rows["calls"]["direction"], rows["calls"]["quadrant"]) == ("key", "negative", "cannot_tell")
    assert rows["calls"]["correlation_high"] < 0 < rows["calls"]["value"]


def test_a_duplicate_dimension_shares_the_importance():
    scores = drawn(6, 400, {"service": 0.7, "price": 0.3})
    once, notes = told(surveyed(scores))
    twice, again = told(surveyed({**scores, "twin": scores["service"]}))
    assert twice["service"]["value"] == pytest.approx(twice["twin"]["value"])
    assert again["r2"] == pytest.approx(notes["r2"]) and twice["service"]["value"] < once["service"]["value"]


def test_the_order_of_rows_is_irrelevant():
    scores = drawn(7, 200, PLANTED)
    turned = {name: column[::-1] for name, column in scores.items()}
    ids = [{"response_id": f"r:{k:05}"} for k in range(200)]
    one, other = told(surveyed(scores, people=ids)), told(surveyed(turned, people=ids[::-1]))
    pd.testing.assert_frame_equal(pd.DataFrame(one[0]), pd.DataFrame(other[0]), check_exact=False, rtol=1e-9)


def test_the_same_question_has_the_same_answer_and_another_seed_other_limits(planted):
    first, second, other = told(planted)[0], told(planted)[0], told(planted, seed=2)[0]
    pd.testing.assert_frame_equal(pd.DataFrame(first), pd.DataFrame(second))
    assert other["service"]["value"] == first["service"]["value"] and other["service"]["low"] != first["service"]["low"]


# whose answers


def test_several_answers_of_a_customer_widen_the_limits():
    """Everybody of a customer says the same: 400 responses of 80 customers tell as much as 80."""
    own = drawn(8, 80, PLANTED)
    five = {name: [score for score in column for _ in range(5)] for name, column in own.items()}
    people = [{"customer_id": f"k:{k // 5:03}", "contact_id": f"c:{k:03}"} for k in range(400)]
    alone = told(surveyed(own, people=[{"customer_id": f"k:{k:03}"} for k in range(80)]))
    repeated, apart = told(surveyed(five, people=people)), told(surveyed(five))
    assert repeated[1]["customers"] == 80 and repeated[1]["n"] == 400
    for name in PLANTED:
        assert repeated[0][name]["value"] == pytest.approx(alone[0][name]["value"])
        assert repeated[0][name]["se"] == pytest.approx(alone[0][name]["se"])  # the same 80 blocks, each five times as heavy
        assert apart[0][name]["se"] < 0.7 * repeated[0][name]["se"]  # about 1/√5


def test_survey_weights_count():
    """A weight of 2 is two respondents who said the same."""
    scores = drawn(9, 90, PLANTED)
    people = [{"weight": 2.0 if k < 30 else 1.0} for k in range(90)]
    doubled = {name: column + column[:30] for name, column in scores.items()}
    weighted, unweighted = (told(surveyed(scores, people=people), survey_weights=flag)[0] for flag in (True, False))
    plain, twice = told(surveyed(scores))[0], told(surveyed(doubled))[0]
    for name in PLANTED:
        assert weighted[name]["value"] == pytest.approx(twice[name]["value"]) and weighted[name]["n"] == 90
        assert unweighted[name]["value"] == pytest.approx(plain[name]["value"])


def test_only_the_last_answer_of_a_respondent_in_a_wave_counts():
    scores = {name: column + [1.0] * 20 for name, column in drawn(10, 100, PLANTED).items()}
    people = [{"contact_id": f"c:{k % 100:03}", "customer_id": f"k:{k % 100:03}", "answered_at": f"2026-02-{1 + (k < 100):02}"} for k in range(120)]
    rows, notes = told(synced(scores, people=people))
    plain, _ = told(surveyed(drawn(10, 100, PLANTED)))
    assert notes["n"] == 100 and rows["service"]["value"] == pytest.approx(plain["service"]["value"])


# gaps


def test_each_correlation_is_over_those_who_answered_both():
    """As pandas computes correlations pair by pair; who did not answer the overall question is not in it."""
    scores = drawn(11, 400, PLANTED)
    rng = np.random.default_rng(0)
    holed = {name: [None if rng.random() < 0.25 else score for score in column] for name, column in scores.items()}
    rows, notes = told(surveyed(holed))
    frame = pd.DataFrame(holed, dtype=float)
    frame = frame[frame["nps"].notna() & frame[[*PLANTED]].notna().any(axis=1)]
    expected = lmg(frame[[*PLANTED, "nps"]].corr().to_numpy())
    assert [rows[name]["value"] for name in PLANTED] == pytest.approx(expected)
    assert {name: rows[name]["n"] for name in PLANTED} == frame[[*PLANTED]].notna().sum().to_dict()
    assert (notes["n"], notes["complete"]) == (len(frame), len(frame.dropna()))


def test_only_complete_responses_where_that_is_asked():
    scores = drawn(11, 400, PLANTED)
    rng = np.random.default_rng(0)
    holed = {name: [None if rng.random() < 0.25 else score for score in column] for name, column in scores.items()}
    rows, notes = told(surveyed(holed), missing="complete")
    frame = pd.DataFrame(holed, dtype=float).dropna()
    assert [rows[name]["value"] for name in PLANTED] == pytest.approx(lmg(frame[[*PLANTED, "nps"]].corr().to_numpy()))
    assert {row["n"] for row in rows.values()} == {len(frame)} and notes["n"] == notes["complete"] == len(frame)


def test_plain_sql_finds_the_same_correlations():
    tables = synced(drawn(27, 80, PLANTED))
    session = tables._session.cursor
    session.execute(f'CREATE OR REPLACE TEMP VIEW scored AS FROM "{tables._view("scores")}"')
    rows, _ = told(tables)
    for name in PLANTED:
        expected = session.execute(f"""
            SELECT corr(d.score, o.score), count(*) FROM scored d JOIN scored o USING (response_id)
            WHERE d.dimension = '{name}' AND o.dimension = 'nps' AND d.is_last AND o.is_last AND NOT d.is_blank AND NOT o.is_blank
        """).fetchone()
        assert (rows[name]["correlation"], rows[name]["n"]) == (pytest.approx(expected[0]), expected[1])


def test_a_dimension_that_few_answered_is_left_out_for_the_others():
    """Ten answered about parking: no part, the reason, and its own mean all the same."""
    scores = drawn(12, 200, PLANTED)
    scores["parking"] = [3.0 if k < 10 else None for k in range(200)]
    rows, notes = told(surveyed(scores))
    parking = rows["parking"]
    assert (parking["state"], parking["reason"], parking["n"], parking["mean"]) == ("no_data", "too_few", 10, 3)
    assert (notes["dimensions"], notes["used"], notes["average_share"]) == (4, 3, pytest.approx(1 / 3))
    assert list(rows)[-1] == "parking" and parking["verdict"] is None


def test_dimensions_that_different_people_answered_cannot_be_held_together():
    """A hundred answered about the shop, a hundred others about delivery, and all about price: one of both has to go."""
    scores = drawn(13, 220, {"shop": 0.5, "delivery": 0.5, "price": 0.3})
    scores["shop"] = [score if k < 100 else None for k, score in enumerate(scores["shop"])]
    scores["delivery"] = [score if k >= 100 else None for k, score in enumerate(scores["delivery"])]
    rows, _ = told(surveyed(scores))
    assert {name: row["reason"] for name, row in rows.items()} == {"price": None, "delivery": None, "shop": "too_few"}


@pytest.mark.parametrize(("n", "k", "reason"), [(49, 2, "too_few"), (50, 2, None), (69, 7, "too_few"), (70, 7, None)])
def test_fifty_respondents_and_ten_for_each_dimension_are_needed(n, k, reason):
    rows, _ = told(surveyed(drawn(14, n, {f"d{i}": 0.3 for i in range(k)})))
    assert {row["reason"] for row in rows.values()} == {reason} and {row["n"] for row in rows.values()} == {n}


def test_a_dimension_without_differences_says_so():
    scores = drawn(15, 100, PLANTED) | {"lobby": [4.0] * 100}
    rows, notes = told(surveyed(scores))
    assert (rows["lobby"]["reason"], rows["lobby"]["performance"], notes["used"]) == ("constant", 0.75, 3)
    flat, _ = told(surveyed({**scores, "nps": [9.0] * 100}))
    assert {row["reason"] for row in flat.values()} == {"overall_constant"}


# performance


def test_performance_is_the_satisfaction_of_the_dimension():
    scores = drawn(16, 300, PLANTED)
    scores["food"] = [None if k % 3 else score for k, score in enumerate(scores["food"])]
    tables = surveyed(scores, scales={"price": (1, 5)})
    rows, _ = told(tables)
    satisfaction = ask(SURVEY_METRICS[0], tables, Query(YEAR, by=("dimension",))).rows.set_index("dimension")
    for name, row in rows.items():
        own = satisfaction.loc[name]
        assert (row["mean"], row["mean_n"], row["mean_low"], row["mean_high"]) == (own["value"], own["n"], own["low"], own["high"])
        assert row["performance"] == pytest.approx((own["value"] - 1) / 4)


def test_scales_are_put_side_by_side_and_never_mixed():
    """The same answers on 1-5 and, stretched, on 1-9: another mean, the same performance, the same part."""
    scores = drawn(17, 300, PLANTED)
    stretched = {**scores, "service": [2 * score - 1 for score in scores["service"]]}
    plain, wide = told(surveyed(scores))[0]["service"], told(surveyed(stretched, scales={"service": (1, 9)}))[0]["service"]
    assert wide["mean"] == pytest.approx(2 * plain["mean"] - 1) and (wide["scale_min"], wide["scale_max"]) == (1, 9)
    assert [wide[c] for c in ("performance", "performance_low", "value")] == pytest.approx([plain[c] for c in ("performance", "performance_low", "value")])


def test_a_mood_that_all_dimensions_share_is_not_in_the_limits_of_performance():
    """Dimensions that rise and fall together differ surely, though each mean alone is as unsure as ever."""
    mood = np.random.default_rng(18).integers(2, 5, 120)
    scores = {"nps": (mood * 2).tolist(), "a": mood.tolist(), "b": (mood + (np.arange(120) % 4 == 0)).tolist(), "c": mood.tolist()}
    rows, _ = told(surveyed({name: [float(v) for v in column] for name, column in scores.items()}))
    assert rows["b"]["standing"] == "high" and rows["a"]["standing"] == "low"
    assert rows["a"]["performance_high"] - rows["a"]["performance_low"] < (rows["a"]["mean_high"] - rows["a"]["mean_low"]) / 4 / 3


# the overall score


def test_without_nps_the_dimension_called_overall_is_meant_and_is_no_driver():
    scores = drawn(19, 200, PLANTED)
    scores["Overall"] = [1 + score * 0.4 for score in scores.pop("nps")]
    rows, notes = told(surveyed(scores))
    assert notes["overall"] == "Overall" and set(rows) == set(PLANTED)
    scores["总体满意度"] = scores.pop("Overall")
    assert told(surveyed(scores))[1]["overall"] == "总体满意度"


def test_the_overall_score_can_be_named_and_is_then_no_driver():
    scores = drawn(20, 200, PLANTED)
    rows, notes = told(surveyed(scores), overall="Service")
    assert notes["overall"] == "service" and set(rows) == {"price", "food"}
    assert set(told(surveyed(scores), dimensions="service, food")[0]) == {"service", "food"}


def test_the_sources_file_says_what_is_overall():
    rows, notes = told(surveyed(drawn(20, 200, PLANTED)), settings={"metrics": {"drivers": {"overall": ["food"]}}})
    assert notes["overall"] == "nps" and set(rows) == {"service", "price"}


def test_without_an_overall_question_there_is_no_importance():
    scores = drawn(21, 100, PLANTED)
    rows, notes = told(surveyed({name: scores[name] for name in PLANTED}))
    assert {row["reason"] for row in rows.values()} == {"no_overall"} and notes["overall"] is None
    assert rows["food"]["mean_n"] == 100


@pytest.mark.parametrize(
    ("question", "message"),
    [
        ({"options": {"overall": "ease"}}, "no dimension 'ease' in any survey; there are food, nps, price, service"),
        ({"options": {"dimensions": "food,taste"}}, "no dimension 'taste'"),
        ({"options": {"method": "pratt"}}, "there are lmg, weights"),
        ({"options": {"missing": "drop"}}, "there are pairwise, complete"),
        ({"options": {"replicates": 3}}, "a number from 100 to 5,000, not 3"),
        ({"by": ("region",)}, "choose one with --where region="),
        ({"grain": "month"}, "no series by month"),
    ],
    ids=str,
)
def test_what_cannot_be_meant_is_refused(planted, question, message):
    with pytest.raises(QuestionError, match=message):
        ask(DRIVERS, planted, Query(YEAR, **question))


def test_more_dimensions_than_can_be_exact_are_weighed_the_other_way():
    tables = surveyed(drawn(22, 200, {f"d{i:02}": 0.2 for i in range(16)}))
    assert told(tables)[1]["method"] == "weights"
    with pytest.raises(QuestionError, match="lmg takes up to 15 dimensions, not 16"):
        told(tables, method="lmg")


# who is behind, and who is not shown


def test_the_respondents_behind_a_dimension_are_its_n():
    scores = drawn(23, 120, PLANTED)
    scores["food"] = [None if k < 40 else score for k, score in enumerate(scores["food"])]
    scores["nps"] = [None if k >= 110 else score for k, score in enumerate(scores["nps"])]
    tables = surveyed(scores)
    for name, row in told(tables)[0].items():
        listed = people_of(tables, where=(("dimension", (name,)),))
        assert len(listed) == row["n"] and listed[["overall", "score"]].notna().all().all()
    everybody = people_of(tables)
    assert len(everybody) == told(tables)[1]["n"] == 110 and everybody["score"].isna().all()
    assert everybody["answers"].value_counts().to_dict() == {2: 40, 3: 70}


def test_a_filter_on_dimension_chooses_a_row_of_the_same_picture(planted):
    rows, _ = told(planted, where=(("dimension", ("Price",)),))
    pd.testing.assert_frame_equal(pd.DataFrame(rows), pd.DataFrame(told(planted)[0])[["price"]])


def test_a_handful_of_respondents_shows_nothing():
    tables = surveyed(drawn(24, 4, PLANTED))
    rows, notes = told(tables)
    assert {row["state"] for row in rows.values()} == {"suppressed"} and "r2" not in notes
    figures = pd.DataFrame(rows.values()).drop(columns=["dimension", "state", "complete"])
    assert figures.isna().all().all() and len(people_of(tables)) == 0


def test_a_segment_that_a_table_would_hide_is_hidden_here():
    """4 of a and 60 of b: the table by region hides both, since b would give a away."""
    people = [{"region": "a" if k < 4 else "b"} for k in range(64)]
    tables = surveyed(drawn(25, 64, PLANTED), people=people)
    for chosen in ("a", "b"):
        rows, _ = told(tables, where=(("region", (chosen,)),))
        assert {row["state"] for row in rows.values()} == {"suppressed"}
        assert len(people_of(tables, where=(("region", (chosen,)),))) == 0
    assert {row["state"] for row in told(tables)[0].values()} == {"value"}


def test_a_dimension_of_few_is_hidden_and_in_no_figure_of_the_others():
    scores = drawn(26, 100, PLANTED)
    scores["parking"] = [2.0 if k < 3 else None for k in range(100)]
    rows, again = told(surveyed(scores, scales={"parking": (1, 7)}))
    assert rows["parking"]["state"] == "suppressed" and np.isnan(rows["parking"]["mean"])
    shown = {name for name, row in rows.items() if row["state"] == "value"}
    assert again["used"] == len(shown) and len(people_of(surveyed(scores), **BEHIND)) == (100 if "service" in shown else 0)
