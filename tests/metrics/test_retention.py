"""Retention: who stays, whose money stays, and why a number moved. Expected values are derived beside the case or cited."""

import dataclasses
import datetime as dt
import random
from decimal import Decimal

import duckdb
import pytest

from metrics import movements, retention
from metrics.metric import ask
from metrics.period import Period
from metrics.query import Query, QuestionError, collect
from metrics.retention import gross_retention, net_retention
from tests.made import made

D = dt.date.fromisoformat
YEAR = Period(D("2025-01-01"), D("2026-01-01"), D("2026-01-01"))
CARDS = {metric.name: metric for module in (retention, movements) for metric in module.METRICS}


def agreed(customer, amount, starts="2024-01-01", ends=None, currency="CNY", **more):
    status = "active" if ends is None else "ended"
    return {"customer_id": customer, "starts_on": starts, "ends_on": ends, "amount_per_month": amount, "status": status, "currency": currency, **more}


def became(**values):
    """Customers with value A before the year and B at its end, changed on 1 July."""
    rows = []
    for customer, (a, b) in values.items():
        rows += [agreed(customer, a, ends="2025-07-01" if a != b else None)] if a else []
        rows += [agreed(customer, b, starts="2025-07-01")] if b and a != b else []
    return rows


def asked(name, subscriptions=(), period=YEAR, settings=None, tables=None, **question):
    tables = tables or made({"subscriptions": list(subscriptions), **question.pop("more", {})}, settings)
    return ask(CARDS[name], tables, Query(period, settings=tables.settings, **question))


def headline(name, *given, **question):
    return asked(name, *given, **question).rows.iloc[0]


# worked cases of the definitions


def hundred_customers():
    """100 at the start; 12 churn, one of them comes back; one joins in the year and churns."""
    stay = [agreed(f"s{k}", 1) for k in range(89)]
    leave = [agreed(f"l{k}", 1, ends="2025-05-01") for k in range(10)]
    back = [agreed("back", 1, ends="2025-04-01"), agreed("back", 1, starts="2025-09-01")]
    return [*stay, *leave, *back, agreed("guest", 1, starts="2025-03-01", ends="2025-08-01")]


def test_logo_churn_leaves_out_who_joined_or_came_back_in_the_period():
    """12 churned, one of them reactivated, one had joined: (12 − 1 − 1) / 100. Source: ChartMogul, customer churn rate."""
    row = headline("logo_churn", hundred_customers())
    assert (row["churned"], row["joined_and_churned"], row["churned_and_back"], row["n"]) == (12, 1, 1, 100)
    assert row["value"] == pytest.approx((12 - 1 - 1) / 100)
    assert headline("retention", hundred_customers())["value"] == pytest.approx(90 / 100)


REVENUE = {  # name → customers (A, B), NRR, GRR
    "ChartMogul: start 100, churn 10, contraction 10, expansion 10": (
        {"leaves": (10, 0), "shrinks": (20, 10), "grows": (20, 30), "stays": (50, 50)}, (100 + 10 - 10 - 10) / 100, (100 - 10 - 10) / 100,
    ),
    "GitLab's minimum per customer": ({"a": (100, 150), "b": (100, 80), "c": (100, 0)}, (150 + 80 + 0) / 300, (100 + 80 + 0) / 300),
    "flipRevenueMetrics: A lapses": ({"a": (Decimal(1000) / 12, 0), "b": (Decimal(10000) / 12, Decimal(10000) / 12)}, 10000 / 11000, 10000 / 11000),
    "pitchkit: expansion 15, contraction 3, churn 5": ({"a": (50, 65), "b": (45, 42), "c": (5, 0)}, (100 + 15 - 3 - 5) / 100, (100 - 3 - 5) / 100),
    "new customers never count": ({"a": (100, 100), "new": (0, 900)}, 1.0, 1.0),
}  # fmt: skip


@pytest.mark.parametrize("name", REVENUE)
def test_revenue_retention(name):
    customers, net, gross = REVENUE[name]
    rows = [{**row, "amount_per_month": round(Decimal(row["amount_per_month"]), 4)} for row in became(**customers)]
    tables = made({"subscriptions": rows})
    assert headline("nrr", tables=tables)["value"] == pytest.approx(net, abs=1e-6)
    assert headline("grr", tables=tables)["value"] == pytest.approx(gross, abs=1e-6)


