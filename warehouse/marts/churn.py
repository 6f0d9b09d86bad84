"""Who may leave: examples from the past, what later quarters say of the models learned from them, the model itself as a table, and today's scores.

Learning is a matter of metrics; this is the one place where a mart takes something from there. Nothing here fails for want of data: a company
without enough of a past gets empty tables, and the reason.
"""

from __future__ import annotations

from collections.abc import Mapping

import duckdb
import narwhals as nw
import pandas as pd
import pyarrow as pa

from metrics import churn_card, churn_history, churn_model, policies
from metrics.additive_logit import BASE
from metrics.churn_features import KINDS, NUMBERS
from warehouse.marts.base import Mart, Tables

FLOAT, TEXT = pa.float64(), pa.string()
WHO = {"scored_on": pa.date32(), "customer_id": TEXT, "population": TEXT}
RIVALS = dict.fromkeys(churn_history.RIVALS, FLOAT)
KNOWN = dict.fromkeys(NUMBERS, FLOAT) | dict.fromkeys(KINDS, TEXT)
HISTORY = WHO | {"is_today": pa.bool_(), "is_lost": FLOAT, "lost_after": FLOAT} | RIVALS | {"draw": pa.int64()} | KNOWN
TESTED = WHO | {"is_lost": FLOAT, "lost_after": FLOAT, "probability": FLOAT} | RIVALS | {"draw": pa.int64()}
MODEL = {"population": TEXT, "feature": TEXT, "kind": TEXT, "at": FLOAT, "label": TEXT, "points": FLOAT}
SCORES = WHO | {"ranked_by": TEXT, "why": TEXT, "probability": FLOAT, "likelihood": FLOAT, BASE: FLOAT}
SCORES |= KNOWN | {f"points_{name}": FLOAT for name in (*NUMBERS, *KINDS)}


def history(tables: Tables, settings: Mapping) -> nw.LazyFrame:
    """Customers at the beginning of each quarter and today, with what was known of them and what became of them; see metrics.churn_history."""
    return _stored(churn_history.history(tables, settings), HISTORY)


def tested(tables: Tables, settings: Mapping) -> nw.LazyFrame:
    """The customers of each quarter with the probability that a model of earlier quarters gave them; see metrics.churn_model.tested."""
    return _stored(churn_model.tested(_read(tables["churn_history"])), TESTED)


def model(tables: Tables, settings: Mapping) -> nw.LazyFrame:
    """The model of each population as points, and its card: one row per knot, value or figure; see metrics.churn_card."""
    return _stored(churn_card.card(_read(tables["churn_history"]), _read(tables["churn_tested"])), MODEL)


def scores(tables: Tables, settings: Mapping) -> nw.LazyFrame:
    """Today's customers: ranked_by, why, probability and points (null where no model carries it), likelihood: what they are ranked by."""
    return _stored(churn_card.scores(_read(tables["churn_history"]), _read(tables["churn_model"])), SCORES)


def _read(frame: nw.LazyFrame) -> pd.DataFrame:
    """The rows of a table of ours, in one order."""
    rows = frame.collect("pyarrow").to_native().to_pandas(date_as_object=True)
    keys = [name for name in ("scored_on", "population", "customer_id", "feature", "kind", "at", "label") if name in rows]
    return rows.sort_values(keys, ignore_index=True)


def _stored(rows: pd.DataFrame, schema: Mapping[str, pa.DataType]) -> nw.LazyFrame:
    known = pa.schema(list(schema.items()))  # a frame without rows has lost what its columns are
    table = known.empty_table() if rows.empty else pa.Table.from_pandas(rows[list(schema)], schema=known, preserve_index=False)
    return nw.from_native(duckdb.connect().from_arrow(table))


SOURCES = (
    "accounts", "purchases", "recurring", "episodes", "interactions", "tickets", "owners", "scores", "usage", "payments", "subscriptions", "daily_rates",
    "coverage",
)  # fmt: skip
MARTS = (
    Mart("churn_history", SOURCES, ("scored_on", "customer_id"), history, check=policies.in_settings),
    Mart("churn_tested", ("churn_history",), ("scored_on", "customer_id"), tested),
    Mart("churn_model", ("churn_history", "churn_tested"), ("population", "feature", "kind", "at", "label"), model),
    Mart("churn_scores", ("churn_history", "churn_model"), ("customer_id",), scores),
)
