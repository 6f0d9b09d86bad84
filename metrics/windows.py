"""Windows: the stretches of days a retention number looks at, and how they travel into one engine query.

Retention compares two instants. A question's window ends where its period (or each step of its series) ends and begins
`horizon` months earlier, so that the headline is a trailing year whatever period is on the page; horizon "period" compares
the period's own two ends. A customer's value at an instant is what runs on the day before it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

import narwhals as nw

from metrics.period import Period, add_months, day_number
from metrics.query import Frame, Query, QuestionError, Tables

BASE = 100_000  # day numbers have at most five digits until 2243


@dataclass(frozen=True)
class Window:
    """Days [start, end), and `before`: the first day of an equally long stretch that ends at `start`."""

    bucket: int
    before: dt.date
    start: dt.date
    end: dt.date

    @property
    def code(self) -> int:
        """The three days as one integer, which any engine can take apart."""
        return (day_number(self.before) * BASE + day_number(self.start)) * BASE + day_number(self.end)


def windows(query: Query) -> list[Window]:
    """The windows a question needs: one, or one per step of its series that has begun.

    Raises QuestionError if option horizon is neither a number of months nor "period".
    """
    horizon = _months(str(query.options.get("horizon", "period")))
    period = query.period.to_date()
    if query.grain is None:
        return [_window(0, period, horizon)]
    steps = enumerate(query.period.buckets(query.grain), query.period.bucket_number(query.period.start, query.grain))
    begun = [(k, Period(b.start, min(b.end, period.as_of), period.as_of)) for k, b in steps if b.start < period.as_of]
    return [_window(k, step, horizon) for k, step in begun]


def _months(horizon: str) -> int:
    if horizon != "period" and not (horizon.isdigit() and 0 < int(horizon) <= 120):
        raise QuestionError(f'horizon {horizon!r} is neither a number of months from 1 to 120 nor "period"')
    return 0 if horizon == "period" else int(horizon)


def _window(bucket: int, period: Period, months: int) -> Window:
    start = add_months(period.end, -months) if months else period.start
    if months:
        return Window(bucket, add_months(start, -months), start, period.end)
    return Window(bucket, period.previous().start, start, period.end)


def each_window(frame: Frame, tables: Tables, stretches: list[Window]) -> Frame:
    """Every row of `frame` once per window, with `code` and the day numbers before_d, start_d, end_d."""
    if len(stretches) == 1:
        days = {name: nw.lit(day_number(day)) for name, day in _days(stretches[0]).items()}
        return frame.with_columns(code=nw.lit(stretches[0].code), **days)
    code = nw.col("code")
    listed = numbered(tables, [w.code for w in stretches])
    return frame.join(listed.with_columns(before_d=code // (BASE * BASE), start_d=code // BASE % BASE, end_d=code % BASE), how="cross")


def placed(frame: Frame, tables: Tables, day_d: str, spans: Mapping[int, tuple[dt.date, dt.date]], column: str) -> Frame:
    """The rows whose day number `day_d` lies in a span [first, end), with the span's number in `column`. Spans may not overlap: each row is looked at once.

    spans: by their number, which is less than BASE.
    """
    if len(spans) == 1:
        ((key, (first, end)),) = spans.items()
        return frame.filter(nw.col(day_d) >= day_number(first), nw.col(day_d) < day_number(end)).with_columns(nw.lit(key).cast(nw.Int64).alias(column))
    days = numbered(tables, [day * BASE + key for key, (first, end) in spans.items() for day in range(day_number(first), day_number(end))])
    return frame.join(days.select((nw.col("code") // BASE).alias("day_"), (nw.col("code") % BASE).alias(column)), left_on=day_d, right_on="day_", how="inner")


def _days(window: Window) -> dict[str, dt.date]:
    return {"before_d": window.before, "start_d": window.start, "end_d": window.end}


def exploded(frame: Frame, tables: Tables, numbers: list[int], column: str = "code") -> Frame:
    """Every row of `frame` once per number."""
    return frame.join(numbered(tables, numbers, column), how="cross")


def numbered(tables: Tables, numbers: list[int], column: str = "code") -> Frame:
    """One row per number: a small list handed to whatever engine runs the query."""
    one = tables["accounts"].select(rows_=nw.len())  # a row, whatever there is
    return one.select(nw.lit(",".join(map(str, numbers))).str.split(",").alias(column)).explode(column).select(nw.col(column).cast(nw.Int64))


def runs_at(day_d: str) -> nw.Expr:
    """Whether a span [from, to) has value at the instant before the day in column `day_d`."""
    return (nw.col("from_on_d") < nw.col(day_d)) & (nw.col("to_on_d").is_null() | (nw.col("to_on_d") >= nw.col(day_d)))


def number(flag: nw.Expr) -> nw.Expr:
    return nw.when(flag).then(nw.lit(1)).otherwise(nw.lit(0))


def part(flag: nw.Expr, amount: nw.Expr) -> nw.Expr:
    """`amount` where `flag` holds, else 0."""
    return nw.when(flag).then(amount).otherwise(nw.lit(0.0))
