"""Cases through the app: opened on a row of the list, snoozed, closed, commented; who was faster; whom they do not exist for; what plays led to."""

import datetime as dt

import pytest
from sqlalchemy import text

from access import guard
from access.grants import Grant
from records import cases, database, journal
from records.models import Case
from tests.pages.conftest import failures, texts
from tests.pages.test_at_risk import listed
from ui import cases as shown
from ui import words

NOW = dt.datetime(2026, 8, 1, 8, tzinfo=dt.UTC)
AHEAD = dt.date(2036, 1, 31)


@pytest.fixture
def records(warehouses):
    """The records of the full warehouse, without cases (what happened to them stays, as the database wants it: numbers are never given twice)."""
    engine = database.opened(warehouses["full"])
    with engine.begin() as connection:
        connection.execute(text("delete from cases"))
    shown.forget()
    yield engine
    with engine.begin() as connection:
        connection.execute(text("delete from cases"))
    shown.forget()


@pytest.fixture
def page(run, records):
    """page() → the at-risk page in English."""

    def page(name="at_risk", **params):
        app = run(name, **params)
        assert failures(app) == []
        return app

    return page


def said(app) -> str:
    return words.aloud(texts(app))


def acts(app) -> list[str]:
    """The customers told in full who have a panel."""
    return [key.removeprefix("case_box_") for key in boxes(app) if key.startswith("case_box_")]


def boxes(app) -> list[str]:
    """Keys of expanders that rerun when they are opened."""
    return [part.proto.id.split("-", 2)[2] for part in app.expander if part.proto.id]


def opened(app, place=0):
    """The panel of one of the customers told in full, and which customer that is."""
    customer = acts(app)[place]
    app.session_state[f"case_box_{customer}"] = True
    return app.run(), customer


def field(app, kind, name):
    return next(part for part in app.get(kind) if part.key and part.key.startswith(f"case_{name}_"))


def choose(app, act):
    return field(app, "button_group", "act").set_value(act).run()


def save(app):
    app = field(app, "button", "save").click().run()
    assert failures(app) == []
    return app


def add(engine, customer, kinds=("silence",), **further):
    """A case that was opened on flags of other rows than those that stand."""
    flags = [{"kind": kind, "row": "then", "on": "2026-01-01", "n": 1} for kind in kinds]
    given = {"assignee": "ann@example.com", "due_on": AHEAD, "play": "recall_offer", "currency": "CNY", "snapshot": "s", **further}
    made = cases.add(engine, Case(customer_id=customer, flags=flags, **given), by="boss@x.org", at=NOW)
    shown.forget()
    return made


def test_a_case_is_opened_on_the_row_as_it_is(page, records):
    app, customer = opened(page())
    assert field(app, "selectbox", "play").value is not None  # the next best action is proposed
    field(app, "selectbox", "assignee").select_index(0)
    app = save(app.run())
    (case,) = cases.cases(records)
    row = listed(app).iloc[0]
    assert (case.customer_id, case.status, case.version, case.proposed) == (customer, "open", 1, case.play)
    assert case.revenue == pytest.approx(row["revenue"]) and case.flags == case.known and all(flag["row"] for flag in case.flags)
    assert case.assignee in row["case"] and len(acts(app)) == 5  # it is still on the list, once, with its case
    (entry,) = journal.entries(records, action="case_opened", most=1)
    assert entry.object == f"case {case.number}" and entry.detail == {"customer": customer}


def test_who_is_snoozed_is_off_the_list_until_a_new_flag(page, records):
    app = page()
    whole = len(listed(app))
    app, customer = opened(app)
    app = choose(app, "snooze")
    assert field(app, "button", "save").disabled and "It needs a reason." in said(app)
    field(app, "text_input", "snooze_reason").set_value("back in <b>May</b>")
    app = save(app.run())
    (case,) = cases.cases(records)
    assert (case.status, case.snooze_reason, case.customer_id) == ("snoozed", "back in <b>May</b>", customer)
    assert len(listed(app)) == whole - 1 and customer not in acts(app) and "1 snoozed, 0 whose" in said(app)
    assert acts(page(cases="snoozed")) == [customer] and len(listed(page(cases="everybody"))) == whole
    with records.begin() as connection:
        connection.execute(text("update cases set known = '[]'"))  # as if every flag were a new one
    shown.forget()
    app = page()
    assert len(listed(app)) == whole and "new since:" in said(app)


