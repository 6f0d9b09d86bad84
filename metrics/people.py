"""Who is who: customers by their names, and the colleagues who serve them."""

from __future__ import annotations

import narwhals as nw

from metrics.query import Tables, collect


def names(tables: Tables, *customers: str) -> dict[str, str]:
    """The names of these customers, by id; of those that there are."""
    rows = collect(tables["accounts"].filter(nw.col("customer_id").is_in(list(customers))).select("customer_id", "name"))
    return dict(zip(rows["customer_id"], rows["name"], strict=True))


def grades(tables: Tables, *customers: str) -> dict[str, str]:
    """The grade that a source gives these customers now, in its own word; of those that have one."""
    rows = collect(tables["accounts"].filter(nw.col("customer_id").is_in(list(customers)) & ~nw.col("grade").is_null()).select("customer_id", "grade"))
    return dict(zip(rows["customer_id"], rows["grade"], strict=True))


def colleagues(tables: Tables) -> tuple[str, ...]:
    """The e-mails of those who serve customers, their names where a source gives no e-mail (or the reader may not see it)."""
    rows = collect(tables["owners"].select(who=nw.coalesce("email", "name")).unique())
    return tuple(sorted(rows["who"].dropna().astype(str).str.strip(), key=str.casefold))


def called(tables: Tables) -> dict[str, str]:
    """How those who still serve customers are called, as in `colleagues`, by their ids as owners."""
    rows = collect(tables["owners"].filter(nw.col("is_active")).select("owner_id", who=nw.coalesce("email", "name")))
    return dict(zip(rows["owner_id"], rows["who"].astype(str).str.strip(), strict=True))


def accounts(tables: Tables, *records: str) -> dict[str, str]:
    """The accounts that these ids belong to now: their own, or the one that they were merged into; of those that there are."""
    wanted = list(records)
    itself = tables["accounts"].filter(nw.col("customer_id").is_in(wanted)).select("customer_id", record_id="customer_id")
    found = [itself]
    if "customer_records" in tables:
        merged = tables["customer_records"].filter(nw.col("record_id").is_in(wanted)).select("customer_id", "record_id")
        found.append(merged.join(tables["accounts"].select("customer_id"), on="customer_id", how="semi"))
    rows = collect(nw.concat(found).unique())
    return dict(zip(rows["record_id"], rows["customer_id"], strict=True))


def owners(tables: Tables) -> list[dict]:
    """Everybody who serves customers or has served some, by name: owner_id, name, department (None: not known).

    Who only has a deal or a lead of theirs serves none.
    """
    held = tables["owner_assignments"].filter(nw.col("object") == "customer").select("owner_id")
    serving = nw.concat([tables["accounts"].select("owner_id"), held]).unique()
    rows = collect(tables["owners"].join(serving, on="owner_id", how="semi").select("owner_id", "name", "department"))
    rows = rows.astype(object).where(rows.notna(), None)
    return sorted(rows.to_dict("records"), key=lambda row: (str(row["name"] or row["owner_id"]).casefold(), row["owner_id"]))
