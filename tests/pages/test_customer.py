"""One customer's page: opened by id, by a record that became it, or not at all; nothing of anybody else, nothing of anonymous surveys."""

import pytest
import streamlit as st

from access import guard
from access.grants import Grant
from records import database, journal
from tests import hostile
from tests.company import SETTINGS, company
from tests.pages.conftest import LANGUAGES, WAREHOUSES, failures, texts
from tests.published import publish
from ui.words import aloud, plain

UNKNOWN = {"en": "There is no such customer among your accounts.", "zh-CN": "您可见的客户中没有该客户。"}


HARMFUL = [text for text in hostile.TEXTS if text.startswith(("<img", "[x]", "$E", ":material"))]


def opened(data) -> list[str]:
    """The customers whose opening stands in the access log, newest first."""
    entries = journal.entries(database.opened(data)) if database.exists(data) else []
    return [entry.object for entry in entries if entry.action == "opened_customer"]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("warehouse", WAREHOUSES)
def test_the_page_runs(run, warehouse, language):
    app = run("customer", warehouse, language, id="crm:c8")
    assert failures(app) == []
    asked = {"en": "Who is this customer, all on one page?", "zh-CN": "一页看全：这位客户是谁？"}
    named = {"en": "Who is Customer 8?", "zh-CN": "Customer 8 是谁？"}
    assert app.title[0].value == (named if warehouse == "full" else asked)[language]


def listed(app, column: str):
    return next((part.value for part in app.dataframe if column in part.value.columns), None)


@pytest.mark.parametrize("language", LANGUAGES)
def test_without_an_id_it_asks_which_and_shows_nobody(run, language):
    app = run("customer", language=language)
    assert failures(app) == [] and not app.dataframe and "Customer 8" not in texts(app)
    assert len(app.text_input) == 1


def test_each_block_says_something_and_where_it_is_from(run):
    app = run("customer", id="crm:c8")
    written = texts(app)
    for part in ("served by Owner 3", "Last contact", "Person 8", "Last 12 months", "In their words", "Everything that happened"):
        assert part in written or part in {header.value for header in app.header}, part
    assert written.count("No source has told") == 4  # the small company's rows name a source that its snapshot does not list


def test_a_record_that_was_merged_leads_to_the_customer_it_became(run):
    app = run("customer", id="erp:x8")
    assert app.title[0].value == "Who is Customer 8?" and "was merged into this customer" in texts(app)
    assert list(listed(app, "because")["record_id"]) == ["crm:c8", "erp:x8"]


@pytest.mark.parametrize("asked", ["crm:c9999", "crm:gone", "'; drop table x; --", "\x00", "A" * 3000])
@pytest.mark.parametrize("language", LANGUAGES)
def test_who_is_not_there_is_not_there(run, warehouses, asked, language):
    before = opened(warehouses["full"])
    app = run("customer", language=language, id=asked)
    assert failures(app) == [] and UNKNOWN[language] in texts(app) and not app.dataframe
    assert opened(warehouses["full"]) == before


def test_a_customer_out_of_reach_is_answered_like_one_that_does_not_exist(run, warehouses, monkeypatch):
    run("customer", id="crm:c9")  # computed for who may see it: region South
    monkeypatch.setattr(guard, "SITTING_HERE", Grant("sales", "segment", "region", ("North",)))
    before = opened(warehouses["full"])
    foreign, nobody = (run("customer", id=id) for id in ("crm:c9", "crm:c9999"))
    said = [[line for line in texts(app).splitlines() if "ago)" not in line] for app in (foreign, nobody)]  # how old the data are goes on while one looks
    assert said[0] == said[1] and UNKNOWN["en"] in texts(foreign)
    assert opened(warehouses["full"]) == before
    assert run("customer", id="crm:c8").title[0].value == "Who is Customer 8?"


def test_a_search_finds_only_the_readers_accounts(run, monkeypatch):
    monkeypatch.setattr(guard, "SITTING_HERE", Grant("sales", "segment", "region", ("North",)))
    app = run("customer")
    app = app.text_input(key="customer_search_").set_value("customer").run()
    found = {link.proto.label.split(" :gray")[0] for link in app.get("page_link")}
    assert found == {f"Customer {i}" for i in range(0, 80, 4)} and "The first 20 are shown" in texts(app)
    app = app.text_input(key="customer_search_").set_value("' or 1=1 --").run()
    assert failures(app) == [] and not app.get("page_link")


