"""The low-score finder as it is asked: its rows and their figures, a second opinion in SQL, what must not matter, what is refused."""

import datetime as dt

import duckdb
import narwhals as nw
import numpy as np
import pandas as pd
import pytest

from metrics.finder import METRICS
from metrics.metric import ask
from metrics.nps import adjusted_wald
from metrics.period import Period
from metrics.query import Query, QuestionError, collect
from tests.company import SETTINGS, company
from tests.made import made
from tests.metrics.test_patterns import first_half

(LOW_SCORES,) = METRICS
D = dt.date.fromisoformat
YEAR = Period(D("2026-01-01"), D("2027-01-01"), D("2027-01-01"))
LEVELS = {
    "region": ["East", "North", "South", "West"],
    "product": [f"P{k}" for k in range(6)],
    "touchpoint": ["Call", "Mail", "Shop"],
    "team": [f"T{k}" for k in range(8)],
}
COLUMNS = tuple(LEVELS)
MANY = 4000


def survey(seed=1, many=MANY, planted=(), scale=(0, 10), **columns):
    """Answers with attributes at random; `planted`: (segment, how much lower on a latent normal scale)."""
    rng = np.random.default_rng(seed)
    rows = pd.DataFrame({name: rng.choice(levels, many) for name, levels in LEVELS.items()}).assign(**columns)
    latent = rng.normal(size=many)
    for segment, size in planted:
        latent -= size * np.logical_and.reduce([rows[name] == value for name, value in segment.items()])
    low, high = scale
    cuts = [-1.7, -1.2, -0.84, 0.0] if high == 5 else [-2.3, -2.1, -1.9, -1.7, -1.4, -1.1, -0.84, -0.4, 0.0, 0.6]
    rows["score"] = np.searchsorted(cuts, latent).astype(float) + low
    ids = [f"r:{k}" for k in range(many)]
    fixed = {
        "answer_id": ids, "response_id": ids, "contact_id": None, "text": None, "scale_min": float(low), "scale_max": float(high), "question": "?",
        "question_id": "q", "dimension": "nps" if high == 10 else "service", "sent_from": D("2026-01-01"), "is_anonymous": False, "is_blank": False,
        "is_refused": False, "is_last": True,
    }  # fmt: skip
    given = {"customer_id": None, "weight": np.nan, "wave": "first", "answered_on": D("2026-02-03")}
    return rows.assign(**fixed, **{name: value for name, value in given.items() if name not in rows})


def tables(rows):
    connection = duckdb.connect()
    texts = dict.fromkeys(("customer_id", "contact_id", "text"), "string")
    connection.register("rows_", rows.astype(texts))
    scores = connection.sql("SELECT * REPLACE (answered_on::DATE AS answered_on, sent_from::DATE AS sent_from) FROM rows_")
    return {"scores": nw.from_native(scores), "accounts": nw.from_native(connection.sql("SELECT 'c' AS customer_id, 'C' AS name"))}


def asked(rows, where=(), period=YEAR, **options):
    return ask(LOW_SCORES, tables(rows), Query(period, where=where, options={"columns": ",".join(COLUMNS), **options}))


def found(answer):
    return answer.rows[~answer.rows["role"].isin(["whole", "points_to"])]


PAIR = {"region": "West", "product": "P2"}
TRIPLE = {"region": "East", "touchpoint": "Call", "team": "T3"}
PLANTED = [({"product": "P4"}, 0.7), (PAIR, 1.2), (TRIPLE, 1.4)]


@pytest.fixture(scope="module")
def planted():
    rows = survey(planted=PLANTED)
    return rows, asked(rows)


# rows


def test_what_is_planted_is_listed_and_nothing_else(planted):
    _, answer = planted
    assert set(found(answer)["area"]) == {"product = P4", "region = West · product = P2", "region = East · touchpoint = Call · team = T3"}
    assert set(found(answer)["role"]) == {"stands_out"} and (found(answer)["q"] < 0.03).all()


