"""My customers: every warehouse and language, mine alone for who may see no others, one person or a team, and nowhere people side by side."""

import pytest

from access import guard
from access.grants import Grant
from access.kept import Kept
from tests.commands import by
from tests.pages.conftest import LANGUAGES, WAREHOUSES, failures, texts
from ui.words import aloud


def table(app, column: str):
    return next((part.value for part in app.dataframe if column in part.value.columns), None)


def mine(monkeypatch, *ids):
    monkeypatch.setattr("access.reach._own", lambda known, user: {*ids})
    monkeypatch.setattr("access.reader._scopes", Kept())


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("warehouse", WAREHOUSES)
def test_the_page_runs(run, warehouse, language):
    app = run("my_customers", warehouse, language)
    assert failures(app) == []
    assert app.title[0].value == {"en": "What did the customers I serve bring?", "zh-CN": "我负责的客户带来了什么？"}[language]


def test_my_own_stand_first_and_a_team_or_colleague_can_be_chosen_in_the_url(run, monkeypatch):
    mine(monkeypatch, "crm:o1")
    app = run("my_customers", period="all")
    whole = table(app, "revenue_before")
    assert failures(app) == [] and f"{len(whole)} customers you serve brought" in aloud(texts(app)) and app.query_params["whose"] == "me"
    assert {"handed over"} == set(table(app, "other")["kind"])  # in the middle of 2025 every fifth customer went from Owner 1 to somebody
    app = app.selectbox(key="my_customers_whose").set_value("team:Service").run()
    assert failures(app) == [] and app.query_params["whose"] == "team:Service"
    assert "customers served by Service brought" in aloud(texts(app)) and len(table(app, "revenue_before")) > len(whole)


def test_the_sidebars_owner_is_the_choice_and_the_table_adds_up_to_the_metric(run, warehouses):
    app = run("my_customers", owner="crm:o1")
    credited = by(warehouses["full"], "owner_revenue", "--by", "owner_id", "--from", "2025-06-01", "--to", "2026-05-31")
    assert failures(app) == [] and "customers served by Owner 1 brought" in aloud(texts(app))
    assert table(app, "revenue_before")["revenue"].sum() == pytest.approx(credited["crm:o1"])
    assert not [box for box in app.selectbox if box.key == "my_customers_whose"]


def test_nobody_stands_beside_anybody(run):
    """Of everybody together: one number, no list and no chart of people."""
    app = run("my_customers")
    assert failures(app) == [] and "customers you may see brought" in aloud(texts(app))
    assert not any({"owner", "owner_id", "department"} & set(part.value.columns) for part in app.dataframe)
    assert not {f"Owner {k}" for k in range(5)} & set(words(texts(app)))


@pytest.mark.parametrize(("ids", "said"), [(("crm:o3",), "customers you serve brought"), ((), "You are not among the owners of customers")])
def test_who_may_see_own_customers_alone_has_no_choice(run, monkeypatch, ids, said):
    mine(monkeypatch, *ids)
    monkeypatch.setattr(guard, "SITTING_HERE", Grant("sales", "own"))
    app = run("my_customers", whose="crm:o1")
    assert failures(app) == [] and said in aloud(texts(app)) and not [box for box in app.selectbox if box.key == "my_customers_whose"]


@pytest.mark.parametrize("role", ["partner", "auditor"])
def test_who_serves_nobody_has_no_such_page(run, monkeypatch, role):
    monkeypatch.setattr(guard, "SITTING_HERE", Grant(role, "all"))
    app = run("my_customers")
    assert not app.dataframe and "I serve" not in "".join(part.value for part in app.title)


def words(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines()]
