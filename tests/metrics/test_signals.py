"""Each flag by hand: where it is raised and where not, since when, because of which row; and nothing that was not known yet."""

import datetime as dt

import pytest

from metrics.period import Period
from metrics.query import Query, QuestionError, collect
from metrics.risk import raised
from metrics.signals import eve
from metrics.vitality import SIGNALS
from tests.made import made

D = dt.date.fromisoformat
TODAY = "2026-06-01"  # the first day that is not known
A = {"customer_id": "a", "name": "A", "kind": "company"}
LONG_AGO = {**A, "signed_at": "2024-01-01T08:00"}


def at(day=TODAY, **risk):
    period = Period(D("2025-01-01"), D(day), D(day))
    return eve(Query(period, settings={"metrics": {"risk": risk}} if risk else {}))


def seen(kind, rows, day=TODAY, **risk):
    """Every row of a signal, by customer."""
    entities = {"customers": [LONG_AGO], **rows}
    return collect(SIGNALS[kind].seen(made(entities), at(day, **risk))).set_index("customer_id")


def flag(kind, rows, day=TODAY, **risk):
    """The flag of customer a; None where none is raised."""
    found = seen(kind, rows, day, **risk)
    return found.loc["a"] if "a" in found.index and found.loc["a", "is_raised"] else None


# the follow-up after the signing

SIGNED = {**A, "signed_at": "2026-05-04T10:00"}
OLDER = {"customer_id": "b", "happened_at": "2026-01-01T10:00"}  # interactions are on record since January


def spoken(*instants, direction="out"):
    return {"customers": [SIGNED], "interactions": [OLDER, *({"customer_id": "a", "happened_at": at, "direction": direction} for at in instants)]}


@pytest.mark.parametrize(
    ("rows", "hours"),
    [
        (spoken("2026-05-07T10:00"), "kept"),  # exactly 72:00:00
        (spoken("2026-05-07T10:00:01"), 72),
        (spoken("2026-05-13T10:00"), 216),
        (spoken(), None),  # not yet
        (spoken("2026-05-04T09:00"), None),  # before the signing
        (spoken("2026-05-05T10:00", direction="in"), None),  # they called us
        (spoken("2026-05-05T10:00", direction=None), "kept"),  # the source does not say who called
    ],
)
def test_a_follow_up_within_72_hours(rows, hours):
    found = flag("follow_up", rows)
    if hours == "kept":
        assert found is None and seen("follow_up", rows).loc["a", "x"] == 100
    else:
        assert (found["raised_on"], found["table"], found["row_id"], found["x"]) == (D("2026-05-07"), "customers", "a", 0)
        assert (found["figure"] == pytest.approx(hours, abs=0.001)) if hours else found["figure"] != found["figure"]


@pytest.mark.parametrize(("day", "there"), [("2026-05-07", 0), ("2026-05-08", 1)])
def test_whoever_is_within_the_72_hours_is_pending(day, there):
    """Signed on the 4th at ten: at the midnight before the 7th 62 hours have passed, before the 8th 86."""
    assert len(seen("follow_up", spoken(), day)) == there


@pytest.mark.parametrize(("day", "is_shown"), [("2026-08-02", True), ("2026-08-03", False)])
def test_a_missed_follow_up_counts_for_90_days(day, is_shown):
    """4 May and 90 days is 2 August."""
    assert (flag("follow_up", spoken(), day) is not None) == is_shown


def test_nobody_is_blamed_for_what_lies_before_the_first_interaction():
    rows = {"customers": [SIGNED], "interactions": [{"customer_id": "b", "happened_at": "2026-05-05T10:00"}]}
    assert flag("follow_up", rows) is None and flag("follow_up", {"customers": [SIGNED]}) is None


# complaints


def tickets(*opened, kind="complaint", **more):
    return {"tickets": [{"ticket_id": f"t{k}", "customer_id": "a", "kind": kind, "opened_at": f"{day}T10:00", **more} for k, day in enumerate(opened)]}


