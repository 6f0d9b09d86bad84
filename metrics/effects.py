"""What each level and each found area takes off the score, all estimated together: the model that a search for low areas works with.

    score = overall + one effect per level (drawn from the usual spread of levels) + one effect per found area (+ overlaps) + noise

Effects of levels are ordinary: regions always differ a little. They are estimated as random effects, pulled towards 0 as far as their
spread says, so that they neither hide an area nor make one up. Effects of areas are estimated freely. A scale has an end: where two areas
overlap, the score is often less low than both together would make it; such an overlap gets an effect of its own. Areas that are high
are in the model as well, or their neighbours would look low beside them. Everything is least squares on sums per cell; only the
residual of each pattern is worked out one by one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations

import numpy as np

from metrics.cube import CELLS, Conditions, Cube, Sums
from metrics.shrinkage import spread

FEW_LEVELS = 12  # fewer say nothing about their usual spread
FEW_CELLS = 40
STEADY = 1e-3  # the same for areas, so that some that say the same together do not leave the equations without an answer
LOOSE = 30.0  # answers' worth of pull towards 0, where levels are estimated nearly freely
SMALLEST = 1e-6  # of the noise's variance: the least spread that is divided by
CONFOUNDED = 0.02  # a cell whose own share of information is smaller is another description of what the model has
MILDER = 4.0  # standard errors: an overlap less low than this is not what its two areas add up to
NO_CELL = -1
OWN = 100  # answers' worth of the overall variance in the estimate of a cell's own


@dataclass
class Pick:
    """An area in the model, or what two areas have in common. weights: Σw it has in common with each level. sign: 1 low, -1 high."""

    cell: int  # NO_CELL of an overlap
    conditions: Conditions
    rows: np.ndarray
    weights: np.ndarray
    totals: tuple[float, float, float]  # of w, y and x
    sign: int = 1

    @property
    def depth(self) -> int:
        return len(self.conditions)

    @cached_property
    def key(self) -> tuple:
        """Its conditions, in one order."""
        return tuple(sorted(self.conditions.items()))


@dataclass
class Fit:
    """The model, estimated. Columns: overall, the levels, the picks, the overlaps. inverse: of the (penalised) normal equations."""

    picks: list[Pick]
    overlaps: list[Pick]
    inverse: np.ndarray
    effects: np.ndarray  # on the searched score
    shown: np.ndarray  # on the score that is shown
    pull: float  # noise variance / variance between levels
    noise: float  # variance of one answer around the model
    residual: np.ndarray  # per cell: Σ w · (y − model)
    alone: np.ndarray  # per cell: roughly the share of its information that the levels do not have
    usual: tuple[float, ...] = (0.0,)  # spread of levels, then of pairs and triples beyond them


@dataclass
class Effects:
    """The sums of a cube's cells, and the models fitted to them."""

    cube: Cube
    sums: Sums
    least: float  # answers of the smallest cell that is looked at
    rest: tuple[Effects, Effects] | None = None  # those of the whole and of all else, where this is a part: what is left needs no adding up
    _levels: dict[int, np.ndarray] = field(default_factory=dict)
    _inside: dict[int, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)
    _common: dict[tuple, dict[int, float]] = field(default_factory=dict)  # per area or overlap: cell → Σw
    _milder: dict[tuple[int, int], Pick] = field(default_factory=dict)  # pairs of areas whose overlap has an effect of its own

    def __post_init__(self):
        self.cells = self._subtracted() if self.rest else self._added_up()
        self.n, self.w, self.v, self.y, self.x = (self.cells[name] for name in "nwvyx")
        self.total = float(self.sums.w.sum())
        self.mean = float(self.sums.y.sum()) / self.total
        self.sd = math.sqrt(max(float(self.sums.yy.sum()) / self.total - self.mean**2, 1e-12))
        shown = float(self.sums.x.sum()) / self.total
        self.sd_shown = math.sqrt(max(float(self.sums.xx.sum()) / self.total - shown**2, 1e-12))
        with np.errstate(divide="ignore", invalid="ignore"):
            own = self.cells["yy"] / self.w - (self.y / self.w) ** 2
            self.own = (self.w * own + OWN * self.sd**2) / (self.w + OWN)
            self.worth = self.w**2 / self.v
        self.several = np.where(self.v > 0, self.v / np.maximum(self.w, 1e-12), 1.0)  # variance of a mean, over that of as many equal strangers'
        self._normal = self._equations()

    def _added_up(self) -> dict[str, np.ndarray]:
        """The sums of each cell, all in one pass; what is one array stays one."""
        given = {name: getattr(self.sums, name) for name in CELLS}
        different = {id(values): values for values in given.values()}
        found = dict(zip(different, self.cube.sums(*different.values()), strict=True))
        return {name: found[id(values)] for name, values in given.items()}

    def _subtracted(self) -> dict[str, np.ndarray]:
        """The sums of the whole less those of all else; exactly nothing where there are no answers."""
        whole, other = (effects.cells for effects in self.rest)
        n = whole["n"] - other["n"]
        made: dict[int, np.ndarray] = {id(whole["n"]): n}
        return {name: made.setdefault(id(cells), np.where(n > 0, cells - other[name], 0.0)) for name, cells in whole.items()}

    def _alone(self, pull: float) -> np.ndarray:
        """Roughly how much of a cell's information its levels do not already have: (1 − share of the first level) · (1 − …).

        A level that is pulled to 0 has less of it. Of single levels and of large cells; 1 of all others.
        """
        w, levels = self.w, self.cube.levels
        out = np.ones(self.cube.size)
        share = np.append(1 / (w[:levels] + pull), 0)  # of a level, per Σw of a cell; of no level, nothing
        out[self.large] = (1 - w[self.large] * share[self._levels_of_large]).prod(0)
        out[:levels] = 1 - w[:levels] / self.total
        return np.clip(out, CONFOUNDED, 1, out=out)

    @cached_property
    def large(self) -> np.ndarray:
        """The cells with enough answers to be looked at."""
        return np.flatnonzero(self.n >= self.least)

    @cached_property
    def _levels_of_large(self) -> np.ndarray:
        return self.cube.levels_of(self.large)

    def _equations(self) -> np.ndarray:
        """Σw that each two columns of the model have in common, without picks."""
        many, levels = self.cube.levels + 1, slice(1, None)
        matrix = np.zeros((many, many))
        matrix[0, 0], matrix[0, levels], matrix[levels, 0] = self.total, self.w[: many - 1], self.w[: many - 1]
        np.fill_diagonal(matrix[1:, 1:], self.w[: many - 1])
        offsets = np.concatenate([[0], np.cumsum(self.cube.cards)]) + 1
        for a, b in (c for c in self.cube.combinations if len(c) == 2):
            one, other = slice(offsets[a], offsets[a + 1]), slice(offsets[b], offsets[b + 1])
            matrix[one, other] = self.cube.table(self.w, (a, b))
            matrix[other, one] = matrix[one, other].T
        return matrix

    def pick(self, cell: int, sign: int = 1) -> Pick:
        """The area of a cell, ready to be put into a model."""
        conditions = self.cube.conditions(cell)
        return self._pick(int(cell), conditions, self.cube.rows(conditions), self.levels_of(cell), sign)

    def _pick(self, cell: int, conditions: Conditions, rows: np.ndarray, weights: np.ndarray, sign: int) -> Pick:
        return Pick(cell, conditions, rows, weights, tuple(float(values[rows].sum()) for values in (self.sums.w, self.sums.y, self.sums.x)), sign)

    def levels_of(self, cell: int) -> np.ndarray:
        """Σw that a cell has in common with each level."""
        if cell not in self._levels:
            self._levels[cell] = self.cube.by_level(self.cube.conditions(cell), self.sums.w, self.w)
        return self._levels[cell]

    def inside(self, cell: int) -> tuple[np.ndarray, np.ndarray]:
        """The cells that share a condition with a cell, and the Σw that each has in common with it."""
        if cell not in self._inside:
            self._inside[cell] = self.cube.inside(self.cube.conditions(cell), self.sums.w, self.w)
        return self._inside[cell]

    def common(self, pick: Pick, cell: int) -> float:
        """Σw that an area or overlap has in common with a cell."""
        known = self._common.setdefault(pick.key, {})
        if cell not in known:
            known[cell] = self._in_both(pick, self.cube.conditions(cell))
        return known[cell]

    def _in_both(self, pick: Pick, conditions: Conditions) -> float:
        if any(pick.conditions.get(a, level) != level for a, level in conditions.items()):
            return 0.0
        both = {**pick.conditions, **conditions}
        if len(both) <= self.cube.depth:
            return float(self.w[self.cube.cell(both)])
        rows, known = pick.rows, pick.conditions
        if len(conditions) == self.cube.depth and len(mine := self.cube.rows(conditions)) < len(rows):
            rows, known = mine, conditions
        return float(self.sums.w[self.cube.rows({a: level for a, level in both.items() if a not in known}, rows)].sum())

    def fit(self, picks: Sequence[Pick], usual: float | None = None, noise: float | None = None) -> Fit:
        """Estimate the model with these areas. usual, noise: the spread of levels and the noise's variance to begin with."""
        many, picks = self.cube.levels + 1, list(picks)
        overlaps = [self._milder[pair] for pair in _pairs(picks) if pair in self._milder]
        columns = [*picks, *overlaps]
        matrix = self._with_columns(columns)
        right = np.array([self._right(self.y, self.sums.y, columns, 1), self._right(self.x, self.sums.x, columns, 2)]).T
        noise = self.sd**2 if noise is None else noise
        usual = self._usual_of_levels(matrix, right[:, 0], noise) if usual is None else usual
        pull = noise / max(usual**2, SMALLEST * noise)
        inverse = np.linalg.inv(matrix + np.diag(_pulled(len(matrix), many, pull)))
        effects, shown = (inverse @ right).T
        model = self._model(effects, columns)
        left = self.sums.y - self.sums.w * model
        noise = (float(self.sums.yy.sum()) - float(self.sums.y @ model) - float(left @ model)) / self.total  # Σ w (y − model)²
        noise = max(noise, SMALLEST * self.sd**2)
        if self._finds_milder(picks, left, noise):
            return self.fit(picks, usual, noise)
        fit = Fit(picks, overlaps, inverse, effects, shown, pull, noise, self.cube.sums(left)[0], self._alone(pull))
        fit.usual = (self._usual_of_levels(matrix, right[:, 0], noise), *self._usual_beyond(fit))
        return fit

    def _with_columns(self, columns: list[Pick]) -> np.ndarray:
        """The normal equations of the levels with columns for areas and overlaps."""
        many = self.cube.levels + 1
        matrix = np.zeros((many + len(columns),) * 2)
        matrix[:many, :many] = self._normal
        for j, column in enumerate(columns, many):
            matrix[j, :many] = matrix[:many, j] = [column.totals[0], *column.weights]
            matrix[j, many : j + 1] = matrix[many : j + 1, j] = [self._in_both(other, column.conditions) for other in columns[: j - many + 1]]
        return matrix

    def _finds_milder(self, picks: list[Pick], left: np.ndarray, noise: float) -> bool:
        """Look for overlaps of areas that are clearly less low than the model says, and keep them for the models to come."""
        known = len(self._milder)
        for (one, other), pair in zip(combinations(picks, 2), _pairs(picks), strict=True):
            both = {**one.conditions, **other.conditions}
            if (
                pair in self._milder
                or one.sign + other.sign < 2
                or {**other.conditions, **one.conditions} != both
                or both in (one.conditions, other.conditions)
            ):
                continue
            rows = self.cube.rows({a: level for a, level in other.conditions.items() if a not in one.conditions}, one.rows)
            if self.sums.n[rows].sum() >= self.least and left[rows].sum() > MILDER * math.sqrt(noise * float(self.sums.v[rows].sum())):
                self._milder[pair] = self._pick(NO_CELL, both, rows, self.cube.counted(rows, self.sums.w), -1)
        return len(self._milder) > known

    def _right(self, cells: np.ndarray, patterns: np.ndarray, picks: list[Pick], which: int) -> np.ndarray:
        return np.concatenate([[patterns.sum()], cells[: self.cube.levels], [pick.totals[which] for pick in picks]])

    def _model(self, effects: np.ndarray, picks: list[Pick]) -> np.ndarray:
        """What the model says of each pattern."""
        areas = 1 + self.cube.levels
        model = self.cube.spread(effects[1:areas])
        model += effects[0]
        for pick, effect in zip(picks, effects[areas:], strict=True):
            model[pick.rows] += effect
        return model

    def _usual_of_levels(self, matrix: np.ndarray, right: np.ndarray, noise: float) -> float:
        """The usual spread of levels around the middle of their attribute, from levels estimated nearly freely."""
        free = np.linalg.solve(matrix + np.diag(_pulled(len(matrix), self.cube.levels + 1, LOOSE)), right)
        found, variances, at = [], [], 0
        for many in self.cube.cards:
            large = np.flatnonzero(self.n[at : at + many] >= self.least) + at
            at += many
            if len(large) > 1:
                own = free[1 + large]
                middle = np.median(own) if len(large) > 4 else own.mean()
                found.extend((own - middle) / math.sqrt(1 - 1 / len(large)))
                variances.extend(noise * self.several[large] / self.w[large])
        return spread(found, variances) if len(found) >= FEW_LEVELS else 0.0

    def _usual_beyond(self, fit: Fit) -> list[float]:
        """The usual spread of pairs and of triples beyond what their levels and the picks explain."""
        usual = []
        for depth in range(2, self.cube.depth + 1):
            cells = self.large[(self.cube.depths[self.large] == depth) & (fit.alone[self.large] > 0.5)]
            worth = self.w[cells] * fit.alone[cells]
            found = spread(fit.residual[cells] / worth, fit.noise * self.several[cells] / worth, 1 + 4 / math.sqrt(max(len(cells), 1)))
            usual.append(found if len(cells) > FEW_CELLS else 0.0)
        return usual


def _pairs(picks: list[Pick]) -> list[tuple[int, int]]:
    return [(min(one.cell, other.cell), max(one.cell, other.cell)) for one, other in combinations(picks, 2)]


def _pulled(columns: int, many: int, pull: float) -> np.ndarray:
    """The penalty of each column: levels are pulled towards 0, areas next to nothing, the overall mean not at all."""
    penalty = np.full(columns, STEADY)
    penalty[0], penalty[1:many] = 0.0, pull
    return penalty
