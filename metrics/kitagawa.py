"""The arithmetic of "why did a ratio change": what segments' sizes did (mix), and what happened inside them (rate).

A ratio R = Σ s·r over segments, s being a segment's share of the denominator and r its own ratio. Between two periods

    mix  = (s₁ − s₀) · (r̄ − R̄)      rate = (r₁ − r₀) · s̄      (bars: mean of the two periods)

and Σ (mix + rate) = R₁ − R₀ exactly. Taking r̄ − R̄ instead of r̄ changes no total, and makes one segment readable: growing helps
only if the segment is better than the whole. A segment that is new has no earlier ratio: it keeps its own in both periods,
so all it does is mix; the same for one that vanished.
Source: Kitagawa 1955, JASA 50, 1168-1194; two-factor case of Das Gupta 1993.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from metrics.result import K_TESTABLE
from metrics.stats import Z95

SIDES = ("now", "before")


def parts(segments: pd.DataFrame) -> pd.DataFrame:
    """Mix and rate of each segment.

    segments: numerator_now, denominator_now, numerator_before, denominator_before, and for intervals n_… and se_… (of the ratio, may be
    missing); null or 0 denominators where a segment is absent. Other columns are kept.
    Returns them with share_…, rate_…, mix, rate, value (mix + rate), kind ("kept", "new", "vanished"), se_rate, se_mix and se (of
    value): what the segment's ratio and its share owe to chance.
    """
    rows = segments.copy()
    whole = {side: _shares(rows, side) for side in SIDES}
    rows["kind"] = np.select([rows["denominator_before"] == 0, rows["denominator_now"] == 0], ["new", "vanished"], "kept")
    now = rows["rate_now"].fillna(rows["rate_before"]).fillna(0.0)
    before = rows["rate_before"].fillna(rows["rate_now"]).fillna(0.0)
    middle, size = (now + before) / 2 - sum(whole.values()) / 2, (rows["share_now"] + rows["share_before"]) / 2
    rows["mix"] = (rows["share_now"] - rows["share_before"]) * middle
    rows["rate"] = (now - before) * size
    rows["value"] = rows["mix"] + rows["rate"]
    spread = np.hypot(rows["se_now"].astype("float64"), rows["se_before"].astype("float64"))
    rows["se_rate"] = (spread * size).where(rows["kind"] == "kept", 0.0)
    rows["se_mix"] = middle.abs() * np.sqrt(sum(_share_variance(rows, side) for side in SIDES))
    rows["se"] = np.hypot(rows["se_rate"], rows["se_mix"])
    return rows


def _shares(rows: pd.DataFrame, side: str) -> float:
    """Adds share and rate of one period to `rows`; returns the whole's ratio."""
    for column in ("numerator", "denominator"):
        rows[f"{column}_{side}"] = rows[f"{column}_{side}"].astype("float64").fillna(0.0)
    size, total = rows[f"denominator_{side}"], rows[f"denominator_{side}"].sum()
    rows[f"share_{side}"] = size / total
    rows[f"rate_{side}"] = rows[f"numerator_{side}"] / size.where(size != 0)
    return float(rows[f"numerator_{side}"].sum() / total)


def _share_variance(rows: pd.DataFrame, side: str) -> pd.Series:
    """Of a share of n things that came at random."""
    n = float(rows[f"n_{side}"].astype("float64").sum())
    share = rows[f"share_{side}"].clip(0, 1)
    return share * (1 - share) / n if n > 0 else share * 0.0


def judged(rows: pd.DataFrame, among: int | None = None) -> pd.DataFrame:
    """Adds what can be claimed about each segment. among: how many segments are looked at in all (default: these).

    verdict: of its own ratio: "changed", "no_clear_change", "too_few" (under 30 on a side), "new", "vanished".
    uneven: its rate beyond what it would be had all segments' ratios moved alike. excess: uneven + mix, what is particular to the
    segment. stands_out: the excess is more than chance leaves among so many segments (95 %, Bonferroni).
    """
    rows = rows.copy()
    size, variance = (rows["share_now"] + rows["share_before"]) / 2, rows["se_rate"].fillna(0.0) ** 2
    rows["uneven"] = rows["rate"] - size * rows["rate"].sum()
    rows["se_uneven"] = np.sqrt((1 - size) ** 2 * variance + size**2 * (variance.sum() - variance))
    rows["excess"], rows["se_excess"] = rows["uneven"] + rows["mix"], np.hypot(rows["se_uneven"], rows["se_mix"])
    clear = stats.norm.isf(0.025 / max(among or len(rows), 1)) * rows["se_excess"]
    rows["stands_out"] = rows["excess"].abs() > np.maximum(clear, 1e-9 * rows["value"].abs().sum())
    tested = np.where(rows["rate"].abs() > Z95 * rows["se_rate"], "changed", "no_clear_change")
    few = rows[["n_now", "n_before"]].astype("float64").min(axis=1) < K_TESTABLE
    unknown = rows["se_rate"].isna()
    rows["verdict"] = np.select([rows["kind"] != "kept", few | unknown], [rows["kind"], "too_few"], tested)
    rows["stands_out"] &= ~few | (rows["kind"] != "kept")
    return rows


def explained(rows: pd.DataFrame) -> float:
    """How much of the change lies in segments that stand out, beyond what their size accounts for.

    0: all moved alike, as far as one can tell; 1: it lies in one small place, or in the mix.
    """
    change = rows["value"].sum()
    if change == 0:
        return 0.0
    particular = rows.loc[rows["stands_out"], "excess"] / change
    return float(particular[particular > 0].sum())


def is_simpson(rows: pd.DataFrame) -> bool:
    """Every segment went one way and the whole the other: the mix did it."""
    kept = rows.loc[rows["kind"] == "kept", "rate"]
    change = rows["value"].sum()
    return len(kept) > 1 and change != 0 and bool((np.sign(kept) == -np.sign(change)).all())
