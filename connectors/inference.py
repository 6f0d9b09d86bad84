"""Which type a column of text has: judged over all of its values, and only where nothing is lost by it.

A column of numbers becomes numbers (exact ones) if every value, written back, is the same text; so 00123 stays text, and
so does a column with one value that does not fit. What nearly all values of such a text column are is kept beside it, so
that the mapping can still calculate with it and quarantine the rows that do not fit.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import NamedTuple

import duckdb

from connectors.expressions import quoted

SAMPLE = 1_000  # rows that the first guess is made from
NEARLY = 0.9  # share of values from which on a text column counts as "mostly" something

NUMBER = r"-?(0|[1-9][0-9]*)(\.[0-9]+)?"
TESTS = {  # type → SQL that is true for a text of that type; narrow ones first
    "BIGINT": "coalesce(cast(try_cast({x} as bigint) as varchar) = {x}, false)",
    "DECIMAL": f"regexp_full_match({{x}}, '{NUMBER}')",
    "DOUBLE": f"regexp_full_match({{x}}, '{NUMBER}([eE][-+]?[0-9]+)?')",
    "BOOLEAN": "lower({x}) in ('true', 'false')",
    "DATE": "length({x}) between 8 and 10 and starts_like_a_day({x}) and try_cast({x} as date) is not null",
    "TIMESTAMP": "length({x}) >= 8 and starts_like_a_day({x}) and not has_offset({x}) and try_cast({x} as timestamp) is not null",
    "TIMESTAMPTZ": "has_offset({x}) and starts_like_a_day({x}) and try_cast({x} as timestamptz) is not null",
}
LOOSE = "coalesce(regexp_full_match(plain_number({x}), '[-+]?[0-9]*\\.?[0-9]+'), false)"  # a number padded or with thousands separators
TESTS["LOOSE"] = LOOSE
LOOKS = {  # the same at a glance, narrow ones first
    kind: re.compile(pattern)
    for kind, pattern in {
        "BIGINT": r"0|-?[1-9]\d{0,17}", "DECIMAL": NUMBER, "DOUBLE": NUMBER + r"([eE][-+]?\d+)?", "BOOLEAN": "(?i)true|false",
        "DATE": r"\d{4}[-/]\d{1,2}[-/]\d{1,2}", "TIMESTAMPTZ": r"\d{4}[-/]\d{1,2}[-/]\d{1,2}[T ].*:\d{2}(\.\d+)?\s?(Z|[-+]\d{2}(:?\d{2})?)",
        "TIMESTAMP": r"\d{4}[-/]\d{1,2}[-/]\d{1,2}[T ]\d.*", "LOOSE": r"[-+]?[\d,]*\.?\d+",
    }.items()
}  # fmt: skip
FAMILIES = (("BIGINT", "DECIMAL", "DOUBLE", "LOOSE"), ("DATE", "TIMESTAMP"), ("BOOLEAN",), ("TIMESTAMPTZ",))  # each from narrow to wide
WIDER = {"BIGINT": "DECIMAL", "DECIMAL": "DOUBLE", "DOUBLE": "LOOSE", "DATE": "TIMESTAMP"}
MEASURED = ("DECIMAL", "LOOSE")  # types for which the digits are counted


class Typed(NamedTuple):
    """A column's type, and for text what nearly all of its values are."""

    type: str
    mostly: str | None = None


def types(connection: duckdb.DuckDBPyConnection, scan: str, names: list[str]) -> tuple[dict[str, Typed], int]:
    """The type of each text column of the SQL `scan`, and the number of rows."""
    guess = _guess(connection, scan, names)
    found = {name: Typed("VARCHAR") for name in names if guess[name] == "VARCHAR"}
    total = None
    while total is None or len(found) < len(names):
        total, counts = _verify(connection, scan, {name: kind for name, kind in guess.items() if name not in found})
        settled = {name: _settled(guess[name], *count) for name, count in counts.items()}
        found |= {name: typed for name, typed in settled.items() if typed}
        guess |= {name: WIDER[guess[name]] for name, typed in settled.items() if not typed}
    return found, total


def _guess(connection, scan: str, names: list[str]) -> dict[str, str]:
    """The narrowest type that fits the first rows; of a column that is empty there, its first value anywhere."""
    columns = ", ".join(map(quoted, names)) or "1"
    first = connection.execute(f"select {columns} from ({scan}) limit {SAMPLE}").to_arrow_table().to_pydict()
    empty = [name for name in names if not any(first[name])]
    if empty:
        later = connection.execute(f"select {', '.join(f'any_value({quoted(n)})' for n in empty)} from ({scan})").fetchone()
        first |= {name: [value] for name, value in zip(empty, later, strict=True)}
    return {name: _narrowest([value for value in first[name] if value]) for name in names}


def _narrowest(values: list[str]) -> str:
    """The type that fits all the values; the widest of its family if it fits nearly all of them."""
    counts = Counter(next((kind for kind, looks in LOOKS.items() if looks.fullmatch(value)), "VARCHAR") for value in values)
    for kinds in FAMILIES:
        n = sum(counts[kind] for kind in kinds)
        if values and n >= NEARLY * len(values):
            return next(kind for kind in reversed(kinds) if counts[kind]) if n == len(values) else kinds[-1]
    return "VARCHAR" if values else "BIGINT"  # nothing there: any type will do to count the rows with


def _verify(connection, scan: str, guess: dict[str, str]) -> tuple[int, dict[str, tuple]]:
    """Row count; per column (filled, fitting, digits before the point, digits after it)."""
    parts = ["count(*)"]
    for name, kind in guess.items():
        x = quoted(name)
        parts += [f"count({x})", f"count(*) filter (where {x} is not null and {TESTS[kind].format(x=x)})"]
        parts += [_digits(x, 1), _digits(x, 2)] if kind in MEASURED else ["0", "0"]
    row = connection.execute(f"select {', '.join(parts)} from ({scan})").fetchone()
    return row[0], {name: row[1 + 4 * i : 5 + 4 * i] for i, name in enumerate(guess)}


def _digits(x: str, side: int) -> str:
    """SQL: the most digits before (1) or after (2) the point."""
    return f"coalesce(max(length(ltrim(split_part(replace({x}, ',', ''), '.', {side}), '-+'))) filter (where length({x}) < 40 and {LOOSE.format(x=x)}), 0)"


def _settled(kind: str, filled: int, fitting: int, before: int, after: int) -> Typed | None:
    """The verdict on a guess; None if a wider type has to be tried."""
    exact = before + after <= 18  # digits a decimal of eight bytes holds; longer numbers stay text and are calculated with as floats
    number = f"DECIMAL(18,{after})" if exact else "DOUBLE"
    mostly = number if kind in MEASURED else kind
    if not filled:
        return Typed("VARCHAR", "NULL")
    if fitting == filled and kind != "LOOSE":
        return Typed(mostly) if exact else Typed("VARCHAR", mostly)
    if kind == "LOOSE" or kind not in WIDER:
        return Typed("VARCHAR", mostly if fitting >= NEARLY * filled else None)
    return None
