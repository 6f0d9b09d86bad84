"""Delta tables of a data directory, one version at a time, and the snapshots that tie versions together.

    tables/<entity>/   marts/<mart>/   quarantine/      Delta tables
    packages/          what a running sync has read      records.sqlite   snapshots and sync runs      sync.lock

A stored version never changes. Columns whose name begins with "_" are the sync's own; readers do not see them.
"""

from __future__ import annotations

import hashlib
import json
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable, Field, Schema
from deltalake._internal import RemoveAction
from deltalake.exceptions import DeltaError
from deltalake.transaction import AddAction

from warehouse.contract import ENTITIES
from warehouse.errors import StoreError, translated
from warehouse.schema import arrow_schema
from warehouse.snapshots import SNAPSHOT_FORMAT, NoSnapshot, Snapshot, latest, snapshot
from warehouse.validation import literal, quoted

__all__ = ["ORIGIN", "SNAPSHOT_FORMAT", "File", "NoSnapshot", "Snapshot", "StoreError", "latest", "schema", "snapshot", "uris"]

QUARANTINE = "quarantine"
ROW_GROUP = 122_880  # rows
FILE_GROUPS = 8  # row groups in a file: a change in one row rewrites no more than that
FINE = 8  # parts of such a row group where single customers are looked up
ORIGIN = "_origin"  # "source.table" a row came from: a sweep of one table must not take another's rows
FOR_EVER = {"delta.enableExpiredLogCleanup": "false", "delta.logRetentionDuration": "interval 36500 days"}  # snapshots name old versions


@dataclass(frozen=True)
class File:
    """One Parquet file of a table."""

    path: str  # relative to the table's folder
    bytes: int
    rows: int


def folder(data: Path, name: str) -> Path:
    """Where a table, a mart or the quarantine lies."""
    if name == QUARANTINE:
        return Path(data) / QUARANTINE
    return Path(data) / ("tables" if name in ENTITIES else "marts") / name


def stored_schema(entity: str) -> pa.Schema:
    """What is written for an entity: the contract's columns and the sync's own."""
    return arrow_schema(entity).append(pa.field(ORIGIN, pa.string()))


def delta(data: Path, name: str, version: int | None = None) -> DeltaTable:
    """The Delta table at a version (None: its newest).

    Raises StoreError naming the table and what to do, when it is missing, damaged or has no such version.
    """
    path = folder(data, name)
    try:
        return DeltaTable(str(path), version=version)
    except (DeltaError, ValueError, OSError) as error:
        wanted = "" if version is None else f" version {version} of"
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise StoreError(
            f"cannot read{wanted} table {name!r} in {path}: its Delta log is missing or damaged ({first}). "
            f"Restore that folder from a backup; or move it away and run `python -m connectors sync --full`, which builds it anew from the sources."
        ) from error


def exists(data: Path, name: str) -> bool:
    """Whether anything has been stored under this name. A damaged table exists; a folder that a killed sync had only begun does not."""
    return any(path.suffix in (".json", ".parquet") for path in folder(data, name).rglob("*"))


def ensure(data: Path, name: str, schema: pa.Schema) -> int:
    """Create the table without rows, or add columns that the contract has gained. Returns its newest version."""
    path = folder(data, name)
    if not exists(data, name):
        with translated(data, f"create table {name!r}"):
            DeltaTable.create(str(path), schema=schema, configuration=FOR_EVER)
        return 0
    table = delta(data, name)
    present = {field.name for field in table.schema().fields}
    added = [Field.from_arrow(field) for field in schema if field.name not in present]
    if added:
        table.alter.add_columns(added)
    return table.version()


def files(data: Path, name: str, version: int | None = None) -> list[File]:
    """The Parquet files that make up a version."""
    actions = pa.table(delta(data, name, version).get_add_actions(flatten=True)).to_pylist()
    return [File(a["path"], a["size_bytes"], a["num_records"] or 0) for a in actions]


def uris(data: Path, name: str, version: int) -> list[str]:
    """Absolute addresses of a version's Parquet files; empty for a table without rows."""
    return delta(data, name, version).file_uris()


