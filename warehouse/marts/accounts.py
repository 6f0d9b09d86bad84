"""Who the customers are: merged records resolved, one row per account, and how far each table of facts reaches."""

from __future__ import annotations

from collections.abc import Mapping

import narwhals as nw

from warehouse.marts.base import Mart, Tables

MERGE_HOPS = 4  # A merged into B merged into C … longer chains are resolved at the next sync
FACTS = {
    "invoices": "issued_on", "payments": "paid_on", "deals": "created_on", "leads": "created_on", "interactions": "happened_on",
    "tickets": "opened_on", "answers": "answered_on", "usage": "day",
}  # fmt: skip


def identities(tables: Tables, settings: Mapping) -> nw.LazyFrame:
    """The account behind each merged customer record: one row per record that was merged into another."""
    merged = tables["customers"].filter(~nw.col("merged_into").is_null(), nw.col("merged_into") != nw.col("customer_id"))
    step = merged.select(record="customer_id", target="merged_into")
    found = step.select(customer_id="record", account_id="target")
    for _ in range(MERGE_HOPS):
        found = found.join(step, left_on="account_id", right_on="record", how="left")
        found = found.select("customer_id", account_id=nw.coalesce("target", "account_id"))
    return found.filter(nw.col("customer_id") != nw.col("account_id"))


def accounts(tables: Tables, settings: Mapping) -> nw.LazyFrame:
    """One row per customer that is neither deleted nor merged, with the columns one may filter and group by."""
    customers = tables["customers"].filter(nw.col("merged_into").is_null() | (nw.col("merged_into") == nw.col("customer_id")))
    owners = tables["owners"].select("owner_id", "department", owner="name")
    extra = [c for c in customers.collect_schema().names() if c not in HIDDEN and c not in ACCOUNT_COLUMNS]
    return customers.join(owners, on="owner_id", how="left").select(*ACCOUNT_COLUMNS, *extra)


ACCOUNT_COLUMNS = (
    "customer_id", "source", "name", "kind", "industry", "region", "size", "channel", "grade", "owner_id", "owner", "department",
    "parent_id", "tags", "signed_at", "signed_on", "first_contact_on", "lost_on",
)  # fmt: skip
HIDDEN = {
    "source_id", "updated_at", "extracted_at", "is_deleted", "load_id", "extra", "tax_no", "email", "phone", "merged_into", "signed_at_s",
} | {f"{day}_on{part}" for day in ("signed", "first_contact", "lost") for part in ("_d", "_m")}  # fmt: skip


def coverage(tables: Tables, settings: Mapping) -> nw.LazyFrame:
    """How far each table of facts reaches: one row per table that has rows, with its first and last day."""
    return nw.concat([_reach(tables[name], name, day) for name, day in FACTS.items()])


def _reach(frame: nw.LazyFrame, name: str, day: str) -> nw.LazyFrame:
    reach = frame.select(first_on=nw.col(day).min(), last_on=nw.col(day).max(), n=nw.len())
    return reach.with_columns(table=nw.lit(name)).select("table", "first_on", "last_on", nw.col("n").cast(nw.Int64)).filter(nw.col("n") > 0)


MARTS = (
    Mart("identities", ("customers",), ("customer_id",), identities),
    Mart("accounts", ("customers", "owners"), ("customer_id",), accounts),
    Mart("coverage", tuple(FACTS), ("table",), coverage),
)