def test_a_merger_moves_a_loss_from_churn_to_contraction():
    """After merging A into B: churn 0, contraction 1,000 / 11,000, NRR unchanged. Source: Displayr flipRevenueMetrics, its tests."""
    rows = became(**{"t:a": (100, 0), "t:b": (1000, 1000)})
    people = [{"customer_id": "t:b", "name": "B"}, {"customer_id": "t:a", "name": "A", "merged_into": "t:b"}]
    apart, merged = made({"subscriptions": rows}), made({"subscriptions": rows, "customers": people})
    assert headline("logo_churn", tables=apart)["value"] == 1 / 2 and headline("logo_churn", tables=merged)["value"] == 0
    parts = asked("nrr_bridge", tables=merged).rows.set_index("step")["value"]
    assert parts["churn"] == 0 and -parts["contraction"] / parts["opening"] == pytest.approx(100 / 1100)
    assert headline("nrr", tables=merged)["value"] == headline("nrr", tables=apart)["value"] == pytest.approx(1000 / 1100)


def test_movements_without_an_opening_balance_are_refused():
    with pytest.raises(QuestionError, match="opening balance is None"):
        net_retention(None, 10, 5, 5)
    with pytest.raises(QuestionError, match="must be above 0"):
        gross_retention(0, 5, 5)
    answer = asked("nrr", became(new=(0, 100)))
    assert answer.rows.loc[0, "state"] == "no_data" and "opening balance" in answer.notes["reason"]


def test_a_rate_move_alone_is_no_movement():
    """Price unchanged, the dollar gains 10 %. Source: ChartMogul, foreign exchange and MRR."""
    rates = [{"currency": "USD", "day": "2024-12-31", "rate": 7.0}, {"currency": "USD", "day": "2025-12-31", "rate": 7.7}]
    tables = made({"subscriptions": [agreed("a", 100, currency="USD")], "rates": rates})
    assert asked("movements", tables=tables).rows.empty
    assert headline("nrr", tables=tables)["value"] == 1
    parts = asked("nrr_bridge", tables=tables).rows.set_index("step")["value"]
    assert parts["opening"] == parts["retained"] == pytest.approx(700) and parts["exchange"] == pytest.approx(100 * (7.7 - 7.0))
    assert parts["closing"] == pytest.approx(770)


def test_value_without_a_rate_counts_as_a_customer_and_not_as_money():
    tables = made({"subscriptions": [agreed("a", 100), agreed("b", 100, currency="XAU")]})
    assert headline("retention", tables=tables)["n"] == 2
    answer = asked("nrr", tables=tables)
    assert (answer.rows.loc[0, "n"], answer.rows.loc[0, "denominator"], answer.notes["unconverted"]) == (1, 100, 1)


# the instant before a period


@pytest.mark.parametrize(
    ("ends", "opening", "kept"),
    [
        ("2024-12-31", 0, 0),  # gone before the year
        ("2025-01-01", 1, 0),  # there at the last instant of 2024, gone in 2025
        ("2025-12-31", 1, 0),
        ("2026-01-01", 1, 1),  # there at the last instant of 2025
    ],
)
def test_a_stay_ends_with_its_last_day(ends, opening, kept):
    row = headline("retention", [agreed("a", 1, ends=ends), agreed("b", 1)])
    assert (row["denominator"] - 1, row["numerator"] - 1) == (opening, kept)


def test_past_due_is_not_churn_until_the_dunning_window_ends():
    late = {**agreed("a", 1, ends="2025-12-20"), "status": "past_due"}
    assert headline("retention", [late])["value"] == 1  # 20 December + 15 days reaches into January
    assert headline("retention", [late], settings={"metrics": {"recurring": {"dunning_days": 5}}})["value"] == 0


@pytest.mark.parametrize(("horizon", "value"), [("12", 1 / 2), ("3", 1.0), ("1", 1.0), ("period", 1 / 2)])
def test_the_horizon_reaches_back_from_the_periods_end(horizon, value):
    rows = [agreed("a", 1), agreed("b", 1, ends="2025-05-01")]
    assert headline("retention", rows, options={"horizon": horizon})["value"] == value


def test_a_horizon_that_is_none_is_refused():
    with pytest.raises(QuestionError, match="horizon 'forever' is neither"):
        headline("retention", [agreed("a", 1)], options={"horizon": "forever"})


def test_a_series_holds_a_trailing_year_for_every_step():
    rows = [agreed("a", 1), agreed("b", 1, ends="2025-05-01")]
    found = asked("retention", rows, grain="quarter").rows
    assert list(found["value"]) == [1.0, 1 / 2, 1 / 2, 1 / 2]


# shops


def bought(customer, *days):
    return [{"customer_id": customer, "issued_on": day, "amount": 10} for day in days]


SHOP = [*bought("stays", "2024-02-01", "2025-02-01"), *bought("leaves", "2024-03-01"), *bought("new", "2025-06-01"), *bought("early", "2023-12-31")]


