"""A source of kind "demo": made where it is missing, never made twice, and read like any company's systems."""

import json
from contextlib import closing

import pytest

from connectors import open_connector
from connectors.__main__ import main
from connectors.base import SourceError
from connectors.demo.connector import DemoConnector
from connectors.errors import SourcesError
from connectors.sources import Source, Table, load

SMALL = {"until": "2026-10", "scale": 0.02}
FILE = """
[sources.try]
kind = "demo"
path = "company"
until = "2026-10"
scale = 0.02
[sources.try.tables.customers]
from = "crm_account"
incremental = "modified_time"
columns = { customer_id = "acct_no", name = "acct_name", kind = "case acct_type when 'P' then 'person' else 'company' end" }
[sources.try.tables.invoices]
query = "select l.*, h.cust_no, h.bill_date from ar_invoice_line l join ar_invoice h on h.bill_no = l.bill_no"
[sources.try.tables.invoices.columns]
invoice_line_id = "bill_no || '-' || line_no"
invoice_id = "bill_no"
customer_id = "cust_no"
issued_on = "bill_date"
amount = "amt"
currency = "ccy"
[sources.try.tables.surveys]
from = "waves.csv"
columns = { survey_id = "Wave", name = "Wave", wave = "Wave", kind = "'relationship'" }
[sources.try.tables.invitations]
from = "sent_*.csv"
columns = { survey_id = "Wave", customer_id = "AcctNo", contact_id = "ContactNo", sent_at = "SentTime", delivered = "Status = 'delivered'" }
"""


def source(path, tables=None, **more):
    return Source(name="try", kind="demo", path=str(path), tables=tables or {}, **{**SMALL, **more})


def table(**given):
    return Table(name="t", entity="customers", **given)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A small company, made by reaching it for the first time."""
    path = tmp_path_factory.mktemp("there") / "company"
    with closing(DemoConnector(source(path))) as connector:
        assert [finding.level for finding in connector.check()] == ["ok"]
    return path


def test_it_is_made_with_its_sources_file_and_its_truth(folder):
    assert {p.name for p in folder.iterdir()} >= {"crm.sqlite", "erp.sqlite", "surveys", "sources.toml", "truth.json"}
    truth = json.loads((folder / "truth.json").read_text("utf-8"))
    assert (truth["seed"], truth["until"], truth["scale"]) == (7, "2026-10", 0.02)


def test_every_table_and_file_is_there_with_all_its_rows(folder):
    truth = json.loads((folder / "truth.json").read_text("utf-8"))["rows"]
    wanted = {"crm": "crm_account", "erp": "ar_receipt", "surveys": "waves.csv"}
    tables = {system: Table(name=system, entity="customers", **{"from": name}) for system, name in wanted.items()}
    with closing(open_connector(source(folder, tables))) as connector:
        found = {system: sum(batch.num_rows for batch in connector.read(t)) for system, t in tables.items()}
    assert found == {"crm": truth["crm_account"], "erp": truth["ar_receipt"], "surveys": truth["surveys/waves.csv"]}


def test_what_is_there_is_not_made_again(folder):
    before = (folder / "truth.json").stat().st_mtime_ns
    for asked in (SMALL, {"until": None, "scale": None}):
        with closing(DemoConnector(source(folder, **asked))) as connector:
            assert connector.check()[0].level == "ok"
    assert (folder / "truth.json").stat().st_mtime_ns == before


@pytest.mark.parametrize(("asked", "said"), [({"seed": 8}, "seed 7, not seed 8"), ({"until": "2026-09", "seed": 7}, "until 2026-10, not until 2026-09")])
def test_another_company_is_not_written_over(folder, asked, said):
    with closing(DemoConnector(source(folder, **asked))) as connector:
        assert [finding.level for finding in connector.check()] == ["fault"]
        with pytest.raises(SourceError, match=f"holds the demo company with {said}: name another folder, or delete this one"):
            next(connector.read(table(**{"from": "crm_account"})))


def test_a_query_over_both_databases_is_refused_and_an_unknown_table_named(folder):
    with closing(DemoConnector(source(folder))) as connector:
        with pytest.raises(SourceError, match="two databases"):
            connector.schema(table(query="select * from crm_account join bd_customer on crm_no = acct_no"))
        with pytest.raises(SourceError, match=r"there is no table or view 'crm_acount'.*did you mean crm_account"):
            connector.schema(table(**{"from": "crm_acount"}))


def test_a_place_that_cannot_be_written_is_a_fault(tmp_path):
    (tmp_path / "file").write_text("")
    with closing(DemoConnector(source(tmp_path / "file" / "company"))) as connector:
        (finding,) = connector.check()
    assert finding.level == "fault" and "cannot be made or read" in finding.text


def test_check_makes_it_and_finds_no_fault(tmp_path, capsys):
    (tmp_path / "sources.toml").write_text(FILE)
    assert main(["check", "--sources", str(tmp_path / "sources.toml")]) == 0, capsys.readouterr().out
    assert (tmp_path / "company" / "truth.json").exists()


@pytest.mark.parametrize(
    ("given", "instead", "said"),
    [
        ('path = "company"\n', "", 'a source of kind \'demo\' needs path = "…"'),
        ("until = \"2026-10\"", "until = \"2026-13\"", "should match pattern"),
        ("scale = 0.02", "scale = 0.001", "greater than or equal to 0.02"),
        ('from = "waves.csv"', "", 'A table needs one of from = "…"'),
        ("customer_id = \"acct_no\", name", "name", "customers needs customer_id"),
        ("select l.*, h.cust_no", "delete l.*, h.cust_no", "must be a SELECT"),
    ],
)  # fmt: skip
def test_faults_of_the_file_are_found_before_anything_is_made(tmp_path, given, instead, said):
    assert FILE.count(given) == 1
    (tmp_path / "sources.toml").write_text(FILE.replace(given, instead))
    with pytest.raises(SourcesError) as refusal:
        load(tmp_path / "sources.toml")
    assert said in str(refusal.value)
    assert not (tmp_path / "company").exists()
