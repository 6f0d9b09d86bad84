"""The contract as a query: each rule refuses what it names, in words, and nothing else."""

import duckdb
import pytest

from warehouse import contract, validation

TYPES = {"text": "varchar", "id": "varchar", "json": "varchar", "int": "bigint", "float": "double", "bool": "boolean",
         "decimal": "decimal(18,4)", "day": "date", "instant": "timestamptz"}  # fmt: skip

GOOD = {
    "invoices": {"source": "erp", "source_id": "1", "invoice_line_id": "erp:1", "invoice_id": "erp:I", "customer_id": "erp:C",
                 "issued_on": "2026-01-31", "amount": "9.90", "currency": "CNY"},
    "customers": {"source": "crm", "source_id": "1", "customer_id": "crm:1", "name": "安科", "kind": "company"},
    "usage": {"source": "app", "source_id": "1", "customer_id": "crm:1", "feature": "login", "day": "2026-01-31", "count": "3"},
    "rates": {"source": "erp", "source_id": "1", "currency": "EUR", "day": "2026-01-31", "rate": "7.8"},
    "invitations": {"source": "svy", "source_id": "1", "survey_id": "svy:1", "customer_id": "crm:1", "sent_at": "2026-01-31 08:00:00+00"},
    "questions": {"source": "svy", "source_id": "1", "question_id": "svy:1", "text": "How likely?", "dimension": "nps"},
    "tickets": {"source": "crm", "source_id": "1", "ticket_id": "crm:1", "customer_id": "crm:1", "kind": "service", "opened_at": "2026-01-31 08:00:00+00"},
}  # fmt: skip


def load(entity, rows):
    """Mapped rows as a connector's mapping leaves them: typed columns, and what could not be read in `_faults`."""
    con = duckdb.connect()
    con.execute("set TimeZone = 'UTC'")
    types = {c.name: TYPES[c.kind] for c in validation.mapped_columns(entity)}
    types |= {"_at": "bigint", "_row": "bigint", "_cursor": "bigint", "_faults": "varchar[]"}
    con.execute(f"create table mapped ({', '.join(f'{validation.quoted(n)} {t}' for n, t in types.items())})")
    for at, row in enumerate(rows):
        row = {**GOOD[entity], "_at": at, "_row": at + 1, "_faults": [], **row}
        names = ", ".join(validation.quoted(n) for n in row)
        con.execute(f"insert into mapped ({names}) values ({', '.join('?' * len(row))})", list(row.values()))
    con.execute(f"create view loaded as {validation.filled(entity, 'mapped')}")
    return con


def verdict(entity, rows, last_wins=False):
    con = load(entity, rows)
    validation.refuse(con, entity, "loaded", last_wins=last_wins)
    refused = {at: (rules, reasons) for at, rules, reasons in con.execute("from refused").fetchall()}
    return refused, {at for (at,) in con.execute("from folded").fetchall()}


SINGLE = [
    ("invoices", {"amount": None}, ["amount: missing"], "amount is missing; every row needs one"),
    ("invoices", {"amount": None, "_faults": ["amount: '1,2x' is not a decimal"]}, ["amount: unreadable"], "amount: '1,2x' is not a decimal"),
    ("invoices", {"kind": "gift"}, ["kind: not allowed"], "kind is gift; allowed are sale, recurring, one_off, credit_note"),
    ("invoices", {"issued_on": "1899-12-30"}, ["issued_on: out of range"], "issued_on 1899-12-30: must be at least 1970-01-01"),
    ("invoices", {"issued_on": "2200-01-01"}, ["issued_on: out of range"], "issued_on 2200-01-01: must be before 2200-01-01"),
    ("invoices", {"currency": "cny"}, ["currency: malformed"], "currency is 'cny'; expected ISO 4217 code, upper case"),
    ("invoices", {"currency": "CNYX"}, ["currency: malformed"], "currency is 'CNYX'; expected ISO 4217 code, upper case"),
    ("invoices", {"currency": "QQQ"}, ["currency: unknown"], "currency 'QQQ' is not a code of ISO 4217"),
    ("invoices", {"period_start": "2026-02-01", "period_end": "2026-01-01"}, ["period_end: before period_start"],
     "period_end 2026-01-01 is before period_start 2026-02-01"),
    ("customers", {"name": "  "}, ["name: empty"], "name is empty text"),
    ("customers", {"kind": None}, ["kind: missing"], "kind is missing; every row needs one"),
    ("usage", {"count": "-1"}, ["count: out of range"], "count -1.0: must be at least 0"),
    ("rates", {"rate": "0"}, ["rate: out of range"], "rate 0.0: must be more than 0"),
    ("questions", {"scale_min": "10", "scale_max": "0"}, ["scale_max: before scale_min"], "scale_max 0.0 is before scale_min 10.0"),
    ("tickets", {"solved_at": "2026-01-30 08:00:00+00"}, ["solved_at: before opened_at"],
     "solved_at 2026-01-30 08:00:00+00 is before opened_at 2026-01-31 08:00:00+00"),
]  # fmt: skip


