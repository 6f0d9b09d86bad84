"""The SQL of the views behind every frame, in each engine's dialect.

A *view* of a stored table adds what every metric would otherwise compute for itself:

    x_at   instant, UTC      x_on    its day in the business zone      x_at_s   seconds since 1970, int
    x_on   day               x_on_d  days since 1970, int              x_on_m   year * 12 + month - 1, int

so that intervals and buckets are integer arithmetic on every engine (Narwhals has no durations on Spark). Views leave
out deleted rows, replace a merged customer's id by the one it was merged into, and show the keys of `extra` as columns.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import pyarrow as pa

BOOKKEEPING = ("updated_at", "extracted_at")


@dataclass(frozen=True)
class Dialect:
    """What differs between the engines, as SQL templates."""

    quote: str
    seconds: str
    business_day: str
    day_number: str
    month_number: str
    extra: str


DUCKDB = Dialect(
    quote='"{}"',
    seconds="CAST(floor(epoch({c})) AS BIGINT)",
    business_day="CAST(({c} AT TIME ZONE '{zone}') AS DATE)",
    day_number="CAST({c} - DATE '1970-01-01' AS BIGINT)",
    month_number="CAST(year({c}) * 12 + month({c}) - 1 AS BIGINT)",
    extra="json_extract_string(extra, '$.\"{key}\"')",
)
SPARK = Dialect(
    quote="`{}`",
    seconds="CAST(unix_timestamp({c}) AS BIGINT)",
    business_day="CAST(from_utc_timestamp({c}, '{zone}') AS DATE)",
    day_number="CAST(datediff({c}, DATE '1970-01-01') AS BIGINT)",
    month_number="CAST(year({c}) * 12 + month({c}) - 1 AS BIGINT)",
    extra="get_json_object(extra, '$[\\'{key}\\']')",
)


def view_sql(dialect: Dialect, schema: pa.Schema, relation: str, *, zone: str, extras: tuple[str, ...], identities: str | None) -> str:
    """The SELECT behind one view: living rows of `relation`, ids resolved, extras and integer days as columns."""
    quote = dialect.quote.format
    resolved, condition = (identities and resolvable(schema.names)) or (None, "")
    plain = [f"t.{quote(f.name)}" for f in schema if f.name != resolved]
    if resolved:
        plain.append(f"coalesce(i.account_id, t.{resolved}) AS {resolved}")
    derived = {name: sql for field in schema for name, sql in _derived(dialect, field, schema, zone)}
    promoted = {column: dialect.extra.format(key=key) for column, key in promotable(extras, {*schema.names, *derived}).items()}
    added = [f"{sql} AS {quote(name)}" for name, sql in {**promoted, **derived}.items()]
    join = f" LEFT JOIN {identities} i ON {condition}" if resolved else ""
    living = " WHERE NOT t.is_deleted" if "is_deleted" in schema.names else ""
    return f"SELECT {', '.join(plain + added)} FROM {relation} t{join}{living}"


def resolvable(names: Iterable[str]) -> tuple[str, str] | None:
    """The column of a table of facts that names a customer, and when a row of `identities` i stands for the one of a row t; None where none does."""
    names = {*names}
    if "is_deleted" not in names:
        return None
    if "customer_id" in names:
        return "customer_id", "t.customer_id = i.customer_id"
    if {"object", "object_id"} <= names:  # who serves what: a customer, or something else
        return "object_id", "t.object = 'customer' AND t.object_id = i.customer_id"
    return None


def promotable(extras: Iterable[str], taken: Iterable[str]) -> dict[str, str]:
    """Column → key, for the keys of `extra` that can be columns: named without quotes, and not taken in whichever case.

    A dot would read as "column of a table" and becomes "_". Of two keys that make the same column, the first is shown.
    """
    seen, columns = {name.lower() for name in taken}, {}
    for key in extras:
        column = key.replace(".", "_")
        if not set(key) & set("\"'`\\") and column.lower() not in seen:
            columns[column] = key
            seen.add(column.lower())
    return columns


def _derived(dialect: Dialect, field: pa.Field, schema: pa.Schema, zone: str) -> Iterator[tuple[str, str]]:
    column = "t." + dialect.quote.format(field.name)
    if pa.types.is_date(field.type):
        yield field.name + "_d", dialect.day_number.format(c=column)
        yield field.name + "_m", dialect.month_number.format(c=column)
    if pa.types.is_timestamp(field.type) and field.name.endswith("_at") and field.name not in BOOKKEEPING:
        day, stem = dialect.business_day.format(c=column, zone=zone), field.name.removesuffix("_at")
        yield field.name + "_s", dialect.seconds.format(c=column)
        if stem + "_on" not in schema.names:
            yield stem + "_on", day
            yield stem + "_on_d", dialect.day_number.format(c=day)
            yield stem + "_on_m", dialect.month_number.format(c=day)
