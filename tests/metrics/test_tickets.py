"""Tickets: what is in time, what is too young to say, what came back, what is open on a day; and all of it again in plain SQL."""

import datetime as dt
import random
from functools import cache

import duckdb
import pyarrow as pa
import pytest

from access.scope import Scope
from metrics import tickets
from metrics.change import compare
from metrics.metric import ask
from metrics.period import Period
from metrics.query import Query, QuestionError, collect
from metrics.stats import wilson
from tests.made import made

D = dt.date.fromisoformat
CARDS = {metric.name: metric for metric in tickets.METRICS}
SHARES = pytest.mark.parametrize("name", ["tickets_answered", "tickets_solved"])
MARCH = Period(D("2026-03-01"), D("2026-04-01"), D("2026-05-01"))
RUNNING = Period(D("2026-03-01"), D("2026-04-01"), D("2026-03-20"))


def ticket(name, opened="2026-03-02T08:00:00", answered=None, solved=None, **more):
    return {"ticket_id": name, "kind": "service", "opened_at": opened, "first_response_at": answered, "solved_at": solved, **more}


def measured(name, rows, period=MARCH, settings=None, scope=None, customers=(), **question):
    return asked(name, opened(rows, settings, scope, customers), period, **question)


def asked(name, tables, period=MARCH, **question):
    return ask(CARDS[name], tables, Query(period, settings=tables.settings, **question))


def behind(name, rows, period=MARCH, settings=None, **question):
    tables = opened(rows, settings)
    return collect(CARDS[name].behind(tables, Query(period, options={**CARDS[name].options}, settings=tables.settings, **question)))


def opened(rows, settings=None, scope=None, customers=()):
    return made({"tickets": rows, "customers": list(customers)}, settings, **({"scope": scope} if scope else {}))


def one(answer):
    assert len(answer.rows) == 1 and answer.ok
    return answer.rows.iloc[0]


# in time

ANSWERS = [  # ticket, answered in time
    (ticket("at the limit", answered="2026-03-03T08:00:00"), True),
    (ticket("a second late", answered="2026-03-03T08:00:01"), False),
    (ticket("never", solved=None), False),
    (ticket("solved at once, no answer on record", solved="2026-03-02T09:00:00"), True),
    (ticket("solved late, no answer on record", solved="2026-03-04T09:00:00"), False),
    (ticket("answered, then solved late", answered="2026-03-02T09:00:00", solved="2026-04-04T09:00:00"), True),
]
SOLUTIONS = [  # ticket, solved in time
    (ticket("at the limit", solved="2026-03-09T08:00:00"), True),
    (ticket("a second late", solved="2026-03-09T08:00:01"), False),
    (ticket("open", answered="2026-03-02T09:00:00"), False),
    (ticket("came back", solved="2026-03-03T08:00:00", reopened_count=1), False),
    (ticket("came back and is open", reopened_count=2), False),
    (ticket("never came back", solved="2026-03-03T08:00:00", reopened_count=0), True),
]


@pytest.mark.parametrize(("name", "cases"), [("tickets_answered", ANSWERS), ("tickets_solved", SOLUTIONS)])
def test_what_is_in_time(name, cases):
    rows = behind(name, [row for row, _ in cases])
    assert rows.set_index("ticket_id")["in_time"].to_dict() == {row["ticket_id"]: is_in_time for row, is_in_time in cases}
    assert rows["in_time"].is_monotonic_increasing, "the late ones first"
    found = one(measured(name, [row for row, _ in cases]))
    kept = sum(is_in_time for _, is_in_time in cases)
    low, high = wilson(kept, len(cases))
    assert (found["numerator"], found["n"], found["value"]) == (kept, len(cases), kept / len(cases))
    assert (found["low"], found["high"]) == (low, high)


