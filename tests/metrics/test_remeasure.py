"""A segment before and after beside everybody else: worked by hand, in plain SQL, and what cannot be told."""

import datetime as dt
import math
import random

import duckdb
import narwhals as nw
import pandas as pd
import pytest

from metrics.metric import ask
from metrics.period import Period
from metrics.query import Query, QuestionError
from metrics.remeasure import METRICS
from tests.metrics.responses import YEAR
from tests.metrics.surveyed import FLAGS, TYPES
from warehouse.marts.scores import CORE

(REMEASURED,) = METRICS
D = dt.date
WAVES = {"W1": "2026-02-03", "W2": "2026-05-03", "W10": "2026-08-03"}
CELLS = [(part, moment) for part in ("inside", "rest") for moment in ("before", "after", "change")] + [("difference", "change")]


def surveyed(*groups, question="food", ends=(1.0, 5.0)):
    """The mart `scores` of groups (wave, touchpoint, scores); what is no name of a wave is a day, and its answers belong to none."""
    rows = [
        {"dimension": question, "question": question, "question_id": question, "scale_min": ends[0], "scale_max": ends[1], "touchpoint": touchpoint,
         "response_id": f"{place}:{k}", "answer_id": f"{place}:{k}", "score": None if score is None else float(score), "is_blank": score is None,
         "is_refused": score is not None and not ends[0] <= score <= ends[1], "wave": wave if wave in WAVES else None,
         "answered_on": D.fromisoformat(WAVES.get(wave, wave)), "sent_from": D.fromisoformat(WAVES[wave]) if wave in WAVES else None}
        for place, (wave, touchpoint, scores) in enumerate(groups) for k, score in enumerate(scores)
    ]  # fmt: skip
    return opened(pd.DataFrame(rows))


def opened(rows: pd.DataFrame):
    """The mart `scores` with what else it has, and nobody's accounts."""
    further = [name for name in CORE if name not in rows and name not in FLAGS]
    rows = rows.assign(**{name: pd.Series(None, rows.index, dtype=TYPES.get(name, "str")) for name in further})
    rows = rows.assign(**{name: flag for name, flag in FLAGS.items() if name not in rows}).astype({"score": "float64", "wave": "str", "touchpoint": "str"})
    connection = duckdb.connect()
    connection.register("scores_", rows)
    connection.register("accounts_", pd.DataFrame({"customer_id": pd.Series([], dtype="str"), "name": pd.Series([], dtype="str")}))
    return {name: nw.from_native(connection.sql(f"select * from {name}_")) for name in ("scores", "accounts")}


def measured(tables, period=YEAR, segment="touchpoint=Hotline", dimension="food", **options):
    return ask(REMEASURED, tables, Query(period, options={"segment": segment, "dimension": dimension, **options}))


def cells(answer) -> dict[tuple, dict]:
    return {(row["part"], row["moment"]): row for row in answer.rows.to_dict("records")}


def told(answer) -> tuple:
    return answer.notes["verdict"], answer.notes["after"], answer.notes["later"]


RISING = (
    ("W1", "Hotline", [1, 2] * 20), ("W2", "Hotline", [3, 4] * 20), ("W10", "Hotline", [5] * 40),
    ("W1", "Shop", [4, 5] * 20), ("W2", "Shop", [4, 5] * 10 + [5] * 20), ("W10", "Shop", [5] * 40),
)  # fmt: skip


def test_worked_by_hand():
    """Hotline 1.5 → 3.5, shop 4.5 → 4.75: up by 2 and by 0.25, so 1.75 beyond the rest.

    Standard errors, with one answer at each end added (DEFINITIONS 1; 42 answers): of 1, 2 the centre is (60 + 6)/42 = 11/7 and the mean square
    (100 + 26)/42 = 3, so the variance is 3 − 121/49 = 26/49; of 4, 5 alike by symmetry. Of 3, 4: (140 + 6)/42 = 73/21, (500 + 26)/42 = 263/21,
    so 263/21 − (73/21)² = 194/441. Of ten 4 and thirty 5: (190 + 6)/42 = 14/3, (910 + 26)/42 = 156/7, so 156/7 − 196/9 = 32/63. All over 42.
    """
    variances = {("inside", "before"): 26 / 49, ("rest", "before"): 26 / 49, ("inside", "after"): 194 / 441, ("rest", "after"): 32 / 63}
    answer = measured(surveyed(*RISING), wave="W1")
    found = cells(answer)
    assert list(found) == CELLS
    assert [round(found[cell]["value"], 9) for cell in CELLS] == [1.5, 3.5, 2, 4.5, 4.75, 0.25, 1.75]
    assert [found[cell]["n"] for cell in CELLS] == [40, 40, 80, 40, 40, 80, 160]
    for cell, variance in variances.items():
        assert found[cell]["se"] == pytest.approx(math.sqrt(variance / 42))
    se = math.sqrt(sum(variances.values()) / 42)
    effect = found["difference", "change"]
    assert (effect["low"], effect["high"]) == (pytest.approx(1.75 - 1.96 * se), pytest.approx(1.75 + 1.96 * se))
    assert told(answer) == ("improved", "W2", ["W2", "W10"])


