"""The records to tell apart, each with its number, the parts of its name and its keys."""

from __future__ import annotations

import duckdb

from warehouse.identity import keys, matching, names

COLUMNS = ("record_id", "kind", "name", "tax_no", "email", "phone", "region", "parent_id")


class RecordError(ValueError):
    """Records that cannot be told apart, or that lack a column."""


def checked(con: duckdb.DuckDBPyConnection, records: str) -> None:
    """Raise RecordError for a missing column, and for a record_id that is null or stands twice."""
    have = set(con.sql(f"from {records} limit 0").columns)
    if lacking := [name for name in COLUMNS if name not in have]:
        raise RecordError(f"records lack {', '.join(lacking)}; wanted are {', '.join(COLUMNS)}")
    wrong = con.execute(f"select record_id, count(*) from {records} group by 1 having count(*) > 1 or record_id is null order by 1 limit 3").fetchall()
    if wrong:
        raise RecordError(f"each record needs a record_id of its own; {', '.join(f'{name!r} stands in {times} rows' for name, times in wrong)}")


def known(con: duckdb.DuckDBPyConnection, records: str, into: str, shared: str) -> int:
    """Make the table `into`: uid (0, 1, … in the order of record_id) and what is known of each; and `shared`, the keys taken away. Returns their number."""
    texts = ", ".join(f"{keys.missing(name)} as {name}" for name in ("name", "tax_no", "email", "phone", "region"))
    con.execute(f"""create or replace temp table _asked as
        select cast(record_id as varchar) as record_id, coalesce(kind, 'company') as kind, {texts}, cast(parent_id as varchar) as parent_id from {records}""")
    names.names(con, "_asked", "_names")
    keys.keys(con, "_asked", "_keys")
    con.execute(f"""create or replace temp table {into} as
        select row_number() over (order by r.record_id) - 1 as uid, r.record_id, r.kind, n.text, n.brand,
            coalesce({names.place("r.region")}, n.place) as place, n.trade, n.branch, k.tax_no, k.email, k.domain, k.phone, r.parent_id,
            coalesce(regexp_matches(n.text, '{names.HAN}'), false) as is_han
        from _asked r left join _names n on n.kind = r.kind and n.name = r.name left join _keys k on k.record_id = r.record_id order by uid""")
    for table in ("_asked", "_names", "_keys"):
        con.execute(f"drop table {table}")
    matching.guarded(con, into, shared)
    return con.execute(f"select count(*) from {into}").fetchone()[0]
