"""The audit through the app: made with one button, read, followed, signed by an auditor, and computed again; one small company for all of it.

The tests go on from one another, as an auditor does: each fixture that changes the records says so in its name.
"""

import datetime as dt
import json
import shutil

import pytest
import streamlit as st
from sqlalchemy import select
from sqlalchemy.orm import Session
from streamlit.testing.v1 import AppTest

from access.grants import Grant
from access.guard import CHOICE
from metrics import audit_command, audit_content
from records import audits, database, journal, ledger
from records.models import SnapshotRow
from tests.pages.conftest import failures, texts
from warehouse import retention

AUDITOR = (None, Grant("auditor", "all"))
OWNERS = {"audit": {"owners": {"loops": "Head *of* <b>service</b>"}}}


@pytest.fixture(scope="module")
def folder(tmp_path_factory, warehouses):
    """The small company of all pages, copied: audits are written into its records."""
    copy = shutil.copytree(warehouses["full"], tmp_path_factory.mktemp("audit") / "data")
    with Session(database.connect(copy)) as session, session.begin():
        row = session.scalars(select(SnapshotRow)).one()
        row.settings = {**row.settings, "metrics": {**row.settings["metrics"], **OWNERS}}
    return copy


@pytest.fixture
def page(folder, warehouses, run, monkeypatch):
    """page() → the audit as an auditor sees it; as_auditor=False: as whoever sits at the machine."""
    monkeypatch.setitem(warehouses, "audited", folder)

    def page(as_auditor=True, language="en", **state) -> AppTest:
        app = run("audit", "audited", language)
        if as_auditor or state:
            app.session_state[CHOICE] = AUDITOR if as_auditor else None
            for key, value in state.items():
                app.session_state[key] = value
            app.run()
        return app

    return page


@pytest.fixture
def made(page, folder):
    """The audit of the quarter, made by the app with its one button, once."""
    engine = database.connect(folder)
    if not audits.audits(engine):
        app = page(as_auditor=False)
        assert "There is no audit of Q1 2026 yet" in texts(app)  # June 2026 is loaded to the 20th: Q2 still runs
        app.button(key="audit_make").click().run(timeout=200)
        assert failures(app) == []
    return audits.audits(engine)[-1]


def test_one_button_makes_it_and_the_answer_comes_first(page, made):
    content = json.loads(made.content)
    passed = sum(line["verdict"] == "pass" for line in content["checks"])
    app = page()
    assert failures(app) == []
    assert f"**{passed} of {len(content['checks'])} checks pass.**" in texts(app) and "Draft, made by" in texts(app)
    assert (made.quarter, made.starts_on, made.ends_on, made.snapshot) == ("2026Q1", dt.date(2026, 1, 1), dt.date(2026, 4, 1), "made-1")
    listed = app.dataframe[0].value
    assert len(listed) == len(content["checks"]) and next(iter(listed["verdict"])) == "fail" and "Head *of* <b>service</b>" in set(listed["owner"])


def test_its_figures_are_those_of_the_metrics(made, folder):
    """The same content from the command line, which asks the metrics themselves."""
    content = json.loads(made.content)
    now = audit_command.content(folder, "2026Q1", made.snapshot, content)
    assert audit_content.canonical(now) == made.content and audit_content.differences(content, now) == []


def test_a_changed_setting_is_named(made, folder):
    was = json.loads(made.content)
    other = {**was, "settings": {**was["settings"], "metrics": {**was["settings"]["metrics"], "audit": {"checks": {"grades.changed": {"passes": 0.0}}}}}}
    now = audit_command.content(folder, "2026Q1", made.snapshot, other)
    assert ("grades.changed", "passes") in {(one["key"], one["field"]) for one in audit_content.differences(was, now)}
    assert "metrics.audit.checks.grades.changed.passes" in {one["name"] for one in audit_content.causes(was, now)}


def test_in_chinese(page, made):
    app = page(as_auditor=False, language="zh-CN")
    assert failures(app) == [] and "本季度我们能信任 CRM 吗？" in texts(app) and "项通过" in texts(app)


@pytest.fixture
def selecting(monkeypatch):
    """selecting("audit_checks", 3): the reader has selected the fourth row of that table."""
    drawn, chosen = st.dataframe, {}

    def dataframe(*args, **kwargs):
        event = drawn(*args, **kwargs)
        rows = next((rows for key, rows in chosen.items() if kwargs["key"].startswith(key)), None)
        return event if rows is None else {"selection": {"rows": rows}}

    monkeypatch.setattr("ui.table.st.dataframe", dataframe)
    return lambda key, row: chosen.update({key: [row]})


