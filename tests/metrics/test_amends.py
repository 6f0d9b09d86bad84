"""From a detractor to a follow-up: what is in time, what is no follow-up, what cannot be judged yet; and all of it in plain SQL."""

import datetime as dt
import random

import duckdb
import pytest

from metrics.amends import METRICS
from metrics.metric import ask
from metrics.period import Period
from metrics.query import Query, QuestionError, collect
from metrics.stats import wilson
from tests.made import made
from tests.metrics.responses import QUESTIONS, SURVEY

(FOLLOW_UP,) = METRICS
D = dt.date.fromisoformat
MARCH = Period(D("2026-03-01"), D("2026-04-01"), D("2026-04-01"))
RUNNING = Period(D("2026-03-01"), D("2026-04-01"), D("2026-03-20"))
AT = "2026-03-02T08:00:00"
EARLIER = {"interaction_id": "i:first", "customer_id": "k:nobody", "happened_at": "2026-01-01T08:00:00", "channel": "call", "direction": "out"}


def answer(customer, score=3, at=AT, **more):
    name = f"a:{customer}:{score}:{at}"
    return {
        "answer_id": name,
        "response_id": name,
        "survey_id": "s:1",
        "question_id": "q:nps",
        "customer_id": customer,
        "score": score,
        "answered_at": at,
        **more,
    }


def contact(customer, at, direction="out"):
    return {"interaction_id": f"i:{customer}:{at}", "customer_id": customer, "happened_at": at, "channel": "call", "direction": direction}


def opened(answers, contacts=(), settings=None, interactions=None, **entities):
    happy = [answer(f"k:happy{k}", 10) for k in range(5)]  # enough answers for their score to be shown
    talks = [EARLIER, *contacts] if interactions is None else interactions
    return made({"surveys": [SURVEY], "questions": QUESTIONS, "answers": [*answers, *happy], "interactions": talks, **entities}, settings)


def one(tables, period=MARCH, **options):
    (row,) = ask(FOLLOW_UP, tables, Query(period, options=options, settings=tables.settings)).rows.to_dict("records")
    return row


CASES = {  # customer: (contact, direction), followed up in time; all answered on 2 March at 08:00
    "at the limit": (("2026-03-04T08:00:00", "out"), True),
    "a second late": (("2026-03-04T08:00:01", "out"), False),
    "nobody called": (None, False),
    "they called us": (("2026-03-02T09:00:00", "in"), False),
    "no direction on record": (("2026-03-02T09:00:00", None), True),
    "called before": (("2026-03-02T07:59:59", "out"), False),
    "at the same moment, by phone": ((AT, "out"), False),
}  # fmt: skip


def test_what_is_in_time():
    """3 March, of seven detractors two: exactly 48 hours are in time; a call by the customer, or before the answer, is no follow-up."""
    contacts = [contact(f"k:{name}", *given) for name, (given, _) in CASES.items() if given]
    tables = opened([answer(f"k:{name}") for name in CASES], contacts)
    row = one(tables)
    assert (row["n"], row["numerator"], row["value"], row["waiting"]) == (7, 2, 2 / 7, 4)
    assert (row["low"], row["high"]) == (pytest.approx(wilson(2, 7)[0]), pytest.approx(wilson(2, 7)[1]))
    listed = collect(FOLLOW_UP.behind(tables, Query(MARCH, options={**FOLLOW_UP.options}, settings=tables.settings)))
    assert dict(zip(listed["customer_id"].str[2:], listed["in_time"], strict=True)) == {name: in_time for name, (_, in_time) in CASES.items()}
    assert dict(zip(listed["customer_id"], listed["contact_hours"], strict=True))["k:at the limit"] == 48


def test_only_detractors_have_a_clock():
    row = one(opened([answer("k:6", 6), answer("k:7", 7), answer("k:10", 10), answer("k:0", 0)]))
    assert (row["n"], row["numerator"], row["value"]) == (2, 0, 0)


