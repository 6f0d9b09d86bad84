"""Marts from rows, without building them: for cases that are stated in terms of the mart itself."""

from __future__ import annotations

import datetime as dt

import duckdb
import narwhals as nw
import pandas as pd

QUARTERS = {"customer_id": "?", "ends_on": "?", "held": None, "amount": 0.0}
RANKS = {"core": 1, "key": 2, "ordinary": 3, "potential": 4}


def framed(rows: pd.DataFrame, connection=None) -> nw.LazyFrame:
    connection = connection or duckdb.connect()
    connection.register("rows_", rows)
    return nw.from_native(connection.sql("select * from rows_"))


def quarter_rows(customers: list[tuple[str, str, str | None, float]]) -> pd.DataFrame:
    """customer_quarters from (customer, quarter end, grade, amount); earned and graded then are the grade in force."""
    rows = pd.DataFrame(customers, columns=["customer_id", "ends_on", "held", "amount"])
    rows["ends_on"] = [dt.date.fromisoformat(day) for day in rows["ends_on"]]
    rows["held_rank"] = rows["held"].map(RANKS)
    return rows.assign(earned=rows["held"], earned_rank=rows["held_rank"], graded_then=rows["held"], score=0.5)


def quarters(customers, accounts: list[dict] = ()) -> dict[str, nw.LazyFrame]:
    """The two tables that grade metrics read, on one connection."""
    connection = duckdb.connect()
    rows = quarter_rows(customers)
    known = pd.DataFrame([{"customer_id": c, "name": c, "grade": None, "region": None} for c in dict.fromkeys(rows["customer_id"])]).set_index("customer_id")
    for account in accounts:
        for name, value in account.items():
            known.loc[account["customer_id"], name] = value if name != "customer_id" else None
    known = known.drop(columns="customer_id", errors="ignore").reset_index().astype({"grade": "string", "region": "string"})
    connection.register("quarters_", rows)
    connection.register("accounts_", known)
    return {name: nw.from_native(connection.sql(f"select * from {name.split('_')[-1]}_")) for name in ("customer_quarters", "accounts")}
