"""Sums over all combinations of up to three attributes, from rows that say how often each pattern of attributes occurs."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

Conditions = dict[int, int]  # attribute → level, both as numbers
Combination = tuple[int, ...]  # attributes, ascending
WIDTHS = (1 << 12, 1 << 14, 1 << 16, 1 << 18)  # cells of one dense table; more no longer fit a processor's cache
CELLS = ("n", "w", "v", "y", "yy", "x")  # of Sums: what is asked of each cell
KEPT = 120_000_000  # bytes of index that are kept between two sums; above, each sum works them out again


@dataclass(frozen=True)
class Sums:
    """What is known of each pattern of attributes; one number per pattern. Scores are turned so that low is bad.

    n: answers. w: their weights, n on average. v: answers' worth of variance, Σ w² times what answers of one customer have in common.
    y, yy: weighted sums of the searched score and its square; x, xx: of the score that is shown.
    skew: of the searched score, turned: positive where low scores lie far out.
    """

    n: np.ndarray
    w: np.ndarray
    v: np.ndarray
    y: np.ndarray
    yy: np.ndarray
    x: np.ndarray
    xx: np.ndarray
    skew: float = 0.0

    def of(self, rows: np.ndarray) -> Sums:
        """The same of some of the patterns."""
        cut: dict[int, np.ndarray] = {}  # what was one array stays one
        columns = [getattr(self, name) for name in (*CELLS, "xx")]
        return Sums(*(cut.setdefault(id(column), column[rows]) for column in columns), self.skew)


class Cube:
    """The cells of a table by one, two and three attributes: each single level, each pair, each triple of levels.

    codes: one row per attribute, one column per pattern; the level as a whole number from 0. cards: levels per attribute.
    depth: attributes of the deepest cells. Cells are numbered: combination by combination, within each in C order.

    Every pattern is looked at once per *block*, a few attributes whose dense table holds many combinations; what is narrower is
    added up from that table. Eight attributes have 56 triples, and about a dozen blocks.
    """

    def __init__(self, codes: np.ndarray, cards: tuple[int, ...], depth: int = 3):
        self.codes, self.cards, self.depth = codes, tuple(cards), min(depth, len(cards))
        self.combinations = [c for d in range(1, self.depth + 1) for c in itertools.combinations(range(len(cards)), d)]
        self.shapes = [tuple(cards[a] for a in c) for c in self.combinations]
        sizes = [math.prod(shape) for shape in self.shapes]
        self.starts = np.concatenate([[0], np.cumsum(sizes)]).astype(int)
        self.depths = np.repeat([len(c) for c in self.combinations], np.array(sizes, int)).astype(np.int8)
        self.blocks = cheapest(self.cards, self.depth, self.patterns) if cards else {}
        self._place = {c: k for k, c in enumerate(self.combinations)}
        self._conditions: dict[int, Conditions] = {}
        self._often = [np.bincount(codes, minlength=k) for codes, k in zip(codes, self.cards, strict=True)]
        self._of_level: dict[tuple[int, int], np.ndarray] = {}
        self._deepest: dict[tuple[tuple[int, int], ...], np.ndarray] = {}
        self._kept: dict[Combination, np.ndarray] | None = {} if 4 * self.patterns * len(self.blocks) < KEPT else None

    @property
    def patterns(self) -> int:
        return self.codes.shape[1]

    @property
    def size(self) -> int:
        return int(self.starts[-1])

    @property
    def levels(self) -> int:
        """Cells of one attribute: they are the first ones, in the order of the attributes."""
        return sum(self.cards)

    def sums(self, *columns: np.ndarray) -> np.ndarray:
        """What each column, one number per pattern, adds up to in each cell: column × cell."""
        out = np.empty((len(columns), self.size))
        for block, parts in self.blocks.items():
            shape, index = tuple(self.cards[a] for a in block), self._index(block)
            for values, cells in zip(columns, out, strict=True):
                made = {block: np.bincount(index, values, math.prod(shape)).reshape(shape)}
                for part in parts:  # the widest first, so that narrow ones are added up from small tables
                    wider = min((b for b in made if {*part} <= {*b}), key=lambda b: made[b].size)
                    made[part] = made[wider].sum(tuple(k for k, a in enumerate(wider) if a not in part))
                    cells[self.span(part)] = made[part].ravel()
        return out

    def spread(self, effects: np.ndarray) -> np.ndarray:
        """What each pattern gets where every level, of all attributes in turn, has an effect; two attributes are looked up as one."""
        out, of = np.zeros(self.patterns), np.split(effects, np.cumsum(self.cards)[:-1])
        for k, codes in enumerate(self._pairs):
            both = of[2 * k][:, None] + of[2 * k + 1] if 2 * k + 1 < len(of) else of[2 * k]
            out += both.ravel()[codes]
        return out

    @cached_property
    def _pairs(self) -> list[np.ndarray]:
        """Per pair of neighbouring attributes the place of each pattern in their table."""
        return [_numbered(self.codes, self.cards, tuple(range(a, min(a + 2, len(self.cards))))) for a in range(0, len(self.cards), 2)]

    def _index(self, block: Combination) -> np.ndarray:
        if self._kept is None:
            return _numbered(self.codes, self.cards, block)
        if block not in self._kept:
            self._kept[block] = _numbered(self.codes, self.cards, block)
        return self._kept[block]

    def span(self, combination: Combination) -> slice:
        """Where the cells of a combination of attributes lie."""
        k = self._place[combination]
        return slice(self.starts[k], self.starts[k + 1])

    def table(self, sums: np.ndarray, combination: Combination) -> np.ndarray:
        """The part of `sums` that is the table by these attributes, one axis each."""
        return sums[self.span(combination)].reshape(self.shapes[self._place[combination]])

    def conditions(self, cell: int) -> Conditions:
        """Which attributes have which level in a cell."""
        if cell not in self._conditions:
            k = int(np.searchsorted(self.starts, cell, "right")) - 1
            levels = np.unravel_index(cell - self.starts[k], self.shapes[k])
            self._conditions[cell] = dict(zip(self.combinations[k], map(int, levels), strict=True))
        return self._conditions[cell]

    def cell(self, conditions: Conditions) -> int:
        """The number of the cell with these conditions."""
        k = self._place[tuple(sorted(conditions))]
        return int(self.starts[k] + np.ravel_multi_index([conditions[a] for a in sorted(conditions)], self.shapes[k]))

    def levels_of(self, cells: np.ndarray) -> np.ndarray:
        """The level of each condition of some cells, numbered over all attributes: condition × cell; `levels`, one too many, where a cell has fewer."""
        out, first = np.full((self.depth, len(cells)), self.levels), np.concatenate([[0], np.cumsum(self.cards)]).astype(int)
        for k in np.unique(places := np.searchsorted(self.starts, cells, "right") - 1):
            here = np.flatnonzero(places == k)
            for axis, levels in enumerate(np.unravel_index(cells[here] - self.starts[k], self.shapes[k])):
                out[axis, here] = first[self.combinations[k][axis]] + levels
        return out

    def having(self, attribute: int, level: int) -> np.ndarray:
        """Which cells have this level among their conditions."""
        found = np.zeros(self.size, bool)
        for combination in self.combinations:
            if attribute in combination:
                self.table(found, combination)[(slice(None),) * combination.index(attribute) + (level,)] = True
        return found

    @cached_property
    def _numbers(self) -> list[np.ndarray]:
        """Per combination the numbers of its cells, one axis per attribute."""
        every = np.arange(self.size)
        return [self.table(every, combination) for combination in self.combinations]

    def forget(self) -> None:
        """Give up the index: no more sums are likely to be asked for."""
        if self._kept:
            self._kept.clear()

    def _members(self, attribute: int, level: int) -> np.ndarray:
        """The patterns that have a level."""
        if (attribute, level) not in self._of_level:
            self._of_level[attribute, level] = np.flatnonzero(self.codes[attribute] == level).astype(np.int32)
        return self._of_level[attribute, level]

    def rows(self, conditions: Conditions, among: np.ndarray | None = None) -> np.ndarray:
        """The patterns that satisfy the conditions, of all or `among` some."""
        if among is None:
            return self._rows_of(tuple(sorted(conditions.items())))
        for attribute, level in conditions.items():
            among = among[self.codes[attribute][among] == level]
        return among

    def _rows_of(self, conditions: tuple[tuple[int, int], ...]) -> np.ndarray:
        """Kept of the deepest cells only, whose patterns are few and asked for again with each area that may hold some of them."""
        if conditions in self._deepest:
            return self._deepest[conditions]
        left = dict(conditions)
        rarest = min(left, key=lambda a: self._often[a][left[a]])
        among = self._members(rarest, left.pop(rarest))
        found = self.rows(left, among)
        if len(conditions) == self.depth > 1:
            self._deepest[conditions] = found
        return found

    def within(self, sums: np.ndarray, conditions: Conditions, free: Combination) -> np.ndarray:
        """The part of `sums` where the conditions hold, as a table by the `free` attributes."""
        combination = tuple(sorted((*conditions, *free)))
        return self.table(sums, combination)[tuple(conditions.get(a, slice(None)) for a in combination)]

    def by_level(self, conditions: Conditions, values: np.ndarray, sums: np.ndarray) -> np.ndarray:
        """What `values` add up to per level, of all attributes in turn, where the conditions hold. sums: those of `values`."""
        if len(conditions) == self.depth:
            return self.counted(self.rows(conditions), values)
        parts = [np.zeros(k) if a in conditions else self.within(sums, conditions, (a,)) for a, k in enumerate(self.cards)]
        for a, level in conditions.items():
            parts[a][level] = sums[self.cell(conditions)]
        return np.concatenate(parts)

    def counted(self, rows: np.ndarray, values: np.ndarray) -> np.ndarray:
        """The same of some patterns, one by one."""
        return np.concatenate([np.bincount(self.codes[a][rows], values[rows], k) for a, k in enumerate(self.cards)])

    def inside(self, conditions: Conditions, values: np.ndarray, sums: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The cells that share a condition with `conditions`, and what `values` add up to where both hold. sums: those of `values`."""
        local: dict[Combination, np.ndarray] = {(): sums[self.cell(conditions)][None]}
        rows = self.rows(conditions) if len(conditions) > 1 else None  # of a single level, the cube has all that is asked for
        cells, common = [], []
        for k, combination in enumerate(self.combinations):
            free = tuple(a for a in combination if a not in conditions)
            if len(free) == len(combination):
                continue
            if free not in local and len(free) + len(conditions) <= self.depth:
                local[free] = self.within(sums, conditions, free).ravel()
            elif free not in local:
                local[free] = np.bincount(_numbered(self.codes[:, rows], self.cards, free), values[rows], math.prod(self.cards[a] for a in free))
            cells.append(np.atleast_1d(self._numbers[k][tuple(conditions.get(a, slice(None)) for a in combination)]).ravel())
            common.append(local[free])
        return np.concatenate(cells), np.concatenate(common)


