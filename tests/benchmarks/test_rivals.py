"""A rival that answers something else proves nothing: SQL and pandas by hand give the metric's own number."""

import datetime as dt

import pytest

import warehouse
from benchmarks import answers, company, rivals
from connectors import sources
from metrics import CATALOGUE
from metrics.metric import ask
from metrics.period import Period
from metrics.query import Query
from warehouse.sync import sync

YEAR = Period(dt.date(2025, 7, 1), dt.date(2026, 7, 1), dt.date(2026, 7, 1))


@pytest.fixture(scope="module")
def synced(tmp_path_factory):
    """The folder of a small company and the data directory it was synced into."""
    folder, data = tmp_path_factory.mktemp("company"), tmp_path_factory.mktemp("data")
    assert sync(sources.load(company.make(folder, company.Size(30_000))), data).is_published
    return folder, data


def test_every_metric_has_a_rival_or_a_reason():
    assert set(CATALOGUE) == set(CATALOGUE) & ({*rivals.statements()} | {*rivals.BY_HAND})
    assert not {*rivals.statements()} & {*rivals.BY_HAND}


@pytest.mark.parametrize("name", rivals.statements())
def test_sql_by_hand_gives_the_metrics_number(synced, name):
    _, data = synced
    tables = warehouse.open(data)
    sql = rivals.filled(rivals.statements()[name], answers.files(data, tables), YEAR, tables.settings["calendar"]["timezone"])
    row = ask(CATALOGUE[name], tables, Query(YEAR, settings=tables.settings)).rows.iloc[0]
    assert answers.same(row, answers.fresh().execute(sql).fetchone()) == "yes"


@pytest.mark.parametrize("title", rivals.IN_PANDAS)
def test_pandas_gives_the_metrics_numbers(synced, title):
    folder, data = synced
    name, question, code = rivals.IN_PANDAS[title]
    tables = warehouse.open(data)
    rows = ask(CATALOGUE[name], tables, Query(YEAR, settings=tables.settings, **question)).rows
    assert answers.agree(rows, code(folder, YEAR)) == "yes"


def test_a_wrong_rival_is_told_apart():
    assert answers.same({"value": 0.5, "n": 10}, (0.5, 10)) == "yes"
    assert answers.same({"value": 0.5, "n": 10}, (0.51, 10)).startswith("NO")
    assert answers.same({"value": 0.5, "n": 10}, (0.5, 11)).startswith("NO")
