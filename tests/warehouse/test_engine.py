"""What a reader's frames hold: living rows, resolved ids, integer days, and nothing outside the reader's scope."""

import datetime as dt
import threading

import duckdb
import narwhals as nw
import pyarrow as pa
import pytest

import warehouse
from access.scope import FULL, NOTHING, Scope
from metrics.query import collect
from tests.made import made
from warehouse.contract import ENTITIES
from warehouse.engine import KEPT, DuckEngine, Stored, Tables, _keep_recent
from warehouse.errors import StoreError
from warehouse.views import DUCKDB, promotable, view_sql
from warehouse.visible import SHARED

NORTH = Scope((("region", ("North",)),))
COMPANY = {
    "owners": [{"owner_id": "o:1", "name": "Ann", "department": "Sales"}],
    "customers": [
        {"customer_id": "c:1", "region": "North", "owner_id": "o:1"},
        {"customer_id": "c:2", "region": "South"},
        {"customer_id": "c:1-old", "region": "South", "merged_into": "c:1"},
        {"customer_id": "c:gone", "region": "North", "is_deleted": True},
    ],
    "leads": [{"lead_id": "l:1", "customer_id": "c:1"}, {"lead_id": "l:2", "customer_id": "c:2"}, {"lead_id": "l:3", "customer_id": None}],
    "deals": [{"deal_id": "l:1", "customer_id": "c:2"}, {"deal_id": "d:2", "customer_id": "c:1-old"}],
    "deal_stages": [{"deal_id": deal, "stage": stage} for deal in ("l:1", "d:2") for stage in ("lead", "quote")],
    "invoices": [
        *({"customer_id": c, "amount": a} for c, a in (("c:1", 1), ("c:1-old", 2), ("c:2", 4), ("c:gone", 8))),
        {"customer_id": "c:1", "amount": 16, "is_deleted": True},
    ],
    "answers": [{"customer_id": "c:1"}, {"customer_id": "c:2"}, {"customer_id": None}],
    "owner_assignments": [
        {"object": "customer", "object_id": "c:1", "owner_id": "o:1"},
        {"object": "customer", "object_id": "c:2", "owner_id": "o:1"},
        {"object": "lead", "object_id": "l:1", "owner_id": "o:1"},
        {"object": "deal", "object_id": "l:1", "owner_id": "o:1"},  # a deal that bears the id of a lead
    ],
    "campaigns": [{"campaign_id": "k:1"}],
}  # fmt: skip


@pytest.fixture(scope="module")
def company():
    """Opens the same published rows for any reader."""
    full = made(COMPANY)
    return lambda scope=FULL: Tables(full._engine, full._stored, zone="UTC", scope=scope, key=full._key)


def values(tables, name, column):
    return sorted(collect(tables[name].select(column))[column].dropna().tolist())


# views


def test_deleted_rows_are_gone(company):
    tables = company()
    assert values(tables, "invoices", "amount") == [1, 2, 4, 8]
    assert values(tables, "customers", "customer_id") == ["c:1", "c:1-old", "c:2"]


def test_ids_of_merged_customers_are_resolved_everywhere_but_in_customers(company):
    tables = company()
    assert values(tables, "invoices", "customer_id") == ["c:1", "c:1", "c:2", "c:gone"]
    assert values(tables, "deals", "customer_id") == ["c:1", "c:2"]
    assert values(tables, "accounts", "customer_id") == ["c:1", "c:2"]


@pytest.mark.parametrize(
    ("merged_into", "account"),
    [
        ({"a": "b", "b": "c"}, {"a": "c", "b": "c", "c": "c"}),
        ({"a": "b", "b": "c", "c": "d", "d": "e"}, dict.fromkeys("abcde", "e")),
        ({"a": "a"}, {"a": "a"}),  # merged into itself is not merged
    ],
)
def test_chains_of_merges_end_at_the_last_account(merged_into, account):
    customers = [{"customer_id": c, "merged_into": merged_into.get(c)} for c in account]
    tables = made({"customers": customers, "tickets": [{"customer_id": c, "priority": c} for c in account]})
    rows = collect(tables["tickets"].select("priority", "customer_id"))
    assert dict(rows.to_numpy().tolist()) == account


