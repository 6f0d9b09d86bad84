"""What a page says of found areas: their figures, what is left of them after shrinking, and how they hang together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from metrics.areas import LARGE, Area, Search
from metrics.cube import Conditions
from metrics.effects import Effects
from metrics.patterns import Patterns
from metrics.result import K_ANONYMOUS
from metrics.shrinkage import between, shrunken
from metrics.stats import Z95
from metrics.yardstick import Yardstick

ALIKE = 0.8  # Jaccard: two descriptions of the same answers
AKIN = 0.5  # what half of the answers found is the same finding
CLEAR = 3.0  # standard errors: a segment that looks low by less needs no explanation
ADDS_LITTLE = 0.5  # of its gap: a segment that is low because of its parts
MOST_POINTERS = 10


@dataclass(frozen=True)
class Report:
    """Figures of areas, in the units of the score that is shown."""

    patterns: Patterns
    search: Search
    yard: Yardstick
    scale: tuple[float, float]

    @property
    def effects(self) -> Effects:
        return self.search.effects

    @property
    def unit(self) -> float:
        """One unit of the inner score, as it is shown."""
        return abs(self.yard.factor)

    def segment(self, conditions: Conditions) -> dict:
        """Column → value of an area."""
        attributes = self.patterns.attributes
        return {attributes[a].column: attributes[a].levels[level] for a, level in sorted(conditions.items())}

    def text(self, conditions: Conditions) -> str:
        """An area in one line: also what its row is referred to by."""
        return " · ".join(f"{column} = {'–' if value is None else value}" for column, value in self.segment(conditions).items())

    def several(self, conditions: Conditions) -> float:
        """How much repeated answers of a respondent widen the variance of an area's mean."""
        if not conditions:
            return float(self.effects.sums.v.sum() / self.effects.total)
        return float(self.effects.several[self.effects.cube.cell(conditions)])

    def score(self, conditions: Conditions) -> dict:
        """value, n, low, high, se of an area and, as gap_low and gap_high, how sure its distance from all others is."""
        sums, every = self.effects.sums, slice(None)
        rows = self.effects.cube.rows(conditions) if conditions else every
        inside = {name: float(getattr(sums, name)[rows].sum()) for name in ("n", "w", "v", "x", "xx")}
        value, low, high, se = self._limits(inside)
        facts = {"n": inside["n"], "numerator": float(np.sign(self.yard.factor)) * inside["x"], "denominator": inside["w"], "share": inside["n"] / sums.n.sum()}
        facts |= {"value": value, "low": low, "high": high, "se": se}
        if not conditions:
            return facts
        rest = {name: float(getattr(sums, name).sum()) - amount for name, amount in inside.items()}
        others, _, _, others_se = self._limits(rest)
        gap, wide = (others - value) * np.sign(self.yard.factor), Z95 * float(np.hypot(se, others_se))
        impact = gap * inside["w"] / (inside["w"] + rest["w"])
        return facts | {"gap": gap, "gap_low": gap - wide, "gap_high": gap + wide, "impact": impact}

    def _limits(self, sums: dict) -> tuple[float, ...]:
        worth = sums["w"] ** 2 / sums["v"]
        return tuple(float(part) for part in self.yard.limits(sums["x"], sums["xx"], sums["w"], worth, self.scale))

    def described(self, conditions: Conditions) -> dict:
        """Its depth, and its columns and values one by one."""
        parts = list(self.segment(conditions).items())
        named = {f"{what}_{k}": part[i] for k, part in enumerate(parts, 1) for i, what in enumerate(("column", "value"))}
        return {"area": self.text(conditions), "depth": len(parts), **named}

    def shrunken(self, areas: list[Area], values: list[float]) -> list[dict]:
        """What areas add and the score they probably have, given how much found areas add: empirical Bayes around "nothing"."""
        adds, errors = (self.unit * np.array([getattr(area, name) for area in areas]) for name in ("adds", "adds_se"))
        probable, sd = shrunken(adds, errors**2, between(adds, errors**2, 0.0)[0])
        sign = float(np.sign(self.yard.factor))
        ends = sorted(self.yard.factor * bound for bound in self._bounds())
        rows = []
        for add, error, kept, spread, value in zip(adds, errors, probable, sd, values, strict=True):
            centre = value + sign * (add - kept)
            likely = np.clip([centre, centre - Z95 * spread, centre + Z95 * spread], *ends)
            rows.append({"adds": add, "adds_low": add - Z95 * error, "adds_high": add + Z95 * error, **dict(zip(SHRUNKEN, likely, strict=True))})
        return rows

    def adds(self, conditions: Conditions) -> float:
        """What a segment that is no finding takes off beyond the findings."""
        low = float(self.search.exact([self.effects.cube.cell(conditions)])[0][0])
        return self.unit * low * self.effects.sd_shown / self.effects.sd

    def _bounds(self) -> tuple[float, float]:
        """The lowest and the highest inner score."""
        return {"nps": (-1.0, 1.0), "low_share": (-1.0, 0.0)}.get(self.yard.name, self.scale)

    def related(self, areas: list[Area]) -> list[dict]:
        """For each area the smallest listed one around it, and another description of the same answers."""
        return [{"parent": self._parent(area, areas), "same_as": self._same(area)} for area in areas]

    def _parent(self, area: Area, areas: Iterable[Area]) -> str | None:
        around = [other for other in areas if other.conditions.items() < area.conditions.items()]
        smallest = min(around, key=lambda other: (self.effects.n[other.cell], other.cell), default=None)
        return self.text(smallest.conditions) if smallest else None

    def _same(self, area: Area) -> str | None:
        """The likest other cell that is no mere part of the area."""
        effects, own = self.effects, float(self.effects.w[area.cell])
        cells, common = effects.inside(area.cell)
        cells, common = np.concatenate([cells, np.arange(effects.cube.levels)]), np.concatenate([common, effects.levels_of(area.cell)])
        alike = common / (effects.w[cells] + own - common)
        for k in np.argsort(-alike, kind="stable"):
            if alike[k] < ALIKE:
                return None
            conditions = effects.cube.conditions(int(cells[k]))
            if not area.conditions.items() <= conditions.items():
                return self.text(conditions)
        return None

    def pointers(self, areas: list[Area]) -> list[tuple[Conditions, str]]:
        """Segments that look low and are so because of a listed part of theirs: which, and the part that takes most off them."""
        listed, found = {area.cell for area in areas}, {}
        for area in areas:
            for conditions in _parents(area.conditions):
                cell = self.effects.cube.cell(conditions)
                if cell not in listed and self.search.is_searched[cell] and self._is_low_by_parts(cell):
                    found.setdefault(cell, []).append(area)
        ranked = sorted(found, key=lambda cell: (-self.search.gaps[cell] * self.effects.w[cell], cell))[:MOST_POINTERS]
        return [(self.effects.cube.conditions(cell), self.text(max(found[cell], key=self._weight).conditions)) for cell in ranked]

    def _weight(self, area: Area) -> tuple[float, int]:
        return area.adds * self.effects.w[area.cell], -area.cell

    def _is_low_by_parts(self, cell: int) -> bool:
        """Whether it lies clearly low and has little left of that once the listed areas are taken into account."""
        gap, effects = float(self.search.gaps[cell]), self.effects
        error = effects.sd_shown / np.sqrt(effects.worth[cell])
        low = float(self.search.exact([cell])[0][0])
        return gap >= LARGE * effects.sd_shown and gap > CLEAR * error and low / effects.sd < ADDS_LITTLE * gap / effects.sd_shown

    def honest(self, areas: list[Area], halves: tuple[np.ndarray, ...], found: list[list[Conditions]]) -> list[dict]:
        """The gap of each area among the respondents that the search which found it again had not seen.

        halves: the patterns of each half; found: what the search of each half found.
        """
        rows = []
        for area in areas:
            measured = []
            for other, conditions in zip(halves[::-1], found, strict=True):
                akin = self._akin(area, conditions)
                measured += [self._measured(akin, other)] if akin else []
            n = sum(n for n, _ in measured)
            gap = sum(n * gap for n, gap in measured) / n if n >= K_ANONYMOUS else np.nan
            rows.append({"honest_gap": self.unit * gap, "honest_n": n if n >= K_ANONYMOUS else None})
        return rows

    def _akin(self, area: Area, found: list[Conditions]) -> Conditions | None:
        """The one of these that is the same finding as an area."""
        rows, cube, w = self.effects.cube.rows(area.conditions), self.effects.cube, self.effects.sums.w
        best, likest = None, AKIN
        for conditions in found:
            if any(area.conditions.get(a, level) != level for a, level in conditions.items()):
                continue
            common = w[cube.rows(conditions, rows)].sum()
            alike = common / (w[rows].sum() + self.effects.w[cube.cell(conditions)] - common)
            best, likest = (conditions, alike) if alike >= likest else (best, likest)
        return best

    def _measured(self, conditions: Conditions, half: np.ndarray) -> tuple[float, float]:
        """Answers and gap of an area in one half."""
        sums = self.effects.sums
        inside = self.effects.cube.rows(conditions, half)
        n, w, x = (float(values[inside].sum()) for values in (sums.n, sums.w, sums.x))
        rest_w, rest_x = float(sums.w[half].sum()) - w, float(sums.x[half].sum()) - x
        return (n, rest_x / rest_w - x / w) if w > 0 and rest_w > 0 else (0.0, 0.0)


SHRUNKEN = ("shrunken", "shrunken_low", "shrunken_high")


def _parents(conditions: Conditions) -> Iterable[Conditions]:
    """Every description with fewer of these conditions, but none."""
    names = sorted(conditions)
    for chosen in range(1, 2 ** len(names) - 1):
        yield {a: conditions[a] for k, a in enumerate(names) if chosen >> k & 1}
