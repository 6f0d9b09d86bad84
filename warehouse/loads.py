"""A load package inside the engine: its good rows, its refused rows, and the rows it takes away from the table."""

from __future__ import annotations

from dataclasses import dataclass, field

import duckdb

from connectors.mapping import SQL_TYPES
from warehouse import contract, scratch, validation
from warehouse.packages import Package
from warehouse.store import ORIGIN
from warehouse.validation import literal, quoted


@dataclass
class Load:
    """One package on its way into an entity. `number` names its relations: good_3, refused_3, …"""

    package: Package
    number: int
    last_wins: bool  # rows of one key are versions of one thing
    sweeps: bool  # rows that a full read no longer has are gone
    counts: dict[str, int] = field(default_factory=dict)  # new, changed, deleted, rejected, folded

    @property
    def origin(self) -> str:
        return self.package.origin

    @property
    def entity(self) -> str:
        return self.package.entity


def columns(entity: str) -> dict[str, str]:
    """Stored columns of an entity and their SQL types."""
    return {name: SQL_TYPES[column.kind] for name, column in contract.columns(entity).items()} | {ORIGIN: "varchar"}


def same_key(entity: str, a: str, b: str) -> str:
    """SQL: two relations have the same key; null equals null where the contract lets a key column be empty."""
    known = contract.columns(entity)
    return " and ".join(f"{a}.{quoted(k)} {'=' if known[k].required else 'is not distinct from'} {b}.{quoted(k)}" for k in contract.KEYS[entity])


def validated(con: duckdb.DuckDBPyConnection, load: Load) -> None:
    """Make the load's relations: loaded_n (all rows, typed), refused_n, folded_n, good_n."""
    n, entity = load.number, load.entity
    mapped = scratch.parquet([str(load.package.path("mapped"))])
    con.execute(f"create or replace temp view loaded_{n} as {validation.filled(entity, mapped)}")
    validation.refuse(con, entity, f"loaded_{n}", last_wins=load.last_wins)
    for name in ("refused", "folded"):
        con.execute(f"drop table if exists {name}_{n}; alter table {name} rename to {name}_{n}")
    good(con, load)


def good(con: duckdb.DuckDBPyConnection, load: Load) -> None:
    """Define good_n as what is neither refused nor folded at this moment."""
    n = load.number
    load.counts["rejected"] = count(con, f"refused_{n}")
    load.counts["folded"] = count(con, f"folded_{n}")
    left_out = [f"_at not in (select _at from {name}_{n})" for name in ("refused", "folded") if load.counts[{"refused": "rejected"}.get(name, name)]]
    where = f" where {' and '.join(left_out)}" if left_out else ""
    con.execute(f"create or replace temp view good_{n} as select *, {literal(load.origin)} as {ORIGIN} from loaded_{n}{where}")


def count(con: duckdb.DuckDBPyConnection, relation: str) -> int:
    """Rows of a relation."""
    return con.execute(f"select count(*) from {relation}").fetchone()[0]


def leaving(con: duckdb.DuckDBPyConnection, load: Load) -> None:
    """Add to `leaving` the living rows of `held` that this load takes away: vanished, reported deleted, or refused now.

    What the table holds follows from what the source holds: a row whose present content is refused does not stay with
    its old content.
    """
    mine = f"select t._file, t._row, t.{ORIGIN} from held t where not t.is_deleted and t.{ORIGIN} = {literal(load.origin)}"
    is_here = f"exists (from good_{load.number} g where {same_key(load.entity, 't', 'g')})"
    for condition in _conditions(load):
        con.execute(f"insert into leaving {mine} and {condition} and not {is_here}")


def _conditions(load: Load) -> list[str]:
    package, match = load.package, same_key(load.entity, "t", "k")
    if package.is_full and load.sweeps:
        return ["true"]
    found = [f"exists (from (from loaded_{load.number} where _at in (select _at from refused_{load.number})) k where {match})"]
    if package.n_keys is not None:
        found.append(f"not exists (from {scratch.parquet([str(package.path('keys'))])} k where {match})")
    if package.n_gone:
        found.append(f"exists (from {scratch.parquet([str(package.path('gone'))])} k where {match})")
    return found


def taken(con: duckdb.DuckDBPyConnection, load: Load, earlier: list[Load]) -> None:
    """Refuse rows whose key another table's row already has, in this sync or in the warehouse."""
    match = same_key(load.entity, "g", "o")
    others = [f"select {validation.key(load.entity)}, {ORIGIN} from good_{other.number} where not is_deleted" for other in earlier]
    others.append(
        f"select {validation.key(load.entity)}, {ORIGIN} from held where not is_deleted and {ORIGIN} <> {literal(load.origin)} "
        f"and (_file, _row) not in (select (_file, _row) from leaving)"
    )
    con.execute(
        f"insert into refused_{load.number} select g._at, ['key: taken'], ['the same key already comes from ' || min(o.{ORIGIN})] "
        f"from good_{load.number} g join ({' union all '.join(others)}) o on {match} group by g._at"
    )
    good(con, load)
