"""The rows of a declared table as SQL over its typed `source`: query, unpivot, where, window, pruning.

A row that the reader could not make out (`_fault`) passes by all of these, so that it arrives in the quarantine.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from zoneinfo import ZoneInfo

import duckdb

from connectors import casts
from connectors.base import CURSOR, FAULT, ROW_NUMBER, Window
from connectors.errors import SourceError, listed, nearest
from connectors.expressions import CLOCK, columns_of, literal, parser, quoted, readable, with_columns_replaced
from connectors.sources import Table


def check_query(sql: str) -> None:
    """A query over `source` reads nothing else. Raises SourceError saying what is refused."""
    answer = json.loads(parser().cursor().execute("select json_serialize_sql(?::varchar)", [sql]).fetchone()[0])
    if answer["error"]:
        raise SourceError(f"the query is not one SELECT: {answer['error_message']}")
    if len(answer["statements"]) != 1:
        raise SourceError("the query is more than one statement; write one SELECT from source")
    nodes = list(_dicts(answer["statements"][0]))
    known = {"source"} | {entry["key"].lower() for node in nodes if "cte_map" in node for entry in node["cte_map"]["map"]}
    for node in nodes:
        _refuse(node, known)


def _refuse(node: dict, known: set[str]) -> None:
    if node.get("type") == "BASE_TABLE" and (node["schema_name"] or node["catalog_name"] or node["table_name"].lower() not in known):
        raise SourceError(f"the query reads {node['table_name']!r}; it may read source, the table's own files, and nothing else")
    if node.get("type") == "TABLE_FUNCTION" and (name := node["function"]["function_name"]) != "unnest":
        raise SourceError(f"the query calls {name}; it may read source, the table's own files, and nothing else")
    if node.get("class") == "FUNCTION" and node["function_name"].lower() in CLOCK | {"getenv", "random", "uuid", "current_setting"}:
        raise SourceError(f"the query calls {node['function_name']}, which does not give the same answer every time")


def _dicts(tree) -> Iterator[dict]:
    if isinstance(tree, dict):
        yield tree
        tree = list(tree.values())
    if isinstance(tree, list):
        for item in tree:
            yield from _dicts(item)


class Pipeline:
    """SQL for one table, over a relation `source` (with row_number and perhaps _fault) in an engine."""

    def __init__(self, engine: duckdb.DuckDBPyConnection, table: Table, where: str, mostly: dict[str, str], has_faults: bool, zone: str):
        self.engine, self.table, self.where, self.zone = engine, table, where, zone
        self.mostly = {name.lower(): kind for name, kind in mostly.items()}
        good = f"select * exclude ({quoted(FAULT)}) from source where {quoted(FAULT)} is null" if has_faults else "select * from source"
        self.rows = self._with_cursor(self._filtered(self._unpivoted(self._queried(good))))
        if has_faults:
            self.rows = f"select * from ({self.rows}) union all by name select * from source where {quoted(FAULT)} is not null"

    def sql(self, window: Window | None = None, columns: list[str] | None = None) -> str:
        """The rows in a window, with the columns asked for and our own."""
        there = self.names(self.rows)
        wanted = {name.lower() for name in (columns if columns is not None else there)} | {ROW_NUMBER, CURSOR, FAULT}
        if absent := [name for name in columns or [] if name.lower() not in {n.lower() for n in there}]:
            raise SourceError(f"{self.where}: there is no column {absent[0]!r}{nearest(absent[0], there)}; there is {listed(there)}")
        kept = ", ".join(quoted(name) for name in there if name.lower() in wanted)
        return f"select {kept} from ({self.rows}) {self._within(window)}"

    def names(self, sql: str) -> list[str]:
        """The columns of a query."""
        return [row[0] for row in self._describe(sql)]

    def _describe(self, sql: str) -> list[tuple]:
        try:
            return self.engine.execute(f"describe {sql}").fetchall()
        except duckdb.Error as error:
            raise SourceError(f"{self.where}: {first_line(error)}") from None

    def _queried(self, rows: str) -> str:
        if not self.table.query:
            return rows
        try:
            check_query(self.table.query)
        except SourceError as error:
            raise SourceError(f"{self.where}.query: {error}") from None
        sql = f"with source as ({rows}) select * from (\n{self.table.query}\n) as answered"
        numbered = ROW_NUMBER in [name.lower() for name in self.names(sql)]
        return sql if numbered else f"select *, row_number() over () as {ROW_NUMBER} from ({sql})"

    def _unpivoted(self, rows: str) -> str:
        unpivot = self.table.unpivot
        if unpivot is None:
            return rows
        there = {name.lower(): name for name in self.names(rows)}
        if absent := [name for name in unpivot.columns if name.lower() not in there]:
            hints = "; ".join(f"there is no column {name!r}{nearest(name, there.values())}" for name in absent)
            raise SourceError(f"{self.where}.unpivot: {hints}; there is {listed(there.values())}")
        listed_columns = [there[name.lower()] for name in unpivot.columns]
        texts = ", ".join(f"cast({quoted(name)} as varchar) as {quoted(name)}" for name in listed_columns)
        names = ", ".join(map(quoted, listed_columns))
        return (
            f"select * from (select * replace ({texts}) from ({rows})) "
            f"unpivot include nulls ({quoted(unpivot.value)} for {quoted(unpivot.question)} in ({names}))"
        )

    def _filtered(self, rows: str) -> str:
        if not self.table.where:
            return rows
        test = self._fitted(self.table.where, rows, "where")
        reason = literal(f"where {self.table.where} cannot be computed for this row")
        tried = f"select *, try({{'v': ({test})}}) as tried_ from ({rows}) as source"
        return f"select * exclude (tried_), case when tried_ is null then {reason} end as {quoted(FAULT)} from ({tried}) where tried_ is null or tried_.v"

    def _with_cursor(self, rows: str) -> str:
        if not self.table.incremental:
            return rows
        return f"select *, ({self._fitted(self.table.incremental, rows, 'incremental')}) as {CURSOR} from ({rows}) as source"

    def _fitted(self, expression: str, rows: str, key: str) -> str:
        """The expression, with text columns that are mostly numbers read as such where it does not work otherwise."""
        names = self.names(rows)
        there = {name.lower() for name in names}
        needed = columns_of(expression)
        if absent := [name for name in needed if name.lower() not in there]:
            raise SourceError(f"{self.where}.{key}: there is no column {absent[0]!r}{nearest(absent[0], names)}; there is {listed(names)}")
        parts = {n.lower(): readable(n, self.mostly[n.lower()]) for n in needed if n.lower() in self.mostly}
        try:
            self.engine.execute(f"describe select (\n{expression}\n) from ({rows}) as source")
        except duckdb.Error as error:
            if not parts:
                raise SourceError(f"{self.where}.{key}: {expression!r} cannot be computed: {first_line(error)}") from None
            return with_columns_replaced(expression, parts)
        return f"\n{expression}\n"

    def _within(self, window: Window | None) -> str:
        if window is None or not self.table.incremental:
            return ""
        kind = {row[0]: row[1] for row in self._describe(self.rows)}[CURSOR]
        bounds = [(sign, sql_literal(bound, kind, self.zone)) for sign, bound in ((">=", window.start), ("<", window.end)) if bound is not None]
        tests = [f"{CURSOR} {sign} {bound}" for sign, bound in bounds if bound is not None]
        return f"where ({' and '.join(tests)}) or {CURSOR} is null" if tests else ""


def in_zone(instant: dt.datetime, zone: str | None) -> dt.datetime:
    """An instant as a bound: one with a zone goes naive into `zone`, or into UTC where the cursor has zones itself."""
    if instant.tzinfo is None:
        return instant
    return instant.astimezone(ZoneInfo(zone) if zone else dt.UTC).replace(tzinfo=None)


def sql_literal(value, kind: str, zone: str) -> str | None:
    """A bound of a window as SQL for a cursor of a type; None where an instant would be compared with a number."""
    if isinstance(value, dt.datetime):
        if casts.family(kind) in ("int", "float", "decimal"):
            return None
        return literal(in_zone(value, None if casts.family(kind) == "instant" else zone).isoformat(" "))
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else literal(str(value))


def first_line(error: Exception) -> str:
    """The first line of an engine's message, without its kind."""
    line = str(error).split("\n")[0]
    return line.split("Error: ", 1)[-1]
