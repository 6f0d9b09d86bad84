"""One customer's facts, from rows small enough to check by eye; on both engines where they are asked of an engine."""

import pandas as pd
import pytest

from access.scope import Scope
from metrics import customer
from metrics.query import collect
from tests.company import D
from tests.made import made

AS_OF = D("2026-07-01")  # nothing is known of this day and those after it
ROWS = {
    "owners": [{"owner_id": "o1", "name": "Olga"}, {"owner_id": "o2", "name": "Tom"}],
    "products": [{"product_id": "i1", "name": "Pump", "category": "Machines"}, {"product_id": "i2", "name": "Oil"}],
    "customers": [
        {"customer_id": "crm:a", "source": "crm", "source_id": "a", "name": "Acme", "region": "North", "owner_id": "o1", "grade": "core",
         "email": "Info@acme.example", "tax_no": "91 35", "parent_id": "crm:p"},
        {"customer_id": "erp:a", "source": "erp", "source_id": "a", "name": "ACME Ltd", "merged_into": "crm:a", "email": "info@acme.example", "tax_no": "9136"},
        {"customer_id": "crm:p", "source": "crm", "name": "Parent of Acme", "region": "South", "owner_id": "o2"},
        {"customer_id": "crm:x", "source": "crm", "name": "Gone", "is_deleted": True},
    ],
    "contacts": [{"contact_id": "p1", "customer_id": "crm:a", "name": "Ann", "role_in_decision": "decides"}],
    "invoices": [
        {"invoice_line_id": "l1", "invoice_id": "n1", "customer_id": "erp:a", "product_id": "i1", "issued_on": "2026-05-02", "amount": 100},
        {"invoice_line_id": "l2", "invoice_id": "n1", "customer_id": "erp:a", "product_id": "i2", "issued_on": "2026-05-02", "amount": 20},
        {"invoice_line_id": "l3", "invoice_id": "n2", "customer_id": "crm:a", "product_id": "i1", "issued_on": "2026-06-03", "amount": -30,
         "kind": "credit_note"},
        {"invoice_line_id": "l4", "invoice_id": "n3", "customer_id": "crm:p", "issued_on": "2026-06-03", "amount": 999},
    ],
    "payments": [
        {"payment_id": "y1", "customer_id": "erp:a", "paid_on": "2026-05-20", "amount": 120},
        {"payment_id": "y2", "customer_id": "erp:a", "paid_on": "2026-05-12", "amount": 120, "is_failed": True},
        {"payment_id": "y3", "customer_id": "erp:a", "paid_on": "2025-06-30", "amount": 5, "is_failed": True},  # more than 365 days before
    ],
    "subscriptions": [
        {"subscription_id": "s1", "customer_id": "crm:a", "product_id": "i1", "starts_on": "2026-01-01", "amount_per_month": 10, "status": "active",
         "renewal_on": "2027-01-01"},
        {"subscription_id": "s2", "customer_id": "crm:a", "starts_on": "2025-01-01", "ends_on": "2026-06-30", "amount_per_month": 7, "status": "ended"},
        {"subscription_id": "s3", "customer_id": "crm:a", "starts_on": "2026-02-01", "ends_on": "2026-12-31", "amount_per_month": 3, "status": "active",
         "renewal_on": "2026-12-31"},
        {"subscription_id": "s4", "customer_id": "crm:a", "starts_on": "2026-08-01", "amount_per_month": 1, "status": "active"},  # has not begun
    ],
    "deals": [
        {"deal_id": "d1", "customer_id": "crm:a", "owner_id": "o2", "created_at": "2026-06-10T02:00", "stage": "Quote", "amount": 50, "currency": "CNY"},
        {"deal_id": "d2", "customer_id": "crm:a", "created_at": "2025-01-10T02:00", "closed_at": "2025-02-01T02:00", "is_won": False, "stage": "Lead",
         "lost_reason": "price"},
        {"deal_id": "d3", "customer_id": "crm:a", "created_at": "2026-01-10T02:00", "closed_at": "2026-02-01T02:00", "is_won": True, "stage": "Contract"},
        {"deal_id": "d4", "created_at": "2026-06-10T02:00", "stage": "Lead"},  # nobody's
    ],
    "deal_stages": [{"deal_id": deal, "stage": "Quote", "entered_at": "2026-06-12T02:00"} for deal in ("d1", "d4")],
    "interactions": [
        {"interaction_id": "a1", "customer_id": "crm:a", "owner_id": "o1", "channel": "call", "happened_at": "2026-06-01T02:00", "outcome": "busy",
         "next_action": "send offer", "next_due_at": "2026-06-05T02:00"},
        {"interaction_id": "a2", "customer_id": "crm:a", "channel": "visit", "happened_at": "2026-06-20T02:00", "next_action": "call", "next_due_at":
         "2026-07-03T02:00"},
        {"interaction_id": "a3", "customer_id": "crm:a", "channel": "call", "happened_at": "2026-05-01T02:00", "next_due_at": "2026-05-02T02:00",
         "next_done_at": "2026-05-02T02:00"},
    ],
    "tickets": [
        {"ticket_id": "t1", "customer_id": "crm:a", "kind": "complaint", "opened_at": "2026-01-01T02:00", "solved_at": "2026-04-02T02:00"},  # 90 days ago
        {"ticket_id": "t2", "customer_id": "crm:a", "kind": "service", "opened_at": "2026-01-01T02:00", "solved_at": "2026-04-01T02:00"},  # 91 days ago
    ],
    "surveys": [{"survey_id": "w1", "wave": "H1"}, {"survey_id": "w2", "wave": "H1", "is_anonymous": True}],
    "questions": [
        {"question_id": "q1", "dimension": "nps", "scale_min": 0, "scale_max": 10}, {"question_id": "q2", "dimension": "price", "scale_min": 1, "scale_max": 5},
    ],
    "answers": [
        {"answer_id": f"r{k}", "response_id": response, "survey_id": survey, "question_id": question, "customer_id": "crm:a", "contact_id": "p1",
         "answered_at": f"{on}T02:00", "score": score, "text": text}
        for k, (response, survey, question, on, score, text) in enumerate((
            ("r1", "w1", "q1", "2026-03-01", 9, None), ("r1", "w1", "q2", "2026-03-01", 2, "dear"), ("r2", "w2", "q1", "2026-04-01", 0, "secret"),
        ))
    ],
}  # fmt: skip


