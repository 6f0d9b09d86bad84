"""R² divided among dimensions: values that R packages publish, and what must hold whatever the data."""

from itertools import permutations

import numpy as np
import pytest

from metrics.importance import LEAST_EIGENVALUE, MOST_EXACT, explained, lmg, mended, r_squared, relative_weights

# R's data set `swiss` (Mosteller & Tukey 1977): Agriculture, Examination, Education, Catholic, Infant.Mortality; Fertility
SWISS = np.array([
    (17.0, 15, 12, 9.96, 22.2, 80.2), (45.1, 6, 9, 84.84, 22.2, 83.1), (39.7, 5, 5, 93.40, 20.2, 92.5), (36.5, 12, 7, 33.77, 20.3, 85.8),
    (43.5, 17, 15, 5.16, 20.6, 76.9), (35.3, 9, 7, 90.57, 26.6, 76.1), (70.2, 16, 7, 92.85, 23.6, 83.8), (67.8, 14, 8, 97.16, 24.9, 92.4),
    (53.3, 12, 7, 97.67, 21.0, 82.4), (45.2, 16, 13, 91.38, 24.4, 82.9), (64.5, 14, 6, 98.61, 24.5, 87.1), (62.0, 21, 12, 8.52, 16.5, 64.1),
    (67.5, 14, 7, 2.27, 19.1, 66.9), (60.7, 19, 12, 4.43, 22.7, 68.9), (69.3, 22, 5, 2.82, 18.7, 61.7), (72.6, 18, 2, 24.20, 21.2, 68.3),
    (34.0, 17, 8, 3.30, 20.0, 71.7), (19.4, 26, 28, 12.11, 20.2, 55.7), (15.2, 31, 20, 2.15, 10.8, 54.3), (73.0, 19, 9, 2.84, 20.0, 65.1),
    (59.8, 22, 10, 5.23, 18.0, 65.5), (55.1, 14, 3, 4.52, 22.4, 65.0), (50.9, 22, 12, 15.14, 16.7, 56.6), (54.1, 20, 6, 4.20, 15.3, 57.4),
    (71.2, 12, 1, 2.40, 21.0, 72.5), (58.1, 14, 8, 5.23, 23.8, 74.2), (63.5, 6, 3, 2.56, 18.0, 72.0), (60.8, 16, 10, 7.72, 16.3, 60.5),
    (26.8, 25, 19, 18.46, 20.9, 58.3), (49.5, 15, 8, 6.10, 22.5, 65.4), (85.9, 3, 2, 99.71, 15.1, 75.5), (84.9, 7, 6, 99.68, 19.8, 69.3),
    (89.7, 5, 2, 100.00, 18.3, 77.3), (78.2, 12, 6, 98.96, 19.4, 70.5), (64.9, 7, 3, 98.22, 20.2, 79.4), (75.9, 9, 9, 99.06, 17.8, 65.0),
    (84.6, 3, 3, 99.46, 16.3, 92.2), (63.1, 13, 13, 96.83, 18.1, 79.3), (38.4, 26, 12, 5.62, 20.3, 70.4), (7.7, 29, 11, 13.79, 20.5, 65.7),
    (16.7, 22, 13, 11.22, 18.9, 72.7), (17.6, 35, 32, 16.92, 23.0, 64.4), (37.6, 15, 7, 4.97, 20.0, 77.6), (18.7, 25, 7, 8.65, 19.5, 67.6),
    (1.2, 37, 53, 42.34, 18.0, 35.0), (46.6, 16, 29, 50.43, 18.2, 44.7), (27.7, 22, 29, 58.33, 19.3, 42.8),
])  # fmt: skip

