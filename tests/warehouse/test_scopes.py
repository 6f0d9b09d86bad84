"""The answer of a reader with a scope is the answer in a company that has that reader's customers and no others.

Random organisations and scopes; every table, and every metric of the catalogue as one number, divided, filtered, as a series and as the
list behind it. What cannot be the same was decided on the whole company, stands in a table below, and is shown to be that only.
"""

import dataclasses
import math
import random
from functools import cache
from pathlib import Path

import narwhals as nw
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from access.scope import FULL, NOTHING, Scope
from metrics import CATALOGUE
from metrics.metric import ask
from metrics.query import Query, collect
from tests.company import SETTINGS
from tests.made import made
from tests.metrics.test_contract import REFUSES_BY, REFUSES_GRAIN, YEAR
from tests.metrics.test_spark import alike
from tests.organisations import NOBODY, accounts, only, organisation, reached
from warehouse import contract
from warehouse.engine import Stored, Tables
from warehouse.marts import MARTS
from warehouse.visible import SHARED

SEED = 11  # of the organisation: one, for its marts take as long as everything that is asked of them
RULES = (("region", ("North", "South", "East")), ("department", ("Sales", "Service")), ("segment", ("A", "B")))
DECIDED_BY_ALL = {  # columns of customer_quarters that follow from the rank of amount and interactions among all customers
    "amount_score", "interactions_score", "score", "coverage", "earned", "earned_rank", "held", "held_rank", "held_rank_before", "graded_then",
    *(f"{part}_before" for part in ("score", "amount_score", "interactions_score")),
}  # fmt: skip
LEARNED = ("churn_history", "churn_tested", "churn_model", "churn_scores", "record_checks")  # from everybody's past, or records
MORE_ALONE = {  # table → rows that a company of one reader must have and the reader does not see
    "payments": ("payment_id", NOBODY["payment_id"]),
    "events": ("row_id", NOBODY["payment_id"]),
}


@dataclasses.dataclass(frozen=True)
class Drawn:
    """One organisation, one reader. scoped: the whole company as the reader sees it; alone: a company of the reader's customers."""

    scoped: Tables
    alone: Tables
    ids: frozenset


def seen_by(tables: Tables, scope: Scope) -> Tables:
    return Tables(tables._engine, tables._stored, zone=tables._zone, scope=scope, key=tables._key)


@cache
def whole() -> Tables:
    return made(organisation(SEED), SETTINGS)


@cache
def drawn() -> Drawn:
    rows, full = organisation(SEED), whole()
    ids = reached(rows, RULES)
    scoped, alone = seen_by(full, Scope(RULES)), made(only(rows, ids), SETTINGS)
    for entity in contract.ENTITIES:  # a source has its columns, also where none of the reader's rows fills them
        alone._stored[entity] = dataclasses.replace(alone._stored[entity], extras=full._stored[entity].extras)
    alone._stored["coverage"] = full._stored["coverage"]  # how far loading has come is no fact about customers
    for mart in ("customer_quarters", *LEARNED):
        alone._stored[mart] = _taken_over(scoped, mart, full._stored[mart])
    return Drawn(scoped, alone, frozenset(ids))


def _taken_over(scoped: Tables, name: str, stored: Stored) -> Stored:
    """A mart that was computed over everybody, cut to the reader's rows."""
    rows = scoped[name].select(*stored.schema.names).collect("pyarrow").to_native().cast(stored.schema)
    path = Path(stored.uris[0]).parent / f"{name}-{id(scoped)}.parquet"
    pq.write_table(rows, path)
    return Stored(name, stored.schema, (str(path),) if rows.num_rows else ())


# tables


def test_every_table_has_the_rows_of_the_readers_customers_and_no_others():
    company = drawn()
    for table in set(company.alone) - {"identities", "customer_quarters"}:
        scoped, alone = company.scoped[table], company.alone[table]
        columns = [c for c in sorted(alone.collect_schema().names()) if (table, c) != ("coverage", "n")]
        if table in MORE_ALONE:
            column, value = MORE_ALONE[table]
            alone = alone.filter(nw.col(column) != value)
        if table == "customers":  # alone, the records that were merged into the reader's customers are there as well
            alone = alone.filter(nw.col("customer_id").is_in(sorted(company.ids)))
        alike(collect(scoped.select(columns)), collect(alone.select(columns)))