def test_two_records_merged_into_each_other_lose_no_rows():
    """A slip in the source: neither is the account. Their facts stay, under one of the two ids, and nothing loops."""
    customers = [{"customer_id": "a", "merged_into": "b"}, {"customer_id": "b", "merged_into": "a"}]
    tables = made({"customers": customers, "invoices": [{"customer_id": "a", "amount": 1}, {"customer_id": "b", "amount": 2}]})
    assert values(tables, "invoices", "amount") == [1, 2]


def test_keys_of_extra_are_columns():
    tables = made({"customers": [{"customer_id": "c:1", "赛道": "医疗", "ring.size": 3, "seats": None}, {"customer_id": "c:2", "seats": 12}]})
    assert values(tables, "customers", "赛道") == ["医疗"]
    assert values(tables, "customers", "ring_size") == ["3"]  # a source's extras are text
    assert values(tables, "accounts", "seats") == ["12"]


@pytest.mark.parametrize(
    ("extras", "columns"),
    [
        (("shade", "Amount", "amount"), ["shade"]),  # the contract's own column wins, in whichever case the source writes it
        (("Shade", "shade"), ["Shade"]),
        (("ring.size", "ring_size"), ["ring_size"]),
        (("issued_on_d", "ISSUED_ON_M"), []),  # what a view adds by itself
        (('a"b', "c`d", "e'f", "g\\h"), []),  # no column can bear these names; the values stay in `extra`
    ],
)
def test_extras_never_collide_with_columns(extras, columns):
    assert list(promotable(extras, {"amount", "issued_on", "issued_on_d", "issued_on_m"})) == columns
    schema = pa.schema([("amount", pa.decimal128(18, 4)), ("issued_on", pa.date32()), ("extra", pa.string()), ("is_deleted", pa.bool_())])
    sql = view_sql(DUCKDB, schema, "(SELECT 1.0 amount, DATE '2026-01-01' issued_on, '{}' extra, false is_deleted)", zone="UTC", extras=extras, identities=None)
    there = duckdb.sql(sql).columns
    assert len({c.lower() for c in there}) == len(there) and set(columns) <= set(there)


@pytest.mark.parametrize(
    ("zone", "instant", "day", "month"),
    [
        ("UTC", "2026-03-31T23:59:59", "2026-03-31", 2026 * 12 + 2),
        ("Asia/Shanghai", "2026-03-31T15:59:59", "2026-03-31", 2026 * 12 + 2),
        ("Asia/Shanghai", "2026-03-31T16:00:00", "2026-04-01", 2026 * 12 + 3),  # midnight in Shanghai
        ("America/New_York", "2026-11-01T04:30:00", "2026-11-01", 2026 * 12 + 10),  # summer time: UTC − 4
        ("America/New_York", "2026-11-02T04:30:00", "2026-11-01", 2026 * 12 + 10),  # winter time: UTC − 5
    ],
)
def test_an_instants_day_is_the_day_in_the_business_zone(zone, instant, day, month):
    tables = made({"tickets": [{"opened_at": instant}]}, {"calendar": {"timezone": zone}})
    row = collect(tables["tickets"]).iloc[0]
    at, on = dt.datetime.fromisoformat(instant).replace(tzinfo=dt.UTC), dt.date.fromisoformat(day)
    assert (row["opened_on"], row["opened_at_s"]) == (on, at.timestamp())
    assert (row["opened_on_d"], row["opened_on_m"]) == ((on - dt.date(1970, 1, 1)).days, month)


def test_a_missing_instant_has_no_day():
    row = collect(made({"tickets": [{"solved_at": None}]})["tickets"]).iloc[0]
    assert row[["solved_at", "solved_on", "solved_at_s", "solved_on_d", "solved_on_m"]].isna().all()


