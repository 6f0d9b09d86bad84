"""Who served whom when: a hand-over in the middle of a month, overlaps, gaps, owners who left; all owners and nobody add up to revenue; plain SQL."""

import datetime as dt
import random
from functools import cache

import duckdb
import pytest

from metrics import CATALOGUE, people
from metrics.metric import ask
from metrics.period import Period
from metrics.query import Query, collect
from metrics.tenure import EVER, METRICS, changes, served, tenures
from tests.company import SETTINGS
from tests.made import made

(OWNED,) = METRICS
D = dt.date.fromisoformat
MARCH = Period(D("2026-03-01"), D("2026-04-01"), D("2026-04-01"))
FEBRUARY = Period(D("2026-02-01"), D("2026-03-01"), D("2026-04-01"))
OWNERS = [{"owner_id": f"o:{name}", "name": name, "department": team} for name, team in (("Ann", "East"), ("Bob", "West"), ("Cid", "West"))]
OWNERS[2]["is_active"] = False  # has left


def held(customer, owner, first, last=None, **more):
    at = lambda day: day if day is None or "T" in day else f"{day}T00:00:00"  # noqa: E731
    return {"object": "customer", "object_id": customer, "owner_id": owner, "from_at": at(first), "to_at": at(last), **more}


def sold(customer, *days, amount=10):
    return [
        {"invoice_line_id": f"l:{customer}:{day}", "invoice_id": f"i:{customer}:{day}", "customer_id": customer, "issued_on": day, "amount": amount}
        for day in days
    ]


def opened(assignments, invoices, present=None, settings=None):
    ids = sorted({row["customer_id"] for row in invoices} | {row["object_id"] for row in assignments} | {*(present or {})})
    customers = [{"customer_id": c, "name": c[2:], "owner_id": (present or {}).get(c)} for c in ids]
    return made({"customers": customers, "owners": OWNERS, "owner_assignments": assignments, "invoices": invoices}, settings)


def by(tables, *columns, period=MARCH, where=(), grain=None):
    return ask(OWNED, tables, Query(period, grain, columns, where, settings=tables.settings)).rows


def credits(tables, column="owner_id", **question):
    rows = by(tables, column, **question)
    return {row[column] if isinstance(row[column], str) else None: row["value"] for row in rows.to_dict("records")}


CASES = {  # name: (assignments, present owner, days of invoices of 10 each, what each is credited)
    "handed over in the middle": (
        [("o:Ann", "2026-01-01", "2026-03-15"), ("o:Bob", "2026-03-15", None)], "o:Bob", ("03-14", "03-15", "03-16"), {"o:Ann": 10, "o:Bob": 20},
    ),
    "the later begun wins": ([("o:Ann", "2026-01-01", None), ("o:Bob", "2026-03-10", "2026-03-20")], "o:Ann", ("03-09", "03-10", "03-19", "03-20"),
                             {"o:Ann": 20, "o:Bob": 20}),
    "a gap is nobody's": ([("o:Ann", "2026-01-01", "2026-03-10"), ("o:Bob", "2026-03-20", None)], "o:Bob", ("03-09", "03-10", "03-20"),
                          {"o:Ann": 10, None: 10, "o:Bob": 10}),
    "before the first assignment": ([("o:Bob", "2026-03-20", None)], "o:Bob", ("03-05", "03-21"), {None: 10, "o:Bob": 10}),
    "who left is followed by nobody": ([("o:Cid", "2026-01-01", "2026-03-12")], "o:Ann", ("03-11", "03-12"), {"o:Cid": 10, None: 10}),
    "no assignment on record": ([], "o:Ann", ("03-05", "03-06"), {"o:Ann": 20}),
    "no assignment and no owner": ([], None, ("03-05",), {None: 10}),
    "of another kind of thing": ([("o:Bob", "2026-01-01", None, {"object": "lead"})], "o:Ann", ("03-05",), {"o:Ann": 10}),
}  # fmt: skip


@cache
def of_cases():
    """Every case is a customer of its own."""
    assignments = [held(f"k:{name}", *span[:3], **(span[3] if len(span) > 3 else {})) for name, case in CASES.items() for span in case[0]]
    lines = [line for name, case in CASES.items() for line in sold(f"k:{name}", *(f"2026-{day}" for day in case[2]))]
    return opened(assignments, lines, {f"k:{name}": case[1] for name, case in CASES.items()})