def test_a_closed_case_does_not_come_back_by_the_same_flags(page, records):
    app, _ = opened(page())
    whole = len(listed(app))
    app = choose(app, "close")
    field(app, "button_group", "outcome").set_value("false_alarm")
    field(app, "text_input", "close_reason").set_value("they were away")
    app = save(app.run())
    (case,) = cases.cases(records)
    assert (case.status, case.outcome, case.outcome_reason) == ("closed", "false_alarm", "they were away")
    assert len(listed(app)) == whole - 1 and "0 snoozed, 1 whose" in said(app)
    add(records, acts(app)[0])
    with records.begin() as connection:
        connection.execute(text("update cases set status = 'closed', open_for = null where outcome is null"))
    shown.forget()
    assert len(listed(page())) == whole - 1  # whose closed case was about other rows is back


def test_who_was_faster_is_told_and_nothing_typed_is_lost(page, records):
    made = add(records, acts(page())[0])
    app, _ = opened(page())
    app = choose(app, "close")
    field(app, "button_group", "outcome").set_value("saved")
    field(app, "text_input", "close_reason").set_value("signed again")
    cases.change(records, made.number, 1, by="eve@x.org", at=NOW, assignee="eve@x.org")
    app = field(app.run(), "button", "save").click().run()
    assert "eve@x.org was faster" in said(app) and cases.cases(records)[0].status == "open"
    assert field(app, "text_input", "close_reason").value == "signed again"
    app = save(app)
    assert (cases.cases(records)[0].status, cases.cases(records)[0].outcome_reason, cases.cases(records)[0].assignee) == ("closed", "signed again", "eve@x.org")


def test_a_comment_is_shown_as_it_was_typed_here_and_on_the_customers_page(page, records):
    app = page()
    made = add(records, acts(app)[0])
    app, customer = opened(page())
    app = choose(app, "comment")
    field(app, "text_area", "comment").set_value("called *them* <b>twice</b>")
    save(app.run())
    app = page("customer", id=customer)
    assert "ann@example.com, due" in said(app)
    app.session_state[f"case_course_{made.number}"] = True
    assert "called *them* <b>twice</b>" in said(app.run()) and "boss@x.org" in said(app)


def test_the_list_of_cases_knows_who_is_not_at_risk_any_more_and_who_was_merged(page, records):
    add(records, "erp:x0", due_on=dt.date(2036, 2, 1))  # a record of Customer 0
    calm = next(f"crm:c{k}" for k in range(1, 60) if f"Customer {k}" not in set(listed(page(cases="everybody"))["customer"]))
    add(records, calm, due_on=dt.date(2026, 8, 3))
    app = page()
    rows = next(part.value for part in app.dataframe if "still" in part.value.columns)
    assert rows["still"].iloc[0] == "no" and "overdue since" in rows["standing"].iloc[0] and rows["customer"].iloc[1] == "Customer 0"


def test_plays_are_compared_with_caution_and_from_five_on(page, records):
    outcomes = {"recall_offer": ["saved"] * 3 + ["lost"] * 2, "train_users": ["saved"] * 4}
    customers = iter(range(1, 30))
    for play, found in outcomes.items():
        for outcome in found:
            made = add(records, f"crm:c{next(customers)}", play=play)
            cases.close(records, made.number, 1, outcome, "x", [], by="ann", at=NOW)
    shown.forget()
    told = said(page())
    assert "Win-back offer: 60.0% saved of 5 (23.1% to 88.2%)" in told  # Wilson limits of 3 of 5
    assert "Too few closed cases to tell (fewer than 5): Train the users." in told and "nobody drew lots" in told


@pytest.mark.parametrize(("grant", "may"), [(Grant("auditor", "all"), False), (Grant("sales", "all"), True)])
def test_only_some_roles_work_on_cases(page, records, monkeypatch, grant, may):
    monkeypatch.setattr(guard, "SITTING_HERE", grant)
    assert bool(acts(page())) == may


def test_a_case_of_a_customer_outside_the_reach_does_not_exist(page, records, monkeypatch):
    whole = page()
    rows = listed(whole)
    south = rows[rows["region"] != "North"].index[0]
    if south < 5:
        customer = acts(whole)[south]
    add(records, customer, assignee="zyzzyva@example.com")
    assert "zyzzyva" in said(page())
    monkeypatch.setattr(guard, "SITTING_HERE", Grant("customer_success", "segment", "region", ("North",)))
    app = page()
    assert "zyzzyva" not in said(app) and "No cases yet" in said(app) and acts(app)
