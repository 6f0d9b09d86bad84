"""The funnel page: every part on full, empty and missing warehouses, and the lists behind bars as long as the bars."""

import pytest

from tests.pages.conftest import LANGUAGES, WAREHOUSES, failures, texts


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("warehouse", WAREHOUSES)
def test_the_page_runs(run, warehouse, language):
    app = run("funnel", warehouse, language, period="all")
    assert failures(app) == []
    assert app.title[0].value == {"en": "Where do deals die?", "zh-CN": "商机在哪里流失？"}[language]


def test_every_part_says_its_finding_in_a_sentence(run):
    written = texts(run("funnel", period="all"))
    for part in (
        "deals created in the period",
        "The narrowest step",
        "have not moved for 30 days",
        "Most are lost after",
        "leads became a deal",
        "are expected to bring",
    ):
        assert part in written


def test_a_stage_opens_as_many_deals_as_its_bar_says(run):
    app = run("funnel", period="all")
    chosen = app.selectbox(key="funnel_stages_pick")
    app = chosen.select("Quote").run()
    assert failures(app) == []
    reached = next(part for part in app.dataframe if "deal_id" in part.value.columns and "idle_days" not in part.value.columns).value
    assert len(reached) and (reached["reached_stage"].isin(["Quote", "Contract", "Payment received"])).all()


def test_counting_otherwise_is_a_choice(run):
    app = run("funnel", period="all")
    app = app.segmented_control(key="funnel_mode").set_value("strict").run() if app.get("segmented_control") else app
    assert failures(app) == []


def test_good_notes_without_a_move_can_be_seen_alone(run):
    app = run("funnel", period="all")
    app = app.toggle(key="funnel_honest").set_value(True).run()
    assert failures(app) == []
    shown = [part.value for part in app.dataframe if "is_honest" in part.value.columns]
    assert all(rows["is_honest"].all() for rows in shown)


def test_leads_can_be_counted_instead_of_deals(run):
    app = run("funnel", period="all")
    app = app.segmented_control(key="funnel_unit").set_value("lead").run()
    assert failures(app) == [] and "leads created in the period" in texts(app)
    app = app.selectbox(key="funnel_stages_pick").select("Quote").run()
    assert failures(app) == []
    shown = next(part.value for part in app.dataframe if {"lead_id", "outcome"} <= set(part.value.columns))
    assert shown["lead_id"].is_unique


def test_the_forecast_opens_its_deals(run):
    app = run("funnel", period="all")
    before = len(app.dataframe)
    app.session_state["funnel_forecast_box"] = True
    app = app.run()
    assert failures(app) == [] and len(app.dataframe) == before + 1
