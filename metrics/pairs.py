"""Pairs of customer records that may be one customer: those that wait for a decision, and two records side by side."""

from __future__ import annotations

from collections.abc import Sequence

import narwhals as nw
import pandas as pd

from metrics.query import Frame, Tables, collect

MART = "identity_pairs"
AT_ONCE = 50  # pairs of a page of the list
ORDERS = {"probable": ("probability", "alike", "at_stake"), "money": ("at_stake", "probability", "alike")}  # the highest first
FIELDS = (
    "name", "tax_no", "email", "phone", "kind", "region", "industry", "size", "grade", "channel", "owner", "signed_on", "first_contact_on", "source",
    "source_id",
)  # fmt: skip
KEYS = ("tax_no", "email", "phone")  # compared at the sync: a reader may see less of them than it takes to compare
COMPARED = ("name", "kind", "region", "industry", "size")  # of the rest, those of which two records of one customer should not differ


def waiting(tables: Tables, order: str, decided: Sequence[str], later: Sequence[str], page: int) -> tuple[pd.DataFrame, int]:
    """The pairs of one page (from 0) of those to decide, and how many there are in all. Empty where the snapshot has none.

    order: of ORDERS. decided: pairs ("a|b") that are decided since the sync; later: those that were put off, which come last.
    """
    if MART not in tables:
        return pd.DataFrame(), 0
    pairs = _without(tables[MART], tables, decided)
    postponed = tables.column("pair", sorted(later)).with_columns(late_=nw.lit(1))
    pairs = pairs.join(postponed, on="pair", how="left").with_columns(is_late=~nw.col("late_").is_null()).drop("late_")
    total = int(collect(pairs.select(n=nw.len()))["n"].iloc[0])
    listed = pairs.sort("is_late", *ORDERS[order], "pair", descending=[False, True, True, True, False], nulls_last=True)
    rows = collect(listed.head((page + 1) * AT_ONCE))
    return rows.iloc[page * AT_ONCE :].reset_index(drop=True), total


def _without(pairs: Frame, tables: Tables, decided: Sequence[str]) -> Frame:
    return pairs.join(tables.column("pair", sorted(decided)), on="pair", how="anti") if decided else pairs


def beside(tables: Tables, one: str, other: str) -> pd.DataFrame:
    """Two records field by field: field, a, b (as the reader may see them, null where empty), agrees (null where either is empty, or nothing follows from it).

    Empty where one of the two is not there any more.
    """
    owners = tables["owners"].select("owner_id", owner="name")
    records = tables["customers"].filter(nw.col("customer_id").is_in([one, other])).join(owners, on="owner_id", how="left")
    found = collect(records.select("customer_id", *FIELDS)).set_index("customer_id")
    if not {one, other} <= set(found.index):
        return pd.DataFrame(columns=["field", "a", "b", "agrees"])
    rows = found.loc[[one, other]].T.reset_index(names="field").set_axis(["field", "a", "b"], axis=1)
    rows = rows.assign(**{side: rows[side].astype(object).where(rows[side].notna(), None) for side in "ab"})
    keys = _compared(tables, one, other)
    return rows.assign(agrees=[_agrees(row, keys) for row in rows.to_dict("records")])


def _compared(tables: Tables, one: str, other: str) -> dict[str, bool | None]:
    """Field → whether the two agree, of KEYS, as the sync found it; empty for a pair that is not in the list."""
    if MART not in tables:
        return {}
    pair = collect(tables[MART].filter(nw.col("record_a") == one, nw.col("record_b") == other).select(*(f"same_{name}" for name in KEYS)))
    return {name: None if pd.isna(pair[f"same_{name}"].iloc[0]) else bool(pair[f"same_{name}"].iloc[0]) for name in KEYS} if len(pair) else {}


def _agrees(row: dict, keys: dict[str, bool | None]) -> bool | None:
    if row["field"] in KEYS:
        return keys.get(row["field"])
    if row["field"] not in COMPARED or row["a"] is None or row["b"] is None:
        return None
    return str(row["a"]).strip().lower() == str(row["b"]).strip().lower()


def named(tables: Tables, records: Sequence[str]) -> dict[str, str]:
    """Record → its name; without those that are gone."""
    if not records:
        return {}
    asked = tables.column("customer_id", sorted(set(records)))
    found = collect(tables["customers"].join(asked, on="customer_id", how="semi").select("customer_id", "name"))
    return dict(zip(found["customer_id"], found["name"], strict=True))
