"""Rounding for display: shares that are shown together add up to 100."""

from __future__ import annotations

import numpy as np
import pandas as pd


def percent_of(rows: pd.DataFrame, family: list[str], among: str, decimals: int = 1) -> pd.Series:
    """`percents` of numerator ÷ denominator, within the rows that are shown together: those alike in the columns of `family`.

    among: the column that tells them apart. Of equal remainders the largest share comes first, then the least in that column: the
    order in which the engine gives its rows decides nothing.
    """
    shares = rows["numerator"] / rows["denominator"].where(rows["denominator"] > 0)
    together = rows.groupby(family, dropna=False).ngroup() if family else pd.Series(0, rows.index)
    ordered = pd.DataFrame({"share": shares, "among": rows[among], "together": together}).sort_values(
        ["share", "among"], ascending=[False, True], kind="stable"
    )
    found = [pd.Series(percents(part, decimals), part.index) for _, part in ordered.groupby("together")["share"]]
    return pd.concat(found).reindex(rows.index) if found else pd.Series(dtype="float64", index=rows.index)


def percents(shares, decimals: int = 1) -> np.ndarray:
    """Shares (0 to 1, adding up to 1) as percentages with `decimals`, adding up to 100 exactly.

    Each is rounded down, and what is missing goes to those with the largest remainders; of equal remainders, to the first.
    Shares that do not add up to 1 (suppressed, absent or overlapping ones) are each rounded half up.
    Source: Hamilton's method (largest remainder).
    """
    shares = pd.to_numeric(pd.Series(list(shares), dtype="object")).astype("float64").to_numpy()
    step = 10**decimals
    exact = np.round(shares * 100 * step, 6)  # without the noise of binary fractions
    if not np.isclose(np.nansum(shares), 1, atol=1e-9):
        return np.floor(exact + 0.5) / step
    down = np.floor(exact)
    missing = round(100 * step - np.nansum(down))
    order = np.argsort(-np.nan_to_num(np.round(exact - down, 6), nan=-1), kind="stable")
    down[order[:missing]] += 1
    return down / step
