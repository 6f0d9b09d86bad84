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

from connectors.sources import Source, Table

BATCH_ROWS = 50_000  # rows held at once between a source and the warehouse


class SourceError(Exception):
    """Something an administrator can act on: what is wrong, what was expected, what to do."""


class Cancelled(Exception):
    """The run was asked to stop."""


@dataclass(frozen=True)
class Finding:
    """One line of `check`: a fault, a warning or a good sign, in words an administrator can act on."""

    level: Literal["ok", "warning", "fault"]
    where: str  # "erp", "erp.invoices", "erp.invoices.amount"
    text: str


@dataclass(frozen=True)
class Window:
    """The part of a table an incremental read asks for: cursor in [start, end). `None` is open."""

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
        whole table, before `where`). `window` restricts to cursor values in [start, end), by the table's
        `incremental` expression; None reads everything. `columns` restricts to the columns named (a sweep for
        vanished keys needs only the key's).

        Raises SourceError when the source cannot be read; Cancelled when asked to stop.
        """

    def close(self) -> None:
        """Give back connections and temporary files."""