def test_rows_begin_with_the_whole_and_go_down_by_impact(planted):
    rows, answer = planted
    whole = answer.rows.iloc[0]
    promoters, detractors = (rows["score"] >= 9).mean(), (rows["score"] <= 6).mean()
    assert (whole["role"], whole["area"], whole["n"], whole["share"]) == ("whole", "", MANY, 1.0)
    assert whole["value"] == pytest.approx(100 * (promoters - detractors))
    assert found(answer)["impact"].is_monotonic_decreasing and [*answer.rows["rank"]] == [*range(len(answer.rows))]
    assert [*found(answer).sort_values("rank_by_gap")["gap"]] == sorted(found(answer)["gap"], reverse=True)


def test_a_segment_has_its_columns_and_values(planted):
    _, answer = planted
    row = answer.rows.set_index("area").loc["region = East · touchpoint = Call · team = T3"]
    assert row["depth"] == 3 and [row[f"{w}_{k}"] for k in (1, 2, 3) for w in ("column", "value")] == ["region", "East", "touchpoint", "Call", "team", "T3"]


def test_every_cell_is_what_plain_sql_says(planted):
    """n, score, gap and gain of each listed segment, from the answers themselves."""
    answers, answer = planted
    connection = duckdb.connect()
    connection.register("answers", answers)
    for row in answer.rows.iloc[1:].to_dict("records"):
        held = " AND ".join(f"{row[f'column_{k}']} = '{row[f'value_{k}']}'" for k in range(1, row["depth"] + 1))
        sql = f"""
            WITH marked AS (SELECT {held} AS inside, 100.0 * ((score >= 9)::INT - (score <= 6)::INT) AS x FROM answers),
                 means AS (SELECT count(*) FILTER (inside) AS n, avg(x) FILTER (inside) AS mine, avg(x) FILTER (NOT inside) AS others, avg(x) AS every
                           FROM marked)
            SELECT n, mine, others - mine, others - every FROM means"""  # all others' score less the whole: what it would gain
        assert [row[c] for c in ("n", "value", "gap", "impact")] == pytest.approx(connection.sql(sql).fetchone())


def test_limits_are_those_of_the_score_itself(planted):
    """The finder's NPS of a segment has the limits that the metric `nps` gives it."""
    rows, answer = planted
    row = answer.rows.set_index("area").loc["product = P4"]
    mine = rows[rows["product"] == "P4"]["score"]
    low, high, se, _ = adjusted_wald((mine >= 9).mean(), (mine <= 6).mean(), len(mine))
    assert (row["low"], row["high"], row["se"]) == (pytest.approx(low), pytest.approx(high), pytest.approx(se))


def test_a_parent_that_is_low_because_of_a_child_points_to_it():
    """A level that holds a pair of a third of its answers looks low, and is not by itself."""
    rows = survey(3, planted=[({"region": "West", "touchpoint": "Shop"}, 1.5)])
    answer = asked(rows)
    (one,) = found(answer).to_dict("records")
    points = answer.rows[answer.rows["role"] == "points_to"].set_index("area")
    assert one["area"] == "region = West · touchpoint = Shop"
    assert set(points.index) == {"region = West", "touchpoint = Shop"} and set(points["points_to"]) == {one["area"]}
    assert (points["gap"] > 10).all() and (points["adds"].abs() < points["gap"] / 2).all()


def test_a_child_says_what_it_adds_and_names_its_parent():
    rows = survey(4, many=12_000, planted=[({"product": "P1"}, 0.5), ({"product": "P1", "team": "T2"}, 1.0)])
    listed = found(asked(rows)).set_index("area")
    child = listed.loc["product = P1 · team = T2"]
    assert set(listed.index) == {"product = P1", "product = P1 · team = T2"} and child["parent"] == "product = P1"
    assert child["adds"] < child["gap"] - 20 and child["adds_low"] < child["adds"] < child["adds_high"]


