"""Heads and branches: which records are parts of others by their source's word or by their name, and which parents go in circles."""

from __future__ import annotations

from collections.abc import Mapping

import duckdb


def parents(con: duckdb.DuckDBPyConnection, known: str) -> dict[int, int]:
    """The parent of each record as its source says it, where that is another record of the table."""
    rows = con.execute(f"select c.uid as child, p.uid as parent from {known} c join {known} p on p.record_id = c.parent_id where c.uid <> p.uid").fetchnumpy()
    return dict(zip(rows["child"].tolist(), rows["parent"].tolist(), strict=True))


def circles(parent: Mapping[int, int]) -> list[list[int]]:
    """The records that are their own parent's parent, one list for each circle, from its first record on."""
    seen: dict[int, int] = {}  # record → the walk that came by
    found = []
    for start in sorted(parent):
        member, path = start, []
        while member in parent and member not in seen:
            seen[member] = start
            path.append(member)
            member = parent[member]
        if member in path and seen[member] == start:
            found.append(path[path.index(member) :])
    return [_from_first(circle) for circle in found]


def _from_first(circle: list[int]) -> list[int]:
    first = circle.index(min(circle))
    return circle[first:] + circle[:first]


def children(con: duckdb.DuckDBPyConnection, known: str, links: str, in_circles: list[int], into: str) -> None:
    """Make the table `into`: record_id, customer_id, branch, parent_customer_id, by.

    by: "source" (its parent there), "tax number" (a head's), "name" (one head alone has that name); null where the head is not known.
    A record in a circle has no parent.
    """
    con.execute("create or replace temp table _circular (uid bigint)")
    if in_circles:
        con.execute("insert into _circular select unnest(cast(? as bigint[]))", [in_circles])
    con.execute(f"""create or replace temp table {into} as
        with placed as (select k.*, l.customer_id, if(k.branch is null, null, k.tax_no) as head_tax_no, if(k.branch is null, null, k.brand) as head_brand
            from {known} k join {links} l using (record_id)),
        told as (select c.uid, p.customer_id as parent_customer_id from placed c join placed p on p.record_id = c.parent_id
            where c.uid <> p.uid and c.uid not in (from _circular)),
        taxed as (select tax_no, min(customer_id) as parent_customer_id from placed where branch is null and tax_no is not null group by tax_no),
        named as (select brand, min(customer_id) as parent_customer_id from placed where branch is null and kind = 'company'
            group by brand having count(distinct customer_id) = 1),
        parts as (from placed where branch is not null or uid in (select uid from told))
        select c.record_id, c.customer_id, c.branch,
            coalesce(told.parent_customer_id, taxed.parent_customer_id, named.parent_customer_id) as parent_customer_id,
            case when told.uid is not null then 'source' when taxed.tax_no is not null then 'tax number' when named.brand is not null then 'name' end as by
        from parts c left join told using (uid) left join taxed on taxed.tax_no = c.head_tax_no left join named on named.brand = c.head_brand""")
