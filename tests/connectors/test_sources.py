"""The sources file: everything that is wrong with it at once, each with its line, and never a password."""

from datetime import timedelta

import pytest

from connectors import lines
from connectors.errors import SourcesError
from connectors.sources import load, span

GOOD = """
[calendar]
timezone = "Asia/Shanghai"

[sources.shop]
kind = "files"
path = "data"
[sources.shop.tables.invoices]
from = "lines.csv"
overlap = "2h"
lag = 5
[sources.shop.tables.invoices.columns]
invoice_line_id = "InvoiceNo || '-' || row_number"
invoice_id = "InvoiceNo"
customer_id = "CustomerID"
issued_on = "InvoiceDate"
amount = "Quantity * UnitPrice"
currency = "'GBP'"

[sources.stages]
kind = "sql"
url = "sqlite:///crm.db"
[sources.stages.tables.clients]
entity = "customers"
query = "select * from clients"
[sources.stages.tables.clients.columns]
customer_id = "id"
name = "name"
kind = "'company'"

[metrics.funnel]
stages = ["Lead", "Won"]
"""


@pytest.fixture
def written(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "lines.csv").write_text("InvoiceNo\n1\n")

    def write(text: str):
        path = tmp_path / "sources.toml"
        path.write_text(text, "utf-8")
        return path

    return write


def faults_of(path, **options) -> list:
    with pytest.raises(SourcesError) as caught:
        load(path, **options)
    return caught.value.faults


def test_a_good_file(written):
    path = written(GOOD)
    found = load(path)
    shop, stages = found.sources["shop"], found.sources["stages"]
    assert (shop.name, shop.path) == ("shop", str(path.parent / "data"))
    assert (shop.tables["invoices"].name, shop.tables["invoices"].entity) == ("invoices", "invoices")
    assert (shop.tables["invoices"].overlap, shop.tables["invoices"].lag) == (timedelta(hours=2), 5.0)
    assert (stages.tables["clients"].name, stages.tables["clients"].entity) == ("clients", "customers")
    assert stages.url.get_secret_value() == f"sqlite:///{path.parent}/crm.db"
    assert found.metrics == {"funnel": {"stages": ["Lead", "Won"]}}
    assert found.calendar.timezone == "Asia/Shanghai"


BROKEN = [  # what is written, what instead, line, place, words
    ('timezone = "Asia/Shanghai"', 'timezone = "Asia/Shangai"', 3, "calendar.timezone", "not a time zone"),
    ('kind = "files"', 'kind = "file"', 6, "sources.shop.kind", "did you mean files"),
    ('path = "data"', 'path = "date"', 7, "sources.shop.path", "there is no folder"),
    ('path = "data"', 'path = "data"\ntmeout = 3', 8, "sources.shop.tmeout", "did you mean timeout"),
    ('path = "data"', "", 5, "sources.shop", 'needs path = "…"'),
    ("[sources.shop.tables.invoices]", "[sources.shop.tables.invoice]", 8, "sources.shop.tables.invoice", "did you mean invoices"),
    ('from = "lines.csv"', 'from = "line.csv"', 9, "sources.shop.tables.invoices.from", "did you mean lines.csv"),
    ('from = "lines.csv"', "", 8, "sources.shop.tables.invoices", "where do the rows come from"),
    ('from = "lines.csv"', 'from = "lines.csv"\nrows = [{a = 1}]', 8, "sources.shop.tables.invoices", "exclude each other"),
    ('from = "lines.csv"', 'from = "lines.csv"\nwhere = "x in (select 1)"', 10, "sources.shop.tables.invoices.where", "a subquery"),
    ('overlap = "2h"', 'overlap = "2 hours"', 10, "sources.shop.tables.invoices.overlap", '"15m"'),
    ('amount = "Quantity * UnitPrice"', 'amount = "sum(UnitPrice)"', 17, "sources.shop.tables.invoices.columns.amount", "sum is not allowed"),
    ('amount = "Quantity * UnitPrice"', 'ammount = "1"', 17, "sources.shop.tables.invoices.columns.ammount", "did you mean amount"),
    ('amount = "Quantity * UnitPrice"', "", 12, "sources.shop.tables.invoices.columns", "needs amount"),
    ('amount = "Quantity * UnitPrice"', 'amount = "1"\nload_id = "1"', 18, "sources.shop.tables.invoices.columns.load_id", "filled by the sync"),
    ('amount = "Quantity * UnitPrice"', "amount = 3", 17, "sources.shop.tables.invoices.columns.amount", "string"),
    ('url = "sqlite:///crm.db"', "", 20, "sources.stages", 'needs url = "…"'),
    ('url = "sqlite:///crm.db"', 'url = "no url"', 22, "sources.stages.url", "not a database URL"),
    ('url = "sqlite:///crm.db"', 'url = "secret:a.b.url"', 22, "sources.stages.url", "RAPPORT_SECRET_A_B_URL"),
    ('query = "select * from clients"', 'query = "select 1"\ndeletes = "tombstone"', 26, "sources.stages.tables.clients.deletes", "tombstones ="),
    ('query = "select * from clients"', 'query = "delete from clients"', 25, "sources.stages.tables.clients.query", "must be a SELECT"),
    ('from = "lines.csv"', 'from = "lines.csv"\nquery = "from x"', 10, "sources.shop.tables.invoices.query", "reads 'x'"),
    ('query = "select * from clients"', 'query = "select 1"\ndeletes = "delta"', 26, "sources.stages.tables.clients.deletes", "does not; take"),
    ('query = "select * from clients"', 'query = "select 1"\ndeletes = "flag"', 26, "sources.stages.tables.clients.deletes", "is_deleted"),
    ('timezone = "Asia/Shanghai"', 'number_format = "1.234.56"', 3, "calendar.number_format", "'1.234,56'"),
    ('timezone = "Asia/Shanghai"', 'number_format = "1234,5"', 3, "calendar.number_format", "did you mean 1234,56"),
    ('timezone = "Asia/Shanghai"', "week_start = 8", 3, "calendar.week_start", "less than or equal to 7"),
    ('timezone = "Asia/Shanghai"', "fiscal_year_start = 0", 3, "calendar.fiscal_year_start", "greater than or equal to 1"),
    ('timezone = "Asia/Shanghai"', 'currency = "yuan"', 3, "calendar.currency", "[A-Z]{3}"),
    ("[calendar]", "[identity]\nlink = 1.5\n[calendar]", 3, "identity.link", "less than or equal to 1"),
    ("[calendar]", "[identity]\nlink = 0.9\nask = 0.95\n[calendar]", 2, "identity", "ask = 0.95 is above link = 0.9"),
    ("[calendar]", "[identity]\nenable = true\n[calendar]", 3, "identity.enable", "did you mean enabled"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "line", "where", "words"), BROKEN)