def test_another_description_of_the_same_answers_is_named():
    """Nine in ten answers of the city are of the branch: whoever reads one should know of the other."""
    rng = np.random.default_rng(5)
    rows = survey(5)
    city = np.where(rows["team"] == "T3", "Rome", "Oslo").astype(object)
    rows["city"] = np.where((rows["team"] == "T3") & (rng.random(MANY) < 0.1), "Bonn", city)
    rows.loc[rows["team"] == "T3", "score"] = rows.loc[rows["team"] == "T3", "score"].map(lambda score: max(score - 3, 0))
    answer = asked(rows, columns="region,product,team,city")
    (one,) = found(answer).to_dict("records")
    assert (one["area"], one["same_as"]) == ("team = T3", "city = Rome")


def test_sizes_shrink_a_little_and_stay_within_the_scale(planted):
    _, answer = planted
    rows = found(answer)
    assert (rows["shrunken"] >= rows["value"]).all() and (rows["shrunken"] - rows["value"] < 0.25 * rows["adds"]).all()
    assert rows[["shrunken_low", "shrunken_high"]].stack().between(-100, 100).all()


def test_the_honest_size_is_measured_where_nobody_searched(planted):
    """A large area is found in both halves of the respondents; its honest gap is the mean of both halves' gaps."""
    rows, answer = planted
    row = answer.rows.set_index("area").loc["product = P4"]
    x = 100.0 * ((rows["score"] >= 9).astype(int) - (rows["score"] <= 6))
    gaps, sizes, inside = [], [], rows["product"] == "P4"
    is_first = first_half(rows["response_id"])
    for half in (is_first, ~is_first):
        gaps.append(x[half & ~inside].mean() - x[half & inside].mean())
        sizes.append((half & inside).sum())
    assert row["honest_n"] == sum(sizes) and row["honest_gap"] == pytest.approx(np.average(gaps, weights=sizes))
    assert found(asked(rows, honest="no"))["honest_gap"].isna().all()


# measures


@pytest.mark.parametrize("measure", ["mean", "low_share"])
def test_means_and_shares_of_low_answers_are_searched_too(measure):
    rows = survey(6, planted=[(PAIR, 1.3)], scale=(1, 5))
    answer = asked(rows, measure=measure)
    (one,) = found(answer).to_dict("records")
    mine, others = rows["score"][(rows["region"] == "West") & (rows["product"] == "P2")], rows["score"][(rows["region"] != "West") | (rows["product"] != "P2")]
    assert one["area"] == "region = West · product = P2"
    if measure == "mean":
        assert (one["value"], one["gap"]) == (pytest.approx(mine.mean()), pytest.approx(others.mean() - mine.mean()))
        assert one["value"] < one["shrunken"] < answer.rows.loc[0, "value"]
    else:
        assert (one["value"], one["gap"]) == (pytest.approx((mine < 3).mean()), pytest.approx((mine < 3).mean() - (others < 3).mean()))
        assert 1 >= one["value"] > one["shrunken"] > answer.rows.loc[0, "value"]
    assert one["gap"] > 0 and one["impact"] > 0 and one["low"] < one["value"] < one["high"]


def test_a_dimension_is_searched_by_its_mean_and_nps_by_itself():
    assert asked(survey(6, scale=(1, 5)), dimension="service").notes["measure"] == "mean"
    assert asked(survey(6)).notes["measure"] == "nps"


def test_nps_of_another_scale_is_refused():
    with pytest.raises(QuestionError, match="NPS needs scores of 0 to 10, but answers are on 1 to 5: ask with measure=mean"):
        asked(survey(6, scale=(1, 5), dimension="nps").assign(dimension="nps"))


# what must not matter


def test_the_order_of_answers_does_not_matter(planted):
    rows, answer = planted
    pd.testing.assert_frame_equal(asked(rows.sample(frac=1, random_state=1)).rows, answer.rows, rtol=1e-9)


