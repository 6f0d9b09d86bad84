"""What a database is asked for one table: one SELECT in its own SQL, every value in a form that both ways of reading share."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import pyarrow as pa
from sqlalchemy import Connection, inspect

from connectors.base import CURSOR, ROW_NUMBER, Window
from connectors.dialects import Dialect, Field
from connectors.errors import SourceError, listed, nearest
from connectors.expressions import columns_of, literal
from connectors.pipeline import in_zone
from connectors.sources import Table
from connectors.statements import single_select


@dataclass(frozen=True)
class Asked:
    """A declared table in the database's terms."""

    dialect: Dialect
    table: Table
    rows: str  # what stands after FROM
    fields: tuple[Field, ...]  # its columns; the last is the cursor where the table has one

    def needed(self, columns: list[str] | None) -> tuple[Field, ...]:
        """The fields to ask for: those wanted, and those that our own `where` and `unpivot` look at."""
        if columns is None:
            return self.fields
        unpivot = self.table.unpivot
        seen = [*(columns_of(self.table.where) if self.table.where else []), *(unpivot.columns if unpivot else [])]
        there = {field.name.lower() for field in self.fields}
        made = {ROW_NUMBER, CURSOR, *([unpivot.question.lower(), unpivot.value.lower()] if unpivot else [])}
        if absent := [name for name in columns if name.lower() not in there | made]:
            raise SourceError(f"there is no column {absent[0]!r}{nearest(absent[0], there)}; there is {listed(there)}")
        wanted = {name.lower() for name in [*columns, *seen, CURSOR]}
        return tuple(field for field in self.fields if field.name.lower() in wanted) or self.fields[:1]

    def select(self, fields: tuple[Field, ...], window: Window | None, zone: str, *, scanned: bool) -> str:
        """The one statement. zone: where an instant with a zone is put if the cursor has none; scanned: the scanner reads it."""
        carried = ", ".join(f"{self._carried(field, scanned)} as {self.dialect.quoted(field.name)}" for field in fields)
        sql = f"select {carried} from {self.rows}"
        if window is None or not self.table.incremental:
            return sql
        kind = self.fields[-1].type
        bounds = [(sign, _bound(value, kind, zone)) for sign, value in ((">=", window.start), ("<", window.end))]
        tests = [f"{self.dialect.compared(self.table.incremental, kind)} {sign} {value}" for sign, value in bounds if value is not None]
        kept = f" where ({' and '.join(tests)}) or ({self.table.incremental}) is null" if tests else ""
        return f"{sql}{kept} order by ({self.table.incremental})"

    def _carried(self, field: Field, scanned: bool) -> str:
        x = f"({self.table.incremental})" if field.name == CURSOR else self.dialect.quoted(field.name)
        sql = field.sql.format(x=x)
        return self.dialect.scanned.get(field.type, "{x}").format(x=sql) if scanned else sql


def asked(connection: Connection, dialect: Dialect, table: Table) -> Asked:
    """Look at the table or query. Raises SourceError naming the nearest where there is none of that name."""
    if table.query:
        rows, declared = f"({single_select(table.query)}\n) source", {}
    else:
        schema, name = _found(connection, table.from_ or "")
        rows = ".".join(dialect.quoted(part) for part in (schema, name) if part)
        declared = {c["name"].lower(): str(c["type"]) for c in inspect(connection).get_columns(name, schema)} if dialect.types_are_declared else {}
    fields = dialect.fields(connection, rows, declared)
    if table.incremental:
        cursor = f"(select ({table.incremental}) as {dialect.quoted(CURSOR)} from {rows}) cursors"
        fields = [*fields, dialect.fields(connection, cursor, {CURSOR: "DATETIME"})[0]]
    return Asked(dialect, table, rows, tuple(fields))


def _found(connection: Connection, wanted: str) -> tuple[str | None, str]:
    """Schema and name of a table as the database spells them."""
    schema, _, name = wanted.rpartition(".")
    inspector = inspect(connection)
    if schema and schema not in (schemas := inspector.get_schema_names()):
        raise SourceError(f"there is no schema {schema!r}{nearest(schema, schemas)}; there is {listed(schemas)}")
    there = _tables(inspector, schema or None)
    same = [t for t in there if t == name] or [t for t in there if t.lower() == name.lower()]
    if len(same) != 1:
        raise SourceError(f"there is no table or view {wanted!r}{nearest(name, there)}; there is {listed(there, 20)}")
    return schema or None, same[0]


def _tables(inspector, schema: str | None) -> list[str]:
    try:
        materialized = inspector.get_materialized_view_names(schema)
    except NotImplementedError:
        materialized = []
    return [*inspector.get_table_names(schema), *inspector.get_view_names(schema), *materialized]


def _bound(value, kind: pa.DataType, zone: str) -> str | None:
    """A bound as SQL; None where there is none, or an instant would be compared with a number."""
    if value is None or (isinstance(value, dt.datetime) and not (pa.types.is_temporal(kind) or pa.types.is_string(kind))):
        return None
    if isinstance(value, dt.datetime):
        zoned = pa.types.is_timestamp(kind) and kind.tz is not None
        text = in_zone(value, None if zoned else zone).isoformat(" ")
        return literal(text.rstrip("0") if "." in text else text)
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else literal(str(value))
