"""SQL expressions of a sources file: what they may contain, which columns they read.

An expression describes one value of one row. It may use the row's columns, operators and functions that give the same
answer every time; it may not reach a file, the network, another row, a setting or the clock. The check looks at the parsed
tree, so that no spelling gets around it; the engine that evaluates the expression is locked down as well.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from functools import cache

import duckdb

from connectors.errors import SourceError

LOCKED = {
    "enable_external_access": "false",
    "autoload_known_extensions": "false",
    "autoinstall_known_extensions": "false",
    "allow_community_extensions": "false",
    "python_enable_replacements": "false",
    "threads": "2",
}

ALLOWED_CLASSES = {"CONSTANT", "COLUMN_REF", "FUNCTION", "OPERATOR", "COMPARISON", "CONJUNCTION", "CASE", "CAST", "BETWEEN", "COLLATE"}
REFUSED_CLASSES = {
    "SUBQUERY": "a subquery", "WINDOW": "a window function", "STAR": "a star (*)", "PARAMETER": "a parameter", "DEFAULT": "DEFAULT",
    "POSITIONAL_REFERENCE": "a position (#1)", "LAMBDA": "an arrow (->); for JSON write ->> or json_extract",
}  # fmt: skip
CLOCK = {
    "now", "today", "ago", "age", "current_date", "current_time", "current_timestamp", "current_localtime", "current_localtimestamp",
    "get_current_time", "get_current_timestamp", "transaction_timestamp", "localtime", "localtimestamp",
}  # fmt: skip
# functions that always give the same answer, but tell or touch something that is not the row
DENIED = {
    "getenv", "current_setting", "getvariable", "json_serialize_plan", "json_deserialize_sql", "json_serialize_sql", "parse_duckdb_log_message",
    "version", "stats", "vector_type", "cast_to_type", "create_sort_key", "finalize", "combine", "range", "generate_series", "repeat", "row",
}  # fmt: skip
MACROS = {"nullif", "split_part", "date_add", "days_in_month", "fdiv", "fmod", "round_even", "roundbankers", "json", "array_to_string"}


def columns_of(expression: str) -> list[str]:
    """The names of the row's columns that an expression reads, in order of appearance, as written.

    Raises SourceError if the expression cannot be parsed or contains something that is refused.
    """
    return list(dict.fromkeys(_column(node) for node in _nodes(parse(expression)) if node["class"] == "COLUMN_REF"))


def parse(expression: str) -> dict:
    """The tree of an expression that is allowed; SourceError says what is refused otherwise."""
    statement = _statement(f"select (\n{expression}\n) from source", expression)
    node = statement["node"]
    if _is_more_than_an_expression(node):
        raise SourceError(f"{expression!r} is more than one expression over the row's columns")
    for part in _nodes(node["select_list"][0]):
        _refuse(part, expression)
    return node["select_list"][0]


def with_columns_replaced(expression: str, replace: dict[str, str]) -> str:
    """The expression with each column of `replace` (lower case) put in its place as other SQL."""
    tree = json.loads(json.dumps(_statement(f"select (\n{expression}\n) from source", expression)))
    parts = {name: parse_trusted(sql) for name, sql in replace.items()}
    tree["node"]["select_list"] = [_swap(node, parts) for node in tree["node"]["select_list"]]
    sql = _ask("select json_deserialize_sql(?::json)", json.dumps({"error": False, "statements": [tree]}))
    return sql.removeprefix("SELECT ").removesuffix(' FROM "source"').removesuffix(" FROM source")


def parse_trusted(sql: str) -> dict:
    """The tree of an expression of our own, unchecked."""
    return _statement(f"select ({sql}) from source", sql)["node"]["select_list"][0]


def readable(name: str, mostly: str) -> str:
    """SQL for a text column whose values nearly all are of a type; "NULL" where it has no value at all."""
    return "null" if mostly == "NULL" else f"cast(plain_number({quoted(name)}) as {mostly})"


def quoted(name: str) -> str:
    """A column name as SQL."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text as SQL."""
    return "'" + text.replace("'", "''") + "'"