# R's data set `mtcars` (Motor Trend 1974): cyl, disp, hp, wt, gear; mpg
MTCARS = np.array([
    (6, 160, 110, 2.620, 4, 21.0), (6, 160, 110, 2.875, 4, 21.0), (4, 108, 93, 2.320, 4, 22.8), (6, 258, 110, 3.215, 3, 21.4),
    (8, 360, 175, 3.440, 3, 18.7), (6, 225, 105, 3.460, 3, 18.1), (8, 360, 245, 3.570, 3, 14.3), (4, 146.7, 62, 3.190, 4, 24.4),
    (4, 140.8, 95, 3.150, 4, 22.8), (6, 167.6, 123, 3.440, 4, 19.2), (6, 167.6, 123, 3.440, 4, 17.8), (8, 275.8, 180, 4.070, 3, 16.4),
    (8, 275.8, 180, 3.730, 3, 17.3), (8, 275.8, 180, 3.780, 3, 15.2), (8, 472, 205, 5.250, 3, 10.4), (8, 460, 215, 5.424, 3, 10.4),
    (8, 440, 230, 5.345, 3, 14.7), (4, 78.7, 66, 2.200, 4, 32.4), (4, 75.7, 52, 1.615, 4, 30.4), (4, 71.1, 65, 1.835, 4, 33.9),
    (4, 120.1, 97, 2.465, 3, 21.5), (8, 318, 150, 3.520, 3, 15.5), (8, 304, 150, 3.435, 3, 15.2), (8, 350, 245, 3.840, 3, 13.3),
    (8, 400, 175, 3.845, 3, 19.2), (4, 79, 66, 1.935, 4, 27.3), (4, 120.3, 91, 2.140, 5, 26.0), (4, 95.1, 113, 1.513, 5, 30.4),
    (8, 351, 264, 3.170, 5, 15.8), (6, 145, 175, 2.770, 5, 19.7), (8, 301, 335, 3.570, 5, 15.0), (4, 121, 109, 2.780, 4, 21.4),
])  # fmt: skip
CYL, DISP, HP, WT, GEAR, MPG = range(6)


def correlations(rows, *columns):
    return np.corrcoef(rows[:, columns] if columns else rows, rowvar=False)


def test_lmg_of_swiss_is_what_relaimpo_gives():
    """calc.relimp(lm(Fertility ~ ., swiss), type = "lmg"). Source: R package relaimpo (Grömping 2006)."""
    found = lmg(correlations(SWISS))
    assert found == pytest.approx([0.0570912, 0.1711730, 0.2601347, 0.1055702, 0.1127659], abs=5e-8)
    assert found.sum() == pytest.approx(0.7067350, abs=5e-8)


@pytest.mark.parametrize(
    ("columns", "weights"),
    [
        ((CYL, DISP, HP, GEAR, MPG), [0.2284797, 0.2221469, 0.2321744, 0.0963886]),  # README of the R package rwa
        ((CYL, DISP, HP, WT, MPG), [0.2096904, 0.1883043, 0.1799590, 0.2706812]),  # its article "Regression methods"
    ],
)
def test_relative_weights_of_mtcars_are_what_rwa_gives(columns, weights):
    """rwa(mtcars, "mpg", …)$result$Raw.RelWeight."""
    assert relative_weights(correlations(MTCARS, *columns)) == pytest.approx(weights, abs=5e-8)


def test_r_squared_of_mtcars_is_what_rwa_gives():
    assert r_squared(correlations(MTCARS, CYL, DISP, HP, GEAR, MPG)) == pytest.approx(0.7791896, abs=5e-8)


def test_lmg_is_the_mean_over_all_orders():
    """By its definition: what each dimension adds to R², averaged over the 120 orders, each R² from a regression of its own."""
    standard = (SWISS - SWISS.mean(0)) / SWISS.std(0)

    def r2(columns):
        if not columns:
            return 0.0
        x, y = standard[:, columns], standard[:, -1]
        return 1 - ((y - x @ np.linalg.lstsq(x, y)[0]) ** 2).sum() / (y**2).sum()

    orders = list(permutations(range(5)))
    means = [np.mean([r2(o[: o.index(i) + 1]) - r2(o[: o.index(i)]) for o in orders]) for i in range(5)]
    assert lmg(correlations(SWISS)) == pytest.approx(means, abs=1e-12)


