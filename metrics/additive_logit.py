"""A logistic regression that explains itself: points per feature, in log-odds, that add up to the score; monotone where that is demanded.

Each number runs along straight pieces between knots (a linear spline), each kind has points per value, and what is not known has points of its
own. Fitted by penalised likelihood; classes are never weighted, so that probabilities are probabilities.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import pandas as pd
from scipy.optimize import minimize
from scipy.special import expit

MOST_KNOTS, PER_PARAMETER = 5, 10  # knots of a number; losses that each parameter needs (METHODS, section 7)
ENDS = (0.01, 0.99)  # quantiles of the outer knots; beyond them a curve is flat
PENALTY = 1.0  # of squared points, as scikit-learn's C = 1
COMMON = 30  # rows that a value of a kind needs for points of its own; rarer ones are told together
OTHER, UNKNOWN = "other", "unknown"
BASE = "base"


class NotFitted(ValueError):
    """Why there is no model: one word of the glossary (`churn.why.…`)."""


@dataclass(frozen=True)
class Curve:
    """Points of a number: `points` at `knots`, straight between them and flat beyond; `missing` where it is not known."""

    knots: np.ndarray
    points: np.ndarray
    missing: float

    def at(self, values) -> np.ndarray:
        values = np.asarray(values, float)
        return np.where(np.isnan(values), self.missing, np.interp(values, self.knots, self.points))


@dataclass(frozen=True)
class Logit:
    """log-odds = base + Σ points. base: of a row with average points everywhere."""

    base: float
    curves: Mapping[str, Curve]
    kinds: Mapping[str, Mapping[str, float]]

    @property
    def names(self) -> tuple[str, ...]:
        return (*self.curves, *self.kinds)

    def parts(self, rows: pd.DataFrame) -> pd.DataFrame:
        """The points of each feature, one column each; with `base` they add up to the log-odds."""
        found = {name: curve.at(rows[name]) for name, curve in self.curves.items()}
        for name, points in self.kinds.items():
            labels = _labels(rows[name])
            found[name] = labels.map(points).fillna(points.get(OTHER, 0.0)).to_numpy(float)
        return pd.DataFrame(found, index=rows.index)

    def log_odds(self, rows: pd.DataFrame) -> np.ndarray:
        return self.base + self.parts(rows).sum(axis=1).to_numpy(float)

    def probability(self, rows: pd.DataFrame) -> np.ndarray:
        return expit(self.log_odds(rows))

    def adjusted(self, shift: float, slope: float) -> Logit:
        """The model whose log-odds are shift + slope · log-odds: recalibrated, and still a sum."""
        curves = {name: replace(curve, points=slope * curve.points, missing=slope * curve.missing) for name, curve in self.curves.items()}
        kinds = {name: {label: slope * points for label, points in known.items()} for name, known in self.kinds.items()}
        return Logit(shift + slope * self.base, curves, kinds)

    def rows(self) -> pd.DataFrame:
        """The model as a table: feature, kind ("base", "knot", "missing", "value"), at (a knot), label (a value of a kind), points."""
        found = [(BASE, "base", np.nan, None, self.base)]
        for name, curve in self.curves.items():
            found += [(name, "knot", at, None, points) for at, points in zip(curve.knots, curve.points, strict=True)]
            found.append((name, "missing", np.nan, None, curve.missing))
        found += [(name, "value", np.nan, label, points) for name, known in self.kinds.items() for label, points in known.items()]
        return pd.DataFrame(found, columns=["feature", "kind", "at", "label", "points"])


def read(rows: pd.DataFrame) -> Logit:
    """The model that a table of `Logit.rows` holds."""
    curves, kinds = {}, {}
    for name, part in rows[rows["kind"] != "base"].groupby("feature", sort=False):
        if (part["kind"] == "value").any():
            kinds[name] = dict(zip(part["label"], part["points"].astype(float), strict=True))
        else:
            knots = part[part["kind"] == "knot"].sort_values("at")
            missing = part.loc[part["kind"] == "missing", "points"].iloc[0]
            curves[name] = Curve(knots["at"].to_numpy(float), knots["points"].to_numpy(float), float(missing))
    return Logit(float(rows.loc[rows["kind"] == "base", "points"].iloc[0]), curves, kinds)


@dataclass(frozen=True)
class _Block:
    """Columns of the design that belong to one feature. sign: of all its steps (0: free)."""

    name: str
    columns: np.ndarray
    knots: np.ndarray | None = None
    labels: tuple[str, ...] = ()
    sign: int = 0


def fit(rows: pd.DataFrame, happened: Sequence[bool], numbers: Mapping[str, int], kinds: Sequence[str] = (), penalty: float = PENALTY) -> Logit:
    """The model of what happened, from rows as they were known before.

    numbers: column → 1 (more of it never lowers the probability), −1 (never raises it) or 0 (free). A column that has one value only is left out.
    Raises NotFitted("one_class") where everything or nothing happened.
    """
    y = np.asarray(happened, float)
    if len(y) == 0 or y.min() == y.max():
        raise NotFitted("one_class")
    knots = int(np.clip(min(y.sum(), (1 - y).sum()) // (PER_PARAMETER * max(len(numbers), 1)), 2, MOST_KNOTS))
    blocks = [block for name, sign in numbers.items() if (block := _steps(rows[name], name, sign, knots)) is not None]
    blocks += [block for name in kinds if (block := _values(rows[name], name)) is not None]
    design = np.column_stack([np.ones(len(y)), *(block.columns for block in blocks)])
    return _read_off(_solved(design, y, _bounds(blocks), penalty), blocks)


def _steps(values: pd.Series, name: str, sign: int, knots: int) -> _Block | None:
    """How far a number has come along each piece between its knots, 0 to 1; and whether it is unknown."""
    x = values.to_numpy(float)
    known = x[~np.isnan(x)]
    at = np.unique(np.quantile(known, np.linspace(*ENDS, knots))) if len(known) else known
    at = np.unique([known.min(), known.max()]) if len(known) and len(at) < 2 else at
    if len(at) < 2:
        return None
    pieces = [np.clip((x - low) / (high - low), 0, 1) for low, high in pairwise(at)]
    columns = np.nan_to_num(np.column_stack(pieces))
    return _Block(name, np.column_stack([columns, np.isnan(x)]) if np.isnan(x).any() else columns, knots=at, sign=sign)


def _values(values: pd.Series, name: str) -> _Block | None:
    labels = _labels(values)
    counts = labels.value_counts()
    common = tuple(sorted(counts.index[counts >= COMMON]))
    rare = (OTHER,) if len(common) < len(counts) else ()
    labels = labels.where(labels.isin(common), OTHER)
    told = (*common, *rare)
    return _Block(name, np.column_stack([labels == label for label in told]).astype(float), labels=told) if len(told) > 1 else None


def _labels(values: pd.Series) -> pd.Series:
    return values.astype(object).where(values.notna(), UNKNOWN).astype(str)


def _bounds(blocks: list[_Block]) -> list[tuple[float | None, float | None]]:
    found: list[tuple[float | None, float | None]] = [(None, None)]
    for block in blocks:
        steps = len(block.knots) - 1 if block.knots is not None else 0
        one = {1: (0.0, None), -1: (None, 0.0), 0: (None, None)}[block.sign]
        found += [one] * steps + [(None, None)] * (block.columns.shape[1] - steps)
    return found


def _solved(design: np.ndarray, y: np.ndarray, bounds: list, penalty: float) -> np.ndarray:
    """Least penalised log-loss within the bounds; the intercept bears no penalty."""
    weight = np.full(design.shape[1], penalty)
    weight[0] = 0.0
    begin = np.zeros(design.shape[1])
    begin[0] = np.log(y.mean() / (1 - y.mean()))

    def loss(w):
        eta = design @ w
        value = np.logaddexp(0, eta).sum() - y @ eta + 0.5 * (weight * w * w).sum()
        return value, design.T @ (expit(eta) - y) + weight * w

    return minimize(loss, begin, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 500, "ftol": 1e-10}).x


def _read_off(w: np.ndarray, blocks: list[_Block]) -> Logit:
    """Coefficients as points around their average, which goes into the base."""
    base, place, curves, kinds = float(w[0]), 1, {}, {}
    for block in blocks:
        own = w[place : place + block.columns.shape[1]]
        place += len(own)
        mean = float((block.columns @ own).mean())
        base += mean
        if block.knots is None:
            kinds[block.name] = {label: float(points) - mean for label, points in zip(block.labels, own, strict=True)}
            continue
        steps = len(block.knots) - 1
        points = np.concatenate([[0.0], np.cumsum(own[:steps])]) - mean
        curves[block.name] = Curve(block.knots, points, float(own[steps]) - mean if len(own) > steps else 0.0)
    return Logit(base, curves, kinds)


def recalibration(log_odds, happened) -> tuple[float, float]:
    """shift and slope that make log-odds honest: logistic regression on the log-odds alone (Platt 1999); (0, 1) leaves them as they are."""
    eta, y = np.asarray(log_odds, float), np.asarray(happened, float)
    if len(y) == 0 or y.min() == y.max() or np.ptp(eta) == 0:
        return 0.0, 1.0
    w = _solved(np.column_stack([np.ones(len(y)), eta]), y, [(None, None), (0.0, None)], 1e-6)
    return float(w[0]), float(w[1])
