"""What the reader has chosen to look at, as a value: to and from the URL, and as a period of days. No Streamlit here."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace

from metrics.period import GRAINS, MONTHS, Calendar, Period, PeriodError, add_months

AGAINST = ("previous", "year")
SEGMENTS = {"region": "region", "industry": "industry", "grade": "grade", "owner": "owner_id", "tag": "tags"}  # name in the URL → column
BLANK = "-"  # in the URL: customers that have no value in this column
CUSTOM = "custom"
MOST_STEPS = 200  # of a series: half a year by day, nearly four years by week


@dataclass(frozen=True)
class Selection:
    """The filters every page shares. first, last: both days included, only for a custom period. where: URL name → values."""

    period: str = "last12"
    first: dt.date | None = None
    last: dt.date | None = None
    grain: str = "month"
    against: str = "previous"
    where: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def values(self, name: str) -> tuple[str, ...]:
        """The accepted values of one segment filter; empty where it is not set."""
        return dict(self.where).get(name, ())

    def narrowed(self, **segments: str | None) -> Selection:
        """The same selection with segment filters replaced (None or "" in the data: customers without a value)."""
        where = {**dict(self.where), **{name: (value or BLANK,) for name, value in segments.items()}}
        return replace(self, where=tuple((name, where[name]) for name in SEGMENTS if where.get(name)))

    @property
    def columns(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """The filters as a metric's query wants them: column → values, "" for blank."""
        return tuple((SEGMENTS[name], tuple("" if v == BLANK else v for v in values)) for name, values in self.where)


@dataclass(frozen=True)
class Rejected:
    """A part of the URL that cannot be meant and was ignored."""

    name: str
    value: str


DEFAULT = Selection()


def parse(params: Mapping[str, Sequence[str]], choices: Mapping[str, Sequence[str]]) -> tuple[Selection, list[Rejected]]:
    """The selection a URL asks for, and what in it had to be ignored.

    params: name → values as they stand in the URL. choices: segment name → the values there are.
    """
    rejected: list[Rejected] = []

    def one(name: str, read: Callable[[str], object | None], default):
        text = next(iter(params.get(name, ())), None)
        value = read(text) if text else None
        if text and value is None:
            rejected.append(Rejected(name, text))
        return default if value is None else value

    chosen = {name: one(key, read, getattr(DEFAULT, name)) for name, (key, read) in SINGLE.items()}
    where = []
    for name in SEGMENTS:
        asked = params.get(name, ())
        known = {*choices.get(name, ()), BLANK}
        rejected += [Rejected(name, value) for value in asked if value not in known]
        accepted = tuple(dict.fromkeys(value for value in asked if value in known))
        where += [(name, accepted)] if accepted else []
    return _whole(Selection(**chosen, where=tuple(where)), rejected), rejected


def _whole(selection: Selection, rejected: list[Rejected]) -> Selection:
    """A custom period needs both of its days, in order; otherwise the default period is shown."""
    if selection.period != CUSTOM:
        return replace(selection, first=None, last=None)
    if selection.first and selection.last and selection.first <= selection.last:
        return selection
    rejected.append(Rejected("from … to", f"{selection.first or '?'} … {selection.last or '?'}"))
    return replace(selection, period=DEFAULT.period, first=None, last=None)


def as_params(selection: Selection) -> dict[str, str | list[str]]:
    """The selection as URL parameters; what is at its default is left out."""
    single = {key: _text(getattr(selection, name)) for name, (key, _) in SINGLE.items() if getattr(selection, name) != getattr(DEFAULT, name)}
    return {**single, **{name: list(values) for name, values in selection.where}}


def _text(value) -> str:
    return value.isoformat() if isinstance(value, dt.date) else value


def _day(text: str) -> dt.date | None:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        return None


def _among(options) -> Callable[[str], str | None]:
    return lambda text: text if text in options else None


def _months(count: int, offset: int = 0):
    """`count` whole months, ending with the last complete one or `offset` months earlier."""

    def days(as_of: dt.date, calendar: Calendar, first: dt.date):
        end = add_months(as_of.replace(day=1), -offset)
        return add_months(end, -count), end

    return days


def _running(grain: str, back: int = 0):
    """The month, quarter or (fiscal) year that the last loaded day lies in, or the one `back` before it."""

    def days(as_of: dt.date, calendar: Calendar, first: dt.date):
        whole = Period(dt.date.min.replace(year=1900), as_of, as_of, calendar)
        bucket = whole.bucket(whole.bucket_number(as_of - dt.timedelta(days=1), grain) - back, grain)
        return bucket.start, bucket.end

    return days


PRESETS: dict[str, Callable] = {
    "last12": _months(12),
    "last3": _months(3),
    "month": _running("month"),
    "last_month": _months(1),
    "quarter": _running("quarter"),
    "last_quarter": _running("quarter", 1),
    "year": _running("year"),
    "last_year": _running("year", 1),
    "last90": lambda as_of, calendar, first: (as_of - dt.timedelta(days=90), as_of),
    "all": lambda as_of, calendar, first: (first, as_of),
}
PERIODS = (*PRESETS, CUSTOM)
SINGLE = {
    "period": ("period", _among(PERIODS)),
    "first": ("from", _day),
    "last": ("to", _day),
    "grain": ("grain", _among(GRAINS)),
    "against": ("vs", _among(AGAINST)),
}  # field → name in the URL and how it is read
NAMES = (*(key for key, _ in SINGLE.values()), *SEGMENTS)
assert {f.name for f in fields(Selection)} == {*SINGLE, "where"}


def period(selection: Selection, as_of: dt.date, first: dt.date, calendar: Calendar) -> Period:
    """The days meant. as_of: the first day not fully loaded; first: the first day with data.

    Raises PeriodError if a custom period is empty.
    """
    if selection.period == CUSTOM:
        if not (selection.first and selection.last):
            raise PeriodError("a custom period needs a first and a last day")
        start, end = selection.first, selection.last + dt.timedelta(days=1)
    else:
        start, end = PRESETS[selection.period](as_of, calendar, first)
    return Period(start, end, as_of, calendar)


def grains_for(period: Period) -> tuple[str, ...]:
    """The grains whose series of this period has at most MOST_STEPS steps: more can neither be read nor be there at once. There is always the coarsest."""
    return tuple(grain for grain in GRAINS if _steps(period, grain) <= MOST_STEPS) or GRAINS[-1:]


def _steps(period: Period, grain: str) -> int:
    days = MONTHS[grain] * 30 if grain in MONTHS else {"day": 1, "week": 7}[grain]
    return period.days // days