def test_an_opening_is_in_the_access_log_once_per_session(run, warehouses):
    before = len(opened(warehouses["full"]))
    app = run("customer", id="erp:x16").run()
    app.run()
    assert opened(warehouses["full"])[: len(opened(warehouses["full"])) - before] == ["crm:c16"]
    entry = next(entry for entry in journal.entries(database.opened(warehouses["full"])) if entry.action == "opened_customer")
    assert (entry.who, entry.role, entry.snapshot) == (None, "administrator", "made-1")


def test_what_cannot_be_logged_is_not_shown(run, monkeypatch):
    def fails(*args, **kwargs):
        raise OSError("disk full")

    monkeypatch.setattr("records.journal.append", fails)
    app = run("customer", id="crm:c12")
    assert "Customer 12" not in texts(app) and not app.dataframe


def test_everything_stands_in_one_list_the_latest_first_and_kinds_can_be_chosen(run):
    app = run("customer", id="crm:c8")
    whole = listed(app, "note")
    assert whole["happened_on"].is_monotonic_decreasing and {"Invoice", "Payment", "Conversation", "Survey answer", "Ticket opened"} <= set(whole["kind"])
    app = app.button_group(key="customer_kinds").set_value(["tickets"]).run()
    some = listed(app, "note")
    assert failures(app) == [] and set(some["kind"]) <= {"Ticket opened", "Ticket solved"} and 0 < len(some) < len(whole)


def test_the_score_its_points_and_what_moved_it(run):
    """What the factors cost adds up to what is missing from 100; opened, the course ends where the score stands."""
    app = run("customer", id="crm:c8")
    app.session_state["customer_health_box"] = True
    app.run()
    assert failures(app) == []
    score = next(part for part in app.metric if part.label == "Health score")
    assert "weights have data" in texts(app)
    assert listed(app, "points")["points"].sum() == pytest.approx(100 - float(score.value), abs=0.6)
    assert {"factor", "old", "new"} <= set(listed(app, "old").columns) or "Nothing moved it" in texts(app)


def test_hostile_texts_are_shown_as_they_are(run, warehouses, monkeypatch, tmp_path):
    rows = hostile.hostile()
    monkeypatch.setitem(warehouses, "hostile", publish(tmp_path / "data", rows, hostile.settings()))
    names = {row["name"]: row["customer_id"] for row in rows["customers"] if not row.get("merged_into") and not row.get("is_deleted")}
    assert set(HARMFUL) & set(names)
    for name in set(HARMFUL) & set(names):
        app = run("customer", "hostile", id=names[name])
        assert failures(app) == [] and app.title[0].value == f"Who is {plain(name)}?"
        assert not any(harmful in texts(app) for harmful in HARMFUL), name
    app = run("customer", "hostile")
    app = app.text_input(key="customer_search_").set_value("<img").run()
    assert failures(app) == [] and app.get("page_link")[0].proto.label.startswith(plain("<img"))


def test_a_partner_has_no_such_page(run, monkeypatch):
    monkeypatch.setattr(guard, "SITTING_HERE", Grant("partner", "all"))
    app = run("customer", id="crm:c8")
    assert "Customer 8" not in texts(app) and not app.dataframe and "not part of your role" in texts(app)


def test_an_auditor_sees_no_address(run, monkeypatch):
    assert "c8@example" in aloud(texts(run("customer", id="crm:c8")))
    monkeypatch.setattr(guard, "SITTING_HERE", Grant("auditor", "all"))
    written = aloud(texts(run("customer", id="crm:c8")))
    assert "c8@example" not in written and "13800138000" not in written and "Person 8" not in written and "Customer 8" in written


def test_a_list_behind_a_number_leads_to_a_customer(run):
    app = run("service", period="all")
    assert "Select a row to open its customer." in texts(app)


def test_the_small_company_has_what_these_tests_need():
    rows = company()
    assert {"crm:c8", "erp:x8", "crm:gone"} <= {row["customer_id"] for row in rows["customers"]} and SETTINGS["metrics"]


def test_a_selected_row_becomes_a_link_to_its_customer(run, monkeypatch):
    """The browser's selection is what st.dataframe returns; here it is the first row of every list that can be selected."""
    first = {"selection": {"rows": [0], "columns": [], "cells": []}}
    drawn = st.dataframe
    monkeypatch.setattr("ui.table.st.dataframe", lambda *args, **kwargs: (drawn(*args, **kwargs), first)[1])
    app = run("service", period="all")
    listed_first = listed(app, "age_days")["customer"].iloc[0]
    links = [link.proto for link in app.get("page_link") if link.proto.label == f"Open {plain(listed_first)}"]
    assert failures(app) == [] and links
    assert f"id=crm%3A{listed_first.replace('Customer ', 'c')}" in links[0].query_string and "period=all" in links[0].query_string
