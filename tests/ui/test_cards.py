"""What a card says about a change, and when it says nothing."""

import math

import pytest

from metrics.change import changed
from ui import cards, numbers, words


@pytest.fixture(autouse=True)
def english(monkeypatch):
    for module in (numbers, words):
        monkeypatch.setattr(module, "language", lambda: "en")


def row(value, n=200, se=1.0, state="value"):
    return {"value": value, "n": n, "se": se, "state": state}


NOTHING = row(math.nan, 0, math.nan, "no_data")
HIDDEN = row(math.nan, None, math.nan, "suppressed")

# z = 10 / sqrt(1 + 1) = 7.07 for the certain ones, 1 / sqrt(2) = 0.71 for the others
CASES = [
    (row(40), row(30), "higher", "+10.0", "green", "up"),
    (row(30), row(40), "higher", "−10.0", "red", "down"),
    (row(40), row(30), "lower", "+10.0", "red", "up"),
    (row(40), row(30), None, "+10.0", "off", "up"),
    (row(31), row(30), "higher", "+1.0", "off", "off"),  # may be chance: its size, without colour and arrow
    (row(40, n=29), row(30), "higher", "Too few to compare", "off", "off"),
    (row(40), NOTHING, "higher", "New: nothing before", "off", "off"),
    (row(40), row(0), "higher", "New: nothing before", "off", "off"),
    (row(40), HIDDEN, "higher", "Before: too few answers to show", "off", "off"),
    (NOTHING, row(30), "higher", None, "off", "off"),
    (HIDDEN, row(30), "higher", None, "off", "off"),
]


@pytest.mark.parametrize(("now", "before", "better", "pill", "colour", "arrow"), CASES)
def test_the_pill(now, before, better, pill, colour, arrow):
    change = changed(now, before)
    assert (cards.pill(change, "points", "CNY"), cards.colour(change, better), cards.arrow(change)) == (pill, colour, arrow)


@pytest.mark.parametrize(
    ("values", "drawn"),
    [
        ([1.0, 2.0, 3.0], {"chart_data": [1.0, 2.0, 3.0], "chart_type": "line"}),
        ([None, 1.0, 2.0, None], {"chart_data": [1.0, 2.0], "chart_type": "line"}),  # began late, ended early: no gap inside
        ([1.0, None, 3.0], {"chart_data": [1.0, 3.0], "chart_type": "bar"}),
        ([None, 5.0, None], {}),
        ([], {}),
    ],
)
def test_the_small_line(values, drawn):
    assert cards.small(values) == drawn


@pytest.mark.parametrize(("now", "base"), [({"n": 50}, 50), ({"n": 400, "n_eff": 12.5}, 12.5), ({"n": 400, "n_eff": math.nan}, 400), ({"n": None}, None)])
def test_a_number_rests_on_what_its_answers_are_worth(now, base):
    assert cards.worth(now) == base


@pytest.mark.parametrize(("n", "unit", "few"), [(99, "share", 99), (100, "share", None), (5, "count", None), (None, "points", None)])
def test_what_rests_on_few_is_marked_and_a_count_rests_on_nothing(n, unit, few):
    assert cards.few({"n": n}, unit) == few
