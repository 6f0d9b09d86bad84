"""Answers as patterns: the engine's sums beside pandas, levels without a value, rare and equal columns, answers of one respondent."""

import narwhals as nw
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from metrics import patterns as module
from metrics.patterns import REST, correlation, patterns
from metrics.query import QuestionError
from tests.metrics.frames import framed


def answers(many=600, seed=1, **columns):
    rng = np.random.default_rng(seed)
    rows = pd.DataFrame({"respondent": [f"r:{k}" for k in range(many)], "score": rng.integers(0, 11, many).astype(float), "weight": np.full(many, np.nan)})
    rows["region"] = rng.choice(["North", "South", None], many)
    rows["product"] = rng.choice(list("ABCD"), many)
    return rows.assign(**columns)


def of(rows, columns=("region", "product"), least=30, survey_weights=True):
    score = nw.col("score")
    return patterns(framed(rows), columns, score, score * 10, 0.0, least, survey_weights)


def test_each_pattern_has_its_answers_and_sums():
    rows = answers()
    found = of(rows)
    assert [(a.column, a.levels) for a in found.attributes] == [("region", ("North", "South", None)), ("product", tuple("ABCD"))]
    assert found.sums.w is found.sums.n and found.sums.v is found.sums.n
    for region, product in ((r, p) for r in range(3) for p in range(4)):
        name = found.attributes[0].levels[region]
        mine = rows[(rows["region"].isna() if name is None else rows["region"] == name) & (rows["product"] == "ABCD"[product])]
        here = (found.codes[0] == region) & (found.codes[1] == product)
        totals = [getattr(found.sums, part)[here].sum() for part in ("n", "y", "yy", "x", "xx")]
        s = mine["score"]
        assert totals == pytest.approx([len(mine), s.sum(), (s**2).sum(), 10 * s.sum(), 100 * (s**2).sum()])


@pytest.mark.parametrize("kind", ["alike", "weighted", "repeated"])
def test_answers_one_by_one_are_the_same_patterns(monkeypatch, kind):
    """Adding up first or not: each pattern of each half has the same sums."""
    more = {"weighted": {"weight": np.where(np.arange(600) % 3, 1.0, 2.5)}, "repeated": {"respondent": [f"r:{k // 2}" for k in range(600)]}}.get(kind, {})
    found = []
    for is_rare in (False, True):
        monkeypatch.setattr(module, "_hardly_any_twice", lambda *given, is_rare=is_rare: is_rare)
        made = of(answers(**more))
        assert (made.codes.shape[1] == 600) == is_rare
        frame = pd.DataFrame({"region": made.codes[0], "product": made.codes[1], "half": made.is_first_half})
        frame = frame.assign(**{name: getattr(made.sums, name) for name in ("n", "w", "v", "y", "yy", "x", "xx")})
        found.append(frame.groupby(["region", "product", "half"]).sum())
    pd.testing.assert_frame_equal(*found)


def test_patterns_that_recur_are_added_up_and_others_are_not(monkeypatch):
    """600 answers, judged by 300: of 24 patterns with halves; of 3,200, of which Chao's estimate sees more than answers."""
    monkeypatch.setattr(module, "SAMPLE", 300)
    rng = np.random.default_rng(3)
    shops = {name: [f"s{k}" for k in rng.integers(0, 40, 600)] for name in ("shop", "till")}
    assert of(answers()).codes.shape[1] <= 24
    assert of(answers(**shops), ("shop", "till")).codes.shape[1] == 600


def test_levels_are_the_same_however_the_rows_come():
    """In one batch or in many, as texts or as an engine's dictionary."""
    rows = answers(2000)
    rows["store"] = [f"s{k % 400}" if k % 2 else None for k in range(2000)]
    table = pa.Table.from_pandas(rows[["store", "region"]], preserve_index=False)
    found = {}
    for name, size, as_dictionary in (("one", 2000, False), ("many", 7, False), ("dictionary", 300, True)):
        coded = module.Coded("store")
        for batch in table.to_batches(size):
            store = batch.column("store")
            coded.add(store.dictionary_encode() if as_dictionary else store)
        codes = coded.ordered(np.ones(2000), 5)
        assert [None if k is REST else k for k in np.array(coded.levels, object)[codes]] == table.column("store").to_pylist()
        found[name] = (coded.levels, codes.tolist())
    assert found["one"] == found["many"] == found["dictionary"]
    assert found["one"][0] == (*sorted({*rows["store"].dropna()}), None)


