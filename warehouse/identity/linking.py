"""From pairs to customers: which pairs are joined in which order, what each record is linked by, and what is left to ask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import duckdb
import pyarrow as pa

from warehouse.identity import clusters, likeness, matching
from warehouse.identity.clusters import CERTAIN, DECIDED, DECLARED, OVERSIZED, PROBABLE, TAX_NUMBERS
from warehouse.identity.decisions import Decided
from warehouse.validation import literal

PROBABLE_RULE, DECIDED_RULE, DECLARED_RULE = "likeness", "decision", "source"
ASKED = (OVERSIZED, TAX_NUMBERS)  # refusals that a person may overrule


def written(con: duckdb.DuckDBPyConnection, table: str, pairs: Sequence[tuple[int, int]]) -> None:
    """Make a temporary table (a, b) of pairs of numbers."""
    columns = zip(*pairs, strict=True) if pairs else ((), ())
    con.register("_given", pa.table({name: pa.array(column, pa.int64()) for name, column in zip("ab", columns, strict=True)}))
    con.execute(f"create or replace temp table {table} as from _given")
    con.unregister("_given")


def sure(link: float) -> str:
    """SQL: whether a probable pair is linked without asking: its brands are the same, or a company's are not but a key is.

    Persons of different names never are: families share telephones, places and half their names.
    """
    same, key = f"levels.name = {likeness.SAME_BRAND}", "(levels.phone = 1 or levels.email > 0 or levels.tax_no = 1)"
    return f"coalesce(probability >= {link} and ({same} or {key} and a not in (select uid from _known where kind = 'person')), false)"


def declared(con: duckdb.DuckDBPyConnection, merged: str | None, known: str) -> list[tuple[int, int]]:
    """The pairs that sources declare to be one customer. merged: a relation of record_id and merged_into; what points nowhere, or to itself, is left out."""
    if merged is None:
        return []
    return con.execute(f"""select distinct least(a.uid, b.uid) as one, greatest(a.uid, b.uid) as other from {merged} m
        join {known} a on a.record_id = m.record_id join {known} b on b.record_id = m.merged_into where a.uid <> b.uid order by all""").fetchall()


def pairs(con: duckdb.DuckDBPyConnection, merged: Sequence[tuple[int, int]], decided: Decided, link: float, into: str) -> None:
    """Make the table `into` of all pairs to join: place, a, b, how, rule and more. Those that sources declare come first, then the decided ones, then by rule,
    then the most probable."""
    written(con, "_declared", merged)
    written(con, "_same", decided.same)
    ranks = " ".join(f"when {literal(rule)} then {rank}" for rank, rule in enumerate(matching.RULES))
    con.execute(f"""create or replace temp table {into} as
        with listed as (
            select a, b, {DECIDED} as how, '{DECIDED_RULE}' as rule, cast(null as double) as probability, null as weights, null as levels from _same
            union all by name select a, b, {DECLARED} as how, '{DECLARED_RULE}' as rule from _declared
            union all by name select a, b, {CERTAIN} as how, rule from _certain where is_sure
            union all by name select a, b, {PROBABLE} as how, '{PROBABLE_RULE}' as rule, probability, weights, levels from _probable where {sure(link)}),
        ranked as (select *, case rule {ranks} else 0 end as rank from listed),
        once as (select * from ranked qualify row_number() over (partition by a, b order by how, rank) = 1)
        select row_number() over (order by how, rank, probability desc, a, b) - 1 as place, * exclude (rank) from once order by place""")


def joined(con: duckdb.DuckDBPyConnection, n: int, table: str, apart: Sequence[tuple[int, int]]) -> dict[int, str]:
    """Join the table's pairs; make the tables _roots (uid, root) and _refused (place, reason). Returns place → reason of decided pairs that were refused."""
    columns = con.execute(f"select a, b, how from {table} order by place").fetchnumpy()
    listed = list(zip(*(columns[name].tolist() for name in ("a", "b", "how")), strict=True))
    sites = dict(con.execute("select uid, branch from _known where branch is not null").fetchall())
    taxes = dict(con.execute("select uid, tax_no from _known where tax_no is not null").fetchall())
    roots, refused = clusters.clusters(n, listed, sites, taxes, apart)
    con.register("_given", pa.table({"uid": pa.array(range(n), pa.int64()), "root": pa.array(roots, pa.int64())}))
    con.execute("create or replace temp table _roots as from _given")
    con.register("_given", pa.table({"place": pa.array(refused, pa.int64()), "reason": pa.array(refused.values(), pa.string())}))
    con.execute("create or replace temp table _refused as from _given")
    con.unregister("_given")
    return {place: reason for place, reason in refused.items() if listed[place][2] == DECIDED}


_BY_RULE = " ".join(f"when {literal(rule)} then {literal(said)}" for rule, said in matching.EVIDENCE.items())
EVIDENCE = f"coalesce({likeness.words('p.levels')}, case p.rule {_BY_RULE} end)"