def test_a_shops_customers_stay_by_buying_again():
    """Bought in 2024: stays, leaves. Of them bought in 2025: stays."""
    row = asked("retention", more={"invoices": SHOP}).rows.iloc[0]
    assert (row["value"], row["n"], row["numerator"]) == (1 / 2, 2, 1)
    assert asked("retention", more={"invoices": SHOP}).notes["basis"] == "purchases"


def test_a_window_whose_past_was_not_recorded_is_no_data():
    first_year = [line for line in SHOP if line["issued_on"] >= "2025"]
    assert asked("retention", more={"invoices": first_year}).rows["state"].tolist() == ["no_data"]


def test_recurring_is_the_basis_where_anything_recurs():
    mixed = {"invoices": SHOP}
    assert asked("retention", [agreed("a", 1)], more=dict(mixed)).notes["basis"] == "recurring"
    assert asked("retention", [agreed("a", 1)], more=dict(mixed), options={"basis": "purchases"}).notes["basis"] == "purchases"
    with pytest.raises(QuestionError, match="no basis 'sessions'; there are auto, recurring, purchases"):
        asked("retention", [agreed("a", 1)], options={"basis": "sessions"})


# movements

MOVES = {  # name → agreements, (kind, reason, change) of the one customer; None: nothing moved
    "first agreement": ([agreed("c", 10, starts="2025-03-01")], ("new", "new", 10)),
    "came back": ([agreed("c", 10, ends="2024-06-01"), agreed("c", 10, starts="2025-03-01")], ("reactivation", "reactivation", 10)),
    "left": ([agreed("c", 10, ends="2025-03-01")], ("churn", "churn", -10)),
    "cancels one of two": ([agreed("c", 10), agreed("c", 5, ends="2025-03-01")], ("contraction", "fewer_agreements", -5)),
    "takes another": ([agreed("c", 10), agreed("c", 5, starts="2025-03-01")], ("expansion", "more_agreements", 5)),
    "dearer": ([agreed("c", 10, ends="2025-03-01"), agreed("c", 12, starts="2025-03-01")], ("expansion", "higher_amount", 2)),
    "cheaper": ([agreed("c", 10, ends="2025-03-01"), agreed("c", 9, starts="2025-03-01")], ("contraction", "lower_amount", -1)),
    "signed and left": ([agreed("c", 10, starts="2025-03-01", ends="2025-03-20")], ("joined_and_left", "joined_and_left", 0)),
    "left and came back": ([agreed("c", 10, ends="2025-03-01"), agreed("c", 10, starts="2025-06-01")], ("kept", "left_and_returned", 0)),
    "unchanged": ([agreed("c", 10)], None),
}  # fmt: skip


@pytest.mark.parametrize("name", MOVES)
def test_the_ledger_names_each_movement_and_its_reason(name):
    rows, expected = MOVES[name]
    answer = asked("movements", rows)
    found = [(row["kind"], row["reason"], row["value"]) for _, row in answer.rows.iterrows()]
    assert found == ([] if expected is None else [expected]) and answer.ok
    if expected:
        assert expected[1] in movements.REASONS


def test_the_bridge_adds_up():
    customers = {"grows": (20, 30), "shrinks": (20, 10), "leaves": (10, 0), "stays": (50, 50), "new": (0, 7)}
    answer = asked("nrr_bridge", became(**customers), more={"payments": [{"customer_id": "stays", "paid_on": "2025-12-31"}]})  # the last loaded day
    assert dict(zip(answer.rows["step"], answer.rows["value"], strict=True)) == {
        "opening": 100, "expansion": 10, "contraction": -10, "churn": -10, "retained": 90, "new": 7, "reactivation": 0, "exchange": 0, "closing": 97,
    }  # fmt: skip
    assert [check.ok for check in answer.checks] == [True, True]  # its own sum, and the table of months


@pytest.mark.parametrize(
    ("moves", "expected"),
    [
        ({"new": (0, 8000), "grows": (1000, 5000), "shrinks": (3000, 1000), "leaves": (3000, 0)}, (8000 + 4000) / (2000 + 3000)),
        ({"new": (0, 8000), "stays": (10, 10)}, None),
    ],
)
def test_quick_ratio(moves, expected):
    answer = asked("quick_ratio", became(**moves))
    if expected is None:
        assert answer.rows.loc[0, "state"] == "no_data" and answer.notes["reason"] == "no losses"
    else:
        assert answer.rows.loc[0, "value"] == pytest.approx(expected)


def test_quick_ratio_counts_returned_customers():
    """New 8k, expansion 4k, reactivation 1k, contraction 2k, churn 3k: 13 / 5 = 2.6 [published]."""
    back = [agreed("back", 1000, ends="2024-06-01"), agreed("back", 1000, starts="2025-03-01")]
    moves = became(new=(0, 8000), grows=(1000, 5000), shrinks=(3000, 1000), leaves=(3000, 0))
    assert headline("quick_ratio", [*moves, *back])["value"] == pytest.approx(2.6)


