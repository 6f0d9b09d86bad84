"""Brings the loads of one entity into its Delta table: one commit, touching only the files whose rows change.

Files are swapped whole (copy on write). A row's identity is the contract's key together with the table it came from; a row is
unchanged when everything the source said about it is unchanged, and then keeps its file, `load_id` and `extracted_at`.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from warehouse import contract, loads, scratch, store, validation
from warehouse.errors import translated
from warehouse.guard import Filled, losses
from warehouse.loads import Load
from warehouse.store import ORIGIN, File
from warehouse.validation import literal, quoted

SMALL_ROWS, MANY_SMALL = 100_000, 12  # so many small files are written together into one
REPLACED = """
    create or replace temp table replaced as select distinct _file, _row from (select _file, _row from changes union all select _file, _row from leaving)
"""  # stored rows that will not stay as they are
UNCOUNTED = ("source", "source_id", "extracted_at", "load_id", "is_deleted")  # columns the guard does not look at


@dataclass
class Merged:
    """The entity after its loads: a version, what happened, and which loads were not let in."""

    version: int
    refused: dict[str, list[str]] = field(default_factory=dict)  # origin → why
    filled: dict[str, Filled] = field(default_factory=dict)  # origin → its living rows after the merge


@dataclass(frozen=True)
class Stamp:
    """What a stored row is marked with."""

    load_id: str
    extracted_at: dt.datetime


def merge(
    con: duckdb.DuckDBPyConnection, data: Path, entity: str, incoming: list[Load], before: dict[str, Filled], stamp: Stamp, accepted: frozenset[str], many: bool
) -> Merged:
    """Merge validated loads into the newest version of the entity's table.

    before: living rows of each origin as published last. accepted: origins that may lose any share.
    many: the entity has rows from more than one table, whose keys must not meet.
    """
    base = store.files(data, entity)
    _hold(con, data, entity, base)
    for i, load in enumerate(incoming):
        loads.leaving(con, load)
        if many:
            loads.taken(con, load, incoming[:i])
    _compare(con, entity, incoming, is_first=not base)
    result = Merged(version=store.delta(data, entity).version())
    for load in incoming:
        _judge(con, load, before, accepted, result)
    admitted = [load for load in incoming if load.origin not in result.refused]
    if loads.count(con, "changes") or loads.count(con, "leaving"):
        result.version = _write(con, data, entity, admitted, base, stamp)
    return result


# --- what is there, and what changes ------------------------------------------------------------------------------------


def _hold(con, data: Path, entity: str, base: list[File]) -> None:
    """`held`: the table's rows with the place they are stored at; `leaving`: no rows yet."""
    typed = scratch.empty({**loads.columns(entity), "filename": "varchar", "file_row_number": "bigint"})
    if base:
        paths = scratch.parquet([str(store.folder(data, entity) / f.path) for f in base], place=True)
        typed = f"({typed[1:-1]} union all by name select * from {paths})"
    con.execute(f"create or replace temp view held as select * exclude (filename, file_row_number), filename as _file, file_row_number as _row from {typed}")
    con.execute(f"create or replace temp table leaving (_file varchar, _row bigint, {ORIGIN} varchar)")


def _compare(con, entity: str, incoming: list[Load], is_first: bool) -> None:
    """`changes`: one row per incoming row that is new or says something new; where its old version lies, if any."""
    con.execute("create or replace temp table changes (load integer, _at bigint, is_deleted boolean, _file varchar, _row bigint, was_living boolean)")
    for load in incoming:
        con.execute(f"insert into changes {_all_new(load) if is_first else _new_or_changed(entity, load)}")
    con.execute(REPLACED)


def _all_new(load: Load) -> str:
    return f"select {load.number}, _at, is_deleted, null, null, false from good_{load.number}"


def _new_or_changed(entity: str, load: Load) -> str:
    said = f"{validation.content(entity)} as said, {validation.key(entity)}, {ORIGIN}, is_deleted"
    return (
        f"select {load.number}, g._at, g.is_deleted, t._file, t._row, coalesce(not t.is_deleted, false) "
        f"from (select _at, {said} from good_{load.number}) g left join (select _file, _row, {said} from held) t on {loads.same_key(entity, 'g', 't')} "
        f"where t._file is null or t.said <> g.said or t.{ORIGIN} <> g.{ORIGIN}"
    )


