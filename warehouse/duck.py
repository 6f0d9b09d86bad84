"""DuckDB in this process: one database, a cursor for each reader, views over stored files, and the rows of deep frames that all readers share."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import narwhals as nw
import pyarrow as pa
import pyarrow.parquet as pq

from warehouse.errors import StoreError
from warehouse.validation import quoted
from warehouse.views import DUCKDB
from warehouse.written import Written, constant

SMALL = 4 << 20  # bytes of Parquet up to which a table is kept in memory: each step of a query looks at what it builds on, and a view is looked at anew
MOST_SHARED = 48  # deep frames whose rows the process holds, of all readers together
LOST = "files of the table {table!r} of this snapshot cannot be read. Restore them from a backup, or open a newer snapshot."
Columns = tuple[list[str], list]  # names and DuckDB's types
LEFT_ALONE = 600.0  # seconds for which a frame was not asked for, before it gives way to others


@dataclass(frozen=True)
class Stored:
    """One stored table at one version."""

    name: str
    schema: pa.Schema
    uris: tuple[str, ...]
    extras: tuple[str, ...] = ()


@dataclass
class Shared:
    """The rows of a deep frame, held for all readers of one scope. sql: what they came from; used_at: on the monotonic clock."""

    sql: str
    used_at: float = field(default_factory=time.monotonic)


@dataclass(frozen=True)
class Origin:
    """What a held frame came from, as text: to plan the deep query again, only to show it, would take longer than to ask the held rows."""

    sql: str

    def to_native(self) -> Origin:
        return self

    def sql_query(self) -> str:
        return self.sql


class DuckEngine:
    """DuckDB in process. One database; each opened snapshot works on a cursor of its own (sessions are threads)."""

    dialect = DUCKDB

    def __init__(self, memory_limit: str | None = None, spill: Path | None = None, threads: str | None = None):
        self._db = duckdb.connect()
        self._db.execute("SET enable_progress_bar = false; SET TimeZone = 'UTC'; SET preserve_insertion_order = false; SET parquet_metadata_cache = true")
        if memory_limit:
            self._db.execute(f"SET memory_limit = '{memory_limit}'")
        if spill:
            self._db.execute("SET temp_directory = ?", [str(spill)])
        if threads:
            self._db.execute("SET threads = ?", [int(threads)])
        self._made: dict[str, str] = {}  # view → TABLE or VIEW
        self._columns: dict[str, Columns] = {}
        self._shared: dict[str, Shared] = {}
        self._making: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    def register(self, stored: Stored, key: str, sql: Callable[[str], str]) -> None:
        """Define view `key` once as `sql(relation over the stored files)`; of a small table, its rows are computed here, once for all readers."""
        if key in self._made:
            return
        with self._lock:
            if key not in self._made:
                kind = "TABLE" if _bytes(stored) <= SMALL else "VIEW"
                try:
                    self._db.execute(f"CREATE OR REPLACE {kind} {quoted(key)} AS {sql(_parquet(stored))}")
                except duckdb.IOException as error:
                    raise StoreError(LOST.format(table=stored.name)) from error  # where they were stands in the log, and on no page
                self._made[key] = kind

    def knows(self, key: str) -> bool:
        return key in self._made

    def forget(self, kept: Iterable[str], among: str) -> None:
        """Drop what was registered under keys that begin with `among`, but for those that begin with one of `kept`."""
        kept = tuple(kept)
        with self._lock:
            for key in [key for key in self._made if key.startswith(among) and not key.startswith(kept)]:
                self._dropped(key)

    def holds(self, key: str) -> bool:
        """Whether the rows of a deep frame are still there; whoever asks wants them, so they stay."""
        found = self._shared.get(key)
        if found:
            found.used_at = time.monotonic()
        return found is not None

    def kept(self, key: str, session: DuckSession, make: Callable[[], nw.LazyFrame]) -> tuple[nw.LazyFrame, Origin]:
        """The rows of `make()`, computed once for all readers who may see them, as a frame of this session; and what they came from."""
        sql = self._share(key, session, make)
        return session.frame(key), Origin(sql)

    def _share(self, key: str, session: DuckSession, make: Callable[[], nw.LazyFrame]) -> str:
        with self._lock:
            alone = self._making.setdefault(key, threading.Lock())
        with alone:
            found = self._shared.get(key)
            if found is None:
                found = Shared(nw.to_native(make()).sql_query())
                session.cursor.execute(f"CREATE OR REPLACE TABLE {quoted(key)} AS {found.sql}")
                with self._lock:
                    self._made[key], self._shared[key] = "TABLE", found
                    self._make_room()
            found.used_at = time.monotonic()
        return found.sql

    def _make_room(self) -> None:
        """Give up what nobody has asked for lately, the oldest first, while there is too much of it."""
        for key in sorted(self._shared, key=lambda key: self._shared[key].used_at)[: max(len(self._shared) - MOST_SHARED, 0)]:
            if time.monotonic() - self._shared[key].used_at > LEFT_ALONE:
                self._dropped(key)

    def _dropped(self, key: str) -> None:
        self._shared.pop(key, None)
        self._making.pop(key, None)
        self._columns.pop(key, None)
        self._db.execute(f"DROP {self._made.pop(key)} {quoted(key)}")

    def session(self) -> DuckSession:
        return DuckSession(self._db.cursor(), self._columns_of)

    def _columns_of(self, key: str, cursor: duckdb.DuckDBPyConnection) -> Columns:
        """Names and types of what is registered under a key, looked up once for all readers; of a reader's own table, each time."""
        if key in self._columns:
            return self._columns[key]
        found = cursor.sql(f"FROM {quoted(key)}")
        columns = found.columns, found.types
        with self._lock:
            if key in self._made:
                self._columns[key] = columns
        return columns


