"""What differs between databases: which types a query has, how a value travels, how the engine's scanner is attached.

A column's type comes from the database itself (the driver's description of the result; in SQLite, which has none, from the
values' storage classes). The SQL that is sent brings every value into a form that both ways of reading, the scanner and
SQLAlchemy, understand in the same way: that is why both give the same rows.
"""

from __future__ import annotations

import datetime as dt
import importlib
from decimal import Decimal
from pathlib import Path
from typing import ClassVar, NamedTuple

import pyarrow as pa
from sqlalchemy import Connection
from sqlalchemy.engine import URL

from connectors.errors import SourceError

TEXT, INT, FLOAT, BOOL, DAY, BYTES = pa.string(), pa.int64(), pa.float64(), pa.bool_(), pa.date32(), pa.binary()
NAIVE, INSTANT = pa.timestamp("us"), pa.timestamp("us", "UTC")
WHOLE = pa.decimal128(20, 0)  # unsigned 64 bit
OPEN = pa.decimal128(38, 10)  # a numeric without declared digits


SAMPLE = 1_000  # rows that types are guessed from where a driver does not name them


class Field(NamedTuple):
    """A column of a query: its type, and the SQL its value travels as ({x} is the column)."""

    name: str
    type: pa.DataType
    sql: str = "{x}"
    mostly: str | None = None  # for text: what nearly all values are


def quoted(name: str, mark: str) -> str:
    """An identifier in the database's own quotation marks."""
    return mark + name.replace(mark, mark * 2) + mark


def described(connection: Connection, sql: str):
    """The driver's description of a query, without running it to its end."""
    cursor = connection.connection.cursor()
    try:
        cursor.execute(sql)
        result = getattr(cursor, "_result", None)  # PyMySQL: the only place where it tells text from bytes
        return list(cursor.description or ()), list(getattr(result, "fields", ()) or ())
    finally:
        cursor.close()


class Dialect:
    """Any database that SQLAlchemy knows. Types come from the driver where it names them, else from the first rows."""

    mark = '"'
    scanner: str | None = None
    running: str | None = None  # SQL: what of ours runs with {tag} in it, to be ended by `end`
    end: str | None = None
    scanned: ClassVar[dict[pa.DataType, str]] = {}  # how a type travels through the scanner, where that knows only text
    types_are_declared = False  # the types of values have to be compared with what the table declares

    def quoted(self, name: str) -> str:
        """An identifier as SQL."""
        return quoted(name, self.mark)

    def compared(self, expression: str, kind: pa.DataType) -> str:
        """The cursor expression as it is compared with a bound."""
        return f"({expression})"

    def state(self, url: URL) -> tuple | None:
        """Changes when anything in the database may have changed; None where that cannot be seen."""
        return None

    def fields(self, connection: Connection, rows: str, declared: dict[str, str]) -> list[Field]:
        """The columns of `rows` ("table" or "(query) as source"); `declared` types by lower-case name, where the rows are a table."""
        cursor = connection.connection.cursor()
        try:
            cursor.execute(f"select * from {rows}")
            codes = [column[:2] for column in cursor.description]
            sample = cursor.fetchmany(SAMPLE)
        finally:
            cursor.close()
        return [Field(name, _python_type(code, [row[i] for row in sample])) for i, (name, code) in enumerate(codes)]


PYTHON = {bool: BOOL, int: INT, float: FLOAT, Decimal: OPEN, str: TEXT, bytes: BYTES, bytearray: BYTES, dt.date: DAY, dt.datetime: NAIVE}


def _python_type(code, values: list) -> pa.DataType:
    kinds = {code} if code in PYTHON else {type(value) for value in values if value is not None}
    if any(isinstance(value, dt.datetime) and value.tzinfo for value in values):
        return INSTANT
    if kinds <= {int, float, Decimal} and len(kinds) > 1:
        return OPEN if float not in kinds else FLOAT
    return PYTHON.get(next(iter(kinds)), TEXT) if len(kinds) == 1 else TEXT


