"""The mapping: a source's rows become rows of the contract, and every value that cannot be read says why.

A batch is mapped by one query in an in-memory engine that can reach nothing. A value that cannot be computed or does not
fit the contract's type becomes null and leaves a fault; whether the row may enter the warehouse is decided later, from
the faults and the contract's rules.
"""

from __future__ import annotations

import re

import duckdb
import pyarrow as pa

from connectors import casts
from connectors.base import CURSOR, FAULT, ROW_NUMBER, SourceError
from connectors.casts import Zones
from connectors.errors import listed, nearest
from connectors.expressions import columns_of, literal, locked, quoted, readable, with_columns_replaced
from connectors.sources import Source, Table
from warehouse import contract
from warehouse.contract import Column

ADDED_LATER = ("extracted_at", "load_id")
OURS = {ROW_NUMBER, CURSOR, FAULT}
MOSTLY = b"mostly"  # field metadata: the type that nearly all values of a text column have
NUMERIC = re.compile(r"BIGINT|DOUBLE|DECIMAL\(\d+,\d+\)|DATE|TIMESTAMP|BOOLEAN|TIMESTAMPTZ|NULL")
SHOWN = 80  # characters of a value in a fault


class Mapper:
    """Maps the batches of one table of a source.

    declared: the names of all sources of the file; a reference that begins with one and a colon is left as it is.
    zone: the business zone, in which days are counted.

    Raises SourceError at once if an expression contains something that is refused, and at the first batch if an
    expression names a column that the source does not have.
    """

    def __init__(self, source: Source, table: Table, declared: set[str], zone: str):
        self.source, self.table = source, table
        self.entity = table.entity or table.name
        self.declared = sorted({*declared, source.name})
        self.zones = Zones(source.timezone or zone, zone)
        self.needed = {name: self._reads(name, sql) for name, sql in table.columns.items()}
        self._bound: tuple[pa.Schema, str] | None = None
        self._engine = locked(casts.MACROS)

    def map(self, batch: pa.RecordBatch) -> pa.Table:
        """One row per row of the batch, in its order.

        Columns: the contract's without extracted_at and load_id, in their types; `_row` (int64, the row's number in the
        source), `_faults` (list of text, empty where all is well), `_raw` (the row as JSON where there are faults).
        Raises SourceError where an expression cannot be used on these columns at all.
        """
        return self._run(self._query(batch.schema), batch)

    def raw(self, batch: pa.RecordBatch, rows: list[int]) -> list[str]:
        """The rows at these positions of the batch (from 0) as JSON objects of the source's columns."""
        chosen = batch.take(pa.array(rows, pa.int64()))
        return self._run(f"select {_json_of(chosen.schema)} as raw from batch as source", chosen)["raw"].to_pylist()

    def key_columns(self) -> list[str]:
        """The source's columns that the key of the entity is made of: what a sweep for vanished rows has to read."""
        keys = [key for key in contract.KEYS[self.entity] if key in self.needed]
        return list(dict.fromkeys(column for key in keys for column in self.needed[key]))

    def columns(self) -> list[str]:
        """The source's columns that any expression reads."""
        return list(dict.fromkeys(column for needed in self.needed.values() for column in needed))

    def explain(self) -> str:
        """How the table is computed, as SQL to read."""
        width = max(map(len, self.table.columns), default=0)
        computed = ",\n".join(f"  {name:<{width}} = {sql}" for name, sql in self.table.columns.items())
        origin = self.table.from_ or ("(" + self.table.query + ")" if self.table.query else "rows of the sources file")
        where = f"\nwhere {self.table.where}" if self.table.where else ""
        return f"{self.entity} from {self.source.name}: {origin}{where}\n{computed}"

    def check(self, schema: pa.Schema) -> list[tuple[str, str]]:
        """(column, what is wrong) for every expression that cannot be used on these columns."""
        return [(name, text) for name, (_, text) in self._bind(schema).items() if text]

    def close(self) -> None:
        """Give back the engine."""
        self._engine.close()

    def _reads(self, name: str, sql: str) -> list[str]:
        try:
            return columns_of(sql)
        except SourceError as error:
            raise SourceError(f"{self.source.name}.{self.table.name}.{name}: {error}") from None

    def _run(self, sql: str, batch: pa.RecordBatch) -> pa.Table:
        self._engine.register("batch", pa.Table.from_batches([batch]))
        try:
            return self._engine.execute(sql).to_arrow_table()
        except duckdb.Error as error:
            raise SourceError(f"{self.source.name}.{self.table.name}: the mapping failed: {_first_line(error)}") from None
        finally:
            self._engine.unregister("batch")

    def _query(self, schema: pa.Schema) -> str:
        if self._bound is None or not self._bound[0].equals(schema, check_metadata=True):
            bound = self._bind(schema)
            if wrong := [f"{name}: {text}" for name, (_, text) in bound.items() if text]:
                raise SourceError("\n".join(f"{self.source.name}.{self.table.name}.{line}" for line in wrong))
            self._bound = schema, self._select(schema, {name: typed for name, (typed, _) in bound.items()})
        return self._bound[1]

    # --- which expression gives which type -------------------------------------------------------------------------

    def _bind(self, schema: pa.Schema) -> dict[str, tuple[tuple[str, str] | None, str]]:
        """For each mapped column ((SQL, type), "") or (None, what is wrong)."""
        self._engine.register("batch", schema.empty_table())
        try:
            return {name: self._bind_one(sql, self.needed[name], schema) for name, sql in self.table.columns.items()}
        finally:
            self._engine.unregister("batch")

    def _bind_one(self, sql: str, needed: list[str], schema: pa.Schema):
        there = {name.lower() for name in schema.names}
        if absent := [name for name in needed if name.lower() not in there]:
            own = [name for name in schema.names if name not in OURS]
            return None, "; ".join(f"the source has no column {name!r}{nearest(name, own)}" for name in absent) + f"; it has {listed(own)}"
        reasons = []
        for attempt in (sql, self._with_numbers(sql, needed, schema)):
            try:
                return (attempt, self._type(attempt)), ""
            except duckdb.Error as error:
                reasons.append(_first_line(error))
        return None, f"{sql!r} cannot be computed: {reasons[0]}"

    def _type(self, sql: str) -> str:
        return self._engine.execute(f"describe select (\n{sql}\n) as v, try({{'v': (\n{sql}\n)}}) as tried from batch as source").fetchone()[1]

    def _with_numbers(self, sql: str, needed: list[str], schema: pa.Schema) -> str:
        """The expression with text columns that nearly always hold a number or day read as such."""
        mostly = {field.name.lower(): _mostly(field) for field in schema if _mostly(field)}
        parts = {name.lower(): readable(name, mostly[name.lower()]) for name in needed if name.lower() in mostly}
        return with_columns_replaced(sql, parts) if parts else sql

    # --- the one query ----------------------------------------------------------------------------------------------

    def _select(self, schema: pa.Schema, typed: dict[str, tuple[str, str]]) -> str:
        """Three steps: each expression tried, its value as the source gives it, its value in the contract's type."""
        tried = [f"try({{'v': (\n{sql}\n)}}) as {quoted('t_' + name)}" for name, (sql, _) in typed.items()]
        given = {name: casts.family(kind) for name, (_, kind) in typed.items()}
        value = [f"{_given(quoted('t_' + name), given[name])} as {quoted('s_' + name)}" for name in typed]
        columns = [c for c in contract.columns(self.entity).values() if c.name not in ADDED_LATER]
        mapped = {c.name: casts.cast(c.kind, quoted("s_" + c.name), given[c.name], self.zones) for c in columns if c.name in typed}
        cast = [f"{mapped[name].value} as {quoted('v_' + name)}" for name in mapped]
        faulty = [self._faulty(name) for name in mapped]
        reader = quoted(FAULT) if FAULT in schema.names else "null::varchar"
        faults = ", ".join([reader, *(self._fault(name, mapped[name].wrong) for name in mapped)])
        inner = ", ".join(
            [*tried, f"{self._extra(schema)} as extra_", f"{quoted(ROW_NUMBER)}::bigint as row_", f"{reader} as {quoted(FAULT)}", "source as source_"]
        )
        return f"""
            select {", ".join([*(self._column(c, mapped, given) for c in columns), "row_ as _row"])},
                case when faulty_ then list_filter([{faults}], lambda f: f is not null) else []::varchar[] end as _faults,
                case when faulty_ then {_json_of(schema, "source_.")} end as _raw
            from (select *, {" or ".join([f"{quoted(FAULT)} is not null", *faulty])} as faulty_
                from (select *, {", ".join(cast)}
                    from (select *, {", ".join(value)} from (select {inner} from batch as source))))"""

    def _column(self, column: Column, mapped: dict, given: dict) -> str:
        return f"{self._value(column, mapped, given)} as {quoted(column.name)}"

    def _value(self, column: Column, mapped: dict, given: dict) -> str:
        kind = SQL_TYPES[column.kind]
        if column.name == "source":
            return literal(self.source.name)
        if column.name == "source_id":
            return self._source_id(mapped, given)
        if column.name == "extra":
            return "extra_"
        default = literal(str(column.default)) if column.default is not None else "null"
        if column.name not in mapped:
            return f"cast({default} as {kind})"
        value = quoted("v_" + column.name)
        if column.kind == "id":
            return self._with_source(value)
        return f"case when {quoted('s_' + column.name)} is null and {quoted('t_' + column.name)} is not null then {default} else {value} end::{kind}"

    def _with_source(self, value: str) -> str:
        known = ", ".join(map(literal, self.declared))
        return (
            f"case when instr({value}, ':') > 0 and split_part({value}, ':', 1) in ({known}) then {value} else {literal(self.source.name + ':')} || {value} end"
        )

    def _source_id(self, mapped: dict, given: dict) -> str:
        """The key's values as the source has them, joined with "|"; null where all are missing."""
        parts = [f"without_decimals({casts.as_text(quoted('s_' + key), given[key])})" for key in contract.KEYS[self.entity] if key in mapped]
        joined = " || '|' || ".join(f"coalesce({part}, '')" for part in parts)
        return f"case when coalesce({', '.join(parts)}) is not null then {joined} end" if parts else "null::varchar"

    def _faulty(self, name: str) -> str:
        tried, source, value = (quoted(prefix + name) for prefix in ("t_", "s_", "v_"))
        return f"({tried} is null or {source} is not null and {value} is null)"

    def _fault(self, name: str, wrong: str) -> str:
        shown = f"{literal(name + ': ')} || chr(39) || left(cast({quoted('s_' + name)} as varchar), {SHOWN}) || chr(39) || ' ' || {wrong}"
        values = " || ', ' || ".join(
            f"{literal(c + ' ')} || coalesce(chr(39) || left(source_.{quoted(c)}::varchar, {SHOWN}) || chr(39), 'nothing')" for c in self.needed[name]
        )
        failed = literal(f"{name}: {self.table.columns[name]} cannot be computed from ") + (f" || {values}" if values else "")
        return f"case when {quoted('t_' + name)} is null then {failed} when {self._faulty(name)} then {shown} end"

    def _extra(self, schema: pa.Schema) -> str:
        """The columns that no expression reads, as a JSON object without nulls; null where nothing is left."""
        used = {column.lower() for column in self.columns()} | OURS
        pairs = [_pair(name) for name in schema.names if name.lower() not in used]
        return f"'{{' || nullif(concat_ws(',', {', '.join(pairs)}), '') || '}}'" if pairs else "null::varchar"


SQL_TYPES = {
    "text": "varchar", "id": "varchar", "json": "varchar", "int": "bigint", "float": "double", "bool": "boolean",
    "decimal": "decimal(18, 4)", "day": "date", "instant": "timestamptz",
}  # fmt: skip


def _given(tried: str, family: str) -> str:
    return f"nullif(trim({tried}.v), '')" if family == "text" else f"{tried}.v"


def _pair(name: str, prefix: str = "") -> str:
    return f"{literal(_json_key(name))} || to_json({prefix}{quoted(name)})"


def _json_key(name: str) -> str:
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}":'


def _json_of(schema: pa.Schema, prefix: str = "") -> str:
    pairs = [_pair(name, prefix) for name in schema.names if name not in (CURSOR, FAULT)]
    return f"'{{' || concat_ws(',', {', '.join(pairs)}) || '}}'"


def _mostly(field: pa.Field) -> str | None:
    kind = (field.metadata or {}).get(MOSTLY, b"").decode()
    return kind if NUMERIC.fullmatch(kind) else None


def _first_line(error: Exception) -> str:
    return str(error).split("\n")[0].removeprefix("Binder Error: ").removeprefix("Conversion Error: ")
