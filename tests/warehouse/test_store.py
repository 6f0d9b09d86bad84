"""Delta tables at a version, snapshots, and what is said when something is wrong with them."""

import datetime as dt

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from records import database, ledger
from records.models import SnapshotRow, SyncRun
from warehouse import contract, store
from warehouse.schema import arrow_schema

NOON = dt.datetime(2026, 8, 2, 12, tzinfo=dt.UTC)


def put(data, name, path, values):
    """A Parquet file in a table's folder, as the sync leaves one there."""
    table = pa.Table.from_pylist([{"source_id": v} for v in values], schema=store.stored_schema(name))
    pq.write_table(table, store.folder(data, name) / path)
    return store.File(path, (store.folder(data, name) / path).stat().st_size, len(values))


def rows(data, name, version):
    return sorted(v for uri in store.uris(data, name, version) for v in pq.read_table(uri)["source_id"].to_pylist())


def published(data, id="a", sources=None, **changes):
    engine = database.connect(data)
    database.migrate(engine)
    values = {"tables": {}, "marts": {}, "quarantine": 0, "settings": {}, "extras": {}, "digests": {}} | changes
    ledger.publish(engine, SnapshotRow(id=id, created_at=NOON, format=values.pop("format", 1), sources=sources or {}, **values), {}, NOON)
    return engine


@pytest.mark.parametrize("entity", contract.ENTITIES)
def test_an_empty_table_exists_with_the_contracts_columns(tmp_path, entity):
    assert store.ensure(tmp_path, entity, store.stored_schema(entity)) == 0
    assert store.uris(tmp_path, entity, 0) == []
    assert store.schema(tmp_path, entity, 0) == arrow_schema(entity)


def test_a_version_keeps_its_rows_when_the_table_moves_on(tmp_path):
    store.ensure(tmp_path, "owners", store.stored_schema("owners"))
    first = put(tmp_path, "owners", "one.parquet", ["1", "2"])
    one = store.commit(tmp_path, "owners", [first], [])
    two = store.commit(tmp_path, "owners", [put(tmp_path, "owners", "two.parquet", ["2", "3"])], [first])
    assert (rows(tmp_path, "owners", one), rows(tmp_path, "owners", two)) == (["1", "2"], ["2", "3"])
    assert store.digest(tmp_path, "owners", one) != store.digest(tmp_path, "owners", two)


def test_rewinding_brings_back_what_a_version_held(tmp_path):
    store.ensure(tmp_path, "owners", store.stored_schema("owners"))
    first = put(tmp_path, "owners", "one.parquet", ["1"])
    one = store.commit(tmp_path, "owners", [first], [])
    store.commit(tmp_path, "owners", [put(tmp_path, "owners", "two.parquet", ["9"])], [first])
    store.rewind(tmp_path, "owners", one)
    newest = store.delta(tmp_path, "owners").version()
    assert rows(tmp_path, "owners", newest) == ["1"]
    store.rewind(tmp_path, "owners", one)  # nothing to undo: no new version
    assert store.delta(tmp_path, "owners").version() == newest


def test_a_column_that_the_contract_gained_is_added(tmp_path):
    full = store.stored_schema("owners")
    store.ensure(tmp_path, "owners", full.remove(full.get_field_index("department")))
    version = store.ensure(tmp_path, "owners", full)
    assert "department" in store.schema(tmp_path, "owners", version).names


def test_a_mart_is_replaced_even_by_no_rows_and_other_columns(tmp_path):
    one = store.write(tmp_path, "customer_months", duckdb.sql("select '2026-01' as month, 3 as n"))
    two = store.write(tmp_path, "customer_months", duckdb.sql("select 1.5::double as n where false"))
    assert (store.schema(tmp_path, "customer_months", one).names, store.schema(tmp_path, "customer_months", two).names) == (["month", "n"], ["n"])
    assert (len(store.uris(tmp_path, "customer_months", one)), store.uris(tmp_path, "customer_months", two)) == (1, [])


def test_a_sum_of_whole_numbers_stays_whole(tmp_path):
    version = store.write(tmp_path, "customer_months", duckdb.sql("select sum(n) as n from (values (2), (3)) t(n)"))
    (uri,) = store.uris(tmp_path, "customer_months", version)
    assert store.schema(tmp_path, "customer_months", version).field("n").type == pa.int64() == pq.read_schema(uri).field("n").type
    assert pq.read_table(uri)["n"].to_pylist() == [2 + 3]


