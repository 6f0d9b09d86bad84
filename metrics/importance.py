"""How much of an outcome each of several correlated dimensions accounts for: R² divided among them, from correlations alone.

All functions take correlation matrices (…, k + 1, k + 1) with the outcome last, and work on any number of them at once.
"""

from __future__ import annotations

from math import factorial

import numpy as np

MOST_EXACT = 15  # dimensions: 2¹⁵ regressions for each resample
SPENT = 1e-9  # of a dimension's variance, once others are known: nothing of its own is left
CONTRADICTS = -1e-9  # an eigenvalue below it is more than rounding
LEAST_EIGENVALUE = 0.01  # of a mended matrix


def lmg(correlations: np.ndarray) -> np.ndarray:
    """What each dimension adds to R², averaged over all orders in which they can enter the regression. Returns (…, k), adding up to R².

    Dimensions that say the same share what they say. Read it so: 0.2 of an R² of 0.5 means that two fifths of what the
    dimensions explain goes together with this one; it does not say that changing it changes the outcome.
    Source: Lindeman, Merenda & Gold 1980; the Shapley value of R²; Grömping 2006, Journal of Statistical Software 17(1).
    """
    return np.moveaxis(np.tensordot(_orders(correlations.shape[-1] - 1), explained(correlations), 1), 0, -1)


def _orders(k: int) -> np.ndarray:
    """k × 2ᵏ: what R² of each subset counts for a dimension. A subset of s dimensions has those before it in s! (k − s − 1)! orders."""
    subsets = np.arange(2**k)
    sizes = np.array([int(subset).bit_count() for subset in subsets])
    with_it = np.array([factorial(s - 1) * factorial(k - s) if s else 0 for s in range(k + 1)]) / factorial(k)
    without = np.array([factorial(s) * factorial(k - s - 1) if s < k else 0 for s in range(k + 1)]) / factorial(k)
    return np.array([np.where(subsets >> i & 1, with_it[sizes], -without[sizes]) for i in range(k)])


def explained(correlations: np.ndarray) -> np.ndarray:
    """R² of the outcome on every subset of the dimensions: (2ᵏ, …); bit i of the place says whether dimension i is in it.

    Subsets grow by one dimension at a time, whose part is taken out of all later ones: half of the subsets end in the last
    dimension, so that most steps have next to nothing left to take it out of.
    """
    k = correlations.shape[-1] - 1
    found = np.zeros((2**k, *correlations.shape[:-2]))
    _grow(found, 0, 0, np.ascontiguousarray(np.moveaxis(correlations, (-2, -1), (0, 1))))
    return found


def _grow(found: np.ndarray, subset: int, first: int, left: np.ndarray) -> None:
    """left: covariances of the dimensions from `first` on, and of the outcome, once those of the subset are known; the matrices come last."""
    for j in range(len(left) - 1):
        variance, row = left[j, j], left[j, j + 1 :]
        has = variance > SPENT
        slopes = row * np.where(has, 1 / np.where(has, variance, 1), 0)
        larger = subset | 1 << (first + j)
        found[larger] = found[subset] + row[-1] * slopes[-1]
        if len(row) > 1:
            _grow(found, larger, first + j + 1, left[j + 1 :, j + 1 :] - slopes[:, None] * row)


def relative_weights(correlations: np.ndarray) -> np.ndarray:
    """R² divided by way of the uncorrelated variables that are closest to the dimensions. Returns (…, k), adding up to R².

    Close to `lmg`, for any number of dimensions. Source: Johnson 2000, Multivariate Behavioral Research 35, 1-19.
    """
    values, vectors = np.linalg.eigh(correlations[..., :-1, :-1])
    roots = np.sqrt(values.clip(min=0))
    per = np.where(roots > SPENT**0.5, 1 / np.where(roots > SPENT**0.5, roots, 1), 0)
    turned = np.swapaxes(vectors, -1, -2)
    closest, inverse = vectors * roots[..., None, :] @ turned, vectors * per[..., None, :] @ turned
    slopes = (inverse @ correlations[..., :-1, -1:])[..., 0]
    return (closest**2 @ (slopes**2)[..., None])[..., 0]


def r_squared(correlations: np.ndarray) -> np.ndarray:
    """R² of the regression on all dimensions together, (…): what `lmg` and `relative_weights` divide."""
    with_outcome = correlations[..., :-1, -1:]
    return (np.swapaxes(with_outcome, -1, -2) @ np.linalg.pinv(correlations[..., :-1, :-1], SPENT, hermitian=True) @ with_outcome)[..., 0, 0]


METHODS = {"lmg": lmg, "weights": relative_weights}


def mended(correlations: np.ndarray) -> np.ndarray:
    """Correlations that contradict each other, as those over different respondents may, drawn towards 0 until they do not.

    All of a matrix by the same factor, so that its smallest eigenvalue is LEAST_EIGENVALUE; one without a contradiction stays as it is.
    """
    least = np.linalg.eigvalsh(correlations)[..., 0]
    pull = np.where(least < CONTRADICTS, (LEAST_EIGENVALUE - least) / (1 - least), 0.0)[..., None, None]
    return (1 - pull) * correlations + pull * np.eye(correlations.shape[-1])
