"""Which rows of a load may enter the warehouse: the contract compiled into one engine query per table.

A rule is one row: its name (what quarantine counts by), the SQL that is true for a row that breaks it, and the SQL of the
sentence an administrator reads. Rules come from `contract.columns`, plus the few below that look at two columns at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import duckdb
from babel.numbers import list_currencies

from warehouse import contract
from warehouse.contract import Column

ADDED_LATER = ("extracted_at", "load_id")  # stamped when a row is stored


class Rule(NamedTuple):
    """One way in which a row can be wrong."""

    name: str  # "amount: missing"
    broken: str  # SQL, true for a row that breaks the rule; null counts as false
    text: str  # SQL text expression: what is wrong and what was expected


ORDERED = {  # entity → (earlier column, later column) pairs that must not be the other way round
    "invoices": (("period_start", "period_end"),),
    "subscriptions": (("starts_on", "ends_on"),),
    "owner_assignments": (("from_at", "to_at"),),
    "deal_stages": (("entered_at", "left_at"),),
    "tickets": (("opened_at", "solved_at"),),
    "surveys": (("sent_from", "sent_to"),),
    "questions": (("scale_min", "scale_max"),),
    "campaigns": (("starts_on", "ends_on"),),
}


def quoted(name: str) -> str:
    """A name as SQL."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: object) -> str:
    """A constant as SQL text, to be read by the type it is compared with."""
    return "'" + str(value).replace("'", "''") + "'"


def mapped_columns(entity: str) -> list[Column]:
    """The columns a mapped row has: the contract's, without those stamped later."""
    return [column for name, column in contract.columns(entity).items() if name not in ADDED_LATER]


@cache
def rules(entity: str) -> tuple[Rule, ...]:
    """Every rule for an entity's rows, in the order of its columns."""
    single = [rule for column in mapped_columns(entity) for rule in _column_rules(column)]
    return (*single, *(_order_rule(a, b) for a, b in ORDERED.get(entity, ())))


def _column_rules(column: Column) -> Iterator[Rule]:
    name, q = column.name, quoted(column.name)
    shown = f"'{name} ' || {q}::varchar"
    if column.required and column.default is None:
        not_unreadable = f"len(list_filter(_faults, lambda f: starts_with(f, {literal(name + ':')}))) = 0"
        yield Rule(f"{name}: missing", f"{q} is null and {not_unreadable}", literal(f"{name} is missing; every row needs one"))
    if column.allowed:
        listed = ", ".join(literal(value) for value in column.allowed)
        wanted = literal(f"; allowed are {', '.join(column.allowed)}")
        yield Rule(f"{name}: not allowed", f"{q} not in ({listed})", f"'{name} is ' || {q} || {wanted}")
    for sign, limit, words in ((">=", column.ge, "must be at least"), (">", column.gt, "must be more than"), ("<", column.lt, "must be before")):
        if limit is not None:
            yield Rule(f"{name}: out of range", f"not ({q} {sign} {literal(limit)})", f"{shown} || {literal(f': {words} {limit}')}")
    if column.min_length is not None:
        yield Rule(f"{name}: empty", f"length(trim({q})) < {column.min_length}", literal(f"{name} is empty text"))
    if column.pattern:
        is_like = f"regexp_full_match({q}, {literal(column.pattern)})"
        wanted = literal(f"; expected {column.description or column.pattern}")
        yield Rule(f"{name}: malformed", f"not {is_like}", f"'{name} is ''' || {q} || '''' || {wanted}")
        if name == "currency":
            unknown = f"{is_like} and {q} not in ({_currencies()})"
            yield Rule("currency: unknown", unknown, f"'currency ''' || {q} || ''' is not a code of ISO 4217'")


@cache
def _currencies() -> str:
    return ", ".join(literal(code) for code in sorted(list_currencies()))


def _order_rule(earlier: str, later: str) -> Rule:
    text = f"'{later} ' || {quoted(later)}::varchar || ' is before {earlier} ' || {quoted(earlier)}::varchar"
    return Rule(f"{later}: before {earlier}", f"{quoted(later)} < {quoted(earlier)}", text)


def filled(entity: str, relation: str) -> str:
    """The relation with the contract's defaults in place of nulls."""
    defaults = {c.name: c.default for c in mapped_columns(entity) if c.default is not None}
    if not defaults:
        return f"select * from {relation}"
    replaced = ", ".join(f"coalesce({quoted(name)}, {literal(value)}) as {quoted(name)}" for name, value in defaults.items())
    return f"select * replace ({replaced}) from {relation}"