def test_a_fault_has_its_line_place_and_words(written, old, new, line, where, words):
    found = [f for f in faults_of(written(GOOD.replace(old, new, 1))) if f.where == where]
    assert [f.line for f in found] == [line]
    assert words in found[0].text


def test_a_source_may_not_have_a_colon_in_its_name(written):
    (fault,) = faults_of(written(GOOD.replace("[sources.stages", '[sources."a:b"')))
    assert (fault.line, fault.where) == (20, "sources.a:b")


def test_all_faults_at_once_in_the_order_of_the_file(written):
    text = GOOD
    for old, new, *_ in (BROKEN[0], BROKEN[3], BROKEN[6], BROKEN[11], BROKEN[17]):
        text = text.replace(old, new, 1)
    found = faults_of(written(text))
    assert [f.line for f in found] == [3, 8, 10, 18, 23]
    assert len({f.where for f in found}) == 5


def test_a_missing_file_and_broken_toml(tmp_path, written):
    assert "no such file" in faults_of(tmp_path / "nothing.toml")[0].text
    assert "not valid TOML" in faults_of(written("[sources\n"))[0].text
    assert "no source is declared" in faults_of(written(""))[0].text


def test_without_reach_a_missing_file_or_secret_is_no_fault(written):
    path = written(GOOD.replace("lines.csv", "later.csv").replace("sqlite:///crm.db", "secret:a.url"))
    assert set(load(path, reach=False).sources) == {"shop", "stages"}
    assert [f.where for f in faults_of(path, files=False)] == ["sources.stages.url"]


def test_a_password_in_the_file_is_refused_and_not_repeated(written):
    (fault,) = faults_of(written(GOOD.replace("sqlite:///crm.db", "postgresql://reader:geheim@erp/db")))
    assert fault.line == 22
    assert "secret:connections.stages.url" in fault.text
    assert "geheim" not in str(fault)


@pytest.mark.parametrize("place", ["given", "environment", "beside", "parent"])
def test_where_secrets_are_looked_up(written, monkeypatch, tmp_path, place):
    path = written(GOOD.replace("sqlite:///crm.db", "secret:connections.erp-1.url"))
    url = "postgresql://reader:geheim@erp/db"
    entries = {"connections": {"erp-1": {"url": url}}}
    toml = f'[connections.erp-1]\nurl = "{url}"\n'
    if place == "environment":
        monkeypatch.setenv("RAPPORT_SECRET_CONNECTIONS_ERP_1_URL", url)
    if place in ("beside", "parent"):
        if place == "parent":
            path = path.rename(tmp_path / "data" / "sources.toml").with_name("sources.toml")
            path.write_text(path.read_text().replace('path = "data"', 'path = "."'))
        (tmp_path / ".streamlit").mkdir()
        (tmp_path / ".streamlit" / "secrets.toml").write_text(toml)
    found = load(path, secrets=entries if place == "given" else None)
    assert found.sources["stages"].url.get_secret_value() == url
    assert "geheim" not in repr(found)
    assert "geheim" not in str(found.model_dump())


SPANS = [
    ("15m", timedelta(minutes=15)),
    ("2h", timedelta(hours=2)),
    ("1d", timedelta(days=1)),
    ("1d 12h", timedelta(hours=36)),
    ("90s", timedelta(seconds=90)),
    (7, 7),
]


@pytest.mark.parametrize(("text", "expected"), SPANS)
def test_spans(text, expected):
    assert span(text) == expected


def test_lines_of_keys():
    text = '[a]\nb = 1\n[a."c.d"]\n# e = 0\ne.f = """\n[x]\ng = 1\n"""\nh = 2\n'
    assert lines.index(text) == {("a",): 1, ("a", "b"): 2, ("a", "c.d"): 3, ("a", "c.d", "e", "f"): 5, ("a", "c.d", "h"): 9}
