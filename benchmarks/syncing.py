"""How fast a first sync is and how much memory it takes, beside a plain loop of pandas.read_sql."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

import duckdb

from benchmarks import measure

LIMIT = 2 * 2**30  # bytes
LOOP = """
import sqlite3, sys, pandas as pd, pyarrow as pa, pyarrow.parquet as pq
connection, writer = sqlite3.connect(sys.argv[1]), None
for chunk in pd.read_sql("select * from invoices", connection, chunksize=50_000):
    chunk["issued_on"] = pd.to_datetime(chunk["issued_on"])
    table = pa.Table.from_pandas(chunk, preserve_index=False)
    writer = writer or pq.ParquetWriter(sys.argv[2], table.schema)
    writer.write_table(table.cast(writer.schema))
writer.close()
"""


def command(sources: Path, data: Path) -> list[str]:
    return [sys.executable, "-m", "connectors", "sync", "--sources", str(sources), "--data", str(data)]


def section(folders: Mapping[str, Path], work: Path) -> measure.Section:
    """folders: title → company folder (files only, or with its invoices in SQLite); each is synced from nothing, then once more."""
    rows = []
    for title, folder in folders.items():
        data, n = work / f"data-{folder.name}", size(folder)
        shutil.rmtree(data, ignore_errors=True)
        for what in ("first sync", "nothing new"):
            ran = measure.run(command(folder / "sources.toml", data))
            rows.append((f"{title}: {what}", n, ran.seconds, n / ran.seconds, ran.peak / 2**20, "yes" if ran.peak < LIMIT else "NO"))
    database = next((folder / "erp.sqlite" for folder in folders.values() if (folder / "erp.sqlite").exists()), None)
    if database:
        rows.append(loop(database, work))
    notes = (
        "a sync reads, maps, validates, merges and publishes every table and builds all marts; rows/s counts all rows of the sources against all of that time",
        "the pandas loop reads the invoices in chunks of 50,000 and writes them to one Parquet file: no validation, no other table, no marts",
    )
    columns = ("what", "rows", "seconds", "rows/s", "peak MiB", "under 2 GiB")
    return measure.Section("Sync", "peak memory under 2 GiB; rows per second beside a plain pandas.read_sql loop", columns, rows, notes)


def loop(database: Path, work: Path) -> tuple:
    ran = measure.run([sys.executable, "-c", LOOP, str(database), str(work / "loop.parquet")])
    n = duckdb.sql(f"SELECT count(*) FROM '{work / 'loop.parquet'}'").fetchone()[0]
    return "pandas.read_sql loop: invoices only", n, ran.seconds, n / ran.seconds, ran.peak / 2**20, "–"


def size(folder: Path) -> int:
    """Rows in all Parquet files of a company."""
    return sum(duckdb.sql(f"SELECT count(*) FROM '{path}'").fetchone()[0] for path in folder.glob("*.parquet"))


def status(data: Path) -> dict:
    """What `python -m connectors status --json` says."""
    return json.loads(measure.run([sys.executable, "-m", "connectors", "status", "--data", str(data), "--json"]).output)