def test_a_mart_is_written_where_a_killed_sync_had_only_begun(tmp_path):
    log = store.folder(tmp_path, "customer_months") / "_delta_log"
    log.mkdir(parents=True)
    (log / "00000000000000000000.json#1").write_text("")  # how delta-rs begins a commit
    assert not store.exists(tmp_path, "customer_months")
    version = store.write(tmp_path, "customer_months", duckdb.sql("select 1 as n"))
    assert store.files(tmp_path, "customer_months", version)[0].rows == 1


DAMAGE = {
    "half a line": lambda log: log.write_text('{"metaData":{"id"'),
    "not JSON": lambda log: log.write_text("hello"),
    "bytes": lambda log: log.write_bytes(b"\x00\xff" * 40),
    "empty": lambda log: log.write_text(""),
    "gone": lambda log: log.unlink(),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_delta_log_names_the_table_and_what_to_do(tmp_path, damage):
    store.ensure(tmp_path, "invoices", store.stored_schema("invoices"))
    damage(store.folder(tmp_path, "invoices") / "_delta_log" / "00000000000000000000.json")
    with pytest.raises(store.StoreError, match=r"table 'invoices' in .*tables/invoices.*Restore that folder.*sync --full"):
        store.files(tmp_path, "invoices")


def test_a_version_that_is_not_there_is_an_error(tmp_path):
    store.ensure(tmp_path, "owners", store.stored_schema("owners"))
    with pytest.raises(store.StoreError, match="version 7 of table 'owners'"):
        store.uris(tmp_path, "owners", 7)


def test_nothing_published_says_how_to_publish(tmp_path):
    with pytest.raises(store.NoSnapshot, match="connectors sync"):
        store.latest(tmp_path)
    database.migrate(database.connect(tmp_path))
    with pytest.raises(store.NoSnapshot, match="connectors sync"):
        store.latest(tmp_path)


def test_the_newest_snapshot_and_an_older_one(tmp_path):
    published(tmp_path, "a", tables={"owners": 1})
    published(tmp_path, "b", tables={"owners": 2})
    assert (store.latest(tmp_path).id, store.latest(tmp_path).tables) == ("b", {"owners": 2})
    assert store.snapshot(tmp_path, "a").tables == {"owners": 1}
    with pytest.raises(store.NoSnapshot, match="'z'"):
        store.snapshot(tmp_path, "z")


def test_a_newer_snapshot_format_is_refused(tmp_path):
    published(tmp_path, format=store.SNAPSHOT_FORMAT + 1)
    with pytest.raises(store.StoreError, match=r"format 2.*up to 1.*upgrade"):
        store.latest(tmp_path)


def test_a_source_is_as_fresh_as_its_table_read_longest_ago(tmp_path):
    engine = published(tmp_path, sources={"crm": {"tables": {"owners": {}, "deals": {}}}})
    for table, hour, status in (("owners", 9, "ok"), ("deals", 8, "ok"), ("deals", 11, "failed")):
        at = NOON.replace(hour=hour)
        ledger.start(engine, SyncRun(run_id="r", source="crm", table=table, entity=table, mode="full", status=status, started_at=at))
    assert store.latest(tmp_path).sources["crm"]["last_sync"] == NOON.replace(hour=8).isoformat()


def test_what_is_looked_up_is_cut_into_small_groups_and_read_back_alike(tmp_path):
    con = duckdb.connect()
    rows = con.sql("select 'c' || lpad((k // 10)::varchar, 6, '0') as customer_id, k from range(40_000) t(k) order by customer_id, k")
    for name, is_looked_up in (("whole", False), ("fine", True)):
        store.write(tmp_path, name, rows, is_looked_up)
    sizes = {name: groups_of(tmp_path, name) for name in ("whole", "fine")}
    assert sizes["whole"] == [40_000] and len(sizes["fine"]) >= 3 and max(sizes["fine"]) <= 16_384
    read = [con.sql(f"select * from read_parquet('{store.folder(tmp_path, name)}/*.parquet') order by k").fetchall() for name in sizes]
    assert read[0] == read[1] and len(read[0]) == 40_000


def groups_of(data, name):
    """Rows of each row group of a table's files."""
    files = [pq.read_metadata(path) for path in store.folder(data, name).glob("*.parquet")]
    return [file.row_group(k).num_rows for file in files for k in range(file.num_row_groups)]
