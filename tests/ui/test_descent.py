"""How often each score was given: nobody having given one is a bar of nothing, not a scale with a hole."""

import pandas as pd
import pytest

from ui.descent import with_zeros


def counts(*scores):
    return pd.DataFrame({"score": [float(score) for score in scores], "value": 0.5, "numerator": 3.0, "state": "value"})


@pytest.mark.parametrize(
    ("given", "ends", "expected"),
    [
        ((1, 2, 4), (1, 5), {1: 3, 2: 3, 3: 0, 4: 3, 5: 0}),
        ((1,), (0, 1), {0: 0, 1: 3}),
        ((-2,), (-2, 2), {-2: 3, -1: 0, 0: 0, 1: 0, 2: 0}),
        ((0, 10), (0, 10), {**dict.fromkeys(range(11), 0), 0: 3, 10: 3}),
        ((2.5, 3), (1, 5), {2.5: 3, 3: 3}),  # between whole numbers: nobody knows which ones are missing
        ((40, 60), (0, 100), {40: 3, 60: 3}),  # too long
        ((4,), (float("nan"), float("nan")), {4: 3}),  # no scale
        ((), (1, 5), {}),
    ],
)
def test_scores_that_nobody_gave_are_counted(given, ends, expected):
    found = with_zeros(counts(*given), ends)
    assert dict(zip(found["score"], found["numerator"], strict=True)) == expected
    assert found["state"].eq("value").all()
