"""The service page: full, empty and missing warehouses, lists as long as their numbers, and nothing in it that partners must not see."""

import ast
import datetime as dt
from pathlib import Path

import pytest

from access import guard
from access.grants import Grant
from metrics import CATALOGUE
from tests.company import SETTINGS, company
from tests.pages.conftest import LANGUAGES, WAREHOUSES, failures, texts
from tests.published import publish
from ui import behind

SOURCE = Path(behind.__file__).parents[1] / "pages" / "service.py"
HIDDEN = {"owner", "owner_id", "department", "email", "phone", "amount", "amount_reporting", "revenue", "contact_id", "tax_no"}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("warehouse", WAREHOUSES)
def test_the_page_runs(run, warehouse, language):
    app = run("service", warehouse, language)
    assert failures(app) == []
    assert app.title[0].value == {"en": "How is the service going?", "zh-CN": "服务进展如何？"}[language]


def test_every_part_says_its_finding_in_a_sentence(run):
    written = texts(run("service", period="all"))
    for part in ("were answered within 24 hours", "solved for good within 7 days", "solved in time", "their median age is", "on a scale of 1 to 5"):
        assert part in written


@pytest.mark.parametrize(
    ("kind", "said"), [("complaint", "is solved in time most often (100"), ("nobody", "No group is solved in time clearly more often than another")]
)
def test_a_group_is_named_only_where_it_differs_beyond_chance(run, warehouses, monkeypatch, tmp_path, kind, said):
    """Of 180 tickets a third are complaints; solved after a day, where the others are not solved at all."""
    rows = company()
    solved = [{**row, "solved_at": row["opened_at"] + dt.timedelta(days=1), "reopened_count": 0} for row in rows["tickets"]]
    rows["tickets"] = [row if kind in ("nobody", row["kind"]) else {**row, "solved_at": None} for row in solved]
    monkeypatch.setitem(warehouses, kind, publish(tmp_path / "data", rows, SETTINGS, id=f"groups-{kind}"))
    assert said in texts(run("service", kind, period="all"))


def test_chinese_has_words_of_its_own(run):
    app = run("service", language="zh-CN", period="all")
    for part in ("在 24 小时内得到响应", "张工单未解决"):
        assert part in texts(app)
    assert sorted(app.selectbox(key="service_kind_pick").options) == ["咨询", "投诉", "服务"]


def test_a_company_without_tickets_hears_what_to_do(run, warehouses, monkeypatch, tmp_path):
    rows = {**company(), "tickets": []}
    monkeypatch.setitem(warehouses, "silent", publish(tmp_path / "data", rows, SETTINGS))
    app = run("service", "silent")
    assert failures(app) == [] and "No tickets in this period" in texts(app)


@pytest.mark.parametrize("metric", ["tickets_answered", "tickets_solved"])
def test_a_group_opens_as_many_tickets_as_its_base(run, metric):
    app = run("service", period="all")
    app = app.selectbox(key=f"service_{metric}_pick").select("complaint").run()
    assert failures(app) == []
    listed = next(part.value for part in app.dataframe if "in_time" in part.value.columns)
    assert set(listed["kind"]) == {"Complaint"} and listed["in_time"].is_monotonic_increasing


def test_groups_without_a_value_open_too(run, warehouses, monkeypatch, tmp_path):
    rows = company()
    rows["tickets"] = [{**row, "priority": None if k % 2 else "high"} for k, row in enumerate(rows["tickets"])]
    monkeypatch.setitem(warehouses, "unranked", publish(tmp_path / "data", rows, SETTINGS))
    app = run("service", "unranked", period="all")
    app = app.pills(key="service_column").set_value("priority").run()
    app = app.selectbox(key="service_tickets_answered_pick").select("").run()
    assert failures(app) == []
    listed = next(part.value for part in app.dataframe if "in_time" in part.value.columns)
    assert len(listed) and listed["priority"].isna().all()


def test_open_tickets_stand_oldest_first_and_one_kind_can_be_seen_alone(run):
    app = run("service", period="last_year")  # whatever the period: what is open is open now
    listed = next(part.value for part in app.dataframe if "age_days" in part.value.columns)
    assert listed["age_days"].is_monotonic_decreasing and set(listed["kind"]) > {"Complaint"}
    app = app.selectbox(key="service_kind_pick").select("complaint").run()
    alone = next(part.value for part in app.dataframe if "age_days" in part.value.columns)
    assert failures(app) == [] and len(alone) == (listed["kind"] == "Complaint").sum()


def test_no_list_of_the_page_shows_who_or_how_much(run):
    app = run("service", period="all")
    for metric in ("tickets_answered", "tickets_solved"):
        app = app.selectbox(key=f"service_{metric}_pick").select_index(0).run()
    lists = [set(part.value.columns) for part in app.dataframe]
    assert len(lists) == 3 and not any(columns & HIDDEN for columns in lists)


def test_the_page_asks_for_nothing_that_costs_or_names_people():
    """Its metrics read tickets and scores; of those no money: satisfaction is weighted by it only where that is asked."""
    texts = {node.value for node in ast.walk(ast.parse(SOURCE.read_text(encoding="utf-8"))) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    asked = {name for name in texts if name in CATALOGUE}
    assert asked == {"tickets_answered", "tickets_solved", "open_tickets", "satisfaction"}
    assert {table for name in asked for table in CATALOGUE[name].reads} == {"tickets", "coverage", "scores"}
    assert "weighting" not in texts and CATALOGUE["satisfaction"].options["weighting"] == "respondent"


PARTNERS = {"all": Grant("partner", "all"), "north": Grant("partner", "segment", "region", ("North",))}


@pytest.mark.parametrize("grant", PARTNERS.values(), ids=PARTNERS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_partner_begins_here_and_sees_the_progress_of_own_customers(run, monkeypatch, grant, language):
    monkeypatch.setattr(guard, "SITTING_HERE", grant)
    app = run("overview", language=language, period="all")  # the address "/"
    assert failures(app) == []
    assert app.title[0].value == {"en": "How is the service going?", "zh-CN": "服务进展如何？"}[language]
    north = {row["name"] for row in company()["customers"] if row.get("region") == "North"}
    listed = next(part.value for part in app.dataframe if "age_days" in part.value.columns)
    assert len(listed) and (grant.reach == "all" or set(listed["customer"]) <= north)
    written = texts(app)
    assert "¥" not in written and "@example.com" not in written and "Owner " not in written


def test_shares_are_the_same_under_a_partners_veils(run, monkeypatch):
    def cards():
        return {part.label: part.value for part in run("service" if guard.SITTING_HERE.role != "partner" else "overview", period="all").metric}

    everyone = cards()
    monkeypatch.setattr(guard, "SITTING_HERE", PARTNERS["all"])
    assert cards() == everyone and len(everyone) == 3