@pytest.mark.parametrize(
    ("rows", "times"),
    [
        (tickets("2026-05-24"), 1),  # 7 days and 14 hours
        (tickets("2026-05-25"), 0),  # 6 days and 14 hours
        (tickets("2026-05-24", "2026-05-02", "2026-05-30"), 2),  # one flag for all of them
        (tickets("2026-05-02", kind="service"), 0),
        (tickets("2026-05-02", solved_at="2026-05-31T23:00"), 0),
        (tickets("2026-05-02", solved_at="2026-06-01T00:00"), 1),  # solved on a day that is not known yet
    ],
)
def test_a_complaint_past_due(rows, times):
    found = flag("complaint", rows)
    assert (found is None) == (times == 0)
    if times:
        first = min(rows["tickets"], key=lambda row: row["opened_at"])
        assert (found["times"], found["row_id"], found["table"]) == (times, first["ticket_id"], "tickets")
        assert found["raised_on"] == D(first["opened_at"][:10]) + dt.timedelta(days=7)


def test_an_open_complaint_that_is_not_due_costs_half():
    assert seen("complaint", tickets("2026-05-25")).loc["a", "x"] == 50


# surveys


def answers(**scores):
    """One answer a dimension: name → score, or (score, day, contact)."""
    rows = [(name, *(given if isinstance(given, tuple) else (given, "2026-05-01", "p"))) for name, given in scores.items()]
    names = {name.rstrip("_") for name, *_ in rows}
    questions = [{"question_id": name, "dimension": name, "scale_min": 0 if name == "nps" else 1, "scale_max": 10 if name == "nps" else 5} for name in names]
    given = [
        {"answer_id": f"r{k}", "response_id": f"r{k}", "survey_id": f"s{k}", "question_id": name.rstrip("_"), "customer_id": "a", "contact_id": who,
         "answered_at": f"{day}T10:00", "score": score}
        for k, (name, score, day, who) in enumerate(rows)
    ]  # fmt: skip
    return {"surveys": [{"survey_id": f"s{k}", "wave": "w"} for k in range(len(rows))], "questions": questions, "answers": given}


@pytest.mark.parametrize(
    ("given", "low", "is_raised"),
    [
        (answers(price=2, speed=2, help=2), 3, True),
        (answers(price=2, speed=2, help=3), 2, False),  # 3 is the middle of 1 to 5: not low
        (answers(price=2, speed=2, help=5, help_=(2, "2026-05-02", "p")), 3, True),  # the same person later
        (answers(price=2, speed=2, help=2, help_=(5, "2026-05-02", "q")), 2, False),  # another person: the mean is 3.5
        (answers(price=2, speed=2, nps=0), 2, False),  # the recommendation question is no dimension of satisfaction
    ],
)
def test_three_low_dimensions(given, low, is_raised):
    row = seen("low_scores", given).loc["a"]
    assert (row["times"], row["is_raised"], row["table"]) == (low, is_raised, "answers")


def test_what_was_low_is_named_the_lowest_first():
    row = flag("low_scores", answers(price=2, speed=1, help=2, care=2))
    assert (row["what"], row["times"], row["x"]) == ("speed|care|help", 4, pytest.approx(100 * (0.25 * 3) / 4))


@pytest.mark.parametrize(
    ("given", "score"),
    [
        (answers(nps=6), 6), (answers(nps=7), None), (answers(nps=0), 0),
        (answers(nps=3, nps_=(9, "2026-05-02", "p")), None),  # changed their mind
        (answers(nps=3, nps_=(9, "2026-05-02", "q")), 3),  # somebody else
        (answers(nps=(3, "2025-12-03", "p")), 3), (answers(nps=(3, "2025-12-02", "p")), None),  # 180 and 181 days old
        (answers(nps=3, nps_=(9, "2026-06-01", "p")), 3),  # not known yet
    ],
)  # fmt: skip
def test_a_detractor(given, score):
    found = flag("detractor", given)
    assert (None if found is None else found["figure"]) == score


# silence


def bought(*days):
    return {
        "invoices": [{"invoice_line_id": f"l{k}", "invoice_id": f"i{k}", "customer_id": "a", "issued_on": day, "amount": 100} for k, day in enumerate(days)]
    }


EVERY_TEN = ("2026-03-01", "2026-03-11", "2026-03-21", "2026-03-31")  # a rhythm of 10 days