@pytest.mark.parametrize("name", CASES)
def test_a_line_is_credited_to_who_was_responsible_that_day(name):
    _, _, days, expected = CASES[name]
    where = (("customer_id", (f"k:{name}",)),)
    assert credits(of_cases(), where=where) == expected
    assert by(of_cases(), where=where)[["value", "n"]].to_numpy().tolist() == [[10 * len(days), 1]]


def test_a_day_belongs_to_who_has_the_customer_at_its_end_in_the_business_zone():
    """15 March in Shanghai begins at 16:00 UTC on the 14th: whoever comes at 17:00 UTC has the 15th, not the 14th."""
    settings = {"calendar": {**SETTINGS["calendar"], "timezone": "Asia/Shanghai"}}
    spans = [held("k:1", "o:Ann", "2026-01-01", "2026-03-14T17:00:00"), held("k:1", "o:Bob", "2026-03-14T17:00:00")]
    assert credits(opened(spans, sold("k:1", "2026-03-14", "2026-03-15"), settings=settings)) == {"o:Ann": 10, "o:Bob": 10}


@cache
def shared():
    """Ann keeps a, hands b to Bob on the 11th, takes c over from Bob on the 21st; d is new with her on the 5th."""
    spans = [
        held("k:a", "o:Ann", "2026-01-01"), held("k:b", "o:Ann", "2026-01-01", "2026-03-11"), held("k:b", "o:Bob", "2026-03-11"),
        held("k:c", "o:Bob", "2026-01-01", "2026-03-21"), held("k:c", "o:Ann", "2026-03-21"), held("k:d", "o:Ann", "2026-03-05"),
    ]  # fmt: skip
    days = ("2026-02-10", "2026-03-10", "2026-03-30")
    return opened(spans, [row for c, amount in (("k:a", 1), ("k:b", 10), ("k:c", 100), ("k:d", 1000)) for row in sold(c, *days, amount=amount)])


ANNS = (("owner_id", ("o:Ann",)),)


def test_how_the_owner_holds_the_customer():
    """Ann, March: a on both days 2, d 2,000; b on the 10th 10, since handed over; c on the 30th 100, taken over."""
    assert credits(shared(), "holding", where=ANNS) == {"all_along": 2 + 2000, "handed_over": 10, "taken_over": 100}
    months = by(shared(), grain="month", period=Period(D("2026-02-01"), D("2026-04-01"), D("2026-04-01")), where=ANNS)
    assert months["value"].tolist() == [1 + 10, 2 + 10 + 100 + 2000]  # d was nobody's in February


def test_departments_are_those_of_the_day():
    assert credits(shared(), "department") == {"East": 2 + 10 + 100 + 2000, "West": 10 + 100}


def test_customers_served_with_revenue_now_and_before():
    tables = shared()
    rows = served(tables, *(Query(period, where=ANNS, settings=tables.settings) for period in (MARCH, FEBRUARY)))
    found = {row["customer"]: (row["revenue"], row["is_held"], row["since"]) for row in rows.to_dict("records")}
    assert list(found) == ["d", "c", "b", "a"]
    assert found == {
        "a": (2, True, D("2026-01-01")), "b": (10, False, None), "c": (100, True, D("2026-03-21")), "d": (2000, True, D("2026-03-05")),
    }  # fmt: skip
    assert rows.set_index("customer")["revenue_before"].dropna().to_dict() == {"a": 1, "b": 10}


def test_changes_of_hands():
    tables = shared()
    rows = changes(tables, Query(MARCH, where=ANNS, settings=tables.settings), ["o:Ann"])
    assert rows.drop(columns="customer_id").to_numpy().tolist() == [["taken_over", "c", D("2026-03-21"), "Bob"], ["handed_over", "b", D("2026-03-11"), "Bob"]]
    assert changes(tables, Query(MARCH, settings=tables.settings), ["o:Ann", "o:Bob"]).empty  # between themselves nothing changed hands


def test_the_same_owner_twice_in_a_row_is_one_stretch():
    """Snapshots that keep no history better write an assignment a day."""
    spans = [held("k:1", "o:Ann", "2026-01-01", "2026-01-02"), held("k:1", "o:Ann", "2026-01-02", "2026-01-03"), held("k:1", "o:Ann", "2026-01-03")]
    rows = collect(tenures(opened(spans, []))).sort_values("from_d")
    assert rows["from_d"].tolist() == [EVER, (D("2026-01-01") - D("1970-01-01")).days] and rows["to_d"].isna().tolist() == [False, True]


