"""Cohorts: a cell is observed, in progress or not yet observable, and its denominator are those who have reached the age."""

import datetime as dt
import random
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from metrics import cohorts
from metrics.cohorts import _average
from metrics.metric import ask
from metrics.period import Period
from metrics.query import Query, QuestionError, collect
from tests.made import made

D = dt.date.fromisoformat
CARDS = {metric.name: metric for metric in cohorts.METRICS}


def asked(name, tables, start, end, as_of, **question):
    return ask(CARDS[name], tables, Query(Period(D(start), D(end), D(as_of)), settings=tables.settings, **question))


def shop(**customers):
    """Customers and the days they bought on."""
    return made({"invoices": [{"customer_id": c, "issued_on": day, "amount": 1} for c, days in customers.items() for day in days]})


def cells(answer, column="value"):
    rows = answer.rows[answer.rows["cohort"].notna()]
    return {(row["cohort"].isoformat()[:7], row["age"]): None if pd.isna(row[column]) else row[column] for _, row in rows.iterrows()}


def average(answer):
    rows = answer.rows[answer.rows["cohort"].isna()]
    return dict(zip(rows["age"], rows["value"], strict=True))


# worked cases


@pytest.mark.parametrize(("kind", "expected"), [("pooled", (500 + 400) / (1000 + 500)), ("simple", (500 / 1000 + 400 / 500) / 2)])
def test_the_average_line_leaves_out_what_still_runs(kind, expected):
    """Cohorts 1000 → 500, 500 → 400, 700 → 10 (third incomplete): 60.0 % and 65.0 %. Mixpanel's data."""
    rows = pd.DataFrame([
        {"cohort": 1, "age": 1, "n": 1000, "numerator": 500, "size": 1000, "value": 0.5},
        {"cohort": 2, "age": 1, "n": 500, "numerator": 400, "size": 500, "value": 0.8},
        {"cohort": 3, "age": 1, "n": 0, "numerator": float("nan"), "size": 700, "value": float("nan")},
    ])  # fmt: skip
    line = _average(rows, Query(Period(D("2026-01-01"), D("2026-02-01"), D("2026-02-01")), options={"average": kind}))
    assert line["value"].tolist() == pytest.approx([expected])


@pytest.mark.parametrize(("kind", "expected"), [("pooled", (2 + 4) / (4 + 5)), ("simple", (2 / 4 + 4 / 5) / 2)])
def test_the_average_over_cohorts_as_asked(kind, expected):
    """The same in small: 4 → 2, 5 → 4, and 7 → 1 of a month that still runs."""
    people = {f"a{k}": ["2026-01-05", *(["2026-02-05"] if k < 2 else [])] for k in range(4)}
    people |= {f"b{k}": ["2026-02-05", *(["2026-03-05"] if k < 4 else [])] for k in range(5)}
    people |= {f"c{k}": ["2026-03-05", *(["2026-04-05"] if k < 1 else [])] for k in range(7)}
    answer = asked("cohorts", shop(**people), "2026-01-01", "2026-04-11", "2026-04-11", options={"average": kind})
    assert average(answer)[1] == pytest.approx(expected)
    assert cells(answer)["2026-03", 1] is None and cells(answer, "cell")["2026-03", 1] == "in_progress" and cells(answer, "so_far")["2026-03", 1] == 1


def test_the_denominator_holds_only_who_has_reached_the_age():
    """10 customers; 4 are 1 month old, 6 are 2 or more; 3 of the 6 return in month 2: 50 %. Amplitude's rule."""
    people = {f"young{k}": ["2026-03-02"] for k in range(4)} | {f"old{k}": ["2026-01-02", *(["2026-03-10"] if k < 3 else [])] for k in range(6)}
    answer = asked("cohorts", shop(**people), "2026-01-01", "2026-04-15", "2026-04-15", options={"clock": "rolling"})
    assert average(answer)[2] == 3 / 6
    cell = answer.rows[(answer.rows["cohort"] == D("2026-01-01")) & (answer.rows["age"] == 2)].iloc[0]
    assert (cell["n"], cell["numerator"], cell["cell"]) == (6, 3, "observed")


