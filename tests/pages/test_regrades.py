"""Deciding about proposed grades on the page: several at once, taken back, who was faster, who may, and what the customer's page says."""

import datetime as dt
import shutil

import pytest
import streamlit as st

from access import guard
from access.grants import Grant
from records import database, journal, regrades
from tests.pages.conftest import failures, texts
from ui import regrades as shown
from ui import words

QUARTER = dt.date(2026, 4, 1)  # the company's data end in June 2026: the first quarter is the last complete one
NOW = dt.datetime(2026, 8, 1, 8, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def ours(warehouses, tmp_path_factory):
    """The full warehouse with records of its own: decisions are never removed."""
    return shutil.copytree(warehouses["full"], tmp_path_factory.mktemp("decided") / "data")


@pytest.fixture
def page(alone, ours, warehouses, monkeypatch):
    """page([0, 1]) → the part with the proposals, these rows of it selected, as st.dataframe would return them."""
    monkeypatch.setitem(warehouses, "ours", ours)
    chosen, drawn = [], st.dataframe

    def selecting(rows, *args, **kwargs):
        event = drawn(rows, *args, **kwargs)
        return {"selection": {"rows": [*chosen]}} if kwargs["key"].startswith("segments_proposals") else event

    monkeypatch.setattr("ui.table.st.dataframe", selecting)

    def page(rows=()):
        chosen[:] = rows
        return alone("ui.regrade_sheet.proposals", "ours")

    page.chosen = chosen
    shown.forget()
    yield page
    shown.forget()


def proposals(app):
    return next(part.value for part in app.dataframe if "earned" in part.value.columns)


def field(app, kind, name):
    return next(part for part in app.get(kind) if part.key and part.key.startswith("regrade_") and part.key.endswith(name))


def said(app) -> str:
    return words.aloud(texts(app))


def test_several_are_put_off_rejected_with_a_reason_and_taken_back(page, ours):
    engine = database.opened(ours)
    app = page([0, 1])
    names = proposals(app)["customer"].tolist()[:2]
    assert "2 customers selected" in said(app)
    field(app, "button_group", "choice").set_value("rejected")
    app.run()
    assert "A rejection needs its reason." in said(app) and field(app, "button", "save").disabled
    field(app, "text_input", "note").set_value("one large order")
    app.run()
    field(app, "button", "save").click()
    page.chosen.clear()
    app.run()
    assert failures(app) == [] and "2 grades rejected." in said(app) and "2 rejected" in said(app)
    assert not set(names) & set(proposals(app)["customer"])  # the list shows who is undecided
    kept = regrades.regrades(engine)
    assert {(one.decision, one.note, one.who) for one in kept} == {("rejected", "one large order", None)} and len(kept) == 2
    (noted,) = journal.entries(engine, action="grades_decided")
    assert noted.detail == {"decision": "rejected", "customers": 2, "quarter": kept[0].ends_on.isoformat()}

    app.segmented_control(key="regrades_state").set_value("rejected").run()
    assert sorted(proposals(app)["customer"]) == sorted(names) and proposals(app)["decided"].str.contains("one large order").all()
    page.chosen[:] = [0, 1]
    app.run()
    field(app, "button_group", "choice").set_value("undo")
    app.run()
    field(app, "button", "save").click()
    app.run()
    assert failures(app) == [] and "2 decisions taken back." in said(app)
    assert [one.decision for one in regrades.regrades(engine)] == ["undone", "undone", "rejected", "rejected"]


def test_an_approved_grade_stands_on_the_customers_page_and_can_be_taken_along(page, run, ours):
    app = page([0])
    row = proposals(app).iloc[0]
    field(app, "button", "save").click()  # approving is proposed first
    page.chosen.clear()
    app.run()
    (made,) = [one for one in regrades.regrades(database.opened(ours)) if one.decision == "approved"]
    assert failures(app) == [] and made.proposed == row["earned"].lower() and made.amount_score == pytest.approx(row["amount_score"] / 100, abs=0.0005)
    for box in ("regrades_approved_box", "regrades_history_box"):
        app.session_state[box] = True
    app.run()
    taken = next(part.value for part in app.dataframe if "record" in part.value.columns)
    assert (taken["record"].tolist(), taken["code"].tolist()) == ([made.customer_id], [made.proposed])
    history = next(part.value for part in app.dataframe if "quarter" in part.value.columns and "note" in part.value.columns)
    assert history["decision"].iloc[0] == "Approved" and history["customer"].iloc[0] == row["customer"]
    assert f"Approved grade: {row['earned']}" in said(run("customer", "ours", id=made.customer_id))


def test_who_was_faster_is_named_and_nothing_is_saved(page, ours):
    engine, app = database.opened(ours), page([0, 1, 2])
    second = proposals(app)["customer"].iloc[1]
    field(app, "button_group", "choice").set_value("later")
    app.run()
    frozen = {"present": None, "proposed": "key", "reason": None, **dict.fromkeys(regrades.SCORES), **dict.fromkeys(regrades.FLAGS, False)}
    before = len(regrades.regrades(engine))
    theirs = [{**frozen, "customer_id": "crm:" + second.replace("Customer ", "c")}]
    # the page was drawn before this
    regrades.decide(engine, QUARTER, "rejected", "no", theirs, seen={one.customer_id: one.number for one in regrades.regrades(engine)[::-1]}, by="bob",
                    at=NOW, snapshot="s")  # fmt: skip
    field(app, "button", "save").click()
    page.chosen.clear()
    app.run()
    assert failures(app) == [] and "Nothing has been saved" in said(app) and f"{second}: Rejected, bob" in said(app)
    assert len(regrades.regrades(engine)) == before + 1


def test_who_may_not_decide_sees_what_was_decided(page, monkeypatch):
    monkeypatch.setattr(guard, "SITTING_HERE", Grant("auditor", "all"))
    app = page([0, 1])
    assert failures(app) == [] and "customers selected" not in said(app) and "Everything that was decided" in {box.label for box in app.expander}
