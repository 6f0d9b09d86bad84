"""SQLite, where a column may hold anything: its type is that of its values, found in one pass over the table."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import pyarrow as pa
from sqlalchemy import Connection
from sqlalchemy.engine import URL

from connectors.dialects import BYTES, DAY, FLOAT, INT, NAIVE, SAMPLE, TEXT, Dialect, Field, described
from connectors.inference import NEARLY

ANY = "case typeof({x}) when 'blob' then hex({x}) else cast({x} as text) end"
KINDS = "min(nullif(typeof({x}), 'null')), max(nullif(typeof({x}), 'null'))"  # in the order of the alphabet: blob, integer, real, text
DAYS = "min({x} = date({x}, '+0 days'))"  # the modifier makes 31 February another day, and so unequal
INSTANTS = (
    "min(case length({x}) when 19 then replace({x}, 'T', ' ') = datetime({x}, '+0 days') when 10 then {x} = date({x}, '+0 days')"
    " else replace(substr({x}, 1, 19), 'T', ' ') = datetime(substr({x}, 1, 19), '+0 days') and substr({x}, 20, 1) = '.'"
    " and ltrim(substr({x}, 21), '0123456789') = '' end)"
)
NUMBERS = "avg({x} <> '' and trim({x}, '-0123456789.') = '')"  # share of the first rows' texts that look like numbers
HELD = {  # the smallest and largest storage class of a column → its type
    ("integer", "integer"): INT, ("integer", "real"): FLOAT, ("real", "real"): FLOAT, ("blob", "blob"): BYTES,
}  # fmt: skip


class SQLite(Dialect):
    """SQLite: numbers and bytes by what is stored; days and instants where they are declared as such and all are real."""

    scanner = "sqlite_scanner"
    types_are_declared = True
    scanned: ClassVar = {
        FLOAT: "case when {x} is not null then printf('%!.17g', {x}) end", BYTES: "case when {x} is not null then hex({x}) end",
    }  # fmt: skip

    def fields(self, connection: Connection, rows: str, declared: dict[str, str]) -> list[Field]:
        names = [column[0] for column in described(connection, f"select * from {rows} limit 0")[0]]
        told = [declared.get(name.lower(), "").upper() for name in names]
        cursor = connection.connection.cursor()
        asked = [part.format(x=self.quoted(name)) for name, type_ in zip(names, told, strict=True) for part in _questions(type_)]
        found = iter(cursor.execute(f"select {', '.join(asked)} from {rows}").fetchone())
        looks = cursor.execute(f"select {', '.join(NUMBERS.format(x=self.quoted(n)) for n in names)} from (select * from {rows} limit {SAMPLE})").fetchone()
        return [_field(name, type_, [next(found) for _ in range(4)], share or 0) for name, type_, share in zip(names, told, looks, strict=True)]

    def compared(self, expression: str, kind: pa.DataType) -> str:
        is_number = pa.types.is_integer(kind) or pa.types.is_floating(kind)
        return f"({expression})" if is_number else f"replace({expression}, 'T', ' ') || ' 00:00:00'"  # compared as text: a day is its midnight

    def state(self, url: URL) -> tuple | None:
        files = [Path(f"{url.database}{suffix}") for suffix in ("", "-wal")]
        return tuple((file.stat().st_size, file.stat().st_mtime_ns) for file in files if file.exists()) or None

    def attach(self, url: URL, timeout: float) -> tuple[str, dict[str, str]]:
        """(connection string, settings) for the scanner."""
        return url.database or "", {}


def _is_text(declared: str) -> bool:
    """Whether SQLite itself makes a text of whatever is put into a column so declared."""
    return "INT" not in declared and any(word in declared for word in ("CHAR", "CLOB", "TEXT"))


def _questions(declared: str) -> tuple[str, str, str]:
    """What is asked about a column, four answers in all: storage classes, whether all are days, whether all are instants."""
    if _is_text(declared):
        return "count({x}), null", "null", "null"
    is_instant = "DATE" in declared or "TIME" in declared
    return KINDS, DAYS if is_instant and "TIME" not in declared else "null", INSTANTS if is_instant else "null"


def _field(name: str, declared: str, answers: list, numbers: float) -> Field:
    least, most, all_days, all_instants = answers
    mostly = "DOUBLE" if numbers >= NEARLY else None
    if not least:  # no value, or a text column without one
        return Field(name, TEXT, "cast({x} as text)", "NULL")
    if _is_text(declared):
        return Field(name, TEXT, ANY, mostly)
    if (least, most) in HELD:
        return Field(name, HELD[least, most])
    if all_days:
        return Field(name, DAY)
    return Field(name, NAIVE, "replace({x}, 'T', ' ')") if all_instants else Field(name, TEXT, ANY, mostly)