@pytest.fixture(scope="module", params=["duckdb", pytest.param("local[2]", marks=pytest.mark.slow)])
def tables(request):
    return made(ROWS, engine_name=None if request.param == "duckdb" else request.param)


@pytest.fixture(scope="module")
def happened():
    return customer.events(made(ROWS), "crm:a")


def ids(rows: pd.DataFrame, column: str = "row_id") -> list:
    return list(rows[column])


# which customer


def test_an_id_stands_for_the_customer_that_it_became(tables):
    asked = ("crm:a", "erp:a", "crm:p", "crm:x", "crm:nowhere", "' or 1=1 --")
    assert [customer.account(tables, id) for id in asked] == ["crm:a", "crm:a", "crm:p", None, None, None]


@pytest.mark.parametrize(("asked", "account"), [("crm:a", "crm:a"), ("erp:a", "crm:a"), ("crm:p", None)])
def test_who_is_out_of_reach_is_not_there(asked, account):
    assert customer.account(made(ROWS, scope=Scope((("region", ("North",)),))), asked) == account


@pytest.mark.parametrize(
    ("text", "found"), [("ACME", ["crm:a", "crm:p"]), ("parent", ["crm:p"]), ("  ", []), ("%", []), ("a_me", []), ("gone", []), ("'; drop", [])]
)
def test_a_search_looks_for_the_text_itself_and_puts_beginnings_first(tables, text, found):
    assert ids(customer.find(tables, text), "customer_id") == found


def test_a_search_gives_at_most_twenty():
    many = made({"customers": [{"customer_id": f"c{k}", "name": f"Twin {k}"} for k in range(30)]})
    assert len(customer.find(many, "twin")) == 20 and len(customer.find(many, "twin", 3)) == 3