def test_names_of_values_do_not_matter(planted):
    rows, answer = planted
    renamed = rows.assign(product=rows["product"].map(lambda p: f"Z{9 - int(p[1])}"))
    figures = ["n", "value", "gap", "impact", "adds", "shrunken", "q"]
    pd.testing.assert_frame_equal(found(asked(renamed))[figures], found(answer)[figures], rtol=1e-9)


def test_a_column_given_twice_finds_nothing_twice(planted):
    rows, answer = planted
    again = asked(rows.assign(copy=rows["product"].str.lower()), columns=",".join([*COLUMNS, "copy"]))
    pd.testing.assert_frame_equal(again.rows, answer.rows)
    assert again.notes["same_columns"] == {"copy": "product"}


def test_where_nothing_is_planted_the_list_is_empty():
    """At most one list in twenty holds something: the goal, and what the error rate of 3 % promises."""
    assert sum(len(asked(survey(seed, many=2000), honest="no").rows) > 1 for seed in range(50, 70)) <= 1


# waves


def test_a_segment_has_its_last_two_waves():
    """The segment fell in the second wave, nobody else did."""
    rows = survey(
        7, many=8000, wave=np.repeat(["first", "second"], 4000), answered_on=np.repeat([D("2026-02-03"), D("2026-08-03")], 4000), planted=[(PAIR, 0.8)]
    )
    inside = (rows["region"] == "West") & (rows["product"] == "P2")
    fell = inside & (rows["wave"] == "second")
    rows.loc[fell, "score"] = (rows.loc[fell, "score"] - 3).clip(lower=0)
    rows["sent_from"] = rows["answered_on"]
    answer = asked(rows)
    (one,), whole = found(answer).to_dict("records"), answer.rows.iloc[0]
    nps = {wave: 100 * ((s >= 9).mean() - (s <= 6).mean()) for wave, s in rows[inside].groupby("wave")["score"]}
    assert (one["before"], one["now"], one["trend"]) == (pytest.approx(nps["first"]), pytest.approx(nps["second"]), "worse")
    assert one["change"] == pytest.approx(one["now"] - one["before"]) and one["change_high"] < 0
    assert whole["trend"] == "no_clear_change"
    only = asked(rows, wave="second")
    assert only.rows.loc[0, "n"] == 4000 and found(only)["before"].tolist() == pytest.approx([nps["first"]])
    assert asked(rows, period=Period(D("2026-01-01"), D("2026-07-01"), D("2027-01-01"))).rows["trend"].isna().all()  # the first wave has none before it


# respondents


def test_answers_of_one_customer_are_worth_less():
    """Every customer answers four times alike: limits are those of a quarter of the answers, and what was sure is no longer."""
    alone = survey(8, many=1000, planted=[(PAIR, 1.3)])
    again = pd.concat([alone] * 4, ignore_index=True)
    again["answer_id"] = again["response_id"] = [f"r:{k}" for k in range(4000)]
    again["customer_id"] = [f"k:{k % 1000}" for k in range(4000)]
    strangers, customers = asked(again.assign(customer_id=None)).rows, asked(again).rows
    one = asked(alone).rows.iloc[0]
    assert customers.loc[0, "n"] == 4000 and customers.loc[0, ["low", "high"]].tolist() == pytest.approx(one[["low", "high"]].tolist())
    assert strangers.loc[0, "high"] - strangers.loc[0, "low"] < 0.6 * (one["high"] - one["low"])
    assert len(found(asked(again.assign(customer_id=None)))) >= len(found(asked(again)))


def test_survey_weights_count():
    rows = survey(9, weight=np.where(np.arange(MANY) % 2, 0.5, 1.5))
    x = 100.0 * ((rows["score"] >= 9).astype(int) - (rows["score"] <= 6))
    assert asked(rows).rows.loc[0, "value"] == pytest.approx(np.average(x, weights=rows["weight"]))
    assert asked(rows, survey_weights="no").rows.loc[0, "value"] == pytest.approx(x.mean())


# small groups, filters, options


