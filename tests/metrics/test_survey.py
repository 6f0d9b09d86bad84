"""Satisfaction on its own scale, and comments: worked cases, plain SQL, scales that must not mix, small groups."""

import numpy as np
import pytest

from metrics.metric import ask
from metrics.query import Query, QuestionError, collect
from metrics.rounding import percents
from metrics.survey import METRICS, behind_satisfaction, behind_verbatims, is_about_service, segment_columns
from tests.made import made
from tests.metrics.responses import QUESTIONS, SURVEY, YEAR, D, answered, grouped, one, some

SATISFACTION, VERBATIMS = METRICS


@pytest.mark.parametrize(
    ("given", "mean", "top2", "is_low"),
    [
        ([5, 4, 3, 2, 1], 3.0, 2 / 5, False),  # exactly the midpoint is not low
        ([3] * 249 + [2], 749 / 250, 0, True),  # 2.996: low before rounding
        ([5] * 8, 5.0, 1, False),
        ([1, 5, 0, 6, None, 5, 5, 5], 21 / 5, 4 / 5, False),  # 0 and 6 are blank codes
    ],
)
def test_mean_top_2_and_low_of_worked_cases(given, mean, top2, is_low):
    row = one(SATISFACTION, answered(given, question="q:food"))
    assert (row["value"], row["top2"], row["is_low"]) == (pytest.approx(mean), pytest.approx(top2), is_low)


def test_another_scale_has_its_own_midpoint():
    """3.5 on 1-7 lies under its midpoint 4; on 1-5 it would not."""
    row = one(SATISFACTION, answered([3, 4] * 5, question="q:effort"), dimension="effort")
    assert (row["value"], row["midpoint"], row["is_low"], row["scale_max"]) == (3.5, 4, True, 7)


MIXED = [{"score": 5, "question_id": "q:food"}] * 6 + [{"score": 2, "question_id": "q:effort"}] * 5 + [{"score": 9, "question_id": "q:nps"}] * 9


def test_scales_are_never_averaged_together():
    """Six answers on 1-5, five on 1-7, nine on NPS: the mean is of the six, the five are counted."""
    answer = ask(SATISFACTION, answered(MIXED), Query(YEAR))
    assert (answer.rows["value"].tolist(), answer.rows["n"].tolist(), answer.notes["other_scales"]) == ([5], [6], 5)
    assert len(collect(behind_satisfaction(answered(MIXED), Query(YEAR)))) == 6


def test_by_dimension_each_is_on_its_own_scale():
    rows = grouped(SATISFACTION, answered(MIXED), ["dimension"])
    assert {k: (row["value"], row["scale_max"]) for k, row in rows.items()} == {"food": (5, 5), "effort": (2, 7)}


@pytest.mark.parametrize(("options", "value"), [({"scale": "1-7"}, 2), ({"dimension": "Food"}, 5), ({"question": "How easy was it?"}, 2)])
def test_a_scale_dimension_or_question_can_be_chosen(options, value):
    assert one(SATISFACTION, answered(MIXED), **options)["value"] == value


def test_a_wave_that_asks_on_another_scale_is_on_its_own():
    """Food: six on 1-5 in the first wave, five on 1-7 in the second. The six are most; in the second wave there are the five alone."""
    second = {"survey_id": "s:2", "question_id": "q:food7", "score": 6}
    tables = answered(
        [{"score": 2, "question_id": "q:food"}] * 6 + [second] * 5, surveys=[SURVEY, {**SURVEY, "survey_id": "s:2", "wave": "second"}],
        questions=[*QUESTIONS, {"question_id": "q:food7", "dimension": "food", "scale_min": 1, "scale_max": 7}],
    )  # fmt: skip
    told = [one(SATISFACTION, tables, dimension="food", wave=wave) for wave in (None, SURVEY["wave"], "second")]
    assert [(row["value"], row["n"], row["scale_max"]) for row in told] == [(2, 6, 5), (2, 6, 5), (6, 5, 7)]
    assert len(collect(behind_satisfaction(tables, Query(YEAR, options={"dimension": "food", "wave": "second"})))) == 5


def test_a_scale_may_begin_below_zero():
    tables = answered([{"score": -1, "question_id": "q:mood"}] * 5, questions=[{"question_id": "q:mood", "dimension": "mood", "scale_min": -2, "scale_max": 2}])
    assert one(SATISFACTION, tables, scale="-2-2")["value"] == -1


def test_a_scale_written_wrongly_is_refused():
    with pytest.raises(QuestionError, match="like 1-5, not 'five'"):
        one(SATISFACTION, answered(MIXED), scale="five")


def test_twenty_equal_answers_are_not_certain():
    """One answer is added at 1 and one at 5: mean 106/22, se = √((20·25 + 1 + 25)/22 − (106/22)²)/√22."""
    row = one(SATISFACTION, answered([5] * 20, question="q:food"))
    assert row["se"] == pytest.approx(np.sqrt((526 / 22 - (106 / 22) ** 2) / 22))
    assert (row["high"], row["low"]) == (5, pytest.approx(5 - 1.96 * row["se"]))


