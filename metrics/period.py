"""Periods: half-open, in business-zone days, always passed in. A metric never reads the clock."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace

GRAINS = ("day", "week", "month", "quarter", "year")
MONTHS = {"month": 1, "quarter": 3, "year": 12}
EPOCH = dt.date(1970, 1, 1)


class PeriodError(ValueError):
    """A period or grain that cannot be meant."""


@dataclass(frozen=True)
class Calendar:
    """Where fiscal years and weeks begin. fiscal_year_start: month 1–12; week_start: ISO day 1–7, 1 is Monday."""

    fiscal_year_start: int = 1
    week_start: int = 1


@dataclass(frozen=True)
class Bucket:
    """One step of a series: [start, end), and whether it is over and fully loaded."""

    start: dt.date
    end: dt.date
    complete: bool


@dataclass(frozen=True)
class Period:
    """Days [start, end). `as_of` is the first day that is not fully loaded; what ends after it still runs.

    Raises PeriodError if the period is empty.
    """

    start: dt.date
    end: dt.date
    as_of: dt.date
    calendar: Calendar = Calendar()

    def __post_init__(self):
        if self.end <= self.start:
            raise PeriodError(f"the period {self.start} … {self.end} is empty: its end (exclusive) must lie after its start")

    @property
    def complete(self) -> bool:
        return self.end <= self.as_of

    @property
    def days(self) -> int:
        return (self.end - self.start).days

    @property
    def last_day(self) -> dt.date:
        return self.end - dt.timedelta(days=1)

    def to_date(self) -> Period:
        """The part of the period that has happened; the period itself when it is over or has not begun."""
        return replace(self, end=self.as_of) if self.start < self.as_of < self.end else self

    def previous(self) -> Period:
        """The period before, equally long and equally complete.

        Whole months are compared with as many whole months, anything else with as many days. While the period
        still runs, both are cut at the same number of days ("to date").
        """
        months = self.whole_months
        start = add_months(self.start, -months) if months else self.start - dt.timedelta(days=self.days)
        return self._as_far(replace(self, start=start, end=self.start))

    def year_before(self) -> Period:
        """The same days a year earlier, equally complete."""
        return self._as_far(replace(self, start=add_months(self.start, -12), end=add_months(self.end, -12)))

    def _as_far(self, other: Period) -> Period:
        """`other`, cut as this period is cut by `as_of`. Its own `as_of` is its end: it is in the past."""
        ran = self.to_date()
        cut = min(other.end, other.start + dt.timedelta(days=ran.days)) if ran != self else other.end
        return replace(other, end=cut)

    @property
    def whole_months(self) -> int:
        """How many calendar months the period is, 0 if it is not whole months."""
        if self.start.day != 1 or self.end.day != 1:
            return 0
        return month_number(self.end) - month_number(self.start)

    def bucket_number(self, day: dt.date, grain: str) -> int:
        """Which bucket of `grain` a day lies in, as a number that grows by one per bucket."""
        if grain in MONTHS:
            return (month_number(day) - self.shift(grain)) // MONTHS[grain]
        return (day_number(day) - self.shift(grain)) // (7 if grain == "week" else 1)

    def shift(self, grain: str) -> int:
        """What to take off a month or day number so that whole multiples fall on fiscal quarters, years and weeks."""
        if grain not in GRAINS:
            raise PeriodError(f"no grain {grain!r}; there are {', '.join(GRAINS)}")
        if grain in MONTHS:
            return (self.calendar.fiscal_year_start - 1) % MONTHS[grain]
        return (self.calendar.week_start + 3) % 7 if grain == "week" else 0  # 1970-01-01 was a Thursday

    def bucket(self, number: int, grain: str) -> Bucket:
        """The days of bucket `number`, whole even where the period cuts it."""
        if grain in MONTHS:
            start, end = (month_start((number + k) * MONTHS[grain] + self.shift(grain)) for k in (0, 1))
        else:
            length = 7 if grain == "week" else 1
            start, end = (EPOCH + dt.timedelta(days=(number + k) * length + self.shift(grain)) for k in (0, 1))
        return Bucket(start, end, end <= self.as_of and self.start <= start and end <= self.end)

    def buckets(self, grain: str) -> list[Bucket]:
        """All buckets that the period touches, oldest first."""
        first, last = self.bucket_number(self.start, grain), self.bucket_number(self.last_day, grain)
        return [self.bucket(number, grain) for number in range(first, last + 1)]


def month_number(day: dt.date) -> int:
    return day.year * 12 + day.month - 1


def month_start(number: int) -> dt.date:
    return dt.date(number // 12, number % 12 + 1, 1)


def day_number(day: dt.date) -> int:
    return (day - EPOCH).days


def add_months(day: dt.date, months: int) -> dt.date:
    """The same day of the month `months` later, or the month's last day where it is shorter."""
    first = month_start(month_number(day) + months)
    length = (month_start(month_number(first) + 1) - first).days
    return first.replace(day=min(day.day, length))
