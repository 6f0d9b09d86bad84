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
    rows = pd.DataFrame({"region": ["N"] * 3 + ["S"] * 2, "numerator": [1, 1, 1, 1, 2], "denominator": [3, 3, 3, 3, 3]}, index=[9, 8, 7, 6, 5])
    found = percent_of(rows, ["region"])
    assert found.tolist() == [33.4, 33.3, 33.3, 33.3, 66.7] and list(found.index) == [9, 8, 7, 6, 5]
    assert percent_of(rows.head(0), ["region"]).empty
    assert percent_of(pd.DataFrame({"numerator": [0.0], "denominator": [0]}), []).isna().all()


FAMILIES = {"grades": [], "rfm": [], "activity": [], "lost_reasons": ["position"]}


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("by", [(), ("region",)])
def test_what_a_page_shows_together_adds_up(name, by):
    rows = ask(CATALOGUE[name], made(company(), SETTINGS), Query(YEAR, None, by, settings=SETTINGS)).rows
    whole = rows.groupby([*by, *FAMILIES[name]], dropna=False)["percent"].sum() if by or FAMILIES[name] else pd.Series([rows["percent"].sum()])
    assert len(rows) and whole.tolist() == pytest.approx([100.0] * len(whole))
    assert (together(rows)["value"] - rows["value"]).abs().max() < 0.001  # within a tenth of a point
