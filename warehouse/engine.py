"""Opens one snapshot for one reader: Narwhals frames on DuckDB (default) or Spark, already restricted to the scope.

A frame is a view of a stored table (`warehouse.views`): its living rows, with what every metric would otherwise compute for itself.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import narwhals as nw
import pyarrow as pa

from access.scope import FULL, Scope
from warehouse import contract, veils, visible
from warehouse.errors import StoreError
from warehouse.views import DUCKDB, view_sql

if TYPE_CHECKING:
    from warehouse.store import Snapshot

IDENTITIES = "identities"  # mart: customer_id → account_id, for merged customers only
SMALL = 4 << 20  # bytes of Parquet up to which a table is kept in memory: each step of a query looks at what it builds on, and a view is looked at anew
MOST_KEPT = 12  # deep frames whose rows one reader's tables hold
KEPT = 4  # snapshots of one data directory whose small tables stay in memory


@dataclass(frozen=True)
class Stored:
    """One stored table at one version."""

    name: str
    schema: pa.Schema
    uris: tuple[str, ...]
    extras: tuple[str, ...] = ()


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
        self._lock = threading.Lock()

    def register(self, stored: Stored, key: str, sql: Callable[[str], str]) -> None:
        """Define view `key` once as `sql(relation over the stored files)`; of a small table, its rows are computed here, once for all readers."""
        if key in self._made:
            return
        with self._lock:
            if key not in self._made:
                kind = "TABLE" if _bytes(stored) <= SMALL else "VIEW"
                try:
                    self._db.execute(f'CREATE OR REPLACE {kind} "{key}" AS {sql(_parquet(stored))}')
                except duckdb.IOException as error:
                    raise StoreError(_lost(stored, error)) from None
                self._made[key] = kind

    def knows(self, key: str) -> bool:
        return key in self._made

    def forget(self, kept: Iterable[str], among: str) -> None:
        """Drop what was registered under keys that begin with `among`, but for those that begin with one of `kept`."""
        kept = tuple(kept)
        with self._lock:
            for key in [key for key in self._made if key.startswith(among) and not key.startswith(kept)]:
                self._db.execute(f'DROP {self._made.pop(key)} "{key}"')

    def session(self) -> DuckSession:
        return DuckSession(self._db.cursor())


class DuckSession:
    """One reader's cursor. Frames of one session can be joined with each other, and only those."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection):
        self.cursor = cursor

    def frame(self, key: str) -> nw.LazyFrame:
        return nw.from_native(self.cursor.sql(f'FROM "{key}"'))

    def query(self, sql: str, parameters=()) -> nw.LazyFrame:
        return nw.from_native(self.cursor.sql(sql, params=list(parameters)) if parameters else self.cursor.sql(sql))

    def column(self, name: str, texts: Sequence[str]) -> nw.LazyFrame:
        """A frame of one column of texts."""
        return self.query(f'SELECT unnest(CAST(? AS VARCHAR[])) AS "{name}"', [list(texts)])

    def held(self, frame: nw.LazyFrame, name: str) -> nw.LazyFrame:
        """The frame's rows, computed once and kept as a temporary table of this session."""
        self.cursor.execute(f'CREATE OR REPLACE TEMP TABLE "{name}" AS {nw.to_native(frame).sql_query()}')
        return self.frame(name)

    def drop(self, name: str) -> None:
        self.cursor.execute(f'DROP TABLE IF EXISTS "{name}"')


def _lost(stored: Stored, error: Exception) -> str:
    said = str(error).splitlines()[0]
    return f"files of the table {stored.name!r} of this snapshot cannot be read ({said}). Restore them from a backup, or open a newer snapshot."


def _parquet(stored: Stored) -> str:
    """A relation over the table's files; an empty table is a SELECT of typed nulls without rows."""
    if stored.uris:
        files = ", ".join("'" + uri.replace("'", "''") + "'" for uri in stored.uris)
        return f"read_parquet([{files}], union_by_name = {str(len(stored.uris) > 1).lower()})"
    columns = ", ".join(f'CAST(NULL AS {_duck_type(f.type)}) AS "{f.name}"' for f in stored.schema)
    return f"(SELECT {columns} WHERE false)"


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


