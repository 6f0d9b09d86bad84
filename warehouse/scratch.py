"""The engine that a sync works with: in memory, bounded, spilling to the data directory."""

from __future__ import annotations

import os
from pathlib import Path

import duckdb

MEMORY = os.environ.get("RAPPORT_SYNC_MEMORY", "1GB")  # of the sync's engine; Arrow batches and Delta come on top


def connect(spill: Path) -> duckdb.DuckDBPyConnection:
    """A DuckDB of its own for one sync; what does not fit into memory goes to `spill`."""
    spill.mkdir(parents=True, exist_ok=True)
    con = duckdb.connect(config={"memory_limit": MEMORY, "temp_directory": str(spill), "preserve_insertion_order": "false", "threads": os.cpu_count() or 2})
    con.execute("set TimeZone = 'UTC'; set enable_progress_bar = false")
    return con


def parquet(paths: list[str], *, place: bool = False) -> str:
    """A relation over Parquet files; `place` adds the file and the number of the row in it."""
    listed = ", ".join("'" + path.replace("'", "''") + "'" for path in paths)
    return f"read_parquet([{listed}], union_by_name = true{', filename = true, file_row_number = true' if place else ''})"


def empty(columns: dict[str, str]) -> str:
    """A relation of these columns (name → SQL type) without rows."""
    listed = ", ".join('cast(null as {}) as "{}"'.format(kind, name.replace('"', '""')) for name, kind in columns.items())
    return f"(select {listed} where false)"