def _swap(node, parts):
    if isinstance(node, list):
        return [_swap(item, parts) for item in node]
    if not isinstance(node, dict):
        return node
    if node.get("class") == "COLUMN_REF" and (name := _column(node).lower()) in parts:
        return parts[name]
    return {key: _swap(value, parts) for key, value in node.items()}


def _statement(sql: str, expression: str) -> dict:
    answer = json.loads(_ask("select json_serialize_sql(?::varchar)", sql))
    if answer["error"]:
        hint = f"; a column of that name is written '\"{expression}\"'" if re.fullmatch(r"[\w .:#/%-]+", expression) else ""
        raise SourceError(f"{expression!r} is not an SQL expression: {answer['error_message']}{hint}")
    if len(answer["statements"]) != 1:
        raise SourceError(f"{expression!r} is more than one statement; write one expression over the row's columns")
    return answer["statements"][0]


def _is_more_than_an_expression(node: dict) -> bool:
    clauses = ("where_clause", "group_expressions", "having", "sample", "qualify", "modifiers")
    return (
        node["type"] != "SELECT_NODE"
        or len(node["select_list"]) != 1
        or (node["from_table"]["type"], node["from_table"].get("table_name")) != ("BASE_TABLE", "source")
        or bool(node["cte_map"]["map"])
        or any(node[clause] for clause in clauses)
    )


def _nodes(tree) -> Iterator[dict]:
    """Every expression node of a tree, top down."""
    if isinstance(tree, dict):
        if "class" in tree:
            yield tree
        tree = list(tree.values())
    if isinstance(tree, list):
        for item in tree:
            yield from _nodes(item)


def _column(node: dict) -> str:
    names = node["column_names"]
    return names[1] if len(names) > 1 and names[0].lower() == "source" else names[0]


def _refuse(node: dict, expression: str) -> None:
    kind = node["class"]
    name = node["function_name"].lower() if kind == "FUNCTION" else node["column_names"][0].lower() if kind == "COLUMN_REF" else ""
    if kind not in ALLOWED_CLASSES:
        reason = f"{REFUSED_CLASSES.get(kind, kind.lower())} is not allowed"
    elif name in CLOCK:
        reason = f"{name} reads the clock; a mapping gives the same answer whenever it runs"
    elif kind == "FUNCTION" and name not in functions():
        reason = f"the function {name} is not allowed or does not exist"
    else:
        return
    raise SourceError(f"{expression!r} is refused: {reason}; a mapping is one expression over the columns of its own row")


@cache
def functions() -> frozenset[str]:
    """Names of the functions that an expression may use: they depend on their arguments only."""
    rows = (
        parser()
        .cursor()
        .execute("select function_name from duckdb_functions() where function_type = 'scalar' group by 1 having bool_and(stability = 'CONSISTENT')")
    )
    return frozenset(name.lower() for (name,) in rows.fetchall()) - DENIED - CLOCK | MACROS


def _ask(sql: str, argument: str) -> str:
    return parser().cursor().execute(sql, [argument]).fetchone()[0]


_opening = threading.Lock()


def parser() -> duckdb.DuckDBPyConnection:
    """A locked engine that parses; take a cursor of it for each use."""
    with _opening:
        return _shared()


@cache
def _shared() -> duckdb.DuckDBPyConnection:
    return locked()


def locked(prepare: tuple[str, ...] = ()) -> duckdb.DuckDBPyConnection:
    """An in-memory engine that can reach no file, network, extension or setting. `prepare` runs before it is locked."""
    connection = duckdb.connect(config=LOCKED)
    for statement in ("set TimeZone = 'UTC'", *prepare, "set lock_configuration = true"):
        connection.execute(statement)
    return connection