def some(seed: int, k: int, n: int = 60) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, k + 1)) @ rng.normal(size=(k + 1, k + 1))


@pytest.mark.parametrize("divided", [lmg, relative_weights])
@pytest.mark.parametrize("k", [1, 2, 7])
def test_parts_are_no_less_than_nothing_and_add_up_to_r_squared(divided, k):
    many = np.array([correlations(some(seed, k)) for seed in range(6)])
    parts = divided(many)
    assert parts.shape == (6, k) and (parts >= -1e-12).all()
    assert parts.sum(-1) == pytest.approx(r_squared(many))
    assert parts[3] == pytest.approx(divided(many[3]))  # many at once are each on its own


@pytest.mark.parametrize("divided", [lmg, relative_weights])
def test_uncorrelated_dimensions_get_their_own_squared_correlation(divided):
    matrix = np.eye(4)
    matrix[:3, 3] = matrix[3, :3] = 0.6, -0.3, 0.0
    assert divided(matrix) == pytest.approx([0.36, 0.09, 0.0], abs=1e-12)


@pytest.mark.parametrize("divided", [lmg, relative_weights])
def test_a_duplicate_shares_what_it_says_and_adds_nothing(divided):
    rows = some(4, 3)
    once, twice = divided(correlations(rows)), divided(correlations(rows, 0, 1, 2, 0, 3))
    assert twice[0] == pytest.approx(twice[3], abs=1e-9)
    assert twice.sum() == pytest.approx(once.sum(), abs=1e-6)


@pytest.mark.parametrize("divided", [lmg, relative_weights])
def test_beside_an_uncorrelated_dimension_duplicates_get_half_each(divided):
    matrix = np.array([[1, 0, 1, 0.6], [0, 1, 0, 0.3], [1, 0, 1, 0.6], [0.6, 0.3, 0.6, 1]])
    assert divided(matrix) == pytest.approx([0.18, 0.09, 0.18], abs=1e-6)


def test_the_order_of_dimensions_is_irrelevant():
    assert lmg(correlations(SWISS, 3, 0, 4, 2, 1, 5)) == pytest.approx(lmg(correlations(SWISS))[[3, 0, 4, 2, 1]])


def test_subsets_are_named_by_their_bits():
    matrix = correlations(SWISS)
    found = explained(matrix)
    assert found[0] == 0 and found[0b100] == pytest.approx(matrix[2, 5] ** 2) and found[-1] == pytest.approx(r_squared(matrix))


def test_fifteen_dimensions_are_still_exact():
    matrix = correlations(some(1, MOST_EXACT, n=200))
    assert lmg(matrix).sum() == pytest.approx(r_squared(matrix))


def test_correlations_that_contradict_each_other_are_drawn_together():
    """A goes with B and B with C, but A against C: no three columns of numbers can do that (determinant 1 − 3·0.81 − 2·0.729 < 0)."""
    impossible = np.array([[1, 0.9, -0.9], [0.9, 1, 0.9], [-0.9, 0.9, 1.0]])
    repaired = mended(impossible)
    assert np.linalg.eigvalsh(repaired)[0] == pytest.approx(LEAST_EIGENVALUE)
    ratio = repaired[0, 1] / impossible[0, 1]
    assert repaired[~np.eye(3, dtype=bool)] == pytest.approx(impossible[~np.eye(3, dtype=bool)] * ratio) and 0 < ratio < 1
    assert (np.diag(repaired) == 1).all()


def test_correlations_without_contradiction_stay_as_they_are():
    possible = correlations(SWISS)
    assert (mended(possible) == possible).all()
    duplicate = correlations(SWISS, 0, 0, 1)  # an eigenvalue of 0 is no contradiction
    assert (mended(duplicate) == duplicate).all()
