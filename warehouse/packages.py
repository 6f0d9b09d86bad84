"""Load packages: what one sync read from one table, kept unchanged until the sync has been published.

packages/<sync>/<source>.<table>/
    raw.parquet       the source's rows, one row group per batch as it came
    mapped.parquet    the same rows in the contract's columns, with `_at` (position), `_row`, `_faults`, `_raw`, `_cursor`
    keys.parquet      keys of all rows the source has (after a sweep)
    gone.parquet      keys the source reports as deleted (tombstones)
    manifest.json     window, counts, cursor; written last
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from connectors.base import CURSOR, FAULT, ROW_NUMBER, Cancelled, Connector, Window
from connectors.mapping import Mapper
from connectors.sources import Source, Table
from warehouse import contract, cursors
from warehouse.schema import arrow_schema
from warehouse.validation import ADDED_LATER

OURS = {ROW_NUMBER, CURSOR, FAULT}
BOOKKEEPING = (("_row", pa.int64()), ("_faults", pa.list_(pa.string())), ("_raw", pa.string()), ("_at", pa.int64()))


@dataclass
class Package:
    """One table as one sync read it."""

    source: str
    table: str
    entity: str
    folder: Path
    window: Window | None = None  # None: the whole table was read
    n_read: int = 0
    cursor: object = None  # greatest value of the cursor expression seen
    extras: tuple[str, ...] = ()
    n_keys: int | None = None  # rows a sweep found; None: no sweep
    n_gone: int | None = None  # deletions reported; None: the source does not report any

    @property
    def origin(self) -> str:
        return f"{self.source}.{self.table}"

    @property
    def is_full(self) -> bool:
        return self.window is None

    def path(self, part: str) -> Path:
        """Where a part ("raw", "mapped", "keys", "gone") lies."""
        return self.folder / f"{part}.parquet"


class Reading:
    """Reads one table of a source into a package: rows, and where asked the keys of all rows and of deleted ones."""

    def __init__(self, connector: Connector, source: Source, table: Table, declared: set[str], zone: str, cancel: threading.Event | None = None):
        self.connector, self.source, self.table, self.cancel = connector, source, table, cancel
        self.declared, self.zone = declared, zone
        self.entity = table.entity or table.name

    def rows(self, folder: Path, window: Window | None, on_rows: Callable[[int], None]) -> Package:
        """Read and map the rows of the window; None is everything."""
        folder.mkdir(parents=True, exist_ok=True)
        package = Package(self.source.name, self.table.name, self.entity, folder, window)
        with ExitStack() as stack:
            raw, mapped = (stack.enter_context(Writer(package.path(part))) for part in ("raw", "mapped"))
            mapper = self.mapper()
            stack.callback(mapper.close)
            for batch in self._batches(self.table, window=window):
                raw.write(pa.Table.from_batches([batch]))
                mapped.write(mapped_rows(mapper.map(batch), batch, package.n_read, self.entity))
                package.extras = package.extras or _unused(batch.schema, mapper)
                package.cursor = _greatest(package.cursor, batch)
                package.n_read += len(batch)
                on_rows(package.n_read)
            if not package.n_read:
                mapped.write(empty_rows(self.entity))
        return package

    def keys(self, package: Package) -> None:
        """Read the keys of all rows the source has now, to find those that have vanished."""
        columns = self.mapper().key_columns() or None
        package.n_keys = self._write_keys(package.path("keys"), self._keyed(self.table), columns)

    def gone(self, package: Package) -> None:
        """Read the keys that the source reports as deleted."""
        asked = {"query": self.table.tombstones, "from_": None, "rows": None, "where": None, "unpivot": None, "incremental": None}
        package.n_gone = self._write_keys(package.path("gone"), self._keyed(self.table).model_copy(update=asked), None)

    def _keyed(self, table: Table) -> Table:
        return table.model_copy(update={"columns": {k: sql for k, sql in table.columns.items() if k in contract.KEYS[self.entity]}})

    def _write_keys(self, path: Path, table: Table, columns: list[str] | None) -> int:
        mapper, names, n = self.mapper(table), list(contract.KEYS[self.entity]), 0
        with Writer(path) as writer:
            for batch in self._batches(table, columns=columns):
                writer.write(mapper.map(batch).select(names).cast(_key_schema(self.entity)))
                n += len(batch)
            writer.write(_key_schema(self.entity).empty_table())
        mapper.close()
        return n

    def mapper(self, table: Table | None = None) -> Mapper:
        """The table's mapping."""
        return Mapper(self.source, table or self.table, self.declared, self.zone)

    def _batches(self, table: Table, **what) -> Iterator[pa.RecordBatch]:
        for batch in self.connector.read(table, cancel=self.cancel, **what):
            if self.cancel is not None and self.cancel.is_set():
                raise Cancelled(f"stopped while reading {self.source.name}.{self.table.name}")
            if len(batch):
                yield batch


