"""Data health: the worst first and whose it is, a list as long as its number, and an older snapshot that was never judged."""

import datetime as dt
from types import SimpleNamespace

import pytest
import streamlit as st

import charts
from records import database, ledger, reviews
from tests.company import SETTINGS, company
from tests.pages.conftest import LANGUAGES, failures, texts
from tests.published import publish
from ui import data

BOTH = {**SETTINGS, "metrics": {**SETTINGS["metrics"], "health": {"review_grades": ["core", "key"]}}}


@pytest.mark.parametrize("warehouse", ["full", "empty", "missing"])
def test_the_page_runs(run, warehouse):
    app = run("health", warehouse, LANGUAGES[warehouse == "full"])
    assert failures(app) == []
    assert app.title[0].value == ("数据有哪些问题？由谁来修正？" if warehouse == "full" else "What is wrong in the data, and who fixes it?")


def test_the_worst_check_is_told_first_with_who_fixes_it(run):
    app = run("health")
    assert "checks are over their threshold" in texts(app) and "Who fixes it: not named" in texts(app)
    checks = next(part.value for part in app.dataframe if "verdict" in part.value.columns)
    assert checks["verdict"].iloc[0] == "fail" and checks["verdict"].iloc[-1] == "pass"
    assert dict(zip(checks["check"], checks["numerator"], strict=True))["Region missing"] == 20  # every fourth of 80 customers has none


def queue(app):
    return next((part.value for part in app.dataframe if "reviewed_on" in part.value.columns), None)


def field(app, kind, name):
    return next(part for part in app.get(kind) if (part.key or "").startswith(f"review_{name}_"))


def test_a_record_is_looked_through_by_hand_and_is_due_no_more(run, warehouses, tmp_path, monkeypatch):
    """The customer leaves the queue, the note stays with what failed then; one found wrong remains due."""
    monkeypatch.setitem(warehouses, "ours", publish(tmp_path / "data", company(), BOTH))  # of its own: reviews are never removed
    chosen, drawn = [0], st.dataframe

    def selecting(*args, **kwargs):
        event = drawn(*args, **kwargs)
        return {"selection": {"rows": chosen}} if kwargs["key"].startswith("review_queue") else event

    monkeypatch.setattr("ui.table.st.dataframe", selecting)
    app = run("health", "ours")
    before = queue(app)
    assert failures(app) == [] and len(before) > 1 and before["is_due"].all() and set(before["verdict"]) == {"never"}
    assert list(before["n_faults"]) == sorted(before["n_faults"], reverse=True) and before["n_faults"].iloc[0] > 0
    field(app, "text_input", "note").set_value("by telephone")
    app = field(app, "button", "save").click().run()
    (kept,) = reviews.reviews(database.connect(warehouses["ours"]))
    assert failures(app) == [] and (kept.verdict, kept.note, len(kept.faults)) == ("correct", "by telephone", before["n_faults"].iloc[0])
    assert list(queue(app)["customer"]) == list(before["customer"])[1:]
    field(app, "button_group", "verdict").set_value("wrong")
    app = app.run()
    assert field(app, "button", "save").disabled and "Say what is wrong" in texts(app)
    app = field(app, "text_input", "note").set_value("another street").run()
    app = field(app, "button", "save").click().run()
    assert len(queue(app)) == len(before) - 1 and "another street" in set(queue(app)["note"])


def test_the_course_of_one_check_over_earlier_snapshots(run, monkeypatch):
    """Two days with the same snapshot: two equal points per source, as the list of checks says."""
    app = run("health")
    (snapshot,) = ledger.snapshots(database.connect(data.directory()))
    days = [SimpleNamespace(id=snapshot.id, created_at=dt.datetime(2026, 6, day, 12, tzinfo=dt.UTC)) for day in (1, 2)]
    monkeypatch.setattr("ui.faults.ledger.snapshots", lambda engine: days)
    drawn, line = [], charts.line
    monkeypatch.setattr(charts, "line", lambda rows, *args, **kwargs: (drawn.append(rows), line(rows, *args, **kwargs))[1])
    app.toggle(key="health_course").set_value(True)
    app = app.run()
    assert failures(app) == [] and set(drawn[-1]["period"].astype(str)) == {"2026-06-01", "2026-06-02"} and drawn[-1]["dimension"].nunique() > 2
    app = app.selectbox(key="health_course_pick").set_value(("customers", "missing_region")).run()
    course = drawn[-1]
    checks = next(part.value for part in app.dataframe if "verdict" in part.value.columns)
    said = dict(checks[checks["check"] == "Region missing"][["source", "value"]].values)
    drawn_shares = {source: 100 * share for source, share in course[["source", "value"]].values}
    assert len(course) == 2 * len(said) and drawn_shares == said


def test_columns_that_no_field_takes_are_listed(run):
    app = run("health")
    unmapped = next((part.value for part in app.dataframe if list(part.value.columns) == ["source", "table", "column"]), None)
    assert unmapped is not None or "Every column of the sources is mapped." in texts(app)
