"""Who is asked about, who was lost, and what is known on a morning: cases by eye, faulty input, and that nothing later can change a feature."""

import datetime as dt
import random
from functools import cache

import numpy as np
import pandas as pd
import pytest

from metrics.churn_features import KINDS, NUMBERS, features
from metrics.churn_population import asked_of, outcomes
from metrics.period import Period, day_number
from metrics.query import Query, collect
from tests.made import made

D = dt.date.fromisoformat
MORNING = D("2025-07-01")
AT = day_number(MORNING)
QUERY = Query(Period(D("2024-01-01"), D("2026-01-01"), D("2026-01-01")))


def at(day, hour=2, zone=dt.UTC):
    return dt.datetime.combine(D(day), dt.time(hour), tzinfo=zone)


def agreement(customer, starts, ends=None, **more):
    return {
        "subscription_id": f"{customer}{starts}", "customer_id": customer, "starts_on": starts, "ends_on": ends, "amount_per_month": 10, "currency": "CNY",
        "status": "ended" if ends else "active", **more,
    }  # fmt: skip


def bill(customer, day, amount=10):
    return {
        "invoice_line_id": f"{customer}{day}{amount}",
        "invoice_id": f"{customer}{day}",
        "customer_id": customer,
        "issued_on": day,
        "amount": amount,
        "kind": "sale",
    }


def company(*names, **rows):
    return {**rows, "customers": [*rows.get("customers", []), *({"customer_id": name} for name in names)]}


def everybody(tables):
    return tables["accounts"].select("customer_id")


def known(entities, morning=MORNING, query=QUERY):
    tables = made(entities)
    return features(tables, query, [day_number(morning)], everybody(tables)).set_index("customer_id")


def became(entities, query=QUERY):
    tables = made(entities)
    asked = collect(asked_of(tables, query, [AT], everybody(tables))).set_index("customer_id")
    return asked.join(collect(outcomes(tables, query, [AT], everybody(tables))).set_index("customer_id").drop(columns="at_d"))


def one(value):
    return None if pd.isna(value) else value


CONTRACT = [  # agreements of one customer → whether it is asked about, is lost, after how many days
    ([("2025-01-01", None)], True, 0, None),
    ([("2025-01-01", "2025-07-01")], False, None, None),  # its service ended at midnight
    ([("2025-01-01", "2025-07-02")], True, 1, 1),
    ([("2025-01-01", "2025-09-29")], True, 1, 90),  # the 90th day after the morning
    ([("2025-01-01", "2025-09-30")], True, 0, None),
    ([("2025-01-01", "2025-08-01"), ("2025-09-29", None)], True, 0, None),  # went on within the 90 days
    ([("2025-01-01", "2025-08-01"), ("2025-09-30", None)], True, 1, 31),
    ([("2025-01-01", "2025-08-01"), ("2025-02-01", None)], True, 0, None),  # two agreements, one goes on: a contraction, no loss
    ([("2025-07-01", None)], False, None, None),  # begins that very morning
    ([("2025-06-01", "2025-05-01")], False, None, None),  # ends before it starts: never ran
]


def test_who_has_an_agreement_is_lost_without_one_90_days_later():
    agreements = [agreement(f"c{k}", *span) for k, (spans, *_) in enumerate(CONTRACT) for span in spans]
    found = became(company(*(f"c{k}" for k in range(len(CONTRACT))), subscriptions=agreements, invoices=[bill("x", "2024-01-05")]))
    assert set(found["population"]) == {"contract"}
    told = {name: (row["is_lost"], one(row["lost_after"])) for name, row in found.iterrows()}
    assert told == {f"c{k}": (lost, after) for k, (_, asked, lost, after) in enumerate(CONTRACT) if asked}


BUYERS = [  # days of purchase → asked about, lost, after; the cut is 180 days
    (["2025-01-02"], True, 1, 1),  # silent for 180 days on 1 July: lost the day after
    (["2025-01-01"], False, None, None),  # lost already
    (["2025-04-01"], True, 1, 90),  # 91 days: beyond the cut on 29 September
    (["2025-04-02"], False, None, None),  # can't be beyond the cut within 90 days
    (["2025-03-01", "2025-09-28"], True, 0, None),
    (["2025-03-01", "2025-09-29"], True, 1, 59),  # bought again on the 90th day, when it had been lost for a month
]


def test_who_has_none_is_lost_by_the_companys_cut_of_silence():
    bills = [bill(f"c{k}", day) for k, (days, *_) in enumerate(BUYERS) for day in days]
    found = became(company(*(f"c{k}" for k in range(len(BUYERS))), invoices=bills))
    assert set(found["population"]) == {"buyer"}
    told = {name: (row["is_lost"], one(row["lost_after"])) for name, row in found.iterrows()}
    assert told == {f"c{k}": (lost, after) for k, (_, asked, lost, after) in enumerate(BUYERS) if asked}


