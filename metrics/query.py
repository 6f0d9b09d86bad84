"""A question to a metric, and the few steps that every metric takes to answer it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Any

import narwhals as nw
import pandas as pd

from metrics.period import MONTHS, Period

Frame = nw.LazyFrame
Tables = Mapping[str, Frame]


class QuestionError(ValueError):
    """A question that cannot be answered: what is wrong, what there is, what to do."""


@dataclass(frozen=True)
class Query:
    """What is asked: a period, a series' grain (None: one number), segment columns, filters, and the metric's options.

    where: pairs (column, accepted values); "tags" matches customers that carry any of the values.
    settings: the sources file's `[calendar]` and `[metrics.*]`.
    """

    period: Period
    grain: str | None = None
    by: tuple[str, ...] = ()
    where: tuple[tuple[str, tuple[str, ...]], ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)

    def over(self, period: Period) -> Query:
        """The same question about another period."""
        return replace(self, period=period)

    def setting(self, metric: str, name: str, default):
        """A value from `[metrics.METRIC]` of the sources file."""
        return self.settings.get("metrics", {}).get(metric, {}).get(name, default)

    @property
    def currency(self) -> str:
        return self.settings.get("calendar", {}).get("currency", "CNY")

    @property
    def columns(self) -> tuple[str, ...]:
        """Segment columns that the question needs, for grouping or filtering."""
        return tuple(dict.fromkeys((*self.by, *(column for column, _ in self.where))))


def segmented(frame: Frame, tables: Tables, query: Query) -> Frame:
    """`frame` with the question's segment columns (its own, else those of its customers), filtered by `where`.

    A row without a customer, or whose customer has no value, keeps null in that column.
    Raises QuestionError naming the columns there are when one is unknown.
    """
    own = frame.columns
    missing = [column for column in query.columns if column not in own]
    if missing:
        frame = frame.join(_attributes(tables, missing, own), on="customer_id", how="left")
    return frame.filter(*(accepts(column, values) for column, values in query.where)) if query.where else frame


def _attributes(tables: Tables, columns: Iterable[str], own: list[str]) -> Frame:
    accounts = tables["accounts"]
    known = accounts.columns
    unknown = [column for column in columns if column not in known]
    if unknown or "customer_id" not in own:
        there = sorted({*own, *(known if "customer_id" in own else ())})
        raise QuestionError(f"no column {', '.join(map(repr, unknown or columns))} to group or filter by; there are {', '.join(there)}")
    return accounts.select("customer_id", *columns)


def of_customers(tables: Tables, table: str) -> set[str]:
    """The segment columns that `table` takes from its customers: each customer has one value of them, whatever its rows say."""
    return {*tables["accounts"].columns} - {*tables[table].columns}


def accepts(column: str, values: tuple[str, ...]) -> nw.Expr:
    """Rows whose column has one of the values; "" stands for rows that have none. No values accept nothing."""
    exact = nw.col(column).cast(nw.String).is_in([value for value in values if value != ""])
    matches = [_tagged(value) for value in values if value != ""] if column == "tags" else [exact]
    missing = [nw.col(column).is_null()] if "" in values else []
    either = matches + missing or [exact]
    return either[0] if len(either) == 1 else nw.any_horizontal(*either, ignore_nulls=True)  # alone, the engine can look behind joins for it


def _tagged(tag: str) -> nw.Expr:
    padded = nw.concat_str(nw.lit(","), nw.col("tags").str.replace_all(", ", ","), nw.lit(","))
    return padded.str.contains(f",{tag},", literal=True)


def named(frame: Frame, tables: Tables) -> Frame:
    """`frame` with the customer's name as `customer`: what a list for people begins with. As many rows as before."""
    return frame.join(tables["accounts"].select("customer_id", customer="name"), on="customer_id", how="left")


def refuse_grain(query: Query, reason: str) -> None:
    """Raise QuestionError with the reason if a series is asked of a metric that has none."""
    if query.grain:
        raise QuestionError(f"no series by {query.grain}: {reason}")


