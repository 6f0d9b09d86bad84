"""Exact splits of a change into its causes. Pure arithmetic on small tables; the parts always add up to the change."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pandas as pd


def das_gupta(before, after) -> list[float]:
    """What each factor of a product contributed to its change: the average over all orders in which factors can change.

    before, after: the factors' values, equally many (at most 8). Returns one effect per factor; they add up to
    prod(after) − prod(before). Raises ValueError for other lengths.
    Source: Das Gupta 1993, Standardization and Decomposition of Rates, US Census P23-186 (the Shapley value).
    """
    if len(before) != len(after) or not 1 <= len(before) <= 8:
        raise ValueError(f"{len(before)} factors before and {len(after)} after: give equally many, from 1 to 8")
    size = len(before)
    effects = [0.0] * size
    for chosen in itertools.product((False, True), repeat=size):
        level = math.prod(b if c else a for a, b, c in zip(before, after, chosen, strict=True))
        among = sum(chosen)
        for factor, changed in enumerate(chosen):
            weight = _weight(among - 1, size) if changed else -_weight(among, size)
            effects[factor] += weight * level
    return effects


def _weight(others: int, size: int) -> float:
    """Share of the orders in which exactly `others` given factors change before this one."""
    return math.factorial(others) * math.factorial(size - 1 - others) / math.factorial(size)


def mix_and_rate(share_before, rate_before, share_after, rate_after) -> tuple[np.ndarray, np.ndarray]:
    """By segment, what a changed mix and what a changed rate did to the average rate Σ share × rate.

    The mix part is centred on the average rate, so that a growing segment above the average adds and one below it takes away.
    Source: Kitagawa 1955, JASA 50 1168-1194.
    """
    s0, r0, s1, r1 = (np.asarray(x, float) for x in (share_before, rate_before, share_after, rate_after))
    average = (s0 @ r0 + s1 @ r1) / 2
    return (s1 - s0) * ((r0 + r1) / 2 - average), (r1 - r0) * (s0 + s1) / 2


def price_volume_mix(items: pd.DataFrame) -> pd.DataFrame:
    """The change of Σ quantity × price by item: volume, mix, price; new and lost items apart.

    items: one row per item with quantity_before, revenue_before, quantity_after, revenue_after.
    Returns the same rows with volume, mix, price, new, lost, other, which over all rows add up to the change of revenue.
    volume: the change of total quantity at the old mix and prices; mix: the shift between items, centred on the average old price so
    that an item reads as "more of something dearer than average" (centring adds up to 0 over the items); price: new quantity ×
    change of price; new, lost: sold in one period only; other: revenue without a quantity, or with one below zero.
    """
    q0, q1, r0, r1 = (items[c].to_numpy(float) for c in ("quantity_before", "quantity_after", "revenue_before", "revenue_after"))
    both, new, lost = (q0 > 0) & (q1 > 0), (q0 == 0) & (r0 == 0) & (q1 > 0), (q1 == 0) & (r1 == 0) & (q0 > 0)
    v0, v1 = q0[both].sum(), q1[both].sum()
    p0, p1 = (np.divide(r, q, out=np.zeros_like(r), where=both) for r, q in ((r0, q0), (r1, q1)))
    average = r0[both].sum() / v0 if v0 else 0.0
    s0, s1 = (np.where(both, q, 0) / v if v else np.zeros_like(q) for q, v in ((q0, v0), (q1, v1)))
    parts = {
        "volume": np.where(both, s0 * (v1 - v0) * p0, 0.0),
        "mix": np.where(both, (s1 - s0) * v1 * (p0 - average), 0.0),
        "price": np.where(both, q1 * (p1 - p0), 0.0),
    }
    return items.assign(**parts, new=np.where(new, r1, 0.0), lost=np.where(lost, -r0, 0.0), other=np.where(both | new | lost, 0.0, r1 - r0))