class DuckSession:
    """One reader's cursor. Frames of one session can be joined with each other, and only those."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection, looked_at: Callable[[str, duckdb.DuckDBPyConnection], Columns]):
        self.cursor, self._looked_at = cursor, looked_at

    def frame(self, key: str) -> nw.LazyFrame:
        names, types = self._looked_at(key, self.cursor)
        return nw.from_native(Written(self.cursor, names, source=quoted(key), types=types))

    def column(self, name: str, texts: Sequence[str]) -> nw.LazyFrame:
        """A frame of one column of texts."""
        rows = f"SELECT unnest(CAST({constant(list(texts))} AS VARCHAR[])) AS {quoted(name)}"
        return nw.from_native(Written(self.cursor, [name], body=rows))

    def held(self, frame: nw.LazyFrame, name: str) -> nw.LazyFrame:
        """The frame's rows, computed once and kept as a temporary table of this session."""
        self.cursor.execute(f"CREATE OR REPLACE TEMP TABLE {quoted(name)} AS {nw.to_native(frame).sql_query()}")
        return self.frame(name)


def _parquet(stored: Stored) -> str:
    """A relation over the table's files; an empty table is a SELECT of typed nulls without rows."""
    if stored.uris:
        files = ", ".join("'" + uri.replace("'", "''") + "'" for uri in stored.uris)
        return f"read_parquet([{files}], union_by_name = {str(not _are_alike(stored.uris)).lower()})"
    columns = ", ".join(f'CAST(NULL AS {_duck_type(f.type)}) AS "{f.name}"' for f in stored.schema)
    return f"(SELECT {columns} WHERE false)"


def _are_alike(uris: Sequence[str]) -> bool:
    """Whether all files have the same columns. Putting different ones together costs three times the planning, and a query is planned step by step."""
    if len(uris) == 1:
        return True
    try:
        first, *others = (pq.read_schema(uri) for uri in uris)
    except (OSError, pa.ArrowException):  # elsewhere, or gone: the engine says so in its own words
        return False
    return all(schema.equals(first) for schema in others)


def _bytes(stored: Stored) -> float:
    """Size of the table's files; infinite where they are not on this machine's disk."""
    try:
        return sum(os.path.getsize(uri) for uri in stored.uris)
    except OSError:
        return float("inf")


def _duck_type(kind: pa.DataType) -> str:
    fixed = {"string": "VARCHAR", "large_string": "VARCHAR", "string_view": "VARCHAR", "int64": "BIGINT", "int32": "INTEGER", "double": "DOUBLE"}
    fixed |= {"bool": "BOOLEAN", "date32[day]": "DATE"}
    if pa.types.is_decimal(kind):
        return f"DECIMAL({kind.precision}, {kind.scale})"
    if pa.types.is_timestamp(kind):
        return "TIMESTAMPTZ" if kind.tz else "TIMESTAMP"
    return fixed[str(kind)]
