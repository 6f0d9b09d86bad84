"""The segments page: every part on full, empty and missing warehouses, and flows and grades that open their customers."""

import pytest

from tests.pages.conftest import LANGUAGES, WAREHOUSES, failures, texts
from tests.published import publish


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("warehouse", WAREHOUSES)
def test_the_page_runs(run, warehouse, language):
    app = run("segments", warehouse, language)
    assert failures(app) == []
    assert app.title[0].value == {"en": "Are our best customers still who we think they are?", "zh-CN": "我们最好的客户，还是我们以为的那些吗？"}[language]


def test_every_part_says_its_finding_in_a_sentence(run):
    written = texts(run("segments"))
    for part in ("customers changed grade", "of the revenue", "PSI", "customers earn another grade"):
        assert part in written


@pytest.mark.parametrize("scheme", ["source", "held", "rfm"])
def test_a_grade_opens_its_customers_in_every_scheme(run, scheme):
    app = run("segments")
    if scheme != "source":
        app = app.segmented_control(key="segments_scheme").set_value(scheme).run()
    app = app.selectbox(key="segments_tiers_pick").select_index(0).run()
    assert failures(app) == []
    assert any("customer" in part.value.columns and "tier" in part.value.columns for part in app.dataframe)


def test_customers_without_a_grade_open_too(run, warehouses, monkeypatch, tmp_path):
    people = [{"customer_id": f"made:{name}", "name": name, "grade": grade} for name, grade in (("a", "core"), ("b", None), ("c", None))]
    sold = {"invoice_line_id": "made:1", "customer_id": "made:a", "issued_on": "2026-01-31", "amount": 1}
    monkeypatch.setitem(warehouses, "ungraded", publish(tmp_path / "data", {"customers": people, "invoices": [sold]}))
    app = run("segments", "ungraded", period="all")
    app = app.selectbox(key="segments_tiers_pick").select("").run()
    assert failures(app) == []
    listed = next(part.value for part in app.dataframe if {"customer", "tier"} <= set(part.value.columns))
    assert sorted(listed["customer"]) == ["b", "c"] and set(listed["tier"]) == {"No grade"}


def test_a_flow_opens_the_customers_that_moved(run):
    app = run("segments")
    picker = app.selectbox(key="segments_flow_pick")
    app = picker.select_index(0).run()
    assert failures(app) == []
    assert any({"origin", "target", "amount_now"} <= set(part.value.columns) and "customer" in part.value.columns for part in app.dataframe)


@pytest.mark.parametrize("width", ["amount_then", "amount_now"])
def test_the_flow_in_money(run, width):
    app = run("segments").segmented_control(key="segments_width").set_value(width).run()
    assert failures(app) == []


def test_proposals_name_their_reason_in_words(run):
    app = run("segments")
    proposed = next(part.value for part in app.dataframe if "present_grade" in part.value.columns)
    assert proposed["reason"].str.contains("rose|fell|high|low").all()
    assert set(proposed["earned"]) <= {"Core", "Key", "Ordinary", "Potential"}


def test_care_says_what_each_grade_asks_and_opens_the_missed_first(run):
    app = run("segments")
    written = texts(app)
    for said in ("**Core**: a visit at least every 30 days", "a sponsor", "**Key**: a contact of any kind", "the policy was kept for"):
        assert said in written
    app = app.selectbox(key="segments_care_pick").select_index(0).run()
    assert failures(app) == []
    cared = next(part.value for part in app.dataframe if "overdue_days" in part.value.columns)
    assert cared["is_met"].is_monotonic_increasing and set(cared["tier"]) == {"Core"}


def test_a_policy_in_chinese(run):
    assert "至少每 30 天一次拜访；另需高层对接人（此处不计）" in texts(run("segments", language="zh-CN"))
