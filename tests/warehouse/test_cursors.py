"""Which part of a table the next sync asks for."""

import datetime as dt

import pytest

from connectors.sources import Table
from warehouse import cursors

DAY, TIME = dt.date(2026, 3, 1), dt.datetime(2026, 3, 1, 0, 10)
UTC_TIME = TIME.replace(tzinfo=dt.UTC)
NOW = dt.datetime(2026, 8, 2, 12, tzinfo=dt.UTC)
QUARTER = dt.timedelta(minutes=15)

EARLIER = [
    (TIME, QUARTER, dt.datetime(2026, 2, 28, 23, 55)),
    (UTC_TIME, QUARTER, dt.datetime(2026, 2, 28, 23, 55, tzinfo=dt.UTC)),
    (TIME, 60, dt.datetime(2026, 3, 1, 0, 9)),  # a bare number is seconds for instants
    (DAY, QUARTER, dt.date(2026, 2, 28)),  # days go back at least one: a commit may cross midnight
    (5000, QUARTER, 4100),  # 900 of the cursor's own unit
    (5000, 10, 4990),
    (2.5, 1.0, 1.5),
    ("2026-03-01 00:10:00", QUARTER, "2026-02-28 23:55:00"),
    ("2026-03-01T00:10:00.250Z", QUARTER, "2026-02-28T23:55:00.250Z"),
    ("2026-03-01 00:10:00+08:00", QUARTER, "2026-02-28 23:55:00+08:00"),
    ("2026-03-01", QUARTER, "2026-02-28"),
    ("rev-17", QUARTER, "rev-17"),
]


@pytest.mark.parametrize("value, by, expected", EARLIER, ids=str)
def test_the_window_begins_an_overlap_before_the_cursor(value, by, expected):
    assert cursors.earlier(value, by) == expected


@pytest.mark.parametrize("value", [TIME, UTC_TIME, DAY, 7, 2.5, "rev-17", None], ids=str)
def test_a_cursor_survives_being_kept_in_a_snapshot(value):
    assert cursors.from_json(cursors.to_json(value)) == value


ENDS = [  # lag, cursor, zone, end
    (dt.timedelta(0), UTC_TIME, "UTC", None),
    (dt.timedelta(hours=1), UTC_TIME, "UTC", NOW - dt.timedelta(hours=1)),
    (3600, TIME, "Asia/Shanghai", dt.datetime(2026, 8, 2, 19)),  # 11:00 UTC on the source's clock
    (dt.timedelta(hours=1), DAY, "UTC", dt.date(2026, 8, 2)),
    (dt.timedelta(hours=1), 5000, "UTC", None),
]


@pytest.mark.parametrize("lag, cursor, zone, end", ENDS, ids=str)
def test_the_window_ends_a_lag_before_now(lag, cursor, zone, end):
    assert cursors.window(Table(lag=lag), cursor, NOW, zone).end == end


ADVANCED = [  # before, seen, after
    (None, TIME, TIME),
    (TIME, None, TIME),
    (TIME, TIME - QUARTER, TIME),  # never back
    (TIME, dt.datetime(2199, 1, 1), NOW.replace(tzinfo=None)),  # never beyond now
    (5000, 6000, 6000),
    (TIME, "2026-03-02", "2026-03-02"),  # another type: the expression has changed
    (None, None, None),
]


@pytest.mark.parametrize("before, seen, after", ADVANCED, ids=str)
def test_the_cursor_after_a_read(before, seen, after):
    assert cursors.advanced(before, seen, NOW, "UTC") == after
