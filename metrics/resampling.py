"""How sure a figure is, by drawing blocks of customers anew: the bootstrap, on sums that the engine has added up."""

from __future__ import annotations

import numpy as np

LEVEL = 0.95


def draws(blocks: int, replicates: int, seed: int) -> np.ndarray:
    """How often each block is drawn: (replicates, blocks), whole numbers; each row adds up to the number of blocks."""
    return np.random.default_rng(seed).multinomial(blocks, np.full(blocks, 1 / blocks), size=replicates).astype(float)


def limits(estimate, resampled, least: float = -np.inf, most: float = np.inf) -> tuple[np.ndarray, np.ndarray]:
    """95 % limits: the percentiles of the resampled figures, less what resampling adds to the figure on average; they hold the estimate.

    resampled: (replicates, …). A share of R² cannot be negative, so that noise adds to it, in the sample as in each resample: without taking
    that off, the interval of a dimension that has nothing to do with the outcome would never reach 0.
    Source: Efron & Tibshirani 1993, An Introduction to the Bootstrap, chapters 10 and 13.
    """
    estimate, tail = np.asarray(estimate, float), 50 * (1 - LEVEL)
    shift = resampled.mean(0) - estimate
    low, high = np.percentile(resampled, [tail, 100 - tail], axis=0) - shift
    return np.clip(np.minimum(low, estimate), least, most), np.clip(np.maximum(high, estimate), least, most)
