"""Intervals and tests on aggregated counts. Inputs and outputs are plain numbers or numpy arrays; shares run 0 to 1."""

from __future__ import annotations

import math

import numpy as np
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

Z95 = 1.96  # as DEFINITIONS and MeasuringU print it
SAME = 1e-9  # two sums of the same amounts in another order differ by less, relatively


def wilson(successes, n) -> tuple[np.ndarray, np.ndarray]:
    """95 % limits of a share; NaN where n is 0. Source: Wilson 1927, JASA 22(158) 209-212."""
    successes, n = np.asarray(successes, float), np.asarray(n, float)
    low, high = proportion_confint(successes, np.where(n > 0, n, np.nan), method="wilson")
    return np.asarray(low, float), np.asarray(high, float)


def share_se(successes, n) -> np.ndarray:
    """Standard error of a share, with one success and one failure added so that 0 of n is not "certain"."""
    successes, n = np.asarray(successes, float), np.asarray(n, float)
    p = (successes + 1) / (n + 2)
    return np.sqrt(p * (1 - p) / np.where(n > 0, n + 2, np.nan))


def two_sample_p(value, se, before, se_before) -> float:
    """Two-sided p of "no change" between two independent estimates; NaN where a standard error is missing.

    Two values without any error (stocks, fully counted) differ or they do not: p is 0 or 1.
    """
    spread = float(np.hypot(se, se_before))
    if spread == 0:
        return float(math.isclose(value, before, rel_tol=SAME))
    if not spread > 0:
        return float("nan")
    return float(2 * stats.norm.sf(abs(value - before) / spread))
