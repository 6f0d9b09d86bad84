"""Sums asked for once: the same numbers, fewer queries."""

import datetime as dt
import threading
import time

import pandas as pd
import pytest

from metrics import CATALOGUE
from metrics.additive import Memory, across, added_up, remembering
from metrics.metric import ask
from metrics.period import Period
from metrics.query import Query, watched
from tests.company import SETTINGS, company
from tests.made import made

D = dt.date.fromisoformat
YEAR = Period(D("2025-07-01"), D("2026-07-01"), as_of=D("2026-06-21"))
COLUMNS = ("region", "industry", "size", "grade", "channel")
RATIOS = (
    ("nps", {}), ("nps", {"weighting": "account"}), ("nps", {"weighting": "revenue"}), ("nrr", {}), ("grr", {}), ("retention", {}),
    ("retention", {"basis": "purchases"}), ("arpa", {}), ("mrr", {}), ("quick_ratio", {}), ("nrr_bridge", {}),
    ("win_rate", {}), ("win_rate", {"base": "closed"}),
)  # fmt: skip


@pytest.fixture(scope="module")
def tables():
    return made(company(), SETTINGS)


def asked(tables, name, **more):
    options = more.pop("options", {})
    return ask(CATALOGUE[name], tables, Query(YEAR, options=options, settings=SETTINGS, **more)).rows


@pytest.mark.parametrize(("name", "options"), RATIOS)
@pytest.mark.parametrize("grain", [None, "quarter"])
def test_a_segment_is_the_same_from_one_query_by_all_columns(tables, name, options, grain):
    alone = [asked(tables, name, options=options, by=(column,), grain=grain) for column in COLUMNS]
    with across(COLUMNS):
        together = [asked(tables, name, options=options, by=(column,), grain=grain) for column in COLUMNS]
    for one, other in zip(alone, together, strict=True):
        assert len(one) > 0
        pd.testing.assert_frame_equal(one, other, check_dtype=False, rtol=1e-9)


QUESTIONS = ({}, {"by": ("region",)}, {"grain": "quarter"}, {"where": (("region", ("North",)),)})


@pytest.fixture(scope="module")
def memory(tables):
    """A memory in which every sum has been asked for by another number, in every way."""
    with remembering(Memory()) as memory:
        for name in ("nps_bands", "grr", "quick_ratio", "win_rate", "retention"):
            for question in QUESTIONS:
                asked(tables, name, **question)
    return memory


@pytest.mark.parametrize("name", sorted({name for name, _ in RATIOS}))
@pytest.mark.parametrize("question", QUESTIONS, ids=str)
def test_what_was_asked_before_changes_no_answer(tables, memory, name, question):
    """What a sum depends on is part of what it is remembered by."""
    with remembering(memory):
        found = asked(tables, name, **question)
    pd.testing.assert_frame_equal(found, asked(tables, name, **question), check_dtype=False, rtol=1e-9)


def test_three_rates_of_the_same_sums_take_one_query(tables):
    with remembering(Memory()), watched() as first:
        asked(tables, "nrr")
    with remembering(Memory()):
        asked(tables, "nrr")
        ran = []
        memory_rows = Memory.rows

        def counted(self, question, compute):
            return memory_rows(self, question, lambda: ran.append(question) or compute())

        Memory.rows = counted
        try:
            with watched() as again:
                asked(tables, "grr")
        finally:
            Memory.rows = memory_rows
    assert ran == [] and len(again) == len(first) == 1


def test_explaining_a_change_takes_two_queries_whatever_the_columns(tables):
    query = Query(YEAR, by=COLUMNS, options={"metric": "win_rate"}, settings=SETTINGS)
    with watched() as ran:
        ask(CATALOGUE["why"], tables, query)
    assert len(ran) - 2 * len(COLUMNS) <= 4  # the whole and its comparison; all columns at once, now and before; each seen by every column
    assert len({id(frame) for frame in ran}) == 4


def test_sums_of_nothing_but_nulls_stay_null():
    rows = pd.DataFrame({"bucket": [0, 0, 0], "a": ["x", "x", None], "b": ["p", "q", "p"], "n": [1, 2, 3], "amount": [None, None, 4.0]})
    found = added_up(rows, ("a",)).set_index("a")
    assert found.loc["x", "n"] == 1 + 2 and pd.isna(found.loc["x", "amount"])
    assert found[found.index.isna()]["amount"].tolist() == [4.0]


def test_threads_that_ask_the_same_wait_for_one_answer():
    memory, runs = Memory(), []

    def slow():
        runs.append(1)
        time.sleep(0.05)
        return pd.DataFrame({"n": [1]})

    threads = [threading.Thread(target=memory.rows, args=("question", slow)) for _ in range(5)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert len(runs) == 1


def test_a_question_that_failed_is_asked_again():
    memory = Memory()
    with pytest.raises(ZeroDivisionError):
        memory.rows("question", lambda: pd.DataFrame({"n": [1 // 0]}))
    assert memory.rows("question", lambda: pd.DataFrame({"n": [1]}))["n"].tolist() == [1]


def test_what_was_asked_longest_ago_is_forgotten():
    memory, runs = Memory(most=2), []
    for question in ("a", "b", "a", "c", "a", "b"):
        memory.rows(question, lambda question=question: runs.append(question) or pd.DataFrame({"n": [1]}))
    assert runs == ["a", "b", "c", "b"]


def test_who_changes_an_answer_changes_nobody_elses():
    memory = Memory()
    memory.rows("question", lambda: pd.DataFrame({"n": [1]})).loc[0, "n"] = 99
    assert memory.rows("question", lambda: pd.DataFrame())["n"].tolist() == [1]
