"""What a survey is searched by: the net promoter score, a mean, or the share of answers below the middle of the scale."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import narwhals as nw
import numpy as np
import pandas as pd

from metrics import nps, survey
from metrics.query import Frame, Query, QuestionError, Tables, aggregate
from metrics.respondents import number
from metrics.stats import Z95, mean_limits, wilson

SCALE = ["scale_min", "scale_max"]


@dataclass(frozen=True)
class Yardstick:
    """How answers are scored. Inside a search a score is turned so that low is bad; `factor` times it is the figure that is shown.

    answers(tables, query): the valid answers, before the period. limits(x, xx, w, n, scale): the figure, its 95 % limits and its
    standard error from Σ w·x, Σ w·x², Σ w and the effective number of answers. behind: the list behind the number.
    """

    name: str
    factor: float
    score: Callable[[float], nw.Expr]  # of an answer, from the middle of the scale
    inner: Callable[[np.ndarray, float], np.ndarray]  # the same of an array of scores
    answers: Callable[[Tables, Query], Frame]
    limits: Callable[..., tuple[np.ndarray, ...]]
    whole: Callable
    behind: Callable[[Tables, Query], Frame]
    by_rank: bool = False  # search by an answer's place among all answers: it tells more than three bands do


def _nps_limits(x, xx, w, n, scale):
    promoters, detractors = (xx + x) / 2 / w, (xx - x) / 2 / w
    low, high, se, _ = nps.adjusted_wald(promoters, detractors, n)
    return nps.POINTS * x / w, low, high, se


def _mean_limits(x, xx, w, n, scale):
    return x / w, *mean_limits(x / w, xx / w, n, *scale)


def _share_limits(x, xx, w, n, scale):
    low, high = wilson(-x / w * n, n)
    return -x / w, low, high, (high - low) / (2 * Z95)


def _nps_answers(tables: Tables, query: Query) -> Frame:
    return nps.asked_about(tables, query).filter(nps.is_valid())


def _scored(tables: Tables, query: Query) -> Frame:
    return survey.scored(tables, query).filter(survey.is_valid())


def _of_band(middle: float) -> nw.Expr:
    return number(nw.col("score") >= nps.BANDS["promoter"][0]) - number(nw.col("score") <= nps.BANDS["detractor"][1])


def _inner_band(scores: np.ndarray, middle: float) -> np.ndarray:
    return (scores >= nps.BANDS["promoter"][0]).astype(float) - (scores <= nps.BANDS["detractor"][1])


YARDSTICKS = {
    "nps": Yardstick("nps", nps.POINTS, _of_band, _inner_band, _nps_answers, _nps_limits, nps.nps, nps.behind, by_rank=True),
    "mean": Yardstick(
        "mean", 1.0, lambda middle: nw.col("score"), lambda scores, middle: scores, _scored, _mean_limits, survey.satisfaction, survey.behind_satisfaction,
    ),
    "low_share": Yardstick(
        "low_share", -1.0, lambda middle: -number(nw.col("score") < middle - survey.TINY),
        lambda scores, middle: -(scores < middle - survey.TINY).astype(float), _scored, _share_limits, survey.satisfaction,
        survey.behind_satisfaction,
    ),
}  # fmt: skip


def yardstick(query: Query) -> Yardstick:
    """The one that is asked for; else NPS, or the mean where a question or dimension other than the NPS one is named.

    Raises QuestionError for one that does not exist.
    """
    named, dimension = query.options.get("measure"), query.options.get("dimension")
    if named and named not in YARDSTICKS:
        raise QuestionError(f"no measure {named!r}; there are {', '.join(YARDSTICKS)}")
    is_other = query.options.get("question") or (dimension and dimension.lower() != nps.dimension(query))
    return YARDSTICKS[named or ("mean" if is_other else "nps")]


def histogram(frame: Frame, yard: Yardstick) -> pd.DataFrame:
    """How often each score occurs, on the scale most answers are on: scale_min, scale_max, score, n.

    Raises QuestionError where NPS was asked on another scale than 0 to 10.
    """
    rows = aggregate(frame, [*SCALE, "score"], n=nw.len()).sort_values([*SCALE, "score"], ignore_index=True)
    rows = rows.assign(**{c: pd.to_numeric(rows[c]).astype("float64") for c in rows.columns})
    if yard.name == "nps" and len(odd := rows[(rows["scale_min"] != nps.SCALE[0]) | (rows["scale_max"] != nps.SCALE[1])]):
        low, high = odd.iloc[0][SCALE]
        raise QuestionError(f"NPS needs scores of 0 to 10, but answers are on {low:g} to {high:g}: ask with measure=mean, or name another question or wave")
    sizes = rows.groupby(SCALE, as_index=False)["n"].sum().sort_values(["n", *SCALE], ascending=[False, True, True])
    return rows.merge(sizes.head(1)[SCALE], on=SCALE) if len(rows) else rows


def ranks(counts: pd.DataFrame) -> np.ndarray:
    """Each score's place among all answers, 0 to 1: the share of answers below it and half of those that are equal (the ridit).

    Source: Bross 1958, Biometrics 14, 18-38.
    """
    n = counts["n"].to_numpy(float)
    return (np.cumsum(n) - n / 2) / n.sum()


def ranked(counts: pd.DataFrame) -> nw.Expr:
    """The same of each answer, as the engine computes it."""
    place = nw.lit(None, nw.Float64)
    for score, rank in zip(counts["score"], ranks(counts), strict=True):
        place = nw.when(nw.col("score") == score).then(nw.lit(float(rank))).otherwise(place)
    return place


def skew(values: np.ndarray, counts: np.ndarray) -> float:
    """Of the turned score: positive where low scores lie far out. 0 where all answers are equal."""
    mean = float((values * counts).sum() / counts.sum())
    second, third = (float(((mean - values) ** power * counts).sum() / counts.sum()) for power in (2, 3))
    return third / second**1.5 if second > 0 else 0.0
