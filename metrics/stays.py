"""How long things last when some have not ended yet: Kaplan–Meier on whole hours, from counts that the engine made."""

from __future__ import annotations

import datetime as dt
import warnings
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from statsmodels.duration.survfunc import SurvfuncRight, survdiff

from metrics.query import Query
from metrics.stats import Z95

ROUNDING = 1e-9  # a product of fractions that should be one half may miss it by this much
HOURS = 24.0  # lengths are counted in hours and shown in days


def now_s(query: Query) -> int:
    """Seconds since 1970 at the instant up to which the data is loaded: midnight before `as_of` in the business zone."""
    zone = ZoneInfo(query.settings.get("calendar", {}).get("timezone", "UTC"))
    return int(dt.datetime.combine(query.period.as_of, dt.time(), zone).timestamp())


def spread(rows: pd.DataFrame) -> dict:
    """Median and quartiles of lengths, those that still last being censored (Kaplan–Meier).

    rows: hours, over (has it ended), n (how many of this kind).
    Returns days: value (median), q1, q3, low, high (95 % of the median, log-log), se; NaN where fewer than that share has ended.
    Source: Kaplan & Meier 1958, JASA 53(282) 457-481; limits: Brookmeyer & Crowley 1982.
    """
    lengths, over = _each(rows)
    if not over.any():
        return dict.fromkeys(("value", "q1", "q3", "low", "high", "se"), np.nan)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # statsmodels takes the logarithm of a survival of 0 at the last ending
        curve = SurvfuncRight(lengths, over)
        low, high = (float(limit) for limit in curve.quantile_ci(0.5))
        q1, median, q3 = (_quantile(curve, share) for share in (0.25, 0.5, 0.75))
    bounded = np.isfinite(median) and np.isfinite(high)
    figures = {"value": median, "q1": q1, "q3": q3, "low": low, "high": high, "se": (high - low) / (2 * Z95) if bounded else np.nan}
    return {name: figure / HOURS if np.isfinite(figure) else np.nan for name, figure in figures.items()}


def _quantile(curve: SurvfuncRight, share: float) -> float:
    """The first time by which `share` has ended; infinite where fewer have. (statsmodels asks for more than `share`.)"""
    ended = curve.surv_times[curve.surv_prob <= 1 - share + ROUNDING]
    return float(ended[0]) if len(ended) else np.inf


def log_rank_p(rows: pd.DataFrame, group: str) -> float:
    """Two-sided p of "these two groups last equally long"; NaN where nothing can tell: no ending in one, all endings at once. Source: Mantel 1966."""
    if rows.loc[rows["over"].astype(bool), group].nunique() < 2:
        return float("nan")
    lengths, over = _each(rows)
    try:
        with np.errstate(all="ignore"):
            return float(survdiff(lengths, over, np.repeat(rows[group].to_numpy(), rows["n"].astype(int)))[1])
    except np.linalg.LinAlgError:
        return float("nan")


def _each(rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """One length per thing: statsmodels' standard errors are wrong with frequency weights (tried on 0.15)."""
    n = rows["n"].astype(int)
    return np.repeat(rows["hours"].to_numpy(float), n), np.repeat(rows["over"].to_numpy(bool).astype(int), n)