def test_the_organisation_has_what_makes_scopes_hard():
    """Else the tests here would say less than they seem to."""
    scoped, full = drawn().scoped, whole()
    for table in ("invoices", "deals", "scores", "owners", "interactions"):
        assert 0 < len(collect(scoped[table])) < len(collect(full[table])), table
    assert len(collect(full["identities"])) > 8 and collect(scoped["identities"]).empty
    assert collect(full["deals"])["customer_id"].isna().any() and collect(full["accounts"])["owner_id"].isna().any()
    assert set(collect(full["invoices"])["customer_id"]) > {"crm:gone", "crm:nowhere"}


def test_grades_differ_by_what_was_ranked_among_all_and_by_nothing_else():
    """Recomputed among the reader's customers alone, everything but the ranks and what follows from them is the same."""
    company = drawn()
    alone = made(only(organisation(SEED), set(company.ids)), SETTINGS)
    alone._stored |= {mart: company.alone._stored[mart] for mart in MARTS if mart != "customer_quarters"}
    columns = [c for c in sorted(alone["customer_quarters"].collect_schema().names()) if c not in DECIDED_BY_ALL]
    assert {"amount", "satisfaction", "growth", "pipeline", "growth_score"} <= set(columns)
    alike(collect(company.scoped["customer_quarters"].select(columns)), collect(alone["customer_quarters"].select(columns)))


# metrics

OF_SOMEBODY = {  # metric → a filter that leaves out the row that is nobody's (MORE_ALONE), which it would count
    "data_health": (("entity", ("customers", "contacts", "deals", "interactions", "tickets", "subscriptions", "invoices")),),
}


def asked_of(name: str) -> list[dict]:
    """One number, and for a third of the metrics one of the other ways to ask: where all tables are alike, these differ in nothing but time."""
    rng = random.Random(f"{name} {SEED}")
    ways = [
        *({"by": (column,)} for column in ("region", "owner", "segment") if name not in REFUSES_BY),
        *({"grain": grain} for grain in ("month", "quarter") if name not in REFUSES_GRAIN),
        {"where": (("grade", ("core", "key", "")),)}, {"where": (("tags", ("vip",)), ("region", ("North", "East", "")))},
        {"where": (("owner", ("Owner 1", "Owner 5")),)},
    ]  # fmt: skip
    return [{}, rng.choice(ways)] if rng.random() < 1 / 3 else [{}]


@pytest.mark.parametrize("metric", sorted(CATALOGUE))
def test_a_metric_is_that_of_the_readers_customers_alone(metric):
    company = drawn()
    for question in asked_of(metric):
        query = Query(YEAR, settings=SETTINGS, **{**question, "where": (*question.get("where", ()), *OF_SOMEBODY.get(metric, ()))})
        scoped, alone = (ask(CATALOGUE[metric], tables, query) for tables in (company.scoped, company.alone))
        pd.testing.assert_frame_equal(scoped.rows, alone.rows, check_dtype=False, rtol=1e-9, atol=1e-9, obj=f"{metric} {question}")
        assert same(scoped.notes, alone.notes), question
        assert [(c.name, c.ok) for c in scoped.checks] == [(c.name, True) for c in alone.checks]
    if CATALOGUE[metric].behind:
        query = Query(YEAR, where=OF_SOMEBODY.get(metric, ()), options=dict(CATALOGUE[metric].options), settings=SETTINGS)
        scoped, alone = (CATALOGUE[metric].behind(tables, query) for tables in (company.scoped, company.alone))
        columns = sorted(scoped.collect_schema().names())
        alike(collect(scoped.select(columns)), collect(alone.select(columns)))


