"""Frames on DuckDB that stay text until their rows are asked for.

DuckDB's relations look up names and types of the whole query again at each step that is added; a number of twenty steps was planned
two hundred times over. These frames only write the query down: DuckDB reads it once, when it runs. What a step means stays with Narwhals'
DuckDB backend, whose expressions are DuckDB's own and know how to write themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import reduce

import duckdb
from duckdb.sqltypes import DOUBLE
from narwhals._duckdb.dataframe import DuckDBLazyFrame
from narwhals._duckdb.expr import DuckDBExpr
from narwhals._duckdb.namespace import DuckDBNamespace
from narwhals._duckdb.utils import generate_order_by_sql
from narwhals._utils import Version

from warehouse.validation import quoted

JOINS = {"outer": "FULL"}  # Narwhals' name → SQL's, where they differ


class Written:
    """A query as text, with the methods of DuckDBPyRelation that Narwhals builds queries with; what else one asks of it, a relation of the text answers.

    source: what may stand after FROM; body: the whole query; columns: the names of what it gives; types: theirs, where they are known.
    """

    def __init__(self, cursor: duckdb.DuckDBPyConnection, columns: Sequence[str], *, body: str = "", source: str = "", types: list | None = None):
        self._cursor, self.columns, self.alias = cursor, list(columns), "t"
        self._body, self._source, self._types = body, source, types

    def __narwhals_lazyframe__(self) -> WrittenFrame:
        return WrittenFrame(self, version=Version.MAIN)

    def __getattr__(self, name: str):
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self.relation(), name)

    def sql_query(self) -> str:
        return self._body or f"SELECT * FROM {self._source}"

    def relation(self) -> duckdb.DuckDBPyRelation:
        return self._cursor.sql(self.sql_query())

    @property
    def types(self) -> list:
        if self._types is None:
            self._types = self.relation().types
        return self._types

    def to_arrow_table(self, *options):
        return self._cursor.execute(self.sql_query()).to_arrow_table(*options)

    def select(self, *expressions: duckdb.Expression | str) -> Written:
        return self._selected(expressions)

    def aggregate(self, expressions: Sequence[duckdb.Expression], groups: str = "") -> Written:
        return self._selected(expressions, f" GROUP BY {groups or 'ALL'}")

    def filter(self, condition: duckdb.Expression) -> Written:
        return self._then(f"WHERE {condition}")

    def ordered(self, by: str) -> Written:
        return self._then(by)

    def limit(self, n: int) -> Written:
        return self._then(f"LIMIT {int(n)}")

    def union(self, other: Written) -> Written:
        return Written(self._cursor, self.columns, body=f"({self.sql_query()}) UNION ALL ({other.sql_query()})", types=self._types)

    def set_alias(self, name: str) -> Written:
        return _Named(self, name)

    def _from(self) -> str:
        return self._source or f"({self._body})"

    def _then(self, clause: str) -> Written:
        return Written(self._cursor, self.columns, body=f"SELECT * FROM {self._from()} {clause}", types=self._types)

    def _selected(self, expressions: Sequence[duckdb.Expression | str], clause: str = "") -> Written:
        texts, names = [], []
        for expression in expressions:
            text, name = (quoted(expression), expression) if isinstance(expression, str) else (str(expression), expression.get_name())
            if name == "*":
                names += self.columns
            else:
                names.append(name)
                text = text if text.removeprefix("lhs.") in (name, quoted(name)) else f"{text} AS {quoted(name)}"
            texts.append(text)
        return Written(self._cursor, names, body=f"SELECT {', '.join(texts)} FROM {self._from()}{clause}")


class _Named(Written):
    """A query under a name, to join it with another."""

    def __init__(self, of: Written, name: str):
        super().__init__(of._cursor, of.columns, body=of._body, source=of._source, types=of._types)
        self.alias = name

    def join(self, other: _Named, condition: duckdb.Expression, how: str) -> Written:
        return self._joined(other, f"{JOINS.get(how, how.upper())} JOIN", f" ON {condition}")

    def cross(self, other: _Named) -> Written:
        return self._joined(other, "CROSS JOIN")

    def _joined(self, other: _Named, how: str, condition: str = "") -> Written:
        return _Joined(self._cursor, self.columns, source=f"{self._from()} AS {self.alias} {how} {other._from()} AS {other.alias}{condition}")


class _Joined(Written):
    """Two queries side by side, of which something is selected at once."""

    def select(self, *expressions: duckdb.Expression | str) -> Written:
        if expressions == ("lhs.*",):
            return Written(self._cursor, self.columns, body=f"SELECT lhs.* FROM {self._source}")
        return super().select(*expressions)


class WrittenFrame(DuckDBLazyFrame):
    """Narwhals' DuckDB frame over a written query."""

    def __narwhals_namespace__(self) -> WrittenNamespace:
        return WrittenNamespace(version=self._version)

    def explode(self, columns: Sequence[str], *, empty_as_null: bool = True, keep_nulls: bool = True) -> WrittenFrame:
        """In one reading of the rows. A list without items, or none, is one row with null."""
        if len(columns) != 1 or not (empty_as_null and keep_nulls):
            return super().explode(columns, empty_as_null=empty_as_null, keep_nulls=keep_nulls)
        items = duckdb.ColumnExpression(columns[0])
        one = duckdb.SQLExpression(f"unnest(CASE WHEN len({items}) > 0 THEN {items} ELSE [NULL] END)").alias(columns[0])
        return self._with_native(self.native.select(*(one if name == columns[0] else duckdb.ColumnExpression(name) for name in self.columns)))

    def sort(self, *by: str, descending: bool | Sequence[bool], nulls_last: bool) -> WrittenFrame:
        flags = [descending] * len(by) if isinstance(descending, bool) else descending
        return self._with_native(self.native.ordered(generate_order_by_sql(*by, descending=flags, nulls_last=[nulls_last] * len(by))))