def key(entity: str) -> str:
    """The entity's key columns as SQL, separated by commas."""
    return ", ".join(quoted(name) for name in contract.KEYS[entity])


def content(entity: str, alias: str = "") -> str:
    """One number that differs when anything the source said about a row differs; only comparable within one query."""
    prefix = alias + "." if alias else ""
    return f"hash({', '.join(prefix + quoted(column.name) for column in mapped_columns(entity))})"


def refuse(con: duckdb.DuckDBPyConnection, entity: str, relation: str, *, last_wins: bool) -> None:
    """Sort a load's rows: fills the temporary tables `refused` and `folded`; every other row is good.

    relation: mapped rows (defaults filled in) with `_at` (position in the load), `_row`, `_faults` and `_cursor`.
    last_wins: rows of the same key are versions of one thing, and the newest counts, even if it is refused (tables with
        a cursor). Otherwise the first good row counts, and one that says something else under the same key is refused.

    refused: _at, rules (names), reasons (sentences).     folded: _at of duplicates that lose nothing by leaving.
    """
    con.execute(f"create or replace temp table refused as {_broken(entity, relation)}")
    con.execute("create or replace temp table folded (_at bigint)")
    if _clashes(con, entity, relation if last_wins else f"(select * from {relation} where _at not in (select _at from refused))"):
        con.execute(_LAST_WINS if last_wins else _FIRST_WINS.format(key=_key_text(entity)))
        con.execute("drop table clashing")


def _broken(entity: str, relation: str) -> str:
    known = rules(entity)
    any_broken = " or ".join(f"({rule.broken})" for rule in known)
    named = ", ".join(f"case when {rule.broken} then {literal(rule.name)} end" for rule in known)
    worded = ", ".join(f"case when {rule.broken} then {rule.text} end" for rule in known)
    kept = "list_filter([{}], lambda x: x is not null)"
    unreadable = "list_transform(_faults, lambda f: coalesce(nullif(regexp_extract(f, '^([a-z_]+): ', 1), ''), 'row') || ': unreadable')"
    return (
        f"select _at, list_concat({unreadable}, {kept.format(named)}) as rules, list_concat(_faults, {kept.format(worded)}) as reasons "
        f"from {relation} where len(_faults) > 0 or {any_broken}"
    )


def _clashes(con, entity: str, relation: str) -> int:
    """Put the rows whose key occurs more than once into `clashing`. Hashes find the few candidates among many rows."""
    known = " and ".join(f"{quoted(name)} is not null" for name in contract.KEYS[entity] if contract.columns(entity)[name].required)
    keyed = f"(select * from {relation} where {known})"
    con.execute(f"create or replace temp table suspects as select hash({key(entity)}) as h from {keyed} group by h having count(*) > 1")
    (n,) = con.execute("select count(*) from suspects").fetchone()
    if n:
        con.execute(
            f"create or replace temp table clashing as select _at, _row, _cursor, updated_at, {content(entity)} as content, {{{_named(entity)}}} as key_ "
            f"from {keyed} where hash({key(entity)}) in (select h from suspects)"
        )
    con.execute("drop table suspects")
    return n


_LAST_WINS = """
    insert into folded
    select _at from clashing
    qualify row_number() over (partition by key_ order by _cursor desc nulls last, updated_at desc nulls last, _row desc, _at desc) > 1;
    delete from refused where _at in (select _at from folded)
"""
_FIRST_WINS = """
    create or replace temp table later as
        select _at, key_, content = first_value(content) over same as is_same, first_value(_row) over same as first_row from clashing
        window same as (partition by key_ order by _row, _at) qualify row_number() over same > 1;
    insert into folded select _at from later where is_same;
    insert into refused
        select _at, ['key: duplicate'],
            ['duplicate key: row ' || first_row || ' of the same read already has {key} and says something else']
        from later where not is_same;
    drop table later
"""


def _named(entity: str) -> str:
    return ", ".join(f"{quoted(name)}: {quoted(name)}" for name in contract.KEYS[entity])


def _key_text(entity: str) -> str:
    """How a clash names its key, with the values; continues an SQL text."""
    names = contract.KEYS[entity]
    values = " || ', ' || ".join(f"coalesce(key_.{quoted(name)}::varchar, 'nothing')" for name in names)
    return f"{', '.join(names)} ' || {values} || '"
