"""Rows that were refused: where from, what they said, and every reason. Part of each snapshot, like the tables.

A refused row leaves when the source's row becomes good, changes its key or goes. `last_seen` is the sync that last wrote
the row here: one that finds the same refusals again writes nothing.
"""

from __future__ import annotations

import uuid
from pathlib import Path

import duckdb
import pyarrow as pa

from connectors.base import ROW_NUMBER
from connectors.mapping import Mapper
from warehouse import contract, scratch, store
from warehouse.errors import translated
from warehouse.loads import Load, count
from warehouse.merge import Stamp
from warehouse.packages import refused_raw
from warehouse.snapshots import Snapshot
from warehouse.store import QUARANTINE
from warehouse.validation import literal, quoted

SCHEMA = pa.schema({
    "source": pa.string(), "table": pa.string(), "entity": pa.string(),
    "key": pa.string(),  # values of the entity's key, separated by " · "; null where one could not be read
    "row": pa.int64(),  # number of the row in its source, from 1
    "raw": pa.string(),  # the source's row as JSON
    "rules": pa.list_(pa.string()),  # what it breaks, e.g. "amount: missing": for counting
    "reasons": pa.list_(pa.string()),  # the same in sentences
    "first_seen": pa.timestamp("us", "UTC"), "last_seen": pa.timestamp("us", "UTC"), "load_id": pa.string(),
})  # fmt: skip
TYPES = {"row": "bigint", "rules": "varchar[]", "reasons": "varchar[]", "first_seen": "timestamptz", "last_seen": "timestamptz"}
WHAT_IT_SAYS = ("source", "table", "entity", "key", "raw", "rules", "reasons")


SAME_ROW = 'from fresh f where f.key is null and f.raw = n.raw and f.source = n.source and f."table" = n."table"'


def key_text(entity: str) -> str:
    """SQL: the key of a row as one text; null where a required part is missing."""
    known = contract.columns(entity)
    missing = " or ".join(f"{quoted(name)} is null" for name in contract.KEYS[entity] if known[name].required)
    values = ", ".join(f"coalesce({quoted(name)}::varchar, '')" for name in contract.KEYS[entity])
    return f"case when not ({missing}) then concat_ws(' · ', {values}) end"


def update(con: duckdb.DuckDBPyConnection, data: Path, loads: list[Load], mappers: dict[str, Mapper], stamp: Stamp) -> int:
    """Replace what the loads' tables had in quarantine by what they have now; returns the version (the old one if nothing changed).

    mappers: origin → the mapping it was read with, to show rows as the source has them.
    """
    listed = ", ".join(f"{quoted(f.name)} {TYPES.get(f.name, 'varchar')}" for f in SCHEMA)
    con.execute(f"create or replace temp table fresh ({listed})")
    base = store.files(data, QUARANTINE)
    con.execute(f"create or replace temp view refused_before as from {_relation([str(store.folder(data, QUARANTINE) / f.path) for f in base])}")
    con.execute("create or replace temp table refused_now as from refused_before")
    for load in loads:
        con.execute(f"delete from refused_now where {_is_outdated(load)}")
        if load.counts["rejected"]:
            _collect(con, load, mappers[load.origin], stamp)
    con.execute(f"delete from refused_now n where key is null and exists ({SAME_ROW})")  # a row without a key is known by itself
    con.execute("insert into refused_now from fresh")
    if _is_same(con):
        return store.delta(data, QUARANTINE).version()
    return _rewrite(con, data, base)


def _relation(paths: list[str]) -> str:
    return scratch.parquet(paths) if paths else scratch.empty({f.name: TYPES.get(f.name, "varchar") for f in SCHEMA})


def _is_outdated(load: Load) -> str:
    """What was refused before and has been read again, or is not in the source any more."""
    package, keys = load.package, key_text(load.entity)
    mine = f'source = {literal(package.source)} and "table" = {literal(package.table)}'
    if package.is_full:
        return mine
    again = [f"key in (select {keys} from loaded_{load.number})"]
    if package.n_keys is not None:
        again.append(f"key not in (select k from (select {keys} as k from {scratch.parquet([str(package.path('keys'))])}) where k is not null)")
    if package.n_gone:
        again.append(f"key in (select {keys} from {scratch.parquet([str(package.path('gone'))])})")
    return f"{mine} and ({' or '.join(again)})"


