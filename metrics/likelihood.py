"""How likely customers are to leave within the next 90 days, as of today's mart: the probability with the reasons that add up to it, or the place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import narwhals as nw
import pandas as pd

from metrics.additive_logit import BASE
from metrics.churn_features import KINDS, NUMBERS
from metrics.query import Frame, Tables, collect, kept

FEATURES = (*NUMBERS, *KINDS)
LEAST_POINTS = 0.05  # log-odds; a reason that moves less is none
MOST_UP, MOST_DOWN = 3, 1


def likelihoods(tables: Tables, among: Sequence[str] | None = None) -> pd.DataFrame:
    """One row per customer that has one: customer_id, scored_on, ranked_by, why, probability, base, what the features were and points_… .

    place: 1 is the likeliest to leave of all that the reader sees and the same thing ranks; of_all: how many these are. Empty where no sync has
    learned anything yet, or the rules carry the list: they are told by their own score.
    """
    if "churn_scores" not in tables:
        return pd.DataFrame({"customer_id": pd.Series(dtype=object)})
    rows = _with_likelihood(tables)
    rows = rows if among is None else rows.join(tables.column("customer_id", among), on="customer_id", how="semi")
    return collect(rows.join(kept(tables, "places", "", lambda: _places(tables)), on="customer_id", how="left"))


def _with_likelihood(tables: Tables) -> Frame:
    return tables["churn_scores"].filter(~nw.col("likelihood").is_null())


def _places(tables: Tables) -> Frame:
    """customer_id, place, of_all of who has a likelihood. Computed once for these tables."""
    rows = _with_likelihood(tables).select("customer_id", "population", one=nw.lit(1), less=-nw.col("likelihood"))
    place = nw.col("one").cum_sum().over("population", order_by=["less", "customer_id"])
    return rows.with_columns(place=place, of_all=nw.col("one").sum().over("population")).select("customer_id", "place", "of_all")


def carriers(tables: Tables) -> dict[str, str]:
    """By what the reader's customers are ranked: population → "model", "recency" or "rules"; without those of whom nothing has been learned."""
    if "churn_scores" not in tables:
        return {}
    rows = collect(tables["churn_scores"].select("population", "ranked_by").unique())
    return dict(sorted(zip(rows["population"], rows["ranked_by"], strict=True)))


def reasons(row: Mapping) -> list[tuple[str, float]]:
    """What moves a probability most: features with their points in log-odds, up to three that raise it, then the one that lowers it most."""
    known = [(name, float(row[f"points_{name}"])) for name in FEATURES if not pd.isna(row.get(f"points_{name}"))]
    up = sorted((pair for pair in known if pair[1] >= LEAST_POINTS), key=lambda pair: -pair[1])
    down = sorted((pair for pair in known if pair[1] <= -LEAST_POINTS), key=lambda pair: pair[1])
    return up[:MOST_UP] + down[:MOST_DOWN]


def log_odds(row: Mapping) -> float:
    """The base and all points of a row: the log-odds of its probability."""
    return float(row[BASE]) + sum(float(row[f"points_{name}"]) for name in FEATURES if not pd.isna(row.get(f"points_{name}")))