@pytest.mark.parametrize("entity, change, rules, reason", SINGLE, ids=[f"{e}-{r[0]}-{i}" for i, (e, _, r, _) in enumerate(SINGLE)])
def test_one_fault_one_reason(entity, change, rules, reason):
    assert verdict(entity, [change]) == ({0: (rules, [reason])}, set())


def test_every_reason_of_a_row_is_given():
    refused, _ = verdict("invoices", [{"amount": None, "kind": "gift", "currency": "QQQ", "issued_on": "1900-01-01"}])
    assert refused[0][0] == ["issued_on: out of range", "amount: missing", "currency: unknown", "kind: not allowed"]


@pytest.mark.parametrize("entity", GOOD)
def test_good_rows_pass_and_defaults_are_filled_in(entity):
    assert verdict(entity, [{}]) == ({}, set())


def test_defaults_replace_nulls():
    con = load("invoices", [{"kind": None, "is_deleted": None}])
    assert con.execute("select kind, is_deleted from loaded").fetchall() == [("sale", False)]


ONE, OTHER = {"amount": "1"}, {"amount": "2"}
CLASHES = [
    ("the same twice is folded", False, [ONE, ONE], [], {1}),
    ("another content is refused", False, [ONE, OTHER, ONE], [1], {2}),
    ("the first good one counts", False, [{"currency": "QQQ"}, ONE, OTHER], [0, 2], set()),
    ("with a cursor the newest counts", True, [{**ONE, "_cursor": 9}, {**OTHER, "_cursor": 3}], [], {1}),
    ("with equal cursors the last row counts", True, [{**ONE, "_cursor": 9}, {**OTHER, "_cursor": 9}], [], {0}),
    ("even if the newest is refused", True, [{**ONE, "_cursor": 1}, {"currency": "QQQ", "_cursor": 2}], [1], {0}),
    ("an outdated refusal is forgotten", True, [{"currency": "QQQ", "_cursor": 1}, {**ONE, "_cursor": 2}], [], {0}),
]


@pytest.mark.parametrize("last_wins, rows, refused, folded", [c[1:] for c in CLASHES], ids=[c[0] for c in CLASHES])
def test_rows_with_the_same_key(last_wins, rows, refused, folded):
    found = verdict("invoices", rows, last_wins)
    assert (sorted(found[0]), found[1]) == (refused, folded)


def test_a_clash_names_the_key_and_the_row_that_has_it():
    refused, _ = verdict("invoices", [ONE, OTHER])
    assert refused[1] == (["key: duplicate"], ["duplicate key: row 1 of the same read already has invoice_line_id erp:1 and says something else"])


def test_a_key_may_hold_nulls_where_the_contract_allows_it():
    assert verdict("invitations", [{}, {"contact_id": "crm:9"}, {}]) == ({}, {2})


def test_rows_without_their_key_do_not_clash_with_each_other():
    refused, folded = verdict("invoices", [{"invoice_line_id": None}, {"invoice_line_id": None, **OTHER}], last_wins=True)
    assert ({at: rules for at, (rules, _) in refused.items()}, folded) == ({0: ["invoice_line_id: missing"], 1: ["invoice_line_id: missing"]}, set())


def test_every_rule_of_the_contract_is_a_query_the_engine_understands():
    for entity in contract.ENTITIES:
        con = duckdb.connect()
        types = {c.name: TYPES[c.kind] for c in validation.mapped_columns(entity)}
        types |= {"_at": "bigint", "_row": "bigint", "_cursor": "bigint", "_faults": "varchar[]"}
        con.execute(f"create table loaded ({', '.join(f'{validation.quoted(n)} {t}' for n, t in types.items())})")
        validation.refuse(con, entity, "loaded", last_wins=True)
        required = sum(c.required and c.default is None for c in validation.mapped_columns(entity))
        assert sum(rule.name.endswith(": missing") for rule in validation.rules(entity)) == required > 0