def test_the_interval_of_many_answers_is_the_textbook_one():
    given = [1, 2, 3, 4, 5] * 80
    row = one(SATISFACTION, answered(given, question="q:food"))
    assert row["se"] == pytest.approx(np.std(given) / np.sqrt(len(given)), rel=0.01)


@pytest.mark.parametrize("seed", range(4))
def test_plain_sql_says_the_same(seed):
    rows = some(seed)
    given = [{**row, "question_id": "q:food", "score": None if row["score"] is None else row["score"] - 4} for row in rows.pop("answers")]
    tables = answered(given, **rows)
    session = tables._session.cursor
    session.execute(f'CREATE OR REPLACE TEMP VIEW given AS FROM "{tables._view("answers")}"')
    expected = session.execute("""
        WITH valid AS (SELECT *, coalesce(contact_id, customer_id, response_id) AS who FROM given WHERE score BETWEEN 1 AND 5),
        last AS (SELECT * FROM valid QUALIFY row_number() OVER (PARTITION BY who ORDER BY answered_at DESC, answer_id DESC) = 1)
        SELECT count(*), sum(score * coalesce(weight, 1)) / sum(coalesce(weight, 1)),
               sum(CASE WHEN score >= 4 THEN coalesce(weight, 1) ELSE 0 END) / sum(coalesce(weight, 1)) FROM last
    """).fetchall()[0]
    row = one(SATISFACTION, tables)
    assert (row["n"], row["value"], row["top2"]) == (expected[0], pytest.approx(expected[1]), pytest.approx(expected[2]))


def test_a_small_dimension_is_hidden_with_another_one():
    rows = [{"score": 4, "question_id": q, "touchpoint": t} for q, t, n in (("q:food", "a", 3), ("q:food", "b", 20), ("q:food", "c", 30)) for _ in range(n)]
    states = {k: row["state"] for k, row in grouped(SATISFACTION, answered(rows), ["touchpoint"]).items()}
    assert states == {"a": "suppressed", "b": "suppressed", "c": "value"}


def test_a_hidden_group_stays_hidden_when_filtered_to():
    """a has 3 answers and hides b's 20 with it; both together are no more than the total less c."""
    rows = [{"score": 4, "question_id": "q:food", "touchpoint": t} for t, n in (("a", 3), ("b", 20), ("c", 30)) for _ in range(n)]
    tables = answered(rows)
    for chosen, state, n in ((("b",), "suppressed", 0), (("b", "c"), "suppressed", 0), (("a", "b"), "value", 23), (("c",), "value", 30)):
        where = (("touchpoint", chosen),)
        assert one(SATISFACTION, tables, where=where)["state"] == state
        assert len(collect(behind_satisfaction(tables, Query(YEAR, where=where)))) == n


def test_a_hidden_dimension_stays_hidden_when_it_is_named():
    """effort has 3 answers of its own: food, which would give it away on the same scale, is hidden in the table and by its option."""
    rows = [{"score": 4, "question_id": "q:food"}] * 9 + [{"score": 4, "question_id": "q:effort"}] * 3
    states = {k: row["state"] for k, row in grouped(SATISFACTION, answered(rows), ["dimension"]).items()}
    assert states == {"effort": "suppressed", "food": "suppressed"}
    assert {d: one(SATISFACTION, answered(rows), dimension=d)["state"] for d in states} == states


def test_a_drilled_list_is_on_the_scale_of_the_bar():
    """All together 30 are on 1-5 and 20 on 1-7, so the bar of b counts its 5 on 1-5, though b has 7 on 1-7."""
    sizes = {("q:food", "a"): 25, ("q:food", "b"): 5, ("q:effort", "a"): 13, ("q:effort", "b"): 7}
    tables = answered([{"score": 4, "question_id": q, "touchpoint": t} for (q, t), n in sizes.items() for _ in range(n)])
    bar, where = grouped(SATISFACTION, tables, ["touchpoint"])["b"], (("touchpoint", ("b",)),)
    alone, listed = one(SATISFACTION, tables, where=where), collect(behind_satisfaction(tables, Query(YEAR, where=where)))
    assert (bar["n"], bar["scale_max"]) == (alone["n"], alone["scale_max"]) == (len(listed), 5) == (5, 5)
    assert set(listed["scale_max"]) == {5}


def test_rows_outside_the_period_change_nothing():
    inside = [{"score": 4, "question_id": "q:food", "answered_at": f"2026-0{m}-01"} for m in (1, 2, 3) for _ in range(6)]
    outside = [{"score": 1, "question_id": "q:food", "answered_at": "2025-12-31"}] * 9
    assert one(SATISFACTION, answered(inside)) == one(SATISFACTION, answered(outside + inside[::-1]))


# comments


def said(score, text, k):
    response = {"response_id": f"r:{k}", "answered_at": D("2026-02-03").isoformat()}
    return [{**response, "question_id": "q:nps", "score": score}, {**response, "question_id": "q:food", "text": text}]