def within(frame: Frame, day: str, period: Period) -> Frame:
    """Rows whose day lies in the period, [start, end)."""
    return frame.filter(nw.col(day) >= nw.lit(period.start), nw.col(day) < nw.lit(period.end))


def bucketed(frame: Frame, day: str, query: Query) -> Frame:
    """`frame` with an integer column `bucket`: which step of the series a row's day lies in.

    Reads `{day}_m` (month number) or `{day}_d` (day number), which every table has beside its days.
    """
    shift = query.period.shift(query.grain)
    if query.grain in MONTHS:
        number = (nw.col(f"{day}_m") - shift) // MONTHS[query.grain]
    else:
        number = (nw.col(f"{day}_d") - shift) // (7 if query.grain == "week" else 1)
    return frame.with_columns(bucket=number.cast(nw.Int64))


def grouped(frame: Frame, day: str, tables: Tables, query: Query) -> tuple[Frame, list[str]]:
    """`frame` cut to the period, segmented, with its `bucket` where a series is asked; and the keys to group by."""
    frame = segmented(within(frame, day, query.period), tables, query)
    if query.grain is None:
        return frame, list(query.by)
    return bucketed(frame, day, query), ["bucket", *query.by]


def aggregate(frame: Frame, keys: list[str], **measures: nw.Expr) -> pd.DataFrame:
    """The engine's one query: `measures` per group of `keys`, brought to Python. Without keys: exactly one row."""
    if keys:
        return collect(frame.group_by(keys).agg(**measures))
    return collect(frame.select(**measures))


def collect(frame: Frame) -> pd.DataFrame:
    """Bring a small frame to Python. Exact decimals become floats here, after the engine has added them up."""
    found = table(frame)
    result = found.to_pandas(date_as_object=True)
    decimals = [f.name for f in found.schema if "decimal" in str(f.type)]
    return result.astype(dict.fromkeys(decimals, "float64")) if decimals else result


def kept(tables: Tables, name: str, about: Any, make: Callable[[], Frame]) -> Frame:
    """The rows of `make()`, computed once for these tables: what several questions ask of one deep frame is planned and run once.

    name, about: what the rows are and what they depend on beside the tables; about has a repr that says all of it. Tables that are no engine's keep nothing.
    """
    if not hasattr(tables, "kept"):
        return make()
    digest = hashlib.sha256(repr(about).encode()).hexdigest()[:16]
    frame, origin = tables.kept(f"{name}_{digest}", make)
    _note(origin)
    return frame


def table(frame: Frame):
    """Bring a frame to Python as the engine gives it, an Arrow table: for many rows, whose texts pandas would hold one by one."""
    _note(frame)
    return frame.collect("pyarrow").to_native()


def batches(frame: Frame, rows: int = 1 << 17) -> Iterator:
    """The same bit by bit, in Arrow record batches where the engine can, for a frame that is large beside what is kept of it."""
    _note(frame)
    native = nw.to_native(frame)
    if hasattr(native, "to_arrow_reader"):
        yield from native.to_arrow_reader(rows)
    else:
        yield from frame.collect("pyarrow").to_native().to_batches(rows)


def _note(frame: Frame) -> None:
    watching = _watching.get()
    if watching is not None:
        watching.note(frame)


@dataclass(frozen=True)
class _Watch:
    render: Callable[[Frame], Any] | None
    seen: list = field(default_factory=list)

    def note(self, frame: Frame) -> None:
        self.seen.append(self.render(frame) if self.render else frame)


_watching: ContextVar[_Watch | None] = ContextVar("watching", default=None)


@contextmanager
def watched(render: Callable[[Frame], Any] | None = None) -> Iterator[list]:
    """The frames that `collect` brings to Python inside, in order: "how is this computed" shows the queries that ran.

    render: what to keep of each instead, such as its SQL text.
    """
    watch = _Watch(render)
    token = _watching.set(watch)
    try:
        yield watch.seen
    finally:
        _watching.reset(token)


def noted(seen: Iterable) -> None:
    """Show whoever watches what was brought to Python earlier, and is used again."""
    watching = _watching.get()
    if watching is not None:
        watching.seen.extend(seen)
