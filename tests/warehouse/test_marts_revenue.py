"""Marts of revenue: what a day, a month, a span of service is worth, and what is left out and counted."""

import datetime as dt

import pytest

from metrics.query import collect
from tests.made import made as made_of_all

D = dt.date.fromisoformat
OURS = ("daily_rates", "recurring", "episodes", "purchases", "customer_months", "product_months")


def made(entities, settings=None, **more):
    return made_of_all(entities, settings, marts=OURS, **more)


def rows(tables, name, *columns, order=None):
    found = collect(tables[name].select(*columns)).sort_values(list(order or columns), na_position="last")
    return [tuple(None if value != value else value for value in row) for row in found.itertuples(index=False)]


def sold(customer, day, amount, **more):
    return {"customer_id": customer, "issued_on": day, "amount": amount, **more}


def agreed(customer, starts, ends, amount, status="active", **more):
    return {"customer_id": customer, "starts_on": starts, "ends_on": ends, "amount_per_month": amount, "status": status, **more}


# -- rates -------------------------------------------------------------------------------------------------


def test_a_rate_holds_until_the_next_one_and_no_longer_than_a_month():
    tables = made({"rates": [{"currency": "USD", "day": "2026-01-02", "rate": 7.0}, {"currency": "USD", "day": "2026-01-05", "rate": 7.1}]})
    first = (D("2026-01-02") - D("1970-01-01")).days
    found = dict(rows(tables, "daily_rates", "on_d", "rate"))
    assert [found[first + k] for k in (0, 1, 2, 3, 4)] == [7.0, 7.0, 7.0, 7.1, 7.1]  # Friday, the weekend, Monday, Tuesday
    assert max(found) == first + 3 + 30 and first - 1 not in found


def test_an_amount_without_a_rate_is_left_out_and_counted():
    lines = [
        sold("c1", "2026-01-10", 100, invoice_id="i1", currency="CNY"),
        sold("c1", "2026-01-10", 10, invoice_id="i1", currency="USD"),
        sold("c1", "2026-01-10", 5, invoice_id="i2", currency="XXX"),
    ]
    tables = made({"invoices": lines, "rates": [{"currency": "USD", "day": "2026-01-09", "rate": 7.0}]})
    assert rows(tables, "purchases", "customer_id", "purchased_on", "orders", "revenue", "unconverted") == [("c1", D("2026-01-10"), 2, 170.0, 1)]


# -- purchases -----------------------------------------------------------------------------------------------


def test_credit_notes_reduce_revenue_and_are_no_orders():
    lines = [
        sold("c1", "2026-01-10", 100, invoice_id="i1"),
        sold("c1", "2026-01-10", 50, invoice_id="i1"),  # two lines of one order
        sold("c1", "2026-01-10", 20, invoice_id="i2"),
        sold("c1", "2026-01-12", -20, invoice_id="n1", kind="credit_note"),
        sold("c2", "2026-01-10", 0, invoice_id="i3"),  # given away: not bought
    ]
    found = rows(made({"invoices": lines}), "purchases", "customer_id", "purchased_on", "orders", "revenue")
    assert found == [("c1", D("2026-01-10"), 2, 170.0), ("c1", D("2026-01-12"), 0, -20.0), ("c2", D("2026-01-10"), 0, 0.0)]


# -- recurring -----------------------------------------------------------------------------------------------

SPANS = {
    "open": (agreed("c1", "2026-01-01", None, 10), ("2026-01-01", None)),
    "fixed term": (agreed("c1", "2026-01-01", "2026-03-01", 10), ("2026-01-01", "2026-03-01")),
    "cancelled with its paid service running on": (agreed("c1", "2026-01-01", "2026-03-15", 10, "cancelled"), ("2026-01-01", "2026-03-15")),
    "ended without a day, renewal known": (agreed("c1", "2026-01-01", None, 10, "ended", renewal_on="2026-02-01"), ("2026-01-01", "2026-02-01")),
    "ended without any day": (agreed("c1", "2026-01-01", None, 10, "ended"), None),
    "trial": (agreed("c1", "2026-01-01", None, 10, "trial"), None),
    "past due: fifteen days of dunning": (agreed("c1", "2026-01-01", "2026-03-01", 10, "past_due"), ("2026-01-01", "2026-03-16")),
    "past due without a day": (agreed("c1", "2026-01-01", None, 10, "past_due"), ("2026-01-01", None)),
}


