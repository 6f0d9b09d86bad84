"""The filters as a value: URL → selection → URL, and the days each preset means."""

import datetime as dt

import pytest

from metrics.period import Calendar, Period, PeriodError
from ui.selection import DEFAULT, MOST_STEPS, Rejected, Selection, as_params, grains_for, parse, period

CHOICES = {"region": ["North", "South"], "tag": ["vip"]}
D = dt.date


@pytest.mark.parametrize(
    ("params", "selection", "rejected"),
    [
        ({}, DEFAULT, []),
        ({"period": ["last3"], "grain": ["week"], "vs": ["year"]}, Selection("last3", grain="week", against="year"), []),
        ({"region": ["South", "North"]}, Selection(where=(("region", ("South", "North")),)), []),
        ({"region": ["North", "North"]}, Selection(where=(("region", ("North",)),)), []),
        ({"region": ["-"]}, Selection(where=(("region", ("-",)),)), []),
        ({"region": ["Atlantis"], "grain": ["eon"]}, DEFAULT, [Rejected("grain", "eon"), Rejected("region", "Atlantis")]),
        ({"industry": ["Health"]}, DEFAULT, [Rejected("industry", "Health")]),
        (
            {"period": ["custom"], "from": ["2026-01-05"], "to": ["2026-01-05"]},
            Selection("custom", D(2026, 1, 5), D(2026, 1, 5)),
            [],
        ),
        (
            {"period": ["custom"], "from": ["2026-02-30"], "to": ["2026-03-01"]},
            DEFAULT,
            [Rejected("from", "2026-02-30"), Rejected("from … to", "? … 2026-03-01")],
        ),
        ({"period": ["custom"], "from": ["2026-03-02"], "to": ["2026-03-01"]}, DEFAULT, [Rejected("from … to", "2026-03-02 … 2026-03-01")]),
        ({"from": ["2026-01-01"]}, DEFAULT, []),
        ({"unknown": ["x"]}, DEFAULT, []),
    ],
)
def test_a_url_is_read(params, selection, rejected):
    assert parse(params, CHOICES) == (selection, rejected)


@pytest.mark.parametrize(
    "selection",
    [
        DEFAULT,
        Selection("quarter", grain="day", against="year", where=(("region", ("North", "-")), ("tag", ("vip",)))),
        Selection("custom", D(2025, 12, 31), D(2026, 1, 1)),
    ],
)
def test_what_is_written_is_read_back(selection):
    params = {name: [value] if isinstance(value, str) else value for name, value in as_params(selection).items()}
    assert parse(params, CHOICES) == (selection, [])


def test_defaults_are_left_out_of_the_url():
    assert as_params(DEFAULT) == {}


def test_narrowing_keeps_other_filters_and_knows_blank():
    narrowed = Selection(where=(("region", ("North", "South")), ("tag", ("vip",)))).narrowed(region="North", grade=None)
    assert narrowed.where == (("region", ("North",)), ("grade", ("-",)), ("tag", ("vip",)))
    assert narrowed.columns == (("region", ("North",)), ("grade", ("",)), ("tags", ("vip",)))


# as_of 2026-05-20: the last loaded day is 19 May 2026
@pytest.mark.parametrize(
    ("name", "start", "end"),
    [
        ("last12", D(2025, 5, 1), D(2026, 5, 1)),
        ("last3", D(2026, 2, 1), D(2026, 5, 1)),
        ("last_month", D(2026, 4, 1), D(2026, 5, 1)),
        ("month", D(2026, 5, 1), D(2026, 6, 1)),
        ("quarter", D(2026, 4, 1), D(2026, 7, 1)),
        ("last_quarter", D(2026, 1, 1), D(2026, 4, 1)),
        ("year", D(2026, 1, 1), D(2027, 1, 1)),
        ("last_year", D(2025, 1, 1), D(2026, 1, 1)),
        ("last90", D(2026, 2, 19), D(2026, 5, 20)),  # 9 days of February + 31 + 30 + 20 = 90, days before 20 May
        ("all", D(2024, 3, 7), D(2026, 5, 20)),
    ],
)
def test_presets(name, start, end):
    chosen = period(Selection(name), D(2026, 5, 20), D(2024, 3, 7), Calendar())
    assert (chosen.start, chosen.end) == (start, end)


def test_presets_follow_the_fiscal_year():
    chosen = period(Selection("year"), D(2026, 3, 20), D(2024, 1, 1), Calendar(fiscal_year_start=4))
    assert (chosen.start, chosen.end) == (D(2025, 4, 1), D(2026, 4, 1))


def test_on_the_first_day_of_a_month_this_month_is_the_one_just_loaded():
    chosen = period(Selection("month"), D(2026, 5, 1), D(2024, 1, 1), Calendar())
    assert (chosen.start, chosen.end, chosen.complete) == (D(2026, 4, 1), D(2026, 5, 1), True)


def test_a_custom_period_includes_its_last_day():
    assert period(Selection("custom", D(2026, 1, 5), D(2026, 1, 5)), D(2026, 5, 1), D(2024, 1, 1), Calendar()).days == 1
    with pytest.raises(PeriodError, match="first and a last day"):
        period(Selection("custom"), D(2026, 5, 1), D(2024, 1, 1), Calendar())


@pytest.mark.parametrize(
    ("days", "finest"),
    [
        (1, "day"),
        (MOST_STEPS, "day"),
        (MOST_STEPS + 1, "week"),
        (366, "week"),
        (7 * (MOST_STEPS + 1), "month"),
        (30 * (MOST_STEPS + 1), "quarter"),
        (10**6, "year"),
    ],
)
def test_steps_are_offered_down_to_the_finest_that_can_be_read(days, finest):
    start = D(1, 1, 1)
    offered = grains_for(Period(start, start + dt.timedelta(days=days), start + dt.timedelta(days=days)))
    assert offered[0] == finest and offered[-1] == "year"
