"""False alarms of the drift tests on quarters in which nothing has drifted, and what they find where something has.

python -m benchmarks.drift --quarters 400     prints both tables; about three minutes
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmarks import measure
from metrics import drift, features
from metrics.stats import wilson

SIZES = (40, 100, 200, 400)  # customers of the best grade in a quarter
LINKS = ("the same", "a fifth others", "all others")  # who stands on the other side
ALIKE = {"the same": 0.0, "a fifth others": 0.2, "all others": 1.0}  # share of the customers that is replaced by new ones like them
FIRST_SEED = 70_000  # those below were for trying
GRADES, SHARES, LEAVING = ("core", "key", "ordinary", "potential"), (0.06, 0.18, 0.46, 0.3), 0.25  # mix of all customers; share that is graded anew
COMPANY = 12  # customers of all grades for each of the best
COLUMNS = ("customers", "on the other side", "quarters", "a feature", "apart", "the mix", "any of the three", "95 % limits, %")
POWER_COLUMNS = ("drift", "customers", "quarters", "the right feature, %", "a feature, %", "apart, %", "any, %")
GOAL = "of quarters without drift at most 5 % are flagged by any of the three"
NOTES = (
    "a feature: feature_drift flags at least one; apart: drift_auc; the mix: mix_drift by grade, of all customers; quarters and percent",
    "simulated quarters: counts with ties, heavy tails, much missing, features that go together, customers with habits that last",
    f"seeds from {FIRST_SEED} on; those below were for trying",
)


@dataclass(frozen=True)
class Planted:
    """A drift of the customers at the second time. change: the rates of a quarter (orders, order value, visits, use) → those after."""

    name: str
    feature: str
    change: Callable[[dict], dict]


def _turned(rates: dict) -> dict:
    """Orders and their amounts keep their distributions, and go together the other way round: who orders most now orders the smallest amounts."""
    rank = np.argsort(np.argsort(-rates["orders"]))
    return {**rates, "order_value": np.sort(rates["order_value"])[rank]}


def _times(**factors: float) -> Callable[[dict], dict]:
    return lambda rates: {name: rate * factors.get(name, 1.0) for name, rate in rates.items()}


DRIFTS = (
    Planted("10 % fewer orders", "orders", _times(orders=0.9)),
    Planted("25 % fewer orders", "orders", _times(orders=0.75)),
    Planted("half the orders", "orders", _times(orders=0.5)),
    Planted("orders a third larger", "order_value", _times(order_value=1.33)),
    Planted("half the visits", "visit_share", _times(visits=0.5)),
    Planted("use up by 70 %", "usage", _times(usage=1.7)),
    Planted("as in the demo", "visit_share", _times(orders=0.4, order_value=2.0, visits=0.35, usage=1.7)),
    Planted("large customers order small, small ones large", "", _turned),
)


# a quarter


def habits(rng: np.random.Generator, n: int) -> dict:
    """What stays the same of customers: their size (heavy-tailed), and rates of a quarter that go together with it."""
    size = rng.lognormal(0, 0.8, n)
    return {
        "orders": 4 * size**0.5 * rng.gamma(3, 1 / 3, n),
        "order_value": 2000 * size**0.6 * rng.lognormal(0, 0.4, n),
        "interactions": 5 * size**0.3 * rng.gamma(2, 1 / 2, n),
        "visits": rng.beta(4, 7, n),
        "usage": np.where(rng.random(n) < 0.6, 60 * size**0.4 * rng.gamma(2, 1 / 2, n), 0.0),
        "pipeline": np.where(rng.random(n) < 0.35, 30_000 * size, 0.0),
        "content": rng.normal(0.7, 0.12, n),
    }


def quarter(rng: np.random.Generator, rates: dict, ids: np.ndarray, kinds: pd.DataFrame, is_now: bool) -> pd.DataFrame:
    """One row per customer, as `metrics.features` samples them."""
    n = len(ids)
    orders, interactions = rng.poisson(rates["orders"]), rng.poisson(rates["interactions"])
    value = np.where(orders > 0, rates["order_value"] * rng.lognormal(0, 0.3, n), np.nan)
    visits = rng.binomial(interactions, np.clip(rates["visits"], 0, 1))
    asked = rng.random(n) < 0.45  # the others have not answered for a year
    numbers = {
        "orders": orders, "order_value": value, "revenue": np.where(orders > 0, orders * value, 0.0), "interactions": interactions,
        "visit_share": np.where(interactions > 0, visits / np.maximum(interactions, 1), np.nan), "usage": rng.poisson(rates["usage"]),
        "satisfaction": np.where(asked, np.round(np.clip(rates["content"] + rng.normal(0, 0.1, n), 0, 1) * 4) / 4, np.nan),
        "pipeline": np.where(rng.random(n) < 0.8, rates["pipeline"], 0.0),
    }  # fmt: skip
    return pd.DataFrame({"customer_id": ids, "is_now": is_now, **{f"x_{name}": column for name, column in numbers.items()}}).join(kinds)


def kinds(rng: np.random.Generator, n: int) -> pd.DataFrame:
    """Region, industry, size and channel of customers; a tenth has no industry."""
    drawn = {name: rng.choice([f"{name} {k}" for k in range(groups)], n) for name, groups in (("region", 5), ("industry", 8), ("size", 4), ("channel", 6))}
    frame = pd.DataFrame(drawn).astype(object)
    return frame.assign(industry=frame["industry"].where(rng.random(n) > 0.1, None))


def both(rng: np.random.Generator, n: int, replaced: float, planted: Planted | None = None) -> pd.DataFrame:
    """Two quarters of the same population: `replaced` of the customers are others at the second time."""
    then, know = habits(rng, n), kinds(rng, n)
    stays = rng.random(n) >= replaced
    others, other_kinds = habits(rng, n), kinds(rng, n)
    now = {name: np.where(stays, then[name], others[name]) for name in then}
    now_kinds = know.where(pd.Series(stays), other_kinds)
    ids = np.array([f"c{k:04d}" for k in range(n)])
    now_ids = np.where(stays, ids, np.char.add("d", ids))
    changed = planted.change(now) if planted else now
    return pd.concat([quarter(rng, then, ids, know, False), quarter(rng, changed, now_ids, now_kinds, True)], ignore_index=True)


def mix(rng: np.random.Generator, n: int, link: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """How many customers have each grade at both times: some are graded anew, each by the same shares; or all are others."""
    customers = n * COMPANY
    then = rng.choice(len(GRADES), customers, p=SHARES)
    anew = rng.random(customers) < max(LEAVING, ALIKE[link])
    now = np.where(anew, rng.choice(len(GRADES), customers, p=SHARES), then)
    return tuple(pd.DataFrame({"grade": GRADES, "n": np.bincount(side, minlength=len(GRADES))}) for side in (then, now))


# what is flagged


def flagged(rows: pd.DataFrame) -> tuple[list[str], bool]:
    """The features that are flagged, and whether the quarters can be told apart."""
    found = features.tested(rows)
    return found.loc[found["is_drifted"], "feature"].tolist(), bool(features.told_apart(rows)["is_drifted"])


def false_alarms(quarters: int) -> list[tuple]:
    """One row per size and link, and one over all; `quarters` are divided among them."""
    each = max(1, quarters // (len(SIZES) * len(LINKS)))
    rows, every = [], []
    for place, (n, link) in enumerate(itertools.product(SIZES, LINKS)):
        alarms = [_alarms(np.random.default_rng([FIRST_SEED, place, k]), n, link) for k in range(each)]
        rows.append(_told(n, link, alarms))
        every += alarms
    return [*rows, _told("all", "", every)]


def _alarms(rng: np.random.Generator, n: int, link: str) -> tuple[bool, bool, bool]:
    drifted, apart = flagged(both(rng, n, ALIKE[link]))
    return bool(drifted), apart, bool(drift._drift(*mix(rng, n, link), "grade")["is_flagged"])


def _told(n, link: str, alarms: list[tuple[bool, bool, bool]]) -> tuple:
    counts, any_, many = [sum(column) for column in zip(*alarms, strict=True)], sum(map(any, alarms)), len(alarms)
    low, high = (100 * float(limit) for limit in wilson(any_, many))
    return (n, link, many, *(f"{count} ({100 * count / many:.1f})" for count in counts), f"{any_} ({100 * any_ / many:.1f})", f"{low:.1f} to {high:.1f}")


def power(quarters: int) -> list[tuple]:
    """One row per drift and size: how often it is found."""
    rows = []
    for place, (planted, n) in enumerate(itertools.product(DRIFTS, SIZES)):
        found = [flagged(both(np.random.default_rng([FIRST_SEED + 1, place, k]), n, ALIKE["a fifth others"], planted)) for k in range(quarters)]
        right = _percent(planted.feature in drifted for drifted, _ in found) if planted.feature else None
        any_ = (_percent(drifted for drifted, _ in found), _percent(apart for _, apart in found), _percent(drifted or apart for drifted, apart in found))
        rows.append((planted.name, n, quarters, right, *any_))
    return rows


def _percent(holds: Iterable) -> int:
    every = [bool(one) for one in holds]
    return round(100 * sum(every) / len(every))


def sections(quarters: int) -> list[measure.Section]:
    """Both tables. For power a quarter as many of each drift and size as there are quarters without."""
    return [
        measure.Section("Drift: false alarms", GOAL, COLUMNS, false_alarms(quarters), NOTES),
        measure.Section("Drift: what is found", "", POWER_COLUMNS, power(max(1, quarters // 40))),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.drift", description=__doc__.splitlines()[0])
    parser.add_argument("--quarters", type=int, default=400, help="pairs of quarters without drift, divided among sizes and links")
    for section in sections(parser.parse_args().quarters):
        print(section.markdown())


if __name__ == "__main__":
    main()