@pytest.mark.parametrize("name", SPANS)
def test_spans_of_agreements(name):
    given, expected = SPANS[name]
    found = rows(made({"subscriptions": [given]}), "recurring", "from_on", "to_on")
    assert found == ([] if expected is None else [tuple(d and D(d) for d in expected)])


def billed(customer, start, end, amount, **more):
    return sold(customer, start, amount, kind="recurring", period_start=start, period_end=end, **more)


LATER = sold("other", "2027-06-30", 1)  # the last loaded day
BILLS = {
    "yearly plan billed 2,000 [ChartMogul]": ([billed("c1", "2026-01-01", "2027-01-01", 2000)], [("2026-01-01", "2027-01-01", 2000 / 12)]),
    "whole months from the 15th": ([billed("c1", "2026-01-15", "2026-04-15", 300)], [("2026-01-15", "2026-04-15", 100.0)]),
    "half a month": ([billed("c1", "2026-02-01", "2026-02-16", 50)], [("2026-02-01", "2026-02-16", 50 / (15 / 30.4375))]),
    "next bill ten days late: no gap": (
        [billed("c1", "2026-01-01", "2026-02-01", 10), billed("c1", "2026-02-11", "2026-03-11", 10)],
        [("2026-01-01", "2026-02-11", 10.0), ("2026-02-11", "2026-03-11", 10.0)],
    ),
    "next bill twenty days late: churn dates from the end of the paid service": (
        [billed("c1", "2026-01-01", "2026-02-01", 10), billed("c1", "2026-02-21", "2026-03-21", 10)],
        [("2026-01-01", "2026-02-01", 10.0), ("2026-02-21", "2026-03-21", 10.0)],
    ),
    "last bill ended ten days before the last loaded day: still waiting": (
        [billed("c1", "2027-05-20", "2027-06-20", 10)], [("2027-05-20", "2027-07-05", 10.0)],
    ),
    "a credited service period": (
        [
            billed("c1", "2026-01-01", "2027-01-01", 1200),
            sold("c1", "2026-07-01", -600, kind="credit_note", period_start="2026-07-01", period_end="2027-01-01"),
        ],
        [("2026-01-01", "2027-01-01", 100.0), ("2026-07-01", "2027-01-01", -100.0)],
    ),
    "no service period: revenue, not recurring": ([sold("c1", "2026-01-01", 10, kind="recurring")], []),
}  # fmt: skip


@pytest.mark.parametrize("name", BILLS)
def test_spans_of_service_paid_for(name):
    lines, expected = BILLS[name]
    found = rows(made({"invoices": [*lines, LATER]}), "recurring", "from_on", "to_on", "amount_per_month")
    assert [(a, b) for a, b, _ in found] == [(D(a), D(b)) for a, b, _ in expected]
    assert [amount for *_, amount in found] == pytest.approx([amount for *_, amount in expected])


BOTH = {
    "subscriptions": [agreed("c1", "2026-01-01", None, 10)],
    "invoices": [billed("c1", "2026-01-01", "2026-02-01", 10), billed("c2", "2026-01-01", "2026-02-01", 20), LATER],
}


@pytest.mark.parametrize(("side", "expected"), [("auto", [10, 20]), ("subscriptions", [10]), ("invoices", [10, 20])])
def test_a_contract_and_its_bill_are_one_agreement(side, expected):
    tables = made(BOTH, {"metrics": {"recurring": {"from": side}}})
    assert [amount for (amount,) in rows(tables, "recurring", "amount_per_month")] == expected


def test_bills_before_the_first_agreement_keep_their_history():
    lines = [billed("c1", "2025-11-01", "2025-12-01", 8), billed("c1", "2025-12-01", "2026-02-01", 16), billed("c1", "2026-02-01", "2026-03-01", 8)]
    tables = made({"subscriptions": [agreed("c1", "2026-01-01", None, 10)], "invoices": [*lines, LATER]})
    assert rows(tables, "recurring", "from_on", "to_on", "amount_per_month") == [
        (D("2025-11-01"), D("2025-12-01"), 8.0),
        (D("2025-12-01"), D("2026-01-01"), 8.0),  # cut where the agreement begins
        (D("2026-01-01"), None, 10.0),
    ]


