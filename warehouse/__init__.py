"""Validated tables, marts and snapshots. `warehouse.open(data, snapshot, scope)` is the only door for readers."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

_path = cache(Path)  # a page asks for the directory a hundred times


def directory() -> Path:
    """The data directory of this process (RAPPORT_DATA, else ./data)."""
    return _path(os.environ.get("RAPPORT_DATA", "data"))


def open(data, snapshot=None, scope=None, engine_name=None):
    """One published snapshot, restricted to a reader's scope; see `warehouse.engine.open`."""
    from access.scope import FULL
    from warehouse import engine

    return engine.open(data, snapshot, scope or FULL, engine_name)


def newest(data) -> str | None:
    """The id of the newest snapshot; None while there is none that can be opened."""
    from warehouse import store
    from warehouse.errors import StoreError

    try:
        return store.latest(data).id
    except StoreError:
        return None


def sql(frame) -> str:
    """The query behind a lazy frame, as text: DuckDB's SQL, or Spark's plan."""
    import contextlib
    import io

    native = frame.to_native()
    if hasattr(native, "sql_query"):
        return native.sql_query()
    with contextlib.redirect_stdout(io.StringIO()) as said:
        native.explain()
    return said.getvalue()
