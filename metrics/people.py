"""Who is who: customers by their names, and the colleagues who serve them."""

from __future__ import annotations

import narwhals as nw

from metrics.query import Tables, collect


def names(tables: Tables, *customers: str) -> dict[str, str]:
    """The names of these customers, by id; of those that there are."""
    rows = collect(tables["accounts"].filter(nw.col("customer_id").is_in(list(customers))).select("customer_id", "name"))
    return dict(zip(rows["customer_id"], rows["name"], strict=True))


def colleagues(tables: Tables) -> tuple[str, ...]:
    """The e-mails of those who serve customers, their names where a source gives no e-mail (or the reader may not see it)."""
    rows = collect(tables["owners"].select(who=nw.coalesce("email", "name")).unique())
    return tuple(sorted(rows["who"].dropna().astype(str).str.strip(), key=str.casefold))