def test_every_table_can_be_read_when_it_is_empty():
    tables = made({})
    for name in tables:
        rows = collect(tables[name])
        assert len(rows) == 0 or (name == "churn_model" and set(rows["feature"]) == {"card"}), name  # why there is no model


def test_an_unknown_table_is_refused_with_those_there_are():
    with pytest.raises(KeyError, match=r"no table 'orders' in this snapshot; it has .*invoices"):
        made({}, marts=False)["orders"]


# scope


@pytest.mark.parametrize(
    ("table", "column", "seen"),
    [
        ("customers", "customer_id", ["c:1"]),
        ("accounts", "customer_id", ["c:1"]),
        ("invoices", "amount", [1, 2]),  # with the record that was merged into c:1
        ("leads", "lead_id", ["l:1"]),
        ("deals", "deal_id", ["d:2"]),
        ("deal_stages", "deal_id", ["d:2", "d:2"]),  # a table of the deal's, not of the customer's
        ("answers", "customer_id", ["c:1"]),  # an anonymous answer belongs to no customer
        ("owner_assignments", "object_id", ["c:1", "l:1"]),  # the lead l:1, not the deal of that name
        ("owners", "name", ["Ann"]),
        ("campaigns", "campaign_id", ["k:1"]),
    ],
)
def test_rows_outside_the_scope_do_not_exist(company, table, column, seen):
    assert values(company(NORTH), table, column) == seen
    assert len(values(company(), table, column)) >= len(seen)


@pytest.mark.parametrize("scope", [NOTHING, Scope((("region", ()),)), Scope((("region", ("North",)), ("owner_id", ("o:2",))))])
def test_without_an_accepted_customer_there_is_nothing(company, scope):
    tables = company(scope)
    left = {name for name in tables if len(collect(tables[name]))}
    assert left <= SHARED


def test_every_table_is_shared_or_cut(company):
    """A new table that names no customer and no deal is hidden from a restricted reader until it is declared shared."""
    tables = company(NORTH)
    full = company()
    open_ = {name for name in ENTITIES if name not in SHARED and len(collect(full[name])) and len(collect(full[name])) == len(collect(tables[name]))}
    assert not open_


def test_all_rules_of_a_scope_hold_together(company):
    scope = Scope((("region", ("North", "South")), ("owner", ("Ann",))))
    assert values(company(scope), "accounts", "customer_id") == ["c:1"]


def test_scopes_differ_in_their_digest():
    scopes = [FULL, NOTHING, NORTH, Scope((("region", ("South",)),)), Scope((("region", ("North", "South")),))]
    assert len({scope.digest for scope in scopes}) == len(scopes)
    assert Scope((("a", ("1",)), ("b", ("2",)))).digest == Scope((("b", ("2",)), ("a", ("1",)))).digest


# sessions


def test_readers_of_different_scopes_at_once_see_their_own_rows(company):
    """Streamlit's sessions are threads of one process: many at a time, over the same views."""
    scopes = {"full": (FULL, 15), "north": (NORTH, 3), "south": (Scope((("region", ("South",)),)), 4), "none": (NOTHING, 0)}
    seen, faults = {name: set() for name in scopes}, []

    def read(name):
        try:
            tables = company(scopes[name][0])
            for _ in range(5):
                seen[name].add(float(collect(tables["invoices"].select(nw.col("amount").sum()))["amount"].fillna(0).iloc[0]))
        except Exception as fault:  # a thread's exception would be lost
            faults.append(fault)

    threads = [threading.Thread(target=read, args=(name,)) for name in [*scopes, *scopes]]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert not faults
    assert seen == {name: {total} for name, (_, total) in scopes.items()}


def test_two_snapshots_open_at_once_are_not_mixed():
    before, after = made({"invoices": [{"amount": 1}]}), made({"invoices": [{"amount": 1}, {"amount": 2}]})
    assert (values(before, "invoices", "amount"), values(after, "invoices", "amount"), values(before, "invoices", "amount")) == ([1], [1, 2], [1])