def test_the_parts_beside_the_share():
    answered, solved = (one(measured(name, [row for row, _ in SOLUTIONS])) for name in ("tickets_answered", "tickets_solved"))
    assert (answered["waiting"], answered["reopened"], answered["young"]) == (1, 2, 0)  # "came back and is open" has neither an answer nor a solution
    assert (solved["waiting"], solved["reopened"], solved["young"]) == (2, 2, 0)


def test_whose_time_is_not_over_is_in_neither_number():
    """Loaded up to midnight before 20 March: a day back is the 19th at 0:00, a week back the 13th."""
    known = "2026-03-02T09:00:00"
    rows = [
        ticket("old", answered=known, solved=known),
        ticket("a day old", "2026-03-19T00:00:00"),
        ticket("younger", "2026-03-19T00:00:01"),
        ticket("younger, and answered at once", "2026-03-19T10:00:00", answered="2026-03-19T10:01:00"),
        ticket("a week old", "2026-03-13T00:00:00"),
        ticket("younger than a week", "2026-03-13T00:00:01"),
    ]
    answered, solved = (one(measured(name, rows, RUNNING)) for name in ("tickets_answered", "tickets_solved"))
    assert (answered["n"], answered["young"], answered["value"]) == (4, 2, 1 / 4)
    assert (solved["n"], solved["young"], solved["value"]) == (2, 4, 1 / 2)
    assert set(behind("tickets_answered", rows, RUNNING)["ticket_id"]) == {"old", "a day old", "a week old", "younger than a week"}


def test_a_day_begins_in_the_business_zone():
    """In Shanghai 20 March begins at 16:00 UTC of the 19th: a ticket of the 18th, 16:00 UTC is then exactly a day old."""
    rows = [ticket("due", "2026-03-18T16:00:00", answered="2026-03-18T17:00:00"), ticket("young", "2026-03-18T16:00:01")]
    found = one(measured("tickets_answered", rows, RUNNING, {"calendar": {"timezone": "Asia/Shanghai"}}))
    assert (found["n"], found["young"]) == (1, 1)


def test_a_step_with_young_tickets_is_still_running():
    rows = [ticket("a", "2026-03-10T08:00:00", solved="2026-03-11T08:00:00"), ticket("b", "2026-03-15T08:00:00"), ticket("c", "2026-03-17T08:00:00")]
    series = measured("tickets_solved", rows, RUNNING, grain="week").rows.set_index("period")
    assert series.loc[D("2026-03-09"), ["n", "young", "complete"]].tolist() == [1, 1, False]  # over, but b may still be solved in time
    assert series.loc[D("2026-03-16"), ["n", "young", "state"]].tolist() == [0, 1, "no_data"]
    assert measured("tickets_answered", rows, RUNNING, grain="week").rows.set_index("period").loc[D("2026-03-09"), "complete"]


@pytest.mark.parametrize(
    ("name", "option", "settings", "length", "in_time"),
    [
        ("tickets_answered", {}, {}, 24, 0),
        ("tickets_answered", {}, {"within_hours": 48}, 48, 1),
        ("tickets_answered", {"within_hours": 47}, {"within_hours": 48}, 47, 0),
        ("tickets_answered", {"within_hours": "48"}, {}, 48, 1),  # as a command line writes it
        ("tickets_solved", {}, {}, 7, 1),
        ("tickets_solved", {}, {"within_days": 1}, 1, 0),
        ("tickets_solved", {"within_days": 2}, {"within_days": 1}, 2, 1),
    ],
)
def test_how_long_is_in_time(name, option, settings, length, in_time):
    row = ticket("a", answered="2026-03-04T08:00:00", solved="2026-03-04T08:00:00")  # 48 hours
    answer = measured(name, [row], settings={"metrics": {"tickets": settings}}, options=option)
    assert (one(answer)["value"], list(answer.notes.values())) == (in_time, [length])


