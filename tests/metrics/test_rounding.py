"""Shares that are shown together add up to 100.0, each within its family."""

import datetime as dt

import pandas as pd
import pytest

from metrics import CATALOGUE
from metrics.metric import ask
from metrics.period import Period
from metrics.query import Query
from metrics.rounding import percent_of
from tests.company import SETTINGS, company
from tests.made import made
from ui.numbers import together

YEAR = Period(dt.date(2025, 7, 1), dt.date(2026, 7, 1), as_of=dt.date(2026, 6, 21))


def test_three_thirds_are_a_whole_in_each_family():
    rows = pd.DataFrame({"region": ["N"] * 3 + ["S"] * 2, "numerator": [1, 1, 1, 1, 2], "denominator": [3] * 5, "tier": list("abcab")}, index=[9, 8, 7, 6, 5])
    found = percent_of(rows, ["region"], "tier")
    assert found.tolist() == [33.4, 33.3, 33.3, 33.3, 66.7] and list(found.index) == [9, 8, 7, 6, 5]
    assert percent_of(rows.head(0), ["region"], "tier").empty
    assert percent_of(pd.DataFrame({"numerator": [0.0], "denominator": [0], "tier": ["a"]}), [], "tier").isna().all()


@pytest.mark.parametrize("order", [[0, 1, 2, 3], [3, 2, 1, 0], [1, 0, 3, 2]])
def test_the_order_of_rows_decides_nothing(order):
    """47, 15, 10 and 8 of 80: 58.75, 18.75, 12.5 and 10 %; the tenth that is missing goes to the largest. Of equal shares the first by name has it."""
    rows = pd.DataFrame({"tier": ["core", "key", None, "small"], "numerator": [47, 15, 10, 8], "denominator": 80}).iloc[order]
    assert dict(zip(rows["tier"].fillna("?"), percent_of(rows, [], "tier"), strict=True)) == {"core": 58.8, "key": 18.7, "?": 12.5, "small": 10.0}
    thirds = pd.DataFrame({"tier": ["a", "b", "c", "d"], "numerator": [1, 1, 1, 0], "denominator": 3}).iloc[order]
    assert dict(zip(thirds["tier"], percent_of(thirds, [], "tier"), strict=True)) == {"a": 33.4, "b": 33.3, "c": 33.3, "d": 0.0}


FAMILIES = {"grades": [], "rfm": [], "activity": [], "lost_reasons": ["position"]}


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("by", [(), ("region",)])
def test_what_a_page_shows_together_adds_up(name, by):
    rows = ask(CATALOGUE[name], made(company(), SETTINGS), Query(YEAR, None, by, settings=SETTINGS)).rows
    whole = rows.groupby([*by, *FAMILIES[name]], dropna=False)["percent"].sum() if by or FAMILIES[name] else pd.Series([rows["percent"].sum()])
    assert len(rows) and whole.tolist() == pytest.approx([100.0] * len(whole))
    assert (together(rows)["value"] - rows["value"]).abs().max() < 0.001  # within a tenth of a point