class Tables(Mapping[str, nw.LazyFrame]):
    """One snapshot as one reader may see it: name → lazy frame. All frames belong together; use from one thread."""

    def __init__(self, engine, stored: dict[str, Stored], *, zone: str, scope: Scope, key: str):
        self._engine, self._stored, self._zone, self._scope, self._key = engine, stored, zone, scope, key
        self._session = engine.session()
        self._frames: dict[str, nw.LazyFrame] = {}
        self._kept: dict[str, tuple[nw.LazyFrame, nw.LazyFrame]] = {}

    def __getitem__(self, name: str) -> nw.LazyFrame:
        if name not in self._stored:
            raise KeyError(f"no table {name!r} in this snapshot; it has {', '.join(sorted(self._stored))}")
        if not self._engine.knows(self._named(name)):  # new here, or given up since for newer snapshots
            self._frames.clear()
        if name not in self._frames:
            self._frames[name] = self._scoped(name)
        return self._frames[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._stored)

    def __len__(self) -> int:
        return len(self._stored)

    def _named(self, name: str) -> str:
        return f"{self._key}:{name}"

    def _view(self, name: str) -> str:
        stored = self._stored[name]
        is_fact = {"is_deleted", "customer_id"} <= set(stored.schema.names) and name != "customers"
        identities = self._engine.dialect.quote.format(self._view(IDENTITIES)) if is_fact and self._has_merged else None
        # a view depends on the stored files and on nothing else: readers of all scopes share it
        key = self._named(name)
        self._engine.register(
            stored, key, lambda relation: view_sql(self._engine.dialect, stored.schema, relation, zone=self._zone, extras=stored.extras, identities=identities)
        )
        return key

    @cached_property
    def _has_merged(self) -> bool:
        return bool(IDENTITIES in self._stored and self._stored[IDENTITIES].uris)

    def kept(self, name: str, make: Callable[[], nw.LazyFrame]) -> tuple[nw.LazyFrame, nw.LazyFrame]:
        """The rows of `make()`, computed once for these tables and held by the engine, and the frame they came from.

        For a deep frame that several questions build on: it is neither planned nor run again. The last dozen are held; name: of letters and digits.
        """
        found = self._kept.pop(name, None)
        if found is None:
            made = make()
            found = self._session.held(made, name), made
            for old in list(self._kept)[: max(len(self._kept) - MOST_KEPT + 1, 0)]:
                self._session.drop(old)
                del self._kept[old]
        self._kept[name] = found  # the one used last stands last
        return found

    def column(self, name: str, texts: Sequence[str]) -> nw.LazyFrame:
        """A frame of one column of texts, to join the others with: a condition that names thousands of them is slow."""
        return self._session.column(name, texts)

    @property
    def veils(self) -> tuple[str, ...]:
        """What is kept from the reader of these tables; of access.scope.VEILS."""
        return self._scope.veils

    def _scoped(self, name: str) -> nw.LazyFrame:
        """The reader's rows, as the reader may see them. Who sees all of everything reads the view itself."""
        frame = self._session.frame(self._view(name))
        if self._scope.is_full and not self.veils:
            return frame
        extras = visible.extras(name, frame, self._promoted)
        frame = frame if self._scope.is_full else visible.rows(name, frame, self, self._visible, extras)
        return veils.veiled(name, frame, self.veils, extras) if self.veils else frame

    @cached_property
    def _visible(self) -> nw.LazyFrame:
        ids = visible.customers(self._session.frame(self._view(visible.ACCOUNTS)), self._scope.rules)
        return self._session.held(ids, "visible_customers")

    @cached_property
    def _promoted(self) -> frozenset[str]:
        keys = (key for name in contract.ENTITIES if name in self._stored for key in self._stored[name].extras)
        return frozenset(key.replace(".", "_") for key in keys)


class Opened(Tables):
    """The tables of a published snapshot, with what a metric's caller needs to know about it."""

    def __init__(self, engine, stored, *, snapshot: Snapshot, scope: Scope, key: str):
        settings = snapshot.settings
        super().__init__(engine, stored, zone=settings.get("calendar", {}).get("timezone", "UTC"), scope=scope, key=key)
        self.snapshot, self.settings, self.scope = snapshot, settings, scope


_engines: dict[str, object] = {}
_engines_lock = threading.Lock()
_recent: dict[tuple, list[str]] = {}  # engine and data directory → the keys of the snapshots opened there, the last one at the end


def engine(name: str | None = None):
    """The process's engine: DuckDB, or Spark where RAPPORT_ENGINE names a master ("spark://…", "local[2]", "sc://…")."""
    name = name or os.environ.get("RAPPORT_ENGINE", "duckdb")
    with _engines_lock:
        if name not in _engines:
            if name == "duckdb":
                _engines[name] = DuckEngine(memory_limit=os.environ.get("RAPPORT_MEMORY"), threads=os.environ.get("RAPPORT_THREADS"))
            else:
                from warehouse.spark import SparkEngine

                _engines[name] = SparkEngine(name)
        return _engines[name]


def open(data: Path | str, snapshot: int | str | None = None, scope: Scope = FULL, engine_name: str | None = None) -> Opened:
    """One snapshot of a data directory, restricted to a reader's scope.

    snapshot: its id; None is the newest complete one.
    Raises store.NoSnapshot when nothing has been published yet.
    """
    from warehouse import store

    data = Path(data)
    chosen = store.latest(data) if snapshot is None else store.snapshot(data, snapshot)
    versions = {**chosen.tables, **chosen.marts}
    stored = {name: described(data, name, version, tuple(chosen.extras.get(name, ()))) for name, version in versions.items()}
    worker, key = engine(engine_name), f"{data.resolve()}:{chosen.id}:{hash(json.dumps(chosen.settings, sort_keys=True))}"
    _keep_recent(worker, f"{data.resolve()}:", key)
    return Opened(worker, stored, snapshot=chosen, scope=scope, key=key)


def _keep_recent(worker, place: str, key: str) -> None:
    """Give up the tables in memory of all but the snapshots opened last."""
    with _engines_lock:
        keys = _recent.setdefault((id(worker), place), [])
        if key not in keys:
            keys.append(key)
            worker.forget(keys[-KEPT:], place)
            del keys[:-KEPT]


_described: dict[tuple, Stored] = {}


def described(data: Path, name: str, version: int, extras: tuple[str, ...] = ()) -> Stored:
    """Schema and files of one version; versions never change, so this is remembered."""
    from warehouse import store

    key = (str(data.resolve()), name, version, extras)
    if key not in _described:
        _described[key] = Stored(name, store.schema(data, name, version), tuple(store.uris(data, name, version)), extras)
    return _described[key]