def same(one, other) -> bool:
    """Notes are alike: floats to nine digits, everything else exactly."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-9) or (one != one and other != other)
    return one == other


# small organisations of any shape


IDS = ("c0", "c1", "c2", "c3", "c4")
records = st.tuples(
    *(st.fixed_dictionaries({
        "customer_id": st.just(c), "region": st.sampled_from(("N", "S", None)), "owner_id": st.sampled_from(("o1", "o2", None)),
        "merged_into": st.sampled_from((None, None, None, *IDS, "elsewhere")), "is_deleted": st.sampled_from((False, False, False, True)),
        "parent_id": st.sampled_from((None, *IDS)),
    }) for c in IDS)
)  # fmt: skip
rules = st.dictionaries(
    st.sampled_from(("region", "owner_id", "department")), st.lists(st.sampled_from(("N", "S", "o1", "o2", "Sales")), max_size=3), max_size=2
)
HELD = {"customer": "", "lead": "l-", "deal": "d-"}
SMALL = {
    "owners": [{"owner_id": "o1", "name": "Ann", "department": "Sales"}, {"owner_id": "o2", "name": "Bo", "manager_id": "o1"}],
    "invoices": [{"invoice_line_id": f"i-{c}", "customer_id": c} for c in (*IDS, "elsewhere")],
    "leads": [{"lead_id": f"l-{c}", "customer_id": c, "owner_id": "o2"} for c in (*IDS, None)],
    "deals": [{"deal_id": f"d-{c}", "customer_id": c, "lead_id": f"l-{c}"} for c in (*IDS, None)],
    "deal_stages": [{"deal_id": f"d-{c}", "stage": "Lead"} for c in (*IDS, None, "unknown")],
    "owner_assignments": [{"object": kind, "object_id": before + c, "owner_id": "o1"} for kind, before in HELD.items() for c in IDS],
    "surveys": [{"survey_id": "s"}, {"survey_id": "secret", "is_anonymous": True}],
    "answers": [{"answer_id": f"{s}-{c}", "survey_id": s, "customer_id": c} for s in ("s", "secret") for c in (*IDS, None)],
    "invitations": [{"survey_id": s, "customer_id": c} for s in ("s", "secret") for c in IDS],
    **{name: [] for name in ("contacts", "payments", "subscriptions", "interactions", "tickets", "usage", "products", "questions", "rates", "campaigns")},
}  # fmt: skip


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(records=records, rules=rules)
def test_whichever_records_are_merged_deleted_or_unowned(records, rules):
    rows = {**SMALL, "customers": [{k: v for k, v in record.items() if v is not None} for record in records]}
    rules = tuple((column, tuple(values)) for column, values in rules.items())
    mine, to = only(rows, reached(rows, rules)), accounts(rows)
    tables = made(rows, scope=Scope(rules))
    for name in ("invoices", "leads", "deals", "deal_stages", "owner_assignments", "answers", "invitations", "owners"):
        keys = [key for key in contract.KEYS[name] if key not in ("from_at", "entered_at", "contact_id")]
        found = sorted(map(tuple, collect(tables[name].select(keys)).itertuples(index=False)))
        theirs = [{**row, "customer_id": to.get(row.get("customer_id"))} for row in mine[name]]  # a merged record's rows are its account's
        assert found == sorted(tuple(row[key] for key in keys) for row in theirs), name
    seen = collect(tables["accounts"].select("customer_id", "parent_id"))
    assert set(seen["customer_id"]) == reached(rows, rules) and not seen["parent_id"].notna().any()


# one by one


ROWS = {
    "owners": [{"owner_id": f"o:{k}", "name": n, "email": f"{n}@example.com"} for k, n in enumerate(("ann", "bo", "cy", "di"))],
    "customers": [
        {"customer_id": "c:1", "region": "North", "owner_id": "o:0", "parent_id": "c:2"}, {"customer_id": "c:2", "region": "South", "owner_id": "o:1"},
    ],
    "leads": [{"lead_id": "l:1", "customer_id": "c:1", "owner_id": "o:2"}, {"lead_id": "l:0", "customer_id": None, "source_channel": "fair"}],
    "deals": [{"deal_id": "d:1", "customer_id": "c:1", "lead_id": "l:0"}, {"deal_id": "d:0", "customer_id": None}],
    "deal_stages": [{"deal_id": "d:1", "stage": "Lead"}, {"deal_id": "d:0", "stage": "Lead"}],
    "campaigns": [{"campaign_id": "k", "name": "Fair", "starts_on": "2025-09-01", "cost": 500, "target_revenue": "90000"}],
    "invoices": [
        {"invoice_line_id": c, "invoice_id": c, "customer_id": c, "amount": a, "issued_on": "2025-09-02", "campaign_id": "k"}
        for c, a in (("c:1", 100), ("c:2", 900))
    ],
    "surveys": [{"survey_id": "s", "responses_total": "812"}],
}  # fmt: skip
NORTH = Scope((("region", ("North",)),))


@pytest.fixture(scope="module")
def north():
    return seen_by(made(ROWS), NORTH)


def values(tables, name, column):
    return sorted(collect(tables[name].select(column))[column].dropna().tolist())


def test_a_deal_without_a_customer_is_nobodys(north):
    assert values(north, "deals", "deal_id") == values(north, "deal_stages", "deal_id") == values(north, "deal_facts", "deal_id") == ["d:1"]


def test_a_deal_keeps_what_its_lead_says_of_it_though_the_lead_itself_is_nobodys(north):
    """Where a deal came from is a fact about the deal."""
    assert values(north, "leads", "lead_id") == ["l:1"]
    assert values(north, "deal_facts", "source_channel") == ["fair"]


def test_colleagues_are_known_by_what_they_serve(north):
    """Ann owns the customer and Cy a lead of it; Bo's customers are in the South, and Di serves nobody."""
    assert values(north, "owners", "name") == ["ann", "cy"]


