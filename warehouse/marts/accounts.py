"""Who the customers are: merged records resolved, one row per account, and how far each table of facts reaches."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from zoneinfo import ZoneInfo

import narwhals as nw

from warehouse.marts.base import Mart, Tables

LINKS = "identity_links"  # of the sync's step that tells records apart; not there where nobody wants it
MERGE_HOPS = 4  # A merged into B merged into C … longer chains are resolved at the next sync
FACTS = {
    "invoices": "issued_on", "payments": "paid_on", "deals": "created_on", "leads": "created_on", "interactions": "happened_on",
    "tickets": "opened_on", "answers": "answered_on", "usage": "day",
}  # fmt: skip


def identities(tables: Tables, settings: Mapping) -> nw.LazyFrame:
    """The account behind each customer record that is not an account itself: one row per record that its source merged into another, or that was linked to one.

    What a source says comes first. Of the records that are linked then, the one with an owner is the account, the smallest id among several: what an account
    is filtered and grouped by is its own record's, and the system that knows the owner knows the rest of it.
    """
    return _linked(tables, merged(tables))


def _linked(tables: Tables, told: nw.LazyFrame) -> nw.LazyFrame:
    """The accounts by what sources say, with the links of records on top of them; records that are gone link nobody."""
    if LINKS not in tables:
        return told
    links = tables[LINKS].select(customer_id="record_id", linked="linked_id")
    living = tables["customers"].select("customer_id", rank_=nw.when(nw.col("owner_id").is_null()).then(nw.lit("1")).otherwise(nw.lit("0")))
    alone = living.join(told, on="customer_id", how="anti").join(links, on="customer_id", how="inner")
    heads = alone.group_by("linked").agg(head=nw.concat_str(nw.col("rank_"), nw.col("customer_id")).min())
    joined = alone.join(heads, on="linked", how="inner").select("customer_id", head=nw.col("head").str.slice(1))
    joined = joined.filter(nw.col("customer_id") != nw.col("head"))
    further = joined.select(account_id="customer_id", head="head")
    told = told.join(further, on="account_id", how="left").select("customer_id", account_id=nw.coalesce("head", "account_id"))
    return nw.concat([told, joined.select("customer_id", account_id="head")])


def merged(tables: Tables) -> nw.LazyFrame:
    """The account behind each record that its source merged into another, by what sources say alone."""
    told = tables["customers"].filter(~nw.col("merged_into").is_null(), nw.col("merged_into") != nw.col("customer_id"))
    step = told.select(record="customer_id", target="merged_into")
    found = step.select(customer_id="record", account_id="target")
    for _ in range(MERGE_HOPS):
        found = found.join(step, left_on="account_id", right_on="record", how="left")
        found = found.select("customer_id", account_id=nw.coalesce("target", "account_id"))
    return found.filter(nw.col("customer_id") != nw.col("account_id"))


def accounts(tables: Tables, settings: Mapping) -> nw.LazyFrame:
    """One row per customer that is neither deleted nor merged nor linked to another, with the columns one may filter and group by."""
    customers = tables["customers"].filter(nw.col("merged_into").is_null() | (nw.col("merged_into") == nw.col("customer_id")))
    customers = customers.join(tables["identities"], on="customer_id", how="anti")
    owners = tables["owners"].select("owner_id", "department", owner="name")
    extra = [c for c in customers.columns if c not in HIDDEN and c not in ACCOUNT_COLUMNS]
    return customers.join(owners, on="owner_id", how="left").select(*ACCOUNT_COLUMNS, *extra)


ACCOUNT_COLUMNS = (
    "customer_id", "source", "name", "kind", "industry", "region", "size", "channel", "grade", "owner_id", "owner", "department",
    "parent_id", "tags", "signed_at", "signed_on", "first_contact_on", "lost_on",
)  # fmt: skip
HIDDEN = {
    "source_id", "updated_at", "extracted_at", "is_deleted", "load_id", "extra", "tax_no", "email", "phone", "merged_into", "signed_at_s",
} | {f"{day}_on{part}" for day in ("signed", "first_contact", "lost") for part in ("_d", "_m")}  # fmt: skip


def coverage(tables: Tables, settings: Mapping) -> nw.LazyFrame:
    """How far each table of facts reaches: one row per table that has rows, with its first and last day.

    A day after the table was last read has not happened: a typing error of 2199 would make every month look finished.
    Of subscriptions, starts and ends are facts once they have passed: plans for the future reach nowhere.
    """
    facts = nw.concat([_reach(tables[name], name, day, _read_on(tables[name], settings)) for name, day in FACTS.items()])
    read_on = _read_on(tables["subscriptions"], settings)
    return nw.concat([facts, _agreements(tables["subscriptions"], facts, read_on)]) if read_on else facts


def _agreements(subscriptions: nw.LazyFrame, facts: nw.LazyFrame, read_on: dt.date) -> nw.LazyFrame:
    """The reach of subscriptions: up to the last start or end that had passed on `read_on`.

    Other facts, where there are any, know better: agreements are older than the system that keeps those, so the first of
    them is the first day here; and an end in an export of last month was a plan, so ends count up to the last of them only.
    """
    others = facts.select(others_first=nw.col("first_on").min(), others_last=nw.col("last_on").max())
    limit = nw.min_horizontal(nw.lit(read_on), nw.coalesce("others_last", nw.lit(read_on)))
    rows = subscriptions.join(others, how="cross").with_columns(
        begun_on=nw.when(nw.col("starts_on") <= nw.lit(read_on)).then(nw.col("starts_on")), over_on=nw.when(nw.col("ends_on") <= limit).then(nw.col("ends_on"))
    )
    ends = {"first_on": nw.max_horizontal(nw.col("begun_on").min(), nw.col("others_first").min())}
    ends["last_on"] = nw.max_horizontal(nw.col("begun_on").max(), nw.col("over_on").max())
    reach = rows.select(begun_on=nw.col("begun_on").min(), n=nw.len(), **ends).with_columns(table=nw.lit("subscriptions"))
    known = reach.filter(~nw.col("begun_on").is_null(), nw.col("first_on") <= nw.col("last_on"))
    return known.select("table", "first_on", "last_on", nw.col("n").cast(nw.Int64))


def _read_on(frame: nw.LazyFrame, settings: Mapping) -> dt.date | None:
    """The business day on which the newest change of a table was read; None without rows."""
    read_at = frame.select(nw.col("extracted_at").max()).collect("pyarrow").to_native().to_pylist()[0]["extracted_at"]
    zone = ZoneInfo(settings.get("calendar", {}).get("timezone", "UTC"))
    return read_at and read_at.astimezone(zone).date()


def _reach(frame: nw.LazyFrame, name: str, day: str, read_on: dt.date | None) -> nw.LazyFrame:
    happened = frame.filter(nw.col(day) <= nw.lit(read_on)) if read_on else frame
    reach = happened.select(first_on=nw.col(day).min(), last_on=nw.col(day).max(), n=nw.len())
    return reach.with_columns(table=nw.lit(name)).select("table", "first_on", "last_on", nw.col("n").cast(nw.Int64)).filter(nw.col("n") > 0)


MARTS = (
    Mart("identities", ("customers", LINKS), ("customer_id",), identities),
    Mart("accounts", ("customers", "owners", "identities"), ("customer_id",), accounts),
    Mart("coverage", (*FACTS, "subscriptions"), ("table",), coverage),
)
