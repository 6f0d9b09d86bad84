"""Expected purchases of customers without an agreement: the BG/NBD model of how often they buy and when they stop.

Never its P(alive): whoever bought once gets 1 by construction. What is expected in the next days ranks at least as well as recency.
Source: Fader, Hardie & Lee 2005, Marketing Science 24(2), 275-284.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.optimize import minimize
from scipy.special import betaln, gammaln, hyp2f1

WEEK = 7  # days
MOST = 4_000  # customers that the fit looks at; more are drawn evenly
SEED = 20261128


@dataclass(frozen=True)
class Purchasing:
    """Fitted parameters; time in weeks. log_likelihood: of the customers it was fitted on."""

    r: float
    alpha: float
    a: float
    b: float
    log_likelihood: float

    def expected(self, repeats, last, age, weeks: float) -> np.ndarray:
        """Purchases to be expected within `weeks` of each customer: repeats so far, weeks from the first purchase to the last, and to now."""
        x, t, T = (np.asarray(values, float) for values in (repeats, last, age))
        r, alpha, a, b = self.r, self.alpha, self.a, self.b
        shrink = ((alpha + T) / (alpha + T + weeks)) ** (r + x)
        grown = 1 - shrink * hyp2f1(r + x, b + x, a + b + x - 1, weeks / (alpha + T + weeks))
        stayed = 1 + np.where(x > 0, a / (b + np.maximum(x, 1) - 1) * ((alpha + T) / (alpha + t)) ** (r + x), 0.0)
        return (a + b + x - 1) / (a - 1) * grown / stayed


def purchasing(customers: pd.DataFrame) -> Purchasing | None:
    """The model of these customers: `repeats` (days of purchase after the first), `last` and `age` (weeks from the first to the last, and to now).

    None where nobody bought again, or the likelihood has no maximum that can be used.
    """
    known = customers[["repeats", "last", "age"]].astype(float)
    known = known.sample(MOST, random_state=SEED) if len(known) > MOST else known
    if len(known) == 0 or known["repeats"].max() == 0:
        return None
    counts = known.groupby(list(known.columns)).size()
    x, t, T = (counts.index.get_level_values(k).to_numpy(float) for k in range(3))
    scale = T.max() or 1.0
    n = counts.to_numpy(float)
    found = minimize(lambda w: -_likelihood(np.exp(w), x, t / scale, T / scale) @ n / n.sum(), np.zeros(4), method="L-BFGS-B", bounds=[(-9, 9)] * 4)
    r, alpha, a, b = np.exp(found.x)
    if not (np.isfinite(found.fun) and abs(a - 1) > 1e-6):
        return None
    fitted = (r, alpha * scale, a, b)
    return Purchasing(*map(float, fitted), float(_likelihood(fitted, x, t, T) @ n))


def _likelihood(parameters, x, t, T) -> np.ndarray:
    """Log-likelihood of each kind of customer."""
    r, alpha, a, b = parameters
    common = gammaln(r + x) - gammaln(r) + r * np.log(alpha) + betaln(a, b + x) - betaln(a, b)
    alive = -(r + x) * np.log(alpha + T)
    gone = np.log(a) - np.log(b + np.maximum(x, 1) - 1) - (r + x) * np.log(alpha + t)
    return common + np.where(x > 0, np.logaddexp(alive, gone), alive)
