"""How a value of a source becomes a value of the contract: SQL for each (contract kind, type of the source's value).

Nothing is guessed. What cannot be read with one meaning only becomes null with a fault that says why, and the row goes to
the quarantine; the sentence names the SQL that would make it readable.
"""

from __future__ import annotations

from typing import NamedTuple

from connectors.expressions import literal

FAMILIES = {  # first word of DuckDB's name of a type → family
    "VARCHAR": "text", "BOOLEAN": "bool", "DATE": "date", "DECIMAL": "decimal", "FLOAT": "float", "DOUBLE": "float",
    "TINYINT": "int", "SMALLINT": "int", "INTEGER": "int", "BIGINT": "int", "HUGEINT": "int",
    "UTINYINT": "int", "USMALLINT": "int", "UINTEGER": "int", "UBIGINT": "int", "UHUGEINT": "int",
    "TIMESTAMP": "timestamp", "TIMESTAMP_S": "timestamp", "TIMESTAMP_MS": "timestamp", "TIMESTAMP_NS": "timestamp",
    "TIMESTAMP WITH TIME ZONE": "instant", '"NULL"': "text",
}  # fmt: skip

MACROS = (
    # a number as a person writes it: 1234.5, 1,234.50, 1,234,567; null where a comma could mean either thing
    """create macro plain_number(x) as case
        when not contains(x, ',') then case when contains(x, '_') then null else x end
        when regexp_full_match(x, '[-+]?\\d{1,3}(,\\d{3})+\\.\\d+|[-+]?\\d{1,3}(,\\d{3}){2,}') then replace(x, ',', '') end""",
    # 17850.0 is what a spreadsheet makes of the id 17850
    """create macro without_decimals(x) as case
        when suffix(x, '.0') and regexp_full_match(x, '-?\\d+\\.0') then left(x, -2) else x end""",
    "create macro starts_like_a_day(x) as regexp_matches(x, '^\\d{4}[-/]\\d{1,2}[-/]\\d{1,2}')",
    "create macro has_offset(x) as regexp_matches(x, ':\\d{2}(\\.\\d+)?\\s?(Z|[-+]\\d{2}(:?\\d{2})?)$')",
)


class Cast(NamedTuple):
    """How a value is read, and what is said when it cannot be."""

    value: str  # SQL: the value in the contract's type, or null
    wrong: str  # SQL text: what is wrong with a value that became null


class Zones(NamedTuple):
    """Where naive instants come from, and where days are counted."""

    source: str
    business: str


def family(duckdb_type: str) -> str:
    """The kind of values a DuckDB type holds: one of FAMILIES' values, or "other"."""
    return FAMILIES.get(duckdb_type, FAMILIES.get(duckdb_type.split("(")[0], "other"))


def as_text(x: str, kind: str) -> str:
    """SQL: the value as text, trimmed, blank as null; whole numbers without decimals."""
    if kind == "text":
        return f"nullif(trim({x}), '')"
    if kind == "float":
        return f"case when {x} = trunc({x}) and abs({x}) < 1e15 then cast(cast({x} as bigint) as varchar) else cast({x} as varchar) end"
    return f"cast({x} as varchar)"


def cast(kind: str, x: str, given: str, zones: Zones) -> Cast:
    """The cast of SQL `x`, a value of family `given`, to a contract kind. Text is expected trimmed, with blank as null."""
    value = READERS[kind](x, given, zones)
    return Cast(value or "null", WRONG[kind](x))


def _text(x, given, zones):
    return as_text(x, given) if given != "text" else x


def _id(x, given, zones):
    return f"without_decimals({_text(x, given, zones)})"


def _decimal(x, given, zones):
    number = {"text": f"plain_number({x})", "float": f"round({x}, 4)", "decimal": x, "int": x}.get(given)
    return number and f"try_cast({number} as decimal(18, 4))"


def _float(x, given, zones):
    number = {"text": f"try_cast(plain_number({x}) as double)", "bool": f"cast({x} as double)"}.get(given)
    number = number or (f"try_cast({x} as double)" if given in ("float", "decimal", "int") else None)
    return number and f"case when isfinite({number}) then {number} end"


def _int(x, given, zones):
    if given in ("int", "bool"):
        return f"try_cast({x} as bigint)"
    number = _float(x, given, zones)
    return number and f"case when {number} = trunc({number}) then try_cast({number} as bigint) end"


def _bool(x, given, zones):
    if given == "bool":
        return x
    word = f"lower({x})" if given == "text" else f"cast({x} as varchar)" if given in ("int", "float", "decimal") else None
    return word and (
        f"case when {word} in ('true', 't', 'yes', 'y', '1', '1.0', 'on', '是') then true"
        f" when {word} in ('false', 'f', 'no', 'n', '0', '0.0', 'off', '否') then false end"
    )


def _instant(x, given, zones):
    zone = literal(zones.source)
    if given == "text":
        naive = f"timezone({zone}, try_cast({x} as timestamp))"
        return f"case when starts_like_a_day({x}) then case when has_offset({x}) then try_cast({x} as timestamptz) else {naive} end end"
    instant = {"instant": x, "timestamp": f"timezone({zone}, {x}::timestamp)", "date": f"timezone({zone}, {x}::timestamp)"}.get(given)
    return instant and f"case when isfinite({x}) then {instant} end"


def _day(x, given, zones):
    if given == "date":
        return f"case when isfinite({x}) then {x} end"
    if given == "timestamp" and zones.source == zones.business:
        return f"case when isfinite({x}) then cast({x} as date) end"
    local = f"cast(timezone({literal(zones.business)}, %s) as date)"
    if given == "text":
        longer = f"cast(try_cast({x} as timestamp) as date)" if zones.source == zones.business else local % _instant(x, "text", zones)
        longer = f"case when has_offset({x}) then {local % f'try_cast({x} as timestamptz)'} else {longer} end"
        return f"case when starts_like_a_day({x}) then case when length({x}) <= 10 then try_cast({x} as date) else {longer} end end"
    instant = _instant(x, given, zones)
    return instant and local % instant


READERS = {
    "text": _text, "id": _id, "json": _text, "int": _int, "decimal": _decimal, "float": _float, "bool": _bool, "day": _day, "instant": _instant,
}  # fmt: skip


def _wrong_number(expected: str):
    hint = "; where the comma is the decimal sign write replace(replace(…, ''.'', ''''), '','', ''.''), where it separates thousands replace(…, '','', '''')"
    return lambda x: f"'is not a {expected}' || case when contains(cast({x} as varchar), ',') then ', or could be two: ' || '{hint[2:]}' else '' end"


def _wrong_day(expected: str):
    hint = "; for another order write strptime(…, ''%d.%m.%Y'')"
    return lambda x: f"case when starts_like_a_day(cast({x} as varchar)) then 'is no such day or time' else 'is not {expected}, expected YYYY-MM-DD{hint}' end"


WRONG = {
    "text": lambda x: "'is not text'", "id": lambda x: "'is not text'", "json": lambda x: "'is not JSON'",
    "decimal": _wrong_number("decimal number"), "float": _wrong_number("number"), "int": _wrong_number("whole number"),
    "bool": lambda x: "'is neither true nor false'", "day": _wrong_day("a day"), "instant": _wrong_day("an instant"),
}  # fmt: skip