def first_half(ids):
    """An even number of odd characters among the last eight."""
    return np.array([sum(c not in "02468acegikmoqsuwyACEGIKMOQSUWY" for c in i[-8:]) % 2 == 0 for i in ids])


@pytest.mark.parametrize("name", ["r:{k}", "C2024{k:04}001", "00Q{k:012x}AAE"], ids=["number", "date and count", "check digits"])
def test_halves_divide_respondents_and_not_answers(name):
    rows = answers(respondent=[name.format(k=k // 2) for k in range(600)])
    found = of(rows)
    expected = rows[first_half(rows["respondent"])].groupby(["region", "product"], dropna=False).size()
    assert sorted(found.sums.n[found.is_first_half]) == sorted(expected)
    assert len(found.halves) == 2 and not len(np.intersect1d(*found.halves))
    assert 0.4 < found.sums.n[found.is_first_half].sum() / 600 < 0.6


def test_ids_that_end_alike_are_no_halves():
    assert of(answers(respondent=[f"{k}-AAAAAAAA" for k in range(600)])).halves == ()


def test_weights_are_one_on_average_and_their_squares_are_the_variance():
    rows = answers(weight=np.where(np.arange(600) % 2, 1.0, 3.0))
    sums = of(rows).sums
    assert (sums.n.sum(), sums.w.sum()) == (600, pytest.approx(600))
    assert sums.v.sum() == pytest.approx(300 * 0.5**2 + 300 * 1.5**2)
    assert of(rows, survey_weights=False).sums.v.sum() == 600


def test_two_answers_alike_of_each_respondent_are_worth_one():
    """Correlation 1: each answer stands for two, n over the design effect is the number of respondents."""
    rows = answers(respondent=[f"r:{k // 2}" for k in range(600)])
    rows["score"] = np.repeat(rows["score"].to_numpy()[::2], 2)
    sums = of(rows).sums
    assert sums.v.sum() == pytest.approx(1200) and sums.w.sum() ** 2 / sums.v.sum() == pytest.approx(300)


def test_correlation_of_answers_of_one_respondent_by_hand():
    """Three respondents answer 1, 3 · 5, 5 · 8, 8: mean 5; between: 2(3² + 0² + 3²) = 36 on 2, within: 2 on 3; (18 − 2/3) / (18 + 2/3)."""
    assert correlation(3, 6, 12, 2.0, 36.0) == pytest.approx((18 - 2 / 3) / (18 + 2 / 3))
    assert correlation(6, 6, 6, 0.0, 40.0) == 0.0  # nobody answered twice
    assert correlation(3, 6, 12, 30.0, 0.0) == 0.0  # less alike than strangers


def test_a_column_that_divides_as_another_is_searched_once():
    rows = answers()
    rows["area"] = rows["region"].map({"North": "1", "South": "2"})
    found = of(rows.assign(same="x"), ("region", "product", "area", "same"))
    assert [a.column for a in found.attributes] == ["region", "product"] and found.same == {"area": "region"}


def test_rare_values_of_a_long_column_are_one_that_is_no_area():
    rows = answers(many=3000, store=[f"s{k}" if k < 2000 else "big" for k in range(3000)])
    levels = of(rows, ("store", "product")).attributes[0].levels
    assert levels == ("big", REST)


def test_too_many_large_values_are_refused_with_what_to_do(monkeypatch):
    monkeypatch.setattr(module, "MOST_LEVELS", 3)
    with pytest.raises(QuestionError, match="product has 4 values with 30 answers or more; a search takes up to 3: leave it out"):
        of(answers())


def test_too_many_combinations_are_refused(monkeypatch):
    monkeypatch.setattr(module, "MOST_PATTERNS", 5)
    with pytest.raises(QuestionError, match="more than 5 combinations of region, product: name fewer columns"):
        of(answers())


def test_too_many_columns_are_refused():
    with pytest.raises(QuestionError, match="a search takes up to 12 segment columns, not 13"):
        of(answers(), tuple("abcdefghijklm"))


def test_without_columns_there_is_one_group():
    found = of(answers(), ())
    assert found.attributes == () and found.codes.shape[0] == 0 and found.sums.n.sum() == 600