# the customer itself


def test_basics_name_the_owner_and_the_parent(tables):
    known = customer.basics(tables, "crm:a")
    assert (known["name"], known["owner"], known["parent"], known["email"], known["phone"]) == ("Acme", "Olga", "Parent of Acme", "Info@acme.example", None)
    assert customer.contacts(tables, "crm:a").to_dict("records")[0]["role_in_decision"] == "decides"


def test_a_customer_is_made_of_records_that_agree_or_not(tables):
    """The e-mail agrees but for its case; the tax numbers differ; neither has a phone."""
    own, merged = customer.records(tables, "crm:a").to_dict("records")
    assert (own["record_id"], own["source_id"], bool(own["is_own"])) == ("crm:a", "a", True)
    assert (merged["record_id"], merged["source"], merged["merged_into"]) == ("erp:a", "erp", "crm:a")
    assert merged["same_email"] and not merged["same_tax_no"] and pd.isna(merged["same_phone"])


# what happened


def test_everything_is_told_once_and_of_this_customer_only(tables):
    """l1 and l2 are one invoice of 120; an anonymous answer, other customers and nobody's deals are not here."""
    told = customer.events(tables, "crm:a")
    count = told.groupby("kind").size().to_dict()
    assert count == {
        "invoice": 1, "credit_note": 1, "payment": 1, "failed_payment": 2, "agreement_begun": 4, "agreement_over": 2, "deal_created": 3, "deal_stage": 1,
        "deal_won": 1, "deal_lost": 1, "interaction": 3, "ticket_opened": 2, "ticket_solved": 2, "answer": 2,
    }  # fmt: skip
    invoice = told[told["kind"] == "invoice"].iloc[0]
    assert (invoice["row_id"], invoice["amount"], invoice["n"], invoice["happened_on"]) == ("n1", 120, 2, D("2026-05-02"))
    assert told["happened_on"].is_monotonic_decreasing and not told["note"].astype(str).str.contains("secret").any()
    assert told.set_index("row_id").loc[["a1", "r0"], "who"].to_list() == ["Olga", "Ann"]


def test_a_timeline_ends_before_the_day_that_is_not_loaded(happened):
    """The agreement of August and the end in December are plans."""
    assert set(happened["row_id"]) - set(customer.timeline(happened, AS_OF)["row_id"]) == {"s4"}
    assert ids(customer.timeline(happened, AS_OF, ("agreement_over",))) == ["s2"]
    assert ids(customer.timeline(happened, D("2026-05-03"), ("invoice", "payment", "failed_payment"))) == ["n1", "y3"]


def test_agreements_that_run_the_next_renewal_first(happened):
    assert ids(customer.agreements(happened, AS_OF)) == ["s3", "s1"]
    assert ids(customer.agreements(happened, D("2027-01-05"))) == ["s1", "s4"]


def test_open_deals_and_those_closed_lately(happened):
    """d3 was closed 150 days before, d2 long ago."""
    assert ids(customer.deals(happened, AS_OF)) == ["d1", "d3"] and ids(customer.deals(happened, AS_OF, lately=100)) == ["d1"]


def test_where_no_deal_is_open_and_none_was_closed_lately_there_is_none(happened):
    found = customer.deals(happened[happened["row_id"] != "d1"], AS_OF, lately=100)
    assert found.empty and "is_open" in found


def test_who_was_asked_twice_has_a_course_of_two_points(happened):
    asked = set(customer.scores(happened, AS_OF)["dimension"])
    assert asked and customer.asked_twice(happened, AS_OF) == {name for name in asked if len(customer.course(happened, AS_OF, name)) > 1}


def test_failed_payments_of_a_year(happened):
    assert customer.failed_payments(happened, AS_OF) == {"n": 1, "last_on": D("2026-05-12")}
    assert customer.failed_payments(happened, D("2026-06-30")) == {"n": 2, "last_on": D("2026-05-12")}