# a second opinion

SQL = """
WITH spans AS (SELECT customer_id, amount_per_month AS amount, starts_on, coalesce(ends_on, DATE '9999-01-01') AS ends_on FROM given WHERE status <> 'trial'),
ends AS (
    SELECT customer_id,
        sum(CASE WHEN starts_on < DATE '{start}' AND ends_on >= DATE '{start}' THEN amount ELSE 0 END) AS a,
        sum(CASE WHEN starts_on < DATE '{end}' AND ends_on >= DATE '{end}' THEN amount ELSE 0 END) AS b
    FROM spans GROUP BY 1)
SELECT count(*) FILTER (a > 0), count(*) FILTER (a > 0 AND b > 0), sum(a), sum(b) FILTER (a > 0), sum(least(a, b)) FROM ends
"""


@pytest.mark.parametrize("seed", range(12))
def test_plain_sql_finds_the_same(seed):
    given = _random_agreements(random.Random(seed))
    period = Period(D("2025-04-01"), D("2025-07-01"), D("2026-01-01"))
    tables = made({"subscriptions": given})
    connection = duckdb.connect()
    connection.execute("CREATE TABLE given (customer_id TEXT, starts_on DATE, ends_on DATE, amount_per_month DECIMAL(18,4), status TEXT)")
    columns = ("customer_id", "starts_on", "ends_on", "amount_per_month", "status")
    connection.executemany("INSERT INTO given VALUES (?, ?, ?, ?, ?)", [[row[c] for c in columns] for row in given])
    there, kept, a, b, least = connection.execute(SQL.format(start=period.start, end=period.end)).fetchone()
    options = {"horizon": "period"}
    logo, net, gross = (headline(name, tables=tables, period=period, options=options) for name in ("retention", "nrr", "grr"))
    assert (logo["n"], logo["numerator"]) == (there, kept)
    assert net["denominator"] == pytest.approx(float(a)) and net["numerator"] == pytest.approx(float(b)) and gross["numerator"] == pytest.approx(float(least))
    assert gross["value"] <= min(1, net["value"]) + 1e-12
    for name in ("logo_churn", "nrr_bridge", "movements"):
        assert asked(name, tables=tables, period=period, options=options).ok, name


def _random_agreements(rng):
    rows = []
    for _ in range(rng.randint(5, 40)):
        start = D("2024-10-01") + dt.timedelta(days=rng.randint(0, 300))
        end = start + dt.timedelta(days=rng.randint(1, 200)) if rng.random() < 0.7 else None
        status = rng.choice(["active", "trial"]) if end is None else "ended"
        rows.append({"customer_id": f"c{rng.randint(1, 12)}", "starts_on": start, "ends_on": end, "amount_per_month": rng.randint(1, 900), "status": status})
    return rows


# segments, rows behind, emptiness


def test_segments_add_up_to_the_whole():
    rows = [{**row, "product_id": f"p{k % 3}"} for k, row in enumerate(became(a=(10, 20), b=(30, 5), c=(7, 0), d=(9, 9)))]
    people = [{"customer_id": c, "name": c, "region": region} for c, region in zip("abcd", ["n", "n", "s", None], strict=True)]
    tables = made({"subscriptions": rows, "customers": people})
    whole, parts = headline("nrr", tables=tables), asked("nrr", tables=tables, by=("region",)).rows
    assert parts["numerator"].sum() == whole["numerator"] and parts["denominator"].sum() == whole["denominator"] and parts["n"].sum() == whole["n"]
    north = headline("nrr", tables=tables, where=(("region", ("n",)),))
    assert north["value"] == parts.set_index("region").loc["n", "value"] == (20 + 5) / (10 + 30)


@pytest.mark.parametrize("name", ["retention", "logo_churn", "nrr", "grr", "quick_ratio"])
def test_the_rows_behind_are_as_many_as_n(name):
    tables = made({"subscriptions": [*hundred_customers(), *became(a=(10, 20), b=(30, 5))]})
    card = CARDS[name]
    query = Query(YEAR, options=dict(card.options), settings=tables.settings)
    assert len(collect(card.behind(tables, query))) == ask(card, tables, dataclasses.replace(query, options={})).rows.loc[0, "n"]


@pytest.mark.parametrize("name", CARDS)
def test_nothing_there_is_no_data(name):
    answer = asked(name)
    assert answer.ok and (answer.rows.empty or answer.rows["value"].fillna(0).eq(0).all())
