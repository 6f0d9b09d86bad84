"""Clocks: each worked case of the definitions, limits exact to the second, working time against a walk from minute to minute."""

import datetime as dt
from functools import cache
from zoneinfo import ZoneInfo

import duckdb
import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as tried
from hypothesis import strategies as st

from metrics import CATALOGUE
from metrics.clocks import CLOCKS, behind_clocks, kept_clocks, waiting
from metrics.metric import ask
from metrics.period import Period
from metrics.query import Query, QuestionError, collect
from metrics.worktime import Worktime, worktime
from tests import company
from tests.made import made

D, ZONE = dt.date.fromisoformat, ZoneInfo("Asia/Shanghai")
PERIOD = Period(D("2026-01-01"), D("2026-02-01"), as_of=D("2026-02-01"))
SETTINGS = {"calendar": {"timezone": "Asia/Shanghai", "currency": "CNY"}, "metrics": {"clocks": {"holidays": "CN"}}}
QUERY = Query(PERIOD, settings=SETTINGS)


def at(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=ZONE)


def said(customer: str, when: str, channel="call", **more) -> dict:
    return {"customer_id": customer, "channel": channel, "happened_at": at(when), "direction": "out", **more}


def signed(customer: str, when: str) -> dict:
    return {"customer_id": customer, "signed_at": at(when)}


FIRST = said("z", "2025-12-01T10:00:00")  # contacts are on record from here on


def shares(entities: dict, query: Query = QUERY) -> dict[str, tuple]:
    """Clock → numerator, n, pending, waiting."""
    entities = {**entities, "interactions": [FIRST, *entities.get("interactions", ())]}
    rows = ask(CATALOGUE["clocks"], made(entities, SETTINGS), query).rows
    return {row.clock: (row.numerator, row.n, row.pending, row.waiting) for row in rows.itertuples()}


@pytest.mark.parametrize(
    ("spoken", "expected"),
    [
        ("2026-01-08T10:00:00", (1, 1, 0, 0)),  # 72:00:00 is in time
        ("2026-01-08T10:00:01", (0, 1, 0, 0)),
        ("2026-01-05T09:59:59", (0, 1, 0, 1)),  # before the signing is no follow-up
        (None, (0, 1, 0, 1)),
    ],
)
def test_exactly_at_the_limit_is_in_time(spoken, expected):
    contacts = [said("a", spoken, "visit")] if spoken else []
    assert shares({"customers": [signed("a", "2026-01-05T10:00:00")], "interactions": contacts})["first_follow_up"] == expected


def test_what_is_not_over_is_in_neither_number():
    customers = [signed("a", "2026-01-30T10:00:00"), signed("b", "2026-01-30T10:00:00")]
    assert shares({"customers": customers, "interactions": [said("b", "2026-01-30T12:00:00")]})["first_follow_up"] == (0, 0, 1, 0)


def test_a_contact_that_the_customer_began_is_none_and_what_began_before_the_records_tells_nothing():
    customers = [signed("a", "2026-01-05T10:00:00"), signed("old", "2025-11-01T10:00:00")]
    contacts = [said("a", "2026-01-05T11:00:00", direction="in")]
    asked = QUERY.over(Period(D("2025-10-01"), D("2026-02-01"), as_of=D("2026-02-01")))
    assert shares({"customers": customers, "interactions": contacts}, asked)["first_follow_up"] == (0, 1, 0, 1)


@pytest.mark.parametrize(
    ("start", "within", "due"),
    [
        ("2026-01-09T17:30", 3600, "2026-01-12T09:30"),  # DEFINITIONS, section 8: Friday, due Monday
        ("2026-01-09T17:00", 3600, "2026-01-09T18:00"),
        ("2026-01-10T12:00", 1800, "2026-01-12T09:30"),  # a Saturday
        ("2026-02-14T17:30", 3600, "2026-02-24T09:30"),  # a Saturday that is worked for the Spring Festival of nine days
    ],
)
def test_working_time_knows_weekends_holidays_and_make_up_workdays(start, within, due):
    hours = worktime(QUERY, D("2026-01-01"))
    found = hours.due(np.array([int(at(start).timestamp())]), within)[0]
    assert dt.datetime.fromtimestamp(int(found), ZONE) == at(due)


def test_an_hour_of_working_time_begins_when_the_business_opens():
    customers = [signed(c, "2026-01-09T17:30:00") for c in ("a", "b", "visited")]
    contacts = [said("a", "2026-01-12T09:30:00"), said("b", "2026-01-12T09:30:01"), said("visited", "2026-01-09T17:45:00", "visit")]
    assert shares({"customers": customers, "interactions": contacts})["adviser_call"] == (1, 3, 0, 1)


