"""Who answered and who stayed silent: the worked case, revenue, bounces, anonymous surveys, the list of silent customers."""

import random

import pytest

from metrics.metric import ask
from metrics.nps import METRICS as NPS_METRICS
from metrics.query import Query, collect
from metrics.responding import METRICS
from tests.made import made
from tests.metrics.responses import SURVEY, YEAR, answered, grouped, one

RATE, SILENT = METRICS


def invited(customers, sent_at="2026-02-01", **more):
    return [{"survey_id": "s:1", "customer_id": c, "contact_id": f"{c}-1", "sent_at": sent_at, **more} for c in customers]


def replies(customers, score=9):
    return [{"customer_id": c, "contact_id": f"{c}-1", "score": score} for c in customers]


def names(n, start=0):
    return [f"k:{k:03}" for k in range(start, start + n)]


def paid(amounts: dict):
    bills = [{"customer_id": c, "issued_on": "2026-01-10", "amount": amount} for c, amount in amounts.items()]
    return {"customers": [{"customer_id": c, "region": "North" if c < "k:005" else "South", "name": c} for c in amounts], "invoices": bills}


def test_the_worked_case():
    """Delivered 200, responses 60, 5 of them without a score: 30 % and an NPS base of 55 (CustomerGauge)."""
    tables = answered([*replies(names(55)), *replies(names(5, 55), None)], invitations=[*invited(names(200)), *invited(names(12, 200), delivered=False)])
    row = one(RATE, tables)
    assert (row["value"], row["n"], row["numerator"], row["undelivered"]) == (60 / 200, 200, 60, 12)
    assert one(NPS_METRICS[0], tables)["n"] == 55


def test_the_interval_is_wilsons():
    """15 of 148: 0.0624 to 0.1605 (Newcombe 1998)."""
    row = one(RATE, answered(replies(names(15)), invitations=invited(names(148))))
    assert (row["low"], row["high"]) == (pytest.approx(0.0624, abs=5e-5), pytest.approx(0.1605, abs=5e-5))


def test_silent_large_customers_show_in_the_revenue_share():
    """Three of ten answer; they pay 30 of 1,080: the rate is 30 %, the revenue share 2.8 %."""
    amounts = dict.fromkeys(names(3), 10) | dict.fromkeys(names(7, 3), 150)
    row = one(RATE, answered(replies(names(3)), invitations=invited(names(10)), **paid(amounts)))
    assert row["value"] == 0.3
    assert row["customer_share"] == 0.3
    assert (row["revenue_asked"], row["revenue_share"]) == (1080, pytest.approx(30 / 1080))


def test_two_people_of_one_customer_count_twice_and_their_revenue_once():
    two = [{"survey_id": "s:1", "customer_id": "k:000", "contact_id": f"k:000-{k}", "sent_at": "2026-02-01"} for k in (1, 2)]
    row = one(RATE, answered(replies(names(1)), invitations=two, **paid({"k:000": 500})))
    assert (row["n"], row["numerator"], row["customers"], row["revenue_asked"], row["revenue_responded"]) == (2, 1, 1, 500, 500)


def test_an_answered_invitation_was_evidently_delivered():
    row = one(RATE, answered(replies(names(1)), invitations=invited(names(2), delivered=False)))
    assert (row["value"], row["n"], row["undelivered"]) == (1, 1, 1)


def test_responses_of_an_anonymous_survey_count_where_nothing_is_asked_about_the_customer():
    anonymous = {"surveys": [{**SURVEY, "is_anonymous": True}], "invitations": invited(names(10)), **paid(dict.fromkeys(names(10), 1))}
    tables = answered([{"score": 9}] * 4, **anonymous)
    answer, by_region = ask(RATE, tables, Query(YEAR)), ask(RATE, tables, Query(YEAR, by=("region",)))
    assert (answer.rows["value"].item(), answer.notes["unnamed"]) == (0.4, 4)
    assert (by_region.rows["numerator"].tolist(), by_region.notes["unnamed"]) == ([0, 0], 4)


def test_anonymous_responses_belong_to_the_month_their_invitations_were_sent_in():
    """Ten sent on 30 January, four answered on 3 February: 40 % of January's, and nothing was sent in February."""
    anonymous = {"surveys": [{**SURVEY, "is_anonymous": True}], "invitations": invited(names(10), "2026-01-30")}
    months = grouped(RATE, answered([{"score": 9}] * 4, **anonymous), [], grain="month")
    january, february, *_ = months.values()
    assert (january["value"], january["n"], january["numerator"]) == (0.4, 10, 4)
    assert (february["state"], february["n"]) == ("no_data", 0)


def test_an_anonymous_survey_sent_twice_is_answered_by_the_sending_before():
    sent = [*invited(names(5), "2026-01-10"), *invited(names(5, 5), "2026-02-10")]
    days = ["2026-01-20", "2026-02-01", "2026-02-11", "2026-01-01"]  # the last one before anything was sent: to the first
    tables = answered([{"answered_at": day} for day in days], surveys=[{**SURVEY, "is_anonymous": True}], invitations=sent)
    january, february, *_ = grouped(RATE, tables, [], grain="month").values()
    assert (january["numerator"], february["numerator"], one(RATE, tables)["numerator"]) == (3, 1, 4)