def links(con: duckdb.DuckDBPyConnection, table: str, into: str) -> None:
    """Make the table `into`, one row per record (Answer.links): each record by the surest of its pairs that were joined."""
    con.execute(f"""create or replace temp table {into} as
        with joined as (select p.* from {table} p anti join _refused using (place)),
        ends as (select a as uid, b as other, place from joined union all select b, a, place from joined),
        best as (select uid, min(place) as place from ends join _roots using (uid) where uid <> root group by uid),
        told as (select best.uid, if(p.a = best.uid, p.b, p.a) as other, p.rule, p.probability, {EVIDENCE} as evidence from best join {table} p using (place))
        select k.record_id, c.record_id as customer_id, t.rule, t.probability, via.record_id as via, t.evidence
        from _known k join _roots r using (uid) join _known c on c.uid = r.root left join told t on t.uid = k.uid left join _known via on via.uid = t.other""")


def queue(con: duckdb.DuckDBPyConnection, table: str, link: float, decided: Decided, apart: Sequence[tuple[int, int]], into: str) -> None:
    """Make the table `into` of pairs to decide (Answer.queue). What people hold apart is not asked again, nor is any pair of two customers but the best."""
    written(con, "_apart", apart)
    written(con, "_later", decided.later)
    reasons = ", ".join(map(literal, ASKED))
    con.execute(f"""create or replace temp table {into} as
        with asked as (
            select a, b, if(probability is null, 'names alike', 'likely') as reason, probability, weights, levels, cast(null as varchar) as rule
            from _probable where not {sure(link)}
            union all by name select a, b, if(rule = 'e-mail', 'one e-mail, two names', 'one e-mail and telephone') as reason, rule
            from _certain where not is_sure
            union all by name select a, b, reason, probability, weights, levels, rule from {table} join _refused using (place) where reason in ({reasons})),
        held as (select distinct least(x.root, y.root) as a, greatest(x.root, y.root) as b
            from _apart p join _roots x on x.uid = p.a join _roots y on y.uid = p.b),
        placed as (select p.*, least(x.root, y.root) as one, greatest(x.root, y.root) as other
            from asked p join _roots x on x.uid = p.a join _roots y on y.uid = p.b where x.root <> y.root),
        best as (select * from placed anti join held on held.a = one and held.b = other
            qualify row_number() over (partition by one, other order by probability desc nulls last, placed.a, placed.b, reason) = 1)
        select a.record_id as record_a, b.record_id as record_b, x.record_id as customer_a, y.record_id as customer_b, p.reason, p.probability,
            {likeness.weighed("p.weights")} as weights, {EVIDENCE} as evidence, later.a is not null as is_postponed
        from best p join _known a on a.uid = p.a join _known b on b.uid = p.b join _roots q on q.uid = p.a join _roots s on s.uid = p.b
            join _known x on x.uid = q.root join _known y on y.uid = s.root left join _later later on later.a = p.a and later.b = p.b""")


def refusals(con: duckdb.DuckDBPyConnection, table: str, refused: Mapping[int, str]) -> list[tuple[str, list[str], str | None]]:
    """Findings: groups that were too large, tax numbers that differ, and decisions that could not be followed."""
    groups = con.execute(f"""select reason, list_sort(list_distinct(list(a.record_id) || list(b.record_id))) from {table} p join _refused f on f.place = p.place
        join _known a on a.uid = p.a join _known b on b.uid = p.b where reason = '{TAX_NUMBERS}' group by p.place, reason order by p.place""").fetchall()
    large = con.execute(f"""select a.record_id, b.record_id from {table} p join _refused f on f.place = p.place
            join _known a on a.uid = p.a join _known b on b.uid = p.b where reason = '{OVERSIZED}' order by p.place""").fetchall()
    wrong = con.execute(f"""select a.record_id, b.record_id, p.place from {table} p join _known a on a.uid = p.a join _known b on b.uid = p.b
        where how = {DECIDED} order by p.place""").fetchall()
    told = [(reason, members, None) for reason, members in groups]
    told += [(OVERSIZED, members, f"{len(members)} records") for members in connected(large)]
    return told + [("decisions contradict", [a, b], refused[place]) for a, b, place in wrong if place in refused]


def overruled(con: duckdb.DuckDBPyConnection, apart: Sequence[tuple[int, int]]) -> list[tuple[str, list[str], str | None]]:
    """Findings: pairs that people hold apart and a source declares to be one customer."""
    written(con, "_apart", apart)
    rows = con.execute("""select a.record_id, b.record_id from _apart p join _roots x on x.uid = p.a join _roots y on y.uid = p.b
        join _known a on a.uid = p.a join _known b on b.uid = p.b where x.root = y.root order by all""").fetchall()
    return [("decisions contradict", [a, b], "one customer by the source") for a, b in rows]


def connected(listed: Sequence[tuple[str, str]]) -> list[list[str]]:
    """The groups that pairs of names make up."""
    members = sorted({name for pair in listed for name in pair})
    number = {name: i for i, name in enumerate(members)}
    forest = clusters.Forest(len(members), {}, {}, ())
    for a, b in listed:
        forest.joined(number[a], number[b], DECIDED)
    groups: dict[int, list[str]] = {}
    for i, name in enumerate(members):
        groups.setdefault(forest.root(i), []).append(name)
    return list(groups.values())
