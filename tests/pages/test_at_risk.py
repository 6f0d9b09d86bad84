"""Whom do I call today: every warehouse and language, mine first, the list as long as its number, flags in the URL, and who may not see it."""

import pytest

from access import guard
from access.grants import Grant
from locales import glossary, has
from metrics.policies import KINDS, PLAYS
from tests.pages.conftest import LANGUAGES, WAREHOUSES, failures, texts


def listed(app):
    return next(part.value for part in app.dataframe if "why" in part.value.columns)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("warehouse", WAREHOUSES)
def test_the_page_runs(run, warehouse, language):
    app = run("at_risk", warehouse, language)
    assert failures(app) == []
    assert app.title[0].value == {"en": "Whom do I call today?", "zh-CN": "今天该联系谁？"}[language]


def test_the_answer_stands_first_and_the_list_is_as_long_as_it_says(run):
    app = run("at_risk", period="last_year")
    rows = listed(app)
    assert failures(app) == [] and f"Jun 2026 **{len(rows)}** customers are at risk" in texts(app)  # today, whatever the period
    assert rows["revenue"].is_monotonic_decreasing and "is_mine" not in rows
    assert rows[["customer", "why", "action"]].notna().all().all() and rows["why"].str.contains(r"\(−\d").any()


def test_the_head_of_the_list_is_told_in_full(run):
    app = run("at_risk")
    first, written = listed(app).iloc[0], texts(app)
    assert first["why"].split(" (")[0].split(";")[0] in written.replace("\\", "").replace("\u2060", "") and "within" in first["action"]
    assert "not by a forecast" in written


def test_flags_narrow_the_list_and_stand_in_the_url(run):
    whole, asked = run("at_risk"), run("at_risk", flag="payment")
    found = listed(asked)
    assert failures(asked) == [] and 0 < len(found) < len(listed(whole)) and found["why"].str.contains("payment").all()
    app = whole.pills(key="at_risk_flags").set_value(["payment"]).run()
    assert app.query_params["flag"] == "payment" and list(listed(app)["customer"]) == list(found["customer"])


def test_filters_of_the_sidebar_narrow_it_too(run):
    assert set(listed(run("at_risk", region="North"))["region"]) == {"North"}


def test_my_own_customers_stand_first_and_can_be_seen_alone(run, monkeypatch):
    monkeypatch.setattr("access.reach.owned", lambda data, user: {"crm:o2"})
    app = run("at_risk")
    rows = listed(app)
    own = rows["is_mine"].sum()
    assert failures(app) == [] and 0 < own < len(rows) and rows["is_mine"].is_monotonic_decreasing
    assert set(rows.loc[rows["is_mine"], "owner"]) == {"Owner 2"}
    app = app.toggle(key="at_risk_mine").set_value(True).run()
    assert len(listed(app)) == own and app.query_params["mine"] == "1"


def test_a_partner_has_no_such_page(run, monkeypatch):
    monkeypatch.setattr(guard, "SITTING_HERE", Grant("partner", "all"))
    app = run("at_risk")
    assert not app.dataframe and "Whom do I call" not in "".join(part.value for part in app.title)


def test_a_restricted_reader_sees_own_customers_alone(run, monkeypatch):
    monkeypatch.setattr(guard, "SITTING_HERE", Grant("sales", "segment", "region", ("North",)))
    app = run("at_risk")
    assert failures(app) == [] and set(listed(app)["region"]) == {"North"}


def test_every_kind_of_flag_and_every_play_has_its_words():
    assert all(has(f"at_risk.flags.{kind}") for kind in KINDS) and all(has(f"at_risk.plays.{play.name}") for play in PLAYS)
    assert {f"{how}_{who}" for how in ("visit", "call", "message") for who in ("sponsor", "owner", "team")} == {
        key.rsplit(".", 1)[1] for key in glossary() if key.startswith("at_risk.how.")
    }


def test_chinese_has_words_of_its_own(run):
    rows = listed(run("at_risk", language="zh-CN"))
    assert rows["why"].str.contains("天未购买").any() and rows["action"].str.contains("天内").all()