def test_small_segments_are_not_listed():
    rows = survey(10, planted=[(PAIR, 1.5)])
    assert (asked(rows).rows["n"] >= 30).all() and (found(asked(rows, min_size="400"))["n"] >= 400).all()
    assert asked(rows, min_size=2).notes["min_size"] == 30


def test_fewer_than_five_answers_are_hidden():
    (row,) = asked(survey(1, many=4)).rows.to_dict("records")
    assert row["state"] == "suppressed" and pd.isna(row["n"]) and pd.isna(row["value"])


def test_a_segment_that_a_table_would_hide_is_not_listed():
    """West asks by mail and shop only, but for three calls: calls of the West are hidden, and with them the smaller of the others."""
    rows = survey(11, planted=[({"region": "West", "touchpoint": "Shop"}, 1.6)])
    west = rows["region"] == "West"
    calls = rows.index[west & (rows["touchpoint"] == "Call")]
    assert (rows[west]["touchpoint"].value_counts()["Shop"] < rows[west]["touchpoint"].value_counts()["Mail"]) and len(found(asked(rows)))
    few = rows.drop(index=calls[3:])
    answer = asked(few)
    assert "region = West · touchpoint = Shop" not in set(answer.rows["area"]) and answer.notes["hidden"] >= 1
    filtered = asked(few, where=(("region", ("West",)),))
    assert "touchpoint = Shop" not in set(filtered.rows["area"]) and filtered.notes["hidden"] == 1


def test_a_filter_searches_inside(planted):
    rows, _ = planted
    answer = asked(rows, where=(("region", ("West",)),))
    assert answer.rows.loc[0, "n"] == (rows["region"] == "West").sum()
    assert set(found(answer)["area"]) == {"product = P2", "product = P4"}


def test_depth_and_length_of_the_list(planted):
    rows, _ = planted
    assert set(found(asked(rows, depth=1))["depth"]) == {1} and len(found(asked(rows, most="1"))) == 1


def test_without_columns_all_that_divide_are_searched():
    rows = survey(12, planted=[(PAIR, 1.2)])
    answer = ask(LOW_SCORES, tables(rows), Query(YEAR))
    assert answer.notes["columns"][0] == "region" and set(answer.notes["columns"]) == set(COLUMNS) and len(found(answer)) == 1


def test_a_column_of_ten_thousand_values_is_no_area_and_hides_none():
    """By itself it is left out with its size; named, its values are put together, and what is planted is found beside it."""
    rows = survey(13, 10_000, planted=[(PAIR, 1.2)], serial=[f"S{k}" for k in range(10_000)])
    usual, named = ask(LOW_SCORES, tables(rows), Query(YEAR)), asked(rows, columns="region,product,serial")
    assert usual.notes["wide_columns"] == {"serial": 10_000} and "serial" not in usual.notes["columns"]
    for answer in (usual, named):
        assert [*found(answer)["area"]] == ["region = West · product = P2"]


@pytest.mark.parametrize(
    ("question", "message"),
    [
        ({"options": {"columns": "planet"}}, "no column 'planet'"),
        ({"options": {"measure": "mood"}}, "no measure 'mood'; there are nps, mean, low_share"),
        ({"by": ("region",)}, "columns=region"),
        ({"grain": "month"}, "no series by month"),
    ],
)
def test_what_cannot_be_asked_says_what_can(question, message):
    with pytest.raises(QuestionError, match=message):
        ask(LOW_SCORES, tables(survey(1, many=100)), Query(YEAR, **question))


def test_the_answers_behind_a_finding_are_its_segment():
    rows = made(company(), SETTINGS)
    asked_for = Query(
        Period(D("2025-07-01"), D("2026-07-01"), D("2026-06-21")), where=(("region", ("North",)),), options=dict(LOW_SCORES.options), settings=SETTINGS
    )
    behind = collect(LOW_SCORES.behind(rows, asked_for))
    assert len(behind) == ask(LOW_SCORES, rows, asked_for).rows.loc[0, "n"] > 0 and set(behind["region"]) == {"North"}