@pytest.mark.parametrize(("clock", "expected"), [("calendar", 1.0), ("rolling", 0.0)])
def test_calendar_and_rolling_months(clock, expected):
    """Buys 25 February, again 3 March. Calendar month 1: retained; rolling month 1: not. Source: Mixpanel."""
    tables = shop(c=["2026-02-25", "2026-03-03"])
    assert cells(asked("cohorts", tables, "2026-02-01", "2026-06-01", "2026-06-01", options={"clock": clock}))["2026-02", 1] == expected


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("on", [1, 0, 1, 0]),  # bought at ages 0 and 2
        ("on_or_after", [1, 1, 1, 0]),
        ("on_or_before", [0, 0, 1, 1]),  # counted from age 1
    ],
)
def test_modes(mode, expected):
    answer = asked("cohorts", shop(c=["2026-01-05", "2026-03-05"]), "2026-01-01", "2026-05-01", "2026-05-01", options={"mode": mode})
    assert list(cells(answer).values()) == expected


def test_three_states_of_a_cell():
    tables = shop(a=["2026-01-05"], b=["2026-03-05", "2026-03-20"])
    states = cells(asked("cohorts", tables, "2026-01-01", "2026-04-01", "2026-03-21"), "cell")
    assert [states["2026-01", k] for k in range(3)] == ["observed", "observed", "in_progress"]
    assert [states["2026-03", k] for k in range(3)] == ["in_progress", "not_observable", "not_observable"]


def test_a_customer_from_before_the_period_is_in_no_cohort():
    answer = asked("cohorts", shop(old=["2025-06-01", "2026-01-05"], new=["2026-01-06"]), "2026-01-01", "2026-03-01", "2026-03-01")
    assert answer.rows.loc[0, "size"] == 1


def test_agreements_are_looked_at_at_month_ends():
    """Two begin in January, one leaves on 10 February: age 0 2/2, age 1 1/2."""
    given = [{"customer_id": c, "starts_on": "2026-01-10", "ends_on": end, "amount_per_month": 5, "status": "ended" if end else "active"}
             for c, end in (("a", None), ("b", "2026-02-10"))]  # fmt: skip
    tables = made({"subscriptions": given, "payments": [{"customer_id": "a", "paid_on": "2026-03-31"}]})
    answer = asked("cohorts", tables, "2026-01-01", "2026-04-01", "2026-04-01")
    assert answer.notes["basis"] == "recurring"
    assert [cells(answer)["2026-01", k] for k in range(3)] == [1, 1 / 2, 1 / 2]
    quarterly = asked("cohorts", tables, "2026-01-01", "2026-04-01", "2026-04-01", grain="quarter")
    assert cells(quarterly)["2026-01", 0] == 1 / 2  # of those who began in the quarter one is there at its end
    with pytest.raises(QuestionError, match="counted at month ends"):
        asked("cohorts", tables, "2026-01-01", "2026-04-01", "2026-04-01", options={"clock": "rolling"})


def test_by_first_contact():
    tables = made({
        "customers": [{"customer_id": c, "name": c, "first_contact_on": "2026-01-20"} for c in "ab"],
        "invoices": [{"customer_id": "a", "issued_on": "2026-02-03", "amount": 5}],
    })  # fmt: skip
    answer = asked("cohorts", tables, "2026-01-01", "2026-03-01", "2026-03-01", options={"basis": "first_contact"})
    assert [cells(answer)["2026-01", k] for k in range(2)] == [0, 1 / 2]


@pytest.mark.parametrize(("option", "value"), [("mode", "near"), ("clock", "lunar"), ("average", "median"), ("basis", "visits")])
def test_an_option_there_is_not_is_refused(option, value):
    with pytest.raises(QuestionError, match=f"no {option} '{value}'; there are"):
        asked("cohorts", shop(), "2026-01-01", "2026-02-01", "2026-02-01", options={option: value})


def test_first_month_retention():
    """Four begin in January, three of them buy in February; who begins in March, which is not over, is not asked yet."""
    people = {f"a{k}": ["2026-01-05", *(["2026-02-20"] if k < 3 else ["2026-03-01"])] for k in range(4)} | {"late": ["2026-03-05"]}
    row = asked("first_month_retention", shop(**people), "2026-01-01", "2026-04-01", "2026-03-20").rows.iloc[0]
    assert (row["value"], row["n"], row["numerator"]) == (3 / 4, 4, 3)
    series = asked("first_month_retention", shop(**people), "2026-01-01", "2026-04-01", "2026-03-20", grain="month").rows
    assert series["state"].tolist() == ["value", "no_data", "no_data"]


