"""How often limits hold the truth, and how often noise passes for a finding: on sums of drawn respondents, without an engine."""

import numpy as np
import pytest

from metrics.priorities import priorities
from metrics.products import BLOCKS, Products
from metrics.resampling import draws, limits


def added_up(scores: np.ndarray) -> Products:
    """Sums by block of respondents who all answered everything; scores: (n, k + 1), the outcome last."""
    n, p = scores.shape
    blocks = [scores[block::BLOCKS] for block in range(min(BLOCKS, n))]
    sums = np.array([np.repeat(part.sum(0)[:, None], p, 1) for part in blocks])
    squares = np.array([np.repeat((part**2).sum(0)[:, None], p, 1) for part in blocks])
    counts = np.array([np.full((p, p), len(part), float) for part in blocks])
    return Products(counts, counts, sums, squares, np.array([part.T @ part for part in blocks]), counts[:, 0, 0])


def found(seed: int, n: int, effects: list[float], replicates: int = 200):
    """Dimensions on 0 to 1, independent of each other; the outcome is their sum by effect, and noise of the same spread."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(size=(n, len(effects)))
    sums = added_up(np.column_stack([x, x @ np.array(effects) + rng.uniform(size=n)]))
    again = sums.drawn(draws(len(sums.n), replicates, seed))
    return priorities(sums.whole, again, "lmg", x.mean(0), n)


def test_limits_hold_the_truth_as_often_as_they_say():
    """Independent dimensions of one variance v and effects e have parts e²v / (Σ e²v + v) of the outcome's variance.

    40 surveys with 4 parts each, one of a dimension without any effect: 95 % of 160 are 152.
    """
    effects = np.array([0.8, 0.5, 0.3, 0.0])
    parts = effects**2 / ((effects**2).sum() + 1)
    held = {"": 0, "share_": 0}
    for seed in range(40):
        rows, _ = found(seed, 150, list(effects))
        for name, truth in (("", parts), ("share_", parts / parts.sum())):
            held[name] += ((rows[f"{name}low"] <= truth + 1e-12) & (truth <= rows[f"{name}high"])).sum()
    assert min(held.values()) >= 143  # 2.8 standard deviations of independent ones would be 8


def test_noise_is_related_to_nothing_19_times_of_20():
    """60 surveys in which no dimension has an effect: 3 pass the F test on average; more than 8 would be one chance in 300."""
    surveys = [found(seed, 100, [0.0, 0.0, 0.0, 0.0], replicates=100) for seed in range(60)]
    assert sum(told["related"] for _, told in surveys) <= 8
    for rows, told in surveys:
        assert told["related"] or (rows["verdict"] == "cannot_tell").all()


def test_equal_dimensions_are_hardly_ever_told_apart():
    """Three of the same effect: none is above or below the average. 3 × 30 intervals at 95 %: 4.5 are wrong on average."""
    verdicts = np.concatenate([found(seed, 300, [0.5, 0.5, 0.5])[0]["verdict"] for seed in range(30)])
    assert (verdicts != "cannot_tell").sum() <= 12


def test_limits_take_off_what_resampling_adds():
    """Resampled figures lie 0.1 above the estimate on average: the percentiles are moved back by that."""
    resampled = np.linspace(0.0, 1.0, 1001)  # mean 0.5; 2.5 % and 97.5 % are 0.025 and 0.975
    assert limits(0.4, resampled) == (pytest.approx(0.025 - 0.1), pytest.approx(0.975 - 0.1))
    assert limits(0.4, resampled, 0, 1)[0] == 0


def test_limits_hold_the_estimate():
    low, high = limits(0.9, np.array([0.1] * 99 + [80.0]))
    assert low <= 0.9 <= high


def test_draws_are_the_same_again_and_as_many_as_there_are_blocks():
    one, other = draws(50, 30, seed=4), draws(50, 30, seed=4)
    assert (one == other).all() and (one.sum(1) == 50).all() and (one != draws(50, 30, seed=5)).any()