def _collect(con, load: Load, mapper: Mapper, stamp: Stamp) -> None:
    """Put the load's refused rows into `fresh`, each with the row as the source has it."""
    n, package = load.number, load.package
    unnoted = [at for (at,) in con.execute(f"select _at from loaded_{n} where _raw is null and _at in (select _at from refused_{n}) order by 1").fetchall()]
    shown = pa.table({"_at": pa.array(unnoted, pa.int64()), "raw": pa.array([raw for _, raw in refused_raw(package, mapper, unnoted)], pa.string())})
    con.register("shown", shown)
    without_number = literal(f'{{"{ROW_NUMBER}": null}}')
    at = f"timestamptz {literal(stamp.extracted_at.isoformat())}"
    con.execute(f"""
        insert into fresh
        select {literal(package.source)}, {literal(package.table)}, {literal(load.entity)}, l.key, l._row, l.raw, r.rules, r.reasons,
            coalesce(b.first_seen, {at}), {at}, {literal(stamp.load_id)}
        from (select rules, reasons, _at from (select _at, flatten(list(rules)) as rules, flatten(list(reasons)) as reasons from refused_{n} group by _at)) r
        join (select i._at, _row, {key_text(load.entity)} as key, json_merge_patch(coalesce(i._raw, s.raw)::json, {without_number})::varchar as raw
              from loaded_{n} i left join shown s on i._at = s._at where i._at in (select _at from refused_{n})) l on r._at = l._at
        left join (select coalesce(key, raw) as known, min(first_seen) as first_seen from refused_before
                   where source = {literal(package.source)} and "table" = {literal(package.table)} group by known) b on coalesce(l.key, l.raw) = b.known
    """)
    con.unregister("shown")


def _is_same(con) -> bool:
    said = ", ".join(map(quoted, WHAT_IT_SAYS))
    both = ("refused_before", "refused_now"), ("refused_now", "refused_before")
    return not any(count(con, f"(select {said} from {a} except all select {said} from {b})") for a, b in both)


def _rewrite(con, data: Path, base: list[store.File]) -> int:
    path = store.folder(data, QUARANTINE) / f"part-{uuid.uuid4().hex}.parquet"
    with translated(data, "write the quarantine"):
        ((n,),) = con.execute(f"copy (from refused_now) to {literal(path)} (format parquet, compression zstd)").fetchall()
    return store.commit(data, QUARANTINE, [store.File(path.name, path.stat().st_size, n)] if n else [], base)


# --- for readers --------------------------------------------------------------------------------------------------------


def rows(data: Path, snapshot: Snapshot, source: str | None = None, reason: str | None = None, limit: int = 1000) -> pa.Table:
    """Refused rows of a snapshot, newest first; columns as in SCHEMA.

    source: only this source ("erp") or table ("erp.invoices"). reason: only rows that break this rule ("amount: missing").
    """
    wanted = {"(source = $source or source || '.' || \"table\" = $source)": ("source", source), "list_contains(rules, $reason)": ("reason", reason)}
    asked = {sql: given for sql, given in wanted.items() if given[1] is not None}
    where = f" where {' and '.join(asked)}" if asked else ""
    order = 'order by first_seen desc, source, "table", row limit $limit'
    return _ask(data, snapshot, f"select * from refused{where} {order}", {**dict(asked.values()), "limit": limit})


def counts(data: Path, snapshot: Snapshot) -> pa.Table:
    """How many rows break which rule, most frequent first: source, table, reason, n. A row with two reasons counts in both."""
    each = 'select source, "table", unnest(list_distinct(rules)) as reason from refused'
    return _ask(data, snapshot, f'select source, "table", reason, count(*) as n from ({each}) group by all order by n desc, source, "table", reason', {})


def totals(data: Path, snapshot: Snapshot) -> dict[tuple[str, str], int]:
    """Refused rows by (source, table)."""
    found = _ask(data, snapshot, 'select source, "table", count(*) as n from refused group by all', {}).to_pylist()
    return {(row["source"], row["table"]): row["n"] for row in found}


def _ask(data: Path, snapshot: Snapshot, sql: str, parameters: dict) -> pa.Table:
    con = duckdb.connect()
    con.execute("set TimeZone = 'UTC'")
    con.execute(f"create view refused as from {_relation(store.uris(data, QUARANTINE, snapshot.quarantine))}")
    return con.execute(sql, parameters).to_arrow_table()