class WrittenExpr(DuckDBExpr):
    """Narwhals' DuckDB expression, for `WrittenFrame`."""

    def __narwhals_namespace__(self) -> WrittenNamespace:
        return WrittenNamespace(version=self._version)

    def is_in(self, other: Sequence) -> WrittenExpr:
        """SQL's IN: the engine looks for it in what it knows of the stored rows, and behind joins. Narwhals searches a list for each row."""
        values = [constant(value) for value in other]
        return self._with_elementwise(lambda expr: expr.isin(*values)) if values else super().is_in(other)


class WrittenNamespace(DuckDBNamespace):
    """Narwhals' DuckDB functions, for `WrittenFrame`."""

    @property
    def _expr(self) -> type[WrittenExpr]:
        return WrittenExpr

    @property
    def _lazyframe(self) -> type[WrittenFrame]:
        return WrittenFrame

    def concat(self, items: Iterable[WrittenFrame], *, how: str) -> WrittenFrame:
        """Of frames with the same columns: their types are looked at once, when the query runs."""
        items = list(items)
        if how != "vertical" or any(item.columns != items[0].columns for item in items[1:]):
            return super().concat(items, how=how)
        return items[0]._with_native(reduce(Written.union, (item.native for item in items)))

    def lit(self, value, dtype) -> WrittenExpr:
        said, names = (lambda frame, *window: [constant(value)]), (lambda frame: ["literal"])
        made = WrittenExpr(said, said, evaluate_output_names=names, alias_output_names=None, version=self._version)
        return made if dtype is None else made.cast(dtype)

    def _lit(self, value) -> duckdb.Expression:
        return constant(value)


def constant(value) -> duckdb.Expression:
    """A value that is the same when its text is read again: bare digits are a decimal (a float made of it may lose the last), a text ends at its first NUL."""
    if isinstance(value, float):
        return duckdb.ConstantExpression(repr(float(value))).cast(DOUBLE)
    if isinstance(value, (list, tuple)) and any(isinstance(item, float) or (isinstance(item, str) and "\0" in item) for item in value):
        return duckdb.FunctionExpression("list_value", *map(constant, value))
    if isinstance(value, str) and "\0" in value:
        nul = duckdb.FunctionExpression("chr", duckdb.ConstantExpression(0))
        parts = [duckdb.ConstantExpression(part) for part in value.split("\0")]
        return duckdb.FunctionExpression("concat", parts[0], *(piece for part in parts[1:] for piece in (nul, part)))
    return duckdb.ConstantExpression(value)
