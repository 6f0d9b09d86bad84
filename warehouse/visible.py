"""Which rows of each table a restricted reader sees. What is not said here to be visible is not.

A scope chooses customers. A row is visible where its customer is, or its deal; what belongs to no customer is for the full
scope. Columns that were computed over all customers are emptied, or made too coarse to compute others from.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import narwhals as nw

from warehouse import contract

ACCOUNTS = "accounts"  # mart: one row per customer that is neither deleted nor merged
SHARED = {"owners", "products", "surveys", "questions", "campaigns", "rates", "daily_rates", "coverage"}  # belong to no customer
OWNED = {"customer": ("customers", "customer_id"), "lead": ("leads", "lead_id"), "deal": ("deals", "deal_id")}  # what owner_assignments point at
SERVING = (ACCOUNTS, "deals", "leads", "interactions", "owner_assignments")  # whoever stands as owner there is known to who sees the row
ANONYMOUS = ("answers", "invitations")  # of a survey that names nobody they are nobody's, whatever ids a source left in them
EMPTIED = {  # table → columns that tell of other customers
    "coverage": ("n",),  # rows of all customers; up to which day they are loaded is the same for everybody
    "campaigns": ("cost",),  # paid for all customers: beside one's own revenue it would be a wrong return
    "customers": ("parent_id",), "accounts": ("parent_id",),  # may be a customer of somebody else
    "customer_quarters": ("draw",),  # of older snapshots: the customer's number among all
    "record_checks": ("duplicate", "two_names", "one_name", "is_involved", "bad_number", "no_erp", "no_crm"),  # beside records of others
}  # fmt: skip
DECIMALS = 2  # of shares of all ranked customers: from the exact ones one could work out how many there are
COARSE = {"customer_quarters": ("amount_score", "amount_score_before", "interactions_score", "interactions_score_before", "score", "score_before")}

IDS = {name for entity in contract.ENTITIES for name, column in contract.columns(entity).items() if column.kind == "id"}


def customers(accounts: nw.LazyFrame, rules: Iterable[tuple[str, tuple[str, ...]]]) -> nw.LazyFrame:
    """The ids of the customers for whom every rule holds. No rules, or one on a column that there is not: none."""
    rules, known = tuple(rules), accounts.columns
    ids = accounts.select("customer_id", *{column for column, _ in rules if column in known} - {"customer_id"})
    if not rules or any(column not in known for column, _ in rules):
        return ids.head(0).select("customer_id")
    return ids.filter(*(nw.col(column).is_in(values) for column, values in rules)).select("customer_id")


def rows(name: str, frame: nw.LazyFrame, tables: Mapping[str, nw.LazyFrame], ids: nw.LazyFrame, extras: Iterable[str]) -> nw.LazyFrame:
    """The reader's rows of a table. ids: the visible customers; extras: the table's columns that only its source knows.

    tables: the reader's own, which are looked at where a table names no customer.
    """
    there = frame.columns
    if name in SHARED:
        seen, withheld = _serving(frame, tables) if name == "owners" else frame, (*extras, "extra")  # a source's own sums and notes
    else:
        seen, withheld = _own(name, frame, tables, ids, there), ()
    emptied = {c: nothing(c) for c in (*EMPTIED.get(name, ()), *withheld) if c in there}
    coarse = {c: nw.col(c).round(DECIMALS) for c in COARSE.get(name, ()) if c in there}
    return seen.with_columns(**emptied, **coarse) if emptied or coarse else seen


def _own(name: str, frame: nw.LazyFrame, tables: Mapping[str, nw.LazyFrame], ids: nw.LazyFrame, there: list[str]) -> nw.LazyFrame:
    """The rows of visible customers and deals. A table that names neither is for the full scope only."""
    if name == "owner_assignments":
        owned = nw.concat([tables[table].select(nw.lit(kind).alias("object"), object_id=key) for kind, (table, key) in OWNED.items()])
        return frame.join(owned, on=["object", "object_id"], how="semi")
    if "customer_id" not in there:
        return frame.join(tables["deals"].select("deal_id"), on="deal_id", how="semi") if "deal_id" in there else frame.head(0)
    seen = frame.join(ids, on="customer_id", how="semi")
    if name in ANONYMOUS:
        return seen.join(tables["surveys"].filter(nw.col("is_anonymous")).select("survey_id"), on="survey_id", how="anti")
    return seen.filter(~nw.col("is_anonymous").fill_null(False)) if name == "asked" else seen


def _serving(owners: nw.LazyFrame, tables: Mapping[str, nw.LazyFrame]) -> nw.LazyFrame:
    """The people who are responsible for something the reader sees."""
    return owners.join(nw.concat([tables[table].select("owner_id") for table in SERVING]), on="owner_id", how="semi")


def extras(name: str, frame: nw.LazyFrame, promoted: frozenset[str]) -> tuple[str, ...]:
    """Text columns of a table that only its source knows: promoted from `extra`, in a mart under the same name or with "answer_" before it."""
    own = contract.columns(name) if name in contract.ENTITIES else IDS
    texts = (column for column, kind in frame.collect_schema().items() if kind == nw.String and column not in own)
    return tuple(column for column in texts if column in promoted or column.removeprefix("answer_") in promoted)


def nothing(column: str) -> nw.Expr:
    """Null, of the column's own type on every engine."""
    return nw.when(nw.lit(False)).then(nw.col(column)).alias(column)
