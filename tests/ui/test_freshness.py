"""How old each source is, and which are older than promised."""

import datetime as dt

import pytest

from ui.freshness import ages

NOW = dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC)


def synced(hours):
    return {"last_sync": (NOW - dt.timedelta(hours=hours)).isoformat() if hours is not None else None}


@pytest.mark.parametrize(
    ("hours", "settings", "is_late"),
    [
        (25.9, {}, False),
        (26.0, {}, False),  # a day and two hours of grace, not more
        (26.1, {}, True),
        (26.1, {"metrics": {"freshness": {"hours": 48}}}, False),
        (1.1, {"metrics": {"freshness": {"hours": 1}}}, True),
        (None, {}, True),
    ],
)
def test_a_source_is_late_after_what_it_promised(hours, settings, is_late):
    (age,) = ages({"crm": synced(hours)}, settings, NOW)
    assert age.is_late == is_late


def test_the_oldest_comes_first_and_never_is_older_than_anything():
    assert [age.source for age in ages({"a": synced(1), "b": synced(None), "c": synced(30)}, {}, NOW)] == ["b", "c", "a"]
    assert ages({}, {}, NOW) == []