@pytest.mark.parametrize(
    ("day", "is_raised", "x"),
    [
        ("2026-04-10", False, 100),  # 10 days: the rhythm itself
        ("2026-04-15", False, 50),  # 15 days: half way to twice the rhythm
        ("2026-04-20", False, 0),  # 20 days: not beyond it
        ("2026-04-21", True, 0),
        ("2026-09-27", True, 0),  # 180 days: the company's cut
        ("2026-09-28", False, 0),  # lost, no longer at risk
    ],
)
def test_silence_beyond_the_own_rhythm(day, is_raised, x):
    row = seen("silence", bought(*EVERY_TEN), day).loc["a"]
    assert (row["is_raised"], row["x"], row["usual"], row["table"]) == (is_raised, pytest.approx(x), 10, "purchases")
    assert (row["raised_on"], row["row_id"]) == (D("2026-04-20"), "a 2026-03-31")  # the evening of the 20th is the first of 21 days


def test_three_days_of_purchase_are_no_rhythm_and_later_ones_are_not_known():
    assert seen("silence", bought(*EVERY_TEN[1:])).empty
    assert flag("silence", bought(*EVERY_TEN, "2026-05-31")) is None and flag("silence", bought(*EVERY_TEN, "2026-06-01")) is not None


def test_a_slow_buyer_is_lost_later_than_the_cut():
    """Every 91 days: a flag after 182, lost after 364."""
    days = [str(D("2025-01-01") + dt.timedelta(days=91 * k)) for k in range(4)]  # the last on 1 October
    last = D(days[-1])
    for silent, is_raised in ((182, False), (183, True), (364, True), (365, False)):
        assert (flag("silence", bought(*days), str(last + dt.timedelta(days=silent))) is not None) == is_raised


# a fall within a week


def used(**counts):
    """Uses by days before TODAY: d1 is yesterday."""
    return {"usage": [{"customer_id": "a", "feature": "f", "day": D(TODAY) - dt.timedelta(days=int(name[1:])), "count": n} for name, n in counts.items()]}


@pytest.mark.parametrize(
    ("rows", "change"),
    [
        (used(d14=60, d8=40, d7=50, d1=30), -0.2),  # 100 to 80: exactly a fifth
        (used(d14=60, d8=40, d7=51, d1=30), None),
        (used(d15=500, d8=100, d1=30), -0.7),  # what is older than a fortnight is not compared
        (used(d8=19, d1=1), None),  # too few to say anything
        (used(d8=20, d1=10), -0.5),
    ],
)
def test_a_fall_of_a_fifth_between_two_weeks(rows, change):
    found = flag("fall", rows)
    assert (found is None) == (change is None)
    if change is not None:
        assert found["figure"] == pytest.approx(change) and (found["table"], found["what"], found["raised_on"]) == ("usage", "usage", D("2026-05-31"))
        assert found["x"] == pytest.approx(100 * (1 + change))


def test_a_customer_who_stopped_is_seen_where_others_still_report():
    rows = used(d8=100)
    rows["usage"].append({"customer_id": "b", "feature": "f", "day": D("2026-05-31"), "count": 1})
    assert flag("fall", rows)["figure"] == -1


def test_the_weeks_end_with_the_last_day_on_record_and_nothing_is_known_of_old_ones():
    """Weekly reports, the last three days ago: each week holds one. A report of eight days ago says nothing about now."""
    found = flag("fall", used(d17=100, d10=100, d3=50))
    assert (found["figure"], found["raised_on"]) == (-0.5, D("2026-05-29"))
    assert seen("fall", used(d15=100, d8=50)).empty


def test_orders_stand_for_usage_where_none_is_recorded():
    lines = [
        {"invoice_line_id": f"l{k}", "invoice_id": f"i{k}", "customer_id": "a", "issued_on": "2026-05-20" if k < 30 else "2026-05-30", "amount": 1}
        for k in range(40)
    ]
    found = flag("fall", {"invoices": lines})  # 30 orders, then 10
    assert (found["figure"], found["what"], found["table"]) == (pytest.approx(-2 / 3), "orders", "purchases")
    assert flag("fall", {"invoices": lines, **used(d8=100, d1=100)}) is None  # who is measured by usage is not measured by orders


# payments