def test_a_line_opens_with_its_reason_and_the_rows_behind_it(page, made, selecting):
    """As many rows as were not in time: of the detractors' answers that were due, those that nobody followed up."""
    ordered = sorted(json.loads(made.content)["checks"], key=lambda line: ("fail", "warn", "pass", "no_data").index(line["verdict"]))
    place = next(number for number, line in enumerate(ordered) if line["key"] == "loops.detractors")
    late = ordered[place]["n"] - ordered[place]["figures"]["done"]
    selecting("audit_checks", place)
    app = page()
    assert failures(app) == [] and "Detractors are contacted" in texts(app) and f"{late} of {late} rows" in texts(app).replace("\\", "")
    assert [len(table.value) for table in app.dataframe if "in_time" in table.value.columns] == [late]
    assert any(button.key and "finding_loops.detractors" in button.key for button in app.button)


def test_the_documents_are_written_when_they_are_asked_for(page, made):
    app = page(**{f"audit_papers_{made.number}": True})
    assert failures(app) == [] and [file.label for file in app.get("download_button") if file.label in ("HTML", "PDF")] == ["HTML", "PDF"]


def test_findings_need_an_owner_and_are_closed_with_a_note(page, made, folder):
    app = page()
    app.text_input(key="find_all_owner").set_value(" ")
    finds = next(button for button in app.button if button.key and "find_all" in button.key)
    finds.click().run()
    assert "It needs an owner." in texts(app) and [row.owner for row in audits.findings(database.connect(folder))] == []
    app.text_input(key="find_all_owner").set_value("ann@example.com")
    next(button for button in app.button if button.key and "find_all" in button.key).click().run()
    found = audits.findings(database.connect(folder))
    failing = [line for line in json.loads(made.content)["checks"] if line["verdict"] == "fail"]
    assert {row.check for row in found} == {line["key"] for line in failing}
    assert {row.owner for row in found if row.check.startswith(("loops.", "clocks."))} == {"Head *of* <b>service</b>"}


def test_the_questionnaire_is_kept(page, made, folder):
    app = page()
    app.radio(key="maturity_value").set_value(2)
    next(button for button in app.button if button.key and "maturity_" in button.key).click().run()
    kept = audits.audits(database.connect(folder))[-1]
    assert kept.maturity["value"] == {"level": 2, "note": ""} and "1 of 9 questions have an answer." in texts(app)


def test_administrators_do_not_sign(page, made):
    assert "Signing is for auditors" in texts(page(as_auditor=False))


def test_an_auditor_signs_once_and_the_snapshot_stays(page, made, folder):
    """Without the tick, or a name, nothing is signed; afterwards there is nothing left to sign, and the log knows who did."""
    engine = database.connect(folder)
    app = page()
    signs = lambda: next(button for button in app.button if button.key and "sign_" in button.key and "audit_sign" not in button.key)  # noqa: E731
    app.text_input(key="sign_name").set_value("Ann <i>Auditor</i> 安娜")
    signs().click().run()
    assert "It is signed with a name." in texts(app) and audits.audits(engine)[-1].signed_at is None
    app.text_input(key="sign_name").set_value("Ann <i>Auditor</i> 安娜")
    app.checkbox(key="sign_sure").check()
    signs().click().run()
    done = audits.audits(engine)[-1]
    assert (done.signed_by, audits.is_intact(done), ledger.snapshot(engine, made.snapshot).is_pinned) == ("Ann <i>Auditor</i> 安娜", True, True)
    assert [entry.object for entry in journal.entries(engine, action="audit_signed")] == ["2026Q1 (1)"]
    rows = ledger.snapshots(engine)
    late = rows[0].created_at + dt.timedelta(days=4000)
    newer = type(rows[0])(id="newer", created_at=late, is_pinned=False)
    rest = type(rows[0])(id="rest", created_at=rows[0].created_at + dt.timedelta(minutes=1), is_pinned=False)
    assert made.snapshot in retention.kept([*rows, rest, newer], late)
    again = page()
    assert "Signed by Ann" in texts(again) and not [
        button for button in again.button if button.key and "sign_" in button.key and "audit_sign" not in button.key
    ]


def test_it_is_the_same_when_computed_again(page, made):
    app = page()
    app.button(key="audit_verify").click().run(timeout=200)
    assert failures(app) == [] and f"The same, letter by letter: {made.content_hash}" in texts(app)


def test_a_snapshot_that_is_gone_is_said(page, made, folder):
    """Nothing is guessed in its place: what is stored stays to be read."""
    days = (dt.date(2025, 10, 1), dt.date(2026, 1, 1))
    content = made.content.replace("2026Q1", "2025Q4").replace(made.snapshot, "gone-1")
    told = {"quarter": "2025Q4", "days": days, "snapshot": "gone-1", "definitions": "d", "configuration": "c"}
    audits.add(database.opened(folder), content, **told, by=None, at=dt.datetime.now(dt.UTC))
    app = page(audit_quarter="2025Q4")
    app.button(key="audit_verify").click().run()
    assert failures(app) == [] and "It cannot be computed again" in texts(app) and "checks pass" in texts(app)


@pytest.mark.parametrize("warehouse", ["empty", "missing"])
def test_where_nothing_is_loaded_it_says_what_to_do(run, warehouse):
    app = run("audit", warehouse)
    assert failures(app) == [] and "python -m connectors sync" in texts(app)
