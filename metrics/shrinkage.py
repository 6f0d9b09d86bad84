"""How much groups differ beyond chance, and what that says of one of them: empirical Bayes on estimates and their variances."""

from __future__ import annotations

import numpy as np
from scipy import stats

MEDIAN = float(stats.chi2.median(1))  # of a squared standard normal: 0.455
STEPS = 20  # halvings of the interval in which the spread lies


def spread(estimates: np.ndarray, variances: np.ndarray, margin: float = 1.0) -> float:
    """The usual standard deviation between groups beyond chance, in the estimates' unit: 0 where chance explains them all.

    It is the tau for which half of the groups lie closer to 0 than they should half of the time, so a few that are far off do not
    raise it: median(estimate² / (variance + tau²)) = 0.455 · margin. A margin over 1 asks for more than chance allows before it says anything.
    """
    estimates, variances = np.asarray(estimates, float), np.asarray(variances, float)
    if not len(estimates) or _middle(estimates, variances, 0.0) <= MEDIAN * margin:
        return 0.0
    low, high = 0.0, 2 * float(np.abs(estimates).max()) / MEDIAN**0.5
    for _ in range(STEPS):
        tau = (low + high) / 2
        low, high = (tau, high) if _middle(estimates, variances, tau) > MEDIAN * margin else (low, tau)
    return high


def _middle(estimates: np.ndarray, variances: np.ndarray, tau: float) -> float:
    middle = len(estimates) // 2  # the upper one of two: np.median would take their mean, at twice the time
    return float(np.partition(estimates**2 / (variances + tau**2), middle)[middle])


def between(estimates: np.ndarray, variances: np.ndarray, centre: float | None = None) -> tuple[float, float]:
    """The variance between groups, tau², by the method of moments, and the centre they scatter around (given, or estimated).

    Source: DerSimonian & Laird 1986, Controlled Clinical Trials 7, 177-188; with a known centre no degree of freedom is spent on it.
    """
    y, w = np.asarray(estimates, float), 1 / np.asarray(variances, float)
    middle = float((w * y).sum() / w.sum()) if centre is None else centre
    q = float((w * (y - middle) ** 2).sum())
    spent, scale = (1, w.sum() - (w**2).sum() / w.sum()) if centre is None else (0, w.sum())
    tau2 = max(0.0, (q - (len(y) - spent)) / scale) if scale > 0 else 0.0
    if centre is None:
        w = 1 / (1 / w + tau2)
        middle = float((w * y).sum() / w.sum())
    return tau2, middle


def shrunken(estimates, variances, tau2: float, centre: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """What each group's true value probably is, and its standard deviation, given how much such groups differ.

    Read it so: a gap of 40 with variance 100 among gaps with tau² 300 is taken for 30.
    Source: Efron & Morris 1975, JASA 70, 311-319: posterior of a normal mean, B = tau² / (tau² + variance).
    """
    estimates, variances = np.asarray(estimates, float), np.asarray(variances, float)
    kept = tau2 / (tau2 + variances) if tau2 > 0 else np.zeros_like(variances)
    return centre + kept * (estimates - centre), np.sqrt(kept * variances)
