"""How much each answer weighs, and how many independent answers they are worth: what all survey metrics share.

An average over answers is Σ w·x / Σ w. The weight w is the survey's own where it has one, times what the question asks for:

    respondent   every answer counts once
    account      every customer counts once, however many of its people answered
    revenue      every customer counts as much as it paid in the twelve months up to its answer

Answers of one customer resemble each other, so intervals treat the customer, not the answer, as the unit that was sampled. That is done
with the cluster-robust (sandwich) variance of a ratio: it is what resampling customers converges to, needs only sums that any engine
adds up, and gives the same interval every time (a test compares the two).
"""

from __future__ import annotations

import narwhals as nw
import numpy as np
import pandas as pd

from metrics.query import Frame, QuestionError, aggregate

WEIGHTINGS = ("respondent", "account", "revenue")
SQUARES = ("clusters", "of_one", "of_both", "of_weight")


def prepared(frame: Frame, is_counted: nw.Expr, survey_weights: bool) -> Frame:
    """`frame` with what weighing needs: counted (0/1), respondent (who is one sampled unit), weight_ and revenue_."""
    weight = nw.col("weight").fill_null(1.0) if survey_weights else nw.lit(1.0)
    revenue = nw.when(nw.col("revenue_year") > 0).then(nw.col("revenue_year")).otherwise(nw.lit(0.0))
    return frame.with_columns(
        counted=number(is_counted), respondent=nw.coalesce("customer_id", "contact_id", "response_id"), weight_=weight, revenue_=revenue
    )  # fmt: skip


def number(flag: nw.Expr) -> nw.Expr:
    """1 where the flag is true, 0 where it is false or null. As a float: engines add floats up faster than whole numbers, and exactly below 2⁵³."""
    return nw.when(flag).then(nw.lit(1.0)).otherwise(nw.lit(0.0))


def weighed(
    frame: Frame, keys: list[str], weighting: str, averaged: nw.Expr, parts: dict[str, nw.Expr], counts: dict[str, nw.Expr], beside: dict
) -> pd.DataFrame:
    """One row per group of `keys` (exactly one without keys), from a `prepared` frame.

    parts: name → figure of an answer; its weighted sum comes back. averaged: the sum whose mean is taken, of parts.
    counts: name → 0/1; plain sums over the answers that carry weight. beside: name → 0/1; plain sums over all rows.
    Returns also: n, answers with weight; left_out, valid answers without (no customer, or no revenue); weight, Σw;
    clusters, the sampled units; and the sums of squares from which `effective_n` takes the variance.
    Raises QuestionError for a weighting that does not exist.
    """
    if weighting not in WEIGHTINGS:
        raise QuestionError(f"no weighting {weighting!r}; there are {', '.join(WEIGHTINGS)}")
    units = _units(frame, keys, weighting, parts, counts, beside)
    units = units.with_columns(_b=nw.col("_w") * _factor(weighting), **{p: nw.col(p) * _factor(weighting) for p in parts})
    one, weight, has = averaged, nw.col("_b"), number(nw.col("_b") > 0)
    sums = {
        "n": (nw.col("_n") * has).sum(), "left_out": (nw.col("_n") * (1 - has)).sum(), "weight": weight.sum(), "clusters": has.sum(),
        "of_one": (one * one).sum(), "of_both": (one * weight).sum(), "of_weight": (weight * weight).sum(),
    }  # fmt: skip
    sums |= {p: nw.col(p).sum() for p in parts} | {c: (nw.col(c) * has).sum() for c in counts} | {b: nw.col(b).sum() for b in beside}
    rows = aggregate(units, keys, **sums)
    figures = [c for c in rows.columns if c not in keys]
    return rows.assign(**{c: pd.to_numeric(rows[c]).astype("float64").fillna(0.0) for c in figures})


def _units(frame: Frame, keys: list[str], weighting: str, parts: dict, counts: dict, beside: dict) -> Frame:
    """One row per sampled unit in each group. Only what the weighting needs: there are many units, and each sum costs."""
    weight = nw.col("weight_") * nw.col("counted")
    summed = {"_n": nw.col("counted"), "_w": weight, **{p: (weight * e).fill_null(0.0) for p, e in parts.items()}}
    summed |= {c: e * nw.col("counted") for c, e in counts.items()} | beside
    if weighting == "revenue":
        summed["_r"] = nw.col("revenue_") * nw.col("counted")
    if weighting != "respondent":
        summed["_k"] = number(~nw.col("customer_id").is_null())
    return frame.with_columns(**summed).group_by(*keys, "respondent").agg(nw.col(*summed).sum())


def _factor(weighting: str) -> nw.Expr:
    """What a unit's weights are multiplied by, so that they add up to 1 (account) or to its revenue."""
    if weighting == "respondent":
        return nw.lit(1.0)
    share = 1 / nw.col("_w") if weighting == "account" else nw.col("_r") / nw.col("_n") / nw.col("_w")
    return nw.when((nw.col("_k") > 0) & (nw.col("_w") > 0)).then(share).otherwise(nw.lit(0.0))


def kish(rows: pd.DataFrame) -> pd.Series:
    """How many equally heavy units the units are worth: (Σw)²/Σw². Source: Kish 1965, Survey Sampling."""
    return (rows["weight"] ** 2 / rows["of_weight"].where(rows["of_weight"] > 0)).fillna(0.0)


def effective_n(rows: pd.DataFrame, mean: pd.Series, variance: pd.Series, weighting: str) -> pd.Series:
    """How many independent, equally heavy answers would leave the same uncertainty; never more than there are.

    mean, variance: of the figure, weighted. It is n divided by the design effect, which is the variance between sampled units over
    that of as many independent answers; exactly n where every unit gave one answer of weight 1. Where a variance cannot be
    seen (one unit, or all answers alike), and as a ceiling wherever units are weighted, it is Kish's n.
    Source: Korn & Graubard 1998, Survey Methodology 24, 193-201.
    """
    n, units, worth = rows["n"], rows["clusters"], kish(rows)
    between = (rows["of_one"] - 2 * mean * rows["of_both"] + mean**2 * rows["of_weight"]).clip(lower=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        robust = units / (units - 1) * between / rows["weight"] ** 2
        found = variance / robust * n / (n - 1)
    seen = (units > 1) & (robust > 1e-12) & (variance > 1e-12)
    ceiling = n if weighting == "respondent" else worth
    return found.where(seen, worth).clip(lower=np.minimum(n, 1), upper=np.minimum(ceiling, n))