class Postgres(Dialect):
    """PostgreSQL: NaN and infinity become null, json, uuid, arrays and the like text."""

    scanner = "postgres_scanner"
    running = "select pid from pg_stat_activity where query like '%{tag}%' and pid <> pg_backend_pid() and usename = current_user"
    end = "select pg_cancel_backend({found})"
    finite = "case when isfinite({x}) then {x} end"
    types: ClassVar = {
        16: (BOOL, "{x}"), 20: (INT, "{x}"), 21: (INT, "{x}::int8"), 23: (INT, "{x}::int8"), 26: (INT, "{x}::int8"),
        700: (FLOAT, "{x}::float8"), 701: (FLOAT, "{x}"), 17: (BYTES, "{x}"), 25: (TEXT, "{x}"), 1043: (TEXT, "{x}::text"),
        1082: (DAY, finite), 1114: (NAIVE, finite), 1184: (INSTANT, finite),
    }  # fmt: skip

    def fields(self, connection: Connection, rows: str, declared: dict[str, str]) -> list[Field]:
        description, _ = described(connection, f"select * from {rows} limit 0")
        return [self._field(*column[:2], column[4], column[5]) for column in description]

    def _field(self, name: str, oid: int, precision: int | None, scale: int | None) -> Field:
        if oid != 1700:
            return Field(name, *self.types.get(oid, (TEXT, "{x}::text")))
        fits = precision is not None and precision <= 38 and 0 <= (scale or 0) <= precision
        type_ = pa.decimal128(max(precision, 18), scale or 0) if fits else OPEN
        return Field(name, type_, f"nullif({{x}}, 'NaN')::numeric({type_.precision}, {type_.scale})")

    def attach(self, url: URL, timeout: float) -> tuple[str, dict[str, str]]:
        """(connection string, settings) for the scanner."""
        parts = {
            "host": url.host, "port": url.port, "user": url.username, "password": url.password, "dbname": url.database, "connect_timeout": 10,
            "application_name": "rapport", "options": "-c default_transaction_read_only=on -c timezone=UTC",
            **{k: v for k, v in url.query.items() if k.startswith("ssl")},
        }  # fmt: skip
        return _string(parts, "'"), {}


class MySQL(Dialect):
    """MySQL and MariaDB: tinyint(1) is a number, zero dates are null, TIMESTAMP is an instant and DATETIME is not."""

    mark = "`"
    scanner = "mysql_scanner"
    running = "select id from information_schema.processlist where info like '%{tag}%' and id <> connection_id()"
    end = "kill query {found}"
    real_day = "case when month({x}) > 0 and day({x}) > 0 then {x} end"
    types: ClassVar = {
        1: (INT, "{x}"), 2: (INT, "{x}"), 3: (INT, "{x}"), 9: (INT, "{x}"), 8: (INT, "{x}"), 13: (INT, "{x} + 0"), 16: (INT, "{x} + 0"),
        4: (FLOAT, "cast({x} as double)"), 5: (FLOAT, "{x}"), 10: (DAY, real_day), 14: (DAY, real_day), 12: (NAIVE, real_day), 7: (INSTANT, real_day),
        11: (TEXT, "cast({x} as char)"), 247: (TEXT, "cast({x} as char)"), 248: (TEXT, "cast({x} as char)"), 245: (TEXT, "cast({x} as char)"),
        255: (TEXT, "st_astext({x})"),
    }  # fmt: skip
    texts, binary, unsigned = frozenset({15, 249, 250, 251, 252, 253, 254}), 63, 32

    def fields(self, connection: Connection, rows: str, declared: dict[str, str]) -> list[Field]:
        description, details = described(connection, f"select * from {rows} limit 0")
        return [self._field(column, detail) for column, detail in zip(description, details, strict=True)]

    def _field(self, column, detail) -> Field:
        name, code, flags = column[0], column[1], detail.flags
        if code in (0, 246):
            precision = detail.length - (detail.scale > 0) - (0 if flags & self.unsigned else 1)
            type_ = pa.decimal128(max(18, precision), detail.scale) if precision <= 38 else OPEN
            return Field(name, type_, "{x}" if precision <= 38 else "cast({x} as decimal(38, 10))")
        if code == 8 and flags & self.unsigned:
            return Field(name, WHOLE, "cast({x} as decimal(30, 0))")
        if code in self.texts:
            return Field(name, BYTES if detail.charsetnr == self.binary else TEXT)
        return Field(name, *self.types.get(code, (TEXT, "cast({x} as char)")))

    def attach(self, url: URL, timeout: float) -> tuple[str, dict[str, str]]:
        """(connection string, settings) for the scanner."""
        parts = {"host": url.host, "port": url.port, "user": url.username, "password": url.password, "database": url.database}
        settings = {
            "mysql_session_time_zone": "+00:00", "mysql_tinyint1_as_boolean": "false", "mysql_bit1_as_boolean": "false",
            "mysql_incomplete_dates_as_nulls": "true",
        }  # fmt: skip
        return _string(parts, '"'), settings


def _string(parts: dict, mark: str) -> str:
    """A connection string; values in quotation marks."""
    return " ".join(f"{key}={mark}{_escaped(str(value), mark)}{mark}" for key, value in parts.items() if value is not None)


def _escaped(value: str, mark: str) -> str:
    return value.replace("\\", "\\\\").replace(mark, "\\" + mark)


def extension(name: str) -> Path:
    """The file of a scanner extension, as its package brings it. Raises SourceError if the package is missing."""
    try:
        folder = Path(importlib.import_module(f"duckdb_extension_{name}").__file__).parent
        return next(folder.glob(f"extensions/*/{name}.duckdb_extension"))
    except (ImportError, StopIteration):
        raise SourceError(f'the package duckdb-extension-{name.replace("_", "-")} is not installed; install it, or say via = "sqlalchemy"') from None