def test_whoever_served_a_record_served_the_customer_that_it_became():
    """erp:1 became crm:1. Bob had it in the ERP until the 11th, Ann has the customer in the CRM since then; of a lead of the same id nothing is said."""
    spans = [held("erp:1", "o:Bob", "2026-01-01", "2026-03-11"), held("crm:1", "o:Ann", "2026-03-11"), held("erp:1", "o:Cid", "2026-03-20", object="lead")]
    customers = [{"customer_id": "crm:1", "name": "One", "owner_id": "o:Ann"}, {"customer_id": "erp:1", "name": "One Ltd", "merged_into": "crm:1"}]
    invoices = [*sold("crm:1", "2026-03-12", amount=100), *sold("erp:1", "2026-03-05", "2026-03-25", amount=10)]
    tables = made({"customers": customers, "owners": OWNERS, "owner_assignments": spans, "invoices": invoices})
    assert credits(tables) == {"o:Bob": 10, "o:Ann": 110}
    rows = collect(tables["owner_assignments"].select("object", "object_id", "owner_id"))
    assert {*rows.itertuples(index=False, name=None)} == {("customer", "crm:1", "o:Bob"), ("customer", "crm:1", "o:Ann"), ("lead", "erp:1", "o:Cid")}


IN_SQL = """
    select o.owner_id, sum(amount) from invoices i left join lateral (
        select a.owner_id, a.from_at from assignments a where a.customer_id = i.customer_id
            and a.from_at < i.issued_on + interval 1 day and (a.to_at is null or a.to_at >= i.issued_on + interval 1 day)
        order by a.from_at desc, a.owner_id desc limit 1
    ) o on true where i.issued_on >= date '2026-03-01' and i.issued_on < date '2026-04-01' group by all
"""


def random_hands(seed):
    rng = random.Random(seed)
    day = lambda: D("2026-02-01") + dt.timedelta(days=rng.randrange(59))  # noqa: E731
    spans, seen = [], set()
    for _ in range(120):
        customer, first = f"k:{rng.randrange(25)}", day()
        if (customer, first) not in seen:
            last = first + dt.timedelta(days=rng.randrange(1, 40)) if rng.random() < 0.7 else None
            spans.append(held(customer, rng.choice(OWNERS)["owner_id"], first.isoformat(), last and last.isoformat()))
            seen.add((customer, first))
    return spans, [row for k in range(25) for row in sold(f"k:{k}", *{day().isoformat() for _ in range(12)}, amount=rng.randrange(1, 99))]


@pytest.mark.parametrize("seed", range(2))
def test_plain_sql_says_the_same(seed):
    spans, lines = random_hands(seed)
    told = {span["object_id"] for span in spans}
    connection = duckdb.connect()
    connection.execute("create table assignments (customer_id text, owner_id text, from_at timestamp, to_at timestamp)")
    connection.executemany("insert into assignments values (?, ?, ?, ?)", [(s["object_id"], s["owner_id"], s["from_at"], s["to_at"]) for s in spans])
    connection.execute("create table invoices (customer_id text, issued_on date, amount double)")
    connection.executemany(
        "insert into invoices values (?, ?, ?)", [(s["customer_id"], s["issued_on"], s["amount"]) for s in lines if s["customer_id"] in told]
    )
    expected = dict(connection.execute(IN_SQL).fetchall())
    assert None in expected and len(expected) == 4
    tables = opened(spans, [line for line in lines if line["customer_id"] in told])
    assert credits(tables) == pytest.approx(expected)
    whole, owned = (ask(metric, tables, Query(MARCH, settings=tables.settings)).rows for metric in (CATALOGUE["revenue"], OWNED))
    assert owned.equals(whole) and sum(expected.values()) == pytest.approx(whole["value"][0])


def test_who_may_be_chosen_serves_customers_or_has_served_some():
    """Ann serves one now and Cid did; Bob has a lead alone."""
    tables = opened([held("k:1", "o:Cid", "2026-01-01", "2026-02-01"), held("l:1", "o:Bob", "2026-01-01", object="lead")], [], {"k:1": "o:Ann"})
    assert [owner["name"] for owner in people.owners(tables)] == ["Ann", "Cid"]
