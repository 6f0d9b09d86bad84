"""What became of closed cases, by the play that was followed. A plain comparison: nothing random decided who got which play."""

from __future__ import annotations

import pandas as pd

from metrics.stats import wilson

LEAST = 5  # closed cases below which no share is told


def outcomes(cases: pd.DataFrame) -> pd.DataFrame:
    """Share saved among the closed cases of each play, the most cases first.

    cases: one row per closed case, with play (null: none) and outcome (saved, lost, false_alarm, other).
    Returns one row per play:
        value        float  saved / n; null below LEAST cases (never 0)
        n            int    closed cases but false alarms, whose customers there was nothing to save of: the denominator
        saved        int    numerator
        false_alarms int    cases that turned out to be none
        low, high    float  Wilson 95 % limits of the share; null with it
        state        text   value | too_few
    Read it so: 0.6 with n = 10 means 6 of 10 customers stayed where this play was followed, which may be because of who they were.
    Source: Wilson 1927, JASA 22(158) 209-212.
    """
    if cases.empty:
        return pd.DataFrame(columns=["play", "value", "n", "saved", "false_alarms", "low", "high", "state"])
    is_real, is_saved = cases["outcome"] != "false_alarm", cases["outcome"] == "saved"
    told = cases.assign(n=is_real.astype(int), saved=is_saved.astype(int), false_alarms=(~is_real).astype(int))
    rows = told.groupby("play", dropna=False, as_index=False)[["n", "saved", "false_alarms"]].sum()
    low, high = wilson(rows["saved"], rows["n"])
    is_enough = rows["n"] >= LEAST
    share = (rows["saved"] / rows["n"].where(rows["n"] > 0)).where(is_enough)
    rows = rows.assign(value=share, low=pd.Series(low).where(is_enough), high=pd.Series(high).where(is_enough))
    rows["state"] = is_enough.map({True: "value", False: "too_few"})
    return rows.sort_values(["n", "play"], ascending=[False, True], kind="stable", ignore_index=True)
