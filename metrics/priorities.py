"""What to do about each dimension: how important it is, how it performs, and which of both can be told from chance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from metrics.importance import METHODS, mended, r_squared
from metrics.products import Products
from metrics.resampling import limits

SIGNIFICANT = 0.05
TINY = 1e-9
QUADRANTS = {("key", "high"): "keep_up", ("key", "low"): "improve_first", ("minor", "high"): "maintain", ("minor", "low"): "low_priority"}
UNKNOWN = "cannot_tell"
COLUMNS = (
    "share", "share_low", "share_high", "verdict", "correlation", "correlation_low", "correlation_high", "direction", "performance", "performance_low",
    "performance_high", "standing", "quadrant",
)  # fmt: skip


@dataclass(frozen=True)
class Sample:
    """Correlations of k dimensions and the outcome, mended where they contradict each other: (…, k + 1, k + 1)."""

    correlations: np.ndarray
    parts: np.ndarray

    @classmethod
    def of(cls, sums: Products, method: str) -> Sample:
        correlations = mended(sums.correlations)
        return cls(correlations, METHODS[method](correlations))

    @property
    def explained(self) -> np.ndarray:
        return self.parts.sum(-1)

    @property
    def shares(self) -> np.ndarray:
        """Of R²; equal ones where nothing is explained."""
        k, r2 = self.parts.shape[-1], self.explained[..., None]
        return np.where(r2 > TINY, self.parts / np.where(r2 > TINY, r2, 1), 1 / k)


def priorities(whole: Products, resampled: Products, method: str, performance: np.ndarray, units: int) -> tuple[pd.DataFrame, dict]:
    """One row per dimension (value, low, high, se and COLUMNS), and what is to be told of all: r2 and its limits, the averages.

    whole, resampled: sums of the dimensions and the outcome. performance: mean scores on 0 to 1. units: sampled ones, for the test whether R² is more
    than chance: where it is not, no dimension is key or minor.
    """
    found, again = Sample.of(whole, method), Sample.of(resampled, method)
    k = len(performance)
    related = _is_related(float(found.explained), min(units, int(whole.n.min())), k)
    low, high = limits(found.parts, again.parts, 0, 1)
    rows = pd.DataFrame({"value": found.parts, "low": low, "high": high, "se": again.parts.std(0, ddof=1)})
    facts = {"share": (found.shares, *limits(found.shares, again.shares, 0, 1))}
    facts["correlation"] = found.correlations[:-1, -1], *limits(found.correlations[:-1, -1], again.correlations[:, :-1, -1], -1, 1)
    facts["performance"] = performance, *_performance_limits(performance, whole.means[:-1], resampled.means[:, :-1])
    rows = rows.assign(**{name + end: figures for name, three in facts.items() for end, figures in zip(("", "_low", "_high"), three, strict=True)})
    r2_low, r2_high = limits(found.explained, again.explained, 0, 1)
    told = {"r2": float(r_squared(found.correlations)), "r2_low": float(r2_low), "r2_high": float(r2_high), "related": related, "average_share": 1 / k}
    told |= {"average_performance": float(performance.mean()), "mended": bool((found.correlations != whole.correlations).any())}
    return _judged(rows, related, 1 / k, float(performance.mean())), told


def _is_related(r2: float, n: int, k: int) -> bool:
    """Whether R² of n respondents on k dimensions is more than chance, by the usual F test at 95 %."""
    if n <= k + 1:
        return False
    return bool(stats.f.sf(r2 / k / max((1 - r2) / (n - k - 1), TINY), k, n - k - 1) < SIGNIFICANT)


def _performance_limits(performance: np.ndarray, means: np.ndarray, resampled: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of each distance from the average of all, drawn around the performance. Respondents in a good mood lift all dimensions alike: that is not in it.

    means, resampled: of those who answered the overall question as well, as a measure of the noise.
    """
    distance, again = means - means.mean(), resampled - np.nanmean(resampled, -1, keepdims=True)
    return limits(performance, performance + np.nan_to_num(again - distance), 0, 1)


def _judged(rows: pd.DataFrame, related: bool, share: float, performance: float) -> pd.DataFrame:
    """With verdict, direction, standing and quadrant, each by the limits that are shown beside it."""
    verdict = _beside(rows["share_low"], rows["share_high"], share, "key", "minor") if related else np.full(len(rows), UNKNOWN)
    direction = np.where(rows["correlation_low"] > 0, "positive", np.where(rows["correlation_high"] < 0, "negative", "unclear"))
    standing = _beside(rows["performance_low"], rows["performance_high"], performance, "high", "low")
    quadrant = [
        UNKNOWN if importance == "key" and sign != "positive" else QUADRANTS.get((importance, place), UNKNOWN)
        for importance, sign, place in zip(verdict, direction, standing, strict=True)
    ]  # a key dimension whose scores rise while the overall score falls: more of it is nothing to aim at
    return rows.assign(verdict=verdict, direction=direction, standing=standing, quadrant=quadrant)


def _beside(low: pd.Series, high: pd.Series, line: float, above: str, below: str) -> np.ndarray:
    return np.where(low > line + TINY, above, np.where(high < line - TINY, below, UNKNOWN))
