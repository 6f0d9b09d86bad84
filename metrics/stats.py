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


def straightened(t, n, skew: float) -> np.ndarray:
    """A standardised sum of n answers on the scale of a standard normal, by the Wilson-Hilferty cube root.

    skew: of one answer, positive where the tail that t is about is the long one. Without it the few answers at the far end
    of a scale would pass for a discovery too often: t = 4.6 of 36 NPS answers with a skew of 0.58 is worth 4.3.
    Source: Wilson & Hilferty 1931, PNAS 17, 684-688, of a gamma variable with that skew.
    """
    g = skew / np.sqrt(np.asarray(n, float))
    g = np.where(np.abs(g) < 1e-5, 1e-5, g)  # symmetric: t itself, as the limit
    return 6 / g * (np.cbrt(np.maximum(1 + g * np.asarray(t, float) / 2, 0)) - 1) + g / 6


def mean_limits(mean, square, n, low: float, high: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """95 % limits within the scale, and standard error, of a mean score from its mean square and the effective number of answers.

    One answer is added at each end of the scale before the variance is taken: twenty times 5 is not "certain".
    """
    mean, square, n = (np.asarray(values, float) for values in (mean, square, n))
    centre = (n * mean + low + high) / (n + 2)
    se = np.sqrt(((n * square + low**2 + high**2) / (n + 2) - centre**2).clip(min=0) / (n + 2))
    return np.clip(mean - Z95 * se, low, high), np.clip(mean + Z95 * se, low, high), se