def test_orders_are_those_of_the_revenue(tables):
    """A credit note is no order."""
    assert customer.orders(tables, "crm:a", AS_OF) == {"n": 1, "first_on": D("2026-05-02"), "last_on": D("2026-05-02")}
    assert customer.orders(tables, "crm:a", D("2026-05-02")) == {"n": 0, "first_on": None, "last_on": None}


def test_products_by_what_they_brought(tables):
    """Pump: 100 in May less 30 in June."""
    found = customer.products(tables, "crm:a", D("2026-01-01"), AS_OF)
    assert found[["product", "revenue", "last_month"]].to_numpy().tolist() == [["Pump", 70.0, D("2026-06-01")], ["Oil", 20.0, D("2026-05-01")]]
    assert ids(customer.products(tables, "crm:a", D("2026-06-01"), AS_OF), "revenue") == [-30.0]


def test_what_was_promised_and_what_is_late(happened):
    """a3 is done; a1 was due on 5 June, a2 is due on 3 July."""
    waiting = customer.promised(happened, AS_OF)
    assert ids(waiting) == ["a1", "a2"] and list(waiting["is_late"]) == [True, False]
    assert customer.last_contact(happened, AS_OF)["row_id"] == "a2" and customer.last_contact(happened, D("2026-05-01")) is None
    assert customer.channels(happened, AS_OF)[["channel", "n"]].to_numpy().tolist() == [["call", 2], ["visit", 1]]


def test_tickets_solved_in_ninety_days(happened):
    assert ids(customer.solved_lately(happened, AS_OF)) == ["t1"]


def test_what_they_answered_under_their_name(happened):
    """The anonymous 0 of April is nobody's: the last recommendation is the 9 of March."""
    said = customer.recommendation(happened, AS_OF, "nps")
    assert (said["score"], said["band"], said["who"], said["on"]) == (9, "promoter", "Ann", D("2026-03-01"))
    assert customer.scores(happened, AS_OF)[["dimension", "score"]].to_numpy().tolist() == [["nps", 9.0], ["price", 2.0]]
    assert list(customer.said(happened, AS_OF)["note"]) == ["dear"]
    assert customer.course(happened, AS_OF, "price")[["period", "value", "n"]].to_numpy().tolist() == [[D("2026-03-01"), 2.0, 1]]


def test_each_block_names_the_systems_it_is_from():
    rows = {"customers": ROWS["customers"], "payments": [{"customer_id": "crm:a", "source": "erp"}, {"customer_id": "crm:a", "source": "bank"}]}
    happened = customer.events(made(rows), "crm:a")
    assert customer.sources(happened, "transactions") == ("bank", "erp") and customer.sources(happened, "service") == ()


def test_nothing_happened_is_no_error(happened):
    nothing = happened.head(0)
    functions = (customer.agreements, customer.deals, customer.promised, customer.solved_lately, customer.scores, customer.said, customer.channels)
    assert all(ask(nothing, AS_OF).empty for ask in functions)
    assert customer.last_contact(nothing, AS_OF) is None and customer.recommendation(nothing, AS_OF, "nps") is None
    assert customer.failed_payments(nothing, AS_OF) == {"n": 0, "last_on": None}


def test_an_older_snapshot_without_these_marts_says_that_it_has_none():
    tables = made(ROWS, marts=True)
    for mart in ("events", "customer_records"):
        del tables._stored[mart]
    assert customer.events(tables, "crm:a") is None and customer.records(tables, "crm:a").empty and customer.account(tables, "crm:a") == "crm:a"


def test_veils_reach_what_happened():
    def seen(*veils):
        return customer.events(made(ROWS, scope=Scope((("region", ("North",)),), veils=veils)), "crm:a")

    assert seen("amounts")["amount"].isna().all() and not seen()["amount"].isna().all()
    assert seen("contacts")["who"].dropna().isin(["Olga", "Tom"]).all() and "Ann" in set(seen()["who"])


@pytest.mark.parametrize("mart", ["events", "customer_records"])
def test_a_mart_has_one_row_per_key(tables, mart):
    from warehouse.marts import MARTS

    rows = collect(tables[mart])
    assert len(rows) and not rows.duplicated(list(MARTS[mart].key)).any()
