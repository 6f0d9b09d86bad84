"""Published values of shrinkage and of the variance between groups; a robust spread that a few far ones do not move."""

import numpy as np
import pytest
from scipy import stats

from metrics.shrinkage import between, shrunken, spread
from metrics.stats import mean_limits, straightened

BCG = [  # of 13 trials: vaccinated who fell ill, who did not; others who fell ill, who did not (dat.bcg of R's metadat)
    (4, 119, 11, 128), (6, 300, 29, 274), (3, 228, 11, 209), (62, 13536, 248, 12619), (33, 5036, 47, 5761), (180, 1361, 372, 1079), (8, 2537, 10, 619),
    (505, 87886, 499, 87892), (29, 7470, 45, 7232), (17, 1699, 65, 1600), (186, 50448, 141, 27197), (5, 2493, 3, 2338), (27, 16886, 29, 17825),
]  # fmt: skip


def test_variance_between_trials_as_metafor_gives_it():
    """rma(measure = "RR", method = "DL"): tau^2 0.3088, estimate -0.7141."""
    a, b, c, d = np.array(BCG, float).T
    tau2, centre = between(np.log(a / (a + b)) - np.log(c / (c + d)), 1 / a - 1 / (a + b) + 1 / c - 1 / (c + d))
    assert (tau2, centre) == (pytest.approx(0.3088, abs=5e-5), pytest.approx(-0.7141, abs=5e-5))


def test_around_a_known_centre_no_degree_of_freedom_is_spent():
    """Gaps 3 and 5 with variance 1: Q = 9 + 25, two are expected of chance alone, Σw = 2: (34 − 2) / 2 = 16 = mean square 17 less 1."""
    assert between([3, 5], [1, 1], 0.0) == (16.0, 0.0)
    assert between([0.1, -0.2], [1, 1], 0.0)[0] == 0.0


def test_batting_averages_as_efron_and_morris_print_them():
    """1975, JASA 70: 45 at bats each, grand mean .2654, kept .212 of the distance: Clemente .400 → .294, Alvis .156 → .242."""
    variance = 0.2654 * (1 - 0.2654) / 45
    likely, _ = shrunken([0.400, 0.156], [variance] * 2, variance * 0.212 / (1 - 0.212), 0.2654)
    assert likely == pytest.approx([0.294, 0.242], abs=5e-4)


def test_what_is_left_of_a_gap():
    """Of 40 with variance 100 among gaps with tau² 300: 300 / 400 of it, with variance 300 · 100 / 400; nothing is left where gaps do not differ."""
    likely, sd = shrunken([40.0], [100.0], 300.0)
    assert (likely[0], sd[0]) == (pytest.approx(30), pytest.approx(75**0.5))
    assert [part.tolist() for part in shrunken([40.0], [100.0], 0.0)] == [[0.0], [0.0]]


def test_the_usual_spread_is_that_of_the_middle():
    """Quantiles of N(0, 5²) without noise: half lie within 0.6745 · 5. Three far ones move it hardly, noise of the same size leaves nothing."""
    estimates = 5 * stats.norm.ppf((np.arange(201) + 0.5) / 201)
    assert spread(estimates, np.full(201, 1e-9)) == pytest.approx(5, rel=0.02)
    assert spread(np.append(estimates, [90, 90, 90]), np.full(204, 1e-9)) == pytest.approx(5, rel=0.03)
    assert spread(estimates, np.full(201, 26.0)) == 0.0
    assert spread(estimates, np.full(201, 16.0)) == pytest.approx(3, rel=0.02)  # 25 − 16
    assert spread([], []) == 0.0


@pytest.mark.parametrize("n", [30, 100, 1000])
@pytest.mark.parametrize("p", [1e-2, 1e-4, 1e-6])
def test_a_skewed_sum_is_worth_what_a_gamma_variable_says(n, p):
    """A gamma with shape k has skew 2/√k; here that of n answers with a skew of 1.5."""
    shape = n * (2 / 1.5) ** 2
    t = (stats.gamma.isf(p, shape) - shape) / shape**0.5
    assert straightened(t, n, 1.5) == pytest.approx(stats.norm.isf(p), abs=0.015)


def test_without_skew_t_is_itself():
    assert straightened([-2.0, 0.0, 4.5], 50, 0.0) == pytest.approx([-2.0, 0.0, 4.5], abs=1e-4)
    assert straightened(4.6, 36, 0.58) == pytest.approx(4.3, abs=0.02)  # as its text says


def test_limits_of_a_mean_as_of_shares_of_successes():
    """On 0 to 1 a mean is a share: one success and one failure more. 8 of 10: p = 9/12, se = √(p(1 − p)/12) = 0.125."""
    low, high, se = mean_limits(0.8, 0.8, 10, 0.0, 1.0)
    assert (float(low), float(high), float(se)) == (pytest.approx(0.8 - 1.96 * 0.125), 1.0, pytest.approx(0.125))