@tried(max_examples=30, deadline=None)
@given(st.integers(0, 20 * 1440), st.integers(1, 20 * 60))
def test_working_time_is_what_one_counts_minute_by_minute(start, within):
    hours = Worktime(9 * 3600, 18 * 3600, (1, 2, 3, 4, 5), "CN", ZONE, D("2026-01-26"), 60)
    begin = int(at("2026-01-26T00:00").timestamp())
    minute, left = begin + 60 * start, within
    while left:
        local = dt.datetime.fromtimestamp(minute, ZONE)
        left -= bool(hours.is_working[(local.date() - hours.first).days] and 9 <= local.hour < 18)
        minute += 60
    assert hours.due(np.array([begin + 60 * start]), 60 * within)[0] == minute
    assert hours.worked(minute) - hours.worked(begin + 60 * start) == 60 * within


def test_the_engine_counts_working_time_as_python_does():
    starts = [f"2026-01-{day:02d}T{hour:02d}:{minute:02d}:07" for day in range(1, 29) for hour, minute in ((7, 59), (9, 0), (12, 34), (18, 0), (23, 59))]
    customers = [signed(f"c{k}", start) for k, start in enumerate(starts)]
    contacts = [said(f"c{k}", "2026-01-31T16:00:01") for k in range(len(starts))]
    tables = made({"customers": customers, "interactions": [FIRST, *contacts]}, SETTINGS)
    rows = collect(behind_clocks(tables, Query(PERIOD, where=(("clock", ("adviser_call",)),), settings=SETTINGS))).set_index("customer_id")
    hours, end = worktime(QUERY, D("2025-12-30")), int(at("2026-01-31T16:00:01").timestamp())
    assert len(rows) == len(starts)
    for k, start in enumerate(starts):
        assert rows.loc[f"c{k}", "hours"] * 3600 == pytest.approx(int(hours.worked(end) - hours.worked(int(at(start).timestamp()))))


def test_a_plan_a_day_after_the_complaint_was_handled_is_in_time():
    def complaint(name, plan):
        return {"ticket_id": name, "customer_id": "a", "kind": "complaint", "opened_at": at("2026-01-04T10:00:00"), "solved_at": at("2026-01-05T10:00:00"),
                "plan_sent_at": at(plan) if plan else None}  # fmt: skip

    tickets = [complaint("t1", "2026-01-06T10:00:00"), complaint("t2", "2026-01-06T10:00:01"), complaint("t3", None)]
    service = {"ticket_id": "s", "customer_id": "a", "kind": "service", "opened_at": at("2026-01-04T10:00:00"), "solved_at": at("2026-01-05T10:00:00")}
    assert shares({"customers": [{"customer_id": "a"}], "tickets": [*tickets, service]})["improvement_plan"] == (1, 3, 0, 1)


def test_a_quote_that_was_given_twice_is_followed_up_twice():
    stages = [{"deal_id": "d", "stage": stage, "entered_at": at(when)} for stage, when in (
        ("Lead", "2026-01-04T10:00"), ("Quote", "2026-01-05T10:00"), ("Follow-up", "2026-01-10T10:00"), ("报价", "2026-01-12T10:00"))]  # fmt: skip
    deals = [{"deal_id": "d", "customer_id": "a", "stage": "Quote", "created_at": at("2026-01-04T10:00")}]
    entities = {"customers": [{"customer_id": "a"}], "deals": deals, "deal_stages": stages, "interactions": [said("a", "2026-01-08T10:00:00", "email")]}
    assert shares(entities)["after_quote"] == (1, 2, 0, 1)


def test_a_promise_of_three_days_kept_on_the_fourth_is_late_and_one_with_time_left_is_open():
    kept_late = said("a", "2026-01-05T10:00:00", next_due_at=at("2026-01-08T10:00:00"), next_done_at=at("2026-01-09T09:00:00"))
    has_time = said("a", "2026-01-30T10:00:00", next_due_at=at("2026-02-02T10:00:00"))
    assert shares({"customers": [{"customer_id": "a"}], "interactions": [kept_late, has_time]})["promise"] == (0, 1, 1, 0)  # on-time rate 0/1


def test_what_waits_comes_with_the_instant_it_is_due_and_todays_breaches_first():
    starts = {"yesterday": "2026-01-28T12:00:00", "long": "2026-01-05T10:00:00", "soon": "2026-01-30T10:00:00", "done": "2026-01-30T10:00:00"}
    customers = [signed(name, start) for name, start in starts.items()]
    contacts = [FIRST, said("done", "2026-01-31T10:00:00")]
    tables = made({"customers": customers, "interactions": contacts}, SETTINGS)
    rows = waiting(tables, Query(PERIOD, where=(("clock", ("first_follow_up",)),), settings=SETTINGS))
    assert rows["customer_id"].tolist() == ["yesterday", "soon", "long"]
    assert [moment.astimezone(ZONE) for moment in rows["due_at"]] == [at("2026-01-31T12:00:00"), at("2026-02-02T10:00:00"), at("2026-01-08T10:00:00")]
    calls = waiting(tables, Query(PERIOD, where=(("clock", ("adviser_call",)),), settings=SETTINGS)).set_index("customer_id")
    assert calls.loc["long", "due_at"].astimezone(ZONE) == at("2026-01-05T11:00:00") and calls.loc["soon", "left_hours"] < 0
    assert len(waiting(tables, QUERY, most=1)) == 1


