"""A segment beside everybody else, and how often each score was given: worked cases, what is hidden, what is remembered."""

import pytest

from metrics.additive import Memory, remembering
from metrics.change import changed
from metrics.contrast import METRICS as CONTRAST
from metrics.metric import ask
from metrics.query import Query, QuestionError, collect
from metrics.spread import METRICS as SPREAD
from tests.metrics.responses import YEAR, answered, some

(AGAINST,), (COUNTS,) = CONTRAST, SPREAD


def at(touchpoint: str | None, *scores: int) -> list[dict]:
    return [{"score": score, "touchpoint": touchpoint} for score in scores]


def parts(tables, where=(), **options) -> dict[str, dict]:
    return {row["part"]: row for row in ask(AGAINST, tables, Query(YEAR, where=where, options=options)).rows.to_dict("records")}


def test_inside_and_rest_are_the_answers_of_either():
    """Inside 10, 10, 2, 2, 2: (2 − 3) / 5 = −20; the rest, with those at no touchpoint, 9, 9, 8, 8, 8, 0: (2 − 1) / 6 = 16.7."""
    found = parts(answered(at("Visit", 10, 10, 2, 2, 2) + at("Phone", 9, 9, 8, 8) + at(None, 8, 0)), segment="touchpoint=Visit")
    assert {part: (round(row["value"], 1), row["n"]) for part, row in found.items()} == {"inside": (-20.0, 5), "rest": (16.7, 6)}


def test_answers_without_a_value_are_a_segment_too():
    found = parts(answered(at("Visit", *[10] * 6) + at(None, *[0] * 7)), segment="touchpoint=")
    assert (found["inside"]["value"], found["inside"]["n"], found["rest"]["value"]) == (-100, 7, 100)


def test_several_conditions_hold_together():
    rows = [{"score": 9, "touchpoint": a, "product": b} for a in "xy" for b in "uv" for _ in range(5)]
    found = parts(answered(rows), segment="touchpoint=x&product=u")
    assert (found["inside"]["n"], found["rest"]["n"]) == (5, 15)


def test_a_column_named_twice_means_either_value():
    rows = [{"score": 9, "touchpoint": a, "product": b} for a in "xyz" for b in "uv" for _ in range(5)]
    found = parts(answered(rows), segment="touchpoint=x&touchpoint=y&product=u")
    assert (found["inside"]["n"], found["rest"]["n"]) == (10, 20)


def test_a_mean_is_compared_on_its_own_scale():
    found = parts(answered(at("Visit", *[1, 2] * 20) + at("Phone", *[4, 5] * 20), "q:food"), dimension="food", segment="touchpoint=Visit")
    assert (found["inside"]["value"], found["rest"]["value"]) == (1.5, 4.5)
    verdict = changed(found["inside"], found["rest"])
    assert (verdict.verdict, verdict.delta) == ("changed", -3)


@pytest.mark.parametrize(("inside", "rest"), [(4, 20), (20, 4)])
def test_where_either_side_is_too_small_neither_is_told(inside, rest):
    """The whole is known elsewhere: one side would give the other away."""
    tables = answered(at("Visit", *[10] * inside) + at("Phone", *[9] * rest))
    found = parts(tables, segment="touchpoint=Visit")
    assert {row["state"] for row in found.values()} == {"suppressed"} and all(row["value"] != row["value"] for row in found.values())
    if inside < 5:
        assert collect(AGAINST.behind(tables, Query(YEAR, options={**AGAINST.options, "segment": "touchpoint=Visit"}))).empty


def test_a_segment_that_a_table_would_hide_is_hidden_here():
    """Of 20, 9 and 3 answers at a, b and c a table hides b and c: b is not told against the rest either."""
    found = parts(answered(at("a", *[9] * 20) + at("b", *[9] * 9) + at("c", *[9] * 3)), segment="touchpoint=b")
    assert {row["state"] for row in found.values()} == {"suppressed"}


def test_without_a_segment_it_is_the_whole():
    assert {part: row["n"] for part, row in parts(answered([9] * 8)).items()} == {"inside": 8}


def test_segments_are_not_taken_for_each_other_where_sums_are_remembered():
    tables = answered(at("Visit", *[10] * 10) + at("Phone", *[0] * 20))
    with remembering(Memory()):
        one, other = (parts(tables, segment=f"touchpoint={name}") for name in ("Visit", "Phone"))
    assert (one["rest"]["value"], other["rest"]["value"]) == (-100, 100)


def test_an_unknown_column_is_named():
    with pytest.raises(QuestionError, match="no column 'nowhere'"):
        parts(answered([9] * 8), segment="nowhere=x")


def test_filters_narrow_both_sides():
    rows = [{"score": score, "touchpoint": a, "product": b} for a, score in (("x", 10), ("y", 0)) for b in "uv" for _ in range(6)]
    found = parts(answered(rows), where=(("product", ("u",)),), segment="touchpoint=x")
    assert (found["inside"]["n"], found["rest"]["n"]) == (6, 6)


def counts(tables, **options) -> dict[float, tuple]:
    return {row["score"]: (row["numerator"], row["n"], row["value"]) for row in ask(COUNTS, tables, Query(YEAR, options=options)).rows.to_dict("records")}


def test_each_score_is_counted():
    assert counts(answered([10, 10, 9, 2, 0, 0, 0, 11]), measure="nps") == {
        0: (3, 7, pytest.approx(3 / 7)), 2: (1, 7, pytest.approx(1 / 7)), 9: (1, 7, pytest.approx(1 / 7)), 10: (2, 7, pytest.approx(2 / 7)),
    }  # fmt: skip


def test_scores_are_hidden_where_their_mean_is_and_as_a_whole():
    (row,) = ask(COUNTS, answered([10, 9, 2, 0]), Query(YEAR)).rows.to_dict("records")
    assert (row["state"], row["score"] != row["score"]) == ("suppressed", True)
    (row,) = ask(COUNTS, answered([]), Query(YEAR)).rows.to_dict("records")
    assert row["state"] == "no_data"


SECOND_OPINION = """
    WITH valid AS (SELECT *, coalesce(contact_id, customer_id, response_id) AS who FROM given WHERE {is_valid}),
    last AS (SELECT * FROM valid QUALIFY row_number() OVER (PARTITION BY who ORDER BY answered_at DESC, answer_id DESC) = 1)
    SELECT score::DOUBLE, count(*), sum(count(*)) OVER () FROM last GROUP BY score
"""
SCALES = {  # measure: the question, what makes its scores of the drawn ones, and which of them are valid
    "nps": ("q:nps", lambda score: score, "score BETWEEN 0 AND 10 AND score = floor(score)"),
    "mean": ("q:food", lambda score: score and score - 4, "score BETWEEN 1 AND 5"),
}


@pytest.mark.parametrize("measure", SCALES)
@pytest.mark.parametrize("seed", range(3))
def test_plain_sql_counts_the_same_scores(seed, measure):
    question, made_of, is_valid = SCALES[measure]
    rows = some(seed)
    given = [{**row, "question_id": question, "score": made_of(row["score"])} for row in rows.pop("answers")]
    tables = answered(given, **rows)
    session = tables._session.cursor
    session.execute(f'CREATE OR REPLACE TEMP VIEW given AS FROM "{tables._view("answers")}"')
    expected = {score: (n, whole, pytest.approx(n / whole)) for score, n, whole in session.execute(SECOND_OPINION.format(is_valid=is_valid)).fetchall()}
    assert len(expected) >= 5 and counts(tables, measure=measure) == expected
