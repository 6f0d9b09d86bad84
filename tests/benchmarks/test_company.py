"""The benchmark's company: as many rows as asked for, always the same, and fit for an ordinary sync."""

import sys

import duckdb
import pytest

from benchmarks import company, measure
from connectors import sources
from warehouse.contract import KEYS, columns

LINES = 6_000


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return company.make(tmp_path_factory.mktemp("company"), company.Size(LINES)).parent


@pytest.mark.parametrize(
    ("lines", "name", "expected"),
    [
        (10_000_000, "$customers", 400_000),
        (10_000_000, "$answers", 2_000_000),
        (10_000_000, "$deals", 500_000),
        (1_000_000, "$customers", 40_000),  # the others keep their proportion to the lines
    ],
)
def test_the_full_size_is_the_one_promised(lines, name, expected):
    assert company.Size(lines).values()[name] == str(expected)


def test_there_are_as_many_lines_as_asked_for(made):
    assert duckdb.sql(f"SELECT count(*), count(DISTINCT customer_id) > 100 FROM '{made}/invoices.parquet'").fetchone() == (LINES, True)


@pytest.mark.parametrize("entity", company.statements(company.Size(LINES)))
def test_a_table_has_columns_and_keys_of_the_contract(made, entity):
    rows = duckdb.sql(f"FROM '{made}/{entity}.parquet'")
    assert set(rows.columns) - {"touchpoint"} <= set(columns(entity))
    keys = ", ".join(KEYS[entity])
    assert duckdb.sql(f"SELECT count(*) - count(DISTINCT ({keys})) FROM rows").fetchone() == (0,), "every key once"
    required = [c.name for c in columns(entity).values() if c.required and c.name in rows.columns]
    assert duckdb.sql(f"SELECT count(*) FROM rows WHERE {' OR '.join(f'{c} IS NULL' for c in required)}").fetchone() == (0,)


def test_an_invoice_has_one_customer_one_day_and_one_currency(made):
    apart = f"SELECT invoice_id FROM '{made}/invoices.parquet' GROUP BY 1 HAVING count(DISTINCT (customer_id, issued_on, currency)) > 1"
    assert duckdb.sql(apart).fetchall() == []


def test_made_twice_it_is_the_same(made, tmp_path):
    company.make(tmp_path, company.Size(LINES))
    for entity in ("invoices", "answers", "deals"):
        assert duckdb.sql(f"FROM '{made}/{entity}.parquet' EXCEPT FROM '{tmp_path}/{entity}.parquet'").fetchall() == [], entity


def test_the_sources_file_is_an_ordinary_one(made):
    loaded = sources.load(made / "sources.toml")
    assert set(loaded.sources["big"].tables) == set(company.statements(company.Size(LINES)))


def test_invoices_in_a_database_point_at_the_customers_in_the_files(tmp_path):
    path = company.make(tmp_path, company.Size(600), f"sqlite:///{tmp_path}/erp.sqlite")
    loaded = sources.load(path)
    assert loaded.sources["erp"].tables["invoices"].columns["customer_id"] == "'big:' || customer_id"
    assert "invoices" not in loaded.sources["big"].tables


def test_a_report_is_a_table_with_its_goal():
    section = measure.Section("Sync", "under 2 GiB", ("what", "rows/s"), [("files", 12345), ("pandas", None), ("ratio", 1.234)], ("why",))
    assert section.markdown().splitlines() == [
        "## Sync", "", "Goal: under 2 GiB", "", "| what | rows/s |", "| --- | ---: |", "| files | 12,345 |", "| pandas | – |", "| ratio | 1.23 |", "", "- why",
    ]  # fmt: skip


HUNGRY = """
import subprocess, sys
held = bytearray(80_000_000)
subprocess.run([sys.executable, "-c", "held = bytearray(80_000_000); import time; time.sleep(0.4)"])
"""


def test_a_program_is_timed_with_its_children_and_a_failure_is_not_a_number():
    ran = measure.run([sys.executable, "-c", HUNGRY])
    assert ran.seconds > 0.4 and ran.peak > 150_000_000  # both hold 80 MB at once
    with pytest.raises(RuntimeError, match=r"ended with 1: .*no such thing"):
        measure.run([sys.executable, "-c", "raise SystemExit('no such thing')"])