@pytest.mark.parametrize("given", [-1, 1.5, "soon", True])
def test_a_length_that_is_none_is_refused(given):
    with pytest.raises(QuestionError, match="within_hours is a whole number from 1 on"):
        measured("tickets_answered", [ticket("a")], settings={"metrics": {"tickets": {"within_hours": given}}})


@SHARES
def test_a_source_that_keeps_no_such_times_says_nothing(name):
    """A source without first responses cannot show that nobody was answered."""
    recorded = {"tickets_answered": "first_response_at", "tickets_solved": "solved_at"}[name]
    rows = [ticket("a", answered="2026-03-02T09:00:00", solved="2026-03-02T10:00:00") | {recorded: None}, ticket("b")]
    row = one(measured(name, rows))
    assert (row["state"], row["n"]) == ("no_data", 2)
    assert len(behind(name, rows)) == 2


@SHARES
def test_no_tickets_is_no_data(name):
    row = one(measured(name, []))
    assert (row["state"], row["n"]) == ("no_data", 0)
    assert one(measured(name, [ticket("after", "2026-04-01T00:00:00", "2026-04-01T00:00:00", "2026-04-01T00:00:00")]))["state"] == "no_data"


@pytest.mark.parametrize(("column", "groups"), [("kind", {"complaint": 0, "service": 1}), ("priority", {"high": 1 / 2}), ("region", {"North": 1, None: 0})])
def test_by_columns_of_tickets_and_of_customers(column, groups):
    """Customers have a kind too (company or person): a ticket's own comes first."""
    customers = [{"customer_id": "c", "kind": "person", "region": "North"}, {"customer_id": "d", "kind": "company"}]
    rows = [ticket("a", answered="2026-03-02T09:00:00", customer_id="c", priority="high"), ticket("b", customer_id="d", kind="complaint", priority="high")]
    found = measured("tickets_answered", rows, customers=customers, by=(column,)).rows
    assert {None if key != key else key: value for key, value in zip(found[column], found["value"], strict=True)} == groups


# the list


def test_how_each_ticket_stands_today():
    rows = [
        ticket("solved", answered="2026-03-02T09:30:00", solved="2026-03-05T20:00:00"),
        ticket("back", solved="2026-03-05T20:00:00", reopened_count=1),
        ticket("open", reopened_count=1),
    ]
    found = behind("tickets_answered", rows).set_index("ticket_id")
    assert found["state"].to_dict() == {"solved": "solved", "back": "reopened", "open": "open"}
    assert (found.loc["solved", "answered_hours"], found.loc["solved", "solved_days"]) == (1.5, 3.5)
    assert found.loc["open", ["answered_hours", "solved_days"]].isna().all()


@pytest.mark.parametrize("name", sorted(CARDS))
def test_a_list_for_partners_holds_no_owner_contact_or_amount(name):
    """Whatever else the source keeps of a ticket: a price of the repair, a phone number, who is on it."""
    rows = behind(name, [ticket("a", answered="2026-03-02T09:00:00", amount=3, phone="13800138000", owner="Ann")])
    more = {"open_tickets": "age_days"}.get(name, "in_time")
    expected = ["ticket_id", "customer_id", "customer", "kind", "priority", "channel", "opened_on", "answered_hours", "solved_days", "reopened_count", "state"]
    assert len(rows) == 1 and list(rows) == [*expected, more]


# open on a day

STOCK = [
    ticket("long", "2025-12-01T08:00:00"),
    ticket("solved later", "2026-03-10T08:00:00", solved="2026-04-01T00:00:00"),
    ticket("solved on the last day", "2026-03-10T08:00:00", solved="2026-03-31T23:00:00"),
    ticket("opened on the last day", "2026-03-31T23:00:00", kind="complaint"),
    ticket("opened later", "2026-04-01T00:00:00"),
    ticket("came back", "2026-03-30T08:00:00", reopened_count=1),
    ticket("came back, solved again", "2026-03-20T08:00:00", solved="2026-03-22T08:00:00", reopened_count=1),
]