# small tables are held in memory


def test_tables_given_up_for_newer_snapshots_are_read_again_by_who_still_has_them_open(company):
    full, worker = company(), DuckEngine()
    opened, before = [], []
    for number in range(KEPT + 2):
        _keep_recent(worker, "place:", f"place:{number}")
        opened += [Tables(worker, full._stored, zone="UTC", scope=scope, key=f"place:{number}") for scope in (FULL, NORTH)]
        before += [values(tables, "invoices", "amount") for tables in opened[-2:]]
    assert [worker.knows(f"place:{number}:invoices") for number in range(KEPT + 2)] == [False] * 2 + [True] * KEPT
    assert [values(tables, "invoices", "amount") for tables in opened] == before


def test_a_table_too_large_for_memory_is_read_from_its_files(company, monkeypatch):
    full, worker = company(), DuckEngine()
    monkeypatch.setattr("warehouse.duck.SMALL", 0)
    tables = Tables(worker, full._stored, zone="UTC", scope=FULL, key="large")
    assert values(tables, "invoices", "amount") == values(full, "invoices", "amount")
    kinds = dict(worker.session().cursor.sql("SELECT view_name, 'VIEW' FROM duckdb_views() WHERE NOT internal").fetchall())
    assert kinds.get("large:invoices") == "VIEW"


def kept_amounts(tables, name="sums", computed=None):
    """The amounts of a frame that is held, and of the query that it came from. computed: grows each time the rows are computed."""

    def make():
        if computed is not None:
            computed.append(name)
        return tables["invoices"].select("amount")

    held, origin = tables.kept(name, make)
    again = tables._session.cursor.execute(warehouse.sql(origin)).fetchall()
    return [sorted(float(amount) for amount in collect(held)["amount"]), sorted(float(amount) for (amount,) in again)]


def test_a_deep_frame_is_computed_once_for_all_readers_of_a_scope(company):
    """Whichever thread asks; a reader of other customers gets other rows."""
    full, worker, computed = company(), DuckEngine(), []
    readers = [(scope, Tables(worker, full._stored, zone="UTC", scope=scope, key="shared")) for scope in (FULL, NORTH, FULL, NORTH)]
    for scope, tables in readers:
        expected = sorted(map(float, values(full if scope is FULL else tables, "invoices", "amount")))
        assert kept_amounts(tables, computed=computed) == [expected, expected]
    assert len(computed) == 2 and kept_amounts(readers[0][1]) != kept_amounts(readers[1][1])


def test_what_nobody_asked_for_lately_gives_way_and_is_computed_again(company, monkeypatch):
    full, worker, computed = company(), DuckEngine(), []
    tables = Tables(worker, full._stored, zone="UTC", scope=FULL, key="shared")
    first = kept_amounts(tables, "one", computed)
    monkeypatch.setattr("warehouse.duck.MOST_SHARED", 1)
    kept_amounts(tables, "two", computed)
    assert kept_amounts(tables, "one", computed) == first and computed == ["one", "two"]  # both were asked for just now: neither gives way
    monkeypatch.setattr("warehouse.duck.LEFT_ALONE", -1.0)
    kept_amounts(tables, "three", computed)
    assert kept_amounts(tables, "one", computed) == first and computed == ["one", "two", "three", "one"]


def test_files_that_somebody_deleted_are_named(tmp_path):
    """The Delta log still names them: whoever opens an old snapshot is told which table; where its files were is for the log alone."""
    stored = Stored("invoices", pa.schema([("amount", pa.int64())]), (str(tmp_path / "part-1.parquet"),))
    with pytest.raises(StoreError, match="files of the table 'invoices' of this snapshot cannot be read") as lost:
        DuckEngine().register(stored, "k", lambda relation: f"FROM {relation}")
    assert "part-1.parquet" not in str(lost.value) and "part-1.parquet" in str(lost.value.__cause__)