def test_what_happened_to_everybody_is_no_effect():
    """Both rise by 1: the segment has improved, and no more than the others."""
    answer = measured(surveyed(("W1", "Hotline", [2] * 50), ("W2", "Hotline", [3] * 50), ("W1", "Shop", [3] * 50), ("W2", "Shop", [4] * 50)), wave="W1")
    found = cells(answer)
    assert found["inside", "change"]["low"] > 0 and found["difference", "change"]["value"] == 0
    assert told(answer)[0] == "no_clear_change"


@pytest.mark.parametrize(
    ("inside", "verdict"),
    [([2] * 50, "worse"), ([3] * 50, "no_clear_change"), ([4] * 50, "improved"), ([4] * 29, "too_few"), ([4] * 4, "hidden"), ([], "no_answers")],
)
def test_the_verdict(inside, verdict):
    answer = measured(surveyed(("W1", "Hotline", [3] * 50), ("W2", "Hotline", inside), ("W1", "Shop", [3] * 50), ("W2", "Shop", [3] * 50)), wave="W1")
    assert told(answer)[0] == verdict
    effect = cells(answer)["difference", "change"]
    assert (effect["state"] == "value") == (verdict not in ("hidden", "no_answers"))
    if verdict == "too_few":
        assert effect["value"] == 1 and math.isnan(effect["low"])
    if verdict == "hidden":
        assert all(math.isnan(cells(answer)[part, "after"]["value"]) for part in ("inside", "rest"))


def test_the_interval_decides_at_its_edge():
    """Nearly the same as the rest: an interval that reaches zero is no clear change, one that does not is."""
    for up, verdict in ((6, "no_clear_change"), (30, "improved")):
        inside = [3] * (100 - up) + [4] * up
        flat = [2, 3, 4] * 33 + [3]
        answer = measured(surveyed(("W1", "Hotline", [3] * 100), ("W2", "Hotline", inside), ("W1", "Shop", flat), ("W2", "Shop", flat)), wave="W1")
        effect = cells(answer)["difference", "change"]
        assert effect["value"] == pytest.approx(up / 100)
        assert (effect["low"] <= 0 <= effect["high"]) == (verdict == "no_clear_change") and told(answer)[0] == verdict


def test_until_the_next_wave_one_waits():
    answer = measured(surveyed(*RISING), wave="W10")
    assert told(answer) == ("waiting", None, [])
    assert {moment: row["state"] for (part, moment), row in cells(answer).items() if part == "inside"} == {
        "before": "value", "after": "no_data", "change": "no_data",
    }  # fmt: skip


def test_a_later_wave_can_be_asked_for():
    answer = measured(surveyed(*RISING), wave="W1", after="W10")
    assert (cells(answer)["inside", "after"]["value"], told(answer)) == (5, ("improved", "W10", ["W2", "W10"]))


def test_without_a_wave_before_is_the_period_and_after_the_first_wave_begun_since():
    """W2 had begun when the plan was opened: what of it came later is neither before nor after."""
    tables = surveyed(*RISING, ("W2", "Hotline", [1] * 40))
    early = Period(D(2026, 1, 1), D(2026, 6, 1), D(2026, 12, 31))
    answer = measured(tables, period=early)
    assert told(answer) == ("improved", "W10", ["W10"])
    found = cells(answer)
    assert (found["inside", "before"]["n"], found["inside", "before"]["value"]) == (120, pytest.approx((1.5 + 3.5 + 1) / 3))
    assert found["inside", "after"]["value"] == 5


def test_a_survey_without_waves_is_measured_from_then_on():
    groups = (("2026-02-03", "Hotline", [1] * 40), ("2026-07-03", "Hotline", [3] * 40), ("2026-02-03", "Shop", [4] * 40), ("2026-07-03", "Shop", [4] * 40))
    tables = surveyed(*groups)
    first, whole = Period(D(2026, 1, 1), D(2026, 6, 1), D(2026, 12, 31)), Period(D(2026, 1, 1), D(2026, 12, 31), D(2026, 12, 31))
    assert cells(measured(tables, period=first))["difference", "change"]["value"] == 2
    assert told(measured(tables, period=whole)) == ("waiting", None, [])