def test_open_on_a_day_whenever_opened():
    row = one(measured("open_tickets", STOCK))
    # ages on 31 March: long 30 + 31 + 28 + 31, solved later 21, came back 1, opened on the last day 0
    assert (row["value"], row["n"], row["oldest_days"], row["median_days"]) == (4, 4, 120, 11)
    found = behind("open_tickets", STOCK)
    assert list(zip(found["ticket_id"], found["age_days"], strict=True)) == [
        ("long", 120), ("solved later", 21), ("came back", 1), ("opened on the last day", 0),
    ]  # fmt: skip
    kinds = measured("open_tickets", STOCK, by=("kind",)).rows
    assert dict(zip(kinds["kind"], kinds["n"], strict=True)) == {"service": 3, "complaint": 1}


def test_a_series_is_the_stock_at_the_end_of_each_step():
    period = Period(D("2025-11-01"), D("2026-04-15"), D("2026-04-10"))
    series = measured("open_tickets", STOCK, period, grain="month").rows
    # before the first ticket nothing is known; April runs up to the 9th: all but the three that were solved are open
    assert series["value"].fillna(-1).tolist() == [-1, 1, 1, 1, 4, 4]
    assert series["oldest_days"].fillna(-1).tolist() == [-1, 30, 61, 89, 120, 129]
    assert series["complete"].tolist() == [True, True, True, True, True, False]


def test_nothing_open_is_0_and_no_tickets_are_no_data():
    solved = [ticket("a", solved="2026-03-03T08:00:00")]
    row = one(measured("open_tickets", solved))
    assert (row["value"], row["state"]) == (0, "value")
    assert measured("open_tickets", solved, grain="week").rows["value"].fillna(-1).tolist() == [-1, 0, 0, 0, 0, 0]  # the first week ends with 1 March
    assert one(measured("open_tickets", []))["state"] == "no_data"


def test_a_stock_that_differs_has_changed_however_small():
    tables = opened([ticket("a", "2026-01-20T08:00:00"), ticket("b")])
    change = compare(CARDS["open_tickets"], tables, Query(MARCH, settings=tables.settings))
    assert (change.delta, change.verdict) == (1, "changed")


def test_a_period_that_has_not_begun_has_no_series():
    ahead = Period(D("2026-08-01"), D("2026-10-01"), D("2026-05-01"))
    assert set(measured("open_tickets", STOCK, ahead, grain="month").rows["state"]) == {"no_data"}


@pytest.mark.parametrize("name", sorted(CARDS))
def test_a_reader_sees_the_tickets_of_own_customers(name):
    customers = [{"customer_id": "c", "region": "North"}, {"customer_id": "d", "region": "South"}]
    rows = [ticket(k, customer_id=c, answered="2026-03-02T09:00:00") for k, c in (("a", "c"), ("b", "d"), ("e", "d"))] + [
        ticket("s", customer_id="c", solved="2026-03-03T09:00:00")
    ]
    everyone, north = one(measured(name, rows, customers=customers)), one(measured(name, rows, customers=customers, scope=Scope((("region", ("North",)),))))
    assert (everyone["n"], north["n"]) == ((3, 1) if name == "open_tickets" else (4, 2))


# the same in plain SQL

FIRST, NOW = dt.datetime(2025, 9, 1), D("2026-03-01")
WINTER = Period(D("2025-11-01"), D("2026-03-01"), NOW)
BY = pytest.mark.parametrize("by", [(), ("kind",), ("priority",), ("region",)], ids=str)
SEEDS = pytest.mark.parametrize("seed", range(5))


