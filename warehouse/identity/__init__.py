"""One customer, one id: which records of CRM, ERP, surveys and support are the same company or person, with the evidence, and what people should look at.

Nothing here changes a source or a stored table: records go in, tables of answers come out. How it works, and how well: docs/identity.md.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import duckdb

from warehouse.identity import branches, decisions, findings, likeness, linking, matching, records
from warehouse.identity.decisions import DecisionError
from warehouse.identity.records import RecordError

__all__ = ["Answer", "DecisionError", "RecordError", "identity"]


@dataclass(frozen=True)
class Answer:
    """What was found. Relations of the connection that was asked; they last until the next `identity` on it.

    links      one row per record: record_id, customer_id (the smallest record_id among the customer's), rule, probability, via (the record it was linked to),
               evidence (JSON); rule is null for a customer's first record
    queue      pairs to decide: record_a, record_b, customer_a, customer_b, reason, probability, weights and evidence (JSON), is_postponed; the most probable
               first, one pair for any two customers
    children   branches and records with a parent: record_id, customer_id, branch, parent_customer_id, by
    findings   finding (findings.KINDS), record_ids, detail
    figures    records, customers, linked, queued, link, ask (the thresholds), is_learned
    """

    links: duckdb.DuckDBPyRelation
    queue: duckdb.DuckDBPyRelation
    children: duckdb.DuckDBPyRelation
    findings: duckdb.DuckDBPyRelation
    figures: dict = field(default_factory=dict)


def identity(
    con: duckdb.DuckDBPyConnection,
    asked: str,
    decided: str | None = None,
    merged: str | None = None,
    *,
    rules_only: bool = False,
    link: float | None = None,
    ask: float | None = None,
) -> Answer:
    """One customer id for each record, the queue, branches and findings. The same records and decisions give the same answer, in whatever order they come.

    asked: a relation with records.COLUMNS (texts; kind "company" or "person", parent_id a record_id). decided: a relation of record_a, record_b,
    decision (decisions.DECISIONS), decided_at. merged: a relation of record_id and merged_into, what sources declare to be one customer: nothing forbids it,
    and it does not count where records are counted. rules_only: keys alone, to compare with. link, ask: thresholds in place of those of the size.
    Raises RecordError for a missing column and a null or repeated record_id, DecisionError for an unknown decision.
    """
    records.checked(con, asked)
    n = records.known(con, asked, "_known", "_shared")
    choices, parents, declared = decisions.decided(con, decided, "_known"), branches.parents(con, "_known"), linking.declared(con, merged, "_known")
    limits = matching.thresholds(n - len(declared), link, ask)
    is_learned = n - len(declared) >= matching.FEWEST_FOR_LIKENESS and not rules_only
    _likely(con, n, limits.ask, is_learned, rules_only)
    linking.pairs(con, declared, choices, limits.link, "_pairs")
    apart = sorted({*choices.apart, *((min(pair), max(pair)) for pair in parents.items())})
    refused = linking.joined(con, n, "_pairs", apart)
    linking.links(con, "_pairs", "_links")
    linking.queue(con, "_pairs", limits.link, choices, apart, "_queue")
    circles = branches.circles(parents)
    branches.children(con, "_known", "_links", sorted(member for circle in circles for member in circle), "_children")
    told = linking.overruled(con, choices.apart)
    findings.findings(con, "_findings", [*linking.refusals(con, "_pairs", refused), *told, *findings.of(con, circles, choices.unknown)])
    tables = [con.table(name).order(order) for name, order in ORDER.items()]
    return Answer(*tables, figures=_figures(con, limits, is_learned))


ORDER = {  # table → its order, by which an answer can be compared with another
    "_links": "record_id", "_queue": "is_postponed, probability desc nulls last, record_a, record_b", "_children": "record_id",
    "_findings": "finding, record_ids, detail",
}  # fmt: skip


def _likely(con: duckdb.DuckDBPyConnection, n: int, ask: float, is_learned: bool, rules_only: bool) -> None:
    """The tables _certain and _probable: pairs by key, and pairs by likeness."""
    matching.certain(con, "_known", "_certain")
    likeness.none(con, "_probable")
    if is_learned:
        likeness.prepared(con, "_known", "_compared")
        likeness.probable(con, "_compared", likeness.CUSTOMERS, ask, matching.prior(con, "_certain", n), "_probable")
    elif not rules_only:
        likeness.named_alike(con, "_known", "_probable")


def _figures(con: duckdb.DuckDBPyConnection, limits: matching.Thresholds, is_learned: bool) -> dict:
    counted = con.execute("select count(*) as records, count(distinct customer_id) as customers, count(rule) as linked from _links").fetchone()
    queued = con.execute("select count(*) from _queue").fetchone()[0]
    named = dict(zip(("records", "customers", "linked"), counted, strict=True))
    return {**named, "queued": queued, "link": limits.link, "ask": limits.ask, "is_learned": is_learned}