def test_another_readers_parent_company_is_not_named(north):
    assert values(north, "accounts", "parent_id") == values(north, "customers", "parent_id") == []


def test_totals_over_all_customers_are_not_told(north):
    """The days are the same for everybody; how many rows there are, what a campaign cost and what a source noted beside it are not."""
    full = seen_by(north, FULL)
    assert values(full, "coverage", "n") and values(north, "coverage", "n") == []
    assert values(north, "coverage", "last_on") == values(full, "coverage", "last_on")
    assert (values(full, "campaigns", "cost"), values(north, "campaigns", "cost")) == ([500], [])
    for table, column in (("campaigns", "target_revenue"), ("campaigns", "extra"), ("surveys", "responses_total"), ("surveys", "extra")):
        assert values(full, table, column) and values(north, table, column) == []


def test_ones_own_revenue_is_not_set_against_everybodys_cost(north):
    """(100 − 500) ÷ 500 would say that a promotion failed which earned twice its cost."""
    row = ask(CATALOGUE["promotion_roi"], north, Query(YEAR)).rows.iloc[0]
    assert (row["revenue"], row["state"]) == (100, "no_data") and pd.isna(row["cost"]) and pd.isna(row["net"])
    assert ask(CATALOGUE["promotion_roi"], seen_by(north, FULL), Query(YEAR)).rows["value"].tolist() == [1.0]  # (1000 − 500) ÷ 500


def test_ranks_among_all_are_told_coarsely():
    """Six customers: an exact share of 1/12 would tell that there are six."""
    customers = [{"customer_id": f"c:{k}", "region": "North" if k else "South"} for k in range(6)]
    invoices = [{"customer_id": f"c:{k}", "amount": 100 + k, "issued_on": f"2024-{m:02}-01", "invoice_id": f"{k}{m}"} for k in range(6) for m in range(1, 13)]
    tables = made({"customers": customers, "invoices": [*invoices, {"customer_id": "c:0", "amount": 1, "issued_on": "2025-01-01"}]})
    exact, told = (values(seen_by(tables, scope), "customer_quarters", "amount_score") for scope in (FULL, Scope((("region", ("South",)),))))
    assert exact[0] == pytest.approx(1 / 12) and told == [0.08]


def test_invitations_to_an_anonymous_survey_are_nobodys():
    """Who answered is not known, and an invitation that can never be answered would make a rate of 0."""
    rows = {
        "customers": [{"customer_id": "c", "region": "North"}], "surveys": [{"survey_id": "named"}, {"survey_id": "secret", "is_anonymous": True}],
        "invitations": [{"survey_id": s, "customer_id": "c", "sent_at": "2025-09-01"} for s in ("named", "secret")],
        "answers": [{"survey_id": s, "customer_id": "c", "response_id": s, "answered_at": "2025-09-03"} for s in ("named", "secret")],
    }  # fmt: skip
    for name in ("asked", "invitations", "answers", "scores"):
        assert values(made(rows, scope=NORTH), name, "survey_id") == ["named"]


def test_a_rule_on_a_column_that_is_gone_lets_nobody_in(north):
    """A source that drops a column must not open everybody's rows, and must not break every page."""
    scope = Scope((("region", ("North",)), ("territory", ("1",))))
    assert values(seen_by(north, scope), "accounts", "customer_id") == values(seen_by(north, scope), "invoices", "amount") == []


def test_a_table_with_neither_customer_nor_deal_is_for_the_full_scope(north, tmp_path):
    """`sums` is a mart nobody has declared shared."""
    sums = pa.table({"invoices": [2], "total": [1000.0]})
    pq.write_table(sums, tmp_path / "sums.parquet")
    stored = {name: north._stored[name] for name in ("customers", "owners", "identities", "accounts")}
    stored["sums"] = Stored("sums", sums.schema, (str(tmp_path / "sums.parquet"),))
    tables = Tables(north._engine, stored, zone="UTC", scope=FULL, key="with-sums")
    assert len(collect(tables["sums"])) == 1 and collect(seen_by(tables, NORTH)["sums"]).empty


def test_who_has_no_rule_sees_what_is_shared_and_no_person(north):
    tables = seen_by(north, NOTHING)
    assert {name for name in tables if len(collect(tables[name]))} == {"campaigns", "surveys", "coverage"}
    assert {"campaigns", "surveys", "coverage"} <= SHARED