def test_who_once_had_an_agreement_is_no_buyer_and_who_is_called_lost_is_not_asked_about():
    gone = [{"customer_id": "gone", "lost_on": D("2025-06-30")}, {"customer_id": "later", "lost_on": D("2025-07-01")}]
    rows = company("had", customers=gone, subscriptions=[agreement("had", "2024-01-01", "2025-01-01")])
    rows["invoices"] = [bill(name, "2025-03-01") for name in ("had", "gone", "later")]
    assert list(became(rows).index) == ["later"]


def test_features_of_one_customer_by_hand():
    rows = company(
        customers=[{"customer_id": "c", "signed_at": at("2025-01-10"), "kind": "company", "region": None}],
        subscriptions=[agreement("c", "2025-01-10"), agreement("c", "2025-03-01"), agreement("c", "2025-01-15", "2025-02-15")],
        invoices=[bill("x", "2024-01-01"), *(bill("c", day) for day in ("2025-01-12", "2025-03-13", "2025-05-12"))],
        interactions=[{"customer_id": "y", "happened_at": at("2024-12-01")}, {"customer_id": "c", "happened_at": at("2025-01-13"), "direction": "out"}],
        tickets=[
            {"ticket_id": f"t{k}", "customer_id": who, "kind": kind, "opened_at": at(day)}
            for k, (who, kind, day) in enumerate([
                ("x", "enquiry", "2024-01-01"), ("c", "complaint", "2025-01-02"), ("c", "complaint", "2025-01-01"), ("c", "service", "2025-04-02"),
                ("c", "service", "2025-04-01"),
            ])
        ],
        payments=[
            {"payment_id": f"p{day}", "customer_id": "c", "paid_on": day, "is_failed": True} for day in ("2024-02-01", "2025-04-01", "2025-04-02")
        ],
    )  # fmt: skip
    row = known(rows).loc["c"]
    assert (row["silence"], row["rhythm"]) == (50, 50 / 60)  # 12 May to 1 July; gaps of 60 days
    assert (row["agreements"], row["anniversary"]) == (2, 365 - 122)  # the youngest that runs began on 1 March
    assert (row["tenure"], row["missed"]) == (172, 0)  # spoken with after exactly 72 hours
    assert row["contact"] == 169 and (row["complaints"], row["requests"], row["failed"]) == (1, 1, 1)  # the last 180, 90 and 90 days
    assert row["pace"] == pytest.approx(np.log(2 / 3)) and row["kind"] == "company" and pd.isna(row["region"])  # one day of purchase after two
    assert row[["use", "satisfaction", "recommends", "expected"]].isna().all()  # not on record, or not for who has an agreement


def test_what_is_faulty_or_missing_is_unknown_and_never_an_error():
    """No signing date; an agreement that ends before it starts; an owner who left; a customer merged yesterday; other time zones."""
    east, west = dt.timezone(dt.timedelta(hours=14)), dt.timezone(dt.timedelta(hours=-11))
    rows = company(
        "bare", "late",
        owners=[{"owner_id": "o", "is_active": False}],
        customers=[{"customer_id": "kept", "owner_id": "o", "signed_at": at("2025-02-01", 10, east)}, {"customer_id": "old", "merged_into": "kept"}],
        subscriptions=[agreement("bare", "2025-01-01"), agreement("bare", "2025-03-01", "2025-02-01"), agreement("old", "2024-12-01")],
        invoices=[bill("bare", "2024-01-01"), bill("old", "2025-06-01")],
        interactions=[
            {"customer_id": "late", "happened_at": at("2025-01-02")}, {"customer_id": "kept", "happened_at": at("2025-01-31", 8, west), "direction": "out"},
        ],
    )  # fmt: skip
    found = known(rows)
    assert sorted(found.index) == ["bare", "kept"]
    assert found.loc["bare", "tenure"] == (MORNING - D("2025-01-01")).days and pd.isna(found.loc["bare", "missed"])  # since its first agreement
    assert (found.loc["kept", "agreements"], found.loc["kept", "silence"]) == (1, 30)  # what was the old record's is its own
    assert found.loc["kept", "missed"] == 1  # spoken with at 19:00 UTC, an hour before the signing, though the clocks on the walls say otherwise
    assert found.loc["bare", "agreements"] == 1


def later_rows(rng, number=40):
    """Of every kind rows of customers known and new that begin on the morning or after it, some in its first second."""
    made_: dict[str, list[dict]] = {}
    for k in range(number):
        who, day = rng.choice(("a", "b", "new")), str(MORNING + dt.timedelta(days=rng.choice((0, 0, 1, rng.randrange(180)))))
        key = {"customer_id": who}
        for table, row in {
            "invoices": bill(who, day, 77 + k), "subscriptions": agreement(who, day, subscription_id=f"l{k}"),
            "interactions": {"interaction_id": f"l{k}", "happened_at": at(day, 0), "direction": "out", **key},
            "tickets": {"ticket_id": f"l{k}", "kind": rng.choice(("complaint", "service")), "opened_at": at(day, 0), **key},
            "payments": {"payment_id": f"l{k}", "paid_on": day, "is_failed": True, **key},
            "usage": {"feature": f"f{k}", "day": day, "count": 500, **key},
            "answers": {"answer_id": f"l{k}", "response_id": f"l{k}", "survey_id": "s", "question_id": "q", "answered_at": at(day, 0), "score": 1.0, **key},
        }.items():  # fmt: skip
            if rng.random() < 0.7:
                made_.setdefault(table, []).append(row)
    return made_