def _numbered(codes: np.ndarray, cards: tuple[int, ...], attributes: Combination) -> np.ndarray:
    """Each pattern's place in the dense table by some attributes."""
    cells = math.prod(cards[a] for a in attributes)
    place = codes[attributes[0]].astype(np.min_scalar_type(cells))  # the narrowest that holds them all: half the work is moving numbers
    for a in attributes[1:]:
        place *= place.dtype.type(cards[a])
        place += codes[a]
    return place


@lru_cache(64)
def cheapest(cards: tuple[int, ...], depth: int, patterns: int) -> dict[Combination, list[Combination]]:
    """The blocks that need least work: each looks at every pattern once, and adds up its table for each combination taken from it."""

    def work(found: dict[Combination, list[Combination]]) -> float:
        return sum(patterns + math.prod(cards[a] for a in block) * len(parts) / 2 for block, parts in found.items())

    return min((blocks(cards, depth, widest) for widest in WIDTHS), key=work)


def blocks(cards: tuple[int, ...], depth: int, widest: int) -> dict[Combination, list[Combination]]:
    """Few sets of attributes in which every combination up to `depth` lies, each with the combinations that are taken from it.

    A block's dense table has at most `widest` cells, unless it is a single combination. Greedy: from the largest combination that is
    left, add the attribute that brings in most of the others.
    """
    left = set(itertools.combinations(range(len(cards)), depth))
    found: dict[Combination, list[Combination]] = {}
    for combination in sorted(left, key=lambda c: (-math.prod(cards[a] for a in c), c)):
        if combination in left:
            block = _grown(combination, left, cards, depth, widest)
            found[block] = sorted(left & set(itertools.combinations(block, depth)))
            left -= {*found[block]}
    taken: set[Combination] = set()
    for block, parts in found.items():
        narrower = [c for d in range(depth - 1, 0, -1) for c in itertools.combinations(block, d) if c not in taken]
        taken |= {*narrower}
        parts.extend(narrower)
    return found


def _grown(block: Combination, left: set[Combination], cards: tuple[int, ...], depth: int, widest: int) -> Combination:
    while True:
        wider = [tuple(sorted((*block, a))) for a in range(len(cards)) if a not in block]
        wider = [b for b in wider if math.prod(cards[a] for a in b) <= widest]
        if not wider:
            return block
        block = max(wider, key=lambda b: (len(left & set(itertools.combinations(b, depth))), -math.prod(cards[a] for a in b), b))