# a second opinion

SQL = """
WITH firsts AS (SELECT customer_id, min(issued_on) AS first_on FROM given GROUP BY 1),
active AS (
    SELECT DISTINCT g.customer_id, date_trunc('month', first_on) AS cohort, date_diff('month', first_on, issued_on) AS age
    FROM given g JOIN firsts USING (customer_id))
SELECT strftime(cohort, '%Y-%m'), age, count(*) FROM active GROUP BY 1, 2
"""


@pytest.mark.parametrize("seed", range(8))
def test_plain_sql_counts_the_same(seed):
    rng = random.Random(seed)
    lines = [{"customer_id": f"c{rng.randint(1, 15)}", "issued_on": D("2026-01-01") + dt.timedelta(days=rng.randint(0, 180)), "amount": 1} for _ in range(60)]
    answer = asked("cohorts", made({"invoices": lines}), "2026-01-01", "2026-08-01", "2026-08-01")
    connection = duckdb.connect()
    connection.execute("CREATE TABLE given (customer_id TEXT, issued_on DATE)")
    connection.executemany("INSERT INTO given VALUES (?, ?)", [(line["customer_id"], line["issued_on"]) for line in lines])
    expected = {(cohort, age): n for cohort, age, n in connection.execute(SQL).fetchall()}
    assert {key: count for key, count in cells(answer, "numerator").items() if count} == expected
    assert sum(cells(answer, "size")[cohort, 0] for cohort, age in cells(answer) if age == 0) == len({line["customer_id"] for line in lines})


def test_the_rows_behind_are_the_cohorts_customers():
    tables = shop(a=["2026-01-05"], b=["2026-02-05"], old=["2025-02-05", "2026-01-01"])
    query = Query(Period(D("2026-01-01"), D("2026-03-01"), D("2026-03-01")), options=dict(CARDS["cohorts"].options), settings=tables.settings)
    assert sorted(collect(CARDS["cohorts"].behind(tables, query))["customer_id"]) == ["a", "b"]


# published

RETAIL = Path(__file__).parents[3] / "shared/data/online_retail/online_retail_all.csv"


@pytest.mark.slow
@pytest.mark.skipif(not RETAIL.exists(), reason="needs ../shared/data/online_retail")
def test_online_retails_first_cohort():
    """885 customers, then 324, 286, 340, 321, 352, 321, 309, 313, 350, 331, 445, 235 in a month that still runs. Published notebook."""
    sales = duckdb.sql(
        "SELECT DISTINCT CAST(CustomerID AS DOUBLE)::INT::TEXT, CAST(InvoiceDate AS DATE)::TEXT FROM read_csv($path, all_varchar = true) "
        "WHERE CustomerID IS NOT NULL AND CAST(Quantity AS INT) > 0 AND CAST(UnitPrice AS DOUBLE) > 0",
        params={"path": str(RETAIL)},
    ).fetchall()
    tables = made({"invoices": [{"customer_id": customer, "issued_on": day, "amount": 1} for customer, day in sales]})
    answer = asked("cohorts", tables, "2010-12-01", "2011-12-10", "2011-12-10")
    first = answer.rows[answer.rows["cohort"] == D("2010-12-01")]
    assert first["so_far"].astype(int).tolist() == [885, 324, 286, 340, 321, 352, 321, 309, 313, 350, 331, 445, 235]
    assert first["cell"].tolist() == ["observed"] * 12 + ["in_progress"]
    second = answer.rows[answer.rows["cohort"] == D("2011-01-01")]
    assert second["so_far"].astype(int).tolist()[:5] == [417, 92, 111, 96, 134]


def test_a_running_cell_is_never_nought_and_still_weighs_in_the_average():
    """Began 5 and 25 January, seen until 9 March: of age 1 one is over (5 February to 4 March, not back) and one still runs. Nobody knows yet: no 0 %."""
    people = {"over": ["2026-01-05"], "running": ["2026-01-25"]}
    answer = asked("cohorts", shop(**people), "2026-01-01", "2026-03-10", "2026-03-10", options={"clock": "rolling"})
    assert (cells(answer, "cell")["2026-01", 1], cells(answer)["2026-01", 1]) == ("in_progress", None)
    average = answer.rows[answer.rows["cohort"].isna() & (answer.rows["age"] == 1)].iloc[0]
    assert (average["value"], average["n"]) == (0 / 1, 1)
