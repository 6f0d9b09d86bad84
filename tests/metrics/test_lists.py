"""The list behind a number: the same at every look, however the tables lie on disk, and the first rows of it are its first."""

from functools import cache

import pandas as pd
import pytest

from metrics import CATALOGUE, hiding, lists
from metrics.query import Query, collect
from tests.company import SETTINGS, company
from tests.made import made
from tests.metrics.test_contract import YEAR

LISTED = sorted(name for name, metric in CATALOGUE.items() if metric.behind)


@cache
def tables(is_turned: bool):
    """A company, or the same with the rows of every table in the opposite order."""
    return made({name: rows[::-1] if is_turned else rows for name, rows in company().items()}, SETTINGS)


def listed(name: str, is_turned: bool, first: int | None = None) -> pd.DataFrame:
    metric, opened = CATALOGUE[name], tables(is_turned)
    frame = lists.in_order(metric, lists.rows(metric, opened, Query(YEAR, settings=opened.settings)))
    return collect(frame if first is None else frame.head(first))


@pytest.mark.parametrize("name", LISTED)
def test_a_list_has_one_order(name):
    rows = listed(name, False)
    pd.testing.assert_frame_equal(rows, listed(name, True), check_dtype=False, rtol=1e-9)
    pd.testing.assert_frame_equal(rows.head(3), listed(name, True, 3), check_dtype=False, rtol=1e-9)
    assert {"customer", "name"} & {*rows} or "customer_id" not in rows, "whose row it is"


@pytest.mark.parametrize("name", sorted({*LISTED} - lists.OWN))
def test_the_latest_or_the_most_comes_first(name):
    rows = listed(name, False)
    first = next((column for column in lists.FIRST if column in rows), None)
    if first is None:
        pytest.skip("neither a day nor an amount")
    known = rows[first].dropna()
    assert known.is_monotonic_decreasing and rows[first].isna().iloc[len(known) :].all()


def test_lists_are_long_enough_to_have_an_order():
    assert sum(len(listed(name, False)) > 3 for name in LISTED) > len(LISTED) * 0.8


def test_lists_with_an_order_of_their_own_are_metrics():
    assert {*LISTED} >= lists.OWN


def test_of_one_customer_are_those_rows_of_the_list_that_are_its_own():
    whole, opened = listed("revenue", False), tables(False)
    customer = whole["customer_id"].iloc[0]
    own = collect(lists.rows(CATALOGUE["revenue"], opened, Query(YEAR, settings=opened.settings), customer))
    assert len(own) and own.equals(whole[whole["customer_id"] == customer].reset_index(drop=True))


SIZES = {  # sizes of the groups of a column → those whose name a list leaves out
    "none is small": ({"a": 9, "b": 7}, []),
    "one alone is the whole less the others": ({"a": 9, "b": 7, "c": 2}, ["b", "c"]),
    "two with five or more together hide each other": ({"a": 9, "b": 3, "c": 4}, ["b", "c"]),
    "two with fewer take the next along": ({"a": 9, "b": 7, "c": 1, "d": 2}, ["b", "c", "d"]),
    "no row that counts": ({"a": 9, "b": 0}, ["b"]),
    "too many to be groups": ({f"ticket {k}": 1 for k in range(41)}, []),
}


@pytest.mark.parametrize(("groups", "hidden"), SIZES.values(), ids=SIZES)
def test_a_list_leaves_out_the_names_that_a_table_would_hide(groups, hidden):
    sizes = pd.DataFrame({"region": list(groups), "_once": list(groups.values())})
    assert hiding._small(sizes).tolist() == hidden


def test_columns_are_asked_about_together_as_long_as_they_have_few_combinations():
    lots = hiding._packed({"owner": 900, "region": 8, "kind": 3, "grade": 6, "industry": 12, "city": 700})
    assert lots == [["kind", "grade", "region", "industry"], ["city"], ["owner"]]
    assert hiding._packed({}) == []
