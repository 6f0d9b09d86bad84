"""Who leaves within the next 90 days: the model learned from a company's own past, tested on later quarters, and used only where it has proved itself.

Everything here works on the examples of metrics.churn_history, one population at a time; what was not known on a morning is not used on it.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import logit
from threadpoolctl import threadpool_limits

from metrics.additive_logit import Logit, NotFitted, fit, recalibration
from metrics.churn_features import KINDS, NUMBERS
from metrics.churn_history import RIVALS
from metrics.churn_population import HORIZON, POPULATIONS

LEAST_QUARTERS, LEAST_LOST, LEAST_STAYED = 2, 100, 100  # whole label windows, losses and others to learn from (DEFINITIONS, section 6)
TELLING = 0.05  # a feature that fewer have a value for is left out
TOO_GOOD = 0.95  # area under the curve of a single feature from which on it is taken for a leak
MOST_LEARNED = 20_000  # examples; more are drawn evenly
CERTAIN = 1e-6  # probabilities are kept this far from 0 and 1
RANKERS = ("model", *RIVALS)


def tested(rows: pd.DataFrame) -> pd.DataFrame:
    """The examples of every quarter with the probability that a model of the quarters before it gave: null where there was too little before.

    Each quarter's model, and whether it is recalibrated, is learned from examples alone whose outcome was known on its morning.
    """
    past = rows[~rows["is_today"].astype(bool)]
    found = [part for population in POPULATIONS for part in _quarters(past[past["population"] == population])]
    columns = ["scored_on", "customer_id", "population", "is_lost", "lost_after", "probability", *RIVALS, "draw"]
    whole = pd.concat(found, ignore_index=True) if found else rows.iloc[:0].assign(probability=np.nan)
    return whole[columns].astype({"probability": "float64"})


def _quarters(rows: pd.DataFrame) -> list[pd.DataFrame]:
    """The quarters of a population, each with its probabilities."""
    done: list[pd.DataFrame] = []
    for day, now in rows.groupby("scored_on"):
        known = day - dt.timedelta(days=HORIZON)
        told = [part for part in done if part["scored_on"].iloc[0] < known]
        done.append(now.assign(probability=_predicted(rows[rows["scored_on"] < known], told, now)))
    return done


def _predicted(before: pd.DataFrame, told: list[pd.DataFrame], now: pd.DataFrame) -> np.ndarray | float:
    try:
        model = learned(before)
    except NotFitted:
        return np.nan
    return model.adjusted(*calibration(pd.concat(told))).probability(now).clip(CERTAIN, 1 - CERTAIN)


def learned(rows: pd.DataFrame) -> Logit:
    """The model of these examples. Raises NotFitted with the reason: "short", "few_lost", "few_stayed", "one_class" or "nothing_telling"."""
    happened = rows["is_lost"].to_numpy(float) == 1
    if rows["scored_on"].nunique() < LEAST_QUARTERS:
        raise NotFitted("short")
    if happened.all() or not happened.any():
        raise NotFitted("one_class")
    if happened.sum() < LEAST_LOST:
        raise NotFitted("few_lost")
    if (~happened).sum() < LEAST_STAYED:
        raise NotFitted("few_stayed")
    numbers, kinds = telling(rows, happened)
    if not numbers and not kinds:
        raise NotFitted("nothing_telling")
    chosen = rows.sort_values(["draw", "scored_on", "customer_id"]).head(MOST_LEARNED)
    with threadpool_limits(limits=1):
        return fit(chosen, chosen["is_lost"].to_numpy(float) == 1, numbers, kinds)


def telling(rows: pd.DataFrame, happened: np.ndarray) -> tuple[dict[str, int], list[str]]:
    """The features that are known of enough examples, and none that tells so much alone that it must have been written afterwards."""
    numbers = {}
    for name, sign in NUMBERS.items():
        known = rows[name].notna().to_numpy()
        if known.mean() >= TELLING and rows[name].nunique() > 1:
            alone = auc(rows.loc[known, name], happened[known])
            if not max(alone, 1 - alone) > TOO_GOOD:
                numbers[name] = sign
    return numbers, [name for name in KINDS if rows[name].notna().mean() >= TELLING and rows[name].nunique(dropna=False) > 1]


def auc(risk, happened) -> float:
    """The chance that somebody who was lost had the higher risk than somebody who was not; ties count half. NaN without both."""
    ranks, is_lost = pd.Series(np.asarray(risk, float)).rank().to_numpy(), np.asarray(happened, bool)
    n, m = is_lost.sum(), (~is_lost).sum()
    return float((ranks[is_lost].sum() - n * (n + 1) / 2) / (n * m)) if n and m else float("nan")


def calibration(done: pd.DataFrame) -> tuple[float, float]:
    """Shift and slope of the log-odds: (0, 1), unless what the earlier quarters teach lowers the log-loss of the last of them."""
    known = done[done["probability"].notna()]
    days = sorted(known["scored_on"].unique())
    if len(days) < 2:
        return 0.0, 1.0
    is_last = known["scored_on"] == days[-1]
    odds, happened = logit(known["probability"].to_numpy(float)), known["is_lost"].to_numpy(float)
    shift, slope = recalibration(odds[~is_last], happened[~is_last])
    helps = _loss(shift + slope * odds[is_last], happened[is_last]) < _loss(odds[is_last], happened[is_last])
    return recalibration(odds, happened) if helps else (0.0, 1.0)


def _loss(odds: np.ndarray, happened: np.ndarray) -> float:
    return float((np.logaddexp(0, odds) - happened * odds).mean())


@dataclass(frozen=True)
class Verdict:
    """What carries the ranking of a population: "model", "recency" or "rules"; why; and the model, which is shown only where it carries it.

    areas: mean area under the curve over the quarters tested, of each ranker.
    """

    ranked_by: str
    why: str
    model: Logit | None
    areas: dict[str, float]
    adjusted: tuple[float, float] = (0.0, 1.0)


def verdict(rows: pd.DataFrame, tests: pd.DataFrame) -> Verdict:
    """What a population is ranked by today. rows: its examples; tests: its rows of `tested`.

    The model where there is enough to learn from, at least one later quarter to test it on, and it told there who leaves at least as well as
    recency and as the rules. Where it lost, the better of these. Without a test the rules carry the list.
    """
    try:
        model = learned(rows[~rows["is_today"].astype(bool)])
    except NotFitted as reason:
        return Verdict("rules", str(reason), None, {})
    areas = mean_areas(tests[tests["probability"].notna()])
    if np.isnan(areas["model"]):
        return Verdict("rules", "untested", None, {})
    best = max(RIVALS, key=lambda name: areas[name] if areas[name] == areas[name] else -1.0)
    if areas[best] > areas["model"]:
        return Verdict(best, "beaten", None, areas)
    change = calibration(tests)
    return Verdict("model", "proved", model.adjusted(*change), areas, change)


def mean_areas(tests: pd.DataFrame) -> dict[str, float]:
    """Mean area under the curve over the quarters, of each ranker."""
    risks = {"model": "probability", **{name: name for name in RIVALS}}
    found = {name: [auc(part[column], part["is_lost"] == 1) for _, part in tests.groupby("scored_on")] for name, column in risks.items()}
    return {name: float(np.nanmean(values)) if np.isfinite(values).any() else float("nan") for name, values in found.items()}