def lived():
    """Two customers of whom something of every kind is on record before the morning."""
    days = ["2025-01-05", "2025-02-20", "2025-03-25", "2025-06-20"]
    return {
        "customers": [{"customer_id": c, "signed_at": at("2025-06-29"), "kind": "company"} for c in ("a", "b", "new")],
        "subscriptions": [agreement("a", "2025-01-01", "2025-08-01")],
        "invoices": [bill(c, day) for c, some in (("a", days), ("b", days[:3])) for day in some],
        "interactions": [{"interaction_id": f"i{c}{d}", "customer_id": c, "happened_at": at(d), "direction": "out"} for c in "ab" for d in days],
        "tickets": [{"ticket_id": f"t{d}", "customer_id": "a", "kind": "complaint", "opened_at": at(d), "solved_at": at("2025-09-01")} for d in days],
        "payments": [{"payment_id": f"p{d}", "customer_id": "a", "paid_on": d, "is_failed": True} for d in days],
        "usage": [{"customer_id": "a", "feature": "f", "day": d, "count": 5} for d in ("2025-03-01", "2025-05-20", "2025-06-15")],
        "surveys": [{"survey_id": "s", "name": "s", "kind": "k"}],
        "questions": [{"question_id": "q", "survey_id": "s", "dimension": "service", "scale_min": 1, "scale_max": 5}],
        "answers": [
            {"answer_id": f"a{d}", "response_id": f"a{d}", "survey_id": "s", "question_id": "q", "customer_id": "a", "answered_at": at(d), "score": 4.0}
            for d in days
        ],
    }  # fmt: skip


@cache
def before():
    return known(lived())


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_no_row_after_the_morning_can_change_a_feature(seed):
    later = later_rows(random.Random(seed))
    assert set(later) == {"invoices", "subscriptions", "interactions", "tickets", "payments", "usage", "answers"}
    after = {name: [*rows, *later.get(name, [])] for name, rows in lived().items()}
    assert set(before().index) == {"a", "b"}
    pd.testing.assert_frame_equal(before(), known(after), check_exact=True)


def test_a_row_before_the_morning_would_change_them():
    """Else the property above would hold of features that look at nothing: of each kind one row, a day earlier."""
    key, day = {"customer_id": "a"}, "2025-06-30"
    changes = {
        "invoices": (bill("a", day, 77), "silence"), "subscriptions": (agreement("a", day), "agreements"),
        "interactions": ({"interaction_id": "l", "happened_at": at(day, 23), **key}, "contact"),
        "tickets": ({"ticket_id": "l", "kind": "complaint", "opened_at": at(day, 23), **key}, "complaints"),
        "payments": ({"payment_id": "l", "paid_on": day, "is_failed": True, **key}, "failed"),
        "usage": ({"feature": "g", "day": day, "count": 500, **key}, "use"),
        "answers": (
            {"answer_id": "l", "response_id": "l", "survey_id": "s", "question_id": "q", "answered_at": at(day, 23), "score": 1.0, **key}, "satisfaction",
        ),
    }  # fmt: skip
    other = known({name: [*rows, *(changes[name][:1] if name in changes else ())] for name, rows in lived().items()})
    assert [table for table, (_, feature) in changes.items() if other.loc["a", feature] == before().loc["a", feature]] == []


def test_a_planned_end_of_an_agreement_is_not_looked_at():
    rows = lived()
    rows["subscriptions"] = [agreement("a", "2025-01-01", "2025-12-01")]
    pd.testing.assert_frame_equal(before(), known(rows), check_exact=True)


def test_expected_purchases_are_of_buyers_and_fall_with_silence():
    often = [bill("often", str(MORNING - dt.timedelta(days=120 + 15 * k))) for k in range(8)]
    once = [bill("once", str(MORNING - dt.timedelta(days=170)))]
    others = [bill(f"o{k}", str(MORNING - dt.timedelta(days=300 - 7 * k + 20 * j))) for k in range(20) for j in range(1 + k % 4)]
    found = known(company("often", "once", *(f"o{k}" for k in range(20)), invoices=[*often, *once, *others]))
    assert found.loc["often", "population"] == "buyer" and found["expected"].notna().all() and (found["expected"] >= 0).all()
    assert found.loc["often", "expected"] > 0 and set(NUMBERS) | set(KINDS) <= set(found.columns)
