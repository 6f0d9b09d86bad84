"""Care per grade: which day is overdue, where a clock begins and ends, settings and their faults, and every day counted by plain SQL."""

import datetime as dt
import random

import duckdb
import pytest

from metrics import care
from metrics.care import Policy, policies
from metrics.metric import ask
from metrics.period import Period
from metrics.query import Query, QuestionError, collect
from tests.made import made

D = dt.date.fromisoformat
CARD = care.METRICS[0]
QUARTER = Period(D("2026-01-01"), D("2026-04-01"), D("2026-07-01"))  # 90 days
TEN = {"metrics": {"care": {"core": {"channels": ["visit"], "every_days": 10}, "key": {"every_days": 10}}}}


def customer(name, grade="core", signed="2025-06-01", **more):
    return {"customer_id": name, "name": name, "grade": grade, "signed_at": signed and f"{signed}T08:00:00", **more}


def talks(name, *days, channel="visit"):
    return [{"customer_id": name, "channel": channel, "happened_at": f"{day}T09:00:00"} for day in days]


def every(name, step, start="2025-06-01", until="2026-06-30", channel="visit"):
    """A contact every `step` days."""
    count = (D(until) - D(start)).days // step
    return talks(name, *(D(start) + dt.timedelta(days=step * k) for k in range(count + 1)), channel=channel)


def measured(customers, interactions, period=QUARTER, settings=TEN, **question):
    tables = made({"customers": customers, "interactions": interactions}, settings)
    return ask(CARD, tables, Query(period, settings=tables.settings, **question))


def behind(customers, interactions, period=QUARTER, settings=TEN, where=()):
    tables = made({"customers": customers, "interactions": interactions}, settings)
    return collect(CARD.behind(tables, Query(period, where=where, settings=tables.settings)))


def one(answer):
    assert len(answer.rows) == 1
    return answer.rows.iloc[0]


@pytest.mark.parametrize(
    ("step", "overdue_days"),
    [
        (10, 0),  # on the very day it is due
        (11, 8),  # a day late each time: contacts on days 7, 18, … 84 of the quarter (1 June + 11 k), one late day before each
    ],
)
def test_a_contact_on_the_day_it_is_due_is_in_time(step, overdue_days):
    rows = behind([customer("a")], every("a", step))
    assert (rows["overdue_days"][0], rows["is_met"][0], rows["days"][0]) == (overdue_days, overdue_days == 0, 90)


@pytest.mark.parametrize(
    ("days", "overdue_days"),
    [
        (("2025-12-27", "2026-01-06", "2026-01-16"), 65),  # the next was due on 26 January: 6 days of January, 28 of February, 31 of March
        (("2025-06-02",), 90),  # overdue all the time; what was overdue before the period is not counted
        (("2025-12-12", "2026-01-01"), 80),  # due on 22 December, came on the first day: no evening of January without it until the 11th
        (("2025-12-12", "2026-01-02"), 80),  # the evening of 1 January was overdue; then ten days until 12 January
        (("2026-03-22",), 80),  # ten days before the end: 22 March to 31 March are kept
    ],
)  # fmt: skip
def test_overdue_evenings_of_the_period(days, overdue_days):
    rows = behind([customer("a")], talks("a", "2025-06-01", *days))
    assert rows["overdue_days"].tolist() == [overdue_days]


def test_only_the_channels_of_the_policy_count_in_whatever_case_and_under_each_name_of_a_visit():
    customers = [customer(name) for name in ("visited", "called", "拜访过", "met")] + [customer("key", "key")]
    kinds = {"visited": " Visit ", "called": "call", "拜访过": "拜访", "met": "MEETING", "key": "call"}
    rows = behind(customers, [row for name, channel in kinds.items() for row in every(name, 10, channel=channel)])
    assert rows.set_index("customer_id")["is_met"].to_dict() == {"visited": True, "called": False, "拜访过": True, "met": True, "key": True}


def test_grades_are_known_by_every_word_and_others_have_no_policy():
    words = ("core", "CORE", "核心客户", "gold", None)
    row = one(measured([customer(f"c{k}", grade) for k, grade in enumerate(words)], every("c0", 10)))
    assert (row["tier"], row["n"], row["numerator"], row["value"]) == ("core", 3, 1, pytest.approx(1 / 3))
    assert (row["rank"], row["every_days"], row["overdue"], row["never"]) == (1, 10, 2, 2)


