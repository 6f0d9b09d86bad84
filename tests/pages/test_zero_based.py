"""Zero-based decisions on screen: each quarter undecided, decided with a reason, who was faster, who may; and which pages were opened."""

import datetime as dt
import shutil
import time

import pytest
import streamlit as st
from sqlalchemy import text

from access import guard, openings
from access.grants import Grant
from records import database, features, journal
from tests.pages.conftest import failures, texts
from ui import under_used, words, zero_based

QUARTER = dt.date(2026, 4, 1)  # the company's data end in June 2026: the first quarter is the last complete one
AGES = dt.date(2036, 1, 31)


@pytest.fixture(scope="module")
def ours(warehouses, tmp_path_factory):
    """The full warehouse with records of its own: decisions are never removed."""
    return shutil.copytree(warehouses["full"], tmp_path_factory.mktemp("decided") / "data")


@pytest.fixture
def page(alone, ours, warehouses, monkeypatch):
    """page(0) → the part with this row of the list selected, as st.dataframe would return it."""
    monkeypatch.setitem(warehouses, "ours", ours)
    chosen, drawn = [], st.dataframe

    def selecting(rows, *args, **kwargs):
        event = drawn(rows, *args, **kwargs)
        return {"selection": {"rows": [*chosen]}} if kwargs["key"] == "zero_based_table" else event

    monkeypatch.setattr("ui.table.st.dataframe", selecting)

    def page(*rows, language="en"):
        chosen[:] = rows
        return alone("ui.zero_based.part", "ours", language)

    page.chosen = chosen
    under_used.forget()
    yield page
    under_used.forget()


def field(app, kind, name):
    return next(part for part in app.get(kind) if part.key and part.key.startswith("zero_based_") and part.key.endswith(f"_{name}"))


def said(app) -> str:
    return words.aloud(texts(app))


def few(app):
    return next(part.value for part in app.dataframe if "state" in part.value.columns)


def test_what_few_use_starts_undecided_and_is_decided_with_a_reason(page, ours):
    """Of five colleagues one plans territories and none scripts calls: 20 % and 0 %."""
    app = page(0)
    assert failures(app) == []
    assert "2 of 3 features were used by fewer than 30% of the 5 colleagues who used the system; still undecided: 2." in said(app)
    assert few(app)[["called", "state", "value"]].to_numpy().tolist() == [["Scripted calls", "Undecided", 0.0], ["Territory planning", "Undecided", 20.0]]
    field(app, "button_group", "choice").set_value("remove")
    app.run()
    assert field(app, "button", "save").disabled and "It needs a day by which it is done." in said(app)
    field(app, "text_input", "reason").set_value("nobody has ever used it")
    owner = field(app, "selectbox", "owner")
    owner.select_index(0)
    field(app, "date_input", "due").set_value(AGES)
    app.run()
    field(app, "button", "save").click()
    page.chosen.clear()
    app.run()
    assert failures(app) == [] and "Scripted calls: To be removed." in said(app) and "still undecided: 1." in said(app)
    kept = features.decisions(database.opened(ours))[0]
    assert (kept.feature, kept.ends_on, kept.decision, kept.due_on, kept.n, kept.share) == ("colleagues/crm/Scripted calls", QUARTER, "remove", AGES, 5, 0.0)
    noted = journal.entries(database.opened(ours), action="feature_decided")[0]
    assert (noted.object, noted.detail) == (kept.feature, {"decision": "remove", "quarter": "2026-04-01"})
    assert few(app)["called"].tolist() == ["Territory planning", "Scripted calls"]  # what is decided comes last


def test_who_was_faster_is_named_and_nothing_is_saved(page, ours):
    engine = database.opened(ours)
    app = page(0)
    about = "colleagues/crm/" + few(app)["called"].iloc[0]
    field(app, "text_input", "reason").set_value("planned by hand")
    app.run()
    # the part was drawn before this
    features.decide(engine, about, QUARTER, "keep", "for the auditors", use={"share": 0.2, "n": 5, "threshold": 0.3}, seen=None,
                    by="bob", at=dt.datetime(2026, 8, 1, tzinfo=dt.UTC), snapshot="s")  # fmt: skip
    before = len(features.decisions(engine))
    field(app, "button", "save").click()
    app.run()
    assert failures(app) == [] and "Nothing has been saved" in said(app) and "Kept: for the auditors (bob" in said(app)
    assert len(features.decisions(engine)) == before


def test_who_may_not_decide_reads(page, monkeypatch):
    monkeypatch.setattr(guard, "SITTING_HERE", Grant("executive", "all"))
    app = page(0)
    assert failures(app) == [] and "were used by fewer than" in said(app) and "Select a feature to decide about it." not in said(app)


def test_a_reader_of_a_part_is_told_that_it_is_about_the_whole(page, monkeypatch):
    monkeypatch.setattr(guard, "SITTING_HERE", Grant("executive", "segment", "region", ("North",)))
    app = page()
    assert failures(app) == [] and "shown to readers of everything" in said(app) and not app.dataframe


def test_in_chinese(page):
    assert "归零重构" in zero_help(page(language="zh-CN"))


def zero_help(app) -> str:
    return "".join(part.proto.help for part in app.header)


def test_pages_are_counted_once_per_coming_and_shown_with_those_that_nobody_opens(run, ours, warehouses, monkeypatch):
    """Going to a page counts; what is clicked on it, or a rerun, does not."""
    monkeypatch.setitem(warehouses, "ours", ours)
    with database.opened(ours).begin() as connection:
        connection.execute(text("delete from openings"))  # the copied warehouse brings along what other tests have opened
    monkeypatch.setattr(openings, "_counted", {})
    monkeypatch.setattr(openings, "_written_at", time.monotonic())
    app = run("settings", "ours")
    app.run()
    openings.write()
    rows, everybody = zero_based.opened(dt.datetime.now(dt.UTC).date(), 0.3)
    found = rows.set_index("page")[["readers", "openings", "is_few"]].T.to_dict("list")
    assert everybody == 1 and found["Settings"] == [1, 1, False]
    assert found["NPS"] == [0, 0, True] and rows["readers"].is_monotonic_increasing  # what nobody opens comes first