def schema(data: Path, name: str, version: int) -> pa.Schema:
    """Columns and types of a version as readers may know them."""
    full = pa.schema(delta(data, name, version).schema().to_arrow())
    return pa.schema([field for field in full if not field.name.startswith("_")])


def digest(data: Path, name: str, version: int) -> str:
    """Identifies the content of a version by its files: two versions with the same files have the same rows."""
    listed = sorted((f.path, f.bytes) for f in files(data, name, version))
    return hashlib.sha256(json.dumps(listed).encode()).hexdigest()


def commit(data: Path, name: str, added: list[File], removed: list[File]) -> int:
    """Swap files of the newest version in one transaction; returns the new version."""
    table = delta(data, name)
    removes = [RemoveAction(f.path, True, _now(), f.bytes, {}) for f in removed]
    with translated(data, f"write table {name!r}"):
        table.create_write_transaction([*_adds(added), *removes], "append", Schema.from_arrow(pa.schema(table.schema().to_arrow())))
    return delta(data, name).version()


def _adds(files: list[File]) -> list[AddAction]:
    return [AddAction(f.path, f.bytes, {}, _now(), True, json.dumps({"numRecords": f.rows})) for f in files]


def _now() -> int:
    """Milliseconds since 1970, as the Delta log counts."""
    return int(time.time() * 1000)


def rewind(data: Path, name: str, version: int) -> None:
    """Make the newest version hold what `version` holds, undoing what an interrupted sync left behind."""
    wanted, present = files(data, name, version), files(data, name)
    kept = {f.path for f in wanted} & {f.path for f in present}
    added, removed = ([f for f in some if f.path not in kept] for some in (wanted, present))
    if added or removed:
        commit(data, name, added, removed)


def empty(data: Path, name: str) -> int:
    """Make the newest version hold no rows (nothing of this table has ever been published); returns it."""
    present = files(data, name)
    return commit(data, name, [], present) if present else delta(data, name).version()


def write(data: Path, name: str, rows: duckdb.DuckDBPyRelation, is_looked_up: bool = False) -> int:
    """Replace a whole mart by these rows; returns the new version. is_looked_up: in small row groups, since one is read for a few rows.

    The engine writes the files and delta-rs only commits them: its own writer holds half a gigabyte meanwhile.
    """
    path = folder(data, name)
    with translated(data, f"write {name!r}"):
        path.mkdir(parents=True, exist_ok=True)
        added, schema = _copied(_storable(rows), path, FINE if is_looked_up else 1)
        if not DeltaTable.is_deltatable(str(path)):
            DeltaTable.create(str(path), schema=schema, configuration=FOR_EVER)
        delta(data, name).create_write_transaction(_adds(added), "overwrite", schema)
    return delta(data, name).version()


def _storable(rows: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """The rows with their whole numbers as 64 bits: Parquet has no 128, and the engine would write floats."""
    wide = [name for name, kind in zip(rows.columns, rows.types, strict=True) if kind == "HUGEINT"]
    return rows.project(f"* replace ({', '.join(f'cast({c} as bigint) as {c}' for c in map(quoted, wide))})") if wide else rows


def _copied(rows: duckdb.DuckDBPyRelation, path: Path, parts: int) -> tuple[list[File], Schema]:
    """Write the rows as Parquet files into a table's folder. Until they are committed they are no part of the table."""
    part = f"part-{uuid.uuid4()}"
    groups = f"row_group_size {ROW_GROUP // parts}, row_groups_per_file {FILE_GROUPS * parts}"
    options = f"format parquet, compression zstd, {groups}, append true, filename_pattern '{part}-{{uuidv7}}-{{i}}'"
    rows.query("written", f"copy (from written) to {literal(path)} ({options})")
    written = sorted(path.glob(f"{part}-*"))  # one at least, be it without rows
    schema = Schema.from_arrow(pq.read_schema(written[0]))
    files = [File(file.name, file.stat().st_size, pq.read_metadata(file).num_rows) for file in written]
    return [file for file in files if file.rows], schema