def test_clocks_can_be_set_otherwise_and_turned_off():
    told = {"first_follow_up": {"within_hours": 9, "time": "business"}, "adviser_call": {"within_hours": 0}, "after_quote": {"words": ["Angebot"]}}
    query = Query(PERIOD, settings={**SETTINGS, "metrics": {"clocks": {**told, "holidays": "CN"}}})
    known = kept_clocks(query)
    assert set(CLOCKS) - set(known) == {"adviser_call"} and known["after_quote"].words == ("angebot",)
    customers = [signed("a", "2026-01-09T17:00:00")]  # a Friday; nine hours of working time are over on Monday at 17:00
    assert shares({"customers": customers, "interactions": [said("a", "2026-01-12T17:00:00")]}, query)["first_follow_up"] == (1, 1, 0, 0)


@pytest.mark.parametrize(
    ("told", "says"),
    [
        ({"follow": {}}, "there is no clock 'follow'; there are first_follow_up"),
        ({"after_quote": 3}, "a clock is a table of its own"),
        ({"after_quote": {"within": 3}}, "has no key 'within'"),
        ({"after_quote": {"within_hours": -1}}, "number of hours"),
        ({"after_quote": {"time": "office"}}, '"calendar" or "business"'),
        ({"after_quote": {"words": []}}, "at least one"),
        ({"promise": {"within_hours": 3}}, "says itself by when"),
    ],
)
def test_faults_of_the_settings_are_told(told, says):
    with pytest.raises(QuestionError, match=says):
        kept_clocks(Query(PERIOD, settings={"metrics": {"clocks": told}}))


@pytest.mark.parametrize(
    ("told", "says"),
    [
        ({"hours": ["18:00", "09:00"]}, "closes at 09:00 before it opens"),
        ({"hours": "9-18"}, "two times"),
        ({"weekdays": [0]}, "from 1"),
        ({"holidays": "Nowhere"}, "two letters"),
    ],
)
def test_faults_of_working_time_are_told(told, says):
    with pytest.raises(QuestionError, match=says):
        worktime(Query(PERIOD, settings={"metrics": {"clocks": told}}), D("2026-01-01"))


# the four clocks of calendar time in plain SQL, from the tables themselves: what began before a day, as it stands at the midnight that all is known of

SQL = """
create macro midnight() as epoch(timestamptz '2026-06-21 00:00:00+08');
create view ours as select customer_id, epoch(happened_at) as said from interactions where direction is distinct from 'in';
create view begun as
    select 'first_follow_up' as clock, customer_id, signed_on as day, epoch(signed_at) as began, null as done, 72 * 3600 as within
        from accounts where signed_at is not null
    union all select 'improvement_plan', customer_id, solved_on, epoch(solved_at), epoch(plan_sent_at), 24 * 3600
        from tickets where kind = 'complaint' and solved_at is not null
    union all select 'after_quote', f.customer_id, s.entered_on, epoch(s.entered_at), null, 72 * 3600
        from deal_stages s join deal_facts f using (deal_id) where lower(trim(s.stage)) = 'quote' and s.entered_at is not null and f.customer_id is not null
    union all select 'promise', customer_id, happened_on, epoch(happened_at), epoch(next_done_at), epoch(next_due_at) - epoch(happened_at)
        from interactions where next_due_at is not null;
create view told as
    select clock, midnight() - began >= within as is_over, within,
        case when clock in ('first_follow_up', 'after_quote')
            then (select min(said) from ours o where o.customer_id = begun.customer_id and said >= began and said < midnight())
            when done < midnight() then done end - began as waited
    from begun where day >= (select min(happened_on) from interactions) and day between '2024-01-01' and date '{end}' - 1 and began < midnight();
"""


@cache
def whole():
    return made(company.company(), company.SETTINGS)


@pytest.mark.parametrize("end", ["2025-07-01", "2026-01-15", "2026-06-21"])
def test_the_same_clocks_in_plain_sql(end):
    con = duckdb.connect()
    con.execute("set timezone = 'Asia/Shanghai'")
    for name in ("accounts", "interactions", "tickets", "deal_stages", "deal_facts"):
        con.register(f"{name}_", whole()[name].collect("pyarrow").to_native())
        con.execute(f"create table {name} as select * from {name}_")
    con.execute(SQL.format(end=end))
    counts = "count(*) filter (is_over and waited <= within), count(*) filter (is_over), count(*) filter (not is_over and waited is null)"
    expected = {row[0]: row[1:] for row in con.execute(f"select clock, {counts}, count(*) filter (is_over and waited is null) from told group by 1").fetchall()}
    rows = ask(CATALOGUE["clocks"], whole(), Query(Period(D("2024-01-01"), D(end), D("2026-06-21")), settings=company.SETTINGS)).rows
    ours = {row.clock: (row.numerator, row.n, row.pending, row.waiting) for row in rows.itertuples() if row.clock != "adviser_call"}
    assert ours == expected and set(expected) >= {"first_follow_up", "after_quote"}