def test_an_unknown_side_is_refused():
    with pytest.raises(ValueError, match='from = "crm" is not known; write one of auto, subscriptions, invoices'):
        collect(made(BOTH, {"metrics": {"recurring": {"from": "crm"}}})["recurring"])


STAYS = {
    "a price change is one stay": ([("2026-01-01", "2026-03-01", 10, "CNY"), ("2026-03-01", None, 12, "CNY")], [(1, "2026-01-01", None)]),
    "left and came back": (
        [("2026-01-01", "2026-03-01", 10, "CNY"), ("2026-05-01", None, 10, "CNY")],
        [(1, "2026-01-01", "2026-03-01"), (2, "2026-05-01", None)],
    ),
    "two at once, one cancelled": ([("2026-01-01", None, 10, "CNY"), ("2026-02-01", "2026-03-01", 5, "CNY")], [(1, "2026-01-01", None)]),
    "changed currency": ([("2026-01-01", "2026-03-01", 10, "USD"), ("2026-03-01", "2026-06-01", 70, "CNY")], [(1, "2026-01-01", "2026-06-01")]),
    "overlapping currencies": ([("2026-01-01", "2026-08-01", 10, "USD"), ("2026-03-01", "2026-06-01", 70, "CNY")], [(1, "2026-01-01", "2026-08-01")]),
    "free of charge": ([("2026-01-01", "2026-03-01", 0, "CNY")], []),
}  # fmt: skip


@pytest.mark.parametrize("name", STAYS)
def test_stays_of_a_customer(name):
    spans, expected = STAYS[name]
    subscriptions = [agreed("c1", start, end, amount, currency=currency) for start, end, amount, currency in spans]
    found = rows(made({"subscriptions": subscriptions}), "episodes", "episode", "from_on", "to_on")
    assert found == [(number, D(start), end and D(end)) for number, start, end in expected]


# -- months ----------------------------------------------------------------------------------------------------


def test_a_customers_months_hold_revenue_and_the_value_running_at_their_end():
    tables = made({
        "subscriptions": [agreed("c1", "2026-01-15", "2026-03-31", 10, currency="USD")],
        "invoices": [sold("c1", "2026-02-03", 50), sold("c1", "2026-02-09", -5, kind="credit_note"), sold("c2", "2026-04-02", 7)],
        "rates": [{"currency": "USD", "day": "2026-01-31", "rate": 7.0}, {"currency": "USD", "day": "2026-02-28", "rate": 8.0}],
    })  # fmt: skip
    columns = ("customer_id", "month", "currency", "revenue", "orders", "recurring", "recurring_reporting", "is_active")
    assert rows(tables, "customer_months", *columns) == [
        ("c1", D("2026-01-01"), "USD", 0.0, 0, 10.0, 70.0, True),
        ("c1", D("2026-02-01"), "CNY", 45.0, 1, 0.0, 0.0, True),
        ("c1", D("2026-02-01"), "USD", 0.0, 0, 10.0, 80.0, True),
        # the agreement's last day is 30 March: nothing runs at March's last instant
        ("c2", D("2026-04-01"), "CNY", 7.0, 1, 0.0, 0.0, True),
    ]


def test_revenue_is_the_same_in_every_mart():
    lines = [sold(f"c{k % 3}", f"2026-{k % 4 + 1:02d}-{k % 27 + 1:02d}", 10.25 * k - 40, product_id=f"p{k % 2}", quantity=k) for k in range(40)]
    tables = made({"invoices": lines, "products": [{"product_id": "p1", "name": "one", "category": "pumps"}]})
    total = sum(10.25 * k - 40 for k in range(40))
    for mart, column in (("purchases", "revenue"), ("customer_months", "revenue_reporting"), ("product_months", "revenue_reporting")):
        assert collect(tables[mart])[column].sum() == pytest.approx(total), mart
    products = collect(tables["product_months"])
    assert products["quantity"].sum() == sum(range(40)) and products["lines"].sum() == 40
    assert set(products.loc[products["product_id"] == "p1", "category"]) == {"pumps"}


def test_nothing_loaded_gives_empty_marts():
    tables = made({})
    for mart in OURS:
        assert collect(tables[mart]).empty