def test_a_clock_begins_with_the_signing_and_ends_with_the_customer():
    customers = [
        customer("new", signed="2026-03-22"),  # ten days before the end: nothing is due yet
        customer("newer", signed="2026-03-21"),  # due on 31 March
        customer("after", signed="2026-04-01"),  # no customer yet
        customer("left", lost_on="2026-01-11"),  # last visited on 1 January, left before the next was due
        customer("gone", lost_on="2025-12-01"),  # no customer any more
        customer("met", signed=None, first_contact_on="2026-03-25"),
    ]
    visits = every("left", 10, "2025-06-05", "2026-01-01") + talks("gone", "2025-06-01")
    rows = behind(customers, visits).set_index("customer_id")
    assert rows["is_met"].to_dict() == {"new": True, "newer": False, "left": True, "met": True}
    assert rows["days"].to_dict() == {"new": 10, "newer": 11, "left": 10, "met": 7}


def test_nobody_is_blamed_for_what_lies_before_the_first_interaction_known():
    """The CRM's log begins on 25 March: a customer of ten years is not overdue before 4 April."""
    rows = behind([customer("old", signed="2016-01-01"), customer("other")], talks("other", "2026-03-25"))
    assert rows.set_index("customer_id")["days"].to_dict() == {"old": 7, "other": 7}
    assert rows["is_met"].all()


def test_while_the_period_runs_only_what_is_over_counts():
    running = Period(D("2026-01-01"), D("2026-04-01"), D("2026-01-20"))
    row = one(measured([customer("a")], talks("a", "2025-12-31", "2026-01-10"), running))
    assert (row["value"], row["complete"]) == (1, False)


def test_days_kept_and_who_was_missed():
    """a is kept on all 90 days; b until its visit of 1 January is ten days old: 100 of 180 days."""
    customers, visits = [customer("a"), customer("b")], every("a", 10) + talks("b", "2026-01-01")
    row = one(measured(customers, visits))
    assert (row["numerator"], row["n"], row["days_kept"]) == (1, 2, pytest.approx((90 + 10) / 180))
    rows = behind(customers, visits)
    assert rows["customer_id"].tolist() == ["b", "a"]
    assert rows[["contact_on", "days_since", "overdue_days"]].iloc[0].tolist() == [D("2026-01-01"), 90, 80]
    assert len(behind(customers, visits, where=(("tier", ("key",)),))) == 0


def test_a_series_judges_each_month_by_itself():
    answer = measured([customer("a")], every("a", 10, until="2026-02-06") + talks("a", "2026-03-01"), grain="month")
    assert answer.rows["value"].tolist() == [1, 0, 0]


def test_without_any_interaction_nothing_is_known():
    answer = measured([customer("a")], [])
    assert answer.rows.empty and answer.ok


def test_a_channel_that_no_interaction_has_is_named():
    settings = {"metrics": {"care": {"core": {"channels": ["Lunch", "golf"]}, "key": {"channels": ["call", "golf"]}}}}
    notes = measured([customer("a")], talks("a", "2026-01-01", channel="Call"), settings=settings).notes
    assert notes["unseen"] == {"core": ["lunch", "golf"]}


# settings


def settled(**given):
    return policies(Query(QUARTER, settings={"metrics": {"care": given}}))


def test_the_usual_policies_and_what_changes_them():
    assert settled() == {"core": Policy(30, ("visit",), "sponsor"), "key": Policy(30), "ordinary": Policy(90), "potential": Policy(180)}
    changed = settled(**{"核心": {"every_days": 14}, "KEY": {"channels": ["Call", "拜访"], "also": "quarterly review"}, "potential": {"every_days": 0}})
    assert changed == {"core": Policy(14, ("visit",), "sponsor"), "key": Policy(30, ("call", "拜访"), "quarterly review"), "ordinary": Policy(90)}