class Writer:
    """A Parquet file written batch by batch, each batch a row group; the first one fixes the columns."""

    def __init__(self, path: Path):
        self.path, self._writer = path, None

    def __enter__(self) -> Writer:
        return self

    def write(self, table: pa.Table) -> None:
        table = _storable(table)
        if self._writer is None:
            self._writer = pq.ParquetWriter(self.path, table.schema, compression="snappy", use_dictionary=False, write_statistics=False)
        self._writer.write_table(table.cast(self._writer.schema), row_group_size=max(len(table), 1))

    def __exit__(self, *_) -> None:
        if self._writer is not None:
            self._writer.close()


def _storable(table: pa.Table) -> pa.Table:
    """The table with types that Parquet lacks (intervals) as text."""
    for i, field in enumerate(table.schema):
        if pa.types.is_interval(field.type):
            table = table.set_column(i, field.name, pa.array([None if v is None else str(v) for v in table.column(i).to_pylist()], pa.string()))
    return table


def mapped_rows(mapped: pa.Table, batch: pa.RecordBatch, start: int, entity: str) -> pa.Table:
    """Mapped rows in stored types, with their position in the load and the value of their cursor."""
    if len(mapped) != len(batch):
        raise ValueError(f"the mapping made {len(mapped)} rows of {len(batch)}; it must keep every row, in order")
    mapped = mapped.append_column("_at", pa.array(range(start, start + len(batch)), pa.int64())).select(mapped_schema(entity).names).cast(mapped_schema(entity))
    cursor = batch.column(CURSOR) if CURSOR in batch.schema.names else pa.nulls(len(batch), pa.int64())
    return mapped.append_column("_cursor", cursor)


def mapped_schema(entity: str) -> pa.Schema:
    """Columns of a mapped row, without its cursor (whose type is the source's)."""
    return pa.schema([*(f for f in arrow_schema(entity) if f.name not in ADDED_LATER), *(pa.field(n, t) for n, t in BOOKKEEPING)])


def empty_rows(entity: str) -> pa.Table:
    """No mapped rows, in the right columns."""
    return mapped_schema(entity).append(pa.field("_cursor", pa.int64())).empty_table()


def _key_schema(entity: str) -> pa.Schema:
    return pa.schema([arrow_schema(entity).field(name) for name in contract.KEYS[entity]])


def _unused(schema: pa.Schema, mapper: Mapper) -> tuple[str, ...]:
    used = {name.lower() for name in mapper.columns()} | OURS
    return tuple(name for name in schema.names if name.lower() not in used)


def _greatest(so_far, batch: pa.RecordBatch):
    if CURSOR not in batch.schema.names:
        return so_far
    found = pc.max(batch.column(CURSOR)).as_py()
    return max((value for value in (so_far, found) if value is not None), default=None)


def nothing(source: str, table: str, entity: str, folder: Path) -> Package:
    """The package of a table that has no rows: everything it had goes."""
    package = Package(source, table, entity, folder)
    folder.mkdir(parents=True, exist_ok=True)
    with Writer(package.path("mapped")) as mapped:
        mapped.write(empty_rows(entity))
    return package


def seal(package: Package) -> None:
    """Write the manifest: the package is complete and will not change."""
    kept = {name: getattr(package, name) for name in ("source", "table", "entity", "n_read", "n_keys", "n_gone", "extras")}
    window = None if package.window is None else [cursors.to_json(package.window.start), cursors.to_json(package.window.end)]
    (package.folder / "manifest.json").write_text(json.dumps({**kept, "window": window, "cursor": cursors.to_json(package.cursor)}, ensure_ascii=False))


def refused_raw(package: Package, mapper: Mapper, positions: list[int]) -> Iterator[tuple[int, str]]:
    """(position, row as JSON) of refused rows whose source row was not noted while mapping. Positions must be sorted."""
    file, start, todo = pq.ParquetFile(package.path("raw")), 0, iter(positions)
    at = next(todo, None)
    for group in range(file.num_row_groups):
        end, chosen = start + file.metadata.row_group(group).num_rows, []
        while at is not None and at < end:
            chosen.append(at)
            at = next(todo, None)
        if chosen:
            (batch,) = file.read_row_group(group).combine_chunks().to_batches()
            yield from zip(chosen, mapper.raw(batch, [p - start for p in chosen]), strict=True)
        start = end
