"""Opens one snapshot for one reader: Narwhals frames on DuckDB (default) or Spark, already restricted to the scope.

A frame is a view of a stored table (`warehouse.views`): its living rows, with what every metric would otherwise compute for itself.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import narwhals as nw

from access.scope import FULL, Scope
from warehouse import contract, veils, visible
from warehouse.duck import DuckEngine, Origin, Stored
from warehouse.views import resolvable, view_sql

if TYPE_CHECKING:
    from warehouse.store import Snapshot

IDENTITIES = "identities"  # mart: customer_id → account_id, for merged customers only
KEPT = 4  # snapshots of one data directory whose small tables stay in memory


class Tables(Mapping[str, nw.LazyFrame]):
    """One snapshot as one reader may see it: name → lazy frame. All frames belong together; use from one thread."""

    def __init__(self, engine, stored: dict[str, Stored], *, zone: str, scope: Scope, key: str):
        self._engine, self._stored, self._zone, self._scope, self._key = engine, stored, zone, scope, key
        self._session = engine.session()
        self._frames: dict[str, nw.LazyFrame] = {}
        self._kept: dict[str, tuple[nw.LazyFrame, Origin | nw.LazyFrame]] = {}

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
        is_fact = resolvable(stored.schema.names) is not None and name != "customers"
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

    def kept(self, name: str, make: Callable[[], nw.LazyFrame]) -> tuple[nw.LazyFrame, Origin | nw.LazyFrame]:
        """The rows of `make()`, computed once for all readers of this snapshot and scope and held by the engine, and what they came from.

        For a deep frame that several questions build on: it is neither planned nor run again, whichever thread asks. name: of letters and digits.
        """
        key = self._named(f"kept:{self._scope.digest}:{name}")
        if name not in self._kept or not self._engine.holds(key):
            if not self._scope.is_full:
                _ = self._visible  # what the rows came from names this session's own table of visible customers
            self._kept[name] = self._engine.kept(key, self._session, make)
        return self._kept[name]

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