def _judge(con, load: Load, before: dict[str, Filled], accepted: frozenset[str], result: Merged) -> None:
    """Count what the load does; where it loses too much, take it out of the merge."""
    origin, n = load.origin, load.number
    counts = (
        "count(*) filter (_file is null), count(*) filter (_file is not null and not (is_deleted and was_living)), count(*) filter (is_deleted and was_living)"
    )
    new, changed, deleted = con.execute(f"select {counts} from changes where load = {n}").fetchone()
    lost = deleted + loads.count(con, f"leaving where {ORIGIN} = {literal(origin)}")
    load.counts |= {"new": new, "changed": changed, "deleted": lost}
    was = before.get(origin, Filled())
    now = was.plus(_filled(con, load, "new")).plus(_filled(con, load, "old"), -1) if new or changed or lost else was
    words = losses(origin, was, now, lost)
    if words and origin not in accepted:
        result.refused[origin] = words
        con.execute(f"delete from changes where load = {n}; delete from leaving where {ORIGIN} = {literal(origin)}")
        con.execute(REPLACED)
        now = was
    result.filled[origin] = now


def _filled(con, load: Load, side: str) -> Filled:
    """Living rows that the load brings ("new") or replaces ("old"), and how many values each column has in them."""
    names = [name for name in contract.columns(load.entity) if name not in UNCOUNTED]
    relation = {
        "new": f"good_{load.number} where _at in (select _at from changes where load = {load.number})",
        "old": f"held where {ORIGIN} = {literal(load.origin)} and (_file, _row) in (select (_file, _row) from replaced)",
    }[side]
    rows, *values = con.execute(f"select count(*), {', '.join(f'count({quoted(name)})' for name in names)} from {relation} and not is_deleted").fetchone()
    return Filled(rows, dict(zip(names, values, strict=True)))


# --- writing ------------------------------------------------------------------------------------------------------------


def _write(con, data: Path, entity: str, admitted: list[Load], base: list[File], stamp: Stamp) -> int:
    touched = _touched(con, data, entity, base)
    with translated(data, f"write table {entity!r}"):
        added = _copy(con, store.folder(data, entity), _new_rows(con, data, entity, admitted, touched, stamp))
    return store.commit(data, entity, added, touched)


def _touched(con, data: Path, entity: str, base: list[File]) -> list[File]:
    """Files with a row that changes; and all small ones, once there are many."""
    names = {Path(path).name for (path,) in con.execute("select distinct _file from replaced where _file is not null").fetchall()}
    small = [f for f in base if f.rows < SMALL_ROWS]
    names |= {f.path for f in small} if len(small) >= MANY_SMALL else set()
    return [f for f in base if f.path in names]


def _new_rows(con, data: Path, entity: str, admitted: list[Load], touched: list[File], stamp: Stamp) -> str:
    """What goes into the new files: incoming rows, and from the touched files what stays and what is marked deleted."""
    stamped = {"extracted_at": f"timestamptz {literal(stamp.extracted_at.isoformat())}", "load_id": literal(stamp.load_id)}
    parts = [f"select {_listed(entity, stamped)} from good_{load.number} {_chosen(con, load)}" for load in admitted]
    if touched:
        held = f"(from held where _file in ({', '.join(literal(store.folder(data, entity) / f.path) for f in touched)}))"
        parts.append(f"select {_listed(entity, {})} from {held} where (_file, _row) not in (select (_file, _row) from replaced where _file is not null)")
        deleted = {**stamped, "is_deleted": "true"}
        parts.append(f"select {_listed(entity, deleted)} from {held} where (_file, _row) in (select (_file, _row) from leaving)")
    return " union all ".join(parts)


def _chosen(con, load: Load) -> str:
    total, chosen = loads.count(con, f"good_{load.number}"), loads.count(con, f"changes where load = {load.number}")
    return "" if chosen == total else f"where _at in (select _at from changes where load = {load.number})"


def _listed(entity: str, instead: dict[str, str]) -> str:
    return ", ".join(f"{instead.get(name, quoted(name))} as {quoted(name)}" for name in loads.columns(entity))


def _copy(con, folder: Path, rows: str) -> list[File]:
    """Write rows as Parquet files into the table's folder. Until they are committed they are no part of the table."""
    options = (
        f"format parquet, compression zstd, row_groups_per_file {store.FILE_GROUPS}, append true, filename_pattern 'part-{{uuidv7}}-{{i}}', return_stats true"
    )
    written = con.execute(f"copy ({rows}) to {literal(folder)} ({options})").fetchall()
    return [File(Path(path).name, size, n) for path, n, size, *_ in written if n]
