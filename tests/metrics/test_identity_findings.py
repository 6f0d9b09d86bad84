"""Findings about who is one customer: counted by kind and source as plain SQL counts them, with the records behind; and the marts they come from."""

import datetime as dt
import itertools

import duckdb
import pandas as pd
import pytest

from access.scope import Scope
from metrics import CATALOGUE, pairs
from metrics.metric import ask
from metrics.period import Period
from metrics.query import Query, QuestionError, collect
from tests.made import made
from tests.told_apart import finding, pair

CARD = CATALOGUE["identity_findings"]
PERIOD = Period(dt.date(2026, 1, 1), dt.date(2027, 1, 1), as_of=dt.date(2026, 6, 1))


def customer(source, number, **known):
    return {"customer_id": f"{source}:{number}", "source": source, "source_id": str(number), "name": f"Firm {number}", "kind": "company", **known}


def link(record, into, rule=None, via=None, **known):
    return {"record_id": record, "linked_id": into, "rule": rule, "via": via, **known}


ROWS = {
    "customers": [
        customer("crm", 1, region="north", owner_id="crm:o", phone="+86 139-1234-5678", email="a@x.cn", tax_no="t-1"),
        customer("crm", 2, region="south", owner_id="crm:o"),
        customer("crm", 3, region="north", phone="13912345678", email="B@x.cn "),
        customer("erp", 1, tax_no="T1"), customer("erp", 2, merged_into="crm:2"), customer("erp", 3),
    ],
    "invoices": [
        {"invoice_line_id": f"erp:{i}", "customer_id": who, "issued_on": day, "amount": amount, "kind": "sale"}
        for i, (who, day, amount) in enumerate((
            ("erp:1", "2026-05-01", 100), ("erp:1", "2025-06-10", 10), ("erp:1", "2025-05-31", 1), ("erp:2", "2026-05-02", 7), ("erp:3", "2026-01-01", 5),
        ))
    ],
}  # fmt: skip
STEP = {
    "identity_links": [
        link("crm:1", "crm:1"), link("erp:1", "crm:1", "tax number", "crm:1", evidence='{"tax_no":"same"}'), link("crm:2", "crm:2"),
        link("erp:2", "crm:2", "source", "crm:2"), link("crm:3", "crm:3"), link("erp:3", "erp:3"), link("crm:gone", "crm:3", "phone and name", "crm:3"),
    ],
    "identity_queue": [pair("crm:1", "crm:3", "likely", probability=0.7), pair("crm:3", "erp:3", "names alike", alike=0.9), pair("crm:9", "erp:3", "likely")],
    "identity_found": [
        *finding("a", "two names", "crm:1", "erp:1"), *finding("b", "two names", "crm:2", "erp:2"), *finding("c", "shared key", "crm:1", "crm:2", "crm:3"),
        *finding("d", "decision without record", "crm:3", "crm:gone"),
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def tables():
    return made(ROWS, step=STEP)


def measured(tables, **question):
    rows = ask(CARD, tables, Query(PERIOD, settings=tables.settings, **question)).rows
    return {(row["finding"], None if pd.isna(row["source"]) else row["source"]): (row["value"], row["n"]) for row in rows.to_dict("records")}


def test_findings_by_kind_and_source(tables):
    """By hand: two names of two customers, one record of each system; the finding of a record that is gone has that one without a source."""
    assert measured(tables) == {
        ("two names", "crm"): (2, 2), ("two names", "erp"): (2, 2), ("shared key", "crm"): (1, 3), ("decision without record", "crm"): (1, 1),
        ("decision without record", None): (1, 1), ("pair waiting", "crm"): (2, 3), ("pair waiting", "erp"): (2, 2), ("pair waiting", None): (1, 1),
    }  # fmt: skip
    assert measured(tables, options={"finding": "shared key"}) == {("shared key", "crm"): (1, 3)}
    with pytest.raises(QuestionError, match="no finding 'typo'; there are pair waiting, two names"):
        measured(tables, options={"finding": "typo"})


SQL = """with told as (select finding_id, finding, record_id from found
        union all select 'w' || record_a || record_b, 'pair waiting', unnest([record_a, record_b]) from queue)
    select finding, source, count(distinct finding_id) as value, count(*) as n from told left join customers on record_id = customer_id {where} group by all"""


@pytest.mark.parametrize(("where", "sql"), [((), ""), ((("region", ("north",)),), "where record_id in ('crm:1', 'erp:1', 'crm:3')")])
def test_the_same_in_plain_sql(tables, where, sql):
    """A region is that of the account: the ERP's record of crm:1 is in the north as well."""
    con = duckdb.connect()
    for name, rows in (("found", STEP["identity_found"]), ("queue", STEP["identity_queue"]), ("customers", ROWS["customers"])):
        con.register(name, pd.DataFrame(rows))
    expected = {(finding, source): (value, n) for finding, source, value, n in con.execute(SQL.format(where=sql)).fetchall()}
    assert measured(tables, where=where) == expected and expected


def test_the_records_behind(tables):
    rows = collect(CARD.behind(tables, Query(PERIOD, options={"finding": "two names"}, settings=tables.settings)))
    assert rows[["record_id", "customer_id", "record"]].values.tolist() == [
        ["crm:1", "crm:1", "Firm 1"], ["erp:1", "crm:1", "Firm 1"], ["crm:2", "crm:2", "Firm 2"], ["erp:2", "crm:2", "Firm 2"],
    ]  # fmt: skip


def test_a_reader_of_some_customers_learns_of_no_finding():
    """They are beside other customers."""
    tables = made(ROWS, step=STEP, scope=Scope(rules=(("region", ("north",)),)))
    assert measured(tables) == {} and len(collect(tables["identity_pairs"])) == 0


def test_without_the_step_there_is_nothing_and_without_the_mart_that_is_said():
    tables = made(ROWS)
    assert measured(tables) == {}
    older = {name: tables[name] for name in ("customers", "accounts")}
    assert ask(CARD, older, Query(PERIOD)).notes == {"untold": True}


# accounts


def test_linked_records_are_one_account_with_its_revenue(tables):
    """erp:1 is linked to crm:1, which has an owner; erp:2 is merged by its source. What links a record that is gone, links nobody."""
    assert dict(collect(tables["identities"]).itertuples(index=False)) == {"erp:1": "crm:1", "erp:2": "crm:2"}
    assert sorted(collect(tables["accounts"])["customer_id"]) == ["crm:1", "crm:2", "crm:3", "erp:3"]
    spent = collect(tables["customer_months"]).groupby("customer_id")["revenue"].sum()
    assert spent.to_dict() == {"crm:1": 111, "crm:2": 7, "erp:3": 5}


def test_pairs_know_whose_they_are_and_what_is_at_stake(tables):
    """The twelve months up to May 2026 begin with June 2025: the invoice of 31 May 2025 is older. A pair with a record that is gone is none."""
    rows = collect(tables["identity_pairs"]).set_index("pair")
    assert rows[["account_a", "account_b", "revenue_a", "revenue_b", "at_stake"]].T.to_dict("list") == {
        "crm:1|crm:3": ["crm:1", "crm:3", 110, 0, 110], "crm:3|erp:3": ["crm:3", "erp:3", 0, 5, 5],
    }  # fmt: skip


def test_pairs_say_which_keys_agree(tables):
    """A telephone with and without its country; two addresses; a tax number that only one has."""
    row = collect(tables["identity_pairs"]).set_index("pair").loc["crm:1|crm:3"]
    assert (row["same_phone"], row["same_email"], pd.isna(row["same_tax_no"])) == (True, False, True)


def test_fifty_thousand_pairs_are_listed_page_by_page():
    """All pairs of 320 records, the later ones the less probable: a page is 50 of them; decided ones are gone, those put off come last."""
    ids = [f"crm:{i:03}" for i in range(320)]
    listed = list(itertools.combinations(ids, 2))
    queue = [pair(*two, "likely", probability=1 - i / len(listed)) for i, two in enumerate(listed)]
    tables = made({"customers": [customer("crm", one.split(":")[1]) for one in ids]}, step={"identity_queue": queue})
    named = ["|".join(two) for two in listed]
    rows, total = pairs.waiting(tables, "probable", named[:2], named[2:3], 0)
    assert total == 51_040 - 2 and rows["pair"].tolist() == named[3:53]
    last, _ = pairs.waiting(tables, "probable", named[:2], named[2:3], total // 50)
    assert last["pair"].tolist()[-1] == named[2] and len(last) == total % 50 and last["is_late"].tolist()[-1]


def test_two_records_side_by_side(tables):
    """Keys are compared as the sync compared them, whatever the reader may see; what one of the two does not say agrees with nothing."""
    rows = pairs.beside(tables, "crm:1", "crm:3").set_index("field")
    said = {field: None if pd.isna(agrees) else bool(agrees) for field, agrees in rows["agrees"].items()}
    assert {field: said[field] for field in ("phone", "email", "tax_no", "name", "region", "owner")} == {
        "phone": True, "email": False, "tax_no": None, "name": False, "region": True, "owner": None,
    }  # fmt: skip
    assert rows.loc["phone", ["a", "b"]].tolist() == ["+86 139-1234-5678", "13912345678"]
    assert pairs.beside(tables, "crm:1", "crm:gone").empty and pairs.named(tables, ["crm:1", "crm:gone"]) == {"crm:1": "Firm 1"}


def test_a_record_says_by_what_it_belongs_to_its_customer(tables):
    rows = collect(tables["customer_records"]).set_index("record_id")
    assert rows.loc["erp:1", ["customer_id", "rule", "via", "evidence"]].tolist() == ["crm:1", "tax number", "crm:1", '{"tax_no":"same"}']
    assert rows.loc["erp:2", ["rule", "via"]].tolist() == ["source", "crm:2"]
    assert pd.isna(rows.loc["crm:1", "rule"])


def test_the_first_record_of_a_customer_is_linked_by_what_links_another_to_it():
    """The ERP's record comes first and is linked to nobody; the account is the record with an owner, which is linked to it."""
    rows = {"customers": [customer("a", 1), customer("b", 1, owner_id="b:o")]}
    tables = made(rows, step={"identity_links": [link("a:1", "a:1"), link("b:1", "a:1", "e-mail", "a:1", probability=0.99)]})
    found = collect(tables["customer_records"]).set_index("record_id")
    assert found.loc["a:1", ["customer_id", "rule", "via"]].tolist() == ["b:1", "e-mail", "b:1"] and found.loc["a:1", "probability"] == 0.99
    assert pd.isna(found.loc["b:1", "rule"])


def test_a_record_entered_twice_is_one_too_many_also_when_the_two_are_linked():
    """The duplicate rate is of the source's records; who has no record in the ERP is asked of the customer as linked."""
    rows = {
        "customers": [customer("crm", 1, tax_no="T", signed_at="2026-01-01"), customer("crm", 2, tax_no="T"), customer("erp", 1)],
        "invoices": [{"invoice_line_id": "erp:1", "customer_id": "erp:1", "issued_on": "2026-01-01", "amount": 1}],
        "deals": [{"deal_id": "crm:1", "customer_id": "crm:1"}], "interactions": [{"interaction_id": "crm:1", "customer_id": "crm:1", "source": "crm"}],
    }  # fmt: skip
    rows["invoices"][0]["source"], rows["deals"][0]["source"] = "erp", "crm"
    step = {"identity_links": [link("crm:1", "crm:1"), link("crm:2", "crm:1", "tax number", "crm:1"), link("erp:1", "crm:1", "decision", "crm:1")]}
    for linked, missing in ((step, 0), ({}, 1)):
        found = collect(made(rows, step=linked)["record_checks"])
        checks = found[found["entity"] == "customers"].set_index("record_id")
        assert checks["duplicate"].to_dict() == {"crm:1": 0, "crm:2": 1, "erp:1": 0}
        assert checks.loc["crm:1", "no_erp"] == missing and checks.loc["erp:1", "no_crm"] == missing
