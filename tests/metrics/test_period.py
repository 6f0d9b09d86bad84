"""Periods are half-open, and a comparison is as long and as complete as what it is compared with."""

import datetime as dt

import pytest

from metrics.period import Calendar, Period, PeriodError, add_months

D = dt.date.fromisoformat
LATER = D("2027-01-01")


@pytest.mark.parametrize(
    ("start", "end", "as_of", "previous"),
    [
        ("2026-03-01", "2026-04-01", LATER, ("2026-02-01", "2026-03-01")),  # March against the whole of February
        ("2024-03-01", "2024-04-01", LATER, ("2024-02-01", "2024-03-01")),  # a leap year's February has 29 days
        ("2026-03-01", "2026-04-01", D("2026-03-11"), ("2026-02-01", "2026-02-11")),  # ten days of March against ten of February
        ("2026-03-01", "2026-04-01", D("2026-03-31"), ("2026-02-01", "2026-03-01")),  # thirty days of March: February has only 28
        ("2026-05-10", "2026-06-10", LATER, ("2026-04-09", "2026-05-10")),  # 31 rolling days against the 31 before
        ("2026-01-01", "2027-01-01", LATER, ("2025-01-01", "2026-01-01")),
    ],
)
def test_previous_is_equally_long_and_equally_complete(start, end, as_of, previous):
    before = Period(D(start), D(end), as_of).previous()
    assert (before.start, before.end) == tuple(map(D, previous))


def test_year_before_of_a_running_quarter_stops_at_the_same_day():
    before = Period(D("2026-10-01"), LATER, D("2026-11-22")).year_before()
    assert (before.start, before.end) == (D("2025-10-01"), D("2025-11-22"))


def test_buckets_are_whole_and_say_whether_they_are_over():
    period = Period(D("2026-01-15"), D("2026-04-01"), D("2026-03-10"))
    assert [(b.start, b.complete) for b in period.buckets("month")] == [
        (D("2026-01-01"), False),  # cut by the period
        (D("2026-02-01"), True),
        (D("2026-03-01"), False),  # still running
    ]


def test_a_fiscal_year_from_april_begins_its_quarters_in_april():
    period = Period(D("2026-03-01"), D("2026-08-01"), LATER, Calendar(fiscal_year_start=4))
    assert [b.start for b in period.buckets("quarter")] == [D("2026-01-01"), D("2026-04-01"), D("2026-07-01")]
    assert [b.start for b in period.buckets("year")] == [D("2025-04-01"), D("2026-04-01")]


@pytest.mark.parametrize(("week_start", "first"), [(1, "2026-11-16"), (7, "2026-11-22")])
def test_weeks_begin_on_the_calendars_day(week_start, first):
    period = Period(D("2026-11-22"), D("2026-11-23"), LATER, Calendar(week_start=week_start))  # a Sunday
    assert [b.start for b in period.buckets("week")] == [D(first)]


def test_the_month_after_31_january_is_the_end_of_february():
    assert add_months(D("2026-01-31"), 1) == D("2026-02-28")


def test_an_empty_period_is_refused_with_its_days():
    with pytest.raises(PeriodError, match="2026-01-01 … 2026-01-01 is empty"):
        Period(D("2026-01-01"), D("2026-01-01"), LATER)


def test_an_unknown_grain_is_refused_with_those_there_are():
    with pytest.raises(PeriodError, match="no grain 'decade'; there are day, week"):
        Period(D("2026-01-01"), D("2026-02-01"), LATER).buckets("decade")
