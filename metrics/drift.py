"""Has the mix of customers shifted, and how much of that is chance? PSI as size, its chance level as evidence, Jensen–Shannon beside."""

from __future__ import annotations

import narwhals as nw
import numpy as np
import pandas as pd
from scipy.spatial.distance import jensenshannon
from scipy.stats import chi2

from metrics.metric import Metric
from metrics.quarters import Pair, last_day, pairs
from metrics.query import Frame, Query, Tables, aggregate, segmented
from metrics.result import Answer, answer

EPSILON = 1e-4  # an empty bin counts as this share
NOTABLE, LARGE = 0.1, 0.25  # bands of PSI: convention (Lewis 1994, Siddiqi 2006), they carry no error rate
LEVEL = 0.95


def psi(then, now, epsilon: float = EPSILON) -> float:
    """Population stability index: Σ (p − q) · ln(p / q) over the bins of two distributions, given as counts or shares.

    An empty bin counts as `epsilon`. NaN where one side has nothing. Symmetric: the two Kullback–Leibler divergences added up.
    """
    p, q = (np.asarray(side, float) for side in (then, now))
    if not p.sum() > 0 or not q.sum() > 0:
        return float("nan")
    p, q = (np.maximum(side / side.sum(), epsilon) for side in (p, q))
    return float(((p - q) * np.log(p / q)).sum())


def chance_level(bins: int, n: float, m: float) -> float:
    """What PSI stays under in 95 % of pairs that have not drifted: χ²(0.95, B − 1) · (1/n + 1/m). Source: Yurdakul & Naranjo 2020."""
    return float(chi2.ppf(LEVEL, bins - 1) * (1 / n + 1 / m)) if bins > 1 and n > 0 and m > 0 else float("nan")


def mix_drift(tables: Tables, query: Query) -> Answer:
    """How far the customers' mix at the end of the period is from that at its start, by grade or any other column.

    customer_quarters: who was a customer at the two quarter ends (`metrics.quarters.pairs`).
    Option segment: "held" (default), "earned", or a column of the customers whose groups came or went ("region": the attribute
    as it is now, since the past of attributes is not known).

    Returns value = PSI, n = customers at both ends together; extra: distance = Jensen–Shannon (base 2, 0 to 1), chance = what
    PSI stays under by chance in 95 of 100 cases, is_flagged = PSI ≥ 0.1 and above chance, bins, n_then, n_now.
    Notes: ε for empty bins, the bands, and the shares at both ends where one number is asked.
    Read it so: 0.15 with chance 0.17 looks notable and is nothing: so small a base drifts that far by itself.
    """
    chosen = pairs(tables, query)
    if not chosen:
        return answer(_nothing(query), query, extra=EXTRA, notes={"epsilon": EPSILON})
    column = query.options["segment"]
    grouped = Query(query.period, query.grain, tuple(dict.fromkeys((*query.by, column))), query.where, query.options, query.settings)
    quarters = segmented(tables["customer_quarters"], tables, grouped)
    counts = aggregate(quarters.filter(nw.col("ends_on").is_in([day for pair in chosen for day in pair[1:]])), ["ends_on", *grouped.by], n=nw.len())
    rows = [
        {"bucket": pair.bucket, **key, **_drift(mine[mine["ends_on"] == pair.then], mine[mine["ends_on"] == pair.now], column)}
        for pair in chosen for key, mine in _groups(counts, query.by)
    ]  # fmt: skip
    whole = _shares(counts, chosen[-1], column) if not query.by and not query.grain else {}
    notes = {"epsilon": EPSILON, "bands": [NOTABLE, LARGE], "then": last_day(chosen[0].then), "now": last_day(chosen[-1].now), **whole}
    return answer(pd.DataFrame(rows) if rows else _nothing(query), query, extra=EXTRA, notes=notes)


EXTRA = ("distance", "chance", "is_flagged", "bins", "n_then", "n_now")


def _nothing(query: Query) -> pd.DataFrame:
    rows = [] if query.by else [{"n": 0, "is_flagged": False, "bucket": _bucket(query)}]
    return pd.DataFrame(rows, columns=["bucket", *query.by, "value", "n", *EXTRA])


def _bucket(query: Query) -> int:
    return query.period.bucket_number(query.period.start, query.grain) if query.grain else 0


def _groups(counts: pd.DataFrame, by: tuple[str, ...]):
    if not by:
        return [({}, counts)] if len(counts) else []
    return [(dict(zip(by, key, strict=True)), group) for key, group in counts.groupby(list(by), dropna=False)]


def _drift(then: pd.DataFrame, now: pd.DataFrame, column: str) -> dict:
    """One pair of distributions over the same bins; a bin for "no value" is a bin."""
    both = pd.concat([side.groupby(column, dropna=False)["n"].sum() for side in (then, now)], axis=1, keys=["then", "now"]).fillna(0)
    n, m = both["then"].sum(), both["now"].sum()
    value, chance = psi(both["then"], both["now"]), chance_level(len(both), n, m)
    distance = float(jensenshannon(both["then"], both["now"], 2)) if n and m else float("nan")
    flagged = bool(value >= NOTABLE and value > chance)
    return {
        "value": value,
        "n": int(n + m),
        "distance": distance,
        "chance": chance,
        "is_flagged": flagged,
        "bins": len(both),
        "n_then": int(n),
        "n_now": int(m),
    }


def _shares(counts: pd.DataFrame, pair: Pair, column: str) -> dict:
    """The shares at both ends, for the notes: one entry per group."""
    sides = [counts[counts["ends_on"] == day].groupby(column, dropna=False)["n"].sum() for day in (pair.then, pair.now)]
    both = pd.concat([side / side.sum() for side in sides], axis=1, keys=["then", "now"]).fillna(0.0)
    return {"shares": [{"group": None if pd.isna(group) else str(group), "then": float(p), "now": float(q)} for group, p, q in both.itertuples()]}


def behind(tables: Tables, query: Query) -> Frame:
    """The customers at the two quarter ends, once for each end at which they were one."""
    plain = Query(query.period, None, (), query.where, query.options, query.settings)
    chosen = pairs(tables, plain)
    days = [day for pair in chosen for day in pair[1:]]
    return segmented(tables["customer_quarters"], tables, plain).filter(nw.col("ends_on").is_in(days))


METRICS = (
    Metric(
        "mix_drift", mix_drift,
        definition="How far the mix of customers at the end of the period is from that at its start.",
        formula="PSI = sum (p - q) ln(p / q); flagged if PSI >= 0.1 and PSI > chi2(0.95, B - 1) (1/n + 1/m)",
        unit="score", reads=("customer_quarters",), behind=behind, better="lower", options={"segment": "held"},
        source="Yurdakul & Naranjo 2020, J. Risk Model Validation 14(4); Lin 1991 (Jensen-Shannon)",
    ),
)  # fmt: skip
