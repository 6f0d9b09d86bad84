"""Rows of text on their way into the engine: a Parquet file, written in bounded batches."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

ROWS = 20_000  # converted at once


def write_texts(rows: Iterable[list[str]], names: Iterable[str], copy: Path) -> Path:
    """Write rows to a Parquet file of text columns, "" and what a short row lacks as null; give back the file."""
    schema = pa.schema([(name, pa.string()) for name in names])
    rows = iter(rows)
    with pq.ParquetWriter(copy, schema) as writer:
        while batch := list(islice(rows, ROWS)):
            columns = [pa.array([row[i] or None if i < len(row) else None for row in batch], pa.string()) for i in range(len(schema))]
            writer.write_table(pa.table(columns, schema=schema))
    return copy
