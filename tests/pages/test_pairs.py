"""The queue of records that may be one customer: deciding, the next pair, later, taking back, who was faster, who may, and what the customer's page says."""

import datetime as dt

import pytest
import streamlit as st

from access import guard
from access.grants import Grant
from records import database, identities, journal
from tests.company import SETTINGS, company
from tests.pages.conftest import failures, texts
from tests.published import publish
from tests.told_apart import STEP
from ui import pair_sheet, pairs, words

NOW = dt.datetime(2026, 8, 1, 8, tzinfo=dt.UTC)
FIRST, SECOND = ("crm:c8", "crm:c9"), ("crm:c2", "erp:x0")  # the most probable first
LINKS = [
    {"record_id": "erp:x8", "linked_id": "crm:c8", "rule": "source", "via": "crm:c8"},
    {
        "record_id": "crm:c7", "linked_id": "crm:c6", "rule": "likeness", "probability": 0.97, "via": "crm:c6",
        "evidence": '{"name":"same brand","tax_no":"missing"}',
    },
    {"record_id": "crm:c6", "linked_id": "crm:c6", "rule": None, "via": None},
]  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return publish(tmp_path_factory.mktemp("told") / "data", company(customers=12), SETTINGS, step={**STEP, "identity_links": LINKS})


@pytest.fixture
def ours(folder, tmp_path):
    """The company with records of its own: decisions are never removed."""
    import shutil

    return shutil.copytree(folder, tmp_path / "data")


@pytest.fixture
def page(alone, ours, warehouses, monkeypatch):
    """page() → the part with the queue. page.chosen: table → the rows of it that are selected."""
    monkeypatch.setitem(warehouses, "ours", ours)
    chosen, drawn = {}, st.dataframe

    def selecting(rows, *args, **kwargs):
        event = drawn(rows, *args, **kwargs)
        return {"selection": {"rows": chosen.get(kwargs["key"], [])}} if kwargs["key"].startswith("identity_") else event

    monkeypatch.setattr("ui.table.st.dataframe", selecting)

    def page():
        return alone("ui.pairs.section", "ours")

    page.chosen = chosen
    pairs._kept.forget()
    yield page
    pairs._kept.forget()


def said(app) -> str:
    return words.aloud(texts(app))


def in_force(ours):
    return [(one.record_a, one.record_b, one.decision, one.who, one.note) for one in identities.in_force(database.opened(ours))]


def names(app):
    """The pair that is open."""
    return next(part.value for part in app.markdown if part.value.startswith("**Customer") and " · " in part.value)


def test_a_pair_is_decided_and_the_next_one_opens(page, ours):
    app = page()
    assert failures(app) == [] and "2 pairs of records may be one customer" in said(app) and "80.0% probable" in said(app)
    assert "Customer 8" in names(app) and "Customer 9" in names(app)
    sides = next(part.value for part in app.dataframe if "agrees" in part.value.columns)
    assert sides.set_index("field").loc["Name", ["a", "b"]].tolist() == ["Customer 8", "Customer 9"]
    weights = next(part.value for part in app.dataframe if "weight" in part.value.columns)
    assert weights[["found", "says"]].values.tolist() == [["same brand", "speaks strongly for one customer"], ["different", "speaks slightly against it"]]
    next(field for field in app.text_input if field.key.startswith("identity_note")).set_value("asked them")
    app.button(key="identity_same").click()
    app.run()
    assert failures(app) == [] and "takes effect at the next sync" in said(app)
    assert in_force(ours) == [(*FIRST, "same", None, "asked them")]
    assert "1 pair of records may be one customer" in said(app) and "Customer 2" in names(app)
    (noted,) = journal.entries(database.opened(ours), action="identity_decided")
    assert (noted.object, noted.detail) == ("|".join(FIRST), {"decision": "same"})


def test_later_goes_to_the_end_and_what_was_decided_is_taken_back(page, ours):
    app = page()
    app.button(key="identity_later").click()
    app.run()
    assert "2 pairs" in said(app) and "Customer 2" in names(app)
    app.button(key="identity_apart").click()
    app.run()
    assert "1 pair " in said(app) and "Customer 8" in names(app)
    page.chosen["identity_decided_table"] = [0]  # the newest
    app.run()
    app.button(key="identity_undo").click()
    page.chosen.clear()
    app.run()
    assert failures(app) == [] and "2 pairs" in said(app) and "Customer 2" in names(app)
    assert in_force(ours) == [(*FIRST, "later", None, "")]
    assert [one.decision for one in identities.history(database.opened(ours), *SECOND)] == ["apart", "open"]


def test_who_decides_on_an_older_state_is_told(page, ours):
    """Somebody else decides while the page is open: the click is about the pair that was seen, not about the one that comes first now."""
    app = page()
    identities.decide(database.opened(ours), *FIRST, "apart", by="bob", at=NOW)
    app.button(key="identity_same").click()
    app.run()
    assert "bob has decided about these two meanwhile: two customers" in said(app)
    assert in_force(ours) == [(*FIRST, "apart", "bob", "")]


def test_who_may_not_decide_sees_the_pair_and_no_button(page, monkeypatch):
    monkeypatch.setattr(guard, "SITTING_HERE", Grant("executive", "all"))
    app = page()
    assert "Customer 8" in names(app) and not [button for button in app.button if button.key in ("identity_same", "identity_apart", "identity_later")]


def test_a_customers_page_says_why_a_record_is_its_own_and_it_can_be_parted(page, run, ours, monkeypatch):
    page.chosen.clear()
    drawn = st.dataframe
    monkeypatch.setattr(
        "ui.table.st.dataframe",
        lambda rows, *args, **kwargs: {"selection": {"rows": [1]}} if drawn(rows, *args, **kwargs) and kwargs["key"] == "customer_records_table" else {},
    )
    app = run("customer", "ours", id="crm:c6")
    records = next(part.value for part in app.dataframe if "because" in part.value.columns)
    assert records["because"].iloc[1].startswith("Linked by likeness; 97.0% probable; Name same brand")
    app.button(key="identity_part").click()
    app.run()
    assert in_force(ours) == [("crm:c6", "crm:c7", "apart", None, "")]


@pytest.mark.parametrize(
    ("weight", "says"),
    [
        (9.5, "strongly_for"), (3, "clearly_for"), (1, "slightly_for"), (0.9, None), (0, None), (-1, "slightly_against"), (-7.9, "clearly_against"),
        (-8, "strongly_against"),
    ],
)  # fmt: skip
def test_a_weight_in_words(weight, says, monkeypatch):
    monkeypatch.setattr(pair_sheet, "t", lambda key: key)
    assert pair_sheet.strength(weight) == f"identity.strengths.{says or 'nothing'}"
