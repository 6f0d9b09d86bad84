"""How far the facts reach: of subscriptions as well, which look back before everything else and ahead of today."""

import datetime as dt

import pytest

from metrics import CATALOGUE
from metrics.__main__ import period_of
from metrics.metric import ask
from metrics.query import Query, collect
from tests.made import made

D = dt.date.fromisoformat
READ = "2026-01-15T08:00:00"


def agreement(starts, ends=None, read=READ, **more):
    name = f"{starts}-{ends}"
    row = {"subscription_id": name, "customer_id": "c", "starts_on": starts, "ends_on": ends, "amount_per_month": 100, "status": "active"}
    return {**row, "extracted_at": read, **more}


def company(*agreements, zone="UTC", **entities):
    settings = {"calendar": {"timezone": zone, "currency": "CNY"}}
    return made({"customers": [{"customer_id": "c"}], "subscriptions": list(agreements), **entities}, settings)


def reach(tables) -> dict[str, tuple]:
    return {row.table: (row.first_on, row.last_on, row.n) for row in collect(tables["coverage"]).itertuples()}


@pytest.mark.parametrize(
    ("agreements", "expected"),
    [
        ([("2025-03-10", "2025-09-30"), ("2025-11-05", "2027-11-05")], ("2025-03-10", "2025-11-05", 2)),  # the last start
        ([("2025-03-10", "2025-12-31")], ("2025-03-10", "2025-12-31", 1)),  # the last end
        ([("2025-03-10", None), ("2026-02-01", "2026-03-01")], ("2025-03-10", "2025-03-10", 2)),  # what is planned has not happened
        ([("2026-01-15", None), ("2026-01-16", None)], ("2026-01-15", "2026-01-15", 2)),  # the day of the read is the last
        ([("2026-01-16", None)], None),
        ([], None),
    ],
)
def test_a_company_with_nothing_but_agreements_has_a_reach(agreements, expected):
    found = reach(company(*(agreement(*days) for days in agreements)))
    assert found == ({"subscriptions": (D(expected[0]), D(expected[1]), expected[2])} if expected else {})


def test_the_day_of_the_read_is_one_of_the_business_zone():
    """18:00 UTC on the 14th is the 15th in Shanghai."""
    late = agreement("2026-01-15", read="2026-01-14T18:00:00")
    assert reach(company(late)) == {}
    assert reach(company(late, zone="Asia/Shanghai")) == {"subscriptions": (D("2026-01-15"), D("2026-01-15"), 1)}


def test_where_other_facts_are_known_agreements_do_not_reach_back_further():
    lines = [{"customer_id": "c", "issued_on": day, "amount": 5} for day in ("2025-06-01", "2025-12-20")]
    found = reach(company(agreement("2019-01-01"), agreement("2026-01-02"), invoices=lines))
    assert found == {"invoices": (D("2025-06-01"), D("2025-12-20"), 2), "subscriptions": (D("2025-06-01"), D("2026-01-02"), 2)}
    planned = agreement("2019-01-01", "2026-01-05")  # the invoices end before: nobody knows whether it was carried out
    assert reach(company(planned, invoices=lines)) == {"invoices": (D("2025-06-01"), D("2025-12-20"), 2)}


def test_its_numbers_can_be_asked_for_without_a_period():
    """100 a month since 10 March, 100 since 5 November: 200 on the last day known, 5 November."""
    tables = company(agreement("2025-03-10"), agreement("2025-11-05", "2027-01-01"))
    period = period_of(tables)
    assert (period.start, period.end) == (D("2025-03-10"), D("2025-11-06"))
    assert ask(CATALOGUE["mrr"], tables, Query(period, settings=tables.settings)).rows["value"].tolist() == [200]


def test_a_day_that_had_not_come_when_it_was_read_reaches_nowhere():
    lines = [{"customer_id": "c", "issued_on": day, "amount": 5, "extracted_at": READ} for day in ("2025-12-01", "2026-01-15", "2026-01-16", "2199-12-31")]
    deals = [{"customer_id": "c", "created_at": "2030-01-01T00:00:00", "extracted_at": READ}]
    assert reach(company(invoices=lines, deals=deals)) == {"invoices": (D("2025-12-01"), D("2026-01-15"), 2)}
