"""The frame of the demo company: its months, its random numbers, and draws that several modules share."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from zlib import crc32

import numpy as np
import pandas as pd

MONTHS = 36  # how much history the company's systems hold
CUSTOMERS = 3000  # at scale 1
DAY = np.timedelta64(1, "D")
OPENING_SECOND = 8 * 3600 + 1800  # work begins 08:30
WORKDAY_SECONDS = 9 * 3600


@dataclass(frozen=True)
class Span:
    """The months [first, last] that the company's systems cover; days are half-open, `end` is the day after the last."""

    last: np.datetime64  # month

    @property
    def first(self) -> np.datetime64:
        return self.last - (MONTHS - 1)

    @property
    def start(self) -> np.datetime64:
        return self.first.astype("M8[D]")

    @property
    def end(self) -> np.datetime64:
        return (self.last + 1).astype("M8[D]")

    @property
    def months(self) -> np.ndarray:
        return np.arange(self.first, self.last + 1)

    @property
    def quarters(self) -> np.ndarray:
        """First months of the calendar quarters that lie wholly inside the span."""
        return np.array([m for m in self.months[:-2] if m.astype(int) % 3 == 0], dtype="M8[M]")

    def quarter(self, back: int) -> np.datetime64:
        """First day of the last complete calendar quarter (back = 1), the one before (back = 2), …; back = 0 is the day after the last one."""
        return (self.quarters[-1] + 3 - 3 * back).astype("M8[D]")


@dataclass(frozen=True)
class World:
    """Seed, span and size of one demo company. The same three give the same company."""

    seed: int
    span: Span
    scale: float

    def rng(self, name: str) -> np.random.Generator:
        """Random numbers for one subject: what is drawn for one never moves another."""
        return np.random.default_rng([self.seed, crc32(name.encode())])

    def count(self, full: float) -> int:
        """How many of something this company has that has `full` of them at scale 1."""
        return max(1, round(full * self.scale))


def span(until: str | None) -> Span:
    """The span up to the month `until` ("2026-10"); None is the last full month.

    Raises ValueError if `until` is not a month.
    """
    if until is None:
        return Span(np.datetime64(dt.date.today(), "M") - 1)
    try:
        return Span(np.datetime64(dt.datetime.strptime(until, "%Y-%m"), "M"))
    except ValueError:
        raise ValueError(f"until is {until!r}; expected a month such as '2026-10'") from None


def pick(rng: np.random.Generator, rows, n: int) -> np.ndarray:
    """Indices of `n` rows drawn by their share, the first column."""
    shares = np.array([row[0] for row in rows])
    return rng.choice(len(rows), size=n, p=shares / shares.sum())


def column(rows, position: int, chosen: np.ndarray) -> np.ndarray:
    """One column of a table of rows, at the chosen rows."""
    return np.array([row[position] for row in rows])[chosen]


def working_time(rng: np.random.Generator, days) -> np.ndarray:
    """An instant in office hours of each day; Saturdays and Sundays move to the Monday."""
    days = np.asarray(days, "M8[D]")
    weekday = (days.astype(int) + 3) % 7  # 1970-01-01 was a Thursday
    days = days + np.where(weekday >= 5, 7 - weekday, 0) * DAY
    return days.astype("M8[s]") + OPENING_SECOND + rng.integers(0, WORKDAY_SECONDS, len(days))


def months_until(days, months) -> np.ndarray:
    """Months from each of `months` to each customer's day, customer × month; NaN where the customer has no such day."""
    days = np.asarray(days, "M8[M]")[:, None]
    return np.where(np.isnat(days), np.nan, (days - months[None, :]).astype(float))


def seconds(hours) -> np.ndarray:
    """Hours as whole seconds one can add to an instant."""
    return np.round(np.asarray(hours, float) * 3600).astype("m8[s]")


def rising(rng: np.random.Generator, n: int, ratio: float) -> np.ndarray:
    """Moments from 0 to 1 that become `ratio` times as frequent from beginning to end, evenly."""
    return (np.sqrt(1 + rng.random(n) * (ratio**2 - 1)) - 1) / (ratio - 1)


def days_in(rng: np.random.Generator, months) -> np.ndarray:
    """A random day of each month."""
    months = np.asarray(months, "M8[M]")
    first, after = months.astype("M8[D]"), (months + 1).astype("M8[D]")
    return first + np.floor(rng.random(len(months)) * (after - first).astype(int)).astype(int) * DAY


def numbered(prefix: str, times: pd.Series, width: int = 6) -> np.ndarray:
    """Document numbers in order of time, such as "SO000017"."""
    order = np.empty(len(times), dtype=int)
    order[np.argsort(np.asarray(times), kind="stable")] = np.arange(1, len(times) + 1)
    return np.char.add(prefix, np.char.zfill(order.astype(str), width))