def paid(*rows):
    return {
        "payments": [{"payment_id": f"p{k}", "customer_id": "a", "invoice_id": i, "paid_on": day, "is_failed": bad} for k, (day, bad, i) in enumerate(rows)]
    }


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (paid(("2026-05-01", True, "i")), ("p0", 1)),
        (paid(("2026-05-03", True, "i"), ("2026-05-01", True, "j")), ("p1", 2)),
        (paid(("2026-05-01", True, "i"), ("2026-05-01", False, "i")), None),  # tried again the same day
        (paid(("2026-05-02", True, "i"), ("2026-05-01", False, "i")), ("p0", 1)),  # the rest failed
        (paid(("2026-05-01", True, "i"), ("2026-05-02", False, "j")), ("p0", 1)),  # another invoice was paid
        (paid(("2026-05-01", True, None), ("2026-05-02", False, "j")), None),  # no invoice is named: any payment counts
        (paid(("2026-05-01", True, "i"), ("2026-06-01", False, "i")), ("p0", 1)),  # paid on a day not known yet
        (paid(("2026-03-03", True, "i")), ("p0", 1)), (paid(("2026-03-02", True, "i")), None),  # 90 and 91 days ago
    ],
)  # fmt: skip
def test_a_payment_that_failed(rows, expected):
    found = flag("payment", rows)
    assert (None if found is None else (found["row_id"], found["times"])) == expected


# owners and renewals


@pytest.mark.parametrize(("is_active", "is_raised"), [(False, True), (True, False)])
def test_an_owner_who_left(is_active, is_raised):
    found = flag("owner", {"customers": [{**LONG_AGO, "owner_id": "o"}], "owners": [{"owner_id": "o", "name": "Ann", "is_active": is_active}]})
    assert (found is not None) == is_raised
    if is_raised:
        assert (found["what"], found["row_id"], found["table"], found["raised_on"]) == ("Ann", "o", "owners", None)


@pytest.mark.parametrize(
    ("more", "left"),
    [
        ({"renewal_on": "2026-06-01"}, 0), ({"renewal_on": "2026-07-30"}, 59), ({"renewal_on": "2026-07-31"}, None), ({"renewal_on": "2026-05-31"}, None),
        ({"renewal_on": None, "ends_on": "2026-06-11"}, 10), ({"renewal_on": "2026-06-11", "status": "cancelled"}, None),
        ({"renewal_on": "2026-06-11", "starts_on": "2026-06-01"}, None),  # signed on a day not known yet
    ],
)  # fmt: skip
def test_a_renewal_within_60_days(more, left):
    rows = {"subscriptions": [{"subscription_id": "s", "customer_id": "a", "starts_on": "2025-01-01", "status": "active", "amount_per_month": 10, **more}]}
    found = flag("renewal", rows)
    assert (None if found is None else found["figure"]) == left
    if found is not None:
        day = more["renewal_on"] or more["ends_on"]
        assert found["raised_on"] == D(day) - dt.timedelta(days=60) and found["x"] != found["x"]


# thresholds


BANDS = [
    {"until_days": 90, "renewal_days": 10}, {"after_days": 90, "renewal_days": 20}, {"grade": "core", "renewal_days": 40},
]  # fmt: skip


@pytest.mark.parametrize(
    ("signed", "grade", "near"),
    [
        ("2026-03-03", None, 10),  # 90 days: the edge belongs to the band whose top it is
        ("2026-03-02", None, 20),
        (None, "key", 20),  # nobody knows since when: the band without end
        ("2026-03-03", "核心", 40),  # a grade's own bands, by any of its names
    ],
)
def test_thresholds_by_grade_and_tenure(signed, grade, near):
    customer = {**A, "grade": grade, "signed_at": signed and f"{signed}T08:00"}
    for days, is_raised in ((near - 1, True), (near, False)):
        due = D(TODAY) + dt.timedelta(days=days)
        agreed = [{"subscription_id": "s", "customer_id": "a", "starts_on": "2025-01-01", "status": "active", "renewal_on": due}]
        assert (flag("renewal", {"customers": [customer], "subscriptions": agreed}, bands=BANDS) is not None) == is_raised


def test_faults_of_the_settings_are_told():
    with pytest.raises(QuestionError, match=r"metrics\.risk\.coverage: "):
        at(coverage=2)


def test_whoever_is_lost_or_has_not_begun_raises_nothing():
    left = [{"owner_id": "o", "name": "Ann", "is_active": False}]
    customers = [
        {**A, "owner_id": "o", "lost_on": "2026-05-31"}, {**A, "customer_id": "b", "owner_id": "o", "signed_at": "2026-06-01T08:00"},
        {**A, "customer_id": "c", "owner_id": "o", "lost_on": "2026-06-01"}, {**A, "customer_id": "d", "owner_id": "o"},
    ]  # fmt: skip
    found = collect(raised(made({"customers": customers, "owners": left}), at()))
    assert sorted(found["customer_id"]) == ["c", "d"]