@cache
def company(seed):
    rng = random.Random(seed)
    customers = [{"customer_id": f"c{k}", "name": f"C {k}", "region": rng.choice(["N", "S", None])} for k in range(12)]
    rows = []
    for k in range(250):
        at = FIRST + dt.timedelta(seconds=rng.randrange(180 * 86_400))
        answered = at + dt.timedelta(seconds=rng.choice([60, 86_400, 86_401, rng.randrange(3 * 86_400)])) if rng.random() < 0.8 else None
        solved = at + dt.timedelta(seconds=rng.choice([86_400 * 7, 86_400 * 7 + 1, rng.randrange(20 * 86_400)])) if rng.random() < 0.8 else None
        beside = {
            "kind": rng.choice(["enquiry", "complaint", "service"]),
            "priority": rng.choice(["high", "low", None]),
            "reopened_count": rng.choice([0, 0, 0, 1]),
        }
        rows.append(ticket(f"t{k}", at, answered, solved, customer_id=f"c{rng.randrange(12)}", **beside))
    return customers, rows


@cache
def tables_of(seed):
    customers, rows = company(seed)
    return opened(rows, customers=customers)


@cache
def raw(seed):
    con = duckdb.connect()
    for name, rows in zip(("customers", "tickets"), company(seed), strict=True):
        con.register("given", pa.Table.from_pylist(rows))
        con.execute(f"create table {name} as from given")
    return con


def second_opinion(name, seed, by, sql, figures, **question):
    found = asked(name, tables_of(seed), WINTER, by=by, **question).rows
    keys = list(found.columns[: found.columns.get_loc("value")])
    texts = [[None if value != value else str(value) for value in found[key]] for key in keys]
    got = dict(zip(zip(*texts, strict=True) if keys else [()], found[figures].astype(float).fillna(-1).to_numpy().tolist(), strict=True))
    expected = {tuple(k and str(k) for k in row[: len(keys)]): row[len(keys) :] for row in raw(seed).execute(sql).fetchall()}
    assert expected and got.keys() == expected.keys()
    for key, row in got.items():
        assert row == pytest.approx([-1 if v is None else float(v) for v in expected[key]]), key


@SEEDS
@BY
@pytest.mark.parametrize(("name", "limit", "kept"), [
    ("tickets_answered", "interval 24 hours", "coalesce(first_response_at, solved_at) <= opened_at + interval 24 hours"),
    ("tickets_solved", "interval 7 days", "solved_at <= opened_at + interval 7 days and reopened_count = 0"),
])  # fmt: skip
def test_shares_in_plain_sql(name, limit, kept, by, seed):
    sql = f"""
        with due as (select *, opened_at + {limit} <= timestamp '2026-03-01' as is_due, coalesce({kept}, false) as kept
            from tickets left join customers using (customer_id) where opened_at >= '2025-11-01' and opened_at < '2026-03-01')
        select {"".join(f"{key}, " for key in by)} count(*) filter (is_due and kept) / nullif(count(*) filter (is_due), 0), count(*) filter (is_due),
            count(*) filter (is_due and kept), count(*) filter (not is_due) from due group by all"""
    second_opinion(name, seed, by, sql, ["value", "n", "numerator", "young"])


@SEEDS
@BY
def test_the_stock_in_plain_sql(by, seed):
    """The value as of each month's end; a group is known from the first month on if it has anything open in any of them."""
    keys = "".join(f"{key}, " for key in by)
    sql = f"""
        with ends as (select unnest([date '2025-11-01', date '2025-12-01', date '2026-01-01', date '2026-02-01']) as month),
        open as (select month, {keys} date_diff('day', opened_at::date, (month + interval 1 month)::date) - 1 as age
            from ends, tickets left join customers using (customer_id)
            where opened_at < month + interval 1 month and (solved_at is null or solved_at >= month + interval 1 month))
        select month, {keys} count(*), max(age), median(age) from open group by all"""
    found = asked("open_tickets", tables_of(seed), WINTER, by=by, grain="month").rows
    assert (found["value"] > 0).all(), "the SQL has no row where nothing is open"
    second_opinion("open_tickets", seed, by, sql, ["value", "oldest_days", "median_days"], grain="month")
