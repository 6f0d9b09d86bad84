"""`python -m connectors check` as an administrator meets it: what works, what does not, and how it ends."""

import sqlite3
import subprocess
import sys

import pytest

from connectors.__main__ import main

GOOD = """
[calendar]
timezone = "Asia/Shanghai"
[sources.shop]
kind = "files"
path = "."
[sources.shop.tables.invoices]
from = "lines.csv"
[sources.shop.tables.invoices.columns]
invoice_line_id = "InvoiceNo || '-' || row_number"
invoice_id = "InvoiceNo"
customer_id = "CustomerID"
issued_on = "InvoiceDate"
amount = "Quantity * UnitPrice"
currency = "'GBP'"
[sources.crm]
kind = "sql"
url = "sqlite:///crm.db"
[sources.crm.tables.customers]
from = "clients"
[sources.crm.tables.customers.columns]
customer_id = "id"
name = "title"
kind = "'company'"
"""
LINES = "InvoiceNo,CustomerID,InvoiceDate,Quantity,UnitPrice,Country\n" + "536365,17850.0,2010-12-01,6,2.55,United Kingdom\n" * 7


@pytest.fixture
def company(tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    (tmp_path / "lines.csv").write_text(LINES)
    with sqlite3.connect(tmp_path / "crm.db") as connection:
        connection.execute("create table clients (id integer, title text, city text)")
        connection.execute("insert into clients values (1, '张伟', '北京')")
    return tmp_path


def check(folder, text=GOOD, *more) -> int:
    (folder / "sources.toml").write_text(text)
    return main(["check", "--sources", str(folder / "sources.toml"), *more])


def test_a_good_file(company, capsys):
    assert check(company) == 0
    said = capsys.readouterr().out
    for words in (
        "shop.invoices: lines.csv: UTF-8, separated by comma, with a header, 6 columns",
        "shop.invoices → invoices, first 5 rows:", "shop:536365-5", "15.3000", "no expression reads Country",
        "crm: reached sqlite", "crm.customers → customers, first 1 row:", "张伟", "no fault found",
    ):  # fmt: skip
        assert words in said
    assert "shop:536365-6" not in said


FAULTS = [  # what is written, what instead, the code, words
    ('from = "lines.csv"', 'from = "line.csv"', 1, "there is no file 'line.csv'"),
    ('from = "clients"', 'from = "client"', 1, "crm.customers: there is no table or view 'client'; did you mean clients?"),
    ('name = "title"', 'name = "titel"', 1, "crm.customers.name: the source has no column 'titel'; did you mean title?; it has id, title, city"),
    ('issued_on = "InvoiceDate"', 'issued_on = "Country"', 1, "7 of the first 7 rows cannot be read"),
    ('amount = "Quantity * UnitPrice"', 'amount = "Country * 2"', 1, "shop.invoices.amount: 'Country * 2' cannot be computed"),
    ('amount = "Quantity * UnitPrice"', 'amount = "read_text(\'/etc/passwd\')"', 1, "line 14: sources.shop.tables.invoices.columns.amount"),
    ('customer_id = "CustomerID"', 'customer_id = "null"', 1, "7 of the first 7 rows have no value; every row needs one"),
    ('url = "sqlite:///crm.db"', 'url = "sqlite:///erp.db"', 1, "there is no database file"),
    ('kind = "sql"', 'kind = "odoo"', 1, "kind 'odoo' is not available in this version; available are files, sql"),
    ('from = "clients"', 'query = "select * from clients where id > 1"', 0, "warning crm.customers: the source is empty"),
    ('customer_id = "id"', 'customer_id = "id || row_number"', 0, "row_number is part of the key"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "code", "words"), FAULTS)
def test_what_is_wrong_is_said_and_the_rest_is_still_checked(company, capsys, old, new, code, words):
    assert check(company, GOOD.replace(old, new, 1)) == code
    said = capsys.readouterr().out
    assert words in said
    assert "read_text" in new or "shop" in said


def test_a_column_renamed_since_yesterday(company, capsys):
    (company / "lines.csv").write_text(LINES.replace("UnitPrice", "Unit price"))
    assert check(company) == 1
    assert "shop.invoices.amount: the source has no column 'UnitPrice'; did you mean Unit price?" in capsys.readouterr().out


def test_a_broken_line_is_said_once_and_a_value_by_its_column(company, capsys):
    (company / "lines.csv").write_text(LINES + "536366,1\n536367,1,2010-02-31,1,1,\n")
    assert check(company) == 0
    said = capsys.readouterr().out
    assert said.count("warning") == 2
    assert "1 line cannot be read and will be put into the quarantine: line 9 has 2 cells where 6 were expected: 536366 | 1" in said
    assert "warning shop.invoices.issued_on: 1 of the first 8 rows cannot be read" in said


def test_only_one_source_or_table(company, capsys):
    assert check(company, GOOD.replace('from = "clients"', 'from = "nothing"'), "--only", "shop.invoices") == 0
    assert "crm" not in capsys.readouterr().out
    assert check(company, GOOD, "--only", "shopp") == 2
    assert "there is no source 'shopp'; did you mean shop?" in capsys.readouterr().out


def test_misuse(company, capsys, monkeypatch):
    assert main(["check", "--sources", str(company / "no.toml")]) == 2
    assert "there is no such file" in capsys.readouterr().out
    monkeypatch.delenv("RAPPORT_SOURCES", raising=False)
    with pytest.raises(SystemExit) as ended:
        main(["check"])
    assert ended.value.code == 2


def test_as_a_command_with_the_default_from_the_environment(company):
    (company / "sources.toml").write_text(GOOD)
    environment = {"RAPPORT_SOURCES": str(company / "sources.toml"), "PATH": ""}
    done = subprocess.run([sys.executable, "-m", "connectors", "check"], capture_output=True, text=True, env=environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert "no fault found" in done.stdout
    assert "\x1b" not in done.stdout