def test_a_company_with_grades_of_its_own_states_its_policies():
    settings = {"metrics": {"grading": {"grades": ["A", "B"]}, "care": {"a": {"every_days": 7}}}}
    assert policies(Query(QUARTER, settings=settings)) == {"A": Policy(7)}


def test_every_fault_of_the_settings_is_named_at_once():
    given = {"gold": {"every_days": 3}, "core": {"days": 30, "every_days": "monthly"}, "key": {"channels": "visit"}, "ordinary": 90, "potential": {"also": 1}}
    with pytest.raises(QuestionError) as refusal:
        settled(**given)
    for said in (
        "[metrics.care.gold]: 'gold' is no grade; there are core, key, ordinary, potential",
        "[metrics.care.core] has no key 'days'; there are every_days, channels, also",
        "[metrics.care.core] every_days is a whole number of days (0: nothing is asked), not 'monthly'",
        "[metrics.care.key] channels is a list of channel names such as [\"visit\"], empty for any contact, not 'visit'",
        "[metrics.care] ordinary = 90: a policy is a table of its own",
        "[metrics.care.potential] also is a text, not 1",
    ):
        assert said in str(refusal.value)


@pytest.mark.parametrize("days", [True, -1, 1.5, None])
def test_days_are_whole_and_not_negative(days):
    with pytest.raises(QuestionError, match="every_days is a whole number"):
        settled(core={"every_days": days})


def test_a_grade_without_a_usual_policy_needs_its_days():
    with pytest.raises(QuestionError, match=r"\[metrics.care.B\] needs every_days"):
        policies(Query(QUARTER, settings={"metrics": {"grading": {"grades": ["A", "B"]}, "care": {"B": {"channels": ["call"]}}}}))


# the same numbers in plain SQL: every customer's every evening, one by one

EVENINGS = """
with evenings as (
    select c.*, unnest(generate_series(greatest(c.clock, date '2026-01-01'), least(coalesce(c.lost, date '2026-04-01'), date '2026-04-01') - 1, interval 1 day))::date as day
    from c where c.grade in ('core', 'key')
), counted as (
    select e.id, e.grade, e.day - greatest(e.clock, coalesce(max(t.day), e.clock)) >= 10 as is_overdue
    from evenings e left join t on t.id = e.id and t.day <= e.day and t.day >= e.clock and (e.grade = 'key' or t.channel = 'visit')
    group by e.id, e.grade, e.day, e.clock
), judged as (select id, grade, count(*) as days, count(*) filter (is_overdue) as late from counted group by 1, 2)
select grade, count(*), count(*) filter (late = 0), 1 - sum(late) / sum(days) from judged group by 1 order by 1
"""  # noqa: E501 — a statement reads best in its own lines


@pytest.mark.parametrize("seed", range(8))
def test_the_same_attainment_in_plain_sql(seed):
    rng = random.Random(seed)
    first = D("2025-11-01")  # of the log

    def day():
        return first + dt.timedelta(days=rng.randrange(200))

    customers = [customer(f"c{k}", rng.choice(["core", "key", "other"]), str(day())) for k in range(30)]
    customers = [{**c, "lost_on": str(day())} if rng.random() < 0.2 else c for c in customers]
    visits = [row for c in customers for _ in range(rng.randrange(40)) for row in talks(c["customer_id"], day(), channel=rng.choice(["visit", "call"]))]
    visits += talks("c0", first)
    rng.shuffle(visits)
    con = duckdb.connect()
    con.execute("create table c (id text, grade text, clock date, lost date)")
    con.executemany("insert into c values (?, ?, ?, ?)", [[c["customer_id"], c["grade"], c["signed_at"][:10], c.get("lost_on")] for c in customers])
    con.execute("create table t (id text, channel text, day date)")
    con.executemany("insert into t values (?, ?, ?)", [[t["customer_id"], t["channel"], t["happened_at"][:10]] for t in visits])
    rows = measured(customers, visits).rows[["tier", "n", "numerator", "days_kept"]]
    expected = con.execute(EVENINGS).fetchall()
    assert len(expected) == 2
    for found, by_hand in zip(rows.itertuples(index=False), expected, strict=True):
        assert tuple(found) == (*by_hand[:3], pytest.approx(by_hand[3]))
