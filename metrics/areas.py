"""The search for low areas: which few combinations of up to three attributes explain where a score is low.

Step by step the area with the smallest chance of being chance joins the model (`metrics.effects`), which is then estimated anew with all
of them together. So a child of a found area is looked at only for what it adds, and a parent that is low because of one child
stays out. After each step a found area gives way to a relative (its parents, children, neighbours) that explains more,
and leaves where the others already explain it.

Areas that are high join in the same way. They are not listed, but what lies beside one would else look low.

Every cell that is looked at counts. A third of the tolerated error goes to single levels, to pairs and to triples each, and the k-th area
needs p · (cells of its depth) · 3 ≤ k · level: the step-down rule of Benjamini & Gavrilov 2009, Annals of Applied Statistics 3,
179-198 (false discovery rate in forward selection), with the depths weighted as in Genovese, Roeder & Wasserman 2006, Biometrika 93, 509-524.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import log_ndtr

from metrics.effects import CONFOUNDED, Effects, Fit
from metrics.result import K_TESTABLE
from metrics.stats import straightened

LEVEL = 0.03  # of false findings that are tolerated; half again as strict as 5 %, so that a list of nothing is empty 19 times of 20
NOTABLE = 0.05  # standard deviations of one answer: about 4 NPS points; what lies less low is not listed
LARGE = 0.125  # about 10 NPS points: how low a level must lie that differs no more than levels usually do
ROUNDS = 20
SHORTLIST, SHORTLISTS, AT_ONCE, RELATIVES = 24, 8, 12, 8
SHARED = 0.15  # of the smaller area: two that have more in common do not join in the same step
BETTER = 0.5  # how much less probable (in e-foldings) a relative must be to replace an area
KINDS = ("stands_out", "usual", "below_expected")
LOW, HIGH = 1, -1
CLEARLY = 1.1  # how much surer the surest high area must be than the surest low one to join first
NEVER = -9.0  # a t that no rule lets in
DIGITS = 7  # of a logarithm of p: two areas of the same answers are equally sure, however an engine added them up; the first column is named


@dataclass(frozen=True)
class Area:
    """A found area. In the units of the shown score, positive where it is low.

    gap: the mean of all others less its own. adds, adds_se: what it takes off beyond its levels and the other areas.
    kind: "stands_out"; "usual", a level that is low, but no lower than levels usually differ; "below_expected", an area that
    scores no worse than all others, but worse than its levels and the other areas lead to expect.
    """

    cell: int
    conditions: dict[int, int]
    gap: float
    adds: float
    adds_se: float
    q: float
    kind: str


class Search:
    """One search over the cells of `effects`. `areas` is the answer; `fit` the model behind it. left_out: cells that are no areas."""

    def __init__(self, effects: Effects, level: float = LEVEL, left_out: np.ndarray | None = None):
        self.effects, self.level, cube = effects, level, effects.cube
        rest = effects.sums.n.sum() - effects.n
        self.is_searched = (effects.n >= effects.least) & (rest >= effects.least) & (effects.worth >= K_TESTABLE - 1e-9)
        if left_out is not None:
            self.is_searched &= ~left_out
        self.cells = np.flatnonzero(self.is_searched)
        self.tested = np.bincount(cube.depths[self.cells], minlength=cube.depth + 1)
        self.burden = np.log(np.maximum(self.tested * (self.tested > 0).sum(), 1))
        with np.errstate(divide="ignore", invalid="ignore"):
            self.gaps = (effects.sums.x.sum() - effects.x) / (effects.total - effects.w) - effects.x / effects.w
        self._left: set[int] = set()
        self._swapped: set[tuple[int, int]] = set()
        self.fit: Fit = effects.fit([])

    @cached_property
    def areas(self) -> list[Area]:
        """What is found, kind by kind, by how much the overall score would gain."""
        if not len(self.cells):
            return []
        for _ in range(ROUNDS):
            chosen = self._without_weakest() or self._with_better() or self._with_more()
            if chosen is None:
                break
            self._refit(chosen)
        return sorted([*self._standing_out(), *self._usual()], key=self._place)

    def _place(self, area: Area) -> tuple:
        """Kind by kind, by what the whole would gain: if the area scored like all others, or else as is expected of it."""
        gain = area.adds if area.kind == KINDS[-1] else area.gap
        return KINDS.index(area.kind), -gain * self.effects.w[area.cell], area.cell

    def _refit(self, picks: list) -> None:
        self.fit = self.effects.fit(picks, self.fit.usual[0], self.fit.noise)

    # the chance of being chance

    def log_p(self, t, cells, sign=LOW) -> np.ndarray:
        """Logarithm of p times the tests it stands among, of being low or of being high."""
        straight = straightened(sign * t, self.effects.worth[cells], sign * self.effects.sums.skew)
        return np.round(log_ndtr(-straight) + self.burden[self.effects.cube.depths[cells]], DIGITS)

    def _limits(self, more: int) -> dict[int, float]:
        """What a weighted p must not exceed, of low areas and of high ones."""
        return {sign: math.log(self.level * max(sum(pick.sign == sign for pick in self.fit.picks) + more, 1)) for sign in (LOW, HIGH)}

    def _noise(self, cells):
        """Variance of one answer of a cell, the larger of the model's and its own, times what its answers have in common."""
        return np.maximum(self.fit.noise, self.effects.own[cells]) * self.effects.several[cells]

    def _roughly(self) -> tuple[np.ndarray, np.ndarray]:
        """How low each searched cell is beyond the model, and its t, from what its levels alone take of its information."""
        worth = self.effects.w[self.cells] * self.fit.alone[self.cells]
        low = -self.fit.residual[self.cells] / worth
        depths = self.effects.cube.depths[self.cells]
        t = low / np.sqrt(self._noise(self.cells) / worth + np.take([0.0, 0.0, *self.fit.usual[1:]], depths) ** 2)
        single = depths == 1
        low[single], t[single] = self._of_levels(self.cells[single])
        return low, t

    def _of_levels(self, levels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """How low levels are, all else in the model, and their t against the usual spread of levels."""
        own = np.diag(self.fit.inverse)[1 + levels]
        kept = np.clip(1 - self.fit.pull * own, 1e-9, None)  # of its effect a level shows this part, the rest is pulled to 0
        low = -self.fit.effects[1 + levels] / kept
        return low, low / np.sqrt(self._noise(levels) * own / kept + self.fit.noise / self.fit.pull)

    def exact(self, cells: Sequence[int], without: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """How low cells are beyond the model (less one of its picks), each estimated together with it, and their t."""
        fit, cube, cells = self.fit, self.effects.cube, np.asarray(cells, int)
        columns = self._columns(cells)
        inverse, residual = fit.inverse, fit.residual[cells]
        if without is not None:
            j = 1 + cube.levels + without
            residual = residual + columns @ inverse[:, j] * fit.effects[j] / inverse[j, j]
            inverse = inverse - np.outer(inverse[:, j], inverse[j]) / inverse[j, j]
        worth, depths = self.effects.w[cells] - ((columns @ inverse) * columns).sum(1), cube.depths[cells]
        is_new = worth > np.where(depths > 1, CONFOUNDED * self.effects.w[cells], 0)
        worth = np.where(is_new, worth, 1.0)
        usual = np.take([0.0, 0.0, *fit.usual[1:]], depths)  # that of levels is in the model
        t = -residual / np.sqrt(self._noise(cells) * worth + (usual * worth) ** 2)
        return np.where(is_new, -residual / worth, 0.0), np.where(is_new, t, NEVER)

    def _columns(self, cells: np.ndarray) -> np.ndarray:
        """Σw that each cell has in common with each column of the model."""
        effects, picks, own = self.effects, (*self.fit.picks, *self.fit.overlaps), 1 + self.effects.cube.levels
        columns = np.empty((len(cells), own + len(picks)))
        for row, cell in zip(columns, map(int, cells), strict=True):
            row[0], row[1:own] = effects.w[cell], effects.levels_of(cell)
            row[own:] = [effects.common(pick, cell) for pick in picks]
        return columns

    # steps: each returns the picks to go on with, or None

    def _picked(self) -> tuple[np.ndarray, np.ndarray]:
        """What each pick takes off the searched score, and its t."""
        first, cells = 1 + self.effects.cube.levels, self._cells_of_picks()
        usual = np.take([0.0, 0.0, *self.fit.usual[1:]], self.effects.cube.depths[cells])
        own = slice(first, first + len(cells))
        low = -self.fit.effects[own]
        return low, low / np.sqrt(self._noise(cells) * np.diag(self.fit.inverse)[own] + usual**2)

    def _cells_of_picks(self) -> np.ndarray:
        return np.array([pick.cell for pick in self.fit.picks], int)

    def _signs(self) -> np.ndarray:
        return np.array([pick.sign for pick in self.fit.picks], int)

    def _log_p_of_picks(self) -> np.ndarray:
        return self.log_p(self._picked()[1], self._cells_of_picks(), self._signs())

    def _without_weakest(self) -> list | None:
        """Less the area that the others explain best, if there is one that they leave too little to."""
        picks, first, signs = self.fit.picks, 1 + self.effects.cube.levels, self._signs()
        log_p, limits = self._log_p_of_picks(), self._limits(0)
        off = signs * np.array([self._picked()[0] / self.effects.sd, -self.fit.shown[first : first + len(picks)] / self.effects.sd_shown])
        weak = [j for j, pick in enumerate(picks) if log_p[j] > limits[pick.sign] or off[:, j].min() < NOTABLE]
        if not weak:
            return None
        weakest = max(weak, key=lambda j: log_p[j])
        self._left.add(picks[weakest].cell)
        return [pick for j, pick in enumerate(picks) if j != weakest]

    def _with_better(self) -> list | None:
        """With a relative in the place of an area, where it explains more beside the others."""
        taken = {pick.cell for pick in self.fit.picks}
        for j, pick in enumerate(self.fit.picks):
            cells = [pick.cell, *(cell for cell in self._relatives(j) if cell not in taken)]
            here, *others = self._entries(cells, pick.sign, j)
            best = min(zip(others, cells[1:], strict=True), default=(math.inf, None))
            if best[0] < here - BETTER and (pick.cell, best[1]) not in self._swapped:
                self._swapped.add((best[1], pick.cell))
                return [*self.fit.picks[:j], self.effects.pick(best[1], pick.sign), *self.fit.picks[j + 1 :]]
        return None

    def _entries(self, cells: Sequence[int], sign: int, without: int | None = None) -> np.ndarray:
        """Logarithms of cells' weighted p; +inf where one is not notably low (or high)."""
        low, t = self.exact(cells, without)
        return np.where(sign * low >= NOTABLE * self.effects.sd, self.log_p(t, cells, sign), math.inf)

    def _relatives(self, j: int) -> list[int]:
        """Cells that have much in common with an area: the lowest (or highest), as far as the model without it says."""
        pick, effects = self.fit.picks[j], self.effects
        cells, common = effects.inside(pick.cell)
        residual = self.fit.residual[cells] + self.fit.effects[1 + effects.cube.levels + j] * common
        near = self.is_searched[cells] & (common > 0.3 * np.minimum(effects.w[cells], pick.totals[0]))
        cells, residual = cells[near], residual[near]
        return [int(cell) for cell in cells[np.argsort(np.round(pick.sign * residual / np.sqrt(effects.w[cells]), DIGITS), kind="stable")][:RELATIVES]]

    def _with_more(self) -> list | None:
        """With the areas that join: the low ones, unless what is surest is a high one."""
        low, t = self._roughly()
        lows, highs = (self._joining(low, t, sign) for sign in (LOW, HIGH))
        sign, entries = (HIGH, highs) if highs and (not lows or highs[0][0] < CLEARLY * lows[0][0] - 1) else (LOW, lows)
        fresh: list = []
        for _, cell in entries:  # the surest first; none that has much in common with one before
            smaller = [SHARED * min(pick.totals[0], self.effects.w[cell]) for pick in fresh]
            if all(self.effects.common(pick, cell) <= most for pick, most in zip(fresh, smaller, strict=True)):
                fresh.append(self.effects.pick(cell, sign))
        return [*self.fit.picks, *fresh[:AT_ONCE]] if fresh else None

    def _joining(self, low: np.ndarray, t: np.ndarray, sign: int) -> list[tuple[float, int]]:
        """The cells that may join, with the logarithm of their weighted p: first roughly, then exactly."""
        log_p, limit = self.log_p(t, self.cells, sign), self._limits(1)[sign]
        taken = {pick.cell for pick in self.fit.picks} | self._left
        likely = (sign * low >= 0.7 * NOTABLE * self.effects.sd) & (log_p < limit + 3)
        order = np.flatnonzero(likely)[np.argsort(log_p[likely], kind="stable")]
        cells = [cell for cell in map(int, self.cells[order]) if cell not in taken]
        for start in range(0, min(len(cells), SHORTLISTS * SHORTLIST), SHORTLIST):
            some = cells[start : start + SHORTLIST]
            if joining := sorted((entry, cell) for entry, cell in zip(self._entries(some, sign), some, strict=True) if entry < limit):
                return joining
        return []

    # what was found

    def _standing_out(self) -> list[Area]:
        is_low = np.flatnonzero(self._signs() == LOW)
        own, picks = 1 + self.effects.cube.levels + is_low, [self.fit.picks[j] for j in is_low]
        errors = self._shown_errors(self._cells_of_picks()[is_low], np.diag(self.fit.inverse)[own])
        rows = zip(picks, -self.fit.shown[own], errors, stepped(self._log_p_of_picks()[is_low]), strict=True)
        named = [(self._named(pick.cell), *figures) for pick, *figures in rows]
        return [Area(c, self.effects.cube.conditions(c), float(self.gaps[c]), float(low), float(se), float(q), self._kind(c)) for c, low, se, q in named]

    def _named(self, cell: int) -> int:
        """The cell with the fewest conditions that holds the very same answers: where one condition follows from the others, it says nothing."""
        effects, conditions = self.effects, self.effects.cube.conditions(cell)
        for many in range(1, len(conditions)):
            for some in itertools.combinations(sorted(conditions), many):
                wider = effects.cube.cell({a: conditions[a] for a in some})
                if self.is_searched[wider] and effects.n[wider] == effects.n[cell]:
                    return wider
        return cell

    def _kind(self, cell: int) -> str:
        return KINDS[0] if self.gaps[cell] >= NOTABLE * self.effects.sd_shown else KINDS[-1]

    def _usual(self) -> list[Area]:
        """Levels that are low beyond chance, by enough to matter, though no more than levels usually differ."""
        levels = self.cells[self.effects.cube.depths[self.cells] == 1]
        against = self._against_others(levels)
        spread = ((against @ self.fit.inverse) * against).sum(1)
        low, adds, errors = -against @ self.fit.effects, -against @ self.fit.shown, self._shown_errors(levels, spread)
        log_p = self.log_p(low / np.sqrt(self._noise(levels) * spread), levels)
        large = LARGE * self.effects.sd_shown
        taken = [self._named(pick.cell) for pick in self.fit.picks]
        is_listed = (log_p < math.log(self.level)) & (adds >= large) & (self.gaps[levels] >= large) & ~np.isin(levels, taken)
        chosen = zip(levels[is_listed], adds[is_listed], errors[is_listed], np.exp(log_p[is_listed]), strict=True)
        return [Area(int(c), self.effects.cube.conditions(c), float(self.gaps[c]), float(a), float(se), float(q), KINDS[1]) for c, a, se, q in chosen]

    def _against_others(self, levels: np.ndarray) -> np.ndarray:
        """Per level the weights of the model's columns in "this level, less the others of its attribute, each by its answers"."""
        cube, w = self.effects.cube, self.effects.w
        weights = np.zeros((len(levels), len(self.fit.inverse)))
        for row, level in zip(weights, levels, strict=True):
            combination = cube.span(tuple(cube.conditions(int(level))))
            row[1:][combination] = -w[combination] / (w[combination].sum() - w[level])
            row[1 + level] = 1.0
        for j, pick in enumerate(self.fit.picks, 1 + cube.levels):
            if pick.depth == 1:
                weights[:, j] = weights[:, 1 + pick.cell]
        return weights

    def _shown_errors(self, cells, inverse) -> np.ndarray:
        """Standard errors on the shown score; its noise is taken to shrink by the model as that of the searched score did."""
        left = self.effects.sd_shown**2 * self.fit.noise / self.effects.sd**2
        return np.sqrt(left * self.effects.several[cells] * inverse)


def stepped(log_p: np.ndarray) -> np.ndarray:
    """q-values of the step-down rule: the smallest level at which each would still be listed."""
    order = np.argsort(log_p, kind="stable")
    raw = np.exp(log_p[order]) / np.arange(1, len(order) + 1)
    q = np.empty(len(order))
    q[order] = np.minimum(np.maximum.accumulate(raw), 1)
    return q
