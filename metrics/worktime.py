"""Working time: when the business is open, as whole numbers that any engine can add up.

[metrics.clocks]
hours = ["09:00", "18:00"]     # opening and closing, the same on every working day
weekdays = [1, 2, 3, 4, 5]     # 1 is Monday
holidays = "CN"                # whose public holidays and make-up workdays count: a country's two letters, "" for none
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import cached_property
from zoneinfo import ZoneInfo

import holidays
import narwhals as nw
import numpy as np

from metrics.period import day_number
from metrics.query import Frame, Query, QuestionError, Tables
from metrics.windows import numbered

HOURS, WEEKDAYS = ("09:00", "18:00"), (1, 2, 3, 4, 5)
MINUTE, DAY = 60, 86_400  # seconds
SHIFT, WORKED = 10_000, 100_000  # places for a zone's distance from UTC in minutes and for a number of working days
AHEAD = 40  # days after the last one that are known as well: something due after a long holiday


@dataclass(frozen=True)
class Worktime:
    """Opening hours over the days from `first` on, `days` of them. opens, closes: seconds after midnight; zone: of the business."""

    opens: int
    closes: int
    weekdays: tuple[int, ...]
    country: str
    zone: ZoneInfo
    first: dt.date
    days: int

    @property
    def length(self) -> int:
        """Seconds of a working day."""
        return self.closes - self.opens

    @cached_property
    def is_working(self) -> np.ndarray:
        """Of each day whether it is worked: on a weekday of ours that is no public holiday, or on a make-up workday."""
        off, made_up = _public(self.country, self.first.year, (self.first + dt.timedelta(days=self.days)).year)
        every = (self.first + dt.timedelta(days=k) for k in range(self.days))
        return np.array([(day.isoweekday() in self.weekdays and day not in off) or day in made_up for day in every])

    @cached_property
    def before(self) -> np.ndarray:
        """Of each day how many working days lie before it."""
        return np.concatenate([[0], np.cumsum(self.is_working)[:-1]])

    @cached_property
    def opened_s(self) -> np.ndarray:
        """Of each day when it opens, or would: seconds since 1970."""
        time = dt.time(self.opens // 3600, self.opens % 3600 // MINUTE)
        return np.array([int(dt.datetime.combine(self.first + dt.timedelta(days=k), time, self.zone).timestamp()) for k in range(self.days)])

    def worked(self, at_s: np.ndarray | int) -> np.ndarray:
        """Seconds of working time from the first day until these instants."""
        at = np.asarray(at_s, dtype="int64")
        day = np.clip(np.searchsorted(self.opened_s, at, side="right") - 1, 0, None)
        return self.before[day] * self.length + np.where(self.is_working[day], np.clip(at - self.opened_s[day], 0, self.length), 0)

    def due(self, from_s: np.ndarray | int, within_s: int) -> np.ndarray:
        """The instants at which so much working time is over: seconds since 1970. At the end of a day rather than the start of the next."""
        whole = self.worked(from_s) + within_s
        working = np.flatnonzero(self.is_working)
        place = np.minimum(-(-whole // self.length) - 1, len(working) - 1)
        return self.opened_s[working[place]] + whole - place * self.length

    @property
    def codes(self) -> list[int]:
        """Each day as one number: the day, the zone's distance from UTC in minutes, working days before it, whether it is worked."""
        day = day_number(self.first) + np.arange(self.days)
        away = (day * DAY + self.opens - self.opened_s) // MINUTE + SHIFT // 2
        return [int(code) for code in ((day * SHIFT + away) * WORKED + self.before) * 2 + self.is_working]

    def frame(self, tables: Tables) -> Frame:
        """One row per day: work_d, opened_s, before_s (working seconds before it), is_worked (0 or 1)."""
        code, rest = nw.col("code"), nw.col("code") // 2
        day = rest // (SHIFT * WORKED)
        away = (rest // WORKED % SHIFT - SHIFT // 2) * MINUTE
        days = numbered(tables, self.codes)
        return days.select(work_d=day, opened_s=day * DAY + self.opens - away, before_s=rest % WORKED * self.length, is_worked=code % 2)

    def counted(self, frame: Frame, days: Frame, at_s: str, day_d: str, name: str) -> Frame:
        """`frame` with `name`: seconds of working time until the instant in `at_s`, which lies on day `day_d`; null where there is none."""
        since = nw.col(at_s) - nw.col("opened_s")
        inside = nw.when(since < 0).then(nw.lit(0)).when(since > self.length).then(nw.lit(self.length)).otherwise(since)
        joined = frame.join(days, left_on=day_d, right_on="work_d", how="left")
        return joined.with_columns((nw.col("before_s") + nw.col("is_worked") * inside).alias(name)).drop("opened_s", "before_s", "is_worked")


def worktime(query: Query, first: dt.date) -> Worktime:
    """The opening hours from a day until some time after the data end. Raises QuestionError with what is wrong in [metrics.clocks]."""
    hours, weekdays = query.setting("clocks", "hours", list(HOURS)), query.setting("clocks", "weekdays", list(WEEKDAYS))
    country, zone = query.setting("clocks", "holidays", ""), query.settings.get("calendar", {}).get("timezone", "UTC")
    if not isinstance(weekdays, (list, tuple)) or not weekdays or not set(weekdays) <= set(range(1, 8)):
        raise QuestionError(f"[metrics.clocks] weekdays are numbers from 1 (Monday) to 7, at least one, not {weekdays!r}")
    opens, closes = _times(hours)
    _public(country, first.year, first.year)
    days = max((query.period.as_of - first).days, 0) + AHEAD
    return Worktime(opens, closes, tuple(weekdays), country, ZoneInfo(zone), first, days)


def _times(hours) -> tuple[int, int]:
    """Opening and closing, in seconds after midnight."""
    try:
        opens, closes = (dt.time.fromisoformat(text) for text in hours)
    except (TypeError, ValueError):
        raise QuestionError(f'[metrics.clocks] hours are two times, such as ["09:00", "18:00"], not {hours!r}') from None
    if closes <= opens:
        raise QuestionError(f"[metrics.clocks] hours: the business closes at {closes:%H:%M} before it opens at {opens:%H:%M}")
    return opens.hour * 3600 + opens.minute * MINUTE, closes.hour * 3600 + closes.minute * MINUTE


def _public(country: str, first: int, last: int) -> tuple[frozenset, frozenset]:
    """A country's public holidays and make-up workdays in these years."""
    if not country:
        return frozenset(), frozenset()
    try:
        known = holidays.country_holidays(country, years=range(first, last + 1))
    except (NotImplementedError, TypeError, AttributeError):
        raise QuestionError(f'[metrics.clocks] holidays is a country by its two letters, such as "CN" ("" for none), not {country!r}') from None
    return frozenset(known), frozenset(getattr(known, "weekend_workdays", ()))
