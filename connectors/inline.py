"""Rows that stand in the sources file itself: `rows = [{…}, {…}]`, for a survey, its questions or the names of stages."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Iterator

import pyarrow as pa

from connectors import casts
from connectors.arrow import normalised, regular
from connectors.base import BATCH_ROWS, ROW_NUMBER, Connector, Finding, Window
from connectors.expressions import locked
from connectors.pipeline import Pipeline
from connectors.sources import Source, Table

PLAIN = (str, bool, int, float, dt.date, dt.datetime)


class WithRows:
    """A connector whose tables may also stand in the sources file; `opener` makes the one for all others, when needed."""

    def __init__(self, source: Source, opener, zone: str):
        self.name, self.source = source.name, source
        self._opener, self._zone, self._inner = opener, source.timezone or zone, None

    def check(self) -> list[Finding]:
        """One line per table of rows, then what the system itself has to say."""
        given = [t for t in self.source.tables.values() if t.rows is not None]
        own = [Finding("ok" if t.rows else "warning", f"{self.name}.{t.name}", f"{len(t.rows)} rows in the sources file") for t in given]
        return own + (self._connector.check() if len(given) < len(self.source.tables) else [])

    def schema(self, table: Table) -> pa.Schema:
        """Columns and types of the table's rows."""
        return self._reader(table, None, None).schema if table.rows is not None else self._connector.schema(table)

    def read(
        self, table: Table, *, window: Window | None = None, columns: list[str] | None = None, cancel: threading.Event | None = None
    ) -> Iterator[pa.RecordBatch]:
        """The rows in batches; see `base.Connector.read`."""
        if table.rows is None:
            return self._connector.read(table, window=window, columns=columns, cancel=cancel)
        return regular(self._reader(table, window, columns), cancel)

    def close(self) -> None:
        """Close the connector of the system, if it was opened."""
        if self._inner is not None:
            self._inner.close()

    @property
    def _connector(self) -> Connector:
        if self._inner is None:
            self._inner = self._opener()
        return self._inner

    def _reader(self, table: Table, window: Window | None, columns: list[str] | None) -> pa.RecordBatchReader:
        engine = locked(casts.MACROS)
        engine.register("given", arrow_table(table.rows))
        engine.execute(f"create table source as select *, row_number() over () as {ROW_NUMBER} from given")
        where = f"{self.name}.{table.name}"
        sql = Pipeline(engine, table, where, {}, False, self._zone).sql(window, columns)
        return normalised(engine.execute(sql).to_arrow_reader(BATCH_ROWS), None, where)


def arrow_table(rows: list[dict]) -> pa.Table:
    """The rows with every key any of them has; a column of more than one kind of value is text."""
    names = list(dict.fromkeys(name for row in rows for name in row)) or ["nothing"]
    return pa.table({name: _column([row.get(name) for row in rows]) for name in names})


def _column(values: list) -> pa.Array:
    kinds = {type(value) for value in values if value is not None}
    if kinds == {int, float}:
        values = [None if value is None else float(value) for value in values]
    elif len(kinds) > 1 or not kinds <= set(PLAIN):
        values = [None if value is None else str(value) for value in values]
    return pa.array(values, pa.string() if not kinds else None)