def test_a_response_of_somebody_who_was_not_invited_is_counted_beside():
    """Four were asked and two answered; a colleague of one of them and a stranger answered, too: 50 %, and two beside it."""
    strangers = [{"customer_id": "k:000", "contact_id": "k:000-2", "score": 9}, {"customer_id": "k:009", "score": 1}]
    answer = ask(RATE, answered([*replies(names(2)), *strangers], invitations=invited(names(4))), Query(YEAR))
    assert (answer.rows["value"].item(), answer.rows["numerator"].item(), answer.notes["uninvited"]) == (0.5, 2, 2)


def test_segments_add_up_and_the_rows_behind_are_the_delivered():
    tables = answered(replies(names(4)), invitations=[*invited(names(9)), *invited(names(3, 9), delivered=False)], **paid(dict.fromkeys(names(12), 1)))
    parts, whole = grouped(RATE, tables, ["region"]).values(), one(RATE, tables)
    for column in ("n", "numerator", "undelivered", "revenue_asked"):
        assert sum(p[column] for p in parts) == whole[column]
    assert len(collect(RATE.behind(tables, Query(YEAR)))) == whole["n"] == 9


def test_more_responses_than_invitations_fail_the_check():
    answer = ask(RATE, answered([{"score": 9}] * 3, surveys=[{**SURVEY, "is_anonymous": True}], invitations=invited(names(2))), Query(YEAR))
    assert not answer.ok


@pytest.mark.parametrize("seed", range(3))
def test_plain_sql_says_the_same(seed):
    rng = random.Random(seed)
    asked = [row for c in names(30) for row in invited([c], f"2026-0{rng.randrange(1, 4)}-10", delivered=rng.random() < 0.8)]
    answers = replies([c for c in names(30) if rng.random() < 0.4])
    tables = answered(answers, invitations=asked, **paid({c: rng.choice([0, 10, 99]) for c in names(30)}))
    session = tables._session.cursor
    for name in ("invitations", "answers", "customers", "invoices"):
        session.execute(f'CREATE OR REPLACE TEMP VIEW {name} AS FROM "{tables._view(name)}"')
    expected = session.execute("""
        SELECT c.region, sum((i.delivered OR a.contact_id IS NOT NULL)::INT), sum((a.contact_id IS NOT NULL)::INT),
               sum(CASE WHEN i.delivered OR a.contact_id IS NOT NULL THEN r.amount ELSE 0 END)
        FROM invitations i JOIN customers c USING (customer_id) LEFT JOIN (SELECT DISTINCT contact_id FROM answers) a ON a.contact_id = i.contact_id
        LEFT JOIN invoices r ON r.customer_id = i.customer_id GROUP BY 1
    """).fetchall()
    found = {k: (row["n"], row["numerator"], row["revenue_asked"]) for k, row in grouped(RATE, tables, ["region"]).items()}
    assert found == {region: (n, responded, pytest.approx(float(revenue))) for region, n, responded, revenue in expected}


# silent accounts


def test_the_silent_among_the_most_valuable():
    """Ten asked: the top fifth by revenue are the two that pay 900 and 1,000; one of them answered."""
    amounts = {c: 100 * (k + 1) for k, c in enumerate(names(10))}
    tables = answered(replies(["k:009", "k:000"]), invitations=invited(names(10)), **paid(amounts))
    row = one(SILENT, tables)
    assert (row["value"], row["n"], row["denominator"], row["revenue"]) == (1, 1, 2, 900)
    (silent,) = collect(SILENT.behind(tables, Query(YEAR))).to_dict("records")
    assert (silent["customer_id"], silent["revenue"], silent["invitations"]) == ("k:008", 900, 1)


def test_the_ranking_is_over_all_customers_whatever_the_filter():
    """In the north nobody is among the best two of ten, so nobody there is a silent valuable customer."""
    amounts = {c: 100 * (k + 1) for k, c in enumerate(names(10))}
    tables = answered([], invitations=invited(names(10)), **paid(amounts))
    assert one(SILENT, tables, where=(("region", ("North",)),))["state"] == "no_data"
    assert one(SILENT, tables, where=(("region", ("South",)),))["value"] == 2
    assert one(SILENT, tables, top="0.5")["value"] == 5


def test_who_pays_nothing_is_not_valuable():
    tables = answered([], invitations=invited(names(4)), **paid(dict.fromkeys(names(4), 0)))
    assert one(SILENT, tables)["state"] == "no_data"


def test_every_empty_question_is_answered():
    for metric in METRICS:
        for grain, by in ((None, ()), ("month", ()), (None, ("region",)), ("quarter", ("region",))):
            assert set(ask(metric, made({}), Query(YEAR, grain, by)).rows["state"]) <= {"no_data"}
            assert collect(metric.behind(made({}), Query(YEAR, grain, by))).empty
