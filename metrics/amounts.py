"""Which numbers are amounts of money or made of them, and what is said of those to a reader who may see none.

The tables of such a reader have no amounts any more; nothing here is needed to keep them secret. But the sum of nothing is 0,
and a customer without a known amount falls into the wrong tier: where an answer needs amounts, it is "no data" instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import narwhals as nw
import numpy as np
import pandas as pd

from metrics.query import Frame, Query, Tables
from metrics.recurring import basis
from metrics.result import Answer

VEIL = "amounts"
WITHHELD = "amounts are not shown to this reader"
BY_BASIS = ("cohorts", "first_month_retention")  # where agreements decide, whoever has recurring value is active
WHOLE = frozenset({  # there is no answer without amounts
    "revenue", "mrr", "arpa", "arpu", "arppu", "arpu_bridge", "ltv", "concentration", "pareto", "customer_value", "promotion_roi", "renewals",
    "nrr", "grr", "nrr_bridge", "movements", "quick_ratio", "logo_churn", "rfm", "nps_revenue", "silent_accounts", "open_pipeline", "forecast",
    "revenue_at_risk", "owner_revenue",
})  # fmt: skip
PARTS: dict[str, tuple[str, ...]] = {  # metric → columns of its answer, or of the list behind it, that are amounts or made of them
    "activity": ("revenue",),
    "at_risk": ("revenue",),
    "grades": ("revenue", "revenue_share"),
    "grade_proposals": ("amount", "reason", "is_moved"),  # the reason may be what was bought
    "migration": ("amount_then", "amount_now"),
    "segment_change_rate": ("amount_then", "amount_now"),
    "response_rate": ("revenue_asked", "revenue_responded", "revenue_share", "revenue_"),
    "funnel": ("amount", "amount_reporting"),
    "funnel_to_cash": ("amount", "amount_reporting"),
    "win_rate": ("won_amount",),
    "lost_reasons": ("amount",),
    "stalled": ("amount", "open_amount"),
}  # fmt: skip


def are_veiled(tables: Tables) -> bool:
    """Whether these tables are opened by a reader who may see no amounts."""
    return VEIL in getattr(tables, "veils", ())


def measured(name: str, measure: Callable[[Tables, Query], Answer], tables: Tables, query: Query) -> Answer:
    """The answer, and "no data" in the place of what would have to be an amount."""
    if not are_veiled(tables):
        return measure(tables, query)
    if _needs_amounts(name, tables, query):
        found = measure(_Emptied(tables), query)
        rows = _without(found.rows, _figures(found.rows)).assign(state="no_data")
        return replace(found, rows=rows, notes={**found.notes, "reason": WITHHELD})
    found = measure(tables, query)
    return replace(found, rows=_without(found.rows, [c for c in PARTS.get(name, ()) if c in found.rows]))


def listed(name: str, behind: Callable[[Tables, Query], Frame], tables: Tables, query: Query) -> Frame:
    """The rows behind a number, without amounts: none where there is no number without them."""
    if not are_veiled(tables):
        return behind(tables, query)
    if _needs_amounts(name, tables, query):
        return behind(_Emptied(tables), query)
    rows = behind(tables, query)
    hidden = set(PARTS.get(name, ())) & set(rows.columns)
    return rows.with_columns(**{c: nw.when(nw.lit(False)).then(nw.col(c)) for c in sorted(hidden)}) if hidden else rows


def _needs_amounts(name: str, tables: Tables, query: Query) -> bool:
    by_agreements = name in BY_BASIS and query.options.get("basis") != "first_contact" and basis(tables, query) == "recurring"
    return name in WHOLE or by_agreements


def _without(rows: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """The rows with nothing in these columns; numbers stay numbers."""
    empty = {c: pd.Series(np.nan if pd.api.types.is_numeric_dtype(rows[c]) else None, rows.index) for c in columns}
    return rows.assign(**empty)


def _figures(rows: pd.DataFrame) -> list[str]:
    """All numbers from `value` on, but for n."""
    after = rows.columns[rows.columns.get_loc("value") :]
    return [c for c in after if c != "n" and pd.api.types.is_numeric_dtype(rows[c]) and not pd.api.types.is_bool_dtype(rows[c])]


class _Emptied(Mapping):
    """Tables without rows, but for the days up to which they are loaded."""

    def __init__(self, tables: Tables):
        self._tables = tables

    def __getitem__(self, name: str) -> Frame:
        frame = self._tables[name]
        return frame if name == "coverage" else frame.head(0)

    def __iter__(self) -> Iterator[str]:
        return iter(self._tables)

    def __len__(self) -> int:
        return len(self._tables)
