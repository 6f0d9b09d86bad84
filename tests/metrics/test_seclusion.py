"""Large tables hide what `result.hidden_along` hides in small ones; what a filter's table hides is hidden in a search under the filter."""

import numpy as np
import pandas as pd
import pytest

from metrics.result import hidden_along
from metrics.seclusion import hidden_cells


@pytest.mark.parametrize("shape", [(6,), (5, 4), (4, 3, 5)])
@pytest.mark.parametrize("seed", range(12))
def test_cells_hidden_as_in_any_other_table(shape, seed):
    n = np.random.default_rng(seed).choice([0, 1, 2, 4, 5, 6, 9, 30, 200], shape, p=[0.15, 0.1, 0.05, 0.05, 0.15, 0.1, 0.1, 0.2, 0.1]).astype(float)
    n += np.random.default_rng(seed).permutation(n.size).reshape(shape) / 1e6 * (n > 0)  # no two alike: which of equal ones is hidden is no matter
    places = pd.DataFrame(np.argwhere(n > 0))
    families = [places.drop(columns=axis) for axis in places]
    expected = np.zeros(shape, bool)
    expected[tuple(places.to_numpy().T)] = hidden_along(pd.Series(n[n > 0]), families).to_numpy()
    assert np.array_equal(hidden_cells(n), expected)


def test_a_cell_that_would_be_told_by_its_line_is_hidden():
    """A line of 40, 35 and 2: the 2 are hidden, and the 35 with them, or the line's total would tell."""
    assert hidden_cells(np.array([40.0, 35, 2])).tolist() == [False, True, True]
    assert hidden_cells(np.array([40.0, 35, 5])).tolist() == [False, False, False]
    assert hidden_cells(np.array([40.0, 35, 0])).tolist() == [False, False, False]