def test_who_may_still_be_called_is_in_neither_number():
    """Loaded up to 20 March, 00:00: an answer of the 18th at 00:00 is due, one a second later is not, called or not."""
    answers = [answer("k:due", at="2026-03-18T00:00:00"), answer("k:young", at="2026-03-18T00:00:01"), answer("k:called", at="2026-03-19T08:00:00")]
    row = one(opened(answers, [contact("k:called", "2026-03-19T09:00:00"), contact("k:due", "2026-03-18T09:00:00")]), RUNNING)
    assert (row["n"], row["numerator"], row["young"], row["complete"]) == (1, 1, 2, False)


def test_who_is_not_named_cannot_be_called():
    row = one(opened([answer(None), answer("k:1")], [contact("k:1", "2026-03-02T10:00:00")]))
    assert (row["n"], row["value"], row["unnamed"]) == (1, 1, 1)


def test_before_the_first_interaction_on_record_nothing_is_known():
    calls = [contact("k:2", "2026-03-10T08:00:00")]
    row = one(opened([answer("k:1"), answer("k:2", at="2026-03-10T07:00:00")], interactions=calls))
    assert (row["n"], row["value"]) == (1, 1)
    row = one(opened([answer("k:1")], interactions=[]))
    assert (row["state"], row["n"]) == ("no_data", 0)


def test_the_time_is_set_in_the_file_or_asked_for():
    settings = {"metrics": {"detractor_follow_up": {"within_hours": 1}}}
    tables = opened([answer("k:1")], [contact("k:1", "2026-03-02T10:00:00")], settings)
    assert (one(tables)["value"], one(tables, within_hours=2)["value"]) == (0, 1)
    with pytest.raises(QuestionError, match="whole number from 1 on"):
        one(tables, within_hours=-3)


def test_a_group_whose_score_is_hidden_is_hidden():
    """North has 3 answers of 8 and hides South as well; together they are shown."""
    customers = [{"customer_id": f"k:happy{k}", "region": "South"} for k in range(5)] + [{"customer_id": f"k:{k}", "region": "North"} for k in range(3)]
    tables = opened([answer(f"k:{k}") for k in range(3)], customers=customers)
    rows = ask(FOLLOW_UP, tables, Query(MARCH, by=("region",), settings=tables.settings)).rows
    assert set(rows["state"]) <= {"suppressed", "no_data"} and rows["n"].fillna(0).sum() == 0
    assert one(tables)["n"] == 3


SECOND_OPINION = """
    with first as (
        select a.customer_id, a.given_at, min(i.called_at) as called from answers a left join contacts i
            on i.customer_id = a.customer_id and i.called_at > a.given_at and coalesce(i.direction, 'out') = 'out' and i.called_at < timestamp '2026-04-01'
        where a.score <= 6 and a.given_at >= timestamp '2026-03-01' and a.given_at <= timestamp '2026-03-30' group by all
    ) select count(*), count(*) filter (called <= given_at + interval 48 hour), count(*) filter (called is null) from first
"""


@pytest.mark.parametrize("seed", range(3))
def test_plain_sql_says_the_same(seed):
    rng = random.Random(seed)
    moment = lambda first, days: (dt.datetime(2026, 3, 1) + dt.timedelta(hours=rng.randrange(first * 24, days * 24))).isoformat()  # noqa: E731
    answers = [answer(f"k:{k}", rng.randrange(11), moment(0, 31)) for k in range(80)]
    contacts = {(c, at): contact(c, at, rng.choice(["in", "out", None])) for c, at in ((f"k:{rng.randrange(80)}", moment(0, 40)) for _ in range(150))}
    row = one(opened(answers, list(contacts.values())))
    connection = duckdb.connect()
    connection.execute("create table answers (customer_id text, score int, given_at timestamp)")
    connection.executemany("insert into answers values (?, ?, ?)", [(a["customer_id"], a["score"], a["answered_at"]) for a in answers])
    connection.execute("create table contacts (customer_id text, called_at timestamp, direction text)")
    connection.executemany("insert into contacts values (?, ?, ?)", [(c["customer_id"], c["happened_at"], c["direction"]) for c in contacts.values()])
    assert (row["n"], row["numerator"], row["waiting"]) == connection.execute(SECOND_OPINION).fetchone()
