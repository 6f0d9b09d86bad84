"""Sums of squares and products of respondents' scores, block by block: all that correlations, and how sure they are, need of the engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement, product
from math import isqrt

import narwhals as nw
import numpy as np

from metrics.query import Frame, table
from metrics.respondents import number

BLOCKS = 200  # of customers, which resampling draws instead of single ones; with fewer customers each is a block
LARGEST_PRIME = 2_000_003  # its cube is the largest that fits a 64-bit number, about
FLAT = 1e-12  # a variance of scores on 0 to 1 below it is none
TABLES = ("n", "weight", "sums", "squares", "products")


@dataclass(frozen=True)
class Scale:
    """Which answers are those to a dimension, and the ends of the scale they are on."""

    is_asked: nw.Expr
    low: float
    high: float


@dataclass(frozen=True)
class Products:
    """Of k dimensions and, last, the outcome, on 0 to 1: arrays (…, k + 1, k + 1) per block of customers, or summed over blocks.

    n: respondents who answered both. weight: Σ w of them. sums, squares: Σ w·x and Σ w·x² of the row's dimension over those who answered the column's
    as well. products: Σ w·x·y. complete: respondents who answered all of them (…).
    """

    n: np.ndarray
    weight: np.ndarray
    sums: np.ndarray
    squares: np.ndarray
    products: np.ndarray
    complete: np.ndarray

    def of(self, chosen: Sequence[int]) -> Products:
        """Those of some of the dimensions (and the outcome, where it is among the chosen)."""
        places = np.asarray(chosen, dtype=int)
        return Products(*(getattr(self, name)[..., places[:, None], places] for name in TABLES), self.complete)

    def drawn(self, times: np.ndarray) -> Products:
        """Sums over blocks, each as many times as drawn: times (…, blocks)."""
        return Products(*(np.tensordot(times, getattr(self, name), 1) for name in (*TABLES, "complete")))

    @property
    def whole(self) -> Products:
        return self.drawn(np.ones(len(self.n)))

    @property
    def means(self) -> np.ndarray:
        """The mean of each dimension over all who answered it, (…, k + 1)."""
        sums, weight = (np.diagonal(part, axis1=-2, axis2=-1) for part in (self.sums, self.weight))
        return sums / np.where(weight > 0, weight, np.nan)

    @property
    def variances(self) -> np.ndarray:
        """Of each row's dimension among those who answered the column's as well."""
        weight = np.where(self.weight > 0, self.weight, 1)
        return (self.squares / weight - (self.sums / weight) ** 2).clip(min=0)

    @property
    def correlations(self) -> np.ndarray:
        """Of each pair, over the respondents who answered both; 0 where one of them does not vary."""
        weight, variances = np.where(self.weight > 0, self.weight, 1), self.variances
        both = variances * np.swapaxes(variances, -1, -2)
        covariance = self.products / weight - self.sums * np.swapaxes(self.sums, -1, -2) / weight**2
        found = np.where(both > FLAT**2, covariance / np.sqrt(np.where(both > FLAT**2, both, 1)), 0).clip(-1, 1)
        return np.where(np.eye(found.shape[-1], dtype=bool), 1.0, found)


def products(answers: Frame, scales: Sequence[Scale], complete: bool, is_weighted: bool, units: int) -> Products:
    """Added up by the engine, in one query. Respondents who did not answer the outcome, the last of `scales`, or none of the dimensions are left out.

    answers: valid ones with respondent (the unit that is sampled: a customer), person, survey_id, score, w. complete: only those who answered all.
    units: about how many sampled units there are.
    """
    people, flags = _people(answers, scales), [f"m{i}" for i in range(len(scales))]
    asked = nw.all_horizontal if complete else nw.any_horizontal
    people = people.filter(nw.col(flags[-1]) > 0, asked(*(nw.col(flag) > 0 for flag in flags[:-1]), ignore_nulls=True))
    rows = table(_blocked(people, units).group_by("block").agg(**_sums(len(scales), is_weighted)))  # hundreds of columns: pandas would take seconds
    order = np.argsort(rows.column("block").to_numpy())
    return _arrays({name: rows.column(name).to_numpy().astype(float)[order] for name in rows.column_names}, len(scales), is_weighted)


def _people(answers: Frame, scales: Sequence[Scale]) -> Frame:
    """One row per respondent and survey: x0, x1, … mean scores on 0 to 1 (0 where there is none), m0, m1, … whether there is one, w."""
    scaled = {f"x{i}": nw.when(s.is_asked).then((nw.col("score") - s.low) / (s.high - s.low)) for i, s in enumerate(scales)}
    people = answers.with_columns(**scaled).group_by("survey_id", "respondent", "person").agg(nw.col(*scaled, "w").mean())
    flags = {f"m{i}": number(~nw.col(f"x{i}").is_null()) for i in range(len(scales))}
    return people.with_columns(**flags).with_columns(nw.col(*scaled).fill_null(0.0))


def _blocked(people: Frame, units: int) -> Frame:
    """`people` with the block of each sampled unit, the same at every run and on every engine.

    Units in the order of their ids are shuffled by cubing their number modulo a prime, so that blocks have nothing to do with who came first.
    """
    prime = _prime(units)
    place = nw.col("place").cast(nw.Int64) % prime
    numbered = people.select("respondent").unique().with_row_index("place", order_by="respondent")
    blocks = numbered.select("respondent", block=(place * place * place % prime) % BLOCKS)
    return people.join(blocks, on="respondent", how="left")


def _prime(units: int) -> int:
    """The smallest prime from `units` on that leaves 2 when divided by 3: cubes modulo it are all different. At most LARGEST_PRIME."""
    candidate = max(min(units, LARGEST_PRIME), 5)
    while candidate % 3 != 2 or any(candidate % d == 0 for d in range(2, isqrt(candidate) + 1)):
        candidate += 1
    return candidate


def _sums(p: int, is_weighted: bool) -> dict[str, nw.Expr]:
    x, m, w = [nw.col(f"x{i}") for i in range(p)], [nw.col(f"m{i}") for i in range(p)], nw.col("w")
    weighted = [w * one for one in x] if is_weighted else x
    pairs = list(combinations_with_replacement(range(p), 2))
    found = {f"n_{i}_{j}": (m[i] * m[j]).sum() for i, j in pairs}
    found |= {f"weight_{i}_{j}": (w * m[i] * m[j]).sum() for i, j in pairs} if is_weighted else {}
    found |= {f"products_{i}_{j}": (weighted[i] * x[j]).sum() for i, j in pairs}
    found |= {f"sums_{i}_{j}": (weighted[i] * m[j]).sum() for i, j in product(range(p), repeat=2)}
    found |= {f"squares_{i}_{j}": (weighted[i] * x[i] * m[j]).sum() for i, j in product(range(p), repeat=2)}
    return {**found, "complete": number(nw.all_horizontal(*(flag > 0 for flag in m), ignore_nulls=True)).sum()}


def _arrays(rows: dict[str, np.ndarray], p: int, is_weighted: bool) -> Products:
    def square(name: str, symmetric: bool) -> np.ndarray:
        cells = [f"{name}_{min(i, j)}_{max(i, j)}" if symmetric else f"{name}_{i}_{j}" for i, j in product(range(p), repeat=2)]
        return np.stack([rows[cell] for cell in cells], -1).reshape(-1, p, p)

    n = square("n", True)
    weight = square("weight", True) if is_weighted else n
    return Products(n, weight, square("sums", False), square("squares", False), square("products", True), rows["complete"])