def test_comments_are_counted_with_what_their_response_said_about_recommending():
    texts = [(10, "Great"), (9, None), (2, "Slow"), (3, "  "), (0, "Late"), (1, None), (4, None), (5, None)]
    tables = answered([row for k, (score, text) in enumerate(texts) for row in said(score, text, k)])
    row = one(VERBATIMS, tables)
    assert (row["value"], row["n"], row["denominator"]) == (3, 3, 8)
    assert len(collect(behind_verbatims(tables, Query(YEAR)))) == 3
    low = Query(YEAR, where=(("band", ("detractor",)),))
    assert sorted(collect(behind_verbatims(tables, low))["text"]) == ["Late", "Slow"]
    assert one(VERBATIMS, tables, where=low.where)["value"] == 2
    high = (("band", ("promoter",)),)  # two of the eight who responded
    assert one(VERBATIMS, tables, where=high)["value"] == len(collect(behind_verbatims(tables, Query(YEAR, where=high)))) == 1


def test_comments_of_fewer_than_five_people_are_not_shown():
    tables = answered([row for k in range(4) for row in said(2, "Slow", k)])
    assert one(VERBATIMS, tables)["state"] == "suppressed"
    assert collect(behind_verbatims(tables, Query(YEAR))).empty


def test_comments_of_a_hidden_group_are_hidden_when_filtered_to():
    texts = [(9, "Good", "a")] * 8 + [(9, "Fine", "b")] * 6 + [(9, "Late", "c")] * 3
    tables = answered([{**row, "touchpoint": t} for k, (score, text, t) in enumerate(texts) for row in said(score, text, k)])
    for chosen, n in (("a", 8), ("b", 0), ("c", 0)):
        where = (("touchpoint", (chosen,)),)
        assert (one(VERBATIMS, tables, where=where)["state"] == "value") == bool(n)
        assert len(collect(behind_verbatims(tables, Query(YEAR, where=where)))) == n
    listed = collect(behind_verbatims(tables, Query(YEAR)))
    assert (len(listed), listed["touchpoint"].value_counts().to_dict()) == (17, {"a": 8})


def test_an_anonymous_comment_is_listed_without_anything_that_tells_whose_it_is():
    rows = [{**row, "region": "North"} for k in range(6) for row in said(9, "Good", k)]
    listed = collect(behind_verbatims(answered(rows, surveys=[{**SURVEY, "is_anonymous": True}]), Query(YEAR)))
    assert len(listed) == 6 and listed["text"].tolist() == ["Good"] * 6 and set(listed["band"]) == {"promoter"}
    assert listed[["region", "response_id", "answered_at", "name"]].isna().all().all()


def test_every_empty_question_is_answered():
    for metric in METRICS:
        for grain, by in ((None, ()), ("month", ()), (None, ("dimension",)), ("quarter", ("region",))):
            assert set(ask(metric, made({}), Query(YEAR, grain, by)).rows["state"]) <= {"no_data"}


def test_columns_that_divide_the_answers_are_offered_the_usual_ones_first():
    rows = [{"score": 9, "touchpoint": "ab"[k % 2], "ticket": f"T{k}", "customer_id": f"k:{k % 3}"} for k in range(60)]
    tables = answered(rows, customers=[{"customer_id": f"k:{k}", "region": "NSN"[k], "industry": "Food"} for k in range(3)])
    assert segment_columns(tables) == ("region", "touchpoint")  # one industry divides nothing, sixty tickets are names


# shares as shown


@pytest.mark.parametrize(
    ("shares", "decimals", "shown"),
    [
        ([1 / 3, 1 / 3, 1 / 3], 1, [33.4, 33.3, 33.3]),
        ([2 / 3, 1 / 6, 1 / 6], 1, [66.7, 16.7, 16.6]),  # remainders .667 .667 .667: two tenths missing go to the first two
        ([0.5, 0.3, 0.2], 1, [50, 30, 20]),
        ([0.125, 0.875], 0, [13, 87]),
        ([1, 0], 1, [100, 0]),
        ([0.2, 0.2], 1, [20, 20]),  # not a whole: each on its own
        ([np.nan, np.nan], 1, [np.nan, np.nan]),
        ([], 1, []),
    ],
)
def test_shares_shown_together_add_up_to_100(shares, decimals, shown):
    assert percents(shares, decimals).tolist() == pytest.approx(shown, nan_ok=True)


@pytest.mark.parametrize(
    ("dimension", "settings", "is_about"),
    [
        (" Service Quality ", {}, True), ("服务", {}, True), ("product function", {}, False), (None, {}, False),
        ("service", {"service": ["response speed"]}, False), ("Response speed", {"service": ["response speed"]}, True),
    ],
)  # fmt: skip
def test_which_dimension_is_about_the_service(dimension, settings, is_about):
    assert is_about_service(dimension, Query(YEAR, settings={"metrics": {"satisfaction": settings}})) == is_about
