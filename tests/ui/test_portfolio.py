"""What is told of somebody's customers: a direction only where it is more than chance, cases by outcome and day in the business zone."""

import datetime as dt
from types import SimpleNamespace

import pytest

from metrics.change import Change
from metrics.period import Period
from records.models import Case
from ui import numbers, page, portfolio, words

D = dt.date.fromisoformat
MARCH = Period(D("2026-03-01"), D("2026-04-01"), D("2026-04-01"))
VIEW = SimpleNamespace(period=MARCH, zone="Asia/Shanghai", currency="CNY", against="previous")


@pytest.fixture(autouse=True)
def english(monkeypatch):
    for module in (words, numbers):
        monkeypatch.setattr(module, "language", lambda: "en")


@pytest.mark.parametrize(
    ("verdict", "before", "said"),
    [
        ("changed", 1000, "20.0% more** than before"), ("changed", 1500, "20.0% less** than before"), ("no_clear_change", 1190, "no clear change from before"),
        ("new", 0, "(1 Mar 2026 – 31 Mar 2026)."),
    ],
)  # fmt: skip
def test_a_direction_is_told_only_where_there_is_one(verdict, before, said):
    change = Change({"value": 1200.0}, {"value": float(before)}, 1200.0 - before, None, verdict)
    told = portfolio.brought(VIEW, change, 3, "you serve")
    assert told.startswith("**3** customers you serve brought") and said in told
    assert ("than before" in told) == (verdict == "changed") and page.days(MARCH) in told


def closed(outcome, at):
    return Case(status="closed", outcome=outcome, closed_at=dt.datetime.fromisoformat(at))


def test_cases_count_by_the_day_they_were_closed_on_where_the_company_does_business():
    """1 March in Shanghai begins at 16:00 UTC on 28 February and 1 April at 16:00 on 31 March."""
    known = {
        "a": [closed("saved", "2026-02-28T16:00:00+00:00"), closed("lost", "2026-03-31T16:00:00+00:00"), Case(status="open")],
        "b": [closed("saved", "2026-03-10T00:00:00+00:00"), closed("false_alarm", "2026-02-28T15:59:59+00:00")],
        "somebody else's": [closed("lost", "2026-03-10T00:00:00+00:00")],
    }
    assert portfolio.closed(VIEW, known, ["a", "b", "c"]) == "**2** cases were closed (Saved: 2)."
    assert portfolio.closed(VIEW, known, ["c"]) is None
