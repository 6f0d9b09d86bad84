"""What identity found to be wrong: one row per finding, with the records it is about and no personal word."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

KINDS = (
    "two names",  # one customer under names of different brands
    "one name",  # several customers under one company name
    "shared key",  # a key that too many share to tell anybody apart
    "tax numbers differ",  # what else says one customer has two tax numbers
    "more than 8 records",  # a group too large to be joined without a look
    "circular parents",
    "decisions contradict",  # a decided pair that another decision, or a branch, forbids
    "decision without record",
)


def findings(con: duckdb.DuckDBPyConnection, into: str, told: Sequence[tuple[str, Sequence[str], str | None]]) -> None:
    """Make the table `into`: finding (one of KINDS), record_ids, detail. told: the findings that are known already; the two of names are looked for here."""
    con.execute(f"create or replace temp table {into} (finding varchar, record_ids varchar[], detail varchar)")
    if told:
        con.executemany(f"insert into {into} values (?, ?, ?)", [(kind, list(records), detail) for kind, records, detail in told])
    con.execute(f"insert into {into} select 'shared key', record_ids, key from _shared")
    con.execute(f"""insert into {into}
        select 'two names', list(k.record_id order by k.uid), count(distinct k.brand) || ' names' from _known k join _links l using (record_id)
        group by l.customer_id having count(distinct k.brand) > 1""")
    con.execute(f"""insert into {into}
        select 'one name', list(k.record_id order by k.uid), count(distinct l.customer_id) || ' customers' from _known k join _links l using (record_id)
        where k.kind = 'company' and k.branch is null and k.text is not null group by k.text having count(distinct l.customer_id) > 1""")


def of(con: duckdb.DuckDBPyConnection, circles: Sequence[Sequence[int]], unknown: Sequence[tuple[str, str]]) -> list[tuple[str, list[str], str | None]]:
    """Findings: parents that go in circles, and decisions about records that are gone."""
    ids = dict(
        con.execute("select uid, record_id from _known where uid in (select unnest(cast(? as bigint[])))", [[uid for c in circles for uid in c]]).fetchall()
    )
    told = [("circular parents", [ids[uid] for uid in circle], f"{len(circle)} records") for circle in circles]
    return told + [("decision without record", list(pair), None) for pair in unknown]
