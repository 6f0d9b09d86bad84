"""How far a table has been read, and which part of it the next sync asks for.

A cursor is the greatest value of the table's `incremental` expression that a published sync has seen. The next window starts
`overlap` before it, because a transaction may commit after a later one, and ends `lag` before now.
"""

from __future__ import annotations

import datetime as dt
import re
from zoneinfo import ZoneInfo

from connectors.base import Window
from connectors.sources import Table


def to_json(value) -> dict | None:
    """A cursor value as it is kept in the snapshot; null cursors are not kept."""
    if value is None:
        return None
    if isinstance(value, dt.datetime):
        return {"type": "instant" if value.tzinfo else "time", "value": value.isoformat()}
    if isinstance(value, dt.date):
        return {"type": "day", "value": value.isoformat()}
    if isinstance(value, (int, float, str)):
        return {"type": type(value).__name__, "value": value}
    return {"type": "float", "value": float(value)}  # exact decimals: version numbers kept as NUMERIC


def from_json(kept: dict | None):
    """The value behind `to_json`."""
    readers = {"instant": dt.datetime.fromisoformat, "time": dt.datetime.fromisoformat, "day": dt.date.fromisoformat}
    return None if kept is None else readers.get(kept["type"], lambda v: v)(kept["value"])


def window(table: Table, cursor, now: dt.datetime, zone: str) -> Window:
    """What an incremental read asks for after `cursor`; `zone` is that of the source's times without one."""
    return Window(start=earlier(cursor, table.overlap), end=_end(cursor, table.lag, now, zone))


def advanced(before, seen, now: dt.datetime, zone: str):
    """The cursor after a read: the greatest value seen, never back, and never beyond now (a date in the future would hide rows)."""
    values = [_capped(value, now, zone) for value in (before, seen) if value is not None]
    try:
        return max(values, default=None)
    except TypeError:  # the expression has changed its type since
        return values[-1]


def _capped(value, now: dt.datetime, zone: str):
    present = _like(value, now, zone)
    return value if present is None else min(value, present)


def earlier(value, by: dt.timedelta | float):
    """`value` less the overlap: seconds for instants, whole days for days, the cursor's own unit for numbers."""
    seconds = by.total_seconds() if isinstance(by, dt.timedelta) else by
    if isinstance(value, dt.datetime):
        return value - dt.timedelta(seconds=seconds)
    if isinstance(value, dt.date):
        return (dt.datetime.combine(value, dt.time()) - dt.timedelta(seconds=seconds)).date()
    if isinstance(value, str):
        return _earlier_text(value, seconds)
    return value - type(value)(seconds)


def _earlier_text(value: str, seconds: float) -> str:
    """Text that is an instant goes back and keeps its form; other text (names, codes) stays where it is."""
    body, offset = re.fullmatch(r"(.*?)(Z|[+-]\d\d:?\d\d)?", value, re.DOTALL).groups()
    try:
        moved = dt.datetime.fromisoformat(body) - dt.timedelta(seconds=seconds)
    except ValueError:
        return value
    text = moved.isoformat(sep="T" if "T" in body else " ", timespec="microseconds" if "." in body else "seconds")
    return text[: len(body)] + (offset or "")


def _end(cursor, lag: dt.timedelta | float, now: dt.datetime, zone: str):
    """Without a lag the window is open: rows dated ahead are read as a full read would."""
    if not lag:
        return None
    seconds = lag.total_seconds() if isinstance(lag, dt.timedelta) else lag
    return _like(cursor, now - dt.timedelta(seconds=seconds), zone)


def _like(value, moment: dt.datetime, zone: str):
    """`moment` in the cursor's own form; None for numbers and text, which have no relation to the clock."""
    if isinstance(value, dt.datetime):
        return moment.astimezone(value.tzinfo) if value.tzinfo else moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    if isinstance(value, dt.date):
        return moment.astimezone(ZoneInfo(zone)).date()
    return None