def test_the_scale_is_that_of_the_plan():
    """After on 1 to 7 cannot be compared with before on 1 to 5, however many answers there are."""
    parts = [(wave, touchpoint, [score] * 50) for wave, score in (("W1", 2), ("W2", 6)) for touchpoint in ("Hotline", "Shop")]
    rows = pd.concat([surveyed(*parts[:2])["scores"].collect().to_pandas(), surveyed(*parts[2:], ends=(1.0, 7.0))["scores"].collect().to_pandas()])
    tables = opened(rows.reset_index(drop=True))
    assert told(measured(tables, wave="W1", scale="1-5"))[0] in ("waiting", "no_answers")
    assert cells(measured(tables, wave="W2", scale="1-7"))["inside", "before"]["value"] == 6


def test_everybody_is_compared_with_nobody():
    answer = measured(surveyed(*RISING), segment=None, wave="W1")
    assert list(cells(answer)) == [("inside", moment) for moment in ("before", "after", "change")]
    assert cells(answer)["inside", "change"]["value"] == pytest.approx((3.5 + 4.75) / 2 - 3) and told(answer)[0] == "improved"


def test_where_nobody_else_answers_the_segment_is_told_alone():
    answer = measured(surveyed(*RISING[:3]), wave="W1")
    assert list(cells(answer)) == [("inside", moment) for moment in ("before", "after", "change")] and told(answer)[0] == "improved"


def test_nps_is_told_in_points():
    """Inside (0 − 40)/40 → 40/40, the rest stays at 0: 200 points."""
    groups = [("W1", "Hotline", [0] * 40), ("W2", "Hotline", [10] * 40), ("W1", "Shop", [0, 10] * 20), ("W2", "Shop", [0, 10] * 20)]
    answer = measured(surveyed(*groups, question="nps", ends=(0.0, 10.0)), dimension="nps", wave="W1")
    effect = cells(answer)["difference", "change"]
    assert (effect["value"], told(answer)[0]) == (200, "improved") and effect["low"] < 200 <= effect["high"]


@pytest.mark.parametrize(
    ("options", "said"),
    [({"wave": "W7"}, "no answers of the wave 'W7'; there are W1, W2, W10"), ({"wave": "W1", "segment": "floor=3"}, "no column 'floor'"),
     ({"wave": "W1", "after": "W7"}, "no answers of the wave 'W7'")],
)  # fmt: skip
def test_what_has_vanished_is_named(options, said):
    with pytest.raises(QuestionError, match=said):
        measured(surveyed(*RISING), **options)


SECOND_OPINION = """
    with answers as (
        select wave = 'W2' as is_after, coalesce(touchpoint = 'Hotline', false) as is_inside, score from given
        where wave in ('W1', 'W2') and score between 1 and 5 and score is not null
    ), cells as (
        select is_after, is_inside, count(*) as n, avg(score) as mean,
            (sum(score * score) + 1 + 25) / (count(*) + 2) - pow((sum(score) + 1 + 5) / (count(*) + 2), 2) as variance
        from answers group by all
    ), signed as (select *, case when is_after = is_inside then 1 else -1 end as sign from cells)
    select sum(sign * mean) as value, sqrt(sum(variance / (n + 2))) as se, sum(n) as n from signed
"""


@pytest.mark.parametrize("seed", range(5))
def test_plain_sql_says_the_same(seed):
    """From the rows as they were given, reading no mart and calling no metric."""
    rng = random.Random(seed)
    groups = [
        (wave, touchpoint, [rng.choice([None, 0, 7, *([1, 2, 3, 4, 5] * 3)]) for _ in range(rng.randrange(60, 120))])
        for wave in WAVES for touchpoint in ("Hotline", "Shop", None)
    ]  # fmt: skip
    given = pd.DataFrame([{"wave": w, "touchpoint": t, "score": s} for w, t, scores in groups for s in scores])  # noqa: F841 — read by the SQL
    value, se, n = duckdb.sql(SECOND_OPINION).fetchone()
    effect = cells(measured(surveyed(*groups), wave="W1"))["difference", "change"]
    assert (effect["value"], effect["se"], effect["n"]) == (pytest.approx(value), pytest.approx(se), n)
    assert (effect["low"], effect["high"]) == (pytest.approx(value - 1.96 * se), pytest.approx(value + 1.96 * se))
