"""The one shape of a connector: it reads a declared table in bounded Arrow batches, and says what is wrong.

A connector knows its system and nothing of the warehouse. It returns the *source's* rows; mapping, validation and
loading happen in `warehouse`. Files, databases and web systems all look the same from here.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

import pyarrow as pa

from connectors.errors import Cancelled, SourceError
from connectors.sources import Source, Table

__all__ = ["BATCH_ROWS", "CURSOR", "FAULT", "ROW_NUMBER", "Cancelled", "Connector", "Finding", "SourceError", "Window"]

BATCH_ROWS = 50_000  # rows held at once between a source and the warehouse

# Columns of a batch that are not the source's own; the mapping never puts them into `extra`.
ROW_NUMBER = "row_number"  # int64, from 1 over the whole table; before `unpivot` and `where`
CURSOR = "_cursor"  # value of the table's `incremental` expression; there when the table has one
FAULT = "_fault"  # text: what the reader itself found wrong with the row (a line with too few cells); may be absent


@dataclass(frozen=True)
class Finding:
    """One line of `check`: a fault, a warning or a good sign, in words an administrator can act on."""

    level: Literal["ok", "warning", "fault"]
    where: str  # "erp", "erp.invoices", "erp.invoices.amount"
    text: str


@dataclass(frozen=True)
class Window:
    """The part of a table an incremental read asks for: cursor in [start, end). `None` is open.

    A start is a value that the column `_cursor` of an earlier read had, less the overlap. An instant with a zone is put into
    the source's own zone where the cursor has none; one without a zone is taken as it is.
    """

    start: datetime | int | float | str | None = None
    end: datetime | int | float | str | None = None


class Connector(Protocol):
    """What every connector offers. `cancel` is looked at between batches; set, it ends the read with Cancelled."""

    name: str
    source: Source

    def check(self) -> list[Finding]:
        """Reach the system and look at each declared table; never raises SourceError, returns it as a finding."""

    def schema(self, table: Table) -> pa.Schema:
        """Columns and types of the table's rows as `read` will give them, `row_number` included."""

    def read(
        self, table: Table, *, window: Window | None = None, columns: list[str] | None = None, cancel: threading.Event | None = None
    ) -> Iterator[pa.RecordBatch]:
        """The table's rows in batches of at most BATCH_ROWS.

        Rows are those of `from`/`query`, after `unpivot` and `where`, with a column `row_number` (from 1, over the
        whole table, before `unpivot` and `where`; in files it is stable, in databases it only counts what was read), and
        `_cursor` where the table is incremental. `window` restricts to cursor values in [start, end), by the table's
        `incremental` expression, rows without a value always among them; None reads everything. `columns` restricts to the columns named, in any
        case (a sweep for vanished keys needs only the key's: `Mapper.key_columns()`). A row that the reader could not
        make out (a line with too few cells) comes with its reason in `_fault`, for the quarantine.

        Raises SourceError when the source cannot be read; Cancelled when asked to stop.
        """

    def close(self) -> None:
        """Give back connections and temporary files."""
