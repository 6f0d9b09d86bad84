"""What became of cases by play: shares by hand, limits from the literature, too few, false alarms beside."""

import pandas as pd
import pytest

from metrics.outcomes import outcomes


def closed(**plays):
    return pd.DataFrame([{"play": play, "outcome": outcome} for play, found in plays.items() for outcome in found])


def test_the_share_saved_leaves_false_alarms_out():
    row = outcomes(closed(visit=["saved"] * 6 + ["lost"] * 3 + ["other"] + ["false_alarm"] * 2)).iloc[0]
    assert (row["n"], row["saved"], row["false_alarms"], row["state"], row["value"]) == (10, 6, 2, "value", 0.6)
    # Wilson, z = 1.96: (0.6 + z²/20 ± z·√(0.24/10 + z²/400)) / (1 + z²/10) = (0.79208 ± 0.35935) / 1.38416
    assert (row["low"], row["high"]) == (pytest.approx(0.3126, abs=2e-4), pytest.approx(0.8319, abs=2e-4))


def test_below_five_nothing_is_told_but_how_many():
    rows = outcomes(closed(visit=["saved"] * 4 + ["false_alarm"], call=["lost"] * 5)).set_index("play")
    assert list(rows.index) == ["call", "visit"]  # the most cases first
    assert (rows.loc["visit", "state"], rows.loc["visit", "n"]) == ("too_few", 4) and rows.loc["visit", ["value", "low", "high"]].isna().all()
    assert (rows.loc["call", "state"], rows.loc["call", "value"]) == ("value", 0.0) and rows.loc["call", "high"] > 0.4


def test_cases_without_a_play_are_a_row_of_their_own_and_no_cases_are_no_rows():
    rows = outcomes(pd.DataFrame({"play": [None] * 5 + ["call"], "outcome": ["saved"] * 5 + ["false_alarm"]}))
    assert [(None if pd.isna(row.play) else row.play, row.n) for row in rows.itertuples()] == [(None, 5), ("call", 0)]
    assert outcomes(pd.DataFrame(columns=["play", "outcome"])).empty
